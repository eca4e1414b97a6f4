//! A chat completion as chunks (real-traffic §2.3), one token each.

use crate::api::chat::frame::{self, ChunkFrame, Running, Shown};
use crate::api::chat::render::{self, Facts};
use crate::api::chat::stored::CompletionKeeper;
use crate::api::choice_queues::{ChoiceQueues, Chunks, Cursor, Writer};
use crate::api::logprobs::{self, Scored};
use crate::prompt::Prompt;
use crate::random::Random;
use crate::reply::{Choice, Part, Text};
use crate::tokens;
use crate::turn::call::Call;
use crate::turn::usage::Counter;
use crate::turn::{Spoken, Step};
use crate::wire::dialect::{ChatDialect, Dialect};
use crate::wire::error::ApiError;
use crate::wire::event::write_json_str;
use crate::wire::event::{Frames, Work};
use bytes::BytesMut;
use serde_json::{Map, Value, json};
use std::collections::VecDeque;
use std::task::{Context, Poll, ready};

/// Characters of base64 in one delta of sound; a multiple of four, so that each decodes alone.
const SOUND: usize = 16_000;

/// What of a message its parts say.
const IN_PARTS: [&str; 5] = ["role", "content", "refusal", "tool_calls", "function_call"];

/// One chunk to write.
pub(super) enum ChatItem {
    /// A delta written as it is.
    Delta(usize, String),
    /// The same, with content of so many tokens.
    Content(usize, String, u32),
    /// The same, with the log probabilities of its tokens; `refuses` = it is a refusal's.
    Scored {
        choice: usize,
        delta: String,
        tokens: u32,
        scores: Vec<Scored>,
        refuses: bool,
    },
    /// What is left of a text; `scored` = the place of its next piece among the choice's log probabilities.
    Text {
        choice: usize,
        part: usize,
        left: Cursor,
        scored: Option<usize>,
    },
    Finish(usize),
    Usage,
}

/// Writes the stream of one answer.
pub(super) struct ChatEvents {
    turn: Spoken,
    facts: Facts,
    prompt: Prompt,
    frame: ChunkFrame,
    /// Log probabilities by choice, in the order of the pieces.
    scored: Vec<Vec<Scored>>,
    /// Those that a test wrote out, likewise; a piece may have several, or none.
    own: Vec<Option<Vec<Vec<Value>>>>,
    /// Choices of a reply still arriving whose messages are open.
    opened: Vec<usize>,
    /// Log probabilities that were told of each choice that arrives: of its text, and of its refusal.
    told: Vec<(Vec<Value>, Vec<Value>)>,
    /// Draws them.
    draws: Vec<Random>,
    /// Counts a reply that was still arriving when the stream began.
    counter: Counter,
    ids: Random,
    /// Keeps it when it has been said.
    keeper: Option<CompletionKeeper>,
    /// Forked for what is kept as for what is said.
    random: Random,
}

