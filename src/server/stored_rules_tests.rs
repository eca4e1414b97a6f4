//! What holds of every stored object, whoever serves it: the rules of its metadata, the words for one that is not there,
//! and lists that are read page by page in each of their styles.

use super::asking_tests::{Asking, example};
use super::tests::start;
use crate::surface;
use crate::surface::operations::{AnswerKind, Operation, Paging, all};
use serde_json::{Value, json};

fn own() -> impl Iterator<Item = &'static Operation> {
    all().iter().filter(|operation| operation.variant.is_none())
}

#[test]
fn metadata_has_the_same_rules_everywhere() {
    let asking = Asking::start();
    let has = |operation: &&Operation| {
        operation.body.is_some_and(|name| surface::schema(name)["properties"]["metadata"].is_object())
    };
    let many: serde_json::Map<String, Value> = (0..17).map(|at| (format!("k{at}"), json!("v"))).collect();
    let (mut bad, mut seen) = (Vec::new(), 0);
    for operation in own().filter(has) {
        for (metadata, words) in [
            (json!(many), "at most 16 properties"),
            (json!({"k".repeat(65): "v"}), "maximum length 64"),
            (json!({"k": "v".repeat(513)}), "maximum length 512"),
            (json!({"k": 1}), "expected a string"),
        ] {
            let got = asking.send(&asking.changed(operation, &json!({"metadata": metadata})));
            seen += 1;
            let error = &got.json()["error"];
            let param = error["param"].as_str().is_some_and(|param| param.starts_with("metadata"));
            if got.status != 400 || !param || !error["message"].as_str().is_some_and(|said| said.contains(words)) {
                bad.push(format!("{} {words}: {} {}", operation.name, got.status, got.text()));
            }
        }
        let whole = json!({"metadata": {"k".repeat(64): "v".repeat(512)}});
        let got = asking.send(&asking.changed(operation, &whole));
        if got.status != 200 {
            bad.push(format!("{}: {} {}", operation.name, got.status, got.text()));
        }
    }
    assert!(bad.is_empty(), "{} of {seen}:\n{}", bad.len(), bad.join("\n"));
    assert!(seen > 100, "{seen}");
}

/// What belongs to objects that nobody can make here (users, calls, ChatKit's threads, checkpoints, projects by another
/// path) is taken for theirs, and what is refused before anything is looked for.
const FOREIGN: &[&str] = &[
    "admin.organization.projects.groups.roles.create",
    "admin.organization.projects.groups.roles.list",
    "admin.organization.projects.roles.create",
    "admin.organization.projects.roles.list",
    "admin.organization.projects.users.roles.create",
    "admin.organization.projects.users.roles.list",
    "admin.organization.users.roles.create",
    "admin.organization.users.roles.list",
    "beta.chatkit.threads.list_items",
    "fine_tuning.checkpoints.permissions.create",
    "fine_tuning.checkpoints.permissions.list",
    "fine_tuning.checkpoints.permissions.retrieve",
    "live.sessions.accept",
    "live.sessions.hangup",
    "live.sessions.refer",
    "live.sessions.reject",
    "models.delete",
    "models.retrieve",
    "realtime.calls.accept",
    "realtime.calls.hangup",
    "realtime.calls.refer",
    "realtime.calls.reject",
    "vector_stores.files.update",
];

#[test]
fn what_is_not_there_is_a_404_that_says_so() {
    let asking = Asking::of(start(json!({"clock": "instant", "validation": "off"})));
    let mut bad = Vec::new();
    for operation in own().filter(|operation| operation.path.contains('{')) {
        let fill = |segment: &str| match segment.strip_prefix('{').and_then(|name| name.strip_suffix('}')) {
            Some(name) => example(name).to_string(),
            None => segment.to_string(),
        };
        let path = format!("/v1{}", operation.path.split('/').map(fill).collect::<Vec<_>>().join("/"));
        let got = asking.plain(operation, &path);
        let error = serde_json::from_slice::<Value>(&got.body).unwrap_or_default()["error"].clone();
        let is_told = got.status == 404 && error["message"].is_string() && error["type"].is_string();
        if is_told == FOREIGN.contains(&operation.name) {
            bad.push(format!("{}: {} {}", operation.name, got.status, got.text()));
        }
    }
    assert!(bad.is_empty(), "{}:\n{}", bad.len(), bad.join("\n"));
}

/// What is on a page.
fn items(page: &Value) -> Vec<Value> {
    page["data"].as_array().cloned().unwrap_or_default()
}

