//! The headers every answer of api.openai.com has (real-traffic §2.7).

use crate::random::Random;
use crate::session::limits::RateLimits;
use crate::session::limits::go_duration;
use crate::wire::dialect::Dialect;
use crate::wire::error::Style;
use hyper::header::{HeaderMap, HeaderName, HeaderValue};
use std::time::Duration;

/// Sets a header that is always the same: what is known when this is compiled is not looked at for each answer.
macro_rules! fixed {
    ($out:expr, $name:expr, $value:expr) => {
        $out.insert(const { HeaderName::from_static($name) }, const { HeaderValue::from_static($value) })
    };
}

/// Sets a header whose name is always the same.
macro_rules! made {
    ($out:expr, $name:expr, $value:expr) => {
        if let Ok(value) = HeaderValue::from_str($value) {
            $out.insert(const { HeaderName::from_static($name) }, value);
        }
    };
}

pub(super) use {fixed, made};

/// What the headers of one answer depend on.
pub(crate) struct HeaderFacts<'a> {
    pub request_id: &'a str,
    /// `None` for answers that are no errors.
    pub error: Option<Style>,
    pub status: u16,
    pub dialect: Dialect,
    /// Whether the proxy is named that it came through.
    pub proxied: bool,
    /// Milliseconds the answer took.
    pub processing_ms: u128,
    /// Rate limits of the session, if the answer shows them.
    pub limits: Option<RateLimits>,
    /// The model that answered, where the answer names it: legacy completions.
    pub model: Option<&'a str>,
    /// Time to print as `date`; the real clock leaves it to the HTTP library.
    pub date: Option<Duration>,
}

/// The organization every session belongs to.
const ORGANIZATION: &str = "llemulator";
const PROJECT: &str = "proj_LLEmulator00000000000000";

/// Writes the headers of one answer.
pub(crate) fn write(facts: &HeaderFacts, random: &mut Random, out: &mut HeaderMap) {
    let api = !matches!(facts.error, Some(Style::Edge | Style::Router));
    made!(out, "x-request-id", facts.request_id);
    if api {
        fixed!(out, "openai-version", "2020-10-01");
        made!(out, "openai-processing-ms", itoa::Buffer::new().format(facts.processing_ms));
        fixed!(out, "access-control-expose-headers", "X-Request-ID, CF-Ray, CF-Ray");
    }
    if facts.status != 401 {
        // Whoever has no key has no organization.
        if api {
            fixed!(out, "openai-project", PROJECT);
        }
        if facts.error != Some(Style::Edge) {
            fixed!(out, "openai-organization", ORGANIZATION);
        }
    }
    if facts.error == Some(Style::Edge) {
        fixed!(out, "vary", "Origin");
    }
    // Who has no key, or is refused at the edge, has met no limit but the one that refuses; what broke inside Responses
    // says none (recording 40288964490b9047).
    let unlimited = match (facts.error, facts.status) {
        (None, _) => false,
        (Some(_), 401) => true,
        (Some(Style::Edge), status) => status != 429,
        (Some(_), status) => status >= 500 && facts.dialect == Dialect::Responses,
    };
    let limits = facts.limits.as_ref().filter(|_| !unlimited);
    if let Some(limits) = limits {
        let (limit, remaining, reset) = &limits.requests;
        made!(out, "x-ratelimit-limit-requests", itoa::Buffer::new().format(*limit));
        made!(out, "x-ratelimit-remaining-requests", itoa::Buffer::new().format(*remaining));
        made!(out, "x-ratelimit-reset-requests", &go_duration(*reset));
        if let Some((limit, remaining, reset)) = &limits.tokens {
            made!(out, "x-ratelimit-limit-tokens", itoa::Buffer::new().format(*limit));
            made!(out, "x-ratelimit-remaining-tokens", itoa::Buffer::new().format(*remaining));
            made!(out, "x-ratelimit-reset-tokens", &go_duration(*reset));
        }
    }
    if limits.is_some_and(|limits| limits.images) {
        fixed!(out, "x-ratelimit-limit-input-images", "50000");
        fixed!(out, "x-ratelimit-remaining-input-images", "49999");
        fixed!(out, "x-ratelimit-reset-input-images", "1ms");
    }
    if let Some(model) = facts.model.filter(|_| facts.error != Some(Style::Edge)) {
        made!(out, "openai-model", model);
        fixed!(out, "access-control-allow-origin", "*");
        fixed!(out, "via", "envoy-router-llemulator");
        fixed!(out, "cache-control", "no-cache, must-revalidate");
    }
    if facts.proxied {
        fixed!(out, "x-openai-proxy-wasm", "v0.1");
    }
    fixed!(out, "strict-transport-security", "max-age=31536000; includeSubDomains; preload");
    fixed!(out, "x-content-type-options", "nosniff");
    fixed!(out, "server", "cloudflare");
    fixed!(out, "cf-cache-status", "DYNAMIC");
    let mut ray = String::with_capacity(20);
    random.hex_into(16, &mut ray);
    ray.push_str("-LOC");
    made!(out, "cf-ray", &ray);
    fixed!(out, "alt-svc", "h3=\":443\"; ma=86400");
    if let Some(date) = facts.date {
        made!(out, "date", &http_date(date.as_secs()));
    }
}

/// `Thu, 01 Jan 2026 00:00:00 GMT`, from seconds since 1970.
pub(crate) fn http_date(unix: u64) -> String {
    httpdate::fmt_http_date(std::time::UNIX_EPOCH + Duration::from_secs(unix.min(crate::clock::END)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates_read_as_http_has_them() {
        assert_eq!(http_date(crate::clock::START), "Thu, 01 Jan 2026 00:00:00 GMT");
        assert_eq!(http_date(784_111_777), "Sun, 06 Nov 1994 08:49:37 GMT");
    }

    #[test]
    fn the_edge_says_nothing_of_the_api_behind_it() {
        let mut out = HeaderMap::new();
        let facts = HeaderFacts {
            request_id: "req_1",
            error: Some(Style::Edge),
            status: 401,
            dialect: Dialect::Chat,
            proxied: true,
            processing_ms: 1,
            limits: None,
            model: None,
            date: None,
        };
        write(&facts, &mut Random::new(1), &mut out);
        assert!(!out.contains_key("openai-version") && !out.contains_key("openai-organization"));
        assert_eq!(out["vary"], "Origin");
    }
}
