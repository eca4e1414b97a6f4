//! `llemulator cassettes`: what recordings there are, what they say, and whether they still hold.

use super::{complain, print};
use crate::cassette::format::{RecordedChunk, RecordedResponse, Recording, head};
use crate::cassette::normal::{Matching, hash};
use crate::cassette::staleness::{against_surface, by_shape};
use crate::cassette::{Library, Misread};
use crate::options::{Door, Options};
use crate::runtime;
use crate::surface::fit::{Deviation, Tier};
use crate::turn::models;
use crate::upstream::{Upstream, UpstreamRequest};
use crate::wire::value::Holds;
use clap::Subcommand;
use serde_json::{Map, Value, json};
use std::collections::{BTreeMap, HashSet};
use std::future::poll_fn;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// What is done with cassettes.
#[derive(Debug, Subcommand)]
pub(super) enum CassettesCommand {
    /// List recordings: where, what was asked, by which client, when
    List { paths: Vec<PathBuf> },
    /// Show recordings whole; a number of a line after a colon shows one: calls.jsonl:3
    Show { path: String },
    /// Take out lines that cannot be read, and recordings that say the same as an earlier one
    Prune { paths: Vec<PathBuf> },
    /// Print recordings as a script
    Convert { paths: Vec<PathBuf> },
    /// Check recordings against today's surface, and with --upstream against what it answers now; exit code 4 = errors,
    /// 3 = warnings only, 1 = something cannot be read
    Check { paths: Vec<PathBuf> },
}

/// Runs one of them; gives the exit code.
pub(super) fn run(command: CassettesCommand, options: Options) -> i32 {
    let done = match command {
        CassettesCommand::List { paths } => list(&paths),
        CassettesCommand::Show { path } => show(&path),
        CassettesCommand::Prune { paths } => prune(&paths),
        CassettesCommand::Convert { paths } => convert(&paths),
        CassettesCommand::Check { paths } => check(&paths, options),
    };
    done.unwrap_or_else(|message| {
        complain(&message);
        1
    })
}

/// The cassettes of these places; what cannot be read is said.
fn load(paths: &[PathBuf]) -> Result<Library, String> {
    let usual = [PathBuf::from("cassettes")];
    let paths = if paths.is_empty() { &usual } else { paths };
    if let Some(gone) = paths.iter().find(|path| !path.exists()) {
        return Err(format!("there is no file or folder {}", gone.display()));
    }
    let library = Library::load(paths, Matching::default());
    library.misread().iter().for_each(|misread| complain(&misread.to_string()));
    Ok(library)
}

/// Each recording that can be read whole, and how many cannot.
fn each(library: &Library, mut look: impl FnMut(&Path, usize, Arc<Recording>)) -> usize {
    let mut broken = library.misread().len();
    for (file, line, recording) in library.all() {
        match recording {
            Ok(recording) => look(file, line, recording),
            Err(misread) => {
                complain(&misread.to_string());
                broken += 1;
            }
        }
    }
    broken
}

fn list(paths: &[PathBuf]) -> Result<i32, String> {
    let library = load(paths)?;
    let broken = each(&library, |file, line, recording| {
        let status = recording.response.as_ref().map_or("reply".to_string(), |response| response.status.to_string());
        let stream = if recording.request.is_stream() { " stream" } else { "" };
        let place = format!("{}:{line}", file.display());
        let asked = shown(&recording.request.body);
        let about = [recording.client.as_deref(), recording.at.as_deref()].into_iter().flatten().collect::<Vec<_>>();
        let about = if about.is_empty() { String::new() } else { format!("  ({})", about.join(", ")) };
        print(&format!("{place}  {}{stream}  {status}  {asked}{about}\n", recording.operation));
    });
    print(&format!("{} recordings, {broken} that cannot be read\n", library.len()));
    Ok(i32::from(broken > 0))
}

/// The last words of a request, on a line.
fn shown(body: &Value) -> String {
    let last = |list: &Value| list.as_array().and_then(|list| list.last()).cloned();
    let message = last(&body["messages"]).or_else(|| last(&body["input"])).unwrap_or_else(|| body["input"].clone());
    let content = message.get("content").or_else(|| message.get("output")).cloned().unwrap_or(message);
    let text = content.as_str().map_or_else(|| content.to_string(), str::to_string);
    let text: String = text.split_whitespace().collect::<Vec<_>>().join(" ").chars().take(60).collect();
    format!("{} {text:?}", body["model"].as_str().unwrap_or("-"))
}

