//! Counts and times over what the journals keep.

use crate::desk::summary::tokens;
use crate::emulator::Emulator;
use crate::session::exchange::Exchange;
use serde_json::{Map, Value, json};
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

/// Slots of the timeline, and how long each is.
const SLOTS: u64 = 90;
const SLOT: u64 = 10;

/// Of one session, or of all.
pub(super) fn statistics(emulator: &Emulator, session: Option<&str>) -> Value {
    let mut all: Vec<Arc<Exchange>> = Vec::new();
    let mut sessions = Vec::new();
    for one in emulator.sessions() {
        let exchanges = one.journal.since(0, usize::MAX);
        let id = one.serial.to_string();
        sessions.push(json!({"id": id, "name": one.label(), "requests": exchanges.len(), "tokens": sum(&exchanges)}));
        if session.is_none_or(|wanted| wanted == id) {
            all.extend(exchanges);
        }
    }
    let mut outcomes: BTreeMap<String, u64> = BTreeMap::new();
    let mut statuses: BTreeMap<String, u64> = BTreeMap::new();
    let mut models: BTreeMap<&str, Vec<&Arc<Exchange>>> = BTreeMap::new();
    let mut timeline: BTreeMap<u64, (u64, u64)> = BTreeMap::new();
    let mut in_flight = 0;
    for exchange in &all {
        let record = exchange.record();
        in_flight += u64::from(!record.is_done());
        let outcome = json!(record.outcome);
        *outcomes.entry(outcome.as_str().unwrap_or_default().into()).or_default() += 1;
        if let Some(status) = record.status {
            *statuses.entry(status.to_string()).or_default() += 1;
        }
        if let Some(model) = &exchange.wants {
            models.entry(model).or_default().push(exchange);
        }
        let slot = timeline.entry(exchange.arrived.as_secs() / SLOT).or_default();
        slot.0 += 1;
        slot.1 += u64::from(record.status.is_some_and(|status| status >= 400) || record.failure.is_some());
    }
    let newest = timeline.keys().next_back().copied().unwrap_or(0);
    let timeline: Vec<Value> = timeline
        .into_iter()
        .filter(|(slot, _)| slot + SLOTS > newest)
        .map(|(slot, (requests, errors))| json!({"at": slot * SLOT * 1_000, "requests": requests, "errors": errors}))
        .collect();
    let by_model = |(name, exchanges): (&str, Vec<&Arc<Exchange>>)| {
        let total = times(exchanges.iter().map(|exchange| (&exchange.arrived, exchange.over.get())));
        json!({"name": name, "requests": exchanges.len(), "total_ms": total, "tokens": sum(exchanges)})
    };
    json!({
        "requests": all.len(),
        "in_flight": in_flight,
        "outcomes": counts(outcomes),
        "statuses": counts(statuses),
        "total_ms": times(all.iter().map(|exchange| (&exchange.arrived, exchange.over.get()))),
        "first_ms": times(all.iter().map(|exchange| (&exchange.arrived, exchange.first.get()))),
        "tokens": sum(&all),
        "models": models.into_iter().map(by_model).collect::<Vec<_>>(),
        "sessions": sessions,
        "timeline": timeline,
    })
}

/// The tokens of exchanges; of those that passed through uncounted there are none.
fn sum<'a>(exchanges: impl IntoIterator<Item = &'a Arc<Exchange>>) -> Value {
    let add = |(input, output): (u64, u64), more: &(u64, u64)| (input + more.0, output + more.1);
    tokens(&exchanges.into_iter().filter_map(|exchange| exchange.tokens.get()).fold((0, 0), add))
}

fn counts(counts: BTreeMap<String, u64>) -> Map<String, Value> {
    counts.into_iter().map(|(name, count)| (name, count.into())).collect()
}

/// Percentiles of times in milliseconds; null without any.
fn times<'a>(pairs: impl Iterator<Item = (&'a Duration, Option<&'a Duration>)>) -> Value {
    let mut times: Vec<f64> =
        pairs.filter_map(|(from, to)| Some(to?.saturating_sub(*from).as_secs_f64() * 1_000.0)).collect();
    times.sort_by(f64::total_cmp);
    let Some(max) = times.last() else { return Value::Null };
    let at = |share: f64| times[((times.len() as f64 * share).ceil() as usize).clamp(1, times.len()) - 1];
    json!({"p50": at(0.5), "p90": at(0.9), "p99": at(0.99), "max": max})
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn percentiles_are_of_the_nearest_rank() {
        let arrived = Duration::ZERO;
        let over: Vec<Duration> = (1..=100).map(Duration::from_millis).collect();
        let found = times(over.iter().map(|over| (&arrived, Some(over))));
        assert_eq!(found, json!({"p50": 50.0, "p90": 90.0, "p99": 99.0, "max": 100.0}));
        assert_eq!(times(std::iter::once((&arrived, None))), Value::Null);
    }
}
