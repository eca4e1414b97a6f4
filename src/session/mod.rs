//! A session: all that belongs to one API key. Sessions never see each other.

pub(crate) mod behind;
pub(crate) mod callbacks;
pub(crate) mod ending;
pub(crate) mod exchange;
pub(crate) mod jobs;
pub(crate) mod journal;
mod kept;
pub(crate) mod limits;
mod live;
mod log_json;
pub(crate) mod log_line;
mod observers;
pub(crate) mod one_at_a_time;
mod played;
pub(crate) mod prompt_cache;
pub(crate) mod sent;
pub(crate) mod serial;
pub(crate) mod store;
mod tasks;
pub(crate) mod transcript;

pub(crate) use live::Live;
pub(crate) use observers::{Observer, UpstreamNews, of as observers};

use crate::clock::{Clock, Mode};
use crate::memory::{Account, Held, Total};
use crate::options::{Profile, Settings};
use crate::redact;
use crate::script::Defaults;
use crate::script::Load;
use crate::script::Models;
use crate::script::play::{Rules, Script, UseKeeper};
use crate::session::behind::Behind;
pub(crate) use crate::session::ending::Ended;
use crate::session::journal::Journal;
use crate::session::limits::Counters;
use crate::session::one_at_a_time::OneAtATime;
use crate::session::played::Played;
use crate::session::prompt_cache::PrefixCache;
use crate::session::serial::SerialNumbers;
use crate::session::store::Store;
use crate::session::store::rows::SessionRows;
use crate::session::tasks::Tasks;
use serde_json::{Value, json};
use std::collections::{HashMap, HashSet};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use tokio::sync::watch;

/// The session of requests without a key.
pub(crate) const ANONYMOUS: &str = "anonymous";

/// Numbers of sessions.
static NUMBERS: SerialNumbers = SerialNumbers::new();

/// Equal requests are told apart by their count; past this many different ones counting starts anew.
const MOST_COUNTED: usize = 100_000;

/// Names of holds that can be released before a reset.
pub(crate) const MOST_NAMES: usize = 10_000;

/// All that belongs to one API key.
pub(crate) struct Session {
    /// Never shown: see [`Session::label`].
    pub key: String,
    /// What randomness is keyed by: the name given, else the key.
    pub name: String,
    pub seed: u64,
    /// Its number, the same after a reset and at every replica: what pages call it.
    pub serial: u64,
    /// How its emulator sends complaints of its own.
    pub(crate) profile: Profile,
    pub clock: Arc<Clock>,
    pub journal: Arc<Journal>,
    /// What it keeps, in bytes.
    pub(crate) accounts: Accounts,
    /// Stored responses, completions, conversations …
    pub store: Store,
    /// Work on them that is under way.
    tasks: Arc<Tasks>,
    /// What of it goes on behind its answers.
    pub(crate) behind: Behind,
    /// Requests that are done once, by what says that they are the same.
    pub(crate) done_once: OneAtATime,
    /// Names released so far; replies on hold wait for theirs.
    pub released: Arc<watch::Sender<HashSet<String>>>,
    /// How it ended, once it has.
    ended: watch::Sender<Option<Ended>>,
    /// Ticks of the emulator at the last use.
    pub last_used: AtomicU64,
    /// When it was used last, where somebody asks: milliseconds of the world's time.
    pub last_seen: AtomicU64,
    /// Where it is kept across restarts.
    rows: Option<Arc<SessionRows>>,
    limits: Mutex<Counters>,
    /// Beginnings of prompts, for the prompt cache.
    prefixes: Mutex<PrefixCache>,
    /// Recordings it was answered with.
    pub(crate) played: Played,
    state: Mutex<State>,
}

/// What a session keeps, in bytes: each account may hold a third of the session's bound.
pub(crate) struct Accounts {
    pub(crate) journal: Arc<Account>,
    /// Stored objects, and what sockets remember.
    pub(crate) stored: Arc<Account>,
    /// Files on the disk, within what all sessions may keep there.
    pub(crate) files: Arc<Account>,
    pub(crate) script: Arc<Account>,
    /// Bodies of requests that are being read and answered.
    pub(crate) under_way: Arc<Account>,
}

impl Accounts {
    fn new(settings: &Settings, total: &Arc<Total>) -> Self {
        let account = || Account::new(settings.max_session_bytes / 3, total);
        let files = Account::new(settings.max_disk_bytes, total.disk());
        Accounts { journal: account(), stored: account(), files, script: account(), under_way: account() }
    }

    /// Bytes of all of them.
    pub(crate) fn used(&self) -> usize {
        [&self.journal, &self.stored, &self.script].map(|account| account.used()).iter().sum()
    }
}

