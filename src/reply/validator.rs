//! JSON Schema validators: compiled once per schema, run within the answer's budget.

use super::measure::Measured;
use super::price::{self, TRIES};
use crate::budget::{Budget, Spent};
use crate::random::canonical;
use jsonschema::error::ValidationErrorKind;
use jsonschema::{PatternOptions, Validator};
use serde_json::Value;
use std::collections::HashMap;
use std::sync::{Arc, LazyLock, Mutex, PoisonError};
use std::thread;

/// Schemas kept compiled; test suites use few, and a full cache is simply begun anew.
const CAPACITY: usize = 256;

/// Steps per schema beside those for its parts.
const PER_SCHEMA: u64 = 300;

/// Levels above references that any thread has room for, and the bytes that the most of them need (`measure.rs`).
const SHALLOW: usize = 200;
const ROOM: usize = 64 << 20;

/// The schema beside its validator, as two schemas may share a hash.
type Cache = HashMap<u64, (Value, Option<Arc<Validator>>)>;

static CACHE: LazyLock<Mutex<Cache>> = LazyLock::new(Mutex::default);

/// A schema, measured and compiled.
pub(crate) struct CompiledSchema<'a> {
    pub root: &'a Value,
    pub measured: Measured<'a>,
    /// None: it cannot be compiled (no schema, a reference that leads outside), so nothing can be said against a value.
    validator: Option<Arc<Validator>>,
}

impl<'a> CompiledSchema<'a> {
    /// Compiles a schema: formats are checked, nothing is fetched.
    ///
    /// # Errors
    /// The budget does not suffice. It takes the same whether or not the schema is known already.
    pub(crate) fn of(root: &'a Value, budget: &Budget) -> Result<Self, Spent> {
        budget.spend(PER_SCHEMA)?;
        let measured = Measured::of(root, budget)?;
        let validator = compiled(root, measured.levels);
        Ok(CompiledSchema { root, measured, validator })
    }

    /// Whether it could be compiled.
    pub(crate) fn is_usable(&self) -> bool {
        self.validator.is_some()
    }

    /// Whether the value satisfies the schema; true for a schema that cannot be compiled.
    ///
    /// # Errors
    /// The budget does not suffice for finding out.
    pub(crate) fn accepts(&self, value: &Value, budget: &Budget) -> Result<bool, Spent> {
        let Some(validator) = &self.validator else { return Ok(true) };
        price::pay(&self.measured, self.root, value, budget)?;
        Ok(validator.is_valid(value))
    }

    /// The first breaches of the schema as (JSON path, words), and one more than `most` when there are more.
    ///
    /// # Errors
    /// The budget does not suffice for finding out, or a pattern does not come to an end.
    pub(crate) fn breaches(&self, value: &Value, most: usize, budget: &Budget) -> Result<Vec<(String, String)>, Spent> {
        let Some(validator) = &self.validator else { return Ok(Vec::new()) };
        // Errors of alternatives are collected after the alternatives were checked.
        for _ in 0..2 {
            price::pay(&self.measured, self.root, value, budget)?;
        }
        let told = validator.iter_errors(value).take(most + 1).map(|error| match error.kind() {
            ValidationErrorKind::BacktrackLimitExceeded { .. } => {
                Err(Spent::size(format!("its pattern needs more than {TRIES} tries")))
            }
            _ => Ok((error.instance_path().to_string(), error.to_string())),
        });
        told.collect()
    }
}

fn compiled(schema: &Value, levels: usize) -> Option<Arc<Validator>> {
    let hash = canonical(schema);
    if let Some((known, validator)) = CACHE.lock().unwrap_or_else(PoisonError::into_inner).get(&hash)
        && known == schema
    {
        return validator.clone();
    }
    let built = if levels > SHALLOW { in_a_large_room(|| build(schema)) } else { build(schema) };
    let built = built.map(Arc::new);
    let mut cache = CACHE.lock().unwrap_or_else(PoisonError::into_inner);
    if cache.len() >= CAPACITY {
        cache.clear();
    }
    cache.insert(hash, (schema.clone(), built.clone()));
    built
}

fn build(schema: &Value) -> Option<Validator> {
    let patterns = PatternOptions::fancy_regex().backtrack_limit(TRIES);
    // A reference to elsewhere is never fetched: the crate is compiled without its resolvers.
    let options = jsonschema::options().should_validate_formats(true).with_pattern_options(patterns);
    options.build(schema).ok()
}

/// The compiler stands on the stack once for each reference it follows.
fn in_a_large_room<T: Send>(work: impl FnOnce() -> Option<T> + Send) -> Option<T> {
    thread::scope(|scope| thread::Builder::new().stack_size(ROOM).spawn_scoped(scope, work).ok()?.join().ok()?)
}

/// Whether the value satisfies the schema; true for a schema that cannot be compiled, as nothing can be said against it.
///
/// # Errors
/// The budget does not suffice for finding out.
pub(crate) fn accepts(schema: &Value, value: &Value, budget: &Budget) -> Result<bool, Spent> {
    CompiledSchema::of(schema, budget)?.accepts(value, budget)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn accepted(schema: &Value, value: &Value) -> bool {
        accepts(schema, value, &Budget::default()).expect("little work")
    }

    #[test]
    fn accepts_what_satisfies_the_schema() {
        let schema = json!({"type": "string", "format": "email"});
        assert!(accepted(&schema, &json!("a@example.com")));
        assert!(!accepted(&schema, &json!("a")));
        assert!(!accepted(&schema, &json!(1)));
    }

    #[test]
    fn outside_references_are_not_followed() {
        let schema = json!({"$ref": "http://127.0.0.1:1/schema.json"});
        assert!(!CompiledSchema::of(&schema, &Budget::default()).is_ok_and(|schema| schema.is_usable()));
    }

    #[test]
    fn the_cache_stays_bounded() {
        for number in 0..2 * CAPACITY {
            assert!(accepted(&json!({"const": number}), &json!(number)));
        }
        assert!(CACHE.lock().unwrap_or_else(PoisonError::into_inner).len() <= CAPACITY);
    }

    #[test]
    fn a_known_schema_costs_what_a_new_one_does() {
        let schema = json!({"type": "array", "items": {"enum": ["costs", "the", "same"]}});
        let cost = || {
            let budget = Budget::default();
            accepts(&schema, &json!(["the", "same"]), &budget).map(|_| budget.left())
        };
        assert_eq!(cost(), cost());
    }
}
