//! The Prompt of a run: its thread, and what its own functions gave.

use super::given;
use super::run::Run;
use super::thread::Thread;
use crate::api::chat::request::{array, format, tool, tool_choice};
use crate::prompt::{Content, Message, PastCall, Prompt, Role, Tool, ToolKind};
use crate::turn::call::Call;
use serde_json::Value;

/// Reads the prompt of a run as it stands. `call` is the request that set it going.
pub(super) fn prompt(call: &Call, thread: &Thread, run: &Run) -> Prompt {
    let object = &run.object;
    let mut messages = Vec::new();
    if let Some(instructions) = object["instructions"].as_str() {
        messages.push(Message::new(Role::System, instructions));
    }
    let first = messages.len();
    messages.extend(thread.messages.iter().filter(|one| one["run_id"] != object["id"]).map(message));
    for step in &run.steps {
        said(step, thread, &mut messages);
    }
    let truncation = &object["truncation_strategy"];
    if let Some(last) = truncation["last_messages"].as_u64().filter(|_| truncation["type"] == "last_messages") {
        let kept = messages.len().saturating_sub(last as usize).max(first);
        messages.drain(first..kept);
    }
    Prompt {
        dialect: call.operation.dialect,
        model: object["model"].as_str().unwrap_or_default().into(),
        messages,
        tools: array(object, "tools").iter().filter_map(offered).collect(),
        tool_choice: tool_choice(&object["tool_choice"], &Value::Null),
        parallel_tool_calls: object["parallel_tool_calls"].as_bool().unwrap_or(true),
        format: format(&object["response_format"], false),
        n: 1,
        stream: call.body["stream"].as_bool().unwrap_or(false),
        max_tokens: object["max_completion_tokens"].as_u64(),
        droppable_from: Some(first),
        body: call.body.clone(),
        ..Prompt::default()
    }
}

fn offered(offered: &Value) -> Option<Tool> {
    match offered["type"].as_str()? {
        "function" => tool(offered),
        kind => Some(Tool {
            kind: ToolKind::Hosted(kind.into()),
            name: kind.into(),
            description: None,
            parameters: None,
            strict: false,
        }),
    }
}

fn message(message: &Value) -> Message {
    let part = |part: &Value| match part["type"].as_str() {
        Some("text") => Some(Content::Text(part["text"]["value"].as_str().unwrap_or_default().into())),
        Some("refusal") => Some(Content::Refusal(part["refusal"].as_str().unwrap_or_default().into())),
        Some("image_url" | "image_file") => Some(Content::Image),
        _ => None,
    };
    let attached = array(message, "attachments").iter().map(|_| Content::File);
    Message {
        role: if message["role"] == "assistant" { Role::Assistant } else { Role::User },
        content: array(message, "content").iter().filter_map(part).chain(attached).collect(),
        ..Message::new(Role::User, "")
    }
}

/// What a step of the run said: its message, or its calls and what they gave.
fn said(step: &Value, thread: &Thread, messages: &mut Vec<Message>) {
    let details = &step["step_details"];
    if let Some(id) = details["message_creation"]["message_id"].as_str() {
        messages.extend(thread.messages.iter().filter(|one| one["id"] == id).map(message));
    }
    let calls = array(details, "tool_calls").iter().filter(|call| call["type"] == "function");
    let (mut made, mut given_back) = (Message::new(Role::Assistant, ""), Vec::new());
    for call in calls {
        let text = |value: &Value| value.as_str().unwrap_or_default().to_string();
        let function = &call["function"];
        made.tool_calls.push(PastCall {
            id: text(&call["id"]),
            name: text(&function["name"]),
            arguments: text(&function["arguments"]),
            returned: false,
        });
        if let Some(output) = given(function, "output") {
            let mut result = Message::new(Role::Tool, text(output));
            result.tool_call_id = Some(text(&call["id"]));
            given_back.push(result);
        }
    }
    if !made.tool_calls.is_empty() {
        messages.push(made);
        messages.append(&mut given_back);
    }
}
