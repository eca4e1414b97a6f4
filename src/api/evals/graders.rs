//! Graders: what a sample is worth. Texts are compared here; models are asked as any other request; Python is not run.

use super::similarity::similarity;
use super::template::Filling;
use crate::budget::{Budget, Spent};
use crate::turn::answer::Answer;
use crate::turn::call::{Call, HandlerFuture};
use crate::turn::within::{InnerAnswer, InnerClient, InnerRequest};
use crate::wire::error::ApiError;
use crate::wire::value::Holds;
use serde_json::{Value, json};

/// Asks the API itself.
pub(super) async fn ask(client: &InnerClient, path: &str, body: Value) -> InnerAnswer {
    client.ask(InnerRequest { path: path.into(), body, azure: false }).await
}

/// What a sample is worth to one grader.
#[derive(Debug)]
pub(super) struct Grade {
    pub score: f64,
    pub passed: bool,
    /// What a model said of it.
    pub sample: Value,
}

/// Why a grader gives no grade.
#[derive(Debug)]
pub(super) enum Ungraded {
    /// The emulator runs no Python, and no formulas.
    NotRun(ApiError),
    /// It takes more work than one answer may.
    Spent(ApiError),
    /// The model said nothing that is a grade, or an error.
    Unread(String),
}

impl From<Spent> for Ungraded {
    fn from(spent: Spent) -> Self {
        Ungraded::Spent(spent.to_api_error())
    }
}

/// Grades a sample.
///
/// # Errors
/// It cannot be graded.
pub(super) async fn grade(
    client: &InnerClient,
    grader: &Value,
    filling: Filling<'_>,
    budget: &Budget,
) -> Result<Grade, Ungraded> {
    let text = |name: &str| filling.text(grader[name].as_str().unwrap_or_default(), budget);
    let graded = |score: f64, passed: bool| Ok(Grade { score, passed, sample: Value::Null });
    match grader["type"].as_str().unwrap_or_default() {
        "string_check" => {
            let (input, reference) = (text("input")?, text("reference")?);
            let passed = match grader["operation"].as_str().unwrap_or_default() {
                "ne" => input != reference,
                "like" => input.contains(&reference),
                "ilike" => input.to_lowercase().contains(&reference.to_lowercase()),
                _ => input == reference,
            };
            graded(if passed { 1.0 } else { 0.0 }, passed)
        }
        "text_similarity" => {
            let metric = grader["evaluation_metric"].as_str().unwrap_or("fuzzy_match");
            let score = similarity(metric, &text("input")?, &text("reference")?, budget)?;
            graded(score, score >= grader["pass_threshold"].as_f64().unwrap_or(0.5))
        }
        "label_model" => {
            let (label, sample) = said(client, grader, filling, budget).await?;
            let among = |name: &str| grader[name].elements().filter_map(Value::as_str);
            let said = read(&label, "label").as_str().unwrap_or(label.trim()).to_string();
            let label = among("labels").find(|label| label.eq_ignore_ascii_case(&said));
            let label =
                label.ok_or_else(|| Ungraded::Unread(format!("The model said '{said}', which is no label.")))?;
            let passed = among("passing_labels").any(|passing| passing == label);
            Ok(Grade { score: if passed { 1.0 } else { 0.0 }, passed, sample })
        }
        "score_model" => {
            let (text, sample) = said(client, grader, filling, budget).await?;
            let score = read(&text, "result").as_f64().or_else(|| read(&text, "score").as_f64());
            let score = score.or_else(|| text.trim().parse().ok()).filter(|score: &f64| score.is_finite());
            let score =
                score.ok_or_else(|| Ungraded::Unread(format!("The model said '{text}', which is no score.")))?;
            let bound = |at: usize, usual: f64| grader["range"][at].as_f64().unwrap_or(usual);
            let (least, most) = (bound(0, 0.0), bound(1, 1.0));
            let threshold = grader["pass_threshold"].as_f64().unwrap_or(f64::midpoint(least, most));
            Ok(Grade { score: score.max(least).min(most.max(least)), passed: score >= threshold, sample })
        }
        kind => Err(Ungraded::NotRun(not_run(kind))),
    }
}

/// The emulator runs no code that is sent to it.
fn not_run(kind: &str) -> ApiError {
    let message = format!(
        "LLEmulator does not run graders of type '{kind}': it executes no code. Grade with 'string_check', \
         'text_similarity', or 'label_model' and 'score_model' through the script."
    );
    ApiError::emulator("grader_not_run", message).param("grader")
}

/// A field of JSON that a model said.
fn read(text: &str, field: &str) -> Value {
    let json: Value = serde_json::from_str(text).unwrap_or_default();
    json.get(field).cloned().unwrap_or_default()
}

/// What a grader's model says.
async fn said(
    client: &InnerClient,
    grader: &Value,
    filling: Filling<'_>,
    budget: &Budget,
) -> Result<(String, Value), Ungraded> {
    let body = json!({"model": grader["model"], "messages": filling.messages(&grader["input"], budget)?});
    let answer = ask(client, "/v1/chat/completions", body).await;
    let text = answer.body["choices"][0]["message"]["content"].as_str().map(str::to_string);
    match text.filter(|_| answer.status == 200 && !answer.broken) {
        Some(text) => Ok((text, answer.body)),
        None => {
            let message = answer.body["error"]["message"].as_str().unwrap_or("the model gave no text");
            Err(Ungraded::Unread(message.to_string()))
        }
    }
}

pub(super) fn validate(call: Call) -> HandlerFuture {
    Box::pin(async move { Ok(Answer::json(&json!({"grader": call.body["grader"]}))) })
}

/// Grades one sample.
pub(super) fn run(call: Call) -> HandlerFuture {
    Box::pin(async move {
        let grader = &call.body["grader"];
        let said = call.body["model_sample"].as_str().unwrap_or_default();
        let sample =
            json!({"output_text": said, "output_json": serde_json::from_str::<Value>(said).unwrap_or_default()});
        let item = call.body.get("item").cloned().unwrap_or_else(|| json!({}));
        let filling = Filling { item: &item, sample: &sample };
        let graded = grade(&InnerClient::of(&call), grader, filling, &call.budget).await;
        let (reward, unread, tokens) = match graded {
            Ok(grade) => (grade.score, false, grade.sample["usage"]["total_tokens"].clone()),
            Err(Ungraded::NotRun(error) | Ungraded::Spent(error)) => return Err(error),
            Err(Ungraded::Unread(_)) => (0.0, true, Value::Null),
        };
        let name = grader["name"].as_str().unwrap_or_default();
        let model = &grader["model"];
        let mut used = json!({});
        if let (Some(model), false) = (model.as_str(), tokens.is_null()) {
            used[model] = tokens.clone();
        }
        let errors = json!({
            "formula_parse_error": false, "invalid_variable_error": false, "model_grader_parse_error": unread,
            "model_grader_refusal_error": false, "model_grader_server_error": false,
            "model_grader_server_error_details": null, "other_error": false, "python_grader_runtime_error": false,
            "python_grader_runtime_error_details": null, "python_grader_server_error": false,
            "python_grader_server_error_type": null, "sample_parse_error": false, "truncated_observation_error": false,
            "unresponsive_reward_error": false,
        });
        Ok(Answer::json(&json!({
            "reward": reward,
            "metadata": {"name": name, "type": grader["type"], "errors": errors, "execution_time": 0.0,
                "scores": {name: reward}, "token_usage": tokens, "sampled_model_name": model},
            "sub_rewards": {}, "model_grader_token_usage_per_model": used,
        })))
    })
}
