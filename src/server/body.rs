//! The body that delivers an answer: due events coalesced into frames, absolute deadlines, scripted faults.
//!
//! No task, no channel, no allocation per event: hyper polls, the body writes whatever is due into one buffer, and a
//! client that leaves is a `Drop`. What drives it, [`Timed`], drives messages of a socket the same way: only how the
//! events are framed differs.

use crate::clock::{self, Mode, Wait};
use crate::reply::fault::{At, FaultKind};
use crate::server::deliver::struck;
use crate::server::file::FileBody;
use crate::server::socket::{Control, Ending};
use crate::server::sse::Sse;
use crate::server::through::Through;
use crate::session::Live;
use crate::session::ending::{Ended, Watch};
use crate::session::exchange::Waiting;
use crate::turn::answer::Delivery;
use crate::wire::error::ApiError;
use crate::wire::event::Events;
use crate::wire::event::Frames;
use crate::wire::event::Work;
use bytes::{BufMut, Bytes};
use http_body::{Body, Frame, SizeHint};
use hyper::body::Incoming;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

/// How a transport frames what is due. What was framed waits here until it is taken.
pub(crate) trait Framing: Frames {
    /// What leaves in one go.
    type Frame;

    /// Bytes of a scripted answer, with a border after them.
    fn bytes(&mut self, bytes: Bytes);

    /// The stream is over, and none of its events says so.
    fn done(&mut self);

    /// Says that the stream still lives, if there is a form for that.
    fn alive(&mut self) {}

    fn is_empty(&self) -> bool;

    /// Whether what is there leaves before more is written.
    fn is_full(&self) -> bool;

    /// The bytes of a frame that carry something.
    fn content(frame: &Self::Frame) -> &[u8];

    /// What leaves next.
    fn take(&mut self) -> Option<Self::Frame>;
}

/// The connection is cut on purpose.
#[derive(Debug)]
pub(crate) struct Cut;

impl std::fmt::Display for Cut {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str("the script cuts this connection")
    }
}

impl std::error::Error for Cut {}

/// The body of every response.
pub(crate) enum ResponseBody {
    /// Whole, at once.
    Full(Option<Bytes>),
    /// From the disk, as it leaves.
    File(Box<FileBody>),
    Timed(Box<Timed<Sse>>),
    /// From the replica that owns the session, as it comes.
    Owner(Box<(Incoming, Arc<Control>)>),
}

/// An answer whose pieces have times, or that breaks.
pub(crate) struct Timed<F> {
    source: BodySource,
    delivery: Option<Box<Delivery>>,
    /// Session time at which the answer began.
    start: Duration,
    live: Live,
    /// Notices that nobody will end a wait any more.
    watch: Watch,
    control: Arc<Control>,
    frames: F,
    /// What must be done before what is written leaves.
    work: Option<Work>,
    wait: Option<Wait>,
    /// When silence has lasted too long.
    silence: Option<Wait>,
    /// The next piece's deadline and hold have been waited for.
    cleared: bool,
    /// Content-bearing events written.
    sent: usize,
    state: BodyState,
}

/// Where the bytes come from.
pub(crate) enum BodySource {
    Events(Box<dyn Events>),
    /// Milliseconds from the start, bytes; reversed, so that the next one is last.
    Chunks(Vec<(u64, Bytes)>),
    /// As they come.
    Passing(Box<Through>),
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum BodyState {
    Open,
    /// The fault has struck; a stall with an end goes on like this.
    Struck,
    /// Cut after what is buffered.
    Cutting(Ending),
    /// Silent until the client leaves.
    Silent,
    Over,
}

impl ResponseBody {
    /// A body whose deadlines count from `start`, in session time.
    pub(crate) fn timed(
        source: BodySource,
        delivery: Option<Box<Delivery>>,
        start: Duration,
        live: Live,
        control: Arc<Control>,
    ) -> Self {
        ResponseBody::Timed(Box::new(Timed::new(Sse::default(), source, delivery, start, live, control)))
    }
}

impl Body for ResponseBody {
    type Data = Bytes;
    type Error = Cut;

