//! Forms over a socket: what their fields become, how each kind of break is refused, and that a request which is
//! refused anyway is answered before its body is read.

use super::tests::{Got, connect, exchange, request, send, start};
use crate::control;
use crate::emulator::Emulator;
use crate::surface::operations::{Form, all};
use serde_json::{Value, json};
use std::io::{Read, Write};
use std::sync::Arc;

const KEY: &str = "a";

/// A form's body: name, what stands behind it in the header, content.
fn body(parts: &[(&str, &str, &[u8])]) -> Vec<u8> {
    let mut out = Vec::new();
    for (name, more, content) in parts {
        out.extend(format!("--x\r\ncontent-disposition: form-data; name=\"{name}\"{more}\r\n\r\n").bytes());
        out.extend_from_slice(content);
        out.extend(b"\r\n");
    }
    out.extend(b"--x--\r\n");
    out
}

fn post(emulator: &Emulator, path: &str, media: &str, body: &[u8]) -> Got {
    let head = String::from_utf8(request("POST", path, KEY, "", &[])).expect("text");
    let head = head.replace("application/json", media).replace("length: 0", &format!("length: {}", body.len()));
    exchange(emulator, &[head.as_bytes(), body].concat()).expect("an answer")
}

fn form(emulator: &Emulator, path: &str, parts: &[(&str, &str, &[u8])]) -> Got {
    post(emulator, path, "multipart/form-data; boundary=x", &body(parts))
}

fn kept(emulator: &Arc<Emulator>) -> Value {
    let (_, journal) = control::in_process(emulator, Some(KEY), "GET", "/_emulator/requests?last=1", "");
    journal["data"][0]["body"].clone()
}

const FILE: &str = "; filename=\"a.jsonl\"\r\ncontent-type: application/jsonl";

#[test]
fn fields_are_checked_like_json_and_kept_without_the_bytes_of_files() {
    let emulator = start(json!({}));
    let fields: &[(&str, &str, &[u8])] = &[
        ("purpose", "", b"batch"),
        ("expires_after[anchor]", "", b"created_at"),
        ("expires_after[seconds]", "", b"3600"),
        ("file", FILE, b"abc"),
    ];
    let script = json!({"responses": [
        {"match": {"operation": "files.create", "json": {"purpose": "batch", "file": {"bytes": 3}}}, "raw": {"body": {"id": "file-1"}}},
    ]});
    assert_eq!(send(&emulator, KEY, "/_emulator/script", &script).status, 200);
    assert_eq!(form(&emulator, "/v1/files", fields).json(), json!({"id": "file-1"}));
    let sha256 = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
    let file = json!({"filename": "a.jsonl", "content_type": "application/jsonl", "bytes": 3, "sha256": sha256});
    let expires = json!({"anchor": "created_at", "seconds": 3600});
    assert_eq!(kept(&emulator), json!({"purpose": "batch", "expires_after": expires, "file": file}));
}

#[test]
fn every_kind_of_break_is_refused_in_openais_envelope() {
    let emulator = start(json!({"maxBodyBytes": 3 << 20}));
    let purpose: (&str, &str, &[u8]) = ("purpose", "", b"batch");
    let file: (&str, &str, &[u8]) = ("file", FILE, b"abc");
    let long = vec![b'x'; (1 << 20) + 1];
    let whole = body(&[purpose, file]);
    let many: Vec<(&str, &str, &[u8])> = (0..1001).map(|_| ("a[]", "", &b"1"[..])).collect();
    let media = "multipart/form-data; boundary=x";
    for (case, media, body, said, param) in [
        ("no boundary", "multipart/form-data", whole.clone(), "names no boundary", None),
        ("another boundary", "multipart/form-data; boundary=y", whole.clone(), "ends before its last boundary", None),
        ("cut in a file", media, whole[..whole.len() - 9].to_vec(), "in the field 'file'", None),
        ("cut between", media, whole[..whole.len() - 4].to_vec(), "ends before its last boundary", None),
        ("empty", media, Vec::new(), "ends before its last boundary", None),
        ("no name", media, body(&[("", "", b"x")]), "a part has no name", None),
        ("a missing file", media, body(&[purpose]), "Missing required parameter: 'file'", Some("file")),
        ("a file that is a text", media, body(&[purpose, ("file", "", b"abc")]), "expected a file", Some("file")),
        (
            "a text that is a file",
            media,
            body(&[("purpose", FILE, b"batch"), file]),
            "Invalid type for 'purpose'",
            Some("purpose"),
        ),
        ("a wrong value", media, body(&[("purpose", "", b"fun"), file]), "Invalid value: 'fun'", Some("purpose")),
        (
            "an unknown field",
            media,
            body(&[purpose, file, ("porpoise", "", b"1")]),
            "Unknown parameter",
            Some("porpoise"),
        ),
        ("given twice", media, body(&[purpose, file, purpose]), "more than once", Some("purpose")),
        ("a long text", media, body(&[("purpose", "", &long), file]), "longer than", Some("purpose")),
        ("no text", media, body(&[("purpose", "", b"\xff"), file]), "not UTF-8", Some("purpose")),
        ("too many parts", media, body(&many), "more than 1000 parts", None),
        (
            "a long head",
            media,
            body(&[("purpose", &format!("\r\nx: {}", "y".repeat(200_000)), b"1"), file]),
            "no part begins",
            None,
        ),
        ("a long beginning", media, [vec![b'x'; 200_000], whole.clone()].concat(), "no part begins", None),
    ] {
        let got = post(&emulator, "/v1/files", media, &body);
        let error = got.json()["error"].clone();
        assert_eq!((got.status, error["type"].as_str()), (400, Some("invalid_request_error")), "{case}: {error}");
        assert!(error["message"].as_str().is_some_and(|message| message.contains(said)), "{case}: {error}");
        assert_eq!(error["param"].as_str(), param, "{case}: {error}");
    }
    let large = vec![b'x'; 4 << 20];
    assert_eq!(form(&emulator, "/v1/files", &[purpose, ("file", FILE, &large)]).status, 413);
    let whole = form(&emulator, "/v1/files", &[purpose, file]);
    assert!(whole.status < 300, "{}", whole.text());
}

