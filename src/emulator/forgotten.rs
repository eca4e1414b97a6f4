//! What is left of sessions that were forgotten to make room, or because nobody used them: their failures. Who asks for
//! such a session again asks for its test, which must not pass because there were many others.

use super::Emulator;
use crate::newest::Newest;
use crate::session::Session;
use crate::session::ending::Ended;
use crate::session::exchange::{Exchange, Failure};
use crate::session::journal::Failed;
use std::sync::{Arc, PoisonError};

/// Sessions whose failures are kept; beyond, the oldest go.
const MOST: usize = 10_000;

/// Failures that are kept of each with their words; the rest is counted.
const TOLD: usize = 3;

/// Unused rules that are named.
const NAMED: usize = 5;

/// By the sessions' keys: the number of the next exchange, and what failed.
pub(super) type Leftovers = Newest<String, (u64, Failed)>;

/// Nothing is left of any yet.
pub(super) fn none() -> Leftovers {
    Newest::new(MOST)
}

impl Emulator {
    /// Ends a session that gives way, and keeps what failed in it. One that is written somewhere comes back with all of it.
    pub(super) fn give_way(&self, session: &Session, how: Ended) {
        if !session.is_kept() {
            let (next, failed) = left_by(session, &self.unused(session), how);
            if failed.count > 0 {
                self.leftovers
                    .lock()
                    .unwrap_or_else(PoisonError::into_inner)
                    .insert(session.key.clone(), (next, failed));
            }
        }
        session.end(how);
    }

    /// A session that is made anew goes on where one of its key was forgotten.
    pub(super) fn goes_on(&self, session: &Session) {
        if let Some((next, failed)) = self.leftovers.lock().unwrap_or_else(PoisonError::into_inner).remove(&session.key)
        {
            session.journal.go_on(next, failed);
        }
    }

    /// Nobody wants to know any more: of one session, or of any.
    pub(super) fn forget_leftovers(&self, key: Option<&str>) {
        let mut leftovers = self.leftovers.lock().unwrap_or_else(PoisonError::into_inner);
        match key {
            Some(key) => drop(leftovers.remove(key)),
            None => leftovers.clear(),
        }
    }
}

/// What failed in a session, what it takes with it unanswered, and that some of its replies were never used.
fn left_by(session: &Session, unused: &[serde_json::Value], how: Ended) -> (u64, Failed) {
    let mut failed = session.journal.failed();
    let next = session.journal.base() + session.journal.count();
    failed.first.truncate(TOLD);
    let cut = how.cuts(session);
    failed.count += cut.len() as u64;
    let told = |exchange: &Arc<Exchange>| {
        (exchange.number, Failure { code: "session_ended".into(), message: how.explanation() })
    };
    failed.first.extend(cut.first().map(told));
    if !unused.is_empty() {
        let name = |rule: &serde_json::Value| {
            let label = [&rule["name"], &rule["path"]].into_iter().find_map(serde_json::Value::as_str);
            label.unwrap_or("a rule").to_string()
        };
        let names: Vec<String> = unused.iter().take(NAMED).map(name).collect();
        let more = if unused.len() > NAMED { " …" } else { "" };
        let message =
            format!("The session {}, with replies that nobody had asked for: {}{more}", how.how(), names.join(", "));
        failed.count += 1;
        failed.first.push((next, Failure { code: "session_forgotten".into(), message }));
    }
    // Its number is that of an exchange which never was.
    (next + 1, failed)
}
