//! What people have before them: the events that tell them what happens, and the answers they prepare.

pub(crate) mod breakpoints;
pub(crate) mod events;
pub(crate) mod history;
mod kept;
pub(crate) mod pending;
pub(crate) mod preset;
pub(crate) mod queues;
mod relay;
mod shared;
pub(crate) mod summary;
pub(crate) mod waiter;
mod watcher;

pub(crate) use watcher::Watcher;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use breakpoints::Breakpoints;
use events::EventLog;
use history::History;
use pending::PendingList;
use queues::Queues;

/// The desk of an emulator.
#[derive(Default)]
pub(crate) struct Desk {
    /// Somebody may look at answers as they leave.
    attended: AtomicBool,
    pub(crate) events: Arc<EventLog>,
    pub(crate) queues: Queues,
    /// Requests that wait for a person.
    pub(crate) pending: PendingList,
    /// Where answers stop.
    pub(crate) breakpoints: Breakpoints,
    /// What was sent upstream.
    pub(crate) history: History,
}

impl Desk {
    /// Somebody is here, or may come: from now on answers are kept as they leave.
    pub(crate) fn attend(&self) {
        self.attended.store(true, Ordering::Relaxed);
    }

    /// Whether answers are kept as they leave.
    pub(crate) fn is_attended(&self) -> bool {
        self.attended.load(Ordering::Relaxed)
    }
}
