//! Checks query parameters. They arrive as text; a parameter the description does not know is left alone, since proxies
//! and gateways add their own (`api-version`).

use crate::api::validate::place::ParamPath;
use crate::api::validate::walk::Walk;
use crate::api::validate::{Context, Level};
use crate::surface::Operation;
use crate::surface::shape::{Kind, Shapes};
use crate::wire::error::ApiError;
use serde_json::Value;

/// Checks the query of an operation: `limit` between its bounds, `order` one of its values …
///
/// # Errors
/// The 400 OpenAI answers with.
pub(crate) fn query(operation: &Operation, query: &[(String, String)], context: &Context) -> Result<(), ApiError> {
    if context.level == Level::Off || query.is_empty() {
        return Ok(());
    }
    let shapes = Shapes::query(operation, context.level.depth());
    let Some((shapes, object)) = shapes.and_then(|shapes| Some((shapes, shapes.object()?))) else { return Ok(()) };
    let walk = Walk { shapes, relaxed: context.relaxed, beta: context.beta, form: false, unknown: None };
    for (name, text) in query {
        let plain = name.strip_suffix("[]").unwrap_or(name);
        let Some(field) = object.find(plain).and_then(|at| object.fields.get(at)) else { continue };
        let path = ParamPath::Field(&ParamPath::Root, plain);
        let (kind, value) = match shapes.kind(field.kind) {
            Kind::Integer { .. } => match text.parse::<i64>() {
                Ok(number) => (field.kind, Value::from(number)),
                Err(_) => return Err(not_an_integer(plain)),
            },
            Kind::Enum { .. } | Kind::Text(_) => (field.kind, Value::from(text.as_str())),
            // `include[]=a&include[]=b`: one item each.
            Kind::Array { items, .. } => (*items, Value::from(text.as_str())),
            _ => continue,
        };
        walk.check(kind, &value, &path).map_err(|error| *error)?;
    }
    Ok(())
}

fn not_an_integer(name: &str) -> ApiError {
    let message = format!(
        "Invalid type for '{name}': expected an integer, but got a string value that could not be converted into an \
         integer."
    );
    ApiError::invalid(message).param(name).code("invalid_type")
}
