//! How often each rule of a script was used. The only thing about a script that changes while it is asked.

use crate::script::matching::index::Bits;
use std::sync::{Mutex, MutexGuard, OnceLock, PoisonError};

/// Counters by place. The lock is held for a step of counting, never while something is matched.
#[derive(Debug, Default)]
pub(super) struct Uses {
    counts: Mutex<Counts>,
    keeper: OnceLock<UseKeeper>,
}

/// Who is told how often a rule was used, in the order it happened.
pub(crate) struct UseKeeper(pub Box<dyn Fn(usize, u64) + Send + Sync>);

impl std::fmt::Debug for UseKeeper {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str("UseKeeper")
    }
}

/// The counters of one moment.
#[derive(Debug, Default, Clone)]
pub(super) struct Counts {
    used: Vec<u64>,
    /// Rules with uses left.
    live: Bits,
}

impl Counts {
    pub(super) fn used(&self, index: usize) -> u64 {
        self.used.get(index).copied().unwrap_or_default()
    }

    /// Rules with uses left.
    pub(super) fn live(&self) -> &Bits {
        &self.live
    }

    fn count(&mut self, index: usize, used: u64, times: Option<u64>) {
        if let Some(slot) = self.used.get_mut(index) {
            *slot = used;
            match times.is_none_or(|times| used < times) {
                true => self.live.set(index),
                false => self.live.unset(index),
            }
        }
    }
}

impl Uses {
    fn lock(&self) -> MutexGuard<'_, Counts> {
        self.counts.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Tells of every change from now on.
    pub(super) fn keep(&self, keeper: UseKeeper) {
        let _ = self.keeper.set(keeper);
    }

    fn tell(&self, index: usize, used: u64) {
        if let Some(UseKeeper(tell)) = self.keeper.get() {
            tell(index, used);
        }
    }

    /// Takes over how often a rule was used.
    pub(super) fn restore(&self, index: usize, used: u64, times: Option<u64>) {
        self.lock().count(index, used, times);
    }

    pub(super) fn counts(&self) -> Counts {
        self.lock().clone()
    }

    pub(super) fn used(&self, index: usize) -> u64 {
        self.lock().used(index)
    }

    /// Which of the 64 rules from 64 × `word` on have uses left.
    pub(super) fn live(&self, word: usize) -> u64 {
        self.lock().live.word(word)
    }

    /// Adds rules: how often each was used, and how often it may be.
    pub(super) fn append(&self, rules: impl ExactSizeIterator<Item = (u64, Option<u64>)>) {
        let mut counts = self.lock();
        let len = counts.used.len() + rules.len();
        counts.live.grow(len);
        for (used, times) in rules {
            let index = counts.used.len();
            counts.used.push(0);
            counts.count(index, used, times);
        }
    }

    /// Takes a use of a rule that was seen used so often; else says how often it is by now.
    pub(super) fn take(&self, index: usize, seen: u64, times: Option<u64>) -> Result<(), u64> {
        let mut counts = self.lock();
        match counts.used(index) {
            now if now == seen => {
                let used = now.saturating_add(1);
                counts.count(index, used, times);
                self.tell(index, used);
                Ok(())
            }
            now => Err(now),
        }
    }

    /// Gives a use back.
    pub(super) fn put_back(&self, index: usize, times: Option<u64>) {
        let mut counts = self.lock();
        let used = counts.used(index).saturating_sub(1);
        counts.count(index, used, times);
        self.tell(index, used);
    }
}
