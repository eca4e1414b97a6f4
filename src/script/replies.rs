//! From checked JSON to a Reply.

use crate::reply::error::ErrorReply;
use crate::reply::fault::{At, Fault, FaultKind};
use crate::reply::pace::{Chunk, Hold, Pace, Range};
use crate::reply::{Ask, Choice, ManualOptions, Overrides, Raw, RawBody, Reply, Say, UpstreamOptions};
use crate::script::Origin;
use crate::script::binary::base64_text;
use crate::script::binary::bytes;
use crate::script::parts::choice;
use crate::script::parts::parts_keys;
use crate::script::place::Path;
use crate::script::place::ScriptError;
use hyper::header::{HeaderName, HeaderValue};
use serde::de::DeserializeOwned;
use serde_json::{Map, Value, json};

/// A Reply whose shape has been checked.
pub(super) fn reply(value: &Value, path: &Path, origin: Origin) -> Result<Reply, ScriptError> {
    let keys = match value {
        Value::Object(keys) if keys.contains_key("status") => &from_status(keys, path)?,
        Value::Object(keys) => keys,
        text => &Map::from_iter([("text".to_string(), text.clone())]),
    };
    if let Some(key) = ["content", "sse"].into_iter().find(|key| keys.contains_key(*key)) {
        let meant = if key == "content" { "text" } else { "raw.sse" };
        return Err(Path::Key(path, key).error(format!("\"{key}\" goes with status; alone, give {meant}")));
    }
    let fault = keys.get("fault").map(|value| fault(value, &Path::Key(path, "fault"))).transpose()?;
    let say = say(keys, path, origin, fault.is_some())?;
    if let (Some(Fault { kind: FaultKind::Error(_), .. }), Say::Raw(_) | Say::Error(_)) = (&fault, &say) {
        let message = "an error comes in the place of what a reply still had to say, which raw and error have not; \
                       give it as the reply's error, or write it into the raw body";
        return Err(Path::Key(path, "fault").error(message));
    }
    Ok(Reply {
        say,
        overrides: overrides(keys, path)?.into(),
        pace: keys
            .get("pace")
            .map(|value| pace(value, &Path::Key(path, "pace")))
            .transpose()?
            .unwrap_or_default()
            .into(),
        fault,
    })
}

/// What a reply says; its kinds exclude each other.
fn say(keys: &Map<String, Value>, path: &Path, origin: Origin, faulty: bool) -> Result<Say, ScriptError> {
    const KINDS: &[&str] = &[
        "choices",
        "embedding",
        "transcript",
        "moderation",
        "object",
        "error",
        "raw",
        "echo",
        "generate",
        "upstream",
        "manual",
        "replay",
        "callback",
        "image",
    ];
    let parts = parts_keys(keys);
    let mut kinds = KINDS.iter().copied().filter(|kind| keys.contains_key(*kind)).chain(parts);
    let Some(kind) = kinds.next() else {
        return match keys.contains_key("finish_reason") {
            true => Ok(Say::Choices(vec![choice(keys, path)?])),
            // Alone they come over what would be answered anyway.
            false if faulty || keys.contains_key("pace") => {
                let alone = if faulty { "fault" } else { "pace" };
                refuse_useless(alone, &["dialect", "check", "logprobs", "annotations", "phase"], keys, path)?;
                Ok(Say::Nothing)
            }
            false => Err(path.error(
                "says nothing; give text (\"\" = an empty message), tool_calls, error or another key of a reply",
            )),
        };
    };
    // Parts may stand beside each other; every other kind stands alone.
    if let Some(other) = kinds.next().filter(|_| KINDS.contains(&kind)) {
        return Err(path.error(format!("{kind} and {other} exclude each other")));
    }
    refuse_useless(kind, useless(kind), keys, path)?;
    let at = Path::Key(path, kind);
    let value = &keys.get(kind).cloned().unwrap_or_default();
    Ok(match kind {
        "choices" => return choices(value, keys, path),
        "embedding" => Say::Embeddings(embeddings(value, &at)?),
        "transcript" => Say::Transcript(value.clone()),
        "moderation" => Say::Moderation(value.clone()),
        "object" => Say::Object(value.clone()),
        "image" => Say::Images(vec![base64_text(value, &at)?]),
        "error" => Say::Error(Box::new(error(value, &at)?)),
        "raw" => Say::Raw(Box::new(raw(value, &at)?)),
        "echo" => Say::Ask(Ask::Echo),
        "generate" => Say::Ask(Ask::Generate(options(value, &at)?)),
        "replay" => Say::Ask(Ask::Replay),
        "manual" if value == &Value::Bool(true) => Say::Ask(Ask::Manual(ManualOptions::default())),
        "manual" => Say::Ask(Ask::Manual(options(value, &at)?)),
        "upstream" if value == &Value::Bool(true) => Say::Ask(Ask::Upstream(UpstreamOptions::default())),
        "upstream" => Say::Ask(Ask::Upstream(options(value, &at)?)),
        "callback" if origin != Origin::InProcess => {
            return Err(at.error("functions are replies in-process only; give a reply as JSON"));
        }
        "callback" => Say::Ask(Ask::Callback(value.as_u64().unwrap_or_default())),
        _ => Say::Choices(vec![choice(keys, path)?]),
    })
}

