//! Prometheus: what `GET /metrics` says.
//!
//! Label values are bounded whatever clients send: operations are those of the table, a status has three digits,
//! outcomes and responders are fixed lists, and of models the first [`MODELS`] have their names, all others are `other`.

use crate::clock;
use crate::options::{MetricNames, Settings};
use crate::reply::{Finish, Say};
use crate::session::exchange::{Exchange, Said};
use crate::session::{Observer, Session};
use crate::telemetry::vllm::Vllm;
use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::encoding::prometheus_text;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::registry::Registry;
use std::collections::HashSet;
use std::hash::{Hash, Hasher};
use std::sync::atomic::Ordering::Relaxed;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

/// Model names that are told apart.
const MODELS: usize = 64;

/// Characters of a name that are told apart.
const NAME: usize = 100;

/// What is served, in Prometheus' own text form.
pub(crate) const CONTENT_TYPE: &str = prometheus_text::CONTENT_TYPE;

/// Seconds: from an answer of this machine to one of a model that thinks.
const SECONDS: [f64; 15] = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0];

/// A family of histograms of seconds.
pub(super) type Times<L> = Family<L, Histogram, fn() -> Histogram>;

pub(super) fn times<L: Clone + Hash + Eq>() -> Times<L> {
    Family::new_with_constructor(|| Histogram::new(SECONDS))
}

#[derive(Debug, Clone, PartialEq, Eq, EncodeLabelSet)]
struct RequestLabels {
    operation: &'static str,
    status: String,
    outcome: &'static str,
    answered_by: &'static str,
}

#[derive(Debug, Clone, PartialEq, Eq, EncodeLabelSet)]
struct OperationLabels {
    operation: &'static str,
}

#[derive(Debug, Clone, PartialEq, Eq, EncodeLabelSet)]
struct TokenLabels {
    model: Arc<str>,
    kind: &'static str,
}

impl Hash for RequestLabels {
    fn hash<H: Hasher>(&self, state: &mut H) {
        roughly([self.operation, &self.status, self.outcome, self.answered_by], state);
    }
}

impl Hash for OperationLabels {
    fn hash<H: Hasher>(&self, state: &mut H) {
        roughly([self.operation], state);
    }
}

impl Hash for TokenLabels {
    fn hash<H: Hasher>(&self, state: &mut H) {
        roughly([&self.model, self.kind], state);
    }
}

/// Label sets are few, and looked for four times a request: their lengths and last letters are enough to find one.
fn roughly<const N: usize>(values: [&str; N], state: &mut impl Hasher) {
    let sum = values.iter().fold(0, |sum: u64, value| {
        sum << 16 ^ (value.len() as u64) << 8 ^ u64::from(value.bytes().last().unwrap_or_default())
    });
    state.write_u64(sum);
}

/// What an exchange was, once it is over.
pub(super) struct Done {
    pub status: Option<u16>,
    /// The client got an error, or nothing, or an answer that broke.
    pub failed: bool,
    pub finish: Finish,
    /// The client left before the end.
    pub aborted: bool,
    /// Until the first piece of content of a stream, and until the end.
    pub first: Option<Duration>,
    pub total: Duration,
    /// Tokens of the request and of an answer that left whole, where a model was asked.
    pub tokens: Option<(u64, u64)>,
}

/// What is only looked at when somebody asks.
pub(crate) struct Levels {
    pub sessions: usize,
    /// Requests that wait for a person.
    pub waiting: usize,
    /// Preset answers of the control room's queues, and queues that have some.
    pub queued: (usize, usize),
    pub kept_bytes: usize,
    pub journal_evictions: u64,
}

/// An emulator's metrics.
pub(crate) struct Metrics {
    registry: Registry,
    requests: Family<RequestLabels, Counter>,
    first: Times<OperationLabels>,
    total: Times<OperationLabels>,
    tokens: Family<TokenLabels, Counter>,
    in_flight: Gauge,
    streams: Gauge,
    sessions: Gauge,
    waiting: Gauge,
    queued: Gauge,
    queues: Gauge,
    kept: Gauge,
    evictions: Counter,
    resident: Gauge,
    models: Mutex<HashSet<Arc<str>>>,
    vllm: Option<Vllm>,
}

