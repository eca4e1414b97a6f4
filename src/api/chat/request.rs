//! From a chat body to a [`Prompt`].

use crate::bounds::{Bounds, RATE, WAIT_MS};
use crate::options::Profile;
use crate::prompt::{Content, Format, Message, PastCall, Prompt, Role, Tool, ToolChoice, ToolKind};
use crate::reply::Length;
use crate::reply::pace::{Pace, Range};
use crate::turn::call::Call;
use crate::wire::error::ApiError;
use crate::wire::field::field;
use crate::wire::field::find;
use serde_json::Value;

/// Reads a body that was validated; what is still odd is left out rather than refused.
///
/// # Errors
/// See [`pace`].
pub(crate) fn prompt(call: &Call) -> Result<Prompt, ApiError> {
    let body = &*call.body;
    let relaxed = call.emulator.settings.profile != Profile::Strict;
    let mut tools: Vec<Tool> = array(body, "tools").iter().filter_map(tool).collect();
    tools.extend(array(body, "functions").iter().map(|function| function_tool(function, false)));
    Ok(Prompt {
        dialect: call.operation.dialect,
        // Only the relaxed profiles let a request without a model pass: LLEmulator answers it as this one.
        model: match call.model_name() {
            "" => "gpt-4".into(),
            name => name.to_string(),
        },
        messages: array(body, "messages").iter().map(message).collect(),
        tools,
        tool_choice: tool_choice(field(body, "tool_choice"), field(body, "function_call")),
        parallel_tool_calls: field(body, "parallel_tool_calls").as_bool().unwrap_or(true),
        format: format(field(body, "response_format"), relaxed),
        n: field(body, "n").as_u64().unwrap_or(1).clamp(1, 128) as usize,
        stream: field(body, "stream").as_bool().unwrap_or(false),
        max_tokens: field(body, "max_completion_tokens").as_u64().or_else(|| field(body, "max_tokens").as_u64()),
        stop: stop(field(body, "stop")),
        logprobs: match field(body, "logprobs").as_bool() {
            Some(true) => Some(field(body, "top_logprobs").as_u64().unwrap_or(0).min(20) as u8),
            _ => None,
        },
        seed: field(body, "seed").as_i64(),
        audio: array(body, "modalities").iter().any(|one| one == "audio"),
        pace: pace(field(body, "stream_options"))?,
        separate: false,
        length: length(field(body, "response_length")),
        droppable_from: None,
        body: call.body.clone(),
    })
}

/// An array member; the empty slice when it is none.
pub(crate) fn array<'a>(value: &'a Value, key: &str) -> &'a [Value] {
    find(value, key).and_then(Value::as_array).map_or(&[], Vec::as_slice)
}

fn text(value: &Value) -> Option<String> {
    value.as_str().map(str::to_string)
}

fn message(value: &Value) -> Message {
    let role = match field(value, "role").as_str() {
        Some("system") => Role::System,
        Some("developer") => Role::Developer,
        Some("assistant") => Role::Assistant,
        Some("tool" | "function") => Role::Tool,
        _ => Role::User,
    };
    let mut content = match field(value, "content") {
        Value::String(text) => vec![Content::Text(text.clone())],
        Value::Array(parts) => parts.iter().filter_map(part).collect(),
        _ => Vec::new(),
    };
    if let Some(refusal) = field(value, "refusal").as_str() {
        content.push(Content::Refusal(refusal.into()));
    }
    let mut tool_calls: Vec<PastCall> = array(value, "tool_calls").iter().map(past_call).collect();
    if let Some(name) = field(value, "function_call")["name"].as_str() {
        let arguments = field(value, "function_call")["arguments"].as_str().unwrap_or_default();
        // Legacy calls have no id; their result names the function instead.
        tool_calls.push(PastCall { id: name.into(), name: name.into(), arguments: arguments.into(), returned: false });
    }
    let name = text(field(value, "name"));
    let tool_call_id = text(field(value, "tool_call_id"))
        .or_else(|| (field(value, "role") == "function").then(|| name.clone()).flatten());
    Message { role, content, name, tool_calls, tool_call_id }
}

fn part(part: &Value) -> Option<Content> {
    Some(match part["type"].as_str()? {
        "text" => Content::Text(part["text"].as_str()?.into()),
        "refusal" => Content::Refusal(part["refusal"].as_str()?.into()),
        "image_url" => Content::Image,
        "input_audio" => Content::Audio,
        "file" => Content::File,
        _ => return None,
    })
}

fn past_call(call: &Value) -> PastCall {
    let inner = if call["type"] == "custom" { &call["custom"] } else { &call["function"] };
    let arguments = inner["arguments"].as_str().or_else(|| inner["input"].as_str()).unwrap_or_default();
    PastCall {
        id: call["id"].as_str().unwrap_or_default().into(),
        name: inner["name"].as_str().unwrap_or_default().into(),
        arguments: arguments.into(),
        returned: false,
    }
}

