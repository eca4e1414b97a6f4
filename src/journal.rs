//! The journal: what a session was asked and what became of it.
//!
//! An exchange is complete before its last byte leaves, so a client that has its answer finds it here.

use crate::headers::Headers;
use crate::reply::json::Rule;
use crate::reply::{Reply, describe};
use bytes::Bytes;
use serde_json::{Value, json};
use std::collections::VecDeque;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::time::Duration;
use tokio::sync::Notify;

/// What became of a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// A rule of the script answered.
    Scripted,
    /// The fallback answered.
    Fallback,
    /// Nothing matched.
    NoMatch,
    /// Refused before it took a turn: invalid, unknown model, no key, a limit.
    Rejected,
    /// Chaos or a scenario model answered.
    Faulted,
    /// An operation without a turn.
    Served,
}

/// What is known of an exchange so far.
#[derive(Debug, Clone)]
pub struct Record {
    pub outcome: Outcome,
    /// The rule that answered.
    pub rule: Option<Arc<Rule>>,
    pub status: u16,
    /// What "the model" said.
    pub said: Said,
    /// Why nothing matched, or why the answer failed.
    pub explanation: Option<String>,
    /// What was accepted although it is unknown here.
    pub warnings: Vec<String>,
    /// The client left before the end.
    pub aborted: bool,
}

/// What "the model" said; a text only when somebody asks.
#[derive(Debug, Clone)]
pub enum Said {
    Reply(Arc<Reply>),
    /// An error's message.
    Error(String),
}

impl Record {
    /// What "the model" said, as text for people; the error's message for errors.
    pub fn said(&self) -> String {
        match &self.said {
            Said::Reply(reply) => describe::reply(reply),
            Said::Error(message) => message.clone(),
        }
    }
}

/// A request that is being answered. Few allocations: a journal keeps thousands.
#[derive(Debug)]
pub struct OpenExchange {
    pub operation: &'static str,
    pub method: String,
    /// As sent, with query.
    pub target: String,
    pub headers: Arc<Headers>,
    /// The body as it came, unzipped; of a socket's request, its event.
    pub body: Bytes,
    pub stream: bool,
    pub at: Duration,
    pub request_id: String,
    /// The text a person would recognise the request by.
    pub asked: Mutex<String>,
    /// The tool results it brought: see [`crate::responders::request::tool_results`].
    pub tool_results: OnceLock<Value>,
    /// Rate limits the answer's headers show.
    pub limits: std::sync::OnceLock<crate::limits::Limits>,
    /// The model that answered, for the headers that name it.
    pub model: std::sync::OnceLock<String>,
    record: Mutex<Record>,
    done: AtomicBool,
}

impl OpenExchange {
    #[allow(clippy::too_many_arguments)] // each is a field; a builder would only rename them
    pub fn new(
        operation: &'static str,
        method: String,
        target: String,
        headers: Arc<Headers>,
        body: Bytes,
        stream: bool,
        at: Duration,
        request_id: String,
    ) -> Self {
        let record = Record {
            outcome: Outcome::Served,
            rule: None,
            status: 200,
            said: Said::Error(String::new()),
            explanation: None,
            warnings: Vec::new(),
            aborted: false,
        };
        OpenExchange {
            operation,
            method,
            target,
            headers,
            body,
            stream,
            at,
            request_id,
            asked: Mutex::default(),
            tool_results: OnceLock::new(),
            limits: Default::default(),
            model: Default::default(),
            record: Mutex::new(record),
            done: Default::default(),
        }
    }

    /// Notes something about the exchange.
    pub fn note(&self, change: impl FnOnce(&mut Record)) {
        change(&mut self.record.lock().unwrap_or_else(PoisonError::into_inner));
    }

