//! In which order the chunks of several choices come, and which of them says how a choice ended.

use super::tests::{send, start};
use crate::wire::value::Holds;
use serde_json::{Value, json};

/// The chunks of a stream as `index what`, several choices of one chunk joined by `+`.
fn chunks(path: &str, body: Value, reply: Value) -> Vec<String> {
    let emulator = start(json!({}));
    assert_eq!(send(&emulator, "a", "/_emulator/script", &json!({"responses": [reply]})).status, 200);
    let answer = send(&emulator, "a", path, &body).text();
    let data = answer.lines().filter_map(|line| line.strip_prefix("data: {"));
    let chunks = data.map(|rest| serde_json::from_str::<Value>(&format!("{{{rest}")).expect("JSON"));
    let name = |choice: &Value| {
        let delta = &choice["delta"];
        let text = [&choice["text"], &delta["content"], &delta["tool_calls"][0]["function"]["arguments"]];
        let text = text.into_iter().find_map(Value::as_str).filter(|text| !text.is_empty());
        let what = match (choice["finish_reason"].as_str(), text, delta["role"].is_string()) {
            (Some(reason), text, _) => format!("{}{reason}", text.map(|text| format!("{text}|")).unwrap_or_default()),
            (None, Some(text), _) => text.to_string(),
            (None, None, true) => "role".into(),
            (None, None, false) => "head".into(),
        };
        format!("{} {what}", choice["index"])
    };
    chunks
        .map(|chunk| chunk["choices"].as_array().expect("choices").iter().map(name).collect::<Vec<_>>().join("+"))
        .collect()
}

fn chat(more: Value) -> Value {
    let mut body = json!({"model": "gpt-4o", "messages": [{"role": "user", "content": "hi"}], "stream": true, "n": 2});
    for (key, value) in more.members() {
        body[key] = value.clone();
    }
    body
}

#[test]
fn each_choice_opens_with_its_first_content_and_all_end_together() {
    // Recordings 93ec1cc5041c7197, 9ae5288882ab93dc, bcd72f5b596be4bd.
    let reply = json!({"choices": ["one two", "three"], "pace": {"chunk": "word"}});
    let expected = ["0 role", "0 one ", "1 role", "1 three", "0 two", "0 stop", "1 stop", ""];
    let usage = chat(json!({"stream_options": {"include_usage": true}}));
    assert_eq!(chunks("/v1/chat/completions", usage, reply), expected);
    let tools: Vec<Value> = ["f", "g"].map(|name| json!({"type": "function", "function": {"name": name}})).into();
    let calls = |names: &[&str]| -> Value { names.iter().map(|name| json!({"name": name, "arguments": {}})).collect() };
    let reply = json!({"choices": [{"text": "both", "tool_calls": calls(&["f", "g"])}, {"tool_calls": calls(&["g"])}]});
    let expected =
        ["0 role", "0 both", "1 role", "1 {}", "0 head", "0 {}", "0 head", "0 {}", "0 tool_calls", "1 tool_calls"];
    assert_eq!(chunks("/v1/chat/completions", chat(json!({"tools": tools})), reply), expected);
}

#[test]
fn text_completions_end_in_one_chunk_or_with_the_text_that_was_cut() {
    let body = |n: u64| json!({"model": "gpt-3.5-turbo-instruct", "prompt": "hi", "stream": true, "n": n});
    let of = |n: u64, reply: Value| chunks("/v1/completions", body(n), reply);
    // Recording 1870ed91a95f4c1c.
    let both = of(2, json!({"choices": ["one two", "three"], "pace": {"chunk": "word"}}));
    assert_eq!(both, ["0 one ", "1 three", "0 two", "0 stop+1 stop"]);
    // Recordings a0a5772818ddee40, 77b04e77939d5d88.
    let cut = json!({"text": "one two", "finish_reason": "length"});
    assert_eq!(of(1, cut.clone()), ["0 one", "0  two|length"]);
    assert_eq!(of(2, json!({"choices": [cut, "three"]})), ["0 one", "1 three", "0  two|length", "1 stop"]);
    assert_eq!(of(1, json!({"text": "", "finish_reason": "length"})), ["0 length"]);
}