fn show(path: &str) -> Result<i32, String> {
    let (file, number) = match path.rsplit_once(':').and_then(|(file, line)| Some((file, line.parse::<usize>().ok()?)))
    {
        Some((file, line)) => (file, Some(line)),
        None => (path, None),
    };
    let library = load(&[PathBuf::from(file)])?;
    let mut found = 0;
    let broken = each(&library, |file, line, recording| {
        if number.is_none_or(|number| number == line) {
            found += 1;
            let whole = serde_json::to_string_pretty(&*recording).unwrap_or_default();
            print(&format!("{}:{line}\n{whole}\n", file.display()));
        }
    });
    match (found, number) {
        (0, Some(number)) => Err(format!("{file} has no recording at line {number}")),
        _ => Ok(i32::from(broken > 0)),
    }
}

fn prune(paths: &[PathBuf]) -> Result<i32, String> {
    let library = load(paths)?;
    let mut files: BTreeMap<PathBuf, (Vec<String>, usize)> = BTreeMap::new();
    let misread: Vec<Misread> = library.misread().to_vec();
    let mut seen = HashSet::new();
    each(&library, |file, _, recording| {
        let (lines, gone) = files.entry(file.to_path_buf()).or_default();
        let request = &recording.request;
        let normal =
            Matching::default().normal(&recording.operation, &request.path, &request.query, request.body.clone());
        let said =
            recording.response.as_ref().map(|response| hash(&Value::from(String::from_utf8_lossy(&response.body()))));
        let said = said.unwrap_or_else(|| recording.reply.as_ref().map_or(0, hash));
        match seen.insert((hash(&normal), request.is_stream(), said)) {
            true => lines.push(serde_json::to_string(&*recording).unwrap_or_default()),
            false => *gone += 1,
        }
    });
    for one in misread.iter().filter(|one| one.line > 1) {
        files.entry(one.file.clone()).or_default().1 += 1;
    }
    let mut all = 0;
    for (file, (lines, gone)) in files.into_iter().filter(|(file, (_, gone))| *gone > 0 && Library::is_own(file)) {
        let text = lines.iter().fold(head() + "\n", |text, line| text + line + "\n");
        let beside = file.with_extension("pruned");
        std::fs::write(&beside, text)
            .and_then(|()| std::fs::rename(&beside, &file))
            .map_err(|error| format!("{} cannot be written: {error}", file.display()))?;
        print(&format!("{}: {gone} taken out, {} left\n", file.display(), lines.len()));
        all += gone;
    }
    print(&format!("{all} taken out\n"));
    Ok(0)
}

fn convert(paths: &[PathBuf]) -> Result<i32, String> {
    let library = load(paths)?;
    let mut rules: Vec<(Value, Vec<Value>)> = Vec::new();
    let broken = each(&library, |_, _, recording| {
        let condition = condition(&recording);
        let reply = recording.reply.clone().unwrap_or_else(|| raw(&recording));
        match rules.iter_mut().find(|(known, _)| *known == condition) {
            Some((_, replies)) => replies.push(reply),
            None => rules.push((condition, vec![reply])),
        }
    });
    let rules: Vec<Value> = rules
        .into_iter()
        .map(|(condition, replies)| match replies.as_slice() {
            [one] => json!({"match": condition, "response": one}),
            many => json!({"match": condition, "responses": many}),
        })
        .collect();
    print(&format!("{:#}\n", json!({"rules": rules})));
    Ok(i32::from(broken > 0))
}

