//! From a Responses body to a [`Prompt`], with the stored history resolved.

use crate::api::chat::request::{length, pace};
use crate::api::conversations;
use crate::api::responses::record::{Frame, Link};
use crate::api::responses::{context, input, replay, tools};
use crate::api::validate;
use crate::options::Validation;
use crate::prompt::{Format, Message, Prompt, Role};
use crate::random::Random;
use crate::session::store::Store;
use crate::session::store::Stored;
use crate::turn::call::Call;
use crate::turn::models::Model;
use crate::wire::error::ApiError;
use crate::wire::ids::IdFamily;
use serde_json::{Map, Value, json};
use std::collections::HashSet;

/// The model that answers a prompt template when the request names none.
const TEMPLATE_MODEL: &str = "gpt-4o";

/// A request that was read: the prompt, and what the response needs to know of it.
#[derive(Clone)]
pub(crate) struct Request {
    pub prompt: Prompt,
    pub family: IdFamily,
    /// Draws the ids; the same one goes on for the response and its items.
    pub random: Random,
    /// The conversation before it.
    pub history: Vec<Value>,
    /// What the request adds to the conversation.
    pub input: Vec<Value>,
    /// The conversation it takes place in.
    pub conversation: Option<String>,
    /// Where the response that it continues is kept.
    previous: Option<u64>,
    /// Reasoning of the conversation that the model does not get to see.
    withheld: Vec<Value>,
}

impl Request {
    /// Reads a body that was validated; what is still odd is left out rather than refused. The history comes from
    /// `previous_response_id`, from `conversation`, or is all in `input`.
    pub(crate) async fn read(call: &Call) -> Result<Self, ApiError> {
        let body = &*call.body;
        let mut random = call.random.fork("ids");
        let family = IdFamily::new(&mut random, call.created());
        let conversation = conversation(body);
        // What only counts or shortens its input is nowhere seen to refuse items.
        let checked = call.operation.turn && call.emulator.settings.validation == Validation::Full;
        let store = &call.session.store;
        let asked = body.get("input").unwrap_or(&Value::Null);
        let mut previous = None;
        let history = match (&conversation, text(body, "previous_response_id")) {
            (_, Some(id)) => {
                previous = store.find::<Link>(id).await;
                match call.lane.as_ref().and_then(|lane| lane.recall(id)) {
                    Some(items) => items,
                    None => chain(store, id, previous.clone()).await?,
                }
            }
            (Some(id), None) => conversations::items(call, id).await?,
            (None, None) => Vec::new(),
        };
        if checked {
            replay::check(store, &history, asked).await?;
        }
        let mut input = input::items(asked, &family, &mut random);
        for item in input.iter_mut().filter(|item| is_reference(item)) {
            *item = replay::referenced(store, text(item, "id").unwrap_or_default()).await?;
        }
        let items: Vec<Value> = history.iter().chain(&input).cloned().collect();
        if checked {
            input::check_calls(&items)?;
        }
        let mut messages = instructions(body.get("instructions"), &family, &mut random);
        messages.extend(template(body.get("prompt")));
        let droppable_from = (text(body, "truncation") == Some("auto")).then_some(messages.len());
        messages.extend(input::messages(context::visible(&items)));
        let given = body.get("input").and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
        mark_returned(&mut messages, history.iter().chain(given));
        let prompt = Prompt {
            dialect: call.operation.dialect,
            // A template has a model of its own, which is unknown here.
            model: text(body, "model").unwrap_or(TEMPLATE_MODEL).to_string(),
            messages,
            tools: tools::offered(body.get("tools").unwrap_or(&Value::Null)),
            tool_choice: tools::choice(body.get("tool_choice").unwrap_or(&Value::Null)),
            parallel_tool_calls: flag(body, "parallel_tool_calls", true),
            format: format(body),
            n: 1,
            stream: flag(body, "stream", false),
            max_tokens: number(body, "max_output_tokens"),
            logprobs: logprobs(body),
            pace: pace(body.get("stream_options").unwrap_or(&Value::Null))?,
            length: length(body.get("response_length").unwrap_or(&Value::Null)),
            droppable_from,
            body: call.body.clone(),
            ..Prompt::default()
        };
        let previous = previous.map(|stored| stored.place);
        let withheld = match items.iter().any(|item| text(item, "type") == Some("reasoning")) {
            true => {
                let current_turn = inner(body, "reasoning", "context").is_some_and(|context| context == "current_turn");
                replay::withheld(store, items.iter(), call.model(&prompt.model).snapshot(), current_turn).await
            }
            false => Vec::new(),
        };
        Ok(Request { prompt, family, random, history, input, conversation, previous, withheld })
    }

