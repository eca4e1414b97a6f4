//! Whether a request allows a reply: what `check_replies` reports as `script_mismatch`.

use crate::budget::{Budget, Spent};
use crate::prompt::{Format, Prompt, Tool, ToolChoice, ToolKind};
use crate::reply::validator::CompiledSchema;
use crate::reply::{Choice, Finish, Part, Reply, Say, ToolCall};
use serde_json::Value;

/// At most this many breaches of one schema are told.
const BREACHES: usize = 5;

/// Says what the model could not have answered to this request: more choices than `n`, a call of a tool that is not
/// offered or not allowed, arguments that break a `strict` tool's schema, text that breaks a `strict` output schema or
/// is no JSON object where one was demanded, text where a call was demanded; more pictures than `n`, more vectors than
/// inputs, vectors of other lengths than demanded.
///
/// `None` = it could. Refusals and choices cut by `length` or `content_filter` are not looked at, nor are replies with `check: false`.
///
/// # Errors
/// The budget does not suffice for finding out.
pub(crate) fn mismatch(reply: &Reply, prompt: &Prompt, budget: &Budget) -> Result<Option<String>, Spent> {
    match check(reply, prompt, budget) {
        Ok(()) => Ok(None),
        Err(Refusal::Mismatch(mismatch)) => Ok(Some(mismatch)),
        Err(Refusal::Spent(spent)) => Err(spent),
    }
}

/// Says what is wrong with a call that has only begun, after so many others of its choice: its arguments are not there yet.
pub(crate) fn forbidden_call(call: &ToolCall, before: usize, prompt: &Prompt) -> Option<String> {
    let refusal = check_count(before + 1, prompt).and_then(|()| find_tool(call, prompt).map(|_| ())).err()?;
    match refusal {
        Refusal::Mismatch(mismatch) => Some(mismatch),
        Refusal::Spent(_) => None,
    }
}

/// Why a reply is not let through.
#[derive(Debug, PartialEq)]
enum Refusal {
    /// In words, with every breach and its JSON path.
    Mismatch(String),
    Spent(Spent),
}

impl From<String> for Refusal {
    fn from(mismatch: String) -> Self {
        Refusal::Mismatch(mismatch)
    }
}

impl From<Spent> for Refusal {
    fn from(spent: Spent) -> Self {
        Refusal::Spent(spent)
    }
}

fn check(reply: &Reply, prompt: &Prompt, budget: &Budget) -> Result<(), Refusal> {
    if reply.overrides.unchecked {
        return Ok(());
    }
    let choices = match &reply.say {
        Say::Choices(choices) => choices,
        Say::Images(pictures) => return check_pictures(pictures.len(), prompt).map_err(Refusal::from),
        Say::Embeddings(vectors) => return check_vectors(vectors, prompt).map_err(Refusal::from),
        _ => return Ok(()),
    };
    if choices.len() > prompt.n.max(1) {
        let asked = prompt.n.max(1);
        return Err(format!("The reply has {} choices, but the request asks for n: {asked}.", choices.len()).into());
    }
    for (index, choice) in choices.iter().enumerate() {
        check_choice(choice, prompt, budget).map_err(|refusal| match refusal {
            Refusal::Mismatch(mismatch) if choices.len() > 1 => format!("choices[{index}]: {mismatch}").into(),
            other => other,
        })?;
    }
    Ok(())
}

fn check_pictures(count: usize, prompt: &Prompt) -> Result<(), String> {
    let asked = prompt.n.max(1);
    match count > asked {
        true => Err(format!("The reply has {count} pictures, but the request asks for n: {asked}.")),
        false => Ok(()),
    }
}

/// One vector serves every input; of several, each is one input's. The prompt's `n` counts the inputs.
fn check_vectors(vectors: &[Vec<f64>], prompt: &Prompt) -> Result<(), String> {
    let inputs = prompt.n.max(1);
    if vectors.len() > inputs {
        let noun = if inputs == 1 { "input" } else { "inputs" };
        return Err(format!("The reply has {} vectors, but the request has {inputs} {noun}.", vectors.len()));
    }
    let Some(asked) = prompt.body["dimensions"].as_u64() else { return Ok(()) };
    match vectors.iter().map(Vec::len).find(|length| *length as u64 != asked) {
        Some(1) => Err(format!("The reply has a vector of 1 number, but the request asks for dimensions: {asked}.")),
        Some(length) => {
            Err(format!("The reply has a vector of {length} numbers, but the request asks for dimensions: {asked}."))
        }
        None => Ok(()),
    }
}

