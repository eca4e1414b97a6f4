//! Where the environment wants each signal sent, and what says so when it does not arrive.

use crate::clock;
use crate::log;
use crate::telemetry::otlp::complain;
use opentelemetry_otlp::{LogExporter, MetricExporter, Protocol, SpanExporter, WithExportConfig};
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::error::OTelSdkResult;
use opentelemetry_sdk::logs::LogBatch;
use opentelemetry_sdk::metrics::Temporality;
use opentelemetry_sdk::metrics::data::ResourceMetrics;
use opentelemetry_sdk::metrics::exporter::PushMetricExporter;
use opentelemetry_sdk::trace::SpanData;
use std::fmt::{Display, Formatter};
use std::sync::Mutex;
use std::time::Duration;

/// A receiver that is down is complained of this often.
pub(super) const SILENCE: Duration = Duration::from_secs(60);

/// What is sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Signal {
    Traces,
    Metrics,
    Logs,
}

impl Display for Signal {
    fn fmt(&self, formatter: &mut Formatter<'_>) -> std::fmt::Result {
        formatter.write_str(match self {
            Signal::Traces => "traces",
            Signal::Metrics => "metrics",
            Signal::Logs => "logs",
        })
    }
}

/// A variable that says something.
fn variable(name: &str) -> Option<String> {
    std::env::var(name).ok().map(|value| value.trim().to_string()).filter(|value| !value.is_empty())
}

/// Where a signal is sent, and how; `None` = nowhere.
fn target(signal: Signal, variable: impl Fn(&str) -> Option<String>) -> Option<(Protocol, String)> {
    let name = signal.to_string().to_uppercase();
    if variable(&format!("OTEL_{name}_EXPORTER")).is_some_and(|exporter| exporter == "none") {
        return None;
    }
    let own = variable(&format!("OTEL_EXPORTER_OTLP_{name}_ENDPOINT"));
    let whole = own.is_some();
    let given = own.or_else(|| variable("OTEL_EXPORTER_OTLP_ENDPOINT"))?;
    let url = if given.contains("://") { given.clone() } else { format!("http://{given}") };
    let protocol = variable(&format!("OTEL_EXPORTER_OTLP_{name}_PROTOCOL"));
    let protocol = match protocol.or_else(|| variable("OTEL_EXPORTER_OTLP_PROTOCOL")).as_deref() {
        Some("grpc") => Protocol::Grpc,
        Some(_) => Protocol::HttpBinary,
        // `jaeger:4317`, and the port that gRPC has everywhere.
        None if !given.contains("://") || url.trim_end_matches('/').ends_with(":4317") => Protocol::Grpc,
        None => Protocol::HttpBinary,
    };
    let url = match protocol {
        Protocol::HttpBinary if !whole => format!("{}/v1/{signal}", url.trim_end_matches('/')),
        _ => url,
    };
    Some((protocol, url))
}

macro_rules! exporter {
    ($name:ident, $exporter:ident, $signal:expr) => {
        /// What sends this signal, if the environment wants it sent.
        pub(super) fn $name() -> Option<$exporter> {
            let (protocol, url) = target($signal, variable)?;
            let made = match protocol {
                Protocol::Grpc => $exporter::builder().with_tonic().with_endpoint(url).build(),
                _ => $exporter::builder().with_http().with_protocol(protocol).with_endpoint(url).build(),
            };
            made.inspect_err(|error| complain($signal, error)).ok()
        }
    };
}

exporter!(spans, SpanExporter, Signal::Traces);
exporter!(metrics, MetricExporter, Signal::Metrics);
exporter!(logs, LogExporter, Signal::Logs);

/// An exporter whose failures are said, at most once a minute.
#[derive(Debug)]
pub(super) struct Guarded<E> {
    inner: E,
    signal: Signal,
    /// When it was last said, in the world's time, and how many failures since then were not.
    said: Mutex<(Option<Duration>, u64)>,
}

impl<E> Guarded<E> {
    pub(super) fn new(inner: E, signal: Signal) -> Self {
        Guarded { inner, signal, said: Mutex::default() }
    }

    fn watch(&self, result: OTelSdkResult) -> OTelSdkResult {
        if let Err(error) = &result
            && let Some(line) = self.complaint(&error.to_string(), clock::world())
        {
            log::warn(&line);
        }
        result
    }

