//! The rows of one session. Its API key is never written: the rows are found by a hash of it.
//!
//! `key/HASH` says that there is a session, and its number; all else begins with `s/NUMBER/`.

use super::{DataDir, RowChange, file_path};
use crate::clock::{Clock, Mode};
use crate::wire::blob::{Blob, FileBytes, NamedFile, hex};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use std::collections::{BTreeMap, HashMap};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::time::Duration;

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
struct FileRow {
    file: u64,
    len: u64,
    place: u64,
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
    Counter(String, u64),
}

/// All that is kept of a session.
#[derive(Debug)]
pub(crate) struct SavedSession {
    pub row: SessionRow,
    pub clock: Option<ClockRow>,
    /// The texts of its scripts, in the order they were loaded.
    pub scripts: Vec<String>,
    /// The number of the last one.
    pub loads: u64,
    /// Uses taken of its own rules, by place.
    pub uses: HashMap<usize, u64>,
    /// Uses taken of the shared script's rules, by their text and their number among equal ones.
    pub shared_uses: HashMap<(u64, u64), u64>,
    pub objects: BTreeMap<u64, SavedObject>,
    pub blobs: Vec<(String, u64, Blob)>,
    pub counters: Vec<(String, u64)>,
}

/// The hash that stands for an API key.
pub(super) fn hash(key: &str) -> String {
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
    /// What rows say; one that says nothing (of an older program, say) is passed over.
    pub(super) fn read(dir: &Path, row: SessionRow, prefix: usize, rows: Vec<super::database::DataRow>) -> Self {
        let mut saved = SavedSession {
            row,
            clock: None,
            scripts: Vec::new(),
            loads: 0,
            uses: HashMap::new(),
            shared_uses: HashMap::new(),
            objects: BTreeMap::new(),
            blobs: Vec::new(),
            counters: Vec::new(),
        };
        for (key, value) in rows {
            let key = key.get(prefix..).and_then(|key| std::str::from_utf8(key).ok());
            let _: Option<()> = key.and_then(|key| saved.take(dir, key, &value));
        }
        saved
    }

    fn take(&mut self, dir: &Path, key: &str, value: &[u8]) -> Option<()> {
        let (what, name) = key.split_once('/').unwrap_or((key, ""));
        let number = |text: &str| u64::from_str_radix(text, 16).ok();
        let count = || serde_json::from_slice::<u64>(value).ok();
        match what {
            "clock" => self.clock = Some(serde_json::from_slice(value).ok()?),
            "script" => {
                self.loads = number(name)?;
                self.scripts.push(serde_json::from_slice(value).ok()?);
            }
            "use" => drop(self.uses.insert(usize::try_from(number(name)?).ok()?, count()?)),
            "shared-use" => {
                let (rule, nth) = name.split_once('/')?;
                self.shared_uses.insert((number(rule)?, number(nth)?), count()?);
            }
            "object" => drop(self.objects.insert(number(name)?, serde_json::from_slice(value).ok()?)),
            "blob" => {
                let row: FileRow = serde_json::from_slice(value).ok()?;
                let file = NamedFile { path: file_path(dir, row.file), number: row.file };
                let there = file.path.exists();
                let blob = Blob::new(FileBytes::Named(Arc::new(file)), row.len);
                there.then(|| self.blobs.push((name.into(), row.place, blob)))?;
            }
            "counter" => self.counters.push((name.into(), count()?)),
            _ => {}
        }
        Some(())
    }
}

/// Where a session's changes are written, until it ends.
#[derive(Debug)]
pub(crate) struct SessionRows {
    dir: Arc<DataDir>,
    hash: String,
    row: SessionRow,
    prefix: String,
    /// It has a row of its own: one that holds nothing has none.
    entered: AtomicBool,
    /// Nothing more is written.
    gone: AtomicBool,
    clock: OnceLock<Arc<Clock>>,
    /// Where the clock stood when it was written last.
    told: Mutex<Option<Duration>>,
}

impl SessionRows {
    pub(super) fn new(dir: Arc<DataDir>, hash: String, row: SessionRow, entered: bool) -> Self {
        SessionRows {
            prefix: prefix(row.number),
            dir,
            hash,
            row,
            entered: AtomicBool::new(entered),
            gone: AtomicBool::new(false),
            clock: OnceLock::new(),
            told: Mutex::default(),
        }
    }

