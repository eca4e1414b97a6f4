//! Checks query parameters. They arrive as text; a parameter the description does not know is left alone, since proxies
//! and gateways add their own (`api-version`).

use super::place::Path;
use super::walk::Walk;
use super::{Context, Level};
use crate::api::error::ApiError;
use crate::api::spec::Kind;
use serde_json::Value;

/// Checks the query of an operation that reads: `limit` between its bounds, `order` one of its values … Of an operation
/// with a body the surface describes the body, and a query is left alone.
///
/// # Errors
/// The 400 OpenAI answers with.
pub fn query(operation: &str, query: &[(String, String)], context: &Context) -> Result<(), ApiError> {
    if context.level == Level::Off || query.is_empty() {
        return Ok(());
    }
    let surface = context.level.surface();
    let Some(Kind::Object(object)) = surface.operation(operation).map(|id| surface.kind(id)) else { return Ok(()) };
    let walk = Walk { surface, relaxed: context.relaxed, beta: context.beta, unknown: None };
    for (name, text) in query {
        let plain = name.strip_suffix("[]").unwrap_or(name);
        let Some(field) = object.find(plain).and_then(|at| object.fields.get(at)) else { continue };
        let path = Path::Field(&Path::Root, plain);
        let (kind, value) = match surface.kind(field.kind) {
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
