//! A response as a stream of events.

use crate::api::logprobs;
use crate::api::responses::beats::{Cutter, EventStep, Score};
use crate::api::responses::events::{self, EventField};
use crate::api::responses::items::{Item, Maker};
use crate::api::responses::keep::ResponseKeeper;
use crate::api::responses::record::{End, Frame, ResponseObject, ResponseRecord, Status};
use crate::random::Random;
use crate::reply::Reply;
use crate::tokens::Encoding;
use crate::turn::{Driver, Step};
use crate::wire::error::ApiError;
use crate::wire::event::Events;
use crate::wire::event::Frames;
use crate::wire::event::Nowhere;
use crate::wire::event::Work;
use serde_json::{Value, json};
use std::collections::VecDeque;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

/// The events of one response, in order; `sequence_number` counts them from 0.
pub(crate) struct ResponseEvents {
    frame: Arc<Frame>,
    cutter: Cutter,
    random: Random,
    steps: VecDeque<EventStep>,
    /// Items whose events were made.
    items: Vec<Arc<Item>>,
    /// The whole response, once it is known.
    record: Option<Arc<ResponseRecord>>,
    /// What is still arriving.
    feed: Option<Feed>,
    /// Why the rest will not come.
    failed: Option<ApiError>,
    sequence: u64,
    /// Events up to this number are not sent: the client has them.
    after: Option<u64>,
    over: bool,
    keeper: Option<Arc<ResponseKeeper>>,
    /// The response is being written down.
    keeping: Option<Work>,
    stop: Stop,
}

/// Whether a background response is cancelled while its events leave.
enum Stop {
    /// It cannot be, or is over.
    Never,
    /// When this completes; the response is then this.
    When(Work, Arc<ResponseRecord>),
    Stopped,
}

/// Makes the record of the items that were streamed and the reply they are; the maker makes what follows them.
type FinishWith = dyn FnOnce(Vec<Arc<Item>>, Reply, &mut Maker) -> ResponseRecord + Send;

/// A reply still arriving, what makes its items, and in the end a record of them.
pub(crate) struct Feed {
    arriving: Box<Driver>,
    maker: Maker,
    finish: Box<FinishWith>,
    /// The item that grows.
    open: Option<Item>,
    /// Draws log probabilities, if asked: so many alternatives each.
    scores: Option<(u8, Random)>,
}

impl Feed {
    pub(crate) fn new(
        arriving: Box<Driver>,
        maker: Maker,
        scores: Option<(u8, Random)>,
        finish: impl FnOnce(Vec<Arc<Item>>, Reply, &mut Maker) -> ResponseRecord + Send + 'static,
    ) -> Self {
        Feed { arriving, maker, finish: Box::new(finish), open: None, scores }
    }

    /// Log probabilities of what a message's text grew by.
    fn score(&mut self, text: &str, encoding: Encoding) -> Vec<Value> {
        let Some((top, random)) = &mut self.scores else { return Vec::new() };
        logprobs::responses(&logprobs::invent(logprobs::tokens_of(text, encoding), *top, random))
    }

    /// Whether the choice ended too early.
    fn is_cut(&self, choice: usize) -> bool {
        use crate::reply::Finish::{ContentFilter, Length};
        matches!(self.arriving.choice(choice).finish, Some(Length | ContentFilter))
    }
}

impl ResponseEvents {
    /// The events of a response that is known to its end.
    pub(crate) fn replay(record: Arc<ResponseRecord>) -> Self {
        let cutter = Cutter { reply: Arc::default(), chunk: record.chunk.clone(), encoding: record.encoding };
        let (frame, random) = (record.frame.clone(), record.random.clone());
        ResponseEvents { record: Some(record), ..ResponseEvents::new(frame, cutter, random) }
    }

    /// The events of a response that is still arriving; `keep` gets it when it ends.
    pub(crate) fn live(frame: Arc<Frame>, cutter: Cutter, random: Random, feed: Feed) -> Self {
        ResponseEvents { feed: Some(feed), ..ResponseEvents::new(frame, cutter, random) }
    }

