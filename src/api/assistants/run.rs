//! A run: what it is at a time of the session's clock.

use crate::clock::Clock;
use crate::session::Session;
use crate::session::jobs::Job;
use crate::wire::error::ApiError;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use std::time::Duration;

/// How long a run may take, and wait for the outputs of tools.
pub(super) const LIFE: Duration = Duration::from_secs(600);

/// A run of a thread.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct Run {
    /// As it is shown.
    pub object: Value,
    /// Oldest first.
    pub steps: Vec<Value>,
    /// What time does to it; a stream has its own time.
    pub job: Option<Job>,
    /// What has to be released before it ends.
    pub hold: Option<String>,
    /// What comes of it when its time is over.
    pub pending: Option<RunEnding>,
    /// Time since the clock's start at which it expires.
    pub expires: Duration,
    /// What the step will have used that waits for outputs.
    pub owed: Value,
}

/// What comes of a run: its end, or that it needs the outputs of tools.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub(super) struct RunEnding {
    pub status: String,
    /// Unix seconds.
    pub at: u64,
    pub steps: Vec<Value>,
    pub messages: Vec<Value>,
    pub required_action: Value,
    pub last_error: Value,
    pub incomplete_details: Value,
    pub owed: Value,
}

impl RunEnding {
    /// An end that says nothing.
    pub(super) fn end(status: &str, at: u64) -> Self {
        RunEnding { status: status.into(), at, ..RunEnding::default() }
    }

    /// It comes at this time, in unix seconds.
    pub(super) fn ends(&mut self, at: u64) {
        self.at = at;
        for done in self.steps.iter_mut().chain(&mut self.messages) {
            if done["completed_at"].is_u64() {
                done["completed_at"] = at.into();
            }
        }
    }
}

/// `last_error` of a run that an error of the model's ended.
pub(super) fn last_error(error: &ApiError) -> Value {
    let code = match error.status {
        429 => "rate_limit_exceeded",
        400..=499 => "invalid_prompt",
        _ => "server_error",
    };
    json!({"code": code, "message": error.message})
}

impl Run {
    pub(super) fn id(&self) -> &str {
        self.object["id"].as_str().unwrap_or_default()
    }

    pub(super) fn status(&self) -> &str {
        self.object["status"].as_str().unwrap_or_default()
    }

    /// Whether nothing else may happen in its thread.
    pub(super) fn is_active(&self) -> bool {
        matches!(self.status(), "queued" | "in_progress" | "requires_action" | "cancelling")
    }

    fn is_held(&self, session: &Session) -> bool {
        self.hold.as_ref().is_some_and(|name| !session.released.borrow().contains(name))
    }

    /// It is at work.
    pub(super) fn begin(&mut self) {
        self.object["status"] = "in_progress".into();
        if self.object["started_at"].is_null() {
            self.object["started_at"] = self.object["created_at"].clone();
        }
    }

    /// It becomes what it is now; gives the messages that came of it.
    pub(super) fn look(&mut self, session: &Session) -> Vec<Value> {
        let clock = &session.clock;
        if self.is_active() && self.job.is_none() && clock.now() >= self.expires {
            return self.take(RunEnding::end("expired", clock.unix().as_secs()));
        }
        let Some(job) = &self.job else { return Vec::new() };
        let held = self.is_held(session);
        let state = job.state(clock).or(held.then_some("in_progress")).map(str::to_string);
        match state.as_deref() {
            Some("in_progress") => self.begin(),
            Some(_) => {}
            None => {
                self.job = None;
                let outcome = self.pending.take().unwrap_or_default();
                return self.take(outcome);
            }
        }
        Vec::new()
    }

    /// It has come to this; gives the messages that came of it.
    pub(super) fn take(&mut self, outcome: RunEnding) -> Vec<Value> {
        self.begin();
        let run = &mut self.object;
        run["status"] = outcome.status.as_str().into();
        run["required_action"] = outcome.required_action;
        run["last_error"] = outcome.last_error;
        run["incomplete_details"] = outcome.incomplete_details;
        self.steps.extend(outcome.steps);
        self.owed = outcome.owed;
        let stamp = format!("{}_at", outcome.status);
        if matches!(outcome.status.as_str(), "completed" | "failed" | "cancelled") {
            run[&stamp] = outcome.at.into();
        }
        if outcome.status != "requires_action" {
            if outcome.status != "expired" {
                run["expires_at"] = Value::Null;
            }
            for step in self.steps.iter_mut().filter(|step| step["status"] == "in_progress") {
                step["status"] = outcome.status.as_str().into();
                step[&stamp] = outcome.at.into();
            }
            run["usage"] = sum(self.steps.iter().map(|step| &step["usage"]));
        }
        outcome.messages
    }

    /// It is stopped, unless it is over.
    ///
    /// # Errors
    /// As users report it of a run that is over.
    pub(super) fn cancel(&mut self, session: &Session) -> Result<(), ApiError> {
        let clock: &Clock = &session.clock;
        let runs = match &self.job {
            Some(job) => job.runs(clock) || self.is_held(session),
            None => matches!(self.status(), "in_progress" | "requires_action") && clock.now() < self.expires,
        };
        if !runs {
            self.look(session);
            return Err(ApiError::invalid(format!("Cannot cancel run with status '{}'.", self.status())));
        }
        self.begin();
        self.object["status"] = "cancelling".into();
        self.hold = None;
        self.pending = Some(RunEnding::end("cancelled", clock.unix().as_secs()));
        self.job = Some(Job::new(clock.now(), &[("cancelling", Duration::ZERO)]));
        Ok(())
    }
}

/// The usage of some steps together.
fn sum<'a>(usages: impl Iterator<Item = &'a Value>) -> Value {
    let mut numbers = [0; 5];
    for usage in usages {
        for (number, place) in numbers.iter_mut().zip(PLACES) {
            *number += usage.pointer(place).and_then(Value::as_u64).unwrap_or_default();
        }
    }
    usage(numbers)
}

/// Where the numbers stand that [`usage`] puts there.
const PLACES: [&str; 5] = [
    "/prompt_tokens",
    "/completion_tokens",
    "/total_tokens",
    "/prompt_token_details/cached_tokens",
    "/completion_tokens_details/reasoning_tokens",
];

/// `usage` of a run or a step.
pub(super) fn usage([prompt, completion, total, cached, reasoning]: [u64; 5]) -> Value {
    json!({
        "prompt_tokens": prompt, "completion_tokens": completion, "total_tokens": total,
        "prompt_token_details": {"cached_tokens": cached},
        "completion_tokens_details": {"reasoning_tokens": reasoning},
    })
}
