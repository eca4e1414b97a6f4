//! Breakpoints: an answer, or a piece of its stream, stops for a person to look at it and to change it.
//!
//! Pieces are those of a reply that arrives: whatever a stream is made of, be it a reply that is there already, goes
//! through a gate, piece by piece.

mod seen;

use self::seen::SeenPieces;
use crate::desk::breakpoints::{Pause, PausePlace};
use crate::desk::pending::{Decision, PausedChange};
use crate::reply::fault::FaultKind;
use crate::reply::pace::Chunk;
use crate::reply::{Arrival, Arriving, Choice, Part, Passing, Piece, Raw, RawBody, Reply, Say, Text, describe};
use crate::responders::operator::{self, Person};
use crate::runtime;
use crate::tokens::Encoding;
use crate::turn::{self, Found, Response, Turn};
use crate::wire::error::ApiError;
use bytes::Bytes;
use serde_json::{Value, json};
use std::collections::VecDeque;
use std::future::poll_fn;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::mpsc;

/// Whoever passes pieces on says himself how it ends: nobody gives up on him before.
const ENDLESS: Duration = Duration::from_secs(365 * 24 * 3600);

/// Lets an answer stop where breakpoints say.
///
/// # Errors
/// The answer's own, or what the person decided leads to.
pub(crate) async fn stop(turn: &Turn<'_>, given: Result<Found, ApiError>) -> Result<Found, ApiError> {
    match turn.call.emulator.desk.breakpoints.is_empty() {
        true => given,
        // Boxed: hardly any turn needs the room it takes.
        false => Box::pin(stopped(turn, given)).await,
    }
}

async fn stopped(turn: &Turn<'_>, given: Result<Found, ApiError>) -> Result<Found, ApiError> {
    let breakpoints = &turn.call.emulator.desk.breakpoints;
    let met = breakpoints.met(turn.call.session.serial, &turn.view());
    let person = Person::of(turn.call);
    let whole: Vec<u64> = met.iter().filter(|(_, place)| *place == PausePlace::Answer).map(|(id, _)| *id).collect();
    let whole = breakpoints.hit(&whole).await;
    let mut stepping = false;
    let mut given = given;
    if let Some(id) = whole {
        person.tells_of_hit();
        let pause = paused(turn, &given, id);
        // A breakpoint that nobody looks at holds up nobody for good.
        if let Some((decision, guard)) = person.decides(Value::Null, Some(pause)).await {
            match decision {
                Decision::Go { step, change } => {
                    guard.settles();
                    stepping = step;
                    match change {
                        None | Some(PausedChange::Text(_)) => {}
                        Some(PausedChange::Reply(reply)) => given = Ok(changed(reply)),
                        Some(PausedChange::Dropped) => return Ok(operator::broken(FaultKind::Stall(None))),
                    }
                }
                Decision::Cut => {
                    guard.settles();
                    return Ok(operator::broken(FaultKind::Disconnect));
                }
                other => match operator::decided(turn, other, guard).await? {
                    Response::Reply(found) => given = Ok(found),
                    _ => return given,
                },
            }
        }
    }
    let pieces: Vec<(u64, usize)> = met
        .into_iter()
        .filter_map(|(id, place)| match place {
            PausePlace::Piece(piece) => Some((id, piece)),
            PausePlace::Answer => None,
        })
        .collect();
    match given {
        Ok(found) if stepping || !pieces.is_empty() => Ok(gated(turn, found, person, pieces, stepping)),
        other => other,
    }
}

fn changed(reply: Box<Reply>) -> Found {
    Found::new(Arc::from(reply))
}

/// What has stopped, as a person sees it.
fn paused(turn: &Turn<'_>, given: &Result<Found, ApiError>, id: u64) -> Pause {
    let by = turn.call.exchange.record().by;
    let (status, reply, said) = match given {
        Err(error) => (error.status, written_error(error), error.message.clone()),
        Ok(found) => {
            let status = match &found.reply.say {
                Say::Error(error) => error.status,
                Say::Raw(raw) => raw.status,
                _ => 200,
            };
            // What still arrives says nothing yet.
            let there = found.arriving.is_none().then_some(&found.reply);
            let reply = there.and_then(|reply| describe::written(reply)).unwrap_or_default();
            (status, reply, there.map(|reply| describe::reply(reply)).unwrap_or_default())
        }
    };
    let place = PausePlace::Answer;
    Pause { breakpoint: Some(id), place, by, status: Some(status), reply, said, next: None }
}

fn written_error(error: &ApiError) -> Value {
    json!({"error": {"status": error.status, "message": error.message, "type": error.kind, "code": error.code, "param": error.param}})
}