impl ChatEvents {
    pub(super) fn new(
        call: &Call,
        prompt: &Prompt,
        turn: Spoken,
        facts: Facts,
        keeper: Option<CompletionKeeper>,
    ) -> Chunks<Self> {
        let options = &call.body["stream_options"];
        let mut head = BytesMut::from(&b"{\"id\":"[..]);
        write_json_str(&facts.id, &mut head);
        head.extend_from_slice(b",\"object\":\"chat.completion.chunk\",\"created\":");
        head.extend_from_slice(facts.created.to_string().as_bytes());
        head.extend_from_slice(b",\"model\":");
        write_json_str(&turn.model_name, &mut head);
        head.extend_from_slice(b",\"service_tier\":");
        write_json_str(&facts.service_tier, &mut head);
        head.extend_from_slice(b",\"system_fingerprint\":");
        match &facts.fingerprint {
            Some(fingerprint) => write_json_str(fingerprint, &mut head),
            None => head.extend_from_slice(b"null"),
        }
        head.extend_from_slice(b",\"choices\":[");
        let shown = Shown {
            logprobs: facts.shows_logprobs,
            usage: options["include_usage"] == true,
            running: (facts.dialect == ChatDialect::Vllm).then(|| Running {
                prompt: call.counter().count(prompt, &[], &turn.model, Dialect::Chat).prompt,
                completion: 0,
            }),
            obfuscation: options["include_obfuscation"] != false && facts.dialect == ChatDialect::Openai,
        };
        let mut writer = ChatEvents {
            frame: ChunkFrame::new(&head, shown, call.random.fork("obfuscation")),
            scored: Vec::new(),
            own: Vec::new(),
            opened: Vec::new(),
            told: Vec::new(),
            draws: (0..turn.choices).map(|index| draw(call, index)).collect(),
            counter: call.counter(),
            ids: call.random.fork("arriving ids"),
            keeper,
            random: call.random.clone(),
            prompt: prompt.clone(),
            turn,
            facts,
        };
        let mut items = ChoiceQueues::default();
        if writer.turn.arriving.is_none() {
            writer.score(call);
            writer.own = (0..writer.turn.choices).map(|index| writer.own_scores(index)).collect();
            items = writer.plan();
        }
        Chunks::new(items, writer)
    }

    /// Log probabilities for every choice, if asked.
    fn score(&mut self, call: &Call) {
        let Some(top) = self.prompt.logprobs else { return };
        self.scored = (0..self.turn.choices)
            .map(|index| {
                let choice = self.turn.choice(index);
                let text: String = choice.parts.iter().filter_map(visible).map(|text| text.text.as_str()).collect();
                let mut random = draw(call, index);
                match &choice.logprobs {
                    Some(scripted) => logprobs::scripted(scripted),
                    None => {
                        let pieces = Text::new(text);
                        let cuts = pieces.pieces(&self.turn.chunk, self.turn.encoding);
                        let slices = cuts.ranges().map(|(start, end, _)| &pieces.text.as_bytes()[start..end]);
                        logprobs::invent(slices, top, &mut random)
                    }
                }
            })
            .collect();
    }

    /// The choice at this place of a body that a test wrote out; else null.
    fn written(&self, index: usize) -> &Value {
        &self.turn.written()["choices"][index]
    }

    /// The log probabilities that a test wrote out for a choice, by the pieces of its text.
    fn own_scores(&self, index: usize) -> Option<Vec<Vec<Value>>> {
        let own = self.written(index)["logprobs"].as_object()?;
        let part = self.turn.choice(index).parts.iter().find(|part| visible(part).is_some())?;
        let name = if matches!(part, Part::Refusal(_)) { "refusal" } else { "content" };
        let tokens = own.get(name)?.as_array()?;
        let length = |token: &Value| match &token["bytes"] {
            Value::Array(bytes) => bytes.len(),
            _ => token["token"].as_str().map_or(0, str::len),
        };
        let lengths: Vec<usize> = tokens.iter().map(length).collect();
        let pieces = visible(part)?.pieces(&self.turn.chunk, self.turn.encoding);
        let ends: Vec<usize> = pieces.ranges().map(|(_, end, _)| end).collect();
        Some(logprobs::shares(&lengths, &ends).into_iter().map(|share| tokens[share].to_vec()).collect())
    }

    /// Whether pieces of a choice's text have log probabilities.
    fn scores(&self, index: usize) -> bool {
        self.prompt.logprobs.is_some() || self.own.get(index).is_some_and(Option::is_some)
    }

    /// What a message that a test wrote out has beside its parts, as a delta.
    fn beside(&self, index: usize) -> Option<String> {
        let message = self.written(index)["message"].as_object()?;
        let told = |name: &str| IN_PARTS.contains(&name) || self.facts.thoughts.contains(&name);
        let says = |value: &Value| !value.is_null() && value.as_array().is_none_or(|list| !list.is_empty());
        let more = message.iter().filter(|(name, value)| !told(name) && says(value));
        let more: Map<String, Value> = more.map(|(name, value)| (name.clone(), value.clone())).collect();
        (!more.is_empty()).then(|| Value::from(more).to_string())
    }

