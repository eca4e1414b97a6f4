//! Sessions by their ids: keys are not for pages. What one can do to a session with its key can be done here.

use crate::control;
use crate::emulator::Emulator;
use crate::redact::redact;
use crate::room::RoomRequest;
use crate::session::Session;
use crate::sorting;
use crate::wire::error::ApiError;
use serde_json::{Value, json};
use std::sync::Arc;

pub(super) fn handle(emulator: &Arc<Emulator>, request: &RoomRequest, path: &[&str]) -> Result<Value, ApiError> {
    match (request.method, path) {
        ("GET", []) => {
            let mut data: Vec<(u64, Value)> =
                emulator.sessions().iter().map(|session| (session.serial, shown(emulator, session))).collect();
            sorting::by_key(&mut data, |(serial, _)| *serial);
            Ok(json!({"object": "list", "data": data.into_iter().map(|(_, shown)| shown).collect::<Vec<_>>()}))
        }
        ("POST", []) => ask(emulator, None, request, "sessions"),
        ("DELETE", [id]) => {
            let session = find(emulator, id)?;
            emulator.close_session(&session.key);
            changed(emulator);
            Ok(json!({"status": "deleted", "name": session.label()}))
        }
        (_, [id, rest @ ..]) if !rest.is_empty() => {
            let session = find(emulator, id)?;
            ask(emulator, Some(&session.key), request, &rest.join("/"))
        }
        _ => Err(request.unknown()),
    }
}

/// The script of sessions without their own.
pub(super) fn shared(emulator: &Arc<Emulator>, request: &RoomRequest) -> Result<Value, ApiError> {
    ask(emulator, None, request, "shared-script")
}

fn changed(emulator: &Emulator) {
    emulator.desk.events.tell("sessions_changed", || json!({}));
}

/// Asks the control route of a session.
fn ask(emulator: &Arc<Emulator>, key: Option<&str>, request: &RoomRequest, route: &str) -> Result<Value, ApiError> {
    let query = form_urlencoded::Serializer::new(String::new()).extend_pairs(&request.query).finish();
    let path = format!("/_emulator/{route}{}{query}", if query.is_empty() { "" } else { "?" });
    // Whoever may use the control room may see the state of a session; no script from here may name functions.
    let in_process = request.method == "GET";
    let asked = control::ControlRequest { key, method: request.method, path: &path, body: request.body, in_process };
    let (status, value) = control::handle(emulator, &asked);
    if status >= 400 {
        return Err(ApiError::told(status, &value));
    }
    if request.method != "GET" {
        changed(emulator);
    }
    Ok(value)
}

fn find(emulator: &Emulator, id: &str) -> Result<Arc<Session>, ApiError> {
    let found = emulator.sessions().into_iter().find(|session| session.serial.to_string() == id);
    found.ok_or_else(|| {
        ApiError::new(404, format!("There is no session {id:?}: GET /api/sessions lists them.")).code("not_found")
    })
}

fn shown(emulator: &Emulator, session: &Arc<Session>) -> Value {
    let shared = emulator.shared();
    let millis = |time: std::time::Duration| time.as_millis() as u64;
    json!({
        "id": session.serial.to_string(),
        "name": session.label(),
        "token": redact(&session.key),
        "requests": session.journal.count(),
        "in_flight": session.journal.in_flight().len(),
        "pending": emulator.desk.pending.count(session),
        "rules": session.rules(&shared).as_array().map_or(0, Vec::len),
        "has_script": session.has_script(&shared),
        "clock": {
            "mode": session.clock.mode(),
            "now": millis(session.clock.unix()),
            "elapsed_ms": millis(session.clock.now()),
            "pending": session.clock.pending().into_iter().map(millis).collect::<Vec<_>>(),
        },
    })
}
