//! Resources that are only stored: made, listed, retrieved, changed and deleted as any other, with the fields of their
//! type in the surface. [`plan`] says which operation does what; a resource that behaves has its own file in
//! [`api`](crate::api), and its operations never come here.

mod given;
mod keep;
mod list;
mod plan;

use crate::generate::typed::TypedMaker;
use crate::random::{self, Random};
use crate::surface::Operation;
use crate::surface::operations::AnswerKind;
use crate::turn::answer::{Answer, Body};
use crate::turn::call::{Call, Handler, HandlerFuture};
use crate::wire::error::ApiError;
use crate::wire::event::ListedEvents;
use crate::wire::ids;
use plan::{ObjectEvents, Plan, Verb};
use serde_json::{Value, json};

/// How a stored resource's operation is served; `None` = it is none.
pub(crate) fn handler(operation: &Operation) -> Option<Handler> {
    plan::of(operation).map(|_| serve as Handler)
}

/// Whether its answers come from what was kept, rather than from their type alone.
pub(crate) fn is_stored(operation: &Operation) -> bool {
    plan::of(operation).is_some_and(|plan| match plan.verb {
        Verb::Make => false,
        Verb::Act(_) => plan.collection.made_here,
        _ => true,
    })
}

/// Whether its answers give a secret for clients.
pub(crate) fn gives_secret(operation: &Operation) -> bool {
    plan::of(operation).is_some_and(|plan| operation.method == "POST" && plan.collection.resource.gives_secret())
}

fn serve(call: Call) -> HandlerFuture {
    Box::pin(async move {
        let Some(plan) = plan::of(call.operation) else {
            return Err(ApiError::not_served(call.operation.name, &call.method, &call.path));
        };
        keep::parents(&call, plan).await?;
        let answer = match plan.verb {
            Verb::Create => {
                let made = keep::create(&call, plan).await?;
                let asked = call.operation.events.is_some() && call.body["stream"] == true;
                if let Some(events) = plan.collection.resource.events.as_ref().filter(|_| asked) {
                    return Ok(told(&call, events, &[&events.made, &events.stands], &made));
                }
                made
            }
            Verb::Follow => {
                let found = keep::found(&call, plan).await?;
                let Some(events) = &plan.collection.resource.events else { return Ok(Answer::ok(Body::Empty)) };
                return Ok(told(&call, events, &[&events.stands], &found));
            }
            Verb::Retrieve => keep::retrieve(&call, plan).await?,
            Verb::Update => keep::update(&call, plan).await?,
            Verb::Delete => keep::delete(&call, plan).await?,
            Verb::Act(word) => keep::act(&call, plan, word).await?,
            Verb::List => list::page(&call, plan).await,
            Verb::Show => keep::show(&call, plan).await,
            Verb::Set => keep::set(&call, plan).await?,
            Verb::Unset => keep::unset(&call, plan).await,
            Verb::Make if call.operation.kind == AnswerKind::Page => list::made(&call, plan).await?,
            Verb::Make => made(&call, &fresh(&call, plan).await),
        };
        let status = plan.collection.resource.status.filter(|_| call.method == "POST").unwrap_or(200);
        let answer = match call.operation.kind {
            AnswerKind::None => Answer::ok(Body::Empty),
            _ => Answer::json(&answer),
        };
        Ok(Answer { status, ..answer })
    })
}

/// Events that tell of an object. Nothing happens to it by itself: they end.
fn told(call: &Call, events: &ObjectEvents, names: &[&String], object: &Value) -> Answer {
    let mut random = call.random.fork("events");
    let event = |name: &&String| {
        let id = ids::plain("evt_", &mut random);
        let mut event = json!({"event_id": id, "type": name});
        event[&events.field] = object.clone();
        (Some(name.to_string()), event)
    };
    Answer::ok(Body::Events(Box::new(ListedEvents(names.iter().map(event).collect()))))
}

/// The answer's type, filled with what fits of this.
fn made(call: &Call, given: &Value) -> Value {
    call.operation.answer.map_or(Value::Null, |name| typed(call, name, given))
}

/// What nobody said of an object is the same each time it is shown, and whoever shows it.
fn typed(call: &Call, name: &str, given: &Value) -> Value {
    let mut random = match given["id"].as_str() {
        Some(id) => Random::new(random::key(call.session.seed, &[call.session.name.as_bytes(), id.as_bytes()])),
        None => call.random.fork("object"),
    };
    TypedMaker { random: &mut random, now: call.created() }.value(name, given)
}

/// Field of what is kept that no type shows: the number of the exchange that made it what it is. Times are whole seconds.
const CHANGED_BY: &str = "changed_by";

/// What is known of an object before it is made.
async fn fresh(call: &Call, plan: &Plan) -> Value {
    given::of(call, plan, &keep::new_id(call, plan, 0), &Value::Null).await
}
