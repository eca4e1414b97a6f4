//! Usage that an answer says of itself whose bytes were made elsewhere: by an upstream, in a recording, in a script.

use crate::reply::RawBody;
use crate::session::exchange::Exchange;
use crate::surface::operations;
use crate::turn::usage::wire::Usage;
use serde_json::Value;

/// Bytes of a usage that are read.
const LONGEST: usize = 16 * 1024;

/// Bytes of a key that are looked at: as many as those that are looked for have, and one more.
const KEY: usize = "response".len() + 1;

/// Finds the usage in bytes as they pass, however they are cut: in a JSON object, or in the objects of a stream. It holds
/// nothing of them but what it looks for. The last usage counts: some servers tell one with each piece.
#[derive(Default)]
pub(crate) struct UsageReader {
    /// Objects and lists that are open.
    depth: usize,
    in_string: bool,
    escaped: bool,
    /// The beginning of the last string.
    string: Vec<u8>,
    /// The key of the outermost object whose value is being read is `response`: what events of Responses wrap.
    in_response: bool,
    /// The value of a usage comes next.
    expected: bool,
    /// A usage that is being read, and the depth it ends at.
    reading: Option<(Vec<u8>, usize)>,
    found: Option<(u64, u64)>,
}

impl UsageReader {
    /// Takes in what comes next.
    pub(crate) fn read(&mut self, mut bytes: &[u8]) {
        while let Some((&byte, rest)) = bytes.split_first() {
            let skipped = if self.in_string && !self.escaped {
                bytes.iter().position(|byte| matches!(byte, b'"' | b'\\' | b'\n')).unwrap_or(bytes.len())
            } else if self.depth == 0 {
                bytes.iter().position(|byte| *byte == b'{').unwrap_or(bytes.len())
            } else {
                0
            };
            if skipped > 0 {
                self.keep(&bytes[..skipped]);
                bytes = &bytes[skipped..];
                continue;
            }
            self.keep(&bytes[..1]);
            self.step(byte);
            bytes = rest;
        }
    }

    /// Tokens of the request and of the answer, as far as they were said.
    pub(crate) fn sums(&self) -> Option<(u64, u64)> {
        self.found
    }

    /// Bytes that belong to what is being read.
    fn keep(&mut self, bytes: &[u8]) {
        if self.in_string {
            let room = KEY.saturating_sub(self.string.len());
            self.string.extend_from_slice(bytes.get(..room).unwrap_or(bytes));
        }
        if let Some((usage, _)) = &mut self.reading {
            match usage.len() + bytes.len() <= LONGEST {
                true => usage.extend_from_slice(bytes),
                false => self.reading = None,
            }
        }
    }

    fn step(&mut self, byte: u8) {
        if self.in_string {
            match byte {
                _ if self.escaped => self.escaped = false,
                b'\\' => self.escaped = true,
                b'"' => self.in_string = false,
                // No JSON: what follows begins anew.
                b'\n' => *self = UsageReader { found: self.found, ..UsageReader::default() },
                _ => {}
            }
            return;
        }
        match byte {
            b'"' => {
                self.in_string = true;
                self.string.clear();
            }
            b':' => {
                // The quote that ended the key was kept with it.
                let key = self.string.as_slice();
                if self.depth == 1 {
                    self.in_response = key == b"response\"";
                }
                let place = self.depth == 1 || self.depth == 2 && self.in_response;
                self.expected = place && self.reading.is_none() && key == b"usage\"";
            }
            b'{' | b'[' => {
                if std::mem::take(&mut self.expected) && byte == b'{' {
                    self.reading = Some((vec![b'{'], self.depth));
                }
                self.depth += 1;
            }
            b'}' | b']' => {
                self.depth = self.depth.saturating_sub(1);
                if let Some((usage, _)) = self.reading.take_if(|(_, ends)| *ends == self.depth) {
                    let said = serde_json::from_slice::<Value>(&usage).ok().as_ref().and_then(sums);
                    self.found = said.or(self.found);
                }
            }
            b',' => self.expected = false,
            _ => {}
        }
    }
}

/// The tokens that a usage tells, if it is one of tokens: some are of seconds.
fn sums(usage: &Value) -> Option<(u64, u64)> {
    let counts = ["prompt_tokens", "input_tokens", "completion_tokens", "output_tokens"];
    counts.iter().any(|name| usage[name].is_u64()).then(|| Usage::Fixed(usage.clone()).sums())
}

