//! The control room over HTTP and its socket: queues, the bypass, requests that wait for a person, events, guards.

use super::tests::{connect, eventually, exchange, request, send, start, until};
use crate::emulator::Emulator;
use serde_json::{Value, json};
use std::io::Write;
use std::net::TcpStream;
use tokio_tungstenite::tungstenite::{Message, WebSocket, client};

pub(super) const CHAT: &str = "/v1/chat/completions";

pub(super) fn chat(text: &str, stream: bool) -> Value {
    json!({"model": "gpt-4o", "messages": [{"role": "user", "content": text}], "stream": stream})
}

pub(super) fn ask(emulator: &Emulator, method: &str, path: &str, body: Value) -> (u16, Value) {
    let body = if body.is_null() { String::new() } else { body.to_string() };
    let got = exchange(emulator, &request(method, path, "k", "", body.as_bytes())).expect("an answer");
    (got.status, got.json())
}

pub(super) fn done(emulator: &Emulator, method: &str, path: &str, body: Value) -> Value {
    let (status, answer) = ask(emulator, method, path, body);
    assert_eq!(status, 200, "{method} {path}: {answer}");
    answer
}

pub(super) fn body(text: &str) -> Value {
    json!({"id": "own", "object": "chat.completion", "choices": [{"index": 0, "message": {"role": "assistant", "content": text}, "finish_reason": "stop"}]})
}

pub(super) type Watching = WebSocket<TcpStream>;

pub(super) fn watch(emulator: &Emulator) -> Watching {
    let (socket, _) = client(format!("ws://{}/ws", emulator.address), connect(emulator)).expect("a socket");
    socket
}

/// The next message.
pub(super) fn any(socket: &mut Watching) -> Value {
    loop {
        if let Message::Text(text) = socket.read().expect("a message") {
            return serde_json::from_str(&text).expect("JSON");
        }
    }
}

/// The next message of a kind.
pub(super) fn next(socket: &mut Watching, kind: &str) -> Value {
    loop {
        let message = any(socket);
        if message["type"] == kind {
            return message;
        }
    }
}

pub(super) fn tell(socket: &mut Watching, message: &Value) {
    socket.send(Message::text(message.to_string())).expect("sends");
}

/// Does something to a request that waits.
pub(super) fn act(socket: &mut Watching, action: &str, id: &Value, mut fields: Value) {
    fields["type"] = action.into();
    fields["id"] = id.clone();
    tell(socket, &fields);
    next(socket, "ack");
}

/// Asks, without waiting for the answer.
pub(super) fn asks(emulator: &Emulator, path: &str, body: &Value) -> TcpStream {
    let mut stream = connect(emulator);
    stream.write_all(&request("POST", path, "k", "", body.to_string().as_bytes())).expect("sends");
    stream
}

#[test]
fn words_that_would_change_nothing_are_refused() {
    let emulator = start(json!({"fallback": "manual"}));
    let refused = |method: &str, path: &str, body: Value| {
        let (status, answer) = ask(&emulator, method, path, body);
        let error = answer["error"].clone();
        assert_eq!((status, &error["code"]), (400, &json!("unknown_parameter")), "{method} {path}: {answer}");
        error["message"].as_str().expect("a message").to_string()
    };
    let said = refused("GET", "/api/exchanges?limit=3&sesion=1", Value::Null);
    assert_eq!(
        said,
        "GET /api/exchanges has no parameter in its query \"sesion\"; did you mean \"session\"? It takes 'before', \
         'limit', 'q', 'session', 'outcome', and 'state'."
    );
    refused("GET", "/api/statistics?modell=gpt-4o", Value::Null);
    refused("GET", "/api/pending?limit=1", Value::Null);
    refused("DELETE", "/api/exchanges?session=1", Value::Null);
    refused("DELETE", "/api/exchanges", json!({"session": "1"}));
    refused("PUT", "/api/breakpoints", json!({"data": [], "datta": 1}));
    refused("POST", "/api/exchanges/1/again", json!({"boddy": {}}));
    // An action that is not quite what was meant leaves what waits as it is.
    let _stream = asks(&emulator, CHAT, &chat("x", false));
    let listed = || done(&emulator, "GET", "/api/pending", Value::Null)["data"].clone();
    until("it waits", || listed().as_array().is_some_and(|all| all.len() == 1));
    let id = listed()[0]["id"].as_str().expect("an id").to_string();
    for (action, body) in [
        ("answer", json!({"reply": "x", "kepp": {}})),
        ("answer", json!({"reply": "x", "keep": {"mach": {}}})),
        ("finish", json!({"reason": "stop"})),
        ("fallback", json!({"too": "echo"})),
        ("claim", json!({"forced": true})),
    ] {
        refused("POST", &format!("/api/pending/{id}/{action}"), body);
    }
    let (_, kept) = ask(&emulator, "POST", &format!("/api/pending/{id}/answer"), json!({"reply": "x", "keep": true}));
    assert_eq!(kept["error"]["param"], "keep");
    assert_eq!(listed()[0]["id"], id);
    // The old tool's routes pass over what they do not know, as it does.
    done(&emulator, "POST", "/api/preset-queue/127.0.0.1", json!({"response": body("one"), "fill": true}));
    let response = json!({"response": body("one"), "operator": "Ada"});
    done(&emulator, "POST", &format!("/api/pending/{id}/send_response"), response);
}

