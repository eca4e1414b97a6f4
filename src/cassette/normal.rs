//! What makes two requests the same: operation and body, without what changes from run to run.

use super::redaction::Redaction;
use crate::random;
use crate::script::place::clip;
use crate::sorting;
use regex::{Captures, Regex};
use serde_json::{Map, Value};
use std::borrow::Cow;
use std::sync::LazyLock;

/// Says how it is answered, or who asks: never what.
const ASIDE: [&str; 5] = ["stream", "stream_options", "user", "safety_identifier", "prompt_cache_key"];

/// Things that are made anew in every run. Ids: OpenAI's prefixes with a long random rest.
static CHANGING: LazyLock<Option<Regex>> = LazyLock::new(|| {
    Regex::new(
        r"(?x-u)
        (?P<uuid> \b [0-9a-fA-F]{8} - [0-9a-fA-F]{4} - [0-9a-fA-F]{4} - [0-9a-fA-F]{4} - [0-9a-fA-F]{12} \b )
        | (?P<time> \b [0-9]{4} - [01][0-9] - [0-3][0-9] [T\x20] [0-2][0-9] : [0-5][0-9] (?: : [0-5][0-9] (?: \.[0-9]+ )? )? (?: Z | [+-][0-9]{2}:?[0-9]{2} )? )
        | (?P<id> \b (?: resp|msg|call|fc|fco|rs|ws|fs|ci|cntr|cfile|ig|mcp|mcpl|mcpr|mcpa|cu|ctc|ctco|lsh|sh|ap|cmp|chatcmpl|cmpl|file|asst|thread|run|step|vs|vsfb|batch|conv|req|item|sess|event|upload|ftjob|ftckpt|eval|evalrun|call_id|toolu ) [_-] [A-Za-z0-9]{8,} \b )",
    )
    .ok()
});

/// What is left out, beside what always is.
#[derive(Debug, Clone, Default)]
pub(crate) struct Matching {
    pub(crate) redaction: Redaction,
    /// `messages.*.name`: a key or a place a step.
    paths: Vec<Vec<String>>,
    patterns: Vec<Regex>,
}

impl Matching {
    /// `ignored`: paths of the body (`metadata.run`, `messages[*].name`), and patterns between slashes whose text in any
    /// string does not count.
    ///
    /// # Errors
    /// A pattern is none.
    pub(crate) fn new(redaction: Redaction, ignored: &[String]) -> Result<Self, String> {
        let mut matching = Matching { redaction, ..Matching::default() };
        for one in ignored {
            match one.strip_prefix('/').and_then(|rest| rest.strip_suffix('/')) {
                Some(pattern) => matching.patterns.push(
                    Regex::new(pattern)
                        .map_err(|error| format!("options: replayIgnore: {one} is no pattern: {error}"))?,
                ),
                None => {
                    let steps = one.trim_start_matches("$.").split(['.', '[']);
                    let steps = steps.map(|step| step.trim_end_matches(']').to_string());
                    matching.paths.push(steps.filter(|step| !step.is_empty()).collect());
                }
            }
        }
        Ok(matching)
    }

    /// The path, query and body of a request as they are compared, and as they are kept. `body` has no secrets any more.
    pub(crate) fn normal(&self, operation: &str, path: &str, query: &str, mut body: Value) -> Value {
        if let Some(map) = body.as_object_mut() {
            map.retain(|key, _| !ASIDE.contains(&key.as_str()));
        }
        self.mask_value(&mut body);
        for path in &self.paths {
            remove(&mut body, path);
        }
        let mut pairs: Vec<&str> = query.split('&').filter(|pair| !pair.is_empty()).collect();
        sorting::by(&mut pairs, Ord::cmp);
        let mut normal = Map::new();
        normal.insert("operation".into(), operation.into());
        normal.insert("path".into(), self.mask(path).into());
        normal.insert("query".into(), self.mask(&pairs.join("&")).into());
        normal.insert("body".into(), body);
        Value::Object(normal)
    }

    /// A request as it came: without secrets, then as it is compared.
    pub(crate) fn of(&self, operation: &str, path: &str, query: &str, body: Cow<'_, Value>) -> Value {
        let mut body = match crate::redact::body(&body) {
            Cow::Owned(clean) => clean,
            Cow::Borrowed(_) => body.into_owned(),
        };
        self.redaction.value(&mut body);
        self.normal(operation, &self.redaction.text(path), &self.redaction.query(query), body)
    }

