//! The OpenAI surface: a table of operations, each a handler from a [`Call`] to an [`Answer`].
//!
//! An inference operation reads its body into a [`Prompt`](crate::prompt::Prompt), lets [`crate::turn::infer`] find the
//! reply, and renders it: `request.rs`, `render.rs`, `stream.rs`. It knows no responder.

pub mod accepted;
pub mod admit;
pub mod answer;
pub mod chat;
pub mod completions;
pub mod conversations;
pub mod embeddings;
pub mod error;
pub mod field;
pub mod ids;
pub mod infer;
mod lanes;
mod limits;
pub mod list;
pub mod logprobs;
pub mod models;
pub mod models_resource;
pub mod moderations;
pub mod responses;
pub mod sound;
pub mod spec;
pub mod unbuilt;
pub mod usage;
pub mod validate;
pub mod vectors;

use crate::call::{Call, Operation};
use crate::responders::scenario;
use answer::{Answer, Body};
use error::ApiError;

/// Every operation, by resource.
pub static OPERATIONS: &[&[Operation]] = &[
    chat::OPERATIONS,
    completions::OPERATIONS,
    responses::OPERATIONS,
    conversations::OPERATIONS,
    embeddings::OPERATIONS,
    models_resource::OPERATIONS,
    moderations::OPERATIONS,
];

/// Serves a call: scenario, model, validation, rules that name the operation, handler.
///
/// # Errors
/// Whatever OpenAI would refuse; nothing of the session has changed then.
pub async fn serve(call: Call) -> Result<Answer, ApiError> {
    if let Some(answer) = scenario::answer(&call) {
        return answer;
    }
    if call.operation.turn {
        admit::check(&call)?;
        return (call.operation.handler)(call).await;
    }
    match infer::intercept(&call).await? {
        infer::Intercepted::Answered(answer) => Ok(answer),
        // A fault of a rule comes over the refusal, as it would over an answer.
        infer::Intercepted::Delivered(delivery) if unbuilt::has(&call.path) => {
            let refusal = unbuilt::refusal(&call.method, &call.path);
            match delivery {
                None => Err(refusal),
                delivery => Ok(Answer { delivery, ..Answer::ok(Body::Error(refusal)) }),
            }
        }
        infer::Intercepted::Delivered(delivery) => {
            admit::check(&call)?;
            let answer = (call.operation.handler)(call).await?;
            Ok(Answer { delivery: delivery.or(answer.delivery), ..answer })
        }
    }
}
