//! The body of an HTTP request: its bytes, as whoever reads it asks for them.

use crate::exchange::body::{self, Coding, Coming};
use crate::options::Settings;
use crate::runtime;
use crate::server::socket::Control;
use crate::wire::error::{self, ApiError};
use crate::wire::headers::Headers;
use bytes::Bytes;
use futures_util::Stream;
use http_body::{Body, Frame, SizeHint};
use http_body_util::BodyExt;
use hyper::body::Incoming;
use hyper::header::{AsHeaderName, HeaderMap};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;
use tokio::time::{Sleep, sleep, timeout};

/// A body as it comes; whoever drops it before its end leaves a connection that must close.
pub(super) struct RequestBody {
    body: Incoming,
    /// All of it, where somebody has read it already.
    read: Option<Bytes>,
    /// Nothing of it is left on the connection.
    taken: bool,
    /// Its last piece was given: of one in chunks `body` does not say so.
    ended: bool,
    control: Arc<Control>,
}

impl RequestBody {
    pub(super) fn new(body: Incoming, control: Arc<Control>) -> Self {
        RequestBody { body, read: None, taken: false, ended: false, control }
    }

    /// Reads it to its end, so that it can be passed on more than once.
    ///
    /// # Errors
    /// The connection breaks.
    pub(super) async fn read_ahead(&mut self) -> Result<Bytes, hyper::Error> {
        if self.read.is_none() {
            let mut all = Vec::new();
            while let Some(frame) = self.frame().await {
                all.extend_from_slice(&frame?.into_data().unwrap_or_default());
            }
            (self.taken, self.ended) = (true, false);
            self.read = Some(all.into());
        }
        Ok(self.read.clone().unwrap_or_default())
    }
}

impl Body for RequestBody {
    type Data = Bytes;
    type Error = hyper::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, hyper::Error>>> {
        if let Some(read) = self.read.take() {
            self.ended = true;
            return Poll::Ready(Some(Ok(Frame::data(read))));
        }
        let frame = Pin::new(&mut self.body).poll_frame(context);
        self.ended |= matches!(frame, Poll::Ready(None));
        frame
    }

    fn is_end_stream(&self) -> bool {
        self.ended || self.read.as_ref().map_or_else(|| self.body.is_end_stream(), Bytes::is_empty)
    }

    fn size_hint(&self) -> SizeHint {
        if let Some(read) = &self.read {
            return SizeHint::with_exact(read.len() as u64);
        }
        self.body.size_hint()
    }
}

impl Drop for RequestBody {
    fn drop(&mut self) {
        if !self.taken && !self.is_end_stream() {
            self.control.leave_unread();
        }
    }
}

/// A body that nobody has read, which comes as long as its bytes keep coming. A client that waits for `100 Continue`
/// sends it when it is asked for.
pub(super) fn coming(body: RequestBody, headers: &HeaderMap, settings: &Settings) -> Coming {
    let at_least = body.size_hint().lower();
    let small = body.size_hint().exact().is_some_and(|size| size <= SMALL);
    let unread = small && !headers.contains_key("expect");
    let patience = Duration::from_millis(settings.body_timeout_ms);
    Coming { at_least, pieces: Box::pin(IncomingBytes { body: Some(body), unread, patience, wait: None }) }
}

/// All of a body within the bounds of its size, also after unzipping.
///
/// # Errors
/// It is too large, stalls, or is coded in an unknown way.
pub(super) async fn read(body: RequestBody, headers: &HeaderMap, settings: &Settings) -> Result<Bytes, ApiError> {
    let coding = Coding::of(&Headers::of(headers))?;
    let limit = settings.max_body_bytes;
    body::unzip(body::gather(coming(body, headers, settings), limit, |_| Ok(())).await?, coding, limit)
}

/// A body of this size is taken off the connection when nobody wants it.
const SMALL: u64 = 64 * 1024;

/// The bytes of a body as they come.
struct IncomingBytes {
    body: Option<RequestBody>,
    /// It is small, and nobody has asked for any of it.
    unread: bool,
    /// How long a piece may take.
    patience: Duration,
    /// The wait that is on.
    wait: Option<Pin<Box<Sleep>>>,
}

impl Stream for IncomingBytes {
    type Item = Result<Bytes, ApiError>;

    fn poll_next(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let this = self.get_mut();
        this.unread = false;
        let Some(body) = &mut this.body else { return Poll::Ready(None) };
        while let Poll::Ready(frame) = Pin::new(&mut *body).poll_frame(context) {
            this.wait = None;
            match frame.transpose().map(|frame| frame.and_then(|frame| frame.into_data().ok())) {
                Ok(Some(data)) => return Poll::Ready(Some(Ok(data))),
                Ok(None) if body.is_end_stream() => return Poll::Ready(None),
                // Trailers say nothing here.
                Ok(None) => {}
                Err(error) => {
                    let error = ApiError::invalid(format!("Failed to read request body: {error}"));
                    return Poll::Ready(Some(Err(error)));
                }
            }
        }
        let patience = this.patience;
        let wait = this.wait.get_or_insert_with(|| Box::pin(sleep(patience)));
        wait.as_mut().poll(context).map(|()| Some(Err(error::stalled(patience))))
    }
}

impl Drop for IncomingBytes {
    /// The answer does not wait for a body that was refused unread; but a connection whose request was not read to its
    /// end cannot be used again, so a small one is.
    fn drop(&mut self) {
        let Some(mut body) = self.body.take_if(|body| self.unread && !body.is_end_stream()) else { return };
        let drain = async move {
            let mut left = SMALL as usize;
            while let Some(Ok(frame)) = body.frame().await {
                let length = frame.data_ref().map_or(0, Bytes::len);
                if length > left {
                    return;
                }
                left -= length;
            }
        };
        let patience = self.patience;
        runtime::spawn(async move { timeout(patience, drain).await.unwrap_or(()) });
    }
}

/// How much one of the things that a header lists is wanted, from 0 to 1; `None` where it is not named.
pub(super) fn weight(accepted: &str, wanted: &str) -> Option<f32> {
    let mut named = accepted.split(',').map(|one| one.split(';').map(str::trim));
    let mut parameters = named.find_map(|mut one| one.next()?.eq_ignore_ascii_case(wanted).then_some(one))?;
    Some(parameters.find_map(|one| one.strip_prefix("q=")?.parse().ok()).unwrap_or(1.0))
}

/// A header of the request as text.
pub(crate) fn header(headers: &HeaderMap, name: impl AsHeaderName) -> Option<&str> {
    headers.get(name).and_then(|value| value.to_str().ok())
}
