//! One listening server with its settings and sessions.

mod forgotten;
mod idle;
mod owned;
mod queues;
mod restore;
mod secrets;
mod stop;

pub(crate) use restore::script_room;
pub(crate) use stop::Open;

use crate::cassette::{Cassettes, Recorder};
use crate::clock::Mode;
use crate::cluster::Cluster;
use crate::desk::{Desk, Watcher};
use crate::log;
use crate::memory::{Account, Held, Total};
use crate::options::{Door, Options, Settings};
use crate::reply::Generate;
use crate::runtime;
use crate::script::Load;
use crate::session;
use crate::session::Observer;
use crate::session::callbacks::Callbacks;
use crate::session::callbacks::Dispatch;
use crate::session::ending::Ended;
use crate::session::store::file::RowChange;
use crate::session::store::keeper::Keeper;
use crate::session::store::saved::SavedSession;
use crate::session::{Session, Shared};
use crate::telemetry;
use crate::telemetry::metrics::{Levels, Metrics};
use crate::upstream::Upstream;
use crate::wire::error;
use crate::wire::error::ApiError;
use forgotten::Leftovers;
use secrets::ClientSecrets;
use std::collections::HashMap;
use std::net::{SocketAddr, ToSocketAddrs};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError, RwLock};
use std::time::Duration;
use tokio::net::{TcpListener, TcpSocket};
use tokio::sync::watch;

/// Connections that wait to be accepted; the kernel may allow fewer. A test runner opens a thousand at once.
const BACKLOG: u32 = 4_096;

/// One listening server.
pub(crate) struct Emulator {
    pub settings: Settings,
    pub address: SocketAddr,
    pub callbacks: Arc<Callbacks>,
    /// The real API, if somebody says which one.
    pub upstream: Upstream,
    /// What people have before them.
    pub desk: Arc<Desk>,
    /// Where all is kept across restarts, if it is.
    pub(crate) data: Option<Keeper>,
    /// The replicas it is one of, if it is.
    pub(crate) cluster: Option<Arc<Cluster>>,
    /// What its script files hold, where others may change the shared script.
    files: Mutex<Option<Load>>,
    /// The hash of what was read last of the shared script where others may change it; 0 = nothing, or it is another by now.
    shared_seen: AtomicU64,
    /// The bypass was changed here: where others may change it, that may have been in vain.
    bypass_changed: AtomicBool,
    /// When the key of the upstream was set last by hand: microseconds of the world's time.
    pub(crate) key_set: AtomicU64,
    /// What is recorded and played.
    pub cassettes: Arc<Cassettes>,
    /// Who watches its exchanges.
    pub observers: Arc<[Box<dyn Observer>]>,
    metrics: Arc<Metrics>,
    sessions: RwLock<HashMap<String, Arc<Session>>>,
    /// What is left of sessions that were forgotten.
    leftovers: Mutex<Leftovers>,
    /// Client secrets that its sessions made.
    secrets: Mutex<ClientSecrets>,
    shared: RwLock<Arc<Shared>>,
    /// Bytes of the shared script.
    shared_held: Held,
    /// Loads of it that were written.
    shared_loads: AtomicU64,
    /// Bytes that all sessions of the process keep.
    pub(crate) memory: Arc<Total>,
    /// Ticks once per use of a session; the order of last uses.
    ticks: AtomicU64,
    /// When idle sessions are looked for next: milliseconds of the world's time.
    next_look: AtomicU64,
    stopping: watch::Sender<bool>,
    /// Everything that was open is over.
    over: watch::Sender<bool>,
    /// What is open on the network: the listener, connections. Stop waits for them.
    open: watch::Sender<usize>,
}

/// Why an emulator could not start.
#[derive(Debug, Clone)]
pub(crate) struct StartError {
    /// Stable: `ERR_LLEMULATOR_OPTIONS`, `ERR_LLEMULATOR_LISTEN`.
    pub code: &'static str,
    pub message: String,
}

/// Running servers. A JavaScript handle may be garbage-collected at any time; only `stop` ends a server.
static RUNNING: Mutex<Vec<Arc<Emulator>>> = Mutex::new(Vec::new());

