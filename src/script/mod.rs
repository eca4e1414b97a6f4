//! The script language: JSON text to rules and replies, and its published schema.
//!
//! [`language`] describes every key once; [`shape`] checks scripts against that description and makes the schema of it.
//! What no shape can say (regexes, keys that exclude each other) is checked while [`rules`] and [`replies`] read.

mod binary;
#[cfg(test)]
mod example_tests;
pub(crate) mod files;
mod language;
mod lint;
pub(crate) mod matching;
mod parse;
mod parts;
pub(crate) mod pieces;
pub(crate) mod place;
pub(crate) mod play;
#[cfg(test)]
mod property_tests;
mod replies;
mod rules;
mod shape;
#[cfg(test)]
mod tests;
#[cfg(test)]
pub(crate) mod walk;

use crate::reply::pace::Pace;
use crate::reply::{Ask, Reply, Say};
use crate::script::matching::Match;
use place::Path;
use serde_json::Value;
use std::sync::Arc;

pub(crate) use lint::lint;
pub(crate) use parse::{Broken, strict as parse};
pub(crate) use place::ScriptError;

/// Most rules one load may bring.
pub(crate) const MOST_RULES: usize = 10_000;

/// Where a script comes from. Only in-process ones may name JavaScript functions (`{"callback": n}`).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Origin {
    Http,
    /// Only files may `extends` files: no path comes over HTTP.
    File,
    InProcess,
}

/// A script, read.
#[derive(Debug, Clone, Default)]
pub(crate) struct Load {
    pub reset: bool,
    /// `None` = the catalogue in force stays.
    pub models: Option<Models>,
    pub defaults: Option<Defaults>,
    /// In the order they are tried.
    pub rules: Vec<Arc<Rule>>,
    /// As it came, if it is to be kept across restarts.
    pub text: Option<Box<str>>,
}

/// Which models a session has.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Models {
    /// Every name.
    Any,
    /// These, and the catalogue too if it is kept.
    List { keep_catalogue: bool, entries: Vec<ModelEntry> },
}

/// A model a script names. What it leaves out a known id keeps.
#[derive(Debug, Clone, PartialEq, Default)]
pub(crate) struct ModelEntry {
    pub id: String,
    /// Tokens of prompt and answer together.
    pub context_window: Option<u64>,
    /// Tokens of the answer.
    pub max_output_tokens: Option<u64>,
    pub owned_by: Option<String>,
}

/// What holds for every reply of a session. `None` = not said.
#[derive(Debug, Clone, Default)]
pub(crate) struct Defaults {
    pub pace: Option<Pace>,
    pub fallback: Option<Fallback>,
    pub check_replies: Option<Check>,
    /// By model.
    pub rate_limits: Option<Vec<(String, RateLimit)>>,
    pub chaos: Option<Vec<Chaos>>,
}

impl Defaults {
    /// Takes over what `newer` says; the rest stays.
    pub(crate) fn update(&mut self, newer: Defaults) {
        fn take<T>(slot: &mut Option<T>, newer: Option<T>) {
            if newer.is_some() {
                *slot = newer;
            }
        }
        take(&mut self.pace, newer.pace);
        take(&mut self.fallback, newer.fallback);
        take(&mut self.check_replies, newer.check_replies);
        take(&mut self.rate_limits, newer.rate_limits);
        take(&mut self.chaos, newer.chaos);
    }
}

/// Who answers when no rule does.
#[derive(Debug, Clone)]
pub(crate) enum Fallback {
    Named(FallbackName),
    Reply(Arc<Reply>),
}

/// What answers when nothing scripted does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize, serde::Deserialize, clap::ValueEnum)]
#[serde(rename_all = "lowercase")]
pub(crate) enum FallbackName {
    /// 400 `no_matching_rule`; 500 unless `strict`.
    Error,
    /// `Echo: ` and the user's text.
    Echo,
    /// Generated text, structured output, tool calls.
    Generate,
    /// The API that the option `upstream` names.
    Upstream,
    /// A person in the control room.
    Manual,
    /// Recordings: the options `cassettes` and `record`.
    Replay,
}

impl Load {
    /// Bytes it takes once loaded, about.
    pub(crate) fn weight(&self) -> usize {
        // A rule with its conditions, its reply and its place in an index, as measured; its texts are in its source and
        // in these.
        const RULE: usize = 1_792;
        self.rules.iter().map(|rule| RULE + 3 * rule.source.0.len()).sum()
    }

    /// One whose text is kept.
    pub(crate) fn written(self, text: &str) -> Load {
        Load { text: Some(text.into()), ..self }
    }

