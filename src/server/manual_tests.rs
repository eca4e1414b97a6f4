//! Manual mode: what is typed streams as it is typed; claims; who lets go; deadlines on the session's clock.

use super::room_tests::{CHAT, Watching, act, any, ask, asks, chat, done, next, tell, watch};
use super::tests::{connect, request, send, start, until, within};
use serde_json::{Value, json};
use std::io::{Read, Write};
use std::net::TcpStream;

/// Reads until a text has come.
fn reads(stream: &mut TcpStream, wanted: &str) -> String {
    let (mut got, mut byte) = (Vec::new(), [0]);
    while !String::from_utf8_lossy(&got).contains(wanted) {
        let read = stream.read(&mut byte).expect("reads");
        assert_eq!(read, 1, "{wanted:?} never came: {}", String::from_utf8_lossy(&got));
        got.push(byte[0]);
    }
    String::from_utf8_lossy(&got).into_owned()
}

fn rest(mut stream: TcpStream) -> String {
    let mut got = Vec::new();
    // A reset ends it too.
    let _ = stream.read_to_end(&mut got);
    String::from_utf8_lossy(&got).into_owned()
}

fn waits(socket: &mut Watching) -> Value {
    next(socket, "new_request")["data"].take()
}

#[test]
fn what_is_typed_streams_as_it_is_typed_in_each_dialect() {
    let emulator = start(json!({"fallback": "manual"}));
    let mut socket = watch(&emulator);
    for (path, body, end) in [
        (CHAT, chat("x", true), "[DONE]"),
        ("/v1/responses", json!({"model": "gpt-4o", "input": "x", "stream": true}), "response.incomplete"),
        ("/v1/completions", json!({"model": "gpt-3.5-turbo-instruct", "prompt": "x", "stream": true}), "[DONE]"),
    ] {
        let mut stream = asks(&emulator, path, &body);
        let id = waits(&mut socket)["id"].take();
        // Each piece is there before the next is typed.
        for word in ["alpha", "beta", "gamma"] {
            act(&mut socket, "type", &id, json!({"text": format!("{word} ")}));
            reads(&mut stream, word);
        }
        assert_eq!(done(&emulator, "GET", "/api/pending", Value::Null)["data"][0]["typed"], "alpha beta gamma ");
        act(&mut socket, "finish", &id, json!({"finish_reason": "length"}));
        let rest = rest(stream);
        assert!(rest.contains(end), "{path}: {rest}");
    }
    // Unstreamed, what was typed is collected.
    let stream = asks(&emulator, CHAT, &chat("x", false));
    let id = waits(&mut socket)["id"].take();
    for text in ["one ", "two"] {
        act(&mut socket, "type", &id, json!({"text": text}));
    }
    act(&mut socket, "finish", &id, json!({}));
    assert!(rest(stream).contains("\"one two\""));
    // What was begun and is cut ends with its connection, without an error in it.
    let mut stream = asks(&emulator, CHAT, &chat("x", true));
    let id = waits(&mut socket)["id"].take();
    act(&mut socket, "type", &id, json!({"text": "begun"}));
    reads(&mut stream, "begun");
    act(&mut socket, "cut", &id, json!({}));
    let rest = rest(stream);
    assert!(!rest.contains("[DONE]") && !rest.contains("error"), "{rest}");
}

#[test]
fn who_claims_holds_off_others_until_he_gives_it_back() {
    let emulator = start(json!({"fallback": "manual"}));
    let (mut one, mut other) = (watch(&emulator), watch(&emulator));
    let stream = asks(&emulator, CHAT, &chat("x", false));
    let id = waits(&mut one)["id"].take();
    waits(&mut other);
    act(&mut one, "claim", &id, json!({"by": "Ada"}));
    assert_eq!(next(&mut other, "claimed_request")["data"]["by"], "Ada");
    tell(&mut other, &json!({"type": "answer", "id": id, "reply": "mine"}));
    let refused = next(&mut other, "error")["data"].take();
    assert_eq!(refused["code"], "claimed");
    assert!(refused["message"].as_str().is_some_and(|why| why.contains("Ada holds")), "{refused}");
    assert_eq!(done(&emulator, "GET", "/api/pending", Value::Null)["data"][0]["claimed"]["by"], "Ada");
    act(&mut one, "release", &id, json!({}));
    assert_eq!(next(&mut other, "released_request")["data"]["id"], id);
    act(&mut other, "claim", &id, json!({}));
    // Whoever must, may.
    act(&mut one, "answer", &id, json!({"reply": "forced", "force": true}));
    assert_eq!(next(&mut other, "answered_by")["data"]["how"], "answer");
    assert!(rest(stream).contains("forced"));
}

