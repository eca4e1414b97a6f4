//! Breakpoints: answers, and pieces of streams, that stop for a person.

use super::room_tests::{CHAT, Watching, act, ask, asks, chat, done, next, tell, watch};
use super::tests::{Got, exchange, request, send, start, until};
use super::upstream_tests::upstream_of;
use crate::emulator::Emulator;
use serde_json::{Value, json};
use std::thread::{Scope, ScopedJoinHandle};

/// The contents of a chat stream's chunks.
fn contents(got: &Got) -> Vec<String> {
    let text = got.text();
    let chunks = text.lines().filter_map(|line| serde_json::from_str::<Value>(line.strip_prefix("data: ")?).ok());
    let content = chunks.filter_map(|chunk| Some(chunk["choices"][0]["delta"]["content"].as_str()?.to_string()));
    content.filter(|content| !content.is_empty()).collect()
}

/// Sends a request on a thread of its own.
fn sends<'scope>(
    scope: &'scope Scope<'scope, '_>,
    emulator: &'scope Emulator,
    body: Value,
) -> ScopedJoinHandle<'scope, Option<Got>> {
    scope.spawn(move || exchange(emulator, &request("POST", CHAT, "k", "", body.to_string().as_bytes())))
}

/// What has stopped: its id, and where.
fn stopped(socket: &mut Watching) -> (Value, Value) {
    let mut card = next(socket, "new_request")["data"].take();
    (card["id"].take(), card["paused"].take())
}

fn scripted(responses: Value) -> std::sync::Arc<Emulator> {
    let emulator = start(json!({}));
    let script = json!({"responses": responses, "defaults": {"pace": {"chunk": "word"}}});
    assert_eq!(send(&emulator, "k", "/_emulator/script", &script).status, 200);
    emulator
}

#[test]
fn an_answer_stops_is_changed_dropped_cut_or_goes_on() {
    let emulator = scripted(json!(["one", "two", "three", "four", {"error": {"status": 429}}, "six"]));
    let mut socket = watch(&emulator);
    let made = done(&emulator, "POST", "/api/breakpoints", json!({"match": {"user": "^stop"}}));
    assert_eq!((&made["at"], &made["hits"], &made["times"]), (&json!("answer"), &json!(0), &Value::Null));
    // What it is not for goes by.
    assert_eq!(send(&emulator, "k", CHAT, &chat("pass", false)).json()["choices"][0]["message"]["content"], "one");
    std::thread::scope(|scope| {
        let asked = sends(scope, &emulator, chat("stop", false));
        let (id, paused) = stopped(&mut socket);
        assert_eq!(paused["breakpoint"], made["id"]);
        assert_eq!(
            (&paused["at"], &paused["status"], &paused["by"]),
            (&json!("answer"), &json!(200), &json!("script"))
        );
        assert_eq!((&paused["reply"], &paused["said"]), (&json!({"text": "two"}), &json!("\"two\"")));
        act(&mut socket, "go", &id, json!({}));
        assert_eq!(next(&mut socket, "answered_by")["data"]["how"], "go");
        let got = asked.join().expect("a thread").expect("an answer");
        assert_eq!(got.json()["choices"][0]["message"]["content"], "two");
        let asked = sends(scope, &emulator, chat("stop", false));
        let (id, _) = stopped(&mut socket);
        tell(&mut socket, &json!({"type": "type", "id": id, "text": "x"}));
        assert_eq!(next(&mut socket, "error")["data"]["code"], "paused");
        act(&mut socket, "edit", &id, json!({"reply": {"tool_calls": [{"name": "f", "arguments": {}}]}}));
        let got = asked.join().expect("a thread").expect("an answer").json();
        assert_eq!(got["choices"][0]["message"]["tool_calls"][0]["function"]["name"], "f");
        let asked = sends(scope, &emulator, chat("stop", false));
        let (id, _) = stopped(&mut socket);
        act(&mut socket, "cut", &id, json!({}));
        assert_eq!(asked.join().expect("a thread"), None);
        // Refused by the script, changed into an answer.
        let asked = sends(scope, &emulator, chat("stop", false));
        let (id, paused) = stopped(&mut socket);
        assert_eq!((&paused["status"], &paused["reply"]["error"]["status"]), (&json!(429), &json!(429)));
        act(&mut socket, "send_response", &id, json!({"response": {"own": true}}));
        assert_eq!(asked.join().expect("a thread").expect("an answer").json(), json!({"own": true}));
    });
    // Nothing ever comes: whoever asks waits until he leaves.
    let silent = asks(&emulator, CHAT, &chat("stop", true));
    let (id, _) = stopped(&mut socket);
    act(&mut socket, "drop", &id, json!({}));
    let waits =
        || done(&emulator, "GET", "/api/exchanges?limit=1", Value::Null)["data"][0]["waiting_for"]["kind"].clone();
    until("it is silent", || waits() == "client");
    drop(silent);
    assert_eq!(done(&emulator, "GET", "/api/breakpoints", Value::Null)["data"][0]["hits"], 5);
}

