//! From the texts of a form to JSON, as the operation's type says: `a[b]` is an object, `a[]` a list, and a text is a
//! number where a number belongs. What fits no type stays a text, for the checks to refuse.

use super::operations::Operation;
use super::shape::{Depth, Id, Kind, Shapes};
use crate::wire::error::ApiError;
use crate::wire::form::{FormData, PartContent};
use serde_json::{Map, Value};

/// Names nested deeper than this are no lists or objects; nor are names with brackets elsewhere.
const DEEP: usize = 16;

/// A form's fields as the JSON that the operation would take, files as what is shown of them.
///
/// # Errors
/// A field is given twice where one belongs.
pub(crate) fn value(form: &FormData, operation: &Operation) -> Result<Value, ApiError> {
    let shapes = Shapes::body(operation, Depth::Observed);
    let mut root = Value::Object(Map::new());
    for part in form.parts() {
        let typed = Typed { shapes, id: shapes.map(|shapes| shapes.root) };
        let mut path = path(&part.name);
        let leaf = |typed: Typed| match &part.content {
            PartContent::Text(text) => typed.text(text),
            PartContent::File(file) => file.shown(),
        };
        path.reverse();
        if !put(&mut root, &mut path, typed, &leaf) {
            let message = format!("Could not parse multipart form: the field '{}' is given more than once.", part.name);
            return Err(ApiError::invalid(message).param(part.name.as_str()));
        }
    }
    Ok(root)
}

/// `a[b][]` → `a`, `b`, the empty string.
fn path(name: &str) -> Vec<&str> {
    let whole = || vec![name];
    let Some((first, rest)) = name.split_once('[') else { return whole() };
    let Some(inner) = rest.strip_suffix(']').filter(|_| !first.is_empty()) else { return whole() };
    let steps: Vec<&str> = std::iter::once(first).chain(inner.split("][")).collect();
    if steps.len() > DEEP || steps.iter().any(|step| step.contains(['[', ']'])) { whole() } else { steps }
}

/// Puts a leaf where the rest of its path leads, the next step last. False = something else is there.
fn put(place: &mut Value, path: &mut Vec<&str>, typed: Typed, leaf: &impl Fn(Typed) -> Value) -> bool {
    let Some(step) = path.pop() else {
        match typed.items() {
            // A list may be written by repeating its name.
            Some(items) if !place.is_null() => return push(place, leaf(items)),
            _ if !place.is_null() => return false,
            Some(items) => {
                let value = leaf(typed);
                let whole = typed.takes_one() || value.is_array();
                *place = if whole { value } else { Value::Array(vec![leaf(items)]) };
            }
            None => *place = leaf(typed),
        }
        return true;
    };
    let index = step.bytes().all(|digit| digit.is_ascii_digit());
    if index && (step.is_empty() || typed.items().is_some()) {
        let items = typed.items().unwrap_or(Typed { id: None, ..typed });
        let Some(list) = list(place) else { return false };
        let (deeper, found) = (!path.is_empty(), step.parse::<usize>().ok());
        // `a[][b]` belongs to the last item until that has a `b`; `a[1][b]` to the second one.
        let last = list.len().checked_sub(1);
        let at = match found {
            Some(at) if at < list.len() => Some(at),
            Some(_) => None,
            None => last.filter(|last| deeper && path.last().is_some_and(|next| list[*last].get(*next).is_none())),
        };
        let at = at.unwrap_or_else(|| {
            list.push(Value::Null);
            list.len() - 1
        });
        return put(&mut list[at], path, items, leaf);
    }
    if place.is_null() {
        *place = Value::Object(Map::new());
    }
    let Value::Object(object) = place else { return false };
    put(object.entry(step).or_insert(Value::Null), path, typed.field(step), leaf)
}

fn list(place: &mut Value) -> Option<&mut Vec<Value>> {
    if place.is_null() {
        *place = Value::Array(Vec::new());
    } else if !place.is_array() {
        *place = Value::Array(vec![place.take()]);
    }
    place.as_array_mut()
}

