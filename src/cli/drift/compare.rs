//! What a client has and this build does not, and the other way round.

use super::scan::nameless;
use super::{Difference, DriftKind, Tier};
use crate::surface::{self, operations};
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet, HashSet};

/// One field of a type.
#[derive(Debug, Clone, Default, PartialEq)]
pub(super) struct FieldSeen {
    pub(super) required: bool,
    /// The words it may be, as far as they are listed where it stands.
    pub(super) values: Vec<String>,
}

/// One type of a client.
#[derive(Debug, Clone, Default)]
pub(super) struct TypeSeen {
    pub(super) fields: Vec<(String, FieldSeen)>,
    /// Words, where it is a list of them.
    pub(super) values: Vec<String>,
    /// Types whose fields it has too.
    pub(super) bases: Vec<String>,
}

impl TypeSeen {
    fn field(&self, name: &str) -> Option<&FieldSeen> {
        self.fields.iter().find(|(known, _)| known == name).map(|(_, field)| field)
    }

    /// Takes in another of the same name: what is optional in one is optional.
    fn join(&mut self, other: TypeSeen) {
        for (name, field) in other.fields {
            match self.fields.iter_mut().find(|(known, _)| *known == name) {
                Some((_, known)) => {
                    known.required &= field.required;
                    known.values.extend(field.values);
                }
                None => self.fields.push((name, FieldSeen { required: false, ..field })),
            }
        }
        self.values.extend(other.values);
        self.bases.extend(other.bases);
    }
}

/// A client.
#[derive(Debug, Default)]
pub(super) struct Described {
    pub(super) client: &'static str,
    pub(super) version: String,
    /// `POST /files/{}`.
    pub(super) operations: BTreeSet<String>,
    /// By name, inside of namespaces with theirs.
    pub(super) types: BTreeMap<String, TypeSeen>,
}

impl Described {
    pub(super) fn name(&self) -> String {
        format!("{} {}", self.client, self.version)
    }

    pub(super) fn add(&mut self, name: String, seen: TypeSeen) {
        match self.types.get_mut(&name) {
            Some(known) => known.join(seen),
            None => {
                self.types.insert(name, seen);
            }
        }
    }

    /// Gives each type what it has of its bases.
    pub(super) fn inherit(&mut self) {
        let own = self.types.clone();
        for (name, seen) in &mut self.types {
            let (mut todo, mut met) = (seen.bases.clone(), HashSet::new());
            while let Some(base) = todo.pop() {
                // Of the own namespace first.
                let near = name.rsplit_once('.').map(|(space, _)| format!("{space}.{base}"));
                let found = near.and_then(|near| own.get(&near)).or_else(|| own.get(&base));
                if let Some(found) = found.filter(|_| met.insert(base)) {
                    todo.extend(found.bases.iter().cloned());
                    for (field, kind) in &found.fields {
                        if seen.field(field).is_none() {
                            seen.fields.push((field.clone(), kind.clone()));
                        }
                    }
                }
            }
        }
    }
}

/// What this build knows.
pub(super) struct Ours {
    operations: BTreeMap<String, &'static str>,
    types: BTreeMap<String, TypeSeen>,
    /// Types that requests are made of.
    requested: HashSet<String>,
}

impl Ours {
    pub(super) fn read() -> Self {
        let rows = operations::all();
        let operations = rows.iter().map(|row| (format!("{} {}", row.method, nameless(row.path)), row.name)).collect();
        let mut types: BTreeMap<String, TypeSeen> = BTreeMap::new();
        surface::each_type(|name, schema| {
            let seen = seen(schema);
            match types.get_mut(key(name)) {
                Some(known) => known.join(seen),
                None => {
                    types.insert(key(name).to_string(), seen);
                }
            }
        });
        let (mut requested, mut todo) = (HashSet::new(), Vec::new());
        todo.extend(rows.iter().flat_map(|row| [row.body, row.query]).flatten().map(String::from));
        let mut met = HashSet::new();
        while let Some(name) = todo.pop() {
            if met.insert(name.clone()) {
                requested.insert(key(&name).to_string());
                references(&surface::schema(&name), &mut todo);
            }
        }
        Ours { operations, types, requested }
    }

    fn is_requested(&self, name: &str) -> bool {
        self.requested.contains(name) || name.split('.').next().is_some_and(|first| first.contains("Params"))
    }
}

/// A type's name without the module it stands in: `responses.Response.Moderation` → `Response.Moderation`.
fn key(name: &str) -> &str {
    let start = name.find(|letter: char| letter.is_ascii_uppercase()).unwrap_or(0);
    name.get(start..).unwrap_or(name)
}

