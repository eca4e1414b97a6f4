//! What goes wrong with an upstream, as the caller is told.

use crate::upstream::UpstreamTarget;
use crate::wire::error::ApiError;
use std::fmt::Display;

/// Why an upstream's answer does not come, or not to its end.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct UpstreamFailure {
    status: u16,
    code: &'static str,
    pub(crate) message: String,
}

impl UpstreamFailure {
    /// Nothing came back.
    pub(super) fn unreached(target: &UpstreamTarget, why: &str) -> Self {
        let check = match why.contains("CaUsedAsEndEntity") {
            true => {
                "It shows an authority's own certificate: give it one of a server (openssl req -x509 makes one with \
                 -addext basicConstraints=critical,CA:FALSE)"
            }
            false if why.contains("certificate") => {
                "Name the authority that signed its certificate (upstreamCa, --upstream-ca)"
            }
            false => "Check its address, and a proxy's (HTTPS_PROXY, NO_PROXY)",
        };
        let message = format!("The upstream {} did not answer: {why}. {check}.", target.origin());
        UpstreamFailure { status: 502, code: "upstream_failed", message }
    }

    /// Its answer ended before its end.
    pub(super) fn cut(target: &UpstreamTarget, why: &str) -> Self {
        let message = format!("The upstream {} broke off in mid-answer: {}.", target.origin(), why);
        UpstreamFailure { status: 502, code: "upstream_failed", message }
    }

    /// It took too long.
    pub(super) fn late(target: &UpstreamTarget, what: &str) -> Self {
        let message = format!(
            "The upstream {} {what} for {} seconds (option upstreamTimeoutMs).",
            target.origin(),
            target.timeout.as_secs_f64()
        );
        UpstreamFailure { status: 504, code: "upstream_timeout", message }
    }

    /// It would be asked by itself.
    pub(crate) fn itself(target: &UpstreamTarget) -> Self {
        let message = format!("The upstream {} is this emulator itself: name another server.", target.origin());
        UpstreamFailure { status: 502, code: "upstream_failed", message }
    }

    /// There is nobody to check certificates against.
    pub(super) fn untrusted(why: String) -> Self {
        let message = format!("The upstream's certificate cannot be checked: {why}.");
        UpstreamFailure { status: 502, code: "upstream_failed", message }
    }

    /// OpenAI's envelope.
    pub(crate) fn to_api_error(&self) -> ApiError {
        ApiError::gateway(self.status, self.code, self.message.clone())
    }
}

impl Display for UpstreamFailure {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str(&self.message)
    }
}
