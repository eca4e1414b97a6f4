//! An exchange: a request (or a message on a socket) and what becomes of it, in the journal from the moment it begins.
//!
//! It is complete before its last byte leaves, so a client that has its answer finds all of it in the [`journal`];
//! [`transcript`] shows it to people.

mod begun;
mod kept;
mod moment;
mod told;

pub(crate) use begun::{Begun, method};
pub(crate) use kept::ExchangeRow;
pub(crate) use told::level;

use self::moment::Moment;
use super::journal::Journal;
use super::sent::SentLog;
use super::serial::SerialNumbers;
use crate::clock;
use crate::memory::{Account, Held, weight};
use crate::redact::veil::Veil;
use crate::reply::{Reply, describe};
use crate::script::Rule;
use crate::wire::error::ApiError;
use crate::wire::headers::Headers;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use std::ops::Deref;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError, Weak};
use std::time::Duration;

/// Numbers of exchanges.
static NUMBERS: SerialNumbers = SerialNumbers::new();

/// What became of a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Outcome {
    /// A rule of the script answered.
    Scripted,
    /// The fallback answered.
    Fallback,
    /// Nothing matched.
    NoMatch,
    /// Refused before it took a turn: invalid, unknown model, no key, a limit.
    Rejected,
    /// Chaos or a scenario model answered.
    Faulted,
    /// An operation without a turn.
    Served,
}

impl Outcome {
    /// As it is shown.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Outcome::Scripted => "scripted",
            Outcome::Fallback => "fallback",
            Outcome::NoMatch => "no_match",
            Outcome::Rejected => "rejected",
            Outcome::Faulted => "faulted",
            Outcome::Served => "served",
        }
    }
}

/// What is known of an exchange so far.
#[derive(Debug, Clone)]
pub(crate) struct Record {
    pub outcome: Outcome,
    /// The responder that answered.
    pub by: Option<&'static str>,
    /// The rule that answered, or was about to.
    pub rule: Option<Arc<Rule>>,
    /// Its label, of an exchange that another process answered.
    kept_rule: Option<String>,
    /// Of the answer, once it has begun to leave; `None` for good when nothing of it ever left.
    pub status: Option<u16>,
    /// What "the model" said.
    pub said: Said,
    /// Why nothing matched, or why the answer failed.
    pub explanation: Option<String>,
    /// What was accepted although it is unknown here.
    pub warnings: Vec<String>,
    /// The client left before the end.
    pub aborted: bool,
    /// The emulator's own complaint, if it had one: the test that caused it must not pass.
    pub failure: Option<Box<Failure>>,
    /// What holds the answer back, but for the clock.
    waiting: Option<Waiting>,
    /// Its answer has left.
    left: bool,
    /// Nothing changes any more.
    done: bool,
}

/// A complaint of the emulator itself: nothing matched, an expectation or a check failed, a function threw, an operation
/// is not built. Whatever the application makes of the error, `verify` fails with it.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub(crate) struct Failure {
    /// `no_matching_rule`, `script_mismatch`, `expectation_failed`, `reply_function_failed` …
    pub code: String,
    pub message: String,
}

/// What an exchange in flight waits for.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub(crate) enum Waiting {
    /// The session's clock; `until` in milliseconds since its start.
    Clock { until: u64 },
    /// A hold, ended by `release(name)`.
    Hold { name: String },
    /// A reply function.
    Function,
    /// A person.
    Operator,
    /// The upstream.
    Upstream,
    /// Silent by a fault: until the client leaves.
    Client,
}

/// What "the model" said; a text only when somebody asks.
#[derive(Debug, Clone)]
pub(crate) enum Said {
    Reply(Arc<Reply>),
    /// An error's message.
    Error(String),
    /// What is left of a large reply: as people read it.
    Shown(String),
}

/// Bytes an exchange takes beside its texts.
const OVERHEAD: usize = size_of::<Exchange>() + 256;

/// Bytes of a reply that is kept when its exchange is over; of a larger one only what is shown.
const LARGE: usize = 4 * 1024;

impl Record {
    /// What the rule that answered is called.
    pub(crate) fn rule_label(&self) -> Option<&str> {
        self.rule.as_ref().map(|rule| rule.label()).or(self.kept_rule.as_deref())
    }

