//! What a row of the surface's table means for a stored resource: which verb it is, on which collection.
//!
//! The paths say it all: `/evals/{eval_id}/runs` is a collection of what `/evals/{eval_id}` holds, and its operations
//! are those of any other. What paths do not say (forms of ids, words of errors) stands in `resources.json`.

use crate::surface::operations::{self, AnswerKind, Form, Operation};
use serde::Deserialize;
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::LazyLock;

/// What behaves: stored and given back as it came, it would be an answer that misleads. Served by hand, or not at all.
const BEHAVE: &[&str] = &[
    "/batches",
    "/content_provenance_checks",
    "/containers",
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
    /// `GET …/{id}/word`: events of the object.
    Follow,
    /// Answered by what its type says; nothing is kept.
    Make,
}

/// One operation.
#[derive(Debug)]
pub(super) struct Plan {
    pub verb: Verb,
    pub collection: &'static Collection,
    /// Parameter with the object's id; the empty string where the path names none.
    pub id: &'static str,
}

/// Objects that stand under one path, or a settings object, as far as the table and `resources.json` say.
#[derive(Debug)]
pub(super) struct Collection {
    /// With its parameters.
    pub path: &'static str,
    pub resource: Resource,
    /// Parameter that names one of its objects; the empty string where no path does.
    pub item: &'static str,
    /// Whether its objects are made here: others nobody could have made, or they are kept elsewhere.
    pub made_here: bool,
}

/// What paths do not say of a collection.
#[derive(Debug, Default, Clone, Deserialize)]
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
    /// Fields of a new one that neither its request nor its type says; [`given`](super::given) reads their words.
    pub given: Value,
    /// More of them, where the field of the request at this place is this.
    pub given_for: Vec<(String, Value, Value)>,
    /// What words call the objects that a request names, and the paths these are kept under.
    pub known: BTreeMap<String, String>,
    /// Which of those it has the fields of.
    pub like: Option<String>,
    /// Fields that requests call otherwise.
    pub renamed: BTreeMap<String, String>,
    /// What the answer to its deletion calls itself, where the type does not say.
    pub deleted: Option<String>,
    /// The status of what is only accepted.
    pub status: Option<u16>,
    /// Its events: that one was made, that one is as it is; and their field that holds it.
    pub events: Option<ObjectEvents>,
}

/// Events that tell of an object.
#[derive(Debug, Clone, Deserialize)]
pub(super) struct ObjectEvents {
    pub made: String,
    pub stands: String,
    pub field: String,
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

/// What a path alone says of an operation.
struct Read {
    verb: Verb,
    collection: &'static str,
    id: &'static str,
}

/// All that is read of the table, once.
struct Plans {
    collections: HashMap<&'static str, &'static Collection>,
    /// In the order of the table; `None` = no operation of a stored resource.
    plans: Vec<Option<Plan>>,
}

static PLANS: LazyLock<Plans> = LazyLock::new(|| {
    let rows = operations::all();
    let read: Vec<Option<Read>> = rows.iter().map(read).collect();
    // Compiled in, and read whole by the test below.
    let resources: HashMap<String, Resource> = serde_json::from_str(include_str!("resources.json")).unwrap_or_default();
    let paths: BTreeSet<&'static str> = read.iter().flatten().map(|one| one.collection).collect();
    let of = |path: &'static str| {
        let all = || rows.iter().zip(&read).filter_map(|(row, one)| Some((row, one.as_ref()?)));
        let own = || all().filter(move |(_, one)| one.collection == path);
        Collection {
            path,
            resource: resources.get(&nameless(path)).cloned().unwrap_or_default().named_after(path),
            item: own().map(|(_, one)| one.id).find(|id| !id.is_empty()).unwrap_or_default(),
            made_here: own().any(|(row, one)| one.verb == Verb::Create && !crate::api::is_by_hand(row)),
        }
    };
    // As long-lived as the table they come from.
    let collections: HashMap<_, &'static Collection> =
        paths.iter().map(|path| (*path, &*Box::leak(Box::new(of(path))))).collect();
    let plans = read.into_iter().map(|one| {
        let Read { verb, collection, id } = one?;
        Some(Plan { verb, collection: collections.get(collection)?, id })
    });
    let plans = plans.collect();
    Plans { collections, plans }
});

