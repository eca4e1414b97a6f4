//! A request as JSON: for reply functions, and its tool results for the journal.

use crate::prompt::{Message, PastCall, Prompt};
use crate::redact::is_secret;
use crate::script::matching::View;
use serde_json::{Value, json};

/// The request as a reply function gets it.
pub(crate) fn request(view: &View, session: &str) -> Value {
    let mut request = json!({
        "operation": view.operation,
        "method": view.method,
        "path": view.path,
        "headers": view.headers.iter().filter(|(name, _)| !is_secret(name))
            .map(|(name, value)| (name.to_string(), Value::from(value))).collect::<serde_json::Map<_, _>>(),
        "body": view.body,
        "session": session,
    });
    if let Some(prompt) = view.prompt {
        request["model"] = json!(prompt.model);
        request["messages"] = prompt.messages.iter().map(message).collect();
        request["lastUserText"] = json!(view.user_text);
        request["tools"] =
            prompt.tools.iter().map(|tool| json!({"name": tool.name, "parameters": tool.parameters})).collect();
        request["toolResults"] = tool_results(prompt);
        request["stream"] = json!(prompt.stream);
        request["turn"] = json!(prompt.turn());
    }
    request
}

/// The tool results of a request, each with name and arguments of the call it answers, null if unknown.
pub(crate) fn tool_results(prompt: &Prompt) -> Value {
    let result = |(message, call): (&Message, Option<&PastCall>)| {
        json!({
            "name": call.map(|call| call.name.as_str()).or(message.name.as_deref()),
            "arguments": call.map(|call| call.arguments.as_str()),
            "text": message.text(),
        })
    };
    prompt.answered_calls().map(result).collect()
}

fn message(message: &Message) -> Value {
    let mut value = json!({"role": message.role.as_str(), "text": message.text()});
    if !message.tool_calls.is_empty() {
        value["toolCalls"] = message
            .tool_calls
            .iter()
            .map(|call| json!({"id": call.id, "name": call.name, "arguments": call.arguments}))
            .collect();
    }
    if let Some(id) = &message.tool_call_id {
        value["toolCallId"] = json!(id);
    }
    value
}
