//! Who answers: chaos, the script, the fallback, in this order.

use crate::api::error::ApiError;
use crate::api::scenario;
use crate::budget::{self, Budget};
use crate::call::Call;
use crate::exchange::transcript;
use crate::exchange::{Outcome, Waiting};
use crate::log;
use crate::matching::View;
use crate::options::{FallbackName, LogLevel};
use crate::prompt::Prompt;
use crate::reply::fault::Fault;
use crate::reply::json::Fallback;
use crate::reply::pace::Pace;
use crate::reply::{Arriving, Ask, Generate, Reply, Say};
use crate::responders::callback::Given;
use crate::responders::{chaos, echo, generate, request};
use std::sync::Arc;

/// A reply and where it came from.
pub(super) struct Found {
    pub(super) reply: Arc<Reply>,
    pub(super) arriving: Option<Arriving>,
    pub(super) fault: Option<Fault>,
    /// Of the reply itself, then of its rule's fault-alone partner.
    pub(super) pace: Pace,
    pub(super) scripted: bool,
}

impl Found {
    pub(super) fn new(reply: Arc<Reply>) -> Self {
        Found { fault: reply.fault.clone(), pace: reply.pace.clone(), reply, arriving: None, scripted: false }
    }

    /// A fault alone, and its pace, come over this reply.
    pub(super) fn broken_by(&mut self, over: Found) {
        self.fault = over.fault.or(self.fault.take());
        self.pace = over.pace.or(&self.pace);
    }
}

/// What the script said.
#[derive(Default)]
pub(super) struct Asked {
    pub(super) found: Option<Found>,
    /// A fault, pace and overrides for the fallback's answer (a rule with a fault alone).
    pub(super) overlay: Option<Found>,
    /// Why nothing matched.
    pub(super) miss: Option<String>,
}

/// Asks the script; functions that pass let the scan go on below.
pub(super) async fn from_script(call: &Call, prompt: Option<&Prompt>, view: &View<'_>) -> Result<Asked, ApiError> {
    let shared = call.shared.clone();
    let mut after = None;
    let mut nothing = Asked::default();
    loop {
        let picked = match call.session.pick(&shared, view, after) {
            None => return Ok(nothing),
            Some(Ok(Some(picked))) => picked,
            Some(Ok(None)) => return Ok(nothing),
            Some(Err(miss)) if miss.is_expectation() => {
                call.exchange.note(|record| {
                    record.outcome = Outcome::Scripted;
                    record.explanation = Some(miss.message.clone());
                });
                return Err(ApiError::emulator("expectation_failed", miss.message));
            }
            Some(Err(miss)) => {
                nothing.miss = Some(miss.message);
                return Ok(nothing);
            }
        };
        // Noted first: a function that throws is this rule's failure.
        let before = call.exchange.note(|record| {
            record.rule = Some(picked.rule.clone());
            std::mem::replace(&mut record.outcome, Outcome::Scripted)
        });
        let mut found = match &picked.reply.say {
            Say::Ask(Ask::Callback(number)) => match from_function(call, view, *number).await? {
                Some(found) => found,
                None => {
                    call.exchange.note(|record| {
                        record.outcome = before;
                        record.rule = None;
                    });
                    call.session.put_back(&shared, &picked);
                    after = Some(picked.index);
                    continue;
                }
            },
            _ => Found::new(picked.reply.clone()),
        };
        found.scripted = true;
        found.pace = found.pace.or(&picked.reply.pace);
        found.fault = found.fault.or_else(|| picked.reply.fault.clone());
        if matches!(found.reply.say, Say::Nothing) && prompt.is_some() {
            nothing.overlay = Some(found);
            return Ok(nothing);
        }
        if let Say::Ask(ask) = &found.reply.say {
            let Some(prompt) = prompt else { return Ok(nothing) };
            let reply = from_responder(call, prompt, ask).await?;
            let overlay = std::mem::replace(&mut found.reply, Arc::new(reply));
            found.pace = found.pace.or(&overlay.pace);
        }
        nothing.found = Some(found);
        return Ok(nothing);
    }
}

/// Lets a function answer; `None` = it passes.
async fn from_function(call: &Call, view: &View<'_>, number: u64) -> Result<Option<Found>, ApiError> {
    let request = request::request(view, &call.session.label());
    call.exchange.wait_for(Some(Waiting::Function));
    let given = call.emulator.callbacks.call(number, &request).await;
    call.exchange.wait_for(None);
    Ok(match given? {
        Given::Reply(reply) => Some(Found::new(Arc::from(reply))),
        Given::Streaming(mut arriving) => {
            // By then the answer may have begun, or been given up: the failure is the exchange's all the same.
            let exchange = call.exchange.clone();
            arriving.on_failure(move |error| exchange.complain(error));
            Some(Found { arriving: Some(arriving), ..Found::new(Arc::new(Reply::default())) })
        }
        Given::Pass => None,
    })
}

