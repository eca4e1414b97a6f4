//! The rows of one session. Its API key is never written: the rows are found by a hash of it.
//!
//! One row says that there is a session, and its number (`key/HASH` in a data directory, `#session` of its own on a
//! server); all else begins with `s/NUMBER/`.

use super::file::file_path;
use crate::clock::Mode;
use crate::session::exchange::{ExchangeRow, Failure};
use crate::session::limits::Bucket;
use crate::sorting;
use crate::wire::blob::{Blob, FileBytes, NamedFile, hex};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use std::collections::{BTreeMap, HashMap};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

/// Bytes of a file that a server keeps at most: it is one value of it.
pub(super) const MOST_KEPT: u64 = 64 << 20;

/// A key and its value.
pub(crate) type DataRow = (Vec<u8>, Vec<u8>);

/// The ownership that a session's rows are written under.
#[derive(Debug)]
pub(crate) struct Fence {
    /// Of the session's key.
    pub(super) hash: String,
    /// Its number; the same for all where only one process writes.
    pub(super) epoch: u64,
    lost: AtomicBool,
    /// Times the session began anew under it.
    begun: AtomicU64,
}

impl Fence {
    pub(super) fn new(hash: String, epoch: u64) -> Self {
        Fence { hash, epoch, lost: AtomicBool::new(false), begun: AtomicU64::new(0) }
    }

    /// Nothing more is written under it.
    pub(super) fn lose(&self) {
        self.lost.store(true, Ordering::Release);
    }

    /// Whether the session may be another's by now, or was not written as it is in memory.
    pub(crate) fn is_lost(&self) -> bool {
        self.lost.load(Ordering::Acquire)
    }

    /// A number for a session that begins: no other one of this key has it.
    pub(super) fn next_number(&self) -> u64 {
        self.epoch << 20 | self.begun.fetch_add(1, Ordering::Relaxed)
    }
}

/// What a session was made with.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct SessionRow {
    pub number: u64,
    /// If it is another than the key.
    pub name: Option<String>,
    pub clock: Mode,
    pub seed: u64,
    /// How often it was taken up again.
    pub times: u64,
    /// What pages call it.
    #[serde(default)]
    pub serial: u64,
}

/// Where a session's clock stands.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub(crate) struct ClockRow {
    /// Since 1970, when it began.
    pub origin: Duration,
    pub elapsed: Duration,
}

/// A file of a session.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub(super) struct FileRow {
    pub(super) file: u64,
    pub(super) len: u64,
    pub(super) place: u64,
}

/// A stored object.
#[derive(Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct SavedObject {
    pub kind: String,
    pub id: String,
    /// A newer one has its id.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub shadowed: bool,
    pub json: Arc<str>,
}

/// A change of what a session stores.
#[derive(Debug)]
pub(crate) enum ShelfChange {
    Object(u64, SavedObject),
    NoObject(u64),
    Blob(String, u64, Blob),
    NoBlob(String, Blob),
}

/// All that is kept of a session.
#[derive(Debug)]
pub(crate) struct SavedSession {
    pub row: SessionRow,
    pub clock: Option<ClockRow>,
    /// The texts of its scripts with their numbers, in the order they were loaded.
    pub scripts: Vec<(u64, String)>,
    /// The number of the last one.
    pub loads: u64,
    /// Uses taken of its own rules, by place.
    pub uses: HashMap<usize, u64>,
    /// Uses taken of the shared script's rules, by their text and their number among equal ones.
    pub shared_uses: HashMap<(u64, u64), u64>,
    pub objects: BTreeMap<u64, SavedObject>,
    pub blobs: Vec<(String, u64, Blob)>,
    /// What follows is kept on a server alone. Oldest first.
    pub exchanges: Vec<ExchangeRow>,
    pub failures: Vec<(u64, Failure)>,
    pub journal: JournalRow,
    /// Rate limits by their names.
    pub limits: Vec<(String, Bucket)>,
    /// How often each request came, by hash.
    pub counts: HashMap<u64, u64>,
    pub turns: u64,
    /// Names of holds.
    pub released: Vec<String>,
}

/// What a journal counts beside its exchanges.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct JournalRow {
    /// Number of the first exchange since the session began or was reset.
    pub begun: u64,
    /// Number of the first one since the journal was cleared too.
    pub base: u64,
    /// Failures since then.
    pub failed: u64,
}

/// The row that says that there is a session, on a server.
pub(super) const SESSION: &[u8] = b"#session";

/// What a key says below a session's own.
fn below<'a>(prefix: &str, key: &'a [u8]) -> Option<&'a str> {
    std::str::from_utf8(key.strip_prefix(prefix.as_bytes())?).ok()
}

/// The hash that stands for an API key.
pub(crate) fn hash(key: &str) -> String {
    hex(&Sha256::new().chain_update(b"llemulator data directory\0").chain_update(key).finalize())
}

/// What the keys of a session's rows begin with.
pub(super) fn prefix(number: u64) -> String {
    format!("s/{number:016x}/")
}

