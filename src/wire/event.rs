//! Events: what a streamed answer is made of. An event is JSON that may have a name; how it looks on the wire is its
//! transport's business, be it server-sent events or messages of a socket.

use crate::wire::error::ApiError;
use bytes::{BufMut, BytesMut};
use serde::Serialize;
use serde_json::Value;
use std::collections::VecDeque;
use std::pin::Pin;
use std::task::{Context, Poll};

/// Where events are written: a transport's frames.
pub(crate) trait Frames {
    /// An event begins. Its JSON is appended to what this gives, so that it is written once, where it leaves from;
    /// [`Frames::end`] ends it.
    fn begin(&mut self, name: Option<&str>) -> &mut BytesMut;

    /// The event that was begun is whole.
    fn end(&mut self);

    /// An event whose data is any text, be it no JSON or of several lines.
    fn text(&mut self, name: Option<&str>, text: &str) {
        self.begin(name).put_slice(text.as_bytes());
        self.end();
    }
}

/// Something that is done when it completes.
pub(crate) type Work = Pin<Box<dyn Future<Output = ()> + Send>>;

/// The events of one streamed answer, in order. The transport decides when each leaves.
pub(crate) trait Events: Send {
    /// Takes in what has come of a reply still arriving, until the next event is known; `Pending` = nothing new yet.
    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<()> {
        Poll::Ready(())
    }

    /// Tokens the next event carries, if it carries content and that is known: pace holds it back until its time.
    /// `None` = it leaves at once. Delivery asks once before each [`Events::poll_next`].
    fn next_content(&self) -> Option<u32>;

    /// Whether all content is out and only the end is left: a fault or a hold that waits for more strikes before it.
    fn is_closing(&self) -> bool;

    /// Writes the next event. `Ready(true)` = one event written; `Ready(false)` = the stream is over and nothing was
    /// written. `Pending` only while the reply is still arriving.
    fn poll_next(&mut self, context: &mut Context<'_>, out: &mut dyn Frames) -> Poll<bool>;

    /// What has to be done before anything more leaves, because the events say that it is done: a response that has ended
    /// is kept. Whoever delivers asks after every event it took, and waits for it.
    fn work(&mut self) -> Option<Work> {
        None
    }

    /// Ready once it was ended before its time, which is no fault: what is left of it leaves at once.
    fn poll_stopped(&mut self, _: &mut Context<'_>) -> Poll<()> {
        Poll::Pending
    }

    /// Writes this API's form of an error in mid-stream; the stream is over after it.
    fn write_error(&mut self, error: &ApiError, out: &mut dyn Frames);

    /// Whether no event says that the stream is over, now that it is: its transport has to, if it has a form for that.
    fn ends_silently(&self) -> bool {
        false
    }
}

/// Events that are all known, by name and data, as a script lists them. Each is content.
pub(crate) struct ListedEvents(pub VecDeque<(Option<String>, Value)>);

impl Events for ListedEvents {
    fn next_content(&self) -> Option<u32> {
        self.0.front().map(|_| 1)
    }

    fn is_closing(&self) -> bool {
        self.0.is_empty()
    }

    fn poll_next(&mut self, _: &mut Context<'_>, out: &mut dyn Frames) -> Poll<bool> {
        let Some((name, data)) = self.0.pop_front() else { return Poll::Ready(false) };
        match data {
            Value::String(text) => out.text(name.as_deref(), &text),
            data => {
                write_json(&data, out.begin(name.as_deref()));
                out.end();
            }
        }
        Poll::Ready(true)
    }

    fn write_error(&mut self, error: &ApiError, out: &mut dyn Frames) {
        write_error(error, out);
    }
}

/// Writes an error into the middle of a stream whose events have no names. Status stays 200 (real-traffic §2.3).
pub(crate) fn write_error(error: &ApiError, out: &mut dyn Frames) {
    write_json(&error.envelope(), out.begin(None));
    out.end();
}

/// Appends a number.
pub(crate) fn write_number(value: u64, out: &mut BytesMut) {
    out.put_slice(itoa::Buffer::new().format(value).as_bytes());
}

/// Appends a JSON string literal.
pub(crate) fn write_json_str(text: &str, out: &mut BytesMut) {
    // Nearly no piece of a text has anything to escape.
    if text.as_bytes().iter().all(|byte| *byte >= b' ' && *byte != b'"' && *byte != b'\\') {
        out.reserve(text.len() + 2);
        out.put_u8(b'"');
        out.put_slice(text.as_bytes());
        out.put_u8(b'"');
        return;
    }
    write_json(text, out);
}

/// Appends JSON.
pub(crate) fn write_json(value: &(impl Serialize + ?Sized), out: &mut BytesMut) {
    // Our own values always serialize, and writing to a BytesMut cannot fail.
    let _ = serde_json::to_writer(out.writer(), value);
}

/// Frames that are written for nobody.
#[derive(Default)]
pub(crate) struct Nowhere(BytesMut);

impl Frames for Nowhere {
    fn begin(&mut self, _: Option<&str>) -> &mut BytesMut {
        self.0.clear();
        &mut self.0
    }

    fn end(&mut self) {}
}

/// Events as lines of text, for tests.
#[cfg(test)]
#[derive(Default)]
pub(crate) struct Lines(BytesMut);

#[cfg(test)]
impl Lines {
    /// What was written so far.
    pub(crate) fn written(&self) -> String {
        String::from_utf8(self.0.to_vec()).expect("UTF-8")
    }
}

#[cfg(test)]
impl Frames for Lines {
    fn begin(&mut self, name: Option<&str>) -> &mut BytesMut {
        if let Some(name) = name {
            self.0.put_slice(format!("event: {name}\n").as_bytes());
        }
        self.0.put_slice(b"data: ");
        &mut self.0
    }

    fn end(&mut self) {
        self.0.put_slice(b"\n\n");
    }
}
