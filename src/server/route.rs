//! From a path to an operation.

use crate::api::{OPERATIONS, unbuilt};
use crate::call::Operation;
use crate::url::decode;
use std::sync::LazyLock;

/// What a path leads to.
pub enum Route {
    /// An operation, the values in its path, and whether the path is one of Azure's.
    Operation(&'static Operation, Vec<(&'static str, String)>),
    /// The path exists with these methods.
    WrongMethod(String),
    Unknown,
}

impl Route {
    /// The operation's name; the empty string where there is none.
    pub fn name(&self) -> &'static str {
        match self {
            Route::Operation(operation, _) => operation.name,
            _ => "",
        }
    }
}

/// A path below `/v1`, and what was learned on the way there.
#[derive(Debug, PartialEq, Eq)]
pub struct Normal {
    /// `/v1/chat/completions`.
    pub path: String,
    /// The path was one of Azure's: any model name is accepted.
    pub azure: bool,
    /// `/openai/deployments/{deployment}/…`.
    pub deployment: Option<String>,
    /// `/_session/{name}/…`.
    pub session: Option<String>,
}

/// Brings every spelling of a path to `/v1/…`: without `/v1`, below `/openai`, a deployment, a session, a prefix.
pub fn normalize(path: &str, prefixes: &[String]) -> Normal {
    let mut rest = path;
    let mut normal = Normal { path: String::new(), azure: false, deployment: None, session: None };
    let shorter;
    if path.contains("//") {
        // SDKs join base and path; a base that ends in a slash gives two.
        shorter = path.split('/').filter(|segment| !segment.is_empty()).fold(String::new(), |all, one| all + "/" + one);
        rest = &shorter;
    }
    if let Some((name, tail)) = rest.strip_prefix("/_session/").and_then(|tail| tail.split_once('/')) {
        normal.session = Some(decode(name));
        rest = &rest[rest.len() - tail.len() - 1..];
    }
    for prefix in prefixes {
        let prefix = prefix.trim_matches('/');
        if let Some(tail) = rest.strip_prefix('/').and_then(|tail| tail.strip_prefix(prefix))
            && tail.starts_with('/')
        {
            rest = tail;
            break;
        }
    }
    if let Some(tail) = rest.strip_prefix("/openai/") {
        normal.azure = true;
        rest = &rest[rest.len() - tail.len() - 1..];
        if let Some((name, tail)) = rest.strip_prefix("/deployments/").and_then(|tail| tail.split_once('/')) {
            normal.deployment = Some(decode(name));
            rest = &rest[rest.len() - tail.len() - 1..];
        }
    }
    let rest = match rest.strip_prefix("/v1") {
        Some(tail) if tail.is_empty() || tail.starts_with('/') => tail,
        _ => rest,
    };
    let rest = rest.trim_end_matches('/');
    normal.path = format!("/v1{rest}");
    normal
}

/// An operation's path, cut into segments once.
struct Pattern {
    operation: &'static Operation,
    segments: Vec<Segment>,
}

