//! From a reply to a chat completion. Key order and constants as recorded (real-traffic §2.1).

use crate::api::chat::stored::{CompletionKeeper, StoredCompletion};
use crate::api::logprobs;
use crate::prompt::{Prompt, ToolChoice};
use crate::random::Random;
use crate::reply::{Choice, Finish, Part, THOUGHTS, Text, ToolCall};
use crate::turn::Spoken;
use crate::turn::answer::pretty;
use crate::turn::call::Call;
use crate::turn::usage::Counter;
use crate::turn::usage::wire;
use crate::turn::usage::wire::Usage;
use crate::wire::dialect::{ChatDialect, Dialect};
use crate::wire::field::{field, find};
use crate::wire::ids;
use crate::wire::value::Holds;
use bytes::Bytes;
use serde::Serialize;
use serde_json::{Value, json};
use std::borrow::Cow;

/// What all chunks of an answer share.
pub(crate) struct Facts {
    pub id: String,
    pub created: u64,
    pub service_tier: String,
    pub fingerprint: Option<String>,
    /// GPT-5, the o-series and audio models show `logprobs` only when asked (recording 131301fc6fd43ba8).
    pub shows_logprobs: bool,
    /// The request used `functions`, or a body that a test wrote out does: a call is a `function_call`, and so is the
    /// finish reason.
    pub legacy_functions: bool,
    /// `None` while the reply is still arriving.
    pub usage: Option<Usage>,
    /// Empty unless sound was asked.
    pub audio_id: String,
    /// Whose additions it has.
    pub dialect: ChatDialect,
    /// What reasoning is called in a delta; empty = it is not shown.
    pub thoughts: Vec<&'static str>,
    /// Ids of the tool calls, by choice and call.
    pub call_ids: Vec<Vec<String>>,
}

impl Facts {
    pub(crate) fn new(call: &Call, prompt: &Prompt, turn: &Spoken) -> Self {
        let mut random = call.random.fork("ids");
        let id = turn.overrides().id.clone().unwrap_or_else(|| ids::chat_completion(&mut random, call.created()));
        let call_ids = (0..turn.choices).map(|index| {
            let calls = turn.choice(index).parts.iter().filter_map(as_call);
            calls.map(|one| one.id.clone().unwrap_or_else(|| ids::call(&mut random))).collect()
        });
        let written = turn.written();
        let text = |name: &str| written[name].as_str().map(String::from);
        let own = || written["choices"].elements();
        let dialect = turn.overrides().dialect.unwrap_or(call.emulator.settings.dialect);
        let thinks = |name: &&&str| own().any(|choice| choice["message"][**name].is_string());
        let calls =
            written["choices"].is_array().then(|| own().any(|choice| choice["message"]["function_call"].is_object()));
        Facts {
            id,
            created: written["created"].as_u64().unwrap_or_else(|| call.created()),
            call_ids: call_ids.collect(),
            thoughts: match dialect {
                ChatDialect::Vllm => THOUGHTS.to_vec(),
                ChatDialect::Openai => THOUGHTS.iter().filter(thinks).copied().collect(),
            },
            dialect,
            audio_id: match prompt.audio {
                true => format!("audio_{}", call.random.fork("audio").hex(32)),
                false => String::new(),
            },
            service_tier: text("service_tier").unwrap_or_else(|| service_tier(field(&call.body, "service_tier"))),
            fingerprint: text("system_fingerprint").or_else(|| turn.model.fingerprint()),
            shows_logprobs: !(turn.model.reasoning || turn.model.audio)
                || prompt.logprobs.is_some()
                || own().any(|choice| choice["logprobs"].is_object()),
            legacy_functions: calls.unwrap_or_else(|| find(&call.body, "functions").is_some_and(Value::is_array)),
            usage: turn.arriving.is_none().then(|| usage_of(&call.counter(), prompt, turn)),
        }
    }
}

/// What a finished answer says; `auto` is never echoed (real-traffic §2.1).
pub(crate) fn service_tier(asked: &Value) -> String {
    match asked.as_str() {
        None | Some("auto" | "") => "default".into(),
        Some(tier) => tier.into(),
    }
}

