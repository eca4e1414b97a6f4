//! The control routes, each once: what `GET /_emulator` lists, and what a wrong path or method is told.

use crate::near::nearest;
use crate::wire::error::ApiError;
use serde_json::{Map, Value, json};

/// One control route.
pub(crate) struct Route {
    pub method: &'static str,
    /// `{name}` stands for any one segment.
    pub path: &'static str,
    /// What it does, in a line.
    pub about: &'static str,
}

const fn route(method: &'static str, path: &'static str, about: &'static str) -> Route {
    Route { method, path, about }
}

/// All of them. Those of sessions act on the session of the key that is sent.
pub(crate) const ROUTES: &[Route] = &[
    route("GET", "/_emulator", "this list"),
    route("POST", "/_emulator/script", "load the script in the body; \"reset\": true forgets everything before"),
    route("GET", "/_emulator/verify", "whether every reply was used and every request scripted; the transcript"),
    route("GET", "/_emulator/requests", "the journal, oldest first; ?since=<number>, ?last=<count>, ?limit=<count>"),
    route("DELETE", "/_emulator/requests", "empty the journal"),
    route("POST", "/_emulator/reset", "forget script, journal, stored objects, limits and clock"),
    route("GET", "/_emulator/clock", "its mode, its time, what waits for it"),
    route("PUT", "/_emulator/clock", "{\"advance_ms\": 1000} advances it"),
    route("POST", "/_emulator/release/{name}", "let answers go on that a hold of this name stopped"),
    route("GET", "/_emulator/state", "rules and how often they were used, models, clock; needs --debug true"),
    route("POST", "/_emulator/shared-script", "load a script for every session without its own"),
    route("GET", "/_emulator/sessions", "all sessions"),
    route("POST", "/_emulator/sessions", "{\"name\": …, \"clock\"?, \"seed\"?} makes one and gives its API key"),
    route("DELETE", "/_emulator/sessions", "end all sessions"),
    route("DELETE", "/_emulator/sessions/{name}", "end one session"),
];

/// The list as `GET /_emulator` gives it.
pub(crate) fn list() -> Value {
    let lines = ROUTES.iter().map(|route| (format!("{} {}", route.method, route.path), Value::from(route.about)));
    json!({
        "service": "llemulator",
        "version": env!("CARGO_PKG_VERSION"),
        "routes": lines.collect::<Map<_, _>>(),
    })
}

/// Why nothing answers: the path has other methods, or there is no such path.
pub(crate) fn unknown(method: &str, path: &str) -> ApiError {
    let methods: Vec<&str> =
        ROUTES.iter().filter(|route| matches(route.path, path)).map(|route| route.method).collect();
    if !methods.is_empty() {
        let allow = methods.join(", ");
        return ApiError::new(405, format!("The control route {path} takes {allow}, not {method}."))
            .header("allow", &allow);
    }
    let below = |path: &'static str| path.strip_prefix("/_emulator/");
    let given = path.strip_prefix("/_emulator/").unwrap_or_default();
    let meant = nearest(given, ROUTES.iter().filter_map(|route| below(route.path)));
    let meant = meant.map(|near| format!("; did you mean /_emulator/{near}?")).unwrap_or_else(|| ".".into());
    ApiError::new(404, format!("There is no control route {path}{meant} GET /_emulator lists them all."))
        .code("unknown_control_route")
}

/// Whether a route answers this.
pub(crate) fn is_known(method: &str, path: &str) -> bool {
    ROUTES.iter().any(|route| route.method == method && matches(route.path, path))
}

/// Whether a path is one of this pattern.
fn matches(pattern: &str, path: &str) -> bool {
    match pattern.strip_suffix("{name}") {
        Some(before) => path.strip_prefix(before).is_some_and(|name| !name.is_empty()),
        None => pattern == path,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_wrong_path_and_a_wrong_method_are_told_what_would_be_right() {
        let message = |method, path| unknown(method, path).message;
        assert!(message("POST", "/_emulator/scripts").contains("did you mean /_emulator/script? GET /_emulator lists"));
        assert!(message("GET", "/_emulator/xyzzy").contains("no control route /_emulator/xyzzy. GET /_emulator lists"));
        let error = unknown("PATCH", "/_emulator/requests");
        assert_eq!(
            (error.status, error.message.as_str()),
            (405, "The control route /_emulator/requests takes GET, DELETE, not PATCH.")
        );
        assert_eq!(unknown("GET", "/_emulator/release/a").status, 405);
        assert_eq!(unknown("POST", "/_emulator/release/").status, 404);
    }
}