/// The plan for an operation.
pub(super) fn of(operation: &Operation) -> Option<&'static Plan> {
    PLANS.plans.get(operation.index)?.as_ref()
}

/// The collection with this path.
pub(super) fn collection(path: &str) -> Option<&'static Collection> {
    PLANS.collections.get(path).copied()
}

impl Resource {
    /// Whether a new one has a secret for clients.
    pub(super) fn gives_secret(&self) -> bool {
        let secret = |value: &Value| value.as_str().is_some_and(|text| text.starts_with("ek_"));
        ["/value", "/client_secret", "/client_secret/value"].iter().filter_map(|at| self.given.pointer(at)).any(secret)
    }

    /// What nobody wrote down is the singular of the collection's name.
    fn named_after(mut self, path: &str) -> Self {
        if self.id.is_empty() {
            let single = singular(path.rsplit('/').next().unwrap_or_default());
            self.noun = single.replace('_', " ");
            self.id = format!("{single}_");
        }
        self
    }
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

fn read(row: &'static Operation) -> Option<Read> {
    let path = nameless(row.path);
    let behaves = BEHAVE.iter().any(|beginning| path.strip_prefix(beginning).is_some_and(is_path_end));
    if row.kind == AnswerKind::Bytes || row.turn || behaves || row.form == Some(Form::Form) {
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
        return Some(Read { verb, collection: before, id });
    }
    let whole = |verb| Some(Read { verb, collection: row.path, id: "" });
    let others = || operations::all().iter().filter(|other| other.variant.is_none());
    let lists = |row: &Operation| row.method == "GET" && row.kind == AnswerKind::Page;
    // `/chatkit/sessions` has none but `/chatkit/sessions/{session_id}/cancel`.
    let items = || others().any(|other| other.path.strip_prefix(row.path).is_some_and(|rest| rest.starts_with("/{")));
    match row.method {
        "GET" if row.kind == AnswerKind::Events => {
            let (collection, parameter) = before.rsplit_once('/')?;
            Some(Read { verb: Verb::Follow, collection, id: parameter.trim_matches(['{', '}']) })
        }
        "GET" if lists(row) => whole(Verb::List),
        "GET" => whole(Verb::Show),
        "DELETE" => whole(Verb::Unset),
        _ if row.kind == AnswerKind::Page => whole(Verb::Make),
        _ if items() || others().any(|other| other.path == row.path && lists(other)) => whole(Verb::Create),
        _ if others().any(|other| other.path == row.path && other.method == "GET") => whole(Verb::Set),
        _ => match before.rsplit_once('/') {
            Some((collection, parameter)) if parameter.starts_with('{') => {
                let id = parameter.trim_matches(['{', '}']);
                Some(Read { verb: Verb::Act(last), collection, id })
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
        (plan.verb, plan.collection.path, plan.id)
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
    fn lists_begin_where_the_document_says() {
        let begins = |name: &str| {
            of(operations::named(name).expect("an operation")).map(|plan| plan.collection.resource.oldest_first)
        };
        for name in [
            "evals.list",
            "admin.organization.admin_api_keys.list",
            "admin.organization.groups.list",
            "admin.organization.projects.groups.list",
            "admin.organization.projects.roles.list",
            "admin.organization.projects.spend_alerts.list",
            "admin.organization.roles.list",
            "admin.organization.spend_alerts.list",
        ] {
            assert_eq!(begins(name), Some(true), "{name}");
        }
        for name in ["admin.organization.certificates.list", "admin.organization.groups.users.list"] {
            assert_eq!(begins(name), Some(false), "{name}");
        }
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
        let events = &written["/webhook_event_types"].given["data"];
        let body = crate::surface::schema("webhooks.WebhookCreateParams");
        assert_eq!(*events, body["properties"]["event_types"]["items"]["enum"]);
        assert_eq!(collection("/safety/cases").expect("a collection").resource.id, "case_");
    }
}
