//! Background responses that a person or a function answers: nobody waits for them, so they are told of at once, and are
//! done when the answer is there. What all others say is known when they are asked for.

use super::keep::ResponseKeeper;
use super::record::{End, ResponseRecord, Status};
use super::request::Request;
use crate::reply::error::ErrorReply;
use crate::reply::pace::Chunk;
use crate::session::Session;
use crate::session::jobs::HeldJob;
use crate::turn::answer::{Answer, Body};
use crate::turn::call::Call;
use crate::wire::error::ApiError;
use serde_json::Value;
use std::sync::Arc;
use std::time::Duration;

/// Answers as [`super::answer`] does, unless that takes a person or a function: then with the response as it begins.
pub(super) async fn answer(call: Call, request: Request, keeper: Arc<ResponseKeeper>) -> Result<Answer, ApiError> {
    let call = Arc::new(call);
    let mut work = Box::pin({
        let (call, request, keeper) = (call.clone(), request.clone(), keeper.clone());
        async move { super::answer(&call, request, keeper).await }
    });
    tokio::select! {
        biased;
        answer = &mut work => return answer,
        () = call.exchange.until_asked() => {}
    }
    let record = begun(&call, request);
    keeper.promise(&record).await?;
    let answer = Answer::polled(&record.begun(Status::Queued), true);
    let (session, id) = (call.session.clone(), record.frame.id.clone());
    let until_stopped = session.until_released(hold(&id));
    session.goes_on(&hold(&id), async move {
        tokio::select! {
            answer = work => done(&call, &id, answer).await,
            () = until_stopped => {}
        }
    });
    Ok(answer)
}

/// What holds a response until somebody has answered.
fn hold(id: &str) -> String {
    format!("the answer of {id}")
}

/// A response of which nothing is known but what was asked.
fn begun(call: &Call, mut request: Request) -> ResponseRecord {
    let model = call.model(&request.prompt.model);
    let name = call.shown_model(&request.prompt.model, &model);
    let frame = Arc::new(request.frame(call, &model, &name, None));
    let states = [Status::InProgress.as_str()];
    let job = HeldJob::new(&call.session, &states, Duration::ZERO, Some(hold(&frame.id)));
    let end = End { status: Status::InProgress, completed_at: 0, error: Value::Null, reason: None, usage: None };
    ResponseRecord {
        frame,
        input: request.input,
        items: Vec::new(),
        end,
        chunk: Chunk::Tokens(1),
        encoding: call.encoding(&model),
        random: call.random.fork("obfuscation"),
        job: Some(job),
    }
}

/// The answer is there: the response is kept, or failed. Who waits for it goes on.
async fn done(call: &Call, id: &str, answer: Result<Answer, ApiError>) {
    if let Some(error) = failure(call, answer) {
        call.exchange.complain(&error);
        let fail = |record: &mut ResponseRecord| {
            *record = ResponseRecord { items: Vec::new(), end: End::failed(&error), job: None, ..record.clone() };
        };
        call.session.store.change(id, fail).await;
    }
    call.session.release(&hold(id));
}

/// What became of the answer, if it is no response.
fn failure(call: &Call, answer: Result<Answer, ApiError>) -> Option<ApiError> {
    let answer = match answer {
        Err(error) | Ok(Answer { body: Body::Error(error), .. }) => return Some(error),
        Ok(answer) => answer,
    };
    if !matches!(answer.body, Body::Json(_)) {
        let message = "A response in the background is answered by a reply or an error: it takes no verbatim body.";
        return Some(ApiError::emulator("reply_cannot_answer", message.to_string()));
    }
    let breaks = answer.delivery.is_some_and(|delivery| delivery.fault.is_some());
    breaks.then(|| ErrorReply::status(500).to_api_error(&call.occasion()))
}

/// It was cancelled: nobody is asked any more.
pub(super) fn stop(session: &Session, stopped: &ResponseRecord) {
    let name = hold(&stopped.frame.id);
    if stopped.job.as_ref().is_some_and(|job| job.is_held_by(&name)) {
        session.release(&name);
    }
}
