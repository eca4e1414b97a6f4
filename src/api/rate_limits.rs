//! Rate limits of an inference: what its `x-ratelimit-*` headers say, and the refusal when a scripted limit is reached.
//!
//! Without a scripted limit the headers say what production said for the model (real-traffic §2.7) and nothing is ever
//! refused.

use crate::api::chat::request::array;
use crate::script::RateLimit;
use crate::session::limits::Bucket;
use crate::session::limits::Counters;
use crate::session::limits::DAY;
use crate::session::limits::MINUTE;
use crate::session::limits::RPD;
use crate::session::limits::RPM;
use crate::session::limits::RateLimits;
use crate::session::limits::TPD;
use crate::session::limits::TPM;
use crate::session::limits::go_duration;
use crate::turn::call::Call;
use crate::turn::models::Model;
use crate::wire::dialect::Dialect;
use crate::wire::error;
use crate::wire::error::ApiError;
use crate::wire::error::ORGANIZATION_ID;
use crate::wire::error::Style;
use crate::wire::field::find;
use serde_json::Value;

/// Counts a call against the scripted limits of its model; gives the headers.
///
/// # Errors
/// 429 in OpenAI's words when a limit is reached; then nothing was counted.
pub(crate) fn take(call: &Call, model: &Model) -> Result<RateLimits, ApiError> {
    let mut counters = call.session.counters();
    let limits = count(call, model, &mut counters)?;
    if let Some(rows) = call.session.rows().filter(|rows| rows.keeps_all()) {
        counters.of(&model.id).for_each(|(name, bucket)| rows.limit(&name, bucket));
    }
    Ok(limits)
}

/// The headers of a refused call, which does not count; `None` where a limit is reached already.
pub(crate) fn look(call: &Call, model: &Model) -> Option<RateLimits> {
    count(call, model, &mut call.session.counters().clone()).ok()
}