    fn poll_frame(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Cut>>> {
        match self.get_mut() {
            ResponseBody::Full(bytes) => Poll::Ready(bytes.take().map(|bytes| Ok(Frame::data(bytes)))),
            ResponseBody::File(file) => file.poll(context).map_ok(Frame::data),
            ResponseBody::Timed(timed) => timed.poll(context).map_ok(Frame::data),
            // What breaks there breaks here.
            // It broke there: what has come leaves first, then the socket ends.
            ResponseBody::Owner(owner) if owner.1.resets() => Poll::Pending,
            ResponseBody::Owner(owner) => match ready!(Pin::new(&mut owner.0).poll_frame(context)) {
                Some(Err(_)) if owner.1.end(Ending::Reset) => Poll::Pending,
                frame => Poll::Ready(frame.map(|frame| frame.map_err(|_| Cut))),
            },
        }
    }

    fn is_end_stream(&self) -> bool {
        match self {
            ResponseBody::Full(bytes) => bytes.is_none(),
            ResponseBody::File(file) => file.left() == 0,
            ResponseBody::Timed(timed) => timed.state == BodyState::Over && timed.frames.is_empty(),
            ResponseBody::Owner(owner) => owner.0.is_end_stream(),
        }
    }

    fn size_hint(&self) -> SizeHint {
        match self {
            ResponseBody::Full(bytes) => SizeHint::with_exact(bytes.as_ref().map_or(0, Bytes::len) as u64),
            ResponseBody::File(file) => SizeHint::with_exact(file.left()),
            ResponseBody::Timed(_) => SizeHint::default(),
            ResponseBody::Owner(owner) => owner.0.size_hint(),
        }
    }
}

impl<F: Framing> Timed<F> {
    /// An answer whose deadlines count from `start`, in session time.
    pub(crate) fn new(
        frames: F,
        source: BodySource,
        delivery: Option<Box<Delivery>>,
        start: Duration,
        live: Live,
        control: Arc<Control>,
    ) -> Self {
        Timed {
            source,
            delivery,
            start,
            watch: live.watch(),
            live,
            control,
            frames,
            work: None,
            wait: None,
            silence: None,
            cleared: false,
            sent: 0,
            state: BodyState::Open,
        }
    }

    /// How it is framed.
    pub(crate) fn frames(&self) -> &F {
        &self.frames
    }

    /// What leaves next, as soon as it is due; `None` at the end.
    pub(crate) fn poll(&mut self, context: &mut Context<'_>) -> Poll<Option<Result<F::Frame, Cut>>> {
        let due = || match self.poll_due(context) {
            Poll::Pending => self.watch.poll(context).map_or(Poll::Pending, |ended| self.let_go(ended, context)),
            due => due,
        };
        catch_unwind(AssertUnwindSafe(due)).unwrap_or_else(|_| self.broke_down())
    }

    /// The session has ended, and what this waits for will not come: events end with an error, and silence, or what has no
    /// form for an error, with the connection.
    fn let_go(&mut self, ended: Ended, context: &mut Context<'_>) -> Poll<Option<Result<F::Frame, Cut>>> {
        let error = self.live.let_go(ended);
        self.wait = None;
        let silent = std::mem::replace(&mut self.state, BodyState::Over) == BodyState::Silent;
        match &mut self.source {
            BodySource::Events(events) if !silent => {
                events.write_error(&error, &mut self.frames);
                self.live.complete();
                self.poll_due(context)
            }
            _ => {
                self.live.complete();
                Poll::Ready(Some(Err(Cut)))
            }
        }
    }

