//! Pace: when each piece leaves.

/// How a reply is cut and when its pieces leave. `None` = not said here; the next more general pace decides.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Pace {
    /// Milliseconds before the first content.
    pub ttft_ms: Option<Range>,
    pub tokens_per_second: Option<f64>,
    /// Milliseconds after each piece.
    pub delay_ms: Option<Range>,
    pub chunk: Option<Chunk>,
    pub hold: Option<Hold>,
}

/// Milliseconds: from, to (inclusive); a real range is drawn from the exchange's generator.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct Range(pub f64, pub f64);

/// How text is cut into deltas.
#[derive(Debug, Clone, PartialEq)]
pub enum Chunk {
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
pub struct Hold {
    pub after_chunks: usize,
    pub until: String,
}

/// Where a text is cut.
#[derive(Debug, Clone, Default)]
pub struct Pieces {
    /// What the cutting depended on.
    pub(crate) chunk: Option<Chunk>,
    /// (end of the piece in bytes, tokens in it).
    pub(crate) cuts: Vec<(u32, u16)>,
}
impl Pieces {
    pub fn ranges(&self) -> impl Iterator<Item = (usize, usize, u32)> + '_ {
        let mut at = 0;
        self.cuts.iter().map(move |(end, t)| {
            let s = at;
            at = *end as usize;
            (s, *end as usize, u32::from(*t))
        })
    }
}
impl super::Text {
    pub fn pieces(&self, _: &Chunk, e: crate::tokens::Encoding) -> std::sync::Arc<Pieces> {
        std::sync::Arc::new(Pieces {
            chunk: None,
            cuts: crate::tokens::ends(e, &self.text).into_iter().map(|x| (x, 1)).collect(),
        })
    }
}
impl Pace {
    pub fn or(&self, o: &Pace) -> Pace {
        Pace {
            ttft_ms: self.ttft_ms.or(o.ttft_ms),
            tokens_per_second: self.tokens_per_second.or(o.tokens_per_second),
            delay_ms: self.delay_ms.or(o.delay_ms),
            chunk: self.chunk.clone().or(o.chunk.clone()),
            hold: self.hold.clone().or(o.hold.clone()),
        }
    }
}
#[derive(Debug, Clone)]
pub struct Schedule;
impl Schedule {
    pub fn new(_: &Pace, _: &mut crate::random::Random) -> Self {
        Schedule
    }
    pub fn is_empty(&self) -> bool {
        true
    }
    pub fn next(&mut self, _: u32) -> f64 {
        0.0
    }
    pub fn total(&mut self, _: &[u32]) -> f64 {
        0.0
    }
}
