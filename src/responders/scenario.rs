//! Model names that are scenarios: `credit-error` (402), `error-<status>`, `timeout`, `cut-stream`.

use crate::reply::error::ErrorReply;
use crate::reply::fault::{At, Fault, FaultKind};
use crate::reply::pace::{Pace, Schedule};
use crate::session::exchange::Outcome;
use crate::turn::answer::Answer;
use crate::turn::answer::Body;
use crate::turn::answer::Delivery;
use crate::turn::call::Call;
use crate::turn::{Answering, Over, Responder, Response, Turn};
use crate::wire::error::ApiError;
use std::time::Duration;

/// Whether a model's name is a scenario that has an answer.
pub(crate) fn is_known(model: &str) -> bool {
    model == "cut-stream"
}

/// What goes wrong with the answer of a scenario model that gives one: `cut-stream` ends after two pieces.
pub(crate) struct Scenario;

impl Responder for Scenario {
    fn name(&self) -> &'static str {
        "scenario"
    }

    fn is_idle(&self, turn: &Turn) -> bool {
        !turn.prompt.is_some_and(|prompt| is_known(&prompt.model))
    }

    fn reply<'a>(&'a self, _: &'a Turn<'a>) -> Answering<'a> {
        let fault = Fault { at: At::Deltas(2), kind: FaultKind::Disconnect };
        let over = Over { fault: Some(fault), ..Over::default() };
        Box::pin(std::future::ready(Ok(Response::Over(over))))
    }
}

/// The answer of a scenario model, before validation and without using a step.
pub(crate) fn answer(call: &Call) -> Option<Result<Answer, ApiError>> {
    let fault = match call.model_name() {
        "credit-error" => return Some(refuse(call, 402)),
        "timeout" => Fault { at: At::Headers, kind: FaultKind::Stall(None) },
        name => {
            let status = name.strip_prefix("error-")?.parse().ok().filter(|status| (400..600).contains(status))?;
            return Some(refuse(call, status));
        }
    };
    call.exchange.note(|record| record.outcome = Outcome::Faulted);
    let schedule = Schedule::new(&Pace::default(), &mut call.random.clone());
    let delivery =
        Delivery { wait: Duration::ZERO, schedule, hold: None, keep_alive: None, fault: Some(fault), error: None };
    Some(Ok(Answer { delivery: Some(Box::new(delivery)), ..Answer::ok(Body::Empty) }))
}

fn refuse(call: &Call, status: u16) -> Result<Answer, ApiError> {
    call.exchange.note(|record| record.outcome = Outcome::Faulted);
    Err(ErrorReply::status(status).to_api_error(&call.occasion()))
}
