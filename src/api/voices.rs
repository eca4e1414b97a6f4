//! `audio.voices` and `audio.voice_consents`: what their forms make. What is made is kept as any stored resource is, and
//! its other operations are served there (see [`objects`](super::objects)).

use crate::turn::answer::Answer;
use crate::turn::call::{Call, HandlerFuture, Served};
use crate::wire::error::ApiError;
use crate::wire::ids;
use serde_json::{Value, json};

/// The operations of this resource.
pub(crate) const OPERATIONS: &[Served] = &[
    Served { name: "audio.voices.create", handler: create },
    Served { name: "audio.voice_consents.create", handler: consent },
];

fn create(call: Call) -> HandlerFuture {
    Box::pin(async move {
        let body = &call.body;
        let prompted = body["type"] == "prompt";
        if !prompted {
            call.file("audio_sample")?;
            let id = body["consent"].as_str().unwrap_or_default();
            let known: Option<Value> = call.session.store.objects("/audio/voice_consents").get(id).await;
            known.ok_or_else(|| {
                ApiError::new(404, format!("No voice consent found with id '{id}'.")).param("consent")
            })?;
        }
        let id = ids::plain("voice_", &mut call.random.fork("voice"));
        let mut voice = json!({
            "object": "audio.voice", "id": id, "created_at": call.created(), "name": body["name"],
            "type": if prompted { "prompt" } else { "audio_sample" },
        });
        if prompted {
            voice["prompt"] = body["prompt"].clone();
        }
        call.session.store.objects("/audio/voices").put(&id, &voice).await?;
        Ok(Answer::json(&voice))
    })
}

fn consent(call: Call) -> HandlerFuture {
    Box::pin(async move {
        call.file("recording")?;
        let id = ids::plain("cons_", &mut call.random.fork("consent"));
        let consent = json!({
            "object": "audio.voice_consent", "id": id, "name": call.body["name"], "language": call.body["language"],
            "created_at": call.created(),
        });
        call.session.store.objects("/audio/voice_consents").put(&id, &consent).await?;
        Ok(Answer::json(&consent))
    })
}
