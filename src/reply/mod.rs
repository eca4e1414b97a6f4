//! The Reply: what "the model" says, without dialect.
//!
//! A reply is ready or still arriving; it is made of ordered parts, or is an error, or raw bytes, or hands the turn to
//! another responder. Overrides, [`pace`] and [`fault`] travel with it. `json` is the script language's form of it.

pub(crate) mod arriving;
pub(crate) mod describe;
pub(crate) mod error;
pub(crate) mod fault;
pub(crate) mod measure;
pub(crate) mod pace;
pub(crate) mod price;
pub(crate) mod seldom;
pub(crate) mod validator;

use crate::tokens::{self, Encoding};
use crate::wire::dialect::ChatDialect;
pub(crate) use arriving::{Arrival, Arriving, Passing, Piece};
use error::ErrorReply;
use fault::Fault;
use pace::Pace;
use seldom::{Blank, Seldom};
use serde_json::Value;
use std::sync::{Arc, OnceLock};

/// What the model says, and how it is delivered.
#[derive(Debug, Clone, Default)]
pub(crate) struct Reply {
    pub say: Say,
    pub overrides: Seldom<Overrides>,
    pub pace: Seldom<Pace>,
    pub fault: Option<Fault>,
}

impl Reply {
    /// Bytes of its texts; `None` = it is made of more than texts and calls.
    pub(crate) fn text_size(&self) -> Option<usize> {
        let Say::Choices(choices) = &self.say else { return None };
        let sizes = choices.iter().flat_map(|choice| &choice.parts).map(|part| match part {
            Part::Text(text) | Part::Refusal(text) => Some(text.text.len()),
            Part::ToolCall(call) => Some(call.name.len() + call.arguments.text.len()),
            Part::Reasoning(_) | Part::Item(_) | Part::Audio { .. } => None,
        });
        sizes.sum()
    }
}

/// The substance of a reply.
#[derive(Debug, Clone)]
pub(crate) enum Say {
    /// One choice, or several for `n` > 1 (fewer than n: the last repeats).
    Choices(Vec<Choice>),
    Error(Box<ErrorReply>),
    Raw(Box<Raw>),
    /// Another responder answers this step.
    Ask(Ask),
    /// One vector for every input, or one per input.
    Embeddings(Vec<Vec<f64>>),
    Moderation(Value),
    /// Base64 images.
    Images(Vec<String>),
    /// A transcript: a string, or the fields of a verbose one.
    Transcript(Value),
    /// Fields that are merged over what an operation without a turn would answer.
    Object(Value),
    /// A fault or a pace alone: the fallback's answer breaks, or takes its time.
    Nothing,
}

impl Default for Say {
    fn default() -> Self {
        Say::Choices(vec![Choice::default()])
    }
}

/// One alternative answer.
#[derive(Debug, Clone, Default)]
pub(crate) struct Choice {
    /// In the order they are shown.
    pub parts: Vec<Part>,
    /// Else derived from the parts and the request.
    pub finish: Option<Finish>,
    /// Values only; invented (seeded) when absent and asked.
    pub logprobs: Option<Vec<TokenLogprob>>,
}

/// One part of an answer.
#[derive(Debug, Clone)]
pub(crate) enum Part {
    Text(Text),
    Refusal(Text),
    /// A reasoning item with this summary; empty = without.
    Reasoning(Vec<String>),
    ToolCall(ToolCall),
    /// A Responses item as written (`web_search_call`, `mcp_call` …).
    Item(Value),
    /// Spoken output: base64 and transcript.
    Audio {
        data: Option<String>,
        transcript: String,
    },
}

impl Part {
    /// The text that it has pieces of.
    pub(crate) fn text(&self) -> &str {
        match self {
            Part::Text(text) | Part::Refusal(text) => &text.text,
            Part::ToolCall(call) => &call.arguments.text,
            Part::Reasoning(summary) => summary.last().map_or("", String::as_str),
            Part::Audio { transcript, .. } => transcript,
            Part::Item(_) => "",
        }
    }

    /// The same, to add to it.
    pub(crate) fn text_mut(&mut self) -> Option<&mut String> {
        match self {
            Part::Text(text) | Part::Refusal(text) => Some(&mut text.text),
            Part::ToolCall(call) => Some(&mut call.arguments.text),
            Part::Reasoning(summary) => summary.last_mut(),
            Part::Audio { .. } | Part::Item(_) => None,
        }
    }
}

/// A text with what hangs on it.
#[derive(Debug, Clone, Default)]
pub(crate) struct Text {
    pub text: String,
    /// In the Responses shape; chat nests them.
    pub annotations: Vec<Value>,
    /// `commentary` or `final_answer`; else as the model does it.
    pub phase: Option<String>,
    /// Where the text is cut into deltas: computed once per reply, not per request. Filled by [`pace`].
    pub(crate) pieces: OnceLock<Arc<pace::Pieces>>,
    /// Its length in tokens of the encoding first asked for, likewise computed once.
    pub(crate) counted: OnceLock<(Encoding, usize)>,
}

impl Text {
    pub(crate) fn new(text: impl Into<String>) -> Self {
        Text { text: text.into(), ..Text::default() }
    }

    /// Its length in tokens.
    pub(crate) fn tokens(&self, encoding: Encoding) -> usize {
        let (known, count) = *self.counted.get_or_init(|| (encoding, tokens::count(encoding, &self.text)));
        if known == encoding { count } else { tokens::count(encoding, &self.text) }
    }
}

/// A tool call the model makes.
#[derive(Debug, Clone)]
pub(crate) struct ToolCall {
    pub name: String,
    /// JSON text; for a custom tool its input.
    pub arguments: Text,
    pub id: Option<String>,
    pub custom: bool,
}

