//! Preset queues as they are kept across restarts: a row for each item, and one for each queue.
//!
//! An item has a rank, a number between those of its neighbours, so that adding one writes one row.

use crate::desk::preset::Preset;
use crate::log;
use crate::session::store::file::RowChange;
use crate::session::store::keeper::Keeper;
use crate::session::store::saved::DataRow;
use crate::sorting;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use std::time::Duration;

/// Ranks of items that were added one after the other are so far apart.
const STEP: u64 = 1 << 32;

/// Where queues are kept; nowhere unless somebody says where.
#[derive(Debug, Default, Clone)]
pub(super) struct QueueRows(pub(super) Option<Keeper>);

/// An item in its row.
#[derive(Serialize, Deserialize)]
struct ItemRow {
    queue: String,
    rank: u64,
    created: Duration,
    keys: Map<String, Value>,
}

impl ItemRow {
    fn of(address: &str, preset: &Preset) -> Self {
        ItemRow { queue: address.into(), rank: preset.rank, created: preset.created(), keys: preset.now() }
    }
}

fn item(id: &str) -> String {
    format!("item/{id}")
}

fn queue(address: &str) -> String {
    format!("queue/{address}")
}

impl QueueRows {
    pub(super) fn new(keeper: Keeper) -> Self {
        QueueRows(Some(keeper))
    }

    /// The queues that are kept, and their items in order.
    pub(super) fn read(&self) -> (Vec<String>, Vec<(String, Preset)>) {
        let Some(data) = self.0.as_ref().and_then(Keeper::directory) else { return Default::default() };
        let known = data.rows::<()>("queue/").into_iter().map(|(address, ())| address).collect();
        (known, QueueRows::items(data.rows("item/")))
    }

    /// As [`QueueRows::read`], from rows that are there already.
    pub(super) fn read_from(rows: &[DataRow]) -> (Vec<String>, Vec<(String, Preset)>) {
        let below = |prefix: &str, key: &[u8]| Some(std::str::from_utf8(key).ok()?.strip_prefix(prefix)?.to_string());
        let known = rows.iter().filter_map(|(key, _)| below("queue/", key)).collect();
        let item = |(key, value): &DataRow| Some((below("item/", key)?, serde_json::from_slice(value).ok()?));
        (known, QueueRows::items(rows.iter().filter_map(item).collect()))
    }

    fn items(mut rows: Vec<(String, ItemRow)>) -> Vec<(String, Preset)> {
        sorting::by_key(&mut rows, |(_, row)| row.rank);
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
        rows.into_iter().filter_map(read).collect()
    }

    pub(super) fn known(&self, address: &str) {
        self.0.iter().for_each(|data| data.put(&queue(address), &()));
    }

    pub(super) fn unknown(&self, address: &str) {
        self.remove(queue(address));
    }

    /// Writes an item's row; where another one was seen, in its place alone: what another replica has taken stays taken.
    pub(super) fn put(&self, address: &str, preset: &Preset, seen: Option<Vec<u8>>) {
        let Some(data) = &self.0 else { return };
        let (key, value) = QueueRows::row(address, preset);
        data.change([match seen {
            Some(seen) => RowChange::Swap { key: key.into(), seen, value },
            None => RowChange::Put(key.into(), value),
        }]);
    }

    /// An item's row as it is now; `None` where none is kept.
    pub(super) fn seen(&self, address: &str, preset: &Preset) -> Option<Vec<u8>> {
        self.0.as_ref().map(|_| QueueRows::row(address, preset).1)
    }

    /// An item's row: its key and its value.
    pub(super) fn row(address: &str, preset: &Preset) -> (String, Vec<u8>) {
        // Texts and numbers always serialize.
        (item(&preset.id), serde_json::to_vec(&ItemRow::of(address, preset)).unwrap_or_default())
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
