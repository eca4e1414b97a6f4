//! A server that keeps what sessions own, so that several replicas answer as one: Redis or Valkey, a single primary.
//!
//! A session has one owner at a time, and is in its memory; the server has what memory has, and nothing is acknowledged
//! before. A replica owns as long as its lease lasts, which it renews; each ownership has a number of its own, and what
//! was made under another one than the last is never written. So whoever takes a session up finds all that was
//! acknowledged, and whoever lost one can change nothing any more. The only place that knows `redis`.

mod commits;
mod events;
mod tasks;
mod whole;
mod wide;

pub(crate) use events::{MissedEvents, ToldText};

use crate::runtime;
use crate::session::store::file::RowChange;
use crate::session::store::saved::{DataRow, Fence};
use crate::wire::blob::hex;
use crate::wire::error::{self, ApiError};
use commits::{CommitStep, CommitTarget, Commits};
use redis::aio::MultiplexedConnection;
use redis::{AsyncConnectionConfig, Client, RedisError, RedisResult, Script, ScriptInvocation};
use rustls::crypto::ring::default_provider;
use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, LazyLock, Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::Duration;
use tokio::sync::{Notify, mpsc};
use tokio::time::{Instant, timeout};

/// What all keys begin with.
const LEASES: &str = "llemulator:replica:";
const SESSIONS: &str = "llemulator:s:";
const WIDE: &str = "llemulator:shared";
const SECRET: &str = "llemulator:secret";
const EPOCH: &str = "llemulator:epoch";
/// What all channels begin with. Redis has them beside its databases, so they end with the database's number.
const NEWS: &str = "llemulator:news:";
const DESK: &str = "llemulator:desk:";
const MEMBERS: &str = "llemulator:members";
const EVENTS: &str = "llemulator:events";
const KNOWN: &str = "llemulator:events:known";
const WATCHED: &str = "llemulator:watched";

/// Texts for other replicas that wait to be told.
const MOST_TOLD: usize = 10_000;

static RENEW: LazyLock<Script> = LazyLock::new(|| Script::new(include_str!("renew.lua")));
static CLAIM: LazyLock<Script> = LazyLock::new(|| Script::new(include_str!("claim.lua")));
static COMMIT: LazyLock<Script> = LazyLock::new(|| Script::new(include_str!("commit.lua")));

/// The server, and what this replica owns of it.
pub(crate) struct RedisStore {
    /// This replica's, of this run of its process.
    id: String,
    client: Client,
    /// Channels on which replicas say what changed, and what people watch.
    news: String,
    desk: String,
    link: tokio::sync::Mutex<Option<MultiplexedConnection>>,
    ttl: Duration,
    lease: Duration,
    commits: Commits,
    state: Mutex<StoreState>,
    /// Proves to other replicas that a request comes from one of them; known once the server was reached.
    secret: OnceLock<String>,
    listener: OnceLock<Box<dyn StoreListener>>,
    /// What belongs to no session: the number of the last change of it that was read, and of the last one made here.
    wide_read: AtomicU64,
    wide_told: AtomicU64,
    reading: tokio::sync::Mutex<()>,
    /// What all replicas are told, and whether some of it found no room.
    telling: OnceLock<mpsc::Sender<ToldText>>,
    untold: AtomicBool,
    /// All of it is told at the end.
    told: Notify,
    /// The lease is to be renewed now.
    renew: Notify,
    /// All that waited at the end is committed.
    closed: Notify,
    closing: AtomicBool,
}

#[derive(Default)]
struct StoreState {
    /// Until when this replica owns what it owns.
    until: Option<Instant>,
    /// Why the server cannot be used.
    down: Option<String>,
    /// How often it could not.
    failures: u64,
    /// By the hash of their keys.
    owned: HashMap<String, OwnedSession>,
}

/// A session that this replica owns.
struct OwnedSession {
    fence: Arc<Fence>,
    /// What it owns, until it is taken up.
    rows: Option<Vec<DataRow>>,
    /// When it changed last: the server forgets it some time after.
    changed: Instant,
}

