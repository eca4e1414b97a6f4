//! Generated values against the `jsonschema` crate: a table of schemas, and random schemas of the strict subset.

use crate::budget::{Budget, Spent};
use crate::generate::schema::Hints;
use crate::generate::schema::value;
use crate::random::Random;
use crate::reply::GenerateStyle;
use proptest::prelude::*;
use serde_json::{Map, Value, json};

fn made(schema: &Value, seed: u64, hints: &Hints) -> Result<Value, Spent> {
    value(schema, &mut Random::new(seed), hints, &Budget::default())
}

fn drawn(schema: &Value, seed: u64) -> Value {
    made(schema, seed, &Hints::default()).expect("little work")
}

fn said(schema: &Value, text: &str) -> Value {
    made(schema, 1, &Hints { user_text: text, style: GenerateStyle::Plausible, ..Hints::default() })
        .expect("little work")
}

/// How a validator without bounds judges.
fn judge(schema: &Value) -> jsonschema::Validator {
    let options = jsonschema::options().should_validate_formats(true);
    options.build(schema).unwrap_or_else(|error| panic!("no schema: {error} {schema}"))
}

fn assert_valid(schema: &Value, seeds: u64) {
    let validator = judge(schema);
    for seed in 0..seeds {
        let value = drawn(schema, seed);
        if let Err(error) = validator.validate(&value) {
            panic!("seed {seed}: {error}\nat {}\nschema {schema}\nvalue {value}", error.instance_path());
        }
    }
}

