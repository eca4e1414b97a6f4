//! What a session keeps, in memory: bounded, in the order it was made. What answers leave by themselves gives way, oldest
//! first; what somebody made stays, and what finds no room beside it is refused.

use crate::memory::{Account, Held};
use crate::session::store::StoreBounds;
use crate::session::store::Stored;
use crate::session::store::Window;
use crate::session::store::rows::SessionRows;
use crate::session::store::saved::{SavedObject, SavedSession, ShelfChange};
use crate::wire::blob::Blob;
use crate::wire::error::{self, ApiError};
use std::collections::{BTreeMap, HashMap};
use std::ops::{Deref, DerefMut};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// What an object costs beside its text and its id.
const OVERHEAD: usize = 160;

/// Everything of one session, behind a lock that no verb keeps.
#[derive(Debug)]
pub(super) struct Memory {
    shelves: Mutex<Shelves>,
    /// What the shelves hold of the session's account, in memory and on the disk.
    held: Option<[Held; 2]>,
    /// Where what changes is written, if it is kept.
    rows: Option<Arc<SessionRows>>,
}

/// A shelf for each type of object, and the blobs.
#[derive(Debug)]
#[cfg_attr(test, derive(serde::Serialize, serde::Deserialize))]
pub(super) struct Shelves {
    bounds: StoreBounds,
    /// Place of the next object.
    next: u64,
    /// Held by all objects and blobs.
    bytes: usize,
    /// Held by those of them that give way.
    light: usize,
    /// Bytes of blobs on the disk.
    disk: usize,
    /// Objects and blobs that gave way to newer ones, and are not told yet.
    pub(super) forgotten: u64,
    objects: HashMap<String, Shelf>,
    blobs: HashMap<String, (u64, Blob)>,
    /// What changed since it was written last; `None` = nobody writes it.
    #[cfg_attr(test, serde(skip))]
    changes: Option<Vec<ShelfChange>>,
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

/// Types of what answers leave by themselves, which nobody made: production stores them unasked.
const LIGHT: &[&str] = &["chat.completion", "idempotency", "item", "response"];

fn gives_way(kind: &str) -> bool {
    LIGHT.contains(&kind)
}

fn cost(id: &str, json: &str) -> usize {
    id.len() + json.len() + OVERHEAD
}

/// What a blob costs in memory, and on the disk.
fn blob_cost(name: &str, blob: &Blob) -> (usize, usize) {
    let len = usize::try_from(blob.len()).unwrap_or(usize::MAX);
    let (memory, disk) = if blob.in_memory() { (len, 0) } else { (0, len) };
    (name.len() + memory + OVERHEAD, disk)
}

impl Shelves {
    pub(super) fn new(bounds: StoreBounds) -> Self {
        Shelves {
            bounds,
            next: 0,
            bytes: 0,
            light: 0,
            disk: 0,
            forgotten: 0,
            objects: HashMap::new(),
            blobs: HashMap::new(),
            changes: None,
        }
    }

    /// What was kept of a session; from now on what changes is noted.
    fn restore(&mut self, saved: SavedSession) {
        for (place, object) in saved.objects {
            self.next = self.next.max(place + 1);
            let id: Arc<str> = object.id.as_str().into();
            self.grow(&object.kind, cost(&id, &object.json), 0);
            let shelf = self.shelf(&object.kind);
            if !object.shadowed {
                shelf.places.insert(id.clone(), place);
            }
            shelf.objects.insert(place, (id, object.json));
        }
        for (name, place, blob) in saved.blobs {
            self.next = self.next.max(place + 1);
            let (memory, disk) = blob_cost(&name, &blob);
            (self.bytes, self.disk) = (self.bytes + memory, self.disk + disk);
            self.blobs.insert(name, (place, blob));
        }
    }

    /// Objects of this type take so many bytes more, and so many less.
    fn grow(&mut self, kind: &str, more: usize, less: usize) {
        self.bytes = self.bytes + more - less;
        if gives_way(kind) {
            self.light = self.light + more - less;
        }
    }

    /// Refuses what would not fit if all gave way that may: so many bytes more than what takes so many less.
    fn check_room(&self, more: usize, less: usize) -> Result<(), ApiError> {
        let (used, most) = (self.bytes - self.light - less + more, self.bounds.bytes);
        match used > most {
            true => Err(error::no_room("a session", used, most, "maxSessionBytes (a third of it)")),
            false => Ok(()),
        }
    }

