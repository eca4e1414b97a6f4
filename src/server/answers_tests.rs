//! Every operation of the table, asked as its types allow: each answer is of its type, here and in the OpenAI document
//! (where a checkout has it beside it). What its types forbid is a 400 in OpenAI's envelope, and changes nothing.

use super::asking_tests::Asking;
use super::tests::{Got, start};
use crate::api::{self, ServiceLevel};
use crate::surface::operations::{AnswerKind, all};
use crate::surface::{self, Operation};
use serde_json::{Value, json};
use std::sync::LazyLock;

/// Faults that are none: operations, a part of the fault, the reason.
type Otherwise = &'static [(&'static [&'static str], &'static str, &'static str)];

/// Answers of other types than the clients'.
const OTHER_TYPES: Otherwise = &[
    (
        &["evals.runs.cancel", "evals.runs.create", "evals.runs.retrieve"],
        "error: null",
        "no error yet, as in OpenAI's reference of evals",
    ),
    (&["chat.completions.messages.list"], "role: \"user\"", "the document's own example shows the user's message"),
    (&["chat.completions.messages.list"], "\"refusal\" is a required", "the same: it has none"),
    (&["fine_tuning.jobs.pause"], "\"paused\" is not one of", "what pausing makes of a job"),
    (&["responses.compact"], "input_text", "it keeps what users said, as recorded (5c911ef49d3ccc8e)"),
    (STORES, "name: null", "vector stores as recorded (846e04d051b0f352)"),
];

/// Events of other types than the clients'.
const OTHER_EVENTS: Otherwise = &[
    (&["beta.threads.runs.submit_tool_outputs"], "400", "a run must wait for them: assistants_tests.rs"),
    (&["completions.create"], "/choices/0", "chunks have nulls there until the last one, as recorded"),
];

/// Answers that the document has otherwise.
const OTHER_DOCUMENT: Otherwise = &[
    (&["chat.completions.messages.list"], "role: \"user\"", "the document's own example shows the user's message"),
    (&["chat.completions.messages.list"], "\"refusal\" is a required", "the same: it has none"),
    (EMPTY, "first_id: null", "an empty list has no first item, as recorded"),
    (EMPTY, "last_id: null", "the same"),
    (RUNS, "_at: null is not of type \"integer\"", "recorded runs have nulls where the document has none"),
    (RUNS, "_tokens: null is not of type \"integer\"", "the same"),
    (RUNS, "required_action: null", "the same"),
    (RUNS, "last_error: null", "the same"),
    (RUNS, "incomplete_details: null", "the same"),
    (&["evals.runs.create", "evals.runs.retrieve"], "error: null", "no error yet, as in OpenAI's reference of evals"),
    (&["fine_tuning.jobs.pause"], "\"paused\" is not one of", "what pausing makes of a job"),
    (STORES, "name: null", "vector stores as recorded (846e04d051b0f352)"),
];

const STORES: &[&str] =
    &["vector_stores.create", "vector_stores.list", "vector_stores.retrieve", "vector_stores.update"];
const RUNS: &[&str] = &[
    "beta.threads.create_and_run",
    "beta.threads.runs.cancel",
    "beta.threads.runs.create",
    "beta.threads.runs.retrieve",
    "beta.threads.runs.update",
];
const EMPTY: &[&str] = &[
    "beta.threads.runs.list",
    "containers.files.list",
    "conversations.items.list",
    "evals.runs.list",
    "evals.runs.output_items.list",
    "vector_stores.file_batches.list_files",
    "vector_stores.files.list",
];

/// What is refused although its types allow it, and why; tests of its own bring what it needs.
pub(super) const REFUSED: &[(&str, u16, &str)] = &[
    ("audio.voices.create", 400, "one of two forms of it needs a recording: videos_tests.rs"),
    ("beta.agents.sessions.artifacts.content", 404, "no agent leaves any here"),
    ("beta.threads.runs.submit_tool_outputs", 400, "a run must wait for them: assistants_tests.rs"),
    ("fine_tuning.jobs.resume", 400, "a job must be paused: fine_tuning_tests.rs"),
    ("models.delete", 403, "the model is nobody's own"),
    ("uploads.complete", 400, "it needs its parts: uploads_tests.rs"),
    ("vector_stores.file_batches.create", 400, "it needs one of two fields: vector_stores_tests.rs"),
];

/// Whether this is the refusal that is known of an operation, whole.
fn is_refused(operation: &Operation, got: &Got) -> bool {
    let known = REFUSED.iter().find(|(name, ..)| *name == operation.name);
    known.is_some_and(|(_, status, _)| got.status == *status && is_envelope(got))
}

/// The faults but for those that are known; what is known and not met is one as well.
fn unexpected(found: &[(&'static str, String)], known: Otherwise) -> Vec<String> {
    let rows = || known.iter().flat_map(|(names, part, _)| names.iter().map(move |name| (*name, *part)));
    let is = |(name, fault): &(&str, String), (known, part): (&str, &str)| *name == known && fault.contains(part);
    let bad =
        found.iter().filter(|one| !rows().any(|row| is(one, row))).map(|(name, fault)| format!("{name}: {fault}"));
    let unmet = rows().filter(|row| !found.iter().any(|one| is(one, *row)));
    bad.chain(unmet.map(|(name, part)| format!("{name}: not met any more: {part}"))).collect()
}

fn served() -> impl Iterator<Item = &'static Operation> {
    // The list on the same path is the one that is reached.
    let own = |operation: &&Operation| {
        operation.variant.is_none() && operation.name != "fine_tuning.checkpoints.permissions.retrieve"
    };
    all().iter().filter(own).filter(|operation| api::level(operation) != ServiceLevel::NotServed)
}

/// An answer with what only clients make of it, and what is newer than every recording and Python lets be missing.
fn as_clients_see(mut value: Value) -> Value {
    let inner = if value["response"].is_object() { &mut value["response"] } else { &mut value };
    if inner["object"] == "response" {
        (inner["output_text"], inner["access_programs"]) = (json!(""), Value::Null);
    }
    value
}

fn wrong(operation: &Operation, got: &Got) -> Vec<String> {
    if !(200..300).contains(&got.status) {
        return vec![format!("{}: {}", got.status, got.text())];
    }
    match (operation.kind, operation.answer) {
        // Clients look at none.
        (AnswerKind::None, _) => Vec::new(),
        (AnswerKind::Bytes, _) if !got.body.is_empty() => Vec::new(),
        (AnswerKind::Bytes, _) => vec!["no bytes".into()],
        (AnswerKind::Events, _) if got.text().contains("data: ") || got.body.is_empty() => Vec::new(),
        (AnswerKind::Events, _) => vec![format!("no events: {}", got.text())],
        (AnswerKind::Page, Some(name)) => {
            let page = got.json();
            let Some(items) = page["data"].as_array() else { return vec![format!("no page: {page}")] };
            items.iter().flat_map(|item| surface::faults(name, item)).collect()
        }
        (_, Some(name)) if got.head.contains("application/json") => surface::faults(name, &as_clients_see(got.json())),
        _ => Vec::new(),
    }
}

#[test]
fn every_answer_is_of_its_type() {
    let asking = Asking::start();
    let (mut found, mut seen, mut refused) = (Vec::new(), 0, Vec::new());
    for operation in served() {
        let requested = asking.valid(operation);
        let got = asking.send(&requested);
        if is_refused(operation, &got) {
            refused.push(operation.name);
            continue;
        }
        seen += 1;
        for fault in wrong(operation, &got) {
            // Shown when the test fails.
            println!("{} asked {}", operation.name, requested.said);
            found.push((operation.name, fault));
        }
    }
    let bad = unexpected(&found, OTHER_TYPES);
    assert!(bad.is_empty(), "{} of {seen}:\n{}", bad.len(), bad.join("\n"));
    refused.sort_unstable();
    assert_eq!(refused, REFUSED.iter().map(|(name, ..)| *name).collect::<Vec<_>>(), "each is refused");
    assert!(seen > 280, "{seen}");
}

#[test]
fn every_event_is_of_its_type() {
    let asking = Asking::start();
    let (mut found, mut seen) = (Vec::new(), 0);
    for operation in served().filter(|operation| operation.kind != AnswerKind::Events) {
        let Some(events) = operation.events else { continue };
        let got = asking.send(&asking.streamed(operation));
        let text = got.text();
        let (mut any, mut named) = (false, "");
        for line in text.lines() {
            named = line.strip_prefix("event: ").unwrap_or(named);
            let Some(data) = line.strip_prefix("data: ").filter(|data| *data != "[DONE]") else { continue };
            any = true;
            let mut event: Value = serde_json::from_str(data).expect("JSON");
            // Assistants' events name themselves in a line of their own.
            if events.contains("AssistantStreamEvent") {
                event = json!({"event": named, "data": event});
            }
            found.extend(
                surface::faults(events, &as_clients_see(event)).into_iter().map(|fault| (operation.name, fault)),
            );
        }
        if !any {
            found.push((operation.name, format!("no events: {} {text}", got.status)));
        }
        seen += 1;
    }
    let bad = unexpected(&found, OTHER_EVENTS);
    assert!(bad.is_empty(), "{} of {seen}:\n{}", bad.len(), bad.join("\n"));
    assert!(seen > 5, "{seen}");
}

static DOCUMENT: LazyLock<Option<Value>> = LazyLock::new(|| {
    let text = api::validate::corpus_tests::reference("LLEMULATOR_SPEC", "spec/openapi.json")?;
    let mut document: Value = serde_json::from_str(&text).ok()?;
    surface::allow_nulls(&mut document["components"]["schemas"]);
    name_once(&mut document["components"]["schemas"]);
    Some(document)
});

/// Lists of required fields that name one twice fail whatever is there, and so do bounds of older drafts.
fn name_once(schema: &mut Value) {
    match schema {
        Value::Object(fields) => {
            // As drafts before 6 had it, beside the bound itself.
            if fields.get("exclusiveMinimum").is_some_and(Value::is_boolean) {
                fields.shift_remove("exclusiveMinimum");
            }
            if let Some(Value::Array(required)) = fields.get_mut("required") {
                let mut seen = Vec::new();
                required.retain(|one| {
                    !seen.contains(one) && {
                        seen.push(one.clone());
                        true
                    }
                });
            }
            fields.values_mut().for_each(name_once);
        }
        Value::Array(items) => items.iter_mut().for_each(name_once),
        _ => {}
    }
}

/// The schema of an operation's answer in the document.
fn documented(operation: &Operation) -> Option<Value> {
    let document = DOCUMENT.as_ref()?;
    let nameless = |path: &str| {
        let segments = path.split('/').map(|segment| if segment.starts_with('{') { "{}" } else { segment });
        segments.collect::<Vec<_>>().join("/")
    };
    let paths = document["paths"].as_object()?;
    let (_, methods) = paths.iter().find(|(path, _)| nameless(path) == nameless(operation.path))?;
    let responses = methods[&operation.method.to_lowercase()]["responses"].as_object()?;
    let (_, response) = responses.iter().find(|(status, _)| status.starts_with('2'))?;
    let schema = response["content"]["application/json"].get("schema")?;
    // Only what it leads to: the whole is made ready for hundreds of schemas otherwise.
    let (mut schemas, mut todo) = (serde_json::Map::new(), vec![schema.to_string()]);
    while let Some(text) = todo.pop() {
        for name in text.split("\"#/components/schemas/").skip(1).filter_map(|rest| rest.split('"').next()) {
            if !schemas.contains_key(name) {
                let found = &document["components"]["schemas"][name];
                todo.push(found.to_string());
                schemas.insert(name.into(), found.clone());
            }
        }
    }
    Some(json!({"allOf": [schema], "components": {"schemas": schemas}}))
}

#[test]
fn every_answer_is_what_the_document_says() {
    if DOCUMENT.is_none() {
        return;
    }
    let asking = Asking::start();
    let (mut found, mut seen) = (Vec::new(), 0);
    for operation in served().filter(|one| matches!(one.kind, AnswerKind::Object | AnswerKind::Page)) {
        let Some(schema) = documented(operation) else { continue };
        let got = asking.send(&asking.valid(operation));
        if is_refused(operation, &got) {
            continue;
        }
        assert_eq!(got.status, 200, "{}: {}", operation.name, got.text());
        assert!(got.head.contains("application/json"), "{}: {}", operation.name, got.head);
        seen += 1;
        let validator = jsonschema::validator_for(&schema).expect("a schema");
        for fault in validator.iter_errors(&got.json()) {
            let fault = format!("{}: {fault}", fault.instance_path());
            found.push((operation.name, fault.chars().take(400).collect()));
        }
    }
    let bad = unexpected(&found, OTHER_DOCUMENT);
    assert!(bad.is_empty(), "{} of {seen}:\n{}", bad.len(), bad.join("\n"));
    assert!(seen > 180, "{seen}");
}

/// An envelope of OpenAI's, whole.
fn is_envelope(got: &Got) -> bool {
    let Ok(answer) = serde_json::from_slice::<Value>(&got.body) else { return false };
    let keys = answer["error"].as_object().map(|error| error.keys().cloned().collect::<Vec<_>>());
    keys.is_some_and(|keys| keys == ["message", "type", "param", "code"]) && answer["error"]["message"].is_string()
}

#[test]
fn what_types_forbid_is_refused_in_openais_envelope_and_changes_nothing() {
    let asking = Asking::start();
    let (mut bad, mut seen, mut queries) = (Vec::new(), 0, 0);
    for operation in served() {
        let odd = asking.odd_queries(operation);
        queries += odd.len();
        for (what, requested) in asking.invalid(operation).into_iter().chain(odd) {
            let before = asking.kept();
            let got = asking.send(&requested);
            seen += 1;
            if got.status != 400 || !is_envelope(&got) {
                bad.push(format!("{} {what}: {} {}", operation.name, got.status, short(&got)));
            } else if asking.kept() != before {
                bad.push(format!("{} {what}: something was kept", operation.name));
            }
        }
    }
    assert!(bad.is_empty(), "{} of {seen}:\n{}", bad.len(), bad.join("\n"));
    assert!(seen - queries > 900 && queries > 60, "{seen} with {queries} queries");
}

fn short(got: &Got) -> String {
    got.text().chars().take(200).collect()
}

#[test]
fn each_kind_of_break_of_a_form_or_of_jsonl_is_refused_and_keeps_nothing() {
    let emulator = start(json!({"clock": "instant"}));
    let asking = Asking::of(emulator);
    let file = "content-disposition: form-data; name=\"file\"; filename=\"a.jsonl\"\r\n\r\n{}\r\n";
    let purpose = "content-disposition: form-data; name=\"purpose\"\r\n\r\nassistants\r\n";
    let form = "multipart/form-data; boundary=b";
    let breaks: &[(&str, &str, String)] = &[
        ("no body", form, String::new()),
        ("no boundary", "multipart/form-data", format!("--b\r\n{purpose}--b\r\n{file}--b--\r\n")),
        ("another boundary", form, format!("--c\r\n{purpose}--c\r\n{file}--c--\r\n")),
        ("no end", form, format!("--b\r\n{purpose}--b\r\n{file}")),
        ("no file", form, format!("--b\r\n{purpose}--b--\r\n")),
        ("no purpose", form, format!("--b\r\n{file}--b--\r\n")),
        (
            "a file as text",
            form,
            format!("--b\r\n{purpose}--b\r\ncontent-disposition: form-data; name=\"file\"\r\n\r\nx\r\n--b--\r\n"),
        ),
        (
            "a part without a name",
            form,
            format!("--b\r\n{purpose}--b\r\ncontent-disposition: form-data\r\n\r\nx\r\n--b--\r\n"),
        ),
        ("a part without headers", form, format!("--b\r\n{purpose}--b\r\n\r\nx\r\n--b--\r\n")),
        ("an unknown purpose", form, format!("--b\r\n{}--b\r\n{file}--b--\r\n", purpose.replace("assistants", "zzz"))),
        ("JSON", "application/json", "{\"purpose\":\"assistants\"}".into()),
    ];
    let before = asking.kept();
    for (what, media, body) in breaks {
        let got = asking.post("/v1/files", media, body.as_bytes());
        assert_eq!((got.status, is_envelope(&got)), (400, true), "{what}: {}", got.text());
        assert_eq!(asking.kept(), before, "{what}");
    }
    let breaks = ["", "{", "[]", "null", "\"x\"", "{\"a\":", "{}x", "\u{0}"];
    for path in ["/v1/evals", "/v1/vector_stores", "/v1/assistants", "/v1/responses", "/v1/images/generations"] {
        for body in breaks {
            let got = asking.post(path, "application/json", body.as_bytes());
            // An empty body is one without fields: of these, only a vector store asks for none.
            let empty = body.is_empty() && path == "/v1/vector_stores" && got.status == 200;
            assert!(empty || got.status == 400 && is_envelope(&got), "{path} {body:?}: {}", got.text());
        }
    }
}

#[test]
fn files_of_jobs_are_refused_with_the_line_that_is_broken() {
    let asking = Asking::start();
    let post = |path: &str, body: Value| {
        let got = asking.post(path, "application/json", body.to_string().as_bytes());
        assert!(got.status < 300, "{path}: {}", got.text());
        got.json()
    };
    let seen = |path: &str, made: &Value| asking.get(&format!("{path}/{}", made["id"].as_str().expect("an id"))).json();
    let request =
        json!({"custom_id": "a", "method": "POST", "url": "/v1/responses", "body": {"model": "gpt-4o", "input": "x"}});
    let example = json!({"messages": [{"role": "user", "content": "x"}, {"role": "assistant", "content": "y"}]});
    let eval = post(
        "/v1/evals",
        json!({"data_source_config": {"type": "custom", "item_schema": {"type": "object"}},
        "testing_criteria": [{"type": "string_check", "name": "n", "operation": "eq", "input": "a", "reference": "a"}]}),
    );
    let runs = format!("/v1/evals/{}/runs", eval["id"].as_str().expect("an id"));
    for broken in ["{", "[1]", "not json\n", "{\"custom_id\": 1}\n", "\"x\"", "{} {}", "\u{0}"] {
        let file =
            |purpose: &str, line: &Value| asking.file(purpose, "a.jsonl", format!("{line}\n{broken}").as_bytes());
        let body =
            json!({"input_file_id": file("batch", &request), "endpoint": "/v1/responses", "completion_window": "24h"});
        let batch = seen("/v1/batches", &post("/v1/batches", body));
        assert_eq!(
            (&batch["status"], &batch["errors"]["data"][0]["line"]),
            (&json!("failed"), &json!(2)),
            "{broken:?}: {batch}"
        );
        let body = json!({"model": "gpt-4o-mini", "training_file": file("fine-tune", &example)});
        let job = seen("/v1/fine_tuning/jobs", &post("/v1/fine_tuning/jobs", body));
        let told = job["error"]["message"].as_str().unwrap_or_default();
        assert!(job["status"] == "failed" && told.contains("Line 2:"), "{broken:?}: {job}");
        // Data of an eval is any JSON, a line each.
        if serde_json::from_str::<Value>(broken).is_err() {
            let source = json!({"type": "file_id", "id": file("evals", &json!({"item": {}}))});
            let run = post(&runs, json!({"data_source": {"type": "jsonl", "source": source}}));
            let run = seen(&runs, &run);
            let told = run["error"]["message"].as_str().unwrap_or_default();
            assert!(run["status"] == "failed" && told.contains("Line 2 "), "{broken:?}: {run}");
        }
    }
}
