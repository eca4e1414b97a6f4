//! The control room's door: `/api/*` over HTTP.

use super::body::ResponseBody;
use super::deliver::deliver;
use super::guard::{self, Visitor};
use super::replica;
use super::request::{self, RequestBody, header};
use super::respond;
use super::socket::Control;
use crate::emulator::Emulator;
use crate::exchange::body::Sent;
use crate::exchange::route;
use crate::exchange::run::{Asked, run};
use crate::room;
use crate::runtime;
use crate::session::log_line;
use crate::wire::error::ApiError;
use bytes::Bytes;
use futures_util::stream;
use http_body_util::BodyExt;
use hyper::header::{HeaderMap, HeaderValue};
use hyper::http::request::Parts;
use hyper::{Response, StatusCode};
use serde_json::{Value, json};
use std::convert::Infallible;
use std::sync::Arc;

/// Bytes of an answer that is sent again and shown.
const SHOWN: usize = 1 << 20;

/// Whether a path is the control room's.
pub(super) fn is_asked(path: &str) -> bool {
    path == "/api" || path.starts_with("/api/")
}

/// Who may use the control room: pages of ours, and beyond loopback whoever has the token.
///
/// # Errors
/// A 403 that says what is missing.
pub(super) fn check(emulator: &Emulator, visitor: &Visitor, headers: &HeaderMap) -> Result<(), ApiError> {
    let refused = |reason: String, code: &str| ApiError::new(403, reason).kind("forbidden").code(code);
    visitor.check_control().map_err(|reason| refused(reason, "forbidden"))?;
    let offered = header(headers, "sec-websocket-protocol").unwrap_or_default();
    let offered = offered.split(',').find_map(|one| one.trim().strip_prefix("llemulator-token."));
    let token = header(headers, "x-llemulator-control-token").or(offered);
    guard::check_token(emulator, token).map_err(|reason| refused(reason, "control_token_required"))
}

/// Answers a request.
pub(super) async fn answer(
    emulator: &Arc<Emulator>,
    visitor: &Visitor,
    parts: &Parts,
    body: RequestBody,
) -> Response<ResponseBody> {
    let (method, path) = (parts.method.as_str(), parts.uri.path());
    let answered = async {
        check(emulator, visitor, &parts.headers)?;
        emulator.desk.attend();
        let bytes = request::read(body, &parts.headers, &emulator.settings).await?;
        let bytes = file(&parts.headers, bytes).await?;
        let text = std::str::from_utf8(&bytes)
            .map_err(|_| ApiError::invalid("The body is not UTF-8.").code("invalid_json"))?;
        let target = parts.uri.path_and_query().map_or(path, |target| target.as_str());
        let operator = header(&parts.headers, "x-operator").unwrap_or("api");
        let passed_on = replica::is_passed_on(parts);
        let mut asked = room::RoomRequest::of(method, target, text, operator);
        asked.check()?;
        if !passed_on {
            room::named_queue(emulator, &mut asked).await?;
        }
        let way: Vec<&str> = asked.path.iter().map(String::as_str).collect();
        let answer = match (method, way.as_slice()) {
            ("POST", ["exchanges", id, "again"]) => again(emulator, id, text).await.map(room::RoomAnswer::from),
            ("GET", ["models"]) => Ok(room::models(emulator).await.into()),
            ("GET", ["bypass", "key"]) if passed_on => Ok(room::bypass_key(emulator).into()),
            ("PUT", ["bypass", "key"]) if passed_on => Ok(room::take_bypass_key(emulator, text).into()),
            ("GET", ["exchanges", id, "why"]) => room::why(emulator, id).await.map(room::RoomAnswer::from),
            _ => emulator.kept(|| runtime::aside(text.len(), || room::handle(emulator, &asked))).await?,
        };
        match passed_on {
            true => answer,
            false => room::everywhere(emulator, &asked, answer).await,
        }
    };
    match answered.await {
        Ok(answer) => {
            let mut response = json_response(200, &answer.value, answer.file.is_some());
            let disposition = answer.file.map(|file| format!("attachment; filename=\"{file}\""));
            if let Some(value) = disposition.and_then(|value| HeaderValue::from_str(&value).ok()) {
                response.headers_mut().insert("content-disposition", value);
            }
            response
        }
        Err(error) => {
            log_line::refusal(&emulator.settings, method, path, error.status, &error.message);
            let mut body = json!({"detail": error.message});
            body["error"] = error.inner();
            let mut response = json_response(error.status, &body, false);
            respond::with_headers(&error, response.headers_mut());
            response
        }
    }
}

