//! Generated answers: text, structured output and tool calls, valid for the request and reproducible by seed.

pub(crate) mod answer;
pub(crate) mod film;
pub(crate) mod frames;
pub(crate) mod names;
pub(crate) mod numbers;
pub(crate) mod pattern;
pub(crate) mod picture;
pub(crate) mod plain;
pub(crate) mod resolve;
pub(crate) mod said;
pub(crate) mod schema;
pub(crate) mod smallest;
pub(crate) mod sound;
pub(crate) mod strings;
pub(crate) mod text;
pub(crate) mod tools;
pub(crate) mod typed;
pub(crate) mod vectors;
pub(crate) mod words;

#[cfg(test)]
mod schema_tests;
#[cfg(test)]
mod work_tests;

pub(crate) use text::{length, text};

use crate::budget::{self, Budget, Spent};
use crate::prompt::{Format, Prompt};
use crate::random::{Random, key};
use crate::reply::{Choice, Generate, Part, Reply, Say, Text, ToolStrategy};
use crate::turn::{Answering, Found, Responder, Response, Turn};
use answer::{PlausibleAnswer, answer};
use schema::Hints;
use serde_json::{Value, json};
use std::sync::Arc;

/// The responder that invents: how, where the request does not say.
pub(crate) struct Generated(pub Generate);

impl Responder for Generated {
    fn name(&self) -> &'static str {
        "generate"
    }

    fn reply<'a>(&'a self, turn: &'a Turn<'a>) -> Answering<'a> {
        let defaults = turn.call.emulator.generate_defaults();
        let (options, random) = (self.0.clone(), turn.call.random.fork("text"));
        let job =
            move |prompt: &Prompt, budget: &Budget| reply(prompt, &options, &defaults, &mut random.clone(), budget);
        Box::pin(async move {
            let Some(prompt) = turn.prompt else { return Ok(Response::Pass(None)) };
            let said = budget::work(&turn.call.budget, prompt, job).await?;
            Ok(Response::Reply(Found::new(Arc::new(said))))
        })
    }
}

/// A generated reply with `n` choices: one round of tool calls, then text or JSON as the request demands. What
/// `options` leave open, the request decides, then `defaults`.
///
/// With a seed, equal seeds and user texts give equal replies, whatever else differs between the requests.
///
/// # Errors
/// The budget does not suffice.
pub(crate) fn reply(
    prompt: &Prompt,
    options: &Generate,
    defaults: &Generate,
    random: &mut Random,
    budget: &Budget,
) -> Result<Reply, Spent> {
    let seed = options.seed.or(prompt.seed).or(defaults.seed);
    let random = match seed {
        Some(seed) => Random::new(key(seed as u64, &[prompt.user_text().as_bytes()])),
        None => random.fork("generate"),
    };
    let choices = (0..prompt.n.max(1)).map(|number| {
        let mut random = random.fork(&format!("choice {number}"));
        Ok(Choice { parts: parts(prompt, options, defaults, &mut random, budget)?, ..Choice::default() })
    });
    Ok(Reply { say: Say::Choices(choices.collect::<Result<_, _>>()?), ..Reply::default() })
}

fn parts(
    prompt: &Prompt,
    options: &Generate,
    defaults: &Generate,
    random: &mut Random,
    budget: &Budget,
) -> Result<Vec<Part>, Spent> {
    let strategy = options.tools.or(defaults.tools).unwrap_or(ToolStrategy::Contextual);
    let facts = facts(prompt);
    let before = tools::hosted(prompt);
    if let Some(item) = before.as_ref().filter(|item| tools::awaits_client(item)) {
        return Ok(vec![Part::Item(item.clone())]);
    }
    let text = match answer(prompt, || tools::calls(prompt, strategy, random, budget))? {
        PlausibleAnswer::Calls(calls) => return Ok(calls.into_iter().map(Part::ToolCall).collect()),
        PlausibleAnswer::Json => {
            let style = options.style.or(defaults.style).unwrap_or_default();
            let hints = Hints { user_text: &prompt.user_text(), results: &facts.join(" "), style };
            let made = match &prompt.format {
                Format::JsonSchema { schema, .. } => schema::value(schema, random, &hints, budget),
                _ => schema::value(&any_object(), random, &hints, budget),
            };
            made.map_err(|spent| spent.at(|| "The output schema".into(), prompt.format_param()))?.to_string()
        }
        PlausibleAnswer::Text => text(length(prompt, options.length, defaults.length, random), &facts, random),
    };
    Ok(before.map(Part::Item).into_iter().chain([Part::Text(Text::new(text))]).collect())
}

