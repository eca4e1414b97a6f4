//! Azure's wire: what Azure OpenAI adds to OpenAI's answers and says instead of its errors, as recorded in March 2026.
//! Keys come in alphabetical order there.

use crate::sorting;
use crate::wire::error::{ApiError, Style};
use crate::wire::value::Holds;
use serde_json::{Map, Value, json};

/// The categories every text is rated by.
const RATED: [&str; 4] = ["hate", "self_harm", "sexual", "violence"];

/// What OpenAI says by the beginning of its message, and what Azure says instead: status, beginning, code, message.
const INSTEAD: &[(u16, &str, &str, &str)] = &[
    (401, "Incorrect API key provided", "401", DENIED),
    (401, "You didn't provide an API key", "401", DENIED),
    (404, "Invalid URL", "404", "Resource not found"),
    (404, "The model `", "DeploymentNotFound", NO_DEPLOYMENT),
    (400, "The requested model '", "DeploymentNotFound", NO_DEPLOYMENT),
    (400, "Your request was malformed", "content_filter", FILTERED),
];

const DENIED: &str = "Access denied due to invalid subscription key or wrong API endpoint. Make sure to provide a valid \
                      key for an active subscription and use a correct regional API endpoint for your resource.";
const NO_DEPLOYMENT: &str = "The API deployment for this resource does not exist. If you created the deployment within \
                             the last 5 minutes, please wait a moment and try again.";
const FILTERED: &str = "The response was filtered due to the prompt triggering Azure OpenAI's content management policy. \
                        Please modify your prompt and retry. To learn more about our content filtering policies please \
                        read our documentation: https://go.microsoft.com/fwlink/?linkid=2198766";

/// The code of prompts that the filter refuses.
const CONTENT_FILTER: &str = "content_filter";

/// A chat or text completion as Azure sends it.
pub(crate) fn completion(mut answer: Value) -> Value {
    for choice in answer["choices"].elements_mut() {
        let spoken = ["content", "refusal"].iter().any(|part| choice["message"][*part].is_string());
        let results = ratings(spoken || choice["text"].is_string(), choice["finish_reason"] == CONTENT_FILTER);
        choice["content_filter_results"] = results;
    }
    answer["prompt_filter_results"] = Value::Null;
    let mut answer = sorted(answer);
    answer["prompt_filter_results"] = prompt_results();
    without_tier(answer)
}

/// A chunk of a completion as Azure sends it.
pub(crate) fn chunk(mut chunk: Value) -> Value {
    for choice in chunk["choices"].elements_mut() {
        let said = |part: &str| choice["delta"][part].as_str().is_some_and(|text| !text.is_empty());
        let spoken = said("content") || said("refusal") || choice["text"].as_str().is_some_and(|text| !text.is_empty());
        choice["content_filter_results"] = ratings(spoken, choice["finish_reason"] == CONTENT_FILTER);
    }
    without_tier(sorted(chunk))
}

/// What a stream begins with: how the prompt was rated, before anything was said.
pub(crate) fn opening() -> Value {
    json!({"choices": [], "created": 0, "id": "", "model": "", "object": "", "prompt_filter_results": prompt_results()})
}

/// What Azure says where OpenAI says this. A message of a script's own stays.
pub(crate) fn error(mut error: ApiError, version: &str) -> ApiError {
    error.style = Style::Azure;
    if error.own {
        return error;
    }
    let filtered = error.code.as_deref() == Some(CONTENT_FILTER);
    if filtered {
        (error.kind, error.param) = (None, error.param.or_else(|| Some("prompt".into())));
    }
    let applies = |(status, beginning, code, _): &&(u16, &str, &str, &str)| {
        *status == error.status && error.message.starts_with(beginning) && (*code != CONTENT_FILTER || filtered)
    };
    if let Some((_, _, code, message)) = INSTEAD.iter().find(applies) {
        (error.code, error.message) = (Some((*code).into()), (*message).into());
        // What is no deployment is a 404, whatever the API would say.
        error.status = if *code == "DeploymentNotFound" { 404 } else { error.status };
    }
    if error.status == 429 && error.message.starts_with("Rate limit reached for") {
        let what = if error.kind.as_deref() == Some("tokens") { "token" } else { "call" };
        error.message = format!(
            "Requests to the ChatCompletions_Create Operation under Azure OpenAI API version {version} have exceeded \
             {what} rate limit of your current OpenAI S0 pricing tier. Please retry after 1 second. Please go here: \
             https://aka.ms/oai/quotaincrease if you would like to further increase the default rate limit."
        );
        error.code = Some("429".into());
    }
    error
}

