//! Who may use the control room: every route of it, whatever the request says it brings.

use super::room_tests::{Watching, any, chat, done, watch};
use super::tests::{exchange, request, start};
use crate::emulator::Emulator;
use serde_json::{Value, json};

/// Every route, with an id in the place of each.
const ROUTES: &[(&str, &str)] = &[
    ("GET", "/api/preset-queue"),
    ("DELETE", "/api/preset-queue"),
    ("GET", "/api/preset-queue/export"),
    ("POST", "/api/preset-queue/import"),
    ("GET", "/api/preset-queue/127.0.0.1"),
    ("POST", "/api/preset-queue/127.0.0.1"),
    ("DELETE", "/api/preset-queue/127.0.0.1"),
    ("POST", "/api/preset-queue/127.0.0.1/batch"),
    ("POST", "/api/preset-queue/127.0.0.1/import"),
    ("GET", "/api/preset-queue/127.0.0.1/export"),
    ("PATCH", "/api/preset-queue/127.0.0.1/1"),
    ("PUT", "/api/preset-queue/127.0.0.1/1"),
    ("DELETE", "/api/preset-queue/127.0.0.1/1"),
    ("POST", "/api/preset-queue/127.0.0.1/1/duplicate"),
    ("GET", "/api/bypass/config"),
    ("PUT", "/api/bypass/config"),
    ("POST", "/api/bypass/enable"),
    ("POST", "/api/bypass/disable"),
    ("GET", "/api/bypass/history"),
    ("GET", "/api/settings"),
    ("GET", "/api/exchanges"),
    ("DELETE", "/api/exchanges"),
    ("GET", "/api/exchanges/1"),
    ("GET", "/api/exchanges/1/why"),
    ("POST", "/api/exchanges/1/again"),
    ("GET", "/api/models"),
    ("GET", "/api/statistics"),
    ("GET", "/api/sessions"),
    ("POST", "/api/sessions"),
    ("DELETE", "/api/sessions/1"),
    ("GET", "/api/sessions/1/state"),
    ("POST", "/api/sessions/1/script"),
    ("POST", "/api/sessions/1/reset"),
    ("PUT", "/api/sessions/1/clock"),
    ("POST", "/api/shared-script"),
    ("GET", "/api/pending"),
    ("POST", "/api/pending/1/answer"),
    ("POST", "/api/pending/1/send_response"),
    ("POST", "/api/pending/1/claim"),
    ("POST", "/api/pending/1/release"),
    ("POST", "/api/pending/1/type"),
    ("POST", "/api/pending/1/finish"),
    ("POST", "/api/pending/1/cut"),
    ("POST", "/api/pending/1/fallback"),
    ("POST", "/api/pending/1/upstream"),
    ("POST", "/api/pending/1/go"),
    ("POST", "/api/pending/1/step"),
    ("POST", "/api/pending/1/edit"),
    ("POST", "/api/pending/1/drop"),
    ("GET", "/api/breakpoints"),
    ("POST", "/api/breakpoints"),
    ("PUT", "/api/breakpoints"),
    ("DELETE", "/api/breakpoints"),
    ("DELETE", "/api/breakpoints/1"),
    ("GET", "/api/nothing"),
    ("GET", "/ws"),
    ("POST", "/_emulator/shared-script"),
    ("GET", "/_emulator/sessions"),
    ("POST", "/_emulator/sessions"),
    ("DELETE", "/_emulator/sessions"),
    ("DELETE", "/_emulator/sessions/x"),
];

/// What forms and pages may send without asking first, what they must ask for, and none at all.
const TYPES: &[&str] = &[
    "",
    "content-type: application/json\r\n",
    "content-type: text/plain\r\n",
    "content-type: application/x-www-form-urlencoded\r\n",
    "content-type: multipart/form-data; boundary=x\r\n",
];

/// The status and the code of what is answered.
fn asked(emulator: &Emulator, method: &str, path: &str, host: &str, headers: &str) -> (u16, String) {
    let upgrade = match path {
        "/ws" => {
            "connection: upgrade, close\r\nupgrade: websocket\r\nsec-websocket-version: 13\r\nsec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==\r\n"
        }
        _ => "connection: close\r\n",
    };
    let bytes = format!("{method} {path} HTTP/1.1\r\nhost: {host}\r\n{upgrade}{headers}content-length: 2\r\n\r\n{{}}");
    let got = exchange(emulator, bytes.as_bytes()).unwrap_or_else(|| panic!("{method} {path}: no answer"));
    let code = serde_json::from_slice::<serde_json::Value>(&got.body).unwrap_or_default();
    (got.status, code["error"]["code"].as_str().unwrap_or_default().to_string())
}

