//! `assistants`: who answers, and with what.

use super::{given, resources};
use crate::api::fine_tuning;
use crate::api::list::{Order, Page};
use crate::options::Validation;
use crate::responders::scenario;
use crate::session::store::StoredKind;
use crate::turn::answer::Answer;
use crate::turn::call::{Call, HandlerFuture};
use crate::wire::error::{self, ApiError};
use crate::wire::ids;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

/// An assistant, as it is shown.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(transparent)]
pub(super) struct Assistant(pub Value);

impl StoredKind for Assistant {
    const NAME: &'static str = "assistant";
}

/// What a body may say, in the order it is shown.
const FIELDS: [&str; 11] = [
    "name",
    "description",
    "model",
    "instructions",
    "tools",
    "top_p",
    "temperature",
    "reasoning_effort",
    "tool_resources",
    "metadata",
    "response_format",
];

/// A field nobody has set.
fn unset(field: &str) -> Value {
    match field {
        "tools" => json!([]),
        "top_p" | "temperature" => json!(1.0),
        "metadata" => json!({}),
        "response_format" => json!("auto"),
        _ => Value::Null,
    }
}

/// A field as it is shown: what is a fraction is written as one.
pub(super) fn shown(field: &str, value: &Value) -> Value {
    match (field, value.as_f64()) {
        ("top_p" | "temperature", Some(number)) => json!(number),
        _ if value.is_null() => unset(field),
        _ => value.clone(),
    }
}

/// An assistant as the body says, and as it was where the body says nothing.
fn object(id: &str, created: u64, body: &Value, before: &Value) -> Assistant {
    let mut object = Map::new();
    object.insert("id".into(), id.into());
    object.insert("object".into(), "assistant".into());
    object.insert("created_at".into(), created.into());
    for field in FIELDS {
        let said = body.get(field).or_else(|| before.get(field)).unwrap_or(&Value::Null);
        object.insert(field.into(), shown(field, said));
    }
    let resources = resources::shown(&json!({"tool_resources": object["tool_resources"]}), &object["tools"]);
    object.insert("tool_resources".into(), resources);
    Assistant(Value::Object(object))
}

fn unknown(id: &str) -> ApiError {
    ApiError::new(404, format!("No assistant found with id '{id}'."))
}

/// Refuses a model that no run could ask.
async fn model_exists(call: &Call) -> Result<(), ApiError> {
    let name = call.model_name();
    if call.emulator.settings.validation != Validation::Full || name.is_empty() || call.accepts_unlisted(name) {
        return Ok(());
    }
    let known = call.known_model(name).is_some() || scenario::is_known(name);
    match known && !fine_tuning::is_deleted(&call.session, name).await {
        true => Ok(()),
        false => Err(error::unknown_requested_model(name)),
    }
}

/// The assistant with this id.
pub(super) async fn find(call: &Call, id: &str) -> Result<Value, ApiError> {
    let found: Option<Assistant> = call.session.store.get(id).await;
    found.map(|assistant| assistant.0).ok_or_else(|| unknown(id))
}

pub(super) fn create(call: Call) -> HandlerFuture {
    Box::pin(async move {
        model_exists(&call).await?;
        let id = ids::plain("asst_", &mut call.random.fork("id"));
        let made = resources::made(&call, &call.body, &Value::Null, false).await?;
        let mut assistant = object(&id, call.created(), &call.body, &Value::Null);
        resources::join(&mut assistant.0["tool_resources"], &made.resources);
        made.stays_if(&call, call.session.store.put(&id, &assistant).await).await?;
        Ok(Answer::json(&assistant))
    })
}

pub(super) fn retrieve(call: Call) -> HandlerFuture {
    Box::pin(async move { Ok(Answer::json(&find(&call, call.param("assistant_id")).await?)) })
}

pub(super) fn update(call: Call) -> HandlerFuture {
    Box::pin(async move {
        model_exists(&call).await?;
        let id = call.param("assistant_id");
        let change = |assistant: &mut Assistant| {
            let created = assistant.0["created_at"].as_u64().unwrap_or_default();
            *assistant = object(id, created, &call.body, &assistant.0);
            Ok(assistant.clone())
        };
        let changed = call.session.store.update(id, change).await.unwrap_or_else(|| Err(unknown(id)))?;
        Ok(Answer::json(&changed))
    })
}

pub(super) fn list(call: Call) -> HandlerFuture {
    Box::pin(async move {
        let show = |stored: &crate::session::store::Stored| stored.read::<Assistant>().map(|assistant| assistant.0);
        Ok(Answer::json(&Page::stored::<Assistant>(&call, Order::NewestFirst, &show).await))
    })
}

pub(super) fn delete(call: Call) -> HandlerFuture {
    Box::pin(async move {
        let id = call.param("assistant_id");
        if !call.session.store.remove::<Assistant>(id).await {
            return Err(unknown(id));
        }
        Ok(Answer::json(&json!({"id": id, "object": "assistant.deleted", "deleted": true})))
    })
}

/// What a run takes from its assistant where its own body says nothing.
pub(super) fn or<'a>(body: &'a Value, assistant: &'a Value, field: &str) -> Value {
    shown(field, given(body, field).unwrap_or(&assistant[field]))
}
