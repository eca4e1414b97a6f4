//! What one object of a stored resource goes through.

use super::given::{self, FieldTemplate};
use super::plan::{self, Collection, IdForm, Plan};
use super::{CHANGED_BY, fresh, made, typed};
use crate::surface::operations::{self, Operation};
use crate::turn::call::Call;
use crate::wire::error::ApiError;
use crate::wire::ids;
use serde_json::{Map, Value, json};

/// Id of a settings object, of which there is one.
const ONLY: &str = "";

/// Path of a collection with the call's own parameters: the name of its shelf.
pub(super) fn shelf(call: &Call, collection: &str) -> String {
    let segments = collection.split('/').map(|segment| {
        let name = segment.strip_prefix('{').and_then(|name| name.strip_suffix('}'));
        name.map_or(segment, |name| call.param(name))
    });
    segments.collect::<Vec<_>>().join("/")
}

/// Refuses a path whose outer objects are not there.
pub(super) async fn parents(call: &Call, plan: &Plan) -> Result<(), ApiError> {
    let path = plan.collection.path;
    for (at, _) in path.match_indices("/{") {
        let rest = &path[at + 2..];
        let (collection, id) = (&path[..at], rest.split('}').next().unwrap_or_default());
        if let Some(collection) = plan::collection(collection).filter(|collection| collection.made_here) {
            let name = shelf(call, collection.path);
            let found: Option<Value> = call.session.store.objects(&name).get(call.param(id)).await;
            found.ok_or_else(|| missing(collection, call.param(id)))?;
        }
    }
    Ok(())
}

/// The 404 for an object that is not there.
fn missing(collection: &Collection, id: &str) -> ApiError {
    let resource = &collection.resource;
    let message = match &resource.missing {
        Some(words) => words.replace("{id}", id),
        None => format!("No {} found with id '{id}'.", resource.noun),
    };
    let mut error = ApiError::new(404, message);
    if let Some(param) = &resource.param {
        error = error.param(param);
    }
    match &resource.code {
        Some(code) => error.code(code),
        None => error,
    }
}

/// An id for a new object, the how many-th of this request: the body's where it names what is put into the collection
/// (`file_id`), else a new one.
pub(super) fn new_id(call: &Call, plan: &Plan, at: usize) -> String {
    let named = call.body.get(plan.collection.item).and_then(Value::as_str);
    if let Some(named) = named {
        return named.to_string();
    }
    let resource = &plan.collection.resource;
    let fork = if at == 0 { "id".to_string() } else { format!("id {at}") };
    let (random, created) = (&mut call.random.fork(&fork), call.created());
    match resource.form {
        IdForm::Plain => ids::plain(&resource.id, random),
        IdForm::File => format!("{}{}", resource.id, random.alphanumeric(22)),
        IdForm::Timed => ids::timed(&resource.id, random, created),
        IdForm::Long => ids::long(&resource.id, random, created),
    }
}

/// Says when an object expires that was asked to expire some time after it was made.
pub(super) fn expiry(given: &mut Map<String, Value>, created: u64) {
    let after = given.get("expires_after").unwrap_or(&Value::Null);
    let in_units = |unit: &str, seconds: u64| after.get(unit)?.as_u64()?.checked_mul(seconds);
    let seconds = in_units("seconds", 1).or_else(|| in_units("minutes", 60)).or_else(|| in_units("days", 86_400));
    let seconds = seconds.or_else(|| given.get("expires_in_seconds")?.as_u64());
    if let Some(expires) = seconds.and_then(|seconds| created.checked_add(seconds)) {
        given.entry("expires_at").or_insert(expires.into());
    }
    // A secret may last shorter than what it opens.
    if let Some(secret) = given.get_mut("client_secret").and_then(Value::as_object_mut) {
        expiry(secret, created);
    }
}

pub(super) async fn create(call: &Call, plan: &Plan) -> Result<Value, ApiError> {
    let given = fresh(call, plan).await;
    let answer = made(call, &given);
    // Also what this answer does not show: another operation's type may.
    let kept = over(given, &answer);
    let id = answer["id"].as_str().or_else(|| kept["id"].as_str()).unwrap_or_default().to_string();
    let name = shelf(call, plan.collection.path);
    call.session.store.objects(&name).put(&id, &kept).await?;
    // One that it belongs to may have been deleted meanwhile: nobody would reach it any more.
    if let Err(gone) = parents(call, plan).await {
        call.session.store.objects(&name).remove(&id).await;
        return Err(gone);
    }
    Ok(answer)
}

pub(super) async fn retrieve(call: &Call, plan: &Plan) -> Result<Value, ApiError> {
    let id = call.param(plan.id);
    let found: Option<Value> = call.session.store.objects(&shelf(call, plan.collection.path)).get(id).await;
    found.map(|kept| made(call, &kept)).ok_or_else(|| missing(plan.collection, id))
}

