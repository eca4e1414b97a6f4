use crate::api::responses::request::mark_returned;
use crate::prompt::{PastCall, Tool, ToolKind};
use crate::reply::{Finish, Part, Text, ToolCall};
use crate::turn::models;
use crate::turn::usage::wire::merge;
use crate::turn::usage::wire::responses;
use crate::turn::usage::*;
use crate::wire::dialect::Dialect;
use crate::wire::value::Holds;
use serde_json::{Value, json};

fn model(name: &str) -> Model {
    Model::custom(name, None, None, None)
}

fn counted(prompt: &Prompt, choices: &[&Choice], name: &str, api: Dialect) -> Counted {
    Counter { encoding: None, session: None, exchange: None }.count(prompt, choices, &model(name), api)
}

fn says(text: &str) -> Choice {
    Choice { parts: vec![Part::Text(Text::new(text))], ..Choice::default() }
}

#[test]
fn a_plain_exchange() {
    let prompt = Prompt { messages: vec![Message::new(Role::User, "Hello, world!")], ..Prompt::default() };
    let answer = says("Hello, world!");
    let numbers = |name, api| {
        let counted = counted(&prompt, &[&answer], name, api);
        (counted.prompt, counted.completion)
    };
    assert_eq!(numbers("gpt-4o", Dialect::Chat), (11, 4));
    assert_eq!(numbers("gpt-5", Dialect::Chat), (10, 13));
    assert_eq!(numbers("gpt-4o", Dialect::Responses), (11, 5));
    assert_eq!(numbers("gpt-5.4", Dialect::Responses), (10, 8));
    assert_eq!(numbers("davinci-002", Dialect::Completions), (4, 4));
}

#[test]
fn thoughts_come_in_multiples_of_64_and_belong_to_the_completion() {
    let mut choice = says("Hi");
    choice.parts.insert(0, Part::Reasoning(vec!["Thinking it over.".into()]));
    let counted = counted(&Prompt::default(), &[&choice], "gpt-5", Dialect::Responses);
    assert_eq!((counted.reasoning, counted.completion), (64, 64 + 1 + 6));
}

#[test]
fn thoughts_take_what_the_words_leave_of_the_limit() {
    let mut choice = says("one two three");
    choice.parts.insert(0, Part::Reasoning(vec![]));
    let asked =
        |limit| counted(&Prompt { max_tokens: Some(limit), ..Prompt::default() }, &[&choice], "gpt-5", Dialect::Chat);
    assert_eq!((asked(200).reasoning, asked(200).completion), (64, 64 + 3 + 9));
    assert_eq!((asked(20).reasoning, asked(20).completion), (17, 20));
}

#[test]
fn every_choice_counts() {
    let (one, two) = (says("one"), says("two"));
    assert_eq!(counted(&Prompt::default(), &[&one, &two], "gpt-4o", Dialect::Chat).completion, 2);
}

#[test]
fn overrides_speak_either_language_and_the_total_follows() {
    let usage = || responses(&Counted { prompt: 5, completion: 2, ..Counted::default() });
    let fixed = json!({"prompt_tokens": 100, "output_tokens_details": {"reasoning_tokens": 1}});
    let merged = json!(merge(usage(), Some(&fixed)));
    assert_eq!((&merged["input_tokens"], &merged["total_tokens"]), (&json!(100), &json!(102)));
    assert_eq!(merged["output_tokens_details"], json!({"reasoning_tokens": 1}));
    assert!(merged.get("prompt_tokens").is_none());
    assert_eq!(json!(merge(usage(), Some(&json!({"total_tokens": 9}))))["total_tokens"], 9);
    assert_eq!(json!(merge(usage(), None)), json!(usage()));
}

/// Measures the formulas on the recorded exchanges, where they lie beside the repository.
mod corpus {
    use super::*;
    use std::collections::BTreeMap;
    use std::fs;

    const FILE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../shared/corpus/exchanges.jsonl");

    /// Lines of the recordings; `None` where they are not at hand.
    fn recordings() -> Option<Vec<Value>> {
        let near = [FILE.to_string(), FILE.replace("/../shared", "/../../shared")];
        let text = near.iter().find_map(|path| fs::read_to_string(path).ok());
        if text.is_none() {
            eprintln!("no recorded exchanges beside the repository: the formulas are not measured");
        }
        Some(text?.lines().filter_map(|line| serde_json::from_str(line).ok()).collect())
    }

    fn texts(content: &Value) -> Option<Vec<Content>> {
        match content {
            Value::Null => Some(Vec::new()),
            Value::String(text) => Some(vec![Content::Text(text.clone())]),
            Value::Array(parts) => parts
                .iter()
                .map(|part| {
                    let text = part.get("text").or(part.get("refusal"))?.as_str()?;
                    Some(Content::Text(text.into()))
                })
                .collect(),
            _ => None,
        }
    }