    /// What is said of a failure now; `None` = it was said just before.
    fn complaint(&self, error: &str, now: Duration) -> Option<String> {
        let mut said = self.said.lock().ok()?;
        if said.0.is_some_and(|last| now.saturating_sub(last) < SILENCE) {
            said.1 += 1;
            return None;
        }
        let more = match std::mem::replace(&mut *said, (Some(now), 0)).1 {
            0 => String::new(),
            more => format!("; {more} times more since this was last said"),
        };
        Some(format!("OpenTelemetry: {} could not be sent and are dropped: {error}{more}", self.signal))
    }
}

impl opentelemetry_sdk::trace::SpanExporter for Guarded<SpanExporter> {
    async fn export(&self, batch: Vec<SpanData>) -> OTelSdkResult {
        self.watch(self.inner.export(batch).await)
    }

    fn shutdown_with_timeout(&self, timeout: Duration) -> OTelSdkResult {
        self.inner.shutdown_with_timeout(timeout)
    }

    fn set_resource(&mut self, resource: &Resource) {
        self.inner.set_resource(resource);
    }
}

impl opentelemetry_sdk::logs::LogExporter for Guarded<LogExporter> {
    async fn export(&self, batch: LogBatch<'_>) -> OTelSdkResult {
        self.watch(self.inner.export(batch).await)
    }

    fn shutdown_with_timeout(&self, timeout: Duration) -> OTelSdkResult {
        self.inner.shutdown_with_timeout(timeout)
    }

    fn set_resource(&mut self, resource: &Resource) {
        self.inner.set_resource(resource);
    }
}

impl PushMetricExporter for Guarded<MetricExporter> {
    async fn export(&self, metrics: &ResourceMetrics) -> OTelSdkResult {
        self.watch(self.inner.export(metrics).await)
    }

    fn force_flush(&self) -> OTelSdkResult {
        self.inner.force_flush()
    }

    fn shutdown_with_timeout(&self, timeout: Duration) -> OTelSdkResult {
        self.inner.shutdown_with_timeout(timeout)
    }

    fn temporality(&self) -> Temporality {
        self.inner.temporality()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn endpoints_are_read_as_the_specification_and_openai_mokku_do() {
        let at = |variables: &[(&str, &str)]| {
            let find =
                |name: &str| variables.iter().find(|(known, _)| *known == name).map(|(_, value)| value.to_string());
            target(Signal::Traces, find)
        };
        let (general, own) = ("OTEL_EXPORTER_OTLP_ENDPOINT", "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT");
        let protocol = "OTEL_EXPORTER_OTLP_PROTOCOL";
        for (variables, wanted) in [
            (&[(general, "jaeger:4317")][..], Some((Protocol::Grpc, "http://jaeger:4317"))),
            (&[(general, "http://jaeger:4317")], Some((Protocol::Grpc, "http://jaeger:4317"))),
            (&[(general, "http://a:4318/")], Some((Protocol::HttpBinary, "http://a:4318/v1/traces"))),
            (&[(general, "http://a:1"), (protocol, "grpc")], Some((Protocol::Grpc, "http://a:1"))),
            (
                &[(general, "a:4317"), (protocol, "http/protobuf")],
                Some((Protocol::HttpBinary, "http://a:4317/v1/traces")),
            ),
            (&[(general, "http://a:1"), (own, "http://b:2/x")], Some((Protocol::HttpBinary, "http://b:2/x"))),
            (&[(general, "http://a:1"), ("OTEL_TRACES_EXPORTER", "none")], None),
            (&[], None),
        ] {
            assert_eq!(at(variables), wanted.map(|(protocol, url)| (protocol, url.to_string())), "{variables:?}");
        }
    }

    #[test]
    fn a_receiver_that_is_down_is_complained_of_once_a_minute() {
        let watched = Guarded::new((), Signal::Traces);
        let at = |seconds| watched.complaint("refused", Duration::from_secs(seconds));
        assert!(at(1_000).is_some_and(|line| line.contains("traces") && line.ends_with("refused")));
        assert_eq!((at(1_001), at(1_059)), (None, None));
        assert!(at(1_060).is_some_and(|line| line.contains("2 times more")));
    }
}
