//! One request: which door it goes through.

use crate::control::{self, ControlScope};
use crate::emulator::Emulator;
use crate::exchange::body::Sent;
use crate::exchange::route::{self, Normal};
use crate::exchange::run::{Asked, run};
use crate::options::Settings;
use crate::runtime;
use crate::server::body::{Cut, ResponseBody};
use crate::server::deliver::deliver;
use crate::server::guard::{self, Visitor};
use crate::server::replica::{self, PassOutcome};
use crate::server::request::{RequestBody, header};
use crate::server::socket::Control;
use crate::server::{handshake, key, page, request, room, watch, websocket};
use crate::session::log_line;
use crate::surface::operations::Edge;
use crate::surface::router::Matched;
use crate::telemetry::metrics;
use crate::url;
use crate::wire::error::{ApiError, session_moved};
use crate::wire::headers::Headers;
use crate::wire::json as values;
use bytes::Bytes;
use hyper::body::Incoming;
use hyper::header::{ACCEPT_ENCODING, HeaderMap, HeaderName, HeaderValue};
use hyper::http::request::Parts;
use hyper::upgrade::OnUpgrade;
use hyper::{Request, Response, StatusCode};
use std::net::{IpAddr, SocketAddr};
use std::pin::pin;
use std::sync::Arc;

/// The other end of a request's connection.
#[derive(Clone, Copy)]
pub(super) struct Peer(pub SocketAddr);

/// Answers one request that came in at the address `local`, whatever happens inside. Err = the connection is cut before
/// any byte.
pub(super) async fn respond(
    emulator: Arc<Emulator>,
    control: Arc<Control>,
    local: SocketAddr,
    request: Request<Incoming>,
) -> Result<Response<ResponseBody>, Cut> {
    let profile = emulator.settings.profile;
    let request = request.map(|body| RequestBody::new(body, control.clone()));
    let routed = pin!(routed(emulator, control.clone(), local, request));
    let answered = runtime::caught(routed).await.unwrap_or_else(|_| {
        let error = profile.sends(ApiError::panicked());
        Ok(plain(error.status, "application/json", &error.envelope().to_string()))
    });
    answered.map(|mut response| {
        if control.has_unread() {
            response.headers_mut().insert("connection", HeaderValue::from_static("close"));
        }
        response
    })
}

async fn routed(
    emulator: Arc<Emulator>,
    control: Arc<Control>,
    local: SocketAddr,
    request: Request<RequestBody>,
) -> Result<Response<ResponseBody>, Cut> {
    let (mut parts, body) = request.into_parts();
    let passed_on = emulator.cluster.as_ref().is_some_and(|cluster| replica::arrives(cluster, &mut parts));
    let visitor = match passed_on {
        true => Visitor::replica(),
        false => Visitor::of(&emulator.settings, local, &parts),
    };
    let upgrade = watch::asked(&mut parts);
    let path = parts.uri.path();
    let rooms = room::is_asked(path) || upgrade.is_some();
    let controls = rooms || path == "/_emulator" || path.starts_with("/_emulator/");
    let answered = match (path, parts.method.as_str()) {
        ("/healthz", _) => Ok(plain(200, "text/plain; charset=utf-8", "OK")),
        ("/readyz", _) => Ok(match emulator.problem() {
            None => plain(200, "text/plain; charset=utf-8", "OK"),
            Some(problem) => plain(503, "text/plain; charset=utf-8", &problem),
        }),
        ("/health", "GET") => Ok(plain(200, "application/json", "{\"ok\":true}")),
        ("/metrics", "GET" | "HEAD") => Ok(match visitor.check_control() {
            Ok(()) => plain(200, metrics::CONTENT_TYPE, &emulator.metrics()),
            Err(reason) => plain(403, "application/json", &forbidden(reason).envelope().to_string()),
        }),
        (_, "GET" | "HEAD") if page::is_asked(path, &parts.headers) => Ok(match visitor.check_page() {
            Ok(()) => page::answer(path, &parts.headers),
            Err(reason) => plain(403, "application/json", &forbidden(reason).envelope().to_string()),
        }),
        ("/", "GET") => Ok(plain(200, "application/json", "{\"service\":\"llemulator\",\"status\":\"ok\"}")),
        (_, "OPTIONS") => Ok(preflight(&visitor, controls, &parts.headers)),
        _ if upgrade.is_some() => Ok(watching(emulator, control, &visitor, upgrade, &parts)),
        // Boxed, as below: what few requests need would be room that every one takes.
        _ if rooms => match Box::pin(replica::pass_room(&emulator, &control, &visitor, &mut parts, body)).await {
            Ok(body) => Ok(Box::pin(room::answer(&emulator, &visitor, &parts, body)).await),
            Err(passed) => passed,
        },
        _ if controls => Box::pin(control_route(emulator, control, &visitor, parts, body)).await,
        _ => api_request(emulator, control, &visitor, parts, body).await,
    };
    answered.map(|mut response| {
        visitor.open(controls, response.headers_mut());
        response
    })
}

