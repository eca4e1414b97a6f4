//! `threads.runs`: what can be done with a run, and its steps.

use super::hosted::without_contents;
use super::metadata;
use super::run::Run;
use super::thread::{self, Thread};
use crate::api::list::{Order, Page};
use crate::turn::answer::Answer;
use crate::turn::call::{Call, HandlerFuture};
use crate::wire::error::ApiError;
use serde_json::Value;

/// A run as it is answered to somebody who may ask again.
pub(super) fn shown(run: &Value) -> Answer {
    Answer::polled(run, true)
}

/// The run the path names, as it is now.
async fn find(call: &Call) -> Result<Run, ApiError> {
    thread::find(call).await?.run(call.param("run_id")).cloned()
}

pub(super) fn retrieve(call: Call) -> HandlerFuture {
    Box::pin(async move { Ok(shown(&find(&call).await?.object)) })
}

pub(super) fn list(call: Call) -> HandlerFuture {
    Box::pin(async move {
        let runs = thread::find(&call).await?.runs.into_iter().map(|run| run.object).collect();
        Ok(Answer::json(&Page::asked(&call, runs, Order::NewestFirst)))
    })
}

/// `POST /threads/{id}/runs/{id}`: metadata (recording 75eb4299b609daf5 refuses it of a run at work).
pub(super) fn update(call: Call) -> HandlerFuture {
    Box::pin(async move {
        let set = |thread: &mut Thread| {
            let run = thread.run_mut(call.param("run_id"))?;
            if matches!(run.status(), "queued" | "in_progress" | "cancelling") {
                return Err(ApiError::invalid(format!("Cannot update run with status '{}'.", run.status())));
            }
            if call.body.get("metadata").is_some() {
                run.object["metadata"] = metadata(&call.body);
            }
            Ok(run.object.clone())
        };
        Ok(Answer::json(&thread::change(&call, set).await?))
    })
}

/// `POST …/cancel`: it is `cancelling` first, and `cancelled` at the next look (recording 314a71dd98dae3a5).
pub(super) fn cancel(call: Call) -> HandlerFuture {
    Box::pin(async move {
        let stop = |thread: &mut Thread| {
            let run = thread.run_mut(call.param("run_id"))?;
            run.cancel(&call.session)?;
            Ok(run.object.clone())
        };
        Ok(shown(&thread::blindly(&call, stop).await?))
    })
}

/// Whether a request includes the texts that file searches found.
pub(super) fn shows_contents(call: &Call) -> bool {
    call.queries("include").any(|field| field == "step_details.tool_calls[*].file_search.results[*].content")
}

/// The steps of the run the path names, as the request may see them.
async fn steps(call: &Call) -> Result<Vec<Value>, ApiError> {
    let steps = find(call).await?.steps;
    Ok(match shows_contents(call) {
        true => steps,
        false => steps.into_iter().map(without_contents).collect(),
    })
}

pub(super) fn list_steps(call: Call) -> HandlerFuture {
    Box::pin(async move {
        let steps = steps(&call).await?;
        Ok(Answer::json(&Page::asked(&call, steps, Order::NewestFirst)))
    })
}

pub(super) fn retrieve_step(call: Call) -> HandlerFuture {
    Box::pin(async move {
        let id = call.param("step_id");
        let step = steps(&call).await?.into_iter().find(|step| step["id"] == id);
        let step = step.ok_or_else(|| ApiError::new(404, format!("No run step found with id '{id}'.")))?;
        Ok(Answer::json(&step))
    })
}
