//! The vocabularies: `o200k_base` lies in the binary as it is looked up. Of `cl100k_base`, which fewer ask for, the binary
//! has what it takes to lay it out when it is first asked for: most of its tokens are `o200k_base`'s too. That is 0.7 MB
//! less to download and to load. Who needs it pays 1.4 MB and, once, about what two first answers take.

use super::layout::{EMPTY, ranks};
use super::vocabulary::{Laid, Vocabulary};
use std::sync::LazyLock;
use std::sync::atomic::AtomicU8;

macro_rules! part {
    ($name:literal) => {
        include_bytes!(concat!(env!("OUT_DIR"), "/", $name))
    };
}

const O200K_LENGTHS: &[u8] = part!("o200k_base.lengths");
static O200K_HALVES: [AtomicU8; O200K_LENGTHS.len()] = [const { AtomicU8::new(0) }; O200K_LENGTHS.len()];

/// `o200k_base`.
pub(super) static O200K: Vocabulary = Vocabulary {
    bytes: part!("o200k_base.bytes"),
    lengths: O200K_LENGTHS,
    starts: part!("o200k_base.starts"),
    halves: &O200K_HALVES,
    slots: part!("o200k_base.slots"),
    seeds: part!("o200k_base.seeds"),
    longest: part!("o200k_base.longest"),
};

/// `cl100k_base`.
pub(super) static CL100K: LazyLock<Vocabulary> = LazyLock::new(|| {
    let mut bytes: &[u8] = part!("cl100k_base.bytes");
    let mut lengths = part!("cl100k_base.lengths").iter();
    let mut own = || {
        let token;
        (token, bytes) = bytes.split_at(lengths.next().map_or(0, |length| usize::from(*length)));
        token
    };
    let tokens = ranks(part!("cl100k_base.ranks")).map(|rank| if rank == EMPTY { own() } else { O200K.token(rank) });
    // For as long as the process lives.
    let laid: &Laid = Box::leak(Box::new(Laid::new(tokens, 2)));
    let halves = laid.lengths.iter().map(|_| AtomicU8::new(0));
    laid.vocabulary(Box::leak(halves.collect()))
});
