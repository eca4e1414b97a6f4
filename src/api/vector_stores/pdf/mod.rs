//! The text of PDF files (ISO 32000-1): what pages show, page by page, in the letters that their fonts' maps name. Not
//! read: encrypted files, pictures of text, glyphs that no map names.

mod font;
mod syntax;

use crate::sorting;
use flate2::read::ZlibDecoder;
use font::Font;
use std::collections::{HashMap, HashSet};
use std::io::Read;
use std::ops::Range;
use std::rc::Rc;
use syntax::{PdfItem, PdfReader};

/// Bytes of text, and of all streams unpacked, of one file.
const MOST: usize = 16 << 20;
/// Objects of a file, and what they and a page are written in.
const MOST_OBJECTS: usize = 200_000;
const MOST_ITEMS: usize = 1 << 20;
/// Forms in forms, and steps of a chain of references.
const DEEPEST: usize = 16;

/// The text that a file shows; empty where none is found, `None` of an encrypted one.
pub(super) fn text(file: &[u8]) -> Option<String> {
    let mut document = Document::read(file);
    if document.encrypted {
        return None;
    }
    let pages = document.pages();
    if pages.is_empty() {
        document.loose();
    }
    for page in pages {
        document.page(page);
    }
    Some(document.out)
}

struct PdfObject {
    item: PdfItem,
    /// Where its stream lies in the file.
    stream: Option<Range<usize>>,
}

struct Document<'a> {
    file: &'a [u8],
    /// By their numbers; those that were written last.
    objects: Rc<HashMap<u32, PdfObject>>,
    encrypted: bool,
    /// Bytes of streams so far.
    unpacked: usize,
    fonts: HashMap<u32, Rc<Font>>,
    out: String,
}

fn find(bytes: &[u8], wanted: &[u8]) -> Option<usize> {
    bytes.windows(wanted.len()).position(|window| window == wanted)
}

impl<'a> Document<'a> {
    /// Reads all objects, wherever they stand: their table may be broken.
    fn read(file: &'a [u8]) -> Self {
        let (mut objects, mut encrypted) = (HashMap::new(), false);
        let (mut at, mut left) = (0, MOST_ITEMS);
        while let Some(found) = find(&file[at..], b"obj").map(|found| at + found)
            && objects.len() < MOST_OBJECTS
            && left > 0
        {
            encrypted |= trailer(&file[at..found]);
            at = found + 3;
            let Some(number) = numbered(&file[..found]) else { continue };
            let mut reader = PdfReader::new(file, at, left);
            let Some(item) = reader.next() else { break };
            reader.skip();
            at = reader.at.min(file.len());
            left = left.saturating_sub(1 + size(&item));
            let stream = file[at..].starts_with(b"stream").then(|| stream(file, at + 6, &item));
            at = stream.as_ref().map_or(at, |stream| stream.end);
            encrypted |= item.get("Type").is("XRef") && *item.get("Encrypt") != PdfItem::Nothing;
            objects.insert(number, PdfObject { item, stream });
        }
        encrypted |= trailer(&file[at..]);
        let mut document = Document {
            file,
            objects: Rc::default(),
            encrypted,
            unpacked: 0,
            fonts: HashMap::new(),
            out: String::new(),
        };
        let packed = objects.values().filter(|object| object.item.get("Type").is("ObjStm"));
        let inner: Vec<(u32, PdfObject)> = packed.flat_map(|object| document.inside(object, &mut left)).collect();
        for (number, object) in inner {
            objects.entry(number).or_insert(object);
        }
        document.objects = Rc::new(objects);
        document
    }

    /// The objects that a stream holds (§7.5.7).
    fn inside(&mut self, object: &PdfObject, left: &mut usize) -> Vec<(u32, PdfObject)> {
        let content = self.unpack(object);
        let PdfItem::Number(first) = object.item.get("First") else { return Vec::new() };
        let mut head = PdfReader::new(&content, 0, *left);
        // Objects may lie in one another: what is read of them all is bounded too.
        let (mut inner, mut room) = (Vec::new(), 2 * content.len());
        while head.at < *first as usize
            && let (Some(PdfItem::Number(number)), Some(PdfItem::Number(place))) = (head.next(), head.next())
        {
            let start = (first + place) as usize;
            let mut reader = PdfReader::new(&content, start, *left);
            let Some(item) = reader.next().filter(|_| room > 0) else { break };
            room = room.saturating_sub(reader.at - start);
            *left = left.saturating_sub(3 + size(&item));
            inner.push((number as u32, PdfObject { item, stream: None }));
        }
        inner
    }

