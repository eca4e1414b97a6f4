//! The events people watch: numbered, kept for a while so that a lost connection misses nothing, and never waiting for
//! anybody. Who watches reads at its own pace; who falls behind what is kept has to begin anew.

use super::relay::{Relay, RelayedEvent};
use bytes::Bytes;
use serde_json::{Value, json};
use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::sync::watch;

/// Events kept, and bytes of them.
const MOST: usize = 2_000;
const MOST_BYTES: usize = 16 << 20;

/// Events of exchanges told one by one in a second; of more only their count is told. Each goes to everybody who watches:
/// so many in all, and so many at least.
const A_SECOND: usize = 200;
const A_SECOND_IN_ALL: usize = 20_000;
const A_SECOND_AT_LEAST: usize = 20;

/// The events of an emulator, or of all replicas that it is one of.
pub(crate) struct EventLog {
    kept: Mutex<Kept>,
    /// The number of the last one.
    last: watch::Sender<u64>,
    /// The replicas.
    pub(super) relay: Relay,
}

#[derive(Default)]
struct Kept {
    /// In order, without gaps; the last has the number `last`.
    events: VecDeque<Bytes>,
    bytes: usize,
    last: u64,
    /// The counting that the numbers belong to: told apart after a restart.
    epoch: String,
    watchers: usize,
    /// The second that is counted, exchanges told in it, and how many more there were.
    second: Duration,
    told: usize,
    untold: u64,
    /// When that was said last.
    caught_up: Duration,
}

/// How often it is said how many were not told.
const CATCH_UP: Duration = Duration::from_millis(400);

/// Somebody who watches.
pub(crate) struct EventWatch(Arc<EventLog>);

impl Default for EventLog {
    fn default() -> Self {
        let epoch = format!("{:x}", crate::clock::world().as_micros());
        let kept = Kept { epoch, ..Kept::default() };
        EventLog { kept: Mutex::new(kept), last: watch::channel(0).0, relay: Relay::default() }
    }
}

impl EventLog {
    fn kept(&self) -> MutexGuard<'_, Kept> {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Tells everybody; nothing is made when nobody watches.
    pub(crate) fn tell(&self, kind: &str, data: impl FnOnce() -> Value) {
        if self.relay.is_open() {
            // Where there are several, nothing happens before all are told.
            if self.relay.wants(kind) {
                self.relay.tell(kind, data());
            }
        } else if self.is_watched() {
            let data = data();
            let mut kept = self.kept();
            kept.push(kind, &data);
            let last = kept.last;
            drop(kept);
            self.last.send_replace(last);
        }
    }

    /// Hears an event with its number among those of all replicas, and does what it leads to. False = events before it are
    /// missing: nothing is done.
    pub(super) fn heard(&self, number: u64, event: &RelayedEvent, then: impl FnOnce()) -> bool {
        let mut kept = self.kept();
        if number != kept.last + 1 {
            return number <= kept.last;
        }
        kept.push(&event.kind, &event.data);
        then();
        drop(kept);
        self.last.send_replace(number);
        true
    }

    /// Takes up events of all replicas that were missed, and does what those after a number lead to. Gives whether they
    /// are counted anew.
    pub(super) fn missed(
        &self,
        epoch: &str,
        last: u64,
        events: &[(u64, RelayedEvent)],
        then: impl FnOnce(u64),
    ) -> bool {
        let mut kept = self.kept();
        let anew = kept.epoch != epoch;
        if !anew && kept.last >= last {
            return false;
        }
        let before = if anew { 0 } else { kept.last };
        if anew {
            kept.epoch = epoch.into();
            kept.begin_after(0);
        }
        for (number, event) in events {
            if *number > kept.last + 1 {
                kept.begin_after(number - 1);
            }
            if *number == kept.last + 1 {
                kept.push(&event.kind, &event.data);
            }
        }
        if kept.last < last {
            kept.begin_after(last);
        }
        then(before);
        let last = kept.last;
        drop(kept);
        self.last.send_replace(last);
        anew
    }

    /// What is so after an event, and that event's number.
    pub(super) fn as_of<T>(&self, state: impl FnOnce() -> T) -> (T, u64) {
        let kept = self.kept();
        (state(), kept.last)
    }

    /// Tells of an exchange; when there are too many, only that there are.
    pub(crate) fn tell_exchange(&self, kind: &str, data: impl FnOnce() -> Value) {
        let mut kept = self.kept();
        if kept.watchers == 0 && !self.relay.is_watched() {
            return;
        }
        let now = Duration::from_secs(crate::clock::world().as_secs());
        if kept.second != now {
            (kept.second, kept.told) = (now, 0);
        }
        if kept.told >= a_second(kept.watchers) {
            kept.untold += 1;
            return;
        }
        kept.told += 1;
        drop(kept);
        self.tell(kind, data);
    }

