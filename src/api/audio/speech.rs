//! `audio.speech.create`: a tone for each word, as a file of the format asked or in events.

use crate::api::infer;
use crate::generate::sound;
use crate::prompt::{Message, Prompt, Role};
use crate::reply::{Part, Reply, Say};
use crate::runtime;
use crate::tokens;
use crate::turn;
use crate::turn::answer::Answer;
use crate::turn::answer::Body;
use crate::turn::call::Call;
use crate::turn::call::HandlerFuture;
use crate::turn::usage::wire;
use crate::turn::usage::wire::Usage;
use crate::wire::error::ApiError;
use crate::wire::event::ListedEvents;
use crate::wire::field::field;
use base64::prelude::{BASE64_STANDARD, Engine};
use serde_json::{Value, json};

/// Bytes of sound in one event; a multiple of three, so that each decodes alone.
const PIECE: usize = 12_288;
/// Tokens of a second of sound.
const TOKENS: u64 = 20;

/// Speaks.
pub(super) fn create(call: Call) -> HandlerFuture {
    Box::pin(async move {
        let call = &call;
        let body = &*call.body;
        let input = field(body, "input").as_str().unwrap_or_default();
        let events = body["stream_format"] == "sse";
        let prompt = &Prompt { stream: events, ..infer::asked(call, Message::new(Role::User, input)) };
        let read = |reply: &Reply| match &reply.say {
            Say::Nothing => Ok(None),
            _ => audio(call, reply).map(Some),
        };
        infer::computed(call, prompt, read, |own, overrides| async move {
            let format = field(body, "response_format").as_str().unwrap_or("mp3");
            let speed = body["speed"].as_f64().unwrap_or(1.0) as f32;
            let text = own.as_ref().map_or(input, |(_, transcript)| transcript);
            let length = sound::length(text, speed);
            let sound = match own.as_ref().and_then(|(data, _)| data.as_ref()) {
                // The script's bytes were read as base64 when it was loaded.
                Some(data) => BASE64_STANDARD.decode(data).unwrap_or_default(),
                None => runtime::aside(2 * length, || sound::speech(text, format, speed))?,
            };
            let body = match events {
                true => {
                    let given = tokens::count(call.encoding(&call.model(&prompt.model)), input) as u64;
                    let made = (length as u64 * TOKENS).div_ceil(u64::from(sound::RATE));
                    let usage = json!({"input_tokens": given, "output_tokens": made, "total_tokens": given + made});
                    let usage = wire::merge(Usage::Fixed(usage), overrides.usage.as_ref());
                    let pieces = sound.chunks(PIECE).map(|piece| {
                        (None, json!({"type": "speech.audio.delta", "audio": BASE64_STANDARD.encode(piece)}))
                    });
                    let done = (None, json!({"type": "speech.audio.done", "usage": usage}));
                    let events: Vec<(Option<String>, Value)> = pieces.chain([done]).collect();
                    Body::Events(Box::new(ListedEvents(events.into())))
                }
                false => Body::Bytes(media(format), sound.into()),
            };
            Ok(Answer::ok(body))
        })
        .await
    })
}

/// Media type of a format.
fn media(format: &str) -> &'static str {
    match format {
        "opus" => "audio/opus",
        "aac" => "audio/aac",
        "flac" => "audio/flac",
        "wav" => "audio/wav",
        "pcm" => "audio/pcm",
        _ => "audio/mpeg",
    }
}

/// The sound of a scripted reply: its bytes as base64, and what it says.
fn audio(call: &Call, reply: &Reply) -> Result<(Option<String>, String), ApiError> {
    let Say::Choices(choices) = &reply.say else { return Err(turn::cannot_answer(call, "`audio`")) };
    let parts = choices.iter().flat_map(|choice| &choice.parts);
    let mut sounds = parts.filter_map(|part| match part {
        Part::Audio { data, transcript } => Some((data.clone(), transcript.clone())),
        Part::Text(text) => Some((None, text.text.clone())),
        _ => None,
    });
    sounds.next().ok_or_else(|| turn::cannot_answer(call, "`audio`"))
}
