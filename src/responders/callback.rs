//! A function of the host process as a responder.

use crate::reply::{Ask, Say};
use crate::responders::request;
use crate::session::callbacks::Given;
use crate::session::exchange::Waiting;
use crate::turn::{Answering, Found, Responder, Response, Turn};
use crate::wire::error::ApiError;
use std::sync::Arc;

/// A function as a responder, by its number.
pub(crate) struct Callback(pub u64);

impl Responder for Callback {
    fn name(&self) -> &'static str {
        "function"
    }

    fn reply<'a>(&'a self, turn: &'a Turn<'a>) -> Answering<'a> {
        Box::pin(async move {
            let call = turn.call;
            let request = request::request(&turn.view(), &call.session.label());
            call.exchange.wait_for(Some(Waiting::Function));
            let given = call.emulator.callbacks.call(self.0, &request).await;
            call.exchange.wait_for(None);
            Ok(match given? {
                Given::Reply(reply) => match reply.say {
                    Say::Ask(Ask::Callback(_)) => {
                        let message = "A reply function gave another reply function.";
                        return Err(ApiError::emulator("reply_function_failed", message));
                    }
                    _ => Response::Reply(Found::new(Arc::from(reply))),
                },
                Given::Streaming(arriving) => {
                    let arriving = arriving.telling(call.exchange.waits(Waiting::Function));
                    Response::Reply(Found::arriving(arriving))
                }
                Given::Bytes { status, headers, arriving } => {
                    let arriving = arriving.telling(call.exchange.waits(Waiting::Function));
                    Response::Reply(Found::bytes(status, headers, arriving))
                }
                Given::Pass => Response::Pass(None),
            })
        })
    }
}
