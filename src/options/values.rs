//! What an option can be.

use crate::wire::error::ApiError;
use clap::ValueEnum;
use serde::{Deserialize, Deserializer, Serialize};
use std::path::{Path, PathBuf};

/// A set of defaults, each still settable.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ValueEnum)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Profile {
    /// What production would do: nothing unscripted is answered, forbidden replies fail, dated snapshots in answers.
    Strict,
    /// Answers whatever comes: echo, any model name, the simulator's body fields.
    Relaxed,
    /// LLEmulator's Go suite: a key is required, its 401 type, `text/event-stream` without charset.
    Llemulator,
}

impl Profile {
    /// An error as this profile sends it: the strict one's own complaints are 400s, because frameworks retry every 5xx
    /// whatever `x-should-retry` says, and a test then fails late or never. A gateway's failure stays one.
    pub(crate) fn sends(self, mut error: ApiError) -> ApiError {
        if error.own && error.status >= 500 && !matches!(error.status, 502 | 504) && self == Profile::Strict {
            error.status = 400;
            error.kind = Some("invalid_request_error".into());
        }
        error
    }
}

/// Which requests are recorded.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, ValueEnum)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum RecordMode {
    /// Everything that goes upstream, anew.
    All,
    /// What no recording answers.
    #[default]
    OnMiss,
}

/// What acknowledged changes of a data directory survive.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, ValueEnum)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Durability {
    /// The end of the process, however it comes.
    #[default]
    Process,
    /// A power loss too.
    Power,
}

/// How strictly requests are checked.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ValueEnum)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Validation {
    /// What OpenAI rejects is rejected, in OpenAI's words.
    Full,
    /// Types, enums, ranges, required; no rules across fields.
    Schema,
    Off,
}

/// Which keys are let in.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Auth {
    /// No header = the session `anonymous`; malformed or `invalid…` keys are 401.
    Optional,
    /// Every request needs a key.
    Required,
    /// Only these keys.
    Keys(Vec<String>),
}

impl std::str::FromStr for Auth {
    type Err = String;
    fn from_str(text: &str) -> Result<Self, String> {
        Ok(match text {
            "optional" => Auth::Optional,
            "required" => Auth::Required,
            "" => return Err("expected `optional`, `required` or a comma-separated list of keys".into()),
            keys => Auth::Keys(keys.split(',').map(|key| key.trim().to_string()).collect()),
        })
    }
}

impl<'de> Deserialize<'de> for Auth {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        #[derive(Deserialize)]
        #[serde(untagged, expecting = "expected `optional`, `required` or a list of keys")]
        enum Written {
            Word(String),
            Keys(Vec<String>),
        }
        match Written::deserialize(deserializer)? {
            // One key is a list of one: a word that is neither of the two is a slip.
            Written::Word(word) => match word.parse() {
                Ok(Auth::Keys(_)) | Err(_) => {
                    Err(serde::de::Error::custom("expected `optional`, `required` or a list of keys"))
                }
                known => known.map_err(serde::de::Error::custom),
            },
            Written::Keys(keys) => Ok(Auth::Keys(keys)),
        }
    }
}

/// Pages of which origins may read what the API answers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ValueEnum)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Cors {
    /// Those of this machine's loopback, the emulator's own, and those of `allowed_hosts`.
    Loopback,
    /// All. Control routes stay closed to foreign ones.
    Any,
}

/// What is logged.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ValueEnum)]
#[serde(rename_all = "snake_case")]
pub(crate) enum LogLevel {
    /// One line per request. What others call `debug` or `trace` is no more than this.
    #[value(aliases = ["debug", "trace"])]
    Info,
    /// Only what is wrong.
    #[value(alias = "warning")]
    Warn,
    /// Nothing after the address.
    Error,
}

/// How a logged line looks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ValueEnum)]
#[serde(rename_all = "lowercase")]
pub(crate) enum LogFormat {
    /// For people; coloured on a terminal unless `NO_COLOR` is set.
    Pretty,
    /// A JSON object a line, for machines.
    Json,
}

/// Under which names `/metrics` counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ValueEnum)]
#[serde(rename_all = "lowercase")]
pub(crate) enum MetricNames {
    /// `llemulator_…`.
    Llemulator,
    /// vLLM's (`vllm:…`) too.
    Vllm,
}

/// What spans of OpenTelemetry are called.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ValueEnum)]
#[serde(rename_all = "lowercase")]
pub(crate) enum SpanNames {
    /// As the semantic conventions for generative AI say.
    Genai,
    /// As openai-mokku did.
    Mokku,
}

/// How tokens are counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ValueEnum)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Counting {
    /// OpenAI's own vocabularies.
    Exact,
    /// A quarter of the characters; no vocabulary is loaded.
    Estimate,
}

/// How embeddings are computed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ValueEnum)]
#[serde(rename_all = "lowercase")]
pub(crate) enum EmbeddingStyle {
    /// Unit length; texts that share words are closer.
    Semantic,
    /// openai-mokku's vectors, number for number.
    Mokku,
}

/// Which requests are answered as Azure answers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ValueEnum)]
#[serde(rename_all = "lowercase")]
pub(crate) enum AzureWire {
    /// Those over Azure's paths, below `/openai/`.
    Paths,
    /// All.
    Always,
    /// None: Azure's paths lead to OpenAI's answers.
    Never,
}

/// What an id brings that nothing is stored under.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ValueEnum)]
#[serde(rename_all = "snake_case")]
pub(crate) enum UnknownIds {
    /// OpenAI's 404 for the resource.
    #[value(name = "not_found")]
    NotFound,
    /// An object of the answer's type, if the id is one of the resource's form.
    Synthesize,
}

/// Which model names are accepted although nobody lists them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Unlisted {
    Refused,
    Accepted,
    /// All but those that begin with `invalid`: with them a test asks for the refusal, as with such a key.
    Plausible,
}

impl Unlisted {
    /// Whether this name is accepted.
    pub(crate) fn accepts(self, name: &str) -> bool {
        match self {
            Unlisted::Refused => false,
            Unlisted::Accepted => true,
            Unlisted::Plausible => !name.starts_with("invalid"),
        }
    }
}

/// What a variable `CI` says.
pub(super) fn is_ci(text: &str) -> bool {
    !matches!(text, "" | "0" | "false")
}

/// Files and folders, one or several.
pub(super) fn paths<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Vec<PathBuf>>, D::Error> {
    Ok(one_or_many(deserializer)?.map(|paths| paths.into_iter().map(PathBuf::from).collect()))
}

/// One text, or several.
pub(super) fn one_or_many<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Vec<String>>, D::Error> {
    #[derive(Deserialize)]
    #[serde(untagged, expecting = "expected a string or a list of strings")]
    enum OneOrMany {
        One(String),
        Many(Vec<String>),
    }
    Ok(Option::<OneOrMany>::deserialize(deserializer)?.map(|form| match form {
        OneOrMany::One(one) => vec![one],
        OneOrMany::Many(many) => many,
    }))
}

/// Where is recorded; a word where the folder goes is the mode.
pub(super) fn record_to(record: Option<PathBuf>, cassettes: &[PathBuf]) -> (Option<PathBuf>, Option<RecordMode>) {
    let word = record.as_deref().and_then(Path::to_str).and_then(|word| RecordMode::from_str(word, false).ok());
    match word {
        Some(_) => (Some(cassettes.first().cloned().unwrap_or_else(|| "cassettes".into())), word),
        None => (record, None),
    }
}
