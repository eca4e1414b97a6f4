//! LLEmulator: the OpenAI API on your own machine, for tests.
//!
//! # The idea
//! Every inference is a turn: a [`prompt::Prompt`] goes in, some responder gives the [`reply::Reply`], and the endpoint
//! renders that reply in its own wire form. Endpoints differ only in reading, rendering and when they take a turn;
//! features differ only in who responds.
//!
//! # The rooms, from the ground up
//! A room uses only rooms above it in this list (`npm test -- house`).
//! - [`bounds`], [`near`], [`newest`], [`sorting`], [`folders`], [`url`], [`random`], [`redact`], [`clock`], [`runtime`], [`log`]: the ground.
//!   Only `clock` knows the time that a session has, only `random` draws.
//! - [`tokens`]: counting, with OpenAI's vocabularies, which `build.rs` lays out for being read nearly in place.
//! - [`wire`]: what requests and answers are made of: headers, forms, errors, events, ids.
//! - [`surface`]: every operation and type the official clients know, generated; the router over them.
//! - [`budget`]: what the work of one answer may cost.
//! - [`reply`]: what is said, with its pace and faults. [`prompt`]: what is asked.
//! - [`script`]: the script language, conditions, files.
//! - [`options`]: every setting, once.
//! - [`memory`]: what is kept, counted in bytes.
//! - [`upstream`]: the real API as a client calls it.
//! - [`session`]: what belongs to one API key: exchanges and their journal, store, jobs, limits; who observes them.
//! - [`desk`]: what people have before them: events, preset queues, requests that wait for a person, breakpoints.
//! - [`telemetry`]: what an operator measures: an observer.
//! - [`cassette`]: real answers, recorded and played again: an observer that writes, the library that finds.
//! - [`cluster`]: several instances that answer as one: whose a session is, and the way to its owner.
//! - [`emulator`]: one running instance with its sessions.
//! - [`turn`]: what a responder sees and gives; the models; counting, checking, limiting and delivering a reply.
//! - [`generate`]: plausible values: texts, values of schemas, vectors, sound.
//! - [`responders`]: who may answer, in order: scenario, chaos, queue, script, function, echo,
//!   generated, upstream, cassette, operator.
//! - [`api`]: who serves the operations: per resource `request.rs` (→ Prompt), `render.rs` (Reply → JSON), `stream.rs`
//!   (Reply → events).
//! - [`exchange`]: the entry: a request without its transport becomes an answer without its transport.
//! - [`control`]: `/_emulator/*`. [`room`]: `/api/*`, the control room. [`server`]: listener, HTTP, sockets. [`cli`]; `node` is the only place that knows napi.
//! - `fuzz`: what must hold of any bytes; only in tests and for the fuzzer.
//!
//! # The life of a request
//! `server::respond` routes it; [`exchange::run`] reads its body as its operation takes it (JSON, or a form whose files may
//! lie on the disk), begins the exchange and calls `api::serve`, which admits it; the operation reads a Prompt, `api::infer` asks the [`responders`] and renders what they say; the answer goes
//! back to the transport, which frames and delivers it piece by piece.
//!
//! # Adding an endpoint
//! A file in `api/` with its `OPERATIONS`, and a row in the list in [`api`].

// The addon's door uses what the binary does not; what nobody uses is seen when it is built.
#![cfg_attr(not(feature = "node"), allow(dead_code, unused_imports))]

mod api;
mod bounds;
mod budget;
mod cassette;
pub mod cli;
mod clock;
mod cluster;
mod control;
mod desk;
mod emulator;
mod exchange;
mod folders;
#[cfg(any(test, feature = "fuzzing"))]
#[doc(hidden)]
pub mod fuzz;
mod generate;
mod log;
mod memory;
mod near;
mod newest;
#[cfg(feature = "node")]
mod node;
mod options;
mod prompt;
mod random;
mod redact;
mod reply;
mod responders;
mod room;
mod runtime;
mod script;
mod server;
mod session;
mod sorting;
mod surface;
mod telemetry;
mod tokens;
mod turn;
mod upstream;
mod url;
mod wire;
