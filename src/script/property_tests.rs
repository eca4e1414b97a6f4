//! What holds for any script.

use crate::script::tests::*;
use crate::script::*;
use proptest::prelude::*;
use serde_json::json;

/// JSON that often uses the language's words.
fn any_json() -> impl Strategy<Value = Value> {
    let word = prop::sample::select(vec![
        "responses",
        "rules",
        "match",
        "pattern",
        "text",
        "times",
        "error",
        "status",
        "tool_calls",
        "output",
        "choices",
        "fault",
        "kind",
        "pace",
        "chunk",
        "raw",
        "sse",
        "header",
        "not",
        "name",
        "type",
        "(",
        "unlimited",
        "stall",
    ]);
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        word.clone().prop_map(Value::from),
        ".{0,8}".prop_map(Value::from),
    ];
    leaf.prop_recursive(5, 64, 6, move |inner| {
        let key = prop_oneof![4 => word.clone().prop_map(str::to_string), 1 => ".{0,4}"];
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..5).prop_map(Value::from),
            prop::collection::vec((key, inner), 0..5).prop_map(|entries| Value::Object(entries.into_iter().collect())),
        ]
    })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, ..ProptestConfig::default() })]

    #[test]
    fn no_json_panics(value in any_json(), text in ".{0,60}") {
        let _ = load(&value.to_string(), Origin::Http);
        let _ = load(&json!({"responses": value}).to_string(), Origin::InProcess);
        let _ = reply(&value, "reply", Origin::Http);
        let _ = load(&text, Origin::Http);
        if let Ok(loaded) = load_value(value.clone(), Origin::Http) {
            lint(&value, &[], &loaded.rules);
        }
    }

    #[test]
    fn what_loads_the_schema_accepts(value in any_json()) {
        let script = json!({"responses": [value]});
        if load(&script.to_string(), Origin::Http).is_ok() {
            let schema = jsonschema::validator_for(&schema()).unwrap();
            prop_assert!(schema.is_valid(&script), "{}", script);
        }
    }

    #[test]
    fn texts_load_as_they_are(texts in prop::collection::vec(any::<String>(), 0..8)) {
        let load = read(json!({"responses": texts}));
        let read: Vec<String> = load.rules.iter().map(|rule| match &rule.replies[0].say {
            Say::Choices(choices) => text_of(&choices[0].parts[0]).to_string(),
            other => panic!("{other:?}"),
        }).collect();
        prop_assert_eq!(read, texts);
    }
}
