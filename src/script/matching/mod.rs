//! Conditions on a request: compiled when a script is read, checked for every request.

mod compiled;
pub(crate) mod family;
pub(crate) mod index;
mod literals;
mod pattern;
mod terms;
#[cfg(test)]
mod tests;

use crate::near::nearest;
use crate::prompt::{Format, Prompt, Role};
use crate::redact;
use crate::script::place::Path;
use crate::script::place::ScriptError;
use crate::script::place::clip;
use crate::surface::operations;
use crate::wire::headers::Headers;
use crate::wire::value::Holds;
use pattern::{Name, Pattern};
use serde_json::Value;

pub(crate) use pattern::Patterns;

/// What rules look at.
#[derive(Debug, Clone, Copy)]
pub(crate) struct View<'a> {
    /// Of inference requests.
    pub prompt: Option<&'a Prompt>,
    /// The prompt's user text, or the `input` of embeddings, moderations …; else the empty string.
    pub user_text: &'a str,
    /// SDK name: `chat.completions.create`.
    pub operation: &'a str,
    /// Another that it is too: `beta.responses.create` for the query `beta=true`.
    pub also: Option<&'static str>,
    /// Normalised `/v1/…`, without query.
    pub path: &'a str,
    pub method: &'a str,
    /// Lower-case names.
    pub headers: &'a Headers,
    /// Null when there is none.
    pub body: &'a Value,
    pub model: &'a str,
    pub stream: bool,
}

/// Conditions that must all hold; none = any request.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct Match(Box<[Condition]>);

/// A condition that did not hold.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Mismatch {
    /// The key of the condition, e.g. `user` or `header.x-team`.
    pub key: String,
    pub wanted: String,
    pub got: String,
}

impl std::fmt::Display for Mismatch {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(out, "{}: wanted {}, got {}", self.key, self.wanted, self.got)
    }
}

#[derive(Debug, Clone, PartialEq)]
enum Condition {
    User(Pattern),
    System(Pattern),
    AnyMessage(Pattern),
    Model(Name),
    Operation(NamedOperation),
    ToolOffered(String),
    ToolResult { tool: Option<String>, text: Option<Pattern> },
    NoToolResult,
    Turn(u64),
    Stream(bool),
    Format(String),
    Header(String, Pattern),
    Body(Box<Value>),
    Path(Name),
    Method(String),
    Not(Match),
}

#[derive(Debug, Clone, PartialEq)]
enum NamedOperation {
    Exact(String),
    /// `files.*`: `files.`
    Below(String),
}

impl Match {
    /// Reads a match whose shape has been checked: a regex for the user text, or an object.
    pub(crate) fn read(value: &Value, path: &Path, patterns: &mut Patterns) -> Result<Match, ScriptError> {
        let mut conditions = Vec::new();
        match value {
            // These match every text; without a condition that is known beforehand.
            Value::String(pattern) if pattern.is_empty() || pattern == ".*" => {}
            Value::String(pattern) => conditions.push(Condition::User(patterns.read(pattern, path)?)),
            other => {
                for (key, value) in other.members() {
                    read_condition(key, value, &Path::Key(path, key), patterns, &mut conditions)?;
                }
            }
        }
        Ok(Match(conditions.into()))
    }

    /// Whether it holds; else the first condition that does not.
    pub(crate) fn check(&self, view: &View) -> Result<(), Mismatch> {
        match self.0.iter().find(|condition| !condition.holds(view)) {
            None => Ok(()),
            Some(condition) => Err(condition.mismatch(view)),
        }
    }

    /// Whether it holds.
    pub(crate) fn holds(&self, view: &View) -> bool {
        self.0.iter().all(|condition| condition.holds(view))
    }

    /// All conditions that do not hold.
    pub(crate) fn mismatches(&self, view: &View) -> Vec<Mismatch> {
        self.0.iter().filter(|condition| !condition.holds(view)).map(|condition| condition.mismatch(view)).collect()
    }

    /// How many conditions do not hold, if fewer than `bound`. It is asked of a match that does not hold: a lone
    /// condition is not looked at again.
    pub(crate) fn failures(&self, view: &View, bound: usize) -> Option<usize> {
        if self.0.len() == 1 {
            return (bound > 1).then_some(1);
        }
        let failures = self.0.iter().filter(|condition| !condition.holds(view)).take(bound).count();
        (failures < bound).then_some(failures)
    }

    /// Whether it names an operation or a path, and so reaches operations without a turn.
    pub(crate) fn names_operation(&self) -> bool {
        self.0.iter().any(|condition| matches!(condition, Condition::Operation(_) | Condition::Path(_)))
    }

    /// The one operation it names, if it does.
    pub(crate) fn operation(&self) -> Option<&str> {
        self.0.iter().find_map(|condition| match condition {
            Condition::Operation(NamedOperation::Exact(name)) => Some(name.as_str()),
            _ => None,
        })
    }

    /// Whether it holds for every request.
    pub(crate) fn is_any(&self) -> bool {
        self.0.is_empty()
    }
}

