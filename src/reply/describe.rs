//! A reply as text for people.

use super::{Choice, Part, Raw, RawBody, Reply, Say};
use serde_json::{Map, Value, json};

/// Longest text shown of one message.
pub(crate) const SHOWN: usize = 200;

/// A text in quotes, shortened.
pub(crate) fn quote(text: &str) -> String {
    let short: String = text.chars().take(SHOWN).collect();
    let more = if short.len() < text.len() { "…" } else { "" };
    format!("{short:?}{more}")
}

/// What a reply says, in one line.
pub(crate) fn reply(reply: &Reply) -> String {
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
        Say::Transcript(_) => "transcript".into(),
        Say::Object(_) => "object".into(),
        Say::Nothing => "a fault or pace".into(),
    }
}

/// A reply as the script language writes it, without its pace and fault; `None` where nothing writes it.
pub(crate) fn written(reply: &Reply) -> Option<Value> {
    let mut out = match &reply.say {
        Say::Choices(choices) => match choices.as_slice() {
            [] => Map::new(),
            [one] => choice(one)?,
            many => {
                let choices = many.iter().map(|one| choice(one).map(Value::from)).collect::<Option<Vec<_>>>()?;
                Map::from_iter([("choices".into(), choices.into())])
            }
        },
        Say::Error(error) => {
            let mut said = Map::from_iter([("status".to_string(), error.status.into())]);
            let texts =
                [("message", &error.message), ("type", &error.kind), ("code", &error.code), ("param", &error.param)];
            said.extend(texts.into_iter().filter_map(|(key, text)| Some((key.to_string(), json!(text.as_ref()?)))));
            Map::from_iter([("error".into(), said.into())])
        }
        Say::Raw(raw) => Map::from_iter([("raw".into(), body(raw)?)]),
        _ => return None,
    };
    let overrides = &reply.overrides;
    let more = [
        ("usage", overrides.usage.clone()),
        ("model", overrides.model.clone().map(Value::from)),
        ("id", overrides.id.clone().map(Value::from)),
        ("headers", (!overrides.headers.is_empty()).then(|| headers(&overrides.headers))),
        ("check", overrides.unchecked.then_some(Value::Bool(false))),
    ];
    out.extend(more.into_iter().filter_map(|(key, value)| Some((key.to_string(), value?))));
    Some(out.into())
}

fn headers(headers: &[(String, String)]) -> Value {
    headers.iter().map(|(name, value)| (name.clone(), Value::from(value.as_str()))).collect::<Map<_, _>>().into()
}

fn body(raw: &Raw) -> Option<Value> {
    let mut out = json!({"status": raw.status});
    if !raw.headers.is_empty() {
        out["headers"] = headers(&raw.headers);
    }
    match &raw.body {
        RawBody::Empty => {}
        RawBody::Json(body) => out["body"] = body.clone(),
        RawBody::Text(text) => out["body"] = text.as_str().into(),
        RawBody::Sse(events) => {
            let event = |(name, data): &(Option<String>, Value)| match name {
                Some(name) => json!({"event": name, "data": data}),
                None => json!({"data": data}),
            };
            out["sse"] = events.iter().map(event).collect();
        }
        RawBody::Chunks(_) | RawBody::Events(_) | RawBody::Passing(_) => return None,
    }
    Some(out)
}

/// A choice; parts that are not in the order in which the keys' parts come are listed one by one.
fn choice(choice: &Choice) -> Option<Map<String, Value>> {
    let mut out = Map::new();
    let place = |part: &Part| match part {
        Part::Reasoning(_) => Some(0),
        Part::Text(text) | Part::Refusal(text) if text.annotations.is_empty() && text.phase.is_none() => Some(1),
        Part::ToolCall(_) => Some(2),
        _ => None,
    };
    let places: Option<Vec<u8>> = choice.parts.iter().map(place).collect();
    // There may be several calls, but one of the others.
    let usual = places.is_some_and(|places| places.windows(2).all(|two| two[0] < two[1] || two == [2, 2]));
    let parts = choice.parts.iter().map(part).collect::<Option<Vec<_>>>()?;
    if usual {
        let mut calls: Vec<Value> = Vec::new();
        for (key, value) in parts.into_iter().flatten() {
            match value {
                Value::Array(more) if key == "tool_calls" => calls.extend(more),
                value => drop(out.insert(key, value)),
            }
        }
        if !calls.is_empty() {
            out.insert("tool_calls".into(), calls.into());
        }
    } else {
        out.insert("output".into(), parts.into_iter().map(Value::from).collect());
    }
    if let Some(finish) = choice.finish {
        out.insert("finish_reason".into(), finish.as_str().into());
    }
    if let Some(logprobs) = &choice.logprobs {
        out.insert("logprobs".into(), json!(logprobs));
    }
    Some(out)
}

fn part(part: &Part) -> Option<Map<String, Value>> {
    let mut out = Map::new();
    match part {
        Part::Text(text) | Part::Refusal(text) => {
            let key = if matches!(part, Part::Text(_)) { "text" } else { "refusal" };
            out.insert(key.into(), text.text.as_str().into());
            if !text.annotations.is_empty() {
                out.insert("annotations".into(), text.annotations.clone().into());
            }
            out.extend(text.phase.as_ref().map(|phase| ("phase".to_string(), phase.as_str().into())));
        }
        Part::Reasoning(summary) => drop(out.insert("reasoning".into(), json!(summary))),
        Part::ToolCall(call) => {
            let key = if call.custom { "input" } else { "arguments" };
            let mut said = json!({"name": call.name, key: call.arguments.text});
            if let Some(id) = &call.id {
                said["id"] = id.as_str().into();
            }
            out.insert("tool_calls".into(), json!([said]));
        }
        Part::Item(Value::Object(item)) => out = item.clone(),
        Part::Item(_) | Part::Audio { .. } => return None,
    }
    Some(out)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::script::{Origin, reply as read};

    #[test]
    fn what_is_written_is_read_as_the_same() {
        for given in [
            json!({"text": "a"}),
            json!({"reasoning": ["why"], "text": "a", "tool_calls": [{"name": "f", "arguments": "{\"a\":1}", "id": "call_1"}, {"name": "g", "input": "x"}]}),
            json!({"refusal": "no", "finish_reason": "stop", "model": "m", "usage": {"prompt_tokens": 3}, "check": false}),
            json!({"output": [{"text": "a", "phase": "commentary"}, {"type": "web_search_call", "id": "ws_1", "status": "completed"}, {"text": "b"}]}),
            json!({"choices": [{"text": "a"}, {"text": "b"}], "headers": {"x-a": "b"}}),
            json!({"error": {"status": 429, "message": null, "code": "c"}}),
            json!({"raw": {"status": 201, "headers": {"x-a": "b"}, "body": {"a": [1]}}}),
            json!({"raw": {"status": 200, "sse": [{"event": "e", "data": {"a": 1}}, {"data": "[DONE]"}]}}),
        ] {
            let first = written(&read(&given, "reply", Origin::Http).expect("a reply")).expect("written");
            let again = written(&read(&first, "reply", Origin::Http).expect("a reply")).expect("written");
            assert_eq!(first, again, "{given}");
            for key in given.as_object().into_iter().flat_map(Map::keys) {
                assert_eq!(first[key], given[key], "{key}");
            }
        }
    }
}
