//! Items sent back, over a socket: what was answered decides what may come again.

use crate::emulator::Emulator;
use crate::server::tests::{Got, exchange, request, send, start};
use serde_json::{Value, json};
use std::sync::Arc;

const KEY: &str = "sk-replay";

fn emulator(replies: Value) -> Arc<Emulator> {
    let emulator = start(json!({"clock": "instant", "logLevel": "error"}));
    assert_eq!(send(&emulator, KEY, "/_emulator/script", &json!({"responses": replies})).status, 200);
    emulator
}

fn ask(emulator: &Emulator, input: Value, more: Value) -> Got {
    let mut body = json!({"model": "gpt-5", "input": input});
    body.as_object_mut().expect("an object").extend(more.as_object().expect("an object").clone());
    send(emulator, KEY, "/v1/responses", &body)
}

fn refused(got: &Got) -> (u16, String) {
    let error = got.json()["error"].clone();
    assert_eq!((error["type"].as_str(), error["param"].as_str()), (Some("invalid_request_error"), Some("input")));
    assert_eq!(error["code"], Value::Null);
    (got.status, error["message"].as_str().expect("a message").to_string())
}

/// An answer with reasoning and a call, and the output of that call.
fn called(emulator: &Emulator, more: Value) -> (Value, Value, Value) {
    let answer = ask(emulator, json!("weather?"), more).json();
    let (reasoning, call) = (answer["output"][0].clone(), answer["output"][1].clone());
    assert_eq!((&reasoning["type"], &call["type"]), (&json!("reasoning"), &json!("function_call")), "{answer}");
    let output = json!({"type": "function_call_output", "call_id": call["call_id"], "output": "rain"});
    (reasoning, call, output)
}

fn call_reply() -> Value {
    json!({"reasoning": "hm", "tool_calls": [{"name": "weather", "arguments": {}}], "check": false})
}

#[test]
fn a_call_needs_the_reasoning_that_led_to_it() {
    let emulator = emulator(json!([call_reply(), "one", "two", "three", "four"]));
    let (reasoning, call, output) = called(&emulator, json!({}));
    let user = json!({"role": "user", "content": "weather?"});
    let expected = format!(
        "Item '{}' of type 'function_call' was provided without its required 'reasoning' item: '{}'.",
        call["id"].as_str().expect("an id"),
        reasoning["id"].as_str().expect("an id")
    );
    let got = ask(&emulator, json!([user, call, output]), json!({}));
    assert_eq!(refused(&got), (400, expected));
    let mut free = call.clone();
    free.as_object_mut().expect("an object").remove("id");
    let named = json!({"type": "item_reference", "id": call["id"]});
    let unknown = json!({"type": "function_call", "id": "fc_elsewhere", "call_id": call["call_id"], "name": "weather", "arguments": "{}"});
    for input in [
        json!([user, reasoning, call, output]),
        json!([user, free, output]),
        json!([user, named, output]),
        json!([user, unknown, output]),
    ] {
        let got = ask(&emulator, input.clone(), json!({}));
        assert_eq!(got.status, 200, "{input}: {}", got.text());
    }
}

#[test]
fn every_kind_of_item_needs_its_reasoning() {
    let emulator = emulator(json!([{"reasoning": "hm", "text": "42"}, "more"]));
    let answer = ask(&emulator, json!("x"), json!({})).json();
    let said = answer["output"][1].clone();
    let got = ask(&emulator, json!([said, {"role": "user", "content": "and?"}]), json!({}));
    let (status, message) = refused(&got);
    assert!(
        status == 400 && message.contains("of type 'message' was provided without its required 'reasoning'"),
        "{message}"
    );
    let more = json!([{"role": "user", "content": "and?"}]);
    assert_eq!(ask(&emulator, more, json!({"previous_response_id": answer["id"]})).status, 200);
}