#[test]
fn the_table_of_schemas() {
    let schemas = [
        json!(true),
        json!({}),
        json!({"type": "string"}),
        json!({"type": ["integer", "null"]}),
        json!({"type": "array", "items": {"type": "string", "format": "email"}, "minItems": 5, "uniqueItems": true}),
        json!({"type": "array", "items": {"type": "integer", "minimum": 1, "maximum": 5}, "minItems": 5, "uniqueItems": true}),
        json!({"type": "array", "items": {"enum": ["a", "b", "c"]}, "minItems": 3, "uniqueItems": true}),
        json!({"type": "array", "prefixItems": [{"type": "string"}, {"type": "integer"}], "items": false, "minItems": 2}),
        json!({"type": "array", "prefixItems": [{"type": "string"}], "items": {"type": "boolean"}, "minItems": 4}),
        json!({"type": "array", "items": {"type": "integer"}, "contains": {"const": 7}, "minContains": 2}),
        json!({"$schema": "http://json-schema.org/draft-07/schema#", "type": "array", "items": [{"type": "string"}, {"type": "number"}],
            "additionalItems": false}),
        json!({"type": "array", "maxItems": 0, "items": {"type": "string"}}),
        json!({"const": {"a": [1]}}),
        json!({"enum": [1, "two", null, {"three": 3}]}),
        json!({"type": "string", "enum": ["x", 1, "longer"], "minLength": 2}),
        json!({"type": "string", "minLength": 300, "maxLength": 310}),
        json!({"type": "string", "maxLength": 0}),
        json!({"type": "string", "pattern": "^[A-Z]{2}\\d{6}$"}),
        json!({"type": "string", "pattern": "^(\\([0-9]{3}\\))?[0-9]{3}-[0-9]{4}$"}),
        json!({"type": "string", "pattern": "^(?!\\s*$).+", "minLength": 4}),
        json!({"type": "string", "pattern": "^(?=.*\\d)[a-z\\d]{8,}$"}),
        json!({"type": "string", "pattern": "^[a-z]+$", "minLength": 33, "maxLength": 33}),
        json!({"type": "string", "pattern": "[0-9]{4}", "minLength": 12}),
        json!({"type": "string", "pattern": "^\\p{L}+$"}),
        json!({"type": "string", "pattern": "^(?=.*[a-z])(?=.*[A-Z])(?=.*\\d)(?=.*[^\\w\\s])[\\x21-\\x7e]{12,}$"}),
        json!({"type": "string", "pattern": "^(?=[\\s\\S]*[\\p{Extended_Pictographic}\\p{Regional_Indicator}])[\\p{Extended_Pictographic}\\p{Emoji_Component}]+$"}),
        json!({"type": "string", "minLength": 10, "maxLength": 12, "allOf": [{"pattern": "^sk-.*"}, {"pattern": ".*z$"}, {"pattern": "q"}]}),
        json!({"type": "string", "allOf": [{"pattern": "a|^b$"}, {"pattern": "^\\w+$"}]}),
        json!({"type": "number", "minimum": 0.1, "maximum": 0.2}),
        json!({"type": "number", "exclusiveMinimum": 0, "exclusiveMaximum": 0.001}),
        json!({"type": "number", "multipleOf": 0.01, "minimum": 19.95, "maximum": 20}),
        json!({"type": "number", "multipleOf": 2.5, "exclusiveMinimum": 100}),
        json!({"type": "number", "minimum": 1e12}),
        json!({"type": "number", "maximum": -1e6}),
        json!({"type": "number", "minimum": 3, "maximum": 3}),
        json!({"type": "integer", "multipleOf": 7, "minimum": 100, "exclusiveMaximum": 106}),
        json!({"type": "integer", "exclusiveMinimum": 4, "exclusiveMaximum": 6}),
        json!({"type": "integer", "minimum": -3.5, "maximum": -2.5}),
        json!({"type": "integer", "multipleOf": 0.5}),
        json!({"type": "object", "properties": {"a": {"type": "string"}, "b": false}, "required": ["a"]}),
        json!({"type": "object", "properties": {"a": {}, "b": {}, "c": {}}, "required": [], "maxProperties": 1, "minProperties": 1}),
        json!({"type": "object", "properties": {"a": {}, "b": {}}, "required": ["a", "other"], "minProperties": 4}),
        json!({"type": "object", "additionalProperties": {"type": "integer"}, "minProperties": 2}),
        json!({"type": "object", "patternProperties": {"^x-[a-z]+$": {"type": "boolean"}}, "additionalProperties": false, "minProperties": 2}),
        json!({"type": "object", "propertyNames": {"pattern": "^[A-Z]{3}$"}, "additionalProperties": {"type": "number"}, "minProperties": 2}),
        json!({"type": "object", "properties": {"card": {"type": "string"}, "address": {"type": "string"}}, "required": ["card"],
            "dependentRequired": {"card": ["address"]}}),
        json!({"allOf": [{"type": "object", "properties": {"a": {"type": "number", "minimum": 5}}, "required": ["a"]},
            {"properties": {"a": {"maximum": 6}, "b": {"type": "string"}}, "required": ["b"]}]}),
        json!({"allOf": [{"type": ["number", "string"]}, {"type": "integer"}, {"multipleOf": 4}, {"multipleOf": 6}, {"enum": [6, 12, 18]}]}),
        json!({"type": "object", "properties": {"k": {"type": "string"}}, "anyOf": [{"required": ["k"]}, {"properties": {"n": {"type": "integer"}},
            "required": ["n"]}]}),
        json!({"oneOf": [{"type": "integer", "multipleOf": 3}, {"type": "integer", "multipleOf": 5}]}),
        json!({"type": "object", "properties": {"kind": {"enum": ["cat", "dog"]}, "bark": {"type": "boolean"}}, "required": ["kind"],
            "if": {"properties": {"kind": {"const": "dog"}}}, "then": {"required": ["bark"]}, "else": {"not": {"required": ["bark"]}}}),
        json!({"type": "integer", "minimum": 1, "maximum": 3, "not": {"const": 2}}),
        json!({"type": "string", "not": {"enum": ["a"]}}),
        json!({"type": "string", "nullable": true, "format": "date"}),
        json!({"definitions": {"id": {"type": "string", "format": "uuid"}}, "type": "object", "properties": {"a b/c": {"$ref": "#/definitions/id"}},
            "required": ["a b/c"]}),
        json!({"$defs": {"a/b": {"$anchor": "here", "type": "integer"}}, "type": "array", "minItems": 2,
            "items": {"anyOf": [{"$ref": "#here"}, {"$ref": "#/$defs/a~1b"}, {"$ref": "#/$defs/a%7E1b"}]}}),
    ];
    for schema in &schemas {
        assert_valid(schema, 25);
    }
}

