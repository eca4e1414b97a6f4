//! How long a file of sound is, by the heads of its container.

use crate::wire::form::FormFile;

/// Bytes looked at, from the beginning and before the end.
const LOOKED_AT: u64 = 64 * 1024;
/// Bytes of a second, where the file does not say: 128 kbit.
const USUAL: f64 = 16_000.0;

/// Seconds of a file, as its container says; of one we do not read, by its size.
pub(super) fn of(file: &FormFile) -> f64 {
    // Its beginning and its end, which are the same of a short one.
    let ends = file
        .stretch(0, LOOKED_AT)
        .and_then(|head| Ok((head, file.stretch(file.len.saturating_sub(LOOKED_AT), LOOKED_AT)?)));
    let said = ends.ok().and_then(|(head, tail)| said(&head, &tail, file.len));
    said.filter(|seconds| seconds.is_finite()).unwrap_or(file.len as f64 / USUAL)
}

fn said(head: &[u8], tail: &[u8], whole: u64) -> Option<f64> {
    let framed = || frames(head, whole, adts).or_else(|| frames(head, whole, mp3));
    wav(head, whole).or_else(|| flac(head)).or_else(|| ogg(head, tail)).or_else(|| mp4(head, tail)).or_else(framed)
}

/// The bytes at a place, as many as are asked.
fn bytes<const N: usize>(of: &[u8], at: usize) -> Option<[u8; N]> {
    of.get(at..at.checked_add(N)?)?.try_into().ok()
}

fn number(of: &[u8], at: usize) -> Option<u32> {
    bytes(of, at).map(u32::from_le_bytes)
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
    let facts = u64::from_be_bytes(bytes(head.strip_prefix(b"fLaC")?, 14)?);
    let (rate, samples) = (facts >> 44, facts & 0xf_ffff_ffff);
    (rate > 0 && samples > 0).then(|| samples as f64 / rate as f64)
}

/// By the position of the last page, in samples: of Opus at 48 kHz, of Vorbis at the rate its head names.
fn ogg(head: &[u8], tail: &[u8]) -> Option<f64> {
    if !head.starts_with(b"OggS") {
        return None;
    }
    let mut pages = (0..tail.len()).rev().filter(|at| tail.get(*at..).is_some_and(|rest| rest.starts_with(b"OggS")));
    let last =
        pages.find_map(|at| bytes(tail, at + 6).map(u64::from_le_bytes).filter(|position| *position != u64::MAX))?;
    let (skipped, rate) = match (find(head, b"OpusHead"), find(head, b"\x01vorbis")) {
        (Some(at), _) => (u64::from(u16::from_le_bytes(bytes(head, at + 10)?)), 48_000),
        (_, Some(at)) => (0, number(head, at + 12)?),
        _ => return None,
    };
    (rate > 0).then(|| last.saturating_sub(skipped) as f64 / f64::from(rate))
}

/// By `mvhd`, which stands before the sound or after it.
fn mp4(head: &[u8], tail: &[u8]) -> Option<f64> {
    if head.get(4..8)? != b"ftyp" {
        return None;
    }
    let (of, at) = [head, tail].into_iter().find_map(|part| Some((part, find(part, b"mvhd")? + 4)))?;
    let (rate, length) = match of.get(at)? {
        0 => (bytes(of, at + 12), u64::from(u32::from_be_bytes(bytes(of, at + 16)?))),
        _ => (bytes(of, at + 20), u64::from_be_bytes(bytes(of, at + 24)?)),
    };
    let rate = u32::from_be_bytes(rate?);
    (rate > 0).then(|| length as f64 / f64::from(rate))
}

fn find(within: &[u8], what: &[u8]) -> Option<usize> {
    within.windows(what.len()).position(|there| there == what)
}

/// By the frames at the beginning, and as many as that of the rest. `frame` reads one: its bytes and its seconds.
fn frames(head: &[u8], whole: u64, frame: fn(&[u8]) -> Option<(usize, f64)>) -> Option<f64> {
    // Titles and covers may come before them.
    let tag = match head.starts_with(b"ID3") {
        true => 10 + bytes::<4>(head, 6)?.iter().fold(0, |size, seven| size << 7 | usize::from(seven & 127)),
        false => 0,
    };
    let (mut at, mut seconds) = (tag, 0.0);
    while let Some((size, lasts)) = head.get(at..).and_then(frame) {
        at += size;
        seconds += lasts;
    }
    (at > tag).then(|| seconds * whole.saturating_sub(tag as u64) as f64 / (at - tag) as f64)
}

