//! The end of an emulator: what is open, and how it ends.

use super::{Emulator, RUNNING};
use crate::runtime;
use crate::session::ending::Ended;
use std::sync::{Arc, PoisonError};
use std::time::Duration;
use tokio::sync::watch;

/// Connections have this long to close once the grace time is over.
const CLOSING: Duration = Duration::from_secs(2);

/// Something open on the network; closed when dropped. Declare it before what it stands for, so that it goes last.
pub(crate) struct Open(Arc<Emulator>);

impl Drop for Open {
    fn drop(&mut self) {
        self.0.open.send_modify(|open| *open -= 1);
    }
}

impl Emulator {
    /// Stops: no new connections, open answers get the grace time, then everything closes. Idempotent.
    pub(crate) async fn stop(self: &Arc<Self>) {
        self.callbacks.end();
        RUNNING.lock().unwrap_or_else(PoisonError::into_inner).retain(|other| !Arc::ptr_eq(other, self));
        self.stopping.send_replace(true);
        let mut open = self.open.subscribe();
        // The server closes what is left when the grace time is over; this waits a little longer than it.
        let patience = Duration::from_millis(self.settings.grace_ms) + CLOSING;
        let _ = tokio::time::timeout(patience, open.wait_for(|open| *open == 0)).await;
        // Whoever tells the host process of events tells what this brought about.
        self.over.send_replace(true);
        let _ = tokio::time::timeout(CLOSING, self.over.closed()).await;
        self.callbacks.close();
        if let Some(data) = self.data.clone() {
            // A panic there was told already.
            let _ = tokio::task::spawn_blocking(move || data.close()).await;
        }
        if self.cassettes.writes() {
            let cassettes = self.cassettes.clone();
            let _ = runtime::handle().spawn_blocking(move || cassettes.flush()).await;
        }
    }

    /// The grace time after a stop is over: what still waits is told so.
    pub(crate) fn let_go(&self) {
        self.sessions().iter().for_each(|session| session.end(Ended::Stopped));
    }

    /// How much is open on the network.
    #[cfg(test)]
    pub(crate) fn open(&self) -> usize {
        *self.open.borrow()
    }

    /// Counts something that is open until what this gives is dropped.
    pub(crate) fn opened(self: &Arc<Self>) -> Open {
        self.open.send_modify(|open| *open += 1);
        Open(self.clone())
    }

    /// True once everything that was open is over. The stop ends when whoever has this lets go of it.
    pub(crate) fn over(&self) -> watch::Receiver<bool> {
        self.over.subscribe()
    }

    /// Tells when the emulator stops.
    pub(crate) fn stopping(&self) -> Stopping {
        Stopping(self.stopping.subscribe())
    }
}

/// Tells when the emulator stops.
pub(crate) struct Stopping(watch::Receiver<bool>);

impl Stopping {
    /// Waits until it does.
    pub(crate) async fn stopped(&mut self) {
        // An error means the emulator is gone: it has stopped.
        let _ = self.0.wait_for(|stopped| *stopped).await;
    }
}
