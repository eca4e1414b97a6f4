//! The table of operations: one row each, read from `generated/operations.json` on first use.

use crate::wire::dialect::Dialect;
use serde::{Deserialize, Serialize};
use std::collections::HashMap;
use std::sync::LazyLock;

/// One operation of the OpenAI API.
#[derive(Debug, Deserialize)]
pub(crate) struct Row<'a> {
    /// Place in the table.
    #[serde(skip)]
    pub index: usize,
    /// The SDK's name, as Python spells it: `chat.completions.create`, `beta.threads.create_and_run`.
    pub name: &'a str,
    pub method: &'a str,
    /// Path below `/v1`; `{name}` matches one segment, `{*name}` the rest.
    pub path: &'a str,
    /// The query by which a client tells it from the operation of the same path: `beta=true`.
    #[serde(borrow)]
    pub variant: Option<&'a str>,
    /// How its body is written; `None` = it has none.
    pub form: Option<Form>,
    /// Type of the body.
    #[serde(borrow)]
    pub body: Option<&'a str>,
    /// Type of the query.
    #[serde(borrow)]
    pub query: Option<&'a str>,
    pub kind: AnswerKind,
    /// How lists of many pages are walked.
    pub page: Option<Paging>,
    /// Type of what comes back; of an item where that is a page.
    #[serde(borrow)]
    pub answer: Option<&'a str>,
    /// Type of the events it may stream.
    #[serde(borrow)]
    pub events: Option<&'a str>,
    pub key: Key,
    #[serde(default)]
    pub deprecated: bool,
    /// Whether a model is asked, and so any rule of a script.
    #[serde(skip)]
    pub turn: bool,
    /// Which replies can answer it.
    #[serde(skip)]
    pub family: Family,
    /// Whose words it speaks.
    #[serde(skip)]
    pub dialect: Dialect,
    #[serde(skip)]
    pub edge: Edge,
    /// The files of its form are kept as they come, and so may be larger than what is read.
    #[serde(skip)]
    pub keeps_files: bool,
    /// A body that is no form stands for its form's field.
    #[serde(skip)]
    pub takes_bytes: bool,
}

impl Row<'_> {
    /// Whether it asks a model in this dialect.
    pub(crate) fn asks(&self, dialect: Dialect) -> bool {
        self.turn && self.dialect == dialect
    }
}

/// A row of the table, which lives as long as the program.
pub(crate) type Operation = Row<'static>;

/// How a body is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[allow(clippy::enum_variant_names)]
pub(crate) enum Form {
    Json,
    /// `multipart/form-data`.
    Form,
    JsonOrForm,
}

/// What comes back.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum AnswerKind {
    Object,
    Page,
    Events,
    Bytes,
    /// A status alone.
    None,
}

/// How a client gets the next page.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Paging {
    /// There is none.
    Whole,
    /// `after` the last item's id, while `has_more`.
    Cursor,
    /// `after` the page's `last_id`.
    ConversationCursor,
    /// `after` the page's `next`.
    NextCursor,
    /// `page` = the page's `next`.
    Token,
}

/// Whose key an operation asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Key {
    Project,
    Admin,
}

/// Operations that the same kinds of reply can answer.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Family {
    Text,
    Embeddings,
    Images,
    Speech,
    Transcriptions,
    Moderations,
    /// Operations without a turn.
    #[default]
    Other,
}

impl Family {
    /// By the SDK name of an operation, in either client's spelling.
    pub(crate) fn of(operation: &str) -> Family {
        match named(operation) {
            Some(operation) => operation.family,
            // Each response on a socket asks as its event.
            None if operation == "realtime.response.create" => Family::Text,
            None => Family::Other,
        }
    }
}

/// What recordings show of an operation's way through production, of which the clients' types say nothing.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Edge {
    /// It is routed by the model in its body: the edge in front refuses bad keys, and asks for a model before anything.
    pub routes_by_model: bool,
    /// Refused behind the rate limiter, whose state the refusal shows.
    pub limited_first: bool,
    /// Whether the model serves it is asked when all else is fine.
    pub model_last: bool,
    /// A stream's headers leave with its first content: `openai-processing-ms` grows with the time the model thinks.
    pub headers_wait: bool,
    /// The media type of its streams has no charset.
    pub bare_stream: bool,
    /// The answer's headers name the model.
    pub names_model: bool,
    /// Its answers come through the proxy that says so: `x-openai-proxy-wasm`.
    pub proxied: bool,
}

