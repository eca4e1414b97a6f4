//! LLEmulator: the OpenAI API on your own machine, for tests.
//!
//! # The idea
//! Every inference is a turn: a [`prompt::Prompt`] goes in, some responder gives the [`reply::Reply`], and the endpoint
//! renders that reply in its own wire form. Endpoints differ only in reading, rendering and when they take a turn;
//! features differ only in who responds.
//!
//! # The rooms
//! - [`server`]: hyper. Listener, router, bodies with deadlines and faults. Knows no endpoint and no responder.
//! - [`surface`]: every operation and type the official clients know, generated; the router over them.
//! - [`api`]: who serves them. Per resource `request.rs` (→ Prompt), `render.rs` (Reply → JSON),
//!   `stream.rs` (Reply → events). Errors, ids, models, usage and validation each have one file.
//! - [`call`]: one request with all its operation may need.
//! - [`budget`]: what the work of one answer may cost.
//! - [`turn`]: chaos, script, fallback, checks, limits: how a Prompt finds its Reply.
//! - [`responders`]: who may answer: script, callback, echo, generate. [`matching`]: the conditions of rules.
//! - [`reply`]: what is said, and its script-language form, pace and faults.
//! - [`session`], [`clock`], [`random`], [`store`], [`limits`], [`prompt_cache`]: what belongs to one API key.
//! - [`exchange`]: a request and what becomes of it; the journal of a session, and the transcript for people.
//! - [`tokens`]: counting, with OpenAI's vocabularies, which `build.rs` lays out for being read in place.
//! - [`control`]: `/_emulator/*`, in-process and over HTTP.
//! - [`bounds`]: the ranges of numbers that come from outside.
//! - [`cli`], [`options`], [`emulator`]: starting and stopping. [`log`]: what people are told meanwhile. `node` is the only place that knows napi.
//!
//! # The life of a request
//! `server::respond` reads it and finds session and operation; `api::serve` validates; the operation reads a Prompt and
//! calls [`turn::infer`]; the rendered answer goes back to `server`, whose body delivers it piece by piece.
//!
//! # Adding an endpoint
//! A file in `api/` with its `OPERATIONS`, and a row in the list in [`api`].

pub mod api;
pub mod bounds;
pub mod budget;
pub mod call;
pub mod callbacks;
pub mod cli;
pub mod clock;
pub mod control;
pub mod emulator;
pub mod exchange;
pub mod headers;
pub mod jobs;
pub mod limits;
pub mod log;
pub mod matching;
pub mod near;
#[cfg(feature = "node")]
pub mod node;
pub mod options;
pub mod prompt;
pub mod prompt_cache;
pub mod random;
pub mod redact;
pub mod reply;
pub mod responders;
pub mod runtime;
pub mod script_files;
pub mod server;
pub mod session;
pub mod store;
pub mod surface;
pub mod tokens;
pub mod turn;
pub mod url;
