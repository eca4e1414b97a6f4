//! Who may answer a prompt. A new source of answers is a file here; none knows an endpoint.

pub mod callback;
pub mod chaos;
pub mod describe;
pub mod echo;
pub(crate) mod family;
pub mod generate;
pub mod matching;
mod pattern;
pub mod script;
