//! How an exchange ended, as people and signals are told.
//!
//! A rule that breaks its answer has answered: for tests, and `verify`, that is a success. Whoever watches is told that
//! the answer broke.

use super::{Outcome, Record};
use crate::options::LogLevel;

impl Record {
    /// Whether the answer broke, as somebody wanted it or not: what has left of it is not the answer.
    pub(crate) fn is_broken(&self) -> bool {
        let complained = self.explanation.is_some() || self.failure.is_some();
        complained && self.status.is_none_or(|status| status < 400)
    }

    /// Whether the client got an error, or nothing, or an answer that broke.
    pub(crate) fn is_failed(&self) -> bool {
        self.status.is_none_or(|status| status >= 400) || self.is_broken()
    }

    /// Whether all of an answer has left: what it ended with, and the tokens it was counted with, are true of it.
    pub(crate) fn is_whole(&self) -> bool {
        !self.is_failed() && !self.aborted
    }

    /// The outcome, where an answer that broke is no success.
    pub(crate) fn told_outcome(&self) -> Outcome {
        match self.outcome {
            Outcome::NoMatch | Outcome::Rejected => self.outcome,
            _ if self.is_broken() => Outcome::Faulted,
            outcome => outcome,
        }
    }

    /// How bad it was.
    pub(crate) fn level(&self) -> LogLevel {
        match self.status {
            Some(..400) if self.is_broken() => LogLevel::Warn,
            status => level(status),
        }
    }

    /// Why it failed, of what is known.
    pub(crate) fn reason(&self) -> String {
        let failure = self.failure.as_ref().map(|failure| &failure.message);
        failure.or(self.explanation.as_ref()).cloned().unwrap_or_else(|| self.said())
    }
}

/// How bad a status is; `None` = nothing left.
pub(crate) fn level(status: Option<u16>) -> LogLevel {
    match status {
        Some(..400) => LogLevel::Info,
        Some(..500) => LogLevel::Warn,
        _ => LogLevel::Error,
    }
}
