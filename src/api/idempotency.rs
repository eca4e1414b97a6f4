//! Requests sent again under the key of the first (`Idempotency-Key`, as the client's agents send it by themselves): done
//! once, and answered as the first one was. While the first is under way the others wait for it: a client that is told 409
//! instead tries only so often, and may be left without the answer.

use crate::random;
use crate::session::store::StoredKind;
use crate::turn::answer::{Answer, Body};
use crate::turn::call::{Call, Handler};
use crate::wire::error::ApiError;
use serde::{Deserialize, Serialize};

/// Longest key there is.
const LONGEST: usize = 255;

/// What was answered under a key.
#[derive(Debug, Serialize, Deserialize)]
struct DoneOnce {
    /// What was asked, as a hash.
    asked: u64,
    status: u16,
    /// Its JSON; `None` = no body.
    answer: Option<String>,
}

impl StoredKind for DoneOnce {
    const NAME: &'static str = "idempotency";
}

/// Lets a handler answer a call, but for one that was made before under the same key. Only what was done counts: a
/// refused request may come again, corrected.
pub(super) async fn once(call: Call, handler: Handler) -> Result<Answer, ApiError> {
    let key = call.headers.all("idempotency-key").next().map(String::from);
    let Some(key) = key.filter(|key| !key.is_empty() && call.method == "POST") else {
        return handler(call).await;
    };
    if key.len() > LONGEST {
        return Err(ApiError::invalid(format!("Invalid 'Idempotency-Key': it has at most {LONGEST} characters.")));
    }
    let (session, asked) = (call.session.clone(), random::canonical(&call.body));
    let id = format!("{} {key}", call.path);
    // Until it is known what was done. Of a first that is refused or leaves nothing is kept: the next does it.
    let _one = session.done_once.turn(&id).await;
    if let Some(done) = session.store.get::<DoneOnce>(&id).await {
        if done.asked != asked {
            let message = format!("The idempotency key '{key}' was used for a request with another body.");
            return Err(ApiError::new(409, message).code("idempotency_key_reused"));
        }
        let body = done.answer.map_or(Body::Empty, |answer| Body::Json(answer.into()));
        return Ok(Answer { status: done.status, ..Answer::ok(body) });
    }
    let answer = handler(call).await?;
    let kept = match &answer.body {
        Body::Json(bytes) => Some(String::from_utf8_lossy(bytes).into_owned()),
        Body::Empty => None,
        _ => return Ok(answer),
    };
    // Forgotten before anything else is; what finds no room is answered all the same.
    let _ = session.store.put(&id, &DoneOnce { asked, status: answer.status, answer: kept }).await;
    Ok(answer)
}
