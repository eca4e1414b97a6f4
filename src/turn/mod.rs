//! The turn: one Prompt goes in, some [`Responder`] gives the Reply.
//!
//! What is common to all of them stands here: what a responder sees ([`Turn`]) and gives ([`Found`]), whether the prompt
//! fits the model, and checks, limits and delivery of the reply, for every endpoint alike.

pub(crate) mod accepted;
pub(crate) mod answer;
mod arriving;
#[cfg(test)]
pub(crate) mod arriving_tests;
mod asking;
pub(crate) mod call;
pub(crate) mod check;
mod context;
mod filled;
mod found;
pub(crate) mod lane;
pub(crate) mod limit;
pub(crate) mod models;
pub(crate) mod usage;
pub(crate) mod within;

use crate::budget::{self, Budget};
use crate::clock;
use crate::log;
use crate::options::{LogLevel, Profile, Validation};
use crate::prompt::Prompt;
use crate::reply::Choice;
use crate::reply::Overrides;
use crate::reply::Raw;
use crate::reply::RawBody;
use crate::reply::Reply;
use crate::reply::Say;
use crate::reply::fault::{Fault, FaultKind};
use crate::reply::pace::{Chunk, Pace, Schedule};
use crate::runtime;
use crate::script::Check;
use crate::session::exchange::Exchange;
use crate::session::exchange::Said;
use crate::tokens::{self, Encoding};
use crate::turn::answer::Answer;
use crate::turn::answer::Body;
use crate::turn::answer::Delivery;
use crate::turn::call::Call;
use crate::turn::check as checker;
use crate::turn::models::Model;
use crate::turn::models::Whole;
use crate::wire::error::ApiError;
use crate::wire::event::Events;
use bytes::Bytes;
use serde_json::Value;
use std::sync::Arc;
use std::time::Duration;

pub(crate) use arriving::{Driver, Step};
pub(crate) use asking::{Answering, Responder, Response, Turn};
pub(crate) use context::context_length;
pub(crate) use found::{Found, Over};

/// A reply found for a prompt, ready to be rendered.
pub(crate) struct Spoken {
    /// What the model says; its `say` is `Choices` for text operations.
    pub reply: Arc<Reply>,
    /// Number of choices to show.
    pub choices: usize,
    /// It is still coming; only when the prompt asks for a stream.
    /// Boxed: most replies are ready.
    pub arriving: Option<Box<Driver>>,
    /// How texts are cut into deltas.
    pub chunk: Chunk,
    pub encoding: Encoding,
    /// Rules of the model asked.
    pub model: Model,
    /// The model's name in the answer.
    pub model_name: String,
    /// The error a scripted fault `error` ends an unstreamed answer with.
    pub failed: Option<ApiError>,
}

impl Spoken {
    /// The choice at this place; fewer than asked: the last repeats.
    pub(crate) fn choice(&self, index: usize) -> &Choice {
        static NOTHING: std::sync::OnceLock<Choice> = std::sync::OnceLock::new();
        match &self.reply.say {
            Say::Choices(choices) if !choices.is_empty() => &choices[index.min(choices.len() - 1)],
            _ => NOTHING.get_or_init(Choice::default),
        }
    }

    /// Bytes of all its choices' texts, as far as they are known.
    fn size(&self) -> usize {
        let parts = (0..self.choices).flat_map(|index| &self.choice(index).parts);
        parts.map(|part| part.text().len()).sum()
    }

    /// The reply was still arriving and is whole now.
    pub(crate) fn arrived(&mut self, reply: Reply) {
        self.arriving = None;
        self.reply = Arc::new(reply);
    }

    pub(crate) fn overrides(&self) -> &Overrides {
        &self.reply.overrides
    }

    /// The body that a test wrote out; else null.
    pub(crate) fn written(&self) -> &Value {
        self.overrides().verbatim.as_ref().map_or(&Value::Null, |verbatim| &verbatim.body)
    }
}

/// A turn in its wire form.
pub(crate) enum Rendered {
    Json(Bytes),
    Events(Box<dyn Events>),
}

