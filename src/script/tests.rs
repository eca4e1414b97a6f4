//! The language as its users write it: what loads and as what, what is refused and where, and that the published schema
//! says the same.

use crate::reply::pace::Range;
use crate::reply::{Ask, Finish, Part, RawBody, fault, pace};
use crate::script::*;
use serde_json::json;

fn read(script: Value) -> Load {
    load(&script.to_string(), Origin::Http).unwrap_or_else(|error| panic!("{script}: {error}"))
}

/// The only reply of the only rule.
fn one(step: Value) -> Reply {
    let load = read(json!({"responses": [step]}));
    Reply::clone(&load.rules[0].replies[0])
}

fn parts(step: Value) -> Vec<Part> {
    match one(step).say {
        Say::Choices(choices) => choices[0].parts.clone(),
        other => panic!("{other:?}"),
    }
}

fn text_of(part: &Part) -> &str {
    match part {
        Part::Text(text) | Part::Refusal(text) => &text.text,
        other => panic!("{other:?}"),
    }
}

/// Scripts that load; the schema must accept them too.
fn good() -> Vec<Value> {
    vec![
        json!({}),
        json!({"$schema": "./script.schema.json", "$comment": "all forms", "reset": true}),
        json!({"responses": null, "rules": null, "models": null, "defaults": null}),
        json!({"responses": "Hello"}),
        json!({"responses": []}),
        json!({"responses": {}}),
        json!({"responses": ["one", {"text": "two"}, {"pattern": "help", "response": "How can I help?", "times": 2}]}),
        json!({"responses": {"hello": "Hi", ".*weather.*": {"text": "Sunny"}, "\\d+\\s*\\+\\s*\\d+": "No math"}}),
        json!({"responses": ["first", {"match": "error", "error": "Something went wrong", "status": 500}],
               "defaults": {"on_unmatched": "error"}}),
        json!({"rules": [{"match": {"method": "POST", "path": "/v1/chat/completions", "json": {"model": "gpt-4"}},
                          "times": 1, "response": {"status": 200, "json": {"id": "x", "choices": []}}},
                         {"match": {"path": "/v1/chat/completions"}, "response": {"status": 200, "content": "I'm GPT-4!"}},
                         {"match": "sse", "response": {"status": 200, "sse": [{"data": {"a": 1}}, {"data": "[DONE]"}]}}]}),
        json!({"models": ["gpt-4o", {"id": "my-model", "context_window": 8192}]}),
        json!({"models": ["...", "mine"]}),
        json!({"models": "any"}),
        json!({"models": []}),
        json!({"defaults": {"pace": {"ttft_ms": [10, 20], "tokens_per_second": 40}, "fallback": "echo", "check_replies": "warn",
                            "rate_limits": {"gpt-4o": {"rpm": 3, "tpm": 1000}},
                            "chaos": [{"error": {"status": 503}, "probability": 0.05},
                                      {"fault": {"kind": "disconnect", "at": 3}, "every": 10},
                                      {"error": {"status": 429}, "first": 2}]}}),
        json!({"defaults": {"fallback": {"generate": {"length": "short", "seed": -3, "tools": "first", "style": "plain"}}}}),
        json!({"rules": [{"name": "all keys", "match": {"user": "/a/i", "system": "b", "any_message": "c", "model": "/^gpt-4/",
            "operation": "files.*", "tool_offered": "t", "tool_result": {"tool": "t", "text": "x"}, "turn": 1, "stream": true,
            "format": "json_schema", "header": {"X-Team": "^a$"}, "body": {"n": 1}, "path": "/files/.*/", "method": "post",
            "not": "bye"}, "expect": {"tool_result": false}, "optional": true, "times": "unlimited", "responses": ["a", {"text": "b"}]}]}),
        json!({"responses": good_steps()}),
    ]
}

