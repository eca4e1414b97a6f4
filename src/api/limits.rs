//! Rate limits of an inference: what its `x-ratelimit-*` headers say, and the refusal when a scripted limit is reached.
//!
//! Without a scripted limit the headers say what production said for the model (real-traffic §2.7) and nothing is ever
//! refused.

use super::chat::request::array;
use super::error::{ApiError, ORGANIZATION_ID, Style};
use super::models::Model;
use crate::call::Call;
use crate::limits::{Bucket, Counters, DAY, Limits, MINUTE, go_duration};
use crate::reply::json::RateLimit;
use serde_json::Value;

/// Counts a call against the scripted limits of its model; gives the headers.
///
/// # Errors
/// 429 in OpenAI's words when a limit is reached; then nothing was counted.
pub fn take(call: &Call, model: &Model) -> Result<Limits, ApiError> {
    count(call, model, &mut call.session.counters())
}

/// The headers of a refused call, which does not count; `None` where a limit is reached already.
pub fn look(call: &Call, model: &Model) -> Option<Limits> {
    count(call, model, &mut call.session.counters().clone()).ok()
}

fn count(call: &Call, model: &Model, counters: &mut Counters) -> Result<Limits, ApiError> {
    let tokens = estimate(&call.body) as f64;
    let defaults = &call.defaults;
    let name = call.model_name();
    let scripted = defaults.rate_limits.as_ref().and_then(|limits| {
        let own = limits.iter().find(|(key, _)| key == name || *key == *model.id);
        own.or_else(|| limits.iter().find(|(key, _)| key == "*")).map(|(_, limit)| *limit)
    });
    let now = call.session.clock.now();
    let Some(limit) = scripted else {
        let mut requests = Bucket::new(model.requests_per_minute, MINUTE, now);
        requests.level -= 1.0;
        let mut all = Bucket::new(model.tokens_per_minute, MINUTE, now);
        all.level -= tokens;
        return Ok(Limits { requests: requests.shown(), tokens: Some(all.shown()), images: has_images(call) });
    };
    let kinds = kinds(&limit, tokens);
    for (kind, most, period, amount) in &kinds {
        let bucket = counters.bucket(&model.id, kind, *most, *period, now);
        if bucket.level + 1e-9 < *amount {
            return Err(refused(&model.id, kind, bucket, *amount));
        }
    }
    let mut requests = None;
    let mut all = None;
    for (kind, most, period, amount) in kinds {
        let bucket = counters.bucket(&model.id, kind, most, period, now);
        bucket.level -= amount;
        let shown = if kind.starts_with("requests") { &mut requests } else { &mut all };
        shown.get_or_insert_with(|| bucket.shown());
    }
    let unlimited = || {
        let mut bucket = Bucket::new(model.requests_per_minute, MINUTE, now);
        bucket.level -= 1.0;
        bucket.shown()
    };
    Ok(Limits { requests: requests.unwrap_or_else(unlimited), tokens: all, images: has_images(call) })
}

/// The limits set: name, most, seconds, and what this request takes of it.
fn kinds(limit: &RateLimit, tokens: f64) -> Vec<(&'static str, u64, f64, f64)> {
    [
        ("requests per min (RPM)", limit.rpm, MINUTE, 1.0),
        ("requests per day (RPD)", limit.rpd, DAY, 1.0),
        ("tokens per min (TPM)", limit.tpm, MINUTE, tokens),
        ("tokens per day (TPD)", limit.tpd, DAY, tokens),
    ]
    .into_iter()
    .filter_map(|(kind, most, period, amount)| most.map(|most| (kind, most, period, amount)))
    .collect()
}

/// 429 as production says it (real-traffic §3B; the too-large form §3).
fn refused(model: &str, kind: &str, bucket: &Bucket, amount: f64) -> ApiError {
    let (limit, amount) = (bucket.limit as u64, amount as u64);
    let type_name = kind.split(' ').next().unwrap_or_default();
    let error = if amount > limit {
        ApiError::new(
            429,
            format!(
                "Request too large for {model} in organization {ORGANIZATION_ID} on {kind}: Limit {limit}, Requested \
                 {amount}. The input or output tokens must be reduced in order to run successfully. Visit \
                 https://platform.openai.com/account/rate-limits to learn more."
            ),
        )
    } else {
        let wait = bucket.wait(amount as f64);
        let used = limit - (bucket.level.max(0.0) as u64).min(limit);
        ApiError::new(
            429,
            format!(
                "Rate limit reached for {model} in organization {ORGANIZATION_ID} on {kind}: Limit {limit}, Used {used}, \
                 Requested {amount}. Please try again in {}. Visit https://platform.openai.com/account/rate-limits to \
                 learn more.",
                go_duration(wait)
            ),
        )
        .header("retry-after-ms", format!("{}", (wait * 1000.0).ceil() as u64))
        .header("retry-after", format!("{}", wait.ceil() as u64))
    };
    let (used, remaining, reset) = bucket.shown();
    let family = if type_name == "tokens" { "tokens" } else { "requests" };
    error
        .kind(type_name)
        .code("rate_limit_exceeded")
        .style(Style::Edge)
        .header(format!("x-ratelimit-limit-{family}"), used.to_string())
        .header(format!("x-ratelimit-remaining-{family}"), remaining.to_string())
        .header(format!("x-ratelimit-reset-{family}"), go_duration(reset))
}

/// Whether a chat request shows the model an image.
fn has_images(call: &Call) -> bool {
    call.operation.name.starts_with("chat")
        && array(&call.body, "messages")
            .iter()
            .any(|message| array(message, "content").iter().any(|part| part["type"] == "image_url"))
}

/// Tokens a request is charged: from its characters, as production does (real-traffic §2.7).
fn estimate(body: &Value) -> usize {
    let texts = ["messages", "input", "prompt", "instructions"];
    let characters: usize = texts.iter().filter_map(|key| body.get(key)).map(characters).sum();
    characters.div_ceil(4) + 3
}

/// Characters of all texts that are content, not roles, types or ids.
fn characters(value: &Value) -> usize {
    match value {
        Value::String(text) => text.chars().count(),
        Value::Array(items) => items.iter().map(characters).sum(),
        Value::Object(map) => ["content", "text", "output", "arguments", "function", "tool_calls"]
            .iter()
            .filter_map(|key| map.get(*key))
            .map(characters)
            .sum(),
        _ => 0,
    }
}
