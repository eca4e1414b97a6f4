//! `skills`: archives of files in versions, described by their `SKILL.md`.

mod archive;

use crate::api::files::kept;
use crate::api::list::{Order, Page};
use crate::session::store::{Stored, StoredKind};
use crate::turn::answer::{Answer, Body};
use crate::turn::call::{Call, HandlerFuture, Served};
use crate::wire::blob::Blob;
use crate::wire::error::{self, ApiError};
use crate::wire::form::FormFile;
use crate::wire::ids;
use archive::SkillFront;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use std::io;

/// Bytes of a skill's files together, as OpenAI's guide bounds them.
const LARGEST: u64 = 50 << 20;

/// The operations of this resource.
pub(crate) const OPERATIONS: &[Served] = &[
    Served { name: "skills.create", handler: create },
    Served { name: "skills.retrieve", handler: retrieve },
    Served { name: "skills.update", handler: update },
    Served { name: "skills.list", handler: list },
    Served { name: "skills.delete", handler: delete },
    Served { name: "skills.content.retrieve", handler: content },
    Served { name: "skills.versions.create", handler: create_version },
    Served { name: "skills.versions.retrieve", handler: retrieve_version },
    Served { name: "skills.versions.list", handler: list_versions },
    Served { name: "skills.versions.delete", handler: delete_version },
    Served { name: "skills.versions.content.retrieve", handler: version_content },
];

/// A skill as it is kept.
#[derive(Debug, Clone, Serialize, Deserialize)]
struct SkillRecord {
    shown: Value,
    /// As they are shown, oldest first.
    versions: Vec<Value>,
    /// Versions made so far.
    made: u64,
}

impl StoredKind for SkillRecord {
    const NAME: &'static str = "skill";
}

impl SkillRecord {
    fn id(&self) -> &str {
        text(&self.shown["id"])
    }

    fn version(&self, asked: &str) -> Result<&Value, ApiError> {
        let asked = if asked == "latest" { text(&self.shown["latest_version"]) } else { asked };
        let found = self.versions.iter().find(|version| version["version"] == asked || version["id"] == asked);
        let message = || format!("No version '{asked}' found of skill '{}'.", self.id());
        found.ok_or_else(|| ApiError::new(404, message()))
    }

    /// Adds a version, which becomes the latest; gives it.
    fn add(&mut self, id: &str, created: u64, described: &SkillFront) -> Value {
        self.made += 1;
        let number = self.made.to_string();
        let version = json!({
            "id": id, "object": "skill.version", "created_at": created, "skill_id": self.shown["id"], "version": number,
            "name": described.name, "description": described.description,
        });
        self.shown["latest_version"] = number.into();
        self.versions.push(version.clone());
        version
    }

    /// A version is what the skill is without another being named.
    fn make_default(&mut self, version: &Value) {
        self.shown["default_version"] = version["version"].clone();
        self.shown["name"] = version["name"].clone();
        self.shown["description"] = version["description"].clone();
    }
}

/// Name of a version's archive in the store, by the version's id.
fn blob(version: &str) -> String {
    format!("skill/{version}")
}

fn text(value: &Value) -> &str {
    value.as_str().unwrap_or_default()
}

fn unknown(id: &str) -> ApiError {
    ApiError::new(404, format!("Skill with id '{id}' not found."))
}

async fn find(call: &Call) -> Result<SkillRecord, ApiError> {
    let id = call.param("skill_id");
    call.session.store.get(id).await.ok_or_else(|| unknown(id))
}

/// The archive of the files that the form brings, and what it says of itself.
fn sent(call: &Call) -> Result<(Blob, SkillFront), ApiError> {
    let files: Vec<&FormFile> = call.form.iter().flat_map(|form| form.files("files")).collect();
    if files.is_empty() {
        return Err(ApiError::missing("files"));
    }
    let all: u64 = files.iter().map(|file| file.len).sum();
    if all > LARGEST {
        let message = format!("The files of a skill have {LARGEST} bytes at most, these have {all}.");
        return Err(ApiError::invalid(message).param("files"));
    }
    let archive = crate::runtime::aside(all as usize, || {
        let read = |file: &&FormFile| Ok((file.name.clone(), file.bytes()?));
        files.iter().map(read).collect::<io::Result<Vec<_>>>()
    });
    let archive = archive::pack(&archive.map_err(|error| kept::unread(&error))?)?;
    let described = archive::describe(&archive)?;
    Ok((archive.into(), described))
}

/// Keeps the archive of a new version, if the session has room for it; gives the version's id.
async fn keep(call: &Call, archive: Blob) -> Result<String, ApiError> {
    let id = ids::plain("skillver_", &mut call.random.fork("version"));
    call.session.store.put_blob(&blob(&id), archive).await.map_err(|error| error.param("files"))?;
    Ok(id)
}

