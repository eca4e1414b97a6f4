//! Input: what a request adds to the conversation, as items; and items as the messages of a Prompt.

use crate::api::responses::kinds::{self, ordered};
use crate::prompt::{Content, Message, PastCall, Role};
use crate::random::Random;
use crate::wire::error::ApiError;
use crate::wire::ids::IdFamily;
use serde_json::{Map, Value, json};
use std::collections::HashSet;

/// `input` (a string, or items) as items in normal form: each with an id, messages with typed parts.
pub(crate) fn items(input: &Value, family: &IdFamily, random: &mut Random) -> Vec<Value> {
    match input {
        Value::String(text) => {
            vec![item(&json!({"type": "message", "role": "user", "content": text}), family, random)]
        }
        Value::Array(items) => items.iter().map(|one| item(one, family, random)).collect(),
        _ => Vec::new(),
    }
}

/// One item in normal form.
pub(crate) fn item(given: &Value, family: &IdFamily, random: &mut Random) -> Value {
    let mut map = given.as_object().cloned().unwrap_or_default();
    // A message may come without its type, and so may the id of an item.
    if map.get("type").is_none_or(Value::is_null) {
        let named = map.contains_key("id") && !map.contains_key("role");
        map.insert("type".into(), json!(if named { "item_reference" } else { "message" }));
    }
    let name = map.get("type").and_then(Value::as_str).unwrap_or_default().to_string();
    if name == "item_reference" {
        return Value::Object(map);
    }
    let kind = kinds::kind(&name);
    if !matches!(map.get("id"), Some(Value::String(id)) if !id.is_empty()) {
        map.insert("id".into(), json!(family.item(kind.prefix, random)));
    }
    if kind.status {
        map.entry("status").or_insert_with(|| json!("completed"));
    }
    if name == "message" {
        type_parts(&mut map);
    }
    ordered(Value::Object(map))
}

/// A message's content as typed parts.
fn type_parts(map: &mut Map<String, Value>) {
    let assistant = map.get("role").is_some_and(|role| role == "assistant");
    let part = |text: &Value| match assistant {
        true => json!({"type": "output_text", "annotations": [], "logprobs": [], "text": text}),
        false => json!({"type": "input_text", "text": text}),
    };
    let parts = match map.get("content") {
        Some(text @ Value::String(_)) => vec![part(text)],
        Some(Value::Array(parts)) => {
            parts.iter().map(|one| if one.is_string() { part(one) } else { one.clone() }).collect()
        }
        _ => Vec::new(),
    };
    map.insert("content".into(), Value::Array(parts));
}

/// The messages that items are for the model. Reasoning and hosted tools' items say nothing to a script.
pub(crate) fn messages<'a>(items: impl Iterator<Item = &'a Value>) -> impl Iterator<Item = Message> {
    items.filter_map(message)
}

fn message(item: &Value) -> Option<Message> {
    let text = |key: &str| item.get(key).and_then(Value::as_str).unwrap_or_default().to_string();
    match item.get("type").and_then(Value::as_str).unwrap_or("message") {
        "message" => {
            let role = match item.get("role").and_then(Value::as_str) {
                Some("assistant") => Role::Assistant,
                Some("system") => Role::System,
                Some("developer") => Role::Developer,
                _ => Role::User,
            };
            Some(Message { content: contents(item.get("content")), ..Message::new(role, "") })
        }
        name @ ("function_call" | "custom_tool_call") => {
            let arguments = text(if name == "function_call" { "arguments" } else { "input" });
            let call = PastCall { id: text("call_id"), name: text("name"), arguments, returned: false };
            Some(Message { content: vec![], tool_calls: vec![call], ..Message::new(Role::Assistant, "") })
        }
        "function_call_output" | "custom_tool_call_output" => Some(Message {
            content: contents(item.get("output")),
            tool_call_id: Some(text("call_id")),
            ..Message::new(Role::Tool, "")
        }),
        _ => None,
    }
}

/// Content as the prompt has it: a string or parts.
pub(crate) fn contents(value: Option<&Value>) -> Vec<Content> {
    match value {
        Some(Value::String(text)) => vec![Content::Text(text.clone())],
        Some(Value::Array(parts)) => parts.iter().filter_map(content).collect(),
        _ => Vec::new(),
    }
}

