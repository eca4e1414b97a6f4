//! What an operation gives back: bytes in OpenAI's form, not yet delivered.

use crate::reply::RawBody;
use crate::reply::fault::Fault;
use crate::reply::pace::{Hold, Schedule};
use crate::wire::blob::Blob;
use crate::wire::error::ApiError;
use crate::wire::event::Events;
use bytes::Bytes;
use serde::Serialize;
use serde_json::ser::{Formatter, Serializer};
use std::io::{Result as Written, Write};
use std::ops::Range;
use std::time::Duration;

/// An answer in its wire form. Status, headers every answer has, pace and faults are the server's business.
pub(crate) struct Answer {
    pub status: u16,
    /// Beside the usual ones.
    pub headers: Vec<(String, String)>,
    pub body: Body,
    /// When and how it leaves; `None` = at once and whole. Boxed: most answers are handed on without one.
    pub delivery: Option<Box<Delivery>>,
}

/// Tells clients that poll to come back in 10 ms, not in 5 s.
pub(crate) fn poll_soon() -> (String, String) {
    ("openai-poll-after-ms".into(), "10".into())
}

/// When the bytes of an answer leave, and what goes wrong on the way.
#[derive(Debug, Clone)]
pub(crate) struct Delivery {
    /// Before anything of an unstreamed answer.
    pub wait: Duration,
    /// Deadlines of a stream's pieces.
    pub schedule: Schedule,
    pub hold: Option<Hold>,
    /// A stream that says nothing for so long says so.
    pub keep_alive: Option<Duration>,
    pub fault: Option<Fault>,
    /// What a fault `error` says in mid-stream.
    pub error: Option<ApiError>,
}