    /// What "the model" said, as text for people; the error's message for errors; nothing when nothing was sent.
    pub(crate) fn said(&self) -> String {
        match &self.said {
            _ if self.status.is_none() => String::new(),
            Said::Reply(reply) => describe::reply(reply),
            Said::Error(message) | Said::Shown(message) => message.clone(),
        }
    }

    /// Nothing is added any more: keeps of what was said what can be asked for. Gives the bytes it takes.
    fn settle(&mut self) -> usize {
        let of_rule = |reply| self.rule.iter().flat_map(|rule| &rule.replies).any(|one| Arc::ptr_eq(one, reply));
        let said = match &self.said {
            // The rule's own is counted with the script.
            Said::Reply(reply) if of_rule(reply) => 0,
            Said::Reply(reply) => match reply.text_size() {
                Some(size) if size <= LARGE => size,
                _ => {
                    let shown = describe::reply(reply);
                    let left = shown.len();
                    self.said = Said::Shown(shown);
                    left
                }
            },
            Said::Error(message) | Said::Shown(message) => message.len(),
        };
        let texts = self.explanation.iter().chain(&self.warnings).map(String::len).sum::<usize>();
        said + texts
    }

    /// Whether the exchange is over.
    pub(crate) fn is_done(&self) -> bool {
        self.done
    }
}

/// A request and what becomes of it. Few allocations, and what is rare in boxes: a journal keeps thousands, of which each new
/// one takes the place of one that no processor's cache has any more.
#[derive(Debug)]
pub(crate) struct Exchange {
    /// Its number in this process: what pages call it.
    pub serial: u64,
    /// Its place in the session, from 0; given by the journal.
    pub number: u64,
    /// What it began with, which it shows as its own.
    begun: Begun,
    /// When it began, in the world's time, since 1970.
    pub arrived: Duration,
    /// When its answer began, and when it was over, in the world's time.
    pub first: Moment,
    pub over: Moment,
    /// The text a person would recognise the request by.
    asked: Mutex<String>,
    /// The tool results it brought, if any: see [`crate::responders::request::tool_results`].
    pub tool_results: OnceLock<Box<Value>>,
    /// What the request is refused with as soon as a reply is there for it, where the script is asked first.
    pub refusal: OnceLock<Box<ApiError>>,
    /// Rate limits the answer's headers show.
    pub limits: OnceLock<crate::session::limits::RateLimits>,
    /// The model that answered, as answers name it.
    pub model: OnceLock<String>,
    /// When the first piece of its content was written, in the world's time, where it is written piece by piece.
    pub first_content: Moment,
    /// Tokens of the request and of the answer, as its `usage` says.
    pub tokens: OnceLock<(u64, u64)>,
    /// What it used beside a model, for usage; of most exchanges nothing.
    pub uses: OnceLock<Box<[PaidUse]>>,
    record: Mutex<Record>,
    /// Milliseconds since the clock's start that the next piece waits for. Written for every piece, so without a lock.
    until: AtomicU64,
    /// Somebody cut its connection.
    cut: AtomicBool,
    /// What goes on behind its answer: it is not over before that is.
    behind: AtomicUsize,
    /// Its answer as it left, where somebody may look at it: of most exchanges nobody does.
    pub sent: OnceLock<Box<SentLog>>,
    /// Hides the key that an upstream was asked with.
    veil: OnceLock<Arc<Veil>>,
    /// What it holds of the journal's account.
    held: Held,
    /// What was kept of it last, by its hash.
    kept: AtomicU64,
    /// Where it began, and where it is told of: a reset in between changes nothing.
    journal: Weak<Journal>,
}

/// Something beside a model's answer that OpenAI counts.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum PaidUse {
    /// A search in this vector store.
    FileSearch(String),
    WebSearch,
    /// A container that began.
    CodeSession,
    /// A decision of this model.
    Decision(String),
}

impl Deref for Exchange {
    type Target = Begun;

    fn deref(&self) -> &Begun {
        &self.begun
    }
}

