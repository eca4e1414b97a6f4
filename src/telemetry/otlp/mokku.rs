//! An exchange as openai-mokku's spans: one of the server, below it one of the work, below that one of the echo.

use crate::desk::summary::conversation;
use crate::session::exchange::Exchange;
use crate::telemetry::otlp::begin;
use crate::telemetry::otlp::contents::Capture;
use crate::telemetry::otlp::genai::Report;
use crate::wire::value::Holds;
use opentelemetry::trace::{Span as _, SpanContext, SpanKind, TraceContextExt};
use opentelemetry::{Context, KeyValue};
use opentelemetry_sdk::trace::{SdkTracer, Span};
use serde_json::Value;
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

/// The name it has for an operation.
fn known(exchange: &Exchange) -> Option<&'static str> {
    NAMES.iter().find(|(operation, _)| *operation == exchange.operation).map(|(_, name)| *name)
}

/// What the server's span is called.
pub(super) fn name(exchange: &Exchange) -> &'static str {
    known(exchange).unwrap_or(exchange.operation)
}

/// Says in the server's span what is known, and makes those below it.
pub(super) fn fill(report: &Report, tracer: &SdkTracer, server: &mut Span, contents: Capture) {
    let exchange = &report.exchange;
    let name = name(exchange);
    let route = report.path().strip_prefix("/v1").unwrap_or(report.path()).to_string();
    server.set_attributes([
        KeyValue::new("oas.operation", name),
        KeyValue::new("http.request.method", exchange.method.clone()),
        KeyValue::new("http.route", route),
    ]);
    if let Some(status) = report.record.status {
        server.set_attribute(KeyValue::new("http.response.status_code", i64::from(status)));
    }
    if known(exchange).is_none() {
        return;
    }
    let work = if exchange.stream { "streaming" } else { "process" };
    let said = || report.record.text();
    let mut attributes = asked(report, contents);
    if exchange.stream && contents.in_spans && report.record.is_whole() {
        attributes.push(KeyValue::new("response.echo_message", said()));
    }
    let working = span(report, tracer, server.span_context(), format!("{name}.{work}"), attributes);
    if report.record.by == Some("echo") {
        let told = [KeyValue::new("input_message", report.asked()), KeyValue::new("echo_response", said())];
        let told = if contents.in_spans { told.to_vec() } else { Vec::new() };
        span(report, tracer, &working, "generateEchoResponse".into(), told);
    }
}

/// What was asked, as it names it.
fn asked(report: &Report, contents: Capture) -> Vec<KeyValue> {
    let mut all = Vec::new();
    let Ok(body) = serde_json::from_slice::<Value>(&report.exchange.body) else { return all };
    if contents.in_spans {
        all.push(KeyValue::new("request.full_json", body.to_string()));
    }
    all.extend(FIELDS.iter().filter(|field| contents.in_spans || **field != "prompt").filter_map(|field| {
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
        all.push(KeyValue::new("message_count", messages.len() as i64));
        if contents.in_spans {
            all.push(KeyValue::new("last_user_message", last_user_message(&body)));
        }
    }
    all
}

/// The last text of the user, also of a request that was refused before anybody read it.
fn last_user_message(body: &Value) -> String {
    let told = conversation(body);
    let mut messages = told["messages"].elements().rev();
    let last = messages.find(|message| message["role"] == "user");
    last.and_then(|message| message["text"].as_str()).unwrap_or_default().to_string()
}

/// A span below another, as long as the whole; gives what names it.
fn span(
    report: &Report,
    tracer: &SdkTracer,
    above: &SpanContext,
    name: String,
    attributes: Vec<KeyValue>,
) -> SpanContext {
    let parent = Context::new().with_remote_span_context(above.clone());
    let mut span = begin(tracer, &parent, name.into(), SpanKind::Internal, &report.exchange);
    span.set_attributes(attributes);
    span.set_status(report.status());
    span.end_with_timestamp(UNIX_EPOCH + report.ended);
    span.span_context().clone()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::server::tests::{send, start};
    use opentelemetry::trace::{Tracer, TracerProvider};
    use opentelemetry_sdk::error::OTelSdkResult;
    use opentelemetry_sdk::trace::{SdkTracerProvider, SpanData, SpanExporter};
    use serde_json::json;
    use std::sync::{Arc, Mutex};

    /// Keeps what is exported.
    #[derive(Debug, Default, Clone)]
    struct Kept(Arc<Mutex<Vec<SpanData>>>);

    impl SpanExporter for Kept {
        async fn export(&self, mut batch: Vec<SpanData>) -> OTelSdkResult {
            self.0.lock().expect("whole").append(&mut batch);
            Ok(())
        }
    }

    /// The spans below the server's that one request has, by their names without the operation's.
    fn spans(fallback: &str, script: Option<Value>, body: &Value) -> impl Fn(&str) -> Option<Value> + use<> {
        const KEY: &str = "sk-mokku";
        let emulator = start(json!({"profile": "relaxed", "fallback": fallback}));
        if let Some(script) = script {
            assert_eq!(send(&emulator, KEY, "/_emulator/script", &script).status, 200);
        }
        send(&emulator, KEY, "/v1/chat/completions", body);
        let session = emulator.session(KEY);
        let exchange = session.journal.since(0, 1)[0].clone();
        let report = Report::of(&session, &exchange, exchange.arrived);
        let kept = Kept::default();
        let provider = SdkTracerProvider::builder().with_simple_exporter(kept.clone()).build();
        let tracer = provider.tracer("test");
        let mut server = tracer.start("server");
        fill(&report, &tracer, &mut server, Capture { in_spans: true, in_events: false });
        move |name| {
            let all = kept.0.lock().expect("whole");
            let span = all.iter().find(|span| span.name.rsplit('.').next() == Some(name))?;
            let pairs = span.attributes.iter().map(|pair| (pair.key.to_string(), pair.value.to_string().into()));
            Some(Value::Object(pairs.collect()))
        }
    }

    fn chat(text: &str, stream: bool) -> Value {
        json!({"model": "gpt-4o", "stream": stream, "messages": [{"role": "user", "content": text}]})
    }

    #[test]
    fn what_was_echoed_is_told_whole_and_plain() {
        let long = "\"hi\"\n".repeat(100);
        let told = spans("echo", None, &chat(&long, true));
        let echo = format!("Echo: {long}");
        assert_eq!(told("generateEchoResponse").expect("a span")["echo_response"], echo.as_str());
        let working = told("streaming").expect("a span");
        assert_eq!(working["response.echo_message"], echo.as_str());
        assert_eq!(working["last_user_message"], long.as_str());
        assert_eq!(spans("generate", None, &chat("hi", false))("generateEchoResponse"), None, "nothing was echoed");
    }

    #[test]
    fn a_stream_that_broke_has_no_whole_echo() {
        let script = json!({"rules": [{"match": "hi", "fault": {"kind": "error", "at": 1}}]});
        let working = spans("echo", Some(script), &chat("hi", true))("streaming").expect("a span");
        assert_eq!((&working["last_user_message"], working.get("response.echo_message")), (&json!("hi"), None));
    }

    #[test]
    fn a_request_that_is_refused_has_its_last_message() {
        let mut refused = chat("hi", false);
        refused["temperature"] = json!("hot");
        let told = spans("echo", None, &refused);
        assert_eq!(told("process").expect("a span")["last_user_message"], "hi");
        assert_eq!(told("generateEchoResponse"), None);
    }
}
