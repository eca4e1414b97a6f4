//! Values that satisfy a JSON Schema, with plausible content.
//!
//! A value is built from the flat form of each part ([`resolve`]), then checked as a whole; keywords that can only be
//! checked (`not`, `oneOf`'s exclusiveness, `if`) are met by drawing again.

use crate::budget::{Budget, Spent};
use crate::generate::names::FieldName;
use crate::generate::numbers;
use crate::generate::pattern;
use crate::generate::plain;
use crate::generate::resolve::ENDLESS;
use crate::generate::resolve::Resolver;
use crate::generate::resolve::Schema;
use crate::generate::resolve::list;
use crate::generate::resolve::number;
use crate::generate::resolve::types;
use crate::generate::said::UserText;
use crate::generate::strings;
use crate::generate::words::NOUNS;
use crate::random::{Random, canonical};
use crate::reply::GenerateStyle;
use crate::reply::price;
use crate::reply::validator::{self, CompiledSchema};
use serde_json::{Map, Value, json};
use std::borrow::Cow;
use std::collections::{HashMap, HashSet};
use std::rc::Rc;

/// Draws before the last value is given as it is.
const ATTEMPTS: usize = 30;
/// Levels of objects and arrays after which only what must be is made.
const DEEP: usize = 8;
/// Levels after which nothing is made; only schemas without a finite value come here.
const BOTTOM: usize = 100;
/// Values after which only what must be is made, so that wide recursion stays small.
const MANY: usize = 300;
/// Where counts of a schema are cut; the budget ends far before.
const MOST: usize = u32::MAX as usize;
/// Steps per value, beside those of what is looked at for it.
const PER_VALUE: u64 = 30;

/// What guides a value beside its schema.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Hints<'a> {
    /// What the user said; values are drawn from it where they fit.
    pub user_text: &'a str,
    /// What tools said.
    pub results: &'a str,
    pub style: GenerateStyle,
}

/// A value for the schema, its properties in the schema's order. Valid for the whole strict subset; for the rest too
/// wherever 30 draws find a valid one.
///
/// # Errors
/// The budget does not suffice.
pub(crate) fn value(schema: &Value, random: &mut Random, hints: &Hints, budget: &Budget) -> Result<Value, Spent> {
    if hints.style == GenerateStyle::Plain {
        price::deep(schema, budget)?;
        return Ok(plain::value(schema));
    }
    let compiled = CompiledSchema::of(schema, budget)?;
    let resolver = Resolver::new(schema, &compiled.measured, budget)?;
    let said = UserText::of(hints.user_text).and_of(hints.results);
    let members = &mut HashMap::new();
    let mut last = Value::Null;
    for attempt in 0..ATTEMPTS {
        budget.bytes(hints.user_text.len() / 64)?;
        // Every third draw holds back what is optional, later ones also forget what is plausible.
        let mut draw = Draw {
            resolver: &resolver,
            random,
            budget,
            members,
            said: said.clone(),
            made: 0,
            wild: attempt > 15,
            sparse: attempt % 3 == 2,
        };
        last = draw.value(schema, &FieldName::default(), 0)?;
        if compiled.accepts(&last, budget)? {
            break;
        }
    }
    Ok(last)
}

/// The members of an enum that the rest of its schema allows, as places, and the one the user named.
struct Members {
    allowed: Vec<usize>,
    named: Option<usize>,
}

/// One attempt at a value.
struct Draw<'a> {
    resolver: &'a Resolver<'a>,
    random: &'a mut Random,
    budget: &'a Budget,
    /// By the address of an enum that is part of the schema itself.
    members: &'a mut HashMap<usize, Rc<Members>>,
    said: UserText,
    made: usize,
    /// Whole ranges instead of plausible values.
    wild: bool,
    /// Nothing optional.
    sparse: bool,
}

