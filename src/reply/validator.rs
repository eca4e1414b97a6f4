//! JSON Schema validators, compiled once per schema.

use crate::random::canonical;
use jsonschema::Validator;
use serde_json::Value;
use std::collections::HashMap;
use std::sync::{Arc, LazyLock, Mutex, PoisonError};

/// Schemas kept compiled; test suites use few, and a full cache is simply begun anew.
const CAPACITY: usize = 256;

/// The schema beside its validator, as two schemas may share a hash.
type Cache = HashMap<u64, (Value, Option<Arc<Validator>>)>;

static CACHE: LazyLock<Mutex<Cache>> = LazyLock::new(Mutex::default);

/// The validator of a schema, formats checked, nothing fetched; `None` when the schema cannot be compiled (no schema,
/// a reference that leads outside).
pub fn of(schema: &Value) -> Option<Arc<Validator>> {
    let hash = canonical(schema);
    if let Some((known, validator)) = CACHE.lock().unwrap_or_else(PoisonError::into_inner).get(&hash)
        && known == schema
    {
        return validator.clone();
    }
    let built = jsonschema::options().should_validate_formats(true).offline().build(schema).ok().map(Arc::new);
    let mut cache = CACHE.lock().unwrap_or_else(PoisonError::into_inner);
    if cache.len() >= CAPACITY {
        cache.clear();
    }
    cache.insert(hash, (schema.clone(), built.clone()));
    built
}

/// Whether the value satisfies the schema; true for a schema that cannot be compiled, as nothing can be said against it.
pub fn accepts(schema: &Value, value: &Value) -> bool {
    of(schema).is_none_or(|validator| validator.is_valid(value))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn accepts_what_satisfies_the_schema() {
        let schema = json!({"type": "string", "format": "email"});
        assert!(accepts(&schema, &json!("a@example.com")));
        assert!(!accepts(&schema, &json!("a")));
        assert!(!accepts(&schema, &json!(1)));
    }

    #[test]
    fn outside_references_are_not_followed() {
        assert!(of(&json!({"$ref": "http://127.0.0.1:1/schema.json"})).is_none());
    }

    #[test]
    fn the_cache_stays_bounded() {
        for number in 0..2 * CAPACITY {
            assert!(accepts(&json!({"const": number}), &json!(number)));
        }
        assert!(CACHE.lock().unwrap_or_else(PoisonError::into_inner).len() <= CAPACITY);
    }
}
