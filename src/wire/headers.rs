//! A request's headers as conditions, reply functions and the journal see them.

use crate::redact::{is_secret, redact};
use hyper::header::HeaderMap;
use memchr::memchr_iter;
use std::borrow::Cow;

/// Headers that concern one connection alone (RFC 9110 §7.6.1): who passes a message on leaves them out.
pub(crate) const HOP_BY_HOP: [&str; 6] =
    ["connection", "keep-alive", "proxy-connection", "te", "trailer", "transfer-encoding"];

/// Names in lower case with their values, in order; keys and cookies redacted. One text, because the journal keeps
/// thousands of them.
#[derive(Debug, Clone, Default, serde::Serialize, serde::Deserialize)]
pub(crate) struct Headers(Box<str>);

impl Headers {
    /// Bytes that are no text become replacement characters.
    pub(crate) fn of(map: &HeaderMap) -> Self {
        let mut lines =
            String::with_capacity(map.iter().map(|(name, value)| name.as_str().len() + value.len() + 2).sum());
        for (name, value) in map {
            // Nearly all of them are ASCII, which is looked at in great steps.
            let text = match std::str::from_utf8(value.as_bytes()) {
                Ok(text) => Cow::Borrowed(text),
                Err(_) => String::from_utf8_lossy(value.as_bytes()),
            };
            // HTTP allows no line end in a value and no colon in a name.
            lines.push_str(name.as_str());
            lines.push(':');
            match is_secret(name.as_str()) {
                true => lines.push_str(&redact(&text)),
                false => lines.push_str(&text),
            }
            lines.push('\n');
        }
        Headers(lines.into())
    }

    /// One header alone.
    #[cfg(test)]
    pub(crate) fn single(name: &'static str, value: &str) -> Self {
        let value = value.parse().unwrap_or(hyper::header::HeaderValue::from_static("?"));
        Headers::of(&HeaderMap::from_iter([(hyper::header::HeaderName::from_static(name), value)]))
    }

    /// Bytes of all of them.
    pub(crate) fn size(&self) -> usize {
        self.0.len()
    }

    /// Name and value of each.
    pub(crate) fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        self.lines().filter_map(|line| line.split_once(':'))
    }

    fn lines(&self) -> impl Iterator<Item = &str> {
        let mut start = 0;
        memchr_iter(b'\n', self.0.as_bytes()).map(move |end| {
            let line = &self.0[start..end];
            start = end + 1;
            line
        })
    }

    /// The values of one header; the name in lower case.
    pub(crate) fn all<'a>(&'a self, name: &str) -> impl Iterator<Item = &'a str> {
        // Asked some ten times a request: what begins with another name is not looked through.
        self.lines().filter_map(move |line| line.strip_prefix(name)?.strip_prefix(':'))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_stay_whole_and_keys_do_not() {
        let mut map = HeaderMap::new();
        for (name, value) in
            [("x-team", "a: b"), ("x-team", ""), ("authorization", "Bearer sk-123456"), ("cookie", "session=secret")]
        {
            map.append(name, value.parse().unwrap());
        }
        let headers = Headers::of(&map);
        assert_eq!(headers.all("x-team").collect::<Vec<_>>(), ["a: b", ""]);
        assert_eq!(headers.all("authorization").next(), Some("sk-…"));
        assert_eq!(headers.all("cookie").next(), Some("ses…"));
        assert_eq!(headers.iter().count(), 4);
    }
}