#[test]
fn who_leaves_holds_nothing_any_more() {
    let emulator = start(json!({"fallback": "manual"}));
    let (mut one, mut other) = (watch(&emulator), watch(&emulator));
    let streams = ["first", "second"].map(|text| asks(&emulator, CHAT, &chat(text, false)));
    let ids = [(); 2].map(|()| waits(&mut one)["id"].take());
    act(&mut one, "claim", &ids[0], json!({"by": "Ada"}));
    act(&mut other, "claim", &ids[1], json!({"by": "Grace"}));
    drop(one);
    assert_eq!(next(&mut other, "released_request")["data"]["id"], ids[0]);
    let list = done(&emulator, "GET", "/api/pending", Value::Null);
    let held = |id: &Value| {
        let list = list["data"].as_array().expect("a list");
        list.iter().find(|card| card["id"] == *id).expect("it waits")["claimed"]["by"].clone()
    };
    assert_eq!((held(&ids[0]), held(&ids[1])), (Value::Null, json!("Grace")));
    ids.iter().for_each(|id| act(&mut other, "answer", id, json!({"reply": "by Grace"})));
    streams.into_iter().for_each(|stream| assert!(rest(stream).contains("by Grace")));
}

#[test]
fn a_request_may_be_let_go_to_the_fallback_or_to_the_real_api() {
    let real = start(json!({"auth": "optional", "fallback": "echo"}));
    let emulator = start(json!({"fallback": "manual", "upstream": format!("{}/v1", real.url())}));
    let mut socket = watch(&emulator);
    let mut lets_go = |action: &str, more: Value| {
        let stream = asks(&emulator, CHAT, &chat("hello", false));
        let id = waits(&mut socket)["id"].take();
        act(&mut socket, action, &id, more);
        let how = next(&mut socket, "answered_by")["data"]["how"].take();
        let answer = rest(stream);
        let by = done(&emulator, "GET", "/api/exchanges?limit=1", Value::Null)["data"][0]["by"].take();
        (how, by, answer)
    };
    let (how, by, answer) = lets_go("fallback", json!({"to": "echo"}));
    assert_eq!((how, by), (json!("fallback"), json!("echo")));
    assert!(answer.contains("Echo: hello"), "{answer}");
    let (_, by, answer) = lets_go("fallback", json!({}));
    assert_eq!(by, "generate");
    assert!(answer.contains("200 OK"), "{answer}");
    let (_, _, answer) = lets_go("fallback", json!({"to": "error"}));
    assert!(answer.contains("no_matching_rule"), "{answer}");
    let (how, by, answer) = lets_go("upstream", json!({}));
    assert_eq!((how, by), (json!("upstream"), json!("upstream")));
    assert!(answer.contains("Echo: hello"), "{answer}");
    assert_eq!(done(&emulator, "GET", "/api/bypass/history", Value::Null)["data"][0]["success"], true);
    let bare = start(json!({"fallback": "manual"}));
    let _waiting = asks(&bare, CHAT, &chat("x", false));
    let pending = || done(&bare, "GET", "/api/pending", Value::Null)["data"][0]["id"].clone();
    until("it waits", || pending().is_string());
    let at = format!("/api/pending/{}", pending().as_str().expect("an id"));
    let (status, refused) = ask(&bare, "POST", &format!("{at}/upstream"), json!({}));
    assert_eq!((status, &refused["error"]["code"]), (409, &json!("no_upstream")));
    let (status, refused) = ask(&bare, "POST", &format!("{at}/fallback"), json!({"to": "nowhere"}));
    assert_eq!((status, &refused["error"]["param"]), (400, &json!("to")));
    let (status, refused) = ask(&bare, "POST", &format!("{at}/anser"), json!({}));
    assert!(
        status == 404 && refused["detail"].as_str().is_some_and(|why| why.contains("did you mean \"answer\"")),
        "{refused}"
    );
}

