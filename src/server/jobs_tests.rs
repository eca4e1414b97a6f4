//! Jobs of every kind over a socket: a script's hold catches each in the middle, and clients are told when to look again.

use super::files_tests::{KEY, ask, id, kept};
use super::tests::{send, start};
use crate::control;
use serde_json::{Value, json};

#[test]
fn a_hold_catches_every_job_in_the_middle_and_its_release_ends_it() {
    let emulator = start(json!({"clock": "instant"}));
    let held =
        |operation: &str| json!({"match": {"operation": operation}, "object": {}, "pace": {"hold": {"until": "go"}}});
    let mut rules: Vec<Value> =
        ["vector_stores.files.create", "fine_tuning.jobs.create", "evals.runs.create", "videos.create"]
            .map(held)
            .into();
    rules.push(json!({"text": "x", "times": 9, "pace": {"hold": {"until": "go"}}}));
    let loaded = send(&emulator, KEY, "/_emulator/script", &json!({"responses": rules}));
    assert_eq!(loaded.status, 200, "{}", loaded.text());
    let post = |path: &str, body: Value| {
        let got = send(&emulator, KEY, path, &body);
        assert!(got.status < 300, "{path}: {}", got.text());
        got.json()
    };
    let file = |name: &str, purpose: &str, content: &str| {
        id(&kept(&emulator, name, purpose, content.as_bytes(), &[])).to_string()
    };
    let store = format!("/v1/vector_stores/{}/files", id(&post("/v1/vector_stores", json!({}))));
    let eval = post(
        "/v1/evals",
        json!({"data_source_config": {"type": "custom", "item_schema": {"type": "object"}},
            "testing_criteria": [{"type": "string_check", "name": "n", "operation": "eq", "input": "a", "reference": "a"}]}),
    );
    let runs = format!("/v1/evals/{}/runs", id(&eval));
    let assistant = post("/v1/assistants", json!({"model": "gpt-4o"}));
    let thread = post("/v1/threads", json!({"messages": [{"role": "user", "content": "Hi"}]}));
    let example = json!({"messages": [{"role": "user", "content": "x"}, {"role": "assistant", "content": "y"}]});
    let line =
        json!({"custom_id": "a", "method": "POST", "url": "/v1/responses", "body": {"model": "gpt-4o", "input": "x"}});
    let data = json!({"type": "file_content", "content": [{"item": {}}]});
    let jobs = [
        (store, json!({"file_id": file("a.md", "assistants", "Owls hoot.")}), "completed"),
        (
            "/v1/fine_tuning/jobs".into(),
            json!({"model": "gpt-4o-mini", "training_file": file("a.jsonl", "fine-tune", &format!("{example}\n").repeat(10))}),
            "succeeded",
        ),
        (runs, json!({"data_source": {"type": "jsonl", "source": data}}), "completed"),
        ("/v1/videos".into(), json!({"prompt": "a cat"}), "completed"),
        (
            "/v1/batches".into(),
            json!({"input_file_id": file("b.jsonl", "batch", &line.to_string()), "endpoint": "/v1/responses", "completion_window": "24h"}),
            "completed",
        ),
        (format!("/v1/threads/{}/runs", id(&thread)), json!({"assistant_id": id(&assistant)}), "completed"),
        ("/v1/responses".into(), json!({"model": "gpt-4o", "input": "Hi", "background": true}), "completed"),
    ];
    let made: Vec<(String, &str)> =
        jobs.into_iter().map(|(path, body, end)| (format!("{path}/{}", id(&post(&path, body))), end)).collect();
    for (path, end) in &made {
        let got = ask(&emulator, "GET", path, "");
        let status = got.json()["status"].clone();
        let middle = ["queued", "in_progress", "validating", "validating_files", "running"];
        assert!(middle.iter().any(|one| status == *one) && status != *end, "{path}: {}", got.text());
        assert!(got.head.contains("openai-poll-after-ms: "), "{path}: {}", got.head);
    }
    let released = control::in_process(&emulator, Some(KEY), "POST", "/_emulator/release/go", "");
    assert_eq!(released.0, 200, "{}", released.1);
    for (path, end) in &made {
        // A look sees what has become of it; several are one state after the other.
        let over = (0..10).any(|_| ask(&emulator, "GET", path, "").json()["status"] == *end);
        assert!(over, "{path}: {}", ask(&emulator, "GET", path, "").text());
    }
}
