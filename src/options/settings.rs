//! Options with every gap filled, by the profile and by where the emulator is started.

use crate::clock::Mode;
use crate::options::Options;
use crate::options::values::{
    Auth, AzureWire, Cors, Counting, Durability, EmbeddingStyle, LogFormat, LogLevel, MetricNames, Profile, RecordMode,
    SpanNames, UnknownIds, Unlisted, Validation, is_ci, record_to,
};
use crate::reply::pace::{Pace, Range};
use crate::reply::{GenerateStyle, Length, ToolStrategy};
use crate::script::{Check, FallbackName};
use crate::wire::dialect::ChatDialect;
use std::path::PathBuf;

/// Options with every gap filled.
#[derive(Debug, Clone)]
pub(crate) struct Settings {
    pub port: u16,
    pub host: String,
    pub profile: Profile,
    pub fallback: FallbackName,
    pub check_replies: Check,
    pub auth: Auth,
    pub validation: Validation,
    /// Which model names are accepted beside those listed.
    pub unlisted: Unlisted,
    /// Names beside the catalogue.
    pub models: Vec<String>,
    pub unknown_ids: UnknownIds,
    pub azure: AzureWire,
    pub dialect: ChatDialect,
    pub clock: Mode,
    pub seed: u64,
    pub usage: Counting,
    pub embeddings: EmbeddingStyle,
    pub generate_style: GenerateStyle,
    pub generate_tools: ToolStrategy,
    pub pace: Pace,
    pub length: Option<Length>,
    pub max_body_bytes: usize,
    /// Of operations that keep files.
    pub max_upload_bytes: usize,
    pub body_timeout_ms: u64,
    /// 0 = sessions stay.
    pub session_idle_ms: u64,
    pub max_sessions: usize,
    pub max_session_bytes: usize,
    pub max_memory_bytes: usize,
    pub max_disk_bytes: usize,
    pub data_dir: Option<PathBuf>,
    pub store: Option<String>,
    pub advertise: Option<String>,
    pub store_ttl_ms: u64,
    pub store_lease_ms: u64,
    pub durability: Durability,
    pub journal_size: usize,
    pub max_objects: usize,
    pub callback_timeout_ms: u64,
    pub max_callbacks: usize,
    pub grace_ms: u64,
    pub log_level: LogLevel,
    pub log_format: LogFormat,
    pub metrics: MetricNames,
    /// Read only where OpenTelemetry is built in.
    #[cfg_attr(not(feature = "telemetry"), allow(dead_code))]
    pub telemetry: SpanNames,
    pub debug: bool,
    pub cors: Cors,
    pub allowed_hosts: Vec<String>,
    pub control_token: Option<String>,
    pub upstream: Option<String>,
    /// `NAME=URL` each.
    pub upstream_models: Vec<String>,
    pub upstream_key: Option<String>,
    pub upstream_ca: Option<PathBuf>,
    pub upstream_timeout_ms: u64,
    pub record: Option<PathBuf>,
    pub record_mode: RecordMode,
    pub cassettes: Vec<PathBuf>,
    pub replay_speed: f64,
    pub replay_ignore: Vec<String>,
    pub redact: Vec<String>,
    pub ci: bool,
    pub manual_timeout_ms: u64,
    pub trust_forwarded: bool,
    pub prefixes: Vec<String>,
}

/// Where an emulator is started; a few defaults differ.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Door {
    /// `startEmulator()`.
    InProcess,
    /// `npx llemulator`.
    CommandLine,
}