fn content(part: &Value) -> Option<Content> {
    if let Value::String(text) = part {
        return Some(Content::Text(text.clone()));
    }
    let text = |key: &str| part.get(key).and_then(Value::as_str).unwrap_or_default().to_string();
    match part.get("type").and_then(Value::as_str)? {
        "input_text" | "output_text" | "text" | "summary_text" => Some(Content::Text(text("text"))),
        "refusal" => Some(Content::Refusal(text("refusal"))),
        "input_image" | "computer_screenshot" => Some(Content::Image),
        "input_audio" => Some(Content::Audio),
        "input_file" => Some(Content::File),
        _ => None,
    }
}

/// Calls the client answers: type of the call, type of its output, and how errors name it.
const CALLS: &[(&str, &str, &str)] = &[
    ("function_call", "function_call_output", "function call"),
    ("custom_tool_call", "custom_tool_call_output", "custom tool call"),
    ("local_shell_call", "local_shell_call_output", "local shell call"),
    ("apply_patch_call", "apply_patch_call_output", "apply patch call"),
    ("computer_call", "computer_call_output", "computer call"),
];

/// Every call must be answered, and every answer must have its call (real-traffic §3B).
pub(crate) fn check_calls(items: &[Value]) -> Result<(), ApiError> {
    let id = |item: &'_ Value| item.get("call_id").and_then(Value::as_str).map(String::from);
    for (call, output, words) in CALLS {
        let of = |name: &str| -> Vec<String> {
            items.iter().filter(|item| item.get("type").is_some_and(|kind| kind == name)).filter_map(id).collect()
        };
        let (calls, outputs) = (of(call), of(output));
        let answered: HashSet<&String> = outputs.iter().collect();
        if let Some(id) = calls.iter().find(|id| !answered.contains(id)) {
            return Err(ApiError::invalid(format!("No tool output found for {words} {id}.")).param("input"));
        }
        let known: HashSet<&String> = calls.iter().collect();
        if let Some(id) = outputs.iter().find(|id| !known.contains(id)) {
            let message = format!("No tool call found for {words} output with call_id {id}.");
            return Err(ApiError::invalid(message).param("input"));
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(input: Value) -> Vec<Value> {
        let mut random = Random::new(1);
        let family = IdFamily::new(&mut random, 1);
        items(&input, &family, &mut random)
    }

    #[test]
    fn a_string_is_a_user_message() {
        let items = read(json!("Hi"));
        assert_eq!(items[0]["content"], json!([{"type": "input_text", "text": "Hi"}]));
        assert_eq!(items[0]["status"], "completed");
        let messages: Vec<Message> = messages(items.iter()).collect();
        assert_eq!((messages[0].role, messages[0].text()), (Role::User, "Hi".to_string()));
    }

    #[test]
    fn calls_and_outputs_become_assistant_and_tool_messages() {
        let items = read(json!([
            {"role": "user", "content": "weather?"},
            {"type": "reasoning", "id": "rs_1", "summary": []},
            {"type": "function_call", "call_id": "call_1", "name": "weather", "arguments": "{}"},
            {"type": "function_call_output", "call_id": "call_1", "output": [{"type": "input_text", "text": "rain"}]},
        ]));
        let messages: Vec<Message> = messages(items.iter()).collect();
        assert_eq!(
            messages.iter().map(|message| message.role).collect::<Vec<_>>(),
            [Role::User, Role::Assistant, Role::Tool]
        );
        assert_eq!(messages[1].tool_calls[0].name, "weather");
        assert_eq!(messages[2].text(), "rain");
    }

    #[test]
    fn calls_and_outputs_belong_together() {
        let call = json!({"type": "function_call", "call_id": "call_1", "name": "f", "arguments": "{}"});
        let output = json!({"type": "function_call_output", "call_id": "call_1", "output": ""});
        assert_eq!(check_calls(&read(json!([call, output]))), Ok(()));
        let error = check_calls(&read(json!([call]))).expect_err("refused");
        assert_eq!(error.message, "No tool output found for function call call_1.");
        let error = check_calls(&read(json!([output]))).expect_err("refused");
        assert_eq!(error.message, "No tool call found for function call output with call_id call_1.");
        assert_eq!(error.param.as_deref(), Some("input"));
    }
}
