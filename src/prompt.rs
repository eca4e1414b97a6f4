//! The Prompt: an inference request without its dialect.
//!
//! Chat, Responses, legacy completions, runs and realtime all become this, with the stored history
//! (`previous_response_id`, conversation, thread) already resolved. Matching, counting tokens and answering read
//! nothing else.

use crate::reply::Length;
use crate::reply::pace::Pace;
use crate::tokens::{self, Encoding};
use crate::wire::dialect::Dialect;
use serde_json::Value;
use std::sync::Arc;

/// Who speaks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Role {
    System,
    Developer,
    User,
    Assistant,
    Tool,
}

impl Role {
    /// The word on the wire.
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Role::System => "system",
            Role::Developer => "developer",
            Role::User => "user",
            Role::Assistant => "assistant",
            Role::Tool => "tool",
        }
    }
}

/// One piece of a message.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Content {
    Text(String),
    Refusal(String),
    Image,
    Audio,
    File,
}

/// A tool call the conversation holds already.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct PastCall {
    pub id: String,
    pub name: String,
    /// JSON text, or the input of a custom tool.
    pub arguments: String,
    /// It stands there as Responses returned it, with the id and the status of its item, and alone.
    pub returned: bool,
}

/// One message of the conversation.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Message {
    pub role: Role,
    pub content: Vec<Content>,
    pub name: Option<String>,
    /// Of an assistant message.
    pub tool_calls: Vec<PastCall>,
    /// Of a tool message: the call it answers.
    pub tool_call_id: Option<String>,
}

impl Message {
    pub(crate) fn new(role: Role, text: impl Into<String>) -> Self {
        Message {
            role,
            content: vec![Content::Text(text.into())],
            name: None,
            tool_calls: Vec::new(),
            tool_call_id: None,
        }
    }

    /// The model calls a function without arguments.
    #[cfg(test)]
    pub(crate) fn calling(id: &str, name: &str) -> Self {
        let call = PastCall { id: id.into(), name: name.into(), arguments: "{}".into(), returned: false };
        Message { tool_calls: vec![call], ..Message::new(Role::Assistant, "") }
    }

    /// The text parts.
    pub(crate) fn texts(&self) -> impl Iterator<Item = &str> {
        self.content.iter().filter_map(|part| match part {
            Content::Text(text) | Content::Refusal(text) => Some(text.as_str()),
            _ => None,
        })
    }

    /// The text parts, joined without a separator.
    pub(crate) fn text(&self) -> String {
        self.texts().collect()
    }
}

/// What kind of tool is offered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum ToolKind {
    Function,
    Custom,
    /// A tool OpenAI runs; the string is its `type`, e.g. `web_search`.
    Hosted(String),
}

/// A tool the request offers.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Tool {
    pub kind: ToolKind,
    /// The function's name; for hosted tools the type.
    pub name: String,
    pub description: Option<String>,
    /// JSON Schema of the arguments.
    pub parameters: Option<Value>,
    /// Whether arguments must satisfy the schema.
    pub strict: bool,
}

/// Which tools the model may or must call.
#[derive(Debug, Clone, PartialEq, Default)]
pub(crate) enum ToolChoice {
    #[default]
    Auto,
    None,
    Required,
    /// One named function or custom tool.
    Named(String),
    /// `allowed_tools`: these names, and whether one must be called.
    Allowed {
        names: Vec<String>,
        required: bool,
    },
}

/// What form the text must have.
#[derive(Debug, Clone, PartialEq, Default)]
pub(crate) enum Format {
    #[default]
    Text,
    JsonObject,
    JsonSchema {
        name: String,
        schema: Value,
        strict: bool,
    },
}

/// An inference request without its dialect.
#[derive(Debug, Clone, Default)]
pub(crate) struct Prompt {
    /// Whose words it is in.
    pub dialect: Dialect,
    /// As asked, not yet resolved to a snapshot.
    pub model: String,
    /// The whole conversation, `instructions` first.
    pub messages: Vec<Message>,
    pub tools: Vec<Tool>,
    pub tool_choice: ToolChoice,
    pub parallel_tool_calls: bool,
    pub format: Format,
    /// Number of choices asked; at least 1.
    pub n: usize,
    pub stream: bool,
    /// Tokens the answer may have.
    pub max_tokens: Option<u64>,
    /// Sequences that end the answer; they are not part of it.
    pub stop: Vec<String>,
    /// Number of alternatives asked per token; `None` when no log probabilities are asked.
    pub logprobs: Option<u8>,
    pub seed: Option<i64>,
    /// Audio output asked (`modalities`).
    pub audio: bool,
    /// Pace asked in the body (the simulator's `stream_options` fields); it wins over the defaults, not over the reply.
    pub pace: Option<Pace>,
    /// Every message is a prompt of its own, with an equal share of the `n` answers (legacy completions).
    pub separate: bool,
    /// Length asked in the body (the simulator's `response_length`).
    pub length: Option<Length>,
    /// The first message that may be left out when the conversation exceeds the context window (`truncation: auto`);
    /// `None` = it is refused then.
    pub droppable_from: Option<usize>,
    /// The body as received; what `body` conditions look at.
    pub body: Arc<Value>,
}

