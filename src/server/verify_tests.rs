//! A mistake in a test never ends green: whatever the application made of an error, `verify` knows of it.

use crate::control::in_process;
use crate::emulator::Emulator;
use crate::server::fault_tests::open;
use crate::server::tests::{eventually, send, start};
use crate::session::exchange::Waiting;
use serde_json::{Value, json};
use std::cell::Cell;
use std::io::Read;
use std::sync::Arc;

fn chat(text: &str) -> Value {
    json!({"model": "gpt-4o", "messages": [{"role": "user", "content": text}]})
}

fn load(emulator: &Emulator, key: &str, script: &Value) {
    let loaded = send(emulator, key, "/_emulator/script", script);
    assert_eq!(loaded.status, 200, "{}", loaded.text());
}

fn control(emulator: &Arc<Emulator>, key: &str, method: &str, path: &str) -> Value {
    let (status, value) = in_process(emulator, Some(key), method, path, "");
    assert_eq!(status, 200, "{value}");
    value
}

fn verify(emulator: &Arc<Emulator>, key: &str) -> Value {
    control(emulator, key, "GET", "/_emulator/verify")
}

/// A script, the request it meets, and the complaint that comes of it.
fn complaints() -> Vec<(&'static str, Value, Value)> {
    let strict = json!({"type": "json_schema", "json_schema": {"name": "n", "strict": true,
        "schema": {"type": "object", "properties": {"a": {"type": "string"}}, "required": ["a"], "additionalProperties": false}}});
    let mut structured = chat("hi");
    structured["response_format"] = strict;
    vec![
        ("no_matching_rule", json!({"responses": []}), chat("hi")),
        ("script_mismatch", json!({"responses": ["no JSON"]}), structured),
        ("script_mismatch", json!({"responses": [{"tool_calls": [{"name": "f", "arguments": {}}]}]}), chat("hi")),
        ("expectation_failed", json!({"rules": [{"response": "x", "expect": {"user": "bye"}}]}), chat("hi")),
        ("reply_function_failed", json!({"responses": ["unused"]}), chat("hi")),
        ("reply_cannot_answer", json!({"defaults": {"fallback": {"embedding": [1]}}}), chat("hi")),
    ]
}

#[test]
fn every_complaint_is_a_400_in_strict_a_500_elsewhere_and_fails_verify() {
    for (profile, wanted) in [("strict", 400), ("relaxed", 500), ("llemulator", 500)] {
        let emulator = start(json!({"profile": profile, "fallback": "error", "checkReplies": "fail"}));
        for (index, (code, script, body)) in complaints().into_iter().enumerate() {
            let key = format!("k{index}");
            match code {
                // No function is there to be called: the same failure as one that throws.
                "reply_function_failed" => {
                    let script = json!({"responses": [{"callback": 7}]}).to_string();
                    assert_eq!(in_process(&emulator, Some(&key), "POST", "/_emulator/script", &script).0, 200);
                }
                _ => load(&emulator, &key, &script),
            }
            let answer = send(&emulator, &key, "/v1/chat/completions", &body);
            let error = &answer.json()["error"];
            assert_eq!((answer.status, &error["code"]), (wanted, &json!(code)), "{profile}: {error}");
            assert!(answer.head.contains("x-should-retry: false"), "{}", answer.head);
            let verdict = verify(&emulator, &key);
            assert_eq!((&verdict["ok"], &verdict["failures"]), (&json!(false), &json!(1)), "{code}: {verdict}");
            assert_eq!(verdict["first_failure"]["code"], code);
            let list = if code == "no_matching_rule" { "unexpected" } else { "failed" };
            assert_eq!(verdict[list][0]["failure"]["message"], error["message"], "{verdict}");
            let transcript = verdict["transcript"].as_str().unwrap_or_default();
            assert!(transcript.contains("✗"), "{code}: {transcript}");
            control(&emulator, &key, "POST", "/_emulator/reset");
            assert_eq!(verify(&emulator, &key)["ok"], true);
        }
    }
}

