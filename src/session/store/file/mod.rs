//! A data directory: what an emulator keeps across restarts.
//!
//! Memory stays what is asked; what changes there is written here in the same order, by a thread of its own, and whoever
//! answers waits until what happened before is committed ([`DataDir::settled`]). Rows are in a database, files beside it.

mod database;
mod opening;
#[cfg(test)]
mod tests;
mod writer;

pub(crate) use writer::RowChange;

use super::saved::{self, DataRow, SavedSession, SessionRow};
use crate::log;
use crate::options::Durability;
use crate::runtime;
use crate::wire::blob::{Blob, FileBytes, NamedFile};
use crate::wire::error::ApiError;
use database::Database;
use opening::DirLock;
use serde::de::DeserializeOwned;
use std::collections::{HashMap, HashSet};
use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;
use writer::WriteQueue;

/// Sessions that are kept in a directory, and which of them are in memory too.
type SessionMap = HashMap<String, (SessionRow, bool)>;

/// An open data directory.
#[derive(Debug)]
pub(crate) struct DataDir {
    path: PathBuf,
    durability: Durability,
    database: Arc<Database>,
    queue: Arc<WriteQueue>,
    /// By the hash of their keys.
    sessions: Mutex<SessionMap>,
    /// Sessions that are kept at most.
    most: usize,
    next_session: AtomicU64,
    next_file: AtomicU64,
    /// What ends with [`DataDir::close`].
    running: Mutex<Option<(JoinHandle<()>, DirLock)>>,
}

/// Where a file of this number is.
pub(super) fn file_path(dir: &Path, number: u64) -> PathBuf {
    dir.join("files").join(format!("{number:016x}"))
}

impl DataDir {
    /// Opens a directory, or makes it, for so many sessions.
    ///
    /// # Errors
    /// What is wrong with it, and what would help. Nothing in it was changed then.
    pub(crate) fn open(path: &Path, durability: Durability, most: usize) -> Result<Arc<Self>, String> {
        let failed = |reason: String| format!("the data directory {} {reason}", path.display());
        let lock = opening::take(path).map_err(failed)?;
        let unread = |reason: String| failed(format!("cannot be read: {reason}"));
        let database = Database::open(&path.join("rows"), &path.join("commits"), durability).map_err(unread)?;
        fs::create_dir_all(path.join("files")).map_err(|error| failed(format!("cannot be written: {error}")))?;
        let sessions: SessionMap = database
            .rows(b"key/")
            .map_err(unread)?
            .into_iter()
            .filter_map(|(key, value)| {
                let row: SessionRow = serde_json::from_slice(&value).ok()?;
                Some((String::from_utf8(key).ok()?.strip_prefix("key/")?.to_string(), (row, false)))
            })
            .collect();
        let next_session = sessions.values().map(|(row, _)| row.number + 1).max().unwrap_or(0);
        let next_file = sweep(path, &database).map_err(unread)?;
        let database = Arc::new(database);
        let (queue, thread) =
            WriteQueue::start(database.clone()).map_err(|error| failed(format!("has no thread: {error}")))?;
        Ok(Arc::new(DataDir {
            path: path.into(),
            durability,
            database,
            queue,
            sessions: Mutex::new(sessions),
            most,
            next_session: AtomicU64::new(next_session),
            next_file: AtomicU64::new(next_file),
            running: Mutex::new(Some((thread, lock))),
        }))
    }

    /// Commits what waits, and lets go of the directory.
    pub(crate) fn close(&self) {
        let running = self.running.lock().unwrap_or_else(PoisonError::into_inner).take();
        if let Some((thread, _lock)) = running {
            self.queue.close();
            // A panic there was told already.
            let _ = thread.join();
            self.database.close();
        }
    }

    /// Waits until all that happened is committed.
    ///
    /// # Errors
    /// It cannot be written.
    pub(crate) async fn settled(&self) -> Result<(), ApiError> {
        self.queue.settled().await
    }

    /// Makes changes that belong together.
    pub(crate) fn change(&self, changes: impl IntoIterator<Item = RowChange>) {
        self.queue.add(None, changes);
    }

    /// The rows whose keys begin so, in order: what follows in the key, and the value.
    pub(crate) fn rows<T: DeserializeOwned>(&self, prefix: &str) -> Vec<(String, T)> {
        let rows = self.committed(prefix).unwrap_or_else(|reason| {
            log::warn(&format!("rows of the data directory cannot be read: {reason}"));
            Vec::new()
        });
        let read = |(key, value): DataRow| {
            let key = String::from_utf8(key).ok()?;
            Some((key.strip_prefix(prefix)?.to_string(), serde_json::from_slice(&value).ok()?))
        };
        rows.into_iter().filter_map(read).collect()
    }

    /// The rows whose keys begin so, all changes of them among them.
    fn committed(&self, prefix: &str) -> Result<Vec<DataRow>, String> {
        self.queue.settle().map_err(|error| error.message)?;
        self.database.rows(prefix.as_bytes())
    }

