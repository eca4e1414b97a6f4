//! What can be done with a stored response, and the operations that only count or shorten its input.

use super::items::Maker;
use super::record::{End, Record, Status};
use super::request::{Request, text};
use super::stream::ResponseEvents;
use crate::api::answer::{Answer, Body};
use crate::api::conversations::Conversation;
use crate::api::error::ApiError;
use crate::api::list::{Order, Page};
use crate::api::usage::{Api, wire};
use crate::call::{Call, HandlerFuture};
use serde_json::{Value, json};
use std::collections::HashMap;
use std::sync::Arc;

/// Tells clients that poll to come back in 10 ms, not in 5 s.
pub fn poll_soon() -> (String, String) {
    ("openai-poll-after-ms".into(), "10".into())
}

fn find(call: &Call) -> Result<Arc<Record>, ApiError> {
    let id = call.param("response_id");
    let found = call.session.store().shelf::<Arc<Record>>().get(id).cloned();
    found.ok_or_else(|| ApiError::new(404, format!("Response with id '{id}' not found.")))
}

/// `GET /responses/{id}`: the object as it is now, or with `stream=true` its events. `include` shows what it did not
/// when the response was made.
pub fn retrieve(call: Call) -> HandlerFuture {
    Box::pin(async move {
        let mut record = find(&call)?;
        if call.query("include").is_some() {
            record = Arc::new(record.including(|word| call.queries("include").any(|asked| asked == word)));
        }
        let clock = &call.session.clock;
        if call.query("stream") == Some("true") {
            if let Some(job) = &record.job {
                job.wait(clock).await;
            }
            let after = call.query("starting_after").and_then(|number| number.parse().ok());
            let plain = call.query("include_obfuscation") == Some("false");
            let events = ResponseEvents::replay(record).after(after).obfuscate(!plain);
            return Ok(Answer::ok(Body::Events(Box::new(events))));
        }
        let Some(job) = &record.job else { return Ok(Answer::json(&record.object())) };
        let object = if job.done(clock) { record.object() } else { record.begun(Status::InProgress) };
        let mut answer = Answer::json(&object);
        answer.headers.push(poll_soon());
        Ok(answer)
    })
}

/// `DELETE /responses/{id}` (recording 317f5d247fa80fae).
pub fn delete(call: Call) -> HandlerFuture {
    Box::pin(async move {
        let record = find(&call)?;
        call.session.store().shelf::<Arc<Record>>().remove(&record.frame.id);
        Ok(Answer::json(&json!({"id": record.frame.id, "object": "response.deleted", "deleted": true})))
    })
}

/// `POST /responses/{id}/cancel`: only what runs in the background can be cancelled; once it is over, the call changes
/// nothing.
pub fn cancel(call: Call) -> HandlerFuture {
    Box::pin(async move {
        let record = find(&call)?;
        if !record.frame.background {
            return Err(ApiError::invalid("Cannot cancel a synchronous response."));
        }
        let running = record.job.as_ref().is_some_and(|job| job.runs(&call.session.clock));
        if !running {
            return Ok(Answer::json(&record.object()));
        }
        let cancelled = Record {
            items: Vec::new(),
            end: End { status: Status::Cancelled, completed_at: 0, error: Value::Null, reason: None, usage: None },
            job: None,
            ..(*record).clone()
        };
        let answer = Answer::json(&cancelled.object());
        let mut store = call.session.store();
        let conversation = record.frame.conversation.as_ref().and_then(|conversation| text(conversation, "id"));
        if let Some(conversation) = conversation.and_then(|id| store.shelf::<Conversation>().get_mut(id)) {
            conversation.take_back(&record);
        }
        store.shelf::<Arc<Record>>().insert(record.frame.id.clone(), Arc::new(cancelled));
        Ok(answer)
    })
}

/// `GET /responses/{id}/input_items` (recording dc1f10aa482d10dc).
pub fn list_input_items(call: Call) -> HandlerFuture {
    Box::pin(async move {
        let record = find(&call)?;
        Ok(Answer::json(&Page::asked(&call, record.input.clone(), Order::NewestFirst)))
    })
}

/// `POST /responses/input_tokens`: the same number a real call would report (recording 5a0a9fe31f8769c7).
pub fn count_input_tokens(call: Call) -> HandlerFuture {
    Box::pin(async move {
        let request = Request::read(&call)?;
        let model = call.model(&request.prompt.model);
        let counted = call.counter().count(&request.prompt, &[], &model, Api::Responses);
        let input_tokens = counted.prompt;
        Ok(Answer::json(&json!({"object": "response.input_tokens", "input_tokens": input_tokens})))
    })
}

/// Tokens of what asks for the summary.
const SUMMARY: u64 = 93;

/// `POST /responses/compact`: the user's messages stay, everything else becomes one sealed item (recording
/// aecc7c1997c3c716).
pub fn compact(call: Call) -> HandlerFuture {
    Box::pin(async move {
        let mut request = Request::read(&call)?;
        let model = call.model(&request.prompt.model);
        let id = request.family.response(&mut request.random);
        let mut counted = call.counter().count(&request.prompt, &[], &model, Api::Responses);
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
