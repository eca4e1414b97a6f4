//! What the four systems this project unites could say, over a socket: the parts that no other test shows.

use crate::emulator::Emulator;
use crate::server::tests::{Got, send, start};
use serde_json::{Value, json};

fn chat(user: &str, more: Value) -> Value {
    let mut body = json!({"model": "gpt-4o", "messages": [{"role": "user", "content": user}]});
    body.as_object_mut().expect("an object").extend(more.as_object().expect("an object").clone());
    body
}

fn ask(emulator: &Emulator, body: &Value) -> Got {
    send(emulator, "a", "/v1/chat/completions", body)
}

fn said(answer: &Got) -> String {
    assert_eq!(answer.status, 200, "{}", answer.text());
    answer.json()["choices"][0]["message"]["content"].as_str().unwrap_or_default().to_string()
}

#[test]
fn llemulators_documented_forms_work_over_http() {
    let emulator = start(json!({"profile": "llemulator"}));
    let script = json!({
        "reset": true,
        "responses": [
            {"match": "fail", "error": "broken", "status": 503},
            {"pattern": "twice", "response": "again", "times": 2.9},
        ],
        "rules": [
            {"match": {"method": "POST", "path": "/v1/chat/completions", "json": {"user": "u1"}}, "response": {"status": 202, "json": {"own": 1}}},
            {"match": {"path": "/v1/chat/completions", "json": {"user": "u2"}}, "response": {"status": 200, "content": "content"}},
            {"match": {"json": {"stream": true}}, "response": {"status": 200, "sse": [{"data": {"a": 1}}, {"event": "e", "data": "[DONE]"}]}},
        ],
        "defaults": {"on_unmatched": {"text": "nothing matched"}},
    });
    let loaded = send(&emulator, "a", "/_emulator/script", &script);
    assert_eq!((loaded.status, &loaded.json()["rules"]), (200, &json!(5)), "{}", loaded.text());
    let failed = ask(&emulator, &chat("fail", json!({})));
    assert_eq!((failed.status, &failed.json()["error"]["message"]), (503, &json!("broken")));
    let own = ask(&emulator, &chat("x", json!({"user": "u1"})));
    assert_eq!((own.status, own.json()), (202, json!({"own": 1})));
    assert_eq!(said(&ask(&emulator, &chat("x", json!({"user": "u2"})))), "content");
    let raw = ask(&emulator, &chat("x", json!({"stream": true})));
    assert_eq!(raw.text(), "data: {\"a\":1}\n\nevent: e\ndata: [DONE]\n\n");
    let answers: Vec<String> = (0..3).map(|_| said(&ask(&emulator, &chat("twice", json!({}))))).collect();
    assert_eq!(answers, ["again", "again", "nothing matched"]);
}

#[test]
fn mokkus_vectors_come_in_both_encodings() {
    let emulator = start(json!({"embeddings": "mokku"}));
    let embed = |more: Value| {
        let mut body = json!({"model": "text-embedding-3-small", "input": ["hello", "hello world"]});
        body.as_object_mut().expect("an object").extend(more.as_object().expect("an object").clone());
        send(&emulator, "a", "/v1/embeddings", &body).json()["data"].clone()
    };
    let data = embed(json!({}));
    assert_eq!(data[0]["embedding"].as_array().map(Vec::len), Some(1536));
    let near = |value: &Value, wanted: f64| value.as_f64().is_some_and(|value| (value - wanted).abs() < 1e-6);
    assert!(near(&data[0]["embedding"][0], -0.7831178185451393), "{}", data[0]["embedding"][0]);
    assert!(near(&data[1]["embedding"][1], 0.3365940076003755));
    assert_eq!(embed(json!({"dimensions": 256}))[0]["embedding"].as_array().map(Vec::len), Some(256));
    let encoded = embed(json!({"encoding_format": "base64", "dimensions": 1}));
    assert_eq!(encoded[0]["embedding"], crate::generate::vectors::base64(&[-0.7831178185451393]));
}

#[test]
fn a_json_object_is_generated_everywhere() {
    for fallback in ["echo", "generate"] {
        let emulator = start(json!({"fallback": fallback}));
        let object = |text: &str| serde_json::from_str::<Value>(text).is_ok_and(|value| value.is_object());
        let format = json!({"type": "json_object"});
        assert!(object(&said(&ask(&emulator, &chat("Say JSON", json!({"response_format": format}))))));
        let streamed = ask(&emulator, &chat("Say JSON", json!({"response_format": format, "stream": true}))).text();
        let events = streamed.lines().filter_map(|line| serde_json::from_str(line.strip_prefix("data: ")?).ok());
        let text: String = events
            .filter_map(|event: Value| event["choices"][0]["delta"]["content"].as_str().map(str::to_string))
            .collect();
        assert!(object(&text), "{text}");
        let body = json!({"model": "gpt-4o", "input": "Say JSON", "text": {"format": format}});
        let answer = send(&emulator, "a", "/v1/responses", &body).json();
        assert!(answer["output"][0]["content"][0]["text"].as_str().is_some_and(object), "{answer}");
    }
}

#[test]
fn the_text_of_array_content_is_matched_and_echoed() {
    let emulator = start(json!({"fallback": "echo"}));
    let parts = json!([{"type": "text", "text": "one"}, {"type": "image_url", "image_url": {"url": "data:image/png;base64,iVBORw0KGgo="}},
        {"type": "text", "text": " two"}]);
    let mut body = chat("", json!({}));
    body["messages"] =
        json!([{"role": "user", "content": parts}, {"role": "assistant", "content": null, "refusal": "No."}]);
    assert_eq!(said(&ask(&emulator, &body)), "Echo: one two");
    send(&emulator, "a", "/_emulator/script", &json!({"responses": {"^one two$": "matched"}}));
    assert_eq!(said(&ask(&emulator, &body)), "matched");
}

#[test]
fn a_completion_shows_its_prompt_first_where_echo_asks_for_it() {
    let emulator = start(json!({}));
    send(&emulator, "a", "/_emulator/script", &json!({"responses": {".*": " there"}}));
    for (prompt, texts) in
        [(json!("Hello"), vec!["Hello there"]), (json!(["One", "Two"]), vec!["One there", "Two there"])]
    {
        let mut body = json!({"model": "gpt-3.5-turbo-instruct", "prompt": prompt, "echo": true});
        let whole = send(&emulator, "a", "/v1/completions", &body).json();
        let choices = whole["choices"].as_array().expect("choices");
        assert_eq!(choices.iter().map(|choice| &choice["text"]).collect::<Vec<_>>(), texts);
        body["stream"] = json!(true);
        let streamed = send(&emulator, "a", "/v1/completions", &body).text();
        let mut said = vec![String::new(); texts.len()];
        for event in streamed.lines().filter_map(|line| line.strip_prefix("data: {")) {
            let event: Value = serde_json::from_str(&format!("{{{event}")).expect("JSON");
            let index = event["choices"][0]["index"].as_u64().expect("an index") as usize;
            said[index] += event["choices"][0]["text"].as_str().unwrap_or_default();
        }
        assert_eq!(said, texts);
    }
}
