//! Preset queues as they are kept across restarts: a row for each item, and one for each queue.
//!
//! An item has a rank, a number between those of its neighbours, so that adding one writes one row.

use crate::desk::preset::Preset;
use crate::log;
use crate::session::store::file::{DataDir, RowChange};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use std::sync::Arc;
use std::time::Duration;

/// Ranks of items that were added one after the other are so far apart.
const STEP: u64 = 1 << 32;

/// Where queues are kept; nowhere unless somebody says where.
#[derive(Debug, Default, Clone)]
pub(super) struct QueueRows(Option<Arc<DataDir>>);

/// An item in its row.
#[derive(Serialize, Deserialize)]
struct ItemRow {
    queue: String,
    rank: u64,
    created: Duration,
    keys: Map<String, Value>,
}

fn item(id: &str) -> String {
    format!("item/{id}")
}

fn queue(address: &str) -> String {
    format!("queue/{address}")
}

impl QueueRows {
    pub(super) fn new(data: Arc<DataDir>) -> Self {
        QueueRows(Some(data))
    }

    /// The queues that are kept, and their items in order.
    pub(super) fn read(&self) -> (Vec<String>, Vec<(String, Preset)>) {
        let Some(data) = &self.0 else { return Default::default() };
        let known = data.rows::<()>("queue/").into_iter().map(|(address, ())| address).collect();
        let mut rows: Vec<(String, ItemRow)> = data.rows("item/");
        rows.sort_by_key(|(_, row)| row.rank);
        let read = |(id, row): (String, ItemRow)| match Preset::read(row.keys, id, row.created) {
            Ok(mut preset) => {
                preset.rank = row.rank;
                Some((row.queue, preset))
            }
            Err(reason) => {
                log::warn(&format!("a kept item of the queue {:?} is no longer one: {reason}", row.queue));
                None
            }
        };
        (known, rows.into_iter().filter_map(read).collect())
    }

    pub(super) fn known(&self, address: &str) {
        self.0.iter().for_each(|data| data.put(&queue(address), &()));
    }

    pub(super) fn unknown(&self, address: &str) {
        self.remove(queue(address));
    }

    pub(super) fn put(&self, address: &str, preset: &Preset) {
        if let Some(data) = &self.0 {
            let row =
                ItemRow { queue: address.into(), rank: preset.rank, created: preset.created(), keys: preset.now() };
            data.put(&item(&preset.id), &row);
        }
    }

    pub(super) fn gone(&self, preset: &Preset) {
        self.remove(item(&preset.id));
    }

    pub(super) fn clear(&self) {
        let all = || ["item/", "queue/"].map(|prefix| RowChange::RemoveAll(prefix.into()));
        self.0.iter().for_each(|data| data.change(all()));
    }

    fn remove(&self, key: String) {
        self.0.iter().for_each(|data| data.change([RowChange::Remove(key.clone().into())]));
    }
}

/// A rank between two; `None` = there is none left.
pub(super) fn between(before: Option<u64>, after: Option<u64>) -> Option<u64> {
    match (before, after) {
        (None, None) => Some(1 << 63),
        (Some(before), None) => before.checked_add(STEP),
        (None, Some(after)) => after.checked_sub(STEP),
        (Some(before), Some(after)) => Some(before + (after.saturating_sub(before)) / 2).filter(|rank| *rank > before),
    }
}

/// Ranks of items that get new ones, in order.
pub(super) fn ranks() -> impl Iterator<Item = u64> {
    (0..).map(|place| (1 << 62) + place * STEP)
}