#[test]
fn queues_answer_in_order_by_address_and_by_session() {
    let emulator = start(json!({"fallback": "echo"}));
    let at = "/api/preset-queue/127.0.0.1";
    let first =
        done(&emulator, "POST", at, json!({"response": body("one"), "status_code": 201, "headers": {"x-own": "1"}}));
    assert_eq!(first["queue_length"], 1);
    let batch = done(
        &emulator,
        "POST",
        &format!("{at}/batch"),
        json!({"responses": [body("two"), 5, body("three")], "status_code": 200}),
    );
    assert_eq!(
        (&batch["added_count"], &batch["failed_count"], &batch["errors"][0]["index"]),
        (&json!(2), &json!(1), &json!(1))
    );
    let kept = done(
        &emulator,
        "POST",
        "/api/preset-queue/session:k",
        json!({"reply": {"text": "mine"}, "times": 2, "position": 0}),
    );
    assert_eq!(kept["success"], true);
    done(&emulator, "DELETE", "/api/preset-queue/session:k", Value::Null);
    // Verbatim, with its status.
    let got = send(&emulator, "k", CHAT, &chat("a", false));
    assert_eq!((got.status, got.json()), (201, body("one")));
    assert!(got.head.contains("x-own: 1"), "{}", got.head);
    // As the chunks it means.
    let streamed = send(&emulator, "other", CHAT, &chat("a", true)).text();
    assert!(streamed.contains("\"two\"") && streamed.contains("[DONE]"), "{streamed}");
    let list = done(&emulator, "GET", at, Value::Null);
    assert_eq!(
        (&list["ip"], &list["count"], &list["items"][0]["response"]),
        (&json!("127.0.0.1"), &json!(1), &body("three"))
    );
    let id = list["items"][0]["id"].as_str().expect("an id").to_string();
    let changed = done(&emulator, "PATCH", &format!("{at}/{id}"), json!({"reply": "changed"}));
    assert_eq!((&changed["item"]["reply"], &changed["item"]["response"]), (&json!("changed"), &Value::Null));
    done(&emulator, "POST", &format!("{at}/{id}/duplicate"), Value::Null);
    let export = done(&emulator, "GET", "/api/preset-queue/export", Value::Null);
    assert_eq!(export["127.0.0.1"].as_array().map(Vec::len), Some(2));
    done(&emulator, "DELETE", "/api/preset-queue", Value::Null);
    assert_eq!(ask(&emulator, "GET", "/api/preset-queue/export", Value::Null).0, 404);
    let imported = done(&emulator, "POST", "/api/preset-queue/import", export);
    assert_eq!((&imported["total"], &imported["added_count"]), (&json!(2), &json!(2)));
    for _ in 0..2 {
        assert_eq!(send(&emulator, "k", CHAT, &chat("a", false)).json()["choices"][0]["message"]["content"], "changed");
    }
    assert_eq!(send(&emulator, "k", CHAT, &chat("a", false)).json()["choices"][0]["message"]["content"], "Echo: a");
}