#[test]
fn a_large_file_is_no_different_from_a_small_one() {
    let emulator = start(json!({}));
    let large: Vec<u8> = (0..5_000_000u32).map(|at| (at % 251) as u8).collect();
    let got = form(&emulator, "/v1/files", &[("file", FILE, &large), ("purpose", "", b"batch")]);
    assert!(got.status < 300, "{}", got.text());
    assert_eq!(kept(&emulator)["file"]["bytes"], large.len());
}

#[test]
fn every_operation_with_a_form_reads_one() {
    let emulator = start(json!({"validation": "off"}));
    let forms = all().iter().filter(|operation| matches!(operation.form, Some(Form::Form | Form::JsonOrForm)));
    for operation in forms {
        let script = json!({"reset": true, "models": "any", "responses": [{
            "match": {"operation": operation.name, "json": {"model": "m", "file": {"filename": "a.jsonl"}}},
            "raw": {"status": 207},
        }]});
        assert_eq!(send(&emulator, KEY, "/_emulator/script", &script).status, 200);
        let path = operation.path.replace(['{', '}'], "");
        let got = form(&emulator, &format!("/v1{path}"), &[("model", "", b"m"), ("file", FILE, b"abc")]);
        assert_eq!(got.status, 207, "{}", operation.name);
    }
}

#[test]
fn what_is_refused_anyway_is_answered_before_its_body_comes() {
    let emulator = start(json!({"maxBodyBytes": 5000}));
    for (method, path, key, headers, length, status) in [
        ("POST", "/v1/no/such", KEY, "content-type: application/json", 100, 404),
        ("POST", "/v1/no/such", KEY, "content-type: application/json", 4_000, 404),
        ("PATCH", "/v1/chat/completions", KEY, "content-type: application/json", 100, 405),
        ("POST", "/v1/chat/completions", "sk-invalid", "content-type: application/json", 100, 401),
        ("POST", "/v1/chat/completions", KEY, "content-type: application/json\r\ncontent-encoding: zstd", 100, 415),
        ("POST", "/v1/chat/completions", KEY, "content-type: text/plain", 100, 400),
        ("POST", "/v1/files", KEY, "content-type: application/json", 100, 400),
        ("POST", "/v1/files", KEY, "content-type: multipart/form-data", 100, 400),
        ("POST", "/v1/files", KEY, "content-type: multipart/form-data; boundary=x", 5_001, 413),
        ("POST", "/v1/chat/completions", KEY, "content-type: application/json", 5_001, 413),
    ] {
        let mut stream = connect(&emulator);
        let head = format!(
            "{method} {path} HTTP/1.1\r\nhost: localhost\r\nauthorization: Bearer {key}\r\n{headers}\r\n\
             content-length: {length}\r\n\r\n"
        );
        stream.write_all(head.as_bytes()).expect("sends");
        let mut start = [0; 12];
        stream.read_exact(&mut start).expect("an answer");
        assert_eq!(String::from_utf8_lossy(&start), format!("HTTP/1.1 {status}"), "{path} {headers}");
    }
}