/// None of all that.
const DIRECT: Edge = Edge {
    routes_by_model: false,
    limited_first: false,
    model_last: false,
    headers_wait: false,
    bare_stream: false,
    names_model: false,
    proxied: false,
};

/// Ways that are not direct; a name that ends in `.` is all of a resource.
const EDGES: &[(&str, Edge)] = &[
    // Recordings bcbdf04d90a09762, b997a31b54737499 and 0f685e0613bd3239 show the limiter.
    (
        "chat.completions.create",
        Edge { routes_by_model: true, limited_first: true, headers_wait: true, proxied: true, ..DIRECT },
    ),
    ("chat.", Edge { proxied: true, ..DIRECT }),
    // Legacy completions never had a charset (recording 9271bba9ccad28fd).
    (
        "completions.create",
        Edge {
            routes_by_model: true,
            limited_first: true,
            headers_wait: true,
            bare_stream: true,
            names_model: true,
            proxied: true,
            ..DIRECT
        },
    ),
    ("embeddings.create", Edge { routes_by_model: true, proxied: true, ..DIRECT }),
    ("models.list", Edge { proxied: true, ..DIRECT }),
    ("moderations.create", Edge { proxied: true, ..DIRECT }),
    // Recording 01b68fd4f65dddf1.
    ("responses.create", Edge { model_last: true, ..DIRECT }),
];

/// Whose words the operations of a resource speak.
const DIALECTS: &[(&str, Dialect)] = &[
    ("chat.", Dialect::Chat),
    ("completions.", Dialect::Completions),
    ("embeddings.", Dialect::Embeddings),
    ("responses.", Dialect::Responses),
];

/// Short names that scripts may use.
const SHORT: &[(&str, &str)] = &[("chat", "chat.completions.create"), ("responses", "responses.create")];

/// Operations that keep the file they are sent.
const KEEPERS: &[&str] = &["files.create", "uploads.parts.create"];

/// Operations that read a body which is neither form nor JSON: an offer of WebRTC.
const TAKERS: &[&str] = &["realtime.calls.create"];

/// Operations that ask a model. Each step of a run asks as the operation that set it going.
const TURNS: &[(&str, Family)] = &[
    ("audio.speech.create", Family::Speech),
    ("audio.transcriptions.create", Family::Transcriptions),
    ("audio.translations.create", Family::Transcriptions),
    ("beta.responses.create", Family::Text),
    ("beta.threads.create_and_run", Family::Text),
    ("beta.threads.runs.create", Family::Text),
    ("beta.threads.runs.submit_tool_outputs", Family::Text),
    ("chat.completions.create", Family::Text),
    ("completions.create", Family::Text),
    ("embeddings.create", Family::Embeddings),
    ("images.create_variation", Family::Images),
    ("images.edit", Family::Images),
    ("images.generate", Family::Images),
    ("moderations.create", Family::Moderations),
    ("responses.create", Family::Text),
];

/// What the clients' types say.
#[derive(Deserialize)]
struct GeneratedTable<'a> {
    #[serde(borrow)]
    openai: Clients<'a>,
    operations: Vec<Row<'a>>,
}

/// The releases the surface was read from.
#[derive(Debug, Deserialize)]
pub(crate) struct Clients<'a> {
    pub npm: &'a str,
    pub pypi: &'a str,
}

static GENERATED: LazyLock<Option<GeneratedTable<'static>>> = LazyLock::new(|| {
    // Generated, and read whole by the tests below: it does not fail.
    let mut read: GeneratedTable<'static> = serde_json::from_str(include_str!("generated/operations.json")).ok()?;
    for (index, operation) in read.operations.iter_mut().enumerate() {
        operation.index = index;
        let turn = TURNS.iter().find(|(name, _)| *name == operation.name);
        operation.turn = turn.is_some();
        operation.family = turn.map(|(_, family)| *family).unwrap_or_default();
        operation.dialect = first(DIALECTS, operation.name);
        operation.edge = first(EDGES, operation.name);
        operation.keeps_files = KEEPERS.contains(&operation.name);
        operation.takes_bytes = TAKERS.contains(&operation.name);
        // A model's id may hold slashes: `org/gpt-4`.
        if operation.path == "/models/{model}" {
            operation.path = "/models/{*model}";
        }
    }
    Some(read)
});

