//! The end of a session is the end of what waits in it: clients are told, the journal says why, nothing stays open.

use super::fault_tests::{Seen, open};
use super::tests::{eventually, send, start, until};
use super::websocket_tests::{create, read_to, scripted};
use crate::control::in_process;
use crate::emulator::Emulator;
use crate::runtime;
use crate::session::exchange::Exchange;
use serde_json::{Value, json};
use std::sync::Arc;

const NAME: &str = "held";

/// What holds an answer back for good, and whether it says so as an error or by closing the connection.
fn held() -> Vec<(&'static str, Value, bool, bool)> {
    let hold = |after: u64| json!({"text": "one two", "pace": {"hold": {"after_chunks": after, "until": "never"}}});
    let slow = json!({"text": "one two", "pace": {"ttft_ms": 60_000}});
    let stall = |at: &str| json!({"text": "one two", "fault": {"kind": "stall", "at": at}});
    vec![
        ("a hold", hold(0), false, true),
        ("a hold of a stream", hold(1), true, true),
        ("the clock", slow.clone(), false, true),
        ("the clock of a stream", slow, true, true),
        ("silence", stall("connect"), false, true),
        ("silence after the headers", stall("headers"), false, false),
        ("silence of a stream", stall("headers"), true, false),
    ]
}

fn key() -> String {
    crate::control::key_of_name(NAME)
}

fn control(emulator: &Arc<Emulator>, key: Option<&str>, method: &str, path: &str, body: Value) {
    let (status, value) = in_process(emulator, key, method, path, &body.to_string());
    assert_eq!(status, 200, "{value}");
}

