//! The rows of a data directory. The only place that knows `fjall`.
//!
//! Beside the rows lies a number: how many commits there were. It is written after each, so that rows that were lost
//! since, however that came about, are missed when the directory is opened.

use super::writer::RowChange;
use crate::options::Durability;
use crate::session::store::saved::DataRow;
use fjall::{KeyspaceCreateOptions, PersistMode};
use std::collections::HashMap;
use std::fs::{self, File};
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};

/// The row that counts the commits.
const COUNT: &[u8] = b"#commits";

/// Bytes of rows that wait in memory before they become a table, and of tables that are kept there.
const IN_MEMORY: u64 = 4 << 20;

/// What becomes of each key; the database takes one change of a key in a batch.
type Latest<'a> = HashMap<&'a [u8], Option<&'a [u8]>>;

/// The rows, open.
pub(super) struct Database {
    path: PathBuf,
    /// How many commits there were.
    witness: PathBuf,
    mode: PersistMode,
    open: Mutex<Option<OpenDatabase>>,
}

struct OpenDatabase {
    database: fjall::Database,
    rows: fjall::Keyspace,
    commits: u64,
    witness: File,
}

impl Database {
    /// Opens the rows at a path, or makes them.
    ///
    /// # Errors
    /// They cannot be read, or some are missing.
    pub(super) fn open(path: &Path, witness: &Path, durability: Durability) -> Result<Self, String> {
        let mode = match durability {
            Durability::Process => PersistMode::Buffer,
            Durability::Power => PersistMode::SyncAll,
        };
        let database = Database { path: path.into(), witness: witness.into(), mode, open: Mutex::default() };
        *database.lock() = Some(OpenDatabase::new(path, witness)?);
        Ok(database)
    }

    fn lock(&self) -> MutexGuard<'_, Option<OpenDatabase>> {
        self.open.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Commits changes, in groups that are kept whole or not at all; forgets the files whose rows are gone.
    pub(super) fn commit(&self, changes: &[RowChange]) -> Result<(), String> {
        let mut open = self.lock();
        let open = open.as_mut().ok_or("it is closed")?;
        let (mut files, mut latest) = (Vec::new(), Latest::new());
        for change in changes {
            match change {
                // Nobody else writes here.
                RowChange::Put(key, value) | RowChange::Swap { key, value, .. } => {
                    latest.insert(key, Some(value));
                }
                RowChange::Remove(key) => drop(latest.insert(key, None)),
                RowChange::RemoveFile(key, file) => {
                    latest.insert(key, None);
                    files.push(file.clone());
                }
                RowChange::RemoveAll(prefix) => {
                    // What it removes may be in the changes before it.
                    open.commit(std::mem::take(&mut latest), self.mode)?;
                    let mut keys = Vec::new();
                    for row in open.rows.prefix(prefix) {
                        let (key, value) = row.into_inner().map_err(|error| error.to_string())?;
                        files.extend(
                            crate::session::store::saved::file_of(&key, &value).and_then(|file| self.file(file)),
                        );
                        keys.push(key.to_vec());
                    }
                    open.commit(keys.iter().map(|key| (key.as_slice(), None)).collect(), self.mode)?;
                }
            }
        }
        open.commit(latest, self.mode)?;
        // A file that is still there is looked after when the directory is opened next.
        files.iter().for_each(|file| drop(fs::remove_file(file)));
        Ok(())
    }

    fn file(&self, number: u64) -> Option<PathBuf> {
        Some(super::file_path(self.path.parent()?, number))
    }

    /// Opens it again after a failure.
    pub(super) fn reopen(&self) {
        let mut open = self.lock();
        *open = None;
        *open = OpenDatabase::new(&self.path, &self.witness).ok();
    }

    pub(super) fn close(&self) {
        *self.lock() = None;
    }

    /// The rows whose keys begin so, in the order of their keys.
    pub(super) fn rows(&self, prefix: &[u8]) -> Result<Vec<DataRow>, String> {
        let mut rows = Vec::new();
        self.each(prefix, |key, value| rows.push((key.to_vec(), value.to_vec())))?;
        Ok(rows)
    }

    /// Shows each of the rows whose keys begin so.
    pub(super) fn each(&self, prefix: &[u8], mut seen: impl FnMut(&[u8], &[u8])) -> Result<(), String> {
        let open = self.lock();
        let open = open.as_ref().ok_or("it is closed")?;
        for row in open.rows.prefix(prefix) {
            let (key, value) = row.into_inner().map_err(|error| error.to_string())?;
            seen(&key, &value);
        }
        Ok(())
    }
}

