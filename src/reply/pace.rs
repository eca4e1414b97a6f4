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
