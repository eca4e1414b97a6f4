//! Preset queues: answers that wait for whoever asks next from an address, or in a session.

use crate::clock;
use crate::desk::kept::{self, QueueRows};
use crate::desk::preset::{Preset, PresetUse};
use crate::desk::shared::Taking;
use crate::session::store::keeper::Keeper;
use serde_json::{Map, Value, json};
use std::collections::{BTreeMap, VecDeque};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

/// Items of all queues together, bytes of them, and queues.
const MOST: usize = 100_000;
const MOST_BYTES: usize = 256 << 20;
const MOST_QUEUES: usize = 10_000;

/// The preset queues of an emulator, by address.
#[derive(Default)]
pub(crate) struct Queues {
    all: Mutex<QueueState>,
    /// Makes ids.
    next: AtomicU64,
    /// Of queues that replicas share: held by whoever takes an item.
    pub(super) taking: Taking,
}

#[derive(Default)]
pub(super) struct QueueState {
    queues: BTreeMap<String, VecDeque<Preset>>,
    items: usize,
    bytes: usize,
    rows: QueueRows,
}

/// Why nothing was done.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum QueueRefusal {
    /// There is no such queue, or no such item in it.
    Unknown(String),
    /// Not what an item may be, or one too many.
    Wrong(String),
}

impl Queues {
    pub(super) fn all(&self) -> MutexGuard<'_, QueueState> {
        self.all.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Keeps the queues in a data directory, with those that are there.
    pub(crate) fn keep(&self, keeper: Keeper) {
        let rows = QueueRows::new(keeper);
        let (known, items) = rows.read();
        *self.all() = QueueState::of(rows, known, items);
    }

    /// Reads an item and puts it at the end, or at `position`. Gives its id and the queue's length.
    ///
    /// # Errors
    /// It is none, or there are too many.
    pub(crate) fn add(&self, address: &str, given: &Map<String, Value>) -> Result<(String, usize), QueueRefusal> {
        let (position, item) = read(given.clone(), self.id())?;
        let id = item.id.clone();
        Ok((id, self.all().insert(address, position, item, None)?))
    }

    /// An id like no other: the form of a UUID, which the first tool's clients look for.
    fn id(&self) -> String {
        let number = self.next.fetch_add(1, Ordering::Relaxed);
        let now = clock::world().as_nanos().to_le_bytes();
        let draw = |salt: u64| crate::random::key(salt, &[&now, &number.to_le_bytes()]);
        let (high, low) = (draw(1), draw(2));
        format!(
            "{:08x}-{:04x}-4{:03x}-{:04x}-{:012x}",
            high >> 32,
            high >> 16 & 0xffff,
            high & 0xfff,
            low >> 48 & 0x3fff | 0x8000,
            low & 0xffff_ffff_ffff
        )
    }

