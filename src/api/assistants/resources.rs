//! `tool_resources`: what tools work with. The vector store that a body asks for on the way is made, and files that
//! messages attach are given to the tools of their thread.

use super::given;
use crate::api::files::kept;
use crate::api::vector_stores::store;
use crate::turn::call::Call;
use crate::wire::error::ApiError;
use crate::wire::value::Holds;
use serde_json::{Value, json};

/// The tools that hold something, and what they call it.
const HELD: [(&str, &str); 2] = [("code_interpreter", "file_ids"), ("file_search", "vector_store_ids")];

/// Days without use after which a store is gone that a thread made, as documented.
const DAYS: u64 = 7;

/// Resources as a body says them and as they are shown: tools that can hold something show that they hold nothing.
pub(super) fn shown(body: &Value, tools: &Value) -> Value {
    let mut shown = given(body, "tool_resources").filter(|said| said.is_object()).cloned().unwrap_or_else(|| json!({}));
    for (tool, ids) in HELD {
        let offered = tools.elements().any(|offered| offered["type"] == tool);
        if offered || shown[tool].is_object() {
            let held = shown[tool].get(ids).filter(|ids| ids.is_array()).cloned().unwrap_or_else(|| json!([]));
            shown[tool] = json!({ids: held});
        } else if let Some(shown) = shown.as_object_mut() {
            shown.remove(tool);
        }
    }
    shown
}

/// Ids that a tool holds.
pub(super) fn held<'a>(resources: &'a Value, tool: &str, ids: &str) -> impl Iterator<Item = &'a str> {
    resources[tool][ids].elements().filter_map(Value::as_str)
}

/// Adds ids to those that a tool holds.
fn hold(resources: &mut Value, tool: &str, ids: &str, more: &[Value]) {
    let mut all: Vec<Value> = resources[tool][ids].as_array().cloned().unwrap_or_default();
    for id in more {
        if !all.contains(id) {
            all.push(id.clone());
        }
    }
    if resources.is_object() && !more.is_empty() {
        resources[tool] = json!({ids: all});
    }
}

/// Adds what another one holds.
pub(super) fn join(resources: &mut Value, other: &Value) {
    for (tool, ids) in HELD {
        let more: Vec<Value> = held(other, tool, ids).map(Value::from).collect();
        hold(resources, tool, ids, &more);
    }
}

/// What was made for resources, which stays as long as all else succeeds: see [`Made::stays_if`].
pub(super) struct Made {
    pub resources: Value,
    store: Option<String>,
}

impl Made {
    pub(super) async fn undo(&self, call: &Call) {
        if let Some(store) = &self.store {
            store::forget(&call.session, store).await;
        }
    }

    /// Forgets what was made if what it was made for failed.
    pub(super) async fn stays_if<T>(&self, call: &Call, done: Result<T, ApiError>) -> Result<T, ApiError> {
        if done.is_err() {
            self.undo(call).await;
        }
        done
    }

    /// Makes a vector store as a body asks, and holds it.
    async fn make(&mut self, call: &Call, body: &Value) -> Result<(), ApiError> {
        let made = store::make(call, body).await?;
        hold(&mut self.resources, "file_search", "vector_store_ids", std::slice::from_ref(&made["id"]));
        self.store = made["id"].as_str().map(str::to_string);
        Ok(())
    }
}

/// The resources of a body, with the vector store it asks for; one of a `thread` goes when nobody uses it.
///
/// # Errors
/// The store cannot be made; nothing is kept then.
pub(super) async fn made(call: &Call, body: &Value, tools: &Value, thread: bool) -> Result<Made, ApiError> {
    let mut made = Made { resources: shown(body, tools), store: None };
    let asked = &body["tool_resources"]["file_search"]["vector_stores"][0];
    if asked.is_object() {
        let mut asked = asked.clone();
        if thread {
            asked["expires_after"] = json!({"anchor": "last_active_at", "days": DAYS});
        }
        made.make(call, &asked).await?;
    }
    Ok(made)
}

/// The ids of files that messages attach for a tool.
fn attachments(messages: &[Value], tool: &str) -> Vec<Value> {
    let mut ids = Vec::new();
    for file in messages.iter().filter_map(|message| message["attachments"].as_array()).flatten() {
        if file["tools"].as_array().is_some_and(|tools| tools.iter().any(|one| one["type"] == tool)) {
            ids.push(file["file_id"].clone());
        }
    }
    ids
}

/// The resources of a thread with what these messages attach. Files that are not known here are left out.
///
/// # Errors
/// A file cannot be searched; nothing is kept then.
pub(super) async fn attached(call: &Call, resources: Value, messages: &[Value]) -> Result<Made, ApiError> {
    let run = attachments(messages, "code_interpreter");
    let mut searched = Vec::new();
    for file in attachments(messages, "file_search") {
        if kept::named(call, file.as_str().unwrap_or_default()).await.is_ok() {
            searched.push(file);
        }
    }
    let mut made = Made { resources, store: None };
    if !searched.is_empty() {
        let first = held(&made.resources, "file_search", "vector_store_ids").next().map(str::to_string);
        match first {
            Some(store) => store::fill(call, &store, &searched).await?,
            None => {
                let expires = json!({"anchor": "last_active_at", "days": DAYS});
                made.make(call, &json!({"file_ids": searched, "expires_after": expires})).await?;
            }
        }
    }
    hold(&mut made.resources, "code_interpreter", "file_ids", &run);
    Ok(made)
}

/// The resources of a new thread with these messages.
///
/// # Errors
/// As [`made`] and [`attached`].
pub(super) async fn of_thread(call: &Call, body: &Value, messages: &[Value]) -> Result<Made, ApiError> {
    let made = made(call, body, &Value::Null, true).await?;
    let more = made.stays_if(call, attached(call, made.resources.clone(), messages).await).await?;
    Ok(Made { store: made.store.or(more.store), ..more })
}
