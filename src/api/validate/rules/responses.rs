//! Rules of Responses. Sources: real-traffic.md §3A and 3B; envelopes observed in August 2026.

use crate::api::responses::replay;
use crate::api::validate::rules::abilities;
use crate::api::validate::rules::{Faults, Phase, given, pictures, says_json, tools};
use crate::turn::models::Model;
use crate::wire::dialect::Dialect;
use crate::wire::error::ApiError;
use crate::wire::field::field;
use crate::wire::field::find;
use serde_json::Value;

/// All rules of a Responses body.
pub(super) fn check(body: &Value, model: &Model, faults: &mut Faults) {
    tools::responses(body, faults);
    format(body, faults);
    limit(body, model, faults);
    items(body, faults);
    pictures::responses(body, faults);
    state(body, faults);
    abilities::check(Dialect::Responses, body, model, faults);
}

fn format(body: &Value, faults: &mut Faults) {
    let format = &field(body, "text")["format"];
    if let (Some(document), Some(name)) = (given(format, "schema"), format["name"].as_str()) {
        faults.schema("text", document, format["strict"] == true, |what| {
            let message = format!("Invalid schema for response_format '{name}': {what}");
            ApiError::invalid(message).param("text.format.schema").code("invalid_json_schema")
        });
    }
    // Instructions are no input messages: OpenAI does not look there.
    if format["type"] == "json_object" && given(body, "input").is_some_and(|input| !says_json(input)) {
        faults.after(Phase::Messages, || {
            let message =
                "Response input messages must contain the word 'json' in some form to use 'text.format' of type \
                 'json_object'.";
            Some(ApiError::invalid(message).param("text.format"))
        });
    }
}

fn limit(body: &Value, model: &Model, faults: &mut Faults) {
    let limit = model.max_output_tokens;
    if let Some(asked) = find(body, "max_output_tokens").and_then(Value::as_u64).filter(|asked| *asked > limit) {
        faults.at("max_output_tokens", || {
            let message = format!(
                "Invalid 'max_output_tokens': integer above maximum value. Expected a value <= {limit}, but got {asked} \
                 instead."
            );
            Some(ApiError::invalid(message).param("max_output_tokens").code("integer_above_max_value"))
        });
    }
}

/// Input items that are well-formed and still refused.
fn items(body: &Value, faults: &mut Faults) {
    let Some(items) = find(body, "input").and_then(Value::as_array) else { return };
    for (at, item) in items.iter().enumerate() {
        faults.after(Phase::Messages, || files(at, item));
    }
    faults.after(Phase::Messages, || replay::orphan(items));
}

/// Endings of files whose text a model is given (recording 800e56bd5dbb4875).
const READABLE: &str = "art bat brf c cls css csv diff doc docx dot eml es h hs htm html hwp hwpx ics ifb java js json \
                        keynote ksh ltx mail markdown md mht mhtml mjs nws odt pages patch pdf pl pm pot ppa pps ppt pptx \
                        pwz py rst rtf scala sh shtml srt sty svg svgz tex text txt vcf vtt wiz xla xlb xlc xlm xls xlsx \
                        xlt xlw xml yaml yml";

/// Files by what they say they are; their bytes are not read.
fn files(at: usize, item: &Value) -> Option<ApiError> {
    let (field, parts) = ["content", "output"].into_iter().find_map(|field| Some((field, item[field].as_array()?)))?;
    for (index, part) in parts.iter().enumerate().filter(|(_, part)| part["type"] == "input_file") {
        let mime = part["file_data"].as_str().and_then(|data| data.strip_prefix("data:")?.split([';', ',']).next());
        if let Some(mime) = mime.filter(|mime| mime.starts_with("audio/") || mime.starts_with("video/")) {
            let param = format!("input[{at}].{field}[{index}].file_data");
            let message = format!(
                "Invalid file data: '{param}'. Expected a base64-encoded data URL with a valid file MIME type (e.g. \
                 'data:text/plain;base64,SGVsbG8sIFdvcmxkIQ=='), but got unsupported MIME type '{mime}'. Please see \
                 https://platform.openai.com/docs/assistants/tools/file-search#supported-files for supported file types."
            );
            return Some(ApiError::invalid(message).param(param).code("invalid_value"));
        }
        let media = [".mp3", ".wav", ".mp4", ".mov", ".ogg", ".m4a", ".webm"];
        if part["file_url"].as_str().is_some_and(|url| media.iter().any(|ending| url.ends_with(ending))) {
            let message = "The file type you uploaded is not supported. Please try again with a pdf";
            return Some(ApiError::invalid(message).param("input").code("unsupported_file"));
        }
        let ending = part["filename"].as_str().and_then(|name| name.rsplit_once('.')).map(|(_, ending)| ending);
        if let Some(ending) = ending.filter(|ending| !READABLE.split(' ').any(|one| one.eq_ignore_ascii_case(ending))) {
            let message = format!(
                "Invalid input: Expected context stuffing file type to be a supported format: .{} but got .{ending}.",
                READABLE.replace(' ', ", .")
            );
            return Some(ApiError::invalid(message).param("input"));
        }
    }
    None
}

/// What the request builds on.
fn state(body: &Value, faults: &mut Faults) {
    if given(body, "conversation").is_some() && given(body, "previous_response_id").is_some() {
        faults.after(Phase::State, || {
            let message = "Mutually exclusive parameters: ''. Ensure you are only providing one of: 'pre..._id' or \
                           'conversation'.";
            Some(ApiError::invalid(message).code("mutually_exclusive_parameters"))
        });
    }
    if find(body, "background") == Some(&Value::Bool(true)) && find(body, "store") == Some(&Value::Bool(false)) {
        faults.after(Phase::State, || {
            let message = "Background mode requires store=true.";
            Some(ApiError::invalid(message).param("store"))
        });
    }
    window(body, faults);
    let empty = given(body, "input")
        .is_none_or(|input| input.as_str().is_some_and(str::is_empty) || input.as_array().is_some_and(Vec::is_empty));
    if empty
        && !faults.silent
        && ["previous_response_id", "prompt", "conversation"].iter().all(|field| given(body, field).is_none())
    {
        faults.after(Phase::State, || {
            let message =
                "One of \"input\" or \"previous_response_id\" or 'prompt' or 'conversation' must be provided.";
            Some(ApiError::invalid(message).code("missing_required_parameter"))
        });
    }
}

/// A window of hours is for what runs in the background, on the standard tier, and is not streamed: the newest clients'
/// types say so. No recording shows a refusal: its words are ours.
fn window(body: &Value, faults: &mut Faults) {
    let Some(window) = find(body, "background_options").and_then(|options| options["completion_window"].as_str())
    else {
        return;
    };
    if window == "soonest" {
        return;
    }
    let tier = find(body, "service_tier").and_then(Value::as_str);
    let broken = if find(body, "background") != Some(&Value::Bool(true)) {
        Some(("background", "requires 'background' to be true"))
    } else if find(body, "stream") == Some(&Value::Bool(true)) {
        Some(("stream", "cannot be streamed"))
    } else if tier.is_some_and(|tier| !matches!(tier, "auto" | "default")) {
        Some(("service_tier", "requires the standard service tier"))
    } else {
        None
    };
    if let Some((param, why)) = broken {
        let message = format!("Invalid 'background_options.completion_window': '{window}' {why}.");
        faults.after(Phase::State, || Some(ApiError::invalid(message).param(param).code("invalid_value")));
    }
}
