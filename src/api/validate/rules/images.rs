//! Rules of pictures: which model takes which parameter and which size.

use crate::api::validate::rules::{Faults, given};
use crate::turn::models::Model;
use crate::wire::error::ApiError;
use crate::wire::field::field;
use crate::wire::value::Holds;
use serde_json::Value;

/// What a model of this name takes; `None` = nobody knows.
struct Takes {
    /// Parameters that only other models have.
    lacks: &'static [&'static str],
    /// Empty = what the types have.
    qualities: &'static [&'static str],
    /// Empty = any size within bounds.
    sizes: &'static [&'static str],
    /// Pictures at a time, if fewer than the types allow.
    most: Option<u64>,
}

/// Parameters of the GPT models alone.
const GPT_ONLY: [&str; 8] = [
    "background",
    "input_fidelity",
    "moderation",
    "output_compression",
    "output_format",
    "partial_images",
    "stream",
    "style",
];

fn takes(model: &str) -> Option<Takes> {
    const QUALITIES: &[&str] = &["low", "medium", "high", "auto"];
    const STANDARD: &[&str] = &["1024x1024", "1024x1536", "1536x1024", "auto"];
    Some(match model {
        // Recording 6a1778af75899ac7.
        _ if model.starts_with("gpt-image-2") => {
            Takes { lacks: &["response_format", "style"], qualities: &[], sizes: &[], most: None }
        }
        _ if model.starts_with("gpt-image-") || model.starts_with("chatgpt-image-") => {
            Takes { lacks: &["response_format", "style"], qualities: QUALITIES, sizes: STANDARD, most: None }
        }
        // Recording 678c3c99e4bb212b: until 2026 it took `quality` too.
        "dall-e-2" => {
            Takes { lacks: &DALLE_2_LACKS, qualities: &[], sizes: &["256x256", "512x512", "1024x1024"], most: None }
        }
        "dall-e-3" => Takes {
            lacks: &DALLE_3_LACKS,
            qualities: &["standard", "hd", "auto"],
            sizes: &["1024x1024", "1024x1792", "1792x1024", "auto"],
            // Documented (CreateImageRequest.n); no recording has the words, which are those of any number too large.
            most: Some(1),
        },
        _ => return None,
    })
}

const DALLE_2_LACKS: [&str; 9] = {
    let [a, b, c, d, e, f, g, h] = GPT_ONLY;
    [a, b, c, d, e, f, g, h, "quality"]
};

const DALLE_3_LACKS: [&str; 7] = {
    let [a, b, c, d, e, f, g, _] = GPT_ONLY;
    [a, b, c, d, e, f, g]
};

/// An edit needs pictures: the files of a form, or what JSON refers to (documented: each by its address or its id).
pub(super) fn inputs(body: &Value, form: bool, faults: &mut Faults) {
    if faults.object.find("images").is_none() {
        return;
    }
    let (name, other) = if form { ("image", "images") } else { ("images", "image") };
    if form && given(body, other).is_some() {
        faults.unknown(other);
    }
    if given(body, name).or(given(body, other)).is_none() {
        faults.at(name, || Some(ApiError::missing(name)));
    }
    let each = |picture: &Value| given(picture, "image_url").is_some() != given(picture, "file_id").is_some();
    let pictures = field(body, "images").elements();
    if let Some(at) = pictures.into_iter().position(|picture| picture.is_object() && !each(picture)) {
        faults.at("images", || {
            let param = format!("images[{at}]");
            let message = format!("Invalid '{param}': exactly one of 'image_url' or 'file_id' must be given.");
            Some(ApiError::invalid(message).param(param).code("invalid_value"))
        });
    }
}

/// Parameters, qualities and sizes the named model refuses although the types fit.
pub(super) fn check(body: &Value, _: &Model, faults: &mut Faults) {
    let Some(takes) = field(body, "model").as_str().and_then(takes) else { return };
    for name in takes.lacks {
        if given(body, name).is_some() {
            faults.unknown(name);
        }
    }
    count(body, takes.most, faults);
    listed(body, "quality", takes.qualities, faults);
    listed(body, "size", takes.sizes, faults);
    if takes.sizes.is_empty()
        && let Some(size) = field(body, "size").as_str().filter(|size| *size != "auto")
        && let Some(error) = free_size(size)
    {
        faults.at("size", || Some(error));
    }
}

/// Refuses more pictures at a time than this model gives.
fn count(body: &Value, most: Option<u64>, faults: &mut Faults) {
    let (Some(most), Some(asked)) = (most, field(body, "n").as_u64()) else { return };
    if asked > most {
        let message =
            format!("Invalid 'n': integer above maximum value. Expected a value <= {most}, but got {asked} instead.");
        faults.instead("n", ApiError::invalid(message).param("n").code("integer_above_max_value"));
    }
}

/// Refuses a word that this model does not know, naming those it does (recordings 2e701bc59298a9ab, d188799c737e6cc6).
fn listed(body: &Value, name: &str, known: &[&str], faults: &mut Faults) {
    let Some(said) = field(body, name).as_str().filter(|said| !known.is_empty() && !known.contains(said)) else {
        return;
    };
    let Some((last, first)) = known.split_last() else { return };
    let list = format!("'{}', and '{last}'", first.join("', '"));
    let message = format!("Invalid value: '{said}'. Supported values are: {list}.");
    faults.instead(name, ApiError::invalid(message).param(name).code("invalid_value"));
}

