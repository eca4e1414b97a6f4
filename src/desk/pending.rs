//! Requests that wait for a person: any number at once, each until it is answered, its time is over, or nobody waits for
//! it any more.

use crate::clock;
use crate::desk::breakpoints::PausePlace;
use crate::desk::events::EventLog;
use crate::desk::waiter::{Claim, Waiter};
use crate::reply::{Arriving, Finish, Piece, Reply};
use crate::session::Session;
use crate::session::exchange::Exchange;
use crate::wire::error::ApiError;
use serde_json::{Value, json};
use std::collections::{BTreeMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::sync::mpsc;

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
    /// The connection ends here.
    Cut,
    /// Somebody else answers: `echo`, `generate`, `error`, or whoever is next.
    Fallback(Option<String>),
    Upstream,
    /// What has stopped goes on; `step` = until the next piece.
    Go {
        step: bool,
        change: Option<PausedChange>,
    },
}

/// What becomes of an answer, or of a piece, that has stopped.
pub(crate) enum PausedChange {
    /// This answer leaves in its place.
    Reply(Box<Reply>),
    /// The piece has this text.
    Text(String),
    /// It never leaves.
    Dropped,
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

impl Actor {
    fn by(&self) -> &str {
        self.shown.as_deref().unwrap_or(&self.name)
    }

    fn claim(&self) -> Claim {
        Claim { name: self.name.clone(), by: self.by().to_string(), until: clock::world() + CLAIM }
    }
}

/// A request that waits, as an action looks at it.
pub(crate) struct PendingRequest {
    pub(crate) session: Arc<Session>,
    pub(crate) exchange: Arc<Exchange>,
    /// It has an answer, which has stopped here.
    pub(crate) paused: Option<PausePlace>,
    /// Its answer is being typed.
    pub(crate) typed: bool,
}

impl PendingList {
    fn all(&self) -> MutexGuard<'_, PendingState> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.all().waiting.is_empty()
    }

    /// All of them, oldest first.
    pub(crate) fn list(&self) -> Vec<Value> {
        self.all().waiting.values().map(Waiter::to_json).collect()
    }

    /// All of them, and the number of the last event that is told by this list.
    pub(crate) fn as_of(&self, events: &EventLog) -> (Vec<Value>, u64) {
        let all = self.all();
        (all.waiting.values().map(Waiter::to_json).collect(), events.range().0)
    }

    /// How many wait.
    pub(crate) fn len(&self) -> usize {
        self.all().waiting.len()
    }

    /// How many wait in a session.
    pub(crate) fn count(&self, session: &Session) -> usize {
        self.all().waiting.values().filter(|waiter| waiter.session.serial == session.serial).count()
    }

    /// One that waits.
    ///
    /// # Errors
    /// It does not wait.
    pub(crate) fn find(&self, id: u64) -> Result<PendingRequest, ApiError> {
        let all = self.all();
        let waiter = all.waiting.get(&id).ok_or_else(|| all.gone(id))?;
        Ok(PendingRequest {
            session: waiter.session.clone(),
            exchange: waiter.exchange.clone(),
            paused: waiter.pause.as_ref().map(|pause| pause.place),
            typed: waiter.pieces.is_some(),
        })
    }

    /// Begins to wait. Told under the lock: who lists what waits misses none, and is told of none twice.
    pub(super) fn add(&self, events: &EventLog, id: u64, waiter: Waiter) {
        let mut all = self.all();
        events.tell("new_request", || waiter.to_json());
        all.waiting.insert(id, waiter);
    }

    /// Nobody waits any more.
    pub(super) fn cancel(&self, events: &EventLog, id: u64, reason: &'static str) {
        let mut all = self.all();
        if all.forget(id, reason) {
            events.tell("cancelled_request", || json!({"id": id.to_string(), "reason": reason}));
        }
    }

    /// Whether the time of one that waits is over.
    pub(super) fn is_late(&self, id: u64) -> bool {
        let late = |waiter: &Waiter| waiter.deadline.left(&waiter.session.clock).is_zero();
        self.all().waiting.get(&id).is_some_and(late)
    }

    /// Holds a request for somebody, or holds it longer.
    ///
    /// # Errors
    /// It does not wait, or another holds it.
    pub(crate) fn claim(&self, events: &EventLog, id: u64, actor: &Actor) -> Result<(), ApiError> {
        let mut all = self.all();
        let claim = actor.claim();
        let until = claim.until.as_millis() as u64;
        all.open(id, actor)?.claim = Some(claim);
        events.tell("claimed_request", || json!({"id": id.to_string(), "by": actor.by(), "until": until}));
        Ok(())
    }

