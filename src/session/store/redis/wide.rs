//! What belongs to no session: all replicas have it in memory. Each change of it gets a number from the server, and whoever
//! made one waits until all replicas that live have read up to it: what was acknowledged is known wherever somebody asks next.
//!
//! Nobody goes without: a replica that hears of no change finds the number with its next lease, and reads before it answers
//! under it; one that cannot do even that answers nothing once its lease is over.

use super::commits::{CommitStep, CommitTarget};
use super::{LEASES, MEMBERS, RedisStore, WIDE};
use crate::session::store::file::RowChange;
use crate::session::store::saved::DataRow;
use crate::wire::error::ApiError;
use redis::Script;
use std::sync::LazyLock;
use std::sync::atomic::Ordering;
use std::time::Duration;
use tokio::time::{Instant, sleep, timeout};

/// The row with the number of the last change.
const NUMBER: &[u8] = b"#number";

/// What the keys begin with that say how far each replica has read.
const READ: &str = "llemulator:read:";

/// The first pause of whoever waits for the others; each is twice the one before.
const PAUSE: Duration = Duration::from_millis(1);

static SWAP: LazyLock<Script> = LazyLock::new(|| Script::new(include_str!("swap.lua")));
static BEHIND: LazyLock<Script> = LazyLock::new(|| Script::new(include_str!("behind.lua")));

impl RedisStore {
    /// The key that says how far this replica has read.
    pub(super) fn read_key(&self) -> String {
        format!("{READ}{}", self.id)
    }

    /// The number of the last change that this replica has read.
    pub(super) fn wide_read(&self) -> u64 {
        self.wide_read.load(Ordering::Acquire)
    }

    /// Changes rows that belong to no session, and tells the other replicas.
    pub(crate) fn change_wide(&self, changes: impl IntoIterator<Item = RowChange>) {
        let steps = changes.into_iter().map(CommitStep::Row).chain([CommitStep::Tell]);
        self.commits.add(&CommitTarget::Wide, None, steps);
    }

    /// Puts a row that belongs to no session in the place of one that is as it was seen; empty = none. False = it is not.
    ///
    /// # Errors
    /// The server cannot be used.
    pub(crate) async fn swap_wide(&self, field: &str, seen: &[u8], new: &[u8]) -> Result<bool, ApiError> {
        self.settled(u64::MAX).await?;
        let mut swap = SWAP.prepare_invoke();
        swap.key(WIDE).arg(field).arg(seen).arg(new).arg(&self.news);
        let swapped: Result<u8, String> = self.run(swap).await;
        swapped.map(|swapped| swapped == 1).map_err(|reason| self.refusal(&reason))
    }

    /// Reads what belongs to no session, which may have changed.
    ///
    /// # Errors
    /// The server cannot be used.
    pub(crate) async fn read_wide_now(&self) -> Result<(), ApiError> {
        match self.reads_wide().await {
            true => Ok(()),
            false => Err(self.refusal("it does not answer in time")),
        }
    }

    /// As [`RedisStore::read_wide_now`]. False = it could not be read.
    pub(super) async fn reads_wide(&self) -> bool {
        let Some(listener) = self.listener.get() else { return false };
        // One after the other: what was read earlier never takes the place of what was read later.
        let _one = self.reading.lock().await;
        let read = async {
            let mut link = self.link().await?;
            redis::cmd("HGETALL").arg(WIDE).query_async::<Vec<DataRow>>(&mut link).await
        };
        let Ok(Ok(rows)) = timeout(self.patience(), read).await else { return false };
        let number = rows.iter().find(|(field, _)| field == NUMBER);
        let number = number.and_then(|(_, number)| std::str::from_utf8(number).ok()?.parse().ok()).unwrap_or(0);
        listener.wide(rows);
        if self.wide_read.swap(number, Ordering::AcqRel) != number {
            let mut said = redis::cmd("SET");
            said.arg(self.read_key()).arg(number).arg("PX").arg(2 * self.lease.as_millis() as u64);
            let said = async {
                let mut link = self.link().await?;
                said.query_async::<()>(&mut link).await
            };
            // Otherwise the next lease says it.
            let _ = timeout(self.patience(), said).await;
        }
        true
    }

    /// Waits until all replicas that live have read what this one has changed.
    ///
    /// # Errors
    /// One of them cannot, or the server cannot be used.
    pub(super) async fn known_everywhere(&self) -> Result<(), ApiError> {
        let number = self.wide_told.load(Ordering::Acquire);
        let (began, mut pause) = (Instant::now(), PAUSE);
        loop {
            let mut behind = BEHIND.prepare_invoke();
            behind.key(MEMBERS).arg(number).arg(LEASES).arg(READ);
            match self.run::<u8>(behind).await {
                Ok(0) => return Ok(()),
                // One that is gone is waited for until its lease ends.
                Ok(_) if began.elapsed() < 2 * self.lease => sleep(pause).await,
                Ok(_) => return Err(self.refusal("another replica does not read what was changed")),
                Err(reason) => return Err(self.refusal(&reason)),
            }
            pause = (2 * pause).min(self.lease / 20);
        }
    }
}