/// Refuses a prompt that exceeds the model's context window, or leaves its oldest messages out where it allows that;
/// small ones are not even counted.
pub(crate) fn fit(call: &Call, prompt: &mut Prompt, model: &Model) -> Result<(), ApiError> {
    let asked = prompt.max_tokens.unwrap_or(0);
    let text = prompt.size() + 16 * prompt.messages.len();
    // No text has more tokens than bytes.
    if call.emulator.settings.validation != Validation::Full
        || (text as u64).saturating_add(asked) <= model.context_window
    {
        return Ok(());
    }
    runtime::aside(text, || fit_counted(call, prompt, model))
}

/// As [`fit`], after a look at every token.
fn fit_counted(call: &Call, prompt: &mut Prompt, model: &Model) -> Result<(), ApiError> {
    let encoding = call.encoding(model);
    if prompt.separate {
        let longest = prompt.messages.iter().map(|message| tokens::count(encoding, &message.text()) as u64).max();
        return context_length(model, longest.unwrap_or(0), prompt.max_tokens, prompt.dialect);
    }
    let mut counted = usage::prompt_tokens(prompt, model, prompt.dialect, encoding).prompt;
    while counted > model.context_window && prompt.drop_oldest(counted - model.context_window, encoding) {
        counted = usage::prompt_tokens(prompt, model, prompt.dialect, encoding).prompt;
    }
    context_length(model, counted, prompt.max_tokens, prompt.dialect)
}

/// A reply of a kind that this operation cannot send.
pub(crate) fn cannot_answer(call: &Call, instead: &str) -> ApiError {
    let operation = call.operation.name;
    let message = format!("The rule that matched has a reply that cannot answer {operation}: give it {instead}.");
    ApiError::emulator("reply_cannot_answer", message)
}

/// Turns what was found into an answer.
pub(crate) async fn conclude(
    call: &Call,
    prompt: &Prompt,
    model: Model,
    mut found: Found,
    render: impl FnOnce(&Prompt, Spoken) -> Result<Rendered, ApiError>,
) -> Result<Answer, ApiError> {
    match &found.reply.say {
        Say::Error(error) => {
            note(call, &found.reply);
            let error = error.to_api_error(&call.occasion());
            let delivery = delivery(call, prompt, &found, &Vec::new);
            return Ok(Answer { delivery, ..Answer::ok(Body::Error(error)) });
        }
        Say::Raw(raw) => {
            note(call, &found.reply);
            let delivery = delivery(call, prompt, &found, &Vec::new);
            return Ok(raw_answer(raw, delivery));
        }
        Say::Choices(_) => {}
        _ => {
            return Err(cannot_answer(call, "text, tool calls, `raw` or `error`"));
        }
    }
    let written = found.reply.overrides.verbatim.as_ref().map(|_| as_written(prompt, &found.reply));
    let prompt = written.as_ref().unwrap_or(prompt);
    let encoding = call.encoding(&model);
    let strictness = Strictness::of(call, found.scripted);
    let mut arriving = found.arriving.take().map(|arriving| {
        let reply = found.reply.clone();
        Box::new(Driver::new(*arriving, prompt, reply, encoding, strictness.clone(), call.budget.clone()))
    });
    match arriving.take_if(|_| !prompt.stream) {
        // What it cuts and checks needs neither again.
        Some(arriving) => found.reply = Arc::new(Box::pin(arriving.collect()).await?),
        None if arriving.is_some() => {}
        None => {
            check(call, prompt, &found.reply, &strictness).await?;
            if let Some(shorter) = limit::obey(&found.reply, prompt, encoding) {
                found.reply = Arc::new(shorter);
            }
        }
    }
    note(call, &found.reply);
    let model_name = found.reply.overrides.model.clone().unwrap_or_else(|| call.shown_model(&prompt.model, &model));
    let chunk = chunk(call, prompt, &model, &found);
    let failed = match &found.fault {
        Some(Fault { kind: FaultKind::Error(error), .. }) if !prompt.stream => {
            Some(error.to_api_error(&call.occasion()))
        }
        _ => None,
    };
    let delivery = delivery(call, prompt, &found, &|| found.reply.tokens(prompt.n, &chunk, encoding));
    let headers = found.reply.overrides.headers.clone();
    let verbatim = found.reply.overrides.verbatim.clone();
    let turn =
        Spoken { reply: found.reply, choices: prompt.n.max(1), arriving, chunk, encoding, model, model_name, failed };
    // Short requests may ask for long answers, or many.
    let size = turn.size();
    let scores = scores(prompt, size);
    call.budget.spend(size as u64 / WRITTEN).map_err(|spent| spent.to_api_error())?;
    let scored = call.budget.spend(scores.saturating_mul(SCORE));
    scored.map_err(|spent| spent.at(|| "Such a list of log probabilities".into(), "logprobs").to_api_error())?;
    let size = size + scores as usize * SCORED;
    let body = match runtime::aside(size, || render(prompt, turn))? {
        Rendered::Json(bytes) => Body::Json(match &verbatim {
            Some(verbatim) => filled::fill(bytes, &verbatim.body),
            None => bytes,
        }),
        Rendered::Events(events) => Body::Events(events),
    };
    let status = verbatim.map_or(200, |verbatim| verbatim.status);
    Ok(Answer { status, headers, body, delivery })
}

