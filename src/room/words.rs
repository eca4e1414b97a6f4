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

/// The actions, each with the keys it takes beside those of all.
const ACTIONS: &[(&str, &[&str])] = &[
    ("answer", &["reply", "keep"]),
    ("send_response", &[]),
    ("claim", &[]),
    ("release", &[]),
    ("type", &["text"]),
    ("finish", &["finish_reason"]),
    ("cut", &[]),
    ("fallback", &["to"]),
    ("upstream", &[]),
    ("go", &[]),
    ("step", &[]),
    ("edit", &["reply", "text", "step"]),
    ("drop", &["step"]),
];

/// Keys of every action's message.
const COMMON: [&str; 5] = ["type", "id", "by", "force", "ref"];

/// Refuses what a route would not look at.
///
/// # Errors
/// A word of the query or of the body that it does not have.
pub(super) fn check(request: &RoomRequest) -> Result<(), ApiError> {
    let is = |pattern: &[&str]| {
        let each = || pattern.iter().zip(&request.path);
        pattern.len() == request.path.len() && each().all(|(wanted, given)| *wanted == "*" || wanted == given)
    };
    let found = ROUTES.iter().find(|(method, pattern, ..)| *method == request.method && is(pattern));
    let Some((method, _, query, keys)) = found else { return Ok(()) };
    let path = request.target.split('?').next().unwrap_or_default();
    let place = format!("{method} {path}");
    let asked = request.query.iter().map(|(name, _)| name.as_str());
    refuse_unknown(&place, "parameter in its query", asked, query)?;
    // What is no JSON, or no object, is refused by those who need one.
    match (keys, serde_json::from_str(request.body)) {
        (Some(keys), Ok(Value::Object(body))) => {
            refuse_unknown(&place, "key in its body", body.keys().map(String::as_str), keys)
        }
        _ => Ok(()),
    }
}

/// The action of this name.
///
/// # Errors
/// There is none.
pub(super) fn action(name: &str) -> Result<&'static str, ApiError> {
    ACTIONS.iter().map(|(action, _)| *action).find(|action| *action == name).ok_or_else(|| {
        let all: Vec<&str> = ACTIONS.iter().map(|(action, _)| *action).collect();
        let meant = near::meant(name, &all);
        let message = format!("There is no action {name:?}{meant} There are: {}.", all.join(", "));
        ApiError::new(404, message).code("unknown_action")
    })
}

/// Refuses what an action would not look at.
///
/// # Errors
/// A key that it does not have.
pub(super) fn check_action(action: &str, given: &Map<String, Value>) -> Result<(), ApiError> {
    let Some((_, keys)) = ACTIONS.iter().find(|(name, _)| *name == action && action != "send_response") else {
        return Ok(());
    };
    let own = given.keys().map(String::as_str).filter(|key| !COMMON.contains(key));
    refuse_unknown(&format!("The action {action}"), "key", own, keys)
}
