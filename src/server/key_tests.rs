//! Keys and the sessions they open.

use super::tests::{Got, exchange, request, send, start};
use crate::clock::Mode;
use crate::control;
use crate::emulator::Emulator;
use serde_json::{Value, json};
use std::sync::Arc;

fn models(emulator: &Emulator, headers: &str) -> Got {
    let head = format!("GET /v1/models HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n{headers}\r\n");
    exchange(emulator, head.as_bytes()).expect("an answer")
}

#[test]
fn keys_are_let_in_by_profile() {
    // Without one · with spaces · the scheme in lower case · Azure's · none at all · another scheme · refused by name.
    let cases = ["", "Bearer My API Key", "bearer a", "Bearer", "Basic abc", "Bearer invalid-key"];
    for (profile, expected) in [
        ("strict", [401, 200, 200, 401, 401, 401]),
        ("relaxed", [200, 200, 200, 401, 401, 401]),
        ("llemulator", [401, 401, 401, 401, 401, 401]),
    ] {
        let emulator = start(json!({"profile": profile}));
        for (value, status) in cases.iter().zip(expected) {
            let header = if value.is_empty() { String::new() } else { format!("authorization: {value}\r\n") };
            let got = models(&emulator, &header);
            assert_eq!(got.status, status, "{profile}: {value:?}: {}", got.text());
        }
        assert_eq!(models(&emulator, "api-key: My API Key\r\n").status, 200, "{profile}");
    }
    let strict = start(json!({}));
    let message = models(&strict, "").json()["error"]["message"].to_string();
    assert!(message.contains("You didn't provide an API key."), "{message}");
    assert_eq!(models(&start(json!({"auth": "optional"})), "").status, 200);
}

#[test]
fn a_key_with_spaces_names_one_session() {
    let emulator = start(json!({}));
    let loaded = send(&emulator, "My API Key", "/_emulator/script", &json!({"responses": ["spaced"]}));
    assert_eq!(loaded.status, 200, "{}", loaded.text());
    let body = json!({"model": "gpt-4o", "messages": [{"role": "user", "content": "x"}]});
    let answer = send(&emulator, "My API Key", "/v1/chat/completions", &body).json();
    assert_eq!(answer["choices"][0]["message"]["content"], "spaced");
}

fn open(emulator: &Arc<Emulator>, body: &Value) -> (u16, Value) {
    control::in_process(emulator, None, "POST", "/_emulator/sessions", &body.to_string())
}