    /// Gives a request back.
    ///
    /// # Errors
    /// It does not wait, or another holds it.
    pub(crate) fn release(&self, events: &EventLog, id: u64, actor: &Actor) -> Result<(), ApiError> {
        let mut all = self.all();
        all.open(id, actor)?.claim = None;
        events.tell("released_request", || json!({"id": id.to_string()}));
        Ok(())
    }

    /// A connection is gone: what it held is everybody's again.
    pub(crate) fn leave(&self, events: &EventLog, name: &str) {
        for (id, waiter) in &mut self.all().waiting {
            if waiter.claim.take_if(|claim| claim.name == name).is_some() {
                events.tell("released_request", || json!({"id": id.to_string()}));
            }
        }
    }

    /// Decides what becomes of a request; `before` is done before whoever asked has the answer.
    ///
    /// # Errors
    /// It does not wait, or another holds it, or it is being answered already: then nothing is done.
    pub(crate) fn decide(
        &self,
        events: &EventLog,
        id: u64,
        actor: &Actor,
        how: &'static str,
        decision: Decision,
        before: impl FnOnce(),
    ) -> Result<(), ApiError> {
        let mut all = self.all();
        let Some(decide) = all.open(id, actor)?.decide.take() else {
            return Err(
                ApiError::new(409, format!("The request {id} is being typed: finish it, or cut it.")).code("typing")
            );
        };
        before();
        all.answered(events, id, actor, how);
        drop(all);
        let _ = decide.send(decision);
        Ok(())
    }

    /// More text of an answer.
    ///
    /// # Errors
    /// It does not wait, another holds it, or its client does not read.
    pub(crate) fn typed(&self, events: &EventLog, id: u64, actor: &Actor, text: &str) -> Result<(), ApiError> {
        let mut all = self.all();
        let waiter = all.open(id, actor)?;
        waiter.claim = Some(actor.claim());
        waiter.renew();
        if let Some(decide) = waiter.decide.take() {
            let (sender, pieces) = mpsc::channel(AHEAD);
            waiter.pieces = Some(sender);
            let late = ApiError::gateway(504, "manual_timeout", "Nobody finished what was being typed.");
            let arriving = Arriving::new(pieces, waiter.timeout(), late, Box::new(()));
            let arriving = arriving.timed_by(&waiter.session.clock);
            let _ = decide.send(Decision::Typed(arriving));
        }
        match waiter.pieces.as_ref().map(|pieces| pieces.try_send(Piece::Text(text.into()).into())) {
            Some(Ok(())) => waiter.typed.push_str(text),
            Some(Err(mpsc::error::TrySendError::Full(_))) => {
                return Err(
                    ApiError::new(409, "The client does not read what was typed before: wait.").code("too_far_ahead")
                );
            }
            _ => return Err(all.gone(id)),
        }
        events.tell("typed", || json!({"id": id.to_string(), "by": actor.by(), "text": text}));
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
        let waiter = all.open(id, actor)?;
        let Some(pieces) = waiter.pieces.take() else {
            return Err(ApiError::invalid(format!("Nothing was typed for the request {id} yet: type, or answer."))
                .code("nothing_typed"));
        };
        let how = if end.is_ok() { "typed" } else { "cut" };
        let piece = match end {
            Ok(finish) => finish.map(Piece::Finish),
            Err(error) => {
                waiter.exchange.cut();
                Some(Piece::Failed(error))
            }
        };
        if let Some(piece) = piece {
            // The channel holds what was typed; one that is full loses the reason, not the end.
            let _ = pieces.try_send(piece.into());
        }
        all.answered(events, id, actor, how);
        Ok(())
    }
}

impl PendingState {
    /// A request that waits, for somebody who may act.
    fn open(&mut self, id: u64, actor: &Actor) -> Result<&mut Waiter, ApiError> {
        let gone = self.gone(id);
        let waiter = self.waiting.get_mut(&id).ok_or(gone)?;
        let held = waiter.claim.as_ref().filter(|claim| claim.until > clock::world() && claim.name != actor.name);
        if let Some(claim) = held.filter(|_| !actor.force) {
            let message = format!("{} holds the request {id}: wait, or send \"force\": true.", claim.by);
            return Err(ApiError::new(409, message).code("claimed"));
        }
        Ok(waiter)
    }

    fn gone(&self, id: u64) -> ApiError {
        let how = self.over.iter().rev().find(|(over, _)| *over == id).map(|(_, how)| *how);
        let message = match how {
            None => format!("No request {id} waits: GET /api/pending lists those that do."),
            Some(how) => format!("The request {id} waits no more: {}.", how.replace('_', " ")),
        };
        ApiError::new(404, message).code("not_pending")
    }

    fn answered(&mut self, events: &EventLog, id: u64, actor: &Actor, how: &'static str) {
        self.forget(id, "answered");
        events.tell("answered_by", || json!({"id": id.to_string(), "by": actor.by(), "how": how}));
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
