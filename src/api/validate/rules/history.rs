//! Whether the items of a Responses conversation belong together: calls have outputs, outputs have calls.

use crate::api::error::ApiError;
use serde_json::Value;

/// Call type → type of its output.
const PAIRS: &[(&str, &str, &str)] = &[
    ("function_call", "function_call_output", "function call"),
    ("custom_tool_call", "custom_tool_call_output", "custom tool call"),
    ("local_shell_call", "local_shell_call_output", "local shell call"),
    ("shell_call", "shell_call_output", "shell call"),
    ("apply_patch_call", "apply_patch_call_output", "apply patch call"),
    ("computer_call", "computer_call_output", "computer call"),
];

/// Checks the whole resolved conversation: the items of `previous_response_id` or `conversation` first, then the input.
/// Item references are taken as they are, so resolve them before.
///
/// # Errors
/// 400 with param `input` (real-traffic.md §3B).
pub fn conversation<'a>(items: impl IntoIterator<Item = &'a Value>) -> Result<(), ApiError> {
    let items: Vec<&Value> = items.into_iter().collect();
    let refuse = |message: String| Err(ApiError::invalid(message).param("input"));
    for item in &items {
        let kind = item["type"].as_str().unwrap_or_default();
        let Some(call_id) = item["call_id"].as_str() else { continue };
        let has = |wanted: &str| items.iter().any(|other| other["type"] == wanted && other["call_id"] == call_id);
        for (call, output, name) in PAIRS {
            // A shell the server runs itself answers its own calls.
            if kind == *call && *call != "shell_call" && !has(output) {
                return refuse(format!("No tool output found for {name} {call_id}."));
            }
            if kind == *output && !has(call) {
                return refuse(format!("No tool call found for {name} output with call_id {call_id}."));
            }
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn calls_and_outputs_belong_together() {
        let call = json!({"type": "function_call", "call_id": "call_1", "name": "f", "arguments": "{}"});
        let output = json!({"type": "function_call_output", "call_id": "call_1", "output": "1"});
        let user = json!({"role": "user", "content": "hi"});
        assert_eq!(conversation([&user, &call, &output]), Ok(()));
        let error = conversation([&call, &user]).unwrap_err();
        assert_eq!(error.message, "No tool output found for function call call_1.");
        assert_eq!((error.param.as_deref(), error.code), (Some("input"), None));
        let error = conversation([&output]).unwrap_err();
        assert_eq!(error.message, "No tool call found for function call output with call_id call_1.");
    }
}
