//! Usage: how many tokens a request and its answer have.
//!
//! Text is counted with OpenAI's vocabularies; what a conversation costs beyond its text was fitted to recorded
//! exchanges (real-traffic §4 and `usage/tests.rs`, which measures it again). Exact for 98 % of prompts of text only,
//! 88 % with function tools and their results, 95 % of answers; images, audio, files and hosted tools are typical numbers.

mod completion;
pub(crate) mod said;
mod schema;
mod tools;
mod typescript;
pub(crate) mod wire;

use crate::clock::Mode;
use crate::options::{Counting, Settings};
use crate::prompt::{Content, Format, Message, PastCall, Prompt, Role, ToolChoice};
use crate::reply::Choice;
use crate::runtime;
use crate::session::Session;
use crate::session::exchange::Exchange;
use crate::session::prompt_cache;
use crate::session::prompt_cache::Prefixes;
use crate::tokens::{self, Encoding};
use crate::turn::models::{self, Model};
use crate::turn::usage::wire::Usage;
use crate::wire::dialect::Dialect;
use serde_json::Value;
use std::sync::Arc;

/// Tokens of one exchange.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Counted {
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
pub(crate) struct Counter {
    encoding: Option<Encoding>,
    /// Where prefixes are remembered; only on the real clock, because what is cached depends on the order of requests.
    session: Option<Arc<Session>>,
    /// Whose tokens they are.
    exchange: Option<Arc<Exchange>>,
}

impl Counter {
    /// Counts as the emulator's settings say.
    pub(crate) fn of(settings: &Settings, session: &Arc<Session>, exchange: &Arc<Exchange>) -> Self {
        let exact = settings.usage == Counting::Exact;
        let real = session.clock.mode() == Mode::Real;
        Counter {
            encoding: (!exact).then_some(Encoding::Estimate),
            session: real.then(|| session.clone()),
            exchange: Some(exchange.clone()),
        }
    }

    /// The usage that an answer shows: with what a reply fixes. Its exchange keeps the sums.
    pub(crate) fn shown(&self, usage: Usage, overrides: Option<&Value>) -> Usage {
        let usage = wire::merge(usage, overrides);
        if let Some(exchange) = &self.exchange {
            let _ = exchange.tokens.set(usage.sums());
        }
        usage
    }

    /// Tokens of a prompt and its answer. Without choices only the prompt is counted, and nothing is remembered.
    pub(crate) fn count(&self, prompt: &Prompt, choices: &[&Choice], model: &Model, api: Dialect) -> Counted {
        runtime::aside(prompt.size(), || self.count_here(prompt, choices, model, api))
    }

    fn count_here(&self, prompt: &Prompt, choices: &[&Choice], model: &Model, api: Dialect) -> Counted {
        let encoding = self.encoding.unwrap_or_else(|| model.encoding());
        let mut counted = prompt_tokens(prompt, model, api, encoding);
        if let (Some(session), true) = (&self.session, !choices.is_empty() && counted.prompt >= prompt_cache::LEAST) {
            let prefixes = Prefixes::of(prompt, model.snapshot(), encoding);
            counted.cached = session.prefixes().cached(&prefixes).min(counted.prompt);
        }
        for choice in choices {
            completion::add(&mut counted, choice, prompt, model, api, encoding);
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
pub(crate) fn prompt_tokens(prompt: &Prompt, model: &Model, api: Dialect, encoding: Encoding) -> Counted {
    let mut counted = Counted::default();
    let count = |text: &str| tokens::count(encoding, text) as u64;
    if api == Dialect::Completions {
        counted.prompt = prompt.messages.iter().map(|message| count(&message.text())).sum();
        return counted;
    }
    // Every conversation opens the assistant's turn; every message costs 3 and its role 1.
    let old = api == Dialect::Responses && is_old(model);
    let mut total = if model.reasoning || old { 2 } else { 3 };
    let offered = tools::Offer::new(prompt, model, api);
    for (index, message) in prompt.messages.iter().enumerate() {
        let lead = index == 0 && matches!(message.role, Role::System | Role::Developer);
        match offered.text.as_deref().filter(|_| lead && offered.merges) {
            Some(namespace) => total += 4 + count(&tools::merged(&message.text(), namespace)) - 1,
            None => total += message_tokens(message, prompt, model, api, encoding),
        }
        counted.prompt_image +=
            model.image_tokens * message.content.iter().filter(|part| **part == Content::Image).count() as u64;
        counted.prompt_audio += AUDIO * message.content.iter().filter(|part| **part == Content::Audio).count() as u64;
    }
    total += match &offered.text {
        Some(namespace) if !(offered.merges && offered.leads) => count(namespace) + offered.around,
        _ => 0,
    };
    if let (ToolChoice::Named(name), Some(_)) = (&prompt.tool_choice, &offered.text) {
        total += count(name);
    }
    total += offered.hosted;
    if let Format::JsonSchema { schema, .. } = &prompt.format {
        total += schema::tokens(schema, model, api, encoding);
    }
    if models::is_pro(&prompt.body) {
        // Several models think and one reads their answers (gpt-5.6 recordings of 2026-07; typical number).
        total = 5 * total + 1450;
    }
    counted.prompt = total + counted.prompt_image + counted.prompt_audio;
    counted
}

/// gpt-4 and gpt-4-turbo, which Responses wraps differently.
fn is_old(model: &Model) -> bool {
    model.encoding() == Encoding::Cl100k && model.family.starts_with("gpt-4")
}

/// A short recording.
const AUDIO: u64 = 15;
/// A page of text.
const FILE: u64 = 220;

fn message_tokens(message: &Message, prompt: &Prompt, model: &Model, api: Dialect, encoding: Encoding) -> u64 {
    let count = |text: &str| tokens::count(encoding, text) as u64;
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
            parts + name.map_or(0, address) + if (api, model.reasoning) == (Dialect::Chat, false) { 6 } else { 5 }
        }
        Role::Assistant if !message.tool_calls.is_empty() => {
            let around = |call: &PastCall| match (api, model.reasoning) {
                (Dialect::Chat, false) => count(&call.name) + 6,
                (_, false) => address(&call.name) + if call.returned { 7 } else { 4 },
                (Dialect::Chat, true) => address(&call.name) + 12,
                (_, true) => address(&call.name) + 13,
            };
            let calls = message.tool_calls.iter().map(|call| around(call) + count(&call.arguments));
            // Parallel calls are wrapped once more.
            let wrapped = match message.tool_calls.len() {
                1 => 0,
                _ if model.reasoning => 9,
                _ => 16,
            };
            parts + calls.sum::<u64>() + wrapped
        }
        // Responses drops messages that say nothing.
        Role::Assistant if api == Dialect::Responses && message.content.iter().all(Content::is_nothing) => 0,
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

#[cfg(test)]
mod tests;

#[cfg(test)]
mod rule_tests;
