//! An answer's bytes unzipped as they come: its client unzips what it gets itself, and whoever looks at the answer beside
//! it sees what they say.

use brotli_decompressor::DecompressorWriter;
use flate2::write::{DeflateDecoder, MultiGzDecoder, ZlibDecoder};
use std::fmt;
use std::io::{self, Write};

/// Codings of one answer, one within the other.
const NESTED: usize = 3;

/// Takes codings off, the last one first.
pub(crate) struct Unzipper {
    stages: Vec<Box<dyn UnzipStage>>,
    /// Bytes that may still come of it.
    left: usize,
}

impl fmt::Debug for Unzipper {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "Unzipper({} left)", self.left)
    }
}

/// One coding. What comes of it waits in a buffer.
trait UnzipStage: Write + Send {
    fn room(&mut self) -> &mut UnzipRoom;
}

/// Bytes that have come of a coding, up to a bound.
#[derive(Default)]
struct UnzipRoom {
    bytes: Vec<u8>,
    most: usize,
}

impl Write for UnzipRoom {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let fits = bytes.len().min(self.most.saturating_sub(self.bytes.len()));
        self.bytes.extend_from_slice(&bytes[..fits]);
        match fits == bytes.len() {
            true => Ok(fits),
            false => Err(io::Error::other("it is longer than what is looked at")),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl UnzipStage for MultiGzDecoder<UnzipRoom> {
    fn room(&mut self) -> &mut UnzipRoom {
        self.get_mut()
    }
}

impl UnzipStage for ZlibDecoder<UnzipRoom> {
    fn room(&mut self) -> &mut UnzipRoom {
        self.get_mut()
    }
}

impl UnzipStage for DeflateDecoder<UnzipRoom> {
    fn room(&mut self) -> &mut UnzipRoom {
        self.get_mut()
    }
}

/// Brotli, whose decoder gives a buffer full of what it has each time it is asked, though it needs nothing more for the
/// rest.
struct Unbrotli(DecompressorWriter<UnzipRoom>);

impl Write for Unbrotli {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        let mut given = None;
        while given != Some(self.room().bytes.len()) {
            given = Some(self.room().bytes.len());
            self.0.write(&[])?;
        }
        Ok(())
    }
}

impl UnzipStage for Unbrotli {
    fn room(&mut self) -> &mut UnzipRoom {
        self.0.get_mut()
    }
}

/// `deflate`: a zlib stream, and of some servers what is within one. The first byte tells.
enum Inflating {
    Unknown(UnzipRoom),
    Known(Box<dyn UnzipStage>),
}

impl Inflating {
    fn known(&mut self, first: u8) -> &mut Box<dyn UnzipStage> {
        if let Inflating::Unknown(room) = self {
            let room = std::mem::take(room);
            *self = Inflating::Known(match first & 0x0f == 8 {
                true => Box::new(ZlibDecoder::new(room)),
                false => Box::new(DeflateDecoder::new(room)),
            });
        }
        match self {
            Inflating::Known(stage) => stage,
            Inflating::Unknown(_) => unreachable!("it has just become known"),
        }
    }
}

impl Write for Inflating {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match bytes.first() {
            Some(first) => self.known(*first).write(bytes),
            None => Ok(0),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        match self {
            Inflating::Known(stage) => stage.flush(),
            Inflating::Unknown(_) => Ok(()),
        }
    }
}

impl UnzipStage for Inflating {
    fn room(&mut self) -> &mut UnzipRoom {
        match self {
            Inflating::Known(stage) => stage.room(),
            Inflating::Unknown(room) => room,
        }
    }
}

impl Unzipper {
    /// For the values of an answer's `content-encoding`, and so many unzipped bytes; `None` = it is not coded.
    ///
    /// # Errors
    /// Nobody here knows the coding.
    pub(crate) fn of<'a>(codings: impl Iterator<Item = &'a str>, most: usize) -> Result<Option<Self>, String> {
        let mut stages: Vec<Box<dyn UnzipStage>> = Vec::new();
        for coding in codings.flat_map(|value| value.split(',')) {
            let room = UnzipRoom::default();
            stages.push(match coding.trim().to_ascii_lowercase().as_str() {
                "" | "identity" => continue,
                _ if stages.len() == NESTED => return Err("it is zipped too often".into()),
                "gzip" | "x-gzip" => Box::new(MultiGzDecoder::new(room)),
                "deflate" => Box::new(Inflating::Unknown(room)),
                "br" => Box::new(Unbrotli(DecompressorWriter::new(room, 4096))),
                other => return Err(format!("its coding '{other}' is unknown here")),
            });
        }
        stages.reverse();
        Ok((!stages.is_empty()).then_some(Unzipper { stages, left: most }))
    }

