//! The Responses socket as a client sees it: its handshake, its queues, its end.

use super::tests::{exchange, send, start, until, within};
use crate::emulator::Emulator;
use crate::runtime;
use serde_json::{Value, json};
use std::net::TcpStream;
use std::sync::Arc;
use tokio_tungstenite::tungstenite::client::IntoClientRequest;
use tokio_tungstenite::tungstenite::protocol::frame::coding::CloseCode;
use tokio_tungstenite::tungstenite::{self, Message, WebSocket};

const KEY: &str = "sk-socket";

fn connect(emulator: &Emulator, headers: &[(&'static str, &str)]) -> WebSocket<TcpStream> {
    let mut asked = format!("ws://{}/v1/responses", emulator.address).into_client_request().expect("a request");
    for (name, value) in headers {
        asked.headers_mut().insert(*name, value.parse().expect("a value"));
    }
    let stream = super::tests::connect(emulator);
    tungstenite::client(asked, stream).expect("a socket").0
}

pub(super) fn scripted(options: Value, responses: Value) -> (Arc<Emulator>, WebSocket<TcpStream>) {
    let emulator = start(options);
    let loaded = send(&emulator, KEY, "/_emulator/script", &json!({"responses": responses}));
    assert_eq!(loaded.status, 200, "{}", loaded.text());
    let socket = connect(&emulator, &[("authorization", "Bearer sk-socket")]);
    (emulator, socket)
}

pub(super) fn create(socket: &mut WebSocket<TcpStream>, stream_id: &str) {
    let event = json!({"type": "response.create", "stream_id": stream_id, "model": "gpt-4o", "input": "hi"});
    socket.send(Message::text(event.to_string())).expect("sends");
}

/// The next event's type; of an error its code.
fn next(socket: &mut WebSocket<TcpStream>) -> String {
    match socket.read().expect("a frame") {
        Message::Text(text) => {
            let event: Value = serde_json::from_str(&text).expect("JSON");
            let code = event["error"]["code"].as_str().filter(|_| event["type"] == "error");
            code.or(event["type"].as_str()).unwrap_or_default().to_string()
        }
        Message::Close(frame) => format!("close {}", frame.map_or(CloseCode::Status, |frame| frame.code)),
        other => panic!("{other:?}"),
    }
}

pub(super) fn read_to(socket: &mut WebSocket<TcpStream>, last: &str) -> Vec<String> {
    let mut seen = Vec::new();
    while seen.last().is_none_or(|one| one != last) {
        seen.push(next(socket));
    }
    seen
}

#[test]
fn a_socket_that_is_not_built_says_so() {
    let (strict, relaxed) = (start(json!({})), start(json!({"profile": "relaxed"})));
    let places = ["/v1/realtime?model=gpt-realtime", "/v1/realtime/translations?model=m", "/v1/live"];
    for (path, (emulator, status)) in
        places.into_iter().flat_map(|path| [(path, (&strict, "400")), (path, (&relaxed, "501"))])
    {
        let mut asked = format!("ws://{}{path}", emulator.address).into_client_request().expect("a request");
        asked.headers_mut().insert("authorization", format!("Bearer {path}").parse().expect("a header"));
        let refused = tungstenite::client(asked, super::tests::connect(emulator)).expect_err(path).to_string();
        assert!(refused.contains(status), "{path}: {refused}");
        // A test that asked for one must not pass.
        let failed = emulator.session(path).journal.failed();
        assert_eq!((failed.count, failed.first[0].1.code.as_ref()), (1, "not_implemented"), "{path}");
    }
}

#[test]
fn a_full_queue_stops_neither_answers_nor_refusals() {
    let long = "word ".repeat(3_000);
    let (_, mut socket) = scripted(json!({}), json!([long, long, "short"]));
    for lane in ["a", "b"] {
        create(&mut socket, lane);
    }
    // Many more than the queue holds, while both streams fill it.
    for _ in 0..500 {
        socket.send(Message::text("no JSON")).expect("sends");
    }
    let (mut refused, mut completed) = (0, 0);
    while refused < 500 || completed < 2 {
        match next(&mut socket).as_str() {
            "invalid_json" => refused += 1,
            "response.completed" => completed += 1,
            _ => {}
        }
    }
    create(&mut socket, "a");
    assert!(read_to(&mut socket, "response.completed").len() > 3);
}

#[test]
fn a_client_that_reads_nothing_is_no_obstacle_to_a_stop() {
    // More than the system buffers between two sockets.
    let long = "w ".repeat(60_000);
    let (emulator, mut socket) = scripted(json!({}), json!([long]));
    create(&mut socket, "");
    for _ in 0..200 {
        socket.send(Message::text("no JSON")).expect("sends");
    }
    // Refusals may come first: a long answer is counted aside.
    read_to(&mut socket, "response.created");
    runtime::handle().block_on(emulator.stop());
    assert_eq!(emulator.open(), 0);
    while socket.read().is_ok() {}
}

#[test]
fn a_stop_lets_answers_end_and_then_says_goodbye() {
    let held = json!({"text": "one two", "pace": {"hold": {"after_chunks": 1, "until": "later"}}});
    let (emulator, mut socket) = scripted(json!({"graceMs": 600_000}), json!([held]));
    let mut idle = connect(&emulator, &[("authorization", "Bearer sk-socket")]);
    create(&mut socket, "");
    read_to(&mut socket, "response.output_text.delta");
    let stop = runtime::handle().spawn({
        let emulator = emulator.clone();
        async move { emulator.stop().await }
    });
    // Who waits for nothing has nothing to wait for.
    assert_eq!(next(&mut idle), "close 1001");
    assert!(idle.read().is_err());
    // What is asked now is not heard any more; what was asked is answered.
    create(&mut socket, "late");
    emulator.session(KEY).release("later");
    let seen = read_to(&mut socket, "close 1001");
    assert_eq!(seen.iter().filter(|one| *one == "response.completed").count(), 1, "{seen:?}");
    while socket.read().is_ok() {}
    within("the stop", stop).expect("stops");
    assert_eq!(emulator.open(), 0);
}

#[test]
fn a_close_is_answered() {
    let (_, mut socket) = scripted(json!({}), json!(["x"]));
    socket.close(None).expect("closes");
    assert!(matches!(socket.read(), Ok(Message::Close(_))), "the server answers the close");
}

#[test]
fn the_handshake_takes_one_of_the_protocols_offered() {
    let emulator = start(json!({"fallback": "echo"}));
    for (offered, taken) in [
        ("openai-insecure-api-key.sk-a", "openai-insecure-api-key.sk-a"),
        ("realtime, openai-insecure-api-key.sk-a, openai-beta.realtime-v1", "realtime"),
        ("openai-insecure-api-key.sk-a, responses", "responses"),
    ] {
        // The client refuses an answer that takes none of them.
        let mut socket = connect(&emulator, &[("sec-websocket-protocol", offered)]);
        create(&mut socket, "");
        assert_eq!(next(&mut socket), "response.created");
        assert_eq!(handshake(&emulator, &[("sec-websocket-protocol", offered)]).1, Some(taken.to_string()));
    }
    assert_eq!(handshake(&emulator, &[("authorization", "Bearer sk-a")]), (101, None));
}

/// Status and subprotocol of a handshake whose headers are these; an empty value leaves a header out.
fn handshake(emulator: &Emulator, headers: &[(&str, &str)]) -> (u16, Option<String>) {
    let mut all = vec![
        ("method", "GET"),
        ("connection", "Upgrade"),
        ("upgrade", "websocket"),
        ("sec-websocket-version", "13"),
        ("sec-websocket-key", "dGhlIHNhbXBsZSBub25jZQ=="),
    ];
    for (name, value) in headers {
        all.retain(|(known, _)| known != name);
        all.push((name, value));
    }
    let method = all.iter().find(|(name, _)| *name == "method").map_or("GET", |(_, value)| value);
    let lines: String = all
        .iter()
        .filter(|(name, value)| *name != "method" && !value.is_empty())
        .map(|(name, value)| format!("{name}: {value}\r\n"))
        .collect();
    let text = format!("{method} /v1/responses HTTP/1.1\r\nhost: localhost\r\ncontent-length: 0\r\n{lines}\r\n");
    let mut stream = super::tests::connect(emulator);
    std::io::Write::write_all(&mut stream, text.as_bytes()).expect("sends");
    let mut head = Vec::new();
    let mut byte = [0];
    while !head.ends_with(b"\r\n\r\n") && std::io::Read::read(&mut stream, &mut byte).is_ok_and(|count| count == 1) {
        head.push(byte[0]);
    }
    let head = String::from_utf8_lossy(&head).into_owned();
    let status = head.split(' ').nth(1).and_then(|status| status.parse().ok()).unwrap_or_default();
    let protocol = head.lines().find_map(|line| line.strip_prefix("sec-websocket-protocol: "));
    (status, protocol.map(String::from))
}

#[test]
fn handshakes_are_refused_with_a_reason() {
    let emulator = start(json!({}));
    let status = |headers: &[(&str, &str)]| {
        let key = ("authorization", "Bearer sk-a");
        handshake(&emulator, &[&[key], headers].concat()).0
    };
    assert_eq!(status(&[]), 101);
    assert_eq!(status(&[("sec-websocket-version", "8")]), 426);
    assert_eq!(status(&[("sec-websocket-version", "")]), 426);
    assert_eq!(status(&[("sec-websocket-key", "")]), 400);
    assert_eq!(status(&[("sec-websocket-key", "c2hvcnQ=")]), 400);
    assert_eq!(status(&[("authorization", "Bearer invalid")]), 401);
    assert_eq!(status(&[("authorization", "")]), 401);
    // No handshake at all: a request like any other.
    assert_eq!(status(&[("method", "POST")]), 400);
    assert_eq!(status(&[("connection", "keep-alive")]), 405);
    // Browsers let every page open a socket; the server must not.
    for (origin, cors, expected) in [
        ("http://localhost:3000", "loopback", 101),
        ("https://evil.example", "loopback", 403),
        ("null", "loopback", 403),
        ("https://evil.example", "any", 101),
    ] {
        let emulator = start(json!({"cors": cors}));
        let headers = [("authorization", "Bearer sk-a"), ("origin", origin)];
        assert_eq!(handshake(&emulator, &headers).0, expected, "{origin} with {cors}");
    }
    let got = exchange(
        &emulator,
        b"GET /v1/responses HTTP/1.1\r\nhost: x\r\nauthorization: Bearer sk-a\r\nconnection: upgrade, close\r\nupgrade: websocket\r\n\
          sec-websocket-version: 7\r\nsec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n",
    )
    .expect("an answer");
    assert!(got.status == 426 && got.head.contains("sec-websocket-version: 13"), "{}", got.head);
}

/// The messages of one answer: the whole text of each.
fn messages(socket: &mut WebSocket<TcpStream>, count: usize) -> Vec<String> {
    (0..count).map(|_| socket.read().expect("a frame").into_text().expect("text").to_string()).collect()
}

#[test]
fn pieces_wait_on_a_socket_as_they_do_over_http() {
    let pace = json!({"ttft_ms": 100, "delay_ms": 50});
    let (emulator, mut socket) = scripted(json!({"clock": "manual"}), json!([{"text": "one two", "pace": pace}]));
    create(&mut socket, "");
    read_to(&mut socket, "response.content_part.added");
    let session = emulator.session(KEY);
    // As for any stream: what the exchange waits for is the next piece's time.
    for (at, read) in [(100, "response.output_text.delta"), (150, "response.output_text.delta")] {
        let waits = || session.journal.since(0, 1)[0].to_json(session.clock.now())["waiting_for"]["until"] == at;
        until("the next piece's time", waits);
        assert!(session.clock.advance(std::time::Duration::from_millis(50 + 50 * u64::from(at == 100))).is_ok());
        assert_eq!(next(&mut socket), read);
    }
    assert!(session.clock.advance(std::time::Duration::from_millis(50)).is_ok());
    assert_eq!(
        read_to(&mut socket, "response.completed").first().map(String::as_str),
        Some("response.output_text.done")
    );
}

#[test]
fn faults_break_a_socket_as_they_do_a_stream() {
    let error = json!({"status": 429, "code": "rate_limit_exceeded", "message": "Slow down"});
    let broken = |fault: Value| json!({"text": "one two three", "fault": fault});
    let (emulator, mut socket) = scripted(
        json!({}),
        json!([
            broken(json!({"kind": "malformed", "at": 1})),
            broken(json!({"kind": "error", "at": 1, "error": error})),
            broken(json!({"kind": "disconnect", "at": 2})),
        ]),
    );
    create(&mut socket, "a");
    let seen = messages(&mut socket, 6);
    assert_eq!(seen[5], "{\"malformed\": ", "not JSON, and not the lane's either");
    read_to(&mut socket, "response.completed");
    create(&mut socket, "a");
    let seen = read_to(&mut socket, "response.failed");
    assert_eq!(seen[seen.len() - 3..], ["response.output_text.delta", "rate_limit_exceeded", "response.failed"]);
    create(&mut socket, "a");
    for wanted in ["response.output_text.delta"; 2] {
        read_to(&mut socket, wanted);
    }
    assert!(socket.read().is_err(), "cut");
    assert_eq!(emulator.session(KEY).journal.since(0, 9).len(), 3);
}

#[test]
fn scripted_frames_are_events_like_any_other() {
    let events = json!({"raw": {"events": [{"type": "one"}, {"type": "two"}]}, "pace": {"hold": {"after_chunks": 1, "until": "go"}}});
    let sse = json!({"raw": {"sse": [{"event": "x", "data": {"type": "three"}}, {"data": "two\nlines"}]}});
    let chunks = json!({"raw": {"chunks": [{"text": "{\"type\":"}, {"text": "\"four\"}"}]}});
    let body = json!({"raw": {"status": 418, "body": {"error": {"code": "teapot"}}}});
    let (emulator, mut socket) = scripted(json!({}), json!([events, sse, chunks, body, {"raw": {"status": 500}}]));
    create(&mut socket, "a");
    assert_eq!(messages(&mut socket, 1), [r#"{"type":"one","stream_id":"a"}"#]);
    emulator.session(KEY).release("go");
    assert_eq!(messages(&mut socket, 1), [r#"{"type":"two","stream_id":"a"}"#]);
    create(&mut socket, "a");
    assert_eq!(messages(&mut socket, 2), [r#"{"type":"three","stream_id":"a"}"#, "two\nlines"]);
    create(&mut socket, "a");
    // Bytes are not looked into.
    assert_eq!(messages(&mut socket, 2), ["{\"type\":", "\"four\"}"]);
    create(&mut socket, "a");
    let said = r#"{"type":"error","status":418,"error":{"code":"teapot"},"stream_id":"a"}"#;
    assert_eq!(messages(&mut socket, 1), [said]);
    create(&mut socket, "a");
    assert_eq!(messages(&mut socket, 1), [r#"{"type":"error","status":500,"error":null,"stream_id":"a"}"#]);
}
