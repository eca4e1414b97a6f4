//! Client secrets (`ek_…`): whoever brings one comes to the session that made it, as long as it lasts.

use super::Emulator;
use crate::newest::Newest;
use crate::session::Session;
use std::sync::PoisonError;

/// What they begin with: no other key is looked for among them.
const BEGINNING: &str = "ek_";

/// Secrets that are known; the oldest give way.
const MOST: usize = 10_000;

/// Bytes of a secret, and of the key that made it: one with more is not known.
const LONGEST: usize = 256;

/// Who made which.
pub(super) type ClientSecrets = Newest<String, SecretMaker>;

/// Nobody has made one yet.
pub(super) fn none() -> ClientSecrets {
    Newest::new(MOST)
}

/// A session that made a secret.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct SecretMaker {
    key: String,
    /// The session's own: another one under this key has not made it.
    serial: u64,
    /// Unix seconds of the session's clock.
    expires: u64,
}

impl Emulator {
    /// A session has made a client secret that lasts until this second of its clock.
    pub(crate) fn makes_secret(&self, session: &Session, secret: &str, expires: u64) {
        if !secret.starts_with(BEGINNING) || secret.len() > LONGEST || session.key.len() > LONGEST {
            return;
        }
        let maker = SecretMaker { key: session.key.clone(), serial: session.serial, expires };
        self.secrets.lock().unwrap_or_else(PoisonError::into_inner).insert(secret.to_string(), maker);
    }

    /// The key of the session that made a client secret, if it still lasts.
    pub(crate) fn maker_of(&self, secret: &str) -> Option<String> {
        if !secret.starts_with(BEGINNING) {
            return None;
        }
        let maker = self.secrets.lock().unwrap_or_else(PoisonError::into_inner).get(secret).cloned()?;
        let sessions = self.sessions.read().unwrap_or_else(PoisonError::into_inner);
        let session = sessions.get(&maker.key).filter(|session| session.serial == maker.serial)?;
        let lasts = session.clock.stamp().as_secs() < maker.expires && !session.is_lost();
        lasts.then_some(maker.key)
    }
}
