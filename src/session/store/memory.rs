//! What a session keeps, in memory: bounded, in the order it was made, forgotten oldest first.

use crate::session::store::Bounds;
use crate::session::store::Page;
use crate::session::store::Stored;
use bytes::Bytes;
use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// What an object costs beside its text and its id.
const OVERHEAD: usize = 160;

/// Everything of one session, behind a lock that no verb keeps.
#[derive(Debug)]
pub(super) struct Memory(Mutex<Shelves>);

/// A shelf for each type of object, the blobs, the counters.
#[derive(Debug)]
#[cfg_attr(test, derive(serde::Serialize, serde::Deserialize))]
pub(super) struct Shelves {
    bounds: Bounds,
    /// Place of the next object.
    next: u64,
    /// Held by all objects and blobs.
    bytes: usize,
    objects: HashMap<String, Shelf>,
    blobs: HashMap<String, (u64, Bytes)>,
    #[cfg_attr(not(test), allow(dead_code))]
    counters: HashMap<String, u64>,
}

/// Objects of one type.
#[derive(Debug, Default)]
#[cfg_attr(test, derive(serde::Serialize, serde::Deserialize))]
struct Shelf {
    places: HashMap<Arc<str>, u64>,
    objects: BTreeMap<u64, (Arc<str>, Arc<str>)>,
}

impl Shelf {
    fn stored(&self, place: u64) -> Option<Stored> {
        let (id, json) = self.objects.get(&place)?;
        Some(Stored { id: id.clone(), place, json: json.clone() })
    }

    fn place(&self, id: Option<&str>) -> Option<u64> {
        self.places.get(id?).copied()
    }

    /// Takes away the object at a place; gives its cost.
    fn take(&mut self, place: u64) -> usize {
        let Some((id, json)) = self.objects.remove(&place) else { return 0 };
        if self.places.get(&id) == Some(&place) {
            self.places.remove(&id);
        }
        cost(&id, &json)
    }
}

fn cost(id: &str, json: &str) -> usize {
    id.len() + json.len() + OVERHEAD
}

impl Shelves {
    fn shelf(&mut self, kind: &str) -> &mut Shelf {
        if !self.objects.contains_key(kind) {
            self.objects.insert(kind.to_string(), Shelf::default());
        }
        self.objects.get_mut(kind).expect("it was made above")
    }

    fn add(&mut self, kind: &str, id: &str, json: Arc<str>) -> u64 {
        let place = self.next;
        self.next += 1;
        self.bytes += cost(id, &json);
        let most = self.bounds.objects;
        let shelf = self.shelf(kind);
        let id: Arc<str> = id.into();
        shelf.places.insert(id.clone(), place);
        shelf.objects.insert(place, (id, json));
        let mut freed = 0;
        while shelf.objects.len() > most
            && let Some(oldest) = shelf.objects.keys().next().copied()
        {
            freed += shelf.take(oldest);
        }
        self.bytes -= freed;
        self.make_room();
        place
    }

    /// Puts new text at a place that is taken.
    fn replace(&mut self, kind: &str, place: u64, new: Arc<str>) {
        let Some((_, json)) = self.shelf(kind).objects.get_mut(&place) else { return };
        let (grown, shrunk) = (new.len(), json.len());
        *json = new;
        self.bytes = self.bytes + grown - shrunk;
        self.make_room();
    }

    /// Forgets what is oldest until the rest fits.
    fn make_room(&mut self) {
        while self.bytes > self.bounds.bytes {
            let objects =
                self.objects.iter().filter_map(|(kind, shelf)| Some((*shelf.objects.keys().next()?, Some(kind))));
            let blobs = self.blobs.values().map(|(place, _)| (*place, None));
            let oldest = objects.chain(blobs).min_by_key(|(place, _)| *place);
            let Some((place, kind)) = oldest.map(|(place, kind)| (place, kind.cloned())) else { return };
            self.bytes -= match kind {
                Some(kind) => self.shelf(&kind).take(place),
                None => {
                    let gone = self.blobs.extract_if(|_, (at, _)| *at == place);
                    gone.map(|(name, (_, bytes))| name.len() + bytes.len() + OVERHEAD).sum::<usize>()
                }
            };
        }
    }

    #[cfg_attr(not(test), allow(dead_code))]
    fn remove_blob(&mut self, name: &str) -> bool {
        let Some((_, bytes)) = self.blobs.remove(name) else { return false };
        self.bytes -= name.len() + bytes.len() + OVERHEAD;
        true
    }
}

