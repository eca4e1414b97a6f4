//! A data directory over a socket: what was acknowledged is there again after a restart.

use super::tests::{Got, exchange, request, send, start, within};
use crate::emulator::Emulator;
use serde_json::{Value, json};
use std::path::Path;
use std::sync::Arc;

fn begin(dir: &Path, more: Value) -> Arc<Emulator> {
    let mut options = json!({"dataDir": dir, "debug": true, "clock": "manual"});
    options.as_object_mut().expect("an object").extend(more.as_object().cloned().unwrap_or_default());
    start(options)
}

fn end(emulator: &Arc<Emulator>) {
    within("the end", emulator.stop());
}

fn ask(emulator: &Emulator, key: &str, method: &str, path: &str, body: &Value) -> Got {
    let bytes = if body.is_null() { String::new() } else { body.to_string() };
    exchange(emulator, &request(method, path, key, "", bytes.as_bytes())).expect("an answer")
}

fn get(emulator: &Emulator, key: &str, path: &str) -> Value {
    ask(emulator, key, "GET", path, &Value::Null).json()
}

fn ok(got: Got) -> Value {
    assert_eq!(got.status, 200, "{}", got.text());
    got.json()
}

/// What a chat says, or the code of its error.
fn chat(emulator: &Emulator, key: &str) -> String {
    let body = json!({"model": "gpt-4o", "messages": [{"role": "user", "content": "hello"}]});
    let answer = send(emulator, key, "/v1/chat/completions", &body).json();
    let text = answer["choices"][0]["message"]["content"].as_str().or(answer["error"]["code"].as_str());
    text.unwrap_or_default().to_string()
}

fn script(emulator: &Emulator, key: &str, script: &Value) {
    ok(send(emulator, key, "/_emulator/script", script));
}

#[test]
fn a_sessions_script_goes_on_where_it_was() {
    let dir = tempfile::tempdir().expect("a folder");
    let emulator = begin(dir.path(), json!({}));
    script(&emulator, "a", &json!({"responses": ["old"]}));
    script(&emulator, "a", &json!({"reset": true, "responses": ["one", "two"]}));
    script(&emulator, "a", &json!({"responses": ["three"], "defaults": {"fallback": {"text": "rest"}}}));
    ok(send(&emulator, "b", "/_emulator/script", &json!({"responses": ["mine"]})));
    assert_eq!(chat(&emulator, "a"), "one");
    end(&emulator);
    let emulator = begin(dir.path(), json!({}));
    assert_eq!([chat(&emulator, "a"), chat(&emulator, "b")], ["two", "mine"]);
    end(&emulator);
    let emulator = begin(dir.path(), json!({}));
    let said: Vec<String> = (0..2).map(|_| chat(&emulator, "a")).collect();
    assert_eq!(said, ["three", "rest"]);
    // A reset is kept too, and so is a delete.
    ok(ask(&emulator, "a", "POST", "/_emulator/reset", &Value::Null));
    end(&emulator);
    let emulator = begin(dir.path(), json!({}));
    assert_eq!(chat(&emulator, "a"), "no_matching_rule");
    assert_eq!(get(&emulator, "b", "/_emulator/state")["rules"][0]["used"], 1);
    ok(ask(&emulator, "b", "DELETE", "/_emulator/sessions", &Value::Null));
    end(&emulator);
    let emulator = begin(dir.path(), json!({}));
    assert_eq!(get(&emulator, "b", "/_emulator/state")["rules"], json!([]));
    end(&emulator);
}

#[test]
fn the_shared_script_follows_the_files_and_keeps_each_sessions_uses() {
    let dir = tempfile::tempdir().expect("a folder");
    let emulator = begin(dir.path(), json!({}));
    let load = |text: &str| {
        ok(send(&emulator, "", "/_emulator/shared-script", &json!({"responses": [text, text]})));
    };
    ["twice", "last"].iter().for_each(|text| load(text));
    assert_eq!((chat(&emulator, "a"), chat(&emulator, "b")), ("twice".into(), "twice".into()));
    assert_eq!(chat(&emulator, "a"), "twice");
    end(&emulator);
    let emulator = begin(dir.path(), json!({}));
    // A file that is given at the start comes before what was loaded since.
    let file = json!({"responses": ["file"]}).to_string();
    emulator.load_files(crate::script::load(&file, crate::script::Origin::File).expect("a script"));
    let said = |key: &str| (0..3).map(|_| chat(&emulator, key)).collect::<Vec<_>>();
    assert_eq!(
        (said("a"), said("b")),
        (["file", "last", "last"].map(String::from).to_vec(), ["file", "twice", "last"].map(String::from).to_vec(),)
    );
    end(&emulator);
}

