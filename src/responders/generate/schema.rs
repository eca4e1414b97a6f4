//! Values that satisfy a JSON Schema, with plausible content.
//!
//! A value is built from the flat form of each part ([`resolve`]), then checked as a whole; keywords that can only be
//! checked (`not`, `oneOf`'s exclusiveness, `if`) are met by drawing again.

use super::names::Name;
use super::numbers;
use super::pattern;
use super::plain;
use super::resolve::{ENDLESS, Resolver, Schema, list, number, types};
use super::said::Said;
use super::strings;
use super::words::NOUNS;
use crate::random::Random;
use crate::reply::{Style, validator};
use serde_json::{Map, Value, json};

/// Draws before the last value is given as it is.
const ATTEMPTS: usize = 30;
/// Levels of objects and arrays after which only what must be is made.
const DEEP: usize = 8;
/// Levels after which nothing is made; only schemas without a finite value come here.
const BOTTOM: usize = 100;
/// Values after which only what must be is made, so that wide recursion stays small.
const MANY: usize = 300;
/// Values after which nothing is made, whatever `minItems` says.
const MOST: usize = 10_000;

/// What guides a value beside its schema.
#[derive(Debug, Clone, Copy, Default)]
pub struct Hints<'a> {
    /// What the user said; values are drawn from it where they fit.
    pub user_text: &'a str,
    pub style: Style,
}

/// A value for the schema, its properties in the schema's order. Valid for the whole strict subset; for the rest too
/// wherever 30 draws find a valid one.
pub fn value(schema: &Value, random: &mut Random, hints: &Hints) -> Value {
    if hints.style == Style::Plain {
        return plain::value(schema);
    }
    let resolver = Resolver::new(schema);
    let said = Said::of(hints.user_text);
    let mut last = Value::Null;
    for attempt in 0..ATTEMPTS {
        // Every third draw holds back what is optional, later ones also forget what is plausible.
        let mut draw = Draw {
            resolver: &resolver,
            random,
            said: said.clone(),
            made: 0,
            wild: attempt > 15,
            sparse: attempt % 3 == 2,
        };
        last = draw.value(schema, &Name::default(), 0);
        let made = draw.made;
        if made > MOST || validator::accepts(schema, &last) {
            break;
        }
    }
    last
}

/// One attempt at a value.
struct Draw<'a> {
    resolver: &'a Resolver<'a>,
    random: &'a mut Random,
    said: Said,
    made: usize,
    /// Whole ranges instead of plausible values.
    wild: bool,
    /// Nothing optional.
    sparse: bool,
}

