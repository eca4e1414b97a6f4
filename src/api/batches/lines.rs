//! The lines of a batch's input file, checked all of them before the first is asked, in OpenAI's words.

use bytes::Bytes;
use serde::Serialize;
use serde_json::Value;
use std::collections::HashSet;

/// Requests that one batch may have.
const MOST: usize = 50_000;
/// Faults that are told.
const TOLD: usize = 1_000;

/// What is wrong with a line, or with the whole file.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub(super) struct LineFault {
    pub code: &'static str,
    pub message: String,
    pub param: Option<String>,
    /// From 1.
    pub line: Option<usize>,
}

/// The lines of an input file that hold anything, with their numbers from 1.
pub(super) fn lines(file: &Bytes) -> impl Iterator<Item = (usize, &[u8])> {
    let numbered = file.split(|byte| *byte == b'\n').enumerate();
    numbered.map(|(at, line)| (at + 1, line.trim_ascii())).filter(|(_, line)| !line.is_empty())
}

/// The path that an endpoint or a line names: Azure's may begin without `/v1`.
pub(super) fn path(named: &str) -> String {
    if named.starts_with("/v1/") { named.to_string() } else { format!("/v1{named}") }
}

/// What is asked in the right lines of a file: how many there are, and the model of all of them.
///
/// # Errors
/// What is wrong with which line.
pub(super) fn check(
    file: &Bytes,
    endpoint: &str,
    azure: bool,
    knows: impl Fn(&str) -> bool,
) -> Result<(usize, Option<String>), Vec<LineFault>> {
    let mut checker = LineChecker { endpoint, azure, knows, ids: HashSet::new(), model: None };
    let (mut count, mut faults) = (0, Vec::new());
    for (number, line) in lines(file) {
        count += 1;
        if count > MOST {
            faults.push(LineFault {
                code: "too_many_tasks",
                message: format!("The batch input file contains more than the maximum number of requests: {MOST}."),
                param: None,
                line: None,
            });
            break;
        }
        if let Err(fault) = checker.check(line) {
            faults.push(LineFault { line: Some(number), ..fault });
            if faults.len() == TOLD {
                break;
            }
        }
    }
    if count == 0 {
        faults.push(LineFault {
            code: "empty_file",
            message: "The batch input file is empty. Please ensure that the batch contains at least one request."
                .into(),
            param: None,
            line: None,
        });
    }
    if faults.is_empty() { Ok((count, checker.model)) } else { Err(faults) }
}

/// What lines are checked against: the batch, and the lines before.
struct LineChecker<'a, F> {
    endpoint: &'a str,
    azure: bool,
    knows: F,
    ids: HashSet<String>,
    model: Option<String>,
}

impl<F: Fn(&str) -> bool> LineChecker<'_, F> {
    fn check(&mut self, line: &[u8]) -> Result<(), LineFault> {
        let fault = |code, message: String, param: &str| {
            Err(LineFault { code, message, param: Some(param.to_string()), line: None })
        };
        let Some(line) = serde_json::from_slice::<Value>(line).ok().filter(Value::is_object) else {
            let message = "This line is not parseable as valid JSON.".into();
            return Err(LineFault { code: "invalid_json_line", message, param: None, line: None });
        };
        let said = |name: &str| line.get(name).filter(|value| !value.is_null());
        for name in ["custom_id", "method", "url", "body"] {
            let fits = |value: &Value| if name == "body" { value.is_object() } else { value.is_string() };
            match said(name) {
                None => {
                    let message = format!("Missing required parameter: '{name}'.");
                    return fault("missing_required_parameter", message, name);
                }
                Some(value) if !fits(value) => {
                    let error = crate::wire::error::ApiError::invalid_type(
                        name,
                        if name == "body" { "an object" } else { "a string" },
                        value,
                    );
                    return fault("invalid_type", error.message, name);
                }
                Some(_) => {}
            }
        }
        let text = |name: &str| line[name].as_str().unwrap_or_default();
        if text("method") != "POST" {
            let message = format!("Invalid value: '{}'. Supported values are: 'POST'.", text("method"));
            return fault("invalid_value", message, "method");
        }
        let url = path(text("url"));
        // Azure's guide has batches for chat whose lines ask for responses (quoted in mozilla-ai/any-llm 1348).
        let fits = match self.azure {
            true => url == path(self.endpoint) || url == "/v1/responses",
            false => text("url") == self.endpoint,
        };
        if !fits {
            let message = "The URL provided for this request does not match the batch endpoint.".into();
            return fault("invalid_url", message, "url");
        }
        let id = text("custom_id");
        if !self.ids.insert(id.to_string()) {
            let message = format!(
                "The custom_id '{id}' for this request is a duplicate of another request. The custom_id parameter must be \
                 unique for each request in a batch."
            );
            return fault("duplicate_custom_id", message, "custom_id");
        }
        self.body(&url, &line["body"]).or_else(|(code, message, param)| fault(code, message, param))
    }

    fn body(&mut self, url: &str, body: &Value) -> Result<(), (&'static str, String, &'static str)> {
        if body["stream"] == true {
            let message = format!("{}: Streaming is not supported in the Batch API.", api(url));
            return Err(("streaming_unsupported", message, "body.stream"));
        }
        let model = body["model"].as_str().unwrap_or_default();
        // Responses may have theirs from a prompt, moderations and pictures a usual one.
        let needs_model = ["/v1/chat/completions", "/v1/completions", "/v1/embeddings"].contains(&url);
        if model.is_empty() && needs_model {
            return Err(("invalid_request", "Model parameter is required.".into(), "body.model"));
        }
        if !model.is_empty() {
            if !(self.knows)(model) {
                let message = format!("The provided model '{model}' is not supported by the Batch API.");
                return Err(("model_not_found", message, "body.model"));
            }
            let first = self.model.get_or_insert_with(|| model.to_string());
            if first != model {
                let message = format!(
                    "The model `{model}` for this request does not match the rest of the batch. Each batch must contain \
                     requests for a single model."
                );
                return Err(("mismatched_model", message, "body.model"));
            }
        }
        if url == "/v1/chat/completions" && body["messages"].is_null() {
            return Err(("invalid_request", "Messages parameter is required.".into(), "body.messages"));
        }
        Ok(())
    }
}

