//! The routes of preset queues.

use crate::clock;
use crate::desk::queues::{self, QueueRefusal, shown};
use crate::emulator::Emulator;
use crate::room::{RoomAnswer, RoomRequest};
use crate::wire::error::{ApiError, type_name};
use serde_json::{Map, Value, json};

/// Bytes of an import.
const IMPORT: usize = 10 << 20;

pub(super) fn handle(emulator: &Emulator, request: &RoomRequest, path: &[&str]) -> Result<RoomAnswer, ApiError> {
    let queues = &emulator.desk.queues;
    let named;
    let (address, rest) = match path {
        [] | ["export" | "import"] => ("", path),
        [address, rest @ ..] if request.queue_is_named => (*address, rest),
        [address, rest @ ..] => {
            named = name(emulator, address, "address")?;
            (named.as_str(), rest)
        }
    };
    let updated = |address: &str| emulator.tell_queue(address);
    let added = |(id, length): (String, usize)| json!({"success": true, "response_id": id, "queue_length": length});
    let value = match (request.method, address, rest) {
        ("GET", "", []) => {
            let all = queues.list().into_iter();
            let all = all.map(|(address, items)| (address, json!({"count": items.len(), "items": items})));
            json!({"queues": all.collect::<Map<_, _>>()})
        }
        ("DELETE", "", []) => {
            queues.clear_all();
            emulator.desk.events.tell("all_queues_updated", || json!({}));
            json!({"success": true})
        }
        ("GET", "", ["export"]) => {
            let all: Map<String, Value> = queues
                .list()
                .into_iter()
                .filter(|(_, items)| !items.is_empty())
                .map(|(address, items)| (address, exported(items, request)))
                .collect();
            if all.is_empty() {
                return Err(ApiError::new(404, "There is nothing to export: all queues are empty.").code("not_found"));
            }
            return Ok(RoomAnswer { value: all.into(), file: Some(format!("queue_all_{}.json", stamp())) });
        }
        ("POST", "", ["import"]) => {
            let mut sum = Added::default();
            for (address, items) in all_queues(emulator, importable(request)?)? {
                sum.add(emulator, &address, &items, &Map::new(), Some(&address));
                updated(&address);
            }
            sum.answer(true, None)
        }
        ("GET", _, []) => shown(address, queues.items(address)),
        ("POST", _, []) => {
            let answer = added(queues.add(address, &request.object()?)?);
            updated(address);
            answer
        }
        ("DELETE", _, []) => {
            match queues.clear(address) {
                Err(QueueRefusal::Unknown(_)) if request.query("missing") == Some("ok") => {}
                cleared => cleared?,
            }
            updated(address);
            json!({"success": true})
        }
        ("POST", _, ["batch"]) => {
            let mut given = request.object()?;
            let whole = match given.shift_remove("whole") {
                None | Some(Value::Null) => false,
                Some(whole) => whole.as_bool().ok_or_else(|| ApiError::invalid_type("whole", "a boolean", &whole))?,
            };
            let items = ["responses", "items"].into_iter().find_map(|key| Some((key, given.shift_remove(key)?)));
            let Some((key, Value::Array(items))) = items else {
                return Err(ApiError::invalid("responses: expected a list of bodies (or items: a list of items)")
                    .param("responses"));
            };
            general(&given)?;
            if whole {
                checked(key, &items, &given)?;
            }
            let mut sum = Added::default();
            match key {
                "responses" => {
                    let items: Vec<Value> = items.into_iter().map(|response| json!({"response": response})).collect();
                    sum.add(emulator, address, &items, &given, None);
                }
                _ => sum.add(emulator, address, &items, &given, None),
            }
            updated(address);
            sum.answer(false, Some(queues.items(address).len()))
        }
        ("POST", _, ["import"]) => {
            let items = importable(request)?;
            let items = items.as_array().ok_or_else(|| {
                ApiError::invalid("An import is a list: of bodies, or of items as an export has them.")
                    .code("invalid_json")
            })?;
            let mut sum = Added::default();
            sum.add(emulator, address, items, &Map::new(), None);
            updated(address);
            sum.answer(true, Some(queues.items(address).len()))
        }
        ("GET", _, ["export"]) => {
            let items = queues.items(address);
            if items.is_empty() {
                return Err(ApiError::new(404, format!("The queue {address:?} is empty: there is nothing to export."))
                    .code("not_found"));
            }
            let safe: String =
                address.chars().map(|c| if c.is_ascii_alphanumeric() || ".-_".contains(c) { c } else { '_' }).collect();
            return Ok(RoomAnswer {
                value: exported(items, request),
                file: Some(format!("queue_{safe}_{}.json", stamp())),
            });
        }
        ("PATCH" | "PUT", _, [id]) => {
            let mut given = request.object()?;
            if let Some(Value::String(to)) = given.get_mut("queue") {
                *to = name(emulator, to, "queue")?;
            }
            let (item, length) = queues.change(address, id, &given)?;
            updated(address);
            if let Some(to) = given.get("queue").and_then(Value::as_str).filter(|to| *to != address) {
                updated(to);
            }
            json!({"success": true, "item": item, "queue_length": length})
        }
        ("POST", _, [id, "duplicate"]) => {
            let answer = added(queues.duplicate(address, id)?);
            updated(address);
            answer
        }
        ("DELETE", _, [id]) => {
            queues.delete(address, id)?;
            updated(address);
            json!({"success": true})
        }
        _ => return Err(request.unknown()),
    };
    Ok(value.into())
}

