//! Files that come into a vector store together.

use super::{files, store};
use crate::session::store::Stored;
use crate::turn::answer::Answer;
use crate::turn::call::{Call, HandlerFuture};
use crate::wire::error::ApiError;
use crate::wire::ids;
use serde_json::{Value, json};

/// Files that a batch may have.
const MOST: usize = 2_000;

/// Where a store's batches are kept.
pub(super) fn shelf(store: &str) -> String {
    format!("vector_store/{store}/batch")
}

async fn find(call: &Call) -> Result<Value, ApiError> {
    let (store, id) = (store::find(call).await?, call.param("batch_id"));
    let found: Option<Stored> = call.session.store.objects(&shelf(store.id())).find(id).await;
    let unknown =
        || ApiError::new(404, format!("No file batch found with id '{id}' in vector store '{}'.", store.id()));
    found.and_then(|stored| stored.read()).ok_or_else(unknown)
}

/// A batch as its files make it.
async fn answer(call: &Call, mut batch: Value) -> Answer {
    let id = batch["id"].as_str().unwrap_or_default().to_string();
    let store = batch["vector_store_id"].as_str().unwrap_or_default();
    let all = files::all(&call.session, store).await;
    let counts = store::counts(all.iter().filter(|file| file.batch.as_deref() == Some(&id)));
    let status = match &counts {
        counts if counts["in_progress"] != 0 => "in_progress",
        counts if counts["cancelled"] != 0 => "cancelled",
        counts if counts["failed"] == counts["total"] && counts["total"] != 0 => "failed",
        _ => "completed",
    };
    batch["status"] = status.into();
    batch["file_counts"] = counts;
    Answer::polled(&batch, status == "in_progress")
}

pub(super) fn create(call: Call) -> HandlerFuture {
    Box::pin(async move {
        let store = store::using(&call).await?;
        let body = &call.body;
        let given = |name: &str| body[name].as_array().filter(|items| !items.is_empty());
        let asked: Vec<Value> = match (given("file_ids"), given("files")) {
            (Some(ids), None) => ids.iter().map(|id| json!({"file_id": id})).collect(),
            (None, Some(files)) => files.clone(),
            (None, None) => return Err(ApiError::missing("file_ids")),
            (Some(_), Some(_)) => {
                return Err(ApiError::invalid("Only one of 'file_ids' and 'files' can be given.").param("files"));
            }
        };
        if asked.len() > MOST {
            let message = format!("A file batch may have {MOST} files, and not {}.", asked.len());
            return Err(ApiError::invalid(message).param("file_ids").code("array_above_max_length"));
        }
        let id = ids::timed("vsfb_", &mut call.random.fork("file batch"), call.created());
        let files = files::made(&call, store.id(), &asked, body, Some(&id)).await?;
        let batch = json!({
            "id": id, "object": "vector_store.files_batch", "created_at": call.created(), "status": "in_progress",
            "vector_store_id": store.id(), "file_counts": store::counts(files.iter()),
        });
        call.session.store.objects(&shelf(store.id())).put(&id, &batch).await?;
        if let Err(error) = files::keep(&call.session, store.id(), &files).await {
            call.session.store.objects(&shelf(store.id())).remove(&id).await;
            return Err(error);
        }
        Ok(Answer::polled(&batch, true))
    })
}

pub(super) fn retrieve(call: Call) -> HandlerFuture {
    Box::pin(async move {
        let batch = find(&call).await?;
        Ok(answer(&call, batch).await)
    })
}

/// Stops the files that are not processed yet.
pub(super) fn cancel(call: Call) -> HandlerFuture {
    Box::pin(async move {
        let batch = find(&call).await?;
        let (store, id) = (call.param("vector_store_id"), call.param("batch_id"));
        let session = &call.session;
        for stored in session.store.objects(&files::shelf(store)).all().await {
            let stop = |file: &mut files::StoreFile| {
                if file.batch.as_deref() == Some(id) {
                    file.cancel(session);
                }
            };
            files::change(session, store, &stored.id, stop).await;
        }
        Ok(answer(&call, batch).await)
    })
}

pub(super) fn list_files(call: Call) -> HandlerFuture {
    Box::pin(async move {
        find(&call).await?;
        let (store, id) = (call.param("vector_store_id"), call.param("batch_id"));
        Ok(Answer::json(&files::page(&call, store, |file| file.batch.as_deref() == Some(id)).await))
    })
}
