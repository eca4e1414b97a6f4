//! Requests that an operation makes of the API itself: a line of a batch, a sample of an eval. They are exchanges like
//! any other, journal and script included; whoever runs exchanges hands its door down with the [`Call`].

use super::call::Call;
use crate::budget::Budget;
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

/// Runs such a request in a session, which may cost as much as this.
pub(crate) type InnerDoor =
    fn(Arc<Emulator>, Arc<Session>, InnerRequest, Arc<Budget>) -> Pin<Box<dyn Future<Output = InnerAnswer> + Send>>;

/// Who makes such requests; it may outlive the call it comes from.
#[derive(Clone)]
pub(crate) struct InnerClient {
    pub emulator: Arc<Emulator>,
    pub session: Arc<Session>,
    door: InnerDoor,
    /// What all of them may cost together, if they are parts of one piece of work.
    whole: Option<Arc<Budget>>,
}

impl InnerClient {
    /// For what a call leads to.
    pub(crate) fn of(call: &Call) -> Self {
        InnerClient { emulator: call.emulator.clone(), session: call.session.clone(), door: call.within, whole: None }
    }

    /// The same, of whose requests all together cost no more than this.
    pub(crate) fn within(self, whole: &Arc<Budget>) -> Self {
        InnerClient { whole: Some(whole.clone()), ..self }
    }

    /// Makes a request.
    pub(crate) async fn ask(&self, request: InnerRequest) -> InnerAnswer {
        let budget = self.whole.as_ref().map(Budget::within).unwrap_or_default();
        (self.door)(self.emulator.clone(), self.session.clone(), request, budget.into()).await
    }
}
