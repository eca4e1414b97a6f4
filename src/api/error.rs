//! OpenAI's error envelope. Every error body of the emulator is built here and nowhere else.
//!
//! The envelope is `{"error":{"message","type","param","code"}}`, keys in this order, all four always present, null
//! when empty (real-traffic §3). Which layer of OpenAI refused the request shows in white space and headers: see
//! [`Style`].

use serde_json::{Value, json};

/// The layer of api.openai.com that refuses; it decides indentation, content type and headers (real-traffic §2.7).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Style {
    /// In front of the API: 401 on chat, 403, wrong kind of model, 429. 4-space indentation, final newline,
    /// `application/json; charset=utf-8`, `vary: Origin`, none of the `openai-*` headers.
    Edge,
    /// The model router: unknown model on chat and embeddings. 2-space, no final newline, `…; charset=utf-8`.
    Router,
    /// The API itself: every 400, 500. 2-space, no final newline, `application/json`, all `openai-*` headers.
    Api,
}

/// An answer that is an error.
#[derive(Debug, Clone, PartialEq)]
pub struct ApiError {
    /// HTTP status.
    pub status: u16,
    pub message: String,
    /// `error.type`, e.g. `invalid_request_error`.
    pub kind: Option<String>,
    /// Path of the refused parameter, e.g. `messages[0].role`.
    pub param: Option<String>,
    pub code: Option<String>,
    pub style: Style,
    /// Headers beside the usual ones, e.g. `retry-after`.
    pub headers: Vec<(String, String)>,
}

impl ApiError {
    /// An error with type `invalid_request_error` in API style.
    pub fn new(status: u16, message: impl Into<String>) -> Self {
        ApiError {
            status,
            message: message.into(),
            kind: Some("invalid_request_error".into()),
            param: None,
            code: None,
            style: Style::Api,
            headers: Vec::new(),
        }
    }

    /// A 400 `invalid_request_error`.
    pub fn invalid(message: impl Into<String>) -> Self {
        ApiError::new(400, message)
    }

    pub fn param(mut self, param: impl Into<String>) -> Self {
        self.param = Some(param.into());
        self
    }

    pub fn code(mut self, code: impl Into<String>) -> Self {
        self.code = Some(code.into());
        self
    }

    pub fn kind(mut self, kind: impl Into<String>) -> Self {
        self.kind = Some(kind.into());
        self
    }

    pub fn style(mut self, style: Style) -> Self {
        self.style = style;
        self
    }

    pub fn header(mut self, name: impl Into<String>, value: impl Into<String>) -> Self {
        self.headers.push((name.into(), value.into()));
        self
    }

    /// An error of the emulator itself (nothing matched, a reply the request forbids …): 500 `server_error`, and the
    /// SDKs are told not to retry, because a retry would meet the same script.
    pub fn emulator(code: &str, message: impl Into<String>) -> Self {
        ApiError::new(500, message).kind("server_error").code(code).header("x-should-retry", "false")
    }

    /// `Missing required parameter: 'P'.`
    pub fn missing(param: &str) -> Self {
        ApiError::invalid(format!("Missing required parameter: '{param}'."))
            .param(param)
            .code("missing_required_parameter")
    }

    /// `Unknown parameter: 'P'.`
    pub fn unknown_parameter(param: &str) -> Self {
        ApiError::invalid(format!("Unknown parameter: '{param}'.")).param(param).code("unknown_parameter")
    }

    /// `Invalid type for 'P': expected a string, but got a boolean instead.`
    pub fn invalid_type(param: &str, expected: &str, got: &Value) -> Self {
        ApiError::invalid(format!(
            "Invalid type for '{param}': expected {expected}, but got {} instead.",
            type_name(got)
        ))
        .param(param)
        .code("invalid_type")
    }

    /// `Invalid value: 'V'. Supported values are: 'a', 'b', and 'c'.`
    pub fn invalid_value(param: &str, value: &str, supported: &[&str]) -> Self {
        ApiError::invalid(format!("Invalid value: '{value}'. Supported values are: {}.", quoted_list(supported)))
            .param(param)
            .code("invalid_value")
    }

    /// The JSON object inside `error`.
    pub fn inner(&self) -> Value {
        json!({"message": self.message, "type": self.kind, "param": self.param, "code": self.code})
    }

    /// The whole envelope.
    pub fn envelope(&self) -> Value {
        json!({"error": self.inner()})
    }
}

/// How OpenAI names a JSON value in `invalid_type` messages.
pub fn type_name(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "a boolean",
        Value::Number(number) if number.is_f64() => "a decimal",
        Value::Number(_) => "an integer",
        Value::String(_) => "a string",
        Value::Array(_) => "an array",
        Value::Object(_) => "an object",
    }
}

/// `'a', 'b', and 'c'` as OpenAI lists supported values; two are joined by `and` alone.
pub fn quoted_list(items: &[&str]) -> String {
    match items {
        [] => String::new(),
        [one] => format!("'{one}'"),
        [one, two] => format!("'{one}' and '{two}'"),
        [init @ .., last] => {
            let init: Vec<String> = init.iter().map(|item| format!("'{item}'")).collect();
            format!("{}, and '{last}'", init.join(", "))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_envelope_has_all_four_keys_in_order() {
        let text = ApiError::invalid("no").envelope().to_string();
        assert_eq!(text, r#"{"error":{"message":"no","type":"invalid_request_error","param":null,"code":null}}"#);
    }

    #[test]
    fn lists_read_as_recorded() {
        assert_eq!(quoted_list(&["low", "medium", "high"]), "'low', 'medium', and 'high'");
    }
}
