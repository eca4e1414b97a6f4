//! Rules of transcriptions: which model writes in which form.

use crate::api::validate::rules::Faults;
use crate::turn::models::Model;
use crate::wire::error::ApiError;
use crate::wire::field::field;
use serde_json::Value;

/// Models that give no times, so that there is nothing to write subtitles or segments from. What the diarizing model says
/// to forms it does not have, nobody quoted.
fn gives_text_alone(model: &str) -> bool {
    ["gpt-4o-transcribe", "gpt-4o-mini-transcribe"].into_iter().any(|name| Model::is_named(model, name))
}

/// Refuses forms the named model does not write, as threads of 2026 quote it (lfnovo/esperanto 204, zachlatta/freeflow
/// 218).
pub(super) fn check(body: &Value, _: &Model, faults: &mut Faults) {
    let Some(model) = field(body, "model").as_str().filter(|model| gives_text_alone(model)) else { return };
    let Some(format) = field(body, "response_format").as_str() else { return };
    if matches!(format, "json" | "text") {
        return;
    }
    faults.at("response_format", || {
        let message = format!(
            "response_format '{format}' is not compatible with model '{model}-api-ev3'. Use 'json' or 'text' instead."
        );
        Some(ApiError::invalid(message).param("response_format").code("unsupported_value"))
    });
}
