//! Counts and times over what the journals keep.

use crate::desk::summary::{first_token, tokens};
use crate::emulator::Emulator;
use crate::session::exchange::Exchange;
use crate::sorting;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};
use std::collections::BTreeMap;
use std::time::Duration;

/// Slots of the timeline, and how long each is.
const SLOTS: u64 = 90;
const SLOT: u64 = 10;

/// Counts and times of sessions: of one emulator, or of several added up.
#[derive(Debug, Default, Serialize, Deserialize)]
pub(super) struct Statistics {
    all: Group,
    in_flight: u64,
    statuses: BTreeMap<String, u64>,
    models: BTreeMap<String, Group>,
    /// Each as it is shown.
    sessions: Vec<Value>,
    /// Requests and errors by slot.
    timeline: BTreeMap<u64, (u64, u64)>,
}

impl Statistics {
    /// Of one session or of all, and of the requests for one model or for any.
    pub(super) fn of(emulator: &Emulator, session: Option<&str>, model: Option<&str>) -> Self {
        let mut sum = Statistics::default();
        for one in emulator.sessions() {
            let id = one.serial.to_string();
            let wanted = session.is_none_or(|wanted| wanted == id);
            let mut group = Group::default();
            for exchange in one.journal.since(0, usize::MAX) {
                if model.is_some_and(|wanted| exchange.wants.as_deref() != Some(wanted)) {
                    continue;
                }
                let seen = Tallied::of(&exchange);
                group.count(&seen);
                if wanted {
                    sum.count(&exchange, &seen);
                }
            }
            let mut shown = group.named(&one.label());
            shown["id"] = id.into();
            sum.sessions.push(shown);
        }
        sum
    }

    fn count(&mut self, exchange: &Exchange, seen: &Tallied) {
        self.all.count(seen);
        self.in_flight += u64::from(!seen.done);
        if let Some(status) = seen.status {
            *self.statuses.entry(status.to_string()).or_default() += 1;
        }
        if let Some(model) = &exchange.wants {
            self.models.entry(model.clone()).or_default().count(seen);
        }
        let slot = self.timeline.entry(exchange.arrived.as_secs() / SLOT).or_default();
        slot.0 += 1;
        slot.1 += u64::from(seen.failed);
    }

    /// Adds those of other sessions.
    pub(super) fn add(&mut self, more: Statistics) {
        self.all.add(more.all);
        self.in_flight += more.in_flight;
        add(&mut self.statuses, more.statuses);
        more.models.into_iter().for_each(|(name, group)| self.models.entry(name).or_default().add(group));
        self.sessions.extend(more.sessions);
        for (slot, (requests, errors)) in more.timeline {
            let slot = self.timeline.entry(slot).or_default();
            (slot.0, slot.1) = (slot.0 + requests, slot.1 + errors);
        }
    }

    /// As they are shown.
    pub(super) fn told(self) -> Value {
        let newest = self.timeline.keys().next_back().copied().unwrap_or(0);
        let timeline: Vec<Value> = self
            .timeline
            .into_iter()
            .filter(|(slot, _)| slot + SLOTS > newest)
            .map(
                |(slot, (requests, errors))| json!({"at": slot * SLOT * 1_000, "requests": requests, "errors": errors}),
            )
            .collect();
        let mut told = self.all.told();
        told.extend([
            ("in_flight".to_string(), self.in_flight.into()),
            ("statuses".into(), json!(self.statuses)),
            ("models".into(), self.models.into_iter().map(|(name, group)| group.named(&name)).collect()),
            ("sessions".into(), self.sessions.into()),
            ("timeline".into(), timeline.into()),
        ]);
        told.into()
    }
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
        let since = |at: Option<Duration>| Some(at?.saturating_sub(exchange.arrived).as_secs_f64() * 1_000.0);
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
#[derive(Debug, Default, Serialize, Deserialize)]
struct Group {
    requests: u64,
    errors: u64,
    outcomes: BTreeMap<String, u64>,
    total: Vec<f64>,
    first: Vec<f64>,
    tokens: (u64, u64),
}

impl Group {
    fn count(&mut self, seen: &Tallied) {
        self.requests += 1;
        self.errors += u64::from(seen.failed);
        *self.outcomes.entry(seen.outcome.into()).or_default() += 1;
        self.total.extend(seen.total);
        self.first.extend(seen.first);
        self.tokens = (self.tokens.0 + seen.tokens.0, self.tokens.1 + seen.tokens.1);
    }

    fn add(&mut self, more: Group) {
        (self.requests, self.errors) = (self.requests + more.requests, self.errors + more.errors);
        add(&mut self.outcomes, more.outcomes);
        self.total.extend(more.total);
        self.first.extend(more.first);
        self.tokens = (self.tokens.0 + more.tokens.0, self.tokens.1 + more.tokens.1);
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
            ("outcomes".into(), json!(self.outcomes)),
            ("total_ms".into(), percentiles(self.total)),
            ("first_ms".into(), percentiles(self.first)),
            ("tokens".into(), tokens(&self.tokens)),
        ])
    }
}

fn add(counts: &mut BTreeMap<String, u64>, more: BTreeMap<String, u64>) {
    more.into_iter().for_each(|(name, count)| *counts.entry(name).or_default() += count);
}

/// Percentiles of times in milliseconds; null without any.
fn percentiles(mut times: Vec<f64>) -> Value {
    sorting::by(&mut times, f64::total_cmp);
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

    #[test]
    fn what_several_count_is_added_up_and_not_averaged() {
        let part = |times: &[f64]| {
            let group = || Group {
                requests: times.len() as u64,
                outcomes: BTreeMap::from([("scripted".into(), times.len() as u64)]),
                total: times.to_vec(),
                tokens: (2, 1),
                ..Group::default()
            };
            let (models, timeline) = (BTreeMap::from([("gpt-4o".into(), group())]), BTreeMap::from([(7, (2, 1))]));
            Statistics { all: group(), models, timeline, sessions: vec![json!({})], ..Statistics::default() }
        };
        let mut sum = Statistics::default();
        for one in [part(&[1.0, 9.0, 9.0]), part(&[2.0])] {
            // As it travels between replicas.
            sum.add(serde_json::from_value(json!(one)).expect("what was written"));
        }
        let told = sum.told();
        assert_eq!(
            (&told["requests"], &told["total_ms"]["p50"], &told["tokens"]["input"]),
            (&json!(4), &json!(2.0), &json!(4))
        );
        assert_eq!((&told["models"][0]["requests"], &told["outcomes"]["scripted"]), (&json!(4), &json!(4)));
        assert_eq!((&told["timeline"][0]["requests"], told["sessions"].as_array().map(Vec::len)), (&json!(4), Some(2)));
    }
}
