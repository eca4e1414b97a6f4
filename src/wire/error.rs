//! OpenAI's error envelope. Every error body of the emulator is built here and nowhere else.
//!
//! The envelope is `{"error":{"message","type","param","code"}}`, keys in this order, all four always present, null
//! when empty (real-traffic §3). Which layer of OpenAI refused the request shows in white space and headers: see
//! [`Style`].

mod exceeded;

pub(crate) use exceeded::{
    bursts, no_more, no_room, no_room_on_disk, stalled, too_large, too_many_files, too_many_values,
};

use crate::wire::azure;
use crate::wire::dialect::Dialect;
use serde_json::{Value, json};
use std::time::Duration;

/// The layer of api.openai.com that refuses; it decides indentation, content type and headers (real-traffic §2.7).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Style {
    /// In front of the API: 401 on chat, 403, wrong kind of model, 429. 4-space indentation, final newline,
    /// `application/json; charset=utf-8`, `vary: Origin`, none of the `openai-*` headers.
    Edge,
    /// The model router: unknown model on chat and embeddings. 2-space, no final newline, `…; charset=utf-8`.
    Router,
    /// The model behind the API: a model of the wrong kind for the endpoint. Like the API, but indented as by the edge
    /// (recordings b997a31b54737499, 0f685e0613bd3239).
    Model,
    /// The API itself: every 400, 500. 2-space, no final newline, `application/json`, all `openai-*` headers.
    Api,
    /// Azure's gateway and API, in one line.
    Azure,
}

/// An answer that is an error.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct ApiError {
    /// HTTP status.
    pub status: u16,
    pub message: String,
    /// `error.type`, e.g. `invalid_request_error`.
    pub kind: Option<String>,
    /// Path of the refused parameter, e.g. `messages[0].role`.
    pub param: Option<String>,
    pub code: Option<String>,
    pub style: Style,
    /// A complaint of the emulator itself, which no application may swallow: see [`crate::session::exchange::Failure`].
    pub own: bool,
    /// Headers beside the usual ones, e.g. `retry-after`.
    pub headers: Vec<(String, String)>,
    /// What of it is as OpenAI says it, where a test left something out: see [`ApiError::said_at`].
    pub filled: Filled,
}

/// What of an error was left out, and filled with what OpenAI [usually](usual) says.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Filled {
    pub message: bool,
    pub kind: bool,
    pub code: bool,
    pub param: bool,
}

// What makes one is cold, so that it lies apart from what is done for every request.
impl ApiError {
    /// An error with type `invalid_request_error` in API style.
    #[cold]
    pub(crate) fn new(status: u16, message: impl Into<String>) -> Self {
        ApiError {
            status,
            message: message.into(),
            kind: Some("invalid_request_error".into()),
            param: None,
            code: None,
            style: Style::Api,
            own: false,
            headers: Vec::new(),
            filled: Filled::default(),
        }
    }

    /// A 400 `invalid_request_error`.
    #[cold]
    pub(crate) fn invalid(message: impl Into<String>) -> Self {
        ApiError::new(400, message)
    }

    #[cold]
    pub(crate) fn param(mut self, param: impl Into<String>) -> Self {
        self.param = Some(param.into());
        self
    }

    #[cold]
    pub(crate) fn code(mut self, code: impl Into<String>) -> Self {
        self.code = Some(code.into());
        self
    }

    #[cold]
    pub(crate) fn kind(mut self, kind: impl Into<String>) -> Self {
        self.kind = Some(kind.into());
        self
    }

    #[cold]
    pub(crate) fn style(mut self, style: Style) -> Self {
        self.style = style;
        self
    }

    #[cold]
    pub(crate) fn header(mut self, name: impl Into<String>, value: impl Into<String>) -> Self {
        self.headers.push((name.into(), value.into()));
        self
    }

    /// A complaint of the emulator itself (nothing matched, a reply the request forbids …): 500 `server_error`, and the
    /// SDKs are told not to retry, because a retry would meet the same script.
    pub(crate) fn emulator(code: &str, message: impl Into<String>) -> Self {
        ApiError { own: true, ..ApiError::new(500, message) }
            .kind("server_error")
            .code(code)
            .header("x-should-retry", "false")
    }

    /// Whoever was to answer in the emulator's place did not: 502 or 504 `server_error` in every profile, as a gateway says
    /// it. A complaint like the others: nothing that a test wrote went wrong like this.
    pub(crate) fn gateway(status: u16, code: &str, message: impl Into<String>) -> Self {
        ApiError { own: true, ..ApiError::new(status, message) }.kind("server_error").code(code)
    }