/// Who is told of what happens.
pub(crate) trait StoreListener: Send + Sync {
    /// Sessions are no longer this replica's: see [`Fence::is_lost`].
    fn lost(&self);
    /// The rows that belong to no session, whenever they may have changed.
    fn wide(&self, rows: Vec<DataRow>);
    /// What a replica told, and the number that it has as an event (0: it is none). False = events before it are missing.
    fn heard(&self, number: u64, text: &str) -> bool;
    /// The last event that was heard, and the counting it belongs to.
    fn seen(&self) -> (u64, String);
    /// What was missed is here.
    fn missed(&self, missed: MissedEvents);
    /// Events are watched for so long, as far as is known; gives whether somebody watches here.
    fn watched(&self, time: Duration) -> bool;
    /// Whether something waits for people at a replica that may be gone.
    fn waits_elsewhere(&self) -> bool;
    /// The other replicas that live.
    fn alive(&self, addresses: &[String]);
}

/// Whose a session is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum SessionOwner {
    Me,
    /// Another replica, at this address.
    At(String),
}

impl RedisStore {
    /// The store at an address. Nothing is asked of it yet.
    ///
    /// # Errors
    /// It is no such address.
    pub(crate) fn new(url: &str, ttl: Duration, lease: Duration) -> Result<Arc<Self>, String> {
        let wrong = |error: RedisError| {
            format!(
                "the option store (--store) is no address of Redis: {}; expected redis://[USER:PASSWORD@]HOST:PORT/DB, or \
                 rediss:// with TLS",
                error.detail().unwrap_or("it cannot be read")
            )
        };
        let client = Client::open(url).map_err(wrong)?;
        let database = client.get_connection_info().redis_settings().db();
        Ok(Arc::new(RedisStore {
            id: drawn(),
            client,
            news: format!("{NEWS}{database}"),
            desk: format!("{DESK}{database}"),
            link: tokio::sync::Mutex::default(),
            ttl,
            lease,
            commits: Commits::default(),
            state: Mutex::default(),
            secret: OnceLock::new(),
            listener: OnceLock::new(),
            wide_read: AtomicU64::new(0),
            wide_told: AtomicU64::new(0),
            reading: tokio::sync::Mutex::default(),
            telling: OnceLock::new(),
            untold: AtomicBool::new(false),
            told: Notify::new(),
            renew: Notify::new(),
            closed: Notify::new(),
            closing: AtomicBool::new(false),
        }))
    }

    /// Begins to be one of the replicas, which others reach at `address`.
    pub(crate) fn join(self: &Arc<Self>, address: String, listener: Box<dyn StoreListener>) {
        let _ = self.listener.set(listener);
        let (telling, told) = mpsc::channel(MOST_TOLD);
        let _ = self.telling.set(telling);
        let ours = runtime::handle();
        runtime::spawn_on(ours, self.clone().tells(told));
        runtime::spawn_on(ours, self.clone().renews(address));
        runtime::spawn_on(ours, self.clone().commits());
        runtime::spawn_on(ours, self.clone().listens());
    }

    /// How often the lease is renewed.
    pub(crate) fn beat(&self) -> Duration {
        self.lease / 4
    }

    fn state(&self) -> MutexGuard<'_, StoreState> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// How long a request waits for the server.
    pub(crate) fn patience(&self) -> Duration {
        self.lease / 2
    }

    /// The refusal of what needs the server while it cannot be used.
    pub(crate) fn refusal(&self, reason: &str) -> ApiError {
        error::store_unavailable(reason, self.lease / 5)
    }

    /// Whether this replica may answer for what it owns.
    ///
    /// # Errors
    /// The server cannot be used.
    pub(crate) fn check(&self) -> Result<(), ApiError> {
        self.problem().map_or(Ok(()), |reason| Err(self.refusal(&reason)))
    }

    /// Why the server cannot be used.
    pub(crate) fn problem(&self) -> Option<String> {
        let state = self.state();
        match (&state.down, state.until) {
            (Some(reason), _) => Some(reason.clone()),
            (None, None) => Some("it was not reached yet".into()),
            (None, Some(until)) if Instant::now() >= until => Some("it answers too slowly".into()),
            (None, Some(_)) => None,
        }
    }

    /// Whether a request comes from another replica: it knows the secret.
    pub(crate) fn is_ours(&self, secret: &[u8]) -> bool {
        self.secret.get().is_some_and(|ours| ours.as_bytes() == secret)
    }

    /// What this replica says to others.
    pub(crate) fn secret(&self) -> Option<&str> {
        self.secret.get().map(String::as_str)
    }