#[test]
fn imports_come_as_a_form_and_faults_are_told_twice() {
    let emulator = start(json!({}));
    let form =
        "--x\r\ncontent-disposition: form-data; name=\"file\"; filename=\"q.json\"\r\n\r\n[{\"a\": 1}, 2]\r\n--x--\r\n";
    let head = "POST /api/preset-queue/1.2.3.4/import HTTP/1.1\r\nhost: 127.0.0.1\r\nconnection: close\r\ncontent-type: multipart/form-data; boundary=x\r\n";
    let bytes = format!("{head}content-length: {}\r\n\r\n{form}", form.len());
    let got = exchange(&emulator, bytes.as_bytes()).expect("an answer").json();
    assert_eq!((&got["total"], &got["added_count"], &got["failed_count"]), (&json!(2), &json!(1), &json!(1)), "{got}");
    for (method, path, body, status) in [
        ("POST", "/api/preset-queue/a", json!({"response": "x"}), 400),
        ("DELETE", "/api/preset-queue/unseen", Value::Null, 404),
        ("DELETE", "/api/preset-queue/1.2.3.4/none", Value::Null, 404),
        ("PUT", "/api/bypass/config", json!({"target_port": 0}), 400),
        ("PUT", "/api/bypass/config", json!({"target_host": "a/b"}), 400),
        ("GET", "/api/nothing", Value::Null, 404),
        ("GET", "/api/exchanges/99999999", Value::Null, 404),
    ] {
        let (got, answer) = ask(&emulator, method, path, body);
        assert_eq!((got, answer["detail"].is_string()), (status, true), "{method} {path}: {answer}");
        assert_eq!(answer["detail"], answer["error"]["message"]);
    }
}

#[test]
fn the_bypass_begins_with_https_and_five_minutes() {
    let config = done(&start(json!({})), "GET", "/api/bypass/config", Value::Null);
    let expected = json!({"enabled": false, "target_host": "api.openai.com", "target_port": 443, "target_uri": CHAT, "use_https": true, "timeout": 300, "api_key_configured": false});
    assert_eq!(config, expected);
}

#[test]
fn the_bypass_is_set_without_its_key_ever_shown() {
    let real = start(json!({"auth": "optional", "fallback": "echo"}));
    let emulator = start(json!({}));
    let mut socket = watch(&emulator);
    next(&mut socket, "hello");
    let set = json!({"target_host": "127.0.0.1", "target_port": real.address.port(), "use_https": false, "api_key": "sk-hidden-key", "timeout": 5});
    let config = done(&emulator, "PUT", "/api/bypass/config", set);
    assert_eq!(
        (&config["api_key_configured"], &config["timeout"], &config["enabled"]),
        (&json!(true), &json!(5), &json!(false))
    );
    assert_eq!(done(&emulator, "POST", "/api/bypass/enable", Value::Null), json!({"enabled": true}));
    assert_eq!(send(&emulator, "k", CHAT, &chat("hi", false)).json()["choices"][0]["message"]["content"], "Echo: hi");
    let asked = next(&mut socket, "bypass_request");
    let answered = next(&mut socket, "bypass_response");
    assert_eq!((&asked["data"]["id"], &answered["data"]["success"]), (&answered["data"]["id"], &json!(true)));
    assert_eq!(answered["data"]["response_body"]["choices"][0]["message"]["content"], "Echo: hi");
    let history = done(&emulator, "GET", "/api/bypass/history", Value::Null);
    assert_eq!(history["data"][0]["status_code"], 200);
    for shown in [asked, answered, history, done(&emulator, "GET", "/api/settings", Value::Null)] {
        assert!(!shown.to_string().contains("hidden"), "{shown}");
    }
}

