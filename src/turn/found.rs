//! What a responder found for a turn.

use crate::reply::fault::Fault;
use crate::reply::pace::Pace;
use crate::reply::{Arriving, Overrides, Reply, Say};
use std::sync::Arc;

/// A reply and where it came from.
pub(crate) struct Found {
    pub reply: Arc<Reply>,
    /// It is still coming, piece by piece.
    pub arriving: Option<Arriving>,
    pub fault: Option<Fault>,
    /// Of the reply itself, then of whoever named it.
    pub pace: Pace,
    /// A test wrote it, so it is checked against the request.
    pub scripted: bool,
}

impl Found {
    pub(crate) fn new(reply: Arc<Reply>) -> Self {
        Found { fault: reply.fault.clone(), pace: reply.pace.clone(), reply, arriving: None, scripted: false }
    }

    /// A reply that comes piece by piece.
    pub(crate) fn arriving(arriving: Arriving) -> Self {
        Found { arriving: Some(arriving), ..Found::new(Arc::default()) }
    }

    /// Something's fault and pace come over this reply.
    pub(crate) fn broken_by(mut self, over: Over) -> Self {
        self.fault = over.fault.or(self.fault);
        self.pace = over.pace.or(&self.pace);
        if over.overrides != Overrides::default() {
            let overrides = over.overrides.or(&self.reply.overrides);
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
        if general.overrides != Overrides::default() {
            let overrides = self.reply.overrides.clone().or(&general.overrides);
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
    pub overrides: Overrides,
}

impl From<Over> for Found {
    /// Over the emulator's own answer.
    fn from(over: Over) -> Self {
        Found::new(Arc::new(Reply { say: Say::Nothing, ..Reply::default() })).broken_by(over)
    }
}