fn read_condition(
    key: &str,
    value: &Value,
    path: &Path,
    patterns: &mut Patterns,
    into: &mut Vec<Condition>,
) -> Result<(), ScriptError> {
    let text = || value.as_str().unwrap_or_default().to_string();
    let mut regex = || patterns.read(value.as_str().unwrap_or_default(), path);
    into.push(match key {
        "user" => Condition::User(regex()?),
        "system" => Condition::System(regex()?),
        "any_message" => Condition::AnyMessage(regex()?),
        "model" => Condition::Model(Name::read(&text(), path, patterns)?),
        "path" => Condition::Path(Name::read(&text(), path, patterns)?),
        "operation" => Condition::Operation(NamedOperation::read(&text(), path)?),
        "tool_offered" => Condition::ToolOffered(text()),
        "tool_result" => match value {
            Value::Bool(_) => Condition::NoToolResult,
            Value::Object(result) => Condition::ToolResult {
                tool: result.get("tool").and_then(Value::as_str).map(str::to_string),
                text: match result.get("text").and_then(Value::as_str) {
                    Some(pattern) => Some(patterns.read(pattern, &Path::Key(path, "text"))?),
                    None => None,
                },
            },
            _ => Condition::ToolResult { tool: Some(text()), text: None },
        },
        "turn" => Condition::Turn(value.as_u64().unwrap_or_default()),
        "stream" => Condition::Stream(value == &Value::Bool(true)),
        "format" => Condition::Format(text()),
        "header" => {
            for (name, pattern) in value.members() {
                let pattern = patterns.read(pattern.as_str().unwrap_or_default(), &Path::Key(path, name))?;
                into.push(Condition::Header(name.to_ascii_lowercase(), pattern));
            }
            return Ok(());
        }
        "body" | "json" => Condition::Body(Box::new(value.clone())),
        "method" => Condition::Method(text()),
        "not" => Condition::Not(Match::read(value, path, patterns)?),
        // Only `$comment` is left: the shape knows no other key.
        _ => return Ok(()),
    });
    Ok(())
}

impl Condition {
    fn holds(&self, view: &View) -> bool {
        match self {
            Condition::User(pattern) => pattern.is_match(view.user_text),
            Condition::System(pattern) => messages(view, SYSTEM).any(|text| pattern.is_match(&text)),
            Condition::AnyMessage(pattern) => messages(view, ANY).any(|text| pattern.is_match(&text)),
            Condition::Model(name) => name.fits(view.model),
            Condition::Path(name) => name.fits(view.path),
            Condition::Operation(NamedOperation::Exact(name)) => operations_of(view).any(|one| one == name),
            Condition::Operation(NamedOperation::Below(prefix)) => {
                operations_of(view).any(|one| one.starts_with(prefix.as_str()))
            }
            Condition::ToolOffered(name) => view.prompt.is_some_and(|prompt| prompt.tool(name).is_some()),
            Condition::ToolResult { tool, text } => tool_results(view).iter().any(|(name, result)| {
                tool.as_ref().is_none_or(|tool| *name == Some(tool.as_str()))
                    && text.as_ref().is_none_or(|text| text.is_match(result))
            }),
            Condition::NoToolResult => tool_results(view).is_empty(),
            Condition::Turn(turn) => view.prompt.is_some_and(|prompt| prompt.turn() as u64 == *turn),
            Condition::Stream(stream) => view.stream == *stream,
            Condition::Format(format) => format_name(view) == *format,
            Condition::Header(name, pattern) => view.headers.all(name).any(|value| pattern.is_match(value)),
            Condition::Body(wanted) => contains(view.body, wanted),
            Condition::Method(method) => method.eq_ignore_ascii_case(view.method),
            Condition::Not(other) => !other.holds(view),
        }
    }