fn create(call: Call) -> HandlerFuture {
    Box::pin(async move {
        let (archive, described) = sent(&call)?;
        let version = keep(&call, archive).await?;
        let id = ids::timed("skill_", &mut call.random.fork("skill"), call.created());
        let shown = json!({"id": id, "object": "skill", "created_at": call.created(), "name": null, "description": null,
            "default_version": null, "latest_version": null});
        let mut skill = SkillRecord { shown, versions: Vec::new(), made: 0 };
        let version = skill.add(&version, call.created(), &described);
        skill.make_default(&version);
        call.session.store.put(&id, &skill).await?;
        Ok(Answer::json(&skill.shown))
    })
}

fn retrieve(call: Call) -> HandlerFuture {
    Box::pin(async move { Ok(Answer::json(&find(&call).await?.shown)) })
}

/// Changes the skill that the path names.
async fn change<R: Send>(
    call: &Call,
    change: impl FnMut(&mut SkillRecord) -> Result<R, ApiError> + Send,
) -> Result<R, ApiError> {
    let id = call.param("skill_id");
    call.session.store.update(id, change).await.unwrap_or_else(|| Err(unknown(id)))
}

fn update(call: Call) -> HandlerFuture {
    Box::pin(async move {
        let set = |skill: &mut SkillRecord| {
            let version = skill.version(text(&call.body["default_version"]))?.clone();
            skill.make_default(&version);
            Ok(skill.shown.clone())
        };
        Ok(Answer::json(&change(&call, set).await?))
    })
}

fn list(call: Call) -> HandlerFuture {
    Box::pin(async move {
        let show = |stored: &Stored| Some(stored.read::<SkillRecord>()?.shown);
        Ok(Answer::json(&Page::stored::<SkillRecord>(&call, Order::NewestFirst, &show).await))
    })
}

fn delete(call: Call) -> HandlerFuture {
    Box::pin(async move {
        let skill = find(&call).await?;
        call.session.store.remove::<SkillRecord>(skill.id()).await;
        for version in &skill.versions {
            call.session.store.remove_blob(&blob(text(&version["id"]))).await;
        }
        Ok(Answer::json(&json!({"id": skill.id(), "object": "skill.deleted", "deleted": true})))
    })
}

/// The archive of a version.
async fn archive_of(call: &Call, skill: &SkillRecord, version: &str) -> Result<Answer, ApiError> {
    let version = text(&skill.version(version)?["id"]);
    let archive = call.session.store.blob(&blob(version)).await.ok_or_else(|| unknown(skill.id()))?;
    let all = 0..archive.len();
    Ok(Answer::ok(Body::File("application/zip", archive, all)))
}

fn content(call: Call) -> HandlerFuture {
    Box::pin(async move {
        let skill = find(&call).await?;
        archive_of(&call, &skill, text(&skill.shown["default_version"])).await
    })
}

fn version_content(call: Call) -> HandlerFuture {
    Box::pin(async move { archive_of(&call, &find(&call).await?, call.param("version")).await })
}

fn create_version(call: Call) -> HandlerFuture {
    Box::pin(async move {
        find(&call).await?;
        let (archive, described) = sent(&call)?;
        let default = call.body["default"] == true || call.body["default"] == "true";
        // The bytes first: a version without them would be one that cannot be fetched.
        let id = keep(&call, archive).await?;
        let most = call.emulator.settings.max_objects;
        let add = |skill: &mut SkillRecord| {
            if skill.versions.len() >= most {
                return Err(error::no_more("A skill", "versions", most).param("files"));
            }
            let version = skill.add(&id, call.created(), &described);
            if default {
                skill.make_default(&version);
            }
            Ok(version)
        };
        let added = change(&call, add).await;
        if added.is_err() {
            call.session.store.remove_blob(&blob(&id)).await;
        }
        Ok(Answer::json(&added?))
    })
}

fn retrieve_version(call: Call) -> HandlerFuture {
    Box::pin(async move { Ok(Answer::json(find(&call).await?.version(call.param("version"))?)) })
}

fn list_versions(call: Call) -> HandlerFuture {
    Box::pin(async move {
        let versions = find(&call).await?.versions;
        Ok(Answer::json(&Page::asked(&call, versions, Order::NewestFirst)))
    })
}

fn delete_version(call: Call) -> HandlerFuture {
    Box::pin(async move {
        let remove = |skill: &mut SkillRecord| {
            let version = skill.version(call.param("version"))?.clone();
            if version["version"] == skill.shown["default_version"] {
                let message = "The default version of a skill cannot be deleted: make another one the default first.";
                return Err(ApiError::invalid(message).param("version"));
            }
            skill.versions.retain(|kept| kept["version"] != version["version"]);
            let latest = skill.versions.last().map(|last| last["version"].clone());
            skill.shown["latest_version"] = latest.unwrap_or_default();
            Ok(version)
        };
        let version = change(&call, remove).await?;
        call.session.store.remove_blob(&blob(text(&version["id"]))).await;
        let gone = json!({"id": version["id"], "object": "skill.version.deleted", "deleted": true,
            "version": version["version"]});
        Ok(Answer::json(&gone))
    })
}
