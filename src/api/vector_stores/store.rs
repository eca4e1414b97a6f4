//! A vector store: what it holds, when it was last used, when it expires.

use super::files::{self, StoreFile};
use crate::api::list::{Order, Page};
use crate::session::Session;
use crate::session::store::{Stored, StoredKind};
use crate::turn::answer::Answer;
use crate::turn::call::{Call, HandlerFuture};
use crate::wire::error::ApiError;
use crate::wire::ids;
use crate::wire::value::Holds;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

const DAY: u64 = 86_400;

/// A vector store as it is kept.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct VectorStore {
    shown: Value,
}

impl StoredKind for VectorStore {
    const NAME: &'static str = "vector_store";
}

impl VectorStore {
    fn new(call: &Call, body: &Value) -> Self {
        let created = call.created();
        let given = |name: &str| body.get(name).cloned().unwrap_or_default();
        // The keys in the order of recording fbaeeacf8ac7550e.
        let mut store = VectorStore {
            shown: json!({
                "id": ids::timed("vs_", &mut call.random.fork("vector store"), created), "object": "vector_store",
                "name": given("name"), "description": given("description"), "status": "completed", "usage_bytes": 0,
                "created_at": created, "file_counts": null, "metadata": metadata(body),
                "expires_after": given("expires_after"), "expires_at": null, "last_active_at": created,
            }),
        };
        store.used(created);
        store
    }

    pub(super) fn id(&self) -> &str {
        self.shown["id"].as_str().unwrap_or_default()
    }

    /// Somebody uses it, at this time in unix seconds.
    fn used(&mut self, now: u64) {
        self.shown["last_active_at"] = now.into();
        let days = self.shown["expires_after"]["days"].as_u64();
        let expires = days.and_then(|days| days.checked_mul(DAY)?.checked_add(now));
        self.shown["expires_at"] = expires.map_or(Value::Null, Value::from);
    }

    fn is_expired(&self, now: u64) -> bool {
        self.shown["expires_at"].as_u64().is_some_and(|expires| expires <= now)
    }

    /// As it is shown with these files in it.
    fn show(mut self, files: &[StoreFile], now: u64) -> Value {
        let counts = counts(files.iter());
        let bytes: u64 = files.iter().filter_map(|file| file.shown["usage_bytes"].as_u64()).sum();
        let status = match (self.is_expired(now), counts["in_progress"] == 0) {
            (true, _) => "expired",
            (false, true) => "completed",
            (false, false) => "in_progress",
        };
        self.shown["status"] = status.into();
        self.shown["usage_bytes"] = bytes.into();
        self.shown["file_counts"] = counts;
        self.shown
    }
}

/// `file_counts` of these files.
pub(super) fn counts<'a>(files: impl Iterator<Item = &'a StoreFile>) -> Value {
    let mut counts = json!({"in_progress": 0, "completed": 0, "failed": 0, "cancelled": 0, "total": 0});
    for file in files {
        for name in [file.status(), "total"] {
            counts[name] = (counts[name].as_u64().unwrap_or_default() + 1).into();
        }
    }
    counts
}

fn metadata(body: &Value) -> Value {
    body.get("metadata").filter(|metadata| !metadata.is_null()).cloned().unwrap_or_else(|| json!({}))
}

/// The 404 of a vector store that is not there.
pub(super) fn unknown(id: &str) -> ApiError {
    ApiError::new(404, format!("Vector store with id '{id}' not found."))
}

/// The store that the path names.
pub(super) async fn find(call: &Call) -> Result<VectorStore, ApiError> {
    let id = call.param("vector_store_id");
    call.session.store.get(id).await.ok_or_else(|| unknown(id))
}

/// The store that the path names is used: it stays for longer. What it said before.
///
/// # Errors
/// There is none, or it has expired.
pub(super) async fn using(call: &Call) -> Result<VectorStore, ApiError> {
    let id = call.param("vector_store_id");
    touch(&call.session, id, call.session.clock.stamp().as_secs()).await
}

/// A store is used, at this time in unix seconds.
pub(super) async fn touch(session: &Session, id: &str, now: u64) -> Result<VectorStore, ApiError> {
    let use_it = |store: &mut VectorStore| {
        if store.is_expired(now) {
            return Err(ApiError::invalid(format!("Vector store {id} is expired.")).code("expired_vector_store"));
        }
        store.used(now);
        Ok(store.clone())
    };
    session.store.update(id, use_it).await.unwrap_or_else(|| Err(unknown(id)))
}

