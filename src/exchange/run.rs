//! Running an exchange: from a request without its transport to an answer without its transport.
//!
//! HTTP and both lanes of sockets ask here, and whatever else wants an answer of the API can do the same: it says what
//! is [`Asked`], and frames the [`Answered`].

use super::azure::{self, AzureFacts};
use super::body::{self, ReadBody, Sent};
use super::under_way::UnderWay;
use crate::api;
use crate::budget::Budget;
use crate::clock;
use crate::emulator::Emulator;
use crate::exchange::route::Normal;
use crate::random::{self, Random};
use crate::redact;
use crate::runtime;
use crate::session::Live;
use crate::session::exchange::{self, Begun, Exchange, Outcome, Said};
use crate::session::{ANONYMOUS, Session};
use crate::surface::operations::Edge;
use crate::surface::router::Matched;
use crate::turn::answer::{self, Answer};
use crate::turn::call::Call;
use crate::turn::lane::Lane;
use crate::turn::usage;
use crate::wire::azure::no_resource;
use crate::wire::dialect::Dialect;
use crate::wire::error;
use crate::wire::error::ApiError;
use crate::wire::field::find;
use crate::wire::headers::Headers;
use crate::wire::ids;
use serde_json::Value;
use std::net::SocketAddr;
use std::pin::pin;
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
    /// Read when it is known for what: a request that is refused before is answered at once.
    pub body: Sent,
    /// The socket's lane it came over.
    pub lane: Option<Lane>,
    /// Who asks.
    pub peer: Option<SocketAddr>,
    /// What answering may cost.
    pub budget: Arc<Budget>,
}

/// An answer without its transport, and what its transport must know to send it.
pub(crate) struct Answered {
    pub answer: Answer,
    /// To be completed before the last byte leaves; dropped when the client leaves.
    pub live: Live,
    pub dialect: Dialect,
    pub edge: Edge,
    /// It is answered as Azure does.
    pub azure: Option<AzureFacts>,
    /// The exchange's generator, for headers.
    pub random: Random,
    /// Session time at which the request was there.
    pub started: Duration,
    /// How many bytes it had: see [`runtime::all_aside`].
    pub size: usize,
}

impl Answered {
    /// It begins to leave: the journal knows its status, which this gives.
    pub(crate) fn begin(&self) -> u16 {
        let Answered { answer: Answer { status, body, .. }, live, .. } = self;
        live.exchange.first.set(clock::world());
        if let answer::Body::Raw(raw) = body {
            usage::said::note_raw(&live.exchange, raw);
        }
        let status = if let answer::Body::Error(error) = body { error.status } else { *status };
        live.exchange.note(|record| {
            record.status = Some(status);
            if let answer::Body::Error(error) = body {
                if record.outcome == Outcome::Served {
                    record.outcome = Outcome::Rejected;
                }
                record.said = Said::Error(error.message.clone());
            }
        });
        status
    }
}

/// Keeps an exchange whose answer is known, where sessions are kept whole.
fn keep(session: &Session, exchange: &Exchange, served: &Result<Answer, ApiError>) {
    if !session.is_kept_whole() {
        return;
    }
    let sends = |error: &ApiError| session.profile.sends(error.clone()).status;
    let (whole, status) = match served {
        Ok(Answer { body: answer::Body::Error(error), .. }) => (true, sends(error)),
        Ok(answer) => (
            answer.body.is_whole() && answer.delivery.as_ref().is_none_or(|delivery| delivery.fault.is_none()),
            answer.status,
        ),
        Err(error) => (true, sends(error)),
    };
    session.keep_answer(exchange, whole, Some(status));
}

