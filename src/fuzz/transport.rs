//! A transport within the process: it asks [`exchange::run`](crate::exchange::run) and takes the answer as it is. Neither
//! HTTP nor a socket is needed for that, and no clock is waited for.

use crate::emulator::Emulator;
use crate::exchange::run::{Answered, Asked, run};
use crate::reply::RawBody;
use crate::session::exchange::Record;
use crate::turn::answer::Body;
use crate::wire::error::ApiError;
use crate::wire::event::{Events, Frames};
use bytes::{Bytes, BytesMut};
use serde::de::IgnoredAny;
use std::future::poll_fn;
use std::sync::Arc;

/// Events of one answer at most; a script of the largest size has fewer.
const MOST_EVENTS: usize = 1_000_000;

/// What came of a request.
pub(crate) struct Delivered {
    pub(crate) status: u16,
    /// Those of the answer; what all answers have its transport adds.
    pub(crate) headers: Vec<(String, String)>,
    /// The body; of events, a line for each: its name and its JSON.
    pub(crate) text: String,
    pub(crate) request_id: String,
    pub(crate) record: Record,
}

/// Asks, and hears all of the answer.
pub(crate) async fn ask(emulator: &Arc<Emulator>, asked: Asked) -> Delivered {
    let Answered { answer, live, .. } = run(emulator, asked).await;
    let mut headers = answer.headers;
    let (status, text) = match answer.body {
        Body::Json(bytes) => {
            assert!(serde_json::from_slice::<IgnoredAny>(&bytes).is_ok(), "no JSON: {bytes:?}");
            (answer.status, shown(&bytes))
        }
        Body::Error(error) => {
            headers.extend(error.headers.iter().cloned());
            (error.status, refused(&error))
        }
        Body::Events(mut events) => (answer.status, written(&mut *events).await),
        Body::Bytes(_, bytes) => (answer.status, shown(&bytes)),
        Body::File(_, blob, range) => {
            let bytes = blob.stretch(range.start, range.end - range.start).expect("it is kept");
            (answer.status, shown(&bytes))
        }
        Body::Raw(RawBody::Json(value)) => (answer.status, value.to_string()),
        Body::Raw(raw) => (answer.status, format!("{raw:?}")),
        Body::Empty => (answer.status, String::new()),
    };
    live.exchange.complete();
    Delivered { status, headers, text, request_id: live.exchange.request_id.clone(), record: live.exchange.record() }
}

fn shown(bytes: &Bytes) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

/// An error as text, which must be one that a client can do something with.
fn refused(error: &ApiError) -> String {
    assert!((400..600).contains(&error.status) && !error.message.is_empty(), "{error:?}");
    assert_ne!(error.code.as_deref(), Some("emulator_panicked"));
    error.envelope().to_string()
}

/// What a stream says, event by event.
async fn written(events: &mut dyn Events) -> String {
    let mut lines = EventLines::default();
    for _ in 0..MOST_EVENTS {
        poll_fn(|context| events.poll_ready(context)).await;
        let _ = (events.next_content(), events.is_closing());
        let more = poll_fn(|context| events.poll_next(context, &mut lines)).await;
        if let Some(work) = events.work() {
            work.await;
        }
        if !more {
            return String::from_utf8_lossy(&lines.all).into_owned();
        }
    }
    panic!("more than {MOST_EVENTS} events");
}

/// Events as lines of text.
#[derive(Default)]
struct EventLines {
    event: BytesMut,
    all: BytesMut,
}

impl Frames for EventLines {
    fn begin(&mut self, name: Option<&str>) -> &mut BytesMut {
        self.all.extend_from_slice(name.unwrap_or_default().as_bytes());
        self.event.clear();
        &mut self.event
    }

    fn end(&mut self) {
        assert!(serde_json::from_slice::<IgnoredAny>(&self.event).is_ok(), "no JSON: {:?}", self.event);
        self.all.extend_from_slice(&self.event);
        self.all.extend_from_slice(b"\n");
    }

    fn text(&mut self, name: Option<&str>, text: &str) {
        self.all.extend_from_slice(name.unwrap_or_default().as_bytes());
        self.all.extend_from_slice(text.as_bytes());
        self.all.extend_from_slice(b"\n");
    }
}
