//! What people at other replicas have before them, and how they learn of what waits here.
//!
//! Each replica tells the others of requests that begin and cease to wait, and of everything else as long as somebody
//! watches there. Now and then it lists what waits, so that nobody misses anything for long.

use super::Desk;
use super::events::EventLog;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::Duration;

/// Of requests that wait: always told.
const WAITING: [&str; 6] =
    ["new_request", "claimed_request", "released_request", "answered_by", "cancelled_request", "typed"];

/// Somebody watches at another replica.
const WATCHED: &str = "#watched";

/// All that waits at another replica.
const LIST: &str = "#waiting";

/// What a replica that tells nothing for so many beats had is forgotten.
const BEATS: u32 = 12;

/// Sends a text to the other replicas.
pub(crate) type RelaySend = Box<dyn Fn(String) + Send + Sync>;

/// The other replicas, as far as people are concerned. Without any nothing is told.
#[derive(Default)]
pub(crate) struct Relay {
    way: OnceLock<(String, Duration, RelaySend)>,
    state: Mutex<RelayState>,
}

#[derive(Default)]
struct RelayState {
    /// Until when somebody watches elsewhere, in the world's time.
    watched: Duration,
    /// What waits elsewhere: where, as it is shown, and when it was told last.
    waiting: BTreeMap<u64, WaitingElsewhere>,
    /// Something waited here at the last beat.
    listed: bool,
}

struct WaitingElsewhere {
    address: String,
    shown: Value,
    told: Duration,
}

/// What replicas tell each other.
#[derive(Serialize, Deserialize)]
struct RelayedEvent {
    /// Where it happened.
    at: String,
    kind: String,
    data: Value,
}

impl Relay {
    fn state(&self) -> MutexGuard<'_, RelayState> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether an event of this kind is told to the other replicas.
    pub(super) fn wants(&self, kind: &str) -> bool {
        self.way.get().is_some() && (WAITING.contains(&kind) || self.is_watched())
    }

    /// Whether somebody watches at another replica.
    pub(super) fn is_watched(&self) -> bool {
        self.way.get().is_some() && self.state().watched > crate::clock::world()
    }

    pub(super) fn tell(&self, kind: &str, data: &Value) {
        if let Some((at, _, send)) = self.way.get() {
            send(json!({"at": at, "kind": kind, "data": data}).to_string());
        }
    }
}

impl Desk {
    /// From now on it is one of several, which others reach at `address`; `beat` = how often [`Desk::beat`] comes.
    pub(crate) fn relay(&self, address: String, beat: Duration, send: RelaySend) {
        let _ = self.events.relay.way.set((address, beat, send));
    }

    /// Tells the others what they must not forget.
    pub(crate) fn beat(&self) {
        let EventLog { relay, .. } = &self.events;
        let Some((_, beat, _)) = relay.way.get() else { return };
        if self.events.watchers() > 0 {
            relay.tell(WATCHED, &json!({}));
        }
        let waiting = self.pending.list();
        let listed = std::mem::replace(&mut relay.state().listed, !waiting.is_empty());
        if listed || !waiting.is_empty() {
            relay.tell(LIST, &waiting.into());
        }
        let now = crate::clock::world();
        self.cease(|one| now.saturating_sub(one.told) > *beat * BEATS);
    }

    /// What waited elsewhere waits no more.
    fn cease(&self, over: impl Fn(&WaitingElsewhere) -> bool) {
        let gone: Vec<u64> = {
            let mut state = self.events.relay.state();
            state.waiting.extract_if(.., |_, one| over(one)).map(|(id, _)| id).collect()
        };
        for id in gone {
            self.events.tell_here("cancelled_request", || json!({"id": id.to_string(), "reason": "cancelled"}));
        }
    }

