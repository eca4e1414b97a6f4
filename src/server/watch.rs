//! The control room's socket: events to whoever watches, actions from whoever answers.
//!
//! A watcher reads the events that are kept at its own pace, so that nobody holds up anybody: one that falls behind what
//! is kept is dropped.

use super::handshake;
use super::replica;
use super::socket::Control;
use crate::emulator::Emulator;
use crate::room;
use crate::runtime;
use crate::script::place::clip;
use crate::wire::error::ApiError;
use bytes::Bytes;
use futures_util::stream::SplitSink;
use futures_util::{SinkExt, StreamExt};
use hyper::http::request::Parts;
use hyper::upgrade::{OnUpgrade, Upgraded};
use hyper_util::rt::TokioIo;
use serde_json::{Map, Value, json};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;
use tokio::time::{Instant, sleep_until, timeout};
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::protocol::{Role, WebSocketConfig};
use tokio_tungstenite::tungstenite::{Message, Utf8Bytes};

/// The largest message of a watcher: an answer with pictures.
const LARGEST: usize = 16 << 20;

/// Events that leave together.
const TOGETHER: usize = 256;

/// Events leave this long after the first of them: sooner nobody sees.
const PACE: Duration = Duration::from_millis(40);

/// Each further watcher may make all of them wait for so much more: sending is what they cost.
const PACE_EACH: Duration = Duration::from_micros(500);

/// What is told otherwise than by events is looked for this often.
const LOOK: Duration = Duration::from_millis(500);

/// A watcher that takes nothing for this long is dropped.
const PATIENCE: Duration = Duration::from_secs(15);

/// The watcher's next name.
static NEXT: AtomicU64 = AtomicU64::new(1);

type Out = SplitSink<WebSocketStream<TokioIo<Upgraded>>, Message>;

/// Serves the socket once its handshake is answered. Who has that answer is told whatever happens then: what is so, and
/// from which event on, is known before.
pub(super) fn open(emulator: Arc<Emulator>, control: Arc<Control>, upgrade: OnUpgrade) {
    let open = emulator.opened();
    emulator.desk.attend();
    let watching = emulator.desk.events.watch();
    // From here on whatever waits is in the list or told by an event after it.
    let so = emulator.desk.as_of();
    runtime::spawn_on(runtime::beside(), async move {
        // Goes last: a stop waits until the socket is closed.
        let _open = open;
        let Ok(upgraded) = upgrade.await else { return };
        let config = WebSocketConfig::default().max_message_size(Some(LARGEST)).max_frame_size(Some(LARGEST));
        let socket = WebSocketStream::from_raw_socket(TokioIo::new(upgraded), Role::Server, Some(config)).await;
        control.upgrade();
        serve(&emulator, socket, so).await;
        drop(watching);
    });
}

/// The upgrade that a request for the control room's socket asks for.
pub(super) fn asked(parts: &mut Parts) -> Option<OnUpgrade> {
    (parts.uri.path() == "/ws").then(|| handshake::upgrade(parts)).flatten()
}

