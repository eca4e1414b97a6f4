//! The body that delivers an answer: due events coalesced into frames, absolute deadlines, scripted faults.
//!
//! No task, no channel, no allocation per event: hyper polls, the body writes whatever is due into one buffer, and a
//! client that leaves is a `Drop`.

use super::socket::Control;
use crate::api::answer::{Delivery, Events};
use crate::clock::Wait;
use crate::journal::{OpenExchange, Outcome};
use crate::reply::fault::{At, Kind};
use crate::session::Session;
use bytes::{Bytes, BytesMut};
use http_body::{Body, Frame, SizeHint};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

/// A frame is full at this size; more events wait for the next one.
const FRAME: usize = 16 * 1024;

/// The connection is cut on purpose.
#[derive(Debug)]
pub struct Cut;

impl std::fmt::Display for Cut {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str("the script cuts this connection")
    }
}

impl std::error::Error for Cut {}

/// The exchange a body belongs to; whoever drops it unfinished has lost the client.
pub struct Finish {
    pub session: Arc<Session>,
    pub exchange: Arc<OpenExchange>,
    /// Writes the log line.
    pub log: Option<fn(&Session, &OpenExchange)>,
    done: bool,
}

impl Finish {
    pub fn new(session: Arc<Session>, exchange: Arc<OpenExchange>, log: Option<fn(&Session, &OpenExchange)>) -> Self {
        Finish { session, exchange, log, done: false }
    }

    /// The exchange is complete: called before its last byte leaves.
    pub fn complete(&mut self) {
        if !std::mem::replace(&mut self.done, true) {
            if let Some(log) = self.log {
                log(&self.session, &self.exchange);
            }
            self.session.journal.complete(&self.exchange);
        }
    }
}

impl Drop for Finish {
    fn drop(&mut self) {
        if !self.done {
            self.exchange.note(|record| record.aborted = true);
            self.complete();
        }
    }
}

/// The body of every response.
pub enum ResponseBody {
    /// Whole, at once.
    Full(Option<Bytes>),
    Timed(Box<Timed>),
}

/// A body whose bytes have times, or that breaks.
pub struct Timed {
    source: Source,
    delivery: Option<Delivery>,
    /// Session time at which the answer began.
    start: Duration,
    finish: Finish,
    control: Arc<Control>,
    buffer: BytesMut,
    wait: Option<Wait>,
    /// The next piece's deadline and hold have been waited for.
    cleared: bool,
    /// Content-bearing events written.
    sent: usize,
    state: State,
}

/// Where the bytes come from.
pub enum Source {
    Events(Box<dyn Events>),
    /// Milliseconds from the start, bytes; reversed, so that the next one is last.
    Chunks(Vec<(u64, Bytes)>),
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum State {
    Open,
    /// The fault has struck; a stall with an end goes on like this.
    Struck,
    /// Cut after what is buffered.
    Cutting,
    /// Silent until the client leaves.
    Silent,
    Over,
}

impl ResponseBody {
    pub fn timed(source: Source, delivery: Option<Delivery>, finish: Finish, control: Arc<Control>) -> Self {
        let start = finish.session.clock.now();
        ResponseBody::Timed(Box::new(Timed {
            source,
            delivery,
            start,
            finish,
            control,
            buffer: BytesMut::new(),
            wait: None,
            cleared: false,
            sent: 0,
            state: State::Open,
        }))
    }
}

impl Body for ResponseBody {
    type Data = Bytes;
    type Error = Cut;

