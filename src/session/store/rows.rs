//! Where the changes of one session are written, until it ends.

use super::file::RowChange;
use super::keeper::Keeper;
use super::saved::{ClockRow, Fence, FileRow, JournalRow, MOST_KEPT, SESSION, SessionRow, ShelfChange, json, prefix};
use crate::clock::{Clock, Mode};
use crate::log;
use crate::session::exchange::{ExchangeRow, Failure};
use crate::session::limits::Bucket;
use crate::wire::blob::Blob;
use crate::wire::error::{self, ApiError};
use serde::Serialize;
use std::io;
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::time::Duration;

/// Where a session's changes are written, until it ends.
#[derive(Debug)]
pub(crate) struct SessionRows {
    keeper: Keeper,
    fence: Arc<Fence>,
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
    pub(super) fn new(keeper: Keeper, fence: Arc<Fence>, row: SessionRow, entered: bool) -> Self {
        SessionRows {
            prefix: prefix(row.number),
            keeper,
            fence,
            row,
            entered: AtomicBool::new(entered),
            gone: AtomicBool::new(false),
            clock: OnceLock::new(),
            told: Mutex::default(),
        }
    }

    pub(super) fn enter(&self) {
        match &self.keeper {
            Keeper::Directory(data) => data.enter(&self.fence.hash, &self.row, &self.gone),
            Keeper::Redis(_) => self.add(vec![RowChange::Put(SESSION.into(), json(&self.row))]),
        }
    }

    fn add(&self, changes: Vec<RowChange>) {
        match &self.keeper {
            Keeper::Directory(data) => data.add(&self.gone, changes),
            Keeper::Redis(store) => store.change(&self.fence, &self.gone, changes),
        }
    }

    /// Whether the session is no longer this process's.
    pub(crate) fn is_lost(&self) -> bool {
        self.fence.is_lost()
    }

    /// Whether all that the session owns is kept, and not only what outlasts a restart.
    pub(crate) fn keeps_all(&self) -> bool {
        matches!(self.keeper, Keeper::Redis(_))
    }

    /// Waits until what happened is committed.
    ///
    /// # Errors
    /// It cannot be written, or the session is no longer this process's.
    pub(crate) async fn settled(&self) -> Result<(), ApiError> {
        match &self.keeper {
            Keeper::Directory(data) => data.settled().await,
            Keeper::Redis(store) => store.settled_in(&self.fence).await,
        }
    }

    /// Puts a blob where a row can name it.
    ///
    /// # Errors
    /// The disk does not take it, or it is too large for a server.
    pub(super) fn kept(&self, blob: Blob) -> Result<Blob, ApiError> {
        match &self.keeper {
            Keeper::Directory(data) => data.keep(&blob).map_err(|error: io::Error| {
                ApiError::emulator("file_not_kept", format!("The data directory does not take the file: {error}."))
            }),
            Keeper::Redis(_) if blob.len() > MOST_KEPT => {
                let (len, most) = (blob.len() as usize, MOST_KEPT as usize);
                Err(error::no_room("a file in the store", len, most, "store (--store)"))
            }
            Keeper::Redis(_) => super::placed(blob),
        }
    }

    /// Whose clock is written with what changes.
    pub(crate) fn follow(&self, clock: &Arc<Clock>) {
        let _ = self.clock.set(clock.clone());
    }

    /// What pages call the session, where that outlasts a process.
    pub(crate) fn serial(&self) -> Option<u64> {
        Some(self.row.serial).filter(|serial| *serial > 0 && self.keeps_all())
    }

