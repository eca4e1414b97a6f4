//! One word becomes tokens: byte pair encoding in linear time.
//!
//! By definition the encoder starts from single bytes and again and again joins the leftmost of the adjacent pairs with
//! the lowest rank. A sequence of tokens is what comes of that exactly when each two neighbours in it are
//! ([`Merger::stand`]), so the sequence is searched from the left instead, the longest token first; a place from which
//! nothing follows is remembered and never tried again. (The method of GitHub's crate `bpe`, here on tables that need
//! no loading.)

use super::layout::{SEED, more};
use super::vocabulary::Vocabulary;

/// Words become tokens here, one after the other; keeps its memory between them.
pub(super) struct Merger {
    vocabulary: &'static Vocabulary<'static>,
    /// The word's tokens so far.
    tokens: Vec<u32>,
    /// One bit a place in the word: no tokens lead from here to its end.
    dead: Vec<u64>,
}

impl Merger {
    pub(super) fn new(vocabulary: &'static Vocabulary<'static>) -> Self {
        Merger { vocabulary, tokens: Vec::new(), dead: Vec::new() }
    }

    /// The tokens of a word.
    pub(super) fn merge(&mut self, word: &[u8]) -> &[u32] {
        self.tokens.clear();
        match self.vocabulary.rank(word) {
            Some(rank) => self.tokens.push(rank),
            None => self.search(word),
        }
        &self.tokens
    }

    fn search(&mut self, word: &[u8]) {
        self.dead.clear();
        self.dead.resize(word.len() / 64 + 1, 0);
        let mut at = 0;
        // The next token is shorter than this.
        let mut below = usize::MAX;
        while at < word.len() {
            match self.next(word, at, below) {
                Some(rank) => {
                    self.tokens.push(rank);
                    at += self.vocabulary.length(rank);
                    below = usize::MAX;
                }
                None => {
                    if let Some(bits) = self.dead.get_mut(at / 64) {
                        *bits |= 1 << (at % 64);
                    }
                    // Every byte is a token, so there is always one to take back before the search fails at 0.
                    let Some(last) = self.tokens.pop() else { return };
                    below = self.vocabulary.length(last);
                    at -= below;
                }
            }
        }
    }

    fn is_dead(&self, at: usize) -> bool {
        self.dead.get(at / 64).is_some_and(|bits| bits >> (at % 64) & 1 == 1)
    }

    /// The longest token shorter than `below` that may follow at a place.
    fn next(&self, word: &[u8], at: usize, below: usize) -> Option<u32> {
        let rest = word.get(at..).unwrap_or_default();
        let most = self.vocabulary.longest(rest).min(below - 1).min(rest.len());
        let mut hashes = [SEED; 256];
        let mut hash = SEED;
        for (byte, slot) in rest.iter().take(most).zip(&mut hashes) {
            hash = more(hash, *byte);
            *slot = hash;
        }
        let last = self.tokens.last().map_or(0, |last| self.vocabulary.length(*last));
        (1..=most).rev().find_map(|length| {
            if self.is_dead(at + length) {
                return None;
            }
            let rank = self.vocabulary.find(hashes.get(length - 1).copied()?, rest.get(..length)?)?;
            (last == 0 || self.stand(word, at - last, at, at + length)).then_some(rank)
        })
    }

    /// Whether the tokens `start..middle` and `middle..end` of a word stay two: their merges are undone, the latest
    /// first, and never may the pieces at the seam be a token that would have been joined before.
    fn stand(&self, word: &[u8], mut start: usize, middle: usize, mut end: usize) -> bool {
        let rank = |from: usize, to: usize| self.vocabulary.rank(word.get(from..to).unwrap_or_default());
        let (Some(mut left), Some(mut right)) = (rank(start, middle), rank(middle, end)) else { return false };
        // Pairs of a lower rank than this were joined before.
        let mut limit = u32::MAX;
        loop {
            if rank(start, end).is_some_and(|joined| joined < limit) {
                return false;
            }
            let (left_half, right_half) = (self.vocabulary.half(left), self.vocabulary.half(right));
            if left_half > 0 && (left > right || right_half == 0) {
                limit = left;
                start += left_half;
                let Some(part) = rank(start, middle) else { return false };
                left = part;
            } else if right_half > 0 {
                // Of equal ranks the left is joined first, so one of this rank at the seam comes before it.
                limit = right + 1;
                end = middle + right_half;
                let Some(part) = rank(middle, end) else { return false };
                right = part;
            } else {
                return true;
            }
        }
    }
}
