//! Lays out what the binary looks up in place, so that nothing is unpacked when it runs: OpenAI's vocabularies, as the
//! crate `tiktoken` ships them, and the kinds of letters. Embeds the control room's page, if `scripts/page.mjs` built it.
//! Also the link settings of the Node addon and of the image's binary.
//!
//! Build scripts run unoptimised: everything here is a pass or two.

#[path = "src/tokens/layout.rs"]
mod layout;

use layout::{EMPTY, GROUP, RANK_BITS, SEED, SLOT, letter};
use regex_syntax::hir::{Class, HirKind};
use std::path::Path;
use std::{env, fs};

fn main() {
    #[cfg(feature = "node")]
    napi_build::setup();
    println!("cargo::rerun-if-changed=build.rs");
    println!("cargo::rerun-if-changed=src/tokens/layout.rs");
    let out = env::var("OUT_DIR").expect("cargo sets OUT_DIR");
    let out = Path::new(&out);
    for name in ["o200k_base", "cl100k_base"] {
        Tokens::of(name).write(&out.join(name));
    }
    letters(out);
    page(out);
    pack_relocations();
}

/// In the image (Linux with musl) what is relocated when the binary starts is listed as bitmaps: a megabyte less. musl reads
/// them since 1.2.4, and Rust brings a newer one; a glibc that a binary meets elsewhere may be older than theirs (2.36).
fn pack_relocations() {
    let is = |name, wanted| env::var(name).is_ok_and(|value| value == wanted);
    if is("CARGO_CFG_TARGET_OS", "linux") && is("CARGO_CFG_TARGET_ENV", "musl") {
        println!("cargo::rustc-link-arg-bins=-Wl,-z,pack-relative-relocs");
    }
}

/// `page.rs`: name, tag and zipped bytes of each file in `ui/dist`; none in a build without Node.
fn page(out: &Path) {
    use std::hash::{DefaultHasher, Hash, Hasher};
    // The folder is always there, so cargo sees when something is built into it.
    println!("cargo::rerun-if-changed=ui/dist");
    let mut files: Vec<_> = fs::read_dir("ui/dist").into_iter().flatten().flatten().map(|file| file.path()).collect();
    files.retain(|file| file.extension().is_some_and(|kind| kind == "gz"));
    files.sort();
    let mut table = String::new();
    for file in files {
        let bytes = fs::read(&file).unwrap_or_else(|error| panic!("{}: {error}", file.display()));
        let name = file.file_stem().and_then(|name| name.to_str()).expect("the build names files in ASCII");
        // Copied: what is embedded is what the tag is of, even while the page is being built anew.
        let copy = out.join("page").join(name);
        fs::create_dir_all(copy.parent().expect("it is in a folder")).expect("OUT_DIR is ours");
        fs::write(&copy, &bytes).unwrap_or_else(|error| panic!("{}: {error}", copy.display()));
        let mut hasher = DefaultHasher::new();
        bytes.hash(&mut hasher);
        table += &format!("({name:?}, \"\\\"{:016x}\\\"\", include_bytes!({copy:?})),\n", hasher.finish());
    }
    fs::write(out.join("page.rs"), format!("&[\n{table}]\n")).expect("OUT_DIR is ours");
}

fn write(path: &Path, part: &str, bytes: &[u8]) {
    fs::write(path.with_extension(part), bytes).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
}

fn hash(token: &[u8]) -> u64 {
    token.iter().fold(SEED, |hash, byte| layout::more(hash, *byte))
}

/// Slots of a table for so many tokens: one in 32 stays free, so that seeds are found quickly.
fn slots(tokens: usize) -> usize {
    tokens + tokens / 32
}

/// Buckets of a table for so many tokens, of four each.
fn buckets(tokens: usize) -> usize {
    tokens / 4 + 1
}

/// A vocabulary while it is laid out.
struct Tokens {
    bytes: Vec<u8>,
    lengths: Vec<u8>,
    starts: Vec<u32>,
    slots: Vec<u32>,
    seeds: Vec<u16>,
}

impl Tokens {
    fn of(name: &str) -> Self {
        let encoding = tiktoken::get_encoding(name).unwrap_or_else(|| panic!("tiktoken ships no {name}"));
        let size = encoding.vocab_size();
        assert!(size < 1 << RANK_BITS, "{name} has too many tokens for a slot");
        let mut tokens =
            Tokens { bytes: Vec::new(), lengths: Vec::new(), starts: Vec::new(), slots: Vec::new(), seeds: Vec::new() };
        let mut filled = vec![Vec::new(); buckets(size)];
        for rank in 0..size as u32 {
            let token = encoding.decode(&[rank]);
            assert!(!token.is_empty(), "{name} has no token {rank}");
            tokens.starts.push(tokens.bytes.len() as u32);
            tokens.lengths.push(u8::try_from(token.len()).expect("tokens are short"));
            tokens.bytes.extend_from_slice(&token);
            let hash = layout::mixed(hash(&token));
            filled[layout::bucket(hash, buckets(size))].push((hash, rank));
        }
        tokens.place(&filled, slots(size));
        tokens
    }

