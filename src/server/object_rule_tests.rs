//! Rules that give an `object`, and ids nobody gave.

use super::asking_tests::example;
use super::tests::{Got, exchange, request, send, start};
use crate::api::{self, ServiceLevel};
use crate::emulator::Emulator;
use crate::surface::operations::{AnswerKind, Form, all};
use crate::surface::{self, Operation};
use serde_json::{Value, json};

const KEY: &str = "sk-object";

fn load(emulator: &Emulator, rules: Value) -> Got {
    send(emulator, KEY, "/_emulator/script", &json!({"reset": true, "rules": rules}))
}

fn ask(emulator: &Emulator, method: &str, path: &str, body: &Value) -> Got {
    let body = if body.is_null() { String::new() } else { body.to_string() };
    exchange(emulator, &request(method, path, KEY, "", body.as_bytes())).expect("an answer")
}

#[test]
fn an_object_is_merged_over_what_would_be_answered() {
    let emulator = start(json!({"clock": "instant"}));
    let made = ask(&emulator, "POST", "/v1/assistants", &json!({"model": "gpt-4o", "name": "Ada"})).json();
    let path = format!("/v1/assistants/{}", made["id"].as_str().expect("an id"));
    let rules = json!([
        {"match": {"operation": "beta.assistants.retrieve"}, "object": {"name": "Bob", "metadata": {"a": "b"}}},
        {"match": {"path": "/v1/conversations"}, "object": {"metadata": {"said": "so"}}, "headers": {"x-said": "so"}},
        {"match": {"operation": "evals.create"}, "object": {"name": "scripted"}, "pace": {"delay_ms": 5}},
        {"match": {"operation": "files.list"}, "object": {"data": [{"id": "file-1"}], "has_more": true}},
    ]);
    assert_eq!(load(&emulator, rules).status, 200);
    let shown = ask(&emulator, "GET", &path, &Value::Null).json();
    let mut expected = made.clone();
    (expected["name"], expected["metadata"]) = (json!("Bob"), json!({"a": "b"}));
    assert_eq!(shown, expected);
    // What is kept is as it was.
    assert_eq!(ask(&emulator, "GET", &path, &Value::Null).json(), made);
    let conversation = ask(&emulator, "POST", "/v1/conversations", &json!({"metadata": {"own": "1"}}));
    assert_eq!(conversation.json()["metadata"], json!({"own": "1", "said": "so"}));
    assert!(conversation.head.contains("x-said: so"), "{}", conversation.head);
    let listed = ask(&emulator, "GET", "/v1/files", &Value::Null).json();
    assert_eq!((&listed["data"], &listed["object"]), (&json!([{"id": "file-1"}]), &json!("list")));
    // A refusal is not what the rule was for.
    assert_eq!(ask(&emulator, "POST", "/v1/evals", &json!({"name": 1})).status, 400);
}

/// What behaves and refuses a request that says nothing, even where bodies are not checked.
const NEED_MORE: &[&str] = &[
    "audio.voice_consents.create",
    "audio.voices.create",
    "content_provenance_checks.create",
    "files.create",
    "fine_tuning.alpha.graders.run",
    "fine_tuning.jobs.create",
    "live.create",
    "models.delete",
    "skills.create",
    "vector_stores.files.update",
    "videos.create_character",
    "videos.edit",
    "videos.extend",
];

#[test]
fn objects_reach_every_operation_that_answers_with_one() {
    let emulator = start(json!({"clock": "instant", "validation": "off", "unknownIds": "synthesize"}));
    let mut reached = 0;
    for operation in all().iter().filter(|operation| operation.variant.is_none() && !operation.turn) {
        let takes = matches!(operation.kind, AnswerKind::Object | AnswerKind::Page) && operation.events.is_none();
        // The list on the same path is the one that is reached.
        if !takes || operation.name == "fine_tuning.checkpoints.permissions.retrieve" {
            continue;
        }
        let rule = json!([{"match": {"operation": operation.name}, "object": {"scripted": {"by": "rule"}}}]);
        assert_eq!(load(&emulator, rule).status, 200, "{}", operation.name);
        let got = synthesised(&emulator, operation);
        if NEED_MORE.contains(&operation.name) {
            assert!(matches!(got.status, 400 | 403), "{} needs no more: {}", operation.name, got.text());
            continue;
        }
        assert_eq!(got.json()["scripted"], json!({"by": "rule"}), "{}: {}", operation.name, got.text());
        reached += 1;
    }
    assert!(reached > 300, "{reached}");
}

