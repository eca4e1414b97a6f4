//! Batches over a socket: lines are checked, answered in order by the script, and their results are files.

use super::files_tests::{KEY, ask, faults, id, kept};
use super::tests::{Got, send, start};
use crate::control;
use crate::emulator::Emulator;
use serde_json::{Value, json};
use std::sync::Arc;

const CHAT: &str = "/v1/chat/completions";

fn line(number: usize, body: &Value) -> String {
    json!({"custom_id": format!("line-{number}"), "method": "POST", "url": CHAT, "body": body}).to_string()
}

fn question(number: usize) -> String {
    line(number, &json!({"model": "gpt-4o", "messages": [{"role": "user", "content": format!("question {number}")}]}))
}

fn scripted(clock: &str, responses: Value) -> Arc<Emulator> {
    let emulator = start(json!({"clock": clock}));
    let loaded = send(&emulator, KEY, "/_emulator/script", &json!({"responses": responses}));
    assert_eq!(loaded.status, 200, "{}", loaded.text());
    emulator
}

fn create(emulator: &Emulator, lines: &[String]) -> Value {
    let file = kept(emulator, "in.jsonl", "batch", lines.join("\n").as_bytes(), &[]);
    made(emulator, id(&file), &json!({}))
}

fn made(emulator: &Emulator, file: &str, more: &Value) -> Value {
    let mut body = json!({"input_file_id": file, "endpoint": CHAT, "completion_window": "24h"});
    body.as_object_mut().expect("an object").extend(more.as_object().expect("fields").clone());
    let got = send(emulator, KEY, "/v1/batches", &body);
    assert_eq!(got.status, 200, "{}", got.text());
    assert_eq!(faults("batches.Batch", &got.json()), [""; 0]);
    got.json()
}

fn look(emulator: &Emulator, batch: &Value) -> Value {
    let got = ask(emulator, "GET", &format!("/v1/batches/{}", id(batch)), "");
    assert_eq!((got.status, faults("batches.Batch", &got.json())), (200, vec![]), "{}", got.text());
    got.json()
}

fn cancel(emulator: &Emulator, batch: &Value) -> Got {
    ask(emulator, "POST", &format!("/v1/batches/{}/cancel", id(batch)), "")
}

/// The lines of a result file.
fn results(emulator: &Emulator, file: &Value) -> Vec<Value> {
    let got = ask(emulator, "GET", &format!("/v1/files/{}/content", file.as_str().expect("a file")), "");
    assert_eq!(got.status, 200, "{}", got.text());
    got.text().lines().map(|line| serde_json::from_str(line).expect("JSON")).collect()
}

fn advance(emulator: &Arc<Emulator>, ms: u64) {
    let body = json!({"advance_ms": ms}).to_string();
    let (status, _) = control::in_process(emulator, Some(KEY), "PUT", "/_emulator/clock", &body);
    assert_eq!(status, 200);
}

fn counts(batch: &Value) -> [u64; 3] {
    ["total", "completed", "failed"].map(|name| batch["request_counts"][name].as_u64().expect("a count"))
}

#[test]
fn lines_are_answered_in_order_and_their_results_are_files() {
    let emulator = scripted("instant", json!(["one", {"error": {"status": 400, "message": "no"}}, "three"]));
    let batch = create(&emulator, &[question(1), question(2), question(3)]);
    assert_eq!((&batch["status"], &batch["output_file_id"]), (&json!("validating"), &Value::Null));
    let done = look(&emulator, &batch);
    assert_eq!((&done["status"], counts(&done), &done["model"]), (&json!("completed"), [3, 2, 1], &json!("gpt-4o")));
    for at in ["in_progress_at", "finalizing_at", "completed_at"] {
        assert_eq!(done[at], batch["created_at"], "{at}");
    }
    let answered = results(&emulator, &done["output_file_id"]);
    let said = |line: &Value| {
        (line["custom_id"].clone(), line["response"]["body"]["choices"][0]["message"]["content"].clone())
    };
    assert_eq!(
        answered.iter().map(said).collect::<Vec<_>>(),
        [(json!("line-1"), json!("one")), (json!("line-3"), json!("three"))]
    );
    assert_eq!((&answered[0]["response"]["status_code"], &answered[0]["error"]), (&json!(200), &Value::Null));
    let refused = results(&emulator, &done["error_file_id"]);
    assert_eq!((refused.len(), &refused[0]["response"]["body"]["error"]["message"]), (1, &json!("no")));
    let total: u64 =
        answered.iter().map(|line| line["response"]["body"]["usage"]["total_tokens"].as_u64().expect("usage")).sum();
    assert_eq!(done["usage"]["total_tokens"], total);
    // Its lines are exchanges like any other.
    let (_, journal) = control::in_process(&emulator, Some(KEY), "GET", "/_emulator/requests", "");
    let asked = journal["data"]
        .as_array()
        .expect("requests")
        .iter()
        .filter(|one| one["operation"] == "chat.completions.create");
    assert_eq!(asked.count(), 3);
    assert_eq!(look(&emulator, &batch), done, "nothing changes any more");
    let listed = ask(&emulator, "GET", "/v1/batches?limit=1", "").json();
    assert_eq!((&listed["data"], &listed["has_more"]), (&json!([done]), &json!(false)));
}

