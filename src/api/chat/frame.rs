//! The bytes of one chunk: what all chunks share, and the deltas in between.

use crate::api::chat::render;
use crate::random::Random;
use crate::reply::{Choice, Part, Text};
use crate::wire::event::Frames;
use crate::wire::event::write_json_str;
use crate::wire::event::write_number;
use bytes::BytesMut;
use std::ops::Range;

/// What all chunks of one answer have around their deltas. What is the same in all of them is written once.
pub(super) struct ChunkFrame {
    /// `{"id": … "choices":[{"index":0,"delta":`, as nearly all begin.
    first: Vec<u8>,
    /// Bytes of it before the choice, and how many more they are than characters.
    head: usize,
    head_more: usize,
    /// What follows a delta that says nothing else: `,"logprobs":null,"finish_reason":null}],"usage":null,"obfuscation":"`.
    plain: Vec<u8>,
    pub shown: Shown,
    random: Random,
}

/// What chunks show beside their deltas.
pub(super) struct Shown {
    pub logprobs: bool,
    pub usage: bool,
    /// Every chunk says what was used so far.
    pub running: Option<Running>,
    pub obfuscation: bool,
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

/// Before a choice's number, and between it and its delta.
const INDEX: &[u8] = b"{\"index\":";
const DELTA: &[u8] = b",\"delta\":";

impl ChunkFrame {
    /// `head`: `{"id": … "choices":[`.
    pub(super) fn new(head: &[u8], shown: Shown, random: Random) -> Self {
        let mut plain = BytesMut::new();
        shown.close(None, "null", &mut plain);
        ChunkFrame {
            first: [head, INDEX, b"0", DELTA].concat(),
            head: head.len(),
            head_more: continuations(head),
            plain: plain.to_vec(),
            shown,
            random,
        }
    }

    /// Writes one chunk: head, choice, tail. `inner` writes the choice's delta; without a choice, the usage.
    pub(super) fn chunk(
        &mut self,
        choice: Option<usize>,
        inner: impl FnOnce(&mut BytesMut),
        logprobs: Option<&str>,
        finish: &str,
        frames: &mut dyn Frames,
    ) {
        let shown = &self.shown;
        let plain = choice.is_some() && shown.running.is_none() && logprobs.is_none() && finish == "null";
        let out = frames.begin(None);
        let start = out.len();
        match choice {
            Some(0) => out.extend_from_slice(&self.first),
            Some(choice) => {
                out.extend_from_slice(&self.first[..self.head]);
                out.extend_from_slice(INDEX);
                write_number(choice as u64, out);
                out.extend_from_slice(DELTA);
            }
            None => {
                out.extend_from_slice(&self.first[..self.head]);
                out.extend_from_slice(b"],\"usage\":");
            }
        }
        inner(out);
        match choice {
            Some(_) if plain => {}
            Some(_) => shown.close(logprobs, finish, out),
            None => shown.begin_obfuscation(out),
        }
        // Only up to here may text of the script stand.
        let spoken = out.len();
        if plain {
            out.extend_from_slice(&self.plain);
        }
        if shown.obfuscation {
            // The line's JSON becomes 1 mod 16 characters long (real-traffic §2.3).
            let more = self.head_more + continuations(&out[start + self.head..spoken]);
            let length = out.len() - start - more + "\"}".len();
            let missing = (17 - length % 16) % 16;
            self.random.alphanumeric_into(missing, out);
            out.extend_from_slice(b"\"");
        }
        out.extend_from_slice(b"}");
        frames.end();
    }
}

impl Shown {
    /// What follows a choice's delta.
    fn close(&self, logprobs: Option<&str>, finish: &str, out: &mut BytesMut) {
        if self.logprobs {
            out.extend_from_slice(b",\"logprobs\":");
            out.extend_from_slice(logprobs.unwrap_or("null").as_bytes());
        }
        out.extend_from_slice(b",\"finish_reason\":");
        out.extend_from_slice(finish.as_bytes());
        out.extend_from_slice(b"}]");
        match &self.running {
            Some(running) => running.write(out),
            None if self.usage => out.extend_from_slice(b",\"usage\":null"),
            None => {}
        }
        self.begin_obfuscation(out);
    }

    /// Up to the random characters, if there are any.
    fn begin_obfuscation(&self, out: &mut BytesMut) {
        if self.obfuscation {
            out.extend_from_slice(b",\"obfuscation\":\"");
        }
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

/// How many more bytes than characters UTF-8 text has.
fn continuations(bytes: &[u8]) -> usize {
    bytes.iter().filter(|byte| **byte & 0xC0 == 0x80).count()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::event::Lines;
    use serde_json::{Value, json};

    #[test]
    fn a_chunk_is_whole_and_of_a_length_whatever_it_says() {
        let delta = |out: &mut BytesMut| out.extend_from_slice("{\"content\":\"Größe 😀\"}".as_bytes());
        for (usage, logprobs, runs) in [(false, false, false), (true, true, false), (false, true, true)] {
            let shown = Shown {
                logprobs,
                usage,
                running: runs.then_some(Running { prompt: 1, completion: 2 }),
                obfuscation: true,
            };
            let mut frame = ChunkFrame::new("{\"id\":\"é\",\"choices\":[".as_bytes(), shown, Random::new(1));
            let mut frames = Lines::default();
            frame.chunk(Some(0), delta, None, "null", &mut frames);
            frame.chunk(Some(0), delta, logprobs.then_some("[\"ü\"]"), "null", &mut frames);
            frame.chunk(Some(12), delta, None, "\"stop\"", &mut frames);
            frame.chunk(None, |out| out.extend_from_slice(b"{\"total_tokens\":3}"), None, "", &mut frames);
            let text = frames.written();
            let chunks: Vec<&str> = text.split_terminator("\n\n").map(|event| &event["data: ".len()..]).collect();
            assert_eq!(chunks.len(), 4);
            for (at, chunk) in chunks.iter().enumerate() {
                assert_eq!(chunk.chars().count() % 16, 1, "{chunk}");
                let chunk: Value = serde_json::from_str(chunk).unwrap();
                if at == 3 {
                    assert_eq!(chunk["choices"], json!([]));
                    continue;
                }
                let choice = &chunk["choices"][0];
                assert_eq!(choice["index"], [0, 0, 12][at]);
                assert_eq!(choice["delta"]["content"], "Größe 😀");
                assert_eq!(choice["finish_reason"], [json!(null), json!(null), json!("stop")][at]);
                let scored = if at == 1 { json!(["ü"]) } else { Value::Null };
                assert_eq!(choice.get("logprobs"), logprobs.then_some(&scored));
                assert_eq!(chunk["usage"]["total_tokens"], if runs { json!(3) } else { Value::Null });
                assert_eq!(chunk.get("usage").is_some(), runs || usage);
            }
        }
    }
}
