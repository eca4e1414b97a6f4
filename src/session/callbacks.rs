//! Functions as replies: the request goes to JavaScript as JSON text, the reply comes back as JSON text.
//!
//! The core knows only [`Dispatch`]; `node/` implements it. Pieces of a streaming function come through
//! [`Streams::push`] into the body that is being delivered.

use crate::reply::{Arrival, Arriving, Piece, Raw, Reply, Say};
use crate::script;
use crate::script::pieces;
use crate::script::{Origin, ScriptError};
use crate::wire::error::ApiError;
use serde_json::Value;
use std::collections::HashMap;
use std::future::Future;
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tokio::sync::mpsc;

/// Pieces a streaming function may be ahead of its client.
const AHEAD: usize = 256;

/// Free places that a function waits for once it is too far ahead.
const DRAINED: usize = AHEAD / 2;

/// Whoever runs functions.
pub(crate) trait Dispatch: Send + Sync {
    /// Runs one: `{"type":"call", "callback", "stream", "request"}` → `{"reply"}`, `{"pass"}`, `{"streaming"}` or `{"error"}`.
    fn call(&self, message: String) -> Pin<Box<dyn Future<Output = Result<String, String>> + Send>>;
    /// Tells something: `{"type":"abort","stream"}`.
    fn notify(&self, message: String);
}

/// What a function gave.
pub(crate) enum Given {
    Reply(Box<Reply>),
    /// Pieces come as they are yielded.
    Streaming(Arriving),
    /// The bytes of a raw answer come as they are yielded.
    Bytes {
        status: u16,
        headers: Vec<(String, String)>,
        arriving: Arriving,
    },
    /// It returned nothing: the scan goes on below.
    Pass,
}

/// The functions of one emulator.
pub(crate) struct Callbacks {
    dispatch: Mutex<Option<Arc<dyn Dispatch>>>,
    /// The emulator stops: what runs may end, nothing new begins.
    ending: AtomicBool,
    running: AtomicUsize,
    most: usize,
    limit: Duration,
    next: AtomicU64,
    streams: Mutex<HashMap<u64, mpsc::Sender<Arrival>>>,
}

impl Callbacks {
    pub(crate) fn new(dispatch: Option<Arc<dyn Dispatch>>, most: usize, limit: Duration) -> Self {
        Callbacks {
            dispatch: Mutex::new(dispatch),
            ending: AtomicBool::new(false),
            running: AtomicUsize::new(0),
            most,
            limit,
            next: AtomicU64::new(1),
            streams: Mutex::default(),
        }
    }

    /// No function is called any more; those that run may end, or are told that nobody waits for them.
    pub(crate) fn end(&self) {
        self.ending.store(true, Ordering::Release);
    }

    /// Lets go of JavaScript: test runners report a handler that is still referenced as a leak.
    pub(crate) fn close(&self) {
        self.dispatch.lock().unwrap_or_else(PoisonError::into_inner).take();
        self.streams().clear();
    }

    fn streams(&self) -> std::sync::MutexGuard<'_, HashMap<u64, mpsc::Sender<Arrival>>> {
        self.streams.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Tells JavaScript something, if it still listens.
    pub(crate) fn tell(&self, message: String) {
        if let Some(dispatch) = self.dispatch() {
            dispatch.notify(message);
        }
    }

