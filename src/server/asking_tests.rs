//! Requests as an operation's types allow them, and as they do not; what they need is made first.

use super::tests::{Got, exchange, request, start};
use crate::api::{self, ServiceLevel};
use crate::emulator::Emulator;
use crate::generate::picture::{self, Motif, PictureFormat};
use crate::generate::sound;
use crate::generate::typed::TypedMaker;
use crate::random::Random;
use crate::surface::operations::{Form, all};
use crate::surface::{self, Operation};
use crate::wire::value::Holds;
use serde_json::{Map, Value, json};
use std::sync::Arc;

pub(super) const KEY: &str = "sk-answers";

/// One request as it is sent.
pub(super) struct Requested {
    bytes: Vec<u8>,
    /// For messages.
    pub said: String,
}

/// Asks one emulator.
pub(super) struct Asking {
    emulator: Arc<Emulator>,
}

/// The smallest offer of WebRTC.
const OFFER: &str = "v=0\no=- 1 2 IN IP4 127.0.0.1\ns=-\nt=0 0\nm=audio 9 UDP/TLS/RTP/SAVPF 111\na=mid:0";

/// What types do not say of bodies, by operation.
fn given(operation: &str) -> Value {
    let user = json!([{"role": "user", "content": "x"}]);
    match operation {
        "audio.speech.create" => json!({"model": "tts-1", "voice": "alloy", "input": "x"}),
        "audio.transcriptions.create" | "audio.translations.create" => json!({"model": "whisper-1"}),
        "chat.completions.create" => json!({"model": "gpt-4o", "messages": user}),
        "completions.create" => json!({"model": "gpt-3.5-turbo-instruct", "prompt": "x"}),
        "embeddings.create" => json!({"model": "text-embedding-3-small", "input": "x"}),
        "moderations.create" => json!({"model": "omni-moderation-latest", "input": "x"}),
        "images.generate" | "images.edit" => json!({"model": "gpt-image-1", "prompt": "a cat"}),
        "images.create_variation" => json!({"model": "dall-e-2"}),
        "responses.create" | "responses.compact" | "responses.input_tokens.count" => {
            json!({"model": "gpt-4o", "input": "x"})
        }
        "files.create" => json!({"purpose": "batch"}),
        "chat.completions.update" | "conversations.update" => json!({"metadata": {"a": "b"}}),
        "beta.assistants.create" => json!({"model": "gpt-4o", "instructions": "Be kind."}),
        "beta.threads.create" => json!({"messages": user}),
        "beta.threads.create_and_run" => json!({"model": "gpt-4o", "thread": {"messages": user}}),
        "uploads.create" => {
            json!({"purpose": "assistants", "filename": "a.txt", "bytes": 3, "mime_type": "text/plain"})
        }
        "skills.create" | "skills.versions.create" => json!({"files": ["x"]}),
        "realtime.calls.create" => json!({"sdp": OFFER}),
        "live.create" | "live.sessions.fork" => json!({"transport": {"sdp": OFFER, "type": "webrtc"}}),
        "beta.threads.messages.create" => json!({"role": "user", "content": "x"}),
        "conversations.items.create" => json!({"items": [{"type": "message", "role": "user", "content": "x"}]}),
        _ => json!({"model": "gpt-4o"}),
    }
}

/// What a parameter's ids look like, where nothing can be made.
const IDS: &[(&str, &str)] = &[
    ("assistant_id", "asst_a"),
    ("batch_id", "batch_a"),
    ("completion_id", "chatcmpl-a"),
    ("container_id", "cntr_a"),
    ("conversation_id", "conv_a"),
    ("eval_id", "eval_a"),
    ("file_id", "file-a"),
    ("fine_tuning_job_id", "ftjob-a"),
    ("message_id", "msg_a"),
    ("model", "gpt-4o"),
    ("response_id", "resp_a"),
    ("run_id", "run_a"),
    ("skill_id", "skill_a"),
    ("step_id", "step_a"),
    ("thread_id", "thread_a"),
    ("upload_id", "upload_a"),
    ("vector_store_id", "vs_a"),
    ("video_id", "video_a"),
];

