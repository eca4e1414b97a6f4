//! Assistants over a socket: threads, runs with their steps and events, on the session's clock; every answer is of its type.

use super::tests::{Got, eventually, exchange, request, send, start};
use crate::emulator::Emulator;
use crate::surface::{self, operations};
use serde_json::{Value, json};
use std::collections::HashMap;
use std::sync::Arc;

const KEY: &str = "assistants";

/// Asks; an answer of a path of the API is of the type of its operation.
#[track_caller]
fn ask(emulator: &Emulator, method: &str, path: &str, body: &Value) -> Got {
    let body = if body.is_null() { String::new() } else { body.to_string() };
    exchange(emulator, &request(method, path, KEY, "", body.as_bytes())).expect("an answer")
}

#[track_caller]
fn valid(emulator: &Emulator, operation: &str, path: &str, body: &Value) -> Value {
    let operation = operations::named(operation).expect("an operation");
    let got = ask(emulator, operation.method, &format!("/v1{path}"), body);
    assert_eq!(got.status, 200, "{}: {}", operation.name, got.text());
    let answer = got.json();
    let name = operation.answer.expect("a type");
    let listed = answer["data"].as_array().cloned().filter(|_| answer["object"] == "list");
    for object in listed.unwrap_or_else(|| vec![answer.clone()]) {
        let faults = surface::faults(name, &object);
        assert!(faults.is_empty(), "{}: {faults:?} in {object}", operation.name);
    }
    answer
}

#[track_caller]
fn refused(got: &Got) -> String {
    assert_eq!(got.status, 400, "{}", got.text());
    let error = got.json()["error"].clone();
    assert_eq!((&error["type"], &error["param"]), (&json!("invalid_request_error"), &Value::Null));
    error["message"].as_str().expect("a message").to_string()
}

fn id(object: &Value) -> String {
    object["id"].as_str().expect("an id").to_string()
}

fn script(emulator: &Emulator, responses: Value) {
    let got = send(emulator, KEY, "/_emulator/script", &json!({"responses": responses}));
    assert_eq!(got.status, 200, "{}", got.text());
}

/// An assistant with a function, and a thread that asks something.
fn prepared(emulator: &Emulator) -> (String, String) {
    let weather = json!({"type": "function", "function": {"name": "weather", "parameters": {"type": "object",
        "properties": {"city": {"type": "string"}}, "required": ["city"]}}});
    let assistant = json!({"model": "gpt-4o", "instructions": "Answer.", "tools": [weather]});
    let assistant = valid(emulator, "beta.assistants.create", "/assistants", &assistant);
    let thread = json!({"messages": [{"role": "user", "content": "Weather in Bonn?"}]});
    (id(&assistant), id(&valid(emulator, "beta.threads.create", "/threads", &thread)))
}

fn run(emulator: &Emulator, assistant: &str, thread: &str) -> Value {
    let path = format!("/threads/{thread}/runs");
    valid(emulator, "beta.threads.runs.create", &path, &json!({"assistant_id": assistant}))
}

fn look(emulator: &Emulator, thread: &str, run: &str) -> Value {
    valid(emulator, "beta.threads.runs.retrieve", &format!("/threads/{thread}/runs/{run}"), &Value::Null)
}

fn steps(emulator: &Emulator, thread: &str, run: &str) -> Vec<Value> {
    let path = format!("/threads/{thread}/runs/{run}/steps");
    let page = valid(emulator, "beta.threads.runs.steps.list", &format!("{path}?order=asc"), &Value::Null);
    let steps = page["data"].as_array().expect("steps").clone();
    for step in &steps {
        let one = valid(emulator, "beta.threads.runs.steps.retrieve", &format!("{path}/{}", id(step)), &Value::Null);
        assert_eq!(one, *step);
    }
    steps
}

fn texts(emulator: &Emulator, thread: &str) -> Vec<String> {
    let path = format!("/threads/{thread}/messages?order=asc");
    let page = valid(emulator, "beta.threads.messages.list", &path, &Value::Null);
    let text = |message: &Value| message["content"][0]["text"]["value"].as_str().expect("a text").to_string();
    page["data"].as_array().expect("messages").iter().map(text).collect()
}

