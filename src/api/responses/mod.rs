//! `responses`: create, and what can be done with a stored response.

pub mod beats;
#[cfg(test)]
mod checker;
mod context;
pub mod events;
mod growing;
pub mod input;
pub mod items;
pub mod kinds;
pub mod lane;
pub mod record;
mod render;
pub mod replay;
#[cfg(test)]
mod replay_tests;
pub mod request;
mod state;
#[cfg(test)]
mod state_tests;
pub mod stream;
#[cfg(test)]
mod stream_tests;
mod tools;

use crate::api::conversations::Conversation;
use crate::api::infer;
use crate::call::{Call, HandlerFuture, Served};
use crate::jobs::Job;
use record::Record;
use request::{Request, flag};
use serde_json::Value;
use std::sync::{Arc, OnceLock};
use std::time::Duration;
use stream::Keep;

/// The operations of this resource.
pub const OPERATIONS: &[Served] = &[
    Served { name: "responses.create", handler: create },
    Served { name: "responses.compact", handler: state::compact },
    Served { name: "responses.input_tokens.count", handler: state::count_input_tokens },
    Served { name: "responses.retrieve", handler: state::retrieve },
    Served { name: "responses.delete", handler: state::delete },
    Served { name: "responses.cancel", handler: state::cancel },
    Served { name: "responses.input_items.list", handler: state::list_input_items },
];

fn create(call: Call) -> HandlerFuture {
    if is_legacy(&call.body) {
        return super::completions::create_legacy(call);
    }
    Box::pin(async move {
        let request = Request::read(&call)?;
        let (prompt, made) = (request.prompt.clone(), Arc::new(OnceLock::new()));
        let keep = keep(&call, &request, made.clone());
        let mut answer = if call.lane.as_ref().is_some_and(|lane| lane.silent) {
            render::nothing(&call, request, keep)?
        } else {
            let rendered = |prompt: &_, turn| render::response(&call, request, prompt, turn, keep);
            infer::infer(&call, prompt, rendered).await?
        };
        if let Some(record) = made.get().filter(|record| record.frame.background && !flag(&call.body, "stream", false))
        {
            // The answer comes at once; the response is done when it would have come.
            let wait = answer.delivery.take().map_or(Duration::ZERO, |delivery| delivery.wait);
            let job = Job::new(call.session.clock.now(), wait);
            let running = Record { job: Some(job), ..(**record).clone() };
            call.session.store().shelf::<Arc<Record>>().insert(record.frame.id.clone(), Arc::new(running));
            answer.headers.push(state::poll_soon());
        }
        Ok(answer)
    })
}

/// A body with `prompt` text and no `input` asks for a text completion; a prompt that is an object is a template.
fn is_legacy(body: &Value) -> bool {
    let given = |key: &str| body.get(key).filter(|value| !value.is_null());
    given("input").is_none() && given("prompt").is_some_and(|prompt| prompt.is_string() || prompt.is_array())
}

/// Keeps a response in the session, adds it to its conversation, remembers it in its lane, and says in `made` what was
/// kept first.
fn keep(call: &Call, request: &Request, made: Arc<OnceLock<Arc<Record>>>) -> Keep {
    let (session, conversation) = (call.session.clone(), request.conversation.clone());
    let lane = call.lane.clone().map(|lane| (lane, request.items().cloned().collect::<Vec<_>>()));
    Arc::new(move |record: Arc<Record>| {
        let mut store = session.store();
        let first = made.set(record.clone()).is_ok();
        replay::remember(&mut store, &record);
        if let (true, Some(id)) = (first, &conversation)
            && let Some(conversation) = store.shelf::<Conversation>().get_mut(id)
        {
            conversation.take_turn(&record);
        }
        if let Some((lane, items)) = &lane {
            let said = record.items.iter().map(|item| item.value.clone());
            lane.remember(&record.frame.id, items.iter().cloned().chain(said).collect());
        }
        if record.frame.store || record.frame.background {
            let (id, shelf) = (record.frame.id.clone(), store.shelf::<Arc<Record>>());
            if first { shelf.add(id, record) } else { shelf.insert(id, record) }
        }
    })
}
