//! What an operator measures of an emulator. Who counts is an [`crate::session::Observer`] like others; nothing else in
//! the core knows of it.

pub(crate) mod metrics;
mod vllm;

#[cfg(test)]
mod tests;
