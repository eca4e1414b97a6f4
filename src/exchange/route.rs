//! From a path to an operation.

use crate::surface::router::{self, Matched};
use crate::url::{self, decode};
use serde_json::Value;

/// A path below `/v1`, and what was learned on the way there.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Normal {
    /// `/v1/chat/completions`.
    pub path: String,
    /// The path was one of Azure's: any model name is accepted.
    pub azure: bool,
    /// It is one of those that Azure asks `api-version` for: not below `/openai/v1/`.
    pub versioned: bool,
    /// `/openai/deployments/{deployment}/…`.
    pub deployment: Option<String>,
    /// `/_session/{name}/…`.
    pub session: Option<String>,
}

impl Normal {
    /// The model that the path names by its deployment, for a body that names none.
    pub(crate) fn model_for(&self, body: &Value) -> Option<&str> {
        self.deployment.as_deref().filter(|_| body.is_object() && body["model"].is_null())
    }
}

/// Brings every spelling of a path to `/v1/…`: without `/v1`, below `/openai`, a deployment, a session, a prefix.
pub(crate) fn normalize(path: &str, prefixes: &[String]) -> Normal {
    let mut rest = path;
    let mut normal = Normal { path: String::new(), azure: false, versioned: false, deployment: None, session: None };
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
        _ => {
            normal.versioned = normal.azure;
            rest
        }
    };
    let rest = rest.trim_end_matches('/');
    normal.path = format!("/v1{rest}");
    normal
}

/// Finds the operation of a normalised path.
pub(crate) fn find(method: &str, path: &str) -> Matched {
    router::find(method, path.strip_prefix("/v1").unwrap_or_default())
}

/// What a request asked that was kept with its target, path and query: the way there, the operation, the query's values.
pub(crate) fn of_target(method: &str, target: &str, prefixes: &[String]) -> (Normal, Matched, Vec<(String, String)>) {
    let (path, query) = target.split_once('?').unwrap_or((target, ""));
    let normal = normalize(path, prefixes);
    let route = find(method, &normal.path);
    (normal, route, url::query(query))
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
        assert_eq!((azure.azure, azure.versioned, azure.deployment.as_deref()), (true, true, Some("my gpt")));
        assert!(!normalize("/openai/v1/embeddings", &[]).versioned && normalize("/openai/files", &[]).versioned);
    }
}
