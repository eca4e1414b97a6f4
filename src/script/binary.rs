//! Base64 in scripts.

use crate::script::place::Path;
use crate::script::place::ScriptError;
use base64::Engine;
use serde_json::Value;

/// A string that must be base64.
pub(super) fn base64_text(value: &Value, path: &Path) -> Result<String, ScriptError> {
    let text = value.as_str().unwrap_or_default();
    bytes(text, path).map(|_| text.to_string())
}

/// The bytes of a base64 text.
pub(super) fn bytes(text: &str, path: &Path) -> Result<Vec<u8>, ScriptError> {
    base64::engine::general_purpose::STANDARD
        .decode(text)
        .map_err(|error| path.error(format!("expected base64 (standard alphabet, padded): {error}")))
}