    /// What was wanted and what there was; asked only when it does not hold.
    fn mismatch(&self, view: &View) -> Mismatch {
        let quoted = |text: &str| clip(&Value::from(text).to_string());
        let all = |texts: Vec<String>| match texts.as_slice() {
            [] => "none".to_string(),
            texts => clip(&texts.join(", ")),
        };
        let (key, wanted, got) = match self {
            Condition::User(pattern) => ("user", pattern.shown(), quoted(view.user_text)),
            Condition::System(pattern) => {
                ("system", pattern.shown(), all(messages(view, SYSTEM).map(|text| quoted(&text)).collect()))
            }
            Condition::AnyMessage(pattern) => {
                ("any_message", pattern.shown(), all(messages(view, ANY).map(|text| quoted(&text)).collect()))
            }
            Condition::Model(name) => ("model", name.shown(), quoted(view.model)),
            Condition::Path(name) => ("path", name.shown(), quoted(view.path)),
            Condition::Operation(NamedOperation::Exact(name)) => ("operation", quoted(name), quoted(view.operation)),
            Condition::Operation(NamedOperation::Below(prefix)) => {
                ("operation", quoted(&format!("{prefix}*")), quoted(view.operation))
            }
            Condition::ToolOffered(name) => {
                let offered = view.prompt.map(|prompt| prompt.tools.iter().map(|tool| quoted(&tool.name)).collect());
                ("tool_offered", quoted(name), all(offered.unwrap_or_default()))
            }
            Condition::ToolResult { tool, text } => {
                let wanted = match (tool, text) {
                    (Some(tool), None) => format!("a result of {tool}"),
                    (Some(tool), Some(text)) => format!("a result of {tool} with {}", text.shown()),
                    (None, Some(text)) => format!("a result with {}", text.shown()),
                    (None, None) => "a tool result".into(),
                };
                ("tool_result", wanted, all(shown_results(view)))
            }
            Condition::NoToolResult => ("tool_result", "none".into(), all(shown_results(view))),
            Condition::Turn(turn) => {
                let got = view.prompt.map_or("no conversation".to_string(), |prompt| prompt.turn().to_string());
                ("turn", turn.to_string(), got)
            }
            Condition::Stream(stream) => ("stream", stream.to_string(), view.stream.to_string()),
            Condition::Format(format) => ("format", format.clone(), format_name(view).to_string()),
            Condition::Header(name, pattern) => {
                let got = all(view.headers.all(name).map(quoted).collect());
                return Mismatch { key: format!("header.{name}"), wanted: pattern.shown(), got };
            }
            Condition::Body(wanted) => ("body", clip(&wanted.to_string()), clip(&redact::body(view.body).to_string())),
            Condition::Method(method) => ("method", method.to_ascii_uppercase(), view.method.to_string()),
            Condition::Not(other) => {
                let conditions: Vec<String> = other
                    .0
                    .iter()
                    .map(|part| part.mismatch(view))
                    .map(|part| format!("{} {}", part.key, part.wanted))
                    .collect();
                let wanted = if conditions.is_empty() { "anything".into() } else { conditions.join(" and ") };
                ("not", format!("not ({wanted})"), "it holds".into())
            }
        };
        Mismatch { key: key.into(), wanted, got }
    }
}

const SYSTEM: &[Role] = &[Role::System, Role::Developer];
const ANY: &[Role] = &[Role::System, Role::Developer, Role::User, Role::Assistant, Role::Tool];

/// Texts of the messages of these roles.
fn messages<'a>(view: &View<'a>, roles: &'static [Role]) -> impl Iterator<Item = String> + 'a {
    let messages = view.prompt.map(|prompt| prompt.messages.as_slice()).unwrap_or_default();
    messages.iter().filter(|message| roles.contains(&message.role)).map(|message| message.text())
}

fn tool_results<'a>(view: &View<'a>) -> Vec<(Option<&'a str>, String)> {
    view.prompt.map(Prompt::tool_results).unwrap_or_default()
}

fn shown_results(view: &View) -> Vec<String> {
    let results = tool_results(view);
    results.iter().map(|(name, text)| format!("{} {}", name.unwrap_or("?"), Value::from(text.as_str()))).collect()
}

fn format_name(view: &View) -> &'static str {
    match view.prompt.map(|prompt| &prompt.format) {
        Some(Format::JsonObject) => "json_object",
        Some(Format::JsonSchema { .. }) => "json_schema",
        _ => "text",
    }
}

/// What a request's operation is called.
fn operations_of<'a>(view: &View<'a>) -> impl Iterator<Item = &'a str> {
    std::iter::once(view.operation).chain(view.also)
}

/// Whether `wanted` is contained in `value`: keys of objects may be more, lists have the same length.
fn contains(value: &Value, wanted: &Value) -> bool {
    match (value, wanted) {
        (Value::Object(value), Value::Object(wanted)) => {
            wanted.iter().all(|(key, wanted)| value.get(key).is_some_and(|value| contains(value, wanted)))
        }
        (Value::Array(value), Value::Array(wanted)) => {
            value.len() == wanted.len() && value.iter().zip(wanted).all(|(value, wanted)| contains(value, wanted))
        }
        (Value::Number(value), Value::Number(wanted)) => value == wanted || value.as_f64() == wanted.as_f64(),
        _ => value == wanted,
    }
}

impl NamedOperation {
    /// # Errors
    /// There is no such operation, so that nothing could ever match.
    fn read(text: &str, path: &Path) -> Result<NamedOperation, ScriptError> {
        let names = || operations::all().iter().map(|operation| operation.name);
        if let Some(prefix) = text.strip_suffix('*') {
            return match names().any(|name| name.starts_with(prefix)) {
                true => Ok(NamedOperation::Below(prefix.to_string())),
                false => Err(path.error(format!("no operation begins with {:?}", clip(prefix)))),
            };
        }
        // TypeScript spells it `responses.inputItems.list`, Python `responses.input_items.list`.
        let spelled = || operations::named(text).map(|operation| operation.name);
        match operations::short(text).or_else(spelled) {
            Some(name) => Ok(NamedOperation::Exact(name.to_string())),
            None => {
                let below = |name: &&str| name.strip_prefix(text).is_some_and(|rest| rest.starts_with('.'));
                let near = names().find(below).or_else(|| nearest(text, names()));
                let near = near.map_or_else(String::new, |near| format!("; did you mean {near:?}?"));
                let message =
                    format!("there is no operation {:?}{near} (`llemulator operations` lists them)", clip(text));
                Err(path.error(message))
            }
        }
    }
}
