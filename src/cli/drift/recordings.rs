//! Recordings held against this build: requests that production took and this refuses, answers with fields that no type
//! here has.

use super::{Difference, DriftKind, texts};
use crate::api::validate::{self, Context, Level};
use crate::budget::Budget;
use crate::exchange::route;
use crate::surface::fit::{self, Tier};
use crate::surface::router::Matched;
use crate::surface::{self, Operation};
use crate::wire::value::Holds;
use serde_json::Value;
use std::path::Path;

/// Differences of all recordings of a folder, and how many there were.
pub(super) fn differences(folder: &Path) -> Result<(Vec<Difference>, usize), String> {
    let (mut out, mut number) = (Vec::new(), 0);
    for (path, text) in texts(folder, ".jsonl")? {
        let file = path.strip_prefix(folder).unwrap_or(&path).display().to_string();
        for (at, line) in text.lines().enumerate() {
            let Ok(recording) = serde_json::from_str::<Value>(line) else {
                return Err(format!("{}:{}: no JSON", path.display(), at + 1));
            };
            if recording["request"].is_object() {
                number += 1;
                compare(&recording, &format!("{file}:{}", at + 1), &mut out);
            }
        }
    }
    let out = once(out);
    if number == 0 {
        return Err(format!(
            "{}: no recordings here (lines of JSON with request and response in *.jsonl)",
            folder.display()
        ));
    }
    Ok((out, number))
}

/// What many recordings show is said once, of the first of them.
fn once(all: Vec<Difference>) -> Vec<Difference> {
    let mut out: Vec<(Difference, usize)> = Vec::new();
    for one in all {
        match out.iter_mut().find(|(known, _)| known.what == one.what && known.tier == one.tier) {
            Some((_, more)) => *more += 1,
            None => out.push((one, 0)),
        }
    }
    let told = |(mut one, more): (Difference, usize)| {
        if more > 0 {
            one.what = format!("{} (and {more} more)", one.what);
        }
        one
    };
    out.into_iter().map(told).collect()
}

fn compare(recording: &Value, place: &str, out: &mut Vec<Difference>) {
    let mut say = |tier, change, what: String| {
        out.push(Difference { tier, change, of: "recordings".into(), place: place.into(), what });
    };
    let (request, response) = (&recording["request"], &recording["response"]);
    let method = request["method"].as_str().unwrap_or("POST");
    let path = request["path"].as_str().unwrap_or_default();
    let normal = route::normalize(path.split('?').next().unwrap_or_default(), &[]);
    let taken = response["status"].as_u64().is_some_and(|status| status < 400);
    let operation = match route::find(method, &normal.path) {
        Matched::Operation(operation, _) => operation,
        _ if taken => return say(Tier::Error, DriftKind::Added, format!("{method} {path} is not known here")),
        _ => return,
    };
    if !taken {
        return;
    }
    let budget = Budget::default();
    let is_form = request["body"].get("_multipart").is_some();
    let context = Context {
        level: Level::Schema,
        relaxed: false,
        beta: false,
        newer: false,
        silent: false,
        azure: normal.azure,
        form: false,
        model: None,
        budget: &budget,
    };
    if request["body"].is_object()
        && !is_form
        && let Err(refused) = validate::body(operation, &request["body"], &context)
    {
        say(Tier::Error, DriftKind::Changed, format!("{} is refused here: {}", operation.name, refused.message));
    }
    for (kind, answer) in answers(operation, response) {
        let mut found = Vec::new();
        fit::fits(&answer, &surface::schema(kind), "", &mut found);
        // What answers lack of today's types, old recordings lack.
        for deviation in found.into_iter().filter(|deviation| deviation.tier > Tier::Info) {
            let change = if deviation.tier == Tier::Warning { DriftKind::Added } else { DriftKind::Changed };
            say(deviation.tier, change, format!("{kind}.{} {}", everywhere(&deviation.path), deviation.what));
        }
    }
}

/// A path without the numbers of items: `data[0].id` → `data[].id`.
fn everywhere(path: &str) -> String {
    let steps = path.split_inclusive('[');
    steps.map(|step| step.trim_start_matches(|letter: char| letter.is_ascii_digit())).collect()
}

/// What was answered, with the types it should be of.
fn answers(operation: &'static Operation, response: &Value) -> Vec<(&'static str, Value)> {
    let body = match &response["body"] {
        Value::Null => text_of(response).and_then(|text| serde_json::from_str(&text).ok()).unwrap_or_default(),
        body => body.clone(),
    };
    let mut out = Vec::new();
    if let (Some(kind), Value::Object(_)) = (operation.answer, &body) {
        match body["data"].as_array() {
            Some(items) if operation.page.is_some() => out.extend(items.iter().map(|item| (kind, item.clone()))),
            _ => out.push((kind, body)),
        }
    }
    let Some(kind) = operation.events else { return out };
    // `[DONE]` is no event.
    let events = response["sse"].elements().map(|event| &event["data"]);
    out.extend(events.filter(|data| !data.is_string()).map(|data| (kind, data.clone())));
    let text = text_of(response).unwrap_or_default();
    let data = text.lines().filter_map(|line| line.strip_prefix("data: "));
    out.extend(data.filter_map(|data| Some((kind, serde_json::from_str(data).ok()?))));
    out
}

/// The text of an answer that was recorded in pieces.
fn text_of(response: &Value) -> Option<String> {
    let chunks = response["chunks"].as_array()?;
    Some(chunks.iter().filter_map(|chunk| chunk[1].as_str()).collect())
}