#[test]
fn an_object_is_refused_where_it_would_do_nothing() {
    let emulator = start(json!({}));
    let chat = load(&emulator, json!([{"match": {"operation": "chat"}, "object": {"id": "x"}, "text": "y"}]));
    assert_eq!((chat.status, chat.json()["error"]["param"].clone()), (400, json!("rules[0]")));
    let useless = load(&emulator, json!([{"match": {"operation": "files.list"}, "object": {}, "usage": {}}]));
    assert_eq!(useless.json()["error"]["param"], "rules[0].usage");
    assert_eq!(load(&emulator, json!([{"match": {"operation": "files.content"}, "object": {"a": 1}}])).status, 200);
    let content = ask(&emulator, "GET", "/v1/files/file-1/content", &Value::Null);
    assert_eq!(content.json()["error"]["code"], "reply_cannot_answer");
}

fn synthesised(emulator: &Emulator, operation: &Operation) -> Got {
    fn fill(segment: &str) -> &str {
        segment.strip_prefix('{').and_then(|name| name.strip_suffix('}')).map_or(segment, |name| example(name))
    }
    let path = format!("/v1{}", operation.path.split('/').map(fill).collect::<Vec<_>>().join("/"));
    let (media, body) = match operation.form {
        Some(Form::Form) => ("multipart/form-data; boundary=b", "--b--\r\n"),
        Some(_) => ("application/json", "{}"),
        None => ("application/json", ""),
    };
    let request = request(operation.method, &path, KEY, "", body.as_bytes());
    let request = String::from_utf8(request).expect("text").replace("application/json", media);
    exchange(emulator, request.as_bytes()).expect("an answer")
}

#[test]
fn unknown_ids_bring_objects_of_their_type() {
    let emulator = start(json!({"clock": "instant", "validation": "off", "unknownIds": "synthesize"}));
    let mut seen = 0;
    for operation in all().iter().filter(|operation| operation.variant.is_none() && !operation.turn) {
        let stored = matches!(operation.kind, AnswerKind::Object | AnswerKind::Page)
            && operation.path.contains('{')
            && !operation.path.contains("model}")
            && api::level(operation) != ServiceLevel::NotServed;
        if !stored {
            continue;
        }
        let got = synthesised(&emulator, operation);
        let expected = if NEED_MORE.contains(&operation.name) { 400 } else { 200 };
        assert_eq!(got.status, expected, "{}: {}", operation.name, got.text());
        if got.status == 200 && operation.kind == AnswerKind::Object {
            let faults = operation.answer.map(|name| surface::faults(name, &got.json())).unwrap_or_default();
            assert!(faults.is_empty(), "{}: {faults:?} in {}", operation.name, got.text());
            seen += 1;
        }
    }
    assert!(seen > 100, "{seen}");
}

#[test]
fn only_well_formed_ids_are_made_up_and_each_looks_the_same_twice() {
    let emulator = start(json!({"clock": "instant", "unknownIds": "synthesize"}));
    let get = |path: &str| ask(&emulator, "GET", path, &Value::Null);
    let file = get("/v1/files/file-abc");
    assert_eq!((file.status, &file.json()["id"]), (200, &json!("file-abc")));
    assert_eq!(get("/v1/files/file-abc").json(), file.json());
    assert_eq!(get("/v1/files/asst_abc").status, 404);
    assert_eq!(get("/v1/models/gpt-none").status, 404);
    assert_eq!(get("/v1/files/file-abc/content").status, 404);
    assert_eq!(get("/v1/threads/thread_abc/messages").json()["data"], json!([]));
    let said = ask(&emulator, "POST", "/v1/threads/thread_a/messages", &json!({"role": "user", "content": "x"})).json();
    assert!(said["id"].as_str().is_some_and(|id| id.starts_with("msg_")), "{said}");
    assert_eq!(ask(&emulator, "DELETE", "/v1/files/file-abc", &Value::Null).json()["deleted"], true);
    // Bodies are checked all the same.
    assert_eq!(ask(&emulator, "POST", "/v1/threads/thread_a/messages", &json!({"role": 1})).status, 400);
    let plain = start(json!({"clock": "instant"}));
    assert_eq!(ask(&plain, "GET", "/v1/files/file-abc", &Value::Null).status, 404);
}
