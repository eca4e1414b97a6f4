//! What people see of several replicas: one log of events and one list of what waits, which all replicas share.
//!
//! Each replica tells what happens in it: that a request begins or ends to wait for a person always, all else as long as
//! somebody watches at one of them. Nothing is seen before it was told to all, so that it has one number everywhere, and
//! whoever comes back at another replica finds what he missed.

use super::Desk;
use super::events::EventLog;
use crate::clock;
use crate::session::store::redis::{MissedEvents, ToldText};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::Duration;

/// Of requests that wait: always told.
const WAITING: [&str; 6] =
    ["new_request", "claimed_request", "released_request", "answered_by", "cancelled_request", "typed"];

/// Somebody watches at one of them.
const WATCHED: &str = "#watched";

/// Somebody who watched has gone.
const LEFT: &str = "#left";

/// Sends a text to all replicas.
pub(crate) type RelaySend = Box<dyn Fn(ToldText) + Send + Sync>;

/// The replicas, as far as people are concerned. Without any nothing is told.
#[derive(Default)]
pub(crate) struct Relay {
    way: OnceLock<RelayWay>,
    state: Mutex<RelayState>,
}

struct RelayWay {
    /// Where the others reach this one.
    here: String,
    /// How long events are told without a word of who watches.
    patience: Duration,
    send: RelaySend,
}

#[derive(Default)]
struct RelayState {
    /// Until when somebody watches at one of them, in the world's time.
    watched: Duration,
    /// What waits, as of the last event that was heard.
    waiting: BTreeMap<u64, WaitingSomewhere>,
}

#[derive(Clone)]
struct WaitingSomewhere {
    /// The replica.
    at: String,
    shown: Value,
    /// Since when it is shown so.
    since: Duration,
}

/// What replicas tell each other.
#[derive(Serialize, Deserialize)]
pub(super) struct RelayedEvent {
    /// Where it happened.
    #[serde(default)]
    at: String,
    pub(super) kind: String,
    #[serde(default)]
    pub(super) data: Value,
}

impl RelayedEvent {
    fn read(text: &str) -> Option<Self> {
        serde_json::from_str(text).ok()
    }

    fn id(&self) -> Option<u64> {
        self.data["id"].as_str()?.parse().ok()
    }
}

impl Relay {
    fn state(&self) -> MutexGuard<'_, RelayState> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether there are several replicas.
    pub(super) fn is_open(&self) -> bool {
        self.way.get().is_some()
    }

    /// Whether an event of this kind is told to all replicas.
    pub(super) fn wants(&self, kind: &str) -> bool {
        self.is_open() && (WAITING.contains(&kind) || self.is_watched())
    }

    /// Whether somebody watches at one of the replicas.
    pub(super) fn is_watched(&self) -> bool {
        self.is_open() && self.state().watched > clock::world()
    }

    pub(super) fn tell(&self, kind: &str, data: Value) {
        let Some(way) = self.way.get() else { return };
        let event = RelayedEvent { at: way.here.clone(), kind: kind.into(), data };
        // Texts and numbers always serialize.
        let text = serde_json::to_string(&event).unwrap_or_default();
        (way.send)(match (kind, event.id()) {
            ("new_request", Some(id)) => ToldText::begins(id, text),
            ("answered_by" | "cancelled_request", Some(id)) => ToldText::ends(id, text),
            (WATCHED | LEFT, _) => ToldText::aside(text),
            _ => ToldText::event(text),
        });
    }
}

impl RelayState {
    /// An event happened to what waits.
    fn apply(&mut self, event: &RelayedEvent) {
        let Some(id) = event.id() else { return };
        let (data, now) = (&event.data, clock::world());
        match event.kind.as_str() {
            "new_request" => {
                let waits = WaitingSomewhere { at: event.at.clone(), shown: data.clone(), since: now };
                self.waiting.insert(id, waits);
            }
            "answered_by" | "cancelled_request" => drop(self.waiting.remove(&id)),
            kind => {
                let Some(one) = self.waiting.get_mut(&id) else { return };
                match kind {
                    "claimed_request" => one.shown["claimed"] = json!({"by": data["by"], "until": data["until"]}),
                    "released_request" => one.shown["claimed"] = Value::Null,
                    "typed" => {
                        let texts = [&one.shown["typed"], &data["text"]].map(|text| text.as_str().unwrap_or_default());
                        one.shown["typed"] = texts.concat().into();
                    }
                    _ => {}
                }
            }
        }
    }
}

impl WaitingSomewhere {
    /// As it is shown now.
    fn shown(&self) -> Value {
        let gone = clock::world().saturating_sub(self.since).as_millis() as u64;
        let mut shown = self.shown.clone();
        if let Some(left) = shown["left_ms"].as_u64() {
            shown["left_ms"] = left.saturating_sub(gone).into();
        }
        shown
    }
}

impl Desk {
    /// From now on it is one of several, which others reach at `here`; `patience` = how long events are told without a word
    /// of who watches.
    pub(crate) fn relay(&self, here: String, patience: Duration, send: RelaySend) {
        let _ = self.events.relay.way.set(RelayWay { here, patience, send });
    }