/// The verbs of [`super::Store`]: `kind` is the type's name.
impl Memory {
    pub(super) fn new(bounds: Bounds) -> Self {
        Memory::of(Shelves {
            bounds,
            next: 0,
            bytes: 0,
            objects: HashMap::new(),
            blobs: HashMap::new(),
            counters: HashMap::new(),
        })
    }

    pub(super) fn of(shelves: Shelves) -> Self {
        Memory(Mutex::new(shelves))
    }

    pub(super) fn lock(&self) -> MutexGuard<'_, Shelves> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn add(&self, kind: &str, id: &str, json: Arc<str>) -> u64 {
        self.lock().add(kind, id, json)
    }

    pub(super) fn put(&self, kind: &str, id: &str, json: Arc<str>) {
        let mut shelves = self.lock();
        match shelves.shelf(kind).place(Some(id)) {
            Some(place) => shelves.replace(kind, place, json),
            None => drop(shelves.add(kind, id, json)),
        }
    }

    pub(super) fn find(&self, kind: &str, id: &str) -> Option<Stored> {
        let shelves = self.lock();
        let shelf = shelves.objects.get(kind)?;
        shelf.stored(shelf.place(Some(id))?)
    }

    pub(super) fn at(&self, kind: &str, place: u64) -> Option<Stored> {
        self.lock().objects.get(kind)?.stored(place)
    }

    /// Puts new text in the place of an object, if it is still as it was found.
    pub(super) fn swap(&self, kind: &str, found: &Stored, new: Arc<str>) -> bool {
        let mut shelves = self.lock();
        let same = shelves.shelf(kind).stored(found.place).is_some_and(|now| now.json == found.json);
        if same {
            shelves.replace(kind, found.place, new);
        }
        same
    }

    pub(super) fn remove(&self, kind: &str, id: &str) -> bool {
        let mut shelves = self.lock();
        let shelf = shelves.shelf(kind);
        let Some(place) = shelf.place(Some(id)) else { return false };
        let freed = shelf.take(place);
        shelves.bytes -= freed;
        true
    }

    pub(super) fn page(&self, kind: &str, page: Page<'_>) -> Vec<Stored> {
        let shelves = self.lock();
        let Some(shelf) = shelves.objects.get(kind) else { return Vec::new() };
        let (after, before) = (shelf.place(page.after), shelf.place(page.before));
        let (above, below) = if page.ascending { (after, before) } else { (before, after) };
        // Those next to `before`, if that is all that is said of where.
        let from_end = before.is_some() && after.is_none();
        let low = above.map_or(0, |place| place + 1);
        let high = below.unwrap_or(u64::MAX);
        if low >= high {
            return Vec::new();
        }
        let found = shelf.objects.range(low..high).map(|(place, _)| *place);
        let mut places: Vec<u64> = match page.ascending != from_end {
            true => found.take(page.limit).collect(),
            false => found.rev().take(page.limit).collect(),
        };
        if from_end {
            places.reverse();
        }
        places.into_iter().filter_map(|place| shelf.stored(place)).collect()
    }
}

/// The verbs of files and replicas.
#[cfg_attr(not(test), allow(dead_code))]
impl Memory {
    pub(super) fn put_blob(&self, name: &str, bytes: Bytes) {
        let mut shelves = self.lock();
        shelves.remove_blob(name);
        shelves.bytes += name.len() + bytes.len() + OVERHEAD;
        let place = shelves.next;
        shelves.next += 1;
        shelves.blobs.insert(name.to_string(), (place, bytes));
        shelves.make_room();
    }

    pub(super) fn blob(&self, name: &str) -> Option<Bytes> {
        self.lock().blobs.get(name).map(|(_, bytes)| bytes.clone())
    }

    pub(super) fn remove_blob(&self, name: &str) -> bool {
        self.lock().remove_blob(name)
    }

    pub(super) fn take(&self, counter: &str, most: u64) -> Option<u64> {
        let mut shelves = self.lock();
        let taken = match shelves.counters.get_mut(counter) {
            Some(taken) => taken,
            None => shelves.counters.entry(counter.to_string()).or_insert(0),
        };
        (*taken < most).then(|| {
            *taken += 1;
            *taken
        })
    }

    pub(super) fn give_back(&self, counter: &str) {
        if let Some(taken) = self.lock().counters.get_mut(counter) {
            *taken = taken.saturating_sub(1);
        }
    }

    pub(super) fn size(&self) -> usize {
        self.lock().bytes
    }
}
