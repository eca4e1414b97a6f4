//! Off the real clock, the same seed, session name and requests give the same bytes, however requests interleave.

use super::tests::{Got, exchange, request, start};
use crate::emulator::Emulator;
use serde_json::{Value, json};
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

/// A request: method, path, body.
type Job = (&'static str, &'static str, Value);

/// Runs the jobs on eight threads, in the order given by their numbers; the answers in the order of the jobs.
fn concurrently(emulator: &Emulator, jobs: &[Job], order: &[usize]) -> Vec<Option<Got>> {
    let next = AtomicUsize::new(0);
    let got = Mutex::new(vec![None; jobs.len()]);
    std::thread::scope(|scope| {
        for _ in 0..8 {
            scope.spawn(|| {
                while let Some(number) = order.get(next.fetch_add(1, Ordering::Relaxed)) {
                    let (method, path, body) = &jobs[*number];
                    let body = if *method == "GET" { Vec::new() } else { body.to_string().into_bytes() };
                    let answer = exchange(emulator, &request(method, path, "sk-determined", "", &body));
                    got.lock().expect("no panic")[*number] = answer;
                }
            });
        }
    });
    got.into_inner().expect("no panic")
}

const PATHS: [&str; 8] = [
    "/v1/models",
    "/v1/models/gpt-4o",
    "/v1/models/none",
    "/v1/models/gpt-5",
    "/v1/chat/completions/none",
    "/v1/responses/none",
    "/v1/conversations/none",
    "/v1/nothing",
];

/// Every kind of answer there is: numbers make them differ.
fn jobs() -> Vec<Job> {
    let chat = |text: &str, more: Value| {
        let mut body = json!({"model": "gpt-4o", "messages": [{"role": "user", "content": text}]});
        body.as_object_mut().expect("an object").extend(more.as_object().expect("an object").clone());
        ("POST", "/v1/chat/completions", body)
    };
    let responses = |text: &str, more: Value| {
        let mut body = json!({"model": "gpt-5", "input": text});
        body.as_object_mut().expect("an object").extend(more.as_object().expect("an object").clone());
        ("POST", "/v1/responses", body)
    };
    let person = json!({"type": "object", "additionalProperties": false, "required": ["name", "born"],
        "properties": {"name": {"type": "string"}, "born": {"type": "string", "format": "date"}}});
    let weather = json!({"type": "object", "properties": {"city": {"type": "string"}}});
    (0..120)
        .map(|number| {
            let text = format!("Tell me about {number}.");
            let format = json!({"type": "json_schema", "json_schema": {"name": "a", "schema": person}});
            let tool = json!({"type": "function", "function": {"name": "get_weather", "parameters": weather}});
            let streamed = number % 2 == 0;
            match number / 2 % 15 {
                0 => chat(&text, json!({"stream": streamed})),
                1 => chat(&text, json!({"stream": streamed, "n": 2, "logprobs": true})),
                2 => chat(&text, json!({"stream": streamed, "response_format": format})),
                3 => chat(&text, json!({"stream": streamed, "tools": [tool], "tool_choice": "required"})),
                4 => chat(&text, json!({"stream": streamed, "store": true})),
                5 => responses(&text, json!({"stream": streamed})),
                6 => responses(&text, json!({"stream": streamed, "background": true})),
                7 => responses(&text, json!({"stream": streamed, "text": {"format": {"type": "json_object"}}, "input": format!("{text} JSON")})),
                8 => ("POST", "/v1/completions", json!({"model": "gpt-3.5-turbo-instruct", "prompt": text, "stream": streamed})),
                9 => ("POST", "/v1/embeddings", json!({"model": "text-embedding-3-small", "input": text})),
                10 => ("POST", "/v1/moderations", json!({"input": text})),
                11 => ("POST", "/v1/conversations", json!({"metadata": {"number": number.to_string()}})),
                12 => chat(&text, json!({"model": format!("no-such-model-{number}")})),
                13 => chat(&text, json!({"temperature": 9, "user": number.to_string()})),
                _ => ("GET", PATHS[number / 30 * 2 + number % 2], Value::Null),
            }
        })
        .collect()
}