/// The same answer, its pieces behind a gate; what comes in one piece stays as it is.
fn gated(turn: &Turn<'_>, mut found: Found, person: Person, stops: Vec<(u64, usize)>, stepping: bool) -> Found {
    let headers = match &found.reply.say {
        Say::Raw(raw) => &*raw.headers,
        _ => &[],
    };
    let seen = SeenPieces::of(turn.call.exchange.veil().cloned(), headers);
    let by = turn.call.exchange.record().by;
    let gate = Gate { person, by, stops, stepping, number: 0, seen };
    let late = ApiError::emulator("reply_function_failed", "The pieces of the reply stopped coming.");
    let open = |source: PieceSource, gate: Gate| {
        // One at a time: what is behind the gate has not left.
        let (sender, pieces) = mpsc::channel(1);
        runtime::spawn(async move { gate.pass(source, sender).await });
        Arriving::new(pieces, ENDLESS, late, Box::new(()))
    };
    if let Say::Raw(raw) = &found.reply.say {
        let (source, content_type) = match &raw.body {
            RawBody::Passing(passing) => match passing.take() {
                Some(arriving) => (PieceSource::Coming(arriving), None),
                None => return found,
            },
            RawBody::Sse(events) => (PieceSource::There(events.iter().map(event).collect()), Some("text/event-stream")),
            _ => return found,
        };
        let mut headers = raw.headers.clone();
        if let Some(kind) = content_type.filter(|_| !headers.iter().any(|(name, _)| name == "content-type")) {
            headers.push(("content-type".into(), format!("{kind}; charset=utf-8")));
        }
        let body = RawBody::Passing(Passing::new(open(source, gate)));
        let raw = Raw { status: raw.status, headers, body };
        found.reply = Arc::new(Reply { say: Say::Raw(Box::new(raw)), ..(*found.reply).clone() });
        return found;
    }
    let Some(prompt) = turn.prompt.filter(|prompt| prompt.stream) else { return found };
    let source = match (found.arriving.take(), &found.reply.say) {
        (Some(arriving), _) => PieceSource::Coming(*arriving),
        (None, Say::Choices(choices)) => {
            let model = turn.call.model(&prompt.model);
            let chunk = turn::chunk(turn.call, prompt, &model, &found);
            PieceSource::There(cut(choices, &chunk, turn.call.encoding(&model)))
        }
        _ => return found,
    };
    found.arriving = Some(Box::new(open(source, gate)));
    found
}

/// A server-sent event as it is on the wire.
fn event((name, data): &(Option<String>, Value)) -> Arrival {
    let name = name.as_ref().map(|name| format!("event: {name}\n")).unwrap_or_default();
    let data = data.as_str().map_or_else(|| data.to_string(), |text| text.replace('\n', "\ndata: "));
    Piece::Bytes(Bytes::from(format!("{name}data: {data}\n\n"))).into()
}

/// A reply that is there, in the pieces its stream would have; what hangs on a whole text (annotations, a phase, log
/// probabilities) keeps it whole.
fn cut(choices: &[Choice], chunk: &Chunk, encoding: Encoding) -> VecDeque<Arrival> {
    let mut out = VecDeque::new();
    for (number, choice) in choices.iter().enumerate() {
        let mut add = |piece| out.push_back(Arrival { choice: number, piece });
        let cut = |text: &Text| -> Vec<String> {
            if text.text.is_empty() {
                return vec![String::new()];
            }
            let pieces = text.pieces(chunk, encoding);
            pieces.ranges().map(|(from, to, _)| text.text[from..to].to_string()).collect()
        };
        let plain = |text: &Text| text.annotations.is_empty() && text.phase.is_none() && choice.logprobs.is_none();
        for part in &choice.parts {
            match part {
                Part::Text(text) if plain(text) => cut(text).into_iter().map(Piece::Text).for_each(&mut add),
                Part::Refusal(text) if plain(text) => cut(text).into_iter().map(Piece::Refusal).for_each(&mut add),
                Part::ToolCall(call) => {
                    let mut name = Some(call.name.clone());
                    for arguments in cut(&call.arguments) {
                        let id = if name.is_some() { call.id.clone() } else { None };
                        add(Piece::Call { name: name.take(), id, custom: Some(call.custom), arguments });
                    }
                }
                whole => add(Piece::Part(whole.clone())),
            }
        }
        choice.finish.into_iter().map(Piece::Finish).for_each(&mut add);
    }
    out
}

/// Where the pieces of a stream come from.
enum PieceSource {
    There(VecDeque<Arrival>),
    Coming(Arriving),
}