/// The file that a row names.
pub(super) fn file_of(key: &[u8], value: &[u8]) -> Option<u64> {
    let rest = key.strip_prefix(b"s/")?.get(16..)?;
    rest.starts_with(b"/blob/").then(|| serde_json::from_slice::<FileRow>(value).ok().map(|row| row.file))?
}

impl SavedSession {
    /// What the rows of a data directory say; one that says nothing (of an older program, say) is passed over.
    pub(super) fn read(dir: &Path, row: SessionRow, rows: Vec<DataRow>) -> Self {
        let mut saved = SavedSession::new(row);
        let prefix = prefix(saved.row.number);
        for (key, value) in &rows {
            if let Some(key) = below(&prefix, key) {
                let _: Option<()> = saved.take(key, value).or_else(|| saved.take_file(dir, key, value));
            }
        }
        saved
    }

    /// What the rows of a session on a server say; `None` = it is new.
    pub(super) fn claimed(rows: Vec<DataRow>) -> Option<Self> {
        let (_, row) = rows.iter().find(|(key, _)| key == SESSION)?;
        let mut saved = SavedSession::new(serde_json::from_slice(row).ok()?);
        let prefix = prefix(saved.row.number);
        let (mut files, mut bytes) = (Vec::new(), HashMap::new());
        for (key, value) in rows {
            let Some(key) = below(&prefix, &key) else { continue };
            match key.split_once('/') {
                Some(("blob", name)) => files.push((name.to_string(), value)),
                Some(("bytes", name)) => drop(bytes.insert(name.to_string(), value)),
                _ => drop(saved.take(key, &value)),
            }
        }
        for (name, row) in files {
            let Ok(row) = serde_json::from_slice::<FileRow>(&row) else { continue };
            let Some(bytes) = bytes.remove(&name) else { continue };
            let blob = Blob::from(bytes::Bytes::from(bytes));
            // Where the disk takes nothing it stays in memory.
            let blob = super::placed(blob.clone()).unwrap_or(blob);
            saved.blobs.push((name, row.place, blob));
        }
        // A server gives fields in no order.
        sorting::by_key(&mut saved.scripts, |(number, _)| *number);
        sorting::by_key(&mut saved.exchanges, |row| row.number);
        sorting::by_key(&mut saved.failures, |(number, _)| *number);
        Some(saved)
    }

    fn new(row: SessionRow) -> Self {
        SavedSession {
            row,
            clock: None,
            scripts: Vec::new(),
            loads: 0,
            uses: HashMap::new(),
            shared_uses: HashMap::new(),
            objects: BTreeMap::new(),
            blobs: Vec::new(),
            exchanges: Vec::new(),
            failures: Vec::new(),
            journal: JournalRow::default(),
            limits: Vec::new(),
            counts: HashMap::new(),
            turns: 0,
            released: Vec::new(),
        }
    }

    /// Takes what a row says; `None` = nothing, or the place of a file.
    fn take(&mut self, key: &str, value: &[u8]) -> Option<()> {
        let (what, name) = key.split_once('/').unwrap_or((key, ""));
        let number = |text: &str| u64::from_str_radix(text, 16).ok();
        let count = || serde_json::from_slice::<u64>(value).ok();
        match what {
            "clock" => self.clock = Some(serde_json::from_slice(value).ok()?),
            "script" => {
                self.loads = self.loads.max(number(name)?);
                self.scripts.push((number(name)?, serde_json::from_slice(value).ok()?));
            }
            "use" => drop(self.uses.insert(usize::try_from(number(name)?).ok()?, count()?)),
            "shared-use" => {
                let (rule, nth) = name.split_once('/')?;
                self.shared_uses.insert((number(rule)?, number(nth)?), count()?);
            }
            "object" => drop(self.objects.insert(number(name)?, serde_json::from_slice(value).ok()?)),
            "exchange" => self.exchanges.push(serde_json::from_slice(value).ok()?),
            "failure" => self.failures.push((number(name)?, serde_json::from_slice(value).ok()?)),
            "journal" => self.journal = serde_json::from_slice(value).ok()?,
            "limit" => self.limits.push((name.into(), serde_json::from_slice(value).ok()?)),
            "count" => drop(self.counts.insert(number(name)?, count()?)),
            "turns" => self.turns = count()?,
            "released" => self.released.push(serde_json::from_slice(value).ok()?),
            _ => return None,
        }
        Some(())
    }

    fn take_file(&mut self, dir: &Path, key: &str, value: &[u8]) -> Option<()> {
        let name = key.strip_prefix("blob/")?;
        let row: FileRow = serde_json::from_slice(value).ok()?;
        let file = NamedFile { path: file_path(dir, row.file), number: row.file };
        let there = file.path.exists();
        let blob = Blob::new(FileBytes::Named(Arc::new(file)), row.len);
        there.then(|| self.blobs.push((name.into(), row.place, blob)))
    }
}

/// A value as a row has it.
pub(super) fn json(value: &impl Serialize) -> Vec<u8> {
    // Numbers and texts always serialize.
    serde_json::to_vec(value).unwrap_or_default()
}
