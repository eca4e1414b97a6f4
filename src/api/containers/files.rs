//! `containers.files`: what lies in a container, put there by upload, from another file, or by the code interpreter.

use super::{alive, touch};
use crate::api::files::kept;
use crate::api::list::{LIMITS, Order, Page};
use crate::session::Session;
use crate::session::store::{Store, Stored};
use crate::turn::answer::{Answer, Body};
use crate::turn::call::{Call, HandlerFuture};
use crate::wire::blob::Blob;
use crate::wire::error::ApiError;
use crate::wire::ids;
use serde_json::{Value, json};

/// Where a container's files are kept.
fn shelf(container: &str) -> String {
    format!("/containers/{container}/files")
}

fn blob(container: &str, file: &str) -> String {
    format!("container/{container}/{file}")
}

/// Puts a file into a container; gives it as it is shown.
///
/// # Errors
/// There is no room for it; nothing is kept then.
pub(super) async fn put(
    session: &Session,
    created: u64,
    container: &str,
    id: &str,
    name: &str,
    source: &str,
    content: Blob,
) -> Result<Value, ApiError> {
    // Some clients send the path.
    let name = name.rsplit(['/', '\\']).next().unwrap_or_default();
    let file = json!({
        "id": id, "object": "container.file", "created_at": created, "bytes": content.len(), "container_id": container,
        "path": format!("/mnt/data/{name}"), "source": source,
    });
    session.store.put_blob(&blob(container, id), content).await?;
    if let Err(error) = session.store.objects(&shelf(container)).put(id, &file).await {
        session.store.remove_blob(&blob(container, id)).await;
        return Err(error);
    }
    Ok(file)
}

/// Forgets all that lies in a container.
pub(super) async fn forget(store: &Store, container: &str) {
    for stored in store.objects(&shelf(container)).all().await {
        store.remove_blob(&blob(container, &stored.id)).await;
        store.objects(&shelf(container)).remove(&stored.id).await;
    }
}

/// The container that the path names: one that can be looked into.
async fn container(call: &Call) -> Result<&str, ApiError> {
    let id = call.param("container_id");
    alive(&call.session, id, call.created()).await?;
    Ok(id)
}

fn unknown(id: &str) -> ApiError {
    ApiError::new(404, format!("Container file with id '{id}' not found."))
}

async fn find(call: &Call) -> Result<Value, ApiError> {
    let (container, id) = (container(call).await?, call.param("file_id"));
    let found: Option<Value> = call.session.store.objects(&shelf(container)).get(id).await;
    found.ok_or_else(|| unknown(id))
}

pub(super) fn create(call: Call) -> HandlerFuture {
    Box::pin(async move {
        let container = call.param("container_id");
        touch(&call.session, container, call.created()).await?;
        let (name, content) = match call.body["file_id"].as_str() {
            Some(id) => {
                let file = kept::named(&call, id).await?;
                let content = file.content(&call.session.store).await?;
                (file.filename, content)
            }
            None => {
                let sent = call.file("file")?;
                (sent.name.clone(), sent.blob())
            }
        };
        let id = ids::timed("cfile_", &mut call.random.fork("container file"), call.created());
        let file = put(&call.session, call.created(), container, &id, &name, "user", content).await;
        Ok(Answer::json(&file.map_err(|error| error.param("file"))?))
    })
}

pub(super) fn retrieve(call: Call) -> HandlerFuture {
    Box::pin(async move { Ok(Answer::json(&find(&call).await?)) })
}

pub(super) fn list(call: Call) -> HandlerFuture {
    Box::pin(async move {
        let shelf = shelf(container(&call).await?);
        Ok(Answer::json(&Page::kept(&call, &shelf, Order::NewestFirst, LIMITS, &Stored::read).await))
    })
}

pub(super) fn delete(call: Call) -> HandlerFuture {
    Box::pin(async move {
        find(&call).await?;
        let (container, id) = (call.param("container_id"), call.param("file_id"));
        call.session.store.objects(&shelf(container)).remove(id).await;
        call.session.store.remove_blob(&blob(container, id)).await;
        Ok(Answer::json(&json!({"id": id, "object": "container.file.deleted", "deleted": true})))
    })
}

pub(super) fn content(call: Call) -> HandlerFuture {
    Box::pin(async move {
        find(&call).await?;
        let (container, id) = (call.param("container_id"), call.param("file_id"));
        let content = call.session.store.blob(&blob(container, id)).await.ok_or_else(|| unknown(id))?;
        let all = 0..content.len();
        Ok(Answer::ok(Body::File("application/octet-stream", content, all)))
    })
}
