//! Rules of chat messages, each and one after the other.

use crate::api::validate::rules::{Faults, Phase, given};
use crate::wire::error::ApiError;
use crate::wire::field::{field, find};
use crate::wire::value::Holds;
use serde_json::Value;

/// All rules of the messages of a chat body.
pub(super) fn check(body: &Value, faults: &mut Faults) {
    let Some(messages) = find(body, "messages").and_then(Value::as_array) else { return };
    for (at, message) in messages.iter().enumerate() {
        faults.at("messages", || shape(at, message));
    }
    for (at, message) in messages.iter().enumerate() {
        faults.after(Phase::Messages, || parts(at, message));
    }
    faults.after(Phase::Messages, || sequence(messages));
    for (at, message) in messages.iter().enumerate() {
        faults.after(Phase::Messages, || content(at, message));
    }
}

fn role(message: &Value) -> &str {
    field(message, "role").as_str().unwrap_or_default()
}

/// What a role requires beside its fields.
fn shape(at: usize, message: &Value) -> Option<ApiError> {
    let missing = |field: &str| Some(ApiError::missing(&format!("messages[{at}].{field}")));
    match role(message) {
        "tool" if given(message, "tool_call_id").is_none() => missing("tool_call_id"),
        "function" if given(message, "name").is_none() => missing("name"),
        "developer" => match find(message, "content") {
            None => missing("content"),
            Some(null @ Value::Null) => Some(ApiError::invalid_type(
                &format!("messages[{at}].content"),
                "one of a string or array of objects",
                null,
            )),
            Some(_) => None,
        },
        _ => None,
    }
}

/// Parts a role cannot take.
fn parts(at: usize, message: &Value) -> Option<ApiError> {
    let refuse = |what: String| {
        let param = format!("messages[{at}]");
        Some(ApiError::invalid(format!("Invalid '{param}'. {what}")).param(param).code("invalid_value"))
    };
    let role = role(message);
    for part in field(message, "content").as_array()? {
        match field(part, "type").as_str()? {
            // Tool messages may hold images by now (recorded: 6579650d9e53f217).
            "image_url" if !matches!(role, "user" | "tool") => {
                return refuse(format!(
                    "Image URLs are only allowed for messages with role 'user', but this message with role '{role}' \
                     contains an image URL."
                ));
            }
            _ => {}
        }
    }
    None
}

/// Calls are answered, each by one tool message, before anything else is said; answers follow calls.
fn sequence(messages: &[Value]) -> Option<ApiError> {
    let mut open: Vec<&str> = Vec::new();
    let mut called: Vec<&str> = Vec::new();
    for (at, message) in messages.iter().enumerate() {
        if role(message) == "tool" {
            let id = field(message, "tool_call_id").as_str().unwrap_or_default();
            if called.is_empty() {
                let message = "Invalid parameter: messages with role 'tool' must be a response to a preceeding message \
                               with 'tool_calls'.";
                return Some(ApiError::invalid(message).param(format!("messages.[{at}].role")));
            }
            if !called.contains(&id) {
                let message = format!(
                    "Invalid parameter: 'tool_call_id' of '{id}' not found in 'tool_calls' of previous message."
                );
                return Some(ApiError::invalid(message).param(format!("messages.[{at}].tool_call_id")));
            }
            open.retain(|open| *open != id);
            continue;
        }
        if !open.is_empty() {
            return Some(unanswered(at, &open));
        }
        let calls = field(message, "tool_calls").elements();
        called = if role(message) == "assistant" {
            calls.filter_map(|call| field(call, "id").as_str()).collect()
        } else {
            Vec::new()
        };
        open.clone_from(&called);
    }
    (!open.is_empty()).then(|| unanswered(messages.len(), &open))
}

/// `at`: the message that comes instead of the answers, or one past the end.
fn unanswered(at: usize, ids: &[&str]) -> ApiError {
    let message = format!(
        "An assistant message with 'tool_calls' must be followed by tool messages responding to each 'tool_call_id'. \
         The following tool_call_ids did not have response messages: {}",
        ids.join(", ")
    );
    ApiError::invalid(message).param(format!("messages.[{at}].role"))
}

/// Every message says something; an assistant's calls, refusal or audio count.
fn content(at: usize, message: &Value) -> Option<ApiError> {
    let role = role(message);
    let instead = ["tool_calls", "function_call", "refusal", "audio"];
    let silent = given(message, "content").is_none()
        && (role != "assistant" || instead.iter().all(|field| given(message, field).is_none()));
    silent.then(|| {
        ApiError::invalid("Invalid value for 'content': expected a string, got null.")
            .param(format!("messages.[{at}].content"))
    })
}
