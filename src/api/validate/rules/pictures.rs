//! Pictures that come with a request, as data: whether they are pictures at all. Only their first bytes are looked at.

use crate::api::validate::rules::{Faults, Phase};
use crate::generate::picture;
use crate::wire::error::ApiError;
use crate::wire::field::{field, find};
use base64::Engine;
use base64::alphabet::STANDARD;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
use serde_json::Value;

/// What is wrong with a picture.
#[derive(Debug, PartialEq, Eq)]
enum PictureFault {
    /// It says that it is something else.
    Type,
    /// Its bytes are none of a format that is read.
    Bytes,
}

/// Chat: `image_url.url` of a part (the words: issue 10 B.2, langgenius/dify 11527).
pub(super) fn chat(body: &Value, faults: &mut Faults) {
    let messages = items(find(body, "messages"));
    let parts = messages.flat_map(|message| items(find(message, "content")));
    let Some(fault) = parts.filter_map(|part| data(field(field(part, "image_url"), "url"))).find_map(fault) else {
        return;
    };
    faults.after(Phase::Messages, || {
        let message = match fault {
            PictureFault::Type => "Invalid MIME type. Only image types are supported.",
            PictureFault::Bytes => {
                "You uploaded an unsupported image. Please make sure your image has of one the following formats: \
                 ['png', 'jpeg', 'gif', 'webp']."
            }
        };
        Some(ApiError::invalid(message).code("invalid_image_format"))
    });
}

/// Responses: `image_url` of a part of a message or of a tool's output (the words: openai/codex 4946).
pub(super) fn responses(body: &Value, faults: &mut Faults) {
    let lists = items(find(body, "input")).flat_map(|item| [find(item, "content"), find(item, "output")]);
    let mut parts = lists.flat_map(items).filter_map(|part| data(field(part, "image_url")));
    if parts.any(|picture| fault(picture).is_some()) {
        faults.after(Phase::Messages, || {
            let message = "The image data you provided does not represent a valid image. Please check your input and try \
                           again with one of the supported image formats: ['image/jpeg', 'image/png', 'image/gif', \
                           'image/webp'].";
            Some(ApiError::invalid(message).param("input").code("invalid_value"))
        });
    }
}

fn items(list: Option<&Value>) -> impl Iterator<Item = &Value> {
    list.and_then(Value::as_array).into_iter().flatten()
}

/// What stands behind `data:`; a picture elsewhere is not fetched.
fn data(url: &Value) -> Option<&str> {
    url.as_str()?.strip_prefix("data:")
}

fn fault(data: &str) -> Option<PictureFault> {
    let (kind, content) = data.split_once(',').unwrap_or((data, ""));
    if !kind.starts_with("image/") {
        return Some(PictureFault::Type);
    }
    (!kind.ends_with(";base64") || !is_picture(content)).then_some(PictureFault::Bytes)
}

/// Whether base64 begins as a PNG, JPEG, GIF or WebP does.
fn is_picture(content: &str) -> bool {
    /// Characters of the twelve bytes that tell.
    const FIRST: usize = 16;
    let lenient = GeneralPurposeConfig::new()
        .with_decode_padding_mode(DecodePaddingMode::Indifferent)
        .with_decode_allow_trailing_bits(true);
    let first: Vec<u8> = content.bytes().take(FIRST).take_while(|byte| *byte != b'=').collect();
    let Ok(bytes) = GeneralPurpose::new(&STANDARD, lenient).decode(first) else { return false };
    picture::PictureFormat::of(&bytes).is_some()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pictures_are_known_by_their_first_bytes() {
        for (data, expected) in [
            ("image/png;base64,iVBORw0KGgo=", None),
            ("image/png;base64,iVBORw0KGgoAAAANSUhEUgAAAAEAAAAB", None),
            ("image/jpeg;base64,/9j/4AAQSkZJRgABAQAAAQ", None),
            // What it is counts, not what it says.
            ("image/png;base64,/9j/4AAQSkZJRgABAQAAAQ", None),
            ("image/gif;base64,R0lGODlhAQABAAAAACH5", None),
            ("image/webp;base64,UklGRiQAAABXRUJQVlA4", None),
            ("image/png;base64,AAAA", Some(PictureFault::Bytes)),
            ("image/png;base64,", Some(PictureFault::Bytes)),
            ("image/png;base64,not base64!", Some(PictureFault::Bytes)),
            ("image/svg+xml,<svg/>", Some(PictureFault::Bytes)),
            ("image/webp;base64,UklGRiQAAABBVkkgVlA4", Some(PictureFault::Bytes)),
            ("application/pdf;base64,JVBERi0xLjMKJcTl8", Some(PictureFault::Type)),
            ("text/plain,hello", Some(PictureFault::Type)),
            ("", Some(PictureFault::Type)),
        ] {
            assert_eq!(fault(data), expected, "{data}");
        }
    }
}
