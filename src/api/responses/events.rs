//! Events as JSON: keys `type`, which is their name too, first and then alphabetical, as recorded since 2026
//! (real-traffic §2.4).

use crate::api::responses::items::Item;
use crate::random::Random;
use crate::wire::event::Frames;
use crate::wire::event::write_json;
use crate::wire::event::write_json_str;
use crate::wire::event::write_number;
use bytes::{BufMut, Bytes, BytesMut};
use serde::Serialize;
use serde_json::Value;
use std::sync::Arc;

/// The value of an event's field.
#[derive(Debug, Clone)]
pub(crate) enum EventField {
    Text(Arc<str>),
    Number(u64),
    Json(Value),
    /// A finished item.
    Item(Arc<Item>),
}

/// Fields of an event without `type` and `sequence_number`, in alphabetical order.
pub(crate) type Fields = Vec<(&'static str, EventField)>;

/// Appends one whole event.
pub(crate) fn write(name: &str, fields: &[(&'static str, EventField)], sequence: u64, frames: &mut dyn Frames) {
    let out = frames.begin(Some(name));
    head(name, out);
    let mut numbered = false;
    for (key, field) in fields {
        if !numbered && *key > "sequence_number" {
            number(sequence, out);
            numbered = true;
        }
        put_key(key, out);
        match field {
            EventField::Text(text) => write_json_str(text, out),
            EventField::Number(value) => write_number(*value, out),
            EventField::Json(value) => write_json(value, out),
            EventField::Item(item) => write_json(&item.value, out),
        }
    }
    if !numbered {
        number(sequence, out);
    }
    out.put_slice(b"}");
    frames.end();
}

/// Appends an event that carries the response object.
pub(crate) fn write_object(name: &str, object: &impl Serialize, sequence: u64, frames: &mut dyn Frames) {
    let out = frames.begin(Some(name));
    head(name, out);
    put_key("response", out);
    write_json(object, out);
    number(sequence, out);
    out.put_slice(b"}");
    frames.end();
}

fn head(name: &str, out: &mut BytesMut) {
    out.put_slice(b"{\"type\":\"");
    out.put_slice(name.as_bytes());
    out.put_slice(b"\"");
}

fn put_key(key: &str, out: &mut BytesMut) {
    out.put_slice(b",\"");
    out.put_slice(key.as_bytes());
    out.put_slice(b"\":");
}

fn number(sequence: u64, out: &mut BytesMut) {
    out.put_slice(b",\"sequence_number\":");
    write_number(sequence, out);
}

/// The deltas of one text. Everything but the text, the obfuscation and the number is written once.
#[derive(Debug)]
pub(crate) struct Deltas {
    text: Arc<str>,
    /// Pieces still to come: (end in bytes, tokens).
    cuts: std::vec::IntoIter<(u32, u16)>,
    start: usize,
    name: &'static str,
    /// Up to the delta.
    before: Bytes,
    /// From the delta up to the obfuscation or `output_index`.
    middle: Bytes,
    /// From `output_index` up to the number.
    index: Bytes,
    after: Bytes,
    obfuscate: bool,
    /// Log probabilities of the tokens still to come; empty when none are shown.
    logprobs: std::vec::IntoIter<Value>,
}

/// Where a delta belongs.
#[derive(Debug, Clone, Default)]
pub(crate) struct Place<'a> {
    pub name: &'static str,
    /// Of a shell call.
    pub command_index: Option<usize>,
    pub content_index: Option<usize>,
    /// Events of a shell call's commands have none.
    pub item_id: Option<&'a str>,
    pub output_index: usize,
    pub summary_index: Option<usize>,
    /// Deltas of output text show `logprobs`, be they empty.
    pub logprobs: Option<Vec<Value>>,
    pub obfuscate: bool,
}

impl Deltas {
    /// Deltas for `text` from the byte `start` on, cut at `cuts`.
    pub(crate) fn new(place: Place<'_>, text: Arc<str>, start: usize, cuts: Vec<(u32, u16)>) -> Self {
        let mut before = BytesMut::with_capacity(128);
        head(place.name, &mut before);
        for (key, index) in [("command_index", place.command_index), ("content_index", place.content_index)] {
            if let Some(index) = index {
                put_key(key, &mut before);
                write_number(index as u64, &mut before);
            }
        }
        put_key("delta", &mut before);
        let mut middle = BytesMut::with_capacity(128);
        if let Some(id) = place.item_id {
            put_key("item_id", &mut middle);
            write_json_str(id, &mut middle);
        }
        if place.logprobs.is_some() {
            put_key("logprobs", &mut middle);
            middle.put_slice(b"[");
        }
        let mut index = BytesMut::with_capacity(48);
        put_key("output_index", &mut index);
        write_number(place.output_index as u64, &mut index);
        put_key("sequence_number", &mut index);
        let mut after = BytesMut::with_capacity(32);
        if let Some(summary) = place.summary_index {
            put_key("summary_index", &mut after);
            write_number(summary as u64, &mut after);
        }
        after.put_slice(b"}");
        Deltas {
            name: place.name,
            text,
            cuts: cuts.into_iter(),
            start,
            before: before.freeze(),
            middle: middle.freeze(),
            index: index.freeze(),
            after: after.freeze(),
            obfuscate: place.obfuscate,
            logprobs: place.logprobs.unwrap_or_default().into_iter(),
        }
    }

    /// Tokens of the next piece; `None` when there is none.
    pub(crate) fn next_tokens(&self) -> Option<u32> {
        self.cuts.as_slice().first().map(|(_, tokens)| u32::from(*tokens))
    }

    /// Appends the next delta; false when there is none.
    pub(crate) fn write(&mut self, sequence: u64, random: &mut Random, frames: &mut dyn Frames) -> bool {
        let Some((end, tokens)) = self.cuts.next() else { return false };
        let piece = self.text.get(self.start..end as usize).unwrap_or_default();
        self.start = end as usize;
        let out = frames.begin(Some(self.name));
        out.put_slice(&self.before);
        write_json_str(piece, out);
        out.put_slice(&self.middle);
        // A list was opened for the log probabilities, if any are shown.
        if self.middle.ends_with(b"[") {
            for (index, logprob) in self.logprobs.by_ref().take(usize::from(tokens)).enumerate() {
                if index > 0 {
                    out.put_slice(b",");
                }
                write_json(&logprob, out);
            }
            out.put_slice(b"]");
        }
        if self.obfuscate {
            out.put_slice(b",\"obfuscation\":\"");
            random.alphanumeric_into(padding(piece), out);
            out.put_slice(b"\"");
        }
        out.put_slice(&self.index);
        write_number(sequence, out);
        out.put_slice(&self.after);
        frames.end();
        true
    }
}

/// Characters that fill a delta up to a multiple of 16 (292 of 302 recorded streams; a full one gets none).
fn padding(piece: &str) -> usize {
    (16 - piece.chars().count() % 16) % 16
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::event::Lines;

    #[test]
    fn a_delta_reads_as_recorded() {
        // Recording 38c24e2ab23dcdaa, event 4.
        let place = Place {
            name: "response.output_text.delta",
            content_index: Some(0),
            item_id: Some("msg_1"),
            logprobs: Some(vec![]),
            obfuscate: true,
            ..Place::default()
        };
        let mut deltas = Deltas::new(place, "PARTIAL".into(), 0, vec![(4, 1), (7, 1)]);
        let mut out = Lines::default();
        assert_eq!(deltas.next_tokens(), Some(1));
        assert!(deltas.write(4, &mut Random::new(1), &mut out));
        let text = out.written();
        let (before, after) = (
            "event: response.output_text.delta\ndata: {\"type\":\"response.output_text.delta\",\"content_index\":0,\
             \"delta\":\"PART\",\"item_id\":\"msg_1\",\"logprobs\":[],\"obfuscation\":\"",
            "\",\"output_index\":0,\"sequence_number\":4}\n\n",
        );
        assert!(text.starts_with(before) && text.ends_with(after), "{text}");
        assert_eq!(text.len(), before.len() + 12 + after.len());
    }

    #[test]
    fn numbers_stand_where_the_alphabet_puts_them() {
        let mut out = Lines::default();
        let fields = [("item_id", EventField::Text("rs_1".into())), ("text", EventField::Text("a".into()))];
        write("response.x", &fields, 7, &mut out);
        let expected = "event: response.x\ndata: {\"type\":\"response.x\",\"item_id\":\"rs_1\",\"sequence_number\":7,\"text\":\"a\"}\n\n";
        assert_eq!(out.written(), expected);
    }

    #[test]
    fn padding_fills_to_sixteen() {
        assert_eq!([padding(""), padding("abc"), padding(&"x".repeat(16)), padding("ü")], [0, 13, 0, 15]);
    }
}
