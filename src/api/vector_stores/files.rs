//! What a vector store holds: files, their attributes, and where their texts are cut.

use super::chunks::{Chunking, LONGEST};
use super::office;
use super::pdf;
use super::rank::Passage;
use super::store;
use crate::api::files::formats::check_searched;
use crate::api::files::kept::{self, FileRecord};
use crate::api::list::{LIMITS, Order, Page, shape};
use crate::session::Session;
use crate::session::jobs::HeldJob;
use crate::session::store::{Stored, Window};
use crate::turn::answer::Answer;
use crate::turn::call::{Call, HandlerFuture};
use crate::wire::error::ApiError;
use crate::wire::value::Holds;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use std::borrow::Cow;

/// A file in a vector store.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct StoreFile {
    /// As it is shown.
    pub shown: Value,
    filename: String,
    /// The passages of its text.
    passages: Vec<(u32, u32)>,
    /// What becomes of it when it is processed: what answers then say otherwise.
    outcome: Value,
    job: HeldJob,
    /// The batch it came with.
    pub batch: Option<String>,
}

impl StoreFile {
    pub(super) fn id(&self) -> &str {
        self.shown["id"].as_str().unwrap_or_default()
    }

    pub(super) fn status(&self) -> &str {
        self.shown["status"].as_str().unwrap_or_default()
    }

    /// It becomes what it is now.
    fn look(&mut self, session: &Session) {
        if self.status() == "in_progress" && self.job.state(session).is_none() {
            self.job.settle();
            for (name, value) in self.outcome.members() {
                self.shown[name] = value.clone();
            }
        }
    }

    /// It is not processed any more.
    pub(super) fn cancel(&mut self, session: &Session) {
        if self.status() == "in_progress" && self.job.runs(session) {
            self.job.settle();
            self.shown["status"] = "cancelled".into();
        }
        self.look(session);
    }
}

/// Where a store's files are kept.
pub(super) fn shelf(store: &str) -> String {
    format!("vector_store/{store}/file")
}

/// The files of a store as they are now, oldest first.
pub(super) async fn all(session: &Session, store: &str) -> Vec<StoreFile> {
    let mut files = Vec::new();
    for stored in session.store.objects(&shelf(store)).all().await {
        let Some(mut file) = stored.read::<StoreFile>() else { continue };
        if file.status() == "in_progress"
            && let Some(seen) = change(session, store, &stored.id, |file| file.look(session)).await
        {
            file = seen;
        }
        files.push(file);
    }
    files
}

/// Changes a file of a store; gives what it is then.
pub(super) async fn change(
    session: &Session,
    store: &str,
    file: &str,
    change: impl Fn(&mut StoreFile) + Send,
) -> Option<StoreFile> {
    let change = move |file: &mut StoreFile| {
        change(file);
        file.clone()
    };
    session.store.objects(&shelf(store)).change(file, change).await
}

/// Makes files of what is asked: each names a `file_id`, and has `attributes` and a `chunking_strategy` of its own or those
/// of `common`.
///
/// # Errors
/// One of them is no file, or none that can be searched. Nothing is kept yet.
pub(super) async fn made(
    call: &Call,
    store: &str,
    asked: &[Value],
    common: &Value,
    batch: Option<&str>,
) -> Result<Vec<StoreFile>, ApiError> {
    let mut records = Vec::with_capacity(asked.len());
    for one in asked {
        records.push(kept::named(call, one["file_id"].as_str().unwrap_or_default()).await?);
    }
    check_searched(&records.iter().map(|record| &*record.filename).collect::<Vec<_>>())?;
    let job = call.begins(&["in_progress"]);
    let mut files = Vec::with_capacity(asked.len());
    for (one, record) in asked.iter().zip(records) {
        let own = |name: &str| one.get(name).filter(|value| !value.is_null()).map(|_| one);
        let chunking = Chunking::of(own("chunking_strategy").unwrap_or(common))?;
        let (passages, outcome) = process(&call.session, &record, chunking).await;
        files.push(StoreFile {
            // The keys in the order of recording 62215ebf7a5742ed, then what is newer.
            shown: json!({
                "id": record.id, "object": "vector_store.file", "usage_bytes": 0, "created_at": call.created(),
                "vector_store_id": store, "status": "in_progress", "last_error": null,
                "chunking_strategy": chunking.shown(), "attributes": attributes(own("attributes").unwrap_or(common)),
            }),
            filename: record.filename,
            passages,
            outcome,
            job: job.clone(),
            batch: batch.map(str::to_string),
        });
    }
    Ok(files)
}

