//! The script language.

use super::twice;
use crate::budget::Budget;
use crate::reply::validator::CompiledSchema;
use crate::script::{self, Load, Origin, Rule, ScriptError, pieces};
use serde_json::{Map, Value, json};
use std::sync::LazyLock;

/// As it is published.
static SCHEMA: LazyLock<Value> =
    LazyLock::new(|| serde_json::from_str(include_str!("../../script.schema.json")).unwrap_or_default());

/// Keys that load but are no part of the published language.
const HIDDEN: &[&str] = &["called_at"];

/// A script as JSON: it loads the same twice, wherever it comes from; what loads satisfies the published schema; each rule
/// as it is kept loads as the same rule; what does not load says where and why.
pub fn scripts(bytes: &[u8]) {
    let Ok(text) = str::from_utf8(bytes) else { return };
    let _ = twice(|| format!("{:?}", pieces::read(text)));
    for origin in [Origin::InProcess, Origin::File, Origin::Http] {
        let loaded = script::load(text, origin);
        assert_eq!(shown(&loaded), shown(&script::load(text, origin)));
        match loaded {
            Ok(load) => holds(text, origin, &load),
            Err(error) => assert!(!error.message.is_empty(), "{error:?}"),
        }
    }
}

fn shown(loaded: &Result<Load, ScriptError>) -> String {
    format!("{loaded:?}")
}

/// What must be true of a script that loads.
fn holds(text: &str, origin: Origin, load: &Load) {
    let script = script::parse(text).unwrap_or_else(|broken| panic!("{broken:?}"));
    for (path, message) in script::lint(&script, &[], &load.rules) {
        assert!(!path.is_empty() && !message.is_empty());
    }
    let again = script::load(&script.to_string(), origin);
    assert_eq!(shown(&again), format!("Ok({load:?})"), "it is written and loads as another");
    for rule in &load.rules {
        assert!(!rule.replies.is_empty() && !rule.path.is_empty());
        kept(rule, origin);
    }
    if origin == Origin::File && !HIDDEN.iter().any(|key| script.get(key).is_some()) {
        let budget = Budget::of(u64::MAX);
        let breaches = CompiledSchema::of(&SCHEMA, &budget).and_then(|schema| schema.breaches(&script, 3, &budget));
        assert_eq!(breaches, Ok(Vec::new()), "{script} loads");
    }
}

/// A rule as it is kept loads as the rule it was.
fn kept(rule: &Rule, origin: Origin) {
    let source = rule.source.to_json();
    let listed = rule.path.strip_prefix("responses[").map(|rest| !rest.starts_with('"'));
    let listed = listed.unwrap_or(*rule.path == *"responses" || rule.path.starts_with("rules["));
    let key = if listed { "rules" } else { "responses" };
    let value = if listed { json!([source]) } else { source };
    let script = Value::Object(Map::from_iter([(key.to_string(), value)]));
    let loaded = script::load_value(script.clone(), origin).unwrap_or_else(|error| panic!("{script}: {error}"));
    let [again] = loaded.rules.as_slice() else { panic!("{script}: {} rules", loaded.rules.len()) };
    let said = |rule: &Rule| {
        let Rule { name, matcher, replies, times, expect, optional, source, .. } = rule;
        format!("{name:?} {matcher:?} {replies:?} {times:?} {expect:?} {optional:?} {source:?}")
    };
    assert_eq!(said(again), said(rule));
}
