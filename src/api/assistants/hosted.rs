//! What a step shows of the tools that OpenAI runs, which replies say in the words of Responses.

use crate::wire::value::Holds;
use serde_json::{Value, json};

/// What code printed and drew.
pub(super) fn outputs(item: &Value) -> Value {
    let output = |one: &Value| match one["type"].as_str() {
        Some("logs") => Some(json!({"type": "logs", "logs": one["logs"].as_str().unwrap_or_default()})),
        _ => None,
    };
    item["outputs"].elements().filter_map(output).collect()
}

/// What a search found.
pub(super) fn found(results: Option<&Vec<Value>>) -> Value {
    let result = |one: &Value| {
        let text = one["text"].as_str().map(|text| json!([{"type": "text", "text": text}]));
        json!({"file_id": one["file_id"].as_str().unwrap_or_default(),
            "file_name": one["filename"].as_str().unwrap_or_default(), "score": one["score"].as_f64().unwrap_or(0.0),
            "content": text})
    };
    match results {
        Some(results) => json!({"results": results.iter().map(result).collect::<Vec<_>>()}),
        None => json!({}),
    }
}

/// A step without the texts that file searches found.
pub(super) fn without_contents(mut step: Value) -> Value {
    for call in step["step_details"]["tool_calls"].elements_mut() {
        without_content(call);
    }
    step
}

/// The same of a call.
pub(super) fn without_content(call: &mut Value) {
    for result in call.pointer_mut("/file_search/results").and_then(Value::as_array_mut).into_iter().flatten() {
        result.as_object_mut().map(|result| result.remove("content"));
    }
}
