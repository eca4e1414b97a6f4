//! Answers of chat and of legacy completions.

use super::answer::{logprobs, usage};
use crate::wire::value::Holds;
use serde_json::{Map, Value, json};

/// The chunks of a stream as the object they would have been.
pub(super) fn gathered(chunks: &[Value]) -> Option<Value> {
    let mut whole = json!({});
    let mut choices: Vec<Value> = Vec::new();
    let mut failed = None;
    for chunk in chunks {
        if chunk.get("error").is_some() {
            failed = Some(chunk["error"].clone());
        }
        for key in ["id", "model", "usage"] {
            match chunk.get(key) {
                None | Some(Value::Null) => {}
                Some(Value::String(text)) if text.is_empty() => {}
                Some(value) => whole[key] = value.clone(),
            }
        }
        for part in chunk["choices"].elements() {
            let index = usize::try_from(part["index"].as_u64().unwrap_or(0)).unwrap_or(0).min(127);
            while choices.len() <= index {
                choices.push(json!({}));
            }
            grow(&mut choices[index], part);
        }
    }
    if choices.is_empty() {
        return None;
    }
    whole["choices"] = choices.into();
    if let Some(failed) = failed {
        whole["error"] = failed;
    }
    Some(whole)
}

fn grow(choice: &mut Value, part: &Value) {
    if let Some(finish) = part.get("finish_reason").filter(|finish| !finish.is_null()) {
        choice["finish_reason"] = finish.clone();
    }
    if let Some(text) = part["text"].as_str() {
        append(&mut choice["text"], text);
    }
    for kind in ["content", "refusal"] {
        if let Some(tokens) = part["logprobs"][kind].as_array() {
            extend(&mut choice["logprobs"][kind], tokens);
        }
    }
    let delta = &part["delta"];
    for key in ["content", "refusal", "reasoning_content"] {
        if let Some(text) = delta[key].as_str() {
            append(&mut choice["message"][key], text);
        }
    }
    if let Some(annotations) = delta["annotations"].as_array() {
        extend(&mut choice["message"]["annotations"], annotations);
    }
    if let Some(audio) = delta["audio"].as_object() {
        for (key, value) in audio {
            match value.as_str().filter(|_| key == "data" || key == "transcript") {
                Some(text) => append(&mut choice["message"]["audio"][key.as_str()], text),
                None => choice["message"]["audio"][key.as_str()] = value.clone(),
            }
        }
    }
    let Some(given) = delta["tool_calls"].as_array() else { return };
    let mut calls = match choice["message"]["tool_calls"].take() {
        Value::Array(calls) => calls,
        _ => Vec::new(),
    };
    for call in given {
        let index = usize::try_from(call["index"].as_u64().unwrap_or(0)).unwrap_or(0).min(127);
        while calls.len() <= index {
            calls.push(json!({}));
        }
        let known = &mut calls[index];
        for key in ["id", "type"] {
            if let Some(value) = call.get(key).filter(|value| value.is_string()) {
                known[key] = value.clone();
            }
        }
        for kind in ["function", "custom"] {
            for key in ["name", "arguments", "input"] {
                if let Some(text) = call[kind][key].as_str() {
                    append(&mut known[kind][key], text);
                }
            }
        }
    }
    choice["message"]["tool_calls"] = calls.into();
}

fn append(value: &mut Value, text: &str) {
    match value {
        Value::String(known) => known.push_str(text),
        other => *other = text.into(),
    }
}

fn extend(value: &mut Value, more: &[Value]) {
    match value {
        Value::Array(items) => items.extend_from_slice(more),
        other => *other = more.into(),
    }
}

/// The reply that a whole answer means.
pub(super) fn reply(whole: &Value) -> Option<Value> {
    let choices = whole["choices"].as_array()?;
    let mut reply = match choices.as_slice() {
        [] => return None,
        [one] => choice(one),
        many => Map::from_iter([("choices".to_string(), many.iter().map(|one| Value::Object(choice(one))).collect())]),
    };
    for key in ["id", "model"] {
        if let Some(text) = whole[key].as_str().filter(|text| !text.is_empty()) {
            reply.insert(key.into(), text.into());
        }
    }
    if let Some(usage) = usage(&whole["usage"]) {
        reply.insert("usage".into(), usage);
    }
    if let Some(error) = whole.get("error") {
        let message = error["message"].as_str().unwrap_or("The server had an error");
        // After everything there is.
        reply.insert("fault".into(), json!({"kind": "error", "at": 1_000_000, "error": {"message": message}}));
    }
    reply.insert("check".into(), false.into());
    Some(Value::Object(reply))
}

fn choice(choice: &Value) -> Map<String, Value> {
    let mut reply = Map::new();
    let message = &choice["message"];
    let text = |value: &Value| value.as_str().filter(|text| !text.is_empty()).map(str::to_string);
    if let Some(thought) = text(&message["reasoning_content"]) {
        reply.insert("reasoning".into(), thought.into());
    }
    let calls: Vec<Value> =
        message["tool_calls"].elements().chain(message.get("function_call")).filter_map(call).collect();
    let said = choice["text"].as_str().or(message["content"].as_str());
    if let Some(refusal) = text(&message["refusal"]) {
        reply.insert("refusal".into(), refusal.into());
    } else if let Some(audio) = message["audio"].as_object() {
        let kept =
            ["data", "transcript"].into_iter().filter_map(|key| Some((key.to_string(), audio.get(key)?.clone())));
        reply.insert("audio".into(), Value::Object(kept.collect()));
    } else if let Some(said) = said.filter(|said| !said.is_empty() || calls.is_empty()) {
        reply.insert("text".into(), said.into());
        if let Some(annotations) = message["annotations"].as_array().filter(|list| !list.is_empty()) {
            reply.insert("annotations".into(), annotations.iter().map(flat).collect());
        }
    } else if calls.is_empty() {
        reply.insert("text".into(), "".into());
    }
    if !calls.is_empty() {
        reply.insert("tool_calls".into(), calls.into());
    }
    if let Some(logprobs) =
        logprobs(&choice["logprobs"]["content"]).or_else(|| logprobs(&choice["logprobs"]["refusal"]))
    {
        reply.insert("logprobs".into(), logprobs);
    }
    match choice["finish_reason"].as_str() {
        Some(finish @ ("stop" | "length" | "tool_calls" | "content_filter")) => {
            reply.insert("finish_reason".into(), finish.into());
        }
        Some("function_call") => _ = reply.insert("finish_reason".into(), "tool_calls".into()),
        _ => {}
    }
    reply
}

/// A tool call in the script's words.
fn call(call: &Value) -> Option<Value> {
    let custom = call.get("custom");
    let inner = call.get("function").or(custom).unwrap_or(call);
    let mut kept = json!({"name": inner["name"].as_str()?});
    let key = if custom.is_some() { "input" } else { "arguments" };
    kept[key] = inner[key].as_str().unwrap_or_default().into();
    if let Some(id) = call["id"].as_str().filter(|id| !id.is_empty()) {
        kept["id"] = id.into();
    }
    Some(kept)
}

/// An annotation in the Responses shape.
fn flat(annotation: &Value) -> Value {
    let kind = annotation["type"].as_str().unwrap_or_default();
    match annotation.get(kind).and_then(Value::as_object) {
        Some(inner) => {
            let mut flat = Map::from_iter([("type".to_string(), Value::from(kind))]);
            flat.extend(inner.clone());
            Value::Object(flat)
        }
        None => annotation.clone(),
    }
}
