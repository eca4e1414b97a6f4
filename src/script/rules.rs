//! From checked JSON to rules, models and defaults.

use crate::script::language::STEP;
use crate::script::matching::Patterns;
use crate::script::replies::reply;
use crate::script::shape::COMMENT;
use crate::script::*;
use clap::ValueEnum;
use serde_json::{Map, json};

/// A whole script whose shape has been checked.
pub(super) fn script(mut script: Value, root: &Path, origin: Origin) -> Result<Load, ScriptError> {
    if script.get("extends").is_some() && origin != Origin::File {
        return Err(Path::Key(root, "extends").error("only script files can extend files; send the rules themselves"));
    }
    let (mut rules, mut patterns) = (Vec::new(), Patterns::default());
    let at = Path::Key(root, "responses");
    match taken(&mut script, "responses") {
        Value::Null => {}
        Value::Array(steps) => list(steps, &at, origin, &mut patterns, &mut rules)?,
        Value::Object(map) => {
            // As a regex it could match nothing.
            for (pattern, value) in map.into_iter().filter(|(pattern, _)| pattern != COMMENT) {
                rules.push(Arc::new(entry(&pattern, value, &Path::Key(&at, &pattern), origin, &mut patterns)?));
            }
        }
        text => rules.push(Arc::new(step(&text, &at, origin, &mut patterns)?)),
    }
    if let Value::Array(steps) = taken(&mut script, "rules") {
        list(steps, &Path::Key(root, "rules"), origin, &mut patterns, &mut rules)?;
    }
    if let Some(place) = script["called_at"].as_str() {
        let place: Arc<str> = place.into();
        rules.iter_mut().filter_map(Arc::get_mut).for_each(|rule| rule.place = Some(place.clone()));
    }
    if rules.len() > MOST_RULES {
        return Err(root.error(format!("{} rules; one script may have {MOST_RULES}", rules.len())));
    }
    Ok(Load {
        reset: script["reset"] == Value::Bool(true),
        models: models(&script["models"]),
        defaults: match &script["defaults"] {
            Value::Null => None,
            value => Some(defaults(value, &Path::Key(root, "defaults"), origin)?),
        },
        rules,
        text: None,
    })
}

/// The value of a key, or null; it is gone from the script then.
fn taken(script: &mut Value, key: &str) -> Value {
    script.get_mut(key).map(Value::take).unwrap_or_default()
}

fn list(
    steps: Vec<Value>,
    at: &Path,
    origin: Origin,
    patterns: &mut Patterns,
    rules: &mut Vec<Arc<Rule>>,
) -> Result<(), ScriptError> {
    for (index, value) in steps.into_iter().enumerate() {
        rules.push(Arc::new(step(&value, &Path::Index(at, index), origin, patterns)?));
    }
    Ok(())
}

/// An entry of a map: unlimited.
fn entry(
    pattern: &str,
    value: Value,
    path: &Path,
    origin: Origin,
    patterns: &mut Patterns,
) -> Result<Rule, ScriptError> {
    Ok(Rule {
        name: None,
        matcher: Match::read(&Value::from(pattern), path, patterns)?,
        replies: vec![Arc::new(reply(&value, path, origin)?)],
        times: None,
        expect: None,
        optional: false,
        path: path.to_string().into(),
        place: None,
        source: Source::new(&json!({pattern: value})),
    })
}

/// An item of a list: a rule, or a Reply that is a rule for anything, once.
fn step(value: &Value, path: &Path, origin: Origin, patterns: &mut Patterns) -> Result<Rule, ScriptError> {
    let replies = replies_of(value, path, origin)?;
    let mut condition = |key| match value.get(key) {
        Some(condition) => Match::read(condition, &Path::Key(path, key), patterns).map(Some),
        None => Ok(None),
    };
    let matcher = match (condition("match")?, condition("pattern")?) {
        (Some(_), Some(_)) => return Err(path.error("match and pattern are two names of the same; give one")),
        (one, other) => one.or(other).unwrap_or_default(),
    };
    let times = match value.get("times") {
        None => Some(replies.len() as u64),
        // A fraction is cut off: LLEmulator's scripts count on it.
        Some(times) => times.as_f64().filter(|times| *times > -1.0).map(|times| times as u64),
    };
    if times.is_some_and(|times| times > 0 && times < replies.len() as u64) {
        let message =
            format!("the last of these {} responses could never come: expected at least as many", replies.len());
        return Err(Path::Key(path, "times").error(message));
    }
    Ok(Rule {
        name: value.get("name").and_then(Value::as_str).map(str::to_string),
        matcher,
        replies,
        times,
        expect: condition("expect")?,
        optional: value.get("optional") == Some(&Value::Bool(true)),
        path: path.to_string().into(),
        place: None,
        source: Source::new(value),
    })
}

