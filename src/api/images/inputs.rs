//! Pictures that come with a request: whether they are some.

use crate::api::images::request::{ImageKind, ImageRequest};
use crate::generate::picture::PictureFormat;
use crate::options::Validation;
use crate::turn::call::Call;
use crate::wire::error::ApiError;
use std::io::Read;

/// Media types the GPT models take.
const TAKEN: [&str; 3] = ["image/jpeg", "image/png", "image/webp"];

/// Refuses files that are no pictures, as recorded (6a5c662da9aa1c03, 751f390852458e6a).
///
/// # Errors
/// OpenAI's own.
pub(super) fn check(call: &Call, request: &ImageRequest) -> Result<(), ApiError> {
    let Some(form) = &call.form else { return Ok(()) };
    if request.kind == ImageKind::Generate || call.emulator.settings.validation != Validation::Full {
        return Ok(());
    }
    for (index, file) in form.files("image").enumerate() {
        let media = file.content_type.split(';').next().unwrap_or_default().trim();
        if request.gpt() && !TAKEN.contains(&media) {
            let param = format!("image[{index}]");
            let message = format!(
                "Invalid file '{param}': unsupported mimetype ('{media}'). Supported file formats are 'image/jpeg', \
                 'image/png', and 'image/webp'."
            );
            return Err(ApiError::invalid(message).param(param).code("unsupported_file_mimetype"));
        }
        let mut first = Vec::with_capacity(12);
        let read = file.reader().take(12).read_to_end(&mut first);
        if read.is_err() || PictureFormat::of(&first).is_none() {
            let message = format!("Invalid image file or mode for image {index}, please check the your image file.");
            return Err(ApiError::invalid(message).code("invalid_image_file"));
        }
    }
    Ok(())
}
