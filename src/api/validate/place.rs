//! Where a value stands in a body, and what a check of it says.

use crate::wire::error::ApiError;
use std::fmt;

/// Where a value stands; printed as `messages[0].content`.
#[derive(Clone, Copy)]
pub(super) enum ParamPath<'a> {
    Root,
    Field(&'a ParamPath<'a>, &'a str),
    Index(&'a ParamPath<'a>, usize),
}

impl fmt::Display for ParamPath<'_> {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            ParamPath::Root => Ok(()),
            ParamPath::Field(ParamPath::Root, name) => out.write_str(name),
            ParamPath::Field(parent, name) => write!(out, "{parent}.{name}"),
            ParamPath::Index(parent, at) => write!(out, "{parent}[{at}]"),
        }
    }
}

/// What OpenAI refuses; boxed, because nearly every walk ends without one.
pub(super) type Checked = Result<(), Box<ApiError>>;
