//! LLEmulator: the OpenAI API on your own machine, for tests.
pub mod api;
pub mod prompt;
pub mod random;
pub mod reply;
pub mod tokens;
