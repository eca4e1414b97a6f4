//! Requests and replies as text for people, and as JSON for functions.

use crate::api::Call;
use crate::journal::OpenExchange;
use crate::prompt::{Message, PastCall, Prompt, Role};
use crate::reply::{Part, Reply, Say};
use crate::session::Session;
use serde_json::{Value, json};
use std::fmt::Write;

/// Longest text shown of one message.
const SHOWN: usize = 200;

/// The request as a reply function gets it.
pub fn request(call: &Call, prompt: Option<&Prompt>) -> Value {
    let mut request = json!({
        "operation": call.operation.name,
        "method": call.method,
        "path": call.path,
        "headers": call.headers.iter().filter(|(name, _)| !is_secret(name))
            .map(|(name, value)| (name.to_string(), Value::from(value))).collect::<serde_json::Map<_, _>>(),
        "body": *call.body,
        "session": call.session.label(),
    });
    if let Some(prompt) = prompt {
        request["model"] = json!(prompt.model);
        request["messages"] = prompt.messages.iter().map(message).collect();
        request["lastUserText"] = json!(prompt.user_text());
        request["tools"] =
            prompt.tools.iter().map(|tool| json!({"name": tool.name, "parameters": tool.parameters})).collect();
        request["toolResults"] = tool_results(prompt);
        request["stream"] = json!(prompt.stream);
        request["turn"] = json!(prompt.turn());
    }
    request
}

/// The tool results of a request, each with name and arguments of the call it answers, null if unknown.
pub fn tool_results(prompt: &Prompt) -> Value {
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

/// Headers whose values are never shown.
pub fn is_secret(name: &str) -> bool {
    matches!(
        name,
        "authorization" | "api-key" | "x-api-key" | "cookie" | "proxy-authorization" | "sec-websocket-protocol"
    )
}

/// What a session without a script says to a request it cannot answer.
pub fn no_script(call: &Call, prompt: &Prompt) -> String {
    format!(
        "No matching rule: no script loaded for session {}. The request was {} with the user text {}. Load replies with \
         POST /_emulator/script (the same API key), session.replies(…), or set the option fallback.",
        call.session.label(),
        call.operation.name,
        quote(&prompt.user_text()),
    )
}

/// A text in quotes, shortened.
pub fn quote(text: &str) -> String {
    let short: String = text.chars().take(SHOWN).collect();
    let more = if short.len() < text.len() { "…" } else { "" };
    format!("{short:?}{more}")
}

/// What a reply says, in one line.
pub fn reply(reply: &Reply) -> String {
    match &reply.say {
        Say::Choices(choices) => {
            let parts = choices.iter().flat_map(|choice| &choice.parts).map(|part| match part {
                Part::Text(text) => quote(&text.text),
                Part::Refusal(text) => format!("refusal {}", quote(&text.text)),
                Part::Reasoning(_) => "reasoning".into(),
                Part::ToolCall(call) => {
                    let arguments: String = call.arguments.text.chars().take(SHOWN).collect();
                    format!("{}({arguments})", call.name)
                }
                Part::Item(item) => item.get("type").and_then(Value::as_str).unwrap_or("item").to_string(),
                Part::Audio { transcript, .. } => format!("audio {}", quote(transcript)),
            });
            parts.collect::<Vec<_>>().join(", ")
        }
        Say::Error(error) => match &error.message {
            Some(Some(message)) => format!("error {} {}", error.status, quote(message)),
            _ => format!("error {}", error.status),
        },
        Say::Raw(raw) => format!("raw {}", raw.status),
        Say::Ask(_) => "another responder".into(),
        Say::Embeddings(_) => "embedding".into(),
        Say::Moderation(_) => "moderation".into(),
        Say::Images(_) => "image".into(),
        Say::Audio(_) => "audio".into(),
        Say::Transcript(_) => "transcript".into(),
        Say::Nothing => "a fault".into(),
    }
}

/// Exchanges shown before a request that nothing answered.
const EARLIER: usize = 10;

/// What went before in the session of a request that nothing answered, for its error; empty if nothing did.
pub fn earlier(session: &Session) -> String {
    let exchanges = session.journal.since(0, usize::MAX);
    let skipped = exchanges.len().saturating_sub(EARLIER);
    let mut out = match (exchanges.len(), skipped) {
        (0, _) => return String::new(),
        (_, 0) => "\nEarlier in this session:\n".to_string(),
        (_, more) => format!("\nEarlier in this session (and {more} more before):\n"),
    };
    for (index, (_, one)) in exchanges.iter().enumerate().skip(skipped) {
        exchange(index + 1, one, &mut out);
    }
    out.truncate(out.trim_end().len());
    out
}

/// One exchange of a transcript: what was asked, who answered, what, and why not.
fn exchange(number: usize, exchange: &OpenExchange, out: &mut String) {
    let record = exchange.record();
    let asked = exchange.asked.lock().map(|asked| asked.clone()).unwrap_or_default();
    // Writing to a String cannot fail.
    let _ = writeln!(
        out,
        "{number}. {}{}{}",
        exchange.operation,
        if exchange.stream { " (stream)" } else { "" },
        if asked.is_empty() { String::new() } else { format!(" {}: {}", Role::User.as_str(), quote(&asked)) },
    );
    let by = match (&record.rule, record.outcome) {
        (Some(rule), _) => rule.label().to_string(),
        (None, outcome) => json!(outcome).as_str().unwrap_or_default().replace('_', " "),
    };
    let explanation = record.explanation.as_deref();
    let said = match record.said() {
        said if said.is_empty() || explanation.is_some_and(|why| said.starts_with(why)) => String::new(),
        said => format!(" {said}"),
    };
    let mark = if explanation.is_some() { "✗" } else { "→" };
    let _ = writeln!(out, "   {mark} [{by}] {}{said}", record.status);
    for line in explanation.unwrap_or_default().lines() {
        let _ = writeln!(out, "     {line}");
    }
}

/// The session as a person reads it: every exchange, who answered it, what is left. Without ids, times and addresses,
/// so that it is fit for a snapshot.
pub fn transcript(session: &Session, unused: &[Value]) -> String {
    let mut out = String::new();
    for (index, (_, one)) in session.journal.since(0, usize::MAX).iter().enumerate() {
        exchange(index + 1, one, &mut out);
    }
    if out.is_empty() {
        out.push_str("(no requests)\n");
    }
    if !unused.is_empty() {
        out.push_str("unused replies:\n");
        for rule in unused {
            let field = |key: &str| rule.get(key).filter(|value| !value.is_null());
            let label = field("name").or(field("path")).and_then(Value::as_str).unwrap_or_default();
            let source = field("rule").map(Value::to_string).unwrap_or_default();
            let more = if source.chars().count() > SHOWN { "…" } else { "" };
            let source: String = source.chars().take(SHOWN).collect();
            let left = field("left").map(Value::to_string).unwrap_or_default();
            let _ = writeln!(out, "   - [{label}] {source}{more} ({left} left)");
        }
    }
    out
}
