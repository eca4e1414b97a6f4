//! One answer of a queue: a body as it is, or a Reply.

use crate::bounds::WAIT_MS;
use crate::near;
use crate::reply::pace::Range;
use crate::reply::{Finish, RawBody, Reply, Say, THOUGHTS, Verbatim};
use crate::script::{self, Origin, ScriptError};
use crate::wire::value::Holds;
use serde::Deserialize;
use serde_json::{Map, Value, json};
use std::sync::Arc;
use std::time::Duration;

/// Keys of an item that may be sent.
const KEYS: &[&str] = &["response", "reply", "status_code", "headers", "delay_ms", "pace", "fill", "times"];

/// Those that a Reply has too.
const BESIDE: &[&str] = &["headers", "pace"];

/// An answer that waits.
#[derive(Debug, Clone)]
pub(crate) struct Preset {
    pub(crate) id: String,
    /// When it was made, since 1970.
    created: Duration,
    /// As sent, checked.
    keys: Map<String, Value>,
    reply: Arc<Reply>,
    /// What a verbatim body means, for who asks for a stream or wants it filled.
    meant: Option<Arc<Reply>>,
    /// Uses left; `None` = without end.
    left: Option<u64>,
    pub(crate) size: usize,
    /// Its place in its queue: see [`super::kept`].
    pub(super) rank: u64,
}

/// An answer that was taken.
#[derive(Debug, Clone)]
pub(crate) struct PresetUse {
    pub(crate) reply: Arc<Reply>,
    pub(crate) meant: Option<Arc<Reply>>,
    pub(crate) fill: bool,
    /// As events tell it.
    pub(crate) response: Value,
    pub(crate) status: u16,
}

impl Preset {
    /// Reads one; `id` and `created_at` of an export are read over.
    ///
    /// # Errors
    /// What is wrong, where, and what would be right.
    pub(crate) fn read(mut keys: Map<String, Value>, id: String, created: Duration) -> Result<Preset, String> {
        for key in ["id", "created_at"] {
            keys.shift_remove(key);
        }
        keys.retain(|_, value| !value.is_null());
        if let Some(key) = keys.keys().find(|key| !KEYS.contains(&key.as_str())) {
            let meant = near::meant(key, KEYS);
            return Err(format!(
                "{key}: an item has no such key{meant} It has response or reply, and {}",
                KEYS[2..].join(", ")
            ));
        }
        let status = match keys.get("status_code") {
            None => 200,
            Some(status) => status
                .as_u64()
                .filter(|status| (200..600).contains(status))
                .and_then(|status| u16::try_from(status).ok())
                .ok_or("status_code: expected an HTTP status from 200 to 599")?,
        };
        let fill = match keys.get("fill") {
            None => false,
            Some(fill) => fill.as_bool().ok_or("fill: expected true or false")?,
        };
        let left = match keys.get("times") {
            None => Some(1),
            Some(Value::String(word)) if word == "unlimited" => None,
            Some(times) => match times.as_u64().filter(|times| *times > 0) {
                Some(times) => Some(times),
                None => return Err("times: expected a number from 1, or \"unlimited\"".into()),
            },
        };
        let delay = match keys.get("delay_ms") {
            None => None,
            Some(delay) => match delay.as_f64().filter(|delay| WAIT_MS.hold(*delay)) {
                Some(delay) => Some(Range(delay, delay)),
                None => return Err(format!("delay_ms: expected milliseconds from 0 to {}", WAIT_MS.to)),
            },
        };
        let beside = |body: Value| {
            let mut reply =
                body.as_object().cloned().unwrap_or_else(|| Map::from_iter([("text".into(), body.clone())]));
            reply.extend(BESIDE.iter().filter_map(|key| Some((key.to_string(), keys.get(*key)?.clone()))));
            read(&reply.into(), "reply", &keys)
        };
        let (mut reply, mut meant) = match (keys.get("response"), keys.get("reply")) {
            (Some(response @ Value::Object(_)), None) => {
                let headers = keys.get("headers").cloned().unwrap_or_else(|| json!({}));
                let mut raw = json!({"raw": {"status": status, "headers": headers}});
                if let Some(pace) = keys.get("pace") {
                    raw["pace"] = pace.clone();
                }
                let mut reply = read(&raw, "response", &keys)?;
                if let Say::Raw(raw) = &mut reply.say {
                    raw.body = RawBody::Json(response.clone());
                }
                let mut meant = meaning(response).filter(|_| status < 300).and_then(|meaning| beside(meaning).ok());
                if let Some(meant) = &mut meant {
                    meant.overrides.verbatim = Some(Arc::new(Verbatim { status, body: response.clone() }));
                }
                (reply, meant)
            }
            (Some(_), None) => return Err("response: expected an object, the body to answer with".into()),
            (None, Some(_)) if keys.contains_key("status_code") => {
                return Err("status_code: goes with response; a reply has error or raw for it".into());
            }
            (None, Some(reply)) => (beside(reply.clone())?, None),
            (None, None) => return Err("response: missing; give response (a body) or reply (a Reply)".into()),
            (Some(_), Some(_)) => return Err("reply: response and reply exclude each other".into()),
        };
        if fill && meant.is_none() {
            return Err("fill: only the body of a chat completion or a response can be filled".into());
        }
        for reply in [Some(&mut reply), meant.as_mut()].into_iter().flatten() {
            if delay.is_some() {
                reply.pace.ttft_ms = delay;
            }
        }
        let size = Value::from(keys.clone()).to_string().len();
        Ok(Preset { id, created, keys, reply: Arc::new(reply), meant: meant.map(Arc::new), left, size, rank: 0 })
    }

