//! Uploads over a socket: parts in any order become one file, and what was not promised is refused and changes nothing.

use super::tests::{Got, exchange, request, start};
use crate::control;
use crate::emulator::Emulator;
use crate::surface;
use serde_json::{Value, json};

const KEY: &str = "a";

fn post(emulator: &Emulator, path: &str, body: &Value) -> Got {
    exchange(emulator, &request("POST", path, KEY, "", body.to_string().as_bytes())).expect("an answer")
}

fn get(emulator: &Emulator, path: &str) -> Got {
    exchange(emulator, &request("GET", path, KEY, "", b"")).expect("an answer")
}

fn add(emulator: &Emulator, upload: &str, content: &[u8]) -> Got {
    let mut body = b"--x\r\ncontent-disposition: form-data; name=\"data\"; filename=\"blob\"\r\n\r\n".to_vec();
    body.extend_from_slice(content);
    body.extend(b"\r\n--x--\r\n");
    let head = request("POST", &format!("/v1/uploads/{upload}/parts"), KEY, "", &[]);
    let head = String::from_utf8(head).expect("text").replace("application/json", "multipart/form-data; boundary=x");
    let head = head.replace("length: 0", &format!("length: {}", body.len()));
    exchange(emulator, &[head.as_bytes(), &body].concat()).expect("an answer")
}

fn made(got: &Got, answer: &str) -> (String, Value) {
    let value = got.json();
    assert_eq!(got.status, 200, "{value}");
    let faults: Vec<String> = surface::faults(answer, &without_null(&value));
    assert!(faults.is_empty(), "{faults:?} in {value}");
    (value["id"].as_str().expect("an id").to_string(), value)
}

/// Recordings of files show null where the clients' type says that a field may be missing.
fn without_null(value: &Value) -> Value {
    match value {
        Value::Object(map) => map
            .iter()
            .filter(|(_, value)| !value.is_null())
            .map(|(key, one)| (key.clone(), without_null(one)))
            .collect(),
        other => other.clone(),
    }
}

fn begin(emulator: &Emulator, bytes: usize) -> String {
    let body = json!({"bytes": bytes, "filename": "a.jsonl", "mime_type": "text/jsonl", "purpose": "batch",
        "expires_after": {"anchor": "created_at", "seconds": 7200}});
    made(&post(emulator, "/v1/uploads", &body), "uploads.Upload").0
}

fn part(emulator: &Emulator, upload: &str, content: &[u8]) -> String {
    made(&add(emulator, upload, content), "uploads.parts.UploadPart").0
}

#[test]
fn parts_in_any_order_become_one_file() {
    let emulator = start(json!({"clock": "manual"}));
    let upload = begin(&emulator, 11);
    let world = part(&emulator, &upload, b"world");
    let hello = part(&emulator, &upload, b"hello ");
    let body = json!({"part_ids": [hello, world], "md5": "5EB63BBBE01EEED093CB22BB8F5ACDC3"});
    let done = post(&emulator, &format!("/v1/uploads/{upload}/complete"), &body);
    let (_, shown) = made(&done, "uploads.Upload");
    assert_eq!((&shown["status"], &shown["bytes"]), (&json!("completed"), &json!(11)));
    let file = &shown["file"];
    assert_eq!(file["expires_at"], 1_767_225_600 + 7200);
    let path = format!("/v1/files/{}", file["id"].as_str().expect("an id"));
    assert_eq!(get(&emulator, &path).json(), *file);
    assert_eq!(get(&emulator, &format!("{path}/content")).text(), "hello world");
    assert_eq!(get(&emulator, "/v1/files").json()["data"], json!([file]));
}