    /// The delta of a text's annotations; those of a message that a test wrote out are beside its parts.
    fn annotations(&self, index: usize, text: &Text) -> Option<String> {
        let shown = !text.annotations.is_empty() && !self.written(index)["message"].is_object();
        shown.then(|| annotations_delta(&text.annotations))
    }

    /// Lays out the chunks of a reply that is ready: the choices' pieces interleaved.
    fn plan(&self) -> ChoiceQueues<ChatItem> {
        let mut items =
            ChoiceQueues::new((0..self.turn.choices).map(|index| self.lane(index, self.turn.choice(index))));
        self.close(&mut items);
        items
    }

    /// What follows all content: how each choice ended, in their order, then the usage.
    fn close(&self, items: &mut ChoiceQueues<ChatItem>) {
        for index in 0..self.turn.choices {
            items.extend(self.beside(index).map(|delta| ChatItem::Delta(index, delta)));
            items.push(ChatItem::Finish(index));
        }
        if self.frame.shown.usage {
            items.push(ChatItem::Usage);
        }
    }

    /// The chunks of one choice.
    fn lane(&self, index: usize, choice: &Choice) -> VecDeque<ChatItem> {
        let mut lane = VecDeque::new();
        let calls = choice.parts.iter().filter_map(render::as_call).count();
        let has_text = choice.parts.iter().any(|part| matches!(part, Part::Text(_)));
        let refuses = choice.parts.iter().any(|part| matches!(part, Part::Refusal(_)));
        let mut number = 0;
        let thinks = self.thoughts(choice.parts.iter());
        // One call alone opens the message and itself in one chunk (real-traffic §2.3).
        let merged = calls == 1 && !has_text && !refuses && !thinks;
        if !merged {
            lane.push_back(ChatItem::Delta(
                index,
                frame::opening(has_text || (calls == 0 && !refuses), refuses, calls > 0).into(),
            ));
        }
        let mut seen = 0;
        for (at, part) in choice.parts.iter().enumerate() {
            match part {
                Part::Text(text) | Part::Refusal(text) => {
                    let pieces = text.pieces(&self.turn.chunk, self.turn.encoding);
                    let scored = self.scores(index).then_some(seen);
                    seen += pieces.cuts.len();
                    let left = Cursor::new(pieces);
                    lane.extend(left.map(|left| ChatItem::Text { choice: index, part: at, left, scored }));
                    lane.extend(self.annotations(index, text).map(|delta| ChatItem::Delta(index, delta)));
                }
                Part::ToolCall(call) => {
                    let id = self.facts.call_ids.get(index).and_then(|ids| ids.get(number)).map_or("", String::as_str);
                    lane.push_back(ChatItem::Delta(index, self.call_head(call, number, id, merged)));
                    let left = Cursor::new(call.arguments.pieces(&self.turn.chunk, self.turn.encoding));
                    lane.extend(left.map(|left| ChatItem::Text { choice: index, part: at, left, scored: None }));
                    number += 1;
                }
                Part::Audio { data, transcript } => {
                    // The words first, then the sound in pieces, then when it expires.
                    let id = &self.facts.audio_id;
                    let words = json!({"audio": {"id": id, "transcript": transcript}}).to_string();
                    lane.push_back(ChatItem::Content(index, words, 0));
                    for piece in data.as_deref().unwrap_or_default().as_bytes().chunks(SOUND) {
                        let piece = String::from_utf8_lossy(piece);
                        let sound = json!({"audio": {"id": id, "data": piece}}).to_string();
                        lane.push_back(ChatItem::Content(index, sound, 0));
                    }
                    let expires = self.facts.created + render::SOUND_EXPIRES;
                    lane.push_back(ChatItem::Delta(
                        index,
                        json!({"audio": {"id": id, "expires_at": expires}}).to_string(),
                    ));
                }
                Part::Reasoning(summary) if thinks => {
                    for piece in render::pieces(&summary.join("\n\n"), &self.turn) {
                        let tokens = tokens::count(self.turn.encoding, &piece) as u32;
                        lane.push_back(ChatItem::Content(index, self.thought(&piece), tokens));
                    }
                }
                Part::Reasoning(_) | Part::Item(_) => {}
            }
        }
        lane
    }

