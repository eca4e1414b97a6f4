//! Generated answers: text, structured output and tool calls, valid for the request and reproducible by seed.

pub mod names;
pub mod numbers;
pub mod pattern;
pub mod plain;
pub mod resolve;
pub mod said;
pub mod schema;
pub mod strings;
pub mod text;
pub mod words;

#[cfg(test)]
mod schema_tests;

pub use text::{length, text};
