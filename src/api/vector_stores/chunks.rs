//! How a file's text is cut into the passages that searches find.

use crate::tokens::{self, Encoding};
use crate::wire::error::ApiError;
use serde_json::{Value, json};

/// Tokens of a passage, and of its end that the next one repeats: what `auto` means.
const USUAL: Chunking = Chunking { size: 800, overlap: 400 };

/// The longest text of a file that is searched.
pub(super) const LONGEST: usize = 16 << 20;

/// A chunking strategy.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Chunking {
    size: usize,
    overlap: usize,
}

impl Chunking {
    /// As a body asks for it.
    ///
    /// # Errors
    /// Passages would overlap by more than a half.
    pub(super) fn of(body: &Value) -> Result<Self, ApiError> {
        let number =
            |name: &str| body["chunking_strategy"]["static"][name].as_u64().and_then(|n| usize::try_from(n).ok());
        let (Some(size), Some(overlap)) = (number("max_chunk_size_tokens"), number("chunk_overlap_tokens")) else {
            return Ok(USUAL);
        };
        if overlap > size / 2 {
            let message = "chunk_overlap_tokens must be less than or equal to half of max_chunk_size_tokens.";
            return Err(ApiError::invalid(message).param("chunking_strategy.static.chunk_overlap_tokens"));
        }
        Ok(Chunking { size: size.max(1), overlap })
    }

    /// As answers show it.
    pub(super) fn shown(self) -> Value {
        let Chunking { size, overlap } = self;
        json!({"type": "static", "static": {"max_chunk_size_tokens": size, "chunk_overlap_tokens": overlap}})
    }

    /// Where a text is cut: first byte, byte after the last.
    pub(super) fn cut(self, text: &str) -> Vec<(u32, u32)> {
        let ends = tokens::ends(Encoding::for_model("text-embedding-3-large"), text);
        // Tokens may end within a letter.
        let byte = |token: usize| match token {
            0 => 0,
            token => text.floor_char_boundary(ends[token - 1] as usize) as u32,
        };
        let mut pieces = Vec::new();
        let mut from = 0;
        while from < ends.len() {
            let to = (from + self.size).min(ends.len());
            pieces.push((byte(from), byte(to)));
            if to == ends.len() {
                break;
            }
            from = to - self.overlap;
        }
        pieces
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn passages_have_the_tokens_and_the_overlap_that_are_asked() {
        let text: String = (0..1_000).map(|number| format!("word{number} ")).collect();
        let strategy = json!({"chunking_strategy": {"type": "static",
            "static": {"max_chunk_size_tokens": 100, "chunk_overlap_tokens": 20}}});
        let chunking = Chunking::of(&strategy).expect("it is right");
        assert_eq!(chunking.shown(), strategy["chunking_strategy"]);
        let count = |text: &str| tokens::count(Encoding::for_model("text-embedding-3-large"), text);
        let pieces = chunking.cut(&text);
        assert!(pieces.len() > 2);
        for pair in pieces.windows(2) {
            let shared = &text[pair[1].0 as usize..pair[0].1 as usize];
            assert!((15..=25).contains(&count(shared)), "{shared}");
        }
        assert_eq!((pieces[0].0, pieces.last().map(|last| last.1)), (0, Some(text.len() as u32)));
        assert_eq!(USUAL.cut("short"), [(0, 5)]);
        assert_eq!(USUAL.cut(""), []);
        let letters = "日本語🦀".repeat(50);
        for (from, to) in (Chunking { size: 3, overlap: 1 }).cut(&letters) {
            assert!(letters.get(from as usize..to as usize).is_some());
        }
    }

    #[test]
    fn passages_overlap_by_half_at_most() {
        let asked = |size: u64, overlap: u64| {
            let strategy = json!({"max_chunk_size_tokens": size, "chunk_overlap_tokens": overlap});
            Chunking::of(&json!({"chunking_strategy": {"type": "static", "static": strategy}})).is_ok()
        };
        assert_eq!((asked(100, 50), asked(100, 51)), (true, false));
        assert_eq!(Chunking::of(&json!({"chunking_strategy": {"type": "auto"}})), Ok(USUAL));
        assert_eq!(Chunking::of(&json!({})), Ok(USUAL));
    }
}
