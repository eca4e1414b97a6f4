//! Queues that several replicas share: each has all items in memory, and an answer is taken where they are kept, so that
//! it goes to one request.

use super::kept::QueueRows;
use super::preset::{Preset, PresetUse};
use super::queues::{QueueState, Queues};
use crate::session::store::keeper::Keeper;
use crate::session::store::saved::DataRow;
use crate::wire::error::ApiError;
use std::sync::Arc;

/// Times that a taken item is looked for again.
const LOOKED: usize = 100;

/// An item that may be taken, as it is kept before and after.
struct Takeable<'a> {
    address: &'a str,
    item: Preset,
    used: PresetUse,
    field: String,
    before: Vec<u8>,
    after: Vec<u8>,
}

impl Queues {
    /// Takes up all queues as they are kept on a server, in the place of what was there.
    pub(crate) fn take_up(&self, keeper: &Keeper, rows: &[DataRow]) {
        let rows_of = QueueRows::new(keeper.clone());
        let (known, items) = QueueRows::read_from(rows);
        let mut all = self.all();
        *all = QueueState::of(rows_of, known, items);
    }

    /// The next answer at one of these addresses, the first that has one, for one request of all replicas.
    ///
    /// # Errors
    /// The store cannot be used.
    pub(crate) async fn take_once<'a>(&self, addresses: &[&'a str]) -> Result<Option<(&'a str, PresetUse)>, ApiError> {
        let Some(Keeper::Redis(store)) = self.all().keeper() else { return Ok(self.take(addresses)) };
        let _one = self.taking.lock().await;
        for _ in 0..LOOKED {
            let Some(next) = self.takeable(addresses) else { return Ok(None) };
            if store.swap_wide(&next.field, &next.before, &next.after).await? {
                self.all().took(next.address, next.item);
                return Ok(Some((next.address, next.used)));
            }
            // Another replica has taken it, or changed it.
            store.read_wide_now().await?;
        }
        Err(store.refusal("others take the queue's items faster than this replica"))
    }

    fn takeable<'a>(&self, addresses: &[&'a str]) -> Option<Takeable<'a>> {
        let all = self.all();
        let (address, mut item) = all.first(addresses)?;
        let (field, before) = QueueRows::row(address, &item);
        let used = item.take();
        let after = if item.is_over() { Vec::new() } else { QueueRows::row(address, &item).1 };
        Some(Takeable { address, item, used, field, before, after })
    }
}

/// Where many share them: a lock for whoever takes an item, one after the other in each replica.
pub(super) type Taking = Arc<tokio::sync::Mutex<()>>;
