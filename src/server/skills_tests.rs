//! Skills over a socket: archives in versions.

use super::files_tests::{KEY, ask, faults, id};
use super::tests::{Got, exchange, request, send, start};
use crate::emulator::Emulator;
use serde_json::json;

fn upload(emulator: &Emulator, path: &str, skill: &str, fields: &[(&str, &str)]) -> Got {
    let mut body = String::new();
    for (name, value) in fields {
        body += &format!("--x\r\ncontent-disposition: form-data; name=\"{name}\"\r\n\r\n{value}\r\n");
    }
    for (name, text) in [("csv/SKILL.md", skill), ("csv/run.py", "print(1)")] {
        body +=
            &format!("--x\r\ncontent-disposition: form-data; name=\"files[]\"; filename=\"{name}\"\r\n\r\n{text}\r\n");
    }
    body += "--x--\r\n";
    let sent = String::from_utf8(request("POST", path, KEY, "", body.as_bytes())).expect("text");
    exchange(emulator, sent.replace("application/json", "multipart/form-data; boundary=x").as_bytes())
        .expect("an answer")
}

fn described(name: &str) -> String {
    format!("---\nname: {name}\ndescription: Reads tables.\n---\n")
}

#[test]
fn a_skill_lives_its_life_in_versions() {
    let emulator = start(json!({"clock": "instant"}));
    let made = upload(&emulator, "/v1/skills", &described("csv"), &[]);
    assert_eq!(made.status, 200, "{}", made.text());
    let skill = made.json();
    assert_eq!(faults("skills.Skill", &skill), [""; 0]);
    assert_eq!((&skill["name"], &skill["default_version"]), (&json!("csv"), &json!("1")));
    let path = format!("/v1/skills/{}", id(&skill));
    let versions = format!("{path}/versions");
    let second = upload(&emulator, &versions, &described("tables"), &[]).json();
    assert_eq!((faults("skills.versions.SkillVersion", &second), &second["version"]), (vec![], &json!("2")));
    let shown = ask(&emulator, "GET", &path, "").json();
    assert_eq!(
        (&shown["name"], &shown["latest_version"], &shown["default_version"]),
        (&json!("csv"), &json!("2"), &json!("1"))
    );
    let content = |path: &str| ask(&emulator, "GET", &format!("{path}/content"), "").body;
    assert!(content(&path).starts_with(b"PK\x03\x04") && content(&path) == content(&format!("{versions}/1")));
    assert!(content(&format!("{versions}/latest")) != content(&path));
    assert_eq!(ask(&emulator, "DELETE", &format!("{versions}/1"), "").status, 400, "it is the default");
    let changed = send(&emulator, KEY, &path, &json!({"default_version": "2"})).json();
    assert_eq!(changed["name"], "tables");
    assert_eq!(ask(&emulator, "DELETE", &format!("{versions}/1"), "").json()["deleted"], true);
    assert_eq!(ask(&emulator, "GET", &versions, "").json()["data"], json!([second]));
    assert_eq!(ask(&emulator, "GET", "/v1/skills", "").json()["data"], json!([changed]));
    assert_eq!(ask(&emulator, "DELETE", &path, "").json()["deleted"], true);
    for gone in [path.clone(), versions.clone(), format!("{path}/content")] {
        assert_eq!(ask(&emulator, "GET", &gone, "").status, 404, "{gone}");
    }
}

#[test]
fn what_is_no_skill_is_refused() {
    let emulator = start(json!({"clock": "instant"}));
    let refused = upload(&emulator, "/v1/skills", "no front matter", &[]);
    assert_eq!((refused.status, refused.json()["error"]["param"].as_str()), (400, Some("files")));
    assert_eq!(send(&emulator, KEY, "/v1/skills", &json!({})).status, 400);
    assert_eq!(send(&emulator, KEY, "/v1/skills/none", &json!({"default_version": "1"})).status, 404);
    assert_eq!(ask(&emulator, "GET", "/v1/skills", "").json()["data"], json!([]));
}
