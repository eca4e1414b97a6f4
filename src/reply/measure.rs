//! A schema measured before anything is done with it: where its references lead, and how large its patterns are.

use crate::budget::{Budget, Spent};
use regex_syntax::hir::{Class, Hir, HirKind};
use serde_json::{Map, Value};
use std::collections::HashMap;

/// Distinct references a schema may have, and the levels they may stand below the root, all together: whoever follows
/// them one after the other needs this much stack.
const REFERENCES: usize = 2_000;
const LEVELS: usize = 8_000;
/// Elements a pattern may have when its counted repetitions are written out.
const ELEMENTS: u64 = 50_000;
/// Steps per object of a schema: the compiler makes several things of each.
const PER_OBJECT: u64 = 10;

/// Steps per pattern beside those for its elements.
const PER_PATTERN: u64 = 200;

/// What is known of a schema.
#[derive(Debug, Default)]
pub(crate) struct Measured<'a> {
    /// Every distinct reference, in the order met, and what it may mean.
    pub references: Vec<(&'a str, Vec<&'a Value>)>,
    /// Levels that stand above the references, all together: what whoever follows them one in another has on the stack.
    pub levels: usize,
    places: HashMap<&'a str, usize>,
    patterns: HashMap<&'a str, Weight>,
}

/// How hard a pattern is to match.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Weight {
    /// Elements when written out.
    pub elements: u64,
    /// Look-around and back references are met by trying.
    pub tries: bool,
}

impl<'a> Measured<'a> {
    /// Reads a schema.
    ///
    /// # Errors
    /// It has too many references, a pattern of it is too large, or the budget does not suffice.
    pub(crate) fn of(root: &'a Value, budget: &Budget) -> Result<Self, Spent> {
        let mut found = RefTarget::default();
        found.read(root, 0, budget)?;
        let mut measured = Measured { patterns: found.patterns, levels: found.levels, ..Measured::default() };
        for reference in found.references {
            if measured.places.contains_key(reference) {
                continue;
            }
            let targets = found.names.targets(root, reference, budget)?;
            measured.places.insert(reference, measured.references.len());
            measured.references.push((reference, targets));
        }
        Ok(measured)
    }

    /// Where a reference of this schema stands in [`Measured::references`].
    pub(crate) fn place(&self, reference: &str) -> Option<usize> {
        self.places.get(reference).copied()
    }

    /// What a reference of this schema may mean; the first is the likeliest.
    pub(crate) fn targets(&self, reference: &str) -> &[&'a Value] {
        self.place(reference).map_or(&[], |at| &self.references[at].1)
    }

    /// How hard a pattern of this schema is.
    pub(crate) fn weight(&self, pattern: &str) -> Weight {
        self.patterns.get(pattern).copied().unwrap_or(Weight { elements: 1, tries: false })
    }
}

/// The reference an object makes.
pub(crate) fn reference(map: &Map<String, Value>) -> Option<&str> {
    ["$ref", "$dynamicRef", "$recursiveRef"].iter().find_map(|keyword| map.get(*keyword)).and_then(Value::as_str)
}

/// What one pass over a schema meets.
#[derive(Default)]
struct RefTarget<'a> {
    references: Vec<&'a str>,
    distinct: HashMap<&'a str, usize>,
    levels: usize,
    names: Names<'a>,
    patterns: HashMap<&'a str, Weight>,
}

impl<'a> RefTarget<'a> {
    fn read(&mut self, value: &'a Value, depth: usize, budget: &Budget) -> Result<(), Spent> {
        match value {
            Value::Object(map) => {
                budget.spend(PER_OBJECT + map.len() as u64)?;
                self.object(value, map, depth, budget)?;
                map.values().try_for_each(|inner| self.read(inner, depth + 1, budget))
            }
            Value::Array(items) => {
                budget.spend(1 + items.len() as u64)?;
                items.iter().try_for_each(|inner| self.read(inner, depth + 1, budget))
            }
            Value::String(text) => budget.spend(text.len() as u64 / 64),
            _ => Ok(()),
        }
    }

