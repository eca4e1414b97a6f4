//! Running an exchange: from a request without its transport to an answer without its transport.
//!
//! HTTP and both lanes of sockets ask here, and whatever else wants an answer of the API can do the same: it says what
//! is [`Asked`], and frames the [`Answered`].

use crate::api;
use crate::emulator::Emulator;
use crate::exchange::route::Normal;
use crate::random::{self, Random};
use crate::redact;
use crate::session::Live;
use crate::session::exchange::Begun;
use crate::session::{ANONYMOUS, Session};
use crate::surface::operations::Edge;
use crate::surface::router::Matched;
use crate::turn::answer::Answer;
use crate::turn::answer::Body;
use crate::turn::call::Call;
use crate::turn::lane::Lane;
use crate::wire::dialect::Dialect;
use crate::wire::error;
use crate::wire::error::ApiError;
use crate::wire::headers::Headers;
use crate::wire::ids;
use bytes::Bytes;
use futures_util::FutureExt;
use serde_json::Value;
use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::Duration;

/// A request of the API without its transport.
pub(crate) struct Asked {
    /// `POST`.
    pub method: String,
    /// Path and query as sent.
    pub target: String,
    pub normal: Normal,
    pub route: Matched,
    /// Decoded, in order.
    pub query: Vec<(String, String)>,
    pub headers: Arc<Headers>,
    pub session: Result<Arc<Session>, ApiError>,
    /// The JSON body and its bytes.
    pub body: Result<(Value, Bytes), ApiError>,
    /// The socket's lane it came over.
    pub lane: Option<Lane>,
}

/// An answer without its transport, and what its transport must know to send it.
pub(crate) struct Answered {
    pub answer: Answer,
    /// To be completed before the last byte leaves; dropped when the client leaves.
    pub live: Live,
    pub dialect: Dialect,
    pub edge: Edge,
    /// The exchange's generator, for headers.
    pub random: Random,
    /// Session time at which the request was there.
    pub started: Duration,
}

/// Answers a request.
pub(crate) async fn run(emulator: &Arc<Emulator>, asked: Asked) -> Answered {
    let Asked { method, target, normal, route, query, headers, session, body, lane } = asked;
    let name = route.name();
    let (dialect, edge) = (route.dialect(), route.edge());
    let (body, bytes, refused) = match body {
        Ok((value, bytes)) => {
            let kept = redact::body_bytes(&value, &bytes);
            (Arc::new(value), kept, Ok(()))
        }
        Err(error) => (Arc::default(), Bytes::new(), Err(error)),
    };
    let known = session.as_ref().ok().cloned();
    let keeper = known.unwrap_or_else(|| emulator.session(ANONYMOUS));
    let hash = random::key(0, &[name.as_bytes(), target.as_bytes(), &random::canonical(&body).to_le_bytes()]);
    let shared = emulator.shared();
    let (count, in_force) = keeper.begin(hash, &shared);
    let key = [keeper.name.as_bytes(), &hash.to_le_bytes(), &count.to_le_bytes()];
    let random = Random::new(random::key(keeper.seed, &key));
    let stamp = keeper.clock.stamp();
    let exchange = keeper.journal.number(Begun {
        operation: if name.is_empty() { "unknown" } else { name },
        method: method.clone(),
        target: redact::target(&target).into_owned(),
        headers: headers.clone(),
        body: bytes,
        stream: body.get("stream").and_then(Value::as_bool).unwrap_or(false),
        at: stamp,
        wants: body.get("model").and_then(Value::as_str).or(normal.deployment.as_deref()).map(String::from),
        request_id: ids::request(&mut random.fork("request")),
    });
    let live = Live::begin(keeper.clone(), exchange, emulator.observers.clone());
    let started = keeper.clock.now();
    let answering = async {
        let session = session?;
        emulator.make_room(&session)?;
        let (operation, params) = match route {
            Matched::Operation(operation, params) => (operation, params),
            Matched::WrongMethod(allow) => return Err(error::wrong_method(&method, &normal.path, &allow)),
            Matched::Unknown => {
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
            headers,
            body,
            azure: normal.azure,
            emulator: emulator.clone(),
            session,
            random: random.clone(),
            budget: Arc::default(),
            stamp,
            exchange: live.exchange.clone(),
            lane,
        };
        // A bug of ours is an answer like others: the journal has it, and the test runner goes on.
        let served = AssertUnwindSafe(async { api::serve(call).await }).catch_unwind().await;
        served.unwrap_or_else(|_| Err(ApiError::panicked()))
    };
    let answered = live.watch().over(answering).await.unwrap_or_else(|ended| Err(live.let_go(ended)));
    let mut answer = answered.unwrap_or_else(|error| {
        live.exchange.complain(&error);
        Answer::ok(Body::Error(error))
    });
    if let Body::Error(error) = answer.body {
        answer.body = Body::Error(emulator.settings.profile.sends(error));
    }
    live.answered();
    Answered { answer, live, dialect, edge, random, started }
}