#[test]
fn every_format_is_met() {
    for format in [
        "email",
        "date-time",
        "date",
        "time",
        "duration",
        "uuid",
        "uri",
        "iri",
        "uri-reference",
        "uri-template",
        "hostname",
        "ipv4",
        "ipv6",
        "json-pointer",
        "relative-json-pointer",
        "regex",
    ] {
        let schema = json!({"type": "string", "format": format});
        assert!(!judge(&schema).is_valid(&json!("\n {<%")), "{format} is not checked");
        assert_valid(&schema, 50);
    }
}

#[test]
fn recursion_ends_in_valid_values() {
    let schemas = [
        json!({"type": "object", "properties": {"value": {"type": "integer"}, "next": {"anyOf": [{"$ref": "#"}, {"type": "null"}]}},
            "required": ["value", "next"], "additionalProperties": false}),
        json!({"$defs": {"node": {"type": "object", "properties": {"name": {"type": "string"}, "children": {"type": "array", "items": {"$ref": "#/$defs/node"}}},
            "required": ["name", "children"], "additionalProperties": false}}, "$ref": "#/$defs/node"}),
        json!({"$defs": {"expr": {"anyOf": [{"type": "object", "properties": {"op": {"enum": ["+", "-"]}, "left": {"$ref": "#/$defs/expr"},
            "right": {"$ref": "#/$defs/expr"}}, "required": ["op", "left", "right"], "additionalProperties": false},
            {"type": "object", "properties": {"literal": {"type": "number"}}, "required": ["literal"], "additionalProperties": false}]}},
            "type": "object", "properties": {"expr": {"$ref": "#/$defs/expr"}}, "required": ["expr"], "additionalProperties": false}),
        json!({"$defs": {"a": {"type": "object", "properties": {"b": {"$ref": "#/$defs/b"}}, "required": ["b"]},
            "b": {"type": ["object", "null"], "properties": {"a": {"$ref": "#/$defs/a"}}, "required": ["a"]}}, "$ref": "#/$defs/a"}),
        json!({"type": "object", "properties": {"deep": {"$ref": "#"}}, "additionalProperties": false}),
    ];
    for schema in &schemas {
        assert_valid(schema, 40);
        assert!(drawn(schema, 1).to_string().len() < 50_000);
    }
}

#[test]
fn hostile_schemas_end() {
    for schema in [
        json!({"$defs": {"a": {"$ref": "#/$defs/b"}, "b": {"$ref": "#/$defs/a"}}, "$ref": "#/$defs/a"}),
        json!({"allOf": [{"$ref": "#"}, {"$ref": "#"}, {"title": "a"}]}),
        json!({"anyOf": [{"$ref": "#"}, {"$ref": "#"}], "oneOf": [{"$ref": "#"}, {"type": "null"}], "allOf": [{"anyOf": [{"$ref": "#"}, {}]}]}),
        json!({"type": "array", "contains": {}, "minContains": 1e300, "minItems": 1e300, "uniqueItems": true}),
        json!({"type": "object", "properties": {"self": {"$ref": "#"}}, "required": ["self"]}),
        json!({"type": "array", "minItems": 1_000_000_000_000u64, "items": {"type": "array", "minItems": 1_000_000, "items": {}}}),
        json!({"type": "string", "minLength": 1_000_000_000_000u64}),
        json!({"type": "integer", "minimum": 5, "maximum": 1}),
        json!({"type": "number", "multipleOf": 0, "minimum": "x"}),
        json!({"type": "object", "minProperties": 1_000_000_000, "additionalProperties": false}),
        json!({"enum": []}),
        json!(false),
        json!({"$ref": "http://example.com/elsewhere"}),
        json!([1, 2]),
    ] {
        // Else no budget pays for it.
        if let Ok(value) = made(&schema, 1, &Hints::default()) {
            assert!(value.to_string().len() < 2_000_000, "{schema}");
        }
    }
}

