//! What a `code_interpreter_call` of Responses leaves: files in its container. A script says them in the call itself
//! (`files`), or shows pictures among its outputs.

use super::{begin, files};
use crate::api::files::kept;
use crate::session::Session;
use crate::turn::call::Call;
use crate::wire::error::ApiError;
use crate::wire::value::Holds;
use base64::prelude::{BASE64_STANDARD, Engine};
use bytes::Bytes;
use serde_json::{Value, json};

/// Files that one call leaves at most.
const MOST: usize = 100;

/// A file that code left.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct CodeFile {
    pub id: String,
    pub container: String,
    pub name: String,
    content: Bytes,
}

impl CodeFile {
    /// The files of a call in this container; new ids come from `new_id`.
    pub(crate) fn all(call: &Value, container: &str, mut new_id: impl FnMut() -> String) -> Vec<Self> {
        let said = call["files"].elements().map(|file| {
            let name = file["filename"].as_str().unwrap_or("output.txt").to_string();
            let content = match (file["text"].as_str(), file["data"].as_str()) {
                (Some(text), _) => Bytes::copy_from_slice(text.as_bytes()),
                (None, data) => BASE64_STANDARD.decode(data.unwrap_or_default()).unwrap_or_default().into(),
            };
            (file["id"].as_str().map(str::to_string), name, content)
        });
        let shown = call["outputs"].elements().filter_map(|output| {
            let (media, data) = output["url"].as_str()?.strip_prefix("data:image/")?.split_once(";base64,")?;
            Some((None, media, BASE64_STANDARD.decode(data).ok()?))
        });
        let shown = shown
            .enumerate()
            .map(|(index, (id, media, data))| (id, format!("output_{}.{media}", index + 1), Bytes::from(data)));
        let file = |(id, name, content): (Option<String>, String, Bytes)| CodeFile {
            id: id.unwrap_or_else(&mut new_id),
            container: container.to_string(),
            name,
            content,
        };
        said.chain(shown).take(MOST).map(file).collect()
    }

    /// How a text cites the file: at the place that names it, or at its beginning.
    pub(crate) fn citation(&self, text: &str) -> Value {
        let named = [format!("sandbox:/mnt/data/{}", self.name), self.name.clone()];
        let found = named.iter().find_map(|name| text.find(name.as_str()).map(|at| (at, name)));
        let (start, end) = found.map_or((0, 0), |(at, name)| {
            let start = text[..at].chars().count();
            (start, start + name.chars().count())
        });
        json!({
            "type": "container_file_citation", "container_id": self.container, "file_id": self.id,
            "filename": self.name, "start_index": start, "end_index": end,
        })
    }
}

/// The container that the `code_interpreter` tool of a request names, or that an earlier call of the conversation used.
pub(crate) fn named<'a>(call: &Call, items: impl Iterator<Item = &'a Value>) -> Option<String> {
    let tool = tool(call)?;
    let earlier = || items.filter(|item| item["type"] == "code_interpreter_call").last()?["container_id"].as_str();
    tool["container"].as_str().or_else(earlier).map(str::to_string)
}

fn tool(call: &Call) -> Option<&Value> {
    call.body.get("tools")?.as_array()?.iter().find(|tool| tool["type"] == "code_interpreter")
}

/// What a request asks of the containers its code runs in.
#[derive(Debug, Clone)]
pub(crate) struct CodeRun {
    created: u64,
    /// `container` of its tool.
    asked: Value,
    /// Files that are put into a new container.
    sources: Vec<kept::FileRecord>,
}

impl CodeRun {
    /// Of a request; `None` = it offers no code interpreter. Files that nobody uploaded here are left out: a recorded
    /// request that names some is answered.
    pub(crate) async fn of(call: &Call) -> Option<Self> {
        let asked = tool(call)?["container"].clone();
        let mut sources = Vec::new();
        for id in asked["file_ids"].elements().filter_map(Value::as_str) {
            sources.extend(kept::named(call, id).await);
        }
        Some(CodeRun { created: call.created(), asked, sources })
    }

    /// Keeps what code left; gives whether a container began.
    ///
    /// # Errors
    /// There is no room for it.
    pub(crate) async fn keep(&self, session: &Session, container: &str, left: &[CodeFile]) -> Result<bool, ApiError> {
        let there = super::at(session, container, self.created).await;
        let begins = there.is_err() || there.is_ok_and(|found| found["status"] == "expired");
        if begins {
            let mut asked = self.asked.clone();
            if asked.is_object() {
                asked["name"] = "Auto-created container".into();
            }
            begin(session, container, self.created, &asked, &self.sources).await?;
        } else {
            super::touch(session, container, self.created).await?;
        }
        for file in left {
            let content = file.content.clone().into();
            files::put(session, self.created, container, &file.id, &file.name, "assistant", content).await?;
        }
        Ok(begins)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_are_those_said_and_those_shown() {
        let call = json!({"files": [{"filename": "a.csv", "text": "1,2"}, {"id": "cfile_x", "filename": "b.bin", "data": "AAE="}],
            "outputs": [{"type": "logs", "logs": "x"}, {"type": "image", "url": "data:image/png;base64,AAAA"},
                {"type": "image", "url": "https://example.com/a.png"}]});
        let mut number = 0;
        let files = CodeFile::all(&call, "cntr_1", || {
            number += 1;
            format!("cfile_{number}")
        });
        let seen: Vec<_> = files.iter().map(|file| (&*file.id, &*file.name, file.content.len())).collect();
        assert_eq!(seen, [("cfile_1", "a.csv", 3), ("cfile_x", "b.bin", 2), ("cfile_2", "output_1.png", 3)]);
        let cited = files[0].citation("Är: sandbox:/mnt/data/a.csv.");
        assert_eq!((&cited["start_index"], &cited["end_index"]), (&json!(4), &json!(27)));
        assert_eq!(files[1].citation("none")["end_index"], 0);
        assert_eq!(CodeFile::all(&json!({"files": 3, "outputs": "x"}), "c", String::new), []);
    }
}
