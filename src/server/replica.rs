//! Requests between replicas: those that come from another one, and those that go to the owner of their session.

use super::body::{Cut, ResponseBody};
use super::guard::Visitor;
use super::request::RequestBody;
use super::respond::{self, Peer};
use super::socket::{Control, Ending};
use super::{key, room, watch};
use crate::cluster::{AskedElsewhere, Cluster, ForwardOutcome, PEER, REPLICA, passing, whole};
use crate::control::{self, ControlScope};
use crate::emulator::Emulator;
use crate::runtime;
use crate::session::store::redis::SessionOwner;
use crate::wire::error::{self, ApiError};
use bytes::Bytes;
use http_body::Body;
use http_body_util::BodyExt;
use hyper::body::Incoming;
use hyper::header::HeaderValue;
use hyper::http::request::Parts;
use hyper::upgrade::OnUpgrade;
use hyper::{Response, StatusCode};
use hyper_util::rt::TokioIo;
use serde_json::{Map, Value};
use std::sync::Arc;
use std::time::Duration;
use tokio::io::copy_bidirectional;
use tokio::time::timeout;

/// Times that the store is asked for the owner of a session.
const ASKED: usize = 3;

/// A body of this size is kept until its answer begins: it can be passed on again.
const KEPT: u64 = 1 << 20;

/// A request that another replica has passed on.
#[derive(Clone, Copy)]
struct PassedOn;

/// Looks whether a request comes from another replica, and takes off what they say to each other.
pub(super) fn arrives(cluster: &Cluster, parts: &mut Parts) -> bool {
    let ours = cluster.is_ours(&parts.headers);
    let peer = parts.headers.remove(PEER);
    parts.headers.remove(REPLICA);
    if ours {
        parts.extensions.insert(PassedOn);
        let peer = peer.as_ref().and_then(|peer| peer.to_str().ok()?.parse().ok());
        peer.map(|peer| parts.extensions.insert(Peer(peer)));
    }
    ours
}

/// Whether another replica has passed a request on.
pub(super) fn is_passed_on(parts: &Parts) -> bool {
    parts.extensions.get::<PassedOn>().is_some()
}

/// Where a request is answered.
pub(super) enum PassOutcome {
    /// Here; this is its body.
    Here(RequestBody),
    /// Elsewhere, or by nobody.
    Passed(Result<Response<ResponseBody>, Cut>),
    /// The store cannot be used, or the owner not be reached.
    Refused(ApiError),
}

/// Lets the owner of a session answer a request.
pub(super) async fn pass(
    emulator: &Arc<Emulator>,
    control: &Arc<Control>,
    key: &str,
    parts: &mut Parts,
    mut body: RequestBody,
) -> PassOutcome {
    let Some(cluster) = emulator.cluster.clone() else { return PassOutcome::Here(body) };
    let mut refusal = error::session_moved();
    for _ in 0..ASKED {
        let address = match cluster.owner(key).await {
            Ok(SessionOwner::Me) => return PassOutcome::Here(body),
            Ok(SessionOwner::At(address)) => address,
            Err(error) => return PassOutcome::Refused(error),
        };
        if is_passed_on(parts) {
            // Whoever sent it asks again; so will the next request that comes to us.
            cluster.forget(key);
            return PassOutcome::Passed(Ok(misdirected()));
        }
        let (payload, again) = match is_small(&body) {
            true => match ahead(emulator, &mut body).await {
                Ok(Ok(bytes)) => (whole(bytes), Some(body)),
                Ok(Err(_)) => return PassOutcome::Passed(Err(Cut)),
                Err(stalled) => return PassOutcome::Refused(stalled),
            },
            false => (body.map_err(Into::into).boxed_unsync(), None),
        };
        let peer = respond::peer(&emulator.settings, parts);
        let forwarded = tokio::select! {
            forwarded = cluster.forward(&address, parts, peer, payload) => forwarded,
            // Whether it was answered before the session moved nobody knows: another owner would answer it once more.
            () = cluster.until_moved(key, &address) => {
                cluster.forget(key);
                return PassOutcome::Refused(error::session_moved());
            }
        };
        match forwarded {
            Ok(ForwardOutcome::Answer(answer)) => {
                return PassOutcome::Passed(Ok(answered(emulator, control, parts, answer)));
            }
            Ok(ForwardOutcome::Cut) => {
                control.end(Ending::Reset);
                return PassOutcome::Passed(Err(Cut));
            }
            Ok(ForwardOutcome::Refused) => {}
            Ok(ForwardOutcome::Unreached) => {
                let reason = format!("the replica that owns the session, {address}, takes no connection");
                refusal = cluster.store.refusal(&reason);
            }
            Err(error) => return PassOutcome::Refused(error),
        }
        cluster.forget(key);
        match again {
            Some(again) => body = again,
            None => break,
        }
    }
    PassOutcome::Refused(refusal)
}