#[test]
fn names_users_words_and_order_guide_the_value() {
    let schema = json!({"type": "object", "properties": {"zone": {"type": "string"}, "email": {"type": "string"}, "age": {"type": "integer"},
        "created_at": {"type": "string"}, "website": {"type": "string"}}, "required": ["zone", "email", "age", "created_at", "website"],
        "additionalProperties": false});
    let value = drawn(&schema, 3);
    assert_eq!(
        value.as_object().map(|map| map.keys().cloned().collect::<Vec<_>>()).unwrap_or_default(),
        ["zone", "email", "age", "created_at", "website"]
    );
    assert!(value["email"].as_str().is_some_and(|email| email.ends_with("@example.com")), "{value}");
    assert!(value["age"].as_i64().is_some_and(|age| (18..=80).contains(&age)), "{value}");
    assert!(value["website"].as_str().is_some_and(|url| url.starts_with("https://")), "{value}");

    let weather = json!({"type": "object", "properties": {"city": {"type": "string"}, "unit": {"enum": ["celsius", "fahrenheit"]}, "days": {"type": "integer"},
        "query": {"type": "string"}}, "required": ["city"]});
    let text = "What will the weather be in Oslo for 3 days, in fahrenheit?";
    let value = said(&weather, text);
    assert_eq!(value["city"], "Oslo");
    assert_eq!(value["query"], text);
    for optional in [("unit", json!("fahrenheit")), ("days", json!(3))] {
        assert!(value.get(optional.0).is_none_or(|given| *given == optional.1), "{value}");
    }
    assert_eq!(
        said(&json!({"properties": {"input": {"type": "string", "maxLength": 8}}}), "one two three"),
        json!({"input": "one two"})
    );
}

#[test]
fn what_counts_is_whole() {
    let names = ["guests", "page", "numberOfNights", "total_items", "age", "count", "days"];
    let properties: Map<String, Value> =
        names.map(|name| (name.to_string(), json!({"type": "number"}))).into_iter().collect();
    let schema = json!({"type": "object", "properties": properties, "required": names});
    for seed in 0..20 {
        let value = drawn(&schema, seed);
        assert!(names.iter().all(|name| value[name].is_i64()), "{value}");
    }
    let measured = json!({"type": "object", "required": ["price", "weights", "score", "count"], "properties": {"price": {"type": "number"},
        "score": {"type": "number"}, "count": {"type": "number", "exclusiveMinimum": 0, "exclusiveMaximum": 1},
        "weights": {"type": "array", "items": {"type": "number"}, "minItems": 3}}});
    let values: Vec<Value> = (0..20).map(|seed| drawn(&measured, seed)).collect();
    for name in ["/price", "/score", "/count", "/weights/0"] {
        assert!(values.iter().any(|value| value.pointer(name).is_some_and(Value::is_f64)), "{name}");
    }
}

#[test]
fn the_seed_decides() {
    let schema = json!({"type": "array", "items": {"type": "number"}, "minItems": 4});
    assert_eq!(drawn(&schema, 9), drawn(&schema, 9));
    assert_ne!(drawn(&schema, 9), drawn(&schema, 10));
}

/// A random schema of the strict subset; references lead to `#/$defs/shared`.
fn strict_schema() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(json!({"type": "string"})),
        (0usize..20, 0usize..30)
            .prop_map(|(least, more)| json!({"type": "string", "minLength": least, "maxLength": least + more})),
        prop::sample::select(vec![
            "email",
            "date-time",
            "date",
            "time",
            "duration",
            "uuid",
            "hostname",
            "ipv4",
            "ipv6"
        ])
        .prop_map(|format| json!({"type": "string", "format": format})),
        prop::sample::select(vec!["^[a-z]{3,8}$", "^\\d{4}-\\d{2}$", "^(yes|no)$", "^@[a-zA-Z0-9_]+$", "[aeiou]{2}"])
            .prop_map(|pattern| json!({"type": "string", "pattern": pattern})),
        (-1000i64..1000, 0i64..1000)
            .prop_map(|(low, more)| json!({"type": "integer", "minimum": low, "maximum": low + more})),
        (-1000i64..1000, 1i64..50)
            .prop_map(|(low, step)| json!({"type": "integer", "exclusiveMinimum": low, "multipleOf": step})),
        (-1e3..1e3f64, 0.1..1e3f64)
            .prop_map(|(low, more)| json!({"type": "number", "exclusiveMinimum": low, "exclusiveMaximum": low + more})),
        Just(json!({"type": "boolean"})),
        Just(json!({"type": "null"})),
        Just(json!({"$ref": "#/$defs/shared"})),
        Just(json!({"anyOf": [{"$ref": "#"}, {"type": "null"}]})),
        prop::collection::vec("[a-z]{1,6}", 1..5).prop_map(|words| json!({"type": "string", "enum": words})),
        any::<i32>().prop_map(|value| json!({"const": value})),
        prop::sample::select(vec!["string", "integer", "number", "boolean"])
            .prop_map(|kind| json!({"type": [kind, "null"]})),
    ];
    leaf.prop_recursive(4, 40, 5, |inner| {
        prop_oneof![
            prop::collection::btree_map("[a-z]{1,10}(_[a-z]{1,6})?", inner.clone(), 0..5).prop_map(strict_object),
            (inner.clone(), 0usize..3, 0usize..4)
                .prop_map(|(items, least, more)| json!({"type": "array", "items": items, "minItems": least, "maxItems": least + more})),
            prop::collection::vec(inner, 1..4).prop_map(|branches| json!({"anyOf": branches})),
        ]
    })
}

