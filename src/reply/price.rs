//! What checking a value costs, found out before it is done: the validator itself cannot be stopped, and a small schema
//! whose branches double at every level makes it work for days.
//!
//! Every pair of a schema's part and a value's part is priced once, so that pricing stays small where checking does
//! not. The price is an upper bound: a validator stops at the first fault, this does not.

use super::measure::{Measured, Weight};
use crate::budget::{Budget, Spent};
use serde_json::{Map, Value};
use std::collections::HashMap;

/// Times a pattern with look-around may try per match; beyond that it counts as not matching.
pub(crate) const TRIES: usize = 10_000;
/// Parts of a schema that may be open at once while one value is checked: what the stack has room for.
const DEEPEST: usize = 500;

/// What checking costs, and how many parts are open at once.
#[derive(Debug, Clone, Copy, Default)]
struct Price {
    steps: u64,
    height: usize,
}

impl Price {
    fn and(self, inner: Price) -> Price {
        Price { steps: self.steps.saturating_add(inner.steps), height: self.height.max(inner.height) }
    }
}

/// A value, or a property's name.
#[derive(Debug, Clone, Copy)]
enum Instance<'v> {
    Value(&'v Value),
    Name(&'v str),
}

impl<'v> Instance<'v> {
    fn text(self) -> Option<&'v str> {
        match self {
            Instance::Value(value) => value.as_str(),
            Instance::Name(name) => Some(name),
        }
    }

    /// Where it lies; no value and no text lie at the same place.
    fn address(self) -> usize {
        match self {
            Instance::Value(value) => std::ptr::from_ref(value) as usize,
            Instance::Name(name) => name.as_ptr() as usize,
        }
    }

    /// Elements on its uppermost level.
    fn size(self) -> u64 {
        let size = match self {
            Instance::Value(Value::Object(map)) => map.len(),
            Instance::Value(Value::Array(items)) => items.len(),
            other => other.text().map_or(0, |text| text.len() / 64),
        };
        1 + size as u64
    }
}

/// Takes the price of checking this value against this schema from the budget.
///
/// # Errors
/// The budget does not suffice, or the way into the schema is too deep.
pub(crate) fn pay(measured: &Measured, schema: &Value, value: &Value, budget: &Budget) -> Result<(), Spent> {
    let mut pricing = Pricing { measured, budget, known: HashMap::new(), open: 0 };
    let price = pricing.of(schema, Instance::Value(value))?;
    if price.height > DEEPEST {
        return Err(too_deep());
    }
    budget.spend(price.steps)
}

fn too_deep() -> Spent {
    Spent::size(format!("its parts stand in each other more than {DEEPEST} levels deep"))
}

struct Pricing<'a> {
    measured: &'a Measured<'a>,
    budget: &'a Budget,
    /// By the addresses of schema and value. One that is still open costs nothing more: a circle ends there.
    known: HashMap<(usize, usize), Price>,
    open: usize,
}