/// An id in the form of what a parameter of a path names.
pub(super) fn example(param: &str) -> &'static str {
    let param = param.trim_start_matches('*');
    IDS.iter().find(|(known, _)| *known == param).map_or("some_id", |(_, id)| id)
}

impl Requested {
    /// The same with another header.
    pub(super) fn with(&self, header: &str) -> Self {
        let line = self.bytes.windows(2).position(|two| two == b"\r\n").expect("a first line") + 2;
        let (first, rest) = self.bytes.split_at(line);
        Requested { bytes: [first, header.as_bytes(), b"\r\n", rest].concat(), said: self.said.clone() }
    }

    /// The same at a path below another beginning than `/v1`, with this in its query too.
    pub(super) fn below(&self, beginning: &str, query: &str) -> Self {
        let end = self.bytes.windows(2).position(|two| two == b"\r\n").expect("a first line");
        let line = String::from_utf8(self.bytes[..end].to_vec()).expect("text");
        let mut words = line.split(' ');
        let (method, path) = (words.next().unwrap_or_default(), words.next().unwrap_or_default());
        let sign = if path.contains('?') { '&' } else { '?' };
        let path = format!("{beginning}{}{sign}{query}", path.trim_start_matches("/v1"));
        let line = format!("{method} {path} HTTP/1.1");
        Requested { bytes: [line.as_bytes(), &self.bytes[end..]].concat(), said: self.said.clone() }
    }
}

impl Asking {
    pub(super) fn start() -> Self {
        Asking::of(start(json!({"clock": "instant", "fallback": "generate", "unknownIds": "synthesize"})))
    }

    pub(super) fn of(emulator: Arc<Emulator>) -> Self {
        Asking { emulator }
    }

    pub(super) fn send(&self, requested: &Requested) -> Got {
        exchange(&self.emulator, &requested.bytes).expect("an answer")
    }

    /// The answer, if there is any.
    pub(super) fn ask(&self, requested: &Requested) -> Option<Got> {
        exchange(&self.emulator, &requested.bytes)
    }

    /// Loads rules in place of those there are.
    pub(super) fn script(&self, rules: &Value) -> Got {
        let script = json!({"reset": true, "rules": rules}).to_string();
        self.post("/_emulator/script", "application/json", script.as_bytes())
    }

    pub(super) fn post(&self, path: &str, media: &str, body: &[u8]) -> Got {
        self.send(&sealed("POST", path, media, body, String::new()))
    }

    pub(super) fn get(&self, path: &str) -> Got {
        self.send(&sealed("GET", path, "application/json", b"", String::new()))
    }

    /// How much is stored under the key.
    pub(super) fn kept(&self) -> usize {
        let session = self.emulator.session(KEY);
        crate::runtime::handle().block_on(async { session.store.size().await })
    }

    /// The names under which something is stored.
    pub(super) fn names(&self) -> Vec<String> {
        let session = self.emulator.session(KEY);
        crate::runtime::handle().block_on(async { session.store.names().await })
    }

    /// Uploads a file.
    pub(super) fn file(&self, purpose: &str, name: &str, content: &[u8]) -> String {
        let mut body = format!(
            "--b\r\ncontent-disposition: form-data; name=\"purpose\"\r\n\r\n{purpose}\r\n--b\r\n\
             content-disposition: form-data; name=\"file\"; filename=\"{name}\"\r\n\r\n"
        )
        .into_bytes();
        body.extend_from_slice(content);
        body.extend_from_slice(b"\r\n--b--\r\n");
        let got = self.post("/v1/files", "multipart/form-data; boundary=b", &body);
        assert_eq!(got.status, 200, "{}", got.text());
        got.json()["id"].as_str().expect("an id").to_string()
    }

    /// A request that the types of an operation allow; what its path names is there, if it can be made.
    pub(super) fn valid(&self, operation: &Operation) -> Requested {
        self.requested(operation, &self.body(operation))
    }

