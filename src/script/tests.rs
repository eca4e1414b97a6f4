//! The language as its users write it: what loads and as what, what is refused and where, and that the published schema
//! says the same.

use crate::reply::pace::Range;
use crate::reply::{Ask, Finish, Part, RawBody, fault, pace};
use crate::script::example_tests::{bad, bad_beyond_schema, good};
use crate::script::*;
use serde_json::json;

pub(super) fn read(script: Value) -> Load {
    load(&script.to_string(), Origin::Http).unwrap_or_else(|error| panic!("{script}: {error}"))
}

/// The only reply of the only rule.
pub(super) fn one(step: Value) -> Reply {
    let load = read(json!({"responses": [step]}));
    Reply::clone(&load.rules[0].replies[0])
}

pub(super) fn parts(step: Value) -> Vec<Part> {
    match one(step).say {
        Say::Choices(choices) => choices[0].parts.clone(),
        other => panic!("{other:?}"),
    }
}

pub(super) fn text_of(part: &Part) -> &str {
    match part {
        Part::Text(text) | Part::Refusal(text) => &text.text,
        other => panic!("{other:?}"),
    }
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
fn replies_that_could_never_come_are_refused() {
    let refused = |rule: Value| load(&json!({"rules": [rule]}).to_string(), Origin::Http).expect_err("refused");
    for times in [1, 2] {
        let error = refused(json!({"responses": ["x", "y", "z"], "times": times}));
        assert!(error.path == "rules[0].times" && error.message.contains("3 responses"), "{error}");
    }
    for times in [json!(3), json!(4), json!(0), json!(-1), json!("unlimited")] {
        read(json!({"rules": [{"responses": ["x", "y", "z"], "times": times}]}));
    }
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
        "pace": {"ttft_ms": 5, "delay_ms": [1, 2], "tokens_per_second": 40, "chunk": "word", "hold": {"until": "go"}, "keep_alive_ms": 9}}));
    assert!(matches!(reply.say, Say::Nothing));
    assert!(matches!(one(json!({"pace": {"ttft_ms": 5}})).say, Say::Nothing));
    assert_eq!(reply.fault.map(|fault| fault.at), Some(fault::At::Connect));
    assert_eq!(
        *reply.pace,
        pace::Pace {
            ttft_ms: Some(pace::Range(5.0, 5.0)),
            tokens_per_second: Some(40.0),
            delay_ms: Some(pace::Range(1.0, 2.0)),
            chunk: Some(pace::Chunk::Word),
            hold: Some(pace::Hold { after_chunks: 0, until: "go".into() }),
            keep_alive_ms: Some(9.0),
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
