//! `fine_tuning.jobs`: training files are validated, jobs go through their states on the session's clock, and leave
//! events, checkpoints, a file of metrics and a model that answers.

mod course;
mod events;
mod job;
mod training;

use crate::api::list::{Order, Page};
use crate::session::Session;
use crate::session::store::{Stored, StoredKind};
use crate::turn::answer::Answer;
use crate::turn::call::{Call, HandlerFuture, Served};
use crate::wire::error::ApiError;
use job::TuningJob;
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// The operations of this resource.
pub(crate) const OPERATIONS: &[Served] = &[
    Served { name: "fine_tuning.jobs.create", handler: create },
    Served { name: "fine_tuning.jobs.retrieve", handler: retrieve },
    Served { name: "fine_tuning.jobs.list", handler: list },
    Served { name: "fine_tuning.jobs.cancel", handler: cancel },
    Served { name: "fine_tuning.jobs.pause", handler: pause },
    Served { name: "fine_tuning.jobs.resume", handler: resume },
    Served { name: "fine_tuning.jobs.list_events", handler: list_events },
    Served { name: "fine_tuning.jobs.checkpoints.list", handler: list_checkpoints },
];

/// Recording 27d79423bfbb3047.
fn unknown(id: &str) -> ApiError {
    ApiError::new(404, format!("Could not find fine tune: {id}")).param("fine_tune_id").code("fine_tune_not_found")
}

/// A job as it is now; what comes of it is written when it is first seen.
async fn look(session: &Session, id: &str) -> Option<TuningJob> {
    let look = |job: &mut TuningJob| (job.look(session), job.clone());
    let (ended, job) = session.store.change(id, look).await?;
    if !ended {
        return Some(job);
    }
    let file = job.results(session).await;
    let name = |job: &mut TuningJob| {
        job.shown["result_files"] = file.iter().map(|id| Value::from(id.as_str())).collect();
        job.clone()
    };
    session.store.change(id, name).await
}

async fn find(call: &Call) -> Result<TuningJob, ApiError> {
    let id = call.param("fine_tuning_job_id");
    look(&call.session, id).await.ok_or_else(|| unknown(id))
}

/// The models that came of a session's jobs and were not deleted, oldest first.
pub(crate) async fn models(session: &Session) -> Vec<String> {
    let name = |stored: &Stored| Some(stored.read::<TuningJob>()?.shown["fine_tuned_model"].as_str()?.to_string());
    let mut models = Vec::new();
    for job in session.store.all::<TuningJob>().await {
        if let Some(name) = name(&job)
            && !is_deleted(session, &name).await
        {
            models.push(name);
        }
    }
    models
}

/// What is kept of a model that was deleted, under its name: any name of a model's that was tuned leads to its base.
#[derive(Serialize, Deserialize)]
struct DeletedModel {}

impl StoredKind for DeletedModel {
    const NAME: &'static str = "fine_tuning.deleted_model";
}

/// Whether models of this name are tuned ones, which alone can be deleted: the others belong to OpenAI.
pub(crate) fn is_tuned(name: &str) -> bool {
    name.starts_with("ft:")
}

/// Deletes a model that was tuned.
///
/// # Errors
/// The session has no room to remember it.
pub(crate) async fn delete_model(session: &Session, name: &str) -> Result<(), ApiError> {
    session.store.put(name, &DeletedModel {}).await
}

/// Whether this model was deleted.
pub(crate) async fn is_deleted(session: &Session, name: &str) -> bool {
    is_tuned(name) && session.store.get::<DeletedModel>(name).await.is_some()
}

fn answer(job: &TuningJob) -> Answer {
    Answer::polled(&job.shown, !job.is_over())
}

fn create(call: Call) -> HandlerFuture {
    Box::pin(async move {
        let job = TuningJob::new(&call).await?;
        call.session.store.put(job.id(), &job).await?;
        Ok(answer(&job))
    })
}

fn retrieve(call: Call) -> HandlerFuture {
    Box::pin(async move { Ok(answer(&find(&call).await?)) })
}

fn list(call: Call) -> HandlerFuture {
    Box::pin(async move {
        for stored in call.session.store.all::<TuningJob>().await {
            look(&call.session, &stored.id).await;
        }
        let asked = |job: &Value| {
            let named = |(name, value): &(String, String)| {
                let key = name.strip_prefix("metadata[").and_then(|key| key.strip_suffix(']'));
                key.is_none_or(|key| job["metadata"][key] == **value)
            };
            call.query.iter().all(named) && (call.query("metadata") != Some("null") || job["metadata"].is_null())
        };
        let show = |stored: &Stored| Some(stored.read::<TuningJob>()?.shown).filter(asked);
        Ok(Answer::json(&Page::stored::<TuningJob>(&call, Order::NewestFirst, &show).await))
    })
}

async fn change(
    call: &Call,
    change: impl Fn(&mut TuningJob, &Session) -> Result<(), ApiError> + Send,
) -> Result<Answer, ApiError> {
    let id = call.param("fine_tuning_job_id");
    let changed = move |job: &mut TuningJob| change(job, &call.session).map(|()| job.clone());
    let job = call.session.store.update(id, changed).await.unwrap_or_else(|| Err(unknown(id)))?;
    Ok(answer(&job))
}

fn cancel(call: Call) -> HandlerFuture {
    Box::pin(async move { change(&call, TuningJob::cancel).await })
}

fn pause(call: Call) -> HandlerFuture {
    Box::pin(async move { change(&call, TuningJob::pause).await })
}

fn resume(call: Call) -> HandlerFuture {
    Box::pin(async move { change(&call, TuningJob::resume).await })
}

fn list_events(call: Call) -> HandlerFuture {
    Box::pin(async move {
        let events = events::events(&find(&call).await?);
        Ok(Answer::json(&Page::asked(&call, events, Order::NewestFirst)))
    })
}

fn list_checkpoints(call: Call) -> HandlerFuture {
    Box::pin(async move {
        let checkpoints = events::checkpoints(&find(&call).await?);
        Ok(Answer::json(&Page::asked(&call, checkpoints, Order::NewestFirst)))
    })
}