impl Exchange {
    pub(super) fn new(begun: Begun, number: u64, journal: Weak<Journal>, account: &Arc<Account>) -> Self {
        let record = Record {
            outcome: Outcome::Served,
            by: None,
            rule: None,
            kept_rule: None,
            status: None,
            said: Said::Error(String::new()),
            explanation: None,
            warnings: Vec::new(),
            aborted: false,
            failure: None,
            waiting: None,
            left: false,
            done: false,
        };
        let Begun { method, target, headers, body, wants, request_id, .. } = &begun;
        let texts = body.len() + method.len() + target.len() + request_id.len() + wants.as_ref().map_or(0, String::len);
        let held = account.hold(OVERHEAD + texts + headers.size());
        Exchange {
            number,
            begun,
            serial: NUMBERS.next(),
            first: Moment::default(),
            over: Moment::default(),
            arrived: clock::world(),
            asked: Mutex::default(),
            tool_results: OnceLock::new(),
            refusal: OnceLock::new(),
            limits: OnceLock::new(),
            model: OnceLock::new(),
            first_content: Moment::default(),
            tokens: OnceLock::new(),
            uses: OnceLock::new(),
            record: Mutex::new(record),
            until: AtomicU64::new(0),
            cut: AtomicBool::new(false),
            behind: AtomicUsize::new(0),
            sent: OnceLock::new(),
            veil: OnceLock::new(),
            held,
            kept: AtomicU64::new(0),
            journal,
        }
    }

    fn lock(&self) -> MutexGuard<'_, Record> {
        self.record.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Notes something about the exchange.
    pub(crate) fn note<T>(&self, change: impl FnOnce(&mut Record) -> T) -> T {
        change(&mut self.lock())
    }

    /// What is known now.
    pub(crate) fn record(&self) -> Record {
        self.lock().clone()
    }

    /// Whether the exchange is over.
    pub(crate) fn is_done(&self) -> bool {
        self.lock().done
    }

    /// When the first piece of content of its stream was written, in the world's time.
    pub(crate) fn first_token(&self) -> Option<Duration> {
        self.first_content.get().filter(|_| self.stream)
    }

    /// Notes a complaint of the emulator itself; any other error is none. The first one stays.
    pub(crate) fn complain(&self, error: &ApiError) {
        if !error.own {
            return;
        }
        let failure = Failure { code: error.code.clone().unwrap_or_default(), message: error.message.clone() };
        let mut record = self.lock();
        if record.failure.is_some() {
            return;
        }
        record.failure = Some(Box::new(failure.clone()));
        drop(record);
        if let Some(journal) = self.journal.upgrade() {
            journal.fail(self, failure);
        }
    }

    /// The text a person would recognise the request by.
    pub(crate) fn asked(&self) -> MutexGuard<'_, String> {
        self.asked.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What leaves of its answer from now on is kept.
    pub(crate) fn keeps_answer(&self) {
        if self.sent.set(Box::default()).is_ok() {
            self.held.add(size_of::<SentLog>());
        }
    }

    /// Room of its session, for what is kept while it is answered.
    pub(crate) fn hold(&self) -> Held {
        self.held.beside()
    }

    /// The head of its answer leaves; it is read where it is kept.
    pub(crate) fn head_leaves(&self, headers: impl FnOnce() -> Headers) {
        if let Some(sent) = self.sent.get() {
            let headers = headers();
            self.held.add(sent.head(match self.veil() {
                Some(veil) => headers.veiled(veil),
                None => headers,
            }));
        }
    }

    /// A piece of its answer leaves; it is kept as long as the session has room: what is open gives way to nothing.
    pub(crate) fn leaves(&self, bytes: &[u8]) {
        if let Some(sent) = self.sent.get() {
            let room = !self.held.account().is_full(bytes.len());
            self.held.add(sent.piece(bytes, room, self.veil()));
        }
    }

    /// An upstream is asked with this key, which nobody sees whatever the answer repeats.
    pub(crate) fn hides(&self, key: &str) {
        if let Some(veil) = Veil::of(key) {
            let _ = self.veil.set(veil);
        }
    }

    /// What hides the key that an upstream was asked with.
    pub(crate) fn veil(&self) -> Option<&Arc<Veil>> {
        self.veil.get()
    }

    /// Its connection is to be reset once what came before has left.
    pub(crate) fn cut(&self) {
        self.cut.store(true, Ordering::Release);
    }

    /// Whether its connection is to be reset.
    pub(crate) fn is_cut(&self) -> bool {
        self.cut.load(Ordering::Acquire)
    }

    /// The next piece waits for this moment of the session's clock.
    pub(crate) fn wait_until(&self, deadline: Duration) {
        self.until.store(deadline.as_millis().min(u64::MAX as u128) as u64, Ordering::Relaxed);
    }

