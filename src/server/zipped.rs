//! An answer's body as its client accepts it.

use super::request::weight;
use bytes::Bytes;
use hyper::header::{HeaderMap, HeaderValue};
use std::io::Write;

/// What fits into one packet gains nothing from being zipped, and costs both sides time.
const PACKET: usize = 1_400;

/// The body as the client accepts it, and what the headers say of that.
pub(super) fn zipped(bytes: Bytes, accepted: &str, headers: &mut HeaderMap) -> Bytes {
    let wants = |name: &str| weight(accepted, name).is_some_and(|weight| weight > 0.0);
    let (name, zipped) = if bytes.len() <= PACKET || headers.contains_key("content-encoding") {
        return bytes;
    } else if wants("gzip") {
        let mut encoder =
            flate2::write::GzEncoder::new(Vec::with_capacity(bytes.len() / 2), flate2::Compression::fast());
        // Writing to memory cannot fail; if it did, the plain bytes are still right.
        let Ok(zipped) = encoder.write_all(&bytes).and_then(|()| encoder.finish()) else { return bytes };
        ("gzip", zipped)
    } else if wants("br") {
        ("br", stored(&bytes))
    } else {
        return bytes;
    };
    headers.insert("content-encoding", HeaderValue::from_static(name));
    headers.insert("vary", HeaderValue::from_static("Accept-Encoding"));
    zipped.into()
}

/// A brotli stream whose blocks are not compressed (RFC 7932 §9). Clients that take brotli and not gzip are rare, and what
/// goes over the loopback need not be small: the library's encoder is nearly a megabyte of the package.
fn stored(bytes: &[u8]) -> Vec<u8> {
    /// Whose length less one fills four nibbles.
    const BLOCK: usize = 1 << 16;
    let mut out = Vec::with_capacity(bytes.len() + 3 * bytes.len().div_ceil(BLOCK) + 1);
    for (at, block) in bytes.chunks(BLOCK).enumerate() {
        // From the lowest bit: not the last block (0), four nibbles (00) of length, not compressed (1), then up to a whole
        // byte. Before the first of them: a window of 64 KB (0).
        let head = (block.len() - 1) << 3 | 1 << 19;
        let head = if at == 0 { head << 1 } else { head };
        out.extend_from_slice(&head.to_le_bytes()[..3]);
        out.extend_from_slice(block);
    }
    // The last block, which is empty.
    out.push(if out.is_empty() { 0b110 } else { 0b11 });
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Read;

    #[test]
    fn a_stored_stream_is_brotli() {
        for length in [0, 1, 2, 1_400, 65_535, 65_536, 65_537, 131_072, 300_000] {
            let bytes: Vec<u8> = (0..length).map(|at| (at * 7 + at / 251) as u8).collect();
            let mut read = Vec::new();
            brotli_decompressor::Decompressor::new(&*stored(&bytes), 4096).read_to_end(&mut read).expect("brotli");
            assert!(read == bytes, "{length}");
        }
    }
}
