//! Real answers as cassettes: read where they are, and their meaning held against them. Nothing of them is kept here.

use super::format::{RecordedChunk, RecordedRequest, RecordedResponse, Recording};
use super::meaning;
use crate::wire::value::Holds;
use serde_json::{Value, json};

/// The recordings of chat and Responses; empty where they are not at hand.
fn recordings() -> Vec<(String, Recording)> {
    let place = std::env::var("LLEMULATOR_CORPUS").unwrap_or_else(|_| "../shared/corpus".into());
    let Ok(text) = std::fs::read_to_string(format!("{place}/exchanges.jsonl")) else {
        eprintln!("no recordings at {place}: this test looked at none (LLEMULATOR_CORPUS says where they are)");
        return Vec::new();
    };
    let exchanges = text.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok());
    exchanges.filter_map(recording).collect()
}

fn recording(exchange: Value) -> Option<(String, Recording)> {
    let operation = match exchange["endpoint"].as_str()? {
        "POST /v1/chat/completions" => "chat.completions.create",
        "POST /v1/responses" => "responses.create",
        _ => return None,
    };
    let response = &exchange["response"];
    let (kind, chunks): (_, Vec<String>) = match response["sse"].as_array() {
        Some(events) => {
            let frame = |event: &Value| {
                let data = match &event["data"] {
                    Value::String(text) => text.clone(),
                    data => data.to_string(),
                };
                format!("data: {data}\n\n")
            };
            ("text/event-stream", events.iter().map(frame).collect())
        }
        None => ("application/json", vec![response.get("body")?.to_string()]),
    };
    let request = &exchange["request"];
    let recording = Recording {
        operation: operation.into(),
        request: RecordedRequest {
            method: "POST".into(),
            path: request["path"].as_str()?.into(),
            query: String::new(),
            body: request["body"].clone(),
        },
        response: Some(RecordedResponse {
            status: u16::try_from(response["status"].as_u64()?).ok()?,
            headers: json!({"content-type": kind}).as_object().cloned().unwrap_or_default(),
            chunks: chunks.into_iter().map(|text| RecordedChunk { at_ms: 0, bytes: text.into() }).collect(),
            cut: None,
        }),
        reply: None,
        client: None,
        at: None,
    };
    Some((exchange["id"].as_str()?.into(), recording))
}

/// All texts that a reply shows, whatever it is made of.
fn texts(reply: &Value) -> String {
    let own = ["text", "refusal"].into_iter().filter_map(|key| reply[key].as_str().map(String::from));
    let inner = ["output", "choices"].into_iter().flat_map(|key| reply[key].elements().map(texts));
    own.chain(inner).collect()
}

/// Names and arguments of the calls that a reply makes.
fn calls(reply: &Value) -> Vec<(String, String)> {
    let text = |value: &Value| value.as_str().unwrap_or_default().to_string();
    let call = |call: &Value| (text(&call["name"]), text(call.get("arguments").unwrap_or(&call["input"])));
    let own = reply["tool_calls"].elements().map(call);
    let inner = ["output", "choices"].into_iter().flat_map(|key| reply[key].elements().flat_map(calls));
    own.chain(inner).collect()
}

#[test]
fn every_recorded_answer_has_a_meaning_and_it_is_what_was_said() {
    let all = recordings();
    let (mut meant, mut without) = (0, Vec::new());
    for (id, recording) in &all {
        let body = String::from_utf8(recording.response.as_ref().map(RecordedResponse::body).unwrap_or_default())
            .expect("a text");
        let Some(reply) = meaning::reply(recording) else {
            without.push(id.clone());
            continue;
        };
        meant += 1;
        if reply.get("error").is_some() {
            continue;
        }
        let whole: Vec<Value> = match recording.response.as_ref().is_some_and(RecordedResponse::is_stream) {
            true => meaning::events(&body),
            false => vec![serde_json::from_str(&body).expect("JSON")],
        };
        let said = |keys: &[&str]| -> String {
            (0..8).map(|index| whole.iter().map(|event| gather(event, index, keys)).collect::<String>()).collect()
        };
        let expected = match recording.operation.as_str() {
            "chat.completions.create" => said(&["delta", "message"]),
            _ => {
                let ended = ["response.completed", "response.incomplete", "response.failed"];
                let last =
                    whole.iter().rev().find(|event| event["type"].as_str().is_some_and(|kind| ended.contains(&kind)));
                gather_output(last.map_or(&whole[0], |event| &event["response"]))
            }
        };
        assert_eq!(texts(&reply), expected, "{id}");
        for (name, arguments) in calls(&reply) {
            assert!(!name.is_empty(), "{id}");
            assert!(body.contains(&name), "{id}: {arguments}");
        }
        if body.contains("\"usage\":{") && whole.len() == 1 {
            assert!(reply["usage"].is_object(), "{id}");
        }
    }
    assert!(all.is_empty() || meant * 100 >= all.len() * 97, "{meant} of {}, without: {without:?}", all.len());
}

/// Content and refusal of one of chat's choices.
fn gather(event: &Value, index: u64, keys: &[&str]) -> String {
    let choices = event["choices"].elements();
    let choices = choices.filter(|choice| choice["index"].as_u64().unwrap_or(0) == index);
    let texts = choices.flat_map(|choice| {
        let message =
            keys.iter().map(|key| &choice[*key]).find(|message| message.is_object()).cloned().unwrap_or_default();
        ["content", "refusal"].map(|key| message[key].as_str().unwrap_or_default().to_string())
    });
    texts.collect()
}

/// The same of a response's items.
fn gather_output(response: &Value) -> String {
    let items = response["output"].elements().filter(|item| item["type"] == "message");
    let contents = items.flat_map(|item| item["content"].elements());
    contents.map(|content| content["text"].as_str().or(content["refusal"].as_str()).unwrap_or_default()).collect()
}
