//! The one tokio runtime of the process: created at the first start, never dropped (statics are not destroyed, and the
//! addon's image stays pinned).
//!
//! It has one worker. A second one only passes work and memory back and forth at the rates tests reach: 21 µs of CPU a
//! request instead of 16, and as many requests a second. One worker still writes five million events a second.

use std::future::poll_fn;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::Pin;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::Poll;
use std::time::{Duration, Instant};
use tokio::runtime::{Builder, Handle, Runtime, RuntimeFlavor};
use tokio::sync::Semaphore;

static RUNTIME: OnceLock<Runtime> = OnceLock::new();

/// A runtime of its own for those who watch, made when the first one comes: five hundred of them are told of what
/// happens, and no answer waits for that.
static BESIDE: OnceLock<Runtime> = OnceLock::new();

/// Work that goes on by itself.
type Task = Pin<Box<dyn Future<Output = ()> + Send>>;

/// Boxes a future where it stays. `Box::pin` is given what was made on the stack, and copies it: those of a request have
/// thousands of bytes.
macro_rules! boxed {
    ($future:expr) => {{
        let room = Box::new_uninit();
        let pinned = Box::into_pin(Box::write(room, $future));
        pinned
    }};
}

pub(crate) use boxed;

/// The handle to spawn on.
pub(crate) fn handle() -> &'static Handle {
    RUNTIME.get_or_init(|| runtime("llemulator")).handle()
}

/// The handle to spawn on what answers must not wait for.
pub(crate) fn beside() -> &'static Handle {
    BESIDE.get_or_init(|| runtime("llemulator-watch")).handle()
}

/// Begins work that goes on by itself, on the runtime that asks for it.
pub(crate) fn spawn(work: impl Future<Output = ()> + Send + 'static) {
    spawn_on(&Handle::current(), work);
}

/// Begins work that goes on by itself. All of it is one type: tokio's part is compiled for each that it is given, fifteen
/// hundred lines a time.
pub(crate) fn spawn_on(handle: &Handle, work: impl Future<Output = ()> + Send + 'static) {
    let work: Task = Box::pin(work);
    handle.spawn(work);
}

fn runtime(name: &str) -> Runtime {
    Builder::new_multi_thread()
        .worker_threads(1)
        .thread_name(name)
        .enable_all()
        .build()
        .unwrap_or_else(|error| panic!("no threads for the emulator: {error}"))
}

/// Counting the tokens of so many bytes, or reading and checking them as JSON, takes about two milliseconds.
const HEAVY: usize = 64 * 1024;

/// Does work on so many bytes of input where it holds nobody up: the other tasks of this worker go on in another thread
/// meanwhile. Light work, and work on other runtimes (those of tests) or outside of one, is simply done.
pub(crate) fn aside<T>(bytes: usize, work: impl FnOnce() -> T) -> T {
    if bytes <= HEAVY {
        return work();
    }
    let (mut work, mut done) = (Some(work), None);
    step_aside(&mut || done = work.take().map(|work| work()));
    done.expect("what is given is done")
}

/// Does work that holds up nobody else, as far as the runtime can. Compiled once, whatever the work.
fn step_aside(work: &mut dyn FnMut()) {
    match Handle::try_current().map(|handle| handle.runtime_flavor()) {
        Ok(RuntimeFlavor::MultiThread) => tokio::task::block_in_place(work),
        _ => work(),
    }
}

/// Does everything that follows from so many bytes of input where it holds nobody up: see [`aside`]. What it waits for
/// costs nothing meanwhile. It comes pinned: a future that is handed over by value is there twice.
pub(crate) async fn all_aside<T>(bytes: usize, mut work: Pin<&mut impl Future<Output = T>>) -> T {
    poll_fn(|context| aside(bytes, || work.as_mut().poll(context))).await
}

/// Does work that may panic, which is then told. It comes pinned: see [`all_aside`].
///
/// # Errors
/// What it panicked with.
pub(crate) async fn caught<T>(mut work: Pin<&mut impl Future<Output = T>>) -> std::thread::Result<T> {
    poll_fn(|context| {
        // Whoever panicked is not polled again, and dropping it is all that is done with what it left.
        match catch_unwind(AssertUnwindSafe(|| work.as_mut().poll(context))) {
            Ok(Poll::Pending) => Poll::Pending,
            Ok(Poll::Ready(done)) => Poll::Ready(Ok(done)),
            Err(panic) => Poll::Ready(Err(panic)),
        }
    })
    .await
}

/// Lets some go on, in the order in which they ask, before the worker looks what else has come. A probe that has come waits
/// for those of one round, however many there are.
struct Rounds {
    size: usize,
    /// How long a round waits for all that is ready to have run, and how many go on when it has not.
    patience: Duration,
    overdue: usize,
    /// How many may still go on in this round. It is never closed.
    left: Semaphore,
    /// Somebody sees to the next round.
    refilling: AtomicBool,
}

impl Rounds {
    const fn new(size: usize, patience: Duration, overdue: usize) -> Self {
        Rounds { size, patience, overdue, left: Semaphore::const_new(size), refilling: AtomicBool::new(false) }
    }

