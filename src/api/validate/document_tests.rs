//! The OpenAPI document: what it describes is accepted at validation `schema`, what breaks its bounds is refused there.
//! It stands beside a checkout (`../shared/spec`, or `LLEMULATOR_SPEC`), never in it.

use super::Level;
use super::corpus_tests::reference;
use super::tests::at;
use crate::wire::value::Holds;
use serde_json::{Map, Value, json};

/// Operations with what the document calls their bodies, and a body that is as small as it can be.
fn operations() -> Vec<(&'static str, &'static str, Value)> {
    let chat = json!({"model": "gpt-4o", "messages": [{"role": "user", "content": "x"}]});
    vec![
        ("chat.completions.create", "CreateChatCompletionRequest", chat),
        ("responses.create", "CreateResponse", json!({"model": "gpt-5.6-sol", "input": "x"})),
        ("completions.create", "CreateCompletionRequest", json!({"model": "gpt-3.5-turbo-instruct", "prompt": "x"})),
        ("embeddings.create", "CreateEmbeddingRequest", json!({"model": "text-embedding-3-small", "input": "x"})),
        ("moderations.create", "CreateModerationRequest", json!({"input": "x"})),
        ("responses.input_tokens.count", "TokenCountsBody", json!({"model": "gpt-4o", "input": "x"})),
        ("responses.compact", "CompactResponseMethodPublicBody", json!({"model": "gpt-4o", "input": "x"})),
        ("conversations.create", "CreateConversationBody", json!({})),
    ]
}

/// What only the document's prose forbids: a name has letters, `max_num_results` is 1 to 50, a model has a name.
const PROSE: &[&str] = &["name': empty string", "max_num_results': integer below", "you must provide a model"];

/// What is taken although the document has a bound, as a part of the place where it is broken, with the reason.
const TAKEN: &[(&str, &str)] = &[
    ("[].content missing", "roles share a type here; validation `full` asks for content"),
    ("[].tool_call_id missing", "the same"),
    ("[].name missing", "the same"),
    ("stop few", "frameworks send empty lists for what they do not set"),
    ("allowed_callers few", "the same"),
    ("domain_secrets few", "the same"),
    ("prediction.content few", "the same"),
    ("prompt[] wrong", "it is an item of another of its forms"),
    ("input[] wrong", "the same"),
    ("prompt few", "one of its forms has no bound"),
    ("input few", "validation `full` says it in words of its own"),
    (".strict missing", "the clients' types leave it out"),
    (".parameters missing", "the same"),
    (".status missing", "the same"),
    (".detail missing", "the same"),
    (".keys missing", "the same"),
    (".id missing", "openai/codex leaves ids out"),
    (".type missing", "an item is told by what it has"),
    (".error.content wrong", "clients send back what they kept of an answer"),
    (".annotations", "the same"),
    (".logprobs", "the same"),
    (".result missing", "the same"),
    (".code missing", "the same"),
    (".outputs missing", "the same"),
    ("server_label missing", "the clients' types list `mcp` among the plain choices"),
    ("filters[]", "filters may be nested without end, and are not looked at"),
    ("input_schema wrong", "a schema is any JSON"),
    (".parameters wrong", "the same"),
    (".arguments wrong", "the same"),
];

struct Document(Value);

impl Document {
    /// A schema with its references followed and its parts joined.
    fn whole(&self, node: &Value) -> Value {
        if let Some(name) = node["$ref"].as_str().and_then(|path| path.rsplit('/').next()) {
            return self.whole(&self.0["components"]["schemas"][name]);
        }
        let Some(parts) = node["allOf"].as_array() else { return node.clone() };
        let mut out = node.clone();
        out.as_object_mut().unwrap().remove("allOf");
        for part in parts.iter().map(|part| self.whole(part)) {
            for (key, value) in part.members() {
                match (&mut out[key], value) {
                    (Value::Object(known), Value::Object(more)) => known.extend(more.clone()),
                    (Value::Array(known), Value::Array(more)) => known.extend(more.iter().cloned()),
                    (empty @ Value::Null, value) => *empty = value.clone(),
                    _ => {}
                }
            }
        }
        out
    }

