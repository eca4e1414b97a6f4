//! A reply as text for people.

use super::{Part, Reply, Say};
use serde_json::Value;

/// Longest text shown of one message.
pub(crate) const SHOWN: usize = 200;

/// A text in quotes, shortened.
pub(crate) fn quote(text: &str) -> String {
    let short: String = text.chars().take(SHOWN).collect();
    let more = if short.len() < text.len() { "…" } else { "" };
    format!("{short:?}{more}")
}

/// What a reply says, in one line.
pub(crate) fn reply(reply: &Reply) -> String {
    match &reply.say {
        Say::Choices(choices) => {
            let parts = choices.iter().flat_map(|choice| &choice.parts).map(|part| match part {
                Part::Text(text) => quote(&text.text),
                Part::Refusal(text) => format!("refusal {}", quote(&text.text)),
                Part::Reasoning(_) => "reasoning".into(),
                Part::ToolCall(call) => {
                    let arguments: String = call.arguments.text.chars().take(SHOWN).collect();
                    format!("{}({arguments})", call.name)
                }
                Part::Item(item) => item.get("type").and_then(Value::as_str).unwrap_or("item").to_string(),
                Part::Audio { transcript, .. } => format!("audio {}", quote(transcript)),
            });
            parts.collect::<Vec<_>>().join(", ")
        }
        Say::Error(error) => match &error.message {
            Some(Some(message)) => format!("error {} {}", error.status, quote(message)),
            _ => format!("error {}", error.status),
        },
        Say::Raw(raw) => format!("raw {}", raw.status),
        Say::Ask(_) => "another responder".into(),
        Say::Embeddings(_) => "embedding".into(),
        Say::Moderation(_) => "moderation".into(),
        Say::Images(_) => "image".into(),
        Say::Transcript(_) => "transcript".into(),
        Say::Object(_) => "object".into(),
        Say::Nothing => "a fault".into(),
    }
}
