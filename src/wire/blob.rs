//! Bytes that may be many: in memory, or a stretch of a file on the disk.

use bytes::Bytes;
use std::fmt::Write as _;
use std::fs::File;
use std::io::{self, Read, Write};
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};

/// Files without a name that the process may keep open for long: each takes a descriptor.
const MOST_UNNAMED: usize = 256;

/// Bytes that are read at once.
pub(crate) const PIECE: u64 = 64 * 1024;

static UNNAMED: AtomicUsize = AtomicUsize::new(0);

/// So many bytes, wherever they are. Cheap to clone: they are shared.
#[derive(Debug, Clone)]
pub(crate) struct Blob {
    len: u64,
    bytes: FileBytes,
}

/// Where the bytes of a file are.
#[derive(Debug, Clone)]
pub(crate) enum FileBytes {
    Memory(Bytes),
    /// From this place of a file that others may share.
    Disk(Arc<DiskFile>, u64),
    /// A whole file that is opened by whoever reads it.
    Named(Arc<NamedFile>),
}

/// A file that stays when nobody needs it: of a data directory.
#[derive(Debug)]
pub(crate) struct NamedFile {
    pub path: PathBuf,
    pub number: u64,
}

/// A file that is open as long as somebody needs it.
#[derive(Debug)]
pub(crate) struct DiskFile {
    file: File,
    unnamed: bool,
}

impl DiskFile {
    /// A temporary file without a name: whatever happens, nothing of it is left when nobody needs it any more.
    ///
    /// # Errors
    /// The folder for temporary files takes none.
    pub(crate) fn temporary() -> io::Result<Self> {
        let file = tempfile::tempfile()?;
        UNNAMED.fetch_add(1, Relaxed);
        Ok(DiskFile { file, unnamed: true })
    }

    /// Whether there are as many without a name as can be kept.
    pub(crate) fn are_many() -> bool {
        UNNAMED.load(Relaxed) >= MOST_UNNAMED
    }

    /// Adds bytes at its end.
    ///
    /// # Errors
    /// The disk does not take them.
    pub(crate) fn append(&self, bytes: &[u8]) -> io::Result<()> {
        (&self.file).write_all(bytes)
    }

    /// Adds all that there is to read; gives how much it was.
    ///
    /// # Errors
    /// One of the two fails.
    pub(crate) fn append_all(&self, reader: &mut impl Read) -> io::Result<u64> {
        io::copy(reader, &mut &self.file)
    }
}

impl From<File> for DiskFile {
    /// One that has a name.
    fn from(file: File) -> Self {
        DiskFile { file, unnamed: false }
    }
}

impl Drop for DiskFile {
    fn drop(&mut self) {
        if self.unnamed {
            UNNAMED.fetch_sub(1, Relaxed);
        }
    }
}

impl Blob {
    /// So many bytes that are there.
    pub(crate) fn new(bytes: FileBytes, len: u64) -> Self {
        Blob { len, bytes }
    }

    /// The bytes of several in their order, shown to `seen` piece by piece: in memory up to a bound, else on the disk.
    ///
    /// # Errors
    /// The disk cannot be read or written.
    pub(crate) fn joined(blobs: &[Blob], in_memory: u64, mut seen: impl FnMut(&[u8])) -> io::Result<Blob> {
        let len = blobs.iter().map(Blob::len).sum();
        let file = if len > in_memory { Some(DiskFile::temporary()?) } else { None };
        let mut held = Vec::new();
        for blob in blobs {
            let mut at = 0;
            while at < blob.len {
                let piece = blob.stretch(at, PIECE)?;
                at += piece.len() as u64;
                seen(&piece);
                match &file {
                    Some(file) => file.append(&piece)?,
                    None => held.extend_from_slice(&piece),
                }
            }
        }
        Ok(match file {
            Some(file) => Blob::new(FileBytes::Disk(Arc::new(file), 0), len),
            None => Blob::from(Bytes::from(held)),
        })
    }

    pub(crate) fn len(&self) -> u64 {
        self.len
    }

    /// Whether it takes memory, and not the disk.
    pub(crate) fn in_memory(&self) -> bool {
        matches!(self.bytes, FileBytes::Memory(_))
    }

    /// The file that it is, if it has a name.
    pub(crate) fn named(&self) -> Option<&Arc<NamedFile>> {
        if let FileBytes::Named(file) = &self.bytes { Some(file) } else { None }
    }

    /// The same, open: it can be read to its end even if its file is deleted meanwhile.
    ///
    /// # Errors
    /// The file cannot be opened.
    pub(crate) fn opened(self) -> io::Result<Self> {
        let bytes = match self.bytes {
            FileBytes::Named(file) => FileBytes::Disk(Arc::new(DiskFile::from(File::open(&file.path)?)), 0),
            bytes => bytes,
        };
        Ok(Blob { bytes, ..self })
    }

