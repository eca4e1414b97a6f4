use super::*;
use crate::emulator::Emulator;
use crate::server::tests::{connect, request, send, start, until};
use serde_json::{Value as Json, json};
use std::io::{Read, Write};

const KEY: &str = "sk-genai";

/// What is reported of the first exchange.
fn first(emulator: &Emulator) -> Report {
    let session = emulator.session(KEY);
    let exchange = session.journal.since(0, 1)[0].clone();
    until("it is over", || exchange.is_done());
    Report::of(&session, &exchange, exchange.arrived)
}

/// What a span says of one request.
fn told(script: &Json, body: &Json) -> Report {
    let emulator = start(json!({"profile": "relaxed"}));
    assert_eq!(send(&emulator, KEY, "/_emulator/script", script).status, 200);
    send(&emulator, KEY, "/v1/chat/completions", body);
    first(&emulator)
}

fn chat(stream: bool) -> Json {
    json!({"model": "gpt-4o", "stream": stream, "messages": [{"role": "user", "content": "x"}]})
}

fn named(report: &Report, name: &str) -> Option<String> {
    let found = report.attributes().into_iter().find(|pair| pair.key.as_str() == name);
    found.map(|pair| pair.value.to_string())
}

#[test]
fn an_answer_that_the_script_broke_is_an_error() {
    for kind in ["error", "disconnect"] {
        let report = told(&json!({"responses": [{"text": "a b c d", "fault": {"kind": kind, "at": 1}}]}), &chat(true));
        assert_eq!(named(&report, "error.type").as_deref(), Some("faulted"), "{kind}");
        assert_eq!(named(&report, "llemulator.outcome").as_deref(), Some("faulted"), "{kind}");
        assert_eq!(named(&report, "http.response.status_code").as_deref(), Some("200"), "{kind}");
        for name in ["gen_ai.response.finish_reasons", "gen_ai.usage.output_tokens"] {
            assert_eq!(named(&report, name), None, "{kind}: {name}");
        }
        assert_eq!(report.status(), Status::error("the script broke the answer after 1 pieces"), "{kind}");
    }
    let whole = told(&json!({"responses": ["a b c d"]}), &chat(true));
    assert_eq!((named(&whole, "error.type"), whole.status()), (None, Status::Unset));
    assert_eq!(named(&whole, "gen_ai.response.finish_reasons").as_deref(), Some("[\"stop\"]"));
}

#[test]
fn a_client_that_left_in_mid_stream_has_no_whole_answer() {
    let emulator = start(json!({}));
    let script = json!({"responses": [{"text": "a b c d", "pace": {"hold": {"until": "go", "after_chunks": 1}}}]});
    assert_eq!(send(&emulator, KEY, "/_emulator/script", &script).status, 200);
    let mut client = connect(&emulator);
    let body = chat(true).to_string();
    client.write_all(&request("POST", "/v1/chat/completions", KEY, "", body.as_bytes())).expect("it sends");
    assert!(client.read(&mut [0; 64]).expect("its beginning") > 0);
    drop(client);
    let report = first(&emulator);
    assert!(report.record.aborted && report.record.status == Some(200), "{:?}", report.record);
    assert_eq!(named(&report, "error.type").as_deref(), Some("aborted"));
    assert_eq!(named(&report, "gen_ai.response.finish_reasons"), None);
    assert_eq!(report.status(), Status::error("the client left"));
}