fn check_choice(choice: &Choice, prompt: &Prompt, budget: &Budget) -> Result<(), Refusal> {
    let cut = matches!(choice.finish, Some(Finish::Length | Finish::ContentFilter));
    if cut || choice.parts.iter().any(|part| matches!(part, Part::Refusal(_))) {
        return Ok(());
    }
    let calls: Vec<&ToolCall> = choice
        .parts
        .iter()
        .filter_map(|part| match part {
            Part::ToolCall(call) => Some(call),
            _ => None,
        })
        .collect();
    check_count(calls.len(), prompt)?;
    for call in &calls {
        check_call(call, prompt, budget)?;
    }
    if calls.is_empty() {
        check_demand(choice, prompt)?;
    }
    for part in &choice.parts {
        // Commentary precedes the answer; only the answer has the form asked for.
        if let Part::Text(text) = part
            && text.phase.as_deref() != Some("commentary")
            && (calls.is_empty() || !text.text.is_empty())
        {
            check_text(&text.text, prompt, budget)?;
        }
    }
    Ok(())
}

fn check_count(calls: usize, prompt: &Prompt) -> Result<(), Refusal> {
    if calls > 1 && !prompt.parallel_tool_calls {
        let message = format!("The reply has {calls} tool calls, but the request says parallel_tool_calls: false.");
        return Err(message.into());
    }
    Ok(())
}

fn check_call(call: &ToolCall, prompt: &Prompt, budget: &Budget) -> Result<(), Refusal> {
    check_arguments(&call.arguments.text, find_tool(call, prompt)?, budget)
}

/// The tool that is called, if the request offers and allows it.
fn find_tool<'a>(call: &ToolCall, prompt: &'a Prompt) -> Result<&'a Tool, Refusal> {
    let name = &call.name;
    let refused = |why: String| {
        Err(format!("The reply calls the tool `{name}`, but the request says tool_choice: {why}.").into())
    };
    match &prompt.tool_choice {
        ToolChoice::None => return refused("none".into()),
        ToolChoice::Named(named) if named != name => return refused(format!("`{named}`")),
        ToolChoice::Allowed { names, .. } if !names.contains(name) => {
            return refused(format!("allowed_tools {}", quoted(names.iter().map(String::as_str))));
        }
        _ => {}
    }
    let kind = if call.custom { ToolKind::Custom } else { ToolKind::Function };
    match prompt.tools.iter().find(|tool| tool.name == *name && !matches!(tool.kind, ToolKind::Hosted(_))) {
        None => {
            let offered = prompt.tools.iter().map(|tool| tool.name.as_str());
            Err(format!("The reply calls the tool `{name}`, but the request offers {}.", quoted(offered)).into())
        }
        Some(tool) if tool.kind != kind => Err(match kind {
            ToolKind::Custom => format!("The reply gives `input` to `{name}`, which is a function: give `arguments`."),
            _ => format!("The reply gives `arguments` to `{name}`, which is a custom tool: give `input`."),
        }
        .into()),
        Some(tool) => Ok(tool),
    }
}

fn check_arguments(arguments: &str, tool: &Tool, budget: &Budget) -> Result<(), Refusal> {
    let Some(schema) = tool.parameters.as_ref().filter(|_| tool.strict) else { return Ok(()) };
    let what = format!("The arguments of the call of `{}`, a strict tool,", tool.name);
    let place = |spent: Spent| spent.at(|| format!("The schema of the tool `{}`", tool.name), "tools");
    check_json(&what, arguments, schema, budget, place)
}

/// A call was demanded and there is none. After tool results, or with tools that OpenAI runs, text may follow.
fn check_demand(choice: &Choice, prompt: &Prompt) -> Result<(), Refusal> {
    let demanded = match &prompt.tool_choice {
        ToolChoice::Required | ToolChoice::Allowed { required: true, .. } => "required".to_string(),
        ToolChoice::Named(name) => format!("`{name}`"),
        _ => return Ok(()),
    };
    let hosted = prompt.tools.iter().any(|tool| matches!(tool.kind, ToolKind::Hosted(_)));
    let says_text = choice.parts.iter().any(|part| matches!(part, Part::Text(_)));
    if !says_text || hosted || !prompt.tool_results().is_empty() {
        return Ok(());
    }
    Err(format!("The reply is a text, but the request says tool_choice: {demanded}, so the model must call a tool.")
        .into())
}

