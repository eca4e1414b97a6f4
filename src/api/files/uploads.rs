//! `uploads`: a file that comes in parts, in whatever order, and is put together when it is completed.

use super::kept::{self, FileRecord, NewFile};
use crate::session::store::{IN_MEMORY, Store, StoredKind};
use crate::turn::answer::Answer;
use crate::turn::call::{Call, HandlerFuture, Served};
use crate::wire::blob::{Blob, hex};
use crate::wire::error::{self, ApiError};
use crate::wire::ids;
use crate::wire::value::Holds;
use md5::{Digest, Md5};
use serde::{Deserialize, Serialize};
use serde_json::json;

/// The operations of this resource.
pub(crate) const OPERATIONS: &[Served] = &[
    Served { name: "uploads.create", handler: create },
    Served { name: "uploads.cancel", handler: cancel },
    Served { name: "uploads.complete", handler: complete },
    Served { name: "uploads.parts.create", handler: add_part },
];

/// Seconds an upload takes parts: an hour, as documented.
const OPEN: u64 = 3_600;

/// An upload as answers show it.
#[derive(Debug, Clone, Serialize, Deserialize)]
struct Upload {
    id: String,
    object: String,
    bytes: u64,
    /// Unix seconds.
    created_at: u64,
    filename: String,
    purpose: String,
    status: UploadStatus,
    expires_at: u64,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    file: Option<FileRecord>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
enum UploadStatus {
    Pending,
    Completed,
    Cancelled,
    Expired,
}

/// An upload as it is kept.
#[derive(Debug, Serialize, Deserialize)]
struct OpenUpload {
    shown: Upload,
    /// Seconds the file is there once it is made.
    expires_after: Option<u64>,
    parts: Vec<UploadedPart>,
}

#[derive(Debug, Serialize, Deserialize)]
struct UploadedPart {
    id: String,
    bytes: u64,
}

impl StoredKind for OpenUpload {
    const NAME: &'static str = "upload";
}

impl OpenUpload {
    /// Refuses what an upload takes only while it is open.
    fn check_open(&self, now: u64) -> Result<(), ApiError> {
        let status = match self.shown.status {
            UploadStatus::Pending if now < self.shown.expires_at => return Ok(()),
            UploadStatus::Pending | UploadStatus::Expired => "expired",
            UploadStatus::Completed => "completed",
            UploadStatus::Cancelled => "cancelled",
        };
        Err(ApiError::invalid(format!("Upload {} has status '{status}': it must be 'pending'.", self.shown.id)))
    }

    fn received(&self) -> u64 {
        self.parts.iter().map(|part| part.bytes).sum()
    }

