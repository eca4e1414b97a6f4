//! A run as a stream of events.

use super::deltas::{GrowingMessage, RunItem};
use super::narrate::Narrator;
use super::run::RunEnding;
use super::thread::Thread;
use crate::reply::{Part, Text};
use crate::runtime;
use crate::session::Session;
use crate::tokens;
use crate::turn::{Driver, Step};
use crate::wire::error::ApiError;
use crate::wire::event::{Events, Frames, Work, write_json};
use serde_json::Value;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

/// The events of one run.
pub(super) struct RunEvents {
    narrator: Narrator,
    /// The reply, while it is arriving.
    arriving: Option<Box<Driver>>,
    /// The text that grows; whether some of it is out.
    open: Option<(GrowingMessage, bool)>,
    session: Arc<Session>,
    keeping: Option<Work>,
    kept: bool,
}

impl RunEvents {
    /// The events of what was told, and of what is still arriving.
    pub(super) fn new(narrator: Narrator, arriving: Option<Box<Driver>>, session: Arc<Session>) -> Self {
        RunEvents { narrator, arriving, open: None, session, keeping: None, kept: false }
    }

    /// Has written down what came of the run.
    fn keep(&mut self, outcome: RunEnding) -> Work {
        self.kept = true;
        self.narrator.count_uses();
        let (thread, run) = self.narrator.of();
        let session = self.session.clone();
        Box::pin(async move {
            let end = |thread: &mut Thread| {
                // Whoever stopped it meanwhile has the last word.
                if let Some(run) = thread.run_mut(&run).ok().filter(|run| run.job.is_none() && run.is_active()) {
                    let said = run.take(outcome.clone());
                    thread.messages.extend(said);
                }
            };
            session.store.change(&thread, end).await;
        })
    }

    /// Tells of what has arrived.
    fn step(&mut self, step: &Step) {
        let Some(arriving) = &self.arriving else { return };
        match step {
            Step::Begun(choice, at) => {
                self.open = match arriving.part(*choice, *at) {
                    Some(part @ (Part::Text(_) | Part::Refusal(_))) => {
                        Some((self.narrator.grow(matches!(part, Part::Refusal(_))), false))
                    }
                    _ => None,
                };
            }
            Step::Grown(choice, at, range) => {
                let Some((to, some)) = &mut self.open else { return };
                let text = arriving.text(*choice, *at).get(range.clone()).unwrap_or_default().to_string();
                let tokens = tokens::count(self.narrator.encoding, &text) as u32;
                let first = !std::mem::replace(some, true);
                self.narrator.items.push_back(RunItem::Piece { to: to.clone(), text, tokens, first });
            }
            Step::Ended(choice, at) => {
                if self.open.take().is_none() {
                    return;
                }
                match arriving.part(*choice, *at) {
                    Some(Part::Text(text)) => self.narrator.grown(&text.clone(), false),
                    Some(Part::Refusal(text)) => self.narrator.grown(&text.clone(), true),
                    _ => {}
                }
            }
            Step::Part(choice, at) => {
                if let Some(part) = arriving.part(*choice, *at).cloned() {
                    self.narrator.part(&part);
                }
            }
        }
    }

    /// The text that was growing stays as it is.
    fn cut(&mut self) {
        if let Some((to, _)) = self.open.take() {
            let said = self.arriving.as_ref().and_then(|arriving| arriving.choice(0).parts.last());
            let said = match said {
                Some(Part::Text(text) | Part::Refusal(text)) => text.clone(),
                _ => Text::default(),
            };
            self.narrator.grown(&said, to.is_refusal());
        }
    }
}

impl Events for RunEvents {
    fn next_content(&self) -> Option<u32> {
        match self.narrator.items.front()? {
            RunItem::Text { left, .. } => Some(left.piece().2),
            RunItem::Piece { tokens, .. } => Some(*tokens),
            _ => None,
        }
    }

    fn is_closing(&self) -> bool {
        let content = |item: &RunItem| matches!(item, RunItem::Text { .. } | RunItem::Piece { .. });
        self.arriving.is_none() && !self.narrator.items.iter().any(content)
    }

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<()> {
        while self.narrator.items.is_empty() {
            let Some(arriving) = &mut self.arriving else { break };
            match ready!(arriving.poll_next(context)) {
                Some(Ok(step)) => self.step(&step),
                Some(Err(error)) => {
                    self.cut();
                    self.arriving = None;
                    self.narrator.fail(&error);
                }
                None => {
                    let choice = arriving.choice(0).clone();
                    self.arriving = None;
                    self.narrator.end(&choice);
                }
            }
        }
        Poll::Ready(())
    }

    fn poll_next(&mut self, context: &mut Context<'_>, out: &mut dyn Frames) -> Poll<bool> {
        ready!(self.poll_ready(context));
        let Some(mut item) = self.narrator.items.pop_front() else { return Poll::Ready(false) };
        match &mut item {
            RunItem::Event(name, data) => write(name, data, out),
            RunItem::Piece { to, text, first, .. } => {
                let (name, data) = to.delta(text, *first);
                write(name, &data, out);
            }
            RunItem::Text { to, text, left, first } => {
                let (start, end, _) = left.piece();
                let (name, data) = to.delta(text.get(start..end).unwrap_or_default(), *first);
                write(name, &data, out);
                *first = false;
                if left.advance() {
                    self.narrator.items.push_front(item);
                }
            }
            RunItem::End(name, data) => {
                write(name, data, out);
                let outcome = self.narrator.outcome().clone();
                self.keeping = Some(self.keep(outcome));
            }
            RunItem::Done => out.text(Some("done"), "[DONE]"),
        }
        Poll::Ready(true)
    }

    fn work(&mut self) -> Option<Work> {
        self.keeping.take()
    }

    /// The run fails: that is how a run tells of an error of its model.
    fn write_error(&mut self, error: &ApiError, out: &mut dyn Frames) {
        let (name, run) = self.narrator.broken(error);
        write(name, &run, out);
        out.text(Some("done"), "[DONE]");
        let outcome = self.narrator.outcome().clone();
        self.keeping = Some(self.keep(outcome));
        self.arriving = None;
        self.narrator.items.clear();
    }
}

/// A run goes on when its client leaves, as far as its reply is known; else nobody makes the rest of it.
impl Drop for RunEvents {
    fn drop(&mut self) {
        if self.kept {
            return;
        }
        let outcome = match &self.arriving {
            None => self.narrator.outcome().clone(),
            Some(_) => RunEnding::end("cancelled", self.narrator.outcome().at),
        };
        let work = self.keep(outcome);
        runtime::spawn_on(runtime::handle(), work);
    }
}

fn write(name: &str, data: &Value, out: &mut dyn Frames) {
    write_json(data, out.begin(Some(name)));
    out.end();
}
