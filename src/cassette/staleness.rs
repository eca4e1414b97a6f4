//! Whether recordings still fit: today's surface, or what the API answers today.

use super::format::{RecordedResponse, Recording};
use super::meaning;
use crate::surface::{self, operations};
use serde_json::{Map, Value};
use std::collections::BTreeMap;

/// How bad a difference is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Staleness {
    /// Something was added since: old answers lack it.
    Added,
    /// Something is not there any more.
    Removed,
    /// Something has another type.
    Changed,
}

impl Staleness {
    /// As it is printed.
    pub(crate) fn word(self) -> &'static str {
        match self {
            Staleness::Added => "info",
            Staleness::Removed => "warning",
            Staleness::Changed => "error",
        }
    }
}

/// One difference: how bad, where, what.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Stale {
    pub(crate) tier: Staleness,
    pub(crate) path: String,
    pub(crate) what: String,
}

fn stale(tier: Staleness, path: &str, what: impl Into<String>) -> Stale {
    Stale { tier, path: path.trim_start_matches('.').to_string(), what: what.into() }
}

/// Where a recording does not fit the surface; `known` = whether there is a model of this name.
pub(crate) fn against_surface(recording: &Recording, known: &dyn Fn(&str) -> bool) -> Vec<Stale> {
    let mut found = Vec::new();
    let Some(operation) = operations::named(&recording.operation) else {
        return vec![stale(Staleness::Removed, "operation", format!("there is no {} any more", recording.operation))];
    };
    let request = &recording.request.body;
    if let Some(model) = request.get("model").and_then(Value::as_str).filter(|model| !known(model)) {
        found.push(stale(Staleness::Removed, "request.body.model", format!("{model:?} is retired or unknown")));
    }
    if let (Some(name), false) = (operation.body, request.is_null()) {
        fits(request, &surface::schema(name), "request.body", &mut found);
    }
    let Some(response) = recording.response.as_ref().filter(|response| response.status < 400) else { return found };
    let Ok(body) = String::from_utf8(response.body()) else { return found };
    if response.is_stream() {
        let Some(name) = operation.events else { return found };
        let schema = surface::schema(name);
        let mut once: Vec<Stale> = Vec::new();
        for event in meaning::events(&body) {
            let kind = event["type"].as_str().unwrap_or("chunk").to_string();
            fits(&event, &schema, &format!("response.{kind}"), &mut once);
        }
        once.dedup();
        for one in once {
            // A stream says the same hundreds of times.
            if !found.contains(&one) {
                found.push(one);
            }
        }
    } else if let (Some(name), Ok(value)) = (operation.answer, serde_json::from_str::<Value>(&body)) {
        match operation.kind {
            operations::AnswerKind::Object => fits(&value, &surface::schema(name), "response", &mut found),
            operations::AnswerKind::Page => {
                for (index, item) in value["data"].as_array().into_iter().flatten().enumerate() {
                    fits(item, &surface::schema(name), &format!("response.data[{index}]"), &mut found);
                }
            }
            _ => {}
        }
    }
    found
}

/// Follows a reference to its type.
fn resolved(schema: &Value) -> std::borrow::Cow<'_, Value> {
    match schema["$ref"].as_str().and_then(|target| target.strip_prefix("#/$defs/")) {
        Some(name) => {
            let target = surface::schema(name);
            std::borrow::Cow::Owned(resolved(&target).into_owned())
        }
        None => std::borrow::Cow::Borrowed(schema),
    }
}

/// Holds a value against a type.
fn fits(value: &Value, schema: &Value, path: &str, found: &mut Vec<Stale>) {
    let schema = resolved(schema);
    for key in ["anyOf", "oneOf"] {
        if let Some(variants) = schema[key].as_array() {
            return fits_one(value, variants, path, found);
        }
    }
    for part in schema["allOf"].as_array().into_iter().flatten() {
        fits(value, part, path, found);
    }
    if !has_type(value, &schema) {
        let wanted = schema["type"].as_str().unwrap_or("another value");
        return found.push(stale(Staleness::Changed, path, format!("is {}; today it is {wanted}", kind(value))));
    }
    let listed = schema["enum"].as_array().map(Vec::as_slice).or_else(|| schema.get("const").map(std::slice::from_ref));
    if listed.is_some_and(|listed| !listed.contains(value)) {
        return found.push(stale(Staleness::Removed, path, format!("{value} is no value of it any more")));
    }
    match value {
        Value::Object(map) => {
            let fields = schema["properties"].as_object();
            for (name, inner) in map {
                let path = format!("{path}.{name}");
                match (fields.and_then(|fields| fields.get(name)), &schema["additionalProperties"]) {
                    (Some(field), _) => fits(inner, field, &path, found),
                    (None, more @ Value::Object(_)) => fits(inner, more, &path, found),
                    (None, _) if fields.is_none_or(Map::is_empty) => {}
                    (None, Value::Bool(true)) => {}
                    (None, _) => found.push(stale(Staleness::Removed, &path, "is a field that nobody knows any more")),
                }
            }
            for name in schema["required"].as_array().into_iter().flatten().filter_map(Value::as_str) {
                if !map.contains_key(name) {
                    found.push(stale(Staleness::Added, &format!("{path}.{name}"), "is always there today"));
                }
            }
        }
        Value::Array(items) => {
            for (index, item) in items.iter().enumerate() {
                fits(item, &schema["items"], &format!("{path}[{index}]"), found);
            }
        }
        _ => {}
    }
}

