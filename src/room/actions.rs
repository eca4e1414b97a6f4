//! What a person does with a request that waits; over HTTP and over the socket alike.

use crate::control::routes::refuse_unknown;
use crate::desk::breakpoints::PausePlace;
use crate::desk::pending::{Actor, Decision, PausedChange, PendingRequest};
use crate::desk::preset::{self, Preset};
use crate::desk::summary::completed;
use crate::emulator::Emulator;
use crate::reply::{Finish, Raw, RawBody, Reply, Say};
use crate::room::RoomRequest;
use crate::room::words::Action;
use crate::script::{self, Origin, ScriptError};
use crate::session::Session;
use crate::wire::error::ApiError;
use serde_json::{Map, Value, json};
use std::sync::Arc;

pub(super) fn handle(emulator: &Arc<Emulator>, request: &RoomRequest, path: &[&str]) -> Result<Value, ApiError> {
    match (request.method, path) {
        ("GET", []) => Ok(json!({"object": "list", "data": emulator.desk.waiting()})),
        ("POST", [id, action]) => {
            let mut given = request.object()?;
            given.insert("id".into(), (*id).into());
            let actor = actor(&given, request.operator);
            act(emulator, action, &given, &actor).map(|id| json!({"success": true, "id": id}))
        }
        _ => Err(request.unknown()),
    }
}

/// Who acts: the connection's name, and what the message says.
pub(crate) fn actor(given: &Map<String, Value>, name: &str) -> Actor {
    Actor {
        name: name.to_string(),
        shown: given.get("by").and_then(Value::as_str).map(|by| by.chars().take(100).collect()),
        force: given.get("force") == Some(&Value::Bool(true)),
    }
}

/// A message's text of this name.
///
/// # Errors
/// There is none, or it is something else.
pub(crate) fn text<'a>(given: &'a Map<String, Value>, name: &str) -> Result<&'a str, ApiError> {
    match given.get(name) {
        Some(Value::String(text)) => Ok(text),
        Some(other) => Err(ApiError::invalid_type(name, "a string", other)),
        None => Err(ApiError::missing(name)),
    }
}

/// Does one of the actions; gives the id of the request it was done with.
///
/// # Errors
/// There is no such action, the request does not wait, another holds it, or the answer is none.
pub(crate) fn act(
    emulator: &Arc<Emulator>,
    action: &str,
    given: &Map<String, Value>,
    actor: &Actor,
) -> Result<String, ApiError> {
    let known = Action::named(action)?;
    let action = known.name;
    let id = match given.get("id") {
        Some(Value::String(id)) => id.parse().ok(),
        Some(id) => id.as_u64(),
        None => return Err(ApiError::missing("id")),
    };
    let id: u64 = id.ok_or_else(|| {
        ApiError::new(404, "No request has such an id: GET /api/pending lists them.").code("not_pending")
    })?;
    let (pending, events) = (&emulator.desk.pending, &emulator.desk.events);
    let open = pending.find(id)?;
    allowed(action, &open)?;
    known.check(given)?;
    let PendingRequest { session, exchange, paused, typed } = open;
    let decide = |decision| pending.decide(events, id, actor, action, decision, || ());
    match action {
        "claim" => pending.claim(events, id, actor)?,
        "release" => pending.release(events, id, actor)?,
        "type" => {
            pending.typed(events, id, actor, text(given, "text")?)?;
        }
        "finish" => pending.finish(events, id, actor, Ok(finish(given.get("finish_reason"))?))?,
        "cut" if typed => {
            let broken = ApiError::new(500, "The operator broke the answer off.").kind("server_error");
            pending.finish(events, id, actor, Err(broken))?;
        }
        "cut" => decide(Decision::Cut)?,
        "fallback" => {
            let to = match given.get("to") {
                None | Some(Value::Null) => None,
                Some(Value::String(to)) if ["echo", "generate", "error"].contains(&to.as_str()) => Some(to.clone()),
                Some(to) => {
                    let to = to.as_str().unwrap_or("?");
                    return Err(ApiError::invalid_value("to", to, &["echo", "generate", "error"]));
                }
            };
            decide(Decision::Fallback(to))?;
        }
        "upstream" => {
            if !emulator.upstream.target().configured {
                return Err(
                    ApiError::new(409, "Nobody said which API is the upstream: set it first.").code("no_upstream")
                );
            }
            decide(Decision::Upstream)?;
        }
        "answer" => {
            let (given_reply, reply) = reply(given)?;
            let rule = given
                .get("keep")
                .filter(|keep| !keep.is_null())
                .map(|keep| kept(keep, given_reply, &session, emulator));
            let rule = rule.transpose()?;
            let kept = rule.is_some();
            let load = || rule.into_iter().for_each(|load| session.load(load));
            pending.decide(events, id, actor, action, Decision::Reply(Box::new(reply)), load)?;
            if kept {
                events.tell("sessions_changed", || json!({}));
            }
        }
        "go" | "step" => decide(Decision::Go { step: action == "step", change: None })?,
        "drop" | "edit" => {
            let change = match paused {
                _ if action == "drop" => PausedChange::Dropped,
                Some(PausePlace::Answer) => PausedChange::Reply(Box::new(reply(given)?.1)),
                _ => PausedChange::Text(text(given, "text")?.into()),
            };
            let step = given.get("step") == Some(&Value::Bool(true));
            decide(Decision::Go { step, change: Some(change) })?;
        }
        _ => {
            let response = given.get("response").ok_or_else(|| ApiError::missing("response"))?;
            let mut keys = Map::from_iter([("response".to_string(), response.clone())]);
            keys.extend(given.get("status_code").map(|status| ("status_code".to_string(), status.clone())));
            let (reply, status) = verbatim(keys, response, exchange.stream)?;
            decide(Decision::Reply(Box::new(reply)))?;
            events.tell("completed_request", || completed(&exchange, response, status, "operator"));
        }
    }
    Ok(id.to_string())
}

