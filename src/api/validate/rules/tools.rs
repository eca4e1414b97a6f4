//! Rules of tools and tool choice, in chat's form and in that of Responses.

use crate::api::validate::rules::{Faults, Phase, given};
use crate::wire::error::ApiError;
use crate::wire::field::field;
use crate::wire::field::find;
use serde_json::Value;

/// Chat: functions stand in `tools[i].function`.
pub(super) fn chat(body: &Value, faults: &mut Faults) {
    let tools = find(body, "tools").and_then(Value::as_array).map_or(&[][..], Vec::as_slice);
    for (at, tool) in tools.iter().enumerate() {
        schema(&tool["function"], faults, || format!("tools[{at}].function.parameters"));
    }
    if given(body, "tools").is_none() {
        for param in ["tool_choice", "parallel_tool_calls"] {
            if given(body, param).is_some() {
                faults.at(param, || Some(without_tools(param)));
            }
        }
    } else if let Some(name) = field(body, "tool_choice")["function"]["name"].as_str() {
        faults.at("tool_choice", || {
            let known = tools.iter().any(|tool| tool["function"]["name"] == name);
            let message = format!(
                "Invalid value for 'tool_choice': no function named '{name}' was specified in the 'tools' parameter."
            );
            (!known).then(|| ApiError::invalid(message).param("tool_choice"))
        });
    }
}

fn without_tools(param: &str) -> ApiError {
    let message = format!("Invalid value for '{param}': '{param}' is only allowed when 'tools' are specified.");
    ApiError::invalid(message).param(param)
}

/// Responses: a function tool is flat.
pub(super) fn responses(body: &Value, faults: &mut Faults) {
    let tools = find(body, "tools").and_then(Value::as_array).map_or(&[][..], Vec::as_slice);
    for (at, tool) in tools.iter().enumerate().filter(|(_, tool)| tool["type"] == "function") {
        schema(tool, faults, || format!("tools[{at}].parameters"));
    }
    let choice = field(body, "tool_choice");
    let kind = choice["type"].as_str().unwrap_or_default();
    if matches!(kind, "function" | "custom") && choice["name"].is_string() {
        faults.after(Phase::Capability, || {
            // Tools may also come with earlier input; only what is offered here can be forced here.
            let known = tools.iter().any(|tool| tool["type"] == kind && tool["name"] == choice["name"]);
            let offered_elsewhere =
                tools.iter().any(|tool| matches!(tool["type"].as_str(), Some("namespace" | "tool_search" | "mcp")));
            let message = format!("Tool choice '{kind}' not found in 'tools' parameter.");
            (!known && !offered_elsewhere).then(|| ApiError::invalid(message).param("tool_choice"))
        });
    }
    if choice == "required" && tools.is_empty() && given(body, "prompt").is_none() {
        faults.after(Phase::Capability, || {
            let message = "Tool choice 'required' must be specified with 'tools' parameter.";
            Some(ApiError::invalid(message).param("tool_choice"))
        });
    }
}

/// The schema of a function's parameters.
fn schema(function: &Value, faults: &mut Faults, param: impl FnOnce() -> String) {
    let Some(parameters) = given(function, "parameters") else { return };
    faults.schema("tools", parameters, function["strict"] == true, |what| {
        let name = function["name"].as_str().unwrap_or_default();
        let message = format!("Invalid schema for function '{name}': {what}");
        ApiError::invalid(message).param(param()).code("invalid_function_parameters")
    });
}