fn json_response(status: u16, value: &Value, pretty: bool) -> Response<ResponseBody> {
    let text = if pretty { format!("{value:#}") } else { value.to_string() };
    let mut response = Response::new(ResponseBody::Full(Some(Bytes::from(text))));
    *response.status_mut() = StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let headers = response.headers_mut();
    headers.insert("content-type", HeaderValue::from_static("application/json"));
    headers.insert("cache-control", HeaderValue::from_static("no-store"));
    headers.insert("x-content-type-options", HeaderValue::from_static("nosniff"));
    response
}

/// The body, or the file that a form brings.
async fn file(headers: &HeaderMap, bytes: Bytes) -> Result<Bytes, ApiError> {
    let Ok(boundary) = multer::parse_boundary(header(headers, "content-type").unwrap_or_default()) else {
        return Ok(bytes);
    };
    let broken =
        |error: multer::Error| ApiError::invalid(format!("The form cannot be read: {error}")).code("invalid_form");
    let mut form = multer::Multipart::new(stream::iter([Ok::<_, Infallible>(bytes)]), boundary);
    while let Some(field) = form.next_field().await.map_err(broken)? {
        if field.name() == Some("file") {
            return field.bytes().await.map_err(broken);
        }
    }
    Err(ApiError::invalid("file: missing; the form needs a part of this name").param("file"))
}

/// Sends an exchange again in its session, perhaps with another body.
async fn again(emulator: &Arc<Emulator>, id: &str, text: &str) -> Result<Value, ApiError> {
    let (session, old) = room::exchange(emulator, id)?;
    if old.headers.all("content-type").any(|kind| kind.starts_with("multipart/")) {
        let message = "The files of forms are not kept: this request cannot be sent again from here.";
        return Err(ApiError::invalid(message).code("no_json"));
    }
    let given: Value = if text.trim().is_empty() {
        json!({})
    } else {
        serde_json::from_str(text).map_err(|_| ApiError::invalid("The body is no JSON."))?
    };
    let body = match given.get("body") {
        Some(body) => Bytes::from(body.to_string()),
        None => old.body.clone(),
    };
    let value: Value = serde_json::from_slice(&body).unwrap_or_default();
    if !body.is_empty() && !value.is_object() {
        return Err(ApiError::invalid("Only requests with JSON bodies can be sent again.").code("no_json"));
    }
    let (normal, route, query) = route::of_target(&old.method, &old.target, &emulator.settings.prefixes);
    let asked = Asked {
        method: old.method.to_string(),
        target: old.target.clone(),
        route,
        normal,
        query,
        headers: old.headers.clone(),
        session: Ok(session),
        body: Sent::Json(value, body),
        lane: None,
        peer: old.peer,
        budget: Arc::default(),
    };
    let answered = run(emulator, asked).await;
    let exchange = answered.live.exchange.clone();
    let cut = || ApiError::new(502, "The answer was cut before its first byte.").code("cut");
    let response = deliver(emulator, answered, Arc::new(Control::default()), "").await.map_err(|_| cut())?;
    let (head, mut body) = response.into_parts();
    let mut shown = Vec::new();
    while let Some(Ok(frame)) = body.frame().await {
        let data = frame.into_data().unwrap_or_default();
        shown.extend_from_slice(&data[..data.len().min(SHOWN - shown.len().min(SHOWN))]);
    }
    Ok(
        json!({"id": exchange.serial.to_string(), "status": head.status.as_u16(), "text": String::from_utf8_lossy(&shown)}),
    )
}
