//! Faults as bytes on a socket: every kind, on every text endpoint, streamed and not.

use super::tests::{connect, request, send, start, until};
use crate::emulator::Emulator;
use serde_json::{Value, json};
use std::io::{ErrorKind, Read, Write};
use std::net::TcpStream;
use tokio_tungstenite::tungstenite::client::IntoClientRequest;
use tokio_tungstenite::tungstenite::{self, Message};

/// How a connection ended.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum End {
    /// TCP reset.
    Reset,
    /// Closed by the server, the body whole.
    Whole,
    /// Closed by the server in the middle of the body.
    Short,
}

/// What came over a connection until it ended.
#[derive(Debug)]
pub(super) struct Seen {
    pub(super) text: String,
    pub(super) end: End,
}

impl Seen {
    /// Read to the end. What came before a reset counts.
    pub(super) fn of(mut stream: TcpStream) -> Seen {
        let (mut bytes, mut buffer) = (Vec::new(), [0; 4096]);
        let reset = loop {
            match stream.read(&mut buffer) {
                Ok(0) => break false,
                Ok(count) => bytes.extend_from_slice(&buffer[..count]),
                Err(error) => {
                    assert_eq!(error.kind(), ErrorKind::ConnectionReset);
                    break true;
                }
            }
        };
        let text = String::from_utf8_lossy(&bytes).into_owned();
        let promised = header(&text, "content-length").and_then(|length| length.parse::<usize>().ok());
        let whole = match promised {
            Some(length) => text.split_once("\r\n\r\n").is_some_and(|(_, body)| body.len() == length),
            None => text.ends_with("\r\n0\r\n\r\n"),
        };
        let end = match (reset, whole) {
            (true, _) => End::Reset,
            (_, true) => End::Whole,
            (_, false) => End::Short,
        };
        Seen { text, end }
    }

    pub(super) fn status(&self) -> u16 {
        self.text.split(' ').nth(1).and_then(|status| status.parse().ok()).unwrap_or(0)
    }

    pub(super) fn body(&self) -> &str {
        self.text.split_once("\r\n\r\n").map_or("", |(_, body)| body)
    }

    /// What the events carry, in order: a delta's text, `…` for an event without one, `error`, `failed`, `done`, and
    /// `!` for one that is no JSON.
    pub(super) fn told(&self) -> String {
        let events = self.body().lines().filter_map(|line| line.strip_prefix("data: "));
        joined(&events.map(told).collect::<Vec<_>>())
    }
}

/// Words in one line, events without a word once.
fn joined(words: &[String]) -> String {
    words.join("|").replace("…|…", "…").replace("…|…", "…")
}

fn told(event: &str) -> String {
    if event == "[DONE]" {
        return "done".into();
    }
    let Ok(event) = serde_json::from_str::<Value>(event) else { return "!".into() };
    let text = [&event["choices"][0]["delta"]["content"], &event["choices"][0]["text"], &event["delta"]];
    let text = text.into_iter().find_map(Value::as_str).unwrap_or_default();
    match event["type"].as_str() {
        _ if !text.is_empty() => text.into(),
        Some("response.failed") => "failed".into(),
        Some("response.completed") => "done".into(),
        _ if event.get("error").is_some() => "error".into(),
        _ => "…".into(),
    }
}

fn header<'a>(text: &'a str, name: &str) -> Option<&'a str> {
    let head = text.split("\r\n\r\n").next()?;
    head.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(": "))
}

