//! Every refusal of every operation: OpenAI's envelope, and nothing of the session has changed.

use crate::api::{self, ServiceLevel};
use crate::control;
use crate::emulator::Emulator;
use crate::server::objects_tests::smallest;
use crate::server::tests::{Got, exchange, request, send, start};
use crate::surface::Operation;
use crate::surface::operations::{Form, all};
use proptest::prelude::*;
use serde_json::{Value, json};
use std::collections::HashMap;
use std::sync::{Arc, LazyLock};

const KEY: &str = "sk-refused";

fn emulator() -> Arc<Emulator> {
    let emulator = start(json!({"maxBodyBytes": 4000, "auth": "required", "clock": "instant"}));
    let script = json!({"responses": ["only"], "defaults": {"rate_limits": {"*": {"rpm": 1000}}}});
    let loaded = send(&emulator, KEY, "/_emulator/script", &script);
    assert_eq!(loaded.status, 200, "{}", loaded.text());
    emulator
}

/// A body the operation takes, for those that need one.
fn body(operation: &str) -> Value {
    match operation.strip_prefix("beta.").unwrap_or(operation) {
        "chat.completions.create" => json!({"model": "gpt-4o", "messages": [{"role": "user", "content": "x"}]}),
        "chat.completions.update" => json!({"metadata": {}}),
        "completions.create" => json!({"model": "gpt-3.5-turbo-instruct", "prompt": "x"}),
        "embeddings.create" => json!({"model": "text-embedding-3-small", "input": "x"}),
        "moderations.create" | "responses.input_tokens.count" => json!({"input": "x"}),
        "responses.create" | "responses.compact" => json!({"model": "gpt-4o", "input": "x"}),
        "conversations.update" => json!({"metadata": {}}),
        "assistants.create" => json!({"model": "gpt-4o"}),
        "threads.create_and_run" | "threads.runs.create" => json!({"assistant_id": "asst_unknown"}),
        "threads.messages.create" => json!({"role": "user", "content": "x"}),
        "threads.runs.submit_tool_outputs" => json!({"tool_outputs": []}),
        "uploads.complete" => json!({"part_ids": []}),
        "conversations.items.create" => json!({"items": [{"role": "user", "content": "x"}]}),
        _ => json!({}),
    }
}

/// A request with a form of one file, for the operations below a path that take one.
fn sent_form(path: &str) -> Vec<u8> {
    let form = "--x\r\ncontent-disposition: form-data; name=\"data\"; filename=\"a\"\r\n\r\nabc\r\n--x--\r\n";
    let asked = String::from_utf8(request("POST", path, KEY, "", form.as_bytes())).expect("text");
    asked.replace("application/json", "multipart/form-data; boundary=x").into_bytes()
}

/// The path of an operation, its gaps filled with ids nobody knows.
fn path(operation: &Operation) -> String {
    let fill = |segment: &str| if segment.starts_with('{') { "unknown_123".to_string() } else { segment.to_string() };
    format!("/v1{}", operation.path.split('/').map(fill).collect::<Vec<_>>().join("/"))
}

fn state(emulator: &Arc<Emulator>) -> Value {
    let (_, mut state) = control::in_process(emulator, Some(KEY), "GET", "/_emulator/state", "");
    // Refused requests are in the journal like any other.
    state.as_object_mut().expect("an object").remove("requests");
    state
}

#[track_caller]
fn refused(case: &str, got: &Got, status: u16) {
    assert_eq!(got.status, status, "{case}: {}", got.text());
    let error = got.json()["error"].clone();
    let keys: Vec<&str> = error.as_object().expect("an error").keys().map(String::as_str).collect();
    assert_eq!(keys, ["message", "type", "param", "code"], "{case}");
    assert!(error["message"].as_str().is_some_and(|message| message.len() > 10), "{case}: {error}");
    assert!(error["type"].is_string(), "{case}: {error}");
    assert!(got.head.contains("content-type: application/json"), "{case}: {}", got.head);
    assert!(got.head.contains("x-request-id: req_"), "{case}: {}", got.head);
}

