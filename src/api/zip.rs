//! ZIP archives (APPNOTE 6.3), as skills and documents are: the files in one, stored or deflated. Any bytes may say that
//! they are an archive: nothing is believed of what it says of itself.

use bytes::Bytes;
use flate2::Crc;
use flate2::read::DeflateDecoder;
use std::borrow::Cow;
use std::io::Read;

/// What an archive begins with.
pub(crate) const LOCAL: &[u8; 4] = b"PK\x03\x04";
const CENTRAL: &[u8; 4] = b"PK\x01\x02";
const END: &[u8; 4] = b"PK\x05\x06";

/// How a file's bytes lie in an archive.
const STORED: usize = 0;
const DEFLATED: usize = 8;

/// An archive of these files, by their paths, without compression. Names are of at most 64 KiB, bytes of at most 4 GiB.
pub(crate) fn stored(files: &[(String, Bytes)]) -> Vec<u8> {
    written(files.iter().map(|(name, bytes)| (name.as_str(), &**bytes, STORED, bytes.clone())))
}

/// An archive of files with their bytes, and how these are packed.
fn written<'a>(files: impl Iterator<Item = (&'a str, &'a [u8], usize, Bytes)>) -> Vec<u8> {
    let (mut out, mut directory, mut count) = (Vec::new(), Vec::new(), 0u16);
    for (name, bytes, method, packed) in files {
        let mut crc = Crc::new();
        crc.update(bytes);
        let place = out.len() as u32;
        // Version 2.0, no flags, the method, no time.
        let mut common = Vec::new();
        common.extend([20, 0, 0, 0, method as u8, 0, 0, 0, 0x21, 0]);
        for number in [crc.sum(), packed.len() as u32, bytes.len() as u32] {
            common.extend(number.to_le_bytes());
        }
        common.extend((name.len() as u16).to_le_bytes());
        common.extend([0, 0]);
        out.extend([LOCAL.as_slice(), &common, name.as_bytes(), &packed].concat());
        directory.extend([CENTRAL.as_slice(), &[20, 0], &common, &[0; 10]].concat());
        directory.extend(place.to_le_bytes());
        directory.extend(name.bytes());
        count += 1;
    }
    let count = count.to_le_bytes();
    let (place, length) = ((out.len() as u32).to_le_bytes(), (directory.len() as u32).to_le_bytes());
    out.extend(directory);
    out.extend([END.as_slice(), &[0; 4], &count, &count, &length, &place, &[0, 0]].concat());
    out
}

/// A file in an archive.
pub(crate) struct ArchivedFile<'a> {
    pub name: Cow<'a, str>,
    method: usize,
    /// Packed.
    length: usize,
    place: usize,
}

/// A number of so many bytes.
fn number(archive: &[u8], at: usize, length: usize) -> Option<usize> {
    let bytes = archive.get(at..at.checked_add(length)?)?;
    Some(bytes.iter().rev().fold(0, |sum, byte| sum << 8 | usize::from(*byte)))
}

/// The files of an archive, as its directory names them; `None` = it is none.
pub(crate) fn entries(archive: &[u8]) -> Option<Vec<ArchivedFile<'_>>> {
    let number = |at: usize, length: usize| number(archive, at, length);
    // The end record has a comment of at most 64 KiB behind it.
    let from = archive.len().saturating_sub(65_557);
    let end = from + archive.get(from..)?.windows(4).rposition(|four| four == END)?;
    let (count, mut at) = (number(end + 10, 2)?, number(end + 16, 4)?);
    let mut entries = Vec::new();
    for _ in 0..count {
        if archive.get(at..at.checked_add(4)?)? != CENTRAL {
            return None;
        }
        let name = String::from_utf8_lossy(archive.get(at + 46..at + 46 + number(at + 28, 2)?)?);
        let (method, length, place) = (number(at + 10, 2)?, number(at + 20, 4)?, number(at + 42, 4)?);
        entries.push(ArchivedFile { name, method, length, place });
        at += 46 + number(at + 28, 2)? + number(at + 30, 2)? + number(at + 32, 2)?;
    }
    Some(entries)
}

impl ArchivedFile<'_> {
    /// Its bytes, at most so many: what bursts is cut. `None` = they are not there, or packed otherwise.
    pub(crate) fn read(&self, archive: &[u8], most: usize) -> Option<Vec<u8>> {
        let names = number(archive, self.place.checked_add(26)?, 2)? + number(archive, self.place.checked_add(28)?, 2)?;
        let start = self.place.checked_add(30 + names)?;
        let data = archive.get(start..start.checked_add(self.length)?)?;
        let reader: Box<dyn Read + '_> = match self.method {
            STORED => Box::new(data),
            DEFLATED => Box::new(DeflateDecoder::new(data)),
            _ => return None,
        };
        let mut bytes = Vec::new();
        reader.take(most as u64).read_to_end(&mut bytes).ok()?;
        Some(bytes)
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use flate2::Compression;
    use flate2::write::DeflateEncoder;
    use std::io::Write;

    /// An archive as programs write them.
    pub(crate) fn deflated(files: &[(&str, &str)]) -> Vec<u8> {
        written(files.iter().map(|(name, text)| {
            let mut encoder = DeflateEncoder::new(Vec::new(), Compression::default());
            let packed = encoder.write_all(text.as_bytes()).and_then(|()| encoder.finish()).expect("memory takes it");
            (*name, text.as_bytes(), DEFLATED, packed.into())
        }))
    }

    #[test]
    fn files_come_back_and_what_bursts_is_cut() {
        let long = "0".repeat(1 << 20);
        let archives = [
            deflated(&[("a/b.txt", "B."), ("long", &long)]),
            stored(&[("a/b.txt".into(), "B.".into()), ("long".into(), long.into())]),
        ];
        assert!(archives[0].len() < 10_000);
        for archive in archives {
            let files = entries(&archive).expect("an archive");
            assert_eq!(files.iter().map(|file| &*file.name).collect::<Vec<_>>(), ["a/b.txt", "long"]);
            assert_eq!(files[0].read(&archive, 100).as_deref(), Some(&b"B."[..]));
            assert_eq!(files[1].read(&archive, 100).map(|bytes| bytes.len()), Some(100));
        }
    }
}