    /// Reads it from its beginning. A large one comes from the disk: read it [`crate::runtime::aside`].
    pub(crate) fn reader(&self) -> BlobReader {
        BlobReader { blob: self.clone(), at: 0 }
    }

    /// All of it, in memory.
    ///
    /// # Errors
    /// The disk cannot be read.
    pub(crate) fn bytes(&self) -> io::Result<Bytes> {
        self.stretch(0, self.len)
    }

    /// `len` bytes from `from` on, in memory; fewer where it ends.
    ///
    /// # Errors
    /// The disk cannot be read.
    pub(crate) fn stretch(&self, from: u64, len: u64) -> io::Result<Bytes> {
        let from = from.min(self.len);
        let len = len.min(self.len - from);
        if let FileBytes::Memory(bytes) = &self.bytes {
            return Ok(bytes.slice(from as usize..(from + len) as usize));
        }
        let mut bytes = Vec::with_capacity(len as usize);
        BlobReader { blob: self.clone(), at: from }.take(len).read_to_end(&mut bytes)?;
        match bytes.len() as u64 == len {
            true => Ok(bytes.into()),
            false => Err(io::ErrorKind::UnexpectedEof.into()),
        }
    }
}

#[cfg(test)]
impl serde::Serialize for Blob {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.bytes().map_err(serde::ser::Error::custom)?.serialize(serializer)
    }
}

#[cfg(test)]
impl<'de> serde::Deserialize<'de> for Blob {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Bytes::deserialize(deserializer).map(Blob::from)
    }
}

impl From<Bytes> for Blob {
    fn from(bytes: Bytes) -> Self {
        Blob { len: bytes.len() as u64, bytes: FileBytes::Memory(bytes) }
    }
}

/// Reads a blob; several may read the same one.
pub(crate) struct BlobReader {
    blob: Blob,
    at: u64,
}

impl Read for BlobReader {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let rest = self.blob.len.saturating_sub(self.at);
        let length = buffer.len().min(usize::try_from(rest).unwrap_or(usize::MAX));
        let Some(buffer) = buffer.get_mut(..length).filter(|buffer| !buffer.is_empty()) else { return Ok(0) };
        let read = match &self.blob.bytes {
            FileBytes::Memory(bytes) => (&bytes[(self.at as usize).min(bytes.len())..]).read(buffer)?,
            FileBytes::Disk(file, from) => read_at(&file.file, buffer, from + self.at)?,
            FileBytes::Named(_) => {
                self.blob = self.blob.clone().opened()?;
                return self.read(buffer);
            }
        };
        self.at += read as u64;
        Ok(read)
    }
}

/// A digest as it is written.
pub(crate) fn hex(digest: &[u8]) -> String {
    let mut digits = String::with_capacity(2 * digest.len());
    for byte in digest {
        // Writing to a String cannot fail.
        let _ = write!(digits, "{byte:02x}");
    }
    digits
}

#[cfg(unix)]
fn read_at(file: &File, buffer: &mut [u8], at: u64) -> io::Result<usize> {
    std::os::unix::fs::FileExt::read_at(file, buffer, at)
}

#[cfg(windows)]
fn read_at(file: &File, buffer: &mut [u8], at: u64) -> io::Result<usize> {
    std::os::windows::fs::FileExt::seek_read(file, buffer, at)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stretches_are_the_same_wherever_the_bytes_are() {
        let disk = DiskFile::temporary().unwrap();
        disk.append(b"onetwothree").unwrap();
        let disk = Blob::new(FileBytes::Disk(Arc::new(disk), 3), 3);
        let memory = Blob::from(Bytes::from_static(b"two"));
        assert!(memory.in_memory() && !disk.in_memory());
        for blob in [disk, memory] {
            for (from, len, expected) in [(0, 3, "two"), (1, 9, "wo"), (2, 1, "o"), (3, 1, ""), (9, 9, "")] {
                assert_eq!(blob.stretch(from, len).unwrap(), expected, "{from} {len}");
            }
            assert_eq!((blob.bytes().unwrap(), blob.len()), (Bytes::from_static(b"two"), 3));
            let mut text = String::new();
            blob.reader().read_to_string(&mut text).unwrap();
            assert_eq!(text, "two");
        }
        // Joined, in memory or on the disk.
        for bound in [0, 100] {
            let blobs = [Blob::from(Bytes::from_static(b"one")), Blob::from(Bytes::from_static(b"two"))];
            let mut seen = Vec::new();
            let whole = Blob::joined(&blobs, bound, |piece| seen.extend_from_slice(piece)).unwrap();
            assert_eq!((whole.bytes().unwrap().as_ref(), &seen[..]), (&b"onetwo"[..], &b"onetwo"[..]));
            assert_eq!(whole.in_memory(), bound > 0);
        }
        // What is cut is no whole.
        let short = Blob::new(FileBytes::Disk(Arc::new(DiskFile::temporary().unwrap()), 0), 3);
        assert!(short.bytes().is_err());
    }
}
