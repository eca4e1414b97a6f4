//! The text of simple PDF files (ISO 32000-1 §9.4): strings that content streams show, plain or deflated, in one-byte
//! encodings. Not read: encrypted files, fonts whose codes are glyphs' numbers, pictures of text, object streams' order.

use flate2::read::ZlibDecoder;
use std::io::Read;

/// Bytes of text, and of all streams unpacked, of one file.
const MOST: usize = 16 << 20;

/// The text that a file shows; empty where none is found.
pub(super) fn text(file: &[u8]) -> String {
    let (mut out, mut rest, mut unpacked) = (String::new(), file, 0);
    while let Some(at) = find(rest, b"stream") {
        let (head, body) = (&rest[..at], &rest[at + 6..]);
        let body = body.strip_prefix(b"\r\n").or_else(|| body.strip_prefix(b"\n")).unwrap_or(body);
        let Some(end) = find(body, b"endstream") else { break };
        // The dictionary before it says how it is packed.
        let dictionary = &head[rfind(head, b"obj").unwrap_or(0)..];
        let packed = find(dictionary, b"/FlateDecode").is_some();
        let other = find(dictionary, b"/Filter").is_some() && !packed;
        let shows = !other
            && ![&b"/Image"[..], b"/FontFile", b"/ObjStm", b"/XRef"]
                .iter()
                .any(|kind| find(dictionary, kind).is_some());
        if shows {
            let mut content = Vec::new();
            match packed {
                // What is broken later may show something before.
                true => drop(ZlibDecoder::new(&body[..end]).take((MOST - unpacked) as u64).read_to_end(&mut content)),
                false => content.extend_from_slice(&body[..end.min(MOST - unpacked)]),
            }
            unpacked += content.len();
            shown(&content, &mut out);
        }
        rest = &body[end + 9..];
        if unpacked >= MOST {
            break;
        }
    }
    out
}

fn find(bytes: &[u8], wanted: &[u8]) -> Option<usize> {
    bytes.windows(wanted.len()).position(|window| window == wanted)
}

fn rfind(bytes: &[u8], wanted: &[u8]) -> Option<usize> {
    bytes.windows(wanted.len()).rposition(|window| window == wanted)
}

/// What a content stream shows between its `BT` and `ET`.
fn shown(content: &[u8], out: &mut String) {
    let mut strings: Vec<Vec<u8>> = Vec::new();
    let (mut at, mut in_text) = (0, false);
    while let Some(byte) = content.get(at) {
        match byte {
            b'(' => {
                let (string, next) = literal(content, at + 1);
                strings.push(string);
                at = next;
            }
            b'<' if content.get(at + 1) != Some(&b'<') => {
                let end = content[at..].iter().position(|byte| *byte == b'>').map_or(content.len(), |end| at + end);
                strings.push(hex(&content[at + 1..end.max(at + 1)]));
                at = end + 1;
            }
            b'%' => at = content[at..].iter().position(|byte| *byte == b'\n').map_or(content.len(), |end| at + end),
            b'A'..=b'Z' | b'a'..=b'z' | b'\'' | b'"' => {
                let length =
                    content[at..].iter().take_while(|byte| byte.is_ascii_alphabetic() || b"'\"*".contains(byte));
                let length = length.count().max(1);
                match &content[at..at + length] {
                    b"BT" => in_text = true,
                    b"ET" => {
                        in_text = false;
                        line(out);
                    }
                    b"Td" | b"TD" | b"T*" | b"Tm" => line(out),
                    b"Tj" | b"TJ" if in_text => show(&strings, out),
                    b"'" | b"\"" if in_text => {
                        line(out);
                        show(&strings, out);
                    }
                    _ => {}
                }
                strings.clear();
                at += length;
            }
            // Names are no operators.
            b'/' => at += 1 + content[at + 1..].iter().take_while(|byte| byte.is_ascii_alphanumeric()).count(),
            // A wide gap within a TJ stands for a space.
            b'-' if content.get(at + 1..at + 4).is_some_and(|digits| digits.iter().all(u8::is_ascii_digit)) => {
                strings.push(b" ".to_vec());
                at += 4;
            }
            _ => at += 1,
        }
    }
}