#[test]
fn a_person_answers_whole_or_typing_and_only_once() {
    let emulator = start(json!({"fallback": "manual"}));
    let mut socket = watch(&emulator);
    next(&mut socket, "hello");
    std::thread::scope(|scope| {
        let whole = scope.spawn(|| send(&emulator, "k", CHAT, &chat("whole", false)).json());
        let card = next(&mut socket, "new_request");
        assert_eq!(
            (&card["data"]["asked"], &card["data"]["conversation"]["messages"][0]["text"]),
            (&json!("whole"), &json!("whole"))
        );
        let id = card["data"]["id"].clone();
        tell(&mut socket, &json!({"type": "claim", "id": id, "ref": 7}));
        assert_eq!(next(&mut socket, "ack")["data"]["ref"], 7);
        let (status, held) = ask(
            &emulator,
            "POST",
            &format!("/api/pending/{}/answer", id.as_str().expect("an id")),
            json!({"reply": "x"}),
        );
        assert_eq!((status, &held["error"]["code"]), (409, &json!("claimed")));
        tell(&mut socket, &json!({"type": "answer", "id": id, "reply": {"txt": "x"}}));
        assert_eq!(next(&mut socket, "error")["data"]["code"], "invalid_reply");
        tell(&mut socket, &json!({"type": "answer", "id": id, "reply": "by hand", "keep": {"match": "whole"}}));
        next(&mut socket, "ack");
        assert_eq!(whole.join().expect("an answer")["choices"][0]["message"]["content"], "by hand");
        tell(&mut socket, &json!({"type": "answer", "id": id, "reply": "again"}));
        assert_eq!(next(&mut socket, "error")["data"]["code"], "not_pending");
        // The rule that was kept.
        assert_eq!(
            send(&emulator, "k", CHAT, &chat("whole", false)).json()["choices"][0]["message"]["content"],
            "by hand"
        );
        let typed = scope.spawn(|| send(&emulator, "k", CHAT, &chat("typed", true)).text());
        let id = next(&mut socket, "new_request")["data"]["id"].clone();
        for text in ["one ", "two"] {
            tell(&mut socket, &json!({"type": "type", "id": id, "text": text}));
            next(&mut socket, "ack");
        }
        tell(&mut socket, &json!({"type": "finish", "id": id}));
        let text = typed.join().expect("a stream");
        assert!(text.contains("one") && text.contains("two") && text.contains("[DONE]"), "{text}");
        let old = scope.spawn(|| send(&emulator, "k", CHAT, &chat("old", false)));
        let id = next(&mut socket, "new_request")["data"]["id"].clone();
        tell(&mut socket, &json!({"type": "send_response", "id": id, "response": {"any": 1}, "status_code": 418}));
        let got = old.join().expect("an answer");
        assert_eq!((got.status, got.json()), (418, json!({"any": 1})));
    });
    assert_eq!(done(&emulator, "GET", "/api/pending", Value::Null)["data"], json!([]));
}

#[test]
fn requests_that_nobody_waits_for_leave_with_a_reason() {
    let emulator = start(json!({"fallback": "manual", "clock": "manual"}));
    let mut socket = watch(&emulator);
    next(&mut socket, "hello");
    let waits = || asks(&emulator, CHAT, &chat("a", false));
    let stream = waits();
    let id = next(&mut socket, "new_request")["data"]["id"].clone();
    drop(stream);
    let gone = next(&mut socket, "cancelled_request")["data"].take();
    assert_eq!(gone, json!({"id": id, "reason": "client_left"}));
    let _waiting = waits();
    next(&mut socket, "new_request");
    let session = done(&emulator, "GET", "/api/sessions", Value::Null)["data"][0]["id"].clone();
    let at = format!("/api/sessions/{}", session.as_str().expect("an id"));
    done(&emulator, "PUT", &format!("{at}/clock"), json!({"advance_ms": 300_000}));
    assert_eq!(next(&mut socket, "cancelled_request")["data"]["reason"], "timed_out");
    let _waiting = waits();
    next(&mut socket, "new_request");
    done(&emulator, "POST", &format!("{at}/reset"), Value::Null);
    assert_eq!(next(&mut socket, "cancelled_request")["data"]["reason"], "reset");
    let (status, missing) =
        ask(&emulator, "POST", &format!("/api/pending/{}/claim", id.as_str().expect("an id")), json!({}));
    assert_eq!(status, 404);
    assert!(missing["detail"].as_str().is_some_and(|why| why.contains("client left")), "{missing}");
}

