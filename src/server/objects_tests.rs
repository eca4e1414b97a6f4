//! Stored resources over a socket: every one of them goes through its whole life, and every answer is of its type.

use super::asking_tests::Asking;
use super::tests::{Got, exchange, request, start};
use crate::api::{self, ServiceLevel};
use crate::emulator::Emulator;
use crate::generate::typed::TypedMaker;
use crate::random::Random;
use crate::surface::operations::{AnswerKind, all};
use crate::surface::{self, Operation};
use crate::wire::value::Holds;
use serde_json::{Value, json};
use std::collections::HashMap;

const KEY: &str = "a";

pub(super) fn ask(emulator: &Emulator, method: &str, path: &str, body: &Value) -> Got {
    let body = if body.is_null() { String::new() } else { body.to_string() };
    exchange(emulator, &request(method, path, KEY, "", body.as_bytes())).expect("an answer")
}

/// The smallest body an operation takes.
pub(super) fn smallest(operation: &Operation) -> Value {
    let mut random = Random::new(7);
    let mut maker = TypedMaker { random: &mut random, now: 1_767_225_600 };
    operation.body.map_or(Value::Null, |name| maker.value(name, &Value::Null))
}

fn generic() -> impl Iterator<Item = &'static Operation> {
    let is_generic = |level| matches!(level, ServiceLevel::Stored | ServiceLevel::Synthesised);
    all().iter().filter(move |operation| operation.variant.is_none() && is_generic(api::level(operation)))
}

fn named(name: &str) -> Option<&'static Operation> {
    generic().find(|operation| operation.name == name)
}

/// A path with an id of each outer collection in its gaps; `ids` has them by collection.
fn filled(path: &str, ids: &HashMap<String, String>) -> Option<String> {
    let (mut out, mut outer) = (String::from("/v1"), String::new());
    for segment in path.split('/').skip(1) {
        let shown = if segment.starts_with('{') { ids.get(&outer)?.as_str() } else { segment };
        out = format!("{out}/{shown}");
        outer = format!("{outer}/{segment}");
    }
    Some(out)
}

#[track_caller]
fn valid(operation: &Operation, got: &Got) -> Value {
    let accepted = if operation.name == "beta.agents.sessions.events.create" { 202 } else { 200 };
    assert_eq!(got.status, accepted, "{}: {}", operation.name, got.text());
    if operation.kind == AnswerKind::None {
        assert!(got.body.is_empty(), "{}", operation.name);
        return Value::Null;
    }
    let answer = got.json();
    let of_type = |value: &Value| {
        let faults = operation.answer.map(|name| surface::faults(name, value)).unwrap_or_default();
        assert!(faults.is_empty(), "{}: {faults:?} in {value}", operation.name);
    };
    match operation.kind {
        AnswerKind::Page => answer["data"].as_array().expect("a page has data").iter().for_each(of_type),
        _ => of_type(&answer),
    }
    answer
}

#[test]
fn every_stored_resource_lives_its_life() {
    let emulator = start(json!({"clock": "instant", "auth": "optional"}));
    let mut ids: HashMap<String, String> = HashMap::new();
    let mut lived = 0;
    // Outer objects are there before those inside.
    let mut creates: Vec<&Operation> = generic().filter(|one| one.name.ends_with(".create")).collect();
    creates.sort_by_key(|operation| operation.path.matches('{').count());
    for create in creates {
        let Some(collection) = filled(create.path, &ids) else { continue };
        let made = valid(create, &ask(&emulator, "POST", &collection, &smallest(create)));
        let (resource, _) = create.name.rsplit_once('.').expect("a resource");
        let Some(id) = made["id"].as_str() else { continue };
        ids.insert(create.path.to_string(), id.to_string());
        let one = format!("{collection}/{id}");
        lived += 1;
        if let Some(list) = named(&format!("{resource}.list")).filter(|list| list.path == create.path) {
            let page = valid(list, &ask(&emulator, "GET", &collection, &Value::Null));
            let listed = page["data"].elements().any(|one| one["id"] == id);
            assert!(listed, "{}: {page}", list.name);
        }
        if let Some(retrieve) = named(&format!("{resource}.retrieve")) {
            valid(retrieve, &ask(&emulator, "GET", &one, &Value::Null));
        }
        if let Some(update) = named(&format!("{resource}.update")) {
            valid(update, &ask(&emulator, update.method, &one, &smallest(update)));
        }
        if let Some(delete) = named(&format!("{resource}.delete")) {
            // Another one, so that what is inside of this can be made.
            let other = valid(create, &ask(&emulator, "POST", &collection, &smallest(create)));
            let other = format!("{collection}/{}", other["id"].as_str().expect("an id"));
            valid(delete, &ask(&emulator, "DELETE", &other, &Value::Null));
            let again = ask(&emulator, "DELETE", &other, &Value::Null);
            assert_eq!(again.status, if other == one { 404 } else { again.status }, "{}", delete.name);
        }
    }
    assert!(lived > 25, "{lived}");
}

