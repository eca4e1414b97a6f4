//! Every key of every object below a reply, a rule or the defaults does something, or is refused with its place. The keys
//! are those of the language itself: one that is added without a sample here fails.

use super::keys_tests::{blind, forget, seen};
use super::tests::start;
use crate::script::walk;
use serde_json::{Value, json};

/// What stands around an object in a script.
type Around = fn(Value) -> Value;

/// Seen elsewhere: a hold waits for a test, and `server/websocket_tests` and `server/pace_tests` have such tests; nothing
/// is silent on the instant clock (`server/dialect_tests`).
const ELSEWHERE: [(&str, &str); 5] = [
    ("manual", "timeout_ms"),
    ("pace", "hold"),
    ("pace", "keep_alive_ms"),
    ("hold", "after_chunks"),
    ("hold", "until"),
];

fn rule(keys: Value) -> Value {
    let mut rule = keys;
    rule["times"] = json!(-1);
    json!({"rules": [rule]})
}

/// The objects: what stands around them, and per key what stands beside it and its sample.
fn samples() -> Vec<(&'static str, Around, Value)> {
    let called = json!({"name": "weather", "arguments": {"city": "Oslo"}});
    let part = json!({
        "text": [{"text": "a"}, "b"], "json": [{}, {"a": 1}], "refusal": [{}, "no"], "reasoning": [{}, "why"],
        "phase": [{"text": "a"}, "commentary"], "tool_calls": [{}, [called]],
        "annotations": [{"text": "a"}, [{"type": "url_citation", "url": "https://a.test", "title": "A", "start_index": 0, "end_index": 1}]],
        "output": [{"text": "a"}, ["first"]], "logprobs": [{"text": "one"}, [{"token": "one", "logprob": -0.25}]],
        "audio": [{}, {"transcript": "own"}], "finish_reason": [{"text": "a"}, "length"],
    });
    let only = |keys: &[&str]| -> Value { keys.iter().map(|key| ((*key).to_string(), part[*key].clone())).collect() };
    let parts = only(&["text", "json", "refusal", "reasoning", "phase", "tool_calls", "annotations"]);
    let scores =
        walk::objects().into_iter().find(|(name, _)| *name == "scores").map(|(_, keys)| keys).unwrap_or_default();
    let scores: Value = scores.into_iter().map(|key| (key.to_string(), json!([{}, 0.987]))).collect();
    vec![
        (
            "a rule",
            |one| json!({"rules": [one, "rest"]}),
            json!({
                "match": [{"text": "a"}, "nothing"], "pattern": [{"text": "a"}, "nothing"], "response": [{}, "own"],
                "responses": [{}, ["a", "b"]], "times": [{"text": "a"}, 3], "expect": [{"text": "a"}, "nothing"],
                "optional": [{"match": "nothing", "text": "a"}, true], "name": [{"text": "a"}, "own"],
            }),
        ),
        (
            "a model",
            |one| json!({"models": ["...", one], "rules": [{"text": "one two three", "times": -1}]}),
            json!({
                "id": [{"id": "own"}, "other"], "context_window": [{"id": "own"}, 5], "max_output_tokens": [{"id": "own"}, 1],
                "owned_by": [{"id": "own"}, "me"],
            }),
        ),
        (
            "defaults",
            |one| json!({"defaults": one, "rules": [{"tool_calls": [{"name": "nobody"}]}, "one two"]}),
            json!({
                "pace": [{}, {"ttft_ms": 5000}], "fallback": [{}, "echo"], "on_unmatched": [{}, "echo"],
                "check_replies": [{}, "off"], "rate_limits": [{}, {"gpt-4o": {"rpm": 1}}],
                "chaos": [{}, [{"error": "no", "every": 1}]],
            }),
        ),
        (
            "a rate limit",
            |one| json!({"defaults": {"rate_limits": {"gpt-4o": one}}, "rules": [{"echo": true, "times": -1}]}),
            json!({
                "rpm": [{}, 1], "tpm": [{}, 5], "rpd": [{}, 1], "tpd": [{}, 5],
            }),
        ),
        (
            "a chaos entry",
            |one| json!({"defaults": {"chaos": [one]}, "rules": [{"echo": true, "times": -1}]}),
            json!({
                "error": [{"every": 1}, "no"], "fault": [{"every": 1}, {"kind": "malformed"}],
                "probability": [{"error": "no"}, 0], "every": [{"error": "no"}, 3], "first": [{"error": "no"}, 1],
            }),
        ),
        (
            "a match",
            |one| json!({"rules": [{"match": one, "text": "own", "times": -1}, {"text": "other", "times": -1}]}),
            json!({
                "user": [{}, "nothing"], "system": [{}, "s"], "any_message": [{}, "nothing"], "model": [{}, "gpt-4o"],
                "operation": [{}, "chat"], "tool_offered": [{}, "weather"], "tool_result": [{}, "weather"], "turn": [{}, 3],
                "stream": [{}, true], "format": [{}, "json_object"], "header": [{}, {"x-none": "a"}], "body": [{}, {"zzz": 1}],
                "json": [{}, {"zzz": 1}], "path": [{}, "/v1/completions"], "method": [{}, "GET"], "not": [{}, {}],
            }),
        ),
        (
            "a tool result",
            |one| json!({"rules": [{"match": {"tool_result": one}, "text": "own", "times": -1}, {"text": "other", "times": -1}]}),
            json!({
                "tool": [{"text": "sunny"}, "other"], "text": [{"tool": "weather"}, "rain"],
            }),
        ),
        ("an output part", |one| rule(json!({"output": [one]})), parts.clone()),
        ("a choice", |one| rule(json!({"choices": [one]})), {
            let mut all = parts;
            let more = only(&["output", "logprobs", "audio", "finish_reason"]);
            all.as_object_mut().expect("an object").extend(more.as_object().cloned().unwrap_or_default());
            all["image"] = json!([{}, "aGk="]);
            all
        }),
        (
            "a tool call",
            |one| rule(json!({"tool_calls": [one], "check": false})),
            json!({
                "name": [called, "other"], "arguments": [called, {"city": "Rome"}], "input": [{"name": "weather"}, "x"],
                "id": [called, "call_own"], "type": [{"name": "weather", "arguments": {}}, "custom"], "function": [{}, {"name": "weather"}],
                "custom": [{}, {"name": "weather"}],
            }),
        ),
        (
            "a function call",
            |one| rule(json!({"tool_calls": [{"type": "function", "function": one}], "check": false})),
            json!({
                "name": [{"name": "a"}, "b"], "arguments": [{"name": "a"}, "{\"b\":1}"],
            }),
        ),
        (
            "a custom tool call",
            |one| rule(json!({"tool_calls": [{"type": "custom", "custom": one}], "check": false})),
            json!({
                "name": [{"name": "a"}, "b"], "input": [{"name": "a"}, "own"],
            }),
        ),
        (
            "a log probability",
            |one| rule(json!({"text": "one", "logprobs": [one]})),
            json!({
                "token": [{"token": "one", "logprob": -1}, "two"], "logprob": [{"token": "one", "logprob": -1}, -2],
                "top_logprobs": [{"token": "one", "logprob": -1}, [{"token": "x", "logprob": -3}]],
            }),
        ),
        (
            "audio",
            |one| rule(json!({"audio": one})),
            json!({
                "data": [{"transcript": "own"}, "aGk="], "transcript": [{"transcript": "own"}, "other"],
            }),
        ),
        (
            "a moderation",
            |one| rule(json!({"moderation": one})),
            json!({
                "flagged": [{}, true], "categories": [{}, ["violence"]], "category_scores": [{}, {"violence": 0.5}],
            }),
        ),
        ("scores", |one| rule(json!({"moderation": {"category_scores": one}})), scores),
        (
            "an error",
            |one| rule(json!({"error": one})),
            json!({
                "status": [{}, 418], "message": [{}, "own"], "type": [{}, "own"], "code": [{}, "own"], "param": [{}, "own"],
                "retry_after_ms": [{"status": 429}, 7], "headers": [{}, {"x-own": "1"}],
            }),
        ),
        (
            "a raw answer",
            |one| rule(json!({"raw": one})),
            json!({
                "status": [{}, 202], "headers": [{}, {"x-own": "1"}], "body": [{}, "x"], "sse": [{}, [{"data": "x"}]],
                "chunks": [{}, [{"text": "x"}]], "events": [{}, [1]],
            }),
        ),
        (
            "an event",
            |one| rule(json!({"raw": {"sse": [one]}})),
            json!({
                "event": [{"data": "x"}, "own"], "data": [{"data": "x"}, "y"],
            }),
        ),
        (
            "a chunk",
            |one| rule(json!({"raw": {"chunks": [one]}})),
            json!({
                "at_ms": [{"text": "x"}, 500], "text": [{"text": "x"}, "y"], "base64": [{}, "eQ=="],
            }),
        ),
        (
            "generate",
            |one| rule(json!({"generate": one})),
            json!({
                "length": [{}, "long"], "seed": [{}, 5], "tools": [{}, "first"], "style": [{}, "plain"],
            }),
        ),
        ("upstream", |one| rule(json!({"upstream": one})), json!({"model": [{}, "their-own"], "percent": [{}, 0]})),
        (
            "usage",
            |one| rule(json!({"text": "one", "usage": one})),
            json!({
                "prompt_tokens": [{}, 1234], "completion_tokens": [{}, 1234], "input_tokens": [{}, 1234],
                "output_tokens": [{}, 1234], "total_tokens": [{}, 1234], "prompt_tokens_details": [{}, {"cached_tokens": 3}],
                "completion_tokens_details": [{}, {"reasoning_tokens": 1}], "input_tokens_details": [{}, {"cached_tokens": 3}],
                "output_tokens_details": [{}, {"reasoning_tokens": 1}],
            }),
        ),
        (
            "pace",
            |one| rule(json!({"text": "one two three", "pace": one})),
            json!({
                "ttft_ms": [{}, 5000], "tokens_per_second": [{}, 1], "delay_ms": [{}, 500], "chunk": [{}, "char"],
            }),
        ),
        (
            "a chunk size",
            |one| rule(json!({"text": "one two three", "pace": {"chunk": one}})),
            json!({
                "tokens": [{"tokens": 1}, 3],
            }),
        ),
        ("hold", |one| rule(json!({"text": "one", "pace": {"hold": one}})), json!({})),
        (
            "fault",
            |one| rule(json!({"text": "one two three", "fault": one})),
            json!({
                "at": [{"kind": "malformed"}, 2], "kind": [{"kind": "malformed"}, "disconnect"],
                "error": [{"kind": "error"}, {"status": 418}], "stall_ms": [{"kind": "stall", "stall_ms": 10}, 20],
            }),
        ),
    ]
}

