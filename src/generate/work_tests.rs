//! What costs too much is refused: schemas and patterns that once held the server for minutes, and their neighbours.

use crate::budget::{Budget, Spent};
use crate::generate::schema::Hints;
use crate::generate::schema::value;
use crate::random::Random;
use crate::reply::{GenerateStyle, validator};
use serde_json::{Map, Value, json};
use std::time::{Duration, Instant};

/// No case may take longer, even unoptimised on a busy machine; the steps are what bounds it.
const SANE: Duration = Duration::from_secs(60);

/// A value for the schema, and whether it is valid, within one budget.
fn made(schema: &Value) -> Result<bool, Spent> {
    let budget = Budget::default();
    let begun = Instant::now();
    let hints = Hints { user_text: "Call Ada at 7", style: GenerateStyle::Plausible, ..Hints::default() };
    let outcome = value(schema, &mut Random::new(1), &hints, &budget)
        .and_then(|value| validator::accepts(schema, &value, &budget));
    let spent = 10_000_000 - budget.left();
    let shown: String = schema.to_string().chars().take(100).collect();
    println!("{spent:9} steps: {outcome:?} {shown}");
    assert!(begun.elapsed() < SANE, "{shown}");
    outcome
}

fn string(pattern: &str) -> Value {
    json!({"type": "object", "properties": {"p": {"type": "string", "minLength": 25, "pattern": pattern}}, "required": ["p"]})
}

/// `$defs` of so many parts, each made from its number and the next one's name.
fn chain(links: usize, link: impl Fn(usize, usize) -> Value) -> Value {
    let defs = (0..links).map(|at| (format!("d{at}"), link(at, at + 1)));
    let last = (format!("d{links}"), json!({"type": "string", "$anchor": format!("d{links}")}));
    json!({"$ref": "#/$defs/d0", "$defs": defs.chain([last]).collect::<Map<_, _>>()})
}

fn to(next: usize) -> Value {
    json!({"$ref": format!("#/$defs/d{next}")})
}

#[test]
fn patterns_end() {
    for pattern in [
        r"^(?!y)(x+x+)+(?<!x)$",
        r"^(?!\d+$)\d{4,}$",
        "((a{100}){100}){10}",
        r"^(a+)+\1b$",
        r"^((a|aa)+)+(?!a)$",
        r"^(?=(a+)+$)b",
        r"(?:(?:(?:\p{L}{50}){50}){50}){50}",
        r"^(?=.*a)(?=.*b)(?=.*c)(?!.*[abc])",
        r"(x*)*(x*)*(x*)*(?=y)z",
        r"^.{1,4000}(?!.)x$",
        "(unclosed",
        r"(?>a+)a",
    ] {
        // Valid, or as good as 30 draws can do, or refused.
        let _ = made(&string(pattern));
    }
    assert!(made(&string("((a{100}){100}){10}")).is_err());
}

#[test]
fn references_end() {
    assert!(made(&chain(5_000, |_, next| to(next))).is_err());
    assert!(made(&chain(20_000, |_, next| to(next))).is_err());
    assert!(made(&chain(2_500, |at, next| json!({"$anchor": format!("d{at}"), "$ref": format!("#d{next}")}))).is_err());
    let dynamic = |at, next| json!({"$dynamicAnchor": format!("d{at}"), "$dynamicRef": format!("#d{next}")});
    assert!(made(&chain(2_500, dynamic)).is_err());
    // Each level doubles the work of checking.
    for keyword in ["allOf", "anyOf", "oneOf"] {
        let doubling = chain(60, |_, next| json!({keyword: [to(next), to(next)]}));
        assert!(made(&doubling).is_err(), "{keyword}");
    }
    let negated = chain(60, |_, next| json!({"not": {"not": {"allOf": [to(next), to(next)]}}}));
    assert!(made(&negated).is_err());
    let conditions = chain(60, |_, next| json!({"if": to(next), "then": to(next), "else": to(next)}));
    assert!(made(&conditions).is_err());
    // Whoever follows these one after the other needs room on the stack for each step.
    let wrapped = |links| chain(links, |_, next| json!({"allOf": [{"anyOf": [{"not": {"not": to(next)}}]}]}));
    let _ = (made(&wrapped(900)), made(&wrapped(90)));
    let _ = made(&chain(1_990, |_, next| to(next)));
    let _ = made(&chain(1_900, |_, next| json!({"type": "object", "properties": {"a": to(next)}, "required": ["a"]})));
    // Short ones are made.
    assert_eq!(made(&chain(200, |_, next| to(next))), Ok(true));
    assert_eq!(made(&chain(8, |_, next| json!({"allOf": [to(next), to(next)]}))), Ok(true));
}