impl Options {
    /// Fills the gaps with the profile's and the door's defaults.
    pub(crate) fn settle(self, door: Door) -> Settings {
        let cli = door == Door::CommandLine;
        let profile = self.profile.unwrap_or(if cli { Profile::Relaxed } else { Profile::Strict });
        let strict = profile == Profile::Strict;
        let models = self.models.unwrap_or_default();
        // What is no NAME=URL is refused where the servers are read.
        let upstream_models = self.upstream_model.unwrap_or_default();
        let named = |given: &String| Some(given.split_once('=')?.0.to_string());
        let served: Vec<String> = upstream_models.iter().filter_map(named).collect();
        let cassettes = self.cassettes.unwrap_or_default();
        let (record, word) = record_to(self.record, &cassettes);
        let delay = match (self.stream_delay_min_ms, self.stream_delay_max_ms) {
            (None, None) => None,
            (low, high) => {
                let low = low.unwrap_or(0.0);
                Some(Range(low, high.unwrap_or(low).max(low)))
            }
        };
        Settings {
            port: self.port.unwrap_or(if cli { 8080 } else { 0 }),
            host: self.host.unwrap_or_else(|| "127.0.0.1".into()),
            profile,
            fallback: self.fallback.unwrap_or(match profile {
                _ if record.is_some() && self.upstream.is_some() => FallbackName::Upstream,
                _ if record.is_some() || !cassettes.is_empty() => FallbackName::Replay,
                Profile::Relaxed => FallbackName::Echo,
                _ => FallbackName::Error,
            }),
            check_replies: self.check_replies.unwrap_or(if strict { Check::Fail } else { Check::Warn }),
            auth: self.auth.unwrap_or(match profile {
                Profile::Relaxed => Auth::Optional,
                _ => Auth::Required,
            }),
            validation: self.validation.unwrap_or(Validation::Full),
            unlisted: match () {
                () if models.iter().any(|name| name == "any") => Unlisted::Accepted,
                () if profile == Profile::Relaxed && models.is_empty() => Unlisted::Plausible,
                () => Unlisted::Refused,
            },
            models: models.into_iter().filter(|name| name != "any").chain(served).collect(),
            unknown_ids: self.unknown_ids.unwrap_or(UnknownIds::NotFound),
            azure: self.azure.unwrap_or(AzureWire::Paths),
            dialect: self.dialect.unwrap_or_default(),
            clock: self.clock.unwrap_or_default(),
            seed: self.seed.unwrap_or(0),
            usage: self.usage.unwrap_or(Counting::Exact),
            embeddings: self.embeddings.unwrap_or(EmbeddingStyle::Semantic),
            generate_style: self.generate_style.unwrap_or_default(),
            generate_tools: self.generate_tools.unwrap_or_default(),
            pace: Pace { delay_ms: delay, tokens_per_second: self.stream_tokens_per_second, ..Pace::default() },
            length: self.stream_default_response_length,
            max_body_bytes: self.max_body_bytes.unwrap_or(50 << 20),
            // A file of 512 MB and the form around it.
            max_upload_bytes: self.max_body_bytes.unwrap_or(513 << 20),
            body_timeout_ms: self.body_timeout_ms.unwrap_or(30_000),
            session_idle_ms: self.session_idle_ms.unwrap_or(0),
            max_sessions: self.max_sessions.unwrap_or(10_000),
            max_session_bytes: self.max_session_bytes.unwrap_or(768 << 20),
            max_memory_bytes: self.max_memory_bytes.unwrap_or(2 << 30),
            max_disk_bytes: self.max_disk_bytes.unwrap_or(8 << 30),
            data_dir: self.data_dir,
            store: self.store,
            advertise: self.advertise,
            store_ttl_ms: self.store_ttl_ms.unwrap_or(6 * 3_600_000),
            store_lease_ms: self.store_lease_ms.unwrap_or(5_000),
            durability: self.durability.unwrap_or_default(),
            journal_size: self.journal_size.unwrap_or(10_000),
            max_objects: self.max_objects.unwrap_or(10_000),
            callback_timeout_ms: self.callback_timeout_ms.unwrap_or(30_000),
            max_callbacks: self.max_callbacks.unwrap_or(1_000),
            grace_ms: self.grace_ms.unwrap_or(if cli { 5_000 } else { 0 }),
            log_level: self.log_level.unwrap_or(if cli { LogLevel::Info } else { LogLevel::Error }),
            log_format: self.log_format.unwrap_or(LogFormat::Pretty),
            metrics: self.metrics.unwrap_or(MetricNames::Llemulator),
            telemetry: self.telemetry.unwrap_or(SpanNames::Genai),
            debug: self.debug.unwrap_or(false),
            cors: self.cors.unwrap_or(Cors::Loopback),
            allowed_hosts: self.allowed_hosts.unwrap_or_default(),
            // A variable that is set to nothing is no secret.
            control_token: self.control_token.filter(|token| !token.is_empty()),
            upstream: self.upstream,
            upstream_models,
            upstream_key: self.upstream_key,
            upstream_ca: self.upstream_ca,
            record,
            record_mode: word.or(self.record_mode).unwrap_or_default(),
            cassettes,
            replay_speed: self.replay_speed.unwrap_or(0.0),
            replay_ignore: self.replay_ignore.unwrap_or_default(),
            redact: self.redact.unwrap_or_default(),
            ci: self.ci.unwrap_or_else(|| std::env::var("CI").is_ok_and(|text| is_ci(&text))),
            manual_timeout_ms: self.manual_timeout_ms.unwrap_or(300_000),
            trust_forwarded: self.trust_forwarded.unwrap_or(false),
            upstream_timeout_ms: self.upstream_timeout_ms.unwrap_or(300_000),
            prefixes: self.prefix.unwrap_or_default(),
        }
    }
}
