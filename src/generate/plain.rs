//! openai-mokku's values for structured output: they follow from the type alone (seeds.md §2.7).

use crate::sorting;
use serde_json::{Map, Value, json};

/// `dummy_string`, 42, 1.5, true, one-element arrays. Of objects with `required` only the required properties, keys in
/// alphabetical order. The root is always treated as an object, so the values need not satisfy other schemas.
pub(crate) fn value(schema: &Value) -> Value {
    object(schema)
}

fn object(schema: &Value) -> Value {
    let required: Vec<&str> = match schema.get("required").and_then(Value::as_array) {
        Some(names) => names.iter().filter_map(Value::as_str).collect(),
        None => Vec::new(),
    };
    let mut entries: Vec<(&String, &Value)> = schema
        .get("properties")
        .and_then(Value::as_object)
        .into_iter()
        .flatten()
        .filter(|(name, _)| required.is_empty() || required.contains(&name.as_str()))
        .collect();
    sorting::by_key(&mut entries, |(name, _)| *name);
    Value::Object(entries.into_iter().map(|(name, schema)| (name.clone(), typed(schema))).collect::<Map<_, _>>())
}

fn typed(schema: &Value) -> Value {
    let choices = schema.get("enum").and_then(Value::as_array);
    match schema.get("type").and_then(Value::as_str) {
        Some("string") => choices
            .and_then(|choices| choices.iter().find(|choice| choice.is_string()))
            .cloned()
            .unwrap_or_else(|| json!("dummy_string")),
        Some("number" | "float" | "double") => json!(1.5),
        Some("integer" | "int") => choices
            .and_then(|choices| choices.iter().find(|choice| choice.is_i64()))
            .cloned()
            .unwrap_or_else(|| json!(42)),
        Some("boolean") => json!(true),
        Some("array") => match schema.get("items") {
            Some(items) => json!([typed(items)]),
            None => json!([]),
        },
        Some("object") => object(schema),
        Some("null") => Value::Null,
        _ => json!("placeholder"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_follow_from_the_type() {
        let schema = json!({"type": "object", "properties": {
            "z": {"type": "string"}, "e": {"type": "string", "enum": ["a", "b"]}, "n": {"type": "number"}, "i": {"type": "integer"},
            "b": {"type": "boolean"}, "l": {"type": "array", "items": {"type": "integer"}}, "empty": {"type": "array"},
            "o": {"type": "object", "properties": {"x": {"type": "null"}}}, "u": {"type": ["string", "null"]}}});
        assert_eq!(
            value(&schema).to_string(),
            r#"{"b":true,"e":"a","empty":[],"i":42,"l":[42],"n":1.5,"o":{"x":null},"u":"placeholder","z":"dummy_string"}"#
        );
    }

    #[test]
    fn required_alone_is_given_and_the_root_is_an_object() {
        let schema = json!({"properties": {"a": {"type": "string"}, "b": {"type": "integer"}}, "required": ["b"]});
        assert_eq!(value(&schema), json!({"b": 42}));
        assert_eq!(value(&json!({"type": "array", "items": {"type": "string"}})), json!({}));
        assert_eq!(value(&json!(null)), json!({}));
    }
}
