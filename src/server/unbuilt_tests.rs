//! Rules reach operations that take no turn, and the journal names them.

use super::objects_tests::smallest;
use super::tests::{exchange, request, send, start};
use crate::control;
use crate::emulator::Emulator;
use crate::surface::operations;
use serde_json::{Value, json};
use std::sync::Arc;

const KEY: &str = "a";

fn scripted(responses: Value) -> Arc<Emulator> {
    let emulator = start(json!({"profile": "relaxed"}));
    let answer = send(&emulator, KEY, "/_emulator/script", &json!({"responses": responses}));
    assert_eq!(answer.status, 200, "{}", answer.text());
    emulator
}

fn journal(emulator: &Arc<Emulator>) -> Vec<Value> {
    let (_, journal) = control::in_process(emulator, Some(KEY), "GET", "/_emulator/requests", "");
    journal["data"].as_array().expect("requests").clone()
}

#[test]
fn every_kind_of_rule_answers_what_takes_no_turn() {
    let raw = json!({"status": 200, "body": {"id": "file-1"}});
    let emulator = scripted(json!([
        {"match": {"operation": "decisions.create", "json": {"input": "a"}}, "error": {"status": 413}},
        {"match": {"operation": "live.*", "method": "GET"}, "raw": raw},
        {"match": {"path": "/v1/decisions", "json": {"input": "b"}}, "raw": raw},
        {"match": {"operation": "audio.speech.create"}, "fault": {"kind": "disconnect", "at": "connect"}},
        {"match": {"operation": "beta.agents.sessions.artifacts.*"}, "fault": {"kind": "error", "error": {"status": 503}}},
        {"match": {"operation": "decisions.create"}, "text": "no decision"},
        {"image": "iVBORw0KGgo="},
        "only turns take this",
    ]));
    let ask = |method: &str, path: &str, body: &[u8]| exchange(&emulator, &request(method, path, KEY, "", body));
    let status = |method: &str, path: &str, body: &str| ask(method, path, body.as_bytes()).expect("an answer").status;
    let decision = |input: &str| {
        let mut body = smallest(operations::named("decisions.create").expect("an operation"));
        body["input"] = input.into();
        body.to_string()
    };
    let artifact = "/v1/agents/sessions/s/artifacts/a/content";
    assert_eq!(status("GET", "/v1/live/sessions/s/content", ""), 200);
    assert_eq!(status("POST", "/v1/decisions", &decision("a")), 413);
    assert_eq!(status("POST", "/v1/decisions", &decision("b")), 200);
    let speech = br#"{"model":"tts-1","voice":"alloy","input":"x"}"#;
    assert!(ask("POST", "/v1/audio/speech", speech).is_none(), "the connection is cut");
    assert_eq!(status("GET", artifact, ""), 503);
    assert_eq!(status("GET", artifact, ""), 404);
    // Text and pictures are for turns; nothing is used up.
    assert_eq!(status("POST", "/v1/decisions", &decision("c")), 200);
    assert_eq!(status("POST", "/v1/decisions", r#"{"model":7}"#), 400);
    assert_eq!(status("POST", "/v1/decisions", "no JSON"), 400);
    let names: Vec<Value> = journal(&emulator).iter().map(|asked| asked["operation"].clone()).collect();
    let expected = [
        "live.sessions.download_recording",
        "decisions.create",
        "decisions.create",
        "audio.speech.create",
        "beta.agents.sessions.artifacts.content",
        "beta.agents.sessions.artifacts.content",
        "decisions.create",
        "decisions.create",
        "decisions.create",
    ];
    assert_eq!(names, expected.map(Value::from));
}

#[test]
fn the_journal_keeps_the_body() {
    let emulator = start(json!({}));
    let form = "--x\r\ncontent-disposition: form-data; name=\"purpose\"\r\n\r\nassistants\r\n--x--\r\n";
    let mut upload = request("POST", "/v1/files", KEY, "", form.as_bytes());
    let head =
        String::from_utf8(upload.clone()).expect("text").replace("application/json", "multipart/form-data; boundary=x");
    upload = head.into_bytes();
    let answer = exchange(&emulator, &upload).expect("an answer");
    assert_eq!(answer.json()["error"]["param"], "file");
    let others = [
        ("/v1/batches", "application/json", r#"{"endpoint":"/v1/chat/completions"}"#),
        ("/v1/realtime/calls", "application/sdp", "v=0 sdp"),
        ("/v1/batches", "application/json", ""),
    ];
    for (path, media, body) in others {
        let asked = String::from_utf8(request("POST", path, KEY, "", body.as_bytes())).expect("text");
        let asked = asked.replace("content-type: application/json", &format!("content-type: {media}"));
        exchange(&emulator, asked.as_bytes()).expect("an answer");
    }
    let bodies: Vec<Value> = journal(&emulator).iter().map(|asked| asked["body"].clone()).collect();
    let fields = json!({"purpose": "assistants"});
    assert_eq!(bodies, [fields, json!({"endpoint": "/v1/chat/completions"}), json!("v=0 sdp"), Value::Null]);
}

#[test]
fn embeddings_of_tokens_are_those_of_their_text() {
    let emulator = start(json!({}));
    let body = |input: Value| json!({"model": "text-embedding-3-small", "input": input, "dimensions": 8});
    let ask = |emulator: &Emulator, input: Value| send(emulator, KEY, "/v1/embeddings", &body(input)).json();
    let (text, tokens) = (ask(&emulator, json!("Hello world")), ask(&emulator, json!([9906, 1917])));
    assert_eq!(text["data"], tokens["data"]);
    assert_eq!(text["usage"], tokens["usage"]);
    let lists = ask(&emulator, json!([[9906, 1917], [9906]]));
    assert_eq!(lists["data"][0]["embedding"], text["data"][0]["embedding"]);
    // Rules see the text.
    let emulator = scripted(json!([{"match": {"user": "^Hello world$"}, "embedding": vec![0.5; 8]}]));
    assert_eq!(ask(&emulator, json!([9906, 1917]))["data"][0]["embedding"], json!(vec![0.5; 8]));
}

/// As a reply with more choices than `n`.
#[test]
fn more_than_was_asked_does_not_fit_the_request() {
    let vectors = |many: usize| json!(vec![[0.5, 0.25, 0.125]; many]);
    let embed = |more: Value| {
        let mut body = json!({"model": "text-embedding-3-small", "input": "x"});
        body.as_object_mut().expect("an object").extend(more.as_object().cloned().expect("an object"));
        ("/v1/embeddings", body)
    };
    let draw = |n: usize| ("/v1/images/generations", json!({"model": "gpt-image-1", "prompt": "x", "n": n}));
    let pictures = json!({"choices": [{"image": "YQ=="}, {"image": "Yg=="}]});
    for (reply, (path, body), told) in [
        (pictures.clone(), draw(1), Some("The reply has 2 pictures, but the request asks for n: 1.")),
        (pictures, draw(3), None),
        (json!({"image": "YQ=="}), draw(2), None),
        (
            json!({"embedding": vectors(3)}),
            embed(json!({})),
            Some("The reply has 3 vectors, but the request has 1 input."),
        ),
        (
            json!({"embedding": vectors(3)}),
            embed(json!({"input": ["a", "b"]})),
            Some("The reply has 3 vectors, but the request has 2 inputs."),
        ),
        (json!({"embedding": vectors(2)}), embed(json!({"input": [[1, 2], [3]]})), None),
        (json!({"embedding": vectors(1)}), embed(json!({"input": ["a", "b"]})), None),
        (
            json!({"embedding": [0.5, 0.25, 0.125]}),
            embed(json!({"dimensions": 2})),
            Some("The reply has a vector of 3 numbers, but the request asks for dimensions: 2."),
        ),
        (
            json!({"embedding": [[0.5, 0.25], [1]]}),
            embed(json!({"input": ["a", "b"], "dimensions": 2})),
            Some("The reply has a vector of 1 number, but the request asks for dimensions: 2."),
        ),
        (json!({"embedding": [0.5, 0.25, 0.125]}), embed(json!({"dimensions": 3})), None),
    ] {
        let emulator = start(json!({"checkReplies": "fail"}));
        assert_eq!(send(&emulator, KEY, "/_emulator/script", &json!({"responses": [reply]})).status, 200);
        let got = send(&emulator, KEY, path, &body);
        let error = got.json()["error"].take();
        let expected = told.map(|told| format!("The scripted reply does not fit the request: {told}"));
        assert_eq!(error["message"].as_str(), expected.as_deref(), "{reply} {body}");
        assert_eq!(error["code"].as_str(), told.map(|_| "script_mismatch"), "{reply} {body}");
    }
}

#[test]
fn prompts_of_tokens_are_their_text() {
    let emulator = scripted(json!([{"match": {"user": "Hello world$"}, "text": "Hi.", "times": 9}]));
    for (prompt, asked, choices) in [
        (json!("Hello world"), 2, 1),
        (json!([9906, 1917]), 2, 1),
        (json!([[9906], [9906, 1917]]), 3, 2),
        (json!(["Hello", "Hello world"]), 3, 2),
    ] {
        let body = json!({"model": "gpt-3.5-turbo-instruct", "prompt": prompt});
        let got = send(&emulator, KEY, "/v1/completions", &body);
        assert_eq!(got.status, 200, "{prompt}: {}", got.text());
        assert_eq!(got.json()["usage"]["prompt_tokens"], asked, "{prompt}");
        assert_eq!(got.json()["choices"].as_array().map(Vec::len), Some(choices), "{prompt}");
    }
    let echoed = json!({"model": "gpt-3.5-turbo-instruct", "prompt": [9906, 1917], "echo": true});
    assert_eq!(send(&emulator, KEY, "/v1/completions", &echoed).json()["choices"][0]["text"], "Hello worldHi.");
}
