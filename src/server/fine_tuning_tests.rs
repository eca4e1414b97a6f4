//! Fine-tuning over a socket: files are validated, jobs go through their states, and their models answer.

use super::files_tests::{KEY, ask, id, kept};
use super::tests::{send, start};
use crate::control;
use crate::emulator::Emulator;
use crate::surface::faults;
use serde_json::{Value, json};
use std::sync::Arc;

const JOBS: &str = "/v1/fine_tuning/jobs";

fn training(emulator: &Emulator, examples: usize) -> String {
    let messages =
        json!([{"role": "user", "content": "Capital of Norway?"}, {"role": "assistant", "content": "Oslo."}]);
    let lines = vec![json!({"messages": messages}).to_string(); examples].join("\n");
    id(&kept(emulator, "train.jsonl", "fine-tune", lines.as_bytes(), &[])).to_string()
}

fn create(emulator: &Emulator, body: &Value) -> Value {
    let got = send(emulator, KEY, JOBS, body);
    assert_eq!(got.status, 200, "{}", got.text());
    assert_eq!(faults("fine_tuning.jobs.FineTuningJob", &got.json()), [""; 0]);
    got.json()
}

fn get(emulator: &Emulator, path: &str) -> Value {
    let got = ask(emulator, "GET", path, "");
    assert_eq!(got.status, 200, "{path}: {}", got.text());
    got.json()
}

fn look(emulator: &Emulator, job: &Value) -> Value {
    let job = get(emulator, &format!("{JOBS}/{}", id(job)));
    assert_eq!(faults("fine_tuning.jobs.FineTuningJob", &job), [""; 0]);
    job
}

fn messages(emulator: &Emulator, job: &Value) -> Vec<String> {
    let page = get(emulator, &format!("{JOBS}/{}/events?limit=100", id(job)));
    let events = page["data"].as_array().expect("events");
    events.iter().for_each(|event| assert_eq!(faults("fine_tuning.jobs.FineTuningJobEvent", event), [""; 0]));
    events.iter().rev().map(|event| event["message"].as_str().expect("a message").to_string()).collect()
}

fn advance(emulator: &Arc<Emulator>, seconds: u64) {
    let body = json!({"advance_ms": seconds * 1000}).to_string();
    assert_eq!(control::in_process(emulator, Some(KEY), "PUT", "/_emulator/clock", &body).0, 200);
}

fn paced(pace: Value) -> Arc<Emulator> {
    let emulator = start(json!({"clock": "manual"}));
    let rule = json!({"match": {"operation": "fine_tuning.jobs.create"}, "object": {}, "pace": pace, "times": 9});
    let loaded = send(&emulator, KEY, "/_emulator/script", &json!({"responses": [rule]}));
    assert_eq!(loaded.status, 200, "{}", loaded.text());
    emulator
}

