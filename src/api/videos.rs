//! `videos`: jobs on the session's clock, whose films are real files that show the prompt as a still.

use crate::api::list::{Order, Page};
use crate::generate::film;
use crate::generate::picture::{self, Motif, PictureFormat};
use crate::session::Session;
use crate::session::jobs::HeldJob;
use crate::session::store::{Stored, StoredKind};
use crate::turn::answer::{Answer, Body};
use crate::turn::call::{Call, HandlerFuture, Served};
use crate::wire::error::ApiError;
use crate::wire::ids;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use std::time::Duration;

/// The operations of this resource.
pub(crate) const OPERATIONS: &[Served] = &[
    Served { name: "videos.create", handler: create },
    Served { name: "videos.retrieve", handler: retrieve },
    Served { name: "videos.list", handler: list },
    Served { name: "videos.delete", handler: delete },
    Served { name: "videos.remix", handler: remix },
    Served { name: "videos.edit", handler: edit },
    Served { name: "videos.extend", handler: extend },
    Served { name: "videos.download_content", handler: content },
    Served { name: "videos.create_character", handler: create_character },
    Served { name: "videos.get_character", handler: get_character },
];

/// Seconds that a film can be had.
const LIFE: u64 = 86_400;

/// A video as it is kept.
#[derive(Debug, Clone, Serialize, Deserialize)]
struct VideoRecord {
    shown: Value,
    began: Duration,
    job: HeldJob,
}

impl StoredKind for VideoRecord {
    const NAME: &'static str = "video";
}

impl VideoRecord {
    /// A new one: what the body asks for, else as the one it comes from.
    fn new(call: &Call, from: Option<&Value>, seconds: Option<u64>) -> Self {
        let body = &call.body;
        let or = |name: &str, usual: &str| {
            let given = body[name].as_str().or_else(|| from?[name].as_str()).unwrap_or(usual);
            Value::from(given)
        };
        let id = ids::long("video_", &mut call.random.fork("video"), call.created());
        let shown = json!({
            "id": id, "object": "video", "created_at": call.created(), "status": "queued", "completed_at": null,
            "error": null, "expires_at": null, "model": or("model", "sora-2"), "progress": 0, "prompt": body["prompt"],
            "remixed_from_video_id": from.map(|from| from["id"].clone()),
            "seconds": seconds.map_or_else(|| or("seconds", "4"), |seconds| seconds.to_string().into()),
            "size": or("size", "720x1280"),
        });
        VideoRecord { shown, began: call.session.clock.now(), job: call.begins(&["queued", "in_progress"]) }
    }

    fn id(&self) -> &str {
        self.shown["id"].as_str().unwrap_or_default()
    }

    fn is_over(&self) -> bool {
        self.shown["status"] == "completed"
    }

    /// It becomes what it is now.
    fn look(&mut self, session: &Session) {
        if self.is_over() {
            return;
        }
        let Some(state) = self.job.state(session).map(str::to_string) else {
            self.job.settle();
            let end = self.shown["created_at"].as_u64().unwrap_or_default() + self.job.takes(self.began);
            self.shown["status"] = "completed".into();
            self.shown["progress"] = 100.into();
            self.shown["completed_at"] = end.into();
            self.shown["expires_at"] = (end + LIFE).into();
            return;
        };
        self.shown["progress"] = if state == "queued" { 0 } else { 50 }.into();
        self.shown["status"] = state.into();
    }

    /// The picture it shows.
    fn motif(&self) -> Motif {
        let size = self.shown["size"].as_str().and_then(|size| size.split_once('x'));
        let edge = |text: Option<&str>, usual: u32| text.and_then(|text| text.parse().ok()).unwrap_or(usual);
        let text = self.shown["prompt"].as_str().unwrap_or_default();
        Motif {
            width: edge(size.map(|size| size.0), 720),
            height: edge(size.map(|size| size.1), 1280),
            text: text.into(),
            transparent: false,
            seed: crate::random::key(0, &[self.id().as_bytes()]),
        }
    }
}

fn unknown(id: &str) -> ApiError {
    ApiError::new(404, format!("Video with id '{id}' not found."))
}

async fn look(call: &Call, id: &str) -> Result<VideoRecord, ApiError> {
    let look = |video: &mut VideoRecord| {
        video.look(&call.session);
        video.clone()
    };
    call.session.store.change(id, look).await.ok_or_else(|| unknown(id))
}

fn answer(video: &VideoRecord) -> Answer {
    Answer::polled(&video.shown, !video.is_over())
}

async fn keep(call: &Call, video: VideoRecord) -> Result<Answer, ApiError> {
    call.session.store.put(video.id(), &video).await?;
    Ok(answer(&video))
}

fn create(call: Call) -> HandlerFuture {
    Box::pin(async move {
        let video = VideoRecord::new(&call, None, None);
        keep(&call, video).await
    })
}