    fn note(&mut self, change: impl FnOnce() -> ShelfChange) {
        if let Some(changes) = &mut self.changes {
            changes.push(change());
        }
    }

    /// Notes the object at a place as it is now.
    fn note_object(&mut self, kind: &str, place: u64) {
        let Some(changes) = &mut self.changes else { return };
        let Some(shelf) = self.objects.get(kind) else { return };
        let Some((id, json)) = shelf.objects.get(&place) else { return };
        let shadowed = shelf.places.get(id) != Some(&place);
        let saved = SavedObject { kind: kind.into(), id: id.to_string(), shadowed, json: json.clone() };
        changes.push(ShelfChange::Object(place, saved));
    }

    /// The oldest object of a type that has more than so many.
    fn oldest_over(&self, kind: &str, most: usize) -> Option<u64> {
        let objects = &self.objects.get(kind)?.objects;
        if objects.len() > most { objects.keys().next().copied() } else { None }
    }

    /// Takes away the object at a place.
    fn take_object(&mut self, kind: &str, place: u64) {
        self.note(|| ShelfChange::NoObject(place));
        let freed = self.shelf(kind).take(place);
        self.grow(kind, 0, freed);
    }

    fn shelf(&mut self, kind: &str) -> &mut Shelf {
        if !self.objects.contains_key(kind) {
            self.objects.insert(kind.to_string(), Shelf::default());
        }
        self.objects.get_mut(kind).expect("it was made above")
    }

    /// Adds an object. One that gives way is forgotten at once where there is no room for it.
    fn add(&mut self, kind: &str, id: &str, json: Arc<str>) -> Result<u64, ApiError> {
        let (bytes, most) = (cost(id, &json), self.bounds.objects);
        let count = self.objects.get(kind).map_or(0, |shelf| shelf.objects.len());
        match gives_way(kind) {
            true if self.check_room(bytes, 0).is_err() => {
                self.forgotten += 1;
                self.next += 1;
                return Ok(self.next - 1);
            }
            true => {}
            false if count >= most => {
                return Err(error::no_more("A session", &format!("objects of one kind ({kind})"), most));
            }
            false => self.check_room(bytes, 0)?,
        }
        let place = self.next;
        self.next += 1;
        self.grow(kind, bytes, 0);
        let shelf = self.shelf(kind);
        let id: Arc<str> = id.into();
        let shadowed = shelf.places.insert(id.clone(), place);
        shelf.objects.insert(place, (id, json));
        for place in shadowed.into_iter().chain([place]) {
            self.note_object(kind, place);
        }
        while let Some(oldest) = self.oldest_over(kind, most) {
            self.take_object(kind, oldest);
            self.forgotten += 1;
        }
        self.make_room();
        Ok(place)
    }

    /// Puts new text at a place that is taken. `must` = whatever room there is: the emulator itself goes on with it.
    fn replace(&mut self, kind: &str, place: u64, new: Arc<str>, must: bool) -> Result<(), ApiError> {
        let Some((_, json)) = self.shelf(kind).objects.get(&place) else { return Ok(()) };
        let (grown, shrunk) = (new.len(), json.len());
        match gives_way(kind) {
            true if self.check_room(grown + OVERHEAD, 0).is_err() => {
                self.forgotten += 1;
                self.take_object(kind, place);
                return Ok(());
            }
            false if grown > shrunk && !must => self.check_room(grown, shrunk)?,
            _ => {}
        }
        if let Some((_, json)) = self.shelf(kind).objects.get_mut(&place) {
            *json = new;
        }
        self.grow(kind, grown, shrunk);
        self.note_object(kind, place);
        self.make_room();
        Ok(())
    }

    /// Forgets what is oldest of what gives way until the rest fits.
    fn make_room(&mut self) {
        while self.bytes > self.bounds.bytes && self.forget_oldest() {}
    }

