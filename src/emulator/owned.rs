//! Where an emulator keeps what it keeps, and whose its sessions are where several are one.

use super::{Emulator, StartError};
use crate::cluster::Cluster;
use crate::options::Settings;
use crate::session::Ended;
use crate::session::store::file::DataDir;
use crate::session::store::keeper::Keeper;
use crate::session::store::redis::{RedisStore, SessionOwner, StoreHooks};
use crate::session::store::saved::{self, Fence};
use crate::wire::error::ApiError;
use std::sync::{Arc, PoisonError};
use std::time::Duration;

fn wrong(message: String) -> StartError {
    StartError { code: "ERR_LLEMULATOR_OPTIONS", message }
}

/// Where it is kept, as the settings say. A server is not asked yet: it may come later.
///
/// # Errors
/// A directory cannot be used, or the options say what cannot be.
pub(super) fn keeper(settings: &Settings) -> Result<Option<Keeper>, StartError> {
    match (&settings.data_dir, &settings.store) {
        (Some(_), Some(_)) => Err(wrong(
            "options: dataDir (--data-dir) and store (--store) cannot be set both: what sessions own is kept in one place".into(),
        )),
        (Some(path), None) => match DataDir::open(path, settings.durability, settings.max_sessions) {
            Ok(data) => Ok(Some(Keeper::Directory(data))),
            Err(message) => Err(StartError { code: "ERR_LLEMULATOR_DATA_DIR", message }),
        },
        (None, Some(url)) => {
            let time = Duration::from_millis;
            let store = RedisStore::new(url, time(settings.store_ttl_ms), time(settings.store_lease_ms));
            Ok(Some(Keeper::Redis(store.map_err(wrong)?)))
        }
        (None, None) => Ok(None),
    }
}

impl Emulator {
    /// Begins to be one of the replicas, if it is one.
    ///
    /// # Errors
    /// The others could not reach it.
    pub(super) fn join(self: &Arc<Self>) -> Result<(), StartError> {
        let Some(cluster) = &self.cluster else { return Ok(()) };
        let address = match &self.settings.advertise {
            Some(address) => Cluster::address(address).map_err(wrong)?,
            None if self.address.ip().is_unspecified() => {
                return Err(wrong(format!(
                    "options: the other replicas cannot reach {}: say where they reach this one (option advertise, \
                     --advertise http://HOST:{})",
                    self.address,
                    self.address.port()
                )));
            }
            None => self.url(),
        };
        let store = cluster.store.clone();
        let tell = store.clone();
        self.desk.relay(address.clone(), store.beat(), Box::new(move |text| tell.tell(text)));
        let weak = Arc::downgrade(self);
        let [lost, wide, heard, beat] = std::array::from_fn(|_| weak.clone());
        store.join(
            address,
            StoreHooks {
                lost: Box::new(move || lost.upgrade().into_iter().for_each(|emulator| emulator.let_lost_go())),
                wide: Box::new(move |rows| {
                    if let Some(emulator) = wide.upgrade() {
                        emulator.take_wide(rows);
                    }
                }),
                heard: Box::new(move |text| heard.upgrade().into_iter().for_each(|emulator| emulator.desk.hear(text))),
                beat: Box::new(move || beat.upgrade().into_iter().for_each(|emulator| emulator.desk.beat())),
            },
        );
        Ok(())
    }

    /// Makes sure that the session of a key is this emulator's, for who cannot ask another. One that is alone owns all.
    ///
    /// # Errors
    /// Another replica owns it, or the store cannot be used.
    pub(crate) async fn own(&self, key: &str) -> Result<(), ApiError> {
        let Some(cluster) = &self.cluster else { return Ok(()) };
        match cluster.owner(key).await? {
            SessionOwner::Me => Ok(()),
            SessionOwner::At(address) => {
                let message = format!("The session belongs to the replica at {address}: ask it over HTTP.");
                Err(ApiError::new(409, message).code("session_elsewhere"))
            }
        }
    }

    /// Why it cannot answer for sessions: the store cannot be used.
    pub(crate) fn problem(&self) -> Option<String> {
        let problem = self.cluster.as_ref()?.store.problem()?;
        Some(format!("The store that keeps sessions cannot be used: {problem}"))
    }

    /// The ownership under which a session is written.
    pub(crate) fn fence(&self, key: &str) -> Option<Arc<Fence>> {
        Some(self.cluster.as_ref()?.store.fence(&saved::hash(key)))
    }

    /// Sessions that others may own leave memory.
    fn let_lost_go(&self) {
        let mut sessions = self.sessions.write().unwrap_or_else(PoisonError::into_inner);
        let gone: Vec<_> = sessions.extract_if(|_, session| session.is_lost()).collect();
        drop(sessions);
        gone.into_iter().for_each(|(_, session)| session.end(Ended::Moved));
    }
}
