//! Echo: says back what the user said, in the form the request demands (seeds.md §2).

use crate::budget::{self, Budget, Spent};
use crate::generate::answer::PlausibleAnswer;
use crate::generate::answer::answer;
use crate::generate::plain;
use crate::generate::schema::Hints;
use crate::generate::schema::value;
use crate::generate::tools;
use crate::prompt::{Format, Prompt};
use crate::random::Random;
use crate::reply::{Choice, GenerateStyle, Part, Reply, Say, Text, ToolStrategy, validator};
use crate::turn::{Answering, Found, Responder, Response, Turn};
use serde_json::{Value, json};
use std::sync::Arc;

/// The emulator's simplest answer.
pub(crate) struct Echo;

impl Responder for Echo {
    fn name(&self) -> &'static str {
        "echo"
    }

    fn reply<'a>(&'a self, turn: &'a Turn<'a>) -> Answering<'a> {
        let random = turn.call.random.fork("text");
        let job = move |prompt: &Prompt, budget: &Budget| reply(prompt, &mut random.clone(), budget);
        Box::pin(async move {
            let Some(prompt) = turn.prompt else { return Ok(Response::Pass(None)) };
            let said = budget::work(&turn.call.budget, prompt, job).await?;
            Ok(Response::Reply(Found::new(Arc::new(said))))
        })
    }
}

/// `Echo: ` and the user's text; a call of the first tool; openai-mokku's values for an output schema. Unlike
/// openai-mokku it calls tools once, not for ever, and its JSON always satisfies the schema.
///
/// # Errors
/// The budget does not suffice.
pub(crate) fn reply(prompt: &Prompt, random: &mut Random, budget: &Budget) -> Result<Reply, Spent> {
    let echo = format!("Echo: {}", prompt.user_text());
    if prompt.separate {
        let each = (prompt.n / prompt.messages.len().max(1)).max(1);
        let echoes = prompt.messages.iter().map(|message| Text::new(format!("Echo: {}", message.text())));
        let choice = |text| Choice { parts: vec![Part::Text(text)], ..Choice::default() };
        let choices = echoes.flat_map(|text| std::iter::repeat_n(choice(text), each)).collect();
        return Ok(Reply { say: Say::Choices(choices), ..Reply::default() });
    }
    let parts = match answer(prompt, || tools::calls(prompt, ToolStrategy::First, random, budget))? {
        PlausibleAnswer::Calls(calls) => calls.into_iter().map(Part::ToolCall).collect(),
        PlausibleAnswer::Json => vec![Part::Text(Text::new(json_text(prompt, &echo, random, budget)?))],
        PlausibleAnswer::Text => vec![Part::Text(Text::new(echo))],
    };
    Ok(Reply { say: Say::Choices(vec![Choice { parts, ..Choice::default() }]), ..Reply::default() })
}

fn json_text(prompt: &Prompt, echo: &str, random: &mut Random, budget: &Budget) -> Result<String, Spent> {
    let Format::JsonSchema { schema, .. } = &prompt.format else {
        return Ok(json!({"message": echo}).to_string());
    };
    let place = |spent: Spent| spent.at(|| "The output schema".into(), prompt.format_param());
    let plain: Value = plain::value(schema);
    if validator::accepts(schema, &plain, budget).map_err(place)? {
        return Ok(plain.to_string());
    }
    let hints = Hints { user_text: &prompt.user_text(), style: GenerateStyle::Plausible, ..Hints::default() };
    Ok(value(schema, random, &hints, budget).map_err(place)?.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::prompt::{Message, Role, Tool, ToolKind};

    fn prompt(format: Format) -> Prompt {
        Prompt { messages: vec![Message::new(Role::User, "héllo")], format, ..Prompt::default() }
    }

    fn said(prompt: &Prompt) -> String {
        let reply = reply(prompt, &mut Random::new(1), &Budget::default()).expect("little work");
        let Say::Choices(choices) = reply.say else { panic!("{:?}", reply.say) };
        match &choices[0].parts[..] {
            [Part::Text(text)] => text.text.clone(),
            [Part::ToolCall(call)] => format!("{}({})", call.name, call.arguments.text),
            other => panic!("{other:?}"),
        }
    }

    fn schema(schema: Value) -> Format {
        Format::JsonSchema { name: "x".into(), schema, strict: true }
    }

    #[test]
    fn text_is_said_back() {
        assert_eq!(said(&prompt(Format::Text)), "Echo: héllo");
        assert_eq!(said(&Prompt::default()), "Echo: ");
        assert_eq!(said(&prompt(Format::JsonObject)), r#"{"message":"Echo: héllo"}"#);
    }

    #[test]
    fn each_of_several_prompts_is_said_back() {
        let messages = ["a", "b"].map(|text| Message::new(Role::User, text)).into();
        let asked = Prompt { messages, separate: true, n: 4, ..Prompt::default() };
        let reply = reply(&asked, &mut Random::new(1), &Budget::default()).expect("little work");
        let Say::Choices(choices) = reply.say else { panic!("choices") };
        let said = choices.iter().flat_map(|choice| &choice.parts).map(|part| match part {
            Part::Text(text) => text.text.as_str(),
            other => panic!("{other:?}"),
        });
        assert_eq!(said.collect::<Vec<_>>(), ["Echo: a", "Echo: a", "Echo: b", "Echo: b"]);
    }

    #[test]
    fn json_is_plain_where_that_is_valid() {
        let plain = json!({"type": "object", "properties": {"a": {"type": "string"}, "n": {"type": "integer"}}, "required": ["a", "n"]});
        assert_eq!(said(&prompt(schema(plain))), r#"{"a":"dummy_string","n":42}"#);
        let bounded = json!({"type": "object", "properties": {"n": {"type": "integer", "maximum": 1, "minimum": 1}}, "required": ["n"]});
        assert_eq!(said(&prompt(schema(bounded))), r#"{"n":1}"#);
    }

    #[test]
    fn the_first_tool_is_called_once() {
        let tool = |name: &str| Tool {
            kind: ToolKind::Function,
            name: name.into(),
            description: None,
            parameters: None,
            strict: false,
        };
        let mut asked = Prompt { tools: vec![tool("one"), tool("two")], ..prompt(Format::Text) };
        assert_eq!(said(&asked), r#"one({"input":"héllo"})"#);
        asked.messages.push(Message::new(Role::Tool, "done"));
        assert_eq!(said(&asked), "Echo: héllo");
    }
}