#[test]
fn objects_files_and_the_clock_are_there_again() {
    let dir = tempfile::tempdir().expect("a folder");
    let emulator = begin(dir.path(), json!({}));
    let made = |emulator: &Emulator| {
        let body = json!({"metadata": {"n": "1"}});
        ok(send(emulator, "a", "/v1/conversations", &body))["id"].as_str().expect("an id").to_string()
    };
    let (first, gone) = (made(&emulator), made(&emulator));
    ok(ask(&emulator, "a", "DELETE", &format!("/v1/conversations/{gone}"), &Value::Null));
    let upload = json!({"bytes": 5, "filename": "a.txt", "mime_type": "text/plain", "purpose": "vision"});
    let upload = ok(send(&emulator, "a", "/v1/uploads", &upload))["id"].as_str().expect("an id").to_string();
    let content = b"--x\r\ncontent-disposition: form-data; name=\"data\"; filename=\"f\"\r\n\r\n12345\r\n--x--\r\n";
    let head =
        String::from_utf8(request("POST", &format!("/v1/uploads/{upload}/parts"), "a", "", content)).expect("text");
    let head = head.replace("application/json", "multipart/form-data; boundary=x");
    let part = ok(exchange(&emulator, head.as_bytes()).expect("an answer"))["id"].clone();
    let done = json!({"part_ids": [part]});
    let file = ok(send(&emulator, "a", &format!("/v1/uploads/{upload}/complete"), &done))["file"].clone();
    ok(ask(&emulator, "a", "PUT", "/_emulator/clock", &json!({"advance_ms": 5_000})));
    let clock = get(&emulator, "a", "/_emulator/clock");
    end(&emulator);
    let emulator = begin(dir.path(), json!({"clock": "real"}));
    assert_eq!(get(&emulator, "a", "/_emulator/clock"), clock, "also its kind");
    assert_eq!(get(&emulator, "a", &format!("/v1/conversations/{first}"))["metadata"]["n"], "1");
    assert_eq!(ask(&emulator, "a", "GET", &format!("/v1/conversations/{gone}"), &Value::Null).status, 404);
    let id = file["id"].as_str().expect("an id");
    assert_eq!(get(&emulator, "a", &format!("/v1/files/{id}")), file);
    assert_eq!(ask(&emulator, "a", "GET", &format!("/v1/files/{id}/content"), &Value::Null).text(), "12345");
    // The same request again makes another object, as it did before.
    let again = made(&emulator);
    assert!(again != first && again != gone);
    assert_eq!(ask(&emulator, "b", "GET", &format!("/v1/files/{id}"), &Value::Null).status, 404);
    ok(ask(&emulator, "a", "DELETE", &format!("/v1/files/{id}"), &Value::Null));
    end(&emulator);
    let left = std::fs::read_dir(dir.path().join("files")).expect("it is read").count();
    assert_eq!(left, 0, "a file that was deleted is no longer on the disk");
}

