//! Whether a value fits a type of the surface, and how much it matters that it does not: the one scale for all that is
//! compared, recordings and clients.

use crate::wire::value::Holds;
use serde::Serialize;
use serde_json::{Map, Value};

/// How much a difference matters.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Tier {
    /// Something was added: what lacks it goes on as it did.
    Info,
    /// Something is not there any more.
    Warning,
    /// Something has another type, or is refused.
    Error,
}

impl Tier {
    /// As it is printed.
    pub(crate) fn word(self) -> &'static str {
        match self {
            Tier::Info => "info",
            Tier::Warning => "warning",
            Tier::Error => "error",
        }
    }

    /// What a command ends with whose worst finding this is. 1 is for what cannot be read, 2 for a wrong command line.
    pub(crate) fn exit_code(worst: Option<Tier>) -> i32 {
        match worst {
            None | Some(Tier::Info) => 0,
            Some(Tier::Warning) => 3,
            Some(Tier::Error) => 4,
        }
    }
}

/// One difference: how much it matters, where, what.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Deviation {
    pub(crate) tier: Tier,
    pub(crate) path: String,
    pub(crate) what: String,
}

impl Deviation {
    pub(crate) fn new(tier: Tier, path: &str, what: impl Into<String>) -> Self {
        Deviation { tier, path: path.trim_start_matches('.').to_string(), what: what.into() }
    }
}

/// Follows a reference to its type.
fn resolved(schema: &Value) -> std::borrow::Cow<'_, Value> {
    match schema["$ref"].as_str().and_then(|target| target.strip_prefix("#/$defs/")) {
        Some(name) => {
            let target = super::schema(name);
            std::borrow::Cow::Owned(resolved(&target).into_owned())
        }
        None => std::borrow::Cow::Borrowed(schema),
    }
}

/// Holds a value against a type.
pub(crate) fn fits(value: &Value, schema: &Value, path: &str, found: &mut Vec<Deviation>) {
    let schema = resolved(schema);
    for key in ["anyOf", "oneOf"] {
        if let Some(variants) = schema[key].as_array() {
            return fits_one(value, variants, path, found);
        }
    }
    for part in schema["allOf"].elements() {
        fits(value, part, path, found);
    }
    if !has_type(value, &schema) {
        let wanted = schema["type"].as_str().unwrap_or("another value");
        return found.push(Deviation::new(Tier::Error, path, format!("is {}; today it is {wanted}", kind(value))));
    }
    let listed = schema["enum"].as_array().map(Vec::as_slice).or_else(|| schema.get("const").map(std::slice::from_ref));
    if listed.is_some_and(|listed| !listed.contains(value)) {
        return found.push(Deviation::new(Tier::Warning, path, format!("{value} is no value of it any more")));
    }
    match value {
        Value::Object(map) => {
            let fields = schema["properties"].as_object();
            for (name, inner) in map {
                let path = format!("{path}.{name}");
                match (fields.and_then(|fields| fields.get(name)), &schema["additionalProperties"]) {
                    // What is null is not there: production sends both, and clients' types name one.
                    (Some(_), _) if inner.is_null() => {}
                    (Some(field), _) => fits(inner, field, &path, found),
                    (None, more @ Value::Object(_)) => fits(inner, more, &path, found),
                    (None, _) if fields.is_none_or(Map::is_empty) => {}
                    (None, Value::Bool(true)) => {}
                    (None, _) => {
                        found.push(Deviation::new(Tier::Warning, &path, "is a field that nobody knows any more"))
                    }
                }
            }
            for name in schema["required"].elements().filter_map(Value::as_str) {
                let may_be_null = || fields.is_some_and(|fields| allows_null(&fields[name]));
                if map.get(name).is_none_or(|value| value.is_null() && !may_be_null()) {
                    found.push(Deviation::new(Tier::Info, &format!("{path}.{name}"), "is always there today"));
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
fn fits_one(value: &Value, variants: &[Value], path: &str, found: &mut Vec<Deviation>) {
    let resolved: Vec<_> = variants.iter().map(resolved).collect();
    let agrees = |schema: &Value| {
        let constants = schema["properties"].members();
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
            found.push(Deviation::new(Tier::Warning, path, format!("there is no such kind any more: {tag}")));
        }
        None => found.push(Deviation::new(Tier::Error, path, format!("is {}, which it cannot be today", kind(value)))),
    }
}

/// Whether a schema allows null.
fn allows_null(schema: &Value) -> bool {
    let schema = resolved(schema);
    let mut members = ["anyOf", "oneOf"].iter().filter_map(|key| schema[*key].as_array()).flatten().peekable();
    match members.peek() {
        Some(_) => members.any(allows_null),
        None => has_type(&Value::Null, &schema),
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

/// A value's type in words.
pub(crate) fn kind(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "a boolean",
        Value::Number(_) => "a number",
        Value::String(_) => "a string",
        Value::Array(_) => "an array",
        Value::Object(_) => "an object",
    }
}
