//! `containers.files`: what lies in a container, put there by upload or from another file. Containers themselves are only
//! stored (see [`objects`](super::objects)).

use crate::api::files::kept;
use crate::api::list::{LIMITS, Order, Page};
use crate::session::store::Stored;
use crate::turn::answer::{Answer, Body};
use crate::turn::call::{Call, HandlerFuture, Served};
use crate::wire::error::ApiError;
use crate::wire::ids;
use serde_json::{Value, json};

/// The operations of this resource.
pub(crate) const OPERATIONS: &[Served] = &[
    Served { name: "containers.files.create", handler: create },
    Served { name: "containers.files.retrieve", handler: retrieve },
    Served { name: "containers.files.list", handler: list },
    Served { name: "containers.files.delete", handler: delete },
    Served { name: "containers.files.content.retrieve", handler: content },
];

/// Where a container's files are kept.
fn shelf(container: &str) -> String {
    format!("/containers/{container}/files")
}

fn blob(container: &str, file: &str) -> String {
    format!("container/{container}/{file}")
}

/// Refuses a container that is not there: one of the stored resources.
async fn container(call: &Call) -> Result<&str, ApiError> {
    let id = call.param("container_id");
    let found: Option<Value> = call.session.store.objects("/containers").get(id).await;
    found.map(|_| id).ok_or_else(|| ApiError::new(404, format!("Container with id '{id}' not found.")))
}

async fn find(call: &Call) -> Result<Value, ApiError> {
    let (container, id) = (container(call).await?, call.param("file_id"));
    let found: Option<Value> = call.session.store.objects(&shelf(container)).get(id).await;
    found.ok_or_else(|| ApiError::new(404, format!("Container file with id '{id}' not found.")))
}

fn create(call: Call) -> HandlerFuture {
    Box::pin(async move {
        let container = container(&call).await?;
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
        let name = name.rsplit(['/', '\\']).next().unwrap_or_default();
        let id = ids::timed("cfile_", &mut call.random.fork("container file"), call.created());
        let file = json!({
            "id": id, "object": "container.file", "created_at": call.created(), "bytes": content.len(),
            "container_id": container, "path": format!("/mnt/data/{name}"), "source": "user",
        });
        call.session.store.put_blob(&blob(container, &id), content).await.map_err(|error| error.param("file"))?;
        call.session.store.objects(&shelf(container)).put(&id, &file).await;
        Ok(Answer::json(&file))
    })
}

fn retrieve(call: Call) -> HandlerFuture {
    Box::pin(async move { Ok(Answer::json(&find(&call).await?)) })
}

fn list(call: Call) -> HandlerFuture {
    Box::pin(async move {
        let shelf = shelf(container(&call).await?);
        Ok(Answer::json(&Page::kept(&call, &shelf, Order::NewestFirst, LIMITS, Stored::read).await))
    })
}

fn delete(call: Call) -> HandlerFuture {
    Box::pin(async move {
        find(&call).await?;
        let (container, id) = (call.param("container_id"), call.param("file_id"));
        call.session.store.objects(&shelf(container)).remove(id).await;
        call.session.store.remove_blob(&blob(container, id)).await;
        Ok(Answer::ok(Body::Empty))
    })
}

fn content(call: Call) -> HandlerFuture {
    Box::pin(async move {
        find(&call).await?;
        let (container, id) = (call.param("container_id"), call.param("file_id"));
        let content = call.session.store.blob(&blob(container, id)).await;
        let gone = || ApiError::new(404, format!("Container file with id '{id}' not found."));
        let content = content.ok_or_else(gone)?;
        let all = 0..content.len();
        Ok(Answer::ok(Body::File("application/octet-stream", content, all)))
    })
}