    fn poll_due(&mut self, context: &mut Context<'_>) -> Poll<Option<Result<F::Frame, Cut>>> {
        loop {
            if let BodySource::Events(events) = &mut self.source
                && let Some(work) = events.work()
            {
                self.work = Some(work);
            }
            if let Some(work) = &mut self.work {
                ready!(work.as_mut().poll(context));
                self.work = None;
            }
            if self.frames.is_full() {
                return self.flush_or(Poll::Pending);
            }
            if self.state == BodyState::Silent {
                return self.flush_or(Poll::Pending);
            }
            if let BodyState::Cutting(how) = self.state {
                if self.frames.is_empty() {
                    self.live.complete();
                    // Over HTTP what was written leaves first; then the socket ends, and this body with it.
                    return if self.control.end(how) { Poll::Pending } else { Poll::Ready(Some(Err(Cut))) };
                }
                return self.flush_or(Poll::Pending);
            }
            if self.state == BodyState::Over {
                return self.flush_or(Poll::Ready(None));
            }
            if let BodySource::Events(events) = &mut self.source
                && self.wait.is_some()
                && events.poll_stopped(context).is_ready()
            {
                (self.wait, self.delivery) = (None, None);
                self.live.exchange.wait_for(None);
            }
            if let Some(wait) = &mut self.wait {
                if wait.as_mut().poll(context).is_pending() {
                    return self.quiet(context);
                }
                self.wait = None;
            }
            let ready = match &mut self.source {
                BodySource::Events(events) => events.poll_ready(context),
                BodySource::Passing(bytes) => bytes.poll_ready(context),
                BodySource::Chunks(_) => Poll::Ready(()),
            };
            if ready.is_pending() {
                return self.quiet(context);
            }
            if self.state == BodyState::Open && self.live.exchange.is_cut() {
                self.live.exchange.note(|record| struck(record, "a person cut the connection"));
                self.state = BodyState::Cutting(Ending::Reset);
                continue;
            }
            if self.state == BodyState::Open && self.strikes() {
                continue;
            }
            if !self.cleared && self.must_wait() {
                continue;
            }
            match self.write_next(context) {
                Poll::Pending => return self.quiet(context),
                Poll::Ready(false) => {
                    self.over();
                }
                Poll::Ready(true) => {}
            }
        }
    }

    /// Nothing is due: what is buffered leaves, and silence that has lasted too long is broken by a comment.
    fn quiet(&mut self, context: &mut Context<'_>) -> Poll<Option<Result<F::Frame, Cut>>> {
        let clock = &self.live.session.clock;
        let longest = self.delivery.as_ref().and_then(|delivery| delivery.keep_alive);
        // Nobody waits on the instant clock.
        let Some(longest) = longest.filter(|_| clock.mode() != Mode::Instant) else {
            return self.flush_or(Poll::Pending);
        };
        if !self.frames.is_empty() {
            self.silence = None;
            return self.flush_or(Poll::Pending);
        }
        let silence = match &mut self.silence {
            Some(silence) => Some(silence),
            None => {
                self.silence = clock.wait(clock.now() + longest);
                self.silence.as_mut()
            }
        };
        if silence.is_some_and(|silence| silence.as_mut().poll(context).is_pending()) {
            return Poll::Pending;
        }
        self.silence = None;
        self.frames.alive();
        self.flush_or(Poll::Pending)
    }

    /// Nothing more comes.
    fn over(&mut self) {
        self.state = BodyState::Over;
        self.live.complete();
        if matches!(&self.source, BodySource::Events(events) if events.ends_silently()) {
            self.frames.done();
        }
    }

    /// A bug of ours struck while the answer was under way: its connection ends, and the journal says so.
    fn broke_down(&mut self) -> Poll<Option<Result<F::Frame, Cut>>> {
        self.state = BodyState::Over;
        while self.frames.take().is_some() {}
        self.live.exchange.complain(&ApiError::panicked());
        self.live.complete();
        Poll::Ready(Some(Err(Cut)))
    }

    /// Gives what is buffered; `otherwise` when nothing is.
    fn flush_or(&mut self, otherwise: Poll<Option<Result<F::Frame, Cut>>>) -> Poll<Option<Result<F::Frame, Cut>>> {
        match self.frames.take() {
            Some(frame) => {
                self.live.exchange.leaves(F::content(&frame));
                Poll::Ready(Some(Ok(frame)))
            }
            None => otherwise,
        }
    }

    /// Tokens of the next event if it carries content; `None` also at the end.
    fn next_content(&self) -> Option<u32> {
        match &self.source {
            BodySource::Events(events) => events.next_content(),
            BodySource::Chunks(chunks) => chunks.last().map(|_| 0),
            BodySource::Passing(bytes) => bytes.has_next().then_some(1),
        }
    }

