//! Background responses. Those that a person or a function answers are told of at once, since nobody waits for them, and
//! are done when the answer is there; what all others say is known when they are asked for, and they are done when it would
//! have come. Until then their exchange is in flight, and a stream of theirs ends when they are cancelled.

use super::keep::ResponseKeeper;
use super::record::{End, Frame, ResponseRecord, Status};
use super::request::Request;
use super::stream::ResponseEvents;
use crate::clock::{self, Mode};
use crate::reply::error::ErrorReply;
use crate::reply::pace::Chunk;
use crate::session::Session;
use crate::session::behind::GoingOn;
use crate::session::exchange::{Exchange, Waiting};
use crate::session::jobs::HeldJob;
use crate::tokens::Encoding;
use crate::turn::answer::{Answer, Body, Delivery};
use crate::turn::call::Call;
use crate::wire::error::ApiError;
use crate::wire::event::{Events, Frames, Nowhere, Work};
use serde_json::Value;
use std::future::poll_fn;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

/// Answers as [`super::answer`] does, unless that takes a person or a function: then with the response as it begins.
pub(super) async fn answer(call: Call, request: Request, keeper: Arc<ResponseKeeper>) -> Result<Answer, ApiError> {
    let call = Arc::new(call);
    let mut work = Box::pin({
        let (call, request, keeper) = (call.clone(), request.clone(), keeper.clone());
        async move { super::answer(&call, request, keeper).await }
    });
    tokio::select! {
        biased;
        answer = &mut work => return answer,
        () = call.exchange.until_asked() => {}
    }
    let record = asked(&call, request);
    keeper.promise(&record).await?;
    let answer = Answer::polled(&record.begun(Status::Queued), true);
    let (session, id) = (call.session.clone(), record.frame.id.clone());
    let name = hold(&call, &id);
    let until_stopped = session.until_released(name.clone());
    let going_on = GoingOn::new(&session, &call.exchange);
    session.goes_on(&name, async move {
        tokio::select! {
            answer = work => done(&call, &id, answer, going_on).await,
            () = until_stopped => {}
        }
    });
    Ok(answer)
}

/// What the names of holds until somebody has answered begin with.
const HOLD: &str = "the answer of ";

/// What holds a response until somebody has answered. Ids may repeat, as a script gives them; what was released once stays
/// so.
fn hold(call: &Call, id: &str) -> String {
    format!("{HOLD}{id} to {}", call.exchange.request_id)
}

/// A response of which nothing is known but what was asked.
fn asked(call: &Call, mut request: Request) -> ResponseRecord {
    let model = call.model(&request.prompt.model);
    let name = call.shown_model(&request.prompt.model, &model);
    let frame = Arc::new(request.frame(call, &model, &name, None));
    begun(call, frame, request.input, call.encoding(&model))
}

/// As [`asked`], in this frame: it runs until it is released.
pub(super) fn begun(call: &Call, frame: Arc<Frame>, input: Vec<Value>, encoding: Encoding) -> ResponseRecord {
    let hold = hold(call, &frame.id);
    let job = HeldJob::new(&call.session, &[Status::InProgress.as_str()], Duration::ZERO, Some(hold));
    let end = End { status: Status::InProgress, completed_at: 0, error: Value::Null, reason: None, usage: None };
    ResponseRecord {
        frame,
        input,
        items: Vec::new(),
        end,
        chunk: Chunk::Tokens(1),
        encoding,
        random: call.random.fork("obfuscation"),
        job: Some(job),
    }
}

/// The job of a response that is known: it is done when its answer would have come, or when its stream in these pieces
/// (tokens of each) would be over, whoever reads it. A fault breaks a stream and not the work behind it.
pub(super) fn timed(call: &Call, id: &str, delivery: Option<&Delivery>, pieces: &[u32]) -> HeldJob {
    let session = &call.session;
    let wait = delivery.map_or(Duration::ZERO, |delivery| match delivery.wait {
        Duration::ZERO => clock::milliseconds(delivery.schedule.total(pieces)),
        wait => wait,
    });
    let hold = delivery.and_then(|delivery| delivery.hold.as_ref()).map(|hold| hold.until.clone());
    let job = HeldJob::new(session, &[Status::InProgress.as_str()], wait, hold);
    let instant = session.clock.mode() == Mode::Instant;
    // On the instant clock nobody waits but for what is held, and to look at the time would move it.
    let lasts = if instant { job.is_held(session) } else { job.state(session).is_some() };
    if lasts {
        let stopped = session.behind.with(id, GoingOn::new(session, &call.exchange));
        call.exchange.wait_until(job.due());
        let over = EndsBehind { session: session.clone(), id: id.to_string() };
        session.goes_on(&format!("the end of {id} to {}", call.exchange.request_id), {
            let (exchange, job) = (call.exchange.clone(), job.clone());
            async move {
                let over = over;
                tokio::select! {
                    () = wait_behind(&over.session, &exchange, &job, instant) => {}
                    () = stopped => {}
                }
            }
        });
    }
    job
}

