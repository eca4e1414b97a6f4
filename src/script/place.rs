//! What is wrong with a script, and where.

use crate::wire::error::ApiError;
use serde_json::Value;
use std::fmt;

/// What is wrong with a script.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct ScriptError {
    /// JSON path, e.g. `responses[2].times`; empty = the whole.
    pub path: String,
    /// What was wrong and what would be right.
    pub message: String,
}

impl fmt::Display for ScriptError {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.path.as_str() {
            "" => out.write_str(&self.message),
            path => write!(out, "{path}: {}", self.message),
        }
    }
}

impl ScriptError {
    /// As the control routes refuse it.
    pub(crate) fn to_api_error(&self, code: &str) -> ApiError {
        ApiError::invalid(&self.message).param(&self.path).code(code)
    }
}

/// Where in a script, spelled out only for messages.
#[derive(Clone, Copy)]
pub(crate) enum Path<'a> {
    Root(&'a str),
    Key(&'a Path<'a>, &'a str),
    Index(&'a Path<'a>, usize),
}

impl Path<'_> {
    #[cold]
    pub(crate) fn error(&self, message: impl Into<String>) -> ScriptError {
        ScriptError { path: self.to_string(), message: message.into() }
    }
}

impl fmt::Display for Path<'_> {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Path::Root(root) => out.write_str(root),
            Path::Index(parent, index) => write!(out, "{parent}[{index}]"),
            Path::Key(parent, key) => {
                let plain = |character: char| character.is_ascii_alphanumeric() || "_$".contains(character);
                match parent {
                    _ if key.is_empty() || !key.chars().all(plain) => write!(out, "{parent}[{}]", Value::from(*key)),
                    Path::Root("") => out.write_str(key),
                    _ => write!(out, "{parent}.{key}"),
                }
            }
        }
    }
}

/// A text cut to what fits on a line of a message.
pub(crate) fn clip(text: &str) -> String {
    const MOST: usize = 160;
    match text.char_indices().nth(MOST) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text.to_string(),
    }
}
