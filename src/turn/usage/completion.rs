//! Tokens of what was said: its text, and what ends a message or frames a call.

use crate::prompt::{Format, Prompt, ToolChoice};
use crate::reply::{Choice, Finish, Part, ToolCall};
use crate::tokens::{self, Encoding};
use crate::turn::models::Model;
use crate::turn::usage::Counted;
use crate::turn::usage::Thinking;
use crate::wire::dialect::Dialect;
use serde_json::Value;

/// What answers of a model are framed by.
struct MessageFrame<'a> {
    prompt: &'a Prompt,
    model: &'a Model,
    thinking: Thinking,
    /// Whether it thought before this answer.
    thought: bool,
    api: Dialect,
    encoding: Encoding,
}

/// Adds one choice to the completion.
pub(super) fn add(
    counted: &mut Counted,
    choice: &Choice,
    prompt: &Prompt,
    model: &Model,
    api: Dialect,
    encoding: Encoding,
) {
    let count = |text: &str| tokens::count(encoding, text) as u64;
    let (mut text, mut reasoning, mut said) = (0, 0, false);
    let mut calls = Vec::new();
    for part in &choice.parts {
        match part {
            Part::Text(piece) => {
                text += piece.tokens(encoding) as u64;
                said = true;
            }
            Part::Refusal(piece) => {
                text += piece.tokens(encoding) as u64 + 1;
                said = true;
            }
            Part::ToolCall(call) => calls.push(call),
            Part::Reasoning(summary) => {
                // Even a thought without words takes some.
                let words: u64 = summary.iter().map(|words| count(words)).sum();
                reasoning += words.max(1).next_multiple_of(64);
            }
            Part::Audio { transcript, .. } => {
                let sound = 20 * count(transcript);
                counted.completion_audio += sound;
                text += sound;
            }
            Part::Item(_) => {}
        }
    }
    let frame = MessageFrame { prompt, model, thinking: Thinking::of(model), thought: reasoning > 0, api, encoding };
    let framed = match (api, calls.as_slice()) {
        (Dialect::Completions, _) => 0,
        (_, []) if !said || choice.finish == Some(Finish::Length) => 0,
        (_, []) => frame.ending(),
        (_, calls) => frame.called(calls),
    };
    // Thoughts take what the words leave of the limit; what was cut has as many tokens as were allowed, frames included
    // (recordings dcde11f540b48ebf, f0f7b33a82f7cf9f).
    let limit = prompt.max_tokens.unwrap_or(u64::MAX);
    let arguments: u64 = calls.iter().map(|call| call.arguments.tokens(encoding) as u64).sum();
    reasoning = reasoning.min(limit.saturating_sub(text + arguments));
    counted.reasoning += reasoning;
    counted.completion += (text + framed + reasoning).min(limit);
}

impl MessageFrame<'_> {
    /// What ends a message.
    fn ending(&self) -> u64 {
        let tools = u64::from(!self.prompt.tools.is_empty());
        let ending = match (self.api, self.thinking) {
            (Dialect::Chat, Thinking::Never) => tools,
            (Dialect::Chat, Thinking::First) => 13,
            (Dialect::Chat, Thinking::Optional) if !self.thought => 3,
            (Dialect::Chat, _) => 9,
            (_, Thinking::Never) if crate::turn::usage::is_old(self.model) => 2 + tools,
            (_, Thinking::Never | Thinking::First) => 1 + tools,
            (_, Thinking::Optional) if !self.thought => 4,
            _ => 6,
        };
        let schema = matches!(self.prompt.format, Format::JsonSchema { .. });
        let marked = match self.thinking {
            Thinking::Never => tools > 0,
            Thinking::First => false,
            Thinking::Always | Thinking::Optional => true,
        };
        ending + if schema && marked { 4 } else { 0 }
    }

    /// Whether the prompt begins the call already: a named tool, or the only one of those that must be called.
    fn forced(&self) -> bool {
        match &self.prompt.tool_choice {
            ToolChoice::Named(_) => true,
            ToolChoice::Required => self.prompt.tools.len() == 1,
            _ => false,
        }
    }

    /// Tool calls with their names, arguments and frames.
    fn called(&self, calls: &[&ToolCall]) -> u64 {
        let count = |text: &str| tokens::count(self.encoding, text) as u64;
        let arguments = |call: &ToolCall| call.arguments.tokens(self.encoding) as u64;
        match (self.thinking, calls) {
            (Thinking::Never, [call]) if self.api == Dialect::Responses && self.forced() => return arguments(call) + 1,
            (Thinking::Never, [call])
                if self.api == Dialect::Chat && matches!(self.prompt.tool_choice, ToolChoice::Named(_)) =>
            {
                return arguments(call);
            }
            // Several calls are one, of a tool that makes them at the same time.
            (Thinking::Never, [_, _, ..]) => {
                let uses: Vec<String> = calls.iter().map(|call| parallel_use(call)).collect();
                let text = format!("{{\"tool_uses\":[{}]}}", uses.join(","));
                return count(&text) + if self.api == Dialect::Chat { 10 } else { 11 };
            }
            _ => {}
        }
        let named: u64 =
            calls.iter().map(|call| count(&format!("functions.{}", call.name)) - 1 + arguments(call)).sum();
        named.saturating_add_signed(self.around()) + 11 * (calls.len() as u64 - 1)
    }

    /// What frames one call.
    fn around(&self) -> i64 {
        match (self.api, self.thinking) {
            // Responses begins in the prompt what must be a call, whichever.
            (Dialect::Responses, Thinking::Never) if self.prompt.tool_choice == ToolChoice::Required => -1,
            (Dialect::Chat, Thinking::Never) if self.model.family == "gpt-4" => 4,
            (Dialect::Chat, Thinking::Never) => 7,
            (_, Thinking::Never) => 8,
            (Dialect::Chat, Thinking::Optional) if !self.thought => 10,
            (Dialect::Chat, _) => 16,
            (_, Thinking::First) => 9,
            (_, Thinking::Optional) if !self.thought => 11,
            _ => 13,
        }
    }
}

/// Written without spaces, whatever the arguments that are shown have between their tokens.
fn parallel_use(call: &ToolCall) -> String {
    let arguments = serde_json::from_str::<Value>(&call.arguments.text).map(|arguments| arguments.to_string());
    let arguments = arguments.as_ref().unwrap_or(&call.arguments.text);
    format!("{{\"recipient_name\":\"functions.{}\",\"parameters\":{}}}", call.name, arguments)
}
