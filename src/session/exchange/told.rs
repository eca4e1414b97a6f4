//! How an exchange ended, as people and signals are told.
//!
//! A rule that breaks its answer has answered: for tests, and `verify`, that is a success. Whoever watches is told that
//! the answer broke.

use super::{Outcome, Record, Said};
use crate::options::LogLevel;
use crate::reply::{Part, Say, describe};
use std::str::Chars;

impl Record {
    /// Whether the answer broke, as somebody wanted it or not: what has left of it is not the answer.
    pub(crate) fn is_broken(&self) -> bool {
        let complained = self.explanation.is_some() || self.failure.is_some();
        complained && self.status.is_none_or(|status| status < 400)
    }

    /// Whether the client got an error, or nothing, or an answer that broke.
    pub(crate) fn is_failed(&self) -> bool {
        self.status.is_none_or(|status| status >= 400) || self.is_broken()
    }

    /// Whether all of an answer has left: what it ended with, and the tokens it was counted with, are true of it.
    pub(crate) fn is_whole(&self) -> bool {
        !self.is_failed() && !self.aborted
    }

    /// The outcome, where an answer that broke is no success.
    pub(crate) fn told_outcome(&self) -> Outcome {
        match self.outcome {
            Outcome::NoMatch | Outcome::Rejected => self.outcome,
            _ if self.is_broken() => Outcome::Faulted,
            outcome => outcome,
        }
    }

    /// How bad it was.
    pub(crate) fn level(&self) -> LogLevel {
        match self.status {
            Some(..400) if self.is_broken() => LogLevel::Warn,
            status => level(status),
        }
    }

    /// What "the model" said, as its plain text: [`Record::said`] without quotes, and as much of it as is kept.
    pub(crate) fn text(&self) -> String {
        match &self.said {
            Said::Reply(reply) if self.status.is_some() => match &reply.say {
                Say::Choices(choices) => {
                    let parts = choices.iter().flat_map(|choice| &choice.parts).filter_map(text_of);
                    let text = parts.collect::<Vec<_>>().join("\n");
                    if text.is_empty() { describe::reply(reply) } else { text }
                }
                _ => describe::reply(reply),
            },
            Said::Shown(line) if self.status.is_some() => unquoted(line).unwrap_or_else(|| line.clone()),
            _ => self.said(),
        }
    }

    /// Why it failed, of what is known.
    pub(crate) fn reason(&self) -> String {
        let failure = self.failure.as_ref().map(|failure| &failure.message);
        failure.or(self.explanation.as_ref()).cloned().unwrap_or_else(|| self.said())
    }
}

/// How bad a status is; `None` = nothing left.
pub(crate) fn level(status: Option<u16>) -> LogLevel {
    match status {
        Some(..400) => LogLevel::Info,
        Some(..500) => LogLevel::Warn,
        _ => LogLevel::Error,
    }
}

/// What a part says; `None` = it has no text.
fn text_of(part: &Part) -> Option<String> {
    match part {
        Part::Text(text) | Part::Refusal(text) => Some(text.text.clone()),
        Part::Audio { transcript, .. } => Some(transcript.clone()),
        Part::ToolCall(call) => Some(format!("{}({})", call.name, call.arguments.text)),
        Part::Reasoning(_) | Part::Item(_) => None,
    }
}

/// The text that [`describe::quote`] has quoted; `None` = the line is something else.
fn unquoted(line: &str) -> Option<String> {
    let (quoted, more) = line.strip_suffix('…').map_or((line, ""), |quoted| (quoted, "…"));
    let mut rest = quoted.strip_prefix('"')?.strip_suffix('"')?.chars();
    let mut text = String::new();
    while let Some(next) = rest.next() {
        text.push(match next {
            '\\' => escaped(&mut rest)?,
            // There is more than one.
            '"' => return None,
            plain => plain,
        });
    }
    Some(text + more)
}

/// The character that an escape stands for.
fn escaped(rest: &mut Chars) -> Option<char> {
    match rest.next()? {
        'n' => Some('\n'),
        'r' => Some('\r'),
        't' => Some('\t'),
        '0' => Some('\0'),
        'u' => {
            let digits: String = rest.by_ref().skip(1).take_while(|digit| *digit != '}').collect();
            char::from_u32(u32::from_str_radix(&digits, 16).ok()?)
        }
        itself => Some(itself),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_quoted_is_read_as_the_text_it_was() {
        for text in ["yo", "", "a\nb\t\"c\" \\ 'd' \u{1b}[2J\0 ä…", "\\"] {
            assert_eq!(unquoted(&describe::quote(text)).as_deref(), Some(text));
        }
        let long = "ä".repeat(describe::SHOWN + 1);
        assert_eq!(unquoted(&describe::quote(&long)), Some("ä".repeat(describe::SHOWN) + "…"));
        for line in ["\"a\", \"b\"", "f({\"a\":1})", "refusal \"no\"", "\"", "", "raw 200"] {
            assert_eq!(unquoted(line), None, "{line}");
        }
    }
}
