//! What a responder found for a turn.

use crate::reply::fault::Fault;
use crate::reply::pace::Pace;
use crate::reply::seldom::Seldom;
use crate::reply::{Arriving, Overrides, Passing, Raw, RawBody, Reply, Say};
use std::sync::Arc;

/// A reply and where it came from.
pub(crate) struct Found {
    pub reply: Arc<Reply>,
    /// It is still coming, piece by piece. Boxed: most replies are there.
    pub arriving: Option<Box<Arriving>>,
    pub fault: Option<Fault>,
    /// Of the reply itself, then of whoever named it.
    pub pace: Pace,
    /// A test wrote it, or a person, so it is checked against the request.
    pub scripted: bool,
}

impl Found {
    pub(crate) fn new(reply: Arc<Reply>) -> Self {
        Found { fault: reply.fault.clone(), pace: (*reply.pace).clone(), reply, arriving: None, scripted: false }
    }

    /// A reply that comes piece by piece.
    pub(crate) fn arriving(arriving: Arriving) -> Self {
        Found { arriving: Some(Box::new(arriving)), ..Found::new(Arc::default()) }
    }

    /// A raw answer whose bytes come as [`Piece::Bytes`](crate::reply::Piece): what an upstream sends goes on to the client
    /// as it comes, paced, held and broken like any other answer. Status and headers are there first; how the body is
    /// framed is the transport's affair. A piece that failed cuts the connection.
    ///
    /// ```text
    /// let (sender, pieces) = tokio::sync::mpsc::channel(16); // whoever sends waits when the client is slow
    /// tokio::spawn(async move {
    ///     while let Some(chunk) = upstream.chunk().await {
    ///         if sender.send(Piece::Bytes(chunk).into()).await.is_err() {
    ///             return; // the client left
    ///         }
    ///     }
    /// });
    /// let arriving = Arriving::new(pieces, limit, late, Box::new(()));
    /// Ok(Response::Reply(Found::bytes(200, headers, arriving)))
    /// ```
    pub(crate) fn bytes(status: u16, headers: Vec<(String, String)>, arriving: Arriving) -> Self {
        let raw = Raw { status, headers, body: RawBody::Passing(Passing::new(arriving)) };
        Found::new(Arc::new(Reply { say: Say::Raw(Box::new(raw)), ..Reply::default() }))
    }

    /// Something's fault and pace come over this reply.
    pub(crate) fn broken_by(mut self, over: Over) -> Self {
        self.fault = over.fault.or(self.fault);
        self.pace = over.pace.or(&self.pace);
        if !over.overrides.is_blank() {
            let overrides = over.overrides.into_inner().or(&self.reply.overrides).into();
            self.reply = Arc::new(Reply { overrides, ..(*self.reply).clone() });
        }
        self
    }

    /// Only what it would do to another reply.
    pub(crate) fn over(self) -> Over {
        Over { fault: self.fault, pace: self.pace, overrides: self.reply.overrides.clone() }
    }

    /// What holds where this one leaves it open.
    pub(crate) fn or(mut self, general: &Reply) -> Self {
        self.pace = self.pace.or(&general.pace);
        self.fault = self.fault.or_else(|| general.fault.clone());
        if !general.overrides.is_blank() {
            let overrides = (*self.reply.overrides).clone().or(&general.overrides).into();
            self.reply = Arc::new(Reply { overrides, ..(*self.reply).clone() });
        }
        self
    }
}

/// What a reply has beside what it says: whatever answers breaks, is paced, and is shown like this.
#[derive(Default)]
pub(crate) struct Over {
    pub fault: Option<Fault>,
    pub pace: Pace,
    pub overrides: Seldom<Overrides>,
}

impl From<Over> for Found {
    /// Over the emulator's own answer.
    fn from(over: Over) -> Self {
        Found::new(Arc::new(Reply { say: Say::Nothing, ..Reply::default() })).broken_by(over)
    }
}