    fn new(frame: Arc<Frame>, cutter: Cutter, random: Random) -> Self {
        ResponseEvents {
            frame,
            cutter,
            random,
            steps: VecDeque::new(),
            items: Vec::new(),
            record: None,
            feed: None,
            failed: None,
            sequence: 0,
            after: None,
            over: false,
            keeper: None,
            keeping: None,
            stop: Stop::Never,
        }
    }

    /// Leaves out the events up to this number.
    pub(crate) fn after(mut self, sequence: Option<u64>) -> Self {
        self.after = sequence;
        self
    }

    /// Whether deltas carry `obfuscation`, whatever was asked when the response was made.
    pub(crate) fn obfuscate(mut self, obfuscate: bool) -> Self {
        if self.frame.obfuscate != obfuscate {
            self.frame = Arc::new(Frame { obfuscate, ..(*self.frame).clone() });
        }
        self
    }

    /// The reply whose texts it shows: they remember their cuts.
    pub(crate) fn of(mut self, reply: Arc<Reply>) -> Self {
        self.cutter.reply = reply;
        self
    }

    /// Has the response kept when it has arrived, or fails.
    pub(crate) fn kept_by(mut self, keeper: Arc<ResponseKeeper>) -> Self {
        self.keeper = Some(keeper);
        self
    }

    /// Lets it end when `stopped` completes, as one of which nothing came.
    pub(crate) fn stopping(mut self, stopped: Work, record: &ResponseRecord) -> Self {
        self.stop = Stop::When(stopped, Arc::new(record.cancelled()));
        self
    }

    /// Whether more of it comes than what is known.
    pub(crate) fn is_arriving(&self) -> bool {
        self.feed.is_some()
    }

    /// Ends it if it was stopped: what was still to come is left out. Whether it was.
    fn stops(&mut self, context: &mut Context<'_>) -> bool {
        if let Stop::When(stopped, record) = &mut self.stop
            && stopped.as_mut().poll(context).is_ready()
        {
            self.record = Some(record.clone());
            (self.feed, self.failed) = (None, None);
            self.steps.clear();
            self.items.clear();
            self.stop = Stop::Stopped;
        }
        matches!(self.stop, Stop::Stopped)
    }

    /// The client knows how it ended. Only of what lasts, somebody else may have been told otherwise.
    fn tell(&mut self) {
        self.stop = Stop::Never;
        let lasts =
            self.record.as_ref().filter(|record| record.frame.background && record.end.status != Status::Cancelled);
        if let (Some(record), Some(keeper), None) = (lasts, self.keeper.clone(), &self.keeping) {
            let id = record.frame.id.clone();
            self.keeping = Some(Box::pin(async move { keeper.told(&id).await }));
        }
    }

    /// Has a response written down before anything more leaves.
    fn keep(&mut self, record: Arc<ResponseRecord>) {
        if let Some(keeper) = self.keeper.clone() {
            self.keeping = Some(Box::pin(async move { keeper.keep(&record).await }));
        }
    }

