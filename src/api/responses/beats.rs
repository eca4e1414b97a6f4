//! The events of one item, made from its finished form.

use super::events::{Deltas, EventField, Fields, Place};
use super::items::Item;
use super::kinds::Beat;
use super::record::Frame;
use crate::reply::pace::Chunk;
use crate::reply::{Choice, Part, Reply, Say, Text};
use crate::tokens::Encoding;
use serde_json::{Value, json};
use std::collections::VecDeque;
use std::sync::Arc;

/// One event, or the deltas of one text.
#[derive(Debug)]
pub(crate) enum EventStep {
    Event(&'static str, Fields),
    Deltas(Deltas),
}

/// Cuts texts into deltas; a reply's own texts remember their cuts.
#[derive(Debug, Clone)]
pub(crate) struct Cutter {
    pub reply: Arc<Reply>,
    pub chunk: Chunk,
    pub encoding: Encoding,
}

impl Cutter {
    /// Pieces of `text`: (end in bytes, tokens). `part` = the reply's part whose text it is.
    fn cuts(&self, part: Option<usize>, text: &str) -> Vec<(u32, u16)> {
        let known = part.and_then(|part| self.choice()?.parts.get(part)).and_then(|part| match part {
            Part::Text(text) | Part::Refusal(text) => Some(text),
            Part::ToolCall(call) => Some(&call.arguments),
            _ => None,
        });
        match known {
            Some(known) if known.text == text => known.pieces(&self.chunk, self.encoding).cuts.clone(),
            _ => Text::new(text).pieces(&self.chunk, self.encoding).cuts.clone(),
        }
    }

    fn choice(&self) -> Option<&Choice> {
        match &self.reply.say {
            Say::Choices(choices) => choices.first(),
            _ => None,
        }
    }
}

/// Writes the steps of items.
pub(crate) struct Score<'a> {
    pub cutter: &'a Cutter,
    pub frame: &'a Frame,
    pub steps: &'a mut VecDeque<EventStep>,
}

