//! Schemas made flat: references followed, `allOf` merged, one branch of `anyOf`, `oneOf` and `if` chosen.

use super::pattern;
use crate::random::Random;
use serde_json::{Map, Value, json};
use std::borrow::Cow;
use std::collections::HashMap;

/// A schema that is an object.
pub type Schema = Map<String, Value>;

/// The height of a schema that no finite value satisfies.
pub const ENDLESS: u32 = u32::MAX;

/// Keywords that [`Resolver::flat`] removes.
const COMBINATORS: &[&str] = &["$ref", "$dynamicRef", "allOf", "anyOf", "oneOf", "if", "then", "else"];

/// Parts that make up one flat schema at most; references in a circle lead nowhere.
const PARTS: usize = 256;

/// Knows a whole schema: where references lead, and how deep the smallest value of each part is.
pub struct Resolver<'a> {
    root: &'a Value,
    /// Per reference, the height of its target.
    heights: HashMap<&'a str, u32>,
}

impl<'a> Resolver<'a> {
    /// Measures the heights as grammars are measured: all endless at first, then improved until nothing changes.
    pub fn new(root: &'a Value) -> Self {
        let mut references = Vec::new();
        collect(root, &mut references);
        let mut resolver = Resolver { root, heights: references.iter().map(|name| (*name, ENDLESS)).collect() };
        for _ in 0..=resolver.heights.len() {
            let better: Vec<(&str, u32)> = resolver
                .heights
                .iter()
                .map(|(name, height)| {
                    (*name, *height, resolver.target(name).map_or(0, |target| resolver.height(target)))
                })
                .filter(|(_, before, now)| now < before)
                .map(|(name, _, now)| (name, now))
                .collect();
            if better.is_empty() {
                break;
            }
            resolver.heights.extend(better);
        }
        resolver
    }

    /// Where a reference leads inside this schema.
    fn target(&self, reference: &str) -> Option<&'a Value> {
        let (document, fragment) = reference.split_once('#').unwrap_or((reference, ""));
        let base = if document.is_empty() { self.root } else { find(self.root, "$id", document)? };
        match fragment {
            "" => Some(base),
            pointer if pointer.starts_with('/') => base.pointer(&percent_decoded(pointer)),
            anchor => find(base, "$anchor", anchor).or_else(|| find(base, "$dynamicAnchor", anchor)),
        }
    }

    /// Levels of objects and arrays the smallest value has: 0 for scalars, [`ENDLESS`] if there is none.
    pub fn height(&self, schema: &Value) -> u32 {
        let map = match schema {
            Value::Bool(false) => return ENDLESS,
            Value::Object(map) => map,
            _ => return 0,
        };
        let mut height = self.own_height(map);
        if let Some(name) = reference(map) {
            height = height.max(self.heights.get(name).copied().unwrap_or(0));
        }
        for part in list(map, "allOf") {
            height = height.max(self.height(part));
        }
        for choice in ["anyOf", "oneOf"] {
            if let Some(best) = list(map, choice).iter().map(|branch| self.height(branch)).min() {
                height = height.max(best);
            }
        }
        height
    }

    fn own_height(&self, map: &Schema) -> u32 {
        if map.contains_key("const") || map.contains_key("enum") {
            return 0;
        }
        let height_of = |kind: &str| match kind {
            "object" => {
                let properties = map.get("properties").and_then(Value::as_object);
                let needed = list(map, "required").iter().filter_map(Value::as_str);
                let deepest = needed
                    .map(|name| properties.and_then(|all| all.get(name)).map_or(0, |property| self.height(property)))
                    .max();
                deepest.map_or(0, |deepest| deepest.saturating_add(1))
            }
            "array" => {
                let least = number(map, "minItems").unwrap_or(0);
                let tuple =
                    list(map, "prefixItems").iter().take(least).map(|item| self.height(item)).max().unwrap_or(0);
                let rest = map.get("items").filter(|_| least > list(map, "prefixItems").len());
                let deepest = tuple.max(rest.map_or(0, |items| self.height(items)));
                if least == 0 { 0 } else { deepest.saturating_add(1) }
            }
            _ => 0,
        };
        types(map).iter().map(|kind| height_of(kind)).min().unwrap_or(0)
    }

    /// The schema without combinators. Frugal: the branch with the smallest values.
    pub fn flat<'s>(&'s self, schema: &'s Value, frugal: bool, random: &mut Random) -> Cow<'s, Schema> {
        let mut parts_left = PARTS;
        self.flat_within(schema, frugal, random, &mut parts_left)
    }

    fn flat_within<'s>(
        &'s self,
        schema: &'s Value,
        frugal: bool,
        random: &mut Random,
        parts_left: &mut usize,
    ) -> Cow<'s, Schema> {
        let map = match schema {
            Value::Object(map) if !COMBINATORS.iter().any(|keyword| map.contains_key(*keyword)) => {
                return Cow::Borrowed(map);
            }
            Value::Object(map) if *parts_left > 0 => map,
            Value::Bool(false) => return Cow::Owned([("enum".to_string(), json!([]))].into_iter().collect()),
            _ => return Cow::Owned(Schema::new()),
        };
        *parts_left -= 1;
        let mut flat: Schema = map
            .iter()
            .filter(|(keyword, _)| !COMBINATORS.contains(&keyword.as_str()))
            .map(|(keyword, value)| (keyword.clone(), value.clone()))
            .collect();
        let mut add = |part: &'s Value, random: &mut Random| {
            let part = self.flat_within(part, frugal, random, parts_left);
            merge(&mut flat, &part);
        };
        if let Some(target) = reference(map).and_then(|name| self.target(name)) {
            add(target, random);
        }
        for part in list(map, "allOf") {
            add(part, random);
        }
        for choice in ["anyOf", "oneOf"] {
            if let Some(branch) = self.branch(list(map, choice), frugal, random) {
                add(branch, random);
            }
        }
        if let Some(condition) = map.get("if") {
            // A value that meets the condition and its consequence; else one that, hopefully, does not meet it.
            if random.chance(0.5) {
                add(condition, random);
                map.get("then").into_iter().for_each(|part| add(part, random));
            } else {
                map.get("else").into_iter().for_each(|part| add(part, random));
            }
        }
        Cow::Owned(flat)
    }

    fn branch<'s>(&self, branches: &'s [Value], frugal: bool, random: &mut Random) -> Option<&'s Value> {
        if frugal {
            return branches.iter().min_by_key(|branch| self.height(branch));
        }
        let finite: Vec<&Value> = branches.iter().filter(|branch| self.height(branch) < ENDLESS).collect();
        let (nulls, values): (Vec<&Value>, Vec<&Value>) = finite.into_iter().partition(|branch| is_null(branch));
        // Optional values are mostly there.
        let rather = if values.is_empty() || (!nulls.is_empty() && random.chance(0.12)) { nulls } else { values };
        if rather.is_empty() { branches.first() } else { Some(*random.pick(&rather)) }
    }
}

