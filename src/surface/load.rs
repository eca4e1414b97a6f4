//! Makes a type of the clients ready for checks, with what `facts.json` adds. Both are compiled in, and the tests below
//! read them whole, so a description that makes no sense becomes [`Kind::Any`] rather than a panic.

use super::compact::Compact;
use super::shape::{Depth, Field, Id, Kind, Object, Only, Shapes, Tag, TextBounds, Union};
use crate::sorting;
use crate::wire::value::Holds;
use serde_json::{Map, Value};
use std::collections::{HashMap, HashSet};

/// What is written by hand.
fn facts(depth: Depth) -> Value {
    let mut facts: Value = serde_json::from_str(include_str!("facts.json")).unwrap_or_default();
    if depth == Depth::Observed {
        for section in ["types", "fields"] {
            let more = facts["observed"][section].as_object().cloned().unwrap_or_default();
            if let Some(map) = facts[section].as_object_mut() {
                map.extend(more);
            }
        }
    }
    facts
}

/// A type and all it is made of.
pub(super) fn shapes(name: &str, depth: Depth) -> Shapes {
    let facts = facts(depth);
    let generated = involved(name, &facts);
    let mut loader = Loader { generated: &generated, facts: &facts, named: HashMap::new(), kinds: Vec::new() };
    let root = loader.named(name);
    loader.find_tags();
    loader.shared_fields();
    Shapes { kinds: loader.kinds, root }
}

/// The clients' types that a type leads to, itself included, in the form of facts.json.
fn involved(name: &str, facts: &Value) -> Map<String, Value> {
    let none = Map::new();
    let by_hand = facts["types"].as_object().unwrap_or(&none);
    let mut compact = Compact::new(by_hand);
    let (mut types, mut seen, mut todo) = (Map::new(), HashSet::new(), vec![name.to_string()]);
    while let Some(name) = todo.pop() {
        if !seen.insert(name.clone()) {
            continue;
        }
        for (section, _) in SECTIONS {
            of_type(facts, section, &name).for_each(|(_, node)| mentions(node, &mut todo));
        }
        todo.extend(facts["passed"][&name]["of"].as_str().map(str::to_string));
        match by_hand.get(&name) {
            Some(node) => mentions(node, &mut todo),
            None => {
                let node = compact.named(&name).unwrap_or_default();
                mentions(&node, &mut todo);
                types.insert(name, node);
            }
        }
    }
    types
}

/// Names that a description mentions.
fn mentions(node: &Value, into: &mut Vec<String>) {
    match node {
        Value::Object(object) => object.iter().for_each(|(key, inner)| match inner.as_str() {
            Some(name) if key == "ref" || key == "default" => into.push(name.to_string()),
            _ => mentions(inner, into),
        }),
        Value::Array(items) => items.iter().for_each(|item| mentions(item, into)),
        _ => {}
    }
}

struct Loader<'a> {
    generated: &'a Map<String, Value>,
    facts: &'a Value,
    named: HashMap<&'a str, Id>,
    kinds: Vec<Kind>,
}

impl<'a> Loader<'a> {
    /// Id of a named type, read on first mention; recursion finds the id while the type is being read.
    fn named(&mut self, name: &'a str) -> Id {
        if let Some(id) = self.named.get(name) {
            return *id;
        }
        let id = self.add(Kind::Any);
        self.named.insert(name, id);
        let (facts, generated) = (self.facts, self.generated);
        let node = facts["types"].get(name).or_else(|| generated.get(name)).unwrap_or(&Value::Null);
        let kind = self.kind(node, name);
        if let Some(slot) = self.kinds.get_mut(id) {
            *slot = kind;
        }
        id
    }

    fn add(&mut self, kind: Kind) -> Id {
        self.kinds.push(kind);
        self.kinds.len() - 1
    }

    fn node(&mut self, node: &'a Value) -> Id {
        if let Some(name) = node["ref"].as_str() {
            return self.named(name);
        }
        let kind = self.kind(node, "");
        self.add(kind)
    }