#[test]
fn a_job_leaves_events_checkpoints_metrics_and_a_model_that_answers() {
    let emulator = start(json!({"clock": "instant", "fallback": "echo"}));
    let (file, beside) = (training(&emulator, 12), training(&emulator, 2));
    let body = json!({"model": "gpt-4o-mini", "training_file": file, "validation_file": beside, "suffix": "mine",
        "seed": 7, "metadata": {"a": "b"}});
    let job = create(&emulator, &body);
    assert_eq!(
        (&job["status"], &job["model"], &job["seed"]),
        (&json!("validating_files"), &json!("gpt-4o-mini-2024-07-18"), &json!(7))
    );
    assert_eq!(job["hyperparameters"]["n_epochs"], "auto");
    let done = look(&emulator, &job);
    assert_eq!((&done["status"], &done["hyperparameters"]["n_epochs"]), (&json!("succeeded"), &json!(3)));
    assert!(done["trained_tokens"].as_u64().is_some_and(|tokens| tokens > 100), "{done}");
    let told = messages(&emulator, &job);
    assert_eq!(told[0], format!("Created fine-tuning job: {}", id(&job)));
    assert_eq!(told.last().map(String::as_str), Some("The job has successfully completed"));
    assert!(told.iter().any(|message| message.starts_with("Step 36/36")), "{told:?}");
    let checkpoints = get(&emulator, &format!("{JOBS}/{}/checkpoints", id(&job)));
    let checkpoints = checkpoints["data"].as_array().expect("data");
    checkpoints
        .iter()
        .for_each(|one| assert_eq!(faults("fine_tuning.jobs.checkpoints.FineTuningJobCheckpoint", one), [""; 0]));
    assert_eq!(
        checkpoints.iter().map(|one| one["step_number"].as_u64().expect("a step")).collect::<Vec<_>>(),
        [36, 24, 12]
    );
    assert_eq!(checkpoints[0]["fine_tuned_model_checkpoint"], done["fine_tuned_model"]);
    let results = done["result_files"][0].as_str().expect("a file");
    let csv = ask(&emulator, "GET", &format!("/v1/files/{results}/content"), "").text();
    assert!(csv.starts_with("step,train_loss") && csv.lines().count() == 37, "{csv}");
    let model = done["fine_tuned_model"].as_str().expect("a model");
    assert!(model.starts_with("ft:gpt-4o-mini-2024-07-18:llemulator:mine:"), "{model}");
    for model in [model, checkpoints[1]["fine_tuned_model_checkpoint"].as_str().expect("a model")] {
        let body = json!({"model": model, "messages": [{"role": "user", "content": "Capital of Norway?"}]});
        let said = send(&emulator, KEY, "/v1/chat/completions", &body);
        assert_eq!((said.status, said.json()["model"].as_str()), (200, Some(model)), "{}", said.text());
    }
    let listed = get(&emulator, "/v1/models");
    assert!(listed["data"].as_array().expect("models").iter().any(|one| one["id"] == model), "it is listed");
    assert_eq!(get(&emulator, &format!("{JOBS}?metadata[a]=b"))["data"], json!([done]));
    assert_eq!(get(&emulator, &format!("{JOBS}?metadata[a]=c"))["data"], json!([]));
}

#[test]
fn a_model_that_was_deleted_is_not_found_any_more() {
    for (options, checked) in
        [(json!({"fallback": "echo"}), true), (json!({"fallback": "echo", "unlisted": "any"}), false)]
    {
        let mut options = options;
        if options.as_object_mut().expect("an object").remove("unlisted").is_some() {
            options["models"] = json!("any");
        }
        let emulator = start(options);
        let job = create(&emulator, &json!({"model": "gpt-4o-mini", "training_file": training(&emulator, 10)}));
        let model = look(&emulator, &job)["fine_tuned_model"].as_str().expect("a model").to_string();
        let path = format!("/v1/models/{model}");
        let chat = json!({"model": model, "messages": [{"role": "user", "content": "x"}]});
        let respond = json!({"model": model, "input": "x"});
        assert_eq!(ask(&emulator, "GET", &path, "").status, 200);
        let deleted = ask(&emulator, "DELETE", &path, "").json();
        assert_eq!(deleted, json!({"id": model, "object": "model", "deleted": true}));
        let listed = get(&emulator, "/v1/models");
        assert!(listed["data"].as_array().expect("models").iter().all(|one| one["id"] != *model));
        for got in [ask(&emulator, "GET", &path, ""), ask(&emulator, "DELETE", &path, "")] {
            assert_eq!((got.status, &got.json()["error"]["code"]), (404, &json!("model_not_found")), "{}", got.text());
        }
        let chatted = send(&emulator, KEY, "/v1/chat/completions", &chat);
        let responded = send(&emulator, KEY, "/v1/responses", &respond);
        match checked {
            true => {
                let never = format!("The model `{model}` does not exist or you do not have access to it.");
                assert_eq!((chatted.status, &chatted.json()["error"]["message"]), (404, &json!(never)));
                let never = format!("The requested model '{model}' does not exist.");
                assert_eq!((responded.status, &responded.json()["error"]["message"]), (400, &json!(never)));
                let assistant = send(&emulator, KEY, "/v1/assistants", &json!({"model": model}));
                assert_eq!((assistant.status, &assistant.json()["error"]["code"]), (400, &json!("model_not_found")));
                let again = json!({"model": model, "training_file": training(&emulator, 10)});
                let again = send(&emulator, KEY, JOBS, &again);
                assert_eq!((again.status, &again.json()["error"]["code"]), (400, &json!("model_not_available")));
                // Another one of the same base is there.
                let other = json!({"model": "ft:gpt-4o-mini:acme::1", "input": "x"});
                assert_eq!(send(&emulator, KEY, "/v1/responses", &other).status, 200);
            }
            // Where any name is taken, so is this.
            false => assert_eq!((chatted.status, responded.status), (200, 200)),
        }
    }
}

