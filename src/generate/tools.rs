//! Generated tool calls: which tools, and arguments that satisfy their schemas.

use crate::budget::{Budget, Spent};
use crate::generate::said::stems;
use crate::generate::schema::Hints;
use crate::generate::schema::value;
use crate::prompt::{Prompt, Role, Tool, ToolChoice, ToolKind};
use crate::random::Random;
use crate::reply::{GenerateStyle, Text, ToolCall, ToolStrategy};
use crate::sorting;
use crate::wire::dialect::Dialect;
use serde_json::{Map, Value, json};
use std::collections::HashSet;

/// The calls of one round: tools as `tool_choice` allows and the strategy chooses, at most one without
/// `parallel_tool_calls`. Once tool results came in, only a demand brings calls, first of tools that were not called
/// yet; a function named again brings none, so that loops which go on naming it end.
///
/// # Errors
/// The budget does not suffice.
pub(crate) fn calls(
    prompt: &Prompt,
    strategy: ToolStrategy,
    random: &mut Random,
    budget: &Budget,
) -> Result<Vec<ToolCall>, Spent> {
    let mut offered = offered(prompt);
    if prompt.answered_calls().next().is_some() {
        let called = called(prompt);
        let fresh: Vec<&Tool> = offered.iter().copied().filter(|tool| !called.contains(&tool.name.as_str())).collect();
        // Who demands some call gets one, as in production, also when every tool was called.
        let again = fresh.is_empty() && !matches!(prompt.tool_choice, ToolChoice::Named(_));
        match is_forced(prompt) {
            true if again => {}
            true => offered = fresh,
            false => offered.clear(),
        }
    }
    if offered.is_empty() {
        return Ok(Vec::new());
    }
    let user = prompt.user_text();
    let mut chosen = match strategy {
        ToolStrategy::None => Vec::new(),
        ToolStrategy::First => vec![offered[0]],
        ToolStrategy::Sequence => offered.clone(),
        ToolStrategy::Random => {
            let mut shuffled = offered.clone();
            random.shuffle(&mut shuffled);
            shuffled.truncate(1 + random.below(offered.len()));
            shuffled
        }
        ToolStrategy::Contextual => pointed_at(&user, &offered, budget)?,
    };
    if chosen.is_empty() && is_forced(prompt) {
        chosen = vec![offered[0]];
    }
    if !prompt.parallel_tool_calls {
        chosen.truncate(1);
    }
    let place = |tool: &Tool, spent: Spent| spent.at(|| format!("The schema of the tool `{}`", tool.name), "tools");
    let made =
        chosen.into_iter().map(|tool| call(tool, &user, strategy, random, budget).map_err(|spent| place(tool, spent)));
    made.collect()
}

/// The names of the tools called since the user spoke.
fn called(prompt: &Prompt) -> Vec<&str> {
    let round = prompt.messages.iter().rev().take_while(|message| message.role != Role::User);
    round.flat_map(|message| &message.tool_calls).map(|call| call.name.as_str()).collect()
}

/// What a tool does that OpenAI runs and the request demands; `None` where it demands none, or it did already.
pub(crate) fn hosted(prompt: &Prompt) -> Option<Value> {
    if !is_forced(prompt) || prompt.dialect != Dialect::Responses || prompt.answered_calls().next().is_some() {
        return None;
    }
    let allowed = |name: &str| match &prompt.tool_choice {
        ToolChoice::Named(named) => named == name,
        ToolChoice::Allowed { names, .. } => names.iter().any(|allowed| allowed == name),
        _ => true,
    };
    let tool = prompt.tools.iter().find(|tool| allowed(&tool.name))?;
    let ToolKind::Hosted(kind) = &tool.kind else { return None };
    let user = prompt.user_text();
    let choice = prompt.body.get("tool_choice").unwrap_or(&Value::Null);
    let label = || {
        let servers = prompt.body.get("tools").and_then(Value::as_array);
        let server = servers.into_iter().flatten().find(|server| server["type"] == "mcp");
        choice.get("server_label").or_else(|| server?.get("server_label")).cloned().unwrap_or_default()
    };
    Some(match kind.as_str() {
        kind if kind.starts_with("web_search") => {
            json!({"type": "web_search_call", "action": {"type": "search", "queries": [user], "query": user}})
        }
        "file_search" => json!({"type": "file_search_call", "queries": [user]}),
        "code_interpreter" => json!({"type": "code_interpreter_call", "code": "print(\"Hello\")"}),
        "image_generation" => json!({"type": "image_generation_call"}),
        "mcp" => {
            let name = choice.get("name").and_then(Value::as_str).unwrap_or("search");
            let arguments = json!({"query": user}).to_string();
            json!({"type": "mcp_call", "name": name, "server_label": label(), "arguments": arguments, "output": "Done."})
        }
        "tool_search" => json!({"type": "tool_search_call", "arguments": {"query": user}}),
        "local_shell" => json!({"type": "local_shell_call", "action": {"type": "exec", "command": ["ls"], "env": {}}}),
        "shell" => {
            json!({"type": "shell_call", "action": {"commands": ["ls"], "max_output_length": null, "timeout_ms": null}})
        }
        "apply_patch" => {
            let operation = json!({"type": "create_file", "path": "notes.txt", "diff": "+Hello\n"});
            json!({"type": "apply_patch_call", "operation": operation})
        }
        kind if kind.starts_with("computer") => json!({"type": "computer_call", "action": {"type": "screenshot"}}),
        _ => return None,
    })
}