impl Emulator {
    /// Binds, without serving yet: see [`crate::server::start`]. The port is known when this returns.
    pub(crate) fn bind(
        options: Options,
        door: Door,
        dispatch: Option<Arc<dyn Dispatch>>,
    ) -> Result<(Arc<Self>, TcpListener), StartError> {
        options.check().map_err(|error| StartError { code: "ERR_LLEMULATOR_OPTIONS", message: error.to_string() })?;
        let settings = options.settle(door);
        let upstream =
            Upstream::new(&settings).map_err(|message| StartError { code: "ERR_LLEMULATOR_OPTIONS", message })?;
        let cassettes =
            Cassettes::new(&settings).map_err(|message| StartError { code: "ERR_LLEMULATOR_OPTIONS", message })?;
        let cassettes = Arc::new(cassettes);
        let address = format!("{}:{}", bracketed(&settings.host), settings.port);
        let failed = |error: std::io::Error| StartError {
            code: "ERR_LLEMULATOR_LISTEN",
            message: format!(
                "cannot listen on {address}: {error}. Choose another `port` (0 = any free one) or `host`."
            ),
        };
        // A directory that cannot be used stops the start before anything listens.
        let data = owned::keeper(&settings)?;
        let _guard = runtime::handle().enter();
        let listener = listen(&address).map_err(failed)?;
        let bound = listener.local_addr().map_err(failed)?;
        let callbacks = Arc::new(Callbacks::new(
            dispatch,
            settings.max_callbacks,
            Duration::from_millis(settings.callback_timeout_ms),
        ));
        let desk = Arc::new(Desk::default());
        // A person may open the page at any time; a test in this process says so by coming.
        if door == Door::CommandLine {
            desk.attend();
        }
        let metrics = Metrics::new(&settings);
        let mut others = telemetry::observers(&settings, &metrics);
        others.push(Box::new(Watcher(desk.clone())));
        others.push(Box::new(Recorder::new(cassettes.clone())));
        let observers = session::observers(&settings, others);
        let memory = Total::of_process();
        let shared_held = Account::new(settings.max_session_bytes / 3, &memory).hold(0);
        let emulator = Arc::new(Emulator {
            settings,
            observers,
            metrics,
            address: bound,
            callbacks,
            upstream,
            desk,
            cluster: data.as_ref().and_then(Keeper::redis).map(|store| Cluster::new(store.clone())),
            data,
            files: Mutex::default(),
            shared_seen: AtomicU64::new(0),
            bypass_changed: AtomicBool::new(false),
            key_set: AtomicU64::new(0),
            cassettes,
            sessions: RwLock::default(),
            leftovers: Mutex::new(forgotten::none()),
            secrets: Mutex::new(secrets::none()),
            shared: RwLock::default(),
            shared_held,
            shared_loads: AtomicU64::new(0),
            memory,
            ticks: AtomicU64::new(1),
            next_look: AtomicU64::new(0),
            stopping: watch::channel(false).0,
            over: watch::channel(false).0,
            open: watch::channel(0).0,
        });
        // Files, so not kept: they are read at every start.
        if emulator.cassettes.has_fixtures() {
            emulator.take_over(Load { reset: true, ..Load::default() });
        }
        emulator.restore();
        emulator.join()?;
        RUNNING.lock().unwrap_or_else(PoisonError::into_inner).push(emulator.clone());
        Ok((emulator, listener))
    }

    /// `http://127.0.0.1:8080`: an address a client can dial, also when bound to all of them.
    pub(crate) fn url(&self) -> String {
        let ip = self.address.ip();
        let ip = match ip {
            _ if !ip.is_unspecified() => ip.to_string(),
            std::net::IpAddr::V4(_) => "127.0.0.1".into(),
            std::net::IpAddr::V6(_) => "::1".into(),
        };
        format!("http://{}:{}", bracketed(&ip), self.address.port())
    }

    /// Whether only this machine can reach it.
    pub(crate) fn is_loopback(&self) -> bool {
        self.address.ip().is_loopback()
    }

    /// The session of a key, made at its first use; past the bound the one unused for longest makes room.
    pub(crate) fn session(&self, key: &str) -> Arc<Session> {
        self.end_idle();
        let tick = self.ticks.fetch_add(1, Ordering::Relaxed);
        let sessions = self.sessions.read().unwrap_or_else(PoisonError::into_inner);
        if let Some(session) = sessions.get(key).filter(|session| !session.is_lost()) {
            session.last_used.store(tick, Ordering::Relaxed);
            self.seen(session);
            // Another replica may have queued something without knowing the session.
            if self.cluster.is_some() {
                self.takes_over_queues(session);
            }
            return session.clone();
        }
        drop(sessions);
        self.open_session(key, key, None, None)
    }

