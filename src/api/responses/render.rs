//! From a turn to a response: the record of it, and the form it is answered in.

use crate::api::containers::code;
use crate::api::logprobs;
use crate::api::responses::background::{self, GoesOn};
use crate::api::responses::beats::Cutter;
use crate::api::responses::context;
use crate::api::responses::items::{Item, Maker, OPTIONAL};
use crate::api::responses::keep::ResponseKeeper;
use crate::api::responses::record::{End, Frame, ResponseRecord, Status};
use crate::api::responses::request::Request;
use crate::api::responses::stream::{Feed, ResponseEvents};
use crate::api::responses::tools;
use crate::api::vector_stores::search::FileSearch;
use crate::prompt::Prompt;
use crate::random::Random;
use crate::reply::pace::Chunk;
use crate::reply::{Choice, Finish, Part, Reply};
use crate::tokens::Encoding;
use crate::turn::answer::Answer;
use crate::turn::answer::Body;
use crate::turn::answer::pretty;
use crate::turn::call::Call;
use crate::turn::usage::Counter;
use crate::turn::usage::wire;
use crate::turn::{Rendered, Spoken};
use crate::wire::dialect::Dialect;
use crate::wire::error::ApiError;
use serde_json::Value;
use std::sync::Arc;

/// Answers a turn: with the whole response, or with its events. Gives the response as well, if it is known already, or
/// has to be told of before it is; of one that is still arriving, or fails later, the events tell the keeper.
pub(super) fn response(
    call: &Call,
    mut request: Request,
    prompt: &Prompt,
    mut turn: Spoken,
    keeper: Arc<ResponseKeeper>,
    search: Option<Arc<FileSearch>>,
) -> Result<(Rendered, Option<Arc<ResponseRecord>>), ApiError> {
    let id = keeper.promised().or(turn.overrides().id.as_ref());
    let frame = Arc::new(request.frame(call, &turn.model, &turn.model_name, id));
    let maker = Maker {
        family: request.family.clone(),
        random: request.random.clone(),
        created: call.created(),
        phases: turn.model.phase,
        included: OPTIONAL.iter().map(|(word, ..)| *word).filter(|word| request.includes(word)).collect(),
        namespaces: tools::namespaces(call.body.get("tools").unwrap_or(&Value::Null), request.items()),
        search,
        found: Vec::new(),
        container: code::named(call, request.items()),
        left: Vec::new(),
    };
    let arriving = turn.arriving.take();
    let finisher = Finisher {
        frame: frame.clone(),
        input: request.input,
        prompt: prompt.clone(),
        counter: call.counter(),
        created: call.created(),
        random: call.random.fork("obfuscation"),
        turn,
    };
    if let Some(arriving) = arriving {
        let turn = &finisher.turn;
        let promised = || background::begun(call, frame.clone(), finisher.input.clone(), turn.encoding);
        let begun = frame.background.then(promised);
        let cutter = Cutter { reply: turn.reply.clone(), chunk: turn.chunk.clone(), encoding: turn.encoding };
        let random = finisher.random.clone();
        let scores = prompt.logprobs.map(|top| (top, maker.random.fork("logprobs")));
        let finish = move |items, reply, maker: &mut _| finisher.arrived(items, reply, maker);
        let feed = Feed::new(arriving, maker, scores, finish);
        let events = ResponseEvents::live(frame, cutter, random, feed).kept_by(keeper);
        return Ok(match begun {
            Some(begun) => {
                let stopped = call.session.behind.begin(&begun.frame.id);
                let events = events.stopping(Box::pin(stopped), &begun);
                (Rendered::Events(Box::new(GoesOn::new(call, events))), Some(Arc::new(begun)))
            }
            None => (Rendered::Events(Box::new(events)), None),
        });
    }
    let reply = finisher.turn.reply.clone();
    let record = Arc::new(finisher.record(maker));
    if prompt.stream {
        let mut events = ResponseEvents::replay(record.clone()).of(reply).kept_by(keeper);
        if record.frame.background {
            let stopped = call.session.behind.begin(&record.frame.id);
            events = events.stopping(Box::pin(stopped), &record);
        }
        return Ok((Rendered::Events(Box::new(events)), Some(record)));
    }
    // Nothing of a background response is done yet when it is answered.
    let object = if frame.background { record.begun(Status::Queued) } else { record.object() };
    Ok((Rendered::Json(pretty(&object, false)), Some(record)))
}

/// Answers `generate: false`, with which a socket only takes in the input: a response that says nothing.
pub(super) fn nothing(
    call: &Call,
    request: Request,
    keeper: Arc<ResponseKeeper>,
) -> Result<(Answer, Option<Arc<ResponseRecord>>), ApiError> {
    let prompt = request.prompt.clone();
    let model = call.model(&prompt.model);
    let turn = Spoken {
        reply: Arc::default(),
        choices: 1,
        arriving: None,
        chunk: Chunk::Tokens(1),
        encoding: model.encoding(),
        model_name: call.shown_model(&prompt.model, &model),
        model,
        failed: None,
    };
    let (rendered, record) = response(call, request, &prompt, turn, keeper, None)?;
    let body = match rendered {
        Rendered::Json(bytes) => Body::Json(bytes),
        Rendered::Events(events) => Body::Events(events),
    };
    Ok((Answer::ok(body), record))
}

/// What it takes to make a record once the items are known.
struct Finisher {
    frame: Arc<Frame>,
    input: Vec<Value>,
    prompt: Prompt,
    counter: Counter,
    /// Unix seconds.
    created: u64,
    random: Random,
    turn: Spoken,
}

