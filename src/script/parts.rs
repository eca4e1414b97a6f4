//! From checked JSON to the ordered parts of one answer.

use crate::reply::{Choice, Finish, Part, Text, TokenLogprob, ToolCall};
use crate::script::binary::base64_text;
use crate::script::place::Path;
use crate::script::place::ScriptError;
use crate::wire::value::Holds;
use serde_json::{Map, Value};

/// The keys that make parts.
const PARTS: &[&str] = &["output", "reasoning", "text", "json", "refusal", "audio", "tool_calls"];

/// Those of them that are given.
pub(super) fn parts_keys(keys: &Map<String, Value>) -> impl Iterator<Item = &'static str> {
    PARTS.iter().copied().filter(|key| keys.contains_key(*key))
}

/// One answer: output, then reasoning, message, tool calls.
pub(super) fn choice(keys: &Map<String, Value>, path: &Path) -> Result<Choice, ScriptError> {
    let mut parts = Vec::new();
    if let Some(items) = keys.get("output").and_then(Value::as_array) {
        let at = Path::Key(path, "output");
        for (index, item) in items.iter().enumerate() {
            output_item(item, &Path::Index(&at, index), &mut parts)?;
        }
    }
    plain_parts(keys, path, &mut parts)?;
    // Kept as long as the script: most have one part, and a list grows by four.
    parts.shrink_to_fit();
    let finish = match keys.get("finish_reason").and_then(Value::as_str) {
        Some("stop") => Some(Finish::Stop),
        Some("length") => Some(Finish::Length),
        Some("tool_calls") => Some(Finish::ToolCalls),
        Some(_) => Some(Finish::ContentFilter),
        None => None,
    };
    let logprobs = keys.get("logprobs").and_then(Value::as_array);
    if logprobs.is_some() && !parts.is_empty() && parts.iter().all(|part| matches!(part, Part::ToolCall(_))) {
        return Err(Path::Key(path, "logprobs").error("belongs to a text; it has no effect beside tool_calls alone"));
    }
    Ok(Choice { parts, finish, logprobs: logprobs.map(|tokens| tokens.iter().map(logprob).collect()) })
}

/// Reasoning, message, tool calls.
fn plain_parts(keys: &Map<String, Value>, path: &Path, parts: &mut Vec<Part>) -> Result<(), ScriptError> {
    match keys.get("reasoning") {
        None => {}
        Some(Value::Array(summary)) => {
            parts.push(Part::Reasoning(summary.iter().filter_map(Value::as_str).map(str::to_string).collect()))
        }
        Some(summary) => parts.push(Part::Reasoning(vec![string(summary)])),
    }
    parts.extend(message(keys, path)?);
    if let Some(calls) = keys.get("tool_calls").and_then(Value::as_array) {
        let at = Path::Key(path, "tool_calls");
        for (index, call) in calls.iter().enumerate() {
            parts.push(Part::ToolCall(tool_call(call, &Path::Index(&at, index))?));
        }
    }
    Ok(())
}

/// The message: one of text, json, refusal, audio (which `text` may caption).
fn message(keys: &Map<String, Value>, path: &Path) -> Result<Option<Part>, ScriptError> {
    let given: Vec<&str> =
        ["text", "json", "refusal", "audio"].into_iter().filter(|key| keys.contains_key(*key)).collect();
    let body = |text: String| Text {
        annotations: keys.get("annotations").and_then(Value::as_array).cloned().unwrap_or_default(),
        phase: keys.get("phase").map(string),
        ..Text::new(text)
    };
    match given.as_slice() {
        [] => match ["annotations", "phase"].into_iter().find(|key| keys.contains_key(*key)) {
            Some(key) => Err(Path::Key(path, key).error("belongs to a message; give text, json or refusal beside it")),
            None => Ok(None),
        },
        ["text"] => Ok(Some(Part::Text(body(keys.get("text").map(string).unwrap_or_default())))),
        ["json"] => Ok(Some(Part::Text(body(keys.get("json").map(Value::to_string).unwrap_or_default())))),
        ["refusal"] if keys.contains_key("annotations") => {
            Err(Path::Key(path, "annotations").error("belongs to a message of text; a refusal cites nothing"))
        }
        ["refusal"] => Ok(Some(Part::Refusal(body(keys.get("refusal").map(string).unwrap_or_default())))),
        ["audio"] | ["text", "audio"] => {
            let audio = keys.get("audio").unwrap_or(&Value::Null);
            if let Some(key) = ["annotations", "phase"].into_iter().find(|key| keys.contains_key(*key)) {
                return Err(Path::Key(path, key).error("belongs to a message of text; it has no effect beside audio"));
            }
            if keys.contains_key("text") && audio.get("transcript").is_some() {
                return Err(Path::Key(path, "text").error("is what the audio says, as its transcript is; give one"));
            }
            let data = audio.get("data").map(|data| base64_text(data, &Path::Key(&Path::Key(path, "audio"), "data")));
            let transcript = audio.get("transcript").or(keys.get("text")).map(string).unwrap_or_default();
            Ok(Some(Part::Audio { data: data.transpose()?, transcript }))
        }
        [one, other, ..] => Err(path.error(format!("{one} and {other} exclude each other: a message is one of them"))),
        [_] => Ok(None),
    }
}

