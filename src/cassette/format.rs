//! The file of a cassette: JSON lines. The first says the version, each other one is a recording.
//!
//! ```text
//! {"cassette":1,"by":"llemulator 0.1.0"}
//! {"operation":"chat.completions.create","request":{…},"response":{…},"reply":{…},"client":"js 7.55.0","at":"…"}
//! ```

use base64::prelude::{BASE64_STANDARD, Engine};
use bytes::Bytes;
use serde::de::{self, Deserializer};
use serde::ser::{SerializeSeq, Serializer};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

/// The version this program writes, and the only one there is.
pub(crate) const VERSION: u64 = 1;

/// The end of a cassette's name.
pub(crate) const ENDING: &str = "jsonl";

/// The first line of a file.
pub(crate) fn head() -> String {
    json!({"cassette": VERSION, "by": concat!("llemulator ", env!("CARGO_PKG_VERSION"))}).to_string()
}

/// Whether a first line is one of ours, also behind the mark that some editors begin a text with.
///
/// # Errors
/// It is, but of another version.
pub(crate) fn is_head(line: &str) -> Result<bool, String> {
    let line = line.strip_prefix('\u{feff}').unwrap_or(line);
    let Ok(Value::Object(head)) = serde_json::from_str(line) else { return Ok(false) };
    match head.get("cassette") {
        None => Ok(false),
        Some(version) if version.as_u64() == Some(VERSION) => Ok(true),
        Some(version) => Err(format!(
            "this is a cassette of version {version}; this llemulator reads version {VERSION}: record it again, or use the \
             llemulator that wrote it ({})",
            head.get("by").and_then(Value::as_str).unwrap_or("unnamed")
        )),
    }
}

/// A request and what was answered.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Recording {
    /// The SDK's name of the operation.
    pub(crate) operation: String,
    pub(crate) request: RecordedRequest,
    /// As it came. Without one the reply answers.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) response: Option<RecordedResponse>,
    /// What it means, as a reply of a script: for other dialects and forms, and for people.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) reply: Option<Value>,
    /// The SDK that asked: `js 7.55.0`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) client: Option<String>,
    /// When: `2026-11-26T17:20:00.000Z`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) at: Option<String>,
}

/// What was asked, without secrets, ids and times.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct RecordedRequest {
    pub(crate) method: String,
    /// `/v1/chat/completions`.
    pub(crate) path: String,
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub(crate) query: String,
    #[serde(default, skip_serializing_if = "Value::is_null")]
    pub(crate) body: Value,
}

impl RecordedRequest {
    /// Whether a stream was asked for.
    pub(crate) fn is_stream(&self) -> bool {
        self.body.get("stream").and_then(Value::as_bool).unwrap_or(false)
    }
}

/// What was answered.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct RecordedResponse {
    pub(crate) status: u16,
    #[serde(default)]
    pub(crate) headers: Map<String, Value>,
    pub(crate) chunks: Vec<RecordedChunk>,
    /// Why it broke off in the middle, if it did.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) cut: Option<String>,
}

impl RecordedResponse {
    /// All of its body.
    pub(crate) fn body(&self) -> Vec<u8> {
        self.chunks.iter().flat_map(|chunk| chunk.bytes.iter().copied()).collect()
    }

    /// Whether the body is server-sent events.
    pub(crate) fn is_stream(&self) -> bool {
        let kind = self.headers.get("content-type").and_then(Value::as_str);
        kind.is_some_and(|kind| kind.starts_with("text/event-stream"))
    }
}

/// Bytes that came together: `[12, "data: …"]`, `[12, {"base64": "…"}]`.
#[derive(Debug, Clone)]
pub(crate) struct RecordedChunk {
    /// Milliseconds since the request was sent.
    pub(crate) at_ms: u64,
    pub(crate) bytes: Bytes,
}

