//! Recordings as a responder: byte for byte where the request is in the recording's dialect and form, else what the
//! recording means.

use crate::cassette::format::{RecordedResponse, Recording};
use crate::cassette::meaning;
use crate::cassette::{Misread, Tape};
use crate::clock::{self, Clock};
use crate::options::RecordMode;
use crate::reply::pace::{Pace, Range};
use crate::reply::{Arrival, Arriving, Piece, Reply};
use crate::responders::upstream;
use crate::runtime;
use crate::script::FallbackName;
use crate::script::{self, Origin};
use crate::session::exchange::Outcome;
use crate::turn::answer::Answer;
use crate::turn::call::Call;
use crate::turn::{Answering, Found, Responder, Response, Turn};
use crate::wire::error::ApiError;
use serde_json::Value;
use std::borrow::Cow;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::mpsc;

/// A piece of a recording is there when it is asked for; the wait before it is the clock's affair.
const PATIENCE: Duration = Duration::from_secs(365 * 24 * 3600);

/// What was recorded.
pub(crate) struct Recorded;

impl Responder for Recorded {
    fn name(&self) -> &'static str {
        "cassette"
    }

    fn reply<'a>(&'a self, turn: &'a Turn<'a>) -> Answering<'a> {
        Box::pin(async move {
            let Some(tape) = turn.call.emulator.cassettes.of(&turn.call.session) else {
                let message = "There are no recordings: start with --cassettes DIR (option `cassettes`), or record some \
                               with --record DIR.";
                return Err(ApiError::emulator("no_cassettes", message));
            };
            match find(turn, &tape)? {
                Ok(found) => Ok(Response::Reply(found)),
                Err(why) => Err(no_recording(turn.call, &tape, &why)),
            }
        })
    }
}

/// What a session without a script was recorded with, or has to record, comes before the emulator's own answers and
/// checks: stored objects, previous responses and whatever else is known to the real API alone. `None` = the emulator
/// answers, and asks for a recording in its turn.
pub(crate) async fn ahead(call: &Call) -> Option<Result<Answer, ApiError>> {
    let cassettes = &call.emulator.cassettes;
    let tape = cassettes.of(&call.session)?;
    let own = cassettes.own(&call.session).is_some();
    let fallback = call.emulator.settings.fallback;
    let meant = own || matches!(fallback, FallbackName::Replay) || tape.wants() && fallback == FallbackName::Upstream;
    if !meant || call.session.has_script(&call.shared) || call.lane.is_some() {
        return None;
    }
    let found = match tape.mode == Some(RecordMode::All) {
        true => None,
        false => match runtime::aside(call.exchange.body.len(), || exact(call, &tape)) {
            Exact::Raw(found) => Some(*found),
            Exact::Meant => return None,
            Exact::Missing(why) if tape.mode.is_none() => {
                return why.map(|why| Err(no_recording(call, &tape, &why)));
            }
            Exact::Missing(_) => None,
            Exact::Broken(error) => return Some(Err(error)),
        },
    };
    let upstream = &call.emulator.upstream;
    let target = upstream.of_model(call.model_name()).cloned().unwrap_or_else(|| upstream.target());
    let (by, found) = match found {
        Some(found) => (Recorded.name(), Ok(found)),
        // Boxed, as below: hardly any call needs the room it takes.
        None if target.configured => ("upstream", Box::pin(upstream::ask(call, target, None)).await),
        None => return None,
    };
    call.exchange.note(|record| {
        record.by = Some(by);
        record.outcome = Outcome::Fallback;
    });
    Some(Box::pin(upstream::passed_on(call, found)).await)
}

/// What there is for a call in its own dialect and form.
enum Exact {
    Raw(Box<Found>),
    /// Something that has to be rendered.
    Meant,
    /// Nothing; why, where recordings of this operation are there.
    Missing(Option<String>),
    Broken(ApiError),
}

fn exact(call: &Call, tape: &Tape) -> Exact {
    let stream = call.body.get("stream").and_then(Value::as_bool).unwrap_or(false);
    let recording = match look(call, tape) {
        Ok(Ok(recording)) => recording,
        Ok(Err(why)) => return Exact::Missing(tape.library.knows(call.operation.name).then_some(why)),
        Err(error) => return Exact::Broken(error),
    };
    match (&recording.recording.response, is_same(&recording.recording, call, stream)) {
        (Some(response), true) => Exact::Raw(Box::new(raw(call, response, call.emulator.cassettes.speed))),
        _ => {
            call.session.played.back(recording.hash);
            Exact::Meant
        }
    }
}

/// Whether a recording is in a call's dialect and form.
fn is_same(recording: &Recording, call: &Call, stream: bool) -> bool {
    recording.operation == call.operation.name && recording.request.is_stream() == stream
}

/// A recording, and what it was found by.
struct TakenRecording {
    recording: Arc<Recording>,
    hash: u64,
}

/// The recording for a turn; else why there is none.
///
/// # Errors
/// There is one that cannot be read.
pub(crate) fn find(turn: &Turn<'_>, tape: &Tape) -> Result<Result<Found, String>, ApiError> {
    let call = turn.call;
    let size = turn.prompt.map_or(0, |prompt| prompt.size());
    let recording = runtime::aside(size, || look(call, tape))?;
    Ok(match recording {
        Ok(taken) => Ok(play(turn, &taken.recording)?),
        Err(why) => Err(why),
    })
}

