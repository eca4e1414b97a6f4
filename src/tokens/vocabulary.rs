//! A vocabulary, looked up where it lies in the binary; `layout.rs` says how.

use super::layout::{EMPTY, GROUP, SEED, SLOT, bucket, mixed, more, rank, slot};

/// The tokens of one encoding, by rank and by their bytes.
pub(super) struct Vocabulary {
    bytes: &'static [u8],
    lengths: &'static [u8],
    starts: &'static [u8],
    halves: &'static [u8],
    slots: &'static [u8],
    seeds: &'static [u8],
    longest: &'static [u8],
}

macro_rules! vocabulary {
    ($name:literal) => {
        Vocabulary {
            bytes: include_bytes!(concat!(env!("OUT_DIR"), "/", $name, ".bytes")),
            lengths: include_bytes!(concat!(env!("OUT_DIR"), "/", $name, ".lengths")),
            starts: include_bytes!(concat!(env!("OUT_DIR"), "/", $name, ".starts")),
            halves: include_bytes!(concat!(env!("OUT_DIR"), "/", $name, ".halves")),
            slots: include_bytes!(concat!(env!("OUT_DIR"), "/", $name, ".slots")),
            seeds: include_bytes!(concat!(env!("OUT_DIR"), "/", $name, ".seeds")),
            longest: include_bytes!(concat!(env!("OUT_DIR"), "/", $name, ".longest")),
        }
    };
}

/// `o200k_base`.
pub(super) static O200K: Vocabulary = vocabulary!("o200k_base");
/// `cl100k_base`.
pub(super) static CL100K: Vocabulary = vocabulary!("cl100k_base");

/// A number of so many bytes in a byte string; beyond its end, nothing that is ever looked for.
fn number<const BYTES: usize>(bytes: &[u8], at: usize) -> u32 {
    let Some(number) = bytes.get(BYTES * at..).and_then(|rest| rest.first_chunk::<BYTES>()) else { return EMPTY };
    number.iter().rev().fold(0, |number, byte| number << 8 | u32::from(*byte))
}

impl Vocabulary {
    /// Number of tokens.
    pub(super) fn size(&self) -> usize {
        self.lengths.len()
    }

    /// The bytes of a token; none beyond the last.
    pub(super) fn token(&self, rank: u32) -> &'static [u8] {
        let rank = rank as usize;
        let first = rank - rank % GROUP;
        let before: usize =
            self.lengths.get(first..rank).unwrap_or_default().iter().map(|length| *length as usize).sum();
        let start = number::<4>(self.starts, rank / GROUP) as usize + before;
        self.bytes.get(start..start + self.length(rank as u32)).unwrap_or_default()
    }

    /// Bytes of a token.
    pub(super) fn length(&self, rank: u32) -> usize {
        self.lengths.get(rank as usize).copied().unwrap_or_default() as usize
    }

    /// Length of the left of the two tokens a token is merged from; 0 for a single byte.
    pub(super) fn half(&self, rank: u32) -> usize {
        self.halves.get(rank as usize).copied().unwrap_or_default() as usize
    }

    /// Length of the longest token a text can begin with.
    pub(super) fn longest(&self, text: &[u8]) -> usize {
        match text {
            [first, second, ..] => {
                let pair = usize::from(*first) << 8 | usize::from(*second);
                self.longest.get(pair).copied().unwrap_or_default().into()
            }
            _ => text.len(),
        }
    }

    /// The rank of the token that has exactly these bytes.
    pub(super) fn rank(&self, token: &[u8]) -> Option<u32> {
        // A token's length is one byte.
        if token.len() > u8::MAX as usize {
            return None;
        }
        self.find(token.iter().fold(SEED, |hash, byte| more(hash, *byte)), token)
    }

    /// As [`Vocabulary::rank`], the bytes' hash known.
    pub(super) fn find(&self, hash: u64, token: &[u8]) -> Option<u32> {
        let hash = mixed(hash);
        let seed = number::<2>(self.seeds, bucket(hash, self.seeds.len() / 2)) as u16;
        let entry = number::<SLOT>(self.slots, slot(hash, seed, self.slots.len() / SLOT));
        rank(entry, hash).filter(|rank| self.token(*rank) == token)
    }
}
