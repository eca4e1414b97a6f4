//! Where a session's durable things are: JSON objects by type and id, in the order they were made; blobs.
//! How often a rule was taken is counted where rules are (`script/play/uses.rs`), and kept as rows (`saved.rs`).
//!
//! Everything goes in and out as text or bytes, through verbs that may wait: a file or a server can stand behind them
//! without another word elsewhere. [`memory`] is what is used, and never waits. Tests can choose one that keeps everything
//! as bytes and makes every verb wait (`LLEMULATOR_TEST_STORE=serialised`).
//!
//! No lock is held from one verb to the next: what changes by what it was goes through [`Store::update`].

pub(crate) mod file;
pub(crate) mod keeper;
mod memory;
pub(crate) mod redis;
pub(crate) mod rows;
pub(crate) mod saved;
#[cfg(test)]
mod serialised;
#[cfg(test)]
mod tests;

use crate::log;
use crate::memory::Account;
use crate::runtime;
use crate::wire::blob::{Blob, DiskFile, FileBytes};
use crate::wire::error::{self, ApiError};
use memory::Memory;
#[cfg(test)]
use memory::Shelves;
use rows::SessionRows;
use saved::SavedSession;
use serde::Serialize;
use serde::de::DeserializeOwned;
#[cfg(test)]
use serialised::Serialised;
use std::io;
use std::sync::Arc;

/// Bytes of a blob that memory takes at most; more go to the disk.
pub(crate) const IN_MEMORY: u64 = 1 << 20;

/// A type of stored object.
pub(crate) trait StoredKind {
    /// Its name in the store.
    const NAME: &'static str;
}

/// A stored object: JSON, and where it stands.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Stored {
    pub id: Arc<str>,
    /// The later it was added, the higher; of two objects of one store never the same.
    pub place: u64,
    pub json: Arc<str>,
}

impl Stored {
    /// The object, or what of it is asked for. `None` = it is not of this form.
    pub(crate) fn read<T: DeserializeOwned>(&self) -> Option<T> {
        let mut reader = serde_json::Deserializer::from_str(&self.json);
        // What is kept wraps what was accepted, whose depth had a bound: it may be a little deeper.
        reader.disable_recursion_limit();
        T::deserialize(&mut reader).ok()
    }
}

fn write(object: &impl Serialize) -> Arc<str> {
    // Our own values always serialize: string keys, no failing Serialize impls.
    serde_json::to_string(object).unwrap_or_default().into()
}

/// Which objects of a type, in which order.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Window<'a> {
    /// Only what follows the object of this id in the order asked; an unknown id counts as none.
    pub after: Option<&'a str>,
    /// Only what comes before the object of this id.
    pub before: Option<&'a str>,
    pub limit: usize,
    /// Oldest first.
    pub ascending: bool,
}

impl Default for Window<'_> {
    fn default() -> Self {
        Window { after: None, before: None, limit: 100, ascending: true }
    }
}

/// What is kept of one session.
#[derive(Debug)]
pub(crate) struct Store {
    keeper: Backend,
}

/// Who keeps it.
#[derive(Debug)]
enum Backend {
    Memory(Box<Memory>),
    #[cfg(test)]
    Serialised(Serialised),
}

/// Whether the tests run on the store that keeps bytes: it has nothing on the disk, so no bound there either.
#[cfg(test)]
pub(crate) fn is_serialised() -> bool {
    std::env::var("LLEMULATOR_TEST_STORE").is_ok_and(|name| name == "serialised")
}

/// Runs a verb that changes nothing where things are kept.
macro_rules! look {
    ($store:expr, $verb:ident ($($argument:expr),*)) => {
        match &$store.keeper {
            Backend::Memory(memory) => memory.$verb($($argument),*),
            #[cfg(test)]
            Backend::Serialised(serialised) => serialised.run(|memory| memory.$verb($($argument),*)).await,
        }
    };
}

/// Runs a verb where things are kept, and waits until what it changed is written. That it cannot be is told by the answer.
macro_rules! ask {
    ($store:expr, $verb:ident ($($argument:expr),*)) => {{
        let result = look!($store, $verb($($argument),*));
        $store.settled().await;
        result
    }};
}