    fn object(
        &mut self,
        value: &'a Value,
        map: &'a Map<String, Value>,
        depth: usize,
        budget: &Budget,
    ) -> Result<(), Spent> {
        let text = |keyword: &str| map.get(keyword).and_then(Value::as_str);
        for keyword in ["$ref", "$dynamicRef", "$recursiveRef"] {
            let Some(reference) = text(keyword) else { continue };
            let deepest = self.distinct.entry(reference).or_default();
            self.levels += (depth + 1).saturating_sub(*deepest);
            *deepest = (*deepest).max(depth + 1);
            self.references.push(reference);
            if self.distinct.len() > REFERENCES || self.levels > LEVELS {
                return Err(Spent::size(format!("it has more references than the {REFERENCES} that can be followed")));
            }
        }
        if let Some(id) = text("$id") {
            self.names.documents.push((id, value));
        }
        for keyword in ["$anchor", "$dynamicAnchor"] {
            if let Some(anchor) = text(keyword) {
                self.names.anchors.entry(anchor).or_default().push(value);
            }
        }
        let keys = map.get("patternProperties").and_then(Value::as_object).into_iter().flat_map(Map::keys);
        for pattern in keys.map(String::as_str).chain(text("pattern")) {
            if !self.patterns.contains_key(pattern) {
                self.patterns.insert(pattern, weigh(pattern, budget)?);
            }
        }
        Ok(())
    }
}

/// What references may name.
#[derive(Default)]
struct Names<'a> {
    documents: Vec<(&'a str, &'a Value)>,
    anchors: HashMap<&'a str, Vec<&'a Value>>,
}

