//! Who serves the operations of the [`surface`](crate::surface): a handler from a [`Call`] to an [`Answer`] each.
//!
//! An inference operation reads its body into a [`Prompt`](crate::prompt::Prompt), lets [`crate::turn::infer`] find the
//! reply, and renders it: `request.rs`, `render.rs`, `stream.rs`. It knows no responder.

pub(crate) mod admit;
mod artifacts;
mod assistants;
pub(crate) mod audio;
mod batches;
mod calls;
pub(crate) mod chat;
mod choice_queues;
mod client_secrets;
pub(crate) mod completions;
mod containers;
pub(crate) mod conversations;
mod decisions;
pub(crate) mod embeddings;
mod evals;
mod files;
mod fine_tuning;
mod idempotency;
pub(crate) mod images;
pub(crate) mod imagined;
pub(crate) mod infer;
pub(crate) mod list;
pub(crate) mod logprobs;
mod merge;
pub(crate) mod models_resource;
pub(crate) mod moderations;
mod objects;
mod provenance;
pub(crate) mod rate_limits;
pub(crate) mod responses;
mod skills;
mod usage;
pub(crate) mod validate;
mod vector_stores;
mod videos;
mod voices;
pub(crate) mod zip;

use crate::responders::{cassette, scenario, upstream};
use crate::surface::{self, Family, Operation};
use crate::turn::answer::{Answer, Body};
use crate::turn::call::Call;
use crate::turn::call::Handler;
use crate::turn::call::Served;
use crate::wire::dialect::Dialect;
use crate::wire::error::ApiError;
use client_secrets::SecretCall;
use imagined::Imagined;
use std::fmt;
use std::sync::{Arc, LazyLock, Mutex, PoisonError};

/// Operations that are served, by resource.
static SERVED: &[&[Served]] = &[
    artifacts::OPERATIONS,
    calls::OPERATIONS,
    chat::OPERATIONS,
    completions::OPERATIONS,
    responses::OPERATIONS,
    containers::OPERATIONS,
    conversations::OPERATIONS,
    assistants::OPERATIONS,
    audio::OPERATIONS,
    batches::OPERATIONS,
    decisions::OPERATIONS,
    embeddings::OPERATIONS,
    images::OPERATIONS,
    evals::OPERATIONS,
    files::OPERATIONS,
    fine_tuning::OPERATIONS,
    files::uploads::OPERATIONS,
    models_resource::OPERATIONS,
    moderations::OPERATIONS,
    provenance::OPERATIONS,
    skills::OPERATIONS,
    usage::OPERATIONS,
    vector_stores::OPERATIONS,
    videos::OPERATIONS,
    voices::OPERATIONS,
];

/// Handlers in the order of the surface's table.
static HANDLERS: LazyLock<Vec<Option<Handler>>> = LazyLock::new(|| {
    let by_hand = |operation: &Operation| by_hand(operation).map(|served| served.handler);
    let of = |operation| by_hand(operation).or_else(|| objects::handler(operation));
    surface::operations::all().iter().map(of).collect()
});

fn by_hand(operation: &Operation) -> Option<&'static Served> {
    SERVED.iter().copied().flatten().find(|served| served.name == operation.name)
}

/// Whether an operation has a handler of its own.
fn is_by_hand(operation: &Operation) -> bool {
    by_hand(operation).is_some()
}

/// How far an operation is served.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum ServiceLevel {
    /// By hand, as production behaves.
    Behaves,
    /// As any stored resource.
    Stored,
    /// With the fields of its answer's type; nothing is kept.
    Synthesised,
    /// Refused by name.
    NotServed,
}

impl fmt::Display for ServiceLevel {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.pad(match self {
            ServiceLevel::Behaves => "behaves",
            ServiceLevel::Stored => "stored",
            ServiceLevel::Synthesised => "synthesised",
            ServiceLevel::NotServed => "not served",
        })
    }
}

/// How far an operation is served; a variant as the operation whose path it has.
pub(crate) fn level(operation: &'static Operation) -> ServiceLevel {
    let operation = surface::router::routed(operation);
    match handler(operation) {
        None => ServiceLevel::NotServed,
        Some(_) if is_by_hand(operation) => ServiceLevel::Behaves,
        Some(_) if objects::is_stored(operation) => ServiceLevel::Stored,
        Some(_) => ServiceLevel::Synthesised,
    }
}

