//! The control room over HTTP: `/api/*`, emulator-wide. What a page or a script does here it does to all sessions.

mod actions;
mod breakpoints;
mod bypass;
mod everywhere;
mod exchanges;
mod models;
mod queues;
mod sessions;
mod statistics;
mod why;
mod words;

pub(crate) use actions::{act, actor, text};
pub(crate) use bypass::{key as bypass_key, take_key as take_bypass_key};
pub(crate) use everywhere::{everywhere, named_queue};
pub(crate) use exchanges::find as exchange;
pub(crate) use models::models;
pub(crate) use why::why;

use crate::cluster::AskedElsewhere;
use crate::desk::queues::QueueRefusal;
use crate::emulator::Emulator;
use crate::room::statistics::Statistics;
use crate::url;
use crate::wire::error::ApiError;
use serde_json::{Value, json};
use std::sync::Arc;

/// A request to the control room.
pub(crate) struct RoomRequest<'a> {
    pub(crate) method: &'a str,
    /// With query.
    pub(crate) target: &'a str,
    /// Decoded segments below `/api`.
    pub(crate) path: Vec<String>,
    /// The queue is called as it is called where its session is.
    queue_is_named: bool,
    pub(crate) query: Vec<(String, String)>,
    /// JSON, or what a form's file held.
    pub(crate) body: &'a str,
    /// Who asks, as `x-operator` says.
    pub(crate) operator: &'a str,
}

/// What is answered.
pub(crate) struct RoomAnswer {
    pub(crate) value: Value,
    /// It is a file of this name.
    pub(crate) file: Option<String>,
}

impl From<Value> for RoomAnswer {
    fn from(value: Value) -> Self {
        RoomAnswer { value, file: None }
    }
}

impl From<QueueRefusal> for ApiError {
    fn from(refused: QueueRefusal) -> Self {
        match refused {
            QueueRefusal::Unknown(message) => ApiError::new(404, message).code("not_found"),
            QueueRefusal::Wrong(message) => {
                let param = message.split_once(": ").map(|(place, _)| place.to_string());
                let error = ApiError::invalid(message.clone()).code("invalid_item");
                match param.filter(|place| !place.contains(' ')) {
                    Some(place) => error.param(place),
                    None => error,
                }
            }
        }
    }
}

impl<'a> RoomRequest<'a> {
    /// A request for a target such as `/api/exchanges?limit=3`.
    pub(crate) fn of(method: &'a str, target: &'a str, body: &'a str, operator: &'a str) -> Self {
        let (below, query) = target.split_once('?').unwrap_or((target, ""));
        let path = below.split('/').filter(|segment| !segment.is_empty()).skip(1).map(url::decode).collect();
        RoomRequest { method, target, path, queue_is_named: false, query: url::query(query), body, operator }
    }

    /// The same, for another replica.
    fn elsewhere(&self) -> AskedElsewhere<'_> {
        AskedElsewhere { method: self.method, target: self.target, body: self.body, operator: self.operator }
    }

    fn query(&self, name: &str) -> Option<&str> {
        self.query
            .iter()
            .find(|(key, _)| key == name)
            .map(|(_, value)| value.as_str())
            .filter(|value| !value.is_empty())
    }

    /// The body's JSON; `{}` when there is none.
    fn json(&self) -> Result<Value, ApiError> {
        if self.body.trim().is_empty() {
            return Ok(json!({}));
        }
        serde_json::from_str(self.body).map_err(|error| {
            let (line, column) = (error.line(), error.column());
            ApiError::invalid(format!("The body is no JSON: line {line}, column {column}: {error}"))
                .code("invalid_json")
        })
    }

    /// The body's JSON, which must be an object.
    fn object(&self) -> Result<serde_json::Map<String, Value>, ApiError> {
        match self.json()? {
            Value::Object(object) => Ok(object),
            other => Err(ApiError::invalid_type("body", "an object", &other)),
        }
    }

    fn unknown(&self) -> ApiError {
        let path = self.path.join("/");
        ApiError::new(404, format!("The control room has no route {} /api/{path}.", self.method)).code("unknown_route")
    }
}

