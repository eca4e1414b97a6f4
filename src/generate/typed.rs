//! Values of the surface's types: what was given where the type has room for it, the rest plain and as names suggest.
//!
//! What is optional is left out unless it was given, what may be null is null. An unknown field of what was given is
//! dropped: answers have the fields of their type, in its order.

use crate::generate::names::FieldName;
use crate::generate::said::UserText;
use crate::random::Random;
use crate::surface;
use crate::wire::value::Holds;
use serde_json::{Map, Value, json};

/// Levels after which a value is the plainest of its kind; only types that contain themselves come here.
const DEEP: usize = 16;

/// Statuses that say a thing is ready, the readiest first.
const READY: &[&str] = &["completed", "succeeded", "processed", "active", "enabled", "ready", "running", "queued"];

/// Makes values.
pub(crate) struct TypedMaker<'a> {
    pub random: &'a mut Random,
    /// Unix seconds that times of creation say.
    pub now: u64,
}

impl TypedMaker<'_> {
    /// A value of a type.
    pub(crate) fn value(&mut self, type_name: &str, given: &Value) -> Value {
        self.make(&surface::schema(type_name), &mut Vec::new(), given)
    }

    /// `path` are the names on the way here.
    fn make<'p>(&mut self, schema: &'p Value, path: &mut Vec<&'p str>, given: &Value) -> Value {
        if let Some(name) = reference(schema) {
            let schema = surface::schema(name);
            // Names are needed on the way down only; they are those of the schema that is left here.
            return self.make(&schema, &mut path.to_vec(), given);
        }
        let key = path.last().copied().unwrap_or_default();
        if let Some(members) = schema["anyOf"].as_array() {
            let nullable = members.iter().any(|member| member["type"] == "null");
            if nullable && given.is_null() && !wanted(key) {
                return Value::Null;
            }
            let members = members.iter().filter(|member| member["type"] != "null");
            let best = members.enumerate().max_by_key(|(at, member)| (score(member, given, 0), usize::MAX - at));
            return best.map_or(Value::Null, |(_, member)| self.make(member, path, given));
        }
        match schema["type"].as_str() {
            Some("object") => self.object(schema, path, given),
            Some("array") => self.array(schema, path, given),
            _ if score(schema, given, 0) > 0 => given.clone(),
            Some("string") => self.string(schema, key).into(),
            Some("integer") => self.integer(schema, key).into(),
            Some("number") => schema["minimum"].as_f64().unwrap_or(0.0).into(),
            Some("boolean") => schema["enum"][0].as_bool().unwrap_or(key == "deleted").into(),
            _ => given.clone(),
        }
    }

    fn object<'p>(&mut self, schema: &'p Value, path: &mut Vec<&'p str>, given: &Value) -> Value {
        let Some(properties) = schema["properties"].as_object() else {
            return if given.is_object() { given.clone() } else { json!({}) };
        };
        let required = |name: &str| {
            schema["required"].as_array().is_some_and(|required| required.iter().any(|required| required == name))
        };
        let mut out = Map::new();
        for (name, property) in properties {
            let given = given.get(name).unwrap_or(&Value::Null);
            let is_required = required(name) && path.len() < DEEP;
            if is_required || score(property, given, 0) > 0 && !given.is_null() {
                path.push(name);
                out.insert(name.clone(), self.make(property, path, given));
                path.pop();
            }
        }
        if schema["additionalProperties"].is_object() {
            let more = given.members();
            let more = more.filter(|(name, _)| !properties.contains_key(*name));
            out.extend(more.map(|(name, value)| (name.clone(), value.clone())));
        }
        Value::Object(out)
    }

    fn array<'p>(&mut self, schema: &'p Value, path: &mut Vec<&'p str>, given: &Value) -> Value {
        let items = &schema["items"];
        let mut out: Vec<Value> = Vec::new();
        for item in given.elements().filter(|item| score(items, item, 0) > 0) {
            out.push(self.make(items, path, item));
        }
        let least = schema["minItems"].as_u64().unwrap_or(0).min(16) as usize;
        while out.len() < least {
            out.push(self.make(items, path, &Value::Null));
        }
        Value::Array(out)
    }

    fn string(&mut self, schema: &Value, key: &str) -> String {
        if let Some(values) = schema["enum"].as_array() {
            let ready = READY.iter().find(|ready| values.iter().any(|value| value == *ready));
            let value = ready.copied().filter(|_| key == "status").or_else(|| values.first()?.as_str());
            return value.unwrap_or_default().to_string();
        }
        match key {
            "status" => "active".into(),
            "id" => self.random.alphanumeric(24),
            _ if key.ends_with("_at") => String::new(),
            _ => match key.strip_suffix("_id") {
                Some(of) => format!("{of}_{}", self.random.alphanumeric(24)),
                None => FieldName::of(key).string(&mut UserText::default(), self.random),
            },
        }
    }

    fn integer(&mut self, schema: &Value, key: &str) -> u64 {
        match key {
            "created" | "created_at" | "last_active_at" | "updated_at" | "added_at" | "timestamp" => self.now,
            _ if key.ends_with("_at") || key.ends_with("_time") => self.now,
            _ => schema["minimum"].as_u64().unwrap_or(0),
        }
    }
}