/// Events of a stream, each of its type.
fn events(got: &Got) -> Vec<(String, Value)> {
    assert_eq!(got.status, 200, "{}", got.text());
    let text = got.text();
    let mut out = Vec::new();
    for event in text.split("\n\n").filter(|event| !event.is_empty()) {
        let (name, data) = event.split_once('\n').expect("a name and data");
        let (name, data) = (name.strip_prefix("event: ").expect("a name"), data.strip_prefix("data: ").expect("data"));
        if name == "done" {
            assert_eq!(data, "[DONE]");
            out.push((name.to_string(), Value::Null));
            continue;
        }
        let data: Value = serde_json::from_str(data).expect("JSON");
        let faults = surface::faults("beta.assistants.AssistantStreamEvent", &json!({"event": name, "data": data}));
        assert!(faults.is_empty(), "{name}: {faults:?} in {data}");
        out.push((name.to_string(), data));
    }
    out
}

/// Their names, each once where it repeats.
fn names(events: &[(String, Value)]) -> Vec<&str> {
    let mut names: Vec<&str> = events.iter().map(|(name, _)| name.as_str()).collect();
    names.dedup();
    names
}

const CALL: &str = r#"{"city":"Bonn"}"#;

fn call() -> Value {
    json!({"tool_calls": [{"name": "weather", "arguments": {"city": "Bonn"}}]})
}

#[test]
fn a_run_goes_through_its_functions_to_its_message() {
    let emulator = start(json!({}));
    let (assistant, thread) = prepared(&emulator);
    script(&emulator, json!([call(), {"text": "It rains."}]));
    let run = run(&emulator, &assistant, &thread);
    assert_eq!((&run["status"], &run["model"], &run["usage"]), (&json!("queued"), &json!("gpt-4o"), &Value::Null));
    let waits = look(&emulator, &thread, &id(&run));
    assert_eq!(waits["status"], "requires_action");
    let asked = &waits["required_action"]["submit_tool_outputs"]["tool_calls"][0];
    assert_eq!(asked["function"], json!({"name": "weather", "arguments": CALL}));
    let path = format!("/threads/{thread}/runs/{}/submit_tool_outputs", id(&run));
    let outputs = json!({"tool_outputs": [{"tool_call_id": asked["id"], "output": "rain"}]});
    let goes_on = valid(&emulator, "beta.threads.runs.submit_tool_outputs", &path, &outputs);
    assert_eq!((&goes_on["status"], &goes_on["required_action"]), (&json!("queued"), &Value::Null));
    let done = look(&emulator, &thread, &id(&run));
    assert_eq!((&done["status"], &done["expires_at"]), (&json!("completed"), &Value::Null));
    assert_eq!(texts(&emulator, &thread), ["Weather in Bonn?", "It rains."]);
    let steps = steps(&emulator, &thread, &id(&run));
    let kinds: Vec<_> = steps.iter().map(|step| (&step["type"], &step["status"])).collect();
    assert_eq!(kinds, [(&json!("tool_calls"), &json!("completed")), (&json!("message_creation"), &json!("completed"))]);
    assert_eq!(steps[0]["step_details"]["tool_calls"][0]["function"]["output"], "rain");
    let total = |object: &Value| object["usage"]["total_tokens"].as_u64().expect("usage");
    assert_eq!(total(&done), steps.iter().map(total).sum::<u64>());
    assert!(total(&steps[1]) > 0 && total(&steps[0]) > 0);
}