    /// Waits until one more may go on.
    async fn turn(&'static self) {
        if let Ok(turn) = self.left.acquire().await {
            turn.forget();
        }
        if self.left.available_permits() == 0 && !self.refilling.swap(true, Ordering::AcqRel) {
            spawn_on(handle(), self.refill());
        }
    }

    async fn refill(&'static self) {
        let began = Instant::now();
        // The worker looks what has come whenever it has run some sixty tasks; that does not say that all have run.
        let calm = loop {
            tokio::task::yield_now().await;
            let calm = handle().metrics().global_queue_depth() == 0;
            if calm || began.elapsed() >= self.patience {
                break calm;
            }
        };
        self.refilling.store(false, Ordering::Release);
        self.left.add_permits(if calm { self.size } else { self.overdue });
    }
}

/// Answers that are begun: few enough that a probe waits for some milliseconds at most when thousands ask at once; many
/// enough that looking costs an answer nothing.
static BEGUN: Rounds = Rounds::new(16, Duration::ZERO, 16);

/// Waits until an answer to so many bytes may be begun. Heavy ones hold nobody up: see [`aside`].
pub(crate) async fn turn(bytes: usize) {
    if bytes <= HEAVY {
        BEGUN.turn().await;
    }
}

/// Events of streams whose time has come. When the process could not run for a while thousands are due at once, each a task
/// in a queue behind which a new connection would stand: they wait here instead. Where something is always ready they would
/// come last for ever: some go on then nevertheless, as many as take a fifth of that time. More than all of it, and the queue
/// would only grow: while ten thousand streams were opened a probe waited for 300 ms.
static DUE: Rounds = Rounds::new(64, Duration::from_millis(20), 128);

/// Waits until what is due now may be done.
pub(crate) async fn due() {
    // Other runtimes are those of tests, and their time stands still.
    if Handle::try_current().is_ok_and(|handle| handle.runtime_flavor() == RuntimeFlavor::MultiThread) {
        DUE.turn().await;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::pin::pin;
    use std::sync::atomic::AtomicUsize;
    use std::sync::{Arc, mpsc};

    #[test]
    fn of_many_that_ask_at_once_all_have_their_turn_and_others_run_between_them() {
        const MANY: usize = 1_000;
        let begun = Arc::new(AtomicUsize::new(0));
        let (all, seen) = handle().block_on(async {
            // On the worker, so that nobody runs before all are there.
            let crowd = tokio::spawn(async move {
                let crowd: Vec<_> = (0..MANY)
                    .map(|_| {
                        let begun = begun.clone();
                        tokio::spawn(async move {
                            turn(0).await;
                            begun.fetch_add(1, Ordering::Relaxed);
                        })
                    })
                    .collect();
                let count = begun.clone();
                let other = tokio::spawn(async move {
                    // A probe comes back as often: to be accepted, to be read, to be written.
                    for _ in 0..4 {
                        tokio::task::yield_now().await;
                    }
                    count.load(Ordering::Relaxed)
                });
                for one in crowd {
                    one.await.expect("it does not panic");
                }
                (begun.load(Ordering::Relaxed), other.await.expect("it does not panic"))
            });
            crowd.await.expect("it does not panic")
        });
        assert_eq!(all, MANY);
        assert!(seen < 12 * BEGUN.size, "{seen} were begun before another had a look");
    }

    #[test]
    fn of_many_that_are_due_none_goes_on_while_others_are_ready() {
        const MANY: usize = 4_000;
        static ROUNDS: Rounds = Rounds::new(64, Duration::from_secs(60), 64);
        static DONE: AtomicUsize = AtomicUsize::new(0);
        let seen = handle().block_on(async {
            // On the worker, so that nobody runs before all are there.
            let crowd = tokio::spawn(async {
                let due = || tokio::spawn(async { (ROUNDS.turn().await, DONE.fetch_add(1, Ordering::Relaxed)) });
                let crowd: Vec<_> = (0..MANY).map(|_| due()).collect();
                let other = tokio::spawn(async { DONE.load(Ordering::Relaxed) });
                for one in crowd {
                    one.await.expect("it does not panic");
                }
                other.await
            });
            crowd.await.expect("it does not panic").expect("it does not panic")
        });
        assert_eq!(DONE.load(Ordering::Relaxed), MANY);
        assert!(seen < 5 * ROUNDS.size, "{seen} went on before another had a look");
    }

    #[test]
    fn heavy_work_does_not_hold_up_others() {
        let (sender, receiver) = mpsc::channel();
        handle().block_on(async {
            // Both on the one worker: the first can only end when the second runs meanwhile.
            let first = tokio::spawn(async move {
                tokio::spawn(async move { sender.send(()) });
                aside(HEAVY + 1, || receiver.recv())
            });
            assert_eq!(first.await.expect("it does not panic"), Ok(()));
        });
        assert_eq!(aside(HEAVY + 1, || 1), 1, "outside of a runtime");
    }

    #[test]
    fn neither_does_it_after_a_wait() {
        let (sender, receiver) = mpsc::channel();
        handle().block_on(async {
            let first = tokio::spawn(async move {
                let work = pin!(async move {
                    tokio::task::yield_now().await;
                    tokio::spawn(async move { sender.send(()) });
                    receiver.recv()
                });
                all_aside(HEAVY + 1, work).await
            });
            assert_eq!(first.await.expect("it does not panic"), Ok(()));
        });
    }
}