/// An object as its own operations show it, for one that shows something else of it.
pub(super) async fn found(call: &Call, plan: &Plan) -> Result<Value, ApiError> {
    let id = call.param(plan.id);
    let kept: Option<Value> = call.session.store.objects(&shelf(call, plan.collection.path)).get(id).await;
    let kept = kept.ok_or_else(|| missing(plan.collection, id))?;
    let shows = |row: &&Operation| row.answer.is_some() && row.path == plan.collection.path && row.method == "POST";
    let name = operations::all().iter().find(shows).and_then(|row| row.answer);
    Ok(name.map_or(Value::Null, |name| typed(call, name, &kept)))
}

pub(super) async fn update(call: &Call, plan: &Plan) -> Result<Value, ApiError> {
    change(call, plan, &given::renamed(&plan.collection.resource, &call.body), &Value::Null).await
}

/// `POST …/{id}/word`.
pub(super) async fn act(call: &Call, plan: &Plan, word: &str) -> Result<Value, ApiError> {
    let now = call.created();
    let told = match word {
        "cancel" => json!({"status": "cancelled", "cancelled_at": now}),
        "pause" => json!({"status": "paused", "paused_at": now}),
        "resume" => json!({"status": "running"}),
        "archive" => json!({"status": "archived", "archived_at": now}),
        "complete" => json!({"status": "completed", "completed_at": now}),
        // A new secret is made as the first was.
        "rotate_secret" => {
            let random = &mut call.random.fork("secrets");
            FieldTemplate { random, now, named: &Value::Null }.fill(&plan.collection.resource.given)
        }
        _ => json!({}),
    };
    if !plan.collection.made_here {
        // Nothing of this kind is kept: the answer's type says all.
        let mut given = over(fresh(call, plan).await, &told);
        given["id"] = call.param(plan.id).into();
        return Ok(made(call, &given));
    }
    change(call, plan, &call.body, &told).await
}

/// Lays what was asked, and then what that leads to, over an object.
async fn change(call: &Call, plan: &Plan, asked: &Value, told: &Value) -> Result<Value, ApiError> {
    let id = call.param(plan.id);
    let name = shelf(call, plan.collection.path);
    let now = json!({"updated_at": call.created(), CHANGED_BY: call.exchange.number});
    let lay = |kept: &mut Value| {
        *kept = over(over(over(kept.take(), asked), &now), told);
        kept.clone()
    };
    let kept = call.session.store.objects(&name).change(id, lay).await;
    kept.map(|kept| made(call, &kept)).ok_or_else(|| missing(plan.collection, id))
}

pub(super) async fn delete(call: &Call, plan: &Plan) -> Result<Value, ApiError> {
    let id = call.param(plan.id);
    let name = shelf(call, plan.collection.path);
    if !call.session.store.objects(&name).remove(id).await {
        return Err(missing(plan.collection, id));
    }
    // What belonged to it goes with it.
    call.session.store.remove_below(&format!("{name}/{id}/")).await;
    // Some answers name what is gone by its kind, as the path does: `eval_id`.
    let mut gone = over(given::params(call).into(), &json!({"id": id, "deleted": true}));
    if let Some(name) = &plan.collection.resource.deleted {
        gone["object"] = name.as_str().into();
    }
    Ok(made(call, &gone))
}

/// A settings object, as it was set.
pub(super) async fn show(call: &Call, plan: &Plan) -> Value {
    let kept = call.session.store.objects(&shelf(call, plan.collection.path)).get(ONLY).await;
    let shown = match kept {
        Some(kept) => kept,
        None => over(fresh(call, plan).await, &queries(call)),
    };
    made(call, &shown)
}

/// What the query says, for answers that repeat it.
fn queries(call: &Call) -> Value {
    let read = |value: &str| value.parse::<u64>().map_or_else(|_| Value::from(value), Value::from);
    Value::Object(call.query.iter().map(|(name, value)| (name.clone(), read(value))).collect())
}

pub(super) async fn set(call: &Call, plan: &Plan) -> Result<Value, ApiError> {
    let name = shelf(call, plan.collection.path);
    let shelf = call.session.store.objects(&name);
    let kept = over(shelf.get(ONLY).await.unwrap_or_else(|| json!({})), &call.body);
    shelf.put(ONLY, &kept).await?;
    Ok(made(call, &kept))
}

pub(super) async fn unset(call: &Call, plan: &Plan) -> Value {
    call.session.store.objects(&shelf(call, plan.collection.path)).remove(ONLY).await;
    made(call, &json!({"deleted": true}))
}

/// An object with another's fields laid over its own.
pub(super) fn over(mut object: Value, other: &Value) -> Value {
    if let (Some(object), Some(other)) = (object.as_object_mut(), other.as_object()) {
        object.extend(other.clone());
    }
    object
}