#[test]
fn the_events_of_a_run_come_in_the_order_that_was_recorded() {
    let emulator = start(json!({}));
    let (assistant, thread) = prepared(&emulator);
    let code = json!({"type": "code_interpreter_call", "code": "print(1)", "outputs": [{"type": "logs", "logs": "1"}]});
    script(&emulator, json!([{"output": [code, "It is one."]}, call(), {"text": "It rains."}]));
    let path = format!("/v1/threads/{thread}/runs");
    let body = json!({"assistant_id": assistant, "stream": true});
    // Recording 30203f825668a261.
    let told = events(&ask(&emulator, "POST", &path, &body));
    let step = |end: &'static str| ["thread.run.step.created", "thread.run.step.in_progress", end];
    let message = [
        "thread.message.created",
        "thread.message.in_progress",
        "thread.message.delta",
        "thread.message.completed",
        "thread.run.step.completed",
        "thread.run.completed",
        "done",
    ];
    let begun = ["thread.run.created", "thread.run.queued", "thread.run.in_progress"];
    let expected =
        [&begun[..], &step("thread.run.step.delta"), &["thread.run.step.completed"], &step("")[..2], &message];
    assert_eq!(names(&told), expected.concat());
    let deltas = |events: &[(String, Value)], name: &str, place: &str| -> String {
        let deltas = events.iter().filter(|(told, _)| told == name);
        deltas.filter_map(|(_, data)| data.pointer(place)?.as_str()).collect()
    };
    assert_eq!(deltas(&told, "thread.message.delta", "/delta/content/0/text/value"), "It is one.");
    let input = "/delta/step_details/tool_calls/0/code_interpreter/input";
    assert_eq!(deltas(&told, "thread.run.step.delta", input), "print(1)");
    assert_eq!(texts(&emulator, &thread), ["Weather in Bonn?", "It is one."]);
    // A function: the stream ends with what it needs, and goes on in another one.
    let told = events(&ask(&emulator, "POST", &path, &body));
    let expected = [&begun[..], &step("thread.run.step.delta"), &["thread.run.requires_action", "done"]];
    assert_eq!(names(&told), expected.concat());
    let arguments = "/delta/step_details/tool_calls/0/function/arguments";
    assert_eq!(deltas(&told, "thread.run.step.delta", arguments), CALL);
    let waits = &told[told.len() - 2].1;
    let asked = &waits["required_action"]["submit_tool_outputs"]["tool_calls"][0]["id"];
    let body = json!({"tool_outputs": [{"tool_call_id": asked, "output": "rain"}], "stream": true});
    let told = events(&ask(&emulator, "POST", &format!("{path}/{}/submit_tool_outputs", id(waits)), &body));
    let expected = [&["thread.run.step.completed"][..], &begun[1..], &step("")[..2], &message];
    assert_eq!(names(&told), expected.concat());
    assert_eq!(texts(&emulator, &thread).last().map(String::as_str), Some("It rains."));
    // Created with its thread.
    script(&emulator, json!([{"text": "Hello."}]));
    let body =
        json!({"assistant_id": assistant, "stream": true, "thread": {"messages": [{"role": "user", "content": "hi"}]}});
    let told = events(&ask(&emulator, "POST", "/v1/threads/runs", &body));
    assert_eq!(names(&told)[..2], ["thread.created", "thread.run.created"]);
    assert_eq!(texts(&emulator, &id(&told[0].1)), ["hi", "Hello."]);
}

#[test]
fn what_is_asked_of_a_model_is_what_the_thread_says() {
    let emulator = start(json!({}));
    let (assistant, thread) = prepared(&emulator);
    let rules = json!({"rules": [
        {"match": {"operation": "beta.threads.runs.create", "model": "gpt-4o", "user": "Bonn", "system": "Answer. Briefly."},
            "response": call()},
        {"match": {"operation": "beta.threads.runs.submit_tool_outputs", "tool_result": {"tool": "weather", "text": "rain"}},
            "response": "It rains."},
    ]});
    let got = send(&emulator, KEY, "/_emulator/script", &rules);
    assert_eq!(got.status, 200, "{}", got.text());
    let body = json!({"assistant_id": assistant, "additional_instructions": "Briefly."});
    let run = valid(&emulator, "beta.threads.runs.create", &format!("/threads/{thread}/runs"), &body);
    let waits = look(&emulator, &thread, &id(&run));
    let asked = &waits["required_action"]["submit_tool_outputs"]["tool_calls"][0]["id"];
    let outputs = json!({"tool_outputs": [{"tool_call_id": asked, "output": "rain"}]});
    let path = format!("/threads/{thread}/runs/{}/submit_tool_outputs", id(&run));
    valid(&emulator, "beta.threads.runs.submit_tool_outputs", &path, &outputs);
    assert_eq!(texts(&emulator, &thread).last().map(String::as_str), Some("It rains."));
}

