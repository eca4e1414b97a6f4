//! Files over a socket: what was uploaded comes back byte for byte, and is refused and forgotten as production does.

use super::tests::{Got, exchange, request, start};
use crate::control;
use crate::emulator::Emulator;
use crate::session::store::is_serialised;
use crate::surface;
use serde_json::{Value, json};

pub(super) const KEY: &str = "a";

pub(super) fn ask(emulator: &Emulator, method: &str, path: &str, headers: &str) -> Got {
    exchange(emulator, &request(method, path, KEY, headers, b"")).expect("an answer")
}

pub(super) fn upload(emulator: &Emulator, name: &str, purpose: &str, content: &[u8], more: &[(&str, &str)]) -> Got {
    upload_as(emulator, KEY, name, purpose, content, more)
}

pub(super) fn upload_as(
    emulator: &Emulator,
    key: &str,
    name: &str,
    purpose: &str,
    content: &[u8],
    more: &[(&str, &str)],
) -> Got {
    let mut body = Vec::new();
    for (field, value) in [("purpose", purpose)].iter().chain(more) {
        body.extend(format!("--x\r\ncontent-disposition: form-data; name=\"{field}\"\r\n\r\n{value}\r\n").bytes());
    }
    body.extend(format!("--x\r\ncontent-disposition: form-data; name=\"file\"; filename=\"{name}\"\r\n\r\n").bytes());
    body.extend_from_slice(content);
    body.extend(b"\r\n--x--\r\n");
    let head = String::from_utf8(request("POST", "/v1/files", key, "", &[])).expect("text");
    let head = head.replace("application/json", "multipart/form-data; boundary=x");
    let head = head.replace("length: 0", &format!("length: {}", body.len()));
    exchange(emulator, &[head.as_bytes(), &body].concat()).expect("an answer")
}

pub(super) fn kept(emulator: &Emulator, name: &str, purpose: &str, content: &[u8], more: &[(&str, &str)]) -> Value {
    let got = upload(emulator, name, purpose, content, more);
    assert_eq!(got.status, 200, "{}", got.text());
    got.json()
}

pub(super) fn id(file: &Value) -> &str {
    file["id"].as_str().expect("an id")
}

/// What a type lacks; recordings show null where the clients' type says that a field may be missing.
pub(super) fn faults(name: &str, value: &Value) -> Vec<String> {
    let given = value.as_object().expect("an object").iter().filter(|(_, value)| !value.is_null());
    surface::faults(name, &given.map(|(key, value)| (key.clone(), value.clone())).collect::<Value>())
}

#[test]
fn a_file_lives_its_life() {
    let emulator = start(json!({"clock": "manual"}));
    let file = kept(&emulator, "folder/data.csv", "assistants", b"item,value\napple,30", &[]);
    let made = json!({"object": "file", "id": id(&file), "purpose": "assistants", "filename": "data.csv", "bytes": 19,
        "created_at": 1_767_225_600, "expires_at": null, "status": "processed", "status_details": null});
    assert_eq!(file.to_string(), made.to_string(), "fields and their order are as recorded");
    assert_eq!(faults("files.FileObject", &file), [""; 0]);
    assert!(id(&file).starts_with("file-") && id(&file).len() == 27, "{file}");
    let path = format!("/v1/files/{}", id(&file));
    assert_eq!(ask(&emulator, "GET", &path, "").json(), file);
    assert_eq!(ask(&emulator, "GET", "/v1/files", "").json()["data"], json!([file]));
    let deleted = ask(&emulator, "DELETE", &path, "").json();
    assert_eq!(deleted, json!({"object": "file", "deleted": true, "id": id(&file)}));
    assert_eq!(faults("files.FileDeleted", &deleted), [""; 0]);
    for (method, path) in [("GET", path.clone()), ("DELETE", path.clone()), ("GET", format!("{path}/content"))] {
        let gone = ask(&emulator, method, &path, "");
        let error = gone.json()["error"].clone();
        assert_eq!(
            (gone.status, &error["param"], &error["code"]),
            (404, &json!("id"), &Value::Null),
            "{method} {path}"
        );
        assert_eq!(error["message"], format!("No such File object: {}", id(&file)));
    }
    assert_eq!(ask(&emulator, "GET", "/v1/files", "").json()["data"], json!([]));
}

