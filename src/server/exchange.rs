//! One exchange: from a request that was read to a call, from its answer to bytes.

use super::body::{Cut, Finish, ResponseBody};
use super::deliver;
use super::request::header;
use super::route::Normal;
use super::socket::Control;
use crate::api;
use crate::api::answer::{Answer, Body};
use crate::api::error::{self, ApiError};
use crate::api::responses::lane::Lane;
use crate::call::Call;
use crate::emulator::Emulator;
use crate::exchange::{Begun, Exchange};
use crate::headers::Headers;
use crate::log;
use crate::options::LogLevel;
use crate::random::{self, Random};
use crate::redact::{self, redact};
use crate::session::Session;
use crate::surface::router::Found;
use bytes::Bytes;
use futures_util::FutureExt;
use hyper::Response;
use hyper::header::HeaderMap;
use serde_json::Value;
use std::panic::AssertUnwindSafe;
use std::sync::Arc;

/// A request of the API that was read.
pub struct Heard {
    pub method: String,
    /// Path and query as sent.
    pub target: String,
    pub normal: Normal,
    pub route: Found,
    /// Decoded, in order.
    pub query: Vec<(String, String)>,
    pub headers: HeaderMap,
    pub session: Result<Arc<Session>, ApiError>,
    /// The JSON body and its bytes.
    pub body: Result<(Value, Bytes), ApiError>,
    /// The socket's lane it came over.
    pub lane: Option<Lane>,
}

/// Answers a request that was read.
pub async fn answer(
    emulator: Arc<Emulator>,
    control: Arc<Control>,
    heard: Heard,
) -> Result<Response<ResponseBody>, Cut> {
    let Heard { method, target, normal, route, query, headers, session, body, lane } = heard;
    let name = route.name();
    let (body, bytes, refused) = match body {
        Ok((value, bytes)) => {
            let kept = redact::body_bytes(&value, &bytes);
            (Arc::new(value), kept, Ok(()))
        }
        Err(error) => (Arc::default(), Bytes::new(), Err(error)),
    };
    let known = session.as_ref().ok().cloned();
    let keeper = known.unwrap_or_else(|| emulator.session(crate::emulator::ANONYMOUS));
    let hash = random::key(0, &[name.as_bytes(), target.as_bytes(), &random::canonical(&body).to_le_bytes()]);
    let shared = emulator.shared();
    let (count, in_force) = keeper.begin(hash, &shared);
    let key = [keeper.name.as_bytes(), &hash.to_le_bytes(), &count.to_le_bytes()];
    let random = Random::new(random::key(keeper.seed, &key));
    let given = Arc::new(Headers::of(&headers));
    let stamp = keeper.clock.stamp();
    let open = keeper.journal.begin(Begun {
        operation: if name.is_empty() { "unknown" } else { name },
        method: method.clone(),
        target: redact::target(&target).into_owned(),
        headers: given.clone(),
        body: bytes,
        stream: body.get("stream").and_then(Value::as_bool).unwrap_or(false),
        at: stamp,
        request_id: api::ids::request(&mut random.fork("request")),
    });
    let log = (emulator.settings.log_level == LogLevel::Info).then_some(log_line as fn(&Session, &Exchange));
    // From here on, whoever gives up (a client that leaves, a panic) leaves the exchange complete.
    let finish = Finish::new(keeper.clone(), open.clone(), log);
    let started = keeper.clock.now();
    let answered = async {
        let session = session?;
        let (operation, params) = match route {
            Found::Operation(operation, params) => (operation, params),
            Found::WrongMethod(allow) => return Err(error::wrong_method(&method, &normal.path, &allow)),
            Found::Unknown => {
                return Err(error::unknown_url(&method, target.split('?').next().unwrap_or_default()));
            }
        };
        refused?;
        let mut body = body;
        if let (Some(deployment), true) = (&normal.deployment, body.get("model").is_none_or(Value::is_null))
            && body.is_object()
        {
            Arc::make_mut(&mut body)["model"] = Value::from(deployment.as_str());
        }
        let call = Call {
            models: in_force.models,
            defaults: in_force.defaults,
            shared,
            operation,
            params,
            method,
            path: normal.path,
            query,
            headers: given.clone(),
            body,
            azure: normal.azure,
            emulator: emulator.clone(),
            session,
            random: random.clone(),
            budget: Arc::default(),
            stamp,
            exchange: open.clone(),
            lane,
        };
        // A bug of ours is an answer like others: the journal has it, and the test runner goes on.
        let served = AssertUnwindSafe(async { api::serve(call).await }).catch_unwind().await;
        served.unwrap_or_else(|_| Err(ApiError::panicked()))
    }
    .await;
    let answer = answered.unwrap_or_else(|error| {
        open.complain(&error);
        Answer::ok(Body::Error(error.in_profile(emulator.settings.profile)))
    });
    let accepted = header(&headers, "accept-encoding").unwrap_or_default();
    deliver::deliver(&emulator, answer, finish, control, random, name, started, accepted).await
}

/// One line per request.
fn log_line(session: &Session, exchange: &Exchange) {
    let record = exchange.record();
    let by = record.rule.map(|rule| format!(" [{}]", rule.label())).unwrap_or_default();
    let status = record.status.map_or("-".to_string(), |status| status.to_string());
    log::info(format!("{} {} {status} {}{by}", exchange.method, exchange.target, redact(&session.key)));
}
