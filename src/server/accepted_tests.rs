//! What no recording and no document shows to be refused is accepted: over a socket, at the validation it is about.

use super::tests::{Got, exchange, request, send, start};
use crate::control;
use crate::emulator::Emulator;
use serde_json::{Value, json};
use std::sync::Arc;

const KEY: &str = "sk-accepted";

fn emulator(options: Value) -> Arc<Emulator> {
    let mut all = json!({"clock": "instant", "fallback": "echo", "logLevel": "error"});
    all.as_object_mut().expect("an object").extend(options.as_object().expect("an object").clone());
    start(all)
}

fn post(emulator: &Emulator, path: &str, headers: &str, body: &Value) -> Got {
    let bytes = body.to_string().into_bytes();
    let headers = format!("content-type: application/json\r\n{headers}");
    exchange(emulator, &request("POST", path, KEY, &headers, &bytes)).expect("an answer")
}

fn chat(more: Value) -> Value {
    let mut body = json!({"model": "gpt-4o", "messages": [{"role": "user", "content": "x"}]});
    body.as_object_mut().expect("an object").extend(more.as_object().expect("an object").clone());
    body
}

fn response(more: Value) -> Value {
    let mut body = json!({"model": "gpt-5.6-sol", "input": "x"});
    body.as_object_mut().expect("an object").extend(more.as_object().expect("an object").clone());
    body
}

#[track_caller]
fn taken(emulator: &Emulator, path: &str, body: &Value) -> Value {
    let got = post(emulator, path, "", body);
    assert_eq!(got.status, 200, "{path} {body}: {}", got.text());
    got.json()
}

/// What openai/codex sends, and what the newest clients' types have beside the generated surface.
#[test]
fn newer_fields_and_models_are_known() {
    let emulator = emulator(json!({}));
    let passed = json!({"turn_id": "t1"});
    for body in [
        response(json!({"client_metadata": {"x-codex-installation-id": "1"}})),
        response(json!({"background_options": {"completion_window": "soonest", "continuation_id": "c"}})),
        response(json!({"background_options": {"completion_window": "2h"}, "background": true})),
        response(
            json!({"background_options": {"completion_window": "8h"}, "background": true, "service_tier": "default"}),
        ),
        response(json!({"background_options": null})),
        response(json!({"input_transformations": []})),
        response(json!({"model": "gpt-6.2-astra"})),
        response(json!({"model": "gpt-6.2-sol"})),
        response(json!({"input": [
            {"type": "message", "role": "user", "content": [{"type": "input_text", "text": "x"}], "internal_chat_message_metadata_passthrough": passed},
            {"type": "reasoning", "summary": [], "encrypted_content": "e", "internal_chat_message_metadata_passthrough": passed},
            {"type": "function_call", "call_id": "c", "name": "f", "arguments": "{}", "internal_chat_message_metadata_passthrough": passed},
            {"type": "function_call_output", "call_id": "c", "output": "1", "internal_chat_message_metadata_passthrough": passed},
        ]})),
        response(json!({"input": [{"role": "user", "content": "x", "phase": "final_answer"}]})),
        response(
            json!({"tool_choice": {"type": "mcp", "server_label": "a"}, "tools": [{"type": "mcp", "server_label": "a", "server_url": "https://a.example"}]}),
        ),
        response(json!({"tool_choice": {"type": "web_search"}, "tools": [{"type": "web_search"}]})),
    ] {
        taken(&emulator, "/v1/responses", &body);
    }
    assert_eq!(
        taken(&emulator, "/v1/chat/completions", &chat(json!({"model": "gpt-6.2-sol"})))["model"],
        "gpt-6.2-sol"
    );
    let tool = json!({"tools": [{"type": "function", "name": "f", "function": {"name": "f"}}]});
    taken(&emulator, "/v1/chat/completions", &chat(tool));
    let refused =
        post(&emulator, "/v1/responses", "", &response(json!({"background_options": {"completion_window": "3h"}})));
    assert_eq!(refused.json()["error"]["param"], "background_options.completion_window");
    let refused = post(&emulator, "/v1/responses", "", &response(json!({"tool_choice": {"type": "bogus"}})));
    let message = refused.json()["error"]["message"].as_str().expect("a message").to_string();
    assert_eq!(message.matches("'mcp'").count(), 1, "{message}");
}

