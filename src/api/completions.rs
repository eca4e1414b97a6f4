//! `completions.create`, the legacy text completions; `/v1/responses` with a `prompt` and no `input` has this shape too.

use crate::api::chat::render::pieces;
use crate::api::chat::request::{length, pace, stop};
use crate::api::choice_queues::{ChoiceQueues, Chunks, Cursor, Writer};
use crate::api::infer;
use crate::api::logprobs;
use crate::prompt::{Message, Prompt, Role};
use crate::reply::{Choice, Finish, Part};
use crate::runtime::boxed;
use crate::tokens::Encoding;
use crate::turn::answer::pretty;
use crate::turn::call::Call;
use crate::turn::call::HandlerFuture;
use crate::turn::call::Served;
use crate::turn::usage;
use crate::turn::usage::wire;
use crate::turn::usage::wire::Usage;
use crate::turn::{Rendered, Spoken, Step};
use crate::wire::dialect::Dialect;
use crate::wire::error::ApiError;
use crate::wire::event::Frames;
use crate::wire::event::write_json;
use crate::wire::event::write_json_str;
use crate::wire::ids;
use serde_json::{Map, Value, json};
use std::collections::VecDeque;
use std::ops::Range;
use std::task::{Context, Poll, ready};

pub(crate) const OPERATIONS: &[Served] = &[Served { name: "completions.create", handler: create }];

fn create(call: Call) -> HandlerFuture {
    create_legacy(call)
}

/// Serves a text completion, also one asked at `/v1/responses`.
pub(crate) fn create_legacy(call: Call) -> HandlerFuture {
    boxed!(async move {
        let mut prompt = prompt(&call)?;
        infer::infer(&call, &mut prompt, |prompt, turn| {
            if let Some(error) = turn.failed {
                return Err(error);
            }
            let facts = CompletionFacts::new(&call, prompt, &turn);
            if prompt.stream {
                return Ok(Rendered::Events(Box::new(TextEvents::new(prompt, turn, facts))));
            }
            let usage = facts.usage(prompt, &turn);
            let choices: Vec<Value> = (0..turn.choices)
                .map(|index| facts.choice(index, &text_of(turn.choice(index)), prompt, &turn))
                .collect();
            let body = json!({
                "id": facts.id, "object": "text_completion", "created": facts.created, "model": turn.model_name,
                "choices": choices, "usage": usage,
            });
            Ok(Rendered::Json(pretty(&body, true)))
        })
        .await
    })
}

/// The prompts of a body: a string, strings, tokens, or lists of tokens of this encoding.
fn prompts(body: &Value, encoding: Encoding) -> Vec<String> {
    match &body["prompt"] {
        Value::String(one) => vec![one.clone()],
        Value::Array(many) if many.iter().any(|one| one.is_string() || one.is_array()) => many
            .iter()
            .map(|one| match one {
                Value::Array(tokens) => encoding.decode(tokens),
                other => other.as_str().unwrap_or_default().to_string(),
            })
            .collect(),
        Value::Array(tokens) => vec![encoding.decode(tokens)],
        _ => vec![String::new()],
    }
}

fn prompt(call: &Call) -> Result<Prompt, ApiError> {
    let body = &*call.body;
    // Tokens are the model's own, however they are counted.
    let prompts = prompts(body, Encoding::for_model(&call.model(call.model_name()).id));
    let n = body["n"].as_u64().unwrap_or(1).clamp(1, 128) as usize;
    Ok(Prompt {
        dialect: call.operation.dialect,
        model: match call.model_name() {
            "" => "gpt-3.5-turbo-instruct".into(),
            name => name.to_string(),
        },
        separate: true,
        messages: prompts.iter().map(|text| Message::new(Role::User, text.clone())).collect(),
        // Every prompt of a list gets its own n choices.
        n: (n * prompts.len()).min(2048),
        stream: body["stream"].as_bool().unwrap_or(false),
        // Production's default is 16; a scripted text is cut only when the request itself sets a limit.
        max_tokens: body["max_tokens"].as_u64(),
        stop: stop(&body["stop"]),
        logprobs: body["logprobs"].as_u64().map(|top| top.min(5) as u8),
        seed: body["seed"].as_i64(),
        pace: pace(&body["stream_options"])?,
        length: length(&body["response_length"]),
        body: call.body.clone(),
        ..Prompt::default()
    })
}