fn references(schema: &Value, out: &mut Vec<String>) {
    match schema {
        Value::Object(fields) => {
            out.extend(fields.get("$ref").and_then(reference));
            fields.values().for_each(|inner| references(inner, out));
        }
        Value::Array(items) => items.iter().for_each(|inner| references(inner, out)),
        _ => {}
    }
}

fn reference(target: &Value) -> Option<String> {
    target.as_str()?.strip_prefix("#/$defs/").map(String::from)
}

/// A type of ours as a client's is seen.
fn seen(schema: &Value) -> TypeSeen {
    let mut out = TypeSeen { values: words(schema, 0), ..TypeSeen::default() };
    let required = |name: &str| schema["required"].as_array().is_some_and(|all| all.iter().any(|one| one == name));
    for (name, property) in schema["properties"].as_object().into_iter().flatten() {
        out.fields.push((name.clone(), FieldSeen { required: required(name), values: words(property, 0) }));
    }
    out
}

/// The words a schema lists, through its names and unions.
fn words(schema: &Value, depth: usize) -> Vec<String> {
    if depth > 4 {
        return Vec::new();
    }
    let mut out: Vec<String> =
        schema["enum"].as_array().into_iter().flatten().filter_map(Value::as_str).map(String::from).collect();
    for member in schema["anyOf"].as_array().into_iter().flatten() {
        out.extend(words(member, depth + 1));
    }
    if let Some(name) = schema.get("$ref").and_then(reference) {
        out.extend(words(&surface::schema(&name), depth + 1));
    }
    if schema["items"].is_object() {
        out.extend(words(&schema["items"], depth + 1));
    }
    out
}

/// What differs between this build and a client.
pub(super) fn differences(ours: &Ours, theirs: &Described) -> Vec<Difference> {
    let mut out = Vec::new();
    let mut say = |tier, change, place: String, what: String| {
        out.push(Difference { tier, change, of: theirs.name(), place, what });
    };
    let clients = operations::clients();
    let known = if theirs.client == "npm" { clients.npm } else { clients.pypi };
    let is_newer = numbers(&theirs.version) > numbers(known);
    for operation in theirs.operations.iter().filter(|operation| !ours.operations.contains_key(*operation)) {
        say(Tier::Breaking, DriftKind::Added, operation.clone(), "a call that is not known here".into());
    }
    for (operation, name) in ours.operations.iter().filter(|(operation, _)| !theirs.operations.contains(*operation)) {
        say(Tier::Informative, DriftKind::Removed, operation.clone(), format!("{name}, which this client cannot call"));
    }
    for (name, seen) in theirs.types.iter().filter(|(name, _)| is_on_the_wire(name)) {
        let tier = if ours.is_requested(name) { Tier::Breaking } else { Tier::Notable };
        let Some(own) = ours.types.get(name) else {
            // Types inside of others are named otherwise in each language; a whole new one is news in a newer client.
            if is_newer && !name.contains('.') && !(seen.fields.is_empty() && seen.values.is_empty()) {
                say(Tier::Notable, DriftKind::Added, name.clone(), "a type that is not known here".into());
            }
            continue;
        };
        for value in seen.values.iter().filter(|value| !own.values.is_empty() && !own.values.contains(value)) {
            say(tier, DriftKind::Added, name.clone(), format!("the value {value:?}"));
        }
        // A union has the fields of its members.
        if own.fields.is_empty() {
            continue;
        }
        for (field, kind) in &seen.fields {
            let place = format!("{name}.{field}");
            let Some(mine) = own.field(field) else {
                say(tier, DriftKind::Added, place, "a field that is not known here".into());
                continue;
            };
            for value in kind.values.iter().filter(|value| !mine.values.is_empty() && !mine.values.contains(value)) {
                say(tier, DriftKind::Added, place.clone(), format!("the value {value:?}"));
            }
            if is_newer && mine.required && !kind.required {
                say(tier, DriftKind::Changed, place, "required here, and optional there".into());
            }
        }
        for (field, _) in own.fields.iter().filter(|(field, _)| is_newer && seen.field(field).is_none()) {
            say(
                Tier::Informative,
                DriftKind::Removed,
                format!("{name}.{field}"),
                "a field this client has no more".into(),
            );
        }
    }
    out
}

/// Whether a type is one that requests and answers hold: not a page, and nothing the client makes of answers.
fn is_on_the_wire(name: &str) -> bool {
    !name.starts_with("Parsed") && !name.ends_with("Page") && !name.contains("Parseable")
}

/// `7.57.0` as numbers.
fn numbers(version: &str) -> Vec<u64> {
    version.split(['.', '-', '+']).map_while(|number| number.parse().ok()).collect()
}
