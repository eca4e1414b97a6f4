//! What people call exchanges, sessions and breakpoints: numbers that grow with time. Of one emulator that is alone they
//! are counted from 1; where several share a store, each counts within the milliseconds and in a place of its own, so
//! that no two give the same, and what is newer has the higher one whoever gave it.

use crate::clock;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

/// Replicas whose numbers are told apart.
pub(crate) const PLACES: u64 = 128;

/// Bits of a number below its millisecond: the place, and a count. JavaScript counts milliseconds with these bits exactly
/// until the end of the century.
const PLACE_BITS: u32 = 7;
const COUNT_BITS: u32 = 5;

/// The milliseconds from 1970 to 2026.
const BEGINNING: u64 = 1_767_225_600_000;

/// This process's place, from 1; 0 = it is alone.
static PLACE: AtomicU64 = AtomicU64::new(0);

/// Numbers of one kind.
pub(crate) struct SerialNumbers(AtomicU64);

impl SerialNumbers {
    pub(crate) const fn new() -> Self {
        SerialNumbers(AtomicU64::new(0))
    }

    /// One that was never given.
    pub(crate) fn next(&self) -> u64 {
        match PLACE.load(Relaxed) {
            0 => self.0.fetch_add(1, Relaxed) + 1,
            place => self.placed(place % PLACES, (clock::world().as_millis() as u64).saturating_sub(BEGINNING)),
        }
    }

    fn placed(&self, place: u64, now: u64) -> u64 {
        let next = |last: u64| {
            let (then, count) = (last >> (PLACE_BITS + COUNT_BITS), last & ((1 << COUNT_BITS) - 1));
            let full = count + 1 == 1 << COUNT_BITS || last >> COUNT_BITS & (PLACES - 1) != place;
            match () {
                () if then < now => at(now, place),
                () if full => at(then + 1, place),
                () => last + 1,
            }
        };
        let before = self.0.fetch_update(Relaxed, Relaxed, |last| Some(next(last)));
        before.map_or_else(next, next)
    }
}

/// The first number of a millisecond.
fn at(millisecond: u64, place: u64) -> u64 {
    (millisecond << PLACE_BITS | place) << COUNT_BITS
}

/// This process is one of several, at this place.
pub(crate) fn take_place(place: u64) {
    PLACE.store(place, Relaxed);
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::HashSet;

    #[test]
    fn replicas_never_give_the_same_and_newer_is_higher() {
        let (one, two) = (SerialNumbers::new(), SerialNumbers::new());
        let mut given = HashSet::new();
        let mut last = [0, 0];
        for now in [5, 5, 6, 9] {
            for _ in 0..100 {
                for (index, (numbers, place)) in [(&one, 1), (&two, 2)].into_iter().enumerate() {
                    let number = numbers.placed(place, now);
                    assert!(given.insert(number) && number > last[index], "{number}");
                    last[index] = number;
                }
            }
        }
        let (early, late) = (one.placed(1, 1_000), two.placed(2, 1_001));
        assert!(early < late && one.placed(3, 1_000) > early, "{early} {late}");
        // The year 2095, as JavaScript counts.
        assert!(at(69 * 366 * 86_400_000, 1) < 1 << 53);
    }

    #[test]
    fn one_that_is_alone_counts_from_one() {
        let numbers = SerialNumbers::new();
        assert_eq!([numbers.next(), numbers.next()], [1, 2]);
    }
}
