//! Walks a value against the surface description and says what is wrong in OpenAI's words.
//!
//! At each level OpenAI looks for required fields first, then for unknown ones, then at each field in its own fixed
//! order, not in the order of the body. The walk goes through the body once, in the body's order, and keeps the fault
//! that OpenAI would have met first; paths and messages are built only for a fault.

use crate::api::validate::place::{Checked, ParamPath};
use crate::api::validate::words;
use crate::surface::shape::{Field, Id, Kind, Object, Only, Shapes, Tag, TextBounds, Union};
use crate::wire::error::ApiError;
use crate::wire::field::find_in;
use crate::wire::form::FormFile;
use serde_json::{Map, Value};
use std::cell::RefCell;

/// The first fault in the order OpenAI looks for them.
#[derive(Default)]
pub(crate) struct First {
    found: Option<(usize, Box<ApiError>)>,
}

impl First {
    /// Rank of a missing required field.
    pub(crate) const MISSING: usize = 0;
    /// Rank of an unknown field.
    pub(crate) const UNKNOWN: usize = 1;

    /// Rank of the field that is looked at after `before` others.
    pub(crate) fn field(before: usize) -> usize {
        Self::UNKNOWN + 1 + before
    }

    /// Whether a fault of this rank would come first; of two of one rank the first one met stays.
    pub(crate) fn open(&self, rank: usize) -> bool {
        self.found.as_ref().is_none_or(|(found, _)| rank < *found)
    }

    /// Keeps the fault of a check if OpenAI would have met it before what is already known.
    pub(crate) fn note(&mut self, rank: usize, check: Checked) {
        if let Err(error) = check
            && self.open(rank)
        {
            self.found = Some((rank, error));
        }
    }

    /// Keeps the fault of a check instead of one of the same rank.
    pub(crate) fn replace(&mut self, rank: usize, check: Checked) {
        if let Err(error) = check
            && self.found.as_ref().is_none_or(|(found, _)| rank <= *found)
        {
            self.found = Some((rank, error));
        }
    }

    pub(crate) fn into_check(self) -> Checked {
        self.found.map_or(Ok(()), |(_, error)| Err(error))
    }
}

/// The walk over one body.
pub(super) struct Walk {
    pub shapes: &'static Shapes,
    pub relaxed: bool,
    pub beta: bool,
    pub form: bool,
    /// Of a client newer than the surface: what it sends that is unknown here, kept instead of refused.
    pub unknown: Option<RefCell<Vec<String>>>,
}

impl Walk {
    /// Whether a field is known to this request.
    fn knows(&self, field: &Field) -> bool {
        match field.only {
            None | Some(Only::Hidden) => true,
            Some(Only::Relaxed) => self.relaxed,
            Some(Only::Beta) => self.beta,
        }
    }

    /// Refuses what the surface does not know, or keeps it for a client that is newer.
    fn unknown(&self, path: &ParamPath, error: impl FnOnce() -> Box<ApiError>) -> Checked {
        let Some(unknown) = &self.unknown else { return Err(error()) };
        let (mut unknown, path) = (unknown.borrow_mut(), path.to_string());
        if !unknown.contains(&path) {
            unknown.push(path);
        }
        Ok(())
    }

    /// Looks at an object whose fields are known; `first` also gets the faults of whoever else looks at it.
    pub(super) fn object(&self, object: &Object, value: &Map<String, Value>, path: &ParamPath, first: &mut First) {
        if self.relaxed && object.open {
            return;
        }
        for field in object.fields.iter().filter(|field| field.required) {
            if first.open(First::MISSING) && find_in(value, &field.name).is_none() {
                first.note(First::MISSING, fault(ApiError::missing(&ParamPath::Field(path, &field.name).to_string())));
            }
        }
        for (name, inner) in value {
            let at = object.find(name).filter(|at| object.fields.get(*at).is_some_and(|field| self.knows(field)));
            match at.and_then(|at| object.fields.get(at).map(|field| (at, field))) {
                None if first.open(First::UNKNOWN) => {
                    let field = ParamPath::Field(path, name);
                    let check = self.unknown(&field, || {
                        Box::new(match path {
                            ParamPath::Root => words::unknown_parameter(name, object, value),
                            _ => ApiError::unknown_parameter(&field.to_string()),
                        })
                    });
                    first.note(First::UNKNOWN, check);
                }
                // Null means left out: frameworks send it for whatever they do not set (field.md §6).
                Some((_, field)) if inner.is_null() && field.nullable => {}
                Some((at, field)) if first.open(First::field(at)) => {
                    first.note(First::field(at), self.check(field.kind, inner, &ParamPath::Field(path, name)));
                }
                _ => {}
            }
        }
    }

