//! Server-sent events: how the events of an answer look in an HTTP body.

use crate::server::body::Framing;
use crate::wire::event::Frames;
use bytes::{BufMut, Bytes, BytesMut};

/// A frame is full at this size; more events wait for the next one.
const FRAME: usize = 16 * 1024;

/// Events as `event:` and `data:` lines, in one buffer until they leave. No allocation per event.
#[derive(Default)]
pub(crate) struct Sse(BytesMut);

impl Frames for Sse {
    fn begin(&mut self, name: Option<&str>) -> &mut BytesMut {
        if let Some(name) = name {
            self.0.put_slice(b"event: ");
            self.0.put_slice(name.as_bytes());
            self.0.put_slice(b"\n");
        }
        self.0.put_slice(b"data: ");
        &mut self.0
    }

    fn end(&mut self) {
        self.0.put_slice(b"\n\n");
    }

    fn text(&mut self, name: Option<&str>, text: &str) {
        let mut lines = text.split('\n');
        self.begin(name).put_slice(lines.next().unwrap_or_default().as_bytes());
        for line in lines {
            self.0.put_slice(b"\ndata: ");
            self.0.put_slice(line.as_bytes());
        }
        self.end();
    }
}

impl Framing for Sse {
    type Frame = Bytes;

    fn bytes(&mut self, bytes: Bytes) {
        self.0.put_slice(&bytes);
    }

    fn done(&mut self) {
        self.0.put_slice(b"data: [DONE]\n\n");
    }

    fn alive(&mut self) {
        self.0.put_slice(b": keep-alive\n\n");
    }

    fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    fn is_full(&self) -> bool {
        self.0.len() >= FRAME
    }

    fn content(frame: &Bytes) -> &[u8] {
        frame
    }

    fn take(&mut self) -> Option<Bytes> {
        (!self.0.is_empty()).then(|| self.0.split().freeze())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn events_are_lines_and_their_names_come_first() {
        let mut out = Sse::default();
        out.begin(Some("a")).put_slice(b"{}");
        out.end();
        out.begin(None).put_slice(b"1");
        out.end();
        // A line break would end the data: each line is data of the same event.
        out.text(Some("b"), "two\nlines\n");
        out.done();
        let expected = "event: a\ndata: {}\n\ndata: 1\n\nevent: b\ndata: two\ndata: lines\ndata: \n\ndata: [DONE]\n\n";
        assert_eq!(out.take(), Some(Bytes::from_static(expected.as_bytes())));
        assert!(out.is_empty() && out.take().is_none());
    }
}
