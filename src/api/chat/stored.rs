//! Stored chat completions: those created with `store: true`.

use crate::api::answer::Answer;
use crate::api::error::ApiError;
use crate::api::list::{Order, Page};
use crate::call::{Call, HandlerFuture};
use serde::Serialize;
use serde_json::{Map, Value, json};

/// A completion that was kept.
#[derive(Clone)]
struct Stored {
    completion: Value,
    /// What was asked.
    messages: Vec<Value>,
}

/// Keeps a completion for later, with what was asked.
pub fn keep(call: &Call, id: &str, completion: &impl Serialize) {
    let Ok(mut stored) = serde_json::to_value(completion) else { return };
    let body = &call.body;
    if let Some(object) = stored.as_object_mut() {
        // Fields that the stored object has beside the answer's (OpenAPI: ChatCompletion as listed).
        object.insert("request_id".into(), json!(call.exchange.request_id));
        object.insert("tool_choice".into(), body["tool_choice"].clone());
        for (key, default) in [
            ("seed", json!(null)),
            ("top_p", json!(1.0)),
            ("temperature", json!(1.0)),
            ("presence_penalty", json!(0.0)),
            ("frequency_penalty", json!(0.0)),
        ] {
            object.insert(key.into(), body.get(key).filter(|value| !value.is_null()).cloned().unwrap_or(default));
        }
        object.insert("input_user".into(), body["user"].clone());
        object.insert("tools".into(), body["tools"].clone());
        object.insert("response_format".into(), body["response_format"].clone());
        object.insert(
            "metadata".into(),
            body.get("metadata").filter(|value| value.is_object()).cloned().unwrap_or(json!({})),
        );
    }
    let messages: Vec<Value> = super::request::array(body, "messages")
        .iter()
        .enumerate()
        .map(|(index, message)| {
            let mut stored = Map::new();
            stored.insert("id".into(), json!(format!("{id}-{index}")));
            stored.extend(message.as_object().cloned().unwrap_or_default());
            Value::Object(stored)
        })
        .collect();
    call.session.store().shelf().insert(id.to_string(), Stored { completion: stored, messages });
}

fn missing(id: &str) -> ApiError {
    ApiError::new(404, format!("Completion {id} not found")).code("not_found")
}

fn stored(call: &Call) -> Result<Stored, ApiError> {
    let id = call.param("completion_id");
    call.session.store().shelf::<Stored>().get(id).cloned().ok_or_else(|| missing(id))
}

pub fn retrieve(call: Call) -> HandlerFuture {
    Box::pin(async move { Ok(Answer::json_line(&stored(&call)?.completion)) })
}

pub fn update(call: Call) -> HandlerFuture {
    Box::pin(async move {
        let mut entry = stored(&call)?;
        entry.completion["metadata"] = call.body["metadata"].clone();
        call.session.store().shelf().insert(call.param("completion_id").to_string(), entry.clone());
        Ok(Answer::json_line(&entry.completion))
    })
}

pub fn delete(call: Call) -> HandlerFuture {
    Box::pin(async move {
        let id = call.param("completion_id");
        stored(&call)?;
        call.session.store().shelf::<Stored>().remove(id);
        Ok(Answer::json_line(&json!({"object": "chat.completion.deleted", "id": id, "deleted": true})))
    })
}

pub fn list(call: Call) -> HandlerFuture {
    Box::pin(async move {
        let model = call.query("model").map(str::to_string);
        let wanted: Vec<(String, String)> = call
            .query
            .iter()
            .filter_map(|(key, value)| {
                Some((key.strip_prefix("metadata[")?.strip_suffix(']')?.to_string(), value.clone()))
            })
            .collect();
        let mut store = call.session.store();
        let all = store.shelf::<Stored>().iter().map(|(_, entry)| &entry.completion);
        let found = all.filter(|object| {
            model
                .as_ref()
                .is_none_or(|model| object["model"].as_str().is_some_and(|name| name.starts_with(model.as_str())))
                && wanted.iter().all(|(key, value)| object["metadata"][key] == value.as_str())
        });
        let found: Vec<Value> = found.cloned().collect();
        drop(store);
        Ok(Answer::json_line(&Page::asked(&call, found, Order::OldestFirst)))
    })
}

pub fn messages(call: Call) -> HandlerFuture {
    Box::pin(async move { Ok(Answer::json_line(&Page::asked(&call, stored(&call)?.messages, Order::OldestFirst))) })
}
