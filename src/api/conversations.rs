//! `conversations`: items that responses share.

use crate::api::list::{Order, Page};
use crate::api::responses::input;
use crate::api::responses::record::ResponseRecord;
use crate::memory::weight;
use crate::session::store::Store;
use crate::session::store::StoredKind;
use crate::turn::answer::Answer;
use crate::turn::call::Call;
use crate::turn::call::HandlerFuture;
use crate::turn::call::Served;
use crate::wire::error;
use crate::wire::error::ApiError;
use crate::wire::ids;
use crate::wire::ids::IdFamily;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

/// The operations of this resource.
pub(crate) const OPERATIONS: &[Served] = &[
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
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Conversation {
    id: String,
    /// Unix seconds.
    created_at: u64,
    metadata: Value,
    items: Vec<Value>,
}

impl StoredKind for Conversation {
    const NAME: &'static str = "conversation";
}

impl Conversation {
    /// The item with this id.
    pub(crate) fn item(&self, id: &str) -> Option<&Value> {
        self.items.get(self.place(id)?)
    }

    fn object(&self) -> Value {
        json!({"id": self.id, "object": "conversation", "created_at": self.created_at, "metadata": self.metadata})
    }

    fn place(&self, id: &str) -> Option<usize> {
        self.items.iter().position(|item| item.get("id").and_then(Value::as_str) == Some(id))
    }
}

/// The items of a conversation that a response goes on with.
pub(crate) async fn items(call: &Call, id: &str) -> Result<Vec<Value>, ApiError> {
    let found: Option<Conversation> = call.session.store.get(id).await;
    let items = found.map(|one| one.items).ok_or_else(|| unknown(id))?;
    check_room(call, &items)?;
    // The turn will be kept in it.
    call.session.store.check_room().await?;
    Ok(items)
}

/// Refuses more items than a session stores objects, and more bytes than it has room for: production's bounds are unknown.
fn check_room(call: &Call, items: &[Value]) -> Result<(), ApiError> {
    let most = call.emulator.settings.max_objects;
    if items.len() > most {
        let message = format!(
            "A conversation may have {most} items, and with these would have {}: raise the option \
             maxObjects.",
            items.len()
        );
        return Err(ApiError::new(413, message).param("items").code("memory_exhausted"));
    }
    let (used, most) = (items.iter().map(weight).sum(), call.session.accounts.stored.most());
    match used > most {
        true => Err(error::no_room("a conversation", used, most, "maxSessionBytes (a third of it)").param("items")),
        false => Ok(()),
    }
}

/// Adds what a response was asked and what it said.
pub(crate) async fn take_turn(store: &Store, id: &str, record: &ResponseRecord) {
    let add = |one: &mut Conversation| {
        one.items.extend(record.input.iter().cloned());
        one.items.extend(record.items.iter().map(|item| item.value.clone()));
    };
    // A conversation that was deleted meanwhile takes nothing more.
    store.change(id, add).await;
}

/// Forgets what a response said in its conversation, because it was cancelled first; what it was asked stays.
pub(crate) async fn take_back(store: &Store, record: &ResponseRecord) {
    let Some(id) = record.frame.conversation.as_ref().and_then(|conversation| conversation["id"].as_str()) else {
        return;
    };
    let forget = |one: &mut Conversation| {
        one.items.retain(|item| !record.items.iter().any(|said| item["id"] == said.id()));
    };
    store.change(id, forget).await;
}

fn unknown(id: &str) -> ApiError {
    ApiError::new(404, format!("Conversation with id '{id}' not found."))
}

fn unknown_item(call: &Call) -> ApiError {
    let (item, conversation) = (call.param("item_id"), call.param("conversation_id"));
    ApiError::new(404, format!("Item with id '{item}' not found in conversation '{conversation}'."))
}

/// The conversation the path names.
async fn named(call: &Call) -> Result<Conversation, ApiError> {
    let id = call.param("conversation_id");
    call.session.store.get(id).await.ok_or_else(|| unknown(id))
}

/// Runs `change` on the conversation the path names.
async fn change<T: Send>(
    call: &Call,
    change: impl FnMut(&mut Conversation) -> Result<T, ApiError> + Send,
) -> Result<T, ApiError> {
    let id = call.param("conversation_id");
    call.session.store.update(id, change).await.unwrap_or_else(|| Err(unknown(id)))
}

/// `items` of the body, in normal form.
fn given_items(call: &Call) -> Vec<Value> {
    let mut random = call.random.fork("ids");
    let family = IdFamily::new(&mut random, call.created());
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
        check_room(&call, &conversation.items)?;
        call.session.store.put(&conversation.id, &conversation).await?;
        Ok(Answer::json(&conversation.object()))
    })
}

fn retrieve(call: Call) -> HandlerFuture {
    Box::pin(async move { Ok(Answer::json(&named(&call).await?.object())) })
}

fn update(call: Call) -> HandlerFuture {
    Box::pin(async move {
        let metadata = metadata(&call);
        let set = |one: &mut Conversation| {
            one.metadata = metadata.clone();
            Ok(one.object())
        };
        Ok(Answer::json(&change(&call, set).await?))
    })
}

fn delete(call: Call) -> HandlerFuture {
    Box::pin(async move {
        let id = call.param("conversation_id");
        if !call.session.store.remove::<Conversation>(id).await {
            return Err(unknown(id));
        }
        Ok(Answer::json(&json!({"id": id, "object": "conversation.deleted", "deleted": true})))
    })
}

fn create_items(call: Call) -> HandlerFuture {
    Box::pin(async move {
        let items = given_items(&call);
        let add = |one: &mut Conversation| {
            one.items.extend(items.iter().cloned());
            check_room(&call, &one.items)
        };
        change(&call, add).await?;
        Ok(Answer::json(&Page::whole(items)))
    })
}

fn list_items(call: Call) -> HandlerFuture {
    Box::pin(async move {
        let items = named(&call).await?.items;
        Ok(Answer::json(&Page::asked(&call, items, Order::NewestFirst)))
    })
}

fn retrieve_item(call: Call) -> HandlerFuture {
    Box::pin(async move {
        let conversation = named(&call).await?;
        let item = conversation.item(call.param("item_id")).ok_or_else(|| unknown_item(&call))?;
        Ok(Answer::json(item))
    })
}

/// Answers with the conversation the item was in.
fn delete_item(call: Call) -> HandlerFuture {
    Box::pin(async move {
        let remove = |one: &mut Conversation| {
            let at = one.place(call.param("item_id")).ok_or_else(|| unknown_item(&call))?;
            one.items.remove(at);
            Ok(one.object())
        };
        Ok(Answer::json(&change(&call, remove).await?))
    })
}