/// Whether the client answers such an item before the model goes on.
pub(crate) fn awaits_client(item: &Value) -> bool {
    let kind = item.get("type").and_then(Value::as_str).unwrap_or_default();
    matches!(kind, "computer_call" | "local_shell_call" | "shell_call" | "apply_patch_call")
}

/// Whether the request demands a call.
pub(crate) fn is_forced(prompt: &Prompt) -> bool {
    matches!(
        prompt.tool_choice,
        ToolChoice::Required | ToolChoice::Named(_) | ToolChoice::Allowed { required: true, .. }
    )
}

/// The tools that may be called; those OpenAI runs itself are not ours to call.
fn offered(prompt: &Prompt) -> Vec<&Tool> {
    let allowed = |tool: &Tool| match &prompt.tool_choice {
        ToolChoice::None => false,
        ToolChoice::Auto | ToolChoice::Required => true,
        ToolChoice::Named(name) => *name == tool.name,
        ToolChoice::Allowed { names, .. } => names.contains(&tool.name),
    };
    prompt.tools.iter().filter(|tool| !matches!(tool.kind, ToolKind::Hosted(_)) && allowed(tool)).collect()
}

/// The tools whose name, description or parameters share words with the text, best first; those far behind the best
/// are left out.
fn pointed_at<'t>(text: &str, tools: &[&'t Tool], budget: &Budget) -> Result<Vec<&'t Tool>, Spent> {
    let said: HashSet<String> = stems(text).into_iter().collect();
    let shared = |words: &str| stems(words).iter().filter(|stem| said.contains(*stem)).count();
    let score = |tool: &Tool| {
        let parameters =
            tool.parameters.as_ref().and_then(|schema| schema.get("properties")).and_then(Value::as_object);
        let names = parameters.map(|map| map.keys().cloned().collect::<Vec<_>>().join(" ")).unwrap_or_default();
        4 * shared(&tool.name) + 2 * shared(tool.description.as_deref().unwrap_or_default()) + shared(&names)
    };
    let mut scored: Vec<(usize, &Tool)> = Vec::with_capacity(tools.len());
    for tool in tools {
        budget.spend(words_of(tool) as u64)?;
        scored.push((score(tool), *tool));
    }
    sorting::by_key(&mut scored, |(score, _)| std::cmp::Reverse(*score));
    let best = scored.first().map_or(0, |(score, _)| *score);
    Ok(scored.into_iter().filter(|(score, _)| *score > 0 && 2 * score > best).map(|(_, tool)| tool).collect())
}

/// Steps of reading what a tool says of itself.
fn words_of(tool: &Tool) -> usize {
    let properties = tool.parameters.as_ref().and_then(|schema| schema.get("properties")).and_then(Value::as_object);
    50 + tool.description.as_deref().map_or(0, str::len) + 10 * properties.map_or(0, Map::len)
}

fn call(
    tool: &Tool,
    user: &str,
    strategy: ToolStrategy,
    random: &mut Random,
    budget: &Budget,
) -> Result<ToolCall, Spent> {
    let custom = tool.kind == ToolKind::Custom;
    let arguments =
        if custom { user.to_string() } else { arguments(tool, user, strategy, random, budget)?.to_string() };
    budget.bytes(arguments.len())?;
    Ok(ToolCall { name: tool.name.clone(), arguments: Text::new(arguments), id: None, custom })
}