impl Prompt {
    /// The last user message's text; the empty string when there is none.
    pub(crate) fn user_text(&self) -> String {
        self.messages.iter().rev().find(|message| message.role == Role::User).map(Message::text).unwrap_or_default()
    }

    /// Number of assistant turns so far: runs of assistant messages and tool calls count once.
    pub(crate) fn turn(&self) -> usize {
        let mut turns = 0;
        let mut before = None;
        for message in &self.messages {
            if message.role == Role::Assistant && before != Some(Role::Assistant) {
                turns += 1;
            }
            before = Some(message.role);
        }
        turns
    }

    /// The tool results after the last assistant or user message, in order, each with the call it answers if known.
    pub(crate) fn answered_calls(&self) -> impl Iterator<Item = (&Message, Option<&PastCall>)> {
        let start = self.messages.iter().rposition(|message| message.role != Role::Tool).map_or(0, |at| at + 1);
        self.messages[start..].iter().map(|message| {
            let id = message.tool_call_id.as_deref();
            let mut calls = self.messages.iter().flat_map(|other| &other.tool_calls);
            (message, calls.find(|call| Some(call.id.as_str()) == id))
        })
    }

    /// The same as (tool name if known, text).
    pub(crate) fn tool_results(&self) -> Vec<(Option<&str>, String)> {
        self.answered_calls()
            .map(|(message, call)| (call.map(|call| call.name.as_str()).or(message.name.as_deref()), message.text()))
            .collect()
    }

    /// Leaves out the oldest messages that may be, until they make up for `excess` tokens. The last message always stays.
    /// False if nothing could be left out.
    pub(crate) fn drop_oldest(&mut self, excess: u64, encoding: Encoding) -> bool {
        let Some(first) = self.droppable_from else { return false };
        let last = self.messages.len().saturating_sub(1);
        let mut freed = 0;
        let mut end = first;
        while end < last && freed < excess {
            freed += tokens::count(encoding, &self.messages[end].text()) as u64 + 1;
            end += 1;
        }
        self.messages.drain(first.min(end)..end);
        end > first
    }

    /// Bytes of text in the messages.
    pub(crate) fn size(&self) -> usize {
        let calls = |message: &Message| message.tool_calls.iter().map(|call| call.arguments.len()).sum::<usize>();
        self.messages.iter().map(|message| message.texts().map(str::len).sum::<usize>() + calls(message)).sum()
    }

    /// Where the body names the form of the text.
    pub(crate) fn format_param(&self) -> &'static str {
        if self.dialect == Dialect::Responses { "text.format" } else { "response_format" }
    }

    /// The tool with this name, if offered.
    pub(crate) fn tool(&self, name: &str) -> Option<&Tool> {
        self.tools.iter().find(|tool| tool.name == name)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tool_results_are_named_by_the_call_they_answer() {
        let call = Message::calling("call_1", "get_weather");
        let mut result = Message::new(Role::Tool, "4 °C");
        result.tool_call_id = Some("call_1".into());
        let prompt = Prompt { messages: vec![Message::new(Role::User, "hi"), call, result], ..Prompt::default() };
        assert_eq!(prompt.tool_results(), vec![(Some("get_weather"), "4 °C".to_string())]);
        assert_eq!(prompt.turn(), 1);
        assert_eq!(prompt.user_text(), "hi");
    }

    #[test]
    fn the_oldest_messages_make_room_and_the_last_stays() {
        let say = |text: &str| Message::new(Role::User, text.repeat(100));
        let messages = vec![say("rule "), say("one "), say("two "), say("now ")];
        let mut prompt = Prompt { messages, ..Prompt::default() };
        assert!(!prompt.drop_oldest(1, Encoding::O200k), "it must be allowed");
        prompt.droppable_from = Some(1);
        assert!(prompt.drop_oldest(50, Encoding::O200k));
        let first_words =
            |prompt: &Prompt| prompt.messages.iter().map(|one| one.text()[..3].to_string()).collect::<Vec<_>>();
        assert_eq!(first_words(&prompt), ["rul", "two", "now"]);
        assert!(prompt.drop_oldest(10_000, Encoding::O200k));
        assert_eq!(first_words(&prompt), ["rul", "now"]);
        assert!(!prompt.drop_oldest(10_000, Encoding::O200k));
    }
}
