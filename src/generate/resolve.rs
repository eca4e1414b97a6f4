//! Schemas made flat: references followed, `allOf` merged, one branch of `anyOf`, `oneOf` and `if` chosen.

use crate::budget::{Budget, Spent};
use crate::generate::pattern;
use crate::random::{Random, canonical};
use crate::reply::measure::{Measured, reference};
use crate::reply::price;
use serde_json::{Map, Value, json};
use std::borrow::Cow;
use std::collections::{HashMap, HashSet};

/// A schema that is an object.
pub(crate) type Schema = Map<String, Value>;

/// The height of a schema that no finite value satisfies.
pub(crate) const ENDLESS: u32 = u32::MAX;

/// Keywords that [`Resolver::flat`] removes.
const COMBINATORS: &[&str] =
    &["$ref", "$dynamicRef", "$recursiveRef", "allOf", "anyOf", "oneOf", "if", "then", "else", "$defs", "definitions"];

/// Parts that make up one flat schema at most; references in a circle lead nowhere.
const PARTS: usize = 256;

/// Knows a whole schema: where references lead, and how deep the smallest value of each part is.
pub(crate) struct Resolver<'a> {
    measured: &'a Measured<'a>,
    budget: &'a Budget,
    /// Per reference, the height of its target.
    heights: Vec<u32>,
    /// Heights of the schema's own parts by address; what is merged from them is measured anew.
    known: HashMap<usize, u32>,
}

impl<'a> Resolver<'a> {
    /// Measures the heights as grammars are measured: all endless at first, then improved until nothing changes.
    ///
    /// # Errors
    /// The budget does not suffice.
    pub(crate) fn new(root: &'a Value, measured: &'a Measured<'a>, budget: &'a Budget) -> Result<Self, Spent> {
        let heights = vec![ENDLESS; measured.references.len()];
        let mut resolver = Resolver { measured, budget, heights, known: HashMap::new() };
        // References mostly lead forwards, so the last is known first; every other round takes those that lead back.
        for round in 0..=resolver.heights.len() {
            let mut better = false;
            for step in 0..resolver.heights.len() {
                let at = if round % 2 == 0 { resolver.heights.len() - 1 - step } else { step };
                let target = measured.references[at].1.first();
                let height = target.map_or(Ok(0), |target| resolver.height(target))?;
                better |= height < resolver.heights[at];
                resolver.heights[at] = height.min(resolver.heights[at]);
            }
            if !better {
                break;
            }
        }
        resolver.remember(root)?;
        Ok(resolver)
    }

    /// Keeps the heights of all parts, the innermost first.
    fn remember(&mut self, value: &Value) -> Result<(), Spent> {
        match value {
            Value::Object(map) => {
                map.values().try_for_each(|inner| self.remember(inner))?;
                let height = self.height(value)?;
                self.known.insert(address(value), height);
                Ok(())
            }
            Value::Array(items) => items.iter().try_for_each(|inner| self.remember(inner)),
            _ => Ok(()),
        }
    }