    /// The session of a key, made with this name, clock and seed if it is new. The first making decides: one that is
    /// there stays as it is.
    pub(crate) fn open_session(&self, key: &str, name: &str, clock: Option<Mode>, seed: Option<u64>) -> Arc<Session> {
        let tick = self.ticks.fetch_add(1, Ordering::Relaxed);
        let saved = self.data.as_ref().and_then(|data| data.saved(key));
        let mut sessions = self.sessions.write().unwrap_or_else(PoisonError::into_inner);
        // One that a client's key alone brought forth (after a delete, say) and that holds nothing yet is no making.
        let made = |session: &&Arc<Session>| session.name != key || name == key || !session.is_untouched();
        if let Some(session) = sessions.get(key).filter(|session| !session.is_lost()).filter(made) {
            session.last_used.store(tick, Ordering::Relaxed);
            self.seen(session);
            return session.clone();
        }
        let (mode, seed) = (clock.unwrap_or(self.settings.clock), seed.unwrap_or(self.settings.seed));
        if sessions.len() >= self.settings.max_sessions {
            // The one unused for longest makes room.
            let idle = sessions.iter().min_by_key(|(_, session)| session.last_used.load(Ordering::Relaxed));
            if let Some(key) = idle.map(|(key, _)| key.clone()) {
                let displaced = sessions.remove(&key);
                displaced.inspect(|session| self.give_way(session, Ended::Displaced));
            }
        }
        // The first making decides, also across restarts.
        let (name, mode, seed) = match &saved {
            Some(SavedSession { row, .. }) => (row.name.as_deref().unwrap_or(key), row.clock, row.seed),
            None => (name, mode, seed),
        };
        let mut session = Session::new(key, name, mode, seed, &self.settings, &self.memory);
        match (&self.data, &saved) {
            (Some(data), Some(before)) => session.keep(data.session_again(key, before.row.clone()), saved),
            (Some(data), None) => session.keep(data.session(key, name, mode, seed, session.serial), None),
            (None, _) => {}
        }
        self.goes_on(&session);
        let session = Arc::new(session);
        session.last_used.store(tick, Ordering::Relaxed);
        self.seen(&session);
        self.takes_over_queues(&session);
        sessions.insert(key.to_string(), session.clone());
        session
    }

    /// Whether a session was made by its name, so that this key of it was given out.
    pub(crate) fn is_named(&self, key: &str) -> bool {
        let sessions = self.sessions.read().unwrap_or_else(PoisonError::into_inner);
        sessions.get(key).is_some_and(|session| session.name != key)
    }

    /// Makes room in the memory of the process for a session that asks for more: sessions unused for longest go first,
    /// then the oldest exchanges of this one.
    ///
    /// # Errors
    /// There is no room although all of them are gone.
    pub(crate) fn make_room(&self, session: &Session) -> Result<(), ApiError> {
        let (most, used) = (self.settings.max_memory_bytes, || self.memory.used());
        if used() <= most {
            return Ok(());
        }
        let mut sessions = self.sessions.write().unwrap_or_else(PoisonError::into_inner);
        while used() > most {
            // One that somebody else holds is in use, and gives nothing back yet.
            let idle = |other: &&Arc<Session>| Arc::strong_count(other) == 1 && other.accounts.used() > 0;
            let idle = sessions.values().filter(idle).min_by_key(|other| other.last_used.load(Ordering::Relaxed));
            let Some(key) = idle.filter(|idle| idle.key != session.key).map(|idle| idle.key.clone()) else { break };
            if let Some(gone) = sessions.remove(&key) {
                self.give_way(&gone, Ended::Displaced);
                log::warn(&format!(
                    "forgot the session {}, idle for longest: all sessions may keep {most} bytes (option maxMemoryBytes)",
                    gone.label()
                ));
            }
        }
        drop(sessions);
        while used() > most && session.journal.forget_oldest() {}
        if used() > most {
            Err(error::no_room("all sessions together", used(), most, "maxMemoryBytes"))
        } else {
            Ok(())
        }
    }

    /// All sessions, in no order.
    pub(crate) fn sessions(&self) -> Vec<Arc<Session>> {
        self.sessions.read().unwrap_or_else(PoisonError::into_inner).values().cloned().collect()
    }

    /// What Prometheus is told.
    pub(crate) fn metrics(&self) -> String {
        let sessions = self.sessions.read().unwrap_or_else(PoisonError::into_inner).len();
        let levels = Levels {
            sessions,
            waiting: self.desk.pending.len(),
            queued: self.desk.queues.sizes(),
            kept_bytes: self.memory.used(),
            journal_evictions: self.memory.evicted(),
        };
        self.metrics.render(&levels)
    }

    /// Forgets a session.
    pub(crate) fn close_session(&self, key: &str) {
        let deleted = self.sessions.write().unwrap_or_else(PoisonError::into_inner).remove(key);
        if let Some(session) = deleted {
            session.end(Ended::Deleted);
            self.forget_queue_of(&session);
        }
        // Also one that is not in memory.
        self.forget_queues_for(key);
        self.forget_leftovers(Some(key));
        self.data.iter().for_each(|data| data.forget(key));
    }

    /// Forgets every session.
    pub(crate) fn close_sessions(&self) {
        let deleted = std::mem::take(&mut *self.sessions.write().unwrap_or_else(PoisonError::into_inner));
        deleted.values().for_each(|session| session.end(Ended::Deleted));
        self.forget_session_queues();
        self.forget_leftovers(None);
        self.data.iter().for_each(Keeper::forget_all);
    }

