//! Who may answer a prompt. A new source of answers is a file here; none knows an endpoint.

pub mod callback;
pub mod chaos;
pub mod echo;
pub mod generate;
pub mod request;
pub mod script;
