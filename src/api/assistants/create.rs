//! Runs that are set going: created, created with their thread, and gone on with when functions gave their outputs.

use super::narrate::{Narrator, Telling};
use super::resources::{self, Made};
use super::run::{LIFE, Run, RunEnding, last_error};
use super::stream::RunEvents;
use super::thread::{self, Thread};
use super::{ask, assistant, given, messages, metadata, runs};
use crate::api::infer;
use crate::api::vector_stores::search::FileSearch;
use crate::prompt::Prompt;
use crate::reply::pace::{Pace, Schedule};
use crate::session::jobs::Job;
use crate::turn::answer::{Answer, Body, pretty};
use crate::turn::call::{Call, HandlerFuture};
use crate::turn::{Rendered, Spoken};
use crate::wire::error::ApiError;
use crate::wire::ids;
use crate::wire::value::Holds;
use serde_json::{Value, json};
use std::time::Duration;

pub(super) fn create(call: Call) -> HandlerFuture {
    Box::pin(async move {
        let mut thread = thread::find(&call).await?;
        let assistant = assistant_of(&call).await?;
        is_free(&thread)?;
        let mut random = call.random.fork("run");
        let more = messages::all(&call.body, "additional_messages", &thread.id, &mut random, call.created());
        thread.messages.extend(more.iter().cloned());
        let run = run(&call, &thread, &assistant);
        let asked = thread.messages.iter().any(|message| message["role"] == "user");
        if !asked && run.object["instructions"].as_str().is_none_or(str::is_empty) {
            // Recording 658fedd813ce3581.
            let message = "Run creation requires a Thread with a user message or an assistant with instructions.";
            return Err(ApiError::invalid(message).code("invalid_thread"));
        }
        let opening = [("thread.run.created", run.object.clone())];
        let made = resources::attached(&call, thread.tool_resources.clone(), &more).await?;
        thread.tool_resources = made.resources.clone();
        let (answer, run) = match turn(&call, &thread, run, &opening).await {
            Ok((answer, Some(run))) => (answer, run),
            other => return undone(&call, &made, other).await,
        };
        let add = |thread: &mut Thread| {
            is_free(thread)?;
            resources::join(&mut thread.tool_resources, &made.resources);
            thread.messages.extend(more.iter().cloned());
            thread.runs.push(run.clone());
            thread.check_room(&call)
        };
        made.stays_if(&call, thread::change(&call, add).await).await?;
        Ok(answer)
    })
}

pub(super) fn create_and_run(call: Call) -> HandlerFuture {
    Box::pin(async move {
        let assistant = assistant_of(&call).await?;
        let (mut thread, made) = Thread::begin(&call, &call.body["thread"]).await?;
        let run = run(&call, &thread, &assistant);
        let opening = [("thread.created", thread.object()), ("thread.run.created", run.object.clone())];
        let (answer, run) = match turn(&call, &thread, run, &opening).await {
            Ok((answer, Some(run))) => (answer, run),
            other => return undone(&call, &made, other).await,
        };
        thread.runs.push(run);
        let kept = match thread.check_room(&call) {
            Ok(()) => call.session.store.put(&thread.id, &thread).await,
            Err(error) => Err(error),
        };
        made.stays_if(&call, kept).await?;
        Ok(answer)
    })
}

pub(super) fn submit_tool_outputs(call: Call) -> HandlerFuture {
    Box::pin(async move {
        let thread = thread::find(&call).await?;
        let mut run = thread.run(call.param("run_id"))?.clone();
        waits(&run)?;
        let step = fill(&mut run, &call)?;
        run.object["status"] = "queued".into();
        run.object["required_action"] = Value::Null;
        let opening: Vec<_> = step.map(|step| ("thread.run.step.completed", step)).into_iter().collect();
        let (answer, run) = turn(&call, &thread, run, &opening).await?;
        let Some(run) = run else { return Ok(answer) };
        let go_on = |thread: &mut Thread| {
            let known = thread.run_mut(call.param("run_id"))?;
            waits(known)?;
            *known = run.clone();
            thread.check_room(&call)
        };
        thread::change(&call, go_on).await?;
        Ok(answer)
    })
}

