//! Assistants: assistants, threads with their messages, runs and their steps.
//!
//! A run is a turn like any other: [`ask`] makes a Prompt of its thread, [`narrate`] makes steps, messages and events of
//! the reply. [`stream`] sends the events; without one they come about at the first look after the run's time ([`run`]).
//! A thread is one stored object: what happens in it happens at once.

mod ask;
mod assistant;
mod create;
mod deltas;
mod hosted;
mod messages;
mod narrate;
mod resources;
mod run;
mod runs;
mod stream;
mod thread;

use crate::turn::call::Served;
use serde_json::{Value, json};

/// The operations of this resource.
pub(crate) const OPERATIONS: &[Served] = &[
    Served { name: "beta.assistants.create", handler: assistant::create },
    Served { name: "beta.assistants.retrieve", handler: assistant::retrieve },
    Served { name: "beta.assistants.update", handler: assistant::update },
    Served { name: "beta.assistants.list", handler: assistant::list },
    Served { name: "beta.assistants.delete", handler: assistant::delete },
    Served { name: "beta.threads.create", handler: thread::create },
    Served { name: "beta.threads.retrieve", handler: thread::retrieve },
    Served { name: "beta.threads.update", handler: thread::update },
    Served { name: "beta.threads.delete", handler: thread::delete },
    Served { name: "beta.threads.create_and_run", handler: create::create_and_run },
    Served { name: "beta.threads.messages.create", handler: messages::create },
    Served { name: "beta.threads.messages.retrieve", handler: messages::retrieve },
    Served { name: "beta.threads.messages.update", handler: messages::update },
    Served { name: "beta.threads.messages.list", handler: messages::list },
    Served { name: "beta.threads.messages.delete", handler: messages::delete },
    Served { name: "beta.threads.runs.create", handler: create::create },
    Served { name: "beta.threads.runs.retrieve", handler: runs::retrieve },
    Served { name: "beta.threads.runs.update", handler: runs::update },
    Served { name: "beta.threads.runs.list", handler: runs::list },
    Served { name: "beta.threads.runs.cancel", handler: runs::cancel },
    Served { name: "beta.threads.runs.submit_tool_outputs", handler: create::submit_tool_outputs },
    Served { name: "beta.threads.runs.steps.retrieve", handler: runs::retrieve_step },
    Served { name: "beta.threads.runs.steps.list", handler: runs::list_steps },
];

/// A field of a body that is not null.
fn given<'a>(body: &'a Value, name: &str) -> Option<&'a Value> {
    body.get(name).filter(|value| !value.is_null())
}

/// `metadata` of a body.
fn metadata(body: &Value) -> Value {
    given(body, "metadata").cloned().unwrap_or_else(|| json!({}))
}