/// LLEmulator's form, `{"status", "json" | "sse" | "content" | "error"}`, in today's words.
fn from_status(keys: &Map<String, Value>, path: &Path) -> Result<Map<String, Value>, ScriptError> {
    let mut keys = keys.clone();
    let status = keys.shift_remove("status").unwrap_or_default();
    let number = status.as_u64().unwrap_or_default();
    let body = |key: &str, value: Value| ("raw".to_string(), json!({"status": status, key: value}));
    let forms: Vec<&str> =
        ["json", "sse", "content", "error"].into_iter().filter(|key| keys.contains_key(*key)).collect();
    let [form] = forms.as_slice() else {
        return Err(Path::Key(path, "status").error("status goes with one of error, json, sse, content"));
    };
    let value = keys.shift_remove(*form).unwrap_or_default();
    let (key, value) = match (*form, value) {
        ("json", value) => body("body", value),
        ("sse", value) => body("sse", value),
        ("content", value) if (200..300).contains(&number) => ("text".to_string(), value),
        ("error", Value::Object(mut error)) => {
            error.entry("status").or_insert(status);
            ("error".to_string(), Value::Object(error))
        }
        (_, message) => ("error".to_string(), json!({"status": status, "message": message})),
    };
    let status = value.get("status").and_then(Value::as_u64);
    let lowest = if key == "error" { 400 } else { 200 };
    if status.is_some_and(|status| status < lowest) {
        return Err(Path::Key(path, "status").error(format!("{form} needs a status of at least {lowest}")));
    }
    keys.insert(key, value);
    Ok(keys)
}

/// Several answers, or several pictures.
fn choices(value: &Value, keys: &Map<String, Value>, path: &Path) -> Result<Say, ScriptError> {
    let at = Path::Key(path, "choices");
    let items = value.as_array().map(Vec::as_slice).unwrap_or_default();
    let pictures: Vec<Value> = items.iter().filter_map(|item| item.get("image").cloned()).collect();
    if !pictures.is_empty() {
        if let Some(index) = items
            .iter()
            .position(|item| item.as_object().is_none_or(|item| item.len() != 1 || !item.contains_key("image")))
        {
            return Err(Path::Index(&at, index).error("beside an image the other choices must be images too, alone"));
        }
        let images = pictures.iter().enumerate().map(|(index, image)| base64_text(image, &Path::Index(&at, index)));
        return images.collect::<Result<_, _>>().map(Say::Images);
    }
    let beside = choice(keys, path)?;
    let mut choices = Vec::with_capacity(items.len());
    for (index, item) in items.iter().enumerate() {
        let at = Path::Index(&at, index);
        let one = match item {
            Value::Object(keys) => choice(keys, &at)?,
            text => choice(&Map::from_iter([("text".to_string(), text.clone())]), &at)?,
        };
        choices.push(Choice { finish: one.finish.or(beside.finish), ..one });
    }
    Ok(Say::Choices(choices))
}

fn refuse_useless(kind: &str, useless: &[&str], keys: &Map<String, Value>, path: &Path) -> Result<(), ScriptError> {
    match useless.iter().find(|key| keys.contains_key(**key)) {
        Some(key) => Err(Path::Key(path, key).error(format!("has no effect beside {kind}; leave it out"))),
        None => Ok(()),
    }
}

/// Keys that nothing reads beside this kind of reply: each promises something that would not happen.
fn useless(kind: &str) -> &'static [&'static str] {
    match kind {
        "choices" => &["logprobs", "annotations", "phase"],
        "embedding" => &["dialect", "id", "check", "finish_reason", "logprobs", "annotations", "phase"],
        "moderation" => &["dialect", "usage", "check", "finish_reason", "logprobs", "annotations", "phase"],
        // Both have headers of their own.
        "error" | "raw" | "upstream" | "replay" => &[
            "dialect",
            "usage",
            "model",
            "id",
            "headers",
            "check",
            "finish_reason",
            "logprobs",
            "annotations",
            "phase",
        ],
        "object" => &["dialect", "usage", "model", "id", "check", "finish_reason", "logprobs", "annotations", "phase"],
        // What the emulator makes itself fits the request anyway.
        "echo" | "generate" | "manual" => &["check", "finish_reason", "logprobs", "annotations", "phase"],
        "callback" => &["finish_reason", "logprobs", "annotations", "phase"],
        "transcript" | "image" => {
            &["dialect", "model", "id", "check", "finish_reason", "logprobs", "annotations", "phase"]
        }
        _ => &[],
    }
}

