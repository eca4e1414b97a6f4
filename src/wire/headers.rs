//! A request's headers as conditions, reply functions and the journal see them.

use crate::redact::{is_secret, redact};
use hyper::header::HeaderMap;

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
            let text = String::from_utf8_lossy(value.as_bytes());
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
        self.0.lines().filter_map(|line| line.split_once(':'))
    }

    /// The values of one header; the name in lower case.
    pub(crate) fn all<'a>(&'a self, name: &str) -> impl Iterator<Item = &'a str> {
        self.iter().filter(move |(key, _)| *key == name).map(|(_, value)| value)
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
