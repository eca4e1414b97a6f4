//! The context window: input and output together must fit.

use crate::turn::models::Model;
use crate::wire::dialect::Dialect;
use crate::wire::error::ApiError;

/// Whether prompt and asked-for output fit the model. Call it when the prompt is counted.
///
/// The dialect decides the wording: Responses speaks of `input`, chat of `messages` (real-traffic.md §3B), legacy
/// completions and embeddings of a prompt (public issue threads: pingcap/autoflow 265, nicknochnack/LangchainDocuments 2).
///
/// # Errors
/// 400 `context_length_exceeded`; legacy completions and embeddings have no code.
pub(crate) fn context_length(
    model: &Model,
    prompt_tokens: u64,
    max_tokens: Option<u64>,
    dialect: Dialect,
) -> Result<(), ApiError> {
    let window = model.context_window;
    let refuse =
        |message: String, param: &str| Err(ApiError::invalid(message).param(param).code("context_length_exceeded"));
    if dialect == Dialect::Responses {
        // Responses cuts the output at the window; only the input has to fit.
        if prompt_tokens <= window {
            return Ok(());
        }
        let message = "Your input exceeds the context window of this model. Please adjust your input and try again.";
        return refuse(message.into(), "input");
    }
    let output = max_tokens.unwrap_or(0);
    let asked = prompt_tokens.saturating_add(output);
    if matches!(dialect, Dialect::Completions | Dialect::Embeddings) {
        let message = format!(
            "This model's maximum context length is {window} tokens, however you requested {asked} tokens \
             ({prompt_tokens} in your prompt; {output} for the completion). Please reduce your prompt; or completion \
             length."
        );
        return if asked > window { Err(ApiError::invalid(message)) } else { Ok(()) };
    }
    if prompt_tokens > window {
        let message = format!(
            "This model's maximum context length is {window} tokens. However, your messages resulted in \
             {prompt_tokens} tokens. Please reduce the length of the messages."
        );
        return refuse(message, "messages");
    }
    if asked > window {
        let message = format!(
            "This model's maximum context length is {window} tokens. However, you requested {asked} tokens \
             ({prompt_tokens} in the messages, {output} in the completion). Please reduce the length of the messages or \
             completion."
        );
        return refuse(message, "messages");
    }
    Ok(())
}
