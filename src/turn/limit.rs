//! Limits the request sets on a reply: stop sequences and the number of tokens.

use crate::prompt::Prompt;
use crate::reply::pace::Chunk;
use crate::reply::{Choice, Finish, Part, Reply, Say, Text, ToolCall};
use crate::tokens::Encoding;

/// The reply cut at the request's stop sequences and token limit; `None` when nothing needs cutting.
pub(crate) fn obey(reply: &Reply, prompt: &Prompt, encoding: Encoding) -> Option<Reply> {
    let Say::Choices(choices) = &reply.say else { return None };
    if prompt.stop.is_empty() && prompt.max_tokens.is_none() {
        return None;
    }
    let mut changed = false;
    let cut: Vec<Choice> = choices
        .iter()
        .map(|choice| match shorten(choice, prompt, encoding) {
            Some(shorter) => {
                changed = true;
                shorter
            }
            None => choice.clone(),
        })
        .collect();
    changed.then(|| Reply { say: Say::Choices(cut), ..reply.clone() })
}

/// One choice, cut; `None` when it is within its limits.
fn shorten(choice: &Choice, prompt: &Prompt, encoding: Encoding) -> Option<Choice> {
    let mut limits = Limits::new(prompt, encoding);
    for (index, part) in choice.parts.iter().enumerate() {
        let Some((shorter, finish)) = limits.cut(part) else { continue };
        let parts = choice.parts[..index].iter().cloned().chain(shorter).collect();
        return Some(Choice { parts, finish: Some(finish), logprobs: choice.logprobs.clone() });
    }
    None
}

/// What is left of the limits for the rest of a choice.
#[derive(Debug, Clone)]
pub(crate) struct Limits {
    stop: Vec<String>,
    /// Tokens.
    left: usize,
    encoding: Encoding,
}

impl Limits {
    /// What the request allows each choice.
    pub(crate) fn new(prompt: &Prompt, encoding: Encoding) -> Self {
        let left = prompt.max_tokens.map_or(usize::MAX, |limit| limit as usize);
        Limits { stop: prompt.stop.clone(), left, encoding }
    }

    /// No limits.
    pub(crate) fn none() -> Self {
        Limits { stop: Vec::new(), left: usize::MAX, encoding: Encoding::O200k }
    }

    /// Whether so few tokens are left that the first piece of the next text may not fit: some graphemes have many.
    pub(crate) fn is_near(&self) -> bool {
        self.left < NEAR
    }

    /// Takes in a part that is whole. `None` = it fits; else what is left of it, and how the choice ends with it.
    pub(crate) fn cut(&mut self, part: &Part) -> Option<(Option<Part>, Finish)> {
        let (text, stops) = match part {
            Part::Text(text) | Part::Refusal(text) => (text, true),
            Part::ToolCall(call) => (&call.arguments, false),
            _ => return None,
        };
        let Some((end, finish)) = self.end_of(text, stops) else {
            if self.left != usize::MAX {
                self.left = self.left.saturating_sub(tokens_of(text, self.encoding));
            }
            return None;
        };
        let kept = |text: &Text| Text {
            text: text.text.get(..end).unwrap_or_default().to_string(),
            annotations: text.annotations.clone(),
            phase: text.phase.clone(),
            ..Text::default()
        };
        let part = match part {
            // Nothing visible is left of a message that was cut before its first token.
            _ if end == 0 && finish == Finish::Length => None,
            Part::Text(text) => Some(Part::Text(kept(text))),
            Part::Refusal(text) => Some(Part::Refusal(kept(text))),
            Part::ToolCall(call) => Some(Part::ToolCall(ToolCall { arguments: kept(&call.arguments), ..call.clone() })),
            _ => None,
        };
        Some((part, finish))
    }

    /// Where a text that is whole ends early.
    fn end_of(&self, text: &Text, stops: bool) -> Option<(usize, Finish)> {
        let stopped = stops.then(|| first_stop(&text.text, &self.stop)).flatten();
        // Bytes are an upper bound of tokens: a text shorter than the limit needs no counting.
        let limited = if text.text.len() <= self.left { None } else { end_of(text, self.left, self.encoding) };
        match (stopped, limited) {
            (Some(stop), Some(limit)) if limit <= stop => Some((limit, Finish::Length)),
            (Some(stop), _) => Some((stop, Finish::Stop)),
            (None, Some(limit)) => Some((limit, Finish::Length)),
            (None, None) => None,
        }
    }
}

/// No grapheme has as many tokens.
const NEAR: usize = 64;

/// A text that grows under limits: how much of it may be shown so far.
#[derive(Debug, Default)]
pub(crate) struct Growing {
    text: String,
    shown: usize,
    /// Up to here, tokens were taken from the limits: no token reaches over it.
    counted: usize,
}

/// Bytes of one word that may wait for its end before its tokens are counted all the same.
const WORD: usize = 1_024;

