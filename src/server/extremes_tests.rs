//! No number stops anything: each one a script, a body or a clock can hold is tried far beyond what makes sense.

use crate::control;
use crate::emulator::Emulator;
use crate::script::walk;
use crate::server::tests::{exchange, request, send, start};
use serde_json::{Value, json};
use std::collections::BTreeSet;
use std::sync::Arc;

const EXTREMES: [&str; 14] = [
    "0",
    "-1",
    "0.5",
    "1e-300",
    "-1e300",
    "1e300",
    "1e23",
    "86400000",
    "4294967296",
    "9007199254740991",
    "9007199254740993",
    "9223372036854775807",
    "18446744073709551615",
    "18446744073709551616",
];

/// Asks in every way a script can answer; nothing may have panicked, on any thread.
fn ask_all(emulator: &Arc<Emulator>, key: &str, about: &str) {
    let chat = |stream: bool| {
        json!({"model": "gpt-4o", "stream": stream, "stream_options": stream.then(|| json!({"include_usage": true})),
               "messages": [{"role": "user", "content": "x"}]})
    };
    let asks = [
        ("/v1/chat/completions", chat(false)),
        ("/v1/chat/completions", chat(true)),
        ("/v1/responses", json!({"model": "gpt-4o", "input": "x", "stream": true})),
        ("/v1/embeddings", json!({"model": "text-embedding-3-small", "input": ["x", "y"], "dimensions": 2})),
    ];
    for (path, body) in asks {
        // A scripted reset before any byte is an answer too.
        let bytes = request("POST", path, key, "", body.to_string().as_bytes());
        let text = exchange(emulator, &bytes).map(|got| got.text()).unwrap_or_default();
        assert!(!text.contains("emulator_panicked"), "{about}: {text}");
    }
    let failed = emulator.session(key).journal.failed();
    assert!(failed.first.iter().all(|(_, failure)| failure.code != "emulator_panicked"), "{about}: {failed:?}");
}

#[test]
fn no_number_of_a_script_breaks_anything() {
    let emulator = start(json!({"clock": "instant", "auth": "optional"}));
    let key = "sk-extremes";
    let control = |method, path, body: &str| control::in_process(&emulator, Some(key), method, path, body);
    let (mut keys, mut usable) = (BTreeSet::new(), BTreeSet::new());
    for template in walk::numbers() {
        keys.insert(template.key.clone());
        let (status, _) = control("POST", "/_emulator/script", &template.with(&template.usual.to_string()));
        if status != 200 {
            continue; // not in this company
        }
        usable.insert(template.key.clone());
        for number in EXTREMES {
            control("POST", "/_emulator/reset", "");
            let script = template.with(number);
            let (status, answer) = control("POST", "/_emulator/script", &script);
            if status != 200 {
                // Refused with the place and what is allowed; a number is too much for JSON itself at worst.
                let error = &answer["error"];
                let last = template.key.rsplit('.').next().unwrap_or_default();
                let placed = error["param"].as_str().is_some_and(|param| param.contains(last));
                let said = error["message"]
                    .as_str()
                    .is_some_and(|message| message.contains("expected") || message.contains("range"));
                assert!(placed && said, "{script}: {answer}");
                continue;
            }
            control("POST", "/_emulator/release/x", "");
            if template.key.ends_with("timeout_ms") {
                continue; // a person has this long, on whatever clock
            }
            ask_all(&emulator, key, &script);
        }
    }
    assert!(keys.len() > 40, "{keys:?}");
    let untried: Vec<&String> = keys.difference(&usable).collect();
    assert!(untried.is_empty(), "in no script that loads: {untried:?}");
}

#[test]
fn no_number_of_a_body_breaks_anything() {
    let emulator = start(json!({"clock": "instant", "profile": "relaxed"}));
    let fields = ["delay_min_ms", "delay_max_ms", "tokens_per_second"];
    for (path, body) in [
        ("/v1/chat/completions", json!({"model": "gpt-4o", "messages": [{"role": "user", "content": "x"}]})),
        ("/v1/completions", json!({"model": "gpt-3.5-turbo-instruct", "prompt": "x"})),
        ("/v1/responses", json!({"model": "gpt-4o", "input": "x"})),
    ] {
        for (field, number) in fields.iter().flat_map(|field| EXTREMES.iter().map(move |number| (field, number))) {
            let mut body = body.clone();
            body["stream"] = json!(true);
            body["stream_options"] = json!({*field: "HERE"});
            let text = body.to_string().replace("\"HERE\"", number);
            let got = exchange(&emulator, &request("POST", path, "sk-a", "", text.as_bytes())).expect("an answer");
            assert!(!got.text().contains("emulator_panicked"), "{text}: {}", got.text());
            if got.status != 200 {
                let error = &got.json()["error"];
                assert_eq!((got.status, &error["param"]), (400, &json!(format!("stream_options.{field}"))), "{text}");
            }
        }
    }
    let beyond = json!({"model": "gpt-4o", "stream": true, "stream_options": {"delay_min_ms": 1e300},
                        "messages": [{"role": "user", "content": "x"}]});
    let refused = send(&emulator, "sk-a", "/v1/chat/completions", &beyond).json();
    assert_eq!(
        refused["error"]["message"],
        "Invalid 'stream_options.delay_min_ms': expected a number from 0 to 86400000, but got 1e300 instead."
    );
}

#[test]
fn a_clock_is_moved_within_its_time_or_refuses() {
    let emulator = start(json!({"clock": "manual", "fallback": "echo", "auth": "optional"}));
    let control = |method, body: &str| control::in_process(&emulator, Some("sk-c"), method, "/_emulator/clock", body);
    for number in EXTREMES {
        let (status, answer) = control("PUT", &format!("{{\"advance_ms\": {number}}}"));
        assert!(
            status == 200 || answer["error"]["param"] == "advance_ms" || answer.to_string().contains("range"),
            "{number}: {answer}"
        );
    }
    // To the very end, and no further.
    let other =
        |body: &Value| control::in_process(&emulator, Some("sk-end"), "PUT", "/_emulator/clock", &body.to_string()).0;
    assert_eq!(other(&json!({"advance_ms": crate::clock::LONGEST.as_millis() as u64})), 200);
    assert_eq!(other(&json!({"advance_ms": 1})), 400);
    let chat = json!({"model": "gpt-4o", "messages": [{"role": "user", "content": "x"}]});
    let got = send(&emulator, "sk-end", "/v1/chat/completions", &chat);
    assert_eq!(got.status, 200, "{}", got.text());
    assert!(got.head.contains("9999 23:59:59 gmt"), "{}", got.head);
}