#[test]
fn what_was_not_promised_is_refused_and_changes_nothing() {
    let emulator = start(json!({"clock": "manual"}));
    let upload = begin(&emulator, 6);
    let other = begin(&emulator, 3);
    let (one, two) = (part(&emulator, &upload, b"abc"), part(&emulator, &upload, b"def"));
    let foreign = part(&emulator, &other, b"abc");
    let complete = format!("/v1/uploads/{upload}/complete");
    for (body, param) in [
        (json!({"part_ids": [one]}), "part_ids"),
        (json!({"part_ids": []}), "part_ids"),
        (json!({"part_ids": [one, foreign]}), "part_ids[1]"),
        (json!({"part_ids": [one, two, one]}), "part_ids[2]"),
        (json!({"part_ids": ["part_x"]}), "part_ids[0]"),
        (json!({"part_ids": [one, two], "md5": "0123"}), "md5"),
        // The parts the other way round are another file.
        (json!({"part_ids": [two, one], "md5": "e80b5017098950fc58aad83c8c14978e"}), "md5"),
        (json!({}), "part_ids"),
        (json!({"part_ids": "x"}), "part_ids"),
    ] {
        let got = post(&emulator, &complete, &body);
        let error = got.json()["error"].clone();
        assert_eq!((got.status, &error["param"]), (400, &json!(param)), "{body}: {error}");
    }
    let much = add(&emulator, &upload, b"g");
    assert_eq!((much.status, &much.json()["error"]["param"]), (400, &json!("data")));
    assert_eq!(get(&emulator, "/v1/files").json()["data"], json!([]));
    let right = json!({"part_ids": [one, two], "md5": "e80b5017098950fc58aad83c8c14978e"});
    made(&post(&emulator, &complete, &right), "uploads.Upload");
    for (path, body) in [
        ("/v1/uploads", json!({"bytes": 1, "filename": "a.txt", "mime_type": "text/plain", "purpose": "batch"})),
        ("/v1/uploads", json!({"bytes": 1, "filename": "a.txt", "mime_type": "text/plain", "purpose": "fun"})),
        ("/v1/uploads", json!({"bytes": "1", "filename": "a.txt", "mime_type": "text/plain", "purpose": "vision"})),
    ] {
        assert_eq!(post(&emulator, path, &body).status, 400, "{body}");
    }
    let large = json!({"bytes": 1u64 << 62, "filename": "a", "mime_type": "text/plain", "purpose": "vision"});
    assert_eq!(post(&emulator, "/v1/uploads", &large).json()["error"]["code"], "disk_exhausted");
}

#[test]
fn an_upload_that_ended_takes_nothing_more() {
    let emulator = start(json!({"clock": "manual"}));
    let [cancelled, completed, late] = [(); 3].map(|()| begin(&emulator, 3));
    let path = |upload: &str, verb: &str| format!("/v1/uploads/{upload}/{verb}");
    let parts = [&cancelled, &completed, &late].map(|upload| part(&emulator, upload, b"abc"));
    let body = |at: usize| json!({"part_ids": [parts[at]]});
    let (_, shown) = made(&post(&emulator, &path(&cancelled, "cancel"), &json!({})), "uploads.Upload");
    assert_eq!(shown["status"], "cancelled");
    made(&post(&emulator, &path(&completed, "complete"), &body(1)), "uploads.Upload");
    let hour = json!({"advance_ms": 3_600_000}).to_string();
    assert_eq!(control::in_process(&emulator, Some(KEY), "PUT", "/_emulator/clock", &hour).0, 200);
    for (at, (upload, status)) in
        [(&cancelled, "cancelled"), (&completed, "completed"), (&late, "expired")].into_iter().enumerate()
    {
        for got in [
            add(&emulator, upload, b""),
            post(&emulator, &path(upload, "complete"), &body(at)),
            post(&emulator, &path(upload, "cancel"), &json!({})),
        ] {
            let message = got.json()["error"]["message"].as_str().unwrap_or_default().to_string();
            assert!(got.status == 400 && message.contains(&format!("status '{status}'")), "{status}: {message}");
        }
    }
    assert_eq!(get(&emulator, "/v1/files").json()["data"].as_array().map(Vec::len), Some(1));
    let unknown = add(&emulator, "upload_x", b"");
    assert_eq!((unknown.status, &unknown.json()["error"]["message"]), (404, &json!("No such Upload object: upload_x")));
}