/// Work that is over when this is dropped, also with its session.
struct EndsBehind {
    session: Arc<Session>,
    id: String,
}

impl Drop for EndsBehind {
    fn drop(&mut self) {
        self.session.behind.over(&self.id);
    }
}

/// Waits until a job is over.
async fn wait_behind(session: &Session, exchange: &Exchange, job: &HeldJob, instant: bool) {
    if !instant {
        session.clock.sleep_until(job.due()).await;
    }
    if let Some(name) = job.hold().filter(|_| job.is_held(session)) {
        exchange.wait_for(Some(Waiting::Hold { name: name.to_string() }));
        session.until_released(name.to_string()).await;
    }
}

/// The answer is there: the response is kept, or failed. Who waits for it goes on, and finds the exchange complete.
async fn done(call: &Call, id: &str, answer: Result<Answer, ApiError>, going_on: GoingOn) {
    if let Some(error) = failure(call, answer) {
        call.exchange.complain(&error);
        drop(going_on);
        let fail = |record: &mut ResponseRecord| {
            *record = ResponseRecord { items: Vec::new(), end: End::failed(&error), job: None, ..record.clone() };
        };
        call.session.store.change(id, fail).await;
    }
    call.session.release(&hold(call, id));
}

/// What became of the answer, if it is no response.
fn failure(call: &Call, answer: Result<Answer, ApiError>) -> Option<ApiError> {
    let answer = match answer {
        Err(error) | Ok(Answer { body: Body::Error(error), .. }) => return Some(error),
        Ok(answer) => answer,
    };
    if !matches!(answer.body, Body::Json(_)) {
        let message = "A response in the background is answered by a reply or an error: it takes no verbatim body.";
        return Some(ApiError::emulator("reply_cannot_answer", message.to_string()));
    }
    let breaks = answer.delivery.is_some_and(|delivery| delivery.fault.is_some());
    breaks.then(|| ErrorReply::status(500).to_api_error(&call.occasion()))
}

/// It was cancelled, or deleted: nobody is asked any more, and its stream ends.
pub(super) fn stop(session: &Session, stopped: &ResponseRecord) {
    let Some(job) = stopped.job.as_ref().filter(|job| !job.is_settled()) else { return };
    session.behind.stop(&stopped.frame.id);
    if let Some(name) = job.hold().filter(|name| name.starts_with(HOLD)) {
        session.release(name);
    }
}

/// The events of a background response that arrives: they go on when their client leaves, and nobody sees them until the
/// response is asked for.
pub(super) struct GoesOn {
    events: Option<ResponseEvents>,
    session: Arc<Session>,
    exchange: Arc<Exchange>,
}

impl GoesOn {
    pub(super) fn new(call: &Call, events: ResponseEvents) -> Self {
        GoesOn { events: Some(events), session: call.session.clone(), exchange: call.exchange.clone() }
    }
}

impl Drop for GoesOn {
    fn drop(&mut self) {
        let Some(events) = self.events.take().filter(ResponseEvents::is_arriving) else { return };
        let going_on = GoingOn::new(&self.session, &self.exchange);
        let name = format!("the rest of the answer to {}", self.exchange.request_id);
        self.session.goes_on(&name, async move {
            finish(events).await;
            drop(going_on);
        });
    }
}

/// Lets a response come to its end.
async fn finish(mut events: ResponseEvents) {
    let mut nowhere = Nowhere::default();
    while poll_fn(|context| events.poll_next(context, &mut nowhere)).await {
        if let Some(work) = events.work() {
            work.await;
        }
    }
}

impl Events for GoesOn {
    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<()> {
        self.events.as_mut().map_or(Poll::Ready(()), |events| events.poll_ready(context))
    }

    fn next_content(&self) -> Option<u32> {
        self.events.as_ref()?.next_content()
    }

    fn is_closing(&self) -> bool {
        self.events.as_ref().is_none_or(Events::is_closing)
    }

    fn poll_next(&mut self, context: &mut Context<'_>, out: &mut dyn Frames) -> Poll<bool> {
        self.events.as_mut().map_or(Poll::Ready(false), |events| events.poll_next(context, out))
    }

    fn work(&mut self) -> Option<Work> {
        self.events.as_mut()?.work()
    }

    fn poll_stopped(&mut self, context: &mut Context<'_>) -> Poll<()> {
        self.events.as_mut().map_or(Poll::Pending, |events| events.poll_stopped(context))
    }

    fn write_error(&mut self, error: &ApiError, out: &mut dyn Frames) {
        if let Some(events) = &mut self.events {
            events.write_error(error, out);
        }
    }
}
