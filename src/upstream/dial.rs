//! Connections to the upstream, through the proxy that the standard variables name (`HTTPS_PROXY`, `HTTP_PROXY`,
//! `ALL_PROXY`, `NO_PROXY`).

use hyper::Uri;
use hyper::header::HeaderValue;
use hyper::rt::{Read, ReadBufCursor, Write};
use hyper_util::client::legacy::connect::proxy::Tunnel;
use hyper_util::client::legacy::connect::{Connected, Connection, HttpConnector};
use hyper_util::client::proxy::matcher::{Intercept, Matcher};
use hyper_util::rt::TokioIo;
use std::error::Error;
use std::future::Future;
use std::io::{self, IoSlice};
use std::pin::Pin;
use std::sync::LazyLock;
use std::task::{Context, Poll};
use std::time::Duration;
use tokio::net::TcpStream;
use tower_service::Service;

/// A host that takes no connection is given up after this.
const CONNECT: Duration = Duration::from_secs(10);

/// What the process began with: variables do not change under a test.
static PROXIES: LazyLock<Matcher> = LazyLock::new(Matcher::from_env);

/// What a proxy wants to know of a request that it reads itself: one that is not tunnelled.
pub(super) fn authorization(uri: &Uri) -> Option<HeaderValue> {
    if uri.scheme_str() == Some("https") {
        return None;
    }
    PROXIES.intercept(uri)?.basic_auth().cloned()
}

/// Opens connections.
#[derive(Clone)]
pub(crate) struct Dial {
    tcp: HttpConnector,
    /// Through a proxy, where the variables name one.
    proxied: bool,
}

impl Dial {
    pub(super) fn new() -> Self {
        let mut tcp = HttpConnector::new();
        // TLS is put over it by whoever calls.
        tcp.enforce_http(false);
        tcp.set_connect_timeout(Some(CONNECT));
        tcp.set_nodelay(true);
        Dial { tcp, proxied: true }
    }

    /// Over these connections alone.
    pub(super) fn straight(tcp: HttpConnector) -> Self {
        Dial { tcp, proxied: false }
    }
}

type DialError = Box<dyn Error + Send + Sync>;

impl Service<Uri> for Dial {
    type Response = Wire;
    type Error = DialError;
    type Future = Pin<Box<dyn Future<Output = Result<Wire, DialError>> + Send>>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), DialError>> {
        self.tcp.poll_ready(context).map_err(Into::into)
    }

    fn call(&mut self, target: Uri) -> Self::Future {
        let mut tcp = self.tcp.clone();
        let proxy = self.proxied.then(|| PROXIES.intercept(&target)).flatten();
        Box::pin(async move {
            let Some(proxy) = proxy else {
                return Ok(Wire { stream: tcp.call(target).await?, forwarded: false });
            };
            let through =
                |error: DialError| DialError::from(format!("through the proxy {}: {}", shown(&proxy), chain(&*error)));
            if proxy.uri().scheme_str() != Some("http") {
                return Err(through("only http:// proxies are spoken to".into()));
            }
            if target.scheme_str() != Some("https") {
                let stream = tcp.call(proxy.uri().clone()).await.map_err(|error| through(error.into()))?;
                return Ok(Wire { stream, forwarded: true });
            }
            let mut tunnel = Tunnel::new(proxy.uri().clone(), tcp);
            if let Some(authorization) = proxy.basic_auth() {
                tunnel = tunnel.with_auth(authorization.clone());
            }
            let stream = tunnel.call(target).await.map_err(|error| through(error.into()))?;
            Ok(Wire { stream, forwarded: false })
        })
    }
}

/// A proxy's address without user and password.
fn shown(proxy: &Intercept) -> String {
    let uri = proxy.uri();
    format!("{}:{}", uri.host().unwrap_or_default(), uri.port_u16().unwrap_or(80))
}

/// An error with what led to it.
pub(super) fn chain(error: &(dyn Error + 'static)) -> String {
    let mut texts = vec![error.to_string()];
    let mut next = error.source();
    while let Some(error) = next {
        let text = error.to_string();
        // Some repeat what led to them.
        if !texts.iter().any(|before| before.contains(&text)) {
            texts.push(text);
        }
        next = error.source();
    }
    texts.join(": ")
}

/// An open connection.
pub(crate) struct Wire {
    stream: TokioIo<TcpStream>,
    /// To a proxy that reads the requests: they name the whole address.
    forwarded: bool,
}

impl Connection for Wire {
    fn connected(&self) -> Connected {
        self.stream.connected().proxy(self.forwarded)
    }
}

impl Read for Wire {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: ReadBufCursor<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_read(context, buffer)
    }
}

impl Write for Wire {
    fn poll_write(mut self: Pin<&mut Self>, context: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write(context, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(context)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffers: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write_vectored(context, buffers)
    }
}
