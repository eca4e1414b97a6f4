//! Whether a request is answered with tool calls, with JSON or with text: one order for echo and generate.

use crate::budget::Spent;
use crate::generate::tools;
use crate::prompt::{Format, Prompt};
use crate::reply::ToolCall;
use crate::wire::dialect::Dialect;

/// What an answer consists of.
#[derive(Debug)]
pub(crate) enum PlausibleAnswer {
    Calls(Vec<ToolCall>),
    Json,
    Text,
}

/// A forced tool comes first. Else on chat an output schema beats tools, on Responses tools beat the output format
/// (seeds.md §5, conflict 6); `calls` makes the calls.
///
/// # Errors
/// Those of `calls`.
pub(crate) fn answer(
    prompt: &Prompt,
    calls: impl FnOnce() -> Result<Vec<ToolCall>, Spent>,
) -> Result<PlausibleAnswer, Spent> {
    let wants_json = prompt.format != Format::Text;
    let has_schema = matches!(prompt.format, Format::JsonSchema { .. });
    if has_schema && !tools::is_forced(prompt) && prompt.dialect != Dialect::Responses {
        return Ok(PlausibleAnswer::Json);
    }
    Ok(match calls()? {
        calls if !calls.is_empty() => PlausibleAnswer::Calls(calls),
        _ if wants_json => PlausibleAnswer::Json,
        _ => PlausibleAnswer::Text,
    })
}
