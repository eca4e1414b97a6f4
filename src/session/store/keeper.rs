//! Where what changes in memory is written, if it is: a data directory, or a server that replicas share.

use super::file::{DataDir, RowChange};
use super::redis::RedisStore;
use super::rows::SessionRows;
use super::saved::{self, Fence, SavedSession, SessionRow};
use crate::clock::Mode;
use crate::wire::error::ApiError;
use serde::Serialize;
use std::sync::Arc;

/// Who keeps it.
#[derive(Debug, Clone)]
pub(crate) enum Keeper {
    Directory(Arc<DataDir>),
    Redis(Arc<RedisStore>),
}

impl Keeper {
    /// The directory, if it is one.
    pub(crate) fn directory(&self) -> Option<&Arc<DataDir>> {
        if let Keeper::Directory(data) = self { Some(data) } else { None }
    }

    /// The server, if it is one.
    pub(crate) fn redis(&self) -> Option<&Arc<RedisStore>> {
        if let Keeper::Redis(store) = self { Some(store) } else { None }
    }

    /// Whether it can be used, as far as is known.
    ///
    /// # Errors
    /// It cannot.
    pub(crate) fn check(&self) -> Result<(), ApiError> {
        self.redis().map_or(Ok(()), |store| store.check())
    }

    /// What [`Keeper::settled`] is asked about later: all that happens from now on.
    pub(crate) fn mark(&self) -> u64 {
        self.redis().map_or(0, |store| store.mark())
    }

    /// Waits until all that happened is committed.
    ///
    /// # Errors
    /// Something that happened after the mark cannot be written.
    pub(crate) async fn settled(&self, mark: u64) -> Result<(), ApiError> {
        match self {
            Keeper::Directory(data) => data.settled().await,
            Keeper::Redis(store) => store.settled(mark).await,
        }
    }

    /// Writes a row that belongs to no session.
    pub(crate) fn put(&self, key: &str, value: &impl Serialize) {
        self.change([RowChange::Put(key.into(), saved::json(value))]);
    }

    /// Makes changes that belong together, and to no session.
    pub(crate) fn change(&self, changes: impl IntoIterator<Item = RowChange>) {
        match self {
            Keeper::Directory(data) => data.change(changes),
            Keeper::Redis(store) => store.change_wide(changes),
        }
    }

    /// What is kept of a session; `None` = it is new.
    pub(crate) fn saved(&self, key: &str) -> Option<SavedSession> {
        match self {
            Keeper::Directory(data) => data.saved(key),
            Keeper::Redis(store) => SavedSession::claimed(store.take_rows(&saved::hash(key))?),
        }
    }

    /// The rows of a session that is made.
    pub(crate) fn session(&self, key: &str, name: &str, clock: Mode, seed: u64, serial: u64) -> SessionRows {
        let name = Some(name.to_string()).filter(|name| name != key);
        let row = |number| SessionRow { number, name, clock, seed, times: 0, serial };
        let hash = saved::hash(key);
        match self {
            Keeper::Directory(data) => {
                SessionRows::new(self.clone(), Arc::new(Fence::new(hash, 0)), row(data.next_session()), false)
            }
            Keeper::Redis(store) => {
                let fence = store.fence(&hash);
                let number = fence.next_number();
                SessionRows::new(self.clone(), fence, row(number), false)
            }
        }
    }

    /// The rows of a session that was there before.
    pub(crate) fn session_again(&self, key: &str, row: SessionRow) -> SessionRows {
        let hash = saved::hash(key);
        let row = SessionRow { times: row.times + 1, ..row };
        let fence = match self {
            Keeper::Directory(_) => Arc::new(Fence::new(hash, 0)),
            Keeper::Redis(store) => store.fence(&hash),
        };
        let rows = SessionRows::new(self.clone(), fence, row, true);
        rows.enter();
        rows
    }

    /// Forgets a session whether it is in use or not.
    pub(crate) fn forget(&self, key: &str) {
        match self {
            Keeper::Directory(data) => data.forget(key),
            Keeper::Redis(store) => store.forget(saved::hash(key)),
        }
    }

    /// Forgets all sessions.
    pub(crate) fn forget_all(&self) {
        match self {
            Keeper::Directory(data) => data.forget_all(),
            Keeper::Redis(store) => store.forget_all(),
        }
    }

    /// Commits what waits, and lets go.
    pub(crate) fn close(&self) {
        match self {
            Keeper::Directory(data) => data.close(),
            Keeper::Redis(store) => store.close(),
        }
    }
}
