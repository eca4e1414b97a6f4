//! What an output schema costs.

use crate::tokens::{self, Encoding};
use crate::turn::models::Model;
use crate::wire::dialect::Dialect;
use serde_json::{Map, Value};

/// Words the model is not shown.
const UNSEEN: [&str; 11] = [
    "$schema",
    "minimum",
    "maximum",
    "exclusiveMinimum",
    "exclusiveMaximum",
    "multipleOf",
    "minLength",
    "maxLength",
    "minItems",
    "maxItems",
    "pattern",
];

/// Tokens of `response_format` or `text.format` of type `json_schema`: the schema as compact JSON without bounds, less
/// two a property (fitted: 33 of 49 recordings exact, the others within ten).
pub(super) fn tokens(schema: &Value, model: &Model, api: Dialect, encoding: Encoding) -> u64 {
    let mut properties = 0;
    let shown = shown(schema, DEPTH, &mut properties);
    let around = match (api, model.reasoning) {
        (Dialect::Chat, false) => 6,
        (Dialect::Chat, true) => 3,
        _ => 0,
    };
    (tokens::count(encoding, &shown.to_string()) as u64 + around).saturating_sub(2 * properties)
}

/// How deep a schema is looked into; what lies deeper is left out.
const DEPTH: usize = 64;

/// The schema without what is not shown; counts its properties. Names of properties are never taken for keywords.
fn shown(schema: &Value, depth: usize, properties: &mut u64) -> Value {
    match schema {
        _ if depth == 0 => Value::Null,
        Value::Object(map) => {
            let mut out = Map::new();
            for (key, value) in map.iter().filter(|(key, _)| !UNSEEN.contains(&key.as_str())) {
                let value = match (key.as_str(), value) {
                    ("properties" | "$defs" | "definitions", Value::Object(members)) => {
                        *properties += if key == "properties" { members.len() as u64 } else { 0 };
                        members.iter().map(|(name, one)| (name.clone(), shown(one, depth - 1, properties))).collect()
                    }
                    _ => shown(value, depth - 1, properties),
                };
                out.insert(key.clone(), value);
            }
            Value::Object(out)
        }
        Value::Array(items) => items.iter().map(|item| shown(item, depth - 1, properties)).collect(),
        other => other.clone(),
    }
}