#[test]
fn a_stream_stops_at_a_piece_which_is_changed_left_out_and_stepped_over() {
    let emulator = scripted(json!(["a b c d e", "a b c d e", "a b c d e", "a b c d e"]));
    let mut socket = watch(&emulator);
    done(
        &emulator,
        "PUT",
        "/api/breakpoints",
        json!({"data": [{"at": {"piece": 1}}, {"at": {"piece": 4}, "times": 1}]}),
    );
    std::thread::scope(|scope| {
        let asked = sends(scope, &emulator, chat("x", true));
        let (id, paused) = stopped(&mut socket);
        assert_eq!((&paused["at"], &paused["said"]), (&json!({"piece": 1}), &json!("a ")));
        assert_eq!(paused["next"], json!({"kind": "text", "text": "b "}));
        for action in ["answer", "fallback"] {
            tell(&mut socket, &json!({"type": action, "id": id, "reply": "x"}));
            assert_eq!(next(&mut socket, "error")["data"]["code"], "paused");
        }
        act(&mut socket, "edit", &id, json!({"text": "B ", "step": true}));
        let (id, paused) = stopped(&mut socket);
        assert_eq!((&paused["at"], &paused["breakpoint"]), (&json!({"piece": 2}), &Value::Null));
        act(&mut socket, "drop", &id, json!({}));
        let (id, paused) = stopped(&mut socket);
        assert_eq!((&paused["at"], &paused["said"]), (&json!({"piece": 4}), &json!("a B d ")));
        act(&mut socket, "go", &id, json!({}));
        assert_eq!(contents(&asked.join().expect("a thread").expect("a stream")), ["a ", "B ", "d ", "e"]);
        // Unstreamed answers have no pieces.
        assert_eq!(
            send(&emulator, "k", CHAT, &chat("x", false)).json()["choices"][0]["message"]["content"],
            "a b c d e"
        );
        let asked = sends(scope, &emulator, chat("x", true));
        let (id, _) = stopped(&mut socket);
        act(&mut socket, "cut", &id, json!({}));
        let got = asked.join().expect("a thread").expect("a beginning");
        assert_eq!(contents(&got), ["a "]);
        assert!(!got.text().contains("[DONE]") && !got.text().contains("error"), "{}", got.text());
    });
    assert_eq!(done(&emulator, "DELETE", "/api/breakpoints", Value::Null)["success"], true);
    let free = send(&emulator, "k", CHAT, &chat("x", true));
    assert_eq!(contents(&free), ["a ", "b ", "c ", "d ", "e"]);
}

/// What goes through the gate comes out as it went in.
#[test]
fn a_stream_that_goes_on_is_the_one_that_never_stopped() {
    let replies = json!([
        "plain text",
        {"reasoning": "why", "text": "a b", "tool_calls": [{"name": "f", "arguments": {"a": 1}, "id": "call_1"}, {"name": "g", "arguments": {}, "id": "call_2"}]},
        {"refusal": "no way"},
        {"text": "cut", "finish_reason": "length"},
        {"text": "Yes", "annotations": [{"type": "url_citation", "url": "https://x.test", "title": "X", "start_index": 0, "end_index": 3}]},
        {"raw": {"status": 200, "sse": [{"event": "own", "data": {"a": 1}}, {"data": "two\nlines"}]}},
        {"text": ""},
    ]);
    let tools = json!([
        {"type": "function", "function": {"name": "f", "parameters": {"type": "object"}}},
        {"type": "function", "function": {"name": "g", "parameters": {"type": "object"}}},
    ]);
    let flat = json!([{"type": "function", "name": "f", "parameters": {}}, {"type": "function", "name": "g", "parameters": {}}]);
    for path in [CHAT, "/v1/responses"] {
        let answers = |stops: bool| {
            let emulator = start(json!({"clock": "instant"}));
            assert_eq!(send(&emulator, "k", "/_emulator/script", &json!({"responses": replies})).status, 200);
            if stops {
                // One that no stream is long enough for.
                done(&emulator, "POST", "/api/breakpoints", json!({"at": {"piece": 9999}}));
            }
            let mut body = match path {
                CHAT => chat("x", true),
                _ => json!({"model": "gpt-4o", "input": "x", "stream": true}),
            };
            body["tools"] = if path == CHAT { tools.clone() } else { flat.clone() };
            let count = replies.as_array().map_or(0, Vec::len);
            (0..count).map(|_| send(&emulator, "k", path, &body).text()).collect::<Vec<_>>()
        };
        for (number, (free, gated)) in answers(false).into_iter().zip(answers(true)).enumerate() {
            assert_eq!(free, gated, "{path} {number}");
        }
    }
}

