//! What an operation gives back: bytes in OpenAI's form, not yet delivered.

use super::error::ApiError;
use crate::reply::RawBody;
use crate::reply::fault::Fault;
use crate::reply::pace::{Hold, Schedule};
use bytes::{BufMut, Bytes, BytesMut};
use serde::Serialize;
use serde_json::ser::{PrettyFormatter, Serializer};
use std::task::{Context, Poll};
use std::time::Duration;

/// An answer in its wire form. Status, headers every answer has, pace and faults are the server's business.
pub struct Answer {
    pub status: u16,
    /// Beside the usual ones.
    pub headers: Vec<(String, String)>,
    pub body: Body,
    /// When and how it leaves; `None` = at once and whole.
    pub delivery: Option<Delivery>,
}

/// When the bytes of an answer leave, and what goes wrong on the way.
#[derive(Debug, Clone)]
pub struct Delivery {
    /// Before anything of an unstreamed answer.
    pub wait: Duration,
    /// Deadlines of a stream's pieces.
    pub schedule: Schedule,
    pub hold: Option<Hold>,
    pub fault: Option<Fault>,
    /// What a fault `error` says in mid-stream.
    pub error: Option<ApiError>,
}

/// The body of an answer.
pub enum Body {
    /// `application/json`.
    Json(Bytes),
    /// Anything else: content type, bytes.
    Bytes(&'static str, Bytes),
    /// `text/event-stream`.
    Events(Box<dyn Events>),
    /// As scripted, with its own chunk borders.
    Raw(RawBody),
    /// A scripted error: refused like any other, but with its own pace and fault.
    Error(ApiError),
    /// No body at all.
    Empty,
}

impl Answer {
    /// 200 with this body.
    pub fn ok(body: Body) -> Self {
        Answer { status: 200, headers: Vec::new(), body, delivery: None }
    }

    /// 200 with JSON as OpenAI prints it, without a final newline.
    pub fn json(value: &impl Serialize) -> Self {
        Answer::ok(Body::Json(pretty(value, false)))
    }

    /// 200 with JSON and the final newline that chat, completions, embeddings and files have (real-traffic §2.1).
    pub fn json_line(value: &impl Serialize) -> Self {
        Answer::ok(Body::Json(pretty(value, true)))
    }
}

/// JSON with 2-space indentation, as every non-stream answer has it (real-traffic §2.1).
pub fn pretty(value: &impl Serialize, newline: bool) -> Bytes {
    indented(value, b"  ", newline)
}

/// JSON with this indentation.
pub fn indented(value: &impl Serialize, indent: &[u8], newline: bool) -> Bytes {
    let mut out = Vec::with_capacity(1024);
    let mut serializer = Serializer::with_formatter(&mut out, PrettyFormatter::with_indent(indent));
    // Our own values always serialize: string keys, no failing Serialize impls.
    if value.serialize(&mut serializer).is_err() {
        out.clear();
    }
    if newline {
        out.push(b'\n');
    }
    out.into()
}

/// The events of one streamed answer, in order. The server decides when each leaves.
pub trait Events: Send {
    /// Takes in what has come of a reply still arriving, until the next event is known; `Pending` = nothing new yet.
    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<()> {
        Poll::Ready(())
    }

    /// Tokens the next event carries, if it carries content and that is known: pace holds it back until its time.
    /// `None` = it leaves at once. Delivery asks once before each [`Events::poll_next`].
    fn next_content(&self) -> Option<u32>;

    /// Whether all content is out and only the end is left: a fault or a hold that waits for more strikes before it.
    fn is_closing(&self) -> bool;

    /// Appends the next event, whole, to `out`. `Ready(true)` = one event written; `Ready(false)` = the stream is over
    /// and nothing was written. `Pending` only while the reply is still arriving.
    fn poll_next(&mut self, context: &mut Context<'_>, out: &mut BytesMut) -> Poll<bool>;

    /// Appends this API's form of an error in mid-stream; the stream is over after it.
    fn write_error(&mut self, error: &ApiError, out: &mut BytesMut);
}

/// Appends an error in the middle of a stream of `data:` lines. Status stays 200, no `[DONE]` (real-traffic §2.3).
pub fn write_error_line(error: &ApiError, out: &mut BytesMut) {
    out.extend_from_slice(format!("data: {}\n\n", error.envelope()).as_bytes());
}

/// Appends a number.
pub fn write_number(value: u64, out: &mut BytesMut) {
    out.put_slice(itoa::Buffer::new().format(value).as_bytes());
}

/// Appends a JSON string literal.
pub fn write_json_str(text: &str, out: &mut BytesMut) {
    // Writing to a BytesMut cannot fail.
    let _ = serde_json::to_writer(out.writer(), text);
}