    /// Hears what another replica tells.
    pub(crate) fn hear(&self, text: &str) {
        let Ok(told) = serde_json::from_str::<RelayedEvent>(text) else { return };
        let Some((here, beat, _)) = self.events.relay.way.get() else { return };
        if told.at == *here {
            return;
        }
        let now = crate::clock::world();
        let id = |data: &Value| data["id"].as_str().and_then(|id| id.parse::<u64>().ok());
        match told.kind.as_str() {
            WATCHED => self.events.relay.state().watched = now + *beat * BEATS,
            LIST => {
                let list = told.data.as_array().cloned().unwrap_or_default();
                for shown in list {
                    self.waits_elsewhere(id(&shown), &told.at, shown, now);
                }
                self.cease(|one| one.address == told.at && one.told < now);
            }
            "new_request" => self.waits_elsewhere(id(&told.data), &told.at, told.data, now),
            kind => {
                if let ("answered_by" | "cancelled_request", Some(id)) = (kind, id(&told.data)) {
                    self.events.relay.state().waiting.remove(&id);
                }
                self.events.tell_here(kind, || told.data);
            }
        }
    }

    fn waits_elsewhere(&self, id: Option<u64>, address: &str, shown: Value, now: Duration) {
        let Some(id) = id else { return };
        let one = WaitingElsewhere { address: address.into(), shown: shown.clone(), told: now };
        if self.events.relay.state().waiting.insert(id, one).is_none() {
            self.events.tell_here("new_request", || shown);
        }
    }

    /// The replica at which a request waits, if it is another one.
    pub(crate) fn elsewhere(&self, id: u64) -> Option<String> {
        self.events.relay.way.get()?;
        self.events.relay.state().waiting.get(&id).map(|one| one.address.clone())
    }

    /// All that waits, here and elsewhere.
    pub(crate) fn waiting(&self) -> Vec<Value> {
        self.as_of().0
    }

    /// As [`Desk::waiting`], and the number of the last event that is told by this list.
    pub(crate) fn as_of(&self) -> (Vec<Value>, u64) {
        let (mut waiting, last) = self.pending.as_of(&self.events);
        if self.events.relay.way.get().is_some() {
            waiting.extend(self.events.relay.state().waiting.values().map(|one| one.shown.clone()));
        }
        (waiting, last)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::Arc;

    fn desk(address: &str, sent: &Arc<Mutex<Vec<String>>>) -> Desk {
        let (desk, sent) = (Desk::default(), sent.clone());
        let send = move |text| sent.lock().expect("no panic").push(text);
        desk.relay(address.into(), Duration::from_secs(60), Box::new(send));
        desk
    }

    #[test]
    fn what_waits_elsewhere_is_listed_told_and_forgotten() {
        let sent = Arc::default();
        let (one, two) = (desk("http://one", &sent), desk("http://two", &sent));
        let _watching = two.events.watch();
        let (from, _) = two.events.range();
        one.events.tell("x", || unreachable!("nobody is known to watch"));
        one.events.tell("new_request", || json!({"id": "7", "text": "hello"}));
        two.beat();
        for text in std::mem::take(&mut *sent.lock().expect("no panic")) {
            one.hear(&text);
            two.hear(&text);
        }
        assert_eq!((two.waiting().len(), one.waiting().len()), (1, 0), "what is its own it does not hear");
        assert_eq!((two.elsewhere(7).as_deref(), two.elsewhere(8)), (Some("http://one"), None));
        one.events.tell("x", || json!({}));
        one.events.tell("answered_by", || json!({"id": "7"}));
        for text in std::mem::take(&mut *sent.lock().expect("no panic")) {
            two.hear(&text);
        }
        assert!(two.waiting().is_empty());
        let told = two.events.after(from, 9).expect("kept");
        let kinds: Vec<Value> =
            told.iter().map(|event| serde_json::from_slice::<Value>(event).expect("JSON")["type"].clone()).collect();
        assert_eq!(kinds, ["new_request", "x", "answered_by"]);
        // A list says what was missed.
        let list = |data: Value| json!({"at": "http://one", "kind": LIST, "data": data}).to_string();
        two.hear(&list(json!([{"id": "9"}])));
        assert_eq!(two.waiting(), [json!({"id": "9"})]);
        two.hear(&list(json!([])));
        assert!(two.waiting().is_empty());
    }
}
