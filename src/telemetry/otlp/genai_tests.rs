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

/// The contents that a request of this path has, by their attribute.
fn contents_of(options: Json, path: &str, body: &Json) -> (Report, impl Fn(&str) -> Json + use<>) {
    let emulator = start(options);
    assert_eq!(send(&emulator, KEY, path, body).status, 200, "{path}");
    let report = first(&emulator);
    let told = contents::attributes(&report);
    let read = move |name: &str| {
        let found = told.iter().find(|pair| pair.key.as_str() == format!("gen_ai.{name}.messages"));
        found.map_or(Json::Null, |pair| serde_json::from_str(&pair.value.as_str()).expect("JSON"))
    };
    (report, read)
}

#[test]
fn what_an_upstream_said_is_told_as_it_was() {
    let upstream = start(json!({}));
    let long = "yo \"you\" ".repeat(300);
    let call = json!({"tool_calls": [{"name": "f", "arguments": {"x": 1}}]});
    send(&upstream, KEY, "/_emulator/script", &json!({"responses": [long, long, long, call]}));
    let address = format!("http://{}/v1", upstream.address);
    let options = || json!({"fallback": "upstream", "upstream": address});
    let spoke = json!([{"role": "assistant", "parts": [{"type": "text", "content": long}], "finish_reason": "stop"}]);
    let responses = json!({"model": "gpt-4o", "input": "x", "stream": true});
    for (path, body) in
        [("/v1/chat/completions", chat(false)), ("/v1/chat/completions", chat(true)), ("/v1/responses", responses)]
    {
        let (report, told) = contents_of(options(), path, &body);
        assert_eq!(report.record.by, Some("upstream"));
        assert_eq!(told("output"), spoke, "{path}");
        assert_eq!(report.exchange.first_token().is_some(), body["stream"] == true, "{path}");
    }
    let mut offers = chat(true);
    offers["tools"] = json!([{"type": "function", "function": {"name": "f"}}]);
    let (_, told) = contents_of(options(), "/v1/chat/completions", &offers);
    let made = told("output");
    assert_eq!((&made[0]["parts"][0]["name"], &made[0]["finish_reason"]), (&json!("f"), &json!("tool_call")), "{made}");
    assert_eq!(made[0]["parts"][0]["arguments"], json!({"x": 1}));
}

#[test]
fn every_prompt_and_every_choice_is_told() {
    let relaxed = || json!({"profile": "relaxed"});
    let user = |text: &str| json!({"role": "user", "parts": [{"type": "text", "content": text}]});
    let list = json!({"model": "gpt-3.5-turbo-instruct", "prompt": ["a", "b"]});
    let (_, told) = contents_of(relaxed(), "/v1/completions", &list);
    assert_eq!(told("input"), json!([user("a"), user("b")]));
    assert_eq!(told("output").as_array().map(Vec::len), Some(2));
    let embedding = json!({"model": "text-embedding-3-small", "input": ["a", "b"]});
    let (_, told) = contents_of(relaxed(), "/v1/embeddings", &embedding);
    assert_eq!((told("input"), told("output")), (json!([user("a"), user("b")]), Json::Null));
    let mut two = chat(false);
    two["n"] = json!(2);
    let (report, told) = contents_of(relaxed(), "/v1/chat/completions", &two);
    let echo = json!({"role": "assistant", "parts": [{"type": "text", "content": "Echo: x"}], "finish_reason": "stop"});
    assert_eq!(told("output"), json!([echo, echo]));
    assert_eq!(named(&report, "gen_ai.response.finish_reasons").as_deref(), Some("[\"stop\",\"stop\"]"));
}