    /// Whether reasoning among these parts is shown.
    fn thoughts<'a>(&self, mut parts: impl Iterator<Item = &'a Part>) -> bool {
        !self.facts.thoughts.is_empty() && parts.any(|part| matches!(part, Part::Reasoning(_)))
    }

    /// The delta of a piece of reasoning, under the names it has.
    fn thought(&self, piece: &str) -> String {
        let names = self.facts.thoughts.iter().map(|name| (name.to_string(), piece.into()));
        Value::from(names.collect::<Map<_, _>>()).to_string()
    }

    /// The chunk that names a call.
    fn call_head(&self, call: &crate::reply::ToolCall, number: usize, id: &str, merged: bool) -> String {
        if self.facts.legacy_functions {
            let inner = json!({"name": call.name, "arguments": ""});
            return if merged {
                json!({"role": "assistant", "content": null, "function_call": inner, "refusal": null}).to_string()
            } else {
                json!({"function_call": inner}).to_string()
            };
        }
        let head = if call.custom {
            json!([{"index": number, "id": id, "type": "custom", "custom": {"name": call.name, "input": ""}}])
        } else {
            json!([{"index": number, "id": id, "type": "function", "function": {"name": call.name, "arguments": ""}}])
        };
        if merged {
            json!({"role": "assistant", "content": null, "tool_calls": head, "refusal": null}).to_string()
        } else {
            json!({"tool_calls": head}).to_string()
        }
    }

    /// Opens the message of a choice that arrives, which begins with this part, unless it is open.
    fn open(&mut self, choice: usize, part: Option<&Part>, items: &mut ChoiceQueues<ChatItem>) {
        let hidden = match part {
            Some(Part::Reasoning(_)) => self.facts.thoughts.is_empty(),
            part => matches!(part, Some(Part::Item(_))),
        };
        if self.opened.contains(&choice) || hidden {
            return;
        }
        self.opened.push(choice);
        let calls = matches!(part, Some(Part::ToolCall(_)));
        let refuses = matches!(part, Some(Part::Refusal(_)));
        items.push(ChatItem::Delta(choice, frame::opening(!calls && !refuses, refuses, calls).into()));
    }

    /// Lays out what has arrived.
    fn arrived(&mut self, step: &Step, items: &mut ChoiceQueues<ChatItem>) {
        let (Step::Begun(choice, at) | Step::Grown(choice, at, _) | Step::Ended(choice, at) | Step::Part(choice, at)) =
            *step;
        let Some(part) = self.turn.arriving.as_ref().and_then(|arriving| arriving.part(choice, at)).cloned() else {
            return;
        };
        if matches!(step, Step::Begun(..) | Step::Part(..)) {
            self.open(choice, Some(&part), items);
            if let Part::ToolCall(call) = &part {
                let id = call.id.clone().unwrap_or_else(|| crate::wire::ids::call(&mut self.ids));
                let ids = &mut self.facts.call_ids;
                ids.resize_with(ids.len().max(choice + 1), Vec::new);
                ids[choice].push(id.clone());
                let number = self.number_of(choice, at);
                items.push(ChatItem::Delta(choice, self.call_head(call, number, &id, false)));
            }
        }
        if let (Part::Reasoning(summary), Step::Grown(_, _, range), true) =
            (&part, step, self.thoughts([&part].into_iter()))
        {
            let piece = summary.last().and_then(|text| text.get(range.clone())).unwrap_or_default();
            let tokens = tokens::count(self.turn.encoding, piece) as u32;
            items.push(ChatItem::Content(choice, self.thought(piece), tokens));
        }
        let Some(text) = pieces_of(&part) else { return };
        let range = match step {
            Step::Grown(_, _, range) => range.clone(),
            Step::Part(..) => 0..text.text.len(),
            _ => return,
        };
        let mut delta = BytesMut::new();
        let said = text.text.get(range.clone()).unwrap_or_default();
        let tokens = tokens::count(self.turn.encoding, said) as u32;
        frame::write_piece(self.number_of(choice, at), &part, range, self.facts.legacy_functions, &mut delta);
        let delta = String::from_utf8_lossy(&delta).into_owned();
        items.push(match self.score_arrived(choice, &part, said) {
            Some(scores) => {
                ChatItem::Scored { choice, delta, tokens, scores, refuses: matches!(part, Part::Refusal(_)) }
            }
            None => ChatItem::Content(choice, delta, tokens),
        });
        if let (Step::Part(..), Some(delta)) = (step, self.annotations(choice, text)) {
            items.push(ChatItem::Delta(choice, delta));
        }
    }

    /// Log probabilities of what has arrived of a message's text, if asked.
    fn score_arrived(&mut self, choice: usize, part: &Part, said: &str) -> Option<Vec<Scored>> {
        let top = self.prompt.logprobs.filter(|_| visible(part).is_some())?;
        let random = self.draws.get_mut(choice)?;
        let scores = logprobs::invent(logprobs::tokens_of(said, self.turn.encoding), top, random);
        self.told.resize_with(self.told.len().max(choice + 1), Default::default);
        let told = &mut self.told[choice];
        if matches!(part, Part::Refusal(_)) { &mut told.1 } else { &mut told.0 }.extend(logprobs::chat(&scores));
        Some(scores)
    }

    /// The number of a tool call that arrives among the calls of its choice.
    fn number_of(&self, choice: usize, at: usize) -> usize {
        let parts = self.turn.arriving.as_ref().map_or(&[][..], |arriving| &arriving.choice(choice).parts);
        parts.iter().take(at).filter(|part| render::as_call(part).is_some()).count()
    }
}