    async fn link(&self) -> RedisResult<MultiplexedConnection> {
        let mut link = self.link.lock().await;
        if let Some(link) = &*link {
            return Ok(link.clone());
        }
        let config = AsyncConnectionConfig::new()
            .set_connection_timeout(Some(self.patience()))
            .set_response_timeout(Some(self.patience()));
        let opened = self.client.get_multiplexed_async_connection_with_config(&config).await?;
        Ok(link.insert(opened).clone())
    }

    /// Runs a script.
    async fn run<T: redis::FromRedisValue>(&self, script: ScriptInvocation<'_>) -> Result<T, String> {
        redis::from_redis_value(self.ask(script).await?).map_err(|error| error.to_string())
    }

    /// Runs a script; a connection that fails is not used again.
    async fn ask(&self, script: ScriptInvocation<'_>) -> Result<redis::Value, String> {
        let asked = async {
            let mut link = self.link().await?;
            script.invoke_async(&mut link).await
        };
        match timeout(self.patience(), asked).await {
            Ok(Ok(value)) => Ok(value),
            Ok(Err(error)) => {
                // A primary that is one no longer answers, but will never take anything: look for the new one.
                if error.is_unrecoverable_error()
                    || error.is_timeout()
                    || error.is_io_error()
                    || error.code() == Some("READONLY")
                {
                    self.unlink();
                }
                Err(shown(&error))
            }
            Err(_) => {
                self.unlink();
                Err("it does not answer in time".into())
            }
        }
    }

    fn unlink(&self) {
        // Whoever holds it makes a new one.
        if let Ok(mut link) = self.link.try_lock() {
            *link = None;
        }
    }

