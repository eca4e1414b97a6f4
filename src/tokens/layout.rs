//! How a vocabulary lies in memory: shared with `build.rs`.
//!
//! A vocabulary is six byte strings, integers little-endian:
//! - `bytes`: the tokens' bytes in the order of their ranks, without gaps;
//! - `lengths`: one byte a rank;
//! - `starts`: where every [`GROUP`]th token begins in `bytes`, four bytes each;
//! - `slots`: a perfect hash table, [`SLOT_BITS`] bits a slot: a rank and a tag of the hash, or [`EMPTY`]. It is as good as
//!   random, so that nothing packs it: filled when it is first asked for, since the seeds say where each token belongs;
//! - `seeds`: for each bucket of hashes what leads all of its tokens to slots of their own: two bytes, the lower ones of
//!   all of them first;
//! - `longest`: for the first two bytes of a text, the length of the longest token that begins with them.

/// Of so many slots of `o200k_base` one stays free, so that seeds are found quickly.
pub(crate) const ONE_FREE_IN: usize = 32;
/// Tokens that share one entry of `starts`.
pub(crate) const GROUP: usize = 32;
/// Bits of a slot.
const SLOT_BITS: usize = 20;
/// Bytes after the last slot, so that each is read as four.
const MARGIN: usize = 2;
/// Bits of a slot that hold the rank; the others are a tag, which spares most looks at the bytes.
pub(crate) const RANK_BITS: u32 = 18;
/// A free slot; its rank is none.
pub(crate) const EMPTY: u32 = (1 << SLOT_BITS) - 1;
/// What hashing begins with.
pub(crate) const SEED: u64 = 0xcbf2_9ce4_8422_2325;

/// The hash of one byte more (FNV-1a): every prefix of a text is hashed in one pass.
pub(crate) fn more(hash: u64, byte: u8) -> u64 {
    (hash ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3)
}

/// A hash as it is looked for: FNV leaves its upper bits alone for short texts.
pub(crate) fn mixed(hash: u64) -> u64 {
    (hash ^ (hash >> 32)).wrapping_mul(0x9e37_79b9_7f4a_7c15)
}

/// A number of so many, by the upper half of a hash.
fn among(hash: u64, many: usize) -> usize {
    (((hash >> 32) * many as u64) >> 32) as usize
}

/// The bucket of a mixed hash.
pub(crate) fn bucket(mixed: u64, buckets: usize) -> usize {
    among(mixed, buckets)
}

/// The slot of a mixed hash, by its bucket's seed.
pub(crate) fn slot(mixed: u64, seed: u16, slots: usize) -> usize {
    among((mixed ^ u64::from(seed).wrapping_mul(0xff51_afd7_ed55_8ccd)).wrapping_mul(0xc4ce_b9fe_1a85_ec53), slots)
}

/// So many free slots.
pub(crate) fn free(count: usize) -> Vec<u8> {
    vec![u8::MAX; (count * SLOT_BITS).div_ceil(8) + MARGIN]
}

/// Puts an entry into a free slot; beyond the last nothing happens.
pub(crate) fn fill(slots: &mut [u8], at: usize, entry: u32) {
    let bit = at * SLOT_BITS;
    let Some(part) = slots.get_mut(bit / 8..).and_then(|rest| rest.first_chunk_mut()) else { return };
    // All bits of a free one are set.
    let filled = u32::from_le_bytes(*part) & !((EMPTY & !entry) << (bit % 8));
    *part = filled.to_le_bytes();
}

/// How many slots lie in so many bytes.
pub(crate) fn slot_count(bytes: usize) -> usize {
    bytes.saturating_sub(MARGIN) * 8 / SLOT_BITS
}

/// What is in a slot; beyond the last nothing.
pub(crate) fn entry(slots: &[u8], at: usize) -> u32 {
    let bit = at * SLOT_BITS;
    let Some(part) = slots.get(bit / 8..).and_then(|rest| rest.first_chunk()) else { return EMPTY };
    u32::from_le_bytes(*part) >> (bit % 8) & EMPTY
}

/// The tag of a mixed hash, as it stands in a slot.
pub(crate) fn tag(mixed: u64) -> u32 {
    (mixed as u32) << RANK_BITS & EMPTY
}

/// The rank that a slot holds, where it may be that of a mixed hash's token: the bytes say.
pub(crate) fn rank(entry: u32, mixed: u64) -> Option<u32> {
    let rank = entry & ((1 << RANK_BITS) - 1);
    (entry != EMPTY && entry == rank | tag(mixed)).then_some(rank)
}

/// Bytes of a rank in a list of ranks.
pub(crate) const RANK_BYTES: usize = 3;

/// A list of ranks that has the lowest bytes of all of them first, then the next: so it packs better.
pub(crate) fn ranks(bytes: &[u8]) -> impl Iterator<Item = u32> + '_ {
    let count = bytes.len() / RANK_BYTES;
    let byte = move |plane: usize, at: usize| bytes.get(plane * count + at).copied().unwrap_or_default();
    (0..count).map(move |at| u32::from_le_bytes([byte(0, at), byte(1, at), byte(2, at), 0]))
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