/// An emulator whose replies are generated, paced by drawn delays, and broken by drawn faults.
fn run(clock: &str, jobs: &[Job], order: &[usize]) -> Vec<Option<Got>> {
    let emulator = start(json!({"clock": clock, "seed": 7}));
    let pace = if clock == "instant" { json!({"ttft_ms": [10, 2000], "delay_ms": [1, 50]}) } else { json!({}) };
    let script = json!({"responses": {"[02468]5": "scripted", "Tell": {"generate": {}}}, "defaults": {"pace": pace, "chaos": [
        {"error": {"status": 503}, "probability": 0.1},
        {"fault": {"kind": "disconnect", "at": 2}, "probability": 0.1},
        {"fault": {"kind": "disconnect", "at": "connect"}, "probability": 0.05},
        {"fault": {"kind": "malformed", "at": 3}, "probability": 0.1},
        {"fault": {"kind": "error", "at": 1}, "probability": 0.1},
        {"fault": {"kind": "stall", "at": 1, "stall_ms": 5000}, "probability": if clock == "instant" { 0.1 } else { 0.0 }},
    ]}});
    let loaded =
        exchange(&emulator, &request("POST", "/_emulator/script", "sk-determined", "", script.to_string().as_bytes()));
    assert_eq!(loaded.map(|loaded| loaded.status), Some(200));
    concurrently(&emulator, jobs, order)
}

#[test]
fn the_same_seed_and_requests_give_the_same_bytes_in_any_order() {
    let jobs = jobs();
    let forward: Vec<usize> = (0..jobs.len()).collect();
    let backward: Vec<usize> = forward.iter().rev().copied().collect();
    // Seven and the number of jobs have no common divisor.
    let shuffled: Vec<usize> = forward.iter().map(|number| number * 7 % jobs.len()).collect();
    for clock in ["instant", "manual"] {
        let first = run(clock, &jobs, &forward);
        for order in [&backward, &shuffled] {
            for (number, (one, other)) in first.iter().zip(run(clock, &jobs, order)).enumerate() {
                assert_eq!(*one, other, "request {number} {:?}", jobs[number]);
            }
        }
        // All that may differ is there.
        let statuses: Vec<u16> = first.iter().flatten().map(|got| got.status).collect();
        for status in [200, 400, 404, 503] {
            assert!(statuses.contains(&status), "{status} in {statuses:?}");
        }
        assert!(first.contains(&None), "a connection that was cut before any byte");
        let all: String = first.iter().flatten().map(|got| got.head.clone() + &got.text()).collect();
        for part in [
            "chatcmpl-",
            "resp_",
            "msg_",
            "call_",
            "conv_",
            "\"created\":",
            "\"obfuscation\":",
            "x-request-id: req_",
            "{\"malformed\": \n",
            "born",
        ] {
            assert!(all.contains(part), "{part}");
        }
    }
}

#[test]
fn equal_requests_get_the_same_answers_among_them() {
    let ask = json!({"model": "gpt-4o", "messages": [{"role": "user", "content": "Tell me."}], "stream": true});
    let jobs: Vec<Job> = (0..40).map(|_| ("POST", "/v1/chat/completions", ask.clone())).collect();
    let order: Vec<usize> = (0..jobs.len()).collect();
    let sorted = || {
        let mut bodies: Vec<String> =
            run("instant", &jobs, &order).iter().map(|got| got.as_ref().map(Got::text).unwrap_or_default()).collect();
        bodies.sort();
        bodies
    };
    let first = sorted();
    assert_eq!(first, sorted());
    let different = first.windows(2).filter(|pair| pair[0] != pair[1]).count();
    assert!(different > 30, "each is answered anew: {different}");
}

#[test]
fn what_is_refused_unread_is_the_same_request_whatever_its_body() {
    let answers = |bodies: [&str; 2]| {
        let emulator = start(json!({"clock": "instant"}));
        let ask = |body: &str| exchange(&emulator, &request("POST", "/v1/nothing", "sk-a", "", body.as_bytes()));
        bodies.map(ask)
    };
    let [first, second] = answers(["{\"a\": 1}", "{\"b\": 2}"]);
    assert_ne!(first, second);
    assert_eq!(answers(["{\"b\": 2}", "{\"a\": 1}"]), [first, second]);
}