#[test]
fn a_window_of_hours_is_for_the_background_alone() {
    let emulator = emulator(json!({}));
    let window = |window: &str, more: Value| {
        let mut body = response(json!({"background_options": {"completion_window": window}}));
        body.as_object_mut().expect("a body").extend(more.as_object().expect("fields").clone());
        post(&emulator, "/v1/responses", "", &body)
    };
    for hours in ["2h", "8h"] {
        for (more, param) in [
            (json!({}), "background"),
            (json!({"background": false}), "background"),
            (json!({"background": true, "stream": true}), "stream"),
            (json!({"background": true, "service_tier": "flex"}), "service_tier"),
            (json!({"background": true, "service_tier": "priority"}), "service_tier"),
        ] {
            let refused = window(hours, more.clone());
            let error = &refused.json()["error"];
            assert_eq!((refused.status, &error["param"]), (400, &json!(param)), "{hours} {more}: {error}");
        }
        assert_eq!(window(hours, json!({"background": true, "service_tier": "auto"})).status, 200);
    }
    assert_eq!(window("soonest", json!({"stream": true, "service_tier": "flex"})).status, 200);
}

/// One body serves an answer, its count and its compaction; refused is only what threads quote as refused.
#[test]
fn a_body_of_responses_may_be_counted_and_compacted() {
    let emulator = emulator(json!({}));
    let plain = response(json!({}));
    let count = taken(&emulator, "/v1/responses/input_tokens", &plain)["input_tokens"].clone();
    let fields = json!({
        "client_metadata": {"x-codex-installation-id": "1"}, "input_transformations": [], "background": false,
        "background_options": null, "context_management": [{"type": "compaction"}], "include": [], "max_output_tokens": 99,
        "max_tool_calls": 2, "metadata": {"a": "b"}, "moderation": null, "parallel_tool_calls": true,
        "presence_penalty": 0, "prompt_cache_key": "k", "safety_identifier": "s", "service_tier": "auto", "store": false,
        "stream": true, "stream_options": {"include_obfuscation": false}, "temperature": 1, "text": {"verbosity": "low"},
        "tool_choice": "auto", "tools": [], "top_logprobs": 0, "top_p": 1, "truncation": "auto", "user": "u",
    });
    for (field, value) in fields.as_object().expect("fields") {
        let body = response(json!({field: value}));
        let answer = taken(&emulator, "/v1/responses/input_tokens", &body);
        assert_eq!(answer, json!({"object": "response.input_tokens", "input_tokens": count}), "{field}");
        if ["include", "store", "stream"].contains(&field.as_str()) {
            let refused = post(&emulator, "/v1/responses/compact", "", &body);
            assert_eq!(refused.json()["error"]["message"], format!("Unknown parameter: '{field}'."));
        } else {
            assert_eq!(taken(&emulator, "/v1/responses/compact", &body)["object"], "response.compaction", "{field}");
        }
    }
    for path in ["/v1/responses/input_tokens", "/v1/responses/compact"] {
        let refused = post(&emulator, path, "", &response(json!({"zzz": 1})));
        assert_eq!(refused.json()["error"]["message"], "Unknown parameter: 'zzz'.");
        // The beta API's fields pass where the beta API is asked.
        let multi = response(json!({"multi_agent": {"enabled": true}}));
        taken(&emulator, &format!("{path}?beta=true"), &multi);
        assert_eq!(post(&emulator, path, "", &multi).status, 400);
    }
}