/// What a table says of an operation: by its name, or by the resource it belongs to.
fn first<T: Copy + Default>(table: &[(&str, T)], name: &str) -> T {
    let named = |key: &str| key == name || (key.ends_with('.') && name.starts_with(key));
    table.iter().find(|(key, _)| named(key)).map(|(_, found)| *found).unwrap_or_default()
}

/// The operation that asks a model in this dialect.
pub(crate) fn asking(dialect: Dialect) -> Option<&'static Operation> {
    all().iter().find(|operation| operation.asks(dialect))
}

/// Every operation, in the order of the client's resources.
pub(crate) fn all() -> &'static [Operation] {
    GENERATED.as_ref().map_or(&[], |generated| &generated.operations)
}

/// The releases of the clients that the surface was read from.
pub(crate) fn clients() -> &'static Clients<'static> {
    const NONE: &Clients<'static> = &Clients { npm: "", pypi: "" };
    GENERATED.as_ref().map_or(NONE, |generated| &generated.openai)
}

/// The operation that a short name stands for: `chat`, `responses`.
pub(crate) fn short(name: &str) -> Option<&'static str> {
    SHORT.iter().find(|(short, _)| *short == name).map(|(_, operation)| *operation)
}

/// An operation by its name, as Python spells it or as TypeScript does (`responses.inputItems.list`).
pub(crate) fn named(name: &str) -> Option<&'static Operation> {
    static NAMES: LazyLock<HashMap<&str, &Operation>> =
        LazyLock::new(|| all().iter().map(|operation| (operation.name, operation)).collect());
    NAMES.get(name).copied().or_else(|| NAMES.get(snake(name).as_str()).copied())
}

/// `adminAPIKeys.createAndRun` → `admin_api_keys.create_and_run`.
fn snake(name: &str) -> String {
    let mut out = String::with_capacity(name.len() + 4);
    let letters: Vec<char> = name.chars().collect();
    for (at, letter) in letters.iter().enumerate() {
        let before = at.checked_sub(1).and_then(|before| letters.get(before)).copied().unwrap_or('.');
        let ends_capitals = before.is_uppercase() && letters.get(at + 1).is_some_and(|next| next.is_lowercase());
        if letter.is_uppercase() && (before.is_lowercase() || before.is_ascii_digit() || ends_capitals) {
            out.push('_');
        }
        out.extend(letter.to_lowercase());
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::HashSet;

    #[test]
    fn the_table_is_whole() {
        assert_eq!(all().len(), 389);
        let names: HashSet<&str> = all().iter().map(|operation| operation.name).collect();
        assert_eq!(names.len(), all().len(), "two operations of one name");
        for (name, _) in TURNS {
            assert!(names.contains(name), "{name} takes a turn but is no operation");
        }
        for name in KEEPERS {
            let form = named(name).and_then(|operation| operation.form);
            assert_eq!(form, Some(Form::Form), "{name} keeps files but is sent none");
        }
        for name in TAKERS {
            assert!(named(name).is_some(), "{name} takes bytes but is no operation");
        }
        for operation in all() {
            assert_eq!(operation.form.is_some(), operation.body.is_some(), "{}", operation.name);
            assert_eq!(operation.kind == AnswerKind::Page, operation.page.is_some(), "{}", operation.name);
            assert!(!(operation.kind == AnswerKind::Object && operation.answer.is_none()), "{}", operation.name);
            assert!(operation.path.starts_with('/') && !operation.path.contains('?'), "{}", operation.name);
        }
        let admin = all().iter().filter(|operation| operation.key == Key::Admin).count();
        assert_eq!((admin, all().iter().filter(|operation| operation.events.is_some()).count()), (147, 14));
    }

    #[test]
    fn both_spellings_name_an_operation() {
        for (spelling, name) in [
            ("responses.inputItems.list", "responses.input_items.list"),
            ("beta.threads.createAndRun", "beta.threads.create_and_run"),
            ("admin.organization.adminAPIKeys.list", "admin.organization.admin_api_keys.list"),
            ("fineTuning.jobs.listEvents", "fine_tuning.jobs.list_events"),
            ("files.create", "files.create"),
        ] {
            assert_eq!(named(spelling).map(|operation| operation.name), Some(name));
        }
        assert!(named("files").is_none() && named("").is_none());
    }
}
