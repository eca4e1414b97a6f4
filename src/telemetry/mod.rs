//! What an operator measures of an emulator. Who counts is an [`crate::session::Observer`] like others; nothing else in
//! the core knows of it.

pub(crate) mod metrics;
#[cfg(feature = "telemetry")]
mod otlp;
mod vllm;

use crate::options::Settings;
use crate::session::Observer;
use std::sync::Arc;

/// Who watches exchanges to measure them.
pub(crate) fn observers(settings: &Settings, metrics: &Arc<metrics::Metrics>) -> Vec<Box<dyn Observer>> {
    let mut all: Vec<Box<dyn Observer>> = vec![Box::new(metrics::Tally(metrics.clone()))];
    if is_wanted(|name| std::env::var(name).ok()) {
        all.extend(reporter(settings));
    }
    all
}

/// Whether the environment wants OpenTelemetry: it says where to.
fn is_wanted(variable: impl Fn(&str) -> Option<String>) -> bool {
    let set = |name: &str| variable(name).is_some_and(|value| !value.trim().is_empty());
    let disabled = variable("OTEL_SDK_DISABLED").is_some_and(|value| value.trim().eq_ignore_ascii_case("true"));
    !disabled && ["", "_TRACES", "_METRICS", "_LOGS"].iter().any(|of| set(&format!("OTEL_EXPORTER_OTLP{of}_ENDPOINT")))
}

#[cfg(feature = "telemetry")]
fn reporter(settings: &Settings) -> Option<Box<dyn Observer>> {
    Some(Box::new(otlp::Reporter::start(settings)))
}

/// A build without it says so, where it says anything.
#[cfg(not(feature = "telemetry"))]
fn reporter(settings: &Settings) -> Option<Box<dyn Observer>> {
    if settings.log_level != crate::options::LogLevel::Error {
        crate::log::warn(
            "OTEL_EXPORTER_OTLP_ENDPOINT is set, but this build does not speak OpenTelemetry; one that does: \
             `cargo build --release --no-default-features --features telemetry --bin llemulator`. GET /metrics is in every build.",
        );
    }
    None
}

/// Sends what was not sent yet; for the end of the process, and never on the runtime's thread.
pub(crate) fn flush() {
    #[cfg(feature = "telemetry")]
    otlp::flush();
}

#[cfg(test)]
mod tests;
