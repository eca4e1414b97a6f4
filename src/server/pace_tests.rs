//! Pace as a client sees it: how long an answer takes, and into what it is cut, on every text endpoint.

use crate::emulator::Emulator;
use crate::server::tests::{eventually, send, start, until};
use crate::session::exchange::Waiting;
use crate::wire::value::Holds;
use proptest::prelude::*;
use serde_json::{Value, json};

/// Ten tokens, ten words.
const TEN: &str = "one two three four five six seven eight nine ten";

fn endpoints() -> [(&'static str, Value); 3] {
    [
        ("/v1/chat/completions", json!({"model": "gpt-4o", "messages": [{"role": "user", "content": "hi"}]})),
        ("/v1/completions", json!({"model": "gpt-3.5-turbo-instruct", "prompt": "hi"})),
        ("/v1/responses", json!({"model": "gpt-4o", "input": "hi"})),
    ]
}

/// Milliseconds of the session's clock that an answer takes on each endpoint, streamed and not.
fn times(emulator: &Emulator, script: &Value, more: &Value) -> Vec<u128> {
    let key = script.to_string() + &more.to_string();
    let key = format!("k{:x}", crate::random::key(0, &[key.as_bytes()]));
    let mut times = Vec::new();
    for (path, body) in endpoints() {
        for stream in [true, false] {
            let mut body = body.clone();
            body["stream"] = json!(stream);
            for (field, value) in more.members() {
                body[field] = value.clone();
            }
            let mut script = script.clone();
            script["reset"] = json!(true);
            assert_eq!(send(emulator, &key, "/_emulator/script", &script).status, 200);
            let before = emulator.session(&key).clock.now();
            let answer = send(emulator, &key, path, &body);
            assert_eq!(answer.status, 200, "{}", answer.text());
            times.push((emulator.session(&key).clock.now() - before).as_millis());
        }
    }
    times
}

fn all(ms: u128) -> Vec<u128> {
    vec![ms; 6]
}

#[test]
fn every_form_of_pace_takes_its_time_streamed_or_not() {
    let emulator = start(json!({"clock": "instant"}));
    let of = |pace: Value| times(&emulator, &json!({"responses": [{"text": TEN, "pace": pace}]}), &json!({}));
    assert_eq!(of(json!({"ttft_ms": 300})), all(300));
    assert_eq!(of(json!({"tokens_per_second": 10})), all(1000));
    assert_eq!(of(json!({"delay_ms": 5})), all(50));
    assert_eq!(of(json!({"ttft_ms": 100, "tokens_per_second": 10, "delay_ms": 5})), all(1150));
    assert_eq!(of(json!({"delay_ms": 10, "chunk": "word"})), all(100));
    assert_eq!(of(json!({"delay_ms": 1, "chunk": "char"})), all(TEN.len() as u128));
    assert_eq!(of(json!({"delay_ms": 10, "chunk": {"tokens": 3}})), all(40));
    assert_eq!(of(json!({"delay_ms": 10, "chunk": ["one ", "two "]})), all(30));
    // A chunk's tokens take their time together.
    assert_eq!(of(json!({"tokens_per_second": 10, "chunk": {"tokens": 5}})), all(1000));
    let ranges = of(json!({"ttft_ms": [100, 200], "delay_ms": [10, 20]}));
    assert!(ranges.iter().all(|ms| (200..=400).contains(ms)), "{ranges:?}");
    let again = start(json!({"clock": "instant"}));
    let drawn = json!({"responses": [{"text": TEN, "pace": {"ttft_ms": [100, 200], "delay_ms": [10, 20]}}]});
    assert_eq!(ranges, times(&again, &drawn, &json!({})), "drawn from the seed");
}

#[test]
fn pace_is_set_at_every_level_and_the_nearest_wins() {
    let slow = json!({"tokens_per_second": 10});
    let fast = json!({"tokens_per_second": 100});
    let plain = start(json!({"clock": "instant", "profile": "relaxed"}));
    let at = |script: Value| times(&plain, &script, &json!({}));
    assert_eq!(at(json!({"responses": [TEN], "defaults": {"pace": slow}})), all(1000), "session");
    assert_eq!(at(json!({"rules": [{"match": "hi", "responses": [TEN], "pace": slow}]})), all(1000), "rule");
    assert_eq!(at(json!({"responses": [{"text": TEN, "pace": slow}]})), all(1000), "reply");
    assert_eq!(at(json!({"defaults": {"fallback": {"text": TEN, "pace": slow}}})), all(1000), "fallback");
    let body = json!({"stream_options": {"tokens_per_second": 10, "delay_min_ms": 1}});
    assert_eq!(times(&plain, &json!({"responses": [TEN]}), &body), all(1010), "the simulator's fields of the body");
    let paced =
        start(json!({"clock": "instant", "profile": "relaxed", "streamTokensPerSecond": 1, "streamDelayMinMs": 7}));
    assert_eq!(times(&paced, &json!({"responses": [TEN]}), &json!({})), all(10_070), "emulator");
    // Key by key: reply before rule before body before session before emulator.
    let script = json!({"defaults": {"pace": slow}, "responses": [TEN]});
    assert_eq!(times(&paced, &script, &json!({})), all(1070));
    assert_eq!(times(&paced, &script, &json!({"stream_options": {"tokens_per_second": 100}})), all(170));
    let script = json!({"defaults": {"pace": slow}, "rules": [{"response": TEN, "pace": fast}]});
    assert_eq!(times(&paced, &script, &body), all(110));
    let script = json!({"rules": [{"response": {"text": TEN, "pace": {"delay_ms": 0}}, "pace": fast}]});
    assert_eq!(times(&paced, &script, &json!({})), all(100));
}

#[test]
fn a_hold_keeps_back_an_answer_without_a_stream() {
    let emulator = start(json!({}));
    let held = json!({"text": "one two", "pace": {"hold": {"after_chunks": 1, "until": "go"}}});
    for (path, body) in endpoints() {
        send(&emulator, path, "/_emulator/script", &json!({"responses": [held]}));
        std::thread::scope(|scope| {
            let asking = scope.spawn(|| send(&emulator, path, path, &body));
            let session = emulator.session(path);
            let held = eventually("the hold", || session.journal.in_flight().first()?.waiting(session.clock.now()));
            assert_eq!(held, Waiting::Hold { name: "go".into() });
            assert_eq!(send(&emulator, path, "/_emulator/release/go", &json!({})).status, 200);
            assert_eq!(asking.join().expect("no panic").status, 200);
        });
    }
}

#[test]
fn headers_wait_for_the_first_content_except_on_responses() {
    let left = |reply: Value| {
        let emulator = start(json!({"clock": "manual"}));
        endpoints().map(|(path, mut body)| {
            assert_eq!(send(&emulator, path, "/_emulator/script", &json!({"responses": [reply]})).status, 200);
            body["stream"] = json!(true);
            let clock = &emulator.session(path).clock;
            let answer = std::thread::scope(|scope| {
                let asking = scope.spawn(|| send(&emulator, path, path, &body));
                until("the answer", || {
                    for deadline in clock.pending() {
                        clock.advance(deadline.saturating_sub(clock.now())).expect("it is virtual");
                    }
                    asking.is_finished()
                });
                asking.join().expect("no panic")
            });
            // The date is written when the headers are: it says when they left.
            let date = answer.head.lines().find_map(|line| line.strip_prefix("date: thu, 01 jan 2026 "));
            date.unwrap_or_else(|| panic!("{}", answer.head)).to_string()
        })
    };
    let paced = |pace: Value| left(json!({"text": TEN, "pace": pace}));
    assert_eq!(paced(json!({"ttft_ms": 61_000})), ["00:01:01 gmt", "00:01:01 gmt", "00:00:00 gmt"]);
    // What comes after the first content holds back no headers.
    assert_eq!(paced(json!({"delay_ms": 61_000})), ["00:00:00 gmt"; 3]);
    let raw = json!({"raw": {"sse": [{"data": "x"}]}, "pace": {"ttft_ms": 61_000}});
    assert_eq!(left(raw), ["00:01:01 gmt", "00:01:01 gmt", "00:00:00 gmt"]);
}

/// The deltas of a stream, each read by a strict parser.
fn deltas(stream: &str) -> Vec<String> {
    let events = stream.lines().filter_map(|line| line.strip_prefix("data: ")).filter(|data| *data != "[DONE]");
    let text = |event: Value| {
        let text = [&event["choices"][0]["delta"]["content"], &event["choices"][0]["text"]];
        let delta = (event["type"] == "response.output_text.delta").then_some(&event["delta"]);
        text.into_iter().chain(delta).find_map(Value::as_str).unwrap_or_default().to_string()
    };
    let parsed = events.map(|data| serde_json::from_str(data).unwrap_or_else(|error| panic!("{error}: {data}")));
    parsed.map(text).filter(|text| !text.is_empty()).collect()
}

#[test]
fn pro_answers_come_whole() {
    let emulator = start(json!({}));
    let streamed = |model: &str, reasoning: Value, reply: Value| {
        let script = json!({"reset": true, "responses": [reply]});
        assert_eq!(send(&emulator, "a", "/_emulator/script", &script).status, 200);
        let body = json!({"model": model, "input": "hi", "stream": true, "reasoning": reasoning});
        let stream = send(&emulator, "a", "/v1/responses", &body).text();
        let added = stream.lines().find(|line| line.starts_with("data: {\"type\":\"response.output_item.added\""));
        let completed = added.is_some_and(|line| line.contains("\"status\":\"completed\""));
        (deltas(&stream).len(), completed)
    };
    // Recordings 73e84cf554c89b3a, 5ae7fa3b22f58c43, 0c3cef97b8a2a0aa.
    assert_eq!(streamed("o1-pro", json!(null), json!(TEN)), (1, true));
    assert_eq!(streamed("o3-pro-2025-06-10", json!(null), json!(TEN)), (1, false));
    assert_eq!(streamed("gpt-5.6-sol", json!({"mode": "pro"}), json!(TEN)), (1, true));
    assert_eq!(streamed("gpt-5.6-sol", json!({"mode": "standard"}), json!(TEN)), (10, false));
    let cut = json!({"text": TEN, "pace": {"chunk": {"tokens": 5}}});
    assert_eq!(streamed("o1-pro", json!(null), cut), (2, true), "a script may cut it");
}

fn any_chunk() -> impl Strategy<Value = Value> {
    prop_oneof![
        Just(json!("token")),
        Just(json!("word")),
        Just(json!("char")),
        (1usize..5).prop_map(|tokens| json!({"tokens": tokens})),
        prop::collection::vec("[a👩‍👧\r\n \"\\\\]{1,3}", 1..4).prop_map(|pieces| json!(pieces)),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, ..ProptestConfig::default() })]

    #[test]
    fn deltas_over_the_wire_are_the_text_and_parse_strictly(
        text in "(\\PC|[\u{0}-\u{1f}\"\\\\\u{7f}\u{2028}\u{2029}\u{feff}👩‍👧🇳🇴é漢]){0,30}",
        chunk in any_chunk(),
    ) {
        let emulator = start(json!({}));
        for (path, mut body) in endpoints() {
            send(&emulator, path, "/_emulator/script", &json!({"responses": [{"text": text, "pace": {"chunk": chunk}}]}));
            body["stream"] = json!(true);
            let answer = send(&emulator, path, path, &body);
            prop_assert!(std::str::from_utf8(&answer.body).is_ok());
            prop_assert_eq!(deltas(&answer.text()).concat(), text.as_str(), "{}", path);
        }
    }

    #[test]
    fn arguments_refusals_reasoning_and_speech_are_lossless_too(
        text in "(\\PC|[\"\\\\\n\u{0}👩‍👧🇳🇴]){1,20}",
        chunk in any_chunk(),
    ) {
        let arguments = json!({"text": text}).to_string();
        let call = |key: &str, value: &str| json!({"tool_calls": [{"name": "f", key: value}]});
        let at = |path: &'static str| move |event: &Value| event.pointer(path).and_then(Value::as_str).map(str::to_string);
        let of = |kind: &'static str| {
            move |event: &Value| if event["type"] == kind { event["delta"].as_str().map(str::to_string) } else { None }
        };
        let (chat, _, responses) = endpoints().into();
        let speech = ("/v1/chat/completions", json!({"model": "gpt-audio", "messages": [{"role": "user", "content": "hi"}],
            "modalities": ["text", "audio"], "audio": {"voice": "alloy", "format": "pcm16"}}));
        type Delta = Box<dyn Fn(&Value) -> Option<String>>;
        let all: [(&(&str, Value), Value, &str, Delta); 8] = [
            (&chat, call("arguments", &arguments), &arguments, Box::new(at("/choices/0/delta/tool_calls/0/function/arguments"))),
            (&chat, call("input", &text), &text, Box::new(at("/choices/0/delta/tool_calls/0/custom/input"))),
            (&chat, json!({"refusal": text}), &text, Box::new(at("/choices/0/delta/refusal"))),
            (&speech, json!({"text": text}), &text, Box::new(at("/choices/0/delta/audio/transcript"))),
            (&responses, call("arguments", &arguments), &arguments, Box::new(of("response.function_call_arguments.delta"))),
            (&responses, call("input", &text), &text, Box::new(of("response.custom_tool_call_input.delta"))),
            (&responses, json!({"refusal": text}), &text, Box::new(of("response.refusal.delta"))),
            (&responses, json!({"reasoning": text}), &text, Box::new(of("response.reasoning_summary_text.delta"))),
        ];
        let emulator = start(json!({}));
        for ((path, body), mut reply, said, delta) in all {
            reply["pace"] = json!({"chunk": chunk});
            reply["check"] = json!(false);
            prop_assert_eq!(send(&emulator, "a", "/_emulator/script", &json!({"responses": [reply]})).status, 200);
            let mut body = body.clone();
            body["stream"] = json!(true);
            let answer = send(&emulator, "a", path, &body);
            prop_assert!(std::str::from_utf8(&answer.body).is_ok());
            let events: Vec<Value> = answer.text().lines().filter_map(|line| line.strip_prefix("data: {"))
                .map(|event| serde_json::from_str(&format!("{{{event}")).expect("JSON")).collect();
            let pieces: Vec<String> = events.iter().filter_map(delta).collect();
            prop_assert_eq!(pieces.concat(), said, "{} {}", path, reply);
        }
    }
}