    /// Uses it once.
    pub(super) fn take(&mut self) -> PresetUse {
        self.left = self.left.map(|left| left.saturating_sub(1));
        let response = self.keys.get("response").or_else(|| self.keys.get("reply")).cloned().unwrap_or_default();
        let status = self.keys.get("status_code").and_then(Value::as_u64).and_then(|status| u16::try_from(status).ok());
        PresetUse {
            reply: self.reply.clone(),
            meant: self.meant.clone(),
            fill: self.keys.get("fill") == Some(&Value::Bool(true)),
            response,
            status: status.unwrap_or(200),
        }
    }

    /// As the answer it is, with its status; what it means, where a stream is asked.
    pub(crate) fn spend(mut self, stream: bool) -> (Reply, u16) {
        let used = self.take();
        let reply = used.meant.filter(|_| stream).unwrap_or(used.reply);
        (Arc::unwrap_or_clone(reply), used.status)
    }

    /// When it was made, since 1970.
    pub(super) fn created(&self) -> Duration {
        self.created
    }

    pub(super) fn is_over(&self) -> bool {
        self.left == Some(0)
    }

    /// With these keys changed; null drops one.
    pub(super) fn changed(&self, given: Map<String, Value>) -> Result<Preset, String> {
        let mut keys = self.now();
        for (one, other) in [("response", "reply"), ("reply", "response")] {
            if given.get(one).is_some_and(|value| !value.is_null()) {
                keys.shift_remove(other);
            }
        }
        if given.contains_key("reply") {
            keys.shift_remove("status_code");
            keys.shift_remove("fill");
        }
        keys.extend(given);
        Preset::read(keys, self.id.clone(), self.created)
    }

    pub(super) fn copied(&self, id: String, created: Duration) -> Preset {
        Preset { id, created, ..self.clone() }
    }

    /// Its keys, with the uses that are left.
    pub(super) fn now(&self) -> Map<String, Value> {
        let mut keys = self.keys.clone();
        if let (Some(left), Some(times)) = (self.left, keys.get_mut("times")) {
            *times = left.into();
        }
        keys
    }

    /// How often it may still answer; `None` = without end.
    pub(super) fn left(&self) -> Option<u64> {
        self.left
    }

    /// As it is shown and exported.
    pub(crate) fn to_json(&self) -> Value {
        let mut shown = Map::from_iter([("id".to_string(), Value::from(self.id.as_str()))]);
        shown.extend(self.now());
        if shown.contains_key("response") {
            shown.entry("status_code").or_insert(200.into());
        }
        shown.insert("created_at".into(), self.created.as_secs_f64().into());
        shown.into()
    }
}

/// What a reply of a script may be that is no answer by itself, and what goes beside one.
const NO_ANSWERS: &[&str] = &[
    "echo",
    "generate",
    "replay",
    "manual",
    "upstream",
    "embedding",
    "transcript",
    "moderation",
    "object",
    "image",
    "fault",
    "pace",
];

/// Reads a reply that answers by itself, whoever asks for text.
///
/// # Errors
/// It is none, or names another responder, or answers something else.
pub(crate) fn answer(reply: &Value, place: &str) -> Result<Reply, ScriptError> {
    let read = answer_or_name(reply, place)?;
    match read.say {
        Say::Ask(_) => Err(no_answer(reply, place)),
        _ => Ok(read),
    }
}

