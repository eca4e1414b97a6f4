//! What is never shown: keys, tokens, cookies. The one list, for headers, parameters of queries and keys of bodies, and
//! what becomes of their values in the journal, transcripts, log lines and messages.

mod leaves;
pub(crate) mod spread;
pub(crate) mod unzip;
pub(crate) mod veil;
pub(crate) mod view;

use bytes::Bytes;
use serde_json::Value;
use std::borrow::Cow;

/// What stands in a secret's place where nothing of it is shown.
pub(crate) const REDACTED: &str = "[REDACTED]";

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
const SECRET_OUTSIDE: [&str; 13] = [
    "token",
    "secret",
    "signature",
    "sec-websocket-protocol",
    "key",
    "auth",
    "authentication",
    "jwt",
    "passwd",
    "pwd",
    "bearer",
    "assertion",
    "pat",
];

/// Keys that open nothing, and what is counted or listed.
const OPEN: [&str; 8] =
    ["idempotency-key", "sec-websocket-key", "cache-key", "routing-key", "partition-key", "sort-key", "tokens", "keys"];

/// Ends in a secret's name, and is an answer to browsers.
const CORS: &str = "access-control-allow-credentials";

/// Whole names of parameters that are too short to look for elsewhere.
const SECRET_IN_QUERY: [&str; 3] = ["sig", "code", "sas"];

/// Whether a header's value is a secret.
pub(crate) fn is_secret(name: &str) -> bool {
    if !may_be_secret(name) {
        return false;
    }
    let name = &plain(name);
    ends_in(name, &SECRET) && name != CORS || ends_in(name, &SECRET_OUTSIDE) && !ends_in(name, &OPEN)
}

/// Whether a body's text of this name is a secret.
pub(crate) fn names_secret(name: &str) -> bool {
    may_be_secret(name) && ends_in(&plain(name), &SECRET)
}

/// Whether the value of a query's parameter is a secret.
pub(crate) fn is_secret_in_query(name: &str) -> bool {
    is_secret(name) || SECRET_IN_QUERY.contains(&&*plain(name))
}

/// Whether a name's last words are one of these, or several of one.
fn ends_in(name: &str, secrets: &[&str]) -> bool {
    let one = name.strip_suffix('s').unwrap_or(name);
    secrets.iter().any(|secret| {
        let rest = name.strip_suffix(secret).or_else(|| one.strip_suffix(secret));
        rest.is_some_and(|rest| rest.is_empty() || rest.ends_with('-'))
    })
}

/// Whether a name's last letters, however written, are those of a secret's. Every header and every key of every body is
/// asked about, and almost none goes further.
fn may_be_secret(name: &str) -> bool {
    let one = name.strip_suffix(['s', 'S']).unwrap_or(name);
    one.as_bytes().last_chunk::<3>().is_some_and(|last| {
        matches!(
            &last.map(|byte| byte.to_ascii_lowercase()),
            b"ion"
                | b"kie"
                | b"key"
                | b"ken"
                | b"ret"
                | b"ord"
                | b"ial"
                | b"ure"
                | b"col"
                | b"uth"
                | b"jwt"
                | b"swd"
                | b"pwd"
                | b"rer"
                | b"pat"
        )
    })
}

/// A name in lower case, its words joined by `-`: `api_key`, `X-Api-Key`, `accessToken`.
fn plain(name: &str) -> Cow<'_, str> {
    // So are nearly all of them already.
    if name.bytes().all(|byte| matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'-')) {
        return name.into();
    }
    let mut out = String::with_capacity(name.len() + 2);
    let mut lower = false;
    for character in name.chars() {
        if character.is_ascii_uppercase() && lower {
            out.push('-');
        }
        lower = character.is_ascii_lowercase();
        out.push(if matches!(character, '_' | '.') { '-' } else { character.to_ascii_lowercase() });
    }
    out.into()
}

/// Addresses within addresses, each coded once more, that are looked into.
const NESTED: usize = 4;

/// A path and query, or an address, without the secrets in its query and fragment and before its host.
pub(crate) fn target(text: &str) -> Cow<'_, str> {
    nested_target(text, NESTED)
}