#[test]
fn a_run_takes_its_time_on_the_clock_and_can_be_stopped_in_it() {
    let emulator = start(json!({"clock": "manual"}));
    let (assistant, thread) = prepared(&emulator);
    let advance = |seconds: u64| {
        let body = json!({"advance_ms": seconds * 1000}).to_string();
        let got =
            exchange(&emulator, &request("PUT", "/_emulator/clock", KEY, "", body.as_bytes())).expect("an answer");
        assert_eq!(got.status, 200, "{}", got.text());
    };
    let slow = |text: &str| json!({"text": text, "pace": {"ttft_ms": 5_000}});
    let held = json!({"text": "Held.", "pace": {"hold": {"after_chunks": 0, "until": "go"}}});
    script(&emulator, json!([slow("Slowly."), slow("Never."), held, call()]));
    let first = id(&run(&emulator, &assistant, &thread));
    let path = format!("/v1/threads/{thread}");
    assert_eq!(look(&emulator, &thread, &first)["status"], "in_progress");
    let message = json!({"role": "user", "content": "And?"});
    let got = ask(&emulator, "POST", &format!("{path}/messages"), &message);
    assert_eq!(refused(&got), format!("Can't add messages to {thread} while a run {first} is active."));
    let got = ask(&emulator, "POST", &format!("{path}/runs"), &json!({"assistant_id": assistant}));
    assert_eq!(refused(&got), format!("Thread {thread} already has an active run {first}."));
    let got = ask(&emulator, "POST", &format!("{path}/runs/{first}"), &json!({"metadata": {"a": "b"}}));
    assert_eq!(refused(&got), "Cannot update run with status 'in_progress'.");
    let outputs = json!({"tool_outputs": [{"tool_call_id": "call_1", "output": ""}]});
    let got = ask(&emulator, "POST", &format!("{path}/runs/{first}/submit_tool_outputs"), &outputs);
    assert_eq!(refused(&got), "Runs in status \"in_progress\" do not accept tool outputs.");
    assert_eq!(texts(&emulator, &thread).len(), 1);
    advance(6);
    assert_eq!(texts(&emulator, &thread), ["Weather in Bonn?", "Slowly."]);
    let got = ask(&emulator, "POST", &format!("{path}/runs/{first}/cancel"), &Value::Null);
    assert_eq!(refused(&got), "Cannot cancel run with status 'completed'.");
    // Stopped in the middle.
    let second = id(&run(&emulator, &assistant, &thread));
    let cancel = |run: &str| {
        valid(&emulator, "beta.threads.runs.cancel", &format!("/threads/{thread}/runs/{run}/cancel"), &Value::Null)
    };
    assert_eq!(cancel(&second)["status"], "cancelling");
    assert_eq!(look(&emulator, &thread, &second)["status"], "cancelled");
    // On hold until it is let go.
    let third = id(&run(&emulator, &assistant, &thread));
    advance(60);
    assert_eq!(look(&emulator, &thread, &third)["status"], "in_progress");
    assert_eq!(send(&emulator, KEY, "/_emulator/release/go", &json!({})).status, 200);
    assert_eq!(look(&emulator, &thread, &third)["status"], "completed");
    // Nobody gives the outputs it waits for.
    let fourth = id(&run(&emulator, &assistant, &thread));
    assert_eq!(look(&emulator, &thread, &fourth)["status"], "requires_action");
    advance(601);
    assert_eq!(look(&emulator, &thread, &fourth)["status"], "expired");
    assert_eq!(steps(&emulator, &thread, &fourth)[0]["status"], "expired");
    assert_eq!(texts(&emulator, &thread).len(), 3);
}