#[test]
fn what_a_test_wants_is_no_failure() {
    let emulator = start(json!({}));
    let wanted = json!({"responses": [{"error": {"status": 500}}, {"raw": {"status": 501, "body": "no"}}, {"error": {"status": 400}}]});
    load(&emulator, "a", &wanted);
    for status in [500, 501, 400] {
        assert_eq!(send(&emulator, "a", "/v1/chat/completions", &chat("hi")).status, status);
    }
    assert_eq!(send(&emulator, "a", "/v1/chat/completions", &json!({"model": "gpt-4o"})).status, 400);
    assert_eq!(verify(&emulator, "a")["ok"], true);
}

#[test]
fn what_the_journal_drops_is_still_counted() {
    let emulator = start(json!({"journalSize": 2}));
    load(&emulator, "a", &json!({"responses": [{"pattern": "fine", "response": "ok", "times": 3}]}));
    assert_eq!(send(&emulator, "a", "/v1/chat/completions", &chat("stray")).status, 400);
    for _ in 0..3 {
        assert_eq!(send(&emulator, "a", "/v1/chat/completions", &chat("fine")).status, 200);
    }
    let verdict = verify(&emulator, "a");
    assert_eq!((&verdict["ok"], &verdict["forgotten"]), (&json!(false), &json!(2)));
    assert_eq!(verdict["unexpected"][0]["failure"]["code"], "no_matching_rule");
    let transcript = verdict["transcript"].as_str().unwrap_or_default();
    assert!(transcript.starts_with("(2 exchanges are no longer kept"), "{transcript}");
    assert!(transcript.contains("\n3. chat") && transcript.contains("\n4. chat"), "{transcript}");
    let last = control(&emulator, "a", "GET", "/_emulator/requests?last=1");
    assert_eq!((&last["data"][0]["number"], last["data"].as_array().map(Vec::len)), (&json!(3), Some(1)));
}

/// What each kind of wait is called, and what ends it.
#[test]
fn exchanges_in_flight_say_what_they_wait_for() {
    type End = fn(&Arc<Emulator>, &str);
    let advance: End = |emulator, key| {
        emulator.session(key).clock.advance(std::time::Duration::from_secs(60)).expect("it is virtual");
    };
    let release: End = |emulator, key| assert!(emulator.session(key).release("go"));
    let clock = json!({"kind": "clock", "until": 5_000});
    let cases: [(Value, bool, Value, End); 6] = [
        (json!({"text": "a b", "pace": {"ttft_ms": 5_000}}), false, clock.clone(), advance),
        (json!({"text": "a b", "pace": {"ttft_ms": 5_000}}), true, clock.clone(), advance),
        (
            json!({"text": "a b", "fault": {"kind": "stall", "at": "headers", "stall_ms": 5_000}}),
            true,
            clock.clone(),
            advance,
        ),
        (json!({"text": "a b", "fault": {"kind": "stall", "at": "connect", "stall_ms": 5_000}}), false, clock, advance),
        (
            json!({"text": "a b", "pace": {"hold": {"after_chunks": 1, "until": "go"}}}),
            true,
            json!({"kind": "hold", "name": "go"}),
            release,
        ),
        (
            json!({"text": "a b", "pace": {"hold": {"after_chunks": 0, "until": "go"}}}),
            false,
            json!({"kind": "hold", "name": "go"}),
            release,
        ),
    ];
    let emulator = start(json!({"clock": "manual"}));
    for (index, (reply, stream, waits, end)) in cases.into_iter().enumerate() {
        let key = format!("k{index}");
        load(&emulator, &key, &json!({"responses": [reply]}));
        let mut socket = open(&emulator, &key, "/v1/chat/completions", chat("hi"), stream);
        let session = emulator.session(&key);
        let looked = || session.journal.in_flight().first()?.waiting(session.clock.now());
        eventually("the wait", looked);
        let listed = control(&emulator, &key, "GET", "/_emulator/requests");
        let seen = &listed["data"][0];
        assert_eq!((&seen["state"], &seen["waiting_for"]), (&json!("in_flight"), &waits), "{reply} {seen}");
        let verdict = verify(&emulator, &key);
        assert_eq!((&verdict["ok"], &verdict["in_flight"][0]["number"]), (&json!(false), &json!(0)));
        let transcript = verdict["transcript"].as_str().unwrap_or_default();
        assert!(transcript.contains("   … [responses[0]] waits for "), "{transcript}");
        end(&emulator, &key);
        socket.read_to_end(&mut Vec::new()).expect("the end");
        let done = control(&emulator, &key, "GET", "/_emulator/requests");
        assert_eq!((&done["data"][0]["state"], &done["data"][0]["waiting_for"]), (&json!("done"), &Value::Null));
        assert_eq!(verify(&emulator, &key)["ok"], true);
    }
}

