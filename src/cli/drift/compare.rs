//! What a client has and this build does not, and the other way round.

use super::scan::nameless;
use super::{Difference, DriftKind};
use crate::surface::fit::Tier;
use crate::surface::router::{self, Matched};
use crate::surface::{self, operations};
use crate::wire::value::Holds;
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet, HashSet};
use std::fmt;
use std::iter::Sum;

/// One field of a type.
#[derive(Debug, Clone, Default, PartialEq)]
pub(super) struct FieldSeen {
    pub(super) required: bool,
    /// The words it may be, as far as they are listed where it stands.
    pub(super) values: Vec<String>,
    /// What it may be in JSON; `None` = nobody says.
    pub(super) kinds: Option<JsonKinds>,
    /// It is there, and may be null.
    pub(super) nullable: bool,
}

/// What a field may be in JSON, as bits. Objects have types of their own, which are compared by name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct JsonKinds(u8);

impl JsonKinds {
    pub(super) const NONE: JsonKinds = JsonKinds(0);
    pub(super) const TEXT: JsonKinds = JsonKinds(1);
    pub(super) const NUMBER: JsonKinds = JsonKinds(2);
    pub(super) const BOOLEAN: JsonKinds = JsonKinds(4);
    pub(super) const LIST: JsonKinds = JsonKinds(8);

    /// Whether all that this may be the other may be.
    fn is_within(self, other: JsonKinds) -> bool {
        self.0 & !other.0 == 0
    }
}

impl Sum for JsonKinds {
    fn sum<I: Iterator<Item = Self>>(all: I) -> Self {
        all.fold(JsonKinds::NONE, |sum, one| JsonKinds(sum.0 | one.0))
    }
}

impl fmt::Display for JsonKinds {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names =
            [(Self::TEXT, "a text"), (Self::NUMBER, "a number"), (Self::BOOLEAN, "a boolean"), (Self::LIST, "a list")];
        let named: Vec<&str> = names.iter().filter(|(kind, _)| kind.is_within(*self)).map(|(_, name)| *name).collect();
        out.write_str(&named.join(" or "))
    }
}

/// One type of a client.
#[derive(Debug, Clone, Default)]
pub(super) struct TypeSeen {
    pub(super) fields: Vec<(String, FieldSeen)>,
    /// Words, where it is a list of them.
    pub(super) values: Vec<String>,
    /// Types whose fields it has too.
    pub(super) bases: Vec<String>,
    /// One of them is nowhere among the types: it has more fields than were seen.
    pub(super) open: bool,
    /// Types it is one of, by the last of their names.
    pub(super) members: Vec<String>,
}

impl TypeSeen {
    fn field(&self, name: &str) -> Option<&FieldSeen> {
        self.fields.iter().find(|(known, _)| known == name).map(|(_, field)| field)
    }

    /// Takes in another of the same name: what is optional in one is optional.
    fn join(&mut self, other: TypeSeen) {
        for (name, field) in &mut self.fields {
            field.required &= other.field(name).is_some();
        }
        for (name, field) in other.fields {
            match self.fields.iter_mut().find(|(known, _)| *known == name) {
                Some((_, known)) => {
                    known.required &= field.required;
                    known.nullable |= field.nullable;
                    known.values.extend(field.values);
                    known.kinds = known.kinds.zip(field.kinds).map(|(one, other)| [one, other].into_iter().sum());
                }
                None => self.fields.push((name, FieldSeen { required: false, ..field })),
            }
        }
        self.values.extend(other.values);
        self.bases.extend(other.bases);
        self.members.extend(other.members);
        self.open |= other.open;
    }
}

/// A client.
#[derive(Debug, Default)]
pub(super) struct Described {
    pub(super) client: &'static str,
    pub(super) version: String,
    /// `POST /files/{}`.
    pub(super) operations: BTreeSet<String>,
    /// By room and name, inside of namespaces with theirs: `responses`, `Response.Moderation`.
    pub(super) types: BTreeMap<TypeName, TypeSeen>,
}

/// The first room a type stands in, the empty string where a client has none for it; its name.
pub(super) type TypeName = (String, String);

impl Described {
    pub(super) fn name(&self) -> String {
        format!("{} {}", self.client, self.version)
    }

    pub(super) fn add(&mut self, room: &str, name: String, seen: TypeSeen) {
        join(&mut self.types, (room.to_string(), name), seen);
    }