    /// Lets the fault strike if it is due. True = the state changed.
    fn strikes(&mut self) -> bool {
        let Some(fault) = self.delivery.as_ref().and_then(|delivery| delivery.fault.as_ref()) else { return false };
        let due = match fault.at {
            // An event, and an error that is one, need headers before them.
            At::Connect | At::Headers => true,
            At::Deltas(count) => self.is_due(count),
        };
        if !due {
            return false;
        }
        let kind = fault.kind.clone();
        let how = format!("the script broke the answer after {} pieces", self.sent);
        self.live.exchange.note(|record| struck(record, &how));
        self.state = BodyState::Struck;
        match kind {
            FaultKind::Disconnect => self.state = BodyState::Cutting(Ending::Reset),
            FaultKind::Close => self.state = BodyState::Cutting(Ending::Close),
            FaultKind::Stall(None) => {
                self.live.exchange.wait_for(Some(Waiting::Client));
                self.state = BodyState::Silent;
            }
            FaultKind::Stall(Some(ms)) => {
                let deadline = self.live.session.clock.now() + Duration::from_millis(ms);
                self.wait = self.live.wait(deadline);
            }
            FaultKind::Malformed => {
                self.frames.begin(None).put_slice(b"{\"malformed\": ");
                self.frames.end();
            }
            FaultKind::Error(_) => {
                let error = self.delivery.as_ref().and_then(|delivery| delivery.error.clone());
                if let (BodySource::Events(events), Some(error)) = (&mut self.source, error) {
                    events.write_error(&error, &mut self.frames);
                }
                self.over();
            }
        }
        true
    }

    /// Whether what is to happen after so many pieces happens now: before the next one, or before the end.
    fn is_due(&self, after: usize) -> bool {
        let closing = match &self.source {
            BodySource::Events(events) => events.is_closing(),
            BodySource::Chunks(chunks) => chunks.is_empty(),
            BodySource::Passing(bytes) => !bytes.has_next(),
        };
        closing || self.sent >= after && self.next_content().is_some()
    }

    /// Holds the next piece back until its deadline and its release. True = there is something to wait for.
    fn must_wait(&mut self) -> bool {
        let held = self.delivery.as_ref().and_then(|delivery| delivery.hold.as_ref());
        if held.is_some_and(|hold| self.is_due(hold.after_chunks))
            && let Some(hold) = self.delivery.as_mut().and_then(|delivery| delivery.hold.take())
        {
            self.wait = Some(self.live.until_released(hold.until));
            return true;
        }
        let Some(tokens) = self.next_content() else { return self.must_wait_for_the_last() };
        self.cleared = true;
        if let BodySource::Chunks(chunks) = &self.source {
            let at = chunks.last().map_or(0, |(at, _)| *at);
            return self.wait_until(at as f64);
        }
        let Some(delivery) = &mut self.delivery else { return false };
        if delivery.schedule.is_empty() {
            return false;
        }
        let at = delivery.schedule.next(tokens);
        self.wait_until(at)
    }

    /// What follows a piece leaves when the piece's own time is over. True = it is not over yet.
    fn must_wait_for_the_last(&mut self) -> bool {
        let Some(delivery) = self.delivery.as_ref().filter(|_| self.sent > 0) else { return false };
        if delivery.schedule.is_empty() {
            return false;
        }
        let over = delivery.schedule.end();
        self.wait_until(over)
    }

    /// Waits until so many milliseconds after the answer began. True = they are not over yet.
    fn wait_until(&mut self, milliseconds: f64) -> bool {
        let deadline = self.start + clock::milliseconds(milliseconds);
        self.wait = self.live.wait(deadline);
        self.wait.is_some()
    }

    /// Writes the next event. `Ready(false)` = there is none.
    fn write_next(&mut self, context: &mut Context<'_>) -> Poll<bool> {
        let content = self.next_content().is_some();
        let written = match &mut self.source {
            BodySource::Events(events) => ready!(events.poll_next(context, &mut self.frames)),
            BodySource::Chunks(chunks) => match chunks.pop() {
                Some((_, bytes)) => {
                    self.frames.bytes(bytes);
                    true
                }
                None => false,
            },
            BodySource::Passing(bytes) => match bytes.take() {
                Some(bytes) => {
                    self.frames.bytes(bytes);
                    true
                }
                None if bytes.failed() => {
                    // It would look whole otherwise.
                    self.state = BodyState::Cutting(Ending::Close);
                    true
                }
                None => false,
            },
        };
        if content {
            if self.sent == 0 {
                self.live.exchange.first_content.set(clock::world());
            }
            self.sent += 1;
            self.cleared = false;
        }
        Poll::Ready(written)
    }
}

#[cfg(test)]
#[path = "body_tests.rs"]
mod tests;
