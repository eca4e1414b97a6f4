//! One listening server with its settings and sessions.

use crate::clock::Mode;
use crate::options::{Counting, Door, Options, Settings};
use crate::reply::Generate;
use crate::reply::json::Load;
use crate::responders::callback::{Callbacks, Dispatch};
use crate::session::{Session, Shared};
use crate::{runtime, tokens};
use std::collections::HashMap;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError, RwLock};
use std::time::Duration;
use tokio::net::TcpListener;
use tokio::sync::watch;

/// The session of requests without a key.
pub const ANONYMOUS: &str = "anonymous";

/// One listening server.
pub struct Emulator {
    pub settings: Settings,
    pub address: SocketAddr,
    pub callbacks: Arc<Callbacks>,
    sessions: RwLock<HashMap<String, Arc<Session>>>,
    shared: RwLock<Arc<Shared>>,
    /// Ticks once per use of a session; the order of last uses.
    ticks: AtomicU64,
    stopping: watch::Sender<bool>,
    /// Connections still open; stop waits for them.
    pub(crate) connections: watch::Sender<usize>,
}

/// Why an emulator could not start.
#[derive(Debug, Clone)]
pub struct StartError {
    /// Stable: `ERR_LLEMULATOR_OPTIONS`, `ERR_LLEMULATOR_LISTEN`.
    pub code: &'static str,
    pub message: String,
}

/// Running servers. A JavaScript handle may be garbage-collected at any time; only `stop` ends a server.
static RUNNING: Mutex<Vec<Arc<Emulator>>> = Mutex::new(Vec::new());

impl Emulator {
    /// Binds, without serving yet: see [`crate::server::start`]. The port is known when this returns.
    pub fn bind(
        options: Options,
        door: Door,
        dispatch: Option<Arc<dyn Dispatch>>,
    ) -> Result<(Arc<Self>, TcpListener), StartError> {
        let settings = options.settle(door);
        let address = format!("{}:{}", bracketed(&settings.host), settings.port);
        let failed = |error: std::io::Error| StartError {
            code: "ERR_LLEMULATOR_LISTEN",
            message: format!(
                "cannot listen on {address}: {error}. Choose another `port` (0 = any free one) or `host`."
            ),
        };
        let listener = std::net::TcpListener::bind(&address).map_err(failed)?;
        listener.set_nonblocking(true).map_err(failed)?;
        let bound = listener.local_addr().map_err(failed)?;
        let _guard = runtime::handle().enter();
        let listener = TcpListener::from_std(listener).map_err(failed)?;
        let callbacks = Arc::new(Callbacks::new(
            dispatch,
            settings.max_callbacks,
            Duration::from_millis(settings.callback_timeout_ms),
        ));
        let emulator = Arc::new(Emulator {
            settings,
            address: bound,
            callbacks,
            sessions: RwLock::default(),
            shared: RwLock::default(),
            ticks: AtomicU64::new(1),
            stopping: watch::channel(false).0,
            connections: watch::channel(0).0,
        });
        RUNNING.lock().unwrap_or_else(PoisonError::into_inner).push(emulator.clone());
        Ok((emulator, listener))
    }

    /// `http://127.0.0.1:8080`: an address a client can dial, also when bound to all of them.
    pub fn url(&self) -> String {
        let ip = self.address.ip();
        let ip = match ip {
            _ if !ip.is_unspecified() => ip.to_string(),
            std::net::IpAddr::V4(_) => "127.0.0.1".into(),
            std::net::IpAddr::V6(_) => "::1".into(),
        };
        format!("http://{}:{}", bracketed(&ip), self.address.port())
    }

    /// Whether only this machine can reach it.
    pub fn is_loopback(&self) -> bool {
        self.address.ip().is_loopback()
    }

    /// Stops: no new connections, open answers get the grace time, then everything closes. Idempotent.
    pub async fn stop(self: &Arc<Self>) {
        self.callbacks.close();
        RUNNING.lock().unwrap_or_else(PoisonError::into_inner).retain(|other| !Arc::ptr_eq(other, self));
        self.stopping.send_replace(true);
        let mut connections = self.connections.subscribe();
        // The server closes what is left when the grace time is over; this waits a little longer than it.
        let patience = Duration::from_millis(self.settings.grace_ms + 1_000);
        let _ = tokio::time::timeout(patience, connections.wait_for(|open| *open == 0)).await;
    }

