//! What an emulator keeps in its data directory beside sessions and queues: the shared script, where the bypass leads.

use super::Emulator;
use crate::log;
use crate::script::Load;
use crate::upstream::Change;
use serde::{Deserialize, Serialize};
use std::sync::atomic::Ordering;
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
}

impl Emulator {
    /// Takes up what was kept.
    pub(super) fn restore(&self) {
        let Some(data) = &self.data else { return };
        self.desk.queues.keep(data.clone());
        self.restore_shared();
        for (_, row) in data.rows::<BypassRow>(BYPASS) {
            if row.option != self.settings.upstream {
                continue;
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
    }

    fn restore_shared(&self) {
        let Some(data) = &self.data else { return };
        for (number, text) in data.rows::<String>("shared/") {
            let number = u64::from_str_radix(&number, 16).unwrap_or_default();
            self.shared_loads.fetch_max(number + 1, Ordering::Relaxed);
            match Load::kept(&text) {
                Ok(load) => self.take_over(load),
                Err(error) => {
                    log::warn(&format!("a kept shared script is no longer one: {}: {}", error.path, error.message));
                }
            }
        }
    }

    /// Loads script files into the shared script before what was loaded over HTTP in earlier runs.
    pub(crate) fn load_files(&self, load: Load) {
        self.take_over(Load { reset: true, ..load });
        self.restore_shared();
    }

    /// The bypass was changed.
    pub(crate) fn keep_bypass(&self) {
        let Some(data) = &self.data else { return };
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
        };
        data.put(BYPASS, &row);
    }
}
