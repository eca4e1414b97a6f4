//! The control routes, each once: what `GET /_emulator` lists, and what a wrong path, method, query or key is told.

use crate::near::{self, nearest};
use crate::wire::error::{ApiError, quoted_list};
use serde_json::{Map, Value, json};

/// One control route.
pub(crate) struct Route {
    pub method: &'static str,
    /// `{name}` stands for any one segment.
    pub path: &'static str,
    /// What it does, in a line.
    pub about: &'static str,
    /// Numbers that may stand in the query.
    query: &'static [&'static str],
    /// Keys of its body; `None` = a script, whose loader knows them.
    keys: Option<&'static [&'static str]>,
}

/// A route that takes neither a query nor a body.
const fn route(method: &'static str, path: &'static str, about: &'static str) -> Route {
    Route { method, path, about, query: &[], keys: Some(&[]) }
}

/// All of them. Those of sessions act on the session of the key that is sent.
pub(crate) const ROUTES: &[Route] = &[
    route("GET", "/_emulator", "this list"),
    Route {
        keys: None,
        ..route("POST", "/_emulator/script", "load the script in the body; \"reset\": true forgets everything before")
    },
    route("GET", "/_emulator/verify", "whether every reply was used and every request scripted; the transcript"),
    Route {
        query: &["since", "last", "limit"],
        ..route(
            "GET",
            "/_emulator/requests",
            "the journal, oldest first; ?since=<number>, ?last=<count>, ?limit=<count>",
        )
    },
    route("DELETE", "/_emulator/requests", "empty the journal"),
    route("POST", "/_emulator/reset", "forget script, journal, stored objects, limits and clock"),
    route("GET", "/_emulator/clock", "its mode, its time, what waits for it"),
    Route {
        keys: Some(&["advance_ms", "advance"]),
        ..route("PUT", "/_emulator/clock", "{\"advance_ms\": 1000} advances it")
    },
    route("POST", "/_emulator/release/{name}", "let answers go on that a hold of this name stopped"),
    route("GET", "/_emulator/state", "rules and how often they were used, models, clock; needs --debug true"),
    Route {
        keys: None,
        ..route("POST", "/_emulator/shared-script", "load a script for every session without its own")
    },
    route("GET", "/_emulator/sessions", "all sessions"),
    Route {
        keys: Some(&["name", "clock", "seed"]),
        ..route("POST", "/_emulator/sessions", "{\"name\": …, \"clock\"?, \"seed\"?} makes one and gives its API key")
    },
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
    find(method, path).is_some()
}

/// The route that answers this.
fn find(method: &str, path: &str) -> Option<&'static Route> {
    ROUTES.iter().find(|route| route.method == method && matches(route.path, path))
}

/// Refuses what the route would not look at: a mistyped word would change nothing, and nobody would know.
///
/// # Errors
/// A word of the query or of the body that the route does not have, or a number that is none.
pub(crate) fn check(method: &str, path: &str, query: &[(String, String)], body: &str) -> Result<(), ApiError> {
    let Some(route) = find(method, path) else { return Ok(()) };
    let place = format!("{method} {}", route.path);
    refuse_unknown(&place, "parameter in its query", query.iter().map(|(name, _)| name.as_str()), route.query)?;
    for (name, value) in query {
        if value.parse::<u64>().is_err() {
            return Err(ApiError::invalid_type(name, "an integer from 0", &Value::from(value.as_str())));
        }
    }
    let Some(keys) = route.keys else { return Ok(()) };
    match serde_json::from_str(body) {
        Ok(Value::Object(body)) => refuse_unknown(&place, "key in its body", body.keys().map(String::as_str), keys),
        Ok(other) if !keys.is_empty() => Err(ApiError::invalid_type("body", "an object", &other)),
        // What is no JSON is refused by those who need some.
        _ => Ok(()),
    }
}

/// Refuses the first word that a place does not know; it says which was meant, and which there are.
pub(crate) fn refuse_unknown<'a>(
    place: &str,
    kind: &str,
    mut given: impl Iterator<Item = &'a str>,
    known: &[&str],
) -> Result<(), ApiError> {
    let Some(word) = given.find(|word| !known.contains(word)) else { return Ok(()) };
    let meant = near::meant(word, known);
    let takes = if known.is_empty() { "It takes none.".into() } else { format!("It takes {}.", quoted_list(known)) };
    Err(ApiError::invalid(format!("{place} has no {kind} {word:?}{meant} {takes}"))
        .param(word)
        .code("unknown_parameter"))
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

    #[test]
    fn what_a_route_would_not_look_at_is_refused() {
        let check = |method, target: &str, body| {
            let (path, query) = target.split_once('?').unwrap_or((target, ""));
            check(method, path, &crate::url::query(query), body).map_err(|error| error.message)
        };
        for (method, target, body, words) in [
            (
                "POST",
                "/_emulator/sessions",
                r#"{"name": "a", "clok": "manual"}"#,
                "no key in its body \"clok\"; did you mean \"clock\"?",
            ),
            ("PUT", "/_emulator/clock", r#"{"advance_ms": 1, "by": 2}"#, "It takes 'advance_ms' and 'advance'."),
            ("PUT", "/_emulator/clock", "[1]", "expected an object, but got an array"),
            ("POST", "/_emulator/reset", r#"{"journal": true}"#, "It takes none."),
            ("POST", "/_emulator/release/a", r#"{"name": "b"}"#, "POST /_emulator/release/{name} has no key"),
            ("POST", "/_emulator/script?reset=true", "{}", "no parameter in its query \"reset\""),
            ("GET", "/_emulator/requests?sinse=3", "", "did you mean \"since\"?"),
            ("GET", "/_emulator/requests?last=few", "", "Invalid type for 'last'"),
            ("GET", "/_emulator/requests?since=-1", "", "Invalid type for 'since'"),
            ("GET", "/_emulator/verify?strict", "", "no parameter in its query \"strict\""),
        ] {
            let message = check(method, target, body).expect_err(target);
            assert!(message.contains(words), "{message}");
        }
        for (method, target, body) in [
            ("POST", "/_emulator/sessions", r#"{"name": "a", "clock": null}"#),
            ("PUT", "/_emulator/clock", r#"{"advance_ms": 1}"#),
            ("POST", "/_emulator/reset", ""),
            ("POST", "/_emulator/reset", "now"),
            ("DELETE", "/_emulator/requests", "{}"),
            ("POST", "/_emulator/script", r#"{"anything": "is the loader's"}"#),
            ("GET", "/_emulator/requests?since=1&last=2&limit=3", ""),
            ("GET", "/nowhere?a=b", "{}"),
        ] {
            assert_eq!(check(method, target, body), Ok(()), "{target}");
        }
    }
}
