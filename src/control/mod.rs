//! The control plane: `/_emulator/*`, the same in-process and over HTTP.

mod everywhere;
pub(crate) mod routes;

pub(crate) use everywhere::{everywhere, named};

use crate::bounds::Bounds;
use crate::clock::{LONGEST, Mode, Refused, milliseconds};
use crate::emulator::{Emulator, script_room};
use crate::redact::redact;
use crate::script;
use crate::script::Origin;
use crate::session::exchange::Exchange;
use crate::session::store::rows::SessionRows;
use crate::session::transcript;
use crate::session::{MOST_NAMES, Session, Shared};
use crate::sorting;
use crate::turn::accepted;
use crate::url;
use crate::wire::error::ApiError;
use serde_json::{Value, json};
use std::sync::Arc;
use std::time::Duration;

/// A control request.
pub(crate) struct ControlRequest<'a> {
    /// `None` = emulator-wide.
    pub key: Option<&'a str>,
    pub method: &'a str,
    /// With query.
    pub path: &'a str,
    pub body: &'a str,
    /// From the host process: `state` needs no `debug`, scripts may hold functions.
    pub in_process: bool,
}

/// Rules a session holds at most, over all its loads.
const MOST_RULES: usize = 100_000;

/// Exchanges listed at most in one answer.
const PAGE: usize = 1_000;

/// Bytes of requests listed at most in one answer: their JSON takes a multiple of it while it is made.
const PAGE_BYTES: usize = 16 << 20;

/// How many of these exchanges fit into one answer; the first does in any case.
fn fitting<'a>(exchanges: impl Iterator<Item = &'a Arc<Exchange>>) -> usize {
    let mut room = PAGE_BYTES;
    let fits = |(place, exchange): &(usize, &Arc<Exchange>)| {
        let left = room.checked_sub(exchange.size());
        room = left.unwrap_or(0);
        *place == 0 || left.is_some()
    };
    exchanges.enumerate().take_while(fits).count()
}

/// Whom a control route concerns.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum ControlScope {
    /// Nobody: it tells what this is.
    None,
    /// All sessions.
    Emulator,
    /// The session of the key.
    Session,
}

/// Whom the route at a path concerns.
pub(crate) fn scope(path: &str) -> ControlScope {
    match path {
        "/_emulator" | "/_emulator/" => ControlScope::None,
        "/_emulator/shared-script" => ControlScope::Emulator,
        _ if path.starts_with("/_emulator/sessions") => ControlScope::Emulator,
        _ => ControlScope::Session,
    }
}

/// The API key of a named session.
pub(crate) fn key_of_name(name: &str) -> String {
    let safe: String =
        name.chars().map(|c| if c.is_ascii_alphanumeric() || c == '-' { c } else { '-' }).take(32).collect();
    // Different names must not meet in one key when their special characters vanish.
    format!("sk-llemulator-{safe}-{:08x}", crate::random::key(0, &[name.as_bytes()]) as u32)
}

/// Runs a control route for the host process. `key` None = emulator-wide.
pub(crate) fn in_process(
    emulator: &Arc<Emulator>,
    key: Option<&str>,
    method: &str,
    path: &str,
    body: &str,
) -> (u16, Value) {
    handle(emulator, &ControlRequest { key, method, path, body, in_process: true })
}

/// Waits for what a route asks after: a verdict is no better than the news of the connections it is about.
pub(crate) async fn settle(emulator: &Arc<Emulator>, key: Option<&str>, path: &str) {
    if let (Some(key), "/_emulator/verify") = (key, path) {
        let session = emulator.session(key);
        session.journal.settle().await;
    }
}

/// Serves a control request.
pub(crate) fn handle(emulator: &Arc<Emulator>, request: &ControlRequest) -> (u16, Value) {
    let (path, query) = request.path.split_once('?').unwrap_or((request.path, ""));
    let query = url::query(query);
    // Errors name the path; a query may hold a key.
    let request = &ControlRequest { path, ..*request };
    let below = path.strip_prefix("/_emulator/").unwrap_or(path);
    if let Err(error) = routes::check(request.method, path, &query, request.body) {
        return (error.status, error.envelope());
    }
    let answer = match (request.method, below) {
        ("GET", "/_emulator" | "") => Ok(routes::list()),
        (_, "sessions") => sessions(emulator, request),
        ("DELETE", named) if named.starts_with("sessions/") => Ok(close(emulator, &url::decode(&named[9..]))),
        ("POST", "shared-script") => load(emulator, None, request),
        _ => match request.key {
            None if below == "script" && request.method == "POST" => load(emulator, None, request),
            None if routes::is_known(request.method, path) => {
                Err(ApiError::new(404, format!("{path} belongs to a session: name one by its API key.")))
            }
            None => Err(routes::unknown(request.method, path)),
            Some(key) => in_session(emulator, &emulator.session(key), request, below, &query),
        },
    };
    match answer {
        Ok(value) => (200, value),
        Err(error) => (error.status, error.envelope()),
    }
}