#[test]
fn reasoning_that_was_not_stored_comes_along_sealed_or_not_at_all() {
    let emulator = emulator(json!([call_reply(), "one", "two"]));
    let (mut reasoning, call, output) = called(&emulator, json!({"store": false}));
    let user = json!({"role": "user", "content": "weather?"});
    reasoning["encrypted_content"] = Value::Null;
    let got = ask(&emulator, json!([user, reasoning, call, output]), json!({"store": false}));
    let expected = format!(
        "Item with id '{}' not found. Items are not persisted when `store` is set to false. Try again with `store` set to \
         true, or remove this item from your input.",
        reasoning["id"].as_str().expect("an id")
    );
    assert_eq!(refused(&got), (404, expected));
    reasoning["encrypted_content"] = json!("gAAAAA");
    for input in [json!([user, reasoning, call, output]), json!([user, call, output])] {
        let got = ask(&emulator, input.clone(), json!({"store": false}));
        assert_eq!(got.status, 200, "{input}: {}", got.text());
    }
}

#[test]
fn an_item_comes_once_also_beside_what_is_continued() {
    let emulator = emulator(json!(["42", "more", "more"]));
    let answer = ask(&emulator, json!("x"), json!({})).json();
    let (said, id) = (&answer["output"][0], answer["output"][0]["id"].as_str().expect("an id"));
    let expected =
        (400, format!("Duplicate item found with id {id}. Remove duplicate items from your input and try again."));
    assert_eq!(refused(&ask(&emulator, json!([said, said]), json!({}))), expected);
    let again = ask(&emulator, json!([{"id": id}]), json!({"previous_response_id": answer["id"]}));
    assert_eq!(refused(&again), expected);
    let got = ask(&emulator, json!([said, {"role": "user", "content": "and?"}]), json!({}));
    assert_eq!(got.status, 200, "{}", got.text());
}

#[test]
fn only_an_answer_needs_whole_calls() {
    let emulator = emulator(json!(["42"]));
    let call = json!([{"type": "function_call", "call_id": "call_1", "name": "f", "arguments": "{}"}]);
    let body = json!({"model": "gpt-5", "input": call});
    for path in ["/v1/responses/input_tokens", "/v1/responses/compact"] {
        let got = send(&emulator, KEY, path, &body);
        assert_eq!(got.status, 200, "{path}: {}", got.text());
    }
    let (status, message) = refused(&ask(&emulator, call, json!({})));
    assert_eq!((status, message.as_str()), (400, "No tool output found for function call call_1."));
}

#[test]
fn reasoning_that_the_model_does_not_see_is_named() {
    let emulator = emulator(json!([call_reply(), "1", "2", "3", "4", "5", "6", "7"]));
    let (reasoning, call, output) = called(&emulator, json!({}));
    let user = |text: &str| json!({"role": "user", "content": text});
    let whole = json!([user("weather?"), reasoning, call, output]);
    let later = json!([user("weather?"), reasoning, call, output, user("and now?")]);
    let removed = |reason: &str| {
        let id = &reasoning["id"];
        json!([{"id": id, "action": "removed", "reason": reason, "type": "reasoning"}])
    };
    let of = |context: &str| json!({"reasoning": {"context": context}});
    // A snapshot is the model that its name stands for.
    for (input, more, expected) in [
        (&whole, json!({}), Value::Null),
        (&whole, json!({"model": "gpt-5-2025-08-07"}), Value::Null),
        (&whole, json!({"model": "gpt-5.4"}), removed("model_mismatch")),
        (&later, of("current_turn"), removed("turn_boundary")),
        (&whole, of("current_turn"), Value::Null),
        (&later, of("all_turns"), Value::Null),
    ] {
        let got = ask(&emulator, input.clone(), more.clone());
        assert_eq!((got.status, &got.json()["input_transformations"]), (200, &expected), "{more}: {}", got.text());
        let path = format!("/v1/responses/{}", got.json()["id"].as_str().expect("an id"));
        let kept = exchange(&emulator, &request("GET", &path, KEY, "", b"")).expect("an answer").json();
        assert_eq!(kept["input_transformations"], expected, "{more}");
    }
    // Nobody here knows whose other reasoning is.
    let elsewhere = json!([
        user("x"),
        {"type": "reasoning", "id": "rs_elsewhere", "summary": []},
        {"role": "assistant", "id": "msg_elsewhere", "content": "y"},
        user("z"),
    ]);
    let got = ask(&emulator, elsewhere, json!({}));
    assert_eq!((got.status, got.json().get("input_transformations")), (200, None), "{}", got.text());
}