    /// Forgets the oldest of what gives way. False = there is nothing.
    fn forget_oldest(&mut self) -> bool {
        let light = self.objects.iter().filter(|(kind, _)| gives_way(kind));
        let firsts = light.filter_map(|(kind, shelf)| Some((*shelf.objects.keys().next()?, kind.clone())));
        let Some((place, kind)) = firsts.min_by_key(|(place, _)| *place) else { return false };
        self.forgotten += 1;
        self.take_object(&kind, place);
        true
    }

    fn remove_blob(&mut self, name: &str) -> bool {
        let Some((_, blob)) = self.blobs.remove(name) else { return false };
        let (memory, disk) = blob_cost(name, &blob);
        (self.bytes, self.disk) = (self.bytes - memory, self.disk - disk);
        self.note(|| ShelfChange::NoBlob(name.into(), blob));
        true
    }
}

/// The shelves while a verb is at them; what they hold is counted when it is done.
pub(super) struct Locked<'a> {
    shelves: MutexGuard<'a, Shelves>,
    held: Option<&'a [Held; 2]>,
    rows: Option<&'a SessionRows>,
}

impl Deref for Locked<'_> {
    type Target = Shelves;
    fn deref(&self) -> &Shelves {
        &self.shelves
    }
}

impl DerefMut for Locked<'_> {
    fn deref_mut(&mut self) -> &mut Shelves {
        &mut self.shelves
    }
}

impl Drop for Locked<'_> {
    fn drop(&mut self) {
        if let Some([held, on_disk]) = self.held {
            held.set(self.shelves.bytes);
            on_disk.set(self.shelves.disk);
            // Sockets count there too.
            while held.account().is_full(0) && self.shelves.forget_oldest() {
                held.set(self.shelves.bytes);
                on_disk.set(self.shelves.disk);
            }
            held.account().forgot(std::mem::take(&mut self.shelves.forgotten));
        }
        // In the order it happened: the lock is still held.
        if let (Some(rows), Some(changes)) = (self.rows, &mut self.shelves.changes)
            && !changes.is_empty()
        {
            rows.stored(std::mem::take(changes));
        }
    }
}

/// The verbs of [`super::Store`]: `kind` is the type's name.
impl Memory {
    pub(super) fn new(bounds: StoreBounds, account: &Arc<Account>, files: &Arc<Account>) -> Self {
        Memory { held: Some([account.hold(0), files.hold(0)]), ..Memory::of(Shelves::new(bounds)) }
    }

    pub(super) fn of(shelves: Shelves) -> Self {
        Memory { shelves: Mutex::new(shelves), held: None, rows: None }
    }

