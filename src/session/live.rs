//! An exchange that is being answered: whoever drops it unfinished has lost the client.

use crate::clock::Wait;
use crate::memory::Held;
use crate::session::Session;
use crate::session::ending::{Ended, Watch};
use crate::session::exchange::Exchange;
use crate::session::exchange::Waiting;
use crate::session::observers::Observer;
use crate::wire::error::ApiError;
use std::sync::Arc;
use std::time::Duration;

/// An exchange in flight, from its beginning to its last byte.
pub(crate) struct Live {
    pub session: Arc<Session>,
    pub exchange: Arc<Exchange>,
    observers: Arc<[Box<dyn Observer>]>,
    /// What its request takes of the memory.
    _held: Held,
    done: bool,
}

impl Live {
    /// Begins an exchange; from here on, whoever gives up (a client that leaves, a panic) leaves it complete.
    pub(crate) fn begin(
        session: Arc<Session>,
        exchange: Arc<Exchange>,
        observers: Arc<[Box<dyn Observer>]>,
        held: Held,
    ) -> Self {
        for observer in observers.iter() {
            observer.begun(&session, &exchange);
        }
        Live { session, exchange, observers, _held: held, done: false }
    }

    /// Its answer is known, and nothing of it has left.
    pub(crate) fn answered(&self) {
        for observer in self.observers.iter() {
            observer.answered(&self.session, &self.exchange);
        }
    }

    /// A wait of this exchange until a moment of its session's clock; `None` when it has passed.
    pub(crate) fn wait(&self, deadline: Duration) -> Option<Wait> {
        self.exchange.wait_until(deadline);
        self.session.clock.wait(deadline)
    }

    /// Waits until a moment of the session's clock.
    pub(crate) async fn sleep_until(&self, deadline: Duration) {
        if let Some(wait) = self.wait(deadline) {
            wait.await;
        }
    }

    /// A wait of this exchange until holds with this name are released.
    pub(crate) fn until_released(&self, name: String) -> Wait {
        let exchange = self.exchange.clone();
        exchange.wait_for(Some(Waiting::Hold { name: name.clone() }));
        let released = self.session.until_released(name);
        Box::pin(async move {
            released.await;
            exchange.wait_for(None);
        })
    }

    /// Watches the session for its end.
    pub(crate) fn watch(&self) -> Watch {
        Watch::new(self.session.clone(), self.exchange.clone())
    }

    /// The session has ended under the exchange: what the client is told.
    pub(crate) fn let_go(&self, ended: Ended) -> ApiError {
        self.exchange.note(|record| record.explanation = Some(ended.explanation()));
        let error = ended.error();
        self.exchange.complain(&error);
        self.session.profile.sends(error)
    }

    /// The exchange is complete: called before its last byte leaves.
    pub(crate) fn complete(&mut self) {
        if !std::mem::replace(&mut self.done, true) {
            for observer in self.observers.iter() {
                observer.ended(&self.session, &self.exchange);
            }
        }
    }
}

impl Drop for Live {
    fn drop(&mut self) {
        if !self.done {
            match std::thread::panicking() {
                true => self.exchange.complain(&ApiError::panicked()),
                false => self.exchange.note(|record| {
                    record.aborted = true;
                    // It is not the client that has left.
                    if let Some(ended) = self.session.ended() {
                        record.explanation.get_or_insert_with(|| ended.explanation());
                    }
                }),
            }
            self.complete();
        }
    }
}