impl Serialize for RecordedChunk {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut pair = serializer.serialize_seq(Some(2))?;
        pair.serialize_element(&self.at_ms)?;
        match std::str::from_utf8(&self.bytes) {
            Ok(text) => pair.serialize_element(text)?,
            Err(_) => pair.serialize_element(&json!({"base64": BASE64_STANDARD.encode(&self.bytes)}))?,
        }
        pair.end()
    }
}

impl<'de> Deserialize<'de> for RecordedChunk {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let (at_ms, ChunkBytes(bytes)) = <(u64, ChunkBytes)>::deserialize(deserializer)?;
        Ok(RecordedChunk { at_ms, bytes })
    }
}

/// A text, or `{"base64": …}`. Not derived: what is derived reads every text twice.
struct ChunkBytes(Bytes);

impl<'de> Deserialize<'de> for ChunkBytes {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Either;
        impl<'de> de::Visitor<'de> for Either {
            type Value = ChunkBytes;
            fn expecting(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                out.write_str("a text or {\"base64\": …}")
            }
            fn visit_str<E: de::Error>(self, text: &str) -> Result<ChunkBytes, E> {
                Ok(ChunkBytes(Bytes::copy_from_slice(text.as_bytes())))
            }
            fn visit_map<A: de::MapAccess<'de>>(self, map: A) -> Result<ChunkBytes, A::Error> {
                #[derive(Deserialize)]
                #[serde(deny_unknown_fields)]
                struct Coded {
                    base64: String,
                }
                let Coded { base64 } = Coded::deserialize(de::value::MapAccessDeserializer::new(map))?;
                let bytes =
                    BASE64_STANDARD.decode(base64).map_err(|error| de::Error::custom(format!("base64: {error}")))?;
                Ok(ChunkBytes(bytes.into()))
            }
        }
        deserializer.deserialize_any(Either)
    }
}

/// As much of a recording as finding it needs; the rest is read when it answers.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct RecordingHead<'a> {
    #[serde(borrow)]
    pub(crate) operation: std::borrow::Cow<'a, str>,
    pub(crate) request: RecordedRequest,
    #[serde(default)]
    pub(crate) response: Option<ResponseShape>,
    #[serde(default)]
    pub(crate) reply: Option<de::IgnoredAny>,
    #[serde(default, rename = "client")]
    _client: Option<de::IgnoredAny>,
    #[serde(default, rename = "at")]
    _at: Option<de::IgnoredAny>,
}

/// That a response has the shape of one; nothing of it is kept.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct ResponseShape {
    #[serde(rename = "status")]
    _status: u16,
    #[serde(default, rename = "headers")]
    _headers: Option<Map<String, Value>>,
    #[serde(rename = "chunks")]
    _chunks: ChunksShape,
    #[serde(default, rename = "cut")]
    _cut: Option<de::IgnoredAny>,
}

#[derive(Debug)]
struct ChunksShape;

impl<'de> Deserialize<'de> for ChunksShape {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Pairs;
        impl<'de> de::Visitor<'de> for Pairs {
            type Value = ChunksShape;
            fn expecting(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                out.write_str("a list of [milliseconds, text]")
            }
            fn visit_seq<A: de::SeqAccess<'de>>(self, mut chunks: A) -> Result<ChunksShape, A::Error> {
                while chunks.next_element::<(u64, de::IgnoredAny)>()?.is_some() {}
                Ok(ChunksShape)
            }
        }
        deserializer.deserialize_seq(Pairs)
    }
}

/// What is wrong with a line, in words.
pub(crate) fn fault(line: &str, error: &serde_json::Error) -> String {
    match error.classify() {
        serde_json::error::Category::Eof => "the line is cut off: its JSON has no end".into(),
        serde_json::error::Category::Data => {
            let text = error.to_string();
            let what = text.rsplit_once(" at line").map_or(text.as_str(), |(what, _)| what);
            format!("this is no recording: {what}")
        }
        _ => {
            let shown = crate::script::place::clip(line);
            format!("this is no JSON, at column {}: {shown}", error.column())
        }
    }
}
