//! A person as a responder: the request waits on the desk until somebody decides.

use crate::desk::breakpoints::Pause;
use crate::desk::pending::Decision;
use crate::desk::waiter::{Deadline, PendingGuard, Waited};
use crate::emulator::Emulator;
use crate::generate::Generated;
use crate::generate::smallest::smallest;
use crate::reply::ManualOptions;
use crate::reply::fault::{At, Fault, FaultKind};
use crate::reply::{Generate, Reply};
use crate::responders::echo::Echo;
use crate::responders::upstream::AskUpstream;
use crate::responders::{by, fallback};
use crate::session::Session;
use crate::session::exchange::{Exchange, Waiting};
use crate::turn::call::Call;
use crate::turn::{Answering, Found, Responder, Response, Turn};
use crate::wire::error::ApiError;
use serde_json::{Value, json};
use std::sync::Arc;
use std::time::Duration;

/// Whoever sits at the desk.
#[derive(Default)]
pub(crate) struct Operator(pub ManualOptions);

impl Responder for Operator {
    fn name(&self) -> &'static str {
        "operator"
    }

    fn reply<'a>(&'a self, turn: &'a Turn<'a>) -> Answering<'a> {
        Box::pin(ask(turn, self.0.timeout_ms))
    }
}

async fn ask(turn: &Turn<'_>, timeout_ms: Option<f64>) -> Result<Response, ApiError> {
    let mut person = Person::of(turn.call);
    person.timeout = timeout_ms.map_or(person.timeout, crate::clock::milliseconds);
    let smallest = match turn.prompt {
        Some(prompt) => smallest(prompt).await,
        None => Value::Null,
    };
    match person.decides(smallest, None).await {
        Some((decision, guard)) => decided(turn, decision, guard).await,
        None => {
            let seconds = person.timeout.as_secs_f64();
            let message = format!("Nobody answered within {seconds} seconds (option manualTimeoutMs).");
            Err(ApiError::gateway(504, "manual_timeout", message))
        }
    }
}

/// Who is asked about an exchange, and for how long.
#[derive(Clone)]
pub(super) struct Person {
    emulator: Arc<Emulator>,
    session: Arc<Session>,
    exchange: Arc<Exchange>,
    timeout: Duration,
}

impl Person {
    pub(super) fn of(call: &Call) -> Self {
        Person {
            emulator: call.emulator.clone(),
            session: call.session.clone(),
            exchange: call.exchange.clone(),
            timeout: Duration::from_millis(call.emulator.settings.manual_timeout_ms),
        }
    }

    /// What is decided; `None` when the time for it is over. Whoever drops this has lost the client.
    pub(super) async fn decides(&self, smallest: Value, pause: Option<Pause>) -> Option<(Decision, PendingGuard)> {
        let (session, exchange) = (self.session.clone(), self.exchange.clone());
        let deadline = Deadline::after(&session.clock, self.timeout);
        let waited = Waited { session, exchange, timeout: self.timeout, smallest, pause };
        let (guard, decision) = self.emulator.desk.wait(waited);
        self.exchange.wait_for(Some(Waiting::Operator));
        let decided = tokio::select! {
            biased;
            decided = decision => decided.ok(),
            () = deadline.over(&self.session.clock) => None,
        };
        self.exchange.wait_for(None);
        match decided {
            Some(decision) => Some((decision, guard)),
            None => {
                guard.times_out();
                None
            }
        }
    }

    /// Who shows breakpoints looks at their counts again.
    pub(super) fn tells_of_hit(&self) {
        self.emulator.desk.events.tell("breakpoints_changed", || json!({}));
    }

    pub(super) fn emulator(&self) -> &Emulator {
        &self.emulator
    }

    /// The connection ends, once what came before has left.
    pub(super) fn cut(&self) {
        self.exchange.cut();
    }
}

/// The answer that a decision leads to.
pub(super) async fn decided(turn: &Turn<'_>, decision: Decision, guard: PendingGuard) -> Result<Response, ApiError> {
    let arriving = match decision {
        // On the list until it is finished.
        Decision::Typed(arriving) => {
            let arriving = arriving.telling(turn.call.exchange.waits(Waiting::Operator));
            let found = Found::arriving(arriving.guarded(Box::new(guard)));
            return Ok(Response::Reply(Found { scripted: true, ..found }));
        }
        other => other,
    };
    guard.settles();
    Ok(match arriving {
        Decision::Reply(reply) => Response::Reply(Found { scripted: true, ..Found::new(Arc::from(reply)) }),
        Decision::Cut => Response::Reply(broken(FaultKind::Disconnect)),
        Decision::Upstream => by(&AskUpstream::default(), turn).await?,
        Decision::Fallback(to) => match to.as_deref() {
            Some("echo") => by(&Echo, turn).await?,
            Some("generate") => by(&Generated(Generate::default()), turn).await?,
            Some("error") => return Err(fallback::nobody(turn)),
            _ => match fallback::answer(turn, false).await? {
                Response::Pass(_) => return Err(fallback::nobody(turn)),
                answer => answer,
            },
        },
        // Both are of answers that have stopped, which this has not.
        Decision::Go { .. } | Decision::Typed(_) => Response::Pass(None),
    })
}

/// No answer: the connection ends, or is silent.
pub(super) fn broken(kind: FaultKind) -> Found {
    let fault = Some(Fault { at: At::Connect, kind });
    Found::new(Arc::new(Reply { fault, ..Reply::default() }))
}