/// The text a choice shows here: legacy completions know nothing else.
fn text_of(choice: &Choice) -> String {
    choice
        .parts
        .iter()
        .filter_map(|part| match part {
            Part::Text(text) | Part::Refusal(text) => Some(text.text.as_str()),
            _ => None,
        })
        .collect()
}

/// What all chunks share.
struct CompletionFacts {
    id: String,
    created: u64,
    echo: Vec<String>,
    random: crate::random::Random,
    include_usage: bool,
    counter: usage::Counter,
}

impl CompletionFacts {
    fn new(call: &Call, prompt: &Prompt, turn: &Spoken) -> Self {
        let mut random = call.random.fork("ids");
        let options = &call.body["stream_options"];
        let per_prompt = (prompt.n / prompt.messages.len().max(1)).max(1);
        let written = turn.written();
        // What a test wrote out is whole.
        let echo = call.body["echo"] == true && written.is_null();
        CompletionFacts {
            id: turn.overrides().id.clone().unwrap_or_else(|| ids::completion(&mut random, call.created())),
            created: written["created"].as_u64().unwrap_or_else(|| call.created()),
            echo: (0..prompt.n)
                .map(|index| match (echo, prompt.messages.get(index / per_prompt)) {
                    (true, Some(message)) => message.text(),
                    _ => String::new(),
                })
                .collect(),
            random: call.random.fork("logprobs"),
            include_usage: options["include_usage"] == true,
            counter: call.counter(),
        }
    }

    fn echoed(&self, index: usize) -> &str {
        self.echo.get(index).map_or("", String::as_str)
    }

    fn usage(&self, prompt: &Prompt, turn: &Spoken) -> Usage {
        let choices: Vec<&Choice> = (0..turn.choices).map(|index| turn.choice(index)).collect();
        let counted = self.counter.count(prompt, &choices, &turn.model, Dialect::Completions);
        self.counter.shown(wire::completions(&counted), turn.overrides().usage.as_ref())
    }

    /// `logprobs` of a choice's text beginning at a character offset.
    fn logprobs(&self, text: &str, offset: usize, index: usize, prompt: &Prompt, turn: &Spoken) -> Value {
        let Some(top) = prompt.logprobs else { return Value::Null };
        let scored = match &turn.choice(index).logprobs {
            Some(scripted) => logprobs::scripted(scripted),
            None => {
                let mut random = self.random.fork(&format!("{offset} {text}"));
                logprobs::invent(pieces(text, turn).iter().map(String::as_bytes), top, &mut random)
            }
        };
        logprobs::legacy(&scored, offset, offset == 0 && !self.echoed(index).is_empty())
    }

    fn choice(&self, index: usize, text: &str, prompt: &Prompt, turn: &Spoken) -> Value {
        let whole = format!("{}{text}", self.echoed(index));
        json!({
            "text": whole, "index": index,
            "logprobs": self.logprobs(&whole, 0, index, prompt, turn),
            "finish_reason": finish(turn, index),
        })
    }
}

fn finish(turn: &Spoken, index: usize) -> &str {
    let own = turn.written()["choices"][index]["finish_reason"].as_str();
    own.unwrap_or_else(|| turn.choice(index).finish.map_or("stop", |finish| finish.as_str()))
}

/// One chunk to write: text of a choice, and whether it is the choice's last.
enum CompletionItem {
    Text {
        choice: usize,
        text: String,
        offset: usize,
        tokens: Option<u32>,
    },
    /// What is left of a part of the reply, `offset` characters after the beginning; `closes` = its last piece says how
    /// the choice ended.
    Part {
        choice: usize,
        part: usize,
        left: Cursor,
        offset: usize,
        closes: bool,
    },
    /// How the choices ended whose texts do not say it.
    Finish(Vec<usize>),
    Usage,
}

/// Writes the stream of one answer.
struct TextEvents {
    prompt: Prompt,
    turn: Spoken,
    facts: CompletionFacts,
    /// Characters of each choice that have arrived; empty for a reply that was ready.
    arrived: Vec<usize>,
    /// By choice, the log probabilities that a test wrote out, by the pieces of its text that are left.
    own: Vec<VecDeque<Value>>,
}

