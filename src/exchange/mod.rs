//! The entry: a request without its transport becomes an answer without its transport.

pub(crate) mod azure;
pub(crate) mod body;
mod form;
pub(crate) mod route;
pub(crate) mod run;
mod under_way;
pub(crate) mod within;