/// What is asked of a body that a test wrote out: all that it says, and no more.
fn as_written(prompt: &Prompt, reply: &Reply) -> Prompt {
    let n = match &reply.say {
        Say::Choices(choices) => choices.len(),
        _ => 1,
    };
    Prompt { n, stop: Vec::new(), max_tokens: None, ..prompt.clone() }
}

/// Bytes of an answer that are written in a step.
const WRITTEN: u64 = 16;

/// Steps of a log probability, and its bytes: of 20 alternatives a token each takes a kilobyte before it is written.
const SCORE: u64 = 25;
const SCORED: usize = 64;

/// About how many log probabilities stand in an answer with texts of so many bytes: a token has some four.
fn scores(prompt: &Prompt, size: usize) -> u64 {
    let Some(top) = prompt.logprobs else { return 0 };
    // Prompts that are answered one by one, and said again before their answers.
    let each = prompt.n.max(1) / prompt.messages.len().max(1);
    let said = if prompt.body["echo"] == true { prompt.size().saturating_mul(each.max(1)) } else { 0 };
    (size.saturating_add(said) as u64 / 4).saturating_mul(1 + u64::from(top))
}

/// How texts are cut into the pieces of a stream.
pub(crate) fn chunk(call: &Call, prompt: &Prompt, model: &Model, found: &Found) -> Chunk {
    if prompt.logprobs.is_some() {
        // Every piece carries its own log probability.
        return Chunk::Tokens(1);
    }
    pace(call, prompt, found).chunk.unwrap_or(match model.whole(&prompt.body) {
        Whole::Nothing => Chunk::Tokens(1),
        _ => Chunk::Tokens(usize::MAX),
    })
}

/// The pace in force: the reply's, then the body's, the session's, the emulator's.
fn pace(call: &Call, prompt: &Prompt, found: &Found) -> Pace {
    let mut pace = found.pace.clone();
    for general in
        [prompt.pace.as_ref(), call.defaults.pace.as_ref(), Some(&call.emulator.settings.pace)].into_iter().flatten()
    {
        pace = pace.or(general);
    }
    pace
}