#[test]
fn a_connection_goes_on_after_a_body_that_was_refused_unread() {
    let emulator = start(json!({}));
    let mut stream = connect(&emulator);
    let ask = |path: &str, length: usize| {
        format!("POST {path} HTTP/1.1\r\nhost: a\r\nauthorization: Bearer a\r\ncontent-length: {length}\r\n\r\n")
    };
    stream.write_all(ask("/v1/no/such", 100).as_bytes()).expect("sends");
    let mut start = [0; 12];
    stream.read_exact(&mut start).expect("an answer");
    assert_eq!(&start, b"HTTP/1.1 404");
    stream.write_all(&[b'x'; 100]).expect("sends");
    stream.write_all(ask("/healthz", 0).as_bytes()).expect("sends");
    let mut rest = Vec::new();
    let mut space = [0; 4096];
    while !String::from_utf8_lossy(&rest).contains("HTTP/1.1 200") {
        let read = stream.read(&mut space).expect("more");
        assert!(read > 0, "the connection was closed: {}", String::from_utf8_lossy(&rest));
        rest.extend_from_slice(&space[..read]);
    }
}

#[test]
fn every_operation_with_a_form_refuses_a_broken_one_and_keeps_nothing() {
    let emulator = start(json!({"unknownIds": "synthesize"}));
    let forms = all().iter().filter(|operation| matches!(operation.form, Some(Form::Form | Form::JsonOrForm)));
    let media = "multipart/form-data; boundary=x";
    let file: &[(&str, &str, &[u8])] = &[("file", FILE, b"abc")];
    let whole = body(file);
    let session = emulator.session(KEY);
    let held = || crate::runtime::handle().block_on(async { session.store.size().await });
    let (before, mut seen) = (held(), 0);
    for operation in forms {
        let fill = |segment: &str| if segment.starts_with('{') { "some_id".into() } else { segment.to_string() };
        let path = format!("/v1{}", operation.path.split('/').map(fill).collect::<Vec<_>>().join("/"));
        for (case, media, body) in [
            ("no boundary", "multipart/form-data", whole.clone()),
            ("another boundary", "multipart/form-data; boundary=y", whole.clone()),
            ("cut in a file", media, whole[..whole.len() - 9].to_vec()),
            ("cut between", media, whole[..whole.len() - 4].to_vec()),
            ("empty", media, Vec::new()),
            ("no name", media, body(&[("", "", b"x")])),
            ("a head without end", media, b"--x\r\ncontent-disposition: form-data; name=\"file\"".to_vec()),
            ("no form at all", media, b"{\"file\": 1}".to_vec()),
        ] {
            let got = post(&emulator, &path, media, &body);
            let error = got.json()["error"].clone();
            let told = (got.status, error["type"].as_str());
            assert_eq!(told, (400, Some("invalid_request_error")), "{} {case}: {error}", operation.name);
            seen += 1;
        }
    }
    assert!(seen >= 8 * 18, "{seen}");
    assert_eq!(held(), before, "something was kept");
}

#[test]
fn what_is_no_form_is_a_form_without_its_fields() {
    let offer = b"v=0\r\no=- 1 2 IN IP4 127.0.0.1\r\ns=-\r\nt=0 0\r\nm=audio 9 UDP/TLS/RTP/SAVPF 111\r\na=mid:0\r\na=rtpmap:111 opus/48000/2\r\n";
    for profile in ["strict", "relaxed", "llemulator"] {
        let emulator = start(json!({"profile": profile, "clock": "instant"}));
        let said =
            |got: &Got| (got.status, got.json()["error"]["message"].clone(), got.json()["error"]["param"].clone());
        let broken = said(&post(&emulator, "/v1/embeddings", "application/json", b"{\"a\":"));
        assert_eq!(broken.0, 400, "{broken:?}");
        for operation in all().iter().filter(|operation| operation.form == Some(Form::Form)) {
            let path = format!("/v1{}", operation.path.replace(['{', '}'], ""));
            // Strict refuses the media type, before the body is read.
            if profile != "strict" {
                let got = said(&post(&emulator, &path, "application/json; charset=utf-8", b"{\"a\":"));
                assert_eq!(got, broken, "{profile} {path}");
            }
            match operation.takes_bytes {
                true => {
                    let media = if profile == "strict" { "application/sdp" } else { "text/plain" };
                    assert_eq!(post(&emulator, &path, media, offer).status, 201, "{profile} {path}");
                }
                false => {
                    let empty = said(&form(&emulator, &path, &[]));
                    assert!(empty.0 >= 400, "{profile} {path}");
                    for media in ["text/plain", "image/png", "application/octet-stream"] {
                        assert_eq!(said(&post(&emulator, &path, media, b"x")), empty, "{profile} {path} {media}");
                    }
                }
            }
        }
    }
}
