//! The HTTP client of all that is asked of others. Its library is compiled for each kind of connection and of body that it is
//! given: there is one of each.

use super::dial::Dial;
use super::tls;
use crate::runtime;
use bytes::Bytes;
use http_body_util::combinators::UnsyncBoxBody;
use hyper::rt::Executor;
use hyper_rustls::HttpsConnector;
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioTimer;
use rustls::{ClientConfig, RootCertStore};
use std::error::Error;
use std::sync::Arc;
use std::time::Duration;

/// Connections that are not used again close after this.
const IDLE: Duration = Duration::from_secs(30);

/// A client with its connections.
pub(crate) type HttpClient = Client<HttpsConnector<Dial>, OutgoingBody>;

/// The body of a request on its way.
pub(crate) type OutgoingBody = UnsyncBoxBody<Bytes, Box<dyn Error + Send + Sync>>;

/// What connections do beside their requests.
#[derive(Clone)]
struct Beside;

impl<Work: Future<Output = ()> + Send + 'static> Executor<Work> for Beside {
    fn execute(&self, work: Work) {
        runtime::spawn(work);
    }
}

pub(super) fn client(dial: Dial, tls: Arc<ClientConfig>) -> HttpClient {
    Client::builder(Beside)
        .pool_idle_timeout(IDLE)
        .pool_timer(TokioTimer::new())
        .build(HttpsConnector::from((dial, tls)))
}

/// A client of servers that are asked over these connections, never through a proxy and never over TLS.
///
/// # Errors
/// The library has no TLS at all.
pub(crate) fn plain(tcp: HttpConnector) -> Result<HttpClient, String> {
    Ok(client(Dial::straight(tcp), tls::config(RootCertStore::empty())?))
}