    /// The events before the first item.
    fn opening(&self) -> &'static [(&'static str, Status)] {
        if self.frame.background {
            &[
                ("response.created", Status::Queued),
                ("response.queued", Status::Queued),
                ("response.in_progress", Status::InProgress),
            ]
        } else {
            &[("response.created", Status::InProgress), ("response.in_progress", Status::InProgress)]
        }
    }

    fn score(&mut self) -> Score<'_> {
        Score { cutter: &self.cutter, frame: &self.frame, steps: &mut self.steps }
    }

    /// Makes the steps of the next item that is known, or of the next ones if they come together.
    fn next_item(&mut self) -> bool {
        let index = self.items.len();
        let Some(record) = self.record.clone() else { return false };
        let rest = record.items.get(index..).unwrap_or_default();
        let lists = rest.iter().take_while(|item| item.kind.name == "mcp_list_tools").count();
        let Some((first, _)) = rest.split_first() else { return false };
        match rest.get(..lists) {
            Some(lists) if lists.len() > 1 => {
                self.score().together(lists, index);
                self.items.extend_from_slice(lists);
            }
            _ => {
                self.score().item(first, index);
                self.items.push(first.clone());
            }
        }
        true
    }

    /// Makes steps until there is one to write, as far as that needs no waiting.
    fn prime(&mut self) {
        while self.steps.is_empty() && self.failed.is_none() && self.next_item() {}
    }

    /// Takes what has arrived; `Pending` while nothing has.
    fn take(&mut self, context: &mut Context<'_>) -> Poll<()> {
        let Some(feed) = &mut self.feed else { return Poll::Ready(()) };
        match ready!(feed.arriving.poll_next(context)) {
            Some(Ok(step)) => self.step(&step),
            Some(Err(error)) => self.failed = Some(error),
            None => self.arrived(),
        }
        Poll::Ready(())
    }

    /// Makes the events of what has arrived.
    fn step(&mut self, step: &Step) {
        let Some(feed) = &mut self.feed else { return };
        let index = self.items.len();
        let mut score = Score { cutter: &self.cutter, frame: &self.frame, steps: &mut self.steps };
        match step {
            Step::Begun(choice, at) => {
                let part = feed.arriving.part(*choice, *at);
                feed.open = part.and_then(|part| feed.maker.item(part, false));
                if let Some(item) = &feed.open {
                    score.opened(item, index);
                }
            }
            Step::Grown(choice, at, range) => {
                let text = feed.arriving.text(*choice, *at).get(range.clone()).unwrap_or_default().to_string();
                let Some(mut item) = feed.open.take() else { return };
                let scores = match item.scores() {
                    Some(_) => feed.score(&text, self.cutter.encoding),
                    None => Vec::new(),
                };
                item.scores().into_iter().for_each(|all| all.extend(scores.iter().cloned()));
                score.grown(&text, &item, index, scores);
                feed.open = Some(item);
            }
            Step::Ended(choice, at) => {
                let Some(mut item) = feed.open.take() else { return };
                item.part = Some(*at);
                item.fill(feed.arriving.text(*choice, *at));
                if feed.is_cut(*choice) {
                    item.cut_short();
                }
                let item = Arc::new(item);
                score.closed(&item, index);
                self.items.push(item);
            }
            Step::Part(choice, at) => {
                let part = feed.arriving.part(*choice, *at);
                let Some(mut item) = part.and_then(|part| feed.maker.item(part, false)) else { return };
                item.part = Some(*at);
                if let Some(scores) = item.scores() {
                    *scores = feed.score(feed.arriving.text(*choice, *at).to_string().as_str(), self.cutter.encoding);
                }
                if feed.is_cut(*choice) {
                    item.cut_short();
                }
                let item = Arc::new(item);
                score.item(&item, index);
                self.items.push(item);
            }
        }
    }

    /// What was arriving is a response now; it is kept.
    fn arrived(&mut self) {
        let Some(mut feed) = self.feed.take() else { return };
        let record = Arc::new((feed.finish)(self.items.clone(), feed.arriving.reply(), &mut feed.maker));
        self.keep(record.clone());
        self.record = Some(record);
    }

    /// Appends the next event; false when there is none yet.
    fn write_step(&mut self, out: &mut dyn Frames) -> bool {
        loop {
            self.prime();
            match self.steps.front_mut() {
                None => return false,
                Some(EventStep::Event(name, fields)) => {
                    events::write(name, fields, self.sequence, out);
                    self.steps.pop_front();
                    return true;
                }
                Some(EventStep::Deltas(deltas)) => {
                    let wrote = deltas.write(self.sequence, &mut self.random, out);
                    if deltas.next_tokens().is_none() {
                        self.steps.pop_front();
                    }
                    if wrote {
                        return true;
                    }
                }
            }
        }
    }

    /// Appends the next event, whether the client has it or not. `None` = it has not arrived yet.
    fn write_next(&mut self, context: &mut Context<'_>, out: &mut dyn Frames) -> Poll<bool> {
        if self.over {
            return Poll::Ready(false);
        }
        if let Some((name, status)) = self.opening().get(self.sequence as usize) {
            let object = ResponseObject { frame: &self.frame, status: *status, items: &[], end: None, billing: false };
            events::write_object(name, &object, self.sequence, out);
            return Poll::Ready(true);
        }
        loop {
            ready!(self.poll_ready(context));
            if self.write_step(out) {
                return Poll::Ready(true);
            }
            if let Some(error) = self.failed.take() {
                self.write_error(&error, out);
                return Poll::Ready(true);
            }
            if let Some(record) = &self.record {
                write_end(record, self.sequence, out);
                self.over = true;
                self.tell();
                return Poll::Ready(true);
            }
        }
    }
}

