use super::xml::{XmlPiece, XmlReader, attributes, plain};
use super::*;
use crate::api::zip::tests::deflated;
use crate::random::{Random, broken};
use std::fmt::Write as _;

const KINDS: &str = "http://schemas.openxmlformats.org/officeDocument/2006/relationships";

/// Relations: ids, the last words of their types, targets.
fn relations(of: &[(&str, &str, &str)]) -> String {
    let mut out = String::from("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<Relationships xmlns='x'>");
    for (id, kind, target) in of {
        let _ = write!(out, "<Relationship Id=\"{id}\" Type='{KINDS}/{kind}' Target=\"{target}\"/>");
    }
    out + "</Relationships>"
}

const DOCUMENT: &str = r#"<?xml version="1.0" encoding="UTF-8" standalone="yes"?>
<!DOCTYPE x [<!ENTITY a "b">]><!-- <w:t>not this</w:t> -->
<w:document xmlns:w="urn:w" xmlns:mc="urn:mc"><w:body>
  <w:p w:title="a > b"><w:pPr><w:tabs><w:tab w:val="left"/></w:tabs></w:pPr>
    <w:r><w:t>Penguins &amp; owls</w:t><w:tab/><w:t xml:space="preserve"> w&#97;ddle&#x2e; </w:t></w:r>
    <w:r><w:instrText> PAGE </w:instrText><w:delText>gone</w:delText></w:r></w:p>
  <w:tbl><w:tr><w:tc><w:p><w:r><w:t>one</w:t><w:br/><w:t><![CDATA[<two>]]></w:t></w:r></w:p></w:tc></w:tr></w:tbl>
  <w:p><mc:AlternateContent><mc:Choice><w:t>shown</w:t></mc:Choice><mc:Fallback><w:p><w:t>shown</w:t></w:p></mc:Fallback></mc:AlternateContent><w:t/></w:p>
</w:body></w:document>"#;

#[test]
fn a_document_is_read_with_its_notes() {
    let main = relations(&[("rId1", "officeDocument", "word/document2.xml"), ("rId2", "thumbnail", "docProps/a.jpeg")]);
    let notes = relations(&[("rId1", "footnotes", "footnotes.xml"), ("rId2", "header", "header1.xml")]);
    let note = "<w:footnotes><w:footnote><w:p><w:r><w:t>A note.</w:t></w:r></w:p></w:footnote></w:footnotes>";
    let file = deflated(&[
        ("[Content_Types].xml", "<Types/>"),
        ("_rels/.rels", &main),
        ("word/document2.xml", DOCUMENT),
        ("word/_rels/document2.xml.rels", &notes),
        ("word/footnotes.xml", note),
        ("word/header1.xml", "<w:p><w:t>Page</w:t></w:p>"),
    ]);
    let expected = "Penguins & owls\t waddle. \none\n<two>\nshown\nA note.\n";
    assert_eq!(text(&file).as_deref(), Some(expected));
    // One made by hand has no more than the document.
    let alone = deflated(&[("word/document.xml", "<w:p><w:t>Alone.</w:t></w:p>")]);
    assert_eq!(text(&alone).as_deref(), Some("Alone.\n"));
}

fn slide(text: &str) -> String {
    format!("<p:sld><p:txBody><a:p><a:pPr/><a:r><a:t>{text}</a:t></a:r></a:p></p:txBody></p:sld>")
}

