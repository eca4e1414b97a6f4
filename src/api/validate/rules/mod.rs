//! Rules no schema says: across fields, per model, and of schemas within the body. Level full only.

mod abilities;
mod chat;
mod completions;
mod embeddings;
mod images;
mod messages;
mod pictures;
mod responses;
pub(crate) mod strict;
#[cfg(test)]
mod strict_tests;
mod tools;
mod transcriptions;

use crate::api::validate::Context;
use crate::api::validate::walk::{First, fault};
use crate::budget::Budget;
use crate::surface::shape::Object;
use crate::surface::{Family, Operation};
use crate::turn::models::Model;
use crate::wire::dialect::Dialect;
use crate::wire::error::ApiError;
use crate::wire::field::find;
use serde_json::Value;

/// Takes faults with the place at which OpenAI meets them.
pub(crate) struct Faults<'a> {
    pub(crate) budget: &'a Budget,
    pub(crate) object: &'a Object,
    pub(crate) first: &'a mut First,
    /// The request only hands in its input, and may have none.
    pub(crate) silent: bool,
}

/// What OpenAI looks at when every field is well-formed, in its order.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Phase {
    /// State the request builds on.
    State,
    /// What the model can do.
    Capability,
    /// Whether the messages make sense one after the other.
    Messages,
}

impl Faults<'_> {
    /// A fault met when this top-level field is looked at; `make` runs only if it would come first.
    pub(crate) fn at(&mut self, field: &str, make: impl FnOnce() -> Option<ApiError>) {
        self.rank(First::field(self.object.find(field).unwrap_or(self.object.fields.len())), make);
    }

    /// A fault met when this top-level field is looked at, which says more exactly what the types say: it stands in
    /// for theirs.
    pub(crate) fn instead(&mut self, field: &str, error: ApiError) {
        let rank = First::field(self.object.find(field).unwrap_or(self.object.fields.len()));
        self.first.replace(rank, fault(error));
    }

    /// A field that the types have and this model does not.
    pub(crate) fn unknown(&mut self, field: &str) {
        self.rank(First::UNKNOWN, || Some(ApiError::unknown_parameter(field)));
    }

    /// A schema that is refused when this top-level field is looked at; `make` gets what is wrong with it.
    pub(crate) fn schema(
        &mut self,
        field: &str,
        schema: &Value,
        strictly: bool,
        make: impl FnOnce(String) -> ApiError,
    ) {
        let budget = self.budget;
        self.at(field, || match strict::fault(schema, strictly, budget) {
            Ok(what) => what.map(make),
            Err(spent) => Some(spent.to_api_error()),
        });
    }

    /// A fault met after all fields.
    pub(crate) fn after(&mut self, phase: Phase, make: impl FnOnce() -> Option<ApiError>) {
        self.rank(First::field(self.object.fields.len() + 1 + phase as usize), make);
    }

    fn rank(&mut self, rank: usize, make: impl FnOnce() -> Option<ApiError>) {
        if self.first.open(rank)
            && let Some(error) = make()
        {
            self.first.note(rank, fault(error));
        }
    }
}

/// All rules of an operation.
pub(crate) fn check(operation: &Operation, body: &Value, context: &Context, faults: &mut Faults) {
    let check = match operation.dialect {
        Dialect::Chat if operation.turn => chat::check,
        Dialect::Responses if operation.turn => responses::check,
        Dialect::Completions => completions::check,
        Dialect::Embeddings => embeddings::check,
        _ if operation.family == Family::Images => images::check,
        _ if operation.family == Family::Transcriptions => transcriptions::check,
        _ => return,
    };
    if operation.family == Family::Images {
        images::inputs(body, context.form, faults);
    }
    match context.model {
        Some(model) => check(body, model, faults),
        None => {
            let name = find(body, "model").and_then(Value::as_str).unwrap_or_default();
            check(body, &Model::custom(name, None, Some(u64::MAX), None), faults);
        }
    }
}

/// A field that is there and not null.
pub(crate) fn given<'a>(body: &'a Value, field: &str) -> Option<&'a Value> {
    find(body, field).filter(|value| !value.is_null())
}

/// Whether the word json stands anywhere in a value's texts.
pub(crate) fn says_json(value: &Value) -> bool {
    match value {
        Value::String(text) => text.as_bytes().windows(4).any(|four| four.eq_ignore_ascii_case(b"json")),
        Value::Array(values) => values.iter().any(says_json),
        Value::Object(object) => object.values().any(says_json),
        _ => false,
    }
}