    /// Says how many exchanges were not told; to be called now and then, by however many: it is said once.
    pub(crate) fn catch_up(&self) {
        let untold = {
            let mut kept = self.kept();
            let now = crate::clock::world();
            if now.saturating_sub(kept.caught_up) < CATCH_UP {
                return;
            }
            kept.caught_up = now;
            std::mem::take(&mut kept.untold)
        };
        if untold > 0 {
            self.tell("exchanges_changed", || json!({"count": untold}));
        }
    }

    pub(crate) fn is_watched(&self) -> bool {
        self.kept().watchers > 0
    }

    /// How many watch.
    pub(crate) fn watchers(&self) -> usize {
        self.kept().watchers
    }

    /// From now on events are made.
    pub(crate) fn watch(self: &Arc<Self>) -> EventWatch {
        let mut kept = self.kept();
        if kept.watchers == 0 && !self.relay.is_open() {
            // What happened unseen has no events: nobody may believe to have missed nothing.
            let last = kept.last;
            kept.begin_after(last + 1);
        }
        kept.watchers += 1;
        EventWatch(self.clone())
    }

    /// The counting that the numbers belong to.
    pub(crate) fn epoch(&self) -> String {
        self.kept().epoch.clone()
    }

    /// Number of the last event, and of the first that is kept.
    pub(crate) fn range(&self) -> (u64, u64) {
        let kept = self.kept();
        (kept.last, kept.first())
    }

    /// The events after this one, at most `most`; `None` = some of them are no longer kept.
    pub(crate) fn after(&self, seen: u64, most: usize) -> Option<Vec<Bytes>> {
        let kept = self.kept();
        let skip = usize::try_from((seen + 1).checked_sub(kept.first())?).ok()?;
        (skip <= kept.events.len()).then(|| kept.events.iter().skip(skip).take(most).cloned().collect())
    }

    /// Tells when there is a newer event.
    pub(crate) fn news(&self) -> watch::Receiver<u64> {
        self.last.subscribe()
    }
}

fn a_second(watchers: usize) -> usize {
    (A_SECOND_IN_ALL / watchers.max(1)).clamp(A_SECOND_AT_LEAST, A_SECOND)
}

impl Drop for EventWatch {
    fn drop(&mut self) {
        self.0.kept().watchers -= 1;
    }
}

impl Kept {
    fn first(&self) -> u64 {
        self.last + 1 - self.events.len() as u64
    }

    /// The next event is the one after this: none before it is kept.
    fn begin_after(&mut self, last: u64) {
        self.events.clear();
        (self.bytes, self.last) = (0, last);
    }

    fn push(&mut self, kind: &str, data: &Value) {
        self.last += 1;
        let event = Bytes::from(json!({"seq": self.last, "type": kind, "data": data}).to_string());
        self.bytes += event.len();
        self.events.push_back(event);
        while self.events.len() > MOST || self.bytes > MOST_BYTES && self.events.len() > 1 {
            self.bytes -= self.events.pop_front().map_or(0, |gone| gone.len());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn events_are_numbered_without_gaps_and_the_oldest_go_first() {
        let events = Arc::new(EventLog::default());
        events.tell("x", || unreachable!("nobody watches"));
        let watching = events.watch();
        let (seen, _) = events.range();
        for number in 0..MOST + 10 {
            events.tell("x", || json!(number));
        }
        assert_eq!(events.after(seen, 1), None, "the first ones are gone");
        let (last, oldest) = events.range();
        assert_eq!((last - oldest + 1) as usize, MOST);
        let one = events.after(oldest - 1, 1).expect("kept");
        let one: Value = serde_json::from_slice(&one[0]).expect("JSON");
        assert_eq!((&one["seq"], &one["data"]), (&json!(oldest), &json!(10)));
        assert_eq!(events.after(last, 9), Some(Vec::new()));
        assert_eq!(events.after(last + 1, 9), None, "no such number was given");
        drop(watching);
        let _again = events.watch();
        assert_eq!(events.after(last, 9), None, "what happened unseen is a gap");
    }

    #[test]
    fn too_many_exchanges_are_only_counted() {
        let events = Arc::new(EventLog::default());
        let mut watching = vec![events.watch()];
        for (watchers, most) in [(1, A_SECOND), (500, 40), (5_000, A_SECOND_AT_LEAST)] {
            watching.resize_with(watchers, || events.watch());
            let (seen, _) = events.range();
            for _ in 0..1_000 {
                events.tell_exchange("exchange_begun", || json!({}));
            }
            let (told, last) = loop {
                // By as many as watch, and it is said once.
                (0..watchers).for_each(|_| events.catch_up());
                let told = events.after(seen, MOST).expect("kept");
                let last = told.last().and_then(|event| serde_json::from_slice(event).ok()).unwrap_or(Value::Null);
                if last["type"] == "exchanges_changed" {
                    break (told, last);
                }
            };
            // A second may end in between.
            assert!(told.len() <= 2 * most + 1, "{} to {watchers}", told.len());
            assert_eq!(last["data"]["count"].as_u64().map(|count| count as usize + told.len() - 1), Some(1_000));
        }
    }
}
