//! `containers`: where code runs in production. Here they hold files: what was put there, and what a scripted
//! `code_interpreter_call` leaves ([`code`]). One that nobody used for as long as it says has expired: its files are gone.

pub(crate) mod code;
mod files;

use crate::api::files::kept::{self, FileRecord};
use crate::api::list::{LIMITS, Order, Page};
use crate::random::{self, Random};
use crate::session::Session;
use crate::session::exchange::PaidUse;
use crate::session::store::Stored;
use crate::turn::answer::Answer;
use crate::turn::call::{Call, HandlerFuture, Served};
use crate::wire::error::ApiError;
use crate::wire::ids;
use crate::wire::value::Holds;
use serde_json::{Value, json};

/// The operations of this resource.
pub(crate) const OPERATIONS: &[Served] = &[
    Served { name: "containers.create", handler: create },
    Served { name: "containers.retrieve", handler: retrieve },
    Served { name: "containers.list", handler: list },
    Served { name: "containers.delete", handler: delete },
    Served { name: "containers.files.create", handler: files::create },
    Served { name: "containers.files.retrieve", handler: files::retrieve },
    Served { name: "containers.files.list", handler: files::list },
    Served { name: "containers.files.delete", handler: files::delete },
    Served { name: "containers.files.content.retrieve", handler: files::content },
];

/// Where they are kept: under their path, as stored resources are.
const SHELF: &str = "/containers";

/// Minutes that one stays without being used.
const MINUTES: u64 = 20;

/// A new container of this id, made in this second.
fn made(id: &str, created: u64, asked: &Value) -> Value {
    let given = |name: &str| asked.get(name).filter(|value| !value.is_null()).cloned();
    let mut container = json!({
        "id": id, "object": "container", "created_at": created, "status": "running",
        "expires_after": given("expires_after").unwrap_or_else(|| json!({"anchor": "last_active_at", "minutes": MINUTES})),
        "last_active_at": created, "memory_limit": given("memory_limit").unwrap_or_else(|| "1g".into()),
        "name": given("name").unwrap_or_default(),
    });
    if let Some(policy) = given("network_policy") {
        container["network_policy"] = policy;
    }
    container
}

fn is_expired(container: &Value, now: u64) -> bool {
    let minutes = container["expires_after"]["minutes"].as_u64().unwrap_or(MINUTES);
    let active = container["last_active_at"].as_u64().unwrap_or_default();
    active.saturating_add(minutes.saturating_mul(60)) <= now
}

fn unknown(id: &str) -> ApiError {
    ApiError::new(404, format!("Container with id '{id}' not found."))
}

/// The container of an id as it is now. The files of one that has expired are forgotten when somebody asks.
async fn at(session: &Session, id: &str, now: u64) -> Result<Value, ApiError> {
    let found: Option<Value> = session.store.objects(SHELF).get(id).await;
    let mut container = found.ok_or_else(|| unknown(id))?;
    if container["status"] == "running" && is_expired(&container, now) {
        container["status"] = "expired".into();
        let set = |kept: &mut Value| kept["status"] = "expired".into();
        session.store.objects(SHELF).change(id, set).await;
        files::forget(&session.store, id).await;
    }
    Ok(container)
}

/// Refuses a container that cannot be looked into.
///
/// # Errors
/// There is none, or it has expired.
async fn alive(session: &Session, id: &str, now: u64) -> Result<(), ApiError> {
    match at(session, id, now).await?["status"] == "expired" {
        true => Err(ApiError::invalid("Container is expired.")),
        false => Ok(()),
    }
}

/// A container is used at this time, in unix seconds: it stays for longer.
///
/// # Errors
/// There is none, or it has expired.
async fn touch(session: &Session, id: &str, now: u64) -> Result<(), ApiError> {
    alive(session, id, now).await?;
    session.store.objects(SHELF).change(id, |kept: &mut Value| kept["last_active_at"] = now.into()).await;
    Ok(())
}

/// A container of this id begins, with copies of these files in it.
///
/// # Errors
/// There is no room for it; nothing is kept then.
async fn begin(
    session: &Session,
    id: &str,
    created: u64,
    asked: &Value,
    sources: &[FileRecord],
) -> Result<Value, ApiError> {
    let container = made(id, created, asked);
    session.store.objects(SHELF).put(id, &container).await?;
    for (index, source) in sources.iter().enumerate() {
        let mut random = Random::new(random::key(index as u64, &[id.as_bytes()]));
        let file = ids::timed("cfile_", &mut random, created);
        let put = match source.content(&session.store).await {
            Ok(content) => files::put(session, created, id, &file, &source.filename, "user", content).await.map(drop),
            Err(error) => Err(error),
        };
        if let Err(error) = put {
            forget(session, id).await;
            return Err(error.param("file_ids"));
        }
    }
    Ok(container)
}

fn create(call: Call) -> HandlerFuture {
    Box::pin(async move {
        let id = ids::long("cntr_", &mut call.random.fork("id"), call.created());
        let mut sources = Vec::new();
        for file in call.body["file_ids"].elements().filter_map(Value::as_str) {
            sources.push(kept::named(&call, file).await.map_err(|error| error.param("file_ids"))?);
        }
        let container = begin(&call.session, &id, call.created(), &call.body, &sources).await?;
        let _ = call.exchange.uses.set([PaidUse::CodeSession].into());
        Ok(Answer::json(&container))
    })
}

fn retrieve(call: Call) -> HandlerFuture {
    Box::pin(async move { Ok(Answer::json(&at(&call.session, call.param("container_id"), call.created()).await?)) })
}

fn list(call: Call) -> HandlerFuture {
    Box::pin(async move {
        for stored in call.session.store.objects(SHELF).all().await {
            at(&call.session, &stored.id, call.created()).await?;
        }
        let name = call.query("name");
        let show = |stored: &Stored| {
            let container: Value = stored.read()?;
            name.is_none_or(|name| container["name"] == name).then_some(container)
        };
        Ok(Answer::json(&Page::kept(&call, SHELF, Order::NewestFirst, LIMITS, &show).await))
    })
}

/// Forgets a container with all that lies in it.
async fn forget(session: &Session, id: &str) -> bool {
    files::forget(&session.store, id).await;
    session.store.objects(SHELF).remove(id).await
}

fn delete(call: Call) -> HandlerFuture {
    Box::pin(async move {
        let id = call.param("container_id");
        match forget(&call.session, id).await {
            // The types say that nothing comes back, the document's example that this does.
            true => Ok(Answer::json(&json!({"id": id, "object": "container.deleted", "deleted": true}))),
            false => Err(unknown(id)),
        }
    })
}