fn arguments(
    tool: &Tool,
    user: &str,
    strategy: ToolStrategy,
    random: &mut Random,
    budget: &Budget,
) -> Result<Value, Spent> {
    let object = json!({"type": "object"});
    let schema = tool.parameters.as_ref().unwrap_or(&object);
    let declares = ["properties", "$ref", "anyOf", "allOf", "oneOf"].iter().any(|keyword| {
        schema.get(*keyword).is_some_and(|value| value.as_object().is_none_or(|properties| !properties.is_empty()))
    });
    // openai-mokku says `{"input": …}` to any tool; to one that declares nothing it can still be said.
    if strategy == ToolStrategy::First && !declares && schema.get("additionalProperties") != Some(&Value::Bool(false)) {
        return Ok(json!({"input": user}));
    }
    let made =
        value(schema, random, &Hints { user_text: user, style: GenerateStyle::Plausible, ..Hints::default() }, budget)?;
    Ok(if made.is_object() { made } else { json!({}) })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::prompt::Message;
    use crate::reply::validator;

    fn tool(name: &str, description: &str, parameters: Option<Value>) -> Tool {
        Tool {
            kind: ToolKind::Function,
            name: name.into(),
            description: Some(description.into()),
            parameters,
            strict: false,
        }
    }

    fn prompt(user: &str) -> Prompt {
        let city = json!({"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]});
        Prompt {
            messages: vec![Message::new(Role::User, user)],
            tools: vec![
                tool("get_weather", "The weather of a city", Some(city)),
                tool("searchFlights", "Finds flights", None),
                tool("run", "", Some(json!({"type": "object", "properties": {"input": {"type": "string"}}}))),
                Tool { kind: ToolKind::Hosted("web_search".into()), ..tool("web_search", "", None) },
            ],
            parallel_tool_calls: true,
            ..Prompt::default()
        }
    }

    fn called(prompt: &Prompt, strategy: ToolStrategy) -> Vec<(String, String)> {
        let calls = super::calls(prompt, strategy, &mut Random::new(2), &Budget::default()).expect("little work");
        calls.into_iter().map(|call| (call.name, call.arguments.text)).collect()
    }

    fn names(prompt: &Prompt, strategy: ToolStrategy) -> Vec<String> {
        called(prompt, strategy).into_iter().map(|(name, _)| name).collect()
    }

    #[test]
    fn contextual_calls_what_the_words_point_at() {
        let weather = called(&prompt("What is the weather in Oslo?"), ToolStrategy::Contextual);
        assert_eq!(weather, [("get_weather".to_string(), r#"{"city":"Oslo"}"#.to_string())]);
        assert_eq!(names(&prompt("any flight?"), ToolStrategy::Contextual), ["searchFlights"]);
        assert!(names(&prompt("Tell me a joke"), ToolStrategy::Contextual).is_empty());
    }

    #[test]
    fn strategies() {
        assert_eq!(names(&prompt("x"), ToolStrategy::First), ["get_weather"]);
        assert_eq!(names(&prompt("x"), ToolStrategy::Sequence), ["get_weather", "searchFlights", "run"]);
        assert!(names(&prompt("x"), ToolStrategy::None).is_empty());
        for seed in 0..50 {
            let drawn = calls(&prompt("x"), ToolStrategy::Random, &mut Random::new(seed), &Budget::default());
            assert!(drawn.is_ok_and(|drawn| (1..=3).contains(&drawn.len())));
        }
    }

    #[test]
    fn tool_choice_and_parallel_tool_calls_are_obeyed() {
        let choosing = |tool_choice| Prompt { tool_choice, ..prompt("a joke about the weather") };
        assert!(names(&choosing(ToolChoice::None), ToolStrategy::Sequence).is_empty());
        assert_eq!(names(&choosing(ToolChoice::Named("run".into())), ToolStrategy::Contextual), ["run"]);
        assert_eq!(
            names(&Prompt { tool_choice: ToolChoice::Required, ..prompt("hm") }, ToolStrategy::None),
            ["get_weather"]
        );
        let some = |required| ToolChoice::Allowed { names: vec!["run".into(), "searchFlights".into()], required };
        assert!(names(&choosing(some(false)), ToolStrategy::Contextual).is_empty());
        assert_eq!(names(&choosing(some(true)), ToolStrategy::Contextual), ["searchFlights"]);
        assert_eq!(names(&choosing(some(false)), ToolStrategy::Sequence), ["searchFlights", "run"]);
        let single = Prompt { parallel_tool_calls: false, ..prompt("x") };
        assert_eq!(names(&single, ToolStrategy::Sequence).len(), 1);
    }

    #[test]
    fn arguments_hold_the_users_text_and_satisfy_the_schema() {
        let run = Prompt { tool_choice: ToolChoice::Named("run".into()), ..prompt("do it") };
        assert_eq!(called(&run, ToolStrategy::Contextual)[0].1, r#"{"input":"do it"}"#);
        let bare = Prompt { tool_choice: ToolChoice::Named("searchFlights".into()), ..prompt("do it") };
        assert_eq!(called(&bare, ToolStrategy::First)[0].1, r#"{"input":"do it"}"#);
        assert_eq!(called(&bare, ToolStrategy::Sequence)[0].1, "{}");
        let closed = json!({"type": "object", "properties": {}, "additionalProperties": false});
        let strict = Prompt { tools: vec![tool("t", "", Some(closed.clone()))], ..prompt("do it") };
        let made = called(&strict, ToolStrategy::First).remove(0).1;
        let made = serde_json::from_str(&made).unwrap_or_default();
        assert_eq!(validator::accepts(&closed, &made, &Budget::default()), Ok(true), "{made}");
        let custom =
            Prompt { tools: vec![Tool { kind: ToolKind::Custom, ..tool("c", "", None) }], ..prompt("raw words") };
        assert_eq!(called(&custom, ToolStrategy::First)[0].1, "raw words");
    }

    #[test]
    fn a_demanded_hosted_tool_gives_its_item() {
        let choosing = |tool_choice| Prompt { tool_choice, dialect: Dialect::Responses, ..prompt("news?") };
        let item = hosted(&choosing(ToolChoice::Named("web_search".into()))).expect("an item");
        assert_eq!(
            item,
            json!({"type": "web_search_call", "action": {"type": "search", "queries": ["news?"], "query": "news?"}})
        );
        for silent in [ToolChoice::Auto, ToolChoice::None, ToolChoice::Named("run".into()), ToolChoice::Required] {
            assert_eq!(hosted(&choosing(silent)), None, "a function comes first");
        }
        for kind in [
            "web_search_preview",
            "file_search",
            "code_interpreter",
            "image_generation",
            "mcp",
            "computer_use_preview",
            "shell",
            "local_shell",
            "apply_patch",
            "tool_search",
        ] {
            let alone = Tool { kind: ToolKind::Hosted(kind.into()), ..tool(kind, "", None) };
            for tool_choice in [ToolChoice::Required, ToolChoice::Named(kind.into())] {
                let asked = Prompt { tools: vec![alone.clone()], ..choosing(tool_choice) };
                assert!(
                    hosted(&asked)
                        .is_some_and(|item| item["type"].as_str().is_some_and(|kind| kind.ends_with("_call"))),
                    "{kind}"
                );
            }
        }
    }

    #[test]
    fn tool_results_end_the_round() {
        let mut asked = prompt("What is the weather in Oslo?");
        let call = Message::calling("call_1", "get_weather");
        asked.messages.extend([call, Message::new(Role::Tool, "4 degrees")]);
        assert!(names(&asked, ToolStrategy::Sequence).is_empty());
        // Unless more is demanded.
        let demanding = |tool_choice| Prompt { tool_choice, ..asked.clone() };
        assert_eq!(names(&demanding(ToolChoice::Required), ToolStrategy::Contextual), ["searchFlights"]);
        assert_eq!(names(&demanding(ToolChoice::Named("run".into())), ToolStrategy::Contextual), ["run"]);
        assert!(names(&demanding(ToolChoice::Named("get_weather".into())), ToolStrategy::First).is_empty());
        let allowed = ToolChoice::Allowed { names: vec!["run".into(), "get_weather".into()], required: true };
        assert_eq!(names(&demanding(allowed), ToolStrategy::Sequence), ["run"]);
        // A demand for any call is met again and again; only naming a function twice ends.
        let only = ToolChoice::Allowed { names: vec!["get_weather".into()], required: true };
        assert_eq!(names(&demanding(only), ToolStrategy::First), ["get_weather"]);
        let one = Prompt { tools: asked.tools[..1].to_vec(), ..demanding(ToolChoice::Required) };
        assert_eq!(names(&one, ToolStrategy::Contextual), ["get_weather"]);
        asked.messages.push(Message::new(Role::User, "And the weather in Rome?"));
        assert_eq!(called(&asked, ToolStrategy::Contextual)[0].1, r#"{"city":"Rome"}"#);
    }
}
