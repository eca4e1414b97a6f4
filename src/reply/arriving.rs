//! A reply still arriving: pieces of its choices, from whoever makes them.

use crate::clock::{Clock, Mode, Wait};
use crate::reply::{Finish, Part};
use crate::wire::error::ApiError;
use bytes::Bytes;
use serde_json::Value;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll};
use std::time::Duration;
use tokio::sync::mpsc;
use tokio::time::sleep;

/// The pieces of a reply, in the order they come. Whoever makes them waits when too many are ahead.
pub(crate) struct Arriving {
    pieces: mpsc::Receiver<Arrival>,
    /// Longest wait for a piece.
    limit: Duration,
    /// Whose time that is; `None` = the world's.
    clock: Option<Arc<Clock>>,
    /// The wait that is on.
    wait: Option<Wait>,
    /// What a wait that was too long ends with.
    late: ApiError,
    /// Told when a piece is waited for, and when it has come.
    told: Option<Box<dyn Fn(bool) + Send>>,
    /// Dropped with the reply; tells the maker that nobody listens any more.
    _guard: Box<dyn Send>,
}

impl Arriving {
    /// `late` is what a piece that takes longer than `limit` becomes; only time in which somebody asks for it counts.
    pub(crate) fn new(pieces: mpsc::Receiver<Arrival>, limit: Duration, late: ApiError, guard: Box<dyn Send>) -> Self {
        Arriving { pieces, limit, clock: None, wait: None, late, told: None, _guard: guard }
    }

    /// The limit is one of this clock: of what people make in time that a test may move. On the instant clock, where every
    /// wait is over at once, people have the world's.
    pub(crate) fn timed_by(self, clock: &Arc<Clock>) -> Self {
        let clock = Some(clock.clone()).filter(|clock| clock.mode() != Mode::Instant);
        Arriving { clock, ..self }
    }

    /// Tells when a piece is waited for, and when it has come.
    pub(crate) fn telling(self, told: impl Fn(bool) + Send + 'static) -> Self {
        Arriving { told: Some(Box::new(told)), ..self }
    }

    fn begin_waiting(&self) -> Wait {
        let Some(clock) = self.clock.clone() else { return Box::pin(sleep(self.limit)) };
        let deadline = clock.now() + self.limit;
        Box::pin(async move { clock.sleep_until(deadline).await })
    }

    /// Drops this too when nobody listens any more.
    pub(crate) fn guarded(self, guard: Box<dyn Send>) -> Self {
        Arriving { _guard: Box::new((self._guard, guard)), ..self }
    }

    /// The next piece; `None` at the end.
    pub(crate) fn poll_next(&mut self, context: &mut Context<'_>) -> Poll<Option<Arrival>> {
        if let Poll::Ready(piece) = self.pieces.poll_recv(context) {
            if self.wait.take().is_some() {
                self.told.iter().for_each(|told| told(false));
            }
            return Poll::Ready(piece);
        }
        if self.wait.is_none() {
            self.told.iter().for_each(|told| told(true));
            self.wait = Some(self.begin_waiting());
        }
        let Some(wait) = &mut self.wait else { return Poll::Pending };
        wait.as_mut().poll(context).map(|()| Some(Piece::Failed(self.late.clone()).into()))
    }
}

/// Bytes of a raw answer that are still arriving: whoever sends the answer takes them, once.
#[derive(Clone)]
pub(crate) struct Passing(Arc<Mutex<Option<Arriving>>>);

impl Passing {
    pub(crate) fn new(arriving: Arriving) -> Self {
        Passing(Arc::new(Mutex::new(Some(arriving))))
    }

    /// The bytes; `None` when somebody has them already.
    pub(crate) fn take(&self) -> Option<Arriving> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).take()
    }
}

impl std::fmt::Debug for Passing {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str("Passing")
    }
}

/// A piece, and the choice it belongs to.
#[derive(Debug, Clone)]
pub(crate) struct Arrival {
    pub choice: usize,
    pub piece: Piece,
}

impl From<Piece> for Arrival {
    /// Of the first choice.
    fn from(piece: Piece) -> Self {
        Arrival { choice: 0, piece }
    }
}

/// One piece of a reply still arriving. What grows is the last part of its choice; another kind of piece begins another.
#[derive(Debug, Clone)]
pub(crate) enum Piece {
    /// More text of the message.
    Text(String),
    /// More text of the refusal.
    Refusal(String),
    /// More text of the reasoning's summary.
    Reasoning(String),
    /// More arguments of a tool call; with a name, one begins. `custom` = its kind, where the piece says it.
    Call { name: Option<String>, id: Option<String>, custom: Option<bool>, arguments: String },
    /// A part that is whole.
    Part(Part),
    /// How the choice ends; nothing of it follows.
    Finish(Finish),
    /// Token counts, whatever would be counted.
    Usage(Value),
    /// The request may forbid this reply.
    Unchecked,
    /// More bytes of a raw answer; no other pieces come with them but a failure.
    Bytes(Bytes),
    /// The rest will not come.
    Failed(ApiError),
}
