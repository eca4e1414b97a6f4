//! Where faults come from: a reply, a rule, the session's chaos, the model's name. Each breaks every form of an answer alike.

use super::fault_tests::{End, Seen, endpoints, open, over_a_socket, three};
use super::tests::{connect, request, send, start};
use serde_json::{Value, json};
use std::io::{Read, Write};

/// Scripts that break the same answer by the same fault.
fn scopes(fault: &Value) -> Vec<(&'static str, Value)> {
    let broken = three(fault.clone());
    let mut fine = broken.clone();
    fine.as_object_mut().expect("an object").remove("fault");
    let chaos =
        |when: &str, count: Value| json!({"responses": [fine], "defaults": {"chaos": [{"fault": fault, when: count}]}});
    vec![
        ("reply", json!({"responses": [broken]})),
        ("rule", json!({"rules": [{"match": "hi", "response": fine, "fault": fault}]})),
        ("rule without a reply", json!({"rules": [{"match": "hi", "fault": fault}], "defaults": {"fallback": fine}})),
        ("fallback", json!({"defaults": {"fallback": broken}})),
        ("chaos: every", chaos("every", json!(1))),
        ("chaos: first", chaos("first", json!(1))),
        ("chaos: probability", chaos("probability", json!(1))),
    ]
}

#[test]
fn a_fault_is_the_same_wherever_it_is_said() {
    let options = json!({"clock": "instant"});
    let emulator = start(options.clone());
    for fault in [
        json!({"kind": "disconnect", "at": "connect"}),
        json!({"kind": "disconnect", "at": "headers"}),
        json!({"kind": "disconnect", "at": 2}),
        json!({"kind": "close", "at": 1}),
        json!({"kind": "malformed", "at": 1}),
        json!({"kind": "error", "at": 1, "error": {"status": 429}}),
        json!({"kind": "stall", "at": "connect", "stall_ms": 9000}),
        json!({"kind": "stall", "at": 1, "stall_ms": 9000}),
    ] {
        let mut first: Option<Vec<(u16, String, End)>> = None;
        for (scope, mut script) in scopes(&fault) {
            script["reset"] = json!(true);
            let mut seen = Vec::new();
            for (path, body) in endpoints() {
                for stream in [true, false] {
                    assert_eq!(send(&emulator, "a", "/_emulator/script", &script).status, 200, "{script}");
                    let started = emulator.session("a").clock.now();
                    let got = Seen::of(open(&emulator, "a", path, body.clone(), stream));
                    let stalled = (emulator.session("a").clock.now() - started).as_secs() >= 9;
                    assert_eq!(stalled, fault["kind"] == "stall", "{scope} {fault}");
                    let told = if stream { got.told() } else { got.body().len().to_string() };
                    seen.push((got.status(), told, got.end));
                }
            }
            seen.push((101, over_a_socket(options.clone(), &script), End::Whole));
            match &first {
                None => first = Some(seen),
                Some(first) => assert_eq!(&seen, first, "{scope} {fault}"),
            }
        }
    }
}

#[test]
fn chaos_breaks_a_session_by_probability_order_and_count() {
    let emulator = start(json!({"fallback": "echo", "seed": 5}));
    let (path, body) = &endpoints()[0];
    let run = |key: &str, chaos: Value| -> Vec<u16> {
        send(&emulator, key, "/_emulator/script", &json!({"defaults": {"chaos": [chaos], "fallback": "echo"}}));
        (0..20).map(|_| Seen::of(open(&emulator, key, path, body.clone(), false)).status()).collect()
    };
    let first = run("first", json!({"error": {"status": 503}, "first": 2}));
    assert_eq!((&first[..3], first[3..].iter().all(|status| *status == 200)), (&[503, 503, 200][..], true));
    let every = run("every", json!({"error": {"status": 500}, "every": 3}));
    let struck: Vec<usize> = (0..20).filter(|turn| every[*turn] == 500).map(|turn| turn + 1).collect();
    assert_eq!(struck, [3, 6, 9, 12, 15, 18]);
    let chance = json!({"error": {"status": 429}, "probability": 0.5});
    let drawn = run("chance", chance.clone());
    let struck = drawn.iter().filter(|status| **status == 429).count();
    assert!((4..=16).contains(&struck), "{drawn:?}");
    let again = start(json!({"fallback": "echo", "seed": 5}));
    send(&again, "chance", "/_emulator/script", &json!({"defaults": {"chaos": [chance], "fallback": "echo"}}));
    let repeated: Vec<u16> =
        (0..20).map(|_| Seen::of(open(&again, "chance", path, body.clone(), false)).status()).collect();
    assert_eq!(drawn, repeated);
    let cut = run("cut", json!({"fault": {"kind": "disconnect", "at": "connect"}, "every": 2}));
    assert_eq!(cut[..4], [200, 0, 200, 0]);
}