/// The queues of an import, by their names: all of it is read before any of it is added.
fn all_queues(emulator: &Emulator, given: Value) -> Result<Vec<(String, Vec<Value>)>, ApiError> {
    let Value::Object(given) = given else {
        let message = "An import of all queues is an object: {address: [item, …]}.";
        return Err(ApiError::invalid(message).code("invalid_json"));
    };
    let queue = |(address, mut items): (String, Value)| {
        let name = name(emulator, &address, "address")?;
        let listed = items.get_mut("items").map(Value::take);
        match listed.unwrap_or(items) {
            Value::Array(items) => Ok((name, items)),
            _ => Err(ApiError::invalid(format!("The queue {name:?} is no list of items.")).param(name)),
        }
    };
    given.into_iter().map(queue).collect()
}

/// The name that a queue has, of those it may be called by; `place` = where it is written.
fn name(emulator: &Emulator, address: &str, place: &str) -> Result<String, ApiError> {
    emulator
        .queue_name(address)
        .map_err(|why| ApiError::invalid(format!("{place}: {why}")).param(place).code("invalid_address"))
}

/// Refuses a batch of which an item is none.
fn checked(key: &str, items: &[Value], general: &Map<String, Value>) -> Result<(), ApiError> {
    for (index, item) in items.iter().enumerate() {
        let within = |error: ApiError| {
            let place = error.param.as_deref().map_or(String::new(), |param| format!(".{param}"));
            ApiError { message: format!("{key}[{index}]: {}", error.message), ..error }
                .param(format!("{key}[{index}]{place}"))
        };
        let checked = keys(item, general).map_err(QueueRefusal::Wrong).and_then(queues::check);
        checked.map_err(|refused| within(refused.into()))?;
    }
    Ok(())
}

/// Refuses what cannot hold for the items of a batch, also where it has none.
fn general(given: &Map<String, Value>) -> Result<(), ApiError> {
    // A body that can have all of it.
    let body = json!({"choices": [{"message": {"content": ""}}]});
    let mut item = given.clone();
    item.insert("response".into(), body);
    Ok(queues::check(item)?)
}

/// An item's keys: as they are, or those of an item with this body; `general` = what holds where they do not say it.
fn keys(item: &Value, general: &Map<String, Value>) -> Result<Map<String, Value>, String> {
    let mut keys = match item {
        // A body has neither.
        Value::Object(keys) if keys.contains_key("response") || keys.contains_key("reply") => keys.clone(),
        Value::Object(_) => Map::from_iter([("response".into(), item.clone())]),
        other => return Err(format!("expected an object, but got {}", type_name(other))),
    };
    for (key, value) in general {
        keys.entry(key.clone()).or_insert_with(|| value.clone());
    }
    Ok(keys)
}

/// What became of several items.
#[derive(Default)]
struct Added {
    total: usize,
    added: Vec<String>,
    errors: Vec<Value>,
}

impl Added {
    /// Adds items, or bodies: see [`keys`].
    fn add(
        &mut self,
        emulator: &Emulator,
        address: &str,
        items: &[Value],
        general: &Map<String, Value>,
        queue: Option<&str>,
    ) {
        for (index, item) in items.iter().enumerate() {
            self.total += 1;
            let mut general = general.clone();
            // Of several at one place, each stands behind the one before.
            if let Some(place) = general.get("position").and_then(Value::as_u64) {
                general["position"] = place.saturating_add(self.added.len() as u64).into();
            }
            let keys = keys(item, &general).map_err(QueueRefusal::Wrong);
            let added = keys.and_then(|keys| emulator.desk.queues.add(address, &keys));
            match added {
                Ok((id, _)) => self.added.push(id),
                Err(QueueRefusal::Wrong(error) | QueueRefusal::Unknown(error)) => {
                    let mut told = json!({"index": index, "error": error});
                    if let Some(queue) = queue {
                        told["queue"] = queue.into();
                    }
                    self.errors.push(told);
                }
            }
        }
    }

    fn answer(self, total: bool, length: Option<usize>) -> Value {
        let mut answer = json!({
            "success": !self.added.is_empty() || self.total == 0,
            "added_count": self.added.len(),
            "response_ids": self.added,
            "failed_count": self.errors.len(),
            "errors": self.errors,
        });
        if total {
            answer["total"] = self.total.into();
        }
        if let Some(length) = length {
            answer["queue_length"] = length.into();
        }
        answer
    }
}

fn importable(request: &RoomRequest) -> Result<Value, ApiError> {
    if request.body.len() > IMPORT {
        return Err(ApiError::invalid(format!(
            "The file has {} bytes; an import may have {IMPORT}.",
            request.body.len()
        ))
        .code("file_too_large"));
    }
    request.json()
}

/// Items as a file keeps them; `?format=bare`: their bodies alone.
fn exported(items: Vec<Value>, request: &RoomRequest) -> Value {
    if request.query("format") != Some("bare") {
        return items.into();
    }
    items.into_iter().filter_map(|mut item| item.get_mut("response").map(Value::take)).collect()
}

/// `20261126_143000`.
fn stamp() -> String {
    let date = httpdate::HttpDate::from(std::time::UNIX_EPOCH + clock::world()).to_string();
    // Thu, 26 Nov 2026 14:30:00 GMT
    let part = |range| date.get(range).unwrap_or_default();
    const MONTHS: &str = "JanFebMarAprMayJunJulAugSepOctNovDec";
    let month = MONTHS.find(part(8..11)).map_or(1, |at| at / 3 + 1);
    format!("{}{month:02}{}_{}", part(12..16), part(5..7), part(17..25).replace(':', ""))
}

#[cfg(test)]
mod tests {
    #[test]
    fn a_stamp_is_digits_that_sort() {
        let stamp = super::stamp();
        assert!(stamp.len() == 15 && stamp.as_bytes()[8] == b'_' && stamp.starts_with("20"), "{stamp}");
        assert!(stamp.bytes().all(|byte| byte.is_ascii_digit() || byte == b'_'), "{stamp}");
    }
}
