//! A file as it is kept: its record among the session's objects, its bytes beside it.

use crate::random::Random;
use crate::session::Session;
use crate::session::store::{Store, StoredKind};
use crate::turn::call::Call;
use crate::wire::blob::Blob;
use crate::wire::error::ApiError;
use bytes::Bytes;
use serde::{Deserialize, Serialize};
use std::io;

/// Seconds that a batch's files are there unless something else was asked: 30 days.
const BATCH_FILES: u64 = 30 * 86_400;

/// A file as answers show it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct FileRecord {
    pub object: String,
    pub id: String,
    pub purpose: String,
    pub filename: String,
    pub bytes: u64,
    /// Unix seconds.
    pub created_at: u64,
    pub expires_at: Option<u64>,
    pub status: String,
    pub status_details: Option<String>,
}

/// What is asked of a file that is made.
pub(crate) struct NewFile<'a> {
    pub purpose: &'a str,
    /// As the client named it.
    pub name: &'a str,
    pub bytes: u64,
    /// Seconds that it is there.
    pub expires_after: Option<u64>,
}

impl StoredKind for FileRecord {
    const NAME: &'static str = "file";
}

impl FileRecord {
    /// The record of a new file that this call brings.
    pub(super) fn new(call: &Call, new: &NewFile<'_>) -> Self {
        FileRecord::made(&mut call.random.fork("file"), call.created(), new)
    }

    /// The record of a new file; `created` in unix seconds.
    pub(crate) fn made(random: &mut Random, created: u64, new: &NewFile<'_>) -> Self {
        let after = new.expires_after.or(matches!(new.purpose, "batch" | "batch_output").then_some(BATCH_FILES));
        FileRecord {
            object: "file".into(),
            id: format!("file-{}", random.alphanumeric(22)),
            purpose: new.purpose.into(),
            // Some clients send the path.
            filename: new.name.rsplit(['/', '\\']).next().unwrap_or_default().into(),
            bytes: new.bytes,
            created_at: created,
            expires_at: after.and_then(|seconds| created.checked_add(seconds)),
            status: "processed".into(),
            status_details: None,
        }
    }

    pub(super) fn is_expired(&self, now: u64) -> bool {
        self.expires_at.is_some_and(|expires| expires <= now)
    }

    /// Keeps the file and its bytes.
    ///
    /// # Errors
    /// The session has no room for so many bytes; nothing is kept then.
    pub(crate) async fn keep(&self, session: &Session, content: impl Into<Blob>) -> Result<(), ApiError> {
        let store = &session.store;
        store.put_blob(&blob(&self.id), content).await.map_err(|error| error.param("file"))?;
        if let Err(error) = store.put(&self.id, self).await {
            store.remove_blob(&blob(&self.id)).await;
            return Err(error);
        }
        Ok(())
    }

    /// The bytes, exactly as they came.
    ///
    /// # Errors
    /// They gave way to newer things of the session.
    pub(crate) async fn content(&self, store: &Store) -> Result<Blob, ApiError> {
        store.blob(&blob(&self.id)).await.ok_or_else(|| unknown(&self.id))
    }

    /// All of them, in memory.
    ///
    /// # Errors
    /// As [`FileRecord::content`]; the disk does not give them.
    pub(crate) async fn read(&self, store: &Store) -> Result<Bytes, ApiError> {
        let content = self.content(store).await?;
        crate::runtime::aside(content.len() as usize, || content.bytes()).map_err(|error| unread(&error))
    }

    /// Forgets the file and its bytes.
    pub(super) async fn forget(&self, store: &Store) {
        store.remove::<FileRecord>(&self.id).await;
        store.remove_blob(&blob(&self.id)).await;
    }
}

/// Name of a file's bytes in the store.
fn blob(id: &str) -> String {
    format!("file/{id}")
}

/// The file of an id. One that has expired is forgotten when somebody asks for it.
///
/// # Errors
/// There is none.
pub(crate) async fn named(call: &Call, id: &str) -> Result<FileRecord, ApiError> {
    at(&call.session.store, call.created(), id).await
}

/// The file of an id at this time, in unix seconds.
///
/// # Errors
/// There is none.
pub(crate) async fn at(store: &Store, now: u64, id: &str) -> Result<FileRecord, ApiError> {
    let record: FileRecord = store.get(id).await.ok_or_else(|| unknown(id))?;
    if record.is_expired(now) {
        record.forget(store).await;
        return Err(unknown(id));
    }
    Ok(record)
}

/// 404 of a file that is not there (real-traffic §3).
fn unknown(id: &str) -> ApiError {
    ApiError::new(404, format!("No such File object: {id}")).param("id")
}

/// The machine lost what a form brought.
pub(crate) fn unread(error: &io::Error) -> ApiError {
    ApiError::emulator("form_not_kept", format!("The emulator cannot read back the file that was sent: {error}."))
}