/// A frame of AAC in ADTS.
fn adts(at: &[u8]) -> Option<(usize, f64)> {
    const RATES: [u32; 13] =
        [96_000, 88_200, 64_000, 48_000, 44_100, 32_000, 24_000, 22_050, 16_000, 12_000, 11_025, 8_000, 7_350];
    let head: [u8; 7] = bytes(at, 0)?;
    if head[0] != 0xff || head[1] & 0xf6 != 0xf0 {
        return None;
    }
    let rate = *RATES.get(usize::from(head[2] >> 2 & 15))?;
    let size = usize::from(head[3] & 3) << 11 | usize::from(head[4]) << 3 | usize::from(head[5] >> 5);
    (size >= head.len()).then(|| (size, 1024.0 * f64::from((head[6] & 3) + 1) / f64::from(rate)))
}

/// A frame of MPEG layer III.
fn mp3(at: &[u8]) -> Option<(usize, f64)> {
    /// Bits of a second by eight thousands.
    const FIRST: [u32; 15] = [0, 4, 5, 6, 7, 8, 10, 12, 14, 16, 20, 24, 28, 32, 40];
    const SECOND: [u32; 15] = [0, 1, 2, 3, 4, 5, 6, 7, 8, 10, 12, 14, 16, 18, 20];
    let head: [u8; 4] = bytes(at, 0)?;
    if head[0] != 0xff || head[1] & 0xe6 != 0xe2 {
        return None;
    }
    // MPEG-1; else the second, or the half of it that is called 2.5.
    let (samples, rates, halves) = match head[1] >> 3 & 3 {
        3 => (1152, FIRST, 1),
        2 => (576, SECOND, 2),
        0 => (576, SECOND, 4),
        _ => return None,
    };
    let rate = [44_100, 48_000, 32_000].get(usize::from(head[2] >> 2 & 3))? / halves;
    let bits = rates.get(usize::from(head[2] >> 4))? * 8_000;
    let size = samples / 8 * bits / rate + u32::from(head[2] >> 1 & 1);
    (bits > 0).then(|| (size as usize, f64::from(samples) / f64::from(rate)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::generate::frames as made;
    use crate::generate::sound::RATE;

    #[test]
    fn containers_say_how_long_they_are() {
        let second = RATE as usize;
        let mut mvhd = b"\0\0\0\x20ftypM4A \0\0\0\0....moovmvhd".to_vec();
        mvhd.extend([[0; 4], [0; 4], [0; 4], 1_000u32.to_be_bytes(), 2_500u32.to_be_bytes()].concat());
        let mut tagged = b"ID3\x04\0\0\0\0\x01\x02".to_vec();
        tagged.extend([vec![0; 130], made::mp3(second * 3)].concat());
        for (bytes, seconds) in [
            (made::mp3(second * 3), 3.0),
            (tagged, 3.0),
            (made::aac(second * 3), 3.0),
            (made::opus(second * 3), 3.0),
            (made::flac(&vec![0; second * 6]), 3.0),
            (mvhd, 2.5),
        ] {
            let said = said(&bytes, &bytes, bytes.len() as u64).expect("seconds");
            assert!((said - seconds).abs() < 0.1, "{said} {seconds}");
            // Most of it was not looked at.
            if let Some(longer) = bytes.starts_with(&[0xff]).then(|| bytes.len() as u64 * 100) {
                let said = super::said(&bytes, b"", longer).expect("seconds");
                assert!((said - 100.0 * seconds).abs() < 10.0, "{said}");
            }
        }
        for nothing in [&b""[..], b"hello", b"\xff\xff\xff\xff\xff\xff\xff", b"OggS", b"ID3", b"....ftyp"] {
            assert_eq!(said(nothing, nothing, 100), None);
        }
    }
}
