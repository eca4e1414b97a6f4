//! What is allowed but surely not meant.

use super::language::REPLY;
use super::{Load, Origin, Rule, load, locate, parse};
use serde_json::Value;
use std::sync::Arc;

/// Something in a script that loads, but hardly does what its author thinks; or the reason why it does not load.
#[derive(Debug, Clone, PartialEq)]
pub struct Warning {
    pub path: String,
    /// From 1.
    pub line: usize,
    /// In characters, from 1.
    pub column: usize,
    pub message: String,
}

/// All that can be said of a script's JSON text without running it.
pub fn lint(text: &str) -> Vec<Warning> {
    let found = match load(text, Origin::Http) {
        Err(error) => vec![(error.path, error.message)],
        Ok(load) => {
            let script = parse::strict(text).unwrap_or_default();
            shadowed(&load).chain(dead(&load)).chain(reply_keys(&script)).collect()
        }
    };
    let at = |(path, message): (String, String)| {
        let (line, column) = locate::position(text, &path);
        Warning { path, line, column, message }
    };
    found.into_iter().map(at).collect()
}

/// Rules below one that takes every request for ever.
fn shadowed(load: &Load) -> impl Iterator<Item = (String, String)> {
    let takes_all = |rule: &&Arc<Rule>| rule.matcher.is_any() && rule.times.is_none();
    let first = load.rules.iter().find(takes_all);
    let below = load.rules.iter().skip_while(move |rule| first.is_none_or(|first| !Arc::ptr_eq(first, rule))).skip(1);
    below.map(move |rule| {
        let by = first.map_or("", |first| first.label());
        (rule.path.clone(), format!("never reached: {by} matches everything, without limit"))
    })
}

fn dead(load: &Load) -> impl Iterator<Item = (String, String)> {
    let dead = load.rules.iter().filter(|rule| rule.times == Some(0));
    dead.map(|rule| (format!("{}.times", rule.path), "never used: times is 0".to_string()))
}

/// A map of patterns that reads like a Reply.
fn reply_keys(script: &Value) -> impl Iterator<Item = (String, String)> {
    let keys = script["responses"].as_object().into_iter().flatten().map(|(key, _)| key);
    keys.filter(|key| REPLY.has(key)).map(|key| {
        let message = format!("\"{key}\" is a regex here: an object of responses maps patterns to replies. A reply goes in a list: [{{\"{key}\": …}}]");
        (format!("responses.{key}"), message)
    })
}
