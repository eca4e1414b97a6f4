//! Whose words are spoken.

use clap::ValueEnum;
use serde::{Deserialize, Serialize};

/// The API whose words a request and its answer are in. What differs between them by the wording alone asks this.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Dialect {
    Chat,
    /// Legacy text completions.
    Completions,
    Embeddings,
    Responses,
    #[default]
    Other,
}

/// Whose additions chat completions have.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, ValueEnum)]
#[serde(rename_all = "lowercase")]
pub(crate) enum ChatDialect {
    /// Nobody's: OpenAI's own.
    #[default]
    Openai,
    /// vLLM's and its like: the reasoning itself, and the usage so far in every chunk.
    Vllm,
}