/// The text endpoints: path and body.
pub(super) fn endpoints() -> [(&'static str, Value); 3] {
    [
        ("/v1/chat/completions", json!({"model": "gpt-4o", "messages": [{"role": "user", "content": "hi"}]})),
        ("/v1/completions", json!({"model": "gpt-3.5-turbo-instruct", "prompt": "hi"})),
        ("/v1/responses", json!({"model": "gpt-4o", "input": "hi"})),
    ]
}

pub(super) fn open(emulator: &Emulator, key: &str, path: &str, mut body: Value, stream: bool) -> TcpStream {
    if stream {
        body["stream"] = json!(true);
    }
    let mut socket = connect(emulator);
    socket.write_all(&request("POST", path, key, "", body.to_string().as_bytes())).expect("sends");
    socket
}

/// The reply to one request on a session of its own.
fn answered(emulator: &Emulator, reply: &Value, path: &str, body: &Value, stream: bool) -> Seen {
    let key = format!("k{:x}", generate_key(&[reply.to_string(), path.into(), stream.to_string()]));
    let loaded = send(emulator, &key, "/_emulator/script", &json!({"responses": [reply]}));
    assert_eq!(loaded.status, 200, "{}", loaded.text());
    Seen::of(open(emulator, &key, path, body.clone(), stream))
}

fn generate_key(of: &[String]) -> u64 {
    crate::random::key(0, &of.iter().map(|part| part.as_bytes()).collect::<Vec<_>>())
}

/// The same on every endpoint, streamed: what is told, and how it ended.
fn streamed(reply: Value) -> Vec<(u16, String, End)> {
    let emulator = start(json!({"clock": "instant"}));
    let seen = endpoints().map(|(path, body)| answered(&emulator, &reply, path, &body, true));
    seen.iter().map(|seen| (seen.status(), seen.told(), seen.end)).collect()
}

/// The same on every endpoint, unstreamed: status, body, end.
fn whole(reply: Value) -> Vec<(u16, String, End)> {
    let emulator = start(json!({"clock": "instant"}));
    let seen = endpoints().map(|(path, body)| answered(&emulator, &reply, path, &body, false));
    seen.iter().map(|seen| (seen.status(), seen.body().to_string(), seen.end)).collect()
}

fn told_by(seen: &[(u16, String, End)]) -> Vec<(&str, End)> {
    seen.iter().map(|(_, told, end)| (told.as_str(), *end)).collect()
}

/// Three pieces and a fault.
pub(super) fn three(fault: Value) -> Value {
    json!({"text": "one two three", "pace": {"chunk": "word"}, "fault": fault})
}

#[test]
fn disconnect_before_any_byte() {
    for stream in [true, false] {
        let emulator = start(json!({}));
        for (path, body) in endpoints() {
            let seen = answered(&emulator, &three(json!({"at": "connect", "kind": "disconnect"})), path, &body, stream);
            assert_eq!((seen.text.as_str(), seen.end), ("", End::Reset));
        }
    }
}

#[test]
fn disconnect_after_the_headers() {
    for (status, told, end) in streamed(three(json!({"at": "headers", "kind": "disconnect"}))) {
        assert_eq!((status, told.as_str(), end), (200, "", End::Reset));
    }
}

#[test]
fn disconnect_after_pieces_that_do_arrive() {
    let at = |at: Value| streamed(three(json!({"at": at, "kind": "disconnect"})));
    assert_eq!(told_by(&at(json!(0))), [("…", End::Reset), ("", End::Reset), ("…", End::Reset)]);
    assert_eq!(
        told_by(&at(json!(2))),
        [("…|one |two ", End::Reset), ("one |two ", End::Reset), ("…|one |two ", End::Reset)]
    );
    assert_eq!(
        told_by(&at(json!(9))),
        [("…|one |two |three", End::Reset), ("one |two |three", End::Reset), ("…|one |two |three", End::Reset)]
    );
}

#[test]
fn unstreamed_the_headers_come_and_nothing_else() {
    for kind in ["disconnect", "malformed"] {
        for at in [json!(0), json!(2), json!("headers")] {
            for (status, body, end) in whole(three(json!({"at": at, "kind": kind}))) {
                assert_eq!((status, body.as_str(), end), (200, "", End::Reset));
            }
        }
    }
}

#[test]
fn malformed_is_one_event_that_is_no_json() {
    let told = streamed(three(json!({"at": 1, "kind": "malformed"})));
    assert_eq!(
        told_by(&told),
        [
            ("…|one |!|two |three|…|done", End::Whole),
            ("one |!|two |three|…|done", End::Whole),
            ("…|one |!|two |three|…|done", End::Whole)
        ]
    );
    for at in ["headers", "connect"] {
        let told = streamed(three(json!({"at": at, "kind": "malformed"})));
        assert!(told.iter().all(|(_, told, _)| told.starts_with("!|")), "{told:?}");
    }
}

#[test]
fn an_error_in_mid_stream_has_the_apis_form() {
    let told = streamed(three(json!({"at": 2, "kind": "error"})));
    assert_eq!(
        told_by(&told),
        [("…|one |two |error", End::Whole), ("one |two |error", End::Whole), ("…|one |two |error|failed", End::Whole)]
    );
    for at in ["headers", "connect"] {
        let told = streamed(three(json!({"at": at, "kind": "error"})));
        assert_eq!(told_by(&told), [("error", End::Whole), ("error", End::Whole), ("error|failed", End::Whole)]);
    }
}

#[test]
fn an_error_unstreamed_is_http_on_chat_and_a_failed_response() {
    let seen =
        whole(three(json!({"at": 2, "kind": "error", "error": {"status": 503, "code": "server_is_overloaded"}})));
    let json = |body: &str| serde_json::from_str::<Value>(body).expect("JSON");
    for (status, body, end) in &seen[..2] {
        assert_eq!((*status, *end), (503, End::Whole));
        assert_eq!(json(body)["error"]["code"], "server_is_overloaded");
    }
    let failed = json(&seen[2].1);
    assert_eq!((seen[2].0, &failed["status"]), (200, &json!("failed")));
    assert_eq!(failed["error"]["code"], "server_is_overloaded");
}

#[test]
fn a_stall_is_silence_for_its_time() {
    // The manual clock: silence lasts until the test says so.
    for (at, before) in [(json!("connect"), ""), (json!("headers"), "HTTP/1.1 200"), (json!(1), "one ")] {
        let emulator = start(json!({"clock": "manual"}));
        for (path, body) in endpoints() {
            let reply = three(json!({"at": at, "kind": "stall", "stall_ms": 60_000}));
            send(&emulator, path, "/_emulator/script", &json!({"responses": [reply]}));
            let mut socket = open(&emulator, path, path, body, true);
            let mut early = Vec::new();
            while !String::from_utf8_lossy(&early).contains(before) {
                let mut buffer = [0; 4096];
                let count = socket.read(&mut buffer).expect("reads");
                assert_ne!(count, 0, "{path} {at}: it ended after {}", String::from_utf8_lossy(&early));
                early.extend_from_slice(&buffer[..count]);
            }
            let session = emulator.session(path);
            until("the stall", || !session.clock.pending().is_empty());
            session.clock.advance(std::time::Duration::from_secs(60)).expect("it is virtual");
            let rest = Seen::of(socket);
            let all = String::from_utf8_lossy(&early) + rest.text.as_str();
            assert!(!String::from_utf8_lossy(&early).contains("two "), "{path} {at}");
            assert!(all.contains("three") && all.ends_with("\r\n0\r\n\r\n"), "{path} {at}: {all}");
        }
    }
}

#[test]
fn an_answer_without_content_breaks_before_its_end() {
    let told = streamed(json!({"text": "", "fault": {"kind": "disconnect"}}));
    assert!(told.iter().all(|(_, told, end)| !told.contains("done") && *end == End::Reset), "{told:?}");
    let told = streamed(json!({"text": "", "fault": {"kind": "error", "at": 3}}));
    assert!(told.iter().all(|(_, told, end)| told.contains("error") && *end == End::Whole), "{told:?}");
}

#[test]
fn pieces_are_counted_over_all_parts() {
    // Between a reasoning summary and the message come events without content: they are not the end.
    let reply = json!({
        "reasoning": "Think.", "text": "one two three", "pace": {"chunk": "word"},
        "fault": {"at": 3, "kind": "disconnect"},
    });
    let emulator = start(json!({}));
    let body = json!({"model": "gpt-5", "input": "hi"});
    let seen = answered(&emulator, &reply, "/v1/responses", &body, true);
    assert_eq!((seen.told().replace("…|", ""), seen.end), ("Think.|one |two ".into(), End::Reset));
}

#[test]
fn close_leaves_the_answer_unfinished_without_a_reset() {
    let told = streamed(three(json!({"at": 2, "kind": "close"})));
    assert_eq!(told_by(&told), [("…|one |two ", End::Short), ("one |two ", End::Short), ("…|one |two ", End::Short)]);
    for (status, body, end) in whole(three(json!({"at": 2, "kind": "close"}))) {
        assert_eq!((status, body.as_str(), end), (200, "", End::Short));
    }
    for (status, _, end) in streamed(three(json!({"at": "connect", "kind": "close"}))) {
        assert_eq!((status, end), (0, End::Short));
    }
}

#[test]
fn scripted_headers_do_not_frame_the_body() {
    let emulator = start(json!({}));
    let (path, body) = &endpoints()[0];
    let headers = json!({"Content-Length": "9999", "transfer-encoding": "chunked", "x-own": "1"});
    let long = json!({"raw": {"body": "a".repeat(5000), "headers": headers}});
    for (reply, stream) in [(json!({"text": "one", "headers": headers}), true), (long, false)] {
        let seen = answered(&emulator, &reply, path, body, stream);
        assert_eq!((header(&seen.text, "x-own"), seen.end), (Some("1"), End::Whole), "{}", seen.text);
    }
}

#[test]
fn truncated_events_wrong_types_and_strange_statuses_are_raw() {
    let emulator = start(json!({}));
    let (path, body) = &endpoints()[0];
    let cut = json!({"raw": {"chunks": [{"text": "data: {\"id\":\"chatcmpl-1\",\"cho"}], "headers": {"content-type": "text/event-stream"}}});
    let seen = answered(&emulator, &cut, path, body, true);
    assert!(seen.body().contains("\"cho\r\n0\r\n"), "{}", seen.text);
    let typed = json!({"text": "one", "headers": {"content-type": "text/html"}});
    for stream in [true, false] {
        let seen = answered(&emulator, &typed, path, body, stream);
        assert_eq!(header(&seen.text, "content-type"), Some("text/html"));
    }
    let seen =
        answered(&emulator, &json!({"raw": {"status": 502, "body": "<html>Bad gateway</html>"}}), path, body, false);
    assert_eq!((seen.status(), seen.body()), (502, "<html>Bad gateway</html>"));
}

/// What a WebSocket gets before it ends or its response does; `!` for a frame that is no JSON.
pub(super) fn over_a_socket(options: Value, script: &Value) -> String {
    let emulator = start(options);
    send(&emulator, "a", "/_emulator/script", script);
    let mut asked = format!("ws://{}/v1/responses", emulator.address).into_client_request().expect("a request");
    asked.headers_mut().insert("authorization", "Bearer a".parse().expect("a header"));
    let stream = connect(&emulator);
    let (mut socket, _) = tungstenite::client(asked, stream).expect("a socket");
    let create = json!({"type": "response.create", "model": "gpt-4o", "input": "hi"});
    socket.send(Message::text(create.to_string())).expect("sends");
    let mut words = Vec::new();
    while let Ok(Message::Text(frame)) = socket.read() {
        words.push(told(&frame));
        if ["done", "failed"].contains(&words[words.len() - 1].as_str()) {
            return joined(&words);
        }
    }
    words.push("gone".into());
    joined(&words)
}

#[test]
fn faults_strike_a_websocket_too() {
    let over_a_socket = |fault: Value| over_a_socket(json!({}), &json!({"responses": [three(fault)]}));
    for kind in ["disconnect", "close"] {
        assert_eq!(over_a_socket(json!({"at": 2, "kind": kind})), "…|one |two |gone");
        assert_eq!(over_a_socket(json!({"at": "headers", "kind": kind})), "gone");
        assert_eq!(over_a_socket(json!({"at": "connect", "kind": kind})), "gone");
    }
    assert_eq!(over_a_socket(json!({"at": 1, "kind": "malformed"})), "…|one |!|two |three|…|done");
    assert_eq!(over_a_socket(json!({"at": 1, "kind": "error"})), "…|one |error|failed");
}
