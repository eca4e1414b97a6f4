//! What concerns sessions that other replicas own: each answers for its own, and the one that is asked says it together.

use super::exchanges::limit;
use super::statistics::Statistics;
use super::{RoomAnswer, RoomRequest, bypass};
use crate::cluster::AskedElsewhere;
use crate::desk::history;
use crate::emulator::Emulator;
use crate::url;
use crate::wire::error::ApiError;
use serde_json::{Value, json};
use std::sync::Arc;

/// The answer of all replicas to a request; `answer` = what this one says for itself.
///
/// # Errors
/// What was wrong; or one of the replicas does not answer, or the store cannot be used.
pub(crate) async fn everywhere(
    emulator: &Arc<Emulator>,
    request: &RoomRequest<'_>,
    answer: Result<RoomAnswer, ApiError>,
) -> Result<RoomAnswer, ApiError> {
    if emulator.cluster.is_none() {
        return answer;
    }
    let path: Vec<&str> = request.path.iter().map(String::as_str).collect();
    match (request.method, path.as_slice()) {
        ("GET", ["sessions"]) => Ok(listed(all(emulator, request, answer?).await?, usize::MAX, false)),
        ("GET", ["exchanges"]) => {
            let limit = limit(request)?;
            Ok(listed(all(emulator, request, answer?).await?, limit, true))
        }
        ("GET", ["bypass", "history"]) => Ok(listed(all(emulator, request, answer?).await?, history::MOST, true)),
        ("GET", ["statistics"]) => {
            let mut sum = Statistics::default();
            for part in all(emulator, request, answer?).await? {
                sum.add(serde_json::from_value(part).unwrap_or_default());
            }
            Ok(sum.told().into())
        }
        ("DELETE", ["exchanges"]) => all(emulator, request, answer?).await.map(|mut all| all.swap_remove(0).into()),
        // One that is not reached asks for it, once it has read that there is another.
        ("PUT", ["bypass", "config"]) if answer.is_ok() && !request.json()?["api_key"].is_null() => {
            let (target, body) = ("/api/bypass/key", bypass::key(emulator).to_string());
            let _ = emulator.ask_others(&AskedElsewhere { method: "PUT", target, body: &body, operator: "" }).await;
            answer
        }
        // Whoever has it answers; nobody else does.
        (_, ["sessions" | "exchanges", _, ..]) if is_unknown(&answer, "not_found") => {
            let told = emulator.ask_others(&request.elsewhere()).await?;
            let found = told.into_iter().find(|(status, told)| *status != 404 || told["error"]["code"] != "not_found");
            found.map_or(answer, read)
        }
        (_, ["pending", id, _]) if is_unknown(&answer, "not_pending") => {
            let id = id.parse().unwrap_or_default();
            emulator.ask_where_it_waits(id, &request.elsewhere()).await?.map_or(answer, read)
        }
        _ => answer,
    }
}

/// Calls the queue of a session that another replica owns as it is called there: by the session's name, not by its key.
///
/// # Errors
/// One of the replicas does not answer, or the store cannot be used.
pub(crate) async fn named_queue(emulator: &Arc<Emulator>, request: &mut RoomRequest<'_>) -> Result<(), ApiError> {
    let [room, address, ..] = &request.path[..] else { return Ok(()) };
    let is_unknown =
        room == "preset-queue" && address.starts_with("session:") && emulator.queue_owner(address).is_none();
    let Ok(own) = emulator.queue_name(address) else { return Ok(()) };
    if emulator.cluster.is_none() || !is_unknown {
        return Ok(());
    }
    let target = format!("/api/preset-queue/{}", url::encode(address));
    let asked = AskedElsewhere { method: "GET", target: &target, body: "", operator: "" };
    for (_, told) in emulator.ask_others(&asked).await? {
        if let Some(name) = told["ip"].as_str().filter(|name| **name != own) {
            request.path[1] = name.to_string();
            request.queue_is_named = true;
        }
    }
    Ok(())
}

fn is_unknown(answer: &Result<RoomAnswer, ApiError>, code: &str) -> bool {
    answer.as_ref().err().is_some_and(|error| error.status == 404 && error.code.as_deref() == Some(code))
}

fn read((status, told): (u16, Value)) -> Result<RoomAnswer, ApiError> {
    if status < 400 { Ok(told.into()) } else { Err(ApiError::told(status, &told)) }
}

/// What all replicas answer, this one first.
async fn all(emulator: &Arc<Emulator>, request: &RoomRequest<'_>, answer: RoomAnswer) -> Result<Vec<Value>, ApiError> {
    let told = emulator.ask_others(&request.elsewhere()).await?;
    let told = told.into_iter().map(|told| read(told).map(|answer| answer.value));
    std::iter::once(Ok(answer.value)).chain(told).collect()
}

/// Lists in one, by their ids.
fn listed(lists: Vec<Value>, limit: usize, newest_first: bool) -> RoomAnswer {
    let more = lists.iter().any(|list| list["has_more"] == true);
    let mut data: Vec<Value> = Vec::new();
    let mut shown = Value::Null;
    for mut list in lists {
        if let Some(part) = list["data"].as_array_mut() {
            data.append(part);
        }
        shown = list;
    }
    data.sort_by_cached_key(|one| one["id"].as_str().and_then(|number| number.parse::<u64>().ok()));
    if newest_first {
        data.reverse();
    }
    if shown.get("has_more").is_some() {
        shown["has_more"] = json!(more || data.len() > limit);
    }
    data.truncate(limit);
    shown["data"] = data.into();
    shown.into()
}
