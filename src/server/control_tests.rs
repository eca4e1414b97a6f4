//! What an emulator tells of itself, and the names of models it takes.

use super::tests::{Got, exchange, request, send, start};
use crate::control;
use crate::control::routes::ROUTES;
use crate::emulator::Emulator;
use crate::session::exchange::Begun;
use bytes::Bytes;
use serde_json::{Value, json};

const KEY: &str = "sk-control";

fn ask(emulator: &Emulator, method: &str, path: &str, key: &str) -> Got {
    exchange(emulator, &request(method, path, key, "content-type: application/json\r\n", b"{}")).expect("an answer")
}

#[test]
fn it_says_what_it_is() {
    let emulator = start(json!({}));
    assert_eq!(ask(&emulator, "GET", "/", KEY).json(), json!({"service": "llemulator", "status": "ok"}));
}

#[test]
fn the_list_of_control_routes_is_true() {
    let emulator = start(json!({"debug": true}));
    // Without a key: it concerns no session.
    let head = b"GET /_emulator HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n";
    let list = exchange(&emulator, head).expect("an answer").json();
    assert_eq!(list["version"], env!("CARGO_PKG_VERSION"));
    let listed = list["routes"].as_object().expect("routes");
    assert_eq!(listed.len(), ROUTES.len());
    for (route, about) in listed {
        let (method, path) = route.split_once(' ').expect("method and path");
        let got = ask(&emulator, method, &path.replace("{name}", "x"), KEY);
        // It may miss something in the body; it is there.
        let missing = got.status == 400 && got.json()["error"]["code"] == "missing_required_parameter";
        assert!(got.status == 200 || missing, "{route}: {}", got.text());
        assert!(!about.as_str().unwrap_or_default().is_empty(), "{route}");
    }
}

#[test]
fn what_is_no_control_route_is_told_which_there_are() {
    let emulator = start(json!({}));
    for (method, path, status, words) in [
        ("POST", "/_emulator/scripts", 404, "did you mean /_emulator/script?"),
        ("PATCH", "/_emulator/clock", 405, "takes GET, PUT, not PATCH"),
        ("GET", "/_emulator/shared-script", 405, "takes POST, not GET"),
        ("GET", "/_emulator/sessions/a", 405, "takes DELETE, not GET"),
        ("POST", "/_emulator", 405, "takes GET, not POST"),
    ] {
        let got = ask(&emulator, method, path, KEY);
        assert_eq!(got.status, status, "{}", got.text());
        assert!(got.text().contains(words), "{}", got.text());
    }
}

fn chat(emulator: &Emulator, key: &str, model: &str) -> u16 {
    let body = json!({"model": model, "messages": [{"role": "user", "content": "x"}]});
    send(emulator, key, "/v1/chat/completions", &body).status
}

#[test]
fn relaxed_takes_any_model_unless_models_are_listed() {
    let relaxed = start(json!({"profile": "relaxed"}));
    // Made up · an open one · retired · refused by name, as the older suites expect.
    for (model, status) in
        [("my-model", 200), ("meta-llama/Llama-3", 200), ("gpt-3.5-turbo-0613", 200), ("invalid-model", 404)]
    {
        assert_eq!(chat(&relaxed, KEY, model), status, "{model}");
        let shown = ask(&relaxed, "GET", &format!("/v1/models/{model}"), KEY);
        assert_eq!(shown.status, status, "{model}: {}", shown.text());
    }
    let response = send(&relaxed, KEY, "/v1/responses", &json!({"model": "my-model", "input": "x"})).json();
    assert_eq!(response["model"], "my-model");
    for listing in [json!({"models": ["mine"]}), json!({"models": [{"id": "mine"}], "responses": {"": "x"}})] {
        let key = format!("sk-{}", listing.as_object().map_or(0, |keys| keys.len()));
        assert_eq!(send(&relaxed, &key, "/_emulator/script", &with_fallback(listing)).status, 200);
        assert_eq!((chat(&relaxed, &key, "mine"), chat(&relaxed, &key, "my-model")), (200, 404));
    }
    let listed = start(json!({"profile": "relaxed", "models": ["mine"]}));
    assert_eq!((chat(&listed, KEY, "mine"), chat(&listed, KEY, "my-model")), (200, 404));
    let any = start(json!({"profile": "relaxed", "models": "any"}));
    assert_eq!(chat(&any, KEY, "invalid-model"), 200);
    let strict = start(json!({"fallback": "echo"}));
    assert_eq!((chat(&strict, KEY, "my-model"), chat(&strict, KEY, "gpt-4o")), (404, 200));
}

fn with_fallback(mut script: Value) -> Value {
    script["defaults"] = json!({"fallback": "echo"});
    script
}

#[test]
fn a_page_of_requests_is_bounded_in_bytes() {
    let emulator = start(json!({}));
    let session = emulator.session(KEY);
    for megabytes in [6, 6, 6, 20, 1] {
        let body = Bytes::from(format!("\"{}\"", "x".repeat(megabytes << 20)));
        let begun = Begun { operation: "x", body, ..Begun::default() };
        session.journal.keep(&session.journal.number(begun));
    }
    // The first of a page is there however large it is.
    for (query, numbers, more) in [
        ("", &[0, 1][..], true),
        ("?since=2", &[2], true),
        ("?since=3", &[3], true),
        ("?since=4", &[4], false),
        ("?since=5", &[], false),
        ("?limit=1", &[0], true),
        ("?since=4&limit=1", &[4], false),
        ("?last=1", &[4], false),
        ("?last=2", &[4], true),
        ("?last=0", &[], false),
    ] {
        let (_, page) = control::in_process(&emulator, Some(KEY), "GET", &format!("/_emulator/requests{query}"), "");
        let listed: Value =
            page["data"].as_array().expect("a list").iter().map(|each| each["number"].clone()).collect();
        assert_eq!((listed, &page["has_more"]), (json!(numbers), &json!(more)), "{query}");
    }
}