    /// These are no longer this replica's, or memory is ahead of what is kept of them.
    fn lose<'a>(&self, fences: impl Iterator<Item = &'a Arc<Fence>>) {
        let mut any = false;
        for fence in fences {
            fence.lose();
            self.disown(fence);
            any = true;
        }
        if let Some(listener) = self.listener.get().filter(|_| any) {
            listener.lost();
        }
    }

    fn disown(&self, fence: &Arc<Fence>) {
        let mut state = self.state();
        if state.owned.get(&fence.hash).is_some_and(|owned| Arc::ptr_eq(&owned.fence, fence)) {
            state.owned.remove(&fence.hash);
        }
    }

    fn lose_all(&self) {
        let owned = std::mem::take(&mut self.state().owned);
        self.lose(owned.values().map(|owned| &owned.fence));
    }

    /// Whether this replica owns a session, as far as it knows.
    pub(crate) fn owns(&self, hash: &str) -> bool {
        self.state().owned.contains_key(hash)
    }

    /// Whose a session is; nobody's becomes this replica's.
    ///
    /// # Errors
    /// The server cannot be used.
    pub(crate) async fn claim(&self, hash: &str) -> Result<SessionOwner, ApiError> {
        self.check()?;
        let mut claim = CLAIM.prepare_invoke();
        claim.key(session_key(hash)).key(EPOCH).arg(&self.id).arg(LEASES).arg(self.ttl.as_millis() as u64);
        let claimed: Result<(u8, String, Vec<DataRow>), String> = self.run(claim).await;
        let (whose, text, rows) = claimed.map_err(|reason| {
            self.fails(&reason);
            self.renew.notify_one();
            self.refusal(&reason)
        })?;
        match (whose, text.parse::<u64>()) {
            (0, _) => Ok(SessionOwner::At(text)),
            (1, Ok(epoch)) => {
                let fence = Arc::new(Fence::new(hash.into(), epoch));
                let owned = OwnedSession { fence, rows: Some(rows), changed: Instant::now() };
                self.state().owned.insert(hash.into(), owned);
                Ok(SessionOwner::Me)
            }
            _ => {
                self.renew.notify_one();
                Err(self.refusal("this replica's lease has ended"))
            }
        }
    }

    /// The ownership of a session; one that is not owned gets one under which nothing is written.
    pub(crate) fn fence(&self, hash: &str) -> Arc<Fence> {
        let owned = self.state().owned.get(hash).map(|owned| owned.fence.clone());
        owned.unwrap_or_else(|| Arc::new(Fence::new(hash.into(), 0)))
    }

    /// What a session owned when it was claimed; given once.
    pub(super) fn take_rows(&self, hash: &str) -> Option<Vec<DataRow>> {
        self.state().owned.get_mut(hash)?.rows.take()
    }

    /// Changes rows of a session.
    pub(super) fn change(&self, fence: &Arc<Fence>, gone: &AtomicBool, changes: Vec<RowChange>) {
        if let Some(owned) = self.state().owned.get_mut(&fence.hash) {
            owned.changed = Instant::now();
        }
        let target = CommitTarget::Session(fence.clone());
        if !self.commits.add(&target, Some(gone), changes.into_iter().map(CommitStep::Row)) {
            self.lose([fence].into_iter());
        }
    }

    /// A session is no longer in memory: what changed is written, and others may own it.
    pub(super) fn leave(&self, fence: &Arc<Fence>, gone: &AtomicBool) {
        self.disown(fence);
        self.commits.end(fence, gone, [CommitStep::GiveBack]);
    }

    /// Rows of a session are gone with it.
    pub(super) fn forget_rows(&self, fence: &Arc<Fence>, gone: &AtomicBool, change: RowChange) {
        self.commits.end(fence, gone, [CommitStep::Row(change)]);
    }

    /// A session is gone, whoever had it.
    pub(super) fn forget(&self, hash: String) {
        self.state().owned.remove(&hash);
        let changes = [RowChange::RemoveAll("s/".into()), RowChange::Remove("#session".into())];
        self.commits.add(&CommitTarget::Anyone(hash), None, changes.map(CommitStep::Row));
    }

    /// All sessions of this replica are gone.
    pub(super) fn forget_all(self: &Arc<Self>) {
        let owned: Vec<String> = self.state().owned.drain().map(|(hash, _)| hash).collect();
        owned.into_iter().for_each(|hash| self.forget(hash));
    }

    /// Waits until all that happened in a session is committed.
    ///
    /// # Errors
    /// It could not be, or the session is no longer this replica's.
    pub(super) async fn settled_in(&self, fence: &Fence) -> Result<(), ApiError> {
        if !fence.is_lost() {
            self.commits.settled(u64::MAX).await;
        }
        match fence.is_lost() {
            true => Err(self.problem().map_or_else(error::session_moved, |reason| self.refusal(&reason))),
            false => Ok(()),
        }
    }

    /// Changes that ever came: see [`RedisStore::settled`].
    pub(super) fn mark(&self) -> u64 {
        self.commits.came()
    }

    /// Waits until all that happened is committed, and known to all replicas if it concerns them.
    ///
    /// # Errors
    /// Something that happened after the mark was not, or the server cannot be used.
    pub(super) async fn settled(&self, mark: u64) -> Result<(), ApiError> {
        let kept = self.commits.settled(mark).await;
        self.check()?;
        match kept {
            true if self.commits.wide_since(mark) => self.known_everywhere().await,
            true => Ok(()),
            false => Err(self.refusal("what was changed could not be written")),
        }
    }

    /// Commits what waits, and stops being one of the replicas: others own its sessions at once.
    pub(crate) fn close(&self) {
        if !self.closing.swap(true, Ordering::AcqRel) {
            self.commits.close();
            // Whoever tells ends with the next text.
            self.tell(ToldText::aside(String::new()));
            self.renew.notify_one();
            let ended = timeout(self.lease, self.closed.notified());
            let _ = runtime::handle().block_on(ended);
        }
    }
}

impl std::fmt::Debug for RedisStore {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("RedisStore").field("id", &self.id).finish_non_exhaustive()
    }
}

fn session_key(hash: &str) -> String {
    format!("{SESSIONS}{hash}")
}

/// Sixteen random bytes that nobody can guess, as text.
fn drawn() -> String {
    let mut bytes = [0; 16];
    // The system's source does not fail once a process has begun; without it there is no TLS either.
    let filled = default_provider().secure_random.fill(&mut bytes);
    filled.unwrap_or_else(|_| panic!("the system gives no random bytes"));
    hex(&bytes)
}

/// What went wrong, without addresses and passwords.
fn shown(error: &RedisError) -> String {
    match (error.code(), error.detail()) {
        (Some(code), Some(detail)) => format!("{code} {detail}"),
        (None, Some(detail)) => detail.to_string(),
        _ => error.to_string(),
    }
}