/// The control room's socket.
fn watching(
    emulator: Arc<Emulator>,
    control: Arc<Control>,
    visitor: &Visitor,
    upgrade: Option<OnUpgrade>,
    parts: &Parts,
) -> Response<ResponseBody> {
    let answer = room::check(&emulator, visitor, &parts.headers).and_then(|()| handshake::answer(&parts.headers));
    match answer {
        Ok(response) => {
            if let Some(upgrade) = upgrade {
                watch::open(emulator, control, upgrade);
            }
            response
        }
        Err(error) => {
            log_refusal(&emulator, parts, &error);
            handshake::refusal(&error)
        }
    }
}

/// Tells of what is refused before there is an exchange.
fn log_refusal(emulator: &Emulator, parts: &Parts, error: &ApiError) {
    log_line::refusal(&emulator.settings, parts.method.as_str(), parts.uri.path(), error.status, &error.message);
}

fn plain(status: u16, content_type: &'static str, text: &str) -> Response<ResponseBody> {
    let mut response = Response::new(ResponseBody::Full(Some(Bytes::copy_from_slice(text.as_bytes()))));
    *response.status_mut() = StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    response.headers_mut().insert("content-type", HeaderValue::from_static(content_type));
    response
}

/// Answers what a browser asks before it calls from a page: 403 on the control routes that are closed to the page.
fn preflight(visitor: &Visitor, controls: bool, asked: &HeaderMap) -> Response<ResponseBody> {
    if controls && let Err(reason) = visitor.check_control() {
        let error = forbidden(reason);
        return plain(error.status, "application/json", &error.envelope().to_string());
    }
    let mut response = plain(204, "text/plain", "");
    *response.headers_mut() = visitor.preflight(controls, asked);
    response
}

fn forbidden(reason: String) -> ApiError {
    ApiError::new(403, reason).kind("forbidden").code("forbidden")
}

/// A control route over HTTP: guarded, and under the session of the key.
async fn control_route(
    emulator: Arc<Emulator>,
    control: Arc<Control>,
    visitor: &Visitor,
    mut parts: Parts,
    mut body: RequestBody,
) -> Result<Response<ResponseBody>, Cut> {
    let mut owned = None;
    let passed_on = replica::is_passed_on(&parts);
    if emulator.cluster.is_some() && visitor.check_control().is_ok() {
        let key = replica::control_key(&emulator, &parts, &mut body).await;
        if let Some(key) = key {
            match replica::pass(&emulator, &control, &key, &mut parts, body).await {
                PassOutcome::Here(here) => body = here,
                PassOutcome::Passed(answer) => return answer,
                PassOutcome::Refused(error) => return Ok(refused(&error)),
            }
            owned = Some(key);
        }
    }
    let answer = async {
        visitor.check_control().map_err(forbidden)?;
        let path = parts.uri.path();
        let scope = control::scope(path);
        if scope == ControlScope::Emulator {
            let token = header(&parts.headers, "x-llemulator-control-token");
            guard::check_token(&emulator, token).map_err(forbidden)?;
        }
        let key = match scope {
            ControlScope::Session => Some(key::control_key(&emulator, &parts.headers)?),
            ControlScope::Emulator | ControlScope::None => None,
        };
        let body = request::read(body, &parts.headers, &emulator.settings).await?;
        values::check(&body, emulator.settings.max_body_bytes)?;
        let body = std::str::from_utf8(&body).map_err(|_| ApiError::invalid("Invalid JSON: the body is not UTF-8."))?;
        let target = parts.uri.path_and_query().map_or(path, |target| target.as_str());
        let request = control::ControlRequest {
            key: key.as_deref(),
            method: parts.method.as_str(),
            path: target,
            body,
            in_process: false,
        };
        runtime::turn(request.body.len()).await;
        let rows = owned.map(|key| emulator.fence(&key));
        control::settle(&emulator, request.key, path).await;
        let change = || runtime::aside(body.len(), || control::handle(&emulator, &request));
        let answer = match emulator.kept(change).await? {
            (200, value) if !passed_on => (200, control::everywhere(&emulator, request.method, path, value).await?),
            answer => answer,
        };
        if rows.flatten().is_some_and(|fence| fence.is_lost()) {
            return Err(session_moved());
        }
        Ok(answer)
    };
    let (status, reason, response) = match answer.await {
        Ok((status, value)) => {
            let reason = value["error"]["message"].as_str().unwrap_or_default().to_string();
            (status, reason, plain(status, "application/json", &value.to_string()))
        }
        Err(error) => (error.status, error.message.clone(), refused(&error)),
    };
    if status >= 400 {
        log_line::refusal(&emulator.settings, parts.method.as_str(), parts.uri.path(), status, &reason);
    }
    Ok(response)
}

