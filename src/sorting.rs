//! Sorting, for all that is not sorted while an answer waits for it: std's own is compiled for each type and for each
//! comparison, four kilobytes of a package a time.

use std::cmp::Ordering;

/// Sorts; what is equal stays in its order.
pub(crate) fn by<T>(items: &mut [T], compare: impl Fn(&T, &T) -> Ordering) {
    let mut sources = sources(items.len(), &|one, other| compare(&items[one], &items[other]));
    // Each ring of those that take each other's places is gone round once.
    for first in 0..items.len() {
        let mut place = first;
        loop {
            let source = std::mem::replace(&mut sources[place], place);
            if source == first {
                break;
            }
            items.swap(place, source);
            place = source;
        }
    }
}

/// Sorts by what `key` gives; what is equal stays in its order.
pub(crate) fn by_key<T, K: Ord>(items: &mut [T], key: impl Fn(&T) -> K) {
    by(items, |one, other| key(one).cmp(&key(other)));
}

/// From which place comes what belongs to each.
fn sources(count: usize, compare: &dyn Fn(usize, usize) -> Ordering) -> Vec<usize> {
    let mut sources: Vec<usize> = (0..count).collect();
    sources.sort_by(|one, other| compare(*one, *other));
    sources
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::random::Random;

    #[test]
    fn it_sorts_as_std_does() {
        let mut random = Random::new(7);
        for count in [0, 1, 2, 3, 17, 1000] {
            let mut items: Vec<(usize, usize)> = (0..count).map(|place| (random.below(50), place)).collect();
            let mut expected = items.clone();
            expected.sort_by_key(|(number, _)| *number);
            by_key(&mut items, |(number, _)| *number);
            assert_eq!(items, expected, "{count}");
        }
    }

    #[test]
    fn what_is_sorted_need_not_be_copied() {
        let mut names: Vec<String> = ["pear", "apple", "fig", "apple"].map(String::from).into();
        by(&mut names, |one, other| other.cmp(one));
        assert_eq!(names, ["pear", "fig", "apple", "apple"]);
    }
}
