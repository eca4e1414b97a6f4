//! Files as their tools write them; that these are theirs is shown with the tools themselves
//! (conformance/python/test_cassettes.py, conformance/js/test/cassettes.test.mjs).

use super::*;
use serde_json::json;

const ASKED: &str = r#"{"model":"gpt-4o","messages":[{"role":"user","content":"hi"}]}"#;
const SAID: &str = r#"{"id":"chatcmpl-1","object":"chat.completion","model":"gpt-4o","choices":[{"index":0,"message":{"role":"assistant","content":"hello"},"finish_reason":"stop"}]}"#;
const URL: &str = "https://api.openai.com/v1/chat/completions";

fn zipped(text: &str) -> Vec<u8> {
    use std::io::Write;
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    encoder.write_all(text.as_bytes()).expect("zips");
    encoder.finish().expect("zips")
}

fn only(name: &str, text: &str) -> Recording {
    let imported = read(Path::new(name), text).expect("readable").expect("known");
    assert_eq!(imported.faults, Vec::<String>::new(), "{name}");
    imported.recordings.into_iter().next().expect("a recording")
}

#[test]
fn each_tools_files_are_read_alike() {
    let digits: String = zipped(SAID).iter().map(|byte| format!("{byte:02x}")).collect();
    let coded = BASE64_STANDARD.encode(zipped(SAID));
    let headers = json!({"Content-Type": ["application/json"], "Set-Cookie": ["a=b"]});
    let vcrpy = format!(
        "interactions:\n- request:\n    body: '{ASKED}'\n    headers:\n      Accept: [application/json]\n    method: POST\n    uri: {URL}\n  \
         response:\n    body:\n      string: '{SAID}'\n    headers:\n      Content-Type: [application/json]\n    status:\n      code: 200\n      message: OK\nversion: 1\n"
    );
    let binary = format!(
        "interactions:\n- request:\n    body: '{ASKED}'\n    headers: {{}}\n    method: POST\n    uri: {URL}\n  response:\n    body:\n      string: !!binary |\n        {coded}\n    \
         headers:\n      content-encoding: [gzip]\n      content-type: [application/json]\n    status: {{code: 200, message: OK}}\nversion: 1\n"
    );
    let ruby = json!({"http_interactions": [{"request": {"method": "post", "uri": URL, "body": {"encoding": "UTF-8", "string": ASKED}},
        "response": {"status": {"code": 200}, "headers": headers, "body": {"encoding": "UTF-8", "string": SAID}}, "recorded_at": "Tue, 01 Jan 2026 00:00:00 GMT"}]});
    let har = json!({"log": {"version": "1.2", "creator": {"name": "Polly.JS"}, "entries": [
        {"startedDateTime": "2026-01-01T00:00:00.000Z", "request": {"method": "POST", "url": URL, "postData": {"mimeType": "application/json", "text": ASKED}},
         "response": {"status": 200, "headers": [{"name": "content-type", "value": "application/json"}], "content": {"mimeType": "application/json", "text": SAID}}},
        {"request": {"method": "GET", "url": "https://other.test/page"}, "response": {"status": 200, "headers": [], "content": {}}}]}});
    let nock = json!([{"scope": "https://api.openai.com:443", "method": "POST", "path": "/v1/chat/completions", "body": serde_json::from_str::<Value>(ASKED).expect("JSON"),
        "status": 200, "response": [digits], "rawHeaders": ["Content-Type", "application/json", "Content-Encoding", "gzip"], "responseIsBinary": false}]);
    let mockserver = json!([{"httpRequest": {"method": "POST", "path": "/v1/chat/completions", "body": {"type": "JSON", "json": serde_json::from_str::<Value>(ASKED).expect("JSON")}},
        "httpResponse": {"statusCode": 200, "headers": {"content-type": ["application/json"]}, "body": serde_json::from_str::<Value>(SAID).expect("JSON")}, "times": {"remainingTimes": 1}}]);
    for (name, text) in [
        ("vcrpy.yaml", vcrpy),
        ("binary.yml", binary),
        ("ruby.json", ruby.to_string()),
        ("polly.har", har.to_string()),
        ("nock.json", nock.to_string()),
        ("mockserver.json", mockserver.to_string()),
    ] {
        let recording = only(name, &text);
        assert_eq!(
            (recording.operation.as_str(), recording.request.path.as_str()),
            ("chat.completions.create", "/v1/chat/completions"),
            "{name}"
        );
        assert_eq!(recording.request.body, serde_json::from_str::<Value>(ASKED).expect("JSON"), "{name}");
        let response = recording.response.as_ref().expect("a response");
        let body: Value = serde_json::from_slice(&response.body()).unwrap_or_else(|error| panic!("{name}: {error}"));
        assert_eq!(body, serde_json::from_str::<Value>(SAID).expect("JSON"), "{name}");
        assert_eq!(response.headers.get("content-type"), Some(&json!("application/json")), "{name}");
        assert!(
            !response.headers.contains_key("set-cookie") && !response.headers.contains_key("content-encoding"),
            "{name}"
        );
        assert_eq!(recording.reply.expect("a meaning")["text"], "hello", "{name}");
    }
}

#[test]
fn streams_become_events_and_what_is_none_is_named() {
    let stream = "data: {\"choices\":[{\"index\":0,\"delta\":{\"content\":\"a\"}}]}\r\n\r\ndata: [DONE]\r\n\r\n";
    let one = json!({"interactions": [{"request": {"method": "POST", "uri": "https://x.test/openai/deployments/my%20gpt/chat/completions?api-version=1", "body": "{}"},
        "response": {"status": {"code": 200}, "headers": {}, "body": {"string": stream}}}]});
    let recording = only("a.json", &one.to_string());
    assert_eq!(
        (&recording.request.body["model"], recording.request.query.as_str()),
        (&json!("my gpt"), "api-version=1")
    );
    assert_eq!(recording.response.expect("a response").chunks.len(), 2);
    let broken = json!({"interactions": [{"request": {"method": "POST"}}, {"request": {"method": "GET", "uri": "https://x.test/"}, "response": {}}]});
    let imported = read(Path::new("a.json"), &broken.to_string()).expect("JSON").expect("VCR");
    assert_eq!(imported.faults, ["recording 1: its request has no uri"]);
    assert!(read(Path::new("a.json"), "[1]").expect("JSON").is_none());
    assert!(read(Path::new("a.json"), "{").is_err_and(|why| why.starts_with("this is no JSON, at line 1")));
    let strangers = json!({"log": {"entries": [{"request": {"method": "GET", "url": "https://x.test/"}, "response": {"status": 200}}]}});
    let imported = read(Path::new("a.har"), &strangers.to_string()).expect("JSON").expect("HAR");
    assert_eq!(imported.faults, ["none of its 1 requests is one of the OpenAI API"]);
}
