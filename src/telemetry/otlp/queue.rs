//! What waits to be reported: making spans and records costs several times what serving a short answer does, so a thread
//! of its own does it. It looks for work by itself: waking it would cost a request more than all the rest.

use crate::clock;
use crate::log;
use crate::telemetry::otlp::exporter::SILENCE;
use std::sync::{Mutex, MutexGuard, Once, PoisonError};
use std::thread;
use std::time::Duration;

/// Exchanges that wait at most; what finds no room is not reported.
const ROOM: usize = 20_000;

/// How long one waits at most.
const PAUSE: Duration = Duration::from_millis(50);

/// Something that is reported when its turn comes.
type ReportJob = Box<dyn FnOnce() + Send>;

static QUEUE: ReportQueue = ReportQueue { waiting: Mutex::new(Vec::new()), lost: Mutex::new((0, None)) };
/// Held while jobs are done, so that whoever flushes waits for those under way.
static WORKING: Mutex<()> = Mutex::new(());
static WORKER: Once = Once::new();

struct ReportQueue {
    waiting: Mutex<Vec<ReportJob>>,
    /// How many found no room and nobody was told of, and when somebody was told last, in the world's time.
    lost: Mutex<(u64, Option<Duration>)>,
}

/// The lock of something that is whole whatever its holder did.
fn held<T>(lock: &Mutex<T>) -> MutexGuard<'_, T> {
    lock.lock().unwrap_or_else(PoisonError::into_inner)
}

impl ReportQueue {
    fn put(&self, job: ReportJob) {
        let mut all = held(&self.waiting);
        match all.len() < ROOM {
            true => all.push(job),
            false => held(&self.lost).0 += 1,
        }
    }

    /// What is said now of those that found no room; seldom, however many they are.
    fn complaint(&self, now: Duration) -> Option<String> {
        let mut lost = held(&self.lost);
        if lost.0 == 0 || lost.1.is_some_and(|last| now.saturating_sub(last) < SILENCE) {
            return None;
        }
        let (count, _) = std::mem::replace(&mut *lost, (0, Some(now)));
        Some(format!("OpenTelemetry: {count} requests are not reported: {ROOM} were waiting for it already"))
    }
}

/// Lets something be reported soon, on another thread.
pub(super) fn put(job: ReportJob) {
    QUEUE.put(job);
}

/// Starts the thread that reports, once for the process. Without one nothing is reported but what a flush does.
pub(super) fn start() {
    WORKER.call_once(|| {
        let work = || {
            loop {
                thread::sleep(PAUSE);
                drain();
                QUEUE.complaint(clock::world()).iter().for_each(|line| log::warn(line));
            }
        };
        let _ = thread::Builder::new().name("telemetry".into()).spawn(work);
    });
}

/// Reports everything that waits.
pub(super) fn drain() {
    let _working = held(&WORKING);
    let all = std::mem::take(&mut *held(&QUEUE.waiting));
    all.into_iter().for_each(|job| job());
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_finds_no_room_is_dropped_counted_and_told_once_a_minute() {
        let queue = ReportQueue { waiting: Mutex::default(), lost: Mutex::default() };
        let fill = |count| (0..count).for_each(|_| queue.put(Box::new(|| {})));
        let at = |seconds| queue.complaint(Duration::from_secs(seconds));
        fill(ROOM);
        assert_eq!(at(100), None);
        fill(3);
        assert_eq!(held(&queue.waiting).len(), ROOM);
        assert!(at(100).is_some_and(|line| line.contains(": 3 requests")));
        fill(2);
        assert_eq!((at(101), at(159)), (None, None));
        assert!(at(160).is_some_and(|line| line.contains(": 2 requests")));
        assert_eq!(at(300), None);
    }
}