fn push(place: &mut Value, value: Value) -> bool {
    list(place).is_some_and(|list| {
        list.push(value);
        true
    })
}

/// What a place in the body may be; `None` = nobody knows.
#[derive(Clone, Copy)]
struct Typed {
    shapes: Option<&'static Shapes>,
    id: Option<Id>,
}

impl Typed {
    /// Itself, or what it may be of a union.
    fn kinds(self) -> Vec<(Id, &'static Kind)> {
        let (Some(shapes), Some(id)) = (self.shapes, self.id) else { return Vec::new() };
        match shapes.kind(id) {
            Kind::Union(union) => {
                union.variants.iter().flat_map(|id| Typed { id: Some(*id), ..self }.kinds()).collect()
            }
            kind => vec![(id, kind)],
        }
    }

    fn find(self, of: impl Fn(&'static Kind) -> Option<Id>) -> Option<Typed> {
        self.kinds().into_iter().find_map(|(_, kind)| of(kind)).map(|id| Typed { id: Some(id), ..self })
    }

    /// The items, where it may be a list.
    fn items(self) -> Option<Typed> {
        self.find(|kind| if let Kind::Array { items, .. } = kind { Some(*items) } else { None })
    }

    fn field(self, name: &str) -> Typed {
        let found = self.find(|kind| match kind {
            Kind::Object(object) => object.find(name).and_then(|at| object.fields.get(at)).map(|field| field.kind),
            Kind::Map { values, .. } => Some(*values),
            _ => None,
        });
        found.unwrap_or(Typed { id: None, ..self })
    }

    /// Whether it may be something else than a list.
    fn takes_one(self) -> bool {
        self.kinds().iter().any(|(_, kind)| !matches!(kind, Kind::Array { .. }))
    }

    /// A text as the value it stands for.
    fn text(self, text: &str) -> Value {
        let kinds = self.kinds();
        let listed = kinds.iter().any(|(_, kind)| {
            matches!(kind, Kind::Enum { listed, also } if listed.iter().chain(also).any(|known| known == text))
        });
        let meant = kinds.iter().filter(|_| !listed).find_map(|(_, kind)| match kind {
            Kind::Integer { .. } => text.parse::<i64>().ok().map(Value::from),
            Kind::Decimal { .. } => text.parse::<f64>().ok().filter(|number| number.is_finite()).map(|_| number(text)),
            Kind::Boolean => match text.to_ascii_lowercase().as_str() {
                "true" | "1" => Some(true.into()),
                "false" | "0" => Some(false.into()),
                _ => None,
            },
            Kind::Object(_) | Kind::Map { .. } => serde_json::from_str(text).ok().filter(Value::is_object),
            Kind::Array { .. } => serde_json::from_str(text).ok().filter(Value::is_array),
            _ => None,
        });
        meant.unwrap_or_else(|| text.into())
    }
}

/// As JSON has it, so that `1` does not become `1.0`.
fn number(text: &str) -> Value {
    serde_json::from_str(text)
        .ok()
        .filter(Value::is_number)
        .unwrap_or_else(|| text.parse::<f64>().map_or(Value::Null, Value::from))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::surface::operations::named;
    use crate::wire::blob::FileBytes;
    use crate::wire::form::{FormFile, FormPart};
    use bytes::Bytes;
    use serde_json::json;

    fn read(operation: &str, fields: &[(&str, &str)]) -> Result<Value, ApiError> {
        let parts = fields.iter().map(|(name, text)| {
            let content = match text.strip_prefix('@') {
                None => PartContent::Text(text.to_string()),
                Some(file) => PartContent::File(FormFile {
                    name: file.into(),
                    content_type: "text/plain".into(),
                    len: 0,
                    sha256: String::new(),
                    bytes: FileBytes::Memory(Bytes::new()),
                }),
            };
            FormPart { name: name.to_string(), content }
        });
        value(&FormData::new(parts.collect()), named(operation).expect("an operation"))
    }

    #[test]
    fn texts_become_what_the_type_says() {
        let speech = "audio.transcriptions.create";
        for (operation, fields, expected) in [
            (speech, &[("temperature", "0.5"), ("stream", "true")][..], json!({"temperature": 0.5, "stream": true})),
            (speech, &[("temperature", "1")], json!({"temperature": 1})),
            (speech, &[("temperature", "warm")], json!({"temperature": "warm"})),
            (speech, &[("prompt", "1")], json!({"prompt": "1"})),
            (speech, &[("include[]", "logprobs")], json!({"include": ["logprobs"]})),
            (speech, &[("include", "logprobs")], json!({"include": ["logprobs"]})),
            (speech, &[("include", "a"), ("include", "b")], json!({"include": ["a", "b"]})),
            (speech, &[("include", r#"["a","b"]"#)], json!({"include": ["a", "b"]})),
            (
                speech,
                &[("chunking_strategy[type]", "server_vad"), ("chunking_strategy[threshold]", "0.5")],
                json!({"chunking_strategy": {"type": "server_vad", "threshold": 0.5}}),
            ),
            (speech, &[("chunking_strategy", "auto")], json!({"chunking_strategy": "auto"})),
            (speech, &[("chunking_strategy", r#"{"type":"x"}"#)], json!({"chunking_strategy": {"type": "x"}})),
            (
                "files.create",
                &[("expires_after[anchor]", "created_at"), ("expires_after[seconds]", "3600")],
                json!({"expires_after": {"anchor": "created_at", "seconds": 3600}}),
            ),
            // Unknown ones keep their form for the checks to refuse.
            ("files.create", &[("x[y][]", "1"), ("x[y][]", "2")], json!({"x": {"y": ["1", "2"]}})),
            (
                "files.create",
                &[("x[][a]", "1"), ("x[][b]", "2"), ("x[][a]", "3")],
                json!({"x": [{"a": "1", "b": "2"}, {"a": "3"}]}),
            ),
            (
                "files.create",
                &[("x[", "1"), ("[y]", "2"), ("z]", "3"), ("a[b]c", "4")],
                json!({"x[": "1", "[y]": "2", "z]": "3", "a[b]c": "4"}),
            ),
        ] {
            assert_eq!(read(operation, fields).expect("a body"), expected, "{fields:?}");
        }
    }

    #[test]
    fn files_are_shown_and_several_are_a_list() {
        let names = |value: &Value| -> Vec<String> {
            let all = value.as_array().cloned().unwrap_or_else(|| vec![value.clone()]);
            all.iter().map(|file| file["filename"].as_str().unwrap_or("?").to_string()).collect()
        };
        for (fields, list, expected) in [
            (&[("image", "@a")][..], false, &["a"][..]),
            (&[("image", "@a"), ("image", "@b")], true, &["a", "b"]),
            (&[("image[]", "@a")], true, &["a"]),
            (&[("image[0]", "@a"), ("image[1]", "@b")], true, &["a", "b"]),
        ] {
            let body = read("images.edit", fields).expect("a body");
            assert_eq!(
                (body["image"].is_array(), names(&body["image"])),
                (list, expected.iter().map(|name| name.to_string()).collect()),
                "{fields:?}"
            );
        }
    }

    #[test]
    fn what_is_given_twice_is_refused() {
        for fields in [
            &[("purpose", "a"), ("purpose", "b")][..],
            &[("file", "@a"), ("file", "@b")],
            &[("purpose", "a"), ("purpose[b]", "c")],
            &[("expires_after[seconds]", "1"), ("expires_after[seconds]", "2")],
            &[("unknown", "1"), ("unknown", "2")],
        ] {
            let error = read("files.create", fields).expect_err("refused");
            assert_eq!((error.status, error.param.as_deref()), (400, Some(fields[1].0)), "{fields:?}");
        }
    }
}
