//! An exchange in the words of the semantic conventions for generative AI.

use crate::reply::{Choice, Finish, Part, Say};
use crate::session::Session;
use crate::session::exchange::{Exchange, Record, Said};
use crate::surface::operations::{self, Family};
use crate::telemetry::otlp::contents::{self, Capture};
use crate::telemetry::otlp::parameters::Parameters;
use crate::wire::dialect::Dialect;
use opentelemetry::trace::{Span as _, Status};
use opentelemetry::{Array, KeyValue, StringValue, Value};
use opentelemetry_sdk::trace::Span;
use std::borrow::Cow;
use std::cell::OnceCell;
use std::sync::Arc;
use std::time::{Duration, UNIX_EPOCH};

/// Attributes that an exchange usually has at most.
pub(super) const MOST: usize = 24;

/// What is reported of an exchange that is over.
pub(super) struct Report {
    pub(super) exchange: Arc<Exchange>,
    pub(super) record: Record,
    session: String,
    /// In the world's time.
    pub(super) ended: Duration,
    /// Read once somebody asks.
    parameters: OnceCell<Parameters>,
}

/// The kind of inference; `None` = no model is asked.
fn inference(exchange: &Exchange) -> Option<&'static str> {
    exchange.wants.as_ref()?;
    let row = operations::named(exchange.operation)?;
    match (row.family, row.dialect) {
        (Family::Text, Dialect::Completions) => Some("text_completion"),
        (Family::Text, _) => Some("chat"),
        (Family::Embeddings, _) => Some("embeddings"),
        _ => None,
    }
}

/// What a span is called.
pub(super) fn name(exchange: &Exchange) -> Cow<'static, str> {
    match (inference(exchange), &exchange.wants) {
        (Some(inference), Some(model)) => format!("{inference} {model}").into(),
        _ => format!("{} {}", exchange.method, exchange.operation).into(),
    }
}

/// Why a choice ended.
pub(super) fn finish(choice: &Choice) -> Finish {
    let calls = choice.parts.iter().any(|part| matches!(part, Part::ToolCall(_)));
    choice.finish.unwrap_or(if calls { Finish::ToolCalls } else { Finish::Stop })
}

/// What the emulator's span as a client says when it asks the upstream.
pub(super) fn of_upstream(exchange: &Exchange, address: &str) -> Vec<KeyValue> {
    let mut all = vec![
        KeyValue::new("http.request.method", exchange.method.clone()),
        KeyValue::new("url.full", address.to_string()),
    ];
    if let Ok(uri) = address.parse::<hyper::Uri>() {
        let port = uri.port_u16().unwrap_or(if uri.scheme_str() == Some("https") { 443 } else { 80 });
        all.push(KeyValue::new("server.address", uri.host().unwrap_or_default().to_string()));
        all.push(KeyValue::new("server.port", i64::from(port)));
    }
    if let (Some(inference), Some(model)) = (inference(exchange), &exchange.wants) {
        all.push(KeyValue::new("gen_ai.operation.name", inference));
        all.push(KeyValue::new("gen_ai.provider.name", "openai"));
        all.push(KeyValue::new("gen_ai.request.model", model.clone()));
    }
    all
}

/// What it says of the upstream's answer.
pub(super) fn of_status(status: u16) -> Vec<KeyValue> {
    let mut all = vec![KeyValue::new("http.response.status_code", i64::from(status))];
    if status >= 400 {
        all.push(KeyValue::new("error.type", status.to_string()));
    }
    all
}

impl Report {
    pub(super) fn of(session: &Session, exchange: &Arc<Exchange>, ended: Duration) -> Self {
        Report {
            exchange: exchange.clone(),
            record: exchange.record(),
            session: session.label(),
            ended,
            parameters: OnceCell::new(),
        }
    }

    /// From its beginning until a moment.
    pub(super) fn took(&self, until: Duration) -> Duration {
        until.saturating_sub(self.exchange.arrived)
    }

