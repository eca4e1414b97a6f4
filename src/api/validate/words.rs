//! The words of schema faults: how OpenAI names types, values and bounds. Sources: real-traffic.md §3, and envelopes
//! observed from api.openai.com in August 2026.

use crate::api::validate::place::{Checked, ParamPath};
use crate::sorting;
use crate::surface::shape::{Id, Kind, Object, Shapes};
use crate::wire::error::ApiError;
use crate::wire::error::quoted_list;
use serde_json::{Map, Number, Value};
use std::fmt::Display;

/// `Invalid '{path}': {what}` with a code.
fn bound(path: &ParamPath, code: &str, what: impl Display) -> Box<ApiError> {
    let param = path.to_string();
    Box::new(ApiError::invalid(format!("Invalid '{param}': {what}")).param(param).code(code))
}

pub(super) fn out_of_range(
    path: &ParamPath,
    type_name: &str,
    above: bool,
    limit: &impl Display,
    got: &Number,
) -> Box<ApiError> {
    let (side, sign, code) =
        if above { ("above maximum", "<=", "above_max") } else { ("below minimum", ">=", "below_min") };
    let what = format!("{type_name} {side} value. Expected a value {sign} {limit}, but got {got} instead.");
    bound(path, &format!("{type_name}_{code}_value"), what)
}

pub(super) fn empty_string(path: &ParamPath, min: usize) -> Box<ApiError> {
    let what = format!("empty string. Expected a string with minimum length {min}, but got an empty string instead.");
    bound(path, "empty_string", what)
}

pub(super) fn long_string(path: &ParamPath, max: usize, got: usize) -> Box<ApiError> {
    let what = format!(
        "string too long. Expected a string with maximum length {max}, but got a string with length {got} instead."
    );
    bound(path, "string_above_max_length", what)
}

pub(super) fn pattern(path: &ParamPath, pattern: &str) -> Box<ApiError> {
    let what = format!("string does not match pattern. Expected a string that matches the pattern '{pattern}'.");
    bound(path, "invalid_value", what)
}

pub(super) fn array_length(path: &ParamPath, got: usize, min: usize, max: usize) -> Checked {
    if got == 0 && min > 0 {
        let what = format!("empty array. Expected an array with minimum length {min}, but got an empty array instead.");
        return Err(bound(path, "empty_array", what));
    }
    if got > max {
        let what = format!(
            "array too long. Expected an array with maximum length {max}, but got an array with length {got} instead."
        );
        return Err(bound(path, "array_above_max_length", what));
    }
    Ok(())
}

pub(super) fn too_many_properties(path: &ParamPath, max: usize, got: usize) -> Box<ApiError> {
    let what = format!(
        "too many properties. Expected an object with at most {max} properties, but got an object with {got} \
         properties instead."
    );
    bound(path, "object_above_max_properties", what)
}

pub(super) fn long_property_name(path: &ParamPath, key: &str, max: usize) -> Box<ApiError> {
    let message = format!(
        "Invalid property name in '{path}': '{}' is too long. Expected a string with maximum length {max}, but got a \
         string with length {} instead.",
        shorten(key),
        key.chars().count()
    );
    let error = ApiError::invalid(message).param(ParamPath::Field(path, key).to_string());
    Box::new(error.code("property_name_above_max_length"))
}

/// `Invalid value: 'V'. Supported values are: …`; `param` may point at the value or at the object around it.
pub(super) fn not_listed(param: &str, said: &str, listed: &[String]) -> Box<ApiError> {
    if let [only] = listed {
        let message = format!("Invalid value: '{}'. Value must be '{only}'.", shorten(said));
        return Box::new(ApiError::invalid(message).param(param).code("invalid_value"));
    }
    let listed: Vec<&str> = listed.iter().map(String::as_str).collect();
    Box::new(ApiError::invalid_value(param, &shorten(said), &listed))
}

/// Values of the caller's that are long are shown by their ends: they may be secrets or whole texts.
fn shorten(value: &str) -> String {
    let letters: Vec<char> = value.chars().collect();
    match letters.as_slice() {
        [a, b, c, middle @ .., x, y, z] if middle.len() > 13 => format!("{a}{b}{c}...{x}{y}{z}"),
        _ => value.to_string(),
    }
}

