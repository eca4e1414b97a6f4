//! Work on a stored object that goes on when nobody waits for it any more: one at a time under each name.

use super::Session;
use crate::runtime;
use std::collections::HashMap;
use std::future::Future;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::sync::watch;

/// How long who looks waits for what others answer (functions, people, another API) before it shows what is there.
const PATIENCE: Duration = Duration::from_secs(5);

impl Session {
    /// Lets the work under this name go as far as it comes, as long as the session is there. What is not done when
    /// patience ends goes on; the next look finds it.
    pub(crate) async fn go_on(&self, name: &str, work: impl Future<Output = ()> + Send + 'static) {
        let _ = tokio::time::timeout(PATIENCE, self.tasks.run(name, self.until_ended(), work)).await;
    }

    /// Lets the work under this name go on by itself, as long as the session is there.
    pub(crate) fn goes_on(&self, name: &str, work: impl Future<Output = ()> + Send + 'static) {
        self.tasks.begin(name, self.until_ended(), work);
    }
}

/// What is being worked on.
#[derive(Debug, Default)]
pub(super) struct Tasks(Mutex<HashMap<String, watch::Receiver<()>>>);

impl Tasks {
    /// Waits until the work under this name is over; begins it unless it is under way. It goes on when whoever waits
    /// leaves, until `end`.
    async fn run(
        self: &Arc<Self>,
        name: &str,
        end: impl Future<Output = ()> + Send + 'static,
        work: impl Future<Output = ()> + Send + 'static,
    ) {
        let mut over = self.begin(name, end, work);
        // Nothing is ever sent: an error says that the work is gone.
        let _ = over.changed().await;
    }

    fn begin(
        self: &Arc<Self>,
        name: &str,
        end: impl Future<Output = ()> + Send + 'static,
        work: impl Future<Output = ()> + Send + 'static,
    ) -> watch::Receiver<()> {
        let mut running = self.running();
        if let Some(over) = running.get(name) {
            return over.clone();
        }
        let (done, over) = watch::channel(());
        running.insert(name.to_string(), over.clone());
        let underway = Underway { tasks: self.clone(), name: name.to_string(), _done: done };
        runtime::spawn(async move {
            // Also when it panics: the next one begins anew.
            let _underway = underway;
            tokio::select! {
                () = end => {}
                () = work => {}
            }
        });
        over
    }

    fn running(&self) -> MutexGuard<'_, HashMap<String, watch::Receiver<()>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Work that is under way; over when dropped.
struct Underway {
    tasks: Arc<Tasks>,
    name: String,
    _done: watch::Sender<()>,
}

impl Drop for Underway {
    fn drop(&mut self) {
        self.tasks.running().remove(&self.name);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::future::pending;
    use std::sync::atomic::{AtomicUsize, Ordering};
    use tokio::sync::Notify;

    #[tokio::test]
    async fn work_under_a_name_is_done_once_at_a_time_and_goes_on_alone() {
        let (tasks, begun, go) = (Arc::new(Tasks::default()), Arc::new(AtomicUsize::new(0)), Arc::new(Notify::new()));
        let work = || {
            let (begun, go) = (begun.clone(), go.clone());
            async move {
                begun.fetch_add(1, Ordering::SeqCst);
                go.notified().await;
            }
        };
        let mut first = Box::pin(tasks.run("a", pending(), work()));
        assert!(futures_util::poll!(&mut first).is_pending());
        tokio::task::yield_now().await;
        // Whoever began it leaves.
        drop(first);
        let mut second = Box::pin(tasks.run("a", pending(), work()));
        assert!(futures_util::poll!(&mut second).is_pending());
        go.notify_one();
        second.await;
        assert_eq!((begun.load(Ordering::SeqCst), tasks.running().len()), (1, 0));
        go.notify_one();
        tasks.run("a", pending(), work()).await;
        assert_eq!(begun.load(Ordering::SeqCst), 2);
    }

    #[tokio::test]
    async fn work_ends_with_its_session_and_when_it_panics() {
        let tasks = Arc::new(Tasks::default());
        tasks.run("a", async {}, pending()).await;
        tasks.run("b", pending(), async { panic!("a bug") }).await;
        assert!(tasks.running().is_empty());
    }
}
