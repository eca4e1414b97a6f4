//! Drives a reply that is still arriving, whoever makes its pieces: puts them together, holds them against the request
//! as far as can be said so far, cuts them at its limits, and in the end knows the whole reply.
//!
//! Endpoints write what it says happened ([`Step`]); the server paces and breaks what they write.

use crate::budget::Budget;
use crate::prompt::{Prompt, ToolKind};
use crate::reply::Arrival;
use crate::reply::Arriving;
use crate::reply::Choice;
use crate::reply::Finish;
use crate::reply::Part;
use crate::reply::Piece;
use crate::reply::Reply;
use crate::reply::Say;
use crate::reply::Text;
use crate::reply::ToolCall;
use crate::runtime;
use crate::session::exchange::Said;
use crate::tokens::Encoding;
use crate::turn::Strictness;
use crate::turn::check as checker;
use crate::turn::limit::Growing;
use crate::turn::limit::Limits;
use crate::wire::error::{ApiError, Occasion};
use serde_json::Value;
use std::collections::VecDeque;
use std::future::poll_fn;
use std::ops::Range;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

/// What happened to a reply. The numbers are those of a choice and of a part of it: see [`Driver::part`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Step {
    /// A part begins; nothing of its text is there yet.
    Begun(usize, usize),
    /// Its text grew by these bytes.
    Grown(usize, usize, Range<usize>),
    /// It is whole.
    Ended(usize, usize),
    /// A part came whole.
    Part(usize, usize),
}

/// A reply still arriving, on its way to a client.
pub(crate) struct Driver {
    /// `None` once all is there that is wanted.
    arriving: Option<Arriving>,
    prompt: Prompt,
    strictness: Strictness,
    budget: Arc<Budget>,
    limits: Limits,
    /// What is known of the reply beside its choices.
    reply: Arc<Reply>,
    choices: Vec<Choice>,
    states: Vec<DriverState>,
    steps: VecDeque<Step>,
    over: bool,
}

/// A choice under way.
struct DriverState {
    limits: Limits,
    open: Option<OpenPart>,
    /// It was said how it ends.
    finished: bool,
    /// It was cut: what follows is not wanted.
    cut: bool,
}

/// The part that grows.
struct OpenPart {
    /// As it will be shown, without its text.
    part: Part,
    growing: Growing,
    /// It has begun for the client.
    shown: bool,
}

impl Driver {
    /// A driver of `arriving`, which answers `prompt`; `reply` holds what is known beside the choices.
    pub(crate) fn new(
        arriving: Arriving,
        prompt: &Prompt,
        reply: Arc<Reply>,
        encoding: Encoding,
        strictness: Strictness,
        budget: Arc<Budget>,
    ) -> Self {
        Driver {
            arriving: Some(arriving),
            limits: Limits::new(prompt, encoding),
            prompt: prompt.clone(),
            strictness,
            budget,
            reply,
            choices: Vec::new(),
            states: Vec::new(),
            steps: VecDeque::new(),
            over: false,
        }
    }

