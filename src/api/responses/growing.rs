//! The events of an item that grows while its reply arrives: the same as those of a finished one, as they become known.

use super::beats::{Form, Score, Step};
use super::events::{Deltas, Field, Place};
use super::items::Item;
use super::kinds::Beat;
use crate::tokens;
use serde_json::{Value, json};
use std::sync::Arc;

/// The text that grows in an item: where it stands, and how its events are called.
struct Grows {
    pointer: &'static str,
    form: Kind,
}

/// What kind of text it is.
enum Kind {
    /// Of a message.
    Content(Form),
    /// Of reasoning.
    Summary,
    /// A field of the item, with the names of its delta and its end.
    Field(&'static str, &'static str, &'static str),
}

fn grows(item: &Item) -> Option<Grows> {
    let part = item.value.pointer("/content/0");
    if let Some(form) = part.and_then(|part| Form::of(item.kind.name, part)) {
        let pointer = if form == Form::Refusal { "/content/0/refusal" } else { "/content/0/text" };
        return Some(Grows { pointer, form: Kind::Content(form) });
    }
    if item.kind.name == "reasoning" {
        return Some(Grows { pointer: "/summary/0/text", form: Kind::Summary });
    }
    item.kind.beats.iter().find_map(|beat| match beat {
        Beat::Text { delta, done, field: "arguments", .. } => {
            Some(Grows { pointer: "/arguments", form: Kind::Field(delta, done, "arguments") })
        }
        Beat::Text { delta, done, field: "input", .. } => {
            Some(Grows { pointer: "/input", form: Kind::Field(delta, done, "input") })
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

impl Score<'_> {
    /// An item that has no text yet.
    pub(crate) fn opened(&mut self, item: &Item, index: usize) {
        self.added(item, index);
        match grows(item).map(|grows| grows.form) {
            Some(Kind::Content(form)) => self.part_added(form, 0, item, index),
            Some(Kind::Summary) => {
                let part = Field::Json(json!({"type": "summary_text", "text": ""}));
                let fields = vec![("part", part), ("summary_index", Field::Number(0))];
                self.event("response.reasoning_summary_part.added", item, index, fields);
            }
            Some(Kind::Field(..)) | None => {}
        }
    }

    /// More of its text.
    pub(crate) fn grown(&mut self, text: &str, item: &Item, index: usize) {
        let place = self.place(item, index);
        let place = match grows(item).map(|grows| grows.form) {
            Some(Kind::Content(form)) => form.place(place, 0, vec![]),
            Some(Kind::Summary) => {
                Place { name: "response.reasoning_summary_text.delta", summary_index: Some(0), ..place }
            }
            Some(Kind::Field(name, ..)) => Place { name, ..place },
            None => return,
        };
        let tokens = tokens::count(self.cutter.encoding, text).min(u16::MAX.into()) as u16;
        let cuts = vec![(text.len() as u32, tokens)];
        self.steps.push_back(Step::Deltas(Deltas::new(place, text.into(), 0, cuts)));
    }

    /// The item is whole.
    pub(crate) fn closed(&mut self, item: &Arc<Item>, index: usize) {
        if let Some(Grows { pointer, form }) = grows(item) {
            let text: Arc<str> = item.value.pointer(pointer).and_then(Value::as_str).unwrap_or_default().into();
            match form {
                Kind::Content(form) => self.part_done(form, 0, item, index, text, &Value::Null),
                Kind::Summary => {
                    let shown = Field::Json(json!({"type": "summary_text", "text": &*text}));
                    let number = || ("summary_index", Field::Number(0));
                    let done = vec![number(), ("text", Field::Text(text))];
                    self.event("response.reasoning_summary_text.done", item, index, done);
                    let part = vec![("part", shown), number()];
                    self.event("response.reasoning_summary_part.done", item, index, part);
                }
                Kind::Field(_, done, field) => self.event(done, item, index, vec![(field, Field::Text(text))]),
            }
        }
        self.done(item, index);
    }
}
