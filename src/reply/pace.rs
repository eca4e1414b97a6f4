//! Pace: how a reply is cut into pieces, and when each piece leaves.

use super::Text;
use super::seldom::Blank;
use crate::random::Random;
use crate::tokens::{self, Encoding};
use std::sync::Arc;
use std::time::Duration;
use unicode_segmentation::UnicodeSegmentation;

/// How a reply is cut and when its pieces leave. `None` = not said here; the next more general pace decides.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct Pace {
    /// Milliseconds before the first content.
    pub ttft_ms: Option<Range>,
    pub tokens_per_second: Option<f64>,
    /// Milliseconds after each piece.
    pub delay_ms: Option<Range>,
    pub chunk: Option<Chunk>,
    pub hold: Option<Hold>,
    /// Milliseconds without an event after which a stream has a comment.
    pub keep_alive_ms: Option<f64>,
}

impl Pace {
    /// This pace, its gaps filled from a more general one.
    pub(crate) fn or(&self, more_general: &Pace) -> Pace {
        Pace {
            ttft_ms: self.ttft_ms.or(more_general.ttft_ms),
            tokens_per_second: self.tokens_per_second.or(more_general.tokens_per_second),
            delay_ms: self.delay_ms.or(more_general.delay_ms),
            chunk: self.chunk.as_ref().or(more_general.chunk.as_ref()).cloned(),
            hold: self.hold.as_ref().or(more_general.hold.as_ref()).cloned(),
            keep_alive_ms: self.keep_alive_ms.or(more_general.keep_alive_ms),
        }
    }
}

impl Blank for Pace {
    const BLANK: &'static Pace =
        &Pace { ttft_ms: None, tokens_per_second: None, delay_ms: None, chunk: None, hold: None, keep_alive_ms: None };
}

/// Milliseconds: from, to (inclusive); a real range is drawn from the exchange's generator.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub(crate) struct Range(pub f64, pub f64);

impl Range {
    /// A number of the range; what is no time (negative, NaN) is none.
    fn draw(self, random: &mut Random) -> f64 {
        let drawn = if self.0 == self.1 { self.0 } else { self.0 + (self.1 - self.0) * random.fraction() };
        drawn.max(0.0)
    }
}

/// How text is cut into deltas.
#[derive(Debug, Clone, PartialEq, serde::Serialize, serde::Deserialize)]
pub(crate) enum Chunk {
    /// This many tokens a piece.
    Tokens(usize),
    Word,
    /// One grapheme a piece.
    Char,
    /// Exactly these, while they fit the text; what is left follows in one piece.
    Exact(Vec<String>),
}

/// Waits after some chunks until released by name.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Hold {
    pub after_chunks: usize,
    pub until: String,
}

/// Where a text is cut. Pieces are never empty, no piece splits a grapheme cluster, and together they are the text.
#[derive(Debug, Clone, Default)]
pub(crate) struct Pieces {
    /// What the cutting depended on.
    pub(crate) chunk: Option<(Chunk, Encoding)>,
    /// (end of the piece in bytes, tokens in it). A piece of more than 65,535 tokens counts as that many.
    pub(crate) cuts: Vec<(u32, u16)>,
}

impl Pieces {
    /// Cuts a text. Tokens are those of the whole text; a token that reaches over a border counts in the piece where it
    /// ends, so the pieces' tokens add up to the text's.
    pub(crate) fn new(text: &str, chunk: &Chunk, encoding: Encoding) -> Self {
        let ends = tokens::ends(encoding, text);
        let wanted: Vec<u32> = match chunk {
            Chunk::Tokens(0 | 1) => ends.clone(),
            Chunk::Tokens(many) => ends.chunks(*many).filter_map(|group| group.last().copied()).collect(),
            Chunk::Word => word_ends(text),
            Chunk::Char => text.grapheme_indices(true).map(|(at, cluster)| (at + cluster.len()) as u32).collect(),
            Chunk::Exact(pieces) => exact_ends(text, pieces),
        };
        let mut graphemes = Graphemes::of(text);
        let mut tokens = ends.iter().peekable();
        let mut cuts: Vec<(u32, u16)> = Vec::with_capacity(wanted.len() + 1);
        let mut last = 0;
        for end in wanted.into_iter().chain([text.len() as u32]) {
            if end == last || !graphemes.end_at(end as usize) {
                continue;
            }
            let mut held = 0u16;
            while tokens.next_if(|token| **token <= end).is_some() {
                held = held.saturating_add(1);
            }
            cuts.push((end, held));
            last = end;
        }
        Pieces { chunk: Some((chunk.clone(), encoding)), cuts }
    }

    /// One piece: first byte, byte after the last, tokens.
    pub(crate) fn get(&self, at: usize) -> Option<(usize, usize, u32)> {
        let (end, tokens) = *self.cuts.get(at)?;
        let start = at.checked_sub(1).and_then(|before| self.cuts.get(before)).map_or(0, |before| before.0);
        Some((start as usize, end as usize, u32::from(tokens)))
    }