/// `Unknown parameter: 'P'.`, with the known names it may be a slip of: at most two letters away, not in the body yet,
/// nearest first.
pub(super) fn unknown_parameter(name: &str, object: &Object, body: &Map<String, Value>) -> ApiError {
    if let Some((_, now)) = object.moved.iter().find(|(from, _)| from == name) {
        let message = format!(
            "Unsupported parameter: '{name}'. In the Responses API, this parameter has moved to '{now}'. Try again with \
             the new parameter. See the API documentation for more information: \
             https://platform.openai.com/docs/api-reference/responses/create."
        );
        return ApiError::invalid(message).code("unsupported_parameter");
    }
    let mut near: Vec<(usize, &str)> = object
        .fields
        .iter()
        .filter(|field| {
            field.only.is_none() && !body.contains_key(&field.name) && field.name.len().abs_diff(name.len()) <= 2
        })
        .map(|field| (distance(name, &field.name), field.name.as_str()))
        .filter(|(distance, _)| *distance <= 2)
        .collect();
    sorting::by(&mut near, Ord::cmp);
    let mut error = ApiError::unknown_parameter(name);
    if !near.is_empty() {
        let names: Vec<String> = near.iter().map(|(_, name)| format!("'{name}'")).collect();
        error.message = format!("Unknown parameter: '{name}'. Did you mean {}?", names.join(" or "));
    }
    error
}

/// Edits between two names.
fn distance(a: &str, b: &str) -> usize {
    let b: Vec<char> = b.chars().collect();
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, letter) in a.chars().enumerate() {
        let mut left = i + 1;
        let mut diagonal = i;
        for (above, other) in row.iter_mut().skip(1).zip(&b) {
            let best = (diagonal + usize::from(letter != *other)).min(left + 1).min(*above + 1);
            diagonal = *above;
            *above = best;
            left = best;
        }
        if let Some(first) = row.first_mut() {
            *first = i + 1;
        }
    }
    row.last().copied().unwrap_or_default()
}

/// `Invalid type for 'P': expected X, but got Y instead.`
pub(super) fn wrong_type(shapes: &Shapes, id: Id, got: &Value, path: &ParamPath) -> Box<ApiError> {
    Box::new(ApiError::invalid_type(&path.to_string(), &noun(shapes, id, true), got))
}

/// `one of 'a', 'b', or 'c'`.
pub(super) fn one_of(values: &[String]) -> String {
    format!("one of {}", or_list(values))
}

fn or_list(values: &[String]) -> String {
    let values: Vec<&str> = values.iter().map(String::as_str).collect();
    let list = quoted_list(&values);
    match list.rsplit_once(" and ") {
        Some((init, last)) => format!("{init} or {last}"),
        None => list,
    }
}

/// What messages call a type: `a string`, `an array of objects`, `one of a string or array of input items`.
fn noun(shapes: &Shapes, id: Id, article: bool) -> String {
    let plain = match shapes.kind(id) {
        Kind::Any => "a value".to_string(),
        Kind::Text(_) => "a string".into(),
        Kind::File => "a file".into(),
        Kind::Integer { .. } => "an integer".into(),
        Kind::Decimal { .. } => "a decimal".into(),
        Kind::Boolean => "a boolean".into(),
        Kind::Enum { listed, .. } if article => return one_of(listed),
        Kind::Enum { listed, .. } => return or_list(listed),
        Kind::Array { items, .. } => format!("an array of {}", plural(shapes, *items)),
        Kind::Map { noun, .. } => with_article(noun.as_deref().unwrap_or("object")),
        Kind::Object(object) => with_article(object.noun.as_deref().unwrap_or("object")),
        Kind::Union(union) => match &union.noun {
            Some(noun) => with_article(noun),
            None => return union_noun(shapes, &union.variants, article),
        },
    };
    if article { plain } else { plain.split_once(' ').map_or(plain.clone(), |(_, noun)| noun.to_string()) }
}

fn with_article(noun: &str) -> String {
    format!("{} {noun}", if noun.starts_with(['a', 'e', 'i', 'o', 'u']) { "an" } else { "a" })
}

/// Variants of one name count once; only the first has its article.
fn union_noun(shapes: &Shapes, variants: &[Id], article: bool) -> String {
    let mut names: Vec<String> = Vec::new();
    for variant in variants {
        let name = noun(shapes, *variant, names.is_empty());
        if !names.iter().any(|known| known.ends_with(&name)) {
            names.push(name);
        }
    }
    match names.as_slice() {
        [only] if article => only.clone(),
        [only] => only.split_once(' ').map_or(only.clone(), |(_, noun)| noun.to_string()),
        [init @ .., last] if init.len() > 1 => format!("one of {}, or {last}", init.join(", ")),
        _ => format!("one of {}", names.join(" or ")),
    }
}

fn plural(shapes: &Shapes, id: Id) -> String {
    match shapes.kind(id) {
        Kind::Enum { listed, .. } => {
            let short: Vec<String> = listed.iter().map(|value| shorten(value)).collect();
            one_of(&short)
        }
        Kind::Array { .. } => "arrays".to_string(),
        _ => format!("{}s", noun(shapes, id, false)),
    }
}
