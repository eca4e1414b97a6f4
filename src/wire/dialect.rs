//! Whose words are spoken.

use serde::Deserialize;

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
