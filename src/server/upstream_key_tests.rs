//! An upstream that repeats the key it was asked with: the client gets what came, and nobody else sees it.

use super::room_tests::{CHAT, Watching, act, any, chat, done, next, watch};
use super::tests::{exchange, request, send, start};
use crate::control;
use crate::emulator::Emulator;
use crate::upstream::tests::server;
use serde_json::{Value, json};
use std::io::Write;
use std::sync::Arc;
use std::sync::mpsc::Receiver;
use std::time::Duration;

const KEY: &str = "sk-up/ST\"REAM-0123456789";

/// A server that answers with these pieces, a chunk each, `KEY` and `JSON` in them being the key it was asked with.
fn repeats(kind: &'static str, pieces: &'static [&'static str]) -> (String, Receiver<String>) {
    let serve = move |mut stream: std::net::TcpStream, head: &str| {
        let key = head.lines().find_map(|line| line.strip_prefix("authorization: Bearer ")).unwrap_or("none");
        let json = Value::from(key).to_string();
        let (first, last) = key.split_at(key.len() / 2);
        let json = &json[1..json.len() - 1];
        let _ = write!(
            stream,
            "HTTP/1.1 200 OK\r\ncontent-type: {kind}\r\nx-you-sent: {key}\r\nconnection: close\r\ntransfer-encoding: chunked\r\n\r\n"
        );
        for piece in pieces {
            let piece = piece.replace("FIRST", first).replace("LAST", last).replace("KEY", key).replace("JSON", json);
            let _ = write!(stream, "{:x}\r\n{piece}\r\n", piece.len());
            // A chunk of its own, as it is read.
            std::thread::sleep(Duration::from_millis(20));
        }
        let _ = stream.write_all(b"0\r\n\r\n");
    };
    server(serve)
}

/// All that is told of an exchange that has ended, on every route and in every event.
fn told(emulator: &Arc<Emulator>, socket: &mut Watching) -> String {
    let mut all = Vec::new();
    let ended = loop {
        let event = any(socket);
        all.push(event.clone());
        if event["type"] == "exchange_ended" {
            break event["data"]["id"].clone();
        }
    };
    for path in ["/api/exchanges", "/api/bypass/history", "/api/bypass/config", "/api/sessions"] {
        all.push(done(emulator, "GET", path, Value::Null));
    }
    let one = format!("/api/exchanges/{}", ended.as_str().expect("an id"));
    all.push(done(emulator, "GET", &one, Value::Null));
    all.push(control::in_process(emulator, Some("k"), "GET", "/_emulator/requests", "").1);
    Value::from(all).to_string()
}

/// Whether the key can be read in JSON of whatever depth.
fn shows(told: &str, key: &str) -> bool {
    let plain = told.replace('\\', "");
    plain.contains(&key.replace('\\', ""))
}

/// Whole, in a header, in JSON, cut by a border, said in pieces: by a rule's fallback and by the bypass.
#[test]
fn a_key_that_an_upstream_repeats_is_kept_and_shown_nowhere() {
    let bodies: [(&str, &[&str]); 5] = [
        ("application/json", &["{\"you\": {\"authorization\": \"Bearer JSON\"}}"]),
        ("text/plain", &["you said KEY, and KEY"]),
        ("text/plain", &["you said FIRST", "LAST, well"]),
        ("text/event-stream", &["data: {\"a\": \"JSON\"}\n\n", "data: [DONE]\n\n"]),
        (
            "application/json",
            &["{\"choices\": [{\"index\": 0, \"message\": {\"role\": \"assistant\", \"content\": \"It is JSON.\"}}]}"],
        ),
    ];
    for (kind, pieces) in bodies {
        for bypass in [false, true] {
            let (address, _heads) = repeats(kind, pieces);
            let emulator = start(json!({"upstream": address, "upstreamKey": KEY, "fallback": "upstream"}));
            emulator.upstream.bypass(bypass);
            let mut socket = watch(&emulator);
            let got = send(&emulator, "k", CHAT, &chat("hello", kind == "text/event-stream"));
            // The client gets what came.
            assert!(got.head.contains(&KEY.to_lowercase()) && shows(&got.text(), KEY), "{}", got.text());
            assert!(!got.text().contains("REDACTED"));
            let told = told(&emulator, &mut socket);
            assert!(told.contains("REDACTED"), "{told}");
            assert!(!shows(&told, KEY) && !told.contains("0123456789"), "{pieces:?}: {told}");
        }
    }
}

/// What a model says piece by piece is read as one text.
#[test]
fn a_key_said_in_deltas_is_not_what_was_said() {
    let (address, _heads) = repeats(
        "text/event-stream",
        &[
            "data: {\"choices\":[{\"index\":0,\"delta\":{\"content\":\"It is sk-plain\"}}]}\n\n",
            "data: {\"choices\":[{\"index\":0,\"delta\":{\"content\":\"-secret.\"},\"finish_reason\":\"stop\"}]}\n\ndata: [DONE]\n\n",
        ],
    );
    let emulator = start(json!({"upstream": address, "upstreamKey": "sk-plain-secret", "fallback": "upstream"}));
    let got = send(&emulator, "k", CHAT, &chat("hello", true));
    assert!(got.text().contains("-secret."));
    let list = done(&emulator, "GET", "/api/exchanges", Value::Null).to_string();
    assert!(list.contains("It is [REDACTED].") && !list.contains("-secret"), "{list}");
}

/// Whichever key goes there: one that was set by hand, and the caller's own.
#[test]
fn keys_set_by_hand_and_the_callers_own_are_hidden_alike() {
    let (address, _heads) = repeats("text/plain", &["you said KEY."]);
    let emulator = start(json!({"upstream": address, "fallback": "upstream"}));
    let mut socket = watch(&emulator);
    let got =
        exchange(&emulator, &request("POST", CHAT, "sk-callers-own-0001", "", chat("a", false).to_string().as_bytes()));
    assert!(got.expect("an answer").text().contains("sk-callers-own-0001"));
    assert!(!told(&emulator, &mut socket).contains("you said sk-callers"));
    done(&emulator, "PUT", "/api/bypass/config", json!({"api_key": "sk-by-hand-0002"}));
    assert!(send(&emulator, "k", CHAT, &chat("b", false)).text().contains("sk-by-hand-0002"));
    let told = told(&emulator, &mut socket);
    assert!(!told.contains("by-hand-0002") && told.contains("you said [REDACTED]."), "{told}");
}

/// A person who looks at a piece sees no key, and what goes on as it was is what came.
#[test]
fn a_person_at_a_breakpoint_sees_no_key() {
    let (address, _heads) = repeats("text/plain", &["you said FIRST", "LAST, well"]);
    let emulator = start(json!({"upstream": address, "upstreamKey": KEY, "fallback": "upstream"}));
    let stops = json!({"data": [{"at": {"piece": 0}}, {"at": {"piece": 1}}]});
    done(&emulator, "PUT", "/api/breakpoints", stops);
    let mut socket = watch(&emulator);
    std::thread::scope(|scope| {
        let asked = scope.spawn(|| send(&emulator, "k", CHAT, &chat("hello", false)));
        for shown in ["you said [REDACTED]", "[REDACTED], well"] {
            let mut card = next(&mut socket, "new_request")["data"].take();
            assert_eq!(card["paused"]["next"]["text"], shown);
            assert!(!card["paused"].to_string().contains("sk-up"), "{card}");
            act(&mut socket, "go", &card["id"].take(), json!({}));
        }
        assert_eq!(asked.join().expect("an answer").text(), format!("you said {KEY}, well"));
    });
}