    /// The same with other fields.
    pub(super) fn changed(&self, operation: &Operation, fields: &Value) -> Requested {
        let mut body = self.body(operation);
        for (name, value) in fields.members() {
            body[name] = value.clone();
        }
        self.requested(operation, &body)
    }

    /// What an operation answers that is asked at a path with nothing said.
    pub(super) fn plain(&self, operation: &Operation, path: &str) -> Got {
        let empty = if operation.body.is_some() { json!({}) } else { Value::Null };
        self.send(&framed(operation, path, &empty))
    }

    /// What an operation answers that is asked at a path with a valid body.
    pub(super) fn at(&self, operation: &Operation, path: &str) -> Got {
        self.send(&framed(operation, path, &self.body(operation)))
    }

    /// Makes an object of the collection at this path; what it is made of has other ids and names for each number.
    pub(super) fn create_at(&self, create: &Operation, path: &str, number: usize) -> Got {
        let mut body = self.body(create);
        for (name, value) in body.as_object_mut().into_iter().flatten() {
            if value.is_string() && (name.ends_with("_id") || name == "path") && name != "file_id" {
                *value = json!(format!("x_{number}"));
            }
        }
        self.send(&framed(create, path, &body))
    }

    /// The same, streamed.
    pub(super) fn streamed(&self, operation: &Operation) -> Requested {
        if operation.body.is_none() {
            return framed(operation, &format!("{}?stream=true", self.path(operation)), &Value::Null);
        }
        let mut body = self.body(operation);
        body["stream"] = json!(true);
        // Of sound only the newer models speak in events.
        match operation.name {
            "audio.speech.create" => (body["model"], body["stream_format"]) = (json!("gpt-4o-mini-tts"), json!("sse")),
            "audio.transcriptions.create" => body["model"] = json!("gpt-4o-transcribe"),
            _ => {}
        }
        if operation.name == "audio.speech.create" {
            body.as_object_mut().map(|body| body.shift_remove("stream"));
        }
        self.requested(operation, &body)
    }

    fn body(&self, operation: &Operation) -> Value {
        let Some(name) = operation.body else { return Value::Null };
        let mut given = given(operation.name);
        let schema = surface::schema(name);
        let asks = |field: &str| schema["properties"].get(field).is_some();
        for field in ["file_id", "input_file_id", "training_file"] {
            if asks(field) {
                given[field] = json!(self.file("assistants", "a.txt", b"some words"));
            }
        }
        if asks("assistant_id") {
            given["assistant_id"] = json!(self.made("/assistants", "asst_a"));
        }
        let mut random = Random::new(7);
        TypedMaker { random: &mut random, now: 1_767_225_600 }.value(name, &given)
    }

    /// The id of a new object of a collection.
    fn made(&self, collection: &str, otherwise: &str) -> String {
        let create = all().iter().find(|one| {
            one.method == "POST"
                && one.path == collection
                && one.variant.is_none()
                && !one.name.contains(".admin_api_keys")
        });
        let served = create.filter(|one| api::level(one) != ServiceLevel::NotServed && !one.name.ends_with(".compact"));
        let Some(create) = served else { return otherwise.to_string() };
        let mut body = self.body(create);
        match create.name {
            "chat.completions.create" => body["store"] = json!(true),
            // Only what runs in the background can be cancelled.
            "responses.create" => body["background"] = json!(true),
            _ => {}
        }
        let got = self.send(&self.requested(create, &body));
        let id = (got.status == 200).then(|| {
            let made = got.json();
            // A live session stands beside its transport.
            made["id"].as_str().or_else(|| made["session"]["id"].as_str()).map(String::from)
        });
        let id = id.flatten();
        id.unwrap_or_else(|| otherwise.to_string())
    }

    /// A path with the id of something that is there in each gap.
    pub(super) fn path(&self, operation: &Operation) -> String {
        let (mut out, mut outer) = (String::new(), String::new());
        for segment in operation.path.split('/').skip(1) {
            match segment.strip_prefix('{').and_then(|name| name.strip_suffix('}')) {
                None => out = format!("{out}/{segment}"),
                Some(name) => {
                    let id = self.made_at(&outer, &out, example(name));
                    out = format!("{out}/{id}");
                }
            }
            outer = format!("{outer}/{segment}");
        }
        format!("/v1{out}")
    }

