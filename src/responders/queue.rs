//! A preset queue as a responder: of the session, then of the client's address.

use crate::desk::summary::{address, completed};
use crate::reply::Say;
use crate::responders::script;
use crate::session::exchange::Outcome;
use crate::surface::Family;
use crate::turn::{Answering, Found, Responder, Response, Turn};
use crate::wire::error::ApiError;
use serde_json::json;

/// The queue that has something for whoever asks.
pub(crate) struct PresetQueue;

impl Responder for PresetQueue {
    fn name(&self) -> &'static str {
        "queue"
    }

    fn is_idle(&self, turn: &Turn) -> bool {
        turn.call.operation.family != Family::Text || turn.call.emulator.desk.queues.is_empty()
    }

    fn reply<'a>(&'a self, turn: &'a Turn<'a>) -> Answering<'a> {
        Box::pin(async move { Ok(take(turn).await?.map_or(Response::Pass(None), Response::Reply)) })
    }
}

async fn take(turn: &Turn<'_>) -> Result<Option<Found>, ApiError> {
    let call = turn.call;
    let desk = &call.emulator.desk;
    let Some(prompt) = turn.prompt else { return Ok(None) };
    // An answer that is refused in the end takes nothing.
    if call.exchange.refusal.get().is_some() {
        return Ok(None);
    }
    let client = address(&call.exchange);
    let session = format!("session:{}", call.session.label());
    let Some((queue, used)) = desk.queues.take_once(&[&session, &client]).await? else { return Ok(None) };
    call.exchange.note(|record| record.outcome = Outcome::Scripted);
    desk.events.tell("queue_updated", || json!({"ip": queue}));
    if let Say::Ask(_) = used.reply.say {
        // Whom it names answers, and tells of it; one that passes leaves the request to those below the queue.
        return Ok(script::answer(&used.reply, turn).await?.map(|found| Found { scripted: true, ..found }));
    }
    desk.events.tell("completed_request", || completed(&call.exchange, &used.response, used.status, "queue"));
    let meant = used.meant.filter(|_| prompt.stream || used.fill);
    // A body that is sent as it is may be anything.
    let scripted = meant.is_none();
    Ok(Some(Found { scripted, ..Found::new(meant.unwrap_or(used.reply)) }))
}
