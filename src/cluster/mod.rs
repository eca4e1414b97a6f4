//! Several emulators that answer as one: whose a session is, and the way to its owner.
//!
//! Every session has one owner at a time ([`RedisStore`]). Whoever gets a request for another one's session passes it on
//! as it is, over HTTP, with what replicas know alone; who gets it so and does not own the session refuses it, and the
//! sender asks the store again. So there is one hop at most.

mod forward;
mod others;

pub(crate) use forward::{ForwardOutcome, PEER, REPLICA, passing, whole};
pub(crate) use others::AskedElsewhere;

use crate::session::one_at_a_time::OneAtATime;
use crate::session::store::redis::{RedisStore, SessionOwner};
use crate::session::store::saved;
use crate::wire::error::ApiError;
use forward::Way;
use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use tokio::time::sleep;

/// Sessions of others that are remembered.
const MOST: usize = 100_000;

/// The replicas, as one of them sees them.
pub(crate) struct Cluster {
    pub(crate) store: Arc<RedisStore>,
    /// Where sessions of others are, by the hash of their keys; corrected by whoever refuses.
    elsewhere: Mutex<HashMap<String, String>>,
    /// Sessions that are asked for: one question at a time for each.
    asking: OneAtATime,
    way: Way,
}

impl Cluster {
    pub(crate) fn new(store: Arc<RedisStore>) -> Arc<Self> {
        Arc::new(Cluster { store, elsewhere: Mutex::default(), asking: OneAtATime::default(), way: Way::default() })
    }

    /// The address of a replica as others use it.
    ///
    /// # Errors
    /// It is none.
    pub(crate) fn address(given: &str) -> Result<String, String> {
        let uri: Result<hyper::Uri, _> = given.parse();
        match uri {
            Ok(uri) if uri.scheme_str() == Some("http") && uri.host().is_some() && uri.path() == "/" => {
                Ok(given.trim_end_matches('/').to_string())
            }
            _ => Err(format!("options: advertise (--advertise) is {given:?}; expected http://HOST:PORT")),
        }
    }

    /// Whose the session of a key is; nobody's becomes ours.
    ///
    /// # Errors
    /// The store cannot be used.
    pub(crate) async fn owner(&self, key: &str) -> Result<SessionOwner, ApiError> {
        let hash = saved::hash(key);
        if let Some(owner) = self.known(&hash)? {
            return Ok(owner);
        }
        let _one = self.asking.turn(&hash).await;
        if let Some(owner) = self.known(&hash)? {
            return Ok(owner);
        }
        let owner = self.store.claim(&hash).await?;
        if let SessionOwner::At(address) = &owner {
            let mut elsewhere = self.elsewhere.lock().unwrap_or_else(PoisonError::into_inner);
            if elsewhere.len() >= MOST {
                elsewhere.clear();
            }
            elsewhere.insert(hash.clone(), address.clone());
        }
        Ok(owner)
    }

    /// Completes when a session is no longer at an address: whoever owned it there answers for it no more.
    pub(crate) async fn until_moved(&self, key: &str, from: &str) {
        let hash = saved::hash(key);
        loop {
            sleep(self.store.patience()).await;
            match self.store.claim(&hash).await {
                Ok(SessionOwner::At(address)) if address == from => {}
                // Whether the owner lives is not known: it may answer yet.
                Err(_) => {}
                Ok(_) => return,
            }
        }
    }

    fn known(&self, hash: &str) -> Result<Option<SessionOwner>, ApiError> {
        if self.store.owns(hash) {
            self.store.check()?;
            return Ok(Some(SessionOwner::Me));
        }
        let elsewhere = self.elsewhere.lock().unwrap_or_else(PoisonError::into_inner);
        Ok(elsewhere.get(hash).cloned().map(SessionOwner::At))
    }

    /// The session of a key is not where it was last.
    pub(crate) fn forget(&self, key: &str) {
        self.elsewhere.lock().unwrap_or_else(PoisonError::into_inner).remove(&saved::hash(key));
    }

    /// Whether headers are those of another replica's request.
    pub(crate) fn is_ours(&self, headers: &hyper::header::HeaderMap) -> bool {
        headers.get(REPLICA).is_some_and(|secret| self.store.is_ours(secret.as_bytes()))
    }
}
