//! Responses over a WebSocket: each `response.create` is a request like any other, its events are the frames.
//!
//! The frames carry the same events as a stream over HTTP, with the same pace and faults, because the same driver takes
//! them from the same source. A connection has lanes, named by `stream_id`; each answers one request after the other.

use crate::clock::Mode;
use crate::emulator::Emulator;
use crate::exchange::body::Sent;
use crate::exchange::route;
use crate::exchange::route::Normal;
use crate::exchange::run::{self, Asked};
use crate::runtime;
use crate::server::body::{Cut, Timed};
use crate::server::message::{self, Messages, error_event};
use crate::server::respond;
use crate::server::socket::{Control, QUIET, SETTLE};
use crate::session::Session;
use crate::turn::lane::Lane;
use crate::turn::lane::LaneMemory;
use crate::wire::error::ApiError;
use crate::wire::headers::Headers;
use crate::wire::json as values;
use futures_util::stream::{SplitSink, SplitStream};
use futures_util::{SinkExt, StreamExt};
use hyper::http::request::Parts;
use hyper::upgrade::{OnUpgrade, Upgraded};
use hyper_util::rt::TokioIo;
use serde_json::{Map, Value, json};
use std::collections::HashMap;
use std::future::poll_fn;
use std::net::SocketAddr;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::mpsc;
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::protocol::frame::CloseFrame;
use tokio_tungstenite::tungstenite::protocol::frame::coding::CloseCode;
use tokio_tungstenite::tungstenite::protocol::{Role, WebSocketConfig};

/// How long a connection may last.
const LIFETIME: Duration = Duration::from_secs(60 * 60);

/// Lanes of one connection, and requests that wait in one of them.
const LANES: usize = 64;
const WAITING: usize = 64;

/// An event of the client, and how many bytes it had.
type Heard = (Map<String, Value>, usize);

/// What all lanes of a connection share.
struct Connection {
    emulator: Arc<Emulator>,
    control: Arc<Control>,
    session: Arc<Session>,
    headers: Arc<Headers>,
    target: String,
    azure: bool,
    peer: Option<SocketAddr>,
    memory: LaneMemory,
    /// To the client.
    out: mpsc::Sender<Message>,
}

impl Connection {
    /// The script cuts the connection. Always false: it is over.
    async fn cut(&self) -> bool {
        let _ = self.out.send(Message::Close(None)).await;
        false
    }
}

/// Serves the connection once its handshake is answered.
pub(super) fn open(
    emulator: Arc<Emulator>,
    control: Arc<Control>,
    upgrade: OnUpgrade,
    parts: Parts,
    session: Arc<Session>,
) {
    let target = parts.uri.path_and_query().map_or("/v1/responses", |target| target.as_str()).to_string();
    let azure = target.contains("/openai/");
    let peer = respond::peer(&emulator.settings, &parts);
    let open = emulator.opened();
    runtime::spawn(async move {
        // Goes last: a stop waits until the socket is closed.
        let _open = open;
        let Ok(upgraded) = upgrade.await else { return };
        let (out, frames) = mpsc::channel(WAITING);
        let config = WebSocketConfig::default()
            .max_message_size(Some(emulator.settings.max_body_bytes))
            .max_frame_size(Some(emulator.settings.max_body_bytes));
        let socket = WebSocketStream::from_raw_socket(TokioIo::new(upgraded), Role::Server, Some(config)).await;
        let headers = Arc::new(Headers::of(&parts.headers));
        let memory = LaneMemory::default();
        control.upgrade();
        let connection = Connection { peer, emulator, control, session, headers, target, azure, memory, out };
        serve(Arc::new(connection), socket, frames).await;
    });
}

/// Why a connection ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum LaneEnd {
    /// The client leaves.
    Left,
    /// The script cuts it: it ends like the connection under it, without a close frame.
    Cut,
    /// It has lasted as long as it may.
    Aged,
    /// The emulator stops, and all that was asked is answered or has had its grace time.
    Stopped,
}

type Reading = SplitStream<WebSocketStream<TokioIo<Upgraded>>>;
type Writing = SplitSink<WebSocketStream<TokioIo<Upgraded>>, Message>;