#[test]
fn lists_show_the_newest_first_and_only_what_was_asked() {
    let emulator = start(json!({"clock": "manual"}));
    let make = |number: usize| {
        let purpose = if number.is_multiple_of(2) { "batch" } else { "evals" };
        kept(&emulator, &format!("{number}.jsonl"), purpose, b"{}", &[])["id"].clone()
    };
    let mut ids: Vec<Value> = (0..25).map(make).collect();
    let listed = |query: &str| {
        let page = ask(&emulator, "GET", &format!("/v1/files{query}"), "").json();
        let ids: Vec<Value> = page["data"].as_array().expect("data").iter().map(|file| file["id"].clone()).collect();
        (ids, page["has_more"] == true)
    };
    assert_eq!(listed("?order=asc"), (ids.clone(), false));
    ids.reverse();
    // More than other lists show: 10,000 unless fewer are asked for.
    assert_eq!(listed(""), (ids.clone(), false));
    assert_eq!(listed("?limit=3"), (ids[..3].to_vec(), true));
    assert_eq!(listed(&format!("?limit=3&after={}", ids[21].as_str().expect("an id"))), (ids[22..].to_vec(), false));
    let batches: Vec<Value> = ids.iter().step_by(2).cloned().collect();
    assert_eq!(listed("?purpose=batch"), (batches.clone(), false));
    assert_eq!(listed("?purpose=batch&limit=4"), (batches[..4].to_vec(), true));
    assert_eq!(listed("?purpose=vision"), (Vec::new(), false));
}

#[test]
fn content_comes_back_byte_for_byte_whole_and_in_ranges() {
    let emulator = start(json!({}));
    // Large enough to be kept on the disk while it comes.
    let bytes: Vec<u8> = (0..3_000_000u32).map(|at| (at.wrapping_mul(2_654_435_761) >> 24) as u8).collect();
    let file = kept(&emulator, "a.bin", "vision", &bytes, &[]);
    let path = format!("/v1/files/{}/content", id(&file));
    let whole = ask(&emulator, "GET", &path, "");
    assert!(whole.status == 200 && whole.body == bytes, "{}", whole.head);
    for said in ["application/octet-stream", "accept-ranges: bytes", "attachment; filename=\"a.bin\""] {
        assert!(whole.head.contains(said), "{said}: {}", whole.head);
    }
    let part = ask(&emulator, "GET", &path, "range: bytes=1000000-1000099\r\n");
    assert_eq!((part.status, &part.body[..]), (206, &bytes[1_000_000..1_000_100]));
    assert!(part.head.contains("content-range: bytes 1000000-1000099/3000000"), "{}", part.head);
    let last = ask(&emulator, "GET", &path, "range: bytes=-5\r\n");
    assert_eq!((last.status, &last.body[..]), (206, &bytes[2_999_995..]));
    let outside = ask(&emulator, "GET", &path, "range: bytes=3000000-\r\n");
    assert_eq!(outside.status, 416);
    assert!(outside.head.contains("content-range: bytes */3000000"), "{}", outside.head);
    let empty = kept(&emulator, "empty.txt", "evals", b"", &[]);
    let got = ask(&emulator, "GET", &format!("/v1/files/{}/content", id(&empty)), "");
    assert_eq!((got.status, got.body.len()), (200, 0));
}

