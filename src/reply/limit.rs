//! Limits the request sets on a reply: stop sequences and the number of tokens.

use super::pace::Chunk;
use super::{Choice, Finish, Part, Reply, Say, Text};
use crate::prompt::Prompt;
use crate::tokens::Encoding;

/// The reply cut at the request's stop sequences and token limit; `None` when nothing needs cutting.
pub fn obey(reply: &Reply, prompt: &Prompt, encoding: Encoding) -> Option<Reply> {
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
    let mut left = prompt.max_tokens.map_or(usize::MAX, |limit| limit as usize);
    for (index, part) in choice.parts.iter().enumerate() {
        let (text, stops) = match part {
            Part::Text(text) | Part::Refusal(text) => (text, true),
            Part::ToolCall(call) => (&call.arguments, false),
            _ => continue,
        };
        // Bytes are an upper bound of tokens: a text shorter than the limit needs no counting.
        let stopped = stops.then(|| first_stop(&text.text, &prompt.stop)).flatten();
        let limited = if text.text.len() <= left { None } else { end_of(text, left, encoding) };
        let (end, finish) = match (stopped, limited) {
            (Some(stop), Some(limit)) if limit <= stop => (limit, Finish::Length),
            (Some(stop), _) => (stop, Finish::Stop),
            (None, Some(limit)) => (limit, Finish::Length),
            (None, None) => {
                if left != usize::MAX {
                    left = left.saturating_sub(tokens_of(text, encoding));
                }
                continue;
            }
        };
        let mut parts = choice.parts[..index].to_vec();
        let kept = |text: &Text| Text {
            text: text.text.get(..end).unwrap_or_default().to_string(),
            annotations: text.annotations.clone(),
            phase: text.phase.clone(),
            ..Text::default()
        };
        match part {
            // Nothing visible is left of a message that was cut before its first token.
            _ if end == 0 && finish == Finish::Length => {}
            Part::Text(text) => parts.push(Part::Text(kept(text))),
            Part::Refusal(text) => parts.push(Part::Refusal(kept(text))),
            Part::ToolCall(call) => {
                let mut shorter = call.clone();
                shorter.arguments = kept(&call.arguments);
                parts.push(Part::ToolCall(shorter));
            }
            _ => {}
        }
        return Some(Choice { parts, finish: Some(finish), logprobs: choice.logprobs.clone() });
    }
    None
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
    pub fn tokens(&self, choices: usize, chunk: &Chunk, encoding: Encoding) -> Vec<u32> {
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