/// Begins a new line, if something stands on this one.
fn line(out: &mut String) {
    if !out.is_empty() && !out.ends_with('\n') {
        out.push('\n');
    }
}

/// Shows strings that are text: codes of glyphs' numbers are mostly none.
fn show(strings: &[Vec<u8>], out: &mut String) {
    let bytes = strings.concat();
    let control = bytes.iter().filter(|byte| byte.is_ascii_control() && !b"\t\n\r".contains(byte)).count();
    if control * 4 < bytes.len() {
        out.extend(bytes.iter().filter(|byte| !byte.is_ascii_control()).map(|byte| char::from(*byte)));
    }
}

/// A string in parentheses, and where what follows begins.
fn literal(content: &[u8], mut at: usize) -> (Vec<u8>, usize) {
    let (mut out, mut depth) = (Vec::new(), 1);
    while let Some(byte) = content.get(at) {
        at += 1;
        match byte {
            b'\\' => {
                let octal = content[at..].iter().take(3).take_while(|byte| (b'0'..=b'7').contains(byte)).count();
                if octal > 0 {
                    let code =
                        content[at..at + octal].iter().fold(0u32, |code, digit| code * 8 + u32::from(digit - b'0'));
                    out.push(code as u8);
                    at += octal;
                    continue;
                }
                match content.get(at) {
                    Some(b'n') => out.push(b'\n'),
                    Some(b'r' | b't' | b'b' | b'f') => out.push(b' '),
                    Some(b'\n' | b'\r') | None => {}
                    Some(other) => out.push(*other),
                }
                at += 1;
            }
            b'(' => {
                depth += 1;
                out.push(b'(');
            }
            b')' if depth == 1 => break,
            b')' => {
                depth -= 1;
                out.push(b')');
            }
            other => out.push(*other),
        }
    }
    (out, at)
}

fn hex(digits: &[u8]) -> Vec<u8> {
    let digits: Vec<u8> =
        digits.iter().filter_map(|digit| char::from(*digit).to_digit(16)).map(|digit| digit as u8).collect();
    digits.chunks(2).map(|pair| pair[0] << 4 | pair.get(1).copied().unwrap_or(0)).collect()
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;
    use flate2::Compression;
    use flate2::write::ZlibEncoder;
    use std::io::Write;

    /// A file whose one page shows this content.
    pub(in crate::api::vector_stores) fn file(content: &str, packed: bool) -> Vec<u8> {
        let mut encoder = ZlibEncoder::new(Vec::new(), Compression::default());
        encoder.write_all(content.as_bytes()).expect("memory takes it");
        let (filter, stream) = match packed {
            true => ("/Filter /FlateDecode ", encoder.finish().expect("it is packed")),
            false => ("", content.as_bytes().to_vec()),
        };
        let head = format!("%PDF-1.4\n1 0 obj\n<< {filter}/Length {} >>\nstream\n", stream.len());
        [head.as_bytes(), &stream, b"\nendstream\nendobj\n%%EOF"].concat()
    }

    const CONTENT: &str = "q BT /F1 12 Tf 72 720 Td (Hello \\(big\\) w\\157rld) Tj 0 -14 Td [(Second) -300 (li) 20 (ne)] TJ \
        (third) ' <46616c6c> Tj ET Q (not shown) Tj";

    #[test]
    fn what_pages_show_is_read_plain_and_packed() {
        for packed in [false, true] {
            assert_eq!(text(&file(CONTENT, packed)), "Hello (big) world\nSecond line\nthirdFall\n", "{packed}");
        }
        let glyphs = "BT <00010002000300040005> Tj ET";
        assert_eq!(text(&file(glyphs, false)).trim(), "");
    }

    #[test]
    fn broken_files_end() {
        let whole = file(CONTENT, true);
        for end in 0..whole.len() {
            let _ = text(&whole[..end]);
        }
        let mut random = crate::random::Random::new(5);
        for packed in [false, true] {
            let whole = file(CONTENT, packed);
            for _ in 0..2_000 {
                let mut broken = whole.clone();
                let at = random.below(broken.len());
                broken[at] = random.below(256) as u8;
                let _ = text(&broken);
            }
        }
        // One that bursts is cut.
        assert!(text(&file(&" ".repeat(20 << 20), true)).len() < MOST);
    }
}
