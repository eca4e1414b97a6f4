//! What is never shown: keys, tokens, cookies. The one list, for headers, parameters of queries and keys of bodies, and
//! what becomes of their values in the journal, transcripts, log lines and messages.

use bytes::Bytes;
use serde_json::Value;
use std::borrow::Cow;
use std::fmt::Write;

/// What a secret is called: the whole name or its last words. Names in lower case, their words joined by `-`.
const SECRET: [&str; 14] = [
    "authorization",
    "cookie",
    "api-key",
    "apikey",
    "access-key",
    "subscription-key",
    "access-token",
    "auth-token",
    "control-token",
    "refresh-token",
    "security-token",
    "client-secret",
    "password",
    "credential",
];

/// In headers and queries these are secrets too; a body's `token` may be a word of a text.
const SECRET_OUTSIDE: [&str; 4] = ["token", "secret", "signature", "sec-websocket-protocol"];

/// Whole names of parameters that are too short to look for elsewhere.
const SECRET_IN_QUERY: [&str; 2] = ["key", "sig"];

/// Whether a header's value is a secret.
pub fn is_secret(name: &str) -> bool {
    let name = plain(name);
    ends_in(&name, &SECRET) || ends_in(&name, &SECRET_OUTSIDE)
}

fn ends_in(name: &str, secrets: &[&str]) -> bool {
    secrets.iter().any(|secret| name.strip_suffix(secret).is_some_and(|rest| rest.is_empty() || rest.ends_with('-')))
}

/// A name in lower case, its words joined by `-`: `api_key`, `X-Api-Key`, `accessToken`.
fn plain(name: &str) -> String {
    let mut out = String::with_capacity(name.len() + 2);
    let mut lower = false;
    for character in name.chars() {
        if character.is_ascii_uppercase() && lower {
            out.push('-');
        }
        lower = character.is_ascii_lowercase();
        out.push(if matches!(character, '_' | '.') { '-' } else { character.to_ascii_lowercase() });
    }
    out
}

/// A path and query, or an address, without the secrets in its query and before its host.
pub fn target(text: &str) -> Cow<'_, str> {
    let (place, query) = text.split_once('?').map_or((text, None), |(place, query)| (place, Some(query)));
    let user = place.split_once("://").and_then(|(scheme, rest)| {
        let authority = rest.split('/').next().unwrap_or_default();
        let (user, _) = authority.rsplit_once('@')?;
        Some((scheme, user, &rest[user.len()..]))
    });
    let name = |pair: &str| crate::url::decode(pair.split('=').next().unwrap_or_default());
    let secret = |pair: &str| {
        let name = name(pair);
        pair.contains('=') && (is_secret(&name) || SECRET_IN_QUERY.contains(&plain(&name).as_str()))
    };
    if user.is_none() && !query.is_some_and(|query| query.split('&').any(secret)) {
        return text.into();
    }
    let mut out = match user {
        Some((scheme, user, rest)) => format!("{scheme}://{}{rest}", redact(user)),
        None => place.to_string(),
    };
    for (index, pair) in query.into_iter().flat_map(|query| query.split('&')).enumerate() {
        out.push(if index == 0 { '?' } else { '&' });
        match pair.split_once('=') {
            // Writing to a String cannot fail.
            Some((name, value)) if secret(pair) => drop(write!(out, "{name}={}", redact(value))),
            _ => out.push_str(pair),
        }
    }
    out.into()
}

/// A request's body without its secrets: what opens the MCP servers it names, keys, addresses with keys in them.
pub fn body(body: &Value) -> Cow<'_, Value> {
    let mut copy = None;
    hide(body, &mut Vec::new(), &mut |path, hidden| {
        let pointer =
            path.iter().fold(String::new(), |all, step| all + "/" + &step.replace('~', "~0").replace('/', "~1"));
        if let Some(place) = copy.get_or_insert_with(|| body.clone()).pointer_mut(&pointer) {
            *place = Value::from(hidden);
        }
    });
    copy.map_or(Cow::Borrowed(body), Cow::Owned)
}

/// A body's bytes without its secrets; a copy in any case.
pub fn body_bytes(value: &Value, bytes: &Bytes) -> Bytes {
    match body(value) {
        // A slice would keep the connection's whole buffer.
        Cow::Borrowed(_) => Bytes::copy_from_slice(bytes),
        Cow::Owned(hidden) => hidden.to_string().into(),
    }
}

/// Tells of every secret below `value`: where it is, and what is shown of it.
fn hide<'a>(value: &'a Value, path: &mut Vec<Cow<'a, str>>, found: &mut impl FnMut(&[Cow<'a, str>], String)) {
    match value {
        Value::Object(map) => {
            // The headers for an MCP server are all its own affair.
            let headers = path.last().is_some_and(|key| key == "headers");
            for (key, value) in map {
                path.push(key.into());
                match value {
                    Value::String(text) if !text.is_empty() && (headers || ends_in(&plain(key), &SECRET)) => {
                        found(path, redact(text));
                    }
                    Value::String(text) if text.starts_with("http") => {
                        if let Cow::Owned(hidden) = target(text) {
                            found(path, hidden);
                        }
                    }
                    _ => hide(value, path, found),
                }
                path.pop();
            }
        }
        Value::Array(items) => {
            for (index, item) in items.iter().enumerate() {
                path.push(index.to_string().into());
                hide(item, path, found);
                path.pop();
            }
        }
        _ => {}
    }
}

/// A key as OpenAI shows it: up to 11 characters whole, else the first 8, asterisks, the last 4 (real-traffic §3).
pub fn mask(key: &str) -> String {
    let characters: Vec<char> = key.chars().collect();
    if characters.len() <= 11 {
        return key.to_string();
    }
    let stars = characters.len().saturating_sub(12).max(1);
    let head: String = characters[..8].iter().collect();
    let tail: String = characters[characters.len() - 4..].iter().collect();
    format!("{head}{}{tail}", "*".repeat(stars))
}

/// A key that is told from others but not given away: its beginning, and a few digits drawn from all of it.
pub fn label(key: &str) -> String {
    format!("{}{:04x}", redact(key), crate::random::key(0, &[key.as_bytes()]) as u16)
}

/// A secret as the emulator's own pages and journal show it: its beginning, never all of it.
pub fn redact(secret: &str) -> String {
    let secret = match secret.split_once(' ') {
        Some((scheme, key)) if scheme.eq_ignore_ascii_case("bearer") => key.trim_start(),
        _ => secret,
    };
    let shown = 3.min(secret.chars().count() / 2);
    let kept: String = secret.chars().take(shown).collect();
    format!("{kept}…")
}

#[cfg(test)]
#[path = "redact_tests.rs"]
mod tests;