impl Pricing<'_> {
    fn of(&mut self, schema: &Value, instance: Instance) -> Result<Price, Spent> {
        let Value::Object(map) = schema else { return Ok(Price { steps: 1, height: 1 }) };
        let key = (std::ptr::from_ref(schema) as usize, instance.address());
        if let Some(price) = self.known.get(&key) {
            return Ok(*price);
        }
        if self.open > DEEPEST {
            return Err(too_deep());
        }
        self.budget.spend(2 + map.len() as u64)?;
        self.known.insert(key, Price::default());
        self.open += 1;
        let mut price = Price { steps: 1 + map.len() as u64, height: 0 };
        let mut tells_rest = false;
        for (keyword, given) in map {
            price = price.and(self.keyword(keyword, given, instance)?);
            tells_rest |= keyword.starts_with("unevaluated");
        }
        if tells_rest {
            // Each element is looked for in what the other keywords have seen, which means to check once more.
            price.steps = price.steps.saturating_mul(1 + instance.size());
        }
        price.height += 1;
        self.open -= 1;
        self.known.insert(key, price);
        Ok(price)
    }

    fn keyword(&mut self, keyword: &str, given: &Value, instance: Instance) -> Result<Price, Spent> {
        let steps = |steps: u64| Ok(Price { steps, height: 0 });
        match (keyword, given) {
            ("$ref" | "$dynamicRef" | "$recursiveRef", Value::String(name)) => {
                let measured = self.measured;
                self.sum(measured.targets(name).iter().map(|target| (*target, instance)))
            }
            ("allOf" | "anyOf" | "oneOf", Value::Array(branches)) => {
                self.sum(branches.iter().map(|branch| (branch, instance)))
            }
            ("not" | "if" | "then" | "else", schema) => self.of(schema, instance),
            ("dependentSchemas" | "dependencies", Value::Object(schemas)) => {
                self.sum(schemas.values().map(|schema| (schema, instance)))
            }
            ("enum", Value::Array(members)) => steps((members.len() as u64).saturating_mul(instance.size())),
            ("uniqueItems", Value::Bool(true)) => match instance {
                Instance::Value(value) => steps(16 * deep(value, self.budget)?),
                Instance::Name(_) => steps(0),
            },
            ("pattern", Value::String(pattern)) => steps(instance.text().map_or(0, |text| self.search(pattern, text))),
            ("format", _) => steps(instance.text().map_or(0, |text| 8 + text.len() as u64)),
            _ => match instance {
                Instance::Value(Value::Object(properties)) => self.of_object(keyword, given, properties, instance),
                Instance::Value(Value::Array(items)) => self.of_array(keyword, given, items, instance),
                _ => steps(0),
            },
        }
    }

    /// Keywords that lead from an object into its properties.
    fn of_object(
        &mut self,
        keyword: &str,
        given: &Value,
        properties: &Map<String, Value>,
        instance: Instance,
    ) -> Result<Price, Spent> {
        match (keyword, given) {
            ("properties", Value::Object(schemas)) => {
                let own = Price { steps: schemas.len() as u64, height: 0 };
                let declared = properties.iter().filter_map(|(name, value)| Some((schemas.get(name)?, value)));
                Ok(own.and(self.sum(declared.map(|(schema, value)| (schema, Instance::Value(value))))?))
            }
            ("patternProperties", Value::Object(schemas)) => {
                let mut price = Price::default();
                for (pattern, schema) in schemas {
                    let names = properties.keys().map(|name| self.search(pattern, name));
                    price.steps = price.steps.saturating_add(names.fold(0, u64::saturating_add));
                    let values = properties.values().map(|value| (schema, Instance::Value(value)));
                    price = price.and(self.sum(values)?);
                }
                Ok(price)
            }
            ("additionalProperties" | "unevaluatedProperties", schema) => {
                self.sum(properties.values().map(|value| (schema, Instance::Value(value))))
            }
            ("propertyNames", schema) => self.sum(properties.keys().map(|name| (schema, Instance::Name(name)))),
            ("required", Value::Array(names)) => Ok(Price { steps: names.len() as u64, height: 0 }),
            ("const", _) => Ok(Price { steps: instance.size(), height: 0 }),
            _ => Ok(Price::default()),
        }
    }

    /// Keywords that lead from an array into its items.
    fn of_array(&mut self, keyword: &str, given: &Value, items: &[Value], instance: Instance) -> Result<Price, Spent> {
        match (keyword, given) {
            ("prefixItems" | "items", Value::Array(tuple)) => {
                self.sum(tuple.iter().zip(items).map(|(schema, item)| (schema, Instance::Value(item))))
            }
            ("items" | "additionalItems" | "unevaluatedItems" | "contains", schema) => {
                self.sum(items.iter().map(|item| (schema, Instance::Value(item))))
            }
            ("const", _) => Ok(Price { steps: instance.size(), height: 0 }),
            _ => Ok(Price::default()),
        }
    }

    fn sum<'i>(&mut self, pairs: impl Iterator<Item = (&'i Value, Instance<'i>)>) -> Result<Price, Spent> {
        let mut price = Price::default();
        for (schema, instance) in pairs {
            self.budget.spend(1)?;
            price = price.and(self.of(schema, instance)?);
        }
        Ok(price)
    }

    fn search(&self, pattern: &str, text: &str) -> u64 {
        search(self.measured.weight(pattern), text.len())
    }
}

/// What searching a text of this many bytes costs: linear in both, and as many tries as are allowed for what is tried.
pub(crate) fn search(weight: Weight, bytes: usize) -> u64 {
    let bytes = bytes as u64;
    let linear = (bytes + 1).saturating_mul(1 + weight.elements / 64);
    let tried = if weight.tries { TRIES as u64 / 16 * (1 + bytes / 16) } else { 0 };
    linear.saturating_add(tried)
}

/// Elements on all levels of a value; counting them takes a step each, as copying would.
pub(crate) fn deep(value: &Value, budget: &Budget) -> Result<u64, Spent> {
    budget.spend(1)?;
    match value {
        Value::Object(map) => map.values().try_fold(1, |all, inner| Ok(all + 1 + deep(inner, budget)?)),
        Value::Array(items) => items.iter().try_fold(1, |all, inner| Ok(all + deep(inner, budget)?)),
        Value::String(text) => Ok(1 + text.len() as u64 / 64),
        _ => Ok(1),
    }
}