    /// Finds for each bucket, the fullest first, a seed that leads all of its tokens to free slots.
    fn place(&mut self, buckets: &[Vec<(u64, u32)>], slots: usize) {
        (self.slots, self.seeds) = (vec![EMPTY; slots], vec![0; buckets.len()]);
        let mut order: Vec<usize> = (0..buckets.len()).collect();
        order.sort_by_key(|bucket| std::cmp::Reverse(buckets[*bucket].len()));
        let mut taken = Vec::new();
        for bucket in order {
            let fits = |seed: &u16| {
                taken.clear();
                buckets[bucket].iter().all(|(hash, _)| {
                    let slot = layout::slot(*hash, *seed, slots);
                    let free = self.slots[slot] == EMPTY && !taken.contains(&slot);
                    taken.push(slot);
                    free
                })
            };
            let seed = (0..=u16::MAX).find(fits).expect("one slot in 32 is free");
            self.seeds[bucket] = seed;
            for (hash, rank) in &buckets[bucket] {
                self.slots[layout::slot(*hash, seed, slots)] = layout::tag(*hash) | rank;
            }
        }
    }

    fn token(&self, rank: usize) -> &[u8] {
        let start = self.starts[rank] as usize;
        &self.bytes[start..start + self.lengths[rank] as usize]
    }

    fn rank(&self, token: &[u8]) -> Option<u32> {
        let hash = layout::mixed(hash(token));
        let seed = self.seeds[layout::bucket(hash, self.seeds.len())];
        let entry = self.slots[layout::slot(hash, seed, self.slots.len())];
        layout::rank(entry, hash).filter(|rank| self.token(*rank as usize) == token)
    }

    /// Merges a token's bytes as its text would be; gives the length of the left of the last two parts.
    fn half(&self, rank: usize) -> u8 {
        let token = self.token(rank);
        let mut ends: Vec<usize> = (0..=token.len()).collect();
        let joined = |ends: &[usize], at: usize| {
            ends.get(at + 2).and_then(|end| self.rank(&token[ends[at]..*end])).unwrap_or(u32::MAX)
        };
        let mut ranks: Vec<u32> = (0..token.len()).map(|at| joined(&ends, at)).collect();
        while ends.len() > 3 {
            let (mut at, mut least) = (0, u32::MAX);
            for (index, rank) in ranks.iter().enumerate() {
                if *rank < least {
                    (at, least) = (index, *rank);
                }
            }
            // What `merge.rs` relies on; so it is in OpenAI's vocabularies.
            assert!(least < u32::MAX, "token {rank} is not what its own bytes are merged to");
            ends.remove(at + 1);
            ranks.remove(at + 1);
            ranks[at] = joined(&ends, at);
            if at > 0 {
                ranks[at - 1] = joined(&ends, at - 1);
            }
        }
        if token.len() > 1 { ends[1] as u8 } else { 0 }
    }

    fn write(&self, path: &Path) {
        let little = |numbers: &mut dyn Iterator<Item = u32>| numbers.flat_map(u32::to_le_bytes).collect::<Vec<u8>>();
        let halves: Vec<u8> = (0..self.lengths.len()).map(|rank| self.half(rank)).collect();
        let mut longest = vec![1u8; 1 << 16];
        for rank in 0..self.lengths.len() {
            if let [first, second, ..] = self.token(rank) {
                let entry = &mut longest[usize::from(*first) << 8 | usize::from(*second)];
                *entry = (*entry).max(self.lengths[rank]);
            }
        }
        write(path, "bytes", &self.bytes);
        write(path, "lengths", &self.lengths);
        write(path, "starts", &little(&mut self.starts.iter().copied().step_by(GROUP)));
        write(path, "halves", &halves);
        let slots = self.slots.iter().flat_map(|slot| slot.to_le_bytes().into_iter().take(SLOT));
        write(path, "slots", &slots.collect::<Vec<u8>>());
        write(path, "seeds", &self.seeds.iter().flat_map(|seed| seed.to_le_bytes()).collect::<Vec<u8>>());
        write(path, "longest", &longest);
    }
}

/// `letters.index` (one byte a block of code points) and `letters.blocks` (one byte a code point), equal blocks once.
fn letters(out: &Path) {
    let mut kinds = vec![0u8; 0x11_0000];
    for (pattern, kind) in [
        (r"[\p{Lu}\p{Lt}]", letter::UPPER),
        (r"\p{Ll}", letter::LOWER),
        (r"[\p{Lm}\p{Lo}]", letter::OTHER),
        (r"\p{M}", letter::MARK),
        (r"\p{N}", letter::NUMBER),
        (r"\s", letter::SPACE),
    ] {
        let class = regex_syntax::parse(pattern).expect("the pattern is one").into_kind();
        let HirKind::Class(Class::Unicode(class)) = class else { panic!("{pattern} is no class") };
        for range in class.ranges() {
            kinds[range.start() as usize..=range.end() as usize].fill(kind);
        }
    }
    let mut blocks: Vec<&[u8]> = Vec::new();
    let mut index = Vec::new();
    for block in kinds.chunks(letter::BLOCK) {
        let known = blocks.iter().position(|other| *other == block).unwrap_or_else(|| {
            blocks.push(block);
            blocks.len() - 1
        });
        index.push(u8::try_from(known).expect("few blocks differ"));
    }
    write(&out.join("letters"), "index", &index);
    write(&out.join("letters"), "blocks", &blocks.concat());
}
