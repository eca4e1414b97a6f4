//! `realtime.calls` and `live`: calls by WebRTC. An offer gets an answer that a client takes (RFC 8829); nobody sends media.

mod sdp;

use crate::generate::sound;
use crate::turn::answer::{Answer, Body};
use crate::turn::call::{Call, HandlerFuture, Served};
use crate::wire::error::ApiError;
use crate::wire::ids;
use serde_json::{Value, json};

/// The operations of these resources; the others of their paths keep nothing.
pub(crate) const OPERATIONS: &[Served] = &[
    Served { name: "realtime.calls.create", handler: create },
    Served { name: "live.create", handler: create_live },
    Served { name: "live.sessions.fork", handler: fork },
    Served { name: "live.sessions.download_recording", handler: recording },
];

/// Where live sessions are kept.
const LIVE: &str = "/live/sessions";

/// The offer is a field of a form, or the body itself.
fn create(call: Call) -> HandlerFuture {
    Box::pin(async move {
        let text = String::from_utf8_lossy(&call.bytes);
        let offer = call.body["sdp"].as_str().unwrap_or(&text);
        if offer.trim().is_empty() {
            return Err(ApiError::missing("sdp"));
        }
        let answer = sdp::answer(offer, &mut call.random.fork("sdp")).map_err(|error| error.param("sdp"))?;
        let id = ids::plain("rtc_", &mut call.random.fork("call"));
        Ok(Answer {
            status: 201,
            headers: vec![("location".into(), format!("/v1/realtime/calls/{id}"))],
            ..Answer::ok(Body::Bytes("application/sdp", answer.into()))
        })
    })
}

/// A new live session that answers this offer.
async fn begun(call: &Call) -> Result<Value, ApiError> {
    let offer = call.body["transport"]["sdp"].as_str().unwrap_or_default();
    let answer = sdp::answer(offer, &mut call.random.fork("sdp")).map_err(|error| error.param("transport.sdp"))?;
    let id = ids::plain("live_", &mut call.random.fork("session"));
    let kept = json!({"id": id, "created_at": call.created(), "session": call.body["session"]});
    call.session.store.objects(LIVE).put(&id, &kept).await?;
    Ok(json!({"session": {"id": id}, "transport": {"sdp": answer, "type": "webrtc"}}))
}

/// Refuses a session that is not there.
async fn known(call: &Call) -> Result<(), ApiError> {
    let id = call.param("session_id");
    let found: Option<Value> = call.session.store.objects(LIVE).get(id).await;
    found.map(drop).ok_or_else(|| ApiError::new(404, format!("No session found with id '{id}'.")))
}

fn create_live(call: Call) -> HandlerFuture {
    Box::pin(async move { Ok(Answer::json(&begun(&call).await?)) })
}

fn fork(call: Call) -> HandlerFuture {
    Box::pin(async move {
        known(&call).await?;
        Ok(Answer::json(&begun(&call).await?))
    })
}

/// What was said: nothing, in a file that players take.
fn recording(call: Call) -> HandlerFuture {
    Box::pin(async move {
        known(&call).await?;
        Ok(Answer::ok(Body::Bytes("audio/wav", sound::speech("", "wav", 1.0)?.into())))
    })
}