#[test]
fn every_operation_refuses_in_openais_envelope_and_changes_nothing() {
    let emulator = emulator();
    let before = state(&emulator);
    for operation in all() {
        let (name, method, path) = (operation.name, operation.method, path(operation));
        let valid = body(name).to_string();
        let ask = |method: &str, headers: &str, body: &[u8]| {
            exchange(&emulator, &request(method, &path, KEY, headers, body)).expect("an answer")
        };
        let case = |what: &str| format!("{name}: {what}");
        for key in ["", "sk-invalid-key", "invalid key"] {
            let got = exchange(&emulator, &request(method, &path, key, "", valid.as_bytes())).expect("an answer");
            refused(&case("a bad key"), &got, 401);
        }
        let headless =
            format!("{method} {path} HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\ncontent-length: 0\r\n\r\n");
        refused(&case("no key"), &exchange(&emulator, headless.as_bytes()).expect("an answer"), 401);
        let wrong = ask("PATCH", "", valid.as_bytes());
        refused(&case("a wrong method"), &wrong, 405);
        assert!(wrong.head.contains("allow: "), "{}", wrong.head);
        let below = request(method, &format!("{path}/no/such"), KEY, "", b"");
        refused(&case("an unknown path"), &exchange(&emulator, &below).expect("an answer"), 404);
        if method != "POST" {
            continue;
        }
        if operation.form != Some(Form::Form) {
            refused(&case("no JSON"), &ask("POST", "", b"{\"model\":"), 400);
            refused(&case("a list"), &ask("POST", "", b"[]"), 400);
        }
        refused(&case("too large"), &ask("POST", "", "x".repeat(5000).as_bytes()), 413);
        refused(&case("an unknown encoding"), &ask("POST", "content-encoding: zstd\r\n", valid.as_bytes()), 415);
        refused(&case("a broken archive"), &ask("POST", "content-encoding: gzip\r\n", b"no archive"), 400);
        let mut strange = body(name);
        strange["no_such_parameter"] = json!(1);
        // A cancellation has no body to look at; a form is none.
        let status = match operation.form {
            Some(_) => 400,
            // A complaint of the emulator's own, in the strict profile.
            None if api::level(operation) == ServiceLevel::NotServed => 400,
            None if api::level(operation) == ServiceLevel::Synthesised => continue,
            None => 404,
        };
        refused(&case("an unknown parameter"), &ask("POST", "", strange.to_string().as_bytes()), status);
    }
    assert_eq!(state(&emulator), before);
}

#[test]
fn what_a_path_names_must_exist() {
    let emulator = start(json!({}));
    let built =
        all().iter().filter(|operation| api::level(operation) == ServiceLevel::Behaves && operation.path.contains('{'));
    for operation in built {
        let mut valid = if operation.method == "POST" { body(operation.name).to_string() } else { String::new() };
        if valid == "{}" && operation.body.is_some() {
            valid = smallest(operation).to_string();
        }
        let asked = match operation.form {
            Some(Form::Form) => sent_form(&path(operation)),
            _ => request(operation.method, &path(operation), KEY, "", valid.as_bytes()),
        };
        refused(operation.name, &exchange(&emulator, &asked).expect("an answer"), 404);
    }
}

#[test]
fn a_body_must_say_that_it_is_json_where_production_asks_for_it() {
    let post = |emulator: &Emulator, media: &str| {
        let body = body("chat.completions.create").to_string();
        let head = format!(
            "POST /v1/chat/completions HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\nauthorization: Bearer {KEY}\r\n\
             {media}content-length: {}\r\n\r\n{body}",
            body.len()
        );
        exchange(emulator, head.as_bytes()).expect("an answer")
    };
    let strict = start(json!({"fallback": "echo"}));
    for accepted in ["", "content-type: application/json\r\n", "content-type: Application/JSON; charset=utf-8\r\n"] {
        assert_eq!(post(&strict, accepted).status, 200, "{accepted}");
    }
    let got = post(&strict, "content-type: text/plain;charset=UTF-8\r\n");
    refused("text", &got, 400);
    assert_eq!(got.json()["error"]["code"], "unsupported_content_type");
    let relaxed = start(json!({"profile": "relaxed"}));
    assert_eq!(post(&relaxed, "content-type: application/x-www-form-urlencoded\r\n").status, 200);
}

#[test]
fn no_body_is_an_empty_one() {
    for profile in ["strict", "relaxed"] {
        no_body_is_an_empty_one_in(profile);
    }
}

fn no_body_is_an_empty_one_in(profile: &str) {
    let options = json!({"profile": profile, "clock": "instant"});
    let emulators = [start(options.clone()), start(options)];
    for operation in all().iter().filter(|operation| operation.method == "POST") {
        let answers = [("", &emulators[0]), ("{}", &emulators[1])].map(|(body, emulator)| {
            let got =
                exchange(emulator, &request("POST", &path(operation), KEY, "", body.as_bytes())).expect("an answer");
            let mut error = if got.body.is_empty() { Value::Null } else { got.json()["error"].clone() };
            // It has an id of this one request.
            if error["message"].as_str().is_some_and(|text| text.contains("req_")) {
                error["message"] = json!("");
            }
            (got.status, error)
        });
        assert_eq!(answers[0], answers[1], "{}", operation.name);
    }
}