/// The body of an answer.
pub(crate) enum Body {
    /// `application/json`.
    Json(Bytes),
    /// Anything else: content type, bytes.
    Bytes(&'static str, Bytes),
    /// Bytes that may be many, read as they leave: content type, blob, and which of it.
    File(&'static str, Blob, Range<u64>),
    /// A stream: `text/event-stream` over HTTP.
    Events(Box<dyn Events>),
    /// As scripted, with its own chunk borders.
    Raw(RawBody),
    /// A scripted error: refused like any other, but with its own pace and fault.
    Error(ApiError),
    /// No body at all.
    Empty,
}

impl Body {
    /// Whether it leaves in one piece, so that what holds back a stream's pieces holds back all of it.
    pub(crate) fn is_whole(&self) -> bool {
        let streams = matches!(self, Body::Raw(RawBody::Sse(_) | RawBody::Chunks(_) | RawBody::Passing(_)));
        !matches!(self, Body::Events(_)) && !streams
    }
}

impl Answer {
    /// 200 with an object as JSON that may change by itself: while it does, clients that poll are told to come back soon.
    pub(crate) fn polled(object: &impl Serialize, changes: bool) -> Self {
        Answer { headers: changes.then(poll_soon).into_iter().collect(), ..Answer::json(object) }
    }

    /// 200 with this body.
    pub(crate) fn ok(body: Body) -> Self {
        Answer { status: 200, headers: Vec::new(), body, delivery: None }
    }

    /// 200 with JSON as OpenAI prints it, without a final newline.
    pub(crate) fn json(value: &impl Serialize) -> Self {
        Answer::ok(Body::Json(pretty(value, false)))
    }

    /// 200 with JSON and the final newline that chat, completions, embeddings and files have (real-traffic §2.1).
    pub(crate) fn json_line(value: &impl Serialize) -> Self {
        Answer::ok(Body::Json(pretty(value, true)))
    }
}

/// JSON with 2-space indentation, as every non-stream answer has it (real-traffic §2.1).
pub(crate) fn pretty(value: &impl Serialize, newline: bool) -> Bytes {
    indented(value, 2, newline)
}

/// JSON with an indentation of so many spaces.
pub(crate) fn indented(value: &impl Serialize, spaces: usize, newline: bool) -> Bytes {
    let mut out = Vec::with_capacity(1024);
    let mut serializer = Serializer::with_formatter(&mut out, IndentedFormatter { spaces, indent: 0, filled: false });
    // Our own values always serialize: string keys, no failing Serialize impls.
    if value.serialize(&mut serializer).is_err() {
        out.clear();
    }
    if newline {
        out.push(b'\n');
    }
    out.into()
}

/// As serde_json's own, which writes each step of an indentation by itself: a comma, a line's end and all of its
/// indentation are one piece here.
struct IndentedFormatter {
    spaces: usize,
    indent: usize,
    /// There is something between the brackets.
    filled: bool,
}

impl IndentedFormatter {
    fn line(&self, out: &mut (impl Write + ?Sized), comma: bool) -> Written<()> {
        /// What lines begin with, deep as they are.
        const BEGINNING: &[u8; 66] = b",\n                                                                ";
        let deep = self.indent.saturating_sub(BEGINNING.len() - 2);
        out.write_all(&BEGINNING[usize::from(!comma)..2 + self.indent - deep])?;
        (0..deep).try_for_each(|_| out.write_all(b" "))
    }

    fn open(&mut self, out: &mut (impl Write + ?Sized), bracket: &[u8]) -> Written<()> {
        self.indent += self.spaces;
        self.filled = false;
        out.write_all(bracket)
    }

    fn close(&mut self, out: &mut (impl Write + ?Sized), bracket: &[u8]) -> Written<()> {
        self.indent -= self.spaces;
        if self.filled {
            self.line(out, false)?;
        }
        out.write_all(bracket)
    }
}

impl Formatter for IndentedFormatter {
    fn begin_array<W: Write + ?Sized>(&mut self, out: &mut W) -> Written<()> {
        self.open(out, b"[")
    }

    fn end_array<W: Write + ?Sized>(&mut self, out: &mut W) -> Written<()> {
        self.close(out, b"]")
    }

    fn begin_array_value<W: Write + ?Sized>(&mut self, out: &mut W, first: bool) -> Written<()> {
        self.line(out, !first)
    }

    fn end_array_value<W: Write + ?Sized>(&mut self, _: &mut W) -> Written<()> {
        self.filled = true;
        Ok(())
    }

    fn begin_object<W: Write + ?Sized>(&mut self, out: &mut W) -> Written<()> {
        self.open(out, b"{")
    }

    fn end_object<W: Write + ?Sized>(&mut self, out: &mut W) -> Written<()> {
        self.close(out, b"}")
    }

    fn begin_object_key<W: Write + ?Sized>(&mut self, out: &mut W, first: bool) -> Written<()> {
        self.line(out, !first)
    }

    fn begin_object_value<W: Write + ?Sized>(&mut self, out: &mut W) -> Written<()> {
        out.write_all(b": ")
    }

    fn end_object_value<W: Write + ?Sized>(&mut self, _: &mut W) -> Written<()> {
        self.filled = true;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::ser::PrettyFormatter;
    use serde_json::{Value, json};

    #[test]
    fn lines_are_indented_as_the_library_does() {
        let mut deep = json!({"end": [[], {}, null]});
        for _ in 0..40 {
            deep = json!({"a": [deep, 1, {}], "b": "x\ny", "": []});
        }
        for value in [json!({}), json!([]), json!([[], {}]), json!("a"), json!({"a": [1, {"b": null}]}), deep] {
            for spaces in [2, 4] {
                let mut expected = Vec::new();
                let indent = " ".repeat(spaces);
                let formatter = PrettyFormatter::with_indent(indent.as_bytes());
                value.serialize(&mut Serializer::with_formatter(&mut expected, formatter)).expect("it is a value");
                assert_eq!(indented(&value, spaces, false), expected, "{}", String::from_utf8_lossy(&expected));
            }
        }
        assert_eq!(pretty(&Value::Null, true), &b"null\n"[..]);
    }
}
