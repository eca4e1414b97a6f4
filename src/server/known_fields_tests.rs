//! What answers of stored resources know: not invented is what the request, its path or another object says, and what
//! OpenAI's document says of every new one.

use super::objects_tests::ask;
use super::tests::start;
use crate::emulator::Emulator;
use serde_json::{Value, json};
use std::sync::Arc;

/// A session that is asked.
struct Known(Arc<Emulator>);

impl Known {
    fn start() -> Self {
        Known(start(json!({"clock": "manual"})))
    }

    #[track_caller]
    fn get(&self, path: &str) -> Value {
        self.ask("GET", path, &Value::Null)
    }

    #[track_caller]
    fn post(&self, path: &str, body: Value) -> Value {
        self.ask("POST", path, &body)
    }

    #[track_caller]
    fn delete(&self, path: &str) -> Value {
        self.ask("DELETE", path, &Value::Null)
    }

    #[track_caller]
    fn ask(&self, method: &str, path: &str, body: &Value) -> Value {
        let got = ask(&self.0, method, &format!("/v1{path}"), body);
        assert_eq!(got.status, 200, "{method} {path}: {}", got.text());
        got.json()
    }
}

fn id(made: &Value) -> &str {
    made["id"].as_str().expect("an id")
}

#[test]
fn client_secrets_show_the_session_in_force() {
    let known = Known::start();
    let asked = json!({"type": "realtime", "model": "gpt-realtime-mini", "audio": {"output": {"voice": "marin"}}});
    let session = known.post("/realtime/client_secrets", json!({"session": asked}))["session"].take();
    assert!(id(&session).starts_with("sess_"), "{session}");
    let shown = ["object", "model", "tools", "tool_choice", "output_modalities", "max_output_tokens", "truncation"];
    let shown: Vec<&Value> = shown.iter().map(|name| &session[name]).collect();
    assert_eq!(json!(shown), json!(["realtime.session", "gpt-realtime-mini", [], "auto", ["audio"], "inf", "auto"]));
    let pcm = json!({"type": "audio/pcm", "rate": 24_000});
    assert_eq!(session["audio"]["output"], json!({"format": pcm, "voice": "marin", "speed": 1.0}));
    assert_eq!(session["audio"]["input"], json!({"format": pcm, "turn_detection": {"type": "server_vad"}}));

    let transcription = json!({"session": {"type": "transcription"}});
    let session = known.post("/realtime/client_secrets", transcription)["session"].take();
    assert_eq!(session["object"], "realtime.transcription_session");
    assert_eq!(session["audio"].as_object().map(|audio| audio.len()), Some(1));
    assert!(id(&session).starts_with("sess_"), "{session}");

    let beta = known.post("/realtime/sessions", json!({"voice": "ash"}));
    assert_eq!(json!([beta["voice"], beta["input_audio_format"]]), json!(["ash", "pcm16"]));
    assert_eq!(beta["client_secret"]["expires_at"], 1_767_225_660_u64);
}

#[test]
fn an_eval_shows_the_schema_of_its_data_and_its_deletion_its_id() {
    let known = Known::start();
    let item = json!({"type": "object", "properties": {"q": {"type": "string"}}});
    let custom = |sample: bool| {
        let source = json!({"type": "custom", "item_schema": item, "include_sample_schema": sample});
        known.post("/evals", json!({"data_source_config": source, "testing_criteria": []}))
    };
    let eval = custom(false);
    let schema = json!({"type": "object", "properties": {"item": item}, "required": ["item"]});
    assert_eq!(eval["data_source_config"], json!({"type": "custom", "schema": schema}));
    let path = format!("/evals/{}", id(&eval));
    assert_eq!(known.get(&path)["data_source_config"], eval["data_source_config"]);
    assert_eq!(custom(true)["data_source_config"]["schema"]["required"], json!(["item", "sample"]));
    let logs = json!({"data_source_config": {"type": "logs"}, "testing_criteria": []});
    assert_eq!(known.post("/evals", logs)["data_source_config"]["schema"]["required"], json!(["item", "sample"]));
    assert_eq!(known.delete(&path), json!({"object": "eval.deleted", "deleted": true, "eval_id": id(&eval)}));
}