/// Whether a body is kept until its answer begins.
fn is_small(body: &RequestBody) -> bool {
    body.size_hint().exact().is_some_and(|size| size <= KEPT)
}

/// All of a body, which can be read again; what is within tells whether the connection broke.
///
/// # Errors
/// It does not come in time.
async fn ahead(emulator: &Emulator, body: &mut RequestBody) -> Result<Result<Bytes, hyper::Error>, ApiError> {
    let patience = Duration::from_millis(emulator.settings.body_timeout_ms);
    timeout(patience, body.read_ahead()).await.map_err(|_| error::stalled(patience))
}

/// This is not the owner: said to another replica alone.
fn misdirected() -> Response<ResponseBody> {
    let mut response = Response::new(ResponseBody::Full(None));
    *response.status_mut() = StatusCode::MISDIRECTED_REQUEST;
    response.headers_mut().insert(REPLICA, HeaderValue::from_static("not-the-owner"));
    response
}

/// The owner's answer, as it comes.
fn answered(
    emulator: &Arc<Emulator>,
    control: &Arc<Control>,
    parts: &mut Parts,
    mut answer: Response<Incoming>,
) -> Response<ResponseBody> {
    if answer.status() == StatusCode::SWITCHING_PROTOCOLS
        && let Some(client) = parts.extensions.remove::<OnUpgrade>()
    {
        let owner = hyper::upgrade::on(&mut answer);
        let (open, control) = (emulator.opened(), control.clone());
        let mut stopping = emulator.stopping();
        runtime::spawn(async move {
            let _open = open;
            let (Ok(client), Ok(owner)) = tokio::join!(client, owner) else { return };
            control.upgrade();
            let (mut client, mut owner) = (TokioIo::new(client), TokioIo::new(owner));
            tokio::select! {
                _ = copy_bidirectional(&mut client, &mut owner) => {}
                () = stopping.stopped() => {}
            }
        });
        return answer.map(|_| ResponseBody::Full(None));
    }
    let (mut head, body) = answer.into_parts();
    head.headers = passing(&head.headers);
    head.version = hyper::Version::HTTP_11;
    head.extensions.clear();
    Response::from_parts(head, ResponseBody::Owner(Box::new((body, control.clone()))))
}

/// The key of the session that a control route concerns: by the request's key, or by the name of a session in its path or
/// body.
pub(super) async fn control_key(emulator: &Emulator, parts: &Parts, body: &mut RequestBody) -> Option<String> {
    let path = parts.uri.path();
    if !room::is_asked(path) && control::scope(path) == ControlScope::Session {
        return key::control_key(emulator, &parts.headers).ok();
    }
    // A name is short: what is longer is none.
    let bytes = match is_small(body) {
        true => ahead(emulator, body).await.ok()?.ok()?,
        false => Bytes::new(),
    };
    control::named(parts.method.as_str(), path, &bytes)
}

/// Lets the owner of a session make it, where the control room is asked to. Ok = that is this one, or it is something else.
///
/// # Errors
/// What the other one says.
pub(super) async fn pass_room(
    emulator: &Arc<Emulator>,
    control: &Arc<Control>,
    visitor: &Visitor,
    parts: &mut Parts,
    mut body: RequestBody,
) -> Result<RequestBody, Result<Response<ResponseBody>, Cut>> {
    let names = parts.uri.path() == "/api/sessions" && parts.method == hyper::Method::POST;
    if emulator.cluster.is_none() || !names || room::check(emulator, visitor, &parts.headers).is_err() {
        return Ok(body);
    }
    let Some(key) = control_key(emulator, parts, &mut body).await else { return Ok(body) };
    match pass(emulator, control, &key, parts, body).await {
        PassOutcome::Here(body) => Ok(body),
        PassOutcome::Passed(answer) => Err(answer),
        PassOutcome::Refused(error) => Err(Ok(respond::refused(&error))),
    }
}

/// What a message over the control room's socket leads to, if it is about a request that waits at another replica.
pub(super) async fn act(emulator: &Arc<Emulator>, name: &str, heard: &str) -> Option<Value> {
    emulator.cluster.as_ref()?;
    let given: Map<String, Value> = serde_json::from_str(heard).ok()?;
    let kind = given
        .get("type")?
        .as_str()
        .filter(|kind| kind.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'_'))?;
    let id = given.get("id")?;
    let id = id.as_u64().or_else(|| id.as_str()?.parse().ok())?;
    let operator = emulator.desk.named(name);
    let target = format!("/api/pending/{id}/{kind}");
    let asked = AskedElsewhere { method: "POST", target: &target, body: heard, operator: &operator };
    let error = match emulator.ask_where_it_waits(id, &asked).await {
        Ok(None) => return None,
        Ok(Some((status, _))) if status < 400 => {
            return Some(watch::acknowledged(&given, kind, serde_json::json!({})));
        }
        Ok(Some((status, refused))) => ApiError::told(status, &refused),
        Err(error) => error,
    };
    Some(watch::failed(&given, &error))
}
