//! One at a time: what is done once for each name, whoever else comes to it meanwhile waits for.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use tokio::sync::OwnedMutexGuard;

/// Whoever is at something, by its name, and those who wait for it, in the order they came. A name is known as long as
/// somebody is at it: there are as many as requests.
#[derive(Debug, Default)]
pub(crate) struct OneAtATime(Mutex<HashMap<String, Arc<tokio::sync::Mutex<()>>>>);

/// It is somebody's turn, or will be; over when it is dropped, also when they leave before it comes.
#[derive(Debug)]
pub(crate) struct TheirTurn<'a> {
    of: &'a OneAtATime,
    name: &'a str,
    lock: Option<Arc<tokio::sync::Mutex<()>>>,
    held: Option<OwnedMutexGuard<()>>,
}

impl OneAtATime {
    fn names(&self) -> MutexGuard<'_, HashMap<String, Arc<tokio::sync::Mutex<()>>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Waits until nobody else is at what has this name. Only those who ask for it wait: nothing else is held.
    pub(crate) async fn turn<'a>(&'a self, name: &'a str) -> TheirTurn<'a> {
        let lock = self.names().entry(name.to_string()).or_default().clone();
        let mut turn = TheirTurn { of: self, name, lock: Some(lock.clone()), held: None };
        turn.held = Some(lock.lock_owned().await);
        turn
    }
}

impl Drop for TheirTurn<'_> {
    fn drop(&mut self) {
        self.held = None;
        let mut names = self.of.names();
        self.lock = None;
        // Nobody else has it, and nobody gets it before this is done.
        if names.get(self.name).is_some_and(|lock| Arc::strong_count(lock) == 1) {
            names.remove(self.name);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use futures_util::FutureExt;
    use std::pin::pin;

    #[tokio::test]
    async fn the_second_waits_for_the_first_and_nobody_for_another_name() {
        let all = OneAtATime::default();
        let first = all.turn("a").await;
        let (mut second, mut third) = (pin!(all.turn("a")), pin!(all.turn("a")));
        assert!(second.as_mut().now_or_never().is_none() && third.as_mut().now_or_never().is_none());
        assert!(all.turn("b").now_or_never().is_some());
        drop(first);
        // In the order they came.
        assert!(third.as_mut().now_or_never().is_none());
        let second = second.now_or_never().expect("its turn");
        assert!(third.as_mut().now_or_never().is_none());
        drop(second);
        drop(third.now_or_never().expect("its turn"));
        assert!(all.names().is_empty());
    }

    #[tokio::test]
    async fn who_leaves_lets_the_others_in_and_leaves_nothing() {
        let all = OneAtATime::default();
        let first = all.turn("a").await;
        {
            let mut gone = pin!(all.turn("a"));
            assert!(gone.as_mut().now_or_never().is_none());
        }
        assert_eq!(all.names().len(), 1);
        drop(first);
        assert!(all.names().is_empty());
        assert!(all.turn("a").now_or_never().is_some());
    }
}