    /// The same as it is said on this occasion: a function may give an error before it is known what it answers, and
    /// OpenAI's texts name the model and the request.
    pub(crate) fn said_at(self, occasion: &Occasion) -> Self {
        let Filled { message, kind, code, param } = self.filled;
        if self.filled == Filled::default() {
            return self;
        }
        let given = |text: &Option<String>, filled: bool| text.clone().filter(|_| !filled);
        let (own_kind, own_code) = (given(&self.kind, kind), given(&self.code, code));
        let usual = usual(self.status, own_kind.as_deref(), own_code.as_deref(), occasion);
        ApiError {
            message: if message { usual.message } else { self.message },
            kind: if kind { usual.kind } else { self.kind },
            code: if code { usual.code } else { self.code },
            param: if param { usual.param } else { self.param },
            style: usual.style,
            ..self
        }
    }

    /// The error that another replica's answer, or a control route's, tells.
    pub(crate) fn told(status: u16, answer: &Value) -> Self {
        let text = |key: &str| answer["error"][key].as_str().map(str::to_string);
        let (message, code) = (text("message").unwrap_or_default(), text("code"));
        match (status, code) {
            (503, Some(code)) => again_later(&code, message, Duration::from_millis(500)),
            (_, code) => ApiError { param: text("param"), code, ..ApiError::new(status, message) },
        }
    }

    /// A bug of ours, met by a request.
    pub(crate) fn panicked() -> Self {
        ApiError::emulator("emulator_panicked", "The emulator failed on this request; please report it.")
    }

    /// 501 of an operation that is not served yet, with its real name, so that nobody takes the gap for a wrong path.
    pub(crate) fn not_served(name: &str, method: &str, path: &str) -> Self {
        let message = format!(
            "LLEmulator does not serve {name} ({method} {path}) yet. A rule of the script that names the operation can \
             stand in for it: give it `raw` or `error`."
        );
        ApiError { status: 501, ..ApiError::emulator("not_implemented", message) }.kind("not_implemented_error")
    }

    /// 501 of a socket that OpenAI opens at a place and the emulator does not.
    pub(crate) fn no_socket(place: &str) -> Self {
        let message = format!("LLEmulator opens no socket at {place} yet: the one it has is that of /v1/responses.");
        ApiError { status: 501, ..ApiError::emulator("not_implemented", message) }.kind("not_implemented_error")
    }

    /// `Missing required parameter: 'P'.`
    pub(crate) fn missing(param: &str) -> Self {
        ApiError::invalid(format!("Missing required parameter: '{param}'."))
            .param(param)
            .code("missing_required_parameter")
    }

    /// `Unknown parameter: 'P'.`
    pub(crate) fn unknown_parameter(param: &str) -> Self {
        ApiError::invalid(format!("Unknown parameter: '{param}'.")).param(param).code("unknown_parameter")
    }

    /// `Invalid type for 'P': expected a string, but got a boolean instead.`
    pub(crate) fn invalid_type(param: &str, expected: &str, got: &Value) -> Self {
        ApiError::invalid(format!(
            "Invalid type for '{param}': expected {expected}, but got {} instead.",
            type_name(got)
        ))
        .param(param)
        .code("invalid_type")
    }

    /// `Invalid value: 'V'. Supported values are: 'a', 'b', and 'c'.`
    pub(crate) fn invalid_value(param: &str, value: &str, supported: &[&str]) -> Self {
        ApiError::invalid(format!("Invalid value: '{value}'. Supported values are: {}.", quoted_list(supported)))
            .param(param)
            .code("invalid_value")
    }

    /// The JSON object inside `error`.
    pub(crate) fn inner(&self) -> Value {
        if self.style == Style::Azure {
            return azure::inner(self);
        }
        json!({"message": self.message, "type": self.kind, "param": self.param, "code": self.code})
    }

    /// The whole envelope.
    pub(crate) fn envelope(&self) -> Value {
        json!({"error": self.inner()})
    }
}

/// The request an error answers, as far as OpenAI's texts name it.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Occasion<'a> {
    pub model: &'a str,
    pub dialect: Dialect,
    /// Routed by the model: the edge refuses bad keys.
    pub routes_by_model: bool,
    pub request_id: &'a str,
}

