//! Exchanges of all sessions, newest first, and one as a whole.

use crate::desk::summary::{conversation, summary, whole};
use crate::emulator::Emulator;
use crate::room::RoomRequest;
use crate::session::Session;
use crate::session::exchange::Exchange;
use crate::sorting;
use crate::wire::error::ApiError;
use serde_json::{Value, json};
use std::sync::Arc;

/// Exchanges of one answer, at most.
const PAGE: usize = 500;

pub(super) fn handle(emulator: &Emulator, request: &RoomRequest, path: &[&str]) -> Result<Value, ApiError> {
    match (request.method, path) {
        ("GET", []) => list(emulator, request),
        ("DELETE", []) => {
            emulator.sessions().iter().for_each(|session| session.journal.clear());
            Ok(json!({"success": true}))
        }
        ("GET", [id]) => find(emulator, id).map(|(session, exchange)| detail(&session, &exchange)),
        _ => Err(request.unknown()),
    }
}

fn number(request: &RoomRequest, name: &str) -> Result<Option<u64>, ApiError> {
    let Some(text) = request.query(name) else { return Ok(None) };
    text.parse().map(Some).map_err(|_| ApiError::invalid(format!("{name}: expected a number")).param(name))
}

/// How many exchanges are asked for.
///
/// # Errors
/// It is no number.
pub(super) fn limit(request: &RoomRequest) -> Result<usize, ApiError> {
    Ok(number(request, "limit")?.map_or(100, |limit| (limit as usize).clamp(1, PAGE)))
}

fn list(emulator: &Emulator, request: &RoomRequest) -> Result<Value, ApiError> {
    let before = number(request, "before")?.unwrap_or(u64::MAX);
    let limit = limit(request)?;
    let wanted = request.query("q").map(str::to_lowercase);
    let mut found: Vec<(Arc<Session>, Arc<Exchange>)> = Vec::new();
    for session in emulator.sessions() {
        if request.query("session").is_some_and(|id| id != session.serial.to_string()) {
            continue;
        }
        let fits = |exchange: &Exchange| fits(&session, exchange, request, wanted.as_deref());
        let newest = session.journal.before(before, limit + 1, fits);
        found.extend(newest.into_iter().map(|exchange| (session.clone(), exchange)));
    }
    sorting::by_key(&mut found, |(_, exchange)| std::cmp::Reverse(exchange.serial));
    let more = found.len() > limit;
    found.truncate(limit);
    let data: Vec<Value> = found.iter().map(|(session, exchange)| summary(session, exchange)).collect();
    Ok(json!({"object": "list", "data": data, "has_more": more}))
}

fn fits(session: &Session, exchange: &Exchange, request: &RoomRequest, text: Option<&str>) -> bool {
    if request.query.iter().all(|(name, _)| !matches!(name.as_str(), "q" | "outcome" | "state")) {
        return true;
    }
    let shown = whole(session, exchange);
    let is = |name: &str| request.query(name).is_none_or(|wanted| shown[name] == wanted);
    is("outcome")
        && is("state")
        && text.is_none_or(|text| {
            let texts = ["asked", "said", "model", "operation", "path", "session", "rule", "request_id"];
            texts.iter().any(|key| shown[key].as_str().is_some_and(|shown| shown.to_lowercase().contains(text)))
        })
}

/// An exchange by its id.
///
/// # Errors
/// No journal keeps it.
pub(crate) fn find(emulator: &Emulator, id: &str) -> Result<(Arc<Session>, Arc<Exchange>), ApiError> {
    let unknown = || ApiError::new(404, format!("No journal keeps an exchange {id:?} (any more).")).code("not_found");
    let serial: u64 = id.parse().map_err(|_| unknown())?;
    emulator
        .sessions()
        .into_iter()
        .find_map(|session| {
            let found = session.journal.before(serial.saturating_add(1), 1, |_| true).pop()?;
            (found.serial == serial).then_some((session, found))
        })
        .ok_or_else(unknown)
}

fn detail(session: &Session, exchange: &Exchange) -> Value {
    let mut shown = whole(session, exchange);
    let record = exchange.to_json(session.clock.now());
    for key in ["headers", "body", "tool_results", "explanation", "warnings"] {
        shown[key] = record[key].clone();
    }
    shown["conversation"] = conversation(&shown["body"]);
    // What nobody could look at was not kept.
    let nothing = || json!({"headers": {}, "events": [], "bytes": 0, "truncated": true});
    shown["answer"] = exchange.sent.get().map_or_else(nothing, |sent| sent.to_json(exchange.arrived));
    shown["answer"]["status"] = record["status"].clone();
    shown
}