fn retrieve(call: Call) -> HandlerFuture {
    Box::pin(async move { Ok(answer(&look(&call, call.param("video_id")).await?)) })
}

fn list(call: Call) -> HandlerFuture {
    Box::pin(async move {
        for stored in call.session.store.all::<VideoRecord>().await {
            look(&call, &stored.id).await?;
        }
        let show = |stored: &Stored| Some(stored.read::<VideoRecord>()?.shown);
        Ok(Answer::json(&Page::stored::<VideoRecord>(&call, Order::NewestFirst, &show).await))
    })
}

fn delete(call: Call) -> HandlerFuture {
    Box::pin(async move {
        let id = call.param("video_id");
        if !call.session.store.remove::<VideoRecord>(id).await {
            return Err(unknown(id));
        }
        Ok(Answer::json(&json!({"id": id, "object": "video.deleted", "deleted": true})))
    })
}

/// A video that others can be made from: it is completed.
async fn finished(call: &Call, id: &str) -> Result<VideoRecord, ApiError> {
    let video = look(call, id).await?;
    match video.is_over() {
        true => Ok(video),
        false => {
            Err(ApiError::invalid(format!("Video '{id}' has status {}: it must be completed.", video.shown["status"])))
        }
    }
}

fn remix(call: Call) -> HandlerFuture {
    Box::pin(async move {
        let from = finished(&call, call.param("video_id")).await?;
        let video = VideoRecord::new(&call, Some(&from.shown), None);
        keep(&call, video).await
    })
}

/// The video that a body names; `None` = it brings a film of its own.
async fn named(call: &Call) -> Result<Option<VideoRecord>, ApiError> {
    let id = call.body["video"]["id"].as_str().or_else(|| call.body["video"].as_str());
    match id {
        Some(id) => finished(call, id).await.map(Some),
        None => call.file("video").map(|_| None),
    }
}

fn edit(call: Call) -> HandlerFuture {
    Box::pin(async move {
        let from = named(&call).await?;
        let video = VideoRecord::new(&call, from.as_ref().map(|from| &from.shown), None);
        keep(&call, video).await
    })
}

/// A film that goes on: as much longer as is asked.
fn extend(call: Call) -> HandlerFuture {
    Box::pin(async move {
        let from = named(&call).await?;
        let seconds = |value: &Value| value.as_str().and_then(|text| text.parse::<u64>().ok()).unwrap_or_default();
        let before = from.as_ref().map_or(0, |from| seconds(&from.shown["seconds"]));
        let all = before.saturating_add(seconds(&call.body["seconds"]));
        let mut video = VideoRecord::new(&call, None, Some(all));
        if let Some(from) = from {
            video.shown["size"] = from.shown["size"].clone();
            video.shown["model"] = from.shown["model"].clone();
        }
        keep(&call, video).await
    })
}

fn content(call: Call) -> HandlerFuture {
    Box::pin(async move {
        let video = finished(&call, call.param("video_id")).await?;
        let now = call.session.clock.unix().as_secs();
        if video.shown["expires_at"].as_u64().is_some_and(|expires| expires <= now) {
            return Err(ApiError::new(404, format!("The content of video '{}' has expired.", video.id())));
        }
        let motif = video.motif();
        let drawn = |format| crate::runtime::aside(usize::MAX, || picture::file(&motif, format, 80, 1.0));
        let (media, bytes) = match call.query("variant") {
            Some("thumbnail") => ("image/webp", drawn(PictureFormat::Webp)?),
            Some("spritesheet") => ("image/jpeg", drawn(PictureFormat::Jpeg)?),
            _ => {
                let seconds = video.shown["seconds"].as_str().and_then(|text| text.parse().ok()).unwrap_or(4);
                let edge = |edge: u32| u16::try_from(edge).unwrap_or(u16::MAX);
                let jpeg = drawn(PictureFormat::Jpeg)?;
                ("video/mp4", film::still(&jpeg, edge(motif.width), edge(motif.height), seconds))
            }
        };
        Ok(Answer::ok(Body::Bytes(media, bytes.into())))
    })
}

/// Where characters are kept.
const CHARACTERS: &str = "/videos/characters";

fn create_character(call: Call) -> HandlerFuture {
    Box::pin(async move {
        call.file("video")?;
        let id = ids::plain("char_", &mut call.random.fork("character"));
        let character = json!({"id": id, "created_at": call.created(), "name": call.body["name"]});
        call.session.store.objects(CHARACTERS).put(&id, &character).await?;
        Ok(Answer::json(&character))
    })
}

fn get_character(call: Call) -> HandlerFuture {
    Box::pin(async move {
        let id = call.param("character_id");
        let found: Option<Value> = call.session.store.objects(CHARACTERS).get(id).await;
        let unknown = || ApiError::new(404, format!("Character with id '{id}' not found."));
        Ok(Answer::json(&found.ok_or_else(unknown)?))
    })
}