/// Puts files into a store, all or none.
///
/// # Errors
/// The session has no room for them.
pub(super) async fn keep(session: &Session, store: &str, files: &[StoreFile]) -> Result<(), ApiError> {
    let shelf = shelf(store);
    for (count, file) in files.iter().enumerate() {
        if let Err(error) = session.store.objects(&shelf).put(file.id(), file).await {
            for kept in &files[..count] {
                session.store.objects(&shelf).remove(kept.id()).await;
            }
            return Err(error);
        }
    }
    Ok(())
}

/// The passages of a file, and what becomes of it: in OpenAI's words (openai/openai-openapi 300, openai/openai-node 1496).
async fn process(session: &Session, record: &FileRecord, chunking: Chunking) -> (Vec<(u32, u32)>, Value) {
    let failed = |code: &str, message: &str| {
        (Vec::new(), json!({"status": "failed", "last_error": {"code": code, "message": message}}))
    };
    if record.bytes > LONGEST as u64 {
        return failed("invalid_file", "The file could not be parsed because it is too large.");
    }
    let Ok(bytes) = record.read(&session.store).await else {
        return failed("server_error", "The file is not there any more.");
    };
    match text(&record.filename, &bytes) {
        FileText::Text(text) => {
            let passages = crate::runtime::aside(text.len(), || chunking.cut(&text));
            (passages, json!({"status": "completed", "usage_bytes": bytes.len()}))
        }
        FileText::Broken => failed("invalid_file", "The file could not be parsed."),
        FileText::Other => failed("unsupported_file", "The file type is not supported."),
    }
}

/// What is searched of a file.
enum FileText<'a> {
    Text(Cow<'a, str>),
    /// Empty, or encrypted.
    Broken,
    /// Bytes of no text.
    Other,
}

/// The text of a file. Of documents whose form is not read it is empty: they are processed, and nothing is found in them.
fn text<'a>(name: &str, bytes: &'a [u8]) -> FileText<'a> {
    let utf16 = |units: fn([u8; 2]) -> u16| {
        let units = bytes[2..].chunks_exact(2).map(|pair| units([pair[0], pair[1]]));
        char::decode_utf16(units).map(|letter| letter.unwrap_or(char::REPLACEMENT_CHARACTER)).collect::<String>()
    };
    let is_document =
        || [".doc", ".docx", ".pdf", ".pptx"].iter().any(|ending| name.to_ascii_lowercase().ends_with(ending));
    match bytes {
        [] => FileText::Broken,
        [b'%', b'P', b'D', b'F', b'-', ..] => crate::runtime::aside(bytes.len(), || pdf::text(bytes))
            .map_or(FileText::Broken, |text| FileText::Text(text.into())),
        // A small file may unpack to a large one.
        [b'P', b'K', 3, 4, ..] if is_document() => {
            FileText::Text(crate::runtime::aside(office::MOST, || office::text(bytes)).unwrap_or_default().into())
        }
        [0xff, 0xfe, ..] => FileText::Text(utf16(u16::from_le_bytes).into()),
        [0xfe, 0xff, ..] => FileText::Text(utf16(u16::from_be_bytes).into()),
        _ => match std::str::from_utf8(bytes) {
            Ok(text) => FileText::Text(text.into()),
            Err(_) if is_document() => FileText::Text("".into()),
            Err(_) => FileText::Other,
        },
    }
}

/// The passages of a store's files that are processed and that `wanted` wants.
pub(super) async fn passages(
    session: &Session,
    now: u64,
    store: &str,
    wanted: impl Fn(&Value) -> bool,
) -> Vec<Passage> {
    let mut found = Vec::new();
    let mut bytes = 0;
    for file in all(session, store).await {
        let attributes = &file.shown["attributes"];
        if file.status() != "completed" || !wanted(attributes) {
            continue;
        }
        let Ok(record) = kept::at(&session.store, now, file.id()).await else { continue };
        let Ok(content) = record.read(&session.store).await else { continue };
        let FileText::Text(text) = text(&file.filename, &content) else { continue };
        // A small file may hold a long text.
        bytes += content.len().max(text.len());
        if bytes > 2 * LONGEST {
            break;
        }
        found.extend(file.passages.iter().filter_map(|(from, to)| {
            Some(Passage {
                store: store.to_string(),
                file: file.id().to_string(),
                filename: file.filename.clone(),
                attributes: attributes.clone(),
                text: text.get(*from as usize..*to as usize)?.to_string(),
            })
        }));
    }
    found
}