/// Items of a list of responses that load.
fn good_steps() -> Vec<Value> {
    vec![
        json!({"reasoning": "hm", "text": "Hello", "phase": "final_answer", "annotations": [{"type": "url_citation"}],
             "tool_calls": [{"name": "get_weather", "arguments": {"city": "Oslo"}, "id": "call_1"}],
             "logprobs": [{"token": "Hello", "logprob": -0.1, "top_logprobs": [{"token": "Hi", "logprob": -2}]}],
             "finish_reason": "length", "usage": {"prompt_tokens": 5, "prompt_tokens_details": {"cached_tokens": 2}},
             "model": "m", "id": "i", "headers": {"X-A": "b"}, "check": false,
             "pace": {"delay_ms": 5, "chunk": {"tokens": 3}, "hold": {"after_chunks": 2, "until": "go"}},
             "fault": {"at": "headers", "kind": "stall", "stall_ms": 1000}}),
        json!({"output": [{"reasoning": ["a", "b"]}, "text", {"text": "t", "annotations": []}, {"type": "web_search_call", "action": {}}]}),
        json!({"choices": ["one", {"text": "two", "finish_reason": "stop"}], "usage": {"total_tokens": 9}}),
        json!({"choices": [{"image": "aGk="}, {"image": "aGk="}]}),
        json!({"json": {"b": 1, "a": [2]}}),
        json!({"refusal": "no"}),
        json!({"reasoning": []}),
        json!({"tool_calls": []}),
        json!({"embedding": [0.1, 2]}),
        json!({"embedding": [[0.1], [2]]}),
        json!({"image": "aGk="}),
        json!({"audio": {"data": "aGk=", "transcript": "hi"}}),
        json!({"transcript": "hi"}),
        json!({"transcript": {"text": "hi", "duration": 2}}),
        json!({"moderation": {"flagged": true, "categories": ["violence"]}}),
        json!({"error": {"status": 429, "message": null, "retry_after_ms": null, "headers": {"x": "y"}}}),
        json!({"error": {"code": "insufficient_quota"}}),
        json!({"raw": {"status": 200, "body": {"any": "json"}}}),
        json!({"raw": {"sse": [{"event": "e", "data": 1}]}}),
        json!({"raw": {"chunks": [{"at_ms": 5, "text": "a"}, {"base64": "aGk="}]}}),
        json!({"raw": {"events": [{"type": "x"}]}}),
        json!({"echo": true}),
        json!({"generate": {}}),
        json!({"fault": {"kind": "disconnect"}}),
        json!({"text": "x", "fault": {"at": 3, "kind": "error", "error": {"status": 500}}}),
        json!({"finish_reason": "length"}),
        json!({"text": "x", "pace": {"chunk": ["ex", "act"]}}),
        json!({"tool_calls": [{"id": "c", "type": "function", "function": {"name": "f", "arguments": "{}"}}, {"name": "c", "input": "x"}]}),
        json!({"error": {"status": 429}, "times": 2}),
        json!({"pattern": "weather", "tool_calls": [{"name": "f"}]}),
        json!({"match": "a", "responses": ["b", "c"], "pace": {"ttft_ms": 5}, "fault": {"kind": "close", "at": 1}}),
    ]
}

/// Scripts that are refused, the path of the fault, and a word of the message.
fn bad() -> Vec<(Value, &'static str, &'static str)> {
    vec![
        (json!([]), "", "expected an object"),
        (json!({"response": ["x"]}), "response", "did you mean \"responses\""),
        (json!({"responses": 5}), "responses", "expected a string"),
        (json!({"responses": ["a", 5]}), "responses[1]", "expected a string, or an object (a rule), got 5"),
        (
            json!({"responses": [{"pattern": "a", "response": "b", "tims": 2}]}),
            "responses[0].tims",
            "did you mean \"times\"",
        ),
        (
            json!({"responses": [{"pattern": "a", "response": "b", "times": "2"}]}),
            "responses[0].times",
            "\"unlimited\"",
        ),
        (json!({"responses": [{"contents": "a"}]}), "responses[0].contents", "did you mean \"content\""),
        (json!({"responses": {"a": {"times": 2}}}), "responses.a.times", "unknown key"),
        (json!({"rules": [{"match": {"usr": "x"}, "text": "a"}]}), "rules[0].match.usr", "did you mean \"user\""),
        (json!({"rules": [{"match": {"format": "xml"}, "text": "a"}]}), "rules[0].match.format", "json_schema"),
        (json!({"rules": [{"responses": [], "match": "x"}]}), "rules[0].responses", "not empty"),
        (json!({"defaults": {"fallback": "ehco"}}), "defaults.fallback", "\"echo\""),
        (json!({"defaults": {"chaos": [{"probability": 2}]}}), "defaults.chaos[0].probability", "from 0 to 1"),
        (json!({"models": [{"name": "x"}]}), "models[0].name", "unknown key"),
        (json!({"models": [{"context_window": 5}]}), "models[0]", "needs \"id\""),
        (json!({"responses": [{"text": "a", "fault": {"kind": "explode"}}]}), "responses[0].fault.kind", "disconnect"),
        (json!({"responses": [{"text": "a", "pace": {"ttft_ms": -5}}]}), "responses[0].pace.ttft_ms", "from 0"),
        (json!({"responses": [{"echo": false}]}), "responses[0].echo", "expected true"),
        (json!({"responses": [{"error": {"status": 200}}]}), "responses[0].error.status", "from 400"),
        (
            json!({"responses": [{"moderation": {"categories": ["rudeness"]}}]}),
            "responses[0].moderation.categories[0]",
            "violence",
        ),
        (json!({"responses": [{"callback": "x"}]}), "responses[0].callback", "expected a whole number"),
    ]
}

