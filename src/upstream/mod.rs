//! The real API, or whatever else speaks it, asked in the emulator's place: the hosts that are configured (one, and one
//! for a model's name), never an address from a request.
//!
//! What it sends passes through as it comes: chunk borders stay, and nothing is read that is not taken. Redirects are
//! answers like others.

pub(crate) mod client;
mod dial;
mod failure;
mod headers;
mod payload;
mod target;
mod tls;

pub(crate) use failure::UpstreamFailure;
pub(crate) use payload::Payload;
pub(crate) use target::{Change, UpstreamTarget};

use crate::options::Settings;
use bytes::Bytes;
use client::HttpClient;
use dial::Dial;
use http_body::Body;
use http_body_util::BodyExt;
use hyper::body::Incoming;
use hyper::{Method, Request, StatusCode};
use std::collections::HashMap;
use std::error::Error;
use std::future::Future;
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, OnceLock, PoisonError, RwLock};
use std::task::{Context, Poll};
use std::time::Duration;
use tokio::time::{Sleep, sleep, timeout};

/// The upstream of an emulator.
pub(crate) struct Upstream {
    target: RwLock<Arc<UpstreamTarget>>,
    /// Servers that answer one model each, by its name.
    models: HashMap<String, Arc<UpstreamTarget>>,
    /// Everything goes there.
    bypass: AtomicBool,
    tls: tls::Trust,
    /// Made at the first use: reading the system's roots takes its time.
    client: OnceLock<HttpClient>,
}

/// A request as it goes upstream.
pub(crate) struct UpstreamRequest<'a> {
    /// `POST`.
    pub(crate) method: &'a str,
    /// `/v1/chat/completions`.
    pub(crate) path: &'a str,
    /// Without `?`.
    pub(crate) query: Option<&'a str>,
    /// Name in lower case, value.
    pub(crate) headers: Vec<(&'a str, &'a str)>,
    /// The caller's own key, for an upstream that is configured without one.
    pub(crate) key: Option<&'a str>,
    pub(crate) body: Payload,
}

/// What came back: its head, and the rest still arriving.
#[derive(Debug)]
pub(crate) struct UpstreamAnswer {
    pub(crate) status: u16,
    /// What may pass on.
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) body: UpstreamBody,
}

/// The body of an upstream's answer, chunk by chunk.
#[derive(Debug)]
pub(crate) struct UpstreamBody {
    body: Incoming,
    /// Longest wait for a chunk.
    limit: Duration,
    wait: Option<Pin<Box<Sleep>>>,
    target: Arc<UpstreamTarget>,
}

impl Upstream {
    /// The upstream that the settings name.
    ///
    /// # Errors
    /// The address is none, or the file of authorities cannot be read, with what would be right.
    pub(crate) fn new(settings: &Settings) -> Result<Self, String> {
        let target = UpstreamTarget::of(settings)?;
        let tls = tls::Trust::of(settings.upstream_ca.as_deref())?;
        Ok(Upstream {
            target: RwLock::new(Arc::new(target)),
            models: UpstreamTarget::by_model(settings)?,
            bypass: AtomicBool::new(false),
            tls,
            client: OnceLock::new(),
        })
    }