fn count(call: &Call, model: &Model, counters: &mut Counters) -> Result<RateLimits, ApiError> {
    let tokens = estimate(&call.body) as f64;
    let defaults = &call.defaults;
    let name = call.model_name();
    let scripted = defaults.rate_limits.as_ref().and_then(|limits| {
        let own = limits.iter().find(|(key, _)| key == name || *key == *model.id);
        own.or_else(|| limits.iter().find(|(key, _)| key == "*")).map(|(_, limit)| *limit)
    });
    let now = call.session.clock.now();
    // What production's own limit shows after one request like this.
    let unlimited = |most: u64, amount: f64| {
        let mut bucket = Bucket::new(most, MINUTE, now);
        bucket.level -= amount;
        bucket.shown()
    };
    let unlimited_requests = || unlimited(model.requests_per_minute, 1.0);
    let images = has_images(call);
    let Some(limit) = scripted else {
        let tokens = Some(unlimited(model.tokens_per_minute, tokens));
        return Ok(RateLimits { requests: unlimited_requests(), tokens, images });
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
    Ok(RateLimits { requests: requests.unwrap_or_else(unlimited_requests), tokens: all, images })
}

/// The limits set: name, most, seconds, and what this request takes of it.
fn kinds(limit: &RateLimit, tokens: f64) -> Vec<(&'static str, u64, f64, f64)> {
    [
        (RPM, limit.rpm, MINUTE, 1.0),
        (RPD, limit.rpd, DAY, 1.0),
        (TPM, limit.tpm, MINUTE, tokens),
        (TPD, limit.tpd, DAY, tokens),
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
        error::rate_limited(model, kind, limit, used, amount, &go_duration(wait))
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
    call.operation.dialect == Dialect::Chat
        && array(&call.body, "messages")
            .iter()
            .any(|message| array(message, "content").iter().any(|part| part["type"] == "image_url"))
}

/// Tokens a request is charged: from its characters, as production does (real-traffic §2.7).
fn estimate(body: &Value) -> usize {
    let texts = ["messages", "input", "prompt", "instructions"];
    let characters: usize = texts.iter().filter_map(|key| find(body, key)).map(characters).sum();
    characters.div_ceil(4) + 3
}

/// Characters of all texts that are content, not roles, types or ids.
fn characters(value: &Value) -> usize {
    match value {
        Value::String(text) => text.chars().count(),
        Value::Array(items) => items.iter().map(characters).sum(),
        Value::Object(map) => map
            .iter()
            .filter(|(key, _)| {
                matches!(key.as_str(), "content" | "text" | "output" | "arguments" | "function" | "tool_calls")
            })
            .map(|(_, value)| characters(value))
            .sum(),
        _ => 0,
    }
}

#[cfg(test)]
mod tests {
    use crate::control;
    use crate::emulator::Emulator;
    use crate::server::tests::{Got, send, start};
    use serde_json::{Value, json};
    use std::sync::Arc;

    fn emulator(limits: Value) -> Arc<Emulator> {
        let emulator = start(json!({"clock": "manual", "fallback": "echo"}));
        let script = json!({"responses": {"": "x"}, "defaults": {"rate_limits": limits}});
        for key in ["a", "b"] {
            assert_eq!(send(&emulator, key, "/_emulator/script", &script).status, 200);
        }
        emulator
    }

    fn ask(emulator: &Emulator, key: &str, model: &str, text: &str) -> Got {
        let body = json!({"model": model, "messages": [{"role": "user", "content": text}]});
        send(emulator, key, "/v1/chat/completions", &body)
    }

    #[track_caller]
    fn header<'a>(got: &'a Got, name: &str) -> &'a str {
        let value = got.head.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(": "));
        value.unwrap_or_else(|| panic!("no {name} in {}", got.head))
    }

    fn advance(emulator: &Arc<Emulator>, key: &str, ms: u64) {
        let body = json!({"advance_ms": ms}).to_string();
        assert_eq!(control::in_process(emulator, Some(key), "PUT", "/_emulator/clock", &body).0, 200);
    }

    #[test]
    fn requests_are_counted_per_session_and_model_and_come_back_with_time() {
        let emulator = emulator(json!({"gpt-4o": {"rpm": 3}, "*": {"rpm": 1}}));
        for left in ["2", "1", "0"] {
            let got = ask(&emulator, "a", "gpt-4o", "x");
            assert_eq!((got.status, header(&got, "x-ratelimit-remaining-requests")), (200, left));
            assert_eq!(header(&got, "x-ratelimit-limit-requests"), "3");
        }
        let refused = ask(&emulator, "a", "gpt-4o", "x");
        assert_eq!(refused.status, 429);
        let expected = json!({"error": {
            "message": "Rate limit reached for gpt-4o in organization org-llemulator0000000000000 on requests per min \
                        (RPM): Limit 3, Used 3, Requested 1. Please try again in 20s. Visit \
                        https://platform.openai.com/account/rate-limits to learn more.",
            "type": "requests", "param": null, "code": "rate_limit_exceeded",
        }});
        assert_eq!(refused.json(), expected);
        assert!(refused.text().ends_with("}\n"), "an error of the edge ends its line");
        assert_eq!((header(&refused, "retry-after"), header(&refused, "retry-after-ms")), ("20", "20000"));
        assert_eq!(header(&refused, "x-ratelimit-reset-requests"), "1m0s");
        // Other sessions and other models have limits of their own.
        assert_eq!(ask(&emulator, "b", "gpt-4o", "x").status, 200);
        assert_eq!(ask(&emulator, "a", "gpt-4.1", "x").status, 200);
        assert_eq!(ask(&emulator, "a", "gpt-4.1", "x").status, 429);
        assert_eq!(ask(&emulator, "a", "gpt-4o-mini", "x").status, 200);
        advance(&emulator, "a", 19_999);
        assert_eq!(ask(&emulator, "a", "gpt-4o", "x").status, 429);
        advance(&emulator, "a", 1);
        assert_eq!(ask(&emulator, "a", "gpt-4o", "x").status, 200);
        assert_eq!(ask(&emulator, "a", "gpt-4o", "x").status, 429);
    }

    #[test]
    fn tokens_are_estimated_from_characters() {
        let emulator = emulator(json!({"gpt-4o": {"tpm": 100}}));
        // 4 characters and 3 around them.
        let got = ask(&emulator, "a", "gpt-4o", "four");
        assert_eq!(header(&got, "x-ratelimit-remaining-tokens"), "96");
        assert_eq!(header(&got, "x-ratelimit-reset-tokens"), "2.4s");
        let refused = ask(&emulator, "a", "gpt-4o", &"x".repeat(380));
        assert_eq!((refused.status, &refused.json()["error"]["type"]), (429, &json!("tokens")));
        let message = refused.json()["error"]["message"].to_string();
        assert!(
            message.contains("tokens per min (TPM): Limit 100, Used 4, Requested 98. Please try again in 1.2s"),
            "{message}"
        );
        // What can never fit has other words and nothing to wait for.
        let large = ask(&emulator, "a", "gpt-4o", &"x".repeat(4000));
        let message = large.json()["error"]["message"].to_string();
        assert!(message.contains("Request too large for gpt-4o") && message.contains("Requested 1003"), "{message}");
        assert!(!large.head.contains("retry-after"), "{}", large.head);
        // A refused request used nothing.
        assert_eq!(header(&ask(&emulator, "a", "gpt-4o", "four"), "x-ratelimit-remaining-tokens"), "92");
    }

    #[test]
    fn days_and_minutes_count_side_by_side_on_every_endpoint() {
        let emulator = emulator(json!({"*": {"rpm": 10, "rpd": 2}}));
        let body = json!({"model": "text-embedding-3-small", "input": "x"});
        for status in [200, 200, 429] {
            assert_eq!(send(&emulator, "a", "/v1/embeddings", &body).status, status);
        }
        let refused = send(&emulator, "a", "/v1/embeddings", &body).json()["error"]["message"].to_string();
        assert!(
            refused.contains("requests per day (RPD): Limit 2, Used 2") && refused.contains("12h0m0s"),
            "{refused}"
        );
        let body = json!({"model": "gpt-4o", "input": "x"});
        for status in [200, 200, 429] {
            assert_eq!(send(&emulator, "a", "/v1/responses", &body).status, status);
        }
    }

    #[test]
    fn without_limits_the_headers_are_productions_and_nothing_is_refused() {
        let emulator = emulator(json!({}));
        for _ in 0..3 {
            let got = ask(&emulator, "a", "gpt-4o", "x");
            assert_eq!((got.status, header(&got, "x-ratelimit-reset-requests").is_empty()), (200, false));
            let left = header(&got, "x-ratelimit-remaining-requests").parse::<u64>().expect("a number");
            assert_eq!(left + 1, header(&got, "x-ratelimit-limit-requests").parse::<u64>().expect("a number"));
        }
    }
}