/// The text of a part that is sent in pieces.
fn pieces_of(part: &Part) -> Option<&Text> {
    match part {
        Part::ToolCall(call) => Some(&call.arguments),
        part => visible(part),
    }
}

/// The text a piece of the message is cut from.
fn visible(part: &Part) -> Option<&Text> {
    match part {
        Part::Text(text) | Part::Refusal(text) => Some(text),
        _ => None,
    }
}

/// `logprobs` of a piece.
fn both(list: Vec<Value>, refuses: bool) -> Value {
    match refuses {
        true => json!({"content": null, "refusal": list}),
        false => json!({"content": list, "refusal": null}),
    }
}

/// Draws the log probabilities of a choice.
fn draw(call: &Call, index: usize) -> Random {
    call.random.fork(&format!("logprobs {index}"))
}

fn annotations_delta(annotations: &[Value]) -> String {
    let nested: Vec<Value> = annotations.iter().map(render::nested_annotation).collect();
    json!({"annotations": nested}).to_string()
}

impl Writer for ChatEvents {
    type Item = ChatItem;

    fn ended(&mut self) -> Option<Work> {
        let keeper = self.keeper.take()?;
        let mut stored = render::streamed(&self.random, &self.prompt, &self.turn, &self.facts, &keeper);
        for (choice, (text, refusal)) in std::mem::take(&mut self.told).into_iter().enumerate() {
            let list = |list: Vec<Value>| if list.is_empty() { Value::Null } else { list.into() };
            stored.scored(choice, json!({"content": list(text), "refusal": list(refusal)}));
        }
        Some(Box::pin(async move { keeper.keep(&stored).await }))
    }