#[test]
fn pages_and_names_of_others_are_refused_on_every_route_whatever_they_send() {
    let emulator = start(json!({}));
    for (method, path) in ROUTES {
        for kind in TYPES {
            for (host, headers) in [
                ("127.0.0.1", "origin: http://evil.example\r\n"),
                ("127.0.0.1", "origin: null\r\n"),
                ("127.0.0.1", "origin: http://localhost\r\norigin: http://evil.example\r\n"),
                ("127.0.0.1", "sec-fetch-site: cross-site\r\n"),
                ("evil.example", ""),
                ("evil.example", "origin: http://evil.example\r\n"),
            ] {
                let (status, code) = asked(&emulator, method, path, host, &format!("{kind}{headers}"));
                assert_eq!(
                    (status, code.as_str()),
                    (403, "forbidden"),
                    "{method} {path} under {host} with {kind:?} {headers:?}"
                );
            }
        }
    }
    assert!(emulator.sessions().iter().all(|session| session.is_untouched()));
}

#[test]
fn beyond_loopback_every_route_needs_the_token() {
    let emulator = start(json!({"host": "0.0.0.0", "controlToken": "secret"}));
    for (method, path) in ROUTES {
        let closed = if path.starts_with("/_emulator") { "forbidden" } else { "control_token_required" };
        for wrong in [
            "",
            "x-llemulator-control-token: wrong\r\n",
            "authorization: Bearer secret\r\n",
            "sec-websocket-protocol: llemulator, llemulator-token.wrong\r\n",
        ] {
            let (status, code) = asked(&emulator, method, path, "127.0.0.1", wrong);
            assert_eq!((status, code.as_str()), (403, closed), "{method} {path} with {wrong:?}");
        }
        // The token opens no door to pages of others.
        let token = "x-llemulator-control-token: secret\r\norigin: http://evil.example\r\n";
        assert_eq!(asked(&emulator, method, path, "127.0.0.1", token).0, 403, "{method} {path}");
        if *path != "/ws" {
            let (status, _) = asked(&emulator, method, path, "127.0.0.1", "x-llemulator-control-token: secret\r\n");
            assert_ne!(status, 403, "{method} {path}");
        }
    }
    let bare = start(json!({"host": "0.0.0.0"}));
    assert_eq!(asked(&bare, "GET", "/api/settings", "127.0.0.1", "").0, 403, "without a token there is no way in");
}

/// Whatever a key came in, and whoever answered: no event has it, and no route.
#[test]
fn keys_appear_in_no_event_and_on_no_route() {
    const SECRET: &str = "very-secret-key";
    let real = start(json!({"auth": "optional", "fallback": "echo"}));
    let emulator = start(
        json!({"fallback": "manual", "upstream": format!("{}/v1", real.url()), "upstreamKey": format!("sk-upstream-{SECRET}")}),
    );
    let mut socket = watch(&emulator);
    assert_eq!(any(&mut socket)["type"], "hello");
    let headers = format!(
        "api-key: {SECRET}\r\nx-api-key: {SECRET}\r\nproxy-authorization: Basic {SECRET}\r\ncookie: a={SECRET}\r\nx-auth-token: {SECRET}\r\n"
    );
    let key = format!("sk-{SECRET}");
    let path = format!("/v1/chat/completions?api-key={SECRET}&access_token={SECRET}");
    let ask = |text: &str| {
        let body = chat(text, true).to_string();
        exchange(&emulator, &request("POST", &path, &key, &headers, body.as_bytes())).expect("an answer").text()
    };
    let mut told = Vec::new();
    std::thread::scope(|scope| {
        let asked = scope.spawn(|| ask("by hand"));
        let id = until(&mut socket, "new_request", &mut told);
        told.push(done(&emulator, "GET", "/api/pending", Value::Null));
        let at = format!("/api/pending/{}/answer", id.as_str().expect("an id"));
        done(&emulator, "POST", &at, json!({"reply": "By hand.", "keep": {"match": "by hand"}}));
        assert!(asked.join().expect("an answer").contains("[DONE]"));
    });
    done(&emulator, "POST", "/api/preset-queue/127.0.0.1", json!({"response": {"choices": []}}));
    ask("from the queue");
    emulator.upstream.bypass(true);
    assert!(ask("by the upstream").contains("Echo"));
    until(&mut socket, "bypass_response", &mut told);
    let id = until(&mut socket, "exchange_ended", &mut told);
    let id = id.as_str().expect("an id");
    let session = done(&emulator, "GET", "/api/sessions", Value::Null)["data"][0]["id"].clone();
    for (method, path) in ROUTES.iter().filter(|(method, path)| *method == "GET" && path.starts_with("/api")) {
        let of = if path.contains("sessions") { session.as_str().expect("an id") } else { id };
        let got = exchange(&emulator, &request(method, &path.replacen("s/1", &format!("s/{of}"), 1), "k", "", b""));
        told.push(got.expect("an answer").json());
    }
    let all = Value::from(told).to_string();
    // The session is the one that was asked in, and what was asked is there.
    assert!(all.contains("by the upstream") && all.contains("completed_request") && all.contains("sk-…"), "{all}");
    assert!(!all.contains(SECRET), "{all}");
}

/// Reads events to the next one of a kind; the id it is of.
fn until(socket: &mut Watching, kind: &str, told: &mut Vec<Value>) -> Value {
    loop {
        let event = any(socket);
        let (found, id) = (event["type"] == kind, event["data"]["id"].clone());
        told.push(event);
        if found {
            return id;
        }
    }
}