impl Store {
    /// Writes what changes from now on where it is kept.
    pub(crate) fn keep(&mut self, rows: Arc<SessionRows>, saved: Option<SavedSession>) {
        match &mut self.keeper {
            Backend::Memory(memory) => memory.keep(rows, saved),
            // What is kept in a directory is in memory first.
            #[cfg(test)]
            Backend::Serialised(serialised) => {
                let mut memory = Memory::of(Shelves::new(serialised.bounds));
                memory.keep(rows, saved);
                self.keeper = Backend::Memory(Box::new(memory));
            }
        }
    }

    fn rows(&self) -> Option<&SessionRows> {
        match &self.keeper {
            Backend::Memory(memory) => memory.rows(),
            #[cfg(test)]
            Backend::Serialised(_) => None,
        }
    }

    async fn settled(&self) {
        if let Some(rows) = self.rows() {
            let _ = rows.settled().await;
        }
    }

    /// A store in memory, for so many objects of each type, as many bytes as the account may hold, and large blobs on the
    /// disk within an account of their own.
    pub(crate) fn new(objects: usize, account: &Arc<Account>, files: &Arc<Account>) -> Self {
        let bounds = StoreBounds { objects, bytes: account.most() };
        #[cfg(test)]
        if is_serialised() {
            return Store::serialised(bounds, account);
        }
        Store::in_memory(bounds, account, files)
    }

    fn in_memory(bounds: StoreBounds, account: &Arc<Account>, files: &Arc<Account>) -> Self {
        Store { keeper: Backend::Memory(Box::new(Memory::new(bounds, account, files))) }
    }

    /// One that belongs to no session.
    #[cfg(test)]
    pub(crate) fn in_test(objects: usize, bytes: usize) -> Self {
        let account = || Account::new(bytes, &Arc::default());
        Store::new(objects, &account(), &account())
    }

    /// A store that keeps everything as bytes, and makes every verb wait.
    #[cfg(test)]
    fn serialised(bounds: StoreBounds, account: &Arc<Account>) -> Self {
        Store { keeper: Backend::Serialised(Serialised::new(bounds, account)) }
    }

    /// Adds an object as the newest of its type; gives its place. An older one with the same id is found by its place
    /// alone from now on: what was made from it still can tell where it came from.
    ///
    /// # Errors
    /// As [`Store::put`].
    pub(crate) async fn add<T: StoredKind + Serialize>(&self, id: &str, object: &T) -> Result<u64, ApiError> {
        let json = write(object);
        ask!(self, add(T::NAME, id, json.clone()))
    }

    /// Puts an object in the place of the one with this id, or adds it.
    ///
    /// # Errors
    /// The session has no room for it, or as many of its type as it may; nothing has changed then. What answers leave by
    /// themselves is never refused: the oldest of it gives way.
    pub(crate) async fn put<T: StoredKind + Serialize>(&self, id: &str, object: &T) -> Result<(), ApiError> {
        self.objects(T::NAME).put(id, object).await
    }

    /// Refuses what would be kept beside what has no room already.
    ///
    /// # Errors
    /// As [`Store::put`].
    pub(crate) async fn check_room(&self) -> Result<(), ApiError> {
        look!(self, check_room())
    }

    /// The object with this id.
    pub(crate) async fn get<T: StoredKind + DeserializeOwned>(&self, id: &str) -> Option<T> {
        self.objects(T::NAME).get(id).await
    }

    /// The object with this id, as it is kept.
    pub(crate) async fn find<T: StoredKind>(&self, id: &str) -> Option<Stored> {
        self.objects(T::NAME).find(id).await
    }

    /// The object at a place.
    pub(crate) async fn at<T: StoredKind>(&self, place: u64) -> Option<Stored> {
        look!(self, at(T::NAME, place))
    }

