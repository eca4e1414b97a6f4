//! OpenTelemetry: spans, metrics and log records of exchanges over OTLP.
//!
//! An exchange becomes one span when it is over, with the times it had: nothing needs to know it earlier, and a request
//! costs the runtime's thread one entry of a queue. Only what goes upstream has its span at once, because the upstream
//! is told its number. Other threads make spans of what the queue holds, and send them; a receiver that is down is
//! theirs to wait for, and what finds no room is dropped.

mod contents;
mod exporter;
mod genai;
mod metrics;
mod mokku;
mod parameters;
mod providers;
mod queue;
mod variables;

use crate::clock;
use crate::log;
use crate::options::{LogLevel, Settings, SpanNames};
use crate::session::exchange::Exchange;
use crate::session::{Observer, Session, UpstreamNews};
use crate::wire::headers::Headers;
use exporter::Signal;
use opentelemetry::Context;
use opentelemetry::logs::{AnyValue, LogRecord, Logger, LoggerProvider, Severity};
use opentelemetry::metrics::MeterProvider;
use opentelemetry::propagation::{Extractor, Injector, TextMapPropagator};
use opentelemetry::trace::{Span as _, SpanContext, SpanKind, Status, TraceContextExt, Tracer, TracerProvider};
use opentelemetry_sdk::logs::SdkLogger;
use opentelemetry_sdk::propagation::TraceContextPropagator;
use opentelemetry_sdk::trace::{SdkTracer, Span};
use std::borrow::Cow;
use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::UNIX_EPOCH;

pub(super) use providers::flush;

/// Our name as a library that makes spans.
const SCOPE: &str = "llemulator";

/// Reports exchanges.
pub(super) struct Reporter(Arc<Signals>);

/// What is told, and to whom.
struct Signals {
    names: SpanNames,
    contents: contents::Capture,
    tracer: Option<SdkTracer>,
    logger: Option<SdkLogger>,
    meters: Option<metrics::Meters>,
    /// Exchanges that asked the upstream and are not over, by serial number.
    forwarded: Mutex<HashMap<u64, ForwardedSpans>>,
}

/// The spans of an exchange that asks the upstream.
struct ForwardedSpans {
    server: Span,
    /// The emulator as the upstream's client.
    client: Span,
}

impl Reporter {
    pub(super) fn start(settings: &Settings) -> Self {
        let providers = providers::of_process(settings.telemetry);
        queue::start();
        Reporter(Arc::new(Signals {
            names: settings.telemetry,
            contents: contents::Capture::of_environment(settings.telemetry),
            tracer: providers.traces.as_ref().map(|provider| provider.tracer(SCOPE)),
            logger: providers.logs.as_ref().map(|provider| provider.logger(SCOPE)),
            meters: providers.metrics.as_ref().map(|provider| metrics::Meters::of(&provider.meter(SCOPE))),
            forwarded: Mutex::default(),
        }))
    }
}

impl Signals {
    fn forwarded(&self) -> MutexGuard<'_, HashMap<u64, ForwardedSpans>> {
        self.forwarded.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The span of the server, begun when the request came.
    fn server(&self, tracer: &SdkTracer, exchange: &Exchange) -> Span {
        let parent = TraceContextPropagator::new().extract_with_context(&Context::new(), &Carrier(&exchange.headers));
        let name = match self.names {
            SpanNames::Genai => genai::name(exchange),
            SpanNames::Mokku => mokku::name(exchange).into(),
        };
        begin(tracer, &parent, name, SpanKind::Server, exchange)
    }
}

impl Signals {
    /// Tells of an exchange that is over; its span may have begun.
    fn report(&self, report: &genai::Report, begun: Option<Span>) {
        let span = self.tracer.as_ref().map(|tracer| {
            let mut server = begun.unwrap_or_else(|| self.server(tracer, &report.exchange));
            if server.is_recording() {
                match self.names {
                    SpanNames::Genai => report.fill(&mut server, self.contents),
                    SpanNames::Mokku => mokku::fill(report, tracer, &mut server, self.contents),
                }
                server.set_status(report.status());
                server.end_with_timestamp(UNIX_EPOCH + report.ended);
            }
            server.span_context().clone()
        });
        if let Some(logger) = &self.logger {
            emit(logger, report, span.as_ref(), self.contents);
        }
        if let Some(meters) = &self.meters {
            meters.record(report);
        }
    }
}

/// A span that began when the request came.
fn begin(tracer: &SdkTracer, parent: &Context, name: Cow<'static, str>, kind: SpanKind, exchange: &Exchange) -> Span {
    tracer
        .span_builder(name)
        .with_kind(kind)
        .with_start_time(UNIX_EPOCH + exchange.arrived)
        // With room for what comes: else the list would be moved four times.
        .with_attributes(Vec::with_capacity(genai::MOST))
        .start_with_context(tracer, parent)
}

