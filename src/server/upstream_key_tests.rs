//! An upstream that repeats the key it was asked with: the client gets what came, and nobody else sees it.

use super::cassette_tests::{folder, lines, plays, stop};
use super::room_tests::{CHAT, Watching, act, any, chat, done, next, watch};
use super::tests::{eventually, exchange, request, send, start};
use crate::control;
use crate::emulator::Emulator;
use crate::redact::unzip::tests::zipped;
use crate::upstream::tests::server;
use crate::wire::value::Holds;
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

/// A server that answers with these bytes, a chunk each, in this coding.
fn says(coding: &'static str, kind: &'static str, pieces: Vec<Vec<u8>>) -> (String, Receiver<String>) {
    server(move |mut stream: std::net::TcpStream, _: &str| {
        let _ = write!(
            stream,
            "HTTP/1.1 200 OK\r\ncontent-type: {kind}\r\n{coding}connection: close\r\ntransfer-encoding: chunked\r\n\r\n"
        );
        for piece in &pieces {
            let _ = write!(stream, "{:x}\r\n", piece.len());
            let _ = stream.write_all(piece).and_then(|()| stream.write_all(b"\r\n"));
        }
        let _ = stream.write_all(b"0\r\n\r\n");
    })
}

/// All texts that are told, one after the other, as somebody reads them who puts a stream's pieces together.
fn read_together(told: &str) -> String {
    let told = told.replace('\\', "");
    let pieces = told.split("\"piece\":\"").skip(1).filter_map(|rest| rest.split('"').next());
    pieces.collect()
}

/// Letter by letter, in events, in lines and in a list, plain and zipped: neither as it came nor put together again.
#[test]
fn a_key_spread_over_pieces_is_shown_nowhere() {
    let key = "plain-secret-0123456789";
    let letters: Vec<String> = key.chars().map(|letter| json!({"piece": letter.to_string()}).to_string()).collect();
    let event = |letter: &String| format!("data: {letter}\n\n").into_bytes();
    let line = |letter: &String| format!("{letter}\n").into_bytes();
    let list = format!("[{}]", letters.join(",")).into_bytes();
    let bodies: [(&str, Vec<Vec<u8>>); 4] = [
        ("text/event-stream", letters.iter().map(event).collect()),
        // What it says of itself is not what it is.
        ("application/json", letters.iter().map(event).collect()),
        ("application/x-ndjson", letters.iter().map(line).collect()),
        ("application/json", vec![list]),
    ];
    for (kind, pieces) in bodies {
        for (coding, header) in [("", ""), ("gzip", "content-encoding: gzip\r\n"), ("br", "content-encoding: br\r\n")] {
            let plain: Vec<&[u8]> = pieces.iter().map(Vec::as_slice).collect();
            let came = zipped(coding, &plain);
            let (address, _heads) = says(header, kind, came.clone());
            let emulator = start(json!({"upstream": address, "upstreamKey": key, "fallback": "upstream"}));
            let mut socket = watch(&emulator);
            let got = send(&emulator, "k", CHAT, &chat("hello", kind == "text/event-stream"));
            assert!(got.body == came.concat(), "{coding} {kind}");
            let told = told(&emulator, &mut socket);
            assert!(told.contains("REDACTED"), "{coding} {kind}: {told}");
            let read = read_together(&told);
            assert!(!read.is_empty() && !read.contains("secret"), "{coding} {kind}: {read} of {told}");
        }
    }
}

/// While it still comes, too: what was said may become the key.
#[test]
fn a_key_that_is_still_coming_is_shown_nowhere() {
    let piece = |text: &str| format!("data: {}\n\n", json!({"piece": text}));
    let (told, hears) = std::sync::mpsc::channel::<()>();
    let hears = std::sync::Mutex::new(hears);
    let (address, _heads) = server(move |mut stream: std::net::TcpStream, _: &str| {
        let _ = write!(stream, "HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\nconnection: close\r\n\r\n");
        let _ = write!(stream, "{}{}", piece("It is sk-"), piece("plain"));
        // The rest, when it was looked at.
        let _ = hears.lock().expect("nobody panics").recv();
        let _ = write!(stream, "{}", piece("-secret"));
    });
    let emulator = start(json!({"upstream": address, "upstreamKey": "sk-plain-secret", "fallback": "upstream"}));
    let _socket = watch(&emulator);
    std::thread::scope(|scope| {
        let asked = scope.spawn(|| send(&emulator, "k", CHAT, &chat("hello", true)));
        let events = || {
            let list = done(&emulator, "GET", "/api/exchanges", Value::Null);
            let id = list["data"].elements().next()?["id"].as_str()?.to_string();
            let one = done(&emulator, "GET", &format!("/api/exchanges/{id}"), Value::Null);
            Some(one["answer"]["events"].to_string())
        };
        let shown = eventually("two events", || events().filter(|events| events.matches("data: ").count() == 2));
        drop(told);
        assert!(shown.contains("It is [REDACTED]") && !shown.contains("plain"), "{shown}");
        assert!(asked.join().expect("an answer").text().contains("-secret"));
        let shown = events().expect("an exchange");
        assert!(shown.contains("It is [REDACTED]") && !shown.contains("secret"), "{shown}");
    });
}