#[test]
fn the_results_are_the_same_bytes_on_every_run() {
    let run = || {
        let emulator = scripted("instant", json!([{"text": "x", "times": 2}]));
        let done = look(&emulator, &create(&emulator, &[question(1), question(2)]));
        (done.clone(), results(&emulator, &done["output_file_id"]))
    };
    assert_eq!(run(), run());
}

#[test]
fn progress_follows_the_clock_and_a_cancel_in_the_middle_keeps_what_is_done() {
    let slow = json!({"text": "x", "pace": {"ttft_ms": 1000}, "times": 9});
    let emulator = scripted("manual", json!([slow]));
    let batch = create(&emulator, &(1..5).map(question).collect::<Vec<_>>());
    let first = look(&emulator, &batch);
    assert_eq!((&first["status"], counts(&first)), (&json!("in_progress"), [4, 0, 0]));
    advance(&emulator, 2_500);
    let later = look(&emulator, &batch);
    assert_eq!((&later["status"], counts(&later)), (&json!("in_progress"), [4, 2, 0]));
    let stopping = cancel(&emulator, &batch).json();
    assert_eq!((&stopping["status"], &stopping["cancelling_at"]), (&json!("cancelling"), &json!(1_767_225_602)));
    advance(&emulator, 60_000);
    let stopped = look(&emulator, &batch);
    assert_eq!((&stopped["status"], counts(&stopped)), (&json!("cancelled"), [4, 2, 0]));
    assert_eq!(results(&emulator, &stopped["output_file_id"]).len(), 2);
    assert_eq!(cancel(&emulator, &batch).json()["status"], "cancelled", "once more is allowed");
}

#[test]
fn a_batch_nobody_has_looked_at_can_be_cancelled_and_one_that_is_done_cannot() {
    let emulator = scripted("instant", json!(["unused"]));
    let batch = create(&emulator, &[question(1)]);
    assert_eq!(cancel(&emulator, &batch).json()["status"], "cancelling");
    let stopped = look(&emulator, &batch);
    assert_eq!(
        (&stopped["status"], &stopped["output_file_id"], counts(&stopped)),
        (&json!("cancelled"), &Value::Null, [0; 3])
    );
    let done = create(&emulator, &[question(1)]);
    assert_eq!(look(&emulator, &done)["status"], "completed", "the step is still there");
    let refused = cancel(&emulator, &done);
    assert_eq!(refused.status, 409);
    assert_eq!(refused.json()["error"]["message"], "Cannot cancel a batch with status 'completed'.");
}

#[test]
fn a_line_on_hold_holds_the_batch_until_it_is_released() {
    let held = json!({"text": "x", "pace": {"hold": {"until": "go"}}});
    let emulator = scripted("instant", json!([held, "y"]));
    let batch = create(&emulator, &[question(1), question(2)]);
    for _ in 0..2 {
        assert_eq!(
            (&look(&emulator, &batch)["status"], counts(&look(&emulator, &batch))),
            (&json!("in_progress"), [2, 0, 0])
        );
    }
    let (status, _) = control::in_process(&emulator, Some(KEY), "POST", "/_emulator/release/go", "");
    assert_eq!(status, 200);
    assert_eq!(look(&emulator, &batch)["status"], "completed");
}

