//! The shapes of the script language: one description that both checks scripts and publishes their JSON Schema, so that
//! the two cannot drift apart. The descriptions themselves are in [`super::language`].

use crate::near::nearest;
use crate::script::place::Path;
use crate::script::place::ScriptError;
use crate::script::place::clip;
use crate::wire::value::Holds;
use serde_json::Value;
#[cfg(test)]
use serde_json::{Map, json};

/// What a JSON value may be.
pub(super) enum Shape {
    Any,
    /// An object with whatever keys.
    AnyObject,
    Null,
    Bool,
    True,
    False,
    Text,
    /// Text that is a regex; it is compiled when the script is read.
    Regex,
    /// One of these words.
    Words(&'static [&'static str]),
    /// From, to (inclusive).
    Integer(u64, u64),
    /// From, to (inclusive).
    Signed(i64, i64),
    /// From, to (inclusive).
    Number(f64, f64),
    /// Items, fewest, most.
    List(&'static Shape, usize, usize),
    /// Any keys, one shape of value.
    Map(&'static Shape),
    Object(&'static ObjectShape),
    /// A shape that has a name, because it stands in several places or within itself.
    Same(&'static Shape),
    /// An object with a `type` is taken as written; else the shape.
    Tagged(&'static Shape),
    /// Told apart by the kind of JSON value; the first that fits the kind decides.
    Either(&'static [Shape]),
}

/// An object with known keys.
pub(super) struct ObjectShape {
    /// In messages and as the schema's definition.
    pub name: &'static str,
    #[cfg_attr(not(test), allow(dead_code))] // said in the published schema
    pub about: &'static str,
    pub fields: &'static [KeyShape],
    /// Its keys may stand here too.
    pub with: Option<&'static ObjectShape>,
}

/// A key of an object.
pub(super) struct KeyShape {
    pub key: &'static str,
    pub shape: Shape,
    pub required: bool,
    /// What the schema tells an editor. Empty = not for scripts that come from outside, and not in the schema.
    pub about: &'static str,
}

/// An optional key.
pub(super) const fn key(key: &'static str, shape: Shape, about: &'static str) -> KeyShape {
    KeyShape { key, shape, required: false, about }
}

/// A key that must be there.
pub(super) const fn must(key: &'static str, shape: Shape, about: &'static str) -> KeyShape {
    KeyShape { key, shape, required: true, about }
}

/// A remark, allowed in every object of the language and ignored.
pub(super) const COMMENT: &str = "$comment";

impl ObjectShape {
    /// Its own keys and those of the objects it includes.
    pub(super) fn all(&self) -> impl Iterator<Item = &'static KeyShape> {
        let mut object = Some((self.fields, self.with));
        std::iter::from_fn(move || {
            let (fields, with) = object?;
            object = with.map(|with| (with.fields, with.with));
            Some(fields)
        })
        .flatten()
    }

    /// Whether the key is its own or an included object's.
    pub(super) fn has(&self, key: &str) -> bool {
        self.all().any(|field| field.key == key)
    }
}

impl Shape {
    /// Whether a value of this kind could be meant.
    fn kind_fits(&self, value: &Value) -> bool {
        match self {
            Shape::Any => true,
            Shape::Null => value.is_null(),
            Shape::Bool | Shape::True | Shape::False => value.is_boolean(),
            Shape::Text | Shape::Regex | Shape::Words(_) => value.is_string(),
            Shape::Integer(..) | Shape::Signed(..) | Shape::Number(..) => value.is_number(),
            Shape::List(..) => value.is_array(),
            Shape::AnyObject | Shape::Map(_) | Shape::Object(_) => value.is_object(),
            Shape::Same(shape) => shape.kind_fits(value),
            Shape::Tagged(shape) => value.is_object() || shape.kind_fits(value),
            Shape::Either(shapes) => shapes.iter().any(|shape| shape.kind_fits(value)),
        }
    }

    /// What it wants, for messages.
    fn wanted(&self) -> String {
        match self {
            Shape::Any => "any JSON".into(),
            Shape::Null => "null".into(),
            Shape::Bool => "true or false".into(),
            Shape::True => "true".into(),
            Shape::False => "false".into(),
            Shape::Text => "a string".into(),
            Shape::Regex => "a regex (string)".into(),
            Shape::Words(words) => words.iter().map(|word| format!("\"{word}\"")).collect::<Vec<_>>().join(" or "),
            Shape::Integer(from, to) if *to == u64::MAX => format!("a whole number of at least {from}"),
            Shape::Integer(from, to) => format!("a whole number from {from} to {to}"),
            Shape::Signed(from, to) => format!("a whole number from {from} to {to}"),
            Shape::Number(from, to) if from.is_infinite() && to.is_infinite() => "a number".into(),
            Shape::Number(from, to) => format!("a number from {from} to {to}"),
            Shape::List(item, fewest, most) if fewest == most => format!("a list of {fewest}: {}", item.wanted()),
            Shape::List(item, 0, _) => format!("a list of: {}", item.wanted()),
            Shape::List(item, ..) => format!("a list, not empty, of: {}", item.wanted()),
            Shape::Map(_) | Shape::AnyObject => "an object".into(),
            Shape::Object(object) => format!("an object ({})", object.name),
            Shape::Same(shape) => shape.wanted(),
            Shape::Tagged(shape) => format!("{} or an object with a \"type\"", shape.wanted()),
            Shape::Either(shapes) => shapes.iter().map(Shape::wanted).collect::<Vec<_>>().join(", or "),
        }
    }

    /// Refuses a value that has not this shape, naming the first fault.
    pub(super) fn check(&self, value: &Value, path: &Path) -> Result<(), ScriptError> {
        let fits = match self {
            Shape::Either(shapes) => match shapes.iter().find(|shape| shape.kind_fits(value)) {
                // The whole choice is what would be right, unless the alternative can say more.
                Some(shape @ (Shape::Words(_) | Shape::Null | Shape::True | Shape::False)) => {
                    shape.check(value, path).is_ok()
                }
                Some(shape) => return shape.check(value, path),
                None => false,
            },
            Shape::Tagged(_) if value.get("type").is_some_and(Value::is_string) => return Ok(()),
            Shape::Tagged(shape) | Shape::Same(shape) => return shape.check(value, path),
            Shape::List(item, fewest, most) if value.is_array() => {
                let items = value.as_array().map(Vec::as_slice).unwrap_or_default();
                for (index, value) in items.iter().enumerate() {
                    item.check(value, &Path::Index(path, index))?;
                }
                (*fewest..=*most).contains(&items.len())
            }
            Shape::Map(item) if value.is_object() => {
                for (key, value) in value.members() {
                    item.check(value, &Path::Key(path, key))?;
                }
                true
            }
            Shape::Object(object) if value.is_object() => return object.check(value, path),
            Shape::True => value == &Value::Bool(true),
            Shape::False => value == &Value::Bool(false),
            Shape::Words(words) => value.as_str().is_some_and(|word| words.contains(&word)),
            Shape::Integer(from, to) => value.as_u64().is_some_and(|number| (*from..=*to).contains(&number)),
            Shape::Signed(from, to) => value.as_i64().is_some_and(|number| (*from..=*to).contains(&number)),
            Shape::Number(from, to) => value.as_f64().is_some_and(|number| *from <= number && number <= *to),
            _ => self.kind_fits(value),
        };

        if fits {
            return Ok(());
        }
        Err(path.error(format!("expected {}, got {}", self.wanted(), shown(value))))
    }

    /// As JSON Schema; objects become references, and their definitions are added to `defs`.
    #[cfg(test)]
    fn schema(&self, defs: &mut Map<String, Value>) -> Value {
        match self {
            Shape::Any => json!({}),
            Shape::AnyObject => json!({"type": "object"}),
            Shape::Null => json!({"type": "null"}),
            Shape::Bool => json!({"type": "boolean"}),
            Shape::True => json!({"const": true}),
            Shape::False => json!({"const": false}),
            Shape::Text => json!({"type": "string"}),
            Shape::Regex => json!({"type": "string", "description": "A regex in Rust's syntax, or /regex/i."}),
            Shape::Words(words) => json!({"enum": words}),
            Shape::Integer(from, u64::MAX) => json!({"type": "integer", "minimum": from}),
            Shape::Integer(from, to) => json!({"type": "integer", "minimum": from, "maximum": to}),
            Shape::Signed(from, to) => json!({"type": "integer", "minimum": from, "maximum": to}),
            Shape::Number(from, to) if from.is_infinite() && to.is_infinite() => json!({"type": "number"}),
            Shape::Number(from, to) => json!({"type": "number", "minimum": from, "maximum": to}),
            Shape::List(item, fewest, most) => {
                let mut schema = json!({"type": "array", "items": item.schema(defs)});
                if *fewest > 0 {
                    schema["minItems"] = json!(fewest);
                }
                if *most < usize::MAX {
                    schema["maxItems"] = json!(most);
                }
                schema
            }
            Shape::Map(item) => json!({"type": "object", "additionalProperties": item.schema(defs)}),
            Shape::Object(object) => object.reference(defs),
            Shape::Same(shape) => shape.schema(defs),
            Shape::Tagged(shape) => {
                let item = json!({
                    "type": "object",
                    "required": ["type"],
                    "properties": {"type": {"type": "string"}},
                    "additionalProperties": true,
                });
                json!({"anyOf": [shape.schema(defs), item]})
            }
            Shape::Either(shapes) => {
                json!({"anyOf": shapes.iter().map(|shape| shape.schema(defs)).collect::<Vec<_>>()})
            }
        }
    }
}

impl ObjectShape {
    fn check(&self, whole: &Value, path: &Path) -> Result<(), ScriptError> {
        if let Some(what) = self.pasted(whole) {
            return Err(path.error(what));
        }
        for (key, value) in whole.members() {
            if key == COMMENT {
                continue;
            }
            let Some(field) = self.all().find(|field| field.key == key) else {
                return Err(Path::Key(path, key).error(self.unknown(key)));
            };
            field.shape.check(value, &Path::Key(path, key))?;
        }
        match self.all().find(|field| field.required && whole.get(field.key).is_none()) {
            Some(field) => Err(path.error(format!("{} needs \"{}\": {}", self.name, field.key, field.about))),
            None => Ok(()),
        }
    }

    /// The message for a key it does not know.
    fn unknown(&self, key: &str) -> String {
        let keys = || self.all().filter(|field| !field.about.is_empty()).map(|field| field.key);
        match nearest(key, keys()) {
            Some(known) => format!("unknown key \"{key}\" of {}; did you mean \"{known}\"?", self.name),
            None => {
                let known: Vec<&str> = keys().collect();
                format!("unknown key \"{key}\" of {}; it has {}", self.name, known.join(", "))
            }
        }
    }

    /// What of the OpenAI API's own was put in the place of a reply.
    fn pasted(&self, value: &Value) -> Option<&'static str> {
        // Only what says something can be meant so.
        if !self.has("refusal") {
            return None;
        }
        let has = |key: &str| value.get(key).is_some_and(Value::is_string);
        if has("role") || value["type"] == "message" {
            return Some(
                "this is a message of the OpenAI API; a reply is its text alone: \"…\", or {\"text\": …} \
                 (in JavaScript text('…')), with tool_calls beside it",
            );
        }
        let answer = has("object") || value.get("message").is_some_and(Value::is_object);
        answer.then_some(
            "this is an answer of the OpenAI API; a reply is its text alone: \"…\", or, to send it as it is, \
             {\"raw\": {\"body\": …}} (in JavaScript text('…'), raw({ body: … }))",
        )
    }

    /// A reference to its definition, which is added if it is not there.
    #[cfg(test)]
    fn reference(&self, defs: &mut Map<String, Value>) -> Value {
        let name = self.name.replace(' ', "-");
        if !defs.contains_key(&name) {
            defs.insert(name.clone(), Value::Null); // keeps a recursive shape from recursing
            let definition = self.definition(defs);
            defs.insert(name.clone(), definition);
        }
        json!({"$ref": format!("#/$defs/{name}")})
    }

    #[cfg(test)]
    fn definition(&self, defs: &mut Map<String, Value>) -> Value {
        let mut properties = Map::new();
        for field in self.all().filter(|field| !field.about.is_empty()) {
            let mut schema = field.shape.schema(defs);
            schema["description"] = json!(field.about);
            properties.insert(field.key.into(), schema);
        }
        properties.insert(COMMENT.into(), json!({"description": "A remark; ignored."}));
        let required: Vec<&str> = self.all().filter(|field| field.required).map(|field| field.key).collect();
        let mut schema = json!({"description": self.about, "type": "object", "properties": properties});
        if !required.is_empty() {
            schema["required"] = json!(required);
        }
        schema["additionalProperties"] = json!(false);
        schema
    }

    /// The whole JSON Schema document of which this object is the root.
    #[cfg(test)]
    pub(super) fn document(&self) -> Value {
        let mut defs = Map::new();
        let root = self.definition(&mut defs);
        let mut document = Map::new();
        document.insert("$schema".into(), json!("https://json-schema.org/draft/2020-12/schema"));
        document.insert("title".into(), json!("LLEmulator script"));
        document.extend(root.as_object().cloned().unwrap_or_default());
        document.insert("$defs".into(), Value::Object(defs));
        Value::Object(document)
    }
}

/// A value as messages show it, cut to a line.
pub(super) fn shown(value: &Value) -> String {
    clip(&value.to_string())
}
