//! The entry needs no HTTP: what is asked of it within the process is answered as over HTTP.

use super::transport;
use crate::emulator::Emulator;
use crate::exchange::body::{Coming, Sent};
use crate::exchange::route;
use crate::exchange::run::Asked;
use crate::server::tests::{exchange, request, send, start, within};
use crate::wire::headers::Headers;
use serde_json::{Value, json};
use std::sync::Arc;

const KEY: &str = "sk-within";
const JSON: &str = "application/json";
const FORM: &str = "multipart/form-data; boundary=x";
const FILE: &str = "--x\r\ncontent-disposition: form-data; name=\"purpose\"\r\n\r\nbatch\r\n\
    --x\r\ncontent-disposition: form-data; name=\"file\"; filename=\"a.jsonl\"\r\n\r\nabc\r\n--x--\r\n";

/// An emulator, and a script that answers the form with what it says of its file.
fn emulator() -> Arc<Emulator> {
    let emulator = start(json!({"clock": "instant", "seed": 7}));
    let sha256 = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
    let script = json!({"defaults": {"fallback": {"generate": {}}}, "responses": [
        {"match": "limited", "error": {"status": 429, "retry_after_ms": 1}},
        {"match": {"operation": "files.create", "json": {"purpose": "batch", "file": {"sha256": sha256}}},
            "raw": {"status": 201, "headers": {"x-own": "1"}, "body": {"id": "file-1"}}},
    ]});
    assert_eq!(send(&emulator, KEY, "/_emulator/script", &script).status, 200);
    emulator
}

/// What is asked, made by hand: no type of HTTP's but the map that headers are read from.
fn asked(emulator: &Emulator, method: &str, target: &str, media: &str, body: &str) -> Asked {
    let normal = route::normalize(target, &emulator.settings.prefixes);
    let route = route::find(method, &normal.path);
    let headers = Arc::new(Headers::single("content-type", media));
    let session = Ok(emulator.session(KEY));
    let body = Sent::Coming(Coming::of(body.to_string().into()));
    Asked {
        method: method.into(),
        target: target.into(),
        normal,
        route,
        query: vec![],
        headers,
        session,
        body,
        lane: None,
        peer: None,
        budget: Arc::default(),
    }
}

/// The events of an HTTP body as lines: their names and their JSON.
fn lines(text: &str) -> String {
    let events = text.split("\n\n").filter(|event| !event.is_empty() && *event != "data: [DONE]");
    events.map(|event| event.replace("event: ", "").replace("\ndata: ", "").replace("data: ", "") + "\n").collect()
}

#[test]
fn the_entry_answers_without_http_as_over_http() {
    let (over_http, within_process) = (emulator(), emulator());
    let chat = |text: &str, stream: bool| {
        json!({"model": "gpt-4o", "messages": [{"role": "user", "content": text}], "stream": stream}).to_string()
    };
    let responses = json!({"model": "gpt-5", "input": "Tell me.", "stream": true}).to_string();
    for (method, target, media, body, status) in [
        ("POST", "/v1/chat/completions", JSON, chat("Tell me.", false), 200),
        ("POST", "/v1/chat/completions", JSON, chat("Tell me.", true), 200),
        ("POST", "/v1/responses", JSON, responses, 200),
        ("GET", "/v1/models", JSON, String::new(), 200),
        ("POST", "/v1/files", FORM, FILE.into(), 201),
        ("POST", "/v1/files", FORM, FILE.replace("abc", "abd").replace("batch", "fun"), 400),
        ("POST", "/v1/chat/completions", JSON, chat("limited", false), 429),
        ("POST", "/v1/chat/completions", JSON, "{".into(), 400),
        ("POST", "/v1/chat/completions", JSON, chat("Tell me.", false).replace("gpt-4o", "no-such"), 404),
        ("GET", "/v1/nothing", JSON, String::new(), 404),
        ("DELETE", "/v1/chat/completions", JSON, String::new(), 405),
    ] {
        let case = format!("{method} {target} {body}");
        let head = String::from_utf8(request(method, target, KEY, "", body.as_bytes())).expect("text");
        let got = exchange(&over_http, head.replace(JSON, media).as_bytes()).expect("an answer");
        let heard = within(&case, async {
            let asked = asked(&within_process, method, target, media, &body);
            transport::ask(&within_process, asked).await
        });
        assert_eq!((got.status, heard.status), (status, status), "{case}: {} {}", got.text(), heard.text);
        let own = heard.headers.into_iter().chain([("x-request-id".into(), heard.request_id)]);
        for (name, value) in own {
            let line = format!("\r\n{name}: {value}").to_lowercase();
            assert!(got.head.contains(&line), "{case}: no {line:?} in {}", got.head);
        }
        match got.head.contains("text/event-stream") {
            true => assert_eq!(lines(&got.text()), heard.text, "{case}"),
            false => assert_eq!(got.json(), serde_json::from_str::<Value>(&heard.text).expect("JSON"), "{case}"),
        }
    }
}
