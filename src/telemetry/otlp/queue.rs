//! What waits to be reported: making spans and records costs several times what serving a short answer does, so a thread
//! of its own does it. It looks for work by itself: waking it would cost a request more than all the rest.

use std::sync::{Mutex, MutexGuard, Once, PoisonError};
use std::thread;
use std::time::Duration;

/// Exchanges that wait at most; what finds no room is not reported.
const ROOM: usize = 20_000;

/// How long one waits at most.
const PAUSE: Duration = Duration::from_millis(50);

/// Something that is reported when its turn comes.
type ReportJob = Box<dyn FnOnce() + Send>;

static WAITING: Mutex<Vec<ReportJob>> = Mutex::new(Vec::new());
/// Held while jobs are done, so that whoever flushes waits for those under way.
static WORKING: Mutex<()> = Mutex::new(());
static WORKER: Once = Once::new();

fn waiting() -> MutexGuard<'static, Vec<ReportJob>> {
    WAITING.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Lets something be reported soon, on another thread.
pub(super) fn put(job: ReportJob) {
    let mut all = waiting();
    if all.len() < ROOM {
        all.push(job);
    }
}

/// Starts the thread that reports, once for the process. Without one nothing is reported but what a flush does.
pub(super) fn start() {
    WORKER.call_once(|| {
        let work = || {
            loop {
                thread::sleep(PAUSE);
                drain();
            }
        };
        let _ = thread::Builder::new().name("telemetry".into()).spawn(work);
    });
}

/// Reports everything that waits.
pub(super) fn drain() {
    let _working = WORKING.lock().unwrap_or_else(PoisonError::into_inner);
    let all = std::mem::take(&mut *waiting());
    all.into_iter().for_each(|job| job());
}
