//! What a row of the surface's table means for a stored resource: which verb it is, on which collection.
//!
//! The paths say it all: `/evals/{eval_id}/runs` is a collection of what `/evals/{eval_id}` holds, and its operations
//! are those of any other. What paths do not say (forms of ids, words of errors) stands in `resources.json`.

use crate::surface::operations::{self, AnswerKind, Form, Operation};
use serde::Deserialize;
use std::collections::HashMap;
use std::sync::LazyLock;

/// What behaves: stored and given back as it came, it would be an answer that misleads. Served by hand, or not at all.
const BEHAVE: &[&str] = &[
    "/batches",
    "/content_provenance_checks",
    "/containers/{}/files",
    "/decisions",
    "/evals/{}/runs",
    "/files",
    "/fine_tuning/alpha",
    "/fine_tuning/jobs",
    "/organization/costs",
    "/organization/usage",
    "/skills",
    "/threads/runs",
    "/threads/{}/runs",
    "/uploads",
    "/vector_stores",
    "/videos",
];

/// What an operation does to a collection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Verb {
    Create,
    Retrieve,
    Update,
    List,
    Delete,
    /// `POST …/{id}/word`: the object's state changes.
    Act(&'static str),
    /// A settings object that a path names without an id.
    Show,
    Set,
    Unset,
    /// Answered by what its type says; nothing is kept.
    Make,
}

/// One operation.
#[derive(Debug)]
pub(super) struct Plan {
    pub verb: Verb,
    /// Path of the collection or settings object, with its parameters.
    pub collection: &'static str,
    /// Parameter with the object's id; the empty string where the path names none.
    pub id: &'static str,
}

/// What paths do not say of a collection.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Resource {
    /// Beginning of its ids; the singular of its name when empty.
    pub id: String,
    pub form: IdForm,
    /// What messages call one.
    pub noun: String,
    /// The 404's message; `{id}` stands for the id.
    pub missing: Option<String>,
    pub param: Option<String>,
    pub code: Option<String>,
    /// Lists begin with the oldest unless asked otherwise.
    pub oldest_first: bool,
    /// Fields of a new one that neither its request nor its type says.
    pub given: serde_json::Value,
}

/// How ids go on after their beginning.
#[derive(Debug, Default, Clone, Copy, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum IdForm {
    #[default]
    Plain,
    File,
    Timed,
    Long,
}

static RESOURCES: LazyLock<HashMap<String, Resource>> = LazyLock::new(|| {
    // Compiled in, and read whole by the test below.
    let mut all: HashMap<String, Resource> = serde_json::from_str(include_str!("resources.json")).unwrap_or_default();
    for row in operations::all() {
        let plan = PLANS.get(row.index).and_then(Option::as_ref);
        let Some(plan) = plan else { continue };
        let name = nameless(plan.collection);
        let one = all.entry(name).or_default();
        if one.id.is_empty() {
            let last = plan.collection.rsplit('/').next().unwrap_or_default();
            let single = singular(last);
            one.noun = single.replace('_', " ");
            one.id = format!("{single}_");
        }
    }
    all
});

/// In the order of the table; `None` = no operation of a stored resource.
static PLANS: LazyLock<Vec<Option<Plan>>> = LazyLock::new(|| operations::all().iter().map(planned).collect());

/// The plan for an operation.
pub(super) fn of(operation: &Operation) -> Option<&'static Plan> {
    PLANS.get(operation.index)?.as_ref()
}

/// What is known of a collection.
pub(super) fn resource(collection: &str) -> &'static Resource {
    static NONE: LazyLock<Resource> = LazyLock::new(Resource::default);
    RESOURCES.get(&nameless(collection)).unwrap_or(&NONE)
}

/// The collections right below an object of this one, and below those.
pub(super) fn below(collection: &str) -> impl Iterator<Item = &'static str> {
    let beginning = format!("{}/{{}}/", nameless(collection));
    let mut all: Vec<&'static str> = PLANS.iter().flatten().map(|plan| plan.collection).collect();
    all.sort_unstable();
    all.dedup();
    all.into_iter().filter(move |inner| nameless(inner).starts_with(&beginning))
}

/// Whether objects of a collection can be made through the API: the others nobody could have made.
pub(super) fn is_made_here(collection: &str) -> bool {
    PLANS.iter().flatten().any(|plan| plan.verb == Verb::Create && plan.collection == collection)
}