/// The journal's line of a text is cut: also there the key's beginning is none of it.
#[test]
fn a_key_at_the_end_of_a_line_is_not_begun_there() {
    let text = format!("{}sk-plain-secret.", "x".repeat(crate::reply::describe::SHOWN - 10));
    let message = json!({"role": "assistant", "content": text});
    let body = json!({"choices": [{"index": 0, "message": message, "finish_reason": "stop"}]}).to_string();
    let (address, _heads) = says("", "application/json", vec![body.into_bytes()]);
    let emulator = start(json!({"upstream": address, "upstreamKey": "sk-plain-secret", "fallback": "upstream"}));
    send(&emulator, "k", CHAT, &chat("hello", false));
    let list = done(&emulator, "GET", "/api/exchanges", Value::Null).to_string();
    assert!(list.contains("x[REDACTED") && !list.contains("sk-plain"), "{list}");
}

/// What cannot be read may have the key anywhere.
#[test]
fn an_answer_that_cannot_be_unzipped_is_passed_on_and_not_shown() {
    for (coding, came) in [
        ("content-encoding: zstd\r\n", b"you said sk-plain-secret".to_vec()),
        ("content-encoding: gzip\r\n", b"you said sk-plain-secret".to_vec()),
    ] {
        let (address, _heads) = says(coding, "text/plain", vec![came.clone()]);
        let emulator = start(json!({"upstream": address, "upstreamKey": "sk-plain-secret", "fallback": "upstream"}));
        let mut socket = watch(&emulator);
        assert_eq!(send(&emulator, "k", CHAT, &chat("hello", false)).body, came);
        let told = told(&emulator, &mut socket);
        assert!(told.contains("[REDACTED]") && !told.contains("you said"), "{told}");
    }
}

/// A recording has neither the key nor the coding, and plays what was said.
#[test]
fn a_recording_has_no_key_however_it_came() {
    let chunk = |text: &str| format!("data: {}\n\n", json!({"choices": [{"index": 0, "delta": {"content": text}}]}));
    let pieces = ["It is plain", "-secret", ".", " Well"].map(chunk);
    let plain: Vec<&[u8]> = pieces.iter().map(String::as_bytes).collect();
    let hidden = ["It is [REDACTED]", "", ".", " Well"].map(chunk).concat();
    for (coding, header) in [("", ""), ("gzip", "content-encoding: gzip\r\n"), ("br", "content-encoding: br\r\n")] {
        let folder = folder();
        let (address, _heads) = says(header, "text/event-stream", zipped(coding, &plain));
        let options = json!({"upstream": address, "upstreamKey": "plain-secret", "record": folder.path(), "ci": false});
        let own = start(options);
        send(&own, "k", CHAT, &chat("hello", true));
        stop(&own);
        let recorded = lines(folder.path());
        let told = recorded[0].to_string();
        assert!(recorded.len() == 1 && !told.contains("secret") && !told.contains("base64"), "{coding}: {told}");
        let again = send(&start(plays(folder.path())), "k", CHAT, &chat("hello", true));
        assert_eq!(again.text(), hidden, "{coding}");
        assert!(!again.head.contains("content-encoding"), "{}", again.head);
    }
    // What nobody has read is not written down.
    let folder = folder();
    let (address, _heads) = says("content-encoding: zstd\r\n", "text/plain", vec![b"plain-secret".to_vec()]);
    let own = start(json!({"upstream": address, "upstreamKey": "plain-secret", "record": folder.path(), "ci": false}));
    send(&own, "k", CHAT, &chat("hello", false));
    let failed = eventually("a complaint", || {
        let verified = control::in_process(&own, Some("k"), "GET", "/_emulator/verify", "").1.to_string();
        verified.contains("not_recorded").then_some(verified)
    });
    assert!(failed.contains("zstd"), "{failed}");
    stop(&own);
    assert!(lines(folder.path()).is_empty());
}