/// Reads a reply that answers whoever asks for text, or names who does.
fn answer_or_name(reply: &Value, place: &str) -> Result<Reply, ScriptError> {
    let read = script::reply(reply, place, Origin::Http)?;
    match read.say {
        Say::Choices(_) | Say::Error(_) | Say::Raw(_) | Say::Ask(_) => Ok(read),
        _ => Err(no_answer(reply, place)),
    }
}

fn no_answer(reply: &Value, place: &str) -> ScriptError {
    let kind = NO_ANSWERS.iter().find(|kind| reply.get(**kind).is_some());
    ScriptError {
        path: kind.map_or_else(|| place.into(), |kind| format!("{place}.{kind}")),
        message: "no answer by itself: expected text, tool_calls, json, refusal, output, choices, error or raw".into(),
    }
}

/// Reads the reply of an item; `beside` = of its keys, those that are written beside it.
fn read(reply: &Value, place: &str, beside: &Map<String, Value>) -> Result<Reply, String> {
    answer_or_name(reply, place).map_err(|error| {
        let below = |within: &str| error.path.strip_prefix(place)?.strip_prefix(within);
        let own = |path: &&str| BESIDE.iter().any(|key| path.starts_with(key) && beside.contains_key(*key));
        let path = [".", ".raw."].into_iter().filter_map(below).find(own).unwrap_or(&error.path);
        format!("{path}: {}", error.message)
    })
}

/// The Reply that a verbatim body of chat, of completions or of Responses means.
fn meaning(body: &Value) -> Option<Value> {
    let mut reply = match (&body["choices"], &body["output"]) {
        (Value::Array(choices), _) if !choices.is_empty() => {
            json!({"choices": choices.iter().map(choice).collect::<Option<Vec<_>>>()?})
        }
        (_, Value::Array(output)) if !output.is_empty() => match body["incomplete_details"]["reason"].as_str() {
            Some("max_output_tokens") => json!({"output": output, "finish_reason": "length"}),
            Some(reason) => json!({"output": output, "finish_reason": reason}),
            None => json!({"output": output}),
        },
        _ => return None,
    };
    for key in ["id", "model", "usage"] {
        if let Some(value) = body.get(key).filter(|value| !value.is_null()) {
            reply[key] = value.clone();
        }
    }
    reply["check"] = false.into();
    // Token counts in forms that no overriding takes are counted anew.
    if script::reply(&reply, "response", Origin::Http).is_err() {
        reply.as_object_mut()?.shift_remove("usage");
    }
    Some(reply)
}

/// An annotation of chat in the form of Responses.
fn flat(annotation: &Value) -> Option<Value> {
    let kind = annotation["type"].as_str()?;
    let mut flat = Map::from_iter([("type".to_string(), kind.into())]);
    flat.extend(annotation[kind].as_object()?.clone());
    Some(flat.into())
}

