//! What is kept, counted in bytes.
//!
//! Whoever keeps something has an [`Account`] with a bound, and holds a [`Held`] for it, which gives back when it is
//! dropped. The accounts of a process add up to one [`Total`]. Counting is two additions without a lock; what gives way
//! when a bound is reached is the business of whoever keeps it.

use serde_json::Value;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering::Relaxed};
use std::sync::{Arc, LazyLock, OnceLock};

/// What all accounts hold together.
#[derive(Debug, Default)]
pub(crate) struct Total {
    used: AtomicUsize,
    /// Exchanges that gave way in their journals.
    evicted: AtomicU64,
    /// What lies on the disk instead, of the same keepers.
    disk: OnceLock<Arc<Total>>,
}

impl Total {
    /// The one of this process. Tests run side by side: each of their emulators counts by itself.
    pub(crate) fn of_process() -> Arc<Self> {
        static TOTAL: LazyLock<Arc<Total>> = LazyLock::new(Arc::default);
        if cfg!(test) { Arc::default() } else { TOTAL.clone() }
    }

    /// Bytes held.
    pub(crate) fn used(&self) -> usize {
        self.used.load(Relaxed)
    }

    /// What is held on the disk.
    pub(crate) fn disk(&self) -> &Arc<Total> {
        self.disk.get_or_init(Arc::default)
    }

    /// Exchanges that gave way in their journals.
    pub(crate) fn evicted(&self) -> u64 {
        self.evicted.load(Relaxed)
    }
}

/// What one keeper holds.
#[derive(Debug)]
pub(crate) struct Account {
    used: AtomicUsize,
    most: usize,
    /// Things that gave way to newer ones.
    forgotten: AtomicU64,
    total: Arc<Total>,
}

impl Account {
    /// An empty one that may hold so many bytes.
    pub(crate) fn new(most: usize, total: &Arc<Total>) -> Arc<Self> {
        Arc::new(Account { used: AtomicUsize::new(0), most, forgotten: AtomicU64::new(0), total: total.clone() })
    }

    /// Holds so many bytes until what this gives is dropped, whatever the bound says.
    pub(crate) fn hold(self: &Arc<Self>, bytes: usize) -> Held {
        let held = Held { account: self.clone(), bytes: AtomicUsize::new(0) };
        held.set(bytes);
        held
    }

    /// Bytes held.
    pub(crate) fn used(&self) -> usize {
        self.used.load(Relaxed)
    }

    /// Bytes it may hold.
    pub(crate) fn most(&self) -> usize {
        self.most
    }

    /// Whether so many bytes more are too many.
    pub(crate) fn is_full(&self, more: usize) -> bool {
        self.used().saturating_add(more) > self.most
    }

    /// Whether so many bytes more are too many for all accounts together, if they may hold what this one may.
    pub(crate) fn is_full_for_all(&self, more: usize) -> bool {
        self.total.used().saturating_add(more) > self.most
    }

    /// So many things gave way.
    pub(crate) fn forgot(&self, count: u64) {
        self.forgotten.fetch_add(count, Relaxed);
    }

    /// An exchange gave way in its journal.
    pub(crate) fn evicted(&self) {
        self.total.evicted.fetch_add(1, Relaxed);
    }

    /// How many things gave way.
    pub(crate) fn forgotten(&self) -> u64 {
        self.forgotten.load(Relaxed)
    }
}

/// Bytes held for something; given back when dropped.
#[derive(Debug)]
pub(crate) struct Held {
    account: Arc<Account>,
    bytes: AtomicUsize,
}

impl Held {
    /// Holds so many bytes instead.
    pub(crate) fn set(&self, bytes: usize) {
        let before = self.bytes.swap(bytes, Relaxed);
        for used in [&self.account.used, &self.account.total.used] {
            // The sum wraps where it falls, and is right again when all have counted.
            used.fetch_add(bytes.wrapping_sub(before), Relaxed);
        }
    }
}

impl Held {
    pub(crate) fn account(&self) -> &Account {
        &self.account
    }

    /// Something else of the same account, which holds nothing yet.
    pub(crate) fn beside(&self) -> Held {
        self.account.hold(0)
    }

    /// Holds so many bytes more.
    pub(crate) fn add(&self, bytes: usize) {
        self.set(self.bytes.load(Relaxed).saturating_add(bytes));
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        self.set(0);
    }
}

/// Bytes a JSON value takes, about.
pub(crate) fn weight(value: &Value) -> usize {
    size_of::<Value>()
        + match value {
            Value::String(text) => text.len(),
            Value::Array(items) => items.iter().map(weight).sum(),
            // Each entry has its key, its hash and its place.
            Value::Object(keys) => {
                keys.iter().map(|(key, value)| key.len() + 5 * size_of::<usize>() + weight(value)).sum()
            }
            _ => 0,
        }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn what_is_held_is_given_back() {
        let total = Arc::new(Total::default());
        let accounts = [Account::new(100, &total), Account::new(1_000, &total)];
        let held: Vec<Held> = accounts.iter().map(|account| account.hold(60)).collect();
        assert_eq!((accounts[0].used(), accounts[1].used(), total.used()), (60, 60, 120));
        assert_eq!([40, 41].map(|more| accounts[0].is_full(more)), [false, true]);
        held[0].set(200);
        assert_eq!((accounts[0].used(), accounts[0].is_full(0), total.used()), (200, true, 260));
        held[0].set(10);
        drop(held);
        assert_eq!((accounts[0].used(), accounts[1].used(), total.used()), (0, 0, 0));
        assert!(!accounts[0].is_full(100) && accounts[0].is_full(usize::MAX));
    }

    #[test]
    fn threads_count_without_loss() {
        let account = Account::new(0, &Arc::default());
        std::thread::scope(|scope| {
            for _ in 0..8 {
                scope.spawn(|| {
                    for bytes in 0..1_000 {
                        account.hold(bytes).set(bytes * 2);
                    }
                });
            }
        });
        assert_eq!((account.used(), account.total.used()), (0, 0));
    }

    #[test]
    fn values_weigh_what_they_hold() {
        let one = weight(&json!(0));
        assert_eq!(weight(&json!([0, "abc", null])), 4 * one + 3);
        assert!(weight(&json!({"key": {"a": 1}})) > 3 * one + 4);
    }
}
