//! Azure's wire over a socket: its paths, its filters, its errors and headers.

use super::answers_tests::REFUSED;
use super::asking_tests::Asking;
use super::tests::{Got, exchange, request, send, start};
use crate::emulator::Emulator;
use crate::surface::Operation;
use crate::surface::operations::all;
use serde_json::{Value, json};

const KEY: &str = "sk-azure";
const CHAT: &str = "/openai/deployments/my-gpt/chat/completions";
const VERSION: &str = "?api-version=2024-10-21";

fn ask(emulator: &Emulator, path: &str, body: &Value) -> Got {
    let asked = request("POST", path, KEY, "", body.to_string().as_bytes());
    exchange(emulator, &asked).expect("an answer")
}

fn chat(stream: bool) -> Value {
    json!({"messages": [{"role": "user", "content": "x"}], "stream": stream})
}

fn scripted(options: Value, replies: Value) -> std::sync::Arc<Emulator> {
    let emulator = start(options);
    assert_eq!(send(&emulator, KEY, "/_emulator/script", &json!({"responses": replies})).status, 200);
    emulator
}

#[test]
fn completions_are_rated_and_their_keys_in_order() {
    let emulator = scripted(json!({}), json!(["Hello.", "Hello."]));
    let got = ask(&emulator, &format!("{CHAT}{VERSION}"), &chat(false));
    assert_eq!(got.status, 200, "{}", got.text());
    assert!(got.text().starts_with("{\"choices\":[{\"content_filter_results\":{\"hate\":"), "{}", got.text());
    let answer = got.json();
    assert_eq!(answer["prompt_filter_results"][0]["content_filter_results"]["jailbreak"]["detected"], false);
    assert!(answer.get("service_tier").is_none());
    for header in ["apim-request-id: ", "x-ms-region: east us 2", "x-ms-deployment-name: my-gpt"] {
        assert!(got.head.contains(header), "{header}: {}", got.head);
    }
    for header in ["openai-organization", "cf-ray", "x-openai"] {
        assert!(!got.head.contains(header), "{header}: {}", got.head);
    }
    // Without a version in the path none is asked for.
    let mut body = chat(false);
    body["model"] = json!("my-gpt");
    let v1 = ask(&emulator, "/openai/v1/chat/completions", &body);
    assert!(v1.status == 200 && v1.json()["choices"][0]["content_filter_results"].is_object(), "{}", v1.text());
}

#[test]
fn batches_go_by_azures_names_of_endpoints() {
    let emulator = scripted(json!({}), json!([{"text": "Oslo.", "times": -1}]));
    let line = |id: &str, url: &str, more: Value| {
        let mut body = json!({"model": "my-gpt"});
        body.as_object_mut().expect("an object").extend(more.as_object().cloned().expect("an object"));
        json!({"custom_id": id, "method": "POST", "url": url, "body": body}).to_string()
    };
    let messages = json!({"messages": [{"role": "user", "content": "x"}]});
    let lines = [
        line("a", "/chat/completions", messages.clone()),
        line("b", "/v1/chat/completions", messages),
        line("c", "/v1/responses", json!({"input": "x"})),
    ];
    let form = format!(
        "--x\r\ncontent-disposition: form-data; name=\"purpose\"\r\n\r\nbatch\r\n--x\r\ncontent-disposition: form-data; \
         name=\"file\"; filename=\"in.jsonl\"\r\n\r\n{}\r\n--x--\r\n",
        lines.join("\n")
    );
    let head = String::from_utf8(request("POST", &format!("/openai/files{VERSION}"), KEY, "", &[])).expect("text");
    let head = head.replace("application/json", "multipart/form-data; boundary=x");
    let head = head.replace("length: 0", &format!("length: {}", form.len()));
    let file = exchange(&emulator, format!("{head}{form}").as_bytes()).expect("an answer").json();
    let batch = json!({"input_file_id": file["id"], "endpoint": "/chat/completions", "completion_window": "24h"});
    let made = ask(&emulator, &format!("/openai/batches{VERSION}"), &batch).json();
    assert_eq!(made["endpoint"], "/chat/completions", "{made}");
    let path = format!("/openai/batches/{}{VERSION}", made["id"].as_str().expect("an id"));
    let done = exchange(&emulator, &request("GET", &path, KEY, "", &[])).expect("an answer").json();
    assert_eq!((&done["status"], &done["request_counts"]["completed"]), (&json!("completed"), &json!(3)), "{done}");
    // Elsewhere it is a value like any other unknown one.
    let refused = ask(&emulator, "/v1/batches", &batch);
    let message = refused.json()["error"]["message"].as_str().unwrap_or_default().to_string();
    assert!(refused.status == 400 && message.starts_with("Invalid value: '/chat/completions'. Supported"), "{message}");
}

