//! `audio.transcriptions.create`, `audio.translations.create`: what a rule says was said, else words enough for the
//! sound's length.

use crate::api::audio::duration;
use crate::api::audio::transcript::Transcript;
use crate::api::infer;
use crate::api::logprobs;
use crate::options::Validation;
use crate::prompt::{Content, Message, Prompt, Role};
use crate::random::Random;
use crate::reply::{Reply, Say};
use crate::runtime;
use crate::tokens::{self, Encoding};
use crate::turn::answer::Answer;
use crate::turn::answer::Body;
use crate::turn::call::Call;
use crate::turn::call::HandlerFuture;
use crate::turn::usage::wire;
use crate::turn::usage::wire::Usage;
use crate::wire::error::ApiError;
use crate::wire::event::ListedEvents;
use crate::wire::field::field;
use crate::wire::value::Holds;
use serde_json::{Value, json};

/// Tokens of a second of sound (recording 022c4c4ae044c9f9).
const TOKENS: f64 = 10.0;

/// Writes down what a file says.
pub(super) fn create(call: Call) -> HandlerFuture {
    write_down(call, false)
}

/// Writes down in English what a file says.
pub(super) fn translate(call: Call) -> HandlerFuture {
    write_down(call, true)
}

fn write_down(call: Call, translates: bool) -> HandlerFuture {
    Box::pin(async move {
        let call = &call;
        let body = &*call.body;
        let file = call.form.as_ref().and_then(|form| form.file("file"));
        let heard = match file {
            Some(file) => runtime::aside(file.len as usize, || duration::of(file)),
            None => 0.0,
        };
        if call.emulator.settings.validation == Validation::Full && heard < 0.1 {
            let message = "Audio file is too short. Minimum audio length is 0.1 seconds.";
            return Err(ApiError::invalid(message).param("file").code("audio_too_short"));
        }
        // Documented: whisper-1 does not stream.
        let stream = !translates && body["stream"] == true && call.model_name() != "whisper-1";
        let hint = field(body, "prompt").as_str().unwrap_or_default();
        let mut message = Message::new(Role::User, hint);
        message.content.push(Content::Audio);
        let prompt = &Prompt { stream, ..infer::asked(call, message) };
        let read = |reply: &Reply| {
            Ok(match &reply.say {
                Say::Transcript(own) => Some(own.clone()),
                _ => None,
            })
        };
        infer::computed(call, prompt, read, |own, overrides| async move {
            let own = own.unwrap_or_default();
            let language = if translates { "english" } else { field(body, "language").as_str().unwrap_or("english") };
            let said = Transcript::new(&own, heard, language, &mut call.random.fork("transcript"));
            let encoding = call.encoding(&call.model(call.model_name()));
            // Documented: of the models that write text alone.
            let likely = asked(call, "include").contains(&"logprobs") && call.model_name() != "whisper-1";
            let mut random = call.random.fork("logprobs");
            let said = match likely {
                true => said.scored(|piece| scores(encoding, piece, &mut random)),
                false => said,
            };
            let usage = match call.model_name() {
                "whisper-1" => json!({"type": "duration", "seconds": said.duration.ceil() as u64}),
                _ => {
                    let (text, audio) = (tokens::count(encoding, hint) as u64, (said.duration * TOKENS).ceil() as u64);
                    let made = tokens::count(encoding, &said.text) as u64 + 2;
                    json!({
                        "type": "tokens", "total_tokens": text + audio + made, "input_tokens": text + audio,
                        "input_token_details": {"text_tokens": text, "audio_tokens": audio}, "output_tokens": made,
                    })
                }
            };
            let usage = wire::merge(Usage::Fixed(usage), overrides.usage.as_ref());
            let plain = |text: String| Body::Bytes("text/plain; charset=utf-8", text.into());
            let format = field(body, "response_format").as_str().unwrap_or("json");
            let answer = |value: Value| Answer::json(&value).body;
            let task = if translates { "translate" } else { "transcribe" };
            let body = match format {
                _ if stream => {
                    Body::Events(Box::new(ListedEvents(said.events(format == "diarized_json", &usage).into())))
                }
                "text" => plain(said.text.clone() + "\n"),
                "srt" => plain(said.srt()),
                "vtt" => plain(said.vtt()),
                "verbose_json" => {
                    answer(said.verbose(task, &asked(call, "timestamp_granularities"), &usage, translates))
                }
                "diarized_json" => answer(said.diarized(&usage)),
                _ if translates => answer(json!({"text": said.text})),
                _ => answer(said.plain(&usage)),
            };
            Ok(Answer::ok(body))
        })
        .await
    })
}

/// Each token of a text and how likely it is.
fn scores(encoding: Encoding, text: &str, random: &mut Random) -> Vec<Value> {
    let mut start = 0;
    let tokens = tokens::ends(encoding, text).into_iter().filter_map(|end| {
        let token = text.as_bytes().get(start..end as usize);
        start = end as usize;
        token.filter(|token| !token.is_empty())
    });
    let scored = logprobs::chat(&logprobs::invent(tokens, 0, random));
    let without_others = scored.into_iter().map(|mut token| {
        token.as_object_mut().map(|token| token.remove("top_logprobs"));
        token
    });
    without_others.collect()
}

/// The words of a list.
fn asked<'a>(call: &'a Call, name: &str) -> Vec<&'a str> {
    field(&call.body, name).elements().filter_map(Value::as_str).collect()
}