    /// What the response says of the request.
    pub(crate) fn frame(&mut self, call: &Call, model: &Model, name: &str, id: Option<&String>) -> Frame {
        let body = &*call.body;
        let string = |key: &str| text(body, key).map(String::from);
        let decimal = |key: &str, default: f64| body.get(key).and_then(Value::as_f64).unwrap_or(default);
        let research = model.id.contains("deep-research");
        let mut tools = tools::echo_all(body.get("tools").unwrap_or(&Value::Null), self.items());
        if research {
            // Research models search from nowhere, and stop at 225 calls: recording 30b6a636575e0c15.
            tools.iter_mut().filter_map(|tool| tool.get_mut("user_location")).for_each(|place| *place = Value::Null);
        }
        Frame {
            id: id.cloned().unwrap_or_else(|| self.family.response(&mut self.random)),
            created_at: call.created(),
            background: flag(body, "background", false),
            conversation: self.conversation.as_ref().map(|id| json!({"id": id})),
            frequency_penalty: decimal("frequency_penalty", 0.0),
            input_transformations: std::mem::take(&mut self.withheld),
            instructions: echoed_instructions(body.get("instructions"), &self.family, &mut self.random),
            max_output_tokens: number(body, "max_output_tokens"),
            max_tool_calls: number(body, "max_tool_calls").or(research.then_some(225)),
            model: name.into(),
            snapshot: model.snapshot().into(),
            parallel_tool_calls: flag(body, "parallel_tool_calls", true),
            presence_penalty: decimal("presence_penalty", 0.0),
            previous_response_id: string("previous_response_id"),
            previous: self.previous,
            prompt: echoed_template(body.get("prompt")),
            prompt_cache_key: string("prompt_cache_key"),
            prompt_cache_retention: string("prompt_cache_retention")
                .or_else(|| Some(model.prompt_cache_retention.to_string())),
            reasoning: model.reasoning_object(body.get("reasoning").unwrap_or(&Value::Null)),
            safety_identifier: string("safety_identifier"),
            service_tier: string("service_tier").unwrap_or_else(|| "auto".into()),
            store: flag(body, "store", true),
            temperature: decimal("temperature", 1.0),
            text: echoed_text(body),
            tool_choice: echoed_choice(body.get("tool_choice")),
            tools,
            top_logprobs: number(body, "top_logprobs").unwrap_or(0),
            top_p: decimal("top_p", model.top_p),
            truncation: string("truncation").unwrap_or_else(|| "disabled".into()),
            user: string("user"),
            metadata: body.get("metadata").filter(|value| value.is_object()).cloned().unwrap_or_else(|| json!({})),
            unknown: validate::unknown_fields(call.operation, body),
            obfuscate: inner(body, "stream_options", "include_obfuscation").and_then(Value::as_bool).unwrap_or(true),
            whole: model.whole(body),
            thinks: model.reasoning,
        }
    }

    /// The whole conversation, oldest item first.
    pub(crate) fn items(&self) -> impl Iterator<Item = &Value> {
        self.history.iter().chain(&self.input)
    }

    /// Whether `include` asks for this.
    pub(crate) fn includes(&self, what: &str) -> bool {
        includes(&self.prompt.body, what)
    }
}

fn includes(body: &Value, what: &str) -> bool {
    body.get("include").and_then(Value::as_array).is_some_and(|list| list.iter().any(|one| one == what))
}

/// Marks the calls whose items are as they were returned; parallel ones are not marked.
pub(crate) fn mark_returned<'a>(messages: &mut [Message], items: impl Iterator<Item = &'a Value>) {
    let whole = |item: &&Value| text(item, "id").is_some() && text(item, "status").is_some();
    let returned: HashSet<&str> = items.filter(whole).filter_map(|item| text(item, "call_id")).collect();
    let called: Vec<bool> = messages.iter().map(|message| !message.tool_calls.is_empty()).collect();
    for (at, message) in messages.iter_mut().enumerate() {
        let alone = !called.get(at + 1).is_some_and(|other| *other) && (at == 0 || !called[at - 1]);
        for call in &mut message.tool_calls {
            call.returned = alone && returned.contains(call.id.as_str());
        }
    }
}

/// A string that says something.
pub(crate) fn text<'a>(body: &'a Value, key: &str) -> Option<&'a str> {
    body.get(key).and_then(Value::as_str).filter(|text| !text.is_empty())
}

/// A flag, or its default where none is given.
pub(crate) fn flag(body: &Value, key: &str, default: bool) -> bool {
    body.get(key).and_then(Value::as_bool).unwrap_or(default)
}

fn number(body: &Value, key: &str) -> Option<u64> {
    body.get(key).and_then(Value::as_u64)
}

fn inner<'a>(body: &'a Value, outer: &str, key: &str) -> Option<&'a Value> {
    body.get(outer)?.get(key)
}

/// The id in `conversation`, a string or `{"id"}`.
fn conversation(body: &Value) -> Option<String> {
    let given = body.get("conversation")?;
    given.as_str().or_else(|| text(given, "id")).filter(|id| !id.is_empty()).map(Into::into)
}

/// The items of a chain of responses, oldest first. Links are places, not ids, which a script may give twice: every
/// link leads to something older, so that no chain is a loop.
async fn chain(store: &Store, id: &str, last: Option<Stored>) -> Result<Vec<Value>, ApiError> {
    let mut links = Vec::new();
    let mut next = Some((id.to_string(), last));
    while let Some((id, stored)) = next {
        let link: Link = stored.and_then(|stored| stored.read()).ok_or_else(|| unknown_response(&id))?;
        next = match link.previous() {
            Some((id, Some(place))) => Some((id, store.at::<Link>(place).await)),
            Some((id, None)) => Some((id, None)),
            None => None,
        };
        links.push(link);
    }
    Ok(links.into_iter().rev().flat_map(Link::into_items).collect())
}

