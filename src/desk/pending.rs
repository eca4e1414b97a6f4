//! Requests that wait for a person: any number at once, each until it is answered, its time is over, or nobody waits for
//! it any more.

use crate::clock;
use crate::desk::events::EventLog;
use crate::desk::summary::{address, conversation};
use crate::reply::{Arrival, Arriving, Finish, Piece, Reply};
use crate::session::exchange::Exchange;
use crate::session::{Ended, Session};
use crate::wire::error::ApiError;
use serde_json::{Value, json};
use std::collections::{BTreeMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::sync::{mpsc, oneshot};

/// How long a claim holds that is not renewed.
const CLAIM: Duration = Duration::from_secs(90);

/// Pieces typed ahead of a client that does not read.
const AHEAD: usize = 1_024;

/// Requests that are over and still known by how they ended.
const REMEMBERED: usize = 1_000;

/// What a person decides.
pub(crate) enum Decision {
    Reply(Box<Reply>),
    /// What is typed, as it is typed.
    Typed(Arriving),
    /// The connection ends before any answer.
    Cut,
    /// Somebody else answers: `echo`, `generate`, `error`, or whoever is next.
    Fallback(Option<String>),
    Upstream,
}

/// The requests that wait.
#[derive(Default)]
pub(crate) struct PendingList(Mutex<PendingState>);

#[derive(Default)]
struct PendingState {
    waiting: BTreeMap<u64, Waiter>,
    /// How those that are over ended.
    over: VecDeque<(u64, &'static str)>,
}

struct Waiter {
    session: Arc<Session>,
    exchange: Arc<Exchange>,
    timeout: Duration,
    /// In session time; `None` = it waits without end.
    deadline: Option<Duration>,
    claim: Option<Claim>,
    /// Gone once something was decided.
    decide: Option<oneshot::Sender<Decision>>,
    /// Once something was typed.
    pieces: Option<mpsc::Sender<Arrival>>,
    typed: String,
}

struct Claim {
    by: String,
    /// Since 1970.
    until: Duration,
}

/// Who acts, and what for.
#[derive(Debug, Clone)]
pub(crate) struct Actor {
    /// The connection, which others' claims hold off.
    pub(crate) name: String,
    /// What others see.
    pub(crate) shown: Option<String>,
    /// Whoever has claimed it.
    pub(crate) force: bool,
}

/// Takes a request from the list when nobody waits any more.
pub(crate) struct PendingGuard {
    desk: Arc<super::Desk>,
    id: u64,
    session: Arc<Session>,
    /// It was answered: nothing is to be told.
    pub(crate) settled: bool,
}

impl PendingList {
    fn all(&self) -> MutexGuard<'_, PendingState> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// PendingState of them, oldest first.
    pub(crate) fn list(&self) -> Vec<Value> {
        self.all().waiting.values().map(Waiter::to_json).collect()
    }

    /// How many wait in a session.
    pub(crate) fn count(&self, session: &Session) -> usize {
        self.all().waiting.values().filter(|entry| entry.session.serial == session.serial).count()
    }

    /// The session and the exchange of one that waits.
    ///
    /// # Errors
    /// It does not wait.
    pub(crate) fn find(&self, id: u64) -> Result<(Arc<Session>, Arc<Exchange>), ApiError> {
        let all = self.all();
        all.waiting.get(&id).map(|entry| (entry.session.clone(), entry.exchange.clone())).ok_or_else(|| all.gone(id))
    }

    /// Holds a request for somebody, or holds it longer.
    ///
    /// # Errors
    /// It does not wait, or another holds it.
    pub(crate) fn claim(&self, events: &EventLog, id: u64, actor: &Actor) -> Result<(), ApiError> {
        let mut all = self.all();
        let entry = all.open(id, actor)?;
        let until = clock::world() + CLAIM;
        entry.claim = Some(Claim { by: actor.name.clone(), until });
        let by = actor.shown.clone().unwrap_or_else(|| actor.name.clone());
        drop(all);
        events.tell("claimed_request", || json!({"id": id.to_string(), "by": by, "until": until.as_millis() as u64}));
        Ok(())
    }

    /// Gives a request back.
    ///
    /// # Errors
    /// It does not wait, or another holds it.
    pub(crate) fn release(&self, events: &EventLog, id: u64, actor: &Actor) -> Result<(), ApiError> {
        let mut all = self.all();
        all.open(id, actor)?.claim = None;
        drop(all);
        events.tell("released_request", || json!({"id": id.to_string()}));
        Ok(())
    }

    /// Decides what becomes of a request.
    ///
    /// # Errors
    /// It does not wait, or another holds it, or it is being answered already.
    pub(crate) fn decide(
        &self,
        events: &EventLog,
        id: u64,
        actor: &Actor,
        how: &'static str,
        decision: Decision,
    ) -> Result<(), ApiError> {
        let mut all = self.all();
        let entry = all.open(id, actor)?;
        let Some(decide) = entry.decide.take() else {
            return Err(
                ApiError::new(409, format!("The request {id} is being typed: finish it, or cut it.")).code("typing")
            );
        };
        all.forget(id, "answered");
        drop(all);
        let _ = decide.send(decision);
        events.tell("answered_by", || json!({"id": id.to_string(), "by": actor.name, "how": how}));
        Ok(())
    }

    /// More text of an answer.
    ///
    /// # Errors
    /// It does not wait, another holds it, or its client does not read.
    pub(crate) fn typed(&self, events: &EventLog, id: u64, actor: &Actor, text: &str) -> Result<(), ApiError> {
        let mut all = self.all();
        let entry = all.open(id, actor)?;
        entry.claim = Some(Claim { by: actor.name.clone(), until: clock::world() + CLAIM });
        if let Some(decide) = entry.decide.take() {
            let (sender, pieces) = mpsc::channel(AHEAD);
            entry.pieces = Some(sender);
            let late = ApiError::new(504, "Nobody finished what was being typed.").code("manual_timeout");
            let limit = entry.deadline.map_or(Duration::from_secs(86_400), |_| entry.timeout);
            let _ = decide.send(Decision::Typed(Arriving::new(pieces, limit, late, Box::new(()))));
        }
        let sent = entry.pieces.as_ref().map(|pieces| pieces.try_send(Piece::Text(text.into()).into()));
        match sent {
            Some(Ok(())) => entry.typed.push_str(text),
            Some(Err(mpsc::error::TrySendError::Full(_))) => {
                return Err(
                    ApiError::new(409, "The client does not read what was typed before: wait.").code("too_far_ahead")
                );
            }
            _ => return Err(all.gone(id)),
        }
        drop(all);
        events.tell("typed", || json!({"id": id.to_string(), "by": actor.name, "text": text}));
        Ok(())
    }

    /// Ends what was typed, or breaks it off.
    ///
    /// # Errors
    /// Nothing was typed, or the request does not wait.
    pub(crate) fn finish(
        &self,
        events: &EventLog,
        id: u64,
        actor: &Actor,
        end: Result<Option<Finish>, ApiError>,
    ) -> Result<(), ApiError> {
        let mut all = self.all();
        let Some(pieces) = all.open(id, actor)?.pieces.take() else {
            return Err(ApiError::invalid(format!("Nothing was typed for the request {id} yet: type, or answer."))
                .code("nothing_typed"));
        };
        let how = if end.is_ok() { "typed" } else { "cut" };
        let piece = match end {
            Ok(finish) => finish.map(Piece::Finish),
            Err(error) => Some(Piece::Failed(error)),
        };
        if let Some(piece) = piece {
            // The channel holds what was typed; one that is full loses the reason, not the end.
            let _ = pieces.try_send(piece.into());
        }
        all.forget(id, "answered");
        drop(all);
        events.tell("answered_by", || json!({"id": id.to_string(), "by": actor.name, "how": how}));
        Ok(())
    }

    /// Whether something was typed for a request.
    pub(crate) fn is_typed(&self, id: u64) -> bool {
        self.all().waiting.get(&id).is_some_and(|entry| entry.pieces.is_some())
    }
}

impl PendingState {
    /// A request that waits, for somebody who may act.
    fn open(&mut self, id: u64, actor: &Actor) -> Result<&mut Waiter, ApiError> {
        let gone = self.gone(id);
        let entry = self.waiting.get_mut(&id).ok_or(gone)?;
        let held = entry.claim.as_ref().filter(|claim| claim.until > clock::world() && claim.by != actor.name);
        if let Some(claim) = held.filter(|_| !actor.force) {
            let message = format!("{} holds the request {id}: wait, or send \"force\": true.", claim.by);
            return Err(ApiError::new(409, message).code("claimed"));
        }
        Ok(entry)
    }

    fn gone(&self, id: u64) -> ApiError {
        let how = self.over.iter().rev().find(|(over, _)| *over == id).map(|(_, how)| *how);
        let message = match how {
            None => format!("No request {id} waits: GET /api/pending lists those that do."),
            Some(how) => format!("The request {id} waits no more: {}.", how.replace('_', " ")),
        };
        ApiError::new(404, message).code("not_pending")
    }

    fn forget(&mut self, id: u64, how: &'static str) -> bool {
        if self.waiting.remove(&id).is_none() {
            return false;
        }
        self.over.push_back((id, how));
        if self.over.len() > REMEMBERED {
            self.over.pop_front();
        }
        true
    }
}

impl Waiter {
    fn to_json(&self) -> Value {
        let (exchange, session) = (&self.exchange, &self.session);
        let body = serde_json::from_slice::<Value>(&exchange.body).unwrap_or_default();
        let claim = self.claim.as_ref().filter(|claim| claim.until > clock::world());
        let left = self.deadline.map(|deadline| deadline.saturating_sub(session.clock.now()).as_millis() as u64);
        json!({
            "id": exchange.serial.to_string(),
            "ip": address(exchange),
            "port": exchange.peer.map(|peer| peer.port()),
            "method": exchange.method,
            "path": exchange.target,
            "headers": exchange.headers.iter().map(|(name, value)| (name.to_string(), Value::from(value))).collect::<serde_json::Map<_, _>>(),
            "conversation": conversation(&body),
            "body": body,
            "timestamp": exchange.arrived.as_secs_f64().to_string(),
            "status": "pending",
            "session": session.label(),
            "session_id": session.serial.to_string(),
            "operation": exchange.operation,
            "model": exchange.wants,
            "stream": exchange.stream,
            "asked": exchange.asked.lock().unwrap_or_else(PoisonError::into_inner).as_str(),
            "arrived": exchange.arrived.as_millis() as u64,
            "timeout_ms": self.timeout.as_millis() as u64,
            "left_ms": left,
            "claimed": claim.map(|claim| json!({"by": claim.by, "until": claim.until.as_millis() as u64})),
            "typed": self.typed,
            "smallest": {"text": "OK"},
        })
    }
}

impl super::Desk {
    /// Puts a request on the list; what is decided comes through the receiver.
    pub(crate) fn wait(
        self: &Arc<Self>,
        session: &Arc<Session>,
        exchange: &Arc<Exchange>,
        timeout: Duration,
        deadline: Option<Duration>,
    ) -> (PendingGuard, oneshot::Receiver<Decision>) {
        let id = exchange.serial;
        let (decide, decision) = oneshot::channel();
        let entry = Waiter {
            session: session.clone(),
            exchange: exchange.clone(),
            timeout,
            deadline,
            claim: None,
            decide: Some(decide),
            pieces: None,
            typed: String::new(),
        };
        let shown = self.events.is_watched().then(|| entry.to_json());
        self.pending.all().waiting.insert(id, entry);
        if let Some(shown) = shown {
            self.events.tell("new_request", || shown);
        }
        (PendingGuard { desk: self.clone(), id, session: session.clone(), settled: false }, decision)
    }
}

impl PendingGuard {
    /// Its time is over.
    pub(crate) fn times_out(mut self) {
        self.end("timed_out");
    }

    fn end(&mut self, reason: &'static str) {
        self.settled = true;
        if self.desk.pending.all().forget(self.id, reason) {
            self.desk.events.tell("cancelled_request", || json!({"id": self.id.to_string(), "reason": reason}));
        }
    }
}

impl Drop for PendingGuard {
    fn drop(&mut self) {
        if !self.settled {
            self.end(match self.session.ended() {
                None => "client_left",
                Some(Ended::Stopped) => "stopped",
                Some(_) => "reset",
            });
        }
    }
}
