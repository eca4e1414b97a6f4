//! Strict and plain schemas, with the words of recordings and quotes.

use super::strict;
use crate::budget::Budget;
use serde_json::{Value, json};

fn fault(schema: &Value, strictly: bool) -> Option<String> {
    strict::fault(schema, strictly, &Budget::default()).expect("little work")
}

fn object(properties: Value) -> Value {
    let required: Vec<&String> = properties.as_object().unwrap().keys().collect();
    json!({"type": "object", "additionalProperties": false, "required": required, "properties": properties})
}

#[test]
fn the_strict_subset() {
    let cases = [
        (
            json!({"type": "object", "properties": {"a": {"type": "string"}}, "required": ["a"]}),
            "In context=(), 'additionalProperties' is required to be supplied and to be false.",
        ),
        (
            json!({"type": "object", "additionalProperties": false, "properties": {"location": {"type": "string"}, "unit": {"type": "string"}}, "required": ["location"]}),
            "In context=(), 'required' is required to be supplied and to be an array including every key in properties. Missing 'unit'.",
        ),
        (
            json!({"type": "object", "additionalProperties": false, "properties": {}, "required": ["x"]}),
            "In context=(), 'required' is required to be supplied and to be an array including every key in properties. Extra required key 'x' supplied.",
        ),
        (object(json!({"a": {}})), "In context=('properties', 'a'), schema must have a 'type' key."),
        (
            object(json!({"a": {"type": "string", "format": "uri"}})),
            "In context=('properties', 'a'), 'uri' is not a valid format.",
        ),
        (
            object(json!({"a": {"oneOf": [{"type": "string"}]}})),
            "In context=('properties', 'a'), 'oneOf' is not permitted.",
        ),
        (object(json!({"a": {"type": "array"}})), "In context=('properties', 'a'), array schema missing items."),
        (
            object(json!({"a": {"anyOf": [{"type": "string"}, {"type": "object", "properties": {}}]}})),
            "In context=('properties', 'a', 'anyOf', '1'), 'additionalProperties' is required to be supplied and to be false.",
        ),
        (
            json!({"anyOf": [object(json!({}))]}),
            "schema must be a JSON Schema of 'type: \"object\"', got 'type: \"None\"'.",
        ),
        (json!({"type": "string"}), "schema must be a JSON Schema of 'type: \"object\"', got 'type: \"string\"'."),
    ];
    for (schema, expected) in cases {
        assert_eq!(fault(&schema, true).as_deref(), Some(expected), "{schema}");
    }
}

#[test]
fn valid_strict_schemas() {
    let cases = [
        object(json!({})),
        object(
            json!({"a": {"type": ["string", "null"]}, "b": {"enum": ["x"]}, "c": {"type": "array", "items": {"type": "number"}}}),
        ),
        json!({"$schema": "http://json-schema.org/draft-07/schema#", "title": "T", "type": "object", "additionalProperties": false,
               "properties": {"next": {"anyOf": [{"$ref": "#"}, {"type": "null"}]}}, "required": ["next"],
               "$defs": {"Leaf": object(json!({"v": {"type": "string", "description": "d"}}))}}),
    ];
    for schema in cases {
        assert_eq!(fault(&schema, true), None, "{schema}");
    }
}

#[test]
fn schemas_that_are_not_strict_only_have_to_be_schemas() {
    assert_eq!(fault(&json!({}), false), None);
    assert_eq!(fault(&json!({"type": "object", "properties": {"a": {"oneOf": [{"type": "string"}]}}}), false), None);
    let missing = fault(&json!({"type": "object", "properties": {"a": {"type": "array"}}}), false);
    assert_eq!(missing.as_deref(), Some("In context=('properties', 'a'), array schema missing items."));
    let union = fault(&json!({"anyOf": [{"type": "object"}]}), false);
    assert_eq!(union.as_deref(), Some("schema must be a JSON Schema of 'type: \"object\"', got 'type: \"None\"'."));
}

#[test]
fn too_much_of_a_schema() {
    let mut deep = json!({"type": "string"});
    for _ in 0..12 {
        deep = object(json!({"a": deep}));
    }
    assert!(fault(&deep, true).is_some_and(|fault| fault.contains("nesting depth")));
    let many: Vec<String> = (0..1001).map(|value| value.to_string()).collect();
    let enums = object(json!({"a": {"type": "string", "enum": many}}));
    assert!(fault(&enums, true).is_some_and(|fault| fault.contains("enum values")));
    // Each name is looked up, not searched: a search would take ten thousand million steps.
    let wide = object((0..100_000).map(|at| (format!("p{at}"), json!({"type": "string"}))).collect());
    assert!(fault(&wide, true).is_some_and(|fault| fault.contains("object properties")));
}

#[test]
fn looking_at_a_schema_draws_from_the_budget() {
    let wide = object((0..1_000).map(|at| (format!("p{at}"), json!({"type": "string"}))).collect());
    for strictly in [true, false] {
        let budget = Budget::of(100_000);
        assert_eq!(strict::fault(&wide, strictly, &budget), Ok(None));
        assert!((2_000..10_000).contains(&(100_000 - budget.left())), "{}", budget.left());
        assert!(strict::fault(&wide, strictly, &Budget::of(1_000)).is_err());
    }
}
