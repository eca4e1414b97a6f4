//! What a reply becomes in a run: steps and messages, and the events that tell of them, in the order that the official
//! clients hold them to: one step after the other, and the functions that are called last.

use super::deltas::{GrowingMessage, RunItem, SpeakingKind, message_delta, numbered, step_delta, with_index};
use super::run::{Run, RunEnding, last_error, usage};
use super::{hosted, messages};
use crate::api::choice_queues::Cursor;
use crate::api::vector_stores::search::{FileSearch, citation};
use crate::prompt::Prompt;
use crate::random::Random;
use crate::reply::pace::Chunk;
use crate::reply::{Choice, Finish, Part, Text, ToolCall};
use crate::session::exchange::{Exchange, PaidUse};
use crate::tokens::Encoding;
use crate::turn::models::Model;
use crate::turn::usage::Counter;
use crate::turn::usage::wire;
use crate::wire::dialect::Dialect;
use crate::wire::error::ApiError;
use crate::wire::ids;
use crate::wire::value::Holds;
use serde_json::{Value, json};
use std::collections::VecDeque;
use std::sync::Arc;

/// A message that is being written, and its step.
struct OpenSpeech {
    step: Value,
    message: Value,
    /// What it is made of, for counting.
    parts: Vec<Part>,
}

/// Tells what happens in a run.
pub(super) struct Narrator {
    /// As it was before.
    run: Run,
    pub items: VecDeque<RunItem>,
    outcome: RunEnding,
    open: Option<OpenSpeech>,
    /// Unix seconds.
    now: u64,
    random: Random,
    pub chunk: Chunk,
    pub encoding: Encoding,
    prompt: Prompt,
    counter: Counter,
    model: Model,
    /// What the reply says of its own usage.
    usage: Option<Value>,
    search: Option<FileSearch>,
    searched: Vec<String>,
    exchange: Arc<Exchange>,
    /// What its tools did, for usage.
    uses: Vec<PaidUse>,
    contents: bool,
    /// What the last search found, until a text cites it.
    found: Vec<Value>,
}

/// What it takes to tell of a run.
pub(super) struct Telling {
    pub run: Run,
    pub now: u64,
    pub random: Random,
    pub counter: Counter,
    /// What file searches may find, and the stores they look into.
    pub search: Option<FileSearch>,
    pub searched: Vec<String>,
    pub exchange: Arc<Exchange>,
    /// Whether the texts that they find are shown.
    pub contents: bool,
}

impl Narrator {
    pub(super) fn new(telling: Telling, prompt: &Prompt, spoken: &crate::turn::Spoken) -> Self {
        Narrator {
            run: telling.run,
            items: VecDeque::new(),
            outcome: RunEnding { at: telling.now, ..RunEnding::default() },
            open: None,
            now: telling.now,
            random: telling.random,
            chunk: spoken.chunk.clone(),
            encoding: spoken.encoding,
            prompt: prompt.clone(),
            counter: telling.counter,
            model: spoken.model.clone(),
            usage: spoken.overrides().usage.clone(),
            search: telling.search,
            searched: telling.searched,
            exchange: telling.exchange,
            uses: Vec::new(),
            contents: telling.contents,
            found: Vec::new(),
        }
    }

    fn event(&mut self, name: &'static str, data: &Value) {
        self.items.push_back(RunItem::Event(name, data.clone()));
    }

    /// Something that happened before.
    pub(super) fn tell(&mut self, name: &'static str, data: &Value) {
        self.event(name, data);
    }

    /// The run is taken up.
    pub(super) fn begin(&mut self) {
        self.event("thread.run.queued", &self.run.object.clone());
        self.run.begin();
        self.event("thread.run.in_progress", &self.run.object.clone());
    }

    /// A choice that is whole.
    pub(super) fn choice(&mut self, choice: &Choice) {
        for part in &choice.parts {
            self.part(part);
        }
        self.end(choice);
    }

    /// A part that is whole; function calls wait for the end.
    pub(super) fn part(&mut self, part: &Part) {
        match part {
            Part::Text(text) => self.text(text, SpeakingKind::Text),
            Part::Refusal(text) => self.text(text, SpeakingKind::Refusal),
            Part::Audio { transcript, .. } => self.text(&Text::new(transcript.as_str()), SpeakingKind::Text),
            Part::Item(item) => self.hosted(item, part),
            Part::Reasoning(_) | Part::ToolCall(_) => {}
        }
    }

