//! What the control room tells of exchanges: their answers as they left, tokens, why rules did not match.

use super::room_tests::{CHAT, ask, chat, done};
use super::tests::{exchange, send, start};
use crate::emulator::Emulator;
use crate::wire::value::Holds;
use serde_json::{Value, json};

fn last(emulator: &Emulator) -> Value {
    let list = done(emulator, "GET", "/api/exchanges?limit=1", Value::Null);
    let id = list["data"][0]["id"].as_str().expect("an id");
    done(emulator, "GET", &format!("/api/exchanges/{id}"), Value::Null)
}

#[test]
fn an_answer_is_shown_as_it_left_event_by_event() {
    let emulator = start(json!({"clock": "manual", "fallback": "echo"}));
    // Nobody has come yet: nothing is kept but what was said.
    send(&emulator, "k", CHAT, &chat("early", false));
    let early = last(&emulator);
    assert_eq!((&early["answer"]["events"], &early["said"]), (&json!([]), &json!("\"Echo: early\"")));
    let plain = send(&emulator, "k", CHAT, &chat("whole", false));
    let shown = last(&emulator);
    let answer = &shown["answer"];
    assert_eq!(
        (&answer["status"], &answer["bytes"], &answer["truncated"]),
        (&json!(200), &json!(plain.body.len()), &json!(false))
    );
    assert_eq!(answer["events"][0]["text"], plain.text());
    assert_eq!(answer["headers"]["content-type"], "application/json");
    assert_eq!(answer["headers"]["x-request-id"], shown["request_id"]);
    assert_eq!(shown["tokens"]["input"], plain.json()["usage"]["prompt_tokens"]);
    let stream = send(&emulator, "k", CHAT, &chat("one two", true)).text();
    let shown = last(&emulator);
    let events = shown["answer"]["events"].as_array().expect("events");
    assert_eq!(events.iter().filter_map(|event| event["text"].as_str()).collect::<String>(), stream);
    assert_eq!(events.len(), stream.matches("\n\n").count());
    let times: Vec<f64> = events.iter().filter_map(|event| event["at_ms"].as_f64()).collect();
    assert!(times.is_sorted() && times.len() == events.len(), "{times:?}");
    let refused = send(&emulator, "k", CHAT, &json!({"model": "gpt-4o"}));
    assert_eq!(last(&emulator)["answer"]["events"][0]["text"], refused.text());
    let counted = done(&emulator, "GET", "/api/statistics", Value::Null);
    let input = |value: &Value| value["tokens"]["input"].as_u64().unwrap_or_default();
    assert!(input(&counted) > 0);
    assert_eq!((input(&counted["models"][0]), input(&counted["sessions"][0])), (input(&counted), input(&counted)));
}

#[test]
fn each_rule_says_why_it_does_not_match() {
    let emulator = start(json!({"fallback": "echo"}));
    let script = json!({"rules": [
        {"name": "spent", "match": "hello", "response": "a", "times": 1},
        {"match": {"user": "bye", "model": "gpt-4o", "stream": true}, "response": "b", "times": 3},
        {"match": {"operation": "embeddings.create"}, "embedding": [1]},
        {"match": {"any_message": "earlier"}, "response": "d", "times": "unlimited"},
        {"match": {"tool_result": false}, "response": "e", "times": "unlimited"},
    ]});
    assert_eq!(send(&emulator, "k", "/_emulator/script", &script).status, 200);
    send(&emulator, "k", CHAT, &chat("hello", false));
    let why = |emulator: &Emulator| {
        let id = last(emulator)["id"].as_str().expect("an id").to_string();
        done(emulator, "GET", &format!("/api/exchanges/{id}/why"), Value::Null)["rules"].take()
    };
    let told = why(&emulator);
    let of = |index: usize, key: &str| told[index][key].clone();
    assert_eq!((of(0, "rule"), of(0, "used_up"), of(0, "left")), (json!("spent"), json!(true), json!(0)));
    assert_eq!(of(0, "why"), "It is used up: 1 of 1.");
    let keys: Vec<Value> = of(1, "mismatches").elements().map(|one| one["key"].clone()).collect();
    assert_eq!((keys, of(1, "matches"), of(1, "left")), (vec![json!("user"), json!("stream")], json!(false), json!(3)));
    assert!(of(2, "why").as_str().is_some_and(|why| why.contains("cannot answer chat.completions.create")), "{told}");
    assert!(
        of(3, "why").as_str().is_some_and(|why| why.contains("any_message: wanted /earlier/, got \"hello\"")),
        "{told}"
    );
    assert_eq!((of(4, "matches"), of(4, "why"), of(4, "left")), (json!(true), Value::Null, json!("unlimited")));
    // The history that is kept counts, and looking takes nothing and counts nothing.
    let first = send(&emulator, "k", "/v1/responses", &json!({"model": "gpt-4o", "input": "earlier"})).json();
    send(
        &emulator,
        "k",
        "/v1/responses",
        &json!({"model": "gpt-4o", "input": "now", "previous_response_id": first["id"]}),
    );
    let again = why(&emulator);
    assert_eq!((&again[3]["matches"], &again), (&json!(true), &why(&emulator)));
    send(&emulator, "k", "/v1/embeddings", &json!({"model": "text-embedding-3-small", "input": "x"}));
    assert_eq!(why(&emulator)[2]["mismatches"], json!([]));
    assert_eq!(ask(&emulator, "GET", "/api/exchanges/999999/why", Value::Null).0, 404);
    send(&emulator, "k", "/v1/nothing", &json!({}));
    let id = last(&emulator)["id"].as_str().expect("an id").to_string();
    assert_eq!(ask(&emulator, "GET", &format!("/api/exchanges/{id}/why"), Value::Null).0, 409);
}

/// A form's files are known by their sums alone.
#[test]
fn a_form_is_not_sent_again() {
    let emulator = start(json!({}));
    let form = "--x\r\ncontent-disposition: form-data; name=\"file\"; filename=\"a\"\r\n\r\n1\r\n--x--\r\n";
    let head = "POST /v1/files HTTP/1.1\r\nhost: 127.0.0.1\r\nconnection: close\r\ncontent-type: multipart/form-data; boundary=x\r\n";
    exchange(&emulator, format!("{head}content-length: {}\r\n\r\n{form}", form.len()).as_bytes()).expect("an answer");
    let at = format!("/api/exchanges/{}/again", last(&emulator)["id"].as_str().expect("an id"));
    for body in [json!({}), json!({"body": {"purpose": "batch"}})] {
        let (status, refused) = ask(&emulator, "POST", &at, body);
        assert_eq!((status, &refused["error"]["code"]), (400, &json!("no_json")), "{refused}");
    }
}
