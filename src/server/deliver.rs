//! From an answer to a response: status, headers, and the body that delivers it.

use crate::clock::Mode;
use crate::emulator::Emulator;
use crate::exchange::run::Answered;
use crate::options::Profile;
use crate::reply::RawBody;
use crate::reply::fault::{At, Fault, FaultKind};
use crate::runtime;
use crate::server::azure_headers;
use crate::server::body::{BodySource, Cut, ResponseBody};
use crate::server::file::FileBody;
use crate::server::headers;
use crate::server::socket::{Control, Ending};
use crate::server::through::Through;
use crate::server::zipped::zipped;
use crate::session::exchange::Outcome;
use crate::session::exchange::Record;
use crate::session::exchange::Waiting;
use crate::session::{Live, Session};
use crate::turn::answer::Answer;
use crate::turn::answer::Body;
use crate::turn::answer::indented;
use crate::turn::answer::pretty;
use crate::wire::error::ApiError;
use crate::wire::error::Style;
use crate::wire::event::ListedEvents;
use crate::wire::headers::Headers;
use bytes::Bytes;
use hyper::header::{CONTENT_TYPE, HeaderName, HeaderValue};
use hyper::{Response, StatusCode};
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

/// Waits until the answer may begin, and says so: the moment it begins, in session time, and its status. `whole` = it
/// leaves in one piece, so that what holds back a stream's pieces holds back all of it. If its session ends meanwhile, the
/// answer is that.
///
/// # Errors
/// The script cuts the connection before that.
pub(super) async fn begin(answered: &mut Answered, whole: bool, control: &Control) -> Result<(Duration, u16), Cut> {
    let watch = answered.live.watch();
    let held = {
        let held = pin!(hold_back(answered, whole, control));
        watch.over(held).await
    };
    let begun = match held {
        Ok(begun) => begun?,
        Err(ended) => {
            answered.answer = Answer::ok(Body::Error(answered.live.let_go(ended)));
            answered.live.session.clock.now()
        }
    };
    Ok((begun, answered.begin()))
}

/// Waits until the answer may begin: the moment it begins.
async fn hold_back(answered: &mut Answered, whole: bool, control: &Control) -> Result<Duration, Cut> {
    let Answered { answer, live, edge, started, .. } = answered;
    let Answer { body, delivery, .. } = answer;
    let clock = &live.session.clone().clock;
    if live.exchange.is_cut() && !matches!(body, Body::Events(_) | Body::Raw(RawBody::Passing(_))) {
        control.end(Ending::Reset);
        live.exchange.note(|record| struck(record, "a person cut the connection"));
        live.complete();
        return Err(Cut);
    }
    if let Some(delivery) = delivery {
        live.sleep_until(*started + delivery.wait).await;
        match &delivery.fault {
            Some(Fault { at: At::Connect, kind: FaultKind::Stall(None) }) => {
                live.exchange.note(|record| struck(record, "the script never answers"));
                live.exchange.wait_for(Some(Waiting::Client));
                // Until the client leaves: this future goes with its connection.
                std::future::pending::<()>().await;
            }
            Some(Fault { at: At::Connect, kind: FaultKind::Stall(Some(ms)) }) => {
                live.sleep_until(clock.now() + Duration::from_millis(*ms)).await;
                delivery.fault = None;
            }
            Some(Fault { at: At::Connect, kind: kind @ (FaultKind::Disconnect | FaultKind::Close) }) => {
                control.end(if matches!(kind, FaultKind::Close) { Ending::Close } else { Ending::Reset });
                live.exchange.note(|record| struck(record, "the script ended the connection before the answer"));
                live.complete();
                return Err(Cut);
            }
            _ => {}
        }
        if let Some(hold) = delivery.hold.take_if(|_| whole) {
            live.until_released(hold.until).await;
        }
    }
    let begun = clock.now();
    let keeps_alive = delivery.as_ref().is_some_and(|delivery| delivery.keep_alive.is_some());
    if edge.headers_wait && !keeps_alive && matches!(body, Body::Events(_) | Body::Raw(RawBody::Sse(_))) {
        if let Body::Events(events) = body {
            std::future::poll_fn(|context| events.poll_ready(context)).await;
        }
        let first = delivery.as_ref().map_or(Duration::ZERO, |delivery| delivery.schedule.first());
        live.sleep_until(begun + first).await;
    }
    Ok(begun)
}