    fn text(&mut self, text: &Text, kind: SpeakingKind) {
        let to = self.grow(kind == SpeakingKind::Refusal);
        if let Some(left) = Cursor::new(text.pieces(&self.chunk, self.encoding)) {
            self.items.push_back(RunItem::Text { to, text: text.text.clone(), left, first: true });
        }
        self.grown(text, kind == SpeakingKind::Refusal);
    }

    /// A text begins in the message, or a refusal.
    pub(super) fn grow(&mut self, refusal: bool) -> GrowingMessage {
        let open = self.open.take().unwrap_or_else(|| self.open());
        let id = open.message["id"].as_str().unwrap_or_default().to_string();
        let index = open.message["content"].as_array().map_or(0, Vec::len);
        self.open = Some(open);
        GrowingMessage { id, kind: if refusal { SpeakingKind::Refusal } else { SpeakingKind::Text }, index }
    }

    /// It is whole.
    pub(super) fn grown(&mut self, text: &Text, refusal: bool) {
        let found = std::mem::take(&mut self.found);
        let Some(open) = &mut self.open else { return };
        let Some(content) = open.message["content"].as_array_mut() else { return };
        let mut cited = text.annotations.clone();
        if cited.is_empty() {
            cited.extend(citation(&found, &text.text));
        }
        let (index, annotations) = (content.len(), annotations(&cited, &text.text));
        content.push(match refusal {
            true => json!({"type": "refusal", "refusal": text.text}),
            false => messages::text(&text.text, &annotations),
        });
        open.parts.push(if refusal { Part::Refusal(text.clone()) } else { Part::Text(text.clone()) });
        if !annotations.is_empty() && !refusal {
            let id = open.message["id"].as_str().unwrap_or_default().to_string();
            let cited: Vec<Value> = annotations.into_iter().enumerate().map(numbered).collect();
            let (name, data) =
                message_delta(&id, json!({"index": index, "type": "text", "text": {"annotations": cited}}));
            self.event(name, &data);
        }
    }

    /// A message begins, with its step.
    fn open(&mut self) -> OpenSpeech {
        let run = &self.run.object;
        let id = ids::plain("msg_", &mut self.random);
        let message = json!({
            "id": id, "object": "thread.message", "created_at": self.now, "assistant_id": run["assistant_id"],
            "thread_id": run["thread_id"], "run_id": run["id"], "status": "in_progress", "incomplete_details": null,
            "incomplete_at": null, "completed_at": null, "role": "assistant", "content": [], "attachments": [],
            "metadata": {},
        });
        let details = json!({"type": "message_creation", "message_creation": {"message_id": id}});
        let step = self.step(details);
        self.event("thread.message.created", &message);
        self.event("thread.message.in_progress", &message);
        OpenSpeech { step, message, parts: Vec::new() }
    }

    /// A step begins.
    fn step(&mut self, details: Value) -> Value {
        let run = &self.run.object;
        let step = json!({
            "id": ids::plain("step_", &mut self.random), "object": "thread.run.step", "created_at": self.now,
            "run_id": run["id"], "assistant_id": run["assistant_id"], "thread_id": run["thread_id"],
            "type": details["type"], "status": "in_progress", "cancelled_at": null, "completed_at": null,
            "expires_at": run["expires_at"], "expired_at": null, "failed_at": null, "last_error": null,
            "step_details": details, "usage": null, "metadata": {},
        });
        self.event("thread.run.step.created", &step);
        self.event("thread.run.step.in_progress", &step);
        step
    }

    /// A step is over.
    fn close(&mut self, mut step: Value, usage: Value) {
        step["status"] = "completed".into();
        step["completed_at"] = self.now.into();
        step["usage"] = usage;
        let shown = if self.contents { step.clone() } else { hosted::without_contents(step.clone()) };
        self.event("thread.run.step.completed", &shown);
        self.outcome.steps.push(step);
    }