#[test]
fn the_fallback_it_is_let_go_to_is_the_sessions() {
    let emulator = start(json!({"fallback": "echo"}));
    let lets_go = |script: &Value| {
        assert_eq!(send(&emulator, "k", "/_emulator/script", script).status, 200);
        let stream = asks(&emulator, CHAT, &chat("hello", false));
        let pending = || done(&emulator, "GET", "/api/pending", Value::Null)["data"][0]["id"].clone();
        until("it waits", || pending().is_string());
        let at = format!("/api/pending/{}/fallback", pending().as_str().expect("an id"));
        done(&emulator, "POST", &at, json!({}));
        rest(stream)
    };
    let script = json!({"reset": true, "rules": [{"manual": true}]});
    let refused = lets_go(&script);
    assert!(refused.contains("no_matching_rule"), "a session with a script has none: {refused}");
    for (fallback, expected) in [(json!("echo"), "Echo: hello"), (json!({"text": "as written"}), "as written")] {
        let mut script = script.clone();
        script["defaults"] = json!({"fallback": fallback});
        let answer = lets_go(&script);
        assert!(answer.contains(expected), "{answer}");
    }
}

#[test]
fn what_a_person_answers_is_held_against_the_request() {
    let emulator = start(json!({"fallback": "manual", "checkReplies": "fail"}));
    let mut socket = watch(&emulator);
    let stream = asks(&emulator, CHAT, &chat("hello", false));
    let id = waits(&mut socket)["id"].take();
    act(
        &mut socket,
        "answer",
        &id,
        json!({"reply": {"tool_calls": [{"name": "nobody_offered_this", "arguments": {}}]}}),
    );
    let answer = rest(stream);
    assert!(answer.contains("script_mismatch"), "{answer}");
}

#[test]
fn a_request_that_nobody_answered_in_time_is_a_failure() {
    let emulator = start(json!({"profile": "strict", "fallback": "manual", "manualTimeoutMs": 1}));
    let late = send(&emulator, "k", CHAT, &chat("hello", false));
    assert_eq!((late.status, &late.json()["error"]["code"]), (504, &json!("manual_timeout")));
    let (_, told) = crate::control::in_process(&emulator, Some("k"), "GET", "/_emulator/verify", "");
    assert_eq!((&told["ok"], &told["first_failure"]["code"]), (&json!(false), &json!("manual_timeout")), "{told}");
}

#[test]
fn deadlines_are_on_the_sessions_clock_and_typing_renews_them() {
    let emulator = start(json!({"clock": "manual", "manualTimeoutMs": 10_000}));
    let mut socket = watch(&emulator);
    let script = json!({"rules": [
        {"match": "short", "manual": {"timeout_ms": 1_000}, "times": "unlimited"},
        {"manual": true, "times": "unlimited"},
    ]});
    assert_eq!(send(&emulator, "k", "/_emulator/script", &script).status, 200);
    let session = done(&emulator, "GET", "/api/sessions", Value::Null)["data"][0]["id"].clone();
    let clock = format!("/api/sessions/{}/clock", session.as_str().expect("an id"));
    let advance = |ms: u64| done(&emulator, "PUT", &clock, json!({"advance_ms": ms}));
    let short = asks(&emulator, CHAT, &chat("short", false));
    let card = waits(&mut socket);
    assert_eq!((&card["timeout_ms"], &card["left_ms"]), (&json!(1_000), &json!(1_000)));
    advance(999);
    assert_eq!(done(&emulator, "GET", "/api/pending", Value::Null)["data"][0]["left_ms"], 1);
    advance(1);
    assert_eq!(next(&mut socket, "cancelled_request")["data"].take(), json!({"id": card["id"], "reason": "timed_out"}));
    let answer = rest(short);
    assert!(answer.contains("504") && answer.contains("manual_timeout"), "{answer}");
    // Somebody types: the time begins anew with each piece.
    let mut typed = asks(&emulator, CHAT, &chat("long", true));
    let id = waits(&mut socket)["id"].take();
    for word in ["one", "two", "three"] {
        advance(9_000);
        act(&mut socket, "type", &id, json!({"text": word}));
        reads(&mut typed, word);
    }
    // The next wait begins when somebody looks for the next piece.
    let pending = || done(&emulator, "GET", "/api/sessions", Value::Null)["data"][0]["clock"]["pending"].clone();
    until("the answer waits for more", || pending() != json!([]));
    advance(10_000);
    assert_eq!(next(&mut socket, "cancelled_request")["data"].take(), json!({"id": id, "reason": "timed_out"}));
    let rest = rest(typed);
    assert!(rest.contains("Nobody finished what was being typed"), "{rest}");
}

