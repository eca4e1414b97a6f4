//! A vocabulary, looked up where it lies, and how it is laid out; `layout.rs` says how it lies. Shared with `build.rs`.

use super::layout::{EMPTY, GROUP, SEED, bucket, entry, mixed, more, packed, rank, slot, slot_count, tag};

/// The tokens of one encoding, by rank and by their bytes.
#[derive(Clone, Copy)]
pub(crate) struct Vocabulary<'a> {
    pub bytes: &'a [u8],
    pub lengths: &'a [u8],
    pub starts: &'a [u8],
    pub halves: &'a [u8],
    pub slots: &'a [u8],
    pub seeds: &'a [u8],
    pub longest: &'a [u8],
}

/// A number of so many bytes in a byte string; beyond its end, nothing that is ever looked for.
fn number<const BYTES: usize>(bytes: &[u8], at: usize) -> u32 {
    let Some(number) = bytes.get(BYTES * at..).and_then(|rest| rest.first_chunk::<BYTES>()) else { return EMPTY };
    number.iter().rev().fold(0, |number, byte| number << 8 | u32::from(*byte))
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
        let start = number::<4>(self.starts, rank / GROUP) as usize + before;
        self.bytes.get(start..start + self.length(rank as u32)).unwrap_or_default()
    }

    /// Bytes of a token.
    pub(crate) fn length(&self, rank: u32) -> usize {
        self.lengths.get(rank as usize).copied().unwrap_or_default() as usize
    }

    /// Length of the left of the two tokens a token is merged from; 0 for a single byte.
    pub(crate) fn half(&self, rank: u32) -> usize {
        self.halves.get(rank as usize).copied().unwrap_or_default() as usize
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
        let seed = number::<2>(self.seeds, bucket(hash, self.seeds.len() / 2)) as u16;
        let entry = entry(self.slots, slot(hash, seed, slot_count(self.slots.len())));
        rank(entry, hash).filter(|rank| self.token(*rank) == token)
    }
}

fn hash(token: &[u8]) -> u64 {
    token.iter().fold(SEED, |hash, byte| more(hash, *byte))
}

/// Where the longest token that begins with these two stands.
fn pair(first: u8, second: u8) -> usize {
    usize::from(first) << 8 | usize::from(second)
}

/// A vocabulary that was laid out; `halves` are known elsewhere.
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
        let (slots, seeds) = place(&hashes, hashes.len() + hashes.len() / one_free_in);
        Laid { bytes, lengths, starts, slots, seeds, longest }
    }

    /// To look tokens up.
    pub(crate) fn vocabulary<'a>(&'a self, halves: &'a [u8]) -> Vocabulary<'a> {
        let Laid { bytes, lengths, starts, slots, seeds, longest } = self;
        Vocabulary { bytes, lengths, starts, halves, slots, seeds, longest }
    }
}

/// Finds for each bucket of about four tokens, the fullest first, a seed that leads all of them to free slots: gives the
/// slots and the seeds.
fn place(hashes: &[u64], slots: usize) -> (Vec<u8>, Vec<u8>) {
    let mut buckets = vec![Vec::new(); hashes.len() / 4 + 1];
    for (hash, rank) in hashes.iter().zip(0u32..) {
        buckets[bucket(*hash, hashes.len() / 4 + 1)].push((*hash, rank));
    }
    let mut order: Vec<usize> = (0..buckets.len()).collect();
    order.sort_by_key(|bucket| std::cmp::Reverse(buckets[*bucket].len()));
    let (mut filled, mut seeds) = (vec![EMPTY; slots], vec![0u16; buckets.len()]);
    let mut taken = Vec::new();
    for bucket in order {
        let fits = |seed: &u16| {
            taken.clear();
            buckets[bucket].iter().all(|(hash, _)| {
                let slot = slot(*hash, *seed, slots);
                let free = filled[slot] == EMPTY && !taken.contains(&slot);
                taken.push(slot);
                free
            })
        };
        let seed = (0..=u16::MAX).find(fits).expect("some slots are free");
        seeds[bucket] = seed;
        for (hash, rank) in &buckets[bucket] {
            filled[slot(*hash, seed, slots)] = tag(*hash) | rank;
        }
    }
    (packed(&filled), seeds.iter().flat_map(|seed| seed.to_le_bytes()).collect())
}
