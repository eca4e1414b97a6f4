//! What letters the codes of a font stand for: its `/ToUnicode` map (ISO 32000-1 §9.10.3), or the encoding of Windows.

use super::syntax::{PdfItem, PdfReader};
use std::collections::BTreeMap;

/// Windows' letters from 0x80 on that Latin-1 has otherwise.
const WINDOWS: [char; 32] = [
    '€', '•', '‚', 'ƒ', '„', '…', '†', '‡', 'ˆ', '‰', 'Š', '‹', 'Œ', '•', 'Ž', '•', '•', '‘', '’', '“', '”', '•', '–',
    '—', '˜', '™', 'š', '›', 'œ', '•', 'ž', 'Ÿ',
];

/// Codes that a map names.
const MOST: usize = 100_000;

/// How a font's codes are read.
#[derive(Debug, PartialEq)]
pub(super) enum Font {
    /// One byte each.
    Plain,
    /// The last code of a run, and what its first one stands for in UTF-16, by the first.
    Mapped { width: usize, runs: BTreeMap<u32, (u32, Vec<u16>)> },
    /// Numbers of glyphs that nobody says the letters of.
    Glyphs,
}

impl Font {
    /// Of a map.
    pub(super) fn mapped(map: &[u8]) -> Self {
        let (mut reader, mut pending) = (PdfReader::new(map, 0, 4 * MOST), Vec::new());
        let (mut width, mut runs) = (1, BTreeMap::new());
        while let Some(item) = reader.next() {
            let PdfItem::Word(word) = item else {
                pending.push(item);
                continue;
            };
            let size = if word == b"endbfchar" { 2 } else { 3 };
            if word == b"endbfchar" || word == b"endbfrange" {
                for entry in pending.chunks_exact(size) {
                    let (PdfItem::Text(first), PdfItem::Text(last)) = (&entry[0], &entry[size - 2]) else { continue };
                    width = first.len().clamp(1, 4);
                    let (first, last) = (number(first), number(last));
                    match &entry[size - 1] {
                        PdfItem::Text(to) => drop(runs.insert(first, (last, units(to)))),
                        PdfItem::List(all) => {
                            for (code, to) in (first..=last).zip(all) {
                                if let PdfItem::Text(to) = to {
                                    runs.insert(code, (code, units(to)));
                                }
                            }
                        }
                        _ => {}
                    }
                }
            }
            pending.clear();
        }
        Font::Mapped { width, runs }
    }

    /// The letters of a text, in the end of `out`.
    pub(super) fn show(&self, text: &[u8], out: &mut String) {
        match self {
            Font::Plain => out.extend(text.iter().filter(|byte| !byte.is_ascii_control()).map(|byte| match byte {
                0x80..=0x9f => WINDOWS[usize::from(byte - 0x80)],
                byte => char::from(*byte),
            })),
            Font::Mapped { width, runs } => {
                for code in text.chunks(*width).map(number) {
                    let Some((first, (last, units))) = runs.range(..=code).next_back() else { continue };
                    let Some((end, before)) = units.split_last().filter(|_| code <= *last) else { continue };
                    let end = end.wrapping_add((code - first) as u16);
                    let letters = char::decode_utf16(before.iter().copied().chain([end]));
                    out.extend(letters.filter_map(Result::ok).filter(|letter| !letter.is_control()));
                }
            }
            Font::Glyphs => {}
        }
    }
}

fn number(code: &[u8]) -> u32 {
    code.iter().take(4).fold(0, |number, byte| number << 8 | u32::from(*byte))
}

fn units(text: &[u8]) -> Vec<u16> {
    text.chunks(2).map(|pair| number(pair) as u16).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn maps_say_the_letters_of_codes() {
        let map = b"1 begincodespacerange <0000> <FFFF> endcodespacerange 2 beginbfchar <0003> <0020> <0010> \
            <00660069> endbfchar 2 beginbfrange <0024> <0026> <0041> <0030> <0031> [<D83DDE00> <00E4>] endbfrange";
        let mut said = String::new();
        let font = Font::mapped(map);
        font.show(&[0, 0x24, 0, 0x26, 0, 3, 0, 0x10, 0, 0x30, 0, 0x31, 0, 0x27, 9, 9], &mut said);
        assert_eq!(said, "AC fi😀ä");
        let mut said = String::new();
        Font::Plain.show(b"caf\xe9 \x96 \x93x\x94\x01", &mut said);
        assert_eq!(said, "café – “x”");
        let mut said = String::new();
        Font::mapped(b"1 beginbfrange <20> <7e> <0041> endbfrange").show(b"\x20\x21", &mut said);
        assert_eq!(said, "AB");
        Font::Glyphs.show(b"xy", &mut said);
        assert_eq!(said, "AB");
    }
}