/// Of each store when it was made, in unix seconds, and how many bytes it holds.
pub(crate) async fn sizes(session: &Session) -> Vec<(u64, u64)> {
    let mut sizes = Vec::new();
    for stored in session.store.all::<VectorStore>().await {
        let Some(store) = stored.read::<VectorStore>() else { continue };
        let files = files::all(session, store.id()).await;
        let bytes = files.iter().filter_map(|file| file.shown["usage_bytes"].as_u64()).sum();
        sizes.push((store.shown["created_at"].as_u64().unwrap_or_default(), bytes));
    }
    sizes
}

async fn shown(call: &Call, store: VectorStore) -> Value {
    let files = files::all(&call.session, store.id()).await;
    store.show(&files, call.created())
}

/// A new store as a body asks for it, with its files; gives it as it is shown.
///
/// # Errors
/// A file cannot be searched, or there is no room; nothing is kept then.
pub(crate) async fn make(call: &Call, body: &Value) -> Result<Value, ApiError> {
    let store = VectorStore::new(call, body);
    let ids = body["file_ids"].elements();
    let asked: Vec<Value> = ids.map(|id| json!({"file_id": id})).collect();
    let files = files::made(call, store.id(), &asked, body, None).await?;
    call.session.store.put(store.id(), &store).await?;
    if let Err(error) = files::keep(&call.session, store.id(), &files).await {
        call.session.store.remove::<VectorStore>(store.id()).await;
        return Err(error);
    }
    Ok(store.show(&files, call.created()))
}

/// Puts files into a store, by their ids.
///
/// # Errors
/// As [`make`]; there is no such store.
pub(crate) async fn fill(call: &Call, id: &str, files: &[Value]) -> Result<(), ApiError> {
    let store = touch(&call.session, id, call.created()).await?;
    let asked: Vec<Value> = files.iter().map(|id| json!({"file_id": id})).collect();
    let files = files::made(call, store.id(), &asked, &Value::Null, None).await?;
    files::keep(&call.session, store.id(), &files).await
}

pub(super) fn create(call: Call) -> HandlerFuture {
    Box::pin(async move { Ok(Answer::json(&make(&call, &call.body).await?)) })
}

pub(super) fn retrieve(call: Call) -> HandlerFuture {
    Box::pin(async move {
        let store = find(&call).await?;
        Ok(Answer::json(&shown(&call, store).await))
    })
}

pub(super) fn update(call: Call) -> HandlerFuture {
    Box::pin(async move {
        let id = call.param("vector_store_id");
        let change = |store: &mut VectorStore| {
            for name in ["name", "expires_after", "metadata"] {
                match call.body.get(name) {
                    Some(_) if name == "metadata" => store.shown[name] = metadata(&call.body),
                    Some(value) => store.shown[name] = value.clone(),
                    None => {}
                }
            }
            store.used(store.shown["last_active_at"].as_u64().unwrap_or_default());
            store.clone()
        };
        let store = call.session.store.change(id, change).await.ok_or_else(|| unknown(id))?;
        Ok(Answer::json(&shown(&call, store).await))
    })
}

pub(super) fn list(call: Call) -> HandlerFuture {
    Box::pin(async move {
        let page = Page::stored::<VectorStore>(&call, Order::NewestFirst, &|stored: &Stored| {
            Some(json!({"id": stored.id, "kept": stored.read::<VectorStore>()?.shown}))
        });
        let mut page = page.await;
        for one in page.items() {
            let store = VectorStore { shown: one["kept"].take() };
            *one = shown(&call, store).await;
        }
        Ok(Answer::json(&page))
    })
}

/// Forgets a store with what is in it.
pub(crate) async fn forget(session: &Session, id: &str) {
    session.store.remove_below(&format!("vector_store/{id}/")).await;
    session.store.remove::<VectorStore>(id).await;
}

/// A file is deleted: no store of the session has it any more (OpenAPI: deleteFile).
pub(crate) async fn remove_file(session: &Session, file: &str) {
    for stored in session.store.all::<VectorStore>().await {
        session.store.objects(&files::shelf(&stored.id)).remove(file).await;
    }
}

pub(super) fn delete(call: Call) -> HandlerFuture {
    Box::pin(async move {
        let store = find(&call).await?;
        forget(&call.session, store.id()).await;
        Ok(Answer::json(&json!({"id": store.id(), "object": "vector_store.deleted", "deleted": true})))
    })
}
