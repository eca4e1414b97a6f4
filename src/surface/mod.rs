//! The surface: every operation the official clients can call, and every type they know. `scripts/surface.mjs` reads
//! them from npm's and PyPI's `openai` and writes `generated/`; what types cannot say stands in [`operations`] and in
//! `facts.json`.

mod blocks;
pub(crate) mod client;
mod compact;
pub(crate) mod coverage;
pub(crate) mod fit;
pub(crate) mod form;
mod load;
pub(crate) mod operations;
pub(crate) mod router;
pub(crate) mod shape;

#[cfg(test)]
pub(crate) use blocks::{allow_nulls, faults};
pub(crate) use blocks::{each_type, schema};
pub(crate) use operations::{Family, Operation};
