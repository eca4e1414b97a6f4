//! aimock's fixture files as scripts.
//!
//! A fixture is a rule without limit, the first that matches wins, as here. Fixtures that differ only in `sequenceIndex`
//! are one rule with several responses. What has no counterpart and changes only looks is named in the rule's
//! `$comment`; what would make a rule answer more, or something else, is refused with its place.

mod reply;

use crate::folders::Below;
use crate::script;
use crate::script::Origin;
use crate::script::ScriptError;
use crate::script::files::FileError;
use crate::sorting;
use crate::wire::value::Holds;
use serde_json::{Map, Value, json};
use std::path::{Path, PathBuf};

#[cfg(any(test, feature = "fuzzing"))]
/// Converts the JSON text of one fixture file (`{"fixtures": [{"match", "response", …}]}`).
pub(crate) fn convert_aimock(text: &str) -> Result<Value, ScriptError> {
    let file = read(text)?;
    let calls = CallOrder::of([&file]);
    let mut rules = Vec::new();
    add(0, &file, &calls, &mut rules)?;
    script(rules).map_err(|(_, error)| error)
}

/// Converts a fixture file, or every one of a folder and its subfolders, by name, as one script; also gives what was
/// skipped.
pub(crate) fn convert_aimock_files(path: &Path) -> Result<(Value, Vec<PathBuf>), FileError> {
    let (names, skipped) = match path.is_dir() {
        true => {
            let below = Below::of(path);
            if let Some((folder, error)) = below.unreadable.first() {
                return Err(FileError::about(folder, format!("cannot be read: {error}")));
            }
            below.files.into_iter().partition(|file| file.extension().is_some_and(|end| end == "json"))
        }
        false => (vec![path.to_path_buf()], Vec::new()),
    };
    if names.is_empty() {
        return Err(FileError::about(path, "this folder holds no .json file"));
    }
    let mut files = Vec::new();
    for name in names {
        let text = crate::script::files::text_of(&name)
            .map_err(|error| FileError::about(&name, format!("cannot be read: {error}")))?;
        let file = read(&text).map_err(|error| refused(&name, error))?;
        files.push((name, file));
    }
    let calls = CallOrder::of(files.iter().map(|(_, file)| file));
    let mut rules = Vec::new();
    for (number, (name, file)) in files.iter().enumerate() {
        add(number, file, &calls, &mut rules).map_err(|error| refused(name, error))?;
    }
    let script = script(rules).map_err(|(number, error)| refused(&files[number].0, error))?;
    Ok((script, skipped))
}

fn refused(file: &Path, ScriptError { path, message }: ScriptError) -> FileError {
    FileError { path, ..FileError::about(file, message) }
}

/// What may stand beside `fixtures` and says nothing about answers.
const REMARKS: &[&str] = &["$schema", "$comment", "version", "description", "metadata"];

/// The fixtures of a file.
fn read(text: &str) -> Result<Value, ScriptError> {
    let file = script::parse(text)?;
    let fault = |path: &str, message: &str| Err(ScriptError { path: path.into(), message: message.into() });
    if !file["fixtures"].is_array() {
        return fault("fixtures", "expected a list: an aimock fixture file");
    }
    match file
        .as_object()
        .into_iter()
        .flat_map(Map::keys)
        .find(|key| *key != "fixtures" && !REMARKS.contains(&key.as_str()))
    {
        Some(key) => fault(key, "has no counterpart in a script"),
        None => Ok(file),
    }
}

/// Adds the fixtures of the file with this number.
fn add(number: usize, file: &Value, calls: &CallOrder, rules: &mut Vec<FixtureRule>) -> Result<(), ScriptError> {
    for (index, fixture) in file["fixtures"].elements().enumerate() {
        let rule = FixtureRule::read(fixture, (number, index), calls)
            .map_err(|(key, message)| ScriptError { path: format!("fixtures[{index}]{key}"), message })?;
        let earlier = rules
            .iter_mut()
            .find(|earlier| earlier.order.is_some() && rule.order.is_some() && earlier.condition == rule.condition);
        match earlier {
            Some(earlier) => earlier.responses.extend(rule.responses),
            None => rules.push(rule),
        }
    }
    Ok(())
}

fn script(mut rules: Vec<FixtureRule>) -> Result<Value, (usize, ScriptError)> {
    for rule in rules.iter_mut().filter(|rule| rule.order.is_some()) {
        rule.sort()?;
    }
    Ok(json!({"rules": rules.into_iter().map(FixtureRule::into_json).collect::<Vec<_>>()}))
}

