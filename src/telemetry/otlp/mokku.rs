//! An exchange as openai-mokku's spans: one of the server, below it one of the work, below that one of the echo.

use crate::session::exchange::Outcome;
use crate::telemetry::otlp::genai::Report;
use opentelemetry::trace::{Span, SpanContext, SpanKind, TraceContextExt, Tracer};
use opentelemetry::{Context, KeyValue};
use opentelemetry_sdk::trace::SdkTracer;
use serde_json::Value;
use std::borrow::Cow;
use std::time::UNIX_EPOCH;

/// The names it has for operations.
const NAMES: [(&str, &str); 6] = [
    ("chat.completions.create", "CreateChatCompletion"),
    ("completions.create", "CreateCompletion"),
    ("embeddings.create", "CreateEmbedding"),
    ("responses.create", "CreateResponse"),
    ("models.list", "ListModels"),
    ("models.retrieve", "RetrieveModel"),
];

/// Fields of a request that its spans name.
const FIELDS: [&str; 14] = [
    "model",
    "prompt",
    "temperature",
    "top_p",
    "n",
    "stream",
    "echo",
    "best_of",
    "presence_penalty",
    "frequency_penalty",
    "max_tokens",
    "max_completion_tokens",
    "user",
    "seed",
];

/// Makes the spans; gives what names the server's.
pub(super) fn spans(report: &Report<'_>, tracer: &SdkTracer, parent: &Context) -> SpanContext {
    let exchange = report.exchange;
    let known = NAMES.iter().find(|(operation, _)| *operation == exchange.operation).map(|(_, name)| *name);
    let name = known.unwrap_or(exchange.operation);
    let route = report.path().strip_prefix("/v1").unwrap_or(report.path()).to_string();
    let mut attributes = vec![
        KeyValue::new("oas.operation", name),
        KeyValue::new("http.request.method", exchange.method.clone()),
        KeyValue::new("http.route", route),
    ];
    if let Some(status) = report.record.status {
        attributes.push(KeyValue::new("http.response.status_code", i64::from(status)));
    }
    let server = span(report, tracer, parent, name.into(), SpanKind::Server, attributes);
    if known.is_none() {
        return server;
    }
    let below = parent.with_remote_span_context(server.clone());
    let work = if exchange.stream { "streaming" } else { "process" };
    let asked = report.asked();
    let mut attributes = Vec::new();
    if let Ok(body) = serde_json::from_slice::<Value>(&exchange.body) {
        attributes.push(KeyValue::new("request.full_json", body.to_string()));
        attributes.extend(FIELDS.iter().filter_map(|field| {
            Some(KeyValue::new(
                *field,
                match body.get(field)? {
                    Value::String(text) => text.clone().into(),
                    Value::Bool(truth) => (*truth).into(),
                    Value::Number(number) => match number.as_i64() {
                        Some(whole) => whole.into(),
                        None => number.as_f64()?.into(),
                    },
                    other => opentelemetry::Value::from(other.to_string()),
                },
            ))
        }));
        if let Some(messages) = body.get("messages").and_then(Value::as_array) {
            attributes.push(KeyValue::new("message_count", messages.len() as i64));
            attributes.push(KeyValue::new("last_user_message", asked.clone()));
        }
    }
    if exchange.stream {
        attributes.push(KeyValue::new("response.echo_message", report.record.said()));
    }
    let working = span(report, tracer, &below, format!("{name}.{work}").into(), SpanKind::Internal, attributes);
    if report.record.outcome == Outcome::Fallback {
        let attributes =
            vec![KeyValue::new("input_message", asked), KeyValue::new("echo_response", report.record.said())];
        let below = parent.with_remote_span_context(working);
        span(report, tracer, &below, "generateEchoResponse".into(), SpanKind::Internal, attributes);
    }
    server
}

fn span(
    report: &Report<'_>,
    tracer: &SdkTracer,
    parent: &Context,
    name: Cow<'static, str>,
    kind: SpanKind,
    attributes: Vec<KeyValue>,
) -> SpanContext {
    let mut span = tracer
        .span_builder(name)
        .with_kind(kind)
        .with_start_time(UNIX_EPOCH + report.exchange.arrived)
        .with_attributes(attributes)
        .start_with_context(tracer, parent);
    span.set_status(report.status());
    span.end_with_timestamp(UNIX_EPOCH + report.ended);
    span.span_context().clone()
}