    /// The next answer at one of these addresses, the first that has one. Gives the address too.
    pub(crate) fn take<'a>(&self, addresses: &[&'a str]) -> Option<(&'a str, PresetUse)> {
        let mut all = self.all();
        let address =
            *addresses.iter().find(|address| all.queues.get(**address).is_some_and(|queue| !queue.is_empty()))?;
        let all = &mut *all;
        let queue = all.queues.get_mut(address)?;
        let first = queue.front_mut()?;
        let used = first.take();
        match first.is_over() {
            false => all.rows.put(address, first, None),
            true => {
                if let Some(gone) = queue.pop_front() {
                    all.forget(&gone);
                }
            }
        }
        Some((address, used))
    }

    /// Whether nothing waits anywhere.
    pub(crate) fn is_empty(&self) -> bool {
        self.all().items == 0
    }

    /// Whether nothing was ever put anywhere.
    pub(crate) fn is_unused(&self) -> bool {
        self.all().queues.is_empty()
    }

    /// How many items wait, and in how many queues.
    pub(crate) fn sizes(&self) -> (usize, usize) {
        let all = self.all();
        (all.items, all.queues.values().filter(|queue| !queue.is_empty()).count())
    }

    /// The items of a queue, as they are shown.
    pub(crate) fn items(&self, address: &str) -> Vec<Value> {
        self.all().queues.get(address).into_iter().flatten().map(Preset::to_json).collect()
    }

    /// What waits in a queue and does not answer without end, as replies of a script that nobody asked for are told.
    pub(crate) fn unused(&self, address: &str) -> Vec<Value> {
        let unused = |(place, item): (usize, &Preset)| {
            let path = format!("queue {address}[{place}]");
            Some(json!({"name": null, "path": path, "place": null, "left": item.left()?, "rule": item.now()}))
        };
        self.all().queues.get(address).into_iter().flatten().enumerate().filter_map(unused).collect()
    }

    /// All queues with their items.
    pub(crate) fn list(&self) -> Vec<(String, Vec<Value>)> {
        let all = self.all();
        all.queues
            .iter()
            .map(|(address, queue)| (address.clone(), queue.iter().map(Preset::to_json).collect()))
            .collect()
    }

    /// Changes an item, moves it, or puts it into another queue. Gives it and the length of its queue.
    ///
    /// # Errors
    /// There is none, or it would be none.
    pub(crate) fn change(
        &self,
        address: &str,
        id: &str,
        given: &Map<String, Value>,
    ) -> Result<(Value, usize), QueueRefusal> {
        let mut given = given.clone();
        let place = position(given.shift_remove("position"))?;
        let to = match given.shift_remove("queue") {
            None => address.to_string(),
            Some(Value::String(to)) if !to.is_empty() => to,
            Some(_) => return Err(QueueRefusal::Wrong("queue: expected an address or session:NAME".into())),
        };
        let mut all = self.all();
        let at = all.find(address, id)?;
        let item = all.queues.get(address).and_then(|queue| queue.get(at)).ok_or_else(|| unknown(address, id))?;
        let changed = item.changed(given).map_err(QueueRefusal::Wrong)?;
        let shown = changed.to_json();
        let seen = all.rows.seen(address, item);
        let before = all.lift(address, at).ok_or_else(|| unknown(address, id))?;
        let stays = (to == address).then_some(at);
        match all.insert(&to, place.or(stays), changed, seen) {
            Ok(length) => Ok((shown, length)),
            Err(why) => {
                all.put_back(address, at, before);
                Err(why)
            }
        }
    }

    /// Puts a copy behind an item; gives its id and the queue's length.
    ///
    /// # Errors
    /// There is no such item, or too many.
    pub(crate) fn duplicate(&self, address: &str, id: &str) -> Result<(String, usize), QueueRefusal> {
        let new = self.id();
        let mut all = self.all();
        let at = all.find(address, id)?;
        let item = all.queues.get(address).and_then(|queue| queue.get(at)).ok_or_else(|| unknown(address, id))?;
        let copy = item.copied(new.clone(), clock::world());
        Ok((new, all.insert(address, Some(at + 1), copy, None)?))
    }

    /// Drops an item.
    ///
    /// # Errors
    /// There is none.
    pub(crate) fn delete(&self, address: &str, id: &str) -> Result<(), QueueRefusal> {
        let mut all = self.all();
        let at = all.find(address, id)?;
        all.remove(address, at);
        Ok(())
    }

    /// Empties a queue; it stays known.
    ///
    /// # Errors
    /// Nobody ever put anything there.
    pub(crate) fn clear(&self, address: &str) -> Result<(), QueueRefusal> {
        let mut all = self.all();
        let Some(queue) = all.queues.get_mut(address) else {
            return Err(QueueRefusal::Unknown(format!(
                "There is no queue {address:?}: GET /api/preset-queue lists them."
            )));
        };
        let gone = std::mem::take(queue);
        gone.iter().for_each(|item| all.forget(item));
        Ok(())
    }

    /// Whether anything was ever put there.
    pub(crate) fn is_known(&self, address: &str) -> bool {
        self.all().queues.contains_key(address)
    }

    /// Forgets a queue with its items; false = there was none.
    pub(crate) fn forget(&self, address: &str) -> bool {
        self.all().drop_queue(address).is_some()
    }

    /// Puts the items of a queue behind those of another, and forgets it; false = there was none.
    pub(crate) fn rename(&self, from: &str, to: &str) -> bool {
        let mut all = self.all();
        let Some(items) = all.queues.remove(from) else { return false };
        all.rows.unknown(from);
        for item in items {
            all.uncount(&item);
            let seen = all.rows.seen(from, &item);
            // There was room for it a moment ago.
            drop(all.insert(to, None, item, seen));
        }
        true
    }

    /// Forgets all queues.
    pub(crate) fn clear_all(&self) {
        let mut all = self.all();
        all.rows.clear();
        *all = QueueState { rows: all.rows.clone(), ..QueueState::default() };
    }
}

/// Refuses what is no item.
///
/// # Errors
/// What is wrong, where, and what would be right.
pub(crate) fn check(given: Map<String, Value>) -> Result<(), QueueRefusal> {
    read(given, String::new()).map(drop)
}

/// An item, and where it is to stand.
fn read(mut given: Map<String, Value>, id: String) -> Result<(Option<usize>, Preset), QueueRefusal> {
    let position = position(given.shift_remove("position"))?;
    Ok((position, Preset::read(given, id, clock::world()).map_err(QueueRefusal::Wrong)?))
}

fn position(value: Option<Value>) -> Result<Option<usize>, QueueRefusal> {
    match value {
        None | Some(Value::Null) => Ok(None),
        Some(value) => value
            .as_u64()
            .and_then(|place| usize::try_from(place).ok())
            .map(Some)
            .ok_or_else(|| QueueRefusal::Wrong("position: expected a place in the queue, from 0".into())),
    }
}

fn unknown(address: &str, id: &str) -> QueueRefusal {
    QueueRefusal::Unknown(format!("The queue {address:?} has no item {id:?}; it may have been answered with."))
}