impl Draw<'_> {
    fn value(&mut self, schema: &Value, name: &FieldName, depth: usize) -> Result<Value, Spent> {
        self.made += 1;
        self.budget.spend(PER_VALUE)?;
        if depth > BOTTOM {
            return Ok(Value::Null);
        }
        let frugal = depth >= DEEP || self.made > MANY;
        let resolver = self.resolver;
        let flat = resolver.flat(schema, frugal, self.random)?;
        if let Some(constant) = flat.get("const") {
            price::deep(constant, self.budget)?;
            return Ok(constant.clone());
        }
        if flat.contains_key("enum") {
            // What was merged lies anywhere.
            return self.one_of(&flat, matches!(flat, Cow::Borrowed(_)));
        }
        Ok(match self.kind(&flat, frugal)? {
            "object" => self.object(&flat, frugal, depth)?,
            "array" => self.array(&flat, name, frugal, depth)?,
            "integer" => self.number(&flat, true, name),
            "number" => self.number(&flat, false, name),
            "boolean" => json!(self.random.chance(0.5)),
            "null" => Value::Null,
            _ => json!(strings::string(&flat, name, &mut self.said, self.wild, self.random, self.budget)?),
        })
    }

    fn number(&mut self, flat: &Schema, integer: bool, name: &FieldName) -> Value {
        numbers::number(flat, integer, name, &mut self.said.numbers, self.wild, self.random)
    }

    /// The type to make: never one without finite values, null seldom, scalars when frugal.
    fn kind<'s>(&mut self, flat: &'s Schema, frugal: bool) -> Result<&'s str, Spent> {
        let kinds = types(flat);
        if kinds.len() < 2 {
            return Ok(kinds.first().copied().unwrap_or("string"));
        }
        let simple = kinds.iter().find(|kind| !matches!(**kind, "object" | "array"));
        if let Some(simple) = simple
            && (frugal || self.resolver.own_height(flat)? == ENDLESS)
        {
            return Ok(simple);
        }
        let values: Vec<&str> = kinds.iter().copied().filter(|kind| *kind != "null").collect();
        let absent = values.len() < kinds.len() && self.random.chance(0.12);
        let pick = self.random.below(values.len());
        Ok(values.get(pick).copied().filter(|_| !absent).unwrap_or("null"))
    }

    /// A member of the enum: one the user named, else any that the rest of the schema allows.
    ///
    /// `lasts` = the enum is a part of the schema itself, so its address tells it from others.
    fn one_of(&mut self, flat: &Schema, lasts: bool) -> Result<Value, Spent> {
        let all = list(flat, "enum");
        let address = all.as_ptr() as usize;
        let members = match self.members.get(&address).filter(|_| lasts) {
            Some(known) => known.clone(),
            None => {
                let members = Rc::new(self.members_of(flat, all)?);
                if lasts {
                    self.members.insert(address, members.clone());
                }
                members
            }
        };
        let member = match members.named.filter(|_| !self.wild) {
            Some(named) => all.get(named),
            None if members.allowed.is_empty() => all.first(),
            None => all.get(*self.random.pick(&members.allowed)),
        };
        let member = member.unwrap_or(&Value::Null);
        price::deep(member, self.budget)?;
        Ok(member.clone())
    }

    fn members_of(&self, flat: &Schema, all: &[Value]) -> Result<Members, Spent> {
        let rest = flat.iter().filter(|(keyword, _)| *keyword != "enum");
        let mut limits = Schema::new();
        for (keyword, value) in rest {
            price::deep(value, self.budget)?;
            limits.insert(keyword.clone(), value.clone());
        }
        let limits = Value::Object(limits);
        let limits = CompiledSchema::of(&limits, self.budget)?;
        let mut members = Members { allowed: Vec::new(), named: None };
        for (at, member) in all.iter().enumerate() {
            self.budget.spend(4)?;
            if !limits.accepts(member, self.budget)? {
                continue;
            }
            members.allowed.push(at);
            if let Some(word) = member.as_str().filter(|word| word.len() > 2 && members.named.is_none()) {
                self.budget.spend((word.len() + self.said.lower.len()) as u64 / 64)?;
                members.named = self.said.lower.contains(&word.to_lowercase()).then_some(at);
            }
        }
        Ok(members)
    }

    fn object(&mut self, flat: &Schema, frugal: bool, depth: usize) -> Result<Value, Spent> {
        let none = Map::new();
        let properties = flat.get("properties").and_then(Value::as_object).unwrap_or(&none);
        let required: Vec<&str> = list(flat, "required").iter().filter_map(Value::as_str).collect();
        let least = number(flat, "minProperties").unwrap_or(0).min(MOST);
        let most = number(flat, "maxProperties").unwrap_or(usize::MAX);
        let undeclared = required.iter().filter(|name| !properties.contains_key(**name)).count();
        self.budget.spend((required.len() + properties.len()) as u64)?;

        let mut chosen = Chosen::default();
        required.iter().for_each(|name| chosen.add(name));
        let mut optional: Vec<&str> = Vec::new();
        for (name, schema) in properties {
            if !chosen.has(name) && self.resolver.height(schema)? < ENDLESS {
                optional.push(name);
            }
        }
        for name in &optional {
            // Without `required` every property is meant; with it, most are there, and always what the user's words fill.
            let wanted = required.is_empty() || FieldName::of(name).takes_text() || self.random.chance(0.8);
            if wanted && !frugal && !self.sparse && chosen.names.len() < most {
                chosen.add(name);
            }
        }
        let missing = least.saturating_sub(chosen.names.len());
        let more: Vec<&str> = optional.iter().copied().filter(|name| !chosen.has(name)).take(missing).collect();
        more.iter().for_each(|name| chosen.add(name));
        self.add_dependents(flat, &mut chosen)?;

        let mut made = Map::new();
        for (name, schema) in properties.iter().filter(|(name, _)| chosen.has(name)) {
            self.budget.bytes(name.len())?;
            made.insert(name.clone(), self.value(schema, &FieldName::of(name), depth + 1)?);
        }
        for name in chosen.names.iter().filter(|name| !properties.contains_key(**name)) {
            made.insert(name.to_string(), self.extra(flat, name, depth)?);
        }
        let is_map = properties.is_empty()
            && (flat.get("additionalProperties").is_some_and(Value::is_object)
                || flat.contains_key("patternProperties"));
        let entries =
            if is_map && !frugal && !self.sparse { self.random.between(1, 3) as usize + undeclared } else { 0 };
        self.add_extras(flat, &mut made, entries.max(least).min(most), depth)?;
        Ok(Value::Object(made))
    }

    /// `dependentRequired`, and `dependencies` as older drafts write it: whoever comes brings these along.
    fn add_dependents<'s>(&self, flat: &'s Schema, chosen: &mut Chosen<'s>) -> Result<(), Spent> {
        let mut at = 0;
        while let Some(name) = chosen.names.get(at).copied() {
            for keyword in ["dependentRequired", "dependencies"] {
                let rules = flat.get(keyword).and_then(Value::as_object);
                let brought = rules.and_then(|rules| rules.get(name)).and_then(Value::as_array);
                for name in brought.into_iter().flatten().filter_map(Value::as_str) {
                    self.budget.spend(1)?;
                    chosen.add(name);
                }
            }
            at += 1;
        }
        Ok(())
    }

    /// Undeclared properties until there are `wanted`, as far as the schema lets them in.
    fn add_extras(
        &mut self,
        flat: &Schema,
        made: &mut Map<String, Value>,
        wanted: usize,
        depth: usize,
    ) -> Result<(), Spent> {
        let patterns = flat.get("patternProperties").and_then(Value::as_object).filter(|patterns| !patterns.is_empty());
        let closed = ["additionalProperties", "unevaluatedProperties"]
            .iter()
            .any(|keyword| flat.get(*keyword) == Some(&Value::Bool(false)));
        if closed && patterns.is_none() {
            return Ok(());
        }
        for _ in 0..wanted.saturating_mul(10) {
            if made.len() >= wanted {
                break;
            }
            self.budget.spend(PER_VALUE)?;
            let pattern =
                patterns.and_then(|patterns| patterns.keys().next()).filter(|_| closed || self.random.chance(0.7));
            let name = match (pattern, flat.get("propertyNames")) {
                (Some(pattern), _) => {
                    pattern::candidates(pattern, 1, 64, self.random, self.budget).next().transpose()?
                }
                (None, Some(names)) => {
                    price::deep(names, self.budget)?;
                    let mut names = names.clone();
                    if let Some(map) = names.as_object_mut() {
                        map.entry("type").or_insert_with(|| json!("string"));
                    }
                    self.value(&names, &FieldName::default(), depth + 1)?.as_str().map(str::to_string)
                }
                (None, None) if made.len() < NOUNS.len() / 2 => Some(self.random.pick(NOUNS).to_string()),
                (None, None) => Some(format!("{}_{}", self.random.pick(NOUNS), made.len())),
            };
            if let Some(name) = name.filter(|name| !made.contains_key(name)) {
                let value = self.extra(flat, &name, depth)?;
                made.insert(name, value);
            }
        }
        Ok(())
    }

    /// The value of an undeclared property.
    fn extra(&mut self, flat: &Schema, name: &str, depth: usize) -> Result<Value, Spent> {
        self.budget.bytes(name.len())?;
        let mut schema = flat.get("additionalProperties");
        for (pattern, matching) in flat.get("patternProperties").and_then(Value::as_object).into_iter().flatten() {
            if validator::accepts(&json!({"pattern": pattern}), &json!(name), self.budget)? {
                schema = Some(matching);
                break;
            }
        }
        self.value(schema.unwrap_or(&Value::Bool(true)), &FieldName::of(name), depth + 1)
    }

    fn array(&mut self, flat: &Schema, name: &FieldName, frugal: bool, depth: usize) -> Result<Value, Spent> {
        let old_tuple = list(flat, "items");
        let tuple = if old_tuple.is_empty() { list(flat, "prefixItems") } else { old_tuple };
        let rest = if old_tuple.is_empty() { flat.get("items") } else { flat.get("additionalItems") };
        let any = Value::Bool(true);
        let contains = flat.get("contains");
        let containing = if contains.is_some() { number(flat, "minContains").unwrap_or(1).min(MOST) } else { 0 };
        let fixed = if frugal && containing == 0 { 0 } else { tuple.len() };
        let least = number(flat, "minItems").unwrap_or(0).max(fixed + containing);
        let endless = rest.map_or(Ok(0), |rest| self.resolver.height(rest))? == ENDLESS;
        let open = !endless && (tuple.is_empty() || rest.is_some_and(Value::is_object));
        let natural = if frugal || self.sparse || !open { 0 } else { self.random.between(1, 3) as usize };
        let count = least.max(fixed + natural).min(number(flat, "maxItems").unwrap_or(usize::MAX)).min(MOST);
        let unique = flat.get("uniqueItems") == Some(&Value::Bool(true));
        let wild = self.wild;
        let name = &name.of_item();

        let mut items: Vec<Value> = Vec::new();
        let mut seen = HashSet::new();
        // Duplicates are drawn again, at last from the whole range.
        let mut misses = 0;
        while items.len() < count && misses < 60 {
            let at = items.len();
            let schema = tuple.get(at).or(rest).unwrap_or(&any);
            self.wild = wild || misses > 20;
            let item = match contains.filter(|_| at >= tuple.len() && at < tuple.len() + containing) {
                Some(contains) => self.value(&self.joined(schema, contains)?, name, depth + 1)?,
                None => self.value(schema, name, depth + 1)?,
            };
            if unique {
                price::deep(&item, self.budget)?;
            }
            if unique && !seen.insert(canonical(&item)) {
                misses += 1;
            } else {
                items.push(item);
                misses = 0;
            }
        }
        self.wild = wild;
        Ok(Value::Array(items))
    }

    fn joined(&self, one: &Value, other: &Value) -> Result<Value, Spent> {
        price::deep(one, self.budget)?;
        price::deep(other, self.budget)?;
        Ok(if *one == Value::Bool(true) { other.clone() } else { json!({"allOf": [one, other]}) })
    }
}

/// Names of properties, each once, in the order they were chosen.
#[derive(Default)]
struct Chosen<'s> {
    names: Vec<&'s str>,
    known: HashSet<&'s str>,
}

impl<'s> Chosen<'s> {
    fn add(&mut self, name: &'s str) {
        if self.known.insert(name) {
            self.names.push(name);
        }
    }

    fn has(&self, name: &str) -> bool {
        self.known.contains(name)
    }
}