    fn is_arriving(&self) -> bool {
        self.turn.arriving.is_some()
    }

    fn content(item: &ChatItem) -> Option<u32> {
        match item {
            ChatItem::Text { left, .. } => Some(left.piece().2),
            ChatItem::Content(_, _, tokens) | ChatItem::Scored { tokens, .. } => Some(*tokens),
            _ => None,
        }
    }

    fn ends(item: &ChatItem) -> bool {
        matches!(item, ChatItem::Finish(_) | ChatItem::Usage)
    }

    fn poll_arriving(
        &mut self,
        items: &mut ChoiceQueues<ChatItem>,
        context: &mut Context<'_>,
    ) -> Poll<Result<(), ApiError>> {
        let Some(arriving) = &mut self.turn.arriving else { return Poll::Ready(Ok(())) };
        match ready!(arriving.poll_next(context)) {
            Some(Ok(step)) => self.arrived(&step, items),
            Some(Err(error)) => {
                self.turn.arriving = None;
                return Poll::Ready(Err(error));
            }
            None => {
                let reply = arriving.reply();
                (0..self.turn.choices).for_each(|choice| self.open(choice, None, items));
                self.turn.arrived(reply);
                self.facts.usage = Some(render::usage_of(&self.counter, &self.prompt, &self.turn));
                self.close(items);
            }
        }
        Poll::Ready(Ok(()))
    }

    fn write(&mut self, item: &mut ChatItem, out: &mut dyn Frames) -> bool {
        if let (Some(running), Some(tokens)) = (&mut self.frame.shown.running, Self::content(item)) {
            running.completion += u64::from(tokens);
        }
        match item {
            ChatItem::Delta(choice, delta) | ChatItem::Content(choice, delta, _) => {
                let logprobs = (self.scores(*choice) && delta.starts_with("{\"role\""))
                    .then_some("{\"content\":[],\"refusal\":null}");
                self.frame.chunk(Some(*choice), |out| out.extend_from_slice(delta.as_bytes()), logprobs, "null", out);
            }
            ChatItem::Scored { choice, delta, scores, refuses, .. } => {
                let logprobs = both(logprobs::chat(scores), *refuses).to_string();
                let delta = |out: &mut BytesMut| out.extend_from_slice(delta.as_bytes());
                self.frame.chunk(Some(*choice), delta, Some(&logprobs), "null", out);
            }
            ChatItem::Text { choice, part, left, scored } => {
                let chosen = self.turn.choice(*choice);
                let Some(part) = chosen.parts.get(*part) else { return false };
                let list = scored.and_then(|at| match self.own.get(*choice) {
                    Some(Some(own)) => own.get(at).cloned(),
                    _ => Some(logprobs::chat(std::slice::from_ref(self.scored.get(*choice)?.get(at)?))),
                });
                let refuses = matches!(part, Part::Refusal(_));
                let logprobs = list.map(|list| both(list, refuses).to_string());
                let (start, end, _) = left.piece();
                let legacy = self.facts.legacy_functions;
                let delta = |out: &mut BytesMut| {
                    frame::write_piece(frame::number_of(chosen, part), part, start..end, legacy, out)
                };
                self.frame.chunk(Some(*choice), delta, logprobs.as_deref(), "null", out);
                *scored = scored.map(|at| at + 1);
                return left.advance();
            }
            ChatItem::Finish(choice) => {
                let own = self.written(*choice)["finish_reason"].as_str();
                let derived = || render::finish(self.turn.choice(*choice), &self.prompt, &self.facts);
                let reason = json!(own.unwrap_or_else(derived)).to_string();
                self.frame.chunk(Some(*choice), |out| out.extend_from_slice(b"{}"), None, &reason, out);
            }
            ChatItem::Usage => {
                let usage = json!(self.facts.usage).to_string();
                self.frame.chunk(None, |out| out.extend_from_slice(usage.as_bytes()), None, "", out);
            }
        }
        false
    }
}
