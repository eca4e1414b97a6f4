//! How far a session is in what was recorded.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

/// How often the recordings of a request were played, by their hash.
#[derive(Debug, Default)]
pub(crate) struct Played(Mutex<HashMap<u64, usize>>);

impl Played {
    /// The number of the next one; `None` once all `most` of them were.
    pub(crate) fn next(&self, hash: u64, most: usize) -> Option<usize> {
        let mut played = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let count = played.entry(hash).or_default();
        let next = *count;
        *count += usize::from(next < most);
        (next < most).then_some(next)
    }

    /// The last one was not played after all.
    pub(crate) fn back(&self, hash: u64) {
        let mut played = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(count) = played.get_mut(&hash) {
            *count = count.saturating_sub(1);
        }
    }
}