    /// What the answer waits for from now on; `None` = nothing any more.
    pub(crate) fn wait_for(&self, waiting: Option<Waiting>) {
        let mut record = self.lock();
        record.waiting = waiting;
        drop(record);
        if let Some(journal) = self.journal.upgrade() {
            journal.tell();
        }
    }

    /// Tells of it whenever more of the answer is waited for, from now on.
    pub(crate) fn waits(self: &Arc<Self>, waiting: Waiting) -> impl Fn(bool) + Send + use<> {
        let exchange = self.clone();
        move |waits| exchange.wait_for(waits.then(|| waiting.clone()))
    }

    /// Waits until its answer waits for somebody of the test's: a person, or a function.
    pub(crate) async fn until_asked(&self) {
        let asked = || matches!(self.lock().waiting, Some(Waiting::Operator | Waiting::Function)).then_some(());
        match self.journal.upgrade() {
            Some(journal) => journal.until(asked).await,
            None => std::future::pending().await,
        }
    }

    /// What the exchange waits for at this moment of the session's clock.
    pub(crate) fn waiting(&self, now: Duration) -> Option<Waiting> {
        let record = self.lock();
        if record.done || record.waiting.is_some() {
            return record.waiting.clone();
        }
        let until = self.until.load(Ordering::Relaxed);
        (Duration::from_millis(until) > now).then_some(Waiting::Clock { until })
    }

    /// Something goes on behind its answer.
    pub(super) fn goes_on(&self) {
        self.behind.fetch_add(1, Ordering::AcqRel);
    }

    /// It went on, and is over. Whether the exchange is too, by that.
    pub(super) fn went_on(&self) -> bool {
        let record = self.lock();
        let over = self.behind.fetch_sub(1, Ordering::AcqRel) == 1 && record.left && !record.done;
        drop(record);
        if over {
            self.complete();
        }
        over
    }

    /// Nothing changes any more; the second call does nothing. What goes on behind its answer keeps it in flight.
    pub(crate) fn complete(&self) {
        let mut record = self.lock();
        record.left = true;
        if self.behind.load(Ordering::Acquire) > 0 || std::mem::replace(&mut record.done, true) {
            return;
        }
        record.waiting = None;
        self.over.set(clock::world());
        self.held.add(record.settle() + self.tool_results.get().map_or(0, |results| weight(results)));
        drop(record);
        if let Some(journal) = self.journal.upgrade() {
            journal.completed(self);
        }
    }

    /// Bytes of the request as it is kept.
    pub(crate) fn size(&self) -> usize {
        self.target.len() + self.headers.size() + self.body.len()
    }

    /// The exchange as `GET /_emulator/requests` shows it, at this moment of the session's clock.
    pub(crate) fn to_json(&self, now: Duration) -> Value {
        let record = self.record();
        json!({
            "number": self.number,
            "state": if record.done { "done" } else { "in_flight" },
            "waiting_for": self.waiting(now),
            "operation": self.operation,
            "method": self.method,
            "path": self.target,
            "headers": self.headers.iter().map(|(k, v)| (k.to_string(), Value::from(v))).collect::<serde_json::Map<_, _>>(),
            "body": shown(&self.body),
            "stream": self.stream,
            "tool_results": self.tool_results.get().map_or_else(|| json!([]), |results| (**results).clone()),
            "outcome": record.outcome,
            "by": record.by,
            "rule": record.rule_label(),
            "status": record.status,
            "said": record.said(),
            "explanation": record.explanation,
            "warnings": record.warnings,
            "failure": record.failure,
            "aborted": record.aborted,
            "at": self.at.as_millis() as u64,
            "request_id": self.request_id,
            "retry_count": self.headers.all("x-stainless-retry-count").next().and_then(|n| n.parse::<u64>().ok()).unwrap_or(0),
        })
    }
}

/// Bytes of a body that is no JSON (a form, a sound) that are shown.
const SHOWN: usize = 64 * 1024;

/// A body as the journal shows it: its JSON, or the beginning of its text; null when there is none.
fn shown(body: &[u8]) -> Value {
    match serde_json::from_slice(body) {
        Ok(value) => value,
        Err(_) if body.is_empty() => Value::Null,
        Err(_) => String::from_utf8_lossy(&body[..body.len().min(SHOWN)]).into(),
    }
}
