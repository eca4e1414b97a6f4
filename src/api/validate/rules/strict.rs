//! The schemas of functions and answers: what every one must be, and the subset that `strict` allows.
//!
//! Messages are OpenAI's, `In context=(…)` naming the path as Python prints a tuple (recorded: 47b8791771cd50a7,
//! ccfcd77662ea153d; the others quoted by users).

use crate::budget::{Budget, Spent};
use crate::wire::value::Holds;
use serde_json::{Map, Value};
use std::collections::HashSet;

/// Keywords `strict` refuses wherever they stand.
const FORBIDDEN: &[&str] = &[
    "allOf",
    "contains",
    "contentEncoding",
    "contentMediaType",
    "contentSchema",
    "dependentRequired",
    "dependentSchemas",
    "else",
    "if",
    "maxContains",
    "maxProperties",
    "minContains",
    "minProperties",
    "not",
    "oneOf",
    "patternProperties",
    "prefixItems",
    "propertyNames",
    "then",
    "unevaluatedItems",
    "unevaluatedProperties",
    "uniqueItems",
];

/// Formats `strict` knows.
const FORMATS: &[&str] = &["date-time", "time", "date", "duration", "email", "hostname", "ipv4", "ipv6", "uuid"];

const MAX_DEPTH: usize = 10;
const MAX_PROPERTIES: usize = 5000;
const MAX_ENUM_VALUES: usize = 1000;
const MAX_TEXT: usize = 120_000;

/// What is wrong with a schema, as it stands after `Invalid schema for …: `. `None` = nothing.
///
/// # Errors
/// The budget does not suffice for finding out.
pub(crate) fn fault(schema: &Value, strictly: bool, budget: &Budget) -> Result<Option<String>, Spent> {
    let kind = schema.get("type");
    if kind.is_none_or(|kind| kind != "object") && (strictly || kind.is_some() || has_variants(schema)) {
        return Ok(Some(format!(
            "schema must be a JSON Schema of 'type: \"object\"', got 'type: \"{}\"'.",
            root_type(kind)
        )));
    }
    let mut checker = Checker { budget, strictly, path: Vec::new(), properties: 0, enum_values: 0, text: 0 };
    match checker.check(schema, 0) {
        Ok(()) => Ok(None),
        Err(StrictFault::Said(what)) => Ok(Some(what)),
        Err(StrictFault::Spent(spent)) => Err(spent),
    }
}

/// Why looking at a schema ended.
enum StrictFault {
    Said(String),
    Spent(Spent),
}

fn has_variants(schema: &Value) -> bool {
    ["anyOf", "oneOf", "allOf"].iter().any(|key| schema.get(key).is_some())
}

/// The root's type as Python prints it.
fn root_type(kind: Option<&Value>) -> String {
    match kind {
        None | Some(Value::Null) => "None".into(),
        Some(Value::String(name)) => name.clone(),
        Some(other) => other.to_string().replace('"', "'"),
    }
}

struct Checker<'a> {
    budget: &'a Budget,
    strictly: bool,
    path: Vec<&'a str>,
    properties: usize,
    enum_values: usize,
    text: usize,
}

impl<'a> Checker<'a> {
    /// `In context=('properties', 'a'), {what}`.
    fn say(&self, what: impl std::fmt::Display) -> Result<(), StrictFault> {
        let steps: Vec<String> = self.path.iter().map(|step| format!("'{step}'")).collect();
        let comma = if steps.len() == 1 { "," } else { "" };
        Err(StrictFault::Said(format!("In context=({}{comma}), {what}", steps.join(", "))))
    }

    fn check(&mut self, schema: &'a Value, depth: usize) -> Result<(), StrictFault> {
        // Bodies are bounded in depth before they come here (server); this bounds what we say about them.
        let Value::Object(object) = schema else {
            return if schema.is_boolean() && !self.strictly { Ok(()) } else { self.not_a_schema(schema) };
        };
        self.budget.spend(1 + object.len() as u64).map_err(StrictFault::Spent)?;
        let kinds: Vec<&str> = match object.get("type") {
            Some(Value::String(kind)) => vec![kind],
            Some(Value::Array(kinds)) => kinds.iter().filter_map(Value::as_str).collect(),
            _ => Vec::new(),
        };
        if let Some(unknown) = kinds.iter().find(|kind| !TYPES.contains(kind)) {
            return self.say(format!("'{unknown}' is not valid under any of the given schemas."));
        }
        if self.strictly {
            self.strict(object, &kinds, depth)?;
        }
        if kinds.contains(&"array") && !object.contains_key("items") && !object.contains_key("prefixItems") {
            return self.say("array schema missing items.");
        }
        self.inner(object, depth)
    }

    fn not_a_schema(&self, got: &Value) -> Result<(), StrictFault> {
        self.say(format!("{got} is not of type 'object', 'boolean'."))
    }