    /// Where it is, as configured now.
    pub(crate) fn target(&self) -> Arc<UpstreamTarget> {
        self.target.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// The server that answers a model.
    pub(crate) fn of_model(&self, name: &str) -> Option<&Arc<UpstreamTarget>> {
        self.models.get(name)
    }

    /// Every model that a server of its own answers, with that server.
    pub(crate) fn models(&self) -> impl Iterator<Item = (&str, &Arc<UpstreamTarget>)> {
        self.models.iter().map(|(name, target)| (name.as_str(), target))
    }

    /// Changes where it is; what is under way goes on.
    pub(crate) fn change(&self, change: Change) {
        let mut target = self.target.write().unwrap_or_else(PoisonError::into_inner);
        *target = Arc::new(target.changed(change));
    }

    /// Makes this address the upstream, with this key.
    ///
    /// # Errors
    /// The address is none.
    pub(crate) fn configure(&self, settings: &Settings, address: &str, key: Option<String>) -> Result<(), String> {
        let given = Settings { upstream: Some(address.to_string()), upstream_key: key, ..settings.clone() };
        *self.target.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(UpstreamTarget::of(&given)?);
        Ok(())
    }

    /// As the settings say again, but for its key.
    pub(crate) fn restore(&self, settings: &Settings) {
        let mut target = self.target.write().unwrap_or_else(PoisonError::into_inner);
        if let Ok(first) = UpstreamTarget::of(settings) {
            *target = Arc::new(UpstreamTarget { key: target.key.clone(), ..first });
        }
    }

    /// Whether everything goes there.
    pub(crate) fn bypasses(&self) -> bool {
        self.bypass.load(Ordering::Acquire)
    }

    /// Lets everything go there, or only what somebody sends there.
    pub(crate) fn bypass(&self, on: bool) {
        self.bypass.store(on, Ordering::Release);
    }

    /// Asks a target, and waits for the head of its answer. Dropping this, or the body, ends the request.
    ///
    /// # Errors
    /// It cannot be reached, or does not answer in HTTP, or in time.
    pub(crate) async fn ask(
        &self,
        target: Arc<UpstreamTarget>,
        ask: UpstreamRequest<'_>,
    ) -> Result<UpstreamAnswer, UpstreamFailure> {
        let uri = target.uri(ask.path, ask.query)?;
        let method = Method::from_bytes(ask.method.as_bytes()).unwrap_or(Method::POST);
        let client = self.client()?;
        let mut request = Request::new(ask.body.map_err(Into::into).boxed_unsync());
        *request.method_mut() = method;
        headers::outward(request.headers_mut(), ask.headers, target.key.as_deref(), ask.key);
        if let Some(authorization) = dial::authorization(&uri) {
            request.headers_mut().insert("proxy-authorization", authorization);
        }
        *request.uri_mut() = uri;
        let late = |_| UpstreamFailure::late(&target, "did not begin to answer");
        let answer = timeout(target.timeout, client.request(request)).await.map_err(late)?;
        let answer = answer.map_err(|error| {
            // "client error (Connect)" says less than what led to it.
            UpstreamFailure::unreached(&target, &error.source().map_or_else(|| error.to_string(), dial::chain))
        })?;
        let (head, body) = answer.into_parts();
        if head.status == StatusCode::SWITCHING_PROTOCOLS {
            return Err(UpstreamFailure::unreached(&target, "it changes the protocol, which nobody asked for"));
        }
        let limit = target.timeout;
        Ok(UpstreamAnswer {
            status: head.status.as_u16(),
            headers: headers::inward(&head.headers),
            body: UpstreamBody { body, limit, wait: None, target },
        })
    }

    fn client(&self) -> Result<&HttpClient, UpstreamFailure> {
        if let Some(client) = self.client.get() {
            return Ok(client);
        }
        let client = client::client(Dial::new(), self.tls.config().map_err(UpstreamFailure::untrusted)?);
        Ok(self.client.get_or_init(|| client))
    }
}

impl UpstreamBody {
    /// Longest wait for a chunk.
    pub(crate) fn limit(&self) -> Duration {
        self.limit
    }

    /// What a wait that was too long is.
    pub(crate) fn late(&self) -> UpstreamFailure {
        UpstreamFailure::late(&self.target, "stopped in mid-answer")
    }

    /// The next chunk, as it came; `None` at the end.
    pub(crate) fn poll_next(&mut self, context: &mut Context<'_>) -> Poll<Option<Result<Bytes, UpstreamFailure>>> {
        loop {
            match Pin::new(&mut self.body).poll_frame(context) {
                Poll::Ready(None) => return Poll::Ready(None),
                Poll::Ready(Some(Err(error))) => {
                    return Poll::Ready(Some(Err(UpstreamFailure::cut(&self.target, &dial::chain(&error)))));
                }
                Poll::Ready(Some(Ok(frame))) => {
                    self.wait = None;
                    match frame.into_data() {
                        Ok(chunk) if !chunk.is_empty() => return Poll::Ready(Some(Ok(chunk))),
                        // Trailers say nothing that anybody asks for.
                        _ => continue,
                    }
                }
                Poll::Pending => {}
            }
            let limit = self.limit;
            let wait = self.wait.get_or_insert_with(|| Box::pin(sleep(limit)));
            return wait.as_mut().poll(context).map(|()| Some(Err(self.late())));
        }
    }
}

#[cfg(test)]
#[path = "tests.rs"]
pub(crate) mod tests;
#[cfg(test)]
mod tls_tests;
