//! Sessions that nobody uses end, where the option `sessionIdleMs` says after how long.

use super::Emulator;
use crate::clock;
use crate::log;
use crate::session::Session;
use crate::session::ending::Ended;
use std::sync::atomic::Ordering::Relaxed;
use std::sync::{Arc, PoisonError};

/// How often sessions are looked at within the time they have.
const LOOKS: u64 = 8;

impl Emulator {
    /// Forgets sessions that nobody used for too long; looked at when a session is asked for, since nothing needs their
    /// room before. One that somebody holds is in use: a request under way, a socket.
    pub(super) fn end_idle(&self) {
        let patience = self.settings.session_idle_ms;
        if patience == 0 {
            return;
        }
        let now = clock::world().as_millis() as u64;
        let next = self.next_look.load(Relaxed);
        let later = now + (patience / LOOKS).max(1);
        if now < next || self.next_look.compare_exchange(next, later, Relaxed, Relaxed).is_err() {
            return;
        }
        let mut sessions = self.sessions.write().unwrap_or_else(PoisonError::into_inner);
        let is_idle = |session: &Arc<Session>| {
            Arc::strong_count(session) == 1 && session.last_seen.load(Relaxed).saturating_add(patience) <= now
        };
        let idle: Vec<String> =
            sessions.iter().filter(|(_, session)| is_idle(session)).map(|(key, _)| key.clone()).collect();
        for session in idle.iter().filter_map(|key| sessions.remove(key)) {
            self.give_way(&session, Ended::Idle);
            log::info(format!("forgot the session {}, which nobody used (option sessionIdleMs)", session.label()));
        }
    }

    /// Somebody uses a session.
    pub(super) fn seen(&self, session: &Session) {
        if self.settings.session_idle_ms > 0 {
            session.last_seen.store(clock::world().as_millis() as u64, Relaxed);
        }
    }
}