    /// The bytes of an object's stream; none where they are packed otherwise than usual, or too many.
    fn unpack(&mut self, object: &PdfObject) -> Vec<u8> {
        let Some(stream) = &object.stream else { return Vec::new() };
        let (bytes, room) = (&self.file[stream.clone()], MOST - self.unpacked);
        let filter = match object.item.get("Filter") {
            PdfItem::List(all) if all.len() == 1 => &all[0],
            filter => filter,
        };
        let mut content = Vec::new();
        match filter {
            // What is broken later may show something before.
            filter if filter.is("FlateDecode") => {
                drop(ZlibDecoder::new(bytes).take(room as u64).read_to_end(&mut content));
            }
            PdfItem::Nothing => content.extend_from_slice(&bytes[..bytes.len().min(room)]),
            _ => {}
        }
        self.unpacked += content.len();
        content
    }

    /// The numbers of the pages, in their order.
    fn pages(&self) -> Vec<u32> {
        let objects = &self.objects;
        let root = objects.values().find(|object| object.item.get("Type").is("Catalog"));
        let (mut pages, mut seen) = (Vec::new(), HashSet::new());
        let mut todo: Vec<(u32, usize)> = match root.map(|root| root.item.get("Pages")) {
            Some(PdfItem::Reference(first)) => vec![(*first, 0)],
            _ => Vec::new(),
        };
        while let Some((number, depth)) = todo.pop() {
            // Each stands once: a broken file may name one everywhere, also in itself.
            let Some(object) = objects.get(&number).filter(|_| depth < DEEPEST && seen.insert(number)) else {
                continue;
            };
            match resolved(objects, object.item.get("Kids")) {
                PdfItem::List(kids) => todo.extend(kids.iter().rev().filter_map(|kid| match kid {
                    PdfItem::Reference(kid) => Some((*kid, depth + 1)),
                    _ => None,
                })),
                _ => pages.push(number),
            }
        }
        if pages.is_empty() {
            let is_page = |(number, object): (&u32, &PdfObject)| object.item.get("Type").is("Page").then_some(*number);
            pages = objects.iter().filter_map(is_page).collect();
            sorting::by(&mut pages, Ord::cmp);
        }
        pages
    }

    /// Shows a page.
    fn page(&mut self, number: u32) {
        let objects = self.objects.clone();
        let Some(page) = objects.get(&number) else { return };
        let contents = match resolved(&objects, page.item.get("Contents")) {
            PdfItem::List(all) => all.as_slice(),
            _ => std::slice::from_ref(page.item.get("Contents")),
        };
        let mut content = Vec::new();
        for part in contents {
            if let Some(part) = referred(&objects, part) {
                content.append(&mut self.unpack(part));
                content.push(b'\n');
            }
        }
        // What a page does not say, those above it do.
        let mut holder = &page.item;
        for _ in 0..DEEPEST {
            if *holder.get("Resources") != PdfItem::Nothing {
                break;
            }
            holder = resolved(&objects, holder.get("Parent"));
        }
        self.show(&content, resolved(&objects, holder.get("Resources")), 0);
    }

    /// Shows every stream that may be a page's, where nothing says what pages there are.
    fn loose(&mut self) {
        let objects = self.objects.clone();
        let mut numbers: Vec<&u32> = objects.keys().collect();
        sorting::by(&mut numbers, Ord::cmp);
        for object in numbers.into_iter().filter_map(|number| objects.get(number)) {
            if *object.item.get("Type") == PdfItem::Nothing && !object.item.get("Subtype").is("Image") {
                let content = self.unpack(object);
                self.show(&content, &PdfItem::Nothing, 0);
            }
        }
    }

    /// What a content stream shows between its `BT` and `ET`, and the forms in it.
    fn show(&mut self, content: &[u8], resources: &PdfItem, depth: usize) {
        let objects = self.objects.clone();
        let named = |kind: &str, operands: &[PdfItem]| match operands
            .iter()
            .rev()
            .find(|one| matches!(one, PdfItem::Name(_)))
        {
            Some(PdfItem::Name(name)) => {
                resolved(&objects, resources.get(kind)).get(&String::from_utf8_lossy(name)).clone()
            }
            _ => PdfItem::Nothing,
        };
        let (mut font, mut in_text) = (Rc::new(Font::Plain), false);
        let (mut reader, mut operands) = (PdfReader::new(content, 0, MOST_ITEMS), Vec::new());
        while let Some(item) = reader.next() {
            let PdfItem::Word(word) = item else {
                operands.push(item);
                continue;
            };
            if self.out.len() >= MOST || self.unpacked >= MOST {
                return;
            }
            match &*word {
                b"BT" => in_text = true,
                b"ET" => {
                    in_text = false;
                    self.line();
                }
                b"Tf" => font = self.font(&named("Font", &operands)),
                // On the same line something else goes on.
                b"Td" | b"TD" if matches!(operands[..], [.., PdfItem::Number(y)] if y == 0.0) => self.gap(),
                b"Td" | b"TD" | b"T*" | b"Tm" => self.line(),
                b"Tj" | b"TJ" if in_text => self.say(&font, &operands),
                b"'" | b"\"" if in_text => {
                    self.line();
                    self.say(&font, &operands);
                }
                b"Do" if depth < DEEPEST => {
                    let form = named("XObject", &operands);
                    if let Some(form) = referred(&objects, &form).filter(|form| form.item.get("Subtype").is("Form")) {
                        let content = self.unpack(form);
                        let own = resolved(&objects, form.item.get("Resources"));
                        self.show(&content, if *own == PdfItem::Nothing { resources } else { own }, depth + 1);
                    }
                }
                // A picture in between: its bytes are no words.
                b"ID" => {
                    let rest = content.get(reader.at..).unwrap_or_default();
                    reader.at += find(rest, b"EI").unwrap_or(rest.len());
                }
                _ => {}
            }
            operands.clear();
        }
    }