    fn variants(&self, node: &Value) -> Vec<Value> {
        let each = ["anyOf", "oneOf"].iter().find_map(|key| node[key].as_array());
        each.into_iter().flatten().cloned().collect()
    }

    /// The smallest value of a schema.
    fn least(&self, node: &Value, depth: usize) -> Value {
        let node = self.whole(node);
        if let Some(first) = node["enum"].get(0) {
            return first.clone();
        }
        if let Some(variant) = self.variants(&node).iter().find(|one| self.whole(one)["type"] != "null") {
            return self.least(variant, depth + 1);
        }
        match node["type"].as_str() {
            Some("string") if node["format"] == "uri" => json!("https://a.example/x.png"),
            Some("string") => json!("x"),
            Some("integer" | "number") => json!(node["minimum"].as_i64().unwrap_or(1).max(1)),
            Some("boolean") => json!(true),
            Some("array") if depth < 6 || node["minItems"].is_u64() => json!([self.least(&node["items"], depth + 1)]),
            Some("array") => json!([]),
            Some("null") => Value::Null,
            _ if depth > 12 => json!({}),
            _ => Value::Object(self.required(&node, depth)),
        }
    }

    fn required(&self, node: &Value, depth: usize) -> Map<String, Value> {
        let names = node["required"].elements().filter_map(Value::as_str);
        let known = names.filter(|name| node["properties"].get(*name).is_some());
        known.map(|name| (name.to_string(), self.least(&node["properties"][name], depth + 1))).collect()
    }

    /// Values of a schema, each with its place: what the schema allows, or, `broken`, what breaks one bound.
    fn values(&self, node: &Value, broken: bool, place: &str, seen: &[&str], out: &mut Vec<(String, Value)>) {
        let name = node["$ref"].as_str();
        if seen.len() > 9 || name.is_some_and(|name| seen.contains(&name)) {
            return;
        }
        let seen = [seen, &[name.unwrap_or_default()]].concat();
        let node = self.whole(node);
        let mut say = |what: &str, value: Value| out.push((format!("{place} {what}"), value));
        if let Some(values) = node["enum"].as_array() {
            match broken {
                true => say("foreign", json!("zzz_bogus")),
                false => values.iter().for_each(|value| say("listed", value.clone())),
            }
            return;
        }
        let variants = self.variants(&node);
        if !variants.is_empty() {
            let (nulls, real): (Vec<Value>, Vec<Value>) =
                variants.into_iter().partition(|one| self.whole(one)["type"] == "null");
            for variant in real.iter().chain(nulls.iter().filter(|_| !broken)) {
                let mut found = Vec::new();
                self.values(variant, broken, place, &seen, &mut found);
                // Of several only what stays within one breaks it.
                let kind = self.whole(variant)["type"].clone();
                out.extend(found.into_iter().filter(|(_, value)| {
                    !broken
                        || real.len() == 1
                        || value.is_object() && kind == "object"
                        || value.is_array() && kind == "array"
                }));
            }
            return;
        }
        match node["type"].as_str().unwrap_or("object") {
            "string" => {
                let (min, max) = (node["minLength"].as_u64(), node["maxLength"].as_u64());
                match broken {
                    false => say("text", json!("x")),
                    true => {
                        say("wrong", json!({"a": 1}));
                        min.into_iter().for_each(|_| say("short", json!("")));
                        let long = max.filter(|max| *max < 100_000).map(|max| "x".repeat(max as usize + 1));
                        long.into_iter().for_each(|long| say("long", json!(long)));
                    }
                }
            }
            kind @ ("integer" | "number") => {
                let bound = |key: &str| node[key].as_i64().filter(|bound| bound.abs() < 1 << 50);
                let (min, max) = (bound("minimum"), bound("maximum"));
                match broken {
                    false => {
                        say("least", json!(min.unwrap_or(0)));
                        max.into_iter().for_each(|max| say("most", json!(max)));
                    }
                    true => {
                        say("wrong", json!("x"));
                        min.into_iter().for_each(|min| say("below", json!(min - 1)));
                        max.into_iter().for_each(|max| say("above", json!(max + 1)));
                        if kind == "integer" {
                            say("wrong", json!([1]));
                        }
                    }
                }
            }
            "boolean" => say("flag", if broken { json!("x") } else { json!(false) }),
            "null" => say("null", Value::Null),
            "array" => {
                let min = node["minItems"].as_u64();
                match broken {
                    false if min.is_none() => say("empty", json!([])),
                    true if min.is_some() => say("few", json!([])),
                    _ => {}
                }
                if let Some(max) = node["maxItems"].as_u64().filter(|max| broken && *max < 3000) {
                    say("many", json!(vec![self.least(&node["items"], 6); max as usize + 1]));
                }
                let mut items = Vec::new();
                self.values(&node["items"], broken, &format!("{place}[]"), &seen, &mut items);
                out.extend(items.into_iter().map(|(place, item)| (place, json!([item]))));
            }
            _ => {
                let least = self.required(&node, seen.len());
                match broken {
                    false => say("plain", Value::Object(least.clone())),
                    true => {
                        say("wrong", json!(7));
                        for name in least.keys() {
                            let mut without = least.clone();
                            without.remove(name);
                            out.push((format!("{place}.{name} missing"), Value::Object(without)));
                        }
                    }
                }
                for (name, property) in node["properties"].members() {
                    let mut inner = Vec::new();
                    self.values(property, broken, &format!("{place}.{name}"), &seen, &mut inner);
                    out.extend(inner.into_iter().map(|(place, value)| {
                        let mut with = least.clone();
                        with.insert(name.clone(), value);
                        (place, Value::Object(with))
                    }));
                }
            }
        }
    }