    /// How often the session was taken up again.
    pub(crate) fn times(&self) -> u64 {
        self.row.times
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
        self.add(changes);
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
        let bytes = |name: &str| self.key(format_args!("bytes/{name}"));
        let mut rows = Vec::new();
        for change in changes {
            let row = match change {
                ShelfChange::Object(place, saved) => RowChange::Put(object(place), json(&saved)),
                ShelfChange::NoObject(place) => RowChange::Remove(object(place)),
                ShelfChange::Blob(name, place, kept) => {
                    let file = match (&self.keeper, kept.named()) {
                        (Keeper::Directory(_), Some(file)) => file.number,
                        (Keeper::Directory(_), None) => continue,
                        (Keeper::Redis(_), _) => {
                            let read = kept.bytes().map(|read| read.to_vec()).unwrap_or_else(|error| {
                                log::warn(&format!("a file cannot be read, and is not kept: {error}"));
                                Vec::new()
                            });
                            rows.push(RowChange::Put(bytes(&name), read));
                            0
                        }
                    };
                    RowChange::Put(blob(&name), json(&FileRow { file, len: kept.len(), place }))
                }
                ShelfChange::NoBlob(name, gone) => match (&self.keeper, path_of(&gone)) {
                    (Keeper::Directory(_), Some(path)) => RowChange::RemoveFile(blob(&name), path),
                    (Keeper::Directory(_), None) => continue,
                    (Keeper::Redis(_), _) => {
                        rows.push(RowChange::Remove(bytes(&name)));
                        RowChange::Remove(blob(&name))
                    }
                },
            };
            rows.push(row);
        }
        self.write(rows);
    }

    /// The session is no longer in memory; its rows stay.
    pub(crate) fn leave(&self) {
        match &self.keeper {
            Keeper::Directory(data) => data.leave(&self.fence.hash, &self.gone),
            Keeper::Redis(store) => store.leave(&self.fence, &self.gone),
        }
    }

    /// The session begins anew, or is gone: so are its rows.
    pub(crate) fn forget(&self) {
        let change = RowChange::RemoveAll(self.prefix.clone().into());
        match &self.keeper {
            Keeper::Directory(data) => data.end(&self.gone, change),
            Keeper::Redis(store) => store.forget_rows(&self.fence, &self.gone, change),
        }
    }
}

fn path_of(blob: &Blob) -> Option<PathBuf> {
    blob.named().map(|file| file.path.clone())
}

/// What a session owns beside what outlasts a restart: only a server keeps it.
impl SessionRows {
    fn own(&self, what: std::fmt::Arguments<'_>, value: &impl Serialize) {
        if self.keeps_all() {
            self.write(vec![RowChange::Put(self.key(what), json(value))]);
        }
    }

    /// An exchange of the journal, as far as it is.
    pub(crate) fn exchange(&self, row: &ExchangeRow) {
        self.own(format_args!("exchange/{:016x}", row.number), row);
    }

    /// The journal no longer keeps an exchange.
    pub(crate) fn no_exchange(&self, number: u64) {
        if self.keeps_all() {
            self.write(vec![RowChange::Remove(self.key(format_args!("exchange/{number:016x}")))]);
        }
    }

    /// What the journal counts changed; `cleared` = it forgot its exchanges.
    pub(crate) fn journal(&self, row: &JournalRow, cleared: bool) {
        if cleared && self.keeps_all() {
            let gone = ["exchange/", "failure/"].map(|what| RowChange::RemoveAll(self.key(format_args!("{what}"))));
            self.write(gone.into());
        }
        self.own(format_args!("journal"), row);
    }

    /// An exchange failed.
    pub(crate) fn failure(&self, number: u64, failure: &Failure) {
        self.own(format_args!("failure/{number:016x}"), failure);
    }

    /// Something was taken of a rate limit.
    pub(crate) fn limit(&self, name: &str, bucket: &Bucket) {
        self.own(format_args!("limit/{name}"), bucket);
    }

    /// A request with this hash came so often.
    pub(crate) fn count(&self, hash: u64, count: u64) {
        self.own(format_args!("count/{hash:016x}"), &count);
    }

    /// Counting equal requests begins anew.
    pub(crate) fn no_counts(&self) {
        if self.keeps_all() {
            self.write(vec![RowChange::RemoveAll(self.key(format_args!("count/")))]);
        }
    }

    /// So many turns were taken.
    pub(crate) fn turns(&self, turns: u64) {
        self.own(format_args!("turns"), &turns);
    }

    /// Holds with this name are released.
    pub(crate) fn released(&self, name: &str) {
        let hash = crate::random::key(0, &[name.as_bytes()]);
        self.own(format_args!("released/{hash:016x}"), &name);
    }
}