    /// All pieces, as [`Pieces::get`] gives them.
    pub(crate) fn ranges(&self) -> impl Iterator<Item = (usize, usize, u32)> {
        (0..self.cuts.len()).filter_map(|at| self.get(at))
    }
}

impl Text {
    /// Where this text is cut. The first way asked is remembered, so a scripted text is cut once, not per request.
    pub(crate) fn pieces(&self, chunk: &Chunk, encoding: Encoding) -> Arc<Pieces> {
        let known = self.pieces.get_or_init(|| Arc::new(Pieces::new(&self.text, chunk, encoding)));
        match &known.chunk {
            Some((by, with)) if by == chunk && *with == encoding => known.clone(),
            _ => Arc::new(Pieces::new(&self.text, chunk, encoding)),
        }
    }
}

/// Ends of words with the white space after them.
fn word_ends(text: &str) -> Vec<u32> {
    let mut ends = Vec::new();
    let mut space = false;
    let mut word = false;
    for (at, letter) in text.char_indices() {
        if space && word && !letter.is_whitespace() {
            ends.push(at as u32);
        }
        space = letter.is_whitespace();
        word |= !space;
    }
    ends
}

/// Ends of the given pieces, as far as they are what the text begins with.
fn exact_ends(text: &str, pieces: &[String]) -> Vec<u32> {
    let mut rest = text;
    let mut ends = Vec::new();
    for piece in pieces {
        let Some(after) = rest.strip_prefix(piece.as_str()) else { break };
        rest = after;
        ends.push((text.len() - rest.len()) as u32);
    }
    ends
}

/// Answers, for rising positions, whether a grapheme cluster ends there.
enum Graphemes<'a> {
    /// Only a line end of two bytes is longer than one.
    Ascii(&'a [u8]),
    Any {
        clusters: unicode_segmentation::GraphemeIndices<'a>,
        end: usize,
    },
}

impl<'a> Graphemes<'a> {
    fn of(text: &'a str) -> Self {
        if text.is_ascii() {
            Graphemes::Ascii(text.as_bytes())
        } else {
            Graphemes::Any { clusters: text.grapheme_indices(true), end: 0 }
        }
    }

    fn end_at(&mut self, at: usize) -> bool {
        match self {
            Graphemes::Ascii(bytes) => !(at > 0 && bytes.get(at - 1) == Some(&b'\r') && bytes.get(at) == Some(&b'\n')),
            Graphemes::Any { clusters, end } => {
                while *end < at {
                    let Some((start, cluster)) = clusters.next() else { return false };
                    *end = start + cluster.len();
                }
                *end == at
            }
        }
    }
}

/// The deadlines of one answer, in milliseconds from its start: the first content leaves after `ttft_ms`, and every
/// piece takes its tokens over `tokens_per_second`, plus `delay_ms`, before the next one or the end. Deadlines come
/// from totals, so no error adds up.
#[derive(Debug, Clone)]
pub(crate) struct Schedule {
    first: f64,
    ms_per_token: f64,
    delay: Range,
    random: Random,
    /// Tokens and delays of the pieces so far.
    tokens: u64,
    delays: f64,
}

impl Schedule {
    /// Draws the time to the first content now, each piece's delay as it comes.
    pub(crate) fn new(pace: &Pace, random: &mut Random) -> Self {
        let mut random = random.clone();
        let rate = pace.tokens_per_second.filter(|rate| *rate > 0.0);
        Schedule {
            first: pace.ttft_ms.map_or(0.0, |range| range.draw(&mut random)),
            ms_per_token: rate.map_or(0.0, |rate| 1000.0 / rate),
            delay: pace.delay_ms.unwrap_or_default(),
            random,
            tokens: 0,
            delays: 0.0,
        }
    }

    /// Whether everything leaves at once.
    pub(crate) fn is_empty(&self) -> bool {
        self.first == 0.0 && self.ms_per_token == 0.0 && self.delay.1.max(self.delay.0) <= 0.0
    }

    /// When the first content leaves.
    pub(crate) fn first(&self) -> Duration {
        crate::clock::milliseconds(self.first)
    }

    /// When the next piece, of so many tokens, leaves.
    pub(crate) fn next(&mut self, tokens: u32) -> f64 {
        let now = self.end();
        self.tokens += u64::from(tokens);
        self.delays += self.delay.draw(&mut self.random);
        now
    }

    /// When the last piece given to [`Schedule::next`] is over, and what follows it leaves.
    pub(crate) fn end(&self) -> f64 {
        self.first + self.tokens as f64 * self.ms_per_token + self.delays
    }

    /// When an answer in these pieces (tokens of each) is over: what an unstreamed answer waits.
    pub(crate) fn total(&self, pieces: &[u32]) -> f64 {
        let mut whole = self.clone();
        for tokens in pieces {
            whole.next(*tokens);
        }
        whole.end()
    }
}

#[cfg(test)]
#[path = "pace_tests.rs"]
mod tests;
