//! The one tokio runtime of the process: created at the first start, never dropped (statics are not destroyed, and the
//! addon's image stays pinned).
//!
//! It has one worker. A second one only passes work and memory back and forth at the rates tests reach: 21 µs of CPU a
//! request instead of 16, and as many requests a second. One worker still writes five million events a second.

use std::future::poll_fn;
use std::pin::Pin;
use std::sync::OnceLock;
use tokio::runtime::{Builder, Handle, Runtime, RuntimeFlavor};

static RUNTIME: OnceLock<Runtime> = OnceLock::new();

/// A runtime of its own for those who watch, made when the first one comes: five hundred of them are told of what
/// happens, and no answer waits for that.
static BESIDE: OnceLock<Runtime> = OnceLock::new();

/// The handle to spawn on.
pub(crate) fn handle() -> &'static Handle {
    RUNTIME.get_or_init(|| runtime("llemulator")).handle()
}

/// The handle to spawn on what answers must not wait for.
pub(crate) fn beside() -> &'static Handle {
    BESIDE.get_or_init(|| runtime("llemulator-watch")).handle()
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
    match Handle::try_current().map(|handle| handle.runtime_flavor()) {
        Ok(RuntimeFlavor::MultiThread) if bytes > HEAVY => tokio::task::block_in_place(work),
        _ => work(),
    }
}

/// Does everything that follows from so many bytes of input where it holds nobody up: see [`aside`]. What it waits for
/// costs nothing meanwhile. It comes pinned: a future that is handed over by value is there twice.
pub(crate) async fn all_aside<T>(bytes: usize, mut work: Pin<&mut impl Future<Output = T>>) -> T {
    poll_fn(|context| aside(bytes, || work.as_mut().poll(context))).await
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::pin::pin;
    use std::sync::mpsc;

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
