//! A key that no text of an answer has, but several say together: the deltas of a stream's events, the tokens of a list.
//! Readers put such texts together, so they are looked at together; what stands in between stays.

use super::REDACTED;
use super::veil::{SHORTEST, Veil};
use memchr::{memchr, memchr3};
use std::borrow::Cow;
use std::collections::{HashMap, HashSet};
use std::hash::{DefaultHasher, Hash, Hasher};
use std::ops::Range;

/// Fields that tell objects of one name apart, which take turns in a stream.
const APART: [&[u8]; 5] = [b"index", b"output_index", b"content_index", b"summary_index", b"item_id"];

/// What an object is called whose other fields say the same again: as bytes, or what else might have been said.
const TOKEN: &[u8] = b"token";

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
        for leaf in reader.leaves.iter().filter(|leaf| leaf.is_text && !leaf.range.is_empty()) {
            places.entry(reader.place(leaf)).or_default().push(leaf);
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
            let said_again = reader.leaves.iter().filter(|leaf| !leaf.is_token || !tokens.contains(&leaf.object));
            let said_again = said_again.filter(|leaf| reader.is_within(leaf.object, &tokens));
            cuts.extend(said_again.map(|leaf| KeyPart { range: leaf.range.clone(), shown: false }));
        }
        cuts.sort_by_key(|cut| cut.range.start);
        cuts
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

/// A part of an answer without what is cut out of it.
pub(crate) fn without<'a>(bytes: &'a [u8], part: Range<usize>, cuts: &[KeyPart]) -> Cow<'a, [u8]> {
    let mut cuts = cuts.iter().filter(|cut| cut.range.start < part.end && cut.range.end > part.start).peekable();
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

/// A text, or a list of numbers, within the quotes or brackets.
#[derive(Debug)]
struct Leaf {
    range: Range<usize>,
    /// The object it belongs to, and the hash of its key there.
    object: usize,
    key: u64,
    is_text: bool,
    is_token: bool,
}

/// An object of a document. Of objects within objects, and of those in lists, a place is what readers put together.
#[derive(Debug)]
struct LeafObject {
    /// The one around it: it stands before it. The first is around all others.
    parent: usize,
    key: u64,
    /// What tells it apart from others of its name.
    apart: u64,
}

/// An object or list that is open.
struct OpenValue {
    object: usize,
    key: u64,
    is_token: bool,
    is_list: bool,
    /// Where the numbers of a list begin, while it has nothing else.
    numbers: Option<usize>,
}

/// Reads JSON wherever it stands in bytes: in events, line by line, alone. What is none is passed over.
struct LeafReader<'a> {
    bytes: &'a [u8],
    at: usize,
    objects: Vec<LeafObject>,
    leaves: Vec<Leaf>,
    open: Vec<OpenValue>,
    /// A string that has been read, and may be a key.
    string: Option<Range<usize>>,
    /// The key whose value comes next.
    key: Option<Range<usize>>,
}

impl<'a> LeafReader<'a> {
    fn read(bytes: &'a [u8]) -> Self {
        let root = LeafObject { parent: 0, key: 0, apart: 0 };
        let mut reader = LeafReader {
            bytes,
            at: 0,
            objects: vec![root],
            leaves: Vec::new(),
            open: Vec::new(),
            string: None,
            key: None,
        };
        reader.line();
        while let Some(byte) = bytes.get(reader.at) {
            reader.step(*byte);
        }
        reader.value();
        reader
    }

    fn step(&mut self, byte: u8) {
        let at = self.at;
        self.at += 1;
        match byte {
            b'"' => {
                self.value();
                self.numberless();
                self.string = Some(self.quoted());
            }
            b':' => self.key = self.string.take(),
            b'{' | b'[' => self.opens(byte == b'['),
            b'}' | b']' => {
                self.value();
                self.closes(at);
            }
            b',' => {
                self.value();
                self.key = None;
            }
            b'\n' => self.line(),
            b'0'..=b'9' => self.number(at),
            b'-' | b'+' | b'.' | b'e' | b'E' | b' ' | b'\t' | b'\r' => {}
            _ => self.numberless(),
        }
    }

    /// A string up to its quote; a line's end ends it too, and everything: that is no JSON.
    fn quoted(&mut self) -> Range<usize> {
        let start = self.at;
        loop {
            let rest = &self.bytes[self.at.min(self.bytes.len())..];
            let Some(next) = memchr3(b'"', b'\\', b'\n', rest) else {
                self.at = self.bytes.len();
                return start..self.at;
            };
            self.at += next + 1;
            match rest[next] {
                b'\\' => self.at += 1,
                b'"' => return start..self.at - 1,
                _ => {
                    self.at -= 1;
                    self.open.clear();
                    return start..self.at;
                }
            }
        }
    }

