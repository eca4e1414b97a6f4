//! aimock's fixture files as scripts.
//!
//! A fixture is a rule without limit, the first that matches wins, as here. Fixtures that differ only in `sequenceIndex`
//! are one rule with several responses. What has no counterpart is named in the rule's `$comment`.

use crate::reply::json::ScriptError;
use serde_json::{Map, Value, json};

/// Converts the JSON text of a fixture file (`{"fixtures": [{"match", "response", …}]}`).
pub fn convert_aimock(text: &str) -> Result<Value, ScriptError> {
    let file = crate::reply::json::parse(text)?;
    let Some(fixtures) = file["fixtures"].as_array() else {
        return Err(ScriptError { path: "fixtures".into(), message: "expected a list: an aimock fixture file".into() });
    };
    let mut rules: Vec<Rule> = Vec::new();
    for (index, fixture) in fixtures.iter().enumerate() {
        let rule = Rule::read(fixture)
            .map_err(|(key, message)| ScriptError { path: format!("fixtures[{index}].{key}"), message })?;
        let earlier = rules
            .iter_mut()
            .find(|earlier| earlier.order.is_some() && rule.order.is_some() && earlier.condition == rule.condition);
        match earlier {
            Some(earlier) => earlier.responses.extend(rule.responses),
            None => rules.push(rule),
        }
    }
    Ok(json!({"rules": rules.into_iter().map(Rule::into_json).collect::<Vec<_>>()}))
}

/// What cannot be converted: the key within the fixture, and why.
type Fault = (&'static str, String);

struct Rule {
    condition: Value,
    /// `sequenceIndex`: one use each, in this order.
    order: Option<u64>,
    /// Order and reply.
    responses: Vec<(u64, Value)>,
    /// Keys without a counterpart.
    dropped: Vec<String>,
}

impl Rule {
    fn read(fixture: &Value) -> Result<Rule, Fault> {
        let mut dropped = Vec::new();
        let order = fixture["match"]["sequenceIndex"].as_u64();
        let mut reply = reply(&fixture["response"], &mut dropped)?;
        delivery(fixture, &mut reply, &mut dropped);
        let condition = condition(&fixture["match"], &mut dropped)?;
        Ok(Rule { condition, order, responses: vec![(order.unwrap_or(0), Value::Object(reply))], dropped })
    }

    fn into_json(mut self) -> Value {
        let mut rule = json!({"match": self.condition});
        self.responses.sort_by_key(|(order, _)| *order);
        let mut responses: Vec<Value> = self.responses.into_iter().map(|(_, reply)| reply).collect();
        if self.order.is_some() {
            rule["responses"] = json!(responses);
        } else {
            rule["response"] = responses.pop().unwrap_or_default();
            rule["times"] = json!("unlimited");
        }
        if !self.dropped.is_empty() {
            rule["$comment"] = json!(format!("aimock's {} have no counterpart", self.dropped.join(", ")));
        }
        rule
    }
}

/// A substring as a regex.
fn containing(text: &str) -> Value {
    json!(regex::escape(text))
}

fn condition(given: &Value, dropped: &mut Vec<String>) -> Result<Value, Fault> {
    let mut found = Map::new();
    let mut tool_result = None;
    for (key, value) in given.as_object().into_iter().flatten() {
        let text = value.as_str().unwrap_or_default();
        let (name, value) = match key.as_str() {
            "userMessage" | "inputText" => ("user", containing(text)),
            "systemMessage" => {
                let texts: Vec<&str> = match value {
                    Value::Array(texts) => texts.iter().filter_map(Value::as_str).collect(),
                    _ => vec![text],
                };
                let Some(all) = texts.iter().rev().fold(None, |rest, text| Some(and_system(text, rest))) else {
                    continue;
                };
                found.extend(all);
                continue;
            }
            "toolName" => ("tool_offered", value.clone()),
            "toolResultContains" => {
                tool_result = Some(json!({"text": containing(text)}));
                continue;
            }
            // Ids are minted anew in each run: what is left is that a tool was answered.
            "toolCallId" => {
                dropped.push(key.clone());
                tool_result.get_or_insert(json!({}));
                continue;
            }
            "hasToolResult" => {
                tool_result.get_or_insert(if value == &Value::Bool(true) { json!({}) } else { json!(false) });
                continue;
            }
            // A name also stands for its dated snapshots.
            "model" => ("model", json!(format!("/^{}(-\\d.*)?$/", regex::escape(text)))),
            "responseFormat" => ("format", value.clone()),
            "turnIndex" => ("turn", value.clone()),
            "context" => ("header", json!({"x-aimock-context": format!("^{}$", regex::escape(text))})),
            "endpoint" => match operation(text) {
                Some("") => continue,
                Some(operation) => ("operation", json!(operation)),
                None => return Err(("match.endpoint", format!("\"{text}\" is not an endpoint of the OpenAI API"))),
            },
            "sequenceIndex" => continue,
            other => {
                dropped.push(format!("match.{other}"));
                continue;
            }
        };
        found.insert(name.into(), value);
    }
    if let Some(result) = tool_result {
        found.insert("tool_result".into(), result);
    }
    Ok(Value::Object(found))
}

/// All of several conditions on one key: not (not …).
fn and_system(text: &str, rest: Option<Map<String, Value>>) -> Map<String, Value> {
    let mut all = Map::new();
    all.insert("system".into(), containing(text));
    if let Some(rest) = rest {
        all.insert("not".into(), json!({"not": rest}));
    }
    all
}

/// The operation of an aimock endpoint; empty = what its reply can answer anyway.
fn operation(endpoint: &str) -> Option<&'static str> {
    Some(match endpoint {
        "chat" | "realtime" => "",
        "image" => "images.*",
        "speech" => "audio.speech.create",
        "transcription" => "audio.transcriptions.create",
        "translation" => "audio.translations.create",
        "embedding" => "embeddings.create",
        _ => return None,
    })
}

