//! Chaos: a session's failures, before any rule and without using a step.

use crate::api::Call;
use crate::journal::Outcome;
use crate::reply::Reply;
use crate::reply::json::ChaosWhen;
use std::sync::Arc;

/// The failure the session's chaos profile has for this turn: an error, or a fault alone. Every call counts a turn, and
/// probabilities are drawn from the exchange's generator.
pub fn strike(call: &Call) -> Option<Arc<Reply>> {
    let chaos = call.defaults.chaos.as_deref().filter(|chaos| !chaos.is_empty())?;
    let turn = call.session.counts_turn();
    let mut random = call.random.fork("chaos");
    let struck = chaos.iter().find(|chaos| match chaos.when {
        ChaosWhen::Probability(probability) => random.chance(probability),
        ChaosWhen::Every(every) => every > 0 && turn.is_multiple_of(every),
        ChaosWhen::First(first) => turn <= first,
    })?;
    call.exchange.note(|record| record.outcome = Outcome::Faulted);
    Some(Arc::new(struck.reply.clone()))
}
