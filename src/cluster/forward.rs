//! The way to a session's owner: a request goes there as it came, and its answer comes back as it is.

use super::Cluster;
use crate::upstream::client::{self, HttpClient, OutgoingBody};
use crate::wire::error::ApiError;
use crate::wire::headers::HOP_BY_HOP;
use bytes::Bytes;
use http_body_util::BodyExt;
use hyper::body::Incoming;
use hyper::header::{HeaderMap, HeaderValue};
use hyper::http::request::Parts;
use hyper::{Request, Response, StatusCode, Uri};
use hyper_util::client::legacy::connect::HttpConnector;
use std::net::SocketAddr;
use std::sync::OnceLock;
use std::time::Duration;

/// What replicas know alone.
pub(crate) const REPLICA: &str = "x-llemulator-replica";

/// Who sent the request to the first replica.
pub(crate) const PEER: &str = "x-llemulator-peer";

/// A replica that takes no connection is given up after this.
const CONNECT: Duration = Duration::from_secs(1);

/// Between two questions whether the other side of a silent connection is still there.
const KEEP_ALIVE: Duration = Duration::from_secs(5);

/// Connections to the other replicas. Never through a proxy: they are neighbours.
#[derive(Default)]
pub(super) struct Way(OnceLock<HttpClient>);

impl Way {
    fn client(&self) -> Result<&HttpClient, String> {
        if let Some(client) = self.0.get() {
            return Ok(client);
        }
        let mut tcp = HttpConnector::new();
        tcp.set_connect_timeout(Some(CONNECT));
        tcp.set_nodelay(true);
        // One whose machine is gone says nothing, not even that.
        tcp.set_keepalive(Some(KEEP_ALIVE));
        tcp.set_keepalive_interval(Some(KEEP_ALIVE));
        tcp.set_keepalive_retries(Some(2));
        let client = client::plain(tcp)?;
        Ok(self.0.get_or_init(|| client))
    }
}

/// What became of a request that was passed on.
pub(crate) enum ForwardOutcome {
    Answer(Response<Incoming>),
    /// The other one does not own the session.
    Refused,
    /// It took no connection.
    Unreached,
    /// It broke off before it began to answer: the connection ends as it does there.
    Cut,
}

impl Cluster {
    /// Passes a request on, also one that asks for another protocol.
    ///
    /// # Errors
    /// The store was never reached, so that no other replica would believe who sends it; or there is no client.
    pub(crate) async fn forward(
        &self,
        address: &str,
        parts: &Parts,
        peer: Option<SocketAddr>,
        body: OutgoingBody,
    ) -> Result<ForwardOutcome, ApiError> {
        let secret = self.store.secret().ok_or_else(|| self.store.refusal("it was not reached yet"))?;
        let target = parts.uri.path_and_query().map_or("/", |target| target.as_str());
        let uri: Result<Uri, _> = format!("{address}{target}").parse();
        let (Ok(uri), Ok(secret)) = (uri, HeaderValue::from_str(secret)) else { return Ok(ForwardOutcome::Unreached) };
        let mut request = Request::new(body);
        *request.method_mut() = parts.method.clone();
        *request.uri_mut() = uri;
        *request.headers_mut() = passing(&parts.headers);
        let headers = request.headers_mut();
        headers.insert(REPLICA, secret);
        if let Some(peer) = peer.and_then(|peer| HeaderValue::from_str(&peer.to_string()).ok()) {
            headers.insert(PEER, peer);
        }
        let client = self.way.client().map_err(|reason| self.store.refusal(&reason))?;
        Ok(match client.request(request).await {
            Ok(answer)
                if answer.status() == StatusCode::MISDIRECTED_REQUEST && answer.headers().contains_key(REPLICA) =>
            {
                ForwardOutcome::Refused
            }
            Ok(answer) => ForwardOutcome::Answer(answer),
            Err(error) if error.is_connect() => ForwardOutcome::Unreached,
            Err(_) => ForwardOutcome::Cut,
        })
    }
}

/// A body that is there already.
pub(crate) fn whole(bytes: Bytes) -> OutgoingBody {
    http_body_util::Full::new(bytes).map_err(|never| match never {}).boxed_unsync()
}

/// The headers that pass on.
pub(crate) fn passing(given: &HeaderMap) -> HeaderMap {
    let upgrades = given.contains_key("upgrade");
    let mut headers = given.clone();
    // `100 Continue` was said by whoever read the body; an upgrade is asked for anew.
    for name in HOP_BY_HOP.into_iter().chain(["expect"]) {
        if name != "connection" || !upgrades {
            headers.remove(name);
        }
    }
    headers.remove(REPLICA);
    headers.remove(PEER);
    headers
}
