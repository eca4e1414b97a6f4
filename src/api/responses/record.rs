//! A response as it is kept: enough to show it again in any state, whole or as a stream.

use crate::api::responses::items::Item;
use crate::random::Random;
use crate::reply::pace::Chunk;
use crate::session::jobs::HeldJob;
use crate::session::store::StoredKind;
use crate::tokens::Encoding;
use crate::turn::models::Whole;
use crate::turn::usage::wire::Usage;
use crate::wire::error::ApiError;
use serde::Deserialize;
use serde::ser::{Serialize, SerializeMap, Serializer};
use serde_json::{Map, Value, json};
use std::borrow::Cow;
use std::sync::Arc;

/// What of a response does not change while it runs: mostly the request, echoed in normal form. Key order and values
/// when not set: real-traffic §2.1, recordings 45eeb204fcc14dc2, 38c24e2ab23dcdaa.
#[derive(Debug, Clone, Default, serde::Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct Frame {
    pub id: String,
    /// Unix seconds.
    pub created_at: u64,
    pub background: bool,
    /// `{"id"}`; the key is there only if the request named a conversation.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub conversation: Option<Value>,
    pub frequency_penalty: f64,
    /// Reasoning that the model did not get to see; the key is there only if there is some.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub input_transformations: Vec<Value>,
    #[serde(skip_serializing_if = "Value::is_null")]
    pub instructions: Value,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub max_output_tokens: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub max_tool_calls: Option<u64>,
    /// As shown.
    pub model: String,
    /// The model that answers, whatever name is shown.
    pub snapshot: String,
    pub parallel_tool_calls: bool,
    pub presence_penalty: f64,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub previous_response_id: Option<String>,
    /// Where that one is kept: its id may be another's by now.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub previous: Option<u64>,
    /// The key is there only if the request named a prompt template.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub prompt: Option<Value>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub prompt_cache_key: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub prompt_cache_retention: Option<String>,
    #[serde(skip_serializing_if = "Value::is_null")]
    pub reasoning: Value,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub safety_identifier: Option<String>,
    /// As asked; a finished response never says `auto`.
    pub service_tier: String,
    pub store: bool,
    pub temperature: f64,
    #[serde(skip_serializing_if = "Value::is_null")]
    pub text: Value,
    #[serde(skip_serializing_if = "Value::is_null")]
    pub tool_choice: Value,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub tools: Vec<Value>,
    pub top_logprobs: u64,
    pub top_p: f64,
    pub truncation: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub user: Option<String>,
    #[serde(skip_serializing_if = "Value::is_null")]
    pub metadata: Value,
    /// Fields of the request that are unknown here, shown last.
    #[serde(skip_serializing_if = "Map::is_empty")]
    pub unknown: Map<String, Value>,
    /// Whether deltas carry `obfuscation`.
    pub obfuscate: bool,
    /// Which items its events show completed from the first.
    pub whole: Whole,
    /// Whether the model thinks: it then decides what to search for while it does.
    pub thinks: bool,
}

/// How far a response is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Status {
    Queued,
    InProgress,
    Completed,
    Incomplete,
    Failed,
    Cancelled,
}

impl Status {
    /// The state a job's word names.
    pub(crate) fn of(word: &str) -> Self {
        match word {
            "queued" => Status::Queued,
            _ => Status::InProgress,
        }
    }

    /// The word on the wire.
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Status::Queued => "queued",
            Status::InProgress => "in_progress",
            Status::Completed => "completed",
            Status::Incomplete => "incomplete",
            Status::Failed => "failed",
            Status::Cancelled => "cancelled",
        }
    }
}

/// How a response ended.
#[derive(Debug, Clone, serde::Serialize, Deserialize)]
pub(crate) struct End {
    pub status: Status,
    /// Unix seconds; only shown when completed.
    pub completed_at: u64,
    /// `{"code","message"}` when failed.
    #[serde(default, skip_serializing_if = "Value::is_null")]
    pub error: Value,
    /// `max_output_tokens` or `content_filter` when incomplete.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<Cow<'static, str>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub usage: Option<Usage>,
}

impl End {
    /// The end an error makes. `code` of a response's error is one of a few words; a type stands in where the envelope
    /// has no code.
    pub(crate) fn failed(error: &ApiError) -> Self {
        let code = error.code.as_deref().or(error.kind.as_deref()).unwrap_or("server_error");
        End {
            status: Status::Failed,
            completed_at: 0,
            error: json!({"code": code, "message": error.message}),
            reason: None,
            usage: None,
        }
    }
}

/// A whole response, as it is kept.
#[derive(Debug, Clone, serde::Serialize, Deserialize)]
pub(crate) struct ResponseRecord {
    pub frame: Arc<Frame>,
    /// What this request added to the conversation, as input items.
    pub input: Vec<Value>,
    pub items: Vec<Arc<Item>>,
    pub end: End,
    /// How its texts are cut into deltas.
    pub chunk: Chunk,
    pub encoding: Encoding,
    /// Draws the obfuscation, so that a replay has the same bytes.
    pub random: Random,
    /// Of a background response: its states until it is done.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub job: Option<HeldJob>,
}