impl Events for ResponseEvents {
    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<()> {
        loop {
            self.stops(context);
            self.prime();
            let opens = (self.sequence as usize) < self.opening().len();
            if opens || self.over || !self.steps.is_empty() || self.failed.is_some() || self.record.is_some() {
                return Poll::Ready(());
            }
            ready!(self.take(context));
        }
    }

    fn is_closing(&self) -> bool {
        let more = |record: &Arc<ResponseRecord>| record.items.len() > self.items.len();
        self.sequence as usize >= self.opening().len()
            && self.feed.is_none()
            && !self.steps.iter().any(|step| matches!(step, EventStep::Deltas(_)))
            && !self.record.as_ref().is_some_and(more)
    }

    fn next_content(&self) -> Option<u32> {
        match self.steps.front() {
            Some(EventStep::Deltas(deltas)) => deltas.next_tokens(),
            _ => None,
        }
    }

    fn poll_next(&mut self, context: &mut Context<'_>, out: &mut dyn Frames) -> Poll<bool> {
        loop {
            let sent = self.after.is_none_or(|after| self.sequence > after);
            let poll = match sent {
                true => self.write_next(context, out),
                false => self.write_next(context, &mut Nowhere::default()),
            };
            if poll != Poll::Ready(true) {
                return poll;
            }
            self.sequence += 1;
            // So that `next_content` knows what comes next.
            self.prime();
            if sent {
                return Poll::Ready(true);
            }
        }
    }

    fn work(&mut self) -> Option<Work> {
        self.keeping.take()
    }

    fn poll_stopped(&mut self, context: &mut Context<'_>) -> Poll<()> {
        if self.stops(context) { Poll::Ready(()) } else { Poll::Pending }
    }

    /// `error` and `response.failed`, as recorded for a rate limit reached in mid-stream (real-traffic §2.4).
    fn write_error(&mut self, error: &ApiError, out: &mut dyn Frames) {
        let inner = json!({"type": error.kind, "code": error.code, "message": error.message, "param": error.param});
        events::write("error", &[("error", EventField::Json(inner))], self.sequence, out);
        self.sequence += 1;
        self.arrived();
        // Items whose last event is still to come were never finished.
        let last = |step: &&EventStep| matches!(step, EventStep::Event("response.output_item.done", _));
        let unfinished = self.steps.iter().filter(last).count();
        self.items.truncate(self.items.len().saturating_sub(unfinished));
        if let Some(known) = &self.record {
            let (items, end) = (self.items.clone(), End::failed(error));
            let record = ResponseRecord { items, end, job: None, ..(**known).clone() };
            write_end(&record, self.sequence, out);
            self.keep(Arc::new(record));
        }
        self.steps.clear();
        self.over = true;
    }
}

/// The terminal event.
fn write_end(record: &ResponseRecord, sequence: u64, out: &mut dyn Frames) {
    let end = &record.end;
    let name = match end.status {
        Status::Incomplete => "response.incomplete",
        Status::Failed | Status::Cancelled => "response.failed",
        _ => "response.completed",
    };
    let object = ResponseObject {
        frame: &record.frame,
        status: end.status,
        items: &record.items,
        end: Some(end),
        billing: false,
    };
    events::write_object(name, &object, sequence, out);
}