#[test]
fn exchanges_are_listed_newest_first_told_and_sent_again() {
    let emulator = start(json!({"fallback": "echo"}));
    let mut socket = watch(&emulator);
    let hello = next(&mut socket, "hello")["data"].clone();
    for key in ["one", "two"] {
        send(&emulator, key, CHAT, &chat(key, false));
    }
    let begun = next(&mut socket, "exchange_begun");
    let ended = next(&mut socket, "exchange_ended");
    assert_eq!((&begun["data"]["id"], &ended["data"]["by"]), (&ended["data"]["id"], &json!("echo")));
    assert_eq!((&ended["data"]["state"], ended["data"]["total_ms"].is_number()), (&json!("done"), true));
    let list = done(&emulator, "GET", "/api/exchanges?limit=1", Value::Null);
    assert_eq!((&list["data"][0]["asked"], &list["has_more"]), (&json!("two"), &json!(true)));
    let id = list["data"][0]["id"].as_str().expect("an id").to_string();
    let older = done(&emulator, "GET", &format!("/api/exchanges?before={id}"), Value::Null);
    assert_eq!(older["data"][0]["asked"], "one");
    assert_eq!(done(&emulator, "GET", "/api/exchanges?q=ONE", Value::Null)["data"].as_array().map(Vec::len), Some(1));
    let again = done(&emulator, "POST", &format!("/api/exchanges/{id}/again"), json!({"body": chat("edited", false)}));
    assert!(again["text"].as_str().is_some_and(|text| text.contains("Echo: edited")), "{again}");
    assert_eq!(done(&emulator, "GET", "/api/statistics", Value::Null)["requests"], 3);
    // What was missed comes again.
    let mut late = watch(&emulator);
    next(&mut late, "hello");
    tell(&mut late, &json!({"type": "resume", "since": hello["seq"], "epoch": hello["epoch"]}));
    assert_eq!(next(&mut late, "exchange_begun")["seq"], begun["seq"]);
    assert_eq!(next(&mut late, "ack")["data"]["complete"], true);
    for rubbish in ["x", "[]", "{}", "{\"type\":\"xyzzy\"}", "{\"type\":\"claim\"}"] {
        late.send(Message::text(rubbish)).expect("sends");
        assert!(next(&mut late, "error")["data"]["message"].is_string());
    }
}

/// What is there but is something else is not called missing, and a number that is none is no number.
#[test]
fn a_message_with_a_wrong_value_is_told_so() {
    let emulator = start(json!({"fallback": "manual"}));
    let mut socket = watch(&emulator);
    next(&mut socket, "hello");
    let _waiting = asks(&emulator, CHAT, &chat("a", false));
    let id = next(&mut socket, "new_request")["data"]["id"].take();
    for (message, code, names) in [
        (json!({"type": 5}), "invalid_type", "'type'"),
        (json!({"type": "type", "id": id, "text": 5}), "invalid_type", "'text'"),
        (json!({"type": "type", "id": id}), "missing_required_parameter", "'text'"),
        (json!({"type": "resume", "since": "1"}), "invalid_value", "since: expected the number of an event"),
        (json!({"type": "resume", "since": -1}), "invalid_value", "but got -1"),
        (json!({"type": "resume", "since": 1, "epoch": 5}), "invalid_type", "'epoch'"),
    ] {
        tell(&mut socket, &message);
        let told = next(&mut socket, "error")["data"].take();
        assert_eq!(told["code"], code, "{message}: {told}");
        assert!(told["message"].as_str().is_some_and(|text| text.contains(names)), "{message}: {told}");
    }
    // Of another counting, or without a number, all is told anew: that is no error.
    tell(&mut socket, &json!({"type": "resume", "since": 1, "epoch": "other"}));
    assert_eq!(next(&mut socket, "ack")["data"]["complete"], false);
}

