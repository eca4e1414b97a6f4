//! What programs that were written for the first tool rely on: the shapes of its routes, events and settings.

use super::room_tests::{CHAT, Watching, asks, body, chat, done, next, tell, watch};
use super::tests::{exchange, request, send, start};
use crate::emulator::Emulator;
use serde_json::{Value, json};

const AT: &str = "/api/preset-queue/127.0.0.1";

fn id(added: &Value) -> &str {
    added["response_id"].as_str().expect("an id")
}

fn items(emulator: &Emulator) -> Vec<Value> {
    done(emulator, "GET", AT, Value::Null)["items"].as_array().cloned().unwrap_or_default()
}

/// Status and body of an answer; the names of a file that it is.
fn answered(emulator: &Emulator, method: &str, path: &str, body: &[u8]) -> (u16, Value, Option<String>) {
    let got = exchange(emulator, &request(method, path, "k", "", body)).expect("an answer");
    let file = got.head.lines().find_map(|line| line.strip_prefix("content-disposition: attachment; filename="));
    (got.status, got.json(), file.map(|name| name.trim_matches('"').to_string()))
}

fn names(value: &Value) -> Vec<&str> {
    let mut names: Vec<&str> =
        value.as_object().map_or_else(Vec::new, |object| object.keys().map(String::as_str).collect());
    names.sort_unstable();
    names
}

