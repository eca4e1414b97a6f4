//! What is to be written waits here, in the order it happened; a thread of its own commits all that waits at once.

use super::database::Database;
use crate::wire::error::ApiError;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;
use tokio::sync::watch;

/// What waits while nothing can be written, in bytes; past this what was acknowledged is no longer all that is kept.
const MOST_WAITING: usize = 256 << 20;

/// A failed commit is tried again after this.
const AGAIN: Duration = Duration::from_millis(500);

/// One change of the rows.
#[derive(Debug)]
pub(crate) enum RowChange {
    Put(Vec<u8>, Vec<u8>),
    /// In the place of the row that was seen. Where several write, one that is another by now, or gone, stays so.
    Swap {
        key: Vec<u8>,
        seen: Vec<u8>,
        value: Vec<u8>,
    },
    Remove(Vec<u8>),
    /// All rows whose keys begin so, with the files they name.
    RemoveAll(Vec<u8>),
    /// The row of a file, and the file once the row is gone.
    RemoveFile(Vec<u8>, PathBuf),
}

impl RowChange {
    pub(in crate::session::store) fn size(&self) -> usize {
        match self {
            RowChange::Put(key, value) => key.len() + value.len(),
            RowChange::Swap { key, seen, value } => 2 * key.len() + seen.len() + value.len(),
            RowChange::Remove(key) | RowChange::RemoveAll(key) | RowChange::RemoveFile(key, _) => key.len(),
        }
    }
}

/// The changes that wait, and how far the commits are.
#[derive(Debug)]
pub(super) struct WriteQueue {
    state: Mutex<WriteState>,
    /// Something waits, or the end.
    work: Condvar,
    /// Something was committed, or could not be.
    done: Condvar,
    ticks: watch::Sender<u64>,
}

#[derive(Debug, Default)]
struct WriteState {
    waiting: Vec<RowChange>,
    bytes: usize,
    /// Changes that ever came, and how many of them are committed.
    came: u64,
    committed: u64,
    /// Why the last commit failed, until one succeeds.
    failed: Option<String>,
    /// Why some changes are lost: there is no way back.
    broken: Option<&'static str>,
    closing: bool,
}

impl WriteState {
    /// How the changes up to this one ended; `None` = they are still to come.
    fn settled(&self, upto: u64) -> Option<Result<(), ApiError>> {
        if let Some(reason) = self.broken {
            return Some(Err(unwritten(reason)));
        }
        match &self.failed {
            _ if self.committed >= upto => Some(Ok(())),
            Some(reason) => Some(Err(unwritten(reason))),
            None => None,
        }
    }
}

impl WriteQueue {
    fn state(&self) -> MutexGuard<'_, WriteState> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Starts the thread that commits.
    pub(super) fn start(database: Arc<Database>) -> std::io::Result<(Arc<Self>, JoinHandle<()>)> {
        let queue = Arc::new(WriteQueue {
            state: Mutex::default(),
            work: Condvar::new(),
            done: Condvar::new(),
            ticks: watch::channel(0).0,
        });
        let commits = queue.clone();
        let run = move || {
            let ended = catch_unwind(AssertUnwindSafe(|| commits.run(&database)));
            if ended.is_err() {
                commits.state().broken = Some("its thread broke down; start again");
                commits.tell();
            }
        };
        let thread = std::thread::Builder::new().name("llemulator-data".into()).spawn(run)?;
        Ok((queue, thread))
    }

    /// Adds changes, unless whoever makes them is gone.
    pub(super) fn add(&self, gone: Option<&AtomicBool>, changes: impl IntoIterator<Item = RowChange>) {
        let mut state = self.state();
        if gone.is_some_and(|gone| gone.load(Ordering::Relaxed)) || state.closing {
            return;
        }
        for change in changes {
            state.bytes += change.size();
            state.waiting.push(change);
            state.came += 1;
        }
        if state.failed.is_some() && state.bytes > MOST_WAITING {
            (state.waiting, state.bytes) = (Vec::new(), 0);
            state.broken = Some("what waited to be written grew too large and was dropped; start again");
        }
        self.work.notify_one();
    }

    /// As [`WriteQueue::add`], and whoever made changes is gone from now on.
    pub(super) fn end(&self, gone: &AtomicBool, change: Option<RowChange>) {
        let mut state = self.state();
        if !gone.swap(true, Ordering::Relaxed) && !state.closing {
            state.came += u64::from(change.is_some());
            state.waiting.extend(change);
            self.work.notify_one();
        }
    }

    /// Waits until all that came is committed.
    ///
    /// # Errors
    /// It cannot be written.
    pub(super) async fn settled(&self) -> Result<(), ApiError> {
        let upto = self.state().came;
        let mut ticks = self.ticks.subscribe();
        loop {
            ticks.mark_unchanged();
            if let Some(settled) = self.state().settled(upto) {
                return settled;
            }
            // An error means that the thread is gone.
            if ticks.changed().await.is_err() {
                return Err(unwritten("it is closed"));
            }
        }
    }

    /// As [`WriteQueue::settled`], for threads that may wait.
    pub(super) fn settle(&self) -> Result<(), ApiError> {
        let mut state = self.state();
        let upto = state.came;
        loop {
            if let Some(settled) = state.settled(upto) {
                return settled;
            }
            state = self.done.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
    }

    /// No more changes come; those that wait are still committed.
    pub(super) fn close(&self) {
        self.state().closing = true;
        self.work.notify_one();
    }

    fn run(&self, database: &Database) {
        loop {
            let mut state = self.state();
            while state.waiting.is_empty() && !state.closing {
                state = self.work.wait(state).unwrap_or_else(PoisonError::into_inner);
            }
            if state.waiting.is_empty() {
                return;
            }
            let changes = std::mem::take(&mut state.waiting);
            let upto = state.came;
            state.bytes = 0;
            drop(state);
            while let Err(reason) = database.commit(&changes) {
                let mut state = self.state();
                state.failed = Some(reason);
                self.tell();
                if state.closing {
                    return;
                }
                drop(self.work.wait_timeout(state, AGAIN).unwrap_or_else(PoisonError::into_inner));
                database.reopen();
            }
            let mut state = self.state();
            (state.committed, state.failed) = (upto, None);
            self.tell();
        }
    }

    fn tell(&self) {
        self.done.notify_all();
        self.ticks.send_modify(|ticks| *ticks += 1);
    }
}

/// What happened could not be written, and is not acknowledged.
fn unwritten(reason: &str) -> ApiError {
    ApiError::emulator("data_not_written", format!("The data directory cannot be written: {reason}."))
}