/// Whether a field is filled although it may be null.
fn wanted(key: &str) -> bool {
    matches!(key, "created_at" | "created" | "last_active_at")
}

fn reference(schema: &Value) -> Option<&str> {
    schema["$ref"].as_str()?.strip_prefix("#/$defs/")
}

/// How well a given value fits a type: 0 = not at all. Of several objects the one whose constant fields it has fits best.
fn score(schema: &Value, given: &Value, depth: usize) -> usize {
    if depth > DEEP {
        return 0;
    }
    if let Some(name) = reference(schema) {
        return score(&surface::schema(name), given, depth + 1);
    }
    if let Some(members) = schema["anyOf"].as_array() {
        return members.iter().map(|member| score(member, given, depth + 1)).max().unwrap_or(0);
    }
    let listed = || schema["enum"].as_array().is_none_or(|values| values.contains(given));
    let fits = match (schema["type"].as_str(), given) {
        (Some("null"), Value::Null) | (Some("array"), Value::Array(_)) => true,
        (Some("string"), Value::String(_)) | (Some("boolean"), Value::Bool(_)) => listed(),
        (Some("integer"), Value::Number(number)) => (number.is_u64() || number.is_i64()) && in_range(schema, given),
        (Some("number"), Value::Number(_)) => in_range(schema, given),
        (Some("object"), Value::Object(given)) => return object_score(schema, given, depth),
        (None, _) => !given.is_null(),
        _ => false,
    };
    usize::from(fits)
}

fn in_range(schema: &Value, given: &Value) -> bool {
    let given = given.as_f64().unwrap_or_default();
    let (least, most) = (schema["minimum"].as_f64(), schema["maximum"].as_f64());
    least.is_none_or(|least| given >= least) && most.is_none_or(|most| given <= most)
}

fn object_score(schema: &Value, given: &Map<String, Value>, depth: usize) -> usize {
    let Some(properties) = schema["properties"].as_object() else { return 1 };
    let mut points: usize = 1;
    for (name, value) in given {
        match properties.get(name) {
            Some(property) => match score(property, value, depth + 1) {
                // A constant that differs says that this is another type's.
                0 if property["enum"].as_array().is_some_and(|values| values.len() == 1) => return 0,
                0 => {}
                _ => points += 2,
            },
            None => points = points.saturating_sub(1).max(1),
        }
    }
    points
}

#[cfg(test)]
mod tests {
    use super::*;

    fn made(name: &str, given: Value) -> Value {
        TypedMaker { random: &mut Random::new(1), now: 1_767_225_600 }.value(name, &given)
    }

    #[test]
    fn given_fields_stand_where_the_type_has_them() {
        let given = json!({"id": "vs_1", "name": "Support", "metadata": {"a": "b"}, "file_ids": ["file-1"],
            "expires_after": {"anchor": "last_active_at", "days": 3}});
        assert_eq!(
            made("vector_stores.VectorStore", given),
            json!({"id": "vs_1", "created_at": 1_767_225_600, "file_counts": {"cancelled": 0, "completed": 0,
                "failed": 0, "in_progress": 0, "total": 0}, "last_active_at": 1_767_225_600, "metadata": {"a": "b"},
                "name": "Support", "object": "vector_store", "status": "completed", "usage_bytes": 0,
                "expires_after": {"anchor": "last_active_at", "days": 3}})
        );
    }

    #[test]
    fn of_several_types_the_one_that_was_meant_is_made() {
        let automation = made("beta.agents.automations.Automation", json!({"type": "one_time"}));
        assert!(automation.is_object());
        let deleted = made("vector_stores.VectorStoreDeleted", json!({"id": "vs_1"}));
        assert_eq!(deleted, json!({"id": "vs_1", "deleted": true, "object": "vector_store.deleted"}));
    }

    #[test]
    fn every_answer_of_the_table_is_valid_for_its_type() {
        for operation in surface::operations::all() {
            let Some(name) = operation.answer else { continue };
            let value = made(name, Value::Null);
            let faults = surface::faults(name, &value);
            assert!(faults.is_empty(), "{}: {faults:?} in {value}", operation.name);
        }
    }
}