#[test]
fn a_stop_takes_what_waits_from_the_list_and_says_so() {
    let emulator = start(json!({"fallback": "manual", "graceMs": 50}));
    let mut socket = watch(&emulator);
    let _waiting = asks(&emulator, CHAT, &chat("x", false));
    let id = waits(&mut socket)["id"].take();
    within("the stop", emulator.stop());
    assert_eq!(next(&mut socket, "cancelled_request")["data"].take(), json!({"id": id, "reason": "stopped"}));
    // What ends with it is told too, then the socket closes.
    while !socket.read().expect("a message").is_close() {}
}

#[test]
fn what_was_begun_ends_with_its_session_and_says_so() {
    for stream in [true, false] {
        for (method, path) in [("POST", "/_emulator/reset"), ("DELETE", "/_emulator/sessions")] {
            let emulator = start(json!({"fallback": "manual"}));
            let mut socket = watch(&emulator);
            let mut asking = asks(&emulator, CHAT, &chat("x", stream));
            let id = waits(&mut socket)["id"].take();
            act(&mut socket, "type", &id, json!({"text": "begun"}));
            if stream {
                reads(&mut asking, "begun");
            }
            let waiting = || done(&emulator, "GET", "/api/exchanges", Value::Null)["data"][0]["waiting_for"].clone();
            until("more is waited for", || waiting()["kind"] == "operator");
            let key = emulator.sessions()[0].key.clone();
            let (status, told) = crate::control::in_process(&emulator, Some(&key), method, path, "");
            assert_eq!(status, 200, "{told}");
            let rest = rest(asking);
            assert!(rest.contains("session_ended"), "{path}, streamed: {stream}: {rest}");
            assert_eq!(next(&mut socket, "cancelled_request")["data"].take(), json!({"id": id, "reason": "reset"}));
            assert_eq!(done(&emulator, "GET", "/api/pending", Value::Null)["data"], json!([]));
        }
    }
}

#[test]
fn a_watcher_that_comes_later_is_told_of_what_waits_once() {
    let emulator = start(json!({"fallback": "manual"}));
    let mut first = watch(&emulator);
    let _waiting: Vec<TcpStream> = (0..5).map(|_| asks(&emulator, CHAT, &chat("x", false))).collect();
    let mut ids: Vec<Value> = (0..5).map(|_| waits(&mut first)["id"].take()).collect();
    let mut late = watch(&emulator);
    assert_eq!(next(&mut late, "hello")["type"], "hello");
    let told: Vec<Value> = (0..5).map(|_| waits(&mut late)["id"].take()).collect();
    ids.sort_by_key(Value::to_string);
    let mut sorted = told.clone();
    sorted.sort_by_key(Value::to_string);
    assert_eq!(sorted, ids);
    tell(&mut late, &json!({"type": "ping"}));
    // Nothing of it comes again before the answer to this.
    loop {
        let message = any(&mut late);
        assert_ne!(message["type"], "new_request", "{message}");
        if message["type"] == "ack" {
            break;
        }
    }
}

#[test]
fn the_smallest_answer_is_one_that_the_request_allows() {
    let emulator = start(json!({"fallback": "manual"}));
    let mut socket = watch(&emulator);
    let schema = json!({"type": "object", "required": ["city", "days"], "additionalProperties": false, "properties": {
        "city": {"type": "string", "minLength": 1}, "days": {"type": "array", "items": {"type": "integer"}, "minItems": 2}}});
    let mut structured = chat("x", false);
    structured["response_format"] =
        json!({"type": "json_schema", "json_schema": {"name": "s", "strict": true, "schema": schema}});
    let mut forced = chat("x", false);
    forced["tools"] = json!([{"type": "function", "function": {"name": "f", "strict": true, "parameters": schema}}]);
    forced["tool_choice"] = json!("required");
    for (body, key) in [(chat("x", false), "text"), (structured, "json"), (forced, "tool_calls")] {
        let stream = asks(&emulator, CHAT, &body);
        let card = waits(&mut socket);
        assert!(card["smallest"].get(key).is_some(), "{}", card["smallest"]);
        act(&mut socket, "answer", &card["id"], json!({"reply": card["smallest"]}));
        let answer = rest(stream);
        assert!(answer.contains("200 OK"), "{answer}");
    }
}