fn unknown(call: &Call) -> ApiError {
    let (file, store) = (call.param("file_id"), call.param("vector_store_id"));
    ApiError::new(404, format!("No file found with id '{file}' in vector store '{store}'."))
}

async fn find(call: &Call) -> Result<StoreFile, ApiError> {
    let store = store::find(call).await?;
    let found = change(&call.session, store.id(), call.param("file_id"), |file| file.look(&call.session)).await;
    found.ok_or_else(|| unknown(call))
}

fn answer(file: &StoreFile) -> Answer {
    Answer::polled(&file.shown, file.status() == "in_progress")
}

pub(super) fn create(call: Call) -> HandlerFuture {
    Box::pin(async move {
        let store = store::using(&call).await?;
        let files = made(&call, store.id(), std::slice::from_ref(&*call.body), &call.body, None).await?;
        keep(&call.session, store.id(), &files).await?;
        files.first().map(answer).ok_or_else(|| unknown(&call))
    })
}

pub(super) fn retrieve(call: Call) -> HandlerFuture {
    Box::pin(async move { Ok(answer(&find(&call).await?)) })
}

pub(super) fn update(call: Call) -> HandlerFuture {
    Box::pin(async move {
        if call.body.get("attributes").is_none() {
            return Err(ApiError::missing("attributes"));
        }
        let store = find(&call).await?.shown["vector_store_id"].as_str().unwrap_or_default().to_string();
        let set = |file: &mut StoreFile| file.shown["attributes"] = attributes(&call.body);
        let changed = change(&call.session, &store, call.param("file_id"), set).await;
        changed.as_ref().map(answer).ok_or_else(|| unknown(&call))
    })
}

fn attributes(body: &Value) -> Value {
    body.get("attributes").filter(|given| given.is_object()).cloned().unwrap_or_else(|| json!({}))
}

pub(super) fn list(call: Call) -> HandlerFuture {
    Box::pin(async move {
        let store = store::find(&call).await?;
        Ok(Answer::json(&page(&call, store.id(), |_| true).await))
    })
}

/// The page the query asks for of a store's files.
pub(super) async fn page(call: &Call, store: &str, wanted: impl Fn(&StoreFile) -> bool + Sync) -> Page {
    // They become what they are.
    all(&call.session, store).await;
    let (limit, ascending) = shape(call, Order::NewestFirst, LIMITS);
    let window = Window { after: call.query("after"), before: call.query("before"), limit, ascending };
    let status = call.query("filter");
    let show = |stored: &Stored| {
        let file = stored.read::<StoreFile>().filter(&wanted)?;
        status.is_none_or(|status| status == file.status()).then_some(file.shown)
    };
    Page::walk(call.session.store.objects(&shelf(store)), window, &show).await
}

pub(super) fn delete(call: Call) -> HandlerFuture {
    Box::pin(async move {
        let store = store::find(&call).await?;
        let id = call.param("file_id");
        if !call.session.store.objects(&shelf(store.id())).remove(id).await {
            return Err(unknown(&call));
        }
        Ok(Answer::json(&json!({"id": id, "object": "vector_store.file.deleted", "deleted": true})))
    })
}

/// The text of a file as it was read.
pub(super) fn content(call: Call) -> HandlerFuture {
    Box::pin(async move {
        let file = find(&call).await?;
        let bytes = kept::named(&call, file.id()).await?.read(&call.session.store).await?;
        let data = match text(&file.filename, &bytes) {
            FileText::Text(text) if !text.is_empty() => json!([{"type": "text", "text": text}]),
            _ => json!([]),
        };
        let page =
            json!({"object": "vector_store.file_content.page", "data": data, "has_more": false, "next_page": null});
        Ok(Answer::json(&page))
    })
}