    /// The message is over, if one is open; `cut` = too early, for this reason.
    fn close_message(&mut self, cut: Option<&str>) {
        let Some(OpenSpeech { step, mut message, parts }) = self.open.take() else { return };
        match cut {
            None => {
                message["status"] = "completed".into();
                message["completed_at"] = self.now.into();
                self.event("thread.message.completed", &message);
            }
            Some(reason) => {
                message["status"] = "incomplete".into();
                message["incomplete_details"] = json!({"reason": reason});
                message["incomplete_at"] = self.now.into();
                self.event("thread.message.incomplete", &message);
            }
        }
        self.outcome.messages.push(message);
        let usage = self.used(parts);
        self.close(step, usage);
    }

    /// What these parts took: each step asks the model anew.
    fn used(&mut self, parts: Vec<Part>) -> Value {
        let choice = Choice { parts, ..Choice::default() };
        let counted = self.counter.count(&self.prompt, &[&choice], &self.model, Dialect::Chat);
        let total = counted.prompt + counted.completion;
        let numbers = [counted.prompt, counted.completion, total, counted.cached, counted.reasoning];
        match self.usage.take() {
            Some(fixed) => json!(wire::merge(wire::Usage::Fixed(usage(numbers)), Some(&fixed))),
            None => usage(numbers),
        }
    }

    /// A tool that OpenAI runs, as a Responses item says it.
    fn hosted(&mut self, item: &Value, part: &Part) {
        let kind = match item["type"].as_str() {
            Some("code_interpreter_call") => "code_interpreter",
            Some("file_search_call") => "file_search",
            _ => return,
        };
        self.close_message(None);
        let mut step = self.step(json!({"type": "tool_calls", "tool_calls": []}));
        let step_id = step["id"].as_str().unwrap_or_default().to_string();
        let id = ids::call(&mut self.random);
        let (begun, whole) = if kind == "code_interpreter" {
            let of = |input: &str, outputs: Value| json!({"id": id, "type": kind, kind: {"input": input, "outputs": outputs}});
            (of("", json!([])), of(item["code"].as_str().unwrap_or_default(), hosted::outputs(item)))
        } else {
            self.uses.extend(self.searched.iter().cloned().map(PaidUse::FileSearch));
            if let Some(search) = self.search.as_ref().filter(|_| item["results"].is_null()) {
                self.found = search.find(&item["queries"]);
            }
            let results = item["results"].as_array().or(self.search.as_ref().map(|_| &self.found));
            let whole = json!({"id": id, "type": kind, kind: hosted::found(results)});
            let mut begun = whole.clone();
            if !self.contents {
                hosted::without_content(&mut begun);
            }
            (begun, whole)
        };
        let (name, data) = step_delta(&step_id, with_index(0, &begun));
        self.event(name, &data);
        let code = Text::new(item["code"].as_str().unwrap_or_default());
        if let Some(left) = Cursor::new(code.pieces(&self.chunk, self.encoding)).filter(|_| kind == "code_interpreter")
        {
            let to = GrowingMessage { id: step_id.clone(), kind: SpeakingKind::Input, index: 0 };
            self.items.push_back(RunItem::Text { to, text: code.text, left, first: true });
            let said = &whole[kind]["outputs"];
            if said.as_array().is_some_and(|said| !said.is_empty()) {
                let said: Vec<Value> = said.elements().cloned().enumerate().map(numbered).collect();
                let (name, data) = step_delta(&step_id, json!({"index": 0, "type": kind, kind: {"outputs": said}}));
                self.event(name, &data);
            }
        }
        step["step_details"]["tool_calls"] = json!([whole]);
        let usage = self.used(vec![part.clone()]);
        self.close(step, usage);
    }

    /// The functions that are called: the run waits for what they give.
    fn calls(&mut self, calls: &[&ToolCall]) {
        let mut step = self.step(json!({"type": "tool_calls", "tool_calls": []}));
        let step_id = step["id"].as_str().unwrap_or_default().to_string();
        let (mut shown, mut required) = (Vec::new(), Vec::new());
        for (index, call) in calls.iter().enumerate() {
            let id = call.id.clone().unwrap_or_else(|| ids::call(&mut self.random));
            let of = |arguments: &str| {
                json!({"id": id, "type": "function",
                    "function": {"name": call.name, "arguments": arguments, "output": null}})
            };
            let (name, data) = step_delta(&step_id, with_index(index, &of("")));
            self.event(name, &data);
            if let Some(left) = Cursor::new(call.arguments.pieces(&self.chunk, self.encoding)) {
                let to = GrowingMessage { id: step_id.clone(), kind: SpeakingKind::Arguments, index };
                self.items.push_back(RunItem::Text { to, text: call.arguments.text.clone(), left, first: true });
            }
            shown.push(of(&call.arguments.text));
            let asked = json!({"name": call.name, "arguments": call.arguments.text});
            required.push(json!({"id": id, "type": "function", "function": asked}));
        }
        step["step_details"]["tool_calls"] = shown.into();
        self.outcome.owed = self.used(calls.iter().map(|call| Part::ToolCall((*call).clone())).collect());
        self.outcome.steps.push(step);
        self.outcome.required_action =
            json!({"type": "submit_tool_outputs", "submit_tool_outputs": {"tool_calls": required}});
    }