    fn kind(&mut self, node: &'a Value, name: &str) -> Kind {
        match node.as_str() {
            Some("string") => return Kind::Text(TextBounds { min: 0, max: usize::MAX, pattern: None }),
            Some("file") => return Kind::File,
            Some("number") => return Kind::Decimal { min: None, max: None },
            Some("boolean") => return Kind::Boolean,
            _ => {}
        }
        let Some((form, inner)) = node.as_object().and_then(|object| object.iter().next()) else { return Kind::Any };
        let size = |key: &str| node[key].as_u64().map(|size| size as usize);
        let noun = node["noun"].as_str().map(str::to_string);
        match form.as_str() {
            "text" => Kind::Text(TextBounds {
                min: inner["min"].as_u64().unwrap_or(0) as usize,
                max: inner["max"].as_u64().map_or(usize::MAX, |max| max as usize),
                pattern: inner["pattern"].as_str().and_then(|pattern| regex::Regex::new(pattern).ok()),
            }),
            "integer" => Kind::Integer { min: inner[0].as_i64(), max: inner[1].as_i64() },
            "decimal" => Kind::Decimal { min: inner[0].as_f64(), max: inner[1].as_f64() },
            "enum" => Kind::Enum { listed: strings(inner), also: strings(&node["also"]) },
            "array" => Kind::Array {
                items: self.node(inner),
                min: size("min").unwrap_or(0),
                max: size("max").unwrap_or(usize::MAX),
            },
            "map" => Kind::Map {
                values: self.node(inner),
                max: size("max").unwrap_or(usize::MAX),
                keys: size("keys").unwrap_or(usize::MAX),
                noun,
            },
            "object" => Kind::Object(self.object(inner.as_object(), name, noun)),
            "union" => {
                let variants = inner.elements().map(|variant| self.node(variant)).collect();
                let tag = node["tag"].as_str().map(|key| Tag {
                    key: key.to_string(),
                    variants: Vec::new(),
                    listed: strings(&node["values"]),
                    at_item: node["at"] == "item",
                    known: strings(&node["known"]),
                    default: node["default"].as_str().map(|name| self.named(name)),
                });
                Kind::Union(Union { variants, tag, noun })
            }
            _ => Kind::Any,
        }
    }

    fn object(&mut self, own: Option<&'a Map<String, Value>>, name: &str, noun: Option<String>) -> Object {
        let mut fields: Vec<Field> = Vec::new();
        let facts = self.facts;
        let own = own.into_iter().flatten().map(|(field, node)| (field.as_str(), node, None));
        let mine = SECTIONS
            .iter()
            .flat_map(|(section, only)| of_type(facts, section, name).map(|(field, node)| (field, node, *only)));
        for (field, node, only) in own.chain(mine) {
            let field = self.field(field, node, only);
            match fields.iter_mut().find(|known| known.name == field.name) {
                Some(known) => *known = field,
                None => fields.push(field),
            }
        }
        self.passed(name, &mut fields);
        let order = strings(&facts["order"][name]);
        sorting::by_key(&mut fields, |field| order.iter().position(|name| *name == field.name).unwrap_or(usize::MAX));
        let open = facts["open"].as_array().is_some_and(|open| open.iter().any(|open| open == name));
        let moved = facts["moved"][name].members();
        let moved = moved.filter_map(|(from, to)| Some((from.clone(), to.as_str()?.to_string()))).collect();
        let mut object = Object { fields, sorted: Vec::new(), open, moved, noun };
        object.sort();
        object
    }

    /// Adds what a body may have because clients pass on the body of another operation: known, never asked for or named.
    fn passed(&mut self, name: &str, fields: &mut Vec<Field>) {
        let Some(other) = self.facts["passed"][name]["of"].as_str() else { return };
        let refused = strings(&self.facts["passed"][name]["but"]);
        let other = self.named(other);
        let Some(Kind::Object(other)) = self.kinds.get(other) else { return };
        for field in &other.fields {
            if !refused.contains(&field.name) && !fields.iter().any(|known| known.name == field.name) {
                let only = field.only.or(Some(Only::Hidden));
                let passed = Field { required: false, nullable: true, only, ..field.clone() };
                fields.push(passed);
            }
        }
    }

