//! For tests: walks the description of the script language, so that a key added to it is tested without being listed.

use crate::script::language::REPLY;
use crate::script::language::SCRIPT;
use crate::script::shape::ObjectShape;
use crate::script::shape::Shape;
use serde_json::{Map, Value, json};

/// Stands where a template's number goes.
const HOLE: &str = "\u{0}number";

/// A script with one number left open.
#[derive(Debug, Clone)]
pub(crate) struct Template {
    /// Dotted, without indices: `responses.pace.ttft_ms`.
    pub key: String,
    script: Value,
    /// A number that is allowed.
    pub usual: Value,
}

impl Template {
    /// The script with this number in it, as JSON text.
    pub(crate) fn with(&self, number: &str) -> String {
        self.script.to_string().replace(&Value::from(HOLE).to_string(), number)
    }
}

/// The keys of a reply that scripts from outside may have.
pub(crate) fn reply_keys() -> impl Iterator<Item = &'static str> {
    REPLY.all().filter(|field| !field.about.is_empty()).map(|field| field.key)
}

/// Every object of the language by its name, with the keys that scripts from outside may have; what it takes over from
/// another one belongs to it, but for a rule's reply.
pub(crate) fn objects() -> Vec<(&'static str, Vec<&'static str>)> {
    let mut found: Vec<&'static ObjectShape> = Vec::new();
    reached(&Shape::Object(&SCRIPT), &mut found);
    let keys = |object: &&'static ObjectShape| {
        let own: Vec<_> = if object.name == "a rule" { object.fields.iter().collect() } else { object.all().collect() };
        own.into_iter().filter(|field| !field.about.is_empty()).map(|field| field.key).collect()
    };
    found.iter().map(|object| (object.name, keys(object))).collect()
}

fn reached(shape: &Shape, found: &mut Vec<&'static ObjectShape>) {
    match shape {
        Shape::Object(object) if !found.iter().any(|known| known.name == object.name) => {
            found.push(object);
            object.all().for_each(|field| reached(&field.shape, found));
        }
        Shape::List(inner, ..) | Shape::Map(inner) | Shape::Same(inner) | Shape::Tagged(inner) => reached(inner, found),
        Shape::Either(shapes) => shapes.iter().for_each(|one| reached(one, found)),
        _ => {}
    }
}

/// A template for every number a script can hold, in all the company it may keep.
pub(crate) fn numbers() -> Vec<Template> {
    object(&SCRIPT, "", &mut Vec::new())
}

fn object(object: &'static ObjectShape, at: &str, above: &mut Vec<&'static str>) -> Vec<Template> {
    if above.contains(&object.name) {
        return Vec::new();
    }
    above.push(object.name);
    let mut found = Vec::new();
    // A key without a description is none for scripts from outside.
    for field in object.all().filter(|field| !field.about.is_empty()) {
        let key = if at.is_empty() { field.key.to_string() } else { format!("{at}.{}", field.key) };
        for inner in shape(&field.shape, &key, above) {
            for company in company(object.name) {
                let mut keys: Map<String, Value> = object
                    .all()
                    .filter(|field| field.required)
                    .map(|field| (field.key.to_string(), simple(&field.shape)))
                    .collect();
                keys.extend(company.as_object().cloned().unwrap_or_default());
                keys.insert(field.key.into(), inner.script.clone());
                found.push(Template { script: keys.into(), ..inner.clone() });
            }
        }
    }
    above.pop();
    found
}

fn shape(of: &'static Shape, at: &str, above: &mut Vec<&'static str>) -> Vec<Template> {
    let hole = |usual: Value| vec![Template { key: at.into(), script: HOLE.into(), usual }];
    let within = |found: Vec<Template>, wrap: &dyn Fn(Value) -> Value| {
        found.into_iter().map(|one| Template { script: wrap(one.script.clone()), ..one }).collect()
    };
    match of {
        Shape::Integer(from, to) => hole(json!(if *to < 1000 { to } else { from })),
        Shape::Signed(..) => hole(json!(0)),
        Shape::Number(from, _) => hole(if *from > 0.0 { json!(from) } else { json!(0) }),
        Shape::List(item, fewest, _) => {
            let many = (*fewest).max(1);
            within(shape(item, at, above), &|one| Value::from(vec![one; many]))
        }
        Shape::Map(item) => {
            // Any model; the one detail of usage every endpoint shows.
            let key = if matches!(item, Shape::Object(_)) { "*" } else { "cached_tokens" };
            within(shape(item, at, above), &|one| json!({key: one}))
        }
        Shape::Object(inner) => object(inner, at, above),
        Shape::Same(inner) | Shape::Tagged(inner) => shape(inner, at, above),
        Shape::Either(shapes) => shapes.iter().flat_map(|one| shape(one, at, above)).collect(),
        _ => Vec::new(),
    }
}

/// Keys that a key of this object may need beside it.
fn company(object: &str) -> Vec<Value> {
    match object {
        "a reply" | "a rule" | "a choice" => vec![json!({}), json!({"text": "one two three"}), json!({"error": "no"})],
        "a chaos entry" => vec![json!({"error": "no"}), json!({"every": 1}), json!({"error": "no", "every": 1})],
        "fault" => vec![json!({"kind": "stall", "stall_ms": 1}), json!({"kind": "error", "error": "no"})],
        "a chunk" => vec![json!({"text": "bytes"})],
        _ => vec![json!({})],
    }
}

/// A value of this shape.
fn simple(of: &Shape) -> Value {
    match of {
        Shape::Words(words) => json!(words.first()),
        Shape::Integer(from, _) => json!(from),
        Shape::Signed(..) | Shape::Number(..) => json!(1),
        _ => json!("x"),
    }
}
