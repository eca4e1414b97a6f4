//! A map with a bound: what was remembered first gives way.

use std::borrow::Borrow;
use std::collections::{HashMap, VecDeque};
use std::hash::Hash;

/// The newest of what is remembered.
#[derive(Debug)]
pub(crate) struct Newest<K, V> {
    known: HashMap<K, V>,
    /// The keys, oldest first.
    order: VecDeque<K>,
    most: usize,
}

impl<K: Clone + Eq + Hash, V> Newest<K, V> {
    /// Nothing yet, and so much at most.
    pub(crate) fn new(most: usize) -> Self {
        Newest { known: HashMap::new(), order: VecDeque::new(), most }
    }

    /// Remembers a value; gives the one that stood there, whose age it has.
    pub(crate) fn insert(&mut self, key: K, value: V) -> Option<V> {
        let before = self.known.insert(key.clone(), value);
        if before.is_none() {
            self.order.push_back(key);
            if self.order.len() > self.most
                && let Some(oldest) = self.order.pop_front()
            {
                self.known.remove(&oldest);
            }
        }
        before
    }

    pub(crate) fn get<Q: Eq + Hash + ?Sized>(&self, key: &Q) -> Option<&V>
    where
        K: Borrow<Q>,
    {
        self.known.get(key)
    }

    /// Forgets one. It is looked for among all: for what seldom happens.
    pub(crate) fn remove<Q: Eq + Hash + ?Sized>(&mut self, key: &Q) -> Option<V>
    where
        K: Borrow<Q>,
    {
        let value = self.known.remove(key)?;
        self.order.retain(|known| known.borrow() != key);
        Some(value)
    }

    pub(crate) fn clear(&mut self) {
        self.known.clear();
        self.order.clear();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_oldest_give_way_and_what_comes_again_keeps_its_age() {
        let mut newest: Newest<String, u32> = Newest::new(2);
        assert_eq!(newest.insert("a".into(), 1), None);
        assert_eq!(newest.insert("b".into(), 2), None);
        assert_eq!(newest.insert("a".into(), 3), Some(1));
        assert_eq!(newest.insert("c".into(), 4), None);
        assert_eq!((newest.get("a"), newest.get("b"), newest.get("c")), (None, Some(&2), Some(&4)));
        assert_eq!((newest.known.len(), newest.order.len()), (2, 2));
    }

    #[test]
    fn what_is_forgotten_leaves_room() {
        let mut newest: Newest<String, u32> = Newest::new(2);
        newest.insert("a".into(), 1);
        newest.insert("b".into(), 2);
        assert_eq!((newest.remove("a"), newest.remove("a")), (Some(1), None));
        newest.insert("c".into(), 3);
        assert_eq!((newest.get("b"), newest.get("c")), (Some(&2), Some(&3)));
        newest.clear();
        assert_eq!((newest.get("b"), newest.order.len()), (None, 0));
    }
}