impl Growing {
    /// Takes in more; gives what can be shown of it, and how the choice ends if it ends with that. `stops` = stop
    /// sequences apply; `ended` = no more will come.
    pub(crate) fn grow(&mut self, more: &str, limits: &mut Limits, stops: bool, ended: bool) -> (&str, Option<Finish>) {
        self.text.push_str(more);
        let (mut end, mut finish) = (self.text.len(), None);
        if limits.left != usize::MAX && (ended || self.text.len() - self.counted > limits.left) {
            let settled = if ended { end } else { self.counted + settled(&self.text[self.counted..]) };
            let rest = Text::new(&self.text[self.counted..settled]);
            match end_of(&rest, limits.left, limits.encoding) {
                Some(cut) => (end, finish) = (self.counted + cut, Some(Finish::Length)),
                None => {
                    limits.left = limits.left.saturating_sub(tokens_of(&rest, limits.encoding));
                    self.counted = settled;
                    // As many bytes have no more tokens.
                    if !ended && end - settled > limits.left {
                        end = settled;
                    }
                }
            }
        }
        let shown = self.shown;
        if stops && !limits.stop.is_empty() {
            let unseen = &self.text[shown..];
            match first_stop(unseen, &limits.stop).map(|at| shown + at) {
                // Whether the limit would have come first shows once the text before the stop is counted.
                Some(stop) if finish.is_none() || stop < end => {
                    let rest = Text::new(&self.text[self.counted..]);
                    let limited = match rest.text.len() > limits.left {
                        true => end_of(&rest, limits.left, limits.encoding).filter(|cut| self.counted + cut <= stop),
                        false => None,
                    };
                    (end, finish) = match limited {
                        Some(cut) => (self.counted + cut, Some(Finish::Length)),
                        None => (stop, Some(Finish::Stop)),
                    };
                }
                None if !ended && finish.is_none() => end = end.min(shown + held(unseen, &limits.stop)),
                _ => {}
            }
        }
        self.shown = end.max(shown);
        (&self.text[shown..self.shown], finish)
    }
}

/// Where the last token border of a text is that nothing after it can move: a space after something else begins a word.
/// A word that has become long is cut all the same.
fn settled(text: &str) -> usize {
    let bytes = text.as_bytes();
    let border = |at: &usize| bytes[*at] == b' ' && !bytes[at - 1].is_ascii_whitespace() && bytes[at - 1].is_ascii();
    match (1..bytes.len()).rev().find(border) {
        Some(at) => at,
        None if text.len() > WORD => {
            (0..=text.len() - WORD / 2).rev().find(|at| text.is_char_boundary(*at)).unwrap_or(0)
        }
        None => 0,
    }
}

/// Bytes of a text before what may be the beginning of a stop sequence.
fn held(text: &str, stops: &[String]) -> usize {
    let longest = stops.iter().map(String::len).max().unwrap_or(0);
    let from = text.len().saturating_sub(longest.saturating_sub(1));
    let begins = |at: &usize| text.get(*at..).is_some_and(|rest| stops.iter().any(|stop| stop.starts_with(rest)));
    (from..text.len()).find(begins).unwrap_or(text.len())
}

/// Where the first stop sequence begins.
fn first_stop(text: &str, stops: &[String]) -> Option<usize> {
    stops.iter().filter(|stop| !stop.is_empty()).filter_map(|stop| text.find(stop.as_str())).min()
}

/// Where the text's first `limit` tokens end, if it has more.
fn end_of(text: &Text, limit: usize, encoding: Encoding) -> Option<usize> {
    let pieces = text.pieces(&Chunk::Tokens(1), encoding);
    let mut left = limit as u32;
    for (start, end, tokens) in pieces.ranges() {
        if tokens > left {
            return Some(start);
        }
        left -= tokens;
        if left == 0 && end < text.text.len() {
            return Some(end);
        }
    }
    None
}

fn tokens_of(text: &Text, encoding: Encoding) -> usize {
    text.pieces(&Chunk::Tokens(1), encoding).ranges().map(|(_, _, tokens)| tokens as usize).sum()
}

impl Reply {
    /// Tokens of each piece of the longest of the first `choices` choices: an unstreamed answer takes the time its
    /// stream would.
    pub(crate) fn tokens(&self, choices: usize, chunk: &Chunk, encoding: Encoding) -> Vec<u32> {
        let Say::Choices(all) = &self.say else { return Vec::new() };
        let tokens = |choice: &Choice| -> Vec<u32> {
            let texts = choice.parts.iter().filter_map(|part| match part {
                Part::Text(text) | Part::Refusal(text) => Some(text),
                Part::ToolCall(call) => Some(&call.arguments),
                _ => None,
            });
            let pieces = |text: &Text| text.pieces(chunk, encoding).ranges().map(|range| range.2).collect::<Vec<_>>();
            texts.flat_map(pieces).collect()
        };
        all.iter().take(choices.max(1)).map(tokens).max_by_key(Vec::len).unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text_of(reply: &Reply) -> (String, Option<Finish>) {
        let Say::Choices(choices) = &reply.say else { panic!("no choices") };
        let Some(Part::Text(text)) = choices[0].parts.first() else { return (String::new(), choices[0].finish) };
        (text.text.clone(), choices[0].finish)
    }

    fn reply(text: &str) -> Reply {
        let choice = Choice { parts: vec![Part::Text(Text::new(text))], ..Choice::default() };
        Reply { say: Say::Choices(vec![choice]), ..Reply::default() }
    }

    #[test]
    fn a_stop_sequence_is_not_part_of_the_answer() {
        let prompt = Prompt { stop: vec!["three".into(), "two".into()], ..Prompt::default() };
        let cut = obey(&reply("one two three"), &prompt, Encoding::O200k).expect("cut");
        assert_eq!(text_of(&cut), ("one ".into(), Some(Finish::Stop)));
        assert!(obey(&reply("one"), &prompt, Encoding::O200k).is_none());
    }

    #[test]
    fn the_answer_ends_at_the_token_limit() {
        let prompt = Prompt { max_tokens: Some(2), ..Prompt::default() };
        let cut = obey(&reply("one two three four"), &prompt, Encoding::O200k).expect("cut");
        assert_eq!(text_of(&cut), ("one two".into(), Some(Finish::Length)));
        assert!(obey(&reply("one two"), &prompt, Encoding::O200k).is_none());
    }
}
