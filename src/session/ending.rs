//! The end of a session, and what it means to exchanges that still wait in it.
//!
//! A hold, a virtual clock, a silence until the client leaves: only whoever has the session can end these, and after a
//! reset or a delete nobody will. So they end with the session; what ends by itself (the real clock, after a reset also a
//! function) goes on and ends in the journal it began in. After a stop nothing goes on.

use crate::clock::{Mode, Wait};
use crate::session::Session;
use crate::session::exchange::{Exchange, Waiting};
use crate::wire::error::{self, ApiError};
use std::future::poll_fn;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

/// How a session ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Ended {
    /// Forgotten, to begin anew.
    Reset,
    Deleted,
    /// Made room for another one.
    Displaced,
    /// Nobody used it.
    Idle,
    /// With its emulator, whose grace time is over.
    Stopped,
    /// Another replica owns it, or may.
    Moved,
}

impl Ended {
    /// What a client that waited is told.
    pub(crate) fn error(self) -> ApiError {
        match self {
            Ended::Moved => error::session_moved(),
            _ => ApiError::emulator("session_ended", self.explanation()),
        }
    }

    /// Why its wait is over.
    pub(crate) fn explanation(self) -> String {
        format!("The session {} while this request was answered.", self.how())
    }

    /// What happened to the session, in words.
    pub(crate) fn how(self) -> &'static str {
        match self {
            Ended::Reset => "was reset",
            Ended::Deleted => "was deleted",
            Ended::Displaced => "made room for others (options maxSessions and maxMemoryBytes)",
            Ended::Moved => "went to another replica",
            Ended::Idle => "was not used for long (option sessionIdleMs)",
            Ended::Stopped => "ended with its emulator, which was stopped",
        }
    }

    /// What is in flight in a session and ends with it.
    pub(crate) fn cuts(self, session: &Session) -> Vec<Arc<Exchange>> {
        let (now, mode) = (session.clock.now(), session.clock.mode());
        let mut open = session.journal.in_flight();
        open.retain(|exchange| exchange.waiting(now).is_some_and(|waiting| self.ends(&waiting, mode)));
        open
    }

    /// Whether what waits like this now waits for nobody.
    fn ends(self, waiting: &Waiting, clock: Mode) -> bool {
        match waiting {
            _ if self == Ended::Stopped => true,
            Waiting::Clock { .. } => clock != Mode::Real,
            Waiting::Hold { .. } | Waiting::Client | Waiting::Operator => true,
            Waiting::Function | Waiting::Upstream => self != Ended::Reset,
        }
    }
}

/// Notices that the session has ended under an exchange that waits.
pub(crate) struct Watch {
    session: Arc<Session>,
    exchange: Arc<Exchange>,
    /// Until it ends; made when there is first something to wait for, gone once it has ended.
    news: Option<Wait>,
}

impl Watch {
    pub(super) fn new(session: Arc<Session>, exchange: Arc<Exchange>) -> Self {
        Watch { session, exchange, news: None }
    }

    /// How the session ended, if what the exchange waits for will not come any more. To be asked whenever it has to wait;
    /// the task is woken when the session ends.
    pub(crate) fn poll(&mut self, context: &mut Context<'_>) -> Option<Ended> {
        let ended = match self.session.ended() {
            Some(ended) => ended,
            None => {
                let news = self.news.get_or_insert_with(|| Box::pin(self.session.until_ended()));
                if news.as_mut().poll(context).is_pending() {
                    return None;
                }
                self.news = None;
                self.session.ended()?
            }
        };
        let waiting = self.exchange.waiting(self.session.clock.now())?;
        ended.ends(&waiting, self.session.clock.mode()).then_some(ended)
    }

    /// Does some of the exchange's work. It comes pinned: see `runtime::all_aside`.
    ///
    /// # Errors
    /// The session ended, and the work waits for what will not come any more.
    pub(crate) async fn over<T>(mut self, mut work: Pin<&mut impl Future<Output = T>>) -> Result<T, Ended> {
        poll_fn(|context| match work.as_mut().poll(context) {
            Poll::Ready(done) => Poll::Ready(Ok(done)),
            Poll::Pending => self.poll(context).map_or(Poll::Pending, |ended| Poll::Ready(Err(ended))),
        })
        .await
    }
}