    /// Changes an object by what it is. Nobody else's change is lost: when one comes in between, `change` is asked again.
    /// `None` = there is no such object; an error of `change`, or of no room for what it makes of it, leaves it as it is.
    pub(crate) fn update<T: StoredKind + Serialize + DeserializeOwned, R: Send, E: From<ApiError> + Send>(
        &self,
        id: &str,
        change: impl FnMut(&mut T) -> Result<R, E> + Send,
    ) -> impl Future<Output = Option<Result<R, E>>> + Send {
        self.objects(T::NAME).update(id, change)
    }

    /// As [`Store::update`], with a change of the emulator's own that nothing refuses.
    pub(crate) fn change<T: StoredKind + Serialize + DeserializeOwned, R: Send>(
        &self,
        id: &str,
        change: impl FnMut(&mut T) -> R + Send,
    ) -> impl Future<Output = Option<R>> + Send {
        self.objects(T::NAME).change(id, change)
    }

    /// Forgets the object with this id. False = there was none.
    pub(crate) async fn remove<T: StoredKind>(&self, id: &str) -> bool {
        self.objects(T::NAME).remove(id).await
    }

    /// Forgets all that is kept under names that begin so: what belongs to an object stands below its name, at any depth.
    pub(crate) async fn remove_below(&self, beginning: &str) {
        ask!(self, remove_below(beginning))
    }

    /// All objects of a type, oldest first.
    pub(crate) async fn all<T: StoredKind>(&self) -> Vec<Stored> {
        self.objects(T::NAME).all().await
    }
}

/// Objects kept under a name: that of a [`StoredKind`], or the path of a stored resource, whose type is the surface's.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Objects<'a> {
    store: &'a Store,
    name: &'a str,
}

/// What JSON is made of an object.
type Alter<'a> = &'a mut (dyn FnMut(&Stored) -> Option<Arc<str>> + Send);

async fn altered<T: Serialize + DeserializeOwned, R: Send, E: From<ApiError> + Send>(
    objects: Objects<'_>,
    id: &str,
    mut change: impl FnMut(&mut T) -> Result<R, E> + Send,
    must: bool,
) -> Option<Result<R, E>> {
    let mut result = None;
    let mut alter = |found: &Stored| {
        result = None;
        let mut object = found.read()?;
        let changed = result.insert(change(&mut object));
        changed.is_ok().then(|| write(&object))
    };
    match objects.swapped(id, &mut alter, must).await? {
        Ok(()) => result,
        Err(full) => Some(Err(full.into())),
    }
}

impl Store {
    /// The objects kept under a name.
    pub(crate) fn objects<'a>(&'a self, name: &'a str) -> Objects<'a> {
        Objects { store: self, name }
    }
}

impl Objects<'_> {
    /// Puts an object in the place of the one with this id, or adds it as the newest.
    ///
    /// # Errors
    /// As [`Store::put`].
    pub(crate) async fn put(&self, id: &str, object: &impl Serialize) -> Result<(), ApiError> {
        let json = write(object);
        ask!(self.store, put(self.name, id, json.clone()))
    }

    /// The object with this id.
    pub(crate) async fn get<T: DeserializeOwned>(&self, id: &str) -> Option<T> {
        self.find(id).await?.read()
    }

    /// The object with this id, as it is kept.
    pub(crate) async fn find(&self, id: &str) -> Option<Stored> {
        look!(self.store, find(self.name, id))
    }

    /// As [`Store::update`].
    pub(crate) fn update<T: Serialize + DeserializeOwned, R: Send, E: From<ApiError> + Send>(
        self,
        id: &str,
        change: impl FnMut(&mut T) -> Result<R, E> + Send,
    ) -> impl Future<Output = Option<Result<R, E>>> + Send {
        altered(self, id, change, false)
    }

    /// As [`Store::change`].
    pub(crate) async fn change<T: Serialize + DeserializeOwned, R: Send>(
        self,
        id: &str,
        mut change: impl FnMut(&mut T) -> R + Send,
    ) -> Option<R> {
        altered(self, id, |object: &mut T| Ok::<_, ApiError>(change(object)), true).await?.ok()
    }

    /// Puts JSON made from an object in its place, as often as somebody else was faster; `None` of `alter` leaves it as it
    /// is. Compiled once, whatever the objects are.
    async fn swapped(self, id: &str, alter: Alter<'_>, must: bool) -> Option<Result<(), ApiError>> {
        loop {
            let found = self.find(id).await?;
            let Some(json) = alter(&found) else { return Some(Ok(())) };
            match ask!(self.store, swap(self.name, &found, json.clone(), must)) {
                Ok(true) => return Some(Ok(())),
                Ok(false) => {}
                Err(error) => return Some(Err(error)),
            }
        }
    }

    /// Forgets the object with this id. False = there was none.
    pub(crate) async fn remove(&self, id: &str) -> bool {
        ask!(self.store, remove(self.name, id))
    }

    /// All of them, oldest first.
    pub(crate) async fn all(&self) -> Vec<Stored> {
        self.page(Window { limit: usize::MAX, ..Window::default() }).await
    }

    /// The objects in order.
    pub(crate) async fn page(&self, page: Window<'_>) -> Vec<Stored> {
        look!(self.store, page(self.name, page))
    }
}