/// One of several types: those whose constants agree come first, and the one that fits best counts.
fn fits_one(value: &Value, variants: &[Value], path: &str, found: &mut Vec<Stale>) {
    let resolved: Vec<_> = variants.iter().map(resolved).collect();
    let agrees = |schema: &Value| {
        let constants = schema["properties"].as_object().into_iter().flatten();
        let tags = constants.filter_map(|(name, field)| {
            Some((
                name,
                field.get("const").or_else(|| {
                    field["enum"].get(0).filter(|_| field["enum"].as_array().is_some_and(|one| one.len() == 1))
                })?,
            ))
        });
        let mut tags = tags.filter(|(name, _)| value.get(name.as_str()).is_some());
        tags.all(|(name, constant)| value.get(name.as_str()) == Some(constant))
    };
    let nested = |schema: &Value| ["anyOf", "oneOf"].iter().any(|key| schema.get(key).is_some());
    let fitting = resolved
        .iter()
        .filter(|schema| nested(schema) || has_type(value, schema) && (!value.is_object() || agrees(schema)));
    let best = fitting
        .map(|schema| {
            let mut own = Vec::new();
            fits(value, schema, path, &mut own);
            own
        })
        .min_by_key(|own| own.iter().map(|one| 1 + 100 * one.tier as usize).sum::<usize>());
    match best {
        Some(own) => found.extend(own),
        None if resolved.iter().any(|schema| has_type(value, schema)) => {
            let tag = ["type", "role", "object"].into_iter().find_map(|key| value.get(key)).unwrap_or(&Value::Null);
            found.push(stale(Staleness::Removed, path, format!("there is no such kind any more: {tag}")));
        }
        None => found.push(stale(Staleness::Changed, path, format!("is {}, which it cannot be today", kind(value)))),
    }
}

fn has_type(value: &Value, schema: &Value) -> bool {
    let is = |name: &str| match name {
        "object" => value.is_object(),
        "array" => value.is_array(),
        "string" => value.is_string(),
        "integer" => value.is_u64() || value.is_i64() || value.as_f64().is_some_and(|number| number.fract() == 0.0),
        "number" => value.is_number(),
        "boolean" => value.is_boolean(),
        "null" => value.is_null(),
        _ => true,
    };
    match &schema["type"] {
        Value::String(name) => is(name),
        Value::Array(names) => names.iter().filter_map(Value::as_str).any(is),
        _ if schema.get("properties").is_some() => value.is_object(),
        _ => true,
    }
}

fn kind(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "a boolean",
        Value::Number(_) => "a number",
        Value::String(_) => "a string",
        Value::Array(_) => "an array",
        Value::Object(_) => "an object",
    }
}

/// Where two answers to one request have another shape.
pub(crate) fn by_shape(recorded: &RecordedResponse, today: &RecordedResponse) -> Vec<Stale> {
    let mut found = Vec::new();
    if recorded.status != today.status {
        let what = format!("was {}, is {}", recorded.status, today.status);
        found.push(stale(Staleness::Changed, "status", what));
        return found;
    }
    let (old, new) = (shape(recorded), shape(today));
    for (path, kind) in &old {
        match new.get(path) {
            None => {
                // What was below something that is gone is gone with it.
                let above =
                    path.rsplit_once(['.', '[']).is_none_or(|(above, _)| above.is_empty() || new.contains_key(above));
                if above {
                    found.push(stale(Staleness::Removed, path, "is not there any more"));
                }
            }
            Some(other) if other != kind && *kind != "null" && *other != "null" => {
                found.push(stale(Staleness::Changed, path, format!("was {kind}, is {other}")));
            }
            Some(_) => {}
        }
    }
    for path in new.keys().filter(|path| !old.contains_key(*path)) {
        found.push(stale(Staleness::Added, path, "is new"));
    }
    found
}