/// What needs the store while it cannot be used.
pub(super) fn refused(error: &ApiError) -> Response<ResponseBody> {
    let mut response = plain(error.status, "application/json", &error.envelope().to_string());
    with_headers(error, response.headers_mut());
    response
}

/// An error's headers, such as when to come again.
pub(super) fn with_headers(error: &ApiError, headers: &mut HeaderMap) {
    for (name, value) in &error.headers {
        if let (Ok(name), Ok(value)) = (HeaderName::from_bytes(name.as_bytes()), HeaderValue::from_str(value)) {
            headers.insert(name, value);
        }
    }
}

/// A request of the API, or the beginning of a socket.
async fn api_request(
    emulator: Arc<Emulator>,
    control: Arc<Control>,
    visitor: &Visitor,
    mut parts: Parts,
    mut body: RequestBody,
) -> Result<Response<ResponseBody>, Cut> {
    if let Err(reason) = visitor.check_api() {
        let error = forbidden(reason);
        log_refusal(&emulator, &parts, &error);
        return Ok(plain(error.status, "application/json", &error.envelope().to_string()));
    }
    let normal = route::normalize(parts.uri.path(), &emulator.settings.prefixes);
    if emulator.cluster.is_some() {
        let key = key::keeper_of(&emulator, &parts.headers, &normal);
        match Box::pin(replica::pass(&emulator, &control, &key, &mut parts, body)).await {
            PassOutcome::Here(here) => body = here,
            PassOutcome::Passed(answer) => return answer,
            PassOutcome::Refused(error) => {
                log_refusal(&emulator, &parts, &error);
                return Ok(refused(&error));
            }
        }
    }
    let missing = handshake::unserved(&mut parts, &normal.path);
    if let Some(upgrade) = handshake::asked(&mut parts, &normal.path) {
        let allowed = visitor.check_socket().map_err(forbidden);
        let session = allowed.and_then(|()| key::session_of(&emulator, &parts.headers, &normal, Edge::default()));
        let answer = session.and_then(|session| Ok((session, handshake::answer(&parts.headers)?)));
        return Ok(match answer {
            Ok((session, response)) => {
                websocket::open(emulator, control, upgrade, parts, session);
                response
            }
            Err(error) => {
                log_refusal(&emulator, &parts, &error);
                handshake::refusal(&error)
            }
        });
    }
    let body = Sent::Coming(request::coming(body, &parts.headers, &emulator.settings));
    let mut asked = asked(&emulator, &parts, normal, body);
    if let Some(place) = missing {
        asked.route = Matched::NoSocket(place);
    }
    let answered = run(&emulator, asked).await;
    let accepted = header(&parts.headers, ACCEPT_ENCODING).unwrap_or_default();
    let size = answered.size;
    let delivered = pin!(deliver(&emulator, answered, control, accepted));
    runtime::all_aside(size, delivered).await
}

/// Who sends a request: its connection's other end, or whom a trusted proxy names.
pub(super) fn peer(settings: &Settings, parts: &Parts) -> Option<SocketAddr> {
    let Peer(peer) = parts.extensions.get::<Peer>()?;
    let named = settings.trust_forwarded.then(|| header(&parts.headers, "x-forwarded-for")).flatten();
    let named = named.and_then(|list| forwarded(list.split(',').next()?.trim()));
    Some(named.map_or(*peer, |ip| SocketAddr::new(ip, peer.port())))
}

/// An address, as some proxies write it: with a port, in brackets.
fn forwarded(text: &str) -> Option<IpAddr> {
    let bare = || text.strip_prefix('[')?.strip_suffix(']')?.parse().ok();
    text.parse().ok().or_else(|| text.parse::<SocketAddr>().ok().map(|both| both.ip())).or_else(bare)
}

/// What a request of the API asks.
pub(crate) fn asked(emulator: &Arc<Emulator>, parts: &Parts, normal: Normal, body: Sent) -> Asked {
    let method = parts.method.as_str().to_string();
    let target = parts.uri.path_and_query().map_or("/", |target| target.as_str()).to_string();
    let route = route::find(&method, &normal.path);
    let session = key::session_of(emulator, &parts.headers, &normal, route.edge());
    let query = url::query(parts.uri.query().unwrap_or_default());
    let headers = Arc::new(Headers::of(&parts.headers));
    Asked {
        method,
        target,
        normal,
        route,
        query,
        headers,
        session,
        body,
        lane: None,
        peer: peer(&emulator.settings, parts),
        budget: Arc::default(),
    }
}
