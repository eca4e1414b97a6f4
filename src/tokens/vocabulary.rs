//! A vocabulary, looked up where it lies, and how it is laid out; `layout.rs` says how it lies. Shared with `build.rs`.

use super::layout::{EMPTY, GROUP, SEED, bucket, entry, fill, free, mixed, more, rank, slot, slot_count, tag};
use std::sync::atomic::{AtomicU8, Ordering};

/// The tokens of one encoding, by rank and by their bytes.
#[derive(Clone, Copy)]
pub(crate) struct Vocabulary<'a> {
    pub bytes: &'a [u8],
    pub lengths: &'a [u8],
    pub starts: &'a [u8],
    /// What [`Vocabulary::half`] found so far, by rank.
    pub halves: &'a [AtomicU8],
    pub slots: &'a [u8],
    pub seeds: &'a [u8],
    pub longest: &'a [u8],
}

impl<'a> Vocabulary<'a> {
    /// Number of tokens.
    pub(crate) fn size(&self) -> usize {
        self.lengths.len()
    }

    /// The bytes of a token; none beyond the last.
    pub(crate) fn token(&self, rank: u32) -> &'a [u8] {
        let rank = rank as usize;
        let first = rank - rank % GROUP;
        let before: usize =
            self.lengths.get(first..rank).unwrap_or_default().iter().map(|length| *length as usize).sum();
        let start = self.starts.get(4 * (rank / GROUP)..).and_then(|rest| rest.first_chunk());
        let start = start.map_or(0, |bytes| u32::from_le_bytes(*bytes)) as usize + before;
        self.bytes.get(start..start + self.length(rank as u32)).unwrap_or_default()
    }

    /// Bytes of a token.
    pub(crate) fn length(&self, rank: u32) -> usize {
        self.lengths.get(rank as usize).copied().unwrap_or_default() as usize
    }

    /// Length of the left of the two tokens a token is merged from; 0 for a single byte.
    pub(crate) fn half(&self, rank: u32) -> usize {
        let Some(found) = self.halves.get(rank as usize) else { return 0 };
        match found.load(Ordering::Relaxed) {
            0 => {
                let half = self.merged_from(self.token(rank));
                found.store(half as u8, Ordering::Relaxed);
                half
            }
            half => half.into(),
        }
    }

    /// Merges a token's bytes as its text would be; gives the length of the left of the last two parts.
    fn merged_from(&self, token: &[u8]) -> usize {
        if token.len() < 2 {
            return 0;
        }
        // Where the parts begin, and the end of the last.
        let mut ends: Vec<usize> = (0..=token.len()).collect();
        let joined = |ends: &[usize], at: usize| {
            let part = token.get(*ends.get(at)?..*ends.get(at + 2)?)?;
            self.rank(part)
        };
        // Of each part and the next one.
        let mut ranks: Vec<Option<u32>> = (0..token.len()).map(|at| joined(&ends, at)).collect();
        while ends.len() > 3 {
            let pairs = ranks.iter().zip(0..).filter_map(|(rank, at)| Some(((*rank)?, at)));
            // A token is what its own bytes are merged to, in OpenAI's vocabularies: `merge.rs` relies on it.
            let Some((_, at)) = pairs.min() else { return 0 };
            ends.remove(at + 1);
            ranks.remove(at + 1);
            ranks[at] = joined(&ends, at);
            if at > 0 {
                ranks[at - 1] = joined(&ends, at - 1);
            }
        }
        ends[1]
    }

    /// Length of the longest token a text can begin with.
    pub(crate) fn longest(&self, text: &[u8]) -> usize {
        match text {
            [first, second, ..] => self.longest.get(pair(*first, *second)).copied().unwrap_or_default().into(),
            _ => text.len(),
        }
    }

    /// The rank of the token that has exactly these bytes.
    pub(crate) fn rank(&self, token: &[u8]) -> Option<u32> {
        // A token's length is one byte.
        if token.len() > u8::MAX as usize {
            return None;
        }
        self.find(hash(token), token)
    }

    /// As [`Vocabulary::rank`], the bytes' hash known.
    pub(crate) fn find(&self, hash: u64, token: &[u8]) -> Option<u32> {
        let hash = mixed(hash);
        let entry = entry(self.slots, slot(hash, seed(self.seeds, hash), slot_count(self.slots.len())));
        rank(entry, hash).filter(|rank| self.token(*rank) == token)
    }
}

/// The seed for a mixed hash.
fn seed(seeds: &[u8], hash: u64) -> u16 {
    let (low, high) = seeds.split_at(seeds.len() / 2);
    let bucket = bucket(hash, low.len());
    let byte = |bytes: &[u8]| bytes.get(bucket).copied().unwrap_or_default();
    u16::from_le_bytes([byte(low), byte(high)])
}

