//! An exchange on one line, and a conversation as people read it.

use crate::clock;
use crate::session::Session;
use crate::session::exchange::Exchange;
use crate::wire::value::Holds;
use serde_json::{Map, Value, json};
use std::time::Duration;

/// Characters of a text on one line.
const SHORT: usize = 300;

/// An exchange as lists show it.
pub(crate) fn summary(session: &Session, exchange: &Exchange) -> Value {
    of(session, exchange, SHORT)
}

/// The same, its texts whole.
pub(crate) fn whole(session: &Session, exchange: &Exchange) -> Value {
    of(session, exchange, usize::MAX)
}

/// One that ends at this moment: its journal will know only once everybody was told.
pub(crate) fn over(session: &Session, exchange: &Exchange) -> Value {
    let mut shown = summary(session, exchange);
    shown["state"] = "done".into();
    shown["waiting_for"] = Value::Null;
    if shown["total_ms"].is_null() {
        shown["total_ms"] = (clock::world().saturating_sub(exchange.arrived).as_secs_f64() * 1_000.0).into();
    }
    shown
}

fn of(session: &Session, exchange: &Exchange, longest: usize) -> Value {
    let record = exchange.record();
    let asked = exchange.asked().clone();
    let since =
        |moment: Option<Duration>| moment.map(|moment| moment.saturating_sub(exchange.arrived).as_secs_f64() * 1_000.0);
    json!({
        "id": exchange.serial.to_string(),
        "session": session.label(),
        "session_id": session.serial.to_string(),
        "number": exchange.number,
        "state": if record.is_done() { "done" } else { "in_flight" },
        "waiting_for": exchange.waiting(session.clock.now()),
        "operation": exchange.operation,
        "method": exchange.method,
        "path": exchange.target,
        "model": exchange.wants,
        "stream": exchange.stream,
        "asked": short(&asked, longest),
        "client": exchange.peer.map(|peer| json!({"ip": peer.ip().to_canonical().to_string(), "port": peer.port()})),
        "outcome": record.outcome,
        "by": record.by,
        "rule": record.rule_label(),
        "status": record.status,
        "said": short(&record.said(), longest),
        "failure": record.failure,
        "aborted": record.aborted,
        "arrived": exchange.arrived.as_millis() as u64,
        "first_ms": since(first_token(exchange)),
        "total_ms": since(exchange.over.get()),
        "tokens": exchange.tokens.get().map(tokens),
        "request_id": exchange.request_id,
        "retry_count": exchange.headers.all("x-stainless-retry-count").next().and_then(|n| n.parse::<u64>().ok()).unwrap_or(0),
    })
}

/// When the first piece of an answer's content left; of one that left whole, when it did.
pub(crate) fn first_token(exchange: &Exchange) -> Option<Duration> {
    exchange.first_content.get().or_else(|| exchange.first.get().filter(|_| !exchange.stream))
}

/// Tokens of requests and answers.
pub(crate) fn tokens((input, output): &(u64, u64)) -> Value {
    json!({"input": input, "output": output})
}

fn short(text: &str, longest: usize) -> &str {
    text.char_indices().nth(longest).map_or(text, |(end, _)| &text[..end])
}

/// The address an exchange's client is known by.
pub(crate) fn address(exchange: &Exchange) -> String {
    exchange.peer.map_or_else(String::new, |peer| peer.ip().to_canonical().to_string())
}

/// A request that was given this body, by an operator or from a queue.
pub(crate) fn completed(exchange: &Exchange, response: &Value, status: u16, by: &str) -> Value {
    json!({
        "id": exchange.serial.to_string(),
        "ip": address(exchange),
        "port": exchange.peer.map(|peer| peer.port()),
        "body": serde_json::from_slice::<Value>(&exchange.body).unwrap_or_default(),
        "response": response,
        "status_code": status,
        "by": by,
    })
}