#[test]
fn slides_are_read_as_they_are_shown() {
    let presentation = "<p:presentation><p:sldIdLst><p:sldId id='256' r:id='rId3'/><p:sldId id='257' r:id='rId2'/>\
        <p:sldId id='258' r:id='rId2'/><p:sldId id='259' r:id='rId9'/></p:sldIdLst></p:presentation>";
    let slides = [("rId2", "slide", "slides/slide1.xml"), ("rId3", "slide", "/ppt/slides/slide2.xml")];
    let notes =
        "<p:notes><a:p><a:r><a:t>Say it.</a:t></a:r><a:fld type='slidenum'><a:t>2</a:t></a:fld></a:p></p:notes>";
    let file = deflated(&[
        ("_rels/.rels", &relations(&[("rId1", "officeDocument", "ppt/presentation.xml")])),
        ("ppt/presentation.xml", presentation),
        ("ppt/_rels/presentation.xml.rels", &relations(&slides)),
        ("ppt/slides/slide1.xml", &slide("Shown last")),
        ("ppt/slides/slide2.xml", &slide("Shown first")),
        ("ppt/slides/_rels/slide2.xml.rels", &relations(&[("rId1", "notesSlide", "../notesSlides/notesSlide1.xml")])),
        ("ppt/notesSlides/notesSlide1.xml", notes),
    ]);
    assert_eq!(text(&file).as_deref(), Some("Shown first\nSay it.\nShown last\n"));
    let (two, ten) = (slide("2"), slide("10"));
    let numbered = deflated(&[("ppt/slides/slide10.xml", &ten), ("ppt/slides/slide2.xml", &two)]);
    assert_eq!(text(&numbered).as_deref(), Some("2\n10\n"));
}

#[test]
fn what_is_no_document_says_nothing() {
    assert_eq!(text(b"PK\x03\x04\xff"), None);
    assert_eq!(text(&deflated(&[("a.txt", "x")])).as_deref(), Some(""));
    // Relations in a circle, and to nowhere.
    let own = relations(&[("a", "officeDocument", "_rels/.rels"), ("b", "footnotes", "../../../..")]);
    assert_eq!(text(&deflated(&[("_rels/.rels", &own)])).as_deref(), Some(""));
}

#[test]
fn what_bursts_is_cut() {
    let spaces = " ".repeat(MOST);
    let main = relations(&[("rId1", "officeDocument", "word/document.xml")]);
    let file = deflated(&[("_rels/.rels", &main), ("word/document.xml", &format!("<w:p><w:t>é</w:t>{spaces}<w:t>x"))]);
    assert!(file.len() < MOST / 500, "{}", file.len());
    assert_eq!(text(&file).as_deref(), Some("é"), "what stands behind so much is not read");
    let letters = format!("<w:t>x{}</w:t>", "é".repeat(LONGEST / 2 + 1));
    assert_eq!(text(&deflated(&[("word/document.xml", &letters)])).map(|text| text.len()), Some(LONGEST - 1));
}

#[test]
fn no_bytes_make_it_panic() {
    let main = relations(&[("rId1", "officeDocument", "word/document.xml")]);
    let file = deflated(&[("_rels/.rels", &main), ("word/document.xml", DOCUMENT)]);
    for broken in broken(&file) {
        let _ = text(&broken);
    }
    // What is unpacked may be broken too.
    let mut random = Random::new(1);
    for _ in 0..2_000 {
        let mut inner = DOCUMENT.as_bytes().to_vec();
        let (from, at) = (random.below(inner.len()), random.below(inner.len()));
        inner[at] = b"<>&;'\"/!:\xc3"[random.below(10)];
        let mut out = String::new();
        shown(&String::from_utf8_lossy(&inner[from..]), &mut out);
    }
}

#[test]
fn tags_and_entities_are_read() {
    let read: Vec<XmlPiece<'_>> = XmlReader::new("<a:b c='>' d=\"e\"/>x<!--<y>--></a:b ><?z?>").collect();
    let attributes_of = " c='>' d=\"e\"";
    let opens = XmlPiece::Opens { name: "b", attributes: attributes_of, is_empty: true };
    assert_eq!(read, [opens, XmlPiece::Text("x"), XmlPiece::Closes("b")]);
    assert_eq!(attributes(attributes_of).collect::<Vec<_>>(), [("c", ">"), ("d", "e")]);
    for (text, expected) in [
        ("&lt;&gt;&quot;&apos;&amp;lt;", "<>\"'&lt;"),
        ("&#x1F980;&#65;", "🦀A"),
        ("&nbsp; &;&#xD800;&#99999999;& é&", "&nbsp; &;&#xD800;&#99999999;& é&"),
    ] {
        assert_eq!(plain(text), expected);
    }
}