fn embeddings(value: &Value, path: &Path) -> Result<Vec<Vec<f64>>, ScriptError> {
    let vector = |value: &Value| -> Option<Vec<f64>> { value.as_array()?.iter().map(Value::as_f64).collect() };
    let items = value.as_array().map(Vec::as_slice).unwrap_or_default();
    match vector(value) {
        Some(one) => Ok(vec![one]),
        None => items
            .iter()
            .map(vector)
            .collect::<Option<_>>()
            .ok_or_else(|| path.error("expected numbers, or lists of numbers, not both")),
    }
}

/// The options of a responder.
fn options<T: DeserializeOwned>(value: &Value, path: &Path) -> Result<T, ScriptError> {
    let mut value = value.clone();
    if let Some(map) = value.as_object_mut() {
        map.remove(crate::script::shape::COMMENT);
    }
    serde_json::from_value(value).map_err(|error| path.error(error.to_string()))
}

fn overrides(keys: &Map<String, Value>, path: &Path) -> Result<Overrides, ScriptError> {
    let text = |key: &str| keys.get(key).and_then(Value::as_str).map(str::to_string);
    Ok(Overrides {
        usage: keys.get("usage").cloned(),
        model: text("model"),
        id: text("id"),
        headers: headers(keys.get("headers"), path)?,
        unchecked: keys.get("check") == Some(&Value::Bool(false)),
        dialect: keys.get("dialect").and_then(|name| serde_json::from_value(name.clone()).ok()),
        verbatim: None,
    })
}

/// The headers at `headers` of the object at `path`; names become lower-case.
fn headers(value: Option<&Value>, path: &Path) -> Result<Vec<(String, String)>, ScriptError> {
    let at = Path::Key(path, "headers");
    let mut headers = Vec::new();
    for (name, value) in value.and_then(Value::as_object).into_iter().flatten() {
        let value = value.as_str().unwrap_or_default();
        if HeaderName::from_bytes(name.as_bytes()).is_err() {
            return Err(Path::Key(&at, name).error("no header can have this name"));
        }
        if HeaderValue::from_str(value).is_err() {
            return Err(Path::Key(&at, name).error("a header's value is printable ASCII on one line"));
        }
        headers.push((name.to_ascii_lowercase(), value.to_string()));
    }
    Ok(headers)
}

/// An error: its message, or an object.
pub(super) fn error(value: &Value, path: &Path) -> Result<ErrorReply, ScriptError> {
    // A missing key is filled later; a null stays null.
    let text = |key: &str| value.get(key).map(|value| value.as_str().map(str::to_string));
    let code = value.get("code").and_then(Value::as_str).unwrap_or_default();
    let given = value.get("status").and_then(Value::as_u64).and_then(|status| u16::try_from(status).ok());
    Ok(ErrorReply {
        status: given.unwrap_or_else(|| status_of(code)),
        message: value.as_str().map(|message| Some(message.to_string())).or_else(|| text("message")),
        kind: text("type"),
        code: text("code"),
        param: text("param"),
        retry_after_ms: value.get("retry_after_ms").map(Value::as_u64),
        headers: headers(value.get("headers"), path)?,
    })
}

/// The status OpenAI sends with a code (real-traffic §3); 500 for others.
fn status_of(code: &str) -> u16 {
    match code {
        "invalid_api_key" | "account_deactivated" => 401,
        "unsupported_country_region_territory" => 403,
        "model_not_found" | "unknown_url" => 404,
        "insufficient_quota" | "rate_limit_exceeded" | "billing_hard_limit_reached" => 429,
        "context_length_exceeded"
        | "content_policy_violation"
        | "content_filter"
        | "string_above_max_length"
        | "invalid_type"
        | "invalid_value"
        | "missing_required_parameter"
        | "unknown_parameter"
        | "unsupported_parameter"
        | "unsupported_value" => 400,
        "server_is_overloaded" | "slow_down" => 503,
        _ => 500,
    }
}

