//! Whether the servers that answer one model each are ready: what they say of themselves at `GET /v1/models/NAME`.

use crate::emulator::Emulator;
use crate::sorting;
use crate::upstream::{Payload, UpstreamRequest, UpstreamTarget};
use crate::url;
use bytes::Bytes;
use futures_util::future::join_all;
use serde_json::{Value, json};
use std::future::poll_fn;
use std::sync::Arc;
use std::time::Duration;

/// A server that takes longer to say it is not there.
const PATIENCE: Duration = Duration::from_secs(2);

/// Bytes that such an answer has at most.
const LONG: usize = 64 * 1024;

/// Each model with the state of its server, by name.
pub(crate) async fn models(emulator: &Emulator) -> Value {
    let mut models: Vec<_> = emulator.upstream.models().collect();
    sorting::by_key(&mut models, |(name, _)| *name);
    let told = models.into_iter().map(|(name, target)| async move {
        let said = tokio::time::timeout(PATIENCE, ask(emulator, name, target)).await.ok().flatten();
        json!({"model": name, "server": target.origin(), "state": state(said.as_ref()), "progress": progress(said.as_ref())})
    });
    json!({"data": join_all(told).await})
}

/// `ready`, `loading`, `failed` or `unreachable`. A model's `status` is what llama.cpp's server calls it.
fn state(said: Option<&(u16, Value)>) -> &'static str {
    match said {
        None => "unreachable",
        // It serves, but not yet.
        Some((503, _)) => "loading",
        Some((_, model)) => match model["status"]["value"].as_str() {
            Some("loading") => "loading",
            Some("failed") => "failed",
            _ => "ready",
        },
    }
}

/// What it is at, and how far: `{"what": "download", "done": 5, "total": 10}`; `null` when it does not say.
fn progress(said: Option<&(u16, Value)>) -> Value {
    said.map_or(Value::Null, |(_, model)| model["status"]["progress"].clone())
}

/// Asks a server for its model: status, and what JSON it says.
async fn ask(emulator: &Emulator, name: &str, target: &Arc<UpstreamTarget>) -> Option<(u16, Value)> {
    let path = format!("/v1/models/{}", url::encode(name));
    let body = Payload::from(Bytes::new());
    let request = UpstreamRequest { method: "GET", path: &path, query: None, headers: Vec::new(), key: None, body };
    let mut answer = emulator.upstream.ask(target.clone(), request).await.ok()?;
    let mut text = Vec::new();
    while let Some(chunk) = poll_fn(|context| answer.body.poll_next(context)).await {
        text.extend_from_slice(&chunk.ok()?);
        if text.len() > LONG {
            break;
        }
    }
    Some((answer.status, serde_json::from_slice(&text).unwrap_or_default()))
}
