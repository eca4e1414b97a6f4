//! Counts and times over what the journals keep.

use crate::desk::summary::{first_token, tokens};
use crate::emulator::Emulator;
use crate::session::exchange::Exchange;
use serde_json::{Map, Value, json};
use std::collections::BTreeMap;
use std::time::Duration;

/// Slots of the timeline, and how long each is.
const SLOTS: u64 = 90;
const SLOT: u64 = 10;

/// Of one session or of all, and of the requests for one model or for any.
pub(super) fn statistics(emulator: &Emulator, session: Option<&str>, model: Option<&str>) -> Value {
    let mut all = Group::default();
    let mut sessions = Vec::new();
    let mut statuses: BTreeMap<String, u64> = BTreeMap::new();
    let mut models: BTreeMap<String, Group> = BTreeMap::new();
    let mut timeline: BTreeMap<u64, (u64, u64)> = BTreeMap::new();
    let mut in_flight = 0u64;
    for one in emulator.sessions() {
        let id = one.serial.to_string();
        let wanted = session.is_none_or(|wanted| wanted == id);
        let mut group = Group::default();
        for exchange in one.journal.since(0, usize::MAX) {
            if model.is_some_and(|wanted| exchange.wants.as_deref() != Some(wanted)) {
                continue;
            }
            let seen = Tallied::of(&exchange);
            group.add(&seen);
            if !wanted {
                continue;
            }
            all.add(&seen);
            in_flight += u64::from(!seen.done);
            if let Some(status) = seen.status {
                *statuses.entry(status.to_string()).or_default() += 1;
            }
            if let Some(model) = &exchange.wants {
                models.entry(model.clone()).or_default().add(&seen);
            }
            let slot = timeline.entry(exchange.arrived.as_secs() / SLOT).or_default();
            slot.0 += 1;
            slot.1 += u64::from(seen.failed);
        }
        let mut shown = group.named(&one.label());
        shown["id"] = id.into();
        sessions.push(shown);
    }
    let newest = timeline.keys().next_back().copied().unwrap_or(0);
    let timeline: Vec<Value> = timeline
        .into_iter()
        .filter(|(slot, _)| slot + SLOTS > newest)
        .map(|(slot, (requests, errors))| json!({"at": slot * SLOT * 1_000, "requests": requests, "errors": errors}))
        .collect();
    let mut told = all.told();
    told.extend([
        ("in_flight".to_string(), in_flight.into()),
        ("statuses".into(), counts(statuses).into()),
        ("models".into(), models.into_iter().map(|(name, group)| group.named(&name)).collect()),
        ("sessions".into(), sessions.into()),
        ("timeline".into(), timeline.into()),
    ]);
    told.into()
}

/// What counts of one exchange; its record is read once.
struct Tallied {
    done: bool,
    /// For its client, or in the emulator's own eyes.
    failed: bool,
    status: Option<u16>,
    outcome: &'static str,
    /// Times from its arrival, in ms.
    total: Option<f64>,
    first: Option<f64>,
    tokens: (u64, u64),
}

impl Tallied {
    fn of(exchange: &Exchange) -> Self {
        let record = exchange.record();
        let since = |at: Option<&Duration>| Some(at?.saturating_sub(exchange.arrived).as_secs_f64() * 1_000.0);
        Tallied {
            done: record.is_done(),
            failed: record.status.is_some_and(|status| status >= 400) || record.failure.is_some() || record.aborted,
            status: record.status,
            outcome: record.outcome.name(),
            total: since(exchange.over.get()),
            first: since(first_token(exchange)),
            tokens: exchange.tokens.get().copied().unwrap_or_default(),
        }
    }
}

/// Some exchanges together.
#[derive(Default)]
struct Group {
    requests: u64,
    errors: u64,
    outcomes: BTreeMap<String, u64>,
    total: Vec<f64>,
    first: Vec<f64>,
    tokens: (u64, u64),
}

impl Group {
    fn add(&mut self, seen: &Tallied) {
        self.requests += 1;
        self.errors += u64::from(seen.failed);
        *self.outcomes.entry(seen.outcome.into()).or_default() += 1;
        self.total.extend(seen.total);
        self.first.extend(seen.first);
        self.tokens = (self.tokens.0 + seen.tokens.0, self.tokens.1 + seen.tokens.1);
    }

    fn named(self, name: &str) -> Value {
        let mut told = self.told();
        told.insert("name".into(), name.into());
        told.into()
    }

    fn told(self) -> Map<String, Value> {
        Map::from_iter([
            ("requests".to_string(), self.requests.into()),
            ("errors".into(), self.errors.into()),
            ("outcomes".into(), counts(self.outcomes).into()),
            ("total_ms".into(), percentiles(self.total)),
            ("first_ms".into(), percentiles(self.first)),
            ("tokens".into(), tokens(&self.tokens)),
        ])
    }
}

fn counts(counts: BTreeMap<String, u64>) -> Map<String, Value> {
    counts.into_iter().map(|(name, count)| (name, count.into())).collect()
}

/// Percentiles of times in milliseconds; null without any.
fn percentiles(mut times: Vec<f64>) -> Value {
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
        let found = percentiles((1..=100).rev().map(f64::from).collect());
        assert_eq!(found, json!({"p50": 50.0, "p90": 90.0, "p99": 99.0, "max": 100.0}));
        assert_eq!(percentiles(Vec::new()), Value::Null);
    }
}