/// What OpenAI says with this status, and type or code if one is given.
pub(crate) fn usual(status: u16, kind: Option<&str>, code: Option<&str>, occasion: &Occasion) -> ApiError {
    let Occasion { model, dialect, routes_by_model, request_id } = *occasion;
    let code = code.or(kind.filter(|kind| matches!(*kind, "insufficient_quota" | "model_error" | "tokens")));
    let billing = "You exceeded your current quota, please check your plan and billing details. For more information on \
                   this error, read the docs: https://platform.openai.com/docs/guides/error-codes/api-errors.";
    match (status, code) {
        (_, Some("context_length_exceeded")) if dialect == Dialect::Responses => ApiError::new(
            status,
            "Your input exceeds the context window of this model. Please adjust your input and try again.",
        )
        .param("input")
        .code("context_length_exceeded"),
        (_, Some("context_length_exceeded")) => ApiError::new(
            status,
            "This model's maximum context length is 128000 tokens. However, your messages resulted in 128001 tokens. \
             Please reduce the length of the messages.",
        )
        .param("messages")
        .code("context_length_exceeded"),
        (402, _) | (429, Some("insufficient_quota")) => {
            ApiError::new(status, billing).kind("insufficient_quota").code("insufficient_quota").style(Style::Edge)
        }
        (401, _) => unauthorized(wrong_key("sk-inval***************alid"), routes_by_model),
        (403, _) => ApiError::new(status, "Country, region, or territory not supported")
            .kind("request_forbidden")
            .code("unsupported_country_region_territory")
            .style(Style::Edge),
        (404, _) => unknown_model(model),
        (409, _) => ApiError::new(status, "Another process is currently updating this object. Please try again.")
            .code("lock_error"),
        (429, Some("tokens")) => rate_limited(model, "tokens per min (TPM)", 30_000, 29_200, 2_000, "2.4s"),
        (429, _) => rate_limited(model, "requests per min (RPM)", 3, 3, 1, "20s"),
        // Recording 4a4bb5ac7273fba3.
        (_, Some("model_error")) => ApiError::new(
            status,
            "The model produced invalid content. Consider modifying your prompt if you are seeing this error \
             persistently.",
        )
        .kind("model_error"),
        (503, _) => ApiError::new(status, "The engine is currently overloaded, please try again later")
            .kind("server_error")
            .code("service_unavailable"),
        // Recording 40288964490b9047.
        (500, _) if dialect == Dialect::Responses => ApiError::new(
            status,
            format!(
                "An error occurred while processing your request. You can retry your request, or contact us through our \
                 help center at help.openai.com if the error persists. Please include the request ID {request_id} in \
                 your message."
            ),
        )
        .kind("server_error")
        .code("server_error"),
        // Recording 4739e963e2f60fff, of the stored resources.
        (500, _) if dialect == Dialect::Other => ApiError::new(
            status,
            format!(
                "The server had an error processing your request. Sorry about that! You can retry your request, or \
                 contact us through our help center at help.openai.com if you keep seeing this error. (Please include \
                 the request ID {request_id} in your email.)"
            ),
        )
        .kind("server_error"),
        (500.., _) => ApiError::new(
            status,
            "The server had an error while processing your request. Sorry about that! You can retry your request, or \
             contact us through our help center at help.openai.com if the error persists.",
        )
        .kind("server_error")
        .code("server_error"),
        _ => ApiError::new(status, "Your request was malformed or missing some required parameters."),
    }
}

/// 429 of a limit that lets the request through later (real-traffic §3B); `limit` as OpenAI names it, e.g. `requests per
/// min (RPM)`.
pub(crate) fn rate_limited(model: &str, limit: &str, most: u64, used: u64, requested: u64, wait: &str) -> ApiError {
    ApiError::new(
        429,
        format!(
            "Rate limit reached for {model} in organization {ORGANIZATION_ID} on {limit}: Limit {most}, Used {used}, \
             Requested {requested}. Please try again in {wait}. Visit https://platform.openai.com/account/rate-limits \
             to learn more."
        ),
    )
    .kind(limit.split(' ').next().unwrap_or_default())
    .code("rate_limit_exceeded")
    .style(Style::Edge)
}

/// A refused key as the layer says it that refuses it: the edge in front of what is routed by a model, else the API,
/// which names its realm (real-traffic §2.7).
pub(crate) fn unauthorized(error: ApiError, routes_by_model: bool) -> ApiError {
    if routes_by_model {
        error.style(Style::Edge)
    } else {
        error.header("www-authenticate", "Bearer realm=\"OpenAI API\"")
    }
}

/// 404 of a model nobody knows, as chat, completions and embeddings say it (real-traffic §3).
pub(crate) fn unknown_model(model: &str) -> ApiError {
    ApiError::new(404, format!("The model `{model}` does not exist or you do not have access to it."))
        .code("model_not_found")
        .style(Style::Router)
}

/// 400 of a model nobody knows, as Responses and assistants say it (recordings of Responses; openai-assistants-quickstart 1).
pub(crate) fn unknown_requested_model(model: &str) -> ApiError {
    ApiError::invalid(format!("The requested model '{model}' does not exist.")).param("model").code("model_not_found")
}

/// 404 of a model that was shut down (real-traffic §3A).
pub(crate) fn deprecated_model(model: &str) -> ApiError {
    ApiError::new(
        404,
        format!(
            "The model `{model}` has been deprecated, learn more here: https://platform.openai.com/docs/deprecations"
        ),
    )
    .code("model_not_found")
    .style(Style::Router)
}