/// What stands under `error`. Gateway and limiter say no more than a code and a message.
pub(super) fn inner(error: &ApiError) -> Value {
    let code = error.code.as_deref().unwrap_or_default();
    match code {
        "401" | "404" | "429" => json!({"code": code, "message": error.message}),
        "DeploymentNotFound" => json!({"type": "invalid_request_error", "code": code, "message": error.message}),
        CONTENT_FILTER => json!({
            "message": error.message, "type": error.kind, "param": error.param, "code": code, "status": error.status,
            "innererror": {"code": "ResponsibleAIPolicyViolation", "content_filter_result": prompt_ratings(true)},
        }),
        _ => json!({"message": error.message, "type": error.kind, "param": error.param, "code": error.code}),
    }
}

/// 404 of a path of Azure's that Azure does not have, as it is without `api-version`.
pub(crate) fn no_resource() -> ApiError {
    ApiError::new(404, "Resource not found").code("404").style(Style::Azure)
}

/// How a text was rated. What is no text (calls, roles, ends) is not rated.
fn ratings(spoken: bool, filtered: bool) -> Value {
    if !spoken && !filtered {
        return json!({});
    }
    let mut out = rated(filtered);
    for kind in ["protected_material_code", "protected_material_text"] {
        out.insert(kind.into(), json!({"detected": false, "filtered": false}));
    }
    sorted(Value::Object(out))
}

fn prompt_ratings(filtered: bool) -> Value {
    let mut out = rated(filtered);
    out.insert("jailbreak".into(), json!({"detected": false, "filtered": false}));
    sorted(Value::Object(out))
}

/// The rated categories; what is filtered is so for violence.
fn rated(filtered: bool) -> Map<String, Value> {
    let one = |category: &&str| {
        let bad = filtered && *category == "violence";
        let severity = if bad { "medium" } else { "safe" };
        (category.to_string(), json!({"filtered": bad, "severity": severity}))
    };
    RATED.iter().map(one).collect()
}

fn prompt_results() -> Value {
    json!([{"prompt_index": 0, "content_filter_results": prompt_ratings(false)}])
}

fn without_tier(mut answer: Value) -> Value {
    if let Some(fields) = answer.as_object_mut() {
        fields.shift_remove("service_tier");
    }
    answer
}

fn sorted(value: Value) -> Value {
    match value {
        Value::Object(fields) => {
            let mut fields: Vec<(String, Value)> =
                fields.into_iter().map(|(key, value)| (key, sorted(value))).collect();
            sorting::by(&mut fields, |one, other| one.0.cmp(&other.0));
            Value::Object(fields.into_iter().collect())
        }
        Value::Array(items) => items.into_iter().map(sorted).collect(),
        other => other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_are_in_order_and_what_is_said_is_rated() {
        let answer = json!({"id": "a", "service_tier": "default", "choices": [
            {"index": 0, "message": {"role": "assistant", "content": "x"}, "finish_reason": "stop"},
            {"index": 1, "message": {"role": "assistant", "content": null}, "finish_reason": "tool_calls"},
            {"index": 2, "message": {"role": "assistant", "content": ""}, "finish_reason": "content_filter"},
        ]});
        let azure = completion(answer);
        let keys: Vec<&String> = azure.as_object().expect("an object").keys().collect();
        assert_eq!(keys, ["choices", "id", "prompt_filter_results"]);
        let results = |at: usize| &azure["choices"][at]["content_filter_results"];
        assert_eq!(results(0)["hate"], json!({"filtered": false, "severity": "safe"}));
        assert_eq!(results(1), &json!({}));
        assert_eq!(results(2)["violence"], json!({"filtered": true, "severity": "medium"}));
        assert_eq!(azure["prompt_filter_results"][0]["content_filter_results"]["jailbreak"]["detected"], false);
    }

    #[test]
    fn a_scripts_own_words_stay() {
        let own = error(ApiError::invalid("Mine.").code("content_filter"), "v");
        assert_eq!(own.envelope()["error"]["message"], "Mine.");
        assert_eq!(own.envelope()["error"]["innererror"]["code"], "ResponsibleAIPolicyViolation");
        let other = error(ApiError::invalid("No.").code("invalid_value").param("n"), "v");
        assert_eq!(
            other.envelope()["error"],
            json!({"message": "No.", "type": "invalid_request_error", "param": "n", "code": "invalid_value"})
        );
    }
}
