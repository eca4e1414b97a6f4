//! How a vocabulary lies in memory: shared by `build.rs`, which lays it out, and [`super::vocabulary`], which reads it
//! in place.
//!
//! A vocabulary is six byte strings, integers little-endian:
//! - `bytes`: the tokens' bytes in the order of their ranks, without gaps;
//! - `lengths`: one byte a rank;
//! - `starts`: where every [`GROUP`]th token begins in `bytes`, four bytes each;
//! - `halves`: one byte a rank: the length of the left of the two tokens it is merged from, 0 for single bytes;
//! - `slots`: a hash table with linear probing, four bytes a slot: a rank and [`TAG`] bits of the hash, or [`EMPTY`];
//! - `longest`: for the first two bytes of a text, the length of the longest token that begins with them.

/// Tokens that share one entry of `starts`.
pub(crate) const GROUP: usize = 16;
/// Bits of a slot that hold the rank; the others are a tag, which spares most looks at the bytes.
pub(crate) const RANK_BITS: u32 = 18;
/// The tag of a hash.
pub(crate) const TAG: u32 = !((1 << RANK_BITS) - 1);
/// A free slot; its rank is none.
pub(crate) const EMPTY: u32 = u32::MAX;
/// What hashing begins with.
pub(crate) const SEED: u64 = 0xcbf2_9ce4_8422_2325;

/// The hash of one byte more (FNV-1a): every prefix of a text is hashed in one pass.
pub(crate) fn more(hash: u64, byte: u8) -> u64 {
    (hash ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3)
}

/// Where a hash's search begins among so many slots, and its tag.
pub(crate) fn place(hash: u64, slots: usize) -> (usize, u32) {
    let mixed = (hash ^ (hash >> 32)).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    ((((mixed >> 32) * slots as u64) >> 32) as usize, mixed as u32 & TAG)
}

/// What a character is to the patterns that cut text into words.
pub(crate) mod letter {
    /// `\p{Lu}`, `\p{Lt}`
    pub(crate) const UPPER: u8 = 1;
    /// `\p{Ll}`
    pub(crate) const LOWER: u8 = 2;
    /// `\p{Lm}`, `\p{Lo}`: upper and lower at once.
    pub(crate) const OTHER: u8 = 3;
    /// `\p{M}`
    pub(crate) const MARK: u8 = 4;
    /// `\p{N}`
    pub(crate) const NUMBER: u8 = 5;
    /// `\s`
    pub(crate) const SPACE: u8 = 6;
    /// Code points that share one entry of the index.
    pub(crate) const BLOCK: usize = 256;
}
