//! OpenTelemetry: spans, metrics and log records of exchanges over OTLP.
//!
//! An exchange becomes one span when it is over, with the times it had: nothing here needs to know it earlier, and a
//! request costs the runtime's thread one full queue entry. Threads of the SDK send what the queues hold; a receiver
//! that is down is theirs to wait for, and what finds no room is dropped.

mod exporter;
mod genai;
mod mokku;

use crate::clock;
use crate::log;
use crate::options::{Settings, SpanNames};
use crate::runtime;
use crate::session::exchange::Exchange;
use crate::session::{Observer, Session};
use crate::wire::headers::Headers;
use exporter::{Guarded, Signal};
use opentelemetry::logs::{AnyValue, LogRecord, Logger, LoggerProvider, Severity};
use opentelemetry::metrics::{Histogram, MeterProvider};
use opentelemetry::propagation::{Extractor, TextMapPropagator};
use opentelemetry::trace::{SpanContext, TracerProvider};
use opentelemetry::{Context, KeyValue};
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::logs::{SdkLogger, SdkLoggerProvider};
use opentelemetry_sdk::metrics::SdkMeterProvider;
use opentelemetry_sdk::propagation::TraceContextPropagator;
use opentelemetry_sdk::trace::{SdkTracer, SdkTracerProvider};
use std::sync::{Arc, OnceLock};
use std::time::{Duration, UNIX_EPOCH};

/// Our name as a library that makes spans.
const SCOPE: &str = "llemulator";

/// How long the end of the process waits for what was not sent yet; for each signal.
const PARTING: Duration = Duration::from_secs(2);

/// What sends, for the whole process: its threads end with it.
struct Providers {
    traces: Option<SdkTracerProvider>,
    metrics: Option<SdkMeterProvider>,
    logs: Option<SdkLoggerProvider>,
}

static PROVIDERS: OnceLock<Providers> = OnceLock::new();

impl Providers {
    fn start(names: SpanNames) -> Self {
        // The gRPC transport works on our runtime.
        let _guard = runtime::handle().enter();
        let resource = resource(names);
        let traces = exporter::spans().map(|exporter| {
            let watched = Guarded::new(exporter, Signal::Traces);
            SdkTracerProvider::builder().with_resource(resource.clone()).with_batch_exporter(watched).build()
        });
        let metrics = exporter::metrics().map(|exporter| {
            let watched = Guarded::new(exporter, Signal::Metrics);
            SdkMeterProvider::builder().with_resource(resource.clone()).with_periodic_exporter(watched).build()
        });
        let logs = exporter::logs().map(|exporter| {
            let watched = Guarded::new(exporter, Signal::Logs);
            SdkLoggerProvider::builder().with_resource(resource.clone()).with_batch_exporter(watched).build()
        });
        Providers { traces, metrics, logs }
    }
}

/// Who we are, unless the environment says.
fn resource(names: SpanNames) -> Resource {
    let set = |name| std::env::var(name).unwrap_or_default();
    let named = !set("OTEL_SERVICE_NAME").is_empty() || set("OTEL_RESOURCE_ATTRIBUTES").contains("service.name=");
    let (name, version) = match names {
        SpanNames::Genai => (SCOPE, env!("CARGO_PKG_VERSION")),
        SpanNames::Mokku => ("openai-mokku", "1.0.0"),
    };
    let builder = Resource::builder();
    match named {
        true => builder.build(),
        false => builder.with_service_name(name).with_attribute(KeyValue::new("service.version", version)).build(),
    }
}

/// Sends what is left; for the end of the process, and never on the runtime's thread.
pub(super) fn flush() {
    let Some(providers) = PROVIDERS.get() else { return };
    // What fails was said when it failed.
    let _ = providers.traces.as_ref().map(|traces| traces.shutdown_with_timeout(PARTING));
    let _ = providers.metrics.as_ref().map(|metrics| metrics.shutdown_with_timeout(PARTING));
    let _ = providers.logs.as_ref().map(|logs| logs.shutdown_with_timeout(PARTING));
}

/// Reports exchanges.
pub(super) struct Reporter {
    names: SpanNames,
    /// Message contents are reported too.
    contents: bool,
    tracer: Option<SdkTracer>,
    logger: Option<SdkLogger>,
    meters: Option<Meters>,
}

