//! What is asked of the other replicas: each answers for the sessions that it owns.

use super::Cluster;
use super::forward::{ForwardOutcome, whole};
use crate::wire::error::ApiError;
use futures_util::future::join_all;
use http_body_util::{BodyExt, Limited};
use serde_json::Value;
use tokio::time::timeout;

/// Bytes of the answer of one replica.
const LARGEST: usize = 256 << 20;

/// A control request, for another replica.
pub(crate) struct AskedElsewhere<'a> {
    pub(crate) method: &'a str,
    pub(crate) target: &'a str,
    pub(crate) body: &'a str,
    /// Who asks, as `x-operator` says.
    pub(crate) operator: &'a str,
}

impl Cluster {
    /// Asks one replica, with the control token that there may be; gives its status and its JSON.
    ///
    /// # Errors
    /// It does not answer.
    pub(crate) async fn ask(
        &self,
        address: &str,
        asked: &AskedElsewhere<'_>,
        token: Option<&str>,
    ) -> Result<(u16, Value), ApiError> {
        let mut request = hyper::Request::builder()
            .method(asked.method)
            .uri(asked.target)
            .header("content-type", "application/json")
            .header("x-operator", asked.operator);
        if let Some(token) = token {
            request = request.header("x-llemulator-control-token", token);
        }
        let silent = || self.store.refusal(&format!("the replica at {address} does not answer"));
        let (parts, body) = request.body(asked.body.to_string()).map_err(|_| silent())?.into_parts();
        let ForwardOutcome::Answer(answer) = self.forward(address, &parts, None, whole(body.into())).await? else {
            return Err(silent());
        };
        let status = answer.status().as_u16();
        let bytes = Limited::new(answer.into_body(), LARGEST).collect().await.map_err(|_| silent())?.to_bytes();
        Ok((status, serde_json::from_slice(&bytes).unwrap_or_default()))
    }

    /// Asks all other replicas that live.
    ///
    /// # Errors
    /// One of them does not answer in time, or the store cannot be used.
    pub(crate) async fn ask_others(
        &self,
        asked: &AskedElsewhere<'_>,
        token: Option<&str>,
    ) -> Result<Vec<(u16, Value)>, ApiError> {
        let others = self.store.others().await?;
        let mut all = Vec::new();
        for address in &others {
            all.push(self.ask(address, asked, token));
        }
        let late = |_| self.store.refusal("another replica does not answer in time");
        timeout(self.store.patience(), join_all(all)).await.map_err(late)?.into_iter().collect()
    }
}