#[test]
fn doubling_on_the_way_down_ends() {
    let next = json!({"properties": {"next": {"$ref": "#"}}, "required": ["next"]});
    let twice = json!({"type": "object", "anyOf": [{"allOf": [next, next, next, next]}, {"maxProperties": 0}]});
    let mut value = json!({});
    for _ in 0..100 {
        value = json!({"next": value});
    }
    assert!(validator::accepts(&twice, &value, &Budget::default()).is_err());
    let _ = made(&twice);
}

#[test]
fn large_schemas_end() {
    let properties =
        |count: usize| (0..count).map(|at| (format!("p{at}"), json!({"type": "string"}))).collect::<Map<_, _>>();
    let names = |count: usize| (0..count).map(|at| format!("p{at}")).collect::<Vec<_>>();
    assert_eq!(made(&json!({"type": "object", "properties": properties(5_000), "required": names(5_000)})), Ok(true));
    let _ = made(&json!({"type": "object", "properties": properties(100_000)}));
    let _ = made(&json!({"type": "object", "properties": properties(100_000), "required": names(100_000)}));
    let words: Vec<String> = (0..10_000).map(|at| format!("word {at}")).collect();
    assert!(made(&json!({"type": "array", "minItems": 10_000, "items": {"enum": words}})).is_err());
    assert_eq!(made(&json!({"type": "array", "minItems": 300, "items": {"enum": words[..1_000]}})), Ok(true));
    let _ = made(&json!({"type": "array", "minItems": 1_000, "uniqueItems": true, "items": {"enum": words[..1_000]}}));
    let _ = made(&json!({"allOf": [{"enum": words}, {"enum": words}, {"type": "string", "minLength": 8}]}));
    let _ = made(&json!({"type": "array", "uniqueItems": true, "minItems": 20_000, "items": {"type": "integer"}}));
    let _ = made(
        &json!({"type": "array", "uniqueItems": true, "minItems": 3_000, "items": {"type": "array", "minItems": 20, "items": {"type": "boolean"}}}),
    );
    let parts: Vec<Value> = (0..2_000)
        .map(|at| json!({"properties": {format!("p{at}"): {"type": "string"}}, "required": [format!("p{at}")]}))
        .collect();
    let _ = made(&json!({"allOf": parts}));
    let _ = made(&json!({"anyOf": parts}));
    let patterns: Map<String, Value> = (0..2_000).map(|at| (format!("^a{at}$"), json!({"type": "null"}))).collect();
    let _ = made(
        &json!({"type": "object", "minProperties": 500, "patternProperties": patterns, "additionalProperties": false}),
    );
    assert!(
        made(&json!({"type": "array", "minItems": 10_000, "items": {"type": "string", "minLength": 100_000}})).is_err()
    );
    let dependent: Map<String, Value> =
        (0..5_000).map(|at| (format!("p{at}"), json!([format!("p{}", at + 1)]))).collect();
    let _ = made(&json!({"type": "object", "required": ["p0"], "dependentRequired": dependent}));
}

#[test]
fn deep_schemas_end() {
    let mut nested = json!({"type": "string"});
    let mut alternatives = json!({"type": "string"});
    let mut open = json!(true);
    for _ in 0..60 {
        nested = json!({"type": "object", "properties": {"a": nested}, "required": ["a"]});
        alternatives = json!({"anyOf": [alternatives, {"allOf": [alternatives.pointer("/anyOf/0").cloned().unwrap_or_default()]}]});
        open = json!({"type": "object", "properties": {"a": {}}, "allOf": [open], "unevaluatedProperties": false});
        if alternatives.to_string().len() > 1_000_000 {
            alternatives = json!({"type": "string"});
        }
    }
    assert_eq!(made(&nested), Ok(true));
    let _ = made(&alternatives);
    let _ = made(&open);
}

#[test]
fn the_same_budget_ends_at_the_same_step() {
    let schema =
        chain(40, |_, next| json!({"type": "object", "properties": {"a": to(next), "b": to(next)}, "required": ["a"]}));
    let left = || {
        let budget = Budget::default();
        let made = value(&schema, &mut Random::new(7), &Hints::default(), &budget);
        (made, budget.left())
    };
    assert_eq!(left(), left());
    let budget = Budget::of(5_000);
    let refused = value(&schema, &mut Random::new(7), &Hints::default(), &budget).expect_err("too little");
    let error = refused.at(|| "The output schema".into(), "response_format").to_api_error();
    assert_eq!(
        (error.status, error.param.as_deref(), error.code.as_deref()),
        (400, Some("response_format"), Some("schema_too_complex"))
    );
    assert_eq!(
        error.message,
        "The output schema is too complex: answering it takes more work than one answer may. Make its schemas, patterns and texts smaller, or ask for less."
    );
}
