//! `chat.completions`: create, and the stored ones.

mod frame;
pub(crate) mod render;
pub(crate) mod request;
mod stored;
mod stream;

use crate::api::infer;
use crate::generate::sound;
use crate::prompt::Prompt;
use crate::reply::{Choice, Part, Reply, Say};
use crate::runtime::boxed;
use crate::turn::call::Call;
use crate::turn::call::HandlerFuture;
use crate::turn::call::Served;
use crate::turn::{Rendered, Spoken};
use crate::wire::error::ApiError;
use base64::prelude::{BASE64_STANDARD, Engine};
use render::Facts;
use std::sync::Arc;
use stored::CompletionKeeper;
use stream::ChatEvents;

pub(crate) const OPERATIONS: &[Served] = &[
    Served { name: "chat.completions.create", handler: create },
    Served { name: "chat.completions.list", handler: stored::list },
    Served { name: "chat.completions.retrieve", handler: stored::retrieve },
    Served { name: "chat.completions.update", handler: stored::update },
    Served { name: "chat.completions.delete", handler: stored::delete },
    Served { name: "chat.completions.messages.list", handler: stored::messages },
];

fn create(call: Call) -> HandlerFuture {
    boxed!(async move {
        let mut prompt = request::prompt(&call)?;
        let (mut keeper, mut kept) = (CompletionKeeper::of(&call), None);
        let render = |prompt: &Prompt, mut turn: Spoken| {
            if prompt.audio {
                speak(&call, &mut turn)?;
            }
            if let Some(error) = turn.failed {
                return Err(error);
            }
            let facts = Facts::new(&call, prompt, &turn);
            if prompt.stream {
                return Ok(Rendered::Events(Box::new(ChatEvents::new(&call, prompt, turn, facts, keeper.take()))));
            }
            let (bytes, stored) = render::completion(&call.random, prompt, &turn, &facts, keeper.as_ref());
            kept = stored;
            Ok(Rendered::Json(bytes))
        };
        let answer = infer::infer(&call, &mut prompt, render).await?;
        if let (Some(stored), Some(keeper)) = (&kept, &keeper) {
            keeper.keep(stored).await;
        }
        Ok(answer)
    })
}

/// Audio output was asked: what is only text becomes the transcript of generated sound.
///
/// # Errors
/// When the format asked for needs an encoder.
fn speak(call: &Call, turn: &mut Spoken) -> Result<(), ApiError> {
    let format = call.body["audio"]["format"].as_str().unwrap_or("wav");
    let spoken = |part: &Part| match part {
        Part::Text(text) => sound(&text.text, format),
        Part::Audio { data: None, transcript } => sound(transcript, format),
        other => Ok(other.clone()),
    };
    let choices = (0..turn.choices).map(|index| {
        let choice = turn.choice(index);
        let parts = choice.parts.iter().map(spoken).collect::<Result<_, _>>()?;
        Ok(Choice { parts, ..choice.clone() })
    });
    let choices = choices.collect::<Result<_, ApiError>>()?;
    turn.reply = Arc::new(Reply { say: Say::Choices(choices), ..(*turn.reply).clone() });
    Ok(())
}

fn sound(transcript: &str, format: &str) -> Result<Part, ApiError> {
    let data = BASE64_STANDARD.encode(sound::speech(transcript, format, 1.0)?);
    Ok(Part::Audio { data: Some(data), transcript: transcript.to_string() })
}
