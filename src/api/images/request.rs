//! What a request for pictures asks.

use crate::api::infer;
use crate::generate::picture::{LONGEST_EDGE, Motif, PictureFormat};
use crate::prompt::{Content, Message, Prompt, Role};
use crate::turn::call::Call;
use crate::wire::field::field;
use serde_json::Value;

/// Most pictures of one answer, whatever a request asks.
const MOST: u64 = 10;
/// Most pieces of a picture that are streamed before it.
const MOST_PARTIALS: u64 = 3;

/// A request for pictures, with the defaults filled in.
#[derive(Debug, Clone)]
pub(super) struct ImageRequest {
    pub kind: ImageKind,
    pub model: String,
    pub text: String,
    pub n: usize,
    pub width: u32,
    pub height: u32,
    /// As answers name it: `1024x1024`.
    pub size: String,
    pub quality: String,
    pub format: PictureFormat,
    /// Quality of the file, in per cent.
    pub compression: u8,
    pub transparent: bool,
    pub stream: bool,
    pub partials: usize,
    /// Pictures that came with the request.
    pub given: usize,
    /// The answer has the file itself; else an address.
    pub base64: bool,
    seed: u64,
}

/// Which operation asks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum ImageKind {
    Generate,
    Edit,
    Variation,
}

impl ImageRequest {
    /// Reads a body that was checked, or need not be right.
    pub(super) fn of(call: &Call, kind: ImageKind) -> Self {
        let body = &*call.body;
        let word = |name: &str| field(body, name).as_str().unwrap_or_default();
        let model = match call.model_name() {
            "" if kind != ImageKind::Variation && asks_gpt(body) => "gpt-image-1",
            "" => "dall-e-2",
            named => named,
        };
        let gpt = !model.starts_with("dall-e");
        let (width, height) = edges(word("size")).unwrap_or((1024, 1024));
        let format = PictureFormat::named(word("output_format")).filter(|_| gpt).unwrap_or(PictureFormat::Png);
        let asked = |name: &str, most: u64| field(body, name).as_u64().unwrap_or_default().min(most);
        let stream = gpt && body["stream"] == true;
        ImageRequest {
            kind,
            model: model.to_string(),
            text: match word("prompt") {
                "" if kind == ImageKind::Variation => "a variation".to_string(),
                text => text.to_string(),
            },
            n: asked("n", MOST).max(1) as usize,
            width,
            height,
            size: format!("{width}x{height}"),
            // What production makes of `auto` (recording 0ad835250b623376).
            quality: match word("quality") {
                known @ ("low" | "medium" | "high" | "xhigh" | "max") => known.to_string(),
                _ => "medium".to_string(),
            },
            format,
            compression: field(body, "output_compression").as_u64().map_or(90, |percent| percent.min(100) as u8),
            transparent: word("background") == "transparent" && format != PictureFormat::Jpeg,
            stream,
            partials: if stream { asked("partial_images", MOST_PARTIALS) as usize } else { 0 },
            given: match &call.form {
                Some(form) => form.files("image").count(),
                None => field(body, "images").as_array().map_or(0, Vec::len),
            },
            base64: gpt || word("response_format") == "b64_json",
            seed: call.random.fork("picture").below(usize::MAX) as u64,
        }
    }

    /// Whether a GPT model answers: with the file and its usage.
    pub(super) fn gpt(&self) -> bool {
        !self.model.starts_with("dall-e")
    }

    /// What the picture at this place shows.
    pub(super) fn motif(&self, index: usize) -> Motif {
        let (width, height) = (self.width, self.height);
        let seed = self.seed.wrapping_add(index as u64);
        Motif { width, height, text: self.text.clone(), transparent: self.transparent, seed }
    }
}

/// Without a model the oldest one answers, unless a parameter needs a newer one.
fn asks_gpt(body: &Value) -> bool {
    let only = ["background", "input_fidelity", "moderation", "output_compression", "output_format", "partial_images"];
    let newer = ["low", "medium", "high", "xhigh", "max"].iter().any(|quality| body["quality"] == *quality);
    newer || body["stream"] == true || only.iter().any(|name| !field(body, name).is_null())
}

/// Width and height of a size, no larger than is drawn.
fn edges(size: &str) -> Option<(u32, u32)> {
    let (width, height) = size.split_once('x')?;
    let edge = |text: &str| text.parse::<u32>().ok().map(|edge| edge.clamp(1, LONGEST_EDGE));
    Some((edge(width)?, edge(height)?))
}

/// The turn: its text, and the pictures that came.
pub(super) fn prompt(call: &Call, request: &ImageRequest) -> Prompt {
    let mut message = Message::new(Role::User, field(&call.body, "prompt").as_str().unwrap_or_default());
    message.content.extend(std::iter::repeat_n(Content::Image, request.given));
    Prompt { model: request.model.clone(), n: request.n, stream: request.stream, ..infer::asked(call, message) }
}
