//! Jobs: stored objects that change by themselves on the session's clock.
//!
//! Nothing runs in the background: what a job will be is known when it is made, and its state is a matter of what time
//! it is when somebody looks. Without a scripted pace a job is done at the first look, and can be stopped before it.

use crate::clock::Clock;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::time::Duration;

/// When a stored object is done.
#[derive(Debug, Clone)]
pub struct Job {
    /// Time since the clock's start.
    due: Duration,
    /// It takes no time of the clock's.
    at_once: bool,
    /// Somebody has seen it done.
    seen: Arc<AtomicBool>,
}

impl Job {
    /// A job that begins at `now`, time since the clock's start, and takes this long.
    pub fn new(now: Duration, takes: Duration) -> Self {
        Job { due: now + takes, at_once: takes.is_zero(), seen: Arc::default() }
    }

    /// Whether it is done; an instant clock jumps to the time when it is.
    pub fn done(&self, clock: &Clock) -> bool {
        let done = clock.wait(self.due).is_none();
        self.seen.fetch_or(done, Relaxed);
        done
    }

    /// Whether it can still be stopped; no clock jumps.
    pub fn runs(&self, clock: &Clock) -> bool {
        !self.seen.load(Relaxed) && (self.at_once || clock.now() < self.due)
    }

    /// Waits until it is done.
    pub async fn wait(&self, clock: &Clock) {
        clock.sleep_until(self.due).await;
        self.seen.store(true, Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::Mode;

    #[test]
    fn a_job_is_done_when_its_time_has_come() {
        let clock = Clock::new(Mode::Manual);
        let job = Job::new(Duration::ZERO, Duration::from_secs(5));
        assert!(!job.done(&clock));
        clock.advance(Duration::from_secs(5)).expect("it is virtual");
        assert!(job.done(&clock));
        assert!(Job::new(Duration::ZERO, Duration::from_secs(9)).done(&Clock::new(Mode::Instant)));
    }

    #[tokio::test]
    async fn a_job_can_be_stopped_until_it_was_seen_done() {
        for (mode, takes) in
            [(Mode::Real, 0), (Mode::Real, 900), (Mode::Instant, 0), (Mode::Instant, 9), (Mode::Manual, 9)]
        {
            let clock = Clock::new(mode);
            let job = Job::new(clock.now(), Duration::from_secs(takes));
            let other = job.clone();
            assert!(job.runs(&clock) && job.runs(&clock), "{mode:?} {takes}");
            let _ = clock.advance(Duration::from_secs(takes));
            assert_eq!(other.done(&clock), !job.runs(&clock), "{mode:?} {takes}");
        }
    }
}
