//! Chaos: a session's failures, before any rule and without using a step.

use crate::random::Random;
use crate::reply::{Reply, Say};
use crate::script::Chaos as Profile;
use crate::script::ChaosWhen;
use crate::session::exchange::Outcome;
use crate::turn::{Answering, Found, Responder, Response, Turn};
use std::sync::Arc;

/// The session's chaos profile. Every turn counts one, whether it strikes or not.
pub(crate) struct ChaosResponder;

impl Responder for ChaosResponder {
    fn name(&self) -> &'static str {
        "chaos"
    }

    fn is_idle(&self, turn: &Turn) -> bool {
        turn.call.defaults.chaos.as_ref().is_none_or(|chaos| chaos.is_empty())
    }

    fn reply<'a>(&'a self, turn: &'a Turn<'a>) -> Answering<'a> {
        let call = turn.call;
        let profile = call.defaults.chaos.as_deref();
        let struck = profile
            .and_then(|chaos| strike(chaos, call.session.counts_turn(), &mut call.random.fork("chaos")))
            .map(Found::new);
        Box::pin(std::future::ready(Ok(match struck {
            None => Response::Pass(None),
            Some(found) => {
                call.exchange.note(|record| record.outcome = Outcome::Faulted);
                match found.reply.say {
                    Say::Nothing => Response::Over(found.over()),
                    _ => Response::Reply(found),
                }
            }
        })))
    }
}

/// The failure a chaos profile has for a turn, numbered from 1: an error, or a fault alone. Probabilities are drawn from
/// `random`, the exchange's own.
fn strike(chaos: &[Profile], turn: u64, random: &mut Random) -> Option<Arc<Reply>> {
    let struck = chaos.iter().find(|chaos| match chaos.when {
        ChaosWhen::Probability(probability) => random.chance(probability),
        ChaosWhen::Every(every) => every > 0 && turn.is_multiple_of(every),
        ChaosWhen::First(first) => turn <= first,
    })?;
    Some(Arc::new(struck.reply.clone()))
}