#[test]
fn a_response_in_the_background_is_told_of_before_the_person_answers() {
    let emulator = start(json!({"fallback": "manual"}));
    let mut socket = watch(&emulator);
    let begin = |socket: &mut Watching| {
        let asked = json!({"model": "gpt-4o", "input": "x", "background": true});
        let begun = done(&emulator, "POST", "/v1/responses", asked);
        assert_eq!((&begun["status"], &begun["output"]), (&json!("queued"), &json!([])), "{begun}");
        let path = format!("/v1/responses/{}", begun["id"].as_str().expect("an id"));
        assert_eq!(done(&emulator, "GET", &path, Value::Null)["status"], "in_progress");
        (path, waits(socket)["id"].take())
    };
    let ended = |path: &str| {
        let look = || done(&emulator, "GET", path, Value::Null);
        until("it is over", || look()["status"] != "in_progress");
        look()
    };
    let (path, id) = begin(&mut socket);
    act(&mut socket, "answer", &id, json!({"reply": {"text": "by Ada", "id": "resp_of_hers"}}));
    let answered = ended(&path);
    assert_eq!(
        (&answered["status"], &answered["output"][0]["content"][0]["text"]),
        (&json!("completed"), &json!("by Ada"))
    );
    assert!(path.ends_with(answered["id"].as_str().expect("an id")), "{path}: {answered}");
    // It can be built on.
    let next = json!({"model": "gpt-4o", "input": "y", "previous_response_id": answered["id"]});
    let stream = asks(&emulator, "/v1/responses", &next);
    let card = waits(&mut socket);
    assert!(card["smallest"].is_object() || card["smallest"].is_string(), "{card}");
    act(&mut socket, "answer", &card["id"], json!({"reply": "and on"}));
    assert!(rest(stream).contains("and on"));
    // What is typed is collected; who asks for its events waits for them.
    let (path, id) = begin(&mut socket);
    let stream = asks(&emulator, "/v1/responses", &json!({"model": "gpt-4o", "input": "x", "stream": true}));
    let other = waits(&mut socket)["id"].take();
    act(&mut socket, "answer", &other, json!({"reply": "other"}));
    assert!(rest(stream).contains("other"));
    ["one ", "two"].iter().for_each(|text| act(&mut socket, "type", &id, json!({"text": text})));
    let mut events = connect(&emulator);
    events.write_all(&request("GET", &format!("{path}?stream=true"), "k", "", b"")).expect("sends");
    act(&mut socket, "finish", &id, json!({}));
    let events = rest(events);
    assert!(events.contains("one two") && events.contains("response.completed"), "{events}");
    // An error, a cut and a body that is none of ours.
    for (action, fields, code) in [
        (
            "answer",
            json!({"reply": {"error": {"status": 429, "message": "Slow down.", "code": "rate_limit_exceeded"}}}),
            "rate_limit_exceeded",
        ),
        ("cut", json!({}), "server_error"),
        ("answer", json!({"reply": {"raw": {"body": {"own": 1}}}}), "reply_cannot_answer"),
    ] {
        let (path, id) = begin(&mut socket);
        act(&mut socket, action, &id, fields);
        let failed = ended(&path);
        assert_eq!(
            (&failed["status"], &failed["error"]["code"], &failed["output"]),
            (&json!("failed"), &json!(code), &json!([]))
        );
    }
    let (_, told) = crate::control::in_process(&emulator, Some("k"), "GET", "/_emulator/verify", "");
    assert_eq!(told["first_failure"]["code"], "reply_cannot_answer", "{told}");
    // Once it is cancelled nobody is asked any more.
    let (path, id) = begin(&mut socket);
    assert_eq!(done(&emulator, "POST", &format!("{path}/cancel"), json!({}))["status"], "cancelled");
    assert_eq!(self::next(&mut socket, "cancelled_request")["data"]["id"], id);
    assert_eq!(done(&emulator, "GET", &path, Value::Null)["status"], "cancelled");
    assert_eq!(done(&emulator, "GET", "/api/pending", Value::Null)["data"], json!([]));
}