#[test]
fn runs_end_early_and_fail_as_their_replies_say() {
    let emulator = start(json!({}));
    let (assistant, thread) = prepared(&emulator);
    script(
        &emulator,
        json!([{"text": "word ".repeat(40)}, {"text": "x", "fault": {"kind": "error", "error": {"status": 429}}},
        {"text": "one two three", "fault": {"kind": "error", "error": {"status": 500}, "at": 1}}, {"error": {"status": 429}}]),
    );
    let path = format!("/v1/threads/{thread}/runs");
    // Recording c8968d0fc3f73f1b has so few, of which the document says that they must be 256.
    let body = json!({"assistant_id": assistant, "max_completion_tokens": 16});
    let short = id(&ask(&emulator, "POST", &path, &body).json());
    let short = ask(&emulator, "GET", &format!("{path}/{short}"), &Value::Null).json();
    assert_eq!(
        (&short["status"], &short["incomplete_details"]["reason"]),
        (&json!("incomplete"), &json!("max_completion_tokens"))
    );
    assert_eq!(texts(&emulator, &thread)[1].trim(), "word ".repeat(16).trim());
    let failed = id(&run(&emulator, &assistant, &thread));
    let failed = look(&emulator, &thread, &failed);
    assert_eq!((&failed["status"], &failed["last_error"]["code"]), (&json!("failed"), &json!("rate_limit_exceeded")));
    let told = events(&ask(&emulator, "POST", &path, &json!({"assistant_id": assistant, "stream": true})));
    let names = names(&told);
    assert_eq!(names[names.len() - 3..], ["thread.message.delta", "thread.run.failed", "done"]);
    assert_eq!(look(&emulator, &thread, &id(&told[0].1))["status"], "failed");
    let got = ask(&emulator, "POST", &path, &json!({"assistant_id": assistant}));
    assert_eq!(got.status, 429, "{}", got.text());
    let runs = ask(&emulator, "GET", &path, &Value::Null).json();
    assert_eq!(runs["data"].as_array().map(Vec::len), Some(3), "a refused run is none");
}

#[test]
fn a_client_that_leaves_its_stream_leaves_no_run_behind() {
    let emulator: Arc<Emulator> = start(json!({"clock": "manual"}));
    let (assistant, thread) = prepared(&emulator);
    script(&emulator, json!([{"text": "one two", "pace": {"hold": {"after_chunks": 1, "until": "never"}}}]));
    let body = json!({"assistant_id": assistant, "stream": true});
    let open = super::fault_tests::open(&emulator, KEY, &format!("/v1/threads/{thread}/runs"), body, true);
    let status = || {
        let runs = valid(&emulator, "beta.threads.runs.list", &format!("/threads/{thread}/runs"), &Value::Null);
        runs["data"][0]["status"].as_str().map(String::from)
    };
    eventually("the run", || status().filter(|status| status == "in_progress"));
    drop(open);
    eventually("its end", || status().filter(|status| status == "completed"));
    assert_eq!(texts(&emulator, &thread), ["Weather in Bonn?", "one two"]);
}