impl std::fmt::Debug for Database {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("Database").field("path", &self.path).finish_non_exhaustive()
    }
}

impl OpenDatabase {
    fn new(path: &Path, witness: &Path) -> Result<Self, String> {
        let (database, rows, commits) = std::panic::catch_unwind(|| read(path))
            .map_err(|_| "its rows cannot be read".to_string())?
            .map_err(|error| error.to_string())?;
        let witness = File::options().read(true).write(true).create(true).truncate(false).open(witness);
        let mut witness = witness.map_err(|error| error.to_string())?;
        let told = number(&mut witness).map_err(|error| error.to_string())?;
        match told > commits {
            true => Err(format!("{} of {told} commits are missing", told - commits)),
            false => Ok(OpenDatabase { database, rows, commits, witness }),
        }
    }

    fn commit(&mut self, latest: Latest<'_>, mode: PersistMode) -> Result<(), String> {
        let commits = self.commits + 1;
        let mut batch = self.database.batch().durability(Some(mode));
        batch.insert(&self.rows, COUNT, commits.to_be_bytes().to_vec());
        for (key, value) in latest {
            match value {
                Some(value) => batch.insert(&self.rows, key, value),
                None => batch.remove(&self.rows, key),
            }
        }
        batch.commit().map_err(|error| error.to_string())?;
        self.commits = commits;
        let told = self.witness.seek(SeekFrom::Start(0)).and_then(|_| self.witness.write_all(&commits.to_be_bytes()));
        told.map_err(|error| error.to_string())
    }
}

/// Opens the rows and reads each once, so that what is damaged is known.
fn read(path: &Path) -> fjall::Result<(fjall::Database, fjall::Keyspace, u64)> {
    let database = fjall::Database::builder(path).worker_threads(1).cache_size(IN_MEMORY).open()?;
    let rows = database.keyspace("rows", || KeyspaceCreateOptions::default().max_memtable_size(IN_MEMORY))?;
    let mut commits = 0;
    for row in rows.iter() {
        let (key, value) = row.into_inner()?;
        if key == COUNT {
            commits = value.as_ref().try_into().map_or(0, u64::from_be_bytes);
        }
    }
    Ok((database, rows, commits))
}

fn number(file: &mut File) -> io::Result<u64> {
    let mut bytes = Vec::new();
    file.read_to_end(&mut bytes)?;
    // A number that was never written is none.
    Ok(bytes.as_slice().try_into().map_or(0, u64::from_be_bytes))
}

/// Looks whether the rows at a path are whole, in a copy: opening them would cut what is broken.
///
/// # Errors
/// They are not.
pub(super) fn check(path: &Path, witness: &Path, copy: &Path) -> Result<(), String> {
    let told = copy.join("commits");
    let copied = copy_all(path, &copy.join("rows")).and_then(|()| match witness.exists() {
        true => fs::copy(witness, &told).map(drop),
        false => Ok(()),
    });
    copied.map_err(|error| error.to_string())?;
    OpenDatabase::new(&copy.join("rows"), &told).map(drop)
}

/// Copies a folder. Tables, which never change, only get another name.
fn copy_all(from: &Path, to: &Path) -> io::Result<()> {
    fs::create_dir_all(to)?;
    for entry in fs::read_dir(from)? {
        let entry = entry?;
        let (old, new) = (entry.path(), to.join(entry.file_name()));
        match () {
            () if entry.file_type()?.is_dir() => copy_all(&old, &new)?,
            () if from.ends_with("tables") && fs::hard_link(&old, &new).is_ok() => {}
            () => copy_sparse(&old, &new)?,
        }
    }
    Ok(())
}

/// A journal is mostly a hole.
fn copy_sparse(from: &Path, to: &Path) -> io::Result<()> {
    let (mut from, mut to) = (File::open(from)?, File::create(to)?);
    let mut block = vec![0; 64 * 1024];
    let mut len = 0;
    loop {
        let read = from.read(&mut block)?;
        let Some(some) = block.get(..read).filter(|some| !some.is_empty()) else { break };
        if some.iter().any(|byte| *byte != 0) {
            to.seek(SeekFrom::Start(len))?;
            to.write_all(some)?;
        }
        len += read as u64;
    }
    to.set_len(len)
}
