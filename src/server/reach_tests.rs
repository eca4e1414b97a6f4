//! A rule that names an operation reaches it, whatever the operation is and does: each kind of reply a rule may give,
//! asked of the whole table.

use super::answers_tests::REFUSED;
use super::asking_tests::Asking;
use super::tests::Got;
use crate::surface::Operation;
use crate::surface::operations::{AnswerKind, all};
use crate::surface::router;
use serde_json::{Value, json};

/// Every operation that has a path of its own; the list on the same path is the one that is reached.
fn operations() -> impl Iterator<Item = &'static Operation> {
    let own = |one: &&Operation| one.variant.is_none() && one.name != "fine_tuning.checkpoints.permissions.retrieve";
    all().iter().filter(own)
}

/// Asks every operation that `wanted` wants with a valid request, after a rule that names it was loaded; tells which did
/// not answer as `holds` says of the answer and of the session's milliseconds it took.
/// Operations in `but` are refused for want of what a valid request cannot bring.
#[track_caller]
fn each(reply: &Value, but: &[&str], wanted: impl Fn(&Operation) -> bool, holds: impl Fn(Option<Got>, f64) -> bool) {
    let asking = Asking::start();
    let (mut missed, mut reached) = (Vec::new(), 0);
    for operation in operations().filter(|operation| wanted(operation)) {
        let requested = asking.valid(operation);
        let mut rule = reply.clone();
        rule["match"] = json!({"operation": operation.name});
        let loaded = asking.script(&json!([rule]));
        assert_eq!(loaded.status, 200, "{}: {}", operation.name, loaded.text());
        let before = now(&asking);
        let got = asking.ask(&requested);
        let took = now(&asking) - before;
        let said = got.as_ref().map_or_else(|| "no bytes".to_string(), |got| format!("{} {}", got.status, got.text()));
        let refused = but.contains(&operation.name) && got.as_ref().is_some_and(|got| got.status >= 400);
        match holds(got, took) || refused {
            true => reached += 1,
            false => missed.push(format!("{}: {}", operation.name, said.chars().take(200).collect::<String>())),
        }
    }
    assert!(missed.is_empty(), "{} missed:\n{}", missed.len(), missed.join("\n"));
    assert!(reached > 0 && reached == operations().filter(|operation| wanted(operation)).count(), "{reached}");
}

/// A run must wait for outputs before a rule is looked for: assistants_tests.rs.
const NOBODY_ASKED: &[&str] = &["beta.threads.runs.submit_tool_outputs"];

/// What is refused all the same: see `REFUSED`.
fn refused() -> Vec<&'static str> {
    REFUSED.iter().map(|(name, ..)| *name).collect()
}

/// Asks all operations: each answers what the reply says.
#[track_caller]
fn stands_for_all(reply: &Value, holds: impl Fn(&Got) -> bool) {
    each(reply, NOBODY_ASKED, |_| true, |got, _| got.is_some_and(|got| holds(&got)));
}

#[test]
fn raw_stands_for_every_operation() {
    let reply = json!({"raw": {"status": 209, "headers": {"x-own": "so"}, "body": {"raw": "own"}}});
    stands_for_all(&reply, |got| {
        got.status == 209 && got.head.contains("x-own: so") && got.json() == json!({"raw": "own"})
    });
}

#[test]
fn an_error_refuses_every_operation() {
    let reply = json!({"error": {"status": 418, "message": "Own words.", "code": "own_code"}});
    stands_for_all(&reply, |got| {
        let error = &got.json()["error"];
        got.status == 418 && error["message"] == "Own words." && error["code"] == "own_code"
    });
}

#[test]
fn a_fault_breaks_every_operation() {
    let reply = json!({"fault": {"kind": "disconnect", "at": "connect"}});
    each(&reply, &refused(), |_| true, |got, _| got.is_none());
}

/// Operations that begin a job, which takes the pace for its own.
const JOBS: &[&str] = &[
    "beta.threads.create_and_run",
    "beta.threads.runs.create",
    "evals.runs.create",
    "fine_tuning.jobs.create",
    "vector_stores.create",
    "vector_stores.files.create",
    "videos.create",
    "videos.edit",
    "videos.extend",
    "videos.remix",
];

/// The session's time, in milliseconds.
fn now(asking: &Asking) -> f64 {
    asking.get("/_emulator/clock").json()["now"].as_f64().expect("a time")
}

#[test]
fn a_pace_holds_back_every_operation() {
    let reply = json!({"pace": {"ttft_ms": 60_000}});
    let waits = |operation: &Operation| !JOBS.contains(&operation.name);
    each(&reply, &refused(), waits, |got, took| got.is_some() && took >= 60_000.0);
    // What begins a job answers at once, and the job takes the time: tests of its own see it.
    each(
        &reply,
        &[],
        |operation| !waits(operation),
        |got, took| got.is_some_and(|got| got.status == 200) && took == 0.0,
    );
}

#[test]
fn an_object_is_laid_over_every_answer_that_is_one() {
    let takes = |one: &Operation| matches!(one.kind, AnswerKind::Object | AnswerKind::Page) && !one.turn;
    let reply = json!({"object": {"scripted": {"by": "rule"}}});
    each(&reply, &refused(), takes, |got, _| got.is_some_and(|got| got.json()["scripted"] == json!({"by": "rule"})));
}

#[test]
fn an_operation_that_shares_its_path_is_reached_by_its_own_name() {
    let asking = Asking::start();
    let mut shared = 0;
    for operation in all().iter().filter(|operation| router::routed(operation).index != operation.index) {
        let sibling = router::routed(operation);
        let path = operation.path.split('/').map(|part| if part.starts_with('{') { "some_id" } else { part });
        let path = path.collect::<Vec<_>>().join("/");
        let (plain, with) = (format!("/v1{path}"), format!("/v1{path}?{}", operation.variant.unwrap_or("x=1")));
        for name in [operation.name.to_string(), format!("{}*", operation.name)] {
            let rule = json!({"match": {"operation": name}, "times": -1, "raw": {"status": 209, "body": "own"}});
            assert_eq!(asking.script(&json!([rule])).status, 200);
            assert_eq!(asking.at(sibling, &with).status, 209, "{name}");
            // What the query tells apart is not the other one.
            assert_eq!(asking.at(sibling, &plain).status == 209, operation.variant.is_none(), "{name}");
        }
        shared += 1;
    }
    assert_eq!(shared, 8);
}
