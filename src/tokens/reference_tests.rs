//! Counts and borders against another implementation, the crate the vocabularies come from, and against the definition.
//! `conformance/python/test_tokens.py` compares with OpenAI's own.

use super::*;
use proptest::prelude::*;

const BOTH: [(Encoding, &str); 2] = [(Encoding::O200k, "o200k_base"), (Encoding::Cl100k, "cl100k_base")];

fn tokens_of(encoding: Encoding, text: &str) -> Vec<u32> {
    let (pattern, vocabulary) = encoding.table().expect("it has a table");
    let mut merger = Merger::new(vocabulary);
    Words::new(pattern, text).flat_map(|word| merger.merge(word.as_bytes()).to_vec()).collect()
}

fn assert_same(text: &str) {
    for (encoding, name) in BOTH {
        let reference = tiktoken::get_encoding(name).expect("it ships both");
        assert_eq!(tokens_of(encoding, text), reference.encode(text), "{name} {text:?}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(100))]

    #[test]
    fn any_text(text in "\\PC{0,80}") {
        assert_same(&text);
    }

    #[test]
    fn letters_that_the_patterns_tell_apart(
        text in "([A-ZÀ-Þa-zß-ÿǅʰªא漢あ\u{301}\u{20e3}0-9٣ⅷ ½'’/!.,{}\"_€👩‍ 🏽\u{a0}\u{3000}\u{85}\t\r\n-]|'[sStTrRvVmMlLdD][eElL]?){0,60}"
    ) {
        assert_same(&text);
    }

    #[test]
    fn long_words_of_few_letters(word in "[ab]{1,400}|[aeinrst]{1,400}|[漢字]{1,150}|[=\\-]{1,300}| {1,300}|[acgtACGT]{1,300}") {
        assert_same(&word);
    }

    #[test]
    fn words_are_joined_as_the_definition_says(word in "[a-e]{1,40}|[\\PC]{1,20}") {
        for (encoding, _) in BOTH {
            let (_, vocabulary) = encoding.table().expect("it has a table");
            let merged = Merger::new(vocabulary).merge(word.as_bytes()).to_vec();
            prop_assert_eq!(merged, by_definition(vocabulary, word.as_bytes()));
        }
    }
}

/// From single bytes, the leftmost pair of the lowest rank is joined until none is left.
fn by_definition(vocabulary: &Vocabulary<'_>, word: &[u8]) -> Vec<u32> {
    if let Some(rank) = vocabulary.rank(word) {
        return vec![rank];
    }
    let mut parts: Vec<Vec<u8>> = word.iter().map(|byte| vec![*byte]).collect();
    loop {
        let joined = parts.windows(2).enumerate().filter_map(|(at, pair)| Some((vocabulary.rank(&pair.concat())?, at)));
        let Some((_, at)) = joined.min() else { break };
        let right = parts.remove(at + 1);
        parts[at].extend(right);
    }
    parts.iter().map(|part| vocabulary.rank(part).expect("a part is a token")).collect()
}

#[test]
fn every_token_is_found_by_its_bytes() {
    for (encoding, name) in BOTH {
        let (_, vocabulary) = encoding.table().expect("it has a table");
        let reference = tiktoken::get_encoding(name).expect("it ships both");
        assert_eq!(vocabulary.size(), reference.vocab_size());
        for rank in 0..vocabulary.size() as u32 {
            let token = reference.decode(&[rank]);
            assert_eq!((encoding.token(rank), vocabulary.rank(&token)), (Some(token.as_slice()), Some(rank)));
        }
        assert_eq!(encoding.token(vocabulary.size() as u32), None);
    }
}

#[test]
fn every_token_is_what_its_bytes_are_merged_to() {
    for (encoding, _) in BOTH {
        let (_, vocabulary) = encoding.table().expect("it has a table");
        for rank in 0..vocabulary.size() as u32 {
            let (token, half) = (vocabulary.token(rank), vocabulary.half(rank));
            assert_eq!(vocabulary.half(rank), half, "asked again");
            let (left, right) = token.split_at(half);
            let parts = [left, right].map(|part| vocabulary.rank(part));
            assert!(
                token.len() == 1 && half == 0 || parts.iter().all(|part| part.is_some_and(|part| part < rank)),
                "{rank}"
            );
        }
    }
}

#[test]
fn every_kind_of_character_is_cut_as_the_pattern_says() {
    let all =
        ('\0'..='\u{2ff}').chain(('\u{300}'..='\u{ffff}').step_by(37)).chain(('\u{10000}'..=char::MAX).step_by(4093));
    let all: Vec<char> = all.collect();
    for some in all.chunks(16) {
        assert_same(
            &some.iter().flat_map(|letter| ['a', *letter, 'A', *letter, ' ', *letter, '1', '\n']).collect::<String>(),
        );
    }
}

#[test]
fn a_contraction_ends_in_any_s() {
    // As the Python package `tiktoken` 0.14.0 says; the crate does not take ſ for an s.
    assert_eq!(tokens_of(Encoding::O200k, "R'ſ'SL'd"), [49, 6, 70067, 6, 13090, 11062]);
}

#[test]
fn white_space_at_the_end() {
    // Counted with the Python package `tiktoken` 0.14.0, whose cl100k pattern is a newer one.
    for (text, tokens) in [("a\n ", 3), ("a \n  \n   ", 3), ("\n\t", 2), ("x\r\n\r\n ", 3), ("x\n \n  y", 4)] {
        assert_eq!((count(Encoding::O200k, text), count(Encoding::Cl100k, text)), (tokens, tokens), "{text:?}");
    }
}

#[test]
fn words_of_any_length_take_time_in_proportion() {
    // A merge or a pattern that looked at the whole word for every token would not come to an end here. Counted with
    // the Python package `tiktoken`, which refuses four million spaces, from shorter texts.
    for (letters, times, o200k, cl100k) in [
        ("a", 2_000_000, 250_000, 250_000),
        (" ", 4_000_000, 31_250, 31_250),
        ("\n", 50_000, 3_125, 1_563),
        ("ab", 30_000, 15_000, 30_000),
        ("漢", 10_000, 10_000, 20_000),
        ("xX", 20_000, 40_000, 40_000),
        ("\u{301}A", 10_000, 20_000, 20_000),
        ("!\u{301}", 10_000, 20_000, 20_000),
    ] {
        let text = letters.repeat(times);
        let counts = (count(Encoding::O200k, &text), count(Encoding::Cl100k, &text));
        assert_eq!(counts, (o200k, cl100k), "{letters:?}");
    }
}
