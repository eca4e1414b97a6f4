//! How long a file of sound is, by the heads of its container.

use crate::wire::form::FormFile;
use std::io::Read;

/// Bytes looked at, from the beginning.
const HEAD: u64 = 64 * 1024;
/// Bytes of a second, where the file does not say: 128 kbit.
const USUAL: f64 = 16_000.0;

/// Seconds of a file: as a WAV or FLAC says, else by its size.
pub(super) fn of(file: &FormFile) -> f64 {
    let mut head = Vec::new();
    let read = file.reader().take(HEAD).read_to_end(&mut head);
    let said = read.ok().and_then(|_| wav(&head, file.len).or_else(|| flac(&head)));
    said.filter(|seconds| seconds.is_finite()).unwrap_or(file.len as f64 / USUAL)
}

fn number(bytes: &[u8], at: usize) -> Option<u32> {
    bytes.get(at..at + 4).and_then(|four| four.try_into().ok()).map(u32::from_le_bytes)
}

/// By the bytes of a second that `fmt` names, and the bytes of `data`, which streams leave open.
fn wav(head: &[u8], whole: u64) -> Option<f64> {
    if !head.starts_with(b"RIFF") || head.get(8..12)? != b"WAVE" {
        return None;
    }
    let (mut at, mut rate) = (12, 0);
    loop {
        let (name, size) = (head.get(at..at + 4)?, number(head, at + 4)?);
        match name {
            b"fmt " => rate = number(head, at + 16)?,
            b"data" => {
                let there = u64::from(size).min(whole.saturating_sub(at as u64 + 8));
                return (rate > 0).then(|| there as f64 / f64::from(rate));
            }
            _ => {}
        }
        at = at.checked_add(8)?.checked_add(size as usize)?.checked_add(size as usize & 1)?;
    }
}

/// By the samples and the rate of STREAMINFO, which comes first.
fn flac(head: &[u8]) -> Option<f64> {
    let facts = head.strip_prefix(b"fLaC")?.get(14..22)?;
    let facts = u64::from_be_bytes(facts.try_into().ok()?);
    let (rate, samples) = (facts >> 44, facts & 0xf_ffff_ffff);
    (rate > 0 && samples > 0).then(|| samples as f64 / rate as f64)
}