#[test]
fn what_is_not_answered_in_a_day_expires() {
    let slow = json!({"text": "x", "pace": {"ttft_ms": 50_000_000}, "times": 9});
    let emulator = scripted("instant", json!([slow]));
    let batch = create(&emulator, &[question(1), question(2), question(3)]);
    let over = look(&emulator, &batch);
    assert_eq!(
        (&over["status"], counts(&over), &over["expired_at"]),
        (&json!("expired"), [3, 1, 2], &over["expires_at"])
    );
    assert_eq!(results(&emulator, &over["output_file_id"]).len(), 1);
    let lost = results(&emulator, &over["error_file_id"]);
    let told: Vec<_> = lost.iter().map(|line| (&line["custom_id"], &line["error"]["code"])).collect();
    assert_eq!(told, [(&json!("line-2"), &json!("batch_expired")), (&json!("line-3"), &json!("batch_expired"))]);
}

#[test]
fn wrong_lines_fail_the_batch_before_any_is_asked() {
    let emulator = scripted("instant", json!(["unused"]));
    let wrong = line(2, &json!({"model": "nobody-knows", "messages": []}));
    let batch = look(&emulator, &create(&emulator, &[question(1), wrong, "{broken".into()]));
    assert_eq!((&batch["status"], &batch["failed_at"]), (&json!("failed"), &batch["created_at"]));
    let unknown = "The provided model 'nobody-knows' is not supported by the Batch API.";
    assert_eq!(
        batch["errors"],
        json!({"object": "list", "data": [
            {"code": "model_not_found", "message": unknown, "param": "body.model", "line": 2},
            {"code": "invalid_json_line", "message": "This line is not parseable as valid JSON.", "param": null, "line": 3},
        ]})
    );
    let lost = look(&emulator, &made(&emulator, "file-none", &json!({})));
    assert_eq!((&lost["status"], &lost["errors"]["data"][0]["param"]), (&json!("failed"), &json!("file_id")));
    assert_eq!(cancel(&emulator, &lost).status, 409);
    let done = look(&emulator, &create(&emulator, &[question(1)]));
    assert_eq!(done["status"], "completed", "the step was not used up");
}

#[test]
fn a_line_that_breaks_is_an_error_of_its_own() {
    let emulator = scripted("instant", json!([{"text": "x", "fault": {"kind": "disconnect", "at": "connect"}}, "y"]));
    let done = look(&emulator, &create(&emulator, &[question(1), question(2)]));
    assert_eq!((&done["status"], counts(&done)), (&json!("completed"), [2, 1, 1]));
    let broken = &results(&emulator, &done["error_file_id"])[0];
    assert_eq!((&broken["response"], &broken["error"]["code"]), (&Value::Null, &json!("server_error")));
}

#[test]
fn batches_are_found_by_their_id_alone_and_go_with_a_reset() {
    let emulator = scripted("instant", json!([{"text": "x", "times": 9}]));
    for (method, path) in [("GET", "/v1/batches/batch_none"), ("POST", "/v1/batches/batch_none/cancel")] {
        let got = ask(&emulator, method, path, "");
        assert_eq!(
            (got.status, got.json()["error"]["message"].as_str()),
            (404, Some("No batch found with id 'batch_none'."))
        );
    }
    let file = kept(&emulator, "in.jsonl", "batch", question(1).as_bytes(), &[]);
    let more = json!({"metadata": {"a": "b"}, "output_expires_after": {"anchor": "created_at", "seconds": 3600}});
    let done = look(&emulator, &made(&emulator, id(&file), &more));
    let output =
        ask(&emulator, "GET", &format!("/v1/files/{}", done["output_file_id"].as_str().expect("a file")), "").json();
    assert_eq!(output["purpose"], "batch_output");
    assert_eq!(output["expires_at"].as_u64(), done["created_at"].as_u64().map(|at| at + 3_600));
    assert_eq!(output["filename"], format!("{}_output.jsonl", id(&done)));
    emulator.reset(&emulator.session(KEY));
    assert_eq!(ask(&emulator, "GET", &format!("/v1/batches/{}", id(&done)), "").status, 404);
    let kept = emulator.session(KEY).accounts.stored.used();
    assert!(kept < 1_000, "{kept} bytes");
}
