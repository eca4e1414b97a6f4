//! What a stream of choices still has to write: the items of each choice in order, one of each choice in turn, then
//! what follows when all have ended. A text is one item however many pieces it has, so that an open stream stays small.

use crate::reply::pace::Pieces;
use std::collections::VecDeque;
use std::sync::Arc;

/// The pieces of a text that are not written yet.
pub struct Cursor {
    pieces: Arc<Pieces>,
    at: usize,
}

impl Cursor {
    /// `None` for a text without pieces.
    pub fn new(pieces: Arc<Pieces>) -> Option<Self> {
        let cursor = Cursor { pieces, at: 0 };
        cursor.pieces.get(0).is_some().then_some(cursor)
    }

    /// The next piece: first byte, byte after the last, tokens.
    pub fn piece(&self) -> (usize, usize, u32) {
        self.pieces.get(self.at).unwrap_or_default()
    }

    /// Goes on to the piece after it; false when that was the last one.
    pub fn advance(&mut self) -> bool {
        self.at += 1;
        self.pieces.get(self.at).is_some()
    }
}

/// Items by choice, the choice whose turn it is in front; then those that follow them all.
pub struct Lanes<I> {
    lanes: VecDeque<VecDeque<I>>,
    end: VecDeque<I>,
}

impl<I> Default for Lanes<I> {
    fn default() -> Self {
        Lanes { lanes: VecDeque::new(), end: VecDeque::new() }
    }
}

impl<I> Lanes<I> {
    /// A lane for each choice.
    pub fn new(lanes: impl Iterator<Item = VecDeque<I>>) -> Self {
        Lanes { lanes: lanes.filter(|lane| !lane.is_empty()).collect(), end: VecDeque::new() }
    }

    /// Adds an item behind everything else.
    pub fn push(&mut self, item: I) {
        self.end.push_back(item);
    }

    /// Writes the next item, or a piece of it; `write` says whether there is more of it. False = there was none.
    pub fn next(&mut self, write: impl FnOnce(&mut I) -> bool) -> bool {
        let lane = self.lanes.front_mut().unwrap_or(&mut self.end);
        let Some(item) = lane.front_mut() else { return false };
        if !write(item) {
            lane.pop_front();
        }
        match self.lanes.pop_front() {
            Some(lane) if !lane.is_empty() => self.lanes.push_back(lane),
            _ => {}
        }
        true
    }

    pub fn front(&self) -> Option<&I> {
        self.lanes.front().unwrap_or(&self.end).front()
    }

    pub fn is_empty(&self) -> bool {
        self.front().is_none()
    }

    pub fn iter(&self) -> impl Iterator<Item = &I> {
        self.lanes.iter().flatten().chain(&self.end)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn choices_take_turns_and_the_end_comes_last() {
        // An item is a letter and how often it is written.
        let lanes = [vec![("a", 3), ("A", 1)], vec![], vec![("b", 1)]];
        let mut lanes = Lanes::new(lanes.into_iter().map(VecDeque::from));
        lanes.push(("end", 2));
        let mut written = Vec::new();
        while lanes.next(|(letter, left)| {
            written.push(*letter);
            *left -= 1;
            *left > 0
        }) {}
        assert_eq!(written, ["a", "b", "a", "a", "A", "end", "end"]);
        assert!(lanes.is_empty());
    }
}
