//! What offering tools costs: the namespace of the functions ([`super::typescript`]) and what stands around it.

use crate::prompt::{Prompt, Role, Tool, ToolChoice, ToolKind};
use crate::turn::models::Model;
use crate::turn::usage::typescript;
use crate::wire::dialect::Dialect;

/// What a request's tools cost.
pub(super) struct Offer {
    /// The namespace of its functions; `None` without functions.
    pub text: Option<String>,
    /// Whether a leading system message and the namespace are one text (chat, models that do not think).
    pub merges: bool,
    /// Whether there is a leading system message.
    pub leads: bool,
    /// Tokens around the namespace.
    pub around: u64,
    /// Tokens of the tools OpenAI runs, before they ran.
    pub hosted: u64,
}

impl Offer {
    pub(super) fn new(prompt: &Prompt, model: &Model, api: Dialect) -> Self {
        let functions: Vec<&Tool> =
            prompt.tools.iter().filter(|tool| !matches!(tool.kind, ToolKind::Hosted(_))).collect();
        let merges = api == Dialect::Chat && !model.reasoning;
        let leads = prompt.messages.first().is_some_and(|first| matches!(first.role, Role::System | Role::Developer));
        let named = matches!(prompt.tool_choice, ToolChoice::Named(_));
        let around = match (api, model.reasoning) {
            (Dialect::Chat, false) => 9 + if named && !leads { 7 } else { 0 },
            (Dialect::Chat, true) => (if leads { 90 } else { 91 }) - if named { 9 } else { 0 },
            (_, false) => {
                3 + if named {
                    8
                } else if prompt.tool_choice == ToolChoice::Required {
                    9
                } else {
                    0
                }
            }
            (_, true) => model.tool_tokens.saturating_sub(if named { 2 } else { 0 }),
        };
        Offer {
            text: (!functions.is_empty()).then(|| typescript::namespace(&functions, api)),
            merges,
            leads,
            around,
            hosted: prompt.tools.iter().map(hosted).sum(),
        }
    }
}

/// A leading system message with the namespace behind it. One text, because tokens reach over the seam.
pub(super) fn merged(system: &str, namespace: &str) -> String {
    format!("{system}\n\n# Tools\n\n## functions\n\n{namespace}")
}

/// Typical numbers of recordings in which the tool was not used.
fn hosted(tool: &Tool) -> u64 {
    match &tool.kind {
        ToolKind::Hosted(kind) => match kind.as_str() {
            "code_interpreter" => 1320,
            "image_generation" => 1654,
            _ => 294,
        },
        _ => 0,
    }
}
