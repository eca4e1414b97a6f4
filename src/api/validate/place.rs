//! Where a value stands in a body, and what a check of it says.

use crate::wire::error::ApiError;
use std::fmt;

/// Where a value stands; printed as `messages[0].content`.
#[derive(Clone, Copy)]
pub(super) enum Path<'a> {
    Root,
    Field(&'a Path<'a>, &'a str),
    Index(&'a Path<'a>, usize),
}

impl fmt::Display for Path<'_> {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Path::Root => Ok(()),
            Path::Field(Path::Root, name) => out.write_str(name),
            Path::Field(parent, name) => write!(out, "{parent}.{name}"),
            Path::Index(parent, at) => write!(out, "{parent}[{at}]"),
        }
    }
}

/// What OpenAI refuses; boxed, because nearly every walk ends without one.
pub(super) type Check = Result<(), Box<ApiError>>;