fn check_text(text: &str, prompt: &Prompt, budget: &Budget) -> Result<(), Refusal> {
    match &prompt.format {
        Format::JsonSchema { name, schema, strict: true } => {
            let what = format!("The text, to which the strict output schema `{name}` applies,");
            check_json(&what, text, schema, budget, |spent| {
                spent.at(|| "The output schema".into(), prompt.format_param())
            })
        }
        Format::JsonObject => match serde_json::from_str::<Value>(text) {
            Ok(Value::Object(_)) => Ok(()),
            Ok(_) => Err(format!("The request asks for a JSON object, but the text is {}.", shortened(text)).into()),
            Err(error) => Err(format!(
                "The request asks for a JSON object, but the text is no JSON ({error}): {}",
                shortened(text)
            )
            .into()),
        },
        _ => Ok(()),
    }
}

fn check_json(
    what: &str,
    text: &str,
    schema: &Value,
    budget: &Budget,
    place: impl Fn(Spent) -> Spent,
) -> Result<(), Refusal> {
    let value: Value =
        serde_json::from_str(text).map_err(|error| format!("{what} is no JSON ({error}): {}", shortened(text)))?;
    let breaches = CompiledSchema::of(schema, budget).and_then(|schema| schema.breaches(&value, BREACHES, budget));
    let breaches = breaches.map_err(place)?;
    if breaches.is_empty() {
        return Ok(());
    }
    let told = breaches.iter().take(BREACHES).map(|(path, words)| {
        let place = if path.is_empty() { "at the root".to_string() } else { format!("at {path}") };
        format!("\n  {place}: {}", shortened(words))
    });
    let more = if breaches.len() > BREACHES { "\n  …" } else { "" };
    Err(format!("{what} breaks its schema:{}{more}\n  it says: {}", told.collect::<String>(), shortened(text)).into())
}

fn quoted<'a>(names: impl Iterator<Item = &'a str>) -> String {
    let names: Vec<String> = names.map(|name| format!("`{name}`")).collect();
    if names.is_empty() { "no tools".into() } else { names.join(", ") }
}

