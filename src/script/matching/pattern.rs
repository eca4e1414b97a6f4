//! Patterns of the script language: regexes, plain or `/…/flags`, and names that may be one.
//!
//! A pattern is parsed when its script is read, so that a bad one is refused there, and compiled when a text first
//! needs it: most rules of a long script meet none. What is nothing but a text is never compiled.

use crate::script::matching::compiled::Compiled;
use crate::script::matching::literals;
use crate::script::matching::literals::Plain;
use crate::script::place::Path;
use crate::script::place::ScriptError;
use crate::script::place::clip;
use regex::{Regex, RegexBuilder};
use regex_automata::nfa::thompson::{Compiler, Config, NFA, WhichCaptures};
use regex_syntax::hir::Hir;
use std::collections::HashMap;
use std::sync::Arc;

/// Most bytes a compiled regex may take; one that needs more is refused when the script is read.
const REGEX_BYTES: usize = 1 << 20;

/// Deepest nesting of a regex.
const NESTED: u32 = 100;

/// A regex on a text.
#[derive(Debug, Clone)]
pub(crate) struct Pattern(Arc<Parsed>);

#[derive(Debug)]
struct Parsed {
    /// Between the slashes, if it had any.
    regex: Box<str>,
    flags: Flags,
    /// What it comes to, when a search for a text does the same.
    plain: Option<Plain>,
    /// The longest text it cannot do without, folded: without it there is nothing to compile for.
    needle: Option<Box<str>>,
    compiled: Compiled,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
struct Flags {
    ignore_case: bool,
    multi_line: bool,
    dot_matches_new_line: bool,
}

/// The patterns of one script: equal ones are one.
#[derive(Default)]
pub(crate) struct Patterns(HashMap<(Box<str>, Flags), Pattern>);

impl Patterns {
    /// Reads a regex, plain or `/…/flags`.
    pub(crate) fn read(&mut self, text: &str, path: &Path) -> Result<Pattern, ScriptError> {
        let (regex, flags) = slashed(text).unwrap_or((text, ""));
        let flags = Flags {
            ignore_case: flags.contains('i'),
            multi_line: flags.contains('m'),
            dot_matches_new_line: flags.contains('s'),
        };
        let key = (Box::from(regex), flags);
        if let Some(known) = self.0.get(&key) {
            return Ok(known.clone());
        }
        let mut parsed =
            Parsed { regex: key.0.clone(), flags, plain: None, needle: None, compiled: Compiled::default() };
        let hir = parsed.parse().map_err(|error| refused(regex, &error.to_string(), path))?;
        // Only what may be too big is compiled to see.
        if literals::most_bytes(&hir) > REGEX_BYTES {
            parsed.build().map_err(|error| match error {
                regex::Error::CompiledTooBig(_) => refused(regex, "it is too big; lower its repetition counts", path),
                other => refused(regex, &other.to_string(), path),
            })?;
        }
        parsed.plain = literals::plain(&hir);
        if parsed.plain.is_none() {
            let alone = literals::needles(&hir).into_iter().filter(|either| either.len() == 1).flatten();
            parsed.needle = alone.max_by_key(String::len).map(Box::from);
        }
        let pattern = Pattern(Arc::new(parsed));
        self.0.insert(key, pattern.clone());
        Ok(pattern)
    }
}

fn refused(regex: &str, reason: &str, path: &Path) -> ScriptError {
    // The last line is the reason; those before it draw the pattern.
    let reason = reason.lines().last().unwrap_or_default().trim_start_matches("error: ");
    let hint = if reason.contains("look-around") || reason.contains("backreferences") {
        " (regexes run in linear time here); use several conditions, or \"not\""
    } else {
        ""
    };
    path.error(format!("regex {} does not compile: {reason}{hint}", slashes_of(regex)))
}

impl Parsed {
    // Boxed: the crate's error is large, and refusals are rare.
    fn parse(&self) -> Result<Hir, Box<regex_syntax::Error>> {
        regex_syntax::ParserBuilder::new()
            .case_insensitive(self.flags.ignore_case)
            .multi_line(self.flags.multi_line)
            .dot_matches_new_line(self.flags.dot_matches_new_line)
            .nest_limit(NESTED)
            .build()
            .parse(&self.regex)
            .map_err(Box::new)
    }

    /// The program alone, without the machines that run it fast.
    fn program(&self) -> Option<NFA> {
        let config = Config::new().nfa_size_limit(Some(REGEX_BYTES)).which_captures(WhichCaptures::None);
        Compiler::new().configure(config).build_from_hir(&self.parse().ok()?).ok()
    }

    fn build(&self) -> Result<Regex, regex::Error> {
        RegexBuilder::new(&self.regex)
            .case_insensitive(self.flags.ignore_case)
            .multi_line(self.flags.multi_line)
            .dot_matches_new_line(self.flags.dot_matches_new_line)
            .size_limit(REGEX_BYTES)
            .dfa_size_limit(REGEX_BYTES)
            .nest_limit(NESTED)
            .build()
    }
}

impl Pattern {
    /// Whether it is found in a text.
    pub(crate) fn is_match(&self, text: &str) -> bool {
        let parsed = &*self.0;
        if let Some(plain) = &parsed.plain {
            return plain.is_match(text);
        }
        if parsed.compiled.is_empty()
            && parsed.needle.as_deref().is_some_and(|needle| !literals::fold(text).contains(needle))
        {
            return false;
        }
        // What was read compiles: the size was made sure of.
        parsed.compiled.is_match(text, || parsed.program(), || parsed.build().ok())
    }

    /// What each text it is found in contains, folded: of every list at least one.
    pub(crate) fn needles(&self) -> Vec<Vec<String>> {
        self.0.parse().map(|hir| literals::needles(&hir)).unwrap_or_default()
    }

    /// As messages show it.
    pub(crate) fn shown(&self) -> String {
        slashes_of(&self.0.regex)
    }
}

impl PartialEq for Pattern {
    fn eq(&self, other: &Self) -> bool {
        self.0.regex == other.0.regex && self.0.flags == other.0.flags
    }
}

/// A name, exact or searched.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Name {
    Exact(String),
    Search(Pattern),
}

impl Name {
    pub(crate) fn read(text: &str, path: &Path, patterns: &mut Patterns) -> Result<Name, ScriptError> {
        match slashed(text) {
            Some(_) => patterns.read(text, path).map(Name::Search),
            None => Ok(Name::Exact(text.to_string())),
        }
    }

    pub(crate) fn fits(&self, text: &str) -> bool {
        match self {
            Name::Exact(name) => name == text,
            Name::Search(pattern) => pattern.is_match(text),
        }
    }

    pub(crate) fn shown(&self) -> String {
        match self {
            Name::Exact(name) => format!("\"{name}\""),
            Name::Search(pattern) => pattern.shown(),
        }
    }
}

/// `/…/flags` taken apart, if it is that.
fn slashed(text: &str) -> Option<(&str, &str)> {
    let (pattern, flags) = text.strip_prefix('/')?.rsplit_once('/')?;
    flags.chars().all(|flag| "imsgu".contains(flag)).then_some((pattern, flags))
}

fn slashes_of(pattern: &str) -> String {
    clip(&format!("/{pattern}/"))
}
