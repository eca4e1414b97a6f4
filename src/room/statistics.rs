//! Counts and times over what the journals keep.

use crate::desk::summary::{first_token, tokens};
use crate::emulator::Emulator;
use crate::session::exchange::{Exchange, Record};
use serde_json::{Map, Value, json};
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

/// Slots of the timeline, and how long each is.
const SLOTS: u64 = 90;
const SLOT: u64 = 10;

/// Of one session or of all, and of the requests for one model or for any.
pub(super) fn statistics(emulator: &Emulator, session: Option<&str>, model: Option<&str>) -> Value {
    let mut all: Vec<Arc<Exchange>> = Vec::new();
    let mut sessions = Vec::new();
    for one in emulator.sessions() {
        let mut exchanges = one.journal.since(0, usize::MAX);
        exchanges.retain(|exchange| model.is_none_or(|wanted| exchange.wants.as_deref() == Some(wanted)));
        let id = one.serial.to_string();
        let mut shown = group(&exchanges);
        shown.insert("id".into(), id.as_str().into());
        shown.insert("name".into(), one.label().into());
        sessions.push(Value::from(shown));
        if session.is_none_or(|wanted| wanted == id) {
            all.extend(exchanges);
        }
    }
    let mut statuses: BTreeMap<String, u64> = BTreeMap::new();
    let mut models: BTreeMap<&str, Vec<Arc<Exchange>>> = BTreeMap::new();
    let mut timeline: BTreeMap<u64, (u64, u64)> = BTreeMap::new();
    let mut in_flight = 0;
    for exchange in &all {
        let record = exchange.record();
        in_flight += u64::from(!record.is_done());
        if let Some(status) = record.status {
            *statuses.entry(status.to_string()).or_default() += 1;
        }
        if let Some(model) = &exchange.wants {
            models.entry(model).or_default().push(exchange.clone());
        }
        let slot = timeline.entry(exchange.arrived.as_secs() / SLOT).or_default();
        slot.0 += 1;
        slot.1 += u64::from(is_error(&record));
    }
    let newest = timeline.keys().next_back().copied().unwrap_or(0);
    let timeline: Vec<Value> = timeline
        .into_iter()
        .filter(|(slot, _)| slot + SLOTS > newest)
        .map(|(slot, (requests, errors))| json!({"at": slot * SLOT * 1_000, "requests": requests, "errors": errors}))
        .collect();
    let models = models.into_iter().map(|(name, exchanges)| {
        let mut shown = group(&exchanges);
        shown.insert("name".into(), name.into());
        Value::from(shown)
    });
    let mut told = group(&all);
    told.extend([
        ("in_flight".to_string(), in_flight.into()),
        ("statuses".into(), counts(statuses).into()),
        ("models".into(), models.collect()),
        ("sessions".into(), sessions.into()),
        ("timeline".into(), timeline.into()),
    ]);
    told.into()
}

/// What is told of some exchanges together.
fn group(exchanges: &[Arc<Exchange>]) -> Map<String, Value> {
    let mut outcomes: BTreeMap<String, u64> = BTreeMap::new();
    let mut errors = 0u64;
    for exchange in exchanges {
        let record = exchange.record();
        *outcomes.entry(record.outcome.name().into()).or_default() += 1;
        errors += u64::from(is_error(&record));
    }
    Map::from_iter([
        ("requests".to_string(), exchanges.len().into()),
        ("errors".into(), errors.into()),
        ("outcomes".into(), counts(outcomes).into()),
        ("total_ms".into(), times(exchanges.iter().map(|exchange| (&exchange.arrived, exchange.over.get())))),
        ("first_ms".into(), times(exchanges.iter().map(|exchange| (&exchange.arrived, first_token(exchange))))),
        ("tokens".into(), sum(exchanges)),
    ])
}

/// Whether it failed: for its client, or in the emulator's own eyes.
fn is_error(record: &Record) -> bool {
    record.status.is_some_and(|status| status >= 400) || record.failure.is_some() || record.aborted
}

/// The tokens of exchanges; of those that say none there are none.
fn sum(exchanges: &[Arc<Exchange>]) -> Value {
    let add = |(input, output): (u64, u64), more: &(u64, u64)| (input + more.0, output + more.1);
    tokens(&exchanges.iter().filter_map(|exchange| exchange.tokens.get()).fold((0, 0), add))
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