#[test]
fn states_follow_the_clock() {
    let emulator = paced(json!({"ttft_ms": 30_000}));
    let job = create(&emulator, &json!({"model": "gpt-4o-mini", "training_file": training(&emulator, 10)}));
    for state in ["validating_files", "queued", "running", "succeeded"] {
        assert_eq!(look(&emulator, &job)["status"], state);
        advance(&emulator, 10);
    }
    let done = look(&emulator, &job);
    assert_eq!(done["finished_at"].as_u64(), job["created_at"].as_u64().map(|at| at + 30));
}

#[test]
fn a_job_can_be_paused_resumed_and_cancelled() {
    let emulator = paced(json!({"ttft_ms": 30_000}));
    let job = create(&emulator, &json!({"model": "gpt-4o-mini", "training_file": training(&emulator, 10)}));
    let act = |word: &str| ask(&emulator, "POST", &format!("{JOBS}/{}/{word}", id(&job)), "");
    assert_eq!(act("resume").status, 400);
    advance(&emulator, 15);
    assert_eq!(act("pause").json()["status"], "paused");
    advance(&emulator, 1_000);
    // The clients' type knows no such status.
    assert_eq!(get(&emulator, &format!("{JOBS}/{}", id(&job)))["status"], "paused");
    assert_eq!(act("resume").status, 200);
    assert_eq!(look(&emulator, &job)["status"], "queued");
    advance(&emulator, 10);
    assert_eq!(look(&emulator, &job)["status"], "running");
    let stopped = act("cancel").json();
    assert_eq!((&stopped["status"], &stopped["fine_tuned_model"]), (&json!("cancelled"), &Value::Null));
    assert_eq!(act("cancel").status, 400);
    assert_eq!(
        messages(&emulator, &job).last().map(String::as_str),
        Some("The job was stopped due to a cancellation request")
    );
    assert_eq!(get(&emulator, &format!("{JOBS}/{}/checkpoints", id(&job)))["data"], json!([]));
}

#[test]
fn wrong_files_fail_the_job_and_wrong_requests_are_refused() {
    let emulator = start(json!({"clock": "instant"}));
    let few = create(&emulator, &json!({"model": "gpt-4o-mini", "training_file": training(&emulator, 3)}));
    let failed = look(&emulator, &few);
    let told = "Training file has 3 example(s), but must have at least 10 examples";
    assert_eq!(failed["error"], json!({"code": "invalid_n_examples", "message": told, "param": "training_file"}));
    assert_eq!(
        (&failed["status"], messages(&emulator, &few).last().map(String::as_str)),
        (&json!("failed"), Some(told))
    );
    let file = training(&emulator, 10);
    for (body, param) in [
        (json!({"model": "nothing", "training_file": file}), "model"),
        (json!({"model": "text-embedding-3-small", "training_file": file}), "model"),
        (json!({"model": "gpt-4o-mini", "training_file": "file-none"}), "training_file"),
        (json!({"model": "gpt-4o-mini", "training_file": file, "validation_file": "file-none"}), "validation_file"),
    ] {
        let got = send(&emulator, KEY, JOBS, &body);
        assert_eq!((got.status, got.json()["error"]["param"].as_str()), (400, Some(param)), "{body}");
    }
    let missing = ask(&emulator, "POST", &format!("{JOBS}/123/cancel"), "");
    assert_eq!(missing.status, 404);
    let expected = json!({"message": "Could not find fine tune: 123", "type": "invalid_request_error",
        "param": "fine_tune_id", "code": "fine_tune_not_found"});
    assert_eq!(missing.json()["error"], expected, "recording 27d79423bfbb3047");
    assert_eq!(get(&emulator, JOBS)["data"].as_array().map(Vec::len), Some(1), "nothing came of those");
}
