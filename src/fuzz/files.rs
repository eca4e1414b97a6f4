//! Script files in all their forms, and those of others that are converted.

use crate::script::files::{FileError, SourceFile, convert_aimock};
use crate::script::{self, Origin};
use serde_json::Value;
use std::path::Path;

/// The text of a file: as JSON and as YAML it says the same; it loads, or all its faults are told with their places; what
/// is converted loads.
pub fn files(bytes: &[u8]) {
    let Ok(text) = str::from_utf8(bytes) else { return };
    let [json, yaml] = ["script.json", "script.yaml"].map(|name| {
        let source = match SourceFile::of(Path::new(name), text.to_string()) {
            Ok(source) => source,
            Err(error) => {
                placed(&error, text);
                return None;
            }
        };
        let (loaded, faults) = (source.load(), source.faults());
        assert_eq!(loaded.is_err(), !faults.is_empty(), "{loaded:?}, faults: {faults:?}");
        loaded.err().iter().chain(&faults).for_each(|error| placed(error, text));
        Some(source)
    });
    if let (Some(json), Some(yaml)) = (json, yaml) {
        assert!(same(json.value(), yaml.value()), "JSON is YAML: {} and {}", json.value(), yaml.value());
    }
    match convert_aimock(text) {
        Ok(script) => {
            let loaded = script::load_value(script.clone(), Origin::File);
            assert!(loaded.is_ok(), "{script}: {:?}", loaded.err());
        }
        Err(error) => assert!(!error.message.is_empty(), "{error:?}"),
    }
}

/// Whether two values are equal, and numbers as numbers: `-0` is a float in JSON and a whole number in YAML.
fn same(one: &Value, other: &Value) -> bool {
    match (one, other) {
        (Value::Number(one), Value::Number(other)) => one.as_f64() == other.as_f64(),
        (Value::Array(one), Value::Array(other)) => {
            one.len() == other.len() && one.iter().zip(other).all(|(one, other)| same(one, other))
        }
        (Value::Object(one), Value::Object(other)) => {
            one.len() == other.len()
                && one.iter().zip(other).all(|((key, one), (name, other))| key == name && same(one, other))
        }
        _ => one == other,
    }
}

/// An error says what is wrong, and where in the text.
fn placed(error: &FileError, text: &str) {
    let lines = text.split(['\n', '\r']).count();
    assert!(!error.message.is_empty() && (1..=lines + 1).contains(&error.line) && error.column > 0, "{error:?}");
}