/// A tool, if it is one that can be offered.
pub(crate) fn tool(tool: &Value) -> Option<Tool> {
    match tool["type"].as_str() {
        Some("custom") => Some(Tool {
            kind: ToolKind::Custom,
            name: tool["custom"]["name"].as_str()?.into(),
            description: text(&tool["custom"]["description"]),
            parameters: None,
            strict: false,
        }),
        _ => Some(function_tool(&tool["function"], tool["function"]["strict"].as_bool().unwrap_or(false))),
    }
}

fn function_tool(function: &Value, strict: bool) -> Tool {
    Tool {
        kind: ToolKind::Function,
        name: function["name"].as_str().unwrap_or_default().into(),
        description: text(&function["description"]),
        parameters: function.get("parameters").filter(|schema| schema.is_object()).cloned(),
        strict,
    }
}

/// `tool_choice`, or its legacy form `function_call`.
pub(crate) fn tool_choice(choice: &Value, legacy: &Value) -> ToolChoice {
    let choice = if choice.is_null() { legacy } else { choice };
    match choice {
        Value::String(word) => match word.as_str() {
            "none" => ToolChoice::None,
            "required" => ToolChoice::Required,
            _ => ToolChoice::Auto,
        },
        Value::Object(_) => {
            let allowed = &choice["allowed_tools"];
            if allowed.is_object() {
                let names = array(allowed, "tools").iter().filter_map(|tool| {
                    tool["function"]["name"].as_str().or_else(|| tool["custom"]["name"].as_str()).map(str::to_string)
                });
                return ToolChoice::Allowed { names: names.collect(), required: allowed["mode"] == "required" };
            }
            let name = [&choice["function"]["name"], &choice["custom"]["name"], &choice["name"]];
            match name.into_iter().find_map(Value::as_str) {
                Some(name) => ToolChoice::Named(name.into()),
                None => ToolChoice::Auto,
            }
        }
        _ => ToolChoice::Auto,
    }
}

/// `response_format`.
pub(crate) fn format(format: &Value, relaxed: bool) -> Format {
    match format["type"].as_str() {
        // openai-mokku generates from a schema whatever the type says.
        Some("json_object") if !(relaxed && format["json_schema"].is_object()) => Format::JsonObject,
        Some("json_schema" | "json_object") => {
            let inner = &format["json_schema"];
            // The simulator's clients put the schema where OpenAI has the wrapper.
            let direct = relaxed && inner.get("schema").is_none();
            let schema = if direct { inner } else { &inner["schema"] };
            Format::JsonSchema {
                name: inner["name"].as_str().unwrap_or("response").into(),
                schema: schema.clone(),
                strict: inner["strict"].as_bool().unwrap_or(false),
            }
        }
        _ => Format::Text,
    }
}

/// `stop`: a string or several.
pub(crate) fn stop(stop: &Value) -> Vec<String> {
    match stop {
        Value::String(one) => vec![one.clone()],
        Value::Array(many) => many.iter().filter_map(Value::as_str).map(str::to_string).collect(),
        _ => Vec::new(),
    }
}

/// The simulator's pace in `stream_options`; there, what is not above zero says nothing.
///
/// # Errors
/// 400 for a time or a rate beyond its range.
pub(crate) fn pace(options: &Value) -> Result<Option<Pace>, ApiError> {
    let number = |key: &str, bounds: Bounds| {
        let Some(number) = options.get(key).and_then(Value::as_f64).filter(|number| *number > 0.0) else {
            return Ok(None);
        };
        let place = format!("stream_options.{key}");
        let refused = |message: String| ApiError::invalid(message).param(place.clone()).code("invalid_value");
        bounds.check(&place, number).map(Some).map_err(refused)
    };
    let delay = match (number("delay_min_ms", WAIT_MS)?, number("delay_max_ms", WAIT_MS)?) {
        (None, None) => None,
        (low, high) => {
            let low = low.unwrap_or(0.0);
            Some(Range(low, high.unwrap_or(low).max(low)))
        }
    };
    let pace = Pace { delay_ms: delay, tokens_per_second: number("tokens_per_second", RATE)?, ..Pace::default() };
    Ok((pace != Pace::default()).then_some(pace))
}

/// The simulator's `response_length`; unknown words mean medium, as there.
pub(crate) fn length(value: &Value) -> Option<Length> {
    match value.as_str()? {
        "short" => Some(Length::Short),
        "long" => Some(Length::Long),
        "" => None,
        _ => Some(Length::Medium),
    }
}
