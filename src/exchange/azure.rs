//! Azure's wire over an answer of the API, for requests that came over one of Azure's paths.

use crate::exchange::route::Normal;
use crate::options::AzureWire;
use crate::surface::operations::Operation;
use crate::turn::answer::{Answer, Body};
use crate::wire::azure;
use crate::wire::dialect::Dialect;
use crate::wire::error::ApiError;
use crate::wire::event::{Events, Frames, Work, write_json};
use bytes::{BufMut, Bytes, BytesMut};
use serde_json::Value;
use std::task::{Context, Poll, ready};

/// How an exchange speaks Azure's.
#[derive(Debug, Clone)]
pub(crate) struct AzureFacts {
    /// Named by its path or its body; the empty string where neither does.
    pub deployment: String,
    /// `api-version`; the empty string = it is missing.
    pub version: String,
}

/// Whether a request is answered as Azure does. Below `/openai/v1/` no version is asked for.
pub(super) fn facts(wire: AzureWire, normal: &Normal, query: &[(String, String)]) -> Option<AzureFacts> {
    let speaks = match wire {
        AzureWire::Paths => normal.azure,
        AzureWire::Always => true,
        AzureWire::Never => false,
    };
    speaks.then(|| {
        let given = query.iter().find(|(name, _)| name == "api-version").map(|(_, version)| version.as_str());
        let unsaid = if normal.versioned { "" } else { "v1" };
        AzureFacts {
            deployment: normal.deployment.clone().unwrap_or_default(),
            version: given.unwrap_or(unsaid).into(),
        }
    })
}

impl AzureFacts {
    /// Makes an answer Azure's.
    pub(super) fn spoken(
        mut self,
        answer: &mut Answer,
        operation: Option<&'static Operation>,
        model: Option<&str>,
    ) -> Self {
        if self.deployment.is_empty() {
            self.deployment = model.unwrap_or_default().to_string();
        }
        let completes = operation.is_some_and(|one| one.asks(Dialect::Chat) || one.asks(Dialect::Completions));
        answer.body = match std::mem::replace(&mut answer.body, Body::Empty) {
            Body::Error(error) => Body::Error(azure::error(error, &self.version)),
            Body::Json(bytes) if completes => Body::Json(rewritten(&bytes, azure::completion)),
            Body::Events(events) if completes => Body::Events(Box::new(AzureEvents {
                opening: Some(azure::opening()),
                caught: Caught::default(),
                version: self.version.clone(),
                events,
            })),
            other => other,
        };
        self
    }
}

/// An answer's JSON, in one line.
fn rewritten(bytes: &[u8], rewrite: impl FnOnce(Value) -> Value) -> Bytes {
    let Ok(value) = serde_json::from_slice(bytes) else { return Bytes::copy_from_slice(bytes) };
    format!("{}\n", rewrite(value)).into()
}

/// A stream whose chunks are Azure's.
struct AzureEvents {
    /// What it begins with, until that is written.
    opening: Option<Value>,
    caught: Caught,
    version: String,
    events: Box<dyn Events>,
}

/// One event, before it is written.
#[derive(Default)]
struct Caught {
    name: Option<String>,
    bytes: BytesMut,
}

impl Frames for Caught {
    fn begin(&mut self, name: Option<&str>) -> &mut BytesMut {
        self.bytes.clear();
        self.name = name.map(String::from);
        &mut self.bytes
    }

    fn end(&mut self) {}
}

impl Events for AzureEvents {
    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<()> {
        self.events.poll_ready(context)
    }

    fn next_content(&self) -> Option<u32> {
        if self.opening.is_some() { None } else { self.events.next_content() }
    }

    fn is_closing(&self) -> bool {
        self.opening.is_none() && self.events.is_closing()
    }

    fn poll_next(&mut self, context: &mut Context<'_>, out: &mut dyn Frames) -> Poll<bool> {
        if let Some(opening) = self.opening.take() {
            write_json(&opening, out.begin(None));
            out.end();
            return Poll::Ready(true);
        }
        if !ready!(self.events.poll_next(context, &mut self.caught)) {
            return Poll::Ready(false);
        }
        let frame = out.begin(self.caught.name.as_deref());
        match serde_json::from_slice(&self.caught.bytes) {
            Ok(chunk) => write_json(&azure::chunk(chunk), frame),
            Err(_) => frame.put_slice(&self.caught.bytes),
        }
        out.end();
        Poll::Ready(true)
    }

    fn work(&mut self) -> Option<Work> {
        self.events.work()
    }

    fn poll_stopped(&mut self, context: &mut Context<'_>) -> Poll<()> {
        self.events.poll_stopped(context)
    }

    fn write_error(&mut self, error: &ApiError, out: &mut dyn Frames) {
        self.events.write_error(&azure::error(error.clone(), &self.version), out);
    }

    fn ends_silently(&self) -> bool {
        self.events.ends_silently()
    }
}