/// An item of `output`: a Reply of one part, or a Responses item.
fn output_item(item: &Value, path: &Path, parts: &mut Vec<Part>) -> Result<(), ScriptError> {
    let Value::Object(keys) = item else {
        parts.push(Part::Text(Text::new(string(item))));
        return Ok(());
    };
    if keys.contains_key("type") {
        match known_item(item) {
            Some(known) => parts.extend(known),
            None => parts.push(Part::Item(item.clone())),
        }
        return Ok(());
    }
    let given: Vec<&str> = parts_keys(keys).collect();
    match given.as_slice() {
        [_] => plain_parts(keys, path, parts),
        [] => Err(path.error("give one of text, json, refusal, reasoning, tool_calls, or an item with a \"type\"")),
        [one, other, ..] => {
            Err(path.error(format!("an item is one part; put {one} and {other} in items of their own")))
        }
    }
}

/// Messages and calls written as Responses items are ordinary parts, so that every endpoint can show them. One that
/// fixes its own id, or holds what parts cannot, stays as written.
fn known_item(item: &Value) -> Option<Vec<Part>> {
    let only = |keys: &[&str]| item.as_object().is_some_and(|item| item.keys().all(|key| keys.contains(&key.as_str())));
    let text = |key: &str| item.get(key).and_then(Value::as_str);
    match text("type")? {
        "message" if only(&["type", "role", "status", "content", "phase"]) => item["content"]
            .as_array()?
            .iter()
            .map(|content| {
                let body = |key: &str| {
                    Some(Text {
                        annotations: content["annotations"].as_array().cloned().unwrap_or_default(),
                        phase: text("phase").map(str::to_string),
                        ..Text::new(content.get(key)?.as_str()?)
                    })
                };
                match content["type"].as_str()? {
                    "output_text" => body("text").map(Part::Text),
                    "refusal" => body("refusal").map(Part::Refusal),
                    _ => None,
                }
            })
            .collect(),
        kind @ ("function_call" | "custom_tool_call")
            if only(&["type", "status", "call_id", "name", "arguments", "input"]) =>
        {
            let custom = kind == "custom_tool_call";
            Some(vec![Part::ToolCall(ToolCall {
                name: text("name")?.to_string(),
                arguments: Text::new(text(if custom { "input" } else { "arguments" })?),
                id: text("call_id").map(str::to_string),
                custom,
            })])
        }
        _ => None,
    }
}

fn tool_call(value: &Value, path: &Path) -> Result<ToolCall, ScriptError> {
    let id = value.get("id").map(string);
    // OpenAI's form holds the same one level down.
    let kind = value.get("type").and_then(Value::as_str);
    let (call, custom) = match (value.get("function"), value.get("custom")) {
        (None, None) => (value, value.get("input").is_some() || kind == Some("custom")),
        (Some(function), None) => (function, false),
        (None, Some(custom)) => (custom, true),
        (Some(_), Some(_)) => return Err(path.error("function and custom exclude each other")),
    };
    let said = if custom { "custom" } else { "function" };
    let given = if custom { "arguments" } else { "input" };
    if kind.is_some_and(|kind| kind != said) || (kind.is_some() && call.get(given).is_some()) {
        let told = "contradicts the rest: a function has arguments, a custom tool has input";
        return Err(Path::Key(path, "type").error(told));
    }
    if !std::ptr::eq(call, value)
        && let Some(key) = ["name", "arguments", "input"].into_iter().find(|key| value.get(key).is_some())
    {
        return Err(Path::Key(path, key).error(format!("belongs inside {said}")));
    }
    if call.get("arguments").is_some() && call.get("input").is_some() {
        return Err(path.error("arguments (of a function) and input (of a custom tool) exclude each other"));
    }
    let Some(name) = call.get("name") else { return Err(path.error("a tool call needs \"name\"")) };
    let arguments = match call.get(if custom { "input" } else { "arguments" }) {
        Some(Value::String(text)) => text.clone(),
        Some(value) => value.to_string(),
        None if custom => String::new(),
        None => "{}".into(),
    };
    Ok(ToolCall { name: string(name), arguments: Text::new(arguments), id, custom })
}

fn logprob(value: &Value) -> TokenLogprob {
    TokenLogprob {
        token: string(&value["token"]),
        logprob: value["logprob"].as_f64().unwrap_or_default(),
        top_logprobs: value["top_logprobs"].elements().map(logprob).collect(),
    }
}

fn string(value: &Value) -> String {
    value.as_str().unwrap_or_default().to_string()
}