#[test]
fn a_request_that_is_never_answered_is_not_shown_as_answered() {
    let emulator = start(json!({}));
    for (at, stream) in [("connect", false), ("connect", true), ("headers", true)] {
        let key = format!("{at}{stream}");
        load(&emulator, &key, &json!({"responses": [{"text": "x", "fault": {"kind": "stall", "at": at}}]}));
        let socket = open(&emulator, &key, "/v1/chat/completions", chat("hi"), stream);
        let session = emulator.session(&key);
        let waits = || session.journal.in_flight().first()?.waiting(session.clock.now());
        assert_eq!(eventually("the silence", waits), Waiting::Client);
        drop(socket);
        eventually("the end", || session.journal.in_flight().is_empty().then_some(()));
        let seen = &control(&emulator, &key, "GET", "/_emulator/requests")["data"][0];
        let (status, said) = if at == "connect" { (Value::Null, json!("")) } else { (json!(200), json!("\"x\"")) };
        assert_eq!((&seen["aborted"], &seen["status"], &seen["said"]), (&json!(true), &status, &said), "{seen}");
    }
}

#[test]
fn an_exchange_ends_in_the_journal_it_began_in() {
    let emulator = start(json!({"clock": "manual"}));
    let replies = [
        json!({"text": "a", "pace": {"ttft_ms": 1_000}}),
        json!({"text": "a", "pace": {"hold": {"after_chunks": 0, "until": "go"}}}),
        json!({"text": "a", "fault": {"kind": "stall", "at": "connect", "stall_ms": 1_000}}),
        json!({"text": "a", "fault": {"kind": "stall", "at": "headers"}}),
    ];
    for (index, reply) in replies.iter().enumerate() {
        for (path, method) in [("/_emulator/reset", "POST"), ("/_emulator/requests", "DELETE")] {
            let key = format!("{method}{index}");
            load(&emulator, &key, &json!({"responses": [reply]}));
            let mut socket = open(&emulator, &key, "/v1/responses", json!({"model": "gpt-4o", "input": "hi"}), true);
            let before = emulator.session(&key);
            let open = eventually("the request", || {
                before.journal.in_flight().pop().filter(|open| open.waiting(before.clock.now()).is_some())
            });
            control(&emulator, &key, method, path);
            let session = emulator.session(&key);
            session.clock.advance(std::time::Duration::from_secs(60)).expect("it is virtual");
            session.release("go");
            if index == 3 {
                drop(socket);
            } else {
                socket.read_to_end(&mut Vec::new()).expect("the end");
            }
            eventually("the end", || open.is_done().then_some(()));
            assert_eq!(control(&emulator, &key, "GET", "/_emulator/requests")["data"], json!([]), "{reply}");
            let verdict = verify(&emulator, &key);
            assert_eq!(verdict["in_flight"], json!([]), "{verdict}");
        }
    }
}

#[test]
fn a_reset_session_keeps_what_is_stored_after_it_alone() {
    // The real clock goes on, so what waits for it does.
    let emulator = start(json!({}));
    load(&emulator, "a", &json!({"responses": [{"text": "a", "pace": {"ttft_ms": 500}}]}));
    let body = json!({"model": "gpt-4o", "input": "hi"});
    let mut socket = open(&emulator, "a", "/v1/responses", body, false);
    let session = emulator.session("a");
    eventually("the request", || session.journal.in_flight().pop()?.waiting(session.clock.now()));
    control(&emulator, "a", "POST", "/_emulator/reset");
    let mut answer = String::new();
    socket.read_to_string(&mut answer).expect("the end");
    let id =
        answer.split("\"id\": \"").nth(1).and_then(|rest| rest.split('"').next()).unwrap_or_else(|| panic!("{answer}"));
    let got = crate::server::tests::exchange(
        &emulator,
        &crate::server::tests::request("GET", &format!("/v1/responses/{id}"), "a", "", b""),
    );
    assert_eq!(got.expect("an answer").status, 404);
}