/// The answer of a turn that brings no run: what was made for it goes.
async fn undone(call: &Call, made: &Made, turned: Turned) -> Result<Answer, ApiError> {
    made.undo(call).await;
    turned.map(|(answer, _)| answer)
}

async fn assistant_of(call: &Call) -> Result<Value, ApiError> {
    assistant::find(call, call.body["assistant_id"].as_str().unwrap_or_default()).await
}

/// Refuses a second run at the same time, as users report it.
fn is_free(thread: &Thread) -> Result<(), ApiError> {
    let Some(run) = thread.active() else { return Ok(()) };
    Err(ApiError::invalid(format!("Thread {} already has an active run {}.", thread.id, run.id())))
}

/// Refuses outputs that nobody waits for (recording d7ad0d0992fa5906).
fn waits(run: &Run) -> Result<(), ApiError> {
    match run.status() {
        "requires_action" => Ok(()),
        status => Err(ApiError::invalid(format!("Runs in status \"{status}\" do not accept tool outputs."))),
    }
}

/// A new run, as the body and its assistant say.
fn run(call: &Call, thread: &Thread, assistant: &Value) -> Run {
    let body = &*call.body;
    let or = |field: &str| assistant::or(body, assistant, field);
    let own = |field: &str| given(body, field).cloned().unwrap_or(Value::Null);
    let more = given(body, "additional_instructions").and_then(Value::as_str);
    let instructions = match (or("instructions"), more) {
        (Value::String(said), Some(more)) => format!("{said} {more}").into(),
        (_, Some(more)) => more.into(),
        (said, None) => said,
    };
    let truncation = match given(body, "truncation_strategy") {
        Some(strategy) => json!({"type": strategy["type"], "last_messages": strategy["last_messages"]}),
        None => json!({"type": "auto", "last_messages": null}),
    };
    let object = json!({
        "id": ids::plain("run_", &mut call.random.fork("run id")), "object": "thread.run",
        "created_at": call.created(), "assistant_id": assistant["id"], "thread_id": thread.id, "status": "queued",
        "started_at": null, "expires_at": call.created() + LIFE.as_secs(), "cancelled_at": null, "failed_at": null,
        "completed_at": null, "required_action": null, "last_error": null, "model": or("model"),
        "instructions": instructions, "tools": or("tools"),
        "tool_resources": resources::shown(if own("tool_resources").is_null() { assistant } else { body }, &or("tools")),
        "metadata": metadata(body),
        "temperature": or("temperature"), "top_p": or("top_p"), "reasoning_effort": or("reasoning_effort"),
        "max_completion_tokens": own("max_completion_tokens"), "max_prompt_tokens": own("max_prompt_tokens"),
        "truncation_strategy": truncation, "incomplete_details": null, "usage": null,
        "response_format": or("response_format"),
        "tool_choice": given(body, "tool_choice").cloned().unwrap_or_else(|| "auto".into()),
        "parallel_tool_calls": body["parallel_tool_calls"].as_bool().unwrap_or(true),
    });
    let expires = call.session.clock.now().saturating_add(LIFE);
    Run { object, steps: Vec::new(), job: None, hold: None, pending: None, expires, owed: Value::Null }
}

/// Puts the outputs of its functions into the step that waits for them, which is over then.
///
/// # Errors
/// When not all of them are there, as users report it.
fn fill(run: &mut Run, call: &Call) -> Result<Option<Value>, ApiError> {
    let given: Vec<(&str, &Value)> = call.body["tool_outputs"]
        .elements()
        .map(|output| (output["tool_call_id"].as_str().unwrap_or_default(), &output["output"]))
        .collect();
    let owed = std::mem::take(&mut run.owed);
    let Some(step) = run.steps.iter_mut().find(|step| step["status"] == "in_progress") else { return Ok(None) };
    let Some(calls) = step["step_details"]["tool_calls"].as_array_mut() else { return Ok(None) };
    let named = |ids: Vec<&str>| ids.iter().map(|id| format!("'{id}'")).collect::<Vec<_>>().join(", ");
    let expected: Vec<&str> = calls.iter().filter_map(|call| call["id"].as_str()).collect();
    if given.len() != expected.len() || !given.iter().all(|(id, _)| expected.contains(id)) {
        let got = named(given.iter().map(|(id, _)| *id).collect());
        let message = format!("Expected tool outputs for call_ids [{}], got [{got}]", named(expected));
        return Err(ApiError::invalid(message));
    }
    for call in calls {
        let output = given.iter().find(|(id, _)| call["id"] == *id).map(|(_, output)| (*output).clone());
        call["function"]["output"] = output.unwrap_or(Value::Null);
    }
    step["status"] = "completed".into();
    step["completed_at"] = call.created().into();
    step["usage"] = owed;
    Ok(Some(step.clone()))
}

