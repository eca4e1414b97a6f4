//! The handle JavaScript holds. It owns nothing: a running emulator belongs to the registry in [`crate::emulator`], so
//! a handle that is garbage-collected stops no server. No panic leaves it: one that reached Node would end the process.

use crate::emulator::Emulator;
use crate::node::dispatch::{Calls, Dispatcher};
use crate::options::{Door, Options, RecordMode};
use crate::session::callbacks::Callbacks;
use crate::wire::error::ApiError;
use crate::{control, log, room, runtime, server};
use clap::ValueEnum;
use napi::bindgen_prelude::{Env, Object, ToNapiValue};
use napi::{Error, Result};
use napi_derive::napi;
use std::future::Future;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

/// An emulator in this process.
#[napi]
pub struct NativeEmulator {
    emulator: Arc<Emulator>,
}

#[napi]
impl NativeEmulator {
    /// Binds and serves; the port is known when this returns. Throws an error with a stable `code`.
    ///
    /// `options`: a JSON object, see [`Options`]. `dispatch`: runs functions given as replies.
    #[napi(factory)]
    pub fn start(env: Env, options: String, dispatch: Dispatcher) -> Result<Self, String> {
        log::panics();
        let calls = Arc::new(Calls(Arc::new(dispatch)));
        let started = catch_unwind(AssertUnwindSafe(|| {
            let options =
                Options::from_json(&options).map_err(|error| failed("ERR_LLEMULATOR_OPTIONS", error.to_string()))?;
            server::start(options, Door::InProcess, Some(calls)).map_err(|error| failed(error.code, error.message))
        }));
        let emulator = started.map_err(|_| failed("ERR_LLEMULATOR_NATIVE", ApiError::panicked().message))??;
        // The end of the environment (a worker thread's, say) is a stop: nobody is left to give replies.
        let ended = Arc::downgrade(&emulator);
        env.add_env_cleanup_hook((), move |()| {
            if let Some(emulator) = ended.upgrade() {
                emulator.callbacks.close();
                runtime::spawn_on(runtime::handle(), async move { emulator.stop().await });
                log::flush();
            }
        })
        .map_err(|error| failed("ERR_LLEMULATOR_NATIVE", error.reason.clone()))?;
        Ok(NativeEmulator { emulator })
    }

    /// `http://127.0.0.1:PORT`.
    #[napi(getter, catch_unwind)]
    pub fn url(&self) -> String {
        self.emulator.url()
    }

    /// The port it listens on.
    #[napi(getter, catch_unwind)]
    pub fn port(&self) -> u16 {
        self.emulator.address.port()
    }

    /// Runs a control route, or one of the control room, at once, without the network: JSON text `{"status", "body"}`. `key` null = emulator-wide.
    #[napi(catch_unwind)]
    pub fn control(&self, key: Option<String>, method: String, path: String, body: String) -> String {
        let emulator = &self.emulator;
        let answer = async {
            let named = key.clone().or_else(|| control::named(&method, &path, body.as_bytes()));
            if let Some(key) = &named {
                emulator.own(key).await?;
            }
            if path.starts_with("/api/") {
                return room::in_process(emulator, &method, &path, &body).await.map(|value| (200, value));
            }
            control::settle(emulator, key.as_deref(), &path).await;
            let change = || control::in_process(emulator, key.as_deref(), &method, &path, &body);
            let (status, value) = emulator.kept(change).await?;
            match status {
                200 => Ok((200, control::everywhere(emulator, &method, &path, value).await?)),
                _ => Ok((status, value)),
            }
        };
        let answer: std::result::Result<_, ApiError> = runtime::handle().block_on(answer);
        let (status, body) = answer.unwrap_or_else(|error| (error.status, error.envelope()));
        serde_json::json!({"status": status, "body": body}).to_string()
    }