/// The routes of one session.
fn in_session(
    emulator: &Arc<Emulator>,
    session: &Arc<Session>,
    request: &ControlRequest,
    route: &str,
    query: &[(String, String)],
) -> Result<Value, ApiError> {
    let number =
        |name: &str| query.iter().find(|(key, _)| key == name).and_then(|(_, value)| value.parse::<u64>().ok());
    let shared = emulator.shared();
    match (request.method, route) {
        ("POST", "script") => load(emulator, Some(session), request),
        ("POST", "reset") => {
            emulator.reset(session);
            Ok(json!({"status": "reset"}))
        }
        ("GET", "state") if !request.in_process && !emulator.settings.debug => {
            Err(ApiError::new(403, "Debug mode not enabled").kind("forbidden"))
        }
        ("GET", "state") => Ok(json!({
            "status": "active",
            "token": redact(&session.key),
            "session": session.label(),
            "rules": session.rules(&shared),
            "models": models(emulator, session, &shared),
            "requests": session.journal.count(),
            "clock": clock(session),
        })),
        ("GET", "requests") => {
            // Before the list is made: what happens in between is news to who waits for more than this revision.
            let revision = session.journal.revision();
            let limit = number("limit").map_or(PAGE, |limit| limit as usize);
            let (found, more) = match number("last") {
                Some(last) => {
                    let found = session.journal.last((last as usize).min(limit));
                    let first = found.len() - fitting(found.iter().rev());
                    (found[first..].to_vec(), first > 0)
                }
                None => {
                    let mut found = session.journal.since(number("since").unwrap_or(0), limit.saturating_add(1));
                    let count = fitting(found.iter().take(limit));
                    let more = count < found.len();
                    found.truncate(count);
                    (found, more)
                }
            };
            let now = session.clock.now();
            Ok(json!({
                "object": "list",
                "data": found.iter().map(|exchange| exchange.to_json(now)).collect::<Value>(),
                "has_more": more,
                "completed": session.journal.completed_count(),
                "forgotten": session.journal.forgotten(),
                "revision": revision,
            }))
        }
        ("DELETE", "requests") => {
            session.journal.clear();
            Ok(json!({"status": "cleared"}))
        }
        ("GET", "verify") => Ok(verify(session, &emulator.unused(session))),
        ("GET", "clock") => Ok(clock(session)),
        ("PUT", "clock") => {
            advance(session, &parse(request.body)?)?;
            session.rows().into_iter().for_each(SessionRows::clock_moved);
            Ok(clock(session))
        }
        ("POST", release) if release.starts_with("release/") => {
            let name = url::decode(&release[8..]);
            if !session.release(&name) {
                return Err(ApiError::invalid(format!(
                    "The session has released {MOST_NAMES} names and may not release more: reset it."
                ))
                .code("too_many_names"));
            }
            Ok(json!({"status": "released", "name": name}))
        }
        (method, _) => Err(routes::unknown(method, request.path)),
    }
}

/// Loads a script into a session, or into the shared one.
fn load(emulator: &Arc<Emulator>, session: Option<&Arc<Session>>, request: &ControlRequest) -> Result<Value, ApiError> {
    if !request.in_process && serde_json::from_str::<serde::de::IgnoredAny>(request.body).is_err() {
        return Err(ApiError::invalid("Invalid JSON"));
    }
    let origin = if request.in_process { Origin::InProcess } else { Origin::Http };
    let load = script::load(request.body, origin).map_err(|error| error.to_api_error("invalid_script"))?;
    let load = if emulator.data.is_some() { load.written(request.body) } else { load };
    let rules = load.rules.len();
    let held =
        if load.reset { 0 } else { session.map_or(emulator.shared().rules.len(), |session| session.rule_count()) };
    if held + rules > MOST_RULES {
        return Err(ApiError::invalid(format!(
            "The session holds {held} rules and may hold {MOST_RULES}: load with \"reset\": true, or reset the session."
        ))
        .param("rules")
        .code("too_many_rules"));
    }
    match session {
        Some(session) => {
            emulator.make_room(session)?;
            script_room(&session.accounts.script, &load)?;
            session.load(load);
        }
        None => {
            emulator.check_room(&load)?;
            emulator.load_shared(load);
        }
    }
    Ok(json!({"status": "loaded", "rules": rules}))
}

/// What a test asks at its end: whether every reply was used, every request scripted and answered. The failures are of
/// all exchanges since the last reset, also of those the journal no longer keeps.
fn verify(session: &Session, unused: &[Value]) -> Value {
    let now = session.clock.now();
    let failed = session.journal.failed();
    let told = |code: fn(&str) -> bool| -> Vec<Value> {
        let chosen = failed.first.iter().filter(|(_, failure)| code(&failure.code));
        chosen
            .map(|(number, failure)| match session.journal.since(*number, 1).first() {
                Some(exchange) if exchange.number == *number => exchange.to_json(now),
                _ => json!({"number": number, "failure": failure, "explanation": failure.message}),
            })
            .collect()
    };
    let in_flight: Vec<Value> = session.journal.in_flight().iter().map(|exchange| exchange.to_json(now)).collect();
    json!({
        "ok": unused.is_empty() && failed.count == 0 && in_flight.is_empty(),
        "unused": unused,
        "unexpected": told(|code| code == "no_matching_rule"),
        "failed": told(|code| code != "no_matching_rule"),
        "failures": failed.count,
        "in_flight": in_flight,
        "forgotten": session.journal.forgotten(),
        "first_failure": failed.first.first().map(|(_, failure)| failure),
        "transcript": transcript::transcript(session, unused),
    })
}