/// `usage` of this turn.
pub(crate) fn usage_of(counter: &Counter, prompt: &Prompt, turn: &Spoken) -> Usage {
    let choices: Vec<&Choice> = (0..turn.choices).map(|index| turn.choice(index)).collect();
    let counted = counter.count(prompt, &choices, &turn.model, Dialect::Chat);
    counter.shown(wire::chat(&counted, &turn.model), turn.overrides().usage.as_ref())
}

/// The tool call in a part, also one written as a Responses item.
pub(crate) fn as_call(part: &Part) -> Option<&ToolCall> {
    match part {
        Part::ToolCall(call) => Some(call),
        _ => None,
    }
}

#[derive(Serialize)]
struct Completion<'a> {
    id: &'a str,
    object: &'static str,
    created: u64,
    model: &'a str,
    choices: Vec<RenderedChoice<'a>>,
    usage: Option<&'a Usage>,
    service_tier: &'a str,
    system_fingerprint: Option<&'a str>,
}

#[derive(Serialize)]
struct RenderedChoice<'a> {
    index: usize,
    message: RenderedMessage<'a>,
    /// Outer `None` = no key at all.
    #[serde(skip_serializing_if = "Option::is_none")]
    logprobs: Option<Option<Value>>,
    finish_reason: &'static str,
}

#[derive(Serialize)]
struct RenderedMessage<'a> {
    role: &'static str,
    content: Option<Cow<'a, str>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    tool_calls: Option<Vec<Value>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    function_call: Option<Value>,
    refusal: Option<Cow<'a, str>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    audio: Option<Value>,
    annotations: Vec<Value>,
    /// vLLM's, under both its names.
    #[serde(skip_serializing_if = "Option::is_none")]
    reasoning_content: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    reasoning: Option<String>,
}

/// The whole answer, unstreamed, and what is to be kept of it.
pub(super) fn completion(
    random: &Random,
    prompt: &Prompt,
    turn: &Spoken,
    facts: &Facts,
    keeper: Option<&CompletionKeeper>,
) -> (Bytes, Option<StoredCompletion>) {
    let completion = whole(random, prompt, turn, facts);
    let kept = keeper.map(|keeper| keeper.stored(&facts.id, &completion));
    (pretty(&completion, true), kept)
}

/// What is to be kept of an answer that was streamed.
pub(super) fn streamed(
    random: &Random,
    prompt: &Prompt,
    turn: &Spoken,
    facts: &Facts,
    keeper: &CompletionKeeper,
) -> StoredCompletion {
    keeper.stored(&facts.id, &whole(random, prompt, turn, facts))
}

fn whole<'a>(random: &Random, prompt: &Prompt, turn: &'a Spoken, facts: &'a Facts) -> Completion<'a> {
    let choices = (0..turn.choices).map(|index| {
        let choice = turn.choice(index);
        let asked = prompt.logprobs.map(|top| {
            let mut random = random.fork(&format!("logprobs {index}"));
            logprobs_of(choice, top, turn, &mut random)
        });
        RenderedChoice {
            index,
            message: message(choice, index, facts),
            logprobs: facts.shows_logprobs.then_some(asked),
            finish_reason: finish(choice, prompt, facts),
        }
    });
    Completion {
        id: &facts.id,
        object: "chat.completion",
        created: facts.created,
        model: &turn.model_name,
        choices: choices.collect(),
        usage: facts.usage.as_ref(),
        service_tier: &facts.service_tier,
        system_fingerprint: facts.fingerprint.as_deref(),
    }
}

fn message<'a>(choice: &'a Choice, index: usize, facts: &Facts) -> RenderedMessage<'a> {
    let mut message = RenderedMessage {
        role: "assistant",
        content: None,
        tool_calls: None,
        function_call: None,
        refusal: None,
        audio: None,
        annotations: Vec::new(),
        reasoning_content: None,
        reasoning: None,
    };
    let mut calls = Vec::new();
    let mut ids = facts.call_ids.get(index).into_iter().flatten();
    for part in &choice.parts {
        match part {
            Part::Text(text) => {
                join(&mut message.content, &text.text);
                message.annotations.extend(text.annotations.iter().map(nested_annotation));
            }
            Part::Refusal(text) => join(&mut message.refusal, &text.text),
            Part::ToolCall(one) if facts.legacy_functions => {
                message.function_call.get_or_insert(json!({"name": one.name, "arguments": one.arguments.text}));
            }
            Part::ToolCall(one) => calls.push(tool_call(one, ids.next().map_or("", String::as_str))),
            Part::Audio { data, transcript } => message.audio = Some(audio(facts, data.as_deref(), transcript)),
            Part::Reasoning(summary) if facts.dialect == ChatDialect::Vllm => {
                let text = summary.join("\n\n");
                (message.reasoning_content, message.reasoning) = (Some(text.clone()), Some(text));
            }
            Part::Reasoning(_) | Part::Item(_) => {}
        }
    }
    let nothing = calls.is_empty() && message.function_call.is_none() && message.audio.is_none();
    if message.content.is_none() && message.refusal.is_none() && nothing {
        // Nothing visible: production sends an empty string, not null (finish_reason length).
        message.content = Some(Cow::Borrowed(""));
    }
    if !calls.is_empty() {
        message.tool_calls = Some(calls);
    }
    message
}

