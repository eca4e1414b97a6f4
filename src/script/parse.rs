//! JSON text to a value, refusing what `serde_json::Value` would silently drop: a key written twice.

use crate::script::place::Path;
use crate::script::place::ScriptError;
use serde::de::{DeserializeSeed, Deserializer, Error, MapAccess, SeqAccess, Visitor};
use serde_json::{Map, Value};
use std::cell::RefCell;
use std::fmt;

/// Text that is no JSON, and where.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Broken {
    pub error: ScriptError,
    /// From 1.
    pub line: usize,
    /// In characters, from 1.
    pub column: usize,
}

impl From<Broken> for ScriptError {
    fn from(broken: Broken) -> ScriptError {
        let Broken { error, line, column } = broken;
        ScriptError { message: format!("{} (line {line} column {column})", error.message), ..error }
    }
}

/// Parses; keys keep their order. Nesting is bounded by `serde_json` (128).
pub(crate) fn strict(text: &str) -> Result<Value, Broken> {
    let fault = RefCell::new(None);
    let root = Path::Root("");
    let mut reader = serde_json::Deserializer::from_str(text);
    let parsed = Strict { path: &root, fault: &fault }.deserialize(&mut reader).and_then(|value| {
        reader.end()?;
        Ok(value)
    });
    parsed.map_err(|error| {
        let place = format!(" at line {} column {}", error.line(), error.column());
        let reason = match error.to_string().replace(&place, "") {
            // JavaScript writes half of a surrogate pair like this.
            reason if reason.contains("hex escape") => {
                reason + ": half of a character, a lone surrogate? Cut texts between code points"
            }
            reason => reason,
        };
        let told = fault.take().unwrap_or_else(|| root.error(format!("not JSON: {reason}")));
        Broken { error: told, line: error.line(), column: column(text, &error) }
    })
}

/// The column of an error in characters; the reader counts the bytes it has read of the line, which may be none.
fn column(text: &str, error: &serde_json::Error) -> usize {
    let line = text.split('\n').nth(error.line().saturating_sub(1)).unwrap_or_default();
    let read = &line.as_bytes()[..error.column().min(line.len())];
    String::from_utf8_lossy(read).chars().count().max(1)
}

/// One value at `path`; a duplicate key is told through `fault`, because serde's errors carry no path.
struct Strict<'a> {
    path: &'a Path<'a>,
    fault: &'a RefCell<Option<ScriptError>>,
}

impl<'de> DeserializeSeed<'de> for Strict<'_> {
    type Value = Value;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Value, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Strict<'_> {
    type Value = Value;

    fn expecting(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str("JSON")
    }

    fn visit_unit<E>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_bool<E>(self, value: bool) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_i64<E>(self, value: i64) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_u64<E>(self, value: u64) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_f64<E>(self, value: f64) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_str<E>(self, value: &str) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_string<E>(self, value: String) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Value, A::Error> {
        let mut list = Vec::new();
        while let Some(item) =
            items.next_element_seed(Strict { path: &Path::Index(self.path, list.len()), fault: self.fault })?
        {
            list.push(item);
        }
        Ok(Value::Array(list))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut entries: A) -> Result<Value, A::Error> {
        let mut map = Map::new();
        while let Some(key) = entries.next_key::<String>()? {
            let path = Path::Key(self.path, &key);
            if map.contains_key(&key) {
                *self.fault.borrow_mut() = Some(path.error("this key is written twice; the first would be lost"));
                return Err(A::Error::custom("duplicate key"));
            }
            let value = entries.next_value_seed(Strict { path: &path, fault: self.fault })?;
            map.insert(key, value);
        }
        Ok(Value::Object(map))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_written_twice_is_refused_with_its_path() {
        let error = strict(r#"{"responses": {"a": "1", "b.*": {"text": "x", "text": "y"}}}"#).unwrap_err().error;
        assert_eq!(error.path, r#"responses["b.*"].text"#);
    }

    #[test]
    fn a_syntax_error_says_where() {
        for (text, line, column) in [("", 1, 1), ("[\n", 2, 1), ("{\"é\": é}", 1, 7), ("[1,\n\n  x]", 3, 3)] {
            let broken = strict(text).unwrap_err();
            assert_eq!((broken.line, broken.column), (line, column), "{text:?}");
        }
        let broken = strict("{\n  \"reset\": yes\n}").unwrap_err();
        assert_eq!(broken.line, 2, "{broken:?}");
        assert!(ScriptError::from(broken).message.contains("line 2 column"));
        assert!(strict("{} {}").is_err());
        assert!(strict(r#"["a\ud83d"]"#).unwrap_err().error.message.contains("lone surrogate"));
        assert!(strict(&"[".repeat(100_000)).is_err());
    }
}