impl Metrics {
    pub(crate) fn new(settings: &Settings) -> Arc<Self> {
        let mut registry = Registry::default();
        let vllm = (settings.metrics == MetricNames::Vllm).then(|| Vllm::new(&mut registry));
        let mut metrics = Metrics {
            registry: Registry::default(),
            requests: Family::default(),
            first: times(),
            total: times(),
            tokens: Family::default(),
            in_flight: Gauge::default(),
            streams: Gauge::default(),
            sessions: Gauge::default(),
            waiting: Gauge::default(),
            queued: Gauge::default(),
            queues: Gauge::default(),
            kept: Gauge::default(),
            evictions: Counter::default(),
            resident: Gauge::default(),
            models: Mutex::default(),
            vllm,
        };
        let ours = registry.sub_registry_with_prefix("llemulator");
        ours.register(
            "requests",
            "Requests that are over, by operation, status (none: nothing left), outcome and who answered",
            metrics.requests.clone(),
        );
        ours.register(
            "time_to_first_token_seconds",
            "From a streamed request to its first piece of content",
            metrics.first.clone(),
        );
        ours.register("request_duration_seconds", "From a request to the end of its answer", metrics.total.clone());
        ours.register("tokens", "Tokens of requests (input) and answers (output)", metrics.tokens.clone());
        ours.register("requests_in_flight", "Requests that are not over", metrics.in_flight.clone());
        ours.register("streams_open", "Of these, those that asked for a stream", metrics.streams.clone());
        ours.register("sessions", "Sessions, one for each API key", metrics.sessions.clone());
        ours.register("requests_waiting_for_operator", "Requests that wait for a person", metrics.waiting.clone());
        ours.register("queued_responses", "Preset answers that wait in queues", metrics.queued.clone());
        ours.register("response_queues", "Queues that have preset answers", metrics.queues.clone());
        ours.register("kept_bytes", "Bytes that all sessions of the process keep", metrics.kept.clone());
        ours.register(
            "journal_evictions",
            "Exchanges of the process that gave way to newer ones in their journal",
            metrics.evictions.clone(),
        );
        // Looked for, not read: the whole takes a tenth of a millisecond of every start.
        if std::path::Path::new(STATUS).exists() {
            registry.register(
                "process_resident_memory_bytes",
                "Resident memory size in bytes",
                metrics.resident.clone(),
            );
        }
        metrics.registry = registry;
        Arc::new(metrics)
    }

    /// What a scrape gets.
    pub(crate) fn render(&self, levels: &Levels) -> String {
        let set = |gauge: &Gauge, value: u64| _ = gauge.set(i64::try_from(value).unwrap_or(i64::MAX));
        set(&self.sessions, levels.sessions as u64);
        set(&self.waiting, levels.waiting as u64);
        set(&self.queued, levels.queued.0 as u64);
        set(&self.queues, levels.queued.1 as u64);
        set(&self.kept, levels.kept_bytes as u64);
        set(&self.resident, resident_bytes().unwrap_or(0));
        self.evictions.inner().store(levels.journal_evictions, Relaxed);
        let mut out = String::new();
        // Writing to a String cannot fail.
        let _ = prometheus_text::encode(&mut out, &self.registry);
        out
    }

    /// The name of a model as a label.
    fn model(&self, name: &str) -> Arc<str> {
        let end = name.char_indices().nth(NAME).map_or(name.len(), |(end, _)| end);
        let mut models = self.models.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(known) = models.get(&name[..end]) {
            return known.clone();
        }
        if models.len() >= MODELS {
            return "other".into();
        }
        let label: Arc<str> = name[..end].into();
        models.insert(label.clone());
        label
    }
}

/// Counts exchanges.
pub(crate) struct Tally(pub Arc<Metrics>);

impl Observer for Tally {
    fn begun(&self, _: &Session, exchange: &Arc<Exchange>) {
        let metrics = &self.0;
        metrics.in_flight.inc();
        if exchange.stream {
            metrics.streams.inc();
        }
        if let (Some(vllm), Some(model)) = (&metrics.vllm, &exchange.wants) {
            vllm.begun(metrics.model(model));
        }
    }

    fn ended(&self, _: &Session, exchange: &Arc<Exchange>) {
        let metrics = &self.0;
        metrics.in_flight.dec();
        if exchange.stream {
            metrics.streams.dec();
        }
        let (done, outcome, by) = exchange.note(|record| {
            let finish = match &record.said {
                Said::Reply(reply) => match &reply.say {
                    Say::Choices(choices) => choices.first().and_then(|choice| choice.finish),
                    _ => None,
                },
                _ => None,
            };
            let done = Done {
                status: record.status,
                failed: record.is_failed(),
                finish: finish.unwrap_or(Finish::Stop),
                aborted: record.aborted,
                first: exchange.first_token().map(|first| first.saturating_sub(exchange.arrived)),
                total: clock::world().saturating_sub(exchange.arrived),
                tokens: exchange.tokens.get().copied().filter(|_| record.is_whole()),
            };
            (done, record.told_outcome(), record.by)
        });
        let operation = exchange.operation;
        let status = done.status.map_or_else(|| "none".to_string(), |status| status.to_string());
        let answered_by = by.unwrap_or("none");
        let labels = RequestLabels { operation, status, outcome: outcome.name(), answered_by };
        metrics.requests.get_or_create(&labels).inc();
        let labels = OperationLabels { operation };
        metrics.total.get_or_create(&labels).observe(done.total.as_secs_f64());
        if let Some(first) = done.first {
            metrics.first.get_or_create(&labels).observe(first.as_secs_f64());
        }
        let Some(model) = exchange.wants.as_deref().map(|model| metrics.model(model)) else { return };
        if let Some((input, output)) = done.tokens {
            for (kind, count) in [("input", input), ("output", output)] {
                metrics.tokens.get_or_create(&TokenLabels { model: model.clone(), kind }).inc_by(count);
            }
        }
        if let Some(vllm) = &metrics.vllm {
            vllm.ended(model, &done);
        }
    }
}

/// Where Linux says how much memory the process has.
const STATUS: &str = "/proc/self/status";

/// Memory of the process, where Linux says it.
fn resident_bytes() -> Option<u64> {
    let status = std::fs::read_to_string(STATUS).ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"))?;
    Some(line.trim().strip_suffix(" kB")?.parse::<u64>().ok()? * 1024)
}