    /// Takes what changes from run to run out of a value; nulls count as left out.
    pub(crate) fn mask_value(&self, value: &mut Value) {
        match value {
            Value::String(text) => {
                if let Cow::Owned(masked) = self.mask(text) {
                    *text = masked;
                }
            }
            Value::Array(items) => items.iter_mut().for_each(|item| self.mask_value(item)),
            Value::Object(map) => {
                map.retain(|_, value| !value.is_null());
                map.values_mut().for_each(|value| self.mask_value(value));
            }
            _ => {}
        }
    }

    fn mask<'a>(&self, text: &'a str) -> Cow<'a, str> {
        let mut text = mask(text);
        for pattern in &self.patterns {
            if let Cow::Owned(changed) = pattern.replace_all(&text, "<…>") {
                text = Cow::Owned(changed);
            }
        }
        text
    }
}

/// A text without ids and times.
pub(super) fn mask(text: &str) -> Cow<'_, str> {
    // All of them have digits and one of these two.
    let may = text.len() > 11 && text.bytes().any(|byte| matches!(byte, b'-' | b'_'));
    let Some(changing) = CHANGING.as_ref().filter(|_| may && text.bytes().any(|byte| byte.is_ascii_digit())) else {
        return text.into();
    };
    changing.replace_all(text, |found: &Captures| {
        let whole = &found[0];
        match () {
            () if found.name("uuid").is_some() => "<uuid>".to_string(),
            () if found.name("time").is_some() => "<time>".to_string(),
            // A word is none.
            () if whole.bytes().any(|byte| byte.is_ascii_digit()) => "<id>".to_string(),
            () => whole.to_string(),
        }
    })
}

fn remove(value: &mut Value, path: &[String]) {
    let Some((first, rest)) = path.split_first() else { return };
    let every = first == "*";
    match value {
        Value::Object(map) if rest.is_empty() => map.retain(|key, _| !every && key != first),
        Value::Object(map) => {
            map.iter_mut().filter(|(key, _)| every || *key == first).for_each(|(_, value)| remove(value, rest));
        }
        Value::Array(items) => {
            let chosen = first.parse::<usize>().ok();
            for (index, item) in items.iter_mut().enumerate() {
                if every || chosen == Some(index) {
                    match rest.is_empty() {
                        // Places stay what they were.
                        true => *item = Value::Null,
                        false => remove(item, rest),
                    }
                }
            }
        }
        _ => {}
    }
}

/// The hash by which equal requests find each other.
pub(crate) fn hash(normal: &Value) -> u64 {
    random::canonical(normal)
}

/// Where two requests differ: path, the recorded value, the one that came. At most `most` of them.
pub(crate) fn differences(recorded: &Value, came: &Value, most: usize) -> Vec<(String, String, String)> {
    let mut found = Vec::new();
    differ(recorded, came, "", most, &mut found);
    found
}

fn differ(one: &Value, other: &Value, path: &str, most: usize, found: &mut Vec<(String, String, String)>) {
    static EMPTY: LazyLock<Map<String, Value>> = LazyLock::new(Map::new);
    if found.len() >= most || one == other {
        return;
    }
    let join = |key: &str| if path.is_empty() { key.to_string() } else { format!("{path}.{key}") };
    match (one, other) {
        (Value::Object(_), Value::Object(_)) => {
            let (one, other) = (one.as_object().unwrap_or(&EMPTY), other.as_object().unwrap_or(&EMPTY));
            for (key, value) in one {
                match other.get(key) {
                    Some(there) => differ(value, there, &join(key), most, found),
                    None => note(found, most, join(key), Some(value), None),
                }
            }
            for (key, value) in other.iter().filter(|(key, _)| !one.contains_key(*key)) {
                note(found, most, join(key), None, Some(value));
            }
        }
        (Value::Array(ones), Value::Array(others)) => {
            for index in 0..ones.len().max(others.len()) {
                let path = format!("{path}[{index}]");
                match (ones.get(index), others.get(index)) {
                    (Some(one), Some(other)) => differ(one, other, &path, most, found),
                    (one, other) => note(found, most, path, one, other),
                }
            }
        }
        (Value::String(one), Value::String(other)) => {
            let (one, other) = from_difference(one, other);
            note(found, most, path.to_string(), Some(&one.into()), Some(&other.into()));
        }
        _ => note(found, most, path.to_string(), Some(one), Some(other)),
    }
}

