//! Which headers pass, in which direction.

use crate::wire::headers::HOP_BY_HOP;
use hyper::header::{HeaderMap, HeaderName, HeaderValue};

/// What else stays: what a proxy is told, the length that each side settles itself, and cookies.
const STAYS: &[&str] = &[
    "proxy-authenticate",
    "proxy-authorization",
    "upgrade",
    "content-length",
    "cookie",
    "cookie2",
    "set-cookie",
    "set-cookie2",
];

/// What a request says about us, or about the caller to us alone. `accept-encoding`: what comes back is shown and
/// recorded, so it comes as it is.
const OURS: &[&str] = &["host", "expect", "accept-encoding", "content-encoding", "origin", "referer", "forwarded"];

/// What opens doors.
const KEYS: &[&str] = &["authorization", "api-key", "x-api-key"];

/// Belongs to the key it came with.
const WITH_THE_KEY: &[&str] = &["openai-organization", "openai-project"];

/// What an answer says about its own edge.
const THEIRS: &[&str] = &["alt-svc", "strict-transport-security", "report-to", "nel"];

fn stays(name: &str) -> bool {
    HOP_BY_HOP.contains(&name) || STAYS.contains(&name)
}

/// The headers of a request on its way out: with the upstream's key, else the caller's.
pub(super) fn outward(out: &mut HeaderMap, given: Vec<(&str, &str)>, key: Option<&str>, callers: Option<&str>) {
    let named = listed(given.iter().filter(|(name, _)| *name == "connection").map(|(_, value)| *value));
    for (name, value) in given {
        let ours = OURS.contains(&name)
            || KEYS.contains(&name)
            || key.is_some() && WITH_THE_KEY.contains(&name)
            || ["sec-", "x-forwarded-", "x-llemulator-"].iter().any(|prefix| name.starts_with(prefix));
        if stays(name) || ours || named.iter().any(|one| one == name) {
            continue;
        }
        if let (Ok(name), Ok(value)) = (HeaderName::from_bytes(name.as_bytes()), HeaderValue::from_str(value)) {
            out.append(name, value);
        }
    }
    if let Some(mut value) = key.or(callers).and_then(|key| HeaderValue::from_str(&format!("Bearer {key}")).ok()) {
        value.set_sensitive(true);
        out.insert("authorization", value);
    }
}

/// The headers of an answer on its way back.
pub(super) fn inward(given: &HeaderMap) -> Vec<(String, String)> {
    let named = listed(given.get_all("connection").iter().filter_map(|value| value.to_str().ok()));
    let passes = |name: &str| !stays(name) && !THEIRS.contains(&name) && !named.iter().any(|one| one == name);
    given
        .iter()
        .filter(|(name, _)| passes(name.as_str()))
        .filter_map(|(name, value)| Some((name.to_string(), value.to_str().ok()?.to_string())))
        .collect()
}

/// The headers that `connection` says to be of one connection alone.
fn listed<'a>(lines: impl Iterator<Item = &'a str>) -> Vec<String> {
    lines.flat_map(|line| line.split(',')).map(|one| one.trim().to_ascii_lowercase()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sent(given: &[(&str, &str)], key: Option<&str>, callers: Option<&str>) -> Vec<(String, String)> {
        let mut out = HeaderMap::new();
        outward(&mut out, given.to_vec(), key, callers);
        inward(&out)
    }

    #[test]
    fn keys_are_replaced_and_what_is_of_one_connection_stays() {
        let given = [
            ("authorization", "sk-…"),
            ("api-key", "a"),
            ("openai-organization", "org-1"),
            ("connection", "close, X-Hop"),
            ("x-hop", "1"),
            ("cookie", "a=b"),
            ("host", "127.0.0.1"),
            ("content-length", "3"),
            ("content-type", "application/json"),
            ("x-team", "blue"),
        ];
        let pairs = |list: &[(&str, &str)]| -> Vec<(String, String)> {
            list.iter().map(|(name, value)| (name.to_string(), value.to_string())).collect()
        };
        let plain = [("content-type", "application/json"), ("x-team", "blue")];
        let with = |more: &[(&'static str, &'static str)]| pairs(&[plain.as_slice(), more].concat());
        assert_eq!(sent(&given, Some("sk-up"), Some("sk-own")), with(&[("authorization", "Bearer sk-up")]));
        let own = [("openai-organization", "org-1"), plain[0], plain[1], ("authorization", "Bearer sk-own")];
        assert_eq!(sent(&given, None, Some("sk-own")), pairs(&own));
        assert!(!sent(&given, None, None).iter().any(|(name, _)| name == "authorization"));
    }
}
