//! A store for tests that keeps everything as bytes, as a file or a server would, and makes every verb wait: what passes
//! with it keeps nothing but JSON and holds nothing from one verb to the next.

use crate::memory::{Account, Held};
use crate::session::store::StoreBounds;
use crate::session::store::memory::{Memory, Shelves};
use std::sync::{Arc, Mutex, PoisonError};

/// All that is kept, as bytes.
#[derive(Debug)]
pub(super) struct Serialised {
    kept: Mutex<Vec<u8>>,
    held: Held,
    pub(super) bounds: StoreBounds,
}

impl Serialised {
    pub(super) fn new(bounds: StoreBounds, account: &Arc<Account>) -> Self {
        let empty = Memory::of(Shelves::new(bounds));
        Serialised { kept: Mutex::new(bytes(&empty)), held: account.hold(0), bounds }
    }

    /// Runs one verb: from bytes to bytes.
    pub(super) async fn run<T>(&self, verb: impl FnOnce(&Memory) -> T) -> T {
        tokio::task::yield_now().await;
        let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        let memory = Memory::of(serde_json::from_slice(&kept).expect("it was written by the verb before"));
        let result = verb(&memory);
        self.held.set(memory.size());
        self.held.account().forgot(std::mem::take(&mut memory.lock().forgotten));
        *kept = bytes(&memory);
        result
    }
}

fn bytes(memory: &Memory) -> Vec<u8> {
    serde_json::to_vec(&*memory.lock()).expect("text, numbers and bytes")
}