#[test]
fn what_is_made_by_its_type_alone_is_of_it() {
    let emulator = start(json!({"clock": "instant"}));
    let mut made = 0;
    for operation in generic().filter(|operation| !operation.path.contains('{') && operation.method != "DELETE") {
        valid(operation, &ask(&emulator, operation.method, &format!("/v1{}", operation.path), &smallest(operation)));
        made += 1;
    }
    assert!(made > 40, "{made}");
}

#[test]
fn pages_follow_each_other_in_every_style() {
    let emulator = start(json!({"clock": "instant"}));
    for (path, cursor, body) in [
        ("/v1/assistants", "after", json!({"model": "gpt-4o"})),
        ("/v1/organization/groups", "after", json!({"name": "g"})),
        ("/v1/organization/projects", "after", json!({"name": "p"})),
    ] {
        let mut made: Vec<Value> = (0..5).map(|_| ask(&emulator, "POST", path, &body).json()["id"].clone()).collect();
        let first = ask(&emulator, "GET", &format!("{path}?limit=2&order=asc"), &Value::Null).json();
        let next = first.get("next").or_else(|| first.get("last_id")).and_then(Value::as_str).expect("a cursor");
        let second = ask(&emulator, "GET", &format!("{path}?limit=3&order=asc&{cursor}={next}"), &Value::Null).json();
        assert_eq!((&first["has_more"], &second["has_more"]), (&json!(true), &json!(false)), "{path}");
        let seen = [&first, &second].into_iter().flat_map(|page| page["data"].as_array().expect("data").clone());
        let seen: Vec<Value> = seen.map(|one| one["id"].clone()).collect();
        assert_eq!(seen, made, "{path}");
        made.reverse();
        let newest = ask(&emulator, "GET", &format!("{path}?limit=1&order=desc"), &Value::Null).json();
        assert_eq!(newest["data"][0]["id"], made[0], "{path}");
    }
}

#[test]
fn a_deletion_names_itself_and_what_is_gone() {
    let emulator = start(json!({"clock": "instant"}));
    let make = |path: &str, body: Value| ask(&emulator, "POST", path, &body).json();
    let id = |path: &str, body: Value| make(path, body)["id"].as_str().expect("an id").to_string();
    let group = id("/v1/organization/groups", json!({"name": "g"}));
    let role = id("/v1/organization/roles", json!({"role_name": "r", "permissions": ["api.read"]}));
    let config = json!({"type": "custom", "item_schema": {"type": "object"}});
    let eval = id("/v1/evals", json!({"data_source_config": config, "testing_criteria": []}));
    for (assigned, object) in [
        (format!("/v1/organization/groups/{group}/roles"), "group.role.deleted"),
        ("/v1/organization/users/user-1/roles".to_string(), "user.role.deleted"),
        (format!("/v1/projects/proj_1/groups/{group}/roles"), "group.role.deleted"),
        ("/v1/projects/proj_1/users/user-1/roles".to_string(), "user.role.deleted"),
    ] {
        make(&assigned, json!({"role_id": role}));
        let gone = ask(&emulator, "DELETE", &format!("{assigned}/{role}"), &Value::Null).json();
        assert_eq!(gone, json!({"object": object, "deleted": true}), "{assigned}");
    }
    let gone = ask(&emulator, "DELETE", &format!("/v1/evals/{eval}"), &Value::Null).json();
    assert_eq!(gone, json!({"deleted": true, "eval_id": eval, "object": "eval.deleted"}));
}

#[test]
fn what_belongs_to_a_deleted_object_goes_with_it() {
    let emulator = start(json!({"clock": "instant"}));
    let thread = ask(&emulator, "POST", "/v1/threads", &json!({})).json()["id"].as_str().expect("an id").to_string();
    let messages = format!("/v1/threads/{thread}/messages");
    let said = ask(&emulator, "POST", &messages, &json!({"role": "user", "content": "x"}));
    assert_eq!(said.status, 200, "{}", said.text());
    assert_eq!(ask(&emulator, "DELETE", &format!("/v1/threads/{thread}"), &Value::Null).json()["deleted"], true);
    let gone = ask(&emulator, "GET", &messages, &Value::Null);
    assert_eq!(gone.status, 404);
    assert_eq!(gone.json()["error"]["message"], format!("No thread found with id '{thread}'."));
}