/// Blobs: the bytes of files.
impl Store {
    /// Keeps bytes under a name.
    ///
    /// # Errors
    /// There is no room for them, or the disk does not take them; nothing is kept then.
    pub(crate) async fn put_blob(&self, name: &str, blob: impl Into<Blob>) -> Result<(), ApiError> {
        let blob = blob.into();
        let blob = match self.rows() {
            Some(rows) => runtime::aside(usize::MAX, || rows.kept(blob))?,
            None if blob.in_memory() && blob.len() <= IN_MEMORY => blob,
            None => runtime::aside(usize::MAX, || placed(blob))?,
        };
        // What is bytes between two verbs was never on the disk: it must not be counted there.
        #[cfg(test)]
        let blob = match &self.keeper {
            Backend::Serialised(_) => blob.bytes().map(Blob::from).expect("a file that can be read"),
            Backend::Memory(_) => blob,
        };
        ask!(self, put_blob(name, blob.clone()))
    }

    /// The bytes of this name.
    pub(crate) async fn blob(&self, name: &str) -> Option<Blob> {
        let blob = look!(self, blob(name))?;
        let opened = blob.opened();
        opened.inspect_err(|error| log::warn(&format!("a file of the data directory cannot be read: {error}"))).ok()
    }

    /// Forgets the bytes of this name. False = there were none.
    pub(crate) async fn remove_blob(&self, name: &str) -> bool {
        ask!(self, remove_blob(name))
    }
}

/// Puts a blob where it is kept: small ones in memory, large ones on the disk.
fn placed(blob: Blob) -> Result<Blob, ApiError> {
    let placed = match (blob.len() > IN_MEMORY, blob.in_memory()) {
        (false, true) => Ok(blob),
        // It would keep the whole form's file.
        (false, false) => blob.bytes().map(Blob::from),
        (true, in_memory) if DiskFile::are_many() => match in_memory {
            true => Ok(blob),
            false => return Err(error::too_many_files()),
        },
        (true, false) => Ok(blob),
        (true, true) => on_disk(&blob),
    };
    placed.map_err(|error| {
        let message = format!(
            "The emulator cannot keep {IN_MEMORY} bytes or more in the folder for temporary files (TMPDIR, or TEMP on \
             Windows): {error}."
        );
        ApiError::emulator("file_not_kept", message)
    })
}

fn on_disk(blob: &Blob) -> io::Result<Blob> {
    let file = DiskFile::temporary()?;
    file.append_all(&mut blob.reader())?;
    Ok(Blob::new(FileBytes::Disk(Arc::new(file), 0), blob.len()))
}

#[cfg(test)]
impl Store {
    /// Bytes held.
    pub(crate) async fn size(&self) -> usize {
        look!(self, size())
    }

    /// Names under which something is kept.
    #[cfg(test)]
    pub(crate) async fn names(&self) -> Vec<String> {
        look!(self, names())
    }
}

/// How much is kept of a session.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[cfg_attr(test, derive(serde::Serialize, serde::Deserialize))]
pub(crate) struct StoreBounds {
    /// Objects of each type.
    pub objects: usize,
    /// Bytes of all objects and blobs together.
    pub bytes: usize,
}
