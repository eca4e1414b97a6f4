//! A file as it is kept: its record among the session's objects, its bytes beside it.

use crate::session::store::{Store, StoredKind};
use crate::turn::call::Call;
use crate::wire::blob::Blob;
use crate::wire::error::ApiError;
use serde::{Deserialize, Serialize};
use std::io;

/// Seconds that a batch's files are there unless something else was asked: 30 days.
const BATCH_FILES: u64 = 30 * 86_400;

/// A file as answers show it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) struct FileRecord {
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
pub(super) struct NewFile<'a> {
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
    /// The record of a new file.
    pub(super) fn new(call: &Call, new: &NewFile<'_>) -> Self {
        let created = call.created();
        let after = new.expires_after.or((new.purpose == "batch").then_some(BATCH_FILES));
        FileRecord {
            object: "file".into(),
            id: format!("file-{}", call.random.fork("file").alphanumeric(22)),
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
    pub(super) async fn keep(&self, call: &Call, content: Blob) -> Result<(), ApiError> {
        let store = &call.session.store;
        store.put_blob(&blob(&self.id), content).await.map_err(|error| error.param("file"))?;
        store.put(&self.id, self).await;
        Ok(())
    }

    /// The bytes, exactly as they came.
    ///
    /// # Errors
    /// They gave way to newer things of the session.
    pub(super) async fn content(&self, store: &Store) -> Result<Blob, ApiError> {
        store.blob(&blob(&self.id)).await.ok_or_else(|| unknown(&self.id))
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
pub(super) async fn named(call: &Call, id: &str) -> Result<FileRecord, ApiError> {
    let store = &call.session.store;
    let record: FileRecord = store.get(id).await.ok_or_else(|| unknown(id))?;
    if record.is_expired(call.created()) {
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
pub(super) fn unread(error: &io::Error) -> ApiError {
    ApiError::emulator("form_not_kept", format!("The emulator cannot read back the file that was sent: {error}."))
}
