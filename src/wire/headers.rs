//! A request's headers as conditions, reply functions and the journal see them.

use crate::redact::veil::Veil;
use crate::redact::{header_value, is_secret, redact};
use hyper::header::HeaderMap;
use memchr::memchr_iter;
use std::borrow::Cow;

/// Headers that concern one connection alone (RFC 9110 §7.6.1): who passes a message on leaves them out.
pub(crate) const HOP_BY_HOP: [&str; 6] =
    ["connection", "keep-alive", "proxy-connection", "te", "trailer", "transfer-encoding"];

/// Names in lower case with their values, in order; keys, cookies and what addresses hold of them redacted. One text,
/// because the journal keeps thousands of them.
#[derive(Debug, Clone, Default, serde::Serialize, serde::Deserialize)]
#[serde(from = "Box<str>", into = "Box<str>")]
pub(crate) struct Headers {
    lines: Box<str>,
    /// A bit for each name there is: most questions are about headers that are not there.
    names: u64,
}

impl From<Box<str>> for Headers {
    fn from(lines: Box<str>) -> Self {
        let mut headers = Headers { lines, names: 0 };
        headers.names = headers.iter().fold(0, |names, (name, _)| names | bit(name));
        headers
    }
}

impl From<Headers> for Box<str> {
    fn from(headers: Headers) -> Self {
        headers.lines
    }
}

/// The bit of a name, which others may share.
fn bit(name: &str) -> u64 {
    let ends = name.as_bytes().first().zip(name.as_bytes().last());
    let sum = ends.map_or(0, |(first, last)| usize::from(*first) * 7 + usize::from(*last) * 3 + name.len());
    1 << (sum % 64)
}

impl Headers {
    /// Bytes that are no text become replacement characters.
    pub(crate) fn of(map: &HeaderMap) -> Self {
        let mut lines = Vec::with_capacity(map.iter().map(|(name, value)| name.as_str().len() + value.len() + 2).sum());
        let mut names = 0;
        for (name, value) in map {
            let (name, value) = (name.as_str(), value.as_bytes());
            names |= bit(name);
            // HTTP allows no line end in a value and no colon in a name.
            lines.extend_from_slice(name.as_bytes());
            lines.push(b':');
            match is_secret(name) {
                true => lines.extend_from_slice(redact(&String::from_utf8_lossy(value)).as_bytes()),
                false => lines.extend_from_slice(&header_value(value)),
            }
            lines.push(b'\n');
        }
        // All at once: names and what is between are ASCII, so no value reaches into the next.
        let lines = String::from_utf8(lines);
        let lines = lines.unwrap_or_else(|error| String::from_utf8_lossy(error.as_bytes()).into_owned());
        Headers { lines: lines.into(), names }
    }

    /// One header alone.
    #[cfg(test)]
    pub(crate) fn single(name: &'static str, value: &str) -> Self {
        let value = value.parse().unwrap_or(hyper::header::HeaderValue::from_static("?"));
        Headers::of(&HeaderMap::from_iter([(hyper::header::HeaderName::from_static(name), value)]))
    }

    /// Without a key that values repeat.
    pub(crate) fn veiled(self, veil: &Veil) -> Self {
        match veil.text(&self.lines) {
            Cow::Borrowed(_) => self,
            Cow::Owned(lines) => lines.into_boxed_str().into(),
        }
    }

    /// Bytes of all of them.
    pub(crate) fn size(&self) -> usize {
        self.lines.len()
    }

    /// Name and value of each.
    pub(crate) fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        lines(&self.lines).filter_map(|line| line.split_once(':'))
    }

    /// The values of one header; the name in lower case.
    pub(crate) fn all<'a>(&'a self, name: &str) -> impl Iterator<Item = &'a str> {
        // Asked some ten times a request: what begins with another name is not looked through.
        let all = if self.names & bit(name) == 0 { "" } else { &*self.lines };
        lines(all).filter_map(move |line| line.strip_prefix(name)?.strip_prefix(':'))
    }
}

fn lines(all: &str) -> impl Iterator<Item = &str> {
    let mut start = 0;
    memchr_iter(b'\n', all.as_bytes()).map(move |end| {
        let line = &all[start..end];
        start = end + 1;
        line
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use hyper::header::HeaderValue;

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
        map.append("x-team", HeaderValue::from_bytes(b"\xe4 caf\xc3\xa9 \xc3").unwrap());
        map.append("x-team", "c".parse().unwrap());
        assert_eq!(Headers::of(&map).all("x-team").collect::<Vec<_>>(), ["a: b", "", "\u{fffd} café \u{fffd}", "c"]);
    }

    #[test]
    fn they_are_kept_as_text_and_still_found() {
        let headers = Headers::single("x-team", "a");
        let kept = serde_json::to_value(&headers).unwrap();
        assert_eq!(kept, "x-team:a\n");
        let again: Headers = serde_json::from_value(kept).unwrap();
        assert_eq!(
            (again.all("x-team").next(), again.all("x-teams").next(), again.names),
            (Some("a"), None, headers.names)
        );
    }
}
