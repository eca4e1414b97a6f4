//! Usage: how many tokens a request and its answer have.
//!
//! Text is counted with OpenAI's vocabularies; what a conversation costs beyond its text was fitted to recorded
//! exchanges (real-traffic §4 and `usage/tests.rs`, which measures it again). Exact for 99 % of requests of text
//! only, 86 % with function tools, half with their results; images, audio, files and hosted tools are typical numbers.

mod schema;
mod tools;
pub mod wire;

use super::models::Model;
use crate::clock::Mode;
use crate::options::{Counting, Settings};
use crate::prompt::{Content, Format, Message, Prompt, Role, ToolChoice};
use crate::prompt_cache::{self, Prefixes};
use crate::reply::{Choice, Finish, Part};
use crate::runtime;
use crate::session::Session;
use crate::tokens::{self, Encoding};
use std::sync::Arc;

/// Which API counts; they wrap the same conversation differently.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Api {
    Chat,
    Responses,
    Completions,
}

/// Tokens of one exchange.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Counted {
    pub prompt: u64,
    /// Of these, read from the cache: a multiple of 128.
    pub cached: u64,
    /// Of these, sound.
    pub prompt_audio: u64,
    /// Of these, pictures.
    pub prompt_image: u64,
    pub completion: u64,
    /// Of these, thinking: a multiple of 64.
    pub reasoning: u64,
    /// Of these, sound.
    pub completion_audio: u64,
}

/// Counts the exchanges of one session.
#[derive(Clone)]
pub struct Counter {
    encoding: Option<Encoding>,
    /// Where prefixes are remembered; only on the real clock, because what is cached depends on the order of requests.
    session: Option<Arc<Session>>,
}

impl Counter {
    /// Counts as the emulator's settings say.
    pub fn of(settings: &Settings, session: &Arc<Session>) -> Self {
        let exact = settings.usage == Counting::Exact;
        let real = session.clock.mode() == Mode::Real;
        Counter { encoding: (!exact).then_some(Encoding::Estimate), session: real.then(|| session.clone()) }
    }

    /// Tokens of a prompt and its answer. Without choices only the prompt is counted, and nothing is remembered.
    pub fn count(&self, prompt: &Prompt, choices: &[&Choice], model: &Model, api: Api) -> Counted {
        runtime::aside(prompt.size(), || self.count_here(prompt, choices, model, api))
    }

    fn count_here(&self, prompt: &Prompt, choices: &[&Choice], model: &Model, api: Api) -> Counted {
        let encoding = self.encoding.unwrap_or_else(|| model.encoding());
        let mut counted = prompt_tokens(prompt, model, api, encoding);
        if let (Some(session), true) = (&self.session, !choices.is_empty() && counted.prompt >= prompt_cache::LEAST) {
            let prefixes = Prefixes::of(prompt, model.snapshot(), encoding);
            counted.cached = session.prefixes().cached(&prefixes).min(counted.prompt);
        }
        for choice in choices {
            add_completion(&mut counted, choice, prompt, model, api, encoding);
        }
        counted
    }
}

/// How a model thinks, as far as it shows in counts.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Thinking {
    Never,
    /// o1, o3-mini.
    First,
    /// o3, o4-mini, gpt-5 and 5.1.
    Always,
    /// gpt-5.2 and later, where effort `none` exists.
    Optional,
}

impl Thinking {
    fn of(model: &Model) -> Self {
        if !model.reasoning {
            Thinking::Never
        } else if model.family == "o1" || model.id.starts_with("o3-mini") {
            Thinking::First
        } else if model.top_p < 1.0 {
            // The mark of the models from gpt-5.2 on.
            Thinking::Optional
        } else {
            Thinking::Always
        }
    }
}

