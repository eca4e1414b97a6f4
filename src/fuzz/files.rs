//! Script files in all their forms, and those of others that are converted.

use crate::script::files::{FileError, Source, convert_aimock};
use crate::script::{self, Origin};
use std::path::Path;

/// The text of a file: as JSON and as YAML it says the same; it loads, or all its faults are told with their places; what
/// is converted loads.
pub fn files(bytes: &[u8]) {
    let Ok(text) = str::from_utf8(bytes) else { return };
    let [json, yaml] = ["script.json", "script.yaml"].map(|name| {
        let source = match Source::of(Path::new(name), text.to_string()) {
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
        assert_eq!(json.value(), yaml.value(), "JSON is YAML");
    }
    match convert_aimock(text) {
        Ok(script) => {
            let loaded = script::load_value(&script, Origin::File);
            assert!(loaded.is_ok(), "{script}: {:?}", loaded.err());
        }
        Err(error) => assert!(!error.message.is_empty(), "{error:?}"),
    }
}

/// An error says what is wrong, and where in the text.
fn placed(error: &FileError, text: &str) {
    let lines = text.split(['\n', '\r']).count();
    assert!(!error.message.is_empty() && (1..=lines + 1).contains(&error.line) && error.column > 0, "{error:?}");
}