impl PieceSource {
    async fn next(&mut self) -> Option<Arrival> {
        match self {
            PieceSource::There(pieces) => pieces.pop_front(),
            PieceSource::Coming(arriving) => poll_fn(|context| arriving.poll_next(context)).await,
        }
    }
}

/// Passes pieces on, and stops before some.
struct Gate {
    person: Person,
    by: Option<&'static str>,
    /// Breakpoints and their pieces.
    stops: Vec<(u64, usize)>,
    /// Stops before the next piece, whichever it is.
    stepping: bool,
    /// The next piece's.
    number: usize,
    seen: SeenPieces,
}

impl Gate {
    async fn pass(mut self, mut source: PieceSource, out: mpsc::Sender<Arrival>) {
        loop {
            let next = tokio::select! {
                next = source.next() => next,
                () = out.closed() => return,
            };
            let Some(arrival) = next else { return };
            let passed = tokio::select! {
                passed = self.look(arrival) => passed,
                // Whoever waits for a person is told that the client has left.
                () = out.closed() => return,
            };
            let Some(arrival) = passed else { continue };
            let ends = matches!(arrival.piece, Piece::Failed(_));
            if out.send(arrival).await.is_err() || ends {
                return;
            }
        }
    }

    /// A piece as it leaves; `None` = it does not.
    async fn look(&mut self, arrival: Arrival) -> Option<Arrival> {
        let Some((kind, text)) = content(&arrival.piece) else { return Some(arrival) };
        self.seen.comes(match &arrival.piece {
            Piece::Bytes(bytes) => bytes,
            _ => text.as_bytes(),
        });
        let Arrival { choice, mut piece } = arrival;
        let number = self.number;
        self.number += 1;
        let mut changed = false;
        let breakpoints = &self.person.emulator().desk.breakpoints;
        let stops: Vec<u64> = self.stops.iter().filter(|(_, at)| *at == number).map(|(id, _)| *id).collect();
        let hit = breakpoints.hit(&stops).await;
        if hit.is_some() || self.stepping {
            if hit.is_some() {
                self.person.tells_of_hit();
            }
            let pause = Pause {
                breakpoint: hit,
                place: PausePlace::Piece(number),
                by: self.by,
                status: None,
                reply: Value::Null,
                said: self.seen.said(),
                next: Some((kind, self.seen.next())),
            };
            self.stepping = false;
            match self.person.decides(Value::Null, Some(pause)).await {
                None => {}
                Some((Decision::Go { step, change }, guard)) => {
                    guard.settles();
                    self.stepping = step;
                    match change {
                        Some(PausedChange::Dropped) => return None,
                        Some(PausedChange::Text(text)) => {
                            replace(&mut piece, text);
                            changed = true;
                        }
                        None | Some(PausedChange::Reply(_)) => {}
                    }
                }
                Some((_, guard)) => {
                    guard.settles();
                    self.person.cut();
                    let error = ApiError::new(500, "A person cut the connection.").kind("server_error");
                    return Some(Arrival { choice, piece: Piece::Failed(error) });
                }
            }
        }
        self.seen.passes(content(&piece).filter(|_| changed).map(|(_, text)| text));
        Some(Arrival { choice, piece })
    }
}

/// What a piece that carries content is, and its text.
fn content(piece: &Piece) -> Option<(&'static str, String)> {
    Some(match piece {
        Piece::Text(text) => ("text", text.clone()),
        Piece::Refusal(text) => ("refusal", text.clone()),
        Piece::Reasoning(text) => ("reasoning", text.clone()),
        Piece::Call { arguments, .. } => ("arguments", arguments.clone()),
        Piece::Part(part) => {
            let whole = Choice { parts: vec![part.clone()], ..Choice::default() };
            ("part", describe::reply(&Reply { say: Say::Choices(vec![whole]), ..Reply::default() }))
        }
        Piece::Bytes(bytes) => ("bytes", String::from_utf8_lossy(bytes).into_owned()),
        Piece::Finish(_) | Piece::Usage(_) | Piece::Unchecked | Piece::Failed(_) => return None,
    })
}

fn replace(piece: &mut Piece, with: String) {
    match piece {
        Piece::Text(text) | Piece::Refusal(text) | Piece::Reasoning(text) => *text = with,
        Piece::Call { arguments, .. } => *arguments = with,
        Piece::Bytes(bytes) => *bytes = with.into(),
        Piece::Part(part) => {
            *part = match part {
                Part::Refusal(_) => Part::Refusal(Text::new(with)),
                Part::Reasoning(_) => Part::Reasoning(vec![with]),
                _ => Part::Text(Text::new(with)),
            }
        }
        Piece::Finish(_) | Piece::Usage(_) | Piece::Unchecked | Piece::Failed(_) => {}
    }
}
