//! An exchange in the words of the semantic conventions for generative AI.

use crate::reply::{Finish, Say};
use crate::session::Session;
use crate::session::exchange::{Exchange, Record, Said};
use opentelemetry::trace::{Event, Span, SpanContext, SpanKind, Status, Tracer};
use opentelemetry::{Array, Context, KeyValue, StringValue, Value};
use opentelemetry_sdk::trace::SdkTracer;
use serde_json::json;
use std::time::{Duration, UNIX_EPOCH};

/// What is reported of an exchange that is over.
pub(super) struct Report<'a> {
    pub exchange: &'a Exchange,
    pub record: Record,
    session: String,
    /// In the world's time.
    pub ended: Duration,
}

impl<'a> Report<'a> {
    pub(super) fn of(session: &Session, exchange: &'a Exchange, ended: Duration) -> Self {
        Report { exchange, record: exchange.record(), session: session.label(), ended }
    }

    /// From its beginning until a moment.
    pub(super) fn took(&self, until: Duration) -> Duration {
        until.saturating_sub(self.exchange.arrived)
    }

    /// The kind of inference, by the resource that was asked; `None` = no model is asked.
    fn inference(&self) -> Option<&'static str> {
        self.exchange.wants.as_ref()?;
        match self.exchange.operation.split('.').next() {
            Some("chat" | "responses") => Some("chat"),
            Some("completions") => Some("text_completion"),
            Some("embeddings") => Some("embeddings"),
            _ => None,
        }
    }

    pub(super) fn path(&self) -> &str {
        self.exchange.target.split('?').next().unwrap_or_default()
    }

    pub(super) fn asked(&self) -> String {
        self.exchange.asked.lock().map(|asked| asked.clone()).unwrap_or_default()
    }

    fn failed(&self) -> bool {
        self.record.status.is_none_or(|status| status >= 400)
    }

    /// What metrics are told apart by: nothing that clients can make up without end.
    pub(super) fn dimensions(&self) -> Vec<KeyValue> {
        let mut all = vec![
            KeyValue::new("gen_ai.operation.name", self.inference().unwrap_or("other")),
            KeyValue::new("gen_ai.provider.name", "openai"),
        ];
        if let Some(status) = self.record.status.filter(|_| self.failed()) {
            all.push(KeyValue::new("error.type", status.to_string()));
        }
        all
    }

    /// What a span and a log record say.
    pub(super) fn attributes(&self) -> Vec<KeyValue> {
        let exchange = self.exchange;
        let mut all = vec![
            KeyValue::new("http.request.method", exchange.method.clone()),
            KeyValue::new("url.path", self.path().to_string()),
            KeyValue::new("llemulator.operation", exchange.operation),
            KeyValue::new("llemulator.session", self.session.clone()),
            KeyValue::new("llemulator.answered_by", self.record.outcome.name()),
            KeyValue::new("llemulator.request_id", exchange.request_id.clone()),
        ];
        let mut add = |name: &'static str, value: Value| all.push(KeyValue::new(name, value));
        if let Some(rule) = &self.record.rule {
            add("llemulator.rule", rule.label().to_string().into());
        }
        if let Some(status) = self.record.status {
            add("http.response.status_code", i64::from(status).into());
        }
        if self.failed() {
            let kind = self.record.status.map_or_else(|| "aborted".to_string(), |status| status.to_string());
            add("error.type", kind.into());
        }
        let Some(inference) = self.inference() else { return all };
        add("gen_ai.operation.name", inference.into());
        add("gen_ai.provider.name", "openai".into());
        if let Some(model) = &exchange.wants {
            add("gen_ai.request.model", model.clone().into());
        }
        if let Some(model) = exchange.model.get() {
            add("gen_ai.response.model", model.clone().into());
        }
        if let Some((input, output)) = exchange.tokens.get() {
            add("gen_ai.usage.input_tokens", (*input as i64).into());
            add("gen_ai.usage.output_tokens", (*output as i64).into());
        }
        if let Some(reasons) = self.finish_reasons() {
            add("gen_ai.response.finish_reasons", Value::Array(Array::String(reasons)));
        }
        all
    }

    /// Why each choice ended.
    fn finish_reasons(&self) -> Option<Vec<StringValue>> {
        let Said::Reply(reply) = &self.record.said else { return None };
        let Say::Choices(choices) = &reply.say else { return None };
        let reason = |finish: Option<Finish>| finish.unwrap_or(Finish::Stop).as_str();
        Some(choices.iter().map(|choice| reason(choice.finish).into()).collect())
    }

    /// In a few words.
    pub(super) fn line(&self) -> String {
        let status = self.record.status.map_or("nothing".into(), |status| status.to_string());
        format!("{} {} {status}", self.exchange.method, self.exchange.target)
    }

    /// Why it failed.
    pub(super) fn status(&self) -> Status {
        match self.record.status {
            Some(..400) => Status::Unset,
            // What the client did wrong is no error of a server's span, but for the conventions of inference.
            _ => Status::error(
                self.record.failure.as_ref().map_or_else(|| self.record.said(), |failure| failure.message.clone()),
            ),
        }
    }

    /// Makes the span; gives what names it.
    pub(super) fn span(&self, tracer: &SdkTracer, parent: &Context, contents: bool) -> SpanContext {
        let exchange = self.exchange;
        let name = match (self.inference(), &exchange.wants) {
            (Some(inference), Some(model)) => format!("{inference} {model}"),
            _ => format!("{} {}", exchange.method, exchange.operation),
        };
        let mut attributes = self.attributes();
        if contents && self.inference().is_some() {
            let message = |role: &str, text: String| {
                json!([{"role": role, "parts": [{"type": "text", "content": text}]}]).to_string()
            };
            attributes.push(KeyValue::new("gen_ai.input.messages", message("user", self.asked())));
            if !self.failed() {
                attributes.push(KeyValue::new("gen_ai.output.messages", message("assistant", self.record.said())));
            }
        }
        let mut events = Vec::new();
        if let Some(first) = exchange.first_content.get() {
            let seconds = KeyValue::new("gen_ai.server.time_to_first_token", self.took(*first).as_secs_f64());
            events.push(Event::new("gen_ai.first_token", UNIX_EPOCH + *first, vec![seconds], 0));
        }
        let mut span = tracer
            .span_builder(name)
            .with_kind(SpanKind::Server)
            .with_start_time(UNIX_EPOCH + exchange.arrived)
            .with_attributes(attributes)
            .with_events(events)
            .start_with_context(tracer, parent);
        span.set_status(self.status());
        span.end_with_timestamp(UNIX_EPOCH + self.ended);
        span.span_context().clone()
    }
}
