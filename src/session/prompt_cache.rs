//! The prompt cache: which prompts begin like one seen before.

use crate::newest::Newest;
use crate::prompt::{Content, Prompt};
use crate::random;
use crate::tokens::{self, Encoding};
use serde_json::Value;

/// Tokens a prompt must have to be cached.
pub(crate) const LEAST: u64 = 1024;
/// Cached tokens come in multiples of this.
const BLOCK: usize = 128;
/// Blocks remembered per session: two million tokens.
const MOST: usize = 16 * 1024;

/// The prefixes one session has sent, as hashes of their first 128, 256, 384 … tokens.
#[derive(Debug)]
pub(crate) struct PrefixCache(Newest<u64, ()>);

impl Default for PrefixCache {
    fn default() -> Self {
        PrefixCache(Newest::new(MOST))
    }
}

impl PrefixCache {
    /// Tokens at the beginning of this prompt that an earlier one had too, for the same model and `prompt_cache_key`:
    /// 0, or a multiple of 128 from 1,024 on. Remembers the prompt.
    pub(crate) fn cached(&mut self, prompt: &Prefixes) -> u64 {
        let mut cached = 0;
        for (index, hash) in prompt.0.iter().enumerate() {
            if self.0.insert(*hash, ()).is_some() && cached == index {
                cached = index + 1;
            }
        }
        let tokens = (cached * BLOCK) as u64;
        if tokens < LEAST { 0 } else { tokens }
    }
}

/// The hashes of a prompt's first 128, 256, 384 … tokens. Made before the cache is locked: of a long prompt it takes a
/// while.
pub(crate) struct Prefixes(Vec<u64>);

impl Prefixes {
    pub(crate) fn of(prompt: &Prompt, model: &str, encoding: Encoding) -> Self {
        let cache_key = prompt.body.get("prompt_cache_key").and_then(Value::as_str).unwrap_or_default();
        let mut hash = random::key(0, &[model.as_bytes(), cache_key.as_bytes()]);
        let mut hashes = Vec::new();
        let mut held = 0;
        for text in texts(prompt) {
            let mut start = 0;
            for end in tokens::ends(encoding, &text) {
                held += 1;
                if held == BLOCK {
                    held = 0;
                    hash = mixed(hash, &text, start, end as usize);
                    start = end as usize;
                    hashes.push(hash);
                }
            }
            hash = mixed(hash, &text, start, text.len());
        }
        Prefixes(hashes)
    }
}

fn mixed(hash: u64, text: &str, start: usize, end: usize) -> u64 {
    random::key(hash, &[text.get(start..end).unwrap_or_default().as_bytes()])
}

/// What a prompt is made of, in the order the model reads it: tools first, then messages.
fn texts(prompt: &Prompt) -> impl Iterator<Item = String> {
    let tools = prompt.tools.iter().map(|tool| {
        let schema = tool.parameters.as_ref().map(Value::to_string).unwrap_or_default();
        format!("{} {} {schema}", tool.name, tool.description.as_deref().unwrap_or_default())
    });
    let messages = prompt.messages.iter().map(|message| {
        let mut text = format!("{}: ", message.role.as_str());
        for part in &message.content {
            match part {
                Content::Text(more) | Content::Refusal(more) => text.push_str(more),
                Content::Image | Content::Audio | Content::File => text.push_str("[file]"),
            }
        }
        for call in &message.tool_calls {
            text.extend([" ", &call.name, " ", &call.arguments]);
        }
        text
    });
    tools.chain(messages)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::prompt::{Message, Role};

    fn prompt(texts: &[&str]) -> Prompt {
        let messages = texts.iter().map(|text| Message::new(Role::User, *text)).collect();
        Prompt { messages, ..Prompt::default() }
    }

    #[test]
    fn a_long_beginning_is_cached_once_seen() {
        let mut cache = PrefixCache::default();
        let mut cached = |texts: &[&str]| cache.cached(&Prefixes::of(&prompt(texts), "gpt-4o", Encoding::O200k));
        let long = "word ".repeat(1500);
        assert_eq!(cached(&[&long, "one"]), 0);
        assert_eq!(cached(&[&long, "two"]), 1408);
        assert_eq!(cached(&["other", &long]), 0);
        assert_eq!((cached(&["short"]), cached(&["short"])), (0, 0));
    }
}