/// What a session was told, and how far it is.
#[derive(Default)]
struct State {
    script: Option<Script>,
    /// Bytes of the script.
    held: Option<Held>,
    /// This session's counters over the shared script, and that script's version.
    shared: Option<(u64, Script)>,
    /// Uses of the shared script's rules that were taken before a restart, until that script is taken over.
    shared_uses: Option<HashMap<(u64, u64), u64>>,
    models: Option<Arc<Models>>,
    defaults: Arc<Defaults>,
    /// Scripts that were loaded.
    loads: u64,
    /// How often each request came, by hash.
    counts: HashMap<u64, u64>,
    /// What counting begins with: a session that was there before must not draw what it drew then.
    counted: u64,
    /// Turns taken; chaos counts them.
    turns: u64,
}

impl State {
    fn in_force(&self, shared: &Shared) -> InForce {
        let (models, defaults) = match self.script {
            Some(_) => (&self.models, &self.defaults),
            None => (&shared.models, &shared.defaults),
        };
        InForce { models: models.clone(), defaults: defaults.clone() }
    }
}

/// A script that serves sessions without their own.
#[derive(Default)]
pub(crate) struct Shared {
    /// There is one: one that is empty too.
    pub loaded: bool,
    /// Grows with every load, so that sessions know when to take it over.
    pub version: u64,
    pub rules: Arc<Rules>,
    pub models: Option<Arc<Models>>,
    pub defaults: Arc<Defaults>,
}

/// What holds for one exchange, as it stood when it began.
#[derive(Debug, Clone)]
pub(crate) struct InForce {
    /// The models the script in force names.
    pub models: Option<Arc<Models>>,
    /// The defaults of the script in force.
    pub defaults: Arc<Defaults>,
}

impl Session {
    pub(crate) fn new(key: &str, name: &str, clock: Mode, seed: u64, settings: &Settings, total: &Arc<Total>) -> Self {
        let accounts = Accounts::new(settings, total);
        Session {
            key: key.into(),
            name: name.into(),
            seed,
            serial: NUMBERS.next(),
            profile: settings.profile,
            clock: Arc::new(Clock::new(clock)),
            journal: Journal::new(settings.journal_size, accounts.journal.clone()),
            store: Store::new(settings.max_objects, &accounts.stored, &accounts.files),
            tasks: Arc::default(),
            behind: Behind::default(),
            done_once: OneAtATime::default(),
            accounts,
            released: Arc::new(watch::channel(HashSet::new()).0),
            ended: watch::channel(None).0,
            last_used: AtomicU64::new(0),
            last_seen: AtomicU64::new(0),
            rows: None,
            limits: Mutex::default(),
            prefixes: Mutex::default(),
            played: Played::default(),
            state: Mutex::default(),
        }
    }

    /// What is left of the session's rate limits.
    pub(crate) fn counters(&self) -> MutexGuard<'_, Counters> {
        self.limits.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn prefixes(&self) -> MutexGuard<'_, PrefixCache> {
        self.prefixes.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The session's name fit to be shown.
    pub(crate) fn label(&self) -> String {
        if self.name != self.key || self.key == ANONYMOUS { self.name.clone() } else { redact::label(&self.key) }
    }

    /// Begins an exchange: how many requests with this hash came before (counts this one), and what holds for it.
    pub(crate) fn begin(&self, hash: u64, shared: &Shared) -> (u64, InForce) {
        let mut state = self.state();
        if state.counts.len() >= MOST_COUNTED {
            state.counts.clear();
            self.all_rows().into_iter().for_each(SessionRows::no_counts);
        }
        let counted = state.counted;
        let count = state.counts.entry(hash).or_insert(counted);
        *count += 1;
        let before = *count - 1;
        self.all_rows().into_iter().for_each(|rows| rows.count(hash, before + 1));
        (before, state.in_force(shared))
    }

    /// What holds for an exchange that would begin now.
    pub(crate) fn in_force(&self, shared: &Shared) -> InForce {
        self.state().in_force(shared)
    }

    /// Number of rules the session holds, used up or not.
    pub(crate) fn rule_count(&self) -> usize {
        self.state().script.as_ref().map_or(0, Script::len)
    }

    /// Whether nobody has told or asked it anything.
    pub(crate) fn is_untouched(&self) -> bool {
        let state = self.state();
        state.script.is_none() && state.counts.is_empty()
    }

    /// Loads an accepted script.
    pub(crate) fn load(&self, load: Load) {
        let mut state = self.state();
        if load.reset {
            let counts = std::mem::take(&mut state.counts);
            *state = State { counts, counted: state.counted, loads: state.loads, ..State::default() };
        }
        state.loads += 1;
        state.held.get_or_insert_with(|| self.accounts.script.hold(0)).add(load.weight());
        if let Some(models) = load.models {
            state.models = Some(Arc::new(models));
        }
        if let Some(defaults) = load.defaults {
            Arc::make_mut(&mut state.defaults).update(defaults);
        }
        let script = state.script.get_or_insert_with(|| {
            let script = Script::new();
            if let Some(rows) = self.rows.clone() {
                script.keep(UseKeeper(Box::new(move |index, used| rows.used(index, used))));
            }
            script
        });
        script.append(&load.rules);
        let script = script.clone();
        if let (Some(rows), Some(text)) = (&self.rows, &load.text) {
            rows.script(state.loads, text, load.reset);
        }
        drop(state);
        script.prepare();
    }