    /// Reads what was kept. Functions ended with the process that had them: their rules count as used up.
    ///
    /// # Errors
    /// It is none any more.
    pub(crate) fn kept(text: &str) -> Result<Load, ScriptError> {
        let mut load = load(text, Origin::InProcess)?;
        for rule in load.rules.iter_mut().filter_map(Arc::get_mut) {
            if rule.replies.iter().any(|reply| matches!(reply.say, Say::Ask(Ask::Callback(_)))) {
                rule.times = Some(0);
            }
        }
        if let Some(defaults) = &mut load.defaults {
            let gone = |fallback: &Fallback| matches!(fallback, Fallback::Reply(reply) if matches!(reply.say, Say::Ask(Ask::Callback(_))));
            defaults.fallback = defaults.fallback.take().filter(|fallback| !gone(fallback));
        }
        Ok(load)
    }

    /// Adds a script loaded after this one.
    pub(crate) fn append(&mut self, next: Load) {
        self.reset |= next.reset;
        self.models = next.models.or(self.models.take());
        if let Some(defaults) = next.defaults {
            self.defaults.get_or_insert_default().update(defaults);
        }
        self.rules.extend(next.rules);
    }
}

/// What a scripted reply that the request forbids leads to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, serde::Serialize, serde::Deserialize, clap::ValueEnum)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Check {
    /// 500 `script_mismatch` with the diff.
    #[default]
    Fail,
    Warn,
    Off,
}

/// Limits of one model; `None` = no limit.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct RateLimit {
    /// Requests a minute.
    pub rpm: Option<u64>,
    /// Tokens a minute.
    pub tpm: Option<u64>,
    /// Requests a day.
    pub rpd: Option<u64>,
    /// Tokens a day.
    pub tpd: Option<u64>,
}

/// A failure before any rule.
#[derive(Debug, Clone)]
pub(crate) struct Chaos {
    /// An error, or a lone fault ([`Say::Nothing`]).
    pub reply: Reply,
    pub when: ChaosWhen,
}

/// How often chaos strikes.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum ChaosWhen {
    /// 0–1.
    Probability(f64),
    /// Every n-th turn; at least 1.
    Every(u64),
    /// The first n turns.
    First(u64),
}

/// When to answer, what, and how often.
#[derive(Debug)]
pub(crate) struct Rule {
    pub name: Option<String>,
    pub matcher: Match,
    /// Given in turn, the last one repeating; never empty.
    pub replies: Vec<Arc<Reply>>,
    /// `None` = unlimited.
    pub times: Option<u64>,
    /// Checked once the rule is chosen.
    pub expect: Option<Match>,
    /// Never counts as unused.
    pub optional: bool,
    /// JSON path in its script, e.g. `responses[0]`.
    pub path: Box<str>,
    /// Where the test loaded it, as a stack trace says it.
    pub place: Option<Arc<str>>,
    /// As written; an entry of a map is an object of that entry alone.
    pub source: Source,
}

/// A rule as written, kept as JSON text: a tree takes ten times the memory and is seldom looked at.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Source(Box<str>);

impl Source {
    fn new(value: &Value) -> Source {
        Source(value.to_string().into())
    }

    /// As JSON.
    pub(crate) fn to_json(&self) -> Value {
        serde_json::from_str(&self.0).unwrap_or_default()
    }
}

impl Rule {
    /// Its name, else its path.
    pub(crate) fn label(&self) -> &str {
        self.name.as_deref().unwrap_or(&self.path)
    }
}

/// Reads a whole script. A bad one is refused whole, with the path of the first fault.
pub(crate) fn load(text: &str, origin: Origin) -> Result<Load, ScriptError> {
    load_value(parse::strict(text)?, origin)
}

/// Reads a script that is JSON already. It is taken apart meanwhile: of a long one, rules and JSON are never there both.
pub(crate) fn load_value(script: Value, origin: Origin) -> Result<Load, ScriptError> {
    let root = Path::Root("");
    shape::Shape::Object(&language::SCRIPT).check(&script, &root)?;
    rules::script(script, &root, origin)
}

/// Reads one Reply: a preset, a function's result, a fallback. `path` is what messages call it.
pub(crate) fn reply(value: &Value, path: &str, origin: Origin) -> Result<Reply, ScriptError> {
    let path = Path::Root(path);
    language::REPLY_SHAPE.check(value, &path)?;
    replies::reply(value, &path, origin)
}

/// Reads one Match: the condition of a breakpoint. `path` is what messages call it.
pub(crate) fn condition(value: &Value, path: &str) -> Result<Match, ScriptError> {
    let path = Path::Root(path);
    language::MATCH_SHAPE.check(value, &path)?;
    Match::read(value, &path, &mut matching::Patterns::default())
}

/// The JSON Schema (2020-12) of scripts, as published in `script.schema.json`, which a test writes.
#[cfg(test)]
pub(crate) fn schema() -> Value {
    language::SCRIPT.document()
}
