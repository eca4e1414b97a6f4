//! Every setting, once: flag = environment variable = JavaScript option = default, with its doc.
//!
//! A field left out takes the profile's default: see [`Options::settle`].

mod refusal;
mod settings;
mod values;

pub(crate) use settings::{Door, Settings};
pub(crate) use values::{
    Auth, AzureWire, Cors, Counting, Durability, EmbeddingStyle, LogFormat, LogLevel, MetricNames, Profile, RecordMode,
    SpanNames, UnknownIds, Validation,
};
use values::{is_ci, one_or_many, paths};

use crate::bounds::{BYTES, Bounds, KEPT, LEASE_MS, PATIENCE_MS, RATE, TTL_MS, WAIT_MS};
use crate::clock::Mode;
use crate::reply::Length;
use crate::reply::{GenerateStyle, ToolStrategy};
use crate::script::{Check, FallbackName};
use crate::wire::dialect::ChatDialect;
use clap::Args;
use serde::{Deserialize, Serialize};
use std::path::PathBuf;

/// What can be set.
#[derive(Debug, Clone, Default, Args, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
#[command(next_help_heading = "Settings")]
pub(crate) struct Options {
    /// Port to listen on; 0 = any free one [default: 8080]
    #[arg(long, env = "PORT")]
    pub port: Option<u16>,
    /// Address to bind [default: 127.0.0.1]
    #[arg(long, env = "LLEMULATOR_HOST")]
    pub host: Option<String>,
    /// Set of defaults [default: relaxed]
    #[arg(long, env = "LLEMULATOR_PROFILE", value_name = "NAME")]
    pub profile: Option<Profile>,
    /// What answers sessions without a script [default: strict and llemulator: error, relaxed: echo]
    #[arg(long, env = "LLEMULATOR_FALLBACK", value_name = "WHAT")]
    pub fallback: Option<FallbackName>,
    /// What happens to a scripted reply that the request forbids [default: strict: fail, else warn]
    #[arg(long, env = "LLEMULATOR_CHECK_REPLIES", value_name = "WHAT")]
    pub check_replies: Option<Check>,
    /// `optional`, `required`, or a comma-separated list of accepted keys [default: relaxed: optional, else required]
    #[arg(long, env = "LLEMULATOR_AUTH")]
    pub auth: Option<Auth>,
    /// How strictly requests are checked [default: full]
    #[arg(long, env = "LLEMULATOR_VALIDATION")]
    pub validation: Option<Validation>,
    /// `any` accepts every model name; else a comma-separated list of names beside the catalogue [default: relaxed: any
    /// name that does not begin with `invalid`]
    #[arg(long, env = "LLEMULATOR_MODELS", value_name = "NAMES", value_delimiter = ',')]
    #[serde(deserialize_with = "one_or_many")]
    pub models: Option<Vec<String>>,
    /// What ids bring that nothing is stored under [default: not_found]
    #[arg(long, env = "LLEMULATOR_UNKNOWN_IDS", value_name = "WHAT")]
    pub unknown_ids: Option<UnknownIds>,
    /// Which requests are answered as Azure answers: those below `/openai/`, all, or none [default: paths]
    #[arg(long, env = "LLEMULATOR_AZURE", value_name = "WHICH")]
    pub azure: Option<AzureWire>,
    /// Whose additions chat completions have: vllm shows the reasoning, and the usage in every chunk [default: openai]
    #[arg(long, env = "LLEMULATOR_DIALECT", value_name = "WHOSE")]
    pub dialect: Option<ChatDialect>,
    /// How time passes [default: real]
    #[arg(long, env = "LLEMULATOR_CLOCK", value_name = "MODE")]
    pub clock: Option<Mode>,
    /// Seed of everything drawn [default: 0]
    #[arg(long, env = "LLEMULATOR_SEED")]
    pub seed: Option<u64>,
    /// Script file or directory that serves every session without a script of its own (repeatable)
    #[arg(long, env = "LLEMULATOR_SCRIPT", value_name = "FILE", value_delimiter = ',')]
    #[serde(skip)]
    pub script: Vec<PathBuf>,
    /// Reload script files when they change
    #[arg(long, env = "LLEMULATOR_WATCH", value_parser = clap::builder::BoolishValueParser::new())]
    #[serde(skip)]
    pub watch: bool,
    /// End when the process that started it ends: its stdin is closed, or its parent is gone
    #[arg(long, env = "LLEMULATOR_EXIT_WITH_PARENT", value_parser = clap::builder::BoolishValueParser::new())]
    #[serde(skip)]
    pub exit_with_parent: bool,
    /// How tokens are counted [default: exact]
    #[arg(long, env = "LLEMULATOR_USAGE")]
    pub usage: Option<Counting>,
    /// How embeddings are computed [default: semantic]
    #[arg(long, env = "LLEMULATOR_EMBEDDINGS")]
    pub embeddings: Option<EmbeddingStyle>,
    /// How generated structured output looks [default: plausible]
    #[arg(long, env = "LLEMULATOR_GENERATE_STYLE")]
    pub generate_style: Option<GenerateStyle>,
    /// How generated tool calls choose among the tools [default: contextual]
    #[arg(long, env = "LLEMULATOR_GENERATE_TOOLS")]
    pub generate_tools: Option<ToolStrategy>,
    /// Least milliseconds between streamed pieces
    #[arg(long, env = "STREAM_DELAY_MIN_MS", alias = "stream_delay_min_ms")]
    pub stream_delay_min_ms: Option<f64>,
    /// Most milliseconds between streamed pieces; drawn evenly between the two
    #[arg(long, env = "STREAM_DELAY_MAX_MS", alias = "stream_delay_max_ms")]
    pub stream_delay_max_ms: Option<f64>,
    /// Tokens per second of every answer
    #[arg(long, env = "STREAM_TOKENS_PER_SECOND", alias = "stream_tokens_per_second")]
    pub stream_tokens_per_second: Option<f64>,
    /// Length of generated text when the request does not say
    #[arg(long, env = "STREAM_DEFAULT_RESPONSE_LENGTH", alias = "stream_default_response_length")]
    pub stream_default_response_length: Option<Length>,
    /// Largest request body in bytes, unzipped [default: 52428800; for files that are kept: 537919488]
    #[arg(long, env = "LLEMULATOR_MAX_BODY_BYTES")]
    pub max_body_bytes: Option<usize>,
    /// Milliseconds a request body may stall before it is given up [default: 30000]
    #[arg(long, env = "LLEMULATOR_BODY_TIMEOUT_MS")]
    pub body_timeout_ms: Option<u64>,
    /// Most sessions at a time; idle ones make room [default: 10000]
    #[arg(long, env = "LLEMULATOR_MAX_SESSIONS")]
    pub max_sessions: Option<usize>,
    /// Milliseconds after which a session that nobody uses is forgotten; 0 = never [default: 0]
    #[arg(long, env = "LLEMULATOR_SESSION_IDLE_MS")]
    pub session_idle_ms: Option<u64>,
    /// Most bytes a session keeps: a third each for its journal, what it stores, and its script [default: 805306368]
    #[arg(long, env = "LLEMULATOR_MAX_SESSION_BYTES")]
    pub max_session_bytes: Option<usize>,
    /// Most bytes all sessions of the process keep; idle ones make room [default: 2147483648]
    #[arg(long, env = "LLEMULATOR_MAX_MEMORY_BYTES")]
    pub max_memory_bytes: Option<usize>,
    /// Most bytes of files that all sessions keep on the disk; what finds no room is refused [default: 8589934592]
    #[arg(long, env = "LLEMULATOR_MAX_DISK_BYTES")]
    pub max_disk_bytes: Option<usize>,
    /// Directory that keeps queues, scripts, and what sessions store across restarts; one that is not there is made
    #[arg(long, env = "LLEMULATOR_DATA_DIR", value_name = "DIR")]
    pub data_dir: Option<PathBuf>,
    /// Redis or Valkey that keeps what sessions own, so that several replicas answer as one:
    /// `redis://[USER:PASSWORD@]HOST:PORT/DB`, or `rediss://` with TLS. A single primary; not with --data-dir
    #[arg(long, env = "LLEMULATOR_STORE", value_name = "URL", hide_env_values = true)]
    pub store: Option<String>,
    /// Where the other replicas reach this one: `http://10.0.0.7:8080` [default: the address that is bound]
    #[arg(long, env = "LLEMULATOR_ADVERTISE", value_name = "URL")]
    pub advertise: Option<String>,
    /// Milliseconds after its last change that the store forgets a session [default: 21600000]
    #[arg(long, env = "LLEMULATOR_STORE_TTL_MS")]
    pub store_ttl_ms: Option<u64>,
    /// Milliseconds after which the sessions of a replica that is gone move to others; a request waits half of it for
    /// the store at most [default: 5000]
    #[arg(long, env = "LLEMULATOR_STORE_LEASE_MS")]
    pub store_lease_ms: Option<u64>,
    /// What an acknowledged change of the data directory survives [default: process]
    #[arg(long, env = "LLEMULATOR_DURABILITY", value_name = "WHAT")]
    pub durability: Option<Durability>,
    /// Most exchanges a session's journal keeps; the oldest go first [default: 10000]
    #[arg(long, env = "LLEMULATOR_JOURNAL_SIZE")]
    pub journal_size: Option<usize>,
    /// Most objects of a kind that a session stores: responses give way, of others the next is refused [default: 10000]
    #[arg(long, env = "LLEMULATOR_MAX_OBJECTS")]
    pub max_objects: Option<usize>,
    /// Milliseconds a JavaScript function may take, a generator for each piece [default: 30000]
    // Functions are given in-process: help does not show it.
    #[arg(long, env = "LLEMULATOR_CALLBACK_TIMEOUT_MS", hide = true)]
    pub callback_timeout_ms: Option<u64>,
    /// Most JavaScript functions running at a time [default: 1000]
    #[arg(long, env = "LLEMULATOR_MAX_CALLBACKS", hide = true)]
    pub max_callbacks: Option<usize>,
    /// Milliseconds open streams may go on after a stop [default: 5000]
    #[arg(long, env = "LLEMULATOR_GRACE_MS")]
    pub grace_ms: Option<u64>,
    /// What is logged [default: info]
    #[arg(long, env = "LOG_LEVEL", value_name = "LEVEL", ignore_case = true)]
    pub log_level: Option<LogLevel>,
    /// How a logged line looks [default: pretty]
    #[arg(long, env = "LLEMULATOR_LOG_FORMAT", value_name = "FORMAT")]
    pub log_format: Option<LogFormat>,
    /// Names that GET /metrics counts under; vllm: vLLM's too [default: llemulator]
    #[arg(long, env = "LLEMULATOR_METRICS", value_name = "NAMES")]
    pub metrics: Option<MetricNames>,
    /// What spans of OpenTelemetry are called, in builds that speak it [default: genai]
    #[arg(long, env = "LLEMULATOR_TELEMETRY", value_name = "NAMES")]
    pub telemetry: Option<SpanNames>,
    /// Serve GET /_emulator/state over HTTP: `true`, or anything else for no
    // `DEBUG=vite:*` stands in many a shell and must stop nothing.
    #[arg(long, env = "DEBUG", value_parser = |text: &str| Ok::<_, std::convert::Infallible>(text == "true"))]
    pub debug: Option<bool>,
    /// Pages of which origins may read the API and open its socket: `loopback` (and those of --allowed-hosts), or `any`
    /// [default: loopback]
    #[arg(long, env = "LLEMULATOR_CORS")]
    pub cors: Option<Cors>,
    /// Hosts that may reach the control routes beside localhost, IP addresses and names without a dot, and whose pages
    /// may: `app.test`, `app.test:3000`, or a whole origin
    #[arg(long, env = "LLEMULATOR_ALLOWED_HOSTS", value_delimiter = ',')]
    pub allowed_hosts: Option<Vec<String>>,
    /// Token that emulator-wide control routes need when bound beyond loopback
    #[arg(long, env = "LLEMULATOR_CONTROL_TOKEN", hide_env_values = true)]
    pub control_token: Option<String>,
    /// The API that answers as `fallback: "upstream"`, by rules, or for everything while the bypass is on; the only
    /// host that is called: `https://api.openai.com/v1`, `http://localhost:11434/v1`
    #[arg(long, env = "LLEMULATOR_UPSTREAM", value_name = "URL")]
    pub upstream: Option<String>,
    /// Model that another server answers, as NAME=URL: `smollm=http://127.0.0.1:8081/v1` (repeatable). It gets what no
    /// rule answers of requests for this model, with the caller's key; all other models behave as before
    #[arg(long, env = "LLEMULATOR_UPSTREAM_MODEL", value_name = "NAME=URL", value_delimiter = ',')]
    #[serde(deserialize_with = "one_or_many")]
    pub upstream_model: Option<Vec<String>>,
    /// Key for the upstream, instead of the callers'
    #[arg(long, env = "LLEMULATOR_UPSTREAM_KEY", value_name = "KEY", hide_env_values = true)]
    pub upstream_key: Option<String>,
    /// PEM file of authorities that the upstream's certificate may come from, beside the system's
    #[arg(long, env = "LLEMULATOR_UPSTREAM_CA", value_name = "FILE")]
    pub upstream_ca: Option<PathBuf>,
    /// Milliseconds the upstream may take to begin its answer, and between two pieces of it [default: 300000]
    #[arg(long, env = "LLEMULATOR_UPSTREAM_TIMEOUT_MS")]
    pub upstream_timeout_ms: Option<u64>,
    /// Folder to record in what the upstream answers; `on-miss`, `all` = that mode, in --cassettes, else `cassettes`
    #[arg(long, env = "LLEMULATOR_RECORD", value_name = "DIR")]
    pub record: Option<PathBuf>,
    /// What is recorded: everything that goes upstream, or what no recording answers [default: on-miss]
    #[arg(long, env = "LLEMULATOR_RECORD_MODE", value_name = "MODE")]
    pub record_mode: Option<RecordMode>,
    /// Files and folders of recordings that answer as `fallback: "replay"`, and before the upstream where is recorded
    #[arg(long, env = "LLEMULATOR_CASSETTES", value_name = "DIR", value_delimiter = ',')]
    #[serde(deserialize_with = "paths")]
    pub cassettes: Option<Vec<PathBuf>>,
    /// How fast recordings play: 1 as they came, 2 in half the time, 0 at once [default: 0]
    #[arg(long, env = "LLEMULATOR_REPLAY_SPEED", value_name = "FACTOR")]
    pub replay_speed: Option<f64>,
    /// What does not count for finding a recording, beside ids and times: `messages[*].name`, a /pattern/ (repeatable)
    #[arg(long, env = "LLEMULATOR_REPLAY_IGNORE", value_name = "PATH")]
    #[serde(deserialize_with = "one_or_many")]
    pub replay_ignore: Option<Vec<String>>,
    /// What is taken out of recordings beside keys, tokens and cookies: a pattern, `email`, `entropy` (repeatable)
    #[arg(long, env = "LLEMULATOR_REDACT", value_name = "PATTERN")]
    #[serde(deserialize_with = "one_or_many")]
    pub redact: Option<Vec<String>>,
    /// In CI nothing is recorded, and what has no recording is refused: `false`, or anything else for yes
    #[arg(long, env = "CI", value_parser = |text: &str| Ok::<_, std::convert::Infallible>(is_ci(text)))]
    pub ci: Option<bool>,
    /// Milliseconds a request waits for a person [default: 300000]
    #[arg(long, env = "LLEMULATOR_MANUAL_TIMEOUT_MS")]
    pub manual_timeout_ms: Option<u64>,
    /// Take a client's address from `X-Forwarded-For`: only behind a proxy that sets it
    #[arg(long, env = "LLEMULATOR_TRUST_FORWARDED", value_parser = clap::builder::BoolishValueParser::new(), num_args = 0..=1, default_missing_value = "true")]
    pub trust_forwarded: Option<bool>,
    /// More path prefixes served like /v1
    #[arg(long, env = "LLEMULATOR_PREFIX", value_delimiter = ',')]
    #[serde(deserialize_with = "one_or_many")]
    pub prefix: Option<Vec<String>>,
}