/// The type of what is kept of a response.
const KIND: &str = "response";

impl StoredKind for ResponseRecord {
    const NAME: &'static str = KIND;
}

/// What a kept response was asked and said, and what it continues.
#[derive(Debug, Deserialize)]
pub(crate) struct Link {
    frame: LinkFrame,
    input: Vec<Value>,
    items: Vec<Item>,
}

#[derive(Debug, Deserialize)]
struct LinkFrame {
    previous_response_id: Option<String>,
    previous: Option<u64>,
}

impl StoredKind for Link {
    const NAME: &'static str = KIND;
}

impl Link {
    /// The response it continues: its id, and where it is kept.
    pub(crate) fn previous(&self) -> Option<(String, Option<u64>)> {
        self.frame.previous_response_id.clone().map(|id| (id, self.frame.previous))
    }

    /// What was asked, then what was said.
    pub(crate) fn into_items(self) -> impl Iterator<Item = Value> {
        self.input.into_iter().chain(self.items.into_iter().map(|item| item.value))
    }

    /// The item with this id; what was said goes before what was asked.
    pub(crate) fn item(self, id: &str) -> Option<Value> {
        let said = self.items.into_iter().map(|item| item.value);
        said.chain(self.input).find(|item| item.get("id").is_some_and(|is| is == id))
    }
}

impl ResponseRecord {
    /// Whether it can be asked for later.
    pub(crate) fn is_kept(&self) -> bool {
        self.frame.store || self.frame.background
    }

    /// The response object in its final state.
    pub(crate) fn object(&self) -> ResponseObject<'_> {
        ResponseObject {
            frame: &self.frame,
            status: self.end.status,
            items: &self.items,
            end: Some(&self.end),
            billing: true,
        }
    }

    /// The response as it stays when it is cancelled: it said nothing.
    pub(crate) fn cancelled(&self) -> ResponseRecord {
        let end = End { status: Status::Cancelled, completed_at: 0, error: Value::Null, reason: None, usage: None };
        ResponseRecord { items: Vec::new(), end, job: None, ..self.clone() }
    }

    /// The response with what `include` asks for now, and did not when it was made.
    pub(crate) fn including(&self, asked: impl Fn(&str) -> bool) -> ResponseRecord {
        let items = self.items.iter().map(|item| Arc::new(item.including(&asked))).collect();
        ResponseRecord { items, ..self.clone() }
    }

    /// The response object before anything of it is done.
    pub(crate) fn begun(&self, status: Status) -> ResponseObject<'_> {
        ResponseObject { status, items: &[], end: None, ..self.object() }
    }
}

/// The response object, ready to be written.
#[derive(Debug, Clone, Copy)]
pub(crate) struct ResponseObject<'a> {
    pub frame: &'a Frame,
    pub status: Status,
    pub items: &'a [Arc<Item>],
    /// `None` while it runs.
    pub end: Option<&'a End>,
    /// Events leave `billing` out.
    pub billing: bool,
}