#[test]
fn every_key_of_every_object_has_an_effect_or_is_refused() {
    let real = start(json!({"clock": "instant", "profile": "relaxed"}));
    let upstream = format!("{}/v1", real.url());
    let emulator = start(
        json!({"clock": "instant", "auth": "optional", "checkReplies": "fail", "upstream": upstream, "manualTimeoutMs": 20}),
    );
    let seen = |script: &Value| {
        forget(&real);
        seen(&emulator, script)
    };
    let samples = samples();
    let mut wrong = Vec::new();
    // A reply's own keys have a test of their own, in all company.
    for (name, keys) in walk::objects().into_iter().filter(|(name, _)| !["the script", "a reply"].contains(name)) {
        if keys.iter().all(|key| ELSEWHERE.contains(&(name, *key))) {
            continue;
        }
        let Some((_, around, values)) = samples.iter().find(|(known, ..)| *known == name) else {
            wrong.push(format!("{name}: no samples"));
            continue;
        };
        for key in keys.into_iter().filter(|key| !ELSEWHERE.contains(&(name, *key))) {
            let [beside, sample] = values[key].as_array().map_or(&[][..], Vec::as_slice) else {
                wrong.push(format!("{name}: {key} has no sample"));
                continue;
            };
            let mut with = beside.clone();
            with[key] = sample.clone();
            let (plain, with) = (seen(&around(beside.clone())), seen(&around(with)));
            let again = seen(&around(beside.clone()));
            wrong.extend(blind(&plain, &again).map(|how| format!("{name}: {key}: {how}")));
            match with {
                Err(error) if !error.contains(key) => wrong.push(format!("{name}: {key}: {error}")),
                with if with == plain => wrong.push(format!("{name}: {key}: no effect")),
                _ => {}
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}
