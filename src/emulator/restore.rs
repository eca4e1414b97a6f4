//! What an emulator keeps in its data directory beside sessions and queues: the shared script, where the bypass leads.

use super::Emulator;
use crate::clock;
use crate::cluster::AskedElsewhere;
use crate::log;
use crate::memory::Account;
use crate::random;
use crate::runtime;
use crate::script::{Load, ScriptError};
use crate::session::Shared;
use crate::session::store::keeper::Keeper;
use crate::session::store::saved::DataRow;
use crate::sorting;
use crate::upstream::Change;
use crate::wire::error::{self, ApiError};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::sync::atomic::Ordering;
use std::sync::{Arc, PoisonError};
use std::time::Duration;

/// The row of the bypass. A key is never kept.
const BYPASS: &str = "bypass";

/// Where the bypass leads.
#[derive(Serialize, Deserialize)]
struct BypassRow {
    /// The option in force when it was changed: another one since then is newer than this.
    option: Option<String>,
    enabled: bool,
    configured: bool,
    https: bool,
    host: String,
    port: u16,
    path: String,
    timeout: Duration,
    /// When its key was set last, where others may ask for it.
    #[serde(default)]
    key_set: u64,
}

impl Emulator {
    /// Takes up what was kept.
    pub(super) fn restore(&self) {
        // A server is asked once it is reached.
        let Some(data) = self.data.as_ref().and_then(Keeper::directory) else { return };
        self.desk.queues.keep(Keeper::Directory(data.clone()));
        self.restore_shared();
        for (_, row) in data.rows::<BypassRow>(BYPASS) {
            self.take_bypass(row);
        }
    }

    fn take_bypass(&self, row: BypassRow) {
        if row.option != self.settings.upstream {
            return;
        }
        if row.configured {
            self.upstream.change(Change {
                https: Some(row.https),
                host: Some(row.host),
                port: Some(row.port),
                path: Some(row.path),
                timeout: Some(row.timeout),
                key: None,
            });
        }
        self.upstream.bypass(row.enabled);
    }

    /// Takes up what belongs to no session from the rows of a server, in the place of what was there.
    pub(super) fn take_wide(self: &Arc<Self>, mut rows: Vec<DataRow>) {
        sorting::by(&mut rows, Ord::cmp);
        if let Some(keeper) = &self.data {
            self.desk.queues.take_up(keeper, &rows);
            self.desk.breakpoints.take_up(keeper, &rows);
        }
        self.take_bypass_again(rows.iter().find(|(key, _)| key == BYPASS.as_bytes()));
        let mut scripts = Vec::new();
        for (key, text) in &rows {
            let Some(number) = key.strip_prefix(b"shared/") else { continue };
            let number = std::str::from_utf8(number).ok().and_then(|number| u64::from_str_radix(number, 16).ok());
            // What is loaded here next comes behind it, also where the clocks of replicas differ.
            self.shared_loads.fetch_max(number.unwrap_or_default() + 1, Ordering::Relaxed);
            scripts.push(&text[..]);
        }
        let seen = random::key(1, &scripts);
        if self.shared_seen.swap(seen, Ordering::Relaxed) == seen {
            return;
        }
        let files = self.files.lock().unwrap_or_else(PoisonError::into_inner).clone();
        if scripts.is_empty() && files.is_none() && !self.cassettes.has_fixtures() {
            // What was loaded here was refused.
            return self.forget_shared();
        }
        let mut all = Load { reset: true, ..files.unwrap_or_default() };
        for text in scripts {
            let text = serde_json::from_slice::<String>(text).ok();
            text.and_then(|text| kept_script(&text)).into_iter().for_each(|load| all.append(load));
        }
        self.take_over(all);
    }

    /// There is no shared script.
    fn forget_shared(&self) {
        let mut shared = self.shared.write().unwrap_or_else(PoisonError::into_inner);
        self.shared_held.set(0);
        *shared = Arc::new(Shared { version: shared.version + 1, ..Shared::default() });
    }

    /// Takes up where the bypass leads, or that nobody has changed it.
    fn take_bypass_again(self: &Arc<Self>, row: Option<&DataRow>) {
        let row = row.and_then(|(_, value)| serde_json::from_slice::<BypassRow>(value).ok());
        let configured = row.as_ref().is_some_and(|row| row.configured);
        if !configured && self.bypass_changed.swap(false, Ordering::Relaxed) {
            // What was changed here was refused.
            self.upstream.restore(&self.settings);
        }
        let Some(row) = row else { return self.upstream.bypass(false) };
        if row.key_set > self.key_set.load(Ordering::Acquire) {
            runtime::spawn_on(runtime::handle(), self.clone().asks_for_key(row.key_set));
        }
        self.take_bypass(row);
    }