#[test]
fn the_beta_api_knows_more_fields() {
    let emulator = emulator(json!({}));
    let body = response(json!({"multi_agent": {"enabled": true, "max_concurrent_subagents": 2},
        "input": [{"role": "user", "content": "x", "agent": {"agent_name": "root"}}]}));
    taken(&emulator, "/v1/responses?beta=true", &body);
    let header = post(&emulator, "/v1/responses", "openai-beta: responses_multi_agent=v1\r\n", &body);
    assert_eq!(header.status, 200, "{}", header.text());
    let refused = post(&emulator, "/v1/responses", "", &body);
    assert_eq!(refused.json()["error"]["message"], "Unknown parameter: 'multi_agent'.");
    let wrong = response(json!({"multi_agent": {"enabled": "yes"}}));
    assert_eq!(post(&emulator, "/v1/responses?beta=true", "", &wrong).json()["error"]["param"], "multi_agent.enabled");
}

#[test]
fn what_a_newer_client_sends_is_kept_echoed_and_warned_of() {
    let emulator = emulator(json!({}));
    let newer = "x-stainless-lang: js\r\nx-stainless-package-version: 900.0.0\r\n";
    let older = "x-stainless-lang: js\r\nx-stainless-package-version: 7.55.0\r\n";
    let body = response(json!({"novelty": {"level": 3}, "service_tier": "instant",
        "input": [{"role": "user", "content": "x", "novel": 1}, {"type": "novel_item"}]}));
    let got = post(&emulator, "/v1/responses", newer, &body);
    assert_eq!(got.status, 200, "{}", got.text());
    assert_eq!(got.json()["novelty"], json!({"level": 3}));
    for headers in [older, "", "x-stainless-lang: ruby\r\nx-stainless-package-version: 900.0.0\r\n"] {
        let refused = post(&emulator, "/v1/responses", headers, &body);
        assert_eq!(refused.json()["error"]["message"], "Unknown parameter: 'novelty'.", "{headers}");
    }
    // What is wrong stays wrong.
    let wrong = post(&emulator, "/v1/chat/completions", newer, &chat(json!({"novelty": 1, "n": "two"})));
    assert_eq!(wrong.json()["error"]["param"], "n");
    let (_, journal) = control::in_process(&emulator, Some(KEY), "GET", "/_emulator/requests", "");
    let requests = journal["data"].as_array().expect("requests");
    let warning = requests[0]["warnings"][0].as_str().expect("a warning");
    for part in ["900.0.0", "novelty", "service_tier", "input[0].novel", "input[1]"] {
        assert!(warning.contains(part), "{part} in {warning}");
    }
    assert_eq!(requests[0]["body"]["novelty"]["level"], 3);
    assert_eq!(requests[1]["warnings"], json!([]));
}

/// At validation `schema` the OpenAPI document alone counts; at `full` also what production is reported to refuse.
#[test]
fn the_document_alone_counts_at_schema() {
    let (schema, full) = (emulator(json!({"validation": "schema"})), emulator(json!({})));
    for (path, body) in [
        ("/v1/chat/completions", chat(json!({"tools": []}))),
        ("/v1/chat/completions", chat(json!({"max_tokens": 0}))),
        ("/v1/chat/completions", chat(json!({"max_completion_tokens": 0}))),
        ("/v1/responses", json!({})),
    ] {
        taken(&schema, path, &body);
        assert_eq!(post(&full, path, "", &body).status, 400, "{path} {body}");
    }
    for emulator in [&schema, &full] {
        taken(emulator, "/v1/responses", &response(json!({"max_tool_calls": 0})));
        taken(emulator, "/v1/responses/compact?service_tier=zzz", &response(json!({"model": "gpt-4o"})));
        taken(emulator, "/v1/conversations?items=1", &json!({}));
        for path in ["/v1/chat/completions?limit=0", "/v1/chat/completions?limit=100"] {
            let got = exchange(emulator, &request("GET", path, KEY, "", b"")).expect("an answer");
            assert_eq!(got.status, 200, "{path}: {}", got.text());
        }
    }
}