#[test]
fn settings_are_shown_as_they_were_set() {
    let emulator = start(json!({"clock": "instant"}));
    let path = "/v1/organization/data_retention";
    let before = ask(&emulator, "GET", path, &Value::Null).json();
    let kinds = ["zero_data_retention", "modified_abuse_monitoring", "enhanced_zero_data_retention", "none"];
    let other = kinds.iter().find(|kind| before["type"] != **kind).expect("another");
    let set = ask(&emulator, "POST", path, &json!({"retention_type": other}));
    assert_eq!(set.status, 200, "{}", set.text());
    assert_eq!(set.json(), ask(&emulator, "GET", path, &Value::Null).json());
}

#[test]
fn times_are_the_clocks_and_a_change_has_its_own() {
    let emulator = start(json!({"clock": "manual"}));
    let made = ask(&emulator, "POST", "/v1/agents", &json!({"model": "gpt-6.2-sol", "name": "a"})).json();
    assert_eq!((&made["created_at"], &made["updated_at"]), (&json!(1_767_225_600), &json!(1_767_225_600)));
    let path = format!("/v1/agents/{}", made["id"].as_str().expect("an id"));
    let later = || ask(&emulator, "PUT", "/_emulator/clock", &json!({"advance_ms": 5_000})).status;
    assert_eq!(later(), 200);
    assert_eq!(ask(&emulator, "GET", &path, &Value::Null).json(), made);
    let changed = ask(&emulator, "POST", &path, &json!({"name": "b"})).json();
    assert_eq!((&changed["created_at"], &changed["updated_at"]), (&json!(1_767_225_600), &json!(1_767_225_605)));
    assert_eq!(later(), 200);
    assert_eq!(ask(&emulator, "GET", &path, &Value::Null).json(), changed);
    let secret = json!({"session": {"type": "realtime"}, "expires_after": {"anchor": "created_at", "seconds": 60}});
    let secret = ask(&emulator, "POST", "/v1/realtime/client_secrets", &secret).json();
    assert_eq!(secret["expires_at"], 1_767_225_670_u64);
}

/// A path without the names of its gaps.
fn nameless(path: &str) -> String {
    let segments = path.split('/').map(|segment| if segment.starts_with('{') { "{}" } else { segment });
    segments.collect::<Vec<_>>().join("/")
}

#[test]
fn a_delete_frees_all_that_lies_below() {
    let asking = Asking::of(start(json!({"clock": "instant", "fallback": "generate"})));
    let served = |one: &&'static Operation| one.variant.is_none() && api::level(one) != ServiceLevel::NotServed;
    let deletes = all().iter().filter(served).filter(|one| one.method == "DELETE" && one.path.ends_with('}'));
    let (mut parents, mut deep) = (0, 0);
    for delete in deletes {
        let (root, outer) = (asking.path(delete), nameless(delete.path));
        let below = |one: &&Operation| one.method == "POST" && nameless(one.path).starts_with(&format!("{outer}/"));
        let mut creates: Vec<&Operation> = all().iter().filter(served).filter(below).collect();
        creates.sort_by_key(|create| create.path.matches('{').count());
        let mut made: HashMap<String, String> = HashMap::from([(outer.clone(), root.clone())]);
        for create in creates.into_iter().filter(|create| !create.path.ends_with('}')) {
            let shape = nameless(create.path);
            let (parent, last) = shape.rsplit_once('/').expect("a collection");
            let Some(inside) = made.get(parent).map(|parent| format!("{parent}/{last}")) else { continue };
            let got = asking.create_at(create, &inside, 0);
            if got.status < 300
                && let Some(id) = serde_json::from_slice::<Value>(&got.body).unwrap_or_default()["id"].as_str()
            {
                deep += usize::from(parent != outer);
                made.insert(format!("{shape}/{{}}"), format!("{inside}/{id}"));
            }
        }
        // By all its ids: what belongs to a store may be named after a file that stays.
        let shape = outer.split('/').enumerate().filter(|(_, segment)| *segment == "{}");
        let ids: Vec<&str> = shape.filter_map(|(at, _)| root.split('/').nth(at + 1)).collect();
        let is_below = |name: &String| ids.iter().all(|id| name.split('/').any(|part| part == *id));
        let left = || asking.names().into_iter().filter(is_below).collect::<Vec<_>>();
        parents += usize::from(!left().is_empty());
        let deleted = asking.plain(delete, &root);
        if deleted.status < 300 {
            assert_eq!(left(), [""; 0], "{}", delete.name);
        }
    }
    assert!(parents > 3 && deep > 0, "{parents} {deep}");
}