#[test]
fn a_session_that_gives_way_still_fails_its_test() {
    let full = json!({"maxSessions": 2});
    let small = json!({"maxMemoryBytes": 3_000_000, "maxSessionBytes": 3_000_000, "fallback": "error"});
    let idle = json!({"sessionIdleMs": 50});
    for (options, bytes) in [(full, 1), (small, 900_000), (idle, 1)] {
        let emulator = start(options.clone());
        assert_eq!(send(&emulator, "sk-failed", "/v1/chat/completions", &chat("hi")).status, 400, "{options}");
        load(&emulator, "sk-unused", &json!({"rules": [{"name": "never asked", "response": "x", "times": 2}]}));
        load(&emulator, "sk-fine", &json!({"responses": ["x"]}));
        assert_eq!(send(&emulator, "sk-fine", "/v1/chat/completions", &chat("hi")).status, 200);
        let gone = |key: &str| !emulator.sessions().iter().any(|session| session.key == key);
        let others = Cell::new(0);
        eventually("all of them gave way", || {
            let key = format!("sk-other-{}", others.replace(others.get() + 1));
            send(&emulator, &key, "/v1/chat/completions", &chat(&"y".repeat(bytes)));
            ["sk-failed", "sk-unused", "sk-fine"].iter().all(|key| gone(key)).then_some(())
        });
        let verdict = verify(&emulator, "sk-failed");
        assert_eq!((&verdict["ok"], &verdict["failures"]), (&json!(false), &json!(1)), "{options}");
        assert_eq!(verdict["unexpected"][0]["failure"]["code"], "no_matching_rule", "{verdict}");
        let verdict = verify(&emulator, "sk-unused");
        let said = verdict["first_failure"]["message"].as_str().unwrap_or_default();
        assert!(verdict["ok"] == false && said.contains("never asked"), "{options}: {verdict}");
        assert_eq!(verify(&emulator, "sk-fine")["ok"], true, "{options}");
        // It goes on from there, and is over with a reset.
        assert_eq!(send(&emulator, "sk-failed", "/v1/chat/completions", &chat("hi")).status, 400);
        assert_eq!(verify(&emulator, "sk-failed")["failures"], 2);
        control(&emulator, "sk-failed", "POST", "/_emulator/reset");
        assert_eq!(verify(&emulator, "sk-failed")["ok"], true);
    }
}

#[test]
fn what_is_under_way_in_a_session_that_gives_way_fails_its_test() {
    let held = json!({"text": "a", "pace": {"hold": {"until": "go"}}});
    let late = json!({"text": "a", "pace": {"ttft_ms": 60_000}});
    for (clock, reply, stream) in
        [("real", &held, false), ("real", &held, true), ("manual", &late, false), ("manual", &late, true)]
    {
        let emulator = start(json!({"maxSessions": 1, "clock": clock}));
        load(&emulator, "sk-held", &json!({"responses": [reply]}));
        let body = json!({"model": "gpt-4o", "stream": stream, "messages": [{"role": "user", "content": "hi"}]});
        let mut socket = open(&emulator, "sk-held", "/v1/chat/completions", body, false);
        let session = emulator.session("sk-held");
        eventually("the request", || session.journal.in_flight().pop()?.waiting(session.clock.now()));
        send(&emulator, "sk-other", "/v1/chat/completions", &chat("hi"));
        let _ = socket.read_to_string(&mut String::new());
        let verdict = verify(&emulator, "sk-held");
        assert_eq!((&verdict["ok"], &verdict["failures"]), (&json!(false), &json!(1)), "{clock} {reply}: {verdict}");
        let said = verdict["first_failure"]["message"].as_str().unwrap_or_default();
        assert!(said.contains("made room for others"), "{verdict}");
    }
}