    /// A line begins: what stands before the data of an event is passed over, and a text that is no JSON is one by itself.
    fn line(&mut self) {
        let rest = &self.bytes[self.at.min(self.bytes.len())..];
        if rest.starts_with(b"\n") || rest.starts_with(b"\r\n") {
            self.value();
            self.open.clear();
            self.key = None;
        }
        let Some(data) = rest.strip_prefix(b"data:") else { return };
        self.at += b"data:".len() + usize::from(data.starts_with(b" "));
        let data = data.strip_prefix(b" ").unwrap_or(data);
        if self.open.is_empty() && !matches!(data.first(), Some(b'{' | b'[' | b'"') | None) {
            let line = data.split(|byte| matches!(byte, b'\n' | b'\r')).next().unwrap_or_default();
            self.string = Some(self.at..self.at + line.len());
            self.at += line.len();
            self.value();
        }
    }

    /// What was read last was a value and no key.
    fn value(&mut self) {
        let Some(range) = self.string.take() else { return };
        let key = self.key_of_value();
        let in_list = self.open.last().filter(|open| open.is_list);
        let is_token = in_list.map_or(key == Some(TOKEN), |list| list.is_token);
        let (object, hash) = self.here(key);
        if let Some(key) = key {
            self.tells_apart(object, key, range.clone());
        }
        self.leaves.push(Leaf { range, object, key: hash, is_text: true, is_token });
    }

    fn key_of_value(&self) -> Option<&'a [u8]> {
        let bytes = self.bytes;
        self.key.clone().map(|range| &bytes[range])
    }

    /// The object that a value with this key belongs to, and the hash of its key: in a list, those of the list.
    fn here(&self, key: Option<&[u8]>) -> (usize, u64) {
        match self.open.last() {
            Some(open) if open.is_list => (open.object, open.key),
            Some(open) => (open.object, key.map_or(0, |key| hash(&key))),
            None => (0, 0),
        }
    }

    /// A value that may tell its object apart. What kind of event it is tells those apart that stand alone.
    fn tells_apart(&mut self, object: usize, key: &[u8], value: Range<usize>) {
        let alone = key == b"type" && self.objects[object].parent == 0;
        if alone || APART.contains(&key) {
            let told = hash(&(key, &self.bytes[value]));
            self.objects[object].apart = self.objects[object].apart.wrapping_add(told);
        }
    }

    fn number(&mut self, at: usize) {
        let end =
            self.bytes[at..].iter().position(|byte| !byte.is_ascii_digit()).map_or(self.bytes.len(), |len| at + len);
        self.at = end;
        if let (Some(key), Some(open)) = (self.key_of_value(), self.open.last().filter(|open| !open.is_list)) {
            self.tells_apart(open.object, key, at..end);
        }
    }

    fn opens(&mut self, is_list: bool) {
        self.value();
        self.numberless();
        let key = self.key_of_value();
        let is_token = key == Some(TOKEN);
        let (parent, hash) = self.here(key);
        self.key = None;
        let object = match is_list {
            true => parent,
            false => {
                self.objects.push(LeafObject { parent, key: hash, apart: 0 });
                self.objects.len() - 1
            }
        };
        self.open.push(OpenValue { object, key: hash, is_token, is_list, numbers: is_list.then_some(self.at) });
    }

    fn closes(&mut self, at: usize) {
        self.key = None;
        let Some(open) = self.open.pop() else { return };
        if let Some(start) = open.numbers.filter(|start| *start < at) {
            let OpenValue { object, key, .. } = open;
            self.leaves.push(Leaf { range: start..at, object, key, is_text: false, is_token: false });
        }
    }

    /// The list that is open has more than numbers.
    fn numberless(&mut self) {
        if let Some(open) = self.open.last_mut() {
            open.numbers = None;
        }
    }

    /// What is put together with a text has the same place.
    fn place(&self, leaf: &Leaf) -> u64 {
        let mut place = leaf.key;
        let mut at = leaf.object;
        while at != 0 {
            let object = &self.objects[at];
            place = hash(&(place, object.key, object.apart));
            at = object.parent;
        }
        place
    }

    /// Whether an object is one of these, or within one.
    fn is_within(&self, mut object: usize, of: &HashSet<usize>) -> bool {
        while object != 0 {
            if of.contains(&object) {
                return true;
            }
            object = self.objects[object].parent;
        }
        false
    }
}

fn hash(value: &impl Hash) -> u64 {
    let mut hasher = DefaultHasher::new();
    value.hash(&mut hasher);
    hasher.finish()
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
