//! What can be done with a stored response, and the operations that only count or shorten its input.

use crate::api::conversations;
use crate::api::list::{Order, Page};
use crate::api::responses::background;
use crate::api::responses::items::Maker;
use crate::api::responses::record::{ResponseRecord, Status};
use crate::api::responses::request::{Request, text};
use crate::api::responses::stream::ResponseEvents;
use crate::session::jobs::HeldJob;
use crate::turn::answer::Answer;
use crate::turn::answer::Body;
use crate::turn::call::Call;
use crate::turn::call::HandlerFuture;
use crate::turn::usage::wire;
use crate::wire::dialect::Dialect;
use crate::wire::error::ApiError;
use serde_json::{Value, json};
use std::collections::HashMap;
use std::sync::Arc;

async fn find(call: &Call) -> Result<ResponseRecord, ApiError> {
    let id = call.param("response_id");
    call.session.store.get(id).await.ok_or_else(|| unknown(id))
}

fn unknown(id: &str) -> ApiError {
    ApiError::new(404, format!("Response with id '{id}' not found."))
}

/// The response with its outcome, which somebody sees now: it can no longer be stopped. One that was stopped in between
/// stays so.
async fn settle(call: &Call, record: ResponseRecord) -> ResponseRecord {
    if record.job.as_ref().is_none_or(HeldJob::is_settled) {
        return record;
    }
    let settled = |record: &mut ResponseRecord| {
        if let Some(job) = &mut record.job {
            job.settle();
        }
        record.clone()
    };
    let seen = call.session.store.change(&record.frame.id, settled).await;
    call.session.behind.over(&record.frame.id);
    seen.unwrap_or(record)
}

/// `GET /responses/{id}`: the object as it is now, or with `stream=true` its events. `include` shows what it did not
/// when the response was made.
pub(super) fn retrieve(call: Call) -> HandlerFuture {
    Box::pin(async move {
        let mut record = find(&call).await?;
        let streams = call.query("stream") == Some("true");
        if let (true, Some(job)) = (streams, &record.job) {
            call.exchange.wait_until(job.due());
            job.wait(&call.session).await;
            // What a person said stands in it only now.
            record = find(&call).await?;
        }
        let state = record.job.as_ref().and_then(|job| job.state(&call.session)).map(Status::of);
        if state.is_none() {
            record = settle(&call, record).await;
        }
        if call.query("include").is_some() {
            record = record.including(|word| call.queries("include").any(|asked| asked == word));
        }
        if streams {
            let after = call.query("starting_after").and_then(|number| number.parse().ok());
            let plain = call.query("include_obfuscation") == Some("false");
            let events = ResponseEvents::replay(Arc::new(record)).after(after).obfuscate(!plain);
            return Ok(Answer::ok(Body::Events(Box::new(events))));
        }
        let shown = state.map_or_else(|| record.object(), |status| record.begun(status));
        Ok(Answer::polled(&shown, record.job.is_some()))
    })
}

/// `DELETE /responses/{id}` (recording 317f5d247fa80fae).
pub(super) fn delete(call: Call) -> HandlerFuture {
    Box::pin(async move {
        let id = call.param("response_id");
        let deleted = find(&call).await?;
        if !call.session.store.remove::<ResponseRecord>(id).await {
            return Err(unknown(id));
        }
        background::stop(&call.session, &deleted);
        Ok(Answer::json(&json!({"id": id, "object": "response.deleted", "deleted": true})))
    })
}

/// Why a response was not stopped.
enum Unstopped {
    /// It is over.
    Over(Box<ResponseRecord>),
    Refused(ApiError),
}

impl From<ApiError> for Unstopped {
    fn from(error: ApiError) -> Self {
        Unstopped::Refused(error)
    }
}

/// `POST /responses/{id}/cancel`: only what runs in the background can be cancelled, in any of its states; once it is
/// over, the call changes nothing.
pub(super) fn cancel(call: Call) -> HandlerFuture {
    Box::pin(async move {
        let (id, store) = (call.param("response_id"), &call.session.store);
        let stop = |record: &mut ResponseRecord| {
            if !record.job.as_ref().is_some_and(|job| job.runs(&call.session)) {
                return Err(Unstopped::Over(Box::new(record.clone())));
            }
            let cancelled = record.cancelled();
            Ok((cancelled.clone(), std::mem::replace(record, cancelled)))
        };
        match store.update(id, stop).await {
            None => Err(unknown(id)),
            Some(Err(Unstopped::Refused(error))) => Err(error),
            Some(Err(Unstopped::Over(record))) if record.frame.background => Ok(Answer::json(&record.object())),
            Some(Err(Unstopped::Over(_))) => Err(ApiError::invalid("Cannot cancel a synchronous response.")),
            Some(Ok((cancelled, stopped))) => {
                background::stop(&call.session, &stopped);
                conversations::take_back(store, &stopped).await;
                Ok(Answer::json(&cancelled.object()))
            }
        }
    })
}

/// `GET /responses/{id}/input_items` (recording dc1f10aa482d10dc).
pub(super) fn list_input_items(call: Call) -> HandlerFuture {
    Box::pin(async move {
        let record = find(&call).await?;
        Ok(Answer::json(&Page::asked(&call, record.input, Order::NewestFirst)))
    })
}

/// `POST /responses/input_tokens`: the same number a real call would report (recording 5a0a9fe31f8769c7).
pub(super) fn count_input_tokens(call: Call) -> HandlerFuture {
    Box::pin(async move {
        let request = Request::read(&call).await?;
        let model = call.model(&request.prompt.model);
        let counted = call.counter().count(&request.prompt, &[], &model, Dialect::Responses);
        let input_tokens = counted.prompt;
        Ok(Answer::json(&json!({"object": "response.input_tokens", "input_tokens": input_tokens})))
    })
}

/// Tokens of what asks for the summary.
const SUMMARY: u64 = 93;

/// `POST /responses/compact`: the user's messages stay, everything else becomes one sealed item (recording
/// aecc7c1997c3c716).
pub(super) fn compact(call: Call) -> HandlerFuture {
    Box::pin(async move {
        let mut request = Request::read(&call).await?;
        let model = call.model(&request.prompt.model);
        let id = request.family.response(&mut request.random);
        let mut counted = call.counter().count(&request.prompt, &[], &model, Dialect::Responses);
        counted.prompt += SUMMARY;
        let mut output: Vec<Value> =
            request.items().filter(|item| text(item, "role") == Some("user")).cloned().collect();
        let mut maker = Maker {
            family: request.family.clone(),
            random: request.random.clone(),
            created: call.created(),
            phases: false,
            included: Vec::new(),
            namespaces: HashMap::new(),
            search: None,
            found: Vec::new(),
            container: None,
            left: Vec::new(),
        };
        let id_of_item = maker.family.item("cmp", &mut maker.random);
        output.push(json!({"id": id_of_item, "type": "compaction", "encrypted_content": maker.sealed()}));
        Ok(Answer::json(&json!({
            "id": id,
            "object": "response.compaction",
            "created_at": call.created(),
            "output": output,
            "usage": wire::responses(&counted),
        })))
    })
}
