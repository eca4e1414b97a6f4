//! One request that waits for a person, as it is shown, and what takes it from the list when nobody waits any more.

use crate::clock::{self, Clock, Mode};
use crate::desk::Desk;
use crate::desk::breakpoints::Pause;
use crate::desk::pending::Decision;
use crate::desk::summary::{address, conversation};
use crate::reply::Arrival;
use crate::session::exchange::Exchange;
use crate::session::{Ended, Session};
use serde_json::{Value, json};
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::{mpsc, oneshot};

/// A request that waits.
pub(super) struct Waiter {
    pub(super) session: Arc<Session>,
    pub(super) exchange: Arc<Exchange>,
    timeout: Duration,
    pub(super) deadline: Deadline,
    pub(super) claim: Option<Claim>,
    /// Gone once something was decided.
    pub(super) decide: Option<oneshot::Sender<Decision>>,
    /// Once something was typed.
    pub(super) pieces: Option<mpsc::Sender<Arrival>>,
    pub(super) typed: String,
    /// The smallest valid answer, as a Reply.
    smallest: Value,
    /// An answer is there already, and stopped here.
    pub(super) pause: Option<Pause>,
}

/// What somebody waits for.
pub(crate) struct Waited {
    pub(crate) session: Arc<Session>,
    pub(crate) exchange: Arc<Exchange>,
    pub(crate) timeout: Duration,
    pub(crate) smallest: Value,
    pub(crate) pause: Option<Pause>,
}

/// Who holds a request.
pub(super) struct Claim {
    /// The connection.
    pub(super) name: String,
    /// What others see.
    pub(super) by: String,
    /// Since 1970.
    pub(super) until: Duration,
}

/// When the time of a person is over. On the instant clock every wait is over at once; people are not: their time is the
/// world's.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Deadline {
    Session(Duration),
    World(Duration),
}

/// A deadline too far for a timer is none that anybody sees.
const FAR: Duration = Duration::from_secs(365 * 24 * 3600);

impl Deadline {
    pub(crate) fn after(clock: &Clock, timeout: Duration) -> Self {
        match clock.mode() {
            Mode::Instant => Deadline::World(clock::world() + timeout.min(FAR)),
            _ => Deadline::Session(clock.now() + timeout),
        }
    }

    /// What is left of it.
    pub(crate) fn left(self, clock: &Clock) -> Duration {
        match self {
            Deadline::Session(at) => at.saturating_sub(clock.now()),
            Deadline::World(at) => at.saturating_sub(clock::world()),
        }
    }

    /// Waits for it.
    pub(crate) async fn over(self, clock: &Clock) {
        match self {
            Deadline::Session(at) => clock.sleep_until(at).await,
            Deadline::World(_) => tokio::time::sleep(self.left(clock)).await,
        }
    }
}

impl Waiter {
    /// Somebody is at work on it: its time begins anew.
    pub(super) fn renew(&mut self) {
        self.deadline = Deadline::after(&self.session.clock, self.timeout);
    }

    pub(super) fn timeout(&self) -> Duration {
        self.timeout
    }

    pub(super) fn to_json(&self) -> Value {
        let (exchange, session) = (&self.exchange, &self.session);
        let body = serde_json::from_slice::<Value>(&exchange.body).unwrap_or_default();
        let claim = self.claim.as_ref().filter(|claim| claim.until > clock::world());
        json!({
            "id": exchange.serial.to_string(),
            "ip": address(exchange),
            "port": exchange.peer.map(|peer| peer.port()),
            "method": exchange.method,
            "path": exchange.target,
            "headers": exchange.headers.iter().map(|(name, value)| (name.to_string(), Value::from(value))).collect::<serde_json::Map<_, _>>(),
            "conversation": conversation(&body),
            "body": body,
            "timestamp": clock::timestamp(exchange.arrived),
            "status": "pending",
            "session": session.label(),
            "session_id": session.serial.to_string(),
            "operation": exchange.operation,
            "model": exchange.wants,
            "stream": exchange.stream,
            "asked": exchange.asked().as_str(),
            "arrived": exchange.arrived.as_millis() as u64,
            "timeout_ms": self.timeout.as_millis() as u64,
            "left_ms": self.deadline.left(&session.clock).as_millis() as u64,
            "claimed": claim.map(|claim| json!({"by": claim.by, "until": claim.until.as_millis() as u64})),
            "typed": self.typed,
            "smallest": self.smallest,
            "paused": self.pause.as_ref().map(Pause::to_json),
        })
    }
}

impl Desk {
    /// Puts a request on the list until it is decided on, or the guard goes; what is decided comes through the receiver.
    pub(crate) fn wait(self: &Arc<Self>, waited: Waited) -> (PendingGuard, oneshot::Receiver<Decision>) {
        let Waited { session, exchange, timeout, smallest, pause } = waited;
        let id = exchange.serial;
        let (decide, decision) = oneshot::channel();
        let guard = PendingGuard { desk: self.clone(), id, session: session.clone(), settled: false };
        let waiter = Waiter {
            deadline: Deadline::after(&session.clock, timeout),
            session,
            exchange,
            timeout,
            claim: None,
            decide: Some(decide),
            pieces: None,
            typed: String::new(),
            smallest,
            pause,
        };
        self.pending.add(&self.events, id, waiter);
        (guard, decision)
    }
}

/// Takes a request from the list when nobody waits any more.
pub(crate) struct PendingGuard {
    desk: Arc<Desk>,
    id: u64,
    session: Arc<Session>,
    /// It was answered: nothing is to be told.
    settled: bool,
}

impl PendingGuard {
    /// It was decided on.
    pub(crate) fn settles(mut self) {
        self.settled = true;
    }

    /// Its time is over.
    pub(crate) fn times_out(mut self) {
        self.end("timed_out");
    }

    fn end(&mut self, reason: &'static str) {
        self.settled = true;
        self.desk.pending.cancel(&self.desk.events, self.id, reason);
    }
}

impl Drop for PendingGuard {
    fn drop(&mut self) {
        if !self.settled {
            self.end(match self.session.ended() {
                None if self.desk.pending.is_late(self.id) => "timed_out",
                None => "client_left",
                Some(Ended::Stopped) => "stopped",
                Some(_) => "reset",
            });
        }
    }
}