#[test]
fn who_waits_too_long_goes_on_and_who_leaves_is_told() {
    let emulator = start(json!({"clock": "manual", "fallback": "echo"}));
    let mut socket = watch(&emulator);
    done(&emulator, "POST", "/api/breakpoints", json!({"at": {"piece": 0}}));
    std::thread::scope(|scope| {
        let asked = sends(scope, &emulator, chat("x", true));
        let (id, _) = stopped(&mut socket);
        let session = done(&emulator, "GET", "/api/sessions", Value::Null)["data"][0]["id"].clone();
        let clock = format!("/api/sessions/{}/clock", session.as_str().expect("an id"));
        done(&emulator, "PUT", &clock, json!({"advance_ms": 300_000}));
        let over = next(&mut socket, "cancelled_request")["data"].take();
        assert_eq!(over, json!({"id": id, "reason": "timed_out"}));
        assert_eq!(contents(&asked.join().expect("a thread").expect("a stream")).concat(), "Echo: x");
    });
    let leaves = asks(&emulator, CHAT, &chat("x", true));
    let (id, _) = stopped(&mut socket);
    drop(leaves);
    assert_eq!(next(&mut socket, "cancelled_request")["data"].take(), json!({"id": id, "reason": "client_left"}));
}

#[test]
fn what_comes_from_upstream_stops_chunk_by_chunk_the_bypass_too() {
    let (address, _heads) = crate::upstream::tests::says(
        b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n6\r\ndata: \r\n3\r\na\n\n\r\n0\r\n\r\n",
    );
    let emulator = upstream_of(&address);
    let mut socket = watch(&emulator);
    for bypass in [false, true] {
        if bypass {
            done(&emulator, "POST", "/api/bypass/enable", Value::Null);
        }
        done(&emulator, "PUT", "/api/breakpoints", json!({"data": [{"at": {"piece": 0}}]}));
        std::thread::scope(|scope| {
            let asked = sends(scope, &emulator, chat("x", true));
            let (id, paused) = stopped(&mut socket);
            assert_eq!(paused["next"]["kind"], "bytes");
            act(&mut socket, "edit", &id, json!({"text": "data: own\n\n"}));
            let text = asked.join().expect("a thread").expect("an answer").text();
            assert!(text.starts_with("data: own\n\n") && text.ends_with("a\n\n"), "{text}");
        });
        done(&emulator, "PUT", "/api/breakpoints", json!({"data": [{"at": "answer"}]}));
        std::thread::scope(|scope| {
            let asked = sends(scope, &emulator, chat("x", true));
            let (id, paused) = stopped(&mut socket);
            assert_eq!((&paused["status"], &paused["reply"]), (&json!(200), &Value::Null));
            act(&mut socket, "edit", &id, json!({"reply": {"error": {"status": 503}}}));
            assert_eq!(asked.join().expect("a thread").expect("an answer").status, 503);
        });
    }
}

#[test]
fn breakpoints_are_listed_and_dropped() {
    let emulator = start(json!({}));
    for (method, path, body, status) in [
        ("POST", "/api/breakpoints", json!({"match": {"usr": "x"}}), 400),
        ("PUT", "/api/breakpoints", json!({"data": 1}), 400),
        ("PUT", "/api/breakpoints", json!({}), 400),
        ("DELETE", "/api/breakpoints/7777", Value::Null, 404),
        ("PATCH", "/api/breakpoints", Value::Null, 404),
    ] {
        assert_eq!(ask(&emulator, method, path, body).0, status, "{method} {path}");
    }
    let one = done(&emulator, "POST", "/api/breakpoints", json!({}));
    assert_eq!(done(&emulator, "GET", "/api/breakpoints", Value::Null)["data"], json!([one]));
    let id = one["id"].as_str().expect("an id");
    done(&emulator, "DELETE", &format!("/api/breakpoints/{id}"), Value::Null);
    assert!(emulator.desk.breakpoints.is_empty());
}
