//! The one tokio runtime of the process: created at the first start, never dropped (statics are not destroyed, and the
//! addon's image stays pinned).
//!
//! It has one worker. A second one only passes work and memory back and forth at the rates tests reach: 21 µs of CPU a
//! request instead of 16, and as many requests a second. One worker still writes five million events a second.

use std::sync::OnceLock;
use tokio::runtime::{Builder, Handle, Runtime};

static RUNTIME: OnceLock<Runtime> = OnceLock::new();

/// The handle to spawn on.
pub fn handle() -> &'static Handle {
    RUNTIME
        .get_or_init(|| {
            Builder::new_multi_thread()
                .worker_threads(1)
                .thread_name("llemulator")
                .enable_all()
                .build()
                .unwrap_or_else(|error| panic!("no threads for the emulator: {error}"))
        })
        .handle()
}
