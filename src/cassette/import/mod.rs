//! Other tools' recordings, read as cassettes. Each tool's file is a list of what was asked and answered; from there on
//! they are alike.

mod har;
mod mockserver;
mod nock;
mod vcr;

use super::format::{RecordedChunk, RecordedRequest, RecordedResponse, Recording};
use super::meaning;
use crate::script::files::{self, located};
use crate::surface::router;
use base64::prelude::{BASE64_STANDARD, Engine};
use serde_json::{Map, Value};
use std::io::Read;
use std::path::Path;

/// Bytes that a zipped answer may have.
const MOST: u64 = 128 << 20;

/// Ends of the names of files that may be recordings of other tools.
pub(crate) const ENDINGS: [&str; 4] = ["json", "yaml", "yml", "har"];

/// What one tool has kept of an exchange.
#[derive(Debug, Default)]
pub(super) struct Foreign {
    pub(super) method: String,
    /// An address, or a path.
    pub(super) url: String,
    pub(super) body: Vec<u8>,
    pub(super) status: u16,
    /// Names in any case.
    pub(super) headers: Vec<(String, String)>,
    pub(super) answer: Vec<u8>,
    /// When, as the tool says it.
    pub(super) at: Option<String>,
}

/// What a file of another tool holds: recordings, and what of it is none.
#[derive(Debug, Default)]
pub(crate) struct Imported {
    pub(crate) recordings: Vec<Recording>,
    /// What cannot be read, by its number in the file.
    pub(crate) faults: Vec<String>,
    /// Of a tool that keeps conditions instead of requests: the same as a script.
    pub(crate) script: Option<Value>,
}

/// Reads a file of another tool; `None` = no tool that is known writes such a file.
///
/// # Errors
/// It is no JSON, or no YAML.
pub(crate) fn read(file: &Path, text: &str) -> Result<Option<Imported>, String> {
    let yaml = file.extension().is_some_and(|end| end == "yaml" || end == "yml");
    let value: Value = match yaml {
        true => {
            // What is binary comes as it is written, in base64: `unwritten` reads it.
            let options = serde_saphyr::options! { ignore_binary_tag_for_string: true };
            located::value(text, options)
                .map_err(|error| format!("this is no YAML: {}", first_line(&error.to_string())))?
        }
        false => serde_json::from_str(text)
            .map_err(|error| format!("this is no JSON, at line {}, column {}", error.line(), error.column()))?,
    };
    if value.get("fixtures").is_some_and(Value::is_array) {
        let (script, _) = files::convert_aimock_files(file).map_err(|error| error.to_string())?;
        return Ok(Some(Imported { script: Some(script), ..Imported::default() }));
    }
    let Some(found) = vcr::read(&value)
        .or_else(|| har::read(&value))
        .or_else(|| nock::read(&value))
        .or_else(|| mockserver::read(&value))
    else {
        return Ok(None);
    };
    let mut imported = Imported::default();
    let mut strangers = 0;
    for (index, one) in found.into_iter().enumerate() {
        match one.and_then(Foreign::recording) {
            Ok(Some(recording)) => imported.recordings.push(recording),
            Ok(None) => strangers += 1,
            Err(why) => imported.faults.push(format!("recording {}: {why}", index + 1)),
        }
    }
    if imported.recordings.is_empty() && imported.faults.is_empty() {
        imported.faults.push(format!("none of its {strangers} requests is one of the OpenAI API"));
    }
    Ok(Some(imported))
}

/// What YAML's `!!binary` stands for; `None` = it is no base64.
fn unwritten(text: &[u8]) -> Option<Vec<u8>> {
    let text: String = std::str::from_utf8(text).ok()?.split_whitespace().collect();
    BASE64_STANDARD.decode(text).ok().filter(|bytes| !bytes.is_empty())
}

/// Whether bytes begin as gzip or zlib write them, or are no text, as brotli's are.
fn is_zipped(bytes: &[u8]) -> bool {
    bytes.starts_with(&[0x1f, 0x8b]) || std::str::from_utf8(bytes).is_err()
}

fn first_line(text: &str) -> &str {
    text.lines().next().unwrap_or_default()
}

