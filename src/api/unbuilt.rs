//! Resources of the OpenAI API that this version does not have yet. They are refused by name, so that nobody takes the
//! gap for a wrong path; `docs/deviations.md` lists them.

use super::error::ApiError;

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

/// 501 if a normalised path belongs to a resource that is not built.
pub fn refusal(method: &str, path: &str) -> Option<ApiError> {
    let first = path.strip_prefix("/v1/")?.split('/').next()?;
    RESOURCES.contains(&first).then(|| {
        ApiError::not_built(format!(
            "LLEmulator does not have {method} {path} yet: /v1/{first} is not built in this version."
        ))
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::api::OPERATIONS;

    #[test]
    fn what_is_built_is_not_refused() {
        for operation in OPERATIONS.iter().copied().flatten() {
            assert!(refusal(operation.method, &format!("/v1{}", operation.path)).is_none(), "{}", operation.name);
        }
        assert_eq!(refusal("POST", "/v1/files").map(|error| error.status), Some(501));
        assert!(refusal("POST", "/v1/nothing").is_none());
    }
}