/// Refused by the parser alone: what no schema says.
fn bad_beyond_schema() -> Vec<(Value, &'static str, &'static str)> {
    vec![
        (json!({"responses": {"(": "x"}}), "responses[\"(\"]", "does not compile"),
        (json!({"responses": [{"match": "a(?=b)", "text": "x"}]}), "responses[0].match", "look-around"),
        (json!({"responses": [{"match": "(a)\\1", "text": "x"}]}), "responses[0].match", "backreferences"),
        (json!({"responses": [{"match": "a{1000}{1000}", "text": "x"}]}), "responses[0].match", "too big"),
        (json!({"responses": [{"match": "a"}]}), "responses[0]", "no reply"),
        (json!({"responses": [{}]}), "responses[0]", "no reply"),
        (json!({"responses": [{"match": "a", "pattern": "b", "text": "x"}]}), "responses[0]", "two names"),
        (json!({"responses": [{"response": "a", "text": "x"}]}), "responses[0].text", "belongs in there"),
        (json!({"responses": [{"response": "a", "responses": ["x"]}]}), "responses[0]", "exclude each other"),
        (json!({"responses": [{"text": "a", "error": {"status": 500}}]}), "responses[0]", "error and text"),
        (json!({"responses": [{"text": "a", "json": {}}]}), "responses[0]", "text and json"),
        (json!({"responses": [{"usage": {"total_tokens": 3}}]}), "responses[0]", "says nothing"),
        (json!({"responses": [{"content": "a"}]}), "responses[0].content", "give text"),
        (json!({"responses": [{"status": 500}]}), "responses[0].status", "goes with"),
        (json!({"responses": [{"error": "x", "status": 200}]}), "responses[0].status", "at least 400"),
        (
            json!({"responses": [{"annotations": [], "tool_calls": []}]}),
            "responses[0].annotations",
            "belongs to a message",
        ),
        (json!({"responses": [{"tool_calls": [{"arguments": {}}]}]}), "responses[0].tool_calls[0]", "needs \"name\""),
        (
            json!({"responses": [{"tool_calls": [{"type": "function", "name": "f", "input": "x"}]}]}),
            "responses[0].tool_calls[0].type",
            "contradicts",
        ),
        (
            json!({"responses": [{"tool_calls": [{"type": "custom", "function": {"name": "f"}}]}]}),
            "responses[0].tool_calls[0].type",
            "contradicts",
        ),
        (json!({"responses": [{"output": [{"text": "a", "tool_calls": []}]}]}), "responses[0].output[0]", "one part"),
        (json!({"responses": [{"embedding": [1, [2]]}]}), "responses[0].embedding", "not both"),
        (json!({"responses": [{"image": "not base64!"}]}), "responses[0].image", "base64"),
        (json!({"responses": [{"text": "a", "headers": {"a b": "c"}}]}), "responses[0].headers[\"a b\"]", "name"),
        (json!({"responses": [{"text": "a", "headers": {"a": "c\nd"}}]}), "responses[0].headers.a", "one line"),
        (
            json!({"responses": [{"text": "a", "pace": {"delay_ms": [5, 1]}}]}),
            "responses[0].pace.delay_ms",
            "min first",
        ),
        (json!({"responses": [{"raw": {"body": 1, "sse": []}}]}), "responses[0].raw", "exclude"),
        (json!({"responses": [{"fault": {"kind": "stall", "error": "x"}}]}), "responses[0].fault.error", "kind error"),
        (json!({"defaults": {"chaos": [{"error": {"status": 500}}]}}), "defaults.chaos[0]", "one of probability"),
        (json!({"responses": [{"callback": 3}]}), "responses[0].callback", "in-process"),
    ]
}

