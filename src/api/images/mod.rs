//! `images.generate`, `images.edit`, `images.create_variation`: drawn, unless a rule answers.

mod inputs;
mod render;
mod request;
#[cfg(test)]
mod tests;

use crate::api::infer;
use crate::budget::{self, Budget, Spent};
use crate::generate::picture;
use crate::reply::{Reply, Say};
use crate::turn::answer::Answer;
use crate::turn::answer::Body;
use crate::turn::call::Call;
use crate::turn::call::HandlerFuture;
use crate::turn::call::Served;
use crate::wire::error::ApiError;
use crate::wire::event::ListedEvents;
use base64::prelude::{BASE64_STANDARD, Engine};
use request::{ImageKind, ImageRequest};
use std::sync::Arc;

pub(crate) const OPERATIONS: &[Served] = &[
    Served { name: "images.generate", handler: generate },
    Served { name: "images.edit", handler: edit },
    Served { name: "images.create_variation", handler: vary },
];

/// Pixels drawn and encoded in one step of the budget.
const PIXELS: u64 = 10;

/// One picture of an answer, as base64: what is there of it on the way, and all of it.
#[derive(Clone)]
struct Pictured {
    partials: Vec<String>,
    whole: String,
}

fn generate(call: Call) -> HandlerFuture {
    create(call, ImageKind::Generate)
}

fn edit(call: Call) -> HandlerFuture {
    create(call, ImageKind::Edit)
}

fn vary(call: Call) -> HandlerFuture {
    create(call, ImageKind::Variation)
}

fn create(call: Call, kind: ImageKind) -> HandlerFuture {
    Box::pin(async move {
        let call = &call;
        let request = Arc::new(ImageRequest::of(call, kind));
        inputs::check(call, &request)?;
        let prompt = &request::prompt(call, &request);
        let read = |reply: &Reply| {
            Ok(match &reply.say {
                Say::Images(own) => Some(own.clone()),
                _ => None,
            })
        };
        infer::computed(call, prompt, read, |own, overrides| async move {
            let pictures = match own {
                // Fewer than asked: the last repeats. A rule without any says that there is none.
                Some(own) => {
                    let picture = |whole: &String| Pictured {
                        partials: vec![whole.clone(); request.partials],
                        whole: whole.clone(),
                    };
                    (0..request.n).filter_map(|index| own.get(index).or(own.last())).map(picture).collect()
                }
                None => {
                    let job = |request: &Arc<ImageRequest>, budget: &Budget| drawn(request, budget);
                    budget::work(&call.budget, &request, job).await??
                }
            };
            let usage = render::usage(call, &request, overrides.usage.as_ref());
            let body = match request.stream {
                true => Body::Events(Box::new(ListedEvents(render::events(call, &request, &pictures, &usage).into()))),
                false => Body::Json(render::whole(call, &request, pictures, &usage)),
            };
            Ok(Answer::ok(body))
        })
        .await
    })
}

/// Draws what was asked. The outer error: it would cost too much.
fn drawn(request: &ImageRequest, budget: &Budget) -> Result<Result<Vec<Pictured>, ApiError>, Spent> {
    let files = request.n as u64 * (request.partials as u64 + 1);
    let pixels = files * u64::from(request.width) * u64::from(request.height);
    budget.spend(pixels / PIXELS).map_err(|spent| spent.at(|| "Drawing so many large pictures".into(), "n"))?;
    let mut pictures = Vec::with_capacity(request.n);
    for index in 0..request.n {
        // Whoever left needs no more of them.
        budget.spend(0)?;
        match pictured(request, index) {
            Ok(picture) => pictures.push(picture),
            Err(error) => return Ok(Err(error)),
        }
    }
    Ok(Ok(pictures))
}

fn pictured(request: &ImageRequest, index: usize) -> Result<Pictured, ApiError> {
    let motif = request.motif(index);
    let part = |share: usize| {
        let done = share as f32 / (request.partials + 1) as f32;
        picture::file(&motif, request.format, request.compression, done).map(|bytes| BASE64_STANDARD.encode(bytes))
    };
    Ok(Pictured {
        partials: (1..=request.partials).map(part).collect::<Result<_, _>>()?,
        whole: part(request.partials + 1)?,
    })
}