    /// The strict subset: closed objects that require all their properties, and no keyword that cannot be enforced.
    fn strict(&mut self, object: &'a Map<String, Value>, kinds: &[&str], depth: usize) -> Result<(), StrictFault> {
        if let Some(keyword) = FORBIDDEN.iter().find(|keyword| object.contains_key(**keyword)) {
            return self.say(format!("'{keyword}' is not permitted."));
        }
        if object.contains_key("$ref") {
            return Ok(());
        }
        if kinds.is_empty() && !["anyOf", "enum", "const"].iter().any(|key| object.contains_key(*key)) {
            return self.say("schema must have a 'type' key.");
        }
        if let Some(format) = object.get("format").and_then(Value::as_str).filter(|format| !FORMATS.contains(format)) {
            return self.say(format!("'{format}' is not a valid format."));
        }
        let values = object.get("enum").and_then(Value::as_array).map_or(&[][..], Vec::as_slice);
        self.budget.spend(values.len() as u64).map_err(StrictFault::Spent)?;
        self.enum_values += values.len();
        self.text += values.iter().filter_map(Value::as_str).map(str::len).sum::<usize>();
        if self.enum_values > MAX_ENUM_VALUES {
            return Err(StrictFault::Said(format!("schema has more than {MAX_ENUM_VALUES} enum values in total.")));
        }
        if depth > MAX_DEPTH {
            return Err(StrictFault::Said(format!("schema exceeds the maximum nesting depth of {MAX_DEPTH} levels.")));
        }
        if kinds.contains(&"object") || object.contains_key("properties") { self.closed(object) } else { Ok(()) }
    }

    fn closed(&mut self, object: &'a Map<String, Value>) -> Result<(), StrictFault> {
        if object.get("additionalProperties") != Some(&Value::Bool(false)) {
            return self.say("'additionalProperties' is required to be supplied and to be false.");
        }
        let empty = Map::new();
        let properties = object.get("properties").and_then(Value::as_object).unwrap_or(&empty);
        let required: Vec<&str> =
            object.get("required").and_then(Value::as_array).into_iter().flatten().filter_map(Value::as_str).collect();
        let rule = "'required' is required to be supplied and to be an array including every key in properties.";
        self.budget.spend(required.len() as u64).map_err(StrictFault::Spent)?;
        let known: HashSet<&str> = required.iter().copied().collect();
        if let Some(missing) = properties.keys().find(|key| !known.contains(key.as_str())) {
            return self.say(format!("{rule} Missing '{missing}'."));
        }
        if let Some(extra) = required.iter().find(|key| !properties.contains_key(**key)) {
            return self.say(format!("{rule} Extra required key '{extra}' supplied."));
        }
        self.properties += properties.len();
        self.text += properties.keys().map(String::len).sum::<usize>();
        if self.properties > MAX_PROPERTIES {
            return Err(StrictFault::Said(format!(
                "schema has more than {MAX_PROPERTIES} object properties in total."
            )));
        }
        match self.text > MAX_TEXT {
            true => {
                Err(StrictFault::Said(format!("schema has more than {MAX_TEXT} characters of names and enum values.")))
            }
            false => Ok(()),
        }
    }

    /// Everything a schema holds, in the order it is written.
    fn inner(&mut self, object: &'a Map<String, Value>, depth: usize) -> Result<(), StrictFault> {
        for (key, value) in object {
            match key.as_str() {
                "properties" | "$defs" | "definitions" | "patternProperties" => {
                    let levels = usize::from(key == "properties");
                    value.members().try_for_each(|(name, inner)| {
                        self.within(&[key, name], |checker| checker.check(inner, depth + levels))
                    })?
                }
                "items" if value.is_object() || value.is_boolean() => {
                    self.within(&[key], |checker| checker.check(value, depth + 1))?
                }
                "additionalProperties" if value.is_object() => {
                    self.within(&[key], |checker| checker.check(value, depth + 1))?
                }
                "anyOf" | "oneOf" | "allOf" => value.elements().enumerate().try_for_each(|(at, inner)| {
                    self.within(&[key, index(at)], |checker| checker.check(inner, depth))
                })?,
                _ => {}
            }
        }
        Ok(())
    }

    fn within<T>(&mut self, steps: &[&'a str], inner: impl FnOnce(&mut Self) -> T) -> T {
        self.path.extend_from_slice(steps);
        let out = inner(self);
        self.path.truncate(self.path.len() - steps.len());
        out
    }
}

const TYPES: &[&str] = &["array", "boolean", "integer", "null", "number", "object", "string"];

/// Positions as they stand in paths.
fn index(at: usize) -> &'static str {
    const NAMES: [&str; 32] = [
        "0", "1", "2", "3", "4", "5", "6", "7", "8", "9", "10", "11", "12", "13", "14", "15", "16", "17", "18", "19",
        "20", "21", "22", "23", "24", "25", "26", "27", "28", "29", "30", "31",
    ];
    NAMES.get(at).copied().unwrap_or("…")
}