fn raw(value: &Value, path: &Path) -> Result<Raw, ScriptError> {
    let forms: Vec<&str> =
        ["body", "sse", "chunks", "events"].into_iter().filter(|key| value.get(key).is_some()).collect();
    let items = |key: &str| value[key].as_array().map(Vec::as_slice).unwrap_or_default();
    let body = match forms.as_slice() {
        [] => RawBody::Empty,
        ["body"] => match &value["body"] {
            Value::String(text) => RawBody::Text(text.clone()),
            json => RawBody::Json(json.clone()),
        },
        ["sse"] => {
            let name = |event: &Value| event.get("event").and_then(Value::as_str).map(str::to_string);
            RawBody::Sse(items("sse").iter().map(|event| (name(event), event["data"].clone())).collect())
        }
        ["chunks"] => {
            let at = Path::Key(path, "chunks");
            let chunks = items("chunks").iter().enumerate();
            RawBody::Chunks(
                chunks.map(|(index, item)| chunk(item, &Path::Index(&at, index))).collect::<Result<_, _>>()?,
            )
        }
        ["events"] => RawBody::Events(items("events").to_vec()),
        [one, other, ..] => return Err(path.error(format!("{one} and {other} exclude each other"))),
        [_] => RawBody::Empty,
    };
    let status = value["status"].as_u64().and_then(|status| u16::try_from(status).ok()).unwrap_or(200);
    Ok(Raw { status, headers: headers(value.get("headers"), path)?, body })
}

fn chunk(value: &Value, path: &Path) -> Result<(u64, Vec<u8>), ScriptError> {
    let bytes = match (value["text"].as_str(), value["base64"].as_str()) {
        (Some(text), None) => text.as_bytes().to_vec(),
        (None, Some(text)) => bytes(text, &Path::Key(path, "base64"))?,
        _ => return Err(path.error("give one of text, base64")),
    };
    Ok((value["at_ms"].as_u64().unwrap_or(0), bytes))
}

/// A pace whose shape has been checked.
pub(super) fn pace(value: &Value, path: &Path) -> Result<Pace, ScriptError> {
    let range = |key: &str| match value.get(key) {
        None => Ok(None),
        Some(Value::Array(ends)) => match ends.iter().filter_map(Value::as_f64).collect::<Vec<_>>().as_slice() {
            [from, to] if from <= to => Ok(Some(Range(*from, *to))),
            _ => Err(Path::Key(path, key).error("a range is [min, max], min first")),
        },
        Some(one) => Ok(one.as_f64().map(|one| Range(one, one))),
    };
    let size = |value: &Value| value.as_u64().and_then(|size| usize::try_from(size).ok()).unwrap_or_default();
    Ok(Pace {
        ttft_ms: range("ttft_ms")?,
        tokens_per_second: value["tokens_per_second"].as_f64(),
        delay_ms: range("delay_ms")?,
        chunk: value.get("chunk").map(|chunk| match chunk {
            Value::Array(pieces) => Chunk::Exact(pieces.iter().filter_map(Value::as_str).map(str::to_string).collect()),
            Value::Object(chunk) => Chunk::Tokens(chunk.get("tokens").map(size).unwrap_or(1)),
            word => match word.as_str() {
                Some("word") => Chunk::Word,
                Some("char") => Chunk::Char,
                _ => Chunk::Tokens(1),
            },
        }),
        keep_alive_ms: value["keep_alive_ms"].as_f64(),
        hold: value.get("hold").map(|hold| Hold {
            after_chunks: size(&hold["after_chunks"]),
            until: hold["until"].as_str().unwrap_or_default().to_string(),
        }),
    })
}

/// A fault whose shape has been checked.
pub(super) fn fault(value: &Value, path: &Path) -> Result<Fault, ScriptError> {
    let kind = value["kind"].as_str().unwrap_or_default();
    for (key, goes_with) in [("error", "error"), ("stall_ms", "stall")] {
        if value.get(key).is_some() && kind != goes_with {
            return Err(Path::Key(path, key).error(format!("goes with kind {goes_with}, not {kind}")));
        }
    }
    let at = match &value["at"] {
        Value::String(word) if word == "connect" => At::Connect,
        Value::String(_) => At::Headers,
        number => At::Deltas(number.as_u64().and_then(|number| usize::try_from(number).ok()).unwrap_or(0)),
    };
    let kind = match kind {
        "disconnect" => FaultKind::Disconnect,
        "close" => FaultKind::Close,
        "stall" => FaultKind::Stall(value["stall_ms"].as_u64()),
        "malformed" => FaultKind::Malformed,
        _ => FaultKind::Error(Box::new(error(value.get("error").unwrap_or(&Value::Null), &Path::Key(path, "error"))?)),
    };
    Ok(Fault { at, kind })
}