impl<'a> Names<'a> {
    /// Every place a reference may mean: documents within the schema have names that depend on where they stand, so
    /// each is tried.
    fn targets(&self, root: &'a Value, reference: &str, budget: &Budget) -> Result<Vec<&'a Value>, Spent> {
        let (document, fragment) = reference.split_once('#').unwrap_or((reference, ""));
        let named = self.documents.iter().filter(|(id, _)| document.is_empty() || ends_alike(id, document));
        let mut bases: Vec<&Value> = if document.is_empty() { vec![root] } else { Vec::new() };
        bases.extend(named.map(|(_, value)| *value).filter(|value| !std::ptr::eq(*value, root)));
        budget.spend((self.documents.len() + bases.len() * (1 + fragment.len() / 8)) as u64)?;
        if fragment.is_empty() {
            return Ok(bases);
        }
        if !fragment.starts_with('/') {
            return Ok(self.anchors.get(fragment).cloned().unwrap_or_default());
        }
        let pointer = percent_encoding::percent_decode_str(fragment).decode_utf8_lossy();
        Ok(bases.into_iter().filter_map(|base| base.pointer(&pointer)).collect())
    }
}

/// Whether two addresses may be one, relative to something.
fn ends_alike(one: &str, other: &str) -> bool {
    let last = |address: &str| address.trim_end_matches('#').rsplit('/').next().unwrap_or_default().to_string();
    last(one) == last(other)
}

/// How hard a pattern is.
///
/// # Errors
/// It is too large, or the budget does not suffice.
pub(crate) fn weigh(pattern: &str, budget: &Budget) -> Result<Weight, Spent> {
    let weight = match regex_syntax::parse(pattern) {
        Ok(hir) => Weight { elements: elements(&hir), tries: false },
        Err(_) => Weight { elements: written_out(pattern), tries: true },
    };
    if weight.elements > ELEMENTS {
        let shown: String = pattern.chars().take(60).collect();
        return Err(Spent::size(format!("written out, its pattern {shown} has more than {ELEMENTS} elements")));
    }
    budget.spend(PER_PATTERN + 2 * weight.elements.max(pattern.len() as u64))?;
    Ok(weight)
}

/// The number of elements, repetitions written out.
fn elements(hir: &Hir) -> u64 {
    match hir.kind() {
        HirKind::Empty | HirKind::Look(_) => 1,
        HirKind::Literal(literal) => literal.0.len() as u64,
        HirKind::Class(Class::Unicode(class)) => (class.ranges().len() as u64).min(64),
        HirKind::Class(Class::Bytes(_)) => 1,
        HirKind::Repetition(repetition) => {
            let times = repetition.max.unwrap_or(repetition.min.saturating_add(1));
            elements(&repetition.sub).saturating_mul(u64::from(times.max(1)))
        }
        HirKind::Capture(capture) => elements(&capture.sub),
        HirKind::Concat(parts) | HirKind::Alternation(parts) => parts.iter().map(elements).fold(1, u64::saturating_add),
    }
}

/// About how many elements a pattern has that cannot be parsed here (it looks around, or back): counts multiply what
/// stands before them, groups with all that is in them.
fn written_out(pattern: &str) -> u64 {
    // Of each open group: elements before its last item, and that item's.
    let mut groups: Vec<(u64, u64)> = vec![(0, 0)];
    let mut rest = pattern.chars();
    let mut in_class = false;
    while let Some(one) = rest.next() {
        let group = groups.last_mut();
        let Some((before, last)) = group else { break };
        match one {
            '\\' => _ = rest.next(),
            ']' => in_class = false,
            _ if in_class => continue,
            '[' => {
                in_class = true;
                // A bracket right behind the opening one is a character like others.
                let ahead = rest.as_str();
                let ahead = ahead.strip_prefix('^').unwrap_or(ahead);
                if let Some(inside) = ahead.strip_prefix(']') {
                    rest = inside.chars();
                }
                continue;
            }
            '(' => {
                groups.push((0, 0));
                continue;
            }
            ')' => {
                let inside = before.saturating_add(*last).saturating_add(1);
                if groups.len() > 1 {
                    groups.pop();
                }
                if let Some((before, last)) = groups.last_mut() {
                    *before = before.saturating_add(*last);
                    *last = inside;
                }
                continue;
            }
            '{' => {
                let count = rest.as_str().split('}').next().unwrap_or_default();
                let count = count.split(',').filter_map(|count| count.trim().parse::<u64>().ok()).max();
                if let Some(count) = count {
                    *last = last.saturating_mul(count.max(1));
                    while rest.next().is_some_and(|one| one != '}') {}
                    continue;
                }
            }
            '*' | '+' | '?' => continue,
            _ => {}
        }
        *before = before.saturating_add(*last);
        *last = 1;
    }
    groups.into_iter().fold(1, |all, (before, last)| all.saturating_add(before).saturating_add(last))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn elements_of(pattern: &str) -> Option<u64> {
        weigh(pattern, &Budget::default()).ok().map(|weight| weight.elements)
    }

    #[test]
    fn repetitions_are_written_out() {
        assert_eq!(elements_of("^a{100}$"), Some(103));
        for huge in ["((a{100}){100}){10}", "(?=x)((a{100}){100}){10}", "(a{9999}){99,}", r"(\p{L}{900}){2}"] {
            assert_eq!(elements_of(huge), None, "{huge}");
        }
        for usual in
            [r"^[\w.-]{1,64}$", r"^(?=.*\d)(?!.*\s).{8,64}$", r"^\d{4}-\d{2}-\d{2}$", r"^(.)\1{3}$", "^.{0,5000}$"]
        {
            assert!(elements_of(usual).is_some(), "{usual}");
        }
        // What zod writes for host names: counts stand beside each other, not in each other.
        let host = r"^(?=.{1,253}\.?$)[a-zA-Z0-9](?:[a-zA-Z0-9-]{0,61}[a-zA-Z0-9])?(?:\.[a-zA-Z0-9](?:[a-zA-Z0-9-]{0,61}[a-zA-Z0-9])?)*\.?$";
        assert!(elements_of(host).is_some_and(|elements| (300..1_000).contains(&elements)));
        assert_eq!(elements_of(r"(?=x)[]{9999}]{2}\{9999}(a{2}b{3}){4}"), Some(36));
        assert_eq!(elements_of(r"(?=x)\{99999999"), Some(13));
    }

    #[test]
    fn references_lead_where_they_say() {
        let schema = json!({"$defs": {"a b": {"type": "string"}, "n": {"$anchor": "here", "type": "null"}, "d": {"$id": "http://x/d.json", "const": 1}},
            "allOf": [{"$ref": "#/$defs/a%20b"}, {"$ref": "#here"}, {"$ref": "d.json"}, {"$ref": "#"}, {"$ref": "#/nowhere"}]});
        let measured = Measured::of(&schema, &Budget::default()).expect("a small schema");
        assert_eq!(measured.targets("#/$defs/a%20b"), [&json!({"type": "string"})]);
        assert_eq!(measured.targets("#here").len(), 1);
        assert_eq!(measured.targets("d.json")[0]["const"], 1);
        assert!(measured.targets("#").iter().any(|target| **target == schema));
        assert!(measured.targets("#/nowhere").is_empty() && measured.targets("#unknown").is_empty());
    }

    #[test]
    fn long_ways_are_refused() {
        let chain = |links: usize| {
            let link = |at: usize| (format!("d{at}"), json!({"$ref": format!("#/$defs/d{}", at + 1)}));
            json!({"$defs": (0..links).map(link).collect::<Map<_, _>>()})
        };
        assert!(Measured::of(&chain(500), &Budget::default()).is_ok());
        assert!(Measured::of(&chain(5_000), &Budget::default()).is_err());
        assert!(Measured::of(&chain(500), &Budget::of(1_000)).is_err());
    }
}