/// Lets the responder a step names answer.
async fn from_responder(call: &Call, prompt: &Prompt, ask: &Ask) -> Result<Reply, ApiError> {
    let random = call.random.fork("text");
    match ask {
        Ask::Echo => {
            let job = move |prompt: &Prompt, budget: &Budget| echo::reply(prompt, &mut random.clone(), budget);
            budget::work(&call.budget, prompt, job).await
        }
        Ask::Generate(options) => {
            let (options, defaults) = (options.clone(), call.emulator.generate_defaults());
            let job = move |prompt: &Prompt, budget: &Budget| {
                generate::reply(prompt, &options, &defaults, &mut random.clone(), budget)
            };
            budget::work(&call.budget, prompt, job).await
        }
        Ask::Callback(_) => {
            Err(ApiError::emulator("reply_function_failed", "A reply function gave another reply function."))
        }
        Ask::Upstream | Ask::Replay | Ask::Manual => Err(ApiError::emulator(
            "responder_not_available",
            "This build has no upstream, cassettes or operator page: answer this step with a reply, `echo` or `generate`.",
        )),
    }
}

/// Chaos, script, fallback.
pub(super) async fn respond(call: &Call, prompt: &Prompt) -> Result<Found, ApiError> {
    // A turn that is taken again brings the same ones.
    let _ = call.exchange.tool_results.set(request::tool_results(prompt));
    let asked = ask(call, prompt).await?;
    let scenario = || {
        let fault = scenario::fault(&prompt.model)?;
        Some(Found::new(Arc::new(Reply { say: Say::Nothing, fault: Some(fault), ..Reply::default() })))
    };
    let overlay = asked.overlay.or_else(scenario);
    let mut found = match asked.found {
        Some(found) => found,
        None => fallback(call, prompt, asked.miss, overlay.is_some()).await?,
    };
    if let Some(over) = overlay {
        found.broken_by(over);
    }
    Ok(found)
}

/// Chaos and script: what every turn asks before anything is computed.
pub(super) async fn ask(call: &Call, prompt: &Prompt) -> Result<Asked, ApiError> {
    let user_text = prompt.user_text();
    if let Ok(mut asked) = call.exchange.asked.lock() {
        asked.clone_from(&user_text);
    }
    let struck = match strike(call) {
        Some(found) if !matches!(found.reply.say, Say::Nothing) => {
            return Ok(Asked { found: Some(found), ..Asked::default() });
        }
        fault => fault,
    };
    let mut asked = from_script(call, Some(prompt), &call.view(Some(prompt), &user_text)).await?;
    asked.overlay = asked.overlay.or(struck);
    Ok(asked)
}

/// The failure the session's chaos profile has for this turn; every call counts one.
fn strike(call: &Call) -> Option<Found> {
    let chaos = call.defaults.chaos.as_deref().filter(|chaos| !chaos.is_empty())?;
    let struck = chaos::strike(chaos, call.session.counts_turn(), &mut call.random.fork("chaos"))?;
    call.exchange.note(|record| record.outcome = Outcome::Faulted);
    Some(Found::new(struck))
}

/// What answers when no rule does.
async fn fallback(call: &Call, prompt: &Prompt, miss: Option<String>, broken_anyway: bool) -> Result<Found, ApiError> {
    let (settings, shared) = (&call.emulator.settings, &call.shared);
    let wanted = call.defaults.fallback.as_ref();
    let ask = async |ask: Ask| Ok(Found::new(Arc::new(from_responder(call, prompt, &ask).await?)));
    call.exchange.note(|record| {
        if record.outcome == Outcome::Served {
            record.outcome = Outcome::Fallback;
        }
    });
    let function = match wanted {
        Some(Fallback::Reply(reply)) => match &reply.say {
            Say::Ask(Ask::Callback(number)) => Some(*number),
            _ => None,
        },
        _ => None,
    };
    let wanted = match function {
        None => wanted,
        Some(number) => match from_function(call, &call.view(Some(prompt), &prompt.user_text()), number).await? {
            Some(found) => return Ok(found),
            None => Some(&Fallback::Error),
        },
    };
    match wanted {
        Some(Fallback::Echo) => ask(Ask::Echo).await,
        Some(Fallback::Generate) => ask(Ask::Generate(Generate::default())).await,
        Some(Fallback::Manual) => ask(Ask::Manual).await,
        Some(Fallback::Upstream) => ask(Ask::Upstream).await,
        Some(Fallback::Replay) => ask(Ask::Replay).await,
        Some(Fallback::Reply(reply)) => match &reply.say {
            Say::Ask(inner) => ask(inner.clone()).await,
            _ => Ok(Found::new(reply.clone())),
        },
        None if !call.session.has_script(shared) && settings.fallback == FallbackName::Echo => ask(Ask::Echo).await,
        None if !call.session.has_script(shared) && settings.fallback == FallbackName::Generate => {
            ask(Ask::Generate(Generate::default())).await
        }
        // A fault alone needs some answer to break; the fallback that would refuse has none.
        _ if broken_anyway => ask(Ask::Echo).await,
        _ => {
            let message =
                miss.unwrap_or_else(|| transcript::no_script(&call.session, call.operation.name, &prompt.user_text()));
            call.exchange.note(|record| {
                record.outcome = Outcome::NoMatch;
                record.explanation = Some(message.clone());
            });
            let message = message + &transcript::earlier(&call.session, &call.exchange);
            if call.emulator.settings.log_level != LogLevel::Error {
                log::warn(&message);
            }
            Err(ApiError::emulator("no_matching_rule", message))
        }
    }
}