/// `previous_response_id` names no stored response (message and code as quoted in public issue threads).
fn unknown_response(id: &str) -> ApiError {
    ApiError::invalid(format!("Previous response with id '{id}' not found."))
        .param("previous_response_id")
        .code("previous_response_not_found")
}

fn is_reference(item: &Value) -> bool {
    item.get("type").is_some_and(|name| name == "item_reference")
}

/// `instructions`: a system message; items are messages as they say.
fn instructions(value: Option<&Value>, family: &IdFamily, random: &mut Random) -> Vec<Message> {
    match value {
        Some(Value::String(text)) if !text.is_empty() => vec![Message::new(Role::System, text.as_str())],
        // Ids of instructions are nowhere seen; a generator of their own keeps the others where they are.
        Some(items @ Value::Array(_)) => {
            input::messages(input::items(items, family, &mut random.fork("instructions")).iter()).collect()
        }
        _ => Vec::new(),
    }
}

fn echoed_instructions(value: Option<&Value>, family: &IdFamily, random: &mut Random) -> Value {
    match value {
        Some(Value::String(text)) => json!(text),
        Some(Value::Array(items)) if items.is_empty() => Value::Null,
        Some(items @ Value::Array(_)) => {
            let mut items = input::items(items, family, &mut random.fork("instructions"));
            // Shown without id and status: recording 71c1c61e63f6b342.
            for map in items.iter_mut().filter_map(Value::as_object_mut) {
                map.shift_remove("id");
                map.shift_remove("status");
            }
            Value::Array(items)
        }
        _ => Value::Null,
    }
}

/// What a prompt template says is unknown here; its variables are a user message, so that scripts can match them.
fn template(value: Option<&Value>) -> Vec<Message> {
    let variables = value.and_then(|prompt| prompt.get("variables")).and_then(Value::as_object);
    let content: Vec<_> = variables
        .into_iter()
        .flat_map(|map| map.values())
        .flat_map(|value| match value {
            Value::String(_) => input::contents(Some(value)),
            part => input::contents(Some(&json!([part]))),
        })
        .collect();
    if content.is_empty() { Vec::new() } else { vec![Message { content, ..Message::new(Role::User, "") }] }
}

/// `prompt` with its variables as parts: recording 71c1c61e63f6b342.
fn echoed_template(value: Option<&Value>) -> Option<Value> {
    let given = value?.as_object()?;
    let mut variables = Map::new();
    for (name, value) in given.get("variables").and_then(Value::as_object).into_iter().flatten() {
        let value = if value.is_string() { json!({"type": "input_text", "text": value}) } else { value.clone() };
        variables.insert(name.clone(), value);
    }
    let version = given.get("version").filter(|version| !version.is_null()).cloned().unwrap_or_else(|| json!("1"));
    Some(json!({"id": given.get("id"), "variables": variables, "version": version}))
}

fn format(body: &Value) -> Format {
    let Some(format) = inner(body, "text", "format") else { return Format::Text };
    match format.get("type").and_then(Value::as_str) {
        Some("json_object") => Format::JsonObject,
        Some("json_schema") => Format::JsonSchema {
            name: text(format, "name").unwrap_or("response").into(),
            schema: format.get("schema").cloned().unwrap_or_else(|| json!({})),
            strict: flag(format, "strict", false),
        },
        _ => Format::Text,
    }
}

/// `text` complete: recording 45eeb204fcc14dc2.
fn echoed_text(body: &Value) -> Value {
    let verbosity = inner(body, "text", "verbosity").and_then(Value::as_str).unwrap_or("medium");
    let given = inner(body, "text", "format").and_then(Value::as_object);
    let mut format = given.cloned().unwrap_or_else(|| Map::from_iter([("type".to_string(), json!("text"))]));
    if format.get("type").is_some_and(|name| name == "json_schema") {
        format.entry("description").or_insert(Value::Null);
        format.entry("strict").or_insert(json!(false));
    }
    json!({"format": tools::typed(format), "verbosity": verbosity})
}

fn echoed_choice(value: Option<&Value>) -> Value {
    match value {
        Some(Value::Object(map)) => {
            let mut map = map.clone();
            for tool in map.get_mut("tools").and_then(Value::as_array_mut).into_iter().flatten() {
                if let Value::Object(inner) = tool {
                    *tool = tools::typed(std::mem::take(inner));
                }
            }
            tools::typed(map)
        }
        Some(word @ Value::String(_)) => word.clone(),
        _ => json!("auto"),
    }
}

/// Alternatives asked per token; `include` asks for log probabilities, `top_logprobs` for alternatives.
fn logprobs(body: &Value) -> Option<u8> {
    let top = number(body, "top_logprobs").unwrap_or(0).min(20) as u8;
    (top > 0 || includes(body, "message.output_text.logprobs")).then_some(top)
}
