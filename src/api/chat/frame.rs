//! The bytes of one chunk: what all chunks share, and the deltas in between.

use crate::api::chat::render;
use crate::random::Random;
use crate::reply::{Choice, Part, Text};
use crate::wire::event::Frames;
use crate::wire::event::write_json_str;
use crate::wire::event::write_number;
use bytes::BytesMut;
use std::ops::Range;

/// What all chunks of one answer have around their deltas.
pub(super) struct ChunkFrame {
    /// `{"id": … "choices":[`.
    pub head: Vec<u8>,
    pub head_characters: usize,
    pub shows_logprobs: bool,
    pub include_usage: bool,
    /// Every chunk says what was used so far.
    pub running: Option<Running>,
    pub obfuscate: bool,
    pub random: Random,
}

/// Tokens used so far.
pub(super) struct Running {
    pub prompt: u64,
    pub completion: u64,
}

impl Running {
    fn write(&self, out: &mut BytesMut) {
        for (name, number) in [
            (",\"usage\":{\"prompt_tokens\":", self.prompt),
            (",\"total_tokens\":", self.prompt + self.completion),
            (",\"completion_tokens\":", self.completion),
        ] {
            out.extend_from_slice(name.as_bytes());
            write_number(number, out);
        }
        out.extend_from_slice(b"}");
    }
}

impl ChunkFrame {
    /// Writes one chunk: head, choice, tail. `inner` writes the choice's delta; without a choice, the usage.
    pub(super) fn chunk(
        &mut self,
        choice: Option<usize>,
        inner: impl FnOnce(&mut BytesMut),
        logprobs: Option<&str>,
        finish: &str,
        frames: &mut dyn Frames,
    ) {
        let out = frames.begin(None);
        out.extend_from_slice(&self.head);
        let body = out.len();
        match choice {
            Some(choice) => {
                out.extend_from_slice(b"{\"index\":");
                write_number(choice as u64, out);
                out.extend_from_slice(b",\"delta\":");
                inner(out);
                if self.shows_logprobs {
                    out.extend_from_slice(b",\"logprobs\":");
                    out.extend_from_slice(logprobs.unwrap_or("null").as_bytes());
                }
                out.extend_from_slice(b",\"finish_reason\":");
                out.extend_from_slice(finish.as_bytes());
                out.extend_from_slice(b"}]");
                match &self.running {
                    Some(running) => running.write(out),
                    None if self.include_usage => out.extend_from_slice(b",\"usage\":null"),
                    None => {}
                }
            }
            None => {
                out.extend_from_slice(b"],\"usage\":");
                inner(out);
            }
        }
        if self.obfuscate {
            // The line's JSON becomes 1 mod 16 characters long (real-traffic §2.3).
            out.extend_from_slice(b",\"obfuscation\":\"");
            let length = self.head_characters + characters(&out[body..]) + "\"}".len();
            let missing = (17 - length % 16) % 16;
            self.random.alphanumeric_into(missing, out);
            out.extend_from_slice(b"\"");
        }
        out.extend_from_slice(b"}");
        frames.end();
    }
}

/// The number of a tool call among the calls of its choice.
pub(super) fn number_of(choice: &Choice, part: &Part) -> usize {
    choice
        .parts
        .iter()
        .take_while(|other| !std::ptr::eq(*other, part))
        .filter(|other| render::as_call(other).is_some())
        .count()
}

/// The first delta of a choice.
pub(super) fn opening(text: bool, refusal: bool, calls: bool) -> &'static str {
    match (text, refusal, calls) {
        (false, true, _) => "{\"role\":\"assistant\",\"content\":null,\"refusal\":\"\"}",
        (false, false, true) => "{\"role\":\"assistant\",\"content\":null}",
        _ => "{\"role\":\"assistant\",\"content\":\"\",\"refusal\":null}",
    }
}

/// The delta of a piece of a part: the bytes at `range` of its text. `number` = of a tool call among its choice's.
pub(super) fn write_piece(number: usize, part: &Part, range: Range<usize>, legacy: bool, out: &mut BytesMut) {
    let string = |before: &str, text: &Text, after: &str| {
        out.extend_from_slice(before.as_bytes());
        write_json_str(text.text.get(range).unwrap_or_default(), out);
        out.extend_from_slice(after.as_bytes());
    };
    match part {
        Part::Text(text) => string("{\"content\":", text, "}"),
        Part::Refusal(text) => string("{\"refusal\":", text, "}"),
        Part::ToolCall(call) if legacy => string("{\"function_call\":{\"arguments\":", &call.arguments, "}}"),
        Part::ToolCall(call) => {
            let inside = if call.custom { "custom\":{\"input" } else { "function\":{\"arguments" };
            let before = format!("{{\"tool_calls\":[{{\"index\":{number},\"{inside}\":");
            string(&before, &call.arguments, "}}]}");
        }
        _ => out.extend_from_slice(b"{}"),
    }
}

/// Characters of UTF-8 text: bytes that are no continuation.
pub(super) fn characters(bytes: &[u8]) -> usize {
    bytes.iter().filter(|byte| **byte & 0xC0 != 0x80).count()
}
