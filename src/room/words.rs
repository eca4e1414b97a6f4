//! What the control room's own routes and actions take: a mistyped word would change nothing, and nobody would know.
//! Routes that Mock OpenAI Tool has too (`preset-queue`, `bypass`, `send_response`) pass over what they do not know, as it does.

use crate::control::routes::refuse_unknown;
use crate::near;
use crate::room::RoomRequest;
use crate::wire::error::ApiError;
use serde_json::{Map, Value};

/// Method; segments, of which `*` is any; words of the query; keys of the body, `None` where a reader of its own knows them.
type RouteWords = (&'static str, &'static [&'static str], &'static [&'static str], Option<&'static [&'static str]>);

const ROUTES: &[RouteWords] = &[
    ("GET", &["settings"], &[], None),
    ("GET", &["models"], &[], None),
    ("GET", &["statistics"], &["session", "model"], None),
    ("GET", &["exchanges"], &["before", "limit", "q", "session", "outcome", "state"], None),
    ("DELETE", &["exchanges"], &[], Some(&[])),
    ("GET", &["exchanges", "*"], &[], None),
    ("GET", &["exchanges", "*", "why"], &[], None),
    ("POST", &["exchanges", "*", "again"], &[], Some(&["body"])),
    ("GET", &["breakpoints"], &[], None),
    ("POST", &["breakpoints"], &[], None),
    // A list goes back as it came.
    ("PUT", &["breakpoints"], &[], Some(&["data", "object"])),
    ("DELETE", &["breakpoints"], &[], Some(&[])),
    ("DELETE", &["breakpoints", "*"], &[], Some(&[])),
    ("GET", &["pending"], &[], None),
    ("POST", &["pending", "*", "*"], &[], None),
    ("DELETE", &["sessions", "*"], &[], Some(&[])),
];

/// An action on what waits.
pub(super) struct Action {
    pub(super) name: &'static str,
    /// What its message takes beside the keys of all; `None` = Mock OpenAI Tool's own, which passes over the rest.
    keys: Option<&'static [&'static str]>,
}

const fn action(name: &'static str, keys: &'static [&'static str]) -> Action {
    Action { name, keys: Some(keys) }
}

const ACTIONS: &[Action] = &[
    action("answer", &["reply", "keep"]),
    Action { name: "send_response", keys: None },
    action("claim", &[]),
    action("release", &[]),
    action("type", &["text"]),
    action("finish", &["finish_reason"]),
    action("cut", &[]),
    action("fallback", &["to"]),
    action("upstream", &[]),
    action("go", &[]),
    action("step", &[]),
    action("edit", &["reply", "text", "step"]),
    action("drop", &["step"]),
];

/// Keys of every action's message.
const COMMON: [&str; 5] = ["type", "id", "by", "force", "ref"];

impl Action {
    /// The action of this name.
    ///
    /// # Errors
    /// There is none.
    pub(super) fn named(name: &str) -> Result<&'static Action, ApiError> {
        ACTIONS.iter().find(|action| action.name == name).ok_or_else(|| {
            let all: Vec<&str> = ACTIONS.iter().map(|action| action.name).collect();
            let meant = near::meant(name, &all);
            let message = format!("There is no action {name:?}{meant} There are: {}.", all.join(", "));
            ApiError::new(404, message).code("unknown_action")
        })
    }

    /// Refuses what it would not look at.
    ///
    /// # Errors
    /// A key that it does not have.
    pub(super) fn check(&self, given: &Map<String, Value>) -> Result<(), ApiError> {
        let Some(keys) = self.keys else { return Ok(()) };
        let own = given.keys().map(String::as_str).filter(|key| !COMMON.contains(key));
        refuse_unknown(&format!("The action {}", self.name), "key", own, keys)
    }
}

impl RoomRequest<'_> {
    /// Refuses what its route would not look at.
    ///
    /// # Errors
    /// A word of the query or of the body that the route does not have.
    pub(crate) fn check(&self) -> Result<(), ApiError> {
        let is = |pattern: &[&str]| {
            let each = || pattern.iter().zip(&self.path);
            pattern.len() == self.path.len() && each().all(|(wanted, given)| *wanted == "*" || wanted == given)
        };
        let found = ROUTES.iter().find(|(method, pattern, ..)| *method == self.method && is(pattern));
        let Some((method, _, query, keys)) = found else { return Ok(()) };
        let place = format!("{method} {}", self.target.split('?').next().unwrap_or_default());
        let asked = self.query.iter().map(|(name, _)| name.as_str());
        refuse_unknown(&place, "parameter in its query", asked, query)?;
        let Some(keys) = keys else { return Ok(()) };
        match serde_json::from_str(self.body) {
            Ok(Value::Object(body)) => refuse_unknown(&place, "key in its body", body.keys().map(String::as_str), keys),
            // What is no JSON, or no object, is refused by those who need one.
            _ => Ok(()),
        }
    }
}
