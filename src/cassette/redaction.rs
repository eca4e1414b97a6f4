//! What a recording must not hold: keys, tokens, cookies, organisations. Found by name and by shape, in values, in texts
//! and in the JSON inside of texts; what is found is replaced, and what is still there is named.

use super::secrets::{SHAPES, entropic};
use crate::redact;
pub(crate) use crate::redact::REDACTED;
use crate::sorting;
use crate::wire::form::FormFile;
use aho_corasick::{AhoCorasick, AhoCorasickKind};
use regex::Regex;
use serde_json::Value;
use std::borrow::Cow;
use std::ops::Range;
use std::sync::LazyLock;

/// Where in a text what can be: every mark of every shape, found in one pass.
static MARKS: LazyLock<Option<Marks>> = LazyLock::new(Marks::new);

static EACH: LazyLock<Vec<(&'static str, Regex)>> =
    LazyLock::new(|| SHAPES.iter().filter_map(|shape| Some((shape.name, Regex::new(shape.pattern).ok()?))).collect());

static EMAIL: LazyLock<Option<Regex>> =
    LazyLock::new(|| Regex::new(r"(?-u)\b([A-Za-z0-9._%+-]+@[A-Za-z0-9-]+(?:\.[A-Za-z0-9-]+)*\.[A-Za-z]{2,})\b").ok());

/// What is looked for beside what always is.
#[derive(Debug, Clone, Default)]
pub(crate) struct Redaction {
    patterns: Vec<Regex>,
    emails: bool,
    entropy: bool,
}

/// A secret that was found: what it is and where in its text.
struct Secret {
    kind: &'static str,
    range: Range<usize>,
}

impl Redaction {
    /// `email`, `entropy`, or a pattern whose first group, or all of it, is replaced.
    ///
    /// # Errors
    /// A pattern is none.
    pub(crate) fn new(words: &[String]) -> Result<Self, String> {
        let mut redaction = Redaction::default();
        for word in words {
            match word.as_str() {
                "email" => redaction.emails = true,
                "entropy" => redaction.entropy = true,
                pattern => {
                    let pattern = pattern.strip_prefix('/').and_then(|rest| rest.strip_suffix('/')).unwrap_or(pattern);
                    let regex = Regex::new(pattern).map_err(|error| {
                        format!("options: redact: {pattern:?} is neither `email` nor `entropy` nor a pattern: {error}")
                    })?;
                    redaction.patterns.push(regex);
                }
            }
        }
        Ok(redaction)
    }

    /// The secrets of a text, in order, none within another.
    fn secrets(&self, text: &str) -> Vec<Secret> {
        let mut found: Vec<Secret> = Vec::new();
        let mut add = |kind, regex: &Regex| {
            for captures in regex.captures_iter(text) {
                let Some(range) = captures.get(1).or_else(|| captures.get(0)).map(|group| group.range()) else {
                    continue;
                };
                if !range.is_empty() && !is_redacted(text, &range) {
                    found.push(Secret { kind, range });
                }
            }
        };
        let shapes = MARKS.as_ref().map_or(u64::MAX, |marks| marks.shapes_of(text));
        for (kind, regex) in EACH.iter().enumerate().filter(|(index, _)| shapes >> index & 1 == 1).map(|(_, one)| one) {
            add(kind, regex);
        }
        if self.emails
            && text.contains('@')
            && let Some(regex) = EMAIL.as_ref()
        {
            add("an e-mail address", regex);
        }
        self.patterns.iter().for_each(|regex| add("what --redact names", regex));
        if self.entropy {
            found.extend(entropic(text).map(|range| Secret { kind: "a text of high entropy", range }));
            found.retain(|secret| !is_redacted(text, &secret.range));
        }
        sorting::by_key(&mut found, |secret| (secret.range.start, usize::MAX - secret.range.end));
        let mut end = 0;
        found.retain(|secret| {
            let first = secret.range.start >= end;
            if first {
                end = secret.range.end;
            }
            first
        });
        found
    }

    /// A text without its secrets.
    pub(crate) fn text<'a>(&self, text: &'a str) -> Cow<'a, str> {
        let secrets = self.secrets(text);
        if secrets.is_empty() {
            return text.into();
        }
        let mut out = String::with_capacity(text.len());
        let mut end = 0;
        for Secret { range, .. } in secrets {
            out.push_str(&text[end..range.start]);
            out.push_str(REDACTED);
            end = range.end;
        }
        out.push_str(&text[end..]);
        // What was hidden may have kept something else from being seen.
        match self.secrets(&out).is_empty() {
            true => out.into(),
            false => self.text(&out).into_owned().into(),
        }
    }

    /// Texts that follow each other without their secrets, also those that reach over a border.
    pub(crate) fn pieces(&self, pieces: &[&str]) -> Vec<String> {
        let whole = pieces.concat();
        let secrets = self.secrets(&whole);
        let mut out = Vec::with_capacity(pieces.len());
        let mut start = 0;
        for piece in pieces {
            let (from, to) = (start, start + piece.len());
            start = to;
            let mut text = String::with_capacity(piece.len());
            let mut at = from;
            for Secret { range, .. } in
                secrets.iter().filter(|secret| secret.range.start < to && secret.range.end > from)
            {
                if range.start >= from {
                    text.push_str(&whole[at..range.start]);
                    text.push_str(REDACTED);
                }
                at = range.end.min(to);
            }
            text.push_str(&whole[at..to]);
            out.push(text);
        }
        out
    }

    /// A value without its secrets: those that their names tell, and those that their shapes do.
    pub(crate) fn value(&self, value: &mut Value) {
        let is_file = FormFile::is_shown(value);
        match value {
            Value::String(text) => {
                if let Cow::Owned(clean) = self.text(text) {
                    *text = clean;
                }
            }
            Value::Array(items) => items.iter_mut().for_each(|item| self.value(item)),
            Value::Object(map) => {
                for (name, value) in map {
                    match value {
                        // What a file is told from others by.
                        _ if is_file && name == "sha256" => {}
                        Value::String(text) if redact::names_secret(name) && !text.is_empty() => {
                            *text = REDACTED.into();
                        }
                        value => self.value(value),
                    }
                }
            }
            _ => {}
        }
    }

    /// A query without its secrets.
    pub(crate) fn query(&self, query: &str) -> String {
        let clean = |pair: &str| {
            let value = pair.find('=').map_or(0, |at| at + 1);
            // As a server reads it: what is secret may be coded.
            let (_, said) = form_urlencoded::parse(pair.as_bytes()).next().unwrap_or_default();
            let shaped = self.kind(&said).is_some() || self.kind(pair).is_some();
            let addressed = || matches!(redact::target(&format!("?{pair}")), Cow::Owned(_)).then_some(value);
            let secret = if shaped { Some(value) } else { redact::secret_in(pair).or_else(addressed) };
            match secret.and_then(|start| pair.get(..start)).filter(|open| open.len() < pair.len()) {
                Some(open) => format!("{open}{REDACTED}"),
                None => pair.to_string(),
            }
        };
        query.split('&').map(clean).collect::<Vec<_>>().join("&")
    }

    /// The first secret that is still there: where, and what it looks like.
    pub(crate) fn left(&self, value: &Value) -> Option<(String, &'static str)> {
        match value {
            Value::String(text) => self.secrets(text).first().map(|secret| (String::new(), secret.kind)),
            Value::Array(items) => items.iter().enumerate().find_map(|(index, item)| {
                let (rest, kind) = self.left(item)?;
                Some((format!("[{index}]{rest}"), kind))
            }),
            Value::Object(map) => map.iter().find_map(|(name, item)| {
                if name == "sha256" && FormFile::is_shown(value) {
                    return None;
                }
                let (rest, kind) = match item {
                    Value::String(text) if redact::names_secret(name) && !text.is_empty() && text != REDACTED => {
                        (String::new(), "a secret by its name")
                    }
                    // A name may be one too.
                    item => self
                        .secrets(name)
                        .first()
                        .map(|secret| (String::new(), secret.kind))
                        .or_else(|| self.left(item))?,
                };
                Some((format!(".{name}{rest}"), kind))
            }),
            _ => None,
        }
    }

    /// What kind of secret a text holds, if it does.
    pub(crate) fn kind(&self, text: &str) -> Option<&'static str> {
        self.secrets(text).first().map(|secret| secret.kind)
    }
}