#[test]
fn llemulators_profile_answers_a_chat_without_a_body() {
    let emulator = start(json!({"profile": "llemulator"}));
    let script = json!({"responses": ["plain"]});
    assert_eq!(send(&emulator, KEY, "/_emulator/script", &script).status, 200);
    let got = exchange(&emulator, &request("POST", "/v1/chat/completions", KEY, "", b"")).expect("an answer");
    assert_eq!(got.json()["choices"][0]["message"]["content"], "plain", "{}", got.text());
}

#[test]
fn encodings_are_known_in_any_case() {
    use std::io::Write;
    let emulator = start(json!({"fallback": "echo"}));
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    encoder.write_all(body("chat.completions.create").to_string().as_bytes()).expect("zips");
    let zipped = encoder.finish().expect("zips");
    for name in ["gzip", "GZIP", "X-Gzip"] {
        let headers = format!("content-encoding: {name}\r\n");
        let got = exchange(&emulator, &request("POST", "/v1/chat/completions", KEY, &headers, &zipped));
        assert_eq!(got.expect("an answer").status, 200, "{name}");
    }
}

#[test]
fn every_documented_status_can_be_scripted() {
    let emulator = start(json!({}));
    for status in [400, 401, 402, 403, 404, 405, 409, 413, 415, 422, 429, 500, 502, 503, 504] {
        let script = json!({"reset": true, "responses": [{"error": {"status": status}}]});
        assert_eq!(send(&emulator, KEY, "/_emulator/script", &script).status, 200);
        let got = send(&emulator, KEY, "/v1/chat/completions", &body("chat.completions.create"));
        refused("scripted", &got, status);
    }
}

