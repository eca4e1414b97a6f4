//! Randomness: one generator per exchange, nothing else draws.
//!
//! The generator's key is (seed, session name, operation, canonical body, count of equal requests before), so the
//! same seed and requests give the same ids, jitter, faults and texts however requests interleave.

use bytes::BufMut;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use serde_json::Value;
use xxhash_rust::xxh3::xxh3_64_with_seed;

/// A seeded generator. `fastrand`'s wyrand is pinned exactly in `Cargo.toml`: its sequence is part of what we promise.
#[derive(Debug, Clone)]
pub(crate) struct Random(fastrand::Rng);

/// A generator is kept as where it stands.
impl Serialize for Random {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.0.get_seed().serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for Random {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        u64::deserialize(deserializer).map(Random::new)
    }
}

const ALPHANUMERIC: &[u8; 62] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";

impl Random {
    /// A generator for one seed.
    pub(crate) fn new(seed: u64) -> Self {
        Random(fastrand::Rng::with_seed(seed))
    }

    /// A generator of its own for a sub-purpose (`"ids"`, `"text"`), so that one purpose's draws never move another's.
    pub(crate) fn fork(&self, purpose: &str) -> Self {
        Random::new(xxh3_64_with_seed(purpose.as_bytes(), self.0.get_seed()))
    }

    /// A number in `0..bound` (0 when `bound` is 0).
    pub(crate) fn below(&mut self, bound: usize) -> usize {
        if bound == 0 { 0 } else { self.0.usize(0..bound) }
    }

    /// A number in `low..=high`.
    pub(crate) fn between(&mut self, low: i64, high: i64) -> i64 {
        self.0.i64(low.min(high)..=high.max(low))
    }

    /// A number in `0.0..1.0`.
    pub(crate) fn fraction(&mut self) -> f64 {
        self.0.f64()
    }

    /// True with this probability.
    pub(crate) fn chance(&mut self, probability: f64) -> bool {
        self.0.f64() < probability
    }

    /// One of the items. Panics on an empty slice.
    pub(crate) fn pick<'a, T>(&mut self, items: &'a [T]) -> &'a T {
        &items[self.below(items.len())]
    }

    /// Shuffles in place.
    pub(crate) fn shuffle<T>(&mut self, items: &mut [T]) {
        self.0.shuffle(items);
    }

    /// `length` characters of `[0-9A-Za-z]`, appended to `out`.
    pub(crate) fn alphanumeric_into(&mut self, length: usize, out: &mut impl BufMut) {
        for drawn in (0..length).step_by(10) {
            let bits = self.0.u64(..);
            let characters: [u8; 10] = std::array::from_fn(|at| ALPHANUMERIC[(bits >> (6 * at) & 63) as usize % 62]);
            out.put_slice(&characters[..10.min(length - drawn)]);
        }
    }

    /// `length` characters of `[0-9A-Za-z]`.
    pub(crate) fn alphanumeric(&mut self, length: usize) -> String {
        let mut out = Vec::with_capacity(length);
        self.alphanumeric_into(length, &mut out);
        String::from_utf8(out).unwrap_or_default()
    }

    /// `length` lower-case hexadecimal digits.
    pub(crate) fn hex(&mut self, length: usize) -> String {
        let mut out = String::with_capacity(length);
        self.hex_into(length, &mut out);
        out
    }

    /// `length` lower-case hexadecimal digits, appended to `out`.
    pub(crate) fn hex_into(&mut self, length: usize, out: &mut String) {
        for drawn in (0..length).step_by(16) {
            let bits = self.0.u64(..);
            let digits: [u8; 16] = std::array::from_fn(|at| b"0123456789abcdef"[(bits >> (4 * at) & 15) as usize]);
            out.push_str(str::from_utf8(&digits[..16.min(length - drawn)]).unwrap_or_default());
        }
    }
}

/// Hash of what identifies a request for randomness. Each part is the seed of the next one's hash, and counts with its
/// length, so ("a","bc") and ("ab","c") differ.
pub(crate) fn key(seed: u64, parts: &[&[u8]]) -> u64 {
    // Whole, not in a stream: a stream's state is larger than most requests.
    parts.iter().fold(seed, |seed, part| xxh3_64_with_seed(part, seed ^ (part.len() as u64).rotate_left(32)))
}

/// A hash of a JSON value that does not depend on the order of keys.
pub(crate) fn canonical(value: &Value) -> u64 {
    let number = |kind: u64, bits: u64| key(kind, &[&bits.to_le_bytes()]);
    match value {
        Value::Object(map) => {
            // Addition is commutative: the order of keys vanishes without sorting.
            let sum =
                map.iter().fold(0u64, |sum, (name, item)| sum.wrapping_add(key(canonical(item), &[name.as_bytes()])));
            number(5, sum)
        }
        Value::Array(items) => {
            items.iter().fold(number(4, items.len() as u64), |hash, item| number(hash, canonical(item)))
        }
        Value::String(text) => key(3, &[text.as_bytes()]),
        Value::Number(count) => key(2, &[count.to_string().as_bytes()]),
        Value::Bool(true) => number(1, 1),
        Value::Bool(false) => number(1, 0),
        Value::Null => number(0, 0),
    }
}

/// A file as it may come broken: cut off at every place, and two thousand times with another byte somewhere.
#[cfg(test)]
pub(crate) fn broken(file: &[u8]) -> impl Iterator<Item = Vec<u8>> {
    let mut random = Random::new(1);
    let cut = (0..file.len()).map(|end| file[..end].to_vec());
    cut.chain((0..2_000).map(move |_| {
        let mut changed = file.to_vec();
        changed[random.below(file.len())] = random.below(256) as u8;
        changed
    }))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn equal_bodies_hash_equal_whatever_the_key_order() {
        assert_eq!(canonical(&json!({"a": 1, "b": [1, 2]})), canonical(&json!({"b": [1, 2], "a": 1})));
        assert_ne!(canonical(&json!({"a": 1, "b": [1, 2]})), canonical(&json!({"a": 1, "b": [2, 1]})));
        assert_ne!(canonical(&json!({"a": "1"})), canonical(&json!({"a": 1})));
    }

    #[test]
    fn forks_are_independent_of_the_parents_later_draws() {
        let mut parent = Random::new(7);
        let before = parent.fork("ids").hex(8);
        let again = parent.fork("ids").hex(8);
        assert_eq!(before, again);
        parent.hex(1);
        assert_ne!(parent.fork("ids").hex(8), before);
    }

    #[test]
    fn alphanumeric_has_the_length_asked() {
        assert_eq!(Random::new(1).alphanumeric(29).len(), 29);
        assert_eq!(Random::new(1).alphanumeric(0), "");
    }
}