#[test]
fn good_scripts_load_and_the_schema_accepts_them() {
    let schema = jsonschema::validator_for(&schema()).unwrap();
    for script in good() {
        read(script.clone());
        let faults: Vec<String> = schema.iter_errors(&script).map(|error| error.to_string()).collect();
        assert!(faults.is_empty(), "{script}: {faults:?}");
    }
}

#[test]
fn bad_scripts_are_refused_with_path_and_remedy_and_by_the_schema() {
    let schema = jsonschema::validator_for(&schema()).unwrap();
    let refused = |script: &Value, path: &str, word: &str| {
        let error = load(&script.to_string(), Origin::Http).expect_err(&script.to_string());
        assert_eq!(error.path, path, "{script}: {error}");
        assert!(error.message.contains(word), "{script}: {error}");
    };
    for (script, path, word) in bad() {
        refused(&script, path, word);
        assert!(!schema.is_valid(&script), "{script}");
    }
    for (script, path, word) in bad_beyond_schema() {
        refused(&script, path, word);
    }
}

#[test]
fn the_published_schema_is_this_one() {
    let path = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("script.schema.json");
    let text = format!("{:#}\n", schema());
    if std::env::var_os("UPDATE_SCHEMA").is_some() {
        std::fs::write(&path, &text).unwrap();
    }
    let published = std::fs::read_to_string(&path).unwrap_or_default();
    assert!(published == text, "script.schema.json is old; run the tests with UPDATE_SCHEMA=1");
}

#[test]
fn times_as_the_forms_define_them() {
    let times = |script: Value| read(script).rules[0].times;
    assert_eq!(times(json!({"responses": "x"})), Some(1));
    assert_eq!(times(json!({"responses": ["x"]})), Some(1));
    assert_eq!(times(json!({"responses": {"x": "y"}})), None);
    assert_eq!(times(json!({"rules": [{"pattern": "x", "response": "y"}]})), Some(1));
    assert_eq!(times(json!({"rules": [{"responses": ["x", "y", "z"]}]})), Some(3));
    assert_eq!(times(json!({"rules": [{"text": "x", "times": -1}]})), None);
    assert_eq!(times(json!({"rules": [{"text": "x", "times": "unlimited"}]})), None);
    assert_eq!(times(json!({"rules": [{"text": "x", "times": 0}]})), Some(0));
    assert_eq!(times(json!({"rules": [{"text": "x", "times": 1.9}]})), Some(1));
}

