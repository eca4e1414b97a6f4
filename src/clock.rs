//! Time of a session. Only this file asks what time it is.
//!
//! Three modes: `real`; `instant`, where no wait sleeps and the clock jumps to the deadline instead; `manual`, where
//! time moves by [`Clock::advance`] alone. The last two start at [`START`], so that replies are the same on every run.

use crate::runtime;
use std::collections::BTreeMap;
use std::future::Future;
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, SystemTime, UNIX_EPOCH};
use tokio::sync::watch;
use tokio::time::Instant;

/// Where virtual clocks start: 2026-01-01T00:00:00Z, in seconds since 1970.
pub(crate) const START: u64 = 1_767_225_600;

/// The last second there is, in seconds since 1970: 9999-12-31T23:59:59Z. HTTP has no dates after it.
pub(crate) const END: u64 = 253_402_300_799;

/// The longest a virtual clock runs, and the longest anybody waits.
pub(crate) const LONGEST: Duration = Duration::from_secs(END - START);

/// So many milliseconds, from 0 to [`LONGEST`]; what is no time is none.
pub(crate) fn milliseconds(number: f64) -> Duration {
    let seconds = (number / 1000.0).max(0.0);
    Duration::try_from_secs_f64(seconds).unwrap_or(LONGEST).min(LONGEST)
}

/// The world's time since 1970, whatever a session's clock says: for the log.
pub(crate) fn world() -> Duration {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default()
}

/// `2026-01-01T00:00:00.250Z`, of a time since 1970.
pub(crate) fn timestamp(unix: Duration) -> String {
    let whole = Duration::from_millis(unix.min(Duration::from_secs(END)).as_millis() as u64);
    humantime::format_rfc3339_millis(UNIX_EPOCH + whole).to_string()
}

/// Why a clock was not moved.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Refused {
    /// Nobody moves the real clock.
    Real,
    /// It would run past [`END`].
    PastEnd,
}

/// How a session's time passes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, serde::Serialize, serde::Deserialize, clap::ValueEnum)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Mode {
    #[default]
    Real,
    Instant,
    Manual,
}

/// A wait in progress; completes at its deadline.
pub(crate) type Wait = Pin<Box<dyn Future<Output = ()> + Send>>;

/// A session's clock.
#[derive(Debug)]
pub(crate) struct Clock {
    mode: Mode,
    /// Real time at which the clock was made, and what of its time had passed before.
    origin: Instant,
    before: Duration,
    origin_unix: Duration,
    /// Virtual time since the start; unused by the real clock.
    elapsed: watch::Sender<Duration>,
    /// Deadlines somebody waits for on a manual clock: (deadline, how many).
    pending: Arc<Mutex<BTreeMap<Duration, usize>>>,
}

impl Clock {
    pub(crate) fn new(mode: Mode) -> Self {
        let origin_unix = match mode {
            Mode::Real => world(),
            _ => Duration::from_secs(START),
        };
        Clock::at(mode, origin_unix, Duration::ZERO)
    }

    /// One that began at `origin`, since 1970, and stood at `elapsed` when it was seen last. The real one went on.
    pub(crate) fn resumed(mode: Mode, origin: Duration, elapsed: Duration) -> Self {
        let elapsed = match mode {
            Mode::Real => world().saturating_sub(origin).max(elapsed),
            _ => elapsed,
        };
        Clock::at(mode, origin, elapsed.min(LONGEST))
    }

    fn at(mode: Mode, origin_unix: Duration, elapsed: Duration) -> Self {
        let before = if mode == Mode::Real { elapsed } else { Duration::ZERO };
        let (elapsed, _) = watch::channel(elapsed);
        Clock { mode, origin: Instant::now(), before, origin_unix, elapsed, pending: Arc::default() }
    }

    /// When it began, since 1970.
    pub(crate) fn origin(&self) -> Duration {
        self.origin_unix
    }

    pub(crate) fn mode(&self) -> Mode {
        self.mode
    }

    /// Time since the clock's start.
    pub(crate) fn now(&self) -> Duration {
        match self.mode {
            Mode::Real => self.before + self.origin.elapsed(),
            _ => *self.elapsed.borrow(),
        }
    }

    /// Time since 1970.
    pub(crate) fn unix(&self) -> Duration {
        self.origin_unix + self.now()
    }

    /// The time an exchange that starts now puts on what it creates, since 1970. On the instant clock this is always
    /// the start: jumps come from other exchanges' waits, and must not show in this one's bytes.
    pub(crate) fn stamp(&self) -> Duration {
        match self.mode {
            Mode::Instant => self.origin_unix,
            _ => self.unix(),
        }
    }

    /// A wait until `deadline` (time since the clock's start); `None` when it has passed. The instant clock jumps.
    pub(crate) fn wait(&self, deadline: Duration) -> Option<Wait> {
        let deadline = deadline.min(LONGEST);
        match self.mode {
            Mode::Real => {
                let at = self.origin + deadline.saturating_sub(self.before);
                (at > Instant::now()).then(|| {
                    Box::pin(async move {
                        tokio::time::sleep_until(at).await;
                        runtime::due().await;
                    }) as Wait
                })
            }
            Mode::Instant => {
                self.elapsed.send_if_modified(|now| {
                    let jumps = deadline > *now;
                    *now = deadline.max(*now);
                    jumps
                });
                None
            }
            Mode::Manual if *self.elapsed.borrow() >= deadline => None,
            Mode::Manual => {
                let mut elapsed = self.elapsed.subscribe();
                let entry = Pending::new(&self.pending, deadline);
                Some(Box::pin(async move {
                    let _entry = entry;
                    // An error means the clock is gone with its session: nothing to wait for any more.
                    let _ = elapsed.wait_for(|now| *now >= deadline).await;
                }))
            }
        }
    }