/// What servers of chat call the reasoning of a message.
pub(crate) const THOUGHTS: [&str; 2] = ["reasoning_content", "reasoning"];

/// Why the answer ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Finish {
    Stop,
    Length,
    ToolCalls,
    ContentFilter,
}

impl Finish {
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Finish::Stop => "stop",
            Finish::Length => "length",
            Finish::ToolCalls => "tool_calls",
            Finish::ContentFilter => "content_filter",
        }
    }
}

/// The log probability of one token, as scripted.
#[derive(Debug, Clone, PartialEq, serde::Serialize, serde::Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct TokenLogprob {
    pub token: String,
    pub logprob: f64,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub top_logprobs: Vec<TokenLogprob>,
}

/// What a reply fixes that the emulator would otherwise make.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct Overrides {
    /// Partial usage, `prompt_tokens` or `input_tokens` spelling.
    pub usage: Option<Value>,
    pub model: Option<String>,
    pub id: Option<String>,
    pub headers: Vec<(String, String)>,
    /// `check: false` = the request may forbid this reply.
    pub unchecked: bool,
    /// Whose additions a chat completion has.
    pub dialect: Option<ChatDialect>,
    /// The body that the reply was read from.
    pub verbatim: Option<Arc<Verbatim>>,
}

impl Blank for Overrides {
    const BLANK: &'static Overrides = &Overrides {
        usage: None,
        model: None,
        id: None,
        headers: Vec::new(),
        unchecked: false,
        dialect: None,
        verbatim: None,
    };
}

/// A body that a test wrote out: what it has is shown as it is.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Verbatim {
    pub status: u16,
    pub body: Value,
}

impl Overrides {
    /// These, and `general` ones where they leave something open.
    pub(crate) fn or(mut self, general: &Self) -> Self {
        let own = |name: &String| self.headers.iter().any(|(known, _)| known == name);
        let more: Vec<_> = general.headers.iter().filter(|(name, _)| !own(name)).cloned().collect();
        self.headers.extend(more);
        Overrides {
            usage: self.usage.or_else(|| general.usage.clone()),
            model: self.model.or_else(|| general.model.clone()),
            id: self.id.or_else(|| general.id.clone()),
            headers: self.headers,
            unchecked: self.unchecked || general.unchecked,
            dialect: self.dialect.or(general.dialect),
            verbatim: self.verbatim.or_else(|| general.verbatim.clone()),
        }
    }
}

/// Bytes as the answer, with their own chunk borders.
#[derive(Debug, Clone, Default)]
pub(crate) struct Raw {
    pub status: u16,
    pub headers: Vec<(String, String)>,
    pub body: RawBody,
}

/// The body of a raw answer.
#[derive(Debug, Clone, Default)]
pub(crate) enum RawBody {
    #[default]
    Empty,
    /// JSON as written, or text.
    Json(Value),
    Text(String),
    /// Server-sent events: (event name, data).
    Sse(Vec<(Option<String>, Value)>),
    /// Milliseconds from the start, bytes.
    Chunks(Vec<(u64, Vec<u8>)>),
    /// Frames of a socket.
    Events(Vec<Value>),
    /// As it comes, piece by piece.
    Passing(Passing),
}

/// Which responder answers this step instead.
#[derive(Debug, Clone)]
pub(crate) enum Ask {
    Echo,
    Generate(Generate),
    Upstream(UpstreamOptions),
    Manual(ManualOptions),
    Replay,
    /// A JavaScript function, by its number; in-process only.
    Callback(u64),
}

/// How a person is asked.
#[derive(Debug, Clone, PartialEq, Default, serde::Serialize, serde::Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct ManualOptions {
    /// How long the request waits; else the option says.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub timeout_ms: Option<f64>,
}

/// How the upstream is asked.
#[derive(Debug, Clone, PartialEq, Default, serde::Serialize, serde::Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct UpstreamOptions {
    /// Else the one the request names.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub model: Option<String>,
    /// Share of the requests that go there, drawn from the seed; the others pass on.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub percent: Option<f64>,
}

/// Length asked of generated text (the simulator's `response_length`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize, serde::Deserialize, clap::ValueEnum)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Length {
    /// 120–450 characters.
    Short,
    /// 450–1,500 characters.
    Medium,
    /// 1,500–5,000 characters.
    Long,
}

/// How to generate.
#[derive(Debug, Clone, PartialEq, Default, serde::Serialize, serde::Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct Generate {
    /// Length of the text; else the request's `response_length`, the default, or a guess by prompt length.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub length: Option<Length>,
    /// Else the request's `seed`, else the exchange's generator.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub seed: Option<i64>,
    /// How tools are chosen.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tools: Option<ToolStrategy>,
    /// Values for structured output.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub style: Option<GenerateStyle>,
}

/// How generated tool calls choose among the tools offered.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, serde::Serialize, serde::Deserialize, clap::ValueEnum)]
#[serde(rename_all = "lowercase")]
pub(crate) enum ToolStrategy {
    /// The first tool (openai-mokku's way).
    First,
    /// Every tool in order.
    Sequence,
    /// The tools that the user's words point at; none if nothing does.
    #[default]
    Contextual,
    /// One to all, shuffled by the seed.
    Random,
    /// No tool.
    None,
}

/// Values of generated structured output.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, serde::Serialize, serde::Deserialize, clap::ValueEnum)]
#[serde(rename_all = "lowercase")]
pub(crate) enum GenerateStyle {
    /// Guided by property names and formats.
    #[default]
    Plausible,
    /// openai-mokku's: `dummy_string`, 42, 1.5, true.
    Plain,
}
