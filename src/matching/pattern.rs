//! Patterns of the script language: regexes, plain or `/…/flags`, and names that may be one.

use crate::reply::json::place::{Path, ScriptError, clip};
use regex::{Regex, RegexBuilder};

/// Most bytes a compiled regex may take; one that needs more is refused when the script is read.
const REGEX_BYTES: usize = 1 << 20;

/// A name, exact or searched.
#[derive(Debug, Clone)]
pub(crate) enum Name {
    Exact(String),
    Search(Regex),
}

impl Name {
    pub(crate) fn read(text: &str, path: &Path) -> Result<Name, ScriptError> {
        match literal(text) {
            Some(_) => compile(text, path).map(Name::Search),
            None => Ok(Name::Exact(text.to_string())),
        }
    }

    pub(crate) fn fits(&self, text: &str) -> bool {
        match self {
            Name::Exact(name) => name == text,
            Name::Search(regex) => regex.is_match(text),
        }
    }

    pub(crate) fn shown(&self) -> String {
        match self {
            Name::Exact(name) => format!("\"{name}\""),
            Name::Search(regex) => slashes(regex),
        }
    }
}

/// `/…/flags` taken apart, if it is that.
fn literal(text: &str) -> Option<(&str, &str)> {
    let (pattern, flags) = text.strip_prefix('/')?.rsplit_once('/')?;
    flags.chars().all(|flag| "imsgu".contains(flag)).then_some((pattern, flags))
}

/// Compiles a regex, plain or `/…/flags`.
pub(crate) fn compile(text: &str, path: &Path) -> Result<Regex, ScriptError> {
    let (pattern, flags) = literal(text).unwrap_or((text, ""));
    let built = RegexBuilder::new(pattern)
        .case_insensitive(flags.contains('i'))
        .multi_line(flags.contains('m'))
        .dot_matches_new_line(flags.contains('s'))
        .size_limit(REGEX_BYTES)
        .dfa_size_limit(REGEX_BYTES)
        .nest_limit(100)
        .build();
    built.map_err(|error| {
        let reason = match error {
            regex::Error::CompiledTooBig(_) => "it is too big; lower its repetition counts".to_string(),
            // The last line is the reason; those before it draw the pattern.
            other => other.to_string().lines().last().unwrap_or_default().trim_start_matches("error: ").to_string(),
        };
        let hint = if reason.contains("look-around") || reason.contains("backreferences") {
            " (regexes run in linear time here); use several conditions, or \"not\""
        } else {
            ""
        };
        path.error(format!("regex {} does not compile: {reason}{hint}", slashes_of(pattern)))
    })
}

/// As messages show it.
pub(crate) fn slashes(regex: &Regex) -> String {
    slashes_of(regex.as_str())
}

fn slashes_of(pattern: &str) -> String {
    clip(&format!("/{pattern}/"))
}