#[test]
fn queues_and_the_bypass_are_there_again_and_keys_are_not() {
    let dir = tempfile::tempdir().expect("a folder");
    let emulator = begin(dir.path(), json!({}));
    let path = "/api/preset-queue/10.0.0.1";
    let item = |text: &str, more: Value| {
        let mut item = json!({"reply": text});
        item.as_object_mut().expect("an object").extend(more.as_object().cloned().unwrap_or_default());
        item
    };
    for (text, more) in
        [("b", json!({})), ("d", json!({"times": 3})), ("c", json!({"position": 1})), ("a", json!({"position": 0}))]
    {
        ok(ask(&emulator, "", "POST", path, &item(text, more)));
    }
    // Always at the same place: there is no room between two ranks for so many.
    for number in 0..70 {
        ok(ask(&emulator, "", "POST", path, &item(&format!("{number}"), json!({"position": 1}))));
    }
    ok(ask(&emulator, "", "POST", "/api/preset-queue/session:x", &item("x", json!({}))));
    ok(ask(&emulator, "", "DELETE", "/api/preset-queue/session:x", &Value::Null));
    let bypass =
        json!({"target_host": "upstream.test", "target_port": 81, "use_https": false, "api_key": "sk-secret-key"});
    ok(ask(&emulator, "", "PUT", "/api/bypass/config", &bypass));
    ok(ask(&emulator, "", "POST", "/api/bypass/enable", &Value::Null));
    let before = [path, "/api/preset-queue"].map(|path| get(&emulator, "", path));
    let config = get(&emulator, "", "/api/bypass/config");
    end(&emulator);
    let emulator = begin(dir.path(), json!({}));
    assert_eq!([path, "/api/preset-queue"].map(|path| get(&emulator, "", path)), before);
    let mut without_key = config.clone();
    without_key["api_key_configured"] = json!(false);
    assert_eq!(get(&emulator, "", "/api/bypass/config"), without_key);
    end(&emulator);
    // An address that is given now is newer than one that was set in an earlier run.
    let emulator = begin(dir.path(), json!({"upstream": "http://other.test:82/v1"}));
    assert_eq!(get(&emulator, "", "/api/bypass/config")["target_host"], "other.test");
    ok(ask(&emulator, "", "DELETE", "/api/preset-queue", &Value::Null));
    end(&emulator);
    let emulator = begin(dir.path(), json!({}));
    assert_eq!(get(&emulator, "", path)["count"], 0);
    end(&emulator);
    // Neither the upstream's key nor those of sessions.
    let mut all = Vec::new();
    let mut folders = vec![dir.path().to_path_buf()];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).expect("it is read").flatten() {
            match entry.path().is_dir() {
                true => folders.push(entry.path()),
                false => all.extend(std::fs::read(entry.path()).expect("it is read")),
            }
        }
    }
    assert!(!all.windows(13).any(|window| window == b"sk-secret-key"));
}

#[test]
fn functions_end_with_their_process() {
    let load = crate::script::Load::kept(
        r#"{"responses": [{"callback": 1}, "text"], "defaults": {"fallback": {"callback": 2}}}"#,
    );
    let load = load.expect("a script");
    assert_eq!((load.rules[0].times, load.rules[1].times), (Some(0), Some(1)));
    assert!(load.defaults.expect("defaults").fallback.is_none());
}

/// What waits for a session is kept under its name, and ends with the session for good.
#[test]
fn a_sessions_queue_is_kept_until_its_reset_or_its_deletion() {
    let dir = tempfile::tempdir().expect("a folder");
    let emulator = begin(dir.path(), json!({"fallback": "echo"}));
    let add = |emulator: &Emulator, name: &str| {
        let path = format!("/api/preset-queue/session:{name}");
        ok(ask(emulator, "", "POST", &path, &json!({"reply": "kept"})));
    };
    let made = |emulator: &Emulator, name: &str| {
        let made = ok(ask(emulator, "", "POST", "/_emulator/sessions", &json!({"name": name})));
        made["api_key"].as_str().expect("a key").to_string()
    };
    let key = made(&emulator, "named");
    ["named", "plain", "later", "named"].iter().for_each(|name| add(&emulator, name));
    end(&emulator);
    let emulator = begin(dir.path(), json!({"fallback": "echo"}));
    add(&emulator, "named");
    assert_eq!(made(&emulator, "named"), key);
    assert_eq!([chat(&emulator, &key), chat(&emulator, &key)], ["kept", "kept"]);
    assert_eq!(chat(&emulator, "plain"), "kept");
    add(&emulator, "plain");
    ok(ask(&emulator, "plain", "POST", "/_emulator/reset", &Value::Null));
    let later = made(&emulator, "later");
    assert_eq!(chat(&emulator, &later), "kept");
    end(&emulator);
    // Also of a session that is not in memory.
    let emulator = begin(dir.path(), json!({"fallback": "echo"}));
    ok(ask(&emulator, "", "DELETE", "/_emulator/sessions/named", &Value::Null));
    end(&emulator);
    let emulator = begin(dir.path(), json!({"fallback": "echo"}));
    let queues = get(&emulator, "", "/api/preset-queue")["queues"].take();
    let names: Vec<&str> = queues.as_object().expect("queues").keys().map(String::as_str).collect();
    assert_eq!(names, ["session:later"], "{queues}");
    end(&emulator);
}