impl Foreign {
    /// As a recording of ours; `None` = it is of another API.
    fn recording(self) -> Result<Option<Recording>, String> {
        let (path, query, deployment) = place(&self.url);
        let operation = router::find(&self.method.to_uppercase(), &path).name();
        if operation.is_empty() {
            return Ok(None);
        }
        let mut body: Value = match self.body.is_empty() {
            true => Value::Null,
            false => serde_json::from_slice(&self.body)
                .ok()
                .or_else(|| serde_json::from_slice(&unwritten(&self.body)?).ok())
                .unwrap_or_else(|| String::from_utf8_lossy(&self.body).into()),
        };
        if let (Some(model), Some(map)) = (deployment, body.as_object_mut()) {
            map.entry("model").or_insert(model.into());
        }
        let header = |name: &str| {
            self.headers.iter().find(|(known, _)| known.eq_ignore_ascii_case(name)).map(|(_, value)| value.as_str())
        };
        let coding = header("content-encoding").unwrap_or_default();
        let kind = header("content-type").unwrap_or("text");
        let is_text = ["text", "json"].iter().any(|one| kind.contains(one));
        let answer = match unwritten(&self.answer).filter(|bytes| !is_text || !coding.is_empty() && is_zipped(bytes)) {
            Some(bytes) => bytes,
            None => self.answer.clone(),
        };
        let answer = plain(answer, coding)?;
        let dropped = ["content-encoding", "content-length", "transfer-encoding", "set-cookie", "connection"];
        let kept = self.headers.iter().map(|(name, value)| (name.to_ascii_lowercase(), Value::from(value.as_str())));
        let mut headers: Map<String, Value> = kept.filter(|(name, _)| !dropped.contains(&name.as_str())).collect();
        if !headers.contains_key("content-type") {
            let sse = answer.starts_with(b"data:") || answer.starts_with(b"event:");
            headers.insert("content-type".into(), if sse { "text/event-stream" } else { "application/json" }.into());
        }
        if !(100..1000).contains(&self.status) {
            return Err(format!("{} is no status", self.status));
        }
        let mut response = RecordedResponse { status: self.status, headers, chunks: Vec::new(), cut: None };
        let pieces = if response.is_stream() { events(&answer) } else { vec![answer] };
        response.chunks = pieces.into_iter().map(|bytes| RecordedChunk { at_ms: 0, bytes: bytes.into() }).collect();
        let method = self.method.to_uppercase();
        let mut recording = Recording {
            operation: operation.to_string(),
            request: RecordedRequest { method, path: format!("/v1{path}"), query, body },
            response: Some(response),
            reply: None,
            client: None,
            at: self.at,
        };
        recording.reply = meaning::reply(&recording);
        Ok(Some(recording))
    }
}

/// The path below `/v1` and the query of an address, and the deployment that it names.
fn place(url: &str) -> (String, String, Option<String>) {
    let rest = url.split_once("://").map_or(url, |(_, rest)| rest.find(['/', '?']).map_or("", |at| &rest[at..]));
    let rest = rest.split('#').next().unwrap_or_default();
    let (path, query) = rest.split_once('?').unwrap_or((rest, ""));
    let path = path.trim_end_matches('/');
    if let Some((_, rest)) = path.split_once("/deployments/")
        && let Some((name, tail)) = rest.split_once('/')
    {
        return (format!("/{tail}"), query.to_string(), Some(crate::url::decode(name)));
    }
    // Whatever a proxy has before it.
    let path = path.find("/v1/").map_or(path, |at| &path[at + 3..]);
    (path.to_string(), query.to_string(), None)
}

/// Each event of a stream with the blank line after it: tools keep no borders of chunks.
fn events(body: &[u8]) -> Vec<Vec<u8>> {
    let text = String::from_utf8_lossy(body).replace("\r\n", "\n");
    text.split_inclusive("\n\n").map(|event| event.as_bytes().to_vec()).collect()
}

/// A body without its coding.
fn plain(bytes: Vec<u8>, coding: &str) -> Result<Vec<u8>, String> {
    let reader: Box<dyn Read + '_> = match coding.trim() {
        // Tools that unzip leave the header.
        "gzip" if bytes.starts_with(&[0x1f, 0x8b]) => Box::new(flate2::read::MultiGzDecoder::new(&*bytes)),
        "deflate" if bytes.first() == Some(&0x78) => Box::new(flate2::read::ZlibDecoder::new(&*bytes)),
        "br" if std::str::from_utf8(&bytes).is_err() => Box::new(brotli_decompressor::Decompressor::new(&*bytes, 4096)),
        _ => return Ok(bytes),
    };
    let mut out = Vec::new();
    reader
        .take(MOST)
        .read_to_end(&mut out)
        .map(|_| out)
        .map_err(|error| format!("its answer says to be {coding}, and is not: {error}"))
}

/// A text as its tool wrote it down: base64 where it says so.
pub(super) fn coded(text: &str, base64: bool) -> Result<Vec<u8>, String> {
    match base64 {
        false => Ok(text.as_bytes().to_vec()),
        true => {
            let text: String = text.split_whitespace().collect();
            BASE64_STANDARD.decode(text).map_err(|error| format!("this is no base64: {error}"))
        }
    }
}

/// Headers as `{name: value}`, `{name: [values]}`, `[{name, value | values}]` or `[name, value, …]`.
pub(super) fn headers(value: &Value) -> Vec<(String, String)> {
    let text = |value: &Value| match value {
        Value::String(text) => text.clone(),
        Value::Array(values) => values.iter().filter_map(Value::as_str).collect::<Vec<_>>().join(", "),
        other => other.to_string(),
    };
    match value {
        Value::Object(map) => map.iter().map(|(name, value)| (name.clone(), text(value))).collect(),
        Value::Array(items) if items.iter().all(Value::is_string) => {
            items.chunks_exact(2).map(|pair| (text(&pair[0]), text(&pair[1]))).collect()
        }
        Value::Array(items) => {
            let pair = |item: &Value| {
                Some((item["name"].as_str()?.to_string(), text(item.get("value").or(item.get("values"))?)))
            };
            items.iter().filter_map(pair).collect()
        }
        _ => Vec::new(),
    }
}

/// A status as a number.
pub(super) fn status(value: &Value) -> u16 {
    value.as_u64().and_then(|status| u16::try_from(status).ok()).unwrap_or(0)
}

#[cfg(test)]
mod tests;