    fn role(word: &str) -> Role {
        match word {
            "system" => Role::System,
            "developer" => Role::Developer,
            "assistant" => Role::Assistant,
            "tool" | "function" => Role::Tool,
            _ => Role::User,
        }
    }

    fn call(id: &Value, name: &Value, arguments: &Value, returned: bool) -> Option<PastCall> {
        Some(PastCall {
            id: id.as_str().unwrap_or_default().into(),
            name: name.as_str()?.into(),
            arguments: arguments.as_str()?.into(),
            returned,
        })
    }

    fn message(value: &Value) -> Option<Message> {
        let mut message = Message::new(role(value["role"].as_str().unwrap_or("user")), "");
        match value["type"].as_str() {
            None | Some("message") => {
                message.content = texts(&value["content"])?;
                message.name = value["name"].as_str().map(str::to_string);
                let calls = value["tool_calls"].elements();
                for one in calls {
                    let function = &one["function"];
                    message.tool_calls.push(call(&one["id"], &function["name"], &function["arguments"], false)?);
                }
                message.tool_call_id = value["tool_call_id"].as_str().map(str::to_string);
            }
            Some("function_call") => {
                message.role = Role::Assistant;
                message.content.clear();
                message.tool_calls = vec![call(&value["call_id"], &value["name"], &value["arguments"], false)?];
            }
            Some("function_call_output") => {
                message.role = Role::Tool;
                message.content = texts(&value["output"])?;
                message.tool_call_id = value["call_id"].as_str().map(str::to_string);
            }
            _ => return None,
        }
        Some(message)
    }

    /// A recorded request, if text and function tools are all it has.
    fn prompt(body: &Value, api: Dialect) -> Option<Prompt> {
        let hidden = ["previous_response_id", "conversation", "prompt", "context_management", "web_search_options"];
        if hidden.iter().any(|key| body.get(key).is_some_and(|value| !value.is_null()))
            || body["reasoning"]["mode"] == "pro"
        {
            return None;
        }
        let mut messages = Vec::new();
        if let Some(text) = body["instructions"].as_str() {
            messages.push(Message::new(Role::System, text));
        }
        match if api == Dialect::Chat { &body["messages"] } else { &body["input"] } {
            Value::String(text) => messages.push(Message::new(Role::User, text.clone())),
            Value::Array(items) => messages.extend(items.iter().map(message).collect::<Option<Vec<_>>>()?),
            _ => return None,
        }
        if api == Dialect::Responses {
            mark_returned(&mut messages, body["input"].elements());
        }
        let tools = body["tools"].elements().chain(body["functions"].elements());
        let tools = tools.map(|tool| {
            let inner = tool.get("function").filter(|_| api == Dialect::Chat).unwrap_or(tool);
            (tool["type"] == "function" || tool.get("type").is_none()).then(|| Tool {
                kind: ToolKind::Function,
                name: inner["name"].as_str().unwrap_or_default().into(),
                description: inner["description"].as_str().map(str::to_string),
                parameters: Some(inner["parameters"].clone()),
                strict: false,
            })
        });
        let format = if api == Dialect::Chat { &body["response_format"] } else { &body["text"]["format"] };
        if format["type"] == "json_schema" {
            return None;
        }
        let choice = &body["tool_choice"];
        let name = choice["name"].as_str().or_else(|| choice["function"]["name"].as_str());
        Some(Prompt {
            messages,
            tools: tools.collect::<Option<Vec<_>>>()?,
            tool_choice: match name {
                Some(name) => ToolChoice::Named(name.into()),
                None if choice == "required" => ToolChoice::Required,
                None => ToolChoice::Auto,
            },
            body: Arc::new(body.clone()),
            ..Prompt::default()
        })
    }

    /// The answer's object and usage; of a stream, from its last event.
    fn answer(line: &Value) -> Option<(Value, Value)> {
        let response = &line["response"];
        let has = |value: &Value| value["usage"].is_object().then(|| (value.clone(), value["usage"].clone()));
        let events = response["sse"].elements().rev();
        has(&response["body"]).or_else(|| {
            events.map(|event| &event["data"]).find_map(|data| has(&data["response"]).or_else(|| has(data)))
        })
    }