    fn sessions(&self) -> MutexGuard<'_, SessionMap> {
        self.sessions.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What is kept of a session; `None` = it is new.
    pub(crate) fn saved(&self, key: &str) -> Option<SavedSession> {
        let (row, _) = self.sessions().get(&saved::hash(key)).cloned()?;
        let prefix = saved::prefix(row.number);
        match runtime::aside(usize::MAX, || self.committed(&prefix)) {
            Ok(rows) => Some(SavedSession::read(&self.path, row, rows)),
            Err(reason) => {
                log::warn(&format!("a session of the data directory cannot be read: {reason}"));
                None
            }
        }
    }

    /// Forgets a session whether it is in use or not.
    pub(crate) fn forget(&self, key: &str) {
        let hash = saved::hash(key);
        if let Some((row, _)) = self.sessions().remove(&hash) {
            self.queue.add(None, forgetting(&hash, &row));
        }
    }

    /// Forgets all sessions.
    pub(crate) fn forget_all(&self) {
        let gone = std::mem::take(&mut *self.sessions());
        self.queue.add(None, gone.iter().flat_map(|(hash, (row, _))| forgetting(hash, row)));
    }

    /// Enters a session; the oldest that is not in memory makes room.
    pub(super) fn enter(&self, hash: &str, row: &SessionRow, gone: &AtomicBool) {
        let mut sessions = self.sessions();
        let mut changes = Vec::new();
        if sessions.len() >= self.most && !sessions.contains_key(hash) {
            let oldest = sessions.iter().min_by_key(|(_, (row, live))| (*live, row.number));
            let oldest = oldest.map(|(hash, _)| hash.clone());
            if let Some((hash, (row, _))) = oldest.and_then(|hash| sessions.remove_entry(&hash)) {
                changes.extend(forgetting(&hash, &row));
            }
        }
        sessions.insert(hash.to_string(), (row.clone(), true));
        changes.push(RowChange::Put(session_key(hash), saved::json(row)));
        self.queue.add(Some(gone), changes);
    }

    /// A session is no longer in memory.
    fn left(&self, hash: &str) {
        if let Some((_, live)) = self.sessions().get_mut(hash) {
            *live = false;
        }
    }

    /// Writes a blob into a file of its own, which is there before any row names it.
    ///
    /// # Errors
    /// The disk does not take it.
    pub(crate) fn keep(&self, blob: &Blob) -> io::Result<Blob> {
        let number = self.next_file.fetch_add(1, Ordering::Relaxed);
        let path = file_path(&self.path, number);
        let write = || {
            let mut file = File::create_new(&path)?;
            io::copy(&mut blob.reader(), &mut file)?;
            if self.durability == Durability::Power {
                file.sync_all()?;
                File::open(path.parent().unwrap_or(&self.path))?.sync_all()?;
            }
            Ok(())
        };
        let written: io::Result<()> = write();
        if let Err(error) = written {
            let _ = fs::remove_file(&path);
            return Err(error);
        }
        Ok(Blob::new(FileBytes::Named(Arc::new(NamedFile { path, number })), blob.len()))
    }

    /// A number for a session that is made.
    pub(super) fn next_session(&self) -> u64 {
        self.next_session.fetch_add(1, Ordering::Relaxed)
    }

    /// Changes rows of a session, unless it is gone.
    pub(super) fn add(&self, gone: &AtomicBool, changes: Vec<RowChange>) {
        self.queue.add(Some(gone), changes);
    }

    /// Makes the last change of a session: it is gone.
    pub(super) fn end(&self, gone: &AtomicBool, change: RowChange) {
        self.queue.end(gone, Some(change));
    }

    /// A session is no longer in memory; its rows stay.
    pub(super) fn leave(&self, hash: &str, gone: &AtomicBool) {
        self.queue.end(gone, None);
        self.left(hash);
    }
}

impl Drop for DataDir {
    fn drop(&mut self) {
        self.close();
    }
}

/// The row that says that there is a session.
fn session_key(hash: &str) -> Vec<u8> {
    format!("key/{hash}").into()
}

fn forgetting(hash: &str, row: &SessionRow) -> [RowChange; 2] {
    [RowChange::Remove(session_key(hash)), RowChange::RemoveAll(saved::prefix(row.number).into())]
}

/// Removes files and rows that nothing names: a process that was killed left them. Gives the next file's number.
fn sweep(dir: &Path, database: &Database) -> Result<u64, String> {
    let mut named = HashSet::new();
    database.each(b"s/", |key, value| named.extend(saved::file_of(key, value)))?;
    let mut next = 0;
    for entry in fs::read_dir(dir.join("files")).map_err(|error| error.to_string())?.flatten() {
        let Some(number) = entry.file_name().to_str().and_then(|name| u64::from_str_radix(name, 16).ok()) else {
            continue;
        };
        next = next.max(number + 1);
        if !named.contains(&number) {
            // What cannot be removed now may be the next time.
            let _ = fs::remove_file(entry.path());
        }
    }
    Ok(next)
}