/// What is wrong with a size of one's own (recording 3a16d94f30ae0c14; the other bounds are documented, their words ours).
fn free_size(size: &str) -> Option<ApiError> {
    let refuse = |why: &str| {
        let error = ApiError::invalid(format!("Invalid size '{size}'. {why}"));
        Some(error.kind("image_generation_user_error").param("size").code("invalid_value"))
    };
    let number = |text: &str| text.parse::<u32>().ok().filter(|_| text.bytes().all(|digit| digit.is_ascii_digit()));
    let edges = size.split_once('x').and_then(|(width, height)| Some((number(width)?, number(height)?)));
    let Some((width, height)) = edges else { return refuse("Expected WIDTHxHEIGHT.") };
    if width % 16 != 0 || height % 16 != 0 || width == 0 || height == 0 {
        return refuse("Width and height must both be divisible by 16.");
    }
    let (long, short) = (width.max(height), width.min(height));
    if long > 3840 || u64::from(long) * u64::from(short) > 3840 * 2160 {
        return refuse("The maximum supported resolution is 3840x2160.");
    }
    if long > 3 * short {
        return refuse("The requested aspect ratio must be between 1:3 and 3:1.");
    }
    None
}

#[cfg(test)]
mod tests {
    use crate::api::validate::tests::full;
    use serde_json::{Value, json};

    fn refusal(more: Value) -> Option<(String, Option<String>, Option<String>)> {
        let mut body = json!({"prompt": "a fox"});
        body.as_object_mut().expect("an object").extend(more.as_object().cloned().expect("an object"));
        let error = full("images.generate", &body).err()?;
        Some((error.message, error.param, error.kind))
    }

    #[test]
    fn models_refuse_what_only_others_take_as_recorded() {
        for (body, message, param) in [
            (json!({"model": "dall-e-2", "quality": "standard"}), "Unknown parameter: 'quality'.", "quality"),
            (
                json!({"model": "gpt-image-1-mini", "response_format": "b64_json"}),
                "Unknown parameter: 'response_format'.",
                "response_format",
            ),
            (
                json!({"model": "chatgpt-image-latest", "quality": "rig-invalid", "size": "1024x1024"}),
                "Invalid value: 'rig-invalid'. Supported values are: 'low', 'medium', 'high', and 'auto'.",
                "quality",
            ),
            (
                json!({"model": "gpt-image-1", "quality": "hd"}),
                "Invalid value: 'hd'. Supported values are: 'low', 'medium', 'high', and 'auto'.",
                "quality",
            ),
            (
                json!({"model": "dall-e-3", "n": 2}),
                "Invalid 'n': integer above maximum value. Expected a value <= 1, but got 2 instead.",
                "n",
            ),
            (
                json!({"model": "dall-e-3", "n": 11}),
                "Invalid 'n': integer above maximum value. Expected a value <= 1, but got 11 instead.",
                "n",
            ),
            (
                json!({"model": "dall-e-2", "size": "100x100"}),
                "Invalid value: '100x100'. Supported values are: '256x256', '512x512', and '1024x1024'.",
                "size",
            ),
        ] {
            let kind = Some("invalid_request_error".to_string());
            assert_eq!(refusal(body), Some((message.into(), Some(param.into()), kind)));
        }
    }

    #[test]
    fn sizes_of_ones_own_are_bounded() {
        for (size, why) in [
            ("3x3", Some("Width and height must both be divisible by 16.")),
            ("0x16", Some("Width and height must both be divisible by 16.")),
            ("4096x2048", Some("The maximum supported resolution is 3840x2160.")),
            ("3840x3840", Some("The maximum supported resolution is 3840x2160.")),
            ("1600x512", Some("The requested aspect ratio must be between 1:3 and 3:1.")),
            ("wide", Some("Expected WIDTHxHEIGHT.")),
            ("+16x16", Some("Expected WIDTHxHEIGHT.")),
            ("99999999999x16", Some("Expected WIDTHxHEIGHT.")),
            ("1536x864", None),
            ("auto", None),
        ] {
            let said = refusal(json!({"model": "gpt-image-2-2026-04-21", "size": size}));
            let expected = why.map(|why| {
                let kind = Some("image_generation_user_error".to_string());
                (format!("Invalid size '{size}'. {why}"), Some("size".to_string()), kind)
            });
            assert_eq!(said, expected, "{size}");
        }
    }

    #[test]
    fn models_nobody_knows_take_anything_the_types_have() {
        for body in [
            json!({"model": "acme-draws", "quality": "hd", "size": "7x7", "response_format": "url"}),
            json!({"quality": "hd", "style": "vivid"}),
            json!({"model": "dall-e-2", "n": 10}),
            json!({"model": "dall-e-3", "n": 1}),
            json!({"model": "dall-e-3", "n": null}),
            json!({"model": "dall-e-3", "quality": "hd", "style": "vivid", "size": "1792x1024", "response_format": "url"}),
        ] {
            assert_eq!(refusal(body.clone()), None, "{body}");
        }
    }
}
