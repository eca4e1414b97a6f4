//! Lays out what the binary looks up in place, so that little is unpacked when it runs: OpenAI's vocabularies, as the crate
//! `tiktoken` ships them, and the kinds of letters. Embeds the control room's page, if `scripts/page.mjs` built it.
//! Also the link settings of the Node addon and of the image's binary.
//!
//! Build scripts run unoptimised: everything here is a pass or two.

#[allow(dead_code)] // What only the core needs.
#[path = "src/tokens/layout.rs"]
mod layout;
#[allow(dead_code)]
#[path = "src/tokens/vocabulary.rs"]
mod vocabulary;

use layout::{EMPTY, ONE_FREE_IN, RANK_BITS, RANK_BYTES, letter};
use regex_syntax::hir::{Class, HirKind};
use std::path::Path;
use std::{env, fs};
use vocabulary::Laid;

fn main() {
    #[cfg(feature = "node")]
    napi_build::setup();
    println!("cargo::rerun-if-changed=build.rs");
    println!("cargo::rerun-if-changed=src/tokens/layout.rs");
    println!("cargo::rerun-if-changed=src/tokens/vocabulary.rs");
    let out = env::var("OUT_DIR").expect("cargo sets OUT_DIR");
    let out = Path::new(&out);
    vocabularies(out);
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

/// The tokens of a vocabulary, in the order of their ranks.
fn tokens(name: &str) -> Vec<Vec<u8>> {
    let encoding = tiktoken::get_encoding(name).unwrap_or_else(|| panic!("tiktoken ships no {name}"));
    let size = encoding.vocab_size();
    assert!(size < 1 << RANK_BITS, "{name} has too many tokens for a slot");
    (0..size as u32)
        .map(|rank| encoding.decode(&[rank]))
        .inspect(|token| assert!(!token.is_empty(), "{name}"))
        .collect()
}

/// What `src/tokens/tables.rs` includes: of one vocabulary all, of the other what is not the first one's too.
fn vocabularies(out: &Path) {
    let main = Laid::new(tokens("o200k_base").iter().map(Vec::as_slice), ONE_FREE_IN);
    let path = out.join("o200k_base");
    write(&path, "bytes", &main.bytes);
    write(&path, "lengths", &main.lengths);
    write(&path, "starts", &main.starts);
    write(&path, "seeds", &main.seeds);
    write(&path, "longest", &main.longest);

    let (tokens, path) = (tokens("cl100k_base"), out.join("cl100k_base"));
    let main = main.vocabulary(&[]);
    let ranks: Vec<u32> = tokens.iter().map(|token| main.rank(token).unwrap_or(EMPTY)).collect();
    let plane = |byte: usize| ranks.iter().map(move |rank| rank.to_le_bytes()[byte]);
    write(&path, "ranks", &(0..RANK_BYTES).flat_map(plane).collect::<Vec<u8>>());
    let own = || tokens.iter().zip(&ranks).filter(|(_, rank)| **rank == EMPTY).map(|(token, _)| token);
    write(&path, "bytes", &own().flatten().copied().collect::<Vec<u8>>());
    write(&path, "lengths", &own().map(|token| token.len() as u8).collect::<Vec<u8>>());
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