/// When and how the bytes leave. `pieces` = tokens of an unstreamed answer's pieces: it takes the time its stream would.
pub(crate) fn delivery(
    call: &Call,
    prompt: &Prompt,
    found: &Found,
    pieces: &dyn Fn() -> Vec<u32>,
) -> Option<Box<Delivery>> {
    let pace = pace(call, prompt, found);
    let hold = pace.hold.clone();
    let schedule = Schedule::new(&pace, &mut call.random.fork("pace"));
    let mut fault = found.fault.clone();
    if !prompt.stream && matches!(fault, Some(Fault { kind: FaultKind::Error(_), .. })) {
        fault = None; // the renderer makes it the answer itself
    }
    let keep_alive = pace.keep_alive_ms.map(clock::milliseconds);
    if schedule.is_empty() && fault.is_none() && hold.is_none() && keep_alive.is_none() {
        return None;
    }
    let in_pieces = match &found.reply.say {
        Say::Raw(raw) => matches!(raw.body, RawBody::Sse(_) | RawBody::Chunks(_) | RawBody::Passing(_)),
        _ => prompt.stream,
    };
    let wait = if in_pieces { Duration::ZERO } else { clock::milliseconds(schedule.total(&pieces())) };
    let error = match &fault {
        Some(Fault { kind: FaultKind::Error(error), .. }) => Some(error.to_api_error(&call.occasion())),
        _ => None,
    };
    Some(Box::new(Delivery { wait, schedule, hold, keep_alive, fault, error }))
}

pub(crate) fn raw_answer(raw: &Raw, delivery: Option<Box<Delivery>>) -> Answer {
    Answer { status: raw.status, headers: raw.headers.clone(), body: Body::Raw(raw.body.clone()), delivery }
}

/// What becomes of a reply that the request forbids.
#[derive(Clone)]
pub(crate) struct Strictness {
    level: Check,
    /// A warning is written.
    warns: bool,
    profile: Profile,
    /// The operation is routed by its model: see [`crate::wire::error::Occasion`].
    routes_by_model: bool,
    exchange: Arc<Exchange>,
}

impl Strictness {
    /// As the settings of a call say. Only what a test wrote is held against the request.
    fn of(call: &Call, scripted: bool) -> Self {
        let level = call.defaults.check_replies.unwrap_or(call.emulator.settings.check_replies);
        Strictness {
            level: if scripted { level } else { Check::Off },
            warns: call.emulator.settings.log_level != LogLevel::Error,
            profile: call.emulator.settings.profile,
            routes_by_model: call.operation.edge.routes_by_model,
            exchange: call.exchange.clone(),
        }
    }

    /// Whether anybody wants to know.
    fn asks(&self) -> bool {
        self.level != Check::Off
    }

    /// The reply differs like this from all that the request allows.
    fn refuse(&self, difference: String) -> Result<(), ApiError> {
        match self.level {
            Check::Off => return Ok(()),
            Check::Warn if self.warns => {
                log::warn(&format!("the scripted reply does not fit the request: {difference}"))
            }
            Check::Warn => {}
            Check::Fail => {
                let message = format!("The scripted reply does not fit the request: {difference}");
                self.exchange.note(|record| record.explanation = Some(difference));
                return Err(ApiError::emulator("script_mismatch", message));
            }
        }
        Ok(())
    }
}

/// Refuses a reply that stands in for what the emulator computes, if the request forbids it; `scripted` = a test wrote it.
///
/// # Errors
/// As of any reply, where the settings say so.
pub(crate) async fn check_instead(
    call: &Call,
    prompt: &Prompt,
    reply: &Arc<Reply>,
    scripted: bool,
) -> Result<(), ApiError> {
    check(call, prompt, reply, &Strictness::of(call, scripted)).await
}

/// Refuses a scripted reply that the request forbids, unless the settings let it pass.
async fn check(call: &Call, prompt: &Prompt, reply: &Arc<Reply>, strictness: &Strictness) -> Result<(), ApiError> {
    if !strictness.asks() || reply.overrides.unchecked {
        return Ok(());
    }
    let reply = reply.clone();
    let job = move |prompt: &Prompt, budget: &Budget| checker::mismatch(&reply, prompt, budget);
    match budget::work(&call.budget, prompt, job).await? {
        Some(difference) => strictness.refuse(difference),
        None => Ok(()),
    }
}

/// Writes into the journal what the model said.
pub(crate) fn note(call: &Call, reply: &Arc<Reply>) {
    call.exchange.note(|record| record.said = Said::Reply(reply.clone()));
}
