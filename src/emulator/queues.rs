//! What the preset queues of an emulator are called, and which of them end with a session.

use super::Emulator;
use crate::redact;
use crate::session::Session;
use serde_json::{Value, json};
use std::net::IpAddr;
use std::sync::Arc;

/// What the queues of sessions begin with.
const SESSION: &str = "session:";

/// What keys begin with, and tokens that stand for them; how long a name is that nobody gives.
const KEYS: &[&str] = &["sk-", "ek_", "eyJ", "Bearer "];
const LONG: usize = 40;

/// Routes that stand where addresses do.
const ROUTES: &[&str] = &["export", "import"];

impl Emulator {
    /// The replies of a session that nobody asked for: of its script, and of the queue that it alone has.
    pub(crate) fn unused(&self, session: &Session) -> Vec<Value> {
        let mut unused = session.unused(&self.shared());
        unused.extend(self.desk.queues.unused(&queue(&session.label())));
        unused
    }

    /// The session that is meant by a queue's address: by its name, its key, or what either is shown as.
    pub(crate) fn queue_owner(&self, address: &str) -> Option<Arc<Session>> {
        let given = address.strip_prefix(SESSION)?;
        let names = |session: &Session| session.key == given || session.label() == given;
        let sessions = self.sessions();
        let named = sessions.iter().find(|session| names(session));
        named.or_else(|| sessions.iter().find(|session| former(session).iter().any(|name| name == address))).cloned()
    }

    /// The name that a queue has, of those it may be called by; it gives no key away.
    ///
    /// # Errors
    /// No queue can be called so: what would be right.
    pub(crate) fn queue_name(&self, address: &str) -> Result<String, String> {
        let Some(name) = address.strip_prefix(SESSION) else {
            if address.is_empty() || ROUTES.contains(&address) {
                return Err(format!("expected an address or session:NAME, but got {address:?}"));
            }
            return Ok(address.parse::<IpAddr>().map_or_else(|_| address.into(), |ip| ip.to_canonical().to_string()));
        };
        Ok(match self.queue_owner(address) {
            _ if name.is_empty() => return Err("session: a name or a key is missing behind it".into()),
            Some(session) => queue(&session.label()),
            // Whatever is called so already is shown already.
            None if self.desk.queues.is_known(address) || is_label(name) => address.into(),
            // Whether it is a name or a key the session says, once there is one.
            None => unmade(name),
        })
    }

    /// A session takes over what was queued for it before it was made.
    pub(super) fn takes_over_queues(&self, session: &Session) {
        // Replicas ask with every request.
        if self.desk.queues.is_unused() {
            return;
        }
        let name = queue(&session.label());
        for former in former(session).iter().filter(|former| **former != name) {
            if self.desk.queues.rename(former, &name) {
                self.tell_queue(former);
                self.tell_queue(&name);
            }
        }
    }

    /// Forgets what is queued for a session.
    pub(super) fn forget_queue_of(&self, session: &Session) {
        self.forget_queues(&[queue(&session.label())]);
    }

    /// Forgets what is queued for a session that may not be in memory, by its name or its key.
    pub(crate) fn forget_queues_for(&self, name: &str) {
        self.forget_queues(&[queue(name), unmade(name)]);
    }

    /// Forgets what is queued for any session.
    pub(super) fn forget_session_queues(&self) {
        let all = self.desk.queues.list().into_iter().map(|(address, _)| address);
        self.forget_queues(&all.filter(|address| address.starts_with(SESSION)).collect::<Vec<_>>());
    }

    fn forget_queues(&self, names: &[String]) {
        names.iter().filter(|name| self.desk.queues.forget(name)).for_each(|name| self.tell_queue(name));
    }

    pub(crate) fn tell_queue(&self, name: &str) {
        self.desk.events.tell("queue_updated", || json!({"ip": name}));
    }
}

fn queue(label: &str) -> String {
    format!("{SESSION}{label}")
}

/// The queue for a name or a key that no session has yet; what looks like a key is not shown.
fn unmade(name: &str) -> String {
    let looks_like_key = KEYS.iter().any(|start| name.starts_with(start)) || name.len() >= LONG;
    if looks_like_key { queue(&redact::label(name)) } else { queue(name) }
}

/// What a session's queue was called before the session was made, by whichever of its names.
fn former(session: &Session) -> [String; 2] {
    [unmade(&session.name), unmade(&session.key)]
}

/// Whether it is a key's label: three characters, an ellipsis, and four digits.
fn is_label(name: &str) -> bool {
    let digits = name.split_once('…').filter(|(shown, _)| shown.chars().count() <= 3).map(|(_, digits)| digits);
    digits.is_some_and(|digits| digits.len() == 4 && digits.bytes().all(|byte| byte.is_ascii_hexdigit()))
}