    /// What the next bytes say, and why what follows cannot be read.
    pub(crate) fn next(&mut self, bytes: &[u8]) -> (Vec<u8>, Option<String>) {
        let mut plain = bytes.to_vec();
        let mut failed = None;
        for stage in &mut self.stages {
            stage.room().most = self.left;
            let read = stage.write_all(&plain).and_then(|()| stage.flush());
            failed = failed.or(read.err().map(|error| format!("it cannot be unzipped: {error}")));
            plain = std::mem::take(&mut stage.room().bytes);
        }
        self.left -= plain.len();
        (plain, failed)
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use flate2::Compression;
    use flate2::write::{DeflateEncoder, GzEncoder, ZlibEncoder};

    /// A text in pieces, each of which can be unzipped when it has come.
    pub(crate) fn zipped(coding: &str, pieces: &[&[u8]]) -> Vec<Vec<u8>> {
        fn each<W: Write>(pieces: &[&[u8]], mut zip: W, mut take: impl FnMut(&mut W) -> Vec<u8>) -> Vec<Vec<u8>> {
            let mut all = Vec::new();
            for piece in pieces {
                zip.write_all(piece).and_then(|()| zip.flush()).expect("zips");
                all.push(take(&mut zip));
            }
            all
        }
        let best = Compression::best();
        match coding {
            "gzip" => each(pieces, GzEncoder::new(Vec::new(), best), |zip| std::mem::take(zip.get_mut())),
            "deflate" => each(pieces, ZlibEncoder::new(Vec::new(), best), |zip| std::mem::take(zip.get_mut())),
            "raw" => each(pieces, DeflateEncoder::new(Vec::new(), best), |zip| std::mem::take(zip.get_mut())),
            "br" => each(pieces, brotli::CompressorWriter::new(Vec::new(), 4096, 5, 22), |zip| {
                std::mem::take(zip.get_mut())
            }),
            _ => pieces.iter().map(|piece| piece.to_vec()).collect(),
        }
    }

    #[test]
    fn each_piece_is_unzipped_as_it_comes() {
        let pieces: [&[u8]; 3] = [b"data: one\n\n", b"data: two\n\n", &[b'x'; 10_000]];
        for (name, coding) in
            [("gzip", "gzip"), ("gzip", " X-GZIP"), ("deflate", "deflate"), ("raw", "deflate"), ("br", "identity, br")]
        {
            let mut unzipper = Unzipper::of([coding].into_iter(), 20_000).expect("known").expect("coded");
            for (piece, zipped) in pieces.iter().zip(zipped(name, &pieces)) {
                let (plain, failed) = unzipper.next(&zipped);
                assert!(plain == *piece && failed.is_none(), "{name}: {failed:?} {} of {}", plain.len(), piece.len());
            }
            // However it is cut.
            let mut unzipper = Unzipper::of([coding].into_iter(), 20_000).expect("known").expect("coded");
            let bytes = zipped(name, &pieces).concat();
            let plain: Vec<u8> = bytes.chunks(1).flat_map(|byte| unzipper.next(byte).0).collect();
            assert!(plain == pieces.concat(), "{name}");
        }
        let twice = zipped("br", &[&zipped("gzip", &[b"twice"])[0]]);
        let mut unzipper = Unzipper::of(["gzip", "br"].into_iter(), 100).expect("known").expect("coded");
        assert_eq!(unzipper.next(&twice[0]), (b"twice".to_vec(), None));
        assert!(Unzipper::of(["", "identity"].into_iter(), 1).is_ok_and(|none| none.is_none()));
    }

    #[test]
    fn what_cannot_be_read_is_told_and_what_bursts_has_a_bound() {
        let burst = zipped("gzip", &[&vec![b'x'; 1 << 24]]).concat();
        let mut unzipper = Unzipper::of(["gzip"].into_iter(), 1_000).expect("known").expect("coded");
        let (plain, failed) = unzipper.next(&burst);
        assert!(plain.len() == 1_000 && failed.is_some_and(|why| why.contains("longer")));
        for coding in ["gzip", "deflate", "br"] {
            let mut unzipper = Unzipper::of([coding].into_iter(), 1_000).expect("known").expect("coded");
            assert!(unzipper.next(&[0xff; 100]).1.is_some(), "{coding}");
        }
        for coding in ["zstd", "gzip, zstd", "br, br, br, br"] {
            assert!(Unzipper::of([coding].into_iter(), 1).is_err(), "{coding}");
        }
    }
}
