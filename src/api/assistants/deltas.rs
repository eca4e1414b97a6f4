//! What a run writes, and the events that tell how its messages and steps grow.

use crate::api::choice_queues::Cursor;
use serde_json::{Value, json};

/// One event to write.
pub(super) enum RunItem {
    Event(&'static str, Value),
    /// What is left of a text that grows; `first` = none of it is written.
    Text {
        to: GrowingMessage,
        text: String,
        left: Cursor,
        first: bool,
    },
    /// More of a text, of so many tokens.
    Piece {
        to: GrowingMessage,
        text: String,
        tokens: u32,
        first: bool,
    },
    /// What came of it all: the run, as its last event shows it.
    End(&'static str, Value),
    Done,
}

/// A text that grows: of which object, which place in it.
#[derive(Debug, Clone)]
pub(super) struct GrowingMessage {
    pub id: String,
    pub kind: SpeakingKind,
    pub index: usize,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum SpeakingKind {
    Text,
    Refusal,
    /// Of a function.
    Arguments,
    /// Of the code interpreter.
    Input,
}

impl GrowingMessage {
    pub(super) fn is_refusal(&self) -> bool {
        self.kind == SpeakingKind::Refusal
    }

    /// The event of a piece of it.
    pub(super) fn delta(&self, piece: &str, first: bool) -> (&'static str, Value) {
        let index = self.index;
        match self.kind {
            SpeakingKind::Text if first => message_delta(
                &self.id,
                json!({"index": index, "type": "text", "text": {"value": piece, "annotations": []}}),
            ),
            SpeakingKind::Text => {
                message_delta(&self.id, json!({"index": index, "type": "text", "text": {"value": piece}}))
            }
            SpeakingKind::Refusal => {
                message_delta(&self.id, json!({"index": index, "type": "refusal", "refusal": piece}))
            }
            SpeakingKind::Arguments => {
                step_delta(&self.id, json!({"index": index, "type": "function", "function": {"arguments": piece}}))
            }
            SpeakingKind::Input => step_delta(
                &self.id,
                json!({"index": index, "type": "code_interpreter", "code_interpreter": {"input": piece}}),
            ),
        }
    }
}

pub(super) fn message_delta(id: &str, part: Value) -> (&'static str, Value) {
    let delta = json!({"id": id, "object": "thread.message.delta", "delta": {"content": [part]}});
    ("thread.message.delta", delta)
}

pub(super) fn step_delta(id: &str, call: Value) -> (&'static str, Value) {
    let details = json!({"step_details": {"type": "tool_calls", "tool_calls": [call]}});
    ("thread.run.step.delta", json!({"id": id, "object": "thread.run.step.delta", "delta": details}))
}

/// An entry of a list in a delta says its place.
pub(super) fn with_index(index: usize, entry: &Value) -> Value {
    numbered((index, entry.clone()))
}

pub(super) fn numbered((index, entry): (usize, Value)) -> Value {
    let mut out = json!({"index": index});
    if let (Some(out), Value::Object(entry)) = (out.as_object_mut(), entry) {
        out.extend(entry);
    }
    out
}
