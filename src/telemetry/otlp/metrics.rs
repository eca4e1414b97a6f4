//! The conventions' metrics of a server.

use crate::telemetry::otlp::genai::Report;
use opentelemetry::KeyValue;
use opentelemetry::metrics::{Histogram, Meter};
use std::time::Duration;

/// What is measured of every exchange.
pub(super) struct Meters {
    duration: Histogram<f64>,
    first: Histogram<f64>,
    each: Histogram<f64>,
    tokens: Histogram<u64>,
}

impl Meters {
    pub(super) fn of(meter: &Meter) -> Self {
        // The conventions' own, and below them what an answer of this machine takes.
        let seconds = |name, lowest: &[f64], highest: i32| {
            let doubled = (0..highest).map(|power| 0.01 * 2_f64.powi(power));
            let boundaries = lowest.iter().copied().chain(doubled).collect();
            meter.f64_histogram(name).with_unit("s").with_boundaries(boundaries).build()
        };
        let tokens = (0..14).map(|power| f64::from(4_u32.pow(power))).collect();
        Meters {
            duration: seconds("gen_ai.server.request.duration", &[0.001, 0.0025, 0.005], 14),
            first: seconds("gen_ai.server.time_to_first_token", &[0.001, 0.005], 11),
            each: seconds("gen_ai.server.time_per_output_token", &[0.001, 0.005], 8),
            tokens: meter
                .u64_histogram("gen_ai.client.token.usage")
                .with_unit("{token}")
                .with_boundaries(tokens)
                .build(),
        }
    }

    pub(super) fn record(&self, report: &Report) {
        let exchange = &report.exchange;
        let mut attributes = report.dimensions();
        let total = report.took(report.ended);
        self.duration.record(total.as_secs_f64(), &attributes);
        let first = exchange.first_token().map(|first| report.took(first));
        if let Some(first) = first {
            self.first.record(first.as_secs_f64(), &attributes);
        }
        let Some((input, output)) = report.tokens() else { return };
        if let (Some(first), true) = (first, output > 1) {
            let each = total.saturating_sub(first) / u32::try_from(output - 1).unwrap_or(u32::MAX);
            self.each.record(Duration::as_secs_f64(&each), &attributes);
        }
        for (kind, count) in [("input", input), ("output", output)] {
            attributes.push(KeyValue::new("gen_ai.token.type", kind));
            self.tokens.record(count, &attributes);
            attributes.pop();
        }
    }
}
