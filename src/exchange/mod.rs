//! The entry: a request without its transport becomes an answer without its transport.

pub mod route;
pub mod run;