    /// Waits until `deadline`.
    pub(crate) async fn sleep_until(&self, deadline: Duration) {
        if let Some(wait) = self.wait(deadline) {
            wait.await;
        }
    }

    /// Moves a virtual clock forward.
    ///
    /// # Errors
    /// It is the real clock, or the time would be past [`END`]; then it stays.
    pub(crate) fn advance(&self, by: Duration) -> Result<(), Refused> {
        if self.mode == Mode::Real {
            return Err(Refused::Real);
        }
        let mut moved = Err(Refused::PastEnd);
        self.elapsed.send_if_modified(|now| {
            let then = now.saturating_add(by);
            if then <= LONGEST {
                *now = then;
                moved = Ok(());
            }
            moved.is_ok()
        });
        moved
    }

    /// The deadlines somebody waits for on a manual clock, earliest first.
    pub(crate) fn pending(&self) -> Vec<Duration> {
        let pending = self.pending.lock().unwrap_or_else(PoisonError::into_inner);
        pending.iter().flat_map(|(deadline, count)| std::iter::repeat_n(*deadline, *count)).collect()
    }
}

/// An entry in the list of pending waits, removed when the wait ends or is dropped.
struct Pending {
    list: Arc<Mutex<BTreeMap<Duration, usize>>>,
    deadline: Duration,
}

impl Pending {
    fn new(list: &Arc<Mutex<BTreeMap<Duration, usize>>>, deadline: Duration) -> Self {
        *list.lock().unwrap_or_else(PoisonError::into_inner).entry(deadline).or_insert(0) += 1;
        Pending { list: list.clone(), deadline }
    }
}

impl Drop for Pending {
    fn drop(&mut self) {
        let mut list = self.list.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(count) = list.get_mut(&self.deadline) {
            *count -= 1;
            if *count == 0 {
                list.remove(&self.deadline);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn the_real_clock_waits_until_the_deadline() {
        let clock = Clock::new(Mode::Real);
        clock.sleep_until(Duration::from_secs(30)).await;
        assert_eq!(clock.now(), Duration::from_secs(30));
    }

    #[tokio::test]
    async fn the_instant_clock_jumps_and_stamps_its_start() {
        let clock = Clock::new(Mode::Instant);
        clock.sleep_until(Duration::from_secs(30)).await;
        assert_eq!(clock.now(), Duration::from_secs(30));
        assert_eq!(clock.stamp(), Duration::from_secs(START));
    }

    #[tokio::test]
    async fn the_manual_clock_moves_by_advance_alone() {
        let clock = Arc::new(Clock::new(Mode::Manual));
        let wait = clock.wait(Duration::from_secs(5)).expect("not due");
        assert_eq!(clock.pending(), vec![Duration::from_secs(5)]);
        clock.advance(Duration::from_secs(4)).expect("it is virtual");
        assert!(clock.wait(Duration::from_secs(5)).is_some());
        clock.advance(Duration::from_secs(1)).expect("it is virtual");
        wait.await;
        assert!(clock.pending().is_empty());
    }

    #[test]
    fn no_clock_runs_past_the_last_second_that_has_a_date() {
        let clock = Clock::new(Mode::Manual);
        clock.advance(LONGEST).expect("the last second");
        assert_eq!((clock.unix().as_secs(), clock.advance(Duration::MAX)), (END, Err(Refused::PastEnd)));
        assert_eq!(clock.unix().as_secs(), END);
        assert!(clock.wait(Duration::MAX).is_none(), "everything is due");
        let instant = Clock::new(Mode::Instant);
        assert!(instant.wait(Duration::MAX).is_none());
        assert_eq!(instant.unix().as_secs(), END);
        let _guard = crate::runtime::handle().enter();
        assert!(Clock::new(Mode::Real).wait(Duration::MAX).is_some());
        assert_eq!(Clock::new(Mode::Real).advance(Duration::ZERO), Err(Refused::Real));
    }

    #[tokio::test(start_paused = true)]
    async fn a_clock_goes_on_where_it_was() {
        let manual = Clock::resumed(Mode::Manual, Duration::from_secs(START), Duration::from_secs(7));
        assert_eq!((manual.now(), manual.unix().as_secs()), (Duration::from_secs(7), START + 7));
        let hour = Duration::from_secs(3_600);
        let real = Clock::resumed(Mode::Real, world() - hour, Duration::ZERO);
        assert!(real.now() >= hour && real.wait(hour).is_none());
        let began = real.now();
        real.sleep_until(began + Duration::from_secs(30)).await;
        assert!(real.now() >= began + Duration::from_secs(30));
        // Somebody put the world's clock back: this one never goes back.
        assert!(Clock::resumed(Mode::Real, world() + hour, hour).now() >= hour);
    }

    #[test]
    fn any_number_is_some_time() {
        for (number, time) in
            [(1e23, LONGEST), (f64::INFINITY, LONGEST), (f64::NAN, Duration::ZERO), (-5.0, Duration::ZERO)]
        {
            assert_eq!(milliseconds(number), time, "{number}");
        }
        assert_eq!(milliseconds(1.5), Duration::from_micros(1500));
    }
}