    /// Looks at any value.
    pub(super) fn check(&self, id: Id, value: &Value, path: &ParamPath) -> Checked {
        match (self.shapes.kind(id), value) {
            (Kind::Any, _) | (Kind::Boolean, Value::Bool(_)) => Ok(()),
            (Kind::Text(bounds), Value::String(text)) => check_text(bounds, text, path),
            (Kind::File, Value::String(_)) if !self.form => Ok(()),
            (Kind::File, file) if self.form && FormFile::is_shown(file) => Ok(()),
            (Kind::Integer { min, max }, Value::Number(number)) if !number.is_f64() => {
                // Above i64::MAX only the upper bound can matter.
                let value = number.as_i64().unwrap_or(i64::MAX);
                let (low, high) = (min.is_some_and(|min| value < min), max.is_some_and(|max| value > max));
                match (low, high, min, max) {
                    (true, _, Some(min), _) => Err(words::out_of_range(path, "integer", false, &min, number)),
                    (_, true, _, Some(max)) => Err(words::out_of_range(path, "integer", true, &max, number)),
                    _ => Ok(()),
                }
            }
            (Kind::Decimal { min, max }, Value::Number(number)) => {
                let value = number.as_f64().unwrap_or_default();
                match (min, max) {
                    (Some(min), _) if value < *min => Err(words::out_of_range(path, "decimal", false, min, number)),
                    (_, Some(max)) if value > *max => Err(words::out_of_range(path, "decimal", true, max, number)),
                    _ => Ok(()),
                }
            }
            (Kind::Enum { listed, also }, Value::String(text)) => {
                if listed.iter().chain(also).any(|known| known == text) {
                    return Ok(());
                }
                self.unknown(path, || words::not_listed(&path.to_string(), text, listed))
            }
            (Kind::Array { items, min, max }, Value::Array(values)) => {
                words::array_length(path, values.len(), *min, *max)?;
                values
                    .iter()
                    .enumerate()
                    .try_for_each(|(at, value)| self.check(*items, value, &ParamPath::Index(path, at)))
            }
            (Kind::Map { values, max, keys, .. }, Value::Object(object)) => {
                if object.len() > *max {
                    return Err(words::too_many_properties(path, *max, object.len()));
                }
                object.iter().try_for_each(|(key, value)| {
                    if key.len() > *keys && key.chars().count() > *keys {
                        return Err(words::long_property_name(path, key, *keys));
                    }
                    self.check(*values, value, &ParamPath::Field(path, key))
                })
            }
            (Kind::Object(object), Value::Object(value)) => {
                let mut first = First::default();
                self.object(object, value, path, &mut first);
                first.into_check()
            }
            (Kind::Union(union), _) => self.union(id, union, value, path),
            _ => Err(words::wrong_type(self.shapes, id, value, path)),
        }
    }

    fn union(&self, id: Id, union: &Union, value: &Value, path: &ParamPath) -> Checked {
        if let (Some(tag), Value::Object(object)) = (&union.tag, value) {
            return self.tagged(tag, object, value, path);
        }
        let mut first = None;
        for variant in union.variants.iter().filter(|variant| self.takes(**variant, value)) {
            match self.check(*variant, value, path) {
                Ok(()) => return Ok(()),
                Err(error) => first = first.or(Some(error)),
            }
        }
        // The only array among the variants is meant by every array, whatever stands in it.
        let is_array = |id: &&Id| matches!(self.shapes.kind(**id), Kind::Array { .. });
        let mut arrays = union.variants.iter().filter(is_array);
        if let (None, true, Some(only), None) = (&first, value.is_array(), arrays.next(), arrays.next()) {
            return self.check(*only, value, path);
        }
        Err(first.unwrap_or_else(|| words::wrong_type(self.shapes, id, value, path)))
    }

