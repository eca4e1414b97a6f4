//! Client secrets (`ek_…`): whoever brings one comes to the session that made it, as long as it lasts.

use super::Emulator;
use crate::session::Session;
use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, PoisonError};

/// What they begin with: no other key is looked for among them.
const BEGINNING: &str = "ek_";

/// Secrets that are known; the oldest give way.
const MOST: usize = 10_000;

/// Bytes of a secret, and of the key that made it: one with more is not known.
const LONGEST: usize = 256;

/// Who made which.
#[derive(Default)]
pub(super) struct ClientSecrets {
    makers: HashMap<Arc<str>, SecretMaker>,
    /// In the order that they were made.
    order: VecDeque<Arc<str>>,
}

/// A session that made a secret.
#[derive(Debug, Clone, PartialEq, Eq)]
struct SecretMaker {
    key: String,
    /// The session's own: another one under this key has not made it.
    serial: u64,
    /// Unix seconds of the session's clock.
    expires: u64,
}

impl ClientSecrets {
    fn note(&mut self, secret: &str, maker: SecretMaker) {
        let known: Arc<str> = secret.into();
        if self.makers.insert(known.clone(), maker).is_some() {
            return;
        }
        self.order.push_back(known);
        if self.order.len() > MOST {
            let oldest = self.order.pop_front();
            oldest.map(|oldest| self.makers.remove(&oldest));
        }
    }
}

impl Emulator {
    /// A session has made a client secret that lasts until this second of its clock.
    pub(crate) fn makes_secret(&self, session: &Session, secret: &str, expires: u64) {
        if !secret.starts_with(BEGINNING) || secret.len() > LONGEST || session.key.len() > LONGEST {
            return;
        }
        let maker = SecretMaker { key: session.key.clone(), serial: session.serial, expires };
        self.secrets.lock().unwrap_or_else(PoisonError::into_inner).note(secret, maker);
    }

    /// The key of the session that made a client secret, if it still lasts.
    pub(crate) fn maker_of(&self, secret: &str) -> Option<String> {
        if !secret.starts_with(BEGINNING) {
            return None;
        }
        let maker = self.secrets.lock().unwrap_or_else(PoisonError::into_inner).makers.get(secret).cloned()?;
        let sessions = self.sessions.read().unwrap_or_else(PoisonError::into_inner);
        let session = sessions.get(&maker.key).filter(|session| session.serial == maker.serial)?;
        let lasts = session.clock.stamp().as_secs() < maker.expires && !session.is_lost();
        lasts.then_some(maker.key)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_oldest_give_way_and_what_is_made_again_counts_once() {
        let mut secrets = ClientSecrets::default();
        let maker = |serial| SecretMaker { key: "a".into(), serial, expires: 1 };
        for number in 0..MOST {
            secrets.note(&format!("ek_{number}"), maker(0));
        }
        secrets.note("ek_0", maker(1));
        assert_eq!((secrets.makers.len(), secrets.makers.get("ek_0")), (MOST, Some(&maker(1))));
        secrets.note("ek_more", maker(0));
        assert_eq!((secrets.makers.len(), secrets.order.len(), secrets.makers.get("ek_0")), (MOST, MOST, None));
    }
}