fn reference(map: &Schema) -> Option<&str> {
    map.get("$ref").or_else(|| map.get("$dynamicRef")).and_then(Value::as_str)
}

/// Every reference in a schema.
fn collect<'a>(value: &'a Value, references: &mut Vec<&'a str>) {
    match value {
        Value::Object(map) => {
            references.extend(reference(map));
            map.values().for_each(|item| collect(item, references));
        }
        Value::Array(items) => items.iter().for_each(|item| collect(item, references)),
        _ => {}
    }
}

/// The subschema where this keyword has this value.
fn find<'a>(value: &'a Value, keyword: &str, wanted: &str) -> Option<&'a Value> {
    match value {
        Value::Object(map) if map.get(keyword).and_then(Value::as_str) == Some(wanted) => Some(value),
        Value::Object(map) => map.values().find_map(|item| find(item, keyword, wanted)),
        Value::Array(items) => items.iter().find_map(|item| find(item, keyword, wanted)),
        _ => None,
    }
}

fn percent_decoded(text: &str) -> String {
    let bytes = text.as_bytes();
    let mut out = Vec::with_capacity(bytes.len());
    let mut at = 0;
    while at < bytes.len() {
        let hex = text.get(at + 1..at + 3).filter(|_| bytes[at] == b'%');
        match hex.and_then(|hex| u8::from_str_radix(hex, 16).ok()) {
            Some(byte) => {
                out.push(byte);
                at += 3;
            }
            None => {
                out.push(bytes[at]);
                at += 1;
            }
        }
    }
    String::from_utf8_lossy(&out).into_owned()
}

/// The elements of a keyword that is a list; none if it isn't.
pub fn list<'s>(schema: &'s Schema, keyword: &str) -> &'s [Value] {
    schema.get(keyword).and_then(Value::as_array).map_or(&[], Vec::as_slice)
}

/// A keyword that counts.
pub fn number(schema: &Schema, keyword: &str) -> Option<usize> {
    schema.get(keyword).and_then(Value::as_f64).filter(|count| *count >= 0.0).map(|count| count as usize)
}