    /// Bodies of an operation with one field varied.
    fn bodies(&self, name: &str, least: &Value, broken: bool) -> Vec<(String, Value)> {
        let whole = self.whole(&self.0["components"]["schemas"][name]);
        let mut out = Vec::new();
        for (field, property) in whole["properties"].members() {
            let mut values = Vec::new();
            self.values(property, broken, field, &[], &mut values);
            out.extend(values.into_iter().map(|(place, value)| {
                let mut body = least.clone();
                body[field] = value;
                (place, body)
            }));
        }
        out
    }
}

fn document() -> Option<Document> {
    Some(Document(serde_json::from_str(&reference("LLEMULATOR_SPEC", "spec/openapi.json")?).unwrap()))
}

#[test]
fn what_the_document_describes_is_accepted() {
    let Some(document) = document() else { return };
    let mut wrong = Vec::new();
    for (operation, name, least) in operations() {
        let bodies = document.bodies(name, &least, false);
        println!("{operation}: {} bodies", bodies.len());
        for (place, body) in bodies {
            match at(Level::Schema, operation, &body) {
                Err(error) if !PROSE.iter().any(|prose| error.message.contains(prose)) => {
                    wrong.push(format!("{operation} {place}: {}", error.message));
                }
                _ => {}
            }
        }
    }
    assert!(wrong.is_empty(), "{} refused:\n{}", wrong.len(), wrong.join("\n"));
}

#[test]
fn what_breaks_a_bound_of_the_document_is_refused() {
    let Some(document) = document() else { return };
    let (mut wrong, mut used) = (Vec::new(), Vec::new());
    for (operation, name, least) in operations() {
        for (place, body) in document.bodies(name, &least, true) {
            if at(Level::Schema, operation, &body).is_ok() {
                match TAKEN.iter().position(|(part, _)| place.contains(part)) {
                    Some(row) => used.push(row),
                    None => wrong.push(format!("{operation} {place}: {body}")),
                }
            }
        }
    }
    assert!(wrong.is_empty(), "{} accepted:\n{}", wrong.len(), wrong.join("\n"));
    for (row, (part, _)) in TAKEN.iter().enumerate() {
        assert!(used.contains(&row), "nothing is taken for {part} any more");
    }
}
