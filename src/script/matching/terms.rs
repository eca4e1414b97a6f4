//! What conditions ask of a request, one by one and comparable: by these rules are found without being tried.

use crate::script::matching::ANY;
use crate::script::matching::Condition;
use crate::script::matching::Match;
use crate::script::matching::NamedOperation;
use crate::script::matching::View;
use crate::script::matching::format_name;
use crate::script::matching::literals::fold;
use crate::script::matching::messages;
use crate::script::matching::pattern::Name;
use crate::script::matching::pattern::Pattern;
use crate::script::matching::tool_results;
use serde_json::Value;
use xxhash_rust::xxh3::xxh3_64_with_seed;

/// Something that a request has or does not have. Different things may hash alike: who is found is asked again.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) enum Term {
    /// A fact, by the hash of what it is about and its value.
    Fact(u64),
    /// A text, folded, that stands somewhere in the texts of this scope.
    Text(Scope, String),
}

/// Where patterns look.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) enum Scope {
    User,
    Messages,
    Results,
    /// The model, the path and the headers.
    Lines,
}

impl Scope {
    pub(super) const ALL: [Scope; 4] = [Scope::User, Scope::Messages, Scope::Results, Scope::Lines];

    /// The texts of a request in which patterns of this scope are looked for, folded.
    pub(super) fn texts(self, view: &View) -> Vec<String> {
        match self {
            Scope::User => vec![fold(view.user_text)],
            Scope::Messages => messages(view, ANY).map(|text| fold(&text)).collect(),
            Scope::Results => tool_results(view).iter().map(|(_, text)| fold(text)).collect(),
            Scope::Lines => {
                let headers = view.headers.iter().map(|(_, value)| fold(value));
                [view.model, view.path].into_iter().map(fold).chain(headers).collect()
            }
        }
    }
}

/// What a fact is about.
#[derive(Clone, Copy)]
enum About {
    Model = 1,
    Operation,
    Path,
    Method,
    ToolOffered,
    ToolResult,
    NoToolResult,
    Turn,
    Stream,
    Format,
    Body,
}

fn fact(about: About, value: &[u8]) -> u64 {
    xxh3_64_with_seed(value, about as u64)
}

fn method(name: &str) -> u64 {
    fact(About::Method, name.to_ascii_uppercase().as_bytes())
}

impl Match {
    /// What each request it holds for has: of every list at least one.
    pub(super) fn terms(&self) -> Vec<Vec<Term>> {
        let mut terms = Vec::new();
        self.0.iter().for_each(|condition| condition.terms(&mut terms));
        terms
    }

    /// Whether it looks into bodies.
    pub(super) fn asks_body(&self) -> bool {
        self.0.iter().any(|condition| matches!(condition, Condition::Body(_)))
    }
}

impl Condition {
    fn terms(&self, into: &mut Vec<Vec<Term>>) {
        let mut has = |fact| into.push(vec![Term::Fact(fact)]);
        match self {
            Condition::Model(Name::Exact(name)) => has(fact(About::Model, name.as_bytes())),
            Condition::Path(Name::Exact(path)) => has(fact(About::Path, path.as_bytes())),
            Condition::Operation(NamedOperation::Exact(name)) => has(fact(About::Operation, name.as_bytes())),
            Condition::Method(name) => has(method(name)),
            Condition::ToolOffered(name) => has(fact(About::ToolOffered, name.as_bytes())),
            Condition::NoToolResult => has(fact(About::NoToolResult, b"")),
            Condition::Turn(turn) => has(fact(About::Turn, &turn.to_le_bytes())),
            Condition::Stream(stream) => has(fact(About::Stream, &[u8::from(*stream)])),
            Condition::Format(format) => has(fact(About::Format, format.as_bytes())),
            Condition::Body(wanted) => leaves(wanted, About::Body as u64, &mut has),
            Condition::ToolResult { tool, text } => {
                if let Some(tool) = tool {
                    has(fact(About::ToolResult, tool.as_bytes()));
                }
                text.iter().for_each(|pattern| texts(Scope::Results, pattern, into));
            }
            Condition::User(pattern) => texts(Scope::User, pattern, into),
            Condition::System(pattern) | Condition::AnyMessage(pattern) => texts(Scope::Messages, pattern, into),
            Condition::Model(Name::Search(pattern))
            | Condition::Path(Name::Search(pattern))
            | Condition::Header(_, pattern) => texts(Scope::Lines, pattern, into),
            Condition::Operation(NamedOperation::Below(_)) | Condition::Not(_) => {}
        }
    }
}

fn texts(scope: Scope, pattern: &Pattern, into: &mut Vec<Vec<Term>>) {
    let term = |needle| Term::Text(scope, needle);
    into.extend(pattern.needles().into_iter().map(|either| either.into_iter().map(term).collect()));
}

/// The facts of a request; those of its body only if they are asked for.
pub(super) fn facts(view: &View, body: bool) -> Vec<u64> {
    let mut facts = vec![
        fact(About::Model, view.model.as_bytes()),
        fact(About::Path, view.path.as_bytes()),
        fact(About::Operation, view.operation.as_bytes()),
        method(view.method),
        fact(About::Stream, &[u8::from(view.stream)]),
        fact(About::Format, format_name(view).as_bytes()),
    ];
    facts.extend(view.also.map(|also| fact(About::Operation, also.as_bytes())));
    let results = tool_results(view);
    if results.is_empty() {
        facts.push(fact(About::NoToolResult, b""));
    }
    facts.extend(results.iter().filter_map(|(tool, _)| Some(fact(About::ToolResult, (*tool)?.as_bytes()))));
    if let Some(prompt) = view.prompt {
        facts.push(fact(About::Turn, &(prompt.turn() as u64).to_le_bytes()));
        facts.extend(prompt.tools.iter().map(|tool| fact(About::ToolOffered, tool.name.as_bytes())));
    }
    if body {
        leaves(view.body, About::Body as u64, &mut |fact| facts.push(fact));
    }
    facts
}

/// The values that are neither list nor object, each with its way down through objects.
fn leaves(value: &Value, way: u64, found: &mut dyn FnMut(u64)) {
    let mut leaf = |kind: u8, bytes: &[u8]| found(xxh3_64_with_seed(bytes, way.wrapping_add(u64::from(kind))));
    match value {
        Value::Object(map) => {
            map.iter().for_each(|(key, value)| leaves(value, xxh3_64_with_seed(key.as_bytes(), way), found));
        }
        Value::Array(_) => {}
        Value::Null => leaf(0, b""),
        Value::Bool(truth) => leaf(1, &[u8::from(*truth)]),
        // However it is written: 1 is 1.0, and 0 is -0.
        Value::Number(number) => leaf(2, &(number.as_f64().unwrap_or_default() + 0.0).to_le_bytes()),
        Value::String(text) => leaf(3, text.as_bytes()),
    }
}
