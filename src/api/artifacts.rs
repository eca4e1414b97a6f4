//! `beta.agents.sessions.artifacts.content`: what an agent left. No agent works here: there is none to download, unless a
//! rule that names the operation gives it.

use crate::turn::call::{Call, HandlerFuture, Served};
use crate::wire::error::ApiError;
use serde_json::Value;

/// The operations of this resource.
pub(crate) const OPERATIONS: &[Served] = &[Served { name: "beta.agents.sessions.artifacts.content", handler: content }];

fn content(call: Call) -> HandlerFuture {
    Box::pin(async move {
        let (session, artifact) = (call.param("session_id"), call.param("artifact_id"));
        let found: Option<Value> = call.session.store.objects("/agents/sessions").get(session).await;
        let message = match found {
            Some(_) => format!("No artifact found with id '{artifact}'."),
            None => format!("No session found with id '{session}'."),
        };
        Err(ApiError::new(404, message))
    })
}
