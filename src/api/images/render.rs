//! Pictures in the forms of the API: whole, or as events.

use crate::api::images::Pictured;
use crate::api::images::request::{ImageKind, ImageRequest};
use crate::generate::picture::PictureFormat;
use crate::tokens;
use crate::turn::answer::pretty;
use crate::turn::call::Call;
use crate::turn::usage::wire;
use crate::turn::usage::wire::Usage;
use base64::prelude::{BASE64_STANDARD, Engine};
use bytes::Bytes;
use serde_json::{Map, Value, json};

/// Tokens around a prompt (recording b8deba789938406f), and around one with pictures (0ad835250b623376).
const AROUND: u64 = 6;
const AROUND_EDIT: u64 = 22;
/// Tokens of a picture that was given (recording 0ad835250b623376).
const GIVEN: u64 = 194;

/// Tokens of one picture made: those of a square one, as recorded, by size (b8deba789938406f, 0ad835250b623376,
/// 14a62e699706a3a7).
fn made(request: &ImageRequest) -> u64 {
    let square: u64 = match request.quality.as_str() {
        "low" => 272,
        "high" | "xhigh" | "max" => 4160,
        _ => 1056,
    };
    (square * u64::from(request.width) * u64::from(request.height)).div_ceil(1024 * 1024)
}

/// What the pictures cost.
pub(super) fn usage(call: &Call, request: &ImageRequest, overrides: Option<&Value>) -> Usage {
    let given = request.given as u64;
    let encoding = call.encoding(&call.model(&request.model));
    let around = if request.kind == ImageKind::Generate { AROUND } else { AROUND_EDIT };
    let text = tokens::count(encoding, &request.text) as u64 + around;
    let (output, pictures) = (made(request) * request.n as u64, given * GIVEN);
    let usage = json!({
        "input_tokens": text + pictures,
        "input_tokens_details": {"image_tokens": pictures, "text_tokens": text},
        "output_tokens": output,
        "output_tokens_details": {"image_tokens": output, "text_tokens": 0},
        "total_tokens": text + pictures + output,
    });
    wire::merge(Usage::Fixed(usage), overrides)
}

/// The answer of a request that does not stream.
pub(super) fn whole(call: &Call, request: &ImageRequest, pictures: Vec<Pictured>, usage: &Usage) -> Bytes {
    let data: Vec<Value> = pictures.into_iter().map(|picture| entry(request, picture.whole)).collect();
    let answer = match request.gpt() {
        true => json!({
            "created": call.created(), "background": background(request), "data": data,
            "output_format": request.format.as_str(), "quality": request.quality, "size": request.size, "usage": usage,
        }),
        false => json!({"created": call.created(), "data": data}),
    };
    pretty(&answer, false)
}

fn entry(request: &ImageRequest, picture: String) -> Value {
    let mut entry = Map::new();
    if request.model == "dall-e-3" {
        entry.insert("revised_prompt".into(), request.text.as_str().into());
    }
    match request.base64 {
        true => entry.insert("b64_json".into(), picture.into()),
        false => entry.insert("url".into(), address(&picture).into()),
    };
    Value::Object(entry)
}

/// An address that holds the picture itself: whoever follows it needs nobody to serve it.
fn address(picture: &str) -> String {
    let first = BASE64_STANDARD.decode(picture.get(..16).unwrap_or_default()).unwrap_or_default();
    let format = PictureFormat::of(&first).unwrap_or(PictureFormat::Png);
    format!("data:{};base64,{picture}", format.media())
}

fn background(request: &ImageRequest) -> &'static str {
    if request.transparent { "transparent" } else { "opaque" }
}

/// The events of a request that streams.
pub(super) fn events(
    call: &Call,
    request: &ImageRequest,
    pictures: &[Pictured],
    usage: &Usage,
) -> Vec<(Option<String>, Value)> {
    let subject = if request.kind == ImageKind::Edit { "image_edit" } else { "image_generation" };
    let event = |kind: &str, picture: &str, more: (&str, Value)| {
        let name = format!("{subject}.{kind}");
        let mut data = json!({
            "type": name, "b64_json": picture, "created_at": call.created(), "size": request.size,
            "quality": request.quality, "background": background(request), "output_format": request.format.as_str(),
        });
        data[more.0] = more.1;
        (Some(name), data)
    };
    let mut events = Vec::new();
    for picture in pictures {
        for (index, partial) in picture.partials.iter().enumerate() {
            events.push(event("partial_image", partial, ("partial_image_index", index.into())));
        }
        events.push(event("completed", &picture.whole, ("usage", json!(usage))));
    }
    events
}