/// What the tools said, each in a sentence.
fn facts(prompt: &Prompt) -> Vec<String> {
    let told = prompt.tool_results().into_iter().map(|(name, text)| {
        let text = text.split_whitespace().collect::<Vec<_>>().join(" ");
        let end = if text.ends_with(['.', '!', '?']) { "" } else { "." };
        (!text.is_empty()).then(|| format!("According to {}: {text}{end}", name.unwrap_or("the tool")))
    });
    told.flatten().collect()
}

/// What `json_object` answers look like when nothing says what they should hold.
fn any_object() -> Value {
    json!({
        "type": "object",
        "properties": {
            "title": {"type": "string"},
            "summary": {"type": "string"},
            "tags": {"type": "array", "items": {"type": "string"}, "minItems": 1, "uniqueItems": true},
            "count": {"type": "integer"},
            "active": {"type": "boolean"},
        },
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::prompt::{Message, Role, Tool, ToolChoice, ToolKind};
    use crate::reply::GenerateStyle;
    use crate::reply::Length;
    use crate::wire::dialect::Dialect;

    fn prompt() -> Prompt {
        let schema = json!({"type": "object", "properties": {"name": {"type": "string"}}, "required": ["name"], "additionalProperties": false});
        Prompt {
            dialect: Dialect::Chat,
            messages: vec![Message::new(Role::User, "Extract: my friend Ada is 36")],
            tools: vec![Tool {
                kind: ToolKind::Function,
                name: "extract".into(),
                description: None,
                parameters: None,
                strict: false,
            }],
            format: Format::JsonSchema { name: "person".into(), schema, strict: true },
            parallel_tool_calls: true,
            n: 1,
            ..Prompt::default()
        }
    }

    /// The text of every choice, or the name of its first tool.
    fn said(prompt: &Prompt, options: &Generate) -> Vec<String> {
        let budget = Budget::default();
        let reply = reply(prompt, options, &Generate::default(), &mut Random::new(4), &budget).expect("little work");
        let Say::Choices(choices) = reply.say else { panic!("{:?}", reply.say) };
        let first = |choice: Choice| match choice.parts.into_iter().next() {
            Some(Part::Text(text)) => text.text,
            Some(Part::ToolCall(call)) => call.name,
            other => panic!("{other:?}"),
        };
        choices.into_iter().map(first).collect()
    }

    #[test]
    fn chat_prefers_the_schema_and_responses_the_tools() {
        let options = Generate::default();
        assert_eq!(said(&prompt(), &options), [r#"{"name":"Ada"}"#]);
        assert_eq!(said(&Prompt { dialect: Dialect::Responses, ..prompt() }, &options), ["extract"]);
        assert_eq!(said(&Prompt { tool_choice: ToolChoice::Required, ..prompt() }, &options), ["extract"]);
        let silent = Prompt { dialect: Dialect::Responses, tool_choice: ToolChoice::None, ..prompt() };
        assert_eq!(said(&silent, &options), [r#"{"name":"Ada"}"#]);
        let plain = Generate { style: Some(GenerateStyle::Plain), ..Generate::default() };
        assert_eq!(said(&prompt(), &plain), [r#"{"name":"dummy_string"}"#]);
    }

    #[test]
    fn json_object_is_an_object() {
        let made =
            said(&Prompt { format: Format::JsonObject, tools: vec![], ..prompt() }, &Generate::default()).remove(0);
        assert!(
            serde_json::from_str::<serde_json::Map<String, Value>>(&made).is_ok_and(|map| map.len() == 5),
            "{made}"
        );
    }

    #[test]
    fn choices_differ_and_the_seed_decides() {
        let asking = |seed, n| Prompt { seed, n, format: Format::Text, tools: vec![], ..prompt() };
        let three = said(&asking(None, 3), &Generate::default());
        assert!(three[0] != three[1] && three[1] != three[2]);
        assert_eq!(
            said(&asking(Some(5), 1), &Generate::default()),
            said(&asking(Some(5), 3), &Generate::default())[..1]
        );
        assert_ne!(said(&asking(Some(5), 1), &Generate::default()), said(&asking(Some(6), 1), &Generate::default()));
        let fixed = Generate { seed: Some(5), ..Generate::default() };
        assert_eq!(said(&asking(Some(6), 1), &fixed), said(&asking(Some(5), 1), &Generate::default()));
        let long = Generate { length: Some(Length::Long), ..Generate::default() };
        assert!(said(&asking(None, 1), &long)[0].len() >= 1500);
    }
}