/// As openai/openai-agents-js sends an answer back: its text is a part, with the message's other fields in it.
#[test]
fn an_answer_may_come_back_as_a_part() {
    let emulator = emulator(json!({}));
    let call = json!({"id": "c", "type": "function", "function": {"name": "f", "arguments": "{}"}});
    let back = |part: Value| json!({"messages": [{"role": "user", "content": "x"}, {"role": "assistant", "content": [part]}, {"role": "user", "content": "y"}]});
    for part in [
        json!({"type": "text", "text": "a", "role": "assistant", "refusal": null, "annotations": []}),
        json!({"type": "text", "text": "a", "role": "assistant", "refusal": null, "annotations": [], "tool_calls": [call]}),
        json!({"type": "refusal", "refusal": "no", "role": "assistant", "content": null, "annotations": []}),
    ] {
        taken(&emulator, "/v1/chat/completions", &chat(back(part)));
    }
    let wrong = back(json!({"type": "text", "text": "a", "novel": 1}));
    let refused = post(&emulator, "/v1/chat/completions", "", &chat(wrong));
    assert_eq!(refused.json()["error"]["param"], "messages[1].content[0].novel");
}

/// LLEmulator looks at the model, then for a script, and at nothing else before.
#[test]
fn the_llemulator_profile_looks_for_a_script_first() {
    let emulator = start(json!({"profile": "llemulator", "logLevel": "error"}));
    for body in [json!({"model": "gpt-4"}), json!({"model": "gpt-4", "messages": 7, "zzz": 1}), json!({})] {
        let got = post(&emulator, "/v1/chat/completions", "", &body);
        assert_eq!((got.status, got.json()["error"]["type"].as_str()), (500, Some("server_error")), "{}", got.text());
    }
    assert_eq!(post(&emulator, "/v1/chat/completions", "", &json!({"model": "gpt-nothing"})).status, 404);
    // A script that has nothing for it is as good as none.
    let script = |script: Value| assert_eq!(send(&emulator, KEY, "/_emulator/script", &script).status, 200);
    script(json!({"responses": {"weather": "sunny"}}));
    for (path, body) in [
        ("/v1/chat/completions", json!({"model": "gpt-4"})),
        ("/v1/chat/completions", json!({"model": "gpt-4", "messages": [{"role": "nobody", "content": 7}]})),
        (
            "/v1/chat/completions",
            json!({"model": "gpt-4", "messages": [{"role": "user", "content": "hi"}], "n": "two"}),
        ),
        ("/v1/completions", json!({"model": "gpt-4", "temperature": 9})),
        ("/v1/responses", json!({"model": "gpt-4"})),
    ] {
        let got = post(&emulator, path, "", &body);
        assert_eq!((got.status, got.json()["error"]["type"].as_str()), (500, Some("server_error")), "{}", got.text());
    }
    assert_eq!(post(&emulator, "/v1/chat/completions", "", &json!({"model": "gpt-nothing", "n": "two"})).status, 404);
    // What the emulator answers by itself is refused at once.
    assert_eq!(post(&emulator, "/v1/embeddings", "", &json!({"model": "text-embedding-3-small"})).status, 400);
    // Where a reply is there, the request is refused and the reply stays.
    script(json!({"reset": true, "responses": ["hi"]}));
    assert_eq!(post(&emulator, "/v1/chat/completions", "", &json!({"model": "gpt-4"})).status, 400);
    taken(&emulator, "/v1/chat/completions", &chat(json!({"model": "gpt-4"})));
}

#[test]
fn an_item_may_be_named_by_its_id_alone() {
    let emulator = emulator(json!({}));
    let first = taken(&emulator, "/v1/responses", &response(json!({"model": "gpt-4o"})));
    let named = json!([{"id": first["output"][0]["id"]}, {"role": "user", "content": "and?"}]);
    taken(&emulator, "/v1/responses", &response(json!({"model": "gpt-4o", "input": named})));
    let unknown =
        post(&emulator, "/v1/responses", "", &response(json!({"input": [{"id": "msg_nowhere", "type": null}]})));
    assert_eq!(unknown.status, 404, "{}", unknown.text());
}
