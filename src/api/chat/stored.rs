//! Stored chat completions: those created with `store: true`.

use crate::api::list::{Order, Page};
use crate::session::Session;
use crate::session::exchange::Exchange;
use crate::session::store;
use crate::session::store::StoredKind;
use crate::turn::answer::Answer;
use crate::turn::call::Call;
use crate::turn::call::HandlerFuture;
use crate::wire::error::ApiError;
use crate::wire::field::field;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};
use std::sync::Arc;

/// A completion that was kept.
#[derive(Serialize, Deserialize)]
pub(crate) struct StoredCompletion {
    completion: Value,
    /// What was asked.
    messages: Vec<Value>,
}

impl StoredKind for StoredCompletion {
    const NAME: &'static str = "chat.completion";
}

/// Keeps what a call asks to have kept, when it has been said.
pub(super) struct CompletionKeeper {
    session: Arc<Session>,
    exchange: Arc<Exchange>,
    body: Arc<Value>,
}

impl CompletionKeeper {
    /// `None` = it is not to be kept.
    pub(super) fn of(call: &Call) -> Option<Self> {
        let asked = *field(&call.body, "store") == true;
        let (session, exchange) = (call.session.clone(), call.exchange.clone());
        asked.then(|| CompletionKeeper { session, exchange, body: call.body.clone() })
    }

    /// A completion as it is kept, with what was asked.
    pub(super) fn stored(&self, id: &str, completion: &impl Serialize) -> StoredCompletion {
        // Our own values always serialize.
        let mut stored = serde_json::to_value(completion).unwrap_or_default();
        let body = &*self.body;
        if let Some(object) = stored.as_object_mut() {
            // Fields that the stored object has beside the answer's (OpenAPI: ChatCompletion as listed).
            object.insert("request_id".into(), json!(self.exchange.request_id));
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
        let messages: Vec<Value> = crate::api::chat::request::array(body, "messages")
            .iter()
            .enumerate()
            .map(|(index, message)| {
                let mut stored = Map::new();
                stored.insert("id".into(), json!(format!("{id}-{index}")));
                stored.extend(message.as_object().cloned().unwrap_or_default());
                Value::Object(stored)
            })
            .collect();
        StoredCompletion { completion: stored, messages }
    }

    /// Keeps a completion for later.
    pub(super) async fn keep(&self, stored: &StoredCompletion) {
        let id = stored.completion["id"].as_str().unwrap_or_default();
        // It gives way to newer ones, and is never refused.
        let _ = self.session.store.put(id, stored).await;
    }
}

impl StoredCompletion {
    /// A choice's log probabilities as its stream has told them.
    pub(super) fn scored(&mut self, choice: usize, logprobs: Value) {
        if let Some(choice) = self.completion["choices"].get_mut(choice) {
            choice["logprobs"] = logprobs;
        }
    }
}

fn missing(id: &str) -> ApiError {
    ApiError::new(404, format!("Completion {id} not found")).code("not_found")
}

async fn find(call: &Call) -> Result<StoredCompletion, ApiError> {
    let id = call.param("completion_id");
    call.session.store.get(id).await.ok_or_else(|| missing(id))
}

pub(super) fn retrieve(call: Call) -> HandlerFuture {
    Box::pin(async move { Ok(Answer::json_line(&find(&call).await?.completion)) })
}

pub(super) fn update(call: Call) -> HandlerFuture {
    Box::pin(async move {
        let id = call.param("completion_id");
        let set = |entry: &mut StoredCompletion| {
            entry.completion["metadata"] = call.body["metadata"].clone();
            Ok(Answer::json_line(&entry.completion))
        };
        call.session.store.update(id, set).await.unwrap_or_else(|| Err(missing(id)))
    })
}

pub(super) fn delete(call: Call) -> HandlerFuture {
    Box::pin(async move {
        let id = call.param("completion_id");
        if !call.session.store.remove::<StoredCompletion>(id).await {
            return Err(missing(id));
        }
        Ok(Answer::json_line(&json!({"object": "chat.completion.deleted", "id": id, "deleted": true})))
    })
}

pub(super) fn list(call: Call) -> HandlerFuture {
    Box::pin(async move {
        let model = call.query("model");
        let wanted: Vec<(&str, &str)> = call
            .query
            .iter()
            .filter_map(|(key, value)| Some((key.strip_prefix("metadata[")?.strip_suffix(']')?, value.as_str())))
            .collect();
        let show = |stored: &store::Stored| {
            let object = stored.read::<StoredCompletion>()?.completion;
            let named = model.is_none_or(|model| object["model"].as_str().is_some_and(|name| name.starts_with(model)));
            (named && wanted.iter().all(|(key, value)| object["metadata"][key] == *value)).then_some(object)
        };
        Ok(Answer::json_line(&Page::stored::<StoredCompletion>(&call, Order::OldestFirst, &show).await))
    })
}

pub(super) fn messages(call: Call) -> HandlerFuture {
    Box::pin(async move {
        let messages = find(&call).await?.messages;
        Ok(Answer::json_line(&Page::asked(&call, messages, Order::OldestFirst)))
    })
}
