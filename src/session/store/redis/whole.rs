//! What concerns all replicas and all that the server keeps.

use super::{LEASES, MEMBERS, RedisStore, SESSIONS};
use crate::wire::error::ApiError;
use redis::Script;
use std::sync::LazyLock;

/// Keys that are looked at together.
const TOGETHER: usize = 1_000;

static OTHERS: LazyLock<Script> = LazyLock::new(|| Script::new(include_str!("others.lua")));
static WIPE: LazyLock<Script> = LazyLock::new(|| Script::new(include_str!("wipe.lua")));

impl RedisStore {
    /// Where the other replicas that live are.
    ///
    /// # Errors
    /// The server cannot be used.
    pub(crate) async fn others(&self) -> Result<Vec<String>, ApiError> {
        let mut others = OTHERS.prepare_invoke();
        others.key(MEMBERS).arg(&self.id).arg(LEASES);
        self.run(others).await.map_err(|reason| self.refusal(&reason))
    }

    /// The sessions that nobody owns are gone.
    ///
    /// # Errors
    /// The server cannot be used.
    pub(crate) async fn wipe(&self) -> Result<(), ApiError> {
        let mut cursor = "0".to_string();
        loop {
            let mut wipe = WIPE.prepare_invoke();
            wipe.arg(&cursor).arg(format!("{SESSIONS}*")).arg(TOGETHER).arg(LEASES);
            cursor = self.run(wipe).await.map_err(|reason| self.refusal(&reason))?;
            if cursor == "0" {
                return Ok(());
            }
        }
    }
}
