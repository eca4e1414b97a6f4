//! Operations of the table: all are served, within reach of rules.

use super::tests::{Got, exchange, request, send, start};
use crate::api::{self, ServiceLevel};
use crate::control;
use crate::emulator::Emulator;
use crate::surface::Operation;
use crate::surface::operations::{Form, all, named};
use serde_json::{Value, json};

const KEY: &str = "sk-surface";

fn path(operation: &Operation) -> String {
    let fill = |segment: &str| if segment.starts_with('{') { "some_id".to_string() } else { segment.to_string() };
    format!("/v1{}", operation.path.split('/').map(fill).collect::<Vec<_>>().join("/"))
}

fn sent(emulator: &Emulator, method: &str, path: &str, media: &str, body: &str) -> Option<Got> {
    let length = body.len();
    let request = format!(
        "{method} {path} HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\nauthorization: Bearer {KEY}\r\n\
         content-type: {media}\r\ncontent-length: {length}\r\n\r\n{body}"
    );
    exchange(emulator, request.as_bytes())
}

fn ask(emulator: &Emulator, operation: &Operation) -> Got {
    let (media, body) = match operation.form {
        Some(Form::Form) => ("multipart/form-data; boundary=b", "--b--\r\n"),
        Some(_) => ("application/json", "{}"),
        None => ("application/json", ""),
    };
    sent(emulator, operation.method, &path(operation), media, body).expect("an answer")
}

#[test]
fn every_operation_is_served() {
    for operation in all() {
        assert_ne!(api::level(operation), ServiceLevel::NotServed, "{}", operation.name);
    }
}

#[test]
fn rules_stand_in_for_every_operation() {
    let emulator = start(json!({"validation": "off"}));
    // The list on the same path is the one that is reached.
    let reached = |operation: &&Operation| operation.name != "fine_tuning.checkpoints.permissions.retrieve";
    for operation in all().iter().filter(|operation| operation.variant.is_none() && !operation.turn).filter(reached) {
        let script = json!({"reset": true, "responses": [
            {"match": {"user": ".*"}, "text": "for turns alone"},
            {"match": {"operation": operation.name}, "raw": {"status": 207, "body": {"stood_in": true}}},
        ]});
        assert_eq!(send(&emulator, KEY, "/_emulator/script", &script).status, 200);
        let got = ask(&emulator, operation);
        assert_eq!((got.status, got.json()), (207, json!({"stood_in": true})), "{}", operation.name);
    }
    let (_, requests) = control::in_process(&emulator, Some(KEY), "GET", "/_emulator/requests", "");
    let recorded = requests["data"].as_array().expect("a list").iter();
    let names: Vec<&str> = recorded.filter_map(|one| one["operation"].as_str()).collect();
    assert!(names.len() > 300 && !names.contains(&"unknown"), "{}", names.len());
}

#[test]
fn rules_reach_them_by_either_spelling_by_path_and_with_faults() {
    let emulator = start(json!({}));
    let load = |rule: Value| {
        let script = json!({"reset": true, "responses": [rule]});
        assert_eq!(send(&emulator, KEY, "/_emulator/script", &script).status, 200);
    };
    let list = named("fine_tuning.jobs.list").expect("an operation");
    for condition in [
        json!({"operation": "fineTuning.jobs.list"}),
        json!({"operation": "fine_tuning.*"}),
        json!({"path": "/v1/fine_tuning/jobs"}),
    ] {
        load(json!({"match": condition, "error": {"status": 429}}));
        assert_eq!(ask(&emulator, list).status, 429, "{condition}");
    }
    load(json!({"match": {"operation": "fine_tuning.jobs.list"}, "fault": {"at": "connect", "kind": "disconnect"}}));
    assert!(exchange(&emulator, &request("GET", "/v1/fine_tuning/jobs", KEY, "", b"")).is_none());
    load(json!({"match": {"operation": "videos.list"}, "error": {"status": 429}}));
    assert_eq!(ask(&emulator, list).status, 200);
}

#[test]
fn a_form_is_asked_for_where_an_operation_takes_one() {
    let emulator = start(json!({}));
    let post = |path: &str, media: &str| sent(&emulator, "POST", path, media, "v=0").expect("an answer");
    let refused = post("/v1/files", "application/json");
    assert_eq!((refused.status, &refused.json()["error"]["code"]), (400, &json!("unsupported_content_type")));
    // The body itself is the offer.
    assert_eq!(post("/v1/realtime/calls", "application/sdp").json()["error"]["param"], "sdp");
    let empty = sent(&emulator, "POST", "/v1/batches/b/cancel", "text/plain", "").expect("an answer");
    assert_eq!(empty.json()["error"]["message"], "No batch found with id 'b'.");
}
