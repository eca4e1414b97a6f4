//! From JSON Schema to the form `facts.json` is written in, which the checks are made of.

use super::blocks::Reader;
use serde_json::{Map, Value, json};
use std::collections::HashMap;

/// What objects carry for whoever made them.
const METADATA: &str = "shared.Metadata";

/// Describes types in the terse form, each once.
pub(super) struct Compact<'a> {
    /// Types that are written by hand: they stand for themselves.
    by_hand: &'a Map<String, Value>,
    reader: Reader,
    /// `None` while a type is being described, so that recursion ends.
    done: HashMap<String, Option<Value>>,
}

impl<'a> Compact<'a> {
    pub(super) fn new(by_hand: &'a Map<String, Value>) -> Self {
        Compact { by_hand, reader: Reader::default(), done: HashMap::new() }
    }

    /// A type of the clients by name.
    pub(super) fn named(&mut self, name: &str) -> Option<Value> {
        if let Some(known) = self.done.get(name) {
            return known.clone();
        }
        self.done.insert(name.to_string(), None);
        let described = self.reader.get(name).map(|schema| self.describe(&schema));
        self.done.insert(name.to_string(), described.clone());
        described
    }

    fn describe(&mut self, schema: &Value) -> Value {
        if let Some(name) = schema["$ref"].as_str().and_then(|target| target.strip_prefix("#/$defs/")) {
            return self.reference(name);
        }
        if let Some(members) = schema["anyOf"].as_array() {
            let members = members.iter().filter(|member| member["type"] != "null");
            return union(members.map(|member| self.describe(member)).collect());
        }
        match schema["type"].as_str() {
            Some("string") if schema["format"] == "binary" => json!("file"),
            Some("string") => match schema["enum"].as_array() {
                Some(values) => json!({"enum": values}),
                None => bounded("string", "text", json!({}), &[("min", "minLength"), ("max", "maxLength")], schema),
            },
            Some("boolean") => json!("boolean"),
            Some("integer") => {
                let above = |key: &str, by: i64| schema[key].as_i64().map(|limit| limit + by);
                let min = schema["minimum"].as_i64().or_else(|| above("exclusiveMinimum", 1));
                let max = schema["maximum"].as_i64().or_else(|| above("exclusiveMaximum", -1));
                json!({"integer": [min, max]})
            }
            Some("number") => match (&schema["minimum"], &schema["maximum"]) {
                (Value::Null, Value::Null) => json!("number"),
                (min, max) => json!({"decimal": [min, max]}),
            },
            Some("array") => {
                let mut out = json!({"array": self.describe(&schema["items"])});
                // Frameworks send empty lists for what they do not set: which of them are refused facts.json says.
                copy(&mut out, &[("max", "maxItems")], schema);
                out
            }
            Some("object") => self.object(schema),
            _ => json!("any"),
        }
    }

    /// Names of plain types and enums say nothing to the reader of a message: they are written out.
    fn reference(&mut self, name: &str) -> Value {
        if self.by_hand.contains_key(name) {
            return json!({"ref": name});
        }
        match self.named(name) {
            Some(plain) if is_plain(&plain) => plain,
            _ => json!({"ref": name}),
        }
    }

    fn object(&mut self, schema: &Value) -> Value {
        let own = schema["properties"].as_object().filter(|own| !own.is_empty());
        if let (None, values @ Value::Object(_)) = (own, &schema["additionalProperties"]) {
            let mut out = json!({"map": self.describe(values)});
            copy(&mut out, &[("max", "maxProperties")], schema);
            return out;
        }
        let required = schema["required"].as_array();
        let fields = own.into_iter().flatten().map(|(name, field)| {
            let must = required.is_some_and(|required| required.iter().any(|one| one == name)) && !is_nullable(field);
            let mut described = self.describe(field);
            // The same rules hold of it wherever it stands; most types do not name them.
            if name == "metadata" && described == json!({"map": "string"}) {
                described = json!({"ref": METADATA});
            }
            (if must { name.clone() } else { format!("{name}?") }, described)
        });
        json!({"object": fields.collect::<Map<_, _>>()})
    }
}

fn is_nullable(schema: &Value) -> bool {
    schema["type"] == "null" || schema["anyOf"].as_array().is_some_and(|members| members.iter().any(is_nullable))
}

fn is_plain(described: &Value) -> bool {
    described.is_string() || ["enum", "text", "integer", "decimal"].iter().any(|form| described.get(form).is_some())
}

/// A plain type, or its form with bounds if it has any.
fn bounded(plain: &str, form: &str, mut inner: Value, bounds: &[(&str, &str)], schema: &Value) -> Value {
    copy(&mut inner, bounds, schema);
    if inner.as_object().is_some_and(Map::is_empty) { json!(plain) } else { json!({form: inner}) }
}

fn copy(out: &mut Value, bounds: &[(&str, &str)], schema: &Value) {
    for (ours, theirs) in bounds {
        if !schema[*theirs].is_null() {
            out[*ours] = schema[*theirs].clone();
        }
    }
}

/// A union with its enums merged; what a plain text swallows is dropped.
fn union(members: Vec<Value>) -> Value {
    let mut flat = Vec::new();
    for member in members {
        match member.get("union").and_then(Value::as_array) {
            Some(inner) => flat.extend(inner.iter().cloned()),
            None => flat.push(member),
        }
    }
    if flat.iter().any(|member| member == "any") {
        return json!("any");
    }
    let texts = flat.iter().any(|member| member == "string" || member.get("text").is_some());
    let mut values: Vec<Value> = Vec::new();
    for value in flat.iter().filter_map(|member| member["enum"].as_array()).flatten() {
        if !values.contains(value) {
            values.push(value.clone());
        }
    }
    let mut out: Vec<Value> = Vec::new();
    for member in flat {
        if member.get("enum").is_some() {
            if !texts && !out.iter().any(|known| known.get("enum").is_some()) {
                out.push(json!({"enum": values}));
            }
        } else if !out.contains(&member) {
            out.push(member);
        }
    }
    if out.len() == 1 { out.swap_remove(0) } else { json!({"union": out}) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn schemas_become_terse() {
        let by_hand = Map::new();
        let mut compact = Compact::new(&by_hand);
        for (schema, terse) in [
            (json!({"type": "string", "maxLength": 64}), json!({"text": {"max": 64}})),
            (json!({"type": "integer", "exclusiveMinimum": 0}), json!({"integer": [1, null]})),
            (json!({"type": "number", "minimum": 0, "maximum": 2}), json!({"decimal": [0, 2]})),
            (
                json!({"anyOf": [{"type": "string"}, {"type": "string", "enum": ["a"]}, {"type": "null"}]}),
                json!("string"),
            ),
            (
                json!({"anyOf": [{"type": "string", "enum": ["a"]}, {"type": "array", "items": {}, "maxItems": 4}, {"type": "string", "enum": ["b"]}]}),
                json!({"union": [{"enum": ["a", "b"]}, {"array": "any", "max": 4}]}),
            ),
            (json!({"type": "object", "additionalProperties": {"type": "boolean"}}), json!({"map": "boolean"})),
            (
                json!({"type": "object", "required": ["a", "b"], "properties": {
                    "a": {"type": "number"}, "b": {"anyOf": [{"type": "string"}, {"type": "null"}]}, "c": {"type": "string"}}}),
                json!({"object": {"a": "number", "b?": "string", "c?": "string"}}),
            ),
        ] {
            assert_eq!(compact.describe(&schema), terse, "{schema}");
        }
    }
}