    fn field(&mut self, name: &str, node: &'a Value, only: Option<Only>) -> Field {
        let (plain, required) = name.strip_suffix('?').map_or((name, true), |plain| (plain, false));
        let nullable = !required || node["nullable"] == true;
        Field { name: plain.to_string(), kind: self.node(node), required, nullable, only }
    }

    /// Fields of facts.json that belong to a union belong to each of its objects.
    fn shared_fields(&mut self) {
        let facts = self.facts;
        let is_union = |id: &Id| matches!(self.kinds.get(*id), Some(Kind::Union(_)));
        let named = self.named.iter().map(|(name, id)| (*name, *id));
        let unions: Vec<(&'a str, Id)> = named.filter(|(_, id)| is_union(id)).collect();
        for (name, id) in unions {
            for (section, only) in SECTIONS {
                for (field, node) in of_type(facts, section, name) {
                    for object in self.objects(id) {
                        let field = self.field(field, node, *only);
                        if let Some(Kind::Object(object)) = self.kinds.get_mut(object)
                            && object.find(&field.name).is_none()
                        {
                            object.fields.push(field);
                            object.sort();
                        }
                    }
                }
            }
        }
    }

    /// The objects among a union's variants, those of its unions included.
    fn objects(&self, id: Id) -> Vec<Id> {
        match self.kinds.get(id) {
            Some(Kind::Object(_)) => vec![id],
            Some(Kind::Union(union)) => union.variants.iter().flat_map(|variant| self.objects(*variant)).collect(),
            _ => Vec::new(),
        }
    }

    /// Finds for each union which value of its tag means which variant; a union without a stated tag is told apart by
    /// `type` or `role` if every object in it has that field with fixed values.
    fn find_tags(&mut self) {
        for id in 0..self.kinds.len() {
            let Some(Kind::Union(union)) = self.kinds.get(id) else { continue };
            let stated = union.tag.as_ref().map(|tag| tag.key.clone());
            let keys = stated.map_or_else(|| vec!["type".to_string(), "role".to_string()], |key| vec![key]);
            let found = keys.into_iter().find_map(|key| Some((self.tag_values(&union.variants, &key)?, key)));
            let Some((variants, key)) = found else { continue };
            let listed = |id: &Id, value: &String| {
                match self.kinds.get(*id) {
                Some(Kind::Object(object)) => object.find(&key).and_then(|at| object.fields.get(at)).is_none_or(
                    |field| !matches!(self.kinds.get(field.kind), Some(Kind::Enum { also, .. }) if also.contains(value)),
                ),
                _ => true,
            }
            };
            let values: Vec<String> =
                variants.iter().filter(|(value, id)| listed(id, value)).map(|(value, _)| value.clone()).collect();
            if let Some(Kind::Union(union)) = self.kinds.get_mut(id) {
                let tag = union.tag.get_or_insert_with(|| Tag {
                    key,
                    variants: Vec::new(),
                    listed: Vec::new(),
                    at_item: false,
                    known: Vec::new(),
                    default: None,
                });
                tag.variants = variants;
                if tag.listed.is_empty() {
                    tag.listed = values;
                }
            }
        }
    }

    /// Value of the tag → variant, over all objects of a union; of two variants for one value the one that is for it
    /// alone. `None` if some object cannot be told apart.
    fn tag_values(&self, variants: &[Id], key: &str) -> Option<Vec<(String, Id)>> {
        let mut out: Vec<(String, Id)> = Vec::new();
        for id in variants {
            match self.kinds.get(*id) {
                Some(Kind::Object(object)) => {
                    let field = object.find(key).and_then(|at| object.fields.get(at));
                    match field.and_then(|field| self.kinds.get(field.kind)) {
                        Some(Kind::Enum { listed, also }) => {
                            for value in listed.iter().chain(also) {
                                match out.iter_mut().find(|(known, _)| known == value) {
                                    None => out.push((value.clone(), *id)),
                                    Some(known) if listed.len() == 1 => known.1 = *id,
                                    Some(_) => {}
                                }
                            }
                        }
                        _ => return None,
                    }
                }
                // Messages: told apart by role, and the whole group is what `type: "message"` means.
                Some(Kind::Union(_)) if key == "type" => out.push(("message".to_string(), *id)),
                Some(Kind::Union(_) | Kind::Map { .. } | Kind::Any) => return None,
                _ => {}
            }
        }
        (!out.is_empty()).then_some(out)
    }
}

/// Sections of facts.json that add fields, and what makes these known.
const SECTIONS: &[(&str, Option<Only>)] =
    &[("fields", None), ("hidden", Some(Only::Hidden)), ("relaxed", Some(Only::Relaxed)), ("beta", Some(Only::Beta))];

/// What a section says of the fields of one type.
fn of_type<'a>(facts: &'a Value, section: &str, name: &str) -> impl Iterator<Item = (&'a str, &'a Value)> {
    let entries = facts[section].members();
    let split = entries.filter_map(|(path, node)| Some((path.rsplit_once('.')?, node)));
    split.filter(move |((owner, _), _)| *owner == name).map(|((_, field), node)| (field, node))
}