impl Finisher {
    /// The record of a reply that is ready.
    fn record(self, mut maker: Maker) -> ResponseRecord {
        let choice = self.turn.choice(0);
        if let Some(error) = &self.turn.failed {
            let end = End::failed(error);
            return self.with(Vec::new(), end);
        }
        let last_call = choice.parts.iter().rposition(|part| matches!(part, Part::ToolCall(_)));
        let mut random = maker.random.fork("logprobs");
        let mut items: Vec<Item> = Vec::with_capacity(choice.parts.len());
        let written = self.written();
        let calls = |item: &Value| item["type"] == "function_call" || item["type"] == "custom_tool_call";
        let last_written = written.and_then(|output| output.iter().rposition(calls));
        for (index, item) in written.into_iter().flatten().enumerate() {
            let before_call = last_written.is_some_and(|call| call > index);
            items.push(self.as_written(item, before_call, &mut maker, &mut random));
        }
        let parts = if written.is_some() { &[][..] } else { &choice.parts };
        for (index, part) in parts.iter().enumerate() {
            let before_call = last_call.is_some_and(|call| call > index);
            let Some(mut item) = maker.item(part, before_call) else { continue };
            item.part = Some(index);
            if let (Some(top), Part::Text(text)) = (self.prompt.logprobs, part) {
                let shown = score(choice, &text.text, self.turn.encoding, top, &mut random);
                if let Some(place) = item.value.pointer_mut("/content/0/logprobs") {
                    *place = Value::Array(shown);
                }
            }
            items.push(item);
        }
        let (end, sealed) = self.end(choice);
        let says = written.and_then(|output| output.last()).is_some_and(|item| item["status"].is_string());
        if let (Status::Incomplete, Some(last), false) = (end.status, items.last_mut(), says) {
            last.cut_short();
        }
        items.extend(sealed.filter(|_| written.is_none()).and_then(|part| maker.item(&part, false)));
        self.with(items.into_iter().map(Arc::new).collect(), end)
    }

    /// The output that a test wrote out: it has the items that it has, whatever parts they mean elsewhere.
    fn written(&self) -> Option<&Vec<Value>> {
        let output = self.turn.written()["output"].as_array()?;
        output.iter().all(|item| item["type"].is_string()).then_some(output)
    }

    /// An item that a test wrote out, with what it lacks.
    fn as_written(&self, written: &Value, before_call: bool, maker: &mut Maker, random: &mut Random) -> Item {
        let mut item = maker.written(written);
        if maker.phases && before_call && item.kind.name == "message" && written["phase"].is_null() {
            item.value["phase"] = "commentary".into();
        }
        // What it has is shown, whatever `include` asks for.
        let has = |path: &str| written.pointer(path).is_some_and(|value| !value.is_null());
        item = item.including(|word| OPTIONAL.iter().any(|(known, _, path)| *known == word && has(path)));
        let parts = item.value.get_mut("content").and_then(Value::as_array_mut).into_iter().flatten();
        for (at, part) in parts.enumerate().filter(|(_, part)| part["type"] == "output_text") {
            if let (Some(top), false) = (self.prompt.logprobs, has(&format!("/content/{at}/logprobs"))) {
                let text = part["text"].as_str().unwrap_or_default();
                part["logprobs"] = score(self.turn.choice(0), text, self.turn.encoding, top, random).into();
            }
        }
        item
    }

    /// The record of a reply that has arrived.
    fn arrived(mut self, mut items: Vec<Arc<Item>>, reply: Reply, maker: &mut Maker) -> ResponseRecord {
        self.turn.arrived(reply);
        let (end, sealed) = self.end(self.turn.choice(0));
        items.extend(sealed.and_then(|part| maker.item(&part, false)).map(Arc::new));
        self.with(items, end)
    }

    /// How it ended, and the item that then seals the conversation, if one is due.
    fn end(&self, choice: &Choice) -> (End, Option<Part>) {
        let reason = match choice.finish {
            Some(Finish::Length) => Some("max_output_tokens"),
            Some(Finish::ContentFilter) => Some("content_filter"),
            _ => None,
        };
        let counted = self.counter.count(&self.prompt, &[choice], &self.turn.model, Dialect::Responses);
        let tokens = counted.prompt + counted.completion;
        let sealed = context::compaction(&self.prompt.body, &self.turn.model, tokens, choice);
        let end = End {
            status: if reason.is_some() { Status::Incomplete } else { Status::Completed },
            completed_at: self.created,
            error: Value::Null,
            reason: reason.map(Into::into),
            usage: Some(self.counter.shown(wire::responses(&counted), self.turn.overrides().usage.as_ref())),
        };
        (end, sealed)
    }

    fn with(self, items: Vec<Arc<Item>>, end: End) -> ResponseRecord {
        ResponseRecord {
            frame: self.frame,
            input: self.input,
            items,
            end,
            chunk: self.turn.chunk,
            encoding: self.turn.encoding,
            random: self.random,
            job: None,
        }
    }
}

/// Log probabilities of a text's tokens: those of the reply, else invented.
fn score(choice: &Choice, text: &str, encoding: Encoding, top: u8, random: &mut Random) -> Vec<Value> {
    let scored = match &choice.logprobs {
        Some(given) => logprobs::scripted(given),
        None => logprobs::invent(logprobs::tokens_of(text, encoding), top, random),
    };
    logprobs::responses(&scored)
}