/// Answers a request.
pub(crate) async fn run(emulator: &Arc<Emulator>, asked: Asked) -> Answered {
    let Asked { method, target, normal, route, query, headers, session, body: sent, lane, peer, budget } = asked;
    let name = route.name();
    let (dialect, edge) = (route.dialect(), route.edge());
    let azure = azure::facts(emulator.settings.azure, &normal, &query);
    let operation = route.operation();
    let keeper = session.as_ref().ok().cloned().unwrap_or_else(|| emulator.session(ANONYMOUS));
    let settings = &emulator.settings;
    let admitted = session.and_then(|session| {
        emulator.make_room(&session)?;
        if azure.as_ref().is_some_and(|azure| azure.version.is_empty()) {
            return Err(no_resource());
        }
        match route {
            Matched::Operation(operation, params) => Ok((session, operation, params)),
            Matched::WrongMethod(allow) => Err(error::wrong_method(&method, &normal.path, &allow)),
            Matched::NoSocket(place) => Err(ApiError::no_socket(place)),
            Matched::Unknown => Err(error::unknown_url(&method, target.split('?').next().unwrap_or_default())),
        }
    });
    let under_way = UnderWay::new(emulator, &keeper);
    let (admitted, body) = match admitted {
        Ok(admitted) => match body::read(sent, &method, admitted.1, &headers, settings, &under_way).await {
            Ok(body) => (Ok(admitted), body),
            Err(error) => (Err(error), ReadBody::default()),
        },
        Err(error) => (Err(error), ReadBody::default()),
    };
    let held = under_way.into_held();
    let size = body.size;
    runtime::turn(size).await;
    let answer = pin!(async move {
        let ReadBody { mut value, form, bytes, kept, .. } = body;
        let hash = random::key(0, &[name.as_bytes(), target.as_bytes(), &random::canonical(&value).to_le_bytes()]);
        let shared = emulator.shared();
        let (count, in_force) = keeper.begin(hash, &shared);
        let key = [keeper.name.as_bytes(), &hash.to_le_bytes(), &count.to_le_bytes()];
        let random = Random::new(random::key(keeper.seed, &key));
        let stamp = keeper.clock.stamp();
        let wants = find(&value, "model").and_then(Value::as_str).or(normal.deployment.as_deref()).map(String::from);
        let exchange = keeper.journal.number(Begun {
            operation: if name.is_empty() { "unknown" } else { name },
            method: exchange::method(&method),
            target: redact::target(&target).into_owned(),
            headers: headers.clone(),
            body: kept,
            stream: find(&value, "stream").and_then(Value::as_bool).unwrap_or(false),
            at: stamp,
            wants,
            peer,
            request_id: match azure {
                Some(_) => ids::uuid(&mut random.fork("request")),
                None => ids::request(&mut random.fork("request")),
            },
        });
        if emulator.desk.is_attended() {
            exchange.keeps_answer();
        }
        let live = Live::begin(keeper.clone(), exchange, emulator.observers.clone(), held);
        let started = keeper.clock.now();
        let answered = {
            let answering = pin!(async {
                let keeper = live.session.clone();
                let served = async {
                    let (session, operation, params) = admitted?;
                    if let Some(model) = normal.model_for(&value) {
                        Arc::make_mut(&mut value)["model"] = model.into();
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
                        body: value,
                        form,
                        bytes,
                        azure: normal.azure,
                        emulator: emulator.clone(),
                        session,
                        random: random.clone(),
                        budget,
                        stamp,
                        exchange: live.exchange.clone(),
                        delivery: None,
                        within: super::within::ask,
                        lane,
                        look: None,
                    };
                    // A bug of ours is an answer like others: the journal has it, and the test runner goes on.
                    let serving = pin!(api::serve(call));
                    runtime::caught(serving).await.unwrap_or_else(|_| Err(ApiError::panicked()))
                }
                .await;
                // What it changed is kept before anything of it leaves.
                keep(&keeper, &live.exchange, &served);
                keeper.settled().await.and(served)
            });
            live.watch().over(answering).await
        };
        let answered = answered.unwrap_or_else(|ended| Err(live.let_go(ended)));
        let mut answer = answered.unwrap_or_else(|error| {
            live.exchange.complain(&error);
            Answer::ok(answer::Body::Error(error))
        });
        if let answer::Body::Error(error) = answer.body {
            answer.body = answer::Body::Error(settings.profile.sends(error));
        }
        let azure = azure.map(|azure| azure.spoken(&mut answer, operation, live.exchange.wants.as_deref()));
        live.answered();
        Answered { answer, live, dialect, edge, azure, random, started, size }
    });
    runtime::all_aside(size, answer).await
}
