//! `threads.messages`: what is said in a thread.

use super::thread::{self, Thread};
use super::{given, metadata, resources};
use crate::api::list::{Order, Page};
use crate::random::Random;
use crate::turn::answer::Answer;
use crate::turn::call::{Call, HandlerFuture};
use crate::wire::error::ApiError;
use crate::wire::ids;
use crate::wire::value::Holds;
use serde_json::{Value, json};

/// A text of a message.
pub(super) fn text(text: &str, annotations: &[Value]) -> Value {
    json!({"type": "text", "text": {"value": text, "annotations": annotations}})
}

/// Content in its normal form: a text is one part.
fn content(content: &Value) -> Vec<Value> {
    let part = |part: &Value| match part["type"].as_str() {
        Some("text") => text(part["text"].as_str().unwrap_or_default(), &[]),
        Some(kind @ ("image_url" | "image_file")) => {
            let mut part = part.clone();
            if part[kind]["detail"].is_null() && part[kind].is_object() {
                part[kind]["detail"] = "auto".into();
            }
            part
        }
        _ => part.clone(),
    };
    match content {
        Value::String(said) => vec![text(said, &[])],
        Value::Array(parts) => parts.iter().map(part).collect(),
        _ => Vec::new(),
    }
}

/// A message as somebody puts it into a thread.
fn message(body: &Value, thread: &str, random: &mut Random, created: u64) -> Value {
    json!({
        "id": ids::plain("msg_", random), "object": "thread.message", "created_at": created, "assistant_id": null,
        "thread_id": thread, "run_id": null, "status": "completed", "incomplete_details": null, "incomplete_at": null,
        "completed_at": created, "role": given(body, "role").cloned().unwrap_or_else(|| "user".into()),
        "content": content(&body["content"]),
        "attachments": given(body, "attachments").cloned().unwrap_or_else(|| json!([])),
        "metadata": metadata(body),
    })
}

/// The messages a field of a body brings.
pub(super) fn all(body: &Value, field: &str, thread: &str, random: &mut Random, created: u64) -> Vec<Value> {
    let brought = body[field].elements();
    brought.map(|body| message(body, thread, random, created)).collect()
}

fn unknown(call: &Call) -> ApiError {
    ApiError::new(404, format!("No message found with id '{}'.", call.param("message_id")))
}

/// Where in its thread the message stands that the path names.
fn place(call: &Call, thread: &Thread) -> Result<usize, ApiError> {
    let id = call.param("message_id");
    thread.messages.iter().position(|message| message["id"] == id).ok_or_else(|| unknown(call))
}

pub(super) fn create(call: Call) -> HandlerFuture {
    Box::pin(async move {
        let id = call.param("thread_id");
        let message = message(&call.body, id, &mut call.random.fork("message"), call.created());
        let free = |thread: &Thread| match thread.active() {
            // As users report it: openai/openai-python 1023.
            Some(run) => {
                let run = run.id();
                Err(ApiError::invalid(format!("Can't add messages to {id} while a run {run} is active.")))
            }
            None => Ok(()),
        };
        let thread = thread::find(&call).await?;
        free(&thread)?;
        let made = resources::attached(&call, thread.tool_resources, std::slice::from_ref(&message)).await?;
        let add = |thread: &mut Thread| {
            free(thread)?;
            resources::join(&mut thread.tool_resources, &made.resources);
            thread.messages.push(message.clone());
            thread.check_room(&call)
        };
        made.stays_if(&call, thread::change(&call, add).await).await?;
        Ok(Answer::json(&message))
    })
}

pub(super) fn retrieve(call: Call) -> HandlerFuture {
    Box::pin(async move {
        let thread = thread::find(&call).await?;
        Ok(Answer::json(&thread.messages[place(&call, &thread)?]))
    })
}

pub(super) fn update(call: Call) -> HandlerFuture {
    Box::pin(async move {
        let set = |thread: &mut Thread| {
            let place = place(&call, thread)?;
            let message = &mut thread.messages[place];
            if call.body.get("metadata").is_some() {
                message["metadata"] = metadata(&call.body);
            }
            Ok(message.clone())
        };
        Ok(Answer::json(&thread::change(&call, set).await?))
    })
}

pub(super) fn list(call: Call) -> HandlerFuture {
    Box::pin(async move {
        let mut messages = thread::find(&call).await?.messages;
        if let Some(run) = call.query("run_id") {
            messages.retain(|message| message["run_id"] == run);
        }
        Ok(Answer::json(&Page::asked(&call, messages, Order::NewestFirst)))
    })
}

pub(super) fn delete(call: Call) -> HandlerFuture {
    Box::pin(async move {
        let remove = |thread: &mut Thread| Ok(thread.messages.remove(place(&call, thread)?));
        thread::change(&call, remove).await?;
        let id = call.param("message_id");
        Ok(Answer::json(&json!({"id": id, "object": "thread.message.deleted", "deleted": true})))
    })
}