    /// What is known now.
    pub fn record(&self) -> Record {
        self.record.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// The exchange as `GET /_emulator/requests` shows it.
    pub fn to_json(&self, number: u64) -> Value {
        let record = self.record();
        json!({
            "number": number,
            "operation": self.operation,
            "method": self.method,
            "path": self.target,
            "headers": self.headers.iter().map(|(k, v)| (k.to_string(), Value::from(v))).collect::<serde_json::Map<_, _>>(),
            "body": serde_json::from_slice::<Value>(&self.body).unwrap_or_default(),
            "stream": self.stream,
            "tool_results": self.tool_results.get().cloned().unwrap_or_else(|| json!([])),
            "outcome": record.outcome,
            "rule": record.rule.as_ref().map(|rule| rule.label()),
            "status": record.status,
            "said": record.said(),
            "explanation": record.explanation,
            "warnings": record.warnings,
            "aborted": record.aborted,
            "at": self.at.as_millis() as u64,
            "request_id": self.request_id,
            "retry_count": self.headers.all("x-stainless-retry-count").next().and_then(|n| n.parse::<u64>().ok()).unwrap_or(0),
        })
    }
}

/// A session's exchanges, complete ones only, bounded.
#[derive(Debug)]
pub struct Journal {
    limit: usize,
    kept: Mutex<Kept>,
    /// Number of exchanges completed since the session began.
    completed: AtomicU64,
    /// Told whenever the number grows.
    grown: Notify,
}

#[derive(Debug, Default)]
struct Kept {
    /// Number of the first one kept.
    first: u64,
    exchanges: VecDeque<Arc<OpenExchange>>,
    /// Bytes of their bodies.
    bytes: usize,
}

/// Bytes of request bodies a journal keeps at most; the last exchange always stays.
const MOST_BYTES: usize = 256 << 20;

impl Journal {
    pub fn new(limit: usize) -> Self {
        Journal { limit: limit.max(1), kept: Mutex::default(), completed: AtomicU64::new(0), grown: Notify::new() }
    }

    /// Adds a finished exchange; the second call for one does nothing.
    pub fn complete(&self, exchange: &Arc<OpenExchange>) {
        if exchange.done.swap(true, Ordering::AcqRel) {
            return;
        }
        let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        while kept.exchanges.len() == self.limit || kept.bytes + exchange.body.len() > MOST_BYTES {
            let Some(oldest) = kept.exchanges.pop_front() else { break };
            kept.bytes -= oldest.body.len();
            kept.first += 1;
        }
        kept.bytes += exchange.body.len();
        kept.exchanges.push_back(exchange.clone());
        drop(kept);
        self.completed.fetch_add(1, Ordering::AcqRel);
        self.grown.notify_waiters();
    }

    /// The exchanges numbered `since` and later, at most `limit`, oldest first.
    pub fn since(&self, since: u64, limit: usize) -> Vec<(u64, Arc<OpenExchange>)> {
        let kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        let skip = since.saturating_sub(kept.first) as usize;
        let numbered = kept.exchanges.iter().enumerate().skip(skip).take(limit);
        numbered.map(|(index, exchange)| (kept.first + index as u64, exchange.clone())).collect()
    }

    /// Forgets what is kept; numbers go on.
    pub fn clear(&self) {
        let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        kept.first += kept.exchanges.len() as u64;
        kept.exchanges.clear();
        kept.bytes = 0;
    }

    /// Number of exchanges completed since the session began.
    pub fn completed(&self) -> u64 {
        self.completed.load(Ordering::Acquire)
    }

    /// Waits until more than `seen` exchanges are complete; gives their number.
    pub async fn changed(&self, seen: u64) -> u64 {
        loop {
            // Listens before it looks, so that nothing completes unseen in between.
            let grown = self.grown.notified();
            let completed = self.completed();
            if completed > seen {
                return completed;
            }
            grown.await;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sized(size: usize) -> Arc<OpenExchange> {
        let body = vec![b' '; size].into();
        let id = "r".into();
        Arc::new(OpenExchange::new("x", "GET".into(), "/".into(), Arc::default(), body, false, Duration::ZERO, id))
    }

    fn exchange() -> Arc<OpenExchange> {
        sized(0)
    }

    #[test]
    fn large_bodies_push_older_ones_out() {
        let journal = Journal::new(10);
        for _ in 0..3 {
            journal.complete(&sized(MOST_BYTES / 2));
        }
        journal.complete(&sized(MOST_BYTES * 2));
        let numbers: Vec<u64> = journal.since(0, 10).iter().map(|(number, _)| *number).collect();
        assert_eq!(numbers, [3]);
    }

    #[tokio::test]
    async fn the_oldest_go_first_and_numbers_stay() {
        let journal = Journal::new(2);
        for _ in 0..3 {
            journal.complete(&exchange());
        }
        let numbers: Vec<u64> = journal.since(0, 10).iter().map(|(number, _)| *number).collect();
        assert_eq!(numbers, [1, 2]);
        assert_eq!(journal.changed(2).await, 3);
        journal.clear();
        assert!(journal.since(0, 10).is_empty());
        let again = exchange();
        journal.complete(&again);
        journal.complete(&again);
        assert_eq!(journal.completed(), 4);
    }
}