/// The ids a session lists.
fn models(emulator: &Emulator, session: &Session, shared: &Shared) -> Vec<String> {
    let own = session.in_force(shared).models;
    accepted::listed(&emulator.settings, own.as_deref()).into_iter().map(|model| model.id.to_string()).collect()
}

/// Moves a session's clock by `advance_ms`.
fn advance(session: &Session, body: &Value) -> Result<(), ApiError> {
    let refused = |message: String| ApiError::invalid(message).param("advance_ms");
    let by = body.get("advance_ms").or_else(|| body.get("advance")).ok_or_else(|| ApiError::missing("advance_ms"))?;
    let by = by.as_f64().ok_or_else(|| ApiError::invalid_type("advance_ms", "a number", by))?;
    let bounds = Bounds { from: 0.0, to: LONGEST.as_millis() as f64 };
    let by = bounds.check("advance_ms", by).map_err(refused)?;
    session.clock.advance(milliseconds(by)).map_err(|reason| {
        refused(match reason {
            Refused::Real => {
                "The real clock cannot be advanced: make the session with clock `manual` or `instant`.".into()
            }
            Refused::PastEnd => "Invalid 'advance_ms': no clock runs past the year 9999.".into(),
        })
    })
}

fn clock(session: &Session) -> Value {
    let millis = |time: Duration| time.as_millis() as u64;
    json!({
        "mode": session.clock.mode(),
        "now": millis(session.clock.unix()),
        "elapsed_ms": millis(session.clock.now()),
        "pending": session.clock.pending().into_iter().map(millis).collect::<Vec<_>>(),
    })
}

/// All sessions: list them, make one.
fn sessions(emulator: &Arc<Emulator>, request: &ControlRequest) -> Result<Value, ApiError> {
    match request.method {
        "GET" => {
            let mut data: Vec<Value> = emulator
                .sessions()
                .iter()
                .map(|session| json!({"name": session.label(), "token": redact(&session.key), "requests": session.journal.count()}))
                .collect();
            sorting::by_key(&mut data, |session| session["name"].as_str().unwrap_or_default().to_string());
            Ok(json!({"object": "list", "data": data}))
        }
        "POST" => {
            let body: Value = parse(request.body)?;
            let name = body.get("name").ok_or_else(|| ApiError::missing("name"))?;
            let name = match name.as_str() {
                Some("") => {
                    return Err(ApiError::invalid("Invalid 'name': a session's name is not empty.").param("name"));
                }
                Some(name) => name,
                None => return Err(ApiError::invalid_type("name", "a string", name)),
            };
            let mode = match body.get("clock") {
                None | Some(Value::Null) => None,
                Some(word) => {
                    let name = word.as_str().ok_or_else(|| ApiError::invalid_type("clock", "a string", word))?;
                    let unknown = |_| ApiError::invalid_value("clock", name, &["real", "instant", "manual"]);
                    Some(serde_json::from_value::<Mode>(word.clone()).map_err(unknown)?)
                }
            };
            let seed = match body.get("seed") {
                None | Some(Value::Null) => None,
                Some(seed) => Some(seed.as_u64().ok_or_else(|| ApiError::invalid_type("seed", "an integer", seed))?),
            };
            let key = key_of_name(name);
            let session = emulator.open_session(&key, name, mode, seed);
            let there = (session.clock.mode(), session.seed);
            let contradicted = match () {
                () if mode.is_some_and(|mode| mode != there.0) => Some("clock"),
                () if seed.is_some_and(|seed| seed != there.1) => Some("seed"),
                () => None,
            };
            if let Some(option) = contradicted {
                return Err(ApiError::invalid(format!(
                    "The session {name:?} is there already, with clock {} and seed {}: ask for it without {option}, with the \
                     same, under another name, or delete it first (DELETE /_emulator/sessions/{name}).",
                    json!(there.0).as_str().unwrap_or_default(),
                    there.1
                ))
                .param(option)
                .code("session_exists"));
            }
            Ok(json!({"name": name, "api_key": key}))
        }
        "DELETE" => {
            emulator.close_sessions();
            Ok(json!({"status": "deleted"}))
        }
        method => Err(routes::unknown(method, request.path)),
    }
}

/// Ends one session by name.
fn close(emulator: &Arc<Emulator>, name: &str) -> Value {
    emulator.close_session(&key_of_name(name));
    emulator.forget_queues_for(name);
    json!({"status": "deleted", "name": name})
}

fn parse(body: &str) -> Result<Value, ApiError> {
    if body.trim().is_empty() {
        return Ok(json!({}));
    }
    serde_json::from_str(body).map_err(|error| ApiError::invalid(format!("Invalid JSON: {error}")))
}
