//! The one tokio runtime of the process: created at the first start, never dropped (statics are not destroyed, and the
//! addon's image stays pinned).

use std::sync::OnceLock;
use tokio::runtime::{Builder, Handle, Runtime};

static RUNTIME: OnceLock<Runtime> = OnceLock::new();

/// The handle to spawn on.
pub fn handle() -> &'static Handle {
    RUNTIME
        .get_or_init(|| {
            Builder::new_multi_thread()
                .worker_threads(2)
                .thread_name("llemulator")
                .enable_all()
                .build()
                .unwrap_or_else(|error| panic!("no threads for the emulator: {error}"))
        })
        .handle()
}
