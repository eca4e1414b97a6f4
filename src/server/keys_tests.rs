//! Every key of the script language does something, or is refused: nothing a test says is accepted and ignored.

use crate::control;
use crate::emulator::Emulator;
use crate::generate::sound;
use crate::script::walk;
use crate::server::tests::{exchange, request, send, start};
use crate::wire::value::Holds;
use serde_json::{Value, json};
use std::sync::Arc;

const KEY: &str = "sk-keys";

/// A script loaded and asked in every way there is: all that a client and a test see of it. `Err` = the place refused.
pub(super) fn seen(emulator: &Arc<Emulator>, script: &Value) -> Result<String, String> {
    let control = |method, path, body: &str| control::in_process(emulator, Some(KEY), method, path, body);
    control("POST", "/_emulator/reset", "");
    let (status, answer) = control("POST", "/_emulator/script", &script.to_string());
    if status != 200 {
        return Err(answer["error"].to_string());
    }
    let mut seen = String::new();
    let messages = json!([{"role": "user", "content": "x"}]);
    let weather =
        json!({"name": "weather", "parameters": {"type": "object", "properties": {"city": {"type": "string"}}}});
    let chat = json!({"model": "gpt-4o", "messages": messages, "logprobs": true, "top_logprobs": 2});
    let with = |mut body: Value, more: Value| {
        body.as_object_mut().expect("an object").extend(more.as_object().cloned().unwrap_or_default());
        body
    };
    let form = json!({"type": "json_schema", "json_schema": {"name": "x", "schema": {"type": "object", "properties": {"a": {"type": "string"}}}}});
    let asks = [
        ("/v1/chat/completions", chat.clone()),
        ("/v1/chat/completions", with(chat.clone(), json!({"n": 2, "stream": true}))),
        ("/v1/chat/completions", with(chat.clone(), json!({"n": 2}))),
        (
            "/v1/chat/completions",
            with(chat.clone(), json!({"stream": true, "tools": [{"type": "function", "function": weather}]})),
        ),
        ("/v1/chat/completions", json!({"model": "own", "messages": messages, "max_tokens": 3})),
        ("/v1/chat/completions", json!({"model": "gpt-4o", "messages": messages, "response_format": form})),
        (
            "/v1/chat/completions",
            json!({"model": "gpt-4o", "messages": messages, "tools": [{"type": "function", "function": weather}], "tool_choice": "required"}),
        ),
        (
            "/v1/chat/completions",
            json!({"model": "gpt-4o", "messages": messages, "tools": [{"type": "function", "function": weather}]}),
        ),
        ("/v1/responses", json!({"model": "gpt-5", "input": "x", "stream": true, "reasoning": {"summary": "auto"}})),
        ("/v1/completions", json!({"model": "gpt-3.5-turbo-instruct", "prompt": "x", "logprobs": 1})),
        ("/v1/embeddings", json!({"model": "text-embedding-3-small", "input": ["x", "y"], "dimensions": 2})),
        ("/v1/moderations", json!({"input": "x"})),
        ("/v1/chat/completions", json!({"model": "own", "messages": messages})),
        ("/v1/models/own", Value::Null),
        ("/v1/models/gpt-4o", Value::Null),
        (
            "/v1/chat/completions",
            json!({"model": "gpt-4o-audio-preview", "messages": messages, "modalities": ["text", "audio"], "audio": {"voice": "alloy", "format": "wav"}}),
        ),
        (
            "/v1/chat/completions",
            json!({"model": "gpt-4o", "messages": [
                {"role": "user", "content": "x"},
                {"role": "assistant", "tool_calls": [{"id": "c", "type": "function", "function": {"name": "weather", "arguments": "{}"}}]},
                {"role": "tool", "tool_call_id": "c", "content": "sunny"},
            ]}),
        ),
        // As often as `times` goes.
        ("/v1/responses", json!({"model": "gpt-4o", "input": "x"})),
    ];
    // Where no rule answers, pictures would be drawn, which takes long.
    let picture = script.to_string().contains("\"image\"").then(|| {
        ("/v1/images/generations", json!({"model": "gpt-image-1", "prompt": "x", "n": 2, "size": "1024x1024"}))
    });
    let asks = asks.into_iter().chain(picture).map(|(path, body)| match &body {
        Value::Null => (path, request("GET", path, KEY, "", b"")),
        body => (path, request("POST", path, KEY, "", body.to_string().as_bytes())),
    });
    for (path, asked) in asks.chain([("/v1/audio/transcriptions", transcription())]) {
        let before = emulator.session(KEY).clock.now();
        let answer = exchange(emulator, &asked);
        // Cut before any byte is seen too.
        let answer = answer.map(|got| format!("{}\n{}", got.head, got.text())).unwrap_or_default();
        let lines: Vec<&str> = answer.lines().filter(|line| !line.starts_with("date: ")).collect();
        let took = emulator.session(KEY).clock.now() - before;
        seen += &format!("{path} {took:?}\n{}\n", lines.join("\n"));
    }
    let (_, mut left) = control("GET", "/_emulator/verify", "");
    // The only thing that a reset leaves: exchanges are numbered on.
    for list in ["unexpected", "failed", "in_flight"] {
        for exchange in left[list].elements_mut() {
            exchange.as_object_mut().map(|exchange| exchange.remove("number"));
        }
    }
    let (_, state) = control("GET", "/_emulator/state", "");
    Ok(seen + &left.to_string() + &names(&state))
}

