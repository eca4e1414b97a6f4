//! Stored objects of a session: bounded, in the order they were made, forgotten oldest first.

use std::any::{Any, TypeId};
use std::collections::{BTreeMap, HashMap};

/// All objects of one session: a shelf for each type of object, so that a new resource needs no change here.
#[derive(Debug)]
pub struct Store {
    limit: usize,
    shelves: HashMap<TypeId, Box<dyn Any + Send>>,
}

impl Store {
    /// A store that keeps at most `limit` objects of each type.
    pub fn new(limit: usize) -> Self {
        Store { limit, shelves: HashMap::new() }
    }

    /// The objects of one type.
    pub fn shelf<T: Send + 'static>(&mut self) -> &mut Shelf<T> {
        let shelf = self.shelves.entry(TypeId::of::<T>()).or_insert_with(|| Box::new(Shelf::<T>::new(self.limit)));
        shelf.downcast_mut().expect("a shelf is kept under its own type")
    }

    /// Forgets everything.
    pub fn clear(&mut self) {
        self.shelves.clear();
    }
}

/// Objects by id, in the order they were added. Adding one past the limit forgets the oldest.
#[derive(Debug)]
pub struct Shelf<T> {
    limit: usize,
    next: u64,
    places: HashMap<String, u64>,
    objects: BTreeMap<u64, (String, T)>,
}

impl<T> Shelf<T> {
    /// An empty shelf for at most `limit` objects.
    pub fn new(limit: usize) -> Self {
        Shelf { limit, next: 0, places: HashMap::new(), objects: BTreeMap::new() }
    }

    /// Adds an object; one with the same id keeps its place and is replaced.
    pub fn insert(&mut self, id: String, object: T) {
        match self.places.get(&id) {
            Some(place) => drop(self.objects.insert(*place, (id, object))),
            None => self.add(id, object),
        }
    }

    /// Adds an object as the newest. An older one with the same id is found by its place alone from now on: what was
    /// made from it still can tell where it came from.
    pub fn add(&mut self, id: String, object: T) {
        self.places.insert(id.clone(), self.next);
        self.objects.insert(self.next, (id, object));
        self.next += 1;
        while self.objects.len() > self.limit {
            self.forget_oldest();
        }
    }

    fn forget_oldest(&mut self) {
        if let Some((place, (id, _))) = self.objects.pop_first()
            && self.places.get(&id) == Some(&place)
        {
            self.places.remove(&id);
        }
    }

    /// Where the object of this id is: the later it was added, the higher.
    pub fn place(&self, id: &str) -> Option<u64> {
        self.places.get(id).copied()
    }

    /// The object at a place.
    pub fn at(&self, place: u64) -> Option<&T> {
        self.objects.get(&place).map(|(_, object)| object)
    }

    pub fn get(&self, id: &str) -> Option<&T> {
        self.objects.get(self.places.get(id)?).map(|(_, object)| object)
    }

    pub fn get_mut(&mut self, id: &str) -> Option<&mut T> {
        self.objects.get_mut(self.places.get(id)?).map(|(_, object)| object)
    }

    pub fn remove(&mut self, id: &str) -> Option<T> {
        let place = self.places.remove(id)?;
        self.objects.remove(&place).map(|(_, object)| object)
    }

    /// Oldest first.
    pub fn iter(&self) -> impl DoubleEndedIterator<Item = (&str, &T)> {
        self.objects.values().map(|(id, object)| (id.as_str(), object))
    }

    pub fn len(&self) -> usize {
        self.objects.len()
    }

    pub fn is_empty(&self) -> bool {
        self.objects.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_type_has_its_shelf() {
        let mut store = Store::new(1);
        store.shelf().insert("a".into(), 1);
        store.shelf().insert("a".into(), "one");
        assert_eq!(store.shelf::<i32>().get("a"), Some(&1));
        assert_eq!(store.shelf::<&str>().get("a"), Some(&"one"));
        store.clear();
        assert!(store.shelf::<i32>().is_empty());
    }

    #[test]
    fn the_oldest_object_makes_room() {
        let mut shelf = Shelf::new(2);
        for id in ["a", "b", "c"] {
            shelf.insert(id.into(), id.to_uppercase());
        }
        assert_eq!(shelf.get("a"), None);
        assert_eq!(shelf.iter().map(|(id, _)| id).collect::<Vec<_>>(), ["b", "c"]);
    }

    #[test]
    fn an_id_taken_over_leaves_the_older_object_in_its_place() {
        let mut shelf = Shelf::new(3);
        shelf.add("a".into(), 1);
        let older = shelf.place("a").expect("it is there");
        shelf.add("a".into(), 2);
        assert_eq!((shelf.get("a"), shelf.at(older)), (Some(&2), Some(&1)));
        assert!(shelf.place("a") > Some(older));
        shelf.add("b".into(), 3);
        shelf.add("c".into(), 4);
        assert_eq!((shelf.at(older), shelf.get("a")), (None, Some(&2)), "the oldest went, its name did not");
        assert_eq!((shelf.remove("a"), shelf.get("a"), shelf.len()), (Some(2), None, 2));
    }

    #[test]
    fn replacing_keeps_the_place_and_removing_frees_it() {
        let mut shelf = Shelf::new(2);
        shelf.insert("a".into(), 1);
        shelf.insert("b".into(), 2);
        shelf.insert("a".into(), 3);
        assert_eq!(shelf.iter().map(|(_, number)| *number).collect::<Vec<_>>(), [3, 2]);
        assert_eq!(shelf.remove("a"), Some(3));
        shelf.insert("c".into(), 4);
        assert_eq!(shelf.len(), 2);
    }
}