fn handler(operation: &Operation) -> Option<Handler> {
    HANDLERS.get(operation.index).copied().flatten()
}

/// Serves a call: scenario, model, validation, rules that name the operation, handler. An operation that is not served
/// is refused where its handler would have run: rules can stand in for it.
///
/// # Errors
/// Whatever OpenAI would refuse; nothing of the session has changed then.
pub(crate) async fn serve(call: Call) -> Result<Answer, ApiError> {
    let secret = SecretCall::of(&call);
    let answer = answered(call).await?;
    secret.iter().for_each(|secret| secret.note(&answer));
    Ok(answer)
}

async fn answered(call: Call) -> Result<Answer, ApiError> {
    if let Some(answer) = scenario::answer(&call) {
        return answer;
    }
    if let Some(answer) = upstream::bypass(&call).await {
        return answer;
    }
    if let Some(answer) = cassette::ahead(&call).await {
        return answer;
    }
    let handler = handler(call.operation);
    if let Some(handler) = handler
        && call.operation.turn
    {
        admit::check(&call)?;
        admit::check_deleted(&call).await?;
        return handler(call).await;
    }
    // Boxed: most calls take a turn.
    Box::pin(without_turn(call, handler)).await
}

/// Serves a call that takes no turn: rules that name the operation, then its handler.
async fn without_turn(mut call: Call, handler: Option<Handler>) -> Result<Answer, ApiError> {
    match infer::intercept(&call).await? {
        infer::Intercepted::Answered(answer) => Ok(answer),
        infer::Intercepted::Altered(infer::Altered { object, headers, mut delivery }) => {
            let mut answer = match handler {
                Some(handler) => {
                    admit::check(&call)?;
                    let imagined = Imagined::where_unknown(&call);
                    // A job takes it for its own pace; what nobody takes is the answer's.
                    let place = Arc::new(Mutex::new(delivery.take()));
                    call.delivery = Some(place.clone());
                    let answered = idempotency::once(call, handler).await;
                    delivery = place.lock().unwrap_or_else(PoisonError::into_inner).take();
                    match (answered, imagined) {
                        (Err(error), Some(imagined)) => imagined.instead_of(error)?,
                        (answer, _) => answer?,
                    }
                }
                None if object.is_some() => {
                    admit::form(&call)?;
                    Imagined::of(&call).answer()
                }
                None => {
                    admit::form(&call)?;
                    let error = ApiError::not_served(call.operation.name, &call.method, &call.path);
                    // A fault is an answer that somebody asked for.
                    if delivery.as_ref().is_none_or(|delivery| delivery.fault.is_none()) {
                        call.exchange.complain(&error);
                    }
                    Answer::ok(Body::Error(error))
                }
            };
            if let Some(object) = object {
                merge::into(&mut answer, &object);
            }
            answer.headers.extend(headers);
            Ok(Answer { delivery: delivery.or(answer.delivery), ..answer })
        }
    }
}

/// Lets a call be looked at as rules see it: its prompt is read, with the history that is kept, and nobody answers.
pub(crate) async fn look(call: Call) {
    // A run has begun before it takes a turn.
    let harmless = call.operation.family != Family::Text || call.operation.dialect != Dialect::Other;
    let Some(look) = call.look.clone() else { return };
    match handler(call.operation) {
        Some(handler) if call.operation.turn && harmless => drop(handler(call).await),
        _ => look(&call.view(None, "")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_is_served_is_in_the_table() {
        let served: Vec<&str> = SERVED.iter().copied().flatten().map(|served| served.name).collect();
        for name in &served {
            assert!(surface::operations::all().iter().any(|operation| operation.name == *name), "{name}");
        }
        let behaves = |name: &str| surface::operations::named(name).map(level) == Some(ServiceLevel::Behaves);
        assert!(served.iter().all(|name| behaves(name)));
        assert!(behaves("beta.responses.create") && behaves("files.create") && behaves("beta.threads.create"));
        assert!(!behaves("beta.agents.create"));
        let count =
            surface::operations::all().iter().filter(|operation| level(operation) == ServiceLevel::Behaves).count();
        // The beta's seven go the ways of Responses.
        assert_eq!(count, served.len() + 7);
    }
}
