//! `responses`: create, and what can be done with a stored response.

mod background;
pub(crate) mod beats;
#[cfg(test)]
mod checker;
mod context;
pub(crate) mod events;
mod growing;
pub(crate) mod input;
pub(crate) mod items;
mod keep;
pub(crate) mod kinds;
pub(crate) mod record;
mod render;
pub(crate) mod replay;
#[cfg(test)]
mod replay_tests;
pub(crate) mod request;
mod state;
#[cfg(test)]
mod state_tests;
pub(crate) mod stream;
#[cfg(test)]
mod stream_tests;
mod tools;

use crate::api::containers::code::CodeRun;
use crate::api::infer;
use crate::api::vector_stores::search::FileSearch;
use crate::prompt::Prompt;
use crate::runtime::boxed;
use crate::turn::Spoken;
use crate::turn::answer::{Answer, poll_soon};
use crate::turn::call::Call;
use crate::turn::call::HandlerFuture;
use crate::turn::call::Served;
use crate::wire::error::ApiError;
use keep::ResponseKeeper;
use request::{Request, flag};
use serde_json::Value;
use std::sync::Arc;

/// The operations of this resource.
pub(crate) const OPERATIONS: &[Served] = &[
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
        return crate::api::completions::create_legacy(call);
    }
    boxed!(async move {
        let request = Request::read(&call).await?;
        let keeper = Arc::new(ResponseKeeper::new(&call, &request, CodeRun::of(&call).await));
        match request.prompt.stream || !flag(&call.body, "background", false) {
            true => answer(&call, request, keeper).await,
            false => background::answer(call, request, keeper).await,
        }
    })
}

/// Answers, and keeps the response.
async fn answer(call: &Call, request: Request, keeper: Arc<ResponseKeeper>) -> Result<Answer, ApiError> {
    let mut prompt = request.prompt.clone();
    let (mut made, mut pieces) = (None, Vec::new());
    let mut answer = if call.lane.as_ref().is_some_and(|lane| lane.silent) {
        let (answer, record) = render::nothing(call, request, keeper.clone())?;
        made = record;
        answer
    } else {
        let search = FileSearch::of(call).await.map(Arc::new);
        let render = |prompt: &Prompt, turn: Spoken| {
            if prompt.stream && flag(&call.body, "background", false) {
                pieces = turn.reply.tokens(prompt.n, &turn.chunk, turn.encoding);
            }
            let (rendered, record) = render::response(call, request, prompt, turn, keeper.clone(), search)?;
            made = record;
            Ok(rendered)
        };
        infer::infer(call, &mut prompt, render).await?
    };
    let Some(mut record) = made else { return Ok(answer) };
    if record.job.is_some() {
        // It is arriving: nothing more is known of it.
        keeper.promise(&record).await?;
        return Ok(answer);
    }
    if record.frame.background {
        let id = record.frame.id.clone();
        let job = match prompt.stream {
            true => background::timed(call, &id, answer.delivery.as_deref(), &pieces),
            false => {
                // The answer comes at once, unless it breaks; the response is done when it would have come.
                let taken = answer.delivery.take_if(|delivery| delivery.fault.is_none());
                answer.headers.push(poll_soon());
                background::timed(call, &id, taken.as_deref(), &[])
            }
        };
        Arc::make_mut(&mut record).job = Some(job);
    }
    keeper.keep(&record).await;
    Ok(answer)
}

/// A body with `prompt` text and no `input` asks for a text completion; a prompt that is an object is a template.
fn is_legacy(body: &Value) -> bool {
    let given = |key: &str| body.get(key).filter(|value| !value.is_null());
    given("input").is_none() && given("prompt").is_some_and(|prompt| prompt.is_string() || prompt.is_array())
}