    fn tagged(&self, tag: &Tag, object: &Map<String, Value>, value: &Value, path: &ParamPath) -> Checked {
        let field = ParamPath::Field(path, &tag.key);
        let said = match object.get(&tag.key) {
            None | Some(Value::Null) if let Some(bare) = self.untagged(tag, object) => {
                return self.check(bare, value, path);
            }
            None | Some(Value::Null) => match tag.default {
                Some(default) => return self.check(default, value, path),
                None if tag.at_item => "",
                None => return fault(ApiError::missing(&field.to_string())),
            },
            Some(Value::String(said)) => said,
            Some(_) if tag.at_item => "",
            Some(other) => {
                return fault(ApiError::invalid_type(&field.to_string(), &words::one_of(&tag.listed), other));
            }
        };
        if let Some((_, variant)) = tag.variants.iter().find(|(name, _)| name == said) {
            return self.check(*variant, value, path);
        }
        if tag.listed.iter().any(|listed| listed == said) {
            // OpenAI knows it, the package's types do not describe it.
            return Ok(());
        }
        let strange =
            |at: &ParamPath, listed: &[String]| self.unknown(at, || words::not_listed(&at.to_string(), said, listed));
        if !tag.known.is_empty() && !tag.known.iter().any(|known| known == said) {
            return strange(&field, &tag.known);
        }
        match tag.default {
            Some(default) if !tag.at_item => self.check(default, value, path),
            _ if tag.at_item => strange(path, &tag.listed),
            _ => strange(&field, &tag.listed),
        }
    }

    /// The variant of an object without its tag, if one leaves it out and is described by the fields there are.
    fn untagged(&self, tag: &Tag, object: &Map<String, Value>) -> Option<Id> {
        let fits = |id: &Id| match self.shapes.kind(*id) {
            Kind::Object(variant) => {
                let known = |name: &String| variant.find(name).is_some();
                let has =
                    |field: &Field| !field.required || object.get(&field.name).is_some_and(|value| !value.is_null());
                object.keys().all(known) && variant.fields.iter().all(has)
            }
            _ => false,
        };
        tag.variants.iter().map(|(_, id)| *id).find(fits)
    }

    /// Whether a value has the JSON type of a variant; arrays are told apart by their first item.
    fn takes(&self, id: Id, value: &Value) -> bool {
        match (self.shapes.kind(id), value) {
            (Kind::Any, _) => true,
            (Kind::File, file) => {
                if self.form {
                    FormFile::is_shown(file)
                } else {
                    file.is_string()
                }
            }
            (Kind::Text(_) | Kind::Enum { .. }, Value::String(_)) | (Kind::Boolean, Value::Bool(_)) => true,
            (Kind::Integer { .. }, Value::Number(number)) => !number.is_f64(),
            (Kind::Decimal { .. }, Value::Number(_)) => true,
            (Kind::Array { items, .. }, Value::Array(values)) => {
                values.first().is_none_or(|value| self.takes(*items, value))
            }
            (Kind::Map { .. } | Kind::Object(_), Value::Object(_)) => true,
            (Kind::Union(union), _) => union.variants.iter().any(|variant| self.takes(*variant, value)),
            _ => false,
        }
    }
}

/// A refusal.
pub(super) fn fault(error: ApiError) -> Checked {
    Err(Box::new(error))
}

fn check_text(bounds: &TextBounds, text: &str, path: &ParamPath) -> Checked {
    if text.is_empty() && bounds.min > 0 {
        return Err(words::empty_string(path, bounds.min));
    }
    if text.len() > bounds.max {
        let length = text.chars().count();
        if length > bounds.max {
            return Err(words::long_string(path, bounds.max, length));
        }
    }
    match &bounds.pattern {
        Some(pattern) if !pattern.is_match(text) => Err(words::pattern(path, pattern.as_str())),
        _ => Ok(()),
    }
}