/// The organization id in rate-limit messages.
pub(crate) const ORGANIZATION_ID: &str = "org-llemulator0000000000000";

/// 401 of a wrong key; `masked` as OpenAI shows it.
pub(crate) fn wrong_key(masked: &str) -> ApiError {
    ApiError::new(
        401,
        format!(
            "Incorrect API key provided: {masked}. You can find your API key at \
             https://platform.openai.com/account/api-keys."
        ),
    )
    .code("invalid_api_key")
}

/// 401 of a request without a key (real-traffic §3B).
pub(crate) fn missing_key() -> ApiError {
    ApiError::new(
        401,
        "You didn't provide an API key. You need to provide your API key in an Authorization header using Bearer auth \
         (i.e. Authorization: Bearer YOUR_KEY), or as the password field (with blank username) if you're accessing the \
         API from your browser and are prompted for a username and password. You can obtain an API key from \
         https://platform.openai.com/account/api-keys.",
    )
}

/// 404 of a path that does not exist.
pub(crate) fn unknown_url(method: &str, path: &str) -> ApiError {
    ApiError::new(404, format!("Invalid URL ({method} {path})"))
}

/// 405 of a method the path does not have.
pub(crate) fn wrong_method(method: &str, path: &str, allow: &str) -> ApiError {
    ApiError::new(
        405,
        format!("Not allowed to {method} on {path}. (HINT: Perhaps you meant to use a different HTTP method?)"),
    )
    .header("allow", allow)
}

/// 400 of a body that is no JSON.
pub(crate) fn not_json() -> ApiError {
    ApiError::invalid(
        "We could not parse the JSON body of your request. (HINT: This likely means you aren't using your HTTP library \
         correctly. The OpenAI API expects a JSON payload, but what was sent was not valid JSON. If you have trouble \
         figuring out how to fix this, please contact us through our help center at help.openai.com.)",
    )
}

/// 503 of what needs the store that replicas share while it cannot be used.
pub(crate) fn store_unavailable(reason: &str, wait: Duration) -> ApiError {
    let message = format!("The store that keeps sessions (option store) cannot be used: {reason}. Try again.");
    again_later("store_unavailable", message, wait)
}

/// 503 of what was under way in a session that another replica owns by now.
pub(crate) fn session_moved() -> ApiError {
    let message = "The session went to another replica while this request was answered. Try again.";
    again_later("session_moved", message.into(), Duration::from_millis(100))
}

fn again_later(code: &str, message: String, wait: Duration) -> ApiError {
    ApiError::new(503, message)
        .kind("server_error")
        .code(code)
        .header("retry-after-ms", wait.as_millis().to_string())
        .header("retry-after", wait.as_secs().max(1).to_string())
}

/// How OpenAI names a JSON value in `invalid_type` messages.
pub(crate) fn type_name(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "a boolean",
        Value::Number(number) if number.is_f64() => "a decimal number",
        Value::Number(_) => "an integer",
        Value::String(_) => "a string",
        Value::Array(_) => "an array",
        Value::Object(_) => "an object",
    }
}

/// `'a', 'b', and 'c'` as OpenAI lists supported values; two are joined by `and` alone.
pub(crate) fn quoted_list(items: &[&str]) -> String {
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
    fn a_type_alone_says_what_is_meant() {
        let said = |status, kind| {
            let occasion =
                Occasion { model: "gpt-4o", dialect: Dialect::Chat, routes_by_model: true, request_id: "req_1" };
            usual(status, kind, None, &occasion)
        };
        let tokens = said(429, Some("tokens"));
        assert!(tokens.message.contains("on tokens per min (TPM): Limit 30000, Used 29200, Requested 2000. Please"));
        let kinds = |error: &ApiError| (error.kind.clone(), error.code.clone());
        assert_eq!(kinds(&tokens), (Some("tokens".into()), Some("rate_limit_exceeded".into())));
        for kind in [None, Some("requests")] {
            let requests = said(429, kind);
            assert!(requests.message.contains("on requests per min (RPM): Limit 3, Used 3, Requested 1."));
            assert_eq!(requests.kind.as_deref(), Some("requests"));
        }
        let quota = said(429, Some("insufficient_quota"));
        assert_eq!(kinds(&quota), (Some("insufficient_quota".into()), Some("insufficient_quota".into())));
        let model = said(500, Some("model_error"));
        assert!(model.message.starts_with("The model produced invalid content."));
        assert_eq!(kinds(&model), (Some("model_error".into()), None));
    }

    #[test]
    fn lists_read_as_recorded() {
        assert_eq!(quoted_list(&["low", "medium", "high"]), "'low', 'medium', and 'high'");
    }
}
