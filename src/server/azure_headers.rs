//! The headers of Azure's answers, as recorded in March 2026.

use super::headers::{HeaderFacts, fixed, http_date, made};
use crate::random::Random;
use crate::wire::ids;
use hyper::header::{HeaderMap, HeaderName, HeaderValue};

/// Where every deployment is.
const REGION: &str = "East US 2";
/// Seconds after which all limits are whole again.
const PERIOD: &str = "60";

/// Azure counts in milliseconds.
fn milliseconds(seconds: f64) -> String {
    ((seconds * 1000.0).round() as u64).to_string()
}

/// Writes the headers of one answer of a deployment.
pub(super) fn write(facts: &HeaderFacts, deployment: &str, random: &mut Random, out: &mut HeaderMap) {
    made!(out, "apim-request-id", &ids::uuid(random));
    if let Some(date) = facts.date {
        made!(out, "date", &http_date(date.as_secs()));
    }
    // The gateway in front, which knows keys, names no more of itself.
    if facts.status == 401 {
        return;
    }
    fixed!(out, "strict-transport-security", "max-age=31536000; includeSubDomains; preload");
    fixed!(out, "x-content-type-options", "nosniff");
    if facts.status == 404 && facts.error.is_some() {
        if !deployment.is_empty() {
            fixed!(out, "x-ms-region", REGION);
        }
        return;
    }
    fixed!(out, "x-ms-region", REGION);
    made!(out, "x-request-id", facts.request_id);
    if !deployment.is_empty() {
        made!(out, "x-ms-deployment-name", deployment);
        fixed!(out, "x-ms-rai-invoked", "true");
        fixed!(out, "x-ms-is-spilled-over", "false");
        fixed!(out, "azureml-model-session", "d20260330170902-llemulator00");
        fixed!(out, "skip-error-remapping", "true");
        fixed!(out, "x-accel-buffering", "no");
    }
    let Some(limits) = &facts.limits else { return };
    fixed!(out, "x-ratelimit-abusepenalty-active", "False");
    let (limit, remaining, reset) = &limits.requests;
    made!(out, "x-ratelimit-limit-requests", &limit.to_string());
    made!(out, "x-ratelimit-remaining-requests", &remaining.to_string());
    made!(out, "x-ratelimit-reset-requests", &milliseconds(*reset));
    fixed!(out, "x-ratelimit-renewalperiod-requests", PERIOD);
    if let Some((limit, remaining, reset)) = &limits.tokens {
        made!(out, "x-ratelimit-limit-tokens", &limit.to_string());
        made!(out, "x-ratelimit-remaining-tokens", &remaining.to_string());
        made!(out, "x-ratelimit-reset-tokens", &milliseconds(*reset));
        fixed!(out, "x-ratelimit-renewalperiod-tokens", PERIOD);
    }
}
