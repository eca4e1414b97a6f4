//! What of a session is kept somewhere, from where it comes back: in a data directory, or where replicas share it.

use super::Session;
use crate::clock::Clock;
use crate::log;
use crate::script::Load;
use crate::session::exchange::Exchange;
use crate::session::store::rows::SessionRows;
use crate::session::store::saved::{JournalRow, SavedSession};
use crate::wire::error::ApiError;
use std::sync::Arc;

impl Session {
    /// Keeps it across restarts, with what was kept of it before.
    pub(crate) fn keep(&mut self, rows: SessionRows, saved: Option<SavedSession>) {
        let rows = Arc::new(rows);
        self.rows = Some(rows.clone());
        let all = rows.keeps_all();
        self.serial = rows.serial().unwrap_or(self.serial);
        let Some(mut saved) = saved else {
            rows.follow(&self.clock);
            if all {
                self.journal.keep_rows(&rows, JournalRow::default(), Vec::new(), Vec::new());
            }
            return self.store.keep(rows, None);
        };
        if let Some(clock) = saved.clock {
            self.clock = Arc::new(Clock::resumed(self.clock.mode(), clock.origin, clock.elapsed));
        }
        rows.follow(&self.clock);
        for (_, text) in std::mem::take(&mut saved.scripts) {
            match Load::kept(&text) {
                Ok(load) => self.load(load),
                Err(error) => log::warn(&format!("a kept script is no longer one: {error}")),
            }
        }
        let mut state = self.state();
        // Where the counts themselves are kept, nothing is drawn again.
        state.counted = if all { 0 } else { rows.times() << 32 };
        state.counts = std::mem::take(&mut saved.counts);
        state.turns = saved.turns;
        state.loads = saved.loads;
        if let Some(script) = &state.script {
            script.restore(|index| saved.uses.get(&index).copied());
        }
        state.shared_uses = Some(std::mem::take(&mut saved.shared_uses));
        drop(state);
        for (name, bucket) in std::mem::take(&mut saved.limits) {
            self.counters().restore(&name, bucket);
        }
        let released = std::mem::take(&mut saved.released);
        self.released.send_modify(|names| names.extend(released));
        if all {
            let (exchanges, failures) = (std::mem::take(&mut saved.exchanges), std::mem::take(&mut saved.failures));
            self.journal.keep_rows(&rows, saved.journal, exchanges, failures);
        }
        self.store.keep(rows, Some(saved));
    }

    /// Whether it is written somewhere, from where it comes back.
    pub(crate) fn is_kept(&self) -> bool {
        self.rows.is_some()
    }

    /// Its rows in the data directory, if it is kept.
    pub(crate) fn rows(&self) -> Option<&SessionRows> {
        self.rows.as_deref()
    }

    /// Whether another process may own it by now.
    pub(crate) fn is_lost(&self) -> bool {
        self.rows.as_ref().is_some_and(|rows| rows.is_lost())
    }

    /// Its rows, if all that it owns is kept.
    pub(super) fn all_rows(&self) -> Option<&SessionRows> {
        self.rows().filter(|rows| rows.keeps_all())
    }

    /// Whether all that it owns is kept.
    pub(crate) fn is_kept_whole(&self) -> bool {
        self.all_rows().is_some()
    }

    /// Keeps an exchange as far as it is, if all is kept: see [`Exchange::to_row`].
    pub(crate) fn keep_exchange(&self, exchange: &Exchange, done: bool) {
        self.keep_answer(exchange, done, None);
    }

    /// As [`Session::keep_exchange`], of one whose answer leaves with this status next.
    pub(crate) fn keep_answer(&self, exchange: &Exchange, done: bool, status: Option<u16>) {
        if let Some(rows) = self.all_rows()
            && let Some(row) = exchange.to_row(done, status)
        {
            rows.exchange(&row);
        }
    }

    /// Waits until all that happened in it is kept, as far as anything is: nothing is acknowledged before.
    ///
    /// # Errors
    /// It cannot be written, or the session is no longer this process's.
    pub(crate) async fn settled(&self) -> Result<(), ApiError> {
        match &self.rows {
            Some(rows) => rows.settled().await,
            None => Ok(()),
        }
    }
}
