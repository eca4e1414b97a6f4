//! Runs of evals over a socket: items are sampled through the script and graded.

use super::files_tests::{KEY, ask, id, kept};
use super::tests::{Got, eventually, send, start};
use crate::emulator::Emulator;
use crate::surface;
use serde_json::{Value, json};
use std::sync::Arc;

fn scripted(responses: Value) -> Arc<Emulator> {
    let emulator = start(json!({"clock": "instant"}));
    let loaded = send(&emulator, KEY, "/_emulator/script", &json!({"responses": responses}));
    assert_eq!(loaded.status, 200, "{}", loaded.text());
    emulator
}

fn post(emulator: &Emulator, path: &str, body: &Value) -> Value {
    let got = send(emulator, KEY, path, body);
    assert_eq!(got.status, 200, "{path}: {}", got.text());
    got.json()
}

fn get(emulator: &Emulator, path: &str) -> Value {
    let got = ask(emulator, "GET", path, "");
    assert_eq!(got.status, 200, "{path}: {}", got.text());
    got.json()
}

/// What a type lacks, but for the error that recordings show as null.
fn faults(name: &str, value: &Value) -> Vec<String> {
    let mut value = value.clone();
    for place in ["/error", "/sample/error"] {
        if let Some(error) = value.pointer_mut(place).filter(|error| error.is_null()) {
            *error = json!({"code": "", "message": ""});
        }
    }
    surface::faults(name, &value)
}

fn eval(emulator: &Emulator, criteria: Value) -> String {
    let schema =
        json!({"type": "object", "properties": {"question": {"type": "string"}, "answer": {"type": "string"}}});
    let config = json!({"type": "custom", "item_schema": schema, "include_sample_schema": true});
    let made =
        post(emulator, "/v1/evals", &json!({"name": "e", "data_source_config": config, "testing_criteria": criteria}));
    id(&made).to_string()
}

fn exact() -> Value {
    json!({"type": "string_check", "name": "exact", "operation": "eq", "input": "{{ sample.output_text }}",
        "reference": "{{ item.answer }}"})
}

fn cities() -> Value {
    json!({"type": "file_content", "content": [
        {"item": {"question": "Norway?", "answer": "Oslo"}}, {"item": {"question": "France?", "answer": "Paris"}},
    ]})
}

fn asked(kind: &str, source: Value) -> Value {
    let template =
        json!({"type": "template", "template": [{"role": "user", "content": "Capital of {{ item.question }}"}]});
    json!({"name": "r", "data_source": {"type": kind, "model": "gpt-4o-mini", "source": source, "input_messages": template}})
}

fn finished(emulator: &Emulator, eval: &str, body: &Value) -> (String, Value) {
    let made = post(emulator, &format!("/v1/evals/{eval}/runs"), body);
    assert_eq!((&made["status"], faults("evals.runs.RunCreateResponse", &made)), (&json!("queued"), vec![]));
    let path = format!("/v1/evals/{eval}/runs/{}", id(&made));
    let done = get(emulator, &path);
    assert_eq!(faults("evals.runs.RunRetrieveResponse", &done), [""; 0]);
    (path, done)
}

#[test]
fn items_are_sampled_through_the_script_and_graded() {
    for kind in ["completions", "responses"] {
        let emulator = scripted(
            json!([{"match": {"user": "Norway"}, "text": "Oslo"}, {"match": {"user": "France"}, "text": "Lyon"}]),
        );
        let alike = json!({"type": "text_similarity", "name": "alike", "evaluation_metric": "fuzzy_match",
            "input": "{{ sample.output_text }}", "reference": "{{ item.answer }}", "pass_threshold": 0.1});
        let eval = eval(&emulator, json!([exact(), alike]));
        let (path, done) = finished(&emulator, &eval, &asked(kind, cities()));
        assert_eq!(done["status"], "completed", "{done}");
        assert_eq!(done["result_counts"], json!({"total": 2, "errored": 0, "failed": 1, "passed": 1}));
        assert_eq!(
            done["per_testing_criteria_results"][0],
            json!({"testing_criteria": "exact", "passed": 1, "failed": 1})
        );
        assert_eq!(done["per_model_usage"][0]["invocation_count"], 2);
        let items = get(&emulator, &format!("{path}/output_items"));
        let items = items["data"].as_array().expect("items");
        items
            .iter()
            .for_each(|item| assert_eq!(faults("evals.runs.output_items.OutputItemListResponse", item), [""; 0]));
        let seen: Vec<_> =
            items.iter().map(|item| (&item["status"], &item["sample"]["output"][0]["content"])).collect();
        assert_eq!(seen, [(&json!("pass"), &json!("Oslo")), (&json!("fail"), &json!("Lyon"))]);
        assert_eq!(items[0]["sample"]["input"][0]["content"], "Capital of Norway?");
        let failed = get(&emulator, &format!("{path}/output_items?status=fail"));
        assert_eq!(failed["data"], json!([items[1]]));
        assert_eq!(get(&emulator, &format!("{path}/output_items/{}", id(&items[0]))), items[0]);
        assert_eq!(get(&emulator, &format!("/v1/evals/{eval}/runs"))["data"], json!([done]));
        assert_eq!(ask(&emulator, "DELETE", &path, "").json()["deleted"], true);
        assert_eq!(ask(&emulator, "GET", &path, "").status, 404);
    }
}

