//! A moment that comes once.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

/// When something happened, in the world's time since 1970; at first it has not. Small: an exchange has several.
#[derive(Debug, Default)]
pub(crate) struct Moment(AtomicU64);

impl Moment {
    /// When it was, to the nanosecond.
    pub(crate) fn get(&self) -> Option<Duration> {
        match self.0.load(Ordering::Acquire) {
            0 => None,
            nanoseconds => Some(Duration::from_nanos(nanoseconds)),
        }
    }

    /// It came at this time; what is known already stays.
    pub(crate) fn set(&self, at: Duration) {
        let nanoseconds = u64::try_from(at.as_nanos()).unwrap_or(u64::MAX).max(1);
        let _ = self.0.compare_exchange(0, nanoseconds, Ordering::AcqRel, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_comes_once() {
        let moment = Moment::default();
        assert_eq!(moment.get(), None);
        moment.set(Duration::from_nanos(1_800_000_000_123_456_789));
        moment.set(Duration::ZERO);
        assert_eq!(moment.get(), Some(Duration::from_nanos(1_800_000_000_123_456_789)));
        let first = Moment::default();
        first.set(Duration::ZERO);
        assert!(first.get().is_some(), "it has come, whatever the clock says");
    }
}