impl TextEvents {
    fn new(prompt: &Prompt, turn: Spoken, facts: CompletionFacts) -> Chunks<Self> {
        let mut writer = TextEvents { prompt: prompt.clone(), turn, facts, arrived: Vec::new(), own: Vec::new() };
        let mut items = ChoiceQueues::default();
        if writer.turn.arriving.is_none() {
            writer.own = (0..writer.turn.choices).map(|index| writer.own_scores(index).unwrap_or_default()).collect();
            items = ChoiceQueues::new((0..writer.turn.choices).map(|index| writer.lane(index)));
            writer.close(&mut items);
        }
        Chunks::new(items, writer)
    }

    /// The lists that a test wrote out for a choice, cut as its text is.
    fn own_scores(&self, index: usize) -> Option<VecDeque<Value>> {
        let own = self.turn.written()["choices"][index]["logprobs"].as_object()?;
        let tokens = own.get("tokens")?.as_array()?;
        let lengths: Vec<usize> = tokens.iter().map(|token| token.as_str().map_or(0, str::len)).collect();
        let text = self.turn.choice(index).parts.iter().find_map(|part| match part {
            Part::Text(text) | Part::Refusal(text) => Some(text),
            _ => None,
        })?;
        let pieces = text.pieces(&self.turn.chunk, self.turn.encoding);
        let ends: Vec<usize> = pieces.ranges().map(|(_, end, _)| end).collect();
        let of = |share: Range<usize>| {
            let cut = |(name, list): (&String, &Value)| {
                let cut = match list.as_array().filter(|list| list.len() == tokens.len()) {
                    Some(list) => list[share.clone()].to_vec().into(),
                    None => list.clone(),
                };
                (name.clone(), cut)
            };
            own.iter().map(cut).collect::<Map<_, _>>().into()
        };
        Some(logprobs::shares(&lengths, &ends).into_iter().map(of).collect())
    }

    fn lane(&self, index: usize) -> VecDeque<CompletionItem> {
        let echoed = self.facts.echoed(index);
        let mut lane = VecDeque::new();
        let mut offset = 0;
        if !echoed.is_empty() {
            lane.push_back(CompletionItem::Text { choice: index, text: echoed.to_string(), offset, tokens: None });
            offset += echoed.chars().count();
        }
        for (at, part) in self.turn.choice(index).parts.iter().enumerate() {
            let (Part::Text(text) | Part::Refusal(text)) = part else { continue };
            let left = Cursor::new(text.pieces(&self.turn.chunk, self.turn.encoding));
            lane.extend(left.map(|left| CompletionItem::Part { choice: index, part: at, left, offset, closes: false }));
            offset += text.text.chars().count();
        }
        if let (true, Some(CompletionItem::Part { closes, .. })) = (self.is_cut(index), lane.back_mut()) {
            *closes = true;
        }
        lane
    }

    /// Whether the choice ended with its last piece of text: it reached the limit there (recordings a0a5772818ddee40,
    /// 77b04e77939d5d88). What ends by itself has a chunk for that, one for all choices (recording 1870ed91a95f4c1c).
    fn is_cut(&self, index: usize) -> bool {
        // Of what arrives, the last piece is out before it is known to be the last.
        if !self.arrived.is_empty() {
            return false;
        }
        let choice = self.turn.choice(index);
        choice.finish == Some(Finish::Length) && !text_of(choice).is_empty()
    }

    fn close(&self, items: &mut ChoiceQueues<CompletionItem>) {
        let open: Vec<usize> = (0..self.turn.choices).filter(|index| !self.is_cut(*index)).collect();
        if !open.is_empty() {
            items.push(CompletionItem::Finish(open));
        }
        if self.facts.include_usage {
            items.push(CompletionItem::Usage);
        }
    }

    /// Writes a piece of a text; `own` = the log probabilities that a test wrote out for it.
    fn text(
        &self,
        choice: usize,
        text: &str,
        offset: usize,
        own: Option<Value>,
        finish: Option<&str>,
        out: &mut dyn Frames,
    ) {
        let made = || self.facts.logprobs(text, offset, choice, &self.prompt, &self.turn);
        let logprobs = own.unwrap_or_else(made);
        let choice = json!({"text": text, "index": choice, "logprobs": logprobs, "finish_reason": finish});
        self.chunk(vec![choice], out);
    }