#[test]
fn what_cannot_be_is_refused_in_openais_words() {
    let emulator = start(json!({}));
    let (assistant, thread) = prepared(&emulator);
    let missing = |method: &str, path: &str, body: Value, message: &str| {
        let got = ask(&emulator, method, &format!("/v1{path}"), &body);
        assert_eq!((got.status, &got.json()["error"]["message"]), (404, &json!(message)), "{path}");
    };
    let run = json!({"assistant_id": "asst_x"});
    missing("GET", "/assistants/asst_x", Value::Null, "No assistant found with id 'asst_x'.");
    missing("POST", "/threads/thread_x/runs", run.clone(), "No thread found with id 'thread_x'.");
    missing("POST", &format!("/threads/{thread}/runs"), run, "No assistant found with id 'asst_x'.");
    missing("GET", &format!("/threads/{thread}/runs/run_x"), Value::Null, "No run found with id 'run_x'.");
    missing("GET", &format!("/threads/{thread}/messages/msg_x"), Value::Null, "No message found with id 'msg_x'.");
    // A thread quotes it of the assistant's creation (openai-assistants-quickstart 1).
    let named = id(&valid(&emulator, "beta.assistants.create", "/assistants", &json!({"model": "gpt-4"})));
    for path in ["/v1/assistants".to_string(), format!("/v1/assistants/{named}")] {
        let error = ask(&emulator, "POST", &path, &json!({"model": "gpt-99"})).json()["error"].clone();
        let words = "The requested model 'gpt-99' does not exist.";
        assert_eq!((&error["message"], &error["code"]), (&json!(words), &json!("model_not_found")), "{path}");
    }
    // Recordings 658fedd813ce3581 and 26072eaf17280d96.
    let silent = id(&valid(&emulator, "beta.assistants.create", "/assistants", &json!({"model": "gpt-4"})));
    let empty = id(&valid(&emulator, "beta.threads.create", "/threads", &json!({})));
    let got = ask(&emulator, "POST", &format!("/v1/threads/{empty}/runs"), &json!({"assistant_id": silent}));
    let words = "Run creation requires a Thread with a user message or an assistant with instructions.";
    assert_eq!((refused(&got).as_str(), &got.json()["error"]["code"]), (words, &json!("invalid_thread")));
    let got = ask(&emulator, "POST", &format!("/v1/threads/{thread}"), &json!({"metadata": {"modified": true}}));
    let words = "Invalid type for 'metadata.modified': expected a string, but got a boolean instead.";
    let error = got.json()["error"].clone();
    assert_eq!(
        (&error["message"], &error["param"], &error["code"]),
        (&json!(words), &json!("metadata.modified"), &json!("invalid_type"))
    );
    // All outputs are asked for at once.
    script(&emulator, json!([call()]));
    let run = id(&self::run(&emulator, &assistant, &thread));
    let waits = look(&emulator, &thread, &run);
    let asked = waits["required_action"]["submit_tool_outputs"]["tool_calls"][0]["id"].as_str().expect("an id");
    let outputs = json!({"tool_outputs": [{"tool_call_id": "call_x", "output": ""}]});
    let got = ask(&emulator, "POST", &format!("/v1/threads/{thread}/runs/{run}/submit_tool_outputs"), &outputs);
    assert_eq!(refused(&got), format!("Expected tool outputs for call_ids ['{asked}'], got ['call_x']"));
    assert_eq!(look(&emulator, &thread, &run)["status"], "requires_action");
}