/// How a session ends, and the word for it.
type End = (&'static str, fn(&Arc<Emulator>));

const ENDS: [End; 5] = [
    ("reset", |emulator| control(emulator, Some(&key()), "POST", "/_emulator/reset", json!({}))),
    ("deleted", |emulator| control(emulator, None, "DELETE", "/_emulator/sessions/held", json!({}))),
    ("deleted", |emulator| control(emulator, None, "DELETE", "/_emulator/sessions", json!({}))),
    ("made room", |emulator| {
        control(emulator, None, "POST", "/_emulator/sessions", json!({"name": "another"}));
    }),
    ("stopped", |emulator| runtime::handle().block_on(emulator.stop())),
];

/// The exchange that is held.
fn waiting(emulator: &Emulator) -> Arc<Exchange> {
    let session = emulator.session(&key());
    eventually("a request that is held", || {
        session.journal.in_flight().pop().filter(|open| open.waiting(session.clock.now()).is_some())
    })
}

#[test]
fn what_is_held_ends_with_its_session() {
    for (what, reply, stream, tells) in held() {
        for (word, end) in ENDS {
            let case = format!("{what}, {word}");
            let emulator = start(json!({"maxSessions": 1}));
            let made = json!({"name": NAME, "clock": "manual"});
            control(&emulator, None, "POST", "/_emulator/sessions", made);
            assert_eq!(send(&emulator, &key(), "/_emulator/script", &json!({"responses": [reply]})).status, 200);
            let body = json!({"model": "gpt-4o", "input": "hi"});
            let socket = open(&emulator, &key(), "/v1/responses", body, stream);
            let exchange = waiting(&emulator);
            end(&emulator);
            // The socket has a time limit of its own: a server that stays silent fails here.
            let seen = Seen::of(socket);
            eventually(&format!("{case}: the end"), || exchange.is_done().then_some(()));
            let record = exchange.record();
            let why = record.explanation.unwrap_or_default();
            assert!(why.starts_with("The session") && why.contains(word), "{case}: {why:?}");
            if tells {
                assert!(seen.text.contains(&why) && seen.text.contains("session_ended"), "{case}: {}", seen.text);
                let status = if stream { 200 } else { 400 };
                assert_eq!(seen.status(), status, "{case}");
                // An error that frameworks do not retry, in mid-stream too.
                assert!(!seen.text.contains("server_error"), "{case}: {}", seen.text);
            }
            assert!(emulator.session(&key()).journal.in_flight().is_empty(), "{case}");
            eventually(&format!("{case}: closed connections"), || {
                let listening = usize::from(word != "stopped");
                (emulator.open() == listening).then_some(())
            });
        }
    }
}

/// A function, and a wait in another place than an answer's delivery.
#[test]
fn what_is_not_delivered_yet_ends_too() {
    let emulator = start(json!({"maxSessions": 9}));
    control(&emulator, None, "POST", "/_emulator/sessions", json!({"name": NAME, "clock": "manual"}));
    let slow = json!({"text": "one two", "pace": {"ttft_ms": 60_000}});
    assert_eq!(send(&emulator, &key(), "/_emulator/script", &json!({"responses": [slow]})).status, 200);
    let body = json!({"model": "gpt-4o", "input": "hi", "background": true});
    let id = send(&emulator, &key(), "/v1/responses", &body).json()["id"].as_str().expect("an id").to_string();
    let resume = super::tests::request("GET", &format!("/v1/responses/{id}?stream=true"), &key(), "", b"");
    let mut socket = super::tests::connect(&emulator);
    std::io::Write::write_all(&mut socket, &resume).expect("sends");
    // The work that it waits for is in flight too.
    let session = emulator.session(&key());
    let exchange = eventually("it waits", || {
        let open = session.journal.in_flight().into_iter().find(|open| open.operation == "responses.retrieve")?;
        open.waiting(session.clock.now()).map(|_| open)
    });
    let behind = session.journal.in_flight().swap_remove(0);
    control(&emulator, None, "DELETE", "/_emulator/sessions/held", json!({}));
    let seen = Seen::of(socket);
    assert!(seen.status() == 400 && seen.text.contains("session_ended"), "{}", seen.text);
    assert!(exchange.is_done());
    until("the work ends with its session", || behind.is_done());
}

/// The real clock needs nobody: what waits for it alone is answered, in the journal it began in.
#[test]
fn what_ends_by_itself_goes_on() {
    for (word, end) in &ENDS[..4] {
        let emulator = start(json!({"maxSessions": 1}));
        control(&emulator, None, "POST", "/_emulator/sessions", json!({"name": NAME}));
        let slow = json!({"text": "one two", "pace": {"ttft_ms": 400}});
        assert_eq!(send(&emulator, &key(), "/_emulator/script", &json!({"responses": [slow]})).status, 200);
        let body = json!({"model": "gpt-4o", "messages": [{"role": "user", "content": "hi"}]});
        let socket = open(&emulator, &key(), "/v1/chat/completions", body, true);
        let exchange = waiting(&emulator);
        end(&emulator);
        let seen = Seen::of(socket);
        assert!(seen.text.contains("[DONE]"), "{word}: {}", seen.text);
        assert_eq!(exchange.record().explanation, None, "{word}");
    }
}

/// After a stop's grace time nothing goes on.
#[test]
fn a_stop_ends_what_the_real_clock_holds() {
    let emulator = start(json!({}));
    let slow = json!({"text": "one two", "pace": {"ttft_ms": 600_000}});
    assert_eq!(send(&emulator, &key(), "/_emulator/script", &json!({"responses": [slow]})).status, 200);
    let body = json!({"model": "gpt-4o", "messages": [{"role": "user", "content": "hi"}]});
    let socket = open(&emulator, &key(), "/v1/chat/completions", body, true);
    let exchange = waiting(&emulator);
    runtime::handle().block_on(emulator.stop());
    let seen = Seen::of(socket);
    assert!(exchange.is_done() && seen.status() == 400 && seen.text.contains("session_ended"), "{}", seen.text);
}

/// Over a socket the error is an event, or the connection ends.
#[test]
fn a_socket_is_told_too() {
    let hold = json!({"text": "one two", "pace": {"hold": {"after_chunks": 1, "until": "never"}}});
    let (emulator, mut socket) = scripted(json!({}), json!([hold]));
    create(&mut socket, "");
    read_to(&mut socket, "response.output_text.delta");
    let session = emulator.sessions().pop().expect("a session");
    eventually("a request that is held", || session.journal.in_flight().pop()?.waiting(session.clock.now()));
    control(&emulator, Some(&session.key), "POST", "/_emulator/reset", json!({}));
    let seen = read_to(&mut socket, "response.failed");
    assert!(seen.iter().any(|one| one == "session_ended"), "{seen:?}");
    assert!(session.journal.in_flight().is_empty());
}