#[test]
fn roles_are_assigned_as_they_were_made() {
    let known = Known::start();
    let asked = json!({"role_name": "Readers", "permissions": ["api.groups.read"], "description": "d"});
    let role = known.post("/organization/roles", asked.clone());
    let shown = json!([role["name"], role["permissions"], role["resource_type"], role["description"]]);
    assert_eq!(shown, json!(["Readers", ["api.groups.read"], "api.organization", "d"]));
    let changed = known.post(&format!("/organization/roles/{}", id(&role)), json!({"role_name": "Writers"}));
    assert_eq!(changed["name"], "Writers");
    let group = known.post("/organization/groups", json!({"name": "Support"}));

    for (place, kind, whom) in [
        (format!("/organization/groups/{}/roles", id(&group)), "group", id(&group)),
        ("/organization/users/user-1/roles".into(), "user", "user-1"),
    ] {
        let given = known.post(&place, json!({"role_id": id(&role)}));
        assert_eq!(given["object"], format!("{kind}.role"));
        assert_eq!((&given["role"], &given[kind]["id"]), (&changed, &json!(whom)), "{place}");
        let listed = known.get(&place)["data"][0].take();
        assert_eq!(
            json!([listed["id"], listed["name"], listed["permissions"]]),
            json!([role["id"], "Writers", role["permissions"]])
        );
        let gone = known.delete(&format!("{place}/{}", id(&role)));
        assert_eq!(gone, json!({"object": format!("{kind}.role.deleted"), "deleted": true}));
    }

    let project = known.post("/organization/projects", json!({"name": "p"}));
    let place = format!("/organization/projects/{}/groups", id(&project));
    assert_eq!(known.post(&place, json!({"group_id": id(&group), "role": id(&role)}))["group_name"], "Support");
    assert_eq!(known.post(&format!("/projects/{}/roles", id(&project)), asked)["resource_type"], "api.project");
}

#[test]
fn permissions_of_checkpoints_are_kept_for_each_project() {
    let known = Known::start();
    let place = "/fine_tuning/checkpoints/ft:gpt-4o-mini:org:x:1/permissions";
    let made = known.post(place, json!({"project_ids": ["proj_a", "proj_b"]}))["data"].take();
    let projects: Vec<&Value> = made.as_array().expect("two").iter().map(|one| &one["project_id"]).collect();
    assert_eq!(json!(projects), json!(["proj_a", "proj_b"]));
    assert!(id(&made[0]).starts_with("cp_") && id(&made[0]) != id(&made[1]), "{made}");
    assert_eq!(known.get(place)["data"].as_array().map(Vec::len), Some(2));
    let gone = known.delete(&format!("{place}/{}", id(&made[0])));
    assert_eq!(gone, json!({"id": made[0]["id"], "object": "checkpoint.permission", "deleted": true}));
    assert_eq!(known.get(place)["data"], json!([made[1]]));
}

#[test]
fn keys_and_certificates_are_shown_as_they_are() {
    let known = Known::start();
    let key = known.post("/organization/admin_api_keys", json!({"name": "k", "expires_in_seconds": 60}));
    let value = key["value"].as_str().expect("a value");
    assert_eq!(key["redacted_value"], format!("sk-admin...{}", &value[value.len() - 3..]));
    assert_eq!((&key["owner"]["type"], &key["expires_at"]), (&json!("user"), &json!(1_767_225_660)));
    let certificate = known.post("/organization/certificates", json!({"name": "c", "certificate": "x"}));
    for (word, active) in [("activate", true), ("deactivate", false)] {
        let path = format!("/organization/certificates/{word}");
        let listed = known.post(&path, json!({"certificate_ids": [id(&certificate)]}))["data"][0].take();
        assert_eq!(json!([listed["name"], listed["active"]]), json!(["c", active]));
    }
}