/// Whether an action is one for what waits here: a request without an answer, an answer, or a piece that has stopped.
fn allowed(action: &str, open: &PendingRequest) -> Result<(), ApiError> {
    let waits = match (action, open.paused) {
        ("claim" | "release" | "cut", _) => return Ok(()),
        ("go" | "step" | "edit" | "drop", Some(_)) => return Ok(()),
        ("type" | "finish", None) => return Ok(()),
        ("answer" | "send_response" | "fallback" | "upstream", None | Some(PausePlace::Answer)) => return Ok(()),
        (_, None) => {
            let message = format!("The request has no answer that has stopped: {action} is for one at a breakpoint.");
            return Err(ApiError::new(409, message).code("not_paused"));
        }
        (_, Some(PausePlace::Answer)) => "The request's answer has stopped at a breakpoint",
        (_, Some(PausePlace::Piece(_))) => "The request's answer is on its way and has stopped at a piece",
    };
    Err(ApiError::new(409, format!("{waits}: go, step, edit, drop or cut it.")).code("paused"))
}

/// The reply of a message, as written and read.
fn reply(given: &Map<String, Value>) -> Result<(&Value, Reply), ApiError> {
    let written = given.get("reply").ok_or_else(|| ApiError::missing("reply"))?;
    let reply = preset::answer(written, "reply").map_err(|error| error.to_api_error("invalid_reply"))?;
    Ok((written, reply))
}

fn finish(reason: Option<&Value>) -> Result<Option<Finish>, ApiError> {
    let Some(reason) = reason.filter(|reason| !reason.is_null()) else { return Ok(None) };
    serde_json::from_value(reason.clone()).map(Some).map_err(|_| {
        let words = ["stop", "length", "tool_calls", "content_filter"];
        ApiError::invalid_value("finish_reason", reason.as_str().unwrap_or("?"), &words)
    })
}

/// A body as it is; what it means, where a stream is asked. Any JSON will do.
fn verbatim(keys: Map<String, Value>, response: &Value, stream: bool) -> Result<(Reply, u16), ApiError> {
    if response.is_object() {
        let item = Preset::read(keys, String::new(), std::time::Duration::ZERO)
            .map_err(|message| ApiError::invalid(message).code("invalid_reply"))?;
        let (reply, status) = item.spend(stream);
        return Ok((reply, status));
    }
    let status = keys.get("status_code").map_or(Some(200), Value::as_u64).and_then(|status| u16::try_from(status).ok());
    let status = status.filter(|status| (200..600).contains(status));
    let status = status.ok_or_else(|| {
        ApiError::invalid("status_code: expected an HTTP status from 200 to 599").param("status_code")
    })?;
    let raw = Raw { status, headers: Vec::new(), body: RawBody::Json(response.clone()) };
    Ok((Reply { say: Say::Raw(Box::new(raw)), ..Reply::default() }, status))
}

/// The rule that an answer becomes. A session whose first rule it is still lets people answer the rest.
fn kept(keep: &Value, reply: &Value, session: &Session, emulator: &Emulator) -> Result<script::Load, ApiError> {
    const KEYS: [&str; 2] = ["match", "times"];
    let given = keep.as_object().ok_or_else(|| ApiError::invalid_type("keep", "an object", keep))?;
    refuse_unknown("The rule that is kept", "key", given.keys().map(String::as_str), &KEYS)?;
    let mut rule = json!({"response": reply});
    for key in KEYS {
        if let Some(value) = given.get(key) {
            rule[key] = value.clone();
        }
    }
    let mut script = json!({"rules": [rule]});
    if !session.has_script(&emulator.shared()) {
        script["defaults"] = json!({"fallback": "manual"});
    }
    let text = emulator.data.is_some().then(|| script.to_string());
    let load = script::load_value(script, Origin::Http).map_err(|error| {
        let path = error.path.replace("rules[0]", "keep");
        ScriptError { path, ..error }.to_api_error("invalid_script")
    })?;
    Ok(match text {
        Some(text) => load.written(&text),
        None => load,
    })
}
