//! The vocabularies: `o200k_base` lies in the binary as it is looked up, but for its slots, half a megabyte that nothing
//! packs: they are filled, in some milliseconds, before anybody asks ([`super::make_ready`]). Of `cl100k_base`, which fewer ask for,
//! the binary has what it takes to lay it out when it is first asked for: most of its tokens are `o200k_base`'s too. That
//! is 0.7 MB less to download and to load. Who needs it pays 1.4 MB and, once, about what two first answers take.

use super::layout::{EMPTY, ONE_FREE_IN, ranks};
use super::vocabulary::{self, Laid, Vocabulary};
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
pub(super) static O200K: LazyLock<Vocabulary> = LazyLock::new(|| {
    let (bytes, lengths, seeds) = (part!("o200k_base.bytes"), O200K_LENGTHS, part!("o200k_base.seeds"));
    let slots = vocabulary::slots(vocabulary::tokens(bytes, lengths), lengths.len(), seeds, ONE_FREE_IN);
    Vocabulary {
        bytes,
        lengths,
        starts: part!("o200k_base.starts"),
        halves: &O200K_HALVES,
        // For as long as the process lives.
        slots: Box::leak(slots.into()),
        seeds,
        longest: part!("o200k_base.longest"),
    }
});

/// `cl100k_base`.
pub(super) static CL100K: LazyLock<Vocabulary> = LazyLock::new(|| {
    let mut own = vocabulary::tokens(part!("cl100k_base.bytes"), part!("cl100k_base.lengths"));
    let ranks = ranks(part!("cl100k_base.ranks"));
    let tokens = ranks.map(|rank| if rank == EMPTY { own.next().unwrap_or_default() } else { O200K.token(rank) });
    // For as long as the process lives.
    let laid: &Laid = Box::leak(Box::new(Laid::new(tokens, 2)));
    let halves = laid.lengths.iter().map(|_| AtomicU8::new(0));
    laid.vocabulary(Box::leak(halves.collect()))
});