/// The recording of a call, the next in order.
fn look(call: &Call, tape: &Tape) -> Result<Result<TakenRecording, String>, ApiError> {
    let query = form_urlencoded::Serializer::new(String::new()).extend_pairs(&call.query).finish();
    let normal =
        call.emulator.cassettes.matching.of(call.operation.name, &call.path, &query, Cow::Borrowed(&call.body));
    let library = &tape.library;
    // Both may look at all recordings.
    let alike = || runtime::aside(usize::MAX, || library.find_alike(&normal));
    let Some(takes) = library.find(&normal).or_else(alike) else {
        return Ok(Err(runtime::aside(usize::MAX, || library.miss(&normal))));
    };
    let Some(number) = call.session.played.next(takes.hash, takes.count()) else {
        let (count, places) = (takes.count(), library.places(&takes));
        let was = if count == 1 { "the recording of this request was" } else { "all recordings of this request were" };
        return Ok(Err(format!("{was} played already: {places}")));
    };
    let misread = |misread: Misread| ApiError::emulator("broken_recording", format!("{misread}."));
    let recording = runtime::aside(library.size(&takes, number), || library.take(&takes, number)).map_err(misread)?;
    Ok(Ok(TakenRecording { recording, hash: takes.hash }))
}

/// The complaint about a request that was not recorded.
pub(crate) fn no_recording(call: &Call, tape: &Tape, why: &str) -> ApiError {
    let mut message = format!("No recording answers this {}: {why}.", call.operation.name);
    if let Some(first) = tape.library.misread().first() {
        message += &match tape.library.misread().len() {
            1 => format!("\nOne recording could not be read: {first}"),
            many => format!("\n{many} recordings could not be read, the first: {first}"),
        };
    }
    call.exchange.note(|record| record.explanation = Some(message.clone()));
    ApiError::emulator("no_recording", message)
}

/// What a recording answers.
fn play(turn: &Turn<'_>, recording: &Recording) -> Result<Found, ApiError> {
    let call = turn.call;
    let stream = turn.prompt.is_some_and(|prompt| prompt.stream);
    let same = is_same(recording, call, stream);
    let speed = call.emulator.cassettes.speed;
    if let Some(response) = recording.response.as_ref().filter(|_| same && call.lane.is_none()) {
        return Ok(raw(call, response, speed));
    }
    // What was written by hand may not say what it means.
    let reply = recording.reply.clone().or_else(|| meaning::reply(recording));
    match (&recording.response, &reply) {
        (response, Some(reply)) => {
            let mut found = meant(recording, call, reply)?;
            if let (Some(response), true) = (response, speed > 0.0) {
                found.pace = found.pace.or(&pace(response, speed));
            }
            Ok(found)
        }
        (Some(response), None) => Ok(raw(call, response, speed)),
        (None, None) => {
            Err(ApiError::emulator("broken_recording", "The recording has neither a response nor a reply."))
        }
    }
}

/// What it means, as a reply.
fn meant(recording: &Recording, call: &Call, reply: &Value) -> Result<Found, ApiError> {
    let mut reply: Reply = script::reply(reply, "reply", Origin::File)
        .map_err(|error| ApiError::emulator("broken_recording", format!("The recording's reply is none: {error}.")))?;
    if recording.operation != call.operation.name {
        // Every dialect has ids of its own.
        reply.overrides.id = None;
    }
    Ok(Found::new(Arc::new(reply)))
}

/// Its bytes, chunk by chunk.
fn raw(call: &Call, response: &RecordedResponse, speed: f64) -> Found {
    let headers = response.headers.iter();
    let headers = headers.filter_map(|(name, value)| Some((name.to_ascii_lowercase(), value.as_str()?.to_string())));
    let mut pieces: Vec<(u64, Piece)> =
        response.chunks.iter().map(|chunk| (chunk.at_ms, Piece::Bytes(chunk.bytes.clone()))).collect();
    if let Some(why) = &response.cut {
        let last = pieces.last().map_or(0, |(at, _)| *at);
        pieces.push((last, Piece::Failed(ApiError::new(502, format!("As recorded, the answer broke off: {why}")))));
    }
    let (sender, receiver) = mpsc::channel(if speed > 0.0 { 1 } else { pieces.len().max(1) });
    let late = ApiError::new(504, "The recording does not go on.");
    let arriving = Arriving::new(receiver, PATIENCE, late, Box::new(()));
    let headers: Vec<(String, String)> = headers.collect();
    if speed > 0.0 {
        runtime::spawn(timed(pieces, speed, call.session.clock.clone(), sender));
    } else {
        for (_, piece) in pieces {
            // There is room for all of them.
            let _ = sender.try_send(Arrival::from(piece));
        }
    }
    Found::bytes(response.status, headers, arriving)
}

/// Sends pieces when their time has come.
async fn timed(pieces: Vec<(u64, Piece)>, speed: f64, clock: Arc<Clock>, out: mpsc::Sender<Arrival>) {
    let begun = clock.now();
    for (at, piece) in pieces {
        let deadline = begun + clock::milliseconds(at as f64 / speed);
        if let Some(wait) = clock.wait(deadline) {
            tokio::select! {
                () = wait => {}
                () = out.closed() => return,
            }
        }
        if out.send(piece.into()).await.is_err() {
            return;
        }
    }
}

/// The pace of a recording whose chunks another form does not have: it begins when the recording's first chunk came, and
/// takes as long.
fn pace(response: &RecordedResponse, speed: f64) -> Pace {
    let times = || response.chunks.iter().map(|chunk| chunk.at_ms as f64 / speed);
    let (first, last) = (times().next().unwrap_or(0.0), times().next_back().unwrap_or(0.0));
    let steps = response.chunks.len().saturating_sub(1).max(1) as f64;
    let delay = (last - first) / steps;
    Pace { ttft_ms: Some(Range(first, first)), delay_ms: Some(Range(delay, delay)), ..Pace::default() }
}