    fn say(&mut self, font: &Font, operands: &[PdfItem]) {
        for item in operands {
            match item {
                PdfItem::Text(text) => font.show(text, &mut self.out),
                PdfItem::List(items) => self.say(font, items),
                // A wide gap stands for a space.
                PdfItem::Number(gap) if *gap < -150.0 => self.gap(),
                _ => {}
            }
        }
    }

    fn gap(&mut self) {
        if !self.out.is_empty() && !self.out.ends_with([' ', '\n']) {
            self.out.push(' ');
        }
    }

    /// Begins a new line, if something stands on this one.
    fn line(&mut self) {
        if !self.out.is_empty() && !self.out.ends_with('\n') {
            self.out.push('\n');
        }
    }

    fn font(&mut self, named: &PdfItem) -> Rc<Font> {
        let objects = self.objects.clone();
        let number = if let PdfItem::Reference(number) = named { *number } else { 0 };
        if let Some(known) = self.fonts.get(&number).filter(|_| number > 0) {
            return known.clone();
        }
        let font = resolved(&objects, named);
        let font = Rc::new(match referred(&objects, font.get("ToUnicode")) {
            Some(map) => Font::mapped(&self.unpack(map)),
            None if font.get("Subtype").is("Type0") => Font::Glyphs,
            None => Font::Plain,
        });
        self.fonts.insert(number, font.clone());
        font
    }
}

/// Things in a thing.
fn size(item: &PdfItem) -> usize {
    match item {
        PdfItem::List(items) => items.iter().map(|item| 1 + size(item)).sum(),
        PdfItem::Dictionary(fields) => fields.iter().map(|(_, item)| 2 + size(item)).sum(),
        _ => 0,
    }
}

/// Whether a trailer in these bytes says that the file is encrypted.
fn trailer(bytes: &[u8]) -> bool {
    let at = find(bytes, b"trailer");
    let said = at.and_then(|at| PdfReader::new(bytes, at + 7, MOST_ITEMS).next());
    said.is_some_and(|said| *said.get("Encrypt") != PdfItem::Nothing)
}

/// The number of the object that begins behind these bytes: they end with it and its generation.
fn numbered(before: &[u8]) -> Option<u32> {
    fn last(bytes: &[u8]) -> Option<(&[u8], &[u8])> {
        let bytes = bytes.trim_ascii_end();
        let digits = bytes.iter().rev().take_while(|byte| byte.is_ascii_digit()).count();
        bytes.split_at_checked(bytes.len() - digits).filter(|_| digits > 0)
    }
    let (rest, _generation) = last(&before[before.len().saturating_sub(24)..])?;
    let (_, number) = last(rest)?;
    std::str::from_utf8(number).ok()?.parse().ok()
}

/// Where the stream lies that begins behind its word.
fn stream(file: &[u8], at: usize, dictionary: &PdfItem) -> Range<usize> {
    let rest = &file[at..];
    let start = at + if rest.starts_with(b"\r\n") { 2 } else { usize::from(rest.starts_with(b"\n")) };
    if let PdfItem::Number(length) = dictionary.get("Length") {
        let end = start.saturating_add(*length as usize);
        let behind = file.get(end..).unwrap_or_default();
        if find(&behind[..behind.len().min(12)], b"endstr").is_some() {
            return start..end;
        }
    }
    start..find(&file[start..], b"endstream").map_or(file.len(), |end| start + end)
}

/// What a reference leads to, or the thing itself.
fn resolved<'a>(objects: &'a HashMap<u32, PdfObject>, mut item: &'a PdfItem) -> &'a PdfItem {
    for _ in 0..DEEPEST {
        let PdfItem::Reference(number) = item else { return item };
        item = objects.get(number).map_or(&PdfItem::Nothing, |object| &object.item);
    }
    &PdfItem::Nothing
}

/// The object that a reference names.
fn referred<'a>(objects: &'a HashMap<u32, PdfObject>, item: &PdfItem) -> Option<&'a PdfObject> {
    match item {
        PdfItem::Reference(number) => objects.get(number),
        _ => None,
    }
}

#[cfg(test)]
mod tests;
