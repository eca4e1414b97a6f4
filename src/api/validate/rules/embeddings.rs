//! Rules of embeddings.

use crate::api::validate::rules::{Faults, given};
use crate::turn::models::Model;
use crate::wire::error::ApiError;
use crate::wire::field::field;
use serde_json::Value;

/// Items and models OpenAI refuses although the types fit.
pub(super) fn check(body: &Value, model: &Model, faults: &mut Faults) {
    let empty = |value: &Value| value.as_str() == Some("");
    let items = field(body, "input").as_array();
    if items.is_some_and(Vec::is_empty) {
        faults.at("input", || Some(ApiError::invalid("Invalid 'input': input cannot be an empty array.")));
    }
    if empty(field(body, "input")) || items.into_iter().flatten().any(empty) {
        faults.at("input", || Some(ApiError::invalid("Invalid 'input': input cannot be an empty string.")));
    }
    if given(body, "dimensions").is_some() && model.dimensions.is_some() && !model.adjustable_dimensions {
        faults.at("dimensions", || Some(ApiError::invalid("This model does not support specifying dimensions.")));
    }
    let asked = field(body, "dimensions").as_u64();
    if let (Some(asked), Some(most)) = (asked, model.dimensions)
        && asked > u64::from(most)
    {
        faults.at("dimensions", || {
            let message = format!("Invalid value for 'dimensions' = {asked}. Must be less than or equal to {most}.");
            Some(ApiError::invalid(message))
        });
    }
}
