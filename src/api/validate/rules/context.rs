//! The context window: input and output together must fit.

use crate::api::error::ApiError;
use crate::api::models::Model;

/// Whether prompt and asked-for output fit the model. Call it when the prompt is counted.
///
/// `operation` decides the wording: Responses speaks of `input`, the others of `messages` (real-traffic.md §3B).
///
/// # Errors
/// 400 `context_length_exceeded`.
pub fn context_length(
    model: &Model,
    prompt_tokens: u64,
    max_tokens: Option<u64>,
    operation: &str,
) -> Result<(), ApiError> {
    let window = model.context_window;
    let refuse =
        |message: String, param: &str| Err(ApiError::invalid(message).param(param).code("context_length_exceeded"));
    if operation.starts_with("responses") {
        // Responses cuts the output at the window; only the input has to fit.
        if prompt_tokens <= window {
            return Ok(());
        }
        let message = "Your input exceeds the context window of this model. Please adjust your input and try again.";
        return refuse(message.into(), "input");
    }
    if prompt_tokens > window {
        let message = format!(
            "This model's maximum context length is {window} tokens. However, your messages resulted in \
             {prompt_tokens} tokens. Please reduce the length of the messages."
        );
        return refuse(message, "messages");
    }
    let asked = prompt_tokens.saturating_add(max_tokens.unwrap_or(0));
    if asked > window {
        let message = format!(
            "This model's maximum context length is {window} tokens. However, you requested {asked} tokens \
             ({prompt_tokens} in the messages, {} in the completion). Please reduce the length of the messages or \
             completion.",
            max_tokens.unwrap_or(0)
        );
        return refuse(message, "messages");
    }
    Ok(())
}
