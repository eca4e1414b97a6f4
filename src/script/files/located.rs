//! YAML to JSON, and the line and column of a JSON path. JSON is YAML, so both kinds of file find their places here.

use crate::script::place::Path;
use serde::de::{Deserialize, Deserializer, MapAccess, SeqAccess, Visitor};
use serde_json::Value;
use serde_saphyr::{Error, Location, Options, Spanned};
use std::fmt;

/// A value, and where its parts stand.
enum Node {
    Scalar(Value),
    List(Vec<Spanned<Node>>),
    Map(Vec<(Spanned<String>, Spanned<Node>)>),
}

/// YAML text to a value; else line, column and reason. The library bounds nesting and the growth of aliases.
pub(super) fn parse(text: &str) -> Result<Value, (usize, usize, String)> {
    value(text, serde_saphyr::options! { strict_booleans: true }).map_err(|error| {
        let (line, column) = error.location().map_or((1, 1), place);
        let reason = error.without_snippet().to_string();
        // The place is told apart from the reason.
        let reason = reason.rsplit_once(" at line ").map_or(reason.as_str(), |(reason, _)| reason);
        (line, column, format!("not YAML: {reason}"))
    })
}

/// Line and column, from 1, of the value at `path`; of the nearest value above it if the path leads nowhere; the
/// beginning if the text has no structure that can be read.
pub(super) fn position(text: &str, path: &str) -> (usize, usize) {
    let options = serde_saphyr::options! { strict_booleans: true };
    read(text, options).map_or((1, 1), |root| place(find(&root, &Path::Root(""), root.referenced, path)))
}

/// YAML text to a value. Whoever reads YAML reads it by this: the library is compiled for each type that it is to give.
///
/// # Errors
/// It is no YAML.
pub(crate) fn value(text: &str, options: Options) -> Result<Value, Error> {
    read(text, options).map(|node| node.value.into_value())
}

fn read(text: &str, options: Options) -> Result<Spanned<Node>, Error> {
    serde_saphyr::from_str_with_options(text, options)
}

fn place(location: Location) -> (usize, usize) {
    (location.line() as usize, location.column() as usize)
}

/// The place of the deepest value on the way to `wanted`; of an object's entry that is its key.
fn find(node: &Spanned<Node>, here: &Path, at: Location, wanted: &str) -> Location {
    let step = |path: Path, child: &Spanned<Node>, at: Location| {
        let rest = wanted.strip_prefix(&path.to_string())?;
        (rest.is_empty() || rest.starts_with(['.', '['])).then(|| find(child, &path, at, wanted))
    };
    let found = match &node.value {
        Node::Scalar(_) => None,
        Node::List(items) => {
            let mut items = items.iter().enumerate();
            items.find_map(|(index, item)| step(Path::Index(here, index), item, item.referenced))
        }
        Node::Map(entries) => {
            entries.iter().find_map(|(key, value)| step(Path::Key(here, &key.value), value, key.referenced))
        }
    };
    found.unwrap_or(at)
}

impl Node {
    fn into_value(self) -> Value {
        match self {
            Node::Scalar(value) => value,
            Node::List(items) => items.into_iter().map(|item| item.value.into_value()).collect(),
            Node::Map(entries) => entries.into_iter().map(|(key, item)| (key.value, item.value.into_value())).collect(),
        }
    }
}

impl<'de> Deserialize<'de> for Node {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(LocatedReader)
    }
}

struct LocatedReader;

impl<'de> Visitor<'de> for LocatedReader {
    type Value = Node;

    fn expecting(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str("a value")
    }

    fn visit_unit<E>(self) -> Result<Node, E> {
        Ok(Node::Scalar(Value::Null))
    }

    fn visit_bool<E>(self, value: bool) -> Result<Node, E> {
        Ok(Node::Scalar(value.into()))
    }

    fn visit_i64<E>(self, value: i64) -> Result<Node, E> {
        Ok(Node::Scalar(value.into()))
    }

    fn visit_u64<E>(self, value: u64) -> Result<Node, E> {
        Ok(Node::Scalar(value.into()))
    }

    fn visit_f64<E>(self, value: f64) -> Result<Node, E> {
        Ok(Node::Scalar(value.into()))
    }

    fn visit_str<E>(self, value: &str) -> Result<Node, E> {
        Ok(Node::Scalar(value.into()))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Node, A::Error> {
        let mut list = Vec::new();
        while let Some(item) = items.next_element()? {
            list.push(item);
        }
        Ok(Node::List(list))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut entries: A) -> Result<Node, A::Error> {
        let mut map = Vec::new();
        while let Some(entry) = entries.next_entry()? {
            map.push(entry);
        }
        Ok(Node::Map(map))
    }
}