/// Where what is seen of the same script differs; then no key could be told to have no effect.
pub(super) fn blind(one: &Result<String, String>, again: &Result<String, String>) -> Option<String> {
    let lines = |seen: &Result<String, String>| -> Vec<String> {
        let (Ok(text) | Err(text)) = seen;
        text.lines().map(str::to_string).collect()
    };
    let differs = lines(one).into_iter().zip(lines(again)).find(|(one, again)| one != again);
    differs.map(|(one, again)| format!("the same script shows {one} and {again}"))
}

/// Nothing was asked of it.
pub(super) fn forget(emulator: &Arc<Emulator>) {
    control::in_process(emulator, Some(KEY), "POST", "/_emulator/reset", "");
}

/// A form that asks what a sound says.
fn transcription() -> Vec<u8> {
    let part = |head: &str, content: &[u8]| {
        [b"--x\r\ncontent-disposition: form-data; ", head.as_bytes(), b"\r\n\r\n", content, b"\r\n"].concat()
    };
    let sound = sound::speech("word word", "wav", 1.0).expect("sound");
    let body = [
        part("name=\"model\"", b"gpt-4o-transcribe"),
        part("name=\"file\"; filename=\"a.wav\"", &sound),
        b"--x--\r\n".to_vec(),
    ]
    .concat();
    let head = String::from_utf8(request("POST", "/v1/audio/transcriptions", KEY, "", &[])).expect("text");
    let head = head.replace("application/json", "multipart/form-data; boundary=x");
    [head.replace("length: 0", &format!("length: {}", body.len())).into_bytes(), body].concat()
}

/// Names of rules, which only messages and the journal show.
fn names(state: &Value) -> String {
    match state {
        Value::Object(map) => {
            map.iter().map(|(key, value)| if key == "name" { value.to_string() } else { names(value) }).collect()
        }
        Value::Array(list) => list.iter().map(names).collect(),
        _ => String::new(),
    }
}

/// A rule for anything, without end; of an object, for the operation that answers with it.
fn load(keys: Value) -> Value {
    let mut rule = beside(keys, "times", json!(-1));
    if rule.get("object").is_some() {
        rule["match"] = json!({"operation": "models.retrieve"});
    }
    json!({"rules": [rule]})
}

fn beside(mut object: Value, key: &str, value: Value) -> Value {
    object[key] = value;
    object
}

/// A value of every key that a reply may have.
fn samples() -> Value {
    json!({
        "text": "own", "json": {"a": 1}, "refusal": "no", "phase": "commentary", "reasoning": "why",
        "annotations": [{"type": "url_citation", "url": "https://a.test", "title": "A", "start_index": 0, "end_index": 1}],
        "tool_calls": [{"name": "weather", "arguments": {"city": "Oslo"}}], "output": ["first"],
        "logprobs": [{"token": "o", "logprob": -0.5}], "image": "aGk=", "audio": {"transcript": "own"},
        "finish_reason": "length", "choices": ["one", "two"], "embedding": [0.5, 0.25], "transcript": "own",
        "moderation": {"flagged": true}, "error": "no", "raw": {"body": "raw"}, "echo": true, "generate": {}, "upstream": true, "manual": true,
        "replay": true,
        "usage": {"prompt_tokens": 1234}, "model": "own", "id": "own-id", "headers": {"x-own": "1"}, "check": false,
        "dialect": "vllm", "object": {"own": 1},
        "pace": {"ttft_ms": 5000}, "fault": {"kind": "malformed", "at": 1}, "status": 201,
        "content": "own", "sse": [{"data": "own"}],
    })
}