impl Draw<'_> {
    fn value(&mut self, schema: &Value, name: &Name, depth: usize) -> Value {
        self.made += 1;
        if depth > BOTTOM || self.made > MOST {
            return Value::Null;
        }
        let frugal = depth >= DEEP || self.made > MANY;
        let resolver = self.resolver;
        let flat = resolver.flat(schema, frugal, self.random);
        if let Some(constant) = flat.get("const") {
            return constant.clone();
        }
        if flat.contains_key("enum") {
            return self.one_of(&flat);
        }
        match self.kind(&flat, frugal) {
            "object" => self.object(&flat, frugal, depth),
            "array" => self.array(&flat, name, frugal, depth),
            "integer" => self.number(&flat, true, name),
            "number" => self.number(&flat, false, name),
            "boolean" => json!(self.random.chance(0.5)),
            "null" => Value::Null,
            _ => json!(strings::string(&flat, name, &mut self.said, self.wild, self.random)),
        }
    }

    fn number(&mut self, flat: &Schema, integer: bool, name: &Name) -> Value {
        numbers::number(flat, integer, name, &mut self.said.numbers, self.wild, self.random)
    }

    /// The type to make: never one without finite values, null seldom, scalars when frugal.
    fn kind<'s>(&mut self, flat: &'s Schema, frugal: bool) -> &'s str {
        let kinds = types(flat);
        if kinds.len() < 2 {
            return kinds.first().copied().unwrap_or("string");
        }
        let simple = kinds.iter().find(|kind| !matches!(**kind, "object" | "array"));
        if let Some(simple) = simple.filter(|_| frugal || self.resolver.height(&json!(flat)) == ENDLESS) {
            return simple;
        }
        let values: Vec<&str> = kinds.iter().copied().filter(|kind| *kind != "null").collect();
        let absent = values.len() < kinds.len() && self.random.chance(0.12);
        let pick = self.random.below(values.len());
        values.get(pick).copied().filter(|_| !absent).unwrap_or("null")
    }

    /// A member of the enum: one the user named, else any that the rest of the schema allows.
    fn one_of(&mut self, flat: &Schema) -> Value {
        let rest: Schema =
            flat.iter().filter(|(keyword, _)| *keyword != "enum").map(|(k, v)| (k.clone(), v.clone())).collect();
        let rest = Value::Object(rest);
        let all = list(flat, "enum");
        let members: Vec<&Value> = all.iter().filter(|member| validator::accepts(&rest, member)).collect();
        let lower = self.said.text.to_lowercase();
        let named = members.iter().find(|member| {
            !self.wild && member.as_str().is_some_and(|word| word.len() > 2 && lower.contains(&word.to_lowercase()))
        });
        match named {
            Some(member) => (**member).clone(),
            None if members.is_empty() => all.first().cloned().unwrap_or(Value::Null),
            None => (*self.random.pick(&members)).clone(),
        }
    }

    fn object(&mut self, flat: &Schema, frugal: bool, depth: usize) -> Value {
        let none = Map::new();
        let properties = flat.get("properties").and_then(Value::as_object).unwrap_or(&none);
        let required: Vec<&str> = list(flat, "required").iter().filter_map(Value::as_str).collect();
        let least = number(flat, "minProperties").unwrap_or(0).min(MOST);
        let most = number(flat, "maxProperties").unwrap_or(usize::MAX);
        let undeclared = required.iter().filter(|name| !properties.contains_key(**name)).count();
        let finite = |schema: &Value| self.resolver.height(schema) < ENDLESS;

        let mut chosen: Vec<&str> = required.clone();
        let optional: Vec<&str> = properties
            .iter()
            .filter(|(name, schema)| !required.contains(&name.as_str()) && finite(schema))
            .map(|(name, _)| name.as_str())
            .collect();
        for name in &optional {
            // Without `required` every property is meant; with it, most are there, and always what the user's words fill.
            let wanted = required.is_empty() || Name::of(name).takes_text() || self.random.chance(0.8);
            if wanted && !frugal && !self.sparse && chosen.len() < most {
                chosen.push(name);
            }
        }
        let missing = least.saturating_sub(chosen.len());
        let more: Vec<&str> = optional.iter().copied().filter(|name| !chosen.contains(name)).take(missing).collect();
        chosen.extend(more);
        self.add_dependents(flat, &mut chosen);

        let mut made = Map::new();
        for (name, schema) in properties.iter().filter(|(name, _)| chosen.contains(&name.as_str())) {
            made.insert(name.clone(), self.value(schema, &Name::of(name), depth + 1));
        }
        for name in chosen.iter().filter(|name| !properties.contains_key(**name)) {
            made.insert(name.to_string(), self.extra(flat, name, depth));
        }
        let is_map = properties.is_empty()
            && (flat.get("additionalProperties").is_some_and(Value::is_object)
                || flat.contains_key("patternProperties"));
        let entries =
            if is_map && !frugal && !self.sparse { self.random.between(1, 3) as usize + undeclared } else { 0 };
        self.add_extras(flat, &mut made, entries.max(least).min(most), depth);
        Value::Object(made)
    }

    /// `dependentRequired`, and `dependencies` as older drafts write it: whoever comes brings these along.
    fn add_dependents<'s>(&self, flat: &'s Schema, chosen: &mut Vec<&'s str>) {
        let rules: Vec<(&String, &Value)> = ["dependentRequired", "dependencies"]
            .iter()
            .filter_map(|keyword| flat.get(*keyword).and_then(Value::as_object))
            .flatten()
            .collect();
        let mut at = 0;
        while at < chosen.len() {
            let brought =
                rules.iter().filter(|(name, _)| *name == chosen[at]).filter_map(|(_, names)| names.as_array());
            for name in brought.flatten().filter_map(Value::as_str).collect::<Vec<_>>() {
                if !chosen.contains(&name) {
                    chosen.push(name);
                }
            }
            at += 1;
        }
    }

    /// Undeclared properties until there are `wanted`, as far as the schema lets them in.
    fn add_extras(&mut self, flat: &Schema, made: &mut Map<String, Value>, wanted: usize, depth: usize) {
        let patterns = flat.get("patternProperties").and_then(Value::as_object).filter(|patterns| !patterns.is_empty());
        let closed = ["additionalProperties", "unevaluatedProperties"]
            .iter()
            .any(|keyword| flat.get(*keyword) == Some(&Value::Bool(false)));
        if closed && patterns.is_none() {
            return;
        }
        for _ in 0..wanted.saturating_mul(10) {
            if made.len() >= wanted || self.made > MOST {
                return;
            }
            let pattern =
                patterns.and_then(|patterns| patterns.keys().next()).filter(|_| closed || self.random.chance(0.7));
            let name = match (pattern, flat.get("propertyNames")) {
                (Some(pattern), _) => pattern::candidates(pattern, 1, 64, self.random).next(),
                (None, Some(names)) => {
                    let mut names = names.clone();
                    if let Some(map) = names.as_object_mut() {
                        map.entry("type").or_insert_with(|| json!("string"));
                    }
                    self.value(&names, &Name::default(), depth + 1).as_str().map(str::to_string)
                }
                (None, None) if made.len() < NOUNS.len() / 2 => Some(self.random.pick(NOUNS).to_string()),
                (None, None) => Some(format!("{}_{}", self.random.pick(NOUNS), made.len())),
            };
            if let Some(name) = name.filter(|name| !made.contains_key(name)) {
                let value = self.extra(flat, &name, depth);
                made.insert(name, value);
            }
        }
    }

    /// The value of an undeclared property.
    fn extra(&mut self, flat: &Schema, name: &str, depth: usize) -> Value {
        let patterns = flat.get("patternProperties").and_then(Value::as_object);
        let matching = patterns.and_then(|patterns| {
            patterns.iter().find(|(pattern, _)| validator::accepts(&json!({"pattern": pattern}), &json!(name)))
        });
        let schema = matching.map(|(_, schema)| schema).or_else(|| flat.get("additionalProperties"));
        self.value(schema.unwrap_or(&Value::Bool(true)), &Name::of(name), depth + 1)
    }

    fn array(&mut self, flat: &Schema, name: &Name, frugal: bool, depth: usize) -> Value {
        let old_tuple = list(flat, "items");
        let tuple = if old_tuple.is_empty() { list(flat, "prefixItems") } else { old_tuple };
        let rest = if old_tuple.is_empty() { flat.get("items") } else { flat.get("additionalItems") };
        let any = Value::Bool(true);
        let contains = flat.get("contains");
        let containing = if contains.is_some() { number(flat, "minContains").unwrap_or(1).min(MOST) } else { 0 };
        let fixed = if frugal && containing == 0 { 0 } else { tuple.len() };
        let least = number(flat, "minItems").unwrap_or(0).max(fixed + containing);
        let endless = rest.is_some_and(|rest| self.resolver.height(rest) == ENDLESS);
        let open = !endless && (tuple.is_empty() || rest.is_some_and(Value::is_object));
        let natural = if frugal || self.sparse || !open { 0 } else { self.random.between(1, 3) as usize };
        let count = least.max(fixed + natural).min(number(flat, "maxItems").unwrap_or(usize::MAX)).min(MOST);
        let unique = flat.get("uniqueItems") == Some(&Value::Bool(true));
        let wild = self.wild;

        let mut items: Vec<Value> = Vec::new();
        // Duplicates are drawn again, at last from the whole range.
        let mut misses = 0;
        while items.len() < count && misses < 60 && self.made <= MOST {
            let at = items.len();
            let schema = tuple.get(at).or(rest).unwrap_or(&any);
            self.wild = wild || misses > 20;
            let item = match contains.filter(|_| at >= tuple.len() && at < tuple.len() + containing) {
                Some(contains) => self.value(&self.joined(schema, contains), name, depth + 1),
                None => self.value(schema, name, depth + 1),
            };
            if unique && items.contains(&item) {
                misses += 1;
            } else {
                items.push(item);
                misses = 0;
            }
        }
        self.wild = wild;
        Value::Array(items)
    }

    fn joined(&self, one: &Value, other: &Value) -> Value {
        if *one == Value::Bool(true) { other.clone() } else { json!({"allOf": [one, other]}) }
    }
}
