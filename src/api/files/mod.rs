//! `files`: what was uploaded, byte for byte, and what the emulator itself wrote.

mod content;
pub(crate) mod formats;
pub(crate) mod kept;
pub(crate) mod uploads;

use crate::api::list::{Order, Page};
use crate::api::vector_stores;
use crate::session::store::{Stored, StoredKind};
use crate::turn::answer::Answer;
use crate::turn::call::{Call, HandlerFuture, Served};
use kept::{FileRecord, NewFile};
use serde_json::json;

/// The operations of this resource.
pub(crate) const OPERATIONS: &[Served] = &[
    Served { name: "files.create", handler: create },
    Served { name: "files.list", handler: list },
    Served { name: "files.retrieve", handler: retrieve },
    Served { name: "files.delete", handler: delete },
    Served { name: "files.content", handler: content::serve },
];

/// Files a list shows unless it is asked for fewer, and at most.
const PAGE: usize = 10_000;

fn create(call: Call) -> HandlerFuture {
    Box::pin(async move {
        let sent = call.file("file")?;
        let purpose = call.body["purpose"].as_str().unwrap_or_default();
        formats::check(purpose, &sent.name)?;
        let expires_after = call.body["expires_after"]["seconds"].as_u64();
        let record = FileRecord::new(&call, &NewFile { purpose, name: &sent.name, bytes: sent.len, expires_after });
        record.keep(&call.session, sent.blob()).await?;
        Ok(Answer::json_line(&record))
    })
}

fn list(call: Call) -> HandlerFuture {
    Box::pin(async move {
        let (purpose, now) = (call.query("purpose"), call.created());
        let asked =
            |record: &FileRecord| !record.is_expired(now) && purpose.is_none_or(|asked| record.purpose == asked);
        let show = |stored: &Stored| {
            let record = stored.read::<FileRecord>().filter(asked)?;
            serde_json::to_value(record).ok()
        };
        Ok(Answer::json_line(&Page::kept(&call, FileRecord::NAME, Order::NewestFirst, (PAGE, PAGE), &show).await))
    })
}

fn retrieve(call: Call) -> HandlerFuture {
    Box::pin(async move { Ok(Answer::json_line(&kept::named(&call, call.param("file_id")).await?)) })
}

fn delete(call: Call) -> HandlerFuture {
    Box::pin(async move {
        let record = kept::named(&call, call.param("file_id")).await?;
        record.forget(&call.session.store).await;
        vector_stores::store::remove_file(&call.session, &record.id).await;
        Ok(Answer::json_line(&json!({"object": "file", "deleted": true, "id": record.id})))
    })
}
