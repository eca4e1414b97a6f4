//! Rules of chat completions. Sources: real-traffic.md §3A and 3B; envelopes observed in August 2026.

use super::{Faults, Phase, ability, completions, given, messages, says_json, strict, tools};
use crate::api::chat::request::pace;
use crate::api::error::{ApiError, quoted_list};
use crate::api::field::{field, find};
use crate::api::models::Model;
use serde_json::Value;

/// All rules of a chat body.
pub fn check(body: &Value, model: &Model, faults: &mut Faults) {
    messages::check(body, model, faults);
    tools::chat(body, model, faults);
    limits(body, model, faults);
    format(body, faults);
    completions::bias(body, faults);
    sampling(body, model, faults);
    reasoning(body, model, faults);
    // The simulator's pace holds without a stream too; where its fields are unknown, that is said before this.
    let stray = given(body, "stream_options").filter(|options| pace(options).is_none());
    if stray.is_some() && find(body, "stream") != Some(&Value::Bool(true)) {
        faults.at("stream_options", || {
            let message = "The 'stream_options' parameter is only allowed when 'stream' is enabled.";
            Some(ApiError::invalid(message).param("stream_options"))
        });
    }
}

/// `Unsupported parameter: 'P' is not supported with this model.`
pub fn unsupported(param: &str) -> ApiError {
    let message = format!("Unsupported parameter: '{param}' is not supported with this model.");
    ApiError::invalid(message).param(param).code("unsupported_parameter")
}

fn limits(body: &Value, model: &Model, faults: &mut Faults) {
    if let Some(n) = find(body, "n").and_then(Value::as_i64).filter(|n| *n > ability::choices(model)) {
        faults.at("n", || {
            let message = format!(
                "Invalid 'n': integer above maximum value. Expected a value <= {}, but got {n} instead.",
                ability::choices(model)
            );
            Some(ApiError::invalid(message).param("n").code("integer_above_max_value"))
        });
    }
    if given(body, "max_tokens").is_some() {
        faults.at("max_tokens", || {
            if model.reasoning {
                let mut error = unsupported("max_tokens");
                error.message.push_str(" Use 'max_completion_tokens' instead.");
                return Some(error);
            }
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
        let strictly = schema["strict"] == true;
        faults.at("response_format", || {
            let what = strict::fault(document, strictly)?;
            let message = format!("Invalid schema for response_format '{name}': {what}");
            Some(ApiError::invalid(message).param("response_format"))
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

/// Sampling parameters a thinking model refuses, some whatever their value, some unless it is the default.
fn sampling(body: &Value, model: &Model, faults: &mut Faults) {
    if model.reasoning {
        for param in ["logit_bias", "stop", "prediction"] {
            let empty = |value: &&Value| value.as_object().is_some_and(serde_json::Map::is_empty);
            if given(body, param).filter(|value| !empty(value)).is_some() {
                faults.at(param, || Some(unsupported(param)));
            }
        }
    }
    if ability::thinks(model, find(body, "reasoning_effort").and_then(Value::as_str)) {
        let differs = |param: &str, default: f64| {
            given(body, param).filter(|value| value.as_f64().is_some_and(|value| value != default))
        };
        if let Some(value) = differs("temperature", 1.0) {
            faults.after(Phase::Capability, || {
                let message = format!(
                    "Unsupported value: 'temperature' does not support {value} with this model. Only the default (1) \
                     value is supported."
                );
                Some(ApiError::invalid(message).param("temperature").code("unsupported_value"))
            });
        }
        for (param, default) in [("top_p", 1.0), ("presence_penalty", 0.0), ("frequency_penalty", 0.0)] {
            if differs(param, default).is_some() {
                faults.after(Phase::Capability, || Some(unsupported(param)));
            }
        }
        if find(body, "logprobs") == Some(&Value::Bool(true)) {
            faults.after(Phase::Capability, || Some(unsupported("logprobs")));
        }
    }
    if let Some(asked) = find(body, "top_logprobs").and_then(Value::as_i64) {
        faults.at("top_logprobs", || {
            let most = ability::top_logprobs(model);
            let message = if asked > most {
                format!("Invalid value for 'top_logprobs': must be less than or equal to {most}.")
            } else if find(body, "logprobs") != Some(&Value::Bool(true)) {
                "The 'top_logprobs' parameter is only allowed when 'logprobs' is enabled.".to_string()
            } else {
                return None;
            };
            Some(ApiError::invalid(message).param("top_logprobs"))
        });
    }
}

fn reasoning(body: &Value, model: &Model, faults: &mut Faults) {
    if let Some(effort) = find(body, "reasoning_effort").and_then(Value::as_str)
        && let Some(efforts) = ability::efforts(model)
    {
        faults.at("reasoning_effort", || {
            if efforts.is_empty() {
                return Some(ApiError::invalid("Unrecognized request argument supplied: reasoning_effort"));
            }
            // Chat does not offer `max`, Responses does.
            let offered: Vec<&str> = efforts.iter().copied().filter(|one| *one != "max").collect();
            unsupported_value("reasoning_effort", effort, &offered)
        });
    }
    if let Some(verbosity) = find(body, "verbosity").and_then(Value::as_str)
        && let Some(offered) = ability::verbosities(model)
    {
        faults.at("verbosity", || unsupported_value("verbosity", verbosity, &offered));
    }
}

fn unsupported_value(param: &str, value: &str, offered: &[&str]) -> Option<ApiError> {
    if offered.contains(&value) {
        return None;
    }
    let message = format!(
        "Unsupported value: '{param}' does not support '{value}' with this model. Supported values are: {}.",
        quoted_list(offered)
    );
    Some(ApiError::invalid(message).param(param).code("unsupported_value"))
}