    /// As [`Asking::made`], in a collection whose own path is filled already.
    fn made_at(&self, collection: &str, filled: &str, otherwise: &str) -> String {
        if !filled.contains("_id") && !collection.contains('{') {
            return self.made(collection, otherwise);
        }
        let create = all().iter().find(|one| one.method == "POST" && one.path == collection && one.variant.is_none());
        let Some(create) = create.filter(|one| api::level(one) != ServiceLevel::NotServed) else {
            return otherwise.to_string();
        };
        let got = self.send(&framed(create, &format!("/v1{filled}"), &self.body(create)));
        if got.status != 200 {
            return otherwise.to_string();
        }
        let made = got.json();
        let first = made["data"].get(0).unwrap_or(&made);
        first["id"].as_str().unwrap_or(otherwise).to_string()
    }

    fn requested(&self, operation: &Operation, body: &Value) -> Requested {
        let mut path = self.path(operation);
        let asked = operation.query.map(surface::schema);
        let required = asked.as_ref().and_then(|schema| schema["required"].as_array().cloned()).unwrap_or_default();
        for (at, name) in required.iter().filter_map(Value::as_str).enumerate() {
            let is_number = asked.as_ref().is_some_and(|schema| schema["properties"][name]["type"] == "integer");
            let value = if is_number { "1767225600" } else { "x" };
            path = format!("{path}{}{name}={value}", if at == 0 { '?' } else { '&' });
        }
        framed(operation, &path, body)
    }

    /// Requests whose query the types of an operation forbid, each with what is wrong.
    pub(super) fn odd_queries(&self, operation: &Operation) -> Vec<(String, Requested)> {
        let Some(name) = operation.query else { return Vec::new() };
        let (path, body) = (self.path(operation), self.body(operation));
        let properties = surface::schema(name)["properties"].as_object().cloned().unwrap_or_default();
        let odd = properties.into_iter().filter(|(_, kind)| kind["type"] == "integer" || kind["enum"].is_array());
        let query = |field: &str| framed(operation, &format!("{path}?{field}=zzz_bogus"), &body);
        odd.map(|(field, _)| (format!("{field}=zzz_bogus"), query(&field))).collect()
    }

    /// Requests that the types of an operation forbid, each with what is wrong.
    pub(super) fn invalid(&self, operation: &Operation) -> Vec<(String, Requested)> {
        let Some(name) = operation.body else { return Vec::new() };
        let least = self.body(operation);
        let path = self.path(operation);
        let forbidden = |body: &Value| !surface::faults(name, body).is_empty();
        let mut out = Vec::new();
        let is_form = matches!(operation.form, Some(Form::Form | Form::JsonOrForm));
        for (field, property) in surface::schema(name)["properties"].members() {
            let wrongs = [("an object", json!({"wrong": [1]})), ("a number", json!(7)), ("a word", json!("zzz_bogus"))];
            for (what, wrong) in wrongs {
                let mut body = least.clone();
                body[field] = wrong;
                // A form's texts may be anything, one alone is a list of it, and a field stands for what is inside.
                let list = property["type"] == "array" || property["items"].is_object();
                let text = is_form && (is_file(property) || what != "a word" || list);
                if forbidden(&body) && !text && !is_taken(operation, field) {
                    out.push((format!("{field}: {what}"), framed(operation, &path, &body)));
                }
            }
            let mut body = least.clone();
            if let Some(fields) = body.as_object_mut() {
                fields.shift_remove(field);
            }
            if forbidden(&body) && !is_taken(operation, field) {
                out.push((format!("{field}: missing"), framed(operation, &path, &body)));
            }
        }
        if operation.form == Some(Form::Json) {
            out.push(("a list".into(), sealed(operation.method, &path, "application/json", b"[1]", String::new())));
            out.push(("no JSON".into(), sealed(operation.method, &path, "application/json", b"{", String::new())));
        }
        out
    }
}