    /// The key of the upstream that was set at another replica: it is nowhere kept.
    async fn asks_for_key(self: Arc<Self>, set: u64) {
        let asked = AskedElsewhere { method: "GET", target: "/api/bypass/key", body: "", operator: "" };
        let told = self.ask_others(&asked).await.unwrap_or_default();
        let found = told.into_iter().find(|(_, told)| told["set"] == set);
        found.into_iter().for_each(|(_, told)| self.take_key(&told));
    }

    /// Takes the key of the upstream as another replica tells it, unless it was set again since.
    pub(crate) fn take_key(&self, told: &Value) {
        let set = told["set"].as_u64().unwrap_or_default();
        if self.key_set.fetch_max(set, Ordering::AcqRel) < set {
            let key = told["key"].as_str().map(String::from);
            self.upstream.change(Change { key: Some(key), ..Change::default() });
        }
    }

    /// The number of the next load of the shared script: where several processes load, by the time.
    pub(super) fn next_load(&self) -> u64 {
        let least = if self.cluster.is_some() { clock::world().as_micros() as u64 } else { 0 };
        self.shared_loads.fetch_max(least, Ordering::Relaxed);
        self.shared_loads.fetch_add(1, Ordering::Relaxed)
    }

    fn restore_shared(&self) {
        let Some(data) = self.data.as_ref().and_then(Keeper::directory) else { return };
        for (number, text) in data.rows::<String>("shared/") {
            let number = u64::from_str_radix(&number, 16).unwrap_or_default();
            self.shared_loads.fetch_max(number + 1, Ordering::Relaxed);
            kept_script(&text).into_iter().for_each(|load| self.take_over(load));
        }
    }

    /// Loads script files into the shared script before what was loaded over HTTP in earlier runs.
    pub(crate) fn load_files(&self, load: Load) {
        self.remember_files(&load);
        self.shared_seen.store(0, Ordering::Relaxed);
        self.take_over(Load { reset: true, ..load });
        self.restore_shared();
    }

    /// Loads script files that have changed, in the place of all that was loaded.
    pub(crate) fn reload_files(&self, load: Load) {
        self.remember_files(&load);
        self.load_shared(Load { reset: true, ..load });
    }

    /// Where others may change the shared script, what they load stands behind what the files hold.
    fn remember_files(&self, load: &Load) {
        if self.cluster.is_some() {
            *self.files.lock().unwrap_or_else(PoisonError::into_inner) = Some(load.clone());
        }
    }

    /// The bypass was changed; `keyed` = its key too.
    pub(crate) fn keep_bypass(&self, keyed: bool) {
        let Some(data) = &self.data else { return };
        self.bypass_changed.store(true, Ordering::Relaxed);
        if keyed {
            // Later than all before, also where the clocks of replicas differ.
            let last = self.key_set.load(Ordering::Acquire);
            self.key_set.store((clock::world().as_micros() as u64).max(last + 1), Ordering::Release);
        }
        let target = self.upstream.target();
        let row = BypassRow {
            option: self.settings.upstream.clone(),
            enabled: self.upstream.bypasses(),
            configured: target.configured,
            https: target.https,
            host: target.host.clone(),
            port: target.port,
            path: target.path.clone(),
            timeout: target.timeout,
            key_set: if self.cluster.is_some() { self.key_set.load(Ordering::Acquire) } else { 0 },
        };
        data.put(BYPASS, &row);
    }
}

/// A shared script that was kept; one that is none any more is told and left out.
fn kept_script(text: &str) -> Option<Load> {
    let told = |error: &ScriptError| {
        log::warn(&format!("a kept shared script is no longer one: {error}"));
    };
    Load::kept(text).inspect_err(told).ok()
}

/// Whether the account of a script has room for another one.
pub(crate) fn script_room(account: &Account, load: &Load) -> Result<(), ApiError> {
    let used = load.weight() + if load.reset { 0 } else { account.used() };
    match used > account.most() {
        true => Err(error::no_room("the script of a session", used, account.most(), "maxSessionBytes (a third of it)")),
        false => Ok(()),
    }
}
