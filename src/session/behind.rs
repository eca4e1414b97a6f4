//! Work of a response that goes on behind its answer: its exchange stays in flight until it is over, and who cancels it
//! is heard.

use super::Session;
use super::exchange::Exchange;
use std::collections::HashMap;
use std::future::pending;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use tokio::sync::watch;

/// An exchange that is not over when its answer has left. It is when this is dropped.
pub(crate) struct GoingOn {
    /// Which holds this.
    session: Weak<Session>,
    exchange: Arc<Exchange>,
}

impl GoingOn {
    /// The exchange goes on behind its answer.
    pub(crate) fn new(session: &Arc<Session>, exchange: &Arc<Exchange>) -> Self {
        exchange.goes_on();
        GoingOn { session: Arc::downgrade(session), exchange: exchange.clone() }
    }
}

impl Drop for GoingOn {
    fn drop(&mut self) {
        let over = self.exchange.went_on();
        if let Some(session) = self.session.upgrade().filter(|_| over) {
            session.keep_exchange(&self.exchange, true);
        }
    }
}

/// What goes on, by the id of its response.
#[derive(Default)]
pub(crate) struct Behind(Mutex<HashMap<String, WorkBehind>>);

/// Work under one id.
struct WorkBehind {
    stop: watch::Sender<bool>,
    going_on: Option<GoingOn>,
}

impl WorkBehind {
    /// Whether anybody still has to do with it.
    fn is_needed(&self) -> bool {
        self.going_on.is_some() || self.stop.receiver_count() > 0
    }
}

impl Behind {
    fn entries(&self) -> MutexGuard<'_, HashMap<String, WorkBehind>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Work begins under this id. Gives what completes when it is stopped.
    pub(crate) fn begin(&self, id: &str) -> impl Future<Output = ()> + Send + use<> {
        let mut entries = self.entries();
        // Of a stream whose client has left, and that nobody looked at since.
        entries.retain(|_, entry| entry.is_needed());
        let (stop, stopped) = watch::channel(false);
        let replaced = entries.insert(id.to_string(), WorkBehind { stop, going_on: None });
        drop(entries);
        // An exchange that ends with it takes locks of its own.
        drop(replaced);
        until(stopped)
    }

    /// An exchange goes on as long as the work under this id. Gives what completes when that is stopped.
    pub(crate) fn with(&self, id: &str, going_on: GoingOn) -> impl Future<Output = ()> + Send + use<> {
        let mut entries = self.entries();
        let entry = entries.entry(id.to_string());
        let entry = entry.or_insert_with(|| WorkBehind { stop: watch::channel(false).0, going_on: None });
        let replaced = entry.going_on.replace(going_on);
        let stopped = entry.stop.subscribe();
        drop(entries);
        drop(replaced);
        until(stopped)
    }

    /// The work under this id is over: so is its exchange.
    pub(crate) fn over(&self, id: &str) {
        let mut entries = self.entries();
        let Some(entry) = entries.get_mut(id) else { return };
        let going_on = entry.going_on.take();
        if !entry.is_needed() {
            entries.remove(id);
        }
        drop(entries);
        drop(going_on);
    }

    /// Stops the work under this id.
    pub(crate) fn stop(&self, id: &str) {
        let stopped = self.entries().remove(id);
        if let Some(entry) = stopped {
            entry.stop.send_replace(true);
        }
    }
}

/// Completes when this says that it is stopped.
async fn until(mut stopped: watch::Receiver<bool>) {
    // An error means that it was over before anybody stopped it.
    if stopped.wait_for(|stop| *stop).await.is_err() {
        pending::<()>().await;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use futures_util::FutureExt;

    #[test]
    fn what_is_stopped_hears_of_it_and_what_is_over_does_not() {
        let behind = Behind::default();
        let (mut first, mut second) = (Box::pin(behind.begin("a")), Box::pin(behind.begin("b")));
        behind.over("a");
        behind.stop("b");
        assert_eq!((first.as_mut().now_or_never(), second.as_mut().now_or_never()), (None, Some(())));
        // Stopped after all; another one of its name takes its place.
        let mut again = Box::pin(behind.begin("a"));
        behind.stop("a");
        assert_eq!((first.as_mut().now_or_never(), again.as_mut().now_or_never()), (None, Some(())));
        drop((first, again));
        assert!(behind.entries().is_empty());
    }

    #[test]
    fn nothing_is_kept_of_what_nobody_waits_for() {
        let behind = Behind::default();
        drop(behind.begin("a"));
        behind.over("a");
        assert!(behind.entries().is_empty());
        drop(behind.begin("a"));
        let _held = behind.begin("b");
        assert_eq!(behind.entries().keys().collect::<Vec<_>>(), ["b"]);
    }
}
