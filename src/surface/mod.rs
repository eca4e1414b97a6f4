//! The surface: every operation the official clients can call, and every type they know. `scripts/surface.mjs` reads
//! them from npm's and PyPI's `openai` and writes `generated/`; what types cannot say stands in [`operations`] and in
//! `facts.json`.

mod blocks;
pub mod client;
mod compact;
mod load;
pub mod operations;
pub mod router;
pub mod shape;

pub use operations::{Family, Operation};
