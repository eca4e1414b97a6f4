//! `conversations`: items that responses share.

use super::answer::Answer;
use super::error::ApiError;
use super::ids::{self, Family};
use super::list::{Order, Page};
use super::responses::input;
use super::responses::record::Record;
use crate::call::{Call, HandlerFuture, Served};
use crate::store::Store;
use serde_json::{Value, json};

/// The operations of this resource.
pub const OPERATIONS: &[Served] = &[
    Served { name: "conversations.create", handler: create },
    Served { name: "conversations.retrieve", handler: retrieve },
    Served { name: "conversations.update", handler: update },
    Served { name: "conversations.delete", handler: delete },
    Served { name: "conversations.items.create", handler: create_items },
    Served { name: "conversations.items.list", handler: list_items },
    Served { name: "conversations.items.retrieve", handler: retrieve_item },
    Served { name: "conversations.items.delete", handler: delete_item },
];

/// A conversation: its items, oldest first.
#[derive(Debug, Clone)]
pub struct Conversation {
    pub id: String,
    /// Unix seconds.
    pub created_at: u64,
    pub metadata: Value,
    pub items: Vec<Value>,
}

impl Conversation {
    /// Adds what a response was asked and what it said.
    pub fn take_turn(&mut self, record: &Record) {
        self.items.extend(record.input.iter().cloned());
        self.items.extend(record.items.iter().map(|item| item.value.clone()));
    }

    /// Forgets what a response said, because it was cancelled first; what it was asked stays.
    pub fn take_back(&mut self, record: &Record) {
        self.items.retain(|item| !record.items.iter().any(|said| item["id"] == said.id()));
    }

    fn object(&self) -> Value {
        json!({"id": self.id, "object": "conversation", "created_at": self.created_at, "metadata": self.metadata})
    }

    fn place(&self, id: &str) -> Option<usize> {
        self.items.iter().position(|item| item.get("id").and_then(Value::as_str) == Some(id))
    }
}

/// The items of a conversation.
pub fn items(store: &mut Store, id: &str) -> Result<Vec<Value>, ApiError> {
    store.shelf::<Conversation>().get(id).map(|one| one.items.clone()).ok_or_else(|| unknown(id))
}

fn unknown(id: &str) -> ApiError {
    ApiError::new(404, format!("Conversation with id '{id}' not found."))
}

fn unknown_item(call: &Call) -> ApiError {
    let (item, conversation) = (call.param("item_id"), call.param("conversation_id"));
    ApiError::new(404, format!("Item with id '{item}' not found in conversation '{conversation}'."))
}

/// Runs `change` on the conversation the path names.
fn with<T>(call: &Call, change: impl FnOnce(&mut Conversation) -> T) -> Result<T, ApiError> {
    let id = call.param("conversation_id");
    call.session.store().shelf::<Conversation>().get_mut(id).map(change).ok_or_else(|| unknown(id))
}

/// `items` of the body, in normal form.
fn given_items(call: &Call) -> Vec<Value> {
    let mut random = call.random.fork("ids");
    let family = Family::new(&mut random, call.created());
    input::items(call.body.get("items").unwrap_or(&Value::Null), &family, &mut random)
}

fn metadata(call: &Call) -> Value {
    call.body.get("metadata").filter(|value| value.is_object()).cloned().unwrap_or_else(|| json!({}))
}

fn create(call: Call) -> HandlerFuture {
    Box::pin(async move {
        let conversation = Conversation {
            id: ids::conversation(&mut call.random.fork("conversation"), call.created()),
            created_at: call.created(),
            metadata: metadata(&call),
            items: given_items(&call),
        };
        let answer = Answer::json(&conversation.object());
        call.session.store().shelf::<Conversation>().insert(conversation.id.clone(), conversation);
        Ok(answer)
    })
}

fn retrieve(call: Call) -> HandlerFuture {
    Box::pin(async move { Ok(Answer::json(&with(&call, |one| one.object())?)) })
}

fn update(call: Call) -> HandlerFuture {
    Box::pin(async move {
        let metadata = metadata(&call);
        let object = with(&call, |one| {
            one.metadata = metadata;
            one.object()
        });
        Ok(Answer::json(&object?))
    })
}

fn delete(call: Call) -> HandlerFuture {
    Box::pin(async move {
        let id = with(&call, |one| one.id.clone())?;
        call.session.store().shelf::<Conversation>().remove(&id);
        Ok(Answer::json(&json!({"id": id, "object": "conversation.deleted", "deleted": true})))
    })
}

fn create_items(call: Call) -> HandlerFuture {
    Box::pin(async move {
        let items = given_items(&call);
        with(&call, |one| one.items.extend(items.iter().cloned()))?;
        Ok(Answer::json(&Page::whole(items)))
    })
}

fn list_items(call: Call) -> HandlerFuture {
    Box::pin(async move {
        let items = with(&call, |one| one.items.clone())?;
        Ok(Answer::json(&Page::asked(&call, items, Order::NewestFirst)))
    })
}

fn retrieve_item(call: Call) -> HandlerFuture {
    Box::pin(async move {
        let item = with(&call, |one| one.place(call.param("item_id")).and_then(|at| one.items.get(at).cloned()))?;
        Ok(Answer::json(&item.ok_or_else(|| unknown_item(&call))?))
    })
}

/// Answers with the conversation the item was in.
fn delete_item(call: Call) -> HandlerFuture {
    Box::pin(async move {
        let object = with(&call, |one| {
            let at = one.place(call.param("item_id"))?;
            one.items.remove(at);
            Some(one.object())
        })?;
        Ok(Answer::json(&object.ok_or_else(|| unknown_item(&call))?))
    })
}
