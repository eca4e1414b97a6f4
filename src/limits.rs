//! Rate limits: the `x-ratelimit-*` headers of every inference, and limits that count when a script sets them.
//!
//! A limit is a bucket that refills evenly: `limit` per minute (or day). Without a scripted limit the headers say what
//! production said for the model (real-traffic §2.7) and nothing is ever refused.

use crate::api::Call;
use crate::api::chat::request::array;
use crate::api::error::{ApiError, ORGANIZATION_ID, Style};
use crate::api::models::Model;
use crate::reply::json::RateLimit;
use crate::server::headers::Limits;
use serde_json::Value;
use std::collections::HashMap;
use std::time::Duration;

const MINUTE: f64 = 60.0;
const DAY: f64 = 86_400.0;

/// What is left of one limit.
#[derive(Debug, Clone)]
struct Bucket {
    limit: f64,
    /// Seconds in which it refills.
    period: f64,
    level: f64,
    at: Duration,
}

impl Bucket {
    fn new(limit: u64, period: f64, now: Duration) -> Self {
        Bucket { limit: limit as f64, period, level: limit as f64, at: now }
    }

    fn refill(&mut self, now: Duration) {
        let passed = now.saturating_sub(self.at).as_secs_f64();
        self.level = (self.level + passed * self.limit / self.period).min(self.limit);
        self.at = now;
    }

    /// Seconds until it holds `amount`.
    fn wait(&self, amount: f64) -> f64 {
        ((amount - self.level) * self.period / self.limit.max(1.0)).max(0.0)
    }

    /// Limit, what remains, and the seconds until it is full.
    fn shown(&self) -> (u64, u64, f64) {
        (self.limit as u64, self.level.max(0.0) as u64, self.wait(self.limit))
    }
}

/// The buckets of a session, by model and limit.
#[derive(Debug, Default)]
pub struct Counters(HashMap<(String, &'static str), Bucket>);

/// Counts a call against the scripted limits of its model; gives the headers.
///
/// # Errors
/// 429 in OpenAI's words when a limit is reached; then nothing was counted.
pub fn take(call: &Call, model: &Model) -> Result<Limits, ApiError> {
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
    let mut counters = call.session.counters();
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

impl Counters {
    fn bucket(&mut self, model: &str, kind: &'static str, most: u64, period: f64, now: Duration) -> &mut Bucket {
        let bucket = self.0.entry((model.to_string(), kind)).or_insert_with(|| Bucket::new(most, period, now));
        if bucket.limit != most as f64 {
            *bucket = Bucket::new(most, period, now);
        }
        bucket.refill(now);
        bucket
    }
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

/// `120ms`, `8.64s`, `1m13.588s`: seconds as Go prints durations, to the millisecond.
pub fn go_duration(seconds: f64) -> String {
    let ms = (seconds * 1000.0).round() as u64;
    let (hours, minutes, rest) = (ms / 3_600_000, ms / 60_000 % 60, ms % 60_000);
    if ms == 0 {
        return "0s".into();
    }
    if ms < 1000 {
        return format!("{ms}ms");
    }
    let fraction = format!("{:03}", rest % 1000);
    let fraction = fraction.trim_end_matches('0');
    let dot = if fraction.is_empty() { "" } else { "." };
    let seconds = format!("{}{dot}{fraction}s", rest / 1000);
    match (hours, minutes) {
        (0, 0) => seconds,
        (0, minutes) => format!("{minutes}m{seconds}"),
        (hours, minutes) => format!("{hours}h{minutes}m{seconds}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_read_as_recorded() {
        let shown: Vec<String> = [0.0, 0.12, 0.006, 8.64, 73.588, 60.0].into_iter().map(go_duration).collect();
        assert_eq!(shown, ["0s", "120ms", "6ms", "8.64s", "1m13.588s", "1m0s"]);
    }

    #[test]
    fn a_bucket_refills_evenly() {
        let mut bucket = Bucket::new(3, MINUTE, Duration::ZERO);
        bucket.level = 0.0;
        assert_eq!(bucket.wait(1.0), 20.0);
        bucket.refill(Duration::from_secs(20));
        assert!(bucket.level >= 0.999);
        assert_eq!(bucket.shown(), (3, 1, 40.0));
    }
}
