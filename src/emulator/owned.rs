//! Where an emulator keeps what it keeps, and whose its sessions are where several are one.

use super::{Emulator, StartError};
use crate::cluster::{AskedElsewhere, Cluster};
use crate::options::Settings;
use crate::session::Ended;
use crate::session::store::file::DataDir;
use crate::session::store::keeper::Keeper;
use crate::session::store::redis::{MissedEvents, RedisStore, SessionOwner, StoreListener};
use crate::session::store::saved::{self, DataRow, Fence};
use crate::wire::error::ApiError;
use serde_json::Value;
use std::sync::{Arc, PoisonError, Weak};
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
        self.desk.relay(address.clone(), store.watching_time(), Box::new(move |text| tell.tell(text)));
        store.join(address, Box::new(StoreEars(Arc::downgrade(self))));
        Ok(())
    }

    /// Asks all other replicas for what concerns all sessions; one that is alone asks nobody.
    ///
    /// # Errors
    /// One of them does not answer in time, or the store cannot be used.
    pub(crate) async fn ask_others(&self, asked: &AskedElsewhere<'_>) -> Result<Vec<(u16, Value)>, ApiError> {
        match &self.cluster {
            Some(cluster) => cluster.ask_others(asked, self.settings.control_token.as_deref()).await,
            None => Ok(Vec::new()),
        }
    }

    /// Asks the replica at which a request waits for a person, if it is another one.
    ///
    /// # Errors
    /// It does not answer.
    pub(crate) async fn ask_where_it_waits(
        &self,
        id: u64,
        asked: &AskedElsewhere<'_>,
    ) -> Result<Option<(u16, Value)>, ApiError> {
        match (&self.cluster, self.desk.elsewhere(id)) {
            (Some(cluster), Some(at)) => {
                cluster.ask(&at, asked, self.settings.control_token.as_deref()).await.map(Some)
            }
            _ => Ok(None),
        }
    }

    /// Somebody begins to watch events here.
    pub(crate) async fn begins_to_watch(&self) {
        // While the store is away there is nothing to be told.
        if let Some(cluster) = self.cluster.as_ref().filter(|cluster| cluster.store.check().is_ok()) {
            cluster.store.watch().await;
            cluster.store.catches_up().await;
        }
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

/// An emulator that is told of what happens in the store.
struct StoreEars(Weak<Emulator>);

impl StoreEars {
    fn tell<T: Default>(&self, told: impl FnOnce(&Emulator) -> T) -> T {
        self.0.upgrade().map(|emulator| told(&emulator)).unwrap_or_default()
    }
}

impl StoreListener for StoreEars {
    fn lost(&self) {
        self.tell(Emulator::let_lost_go);
    }

    fn wide(&self, rows: Vec<DataRow>) {
        if let Some(emulator) = self.0.upgrade() {
            emulator.take_wide(rows);
        }
    }

    fn heard(&self, number: u64, text: &str) -> bool {
        self.0.upgrade().is_none_or(|emulator| emulator.desk.hear(number, text))
    }

    fn seen(&self) -> (u64, String) {
        self.tell(|emulator| (emulator.desk.events.range().0, emulator.desk.events.epoch()))
    }

    fn missed(&self, missed: MissedEvents) {
        self.tell(|emulator| emulator.desk.missed(&missed));
    }

    fn watched(&self, time: Duration) -> bool {
        self.tell(|emulator| emulator.desk.is_watched_for(time))
    }

    fn waits_elsewhere(&self) -> bool {
        self.tell(|emulator| emulator.desk.waits_elsewhere())
    }

    fn alive(&self, addresses: &[String]) {
        self.tell(|emulator| emulator.desk.alive(addresses));
    }
}