impl Observer for Reporter {
    fn leads(&self, exchange: &Arc<Exchange>) -> Vec<(String, String)> {
        let Some(tracer) = &self.0.tracer else { return Vec::new() };
        let server = self.0.server(tracer, exchange);
        let below = Context::new().with_remote_span_context(server.span_context().clone());
        let client = tracer
            .span_builder(genai::name(exchange))
            .with_kind(SpanKind::Client)
            .with_start_time(UNIX_EPOCH + clock::world())
            .start_with_context(tracer, &below);
        let mut headers = Led(Vec::new());
        let through = Context::new().with_remote_span_context(client.span_context().clone());
        TraceContextPropagator::new().inject_context(&through, &mut headers);
        self.0.forwarded().insert(exchange.serial, ForwardedSpans { server, client });
        headers.0
    }

    fn heard(&self, _: &Session, exchange: &Arc<Exchange>, heard: &UpstreamNews) {
        // A chunk says nothing here: no lock for it.
        if matches!(heard, UpstreamNews::Chunk(_) | UpstreamNews::Unread(_)) {
            return;
        }
        let mut all = self.0.forwarded();
        let Some(ForwardedSpans { client, .. }) = all.get_mut(&exchange.serial) else { return };
        match heard {
            UpstreamNews::Asked { address, .. } => client.set_attributes(genai::of_upstream(exchange, address)),
            UpstreamNews::Begun { status, .. } => client.set_attributes(genai::of_status(*status)),
            UpstreamNews::Chunk(_) | UpstreamNews::Unread(_) | UpstreamNews::Left => {}
            UpstreamNews::Ended(end) => {
                if let Err(why) = end {
                    client.set_status(Status::error(why.to_string()));
                }
                client.end_with_timestamp(UNIX_EPOCH + clock::world());
            }
        }
    }

    fn ended(&self, session: &Session, exchange: &Arc<Exchange>) {
        let signals = self.0.clone();
        // Taken now: a journal keeps less of an exchange that is over.
        let report = genai::Report::of(session, exchange, clock::world());
        let begun = signals.forwarded().remove(&exchange.serial).map(|forwarded| forwarded.server);
        queue::put(Box::new(move || signals.report(&report, begun)));
    }
}

/// The log's line as a record, in its trace.
fn emit(logger: &SdkLogger, report: &genai::Report, span: Option<&SpanContext>, contents: contents::Capture) {
    let mut record = logger.create_log_record();
    let (severity, text) = match report.record.level() {
        LogLevel::Info => (Severity::Info, "INFO"),
        LogLevel::Warn => (Severity::Warn, "WARN"),
        LogLevel::Error => (Severity::Error, "ERROR"),
    };
    record.set_timestamp(UNIX_EPOCH + report.ended);
    record.set_severity_number(severity);
    record.set_severity_text(text);
    record.set_body(AnyValue::from(report.line()));
    let told = if span.is_some_and(SpanContext::is_sampled) { report.headline() } else { report.attributes() };
    let said = if contents.in_events { contents::attributes(report) } else { Vec::new() };
    record.add_attributes(told.into_iter().chain(said).map(|pair| (pair.key, any(pair.value))));
    if let Some(span) = span {
        record.set_trace_context(span.trace_id(), span.span_id(), Some(span.trace_flags()));
    }
    logger.emit(record);
}

/// A span's value as a log record's.
fn any(value: opentelemetry::Value) -> AnyValue {
    use opentelemetry::{Array, Value};
    match value {
        Value::I64(number) => AnyValue::Int(number),
        Value::F64(number) => AnyValue::Double(number),
        Value::Bool(truth) => AnyValue::Boolean(truth),
        Value::String(text) => AnyValue::String(text),
        Value::Array(Array::String(texts)) => {
            AnyValue::ListAny(Box::new(texts.into_iter().map(AnyValue::String).collect()))
        }
        other => AnyValue::from(other.to_string()),
    }
}

/// A request's headers, for what continues a trace.
struct Carrier<'a>(&'a Headers);

impl Extractor for Carrier<'_> {
    fn get(&self, key: &str) -> Option<&str> {
        self.0.all(key).next()
    }

    fn keys(&self) -> Vec<&str> {
        self.0.iter().map(|(name, _)| name).collect()
    }
}

/// The headers of a request that is led on.
struct Led(Vec<(String, String)>);

impl Injector for Led {
    fn set(&mut self, key: &str, value: String) {
        if !value.is_empty() {
            self.0.push((key.to_string(), value));
        }
    }
}

/// Says that an exporter could not be made.
fn complain(signal: Signal, error: impl std::fmt::Display) {
    log::warn(&format!("OpenTelemetry: {signal} are not sent: {error}"));
}