/// Turns an answer into a response; `accepted` are the encodings that the client takes.
pub(super) async fn deliver(
    emulator: &Emulator,
    mut answered: Answered,
    control: Arc<Control>,
    accepted: &str,
) -> Result<Response<ResponseBody>, Cut> {
    let whole = answered.answer.body.is_whole();
    let (begun, status) = begin(&mut answered, whole, &control).await?;
    let Answered { answer, mut live, dialect, edge, azure, random, started, .. } = answered;
    let Answer { headers: extra, body, delivery, .. } = answer;
    let session = live.session.clone();
    let virtual_clock = session.clock.mode() != Mode::Real;
    let mut response = Response::new(ResponseBody::Full(None));
    *response.status_mut() = StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let out = response.headers_mut();
    // Grown at once: an answer has some twenty. One more than this would double what the connection keeps of it.
    out.reserve(24);
    // What comes from elsewhere has its own.
    if !matches!(body, Body::Raw(RawBody::Passing(_))) {
        let facts = headers::HeaderFacts {
            request_id: &live.exchange.request_id,
            error: if let Body::Error(error) = &body { Some(error.style) } else { None },
            status,
            dialect,
            proxied: edge.proxied,
            processing_ms: if virtual_clock { 0 } else { session.clock.now().saturating_sub(started).as_millis() },
            limits: live.exchange.limits.get().copied(),
            model: live.exchange.model.get().filter(|_| edge.names_model).map(String::as_str),
            date: virtual_clock.then(|| session.clock.stamp()),
        };
        let random = &mut random.fork("headers");
        match &azure {
            Some(azure) => azure_headers::write(&facts, &azure.deployment, random, out),
            None => headers::write(&facts, random, out),
        }
    }
    let error_headers = match &body {
        Body::Error(error) => error.headers.as_slice(),
        _ => &[],
    };
    let content_type = match &body {
        Body::Json(_) => "application/json",
        Body::Error(error) if matches!(error.style, Style::Api | Style::Model | Style::Azure) => "application/json",
        Body::Error(_) => "application/json; charset=utf-8",
        Body::Bytes(kind, _) | Body::File(kind, ..) => kind,
        // LLEmulator's suite compares the whole value, and looks for this header too.
        Body::Events(_) if emulator.settings.profile == Profile::Llemulator => {
            out.insert("cache-control", HeaderValue::from_static("no-cache"));
            "text/event-stream"
        }
        Body::Events(_) if edge.bare_stream => "text/event-stream",
        Body::Events(_) => "text/event-stream; charset=utf-8",
        Body::Raw(RawBody::Sse(_)) => "text/event-stream; charset=utf-8",
        Body::Raw(RawBody::Text(_)) => "text/plain; charset=utf-8",
        Body::Raw(RawBody::Chunks(_)) => "text/event-stream; charset=utf-8",
        // Whoever sends them says what they are.
        Body::Raw(RawBody::Passing(_)) => "",
        Body::Raw(_) => "application/json",
        Body::Empty => "",
    };
    if !content_type.is_empty() {
        out.insert(CONTENT_TYPE, HeaderValue::from_static(content_type));
    }
    // How long the body is and how it is framed is not for a script to say.
    let given = extra.iter().chain(error_headers).filter(|(name, _)| !FRAMING.contains(&name.as_str()));
    for (name, value) in given {
        if let (Ok(name), Ok(value)) = (HeaderName::from_bytes(name.as_bytes()), HeaderValue::from_str(value)) {
            out.insert(name, value);
        }
    }
    if session.clock.mode() == Mode::Instant {
        let wait = out.get("retry-after-ms").and_then(|value| value.to_str().ok());
        if skip_wait(&session, wait) {
            out.insert("retry-after-ms", HeaderValue::from_static("1"));
        }
    }
    live.exchange.head_leaves(|| Headers::of(out));
    let source = match body {
        Body::Events(events) => Err(BodySource::Events(events)),
        Body::Raw(RawBody::Chunks(chunks)) => {
            Err(BodySource::Chunks(chunks.into_iter().rev().map(|(at, bytes)| (at, Bytes::from(bytes))).collect()))
        }
        Body::Raw(RawBody::Sse(events)) => Err(BodySource::Events(Box::new(ListedEvents(events.into())))),
        Body::Raw(RawBody::Passing(bytes)) => {
            Err(BodySource::Passing(Box::new(Through::new(bytes.take(), live.exchange.clone(), &extra))))
        }
        Body::Json(bytes) | Body::Bytes(_, bytes) => Ok(bytes),
        Body::File(_, blob, range) if range.end - range.start > LEAVES_WHOLE && delivery.is_none() => {
            *response.body_mut() = ResponseBody::File(Box::new(FileBody::new(blob, range, live)));
            return Ok(response);
        }
        Body::File(_, blob, range) => {
            let len = range.end - range.start;
            match runtime::aside(len as usize, || blob.stretch(range.start, len)) {
                Ok(bytes) => Ok(bytes),
                Err(error) => return Err(unread(&mut live, &error.to_string())),
            }
        }
        Body::Error(error) => Ok(error_bytes(&error)),
        Body::Raw(RawBody::Json(value)) => Ok(pretty(&value, false)),
        Body::Raw(RawBody::Text(text)) => Ok(text.into()),
        Body::Raw(RawBody::Events(frames)) => Ok(pretty(&frames, false)),
        Body::Raw(RawBody::Empty) | Body::Empty => Ok(Bytes::new()),
    };
    *response.body_mut() = match (source, delivery) {
        // HTTP gives these no body: nobody would read to its end.
        (Err(BodySource::Passing(_)), _) if matches!(status, 204 | 304) => {
            live.complete();
            ResponseBody::Full(None)
        }
        (Err(source), delivery) => ResponseBody::timed(source, delivery, begun, live, control),
        // An unstreamed answer that breaks: its headers, then silence or the end.
        (Ok(bytes), Some(mut delivery)) if delivery.fault.is_some() => {
            delivery.fault = delivery.fault.map(broken_whole);
            ResponseBody::timed(BodySource::Chunks(vec![(0, bytes)]), Some(delivery), begun, live, control)
        }
        (Ok(bytes), _) => {
            live.exchange.leaves(&bytes);
            live.complete();
            ResponseBody::Full(Some(zipped(bytes, accepted, response.headers_mut())))
        }
    };
    Ok(response)
}

