//! Which session a request belongs to: the key it brings, or the name in its path.

use crate::control;
use crate::emulator::Emulator;
use crate::exchange::route::Normal;
use crate::options::{Auth, Profile, Settings};
use crate::redact::mask;
use crate::server::request::header;
use crate::session::{ANONYMOUS, Session};
use crate::surface::operations::Edge;
use crate::wire::error;
use crate::wire::error::ApiError;
use hyper::header::{AUTHORIZATION, HeaderMap};
use std::sync::Arc;

/// The session of a request.
pub(super) fn session_of(
    emulator: &Emulator,
    headers: &HeaderMap,
    normal: &Normal,
    edge: Edge,
) -> Result<Arc<Session>, ApiError> {
    if let Some(name) = &normal.session {
        let key = control::key_of_name(name);
        return Ok(emulator.open_session(&key, name, None, None));
    }
    Ok(emulator.session(&opened(emulator, headers, edge)?))
}

/// The key of the session that a request's key opens: its own, or that of whoever made the client secret it is.
fn opened(emulator: &Emulator, headers: &HeaderMap, edge: Edge) -> Result<String, ApiError> {
    let given = key_of(&emulator.settings, headers);
    let maker = given.and_then(Result::ok).and_then(|secret| emulator.maker_of(secret));
    maker.map_or_else(|| authenticate(emulator, given, edge), Ok)
}

/// The key of the session that keeps a request: of one that is refused, nobody's.
pub(super) fn keeper_of(emulator: &Emulator, headers: &HeaderMap, normal: &Normal) -> String {
    match &normal.session {
        Some(name) => control::key_of_name(name),
        None => control_key(emulator, headers).unwrap_or_else(|_| ANONYMOUS.into()),
    }
}

/// The key of a control route's session.
pub(super) fn control_key(emulator: &Emulator, headers: &HeaderMap) -> Result<String, ApiError> {
    opened(emulator, headers, Edge::default())
}

/// The key a request brings: `Authorization: Bearer`, `api-key`, or the WebSocket subprotocol. `None` = nowhere; Err =
/// malformed. A key may have spaces: the suites of the SDKs send `My API Key`; LLEmulator's suite wants them refused.
fn key_of<'a>(settings: &Settings, headers: &'a HeaderMap) -> Option<Result<&'a str, ()>> {
    if let Some(value) = headers.get(AUTHORIZATION) {
        let (scheme, key) = value.to_str().ok().and_then(|text| text.split_once(' ')).unwrap_or_default();
        let strict = settings.profile == Profile::Llemulator;
        return Some(match strict {
            true if scheme == "Bearer" && !key.is_empty() && !key.contains(' ') => Ok(key),
            false if scheme.eq_ignore_ascii_case("bearer") && !key.trim().is_empty() => Ok(key.trim()),
            _ => Err(()),
        });
    }
    if let Some(value) = headers.get("api-key") {
        return Some(value.to_str().map_err(|_| ()));
    }
    let protocols = header(headers, "sec-websocket-protocol")?;
    protocols.split(',').find_map(|one| one.trim().strip_prefix("openai-insecure-api-key.")).map(Ok)
}

/// The key in force; `given` None = no header at all. What OpenAI says to a bad one depends on the operation.
fn authenticate(emulator: &Emulator, given: Option<Result<&str, ()>>, edge: Edge) -> Result<String, ApiError> {
    let settings = &emulator.settings;
    let refuse = |error: ApiError| match settings.profile {
        Profile::Llemulator => Err(ApiError::new(401, "Missing or invalid authorization").kind("auth_error")),
        _ => Err(error::unauthorized(error, edge.routes_by_model)),
    };
    let key = match given {
        None if settings.auth == Auth::Optional => return Ok(ANONYMOUS.into()),
        None | Some(Err(())) | Some(Ok("")) => return refuse(error::missing_key()),
        Some(Ok(key)) => key,
    };
    let known = match &settings.auth {
        // Whoever made a session by its name has its key from here.
        Auth::Keys(keys) => keys.iter().any(|known| known == key) || emulator.is_named(key),
        _ => true,
    };
    if !known || key.starts_with("invalid") || key.starts_with("sk-invalid") {
        return refuse(error::wrong_key(&mask(key)));
    }
    Ok(key.to_string())
}
