//! The beginning of a socket: what a client asks for, and what it is told (RFC 6455 §4.2).

use crate::server::body::ResponseBody;
use crate::server::request::header;
use crate::wire::error::ApiError;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use hyper::header::{HeaderMap, HeaderName, HeaderValue};
use hyper::http::request::Parts;
use hyper::upgrade::OnUpgrade;
use hyper::{Method, Response, StatusCode};
use serde_json::json;
use tokio_tungstenite::tungstenite::handshake::derive_accept_key;

/// The upgrade a request asks for, if it asks for one on a path that has a socket. Anything else is a request as usual.
pub(super) fn asked(parts: &mut Parts, path: &str) -> Option<OnUpgrade> {
    (path == "/v1/responses").then(|| upgrade(parts)).flatten()
}

/// Paths at which OpenAI opens a socket and the emulator does not.
const WITHOUT: [&str; 2] = ["/v1/realtime", "/v1/live"];

/// Where a request asks for a socket that is not built, so that nobody takes the gap for a wrong path.
pub(super) fn unserved(parts: &mut Parts, path: &str) -> Option<&'static str> {
    let below = |place: &str| path.strip_prefix(place).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'));
    let place = WITHOUT.into_iter().find(|place| below(place))?;
    upgrade(parts).map(|_| place)
}

/// The upgrade to a socket that a request asks for.
pub(super) fn upgrade(parts: &mut Parts) -> Option<OnUpgrade> {
    let wants = parts.method == Method::GET
        && lists(&parts.headers, "upgrade").any(|one| one.eq_ignore_ascii_case("websocket"))
        && lists(&parts.headers, "connection").any(|one| one.eq_ignore_ascii_case("upgrade"));
    parts.extensions.remove::<OnUpgrade>().filter(|_| wants)
}

/// The answer that opens the socket.
pub(super) fn answer(asked: &HeaderMap) -> Result<Response<ResponseBody>, ApiError> {
    if header(asked, "sec-websocket-version").map(str::trim) != Some("13") {
        return Err(ApiError::new(426, "A WebSocket handshake needs the header Sec-WebSocket-Version: 13.")
            .header("sec-websocket-version", "13"));
    }
    let key = header(asked, "sec-websocket-key").map(str::trim).unwrap_or_default();
    if STANDARD.decode(key).map_or(0, |bytes| bytes.len()) != 16 {
        return Err(ApiError::invalid(
            "A WebSocket handshake needs the header Sec-WebSocket-Key: 16 random bytes in base64.",
        ));
    }
    let mut response = Response::new(ResponseBody::Full(None));
    *response.status_mut() = StatusCode::SWITCHING_PROTOCOLS;
    let headers = response.headers_mut();
    headers.insert("connection", HeaderValue::from_static("Upgrade"));
    headers.insert("upgrade", HeaderValue::from_static("websocket"));
    for (name, value) in [
        ("sec-websocket-accept", Some(derive_accept_key(key.as_bytes()))),
        ("sec-websocket-protocol", protocol(asked).map(String::from)),
    ] {
        if let Some(value) = value.and_then(|value| HeaderValue::from_str(&value).ok()) {
            headers.insert(HeaderName::from_static(name), value);
        }
    }
    Ok(response)
}

/// The subprotocol in force: browsers close a socket whose server takes none of those they offer. One that only carries
/// the key is taken when there is no other.
fn protocol(asked: &HeaderMap) -> Option<&str> {
    let offered = || lists(asked, "sec-websocket-protocol");
    offered().find(|one| !one.starts_with("openai-insecure-")).or_else(|| offered().next())
}

/// A refused handshake is plain text (real-traffic §3).
pub(super) fn refusal(error: &ApiError) -> Response<ResponseBody> {
    let mut body = error.envelope();
    body["status"] = json!(error.status);
    let mut response = Response::new(ResponseBody::Full(Some(Bytes::from(body.to_string()))));
    *response.status_mut() = StatusCode::from_u16(error.status).unwrap_or(StatusCode::BAD_REQUEST);
    let headers = response.headers_mut();
    headers.insert("content-type", HeaderValue::from_static("text/plain"));
    for (name, value) in &error.headers {
        if let (Ok(name), Ok(value)) = (HeaderName::try_from(name), HeaderValue::from_str(value)) {
            headers.insert(name, value);
        }
    }
    response
}

/// The items of a header that is a list, over all its lines.
fn lists<'a>(headers: &'a HeaderMap, name: &str) -> impl Iterator<Item = &'a str> {
    let lines = headers.get_all(name).into_iter().filter_map(|line| line.to_str().ok());
    lines.flat_map(|line| line.split(',')).map(str::trim).filter(|one| !one.is_empty())
}