impl QueueState {
    /// These queues and items, kept there.
    pub(super) fn of(rows: QueueRows, known: Vec<String>, items: Vec<(String, Preset)>) -> Self {
        let mut all = QueueState { rows, ..QueueState::default() };
        for address in known {
            all.queues.entry(address).or_default();
        }
        for (address, item) in items {
            (all.items, all.bytes) = (all.items + 1, all.bytes + item.size);
            all.queues.entry(address).or_default().push_back(item);
        }
        all
    }

    /// Where they are kept.
    pub(super) fn keeper(&self) -> Option<Keeper> {
        self.rows.0.clone()
    }

    /// The first item at one of these addresses.
    pub(super) fn first<'a>(&self, addresses: &[&'a str]) -> Option<(&'a str, Preset)> {
        addresses.iter().find_map(|address| Some((*address, self.queues.get(*address)?.front()?.clone())))
    }

    /// An item is as it is now, and was written so already.
    pub(super) fn took(&mut self, address: &str, item: Preset) {
        let Some(queue) = self.queues.get_mut(address) else { return };
        let Some(place) = queue.iter().position(|one| one.id == item.id) else { return };
        match item.is_over() {
            true => drop(self.lift(address, place)),
            false => queue[place] = item,
        }
    }

    fn find(&self, address: &str, id: &str) -> Result<usize, QueueRefusal> {
        let place = self.queues.get(address).and_then(|queue| queue.iter().position(|item| item.id == id));
        place.ok_or_else(|| unknown(address, id))
    }

    /// Puts an item at the end, or at `position`; `seen` = its row, if it has one.
    fn insert(
        &mut self,
        address: &str,
        position: Option<usize>,
        mut item: Preset,
        seen: Option<Vec<u8>>,
    ) -> Result<usize, QueueRefusal> {
        if self.items >= MOST || self.bytes + item.size > MOST_BYTES {
            return Err(QueueRefusal::Wrong(format!(
                "The queues hold {} items of {} bytes and may hold {MOST} of {MOST_BYTES}: clear some.",
                self.items, self.bytes
            )));
        }
        if !self.queues.contains_key(address) && self.queues.len() >= MOST_QUEUES {
            // One that is empty is only remembered.
            let empty = self.queues.iter().find(|(_, queue)| queue.is_empty()).map(|(address, _)| address.clone());
            let Some(empty) = empty else {
                return Err(QueueRefusal::Wrong(format!("There are {MOST_QUEUES} queues already: clear some.")));
            };
            self.queues.remove(&empty);
            self.rows.unknown(&empty);
        }
        (self.items, self.bytes) = (self.items + 1, self.bytes + item.size);
        if !self.queues.contains_key(address) {
            self.rows.known(address);
        }
        let queue = self.queues.entry(address.to_string()).or_default();
        let at = position.unwrap_or(queue.len()).min(queue.len());
        let rank = |at: Option<usize>| Some(queue.get(at?)?.rank);
        match kept::between(rank(at.checked_sub(1)), rank(Some(at))) {
            Some(rank) => {
                item.rank = rank;
                self.rows.put(address, &item, seen);
                queue.insert(at, item);
            }
            None => {
                let mut rows: Vec<_> = queue.iter().map(|item| self.rows.seen(address, item)).collect();
                rows.insert(at, seen);
                queue.insert(at, item);
                for ((item, rank), seen) in queue.iter_mut().zip(kept::ranks()).zip(rows) {
                    item.rank = rank;
                    self.rows.put(address, item, seen);
                }
            }
        }
        Ok(queue.len())
    }

    /// Forgets a queue, and its items, which it gives.
    fn drop_queue(&mut self, address: &str) -> Option<VecDeque<Preset>> {
        let gone = self.queues.remove(address)?;
        gone.iter().for_each(|item| self.forget(item));
        self.rows.unknown(address);
        Some(gone)
    }

    fn remove(&mut self, address: &str, at: usize) {
        if let Some(gone) = self.lift(address, at) {
            self.rows.gone(&gone);
        }
    }

    /// Takes an item out; its row stays.
    fn lift(&mut self, address: &str, at: usize) -> Option<Preset> {
        let item = self.queues.get_mut(address)?.remove(at)?;
        self.uncount(&item);
        Some(item)
    }

    /// Puts it back where it was.
    fn put_back(&mut self, address: &str, at: usize, item: Preset) {
        (self.items, self.bytes) = (self.items + 1, self.bytes + item.size);
        self.queues.entry(address.into()).or_default().insert(at, item);
    }

    fn forget(&mut self, gone: &Preset) {
        self.rows.gone(gone);
        self.uncount(gone);
    }

    fn uncount(&mut self, item: &Preset) {
        (self.items, self.bytes) = (self.items - 1, self.bytes - item.size);
    }
}

/// What a queue answers about itself.
pub(crate) fn shown(address: &str, items: Vec<Value>) -> Value {
    json!({"ip": address, "count": items.len(), "items": items})
}
