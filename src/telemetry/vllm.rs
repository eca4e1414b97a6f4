//! Metrics under vLLM's names, so that its dashboards and autoscalers can be tried on an emulator.
//!
//! Those of a request and those that autoscalers read; what only a GPU has is constantly nothing. Labels are vLLM's:
//! `model_name`, and `engine`.

use crate::reply::Finish;
use crate::telemetry::metrics::Done;
use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::registry::{Metric, Registry};
use std::sync::Arc;
use std::time::Duration;

/// vLLM's boundaries: tokens of one request, seconds of one, to the first token, and for each further one.
const TOKENS: [f64; 16] =
    [1.0, 2.0, 5.0, 10.0, 20.0, 50.0, 100.0, 200.0, 500.0, 1e3, 2e3, 5e3, 10e3, 20e3, 50e3, 100e3];
const REQUEST: [f64; 21] = [
    0.3, 0.5, 0.8, 1.0, 1.5, 2.0, 2.5, 5.0, 10.0, 15.0, 20.0, 30.0, 40.0, 50.0, 60.0, 120.0, 240.0, 480.0, 960.0,
    1920.0, 7680.0,
];
const FIRST: [f64; 22] = [
    0.001, 0.005, 0.01, 0.02, 0.04, 0.06, 0.08, 0.1, 0.25, 0.5, 0.75, 1.0, 2.5, 5.0, 7.5, 10.0, 20.0, 40.0, 80.0,
    160.0, 640.0, 2560.0,
];
const EACH: [f64; 19] =
    [0.01, 0.025, 0.05, 0.075, 0.1, 0.15, 0.2, 0.3, 0.4, 0.5, 0.75, 1.0, 2.5, 5.0, 7.5, 10.0, 20.0, 40.0, 80.0];

/// There is one.
const ENGINE: &str = "0";

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct ModelLabels {
    model_name: Arc<str>,
    engine: &'static str,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct FinishLabels {
    model_name: Arc<str>,
    engine: &'static str,
    finished_reason: &'static str,
}

impl ModelLabels {
    fn of(model_name: Arc<str>) -> Self {
        ModelLabels { model_name, engine: ENGINE }
    }
}

type Histograms = Family<ModelLabels, Histogram, fn() -> Histogram>;

/// What vLLM counts.
pub(super) struct Vllm {
    running: Family<ModelLabels, Gauge>,
    /// Nothing ever waits for a free place here, gives way to others or fills a cache.
    waiting: Family<ModelLabels, Gauge>,
    cache: Family<ModelLabels, Gauge>,
    preemptions: Family<ModelLabels, Counter>,
    success: Family<FinishLabels, Counter>,
    prompt: Family<ModelLabels, Counter>,
    generation: Family<ModelLabels, Counter>,
    prompt_sizes: Histograms,
    generation_sizes: Histograms,
    first: Histograms,
    /// One mean a request: not every token is looked at.
    between: Histograms,
    each: Histograms,
    /// As `between` was called before.
    older: Histograms,
    total: Histograms,
    queue: Histograms,
    inference: Histograms,
    prefill: Histograms,
    decode: Histograms,
}

/// Registers a metric under vLLM's prefix.
fn register<M: Metric + Clone + Default>(registry: &mut Registry, name: &str, help: &str) -> M {
    add(registry, name, help, M::default())
}

/// The same for a histogram, with its boundaries.
fn histogram(registry: &mut Registry, name: &str, help: &str, made: fn() -> Histogram) -> Histograms {
    add(registry, name, help, Family::new_with_constructor(made))
}

fn add<M: Metric + Clone>(registry: &mut Registry, name: &str, help: &str, metric: M) -> M {
    registry.register(format!("vllm:{name}"), help, metric.clone());
    metric
}

impl Vllm {
    pub(super) fn new(registry: &mut Registry) -> Self {
        let to = registry;
        let tokens = || Histogram::new(TOKENS);
        let request = || Histogram::new(REQUEST);
        let each = || Histogram::new(EACH);
        Vllm {
            running: register(to, "num_requests_running", "Number of requests in model execution batches"),
            waiting: register(to, "num_requests_waiting", "Number of requests waiting to be processed"),
            cache: register(to, "kv_cache_usage_perc", "KV-cache usage (1: all of it)"),
            preemptions: register(to, "num_preemptions", "Number of preemptions"),
            success: register(to, "request_success", "Count of successfully processed requests"),
            prompt: register(to, "prompt_tokens", "Number of prefill tokens processed"),
            generation: register(to, "generation_tokens", "Number of generation tokens processed"),
            prompt_sizes: histogram(to, "request_prompt_tokens", "Number of prefill tokens per request", tokens),
            generation_sizes: histogram(to, "request_generation_tokens", "Number of generation tokens", tokens),
            first: histogram(to, "time_to_first_token_seconds", "Time to first token in seconds", || {
                Histogram::new(FIRST)
            }),
            between: histogram(to, "inter_token_latency_seconds", "Time between tokens in seconds", each),
            each: histogram(to, "request_time_per_output_token_seconds", "Mean time per output token", each),
            older: histogram(to, "time_per_output_token_seconds", "Time per output token after the first", each),
            total: histogram(to, "e2e_request_latency_seconds", "End to end request latency in seconds", request),
            queue: histogram(to, "request_queue_time_seconds", "Time in the queue in seconds", request),
            inference: histogram(to, "request_inference_time_seconds", "Time of inference in seconds", request),
            prefill: histogram(to, "request_prefill_time_seconds", "Time of prefill in seconds", request),
            decode: histogram(to, "request_decode_time_seconds", "Time of decoding in seconds", request),
        }
    }

    pub(super) fn begun(&self, model_name: Arc<str>) {
        let labels = ModelLabels::of(model_name);
        self.running.get_or_create(&labels).inc();
        drop(self.waiting.get_or_create(&labels));
        drop(self.cache.get_or_create(&labels));
        drop(self.preemptions.get_or_create(&labels));
    }

    pub(super) fn ended(&self, model_name: Arc<str>, done: &Done) {
        let labels = ModelLabels::of(model_name.clone());
        self.running.get_or_create(&labels).dec();
        if done.failed {
            return;
        }
        let finished_reason = match done.finish {
            _ if done.aborted => "abort",
            Finish::Length => "length",
            _ => "stop",
        };
        self.success.get_or_create(&FinishLabels { model_name, engine: ENGINE, finished_reason }).inc();
        let observe = |of: &Histograms, time: Duration| of.get_or_create(&labels).observe(time.as_secs_f64());
        // Without a stream the first token comes with the last.
        let first = done.first.unwrap_or(done.total);
        let rest = done.total.saturating_sub(first);
        observe(&self.total, done.total);
        observe(&self.inference, done.total);
        observe(&self.queue, Duration::ZERO);
        observe(&self.first, first);
        observe(&self.prefill, first);
        observe(&self.decode, rest);
        let Some((input, output)) = done.tokens else { return };
        self.prompt.get_or_create(&labels).inc_by(input);
        self.generation.get_or_create(&labels).inc_by(output);
        self.prompt_sizes.get_or_create(&labels).observe(input as f64);
        self.generation_sizes.get_or_create(&labels).observe(output as f64);
        if let (Some(_), true) = (done.first, output > 1) {
            let each = rest / u32::try_from(output - 1).unwrap_or(u32::MAX);
            observe(&self.between, each);
            observe(&self.each, each);
            observe(&self.older, each);
        }
    }
}
