//! A store for tests that keeps everything as bytes, as a file or a server would, and makes every verb wait: what passes
//! with it keeps nothing but JSON and holds nothing from one verb to the next.

use crate::session::store::Bounds;
use crate::session::store::memory::Memory;
use std::sync::{Mutex, PoisonError};

/// All that is kept, as bytes.
#[derive(Debug)]
pub(super) struct Serialised(Mutex<Vec<u8>>);

impl Serialised {
    pub(super) fn new(bounds: Bounds) -> Self {
        Serialised(Mutex::new(bytes(&Memory::new(bounds))))
    }

    /// Runs one verb: from bytes to bytes.
    pub(super) async fn run<T>(&self, verb: impl FnOnce(&Memory) -> T) -> T {
        tokio::task::yield_now().await;
        let mut kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let memory = Memory::of(serde_json::from_slice(&kept).expect("it was written by the verb before"));
        let result = verb(&memory);
        *kept = bytes(&memory);
        result
    }
}

fn bytes(memory: &Memory) -> Vec<u8> {
    serde_json::to_vec(&*memory.lock()).expect("text, numbers and bytes")
}
