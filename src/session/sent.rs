//! What left of an answer, and when: for people who look at it. Kept only where somebody may look.

use crate::clock;
use crate::redact;
use crate::redact::spread::without;
use crate::redact::veil::Veil;
use crate::redact::view::AnswerView;
use crate::wire::headers::Headers;
use base64::prelude::{BASE64_STANDARD, Engine};
use serde_json::{Map, Value, json};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

/// Bytes kept of one answer; of the rest only how many they are.
const KEPT: usize = 64 * 1024;

/// Pieces kept of one answer.
const PIECES: usize = 4_096;

/// The answer of an exchange as it left.
#[derive(Debug, Default)]
pub(crate) struct SentLog(Mutex<SentState>);

#[derive(Debug, Default)]
struct SentState {
    headers: Headers,
    /// When a piece left, in the world's time, and where it ends.
    pieces: Vec<(Duration, usize)>,
    kept: Vec<u8>,
    /// All bytes that left.
    bytes: u64,
    /// Nothing more is kept.
    over: bool,
    /// Something is not.
    truncated: bool,
    /// Looks at them, from the first piece on.
    view: Option<AnswerView>,
    /// Hides a key that they say together.
    veil: Option<Arc<Veil>>,
}

impl SentLog {
    fn state(&self) -> MutexGuard<'_, SentState> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The head leaves. Gives the bytes that are kept of it.
    pub(crate) fn head(&self, headers: Headers) -> usize {
        let kept = headers.size();
        self.state().headers = headers;
        kept
    }

    /// A piece leaves; `room` = there is room for it, `veil` = hides what is never kept. Gives the bytes that are kept of it.
    pub(crate) fn piece(&self, bytes: &[u8], room: bool, veil: Option<&Arc<Veil>>) -> usize {
        let mut locked = self.state();
        let state = &mut *locked;
        state.bytes += bytes.len() as u64;
        // What comes after a gap would be shown as if it followed.
        state.over |= !room || state.pieces.len() >= PIECES;
        if state.over {
            state.truncated |= !bytes.is_empty();
            return 0;
        }
        let codings = || state.headers.all("content-encoding");
        let view = state.view.get_or_insert_with(|| AnswerView::of(veil.cloned(), codings(), KEPT));
        state.veil = state.veil.take().or_else(|| veil.cloned());
        let shown = view.next(bytes);
        let room = KEPT - state.kept.len();
        state.truncated |= shown.len() > room;
        let kept = shown.get(..room).unwrap_or(&shown);
        if kept.is_empty() {
            return 0;
        }
        state.kept.extend_from_slice(kept);
        let end = state.kept.len();
        state.pieces.push((clock::world(), end));
        kept.len() + size_of::<(Duration, usize)>()
    }

    /// As the control room shows it; times are those since `arrived`. Server-sent events are shown one by one.
    pub(crate) fn to_json(&self, arrived: Duration) -> Value {
        let state = self.state();
        let kind = state.headers.all("content-type").next();
        let events = kind.is_some_and(|kind| kind.starts_with("text/event-stream"));
        let mut shown = Vec::new();
        let mut from = 0;
        // The last one has what may still become a key.
        let view = state.view.as_ref().filter(|_| !state.truncated);
        let all = [&*state.kept, view.map_or(&[][..], AnswerView::rest)].concat();
        let cuts = state.veil.as_ref().map(|veil| veil.spread(&all)).unwrap_or_default();
        let last = state.pieces.last().map(|(_, end)| *end);
        for (at, end) in &state.pieces {
            let at = at.saturating_sub(arrived).as_secs_f64() * 1_000.0;
            let to = if Some(*end) == last { all.len() } else { *end };
            let piece = without(&all, from..to, &cuts);
            from = to;
            let text = std::str::from_utf8(&piece);
            match text {
                Ok(text) if events => {
                    shown.extend(text.split_inclusive("\n\n").map(|event| json!({"at_ms": at, "text": event})));
                }
                Ok(text) => shown.push(json!({"at_ms": at, "text": text})),
                Err(_) => shown.push(json!({"at_ms": at, "base64": BASE64_STANDARD.encode(piece)})),
            }
        }
        let open = |name: &str, value| if redact::is_secret(name) { "…" } else { value };
        let headers: Map<String, Value> =
            state.headers.iter().map(|(name, value)| (name.to_string(), open(name, value).into())).collect();
        json!({"headers": headers, "events": shown, "bytes": state.bytes, "truncated": state.truncated})
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::value::Holds;
    use hyper::header::{HeaderMap, HeaderName, HeaderValue};

    #[test]
    fn events_are_shown_one_by_one_and_what_is_too_much_is_counted() {
        let log = SentLog::default();
        let head = [("content-type", "text/event-stream"), ("set-cookie", "secret")];
        let head = head.map(|(name, value)| (HeaderName::from_static(name), HeaderValue::from_static(value)));
        log.head(Headers::of(&HeaderMap::from_iter(head)));
        log.piece(b"data: 1\n\ndata: 2\n\n", true, None);
        log.piece(b"data: 3\n\n", true, None);
        let shown = log.to_json(Duration::ZERO);
        let texts: Vec<&Value> = shown["events"].elements().map(|event| &event["text"]).collect();
        assert_eq!(texts, ["data: 1\n\n", "data: 2\n\n", "data: 3\n\n"]);
        assert_eq!((&shown["bytes"], &shown["truncated"]), (&json!(27), &json!(false)));
        assert!(!shown.to_string().contains("secret"), "{shown}");
        assert_eq!(shown["headers"], json!({"content-type": "text/event-stream", "set-cookie": "…"}));
        log.piece(&vec![b'x'; KEPT], true, None);
        assert_eq!(log.piece(b"more", true, None), 0);
        let shown = log.to_json(Duration::ZERO);
        assert_eq!((&shown["bytes"], &shown["truncated"]), (&json!(31 + KEPT), &json!(true)));
        let binary = SentLog::default();
        binary.piece(&[0xff, 0], true, None);
        assert_eq!(binary.to_json(Duration::ZERO)["events"][0]["base64"], "/wA=");
        assert_eq!((binary.piece(b"no room", false, None), binary.piece(b"room again", true, None)), (0, 0));
        let shown = binary.to_json(Duration::ZERO);
        assert_eq!((shown["events"].as_array().map(Vec::len), &shown["truncated"]), (Some(1), &json!(true)));
    }
}