/// The types a schema allows; without `type` they follow from its other keywords; empty if nothing tells.
pub fn types(schema: &Schema) -> Vec<&str> {
    let mut types: Vec<&str> = match schema.get("type") {
        Some(Value::String(one)) => vec![one],
        Some(Value::Array(several)) => several.iter().filter_map(Value::as_str).collect(),
        _ => {
            let says = |keywords: &[&str]| keywords.iter().any(|keyword| schema.contains_key(*keyword));
            if says(&["properties", "required", "additionalProperties", "patternProperties", "minProperties"]) {
                vec!["object"]
            } else if says(&["items", "prefixItems", "minItems", "maxItems", "uniqueItems", "contains"]) {
                vec!["array"]
            } else if says(&["pattern", "format", "minLength", "maxLength"]) {
                vec!["string"]
            } else if says(&["minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum", "multipleOf"]) {
                vec!["number"]
            } else {
                vec![]
            }
        }
    };
    if schema.get("nullable") == Some(&Value::Bool(true)) && !types.is_empty() && !types.contains(&"null") {
        types.push("null");
    }
    types
}

fn is_null(schema: &Value) -> bool {
    schema.get("type").and_then(Value::as_str) == Some("null")
        || schema.get("const").is_some_and(Value::is_null)
        || schema.get("enum").and_then(Value::as_array).is_some_and(|all| all.iter().all(Value::is_null))
}

/// Narrows a flat schema by another one: what satisfies the outcome satisfies both, as far as keywords can say it.
fn merge(into: &mut Schema, other: &Schema) {
    for (keyword, theirs) in other {
        let Some(ours) = into.get_mut(keyword) else {
            into.insert(keyword.clone(), theirs.clone());
            continue;
        };
        if ours != theirs {
            *ours = both(keyword, ours.take(), theirs);
        }
    }
}

/// One keyword's value that implies both values.
fn both(keyword: &str, ours: Value, theirs: &Value) -> Value {
    let as_list = |value: &Value| value.as_array().cloned().unwrap_or_else(|| vec![value.clone()]);
    let numbers = ours.as_f64().zip(theirs.as_f64());
    match keyword {
        "type" => {
            let (mine, other) = (as_list(&ours), as_list(theirs));
            let within = |kind: &Value, all: &[Value]| {
                all.contains(kind) || (kind == "integer" && all.contains(&json!("number")))
            };
            let mut common: Vec<Value> = mine.iter().filter(|kind| within(kind, &other)).cloned().collect();
            common.extend(
                other.iter().filter(|kind| !common.contains(kind) && within(kind, &mine)).cloned().collect::<Vec<_>>(),
            );
            Value::Array(common)
        }
        "required" => {
            let mut all = as_list(&ours);
            all.extend(as_list(theirs).into_iter().filter(|name| !as_list(&ours).contains(name)));
            Value::Array(all)
        }
        "enum" => as_list(&ours).into_iter().filter(|item| as_list(theirs).contains(item)).collect(),
        "properties" | "patternProperties" | "dependentRequired" => match (ours, theirs.as_object()) {
            (Value::Object(mut map), Some(more)) => {
                for (name, schema) in more {
                    let schema = match map.remove(name) {
                        Some(mine) if mine != *schema => json!({"allOf": [mine, schema]}),
                        _ => schema.clone(),
                    };
                    map.insert(name.clone(), schema);
                }
                Value::Object(map)
            }
            (ours, _) => ours,
        },
        "items" | "additionalProperties" | "propertyNames" | "contains" => match (&ours, theirs) {
            (Value::Bool(true), _) => theirs.clone(),
            (Value::Bool(false), _) | (_, Value::Bool(true)) => ours,
            (_, Value::Bool(false)) => theirs.clone(),
            _ => json!({"allOf": [ours, theirs]}),
        },
        "minimum" | "exclusiveMinimum" | "minLength" | "minItems" | "minProperties" | "minContains" => match numbers {
            Some((mine, other)) if other > mine => theirs.clone(),
            _ => ours,
        },
        "maximum" | "exclusiveMaximum" | "maxLength" | "maxItems" | "maxProperties" | "maxContains" => match numbers {
            Some((mine, other)) if other < mine => theirs.clone(),
            _ => ours,
        },
        "multipleOf" => match ours.as_u64().zip(theirs.as_u64()) {
            Some((mine, other)) if mine > 0 && other > 0 => {
                let (mut a, mut b) = (mine, other);
                while b > 0 {
                    (a, b) = (b, a % b);
                }
                json!((mine / a).saturating_mul(other))
            }
            _ => ours,
        },
        "uniqueItems" => json!(ours == true || *theirs == true),
        "pattern" => match (ours.as_str(), theirs.as_str()) {
            (Some(mine), Some(other)) => json!(pattern::both(mine, other)),
            _ => ours,
        },
        _ => ours,
    }
}