fn nested_target(text: &str, depth: usize) -> Cow<'_, str> {
    // Nearly every path has nothing of the kind.
    if text.starts_with('/') && !text.bytes().any(|byte| matches!(byte, b'?' | b'#' | b'@' | b'%')) {
        return text.into();
    }
    let (place, rest) = text.split_at(text.find(['?', '#']).unwrap_or(text.len()));
    let place_shown = shown_place(place, depth);
    // Each with the mark before it: `?a=1`, `&b=2`, `#c=3`.
    let mut marks: Vec<usize> = rest.match_indices(['?', '&', '#']).map(|(at, _)| at).collect();
    marks.push(rest.len());
    let pairs = marks.windows(2).filter_map(|ends| rest.get(ends[0]..ends[1]));
    let shown: Vec<Cow<str>> = pairs.map(|pair| shown_pair(pair, depth)).collect();
    match (&place_shown, shown.iter().all(|pair| matches!(pair, Cow::Borrowed(_)))) {
        (Cow::Borrowed(_), true) => text.into(),
        _ => (place_shown.into_owned() + &shown.concat()).into(),
    }
}

/// What stands before a query, without who asks and without the secrets of addresses in it: `/to/https%3A%2F%2Fme@host`.
fn shown_place(place: &str, depth: usize) -> Cow<'_, str> {
    let shown = match without_user(place) {
        Some(shown) => Cow::Owned(shown),
        None => place.into(),
    };
    if !shown.contains('%') {
        return shown;
    }
    let segments: Vec<Cow<str>> = shown.split('/').map(|segment| shown_coded(segment, depth)).collect();
    match segments.iter().all(|segment| matches!(segment, Cow::Borrowed(_))) {
        true => shown,
        false => segments.join("/").into(),
    }
}

/// An address whose host is asked by somebody, without who that is.
fn without_user(address: &str) -> Option<String> {
    let (scheme, rest) = address.split_once("://")?;
    let (user, _) = rest.split('/').next().unwrap_or_default().rsplit_once('@')?;
    Some(format!("{scheme}://{}{}", redact(user), &rest[user.len()..]))
}

/// `&name=value` without its secret: all of the value, or that of an address in it.
fn shown_pair(pair: &str, depth: usize) -> Cow<'_, str> {
    if let Some(at) = secret_in(pair) {
        let (open, secret) = pair.split_at(at);
        return match secret {
            "" => pair.into(),
            secret => (open.to_string() + &redact(secret)).into(),
        };
    }
    let (name, value) = pair.split_at(pair.find('=').map_or(pair.len().min(1), |at| at + 1));
    let plain = without_user(value).map_or(Cow::Borrowed(value), Cow::Owned);
    match (&plain, shown_coded(&plain, depth)) {
        (Cow::Borrowed(_), Cow::Borrowed(_)) => pair.into(),
        (_, shown) => (name.to_string() + &shown).into(),
    }
}

/// A percent-encoded text without the secrets of addresses that it has when it is read.
fn shown_coded(text: &str, depth: usize) -> Cow<'_, str> {
    if depth == 0 || !text.contains('%') {
        return text.into();
    }
    match addresses(&crate::url::decode(text), depth - 1) {
        Cow::Borrowed(_) => text.into(),
        // What stands for the rest of a secret stays readable, and known when it is looked at again.
        Cow::Owned(shown) => crate::url::encode(&shown).replace("%E2%80%A6", "…").into(),
    }
}

/// Where the secret of `&name=value` begins. Some part pairs by `;`, and some values have one: behind the first secret
/// nothing is shown.
pub(crate) fn secret_in(pair: &str) -> Option<usize> {
    let mut end = 0;
    pair.split_inclusive(';').find_map(|part| {
        let start = end;
        end += part.len();
        let (name, _) = part.split_once('=')?;
        let named = name.trim_start_matches(['?', '&', '#']);
        is_secret_in_query(&crate::url::decode(named)).then_some(start + name.len() + 1)
    })
}

/// What stands between and around the addresses of a header.
const AROUND: [char; 5] = [' ', '\t', '<', '>', '"'];

/// A text without the secrets in its addresses.
fn addresses(text: &str, depth: usize) -> Cow<'_, str> {
    let mut out = String::with_capacity(text.len());
    // What may stand around an address stands in none.
    for part in text.split_inclusive(AROUND) {
        let (address, mark) = part.split_at(part.trim_end_matches(AROUND).len());
        out.push_str(&nested_target(address, depth));
        out.push_str(mark);
    }
    if out == text { text.into() } else { out.into() }
}

/// A header's value without the secrets in its addresses.
pub(crate) fn header_value(value: &[u8]) -> Cow<'_, [u8]> {
    // Every header of every request is asked, and almost none has one of these.
    if memchr::memchr3(b'?', b'#', b'@', value).is_none() && memchr::memchr(b'%', value).is_none() {
        return value.into();
    }
    let text = String::from_utf8_lossy(value);
    match addresses(&text, NESTED) {
        Cow::Borrowed(_) => value.into(),
        Cow::Owned(shown) => shown.into_bytes().into(),
    }
}