#[test]
fn messages_and_assistants_are_kept_in_their_normal_form() {
    let emulator = start(json!({}));
    let (assistant, thread) = prepared(&emulator);
    let path = format!("/threads/{thread}/messages");
    let parts =
        json!([{"type": "text", "text": "Look:"}, {"type": "image_url", "image_url": {"url": "https://a.b/c.png"}}]);
    let message = json!({"role": "user", "content": parts, "metadata": {"a": "b"}});
    let made = valid(&emulator, "beta.threads.messages.create", &path, &message);
    assert_eq!(
        made["content"],
        json!([{"type": "text", "text": {"value": "Look:", "annotations": []}},
            {"type": "image_url", "image_url": {"url": "https://a.b/c.png", "detail": "auto"}}])
    );
    let one = format!("{path}/{}", id(&made));
    let changed = valid(&emulator, "beta.threads.messages.update", &one, &json!({"metadata": {"c": "d"}}));
    assert_eq!(changed["metadata"], json!({"c": "d"}));
    assert_eq!(valid(&emulator, "beta.threads.messages.retrieve", &one, &Value::Null), changed);
    let page = valid(&emulator, "beta.threads.messages.list", &format!("{path}?limit=1"), &Value::Null);
    assert_eq!((&page["data"][0], &page["has_more"]), (&changed, &json!(true)));
    let before =
        valid(&emulator, "beta.threads.messages.list", &format!("{path}?order=asc&before={}", id(&made)), &Value::Null);
    assert_eq!(before["data"].as_array().map(Vec::len), Some(1));
    valid(&emulator, "beta.threads.messages.delete", &one, &Value::Null);
    assert_eq!(texts(&emulator, &thread).len(), 1);
    let body = json!({"name": "Tutor", "temperature": 1, "tools": [{"type": "code_interpreter"}]});
    let path = format!("/assistants/{assistant}");
    let changed = valid(&emulator, "beta.assistants.update", &path, &body);
    assert_eq!((&changed["name"], &changed["instructions"]), (&json!("Tutor"), &json!("Answer.")));
    assert_eq!(changed["tool_resources"], json!({"code_interpreter": {"file_ids": []}}));
    assert_eq!(valid(&emulator, "beta.assistants.retrieve", &path, &Value::Null), changed);
    let listed = valid(&emulator, "beta.assistants.list", "/assistants", &Value::Null);
    assert_eq!(listed["data"][0], changed);
    valid(&emulator, "beta.assistants.delete", &path, &Value::Null);
    valid(&emulator, "beta.threads.update", &format!("/threads/{thread}"), &json!({"metadata": {"a": "b"}}));
    let kept = valid(&emulator, "beta.threads.retrieve", &format!("/threads/{thread}"), &Value::Null);
    assert_eq!(kept["metadata"], json!({"a": "b"}));
    valid(&emulator, "beta.threads.delete", &format!("/threads/{thread}"), &Value::Null);
    assert_eq!(ask(&emulator, "GET", &format!("/v1/threads/{thread}/runs"), &Value::Null).status, 404);
}