/// The first 300 characters.
fn shortened(text: &str) -> String {
    match text.char_indices().nth(300) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::reply::{Overrides, Text};
    use serde_json::json;

    fn text(text: &str) -> Part {
        Part::Text(Text::new(text))
    }

    fn call(name: &str, arguments: &str) -> Part {
        Part::ToolCall(ToolCall { name: name.into(), arguments: Text::new(arguments), id: None, custom: false })
    }

    fn replying(parts: Vec<Part>) -> Reply {
        Reply { say: Say::Choices(vec![Choice { parts, ..Choice::default() }]), ..Reply::default() }
    }

    fn schema() -> Value {
        json!({"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"], "additionalProperties": false})
    }

    fn prompt() -> Prompt {
        let weather = Tool {
            kind: ToolKind::Function,
            name: "weather".into(),
            description: None,
            parameters: Some(schema()),
            strict: true,
        };
        let note = Tool { kind: ToolKind::Custom, name: "note".into(), parameters: None, ..weather.clone() };
        Prompt { tools: vec![weather, note], n: 1, parallel_tool_calls: true, ..Prompt::default() }
    }

    fn check(reply: &Reply, prompt: &Prompt) -> Result<(), String> {
        super::mismatch(reply, prompt, &Budget::default()).expect("little work").map_or(Ok(()), Err)
    }

    fn mismatch(parts: Vec<Part>, prompt: &Prompt) -> String {
        check(&replying(parts), prompt).expect_err("a mismatch")
    }

    #[test]
    fn what_the_request_allows_passes() {
        let custom =
            Part::ToolCall(ToolCall { name: "note".into(), arguments: Text::new("any"), id: None, custom: true });
        for parts in [vec![text("hi")], vec![call("weather", r#"{"city":"Oslo"}"#), custom], vec![]] {
            assert_eq!(check(&replying(parts), &prompt()), Ok(()));
        }
        assert_eq!(check(&Reply { say: Say::Nothing, ..Reply::default() }, &prompt()), Ok(()));
    }

    #[test]
    fn tools_must_be_offered_and_allowed() {
        assert_eq!(
            mismatch(vec![call("wether", "{}")], &prompt()),
            "The reply calls the tool `wether`, but the request offers `weather`, `note`."
        );
        assert!(
            mismatch(vec![call("weather", "{}")], &Prompt { tools: vec![], ..prompt() }).ends_with("offers no tools.")
        );
        assert!(mismatch(vec![call("note", "x")], &prompt()).contains("custom tool: give `input`"));
        let choosing = |tool_choice| Prompt { tool_choice, ..prompt() };
        let weather = || vec![call("weather", r#"{"city":"Oslo"}"#)];
        assert!(mismatch(weather(), &choosing(ToolChoice::None)).contains("tool_choice: none"));
        assert!(mismatch(weather(), &choosing(ToolChoice::Named("note".into()))).contains("tool_choice: `note`"));
        let allowed = ToolChoice::Allowed { names: vec!["note".into()], required: false };
        assert!(mismatch(weather(), &choosing(allowed)).contains("allowed_tools `note`"));
        assert!(mismatch(vec![text("hi")], &choosing(ToolChoice::Required)).contains("must call a tool"));
        let twice = [weather(), weather()].concat();
        assert!(mismatch(twice, &Prompt { parallel_tool_calls: false, ..prompt() }).contains("has 2 tool calls"));
    }

    #[test]
    fn strict_arguments_are_told_by_path() {
        let told = mismatch(vec![call("weather", r#"{"city":5,"day":1}"#)], &prompt());
        assert!(
            told.contains("at /city: 5 is not of type \"string\"") && told.contains("'day' was unexpected"),
            "{told}"
        );
        assert!(mismatch(vec![call("weather", "{oops")], &prompt()).contains("is no JSON"));
        let mut loose = prompt();
        loose.tools[0].strict = false;
        assert_eq!(check(&replying(vec![call("weather", "{oops")]), &loose), Ok(()));
    }

    #[test]
    fn text_has_the_form_asked_for() {
        let format = |strict| Prompt {
            format: Format::JsonSchema { name: "place".into(), schema: schema(), strict },
            ..prompt()
        };
        assert!(mismatch(vec![text("{}")], &format(true)).contains("at the root: \"city\" is a required property"));
        assert!(mismatch(vec![text("hi")], &format(true)).contains("`place` applies, is no JSON"));
        assert_eq!(check(&replying(vec![text("hi")]), &format(false)), Ok(()));
        assert_eq!(check(&replying(vec![text(""), call("weather", r#"{"city":"x"}"#)]), &format(true)), Ok(()));
        let object = Prompt { format: Format::JsonObject, ..prompt() };
        assert!(mismatch(vec![text("[1]")], &object).contains("but the text is [1]"));
        assert_eq!(check(&replying(vec![text(r#"{"any":1}"#)]), &object), Ok(()));
    }

    #[test]
    fn cut_and_refused_choices_are_not_looked_at() {
        let strict =
            Prompt { format: Format::JsonSchema { name: "p".into(), schema: schema(), strict: true }, ..prompt() };
        let cut = Choice { parts: vec![text("{\"ci")], finish: Some(Finish::Length), ..Choice::default() };
        assert_eq!(check(&Reply { say: Say::Choices(vec![cut]), ..Reply::default() }, &strict), Ok(()));
        assert_eq!(check(&replying(vec![Part::Refusal(Text::new("No."))]), &strict), Ok(()));
        let unchecked = Overrides { unchecked: true, ..Overrides::default() };
        assert_eq!(check(&Reply { overrides: unchecked.into(), ..replying(vec![text("x")]) }, &strict), Ok(()));
    }

    #[test]
    fn more_choices_than_asked() {
        let two = || Reply {
            say: Say::Choices(vec![Choice::default(), Choice { parts: vec![call("x", "")], ..Choice::default() }]),
            ..Reply::default()
        };
        assert_eq!(check(&two(), &prompt()), Err("The reply has 2 choices, but the request asks for n: 1.".into()));
        assert!(check(&two(), &Prompt { n: 2, ..prompt() }).is_err_and(|told| told.starts_with("choices[1]: ")));
    }
}