fn strings(list: &Value) -> Vec<String> {
    list.elements().filter_map(|one| one.as_str().map(str::to_string)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::surface::{blocks, operations};

    #[test]
    fn every_mentioned_type_is_described() {
        let facts = facts(Depth::Documented);
        let mut mentioned = Vec::new();
        mentions(&facts, &mut mentioned);
        let sections = SECTIONS.iter().map(|(section, _)| &facts[*section]);
        for section in sections.chain([&facts["observed"]["fields"]]) {
            let paths = section.members();
            mentioned.extend(paths.filter_map(|(path, _)| Some(path.rsplit_once('.')?.0.to_string())));
        }
        let names = blocks::names();
        for name in mentioned {
            let known = facts["types"].get(&name).is_some() || names.contains(&name);
            assert!(known, "{name} is mentioned but not described");
        }
    }

    #[test]
    fn facts_say_only_what_types_and_document_do_not() {
        let facts = facts(Depth::Documented);
        let by_hand = facts["types"].as_object().unwrap();
        let mut repeated = Vec::new();
        for (path, node) in facts["fields"].members() {
            let (owner, field) = path.rsplit_once('.').unwrap();
            let said = Compact::new(by_hand).named(owner).unwrap_or_default();
            if said["object"].get(field) == Some(node) {
                repeated.push(path.clone());
            }
        }
        for (name, node) in by_hand {
            let others: Map<_, _> =
                by_hand.iter().filter(|(other, _)| *other != name).map(|(k, v)| (k.clone(), v.clone())).collect();
            if Compact::new(&others).named(name).as_ref() == Some(node) {
                repeated.push(name.clone());
            }
        }
        assert!(repeated.is_empty(), "{}", repeated.join("\n"));
    }

    #[test]
    fn unions_of_objects_know_their_tag() {
        let operation = operations::named("responses.create").unwrap();
        let shapes = Shapes::body(operation, Depth::Documented).unwrap();
        let tagged = |id: Id| matches!(shapes.kind(id), Kind::Union(union) if union.tag.as_ref().is_some_and(|tag| !tag.variants.is_empty()));
        let body = shapes.object().unwrap();
        let Kind::Array { items, .. } = shapes.kind(body.fields[body.find("tools").unwrap()].kind) else { panic!() };
        assert!(tagged(*items));
    }

    #[test]
    fn every_operation_can_be_made_ready() {
        let mut objects = 0;
        for operation in operations::all() {
            for shapes in [Shapes::body(operation, Depth::Observed), Shapes::query(operation, Depth::Observed)] {
                let Some(shapes) = shapes else { continue };
                assert!(!matches!(shapes.kind(shapes.root), Kind::Any), "{}", operation.name);
                objects += usize::from(shapes.object().is_some());
            }
        }
        assert!(objects > 230, "{objects}");
    }
}