#[test]
fn file_search_of_a_run_finds_in_the_stores_of_its_assistant_and_its_thread() {
    let emulator = start(json!({}));
    let file = |name: &str, text: &str| {
        let kept = super::files_tests::upload_as(&emulator, KEY, name, "assistants", text.as_bytes(), &[]);
        id(&kept.json())
    };
    let (owls, hens, table) =
        (file("owls.md", "Owls hoot at night."), file("hens.md", "Hens cluck."), file("a.csv", "a,b"));
    let stores = || ask(&emulator, "GET", "/v1/vector_stores", &Value::Null).json()["data"].clone();
    let assistant = json!({"model": "gpt-4o", "instructions": "Look it up.", "tools": [{"type": "file_search"}, {"type": "code_interpreter"}],
        "tool_resources": {"file_search": {"vector_stores": [{"file_ids": [owls]}]}}});
    let assistant = valid(&emulator, "beta.assistants.create", "/assistants", &assistant);
    let own = &stores()[0];
    assert_eq!(assistant["tool_resources"]["file_search"]["vector_store_ids"], json!([own["id"]]));
    assert_eq!(own["expires_after"], Value::Null);
    let attach = |file: &str, tool: &str| json!({"role": "user", "content": "Who clucks?", "attachments": [{"file_id": file, "tools": [{"type": tool}]}]});
    let refused = ask(&emulator, "POST", "/v1/threads", &json!({"messages": [attach(&table, "file_search")]}));
    assert_eq!((refused.status, &refused.json()["error"]["code"]), (400, &json!("unsupported_file")));
    let thread =
        valid(&emulator, "beta.threads.create", "/threads", &json!({"messages": [attach("file-none", "file_search")]}));
    assert_eq!(thread["tool_resources"], json!({}), "what nobody uploaded is not searched");
    assert_eq!(stores().as_array().map(Vec::len), Some(1));
    let path = format!("/threads/{}", id(&thread));
    let messages = format!("{path}/messages");
    valid(&emulator, "beta.threads.messages.create", &messages, &attach(&table, "code_interpreter"));
    valid(&emulator, "beta.threads.messages.create", &messages, &attach(&hens, "file_search"));
    let made = stores()[0].clone();
    assert_eq!(made["expires_after"], json!({"anchor": "last_active_at", "days": 7}));
    let held = valid(&emulator, "beta.threads.retrieve", &path, &Value::Null)["tool_resources"].clone();
    let expected =
        json!({"code_interpreter": {"file_ids": [table]}, "file_search": {"vector_store_ids": [made["id"]]}});
    assert_eq!(held, expected);
    let reply = |query: &str| json!({"output": [{"type": "file_search_call", "queries": [query]}], "text": "Hens do."});
    script(&emulator, json!([reply("hens cluck"), reply("owls hoot")]));
    let run = id(&run(&emulator, &id(&assistant), &id(&thread)));
    let done = look(&emulator, &id(&thread), &run);
    assert_eq!(done["status"], "completed", "{done}");
    let plain = steps(&emulator, &id(&thread), &run);
    let searched = plain.iter().find(|step| step["type"] == "tool_calls").expect("a search");
    let results = &searched["step_details"]["tool_calls"][0]["file_search"]["results"];
    assert_eq!((&results[0]["file_name"], &results[0]["content"]), (&json!("hens.md"), &Value::Null));
    let one = format!(
        "/v1{path}/runs/{run}/steps/{}?include[]=step_details.tool_calls[*].file_search.results[*].content",
        id(searched)
    );
    let whole = ask(&emulator, "GET", &one, &Value::Null).json();
    let content = &whole["step_details"]["tool_calls"][0]["file_search"]["results"][0]["content"];
    assert_eq!(content, &json!([{"type": "text", "text": "Hens cluck."}]), "{whole}");
    let said = ask(&emulator, "GET", &format!("/v1{messages}?limit=1"), &Value::Null).json();
    let cited = &said["data"][0]["content"][0]["text"]["annotations"][0]["file_citation"]["file_id"];
    assert_eq!(cited, &json!(hens));
    let body = json!({"assistant_id": id(&assistant), "stream": true,
        "thread": {"messages": [{"role": "user", "content": "Who hoots?"}]}});
    let streamed = events(&ask(&emulator, "POST", "/v1/threads/runs", &body));
    assert!(names(&streamed).contains(&"thread.run.step.delta"));
    let delta =
        streamed.iter().find(|(name, _)| name == "thread.run.step.delta").map(|(_, data)| data).expect("a delta");
    let found = &delta["delta"]["step_details"]["tool_calls"][0]["file_search"]["results"][0];
    assert_eq!((&found["file_name"], &found["content"]), (&json!("owls.md"), &Value::Null), "{delta}");
    // Each search counts in the stores that it looked into, also when it is streamed.
    let (usage, since) = ("/v1/organization/usage/file_search_calls", &assistant["created_at"]);
    let asked = format!("{usage}?start_time={since}&group_by[]=vector_store_id");
    let used = ask(&emulator, "GET", &asked, &Value::Null).json();
    let buckets = used["data"].as_array().expect("buckets").iter();
    let mut counts: HashMap<&str, u64> = HashMap::new();
    for one in buckets.flat_map(|bucket| bucket["results"].as_array().expect("results")) {
        let store = one["vector_store_id"].as_str().expect("a store");
        *counts.entry(store).or_default() += one["num_requests"].as_u64().expect("a count");
    }
    let expected = [(&own["id"], 2), (&made["id"], 1)].map(|(store, count)| (store.as_str().expect("an id"), count));
    assert_eq!(counts, HashMap::from(expected));
    // A request that nothing answers makes nothing.
    script(&emulator, json!([{"match": {"user": "something else"}, "text": "x"}]));
    let before = stores().as_array().map(Vec::len);
    let attached = json!({"assistant_id": id(&assistant), "thread": {"messages": [attach(&owls, "file_search")]}});
    let unanswered = ask(&emulator, "POST", "/v1/threads/runs", &attached);
    assert!(unanswered.status >= 400, "{}", unanswered.text());
    assert_eq!(stores().as_array().map(Vec::len), before);
}
