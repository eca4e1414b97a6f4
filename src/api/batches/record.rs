//! A batch as it is kept: as it is shown, and how far it is.

use super::lines::LineFault;
use crate::session::store::StoredKind;
use crate::turn::call::Call;
use crate::turn::usage::wire;
use crate::wire::error::{self, ApiError};
use crate::wire::ids;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use std::time::Duration;

/// The one completion window there is.
const WINDOW: u64 = 86_400;

/// A batch.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct BatchRecord {
    /// As answers show it.
    pub shown: Value,
    /// Session time at which it was made, and to which its answered lines have brought it.
    began: Duration,
    pub at: Duration,
    /// The first line that is not answered, counted from 0.
    pub next: usize,
    /// A line whose answer is still on its way.
    pub coming: Option<ComingLine>,
    /// Seconds its output files are there.
    pub output_expires: Option<u64>,
    /// Made over one of Azure's paths.
    pub azure: bool,
}

/// A line that was asked, and whose answer the script lets come later.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct ComingLine {
    /// The line of the output or error file.
    pub entry: String,
    pub failed: bool,
    pub usage: Value,
    /// Session time at which it is there, once what holds it is released.
    pub due: Duration,
    pub hold: Option<String>,
}

impl StoredKind for BatchRecord {
    const NAME: &'static str = "batch";
}

impl BatchRecord {
    /// A new batch, as the call asks for it.
    pub(super) fn new(call: &Call) -> Self {
        let created = call.created();
        let body = &call.body;
        // The keys in the order of recording 66c5ce705a08a2ed.
        let shown = json!({
            "id": ids::timed("batch_", &mut call.random.fork("batch"), created), "object": "batch",
            "endpoint": body["endpoint"], "model": null, "errors": null, "input_file_id": body["input_file_id"],
            "completion_window": body["completion_window"], "status": "validating", "output_file_id": null,
            "error_file_id": null, "created_at": created, "in_progress_at": null, "expires_at": created + WINDOW,
            "finalizing_at": null, "completed_at": null, "failed_at": null, "expired_at": null, "cancelling_at": null,
            "cancelled_at": null, "request_counts": {"total": 0, "completed": 0, "failed": 0},
            "usage": {
                "input_tokens": 0, "output_tokens": 0, "total_tokens": 0,
                "input_tokens_details": {"cached_tokens": 0}, "output_tokens_details": {"reasoning_tokens": 0},
            },
            "metadata": body.get("metadata").cloned().unwrap_or_default(),
        });
        let now = call.session.clock.now();
        let output_expires = body["output_expires_after"]["seconds"].as_u64();
        BatchRecord { shown, began: now, at: now, next: 0, coming: None, output_expires, azure: call.azure }
    }

    pub(super) fn id(&self) -> &str {
        self.shown["id"].as_str().unwrap_or_default()
    }

    pub(super) fn endpoint(&self) -> &str {
        self.shown["endpoint"].as_str().unwrap_or_default()
    }

    pub(super) fn status(&self) -> &str {
        self.shown["status"].as_str().unwrap_or_default()
    }

    /// Whether nothing changes any more.
    pub(super) fn is_over(&self) -> bool {
        matches!(self.status(), "failed" | "completed" | "expired" | "cancelled")
    }

    /// Session time at which it expires.
    pub(super) fn expires(&self) -> Duration {
        self.began.saturating_add(Duration::from_secs(WINDOW))
    }

    /// A moment of the session's clock in unix seconds, as its creation tells.
    pub(super) fn unix(&self, at: Duration) -> u64 {
        self.shown["created_at"].as_u64().unwrap_or_default() + at.saturating_sub(self.began).as_secs()
    }

    /// It is in this status from this moment on.
    pub(super) fn becomes(&mut self, status: &str, at: Duration) {
        self.at = self.at.max(at);
        self.shown["status"] = status.into();
        self.shown[&format!("{status}_at")] = self.unix(at).into();
    }

    /// Its lines were found wrong.
    pub(super) fn fail(&mut self, faults: &[LineFault]) {
        self.shown["errors"] = json!({"object": "list", "data": faults});
        self.becomes("failed", self.at);
    }

    /// Its lines were found right.
    pub(super) fn accept(&mut self, lines: usize, model: Option<String>) {
        self.shown["model"] = model.into();
        self.shown["request_counts"]["total"] = lines.into();
        self.becomes("in_progress", self.at);
    }

    /// One more line is answered.
    pub(super) fn count(&mut self, line: &ComingLine) {
        let counts = &mut self.shown["request_counts"];
        let name = if line.failed { "failed" } else { "completed" };
        counts[name] = (counts[name].as_u64().unwrap_or_default() + 1).into();
        let usage = &mut self.shown["usage"];
        for place in USED {
            if let Some(sum) = usage.pointer_mut(place) {
                *sum = (sum.as_u64().unwrap_or_default() + wire::number(&line.usage, place)).into();
            }
        }
        self.next += 1;
        self.coming = None;
    }

    /// It is asked to stop.
    ///
    /// # Errors
    /// It is over in another way; one that was cancelled may be cancelled again.
    pub(super) fn cancel(&mut self, now: Duration) -> Result<(), ApiError> {
        match self.status() {
            "validating" | "in_progress" | "finalizing" => self.becomes("cancelling", now),
            "cancelling" | "cancelled" => {}
            status => return Err(ApiError::new(409, format!("Cannot cancel a batch with status '{status}'."))),
        }
        Ok(())
    }
}

/// Numbers of a batch's usage, which sums up those of its answers.
const USED: [&str; 5] = [
    "/input_tokens",
    "/output_tokens",
    "/total_tokens",
    "/input_tokens_details/cached_tokens",
    "/output_tokens_details/reasoning_tokens",
];

/// What is wrong when the input file is not there.
pub(super) fn no_file(id: &str) -> LineFault {
    LineFault {
        code: "invalid_request",
        message: format!(
            "Cannot find file {id}, or organization {} does not have access to it.",
            error::ORGANIZATION_ID
        ),
        param: Some("file_id".into()),
        line: None,
    }
}
