//! A key that no text of an answer has, but several say together: the deltas of a stream's events, the tokens of a list.
//! Readers put such texts together, so they are looked at together; what stands in between stays.

use super::REDACTED;
use super::leaves::{Leaf, LeafReader};
use super::veil::{SHORTEST, Veil};
use memchr::memchr;
use std::borrow::Cow;
use std::collections::{HashMap, HashSet};
use std::ops::Range;

/// What is cut out of an answer's bytes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct KeyPart {
    range: Range<usize>,
    /// The placeholder stands there: once for each key.
    shown: bool,
}

impl Veil {
    /// What a key is made of that is spread over several texts, in order. An end that may become one is taken for it.
    pub(crate) fn spread(&self, bytes: &[u8]) -> Vec<KeyPart> {
        let reader = LeafReader::read(bytes);
        let mut places: HashMap<u64, Vec<&Leaf>> = HashMap::new();
        for (leaf, place) in reader.places() {
            places.entry(place).or_default().push(leaf);
        }
        let (mut cuts, mut tokens) = (Vec::new(), HashSet::new());
        for leaves in places.values() {
            self.spread_over(bytes, leaves, |leaf, cut| {
                cuts.push(cut);
                if leaf.is_token {
                    tokens.insert(leaf.object);
                }
            });
        }
        if !tokens.is_empty() {
            let said_again = reader.within(&tokens).filter(|leaf| !leaf.is_token || !tokens.contains(&leaf.object));
            cuts.extend(said_again.map(|leaf| KeyPart { range: leaf.range.clone(), shown: false }));
        }
        apart_from_each_other(cuts)
    }

    /// Tells of every part of a key in texts that are one, and which it is in.
    fn spread_over<'a>(&self, bytes: &[u8], leaves: &[&'a Leaf], mut found: impl FnMut(&'a Leaf, KeyPart)) {
        let mut said = Vec::new();
        let mut starts = Vec::with_capacity(leaves.len());
        for leaf in leaves {
            starts.push(said.len());
            said.extend_from_slice(&unescaped(&bytes[leaf.range.clone()]));
        }
        for (from, to) in self.all(&said) {
            let first = starts.partition_point(|start| *start <= from).saturating_sub(1);
            let mut shown = true;
            for (leaf, start) in leaves[first..].iter().zip(&starts[first..]).take_while(|(_, start)| **start < to) {
                let raw = &bytes[leaf.range.clone()];
                let [from, to] = [from, to].map(|at| leaf.range.start + escaped(raw, at.saturating_sub(*start)));
                if from < to {
                    found(leaf, KeyPart { range: from..to, shown: std::mem::take(&mut shown) });
                }
            }
        }
    }

    /// Where keys stand in a text; also what may become one at its end.
    fn all(&self, said: &[u8]) -> Vec<(usize, usize)> {
        let (mut found, mut at) = (Vec::new(), 0);
        while let Some((from, to)) = self.first(&said[at..]) {
            found.push((at + from, at + to));
            at += to;
        }
        let begun = self.begun(&said[at..]);
        if begun >= SHORTEST {
            found.push((said.len() - begun, said.len()));
        }
        found
    }

    /// Bytes without the keys that are spread over them.
    pub(crate) fn apart<'a>(&self, bytes: &'a [u8]) -> Cow<'a, [u8]> {
        without(bytes, 0..bytes.len(), &self.spread(bytes))
    }
}

/// In order, none within another.
fn apart_from_each_other(mut cuts: Vec<KeyPart>) -> Vec<KeyPart> {
    cuts.sort_by_key(|cut| cut.range.start);
    cuts.dedup_by(|next, before| {
        let meets = next.range.start < before.range.end;
        if meets {
            before.range.end = before.range.end.max(next.range.end);
            before.shown |= next.shown;
        }
        meets
    });
    cuts
}

/// A part of an answer without what is cut out of it.
pub(crate) fn without<'a>(bytes: &'a [u8], part: Range<usize>, cuts: &[KeyPart]) -> Cow<'a, [u8]> {
    let first = cuts.partition_point(|cut| cut.range.end <= part.start);
    let mut cuts = cuts[first..].iter().take_while(|cut| cut.range.start < part.end).peekable();
    if cuts.peek().is_none() {
        return bytes[part].into();
    }
    let (mut out, mut at) = (Vec::with_capacity(part.len()), part.start);
    for KeyPart { range, shown } in cuts {
        out.extend_from_slice(&bytes[at..range.start.max(at)]);
        if *shown && range.start >= part.start {
            out.extend_from_slice(REDACTED.as_bytes());
        }
        at = range.end.min(part.end).max(at);
    }
    out.extend_from_slice(&bytes[at..part.end]);
    out.into()
}

/// The next character of a JSON string: its bytes as they are meant, and how many stand for it. Halves of a pair, which no
/// key has, become replacement characters.
fn character(raw: &[u8]) -> (Cow<'_, [u8]>, usize) {
    let plain = |text: &'static [u8]| (Cow::Borrowed(text), 2);
    match raw {
        [b'\\', b'n', ..] => plain(b"\n"),
        [b'\\', b'r', ..] => plain(b"\r"),
        [b'\\', b't', ..] => plain(b"\t"),
        [b'\\', b'b', ..] => plain(b"\x08"),
        [b'\\', b'f', ..] => plain(b"\x0c"),
        [b'\\', b'u', rest @ ..] => {
            let code = rest.get(..4).and_then(|digits| u32::from_str_radix(std::str::from_utf8(digits).ok()?, 16).ok());
            match code {
                Some(code) => {
                    let character = char::from_u32(code).unwrap_or(char::REPLACEMENT_CHARACTER);
                    (character.to_string().into_bytes().into(), 6)
                }
                None => (b"".into(), raw.len().min(6)),
            }
        }
        [b'\\', one, ..] => (vec![*one].into(), 2),
        _ => (raw[..raw.len().min(1)].into(), 1),
    }
}

/// A JSON string as it is meant.
fn unescaped(raw: &[u8]) -> Cow<'_, [u8]> {
    if memchr(b'\\', raw).is_none() {
        return raw.into();
    }
    let (mut out, mut rest) = (Vec::with_capacity(raw.len()), raw);
    while !rest.is_empty() {
        let (meant, len) = character(rest);
        out.extend_from_slice(&meant);
        rest = &rest[len.min(rest.len())..];
    }
    out.into()
}

/// Where in a JSON string so many bytes of what it means have passed; at most its end.
fn escaped(raw: &[u8], meant: usize) -> usize {
    if memchr(b'\\', raw).is_none() {
        return meant.min(raw.len());
    }
    let (mut at, mut passed) = (0, 0);
    while passed < meant && at < raw.len() {
        let (meant, len) = character(&raw[at..]);
        passed += meant.len();
        at += len;
    }
    at.min(raw.len())
}

#[cfg(test)]
#[path = "spread_tests.rs"]
mod tests;
