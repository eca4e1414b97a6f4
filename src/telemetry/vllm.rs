//! Metrics under vLLM's names, so that its dashboards and autoscalers can be tried on an emulator.

use crate::reply::Finish;
use crate::telemetry::metrics::{Done, Times, times};
use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::registry::Registry;
use std::sync::Arc;

/// Tokens of one request, as vLLM's buckets have them.
const TOKENS: [f64; 16] =
    [1.0, 2.0, 5.0, 10.0, 20.0, 50.0, 100.0, 200.0, 500.0, 1e3, 2e3, 5e3, 10e3, 20e3, 50e3, 100e3];

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct ModelLabels {
    model_name: Arc<str>,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct FinishLabels {
    model_name: Arc<str>,
    finished_reason: &'static str,
}

type Sizes = Family<ModelLabels, Histogram, fn() -> Histogram>;

/// What vLLM counts.
pub(super) struct Vllm {
    running: Family<ModelLabels, Gauge>,
    /// Nothing ever waits for a free place here.
    waiting: Family<ModelLabels, Gauge>,
    success: Family<FinishLabels, Counter>,
    prompt: Family<ModelLabels, Counter>,
    generation: Family<ModelLabels, Counter>,
    prompt_sizes: Sizes,
    generation_sizes: Sizes,
    first: Times<ModelLabels>,
    per_token: Times<ModelLabels>,
    total: Times<ModelLabels>,
}

impl Vllm {
    pub(super) fn new(registry: &mut Registry) -> Self {
        let sizes = || Family::new_with_constructor((|| Histogram::new(TOKENS)) as fn() -> Histogram);
        let all = Vllm {
            running: Family::default(),
            waiting: Family::default(),
            success: Family::default(),
            prompt: Family::default(),
            generation: Family::default(),
            prompt_sizes: sizes(),
            generation_sizes: sizes(),
            first: times(),
            per_token: times(),
            total: times(),
        };
        registry.register(
            "vllm:num_requests_running",
            "Number of requests in model execution batches",
            all.running.clone(),
        );
        registry.register(
            "vllm:num_requests_waiting",
            "Number of requests waiting to be processed",
            all.waiting.clone(),
        );
        registry.register("vllm:request_success", "Count of successfully processed requests", all.success.clone());
        registry.register("vllm:prompt_tokens", "Number of prefill tokens processed", all.prompt.clone());
        registry.register("vllm:generation_tokens", "Number of generation tokens processed", all.generation.clone());
        registry.register(
            "vllm:request_prompt_tokens",
            "Number of prefill tokens per request",
            all.prompt_sizes.clone(),
        );
        registry.register(
            "vllm:request_generation_tokens",
            "Number of generation tokens per request",
            all.generation_sizes.clone(),
        );
        registry.register("vllm:time_to_first_token_seconds", "Time to first token in seconds", all.first.clone());
        registry.register(
            "vllm:time_per_output_token_seconds",
            "Time per output token after the first in seconds",
            all.per_token.clone(),
        );
        registry.register(
            "vllm:e2e_request_latency_seconds",
            "End to end request latency in seconds",
            all.total.clone(),
        );
        all
    }

    pub(super) fn begun(&self, model_name: Arc<str>) {
        let labels = ModelLabels { model_name };
        self.running.get_or_create(&labels).inc();
        drop(self.waiting.get_or_create(&labels));
    }

    pub(super) fn ended(&self, model_name: Arc<str>, done: &Done) {
        let labels = ModelLabels { model_name: model_name.clone() };
        self.running.get_or_create(&labels).dec();
        if !done.is_success() {
            return;
        }
        let finished_reason = match done.finish {
            _ if done.aborted => "abort",
            Finish::Length => "length",
            _ => "stop",
        };
        self.success.get_or_create(&FinishLabels { model_name, finished_reason }).inc();
        self.total.get_or_create(&labels).observe(done.total.as_secs_f64());
        // Without a stream the first token comes with the last.
        self.first.get_or_create(&labels).observe(done.first.unwrap_or(done.total).as_secs_f64());
        let Some((input, output)) = done.tokens else { return };
        self.prompt.get_or_create(&labels).inc_by(input);
        self.generation.get_or_create(&labels).inc_by(output);
        self.prompt_sizes.get_or_create(&labels).observe(input as f64);
        self.generation_sizes.get_or_create(&labels).observe(output as f64);
        if let (Some(first), true) = (done.first, output > 1) {
            let each = done.total.saturating_sub(first).as_secs_f64() / (output - 1) as f64;
            self.per_token.get_or_create(&labels).observe(each);
        }
    }
}
