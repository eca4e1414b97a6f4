//! What a person sees of the pieces that come to a gate: unzipped, and without an upstream's key. What passes is what came.

use crate::redact::spread::without;
use crate::redact::veil::Veil;
use crate::redact::view::AnswerView;
use std::sync::Arc;

/// Bytes of what was said that are shown, and of what came last that may belong to the next piece.
const SHOWN: usize = 64 * 1024;

/// What was seen of one answer.
pub(super) struct SeenPieces {
    view: AnswerView,
    veil: Option<Arc<Veil>>,
    /// What has passed: its beginning, and what came last.
    said: Vec<u8>,
    last: Vec<u8>,
    /// What was held back of it before the next piece came, and that piece.
    rest: Vec<u8>,
    next: Vec<u8>,
}

impl SeenPieces {
    /// Of an answer with these headers.
    pub(super) fn of(veil: Option<Arc<Veil>>, headers: &[(String, String)]) -> Self {
        let view = AnswerView::of_answer(veil.clone(), headers, 16 * SHOWN);
        SeenPieces { view, veil, said: Vec::new(), last: Vec::new(), rest: Vec::new(), next: Vec::new() }
    }

    /// The next piece is there.
    pub(super) fn comes(&mut self, piece: &[u8]) {
        self.rest = self.view.rest().to_vec();
        self.next = self.view.next(piece).into_owned();
    }

    /// It as a person sees it.
    pub(super) fn next(&self) -> String {
        self.shown(&[&self.last, &self.next, self.view.rest()], self.last.len())
    }

    /// What has passed before it.
    pub(super) fn said(&self) -> String {
        self.shown(&[&self.said, &self.rest], 0)
    }

    fn shown(&self, parts: &[&[u8]], from: usize) -> String {
        let all = parts.concat();
        let cuts = self.veil.as_ref().map(|veil| veil.spread(&all)).unwrap_or_default();
        String::from_utf8_lossy(&without(&all, from..all.len(), &cuts)).into_owned()
    }

    /// It passes; `instead` = a person has written something else.
    pub(super) fn passes(&mut self, instead: Option<String>) {
        let passed = instead.map_or_else(|| std::mem::take(&mut self.next), String::into_bytes);
        if self.said.len() < SHOWN {
            self.said.extend_from_slice(&passed);
        }
        if self.veil.is_some() {
            self.last.extend_from_slice(&passed);
            let old = self.last.len().saturating_sub(SHOWN);
            // Not with every piece: what is kept moves.
            if old > SHOWN {
                self.last.drain(..old);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::redact::REDACTED;

    #[test]
    fn a_key_shows_in_no_piece_however_it_is_spread() {
        let event = |text: &str| format!("data: {{\"text\":\"{text}\"}}\n\n");
        let mut seen = SeenPieces::of(Veil::of("sk-plain-secret"), &[]);
        let mut shown = Vec::new();
        for text in ["It is sk-", "plain", "-secret", "."] {
            seen.comes(event(text).as_bytes());
            shown.push(seen.next());
            seen.passes(None);
        }
        // What is begun may still be anything.
        assert_eq!(shown, ["It is sk-", "", "", "."].map(event));
        seen.comes(b"");
        assert_eq!(seen.said(), ["It is [REDACTED]", "", "", "."].map(event).concat());
        // However much came before.
        let other = event("nothing");
        for _ in 0..3 * SHOWN / other.len() {
            seen.comes(other.as_bytes());
            seen.passes(None);
        }
        for (text, expected) in [("sk-plain-s", REDACTED), ("ecret", "")] {
            seen.comes(event(text).as_bytes());
            assert_eq!(seen.next(), event(expected));
            seen.passes(None);
        }
        assert!(seen.last.len() <= 2 * SHOWN + other.len() && seen.said.len() < SHOWN + other.len());
    }

    #[test]
    fn what_a_person_writes_is_what_was_said() {
        let mut seen = SeenPieces::of(None, &[]);
        for (piece, instead) in [("one ", None), ("two ", Some("zwei ")), ("three", None)] {
            seen.comes(piece.as_bytes());
            assert_eq!(seen.next(), piece);
            seen.passes(instead.map(String::from));
        }
        assert_eq!(seen.said(), "one zwei three");
    }
}
