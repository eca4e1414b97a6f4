//! What a request asks, in a form that chat and Responses share.

use crate::wire::value::Holds;
use serde_json::{Map, Value, json};

/// What a request in its normal form asks; `None` = it is of neither dialect.
pub(crate) fn request(normal: &Value) -> Option<Value> {
    let body = normal["body"].as_object()?;
    let mut turns = Vec::new();
    match (body.get("messages"), body.get("input")) {
        (Some(Value::Array(messages)), None) => messages.iter().for_each(|message| chat(message, &mut turns)),
        (None, Some(input)) if body.get("model").is_some() && !body.contains_key("encoding_format") => {
            if let Some(instructions) = body.get("instructions") {
                turns.push(json!({"role": "system", "content": content(instructions)}));
            }
            match input {
                Value::String(text) => turns.push(json!({"role": "user", "content": [text]})),
                Value::Array(items) => items.iter().for_each(|item| responses(item, &mut turns)),
                _ => return None,
            }
        }
        _ => return None,
    }
    let mut asked = json!({"turns": turns});
    for key in ["model", "temperature", "top_p", "previous_response_id", "conversation"] {
        if let Some(value) = body.get(key) {
            asked[key] = value.clone();
        }
    }
    let either = |names: &[&str]| names.iter().find_map(|name| body.get(*name)).cloned();
    if let Some(most) = either(&["max_completion_tokens", "max_tokens", "max_output_tokens"]) {
        asked["max"] = most;
    }
    let effort = body.get("reasoning_effort").or_else(|| body.get("reasoning")?.get("effort"));
    if let Some(effort) = effort {
        asked["effort"] = effort.clone();
    }
    if let Some(format) = body.get("response_format").or_else(|| body.get("text")?.get("format")) {
        asked["format"] = format_of(format);
    }
    let tools: Vec<Value> = body.get("tools").and_then(Value::as_array).into_iter().flatten().map(tool).collect();
    if !tools.is_empty() {
        asked["tools"] = tools.into();
    }
    Some(asked)
}

/// A message of chat.
fn chat(message: &Value, turns: &mut Vec<Value>) {
    let role = message["role"].as_str().unwrap_or_default();
    if role == "tool" {
        turns.push(json!({"result": content(&message["content"])}));
        return;
    }
    let said = content(&message["content"]);
    if said.as_array().is_some_and(|parts| !parts.is_empty()) {
        turns.push(json!({"role": who(role), "content": said}));
    }
    for call in message["tool_calls"].elements() {
        let function = call.get("function").or_else(|| call.get("custom")).unwrap_or(&Value::Null);
        turns.push(called(function));
    }
}

/// An item of Responses.
fn responses(item: &Value, turns: &mut Vec<Value>) {
    match item["type"].as_str().unwrap_or("message") {
        "message" => {
            turns.push(
                json!({"role": who(item["role"].as_str().unwrap_or_default()), "content": content(&item["content"])}),
            );
        }
        "function_call" | "custom_tool_call" => turns.push(called(item)),
        "function_call_output" | "custom_tool_call_output" => turns.push(json!({"result": content(&item["output"])})),
        // Chat has no place for it.
        "reasoning" => {}
        _ => turns.push(item.clone()),
    }
}

fn called(call: &Value) -> Value {
    let given = call.get("arguments").or_else(|| call.get("input")).and_then(Value::as_str).unwrap_or_default();
    // The order of keys says nothing.
    let given = serde_json::from_str(given).unwrap_or_else(|_| Value::from(given));
    json!({"call": call["name"], "arguments": given})
}

/// Both words mean instructions.
fn who(role: &str) -> &str {
    if role == "developer" { "system" } else { role }
}

/// The parts of a message: texts, and what else there is without its dialect's names.
fn content(content: &Value) -> Value {
    match content {
        Value::String(text) => json!([text]),
        Value::Array(parts) => parts.iter().map(part).collect(),
        _ => json!([]),
    }
}

fn part(part: &Value) -> Value {
    let image = part.get("image_url").map(|image| image.get("url").unwrap_or(image));
    match (part.get("text").or_else(|| part.get("refusal")), image) {
        (Some(text), _) => text.clone(),
        (None, Some(image)) => json!({"image": image}),
        (None, None) => {
            // `file`, `input_file`, `input_audio`: what is in it counts.
            let inner = ["file", "input_audio"].into_iter().find_map(|key| part.get(key)).unwrap_or(part);
            let kept = inner.as_object().cloned().unwrap_or_default();
            Value::Object(kept.into_iter().filter(|(key, _)| key != "type").collect())
        }
    }
}

/// `strict` is Responses' default and not chat's: it says nothing about what is asked.
fn tool(tool: &Value) -> Value {
    let inner = tool.get("function").or_else(|| tool.get("custom")).unwrap_or(tool);
    match inner.get("name") {
        Some(name) => json!({"name": name, "parameters": inner["parameters"], "description": inner["description"]}),
        None => tool.clone(),
    }
}

fn format_of(format: &Value) -> Value {
    let inner = format.get("json_schema").unwrap_or(format);
    let mut found = Map::new();
    found.insert("type".into(), format["type"].clone());
    for key in ["name", "schema"] {
        if let Some(value) = inner.get(key) {
            found.insert(key.into(), value.clone());
        }
    }
    Value::Object(found)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_chat_and_responses_ask_alike_is_the_same() {
        let schema = json!({"type": "object", "properties": {"city": {"type": "string"}}});
        let chat = json!({"body": {"model": "gpt-4o", "max_completion_tokens": 9, "messages": [
            {"role": "system", "content": "Be brief."},
            {"role": "user", "content": [{"type": "text", "text": "hi"}, {"type": "image_url", "image_url": {"url": "data:x"}}]},
            {"role": "assistant", "content": null, "tool_calls": [{"id": "<id>", "type": "function", "function": {"name": "f", "arguments": "{\"a\": 1, \"b\": 2}"}}]},
            {"role": "tool", "tool_call_id": "<id>", "content": "4"}],
            "tools": [{"type": "function", "function": {"name": "f", "parameters": schema}}],
            "response_format": {"type": "json_schema", "json_schema": {"name": "n", "schema": schema, "strict": true}}}});
        let responses = json!({"body": {"model": "gpt-4o", "max_output_tokens": 9, "instructions": "Be brief.", "input": [
            {"role": "user", "content": [{"type": "input_text", "text": "hi"}, {"type": "input_image", "image_url": "data:x"}]},
            {"type": "reasoning", "summary": []},
            {"type": "function_call", "call_id": "<id>", "name": "f", "arguments": "{\"b\": 2, \"a\": 1}"},
            {"type": "function_call_output", "call_id": "<id>", "output": "4"}],
            "tools": [{"type": "function", "name": "f", "parameters": schema, "strict": true}],
            "text": {"format": {"type": "json_schema", "name": "n", "schema": schema, "strict": true}}}});
        assert_eq!(request(&chat), request(&responses));
        assert_eq!(
            request(&json!({"body": {"model": "text-embedding-3-small", "input": "x", "encoding_format": "float"}})),
            None
        );
    }
}
