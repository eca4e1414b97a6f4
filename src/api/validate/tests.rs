//! One row per message: operation, body, then what OpenAI says. Rows marked in their comment with an id are recordings.

use super::*;
use crate::api::models;
use serde_json::json;

/// Checks a body at level full.
pub fn full(operation: &str, value: &Value) -> Result<(), ApiError> {
    let model = value.get("model").and_then(Value::as_str).and_then(models::find);
    let context = Context { level: Level::Full, relaxed: false, azure: false, model: model.as_ref() };
    body(operation, value, &context)
}

/// A chat body with these fields.
fn chat(extra: Value) -> Value {
    merge(json!({"model": "gpt-4o", "messages": [{"role": "user", "content": "ping"}]}), extra)
}

/// The same for a model that thinks unless told otherwise.
fn thinking(extra: Value) -> Value {
    chat(merge(json!({"model": "gpt-5.6-terra"}), extra))
}

fn responses(extra: Value) -> Value {
    merge(json!({"model": "gpt-5.6-terra", "input": "ping", "max_output_tokens": 16}), extra)
}

fn merge(mut base: Value, extra: Value) -> Value {
    for (key, value) in extra.as_object().unwrap() {
        if value == "__absent__" {
            base.as_object_mut().unwrap().shift_remove(key);
        } else {
            base[key] = value.clone();
        }
    }
    base
}

