//! The script as a responder.

use crate::prompt::Prompt;
use crate::reply::{Reply, Say};
use crate::responders::fallback::named;
use crate::runtime;
use crate::session::exchange::Outcome;
use crate::turn::{Answering, Found, Responder, Response, Turn};
use crate::wire::error::ApiError;
use std::sync::Arc;

/// The session's script, else the shared one.
pub(crate) struct Scripted;

impl Responder for Scripted {
    fn name(&self) -> &'static str {
        "script"
    }

    fn reply<'a>(&'a self, turn: &'a Turn<'a>) -> Answering<'a> {
        Box::pin(scan(turn))
    }
}

/// Takes a step; functions that pass let the scan go on below.
async fn scan(turn: &Turn<'_>) -> Result<Response, ApiError> {
    let call = turn.call;
    let view = turn.view();
    let size = turn.prompt.map_or(0, Prompt::size);
    let Some(script) = call.session.script(&call.shared) else { return Ok(Response::Pass(None)) };
    let mut after = None;
    loop {
        let picked = match runtime::aside(size, || script.pick(&view, after)) {
            Ok(None) => return Ok(Response::Pass(None)),
            Ok(Some(picked)) => picked,
            Err(miss) if miss.is_expectation() => {
                call.exchange.note(|record| {
                    record.outcome = Outcome::Scripted;
                    record.explanation = Some(miss.message.clone());
                });
                return Err(ApiError::emulator("expectation_failed", miss.message));
            }
            Err(miss) => return Ok(Response::Pass(Some(miss.message))),
        };
        if let Some(refusal) = call.exchange.refusal.get() {
            script.put_back(&picked);
            return Err((**refusal).clone());
        }
        // Noted first: a function that throws is this rule's failure.
        let before = call.exchange.note(|record| {
            record.rule = Some(picked.rule.clone());
            std::mem::replace(&mut record.outcome, Outcome::Scripted)
        });
        let mut found = match answer(&picked.reply, turn).await? {
            Some(found) => found,
            None => {
                call.exchange.note(|record| {
                    record.outcome = before;
                    record.rule = None;
                });
                script.put_back(&picked);
                after = Some(picked.index);
                continue;
            }
        };
        found.scripted = true;
        return Ok(match found.reply.say {
            Say::Nothing if turn.prompt.is_some() => Response::Over(found.over()),
            _ => Response::Reply(found),
        });
    }
}

/// A reply that a test wrote: as written, or of whom it names. `None` = whom it names passes.
pub(super) async fn answer(reply: &Arc<Reply>, turn: &Turn<'_>) -> Result<Option<Found>, ApiError> {
    let Say::Ask(ask) = &reply.say else { return Ok(Some(Found::new(reply.clone()))) };
    let found = match named(ask, turn).await? {
        Response::Reply(found) => found.or(reply),
        _ => return Ok(None),
    };
    // A function may name a responder in its turn.
    match &found.reply.say {
        Say::Ask(ask) => match named(ask, turn).await? {
            Response::Reply(inner) => Ok(Some(inner.broken_by(found.over()))),
            _ => Ok(None),
        },
        _ => Ok(Some(found)),
    }
}
