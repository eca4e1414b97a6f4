//! What sends, for the whole process: its threads end with it.

use crate::log;
use crate::options::SpanNames;
use crate::runtime;
use crate::telemetry::otlp::variables::Variables;
use crate::telemetry::otlp::{SCOPE, exporter, queue};
use opentelemetry::KeyValue;
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::logs::SdkLoggerProvider;
use opentelemetry_sdk::metrics::SdkMeterProvider;
use opentelemetry_sdk::resource::TelemetryResourceDetector;
use opentelemetry_sdk::trace::SdkTracerProvider;
use std::sync::{OnceLock, mpsc};
use std::thread;
use std::time::{Duration, Instant};

/// How long the end of the process waits for what was not sent yet.
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
        let variables = Variables::new(|name: &str| std::env::var(name).ok());
        variables.check();
        let resource = resource(names, &variables);
        let traces = exporter::spans(&variables).map(|exporter| {
            let builder =
                SdkTracerProvider::builder().with_resource(resource.clone()).with_sampler(variables.sampler());
            builder.with_batch_exporter(exporter).build()
        });
        let metrics = exporter::metrics(&variables).map(|exporter| {
            SdkMeterProvider::builder().with_resource(resource.clone()).with_periodic_exporter(exporter).build()
        });
        let logs = exporter::logs(&variables).map(|exporter| {
            SdkLoggerProvider::builder().with_resource(resource.clone()).with_batch_exporter(exporter).build()
        });
        variables.complaints().iter().for_each(|line| log::warn(line));
        Providers { traces, metrics, logs }
    }
}

/// Who we are, unless the environment says.
fn resource<F: Fn(&str) -> Option<String>>(names: SpanNames, variables: &Variables<F>) -> Resource {
    let (name, version) = match names {
        SpanNames::Genai => (SCOPE, env!("CARGO_PKG_VERSION")),
        SpanNames::Mokku => ("openai-mokku", "1.0.0"),
    };
    let given = variables.attributes();
    let service = variables.get("OTEL_SERVICE_NAME");
    let mut all = Vec::new();
    if service.is_none() && given.iter().all(|pair| pair.key.as_str() != "service.name") {
        all.extend([KeyValue::new("service.name", name), KeyValue::new("service.version", version)]);
    }
    all.extend(given);
    all.extend(service.map(|service| KeyValue::new("service.name", service)));
    // Of two with one name the later one holds.
    let builder = Resource::builder_empty().with_detector(Box::new(TelemetryResourceDetector));
    all.into_iter().fold(builder, |builder, pair| builder.with_attribute(pair)).build()
}

/// Sends what is left; for the end of the process, and never on the runtime's thread.
pub(crate) fn flush() {
    let Some(providers) = PROVIDERS.get() else { return };
    queue::drain();
    // At once: a receiver that says nothing is waited for one time, not three; and no longer than we say: metrics take
    // five seconds whatever they are told. What fails was said when it failed.
    let (ended, ends) = mpsc::channel();
    let over = |shutdown: fn(&Providers)| {
        let ended = ended.clone();
        thread::spawn(move || {
            shutdown(providers);
            ended.send(())
        });
    };
    over(|all| drop(all.traces.as_ref().map(|traces| traces.shutdown_with_timeout(PARTING))));
    over(|all| drop(all.metrics.as_ref().map(|metrics| metrics.shutdown_with_timeout(PARTING))));
    over(|all| drop(all.logs.as_ref().map(|logs| logs.shutdown_with_timeout(PARTING))));
    drop(ended);
    let until = Instant::now() + PARTING;
    while ends.recv_timeout(until.saturating_duration_since(Instant::now())).is_ok() {}
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::telemetry::otlp::variables::tests::given;
    use opentelemetry::Key;

    #[test]
    fn a_service_has_the_name_that_the_environment_says_first() {
        let (service, attributes) = ("OTEL_SERVICE_NAME", "OTEL_RESOURCE_ATTRIBUTES");
        let ours = Some(env!("CARGO_PKG_VERSION"));
        let none: &[(&str, &str)] = &[];
        for (variables, name, version) in [
            (none, "llemulator", ours),
            (&[(service, "foo"), (attributes, "service.name=bar")], "foo", None),
            (&[(attributes, "service.name=bar%20baz")], "bar baz", None),
            (&[(attributes, "my.service.name=foo")], "llemulator", ours),
            (&[(attributes, "service.version=7")], "llemulator", Some("7")),
        ] {
            let resource = resource(SpanNames::Genai, &given(variables));
            let said = |key: &'static str| resource.get(&Key::new(key)).map(|value| value.to_string());
            assert_eq!(said("service.name").as_deref(), Some(name), "{variables:?}");
            assert_eq!(said("service.version").as_deref(), version, "{variables:?}");
            assert_eq!(said("telemetry.sdk.language").as_deref(), Some("rust"));
        }
    }
}
