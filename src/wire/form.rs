//! A form that was sent: its parts in order, texts and files. Small files are in memory, the rest of a large form's in
//! one temporary file, which is gone with the last of them.

use crate::wire::blob::{Blob, BlobReader, FileBytes};
use bytes::Bytes;
use serde_json::{Value, json};
use std::io;

/// What a form was made of.
#[derive(Debug, Clone, Default)]
pub(crate) struct FormData {
    parts: Vec<FormPart>,
}

/// One part of a form.
#[derive(Debug, Clone)]
pub(crate) struct FormPart {
    /// As sent: `purpose`, `image[]`, `expires_after[anchor]`.
    pub name: String,
    pub content: PartContent,
}

/// What a part holds.
#[derive(Debug, Clone)]
pub(crate) enum PartContent {
    Text(String),
    File(FormFile),
}

/// A file of a form. Cheap to clone: the bytes are shared.
#[derive(Debug, Clone)]
pub(crate) struct FormFile {
    /// As the client named it; may be empty, or a path.
    pub name: String,
    /// As the client said; `application/octet-stream` if it did not.
    pub content_type: String,
    pub len: u64,
    /// SHA-256 in hexadecimal digits.
    pub sha256: String,
    pub bytes: FileBytes,
}

impl FormData {
    pub(crate) fn new(parts: Vec<FormPart>) -> Self {
        FormData { parts }
    }

    /// All parts, in order.
    pub(crate) fn parts(&self) -> &[FormPart] {
        &self.parts
    }

    /// The first file of this name.
    pub(crate) fn file(&self, name: &str) -> Option<&FormFile> {
        self.files(name).next()
    }

    /// The files of this name, also if it says that there are several: `image`, `image[]`, `image[0]`.
    pub(crate) fn files(&self, name: &str) -> impl Iterator<Item = &FormFile> {
        self.named(name).filter_map(|part| match &part.content {
            PartContent::Text(_) => None,
            PartContent::File(file) => Some(file),
        })
    }

    fn named(&self, name: &str) -> impl Iterator<Item = &FormPart> {
        let is = move |part: &&FormPart| {
            part.name.strip_prefix(name).is_some_and(|rest| {
                let index = rest.strip_prefix('[').and_then(|rest| rest.strip_suffix(']'));
                rest.is_empty() || index.is_some_and(|index| index.bytes().all(|digit| digit.is_ascii_digit()))
            })
        };
        self.parts.iter().filter(is)
    }
}

impl FormFile {
    /// The file as conditions and the journal see it: everything but its bytes.
    pub(crate) fn shown(&self) -> Value {
        json!({"filename": self.name, "content_type": self.content_type, "bytes": self.len, "sha256": self.sha256})
    }

    /// Whether a value is what [`FormFile::shown`] gives.
    pub(crate) fn is_shown(value: &Value) -> bool {
        value["sha256"].is_string() && value["bytes"].is_u64() && value["filename"].is_string()
    }

    /// Its bytes, wherever they are.
    pub(crate) fn blob(&self) -> Blob {
        Blob::new(self.bytes.clone(), self.len)
    }

    /// Reads it from the beginning. A large one comes from the disk: read it [`crate::runtime::aside`].
    pub(crate) fn reader(&self) -> BlobReader {
        self.blob().reader()
    }

    /// So many bytes of it from a place on, fewer at its end; what stands before is not read.
    ///
    /// # Errors
    /// The temporary file cannot be read.
    pub(crate) fn stretch(&self, from: u64, len: u64) -> io::Result<Bytes> {
        self.blob().stretch(from, len)
    }

    /// All of it, in memory.
    ///
    /// # Errors
    /// The temporary file cannot be read.
    pub(crate) fn bytes(&self) -> io::Result<Bytes> {
        self.blob().bytes()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::blob::DiskFile;
    use std::io::Read;
    use std::sync::Arc;

    fn file(name: &str, len: u64, bytes: FileBytes) -> FormFile {
        FormFile { name: name.into(), content_type: "text/plain".into(), len, sha256: "0".into(), bytes }
    }

    fn part(name: &str, content: PartContent) -> FormPart {
        FormPart { name: name.into(), content }
    }

    #[test]
    fn parts_are_found_by_name_also_where_there_are_several() {
        let memory = || FileBytes::Memory(Bytes::from_static(b"abc"));
        let form = FormData::new(vec![
            part("purpose", PartContent::Text("batch".into())),
            part("image[]", PartContent::File(file("a", 3, memory()))),
            part("image[1]", PartContent::File(file("b", 3, memory()))),
            part("image[x]", PartContent::File(file("c", 3, memory()))),
            part("images", PartContent::File(file("d", 3, memory()))),
        ]);
        assert!(form.file("purpose").is_none() && form.file("x").is_none());
        let names: Vec<&str> = form.files("image").map(|file| file.name.as_str()).collect();
        assert_eq!(names, ["a", "b"]);
        assert_eq!(form.file("image").map(|file| file.bytes().unwrap()), Some(Bytes::from_static(b"abc")));
    }

    #[test]
    fn files_on_the_disk_are_read_each_from_its_place() {
        let disk = DiskFile::temporary().unwrap();
        disk.append(b"onetwothree").unwrap();
        let disk = Arc::new(disk);
        let (one, two) = (file("1", 3, FileBytes::Disk(disk.clone(), 0)), file("2", 3, FileBytes::Disk(disk, 3)));
        let (mut first, mut second) = (one.reader(), two.reader());
        let mut letter = [0];
        assert_eq!(first.read(&mut letter).unwrap(), 1);
        let mut rest = String::new();
        second.read_to_string(&mut rest).unwrap();
        assert_eq!((letter, rest.as_str()), ([b'o'], "two"));
        first.read_to_string(&mut rest).unwrap();
        assert_eq!(rest, "twone");
        assert_eq!(one.bytes().unwrap(), "one");
        assert!(FormFile::is_shown(&one.shown()) && !FormFile::is_shown(&json!({"filename": "a"})));
    }
}