#[test]
fn maps_keep_their_written_order() {
    let load = read(json!({"responses": {".*hello.*world.*": "a", ".*hello.*": "b", ".*": "c"}}));
    let order: Vec<&str> = load.rules.iter().map(|rule| &*rule.path).collect();
    assert_eq!(order, [r#"responses[".*hello.*world.*"]"#, r#"responses[".*hello.*"]"#, r#"responses[".*"]"#]);
}

#[test]
fn parts_come_as_output_reasoning_message_tool_calls() {
    let parts = parts(json!({
        "tool_calls": [{"name": "f", "arguments": {"b": 1, "a": 2}}],
        "text": "Hi",
        "reasoning": "hm",
        "output": [{"type": "web_search_call"}, {"text": "before"}],
    }));
    assert!(matches!(&parts[0], Part::Item(item) if item["type"] == "web_search_call"));
    assert_eq!(text_of(&parts[1]), "before");
    assert!(matches!(&parts[2], Part::Reasoning(summary) if *summary == ["hm"]));
    assert_eq!(text_of(&parts[3]), "Hi");
    assert!(matches!(&parts[4], Part::ToolCall(call) if call.arguments.text == r#"{"b":1,"a":2}"#));
}

#[test]
fn responses_items_that_parts_can_hold_become_parts() {
    let parts = parts(json!({"output": [
        {"type": "message", "role": "assistant", "content": [{"type": "output_text", "text": "Hi"}]},
        {"type": "function_call", "call_id": "call_1", "name": "f", "arguments": "{}"},
        {"type": "message", "id": "msg_1", "content": []},
    ]}));
    assert_eq!(text_of(&parts[0]), "Hi");
    assert!(matches!(&parts[1], Part::ToolCall(call) if call.id.as_deref() == Some("call_1")));
    assert!(matches!(&parts[2], Part::Item(_)));
}

#[test]
fn llemulators_forms_mean_what_they_meant() {
    let error = one(json!({"match": "x", "error": "broken", "status": 503}));
    assert!(
        matches!(error.say, Say::Error(error) if error.status == 503 && error.message == Some(Some("broken".into())))
    );
    let body = one(json!({"pattern": "x", "response": {"status": 201, "json": {"a": 1}}}));
    assert!(
        matches!(body.say, Say::Raw(raw) if raw.status == 201 && matches!(&raw.body, RawBody::Json(body) if body["a"] == 1))
    );
    let content = one(json!({"pattern": "x", "response": {"status": 200, "content": "hi"}}));
    assert!(matches!(content.say, Say::Choices(choices) if text_of(&choices[0].parts[0]) == "hi"));
    let busy = one(json!({"pattern": "x", "response": {"status": 503, "content": "busy"}}));
    assert!(matches!(busy.say, Say::Error(error) if error.status == 503));
}

#[test]
fn choices_share_what_stands_beside_them() {
    let reply = one(json!({"choices": ["a", {"text": "b", "finish_reason": "stop"}], "finish_reason": "length"}));
    let Say::Choices(choices) = reply.say else { panic!() };
    assert_eq!(
        choices.iter().map(|choice| choice.finish).collect::<Vec<_>>(),
        [Some(Finish::Length), Some(Finish::Stop)]
    );
}

#[test]
fn errors_keep_the_difference_between_missing_and_null() {
    let Say::Error(error) = one(json!({"error": {"status": 400, "code": null, "retry_after_ms": null}})).say else {
        panic!()
    };
    assert_eq!((error.code, error.kind, error.retry_after_ms), (Some(None), None, Some(None)));
    let Say::Error(error) = one(json!({"error": {"code": "insufficient_quota"}})).say else { panic!() };
    assert_eq!(error.status, 429);
}

#[test]
fn pace_and_fault_are_read() {
    let reply = one(json!({"fault": {"at": "connect", "kind": "disconnect"},
        "pace": {"ttft_ms": 5, "delay_ms": [1, 2], "tokens_per_second": 40, "chunk": "word", "hold": {"until": "go"}}}));
    assert!(matches!(reply.say, Say::Nothing));
    assert_eq!(reply.fault.map(|fault| fault.at), Some(fault::At::Connect));
    assert_eq!(
        reply.pace,
        pace::Pace {
            ttft_ms: Some(pace::Range(5.0, 5.0)),
            tokens_per_second: Some(40.0),
            delay_ms: Some(pace::Range(1.0, 2.0)),
            chunk: Some(pace::Chunk::Word),
            hold: Some(pace::Hold { after_chunks: 0, until: "go".into() }),
        }
    );
}

#[test]
fn functions_are_for_in_process_scripts() {
    let script = json!({"responses": [{"callback": 3}]}).to_string();
    let load = load(&script, Origin::InProcess).unwrap();
    assert!(matches!(load.rules[0].replies[0].say, Say::Ask(Ask::Callback(3))));
}

#[test]
fn rules_know_where_a_test_loaded_them() {
    let load =
        read(json!({"called_at": "a.test.js:3:5", "responses": ["a"], "rules": [{"match": "b", "response": "c"}]}));
    assert!(load.rules.iter().all(|rule| rule.place.as_deref() == Some("a.test.js:3:5")) && load.rules.len() == 2);
    assert!(!schema().to_string().contains("called_at"), "it is no word of the language");
}

#[test]
fn models_and_defaults_are_read() {
    let load =
        read(json!({"models": ["...", {"id": "m", "owned_by": "me"}], "defaults": {"on_unmatched": {"text": "ok"}}}));
    let entries = vec![ModelEntry { id: "m".into(), owned_by: Some("me".into()), ..ModelEntry::default() }];
    assert_eq!(load.models, Some(Models::List { keep_catalogue: true, entries }));
    assert!(matches!(load.defaults.unwrap().fallback, Some(Fallback::Reply(_))));
    assert_eq!(read(json!({"models": []})).models, None);
}

#[test]
fn lint_tells_what_loads_but_is_not_meant() {
    let doubts = |script: Value| -> Vec<(String, String)> { lint(&script, &[], &read(script.clone()).rules) };
    let doubted = |script: Value| doubts(script).into_iter().map(|(path, _)| path).collect::<Vec<_>>();
    assert_eq!(
        doubted(json!({"responses": {"text": "Hi", ".*": "all", "b": "never"}})),
        ["responses.text", "responses.b"]
    );
    assert_eq!(doubted(json!({"responses": [{"text": "a", "times": 0}]})), ["responses[0]"]);
    assert_eq!(doubted(json!({"rules": [{"match": {"operation": "files.create"}, "text": "a"}]})), ["rules[0]"]);
    // What answers turns leaves embeddings, and operations without a turn, to the rules below.
    let all = json!({"text": "a", "times": -1});
    assert!(
        doubts(json!({"responses": [all, {"embedding": [1]}, {"match": {"operation": "files.*"}, "error": "x"}]}))
            .is_empty()
    );
    let same = json!({"match": {"user": "x"}, "text": "a", "times": -1});
    assert_eq!(doubted(json!({"responses": [same, {"match": {"user": "x"}, "text": "b"}]})), ["responses[1]"]);
}

#[test]
fn only_files_extend_files() {
    let script = json!({"extends": "/etc/passwd"}).to_string();
    assert_eq!(load(&script, Origin::Http).unwrap_err().path, "extends");
    assert!(load(&script, Origin::File).is_ok());
}

mod properties {
    use super::*;
    use proptest::prelude::*;

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
                prop::collection::vec((key, inner), 0..5)
                    .prop_map(|entries| Value::Object(entries.into_iter().collect())),
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
            if let Ok(loaded) = load_value(&value, Origin::Http) {
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
}

#[test]
fn a_rule_says_once_how_its_replies_are_delivered() {
    let own = json!({"text": "b", "pace": {"ttft_ms": 9}, "fault": {"kind": "malformed"}});
    let rule = json!({"responses": ["a", own], "pace": {"ttft_ms": 5, "delay_ms": 1}, "fault": {"kind": "close"}});
    let load = load(&json!({"rules": [rule]}).to_string(), Origin::Http).expect("loads");
    let [first, second] = load.rules[0].replies.as_slice() else { panic!("two replies") };
    assert_eq!((first.pace.ttft_ms, first.pace.delay_ms), (Some(Range(5.0, 5.0)), Some(Range(1.0, 1.0))));
    assert_eq!((second.pace.ttft_ms, second.pace.delay_ms), (Some(Range(9.0, 9.0)), Some(Range(1.0, 1.0))));
    let kind = |reply: &Reply| reply.fault.as_ref().map(|fault| format!("{:?}", fault.kind));
    assert_eq!((kind(first), kind(second)), (Some("Close".into()), Some("Malformed".into())));
}

#[test]
fn what_was_copied_from_the_api_is_told_from_a_reply() {
    let completion = json!({"id": "chatcmpl-1", "object": "chat.completion", "choices": [{"index": 0, "message": {"role": "assistant", "content": "Hi"}}]});
    let message = json!({"role": "assistant", "content": "Hi"});
    let item = json!({"id": "msg_1", "type": "message", "content": [{"type": "output_text", "text": "Hi"}]});
    for (pasted, what) in [
        (completion.clone(), "an answer of the OpenAI API"),
        (json!({"choices": completion["choices"]}), "an answer of the OpenAI API"),
        (json!({"object": "response", "output": [item.clone()]}), "an answer of the OpenAI API"),
        (json!({"object": "list", "data": []}), "an answer of the OpenAI API"),
        (message.clone(), "a message of the OpenAI API"),
        (item, "a message of the OpenAI API"),
    ] {
        let places = [
            (json!({"responses": [pasted]}), "responses[0]"),
            (json!({"responses": [{"match": "a", "response": pasted}]}), "responses[0].response"),
            (json!({"responses": {"a": pasted}}), "responses.a"),
            (json!({"defaults": {"fallback": pasted}}), "defaults.fallback"),
        ];
        for (script, place) in places {
            let error = load(&script.to_string(), Origin::Http).unwrap_err();
            assert!(error.path.starts_with(place) && error.message.contains(what), "{script}: {error}");
            assert!(error.message.contains(if what.contains("message") { "text('…')" } else { "raw({" }), "{error}");
        }
    }
    // What is no reply is not taken for one.
    let error =
        load(&json!({"rules": [{"match": {"role": "user"}, "response": "x"}]}).to_string(), Origin::Http).unwrap_err();
    assert!(error.message.starts_with("unknown key"), "{error}");
}
