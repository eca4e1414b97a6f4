//! The real API as a responder, or the server of a model: what it sends passes through as it comes, whatever it is.

use crate::prompt::Prompt;
use crate::redact::view::AnswerView;
use crate::reply::Say;
use crate::reply::{Arrival, Arriving, Piece, UpstreamOptions};
use crate::responders::breakpoint;
use crate::responders::cassette::{self, Recorded};
use crate::runtime;
use crate::session::exchange::{Exchange, Waiting};
use crate::session::{ANONYMOUS, Observer, Session, UpstreamNews};
use crate::turn::answer::{Answer, Body};
use crate::turn::call::Call;
use crate::turn::{self, Answering, Found, Responder, Response, Turn};
use crate::upstream::{Payload, UpstreamBody, UpstreamFailure, UpstreamRequest, UpstreamTarget};
use crate::wire::error::ApiError;
use bytes::Bytes;
use serde_json::Value;
use std::borrow::Cow;
use std::future::poll_fn;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::mpsc;

/// Chunks that wait for a slow client; the upstream waits with them.
const AHEAD: usize = 4;

/// Bytes of a zipped answer that are told of, unzipped: as many as are recorded.
const UNZIPPED: usize = 128 << 20;

/// The upstream, for a share of the requests, perhaps under another model's name.
#[derive(Default)]
pub(crate) struct AskUpstream(pub UpstreamOptions);

impl Responder for AskUpstream {
    fn name(&self) -> &'static str {
        "upstream"
    }

    fn reply<'a>(&'a self, turn: &'a Turn<'a>) -> Answering<'a> {
        Box::pin(async move {
            let call = turn.call;
            let share = self.0.percent.map(|percent| percent / 100.0);
            if share.is_some_and(|share| !call.random.fork("upstream").chance(share)) {
                return Ok(Response::Pass(None));
            }
            // What was recorded needs nobody.
            if let Some(tape) = call.emulator.cassettes.of(&call.session).filter(|tape| tape.remembers()) {
                match cassette::find(turn, &tape)? {
                    Ok(found) => {
                        call.exchange.note(|record| record.by = Some(Recorded.name()));
                        return Ok(Response::Reply(found));
                    }
                    Err(why) if tape.mode.is_none() => return Err(cassette::no_recording(call, &tape, &why)),
                    Err(_) => {}
                }
            }
            let target = call.emulator.upstream.target();
            if !target.configured {
                let message = "Nobody said which API is the upstream: start with --upstream https://api.openai.com/v1 \
                               (option `upstream`), or set it in the control room.";
                return Err(ApiError::emulator("no_upstream", message));
            }
            ask(call, target, self.0.model.as_deref()).await.map(Response::Reply)
        })
    }
}

/// The server that answers the model asked for, if one does (`--upstream-model`).
pub(crate) struct UpstreamOfModel;

impl Responder for UpstreamOfModel {
    fn name(&self) -> &'static str {
        "upstream"
    }

    fn is_idle(&self, turn: &Turn) -> bool {
        turn.call.emulator.upstream.of_model(turn.call.model_name()).is_none()
    }

    fn reply<'a>(&'a self, turn: &'a Turn<'a>) -> Answering<'a> {
        let call = turn.call;
        let target = call.emulator.upstream.of_model(call.model_name()).cloned();
        Box::pin(async move {
            match target {
                Some(target) => ask(call, target, None).await.map(Response::Reply),
                None => Ok(Response::Pass(None)),
            }
        })
    }
}

/// Everything goes upstream while the bypass is on, before anything else looks at it.
///
/// # Errors
/// The upstream does not answer.
pub(crate) async fn bypass(call: &Call) -> Option<Result<Answer, ApiError>> {
    match call.emulator.upstream.bypasses() {
        // Boxed: hardly any call needs the room it takes.
        true => Some(Box::pin(bypassed(call)).await),
        false => None,
    }
}

async fn bypassed(call: &Call) -> Result<Answer, ApiError> {
    call.exchange.note(|record| record.by = Some("bypass"));
    passed_on(call, ask(call, call.emulator.upstream.target(), None).await).await
}

/// What is found for a call before anything else looks at it, as its answer.
///
/// # Errors
/// What was found, or what a person made of it.
pub(super) async fn passed_on(call: &Call, found: Result<Found, ApiError>) -> Result<Answer, ApiError> {
    breakpoint::stop(&Turn::new(call, None), found).await.and_then(|found| {
        turn::note(call, &found.reply);
        // Nothing of the session paces what passes through; a person may have broken it.
        let delivery = found.fault.as_ref().and_then(|_| turn::delivery(call, &Prompt::default(), &found, &Vec::new));
        let body = match &found.reply.say {
            Say::Raw(raw) => return Ok(turn::raw_answer(raw, delivery)),
            Say::Error(error) => Body::Error(error.to_api_error(&call.occasion())),
            _ if delivery.is_some() => Body::Empty,
            _ => return Err(turn::cannot_answer(call, "`raw` or `error`")),
        };
        Ok(Answer { delivery, ..Answer::ok(body) })
    })
}