    fn poll_frame(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Cut>>> {
        match self.get_mut() {
            ResponseBody::Full(bytes) => Poll::Ready(bytes.take().map(|bytes| Ok(Frame::data(bytes)))),
            ResponseBody::Timed(timed) => timed.poll_frame(context),
        }
    }

    fn is_end_stream(&self) -> bool {
        match self {
            ResponseBody::Full(bytes) => bytes.is_none(),
            ResponseBody::Timed(timed) => timed.state == State::Over && timed.buffer.is_empty(),
        }
    }

    fn size_hint(&self) -> SizeHint {
        match self {
            ResponseBody::Full(bytes) => SizeHint::with_exact(bytes.as_ref().map_or(0, Bytes::len) as u64),
            ResponseBody::Timed(_) => SizeHint::default(),
        }
    }
}

impl Timed {
    fn poll_frame(&mut self, context: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Cut>>> {
        loop {
            if self.state == State::Silent {
                return self.flush_or(Poll::Pending);
            }
            if self.state == State::Cutting {
                if self.buffer.is_empty() {
                    self.finish.complete();
                    self.control.reset();
                    return Poll::Ready(Some(Err(Cut)));
                }
                return self.flush_or(Poll::Pending);
            }
            if self.state == State::Over {
                return self.flush_or(Poll::Ready(None));
            }
            if let Some(wait) = &mut self.wait {
                if wait.as_mut().poll(context).is_pending() {
                    return self.flush_or(Poll::Pending);
                }
                self.wait = None;
            }
            if self.state == State::Open && self.strikes() {
                continue;
            }
            if !self.cleared && self.must_wait() {
                continue;
            }
            match self.write_next(context) {
                Poll::Pending => return self.flush_or(Poll::Pending),
                Poll::Ready(false) => {
                    self.state = State::Over;
                    self.finish.complete();
                }
                Poll::Ready(true) if self.buffer.len() >= FRAME => return self.flush_or(Poll::Pending),
                Poll::Ready(true) => {}
            }
        }
    }

    /// Gives what is buffered; `otherwise` when nothing is.
    fn flush_or(
        &mut self,
        otherwise: Poll<Option<Result<Frame<Bytes>, Cut>>>,
    ) -> Poll<Option<Result<Frame<Bytes>, Cut>>> {
        if self.buffer.is_empty() {
            otherwise
        } else {
            Poll::Ready(Some(Ok(Frame::data(self.buffer.split().freeze()))))
        }
    }

    /// Tokens of the next event if it carries content; `None` also at the end.
    fn next_content(&self) -> Option<u32> {
        match &self.source {
            Source::Events(events) => events.next_content(),
            Source::Chunks(chunks) => chunks.last().map(|_| 0),
        }
    }

    /// Lets the fault strike if it is due. True = the state changed.
    fn strikes(&mut self) -> bool {
        let Some(fault) = self.delivery.as_ref().and_then(|delivery| delivery.fault.as_ref()) else { return false };
        let due = match fault.at {
            At::Connect | At::Headers => true,
            At::Deltas(count) => self.sent >= count && self.next_content().is_some() || self.is_closing(),
        };
        if !due {
            return false;
        }
        let kind = fault.kind.clone();
        self.finish.exchange.note(|record| {
            if record.outcome != Outcome::Scripted {
                record.outcome = Outcome::Faulted;
            }
            record.explanation = Some(format!("the script broke the answer after {} pieces", self.sent));
        });
        self.state = State::Struck;
        match kind {
            Kind::Disconnect => self.state = State::Cutting,
            Kind::Stall(None) => {
                self.finish.complete();
                self.state = State::Silent;
            }
            Kind::Stall(Some(ms)) => {
                let clock = &self.finish.session.clock;
                self.wait = clock.wait(clock.now() + Duration::from_millis(ms));
            }
            Kind::Malformed => self.buffer.extend_from_slice(b"data: {\"malformed\": \n\n"),
            Kind::Error(_) => {
                let error = self.delivery.as_ref().and_then(|delivery| delivery.error.clone());
                if let (Source::Events(events), Some(error)) = (&mut self.source, error) {
                    events.write_error(&error, &mut self.buffer);
                }
                self.state = State::Over;
                self.finish.complete();
            }
        }
        true
    }

    /// Whether content is over and only the end is left, so that a fault that still waits for more must strike now.
    fn is_closing(&self) -> bool {
        self.sent > 0 && self.next_content().is_none()
    }

    /// Holds the next piece back until its deadline and its release. True = there is something to wait for.
    fn must_wait(&mut self) -> bool {
        let Some(tokens) = self.next_content() else { return self.must_wait_for_the_last() };
        self.cleared = true;
        let clock = &self.finish.session.clock;
        if let Source::Chunks(chunks) = &self.source {
            let at = chunks.last().map_or(0, |(at, _)| *at);
            self.wait = clock.wait(self.start + Duration::from_millis(at));
            return self.wait.is_some();
        }
        let Some(delivery) = &mut self.delivery else { return false };
        if let Some(hold) = &delivery.hold
            && hold.after_chunks == self.sent
        {
            let mut released = self.finish.session.released.subscribe();
            let name = hold.until.clone();
            // Once: a second hold at the same piece would wait for the same name.
            delivery.hold = None;
            self.cleared = false;
            self.wait = Some(Box::pin(async move {
                // An error means the session is gone: nobody could release it any more.
                let _ = released.wait_for(|names| names.contains(&name)).await;
            }));
            return true;
        }
        if delivery.schedule.is_empty() {
            return false;
        }
        let at = delivery.schedule.next(tokens);
        self.wait = clock.wait(self.start + Duration::from_secs_f64(at.max(0.0) / 1000.0));
        self.wait.is_some()
    }

    /// What follows a piece leaves when the piece's own time is over. True = it is not over yet.
    fn must_wait_for_the_last(&mut self) -> bool {
        let Some(delivery) = self.delivery.as_ref().filter(|_| self.sent > 0) else { return false };
        if delivery.schedule.is_empty() {
            return false;
        }
        let over = self.start + Duration::from_secs_f64(delivery.schedule.end().max(0.0) / 1000.0);
        self.wait = self.finish.session.clock.wait(over);
        self.wait.is_some()
    }

    /// Writes the next event. `Ready(false)` = there is none.
    fn write_next(&mut self, context: &mut Context<'_>) -> Poll<bool> {
        let content = self.next_content().is_some();
        let written = match &mut self.source {
            Source::Events(events) => ready!(events.poll_next(context, &mut self.buffer)),
            Source::Chunks(chunks) => match chunks.pop() {
                Some((_, bytes)) => {
                    self.buffer.extend_from_slice(&bytes);
                    true
                }
                None => false,
            },
        };
        if content {
            self.sent += 1;
            self.cleared = false;
        }
        Poll::Ready(written)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::api::error::ApiError;
    use crate::clock::Mode;
    use crate::options::{Door, Options};
    use crate::random::Random;
    use crate::reply::fault::Fault;
    use crate::reply::pace::{Hold, Pace, Schedule};
    use http_body_util::BodyExt;
    use tokio::time::Instant;

    /// `count` pieces of one token each, then an end that is no content.
    struct Pieces {
        left: usize,
        ended: bool,
    }

    impl Events for Pieces {
        fn next_content(&self) -> Option<u32> {
            (self.left > 0).then_some(1)
        }

        fn poll_next(&mut self, _: &mut Context<'_>, out: &mut BytesMut) -> Poll<bool> {
            if self.left > 0 {
                self.left -= 1;
                out.extend_from_slice(b"p");
                return Poll::Ready(true);
            }
            let first = !std::mem::replace(&mut self.ended, true);
            if first {
                out.extend_from_slice(b".");
            }
            Poll::Ready(first)
        }

        fn write_error(&mut self, error: &ApiError, out: &mut BytesMut) {
            out.extend_from_slice(error.message.as_bytes());
            self.left = 0;
            self.ended = true;
        }
    }

    fn session(clock: Mode) -> Arc<Session> {
        Arc::new(Session::new("key", "key", clock, 0, &Options::default().settle(Door::InProcess)))
    }

    fn body(session: &Arc<Session>, count: usize, pace: Pace, fault: Option<Fault>) -> ResponseBody {
        let (headers, body) = (Arc::default(), Bytes::new());
        let exchange =
            OpenExchange::new("x", "POST".into(), "/".into(), headers, body, true, Duration::ZERO, "r".into());
        let delivery = Delivery {
            wait: Duration::ZERO,
            schedule: Schedule::new(&pace, &mut Random::new(1)),
            hold: pace.hold.clone(),
            fault,
            error: Some(ApiError::invalid("!")),
        };
        let finish = Finish::new(session.clone(), Arc::new(exchange), None);
        let source = Source::Events(Box::new(Pieces { left: count, ended: false }));
        ResponseBody::timed(source, Some(delivery), finish, Arc::default())
    }

    /// All frames until the end or the cut, each with the time it came at.
    async fn frames(mut body: ResponseBody) -> (Vec<(String, Duration)>, bool) {
        let start = Instant::now();
        let mut got = Vec::new();
        while let Some(frame) = body.frame().await {
            let Ok(frame) = frame else { return (got, true) };
            let data = frame.into_data().unwrap_or_default();
            got.push((String::from_utf8_lossy(&data).into_owned(), start.elapsed()));
        }
        (got, false)
    }

    fn per_second(tokens: f64) -> Pace {
        Pace { tokens_per_second: Some(tokens), ..Pace::default() }
    }

    #[tokio::test(start_paused = true)]
    async fn without_a_pace_everything_is_one_frame() {
        let (got, cut) = frames(body(&session(Mode::Real), 500, Pace::default(), None)).await;
        assert_eq!((got.len(), cut), (1, false));
        assert_eq!(got[0].0.len(), 501);
    }

    #[tokio::test(start_paused = true)]
    async fn the_schedule_does_not_drift() {
        let (got, _) = frames(body(&session(Mode::Real), 500, per_second(50.0), None)).await;
        let (last, at) = got.last().expect("frames");
        assert!(last.ends_with('.'));
        let late = at.as_secs_f64() - got[0].1.as_secs_f64() - 500.0 / 50.0;
        assert!(late.abs() < 0.01, "{at:?} {late}");
    }

    #[tokio::test(start_paused = true)]
    async fn the_instant_clock_sleeps_never() {
        let session = session(Mode::Instant);
        let (_, at) = frames(body(&session, 30, per_second(1.0), None)).await.0.pop().expect("frames");
        assert_eq!(at, Duration::ZERO);
        assert!(session.clock.now() >= Duration::from_secs(29));
    }

    #[tokio::test(start_paused = true)]
    async fn a_disconnect_comes_after_the_pieces_asked_for() {
        let fault = Fault { at: At::Deltas(2), kind: Kind::Disconnect };
        let (got, cut) = frames(body(&session(Mode::Real), 5, Pace::default(), Some(fault))).await;
        let text: String = got.into_iter().map(|(text, _)| text).collect();
        assert_eq!((text.as_str(), cut), ("pp", true));
    }

    #[tokio::test(start_paused = true)]
    async fn a_fault_beyond_the_end_strikes_before_it() {
        let fault = Fault { at: At::Deltas(9), kind: Kind::Error(Box::default()) };
        let (got, cut) = frames(body(&session(Mode::Real), 2, Pace::default(), Some(fault))).await;
        assert_eq!((got[0].0.as_str(), cut), ("pp!", false));
    }

    #[tokio::test(start_paused = true)]
    async fn a_stall_with_an_end_goes_on() {
        let fault = Fault { at: At::Deltas(1), kind: Kind::Stall(Some(1000)) };
        let (got, _) = frames(body(&session(Mode::Real), 2, Pace::default(), Some(fault))).await;
        assert_eq!(got, [("p".to_string(), Duration::ZERO), ("p.".to_string(), Duration::from_secs(1))]);
    }

    #[tokio::test(start_paused = true)]
    async fn a_hold_waits_for_its_release() {
        let session = session(Mode::Real);
        let pace = Pace { hold: Some(Hold { after_chunks: 1, until: "go".into() }), ..Pace::default() };
        let mut held = body(&session, 2, pace, None);
        let first = held.frame().await.expect("frame").expect("data").into_data().expect("data");
        assert_eq!(&first[..], b"p");
        assert!(futures_util::poll!(std::pin::pin!(held.frame())).is_pending());
        session.release("go");
        let rest = held.frame().await.expect("frame").expect("data").into_data().expect("data");
        assert_eq!(&rest[..], b"p.");
    }

    #[tokio::test(start_paused = true)]
    async fn a_client_that_leaves_is_noted() {
        let session = session(Mode::Real);
        drop(body(&session, 2, Pace::default(), None));
        let (_, exchange) = session.journal.since(0, 1).pop().expect("exchange");
        assert!(exchange.record().aborted);
    }
}
