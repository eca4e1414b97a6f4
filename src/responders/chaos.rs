//! Chaos: a session's failures, before any rule and without using a step.

use crate::random::Random;
use crate::reply::Reply;
use crate::reply::json::{Chaos, ChaosWhen};
use std::sync::Arc;

/// The failure a chaos profile has for a turn, numbered from 1: an error, or a fault alone. Probabilities are drawn from
/// `random`, the exchange's own.
pub fn strike(chaos: &[Chaos], turn: u64, random: &mut Random) -> Option<Arc<Reply>> {
    let struck = chaos.iter().find(|chaos| match chaos.when {
        ChaosWhen::Probability(probability) => random.chance(probability),
        ChaosWhen::Every(every) => every > 0 && turn.is_multiple_of(every),
        ChaosWhen::First(first) => turn <= first,
    })?;
    Some(Arc::new(struck.reply.clone()))
}
