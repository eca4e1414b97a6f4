//! What client frameworks send by default passes (field.md §6): nulls, empty strings, objects and arrays included.

use super::tests::{body, full};
use crate::budget::Budget;
use serde_json::{Value, json};

#[test]
fn default_bodies_of_frameworks_pass() {
    let user = json!([{"role": "user", "content": "hi"}]);
    let parameters = json!({"$schema": "https://json-schema.org/draft/2020-12/schema", "type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"], "additionalProperties": false});
    let chat_tool = json!([{"type": "function", "function": {"name": "get_weather", "description": "d", "parameters": parameters, "strict": null}}]);
    let tool = json!([{"type": "function", "name": "get_weather", "description": null, "parameters": parameters, "strict": false}]);
    let chat: Vec<(&str, Value)> = vec![
        (
            "langchain js",
            json!({"model": "gpt-4o", "messages": [{"role": "system", "content": [{"type": "text", "text": "s"}]}, {"role": "user", "content": "hi"}, {"role": "assistant", "name": "model", "content": "x"}, {"role": "user", "content": "y"}], "stream": true, "stream_options": {"include_usage": true}, "tools": chat_tool, "tool_choice": "auto"}),
        ),
        (
            "langchain py",
            json!({"model": "gpt-4o-mini", "messages": user, "stream": false, "temperature": 0.7, "n": 1, "logprobs": null, "stop": null}),
        ),
        (
            "llamaindex ts",
            json!({"model": "gpt-4o", "messages": user, "temperature": 0.1, "top_p": 1, "max_tokens": null, "tools": null, "tool_choice": null, "parallel_tool_calls": null}),
        ),
        (
            "llamaindex py",
            json!({"model": "gpt-4o", "messages": user, "temperature": 0.1, "parallel_tool_calls": true, "tool_choice": "auto", "tools": chat_tool}),
        ),
        (
            "ai sdk",
            json!({"model": "gpt-4o", "messages": [{"role": "system", "content": "s"}, {"role": "user", "content": [{"type": "text", "text": "hi"}]}], "tools": chat_tool, "tool_choice": "auto"}),
        ),
        (
            "agents py",
            json!({"model": "gpt-5.4", "messages": user, "reasoning_effort": "none", "verbosity": "low", "stream": false}),
        ),
        (
            "instructor",
            json!({"model": "gpt-4o", "messages": user, "tools": chat_tool, "tool_choice": {"type": "function", "function": {"name": "get_weather"}}}),
        ),
        (
            "replayed call",
            json!({"model": "gpt-4o", "messages": [{"role": "user", "content": "x"}, {"role": "assistant", "content": null, "refusal": null, "audio": null, "annotations": [], "function_call": null, "tool_calls": [{"id": "c", "type": "function", "function": {"name": "f", "arguments": "{}"}}]}, {"role": "tool", "tool_call_id": "c", "content": ""}]}),
        ),
        (
            "nulls",
            json!({"model": "gpt-5", "messages": user, "temperature": null, "max_tokens": null, "stop": null, "metadata": {}, "logit_bias": {}, "user": ""}),
        ),
    ];
    for (name, body) in chat {
        assert_eq!(full("chat.completions.create", &body), Ok(()), "{name}");
    }
    let responses: Vec<(&str, Value)> = vec![
        (
            "llamaindex ts",
            json!({"model": "gpt-4o", "input": user, "include": null, "truncation": null, "previous_response_id": null, "instructions": "", "user": "", "reasoning": {}, "metadata": {}, "store": false}),
        ),
        (
            "llamaindex py",
            json!({"model": "gpt-4o", "input": user, "include": null, "instructions": null, "max_output_tokens": null, "metadata": null, "previous_response_id": null, "user": null, "truncation": "disabled", "store": false, "tools": [], "temperature": 0.1, "top_p": 1.0}),
        ),
        (
            "agents js",
            json!({"model": "gpt-5.4", "input": user, "include": [], "tools": [], "stream": false, "reasoning": {"effort": "none"}, "text": {"verbosity": "low"}}),
        ),
        (
            "langchain js",
            json!({"model": "gpt-4o", "input": user, "text": {}, "stream": false, "tools": tool, "tool_choice": "auto"}),
        ),
        (
            "ai sdk",
            json!({"model": "gpt-5", "input": [{"role": "developer", "content": "s"}, {"role": "user", "content": [{"type": "input_text", "text": "x"}]}, {"type": "function_call", "call_id": "c", "name": "f", "arguments": "{}"}, {"type": "function_call_output", "call_id": "c", "output": "1"}], "tools": tool, "tool_choice": "auto", "store": false, "include": ["reasoning.encrypted_content"]}),
        ),
        (
            "pydantic-ai",
            json!({"model": "gpt-5", "input": [{"role": "user", "content": "x"}, {"type": "reasoning", "id": "rs_1", "summary": [], "encrypted_content": "gAAA"}, {"type": "function_call", "id": "fc_1", "call_id": "c", "name": "f", "arguments": "{}", "status": "completed"}, {"type": "function_call_output", "call_id": "c", "output": "1", "status": "completed"}], "include": ["reasoning.encrypted_content"], "stream": false}),
        ),
        (
            "replayed output",
            json!({"model": "gpt-4o", "input": [{"role": "user", "content": "x"}, {"id": "msg_1", "type": "message", "status": "completed", "role": "assistant", "content": [{"type": "output_text", "text": "y", "annotations": [], "logprobs": []}]}, {"role": "user", "content": "z"}]}),
        ),
    ];
    for (name, body) in responses {
        assert_eq!(full("responses.create", &body), Ok(()), "{name}");
    }
    let empty = json!({"items": []});
    assert_eq!(full("conversations.create", &empty), Ok(()));
    let tokens = json!({"model": "text-embedding-3-small", "input": [[1, 2]], "encoding_format": "base64"});
    assert_eq!(full("embeddings.create", &tokens), Ok(()));
}

#[test]
fn azure_and_the_simulator() {
    use super::{Context, Level};
    let budget = &Budget::default();
    let azure = Context { azure: true, ..Context::of(Level::Full, None, budget) };
    let chat = json!({"model": null, "messages": [{"role": "user", "content": "x"}]});
    assert_eq!(body("chat.completions.create", &chat, &azure), Ok(vec![]));
    let relaxed = Context { relaxed: true, ..Context::of(Level::Full, None, budget) };
    let simulator = json!({"model": "gpt-4o", "messages": [{"role": "user", "content": "x"}], "response_length": "short", "stream": true,
        "stream_options": {"delay_min_ms": 1, "delay_max_ms": 2, "tokens_per_second": 5},
        "response_format": {"type": "json_schema", "json_schema": {"type": "object", "properties": {}}}});
    assert_eq!(body("chat.completions.create", &simulator, &relaxed), Ok(vec![]));
    assert!(full("chat.completions.create", &simulator).is_err());
    for (operation, mut whole) in [
        ("chat.completions.create", simulator.clone()),
        ("completions.create", json!({"model": "gpt-3.5-turbo-instruct", "prompt": "x", "response_length": "long"})),
        ("responses.create", json!({"model": "gpt-4o", "input": "x", "response_length": "long"})),
    ] {
        whole["stream"] = json!(false);
        whole["stream_options"] = simulator["stream_options"].clone();
        assert_eq!(body(operation, &whole, &relaxed), Ok(vec![]), "{operation}");
        assert!(full(operation, &whole).is_err(), "{operation}");
    }
    let legacy = json!({"model": "any", "prompt": "hello", "max_tokens": 5});
    assert_eq!(full("responses.create", &legacy), Ok(()));
}
