//! Routes that concern a session by its name, or all sessions, where several replicas have them.

use super::key_of_name;
use crate::cluster::AskedElsewhere;
use crate::emulator::Emulator;
use crate::sorting;
use crate::url;
use crate::wire::error::ApiError;
use serde_json::Value;
use std::sync::Arc;

/// The key of the session that an emulator-wide route makes or ends by its name.
pub(crate) fn named(method: &str, path: &str, body: &[u8]) -> Option<String> {
    let below = path.strip_prefix("/_emulator/").or_else(|| path.strip_prefix("/api/"))?;
    match (method, below.split_once('/')) {
        ("DELETE", Some(("sessions", name))) if path.starts_with("/_emulator/") => {
            Some(key_of_name(&url::decode(name)))
        }
        ("POST", None) if below == "sessions" => {
            let given: Value = serde_json::from_slice(body).ok()?;
            Some(key_of_name(given.get("name")?.as_str()?))
        }
        _ => None,
    }
}

/// What concerns all sessions, where other replicas have some of them; `answer` = what this one says for its own.
///
/// # Errors
/// One of the replicas does not answer, or the store cannot be used.
pub(crate) async fn everywhere(
    emulator: &Arc<Emulator>,
    method: &str,
    path: &str,
    mut answer: Value,
) -> Result<Value, ApiError> {
    let (Some(cluster), "/_emulator/sessions") = (&emulator.cluster, path) else { return Ok(answer) };
    if !matches!(method, "GET" | "DELETE") {
        return Ok(answer);
    }
    let asked = AskedElsewhere { method, target: path, body: "", operator: "" };
    for (status, mut told) in emulator.ask_others(&asked).await? {
        if status >= 400 {
            return Err(ApiError::told(status, &told));
        }
        if let (Some(data), Some(more)) = (answer["data"].as_array_mut(), told["data"].as_array_mut()) {
            data.append(more);
        }
    }
    if let Some(data) = answer["data"].as_array_mut() {
        sorting::by_key(data, |session| session["name"].as_str().unwrap_or_default().to_string());
    }
    if method == "DELETE" {
        cluster.store.wipe().await?;
    }
    Ok(answer)
}