    /// What a reset leaves of the session: its key, name, seed and clock. Script, journal and stored objects begin anew,
    /// so that exchanges that still run end in what they began in.
    pub(crate) fn successor(&self, settings: &Settings, total: &Arc<Total>) -> Self {
        self.released.send_modify(HashSet::clear);
        let next = Session::new(&self.key, &self.name, self.clock.mode(), self.seed, settings, total);
        Session {
            serial: self.serial,
            clock: self.clock.clone(),
            journal: self.journal.successor(next.accounts.journal.clone()),
            released: self.released.clone(),
            last_used: AtomicU64::new(self.last_used.load(Ordering::Relaxed)),
            last_seen: AtomicU64::new(self.last_seen.load(Ordering::Relaxed)),
            ..next
        }
    }

    /// Ends it: whatever waits in it for what will not come any more is let go. The first end stays.
    pub(crate) fn end(&self, how: Ended) {
        self.ended.send_if_modified(|ended| ended.is_none() && ended.replace(how).is_none());
        match (&self.rows, how) {
            (Some(rows), Ended::Reset | Ended::Deleted) => rows.forget(),
            (Some(rows), Ended::Displaced | Ended::Idle) => rows.leave(),
            _ => {}
        }
        // Who waits for something to happen here looks at what took its place.
        self.journal.tell();
    }

    /// How it ended, if it has.
    pub(crate) fn ended(&self) -> Option<Ended> {
        *self.ended.borrow()
    }

    /// Waits until it ends.
    pub(crate) fn until_ended(&self) -> impl Future<Output = ()> + Send + use<> {
        let mut ended = self.ended.subscribe();
        async move {
            // An error means that it is gone altogether.
            let _ = ended.wait_for(Option::is_some).await;
        }
    }

    /// Ends every hold with this name, now and until the next reset. False = too many names were released.
    pub(crate) fn release(&self, name: &str) -> bool {
        let mut done = true;
        self.released.send_modify(|names| {
            done = names.len() < MOST_NAMES || names.contains(name);
            if done {
                names.insert(name.to_string());
            }
        });
        if let Some(rows) = self.all_rows().filter(|_| done) {
            rows.released(name);
        }
        done
    }

    /// Waits until holds with this name are released.
    pub(crate) fn until_released(&self, name: String) -> impl Future<Output = ()> + Send + use<> {
        let mut released = self.released.subscribe();
        async move {
            // An error means the session is gone: nobody could release it any more.
            let _ = released.wait_for(|names| names.contains(&name)).await;
        }
    }

    /// Whether a script serves this session, its own or the shared one.
    pub(crate) fn has_script(&self, shared: &Shared) -> bool {
        self.state().script.is_some() || shared.loaded
    }

    /// Counts a turn; gives its number, from 1. Chaos strikes by it.
    pub(crate) fn counts_turn(&self) -> u64 {
        let mut state = self.state();
        state.turns += 1;
        self.all_rows().into_iter().for_each(|rows| rows.turns(state.turns));
        state.turns
    }

    /// The script in force as it stands, its own or the shared one with this session's counters. `None` = no script.
    pub(crate) fn script(&self, shared: &Shared) -> Option<Script> {
        let mut state = self.state();
        if state.script.is_some() || !shared.loaded {
            return state.script.clone();
        }
        let kept = state.shared_uses.take();
        let (version, script) = state.shared.get_or_insert_with(|| (0, Script::new()));
        if *version != shared.version {
            let taken = (*version == 0).then_some(kept).flatten();
            script.replace(&shared.rules);
            *version = shared.version;
            if let Some(rows) = self.rows.clone() {
                let names = script.names();
                if let Some(taken) = taken {
                    script.restore(|index| taken.get(names.get(index)?).copied());
                }
                let tell = move |index: usize, used| {
                    names.get(index).into_iter().for_each(|name| rows.used_shared(*name, used));
                };
                script.keep(UseKeeper(Box::new(tell)));
            }
        }
        Some(script.clone())
    }

    /// The replies nobody asked for, one line each.
    pub(crate) fn unused(&self, shared: &Shared) -> Vec<Value> {
        let unused = self.script(shared).map(|script| script.unused()).unwrap_or_default();
        unused.iter().map(|rule| rule.to_json()).collect()
    }

    /// The rules with their uses left.
    pub(crate) fn rules(&self, shared: &Shared) -> Value {
        self.script(shared).map(|script| script.state()).unwrap_or_else(|| json!([]))
    }
}