    /// What the model said, of answers that are one choice of text and calls.
    fn choice(object: &Value, api: Dialect) -> Option<Choice> {
        let mut choice = Choice::default();
        let thought = &object["usage"]["output_tokens_details"]["reasoning_tokens"];
        if api == Dialect::Chat {
            let [one] = object["choices"].as_array()?.as_slice() else { return None };
            if let Some(text) = one["message"]["content"].as_str() {
                choice.parts.push(Part::Text(Text::new(text)));
            }
            for call in one["message"]["tool_calls"].elements() {
                choice.parts.push(tool_call(&call["function"])?);
            }
            choice.finish = (one["finish_reason"] == "length").then_some(Finish::Length);
            return Some(choice);
        }
        if thought.as_u64() > Some(0) {
            choice.parts.push(Part::Reasoning(Vec::new()));
        }
        for item in object["output"].as_array()? {
            match item["type"].as_str()? {
                "message" => {
                    let text: String = texts(&item["content"])?
                        .iter()
                        .map(|part| match part {
                            Content::Text(text) => text.as_str(),
                            _ => "",
                        })
                        .collect();
                    choice.parts.push(Part::Text(Text::new(text)));
                }
                "function_call" => choice.parts.push(tool_call(item)?),
                "reasoning" => {}
                _ => return None,
            }
        }
        choice.finish = (object["status"] != "completed").then_some(Finish::Length);
        Some(choice)
    }

    fn tool_call(call: &Value) -> Option<Part> {
        let (name, arguments) = (call["name"].as_str()?.into(), Text::new(call["arguments"].as_str()?));
        Some(Part::ToolCall(ToolCall { name, arguments, id: None, custom: false }))
    }

    #[test]
    fn counts_are_those_recorded() {
        let Some(lines) = recordings() else { return };
        // Group → (exact, all).
        let mut prompts: BTreeMap<&str, (usize, usize)> = BTreeMap::new();
        let mut completions: BTreeMap<&str, (usize, usize)> = BTreeMap::new();
        for line in &lines {
            let api = match line["endpoint"].as_str() {
                Some("POST /v1/chat/completions") => Dialect::Chat,
                Some("POST /v1/responses") => Dialect::Responses,
                _ => continue,
            };
            let body = &line["request"]["body"];
            let cut = |paths: &Value| paths.as_array().is_some_and(|all| !all.is_empty());
            let Some(model) = body["model"].as_str().and_then(models::find) else { continue };
            if cut(&line["truncated_paths"]) || model.family == "search" || model.audio {
                continue;
            }
            let (Some(prompt), Some((object, usage))) = (prompt(body, api), answer(line)) else { continue };
            let number = |chat: &str, responses: &str| usage.get(chat).or(usage.get(responses)).and_then(Value::as_u64);
            let Some(recorded) = number("prompt_tokens", "input_tokens").filter(|tokens| *tokens > 0) else { continue };
            let choice = choice(&object, api);
            let counter = Counter { encoding: None, session: None, exchange: None };
            let counted = counter.count(&prompt, &choice.iter().collect::<Vec<_>>(), &model, api);
            let past =
                prompt.messages.iter().any(|message| message.role == Role::Tool || !message.tool_calls.is_empty());
            let group = match (prompt.tools.is_empty(), past) {
                (true, false) => "text",
                (false, false) => "tools",
                _ => "tools and their results",
            };
            let tally = |tallies: &mut BTreeMap<_, (usize, usize)>, group, exact| {
                let tally = tallies.entry(group).or_default();
                tally.0 += usize::from(exact);
                tally.1 += 1;
            };
            tally(&mut prompts, group, counted.prompt == recorded);
            let (Some(choice), Some(said)) = (choice, number("completion_tokens", "output_tokens")) else { continue };
            let details = usage.get("completion_tokens_details").or(usage.get("output_tokens_details"));
            let thought = details.and_then(|details| details["reasoning_tokens"].as_u64()).unwrap_or(0);
            let called = choice.parts.iter().any(|part| matches!(part, Part::ToolCall(_)));
            let group = match (model.reasoning, called) {
                (false, false) => "text",
                (false, true) => "calls",
                (true, false) => "text after thinking",
                (true, true) => "calls after thinking",
            };
            tally(&mut completions, group, counted.completion - counted.reasoning == said - thought);
        }
        println!("prompts {prompts:?}\ncompletions {completions:?}");
        let share = |tallies: &BTreeMap<&str, (usize, usize)>, group| {
            let (exact, all) = tallies.get(group).copied().unwrap_or_default();
            exact as f64 / all as f64
        };
        assert!(share(&prompts, "text") >= 0.95, "{prompts:?}");
        assert!(share(&prompts, "tools") >= 0.92, "{prompts:?}");
        assert!(share(&prompts, "tools and their results") >= 0.75, "{prompts:?}");
        assert!(share(&completions, "text") >= 0.9, "{completions:?}");
        assert!(share(&completions, "calls") >= 0.9, "{completions:?}");
    }
}