    /// Gives each type what it has of its bases.
    pub(super) fn inherit(&mut self) {
        let own = self.types.clone();
        for ((room, name), seen) in &mut self.types {
            let (mut todo, mut met) = (seen.bases.clone(), HashSet::new());
            while let Some(base) = todo.pop() {
                // Of the own namespace first.
                let near = name.rsplit_once('.').map(|(space, _)| format!("{space}.{base}"));
                let found = near.and_then(|near| own.get(&(room.clone(), near)));
                let found = found.or_else(|| own.get(&(room.clone(), base.clone())));
                let found = found.or_else(|| own.iter().find(|((_, name), _)| *name == base).map(|(_, found)| found));
                seen.open |= found.is_none();
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

fn join(types: &mut BTreeMap<TypeName, TypeSeen>, name: TypeName, seen: TypeSeen) {
    match types.get_mut(&name) {
        Some(known) => known.join(seen),
        None => {
            types.insert(name, seen);
        }
    }
}

/// What this build knows.
pub(super) struct Ours {
    operations: BTreeMap<String, &'static str>,
    types: BTreeMap<TypeName, TypeSeen>,
    /// Names in paths, which stand among the fields of some clients' parameters.
    addressed: HashSet<&'static str>,
    /// Types that requests are made of.
    requested: HashSet<String>,
    /// The last names of all types.
    last_names: HashSet<String>,
}

impl Ours {
    pub(super) fn read() -> Self {
        let rows = operations::all();
        let operations = rows.iter().map(|row| (format!("{} {}", row.method, nameless(row.path)), row.name)).collect();
        let mut types: BTreeMap<TypeName, TypeSeen> = BTreeMap::new();
        surface::each_type(|name, schema| join(&mut types, (room(name).into(), key(name).into()), seen(schema)));
        let segments = rows.iter().flat_map(|row| row.path.split('/'));
        let addressed = segments.filter_map(|one| one.strip_prefix('{')?.strip_suffix('}')).collect();
        let (mut requested, mut todo) = (HashSet::new(), Vec::new());
        todo.extend(rows.iter().flat_map(|row| [row.body, row.query]).flatten().map(String::from));
        let mut met = HashSet::new();
        while let Some(name) = todo.pop() {
            if met.insert(name.clone()) {
                requested.insert(key(&name).to_string());
                references(&surface::schema(&name), &mut todo);
            }
        }
        let last_names = types.keys().map(|(_, name)| last(name).to_string()).collect();
        Ours { operations, types, addressed, requested, last_names }
    }

    /// The type of a client's name. A client without a room for it means one that no other of its rooms could hold.
    fn named(&self, (room, name): &TypeName, rooms: &HashSet<&str>) -> Option<TypeSeen> {
        if !room.is_empty() {
            return self.types.get(&(room.clone(), name.clone())).cloned();
        }
        let mut found = self.types.iter().filter(|((room, known), _)| known == name && !rooms.contains(room.as_str()));
        let mut first = found.next()?.1.clone();
        found.for_each(|(_, more)| first.join(more.clone()));
        Some(first)
    }

    /// Whether a call leads to an operation, by its own path or by one that it also has.
    fn serves(&self, operation: &str) -> bool {
        let Some((method, path)) = operation.split_once(' ') else { return false };
        self.operations.contains_key(operation)
            || matches!(router::find(method, &path.replace("{}", "x")), Matched::Operation(..))
    }

    /// Whether a member of a union is known: Python puts more before a member's name than npm does, and `Param` after it.
    fn knows(&self, member: &str, own: &TypeSeen) -> bool {
        let starts = member.char_indices().filter(|(_, letter)| letter.is_ascii_uppercase());
        let mut ends = starts.filter_map(|(at, _)| member.get(at..));
        [member, member.trim_end_matches("Param")].iter().any(|name| self.last_names.contains(*name))
            || ends.any(|end| own.members.iter().any(|known| known == end))
    }

    fn is_requested(&self, name: &str) -> bool {
        self.requested.contains(name) || name.split('.').next().is_some_and(|first| first.contains("Params"))
    }
}

/// The first room a type stands in.
fn room(name: &str) -> &str {
    name.split('.').next().unwrap_or_default()
}

/// A type's name without the module it stands in: `responses.Response.Moderation` → `Response.Moderation`.
fn key(name: &str) -> &str {
    let start = name.find(|letter: char| letter.is_ascii_uppercase()).unwrap_or(0);
    name.get(start..).unwrap_or(name)
}

/// The last of a type's names: `ResponseInputItem.Message` → `Message`.
pub(super) fn last(name: &str) -> &str {
    name.rsplit('.').next().unwrap_or_default()
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
    let members = schema["anyOf"].elements();
    let members = members.filter_map(|member| Some(last(&reference(member.get("$ref")?)?).to_string()));
    let mut out = TypeSeen { values: words(schema, 0), members: members.collect(), ..TypeSeen::default() };
    let required = |name: &str| schema["required"].as_array().is_some_and(|all| all.iter().any(|one| one == name));
    for (name, property) in schema["properties"].members() {
        let nullable =
            property["anyOf"].as_array().is_some_and(|members| members.iter().any(|one| one["type"] == "null"));
        let (values, kinds) = (words(property, 0), kinds(property, 0));
        out.fields.push((name.clone(), FieldSeen { required: required(name), values, kinds, nullable }));
    }
    out
}

/// The words a schema lists, through its names and unions.
fn words(schema: &Value, depth: usize) -> Vec<String> {
    if depth > 4 {
        return Vec::new();
    }
    let mut out: Vec<String> = schema["enum"].elements().filter_map(Value::as_str).map(String::from).collect();
    for member in schema["anyOf"].elements() {
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

/// What a schema may be in JSON, through its names and unions.
fn kinds(schema: &Value, depth: usize) -> Option<JsonKinds> {
    if let Some(members) = schema["anyOf"].as_array().filter(|_| depth <= 4) {
        return members.iter().map(|member| kinds(member, depth + 1)).sum();
    }
    if let Some(name) = schema.get("$ref").and_then(reference).filter(|_| depth <= 4) {
        return kinds(&surface::schema(&name), depth + 1);
    }
    Some(match schema["type"].as_str()? {
        "string" => JsonKinds::TEXT,
        "number" | "integer" => JsonKinds::NUMBER,
        "boolean" => JsonKinds::BOOLEAN,
        "array" => JsonKinds::LIST,
        "null" => JsonKinds::NONE,
        _ => return None,
    })
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
    for operation in theirs.operations.iter().filter(|operation| !ours.serves(operation)) {
        say(Tier::Error, DriftKind::Added, operation.clone(), "a call that is not known here".into());
    }
    for (operation, name) in ours.operations.iter().filter(|(operation, _)| !theirs.operations.contains(*operation)) {
        say(Tier::Info, DriftKind::Removed, operation.clone(), format!("{name}, which this client cannot call"));
    }
    let is_older = numbers(&theirs.version) < numbers(known);
    let rooms: HashSet<&str> = theirs.types.keys().map(|(room, _)| room.as_str()).collect();
    for (full, seen) in theirs.types.iter().filter(|((_, name), _)| is_on_the_wire(name)) {
        let name = &full.1;
        let tier = match ours.is_requested(name) {
            true => Tier::Error,
            // What answers have lost since, production has lost.
            false if is_older => Tier::Info,
            false => Tier::Warning,
        };
        // Types that stand inside of others are named otherwise in each language: what is new of them is seen where it is
        // referred to.
        let Some(own) = ours.named(full, &rooms) else { continue };
        let unknown = |member: &&String| is_newer && !own.members.is_empty() && !ours.knows(member, &own);
        for member in seen.members.iter().filter(unknown) {
            say(tier, DriftKind::Added, name.clone(), format!("the kind {member}"));
        }
        for value in seen.values.iter().filter(|value| !own.values.is_empty() && !own.values.contains(value)) {
            say(tier, DriftKind::Added, name.clone(), format!("the value {value:?}"));
        }
        // A union has the fields of its members.
        if own.fields.is_empty() {
            continue;
        }
        let is_a_field = |field: &str| !ours.addressed.contains(field) && !HEADERS.contains(&field);
        for (field, kind) in seen.fields.iter().filter(|(field, _)| is_a_field(field)) {
            let place = format!("{name}.{field}");
            let Some(mine) = own.field(field) else {
                say(tier, DriftKind::Added, place, "a field that is not known here".into());
                continue;
            };
            for value in kind.values.iter().filter(|value| !mine.values.is_empty() && !mine.values.contains(value)) {
                say(tier, DriftKind::Added, place.clone(), format!("the value {value:?}"));
            }
            for value in
                mine.values.iter().filter(|value| is_newer && !kind.values.is_empty() && !kind.values.contains(value))
            {
                say(Tier::Info, DriftKind::Removed, place.clone(), format!("the value {value:?}"));
            }
            if let Some((here, there)) = mine.kinds.zip(kind.kinds).filter(|(here, there)| !there.is_within(*here)) {
                say(tier, DriftKind::Changed, place.clone(), format!("{here} here, and {there} there"));
            }
            if is_newer && mine.required && !mine.nullable && !kind.required {
                say(tier, DriftKind::Changed, place, "required here, and optional there".into());
            }
        }
        let is_whole = is_newer && !seen.open && !seen.fields.is_empty();
        for (field, _) in own.fields.iter().filter(|(field, _)| is_whole && seen.field(field).is_none()) {
            say(Tier::Info, DriftKind::Removed, format!("{name}.{field}"), "a field this client has no more".into());
        }
    }
    out
}

/// What clients take among a call's parameters and send as headers.
const HEADERS: &[&str] = &["betas", "openai-beta", "Idempotency-Key"];

/// Whether a type is one that requests and answers hold: not a page, and nothing the client makes of answers.
fn is_on_the_wire(name: &str) -> bool {
    !name.starts_with("Parsed") && !name.ends_with("Page") && !name.contains("Parseable")
}

/// `7.57.0` as numbers.
fn numbers(version: &str) -> Vec<u64> {
    version.split(['.', '-', '+']).map_while(|number| number.parse().ok()).collect()
}
