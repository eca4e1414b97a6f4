//! Who may answer a turn, in order. A new source of answers is a file here with a [`Responder`]; none knows an endpoint.

mod breakpoint;
pub(crate) mod callback;
pub(crate) mod cassette;
pub(crate) mod chaos;
pub(crate) mod echo;
mod fallback;
mod operator;
mod queue;
pub(crate) mod request;
pub(crate) mod scenario;
pub(crate) mod script;
pub(crate) mod upstream;

use crate::turn::{Found, Responder, Response, Turn};
use crate::wire::error::ApiError;

/// All of them. A model that another server answers is the last of what a test asked for; then comes whatever is left.
const ORDER: [&dyn Responder; 6] = [
    &scenario::Scenario,
    &chaos::ChaosResponder,
    &queue::PresetQueue,
    &script::Scripted,
    &upstream::UpstreamOfModel,
    &fallback::FallbackResponder,
];

/// Those that a test wrote something for: every operation with a turn asks them.
const SCRIPTED: usize = ORDER.len() - 1;

/// The reply to a turn.
///
/// # Errors
/// A responder's, or `no_matching_rule` when nobody answers.
pub(crate) async fn find(turn: &mut Turn<'_>) -> Result<Found, ApiError> {
    looked(turn)?;
    let found = answer(turn).await;
    breakpoint::stop(turn, found).await
}

/// Ends a turn that is only looked at: nobody is asked, and nothing changes.
fn looked(turn: &Turn<'_>) -> Result<(), ApiError> {
    let Some(look) = &turn.call.look else { return Ok(()) };
    look(&turn.view());
    Err(ApiError::invalid("The turn was only looked at."))
}

async fn answer(turn: &mut Turn<'_>) -> Result<Found, ApiError> {
    match ask(&ORDER, turn).await? {
        Some(found) => Ok(found),
        None => Err(fallback::nobody(turn)),
    }
}

/// What a test has for a turn that the emulator answers by itself otherwise (embeddings, moderations …): a reply, or
/// only what comes over the emulator's own.
pub(crate) async fn scripted(turn: &mut Turn<'_>) -> Result<Option<Found>, ApiError> {
    looked(turn)?;
    let found = match ask(&ORDER[..SCRIPTED], turn).await.transpose() {
        Some(found) => Some(breakpoint::stop(turn, found).await?),
        None => None,
    };
    match turn.call.exchange.refusal.get() {
        // The emulator's own is a reply too.
        Some(refusal) if found.is_none() => Err((**refusal).clone()),
        _ => Ok(found.or_else(|| turn.over.take().map(Found::from))),
    }
}

/// What the script has for an operation that takes no turn: rules that name it.
pub(crate) async fn intercept(turn: &mut Turn<'_>) -> Result<Option<Found>, ApiError> {
    ask(&[&script::Scripted], turn).await
}

/// Asks one responder; the journal knows who answers, the innermost if one lets another answer.
async fn by(responder: &dyn Responder, turn: &Turn<'_>) -> Result<Response, ApiError> {
    let response = responder.reply(turn).await?;
    if matches!(response, Response::Reply(_)) {
        turn.call.exchange.note(|record| record.by = record.by.or(Some(responder.name())));
    }
    Ok(response)
}

/// Asks one after the other; the first reply is taken, with what others want over it.
async fn ask(responders: &[&dyn Responder], turn: &mut Turn<'_>) -> Result<Option<Found>, ApiError> {
    for responder in responders {
        if responder.is_idle(turn) {
            continue;
        }
        match by(*responder, turn).await? {
            Response::Pass(None) => {}
            Response::Pass(reason) => turn.missed = reason,
            Response::Over(over) => turn.over = Some(over),
            Response::Reply(found) => {
                return Ok(Some(match turn.over.take() {
                    Some(over) => found.broken_by(over),
                    None => found,
                }));
            }
        }
    }
    Ok(None)
}
