//! What a socket remembers: responses that are not stored can be continued on the connection that made them.
//!
//! Each lane of a connection remembers its last response, every lane may continue it, and a continuation that fails
//! forgets it (openai-surface §2.11).

use crate::memory::{Account, Held, weight};
use serde_json::Value;
use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// The last response of each lane of one connection, by the lane's `stream_id`.
pub(crate) type LaneMemory = Arc<Mutex<HashMap<String, Recent>>>;

/// A response and the conversation it ends.
#[derive(Debug)]
pub(crate) struct Recent {
    id: String,
    items: Vec<Value>,
    /// What they hold of the session's account.
    _held: Held,
}

/// One lane of a connection: its requests come one after the other.
#[derive(Debug, Clone, Default)]
pub(crate) struct Lane {
    /// Its `stream_id`; empty when there is none.
    pub name: String,
    pub memory: LaneMemory,
    /// This request only hands in its input: `generate: false`.
    pub silent: bool,
}

impl Lane {
    fn memory(&self) -> MutexGuard<'_, HashMap<String, Recent>> {
        self.memory.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Remembers a response by its id, as far as the session has room; `items` is the conversation with it.
    pub(crate) fn remember(&self, id: &str, items: Vec<Value>, account: &Arc<Account>) {
        let mut memory = self.memory();
        // It takes the place of the one before.
        memory.remove(&self.name);
        let held = account.hold(items.iter().map(weight).sum::<usize>() + id.len() + self.name.len());
        match account.is_full(0) {
            true => account.forgot(1),
            false => _ = memory.insert(self.name.clone(), Recent { id: id.into(), items, _held: held }),
        }
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

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn what_lanes_remember_is_counted_and_has_a_bound() {
        let account = Account::new(10_000, &Arc::default());
        let lane = |name: &str, memory: &LaneMemory| Lane { name: name.into(), memory: memory.clone(), silent: false };
        let memory = LaneMemory::default();
        for round in 0..100 {
            for name in ["a", "b"] {
                lane(name, &memory).remember(&format!("{name}{round}"), vec![json!("x".repeat(2_000))], &account);
            }
        }
        assert!(account.used() > 4_000 && account.used() < 5_000, "{}", account.used());
        lane("c", &memory).remember("c", vec![json!("x".repeat(9_000))], &account);
        assert_eq!((lane("c", &memory).recall("c"), account.forgotten()), (None, 1));
        assert!(lane("c", &memory).recall("b99").is_some());
        lane("a", &memory).forget("a99");
        drop(memory);
        assert_eq!(account.used(), 0);
    }
}