    /// The reply is over.
    pub(super) fn end(&mut self, choice: &Choice) {
        let cut = match choice.finish {
            Some(Finish::Length) => Some(("max_tokens", "max_completion_tokens")),
            Some(Finish::ContentFilter) => Some(("content_filter", "content_filter")),
            _ => None,
        };
        self.close_message(cut.map(|(message, _)| message));
        fn called(part: &Part) -> Option<&ToolCall> {
            match part {
                Part::ToolCall(call) => Some(call),
                _ => None,
            }
        }
        let calls: Vec<&ToolCall> = choice.parts.iter().filter_map(called).collect();
        let (status, name) = match cut {
            Some((_, reason)) => {
                self.outcome.incomplete_details = json!({"reason": reason});
                ("incomplete", "thread.run.incomplete")
            }
            None if calls.is_empty() => ("completed", "thread.run.completed"),
            None => {
                self.calls(&calls);
                ("requires_action", "thread.run.requires_action")
            }
        };
        self.over(status, name);
    }

    /// The rest will not come.
    pub(super) fn fail(&mut self, error: &ApiError) {
        let told = last_error(error);
        if let Some(OpenSpeech { mut step, mut message, .. }) = self.open.take() {
            message["status"] = "incomplete".into();
            message["incomplete_details"] = json!({"reason": "run_failed"});
            message["incomplete_at"] = self.now.into();
            self.event("thread.message.incomplete", &message);
            self.outcome.messages.push(message);
            step["status"] = "failed".into();
            step["failed_at"] = self.now.into();
            step["last_error"] = told.clone();
            self.event("thread.run.step.failed", &step);
            self.outcome.steps.push(step);
        }
        self.outcome.required_action = Value::Null;
        self.outcome.last_error = told;
        self.over("failed", "thread.run.failed");
    }

    fn over(&mut self, status: &str, name: &'static str) {
        self.outcome.status = status.into();
        let mut run = self.run.clone();
        run.take(self.outcome.clone());
        self.items.push_back(RunItem::End(name, run.object));
        self.items.push_back(RunItem::Done);
    }

    /// It breaks off, however much of it was to come: gives the event that says so.
    pub(super) fn broken(&mut self, error: &ApiError) -> (&'static str, Value) {
        let last_error = last_error(error);
        self.outcome = RunEnding { last_error, ..RunEnding::end("failed", self.now) };
        let mut run = self.run.clone();
        run.take(self.outcome.clone());
        ("thread.run.failed", run.object)
    }

    /// No more tools are used: what they did counts.
    pub(super) fn count_uses(&mut self) {
        let uses = std::mem::take(&mut self.uses);
        if !uses.is_empty() {
            let _ = self.exchange.uses.set(uses.into());
        }
    }

    /// What came of the run.
    pub(super) fn outcome(&self) -> &RunEnding {
        &self.outcome
    }

    /// Which run it is: of which thread.
    pub(super) fn of(&self) -> (String, String) {
        let named = |field: &str| self.run.object[field].as_str().unwrap_or_default().to_string();
        (named("thread_id"), named("id"))
    }
}

/// Annotations of a text, which are in the words of Responses: files are all that threads cite.
fn annotations(cited: &[Value], text: &str) -> Vec<Value> {
    let end = text.chars().count();
    let cite = |one: &Value| {
        let index = one["index"].as_u64().unwrap_or(end as u64);
        json!({"type": "file_citation", "text": "", "start_index": index, "end_index": index,
            "file_citation": {"file_id": one["file_id"].as_str().unwrap_or_default()}})
    };
    cited.iter().filter(|one| one["type"] == "file_citation").map(cite).collect()
}