/// `(body, param, code, message)`.
type Row = (Value, &'static str, &'static str, &'static str);

fn check_rows(operation: &str, rows: Vec<Row>) {
    for (body, param, code, message) in rows {
        let error = full(operation, &body).expect_err(&format!("{body} passes"));
        assert_eq!(error.message, message, "{body}");
        assert_eq!(error.param.unwrap_or_default(), param, "{body}");
        assert_eq!(error.code.unwrap_or_default(), code, "{body}");
        assert_eq!((error.status, error.kind.as_deref()), (400, Some("invalid_request_error")), "{body}");
    }
}

fn metadata(properties: usize) -> Value {
    Value::Object((0..properties).map(|at| (format!("k{at}"), json!("v"))).collect())
}

#[test]
fn chat_schema() {
    let tool = json!([{"type": "function", "function": {"name": "f"}}]);
    check_rows(
        "chat.completions.create",
        vec![
            (chat(json!({"model": "__absent__"})), "", "", "you must provide a model parameter"),
            (chat(json!({"model": ""})), "", "", "you must provide a model parameter"),
            (
                chat(json!({"messages": "__absent__", "zzz": 1})),
                "messages",
                "missing_required_parameter",
                "Missing required parameter: 'messages'.",
            ),
            (
                chat(json!({"messages": []})),
                "messages",
                "empty_array",
                "Invalid 'messages': empty array. Expected an array with minimum length 1, but got an empty array instead.",
            ),
            (
                chat(json!({"messages": "ping"})),
                "messages",
                "invalid_type",
                "Invalid type for 'messages': expected an array of objects, but got a string instead.",
            ),
            (
                chat(json!({"messages": ["ping"]})),
                "messages[0]",
                "invalid_type",
                "Invalid type for 'messages[0]': expected an object, but got a string instead.",
            ),
            (
                chat(json!({"messages": [{"content": "x"}]})),
                "messages[0].role",
                "missing_required_parameter",
                "Missing required parameter: 'messages[0].role'.",
            ),
            (
                chat(json!({"messages": [{"role": "bogus", "content": "x"}]})),
                "messages[0].role",
                "invalid_value",
                "Invalid value: 'bogus'. Supported values are: 'system', 'assistant', 'user', 'function', 'tool', and 'developer'.",
            ),
            (
                chat(json!({"messages": [{"role": "user", "content": 7}]})),
                "messages[0].content",
                "invalid_type",
                "Invalid type for 'messages[0].content': expected one of a string or array of objects, but got an integer instead.",
            ),
            (
                chat(json!({"messages": [{"role": "user", "content": {"a": 1}}]})),
                "messages[0].content",
                "invalid_type",
                "Invalid type for 'messages[0].content': expected one of a string or array of objects, but got an object instead.",
            ),
            (
                chat(json!({"messages": [{"role": "user", "content": [{"type": "input_text", "text": "x"}]}]})),
                "messages[0].content[0].type",
                "invalid_value",
                "Invalid value: 'input_text'. Supported values are: 'text', 'image_url', 'input_audio', 'refusal', 'audio', and 'file'.",
            ),
            (
                chat(
                    json!({"messages": [{"role": "user", "content": "x"}, {"role": "assistant", "content": "x", "tool_calls": []}]}),
                ),
                "messages[1].tool_calls",
                "empty_array",
                "Invalid 'messages[1].tool_calls': empty array. Expected an array with minimum length 1, but got an empty array instead.",
            ),
            (
                chat(json!({"zzz_unknown": 1, "n": "abc"})),
                "zzz_unknown",
                "unknown_parameter",
                "Unknown parameter: 'zzz_unknown'.",
            ),
            (chat(json!({"reasoning": {}})), "reasoning", "unknown_parameter", "Unknown parameter: 'reasoning'."),
            (
                chat(json!({"stor": 1})),
                "stor",
                "unknown_parameter",
                "Unknown parameter: 'stor'. Did you mean 'stop' or 'store'?",
            ),
            (chat(json!({"messagess": 1})), "messagess", "unknown_parameter", "Unknown parameter: 'messagess'."),
            (
                chat(json!({"n": "2"})),
                "n",
                "invalid_type",
                "Invalid type for 'n': expected an integer, but got a string instead.",
            ),
            (
                chat(json!({"n": 0})),
                "n",
                "integer_below_min_value",
                "Invalid 'n': integer below minimum value. Expected a value >= 1, but got 0 instead.",
            ),
            (
                chat(json!({"n": 200})),
                "n",
                "integer_above_max_value",
                "Invalid 'n': integer above maximum value. Expected a value <= 128, but got 200 instead.",
            ),
            (
                chat(json!({"temperature": "hot"})),
                "temperature",
                "invalid_type",
                "Invalid type for 'temperature': expected a decimal, but got a string instead.",
            ),
            (
                chat(json!({"temperature": 2.5})),
                "temperature",
                "decimal_above_max_value",
                "Invalid 'temperature': decimal above maximum value. Expected a value <= 2, but got 2.5 instead.",
            ),
            (
                chat(json!({"presence_penalty": -3})),
                "presence_penalty",
                "decimal_below_min_value",
                "Invalid 'presence_penalty': decimal below minimum value. Expected a value >= -2, but got -3 instead.",
            ),
            (
                chat(json!({"store": "yes"})),
                "store",
                "invalid_type",
                "Invalid type for 'store': expected a boolean, but got a string instead.",
            ),
            (
                chat(json!({"tool_choice": 7})),
                "tool_choice",
                "invalid_type",
                "Invalid type for 'tool_choice': expected one of one of 'none', 'auto', or 'required' or object, but got an integer instead.",
            ),
            (
                chat(json!({"tools": tool, "tool_choice": "bogus"})),
                "tool_choice",
                "invalid_value",
                "Invalid value: 'bogus'. Supported values are: 'none', 'auto', and 'required'.",
            ),
            (
                chat(json!({"tools": tool, "tool_choice": {"type": "bogus"}})),
                "tool_choice.function",
                "missing_required_parameter",
                "Missing required parameter: 'tool_choice.function'.",
            ),
            (
                chat(json!({"tools": [{"type": "function"}]})),
                "tools[0].function",
                "missing_required_parameter",
                "Missing required parameter: 'tools[0].function'.",
            ),
            (
                chat(json!({"tools": [{"type": "web_search"}]})),
                "tools[0].type",
                "invalid_value",
                "Invalid value: 'web_search'. Supported values are: 'function' and 'custom'.",
            ),
            (
                chat(json!({"tools": [{"type": "function", "function": {"name": "a b"}}]})),
                "tools[0].function.name",
                "invalid_value",
                "Invalid 'tools[0].function.name': string does not match pattern. Expected a string that matches the pattern '^[a-zA-Z0-9_-]+$'.",
            ),
            (
                chat(json!({"tools": vec![tool[0].clone(); 129]})),
                "tools",
                "array_above_max_length",
                "Invalid 'tools': array too long. Expected an array with maximum length 128, but got an array with length 129 instead.",
            ),
            (
                chat(json!({"functions": "x"})),
                "functions",
                "invalid_type",
                "Invalid type for 'functions': expected an array of function definitions, but got a string instead.",
            ),
            (
                chat(json!({"response_format": "json"})),
                "response_format",
                "invalid_type",
                "Invalid type for 'response_format': expected an object, but got a string instead.",
            ),
            (
                chat(json!({"response_format": {}})),
                "response_format.type",
                "missing_required_parameter",
                "Missing required parameter: 'response_format.type'.",
            ),
            (
                chat(json!({"response_format": {"type": "bogus"}})),
                "response_format.type",
                "invalid_value",
                "Invalid value: 'bogus'. Supported values are: 'json_object', 'json_schema', and 'text'.",
            ),
            (
                chat(json!({"response_format": {"type": "json_schema", "json_schema": {}}})),
                "response_format.json_schema.name",
                "missing_required_parameter",
                "Missing required parameter: 'response_format.json_schema.name'.",
            ),
            (
                chat(json!({"service_tier": {}})),
                "service_tier",
                "invalid_type",
                "Invalid type for 'service_tier': expected one of 'auto', 'default', 'fast', 'flex', or 'priority', but got an object instead.",
            ),
            (
                chat(json!({"verbosity": "bogus"})),
                "verbosity",
                "invalid_value",
                "Invalid value: 'bogus'. Supported values are: 'low', 'medium', and 'high'.",
            ),
            (
                chat(json!({"metadata": "x"})),
                "metadata",
                "invalid_type",
                "Invalid type for 'metadata': expected a metadata object, but got a string instead.",
            ),
            (
                chat(json!({"metadata": metadata(17)})),
                "metadata",
                "object_above_max_properties",
                "Invalid 'metadata': too many properties. Expected an object with at most 16 properties, but got an object with 17 properties instead.",
            ),
            (
                chat(json!({"metadata": {"k": "x".repeat(600)}})),
                "metadata.k",
                "string_above_max_length",
                "Invalid 'metadata.k': string too long. Expected a string with maximum length 512, but got a string with length 600 instead.",
            ),
            (
                chat(json!({"stream_options": {"bogus": 1}, "stream": true})),
                "stream_options.bogus",
                "unknown_parameter",
                "Unknown parameter: 'stream_options.bogus'.",
            ),
        ],
    );
    let long_key = "k".repeat(70);
    let error = full("chat.completions.create", &chat(json!({"metadata": {long_key.clone(): "v"}}))).unwrap_err();
    assert_eq!(
        error.message,
        "Invalid property name in 'metadata': 'kkk...kkk' is too long. Expected a string with maximum length 64, but got a string with length 70 instead."
    );
    assert_eq!(error.param, Some(format!("metadata.{long_key}")));
}

#[test]
fn chat_rules() {
    let calls = json!([{"id": "call_1", "type": "function", "function": {"name": "f", "arguments": "{}"}}]);
    let (user, assistant) =
        (json!({"role": "user", "content": "x"}), json!({"role": "assistant", "tool_calls": calls}));
    let tool = |id: &str| json!({"role": "tool", "tool_call_id": id, "content": "1"});
    let weather = |extra: Value| json!([{"type": "function", "function": merge(json!({"name": "f"}), extra)}]);
    check_rows(
        "chat.completions.create",
        vec![
            (
                chat(json!({"messages": [user, assistant, user]})),
                "messages.[2].role",
                "",
                "An assistant message with 'tool_calls' must be followed by tool messages responding to each 'tool_call_id'. The following tool_call_ids did not have response messages: call_1",
            ),
            (
                chat(json!({"messages": [user, tool("call_1")]})),
                "messages.[1].role",
                "",
                "Invalid parameter: messages with role 'tool' must be a response to a preceeding message with 'tool_calls'.",
            ),
            (
                chat(json!({"messages": [user, assistant, tool("call_2")]})),
                "messages.[2].tool_call_id",
                "",
                "Invalid parameter: 'tool_call_id' of 'call_2' not found in 'tool_calls' of previous message.",
            ),
            (
                chat(json!({"messages": [user, {"role": "tool", "content": "1"}]})),
                "messages[1].tool_call_id",
                "missing_required_parameter",
                "Missing required parameter: 'messages[1].tool_call_id'.",
            ),
            (
                chat(json!({"messages": [{"role": "user"}]})),
                "messages.[0].content",
                "",
                "Invalid value for 'content': expected a string, got null.",
            ),
            (
                chat(json!({"messages": [{"role": "developer"}]})),
                "messages[0].content",
                "missing_required_parameter",
                "Missing required parameter: 'messages[0].content'.",
            ),
            (
                chat(json!({"messages": [{"role": "developer", "content": null}]})),
                "messages[0].content",
                "invalid_type",
                "Invalid type for 'messages[0].content': expected one of a string or array of objects, but got null instead.",
            ),
            (
                chat(
                    json!({"messages": [{"role": "system", "content": [{"type": "image_url", "image_url": {"url": "data:,"}}]}]}),
                ),
                "messages[0]",
                "invalid_value",
                "Invalid 'messages[0]'. Image URLs are only allowed for messages with role 'user', but this message with role 'system' contains an image URL.",
            ),
            // 3994a0079a69c480
            (
                chat(
                    json!({"messages": [{"role": "user", "content": [{"type": "input_audio", "input_audio": {"data": "", "format": "mp3"}}]}]}),
                ),
                "messages[0]",
                "invalid_value",
                "Invalid 'messages[0]'. Content blocks are expected to be either text or image_url type.",
            ),
            // bcbdf04d90a09762
            (
                chat(json!({"max_tokens": 5, "max_completion_tokens": 5})),
                "max_tokens",
                "invalid_parameter_combination",
                "Setting 'max_tokens' and 'max_completion_tokens' at the same time is not supported.",
            ),
            (
                thinking(json!({"max_tokens": 5, "store": "x"})),
                "max_tokens",
                "unsupported_parameter",
                "Unsupported parameter: 'max_tokens' is not supported with this model. Use 'max_completion_tokens' instead.",
            ),
            (
                thinking(json!({"temperature": 0.5})),
                "temperature",
                "unsupported_value",
                "Unsupported value: 'temperature' does not support 0.5 with this model. Only the default (1) value is supported.",
            ),
            (
                thinking(json!({"stop": ["ZZ"], "temperature": 0.5})),
                "stop",
                "unsupported_parameter",
                "Unsupported parameter: 'stop' is not supported with this model.",
            ),
            (
                thinking(json!({"n": "abc", "stop": ["ZZ"]})),
                "n",
                "invalid_type",
                "Invalid type for 'n': expected an integer, but got a string instead.",
            ),
            (
                thinking(json!({"stop": "x", "temperature": "x"})),
                "temperature",
                "invalid_type",
                "Invalid type for 'temperature': expected a decimal, but got a string instead.",
            ),
            (
                thinking(json!({"n": 64})),
                "n",
                "integer_above_max_value",
                "Invalid 'n': integer above maximum value. Expected a value <= 8, but got 64 instead.",
            ),
            (
                thinking(json!({"logprobs": true})),
                "logprobs",
                "unsupported_parameter",
                "Unsupported parameter: 'logprobs' is not supported with this model.",
            ),
            (
                thinking(json!({"reasoning_effort": "max"})),
                "reasoning_effort",
                "unsupported_value",
                "Unsupported value: 'reasoning_effort' does not support 'max' with this model. Supported values are: 'none', 'low', 'medium', 'high', and 'xhigh'.",
            ),
            (
                thinking(json!({"temperature": 0.5, "messages": [{"role": "user"}]})),
                "temperature",
                "unsupported_value",
                "Unsupported value: 'temperature' does not support 0.5 with this model. Only the default (1) value is supported.",
            ),
            (
                chat(json!({"reasoning_effort": "low"})),
                "",
                "",
                "Unrecognized request argument supplied: reasoning_effort",
            ),
            (
                chat(json!({"top_logprobs": 1})),
                "top_logprobs",
                "",
                "The 'top_logprobs' parameter is only allowed when 'logprobs' is enabled.",
            ),
            (
                chat(json!({"top_logprobs": 21, "logprobs": true})),
                "top_logprobs",
                "",
                "Invalid value for 'top_logprobs': must be less than or equal to 20.",
            ),
            (
                chat(json!({"stream_options": {"include_usage": true}})),
                "stream_options",
                "",
                "The 'stream_options' parameter is only allowed when 'stream' is enabled.",
            ),
            (
                chat(json!({"tool_choice": "auto"})),
                "tool_choice",
                "",
                "Invalid value for 'tool_choice': 'tool_choice' is only allowed when 'tools' are specified.",
            ),
            (
                chat(json!({"parallel_tool_calls": true})),
                "parallel_tool_calls",
                "",
                "Invalid value for 'parallel_tool_calls': 'parallel_tool_calls' is only allowed when 'tools' are specified.",
            ),
            (
                chat(
                    json!({"tools": weather(json!({})), "tool_choice": {"type": "function", "function": {"name": "g"}}}),
                ),
                "tool_choice",
                "",
                "Invalid value for 'tool_choice': no function named 'g' was specified in the 'tools' parameter.",
            ),
            (
                chat(
                    json!({"tools": weather(json!({"strict": true, "parameters": {"type": "object", "properties": {}}}))}),
                ),
                "tools[0].function.parameters",
                "invalid_function_parameters",
                "Invalid schema for function 'f': In context=(), 'additionalProperties' is required to be supplied and to be false.",
            ),
            (
                chat(
                    json!({"response_format": {"type": "json_schema", "json_schema": {"name": "r", "schema": {"type": "string"}}}}),
                ),
                "response_format",
                "",
                "Invalid schema for response_format 'r': schema must be a JSON Schema of 'type: \"object\"', got 'type: \"string\"'.",
            ),
            (
                chat(json!({"response_format": {"type": "json_object"}})),
                "messages",
                "",
                "'messages' must contain the word 'json' in some form, to use 'response_format' of type 'json_object'.",
            ),
        ],
    );
    assert_eq!(
        full("chat.completions.create", &chat(json!({"messages": [user, assistant, tool("call_1"), user]}))),
        Ok(())
    );
    let calm = json!({"reasoning_effort": "none", "frequency_penalty": 0.5, "logprobs": true, "top_logprobs": 5});
    assert_eq!(full("chat.completions.create", &thinking(calm)), Ok(()));
}

#[test]
fn responses_schema() {
    let item = |item: Value| responses(json!({"input": [item]}));
    let types = "Supported values are: 'additional_tools', 'agent_message', 'apply_patch_call', 'apply_patch_call_output', 'code_interpreter_call', 'compaction', 'compaction_trigger', 'computer_call', 'computer_call_output', 'custom_tool_call', 'custom_tool_call_output', 'file_search_call', 'function_call', 'function_call_output', 'image_generation_call', 'item_reference', 'local_shell_call', 'local_shell_call_output', 'mcp_approval_request', 'mcp_approval_response', 'mcp_call', 'mcp_list_tools', 'message', 'multi_agent_call', 'multi_agent_call_output', 'program', 'program_output', 'reasoning', 'shell_call', 'shell_call_output', 'tool_search_call', 'tool_search_output', and 'web_search_call'.";
    let unknown_type: &'static str = format!("Invalid value: 'bogus_item'. {types}").leak();
    check_rows(
        "responses.create",
        vec![
            (
                responses(json!({"model": "__absent__"})),
                "model",
                "missing_required_parameter",
                "Missing required parameter: 'model'.",
            ),
            (
                responses(json!({"model": null})),
                "model",
                "invalid_type",
                "Invalid type for 'model': expected a string, but got an object instead.",
            ),
            (
                responses(json!({"input": "__absent__", "zzz": 1})),
                "input",
                "missing_required_parameter",
                "Missing required parameter: 'input'.",
            ),
            (
                responses(json!({"input": []})),
                "",
                "missing_required_parameter",
                "One of \"input\" or \"previous_response_id\" or 'prompt' or 'conversation' must be provided.",
            ),
            (
                responses(json!({"input": [], "temperature": 0.5})),
                "",
                "missing_required_parameter",
                "One of \"input\" or \"previous_response_id\" or 'prompt' or 'conversation' must be provided.",
            ),
            (
                responses(json!({"input": {"a": 1}})),
                "input",
                "invalid_type",
                "Invalid type for 'input': expected one of a string or array of input items, but got an object instead.",
            ),
            (
                item(json!(7)),
                "input[0]",
                "invalid_type",
                "Invalid type for 'input[0]': expected an input item, but got an integer instead.",
            ),
            (item(json!({"type": "bogus_item"})), "input[0]", "invalid_value", unknown_type),
            // c5146a44cea6f887
            (
                item(json!({"role": "tool", "content": "x"})),
                "input[0]",
                "invalid_value",
                "Invalid value: 'tool'. Supported values are: 'assistant', 'system', 'developer', and 'user'.",
            ),
            (
                item(json!({})),
                "input[0]",
                "invalid_value",
                "Invalid value: ''. Supported values are: 'assistant', 'system', 'developer', and 'user'.",
            ),
            (
                item(json!({"role": "user"})),
                "input[0].content",
                "missing_required_parameter",
                "Missing required parameter: 'input[0].content'.",
            ),
            (
                item(json!({"role": "user", "content": null})),
                "input[0].content",
                "invalid_type",
                "Invalid type for 'input[0].content': expected one of an array of objects or string, but got null instead.",
            ),
            (
                item(json!({"role": "user", "content": "x", "bogus": 1})),
                "input[0].bogus",
                "unknown_parameter",
                "Unknown parameter: 'input[0].bogus'.",
            ),
            (
                item(json!({"role": "user", "content": "x", "phase": "final_answer"})),
                "input[0].phase",
                "unknown_parameter",
                "Unknown parameter: 'input[0].phase'.",
            ),
            (
                item(json!({"role": "assistant", "content": "x", "phase": "bogus"})),
                "input[0].phase",
                "invalid_value",
                "Invalid value: 'bogus'. Supported values are: 'commentary' and 'final_answer'.",
            ),
            (
                item(json!({"role": "assistant", "content": [{"type": "input_text", "text": "x"}]})),
                "input[0].content[0]",
                "invalid_value",
                "Invalid value: 'input_text'. Supported values are: 'output_text' and 'refusal'.",
            ),
            (
                item(json!({"role": "user", "content": [{"type": "output_text", "text": "x"}]})),
                "input[0].content[0]",
                "invalid_value",
                "Invalid value: 'output_text'. Supported values are: 'input_text', 'input_image', 'input_file', 'scoped_content', and 'input_audio'.",
            ),
            (
                item(json!({"role": "user", "content": [{"type": "bogus"}]})),
                "input[0].content[0].type",
                "invalid_value",
                "Invalid value: 'bogus'. Supported values are: 'input_text', 'input_image', 'input_audio', 'output_text', 'refusal', 'input_file', 'computer_screenshot', 'summary_text', and 'encrypted_content'.",
            ),
            (
                item(json!({"role": "user", "content": [{"type": "input_text"}]})),
                "input[0].content[0].text",
                "missing_required_parameter",
                "Missing required parameter: 'input[0].content[0].text'.",
            ),
            (
                responses(json!({"stop": ["x"]})),
                "stop",
                "unknown_parameter",
                "Unknown parameter: 'stop'. Did you mean 'store'?",
            ),
            (
                responses(json!({"strem": 1})),
                "strem",
                "unknown_parameter",
                "Unknown parameter: 'strem'. Did you mean 'stream' or 'store'?",
            ),
            (responses(json!({"st": 1})), "st", "unknown_parameter", "Unknown parameter: 'st'."),
            (
                responses(json!({"messages": []})),
                "",
                "unsupported_parameter",
                "Unsupported parameter: 'messages'. In the Responses API, this parameter has moved to 'input'. Try again with the new parameter. See the API documentation for more information: https://platform.openai.com/docs/api-reference/responses/create.",
            ),
            (
                responses(json!({"text": {"format": {"type": "bogus"}}})),
                "text.format.type",
                "invalid_value",
                "Invalid value: 'bogus'. Supported values are: 'json_object', 'text', and 'json_schema'.",
            ),
            (
                responses(json!({"text": {"format": {"type": "json_schema"}}})),
                "text.format.name",
                "missing_required_parameter",
                "Missing required parameter: 'text.format.name'.",
            ),
            (
                responses(json!({"tools": [{}]})),
                "tools[0].type",
                "missing_required_parameter",
                "Missing required parameter: 'tools[0].type'.",
            ),
            // 64ba749f2652cdaf
            (
                responses(
                    json!({"tool_choice": {"type": "function", "function": {}}, "tools": [{"type": "function", "function": {"name": "f"}}]}),
                ),
                "tools[0].name",
                "missing_required_parameter",
                "Missing required parameter: 'tools[0].name'.",
            ),
            (
                responses(json!({"tools": "x", "metadata": "x"})),
                "tools",
                "invalid_type",
                "Invalid type for 'tools': expected an array of tools, but got a string instead.",
            ),
            (
                responses(json!({"tool_choice": 7})),
                "tool_choice",
                "invalid_type",
                "Invalid type for 'tool_choice': expected one of an object or 'none', 'auto', or 'required', but got an integer instead.",
            ),
            (
                responses(json!({"reasoning": {"effort": "bogus"}})),
                "reasoning.effort",
                "invalid_value",
                "Invalid value: 'bogus'. Supported values are: 'none', 'minimal', 'low', 'medium', 'high', 'xhigh', and 'max'.",
            ),
            (
                responses(json!({"reasoning": {"effort": {}}})),
                "reasoning.effort",
                "invalid_type",
                "Invalid type for 'reasoning.effort': expected one of one of 'none', 'minimal', 'low', 'medium', 'high', 'xhigh', or 'max' or integer, but got an object instead.",
            ),
            (
                responses(json!({"include": ["bogus.thing"]})),
                "include[0]",
                "invalid_value",
                "Invalid value: 'bogus.thing'. Supported values are: 'file_search_call.results', 'web_search_call.results', 'web_search_call.action.sources', 'message.input_image.image_url', 'computer_call_output.output.image_url', 'code_interpreter_call.outputs', 'reasoning.encrypted_content', and 'message.output_text.logprobs'.",
            ),
            (
                responses(json!({"include": "x"})),
                "include",
                "invalid_type",
                "Invalid type for 'include': expected an array of one of 'fil...lts', 'web...lts', 'web...ces', 'mes...url', 'com...url', 'cod...uts', 'rea...ent', or 'mes...obs', but got a string instead.",
            ),
            // 01b68fd4f65dddf1
            (
                responses(json!({"max_output_tokens": 10})),
                "max_output_tokens",
                "integer_below_min_value",
                "Invalid 'max_output_tokens': integer below minimum value. Expected a value >= 16, but got 10 instead.",
            ),
            (
                responses(json!({"truncation": {}})),
                "truncation",
                "invalid_type",
                "Invalid type for 'truncation': expected one of 'auto' or 'disabled', but got an object instead.",
            ),
            (
                responses(json!({"stream_options": {"include_usage": true}})),
                "stream_options.include_usage",
                "unknown_parameter",
                "Unknown parameter: 'stream_options.include_usage'.",
            ),
            (
                responses(json!({"context_management": "x", "top_logprobs": "x"})),
                "top_logprobs",
                "invalid_type",
                "Invalid type for 'top_logprobs': expected an integer, but got a string instead.",
            ),
            (
                responses(json!({"temperature": "x", "text": "x"})),
                "text",
                "invalid_type",
                "Invalid type for 'text': expected an object, but got a string instead.",
            ),
        ],
    );
}

#[test]
fn responses_rules() {
    let other = |model: &str, extra: Value| responses(merge(json!({"model": model}), extra));
    check_rows(
        "responses.create",
        vec![
            (
                responses(json!({"temperature": 0.5})),
                "temperature",
                "",
                "Unsupported parameter: 'temperature' is not supported with this model.",
            ),
            (
                responses(json!({"top_logprobs": 1})),
                "top_logprobs",
                "unsupported_parameter",
                "logprobs are not supported with reasoning models.",
            ),
            (
                responses(json!({"include": ["message.output_text.logprobs"], "top_logprobs": 1})),
                "include",
                "unsupported_parameter",
                "logprobs are not supported with reasoning models.",
            ),
            (
                responses(json!({"reasoning": {"effort": "minimal"}})),
                "reasoning.effort",
                "unsupported_value",
                "Unsupported value: 'minimal' is not supported with the 'gpt-5.6-terra' model. Supported values are: 'none', 'low', 'medium', 'high', 'xhigh', and 'max'.",
            ),
            // 305f6a869f41b69d
            (
                other("o4-mini", json!({"reasoning": {"effort": "minimal"}})),
                "reasoning.effort",
                "unsupported_value",
                "Unsupported value: 'minimal' is not supported with the 'o4-mini' model. Supported values are: 'low', 'medium', and 'high'.",
            ),
            (
                other("gpt-4o", json!({"reasoning": {"effort": "low"}})),
                "reasoning.effort",
                "unsupported_parameter",
                "Unsupported parameter: 'reasoning.effort' is not supported with this model.",
            ),
            (
                other("gpt-5-codex", json!({"text": {"verbosity": "low"}})),
                "text.verbosity",
                "unsupported_value",
                "Unsupported value: 'low' is not supported with the 'gpt-5-codex' model. Supported values are: 'medium'.",
            ),
            (
                responses(json!({"conversation": "conv_x", "previous_response_id": "resp_x"})),
                "",
                "mutually_exclusive_parameters",
                "Mutually exclusive parameters: ''. Ensure you are only providing one of: 'pre..._id' or 'conversation'.",
            ),
            (
                responses(json!({"text": {"format": {"type": "json_object"}}})),
                "input",
                "",
                "Response input messages must contain the word 'json' in some form to use 'text.format' of type 'json_object'.",
            ),
            // ccfcd77662ea153d
            (
                responses(
                    json!({"text": {"format": {"type": "json_schema", "name": "response", "strict": true, "schema": {"type": "object", "properties": {}}}}}),
                ),
                "text.format.schema",
                "invalid_json_schema",
                "Invalid schema for response_format 'response': In context=(), 'additionalProperties' is required to be supplied and to be false.",
            ),
            (
                responses(
                    json!({"tools": [{"type": "function", "name": "f", "strict": true, "parameters": {"type": "object", "additionalProperties": false, "properties": {"unit": {"type": "string"}}, "required": []}}]}),
                ),
                "tools[0].parameters",
                "invalid_function_parameters",
                "Invalid schema for function 'f': In context=(), 'required' is required to be supplied and to be an array including every key in properties. Missing 'unit'.",
            ),
            (
                responses(json!({"tools": [{"type": "web_search"}], "tool_choice": {"type": "function", "name": "f"}})),
                "tool_choice",
                "",
                "Tool choice 'function' not found in 'tools' parameter.",
            ),
        ],
    );
}

#[test]
fn embeddings() {
    let body = |extra: Value| merge(json!({"model": "text-embedding-3-small", "input": "x"}), extra);
    check_rows(
        "embeddings.create",
        vec![
            (
                body(json!({"input": "__absent__"})),
                "input",
                "missing_required_parameter",
                "Missing required parameter: 'input'.",
            ),
            (body(json!({"input": ""})), "", "", "Invalid 'input': input cannot be an empty string."),
            (
                body(json!({"dimensions": 0})),
                "dimensions",
                "integer_below_min_value",
                "Invalid 'dimensions': integer below minimum value. Expected a value >= 1, but got 0 instead.",
            ),
            (
                body(json!({"model": "text-embedding-ada-002", "dimensions": 8})),
                "",
                "",
                "This model does not support specifying dimensions.",
            ),
            (
                body(json!({"encoding_format": "x"})),
                "encoding_format",
                "invalid_value",
                "Invalid value: 'x'. Supported values are: 'float' and 'base64'.",
            ),
        ],
    );
    for input in [json!(["a", "b"]), json!([1, 2]), json!([[1], [2, 3]])] {
        assert_eq!(full("embeddings.create", &body(json!({"input": input}))), Ok(()));
    }
}

#[test]
fn levels() {
    let at = |level: Level, value: &Value| {
        body("chat.completions.create", value, &Context { level, relaxed: false, azure: false, model: None })
    };
    let (rule, schema) = (chat(json!({"tool_choice": "auto"})), chat(json!({"n": 0})));
    assert!(at(Level::Full, &rule).is_err() && at(Level::Full, &schema).is_err());
    assert!(at(Level::Schema, &rule).is_ok() && at(Level::Schema, &schema).is_err());
    assert!(at(Level::Off, &json!(7)).is_ok());
}

#[test]
fn limits_of_the_catalogue() {
    let model = models::find("gpt-4o").unwrap();
    let context = Context { level: Level::Full, relaxed: false, azure: false, model: Some(&model) };
    let error = body("chat.completions.create", &chat(json!({"max_tokens": 20000})), &context).unwrap_err();
    assert_eq!(
        error.message,
        "max_tokens is too large: 20000. This model supports at most 16384 completion tokens, whereas you provided 20000."
    );
    let error = context_length(&model, 127_000, Some(2000), "chat.completions.create").unwrap_err();
    assert_eq!(
        error.message,
        "This model's maximum context length is 128000 tokens. However, you requested 129000 tokens (127000 in the messages, 2000 in the completion). Please reduce the length of the messages or completion."
    );
    let error = context_length(&model, 129_000, None, "responses.create").unwrap_err();
    assert_eq!((error.param.as_deref(), error.code.as_deref()), (Some("input"), Some("context_length_exceeded")));
    assert!(context_length(&model, 127_000, Some(2000), "responses.create").is_ok());
}

#[test]
fn queries() {
    let context = Context { level: Level::Full, relaxed: false, azure: false, model: None };
    let check = |operation: &str, name: &str, value: &str| query(operation, &[(name.into(), value.into())], &context);
    let error = check("conversations.items.list", "limit", "101").unwrap_err();
    assert_eq!(
        error.message,
        "Invalid 'limit': integer above maximum value. Expected a value <= 100, but got 101 instead."
    );
    let error = check("chat.completions.list", "order", "up").unwrap_err();
    assert_eq!(error.message, "Invalid value: 'up'. Supported values are: 'asc' and 'desc'.");
    assert!(check("responses.input_items.list", "limit", "x").is_err());
    assert!(check("responses.retrieve", "include[]", "bogus").is_err());
    assert!(check("responses.retrieve", "include[]", "reasoning.encrypted_content").is_ok());
    assert!(check("conversations.items.list", "api-version", "1").is_ok());
}

/// Any JSON, nested a little.
fn any_json() -> impl proptest::strategy::Strategy<Value = Value> {
    use proptest::prelude::*;
    let keys = prop_oneof![
        "[a-z_]{1,8}",
        proptest::sample::select(vec![
            "type",
            "role",
            "content",
            "name",
            "messages",
            "input",
            "tools",
            "tool_choice",
            "text",
            "format",
            "schema",
            "strict",
            "properties",
            "model",
            "stream"
        ])
        .prop_map(String::from)
    ];
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        prop_oneof![
            "\\PC{0,12}",
            proptest::sample::select(vec!["user", "function", "message", "gpt-5", "json_schema", "object"])
                .prop_map(String::from)
        ]
        .prop_map(Value::from),
    ];
    leaf.prop_recursive(5, 48, 6, move |inner| {
        prop_oneof![
            proptest::collection::vec(inner.clone(), 0..5).prop_map(Value::from),
            proptest::collection::vec((keys.clone(), inner), 0..6)
                .prop_map(|pairs| Value::Object(pairs.into_iter().collect())),
        ]
    })
}

proptest::proptest! {
    #![proptest_config(proptest::prelude::ProptestConfig::with_cases(256))]
    #[test]
    fn no_body_makes_it_panic(value in any_json(), field in "[a-z_]{1,8}") {
        for operation in ["chat.completions.create", "responses.create", "embeddings.create", "completions.create", "conversations.create", "moderations.create"] {
            let _ = full(operation, &value);
            for name in ["messages", "input", "tools", "text", "response_format", "tool_choice", "metadata", field.as_str()] {
                let _ = full(operation, &json!({"model": "gpt-5", "input": "x", "messages": [{"role": "user", "content": "x"}], name: value}));
            }
        }
    }
}
