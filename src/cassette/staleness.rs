//! Whether recordings still fit: today's surface, or what the API answers today.

use super::format::{RecordedResponse, Recording};
use super::meaning;
use crate::surface::fit::{self, Deviation, Tier};
use crate::surface::{self, operations};
use crate::wire::value::Holds;
use serde_json::Value;
use std::collections::BTreeMap;

/// Where a recording does not fit the surface; `known` = whether there is a model of this name.
pub(crate) fn against_surface(recording: &Recording, known: &dyn Fn(&str) -> bool) -> Vec<Deviation> {
    let mut found = Vec::new();
    let Some(operation) = operations::named(&recording.operation) else {
        return vec![Deviation::new(
            Tier::Warning,
            "operation",
            format!("there is no {} any more", recording.operation),
        )];
    };
    let request = &recording.request.body;
    if let Some(model) = request.get("model").and_then(Value::as_str).filter(|model| !known(model)) {
        found.push(Deviation::new(Tier::Warning, "request.body.model", format!("{model:?} is retired or unknown")));
    }
    if let (Some(name), false) = (operation.body, request.is_null()) {
        fit::fits(request, &surface::schema(name), "request.body", &mut found);
    }
    let Some(response) = recording.response.as_ref().filter(|response| response.status < 400) else { return found };
    let Ok(body) = String::from_utf8(response.body()) else { return found };
    if response.is_stream() {
        let Some(name) = operation.events else { return found };
        let schema = surface::schema(name);
        let mut once: Vec<Deviation> = Vec::new();
        for event in meaning::events(&body) {
            let kind = event["type"].as_str().unwrap_or("chunk").to_string();
            fit::fits(&event, &schema, &format!("response.{kind}"), &mut once);
        }
        for one in once {
            // A stream says the same hundreds of times.
            if !found.contains(&one) {
                found.push(one);
            }
        }
    } else if let (Some(name), Ok(value)) = (operation.answer, serde_json::from_str::<Value>(&body)) {
        match operation.kind {
            operations::AnswerKind::Object => fit::fits(&value, &surface::schema(name), "response", &mut found),
            operations::AnswerKind::Page => {
                for (index, item) in value["data"].elements().enumerate() {
                    fit::fits(item, &surface::schema(name), &format!("response.data[{index}]"), &mut found);
                }
            }
            _ => {}
        }
    }
    found
}

/// Where two answers to one request have another shape.
pub(crate) fn by_shape(recorded: &RecordedResponse, today: &RecordedResponse) -> Vec<Deviation> {
    let mut found = Vec::new();
    if recorded.status != today.status {
        let what = format!("was {}, is {}", recorded.status, today.status);
        found.push(Deviation::new(Tier::Error, "status", what));
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
                    found.push(Deviation::new(Tier::Warning, path, "is not there any more"));
                }
            }
            Some(other) if other != kind && *kind != "null" && *other != "null" => {
                found.push(Deviation::new(Tier::Error, path, format!("was {kind}, is {other}")));
            }
            Some(_) => {}
        }
    }
    for path in new.keys().filter(|path| !old.contains_key(*path)) {
        found.push(Deviation::new(Tier::Info, path, "is new"));
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
    let known = found.entry(path.to_string()).or_insert_with(|| fit::kind(value));
    if *known == "null" {
        *known = fit::kind(value);
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
        let told: Vec<(Tier, &str)> = found.iter().map(|one| (one.tier, one.path.as_str())).collect();
        for one in [
            (Tier::Warning, "request.body.model"),
            (Tier::Warning, "request.body.tempo"),
            (Tier::Warning, "response.choices[0].message.vibes"),
            (Tier::Error, "response.created"),
            (Tier::Info, "response.object"),
        ] {
            assert!(told.contains(&one), "{one:?}: {found:#?}");
        }
        assert_eq!(told.len(), 5, "{found:#?}");
    }

    #[test]
    fn events_of_a_stream_are_held_against_the_surface() {
        let event = |kind: &str| {
            let event = json!({"type": kind, "sequence_number": 1, "item_id": "msg_1", "output_index": 0, "content_index": 0, "delta": "hi", "logprobs": []});
            format!("event: {kind}\ndata: {event}\n\n")
        };
        let streamed = |kind: &str| {
            let mut streamed = recording(json!({"model": "gpt-4o", "input": "hi", "stream": true}), json!({}));
            streamed.operation = "responses.create".into();
            let response = streamed.response.as_mut().expect("a response");
            response.headers.insert("content-type".into(), "text/event-stream".into());
            // The same many times is told once.
            response.chunks = vec![RecordedChunk { at_ms: 0, bytes: event(kind).repeat(3).into() }];
            against_surface(&streamed, &|_| true)
        };
        assert_eq!(streamed("response.output_text.delta"), []);
        let found = streamed("response.output_telepathy.delta");
        let told: Vec<(Tier, &str)> = found.iter().map(|one| (one.tier, one.path.as_str())).collect();
        assert_eq!(told, [(Tier::Warning, "response.response.output_telepathy.delta")], "{found:#?}");
    }

    #[test]
    fn answers_of_then_and_now_are_compared_by_shape() {
        let mut new = completion();
        new["created"] = json!("later");
        new["service_tier"] = json!("default");
        new["choices"][0]["message"].as_object_mut().map(|map| map.shift_remove("refusal"));
        new["choices"][0]["message"]["content"] = json!("something else");
        let found = by_shape(&answer(completion()), &answer(new));
        let told: Vec<(Tier, &str)> = found.iter().map(|one| (one.tier, one.path.as_str())).collect();
        let expected =
            [(Tier::Warning, "choices[].message.refusal"), (Tier::Error, "created"), (Tier::Info, "service_tier")];
        assert_eq!(told, expected);
        assert_eq!(by_shape(&answer(completion()), &answer(completion())), []);
    }
}
