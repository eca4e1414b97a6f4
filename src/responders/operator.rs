//! A person as a responder: the request waits on the desk until somebody decides.

use crate::clock::Mode;
use crate::desk::pending::Decision;
use crate::generate::Generated;
use crate::reply::ManualOptions;
use crate::reply::fault::{At, Fault, FaultKind};
use crate::reply::{Generate, Reply};
use crate::responders::echo::Echo;
use crate::responders::upstream::AskUpstream;
use crate::responders::{by, fallback};
use crate::session::exchange::Waiting;
use crate::turn::{Answering, Found, Responder, Response, Turn};
use crate::wire::error::ApiError;
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
        Box::pin(wait(turn, self.0.timeout_ms))
    }
}

/// A year.
const FAR: Duration = Duration::from_secs(365 * 24 * 3600);

async fn wait(turn: &Turn<'_>, timeout_ms: Option<f64>) -> Result<Response, ApiError> {
    let call = turn.call;
    let clock = &call.session.clock;
    let usual = Duration::from_millis(call.emulator.settings.manual_timeout_ms);
    let timeout = timeout_ms.map_or(usual, crate::clock::milliseconds);
    // On the instant clock every wait is over at once; people are not: their time is the world's.
    let deadline = (clock.mode() != Mode::Instant).then(|| clock.now() + timeout);
    let (mut guard, decision) = call.emulator.desk.wait(&call.session, &call.exchange, timeout, deadline);
    call.exchange.wait_for(Some(Waiting::Operator));
    let over = async {
        match deadline {
            Some(deadline) => {
                if let Some(wait) = clock.wait(deadline) {
                    wait.await;
                }
            }
            // A deadline too far for a timer is none that anybody sees.
            None => tokio::time::sleep(timeout.min(FAR)).await,
        }
    };
    let decided = tokio::select! {
        biased;
        decided = decision => decided.ok(),
        () = over => None,
    };
    call.exchange.wait_for(None);
    let Some(decided) = decided else {
        guard.times_out();
        let message = format!("Nobody answered within {} seconds (option manualTimeoutMs).", timeout.as_secs_f64());
        return Err(ApiError::new(504, message).kind("server_error").code("manual_timeout"));
    };
    Ok(match decided {
        Decision::Reply(reply) => {
            guard.settled = true;
            Response::Reply(Found::new(Arc::from(reply)))
        }
        // On the list until it is finished.
        Decision::Typed(arriving) => Response::Reply(Found::arriving(arriving.guarded(Box::new(guard)))),
        Decision::Cut => {
            guard.settled = true;
            let fault = Some(Fault { at: At::Connect, kind: FaultKind::Disconnect });
            Response::Reply(Found::new(Arc::new(Reply { fault, ..Reply::default() })))
        }
        Decision::Upstream => {
            guard.settled = true;
            by(&AskUpstream::default(), turn).await?
        }
        Decision::Fallback(to) => {
            guard.settled = true;
            match to.as_deref() {
                Some("echo") => by(&Echo, turn).await?,
                Some("error") => return Err(fallback::nobody(turn)),
                _ => by(&Generated(Generate::default()), turn).await?,
            }
        }
    })
}