/// Notes that a fault strikes.
pub(super) fn struck(record: &mut Record, how: &str) {
    if record.outcome != Outcome::Scripted {
        record.outcome = Outcome::Faulted;
    }
    record.explanation = Some(how.into());
}

/// A file that cannot be read ends its connection.
pub(super) fn unread(live: &mut Live, why: &str) -> Cut {
    live.exchange.note(|record| struck(record, &format!("the file cannot be read: {why}")));
    live.complete();
    Cut
}

/// On the instant clock nobody waits: the session's clock jumps to where a retry after so many milliseconds would find
/// it, and the client is told to retry at once. `retry-after` keeps the wait for people. False = there is no wait.
pub(super) fn skip_wait(session: &Session, retry_after_ms: Option<&str>) -> bool {
    let Some(ms) = retry_after_ms.and_then(|ms| ms.parse().ok()).filter(|ms| *ms > 1) else { return false };
    // A clock at its end has nothing to jump to.
    let _ = session.clock.advance(Duration::from_millis(ms));
    true
}

/// A fault of an unstreamed answer strikes after the headers, and what cannot be broken in the middle is cut.
pub(super) fn broken_whole(fault: Fault) -> Fault {
    let kind = match fault.kind {
        FaultKind::Malformed | FaultKind::Error(_) => FaultKind::Disconnect,
        whole => whole,
    };
    Fault { at: At::Headers, kind }
}

/// An error's bytes: the edge indents by four and ends the line.
fn error_bytes(error: &ApiError) -> Bytes {
    match error.style {
        Style::Edge | Style::Model => indented(&error.envelope(), 4, true),
        Style::Azure => error.envelope().to_string().into(),
        _ => pretty(&error.envelope(), false),
    }
}

/// Bytes of a file that are read and zipped whole.
const LEAVES_WHOLE: u64 = 256 * 1024;

/// Headers that only the server knows.
const FRAMING: [&str; 2] = ["content-length", "transfer-encoding"];
