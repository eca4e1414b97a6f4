//! What was sent upstream lately, and what became of it.

use crate::redact::veil::Veil;
use serde_json::{Value, json};
use std::borrow::Cow;
use std::collections::VecDeque;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

/// Entries kept.
pub(crate) const MOST: usize = 100;

/// One request that went upstream.
#[derive(Debug, Clone)]
pub(crate) struct Forwarded {
    /// The exchange's.
    pub(crate) id: u64,
    /// When, since 1970.
    pub(crate) at: Duration,
    pub(crate) client: String,
    pub(crate) address: String,
    pub(crate) status: Option<u16>,
    pub(crate) took: Option<Duration>,
    /// How it ended; `None` = it has not.
    pub(crate) end: Option<Result<(), String>>,
    /// The beginning of the answer.
    pub(crate) body: Vec<u8>,
    pub(crate) is_stream: bool,
}

#[derive(Default)]
pub(crate) struct History(Mutex<VecDeque<Forwarded>>);

impl History {
    pub(crate) fn add(&self, sent: Forwarded) {
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        all.push_front(sent);
        all.truncate(MOST);
    }

    /// Changes the newest entry of an exchange, if it is still kept.
    pub(crate) fn change<T>(&self, id: u64, change: impl FnOnce(&mut Forwarded) -> T) -> Option<T> {
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        all.iter_mut().find(|sent| sent.id == id).map(change)
    }

    /// Newest first.
    pub(crate) fn to_json(&self) -> Value {
        let all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        all.iter().map(Forwarded::to_json).collect()
    }
}

impl Forwarded {
    fn to_json(&self) -> Value {
        let mut json = json!({
            "id": self.id.to_string(),
            "timestamp": self.at.as_secs_f64(),
            "client_ip": self.client,
            "target_url": self.address,
            "status_code": self.status,
            "elapsed_ms": self.took.map(|took| took.as_millis() as u64),
            "success": self.end.as_ref().map(Result::is_ok),
        });
        if let Some(Err(error)) = &self.end {
            json["error"] = error.as_str().into();
        }
        json
    }

    /// As `bypass_response` tells it, `veil` hiding a key that parts of the answer say together.
    pub(crate) fn ended(&self, veil: Option<&Veil>) -> Value {
        let mut json = self.to_json();
        let body = veil.map_or(Cow::Borrowed(&*self.body), |veil| veil.apart(&self.body));
        json["response_body"] = match serde_json::from_slice(&body) {
            _ if self.is_stream => Value::Null,
            Ok(value) => value,
            Err(_) => String::from_utf8_lossy(&body).into(),
        };
        json
    }
}