/// Hands messages to their lanes and frames to the client until one side leaves. Reading and writing go on side by side:
/// a full queue of frames holds back whoever fills it, never the one who empties it, and what ends the connection waits
/// for neither.
async fn serve(
    connection: Arc<Connection>,
    socket: WebSocketStream<TokioIo<Upgraded>>,
    frames: mpsc::Receiver<Message>,
) {
    let (mut write, mut read) = socket.split();
    let (emulator, control) = (connection.emulator.clone(), connection.control.clone());
    let session = connection.session.clone();
    let clock = &session.clock;
    // An instant clock would be there at once.
    let aged = clock.wait(clock.now() + LIFETIME).filter(|_| clock.mode() != Mode::Instant);
    let age = async {
        match aged {
            Some(wait) => wait.await,
            None => std::future::pending().await,
        }
    };
    let over = async {
        stopped(&emulator).await;
        tokio::time::sleep(Duration::from_millis(emulator.settings.grace_ms)).await;
        emulator.let_go();
    };
    let end = tokio::select! {
        end = listen(connection, &mut read) => end,
        end = speak(frames, &mut write) => end,
        () = age => LaneEnd::Aged,
        () = over => LaneEnd::Stopped,
    };
    if end == LaneEnd::Cut {
        if control.resets() {
            tokio::time::sleep(SETTLE).await;
        }
        return;
    }
    let farewell = async {
        if end == LaneEnd::Aged {
            let error = ApiError::invalid(
                "Responses websocket connection limit reached (60 minutes). Create a new websocket connection to continue.",
            )
            .code("websocket_connection_limit_reached");
            let _ = write.send(error_frame(&error, "")).await;
        }
        if end != LaneEnd::Left {
            let code = if end == LaneEnd::Stopped { CloseCode::Away } else { CloseCode::Normal };
            let _ = write.send(Message::Close(Some(CloseFrame { code, reason: "".into() }))).await;
        }
        // Until the client has closed too; this also sends the answer to its close.
        while let Some(Ok(_)) = read.next().await {}
    };
    let _ = tokio::time::timeout(QUIET, farewell).await;
}

/// Waits until the emulator stops.
async fn stopped(emulator: &Emulator) {
    emulator.stopping().stopped().await;
}

/// Hears messages until the client leaves. After a stop they are no longer heard; what was asked goes on.
async fn listen(connection: Arc<Connection>, read: &mut Reading) -> LaneEnd {
    let mut lanes: HashMap<String, mpsc::Sender<Heard>> = HashMap::new();
    let emulator = connection.emulator.clone();
    let hearing = async {
        while let Some(Ok(message)) = read.next().await {
            match message {
                Message::Text(text) => hear(&connection, &mut lanes, text.as_str()).await,
                Message::Close(_) => break,
                _ => {}
            }
        }
        LaneEnd::Left
    };
    tokio::select! {
        end = hearing => return end,
        () = stopped(&emulator) => {}
    }
    // Lanes without a sender end with their last answer; without lanes there are no more frames.
    drop((lanes, connection));
    while let Some(Ok(message)) = read.next().await {
        if message.is_close() {
            break;
        }
    }
    LaneEnd::Left
}

/// Sends frames as they come, until all who could make one are gone.
async fn speak(mut frames: mpsc::Receiver<Message>, write: &mut Writing) -> LaneEnd {
    while let Some(frame) = frames.recv().await {
        match frame {
            Message::Close(_) => return LaneEnd::Cut,
            frame => {
                if write.send(frame).await.is_err() {
                    return LaneEnd::Left;
                }
            }
        }
    }
    LaneEnd::Stopped
}

/// One message of the client: refused, or put into its lane.
async fn hear(connection: &Arc<Connection>, lanes: &mut HashMap<String, mpsc::Sender<Heard>>, text: &str) {
    let (name, read) = runtime::aside(text.len(), || read(text, connection.emulator.settings.max_body_bytes));
    let refused = match read {
        Ok(event) => {
            if !lanes.contains_key(&name) && lanes.len() < LANES {
                let (sender, inbox) = mpsc::channel(WAITING);
                runtime::spawn(run(connection.clone(), name.clone(), inbox));
                lanes.insert(name.clone(), sender);
            }
            match lanes.get(&name).map(|lane| lane.try_send((event, text.len()))) {
                Some(Ok(())) => return,
                Some(Err(_)) => ApiError::new(429, format!("More than {WAITING} requests wait on this connection.")),
                None => ApiError::new(429, format!("A connection has at most {LANES} streams.")).param("stream_id"),
            }
        }
        Err(error) => error,
    };
    let _ = connection.out.send(error_frame(&refused, &name)).await;
}

/// A message: the lane it is for, and the event.
fn read(text: &str, limit: usize) -> (String, Result<Map<String, Value>, ApiError>) {
    if let Err(error) = values::check(text.as_bytes(), limit) {
        return (String::new(), Err(error));
    }
    let Ok(Value::Object(event)) = serde_json::from_str::<Value>(text) else {
        return (String::new(), Err(ApiError::invalid("The message is not a JSON object.").code("invalid_json")));
    };
    let name = event.get("stream_id").and_then(Value::as_str).unwrap_or_default().to_string();
    let known = match event.get("type").and_then(Value::as_str) {
        Some("response.create" | "response.steer") => Ok(event),
        Some(other) => Err(ApiError::invalid_value("type", other, &["response.create", "response.steer"])),
        None => Err(ApiError::missing("type")),
    };
    (name, known)
}