    pub(super) fn lock(&self) -> Locked<'_> {
        let shelves = self.shelves.lock().unwrap_or_else(PoisonError::into_inner);
        Locked { shelves, held: self.held.as_ref(), rows: self.rows.as_deref() }
    }

    /// Writes what changes from now on, after what was written before.
    pub(super) fn keep(&mut self, rows: Arc<SessionRows>, saved: Option<SavedSession>) {
        self.rows = Some(rows);
        let mut shelves = self.lock();
        if let Some(saved) = saved {
            shelves.restore(saved);
        }
        // Objects that find no room any more are forgotten there too.
        shelves.changes = Some(Vec::new());
        shelves.make_room();
    }

    pub(super) fn rows(&self) -> Option<&SessionRows> {
        self.rows.as_deref()
    }

    pub(super) fn add(&self, kind: &str, id: &str, json: Arc<str>) -> Result<u64, ApiError> {
        self.lock().add(kind, id, json)
    }

    pub(super) fn put(&self, kind: &str, id: &str, json: Arc<str>) -> Result<(), ApiError> {
        let mut shelves = self.lock();
        match shelves.shelf(kind).place(Some(id)) {
            Some(place) => shelves.replace(kind, place, json, false),
            None => shelves.add(kind, id, json).map(drop),
        }
    }

    pub(super) fn check_room(&self) -> Result<(), ApiError> {
        self.lock().check_room(0, 0)
    }

    pub(super) fn find(&self, kind: &str, id: &str) -> Option<Stored> {
        let shelves = self.lock();
        let shelf = shelves.objects.get(kind)?;
        shelf.stored(shelf.place(Some(id))?)
    }

    pub(super) fn at(&self, kind: &str, place: u64) -> Option<Stored> {
        self.lock().objects.get(kind)?.stored(place)
    }

    /// Puts new text in the place of an object, if it is still as it was found. `must` as for [`Shelves::replace`].
    pub(super) fn swap(&self, kind: &str, found: &Stored, new: Arc<str>, must: bool) -> Result<bool, ApiError> {
        let mut shelves = self.lock();
        let same = shelves.shelf(kind).stored(found.place).is_some_and(|now| now.json == found.json);
        if same {
            shelves.replace(kind, found.place, new, must)?;
        }
        Ok(same)
    }

    pub(super) fn remove(&self, kind: &str, id: &str) -> bool {
        let mut shelves = self.lock();
        let shelf = shelves.shelf(kind);
        let Some(place) = shelf.place(Some(id)) else { return false };
        shelves.take_object(kind, place);
        true
    }

    pub(super) fn remove_below(&self, beginning: &str) {
        let mut shelves = self.lock();
        let below: Vec<String> = shelves.objects.keys().filter(|kind| kind.starts_with(beginning)).cloned().collect();
        for kind in below {
            let places: Vec<u64> = shelves.shelf(&kind).objects.keys().copied().collect();
            places.into_iter().for_each(|place| shelves.take_object(&kind, place));
            // Nothing is kept below the same name again.
            shelves.objects.remove(&kind);
        }
    }

    pub(super) fn page(&self, kind: &str, page: Window<'_>) -> Vec<Stored> {
        let shelves = self.lock();
        let Some(shelf) = shelves.objects.get(kind) else { return Vec::new() };
        let (after, before) = (shelf.place(page.after), shelf.place(page.before));
        let (above, below) = if page.ascending { (after, before) } else { (before, after) };
        let low = above.map_or(0, |place| place + 1);
        let high = below.unwrap_or(u64::MAX);
        if low >= high {
            return Vec::new();
        }
        let found = shelf.objects.range(low..high).map(|(place, _)| *place);
        let places: Vec<u64> = match page.ascending {
            true => found.take(page.limit).collect(),
            false => found.rev().take(page.limit).collect(),
        };
        places.into_iter().filter_map(|place| shelf.stored(place)).collect()
    }
}

/// The verbs of files and replicas.
impl Memory {
    /// Keeps a blob, if there is room for it.
    pub(super) fn put_blob(&self, name: &str, blob: Blob) -> Result<(), ApiError> {
        let mut shelves = self.lock();
        let (memory, disk) = blob_cost(name, &blob);
        let before = shelves.blobs.get(name).map_or((0, 0), |(_, blob)| blob_cost(name, blob));
        shelves.check_room(memory, before.0)?;
        // A server has no disk for them: there they count as what is in memory.
        let (on_server, most) = (shelves.disk - before.1 + disk, shelves.bounds.bytes);
        if self.rows().is_some_and(SessionRows::keeps_all) && on_server > most {
            let whose = "the files of a session in the store";
            return Err(error::no_room(whose, on_server, most, "maxSessionBytes (a third of it)"));
        }
        if let Some([_, on_disk]) = self.held.as_ref().filter(|_| disk > 0)
            && on_disk.account().is_full_for_all(disk.saturating_sub(before.1))
        {
            return Err(error::no_room_on_disk(disk, on_disk.account().most()));
        }
        shelves.remove_blob(name);
        (shelves.bytes, shelves.disk) = (shelves.bytes + memory, shelves.disk + disk);
        let place = shelves.next;
        shelves.next += 1;
        shelves.note(|| ShelfChange::Blob(name.into(), place, blob.clone()));
        shelves.blobs.insert(name.to_string(), (place, blob));
        shelves.make_room();
        Ok(())
    }

    pub(super) fn blob(&self, name: &str) -> Option<Blob> {
        self.lock().blobs.get(name).map(|(_, blob)| blob.clone())
    }

    pub(super) fn remove_blob(&self, name: &str) -> bool {
        self.lock().remove_blob(name)
    }
}

#[cfg(test)]
impl Memory {
    pub(super) fn size(&self) -> usize {
        self.lock().bytes
    }

    #[cfg(test)]
    pub(super) fn names(&self) -> Vec<String> {
        let shelves = self.lock();
        let kept = shelves.objects.iter().filter(|(_, shelf)| !shelf.objects.is_empty()).map(|(name, _)| name);
        kept.chain(shelves.blobs.keys()).cloned().collect()
    }
}