#[test]
fn the_first_making_of_a_session_decides() {
    let emulator = start(json!({"fallback": "echo"}));
    let (_, made) = open(&emulator, &json!({"name": "own", "clock": "manual", "seed": 7}));
    let key = made["api_key"].as_str().expect("a key").to_string();
    let loaded = control::in_process(&emulator, Some(&key), "POST", "/_emulator/script", r#"{"responses": ["kept"]}"#);
    assert_eq!(loaded.0, 200, "{}", loaded.1);
    // By name with nothing, with a part, with all; by the path; by the key: always the same session.
    for again in [
        json!({"name": "own"}),
        json!({"name": "own", "clock": "manual"}),
        json!({"name": "own", "seed": 7}),
        json!({"name": "own", "clock": "manual", "seed": 7}),
    ] {
        assert_eq!(open(&emulator, &again), (200, made.clone()), "{again}");
    }
    let body = json!({"model": "gpt-4o", "messages": [{"role": "user", "content": "x"}]}).to_string();
    let by_path = request("POST", "/_session/own/v1/chat/completions", "ignored", "", body.as_bytes());
    let answer = exchange(&emulator, &by_path).expect("an answer").json();
    assert_eq!(answer["choices"][0]["message"]["content"], "kept");
    let session = emulator.session(&key);
    assert_eq!((session.seed, session.name.as_str(), session.journal.completed_count()), (7, "own", 1));
    // A contradiction changes nothing and says what is there.
    for (again, option) in [
        (json!({"name": "own", "clock": "real"}), "clock"),
        (json!({"name": "own", "seed": 0}), "seed"),
        (json!({"name": "own", "clock": "manual", "seed": 8}), "seed"),
    ] {
        let (status, refused) = open(&emulator, &again);
        let error = &refused["error"];
        assert_eq!((status, &error["code"], &error["param"]), (400, &json!("session_exists"), &json!(option)));
        let message = error["message"].to_string();
        assert!(message.contains("clock manual and seed 7"), "{message}");
    }
    assert!(Arc::ptr_eq(&session, &emulator.session(&key)));
    // Made by its path first, it has the emulator's clock and seed, and they are its own.
    let by_path = request("GET", "/_session/late/v1/models", "ignored", "", b"");
    assert_eq!(exchange(&emulator, &by_path).expect("an answer").status, 200);
    assert_eq!(open(&emulator, &json!({"name": "late", "clock": "instant"})).0, 400);
    assert_eq!(open(&emulator, &json!({"name": "late", "clock": "real", "seed": 0})).0, 200);
    // Deleted, it can be made anew.
    assert_eq!(control::in_process(&emulator, None, "DELETE", "/_emulator/sessions/own", "").0, 200);
    // Somebody who still waits for requests of its key has not made it.
    assert_eq!(emulator.session(&key).name, key);
    assert_eq!(open(&emulator, &json!({"name": "own", "clock": "instant"})).0, 200);
    assert_eq!((emulator.session(&key).name.as_str(), emulator.session(&key).clock.mode()), ("own", Mode::Instant));
    // Asked by its key, it is made.
    assert_eq!(control::in_process(&emulator, None, "DELETE", "/_emulator/sessions/own", "").0, 200);
    let by_key = request("GET", "/v1/models", &key, "", b"");
    assert_eq!(exchange(&emulator, &by_key).expect("an answer").status, 200);
    assert_eq!(open(&emulator, &json!({"name": "own", "clock": "instant"})).0, 400);
}

/// What a chat under a key says, or the code of its error.
fn chat(emulator: &Emulator, key: &str) -> String {
    let body = json!({"model": "gpt-4o", "messages": [{"role": "user", "content": "x"}]});
    let answer = send(emulator, key, "/v1/chat/completions", &body).json();
    let said = answer["choices"][0]["message"]["content"].as_str().or(answer["error"]["code"].as_str());
    said.unwrap_or_default().to_string()
}

#[test]
fn a_client_secret_opens_the_session_of_its_maker_until_it_expires() {
    let emulator = start(json!({"clock": "manual", "auth": ["maker"]}));
    let object = json!({"match": {"operation": "realtime.client_secrets.create", "body": {"session": {"model": "mine"}}},
        "object": {"value": "ek_mine"}, "times": -1});
    let script = json!({"rules": [object, {"match": {"operation": "chat.completions.create"}, "text": "the maker's", "times": -1}]});
    let loaded = send(&emulator, "maker", "/_emulator/script", &script);
    assert_eq!(loaded.status, 200, "{}", loaded.text());
    let make = |path: &str, body: Value, place: &str| {
        let made = send(&emulator, "maker", path, &body);
        assert_eq!(made.status, 200, "{}", made.text());
        made.json().pointer(place).and_then(Value::as_str).expect("a secret").to_string()
    };
    let workflow =
        json!({"workflow": {"id": "wf_a"}, "user": "u", "expires_after": {"anchor": "created_at", "seconds": 30}});
    let named = json!({"session": {"type": "realtime", "model": "mine"}});
    for (path, body, place, seconds) in [
        ("/v1/realtime/client_secrets", json!({}), "/value", 600),
        ("/v1/realtime/client_secrets", named, "/value", 600),
        (
            "/v1/realtime/translations/client_secrets",
            json!({"session": {"model": "gpt-realtime-translate"}}),
            "/value",
            600,
        ),
        ("/v1/realtime/sessions", json!({}), "/client_secret/value", 60),
        ("/v1/realtime/transcription_sessions", json!({}), "/client_secret/value", 60),
        ("/v1/chatkit/sessions", workflow, "/client_secret", 30),
    ] {
        let secret = make(path, body, place);
        assert!(secret.starts_with("ek_"), "{path}: {secret}");
        let advance = |seconds: u64| {
            let body = json!({"advance_ms": seconds * 1_000}).to_string();
            assert_eq!(control::in_process(&emulator, Some("maker"), "PUT", "/_emulator/clock", &body).0, 200);
        };
        assert_eq!(chat(&emulator, &secret), "the maker's", "{path}");
        let by_header = format!("api-key: {secret}\r\n");
        assert_eq!(models(&emulator, &by_header).status, 200, "{path}");
        advance(seconds - 1);
        assert_eq!(chat(&emulator, &secret), "the maker's", "{path}");
        advance(1);
        // Now it is a key like any other.
        assert_eq!(chat(&emulator, &secret), "invalid_api_key", "{path}");
    }
    assert_eq!(chat(&emulator, "ek_unknown"), "invalid_api_key");
    // One that is gone has made nothing; a reset leaves what others hold.
    let secret = make("/v1/realtime/client_secrets", json!({}), "/value");
    assert_eq!(send(&emulator, "maker", "/_emulator/reset", &json!({})).status, 200);
    assert_eq!(send(&emulator, "maker", "/_emulator/script", &json!({"responses": ["after"]})).status, 200);
    assert_eq!(chat(&emulator, &secret), "after");
    emulator.close_session("maker");
    assert_eq!(chat(&emulator, &secret), "invalid_api_key");
}

#[test]
fn a_session_that_was_made_by_its_name_is_let_in_beside_the_listed_keys() {
    let emulator = start(json!({"auth": ["listed"], "fallback": "echo"}));
    let made = send(&emulator, "listed", "/_emulator/sessions", &json!({"name": "mine"})).json();
    let key = made["api_key"].as_str().expect("a key");
    assert_eq!((chat(&emulator, key), chat(&emulator, "listed")), ("Echo: x".into(), "Echo: x".into()));
    assert_eq!(chat(&emulator, "other"), "invalid_api_key");
    // Nor does it help to have been refused once.
    assert_eq!(chat(&emulator, "other"), "invalid_api_key");
}

#[test]
fn a_cancelled_chatkit_session_lets_its_secret_go() {
    let emulator = start(json!({"auth": ["maker"], "fallback": "echo"}));
    let made =
        send(&emulator, "maker", "/v1/chatkit/sessions", &json!({"workflow": {"id": "wf_a"}, "user": "u"})).json();
    let secret = made["client_secret"].as_str().expect("a secret").to_string();
    assert_eq!(chat(&emulator, &secret), "Echo: x");
    let cancel = format!("/v1/chatkit/sessions/{}/cancel", made["id"].as_str().expect("an id"));
    assert_eq!(send(&emulator, "maker", &cancel, &json!({})).json()["status"], "cancelled");
    assert_eq!(chat(&emulator, &secret), "invalid_api_key");
}