impl Serialize for ResponseObject<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let frame = self.frame;
        let end = self.end;
        let mut map = serializer.serialize_map(None)?;
        map.serialize_entry("id", &frame.id)?;
        map.serialize_entry("object", "response")?;
        map.serialize_entry("created_at", &frame.created_at)?;
        map.serialize_entry("status", self.status.as_str())?;
        map.serialize_entry("background", &frame.background)?;
        if self.billing {
            map.serialize_entry("billing", &Payer { payer: "developer" })?;
        }
        let completed = end.filter(|end| end.status == Status::Completed).map(|end| end.completed_at);
        map.serialize_entry("completed_at", &completed)?;
        if let Some(conversation) = &frame.conversation {
            map.serialize_entry("conversation", conversation)?;
        }
        map.serialize_entry("error", end.map_or(&Value::Null, |end| &end.error))?;
        map.serialize_entry("frequency_penalty", &frame.frequency_penalty)?;
        map.serialize_entry(
            "incomplete_details",
            &end.and_then(|end| end.reason.as_deref()).map(|reason| Reason { reason }),
        )?;
        if !frame.input_transformations.is_empty() {
            map.serialize_entry("input_transformations", &frame.input_transformations)?;
        }
        map.serialize_entry("instructions", &frame.instructions)?;
        map.serialize_entry("max_output_tokens", &frame.max_output_tokens)?;
        map.serialize_entry("max_tool_calls", &frame.max_tool_calls)?;
        map.serialize_entry("model", &frame.model)?;
        map.serialize_entry("moderation", &())?;
        map.serialize_entry("output", &Items(self.items))?;
        map.serialize_entry("parallel_tool_calls", &frame.parallel_tool_calls)?;
        map.serialize_entry("presence_penalty", &frame.presence_penalty)?;
        map.serialize_entry("previous_response_id", &frame.previous_response_id)?;
        if let Some(prompt) = &frame.prompt {
            map.serialize_entry("prompt", prompt)?;
        }
        map.serialize_entry("prompt_cache_key", &frame.prompt_cache_key)?;
        map.serialize_entry("prompt_cache_retention", &frame.prompt_cache_retention)?;
        map.serialize_entry("reasoning", &frame.reasoning)?;
        map.serialize_entry("safety_identifier", &frame.safety_identifier)?;
        let tier = match (frame.service_tier.as_str(), end) {
            ("auto", Some(_)) => "default",
            (tier, _) => tier,
        };
        map.serialize_entry("service_tier", tier)?;
        map.serialize_entry("store", &frame.store)?;
        map.serialize_entry("temperature", &frame.temperature)?;
        map.serialize_entry("text", &frame.text)?;
        map.serialize_entry("tool_choice", &frame.tool_choice)?;
        map.serialize_entry("tool_usage", &ToolUsage::of(self.items))?;
        map.serialize_entry("tools", &frame.tools)?;
        map.serialize_entry("top_logprobs", &frame.top_logprobs)?;
        map.serialize_entry("top_p", &frame.top_p)?;
        map.serialize_entry("truncation", &frame.truncation)?;
        map.serialize_entry("usage", &end.and_then(|end| end.usage.as_ref()))?;
        map.serialize_entry("user", &frame.user)?;
        map.serialize_entry("metadata", &frame.metadata)?;
        for (name, value) in &frame.unknown {
            map.serialize_entry(name, value)?;
        }
        map.end()
    }
}

#[derive(serde::Serialize)]
struct Payer {
    payer: &'static str,
}

#[derive(serde::Serialize)]
struct Reason<'a> {
    reason: &'a str,
}

/// `output`.
struct Items<'a>(&'a [Arc<Item>]);

impl Serialize for Items<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(self.0.iter().map(|item| &item.value))
    }
}

/// `tool_usage`: what hosted tools cost.
#[derive(serde::Serialize, Default)]
struct ToolUsage {
    image_gen: ImageUsage,
    web_search: SearchUsage,
}

#[derive(serde::Serialize, Default)]
struct ImageUsage {
    input_tokens: u64,
    input_tokens_details: ImageDetails,
    output_tokens: u64,
    output_tokens_details: ImageDetails,
    total_tokens: u64,
}

#[derive(serde::Serialize, Default)]
struct ImageDetails {
    image_tokens: u64,
    text_tokens: u64,
}

#[derive(serde::Serialize, Default)]
struct SearchUsage {
    num_requests: usize,
}

impl ToolUsage {
    fn of(items: &[Arc<Item>]) -> Self {
        let num_requests = items.iter().filter(|item| item.kind.name == "web_search_call").count();
        ToolUsage { web_search: SearchUsage { num_requests }, ..ToolUsage::default() }
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    pub(crate) fn frame() -> Frame {
        Frame {
            id: "resp_1".into(),
            created_at: 1_786_591_536,
            model: "gpt-4o-mini-2024-07-18".into(),
            parallel_tool_calls: true,
            reasoning: json!({"context": null, "effort": null, "summary": null}),
            service_tier: "auto".into(),
            store: true,
            temperature: 1.0,
            text: json!({"format": {"type": "text"}, "verbosity": "medium"}),
            tool_choice: json!("auto"),
            top_p: 1.0,
            truncation: "disabled".into(),
            metadata: json!({}),
            obfuscate: true,
            ..Frame::default()
        }
    }

    #[test]
    fn the_object_has_the_recorded_keys() {
        // Recordings 45eeb204fcc14dc2 (whole) and 38c24e2ab23dcdaa (in events, without `billing`).
        let frame = frame();
        let object = ResponseObject { frame: &frame, status: Status::InProgress, items: &[], end: None, billing: true };
        let value = serde_json::to_value(object).expect("it serializes");
        let keys: Vec<&str> = value.as_object().expect("an object").keys().map(String::as_str).collect();
        let expected = "id object created_at status background billing completed_at error frequency_penalty \
            incomplete_details instructions max_output_tokens max_tool_calls model moderation output \
            parallel_tool_calls presence_penalty previous_response_id prompt_cache_key prompt_cache_retention \
            reasoning safety_identifier service_tier store temperature text tool_choice tool_usage tools \
            top_logprobs top_p truncation usage user metadata";
        assert_eq!(keys.join(" "), expected);
        assert_eq!(value["service_tier"], "auto");
        assert_eq!(value["temperature"].to_string(), "1.0");
        let text = serde_json::to_string(&ResponseObject { billing: false, ..object }).expect("it serializes");
        assert!(!text.contains("billing"));
    }
}
