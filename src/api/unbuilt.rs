//! Resources of the OpenAI API that this version does not have yet. They are refused by name, so that nobody takes the
//! gap for a wrong path; rules of a script answer them, and the journal names them. `docs/deviations.md` lists them.

use super::error::ApiError;
use crate::call::{Call, HandlerFuture, Operation};
use std::sync::LazyLock;

/// First segments of their paths below `/v1`.
const RESOURCES: &[&str] = &[
    "agents",
    "assistants",
    "audio",
    "batches",
    "chatkit",
    "containers",
    "content_provenance_checks",
    "decisions",
    "evals",
    "files",
    "fine_tuning",
    "images",
    "live",
    "organization",
    "projects",
    "realtime",
    "safety",
    "skills",
    "threads",
    "uploads",
    "vaults",
    "vector_stores",
    "videos",
    "webhook_endpoints",
    "webhook_event_types",
];

/// Their operations, as the `openai` package names them: method, path, name.
pub static OPERATIONS: LazyLock<Vec<Operation>> = LazyLock::new(|| {
    let rows = include_str!("unbuilt.txt").lines().filter_map(|row| {
        let mut words = row.split(' ');
        Some(Operation {
            method: words.next()?,
            path: words.next()?,
            name: words.next()?,
            handler: refuse,
            turn: false,
        })
    });
    rows.collect()
});

/// What stands for paths below their resources that nobody knows.
pub static OTHER: Operation = Operation { method: "", path: "", name: "unknown", handler: refuse, turn: false };

/// Whether a normalised path belongs to a resource that is not built.
pub fn has(path: &str) -> bool {
    let first = path.strip_prefix("/v1/").and_then(|below| below.split('/').next());
    first.is_some_and(|first| RESOURCES.contains(&first))
}

fn refuse(call: Call) -> HandlerFuture {
    Box::pin(async move { Err(refusal(&call.method, &call.path)) })
}

/// 501, with the resource's name.
pub fn refusal(method: &str, path: &str) -> ApiError {
    let first = path.split('/').nth(2).unwrap_or_default();
    ApiError::not_built(format!(
        "LLEmulator does not have {method} {path} yet: /v1/{first} is not built in this version."
    ))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::api;

    #[test]
    fn what_is_built_is_not_refused() {
        for operation in api::OPERATIONS.iter().copied().flatten() {
            assert!(!has(&format!("/v1{}", operation.path)), "{}", operation.name);
        }
        assert!(has("/v1/files") && has("/v1/files/a/b/c") && !has("/v1/nothing") && !has("/v1"));
    }

    #[test]
    fn every_row_is_an_operation_of_a_resource_that_is_not_built() {
        assert_eq!(OPERATIONS.len(), include_str!("unbuilt.txt").lines().count());
        for operation in OPERATIONS.iter() {
            assert!(has(&format!("/v1{}", operation.path)), "{}", operation.path);
            assert!(["GET", "POST", "PUT", "PATCH", "DELETE"].contains(&operation.method), "{}", operation.name);
        }
        for resource in RESOURCES {
            let below = |operation: &&Operation| operation.path.split('/').nth(1) == Some(resource);
            assert!(OPERATIONS.iter().any(|operation| below(&operation)), "{resource}");
        }
    }
}
