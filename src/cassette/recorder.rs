//! Writes what the upstream says: an observer.

use super::format::{RecordedChunk, RecordedRequest, RecordedResponse, Recording};
use super::meaning;
use super::normal::Matching;
use super::redaction::{REDACTED, Redaction};
use super::tape::{Cassettes, Tape};
use crate::clock;
use crate::log;
use crate::redact;
use crate::redact::spread::without;
use crate::redact::veil::Veil;
use crate::session::exchange::Exchange;
use crate::session::{Observer, Session, UpstreamNews};
use crate::wire::error::ApiError;
use bytes::Bytes;
use serde_json::{Map, Value};
use std::collections::HashMap;
use std::sync::mpsc;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

/// Bytes of an answer that can be recorded.
const MOST: usize = 128 << 20;

/// Headers of an answer that say who pays.
const ACCOUNT: [&str; 2] = ["openai-organization", "openai-project"];

/// Headers that are of one moment, which a recording with a test's name leaves out.
const MOMENT: [&str; 6] =
    ["date", "openai-processing-ms", "x-envoy-upstream-service-time", "cf-ray", "x-request-id", "age"];

/// Headers of an answer that concern the way it came.
const WAY: [&str; 4] = ["content-encoding", "cf-cache-status", "server-timing", "via"];

/// Observes exchanges for the tapes of an emulator.
pub(crate) struct Recorder {
    cassettes: Arc<Cassettes>,
    /// By the exchange's number.
    running: Mutex<HashMap<u64, Draft>>,
}

/// A recording in the making.
pub(super) struct Draft {
    tape: Arc<Tape>,
    exchange: Arc<Exchange>,
    path: String,
    query: String,
    asked: Duration,
    status: u16,
    headers: Vec<(String, String)>,
    chunks: Vec<(u64, Bytes)>,
    size: usize,
    /// Why some of the answer could not be read.
    unread: Option<String>,
    end: DraftEnd,
}

enum DraftEnd {
    Whole,
    /// The upstream broke off.
    Cut(String),
    /// The client left.
    Left,
}

/// What the thread that writes does.
pub(super) enum RecordJob {
    Write(Box<Draft>),
    Flush(mpsc::Sender<()>),
}

impl Recorder {
    pub(crate) fn new(cassettes: Arc<Cassettes>) -> Self {
        Recorder { cassettes, running: Mutex::default() }
    }

    fn change(&self, exchange: &Exchange, change: impl FnOnce(&mut Draft)) {
        let mut running = self.running.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(draft) = running.get_mut(&exchange.serial) {
            change(draft);
        }
    }

    fn end(&self, exchange: &Exchange, end: DraftEnd) {
        let draft = self.running.lock().unwrap_or_else(PoisonError::into_inner).remove(&exchange.serial);
        let Some(mut draft) = draft else { return };
        if draft.status != 0 {
            draft.end = end;
            self.cassettes.write(RecordJob::Write(Box::new(draft)));
        }
        self.cassettes.count(false);
    }
}

impl Observer for Recorder {
    fn heard(&self, session: &Session, exchange: &Arc<Exchange>, heard: &UpstreamNews) {
        match heard {
            UpstreamNews::Asked { path, query, .. } => {
                let Some(tape) = self.cassettes.of(session).filter(|tape| tape.mode.is_some()) else { return };
                let draft = Draft {
                    tape,
                    exchange: exchange.clone(),
                    path: path.to_string(),
                    query: query.to_string(),
                    asked: clock::world(),
                    status: 0,
                    headers: Vec::new(),
                    chunks: Vec::new(),
                    size: 0,
                    unread: None,
                    end: DraftEnd::Whole,
                };
                self.cassettes.count(true);
                self.running.lock().unwrap_or_else(PoisonError::into_inner).insert(exchange.serial, draft);
            }
            UpstreamNews::Begun { status, headers } => self.change(exchange, |draft| {
                draft.status = *status;
                draft.headers = headers.to_vec();
            }),
            UpstreamNews::Chunk(chunk) => self.change(exchange, |draft| {
                draft.size += chunk.len();
                if draft.size > MOST {
                    draft.chunks.clear();
                    return;
                }
                let at = clock::world().saturating_sub(draft.asked).as_millis();
                draft.chunks.push((u64::try_from(at).unwrap_or(u64::MAX), (*chunk).clone()));
            }),
            UpstreamNews::Unread(why) => self.change(exchange, |draft| draft.unread = Some(why.to_string())),
            UpstreamNews::Ended(Ok(())) => self.end(exchange, DraftEnd::Whole),
            UpstreamNews::Ended(Err(why)) => self.end(exchange, DraftEnd::Cut(why.to_string())),
            UpstreamNews::Left => self.end(exchange, DraftEnd::Left),
        }
    }

