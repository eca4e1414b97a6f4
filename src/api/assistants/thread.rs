//! `threads`: messages, and the runs that answer them.

use super::resources::{self, Made};
use super::run::Run;
use super::{messages, metadata};
use crate::memory::weight;
use crate::session::Session;
use crate::session::store::StoredKind;
use crate::turn::answer::Answer;
use crate::turn::call::{Call, HandlerFuture};
use crate::wire::error::{self, ApiError};
use crate::wire::ids;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

/// A thread; everything in it oldest first.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct Thread {
    pub id: String,
    /// Unix seconds.
    created_at: u64,
    metadata: Value,
    pub tool_resources: Value,
    pub messages: Vec<Value>,
    pub runs: Vec<Run>,
}

impl StoredKind for Thread {
    const NAME: &'static str = "thread";
}

impl Thread {
    /// A new thread, as `body` says, with its messages; beside it what was made for it.
    ///
    /// # Errors
    /// It has no room, or names files that cannot be searched; nothing is kept then.
    pub(super) async fn begin(call: &Call, body: &Value) -> Result<(Self, Made), ApiError> {
        let mut random = call.random.fork("thread");
        let id = ids::plain("thread_", &mut random);
        let messages = messages::all(body, "messages", &id, &mut random, call.created());
        let mut thread = Thread {
            created_at: call.created(),
            metadata: metadata(body),
            tool_resources: Value::Null,
            messages,
            runs: Vec::new(),
            id,
        };
        thread.check_room(call)?;
        let made = resources::of_thread(call, body, &thread.messages).await?;
        thread.tool_resources = made.resources.clone();
        Ok((thread, made))
    }

    pub(super) fn object(&self) -> Value {
        json!({"id": self.id, "object": "thread", "created_at": self.created_at, "metadata": self.metadata,
            "tool_resources": self.tool_resources})
    }

    /// Its runs are as they are at this time.
    fn look(&mut self, session: &Session) {
        for run in &mut self.runs {
            self.messages.extend(run.look(session));
        }
    }

    /// The run that keeps others from beginning.
    pub(super) fn active(&self) -> Option<&Run> {
        self.runs.iter().find(|run| run.is_active())
    }

    /// The run with this id.
    pub(super) fn run(&self, id: &str) -> Result<&Run, ApiError> {
        self.runs.iter().find(|run| run.id() == id).ok_or_else(|| unknown_run(id))
    }

    /// The run with this id.
    pub(super) fn run_mut(&mut self, id: &str) -> Result<&mut Run, ApiError> {
        self.runs.iter_mut().find(|run| run.id() == id).ok_or_else(|| unknown_run(id))
    }

    /// Refuses more messages or runs than a session stores objects, and more bytes than it has room for.
    pub(super) fn check_room(&self, call: &Call) -> Result<(), ApiError> {
        let most = call.emulator.settings.max_objects;
        let kept = self.messages.len().max(self.runs.len());
        if kept > most {
            return Err(error::no_room("a thread", kept, most, "maxObjects"));
        }
        let steps = self.runs.iter().flat_map(|run| &run.steps);
        let used = self.messages.iter().chain(steps).map(weight).sum();
        let most = call.session.accounts.stored.most();
        match used > most {
            true => Err(error::no_room("a thread", used, most, "maxSessionBytes (a third of it)")),
            false => Ok(()),
        }
    }
}

fn unknown_run(id: &str) -> ApiError {
    ApiError::new(404, format!("No run found with id '{id}'."))
}

fn unknown(id: &str) -> ApiError {
    ApiError::new(404, format!("No thread found with id '{id}'."))
}

/// The thread the path names, as it is now.
pub(super) async fn find(call: &Call) -> Result<Thread, ApiError> {
    change(call, |thread| Ok(thread.clone())).await
}

/// Runs `change` on the thread the path names, as it is now.
pub(super) async fn change<T: Send>(
    call: &Call,
    mut change: impl FnMut(&mut Thread) -> Result<T, ApiError> + Send,
) -> Result<T, ApiError> {
    let look = |thread: &mut Thread| {
        thread.look(&call.session);
        change(thread)
    };
    blindly(call, look).await
}

/// Runs `change` on the thread the path names, without a look at what time has made of its runs.
pub(super) async fn blindly<T: Send>(
    call: &Call,
    change: impl FnMut(&mut Thread) -> Result<T, ApiError> + Send,
) -> Result<T, ApiError> {
    let id = call.param("thread_id");
    call.session.store.update(id, change).await.unwrap_or_else(|| Err(unknown(id)))
}

pub(super) fn create(call: Call) -> HandlerFuture {
    Box::pin(async move {
        let (thread, made) = Thread::begin(&call, &call.body).await?;
        made.stays_if(&call, call.session.store.put(&thread.id, &thread).await).await?;
        Ok(Answer::json(&thread.object()))
    })
}

pub(super) fn retrieve(call: Call) -> HandlerFuture {
    Box::pin(async move { Ok(Answer::json(&find(&call).await?.object())) })
}

pub(super) fn update(call: Call) -> HandlerFuture {
    Box::pin(async move {
        let set = |thread: &mut Thread| {
            if call.body.get("metadata").is_some() {
                thread.metadata = metadata(&call.body);
            }
            if call.body.get("tool_resources").is_some() {
                thread.tool_resources = resources::shown(&call.body, &Value::Null);
            }
            Ok(thread.object())
        };
        Ok(Answer::json(&change(&call, set).await?))
    })
}

pub(super) fn delete(call: Call) -> HandlerFuture {
    Box::pin(async move {
        let id = call.param("thread_id");
        if !call.session.store.remove::<Thread>(id).await {
            return Err(unknown(id));
        }
        Ok(Answer::json(&json!({"id": id, "object": "thread.deleted", "deleted": true})))
    })
}