    /// Writes a chunk with these choices; without any, it is the one of the usage.
    fn chunk(&self, choices: Vec<Value>, frames: &mut dyn Frames) {
        let last = choices.is_empty();
        let out = frames.begin(None);
        out.extend_from_slice(b"{\"id\":");
        write_json_str(&self.facts.id, out);
        out.extend_from_slice(b",\"object\":\"text_completion\",\"created\":");
        write_json(&self.facts.created, out);
        out.extend_from_slice(b",\"choices\":");
        write_json(&choices, out);
        out.extend_from_slice(b",\"model\":");
        write_json_str(&self.turn.model_name, out);
        if self.facts.include_usage {
            let usage = last.then(|| self.facts.usage(&self.prompt, &self.turn));
            out.extend_from_slice(b",\"usage\":");
            write_json(&usage, out);
        }
        out.extend_from_slice(b"}");
        frames.end();
    }
}

impl Writer for TextEvents {
    type Item = CompletionItem;

    fn is_arriving(&self) -> bool {
        self.turn.arriving.is_some()
    }

    fn content(item: &CompletionItem) -> Option<u32> {
        match item {
            CompletionItem::Text { tokens, .. } => *tokens,
            CompletionItem::Part { left, .. } => Some(left.piece().2),
            _ => None,
        }
    }

    fn ends(item: &CompletionItem) -> bool {
        matches!(item, CompletionItem::Finish(_) | CompletionItem::Usage)
    }

    fn poll_arriving(
        &mut self,
        items: &mut ChoiceQueues<CompletionItem>,
        context: &mut Context<'_>,
    ) -> Poll<Result<(), ApiError>> {
        let Some(arriving) = &mut self.turn.arriving else { return Poll::Ready(Ok(())) };
        let step = match ready!(arriving.poll_next(context)) {
            Some(Ok(step)) => step,
            Some(Err(error)) => {
                self.turn.arriving = None;
                return Poll::Ready(Err(error));
            }
            None => {
                let reply = arriving.reply();
                self.turn.arrived(reply);
                self.close(items);
                return Poll::Ready(Ok(()));
            }
        };
        let (Step::Grown(choice, at, _) | Step::Part(choice, at)) = step else { return Poll::Ready(Ok(())) };
        let Some(Part::Text(text) | Part::Refusal(text)) = arriving.part(choice, at) else {
            return Poll::Ready(Ok(()));
        };
        let range = if let Step::Grown(_, _, range) = step { range } else { 0..text.text.len() };
        let text = text.text.get(range).unwrap_or_default().to_string();
        self.arrived.resize(self.arrived.len().max(choice + 1), 0);
        let offset = self.arrived[choice];
        self.arrived[choice] += text.chars().count();
        let tokens = Some(crate::tokens::count(self.turn.encoding, &text) as u32);
        items.push(CompletionItem::Text { choice, text, offset, tokens });
        Poll::Ready(Ok(()))
    }

    fn write(&mut self, item: &mut CompletionItem, out: &mut dyn Frames) -> bool {
        match item {
            CompletionItem::Usage => self.chunk(Vec::new(), out),
            CompletionItem::Text { choice, text, offset, .. } => self.text(*choice, text, *offset, None, None, out),
            CompletionItem::Part { choice, part, left, offset, closes } => {
                let (start, end, _) = left.piece();
                let text = match self.turn.choice(*choice).parts.get(*part) {
                    Some(Part::Text(text) | Part::Refusal(text)) => text.text.get(start..end).unwrap_or_default(),
                    _ => "",
                };
                let more = left.advance();
                let ended = (*closes && !more).then(|| finish(&self.turn, *choice));
                let own = self.own.get_mut(*choice).and_then(VecDeque::pop_front);
                self.text(*choice, text, *offset, own, ended, out);
                *offset += text.chars().count();
                return more;
            }
            CompletionItem::Finish(choices) => {
                let choices = choices.iter().map(|index| {
                    let reason = finish(&self.turn, *index);
                    json!({"text": "", "index": index, "logprobs": null, "finish_reason": reason})
                });
                self.chunk(choices.collect(), out);
            }
        }
        false
    }
}
