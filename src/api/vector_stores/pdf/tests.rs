use super::*;
use crate::random::broken;
use flate2::Compression;
use flate2::write::ZlibEncoder;
use std::io::Write;

fn packed(content: &[u8]) -> Vec<u8> {
    let mut encoder = ZlibEncoder::new(Vec::new(), Compression::default());
    encoder.write_all(content).and_then(|()| encoder.finish()).expect("memory takes it")
}

/// An object of this number with a stream.
fn streamed(number: u32, dictionary: &str, content: &[u8]) -> Vec<u8> {
    let head = format!("{number} 0 obj\n<< {dictionary} /Length {} >>\nstream\n", content.len());
    [head.as_bytes(), content, b"\nendstream\nendobj\n"].concat()
}

/// A file of one stream that nothing says is a page.
fn file(content: &str, is_packed: bool) -> Vec<u8> {
    let stream = match is_packed {
        true => streamed(1, "/Filter /FlateDecode", &packed(content.as_bytes())),
        false => streamed(1, "", content.as_bytes()),
    };
    [b"%PDF-1.4\n", &stream[..], b"%%EOF"].concat()
}

/// A file of two pages in fonts of glyphs' numbers, as programs write them: objects in a stream, maps, a form.
fn glyphs(trailer: &str) -> Vec<u8> {
    let map = |letters: &str| {
        let rows: String = letters
            .chars()
            .enumerate()
            .map(|(at, letter)| format!("<{:04x}> <{:04x}>\n", at + 1, letter as u32))
            .collect();
        format!(
            "/CMapName /X def 1 begincodespacerange <0000> <ffff> endcodespacerange {} beginbfchar\n{rows}endbfchar",
            letters.len()
        )
    };
    let objects = [
        (1, "<< /Type /Catalog /Pages 2 0 R >>"),
        (2, "<< /Type /Pages /Kids [4 0 R 3 0 R] /Resources << /Font << /F1 7 0 R /F3 14 0 R >> >> >>"),
        (3, "<< /Type /Page /Parent 2 0 R /Contents [8 0 R] /Resources 6 0 R >>"),
        (4, "<< /Type /Page /Parent 2 0 R /Contents 9 0 R >>"),
        (6, "<< /Font << /F1 12 0 R >> /XObject << /X1 10 0 R >> >>"),
        (7, "<< /Type /Font /Subtype /Type0 /Encoding /Identity-H /ToUnicode 11 0 R >>"),
        (12, "<< /Type /Font /Subtype /Type0 /Encoding /Identity-H /ToUnicode 13 0 R >>"),
        (14, "<< /Type /Font /Subtype /Type0 /Encoding /Identity-H >>"),
    ];
    let (mut head, mut body) = (String::new(), String::new());
    for (number, written) in objects {
        head += &format!("{number} {} ", body.len());
        body += &format!("{written} ");
    }
    let inner = format!("{head}{body}");
    let said = format!("/Type /ObjStm /N {} /First {} /Filter /FlateDecode", objects.len(), head.len());
    [
        // What ends an object, after a number, begins none.
        b"%PDF-1.5\n20 0 obj<</K 12 0 R>>\nendobj\n21 0 obj\n5\nendobj\n".to_vec(),
        streamed(5, &said, &packed(inner.as_bytes())),
        streamed(8, "/Filter [/FlateDecode]", &packed(b"BT /F1 9 Tf <00010002> Tj ET q /X1 Do Q")),
        streamed(9, "", b"BT /F1 12 Tf 1 0 0 1 72 720 Tm [<0001> -20 <00020003> -400 <0001>] TJ 90 0 Td <0003> Tj /F3 9 Tf <0001> Tj ET"),
        streamed(10, "/Type /XObject /Subtype /Form", b"BT /F1 9 Tf <0002> Tj ET"),
        streamed(11, "", map("Owl").as_bytes()),
        streamed(13, "", map("€n").as_bytes()),
        trailer.as_bytes().to_vec(),
    ]
    .concat()
}

const CONTENT: &str = "q BT /F1 12 Tf 72 720 Td (Hello \\(big\\) w\\157rld) Tj 0 -14 Td [(Second) -300 (li) 20 (ne)] TJ \
    (third) ' <46616c6c> Tj ET Q (not shown) Tj";

#[test]
fn what_pages_show_is_read_plain_and_packed() {
    for packed in [false, true] {
        assert_eq!(text(&file(CONTENT, packed)).as_deref(), Some("Hello (big) world\nSecond line\nthirdFall\n"));
    }
}

#[test]
fn glyphs_are_read_by_the_maps_of_their_own_page() {
    let trailer = "trailer << /Root 1 0 R >> %%EOF";
    assert_eq!(text(&glyphs(trailer)).as_deref(), Some("Owl O l\n€n\nn\n"), "the pages in their order");
    // Without a way to the pages those that are there.
    let lost = glyphs(trailer).windows(1).map(|byte| byte[0]).collect::<Vec<_>>();
    assert!(text(&lost[..lost.len() - 20]).is_some_and(|text| text.contains("Owl")));
}

#[test]
fn encrypted_files_are_known() {
    assert_eq!(text(&glyphs("trailer << /Root 1 0 R /Encrypt 20 0 R >>")), None);
    let stream = streamed(30, "/Type /XRef /Encrypt 20 0 R", b"");
    assert_eq!(text(&[file(CONTENT, false), stream].concat()), None);
    let said = file("BT (about /Encrypt and trailer << >>) Tj ET", false);
    assert!(text(&said).is_some_and(|text| text.contains("/Encrypt")));
}

#[test]
fn broken_files_end() {
    for whole in [file(CONTENT, true), file(CONTENT, false), glyphs("trailer << /Root 1 0 R >>")] {
        for broken in broken(&whole) {
            let _ = text(&broken);
        }
    }
    // One that bursts is cut, and so is a form that shows itself.
    assert!(text(&file(&" ".repeat(20 << 20), true)).is_some_and(|text| text.len() < MOST));
    let form = streamed(3, "/Subtype /Form /Resources << /XObject << /X 3 0 R >> >>", b"BT (x) Tj ET /X Do /X Do");
    let page = b"%PDF-1.4\n2 0 obj << /Type /Page /Contents 3 0 R /Resources << /XObject << /X 3 0 R >> >> >> endobj\n";
    assert!(text(&[&page[..], &form].concat()).is_some_and(|text| text.len() < MOST));
    let itself = "1 0 R ".repeat(1_000);
    let round =
        format!("%PDF-1.4\n2 0 obj << /Type /Catalog /Pages 1 0 R >> endobj 1 0 obj << /Kids [{itself}] >> endobj");
    assert_eq!(text(round.as_bytes()).as_deref(), Some(""), "pages that hold themselves");
    let many = "1 0 obj[".to_string() + &"1 ".repeat(4 << 20);
    assert_eq!(text(many.as_bytes()).as_deref(), Some(""));
}