/// Serves a request.
///
/// # Errors
/// What was wrong, where, and what would be right.
pub(crate) fn handle(emulator: &Arc<Emulator>, request: &RoomRequest) -> Result<RoomAnswer, ApiError> {
    let path: Vec<&str> = request.path.iter().map(String::as_str).collect();
    match path.as_slice() {
        ["preset-queue", rest @ ..] => queues::handle(emulator, request, rest),
        ["breakpoints", rest @ ..] => breakpoints::handle(emulator, request, rest).map(RoomAnswer::from),
        ["bypass", rest @ ..] => bypass::handle(emulator, request, rest).map(RoomAnswer::from),
        ["settings"] if request.method == "GET" => Ok(settings(emulator).into()),
        ["exchanges", rest @ ..] => exchanges::handle(emulator, request, rest).map(RoomAnswer::from),
        ["statistics"] if request.method == "GET" => {
            let all = Statistics::of(emulator, request.query("session"), request.query("model"));
            // What several say is added up before it is shown.
            Ok(if emulator.cluster.is_some() { json!(all) } else { all.told() }.into())
        }
        ["sessions", rest @ ..] => sessions::handle(emulator, request, rest).map(RoomAnswer::from),
        ["shared-script"] => sessions::shared(emulator, request).map(RoomAnswer::from),
        ["pending", rest @ ..] => actions::handle(emulator, request, rest).map(RoomAnswer::from),
        _ => Err(request.unknown()),
    }
}

/// Runs a route for the host process.
///
/// # Errors
/// As [`handle`]; or what changed cannot be kept.
pub(crate) async fn in_process(
    emulator: &Arc<Emulator>,
    method: &str,
    target: &str,
    body: &str,
) -> Result<Value, ApiError> {
    let mut request = RoomRequest::of(method, target, body, "javascript");
    request.check()?;
    named_queue(emulator, &mut request).await?;
    let answer = emulator.kept(|| handle(emulator, &request)).await?;
    Ok(everywhere(emulator, &request, answer).await?.value)
}

/// Tells the host process of everything that happens from now on, and of what waits already.
pub(crate) async fn tell_process(emulator: Arc<Emulator>) {
    let events = &emulator.desk.events;
    let _watching = events.watch();
    emulator.begins_to_watch().await;
    let (waiting, mut seen) = emulator.desk.as_of();
    let tell = |event: &str| emulator.callbacks.tell(format!("{{\"type\":\"event\",\"event\":{event}}}"));
    waiting.into_iter().for_each(|data| tell(&json!({"type": "new_request", "data": data}).to_string()));
    let mut news = events.news();
    let mut over = emulator.over();
    loop {
        let last = *over.borrow();
        match events.after(seen, usize::MAX) {
            Some(told) => {
                seen += told.len() as u64;
                told.iter().for_each(|event| tell(&String::from_utf8_lossy(event)));
            }
            // So much at once that not all of it was kept.
            None => seen = events.range().0,
        }
        if last {
            return;
        }
        tokio::select! {
            changed = news.changed() => if changed.is_err() { return },
            changed = over.changed() => if changed.is_err() { return },
        }
    }
}

/// How this emulator was started, as far as a page has to know.
fn settings(emulator: &Emulator) -> Value {
    let settings = &emulator.settings;
    let target = emulator.upstream.target();
    json!({
        "version": env!("CARGO_PKG_VERSION"),
        "url": emulator.url(),
        "profile": settings.profile,
        "fallback": settings.fallback,
        "clock": settings.clock,
        "auth": match &settings.auth {
            crate::options::Auth::Keys(_) => json!("keys"),
            auth => json!(auth),
        },
        "manual_timeout_ms": settings.manual_timeout_ms,
        "loopback": emulator.is_loopback(),
        "upstream": target.configured.then(|| json!({
            "url": target.address("/v1"),
            "key_configured": target.key.is_some(),
            "ca": settings.upstream_ca.is_some(),
        })),
    })
}
