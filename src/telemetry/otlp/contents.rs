//! What is asked and said, as the conventions write it; only for whoever wants it reported.

use crate::desk::summary::conversation;
use crate::options::SpanNames;
use crate::reply::{Choice, Finish, Part};
use crate::session::exchange::Said;
use crate::telemetry::otlp::genai::{Report, finish};
use crate::wire::value::Holds;
use opentelemetry::KeyValue;
use serde_json::{Value, json};

/// Where message contents are reported.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Capture {
    pub(super) in_spans: bool,
    /// Log records are the events of the conventions.
    pub(super) in_events: bool,
}

impl Capture {
    pub(super) fn of_environment(names: SpanNames) -> Self {
        Capture::of(std::env::var("OTEL_INSTRUMENTATION_GENAI_CAPTURE_MESSAGE_CONTENT").ok().as_deref(), names)
    }

    /// As `opentelemetry-util-genai` reads it. openai-mokku's spans always had contents: there the variable can only
    /// take them away.
    fn of(given: Option<&str>, names: SpanNames) -> Self {
        let (in_spans, in_events) = match given.unwrap_or_default().trim().to_ascii_lowercase().as_str() {
            "" => (names == SpanNames::Mokku, false),
            "span_only" | "true" | "1" => (true, false),
            "event_only" => (false, true),
            "span_and_event" => (true, true),
            _ => (false, false),
        };
        Capture { in_spans, in_events }
    }
}

/// The attributes that have them.
pub(super) fn attributes(report: &Report) -> Vec<KeyValue> {
    if report.inference().is_none() {
        return Vec::new();
    }
    let body = serde_json::from_slice::<Value>(&report.exchange.body).unwrap_or_default();
    let told = conversation(&body);
    let messages = told["messages"].as_array().map(Vec::as_slice).unwrap_or_default();
    // What the Responses API has beside its input.
    let (system, history) = match messages.split_first() {
        Some((first, rest)) if body["instructions"].is_string() => (Some(first), rest),
        _ => (None, messages),
    };
    let mut all = Vec::new();
    let mut add = |name: &'static str, value: Value| all.push(KeyValue::new(name, value.to_string()));
    if let Some(system) = system {
        add("gen_ai.system_instructions", json!([text(&system["text"])]));
    }
    if !history.is_empty() {
        add("gen_ai.input.messages", history.iter().map(asked).collect());
    }
    if let Some(tools) = body["tools"].as_array().filter(|tools| !tools.is_empty()) {
        add("gen_ai.tool.definitions", json!(tools));
    }
    let said = if report.record.is_whole() { said(report) } else { Vec::new() };
    if !said.is_empty() {
        add("gen_ai.output.messages", said.into());
    }
    all
}

fn text(content: &Value) -> Value {
    json!({"type": "text", "content": content})
}

/// A message of the request.
fn asked(message: &Value) -> Value {
    let mut parts = Vec::new();
    match message.get("tool_call_id") {
        Some(id) => parts.push(json!({"type": "tool_call_response", "id": id, "response": message["text"]})),
        None if message["text"].as_str().is_some_and(|text| !text.is_empty()) => parts.push(text(&message["text"])),
        None => {}
    }
    let calls = message["tool_calls"].elements();
    parts.extend(calls.map(|one| call(&one["id"], &one["name"], one["arguments"].as_str().unwrap_or_default())));
    json!({"role": message["role"], "parts": parts})
}

/// A call of a tool; arguments that are JSON are shown as that.
fn call(id: &Value, name: &Value, arguments: &str) -> Value {
    let arguments = serde_json::from_str(arguments).unwrap_or_else(|_| Value::from(arguments));
    json!({"type": "tool_call", "id": id, "name": name, "arguments": arguments})
}

/// The answer's messages, one for each choice; none of what is no message.
fn said(report: &Report) -> Vec<Value> {
    match &report.record.said {
        // Bytes that passed through: why they ended is not kept.
        Said::Shown(_) => vec![answer(vec![text(&report.record.text().into())], None)],
        _ => {
            let of = |choice: &Choice| answer(choice.parts.iter().filter_map(part).collect(), Some(finish(choice)));
            report.choices().into_iter().map(of).collect()
        }
    }
}

fn answer(parts: Vec<Value>, finish: Option<Finish>) -> Value {
    let mut message = json!({"role": "assistant", "parts": parts});
    if let Some(finish) = finish {
        // The conventions' own word for what the API says in the plural.
        let finish = if finish == Finish::ToolCalls { "tool_call" } else { finish.as_str() };
        message["finish_reason"] = finish.into();
    }
    message
}

/// A part of an answer; `None` = the conventions have no word for it.
fn part(part: &Part) -> Option<Value> {
    Some(match part {
        Part::Text(said) | Part::Refusal(said) => text(&said.text.clone().into()),
        Part::Reasoning(summary) => json!({"type": "reasoning", "content": summary.join("\n")}),
        Part::ToolCall(made) => call(&json!(made.id), &made.name.clone().into(), &made.arguments.text),
        Part::Audio { transcript, .. } => text(&transcript.clone().into()),
        Part::Item(_) => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn contents_are_reported_where_the_variable_says() {
        let at = |in_spans, in_events| Capture { in_spans, in_events };
        for (given, genai, mokku) in [
            (None, at(false, false), at(true, false)),
            (Some("true"), at(true, false), at(true, false)),
            (Some("SPAN_ONLY"), at(true, false), at(true, false)),
            (Some("EVENT_ONLY"), at(false, true), at(false, true)),
            (Some("span_and_event"), at(true, true), at(true, true)),
            (Some("NO_CONTENT"), at(false, false), at(false, false)),
            (Some("false"), at(false, false), at(false, false)),
        ] {
            assert_eq!(Capture::of(given, SpanNames::Genai), genai, "{given:?}");
            assert_eq!(Capture::of(given, SpanNames::Mokku), mokku, "{given:?}");
        }
    }

    #[test]
    fn messages_are_written_as_the_conventions_have_them() {
        let said = [
            json!({"role": "user", "text": "Rain?"}),
            json!({"role": "assistant", "text": "", "tool_calls": [{"id": "1", "name": "f", "arguments": "{\"at\":2}"}]}),
            json!({"role": "tool", "text": "no", "tool_call_id": "1"}),
        ];
        let written: Vec<Value> = said.iter().map(asked).collect();
        assert_eq!(
            Value::from(written),
            json!([
                {"role": "user", "parts": [{"type": "text", "content": "Rain?"}]},
                {"role": "assistant", "parts": [{"type": "tool_call", "id": "1", "name": "f", "arguments": {"at": 2}}]},
                {"role": "tool", "parts": [{"type": "tool_call_response", "id": "1", "response": "no"}]},
            ])
        );
        assert_eq!(call(&json!("1"), &json!("f"), "not JSON")["arguments"], "not JSON");
        assert_eq!(part(&Part::Item(json!({}))), None);
        assert_eq!(answer(Vec::new(), Some(Finish::ToolCalls))["finish_reason"], "tool_call");
    }
}