    /// The script for sessions without their own.
    pub(crate) fn shared(&self) -> Arc<Shared> {
        self.shared.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Whether a script would find room as the shared one.
    ///
    /// # Errors
    /// It would not.
    pub(crate) fn check_room(&self, load: &Load) -> Result<(), ApiError> {
        restore::script_room(self.shared_held.account(), load)
    }

    /// Loads into the shared script. What was loaded with its text is kept across restarts.
    pub(crate) fn load_shared(&self, load: Load) {
        if let (Some(data), true) = (&self.data, load.reset) {
            data.change([RowChange::RemoveAll("shared/".into())]);
        }
        if let (Some(data), Some(text)) = (&self.data, &load.text) {
            data.put(&format!("shared/{:016x}", self.next_load()), text);
        }
        self.take_over(load);
        // Afterwards: what is read meanwhile is what was there before.
        self.shared_seen.store(0, Ordering::Relaxed);
    }

    fn take_over(&self, load: Load) {
        let load = if load.reset { self.cassettes.with_fixtures(load) } else { load };
        let mut shared = self.shared.write().unwrap_or_else(PoisonError::into_inner);
        let mut next = Shared { loaded: true, version: shared.version + 1, ..Shared::default() };
        if load.reset {
            self.shared_held.set(0);
        } else {
            next.rules = shared.rules.clone();
            next.models.clone_from(&shared.models);
            next.defaults = shared.defaults.clone();
        }
        self.shared_held.add(load.weight());
        Arc::make_mut(&mut next.rules).append(&load.rules);
        next.rules.prepare();
        if let Some(models) = load.models {
            next.models = Some(Arc::new(models));
        }
        if let Some(defaults) = load.defaults {
            Arc::make_mut(&mut next.defaults).update(defaults);
        }
        *shared = Arc::new(next);
    }

    /// Makes a change and waits until it is kept, as far as anything is, and known to all replicas: nothing is acknowledged
    /// before.
    ///
    /// # Errors
    /// Something that happened since it began cannot be written.
    pub(crate) async fn kept<T>(&self, change: impl FnOnce() -> T) -> Result<T, ApiError> {
        let Some(data) = &self.data else { return Ok(change()) };
        // A replica whose lease is over does not know what is told to the others, so it reads nothing either.
        data.check()?;
        let mark = data.mark();
        let changed = change();
        data.settled(mark).await?;
        Ok(changed)
    }

    /// How to generate when neither reply nor request says.
    pub(crate) fn generate_defaults(&self) -> Generate {
        Generate {
            length: self.settings.length,
            seed: None,
            tools: Some(self.settings.generate_tools),
            style: Some(self.settings.generate_style),
        }
    }

    /// Forgets a session's script, journal, queue and stored objects. What is held in it ends with it; what ends by itself
    /// does so in the session it began in.
    pub(crate) fn reset(&self, session: &Session) {
        let mut sessions = self.sessions.write().unwrap_or_else(PoisonError::into_inner);
        let mut next = session.successor(&self.settings, &self.memory);
        if let Some(data) = &self.data {
            let mode = session.clock.mode();
            next.keep(data.session(&session.key, &session.name, mode, session.seed, session.serial), None);
        }
        let before = sessions.insert(session.key.clone(), Arc::new(next));
        drop(sessions);
        before.inspect(|session| session.end(Ended::Reset));
        self.forget_queue_of(session);
    }

    /// Waits until a session's journal has changed since its revision `seen`; gives the new one.
    pub(crate) async fn changed(self: Arc<Self>, key: String, seen: u64) -> u64 {
        let session = self.session(&key);
        let mut stopping = self.stopping();
        tokio::select! {
            count = session.journal.changed(seen) => count,
            () = stopping.stopped() => seen,
        }
    }
}

/// Listens at the first of a name's addresses that can be bound.
fn listen(address: &str) -> std::io::Result<TcpListener> {
    let mut failure = std::io::Error::new(std::io::ErrorKind::AddrNotAvailable, "the name has no address");
    for address in address.to_socket_addrs()? {
        let socket = if address.is_ipv4() { TcpSocket::new_v4() } else { TcpSocket::new_v6() }?;
        // As std does: on Windows the option would let others take the port.
        #[cfg(unix)]
        socket.set_reuseaddr(true)?;
        match socket.bind(address).and_then(|()| socket.listen(BACKLOG)) {
            Ok(listener) => return Ok(listener),
            Err(error) => failure = error,
        }
    }
    Err(failure)
}

fn bracketed(host: &str) -> String {
    if host.contains(':') && !host.starts_with('[') { format!("[{host}]") } else { host.to_string() }
}

impl std::fmt::Debug for Emulator {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("Emulator").field("address", &self.address).finish_non_exhaustive()
    }
}