/// A request's conversation, whatever its dialect; null where there is none.
pub(crate) fn conversation(body: &Value) -> Value {
    let items = match (&body["messages"], &body["input"], &body["prompt"]) {
        (Value::Array(items), ..) | (_, Value::Array(items), _) | (_, _, Value::Array(items)) => items.as_slice(),
        (_, text @ Value::String(_), _) | (_, _, text @ Value::String(_)) => std::slice::from_ref(text),
        _ => return Value::Null,
    };
    let mut messages: Vec<Value> = Vec::new();
    if let Some(text) = body["instructions"].as_str() {
        messages.push(json!({"role": "system", "text": text}));
    }
    messages.extend(items.iter().filter_map(message));
    let tools = body["tools"].elements().filter_map(|tool| {
        let tool = tool.get("function").unwrap_or(tool);
        Some(json!({"name": tool.get("name")?, "parameters": tool["parameters"]}))
    });
    let format = body.get("response_format").or_else(|| body["text"].get("format"));
    json!({"messages": messages, "tools": tools.collect::<Vec<_>>(), "format": format})
}

fn message(item: &Value) -> Option<Value> {
    let text = |value: &Value| match value {
        Value::String(text) => text.clone(),
        Value::Array(parts) => parts.iter().filter_map(|part| part["text"].as_str()).collect::<Vec<_>>().join("\n"),
        _ => String::new(),
    };
    let call = |id: &Value, call: &Value| {
        let arguments = call.get("arguments").or_else(|| call.get("input"));
        json!({"id": id, "name": call["name"], "arguments": arguments})
    };
    let mut said = Map::new();
    match item["type"].as_str() {
        // An input of an embedding, a prompt.
        None if item.is_string() => {
            said.insert("role".into(), "user".into());
            said.insert("text".into(), item.clone());
        }
        Some("function_call" | "custom_tool_call") => {
            said.insert("role".into(), "assistant".into());
            said.insert("text".into(), "".into());
            said.insert("tool_calls".into(), json!([call(&item["call_id"], item)]));
        }
        Some("function_call_output" | "custom_tool_call_output") => {
            said.insert("role".into(), "tool".into());
            said.insert("text".into(), text(&item["output"]).into());
            said.insert("tool_call_id".into(), item["call_id"].clone());
        }
        _ => {
            said.insert("role".into(), item.get("role")?.clone());
            said.insert("text".into(), text(&item["content"]).into());
            if let Some(calls) = item["tool_calls"].as_array() {
                let of =
                    |one: &Value| call(&one["id"], one.get("function").or_else(|| one.get("custom")).unwrap_or(one));
                said.insert("tool_calls".into(), calls.iter().map(of).collect());
            }
            if let Some(id) = item.get("tool_call_id") {
                said.insert("tool_call_id".into(), id.clone());
            }
        }
    }
    Some(said.into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_dialects_read_alike() {
        let chat = json!({"messages": [
            {"role": "user", "content": [{"type": "text", "text": "a"}, {"type": "text", "text": "b"}]},
            {"role": "assistant", "content": null, "tool_calls": [{"id": "1", "type": "function", "function": {"name": "f", "arguments": "{}"}}]},
            {"role": "tool", "tool_call_id": "1", "content": "c"},
        ], "tools": [{"type": "function", "function": {"name": "f", "parameters": {"type": "object"}}}]});
        let responses = json!({"input": [
            {"role": "user", "content": [{"type": "input_text", "text": "a"}, {"type": "input_text", "text": "b"}]},
            {"type": "function_call", "call_id": "1", "name": "f", "arguments": "{}"},
            {"type": "function_call_output", "call_id": "1", "output": "c"},
        ], "tools": [{"type": "function", "name": "f", "parameters": {"type": "object"}}]});
        assert_eq!(conversation(&chat), conversation(&responses));
        assert_eq!(conversation(&json!({"prompt": "x"}))["messages"][0], json!({"role": "user", "text": "x"}));
        for texts in [json!({"prompt": ["x", "y"]}), json!({"input": ["x", "y"]})] {
            let said = conversation(&texts)["messages"].clone();
            assert_eq!(said, json!([{"role": "user", "text": "x"}, {"role": "user", "text": "y"}]));
        }
        // Tokens are no text.
        assert_eq!(conversation(&json!({"prompt": [1, 2]}))["messages"], json!([]));
        assert_eq!(conversation(&json!({"file": 1})), Value::Null);
    }
}