    fn ended(&self, _: &Session, exchange: &Arc<Exchange>) {
        let running = self.running.lock().unwrap_or_else(PoisonError::into_inner);
        let unanswered = running.get(&exchange.serial).is_some_and(|draft| draft.status == 0);
        drop(running);
        // The client left before the upstream began to answer.
        if unanswered {
            self.end(exchange, DraftEnd::Left);
        }
    }
}

/// Writes what comes, until nobody can send any more.
pub(super) fn write_all(jobs: &mpsc::Receiver<RecordJob>, redaction: &Redaction, matching: &Matching) {
    for job in jobs {
        match job {
            RecordJob::Flush(done) => drop(done.send(())),
            RecordJob::Write(draft) => {
                let written = draft.line(redaction, matching).and_then(|line| draft.tape.append(&line));
                if let Err(why) = written {
                    let exchange = &draft.exchange;
                    let message = format!("{} {} was not recorded: {why}", exchange.method, exchange.target);
                    log::warn(&message);
                    exchange.complain(&ApiError::emulator("not_recorded", message));
                }
            }
        }
    }
}

impl Draft {
    /// The recording as a line without secrets.
    fn line(&self, redaction: &Redaction, matching: &Matching) -> Result<String, String> {
        if self.size > MOST {
            return Err(format!("its answer has {} MB, and at most {} are recorded", self.size >> 20, MOST >> 20));
        }
        if let Some(why) = &self.unread {
            return Err(format!("of its answer, {why}"));
        }
        let mut response = self.response()?;
        let exchange = &self.exchange;
        if let Some(veil) = exchange.veil() {
            response.chunks = apart(&response, veil);
        }
        let mut recording = Recording {
            operation: exchange.operation.to_string(),
            request: RecordedRequest {
                method: exchange.method.to_string(),
                path: self.path.clone(),
                query: self.query.clone(),
                body: serde_json::from_slice(&exchange.body).unwrap_or_default(),
            },
            response: Some(response),
            reply: None,
            client: (!self.tape.named).then(|| self.client()).flatten(),
            at: (!self.tape.named).then(|| clock::timestamp(exchange.arrived)),
        };
        clean(&mut recording, redaction, matching)?;
        serde_json::to_string(&recording).map_err(|error| error.to_string())
    }

    fn response(&self) -> Result<RecordedResponse, String> {
        let kept = self.headers.iter().filter(|(name, _)| {
            let moment = self.tape.named && MOMENT.contains(&name.as_str());
            !WAY.contains(&name.as_str()) && !redact::is_secret(name) && !moment
        });
        let headers = kept.map(|(name, value)| {
            let value = if ACCOUNT.contains(&name.as_str()) { REDACTED } else { value };
            (name.clone(), Value::from(value))
        });
        let chunks = self.chunks.iter().map(|(at_ms, bytes)| RecordedChunk { at_ms: *at_ms, bytes: bytes.clone() });
        let mut response = RecordedResponse {
            status: self.status,
            headers: headers.collect::<Map<_, _>>(),
            chunks: chunks.collect(),
            cut: None,
        };
        match &self.end {
            DraftEnd::Whole => {}
            DraftEnd::Cut(why) => response.cut = Some(why.clone()),
            // SDKs hang up when they have what they wanted.
            DraftEnd::Left if is_over(&response) => {}
            DraftEnd::Left => return Err("the client left before the answer had ended".into()),
        }
        Ok(response)
    }

    /// The SDK that asked: `js 7.55.0`.
    fn client(&self) -> Option<String> {
        let header = |name: &str| self.exchange.headers.all(name).next();
        match (header("x-stainless-lang"), header("x-stainless-package-version")) {
            (Some(language), Some(version)) => Some(format!("{language} {version}")),
            _ => header("user-agent").map(|agent| agent.split(' ').next().unwrap_or_default().to_string()),
        }
    }
}