/// A path without the names of its parameters: `/evals/{}/runs`.
fn nameless(path: &str) -> String {
    let segments = path.split('/').map(|segment| if segment.starts_with('{') { "{}" } else { segment });
    segments.collect::<Vec<_>>().join("/")
}

fn singular(word: &str) -> String {
    match word.strip_suffix("ies") {
        Some(stem) => format!("{stem}y"),
        None => word.strip_suffix('s').unwrap_or(word).to_string(),
    }
}

fn planned(row: &'static Operation) -> Option<Plan> {
    let path = nameless(row.path);
    let behaves = BEHAVE.iter().any(|beginning| path.strip_prefix(beginning).is_some_and(is_path_end));
    if matches!(row.kind, AnswerKind::Bytes | AnswerKind::Events) || row.turn || behaves || row.form == Some(Form::Form)
    {
        return None;
    }
    let (before, last) = row.path.rsplit_once('/')?;
    let id = last.strip_prefix('{').and_then(|name| name.strip_suffix('}'));
    if let Some(id) = id {
        let verb = match row.method {
            "GET" => Verb::Retrieve,
            "DELETE" => Verb::Delete,
            _ => Verb::Update,
        };
        return Some(Plan { verb, collection: before, id });
    }
    let whole = |verb| Some(Plan { verb, collection: row.path, id: "" });
    let others = || operations::all().iter().filter(|other| other.variant.is_none());
    let lists = |row: &Operation| row.method == "GET" && row.kind == AnswerKind::Page;
    // `/chatkit/sessions` has none but `/chatkit/sessions/{session_id}/cancel`.
    let items = || others().any(|other| other.path.strip_prefix(row.path).is_some_and(|rest| rest.starts_with("/{")));
    match row.method {
        "GET" if lists(row) => whole(Verb::List),
        "GET" => whole(Verb::Show),
        "DELETE" => whole(Verb::Unset),
        _ if row.kind == AnswerKind::Page => whole(Verb::Make),
        _ if items() || others().any(|other| other.path == row.path && lists(other)) => whole(Verb::Create),
        _ if others().any(|other| other.path == row.path && other.method == "GET") => whole(Verb::Set),
        _ => match before.rsplit_once('/') {
            Some((collection, parameter)) if parameter.starts_with('{') => {
                let id = parameter.trim_matches(['{', '}']);
                Some(Plan { verb: Verb::Act(last), collection, id })
            }
            _ => whole(Verb::Make),
        },
    }
}

fn is_path_end(rest: &str) -> bool {
    rest.is_empty() || rest.starts_with('/')
}

#[cfg(test)]
mod tests {
    use super::*;

    fn plan(name: &str) -> (Verb, &'static str, &'static str) {
        let plan = of(operations::named(name).expect("an operation")).expect("a plan");
        (plan.verb, plan.collection, plan.id)
    }

    #[test]
    fn paths_say_what_operations_do() {
        assert_eq!(plan("evals.create"), (Verb::Create, "/evals", ""));
        let messages = "/threads/{thread_id}/messages";
        assert_eq!(plan("beta.threads.messages.retrieve"), (Verb::Retrieve, messages, "message_id"));
        let pause = (Verb::Act("pause"), "/agents/automations", "automation_id");
        assert_eq!(plan("beta.agents.automations.pause"), pause);
        assert_eq!(plan("admin.organization.spend_limit.update").0, Verb::Set);
        assert_eq!(plan("admin.organization.spend_limit.delete").0, Verb::Unset);
        assert_eq!(plan("realtime.client_secrets.create").0, Verb::Make);
        assert!(of(operations::named("files.content").expect("an operation")).is_none());
    }

    #[test]
    fn what_is_written_of_resources_names_collections() {
        let written: HashMap<String, Resource> =
            serde_json::from_str(include_str!("resources.json")).expect("it is JSON of this form");
        let known: Vec<String> = operations::all().iter().map(|row| nameless(row.path)).collect();
        for (name, resource) in &written {
            assert!(known.contains(name), "{name}");
            assert!(!resource.id.is_empty() && !resource.noun.is_empty(), "{name}");
        }
        assert_eq!(resource("/safety/cases").id, "case_");
        assert_eq!(below("/vaults").count(), 1);
    }
}