struct Meters {
    duration: Histogram<f64>,
    first: Histogram<f64>,
    tokens: Histogram<u64>,
}

impl Reporter {
    pub(super) fn start(settings: &Settings) -> Self {
        let names = settings.telemetry;
        let providers = PROVIDERS.get_or_init(|| Providers::start(names));
        let contents = std::env::var("OTEL_INSTRUMENTATION_GENAI_CAPTURE_MESSAGE_CONTENT").unwrap_or_default();
        Reporter {
            names,
            contents: !matches!(contents.to_ascii_lowercase().as_str(), "" | "false" | "0" | "no_content"),
            tracer: providers.traces.as_ref().map(|provider| provider.tracer(SCOPE)),
            logger: providers.logs.as_ref().map(|provider| provider.logger(SCOPE)),
            meters: providers.metrics.as_ref().map(|provider| {
                let meter = provider.meter(SCOPE);
                let seconds =
                    vec![0.001, 0.01, 0.02, 0.04, 0.08, 0.16, 0.32, 0.64, 1.28, 2.56, 5.12, 10.24, 20.48, 40.96, 81.92];
                let tokens = (0..14).map(|power| f64::from(4_u32.pow(power))).collect();
                Meters {
                    duration: meter
                        .f64_histogram("gen_ai.server.request.duration")
                        .with_unit("s")
                        .with_boundaries(seconds.clone())
                        .build(),
                    first: meter
                        .f64_histogram("gen_ai.server.time_to_first_token")
                        .with_unit("s")
                        .with_boundaries(seconds)
                        .build(),
                    tokens: meter
                        .u64_histogram("gen_ai.client.token.usage")
                        .with_unit("{token}")
                        .with_boundaries(tokens)
                        .build(),
                }
            }),
        }
    }
}

impl Observer for Reporter {
    fn ended(&self, session: &Session, exchange: &Arc<Exchange>) {
        let report = genai::Report::of(session, exchange, clock::world());
        let span = self.tracer.as_ref().map(|tracer| {
            let parent =
                TraceContextPropagator::new().extract_with_context(&Context::new(), &Carrier(&exchange.headers));
            match self.names {
                SpanNames::Genai => report.span(tracer, &parent, self.contents),
                SpanNames::Mokku => mokku::spans(&report, tracer, &parent),
            }
        });
        if let Some(logger) = &self.logger {
            emit(logger, &report, span.as_ref());
        }
        if let Some(meters) = &self.meters {
            let attributes = report.dimensions();
            meters.duration.record(report.took(report.ended).as_secs_f64(), &attributes);
            if let Some(first) = exchange.first_content.get() {
                meters.first.record(report.took(*first).as_secs_f64(), &attributes);
            }
            if let Some((input, output)) = exchange.tokens.get() {
                for (kind, count) in [("input", *input), ("output", *output)] {
                    let kind = KeyValue::new("gen_ai.token.type", kind);
                    meters.tokens.record(count, &[&attributes[..], &[kind]].concat());
                }
            }
        }
    }
}

/// The log's line as a record, in its trace.
fn emit(logger: &SdkLogger, report: &genai::Report<'_>, span: Option<&SpanContext>) {
    let mut record = logger.create_log_record();
    let (severity, text) = match report.record.status {
        Some(..400) => (Severity::Info, "INFO"),
        Some(..500) => (Severity::Warn, "WARN"),
        _ => (Severity::Error, "ERROR"),
    };
    record.set_timestamp(UNIX_EPOCH + report.ended);
    record.set_severity_number(severity);
    record.set_severity_text(text);
    record.set_body(AnyValue::from(report.line()));
    record.add_attributes(report.attributes().into_iter().map(|pair| {
        let value = pair.value.to_string();
        (pair.key, AnyValue::from(value))
    }));
    if let Some(span) = span {
        record.set_trace_context(span.trace_id(), span.span_id(), Some(span.trace_flags()));
    }
    logger.emit(record);
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

/// Says that an exporter could not be made.
fn complain(signal: Signal, error: impl std::fmt::Display) {
    log::warn(&format!("OpenTelemetry: {signal} are not sent: {error}"));
}