fn strict_object(properties: std::collections::BTreeMap<String, Value>) -> Value {
    let names: Vec<String> = properties.keys().cloned().collect();
    let properties: Map<String, Value> = properties.into_iter().collect();
    json!({"type": "object", "properties": properties, "required": names, "additionalProperties": false})
}

/// Any JSON made of schema keywords, sensible or not.
fn anything_like_a_schema() -> impl Strategy<Value = Value> {
    let keywords = vec![
        "type",
        "properties",
        "required",
        "items",
        "prefixItems",
        "anyOf",
        "oneOf",
        "allOf",
        "not",
        "if",
        "then",
        "else",
        "$ref",
        "$defs",
        "enum",
        "const",
        "pattern",
        "format",
        "minimum",
        "maximum",
        "exclusiveMinimum",
        "multipleOf",
        "minItems",
        "maxItems",
        "uniqueItems",
        "contains",
        "minContains",
        "minLength",
        "maxLength",
        "minProperties",
        "maxProperties",
        "additionalProperties",
        "patternProperties",
        "propertyNames",
        "dependentRequired",
        "nullable",
        "a",
        "name",
    ];
    let leaf = prop_oneof![
        prop::sample::select(vec![
            "string",
            "integer",
            "number",
            "object",
            "array",
            "null",
            "boolean",
            "#",
            "#/$defs/a",
            "^a+$",
            "(",
            "email",
            "a"
        ])
        .prop_map(Value::from),
        any::<bool>().prop_map(Value::from),
        (-5i64..5).prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        Just(Value::Null),
    ];
    leaf.prop_recursive(5, 60, 6, move |inner| {
        prop_oneof![
            4 => prop::collection::vec((prop::sample::select(keywords.clone()), inner.clone()), 0..6)
                .prop_map(|entries| Value::Object(entries.into_iter().map(|(name, value)| (name.to_string(), value)).collect())),
            1 => prop::collection::vec(inner, 0..4).prop_map(Value::Array),
        ]
    })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 300, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn values_of_random_strict_schemas_validate(
        properties in prop::collection::btree_map("[a-zA-Z]{1,12}", strict_schema(), 1..5),
        seed in any::<u64>(),
        text in "([A-Za-z]{1,8} |[0-9]{1,3} ){0,8}",
    ) {
        let mut schema = strict_object(properties);
        schema["$defs"] = json!({"shared": {"type": "object", "properties": {"id": {"type": "integer"}, "parent": {"anyOf": [{"$ref": "#/$defs/shared"}, {"type": "null"}]}},
            "required": ["id", "parent"], "additionalProperties": false}});
        let hints = Hints { user_text: &text, style: GenerateStyle::Plausible, ..Hints::default() };
        let value = made(&schema, seed, &hints).expect("little work");
        let validator = judge(&schema);
        if let Err(error) = validator.validate(&value) {
            prop_assert!(false, "{error} at {}\nschema {schema}\nvalue {value}", error.instance_path());
        }
    }
    #[test]
    fn no_schema_makes_it_panic_or_hang(schema in anything_like_a_schema(), seed in any::<u64>()) {
        let hints = Hints { user_text: "Call Ada at 7", style: GenerateStyle::Plausible, ..Hints::default() };
        prop_assert_eq!(made(&schema, seed, &hints), made(&schema, seed, &hints));
        let plain = Hints { style: GenerateStyle::Plain, ..hints };
        prop_assert!(made(&schema, seed, &plain).is_ok_and(|value| value.is_object()));
    }
}