/// Two texts from shortly before where they part.
fn from_difference(one: &str, other: &str) -> (String, String) {
    let same = one.chars().zip(other.chars()).take_while(|(one, other)| one == other).count();
    let cut = |text: &str| match same.saturating_sub(30) {
        0 => text.to_string(),
        skipped => text.chars().skip(skipped).fold("…".to_string(), |mut text, letter| {
            text.push(letter);
            text
        }),
    };
    (cut(one), cut(other))
}

fn note(
    found: &mut Vec<(String, String, String)>,
    most: usize,
    path: String,
    recorded: Option<&Value>,
    came: Option<&Value>,
) {
    if found.len() < most {
        let shown = |value: Option<&Value>| value.map_or("nothing".into(), |value| clip(&value.to_string()));
        found.push((path, shown(recorded), shown(came)));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn matching(ignored: &[&str]) -> Matching {
        let ignored: Vec<String> = ignored.iter().map(|one| one.to_string()).collect();
        Matching::new(Redaction::default(), &ignored).expect("patterns")
    }

    #[test]
    fn ids_times_and_the_form_of_the_answer_do_not_count() {
        let plain = matching(&[]);
        let of = |body: Value| hash(&plain.of("x", "/v1/x", "", Cow::Owned(body)));
        let ask = |text: &str, more: Value| {
            let mut body = json!({"model": "gpt-4o", "messages": [{"role": "user", "content": text}]});
            body.as_object_mut().expect("an object").extend(more.as_object().cloned().unwrap_or_default());
            of(body)
        };
        let first = ask("Order 6f1c2d3e-0000-4000-8000-aabbccddeeff of 2026-11-26T10:11:12.5Z", json!({"user": "ann"}));
        let stream = json!({"stream": true, "stream_options": {"include_obfuscation": false}, "seed": null});
        let again = ask("Order 00000000-0000-4000-8000-000000000000 of 2025-01-01 00:00", stream);
        assert_eq!(first, again);
        assert_ne!(first, ask("Order 7 of 2026", json!({})));
        let call = |id: &str| ask("x", json!({"previous_response_id": id}));
        assert_eq!(call("resp_0123456789abcdef"), call("resp_fedcba9876543210"));
        assert_ne!(call("resp_0123456789abcdef"), ask("x", json!({})));
        assert_ne!(ask("step-by-step-procedure", json!({})), ask("step-by-step-procedures", json!({})));
        assert_ne!(ask("file_management", json!({})), ask("file_conversion", json!({})));
    }

    #[test]
    fn listed_paths_and_patterns_do_not_count_either() {
        let own = matching(&["metadata.run", "messages[*].name", "/build [0-9]+/"]);
        let of = |body: Value| hash(&own.of("x", "/v1/x", "", Cow::Owned(body)));
        let one = json!({"metadata": {"run": "1", "kind": "a"}, "messages": [{"name": "a", "content": "build 17 ok"}]});
        let two = json!({"metadata": {"run": "2", "kind": "a"}, "messages": [{"name": "b", "content": "build 9 ok"}]});
        let three =
            json!({"metadata": {"run": "2", "kind": "b"}, "messages": [{"name": "b", "content": "build 9 ok"}]});
        assert_eq!(of(one), of(two.clone()));
        assert_ne!(of(two), of(three));
        assert!(Matching::new(Redaction::default(), &["/(/".into()]).is_err());
    }

    #[test]
    fn differences_say_where() {
        let one = json!({"a": {"b": [1, {"c": "x"}]}, "d": 1});
        let two = json!({"a": {"b": [1, {"c": "y"}, 3]}, "e": 2});
        let paths: Vec<String> = differences(&one, &two, 9).into_iter().map(|(path, ..)| path).collect();
        assert_eq!(paths, ["a.b[1].c", "a.b[2]", "d", "e"]);
    }
}