#[test]
fn streams_begin_with_the_ratings_of_the_prompt() {
    let emulator = scripted(json!({}), json!([{"text": "Hi"}, {"text": "", "finish_reason": "content_filter"}]));
    let events = |got: Got| -> Vec<Value> {
        let text = got.text();
        assert!(text.ends_with("data: [DONE]\n\n"), "{text}");
        let data = text.lines().filter_map(|line| line.strip_prefix("data: ")).filter(|data| *data != "[DONE]");
        data.map(|data| serde_json::from_str(data).expect("JSON")).collect()
    };
    let got = events(ask(&emulator, &format!("{CHAT}{VERSION}"), &chat(true)));
    assert_eq!((&got[0]["choices"], &got[0]["id"]), (&json!([]), &json!("")));
    assert!(got[0]["prompt_filter_results"][0]["content_filter_results"]["violence"].is_object());
    assert_eq!(got[1]["choices"][0]["content_filter_results"], json!({}));
    assert_eq!(got[2]["choices"][0]["delta"], json!({"content": "Hi"}));
    assert_eq!(got[2]["choices"][0]["content_filter_results"]["hate"]["severity"], "safe");
    let got = events(ask(&emulator, &format!("{CHAT}{VERSION}"), &chat(true)));
    let last = &got.last().expect("an end")["choices"][0];
    assert_eq!(last["finish_reason"], "content_filter");
    assert_eq!(last["content_filter_results"]["violence"]["filtered"], true);
}

#[test]
fn refusals_are_azures() {
    let emulator = scripted(
        json!({}),
        json!([
            {"error": {"code": "content_filter"}}, {"error": {"status": 429}}, {"error": {"status": 400, "message": "Mine."}},
        ]),
    );
    let path = format!("{CHAT}{VERSION}");
    let filtered = ask(&emulator, &path, &chat(false));
    let error = filtered.json()["error"].clone();
    assert_eq!((filtered.status, &error["code"], &error["status"]), (400, &json!("content_filter"), &json!(400)));
    assert_eq!(error["innererror"]["content_filter_result"]["violence"]["filtered"], true);
    assert!(error["message"].as_str().is_some_and(|message| message.starts_with("The response was filtered")));
    let limited = ask(&emulator, &path, &chat(false));
    assert_eq!((limited.status, &limited.json()["error"]["code"]), (429, &json!("429")));
    assert!(limited.text().contains("API version 2024-10-21"), "{}", limited.text());
    assert_eq!(ask(&emulator, &path, &chat(false)).json()["error"]["message"], "Mine.");
    let text = |code: &str, message: &str| json!({"error": {"code": code, "message": message}});
    for path in [CHAT, "/openai/responses", "/openai/v1/nothing", "/openai/nothing?api-version=1"] {
        let got = ask(&emulator, path, &chat(false));
        assert_eq!((got.status, got.json()), (404, text("404", "Resource not found")), "{path}");
    }
    let denied = exchange(&emulator, &request("POST", &path, "invalid", "", chat(false).to_string().as_bytes()));
    let denied = denied.expect("an answer");
    assert_eq!((denied.status, &denied.json()["error"]["code"]), (401, &json!("401")));
    assert!(!denied.head.contains("x-ms-region") && denied.head.contains("apim-request-id"), "{}", denied.head);
    let script = json!({"models": ["gpt-4o"]});
    assert_eq!(send(&emulator, KEY, "/_emulator/script", &script).status, 200);
    let missing = ask(&emulator, &path, &chat(false));
    assert_eq!((missing.status, &missing.json()["error"]["code"]), (404, &json!("DeploymentNotFound")));
}

#[test]
fn an_option_says_who_is_answered_so() {
    let never = scripted(json!({"azure": "never"}), json!(["a"]));
    let got = ask(&never, CHAT, &chat(false));
    assert!(got.status == 200 && got.json().get("prompt_filter_results").is_none(), "{}", got.text());
    let always = scripted(json!({"azure": "always"}), json!(["a"]));
    let mut body = chat(false);
    body["model"] = json!("gpt-4o");
    let got = ask(&always, "/v1/chat/completions", &body);
    assert!(got.status == 200 && got.json()["prompt_filter_results"].is_array(), "{}", got.text());
}

#[test]
fn every_operation_is_reached_below_openai_with_a_version_or_with_v1() {
    let asking = Asking::start();
    let (mut bad, mut seen) = (Vec::new(), 0);
    // The list on the same path is the one that is reached.
    let own = |one: &&Operation| one.variant.is_none() && one.name != "fine_tuning.checkpoints.permissions.retrieve";
    for operation in all().iter().filter(own) {
        let refused = REFUSED.iter().any(|(name, ..)| *name == operation.name);
        for (beginning, query) in [("/openai/v1", "x=1"), ("/openai", "api-version=2025-04-01-preview")] {
            let got = asking.send(&asking.valid(operation).below(beginning, query));
            seen += 1;
            if !got.head.contains("apim-request-id: ") || (got.status >= 400) != refused {
                bad.push(format!("{} {beginning}: {} {}", operation.name, got.status, got.text()));
            }
        }
        let unversioned = asking.send(&asking.valid(operation).below("/openai", "x=1"));
        if unversioned.status != 404 || unversioned.json()["error"]["message"] != "Resource not found" {
            bad.push(format!("{} without a version: {}", operation.name, unversioned.status));
        }
    }
    assert!(bad.is_empty(), "{} of {seen}:\n{}", bad.len(), bad.join("\n"));
    assert!(seen > 600, "{seen}");
}