/// Tokens of the prompt alone: `prompt`, and in it sound and pictures.
pub fn prompt_tokens(prompt: &Prompt, model: &Model, api: Api, encoding: Encoding) -> Counted {
    let mut counted = Counted::default();
    let count = |text: &str| tokens::count(encoding, text) as u64;
    if api == Api::Completions {
        counted.prompt = prompt.messages.iter().map(|message| count(&message.text())).sum();
        return counted;
    }
    // Every conversation opens the assistant's turn; every message costs 3 and its role 1.
    let old = api == Api::Responses && encoding == Encoding::Cl100k && model.family.starts_with("gpt-4");
    let mut total = if model.reasoning || old { 2 } else { 3 };
    let offered = tools::Offer::new(prompt, model, api);
    for (index, message) in prompt.messages.iter().enumerate() {
        let lead = index == 0 && matches!(message.role, Role::System | Role::Developer);
        match offered.text.as_deref().filter(|_| lead && offered.merges) {
            Some(namespace) => total += 4 + count(&tools::merged(&message.text(), namespace)) - offered.uncommented - 1,
            None => total += message_tokens(message, prompt, model, api, encoding),
        }
        counted.prompt_image +=
            model.image_tokens * message.content.iter().filter(|part| **part == Content::Image).count() as u64;
        counted.prompt_audio += AUDIO * message.content.iter().filter(|part| **part == Content::Audio).count() as u64;
    }
    total += match &offered.text {
        Some(namespace) if !(offered.merges && offered.leads) => {
            (count(namespace) + offered.around).saturating_sub(offered.uncommented)
        }
        _ => 0,
    };
    if let (ToolChoice::Named(name), Some(_)) = (&prompt.tool_choice, &offered.text) {
        total += count(name);
    }
    total += offered.hosted;
    if let Format::JsonSchema { schema, .. } = &prompt.format {
        total += schema::tokens(schema, model, api, encoding);
    }
    if prompt.body.get("reasoning").and_then(|asked| asked.get("mode")).is_some_and(|mode| mode == "pro") {
        // Several models think and one reads their answers (gpt-5.6 recordings of 2026-07; typical number).
        total = 5 * total + 1450;
    }
    counted.prompt = total + counted.prompt_image + counted.prompt_audio;
    counted
}

/// A short recording.
const AUDIO: u64 = 15;
/// A page of text.
const FILE: u64 = 220;

fn message_tokens(message: &Message, prompt: &Prompt, model: &Model, api: Api, encoding: Encoding) -> u64 {
    let count = |text: &str| tokens::count(encoding, text) as u64;
    // A call and its result both name the function.
    let address = |name: &str| count(&format!("functions.{name}"));
    let parts: u64 = message
        .content
        .iter()
        .map(|part| match part {
            Content::Text(text) | Content::Refusal(text) => count(text),
            Content::File => FILE,
            Content::Image | Content::Audio => 0,
        })
        .sum();
    match message.role {
        Role::Tool => {
            let called = prompt.messages.iter().flat_map(|other| &other.tool_calls);
            let answered = called.into_iter().find(|call| Some(call.id.as_str()) == message.tool_call_id.as_deref());
            let name = answered.map(|call| call.name.as_str()).or(message.name.as_deref());
            parts + name.map_or(0, address) + 5
        }
        Role::Assistant if !message.tool_calls.is_empty() => {
            let each = match (api, model.reasoning) {
                (Api::Chat, false) => 5,
                (_, false) => 4,
                (Api::Chat, true) => 12,
                (_, true) => 13,
            };
            let calls = message.tool_calls.iter().map(|call| address(&call.name) + count(&call.arguments) + each);
            // Parallel calls are wrapped once more.
            let wrapped = match message.tool_calls.len() {
                1 => 0,
                _ if model.reasoning => 9,
                _ => 16,
            };
            parts + calls.sum::<u64>() + wrapped
        }
        // Responses drops messages that say nothing.
        Role::Assistant if api == Api::Responses && message.content.iter().all(Content::is_nothing) => 0,
        Role::Assistant if model.reasoning => parts + 6 + name_tokens(message, encoding),
        _ => parts + 4 + name_tokens(message, encoding),
    }
}