    /// A session plays a file of recordings from now on, and with `mode` (`on-miss`, `all`) records there what the upstream
    /// says. Gives what of the file cannot be read.
    #[napi(catch_unwind)]
    pub fn cassette(
        &self,
        key: String,
        file: String,
        mode: Option<String>,
        upstream: Option<String>,
        upstream_key: Option<String>,
    ) -> Result<Vec<String>> {
        let emulator = &self.emulator;
        let mode = mode.as_deref().map(|mode| RecordMode::from_str(mode, false)).transpose();
        let mode = mode.map_err(|_| Error::from_reason("the mode of a cassette is on-miss or all"))?;
        if let Some(address) = upstream.filter(|_| mode.is_some()) {
            emulator.upstream.configure(&emulator.settings, &address, upstream_key).map_err(Error::from_reason)?;
        }
        let tape = emulator.cassettes.insert(&key, Path::new(&file), mode).map_err(Error::from_reason)?;
        Ok(tape.library.misread().iter().map(ToString::to_string).collect())
    }

    /// Waits until what was recorded so far is written.
    #[napi(catch_unwind)]
    pub fn recorded(&self) {
        self.emulator.cassettes.flush();
    }

    /// Resolves when the session's journal has changed since its revision `seen`, or after `milliseconds`, with the new one.
    #[napi(ts_return_type = "Promise<number>", catch_unwind)]
    pub fn changed<'env>(&self, env: &'env Env, key: String, seen: f64, milliseconds: f64) -> Result<Object<'env>> {
        let change = self.emulator.clone().changed(key, seen as u64);
        let limit = Duration::try_from_secs_f64(milliseconds / 1000.0).unwrap_or_default();
        promise(env, async move { tokio::time::timeout(limit, change).await.map_or(seen, |count| count as f64) })
    }

    /// Tells the dispatcher of what happens in the control room from now on: `{"type":"event", "event": {"type", "data"}}`.
    #[napi(catch_unwind)]
    pub fn listen(&self) {
        runtime::spawn_on(runtime::handle(), room::tell_process(self.emulator.clone()));
    }

    /// What is wrong with a function's reply, JSON text that nobody waits for any more; null = nothing.
    #[napi(catch_unwind)]
    pub fn fault(&self, reply: String) -> Option<String> {
        Callbacks::fault(&reply)
    }

    /// One piece of a streaming function, as JSON text. False = not taken: see [`NativeEmulator::drained`].
    #[napi(catch_unwind)]
    pub fn push(&self, stream: f64, piece: String) -> bool {
        self.emulator.callbacks.push(stream as u64, &piece)
    }

    /// Resolves when the stream takes pieces again; false = its client has left.
    #[napi(ts_return_type = "Promise<boolean>", catch_unwind)]
    pub fn drained<'env>(&self, env: &'env Env, stream: f64) -> Result<Object<'env>> {
        let callbacks = self.emulator.callbacks.clone();
        promise(env, async move { callbacks.drained(stream as u64).await })
    }

    /// The end of a streaming function, with the message of what it threw.
    #[napi(catch_unwind)]
    pub fn finish(&self, stream: f64, error: Option<String>) {
        self.emulator.callbacks.finish(stream as u64, error.as_deref());
    }

    /// Stops the server: no new connections, open answers end, JavaScript is let go of. Idempotent.
    #[napi(ts_return_type = "Promise<void>", catch_unwind)]
    pub fn stop<'env>(&self, env: &'env Env) -> Result<Object<'env>> {
        let emulator = self.emulator.clone();
        promise(env, async move { emulator.stop().await })
    }
}

/// An error whose `code` in JavaScript is `code`.
fn failed(code: &str, message: String) -> Error<String> {
    Error::new(code.to_string(), message)
}

/// A promise settled by a future on the emulator's runtime. While it is pending the process stays alive.
fn promise<T: ToNapiValue + Send + 'static>(
    env: &Env,
    future: impl Future<Output = T> + Send + 'static,
) -> Result<Object<'_>> {
    let (deferred, promise) = env.create_deferred()?;
    runtime::spawn_on(runtime::handle(), async move {
        match runtime::caught(pin!(future)).await {
            Ok(value) => deferred.resolve(move |_| Ok(value)),
            // A promise that nobody settles would keep a test waiting for good.
            Err(_) => deferred.reject(Error::from_reason(ApiError::panicked().message)),
        }
    });
    Ok(promise)
}
