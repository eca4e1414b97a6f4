//! Rules of chat completions. Sources: real-traffic.md §3A and 3B; envelopes observed in August 2026.

use crate::api::chat::request::pace;
use crate::api::validate::rules::abilities;
use crate::api::validate::rules::{Faults, Phase, completions, given, messages, pictures, says_json, tools};
use crate::turn::models::Model;
use crate::wire::dialect::Dialect;
use crate::wire::error::ApiError;
use crate::wire::field::field;
use crate::wire::field::find;
use serde_json::Value;

/// All rules of a chat body.
pub(super) fn check(body: &Value, model: &Model, faults: &mut Faults) {
    abilities::check(Dialect::Chat, body, model, faults);
    messages::check(body, faults);
    pictures::chat(body, faults);
    tools::chat(body, faults);
    limits(body, model, faults);
    format(body, faults);
    completions::bias(body, faults);
    logprobs(body, faults);
    // The simulator's pace holds without a stream too; where its fields are unknown, that is said before this.
    let stray = given(body, "stream_options").filter(|options| matches!(pace(options), Ok(None)));
    if stray.is_some() && find(body, "stream") != Some(&Value::Bool(true)) {
        faults.at("stream_options", || {
            let message = "The 'stream_options' parameter is only allowed when 'stream' is enabled.";
            Some(ApiError::invalid(message).param("stream_options"))
        });
    }
}

fn limits(body: &Value, model: &Model, faults: &mut Faults) {
    if given(body, "max_tokens").is_some() {
        faults.at("max_tokens", || {
            given(body, "max_completion_tokens")?;
            let message = "Setting 'max_tokens' and 'max_completion_tokens' at the same time is not supported.";
            Some(ApiError::invalid(message).param("max_tokens").code("invalid_parameter_combination"))
        });
    }
    let limit = model.max_output_tokens;
    for param in ["max_completion_tokens", "max_tokens"] {
        if let Some(asked) = find(body, param).and_then(Value::as_u64).filter(|asked| *asked > limit) {
            faults.at(param, || {
                let message = format!(
                    "max_tokens is too large: {asked}. This model supports at most {limit} completion tokens, whereas \
                     you provided {asked}."
                );
                Some(ApiError::invalid(message).param(param).code("invalid_value"))
            });
        }
    }
}

fn format(body: &Value, faults: &mut Faults) {
    let Some(format) = given(body, "response_format") else { return };
    let schema = &format["json_schema"];
    if let (Some(document), Some(name)) = (given(schema, "schema"), schema["name"].as_str()) {
        faults.schema("response_format", document, schema["strict"] == true, |what| {
            let message = format!("Invalid schema for response_format '{name}': {what}");
            ApiError::invalid(message).param("response_format")
        });
    }
    if format["type"] == "json_object" && !says_json(field(body, "messages")) {
        faults.after(Phase::Messages, || {
            let message = "'messages' must contain the word 'json' in some form, to use 'response_format' of type \
                           'json_object'.";
            Some(ApiError::invalid(message).param("messages"))
        });
    }
}

/// Alternatives are shown with log probabilities, not alone.
fn logprobs(body: &Value, faults: &mut Faults) {
    let alone =
        find(body, "top_logprobs").is_some_and(Value::is_i64) && find(body, "logprobs") != Some(&Value::Bool(true));
    if alone {
        faults.at("top_logprobs", || {
            let message = "The 'top_logprobs' parameter is only allowed when 'logprobs' is enabled.";
            Some(ApiError::invalid(message).param("top_logprobs"))
        });
    }
}