/// Every path of an answer with its type; items of lists are one.
fn shape(response: &RecordedResponse) -> BTreeMap<String, &'static str> {
    let body = String::from_utf8_lossy(&response.body()).into_owned();
    let mut found = BTreeMap::new();
    match response.is_stream() {
        true => {
            for event in meaning::events(&body) {
                let kind = event["type"].as_str().unwrap_or("chunk").to_string();
                paths(&event, &kind, &mut found);
            }
        }
        false => paths(&serde_json::from_str(&body).unwrap_or_default(), "", &mut found),
    }
    found
}

fn paths(value: &Value, path: &str, found: &mut BTreeMap<String, &'static str>) {
    let known = found.entry(path.to_string()).or_insert_with(|| kind(value));
    if *known == "null" {
        *known = kind(value);
    }
    match value {
        Value::Object(map) => map.iter().for_each(|(name, inner)| {
            // Values of a map are no fields.
            paths(inner, &if path.is_empty() { name.clone() } else { format!("{path}.{name}") }, found);
        }),
        Value::Array(items) => items.iter().for_each(|item| paths(item, &format!("{path}[]"), found)),
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cassette::format::{RecordedChunk, RecordedRequest};
    use serde_json::json;

    fn recording(request: Value, response: Value) -> Recording {
        Recording {
            operation: "chat.completions.create".into(),
            request: RecordedRequest {
                method: "POST".into(),
                path: "/v1/chat/completions".into(),
                query: String::new(),
                body: request,
            },
            response: Some(answer(response)),
            reply: None,
            client: None,
            at: None,
        }
    }

    fn answer(body: Value) -> RecordedResponse {
        let headers = json!({"content-type": "application/json"}).as_object().cloned().unwrap_or_default();
        RecordedResponse {
            status: 200,
            headers,
            chunks: vec![RecordedChunk { at_ms: 0, bytes: body.to_string().into() }],
            cut: None,
        }
    }

    fn completion() -> Value {
        json!({"id": "chatcmpl-1", "object": "chat.completion", "created": 1, "model": "gpt-4o", "choices": [{"index": 0, "logprobs": null,
            "message": {"role": "assistant", "content": "hi", "refusal": null}, "finish_reason": "stop"}]})
    }

    #[test]
    fn recordings_are_held_against_the_surface() {
        let ask = json!({"model": "gpt-4o", "messages": [{"role": "user", "content": "hi"}]});
        let today = against_surface(&recording(ask.clone(), completion()), &|name| name == "gpt-4o");
        assert_eq!(today, [], "what fits is quiet");
        let mut old = completion();
        old["choices"][0]["message"]["vibes"] = json!("good");
        old["created"] = json!("yesterday");
        old.as_object_mut().map(|map| map.shift_remove("object"));
        let mut asked = ask;
        asked["model"] = json!("gpt-1");
        asked["tempo"] = json!(1);
        let found = against_surface(&recording(asked, old), &|name| name == "gpt-4o");
        let told: Vec<(Staleness, &str)> = found.iter().map(|one| (one.tier, one.path.as_str())).collect();
        for one in [
            (Staleness::Removed, "request.body.model"),
            (Staleness::Removed, "request.body.tempo"),
            (Staleness::Removed, "response.choices[0].message.vibes"),
            (Staleness::Changed, "response.created"),
            (Staleness::Added, "response.object"),
        ] {
            assert!(told.contains(&one), "{one:?}: {found:#?}");
        }
        assert_eq!(told.len(), 5, "{found:#?}");
    }

    #[test]
    fn answers_of_then_and_now_are_compared_by_shape() {
        let mut new = completion();
        new["created"] = json!("later");
        new["service_tier"] = json!("default");
        new["choices"][0]["message"].as_object_mut().map(|map| map.shift_remove("refusal"));
        new["choices"][0]["message"]["content"] = json!("something else");
        let found = by_shape(&answer(completion()), &answer(new));
        let told: Vec<(Staleness, &str)> = found.iter().map(|one| (one.tier, one.path.as_str())).collect();
        let expected = [
            (Staleness::Removed, "choices[].message.refusal"),
            (Staleness::Changed, "created"),
            (Staleness::Added, "service_tier"),
        ];
        assert_eq!(told, expected);
        assert_eq!(by_shape(&answer(completion()), &answer(completion())), []);
    }
}
