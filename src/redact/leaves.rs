//! The texts of an answer, each with its place in its document: JSON wherever it stands, in events, line by line, alone.

use memchr::memchr3;
use std::collections::HashSet;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::ops::Range;

/// Fields that tell objects of one name apart, which take turns in a stream.
const APART: [&[u8]; 5] = [b"index", b"output_index", b"content_index", b"summary_index", b"item_id"];

/// What an object is called whose other fields say the same again: as bytes, or what else might have been said.
const TOKEN: &[u8] = b"token";

/// A text, or a list of numbers, within the quotes or brackets.
#[derive(Debug)]
pub(super) struct Leaf {
    pub(super) range: Range<usize>,
    /// The object it belongs to, and the hash of its key there.
    pub(super) object: usize,
    key: u64,
    pub(super) is_text: bool,
    pub(super) is_token: bool,
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
pub(super) struct LeafReader<'a> {
    bytes: &'a [u8],
    at: usize,
    objects: Vec<LeafObject>,
    pub(super) leaves: Vec<Leaf>,
    open: Vec<OpenValue>,
    /// A string that has been read, and may be a key.
    string: Option<Range<usize>>,
    /// The key whose value comes next.
    key: Option<Range<usize>>,
}

impl<'a> LeafReader<'a> {
    pub(super) fn read(bytes: &'a [u8]) -> Self {
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
        if !range.is_empty() {
            self.leaves.push(Leaf { range, object, key: hash, is_text: true, is_token });
        }
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

    /// The places of all texts, in order: what is put together has the same one. Those of objects come of those around
    /// them, however deep they are.
    pub(super) fn places(&self) -> impl Iterator<Item = (&Leaf, u64)> {
        let mut places: Vec<u64> = Vec::with_capacity(self.objects.len());
        for LeafObject { parent, key, apart } in &self.objects {
            let around = places.get(*parent).copied().unwrap_or_default();
            places.push(hash(&(around, key, apart)));
        }
        let texts = self.leaves.iter().filter(|leaf| leaf.is_text);
        texts.map(move |leaf| (leaf, hash(&(places[leaf.object], leaf.key))))
    }

    /// What belongs to one of these objects, or to one within.
    pub(super) fn within(&self, of: &HashSet<usize>) -> impl Iterator<Item = &Leaf> {
        let mut within: Vec<bool> = Vec::with_capacity(self.objects.len());
        for (number, object) in self.objects.iter().enumerate() {
            let around = within.get(object.parent).copied().unwrap_or_default();
            within.push(around || of.contains(&number));
        }
        self.leaves.iter().filter(move |leaf| within[leaf.object])
    }
}

fn hash(value: &impl Hash) -> u64 {
    let mut hasher = DefaultHasher::new();
    value.hash(&mut hasher);
    hasher.finish()
}
