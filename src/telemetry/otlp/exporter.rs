//! Where the environment wants each signal sent, and what says so when it does not arrive.

use crate::clock;
use crate::log;
use crate::telemetry::otlp::complain;
use crate::telemetry::otlp::variables::Variables;
use hyper::Uri;
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

/// Where a signal is sent, and how; `None` = nowhere.
fn target<F: Fn(&str) -> Option<String>>(signal: Signal, variables: &Variables<F>) -> Option<(Protocol, String)> {
    let name = signal.to_string().to_uppercase();
    if variables.word(&format!("OTEL_{name}_EXPORTER"), &["otlp", "none"]) == Some("none") {
        return None;
    }
    let own = |what: &str| format!("OTEL_EXPORTER_OTLP_{name}_{what}");
    let own_endpoint = own("ENDPOINT");
    let (from, given) = variables.first([&own_endpoint, "OTEL_EXPORTER_OTLP_ENDPOINT"])?;
    let url = if given.contains("://") { given.clone() } else { format!("http://{given}") };
    if !is_address(&url) {
        let expected = "http://HOST:PORT or HOST:PORT, without encryption";
        variables.complain(from, &given, expected, "Nothing is sent there.");
        return None;
    }
    if let Some((name, value)) = variables.first([&own("COMPRESSION"), "OTEL_EXPORTER_OTLP_COMPRESSION"])
        && !value.eq_ignore_ascii_case("none")
    {
        variables.complain(name, &value, "none", "What is sent is not compressed: this build cannot.");
    }
    let own_protocol = own("PROTOCOL");
    let named = variables.first([&own_protocol, "OTEL_EXPORTER_OTLP_PROTOCOL"]).map(|(name, _)| name);
    let protocol = match named.and_then(|name| variables.word(name, &["grpc", "http/protobuf"])) {
        Some("grpc") => Protocol::Grpc,
        Some(_) => Protocol::HttpBinary,
        // `jaeger:4317`, and the port that gRPC has everywhere.
        None if !given.contains("://") || url.trim_end_matches('/').ends_with(":4317") => Protocol::Grpc,
        None => Protocol::HttpBinary,
    };
    let url = match protocol {
        Protocol::HttpBinary if from != own_endpoint => format!("{}/v1/{signal}", url.trim_end_matches('/')),
        _ => url,
    };
    Some((protocol, url))
}

/// Whether something can be sent to an address.
fn is_address(url: &str) -> bool {
    let Ok(uri) = url.parse::<Uri>() else { return false };
    let Some(authority) = uri.authority() else { return false };
    let host_and_port = authority.as_str().rsplit('@').next().unwrap_or_default();
    let port_is_right = authority.port_u16().is_some() || host_and_port == authority.host();
    uri.scheme_str() == Some("http") && !authority.host().is_empty() && port_is_right
}

macro_rules! exporter {
    ($name:ident, $exporter:ident, $signal:expr) => {
        /// What sends this signal, if the environment wants it sent.
        pub(super) fn $name<F: Fn(&str) -> Option<String>>(variables: &Variables<F>) -> Option<Guarded<$exporter>> {
            let (protocol, url) = target($signal, variables)?;
            let made = match protocol {
                Protocol::Grpc => $exporter::builder().with_tonic().with_endpoint(&url).build(),
                _ => $exporter::builder().with_http().with_protocol(protocol).with_endpoint(&url).build(),
            };
            let made = made.inspect_err(|error| complain($signal, error)).ok()?;
            Some(Guarded::new(made, $signal, url))
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
    /// Where it is sent.
    url: String,
    /// When it was last said, in the world's time, and how many failures since then were not.
    said: Mutex<(Option<Duration>, u64)>,
}

impl<E> Guarded<E> {
    fn new(inner: E, signal: Signal, url: String) -> Self {
        Guarded { inner, signal, url, said: Mutex::default() }
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
        Some(format!("OpenTelemetry: {} could not be sent to {} and are dropped: {error}{more}", self.signal, self.url))
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
    use crate::telemetry::otlp::variables::tests::given;

    #[test]
    fn endpoints_are_read_as_the_specification_and_openai_mokku_do() {
        let at = |variables: &[(&str, &str)]| target(Signal::Traces, &given(variables));
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
            (&[(general, "http://a:1"), (protocol, "GRPC")], Some((Protocol::Grpc, "http://a:1"))),
            (&[(general, "[::1]:1")], Some((Protocol::Grpc, "http://[::1]:1"))),
            (&[(general, "http://a:1"), ("OTEL_TRACES_EXPORTER", "none")], None),
            (&[(general, "http://a:1"), ("OTEL_TRACES_EXPORTER", "NONE")], None),
            (&[], None),
        ] {
            assert_eq!(at(variables), wanted.map(|(protocol, url)| (protocol, url.to_string())), "{variables:?}");
        }
    }

    #[test]
    fn what_cannot_be_read_is_said_once_with_what_would_be_right() {
        let (endpoint, protocol) = ("OTEL_EXPORTER_OTLP_ENDPOINT", "OTEL_EXPORTER_OTLP_PROTOCOL");
        let http = Some((Protocol::HttpBinary, "http://a:1/v1/traces".to_string()));
        for (name, value, expected, wanted) in [
            (protocol, "nonsense", "grpc or http/protobuf", http.clone()),
            (protocol, "http/json", "grpc or http/protobuf", http.clone()),
            ("OTEL_TRACES_EXPORTER", "console", "otlp or none", http.clone()),
            ("OTEL_EXPORTER_OTLP_COMPRESSION", "gzip", "none", http),
            (endpoint, "https://a:1", "http://HOST:PORT", None),
            (endpoint, "grpc://a:1", "http://HOST:PORT", None),
            (endpoint, "http://a:99999", "http://HOST:PORT", None),
            (endpoint, "a b", "http://HOST:PORT", None),
        ] {
            let variables = given(&[(name, value), (endpoint, "http://a:1")]);
            assert_eq!(target(Signal::Traces, &variables), wanted, "{value}");
            target(Signal::Logs, &variables);
            let said = variables.complaints();
            let begin = format!("OpenTelemetry: Invalid {name}: expected {expected}");
            assert!(
                said.len() == 1 && said[0].starts_with(&begin) && said[0].contains(&format!("{value:?}")),
                "{said:?}"
            );
        }
    }

    #[test]
    fn a_receiver_that_is_down_is_complained_of_once_a_minute() {
        let watched = Guarded::new((), Signal::Traces, "http://a:1".into());
        let at = |seconds| watched.complaint("refused", Duration::from_secs(seconds));
        assert!(
            at(1_000).is_some_and(
                |line| line.contains("traces could not be sent to http://a:1 ") && line.ends_with("refused")
            )
        );
        assert_eq!((at(1_001), at(1_059)), (None, None));
        assert!(at(1_060).is_some_and(|line| line.contains("2 times more")));
    }
}
