//! What answers when nothing else did: the session's `defaults.fallback`, else an error if it has a script, else the
//! option.

use crate::generate::Generated;
use crate::log;
use crate::options::LogLevel;
use crate::reply::{Ask, Generate, Say};
use crate::responders::by;
use crate::responders::callback::Callback;
use crate::responders::cassette::Recorded;
use crate::responders::echo::Echo;
use crate::responders::operator::Operator;
use crate::responders::script;
use crate::responders::upstream::AskUpstream;
use crate::script::{Fallback, FallbackName};
use crate::session::exchange::Outcome;
use crate::session::transcript;
use crate::turn::{Answering, Responder, Response, Turn};
use crate::wire::error::ApiError;

/// The end of the order.
pub(super) struct FallbackResponder;

impl Responder for FallbackResponder {
    fn name(&self) -> &'static str {
        "fallback"
    }

    fn reply<'a>(&'a self, turn: &'a Turn<'a>) -> Answering<'a> {
        Box::pin(answer(turn, true))
    }
}

/// The fallback's answer. `asks` = where that is a person, the person is asked; who was asked already and lets it go gets
/// what is made up.
pub(super) async fn answer(turn: &Turn<'_>, asks: bool) -> Result<Response, ApiError> {
    let call = turn.call;
    call.exchange.note(|record| {
        if record.outcome == Outcome::Served {
            record.outcome = Outcome::Fallback;
        }
    });
    let unscripted = !call.session.has_script(&call.shared);
    let own = call.emulator.cassettes.own(&call.session);
    let fallback = match (&call.defaults.fallback, own) {
        (Some(fallback), _) => fallback,
        // A session with a cassette of its own was given it to be answered from.
        (None, Some(tape)) if tape.wants() => &Fallback::Named(FallbackName::Upstream),
        (None, Some(_)) => &Fallback::Named(FallbackName::Replay),
        (None, None) if unscripted => &Fallback::Named(call.emulator.settings.fallback),
        (None, None) => &Fallback::Named(FallbackName::Error),
    };
    let response = match fallback {
        Fallback::Reply(reply) => match script::answer(reply, turn).await? {
            // A fault alone needs some answer to break.
            Some(found) if matches!(found.reply.say, Say::Nothing) => match by(&Echo, turn).await? {
                Response::Reply(echo) => Response::Reply(echo.broken_by(found.over())),
                other => other,
            },
            Some(found) => Response::Reply(found),
            None => Response::Pass(None),
        },
        Fallback::Named(FallbackName::Error) => Response::Pass(None),
        Fallback::Named(FallbackName::Echo) => by(&Echo, turn).await?,
        Fallback::Named(FallbackName::Generate) => by(&Generated(Generate::default()), turn).await?,
        Fallback::Named(FallbackName::Upstream) => by(&AskUpstream::default(), turn).await?,
        Fallback::Named(FallbackName::Manual) if asks => by(&Operator::default(), turn).await?,
        Fallback::Named(FallbackName::Manual) => by(&Generated(Generate::default()), turn).await?,
        Fallback::Named(FallbackName::Replay) => by(&Recorded, turn).await?,
    };
    Ok(match response {
        // The fallback that would refuse gives no answer to break.
        Response::Pass(_) if turn.over.is_some() => by(&Echo, turn).await?,
        response => response,
    })
}

/// Lets the responder that a reply names answer this turn.
pub(super) async fn named(ask: &Ask, turn: &Turn<'_>) -> Result<Response, ApiError> {
    match ask {
        Ask::Echo => by(&Echo, turn).await,
        Ask::Generate(options) => by(&Generated(options.clone()), turn).await,
        Ask::Replay => by(&Recorded, turn).await,
        Ask::Manual(options) => by(&Operator(options.clone()), turn).await,
        Ask::Upstream(options) => by(&AskUpstream(options.clone()), turn).await,
        Ask::Callback(number) => by(&Callback(*number), turn).await,
    }
}

/// The error of a turn that nobody answers.
pub(super) fn nobody(turn: &Turn<'_>) -> ApiError {
    let call = turn.call;
    let unscripted = || transcript::no_script(&call.session, call.operation.name, &turn.user_text);
    let message = turn.missed.clone().unwrap_or_else(unscripted);
    call.exchange.note(|record| {
        record.outcome = Outcome::NoMatch;
        record.explanation = Some(message.clone());
    });
    let message = message + &transcript::earlier(&call.session, &call.exchange);
    if call.emulator.settings.log_level != LogLevel::Error {
        log::warn(&message);
    }
    ApiError::emulator("no_matching_rule", message)
}