/// A reader for what an exchange is answered with; `None` where no model is asked: the usage of an object that is looked
/// at was counted when it was made.
pub(crate) fn reader(exchange: &Exchange) -> Option<UsageReader> {
    operations::named(exchange.operation).is_some_and(|operation| operation.turn).then(UsageReader::default)
}

/// Notes what a raw answer says that is known as a whole; of what is yet to come nothing.
pub(crate) fn note_raw(exchange: &Exchange, raw: &RawBody) {
    let Some(mut reader) = reader(exchange) else { return };
    let mut read = |value: &Value| reader.read(value.to_string().as_bytes());
    match raw {
        RawBody::Json(value) => read(value),
        RawBody::Sse(events) => events.iter().for_each(|(_, data)| read(data)),
        RawBody::Events(frames) => frames.iter().for_each(read),
        RawBody::Text(text) => reader.read(text.as_bytes()),
        RawBody::Chunks(chunks) => chunks.iter().for_each(|(_, bytes)| reader.read(bytes)),
        RawBody::Empty | RawBody::Passing(_) => {}
    }
    note(exchange, &reader);
}

/// Notes what was read.
pub(crate) fn note(exchange: &Exchange, reader: &UsageReader) {
    if let Some(tokens) = reader.sums() {
        let _ = exchange.tokens.set(tokens);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    /// What is read, whatever the pieces are.
    fn read(text: &str) -> Option<(u64, u64)> {
        let whole = |size: usize| {
            let mut reader = UsageReader::default();
            text.as_bytes().chunks(size).for_each(|piece| reader.read(piece));
            reader.sums()
        };
        let found = whole(usize::MAX);
        for size in [1, 2, 3, 7] {
            assert_eq!(whole(size), found, "in pieces of {size}: {text}");
        }
        found
    }

    #[test]
    fn usage_is_read_from_bodies_and_streams_of_every_dialect() {
        let chat = json!({"choices": [{"message": {"content": "\"usage\": {\"prompt_tokens\": 99}} \\"}}], "usage": {"prompt_tokens": 3, "completion_tokens": 4, "prompt_tokens_details": {"cached_tokens": 1}}, "z": 1});
        assert_eq!(read(&chat.to_string()), Some((3, 4)));
        assert_eq!(read(&serde_json::to_string_pretty(&chat).expect("JSON")), Some((3, 4)));
        let vectors = json!({"usage": {"prompt_tokens": 5, "total_tokens": 5}, "data": [{"embedding": [0.5, 1]}]});
        assert_eq!(read(&vectors.to_string()), Some((5, 0)));
        let responses = "event: response.created\ndata: {\"response\":{\"usage\":null},\"type\":\"x\"}\n\n\
            event: response.completed\ndata: {\"type\":\"response.completed\",\"response\":{\"output\":[{\"usage\":{\"input_tokens\":8}}],\"usage\":{\"input_tokens\":7,\"output_tokens\":2}}}\n\n";
        assert_eq!(read(responses), Some((7, 2)));
        let each = "data: {\"choices\":[],\"usage\":{\"prompt_tokens\":1,\"completion_tokens\":1}}\r\n\r\n\
            data: {\"usage\":{\"prompt_tokens\":1,\"completion_tokens\":2}}\r\n\r\ndata: {\"usage\":null}\r\n\r\ndata: [DONE]\r\n\r\n";
        assert_eq!(read(each), Some((1, 2)), "the last one counts");
    }

    #[test]
    fn what_is_no_usage_of_an_answer_is_none() {
        for text in [
            "",
            "usage",
            "{\"usage\":",
            "{\"usage\":{\"prompt_tokens\":1",
            "{\"usage\":[{\"prompt_tokens\":1}]}",
            "{\"usage\":\"x\",\"y\":{\"prompt_tokens\":1}}",
            "{\"usage\":{\"type\":\"duration\",\"seconds\":3}}",
            "{\"data\":[{\"usage\":{\"prompt_tokens\":1}}]}",
            "{\"other\":{\"usage\":{\"prompt_tokens\":1}}}",
            "}}]]\"\"{",
        ] {
            assert_eq!(read(text), None, "{text}");
        }
        let long = format!("{{\"usage\":{{\"prompt_tokens\":1,\"x\":\"{}\"}}}}", "y".repeat(LONGEST));
        assert_eq!(read(&long), None);
        // A stream goes on after what is no JSON.
        assert_eq!(read("data: {\"a\n\ndata: {\"usage\":{\"input_tokens\":1}}\n\n"), Some((1, 0)));
    }
}
