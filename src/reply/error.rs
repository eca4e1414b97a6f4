//! A scripted error.

use crate::wire::error;
use crate::wire::error::ApiError;
use crate::wire::error::Filled;
use crate::wire::error::Occasion;

/// An error as the answer. Missing keys are filled as OpenAI fills them; `Some(None)` = a null that stays null.
#[derive(Debug, Clone, Default)]
pub(crate) struct ErrorReply {
    pub status: u16,
    pub message: Option<Option<String>>,
    pub kind: Option<Option<String>>,
    pub code: Option<Option<String>>,
    pub param: Option<Option<String>>,
    /// Milliseconds for `retry-after-ms` and `retry-after`; `Some(None)` = neither header.
    pub retry_after_ms: Option<Option<u64>>,
    pub headers: Vec<(String, String)>,
}

impl ErrorReply {
    /// An error with this status, everything else as OpenAI fills it.
    pub(crate) fn status(status: u16) -> Self {
        ErrorReply { status, ..ErrorReply::default() }
    }

    /// The scripted error, its gaps filled as OpenAI fills them for this status, model and operation
    /// (real-traffic §3A, §3B).
    pub(crate) fn to_api_error(&self, occasion: &Occasion) -> ApiError {
        let given = |field: &'_ Option<Option<String>>| field.clone().flatten();
        let (kind, code) = (given(&self.kind), given(&self.code));
        let mut error = error::usual(self.status, kind.as_deref(), code.as_deref(), occasion);
        if let Some(message) = &self.message {
            error.message = message.clone().unwrap_or_default();
        }
        if let Some(kind) = &self.kind {
            error.kind = kind.clone();
        }
        if let Some(code) = &self.code {
            error.code = code.clone();
        }
        if let Some(param) = &self.param {
            error.param = param.clone();
        }
        error.filled = Filled {
            message: self.message.is_none(),
            kind: self.kind.is_none(),
            code: self.code.is_none(),
            param: self.param.is_none(),
        };
        // SDKs retry these; a test should not wait half a second for each.
        let retried = matches!(self.status, 408 | 409 | 429) || self.status >= 500;
        let wait = self.retry_after_ms.unwrap_or(retried.then_some(1));
        if let Some(ms) = wait {
            error.headers.push(("retry-after-ms".into(), ms.to_string()));
            error.headers.push(("retry-after".into(), ms.div_ceil(1000).to_string()));
        }
        error.headers.extend(self.headers.iter().cloned());
        error
    }
}
