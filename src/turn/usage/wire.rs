//! `usage` as the APIs write it.

use crate::turn::models::Model;
use crate::turn::usage::Counted;
use serde::{Deserialize, Deserializer, Serialize};
use serde_json::{Map, Value, json};

/// `usage` of an answer, as its API shows it.
#[derive(Debug, Clone, Serialize)]
#[serde(untagged)]
pub(crate) enum Usage {
    Chat {
        prompt_tokens: u64,
        completion_tokens: u64,
        total_tokens: u64,
        prompt_tokens_details: GivenTokens,
        completion_tokens_details: SaidTokens,
    },
    Completions {
        prompt_tokens: u64,
        completion_tokens: u64,
        total_tokens: u64,
    },
    Responses {
        input_tokens: u64,
        input_tokens_details: InputTokens,
        output_tokens: u64,
        output_tokens_details: OutputTokens,
        total_tokens: u64,
    },
    /// Some of its numbers are a reply's own.
    Fixed(Value),
}

impl Usage {
    /// Tokens of the request, and of the answer.
    pub(crate) fn sums(&self) -> (u64, u64) {
        match self {
            Usage::Chat { prompt_tokens, completion_tokens, .. }
            | Usage::Completions { prompt_tokens, completion_tokens, .. } => (*prompt_tokens, *completion_tokens),
            Usage::Responses { input_tokens, output_tokens, .. } => (*input_tokens, *output_tokens),
            Usage::Fixed(usage) => {
                let [given, said] = [0, 1].map(|place: usize| {
                    let (chat, responses) = SPELLINGS[place];
                    usage.get(chat).or_else(|| usage.get(responses)).and_then(Value::as_u64).unwrap_or(0)
                });
                (given, said)
            }
        }
    }
}

/// What was kept is shown as it is.
impl<'de> Deserialize<'de> for Usage {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Value::deserialize(deserializer).map(Usage::Fixed)
    }
}

/// `prompt_tokens_details`; audio models say how much was text (recordings of gpt-audio, 2026-07).
#[derive(Debug, Clone, Serialize)]
pub(crate) struct GivenTokens {
    cached_tokens: u64,
    audio_tokens: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    text_tokens: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    image_tokens: Option<u64>,
}

/// `completion_tokens_details`.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct SaidTokens {
    reasoning_tokens: u64,
    audio_tokens: u64,
    accepted_prediction_tokens: u64,
    rejected_prediction_tokens: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    text_tokens: Option<u64>,
}

/// `input_tokens_details`, as since 2026-07.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct InputTokens {
    cache_write_tokens: u64,
    cached_tokens: u64,
}

/// `output_tokens_details`.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct OutputTokens {
    reasoning_tokens: u64,
}

/// `usage` of a chat completion.
pub(crate) fn chat(counted: &Counted, model: &Model) -> Usage {
    Usage::Chat {
        prompt_tokens: counted.prompt,
        completion_tokens: counted.completion,
        total_tokens: counted.prompt + counted.completion,
        prompt_tokens_details: GivenTokens {
            cached_tokens: counted.cached,
            audio_tokens: counted.prompt_audio,
            text_tokens: model.audio.then(|| counted.prompt - counted.prompt_audio - counted.prompt_image),
            image_tokens: model.audio.then_some(counted.prompt_image),
        },
        completion_tokens_details: SaidTokens {
            reasoning_tokens: counted.reasoning,
            audio_tokens: counted.completion_audio,
            accepted_prediction_tokens: 0,
            rejected_prediction_tokens: 0,
            text_tokens: model.audio.then(|| counted.completion - counted.completion_audio),
        },
    }
}

/// `usage` of a legacy completion.
pub(crate) fn completions(counted: &Counted) -> Usage {
    Usage::Completions {
        prompt_tokens: counted.prompt,
        completion_tokens: counted.completion,
        total_tokens: counted.prompt + counted.completion,
    }
}

/// `usage` of a response.
pub(crate) fn responses(counted: &Counted) -> Usage {
    Usage::Responses {
        input_tokens: counted.prompt,
        input_tokens_details: InputTokens { cache_write_tokens: 0, cached_tokens: counted.cached },
        output_tokens: counted.completion,
        output_tokens_details: OutputTokens { reasoning_tokens: counted.reasoning },
        total_tokens: counted.prompt + counted.completion,
    }
}

/// Names of the same number in chat and in Responses.
const SPELLINGS: [(&str, &str); 4] = [
    ("prompt_tokens", "input_tokens"),
    ("completion_tokens", "output_tokens"),
    ("prompt_tokens_details", "input_tokens_details"),
    ("completion_tokens_details", "output_tokens_details"),
];

/// A number of a usage by where it stands there in either spelling: `/prompt_tokens_details/cached_tokens`.
pub(crate) fn number(usage: &Value, place: &str) -> u64 {
    let mut found = Some(usage);
    for name in place.split('/').skip(1) {
        let pair = SPELLINGS.iter().find(|(chat, responses)| name == *chat || name == *responses);
        let (chat, responses) = pair.copied().unwrap_or((name, name));
        found =
            found.and_then(|found| found.get(chat).filter(|value| !value.is_null()).or_else(|| found.get(responses)));
    }
    found.and_then(Value::as_u64).unwrap_or_default()
}

/// A usage with what a reply fixes, in either spelling. The total is summed again unless it is fixed too.
pub(crate) fn merge(usage: Usage, overrides: Option<&Value>) -> Usage {
    let Some(Value::Object(fixed)) = overrides else { return usage };
    let Value::Object(mut usage) = json!(usage) else { return usage };
    overlay(&mut usage, fixed);
    if !fixed.contains_key("total_tokens") {
        let number = |key: &str| usage.get(key).and_then(Value::as_u64);
        let sum = SPELLINGS[..2]
            .iter()
            .filter_map(|(chat, responses)| number(chat).or_else(|| number(responses)))
            .sum::<u64>();
        usage.insert("total_tokens".into(), sum.into());
    }
    Usage::Fixed(Value::Object(usage))
}

fn overlay(usage: &mut Map<String, Value>, fixed: &Map<String, Value>) {
    for (key, value) in fixed {
        let pair = SPELLINGS.iter().find(|(chat, responses)| key == chat || key == responses);
        let here =
            pair.and_then(|(chat, responses)| [chat, responses].into_iter().find(|name| usage.contains_key(**name)));
        let key = here.map_or(key.as_str(), |name| *name);
        match (usage.get_mut(key), value) {
            (Some(Value::Object(old)), Value::Object(new)) => overlay(old, new),
            _ => {
                usage.insert(key.into(), value.clone());
            }
        }
    }
}
