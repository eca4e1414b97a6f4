//! Messages of a socket: how the events of an answer look there. Each is one message; its lane stands in it.

use crate::clock::Mode;
use crate::exchange::run::Answered;
use crate::reply::RawBody;
use crate::server::body::{BodySource, Cut, Framing, Timed};
use crate::server::deliver::{begin, broken_whole, skip_wait};
use crate::server::socket::Control;
use crate::server::through::Through;
use crate::turn::answer::Body;
use crate::turn::answer::Delivery;
use crate::wire::event::Frames;
use crate::wire::event::ListedEvents;
use crate::wire::event::write_json;
use bytes::{BufMut, Bytes, BytesMut};
use serde_json::{Value, json};
use std::collections::VecDeque;
use std::sync::Arc;
use tokio_tungstenite::tungstenite::{Message, Utf8Bytes};

/// Events as messages of one lane.
#[derive(Default)]
pub(super) struct Messages {
    lane: String,
    /// The message that is being written.
    buffer: BytesMut,
    ready: VecDeque<Message>,
    /// Whether the answer failed, as far as it was framed.
    pub failed: bool,
}

impl Frames for Messages {
    fn begin(&mut self, name: Option<&str>) -> &mut BytesMut {
        self.failed |= matches!(name, Some("error" | "response.failed"));
        &mut self.buffer
    }

    fn end(&mut self) {
        // What is no object cannot say its lane.
        if !self.lane.is_empty() && self.buffer.ends_with(b"}") {
            self.buffer.truncate(self.buffer.len() - 1);
            let before: &[u8] = if self.buffer.ends_with(b"{") { b"\"stream_id\":" } else { b",\"stream_id\":" };
            self.buffer.put_slice(before);
            write_json(self.lane.as_str(), &mut self.buffer);
            self.buffer.put_slice(b"}");
        }
        let event = self.buffer.split().freeze();
        self.bytes(event);
    }
}

impl Framing for Messages {
    type Frame = Message;

    fn bytes(&mut self, bytes: Bytes) {
        let text = Utf8Bytes::try_from(bytes.clone());
        self.ready.push_back(text.map_or_else(|_| Message::Binary(bytes), Message::Text));
    }

    /// The last event says it.
    fn done(&mut self) {}

    fn is_empty(&self) -> bool {
        self.ready.is_empty()
    }

    fn is_full(&self) -> bool {
        !self.ready.is_empty()
    }

    fn content(frame: &Message) -> &[u8] {
        match frame {
            Message::Text(text) => text.as_bytes(),
            Message::Binary(bytes) => bytes,
            _ => &[],
        }
    }

    fn take(&mut self) -> Option<Message> {
        self.ready.pop_front()
    }
}

/// One event as a message of a lane.
pub(super) fn of(event: &Value, lane: &str) -> Message {
    let mut messages = Messages { lane: lane.into(), ..Messages::default() };
    write_json(event, messages.begin(None));
    messages.end();
    messages.take().unwrap_or_else(|| Message::text(""))
}

/// An error in the form of this socket.
pub(super) fn error_event(status: u16, error: &Value) -> Value {
    json!({"type": "error", "status": status, "error": error})
}

/// An answer's messages, from the moment it may begin.
///
/// # Errors
/// The script cuts the connection before that.
pub(super) async fn send(mut answered: Answered, control: Arc<Control>, lane: &str) -> Result<Timed<Messages>, Cut> {
    let streams = matches!(
        answered.answer.body,
        Body::Events(_) | Body::Raw(RawBody::Sse(_) | RawBody::Chunks(_) | RawBody::Events(_) | RawBody::Passing(_))
    );
    let (begun, status) = begin(&mut answered, !streams, &control).await?;
    let Answered { answer, live, .. } = answered;
    if let (Body::Error(error), Mode::Instant) = (&answer.body, live.session.clock.mode()) {
        let wait = error.headers.iter().find(|(name, _)| name == "retry-after-ms");
        skip_wait(&live.session, wait.map(|(_, value)| value.as_str()));
    }
    // What is no stream has no pace of its own, and breaks before its first message or not at all.
    let whole = |mut delivery: Box<Delivery>| {
        delivery.fault = delivery.fault.map(broken_whole);
        delivery
    };
    let delivery = match streams {
        true => answer.delivery,
        false => answer.delivery.filter(|delivery| delivery.fault.is_some()).map(whole),
    };
    let source = match answer.body {
        Body::Events(events) => BodySource::Events(events),
        Body::Raw(RawBody::Chunks(chunks)) => {
            BodySource::Chunks(chunks.into_iter().rev().map(|(at, bytes)| (at, Bytes::from(bytes))).collect())
        }
        Body::Raw(RawBody::Sse(events)) => BodySource::Events(Box::new(ListedEvents(events.into()))),
        Body::Raw(RawBody::Events(events)) => written(events),
        Body::Raw(RawBody::Passing(bytes)) => {
            BodySource::Passing(Box::new(Through::new(bytes.take(), live.exchange.clone(), &answer.headers)))
        }
        Body::Raw(RawBody::Json(value)) => written(frames(value, status)),
        Body::Raw(RawBody::Text(text)) => written(
            serde_json::from_str(&text).map_or_else(|_| vec![Value::String(text)], |value| frames(value, status)),
        ),
        Body::Error(error) => written(vec![error_event(status, &error.inner())]),
        Body::Json(bytes) | Body::Bytes(_, bytes) => {
            written(frames(serde_json::from_slice(&bytes).unwrap_or_default(), status))
        }
        Body::File(_, blob, range) => {
            let bytes = blob.stretch(range.start, range.end - range.start).unwrap_or_default();
            written(frames(serde_json::from_slice(&bytes).unwrap_or_default(), status))
        }
        // Silence would leave the client waiting.
        Body::Raw(RawBody::Empty) | Body::Empty => written(vec![error_event(status, &Value::Null)]),
    };
    let messages = Messages { lane: lane.into(), failed: status >= 400, ..Messages::default() };
    Ok(Timed::new(messages, source, delivery, begun, live, control))
}

/// Events without names.
fn written(events: Vec<Value>) -> BodySource {
    BodySource::Events(Box::new(ListedEvents(events.into_iter().map(|event| (None, event)).collect())))
}

/// What an answer that is no stream sends: each of a list's elements, an error in the form of this socket.
fn frames(value: Value, status: u16) -> Vec<Value> {
    match value {
        Value::Array(frames) => frames,
        Value::Object(map) if map.contains_key("error") => vec![error_event(status, &map["error"])],
        other => vec![other],
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn messages_name_their_lane() {
        let framed = |event: Value, lane| of(&event, lane).to_string();
        assert_eq!(framed(json!({"a": 1}), "x"), r#"{"a":1,"stream_id":"x"}"#);
        assert_eq!(framed(json!({"a": 1}), ""), r#"{"a":1}"#);
        assert_eq!(framed(json!({}), "x"), r#"{"stream_id":"x"}"#);
        assert_eq!(framed(json!([1]), "x"), "[1]");
    }

    #[test]
    fn each_event_is_a_message_and_names_tell_that_it_failed() {
        let mut messages = Messages::default();
        messages.text(Some("response.created"), "{}");
        assert!(!messages.failed && messages.is_full());
        messages.text(Some("response.failed"), "{}");
        assert!(messages.failed);
        let taken: Vec<Message> = std::iter::from_fn(|| messages.take()).collect();
        assert_eq!(taken, [Message::text("{}"), Message::text("{}")]);
        messages.bytes(Bytes::from_static(b"\xff"));
        assert_eq!(messages.take(), Some(Message::binary(vec![0xff])));
    }
}
