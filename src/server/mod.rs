//! The HTTP side: listener, router, limits, bodies. It knows neither endpoints nor responders.

#[cfg(test)]
mod accepted_tests;
#[cfg(test)]
mod answers_tests;
#[cfg(test)]
mod asking_tests;
#[cfg(test)]
mod assistants_tests;
mod azure_headers;
#[cfg(test)]
mod azure_tests;
#[cfg(test)]
mod batches_tests;
pub(crate) mod body;
#[cfg(test)]
mod breakpoint_tests;
#[cfg(test)]
mod cassette_files_tests;
#[cfg(test)]
mod cassette_tests;
#[cfg(test)]
mod choices_tests;
#[cfg(test)]
mod closing_tests;
#[cfg(test)]
mod container_files_tests;
#[cfg(test)]
mod control_tests;
#[cfg(test)]
mod data_tests;
mod deliver;
#[cfg(test)]
mod dialect_tests;
#[cfg(test)]
mod ending_tests;
#[cfg(test)]
mod evals_tests;
#[cfg(test)]
mod exchanges_tests;
#[cfg(test)]
mod extremes_tests;
#[cfg(test)]
mod fault_scope_tests;
#[cfg(test)]
mod fault_tests;
mod file;
#[cfg(test)]
mod files_tests;
#[cfg(test)]
mod fine_tuning_tests;
#[cfg(test)]
mod first_tool_tests;
#[cfg(test)]
mod form_tests;
#[cfg(test)]
mod function_tests;
#[cfg(test)]
mod generated_tests;
mod guard;
mod handshake;
pub(crate) mod headers;
#[cfg(test)]
mod heavy_tests;
#[cfg(test)]
mod hosted_tests;
#[cfg(test)]
mod idempotency_tests;
#[cfg(test)]
mod jobs_tests;
mod key;
#[cfg(test)]
mod key_tests;
#[cfg(test)]
mod keys_tests;
#[cfg(test)]
mod known_fields_tests;
#[cfg(test)]
mod manual_tests;
#[cfg(test)]
mod memory_tests;
mod message;
#[cfg(test)]
mod nested_keys_tests;
#[cfg(test)]
mod object_rule_tests;
#[cfg(test)]
mod objects_tests;
#[cfg(test)]
mod pace_tests;
mod page;
#[cfg(test)]
mod page_tests;
#[cfg(test)]
mod queue_bodies_tests;
#[cfg(test)]
mod queue_tests;
#[cfg(test)]
mod reach_tests;
#[cfg(test)]
mod refusal_tests;
mod replica;
mod request;
pub(crate) mod respond;
mod room;
#[cfg(test)]
mod room_guard_tests;
#[cfg(test)]
mod room_tests;
#[cfg(test)]
mod same_bytes_tests;
#[cfg(test)]
mod seed_tests;
#[cfg(test)]
mod skills_tests;
mod socket;
mod sse;
#[cfg(test)]
mod stored_rules_tests;
#[cfg(test)]
mod surface_tests;
#[cfg(test)]
pub(crate) mod tests;
mod through;
#[cfg(test)]
mod unbuilt_tests;
#[cfg(test)]
mod uploads_tests;
#[cfg(test)]
mod upstream_key_tests;
#[cfg(test)]
mod upstream_tests;
#[cfg(test)]
mod vector_stores_tests;
#[cfg(test)]
mod verify_tests;
#[cfg(test)]
mod videos_tests;
mod watch;
mod websocket;
#[cfg(test)]
mod websocket_tests;
mod zipped;

use crate::emulator::{Emulator, Open, StartError};
use crate::options::{Door, Options};
use crate::runtime;
use crate::session::callbacks::Dispatch;
use crate::tokens;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use socket::{Control, QUIET, SETTLE, Socket};
use std::sync::Arc;
use std::time::Duration;
use tokio::net::TcpListener;

/// Bytes of an answer that wait for one write, and of a request's head. What waits is freed at once when it is written: of
/// more than 128 KB glibc gives the memory back to the system, and the next answer takes each of its pages anew, which was
/// a quarter of what an event cost at one connection.
const WAITING: usize = 64 * 1024;

/// Starts an emulator: binds and serves. The port is known when this returns.
///
/// # Errors
/// The address is taken, or is none of this machine's.
pub(crate) fn start(
    options: Options,
    door: Door,
    dispatch: Option<Arc<dyn Dispatch>>,
) -> Result<Arc<Emulator>, StartError> {
    let (emulator, listener) = Emulator::bind(options, door, dispatch)?;
    let listening = emulator.opened();
    runtime::spawn_on(runtime::handle(), serve(listening, emulator.clone(), listener));
    // While the test makes its client.
    tokens::make_ready();
    Ok(emulator)
}

/// Accepts until the emulator stops; then open answers get the grace time.
async fn serve(_listening: Open, emulator: Arc<Emulator>, listener: TcpListener) {
    let mut stopping = emulator.stopping();
    loop {
        let accepted = tokio::select! {
            accepted = listener.accept() => accepted,
            () = stopping.stopped() => break,
        };
        let Ok((stream, _)) = accepted else {
            // Out of file descriptors, or the client is gone already. Accepting again at once would spin.
            tokio::time::sleep(Duration::from_millis(5)).await;
            continue;
        };
        // Without this, Nagle and delayed ACK add up to 40 ms between small chunks.
        let _ = stream.set_nodelay(true);
        runtime::spawn(connection(emulator.opened(), emulator.clone(), stream));
    }
}

/// One connection, until it closes or the grace time after a stop is over.
async fn connection(_open: Open, emulator: Arc<Emulator>, stream: tokio::net::TcpStream) {
    let local = stream.local_addr().unwrap_or(emulator.address);
    let peer = stream.peer_addr().ok();
    let control = Arc::new(Control::default());
    let socket = TokioIo::new(Socket::new(stream, control.clone()));
    let service = service_fn({
        let (emulator, control) = (emulator.clone(), control.clone());
        move |mut request: hyper::Request<hyper::body::Incoming>| {
            if let Some(peer) = peer {
                request.extensions_mut().insert(respond::Peer(peer));
            }
            // The connection keeps room for this future as long as it lives: boxed, what answering took is given back
            // before the stream runs.
            runtime::boxed!(respond::respond(emulator.clone(), control.clone(), local, request))
        }
    });
    let serving = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(Duration::from_secs(30))
        .max_buf_size(WAITING)
        // A client that closes its side has left: an answer that waits would otherwise never learn it.
        .half_close(false)
        .serve_connection(socket, service)
        .with_upgrades();
    tokio::pin!(serving);
    let mut stopping = emulator.stopping();
    let stopped = tokio::select! {
        _ = &mut serving => false,
        () = stopping.stopped() => true,
    };
    if stopped {
        serving.as_mut().graceful_shutdown();
        let grace = Duration::from_millis(emulator.settings.grace_ms);
        let mut over = tokio::time::timeout(grace, &mut serving).await.is_ok();
        if !over {
            emulator.let_go();
            over = tokio::time::timeout(SETTLE, &mut serving).await.is_ok();
        }
        if !over && control.is_closing() {
            let _ = tokio::time::timeout(QUIET, &mut serving).await;
        }
    }
}
