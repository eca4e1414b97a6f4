//! What is refused, in which words. The table `refusals.jsonl` has one row per message: operation, body, then what
//! OpenAI says; `recorded` names the recording a row repeats.

use crate::api::validate::*;
use crate::budget::Budget;
use crate::surface::shape::Kind;
use crate::turn::context_length;
use crate::turn::models;
use serde_json::json;

/// Checks a body at level full.
pub(super) fn full(operation: &str, value: &Value) -> Result<(), ApiError> {
    at(Level::Full, operation, value)
}

/// Checks a body at a level.
pub(super) fn at(level: Level, operation: &str, value: &Value) -> Result<(), ApiError> {
    let model = value.get("model").and_then(Value::as_str).and_then(models::find);
    let budget = &Budget::default();
    let context = Context::of(level, model.as_ref(), budget);
    body(operation, value, &context).map(|_| ())
}

fn chat(extra: Value) -> Value {
    let mut body = json!({"model": "gpt-4o", "messages": [{"role": "user", "content": "ping"}]});
    for (key, value) in extra.as_object().unwrap() {
        body[key] = value.clone();
    }
    body
}

#[test]
fn every_refusal_has_openais_words() {
    let mut wrong = Vec::new();
    for line in include_str!("refusals.jsonl").lines() {
        let row: Value = serde_json::from_str(line).unwrap();
        let expected = json!({"message": row["message"], "type": "invalid_request_error", "param": row["param"], "code": row["code"]});
        let said =
            full(row["operation"].as_str().unwrap(), &row["body"]).map_err(|error| (error.status, error.inner()));
        if said != Err((400, expected)) {
            wrong.push(format!("{line}\n  ours: {said:?}"));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn bounds_are_counted_in_items_and_characters() {
    let tools = |count: usize| json!(vec![json!({"type": "function", "function": {"name": "f"}}); count]);
    let metadata = |count: usize| -> Value { (0..count).map(|at| (format!("k{at}"), json!("v"))).collect() };
    let check = |extra: Value| full("chat.completions.create", &chat(extra)).map_err(|error| error.message);
    let cases = [
        (
            json!({"tools": tools(129)}),
            "Invalid 'tools': array too long. Expected an array with maximum length 128, but got an array with length 129 instead.",
        ),
        (
            json!({"metadata": metadata(17)}),
            "Invalid 'metadata': too many properties. Expected an object with at most 16 properties, but got an object with 17 properties instead.",
        ),
        (
            json!({"metadata": {"k": "ü".repeat(513)}}),
            "Invalid 'metadata.k': string too long. Expected a string with maximum length 512, but got a string with length 513 instead.",
        ),
        (
            json!({"metadata": {"k".repeat(65): "v"}}),
            "Invalid property name in 'metadata': 'kkk...kkk' is too long. Expected a string with maximum length 64, but got a string with length 65 instead.",
        ),
    ];
    for (extra, expected) in cases {
        assert_eq!(check(extra), Err(expected.to_string()));
    }
    for extra in [
        json!({"tools": tools(128)}),
        json!({"metadata": metadata(16)}),
        json!({"metadata": {"k".repeat(64): "ü".repeat(512)}}),
        json!({"n": 128, "temperature": 2, "top_p": 0, "presence_penalty": -2.0, "logprobs": true, "top_logprobs": 20}),
    ] {
        assert_eq!(check(extra), Ok(()));
    }
}

#[test]
fn what_comes_close_to_a_refusal_passes() {
    let calls = json!([{"id": "call_1", "type": "function", "function": {"name": "f", "arguments": "{}"}}]);
    let user = json!({"role": "user", "content": "x"});
    let answered = json!([user, {"role": "assistant", "tool_calls": calls}, {"role": "tool", "tool_call_id": "call_1", "content": "1"}, user]);
    let calm = json!({"model": "gpt-5.6-terra", "reasoning_effort": "none", "frequency_penalty": 0.5, "logprobs": true, "top_logprobs": 5});
    let defaults = json!({"model": "gpt-5", "temperature": 1, "top_p": 1, "frequency_penalty": 0, "logprobs": false});
    let said = json!({"messages": [{"role": "system", "content": "Answer in JSON."}, user], "response_format": {"type": "json_object"}});
    for extra in [json!({"messages": answered}), calm, defaults, said] {
        assert_eq!(full("chat.completions.create", &chat(extra.clone())), Ok(()), "{extra}");
    }
    for input in [json!(["a", "b"]), json!([1, 2]), json!([[1], [2, 3]])] {
        assert_eq!(full("embeddings.create", &json!({"model": "text-embedding-3-small", "input": input})), Ok(()));
    }
}

/// As [`super::body`], of an operation by its name.
pub(super) fn body(operation: &str, value: &Value, context: &Context) -> Result<Vec<String>, ApiError> {
    super::body(operations::named(operation).expect("an operation"), value, context)
}

#[test]
fn levels() {
    let at = |level: Level, value: &Value| {
        body("chat.completions.create", value, &Context::of(level, None, &Budget::default()))
    };
    let (rule, schema) = (chat(json!({"tool_choice": "auto"})), chat(json!({"n": 0})));
    assert!(at(Level::Full, &rule).is_err() && at(Level::Full, &schema).is_err());
    assert!(at(Level::Schema, &rule).is_ok() && at(Level::Schema, &schema).is_err());
    assert!(at(Level::Off, &json!(7)).is_ok());
}

#[test]
fn limits_of_the_catalogue() {
    let model = models::find("gpt-4o").unwrap();
    let budget = &Budget::default();
    let context = Context::of(Level::Full, Some(&model), budget);
    let error = body("chat.completions.create", &chat(json!({"max_tokens": 20000})), &context).unwrap_err();
    assert_eq!(
        error.message,
        "max_tokens is too large: 20000. This model supports at most 16384 completion tokens, whereas you provided 20000."
    );
    let error = context_length(&model, 127_000, Some(2000), Dialect::Chat).unwrap_err();
    assert_eq!(
        error.message,
        "This model's maximum context length is 128000 tokens. However, you requested 129000 tokens (127000 in the messages, 2000 in the completion). Please reduce the length of the messages or completion."
    );
    let error = context_length(&model, 129_000, None, Dialect::Responses).unwrap_err();
    assert_eq!((error.param.as_deref(), error.code.as_deref()), (Some("input"), Some("context_length_exceeded")));
    assert!(context_length(&model, 127_000, Some(2000), Dialect::Responses).is_ok());
    let small = models::find("text-embedding-3-small").unwrap();
    let error = context_length(&small, 8610, None, Dialect::Embeddings).unwrap_err();
    let expected = "This model's maximum context length is 8192 tokens, however you requested 8610 tokens (8610 in your \
                    prompt; 0 for the completion). Please reduce your prompt; or completion length.";
    assert_eq!((error.message.as_str(), error.param, error.code), (expected, None, None));
    assert!(context_length(&small, 8192, None, Dialect::Embeddings).is_ok());
}

#[test]
fn queries() {
    let budget = &Budget::default();
    let context = Context::of(Level::Full, None, budget);
    let check = |operation: &str, name: &str, value: &str| {
        let operation = operations::named(operation).expect("an operation");
        query(operation, &[(name.into(), value.into())], &context)
    };
    let error = check("conversations.items.list", "limit", "101").unwrap_err();
    assert_eq!(
        error.message,
        "Invalid 'limit': integer above maximum value. Expected a value <= 100, but got 101 instead."
    );
    let error = check("chat.completions.list", "order", "up").unwrap_err();
    assert_eq!(error.message, "Invalid value: 'up'. Supported values are: 'asc' and 'desc'.");
    assert!(check("responses.input_items.list", "limit", "x").is_err());
    assert!(check("responses.retrieve", "include[]", "bogus").is_err());
    assert!(check("responses.retrieve", "include[]", "reasoning.encrypted_content").is_ok());
    assert!(check("conversations.items.list", "api-version", "1").is_ok());
}

/// Any JSON, nested a little.
fn any_json() -> impl proptest::strategy::Strategy<Value = Value> {
    use proptest::prelude::*;
    let keys = prop_oneof![
        "[a-z_]{1,8}",
        proptest::sample::select(vec![
            "type",
            "role",
            "content",
            "name",
            "messages",
            "input",
            "tools",
            "tool_choice",
            "text",
            "format",
            "schema",
            "strict",
            "properties",
            "model",
            "stream"
        ])
        .prop_map(String::from)
    ];
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        prop_oneof![
            "\\PC{0,12}",
            proptest::sample::select(vec!["user", "function", "message", "gpt-5", "json_schema", "object"])
                .prop_map(String::from)
        ]
        .prop_map(Value::from),
    ];
    leaf.prop_recursive(5, 48, 6, move |inner| {
        prop_oneof![
            proptest::collection::vec(inner.clone(), 0..5).prop_map(Value::from),
            proptest::collection::vec((keys.clone(), inner), 0..6)
                .prop_map(|pairs| Value::Object(pairs.into_iter().collect())),
        ]
    })
}

proptest::proptest! {
    #![proptest_config(proptest::prelude::ProptestConfig::with_cases(256))]
    #[test]
    fn no_body_makes_it_panic(value in any_json(), field in "[a-z_]{1,8}") {
        for operation in ["chat.completions.create", "responses.create", "embeddings.create", "completions.create", "conversations.create", "moderations.create"] {
            let _ = full(operation, &value);
            for name in ["messages", "input", "tools", "text", "response_format", "tool_choice", "metadata", field.as_str()] {
                let _ = full(operation, &json!({"model": "gpt-5", "input": "x", "messages": [{"role": "user", "content": "x"}], name: value}));
            }
        }
    }
}

/// Frameworks send null for what they do not mean (field.md §6), in every field that may be left out.
#[test]
fn null_counts_as_left_out_in_every_optional_field() {
    let bodies = [
        ("chat.completions.create", chat(json!({}))),
        ("responses.create", json!({"model": "gpt-4o", "input": "x"})),
        ("completions.create", json!({"model": "gpt-3.5-turbo-instruct", "prompt": "x"})),
        ("embeddings.create", json!({"model": "text-embedding-3-small", "input": "x"})),
        ("moderations.create", json!({"input": "x"})),
        ("conversations.create", json!({})),
        ("responses.compact", json!({"model": "gpt-4o", "input": "x"})),
        ("responses.input_tokens.count", json!({"model": "gpt-4o", "input": "x"})),
    ];
    let mut tried = 0;
    for (operation, body) in bodies {
        let shapes = operations::named(operation).and_then(|operation| Shapes::body(operation, Level::Full.depth()));
        let object = shapes.and_then(Shapes::object);
        let object = object.unwrap_or_else(|| panic!("{operation} takes no object"));
        for field in object
            .fields
            .iter()
            .filter(|field| !field.required && field.only.is_none() && body.get(&field.name).is_none())
        {
            let mut with = body.clone();
            with[&field.name] = Value::Null;
            let said = full(operation, &with);
            assert!(said.is_ok(), "{operation} {}: {said:?}", field.name);
            tried += 1;
        }
    }
    assert!(tried > 80, "{tried}");
}

/// Each top-level field of each operation's body and query, served or not.
#[test]
fn every_field_of_every_operation_refuses_a_wrong_type() {
    let (mut tried, mut unknown) = (0, 0);
    for operation in operations::all() {
        let bodies = [Shapes::body(operation, Depth::Documented), Shapes::query(operation, Depth::Documented)];
        for (shapes, object) in bodies.into_iter().flatten().filter_map(|shapes| Some((shapes, shapes.object()?))) {
            let walk = Walk { shapes, relaxed: false, beta: false, form: false, unknown: None };
            for field in &object.fields {
                let wrong = match shapes.kind(field.kind) {
                    Kind::Text(_) | Kind::File | Kind::Enum { .. } | Kind::Boolean => json!([7]),
                    Kind::Integer { .. } | Kind::Decimal { .. } | Kind::Object(_) | Kind::Map { .. } => json!("x"),
                    Kind::Array { .. } => json!({"x": 1}),
                    Kind::Union(_) | Kind::Any => continue,
                };
                let path = ParamPath::Field(&ParamPath::Root, &field.name);
                let error = walk.check(field.kind, &wrong, &path).expect_err(&field.name);
                assert_eq!((error.status, error.code.as_deref()), (400, Some("invalid_type")), "{}", operation.name);
                assert_eq!(error.param.as_deref(), Some(field.name.as_str()), "{}", operation.name);
                tried += 1;
            }
        }
        let strange = json!({"no_such_parameter": 1});
        if Shapes::body(operation, Depth::Observed).is_some_and(|shapes| shapes.object().is_some()) {
            assert!(full(operation.name, &strange).is_err(), "{}", operation.name);
            unknown += 1;
        }
    }
    assert!(tried > 800 && unknown > 120, "{tried} {unknown}");
}