#[test]
fn files_expire_on_the_sessions_clock() {
    let emulator = start(json!({"clock": "manual"}));
    let after = [("expires_after[anchor]", "created_at"), ("expires_after[seconds]", "3600")];
    let short = kept(&emulator, "a.txt", "user_data", b"x", &after);
    let batch = kept(&emulator, "a.jsonl", "batch", b"x", &[]);
    let lasting = kept(&emulator, "b.txt", "user_data", b"x", &[]);
    let made = 1_767_225_600;
    assert_eq!((&short["expires_at"], &batch["expires_at"]), (&json!(made + 3600), &json!(made + 30 * 86_400)));
    let there = |file: &Value| ask(&emulator, "GET", &format!("/v1/files/{}", id(file)), "").status == 200;
    let listed = || ask(&emulator, "GET", "/v1/files", "").json()["data"].as_array().map(Vec::len);
    let advance = |seconds: u64| {
        let body = json!({"advance_ms": seconds * 1000}).to_string();
        let (status, answer) = control::in_process(&emulator, Some(KEY), "PUT", "/_emulator/clock", &body);
        assert_eq!(status, 200, "{answer}");
    };
    advance(3599);
    assert!(there(&short) && listed() == Some(3));
    advance(1);
    assert!(listed() == Some(2) && !there(&short) && there(&batch));
    advance(30 * 86_400);
    assert!(listed() == Some(1) && !there(&batch) && there(&lasting));
}

#[test]
fn what_is_not_allowed_is_refused_in_openais_words_and_keeps_nothing() {
    let emulator = start(json!({}));
    let soon = [("expires_after[anchor]", "created_at"), ("expires_after[seconds]", "60")];
    let anchor = [("expires_after[anchor]", "updated_at"), ("expires_after[seconds]", "3600")];
    for (name, purpose, more, said) in [
        ("notes.txt", "batch", &[][..], "Invalid file format for Batch API. Must be .jsonl"),
        ("jsonl", "batch", &[], "Invalid file format for Batch API. Must be .jsonl"),
        ("train.json", "fine-tune", &[], "Invalid file format for Fine-Tuning API. Must be .jsonl"),
        ("a.xsd", "assistants", &[], "Invalid extension xsd. Supported formats: \"c\", \"cpp\", "),
        ("a.txt", "fun", &[], "Invalid value: 'fun'"),
        ("a.txt", "evals", &soon, "expires_after"),
        ("a.txt", "evals", &anchor, "updated_at"),
    ] {
        let got = upload(&emulator, name, purpose, b"x", more);
        let error = got.json()["error"].clone();
        assert_eq!((got.status, &error["type"]), (400, &json!("invalid_request_error")), "{name} {purpose}: {error}");
        assert!(error["message"].as_str().is_some_and(|message| message.contains(said)), "{said}: {error}");
    }
    assert_eq!(ask(&emulator, "GET", "/v1/files", "").json()["data"], json!([]));
    for purpose in ["assistants", "user_data"] {
        let file = kept(&emulator, "a.txt", purpose, b"x", &[]);
        let got = ask(&emulator, "GET", &format!("/v1/files/{}/content", id(&file)), "");
        assert_eq!(got.status, 400);
        let message = format!("Not allowed to download files of purpose: {purpose}");
        assert_eq!(got.json()["error"]["message"], message);
    }
}

#[test]
fn a_file_that_finds_no_room_is_refused_and_sessions_do_not_meet() {
    let emulator = start(json!({"maxSessionBytes": 900_000, "maxDiskBytes": 3 << 20}));
    // Small files are kept in memory, large ones on the disk.
    let large = (!is_serialised()).then_some((4 << 20, "disk_exhausted"));
    for (size, code) in [(400_000, "memory_exhausted")].into_iter().chain(large) {
        let got = upload(&emulator, "a.txt", "evals", &vec![b'x'; size], &[]);
        let error = got.json()["error"].clone();
        assert_eq!((got.status, &error["code"], &error["param"]), (413, &json!(code), &json!("file")));
    }
    if large.is_some() {
        kept(&emulator, "b.txt", "evals", &vec![b'x'; 2 << 20], &[]);
    }
    let file = kept(&emulator, "a.txt", "evals", b"x", &[]);
    let path = format!("/v1/files/{}", id(&file));
    let other = exchange(&emulator, &request("GET", &path, "b", "", b"")).expect("an answer");
    assert_eq!(other.status, 404);
    assert_eq!(ask(&emulator, "GET", &path, "").status, 200);
}
