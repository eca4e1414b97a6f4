//! What servers that are like OpenAI's add: reasoning in chat, usage in every chunk, comments between events.

use super::tests::{connect, exchange, request, send, start};
use crate::emulator::Emulator;
use serde_json::{Value, json};
use std::io::{Read, Write};
use std::sync::Arc;

const KEY: &str = "sk-dialect";

fn scripted(options: Value, replies: Value) -> Arc<Emulator> {
    let emulator = start(options);
    let loaded = send(&emulator, KEY, "/_emulator/script", &json!({"reset": true, "responses": replies}));
    assert_eq!(loaded.status, 200, "{}", loaded.text());
    emulator
}

fn chat(stream: bool) -> Value {
    json!({"model": "gpt-4o", "messages": [{"role": "user", "content": "x"}], "stream": stream})
}

fn chunks(emulator: &Emulator) -> Vec<Value> {
    let got = send(emulator, KEY, "/v1/chat/completions", &chat(true)).text();
    let data = got.lines().filter_map(|line| line.strip_prefix("data: ")).filter(|data| *data != "[DONE]");
    data.map(|data| serde_json::from_str(data).expect("JSON")).collect()
}

#[test]
fn reasoning_is_shown_under_both_names() {
    let said = json!({"reasoning": "Two and two.", "text": "Four."});
    let own = json!({"reasoning": "Two and two.", "text": "Four.", "dialect": "vllm"});
    let openai = json!({"reasoning": "Two and two.", "text": "Four.", "dialect": "openai"});
    for (options, reply, shown) in [
        (json!({"dialect": "vllm"}), &said, true),
        (json!({}), &own, true),
        (json!({}), &said, false),
        (json!({"dialect": "vllm"}), &openai, false),
    ] {
        let emulator = scripted(options, json!([reply, reply]));
        let message =
            send(&emulator, KEY, "/v1/chat/completions", &chat(false)).json()["choices"][0]["message"].clone();
        let expected = if shown { json!("Two and two.") } else { Value::Null };
        assert_eq!((&message["reasoning_content"], &message["reasoning"]), (&expected, &expected), "{message}");
        assert_eq!(message["content"], "Four.");
        let chunks = chunks(&emulator);
        let joined = |field: &str| -> String {
            chunks.iter().filter_map(|chunk| chunk["choices"][0]["delta"][field].as_str()).collect()
        };
        let expected = if shown { "Two and two." } else { "" };
        assert_eq!(
            [joined("reasoning_content"), joined("reasoning"), joined("content")],
            [expected, expected, "Four."]
        );
        assert_eq!(chunks[0]["choices"][0]["delta"]["role"], "assistant");
        assert_eq!(chunks.iter().all(|chunk| chunk["usage"]["completion_tokens"].is_u64()), shown);
    }
}

#[test]
fn usage_grows_from_chunk_to_chunk() {
    let emulator = scripted(json!({"dialect": "vllm"}), json!(["one two three"]));
    let chunks = chunks(&emulator);
    let counted: Vec<u64> = chunks.iter().filter_map(|chunk| chunk["usage"]["completion_tokens"].as_u64()).collect();
    assert!(counted.is_sorted() && counted.first() == Some(&0) && counted.last() == Some(&3), "{counted:?}");
    let usage = &chunks[1]["usage"];
    let total = usage["prompt_tokens"].as_u64().zip(usage["completion_tokens"].as_u64()).map(|(a, b)| a + b);
    assert_eq!(usage["total_tokens"].as_u64(), total);
    assert!(chunks.iter().all(|chunk| chunk.get("obfuscation").is_none()));
}

#[test]
fn silence_is_broken_by_comments() {
    let reply = json!({"text": "one two", "pace": {"hold": {"after_chunks": 1, "until": "go"}, "keep_alive_ms": 1}});
    let emulator = scripted(json!({}), json!([reply]));
    let mut stream = connect(&emulator);
    let body = chat(true).to_string();
    stream.write_all(&request("POST", "/v1/chat/completions", KEY, "", body.as_bytes())).expect("sends");
    let (mut seen, mut piece) = (String::new(), [0; 4096]);
    // The first piece is there, and then comments come until somebody lets the answer go on.
    while seen.matches(": keep-alive\n\n").count() < 3 {
        let length = stream.read(&mut piece).expect("more");
        assert!(length > 0, "{seen}");
        seen.push_str(&String::from_utf8_lossy(&piece[..length]));
    }
    assert!(seen.contains("{\"content\":\"one\"}") && !seen.contains("[DONE]"), "{seen}");
    let release = exchange(&emulator, &request("POST", "/_emulator/release/go", KEY, "", b""));
    assert_eq!(release.map(|got| got.status), Some(200));
    let mut rest = Vec::new();
    stream.read_to_end(&mut rest).expect("the rest");
    assert!(String::from_utf8_lossy(&rest).contains("data: [DONE]"));
}

#[test]
fn nobody_comments_on_the_instant_clock() {
    let reply = json!({"text": "one two", "pace": {"delay_ms": 500, "keep_alive_ms": 1}});
    let emulator = scripted(json!({"clock": "instant"}), json!([reply]));
    let got = send(&emulator, KEY, "/v1/chat/completions", &chat(true)).text();
    assert!(got.contains("[DONE]") && !got.contains("keep-alive"), "{got}");
}