/// `so` = the requests that wait, as of the number of an event.
async fn serve(emulator: &Arc<Emulator>, socket: WebSocketStream<TokioIo<Upgraded>>, so: (Vec<Value>, u64)) {
    let events = &emulator.desk.events;
    emulator.begins_to_watch().await;
    let (mut out, mut messages) = socket.split();
    let number = NEXT.fetch_add(1, Ordering::Relaxed);
    let name = format!("operator-{number}");
    // Of replicas the others' events are known only now.
    let (waiting, last) = if emulator.cluster.is_some() { emulator.desk.as_of() } else { so };
    let (_, oldest) = events.range();
    let mut seen = last;
    let hello = json!({
        "version": env!("CARGO_PKG_VERSION"),
        "epoch": events.epoch(),
        "seq": last,
        "oldest": oldest,
        "client": name,
        "token_needed": !emulator.is_loopback(),
    });
    let mut greeting = vec![json!({"type": "hello", "data": hello})];
    greeting.extend(waiting.into_iter().map(|data| json!({"type": "new_request", "data": data})));
    if send(emulator, &mut out, greeting.iter().map(text).collect(), seen).await.is_err() {
        return;
    }
    let mut news = events.news();
    let mut stopping = emulator.stopping();
    let mut due = Instant::now();
    // It is known that there are news: until they are sent, further ones wake nobody.
    let mut noticed = false;
    let mut stopped = false;
    loop {
        tokio::select! {
            message = messages.next() => {
                let heard = match message {
                    Some(Ok(Message::Text(text))) => text.to_string(),
                    Some(Ok(Message::Binary(_))) => String::new(),
                    Some(Ok(Message::Ping(_) | Message::Pong(_) | Message::Frame(_))) => continue,
                    Some(Ok(Message::Close(_)) | Err(_)) | None => break,
                };
                if let Some(answer) = replica::act(emulator, &name, &heard).await {
                    if send(emulator, &mut out, vec![text(&answer)], seen).await.is_err() {
                        break;
                    }
                    continue;
                }
                let mut again = None;
                let answer = || {
                    let (since, answer) = answer(emulator, &name, &heard);
                    again = since;
                    answer
                };
                let answer = emulator.kept(answer).await.unwrap_or_else(|error| failed(&Map::new(), &error));
                if let Some(since) = again {
                    seen = since;
                    if catch_up(emulator, &mut out, &mut seen).await.is_err() {
                        break;
                    }
                }
                if send(emulator, &mut out, vec![text(&answer)], seen).await.is_err() {
                    break;
                }
            }
            () = sleep_until(due) => {
                events.catch_up();
                noticed = false;
                news.mark_unchanged();
                // Once a stop has let go of what waits, there is nothing left to tell.
                let over = stopped && emulator.desk.pending.is_empty();
                if catch_up(emulator, &mut out, &mut seen).await.is_err() {
                    break;
                }
                if over {
                    let _ = timeout(PATIENCE, out.send(Message::Close(None))).await;
                    break;
                }
                due = Instant::now() + if stopped { PACE } else { LOOK };
            }
            changed = news.changed(), if !noticed => {
                if changed.is_err() {
                    break;
                }
                noticed = true;
                due = due.min(Instant::now() + pace(number, events.watchers()));
            }
            () = stopping.stopped(), if !stopped => {
                stopped = true;
                due = Instant::now();
            }
        }
    }
    emulator.desk.leave(&name);
}

/// How long the events of one watcher wait for more of them. Of many, each has another moment: all at once would be a
/// burst that others feel.
fn pace(number: u64, watchers: usize) -> Duration {
    // Multiples of the golden ratio fill an interval evenly, however many there are.
    let place = (number as f64 * 0.618_033_988_749_895).fract();
    PACE + (PACE_EACH * u32::try_from(watchers).unwrap_or(u32::MAX)).mul_f64(place)
}

/// Sends the events that were not seen. Err = the watcher is gone, or too far behind.
async fn catch_up(emulator: &Emulator, out: &mut Out, seen: &mut u64) -> Result<(), ()> {
    loop {
        let next = emulator.desk.events.after(*seen, TOGETHER).ok_or(())?;
        if next.is_empty() {
            return Ok(());
        }
        *seen += next.len() as u64;
        send(emulator, out, next, *seen).await?;
    }
}

fn text(value: &Value) -> Bytes {
    value.to_string().into()
}

