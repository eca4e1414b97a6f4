//! What a socket remembers: responses that are not stored can be continued on the connection that made them.
//!
//! Each lane of a connection remembers its last response, every lane may continue it, and a continuation that fails
//! forgets it (openai-surface §2.11).

use serde_json::Value;
use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// The last response of each lane of one connection, by the lane's `stream_id`.
pub(crate) type Memory = Arc<Mutex<HashMap<String, Recent>>>;

/// A response and the conversation it ends.
#[derive(Debug, Clone)]
pub(crate) struct Recent {
    id: String,
    items: Vec<Value>,
}

/// One lane of a connection: its requests come one after the other.
#[derive(Debug, Clone, Default)]
pub(crate) struct Lane {
    /// Its `stream_id`; empty when there is none.
    pub name: String,
    pub memory: Memory,
    /// This request only hands in its input: `generate: false`.
    pub silent: bool,
}

impl Lane {
    fn memory(&self) -> MutexGuard<'_, HashMap<String, Recent>> {
        self.memory.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Remembers a response by its id; `items` is the conversation with it.
    pub(crate) fn remember(&self, id: &str, items: Vec<Value>) {
        self.memory().insert(self.name.clone(), Recent { id: id.into(), items });
    }

    /// The conversation that a remembered response ends.
    pub(crate) fn recall(&self, id: &str) -> Option<Vec<Value>> {
        self.memory().values().find(|recent| recent.id == id).map(|recent| recent.items.clone())
    }

    /// Forgets a response whose continuation failed.
    pub(crate) fn forget(&self, id: &str) {
        self.memory().retain(|_, recent| recent.id != id);
    }
}