    /// What a person at this replica is called at all of them.
    pub(crate) fn named(&self, name: &str) -> String {
        self.events.relay.way.get().map_or_else(|| name.into(), |way| format!("{name}@{}", way.here))
    }

    /// Hears what a replica told, with the number that it has as an event (0: it is none). False = events before it are
    /// missing.
    pub(crate) fn hear(&self, number: u64, text: &str) -> bool {
        let EventLog { relay, .. } = &*self.events;
        let (Some(way), Some(told)) = (relay.way.get(), RelayedEvent::read(text)) else { return true };
        match told.kind.as_str() {
            WATCHED => drop(self.is_watched_for(way.patience)),
            LEFT => self.pending.leave(&self.events, told.data["name"].as_str().unwrap_or_default()),
            _ if number > 0 => return self.events.heard(number, &told, || relay.state().apply(&told)),
            _ => {}
        }
        true
    }

    /// Events are watched for so long, as far as is known; gives whether somebody watches here.
    pub(crate) fn is_watched_for(&self, time: Duration) -> bool {
        let Some(way) = self.events.relay.way.get() else { return false };
        if !time.is_zero() {
            // A little longer than the others believe: none may be untold that they miss.
            let until = clock::world() + time + way.patience / 4;
            let mut state = self.events.relay.state();
            state.watched = state.watched.max(until);
        }
        self.events.watchers() > 0
    }

    /// Takes up what was missed.
    pub(crate) fn missed(&self, missed: &MissedEvents) {
        let events: Vec<(u64, RelayedEvent)> =
            missed.events.iter().filter_map(|(number, text)| Some((*number, RelayedEvent::read(text)?))).collect();
        let waits = |text: &String| {
            let event = RelayedEvent::read(text)?;
            let since = Duration::from_millis(event.data["arrived"].as_u64().unwrap_or_default());
            Some((event.id()?, WaitingSomewhere { at: event.at, shown: event.data, since }))
        };
        let waiting: BTreeMap<u64, WaitingSomewhere> = missed.waiting.iter().filter_map(waits).collect();
        let anew = self.events.missed(&missed.epoch, missed.last, &events, |before| {
            let mut state = self.events.relay.state();
            // What was done to each is told by events alone.
            for (id, one) in &waiting {
                state.waiting.entry(*id).or_insert_with(|| one.clone());
            }
            events.iter().filter(|(number, _)| *number > before).for_each(|(_, event)| state.apply(event));
            state.waiting.retain(|id, _| waiting.contains_key(id));
            for (id, one) in waiting {
                state.waiting.entry(id).or_insert(one);
            }
        });
        if anew {
            // The store has lost what it knew.
            for waits in self.pending.list() {
                self.events.relay.tell("new_request", waits);
            }
        }
    }

    /// Whether something waits, as far as is told, at a replica that may be gone.
    pub(crate) fn waits_elsewhere(&self) -> bool {
        !self.events.relay.state().waiting.is_empty()
    }

    /// What waited at replicas that are gone waits no more.
    pub(crate) fn alive(&self, others: &[String]) {
        let EventLog { relay, .. } = &*self.events;
        let Some(way) = relay.way.get() else { return };
        let here: BTreeSet<Option<u64>> =
            self.pending.list().iter().map(|shown| shown["id"].as_str()?.parse().ok()).collect();
        let gone: Vec<u64> = {
            let state = relay.state();
            let gone = |(id, one): &(&u64, &WaitingSomewhere)| match one.at == way.here {
                true => !here.contains(&Some(**id)),
                false => !others.contains(&one.at),
            };
            state.waiting.iter().filter(gone).map(|(id, _)| *id).collect()
        };
        for id in gone {
            relay.tell("cancelled_request", json!({"id": id.to_string(), "reason": "cancelled"}));
        }
    }

    /// Somebody who watched here has gone: what he held is everybody's again.
    pub(crate) fn leave(&self, name: &str) {
        self.pending.leave(&self.events, name);
        self.events.relay.tell(LEFT, json!({"name": self.named(name)}));
    }

    /// The replica at which a request waits, if it is another one.
    pub(crate) fn elsewhere(&self, id: u64) -> Option<String> {
        let way = self.events.relay.way.get()?;
        let state = self.events.relay.state();
        state.waiting.get(&id).map(|one| one.at.clone()).filter(|at| *at != way.here)
    }

    /// All that waits, here and elsewhere.
    pub(crate) fn waiting(&self) -> Vec<Value> {
        let mut waiting = self.pending.list();
        if let Some(way) = self.events.relay.way.get() {
            let state = self.events.relay.state();
            waiting.extend(state.waiting.values().filter(|one| one.at != way.here).map(WaitingSomewhere::shown));
        }
        waiting
    }

    /// What is told by the events up to one as waiting, and that one's number.
    pub(crate) fn as_of(&self) -> (Vec<Value>, u64) {
        if !self.events.relay.is_open() {
            return self.pending.as_of(&self.events);
        }
        let shown = || self.events.relay.state().waiting.values().map(WaitingSomewhere::shown).collect();
        self.events.as_of(shown)
    }
}

#[cfg(test)]
#[path = "relay_tests.rs"]
mod tests;