#[test]
fn chaos_strikes_every_operation_that_takes_a_turn() {
    let emulator = start(json!({}));
    let chaos =
        json!([{"error": {"status": 503}, "first": 1}, {"fault": {"kind": "disconnect", "at": "headers"}, "every": 2}]);
    for (path, body) in [
        ("/v1/embeddings", json!({"model": "text-embedding-3-small", "input": "x"})),
        ("/v1/moderations", json!({"input": "x"})),
    ] {
        send(&emulator, path, "/_emulator/script", &json!({"defaults": {"chaos": chaos}}));
        let seen: Vec<Seen> = (0..3).map(|_| Seen::of(open(&emulator, path, path, body.clone(), false))).collect();
        assert_eq!(seen.iter().map(Seen::status).collect::<Vec<_>>(), [503, 200, 200]);
        assert_eq!((seen[1].body(), seen[1].end, seen[2].end), ("", End::Reset, End::Whole));
    }
}

#[test]
fn a_fault_by_the_models_name() {
    // No script, no list of models: the name is enough, on every operation that has a model.
    let emulator = start(json!({"fallback": "echo"}));
    let others = [
        ("/v1/embeddings", json!({"input": "x"})),
        ("/v1/moderations", json!({"input": "x"})),
        ("/v1/responses/compact", json!({"input": "x"})),
    ];
    for (path, mut body) in endpoints().into_iter().chain(others) {
        for (model, status) in [("error-404", 404), ("error-429", 429), ("error-503", 503), ("credit-error", 402)] {
            body["model"] = json!(model);
            for stream in [true, false] {
                let seen = Seen::of(open(&emulator, "m", path, body.clone(), stream));
                let error: Value = serde_json::from_str(seen.body()).expect("JSON");
                assert_eq!(seen.status(), status, "{path} {model}");
                assert_eq!(error["error"]["code"] == "insufficient_quota", status == 402, "{path} {error}");
            }
        }
    }
    for (path, mut body) in endpoints() {
        body["model"] = json!("cut-stream");
        let seen = Seen::of(open(&emulator, "m", path, body.clone(), true));
        let pieces = seen.told().split('|').filter(|told| *told != "…").count();
        assert_eq!((seen.status(), pieces, seen.end), (200, 2, End::Reset), "{}", seen.told());
        let whole = Seen::of(open(&emulator, "m", path, body.clone(), false));
        assert_eq!((whole.status(), whole.body(), whole.end), (200, "", End::Reset));
        // Headers, then nothing: the connection is open and silent.
        body["model"] = json!("timeout");
        let mut socket = open(&emulator, "m", path, body, true);
        let (mut head, mut byte) = (Vec::new(), [0]);
        while !head.ends_with(b"\r\n\r\n") {
            socket.read_exact(&mut byte).expect("headers");
            head.push(byte[0]);
        }
        assert!(head.starts_with(b"HTTP/1.1 200"));
        socket.set_nonblocking(true).expect("a socket");
        let silent = socket.read(&mut byte).expect_err("silence");
        assert_eq!(silent.kind(), std::io::ErrorKind::WouldBlock);
    }
}

#[test]
fn a_fault_alone_breaks_any_operation_a_rule_names() {
    let emulator = start(json!({}));
    let fault = json!({"kind": "disconnect", "at": "headers"});
    let rules = json!({"rules": [
        {"match": {"operation": "embeddings.create"}, "fault": fault},
        {"match": {"operation": "models.list"}, "fault": fault},
    ]});
    send(&emulator, "a", "/_emulator/script", &rules);
    let body = json!({"model": "text-embedding-3-small", "input": "x"});
    let mut socket = connect(&emulator);
    socket.write_all(&request("POST", "/v1/embeddings", "a", "", body.to_string().as_bytes())).expect("sends");
    let seen = Seen::of(socket);
    assert_eq!((seen.status(), seen.body(), seen.end), (200, "", End::Reset));
    let mut socket = connect(&emulator);
    socket.write_all(&request("GET", "/v1/models", "a", "", b"")).expect("sends");
    let seen = Seen::of(socket);
    assert_eq!((seen.status(), seen.body(), seen.end), (200, "", End::Reset));
    // What a stall delays is the operation's own answer.
    let slow =
        json!({"match": {"operation": "models.list"}, "fault": {"kind": "stall", "at": "connect", "stall_ms": 1}});
    send(&emulator, "a", "/_emulator/script", &json!({"rules": [slow]}));
    let mut socket = connect(&emulator);
    socket.write_all(&request("GET", "/v1/models", "a", "", b"")).expect("sends");
    assert!(Seen::of(socket).body().contains("gpt-4o"));
}