enum Segment {
    Word(&'static str),
    Value(&'static str),
    Rest(&'static str),
}

static BUILT: LazyLock<Vec<Pattern>> = LazyLock::new(|| patterns(OPERATIONS.iter().copied().flatten()));
static UNBUILT: LazyLock<Vec<Pattern>> = LazyLock::new(|| patterns(unbuilt::OPERATIONS.iter()));

fn patterns(operations: impl Iterator<Item = &'static Operation>) -> Vec<Pattern> {
    operations
        .map(|operation| {
            let segments = operation.path.split('/').skip(1).map(|segment| {
                match segment.strip_prefix('{').and_then(|inner| inner.strip_suffix('}')) {
                    None => Segment::Word(segment),
                    Some(inner) => match inner.strip_suffix('*') {
                        Some(name) => Segment::Rest(name),
                        None => Segment::Value(inner),
                    },
                }
            });
            Pattern { operation, segments: segments.collect() }
        })
        .collect()
}

/// Finds the operation of a normalised path.
pub fn find(method: &str, path: &str) -> Route {
    let below = path.strip_prefix("/v1/").unwrap_or_default();
    let segments: Vec<&str> = below.split('/').collect();
    let mut allowed: Vec<&str> = Vec::new();
    if unbuilt::has(path) {
        let rows = UNBUILT.iter().filter(|pattern| pattern.operation.method == method);
        let known = rows.filter_map(|pattern| Some((pattern.operation, pattern.matches(&segments)?)));
        // A word is closer than a value that stands for any.
        let closest = known.min_by_key(|(_, params)| params.len());
        let (operation, params) = closest.unwrap_or((&unbuilt::OTHER, Vec::new()));
        return Route::Operation(operation, params);
    }
    for pattern in BUILT.iter() {
        let Some(params) = pattern.matches(&segments) else { continue };
        if pattern.operation.method == method {
            return Route::Operation(pattern.operation, params);
        }
        if !allowed.contains(&pattern.operation.method) {
            allowed.push(pattern.operation.method);
        }
    }
    if allowed.is_empty() { Route::Unknown } else { Route::WrongMethod(allowed.join(", ")) }
}

impl Pattern {
    fn matches(&self, given: &[&str]) -> Option<Vec<(&'static str, String)>> {
        let rest = matches!(self.segments.last(), Some(Segment::Rest(_)));
        if given.len() < self.segments.len() || (!rest && given.len() > self.segments.len()) {
            return None;
        }
        let mut params = Vec::new();
        for (index, segment) in self.segments.iter().enumerate() {
            match segment {
                Segment::Word(word) if given.get(index) == Some(word) => {}
                Segment::Word(_) => return None,
                Segment::Value(name) => params.push((*name, decode(given.get(index)?))),
                Segment::Rest(name) => params.push((*name, decode(&given[index..].join("/")))),
            }
        }
        Some(params)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_spelling_leads_to_v1() {
        for path in [
            "/v1/chat/completions",
            "/chat/completions",
            "/openai/v1/chat/completions",
            "//v1/chat/completions",
            "/openai/deployments/x/chat/completions",
            "/_session/a/v1/chat/completions",
            "/proxy/v1/chat/completions/",
        ] {
            assert_eq!(normalize(path, &["proxy".into()]).path, "/v1/chat/completions", "{path}");
        }
        let azure = normalize("/openai/deployments/my%20gpt/embeddings", &[]);
        assert_eq!((azure.azure, azure.deployment.as_deref()), (true, Some("my gpt")));
    }

    #[test]
    fn model_ids_may_hold_slashes() {
        let Route::Operation(operation, params) = find("GET", "/v1/models/org/gpt-4") else { panic!("no route") };
        assert_eq!((operation.name, params[0].1.as_str()), ("models.retrieve", "org/gpt-4"));
        assert!(matches!(find("GET", "/v1/chat"), Route::Unknown));
        assert!(matches!(find("PUT", "/v1/chat/completions"), Route::WrongMethod(_)));
    }

    #[test]
    fn what_is_not_built_has_its_name() {
        for (method, path, name) in [
            ("POST", "/v1/files", "files.create"),
            ("GET", "/v1/files/file-1/content", "files.content"),
            ("POST", "/v1/images/generations", "images.generate"),
            ("POST", "/v1/audio/transcriptions", "audio.transcriptions.create"),
            ("GET", "/v1/agents/sessions", "beta.agents.sessions.list"),
            ("GET", "/v1/agents/agent_1", "beta.agents.retrieve"),
            ("POST", "/v1/fine_tuning/jobs/ft-1/cancel", "fine_tuning.jobs.cancel"),
            ("GET", "/v1/threads/thread_1/messages", "beta.threads.messages.list"),
            ("PUT", "/v1/files", "unknown"),
            ("POST", "/v1/realtime/anything/else", "unknown"),
        ] {
            assert_eq!(find(method, path).name(), name, "{method} {path}");
        }
    }
}