/// A step's replies: in `response`, in `responses`, or beside the rule's keys.
fn replies_of(value: &Value, path: &Path, origin: Origin) -> Result<Vec<Arc<Reply>>, ScriptError> {
    let Value::Object(keys) = value else { return Ok(vec![Arc::new(reply(value, path, origin)?)]) };
    let beside: Vec<&String> = keys.keys().filter(|key| STEP.with.is_some_and(|reply| reply.has(key))).collect();
    let other = beside.iter().find(|key| !["pace", "fault"].contains(&key.as_str()));
    match (keys.get("response"), keys.get("responses"), other) {
        (Some(value), None, None) => {
            let reply = reply(value, &Path::Key(path, "response"), origin)?;
            Ok(vec![Arc::new(delivered_by(keys, reply, path)?)])
        }
        (None, Some(Value::Array(items)), None) => {
            let at = Path::Key(path, "responses");
            let replies = items.iter().enumerate().map(|(index, item)| reply(item, &Path::Index(&at, index), origin));
            replies.map(|reply| Ok(Arc::new(delivered_by(keys, reply?, path)?))).collect()
        }
        (None, None, None) if beside.is_empty() => {
            Err(path.error("no reply; give response, responses, or a reply's keys such as text, tool_calls, error"))
        }
        (None, None, _) => {
            // What belongs to the rule is no part of the reply.
            let own: Map<String, Value> = keys
                .iter()
                .filter(|(key, _)| beside.contains(key))
                .map(|(key, value)| (key.clone(), value.clone()))
                .collect();
            Ok(vec![Arc::new(reply(&Value::Object(own), path, origin)?)])
        }
        (Some(_), Some(_), _) => Err(path.error("response and responses exclude each other; put all in responses")),
        (_, _, Some(key)) => {
            let given = if keys.contains_key("response") { "response" } else { "responses" };
            Err(Path::Key(path, key).error(format!("the reply stands in {given}; \"{key}\" belongs in there")))
        }
        (None, Some(_), None) => Err(path.error("responses must be a list of replies")),
    }
}

/// A rule may say once how its replies are delivered; a reply's own pace and fault go before.
fn delivered_by(rule: &Map<String, Value>, mut reply: Reply, path: &Path) -> Result<Reply, ScriptError> {
    if let Some(pace) = rule.get("pace") {
        reply.pace = reply.pace.or(&replies::pace(pace, &Path::Key(path, "pace"))?).into();
    }
    if let (None, Some(fault)) = (&reply.fault, rule.get("fault")) {
        reply.fault = Some(replies::fault(fault, &Path::Key(path, "fault"))?);
    }
    Ok(reply)
}

fn models(value: &Value) -> Option<Models> {
    let items = match value {
        Value::String(_) => return Some(Models::Any),
        Value::Array(items) if !items.is_empty() => items,
        _ => return None,
    };
    let text = |entry: &Value, key: &str| entry.get(key).and_then(Value::as_str).map(str::to_string);
    let keep_catalogue = items.first().is_some_and(|first| first == "...");
    let entries = items
        .iter()
        .skip(usize::from(keep_catalogue))
        .map(|entry| match entry {
            Value::String(id) => ModelEntry { id: id.clone(), ..ModelEntry::default() },
            entry => ModelEntry {
                id: text(entry, "id").unwrap_or_default(),
                context_window: entry.get("context_window").and_then(Value::as_u64),
                max_output_tokens: entry.get("max_output_tokens").and_then(Value::as_u64),
                owned_by: text(entry, "owned_by"),
            },
        })
        .collect();
    Some(Models::List { keep_catalogue, entries })
}

/// What a word names; it is one of them: its shape has been checked.
fn named<T: ValueEnum>(word: &str) -> Option<T> {
    T::from_str(word, false).ok()
}

fn defaults(value: &Value, path: &Path, origin: Origin) -> Result<Defaults, ScriptError> {
    let fallback = |key: &str| match value.get(key) {
        None => Ok::<_, ScriptError>(None),
        Some(Value::String(word)) => Ok(named(word).map(Fallback::Named)),
        Some(other) => Ok(Some(Fallback::Reply(Arc::new(reply(other, &Path::Key(path, key), origin)?)))),
    };
    let (fallback, on_unmatched) = (fallback("fallback")?, fallback("on_unmatched")?);
    if fallback.is_some() && on_unmatched.is_some() {
        return Err(path.error("fallback and on_unmatched are two names of the same; give one"));
    }
    let limit = |limit: &Value| RateLimit {
        rpm: limit["rpm"].as_u64(),
        tpm: limit["tpm"].as_u64(),
        rpd: limit["rpd"].as_u64(),
        tpd: limit["tpd"].as_u64(),
    };
    Ok(Defaults {
        pace: value.get("pace").map(|pace| replies::pace(pace, &Path::Key(path, "pace"))).transpose()?,
        fallback: fallback.or(on_unmatched),
        check_replies: value["check_replies"].as_str().and_then(named),
        rate_limits: value["rate_limits"]
            .as_object()
            .map(|limits| limits.iter().map(|(model, value)| (model.clone(), limit(value))).collect()),
        chaos: match value["chaos"].as_array() {
            None => None,
            Some(entries) => {
                let at = Path::Key(path, "chaos");
                let entries = entries.iter().enumerate();
                Some(entries.map(|(index, entry)| chaos(entry, &Path::Index(&at, index))).collect::<Result<_, _>>()?)
            }
        },
    })
}

fn chaos(value: &Value, path: &Path) -> Result<Chaos, ScriptError> {
    let when = match (value["probability"].as_f64(), value["every"].as_u64(), value["first"].as_u64()) {
        (Some(probability), None, None) => ChaosWhen::Probability(probability),
        (None, Some(every), None) => ChaosWhen::Every(every),
        (None, None, Some(first)) => ChaosWhen::First(first),
        _ => return Err(path.error("give one of probability, every, first")),
    };
    let (say, fault) = match (value.get("error"), value.get("fault")) {
        (Some(error), None) => (Say::Error(Box::new(replies::error(error, &Path::Key(path, "error"))?)), None),
        (None, Some(fault)) => (Say::Nothing, Some(replies::fault(fault, &Path::Key(path, "fault"))?)),
        _ => return Err(path.error("give one of error, fault")),
    };
    Ok(Chaos { reply: Reply { say, fault, ..Reply::default() }, when })
}