/// What a recording's request is known by: its operation, model and last words.
fn condition(recording: &Recording) -> Value {
    let body = &recording.request.body;
    let mut condition = Map::new();
    condition.insert("operation".into(), recording.operation.as_str().into());
    if let Some(model) = body["model"].as_str() {
        condition.insert("model".into(), model.into());
    }
    let of = |list: &Value| -> Option<String> {
        let messages = list.as_array()?.iter().rev();
        let user = messages.filter(|message| message["role"] == "user").map(|message| &message["content"]).next()?;
        let parts = user.elements().filter_map(|part| part["text"].as_str());
        Some(user.as_str().map_or_else(|| parts.collect(), str::to_string))
    };
    let text =
        of(&body["messages"]).or_else(|| of(&body["input"])).or_else(|| body["input"].as_str().map(String::from));
    if let Some(text) = text.filter(|text| !text.is_empty()) {
        // What stands for ids and times stands for any.
        let mut pattern = regex::escape(&text);
        for mark in ["<id>", "<uuid>", "<time>", "<…>"] {
            pattern = pattern.replace(mark, ".+");
        }
        condition.insert("user".into(), format!("^{pattern}$").into());
    }
    Value::Object(condition)
}

/// An answer without a meaning, as its bytes.
fn raw(recording: &Recording) -> Value {
    let Some(response) = &recording.response else { return json!("") };
    let body = response.body();
    let text = String::from_utf8_lossy(&body);
    let body = serde_json::from_str(&text).unwrap_or_else(|_| Value::from(text));
    json!({"raw": {"status": response.status.max(200), "body": body}})
}

fn check(paths: &[PathBuf], options: Options) -> Result<i32, String> {
    let library = load(paths)?;
    let upstream = match options.upstream.is_some() {
        true => Some(Upstream::new(&options.settle(Door::CommandLine))?),
        false => None,
    };
    let mut counts = [0; 3];
    let mut tell = |file: &Path, line: usize, found: Vec<Deviation>| {
        for Deviation { tier, path, what } in found {
            counts[tier as usize] += 1;
            print(&format!("{}: {}:{line}: {path}: {what}\n", tier.word(), file.display()));
        }
    };
    let broken = each(&library, |file, line, recording| {
        let known = |name: &str| models::find(name).is_some_and(|model| !model.deprecated);
        tell(file, line, against_surface(&recording, &known));
        if let (Some(upstream), Some(response)) = (&upstream, &recording.response) {
            let today = runtime::handle().block_on(ask(upstream, &recording));
            match today {
                Ok(today) => tell(file, line, by_shape(response, &today)),
                Err(why) => {
                    let what = format!("was not asked again: {why}");
                    tell(file, line, vec![Deviation { tier: Tier::Warning, path: "upstream".into(), what }]);
                }
            }
        }
    });
    let [infos, warnings, errors] = counts;
    let unread = if broken == 0 { String::new() } else { format!(", {broken} that cannot be read") };
    print(&format!("{} recordings: {errors} errors, {warnings} warnings, {infos} infos{unread}\n", library.len()));
    if broken > 0 {
        return Ok(1);
    }
    let worst = [Tier::Error, Tier::Warning, Tier::Info].into_iter().find(|tier| counts[*tier as usize] > 0);
    Ok(Tier::exit_code(worst))
}

/// What the upstream answers to a recorded request now.
async fn ask(upstream: &Upstream, recording: &Recording) -> Result<RecordedResponse, String> {
    let request = &recording.request;
    let text = request.body.to_string();
    if ["<id>", "<uuid>", "[REDACTED]"].iter().any(|mark| text.contains(mark) || request.path.contains(mark)) {
        return Err("its request has ids or secrets that were taken out".into());
    }
    let asked = UpstreamRequest {
        method: &request.method,
        path: &request.path,
        query: Some(&request.query).filter(|query| !query.is_empty()).map(String::as_str),
        headers: vec![("content-type", "application/json")],
        key: None,
        body: if request.body.is_null() { bytes::Bytes::new() } else { bytes::Bytes::from(text) }.into(),
    };
    let mut given = upstream.ask(upstream.target(), asked).await.map_err(|failure| failure.message)?;
    let mut chunks = Vec::new();
    while let Some(chunk) = poll_fn(|context| given.body.poll_next(context)).await {
        chunks.push(RecordedChunk { at_ms: 0, bytes: chunk.map_err(|failure| failure.message)? });
    }
    let headers = given.headers.into_iter().map(|(name, value)| (name, Value::from(value))).collect();
    Ok(RecordedResponse { status: given.status, headers, chunks, cut: None })
}