#[test]
fn models_grade_through_the_script() {
    let emulator = scripted(json!(["good", r#"{"result": 0.25}"#, "no label", "seven"]));
    let input = json!([{"role": "user", "content": "Grade: {{ item.answer }}"}]);
    let label = json!({"type": "label_model", "name": "label", "model": "gpt-4o-mini", "input": input,
        "labels": ["good", "bad"], "passing_labels": ["good"]});
    let score = json!({"type": "score_model", "name": "score", "model": "gpt-4o-mini", "input": input, "range": [0, 1],
        "pass_threshold": 0.5});
    let eval = eval(&emulator, json!([label, score]));
    let source = json!({"data_source": {"type": "jsonl", "source": cities()}});
    let (path, done) = finished(&emulator, &eval, &source);
    assert_eq!(done["result_counts"], json!({"total": 2, "errored": 1, "failed": 1, "passed": 0}), "{done}");
    let items = get(&emulator, &format!("{path}/output_items"));
    let results = &items["data"][0]["results"];
    assert_eq!(
        (&results[0]["passed"], &results[1]["score"], &results[1]["passed"]),
        (&json!(true), &json!(0.25), &json!(false))
    );
    assert_eq!(items["data"][1]["status"], "error");
}

#[test]
fn data_may_be_a_file_and_bring_its_samples() {
    let emulator = scripted(json!([]));
    let lines = "{\"item\":{\"answer\":\"a\"},\"sample\":{\"output_text\":\"a\"}}\n\n{\"item\":{\"answer\":\"b\"},\"sample\":{\"output_text\":\"a\"}}";
    let file = id(&kept(&emulator, "data.jsonl", "evals", lines.as_bytes(), &[])).to_string();
    let eval = eval(&emulator, json!([exact()]));
    let source = |id: &str| json!({"data_source": {"type": "jsonl", "source": {"type": "file_id", "id": id}}});
    let (_, done) = finished(&emulator, &eval, &source(&file));
    assert_eq!(done["result_counts"], json!({"total": 2, "errored": 0, "failed": 1, "passed": 1}));
    let (_, lost) = finished(&emulator, &eval, &source("file-none"));
    assert_eq!((&lost["status"], &lost["error"]["code"]), (&json!("failed"), &json!("invalid_data_source")));
}

#[test]
fn python_is_refused_honestly() {
    let emulator = scripted(json!([]));
    let python = json!({"type": "python", "name": "p", "source": "def grade(sample, item): return 1.0"});
    let eval = eval(&emulator, json!([python]));
    let (_, done) = finished(&emulator, &eval, &json!({"data_source": {"type": "jsonl", "source": cities()}}));
    assert_eq!((&done["status"], &done["error"]["code"]), (&json!("failed"), &json!("grader_not_run")));
    let run = |grader: &Value| -> Got {
        let body = json!({"grader": grader, "model_sample": "Oslo", "item": {"answer": "Oslo"}});
        send(&emulator, KEY, "/v1/fine_tuning/alpha/graders/run", &body)
    };
    let refused = run(&python);
    assert_eq!((refused.status >= 400, refused.json()["error"]["code"].as_str()), (true, Some("grader_not_run")));
    let graded = run(&exact()).json();
    assert_eq!(
        (graded["reward"].as_f64(), faults("fine_tuning.alpha.graders.GraderRunResponse", &graded)),
        (Some(1.0), vec![])
    );
    let valid = post(&emulator, "/v1/fine_tuning/alpha/graders/validate", &json!({"grader": exact()}));
    assert_eq!(valid["grader"]["name"], "exact");
}

#[test]
fn what_grading_takes_has_a_bound() {
    let emulator = scripted(json!([{"times": -1, "text": "Oslo"}]));
    let alike = |input: String| {
        json!({"type": "text_similarity", "name": "alike", "evaluation_metric": "fuzzy_match", "input": input,
            "reference": "{{ item.answer }}"})
    };
    let input = json!([{"role": "user", "content": "{{ item.answer }}".repeat(50)}]);
    let score = json!({"type": "score_model", "name": "score", "model": "gpt-4o-mini", "input": input});
    let long = "word ".repeat(30_000);
    for mut grader in [alike("{{ sample.output_text }}".into()), alike("{{ item.answer }}".repeat(50)), score] {
        let run = |answer: &str| {
            let body = json!({"grader": grader, "model_sample": answer, "item": {"answer": answer}});
            send(&emulator, KEY, "/v1/fine_tuning/alpha/graders/run", &body)
        };
        let short = run("Oslo");
        assert_eq!(short.status, 200, "{}", short.text());
        let refused = run(&long);
        assert_eq!((refused.status, refused.json()["error"]["code"].as_str()), (400, Some("schema_too_complex")));
        // In a run, it is that item's error, and the next is graded.
        grader["pass_threshold"] = 0.1.into();
        let eval = eval(&emulator, json!([grader]));
        let content = json!([{"item": {"answer": long}, "sample": {"output_text": long}},
            {"item": {"answer": "Oslo"}, "sample": {"output_text": "Oslo"}}]);
        let source = json!({"data_source": {"type": "jsonl", "source": {"type": "file_content", "content": content}}});
        let (path, done) = finished(&emulator, &eval, &source);
        let items = get(&emulator, &format!("{path}/output_items"));
        let error = items["data"][0]["results"][0]["error"].as_str().unwrap_or_default();
        assert_eq!((&done["status"], &items["data"][0]["status"]), (&json!("completed"), &json!("error")));
        assert!(error.contains("than one answer may"), "{error}");
        assert!(!items["data"][1].to_string().contains("than one answer may"));
    }
    // So it is with what a model is asked.
    let eval = eval(&emulator, json!([exact()]));
    let mut asked = asked("completions", json!({"type": "file_content", "content": [{"item": {"question": long}}]}));
    asked["data_source"]["input_messages"]["template"][0]["content"] = "{{ item.question }}".repeat(50).into();
    let (path, _) = finished(&emulator, &eval, &asked);
    let sample = &get(&emulator, &format!("{path}/output_items"))["data"][0]["sample"];
    assert_eq!(sample["error"]["code"], "schema_too_complex", "{sample}");
}

/// Each of its items may take as much as any answer, and all together no more than the run.
#[test]
fn what_all_items_of_a_run_take_has_a_bound() {
    let emulator = scripted(json!([{"times": -1, "text": "Oslo"}]));
    let check = |input: String, reference: &str| json!({"type": "string_check", "name": "same", "operation": "ne", "input": input, "reference": reference});
    let messages = json!([{"role": "user", "content": "{{ item.text }}".repeat(100)}]);
    let asks = json!({"type": "score_model", "name": "score", "model": "gpt-4o-mini", "input": messages});
    // Three megabytes each, which are compared; and more than an answer may, of which nobody is asked.
    let content =
        |items: usize, text: &str| vec![json!({"item": {"text": text}, "sample": {"output_text": "x"}}); items];
    for grader in [check("{{ item.text }}".repeat(60), "x"), asks] {
        let eval = eval(&emulator, json!([grader]));
        let text = "x".repeat(50_000);
        let run = |items: usize, text: &str| {
            let source = json!({"type": "file_content", "content": content(items, text)});
            let run = finished(&emulator, &eval, &json!({"data_source": {"type": "jsonl", "source": source}}));
            eventually("the end of the run", || {
                let done = get(&emulator, &run.0);
                (done["status"] != "in_progress").then(|| (run.0.clone(), done))
            })
        };
        let (path, done) = run(60, &text);
        assert_eq!((&done["status"], &done["error"]["code"]), (&json!("failed"), &json!("too_much_work")));
        let graded = done["result_counts"]["total"].as_u64().unwrap_or_default();
        assert!(20 < graded && graded < 60, "{graded}");
        let message = done["error"]["message"].as_str().unwrap_or_default();
        assert!(message.contains(&format!("after item {graded} of 60")), "{message}");
        // What was graded before is there.
        let items = get(&emulator, &format!("{path}/output_items?limit=100"));
        assert_eq!(items["data"].as_array().map(Vec::len), Some(graded as usize));
        // More items of less, or fewer of as much.
        assert_eq!(
            (run(60, "x").1["status"].take(), run(10, &text).1["status"].take()),
            (json!("completed"), json!("completed"))
        );
    }
}

#[test]
fn a_run_can_be_cancelled_until_it_was_seen() {
    let emulator = scripted(json!(["Oslo", "Paris"]));
    let eval = eval(&emulator, json!([exact()]));
    let runs = format!("/v1/evals/{eval}/runs");
    let made = post(&emulator, &runs, &asked("completions", cities()));
    let cancel = |run: &Value| ask(&emulator, "POST", &format!("{runs}/{}/cancel", id(run)), "");
    assert_eq!(cancel(&made).json()["status"], "canceled");
    assert_eq!(get(&emulator, &format!("{runs}/{}", id(&made)))["status"], "canceled");
    let (_, done) = finished(&emulator, &eval, &asked("completions", cities()));
    assert_eq!(done["result_counts"]["passed"], 2, "the steps are still there");
    assert_eq!(cancel(&done).status, 400);
    assert_eq!(ask(&emulator, "GET", &format!("{runs}/none"), "").status, 404);
    assert_eq!(ask(&emulator, "GET", "/v1/evals/none/runs", "").status, 404);
}

#[test]
fn a_deleted_eval_frees_its_runs_and_their_items() {
    let emulator = scripted(json!([{"times": -1, "text": "Oslo"}]));
    let kept = || {
        let session = emulator.session(KEY);
        crate::runtime::handle().block_on(async { session.store.size().await })
    };
    let before = kept();
    let eval = eval(&emulator, json!([exact()]));
    for _ in 0..2 {
        assert_eq!(finished(&emulator, &eval, &asked("completions", cities())).1["status"], "completed");
    }
    assert!(kept() > before + 2_000);
    assert_eq!(ask(&emulator, "DELETE", &format!("/v1/evals/{eval}"), "").json()["deleted"], true);
    // The responses that the model gave are kept apart, as any are; there are none of completions.
    assert_eq!(kept(), before);
}

#[test]
fn evals_are_listed_by_their_making_or_their_last_change() {
    let emulator = start(json!({"clock": "manual"}));
    let made: Vec<String> = (0..4).map(|_| eval(&emulator, json!([exact()]))).collect();
    let change = |at: usize| post(&emulator, &format!("/v1/evals/{}", made[at]), &json!({"name": "changed"}));
    // All in the same second but the last.
    change(2);
    change(0);
    let body = json!({"advance_ms": 5_000}).to_string();
    assert_eq!(crate::control::in_process(&emulator, Some(KEY), "PUT", "/_emulator/clock", &body).0, 200);
    change(1);
    let page = |query: &str| {
        let listed = get(&emulator, &format!("/v1/evals?{query}"));
        let place = |one: &Value| made.iter().position(|known| known == id(one)).expect("one of them");
        let places: Vec<usize> = listed["data"].as_array().expect("a page").iter().map(place).collect();
        assert!(listed["data"].as_array().expect("a page").iter().all(|one| one.get("changed_by").is_none()));
        (places, listed["has_more"] == true, listed["last_id"].as_str().unwrap_or_default().to_string())
    };
    let places = |query: &str| page(query).0;
    assert_eq!(places(""), [0, 1, 2, 3]);
    assert_eq!(places("order_by=created_at&order=desc"), [3, 2, 1, 0]);
    assert_eq!(places("order_by=updated_at"), [3, 2, 0, 1]);
    assert_eq!(places("order_by=updated_at&order=desc"), [1, 0, 2, 3]);
    // Page by page.
    let (mut seen, mut after) = (Vec::new(), String::new());
    loop {
        let (places, more, last) = page(&format!("order_by=updated_at&order=desc&limit=3{after}"));
        seen.push(places);
        assert!(seen.len() < 3, "it goes on without end: {seen:?}");
        after = format!("&after={last}");
        if !more {
            break;
        }
    }
    assert_eq!(seen, [vec![1, 0, 2], vec![3]]);
}