/// The tokens' bytes, in the order of their ranks.
pub(crate) fn tokens<'a>(mut bytes: &'a [u8], lengths: &'a [u8]) -> impl Iterator<Item = &'a [u8]> {
    lengths.iter().map(move |length| {
        let token;
        (token, bytes) = bytes.split_at_checked((*length).into()).unwrap_or_default();
        token
    })
}

/// So many slots and some free ones.
fn with_free(tokens: usize, one_free_in: usize) -> usize {
    tokens + tokens / one_free_in
}

/// Fills the slots of so many tokens, whose seeds were found before.
pub(crate) fn slots<'a>(
    tokens: impl Iterator<Item = &'a [u8]>,
    count: usize,
    seeds: &[u8],
    one_free_in: usize,
) -> Vec<u8> {
    let most = with_free(count, one_free_in);
    let mut slots = free(most);
    for (token, rank) in tokens.zip(0u32..) {
        let hash = mixed(hash(token));
        fill(&mut slots, slot(hash, seed(seeds, hash), most), tag(hash) | rank);
    }
    slots
}

fn hash(token: &[u8]) -> u64 {
    token.iter().fold(SEED, |hash, byte| more(hash, *byte))
}

/// Where the longest token that begins with these two stands.
fn pair(first: u8, second: u8) -> usize {
    usize::from(first) << 8 | usize::from(second)
}

/// A vocabulary that was laid out.
pub(crate) struct Laid {
    pub bytes: Vec<u8>,
    pub lengths: Vec<u8>,
    pub starts: Vec<u8>,
    pub slots: Vec<u8>,
    pub seeds: Vec<u8>,
    pub longest: Vec<u8>,
}

impl Laid {
    /// Of tokens in the order of their ranks. Of so many slots one stays free: the more are free, the quicker seeds are
    /// found.
    pub(crate) fn new<'a>(tokens: impl Iterator<Item = &'a [u8]>, one_free_in: usize) -> Laid {
        let (mut bytes, mut lengths, mut starts, mut hashes) = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
        let mut longest = vec![1u8; 1 << 16];
        for token in tokens {
            if lengths.len() % GROUP == 0 {
                starts.extend_from_slice(&(bytes.len() as u32).to_le_bytes());
            }
            let length = u8::try_from(token.len()).expect("tokens are short");
            if let [first, second, ..] = token {
                let entry = &mut longest[pair(*first, *second)];
                *entry = length.max(*entry);
            }
            lengths.push(length);
            bytes.extend_from_slice(token);
            hashes.push(mixed(hash(token)));
        }
        let (slots, seeds) = place(&hashes, with_free(hashes.len(), one_free_in));
        Laid { bytes, lengths, starts, slots, seeds, longest }
    }

    /// To look tokens up.
    pub(crate) fn vocabulary<'a>(&'a self, halves: &'a [AtomicU8]) -> Vocabulary<'a> {
        let Laid { bytes, lengths, starts, slots, seeds, longest } = self;
        Vocabulary { bytes, lengths, starts, halves, slots, seeds, longest }
    }
}

/// Finds for each bucket of about four tokens, the fullest first, a seed that leads all of them to free slots: gives the
/// slots and the seeds.
fn place(hashes: &[u64], slots: usize) -> (Vec<u8>, Vec<u8>) {
    let count = hashes.len() / 4 + 1;
    // One list for all buckets, each with where it begins and ends in it.
    let mut ends = vec![0; count];
    hashes.iter().for_each(|hash| ends[bucket(*hash, count)] += 1);
    let mut order: Vec<usize> = (0..count).collect();
    order.sort_by_key(|bucket| std::cmp::Reverse(ends[*bucket]));
    let mut sum = 0;
    ends.iter_mut().for_each(|end| (*end, sum) = (sum, sum + *end));
    let mut listed = vec![0u32; hashes.len()];
    for (hash, rank) in hashes.iter().zip(0u32..) {
        let end = &mut ends[bucket(*hash, count)];
        listed[*end] = rank;
        *end += 1;
    }
    let (mut filled, mut seeds) = (free(slots), vec![0u16; count]);
    let mut taken = Vec::new();
    for bucket in order {
        let start = bucket.checked_sub(1).map_or(0, |before| ends[before]);
        let ranks = &listed[start..ends[bucket]];
        let slot_of = |rank: u32, seed: u16| slot(hashes[rank as usize], seed, slots);
        let fits = |seed: &u16| {
            taken.clear();
            ranks.iter().all(|rank| {
                let slot = slot_of(*rank, *seed);
                let free = entry(&filled, slot) == EMPTY && !taken.contains(&slot);
                taken.push(slot);
                free
            })
        };
        let seed = (0..=u16::MAX).find(fits).expect("some slots are free");
        seeds[bucket] = seed;
        for rank in ranks {
            fill(&mut filled, slot_of(*rank, seed), tag(hashes[*rank as usize]) | rank);
        }
    }
    let plane = |byte: usize| seeds.iter().map(move |seed| seed.to_le_bytes()[byte]);
    (filled, plane(0).chain(plane(1)).collect())
}