    fn dispatch(&self) -> Option<Arc<dyn Dispatch>> {
        self.dispatch.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Runs function number `callback` for a request.
    pub(crate) async fn call(self: &Arc<Self>, callback: u64, request: &Value) -> Result<Given, ApiError> {
        let failed = |message: String| ApiError::emulator("reply_function_failed", message);
        let Some(dispatch) = self.dispatch().filter(|_| !self.ending.load(Ordering::Acquire)) else {
            return Err(failed("The reply is a JavaScript function, but its emulator has been stopped.".into()));
        };
        if self.running.fetch_add(1, Ordering::AcqRel) >= self.most {
            self.running.fetch_sub(1, Ordering::AcqRel);
            return Err(failed(format!(
                "More than {} reply functions are running at a time (option maxCallbacks).",
                self.most
            )));
        }
        let slot = Slot(self.clone());
        let stream = self.next.fetch_add(1, Ordering::Relaxed);
        let (sender, receiver) = mpsc::channel(AHEAD);
        self.streams().insert(stream, sender);
        // From here on, whoever gives up (a time limit, a client that leaves) is an abort for the function.
        let guard = AbortOnDrop { slot, stream, armed: true };
        let message = serde_json::json!({"type": "call", "callback": callback, "stream": stream, "request": request});
        let answer = match tokio::time::timeout(self.limit, dispatch.call(message.to_string())).await {
            Err(_) => return Err(too_slow("did not settle", self.limit)),
            Ok(answer) => answer.map_err(failed)?,
        };
        let mut answer = script::parse(&answer)
            .map_err(|broken| failed(format!("The reply function gave a bad reply: {}", broken.error.message)))?;
        if answer.get("streaming").is_some() {
            let late = too_slow("did not yield", self.limit);
            let arriving = Arriving::new(receiver, self.limit, late, Box::new(guard));
            let Some(raw) = answer.get_mut("raw").map(Value::take) else { return Ok(Given::Streaming(arriving)) };
            // Read as any raw reply, whose body is still to come.
            let raw = {
                let mut raw = raw;
                raw["body"] = "".into();
                serde_json::json!({"raw": raw})
            };
            return match script::reply(&raw, "yielded", Origin::InProcess).map(|reply| reply.say) {
                Ok(Say::Raw(raw)) => {
                    let Raw { status, headers, .. } = *raw;
                    Ok(Given::Bytes { status, headers, arriving })
                }
                Ok(_) => Ok(Given::Streaming(arriving)),
                Err(error) => Err(failed(format!("The reply function yielded something that is no reply: {error}"))),
            };
        }
        let mut guard = guard;
        guard.armed = false;
        drop(guard);
        if let Some(message) = answer.get("error") {
            let message = message.as_str().map(str::to_string).unwrap_or_else(|| message.to_string());
            return Err(failed(format!("The reply function failed: {message}")));
        }
        match answer.get_mut("reply").map(Value::take) {
            None => Ok(Given::Pass),
            Some(value) => {
                let reply =
                    read(&value).map_err(|error| failed(format!("The reply function gave a bad reply: {error}")));
                reply.map(|reply| Given::Reply(Box::new(reply)))
            }
        }
    }

    /// What is wrong with a reply, as JSON text, that nobody waits for any more.
    pub(crate) fn fault(reply: &str) -> Option<String> {
        match script::parse(reply) {
            Ok(value) => read(&value).err().map(|error| error.to_string()),
            Err(broken) => Some(broken.error.message),
        }
    }

    /// A piece of a streaming function, as JSON text of a string or a Reply. False = not taken: the client is gone, or
    /// the function is too far ahead and must wait for [`Callbacks::drained`] before it offers the piece again.
    pub(crate) fn push(&self, stream: u64, text: &str) -> bool {
        let Some(sender) = self.streams().get(&stream).cloned() else { return false };
        let pieces = pieces::read(text);
        // Only so much is ever waited for.
        let pieces = match pieces.len() {
            0..=DRAINED => pieces,
            many => vec![pieces::bad(&format!("{many} parts at once; at most {DRAINED} are possible"))],
        };
        // One function feeds one stream, so what fits now still fits below: all of the pieces are taken, or none.
        sender.capacity() >= pieces.len() && pieces.into_iter().all(|piece| sender.try_send(piece).is_ok())
    }

    /// Waits until a streaming function may push again; false when its client is gone.
    pub(crate) async fn drained(&self, stream: u64) -> bool {
        let Some(sender) = self.streams().get(&stream).cloned() else { return false };
        sender.reserve_many(DRAINED).await.is_ok()
    }

    /// The end of a streaming function, with the message of what it threw.
    pub(crate) fn finish(&self, stream: u64, error: Option<&str>) {
        let Some(sender) = self.streams().remove(&stream) else { return };
        if let Some(message) = error {
            let failure = ApiError::emulator("reply_function_failed", format!("The reply function failed: {message}"));
            // There is room, as JavaScript has waited for it; else the client is gone.
            let _ = sender.try_send(Piece::Failed(failure).into());
        }
    }
}

/// A function's reply.
fn read(value: &Value) -> Result<Reply, ScriptError> {
    script::reply(value, "reply", Origin::InProcess)
}

fn too_slow(did_not: &str, limit: Duration) -> ApiError {
    ApiError::emulator(
        "reply_function_failed",
        format!("The reply function {did_not} within {} ms (option callbackTimeoutMs).", limit.as_millis()),
    )
}

/// One function running, until its reply is there or its last piece was taken.
struct Slot(Arc<Callbacks>);

impl Drop for Slot {
    fn drop(&mut self) {
        self.0.running.fetch_sub(1, Ordering::AcqRel);
    }
}

/// Tells the function that nobody waits for it any more.
struct AbortOnDrop {
    slot: Slot,
    stream: u64,
    armed: bool,
}

impl Drop for AbortOnDrop {
    fn drop(&mut self) {
        // A function that finished has been removed already; then there is nobody to tell.
        let callbacks = &self.slot.0;
        let running = callbacks.streams().remove(&self.stream).is_some();
        if self.armed
            && running
            && let Some(dispatch) = callbacks.dispatch()
        {
            dispatch.notify(serde_json::json!({"type": "abort", "stream": self.stream}).to_string());
        }
    }
}