/// All of a list, read with `limit=1` as clients of its style do.
fn by_pages(asking: &Asking, place: &str, style: Option<Paging>) -> Vec<Value> {
    let (mut seen, mut next) = (Vec::new(), String::new());
    for _ in 0..9 {
        let page = asking.get(&format!("{place}?limit=1{next}")).json();
        seen.extend(items(&page));
        let (name, cursor) = match style {
            Some(Paging::NextCursor) => ("after", &page["next"]),
            Some(Paging::Token) => ("page", &page["next"]),
            Some(Paging::ConversationCursor) => ("after", &page["last_id"]),
            _ => ("after", &page["data"][0]["id"]),
        };
        match (page["has_more"] == true, cursor.as_str()) {
            (true, Some(cursor)) => next = format!("&{name}={cursor}"),
            _ => break,
        }
    }
    seen
}

#[test]
fn every_list_is_read_page_by_page() {
    let (mut bad, mut styles) = (Vec::new(), Vec::new());
    for list in own().filter(|one| one.kind == AnswerKind::Page && one.method == "GET") {
        let creates =
            |one: &&Operation| one.method == "POST" && one.path == list.path && one.kind == AnswerKind::Object;
        let Some(create) = own().find(creates).filter(|one| !one.turn) else { continue };
        let asking = Asking::start();
        let place = asking.path(list);
        let before = items(&asking.get(&place).json()).len();
        for at in 0..3 {
            asking.create_at(create, &place, at);
        }
        let whole = items(&asking.get(&place).json());
        if whole.len() != before + 3 {
            bad.push(format!("{}: 3 more than {before} are {}", list.name, json!(whole)));
            continue;
        }
        styles.push(list.page);
        let query = list.query.map(surface::schema).unwrap_or_default();
        let takes = |name: &str| query["properties"][name].is_object();
        let paged = by_pages(&asking, &place, list.page);
        if takes("limit") && paged != whole {
            bad.push(format!("{}: {} and by pages {}", list.name, json!(whole), json!(paged)));
        }
        if takes("order") {
            let asc = items(&asking.get(&format!("{place}?order=asc")).json());
            let desc = items(&asking.get(&format!("{place}?order=desc")).json());
            if asc == desc || desc.iter().rev().ne(asc.iter()) {
                bad.push(format!("{}: ascending {}, descending {}", list.name, json!(asc), json!(desc)));
            }
        }
        if takes("before") {
            let last = whole[2]["id"].as_str().unwrap_or_default();
            let page = asking.get(&format!("{place}?limit=1&before={last}")).json();
            if items(&page) != whole[1..2] || page["has_more"] != true {
                bad.push(format!("{}: {}, and before the third {page}", list.name, json!(whole)));
            }
        }
    }
    assert!(bad.is_empty(), "{}:\n{}", bad.len(), bad.join("\n"));
    for style in [Paging::Cursor, Paging::ConversationCursor, Paging::NextCursor, Paging::Token] {
        assert!(styles.contains(&Some(style)), "{style:?} is read");
    }
    assert!(styles.len() > 30, "{}", styles.len());
}

#[test]
fn filters_choose_what_is_listed() {
    let asking = Asking::of(start(json!({"clock": "instant", "validation": "off"})));
    let post = |path: &str, body: Value| {
        let got = asking.post(path, "application/json", body.to_string().as_bytes());
        assert_eq!(got.status, 200, "{path}: {}", got.text());
        got.json()["id"].as_str().unwrap_or_default().to_string()
    };
    for (path, one, other, filter) in [
        ("/v1/vaults", json!({"metadata": {"a": "b"}}), json!({"metadata": {"a": "c"}}), "metadata[a]=b"),
        ("/v1/vaults", json!({"metadata": {"a": "b"}}), json!({}), "metadata[a]=b"),
        ("/v1/agents/sessions", json!({"agent_id": "agent_1"}), json!({"agent_id": "agent_2"}), "agent_id=agent_1"),
        ("/v1/agents/sessions", json!({"agent_id": "agent_1"}), json!({}), "agent_id=agent_1"),
        (
            "/v1/organization/external_keys",
            json!({"purpose": "ekm"}),
            json!({"purpose": "psp_decryption"}),
            "purpose=ekm",
        ),
    ] {
        let wanted = post(path, one);
        post(path, other);
        let listed = asking.get(&format!("{path}?{filter}")).json();
        assert_eq!(listed["data"].as_array().map(Vec::len), Some(1), "{path}?{filter}: {listed}");
        assert_eq!(listed["data"][0]["id"], *wanted, "{path}?{filter}");
        let cleared = asking.post("/_emulator/reset", "application/json", b"{}");
        assert_eq!(cleared.status, 200, "{}", cleared.text());
    }
    let project = post("/v1/organization/projects", json!({"name": "p"}));
    post(&format!("/v1/organization/projects/{project}/archive"), json!({}));
    let count =
        |query: &str| asking.get(&format!("/v1/organization/projects{query}")).json()["data"].as_array().map(Vec::len);
    assert_eq!((count(""), count("?include_archived=true")), (Some(0), Some(1)));
}
