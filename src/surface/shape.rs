//! What bodies and queries may be: the clients' types, and `facts.json`, which is written by hand and adds what types
//! cannot say (lengths, the order of checks, words of messages). Each is made ready on first use.

use super::load;
use super::operations::{self, Operation};
use crate::sorting;
use std::sync::{LazyLock, OnceLock};

/// Index of a [`Kind`] in its [`Shapes`].
pub(crate) type Id = usize;

/// Whose word the surface takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Depth {
    /// The types' and the OpenAPI document's.
    Documented,
    /// Also what users report production to refuse although the document allows it: `observed` in facts.json.
    Observed,
}

/// A type and all that it is made of.
pub(crate) struct Shapes {
    pub(super) kinds: Vec<Kind>,
    pub(super) root: Id,
}

/// What a value may be.
pub(crate) enum Kind {
    Any,
    Text(TextBounds),
    /// A file of a form; a string where the body is JSON.
    File,
    Integer {
        min: Option<i64>,
        max: Option<i64>,
    },
    Decimal {
        min: Option<f64>,
        max: Option<f64>,
    },
    Boolean,
    Enum {
        listed: Vec<String>,
        also: Vec<String>,
    },
    Array {
        items: Id,
        min: usize,
        max: usize,
    },
    Map {
        values: Id,
        max: usize,
        keys: usize,
        noun: Option<String>,
    },
    Object(Object),
    Union(Union),
}

/// A string and its bounds, in characters.
pub(crate) struct TextBounds {
    pub min: usize,
    pub max: usize,
    pub pattern: Option<regex::Regex>,
}

/// An object with known fields.
pub(crate) struct Object {
    /// In the order OpenAI checks them.
    pub fields: Vec<Field>,
    /// Indices into `fields`, sorted by name.
    pub sorted: Vec<usize>,
    /// Accepts anything in the relaxed profile: QSIM's clients put the schema itself here (seeds.md §3.2).
    pub open: bool,
    /// Names of an older API → where they stand in this one.
    pub moved: Vec<(String, String)>,
    /// What messages call it; `object` when `None`.
    pub noun: Option<String>,
}

/// A field of an object.
#[derive(Clone)]
pub(crate) struct Field {
    pub name: String,
    pub kind: Id,
    pub required: bool,
    /// Null is a value like any other, also where the field is required.
    pub nullable: bool,
    /// What is special about its being known.
    pub only: Option<Only>,
}

/// What makes a field known that is not an ordinary one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Only {
    /// The relaxed profile.
    Relaxed,
    /// A request to the beta API: `?beta=true`.
    Beta,
    /// Production takes it although no type and no document has it; always known, never named.
    Hidden,
}

/// One of several types: told apart by JSON type, and objects by a field.
pub(crate) struct Union {
    pub variants: Vec<Id>,
    pub tag: Option<Tag>,
    /// What messages call it, if not by its variants.
    pub noun: Option<String>,
}

/// The field that tells the objects of a union apart.
pub(crate) struct Tag {
    pub key: String,
    /// Value of the field → variant.
    pub variants: Vec<(String, Id)>,
    /// Values as messages list them.
    pub listed: Vec<String>,
    /// Whether messages point at the object rather than at the field.
    pub at_item: bool,
    /// Values known elsewhere: others are refused with this list, pointing at the field.
    pub known: Vec<String>,
    /// The variant when the field is absent, or has a value no variant has and there is no list.
    pub default: Option<Id>,
}

impl Object {
    pub(super) fn sort(&mut self) {
        self.sorted = (0..self.fields.len()).collect();
        sorting::by_key(&mut self.sorted, |at| self.fields.get(*at).map(|field| field.name.clone()));
    }

    /// Index of a field by name.
    pub(crate) fn find(&self, name: &str) -> Option<usize> {
        let found = self.sorted.binary_search_by(|at| self.fields.get(*at).map_or("", |field| &field.name).cmp(name));
        found.ok().and_then(|at| self.sorted.get(at)).copied()
    }
}

static ANY: Kind = Kind::Any;

/// What an operation takes, as far as it was asked for; one of these for each [`Depth`].
#[derive(Default)]
struct Taken {
    body: OnceLock<Shapes>,
    query: OnceLock<Shapes>,
}

static TAKEN: LazyLock<Vec<[Taken; 2]>> =
    LazyLock::new(|| operations::all().iter().map(|_| Default::default()).collect());

impl Shapes {
    /// The body of an operation; `None` = it has none.
    pub(crate) fn body(operation: &Operation, depth: Depth) -> Option<&'static Shapes> {
        let taken = TAKEN.get(operation.index)?.get(depth as usize)?;
        operation.body.map(|name| taken.body.get_or_init(|| load::shapes(name, depth)))
    }

    /// The query of an operation; `None` = it has none.
    pub(crate) fn query(operation: &Operation, depth: Depth) -> Option<&'static Shapes> {
        let taken = TAKEN.get(operation.index)?.get(depth as usize)?;
        operation.query.map(|name| taken.query.get_or_init(|| load::shapes(name, depth)))
    }

    /// Its fields, if it is an object.
    pub(crate) fn object(&self) -> Option<&Object> {
        match self.kind(self.root) {
            Kind::Object(object) => Some(object),
            _ => None,
        }
    }

    /// A type by id.
    pub(crate) fn kind(&self, id: Id) -> &Kind {
        self.kinds.get(id).unwrap_or(&ANY)
    }
}
