//! What a stream of choices still has to write: the items of each choice in order, the choices in turn, then what
//! follows when all have ended. A text is one item however many pieces it has, so that an open stream stays small.
//!
//! An endpoint whose stream is made of such items says how each is written ([`Writer`]); [`Chunks`] are its events.

use crate::reply::pace::Pieces;
use crate::wire::error::ApiError;
use crate::wire::event;
use crate::wire::event::Events;
use crate::wire::event::Frames;
use crate::wire::event::Work;
use std::collections::VecDeque;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

/// The pieces of a text that are not written yet.
pub(super) struct Cursor {
    pieces: Arc<Pieces>,
    at: usize,
}

impl Cursor {
    /// `None` for a text without pieces.
    pub(super) fn new(pieces: Arc<Pieces>) -> Option<Self> {
        let cursor = Cursor { pieces, at: 0 };
        cursor.pieces.get(0).is_some().then_some(cursor)
    }

    /// The next piece: first byte, byte after the last, tokens.
    pub(super) fn piece(&self) -> (usize, usize, u32) {
        self.pieces.get(self.at).unwrap_or_default()
    }

    /// Goes on to the piece after it; false when that was the last one.
    pub(super) fn advance(&mut self) -> bool {
        self.at += 1;
        self.pieces.get(self.at).is_some()
    }
}

/// Items by choice, the choice whose turn it is in front; then those that follow them all.
pub(super) struct ChoiceQueues<I> {
    lanes: VecDeque<VecDeque<I>>,
    end: VecDeque<I>,
}

impl<I> Default for ChoiceQueues<I> {
    fn default() -> Self {
        ChoiceQueues { lanes: VecDeque::new(), end: VecDeque::new() }
    }
}

impl<I> ChoiceQueues<I> {
    /// A lane for each choice.
    pub(super) fn new(lanes: impl Iterator<Item = VecDeque<I>>) -> Self {
        ChoiceQueues { lanes: lanes.filter(|lane| !lane.is_empty()).collect(), end: VecDeque::new() }
    }

    /// Adds an item behind everything else.
    pub(super) fn push(&mut self, item: I) {
        self.end.push_back(item);
    }

    /// Adds items behind everything else.
    pub(super) fn extend(&mut self, items: impl IntoIterator<Item = I>) {
        self.end.extend(items);
    }

    /// Writes the next item, or a piece of it; `write` says whether there is more of it. What is `content` passes the
    /// turn on: a choice opens with its first content (recordings 93ec1cc5041c7197, 9ae5288882ab93dc). False = there was
    /// none.
    pub(super) fn next(&mut self, content: impl FnOnce(&I) -> bool, write: impl FnOnce(&mut I) -> bool) -> bool {
        let lane = self.lanes.front_mut().unwrap_or(&mut self.end);
        let Some(item) = lane.front_mut() else { return false };
        let passes = content(item);
        if !write(item) {
            lane.pop_front();
        }
        if lane.is_empty() {
            self.lanes.pop_front();
        } else if passes && self.lanes.len() > 1 {
            self.lanes.rotate_left(1);
        }
        true
    }

    pub(super) fn front(&self) -> Option<&I> {
        self.lanes.front().unwrap_or(&self.end).front()
    }

    pub(super) fn is_empty(&self) -> bool {
        self.front().is_none()
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = &I> {
        self.lanes.iter().flatten().chain(&self.end)
    }
}

/// How the items of a stream are written.
pub(super) trait Writer: Send {
    type Item: Send;

    /// Whether the reply is still arriving.
    fn is_arriving(&self) -> bool;

    /// Takes in what has arrived of it. `Err` = why the rest will not come.
    fn poll_arriving(
        &mut self,
        items: &mut ChoiceQueues<Self::Item>,
        context: &mut Context<'_>,
    ) -> Poll<Result<(), ApiError>>;

    /// Tokens of the item's next event: see [`Events::next_content`].
    fn content(item: &Self::Item) -> Option<u32>;

    /// Whether the item belongs to the stream's end, after all content.
    fn ends(item: &Self::Item) -> bool;

    /// All of it was written. What is left to do before its end leaves; asked again, there is nothing.
    fn ended(&mut self) -> Option<Work> {
        None
    }

    /// Writes an item, or its next piece; true = there is more of it.
    fn write(&mut self, item: &mut Self::Item, out: &mut dyn Frames) -> bool;
}

/// A stream made of items. Its events have no names, and none says that it is over.
pub(super) struct Chunks<W: Writer> {
    items: ChoiceQueues<W::Item>,
    writer: W,
    /// Why the rest will not come.
    failed: Option<ApiError>,
    /// The type of the error it ended with.
    broken: Option<Option<String>>,
}

impl<W: Writer> Chunks<W> {
    pub(super) fn new(items: ChoiceQueues<W::Item>, writer: W) -> Self {
        Chunks { items, writer, failed: None, broken: None }
    }
}

impl<W: Writer> Events for Chunks<W> {
    fn next_content(&self) -> Option<u32> {
        W::content(self.items.front()?)
    }

    fn is_closing(&self) -> bool {
        !self.writer.is_arriving() && self.failed.is_none() && self.items.iter().all(W::ends)
    }

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<()> {
        while self.items.is_empty() && self.failed.is_none() && self.writer.is_arriving() {
            self.failed = ready!(self.writer.poll_arriving(&mut self.items, context)).err();
        }
        Poll::Ready(())
    }

    fn poll_next(&mut self, context: &mut Context<'_>, out: &mut dyn Frames) -> Poll<bool> {
        ready!(self.poll_ready(context));
        let content = |item: &W::Item| W::content(item).is_some();
        let mut wrote = self.broken.is_none() && self.items.next(content, |item| self.writer.write(item, out));
        if let (false, Some(error)) = (wrote, self.failed.take()) {
            self.write_error(&error, out);
            wrote = true;
        }
        Poll::Ready(wrote)
    }

    fn work(&mut self) -> Option<Work> {
        let whole = self.items.is_empty() && self.failed.is_none() && self.broken.is_none();
        if whole && !self.writer.is_arriving() { self.writer.ended() } else { None }
    }

    fn write_error(&mut self, error: &ApiError, out: &mut dyn Frames) {
        event::write_error(error, out);
        self.items = ChoiceQueues::default();
        self.broken = Some(error.kind.clone());
    }

    /// After an error of the model's own making the stream ends like any other (recording 4a4bb5ac7273fba3); one that broke
    /// it off is its last word.
    fn ends_silently(&self) -> bool {
        self.broken.as_ref().is_none_or(|kind| kind.as_deref() == Some("model_error"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn choices_take_turns_and_the_end_comes_last() {
        // An item is a word and how often it is written; small letters are content.
        let lanes = [vec![("A", 1), ("a", 3), ("Z", 1)], vec![], vec![("B", 1), ("b", 1)], vec![("C", 1)]];
        let mut lanes = ChoiceQueues::new(lanes.into_iter().map(VecDeque::from));
        lanes.push(("end", 2));
        let mut written = Vec::new();
        while lanes.next(
            |(word, _)| word.starts_with(char::is_lowercase),
            |(word, left)| {
                written.push(*word);
                *left -= 1;
                *left > 0
            },
        ) {}
        assert_eq!(written, ["A", "a", "B", "b", "C", "a", "a", "Z", "end", "end"]);
        assert!(lanes.is_empty());
    }
}