fn join<'a>(whole: &mut Option<Cow<'a, str>>, more: &'a str) {
    match whole {
        None => *whole = Some(Cow::Borrowed(more)),
        Some(text) => text.to_mut().push_str(more),
    }
}

/// One entry of `tool_calls`.
pub(crate) fn tool_call(call: &ToolCall, id: &str) -> Value {
    if call.custom {
        return json!({"id": id, "type": "custom", "custom": {"name": call.name, "input": call.arguments.text}});
    }
    json!({"id": id, "type": "function", "function": {"name": call.name, "arguments": call.arguments.text}})
}

/// An annotation in chat's form: its fields inside a member named after its type.
pub(crate) fn nested_annotation(annotation: &Value) -> Value {
    let Some(kind) = annotation["type"].as_str() else { return annotation.clone() };
    let mut inner = annotation.clone();
    if let Some(fields) = inner.as_object_mut() {
        fields.shift_remove("type");
    }
    json!({"type": kind, kind: inner})
}

/// Seconds a sound can be referred to.
pub(crate) const SOUND_EXPIRES: u64 = 3600;

fn audio(facts: &Facts, data: Option<&str>, transcript: &str) -> Value {
    json!({
        "id": facts.audio_id,
        "data": data.unwrap_or_default(),
        "expires_at": facts.created + SOUND_EXPIRES,
        "transcript": transcript,
    })
}

/// `finish_reason`: as scripted, else derived as recorded (a forced named tool ends with stop).
pub(crate) fn finish(choice: &Choice, prompt: &Prompt, facts: &Facts) -> &'static str {
    if let Some(finish) = choice.finish {
        return finish.as_str();
    }
    if !choice.parts.iter().any(|part| as_call(part).is_some()) {
        return Finish::Stop.as_str();
    }
    match prompt.tool_choice {
        ToolChoice::Named(_) => Finish::Stop.as_str(),
        _ if facts.legacy_functions => "function_call",
        _ => Finish::ToolCalls.as_str(),
    }
}

/// The tokens of a text, as the pieces a stream would have.
pub(crate) fn pieces(text: &str, turn: &Spoken) -> Vec<String> {
    let text = Text::new(text);
    let pieces = text.pieces(&turn.chunk, turn.encoding);
    pieces.ranges().map(|(start, end, _)| text.text.get(start..end).unwrap_or_default().to_string()).collect()
}

/// `logprobs` of a choice whose text is whole.
pub(crate) fn logprobs_of(choice: &Choice, top: u8, turn: &Spoken, random: &mut Random) -> Value {
    let of = |wanted: fn(&Part) -> Option<&str>, random: &mut Random| -> Option<Vec<Value>> {
        let text: String = choice.parts.iter().filter_map(wanted).collect();
        (!text.is_empty()).then(|| {
            let scored = match &choice.logprobs {
                Some(scripted) => logprobs::scripted(scripted),
                None => logprobs::invent(pieces(&text, turn).iter().map(String::as_bytes), top, random),
            };
            logprobs::chat(&scored)
        })
    };
    let content = of(
        |part| match part {
            Part::Text(text) => Some(text.text.as_str()),
            _ => None,
        },
        random,
    );
    let refusal = of(
        |part| match part {
            Part::Refusal(text) => Some(text.text.as_str()),
            _ => None,
        },
        random,
    );
    json!({"content": content, "refusal": refusal})
}