fn reply(given: &Value, dropped: &mut Vec<String>) -> Result<Map<String, Value>, Fault> {
    let mut reply = Map::new();
    let mut output = Vec::new();
    let Some(keys) = given.as_object() else { return Err(("response", "expected an object".into())) };
    let ordered = keys.contains_key("blocks");
    for (key, value) in keys {
        let (name, value) = match key.as_str() {
            // Blocks hold the same in the order shown.
            "content" | "toolCalls" if ordered => continue,
            "content" if value.is_string() => ("text", value.clone()),
            "content" => ("json", value.clone()),
            "toolCalls" => ("tool_calls", value.as_array().into_iter().flatten().map(tool_call).collect()),
            "blocks" => {
                output.extend(value.as_array().into_iter().flatten().map(|block| match block["type"].as_str() {
                    Some("toolCall") => json!({"tool_calls": [tool_call(block)]}),
                    _ => json!({"text": block["text"].as_str().unwrap_or_default()}),
                }));
                continue;
            }
            "webSearches" => {
                let search =
                    |query: &Value| json!({"type": "web_search_call", "action": {"type": "search", "query": query}});
                output.splice(0..0, value.as_array().into_iter().flatten().map(search));
                continue;
            }
            "reasoning" | "embedding" | "id" | "model" | "usage" => (key.as_str(), value.clone()),
            "finishReason" => ("finish_reason", value.clone()),
            "error" => ("error", error(given)),
            "status" | "retryAfter" if keys.contains_key("error") => continue,
            "json" => ("raw", json!({"status": given.get("status").unwrap_or(&json!(200)), "body": value})),
            "status" if keys.contains_key("json") => continue,
            "audio" => ("audio", json!({"data": value.get("b64Json").unwrap_or(value)})),
            "transcription" => ("transcript", value.clone()),
            "image" | "images" => {
                let pictures: Vec<&Value> = match value {
                    Value::Array(items) => items.iter().collect(),
                    one => vec![one],
                };
                let data = pictures.iter().map(|picture| picture.get("b64Json").cloned()).collect::<Option<Vec<_>>>();
                let Some(data) = data else {
                    return Err(("response", "a picture by url has no counterpart; give it as b64Json".into()));
                };
                ("choices", data.iter().map(|data| json!({"image": data})).collect())
            }
            "video" | "live" => return Err(("response", format!("{key} has no counterpart"))),
            other => {
                dropped.push(format!("response.{other}"));
                continue;
            }
        };
        reply.insert(name.into(), value);
    }
    if !output.is_empty() {
        reply.insert("output".into(), json!(output));
    }
    Ok(reply)
}

fn tool_call(call: &Value) -> Value {
    let mut made = json!({"name": call["name"], "arguments": call.get("arguments").unwrap_or(&json!({}))});
    if let Some(id) = call.get("id") {
        made["id"] = id.clone();
    }
    made
}

fn error(response: &Value) -> Value {
    let mut error = Map::new();
    error.insert("status".into(), response.get("status").cloned().unwrap_or(json!(500)));
    for key in ["message", "type", "code", "param"] {
        if let Some(value) = response["error"].get(key) {
            error.insert(key.into(), value.clone());
        }
    }
    if let Some(seconds) = response["retryAfter"].as_u64() {
        error.insert("retry_after_ms".into(), json!(seconds.saturating_mul(1000)));
    }
    Value::Object(error)
}

/// How a fixture is delivered: beside `match` and `response`.
fn delivery(fixture: &Value, reply: &mut Map<String, Value>, dropped: &mut Vec<String>) {
    let mut pace = Map::new();
    for (key, value) in fixture.as_object().into_iter().flatten() {
        match key.as_str() {
            "match" | "response" | "metadata" => {}
            "latency" => {
                pace.insert("delay_ms".into(), value.clone());
            }
            "streamingProfile" => {
                for (theirs, ours) in [("ttft", "ttft_ms"), ("tps", "tokens_per_second")] {
                    if let Some(value) = value.get(theirs) {
                        pace.insert(ours.into(), value.clone());
                    }
                }
            }
            "truncateAfterChunks" => {
                reply.insert("fault".into(), json!({"kind": "disconnect", "at": value}));
            }
            other => dropped.push(other.into()),
        }
    }
    if !pace.is_empty() {
        reply.insert("pace".into(), Value::Object(pace));
    }
}