fn choice(choice: &Value) -> Option<Value> {
    // Of completions the text is the choice's own.
    let message = choice.get("message").cloned().or_else(|| Some(json!({"content": choice["text"].as_str()?})))?;
    let mut said = Map::new();
    let thought = THOUGHTS.into_iter().find_map(|name| message[name].as_str());
    if let Some(thought) = thought.filter(|thought| !thought.is_empty()) {
        said.insert("reasoning".into(), thought.into());
    }
    match (&message["refusal"], &message["content"]) {
        (Value::String(refusal), _) => drop(said.insert("refusal".into(), refusal.as_str().into())),
        (_, Value::String(text)) => drop(said.insert("text".into(), text.as_str().into())),
        (_, Value::Array(parts)) => {
            let text: String = parts.iter().filter_map(|part| part["text"].as_str()).collect();
            said.insert("text".into(), text.into());
        }
        _ => {}
    }
    if let Some(calls) = message["tool_calls"].as_array() {
        let call = |call: &Value| {
            let call = call.as_object()?;
            Some(
                call.iter()
                    .filter(|(key, _)| *key != "index")
                    .map(|(key, value)| (key.clone(), value.clone()))
                    .collect(),
            )
        };
        said.insert("tool_calls".into(), calls.iter().map(call).collect::<Option<Vec<Value>>>()?.into());
    }
    if message["function_call"].is_object() {
        let call = json!({"type": "function", "function": message["function_call"]});
        said.entry("tool_calls").or_insert(json!([call]));
    }
    if said.keys().all(|key| key == "reasoning") {
        said.insert("text".into(), "".into());
    }
    let annotations: Vec<Value> = message["annotations"].elements().filter_map(flat).collect();
    if !annotations.is_empty() && (said.contains_key("text") || said.contains_key("refusal")) {
        said.insert("annotations".into(), annotations.into());
    }
    // Others are shown as they are, where choices have them.
    let finish = &choice["finish_reason"];
    if finish.is_string() && Finish::deserialize(finish).is_ok() {
        said.insert("finish_reason".into(), finish.clone());
    }
    Some(said.into())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn item(keys: Value) -> Result<Preset, String> {
        Preset::read(keys.as_object().expect("an object").clone(), "id".into(), Duration::ZERO)
    }

    #[test]
    fn what_is_no_item_is_told_what_would_be_right() {
        for (keys, why) in [
            (json!({}), "response: missing"),
            (json!({"response": "x"}), "response: expected an object"),
            (json!({"response": {}, "reply": "x"}), "exclude each other"),
            (json!({"response": {}, "status_code": 99}), "status_code: expected"),
            (json!({"response": {}, "status_code": "200"}), "status_code: expected"),
            (json!({"response": {}, "times": 0}), "times: expected"),
            (json!({"response": {}, "delay_ms": -1}), "delay_ms: expected"),
            (json!({"response": {}, "fill": true}), "fill: only the body"),
            (json!({"response": {}, "headers": {"a b": "c"}}), "headers["),
            (json!({"response": {}, "headers": {"x": 1}}), "headers.x: "),
            (json!({"response": {}, "pace": {"speed": 1}}), "pace.speed: "),
            (json!({"reply": "x", "pace": {"speed": 1}}), "pace.speed: "),
            (json!({"reply": {"text": "x", "pace": {"speed": 1}}}), "reply.pace.speed: "),
            (json!({"reply": {"text": 1}}), "reply.text"),
            (json!({"reply": "x", "status_code": 500}), "goes with response"),
            (json!({"reply": {"callback": 1}}), "reply"),
            (json!({"respnse": {}}), "did you mean \"response\"?"),
        ] {
            let refusal = item(keys.clone()).expect_err("no item");
            // A place is where it begins.
            let told = if why.ends_with(": ") { refusal.starts_with(why) } else { refusal.contains(why) };
            assert!(told, "{keys}: {refusal}");
        }
    }

    /// What nothing could be answered with is refused when it is added, not when it is used.
    #[test]
    fn a_reply_that_a_queue_cannot_give_is_none() {
        for (kind, reply) in [
            ("object", json!({"object": {"a": 1}})),
            ("embedding", json!({"embedding": [1]})),
            ("fault", json!({"fault": {"kind": "disconnect"}})),
            ("pace", json!({"pace": {"chunk": "word"}})),
        ] {
            let refusal = item(json!({"reply": reply})).expect_err("no item");
            assert!(refusal.starts_with(&format!("reply.{kind}: no answer by itself: expected text")), "{refusal}");
        }
        for reply in [
            json!({"text": "a", "fault": {"kind": "disconnect"}}),
            json!({"error": {"status": 429}}),
            json!({"raw": {"body": {}}}),
            json!({"output": [{"type": "message", "content": "a"}]}),
        ] {
            item(json!({"reply": reply})).expect("an item");
            answer(&reply, "reply").expect("an answer");
        }
        // A queue may say who answers; who answers by hand may not.
        for (kind, reply) in [
            ("echo", json!({"echo": true})),
            ("generate", json!({"generate": {}})),
            ("manual", json!({"manual": {"timeout_ms": 5}})),
            ("upstream", json!({"upstream": true})),
            ("replay", json!({"replay": true})),
        ] {
            item(json!({"reply": reply, "delay_ms": 3})).expect("an item");
            assert_eq!(answer(&reply, "reply").expect_err("no answer").path, format!("reply.{kind}"));
        }
    }

    #[test]
    fn a_chat_completion_means_a_reply() {
        let body = json!({"id": "x", "usage": {"prompt_tokens": 1, "odd": {}}, "choices": [
            {"message": {"role": "assistant", "content": null, "tool_calls": [
                {"index": 0, "id": "call_1", "type": "function", "function": {"name": "f", "arguments": "{}"}}]},
             "finish_reason": "tool_calls"},
        ]});
        let one = item(json!({"response": body})).expect("an item");
        assert!(one.meant.is_some() && matches!(one.reply.say, Say::Raw(_)));
        assert!(item(json!({"response": {"choices": [{"text": "x"}]}})).expect("an item").meant.is_some());
        assert!(item(json!({"response": {"choices": [{"index": 0}]}})).expect("an item").meant.is_none());
        assert!(item(json!({"response": {"error": {}}, "status_code": 500})).expect("an item").meant.is_none());
    }
}