fn name_tokens(message: &Message, encoding: Encoding) -> u64 {
    message.name.as_ref().map_or(0, |name| 1 + tokens::count(encoding, name) as u64)
}

impl Content {
    fn is_nothing(&self) -> bool {
        matches!(self, Content::Text(text) if text.is_empty())
    }
}

/// Adds one choice to the completion: its text, and what ends a message or frames a call.
fn add_completion(
    counted: &mut Counted,
    choice: &Choice,
    prompt: &Prompt,
    model: &Model,
    api: Api,
    encoding: Encoding,
) {
    let count = |text: &str| tokens::count(encoding, text) as u64;
    let (mut text, mut calls, mut reasoning, mut said, mut called) = (0, 0, 0, false, 0);
    for part in &choice.parts {
        match part {
            Part::Text(piece) | Part::Refusal(piece) => {
                text += piece.tokens(encoding) as u64;
                said = true;
            }
            Part::ToolCall(call) => {
                let forced =
                    matches!(prompt.tool_choice, ToolChoice::Named(_)) && (api, model.reasoning) == (Api::Chat, false);
                calls += call.arguments.tokens(encoding) as u64 + if forced { 0 } else { count(&call.name) };
                called += 1;
            }
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
    let thought = reasoning > 0;
    let framed = match (api, called) {
        (Api::Completions, _) => 0,
        (_, 0) if !said || choice.finish == Some(Finish::Length) => 0,
        (_, 0) => ending(Thinking::of(model), thought, !prompt.tools.is_empty(), api),
        (_, called) => framing(Thinking::of(model), thought, called, &prompt.tool_choice, api),
    };
    // Thoughts take what the words leave of the limit; what was cut has as many tokens as were allowed, frames included
    // (recordings dcde11f540b48ebf, f0f7b33a82f7cf9f).
    let limit = prompt.max_tokens.unwrap_or(u64::MAX);
    reasoning = reasoning.min(limit.saturating_sub(text + calls));
    counted.reasoning += reasoning;
    counted.completion += (text + calls + reasoning).saturating_add_signed(framed).min(limit);
}

/// What ends a message.
fn ending(thinking: Thinking, thought: bool, tools: bool, api: Api) -> i64 {
    match (api, thinking) {
        (Api::Chat, Thinking::Never) => i64::from(tools),
        (Api::Chat, Thinking::First) => 13,
        (Api::Chat, Thinking::Optional) if !thought => {
            if tools {
                3
            } else {
                7
            }
        }
        (Api::Chat, _) => 9,
        (_, Thinking::Never | Thinking::First) => 1 + i64::from(tools),
        (_, Thinking::Optional) if !thought => 4,
        _ => 6,
    }
}

/// What frames so many tool calls.
fn framing(thinking: Thinking, thought: bool, calls: i64, choice: &ToolChoice, api: Api) -> i64 {
    let one = match (api, thinking) {
        (Api::Chat, Thinking::Never) if matches!(choice, ToolChoice::Named(_)) => return 0,
        // A forced call is begun in the prompt, which counts it.
        (Api::Responses, Thinking::Never) if *choice == ToolChoice::Required => -1,
        (Api::Chat, Thinking::Never) => 7,
        (_, Thinking::Never) => 8,
        (Api::Chat, Thinking::Optional) if !thought => 10,
        (Api::Chat, _) => 16,
        (_, Thinking::First) => 9,
        (_, Thinking::Optional) if !thought => 11,
        _ => 13,
    };
    match (thinking, calls) {
        (_, 1) => one,
        (Thinking::Never, _) => one + 5 + 16 * (calls - 1),
        _ => one + 11 * (calls - 1),
    }
}

#[cfg(test)]
mod tests;
