//! Changing inputs: mostly JSON, where changed bytes are seldom JSON any more, so that half of the changes are made to its
//! values.

use libfuzzer_sys::fuzzer_mutate;
use serde_json::{Value, json};

/// Changes an input in place; gives its new size.
pub fn mutate(bytes: &mut [u8], size: usize, most: usize, seed: u32) -> usize {
    let mut draw = Draw(u64::from(seed) + 1);
    if draw.below(2) == 0 {
        // What stands before the JSON stays: a request's head, a condition.
        let starts = (0..size).filter(|at| *at == 0 || bytes[at - 1] == b'\n');
        let mut found =
            starts.filter_map(|at| Some((at, serde_json::from_slice::<Value>(document(&bytes[at..size])).ok()?)));
        if let Some((at, mut value)) = found.next() {
            let end = at + document(&bytes[at..size]).len();
            let pieces = all(&value);
            for _ in 0..=draw.below(3) {
                let place = draw.below(count(&value));
                change(&mut value, &mut { place }, &pieces, &mut draw);
            }
            let changed = [&bytes[..at], value.to_string().as_bytes(), &bytes[end..size]].concat();
            if changed.len() <= most.min(bytes.len()) {
                bytes[..changed.len()].copy_from_slice(&changed);
                return changed.len();
            }
        }
    }
    fuzzer_mutate(bytes, size, most)
}

/// The bytes up to the next part of an input.
fn document(bytes: &[u8]) -> &[u8] {
    let end = bytes.windows(2).position(|two| two == b"\n\n" || two == b"\n=");
    &bytes[..end.unwrap_or(bytes.len())]
}

/// A small generator: which inputs come out is the fuzzer's to say, by its seed.
struct Draw(u64);

impl Draw {
    fn below(&mut self, bound: usize) -> usize {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) as usize % bound.max(1)
    }
}

/// How many values there are in a value, itself included.
fn count(value: &Value) -> usize {
    1 + match value {
        Value::Array(items) => items.iter().map(count).sum(),
        Value::Object(entries) => entries.values().map(count).sum(),
        _ => 0,
    }
}

/// A value and all in it.
fn all(value: &Value) -> Vec<Value> {
    let mut found = vec![value.clone()];
    match value {
        Value::Array(items) => found.extend(items.iter().flat_map(all)),
        Value::Object(entries) => found.extend(entries.values().flat_map(all)),
        _ => {}
    }
    found
}

/// Changes the value at a place, counted from this one.
fn change(value: &mut Value, place: &mut usize, pieces: &[Value], draw: &mut Draw) {
    if *place == 0 {
        *place = usize::MAX;
        return changed(value, pieces, draw);
    }
    *place -= 1;
    match value {
        Value::Array(items) => items.iter_mut().for_each(|item| change(item, place, pieces, draw)),
        Value::Object(entries) => entries.values_mut().for_each(|item| change(item, place, pieces, draw)),
        _ => {}
    }
}

fn changed(value: &mut Value, pieces: &[Value], draw: &mut Draw) {
    match (draw.below(6), &mut *value) {
        (0, Value::Array(items)) if !items.is_empty() => {
            items.remove(draw.below(items.len()));
        }
        (0, Value::Object(entries)) if !entries.is_empty() => {
            let key = entries.keys().nth(draw.below(entries.len())).cloned().unwrap_or_default();
            entries.shift_remove(&key);
        }
        (1, Value::Array(items)) => items.insert(draw.below(items.len() + 1), pieces[draw.below(pieces.len())].clone()),
        (1, Value::Object(entries)) => {
            let key = WORDS[draw.below(WORDS.len())].to_string();
            entries.insert(key, pieces[draw.below(pieces.len())].clone());
        }
        (2, Value::Object(entries)) if !entries.is_empty() => {
            let key = entries.keys().nth(draw.below(entries.len())).cloned().unwrap_or_default();
            let moved = entries.shift_remove(&key).unwrap_or_default();
            entries.insert(WORDS[draw.below(WORDS.len())].to_string(), moved);
        }
        (2, Value::String(text)) => *text += WORDS[draw.below(WORDS.len())],
        (2, Value::Number(_)) => *value = json!(NUMBERS[draw.below(NUMBERS.len())]),
        (3, _) => *value = Value::from(WORDS[draw.below(WORDS.len())]),
        (4, _) => {
            *value = match draw.below(6) {
                0 => Value::Null,
                1 => json!(draw.below(2) == 0),
                2 => json!([value.clone()]),
                3 => json!({WORDS[draw.below(WORDS.len())]: value.clone()}),
                4 => json!(NUMBERS[draw.below(NUMBERS.len())]),
                _ => json!(draw.below(40)),
            }
        }
        _ => *value = pieces[draw.below(pieces.len())].clone(),
    }
}

const NUMBERS: &[f64] =
    &[0.0, -1.0, 0.5, 1e-300, 1e300, 2_147_483_648.0, 9_007_199_254_740_993.0, 1.8e19, -9.3e18, 60_001.0];

/// Keys and words of the API, the script language and JSON Schema.
const WORDS: &[&str] = &include!("words.in");
