//! Which replies can answer which operations.

use crate::reply::{Ask, Part, Reply, Say};
use crate::script::Rule;
use crate::script::matching::Match;
use crate::script::matching::View;
use crate::surface::operations::Family;

/// Whether `upper` takes, for ever, all that could reach `lower` below it.
pub(crate) fn shadows(upper: &Rule, lower: &Rule) -> bool {
    let covers = upper.matcher.is_any() || upper.matcher == lower.matcher;
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

    /// What a request asks for: without a prompt no model is asked, whatever the operation would do.
    pub(crate) fn asked(view: &View) -> Family {
        if view.prompt.is_some() { Family::of(view.operation) } else { Family::Other }
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
            Say::Object(_) => self == Family::Other && matcher.names_operation(),
            Say::Moderation(_) => self == Family::Moderations,
        }
    }
}