/// The tool calls that fixtures make: ids with the tool's name.
struct CallOrder(Vec<(String, String)>);

impl CallOrder {
    fn of<'a>(files: impl IntoIterator<Item = &'a Value>) -> Self {
        let fixtures = files.into_iter().flat_map(|file| file["fixtures"].elements());
        let calls = fixtures.flat_map(|fixture| {
            let lists = ["toolCalls", "blocks"].map(|key| fixture["response"][key].as_array());
            lists.into_iter().flatten().flatten()
        });
        let text = |value: &Value| value.as_str().map(str::to_string);
        let mut found: Vec<_> = calls.filter_map(|call| Some((text(&call["id"])?, text(&call["name"])?))).collect();
        sorting::by(&mut found, Ord::cmp);
        found.dedup();
        CallOrder(found)
    }

    /// The tool that this id alone calls.
    fn tool(&self, id: &str) -> Option<&str> {
        let (_, name) = self.0.iter().find(|(known, _)| known == id)?;
        let alone = self.0.iter().filter(|(known, tool)| known == id || tool == name).count() == 1;
        alone.then_some(name)
    }
}

/// What cannot be converted: the place within the fixture (`.match.endpoint`), and why.
type Misfit = (String, String);

fn fault<T>(place: impl Into<String>, message: impl Into<String>) -> Result<T, Misfit> {
    Err((place.into(), message.into()))
}

/// One of a rule's replies.
struct FixtureResponse {
    /// `sequenceIndex`.
    order: u64,
    reply: Value,
    /// The number of its file, and its own there.
    at: (usize, usize),
}

struct FixtureRule {
    condition: Value,
    /// `sequenceIndex`: one use each, in this order.
    order: Option<u64>,
    responses: Vec<FixtureResponse>,
    /// Keys without a counterpart.
    dropped: Vec<String>,
}

impl FixtureRule {
    fn read(fixture: &Value, at: (usize, usize), calls: &CallOrder) -> Result<FixtureRule, Misfit> {
        let Some(keys) = fixture["match"].as_object() else { return fault(".match", "expected an object") };
        let Some(given) = fixture["response"].as_object() else { return fault(".response", "expected an object") };
        let mut dropped = Vec::new();
        let (condition, order) = condition(keys, calls)?;
        let mut reply = reply::reply(given, &mut dropped)?;
        reply::delivery(fixture, &mut reply, &mut dropped)?;
        let response = FixtureResponse { order: order.unwrap_or(0), reply: Value::Object(reply), at };
        let rule = FixtureRule { condition, order, responses: vec![response], dropped };
        // Whatever slipped through the tables below: a script that does not load is no conversion.
        let whole = json!({"rules": [{"match": rule.condition, "response": rule.responses[0].reply}]});
        match script::load_value(whole, Origin::File) {
            Ok(_) => Ok(rule),
            Err(ScriptError { path, message }) => {
                let place = if path.starts_with("rules[0].match") { ".match" } else { ".response" };
                fault(place, format!("as a rule this would be refused: {path}: {message}"))
            }
        }
    }

    /// aimock answers the request of each number with the fixture that has it, and others not at all; a rule gives its
    /// replies one after the other.
    fn sort(&mut self) -> Result<(), (usize, ScriptError)> {
        sorting::by_key(&mut self.responses, |response| response.order);
        match (0..).zip(&self.responses).find(|(expected, response)| response.order != *expected) {
            None => Ok(()),
            Some((expected, FixtureResponse { order, at: (file, index), .. })) => {
                let message = format!(
                    "is {order} where {expected} would be next: a rule gives its replies one after the other, and would \
                     answer what the fixtures do not"
                );
                Err((*file, ScriptError { path: format!("fixtures[{index}].match.sequenceIndex"), message }))
            }
        }
    }

    fn into_json(self) -> Value {
        let mut rule = json!({"match": self.condition});
        let mut responses: Vec<Value> = self.responses.into_iter().map(|response| response.reply).collect();
        if self.order.is_some() {
            rule["responses"] = json!(responses);
        } else {
            rule["response"] = responses.pop().unwrap_or_default();
            rule["times"] = json!("unlimited");
        }
        if !self.dropped.is_empty() {
            rule["$comment"] = json!(format!("aimock's {} have no counterpart", self.dropped.join(", ")));
        }
        rule
    }
}

/// A substring as a regex.
fn containing(text: &str) -> Value {
    json!(regex::escape(text))
}