#[test]
fn every_key_beside_every_kind_of_reply_has_an_effect_or_is_refused() {
    let real = start(json!({"clock": "instant", "auth": "optional", "fallback": "generate"}));
    let upstream = format!("{}/v1", real.url());
    let emulator = start(
        json!({"clock": "instant", "auth": "optional", "checkReplies": "fail", "upstream": upstream, "manualTimeoutMs": 20}),
    );
    let seen = |script: &Value| {
        forget(&real);
        seen(&emulator, script)
    };
    const KINDS: &[&str] = &[
        "text",
        "json",
        "refusal",
        "reasoning",
        "tool_calls",
        "output",
        "choices",
        "embedding",
        "transcript",
        "moderation",
        "image",
        "object",
        "error",
        "raw",
        "echo",
        "generate",
        "upstream",
        "audio",
        "fault",
    ];
    // What a check never looks at passes it anyway.
    const UNCHECKED: &[(&str, &str)] = &[("refusal", "check"), ("reasoning", "check"), ("audio", "check")];
    // A fault alone breaks an echo here, because no fallback answers.
    const SAME: &[(&str, &str)] = &[("fault", "echo")];
    let mut wrong = Vec::new();
    for kind in KINDS {
        let alone = json!({*kind: samples()[*kind]});
        let plain = seen(&load(alone.clone())).unwrap_or_else(|error| panic!("{kind}: {error}"));
        wrong.extend(blind(&Ok(plain.clone()), &seen(&load(alone.clone()))).map(|how| format!("{kind}: {how}")));
        let others = walk::reply_keys()
            .filter(|key| key != kind && !UNCHECKED.iter().chain(SAME).any(|pair| pair == &(*kind, *key)));
        for key in others {
            let sample = samples()[key].clone();
            assert!(!sample.is_null(), "{key} has no sample");
            match seen(&load(beside(alone.clone(), key, sample))) {
                Ok(same) if same == plain => wrong.push(format!("{kind} + {key}: no effect")),
                Err(error) if !error.contains(key) => wrong.push(format!("{kind} + {key}: {error}")),
                _ => {}
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn what_a_reply_says_of_itself_holds_on_every_endpoint_or_is_refused() {
    let emulator = start(json!({"auth": "optional", "clock": "instant"}));
    let load = |reply: Value| send(&emulator, "sk-o", "/_emulator/script", &json!({"reset": true, "rules": [reply]}));
    let own = json!({"usage": {"prompt_tokens": 5}, "model": "own", "headers": {"x-own": "1"}});
    let with = |mut reply: Value, keys: &[&str]| {
        keys.iter().for_each(|key| reply[key] = own[key].clone());
        reply
    };
    let embed = json!({"model": "text-embedding-3-small", "input": "x"});
    assert_eq!(load(with(json!({"embedding": [1, 2]}), &["usage", "model", "headers"])).status, 200);
    let got = send(&emulator, "sk-o", "/v1/embeddings", &embed);
    let body = got.json();
    assert_eq!((&body["usage"], &body["model"]), (&json!({"prompt_tokens": 5, "total_tokens": 5}), &json!("own")));
    assert!(got.head.contains("x-own: 1"), "{}", got.head);
    let verdict =
        json!({"moderation": {"categories": ["violence"], "category_scores": {"violence": 0.625, "sexual": 0.5}}});
    assert_eq!(load(with(verdict, &["model", "headers"])).status, 200);
    let got = send(&emulator, "sk-o", "/v1/moderations", &json!({"input": "x"}));
    let scores = &got.json()["results"][0]["category_scores"];
    assert_eq!(
        (&scores["violence"], &scores["sexual"], &got.json()["model"]),
        (&json!(0.625), &json!(0.5), &json!("own"))
    );
    assert!(got.head.contains("x-own: 1"), "{}", got.head);
    let chat = json!({"model": "gpt-4o", "messages": [{"role": "user", "content": "x"}]});
    for reply in [json!({"echo": true}), json!({"generate": {}})] {
        assert_eq!(load(with(reply, &["usage", "model", "headers"])).status, 200);
        let got = send(&emulator, "sk-o", "/v1/chat/completions", &chat);
        assert_eq!((&got.json()["model"], &got.json()["usage"]["prompt_tokens"]), (&json!("own"), &json!(5)));
        assert!(got.head.contains("x-own: 1"), "{}", got.head);
    }
    for (reply, place) in [
        (json!({"moderation": {"category_scores": {"rudeness": 1}}}), "rudeness"),
        (with(json!({"moderation": {}}), &["usage"]), "usage"),
        (json!({"embedding": [1], "id": "x"}), "id"),
        (with(json!({"error": "no"}), &["model"]), "model"),
        (with(json!({"raw": {}}), &["headers"]), "headers"),
        (json!({"echo": true, "finish_reason": "stop"}), "finish_reason"),
        (json!({"text": "x", "heard": "y"}), "heard"),
    ] {
        let refused = load(reply.clone());
        assert_eq!(refused.status, 400, "{reply}");
        assert!(
            refused.json()["error"]["param"].as_str().is_some_and(|param| param.contains(place)),
            "{reply}: {}",
            refused.text()
        );
    }
}