/// Its chunks without a key that they say together; no other key is left in them.
fn apart(response: &RecordedResponse, veil: &Veil) -> Vec<RecordedChunk> {
    let body = response.body();
    let (cuts, mut from) = (veil.spread(&body), 0);
    let shown = |chunk: &RecordedChunk| {
        let part = from..from + chunk.bytes.len();
        from = part.end;
        RecordedChunk { at_ms: chunk.at_ms, bytes: without(&body, part, &cuts).into_owned().into() }
    };
    response.chunks.iter().map(shown).collect()
}

/// Whether nothing of an answer is missing, as far as it says itself.
fn is_over(response: &RecordedResponse) -> bool {
    let body = response.body();
    let text = String::from_utf8_lossy(&body);
    let ends = ["response.completed", "response.incomplete", "response.failed"];
    match response.is_stream() {
        true => {
            let last = meaning::events(&text).pop().unwrap_or_default();
            text.contains("data: [DONE]") || last["type"].as_str().is_some_and(|kind| ends.contains(&kind))
        }
        false => serde_json::from_slice::<serde::de::IgnoredAny>(&body).is_ok(),
    }
}

/// Takes the secrets out of a recording, and says what it means.
///
/// # Errors
/// There is still something that looks like one: where.
pub(crate) fn clean(recording: &mut Recording, redaction: &Redaction, matching: &Matching) -> Result<(), String> {
    let request = &mut recording.request;
    redaction.value(&mut request.body);
    matching.mask_value(&mut request.body);
    request.path = redaction.text(&request.path).into_owned();
    request.query = redaction.query(&request.query);
    if let Some(response) = &mut recording.response {
        for value in response.headers.values_mut() {
            redaction.value(value);
        }
        clean_chunks(&mut response.chunks, redaction)?;
    }
    if recording.reply.is_none() {
        recording.reply = meaning::reply(recording);
    }
    if let Some(reply) = &mut recording.reply {
        let before = reply.clone();
        redaction.value(reply);
        // In pieces, where no piece shows it: then only what it means is kept.
        if *reply != before || recording.response.as_ref().is_some_and(|response| speaks(response, redaction)) {
            recording.response = None;
        }
    }
    let whole = serde_json::to_value(&*recording).map_err(|error| error.to_string())?;
    match redaction.left(&whole) {
        None => Ok(()),
        Some((place, kind)) => {
            Err(format!("{} still looks like {kind}; name it with --redact", place.trim_start_matches('.')))
        }
    }
}

/// Whether the pieces of a stream make up a secret.
fn speaks(response: &RecordedResponse, redaction: &Redaction) -> bool {
    let body = response.body();
    let texts = || meaning::spoken(&meaning::events(&String::from_utf8_lossy(&body)));
    response.is_stream() && texts().iter().any(|text| redaction.kind(text).is_some())
}

/// Chunks without secrets, also those that reach over a border; what is no text stays.
fn clean_chunks(chunks: &mut [RecordedChunk], redaction: &Redaction) -> Result<(), String> {
    let body: Vec<u8> = chunks.iter().flat_map(|chunk| chunk.bytes.iter().copied()).collect();
    let text = match std::str::from_utf8(&body) {
        Ok(text) => text,
        Err(_) => {
            return match redaction.kind(&String::from_utf8_lossy(&body)) {
                None => Ok(()),
                Some(kind) => Err(format!("in its answer, which is no text, something looks like {kind}")),
            };
        }
    };
    if redaction.kind(text).is_none() {
        return Ok(());
    }
    let (mut from, mut end) = (0, 0);
    let mut texts = Vec::with_capacity(chunks.len());
    for chunk in chunks.iter() {
        end += chunk.bytes.len();
        // A border within a character moves to its end.
        let to = (end..text.len()).find(|at| text.is_char_boundary(*at)).unwrap_or(text.len());
        texts.push(&text[from..to]);
        from = to;
    }
    for (chunk, clean) in chunks.iter_mut().zip(redaction.pieces(&texts)) {
        chunk.bytes = clean.into();
    }
    Ok(())
}