/// A lane: one event after the other.
async fn run(connection: Arc<Connection>, name: String, mut inbox: mpsc::Receiver<Heard>) {
    let lane = Lane { name, memory: connection.memory.clone(), silent: false };
    while let Some((event, size)) = inbox.recv().await {
        let answered = pin!(async {
            match event.get("type").and_then(Value::as_str) {
                Some("response.steer") => connection.out.send(steer_failed(&event, &lane)).await.is_ok(),
                _ => create(&connection, &lane, event).await,
            }
        });
        let answering = pin!(runtime::all_aside(size, answered));
        // A reply that stalls must not outlive its client.
        let sent = tokio::select! {
            // A bug of ours ends the connection, as one in a body does.
            sent = runtime::caught(answering) => match sent {
                Ok(sent) => sent,
                Err(_) => connection.out.send(Message::Close(None)).await.is_err(),
            },
            () = connection.out.closed() => false,
        };
        if !sent {
            return;
        }
    }
}

/// Steering changes a response that is being made; here a response is known before its first event leaves.
fn steer_failed(event: &Map<String, Value>, lane: &Lane) -> Message {
    let id = event.get("previous_response_id").and_then(Value::as_str).unwrap_or_default();
    let (code, message) = match lane.recall(id) {
        Some(_) => ("response_already_completed", "The response completed and is no longer accepting steering input."),
        None => ("response_not_found", "The target response is not available on this connection."),
    };
    let event = json!({
        "type": "response.steer.failed",
        "error": {"code": code, "message": message},
        "sequence_number": 0,
        "steer": {"previous_response_id": id},
    });
    message::of(&event, &lane.name)
}

/// Answers one `response.create`; false when the connection is over.
async fn create(connection: &Connection, lane: &Lane, mut event: Map<String, Value>) -> bool {
    for envelope in ["type", "stream_id"] {
        event.shift_remove(envelope);
    }
    let previous = event.get("previous_response_id").and_then(Value::as_str).map(String::from);
    if event.get("background") == Some(&Value::Bool(true)) {
        let error = ApiError::invalid("Background mode is not supported over a websocket connection.")
            .param("background")
            .code("unsupported_parameter");
        return connection.out.send(error_frame(&error, &lane.name)).await.is_ok();
    }
    // Fields of the socket, unknown to the operation.
    let silent = event.shift_remove("generate") == Some(Value::Bool(false));
    event.insert("stream".into(), json!(true));
    let event = Value::Object(event);
    let bytes = event.to_string().into();
    let normal = Normal {
        path: "/v1/responses".into(),
        azure: connection.azure,
        versioned: false,
        deployment: None,
        session: None,
    };
    let asked = Asked {
        method: "POST".into(),
        target: connection.target.clone(),
        route: route::find("POST", &normal.path),
        normal,
        query: Vec::new(),
        headers: connection.headers.clone(),
        // Looked up anew: it may have been reset since the handshake.
        session: Ok(connection.emulator.session(&connection.session.key)),
        body: Sent::Json(event, bytes),
        peer: connection.peer,
        lane: Some(Lane { silent, ..lane.clone() }),
        budget: Arc::default(),
    };
    let answered = run::run(&connection.emulator, asked).await;
    let begun = message::send(answered, connection.control.clone(), &lane.name).await;
    let (open, failed) = match begun {
        Ok(mut messages) => {
            let open = forward(connection, &mut messages).await;
            (open, messages.frames().failed)
        }
        Err(Cut) => (connection.cut().await, false),
    };
    if let (true, Some(previous)) = (failed, previous) {
        lane.forget(&previous);
    }
    open
}

/// Sends messages as they are due; false when the connection is over.
async fn forward(connection: &Connection, messages: &mut Timed<Messages>) -> bool {
    while let Some(due) = poll_fn(|context| messages.poll(context)).await {
        let Ok(message) = due else { return connection.cut().await };
        if connection.out.send(message).await.is_err() {
            return false;
        }
    }
    true
}

/// An error in the form of this socket.
fn error_frame(error: &ApiError, lane: &str) -> Message {
    message::of(&error_event(error.status, &error.inner()), lane)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn messages_are_read_with_their_lane() {
        let (name, event) = read(r#"{"type":"response.create","stream_id":"a","model":"gpt-4o"}"#, 1);
        assert_eq!((name.as_str(), event.is_ok()), ("a", true));
        let (_, event) = read(r#"{"type":"session.update"}"#, 1);
        let error = event.expect_err("refused");
        assert_eq!(
            error.message,
            "Invalid value: 'session.update'. Supported values are: 'response.create' and 'response.steer'."
        );
        assert!(read("[]", 1).1.is_err());
        let large = format!("[{}0]", "0,".repeat(2 << 20));
        assert_eq!(read(&large, 1).1.expect_err("refused").status, 413);
    }
}