    /// Completes when the emulator stops.
    pub(crate) fn stopping(&self) -> watch::Receiver<bool> {
        self.stopping.subscribe()
    }

    /// The session of a key, made at its first use; past the bound the one unused for longest makes room.
    pub fn session(&self, key: &str) -> Arc<Session> {
        let tick = self.ticks.fetch_add(1, Ordering::Relaxed);
        let sessions = self.sessions.read().unwrap_or_else(PoisonError::into_inner);
        if let Some(session) = sessions.get(key) {
            session.last_used.store(tick, Ordering::Relaxed);
            return session.clone();
        }
        drop(sessions);
        self.open_session(key, key, None, None)
    }

    /// The session of a key, made with this name, clock and seed if it is new. The first making decides: one that is
    /// there stays as it is.
    pub fn open_session(&self, key: &str, name: &str, clock: Option<Mode>, seed: Option<u64>) -> Arc<Session> {
        self.warm();
        let tick = self.ticks.fetch_add(1, Ordering::Relaxed);
        let mut sessions = self.sessions.write().unwrap_or_else(PoisonError::into_inner);
        if let Some(session) = sessions.get(key) {
            session.last_used.store(tick, Ordering::Relaxed);
            return session.clone();
        }
        let (mode, seed) = (clock.unwrap_or(self.settings.clock), seed.unwrap_or(self.settings.seed));
        if sessions.len() >= self.settings.max_sessions {
            // The one unused for longest makes room: its test is over.
            let idle = sessions.iter().min_by_key(|(_, session)| session.last_used.load(Ordering::Relaxed));
            if let Some(key) = idle.map(|(key, _)| key.clone()) {
                sessions.remove(&key);
            }
        }
        let session = Arc::new(Session::new(key, name, mode, seed, &self.settings));
        session.last_used.store(tick, Ordering::Relaxed);
        sessions.insert(key.to_string(), session.clone());
        session
    }

    /// Whoever opens a session or loads a script is about to ask: what the first answer needs is made ready meanwhile.
    /// An emulator nobody uses stays small.
    fn warm(&self) {
        if self.settings.usage == Counting::Exact {
            tokens::warm();
        }
    }

    /// All sessions, in no order.
    pub fn sessions(&self) -> Vec<Arc<Session>> {
        self.sessions.read().unwrap_or_else(PoisonError::into_inner).values().cloned().collect()
    }

    /// Forgets a session.
    pub fn close_session(&self, key: &str) {
        self.sessions.write().unwrap_or_else(PoisonError::into_inner).remove(key);
    }

    /// The script for sessions without their own.
    pub fn shared(&self) -> Arc<Shared> {
        self.shared.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Loads into the shared script.
    pub fn load_shared(&self, load: Load) {
        self.warm();
        let mut shared = self.shared.write().unwrap_or_else(PoisonError::into_inner);
        let mut next = Shared { version: shared.version + 1, ..Shared::default() };
        if !load.reset {
            next.rules.clone_from(&shared.rules);
            next.models.clone_from(&shared.models);
            next.defaults = shared.defaults.clone();
        }
        next.rules.extend(load.rules);
        if let Some(models) = load.models {
            next.models = Some(Arc::new(models));
        }
        if let Some(defaults) = load.defaults {
            Arc::make_mut(&mut next.defaults).update(defaults);
        }
        *shared = Arc::new(next);
    }

    /// How to generate when neither reply nor request says.
    pub fn generate_defaults(&self) -> Generate {
        Generate {
            length: self.settings.length,
            seed: None,
            tools: Some(self.settings.generate_tools),
            style: Some(self.settings.generate_style),
        }
    }

    /// Waits until a session has completed more than `seen` exchanges; gives their number.
    pub async fn changed(self: Arc<Self>, key: String, seen: u64) -> u64 {
        let session = self.session(&key);
        let mut stopping = self.stopping();
        tokio::select! {
            count = session.journal.changed(seen) => count,
            _ = stopping.wait_for(|stopped| *stopped) => seen,
        }
    }
}

fn bracketed(host: &str) -> String {
    if host.contains(':') && !host.starts_with('[') { format!("[{host}]") } else { host.to_string() }
}

impl std::fmt::Debug for Emulator {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("Emulator").field("address", &self.address).finish_non_exhaustive()
    }
}

/// Stops every emulator of the process; for the end of a Node environment.
pub fn running() -> Vec<Arc<Emulator>> {
    RUNNING.lock().unwrap_or_else(PoisonError::into_inner).clone()
}