#[test]
fn statistics_are_of_all_of_a_session_and_of_a_model() {
    let emulator = start(json!({}));
    let script = json!({"rules": [
        {"match": "fails", "response": {"error": {"status": 429}}, "times": "unlimited"},
        {"match": "slow", "response": {"text": "a b", "pace": {"ttft_ms": 60, "delay_ms": 40, "chunk": "word"}}, "times": "unlimited"},
        {"response": "at once", "times": "unlimited"},
    ]});
    for key in ["one", "two"] {
        assert_eq!(send(&emulator, key, "/_emulator/script", &script).status, 200);
    }
    let mini = |text: &str| json!({"model": "gpt-4o-mini", "messages": [{"role": "user", "content": text}]});
    send(&emulator, "one", CHAT, &chat("slow", true));
    send(&emulator, "one", CHAT, &mini("fails"));
    send(&emulator, "two", CHAT, &mini("x"));
    let told = |query: &str| done(&emulator, "GET", &format!("/api/statistics{query}"), Value::Null);
    let all = told("");
    assert_eq!(
        (&all["requests"], &all["errors"], &all["statuses"]),
        (&json!(3), &json!(1), &json!({"200": 2, "429": 1}))
    );
    let named = |all: &Value, list: &str, name: &str| {
        all[list].as_array().and_then(|list| list.iter().find(|one| one["name"] == name)).cloned().expect("a group")
    };
    let slow = named(&all, "models", "gpt-4o");
    // The first token comes when it was asked for, the rest after it; its headers alone are no token.
    let ms = |value: &Value| value.as_f64().expect("milliseconds");
    assert!(
        ms(&slow["first_ms"]["p50"]) >= 60.0 && ms(&slow["total_ms"]["p50"]) >= ms(&slow["first_ms"]["p50"]) + 39.0,
        "{slow}"
    );
    let few = named(&all, "models", "gpt-4o-mini");
    assert_eq!((&few["requests"], &few["errors"], &few["outcomes"]), (&json!(2), &json!(1), &json!({"scripted": 2})));
    let label = emulator.session("one").label().to_string();
    let one = named(&all, "sessions", &label);
    assert_eq!((&one["requests"], &one["errors"], one["total_ms"]["p99"].is_number()), (&json!(2), &json!(1), true));
    let id = one["id"].as_str().expect("an id");
    let some = told(&format!("?session={id}&model=gpt-4o-mini"));
    assert_eq!((&some["requests"], &some["errors"]), (&json!(1), &json!(1)));
    assert_eq!(told("?model=none")["requests"], 0);
}

#[test]
fn pages_of_others_and_callers_without_the_token_get_nothing() {
    let open = start(json!({"host": "0.0.0.0", "controlToken": ""}));
    let nothing = request("GET", "/api/pending", "", "x-llemulator-control-token: \r\n", b"");
    assert_eq!(exchange(&open, &nothing).expect("an answer").status, 403, "a token that is nothing opens nothing");
    let emulator = start(json!({"host": "0.0.0.0", "controlToken": "secret"}));
    for path in ["/api/settings", "/api/exchanges", "/api/preset-queue", "/api/pending", "/api/sessions"] {
        let foreign = exchange(
            &emulator,
            &request("GET", path, "k", "origin: http://evil.test\r\nx-llemulator-control-token: secret\r\n", b""),
        );
        assert_eq!(foreign.expect("an answer").status, 403, "{path}");
        let bare = exchange(&emulator, &request("GET", path, "k", "", b"")).expect("an answer");
        assert_eq!((bare.status, &bare.json()["error"]["code"]), (403, &json!("control_token_required")), "{path}");
        let ours = exchange(&emulator, &request("GET", path, "k", "x-llemulator-control-token: secret\r\n", b""));
        assert_eq!(ours.expect("an answer").status, 200, "{path}");
    }
    assert!(client(format!("ws://127.0.0.1:{}/ws", emulator.address.port()), connect(&emulator)).is_err());
    let text = eventually("the state", || {
        Some(crate::control::in_process(&emulator, None, "GET", "/_emulator/sessions", "").1.to_string())
    });
    assert!(!text.contains("secret"));
    until("nothing is watched", || !emulator.desk.events.is_watched());
}

/// One that reads nothing holds up nobody, and is dropped when it falls behind what is kept.
#[test]
fn a_watcher_that_does_not_read_is_dropped_and_others_miss_nothing() {
    let emulator = start(json!({}));
    let mut reads = watch(&emulator);
    next(&mut reads, "hello");
    let mut silent = connect(&emulator);
    let head = "GET /ws HTTP/1.1\r\nhost: 127.0.0.1\r\nconnection: upgrade\r\nupgrade: websocket\r\nsec-websocket-version: 13\r\nsec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n";
    silent.write_all(head.as_bytes()).expect("sends");
    until("both watch", || emulator.desk.events.watchers() == 2);
    let (mut told, text) = (0u64, "x".repeat(64 * 1024));
    until("the silent one is dropped", || {
        if emulator.desk.events.watchers() == 1 {
            return true;
        }
        emulator.desk.events.tell("big", || json!({"number": told, "text": text}));
        told += 1;
        // The other one reads: it is never far behind.
        assert_eq!(next(&mut reads, "big")["data"]["number"], told - 1);
        false
    });
    assert!(told > 10, "{told}");
    emulator.desk.events.tell("after", || json!({}));
    next(&mut reads, "after");
}
