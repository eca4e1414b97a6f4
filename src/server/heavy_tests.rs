//! What is heavy to read, check or answer holds up nobody else.

use super::tests::{connect, exchange, request, send, start};
use crate::emulator::Emulator;
use serde_json::{Map, Value, json};
use std::io::{Read, Write};
use std::thread;

/// Answers that others got while this request was answered: asked for one after the other, beginning when all of it
/// was sent.
fn answers_meanwhile(emulator: &Emulator, path: &str, headers: &str, body: &[u8]) -> usize {
    let mut heavy = connect(emulator);
    heavy.write_all(&request("POST", path, "heavy", headers, body)).expect("sends");
    let answered = thread::spawn(move || heavy.read(&mut [0; 1]).expect("an answer"));
    let mut count = 0;
    while !answered.is_finished() {
        let small = exchange(emulator, &request("GET", "/v1/models/gpt-4o", "small", "", b"")).expect("an answer");
        assert_eq!(small.status, 200);
        count += 1;
    }
    assert_eq!(answered.join().expect("it is read"), 1, "{path}");
    count
}

fn many<T>(count: usize, make: impl Fn(usize) -> T) -> Vec<T> {
    (0..count).map(make).collect()
}

fn properties(count: usize) -> Value {
    (0..count).map(|number| (format!("p{number}"), json!({"type": "string"}))).collect::<Map<_, _>>().into()
}

fn zipped(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    encoder.write_all(bytes).and_then(|()| encoder.finish()).expect("memory takes it")
}

#[test]
fn a_heavy_request_lets_others_pass() {
    let emulator = start(json!({"fallback": "echo"}));
    let user = json!([{"role": "user", "content": "hi"}]);
    let closed = json!({
        "type": "object", "additionalProperties": false, "required": [], "properties": {}, "$defs": properties(10_000),
    });
    let format = json!({"type": "json_schema", "json_schema": {"name": "a", "strict": true, "schema": closed}});
    let tool = json!({"type": "function", "function": {"name": "f", "parameters": {"type": "object", "properties": properties(10_000)}}});
    let alike = json!({"type": "text_similarity", "name": "a", "evaluation_metric": "fuzzy_match",
        "input": "{{ sample.output_text }}", "reference": "{{ item.a }}"});
    let chat = "/v1/chat/completions";
    let bodies = [
        (chat, json!({"model": "gpt-4o", "messages": user, "unknown": many(300_000, |_| 1)})),
        (chat, json!({"model": "gpt-4o", "messages": many(3_000, |_| json!({"role": "user", "content": "hi"}))})),
        (chat, json!({"model": "gpt-4o", "messages": user, "response_format": format})),
        (chat, json!({"model": "gpt-4o", "messages": user, "tools": [tool]})),
        (chat, json!({"model": "gpt-4o", "messages": [{"role": "user", "content": "word ".repeat(60_000)}]})),
        (
            "/v1/responses",
            json!({"model": "gpt-4o", "input": many(3_000, |_| json!({"role": "user", "content": "hi"}))}),
        ),
        ("/v1/moderations", json!({"input": many(1_000, |_| "kill ".repeat(20))})),
        // Few bytes that ask for many.
        ("/v1/moderations", json!({"input": many(2_000, |_| "a")})),
        ("/v1/embeddings", json!({"model": "text-embedding-3-large", "input": many(200, |_| "a")})),
        (chat, json!({"model": "gpt-4o", "n": 128, "messages": [{"role": "user", "content": "word ".repeat(9_000)}]})),
        (
            "/v1/fine_tuning/alpha/graders/run",
            json!({"grader": alike, "model_sample": "a".repeat(5_000), "item": {"a": "b".repeat(5_000)}}),
        ),
        ("/_emulator/script", json!({"responses": many(40_000, |_| "hi")})),
    ];
    for (path, body) in bodies {
        let bytes = body.to_string().into_bytes();
        for (headers, bytes) in [("", bytes.clone()), ("content-encoding: gzip\r\n", zipped(&bytes))] {
            let passed = answers_meanwhile(&emulator, path, headers, &bytes);
            assert!(passed > 5, "{path} {headers}{:.80}: {passed} others were answered", body.to_string());
        }
    }
}

#[test]
fn what_a_short_request_multiplies_has_an_end() {
    let emulator = start(json!({"auth": "optional", "fallback": "echo"}));
    let asked = |path: &str, body: &Value| send(&emulator, "sk-many", path, body);
    let chat = |words: usize, more: Value| {
        let mut body = json!({"model": "gpt-4o", "messages": [{"role": "user", "content": "hello ".repeat(words)}]});
        body.as_object_mut().expect("an object").extend(more.as_object().cloned().unwrap_or_default());
        body
    };
    let scored = |n: usize, stream: bool| json!({"n": n, "stream": stream, "logprobs": true, "top_logprobs": 20});
    let legacy = |prompts: usize, n: usize| json!({"model": "gpt-3.5-turbo-instruct", "prompt": vec!["hello ".repeat(20); prompts], "n": n, "best_of": n, "echo": true, "logprobs": 5});
    let judged = |inputs: usize| json!({"input": vec!["x"; inputs]});
    for (path, refused, taken, param) in [
        ("/v1/chat/completions", chat(5_000, scored(128, false)), chat(5_000, scored(1, false)), "logprobs"),
        ("/v1/chat/completions", chat(5_000, scored(128, true)), chat(100, scored(4, true)), "logprobs"),
        ("/v1/completions", legacy(2_000, 20), legacy(20, 2), "logprobs"),
        ("/v1/moderations", judged(100_000), judged(1_000), "input"),
        (
            "/v1/chat/completions",
            chat(300_000, json!({"model": "gpt-4.1", "n": 128})),
            chat(1_000, json!({"n": 128})),
            "",
        ),
    ] {
        let got = asked(path, &refused);
        let error = got.json()["error"].clone();
        assert_eq!((got.status, &error["code"]), (400, &json!("schema_too_complex")), "{path}: {}", got.text().len());
        assert_eq!(error["param"].as_str().unwrap_or_default(), param, "{path}: {error}");
        let got = asked(path, &taken);
        assert_eq!(got.status, 200, "{path}: {:?}", got.text().get(..500));
    }
}