/// A program that was written for the first tool finds every field where it looks for it, and no other where it counts.
#[test]
fn every_route_answers_in_the_shape_of_the_first_tool() {
    let emulator = start(json!({}));
    let call = |method: &str, path: &str, body: Value| {
        let bytes = if body.is_null() { Vec::new() } else { body.to_string().into_bytes() };
        answered(&emulator, method, path, &bytes)
    };
    assert_eq!(call("GET", "/api/preset-queue", Value::Null), (200, json!({"queues": {}}), None));
    assert_eq!(call("GET", AT, Value::Null), (200, json!({"ip": "127.0.0.1", "count": 0, "items": []}), None));
    let (status, added, _) = call("POST", AT, json!({"response": body("one"), "status_code": 429}));
    assert_eq!((status, names(&added)), (200, vec!["queue_length", "response_id", "success"]));
    assert_eq!((&added["success"], &added["queue_length"]), (&json!(true), &json!(1)));
    let hyphens: Vec<usize> = id(&added).match_indices('-').map(|(at, _)| at).collect();
    assert_eq!((id(&added).len(), hyphens), (36, vec![8, 13, 18, 23]));
    let (_, queue, _) = call("GET", AT, Value::Null);
    let item = &queue["items"][0];
    assert_eq!(names(item), ["created_at", "id", "response", "status_code"]);
    assert_eq!(
        (&item["id"], &item["response"], &item["status_code"]),
        (&added["response_id"], &body("one"), &json!(429))
    );
    assert!(item["created_at"].as_f64().is_some_and(|at| at > 1.7e9), "{item}");
    assert_eq!(
        call("GET", "/api/preset-queue", Value::Null).1["queues"]["127.0.0.1"],
        json!({"count": 1, "items": [item]})
    );
    for (responses, success, added, failed) in [
        (json!([body("a"), body("b")]), true, 2, 0),
        (json!([body("a"), "x", 7]), true, 1, 2),
        (json!(["x"]), false, 0, 1),
    ] {
        let (status, batch, _) =
            call("POST", &format!("{AT}/batch"), json!({"responses": responses, "status_code": 201}));
        let counts = (&batch["success"], &batch["added_count"], &batch["failed_count"]);
        assert_eq!((status, counts), (200, (&json!(success), &json!(added), &json!(failed))), "{batch}");
        assert!(batch["queue_length"].is_u64(), "{batch}");
        let errors = batch["errors"].as_array().expect("a list");
        assert!(errors.len() == failed && errors.iter().all(|error| names(error) == ["error", "index"]), "{batch}");
    }
    assert_eq!(items(&emulator).iter().filter(|item| item["status_code"] == 201).count(), 3);
    let (status, import, _) = call("POST", &format!("{AT}/import"), json!([body("a"), 5]));
    let counts = ["success", "total", "added_count", "failed_count"].map(|key| import[key].clone());
    assert_eq!((status, counts), (200, [json!(true), json!(2), json!(1), json!(1)]));
    assert_eq!(names(&import["errors"][0]), ["error", "index"]);
    let (status, export, file) = call("GET", &format!("{AT}/export"), Value::Null);
    assert_eq!((status, export), (200, Value::from(items(&emulator))));
    let stamped = |file: Option<String>, begin: &str| {
        let stamp = file.as_deref().and_then(|name| name.strip_prefix(begin)?.strip_suffix(".json")).map(str::len);
        assert_eq!(stamp, Some("20261126_143000".len()), "{file:?}");
    };
    stamped(file, "queue_127.0.0.1_");
    let (status, export, file) = call("GET", "/api/preset-queue/export", Value::Null);
    assert_eq!((status, export), (200, json!({"127.0.0.1": items(&emulator)})));
    stamped(file, "queue_all_");
    let success = (200, json!({"success": true}), None);
    assert_eq!(call("DELETE", &format!("{AT}/{}", id(&added)), Value::Null), success);
    assert_eq!(call("DELETE", AT, Value::Null), success);
    // An empty queue is still known.
    assert_eq!(
        call("GET", "/api/preset-queue", Value::Null).1,
        json!({"queues": {"127.0.0.1": {"count": 0, "items": []}}})
    );
    assert_eq!(call("DELETE", AT, Value::Null), success);
    assert_eq!(call("DELETE", "/api/preset-queue", Value::Null), success);
    let refused = [
        ("POST", AT, b"{".as_slice(), 400),
        ("POST", AT, b"[]", 400),
        ("POST", AT, b"\xff", 400),
        ("POST", AT, br#"{"response": []}"#, 400),
        ("POST", AT, br#"{"response": {}, "status_code": 1000}"#, 400),
        ("POST", "/api/preset-queue/127.0.0.1/batch", br#"{"responses": {}}"#, 400),
        ("POST", "/api/preset-queue/127.0.0.1/import", b"[1,", 400),
        ("POST", "/api/preset-queue/127.0.0.1/import", b"{}", 400),
        ("POST", "/api/preset-queue/127.0.0.1/import", b"\xff", 400),
        ("GET", "/api/preset-queue/10.9.9.9/export", b"", 404),
        ("GET", "/api/preset-queue/export", b"", 404),
        ("DELETE", "/api/preset-queue/10.9.9.9", b"", 404),
        ("DELETE", "/api/preset-queue/10.9.9.9/none", b"", 404),
        ("PURGE", "/api/preset-queue", b"", 404),
    ];
    for (method, path, bytes, status) in refused {
        let (got, told, _) = answered(&emulator, method, path, bytes);
        assert_eq!((got, names(&told)), (status, vec!["detail", "error"]), "{method} {path}: {told}");
        assert_eq!(names(&told["error"]), ["code", "message", "param", "type"], "{told}");
        assert!(told["detail"].as_str().is_some_and(|detail| !detail.is_empty() && told["error"]["message"] == detail));
    }
    // Ten megabytes are a file, as JSON and in a form.
    let file = format!("[{{\"response\": {{\"x\": \"{}\"}}}}]", "x".repeat((10 << 20) - 25));
    assert_eq!(file.len(), 10 << 20);
    let form =
        format!("--x\r\ncontent-disposition: form-data; name=\"file\"; filename=\"q\"\r\n\r\n{file}\r\n--x--\r\n");
    for (kind, bytes) in [("application/json", &file), ("multipart/form-data; boundary=x", &form)] {
        let head = format!(
            "POST {AT}/import HTTP/1.1\r\nhost: 127.0.0.1\r\nconnection: close\r\ncontent-type: {kind}\r\ncontent-length: {}\r\n\r\n",
            bytes.len()
        );
        let got = exchange(&emulator, (head + bytes).as_bytes()).expect("an answer");
        assert_eq!((got.status, &got.json()["added_count"]), (200, &json!(1)), "{kind}");
    }
}

/// The data of the next event of a kind, which has these fields at least.
fn told(socket: &mut Watching, kind: &str, fields: &[&str]) -> Value {
    let event = next(socket, kind);
    for field in fields {
        assert!(event["data"].get(field).is_some(), "{kind} has no {field}: {event}");
    }
    event["data"].clone()
}

/// Whoever has the answer to its handshake is told what is done next, also before it is greeted.
#[test]
fn nothing_is_missed_between_the_handshake_and_the_greeting() {
    let emulator = start(json!({}));
    for _ in 0..40 {
        let mut socket = watch(&emulator);
        done(&emulator, "POST", AT, json!({"response": body("queued")}));
        told(&mut socket, "queue_updated", &["ip"]);
    }
}

#[test]
fn the_seven_events_have_the_fields_of_the_first_tool() {
    let real = start(json!({"auth": "optional", "fallback": "echo"}));
    let emulator = start(json!({"fallback": "manual"}));
    let mut socket = watch(&emulator);
    // A queue: added to, asked, cleared, all of them cleared.
    done(&emulator, "POST", AT, json!({"response": body("queued"), "status_code": 202}));
    assert_eq!(told(&mut socket, "queue_updated", &["ip"]), json!({"ip": "127.0.0.1"}));
    send(&emulator, "k", CHAT, &chat("a", false));
    assert_eq!(told(&mut socket, "queue_updated", &["ip"])["ip"], "127.0.0.1");
    let fields = ["id", "ip", "port", "body", "response", "status_code"];
    let completed = told(&mut socket, "completed_request", &fields);
    assert_eq!((&completed["ip"], &completed["status_code"]), (&json!("127.0.0.1"), &json!(202)));
    assert_eq!((&completed["response"], &completed["body"]), (&body("queued"), &chat("a", false)));
    assert!(completed["id"].is_string() && completed["port"].is_u64(), "{completed}");
    for (method, path, given) in [
        ("POST", format!("{AT}/batch"), json!({"responses": [body("a")]})),
        ("POST", format!("{AT}/import"), json!([body("a")])),
        ("DELETE", AT.to_string(), Value::Null),
    ] {
        done(&emulator, method, &path, given);
        assert_eq!(told(&mut socket, "queue_updated", &["ip"])["ip"], "127.0.0.1", "{method} {path}");
    }
    done(&emulator, "DELETE", "/api/preset-queue", Value::Null);
    next(&mut socket, "all_queues_updated");
    // A person, by the first tool's one message.
    let _waiting = asks(&emulator, CHAT, &chat("by hand", false));
    let fields = ["id", "ip", "port", "method", "path", "headers", "body", "timestamp", "status"];
    let card = told(&mut socket, "new_request", &fields);
    assert_eq!((&card["method"], &card["path"], &card["status"]), (&json!("POST"), &json!(CHAT), &json!("pending")));
    assert!(card["id"].is_string() && card["timestamp"].is_string() && card["headers"].is_object(), "{card}");
    let mut late = watch(&emulator);
    assert_eq!(told(&mut late, "new_request", &fields)["id"], card["id"], "whoever comes later is told too");
    tell(&mut socket, &json!({"type": "send_response", "id": card["id"], "response": [1]}));
    let completed = told(&mut socket, "completed_request", &["id", "ip", "port", "body", "response", "status_code"]);
    assert_eq!(
        (&completed["id"], &completed["response"], &completed["status_code"]),
        (&card["id"], &json!([1]), &json!(200))
    );
    // The bypass: one that answers, one that cannot.
    for (port, answers) in [(real.address.port(), true), (1, false)] {
        let set = json!({"target_host": "127.0.0.1", "target_port": port, "use_https": false});
        done(&emulator, "PUT", "/api/bypass/config", set);
        next(&mut socket, "bypass_config_updated");
        done(&emulator, "POST", "/api/bypass/enable", Value::Null);
        next(&mut socket, "bypass_config_updated");
        send(&emulator, "k", CHAT, &chat("through", false));
        let asked =
            told(&mut socket, "bypass_request", &["id", "timestamp", "client_ip", "request_body", "target_url"]);
        assert_eq!((&asked["client_ip"], &asked["request_body"]), (&json!("127.0.0.1"), &chat("through", false)));
        assert_eq!(asked["target_url"], format!("http://127.0.0.1:{port}{CHAT}"));
        let fields = ["id", "timestamp", "status_code", "response_body", "elapsed_ms", "success"];
        let answered = told(&mut socket, "bypass_response", &fields);
        assert_eq!((&answered["id"], &answered["success"]), (&asked["id"], &json!(answers)));
        assert_eq!((answered.get("error").is_none(), answered["status_code"] == 200), (answers, answers), "{answered}");
    }
    done(&emulator, "POST", "/api/bypass/disable", Value::Null);
    next(&mut socket, "bypass_config_updated");
}

#[test]
fn the_bypass_is_set_in_parts_and_each_fault_names_its_field() {
    let emulator = start(json!({}));
    let put = |given: Value| {
        let bytes = given.to_string().into_bytes();
        let (status, told, _) = answered(&emulator, "PUT", "/api/bypass/config", &bytes);
        (status, told)
    };
    let fields = ["api_key_configured", "enabled", "target_host", "target_port", "target_uri", "timeout", "use_https"];
    let (status, config) = put(json!({"target_host": "mirror.internal-1_a", "api_key": "sk-x"}));
    assert_eq!((status, names(&config)), (200, fields.to_vec()));
    assert_eq!(
        (&config["target_host"], &config["target_port"], &config["api_key_configured"]),
        (&json!("mirror.internal-1_a"), &json!(443), &json!(true))
    );
    // What is left out, or null, stays; an empty key is none.
    let (_, config) = put(json!({"timeout": 1, "target_host": null, "api_key": null}));
    assert_eq!(
        (&config["timeout"], &config["target_host"], &config["api_key_configured"]),
        (&json!(1), &json!("mirror.internal-1_a"), &json!(true))
    );
    assert_eq!(put(json!({"api_key": ""})).1["api_key_configured"], false);
    let before = done(&emulator, "GET", "/api/bypass/config", Value::Null);
    for (field, wrong) in [
        ("target_host", json!("a b")),
        ("target_host", json!("")),
        ("target_host", json!("a/b")),
        ("target_port", json!(0)),
        ("target_port", json!(65_536)),
        ("target_port", json!("443")),
        ("target_uri", json!("v1")),
        ("use_https", json!("yes")),
        ("timeout", json!(0)),
        ("timeout", json!(301)),
        ("api_key", json!("a\nb")),
    ] {
        let (status, told) = put(json!({"target_uri": "/changed", field: wrong}));
        assert_eq!(
            (status, names(&told), &told["error"]["param"]),
            (400, vec!["detail", "error"], &json!(field)),
            "{told}"
        );
        assert!(told["detail"].as_str().is_some_and(|detail| detail.starts_with(field)), "{told}");
    }
    assert_eq!(done(&emulator, "GET", "/api/bypass/config", Value::Null), before, "what was refused changed nothing");
    assert_eq!(done(&emulator, "POST", "/api/bypass/enable", Value::Null), json!({"enabled": true}));
    assert_eq!(done(&emulator, "POST", "/api/bypass/disable", Value::Null), json!({"enabled": false}));
}

/// What GET shows may be sent back, an address of IPv6 too.
#[test]
fn a_bypass_to_an_address_of_ipv6_is_set_as_it_is_shown() {
    let emulator = start(json!({"upstream": "http://[::1]:19190/v1"}));
    let config = done(&emulator, "GET", "/api/bypass/config", Value::Null);
    assert_eq!(config["target_host"], "::1");
    assert_eq!(done(&emulator, "PUT", "/api/bypass/config", config.clone()), config);
    let set = done(&emulator, "PUT", "/api/bypass/config", json!({"target_host": "[fe80::2]"}));
    assert_eq!(set["target_host"], "fe80::2");
    for host in ["::x", "[a]", "[::1", "a:b", ""] {
        let bytes = json!({"target_host": host}).to_string();
        assert_eq!(answered(&emulator, "PUT", "/api/bypass/config", bytes.as_bytes()).0, 400, "{host}");
    }
}
