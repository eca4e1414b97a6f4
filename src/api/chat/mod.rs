//! `chat.completions`: create, and the stored ones.

mod frame;
pub mod render;
pub mod request;
mod stored;
mod stream;

use super::error::ApiError;
use super::sound;
use crate::api::infer;
use crate::call::{Call, HandlerFuture, Operation};
use crate::reply::{Choice, Part, Reply, Say};
use crate::turn::{Rendered, Spoken};
use base64::prelude::{BASE64_STANDARD, Engine};
use render::Facts;
use std::sync::Arc;
use stream::ChatEvents;

pub const OPERATIONS: &[Operation] = &[
    Operation {
        name: "chat.completions.create",
        method: "POST",
        path: "/chat/completions",
        handler: create,
        turn: true,
    },
    Operation {
        name: "chat.completions.list",
        method: "GET",
        path: "/chat/completions",
        handler: stored::list,
        turn: false,
    },
    Operation {
        name: "chat.completions.retrieve",
        method: "GET",
        path: "/chat/completions/{completion_id}",
        handler: stored::retrieve,
        turn: false,
    },
    Operation {
        name: "chat.completions.update",
        method: "POST",
        path: "/chat/completions/{completion_id}",
        handler: stored::update,
        turn: false,
    },
    Operation {
        name: "chat.completions.delete",
        method: "DELETE",
        path: "/chat/completions/{completion_id}",
        handler: stored::delete,
        turn: false,
    },
    Operation {
        name: "chat.completions.messages.list",
        method: "GET",
        path: "/chat/completions/{completion_id}/messages",
        handler: stored::messages,
        turn: false,
    },
];

fn create(call: Call) -> HandlerFuture {
    Box::pin(async move {
        let prompt = request::prompt(&call);
        infer::infer(&call, prompt, |prompt, mut turn| {
            if prompt.audio {
                speak(&call, &mut turn)?;
            }
            if let Some(error) = turn.failed {
                return Err(error);
            }
            let facts = Facts::new(&call, prompt, &turn);
            if prompt.stream {
                return Ok(Rendered::Events(Box::new(ChatEvents::new(&call, prompt, turn, facts))));
            }
            Ok(Rendered::Json(render::completion(&call, prompt, &turn, &facts)))
        })
        .await
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
    let data = BASE64_STANDARD.encode(sound::speech(transcript, format)?);
    Ok(Part::Audio { data: Some(data), transcript: transcript.to_string() })
}