#[test]
fn a_scripted_401_looks_like_our_own() {
    let emulator = start(json!({"clock": "instant", "validation": "off"}));
    let turns = all().iter().filter(|operation| operation.turn && api::level(operation) == ServiceLevel::Behaves);
    // Before a run is asked for, its assistant and its thread are looked for.
    let turns = turns.filter(|operation| operation.variant.is_none() && !operation.path.starts_with("/threads"));
    for operation in turns {
        let rule = json!({"match": {"operation": operation.name}, "error": {"status": 401}});
        assert_eq!(send(&emulator, KEY, "/_emulator/script", &json!({"responses": [rule]})).status, 200);
        let asked = body(operation.name);
        let forms = [KEY, "sk-invalid-key"].map(|key| {
            let got = send(&emulator, key, &path(operation), &asked);
            assert_eq!(got.status, 401);
            // The message names the key, the ids are each request's own.
            let own = ["x-request-id", "cf-ray", "content-length"];
            let head = got.head.lines().filter(|line| !own.iter().any(|name| line.starts_with(name)));
            let layout: String = got.text().chars().filter(|letter| letter.is_whitespace()).collect();
            let mut head: Vec<String> = head.map(str::to_string).collect();
            head.sort();
            (head, layout, got.json()["error"]["code"].clone())
        });
        assert_eq!(forms[0], forms[1], "{}", operation.name);
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn no_form_makes_the_emulator_panic(
        fields in prop::collection::vec(("[a-z\\[\\]]{0,8}", "\\PC{0,20}", any::<bool>()), 0..4),
        boundary in "[-a-z\"; ]{0,10}",
        rest in prop::collection::vec(any::<u8>(), 0..40),
        profile in prop::sample::select(vec!["strict", "relaxed"]),
    ) {
        static EMULATORS: LazyLock<HashMap<&str, Arc<Emulator>>> =
            LazyLock::new(|| ["strict", "relaxed"].map(|name| (name, start(json!({"profile": name})))).into());
        let mut body = Vec::new();
        for (name, value, ended) in &fields {
            body.extend(format!("--{boundary}\r\nContent-Disposition: form-data; name=\"{name}\"\r\n\r\n{value}").bytes());
            body.extend(if *ended { b"\r\n".as_slice() } else { b"" });
        }
        body.extend(&rest);
        let mut bytes = format!(
            "POST /v1/chat/completions HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\nauthorization: Bearer {KEY}\r\n\
             content-type: multipart/form-data; boundary={boundary}\r\ncontent-length: {}\r\n\r\n",
            body.len()
        )
        .into_bytes();
        bytes.extend(body);
        let got = exchange(&EMULATORS[profile], &bytes).expect("an answer");
        match profile {
            "strict" => refused("a form", &got, 400),
            // LLEmulator answers a chat that says nothing.
            _ => prop_assert!(got.status < 500, "{}", got.text()),
        }
    }
}

/// Runs functions with a bug of ours on the way to them.
struct Broken;

impl crate::session::callbacks::Dispatch for Broken {
    fn call(&self, _: String) -> std::pin::Pin<Box<dyn Future<Output = Result<String, String>> + Send>> {
        panic!("a bug")
    }

    fn notify(&self, _: String) {}
}

#[test]
fn a_bug_of_ours_is_an_answer_and_stands_in_the_journal() {
    let emulator = crate::server::start(
        crate::options::Options { auth: Some(crate::options::Auth::Optional), ..Default::default() },
        crate::options::Door::InProcess,
        Some(std::sync::Arc::new(Broken)),
    )
    .expect("it starts");
    let control = |method, path, body| crate::control::in_process(&emulator, Some("sk-a"), method, path, body);
    assert_eq!(control("POST", "/_emulator/script", r#"{"responses": [{"callback": 1}, "fine"]}"#).0, 200);
    let ask = || {
        send(
            &emulator,
            "sk-a",
            "/v1/chat/completions",
            &json!({"model": "gpt-4o", "messages": [{"role": "user", "content": "x"}]}),
        )
    };
    let broken = ask();
    assert_eq!((broken.status, &broken.json()["error"]["code"]), (400, &json!("emulator_panicked")), "strict");
    assert_eq!(ask().status, 200);
    let (_, journal) = control("GET", "/_emulator/requests", "");
    assert_eq!(journal["data"][0]["status"], 400, "{journal}");
}

/// Zeros in a list: small on the wire, a thousand times as large unzipped.
#[test]
fn what_is_made_to_burst_is_not_unzipped() {
    use std::io::Write;
    let emulator = start(json!({"auth": "optional", "fallback": "echo"}));
    let zipped = |text: &str| {
        let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::best());
        encoder.write_all(text.as_bytes()).and_then(|()| encoder.finish()).expect("zips")
    };
    let post = |path: &str, encoding: &str, body: &[u8]| {
        let headers = format!("content-encoding: {encoding}\r\n");
        exchange(&emulator, &request("POST", path, KEY, &headers, body)).expect("an answer")
    };
    let large = format!("[{}0]", "0,".repeat(8 << 20));
    let mut brotli = Vec::new();
    brotli::BrotliCompress(&mut large.as_bytes(), &mut brotli, &Default::default()).expect("zips");
    for (encoding, bomb) in [("gzip", zipped(&large)), ("br", brotli)] {
        for path in ["/v1/chat/completions", "/_emulator/script"] {
            let got = post(path, encoding, &bomb);
            assert_eq!(got.status, 413, "{path}: {}", got.text());
            let message = got.json()["error"]["message"].to_string();
            assert!(message.contains("100 times") && message.contains(&bomb.len().to_string()), "{message}");
        }
    }
    // Far more than a hundredfold too, but small.
    let plain = json!({"model": "gpt-4o", "messages": [{"role": "user", "content": " ".repeat(600_000)}]});
    assert_eq!(post("/v1/chat/completions", "gzip", &zipped(&plain.to_string())).status, 200);
}

#[test]
fn a_body_that_stops_coming_is_given_up() {
    use std::io::{Read, Write};
    let emulator = start(json!({"auth": "optional", "bodyTimeoutMs": 1}));
    for path in ["/v1/chat/completions", "/_emulator/script"] {
        let mut stream = crate::server::tests::connect(&emulator);
        let head = format!("POST {path} HTTP/1.1\r\nhost: 127.0.0.1\r\ncontent-length: 100\r\n\r\n{{\"model\"");
        stream.write_all(head.as_bytes()).expect("sends");
        let mut answer = String::new();
        stream.read_to_string(&mut answer).expect("an answer, and the end");
        assert!(answer.starts_with("HTTP/1.1 408") && answer.contains("bodyTimeoutMs"), "{path}: {answer}");
        assert!(answer.contains("request_timeout"), "{path}: {answer}");
    }
    let (_, journal) = control::in_process(&emulator, Some("anonymous"), "GET", "/_emulator/requests", "");
    assert_eq!((&journal["data"][0]["status"], &journal["data"][0]["outcome"]), (&json!(408), &json!("rejected")));
}