/// A text, or the fault.
fn text<'a>(value: &'a Value, place: &str) -> Result<&'a str, Misfit> {
    match value.as_str() {
        Some(text) => Ok(text),
        None => fault(place, format!("expected a string, got {}", script::place::clip(&value.to_string()))),
    }
}

/// The match of a fixture, and its place in a sequence.
fn condition(given: &Map<String, Value>, calls: &CallOrder) -> Result<(Value, Option<u64>), Misfit> {
    let mut found = Map::new();
    let mut order = None;
    // `Some(None)` = there must be no tool result.
    let mut tool_result: Option<Option<Map<String, Value>>> = None;
    for (key, value) in given {
        let place = format!(".match.{key}");
        let (name, value) = match key.as_str() {
            "userMessage" | "inputText" => ("user", containing(text(value, &place)?)),
            "systemMessage" => {
                let one = std::slice::from_ref(value);
                let texts = value.as_array().map_or(one, Vec::as_slice).iter().map(|each| text(each, &place));
                let texts = texts.collect::<Result<Vec<_>, _>>()?;
                match texts.iter().rev().fold(None, |rest, text| Some(and_system(text, rest))) {
                    Some(all) => found.extend(all),
                    None => return fault(place, "the list is empty: it would match every request"),
                }
                continue;
            }
            "toolName" => ("tool_offered", json!(text(value, &place)?)),
            "toolResultContains" | "toolCallId" => {
                let given = text(value, &place)?;
                let (key, wanted) = match (key.as_str(), calls.tool(given)) {
                    ("toolResultContains", _) => ("text", containing(given)),
                    (_, Some(tool)) => ("tool", json!(tool)),
                    // Ids of calls are no condition here.
                    (_, None) => {
                        return fault(
                            place,
                            "a rule knows a result by its tool or its text, not by the call's id, and no fixture here \
                             makes this call as the only one of its tool; write toolResultContains instead",
                        );
                    }
                };
                match tool_result.get_or_insert(Some(Map::new())) {
                    Some(conditions) => conditions.insert(key.into(), wanted),
                    None => return fault(place, "contradicts hasToolResult: false"),
                };
                continue;
            }
            "hasToolResult" => {
                match (value, &tool_result) {
                    (Value::Bool(true), _) => _ = tool_result.get_or_insert(Some(Map::new())),
                    (Value::Bool(false), None) => tool_result = Some(None),
                    (Value::Bool(false), _) => return fault(place, "contradicts the condition on a tool's result"),
                    _ => return fault(place, "expected true or false"),
                }
                continue;
            }
            // A name also stands for its dated snapshots.
            "model" => ("model", json!(format!("/^{}(-\\d.*)?$/", regex::escape(text(value, &place)?)))),
            "responseFormat" => ("format", json!(text(value, &place)?)),
            "context" => ("header", json!({"x-aimock-context": format!("^{}$", regex::escape(text(value, &place)?))})),
            "endpoint" => match operation(text(value, &place)?) {
                Some("") => continue,
                Some(operation) => ("operation", json!(operation)),
                None => return fault(place, format!("{value} is not an endpoint of the OpenAI API")),
            },
            "turnIndex" | "sequenceIndex" => match (value.as_u64(), key.as_str()) {
                (Some(number), "turnIndex") => ("turn", json!(number)),
                (Some(number), _) => {
                    order = Some(number);
                    continue;
                }
                (None, _) => return fault(place, "expected a whole number of at least 0"),
            },
            _ => {
                return fault(place, "has no counterpart; without it the rule would answer more than the fixture does");
            }
        };
        if found.insert(name.into(), value).is_some() {
            return fault(place, format!("another key is \"{name}\" already"));
        }
    }
    if let Some(result) = tool_result {
        found.insert("tool_result".into(), result.map_or(json!(false), Value::Object));
    }
    Ok((Value::Object(found), order))
}

/// All of several conditions on one key: not (not …).
fn and_system(text: &str, rest: Option<Map<String, Value>>) -> Map<String, Value> {
    let mut all = Map::new();
    all.insert("system".into(), containing(text));
    if let Some(rest) = rest {
        all.insert("not".into(), json!({"not": rest}));
    }
    all
}

/// The operation of an aimock endpoint; empty = what its reply can answer anyway.
fn operation(endpoint: &str) -> Option<&'static str> {
    Some(match endpoint {
        "chat" | "realtime" => "",
        "image" => "images.*",
        "speech" => "audio.speech.create",
        "transcription" => "audio.transcriptions.create",
        "translation" => "audio.translations.create",
        "embedding" => "embeddings.create",
        _ => return None,
    })
}