/// What the file search of a run may find, and where it looks: into the stores of its assistant and of its thread.
async fn search(call: &Call, thread: &Thread, run: &Run) -> (Option<FileSearch>, Vec<String>) {
    let mut tools = run.object["tools"].elements();
    let Some(tool) = tools.find(|tool| tool["type"] == "file_search") else { return (None, Vec::new()) };
    let mut ids = Vec::new();
    for resources in [&run.object["tool_resources"], &thread.tool_resources] {
        for id in resources::held(resources, "file_search", "vector_store_ids") {
            if !ids.contains(&id) {
                ids.push(id);
            }
        }
    }
    let search = FileSearch::among(call, &ids, &tool["file_search"]).await;
    (search, ids.into_iter().map(String::from).collect())
}

/// An answer, and the run as it is kept; `None` = something else is the answer, and there is no such run.
type Turned = Result<(Answer, Option<Run>), ApiError>;

/// Asks for the reply to a run, and answers with the run or its events.
async fn turn(call: &Call, thread: &Thread, run: Run, opening: &[(&'static str, Value)]) -> Turned {
    let mut prompt = ask::prompt(call, thread, &run);
    let (search, searched) = search(call, thread, &run).await;
    let telling = Telling {
        run: run.clone(),
        now: call.created(),
        random: call.random.fork("steps"),
        counter: call.counter(),
        search,
        searched,
        exchange: call.exchange.clone(),
        contents: runs::shows_contents(call),
    };
    let mut pending = None;
    let render = |prompt: &Prompt, mut spoken: Spoken| {
        let mut narrator = Narrator::new(telling, prompt, &spoken);
        for (name, data) in opening {
            narrator.tell(name, data);
        }
        narrator.begin();
        let arriving = spoken.arriving.take();
        if arriving.is_none() && spoken.failed.is_none() {
            narrator.choice(spoken.choice(0));
            narrator.count_uses();
        }
        if prompt.stream {
            pending = Some(RunEnding::default());
            return Ok(Rendered::Events(Box::new(RunEvents::new(narrator, arriving, call.session.clone()))));
        }
        pending = Some(match &spoken.failed {
            Some(error) => RunEnding { last_error: last_error(error), ..RunEnding::end("failed", call.created()) },
            None => narrator.outcome().clone(),
        });
        Ok(Rendered::Json(pretty(&run.object, false)))
    };
    let mut answer = infer::infer(call, &mut prompt, render).await?;
    let Some(mut outcome) = pending else { return Ok((answer, None)) };
    let mut kept = run;
    if matches!(answer.body, Body::Events(_)) {
        kept.begin();
        return Ok((answer, Some(kept)));
    }
    // The answer comes at once; the run is over when it would have come.
    let delivery = answer.delivery.take();
    let wait = delivery.as_ref().map_or(Duration::ZERO, |delivery| delivery.wait);
    kept.hold = delivery.as_ref().and_then(|delivery| Some(delivery.hold.as_ref()?.until.clone()));
    answer.delivery = delivery.filter(|delivery| delivery.fault.is_some()).map(|mut delivery| {
        delivery.wait = Duration::ZERO;
        delivery.schedule = Schedule::new(&Pace::default(), &mut call.random.fork("pace"));
        delivery.hold = None;
        delivery
    });
    outcome.ends(call.created() + wait.as_secs());
    kept.pending = Some(outcome);
    kept.job = Some(Job::new(call.session.clock.now(), &[("queued", Duration::ZERO), ("in_progress", wait)]));
    answer.headers.push(crate::turn::answer::poll_soon());
    Ok((answer, Some(kept)))
}
