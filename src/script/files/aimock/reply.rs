//! What a fixture answers, and how it is delivered, as a reply.

use super::{Misfit, fault, text};
use crate::wire::value::Holds;
use serde_json::{Map, Value, json};

/// Keys of a response that show in no answer of the OpenAI API, or only in its envelope.
const COSMETIC: &[&str] = &[
    "created",
    "systemFingerprint",
    "role",
    "provider",
    "nativeFinishReason",
    "reasoningSignature",
    "redactedThinking",
    "billableUnits",
    "fallthrough",
];

pub(super) fn reply(given: &Map<String, Value>, dropped: &mut Vec<String>) -> Result<Map<String, Value>, Misfit> {
    let mut reply = Map::new();
    let mut output = Vec::new();
    let ordered = given.contains_key("blocks");
    for (key, value) in given {
        let place = format!(".response.{key}");
        let list = || match value.as_array() {
            Some(items) => Ok(items.iter().enumerate().map(|(index, item)| (format!("{place}[{index}]"), item))),
            None => fault(&place, "expected a list"),
        };
        let (name, value) = match key.as_str() {
            // Blocks hold the same in the order shown.
            "content" | "toolCalls" if ordered => continue,
            "content" if value.is_string() => ("text", value.clone()),
            "content" => ("json", value.clone()),
            "toolCalls" => {
                let calls = list()?.map(|(place, call)| tool_call(call, &place));
                ("tool_calls", calls.collect::<Result<Value, _>>()?)
            }
            "blocks" => {
                for (place, block) in list()? {
                    output.push(match block["type"].as_str() {
                        Some("toolCall") => json!({"tool_calls": [tool_call(block, &place)?]}),
                        Some("text") => json!({"text": text(&block["text"], &format!("{place}.text"))?}),
                        _ => return fault(format!("{place}.type"), "expected \"text\" or \"toolCall\""),
                    });
                }
                continue;
            }
            "webSearches" => {
                let searches = list()?.map(|(place, query)| {
                    let query = text(query, &place)?;
                    Ok(json!({"type": "web_search_call", "action": {"type": "search", "query": query}}))
                });
                output.splice(0..0, searches.collect::<Result<Vec<_>, Misfit>>()?);
                continue;
            }
            "reasoning" | "embedding" | "id" | "model" | "usage" => (key.as_str(), value.clone()),
            "finishReason" => ("finish_reason", value.clone()),
            "error" => ("error", error(given, dropped)?),
            "status" | "retryAfter" if given.contains_key("error") => continue,
            "json" => ("raw", json!({"status": given.get("status").unwrap_or(&json!(200)), "body": value})),
            "status" if given.contains_key("json") => continue,
            "audio" => ("audio", json!({"data": value.get("b64Json").unwrap_or(value)})),
            // What kind of sound it is decides the request.
            "format" if given.contains_key("audio") => continue,
            "transcription" => ("transcript", value.clone()),
            "image" | "images" => {
                let pictures = value.as_array().map_or(std::slice::from_ref(value), Vec::as_slice);
                let data = pictures.iter().map(|picture| picture.get("b64Json").map(|data| json!({"image": data})));
                match data.collect::<Option<Value>>() {
                    Some(data) => ("choices", data),
                    None => return fault(place, "a picture by url has no counterpart; give it as b64Json"),
                }
            }
            cosmetic if COSMETIC.contains(&cosmetic) => {
                dropped.push(format!("response.{cosmetic}"));
                continue;
            }
            _ => return fault(place, "has no counterpart"),
        };
        reply.insert(name.into(), value);
    }
    if !output.is_empty() {
        reply.insert("output".into(), json!(output));
    }
    Ok(reply)
}

fn tool_call(call: &Value, place: &str) -> Result<Value, Misfit> {
    let name = text(&call["name"], &format!("{place}.name"))?;
    let mut made = json!({"name": name, "arguments": call.get("arguments").unwrap_or(&json!({}))});
    if let Some(id) = call.get("id") {
        made["id"] = id.clone();
    }
    Ok(made)
}

fn error(response: &Map<String, Value>, dropped: &mut Vec<String>) -> Result<Value, Misfit> {
    let mut error = Map::new();
    error.insert("status".into(), response.get("status").cloned().unwrap_or(json!(500)));
    let Some(given) = response["error"].as_object() else { return fault(".response.error", "expected an object") };
    for (key, value) in given {
        match key.as_str() {
            "message" | "type" | "code" | "param" => _ = error.insert(key.clone(), value.clone()),
            "metadata" => dropped.push("response.error.metadata".into()),
            _ => return fault(format!(".response.error.{key}"), "has no counterpart"),
        }
    }
    match response.get("retryAfter").map(|seconds| seconds.as_f64().filter(|seconds| *seconds >= 0.0)) {
        Some(Some(seconds)) => _ = error.insert("retry_after_ms".into(), json!((seconds * 1000.0) as u64)),
        Some(None) => return fault(".response.retryAfter", "expected seconds"),
        None => {}
    }
    Ok(Value::Object(error))
}

/// How a fixture is delivered: beside `match` and `response`.
pub(super) fn delivery(
    fixture: &Value,
    reply: &mut Map<String, Value>,
    dropped: &mut Vec<String>,
) -> Result<(), Misfit> {
    let mut pace = Map::new();
    for (key, value) in fixture.members() {
        match key.as_str() {
            "match" | "response" | "metadata" => {}
            "latency" => _ = pace.insert("delay_ms".into(), value.clone()),
            "streamingProfile" => {
                for (theirs, value) in value.members() {
                    match theirs.as_str() {
                        "ttft" => _ = pace.insert("ttft_ms".into(), value.clone()),
                        "tps" => _ = pace.insert("tokens_per_second".into(), value.clone()),
                        "jitter" => dropped.push("streamingProfile.jitter".into()),
                        _ => return fault(format!(".streamingProfile.{theirs}"), "has no counterpart"),
                    }
                }
            }
            "truncateAfterChunks" => _ = reply.insert("fault".into(), json!({"kind": "disconnect", "at": value})),
            // When and in which pieces, not what.
            "chunkSize" | "recordedTimings" | "replaySpeed" | "openRouterProcessing" => dropped.push(key.clone()),
            "disconnectAfterMs" => {
                return fault(
                    ".disconnectAfterMs",
                    "a fault strikes after pieces, not after a time; write truncateAfterChunks",
                );
            }
            _ => return fault(format!(".{key}"), "has no counterpart"),
        }
    }
    if !pace.is_empty() {
        reply.insert("pace".into(), Value::Object(pace));
    }
    Ok(())
}