/// Whether all shapes can be looked for.
#[cfg(test)]
pub(super) fn every_shape_is_ready() -> bool {
    (MARKS.is_some(), EACH.len()) == (true, SHAPES.len()) && EMAIL.is_some()
}

/// What all shapes see in a text, whatever marks it has.
#[cfg(test)]
pub(super) fn seen_by_shapes(text: &str) -> Vec<&'static str> {
    EACH.iter().filter(|(_, regex)| regex.is_match(text)).map(|(kind, _)| *kind).collect()
}

/// What those shapes see whose marks it has.
#[cfg(test)]
pub(super) fn seen_by_marks(text: &str) -> Vec<&'static str> {
    let shapes = MARKS.as_ref().map_or(0, |marks| marks.shapes_of(text));
    let marked = EACH.iter().enumerate().filter(|(index, _)| shapes >> index & 1 == 1).map(|(_, one)| one);
    marked.filter(|(_, regex)| regex.is_match(text)).map(|(kind, _)| *kind).collect()
}

/// The marks of all shapes. A text of which no shape has a mark, as most are, is not searched by any.
struct Marks {
    search: AhoCorasick,
    /// Of each mark, the shapes that have it, a bit each.
    shapes: Vec<u64>,
}

impl Marks {
    fn new() -> Option<Self> {
        let mut marks: Vec<&str> = SHAPES.iter().flat_map(|shape| shape.marks).copied().collect();
        marks.sort_unstable();
        marks.dedup();
        let of = |mark: &&str| {
            let having = SHAPES.iter().enumerate().filter(|(_, shape)| shape.marks.contains(mark));
            having.fold(0, |bits, (index, _)| bits | 1 << index)
        };
        let shapes = marks.iter().map(of).collect();
        let mut builder = AhoCorasick::builder();
        let search = builder.ascii_case_insensitive(true).kind(Some(AhoCorasickKind::DFA)).build(marks).ok()?;
        Some(Marks { search, shapes })
    }

    /// The shapes that a text may have, a bit each.
    fn shapes_of(&self, text: &str) -> u64 {
        let found = self.search.find_overlapping_iter(text).map(|found| self.shapes[found.pattern().as_usize()]);
        found.fold(0, |bits, more| bits | more)
    }
}

fn is_redacted(text: &str, range: &Range<usize>) -> bool {
    text.get(range.clone()).is_some_and(|found| found.contains(REDACTED) || REDACTED.contains(found))
}