/// Sends texts to a watcher who has seen the events up to this one. Err = the watcher is gone, takes nothing, or falls
/// behind what is kept meanwhile.
async fn send(emulator: &Emulator, out: &mut Out, texts: Vec<Bytes>, seen: u64) -> Result<(), ()> {
    let sending = async {
        for text in texts {
            let text = Utf8Bytes::try_from(text).map_err(drop)?;
            out.feed(Message::Text(text)).await.map_err(drop)?;
        }
        out.flush().await.map_err(drop)
    };
    let events = &emulator.desk.events;
    let mut news = events.news();
    let behind = news.wait_for(|_| events.range().1 > seen + 1);
    tokio::select! {
        sent = timeout(PATIENCE, sending) => sent.map_err(drop)?,
        _ = behind => Err(()),
    }
}

/// What a message leads to: events that are to come again, and an answer.
fn answer(emulator: &Arc<Emulator>, name: &str, heard: &str) -> (Option<u64>, Value) {
    let given = match serde_json::from_str::<Value>(heard) {
        Ok(Value::Object(given)) => given,
        _ => {
            let error =
                ApiError::invalid("A message is a JSON object with a type: {\"type\": \"claim\", \"id\": \"1\"}.");
            return (None, failed(&Map::new(), &error.code("invalid_message")));
        }
    };
    let kind = match room::text(&given, "type") {
        Ok(kind) => kind,
        Err(error) => return (None, failed(&given, &error)),
    };
    let ack = |more: Value| acknowledged(&given, kind, more);
    match kind {
        "ping" => (None, ack(json!({}))),
        "resume" => {
            let events = &emulator.desk.events;
            let (since, epoch) = match resumed(&given) {
                Ok(resumed) => resumed,
                Err(error) => return (None, failed(&given, &error)),
            };
            let same = epoch.is_none_or(|epoch| epoch == events.epoch());
            let since = since.filter(|since| same && events.after(*since, 0).is_some());
            (since, ack(json!({"complete": since.is_some()})))
        }
        action => match room::act(emulator, action, &given, &room::actor(&given, name)) {
            Ok(_) => (None, ack(json!({}))),
            Err(error) => (None, failed(&given, &error)),
        },
    }
}

/// From which event on a watcher wants to go on, and in which counting.
fn resumed(given: &Map<String, Value>) -> Result<(Option<u64>, Option<&str>), ApiError> {
    let there = |key| given.get(key).filter(|value| !value.is_null());
    let since = there("since").map(|since| {
        let wrong = || format!("since: expected the number of an event, from 0, but got {}", clip(&since.to_string()));
        since.as_u64().ok_or_else(|| ApiError::invalid(wrong()).param("since").code("invalid_value"))
    });
    let epoch = there("epoch").map(|_| room::text(given, "epoch"));
    Ok((since.transpose()?, epoch.transpose()?))
}

/// What a message led to.
pub(super) fn acknowledged(given: &Map<String, Value>, kind: &str, more: Value) -> Value {
    let mut data = json!({"for": kind});
    for key in ["id", "ref"] {
        if let Some(value) = given.get(key) {
            data[key] = value.clone();
        }
    }
    if let (Some(data), Value::Object(more)) = (data.as_object_mut(), more) {
        data.extend(more);
    }
    json!({"type": "ack", "data": data})
}

pub(super) fn failed(given: &Map<String, Value>, error: &ApiError) -> Value {
    let mut data = json!({"message": error.message, "code": error.code});
    for (from, to) in [("type", "for"), ("id", "id"), ("ref", "ref")] {
        if let Some(value) = given.get(from) {
            data[to] = value.clone();
        }
    }
    json!({"type": "error", "data": data})
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn many_watchers_take_turns_and_few_wait_for_nobody() {
        assert!((1..100).all(|number| pace(number, 1) < PACE + Duration::from_millis(1)));
        let longest = PACE + PACE_EACH * 500;
        let mut tenths = [0; 10];
        for number in 1_000..1_500 {
            let share = (pace(number, 500) - PACE).as_secs_f64() / (longest - PACE).as_secs_f64();
            tenths[(share * 10.0) as usize] += 1;
        }
        assert!(tenths.iter().all(|count| (45..=55).contains(count)), "{tenths:?}");
    }
}