impl Score<'_> {
    /// All events of one item.
    pub(crate) fn item(&mut self, item: &Arc<Item>, index: usize) {
        self.added(item, index);
        for beat in item.kind.beats {
            self.beat(beat, item, index);
        }
        self.done(item, index);
    }

    /// All events of servers' lists of tools that come one after the other: they are asked for at the same time
    /// (recording f136820a5530602e).
    pub(crate) fn together(&mut self, items: &[Arc<Item>], index: usize) {
        let numbered = || items.iter().zip(index..);
        for (item, index) in numbered() {
            self.added(item, index);
            item.kind.beats.iter().take(1).for_each(|beat| self.beat(beat, item, index));
        }
        for (item, index) in numbered() {
            item.kind.beats.iter().skip(1).for_each(|beat| self.beat(beat, item, index));
        }
        numbered().for_each(|(item, index)| self.done(item, index));
    }

    /// The first event of an item.
    pub(crate) fn added(&mut self, item: &Item, index: usize) {
        let added = vec![
            ("item", EventField::Json(item.begun(self.frame))),
            ("output_index", EventField::Number(index as u64)),
        ];
        self.steps.push_back(EventStep::Event("response.output_item.added", added));
    }

    /// The last event of an item.
    pub(crate) fn done(&mut self, item: &Arc<Item>, index: usize) {
        let done = vec![("item", EventField::Item(item.clone())), ("output_index", EventField::Number(index as u64))];
        self.steps.push_back(EventStep::Event("response.output_item.done", done));
    }

    fn beat(&mut self, beat: &Beat, item: &Arc<Item>, index: usize) {
        let string = |field: &str| item.value.get(field).and_then(Value::as_str).unwrap_or_default();
        match beat {
            Beat::Mark(name) => self.event(name, item, index, vec![]),
            Beat::Outcome(completed, failed) => {
                let error = item.value.get("error").is_some_and(|error| !error.is_null());
                let name = if error || string("status") == "failed" { failed } else { completed };
                self.event(name, item, index, vec![]);
            }
            Beat::Text { delta, done, field, pieces } => {
                let text: Arc<str> = string(field).into();
                let place = Place { name: delta, ..self.place(item, index) };
                self.deltas(place, &text, item.part.filter(|_| *pieces), *pieces);
                self.event(done, item, index, vec![(*field, EventField::Text(text))]);
            }
            Beat::Content => {
                for (at, part) in list(&item.value, "content").iter().enumerate() {
                    self.content_part(part, at, item, index);
                }
            }
            Beat::Summary => {
                for (at, part) in list(&item.value, "summary").iter().enumerate() {
                    self.summary_part(part, at, item, index);
                }
            }
            Beat::Picture => {
                let result = string("result");
                if !result.is_empty() {
                    let fields = vec![
                        ("partial_image_b64", EventField::Text(result.into())),
                        ("partial_image_index", EventField::Number(0)),
                    ];
                    self.event("response.image_generation_call.partial_image", item, index, fields);
                }
            }
            Beat::Commands => {
                let commands = item.value.get("action").map(|action| list(action, "commands")).unwrap_or_default();
                for (at, command) in commands.iter().enumerate() {
                    self.command(command.as_str().unwrap_or_default(), at, index);
                }
            }
            Beat::ShellOutput => self.shell_output(item, index),
        }
    }

    /// An event with `item_id` and `output_index`, and more.
    pub(super) fn event(&mut self, name: &'static str, item: &Item, index: usize, more: Fields) {
        let mut fields = more;
        fields.push(("item_id", EventField::Text(item.id().into())));
        fields.push(("output_index", EventField::Number(index as u64)));
        fields.sort_by_key(|(key, _)| *key);
        self.steps.push_back(EventStep::Event(name, fields));
    }

    pub(super) fn place<'a>(&self, item: &'a Item, index: usize) -> Place<'a> {
        Place { item_id: Some(item.id()), output_index: index, obfuscate: self.frame.obfuscate, ..Place::default() }
    }

    /// Deltas of a text; none for an empty one.
    fn deltas(&mut self, place: Place<'_>, text: &Arc<str>, part: Option<usize>, pieces: bool) {
        if text.is_empty() {
            return;
        }
        let cuts = if pieces { self.cutter.cuts(part, text) } else { vec![(text.len() as u32, 1)] };
        self.steps.push_back(EventStep::Deltas(Deltas::new(place, text.clone(), 0, cuts)));
    }

    fn content_part(&mut self, part: &Value, at: usize, item: &Arc<Item>, index: usize) {
        let Some(form) = TextForm::of(item.kind.name, part) else {
            // No finer events are known: it is added and done as it is.
            for name in ["response.content_part.added", "response.content_part.done"] {
                let fields =
                    vec![("content_index", EventField::Number(at as u64)), ("part", EventField::Json(part.clone()))];
                self.event(name, item, index, fields);
            }
            return;
        };
        let string = |field: &str| part.get(field).and_then(Value::as_str).unwrap_or_default();
        self.part_added(form, at, item, index);
        let text: Arc<str> = string(form.field()).into();
        self.text_part(form, at, item, index, &text, part);
        self.part_done(form, at, item, index, text, part);
    }

    /// The deltas of a part's text, each annotation after the delta that ends what it is about (recordings
    /// a802093a58af9824, f0e652a052d25813).
    fn text_part(&mut self, form: TextForm, at: usize, item: &Arc<Item>, index: usize, text: &Arc<str>, part: &Value) {
        let mut cuts = if text.is_empty() { Vec::new() } else { self.cutter.cuts(item.part, text) };
        let mut logprobs = list(part, "logprobs");
        let mut start = 0;
        for (number, annotation) in list(part, "annotations").into_iter().enumerate() {
            let reached = position(&annotation, text).map(|end| cuts.partition_point(|cut| (cut.0 as usize) < end) + 1);
            let rest = cuts.split_off(reached.unwrap_or(cuts.len()).min(cuts.len()));
            self.segment(form, at, item, index, text, &mut start, std::mem::replace(&mut cuts, rest), &mut logprobs);
            let fields = vec![
                ("annotation", EventField::Json(annotation)),
                ("annotation_index", EventField::Number(number as u64)),
                ("content_index", EventField::Number(at as u64)),
            ];
            self.event("response.output_text.annotation.added", item, index, fields);
        }
        self.segment(form, at, item, index, text, &mut start, cuts, &mut logprobs);
    }

    /// Deltas of the text from `start` up to the last of `cuts`.
    #[allow(clippy::too_many_arguments)] // a place, and what is left of the text
    fn segment(
        &mut self,
        form: TextForm,
        at: usize,
        item: &Item,
        index: usize,
        text: &Arc<str>,
        start: &mut usize,
        cuts: Vec<(u32, u16)>,
        logprobs: &mut Vec<Value>,
    ) {
        let Some((end, _)) = cuts.last().copied() else { return };
        let tokens: usize = cuts.iter().map(|cut| usize::from(cut.1)).sum();
        let rest = logprobs.split_off(tokens.min(logprobs.len()));
        let place = form.place(self.place(item, index), at, std::mem::replace(logprobs, rest));
        self.steps.push_back(EventStep::Deltas(Deltas::new(place, text.clone(), *start, cuts)));
        *start = end as usize;
    }

    /// `content_part.added` with an empty part.
    pub(crate) fn part_added(&mut self, form: TextForm, at: usize, item: &Item, index: usize) {
        let fields =
            vec![("content_index", EventField::Number(at as u64)), ("part", EventField::Json(form.part("", vec![])))];
        self.event("response.content_part.added", item, index, fields);
    }

    /// The `done` event of a part's text, then of the part, whose log probabilities the recordings leave out.
    pub(crate) fn part_done(
        &mut self,
        form: TextForm,
        at: usize,
        item: &Item,
        index: usize,
        text: Arc<str>,
        part: &Value,
    ) {
        let at = EventField::Number(at as u64);
        let shown = form.part(&text, list(part, "annotations"));
        let mut fields = vec![("content_index", at.clone()), (form.field(), EventField::Text(text))];
        if form == TextForm::OutputText {
            fields.push(("logprobs", EventField::Json(Value::Array(list(part, "logprobs")))));
        }
        self.event(form.done(), item, index, fields);
        self.event(
            "response.content_part.done",
            item,
            index,
            vec![("content_index", at), ("part", EventField::Json(shown))],
        );
    }

    fn summary_part(&mut self, part: &Value, at: usize, item: &Arc<Item>, index: usize) {
        let text: Arc<str> = part.get("text").and_then(Value::as_str).unwrap_or_default().into();
        let shown = |text: &str| EventField::Json(json!({"type": "summary_text", "text": text}));
        let number = || ("summary_index", EventField::Number(at as u64));
        self.event("response.reasoning_summary_part.added", item, index, vec![("part", shown("")), number()]);
        let name = "response.reasoning_summary_text.delta";
        self.deltas(Place { name, summary_index: Some(at), ..self.place(item, index) }, &text, None, true);
        let done = vec![number(), ("text", EventField::Text(text.clone()))];
        self.event("response.reasoning_summary_text.done", item, index, done);
        self.event("response.reasoning_summary_part.done", item, index, vec![("part", shown(&text)), number()]);
    }

    /// Events of a shell command say which output they belong to, not which item.
    fn command(&mut self, command: &str, at: usize, index: usize) {
        let text: Arc<str> = command.into();
        let event = |name, command: &Arc<str>| {
            let fields = vec![
                ("command", EventField::Text(command.clone())),
                ("command_index", EventField::Number(at as u64)),
                ("output_index", EventField::Number(index as u64)),
            ];
            EventStep::Event(name, fields)
        };
        self.steps.push_back(event("response.shell_call_command.added", &"".into()));
        let place = Place {
            name: "response.shell_call_command.delta",
            command_index: Some(at),
            output_index: index,
            obfuscate: self.frame.obfuscate,
            ..Place::default()
        };
        self.deltas(place, &text, None, true);
        self.steps.push_back(event("response.shell_call_command.done", &text));
    }

    fn shell_output(&mut self, item: &Arc<Item>, index: usize) {
        let output = list(&item.value, "output");
        for (at, one) in output.iter().enumerate() {
            let stream = |field: &str| one.get(field).cloned().unwrap_or_else(|| json!(""));
            let fields = vec![
                ("command_index", EventField::Number(at as u64)),
                ("delta", EventField::Json(json!({"stderr": stream("stderr"), "stdout": stream("stdout")}))),
            ];
            self.event("response.shell_call_output_content.delta", item, index, fields);
        }
        let fields = vec![("command_index", EventField::Number(0)), ("output", EventField::Json(Value::Array(output)))];
        self.event("response.shell_call_output_content.done", item, index, fields);
    }
}