/// Options that cannot be read, with what would be right.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct OptionsError(pub String);

impl std::fmt::Display for OptionsError {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str(&self.0)
    }
}

impl Options {
    /// Options as JavaScript gives them: a JSON object with camelCase keys.
    pub(crate) fn from_json(text: &str) -> Result<Self, OptionsError> {
        let Ok(serde_json::Value::Object(given)) = serde_json::from_str(text) else {
            return Err(OptionsError("startEmulator(): expected an object of options".into()));
        };
        serde_json::from_value(given.clone().into()).map_err(|error| refusal::explain(&given, error))
    }

    /// Checks the numbers, and what says nothing without another option.
    ///
    /// # Errors
    /// The first one out of its range, or without what it belongs to, by its name.
    pub(crate) fn check(&self) -> Result<(), OptionsError> {
        let size = |number: Option<usize>| number.map(|number| number as f64);
        let time = |number: Option<u64>| number.map(|number| number as f64);
        // A rate of zero says that there is none.
        let rate = self.stream_tokens_per_second.filter(|rate| *rate != 0.0);
        let numbers = [
            ("streamDelayMinMs", self.stream_delay_min_ms, WAIT_MS),
            ("streamDelayMaxMs", self.stream_delay_max_ms, WAIT_MS),
            ("streamTokensPerSecond", rate, RATE),
            // Zero says that there are no waits.
            ("replaySpeed", self.replay_speed.filter(|speed| *speed != 0.0), RATE),
            ("maxBodyBytes", size(self.max_body_bytes), BYTES),
            ("bodyTimeoutMs", time(self.body_timeout_ms), PATIENCE_MS),
            // Zero says that none ends.
            ("sessionIdleMs", time(self.session_idle_ms).filter(|idle| *idle != 0.0), PATIENCE_MS),
            ("maxSessions", size(self.max_sessions), KEPT),
            ("maxSessionBytes", size(self.max_session_bytes), BYTES),
            ("maxMemoryBytes", size(self.max_memory_bytes), BYTES),
            ("maxDiskBytes", size(self.max_disk_bytes), BYTES),
            ("journalSize", size(self.journal_size), KEPT),
            ("maxObjects", size(self.max_objects), KEPT),
            ("storeTtlMs", time(self.store_ttl_ms), TTL_MS),
            ("storeLeaseMs", time(self.store_lease_ms), LEASE_MS),
            ("callbackTimeoutMs", time(self.callback_timeout_ms), PATIENCE_MS),
            ("maxCallbacks", size(self.max_callbacks), KEPT),
            ("graceMs", time(self.grace_ms), PATIENCE_MS),
            // Nobody answers in no time.
            ("manualTimeoutMs", time(self.manual_timeout_ms), Bounds { from: 1.0, ..PATIENCE_MS }),
            ("upstreamTimeoutMs", time(self.upstream_timeout_ms), Bounds { from: 1.0, ..PATIENCE_MS }),
        ];
        for (name, number, bounds) in numbers {
            if let Some(number) = number {
                bounds.check(name, number).map_err(|message| OptionsError(format!("options: {message}")))?;
            }
        }
        if let (Some(least), Some(most)) = (self.stream_delay_min_ms, self.stream_delay_max_ms)
            && least > most
        {
            let message = format!("options: streamDelayMinMs is {least}, more than streamDelayMaxMs, which is {most}.");
            return Err(OptionsError(message));
        }
        let of = [
            ("durability", self.durability.is_some(), "dataDir", self.data_dir.is_some()),
            ("storeTtlMs", self.store_ttl_ms.is_some(), "store", self.store.is_some()),
            ("storeLeaseMs", self.store_lease_ms.is_some(), "store", self.store.is_some()),
            ("advertise", self.advertise.is_some(), "store", self.store.is_some()),
            ("watch", self.watch, "script", !self.script.is_empty()),
            ("recordMode", self.record_mode.is_some(), "record", self.record.is_some()),
        ];
        match of.into_iter().find(|(_, given, _, needed)| *given && !needed) {
            Some((name, _, needed, _)) => Err(OptionsError(format!(
                "options: '{name}' changes nothing without '{needed}': give both or neither."
            ))),
            None => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests;
