//! Jobs: stored objects that change by themselves on the session's clock.
//!
//! Nothing runs in the background: what a job will be is known when it is made, and its state is a matter of what time
//! it is when somebody looks. Without a scripted pace a job is done at the first look.

use crate::clock::Clock;
use std::time::Duration;

/// When a stored object is done.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Job {
    /// Time since the clock's start.
    due: Duration,
}

impl Job {
    /// A job that is done at `due`, time since the clock's start.
    pub fn new(due: Duration) -> Self {
        Job { due }
    }

    /// Whether it is done; an instant clock jumps to the time when it is.
    pub fn done(&self, clock: &Clock) -> bool {
        clock.wait(self.due).is_none()
    }

    /// Waits until it is done.
    pub async fn wait(&self, clock: &Clock) {
        clock.sleep_until(self.due).await;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::Mode;

    #[test]
    fn a_job_is_done_when_its_time_has_come() {
        let clock = Clock::new(Mode::Manual);
        let job = Job::new(Duration::from_secs(5));
        assert!(!job.done(&clock));
        clock.advance(Duration::from_secs(5));
        assert!(job.done(&clock));
        assert!(Job::new(Duration::from_secs(9)).done(&Clock::new(Mode::Instant)));
    }
}
