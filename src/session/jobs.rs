//! Jobs: stored objects that change by themselves on the session's clock.
//!
//! Nothing runs in the background: the states a job goes through, and until when it is in each, are known when it is
//! made; which one it is in is a matter of what time it is when somebody looks. Without a scripted pace it is over at the
//! first look, and can be stopped before it. A job is part of the object it changes, and kept with it.

use crate::clock::Clock;
use crate::session::Session;
use serde::{Deserialize, Serialize};
use std::borrow::Cow;
use std::time::Duration;

/// The states of a stored object before its outcome.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Job {
    /// Each with the time since the clock's start until which it lasts; in order.
    states: Vec<(Cow<'static, str>, Duration)>,
    /// It takes no time of the clock's.
    at_once: bool,
    /// Somebody has seen its outcome.
    settled: bool,
}

impl Job {
    /// A job that begins at `now`, time since the clock's start, and is in each of these states for so long.
    pub(crate) fn new(now: Duration, states: &[(&'static str, Duration)]) -> Self {
        let mut until = now;
        let states: Vec<_> = states
            .iter()
            .map(|(state, takes)| {
                until = until.saturating_add(*takes);
                (Cow::Borrowed(*state), until)
            })
            .collect();
        Job { states, at_once: until == now, settled: false }
    }

    /// When its outcome is there.
    pub(crate) fn due(&self) -> Duration {
        self.states.last().map(|(_, until)| *until).unwrap_or_default()
    }

    /// The state it is in; `None` when its outcome is there. An instant clock jumps to that time.
    pub(crate) fn state(&self, clock: &Clock) -> Option<&str> {
        if self.settled || clock.wait(self.due()).is_none() {
            return None;
        }
        let now = clock.now();
        let state = self.states.iter().find(|(_, until)| now < *until).or(self.states.last());
        state.map(|(state, _)| &**state)
    }

    /// Whether it can still be stopped, whatever its state; no clock jumps.
    pub(crate) fn runs(&self, clock: &Clock) -> bool {
        !self.settled && (self.at_once || clock.now() < self.due())
    }

    /// Waits until its outcome is there.
    pub(crate) async fn wait(&self, clock: &Clock) {
        if !self.settled {
            clock.sleep_until(self.due()).await;
        }
    }

    /// Its outcome was seen: it stands from now on.
    pub(crate) fn settle(&mut self) {
        self.settled = true;
    }

    /// Whether its outcome was seen.
    pub(crate) fn is_settled(&self) -> bool {
        self.settled
    }
}

/// A job that a test may hold, as well as pace.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct HeldJob {
    job: Job,
    /// What has to be released before it ends.
    hold: Option<String>,
}

impl HeldJob {
    /// A job that begins now and takes `wait` in all, as long in each of these states.
    pub(crate) fn new(session: &Session, states: &[&'static str], wait: Duration, hold: Option<String>) -> Self {
        let each = wait / u32::try_from(states.len()).unwrap_or(u32::MAX).max(1);
        let states: Vec<_> = states.iter().map(|state| (*state, each)).collect();
        HeldJob { job: Job::new(session.clock.now(), &states), hold }
    }

    /// Whether something has to be released before it ends.
    pub(crate) fn is_held(&self, session: &Session) -> bool {
        self.hold.as_ref().is_some_and(|name| !session.released.borrow().contains(name))
    }

    /// The state it is in; `None` when its outcome is there. An instant clock jumps to that time.
    pub(crate) fn state(&self, session: &Session) -> Option<&str> {
        let last = || self.job.states.last().map(|(state, _)| &**state);
        let held = || self.is_held(session).then(last).flatten();
        self.job.state(&session.clock).or_else(held)
    }

    /// Whether it can still be stopped.
    pub(crate) fn runs(&self, session: &Session) -> bool {
        self.job.runs(&session.clock) || !self.job.settled && self.is_held(session)
    }

    /// What has to be released before it ends.
    pub(crate) fn hold(&self) -> Option<&str> {
        self.hold.as_deref()
    }

    /// The same, as much later.
    pub(crate) fn later(&self, by: Duration) -> Self {
        let mut later = self.clone();
        later.job.states.iter_mut().for_each(|(_, until)| *until = until.saturating_add(by));
        later
    }

    /// Seconds that it takes, without what holds it.
    pub(crate) fn takes(&self, began: Duration) -> u64 {
        self.job.due().saturating_sub(began).as_secs()
    }

    /// When its outcome is there, unless it is held.
    pub(crate) fn due(&self) -> Duration {
        self.job.due()
    }

    /// Waits until its outcome is there.
    pub(crate) async fn wait(&self, session: &Session) {
        self.job.wait(&session.clock).await;
        if let Some(name) = self.hold.clone().filter(|_| !self.job.is_settled()) {
            session.until_released(name).await;
        }
    }

    /// Its outcome was seen: it stands from now on.
    pub(crate) fn settle(&mut self) {
        self.job.settle();
    }

    /// Whether its outcome was seen.
    pub(crate) fn is_settled(&self) -> bool {
        self.job.is_settled()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::Mode;

    fn seconds(number: u64) -> Duration {
        Duration::from_secs(number)
    }

    #[test]
    fn a_job_goes_through_its_states() {
        let clock = Clock::new(Mode::Manual);
        let job = Job::new(seconds(0), &[("queued", seconds(2)), ("in_progress", seconds(3))]);
        let kept = serde_json::to_string(&job).expect("JSON");
        let job: Job = serde_json::from_str(&kept).expect("it is kept as JSON");
        for (state, runs) in
            [(Some("queued"), true), (Some("in_progress"), true), (Some("in_progress"), true), (None, false)]
        {
            assert_eq!((job.state(&clock), job.runs(&clock)), (state, runs), "{:?}", clock.now());
            clock.advance(seconds(2)).expect("it is virtual");
        }
        let instant = Clock::new(Mode::Instant);
        assert!(job.runs(&instant), "to ask whether it can be stopped moves no clock");
        assert_eq!((job.state(&instant), instant.now()), (None, seconds(5)));
    }

    #[test]
    fn a_job_can_be_stopped_until_its_outcome_was_seen() {
        let _guard = crate::runtime::handle().enter();
        for (mode, takes) in
            [(Mode::Real, 0), (Mode::Real, 900), (Mode::Instant, 0), (Mode::Instant, 9), (Mode::Manual, 9)]
        {
            let clock = Clock::new(mode);
            let mut job = Job::new(clock.now(), &[("queued", seconds(0)), ("in_progress", seconds(takes))]);
            assert!(job.runs(&clock) && job.runs(&clock), "{mode:?} {takes}");
            let _ = clock.advance(seconds(takes));
            if job.state(&clock).is_none() {
                job.settle();
            }
            assert_eq!(job.is_settled(), !job.runs(&clock), "{mode:?} {takes}");
        }
    }

    #[tokio::test]
    async fn a_job_without_states_is_over() {
        let clock = Clock::new(Mode::Manual);
        let job = Job::new(seconds(0), &[]);
        job.wait(&clock).await;
        assert_eq!((job.state(&clock), job.runs(&clock)), (None, true));
    }
}
