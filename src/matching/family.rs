//! Which replies can answer which operations.

use super::{Match, View};
use crate::api::unbuilt;
use crate::reply::json::Rule;
use crate::reply::{Ask, Part, Reply, Say};

/// Operations that the same kinds of reply can answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Family {
    Text,
    Embeddings,
    Images,
    Speech,
    Transcriptions,
    Moderations,
    /// Operations without a turn, and those the emulator computes itself.
    Other,
}

/// Whether `upper` takes, for ever, all that could reach `lower` below it.
pub(crate) fn shadows(upper: &Rule, lower: &Rule) -> bool {
    let condition = |rule: &Rule| rule.source.get("match").or(rule.source.get("pattern")).cloned();
    let covers = upper.matcher.is_any() || condition(upper).is_some_and(|upper| condition(lower) == Some(upper));
    // A function may pass.
    let answers = |rule: &Rule, family: Family| {
        rule.replies
            .iter()
            .all(|reply| family.takes(reply, &rule.matcher) && !matches!(reply.say, Say::Ask(Ask::Callback(_))))
    };
    let asked = |family: Family| {
        let named = lower.matcher.operation().is_none_or(|operation| Family::of(operation) == family);
        named && lower.replies.iter().any(|reply| family.takes(reply, &lower.matcher))
    };
    upper.times.is_none() && covers && Family::ALL.iter().all(|family| !asked(*family) || answers(upper, *family))
}

/// The operation a rule names, if none of its replies can answer it.
pub(crate) fn cannot_answer(rule: &Rule) -> Option<&str> {
    let operation = rule.matcher.operation()?;
    let family = Family::of(operation);
    (!rule.replies.iter().any(|reply| family.takes(reply, &rule.matcher))).then_some(operation)
}

impl Family {
    const ALL: [Family; 7] = [
        Family::Text,
        Family::Embeddings,
        Family::Images,
        Family::Speech,
        Family::Transcriptions,
        Family::Moderations,
        Family::Other,
    ];

    /// Of what is asked now: what is not built has no answer of its own that a reply could be put in.
    pub(crate) fn asked(view: &View) -> Family {
        let unbuilt = || unbuilt::OPERATIONS.iter().any(|operation| operation.name == view.operation);
        if view.prompt.is_none() && unbuilt() { Family::Other } else { Family::of(view.operation) }
    }

    /// By the SDK name of an operation.
    pub(crate) fn of(operation: &str) -> Family {
        match operation {
            "chat.completions.create" | "completions.create" | "responses.create" => Family::Text,
            // Each step of a run asks as the operation that set it going, each response on a socket as its event.
            "beta.threads.runs.create"
            | "beta.threads.runs.submit_tool_outputs"
            | "beta.threads.create_and_run"
            | "realtime.response.create" => Family::Text,
            "embeddings.create" => Family::Embeddings,
            "audio.speech.create" => Family::Speech,
            "audio.transcriptions.create" | "audio.translations.create" => Family::Transcriptions,
            "moderations.create" => Family::Moderations,
            _ if operation.starts_with("images.") => Family::Images,
            _ => Family::Other,
        }
    }

    /// Whether the reply of a rule with this match can answer these operations.
    pub(crate) fn takes(self, reply: &Reply, matcher: &Match) -> bool {
        match &reply.say {
            // What fits any operation is meant for turns, unless the rule says which operation it means.
            Say::Error(_) | Say::Raw(_) | Say::Ask(_) | Say::Nothing => {
                self == Family::Text || matcher.names_operation()
            }
            Say::Choices(choices) => {
                let sound =
                    || choices.iter().flat_map(|choice| &choice.parts).any(|part| matches!(part, Part::Audio { .. }));
                self == Family::Text || (self == Family::Speech && sound())
            }
            Say::Embeddings(_) => self == Family::Embeddings,
            Say::Images(_) => self == Family::Images,
            Say::Transcript(_) => self == Family::Transcriptions,
            Say::Moderation(_) => self == Family::Moderations,
        }
    }
}