/// What is taken although types forbid it, as deviations.md says.
fn is_taken(operation: &Operation, field: &str) -> bool {
    const TAKEN: &[(&str, &str)] = &[
        // Production completes the beginning of a text then.
        ("completions.create", "prompt"),
        // A recording shows 16 accepted.
        ("beta.threads.create_and_run", "max_completion_tokens"),
        ("beta.threads.runs.create", "max_completion_tokens"),
    ];
    TAKEN.contains(&(operation.name, field))
}

fn is_file(schema: &Value) -> bool {
    schema["format"] == "binary"
        || schema["items"]["format"] == "binary"
        || schema["anyOf"].as_array().is_some_and(|members| members.iter().any(is_file))
}

/// The bytes of a file that a field takes.
fn content(operation: &Operation) -> (&'static str, Vec<u8>) {
    if operation.name.starts_with("images.") || operation.name.starts_with("videos.") {
        let motif = Motif { width: 64, height: 64, text: "x".into(), transparent: true, seed: 1 };
        return ("a.png", picture::file(&motif, PictureFormat::Png, 90, 1.0).expect("a picture"));
    }
    match operation.name.split('.').next() {
        Some("audio") => ("a.wav", sound::speech("one two", "wav", 1.0).expect("sound")),
        Some("files") => ("a.jsonl", b"{}".to_vec()),
        Some("skills") => ("SKILL.md", b"---\nname: a\ndescription: b\n---\n".to_vec()),
        _ => ("a.txt", b"abc".to_vec()),
    }
}

fn framed(operation: &Operation, path: &str, body: &Value) -> Requested {
    let said = format!("{} {path} {body}", operation.method);
    match operation.form {
        None => sealed(operation.method, path, "application/json", b"", said),
        Some(Form::Json) => sealed(operation.method, path, "application/json", body.to_string().as_bytes(), said),
        Some(Form::JsonOrForm | Form::Form) => {
            let empty = Map::new();
            let schema = operation.body.map(surface::schema);
            let mut out = Vec::new();
            for (name, value) in body.as_object().unwrap_or(&empty) {
                let property = schema.as_ref().map_or(&Value::Null, |schema| &schema["properties"][name]);
                part(operation, name, value, property, &mut out);
            }
            out.extend_from_slice(b"--b--\r\n");
            sealed(operation.method, path, "multipart/form-data; boundary=b", &out, said)
        }
    }
}

fn part(operation: &Operation, name: &str, value: &Value, property: &Value, out: &mut Vec<u8>) {
    let head = |more: &str| format!("--b\r\ncontent-disposition: form-data; name=\"{name}\"{more}\r\n\r\n");
    match value {
        _ if is_file(property) => {
            let (filename, content) = content(operation);
            let media = if filename.ends_with("png") { "image/png" } else { "application/octet-stream" };
            let more = format!("; filename=\"{filename}\"\r\ncontent-type: {media}");
            out.extend_from_slice(head(&more).as_bytes());
            out.extend_from_slice(&content);
            out.extend_from_slice(b"\r\n");
        }
        Value::Object(fields) => {
            for (inner, value) in fields {
                part(operation, &format!("{name}[{inner}]"), value, &Value::Null, out);
            }
        }
        Value::Array(items) => {
            for item in items {
                part(operation, &format!("{name}[]"), item, &Value::Null, out);
            }
        }
        Value::String(text) => out.extend_from_slice(format!("{}{text}\r\n", head("")).as_bytes()),
        other => out.extend_from_slice(format!("{}{other}\r\n", head("")).as_bytes()),
    }
}

fn sealed(method: &str, path: &str, media: &str, body: &[u8], said: String) -> Requested {
    let head = String::from_utf8(request(method, path, KEY, "", &[])).expect("text");
    let head = head.replace("application/json", media).replace("length: 0", &format!("length: {}", body.len()));
    Requested { bytes: [head.as_bytes(), body].concat(), said }
}
