//! Requests that an operation makes of the API itself: a line of a batch, a sample of an eval. They are exchanges like
//! any other, journal and script included; whoever runs exchanges hands its door down with the [`Call`].

use super::call::Call;
use crate::emulator::Emulator;
use crate::session::Session;
use serde_json::Value;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

/// A request that the emulator makes of itself.
pub(crate) struct InnerRequest {
    /// `/v1/chat/completions`.
    pub path: String,
    pub body: Value,
    /// As if it came over one of Azure's paths.
    pub azure: bool,
}

/// What came of it.
#[derive(Debug)]
pub(crate) struct InnerAnswer {
    pub status: u16,
    /// `req_…`.
    pub request_id: String,
    pub body: Value,
    /// How long the script lets it take.
    pub wait: Duration,
    /// What has to be released before it is there.
    pub hold: Option<String>,
    /// The script broke it off: nothing of it arrives.
    pub broken: bool,
}

/// Runs such a request in a session.
pub(crate) type InnerDoor =
    fn(Arc<Emulator>, Arc<Session>, InnerRequest) -> Pin<Box<dyn Future<Output = InnerAnswer> + Send>>;

/// Who makes such requests; it may outlive the call it comes from.
#[derive(Clone)]
pub(crate) struct InnerClient {
    pub emulator: Arc<Emulator>,
    pub session: Arc<Session>,
    door: InnerDoor,
}

impl InnerClient {
    /// For what a call leads to.
    pub(crate) fn of(call: &Call) -> Self {
        InnerClient { emulator: call.emulator.clone(), session: call.session.clone(), door: call.within }
    }

    /// Makes a request.
    pub(crate) async fn ask(&self, request: InnerRequest) -> InnerAnswer {
        (self.door)(self.emulator.clone(), self.session.clone(), request).await
    }
}