    pub(super) fn enter(&self) {
        self.dir.enter(&self.hash, &self.row, &self.gone);
    }

    /// Whose clock is written with what changes.
    pub(crate) fn follow(&self, clock: &Arc<Clock>) {
        let _ = self.clock.set(clock.clone());
    }

    /// How often the session was taken up again.
    pub(crate) fn times(&self) -> u64 {
        self.row.times
    }

    /// The directory.
    pub(crate) fn dir(&self) -> &Arc<DataDir> {
        &self.dir
    }

    fn key(&self, rest: std::fmt::Arguments<'_>) -> Vec<u8> {
        format!("{}{rest}", self.prefix).into()
    }

    fn write(&self, mut changes: Vec<RowChange>) {
        if !self.entered.swap(true, Ordering::Relaxed) {
            self.enter();
        }
        if let Some(clock) = self.clock.get() {
            let now = clock.now();
            let mut told = self.told.lock().unwrap_or_else(PoisonError::into_inner);
            // The real clock goes on by itself.
            if told.is_none() || clock.mode() != Mode::Real && *told != Some(now) {
                *told = Some(now);
                let row = ClockRow { origin: clock.origin(), elapsed: now };
                changes.push(RowChange::Put(self.key(format_args!("clock")), json(&row)));
            }
        }
        self.dir.queue.add(Some(&self.gone), changes);
    }

    /// The clock was moved.
    pub(crate) fn clock_moved(&self) {
        self.write(Vec::new());
    }

    /// A script was loaded, the `number`th; `reset` = instead of all before.
    pub(crate) fn script(&self, number: u64, text: &str, reset: bool) {
        let mut changes = Vec::new();
        if reset {
            changes.extend(["script/", "use/"].map(|what| RowChange::RemoveAll(self.key(format_args!("{what}")))));
        }
        changes.push(RowChange::Put(self.key(format_args!("script/{number:08x}")), json(&text)));
        self.write(changes);
    }

    /// A rule of its own script was used so often.
    pub(crate) fn used(&self, rule: usize, used: u64) {
        self.write(vec![RowChange::Put(self.key(format_args!("use/{rule:08x}")), json(&used))]);
    }

    /// A rule of the shared script was used so often.
    pub(crate) fn used_shared(&self, (rule, nth): (u64, u64), used: u64) {
        self.write(vec![RowChange::Put(self.key(format_args!("shared-use/{rule:016x}/{nth:08x}")), json(&used))]);
    }

    /// What it stores changed.
    pub(crate) fn stored(&self, changes: Vec<ShelfChange>) {
        let object = |place: u64| self.key(format_args!("object/{place:016x}"));
        let blob = |name: &str| self.key(format_args!("blob/{name}"));
        let rows = changes.into_iter().filter_map(|change| {
            Some(match change {
                ShelfChange::Object(place, saved) => RowChange::Put(object(place), json(&saved)),
                ShelfChange::NoObject(place) => RowChange::Remove(object(place)),
                ShelfChange::Blob(name, place, kept) => {
                    let row = FileRow { file: kept.named()?.number, len: kept.len(), place };
                    RowChange::Put(blob(&name), json(&row))
                }
                ShelfChange::NoBlob(name, gone) => RowChange::RemoveFile(blob(&name), path_of(&gone)?),
                ShelfChange::Counter(name, count) => {
                    RowChange::Put(self.key(format_args!("counter/{name}")), json(&count))
                }
            })
        });
        self.write(rows.collect());
    }

    /// The session is no longer in memory; its rows stay.
    pub(crate) fn leave(&self) {
        self.dir.queue.end(&self.gone, None);
        self.dir.left(&self.hash);
    }

    /// The session begins anew, or is gone: so are its rows.
    pub(crate) fn forget(&self) {
        self.dir.queue.end(&self.gone, Some(RowChange::RemoveAll(self.prefix.clone().into())));
    }
}

fn path_of(blob: &Blob) -> Option<PathBuf> {
    blob.named().map(|file| file.path.clone())
}

/// A value as a row has it.
pub(super) fn json(value: &impl Serialize) -> Vec<u8> {
    // Numbers and texts always serialize.
    serde_json::to_vec(value).unwrap_or_default()
}