/// Forms of a content part.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum TextForm {
    OutputText,
    Refusal,
    ReasoningText,
}

impl TextForm {
    /// The form of a part, if items of this kind have parts of its type.
    pub(super) fn of(kind: &str, part: &Value) -> Option<TextForm> {
        match (kind, part.get("type").and_then(Value::as_str)) {
            ("message", Some("output_text")) => Some(TextForm::OutputText),
            ("message", Some("refusal")) => Some(TextForm::Refusal),
            ("reasoning", Some("reasoning_text")) => Some(TextForm::ReasoningText),
            _ => None,
        }
    }

    /// The key of the part's text, in the part and in the `done` event.
    fn field(self) -> &'static str {
        match self {
            TextForm::Refusal => "refusal",
            TextForm::OutputText | TextForm::ReasoningText => "text",
        }
    }

    fn done(self) -> &'static str {
        match self {
            TextForm::OutputText => "response.output_text.done",
            TextForm::Refusal => "response.refusal.done",
            TextForm::ReasoningText => "response.reasoning_text.done",
        }
    }

    /// Where the part's deltas belong; refusals are sent without obfuscation (real-traffic §2.4).
    pub(super) fn place(self, item: Place<'_>, at: usize, logprobs: Vec<Value>) -> Place<'_> {
        let place = Place { content_index: Some(at), ..item };
        match self {
            TextForm::OutputText => Place { name: "response.output_text.delta", logprobs: Some(logprobs), ..place },
            TextForm::Refusal => Place { name: "response.refusal.delta", obfuscate: false, ..place },
            TextForm::ReasoningText => Place { name: "response.reasoning_text.delta", ..place },
        }
    }

    /// A part with this text.
    fn part(self, text: &str, annotations: Vec<Value>) -> Value {
        match self {
            TextForm::OutputText => {
                json!({"type": "output_text", "annotations": annotations, "logprobs": [], "text": text})
            }
            TextForm::Refusal => json!({"type": "refusal", "refusal": text}),
            TextForm::ReasoningText => json!({"type": "reasoning_text", "text": text}),
        }
    }
}

/// The byte where what an annotation is about ends; it counts in characters. Files of a container are cited when all
/// text is out.
fn position(annotation: &Value, text: &str) -> Option<usize> {
    if annotation.get("type").is_some_and(|kind| kind == "container_file_citation") {
        return None;
    }
    let end = annotation.get("end_index").or_else(|| annotation.get("index"))?.as_u64()?;
    text.char_indices().nth(end as usize).map(|(at, _)| at)
}

fn list(value: &Value, field: &str) -> Vec<Value> {
    value.get(field).and_then(Value::as_array).cloned().unwrap_or_default()
}
