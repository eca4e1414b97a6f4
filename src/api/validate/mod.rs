//! Request validation: what api.openai.com refuses is refused here, in its words.
//!
//! Schema faults come from the [`walk`] over what the clients' types and `facts.json` allow ([`crate::surface::shape`]); at level full the [`rules`] add
//! what no schema says. Both name faults with the rank of the field they concern, so that of several faults the one is
//! reported that OpenAI would have met first.

mod place;
mod query;
pub(crate) mod rules;
mod walk;
mod words;

#[cfg(test)]
pub(crate) mod corpus_tests;
#[cfg(test)]
mod document_tests;
#[cfg(test)]
mod frameworks_tests;
#[cfg(test)]
mod tests;

use crate::budget::Budget;
use crate::surface::Operation;
use crate::surface::operations::{self, Form};
use crate::surface::shape::{Depth, Object, Shapes};
use crate::turn::models::Model;
use crate::wire::dialect::Dialect;
use crate::wire::error::ApiError;
use crate::wire::field::find;
use crate::wire::value::Holds;
use place::{Checked, ParamPath};
pub(crate) use query::query;
use serde_json::{Map, Value};
use std::cell::RefCell;
use walk::{First, Walk};

/// How much is checked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Level {
    /// All OpenAI checks.
    Full,
    /// Types, enums, ranges, lengths, required and unknown parameters as the OpenAPI document has them; no rules across
    /// fields, none of the model.
    Schema,
    Off,
}

impl Level {
    /// Whose word holds.
    fn depth(self) -> Depth {
        if self == Level::Full { Depth::Observed } else { Depth::Documented }
    }
}

/// What a check may know beside the request.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Context<'a> {
    pub level: Level,
    /// The relaxed profile: the simulator's extra fields are known.
    pub relaxed: bool,
    /// A request to the beta API: more fields are known.
    pub beta: bool,
    /// It comes from a client newer than the surface: what is unknown is kept.
    pub newer: bool,
    /// Nothing is generated: `generate: false` over the socket.
    pub silent: bool,
    /// A path of Azure's, whose deployment names the model: the body's may be missing.
    pub azure: bool,
    /// The body is a form: files are files there.
    pub form: bool,
    /// The catalogue's entry for the model; without one its rules are those its name suggests.
    pub model: Option<&'a Model>,
    /// What looking at schemas may cost.
    pub(crate) budget: &'a Budget,
}

impl<'a> Context<'a> {
    /// As production checks an ordinary request.
    #[cfg(test)]
    pub(crate) fn of(level: Level, model: Option<&'a Model>, budget: &'a Budget) -> Self {
        Context {
            level,
            relaxed: false,
            beta: false,
            newer: false,
            silent: false,
            azure: false,
            form: false,
            model,
            budget,
        }
    }
}

/// Checks the body of an operation. Bodies that are no object of known fields pass.
/// What a newer client sent and nobody here knows comes back as paths.
///
/// # Errors
/// The 400 OpenAI answers with; of several faults the one it reports.
pub(crate) fn body(operation: &Operation, body: &Value, context: &Context) -> Result<Vec<String>, ApiError> {
    if context.level == Level::Off {
        return Ok(Vec::new());
    }
    // The legacy form of the simulator's seeds: a prompt and no input is a text completion.
    let legacy = operation.asks(Dialect::Responses) && find(body, "input").is_none() && legacy_prompt(body);
    let operation = legacy.then(|| operations::asking(Dialect::Completions)).flatten().unwrap_or(operation);
    let Some(shapes) = Shapes::body(operation, context.level.depth()) else { return Ok(Vec::new()) };
    let Some(object) = shapes.object() else { return Ok(Vec::new()) };
    let unknown = context.newer.then(RefCell::default);
    let walk = Walk { shapes, relaxed: context.relaxed, beta: context.beta, form: context.form, unknown };
    check(operation, object, body, context, &walk).map_err(|error| *error)?;
    Ok(walk.unknown.map(RefCell::into_inner).unwrap_or_default())
}

/// The fields of a body that the surface does not know: of newer clients, or where nothing is checked.
pub(crate) fn unknown_fields(operation: &Operation, body: &Value) -> Map<String, Value> {
    let Some(object) = Shapes::body(operation, Level::Schema.depth()).and_then(Shapes::object) else {
        return Map::new();
    };
    let fields = body.members();
    fields.filter(|(name, _)| object.find(name).is_none()).map(|(name, value)| (name.clone(), value.clone())).collect()
}

fn legacy_prompt(body: &Value) -> bool {
    matches!(find(body, "prompt"), Some(Value::String(_) | Value::Array(_)))
}

fn check(operation: &Operation, object: &Object, body: &Value, context: &Context, walk: &Walk) -> Checked {
    let none;
    let fields = match body {
        Value::Object(fields) => fields,
        // LLEmulator reads nothing of a request before it looks for a script. What is no form lacks its fields.
        Value::Null if context.relaxed && (operation.form != Some(Form::Form) || operation.takes_bytes) => {
            return present(operation, body, context);
        }
        // No body has no fields: what the operation asks for is missing.
        Value::Null => {
            none = Map::new();
            &none
        }
        // Bodies that are JSON but no object (real-traffic §3B: the parser refuses them).
        _ => return walk::fault(crate::wire::error::not_json()),
    };
    present(operation, body, context)?;
    let mut first = First::default();
    walk.object(object, fields, &ParamPath::Root, &mut first);
    if context.level == Level::Full {
        let mut faults = rules::Faults { budget: context.budget, object, first: &mut first, silent: context.silent };
        rules::check(operation, body, context, &mut faults);
    }
    first.into_check()
}

/// Whether what every request needs is there, which is asked before anything else. What is routed by the model says so in
/// words of its own; Responses reports it like any other parameter, and a prompt
/// template may bring both model and input.
fn present(operation: &Operation, body: &Value, context: &Context) -> Checked {
    let given = |field: &str| rules::given(body, field).is_some();
    match operation.dialect {
        _ if operation.edge.routes_by_model => {
            let named = rules::given(body, "model").is_some_and(|model| model != "");
            // The seeds' clients leave the model out and get the emulator's default.
            if named || context.azure || context.relaxed {
                return Ok(());
            }
            walk::fault(ApiError::invalid("you must provide a model parameter"))
        }
        // No word of the document says what a response needs.
        Dialect::Responses if operation.turn && context.level == Level::Full && !given("prompt") => {
            match find(body, "model") {
                _ if context.azure || context.relaxed => {}
                None => return walk::fault(ApiError::missing("model")),
                // The wording is OpenAI's: it calls null an object here.
                Some(Value::Null) => {
                    let object = Value::Object(Map::new());
                    return walk::fault(ApiError::invalid_type("model", "a string", &object));
                }
                Some(_) => {}
            }
            // Whoever sends `messages` is told where they went.
            if ["input", "messages", "previous_response_id", "conversation"].iter().any(|field| given(field)) {
                return Ok(());
            }
            walk::fault(ApiError::missing("input"))
        }
        _ => Ok(()),
    }
}
