//! The text of Word's and PowerPoint's files (ECMA-376): what stands in the body, its notes, and on slides in their order
//! with their speakers' notes, a line a paragraph. Not read: pictures, charts, heads and feet of pages.

mod xml;

use super::chunks::LONGEST;
use crate::api::zip::{self, ArchivedFile};
use crate::sorting;
use std::collections::HashMap;
use xml::{XmlPiece, XmlReader, attributes, plain};

/// Bytes of all parts unpacked, of one file. Most of them are tags.
pub(super) const MOST: usize = 4 * LONGEST;

/// The text that a file shows; empty where none is found, `None` of what is no such file.
pub(super) fn text(file: &[u8]) -> Option<String> {
    let mut package = Package::of(file)?;
    let mut out = String::new();
    // What a package is about stands in its own relations; archives made by hand have none.
    let main = package.related("").into_iter().find(|relation| relation.kind == "officeDocument");
    let main = main.map(|relation| relation.target);
    if let Some(document) =
        main.clone().filter(|main| !main.starts_with("ppt/")).or_else(|| package.first("word/document.xml"))
    {
        let relations = package.related(&document);
        let notes = relations.into_iter().filter(|relation| matches!(relation.kind.as_str(), "footnotes" | "endnotes"));
        for part in std::iter::once(document).chain(notes.map(|relation| relation.target)) {
            package.show(&part, &mut out);
        }
        return Some(out);
    }
    for slide in package.slides(main.as_deref().unwrap_or_default()) {
        package.show(&slide, &mut out);
        for relation in package.related(&slide).into_iter().filter(|relation| relation.kind == "notesSlide") {
            package.show(&relation.target, &mut out);
        }
    }
    Some(out)
}

/// What a part refers to.
struct Relation {
    id: String,
    /// The last word of its type.
    kind: String,
    /// Another part, from the package's root.
    target: String,
}

/// An archive of parts; each is read once, however often it is referred to.
struct Package<'a> {
    file: &'a [u8],
    parts: HashMap<String, ArchivedFile<'a>>,
    left: usize,
}

impl<'a> Package<'a> {
    fn of(file: &'a [u8]) -> Option<Self> {
        let mut parts = HashMap::new();
        for entry in zip::entries(file)? {
            parts.entry(entry.name.replace('\\', "/")).or_insert(entry);
        }
        Some(Package { file, parts, left: MOST })
    }

    /// A part, if it was not read before.
    fn take(&mut self, name: &str) -> Option<String> {
        let bytes = self.parts.remove(name)?.read(self.file, self.left)?;
        self.left -= bytes.len();
        Some(String::from_utf8_lossy(&bytes).into_owned())
    }

    fn first(&self, name: &str) -> Option<String> {
        self.parts.contains_key(name).then(|| name.to_string())
    }

    /// What a part refers to; the package itself, without a name.
    fn related(&mut self, part: &str) -> Vec<Relation> {
        let (folder, name) = part.rsplit_once('/').unwrap_or(("", part));
        let place =
            if folder.is_empty() { format!("_rels/{name}.rels") } else { format!("{folder}/_rels/{name}.rels") };
        let Some(text) = self.take(&place) else { return Vec::new() };
        let mut relations = Vec::new();
        for piece in XmlReader::new(&text) {
            let XmlPiece::Opens { name: "Relationship", attributes: written, .. } = piece else { continue };
            let value = |wanted: &str| {
                attributes(written).find(|(name, _)| *name == wanted).map(|(_, value)| plain(value)).unwrap_or_default()
            };
            let kind = value("Type").rsplit('/').next().unwrap_or_default().to_string();
            relations.push(Relation { id: value("Id"), kind, target: resolved(folder, &value("Target")) });
        }
        relations
    }

    /// The slides of a presentation as they are shown; as they are numbered where it does not say.
    fn slides(&mut self, presentation: &str) -> Vec<String> {
        let slides = self.related(presentation).into_iter().filter(|relation| relation.kind == "slide");
        let mut places: HashMap<String, String> = slides.map(|relation| (relation.id, relation.target)).collect();
        let text = self.take(presentation).unwrap_or_default();
        let mut shown = Vec::new();
        for piece in XmlReader::new(&text) {
            let XmlPiece::Opens { name: "sldId", attributes: written, .. } = piece else { continue };
            let id = attributes(written).find(|(name, _)| name.ends_with(":id")).map(|(_, value)| plain(value));
            shown.extend(id.and_then(|id| places.remove(&id)));
        }
        if shown.is_empty() {
            let numbered = |name: &&String| name.starts_with("ppt/slides/slide") && name.ends_with(".xml");
            shown.extend(self.parts.keys().filter(numbered).cloned());
            sorting::by_key(&mut shown, |name| (name.len(), name.clone()));
        }
        shown
    }

    /// Adds what a part shows.
    fn show(&mut self, part: &str, out: &mut String) {
        if let Some(text) = self.take(part) {
            shown(&text, out);
            out.truncate(out.floor_char_boundary(LONGEST));
        }
    }
}

/// A part's name, as another part in this folder writes it.
fn resolved(folder: &str, target: &str) -> String {
    let (from, target) = match target.strip_prefix('/') {
        Some(target) => ("", target),
        None => (folder, target),
    };
    let mut segments: Vec<&str> = Vec::new();
    for segment in from.split('/').chain(target.split('/')) {
        match segment {
            "" | "." => {}
            ".." => drop(segments.pop()),
            segment => segments.push(segment),
        }
    }
    segments.join("/")
}

/// The letters that paragraphs show. Names mean the same in documents and on slides, so their prefixes do not matter.
fn shown(text: &str, out: &mut String) {
    // How deep the reader is in what is not shown, and whether in a run's text.
    let (mut hidden, mut is_text) = (0usize, false);
    for piece in XmlReader::new(text) {
        match piece {
            // Settings of a paragraph (its tabs are where tabs end), the other form of what was shown already, fields
            // that show a slide's number.
            XmlPiece::Opens { name, is_empty, .. } if hidden > 0 || matches!(name, "pPr" | "Fallback" | "fld") => {
                hidden += usize::from(!is_empty);
            }
            XmlPiece::Closes(_) if hidden > 0 => hidden -= 1,
            _ if hidden > 0 => {}
            XmlPiece::Opens { name: "t", is_empty, .. } => is_text = !is_empty,
            XmlPiece::Opens { name: "tab", .. } => out.push('\t'),
            XmlPiece::Opens { name: "br" | "cr", .. } | XmlPiece::Closes("p") => out.push('\n'),
            XmlPiece::Opens { name: "noBreakHyphen", .. } => out.push('-'),
            XmlPiece::Closes("t") => is_text = false,
            XmlPiece::Text(text) if is_text => out.push_str(&plain(text)),
            XmlPiece::Literal(text) if is_text => out.push_str(text),
            _ => {}
        }
    }
}

#[cfg(test)]
mod tests;
