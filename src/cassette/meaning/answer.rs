//! What was answered, as a reply of the script language.

use super::{chat, responses, sse};
use crate::cassette::format::{RecordedResponse, Recording};
use crate::reply::{Reply, describe};
use crate::script::{self, Origin};
use crate::surface;
use crate::wire::dialect::Dialect;
use serde_json::{Map, Value, json};

/// The reply that a recorded response means; `None` = it means nothing but its bytes.
pub(crate) fn reply(recording: &Recording) -> Option<Value> {
    let response = recording.response.as_ref()?;
    let body = String::from_utf8(response.body()).ok()?;
    let reply = of_body(recording, response, &body)?;
    // Whatever a table above has missed: what no script would take is no meaning.
    script::reply(&reply, "reply", Origin::File).ok()?;
    Some(reply)
}

fn of_body(recording: &Recording, response: &RecordedResponse, body: &str) -> Option<Value> {
    if response.status >= 400 {
        return error(response, &serde_json::from_str(body).ok()?);
    }
    meant(&recording.operation, response.is_stream(), body)
}

/// What the body of an answer means, whole or in events.
fn meant(operation: &str, stream: bool, body: &str) -> Option<Value> {
    let dialect = surface::operations::named(operation)?.dialect;
    match dialect {
        Dialect::Chat | Dialect::Completions => {
            let whole = if stream { chat::gathered(&sse::events(body))? } else { serde_json::from_str(body).ok()? };
            chat::reply(&whole)
        }
        Dialect::Responses => {
            let whole = if stream { responses::last(&sse::events(body))? } else { serde_json::from_str(body).ok()? };
            responses::reply(&whole)
        }
        _ => None,
    }
}

/// Whether a body begins as a stream of events does.
fn is_stream(body: &str) -> bool {
    ["data:", "event:", "id:", ":"].iter().any(|begin| body.starts_with(begin))
}

/// What the bytes of an answer say, as a reply; `None` = they are an error, or mean nothing that is known here.
pub(crate) fn read(operation: &str, body: &str) -> Option<Reply> {
    script::reply(&meant(operation, is_stream(body), body)?, "reply", Origin::File).ok()
}

/// What the bytes of an answer say, in one line for people; of a stream also its beginning says something. `None` = they
/// mean nothing that is known here.
pub(crate) fn said(operation: &str, body: &str) -> Option<String> {
    let stream = is_stream(body);
    let failed = |body: &Value| body["error"]["message"].as_str().map(String::from);
    if let Some(message) = serde_json::from_str(body).ok().as_ref().and_then(failed) {
        return Some(message);
    }
    let line = read(operation, body).map(|reply| describe::reply(&reply)).filter(|line| !line.is_empty());
    line.or_else(|| {
        let pieces = if stream { sse::spoken(&sse::events(body)) } else { Vec::new() };
        (!pieces.is_empty()).then(|| describe::quote(&pieces.join(" ")))
    })
}

/// An error as scripts say it.
fn error(response: &RecordedResponse, body: &Value) -> Option<Value> {
    let said = body.get("error")?.as_object()?;
    let mut error = Map::new();
    error.insert("status".into(), json!(response.status));
    for key in ["message", "type", "code", "param"] {
        if let Some(value) = said.get(key).filter(|value| value.is_string() || value.is_null()) {
            error.insert(key.into(), value.clone());
        }
    }
    let wait = response.headers.get("retry-after-ms").and_then(Value::as_str).and_then(|ms| ms.parse::<u64>().ok());
    error.insert("retry_after_ms".into(), wait.map_or(Value::Null, Value::from));
    Some(json!({"error": error}))
}

/// Token counts in the script's words.
pub(super) fn usage(usage: &Value) -> Option<Value> {
    let kept = |(key, value): (&String, &Value)| {
        let details = value.as_object().map(|details| {
            let numbers = details.iter().filter(|(_, count)| count.is_u64());
            Value::Object(numbers.map(|(key, count)| (key.clone(), count.clone())).collect())
        });
        let known = ["prompt_tokens", "completion_tokens", "input_tokens", "output_tokens", "total_tokens"];
        match details {
            Some(details) if key.ends_with("_details") => Some((key.clone(), details)),
            None if value.is_u64() && known.contains(&key.as_str()) => Some((key.clone(), value.clone())),
            _ => None,
        }
    };
    let map: Map<String, Value> = usage.as_object()?.iter().filter_map(kept).collect();
    (!map.is_empty()).then_some(Value::Object(map))
}

/// Log probabilities in the script's words.
pub(super) fn logprobs(list: &Value) -> Option<Value> {
    let list = list.as_array().filter(|list| !list.is_empty())?;
    Some(list.iter().map(logprob).collect())
}

fn logprob(one: &Value) -> Value {
    let mut kept = json!({"token": one["token"], "logprob": one["logprob"]});
    if let Some(top) = one["top_logprobs"].as_array().filter(|top| !top.is_empty()) {
        kept["top_logprobs"] = top.iter().map(logprob).collect();
    }
    kept
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_are_told_as_what_they_say() {
        let chat = "chat.completions.create";
        let chunk = |delta: Value| format!("data: {}\n\n", json!({"choices": [{"index": 0, "delta": delta}]}));
        let call = json!({"tool_calls": [{"index": 0, "id": "c", "type": "function", "function": {"name": "f", "arguments": "{}"}}]});
        let begun = "event: response.created\ndata: {\"type\":\"response.created\",\"response\":{\"status\":\"in_progress\"}}\n\n";
        let delta = "event: x\ndata: {\"type\":\"response.output_text.delta\",\"output_index\":0,\"content_index\":0,\"delta\":\"Hi\"}\n\n";
        for (operation, body, expected) in [
            (
                chat,
                json!({"choices": [{"message": {"content": "Hi \"you\""}, "finish_reason": "stop"}]}).to_string(),
                Some(r#""Hi \"you\"""#),
            ),
            (
                chat,
                format!("{}{}data: {{\"cho", chunk(json!({"content": "H"})), chunk(json!({"content": "i"}))),
                Some("\"Hi\""),
            ),
            (chat, chunk(call), Some("f({})")),
            (chat, json!({"error": {"message": "slow down"}}).to_string(), Some("slow down")),
            (
                "completions.create",
                json!({"choices": [{"text": "Hi", "finish_reason": "stop"}]}).to_string(),
                Some("\"Hi\""),
            ),
            ("responses.create", format!("{begun}{delta}{delta}"), Some("\"HiHi\"")),
            (chat, "plain".into(), None),
            (chat, "{\"choices\": [{\"mess".into(), None),
            ("embeddings.create", "{\"data\": []}".into(), None),
        ] {
            assert_eq!(said(operation, &body).as_deref(), expected, "{body}");
        }
    }
}
