//! Generated answers: text, structured output and tool calls, valid for the request and reproducible by seed.

pub mod plain;
pub mod text;
pub mod words;