/// What an endpoint is called: `Chat Completions`.
fn api(endpoint: &str) -> String {
    let words = endpoint.trim_start_matches("/v1/").split('/').map(|word| {
        let (first, rest) = word.split_at_checked(1).unwrap_or(("", word));
        first.to_ascii_uppercase() + rest
    });
    words.collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn faults(lines: &[&str]) -> Vec<(Option<usize>, &'static str, String)> {
        let file = Bytes::from(lines.join("\n"));
        let faults =
            check(&file, "/v1/chat/completions", false, |name| name.starts_with("gpt")).expect_err("they are wrong");
        faults.into_iter().map(|fault| (fault.line, fault.code, fault.param.unwrap_or_default())).collect()
    }

    fn line(change: Value) -> String {
        let mut line = json!({"custom_id": "a", "method": "POST", "url": "/v1/chat/completions",
            "body": {"model": "gpt-4o", "messages": []}});
        for (name, value) in change.as_object().expect("fields") {
            match value.is_null() {
                true => drop(line.as_object_mut().expect("an object").remove(name)),
                false => line[name] = value.clone(),
            }
        }
        line.to_string()
    }

    #[test]
    fn every_line_is_checked_in_openais_words() {
        let messages = json!([]);
        for (change, code, param) in [
            (json!({"custom_id": null}), "missing_required_parameter", "custom_id"),
            (json!({"method": null}), "missing_required_parameter", "method"),
            (json!({"url": null}), "missing_required_parameter", "url"),
            (json!({"body": null}), "missing_required_parameter", "body"),
            (json!({"custom_id": 7}), "invalid_type", "custom_id"),
            (json!({"body": "x"}), "invalid_type", "body"),
            (json!({"method": "GET"}), "invalid_value", "method"),
            (json!({"url": "/v1/embeddings"}), "invalid_url", "url"),
            (json!({"custom_id": "first"}), "duplicate_custom_id", "custom_id"),
            (
                json!({"body": {"model": "gpt-4o", "messages": messages, "stream": true}}),
                "streaming_unsupported",
                "body.stream",
            ),
            (json!({"body": {"messages": messages}}), "invalid_request", "body.model"),
            (json!({"body": {"model": "other", "messages": messages}}), "model_not_found", "body.model"),
            (json!({"body": {"model": "gpt-4.1", "messages": messages}}), "mismatched_model", "body.model"),
            (json!({"body": {"model": "gpt-4o"}}), "invalid_request", "body.messages"),
        ] {
            let found = faults(&[&line(json!({"custom_id": "first"})), "", &line(change.clone())]);
            assert_eq!(found, [(Some(3), code, param.to_string())], "{change}");
        }
        let two = faults(&["{broken", "[1]", &line(json!({}))]);
        assert_eq!(two, [1, 2].map(|at| (Some(at), "invalid_json_line", String::new())));
        assert_eq!(faults(&["", "  "]), [(None, "empty_file", String::new())]);
    }

    #[test]
    fn right_lines_give_their_number_and_model() {
        let file = Bytes::from(format!("{}\r\n\n{}\n", line(json!({})), line(json!({"custom_id": "b"}))));
        let right = check(&file, "/v1/chat/completions", false, |_| true);
        assert_eq!(right, Ok((2, Some("gpt-4o".into()))));
        assert_eq!(lines(&file).map(|(number, _)| number).collect::<Vec<_>>(), [1, 3]);
    }

    #[test]
    fn a_file_has_a_bound() {
        let many: Vec<String> = (0..=MOST).map(|id| line(json!({"custom_id": id.to_string()}))).collect();
        let many: Vec<&str> = many.iter().map(String::as_str).collect();
        assert_eq!(faults(&many), [(None, "too_many_tasks", String::new())]);
    }
}