/// Whether a text begins as an address does.
fn is_address(text: &str) -> bool {
    // Every text of every body is asked: most are none by their first space.
    let scheme = text.bytes().take_while(u8::is_ascii_alphabetic).take(12).count();
    scheme < 12 && text.as_bytes()[scheme..].starts_with(b"://")
}

/// A request's body without its secrets: what opens the MCP servers it names, keys, addresses with keys in them.
pub(crate) fn body(body: &Value) -> Cow<'_, Value> {
    let mut copy = None;
    hide(body, false, &mut Vec::new(), &mut |path, hidden| {
        let whole = copy.get_or_insert_with(|| body.clone());
        let place = path.iter().try_fold(whole, |value, step| match step {
            PathStep::Key(key) => value.get_mut(*key),
            PathStep::Item(index) => value.get_mut(*index),
        });
        if let Some(place) = place {
            *place = Value::from(hidden);
        }
    });
    copy.map_or(Cow::Borrowed(body), Cow::Owned)
}

/// A body's bytes without its secrets; a copy in any case.
pub(crate) fn body_bytes(value: &Value, bytes: &Bytes) -> Bytes {
    match body(value) {
        // A slice would keep the connection's whole buffer.
        Cow::Borrowed(_) => Bytes::copy_from_slice(bytes),
        Cow::Owned(hidden) => hidden.to_string().into(),
    }
}

/// A step on the way to a value.
enum PathStep<'a> {
    Key(&'a str),
    Item(usize),
}

/// Tells of every secret below `value`: where it is, and what is shown of it. `secret` = every text is one.
fn hide<'a>(
    value: &'a Value,
    secret: bool,
    path: &mut Vec<PathStep<'a>>,
    found: &mut impl FnMut(&[PathStep<'a>], String),
) {
    match value {
        Value::String(text) if secret && !text.is_empty() => found(path, redact(text)),
        Value::String(text) if is_address(text) => {
            if let Cow::Owned(hidden) = target(text) {
                found(path, hidden);
            }
        }
        Value::Object(map) => {
            // The headers for an MCP server are all its own affair; a schema may have a property of this name.
            let server = || map.contains_key("server_label") || map.get("type").is_some_and(|kind| kind == "mcp");
            // What a container puts into requests to a domain: `{"domain", "name", "value"}`.
            let domain = path.len().checked_sub(2).and_then(|before| path.get(before));
            let domain = matches!(domain, Some(PathStep::Key("domain_secrets")));
            // What a credential of a vault opens something with; a schema's `auth` has no texts of such names.
            let credential = matches!(path.last(), Some(PathStep::Key("auth"))) && map.contains_key("type");
            let opens = |key: &str| {
                domain && key == "value"
                    || credential && (is_secret(key) || matches!(key, "value" | "secret_value"))
                    || names_secret(key)
            };
            for (key, value) in map {
                let secret = secret || key == "headers" && server() || opens(key) && is_text(value);
                path.push(PathStep::Key(key));
                hide(value, secret, path, found);
                path.pop();
            }
        }
        Value::Array(items) => {
            for (index, item) in items.iter().enumerate() {
                path.push(PathStep::Item(index));
                hide(item, secret, path, found);
                path.pop();
            }
        }
        _ => {}
    }
}

/// One text, or several.
fn is_text(value: &Value) -> bool {
    value.is_string() || value.as_array().is_some_and(|items| items.iter().all(Value::is_string))
}

/// A key as OpenAI shows it: up to 11 characters whole, else the first 8, asterisks, the last 4 (real-traffic §3).
pub(crate) fn mask(key: &str) -> String {
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
pub(crate) fn label(key: &str) -> String {
    format!("{}{:04x}", redact(key), crate::random::key(0, &[key.as_bytes()]) as u16)
}

/// A secret as the emulator's own pages and journal show it: its beginning, never all of it.
pub(crate) fn redact(secret: &str) -> String {
    let secret = match secret.split_once(' ') {
        Some((scheme, key)) if scheme.eq_ignore_ascii_case("bearer") => key.trim_start(),
        _ => secret,
    };
    let length = secret.chars().take(7).count();
    // What is shown already stays as it is.
    if length <= 4 && secret.ends_with('…') {
        return secret.to_string();
    }
    let shown = 3.min(length / 2);
    let kept = secret.char_indices().nth(shown).map_or(secret, |(end, _)| &secret[..end]);
    [kept, "…"].concat()
}

#[cfg(test)]
#[path = "redact_tests.rs"]
mod tests;
