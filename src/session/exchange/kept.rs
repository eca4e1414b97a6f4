//! An exchange as a server keeps it for whoever owns its session next.

use super::{Begun, Exchange, Failure, Journal, Outcome, PaidUse, Said};
use crate::memory::Account;
use crate::random;
use crate::surface::operations;
use crate::wire::headers::Headers;
use base64::prelude::{BASE64_STANDARD, Engine};
use bytes::Bytes;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::net::SocketAddr;
use std::sync::atomic::Ordering;
use std::sync::{Arc, Weak};
use std::time::Duration;

/// Who may have answered: a name that is none of these (of another version, say) is not shown.
const ANSWERED: [&str; 12] = [
    "scenario", "chaos", "queue", "script", "function", "echo", "generate", "upstream", "cassette", "operator",
    "bypass", "fallback",
];

/// What is kept of an exchange.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct ExchangeRow {
    pub(crate) number: u64,
    serial: u64,
    operation: String,
    method: String,
    target: String,
    headers: Headers,
    body: KeptBody,
    stream: bool,
    at: Duration,
    wants: Option<String>,
    request_id: String,
    peer: Option<SocketAddr>,
    arrived: Duration,
    /// When its answer began.
    first: Option<Duration>,
    over: Duration,
    /// All of its answer has left, or is about to.
    done: bool,
    outcome: Outcome,
    by: Option<String>,
    rule: Option<String>,
    status: Option<u16>,
    said: String,
    explanation: Option<String>,
    warnings: Vec<String>,
    aborted: bool,
    failure: Option<Failure>,
    asked: String,
    tool_results: Option<Value>,
    tokens: Option<(u64, u64)>,
    model: Option<String>,
    #[serde(default)]
    uses: Option<Box<[PaidUse]>>,
}

/// A body as text, where it is one.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum KeptBody {
    Text(String),
    Base64(String),
}

impl KeptBody {
    fn of(bytes: &[u8]) -> Self {
        match std::str::from_utf8(bytes) {
            Ok(text) => KeptBody::Text(text.into()),
            Err(_) => KeptBody::Base64(BASE64_STANDARD.encode(bytes)),
        }
    }

    fn bytes(self) -> Bytes {
        match self {
            KeptBody::Text(text) => text.into(),
            KeptBody::Base64(text) => BASE64_STANDARD.decode(text).unwrap_or_default().into(),
        }
    }
}

impl Exchange {
    /// What is to be kept of it now, if that is something else than what was kept last; `done` = nothing more of its
    /// answer is to come than what leaves now, with this status.
    pub(crate) fn to_row(&self, done: bool, status: Option<u16>) -> Option<ExchangeRow> {
        let mut record = self.record();
        record.status = record.status.or(status);
        let mut row = ExchangeRow {
            number: self.number,
            serial: self.serial,
            operation: self.operation.into(),
            method: self.method.to_string(),
            target: self.target.clone(),
            headers: (*self.headers).clone(),
            body: KeptBody::of(&self.body),
            stream: self.stream,
            at: self.at,
            wants: self.wants.clone(),
            request_id: self.request_id.clone(),
            peer: self.peer,
            arrived: self.arrived,
            first: None,
            over: Duration::ZERO,
            done,
            outcome: record.outcome,
            by: record.by.map(String::from),
            rule: record.rule_label().map(String::from),
            status: record.status,
            said: record.said(),
            explanation: record.explanation,
            warnings: record.warnings,
            aborted: record.aborted,
            failure: record.failure.map(|failure| *failure),
            asked: self.asked().clone(),
            tool_results: self.tool_results.get().map(|results| (**results).clone()),
            tokens: self.tokens.get().copied(),
            model: self.model.get().cloned(),
            uses: self.uses.get().cloned(),
        };
        let hash = random::key(1, &[&serde_json::to_vec(&row).unwrap_or_default()]);
        // Times alone are no news.
        row.first = self.first_content.get().or(self.first.get());
        row.over = crate::clock::world();
        (self.kept.swap(hash, Ordering::Relaxed) != hash).then_some(row)
    }

    /// An exchange of an earlier owner. It is over: whoever waited for the rest of its answer has lost it.
    pub(crate) fn restored(row: ExchangeRow, journal: Weak<Journal>, account: &Arc<Account>) -> Self {
        let operation = operations::named(&row.operation);
        let begun = Begun {
            operation: operation.map_or("unknown", |known| known.name),
            method: super::method(&row.method),
            target: row.target,
            headers: Arc::new(row.headers),
            body: row.body.bytes(),
            stream: row.stream,
            at: row.at,
            wants: row.wants,
            request_id: row.request_id,
            peer: row.peer,
        };
        let mut exchange = Exchange::new(begun, row.number, journal, account);
        (exchange.serial, exchange.arrived) = (row.serial, row.arrived);
        exchange.first.set(row.first.unwrap_or(row.over));
        row.first.filter(|_| row.stream).into_iter().for_each(|first| exchange.first_content.set(first));
        exchange.over.set(row.over);
        *exchange.asked() = row.asked;
        row.tool_results.and_then(|results| exchange.tool_results.set(Box::new(results)).ok());
        row.tokens.and_then(|tokens| exchange.tokens.set(tokens).ok());
        row.model.and_then(|model| exchange.model.set(model).ok());
        row.uses.and_then(|uses| exchange.uses.set(uses).ok());
        let added = exchange.note(|record| {
            record.outcome = row.outcome;
            record.by = row.by.and_then(|by| ANSWERED.into_iter().find(|known| *known == by));
            record.kept_rule = row.rule;
            record.status = row.status;
            record.said = Said::Shown(row.said);
            record.explanation = row.explanation;
            record.warnings = row.warnings;
            record.aborted = row.aborted || !row.done;
            record.failure = row.failure.map(Box::new);
            record.done = true;
            record.settle()
        });
        exchange.held.add(added);
        exchange
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_it_used_is_there_for_the_next_owner() {
        let account = Account::new(1_000_000, &Arc::default());
        let exchange = Exchange::new(Begun::default(), 3, Weak::new(), &account);
        let uses = || [PaidUse::FileSearch("vs_a".into()), PaidUse::WebSearch].into();
        exchange.uses.set(uses()).expect("nothing was there");
        let row = serde_json::to_string(&exchange.to_row(true, Some(200)).expect("news")).expect("it serializes");
        let again = Exchange::restored(serde_json::from_str(&row).expect("a row"), Weak::new(), &account);
        assert_eq!((again.number, again.uses.get()), (3, Some(&uses())));
    }
}
