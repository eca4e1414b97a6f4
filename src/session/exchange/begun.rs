//! What is known of an exchange when it begins.

use crate::wire::headers::Headers;
use bytes::Bytes;
use std::borrow::Cow;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

/// What an exchange begins with.
#[derive(Debug, Default)]
pub(crate) struct Begun {
    pub operation: &'static str,
    pub method: Cow<'static, str>,
    /// As sent, with query.
    pub target: String,
    pub headers: Arc<Headers>,
    /// The body as it came, unzipped; of a socket's request, its event.
    pub body: Bytes,
    pub stream: bool,
    pub at: Duration,
    /// The model that was asked for.
    pub wants: Option<String>,
    pub request_id: String,
    pub peer: Option<SocketAddr>,
}

/// A method as an exchange keeps it: those that are known take no room.
pub(crate) fn method(name: &str) -> Cow<'static, str> {
    const KNOWN: [&str; 7] = ["POST", "GET", "DELETE", "PUT", "PATCH", "HEAD", "OPTIONS"];
    match KNOWN.into_iter().find(|known| *known == name) {
        Some(known) => Cow::Borrowed(known),
        None => Cow::Owned(name.into()),
    }
}
