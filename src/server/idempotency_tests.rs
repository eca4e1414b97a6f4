//! Requests sent again under the key of the first (`Idempotency-Key`): done once, and answered alike.

use super::asking_tests::Asking;
use super::tests::{Got, exchange, request, start, within};
use crate::emulator::Emulator;
use crate::surface::operations::{AnswerKind, all};
use serde_json::{Value, json};
use std::collections::HashSet;

#[test]
fn what_is_sent_again_under_its_key_is_done_once() {
    let asking = Asking::start();
    let (mut bad, mut seen) = (Vec::new(), 0);
    for operation in all().iter().filter(|one| one.variant.is_none() && one.method == "POST" && !one.turn) {
        // What comes as bytes or events changes nothing.
        if !matches!(operation.kind, AnswerKind::Object | AnswerKind::Page | AnswerKind::None) {
            continue;
        }
        let requested = asking.valid(operation).with("Idempotency-Key: first");
        let first = asking.send(&requested);
        if first.status >= 300 {
            continue;
        }
        let kept = asking.kept();
        let again = asking.send(&requested);
        seen += 1;
        if (again.status, &again.body) != (first.status, &first.body) || asking.kept() != kept {
            bad.push(format!("{}: {} and then {}", operation.name, first.text(), again.text()));
        }
    }
    assert!(bad.is_empty(), "{} of {seen}:\n{}", bad.len(), bad.join("\n"));
    assert!(seen > 120, "{seen}");
}

fn make(emulator: &Emulator, session: &str, key: &str, body: &Value) -> Got {
    let headers = format!("Idempotency-Key: {key}\r\n");
    let asked = request("POST", "/v1/assistants", session, &headers, body.to_string().as_bytes());
    exchange(emulator, &asked).expect("an answer")
}

#[test]
fn a_key_is_of_one_session_one_path_and_one_body() {
    let emulator = start(json!({"clock": "instant"}));
    let (one, other) = (json!({"model": "gpt-4o", "name": "a"}), json!({"model": "gpt-4o", "name": "b"}));
    // What is refused was not done: it may come again, corrected.
    assert_eq!(make(&emulator, "s", "k", &json!({"model": 1})).status, 400);
    let id = |got: Got| got.json()["id"].as_str().expect("an id").to_string();
    let first = id(make(&emulator, "s", "k", &one));
    assert_eq!(id(make(&emulator, "s", "k", &json!({"name": "a", "model": "gpt-4o"}))), first);
    let reused = make(&emulator, "s", "k", &other);
    assert_eq!((reused.status, &reused.json()["error"]["code"]), (409, &json!("idempotency_key_reused")));
    assert_ne!(id(make(&emulator, "s", "another", &one)), first);
    assert_eq!(make(&emulator, "t", "k", &other).json()["name"], "b");
    let listed = exchange(&emulator, &request("GET", "/v1/assistants", "s", "", b"")).expect("a list").json();
    assert_eq!(listed["data"].as_array().map(Vec::len), Some(2));
    let long = make(&emulator, "s", &"k".repeat(256), &one);
    assert_eq!(long.status, 400, "{}", long.text());
}

#[test]
fn what_comes_at_the_same_time_is_done_once_too() {
    let dir = tempfile::tempdir().expect("a folder");
    let body = json!({"model": "gpt-4o", "name": "a"});
    // In a directory what is made waits until it is written: others come in between.
    for options in [json!({"clock": "instant"}), json!({"clock": "instant", "dataDir": dir.path()})] {
        let emulator = start(options);
        let (rounds, lanes) = (10, 6);
        for round in 0..rounds {
            let key = format!("k{round}");
            let ids: HashSet<String> = std::thread::scope(|scope| {
                let ask = || make(&emulator, "s", &key, &body).json()["id"].as_str().expect("an id").to_string();
                let asking: Vec<_> = (0..lanes).map(|_| scope.spawn(ask)).collect();
                asking.into_iter().map(|one| one.join().expect("it is answered")).collect()
            });
            assert_eq!(ids.len(), 1, "{ids:?}");
        }
        let listed = exchange(&emulator, &request("GET", "/v1/assistants?limit=100", "s", "", b"")).expect("a list");
        assert_eq!(listed.json()["data"].as_array().map(Vec::len), Some(rounds));
        within("the end", emulator.stop());
    }
}
