//! Answers of the Responses API.

use super::answer::{logprobs, usage};
use crate::wire::value::Holds;
use serde_json::{Map, Value, json};

/// The response that a stream ended with; where it broke off, what there was of it.
pub(super) fn last(events: &[Value]) -> Option<Value> {
    let ends = ["response.completed", "response.incomplete", "response.failed"];
    let ended = events.iter().rev().find(|event| event["type"].as_str().is_some_and(|kind| ends.contains(&kind)));
    if let Some(ended) = ended {
        return Some(ended["response"].clone());
    }
    let mut response = events.iter().find(|event| event["type"] == "response.created")?["response"].clone();
    let done = events.iter().filter(|event| event["type"] == "response.output_item.done");
    response["output"] = done.map(|event| event["item"].clone()).collect();
    Some(response)
}

/// The reply that a response means.
pub(super) fn reply(response: &Value) -> Option<Value> {
    let items = response["output"].as_array()?;
    let mut reply = Map::new();
    let mut probabilities = None;
    let output: Vec<Value> = items.iter().flat_map(|item| parts(item, &mut probabilities)).collect();
    reply.insert("output".into(), output.into());
    if let Some(probabilities) = probabilities {
        reply.insert("logprobs".into(), probabilities);
    }
    match (response["status"].as_str(), response["incomplete_details"]["reason"].as_str()) {
        (Some("incomplete"), Some("content_filter")) => {
            _ = reply.insert("finish_reason".into(), "content_filter".into())
        }
        (Some("incomplete"), _) => _ = reply.insert("finish_reason".into(), "length".into()),
        _ => {}
    }
    if let Some(error) = response.get("error").and_then(Value::as_object) {
        let kept = ["message", "code"].into_iter().filter_map(|key| Some((key.to_string(), error.get(key)?.clone())));
        let error = Value::Object(kept.collect());
        reply.insert("fault".into(), json!({"kind": "error", "at": 1_000_000, "error": error}));
    }
    for key in ["id", "model"] {
        if let Some(text) = response[key].as_str() {
            reply.insert(key.into(), text.into());
        }
    }
    if let Some(usage) = usage(&response["usage"]) {
        reply.insert("usage".into(), usage);
    }
    reply.insert("check".into(), false.into());
    Some(Value::Object(reply))
}

/// An item as replies of one part; what replies have no words for stays as it is.
fn parts(item: &Value, probabilities: &mut Option<Value>) -> Vec<Value> {
    match item["type"].as_str() {
        Some("message") => {
            let contents = item["content"].elements();
            let parts = contents.filter_map(|content| {
                let (key, text) = match content["type"].as_str()? {
                    "output_text" => ("text", content["text"].as_str()?),
                    "refusal" => ("refusal", content["refusal"].as_str()?),
                    _ => return None,
                };
                if let Some(found) = logprobs(&content["logprobs"]) {
                    match probabilities {
                        Some(Value::Array(all)) => all.extend(found.as_array().cloned().unwrap_or_default()),
                        _ => *probabilities = Some(found),
                    }
                }
                let mut part = json!({key: text});
                if let Some(annotations) = content["annotations"].as_array().filter(|list| !list.is_empty()) {
                    part["annotations"] = annotations.clone().into();
                }
                if let Some(phase) = item["phase"].as_str() {
                    part["phase"] = phase.into();
                }
                Some(part)
            });
            parts.collect()
        }
        Some("function_call") => {
            vec![json!({"tool_calls": [{"name": item["name"], "arguments": item["arguments"], "id": item["call_id"]}]})]
        }
        Some("custom_tool_call") => {
            vec![json!({"tool_calls": [{"name": item["name"], "input": item["input"], "id": item["call_id"]}]})]
        }
        // A seal, or its text, has no words in a reply.
        Some("reasoning")
            if item["encrypted_content"].is_null() && item["content"].as_array().is_none_or(Vec::is_empty) =>
        {
            let summary: Vec<&str> = item["summary"].elements().filter_map(|part| part["text"].as_str()).collect();
            vec![json!({"reasoning": summary})]
        }
        Some(_) => vec![item.clone()],
        None => Vec::new(),
    }
}