    /// Where a reference leads inside this schema.
    fn target(&self, reference: &str) -> Option<&'a Value> {
        self.measured.targets(reference).first().copied()
    }

    /// Levels of objects and arrays the smallest value has: 0 for scalars, [`ENDLESS`] if there is none.
    ///
    /// # Errors
    /// The budget does not suffice.
    pub(crate) fn height(&self, schema: &Value) -> Result<u32, Spent> {
        let map = match schema {
            Value::Bool(false) => return Ok(ENDLESS),
            Value::Object(map) => map,
            _ => return Ok(0),
        };
        if let Some(known) = self.known.get(&address(schema)) {
            return Ok(*known);
        }
        self.budget.spend(1)?;
        let mut height = self.own_height(map)?;
        if let Some(name) = reference(map) {
            height = height.max(self.measured.place(name).map_or(0, |at| self.heights[at]));
        }
        for part in list(map, "allOf") {
            height = height.max(self.height(part)?);
        }
        for choice in ["anyOf", "oneOf"] {
            let mut best = None;
            for branch in list(map, choice) {
                let branch = self.height(branch)?;
                best = Some(best.map_or(branch, |best: u32| best.min(branch)));
            }
            height = height.max(best.unwrap_or(0));
        }
        Ok(height)
    }

    /// The height of a schema without its combinators.
    pub(crate) fn own_height(&self, map: &Schema) -> Result<u32, Spent> {
        if map.contains_key("const") || map.contains_key("enum") {
            return Ok(0);
        }
        let mut lowest = None;
        for kind in types(map) {
            let height = match kind {
                "object" => self.object_height(map)?,
                "array" => self.array_height(map)?,
                _ => 0,
            };
            lowest = Some(lowest.map_or(height, |lowest: u32| lowest.min(height)));
        }
        Ok(lowest.unwrap_or(0))
    }

    fn object_height(&self, map: &Schema) -> Result<u32, Spent> {
        let properties = map.get("properties").and_then(Value::as_object);
        let mut height = 0;
        for name in list(map, "required").iter().filter_map(Value::as_str) {
            self.budget.spend(1)?;
            let property = properties.and_then(|all| all.get(name));
            height = height.max(property.map_or(Ok(0), |property| self.height(property))?.saturating_add(1));
        }
        Ok(height)
    }

    fn array_height(&self, map: &Schema) -> Result<u32, Spent> {
        let least = number(map, "minItems").unwrap_or(0);
        if least == 0 {
            return Ok(0);
        }
        let tuple = list(map, "prefixItems");
        let mut deepest = 0;
        for item in tuple.iter().take(least) {
            deepest = deepest.max(self.height(item)?);
        }
        if let Some(items) = map.get("items").filter(|_| least > tuple.len()) {
            deepest = deepest.max(self.height(items)?);
        }
        Ok(deepest.saturating_add(1))
    }

    /// The schema without combinators. Frugal: the branch with the smallest values.
    ///
    /// # Errors
    /// The budget does not suffice.
    pub(crate) fn flat<'s>(
        &'s self,
        schema: &'s Value,
        frugal: bool,
        random: &mut Random,
    ) -> Result<Cow<'s, Schema>, Spent> {
        let mut parts_left = PARTS;
        self.flat_within(schema, frugal, random, &mut parts_left)
    }

    fn flat_within<'s>(
        &'s self,
        schema: &'s Value,
        frugal: bool,
        random: &mut Random,
        parts_left: &mut usize,
    ) -> Result<Cow<'s, Schema>, Spent> {
        let map = match schema {
            Value::Object(map) if !COMBINATORS.iter().any(|keyword| map.contains_key(*keyword)) => {
                return Ok(Cow::Borrowed(map));
            }
            Value::Object(map) if *parts_left > 0 => map,
            Value::Bool(false) => return Ok(Cow::Owned([("enum".to_string(), json!([]))].into_iter().collect())),
            _ => return Ok(Cow::Owned(Schema::new())),
        };
        *parts_left -= 1;
        let mut flat = Schema::new();
        for (keyword, value) in map.iter().filter(|(keyword, _)| !COMBINATORS.contains(&keyword.as_str())) {
            price::deep(value, self.budget)?;
            flat.insert(keyword.clone(), value.clone());
        }
        let mut parts: Vec<&'s Value> = Vec::new();
        parts.extend(reference(map).and_then(|name| self.target(name)));
        parts.extend(list(map, "allOf"));
        for part in parts {
            self.add(&mut flat, part, frugal, random, parts_left)?;
        }
        for choice in ["anyOf", "oneOf"] {
            if let Some(branch) = self.branch(list(map, choice), frugal, random)? {
                self.add(&mut flat, branch, frugal, random, parts_left)?;
            }
        }
        if let Some(condition) = map.get("if") {
            // A value that meets the condition and its consequence; else one that, hopefully, does not meet it.
            let consequence =
                if random.chance(0.5) { [Some(condition), map.get("then")] } else { [map.get("else"), None] };
            for part in consequence.into_iter().flatten() {
                self.add(&mut flat, part, frugal, random, parts_left)?;
            }
        }
        Ok(Cow::Owned(flat))
    }

    fn add<'s>(
        &'s self,
        flat: &mut Schema,
        part: &'s Value,
        frugal: bool,
        random: &mut Random,
        parts_left: &mut usize,
    ) -> Result<(), Spent> {
        let part = self.flat_within(part, frugal, random, parts_left)?;
        // Both are read and written once more.
        for value in part.values().chain(part.keys().filter_map(|keyword| flat.get(keyword))) {
            price::deep(value, self.budget)?;
        }
        merge(flat, &part);
        Ok(())
    }

    fn branch<'s>(&self, branches: &'s [Value], frugal: bool, random: &mut Random) -> Result<Option<&'s Value>, Spent> {
        let mut heights = Vec::with_capacity(branches.len());
        for branch in branches {
            self.budget.spend(1)?;
            heights.push((self.height(branch)?, branch));
        }
        if frugal {
            return Ok(heights.into_iter().min_by_key(|(height, _)| *height).map(|(_, branch)| branch));
        }
        let finite = heights.into_iter().filter(|(height, _)| *height < ENDLESS).map(|(_, branch)| branch);
        let (nulls, values): (Vec<&Value>, Vec<&Value>) = finite.partition(|branch| is_null(branch));
        // Optional values are mostly there.
        let rather = if values.is_empty() || (!nulls.is_empty() && random.chance(0.12)) { nulls } else { values };
        Ok(if rather.is_empty() { branches.first() } else { Some(*random.pick(&rather)) })
    }
}

fn address(value: &Value) -> usize {
    std::ptr::from_ref(value) as usize
}

/// The elements of a keyword that is a list; none if it isn't.
pub(crate) fn list<'s>(schema: &'s Schema, keyword: &str) -> &'s [Value] {
    schema.get(keyword).and_then(Value::as_array).map_or(&[], Vec::as_slice)
}

/// A keyword that counts.
pub(crate) fn number(schema: &Schema, keyword: &str) -> Option<usize> {
    schema.get(keyword).and_then(Value::as_f64).filter(|count| *count >= 0.0).map(|count| count as usize)
}

/// The types a schema allows; without `type` they follow from its other keywords; empty if nothing tells.
pub(crate) fn types(schema: &Schema) -> Vec<&str> {
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
            let known: HashSet<u64> = all.iter().map(canonical).collect();
            all.extend(as_list(theirs).into_iter().filter(|name| !known.contains(&canonical(name))));
            Value::Array(all)
        }
        "enum" => {
            let known: HashSet<u64> = as_list(theirs).iter().map(canonical).collect();
            as_list(&ours).into_iter().filter(|item| known.contains(&canonical(item))).collect()
        }
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
