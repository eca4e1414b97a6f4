//! The surface: every operation the official clients can call. `scripts/surface.mjs` reads it from npm's and PyPI's
//! `openai` and writes `generated/`; what their types cannot say stands in [`operations`].

pub mod operations;
pub mod router;

pub use operations::{Family, Operation};