    async fn forget_parts(&self, store: &Store) {
        for part in &self.parts {
            store.remove_blob(&blob(&self.shown.id, &part.id)).await;
        }
    }
}

/// Name of a part's bytes in the store.
fn blob(upload: &str, part: &str) -> String {
    format!("upload/{upload}/{part}")
}

fn unknown(id: &str) -> ApiError {
    ApiError::new(404, format!("No such Upload object: {id}")).param("id")
}

/// The upload the path names, still open. What came for one that has expired is forgotten.
async fn open(call: &Call) -> Result<OpenUpload, ApiError> {
    let id = call.param("upload_id");
    let upload: OpenUpload = call.session.store.get(id).await.ok_or_else(|| unknown(id))?;
    let checked = upload.check_open(call.created());
    if checked.is_err() {
        upload.forget_parts(&call.session.store).await;
    }
    checked.map(|()| upload)
}

/// Changes the upload the path names, if it is still open.
async fn change<T: Send>(call: &Call, change: impl Fn(&mut OpenUpload) -> T + Send) -> Result<T, ApiError> {
    let id = call.param("upload_id");
    let when_open = move |upload: &mut OpenUpload| upload.check_open(call.created()).map(|()| change(upload));
    call.session.store.update(id, when_open).await.unwrap_or_else(|| Err(unknown(id)))
}

fn create(call: Call) -> HandlerFuture {
    Box::pin(async move {
        let text = |name: &str| call.body[name].as_str().unwrap_or_default().to_string();
        let (filename, purpose) = (text("filename"), text("purpose"));
        super::formats::check(&purpose, &filename)?;
        let bytes = call.body["bytes"].as_u64().unwrap_or_default();
        check_room(&call, bytes)?;
        let created = call.created();
        let shown = Upload {
            id: ids::timed("upload_", &mut call.random.fork("upload"), created),
            object: "upload".into(),
            bytes,
            created_at: created,
            filename,
            purpose,
            status: UploadStatus::Pending,
            expires_at: created.saturating_add(OPEN),
            file: None,
        };
        let expires_after = call.body["expires_after"]["seconds"].as_u64();
        let upload = OpenUpload { shown, expires_after, parts: Vec::new() };
        call.session.store.put(&upload.shown.id, &upload).await?;
        Ok(Answer::json_line(&upload.shown))
    })
}

/// Refuses a file that could not be put together: its parts are there beside it while it is made.
fn check_room(call: &Call, bytes: u64) -> Result<(), ApiError> {
    let (accounts, needed) = (&call.session.accounts, bytes.saturating_mul(2));
    let needed = usize::try_from(needed).unwrap_or(usize::MAX);
    let (memory, disk) = (accounts.stored.most(), accounts.files.most());
    match bytes > IN_MEMORY {
        true if needed > disk => Err(error::no_room_on_disk(needed, disk).param("bytes")),
        false if needed > memory => {
            Err(error::no_room("a session", needed, memory, "maxSessionBytes (a third of it)").param("bytes"))
        }
        _ => Ok(()),
    }
}

fn add_part(call: Call) -> HandlerFuture {
    Box::pin(async move {
        let upload = open(&call).await?;
        let sent = call.file("data")?;
        let (had, most) = (upload.received(), upload.shown.bytes);
        if had.saturating_add(sent.len) > most {
            let message = format!(
                "Upload {} is of {most} bytes: it has {had} already, and this part {} more.",
                upload.shown.id, sent.len
            );
            return Err(ApiError::invalid(message).param("data"));
        }
        let created = call.created();
        let id = ids::timed("part_", &mut call.random.fork("part"), created);
        let name = blob(&upload.shown.id, &id);
        call.session.store.put_blob(&name, sent.blob()).await.map_err(|error| error.param("data"))?;
        let add = |upload: &mut OpenUpload| upload.parts.push(UploadedPart { id: id.clone(), bytes: sent.len });
        if let Err(error) = change(&call, add).await {
            call.session.store.remove_blob(&name).await;
            return Err(error);
        }
        let part = json!({"id": id, "object": "upload.part", "created_at": created, "upload_id": upload.shown.id});
        Ok(Answer::json_line(&part))
    })
}

fn cancel(call: Call) -> HandlerFuture {
    Box::pin(async move {
        let upload = open(&call).await?;
        let stop = |upload: &mut OpenUpload| {
            upload.shown.status = UploadStatus::Cancelled;
            upload.shown.clone()
        };
        let shown = change(&call, stop).await?;
        upload.forget_parts(&call.session.store).await;
        Ok(Answer::json_line(&shown))
    })
}

fn complete(call: Call) -> HandlerFuture {
    Box::pin(async move {
        let upload = open(&call).await?;
        let content = put_together(&call, &upload).await?;
        let new = NewFile {
            purpose: &upload.shown.purpose,
            name: &upload.shown.filename,
            bytes: content.len(),
            expires_after: upload.expires_after,
        };
        let file = FileRecord::new(&call, &new);
        file.keep(&call.session, content).await?;
        let end = |upload: &mut OpenUpload| {
            upload.shown.status = UploadStatus::Completed;
            upload.shown.file = Some(file.clone());
            upload.shown.clone()
        };
        // Somebody may have ended it meanwhile.
        let ended = change(&call, end).await;
        match ended {
            Ok(shown) => {
                upload.forget_parts(&call.session.store).await;
                Ok(Answer::json_line(&shown))
            }
            Err(error) => {
                file.forget(&call.session.store).await;
                Err(error)
            }
        }
    })
}

/// The bytes of the parts in the order the request names them, of the length and checksum that were promised.
async fn put_together(call: &Call, upload: &OpenUpload) -> Result<Blob, ApiError> {
    let asked = call.body["part_ids"].elements().enumerate();
    let mut parts = Vec::new();
    for (at, id) in asked {
        let id = id.as_str().unwrap_or_default();
        let part = upload.parts.iter().find(|part| part.id == id);
        let there = part.is_some() && parts.len() < upload.parts.len();
        let bytes = if there { call.session.store.blob(&blob(&upload.shown.id, id)).await } else { None };
        let refused = || {
            let message = format!("No such Part object of upload {}, or it is named twice: {id}", upload.shown.id);
            ApiError::invalid(message).param(format!("part_ids[{at}]"))
        };
        parts.push(bytes.ok_or_else(refused)?);
    }
    let length: u64 = parts.iter().map(Blob::len).sum();
    if length != upload.shown.bytes {
        let message = format!("The parts have {length} bytes, and the upload promised {}.", upload.shown.bytes);
        return Err(ApiError::invalid(message).param("part_ids"));
    }
    let promised = call.body["md5"].as_str();
    let mut sum = promised.map(|_| Md5::new());
    let joined = crate::runtime::aside(length as usize, || {
        Blob::joined(&parts, IN_MEMORY, |bytes| sum.iter_mut().for_each(|sum| sum.update(bytes)))
    });
    let whole = joined.map_err(|error| kept::unread(&error))?;
    let Some((promised, sum)) = promised.zip(sum) else { return Ok(whole) };
    let found = hex(&sum.finalize());
    if !found.eq_ignore_ascii_case(promised) {
        let message = format!("The md5 of the parts is {found}, and not the promised {promised}.");
        return Err(ApiError::invalid(message).param("md5"));
    }
    Ok(whole)
}
