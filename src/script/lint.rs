//! What loads but is surely not meant.

use crate::script::Rule;
use crate::script::language::REPLY;
use crate::script::matching::family::cannot_answer;
use crate::script::matching::family::shadows;
use crate::wire::value::Holds;
use serde_json::Value;
use std::sync::Arc;

/// (JSON path, message) of all that can be said against a script that loads, without running it: `rules` are its own,
/// `above` those that come before them (files it extends).
pub(crate) fn lint(script: &Value, above: &[Arc<Rule>], rules: &[Arc<Rule>]) -> Vec<(String, String)> {
    let mut found = Vec::new();
    for key in script["responses"].members().map(|(key, _)| key).filter(|key| REPLY.has(key)) {
        let message = format!(
            "\"{key}\" is a regex here: an object of responses maps regexes to replies. A reply goes in a list: \
             [{{\"{key}\": …}}]"
        );
        found.push((format!("responses.{key}"), message));
    }
    for (index, rule) in rules.iter().enumerate() {
        if let Some(message) = doubt(rule, above.iter().chain(&rules[..index])) {
            found.push((rule.path.to_string(), message));
        }
    }
    found
}

/// Why a rule will never answer, given those above it.
fn doubt<'a>(rule: &Rule, mut above: impl Iterator<Item = &'a Arc<Rule>>) -> Option<String> {
    if rule.times == Some(0) {
        return Some("never used: times is 0".into());
    }
    if let Some(operation) = cannot_answer(rule) {
        return Some(format!("never used: such a reply cannot answer {operation}"));
    }
    let upper = above.find(|upper| shadows(upper, rule))?;
    Some(format!("never reached: {} takes every request it could match, without limit", upper.label()))
}
