//! What sends, for the whole process: its threads end with it.

use crate::options::SpanNames;
use crate::runtime;
use crate::telemetry::otlp::exporter::{self, Guarded, Signal};
use crate::telemetry::otlp::{SCOPE, queue};
use opentelemetry::KeyValue;
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::logs::SdkLoggerProvider;
use opentelemetry_sdk::metrics::SdkMeterProvider;
use opentelemetry_sdk::trace::SdkTracerProvider;
use std::sync::OnceLock;
use std::time::Duration;

/// How long the end of the process waits for what was not sent yet; for each signal.
const PARTING: Duration = Duration::from_secs(2);

/// What sends each signal; `None` = nobody wants it.
pub(super) struct Providers {
    pub(super) traces: Option<SdkTracerProvider>,
    pub(super) metrics: Option<SdkMeterProvider>,
    pub(super) logs: Option<SdkLoggerProvider>,
}

static PROVIDERS: OnceLock<Providers> = OnceLock::new();

/// Those of the process, started at the first call.
pub(super) fn of_process(names: SpanNames) -> &'static Providers {
    PROVIDERS.get_or_init(|| Providers::start(names))
}

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
pub(crate) fn flush() {
    let Some(providers) = PROVIDERS.get() else { return };
    queue::drain();
    // What fails was said when it failed.
    let _ = providers.traces.as_ref().map(|traces| traces.shutdown_with_timeout(PARTING));
    let _ = providers.metrics.as_ref().map(|metrics| metrics.shutdown_with_timeout(PARTING));
    let _ = providers.logs.as_ref().map(|logs| logs.shutdown_with_timeout(PARTING));
}