/// Sends a call upstream, as it came.
pub(super) async fn ask(call: &Call, target: Arc<UpstreamTarget>, model: Option<&str>) -> Result<Found, ApiError> {
    let (body, shown) = body(call, model);
    let upstream = &call.emulator.upstream;
    let query = form_urlencoded::Serializer::new(String::new()).extend_pairs(&call.query).finish();
    let watched = Watched::of(call);
    let led = watched.leads();
    let led_by = |name: &str| led.iter().any(|(known, _)| known == name);
    let headers = call.headers.iter().filter(|(name, _)| !led_by(name));
    let headers = headers.chain(led.iter().map(|(name, value)| (name.as_str(), value.as_str()))).collect();
    watched.tell(&UpstreamNews::Asked {
        address: &target.address(&call.path),
        path: &call.path,
        query: &query,
        body: &shown,
    });
    call.exchange.wait_for(Some(Waiting::Upstream));
    let session = &call.session;
    let own = (session.name == session.key && session.key != ANONYMOUS).then_some(session.key.as_str());
    let request =
        UpstreamRequest { method: &call.method, path: &call.path, query: Some(&query), headers, key: own, body };
    if let Some(key) = target.key.as_deref().or(own) {
        call.exchange.hides(key);
    }
    let given = match target.is(call.emulator.address) {
        true => Err(UpstreamFailure::itself(&target)),
        false => upstream.ask(target, request).await,
    };
    call.exchange.wait_for(None);
    match given {
        Ok(given) => {
            watched.begun(given.status, &given.headers);
            let view = AnswerView::of_answer(call.exchange.veil().cloned(), &given.headers, UNZIPPED);
            let (sender, pieces) = mpsc::channel(AHEAD);
            let late = given.body.late().to_api_error();
            // The body gives up first, and knows why.
            let limit = given.body.limit() + Duration::from_secs(1);
            runtime::spawn(pass(given.body, watched, view, sender));
            let arriving = Arriving::new(pieces, limit, late, Box::new(()));
            let arriving = arriving.telling(call.exchange.waits(Waiting::Upstream));
            Ok(Found::bytes(given.status, given.headers, arriving))
        }
        Err(failure) => {
            watched.tell(&UpstreamNews::Ended(Err(&failure.message)));
            Err(failure.to_api_error())
        }
    }
}

/// The body as the upstream gets it, and as it is shown.
fn body(call: &Call, model: Option<&str>) -> (Payload, Bytes) {
    if let Some(form) = &call.form {
        let kind = call.headers.all("content-type").next().unwrap_or_default();
        if let Ok(boundary) = multer::parse_boundary(kind) {
            return (Payload::form(form, &boundary, model), call.body.to_string().into());
        }
    }
    if call.body.is_null() {
        return (call.bytes.clone().into(), call.bytes.clone());
    }
    let mut body = Cow::Borrowed(&*call.body);
    if let Some(model) = model {
        body.to_mut()["model"] = Value::from(model);
    }
    // A socket's answer is always a stream, and its requests do not say so.
    if call.lane.is_some() {
        body.to_mut()["stream"] = Value::from(true);
    }
    let bytes = Bytes::from(body.to_string());
    (bytes.clone().into(), bytes)
}

/// An exchange whose upstream is watched.
struct Watched {
    session: Arc<Session>,
    exchange: Arc<Exchange>,
    observers: Arc<[Box<dyn Observer>]>,
}

impl Watched {
    fn of(call: &Call) -> Self {
        let observers = call.emulator.observers.clone();
        Watched { session: call.session.clone(), exchange: call.exchange.clone(), observers }
    }

    fn leads(&self) -> Vec<(String, String)> {
        self.observers.iter().flat_map(|observer| observer.leads(&self.exchange)).collect()
    }

    fn tell(&self, heard: &UpstreamNews) {
        for observer in self.observers.iter() {
            observer.heard(&self.session, &self.exchange, heard);
        }
    }

    /// Tells that the answer begins.
    fn begun(&self, status: u16, headers: &[(String, String)]) {
        match self.exchange.veil() {
            None => self.tell(&UpstreamNews::Begun { status, headers }),
            Some(veil) => {
                let hidden = |(name, value): &(String, String)| (name.clone(), veil.text(value).into_owned());
                let headers: Vec<_> = headers.iter().map(hidden).collect();
                self.tell(&UpstreamNews::Begun { status, headers: &headers });
            }
        }
    }

    /// Tells of a chunk.
    fn chunk(&self, chunk: &Bytes, view: &mut AnswerView) {
        match view.next(chunk) {
            // As nearly all come: nothing is copied.
            Cow::Borrowed(shown) if shown.len() == chunk.len() => self.tell(&UpstreamNews::Chunk(chunk)),
            shown if shown.is_empty() => {}
            shown => self.tell(&UpstreamNews::Chunk(&shown.into_owned().into())),
        }
    }

    /// Tells of what may have become a key, of what could not be read, and of the end.
    fn over(&self, view: &AnswerView, end: &UpstreamNews) {
        if !view.rest().is_empty() {
            self.tell(&UpstreamNews::Chunk(&Bytes::copy_from_slice(view.rest())));
        }
        if let Some(why) = view.unread() {
            self.tell(&UpstreamNews::Unread(why));
        }
        self.tell(end);
    }
}

/// Passes a body on, chunk by chunk, until it is over or nobody wants more of it.
async fn pass(mut body: UpstreamBody, watched: Watched, mut view: AnswerView, out: mpsc::Sender<Arrival>) {
    let why;
    let end = loop {
        let next = tokio::select! {
            // Of an answer without a body nobody reads anything.
            biased;
            next = poll_fn(|context| body.poll_next(context)) => next,
            () = out.closed() => break UpstreamNews::Left,
        };
        match next {
            None => break UpstreamNews::Ended(Ok(())),
            Some(Ok(chunk)) => {
                watched.chunk(&chunk, &mut view);
                if out.send(Piece::Bytes(chunk).into()).await.is_err() {
                    break UpstreamNews::Left;
                }
            }
            Some(Err(failure)) => {
                let _ = out.send(Piece::Failed(failure.to_api_error()).into()).await;
                why = failure.message;
                break UpstreamNews::Ended(Err(&why));
            }
        }
    };
    watched.over(&view, &end);
}