    /// What the texts of OpenAI's errors name.
    fn occasion(&self) -> Occasion<'_> {
        Occasion {
            model: &self.prompt.model,
            dialect: self.prompt.dialect,
            routes_by_model: self.strictness.routes_by_model,
            request_id: &self.strictness.exchange.request_id,
        }
    }

    /// What happens next; `None` when the reply is whole.
    ///
    /// # Errors
    /// Its maker failed, or the request forbids it: the rest will not come.
    pub(crate) fn poll_next(&mut self, context: &mut Context<'_>) -> Poll<Option<Result<Step, ApiError>>> {
        loop {
            if let Some(step) = self.steps.pop_front() {
                return Poll::Ready(Some(Ok(step)));
            }
            if self.over {
                return Poll::Ready(None);
            }
            let taken = match &mut self.arriving {
                Some(arriving) => match ready!(arriving.poll_next(context)) {
                    Some(arrival) => self.take(arrival),
                    None => self.end(),
                },
                None => self.end(),
            };
            if let Err(error) = taken {
                self.arriving = None;
                self.over = true;
                self.steps.clear();
                self.strictness.exchange.complain(&error);
                // In mid-stream nobody else would say it as this profile does.
                return Poll::Ready(Some(Err(self.strictness.profile.sends(error))));
            }
        }
    }

    /// All of it.
    ///
    /// # Errors
    /// As [`Driver::poll_next`].
    pub(crate) async fn collect(mut self) -> Result<Reply, ApiError> {
        while let Some(step) = poll_fn(|context| self.poll_next(context)).await {
            step?;
        }
        Ok(self.reply())
    }

    /// A choice as far as it came.
    pub(crate) fn choice(&self, choice: usize) -> &Choice {
        static NOTHING: Choice = Choice { parts: Vec::new(), finish: None, logprobs: None };
        self.choices.get(choice).unwrap_or(&NOTHING)
    }

    /// A part of a choice as far as it came.
    pub(crate) fn part(&self, choice: usize, part: usize) -> Option<&Part> {
        self.choice(choice).parts.get(part)
    }

    /// The text of a part, as far as it came.
    pub(crate) fn text(&self, choice: usize, part: usize) -> &str {
        self.part(choice, part).map_or("", Part::text)
    }

    /// The reply as far as it came; whole after the last step.
    pub(crate) fn reply(&self) -> Reply {
        let choices = if self.choices.is_empty() { vec![Choice::default()] } else { self.choices.clone() };
        Reply { say: Say::Choices(choices), ..(*self.reply).clone() }
    }

    /// Puts a piece where it belongs.
    fn take(&mut self, arrival: Arrival) -> Result<(), ApiError> {
        let Arrival { choice, piece } = arrival;
        let asked = self.prompt.n.max(1);
        if choice >= asked {
            self.refuse(format!("The reply has a choice {choice}, but the request asks for n: {asked}."))?;
        }
        match piece {
            Piece::Failed(error) => return Err(error.said_at(&self.occasion())),
            Piece::Usage(usage) => {
                Arc::make_mut(&mut self.reply).overrides.usage = Some(usage);
                return Ok(());
            }
            Piece::Unchecked => {
                Arc::make_mut(&mut self.reply).overrides.unchecked = true;
                return Ok(());
            }
            _ if choice >= asked => return Ok(()),
            _ => {}
        }
        while self.choices.len() <= choice {
            self.choices.push(Choice::default());
            self.states.push(DriverState { limits: self.limits.clone(), open: None, finished: false, cut: false });
        }
        let state = &self.states[choice];
        if state.cut {
            return Ok(());
        }
        if state.finished {
            return Err(broken(format!("a piece of choice {choice} came after the piece that said how it ends")));
        }
        match piece {
            Piece::Finish(finish) => {
                self.close(choice);
                let state = &mut self.states[choice];
                state.finished = true;
                if !state.cut {
                    self.choices[choice].finish = Some(finish);
                }
            }
            Piece::Part(part) => {
                self.close(choice);
                self.whole(choice, part)?;
            }
            Piece::Text(more) => {
                self.grow(choice, &more, |open| matches!(open, Part::Text(_)), || Part::Text(Text::default()))
            }
            Piece::Refusal(more) => {
                self.grow(choice, &more, |open| matches!(open, Part::Refusal(_)), || Part::Refusal(Text::default()));
            }
            Piece::Reasoning(more) => {
                self.grow(
                    choice,
                    &more,
                    |open| matches!(open, Part::Reasoning(_)),
                    || Part::Reasoning(vec![String::new()]),
                );
            }
            Piece::Call { name: None, custom, arguments, .. } => {
                let Some(Part::ToolCall(call)) = state.open.as_ref().map(|open| &open.part) else {
                    return Err(broken("more arguments came, but no tool call was begun: give its name first".into()));
                };
                if custom.is_some_and(|custom| custom != call.custom) {
                    return Err(broken(of_another_kind(call)));
                }
                self.grow(choice, &arguments, |_| true, || Part::Item(Value::Null));
            }
            Piece::Call { name: Some(name), id, custom, arguments } => {
                self.close(choice);
                if self.states[choice].cut {
                    return Ok(());
                }
                // Its client is told at once: what the next piece shows would come too late.
                let custom = custom.unwrap_or_else(|| self.offers_custom(&name));
                let call = ToolCall { name, arguments: Text::default(), id, custom };
                self.called(choice, &call)?;
                self.grow(choice, &arguments, |_| false, || Part::ToolCall(call));
                // Unless nothing of its arguments may fit: then there is no call.
                if !self.states[choice].limits.is_near() {
                    self.show(choice);
                }
            }
            Piece::Bytes(_) => return Err(broken("bytes came, of which only a raw answer is made".into())),
            Piece::Failed(_) | Piece::Usage(_) | Piece::Unchecked => {}
        }
        self.settle();
        Ok(())
    }

    /// Adds to the part that grows if it `fits`, else begins `another`.
    fn grow(&mut self, choice: usize, more: &str, fits: impl Fn(&Part) -> bool, another: impl FnOnce() -> Part) {
        if !self.states[choice].open.as_ref().is_some_and(|open| fits(&open.part)) {
            self.close(choice);
            if self.states[choice].cut {
                return;
            }
            self.states[choice].open = Some(OpenPart { part: another(), growing: Growing::default(), shown: false });
        }
        self.advance(choice, more, false);
    }

    /// Shows as much of the part that grows as the limits are sure to allow.
    fn advance(&mut self, choice: usize, more: &str, ended: bool) {
        let state = &mut self.states[choice];
        let Some(open) = &mut state.open else { return };
        let stops = matches!(open.part, Part::Text(_) | Part::Refusal(_));
        let mut unlimited = Limits::none();
        let limits = if matches!(open.part, Part::Reasoning(_)) { &mut unlimited } else { &mut state.limits };
        let (shown, finish) = open.growing.grow(more, limits, stops, ended);
        let shown = shown.to_string();
        // Nothing visible is left of a message that was cut before its first token; one that is empty is shown.
        if !shown.is_empty() || finish == Some(Finish::Stop) || (ended && finish.is_none()) {
            self.show(choice);
            let at = self.choices[choice].parts.len().saturating_sub(1);
            if let (false, Some(text)) =
                (shown.is_empty(), self.choices[choice].parts.get_mut(at).and_then(Part::text_mut))
            {
                let from = text.len();
                text.push_str(&shown);
                self.steps.push_back(Step::Grown(choice, at, from..from + shown.len()));
            }
        }
        if let Some(finish) = finish {
            self.choices[choice].finish = Some(finish);
            self.states[choice].cut = true;
            self.ended(choice);
        }
    }

    /// Lets the part that grows begin, if it has not.
    fn show(&mut self, choice: usize) {
        let Some(open) = self.states[choice].open.as_mut().filter(|open| !open.shown) else { return };
        open.shown = true;
        self.choices[choice].parts.push(open.part.clone());
        self.steps.push_back(Step::Begun(choice, self.choices[choice].parts.len() - 1));
    }

    /// No more of the part that grows will come.
    fn close(&mut self, choice: usize) {
        self.advance(choice, "", true);
        self.ended(choice);
    }

    fn ended(&mut self, choice: usize) {
        if self.states[choice].open.take().is_some_and(|open| open.shown) {
            self.steps.push_back(Step::Ended(choice, self.choices[choice].parts.len() - 1));
        }
    }

    /// A part that came whole, as far as the limits allow it.
    fn whole(&mut self, choice: usize, part: Part) -> Result<(), ApiError> {
        if self.states[choice].cut {
            return Ok(());
        }
        if let Part::ToolCall(call) = &part {
            self.called(choice, call)?;
        }
        let (shown, finish) = match self.states[choice].limits.cut(&part) {
            Some((shorter, finish)) => (shorter, Some(finish)),
            None => (Some(part), None),
        };
        let parts = &mut self.choices[choice].parts;
        if let Some(part) = shown {
            parts.push(part);
            self.steps.push_back(Step::Part(choice, parts.len() - 1));
        }
        if finish.is_some() {
            self.choices[choice].finish = finish;
            self.states[choice].cut = true;
        }
        Ok(())
    }

    /// Whoever makes the reply is no longer needed when all that was asked is cut.
    fn settle(&mut self) {
        if self.states.len() == self.prompt.n.max(1) && self.states.iter().all(|state| state.cut) {
            self.arriving = None;
        }
    }

    /// Holds a call that begins against the request.
    fn called(&self, choice: usize, call: &ToolCall) -> Result<(), ApiError> {
        let before = self.choices[choice].parts.iter().filter(|part| matches!(part, Part::ToolCall(_))).count();
        match checker::forbidden_call(call, before, &self.prompt) {
            Some(difference) => self.refuse(difference),
            None => Ok(()),
        }
    }

    /// Whether the request's tool of this name is a custom one.
    fn offers_custom(&self, name: &str) -> bool {
        self.prompt.tools.iter().any(|tool| tool.kind == ToolKind::Custom && tool.name == name)
    }

    fn refuse(&self, difference: String) -> Result<(), ApiError> {
        match self.reply.overrides.unchecked {
            true => Ok(()),
            false => self.strictness.refuse(difference),
        }
    }

    /// Nothing more comes: what is left is shown, and all of it held against the request.
    fn end(&mut self) -> Result<(), ApiError> {
        self.arriving = None;
        self.over = true;
        (0..self.choices.len()).for_each(|choice| self.close(choice));
        // Fewer choices than asked: the last repeats.
        while let (true, Some(last)) = (self.choices.len() < self.prompt.n, self.choices.last()) {
            let choice = self.choices.len();
            self.steps.extend((0..last.parts.len()).map(|part| Step::Part(choice, part)));
            self.choices.push(last.clone());
        }
        let reply = self.reply();
        let size: usize = self.choices.iter().flat_map(|choice| &choice.parts).map(|part| part.text().len()).sum();
        if self.strictness.asks() {
            let found = runtime::aside(size, || checker::mismatch(&reply, &self.prompt, &self.budget));
            if let Some(difference) = found.map_err(|spent| spent.to_api_error())? {
                self.refuse(difference)?;
            }
        }
        self.strictness.exchange.note(|record| record.said = Said::Reply(Arc::new(reply)));
        Ok(())
    }
}

/// A piece that nothing can be made of.
fn broken(why: String) -> ApiError {
    ApiError::emulator("reply_function_failed", format!("The pieces of the reply make no reply: {why}."))
}

/// What goes on with this call is not of its kind.
fn of_another_kind(call: &ToolCall) -> String {
    let name = &call.name;
    match call.custom {
        true => format!("argumentsDelta came for `{name}`, a custom tool: give inputDelta"),
        false => format!(
            "inputDelta came for `{name}`, whose call was begun as one of a function: give argumentsDelta, or begin it \
             with inputDelta beside its name"
        ),
    }
}