    /// The kind of inference; `None` = no model is asked.
    pub(super) fn inference(&self) -> Option<&'static str> {
        inference(&self.exchange)
    }

    pub(super) fn path(&self) -> &str {
        self.exchange.target.split('?').next().unwrap_or_default()
    }

    pub(super) fn asked(&self) -> String {
        self.exchange.asked().clone()
    }

    /// What kind of error it ended with.
    fn error(&self) -> Option<String> {
        match self.record.status {
            Some(status @ 400..) => Some(status.to_string()),
            _ if self.record.is_broken() => Some("faulted".into()),
            status => (status.is_none() || self.record.aborted).then(|| "aborted".into()),
        }
    }

    /// Tokens of the request and of an answer that left whole.
    pub(super) fn tokens(&self) -> Option<(u64, u64)> {
        self.exchange.tokens.get().copied().filter(|_| self.record.is_whole())
    }

    fn parameters(&self) -> &Parameters {
        self.parameters.get_or_init(|| Parameters::of(&self.exchange.body))
    }

    /// What was said, where it is kept as that; of fewer choices than were asked for the last repeats.
    pub(super) fn choices(&self) -> Vec<&Choice> {
        let Said::Reply(reply) = &self.record.said else { return Vec::new() };
        let Say::Choices(choices) = &reply.say else { return Vec::new() };
        // Responses have one.
        let dialect = operations::named(self.exchange.operation).map(|operation| operation.dialect);
        let asked = if dialect == Some(Dialect::Responses) { 1 } else { self.parameters().choices() };
        (0..asked).filter_map(|index| choices.get(index).or(choices.last())).collect()
    }

    /// What metrics are told apart by: little that clients can make up, and that has the SDK's bound.
    pub(super) fn dimensions(&self) -> Vec<KeyValue> {
        let mut all = Vec::with_capacity(5);
        all.extend([
            KeyValue::new("gen_ai.operation.name", self.inference().unwrap_or("other")),
            KeyValue::new("gen_ai.provider.name", "openai"),
        ]);
        if let (Some(_), Some(model)) = (self.inference(), &self.exchange.wants) {
            all.push(KeyValue::new("gen_ai.request.model", model.clone()));
        }
        if let Some(error) = self.error() {
            all.push(KeyValue::new("error.type", error));
        }
        all
    }

    /// What a log record says in any case: what it is looked for by. All else stands in the span of its trace, if it has
    /// one; saying it twice cost as much as the span.
    pub(super) fn headline(&self) -> Vec<KeyValue> {
        let mut all = Vec::with_capacity(MOST);
        all.extend([
            KeyValue::new("llemulator.operation", self.exchange.operation),
            KeyValue::new("llemulator.session", self.session.clone()),
        ]);
        let mut add = |name: &'static str, value: Value| all.push(KeyValue::new(name, value));
        if let Some(rule) = &self.record.rule {
            add("llemulator.rule", rule.label().to_string().into());
        }
        if let Some(status) = self.record.status {
            add("http.response.status_code", i64::from(status).into());
        }
        if let Some(error) = self.error() {
            add("error.type", error.into());
        }
        all
    }

    /// All that is known: what a span says, or a log record without one.
    pub(super) fn attributes(&self) -> Vec<KeyValue> {
        let exchange = &self.exchange;
        let mut all = self.headline();
        all.extend([
            KeyValue::new("http.request.method", exchange.method.clone()),
            KeyValue::new("url.path", self.path().to_string()),
            KeyValue::new("llemulator.outcome", self.record.told_outcome().name()),
            KeyValue::new("llemulator.request_id", exchange.request_id.clone()),
        ]);
        let mut add = |name: &'static str, value: Value| all.push(KeyValue::new(name, value));
        if let Some(by) = self.record.by {
            add("llemulator.answered_by", by.into());
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
        if let Some((input, output)) = self.tokens() {
            add("gen_ai.usage.input_tokens", (input as i64).into());
            add("gen_ai.usage.output_tokens", (output as i64).into());
        }
        let choices = if self.record.is_whole() { self.choices() } else { Vec::new() };
        if !choices.is_empty() {
            let reasons: Vec<StringValue> = choices.into_iter().map(|choice| finish(choice).as_str().into()).collect();
            add("gen_ai.response.finish_reasons", Value::Array(Array::String(reasons)));
        }
        all
    }

    /// In a few words.
    pub(super) fn line(&self) -> String {
        let status = self.record.status.map_or("nothing".into(), |status| status.to_string());
        format!("{} {} {status}", self.exchange.method, self.exchange.target)
    }

    /// Why it failed.
    pub(super) fn status(&self) -> Status {
        match self.error() {
            None => Status::Unset,
            Some(_) if self.record.aborted && !self.record.is_broken() => Status::error("the client left"),
            // What the client did wrong is no error of a server's span, but for the conventions of inference.
            Some(_) => Status::error(self.record.reason()),
        }
    }

    /// Says in a span what is known.
    pub(super) fn fill(&self, span: &mut Span, contents: Capture) {
        span.set_attributes(self.attributes());
        if self.inference().is_some() {
            span.set_attributes(self.parameters().attributes());
        }
        if contents.in_spans {
            span.set_attributes(contents::attributes(self));
        }
        if let Some(first) = self.exchange.first_token() {
            let seconds = KeyValue::new("gen_ai.server.time_to_first_token", self.took(first).as_secs_f64());
            span.add_event_with_timestamp("gen_ai.first_token", UNIX_EPOCH + first, vec![seconds]);
        }
    }
}

#[cfg(test)]
#[path = "genai_tests.rs"]
mod tests;
