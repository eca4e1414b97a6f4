//! The events of an item that grows while its reply arrives: the same as those of a finished one, as they become known.

use super::beats::{EventStep, Score, TextForm};
use super::events::{Deltas, EventField, Place};
use super::items::Item;
use super::kinds::Beat;
use crate::tokens;
use serde_json::{Value, json};
use std::sync::Arc;

/// The text that grows in an item: where it stands, and how its events are called.
struct Grows {
    pointer: &'static str,
    form: GrowingKind,
}

/// What kind of text it is.
enum GrowingKind {
    /// Of a message.
    Content(TextForm),
    /// Of reasoning.
    Summary,
    /// A field of the item, with the names of its delta and its end.
    Field(&'static str, &'static str, &'static str),
}

fn grows(item: &Item) -> Option<Grows> {
    let part = item.value.pointer("/content/0");
    if let Some(form) = part.and_then(|part| TextForm::of(item.kind.name, part)) {
        let pointer = if form == TextForm::Refusal { "/content/0/refusal" } else { "/content/0/text" };
        return Some(Grows { pointer, form: GrowingKind::Content(form) });
    }
    if item.kind.name == "reasoning" {
        return Some(Grows { pointer: "/summary/0/text", form: GrowingKind::Summary });
    }
    item.kind.beats.iter().find_map(|beat| match beat {
        Beat::Text { delta, done, field: "arguments", .. } => {
            Some(Grows { pointer: "/arguments", form: GrowingKind::Field(delta, done, "arguments") })
        }
        Beat::Text { delta, done, field: "input", .. } => {
            Some(Grows { pointer: "/input", form: GrowingKind::Field(delta, done, "input") })
        }
        _ => None,
    })
}

impl Item {
    /// Puts the whole text in, now that it is known.
    pub(crate) fn fill(&mut self, text: &str) {
        let Some(Grows { pointer, .. }) = grows(self) else { return };
        if let Some(place) = self.value.pointer_mut(pointer) {
            *place = Value::from(text);
        }
    }
}

impl Item {
    /// Where the log probabilities of a message's text stand.
    pub(crate) fn scores(&mut self) -> Option<&mut Vec<Value>> {
        let message = self.kind.name == "message";
        let scores = self.value.pointer_mut("/content/0/logprobs").filter(|_| message);
        scores.and_then(Value::as_array_mut)
    }
}

impl Score<'_> {
    /// An item that has no text yet.
    pub(crate) fn opened(&mut self, item: &Item, index: usize) {
        self.added(item, index);
        match grows(item).map(|grows| grows.form) {
            Some(GrowingKind::Content(form)) => self.part_added(form, 0, item, index),
            Some(GrowingKind::Summary) => {
                let part = EventField::Json(json!({"type": "summary_text", "text": ""}));
                let fields = vec![("part", part), ("summary_index", EventField::Number(0))];
                self.event("response.reasoning_summary_part.added", item, index, fields);
            }
            Some(GrowingKind::Field(..)) | None => {}
        }
    }

    /// More of its text, with the log probabilities of its tokens.
    pub(crate) fn grown(&mut self, text: &str, item: &Item, index: usize, scores: Vec<Value>) {
        let place = self.place(item, index);
        let place = match grows(item).map(|grows| grows.form) {
            Some(GrowingKind::Content(form)) => form.place(place, 0, scores),
            Some(GrowingKind::Summary) => {
                Place { name: "response.reasoning_summary_text.delta", summary_index: Some(0), ..place }
            }
            Some(GrowingKind::Field(name, ..)) => Place { name, ..place },
            None => return,
        };
        let tokens = tokens::count(self.cutter.encoding, text).min(u16::MAX.into()) as u16;
        let cuts = vec![(text.len() as u32, tokens)];
        self.steps.push_back(EventStep::Deltas(Deltas::new(place, text.into(), 0, cuts)));
    }

    /// The item is whole.
    pub(crate) fn closed(&mut self, item: &Arc<Item>, index: usize) {
        if let Some(Grows { pointer, form }) = grows(item) {
            let text: Arc<str> = item.value.pointer(pointer).and_then(Value::as_str).unwrap_or_default().into();
            match form {
                GrowingKind::Content(form) => {
                    let part = item.value.pointer("/content/0").unwrap_or(&Value::Null);
                    self.part_done(form, 0, item, index, text, part);
                }
                GrowingKind::Summary => {
                    let shown = EventField::Json(json!({"type": "summary_text", "text": &*text}));
                    let number = || ("summary_index", EventField::Number(0));
                    let done = vec![number(), ("text", EventField::Text(text))];
                    self.event("response.reasoning_summary_text.done", item, index, done);
                    let part = vec![("part", shown), number()];
                    self.event("response.reasoning_summary_part.done", item, index, part);
                }
                GrowingKind::Field(_, done, field) => {
                    self.event(done, item, index, vec![(field, EventField::Text(text))])
                }
            }
        }
        self.done(item, index);
    }
}
