//! The Node addon: the only place that knows napi. It converts and does nothing else; JSON crosses as text, which is
//! cheaper than objects and keeps the order of keys.
//!
//! napi's own runtime is not linked: promises are made by hand and settled from the emulator's one runtime.

mod dispatch;
mod emulator;

use napi_derive::napi;

/// Runs the command line until its end; gives the exit code. Blocks the calling thread, which has nothing else to do.
#[cfg_attr(test, allow(dead_code))] // napi registers nothing in a test
#[napi(catch_unwind)]
pub(crate) fn cli(args: Vec<String>) -> i32 {
    crate::cli::run(args)
}
