//! Sound in the frames of its file formats, at 24 kHz with one channel. FLAC holds the samples as they are; MP3, AAC and
//! Opus hold silence of the right length, since their encoders are under licences we do not take.

use crate::generate::sound::RATE;

/// MPEG-2 layer III, 128 kbit/s, as production sends (recording bd34ab7ab3561ce9): a frame without any main data is silent.
pub(crate) fn mp3(samples: usize) -> Vec<u8> {
    const HEAD: [u8; 4] = [0xff, 0xf3, 0xc4, 0xc4];
    const SAMPLES: usize = 576;
    const SIZE: usize = 384;
    let mut out = vec![0; samples.div_ceil(SAMPLES) * SIZE];
    out.chunks_exact_mut(SIZE).for_each(|frame| frame[..HEAD.len()].copy_from_slice(&HEAD));
    out
}

/// AAC-LC in ADTS: one channel without bands, and the end.
pub(crate) fn aac(samples: usize) -> Vec<u8> {
    const FRAME: [u8; 11] = [0xff, 0xf1, 0x58, 0x40, 0x01, 0x7f, 0xfc, 0x00, 0x00, 0x00, 0x07];
    FRAME.repeat(samples.div_ceil(1024))
}

/// Opus in Ogg: 20 ms of silence a packet, a second a page.
pub(crate) fn opus(samples: usize) -> Vec<u8> {
    const SILENCE: [u8; 3] = [0xf8, 0xff, 0xfe];
    /// Samples of a packet at 48 kHz, at which Opus counts whatever the rate.
    const PACKET: u64 = 960;
    const SKIPPED: u16 = 312;
    let mut head = b"OpusHead\x01\x01".to_vec();
    head.extend_from_slice(&SKIPPED.to_le_bytes());
    head.extend_from_slice(&RATE.to_le_bytes());
    head.extend_from_slice(&[0, 0, 0]);
    let mut tags = b"OpusTags".to_vec();
    tags.extend_from_slice(&11u32.to_le_bytes());
    tags.extend_from_slice(b"llemulator\0");
    tags.extend_from_slice(&0u32.to_le_bytes());
    let mut out = Vec::new();
    page(&mut out, 2, 0, 0, &[&head]);
    page(&mut out, 0, 0, 1, &[&tags]);
    let packets = samples.div_ceil(RATE as usize / 50).max(1);
    let (mut left, mut done, mut number) = (packets, 0, 2);
    while left > 0 {
        let here = left.min(50);
        left -= here;
        done += here as u64 * PACKET;
        page(&mut out, if left == 0 { 4 } else { 0 }, done, number, &vec![&SILENCE[..]; here]);
        number += 1;
    }
    out
}

/// Writes a page of Ogg; no packet is longer than 254 bytes.
fn page(out: &mut Vec<u8>, flags: u8, position: u64, number: u32, packets: &[&[u8]]) {
    let start = out.len();
    out.extend_from_slice(b"OggS\0");
    out.push(flags);
    out.extend_from_slice(&position.to_le_bytes());
    out.extend_from_slice(b"LLEM");
    out.extend_from_slice(&number.to_le_bytes());
    out.extend_from_slice(&[0; 4]);
    out.push(packets.len() as u8);
    out.extend(packets.iter().map(|packet| packet.len() as u8));
    packets.iter().for_each(|packet| out.extend_from_slice(packet));
    let sum = out[start..].iter().fold(0u32, |sum, byte| remainder(sum, *byte, 32, 0x04c1_1db7));
    out[start + 22..start + 26].copy_from_slice(&sum.to_le_bytes());
}

/// FLAC, with the samples of 16 bits as they are.
pub(crate) fn flac(samples: &[u8]) -> Vec<u8> {
    const BLOCK: usize = 4096;
    let mut out = b"fLaC\x80\x00\x00\x22".to_vec();
    let block = (BLOCK as u16).to_be_bytes();
    out.extend_from_slice(&[block[0], block[1], block[0], block[1], 0, 0, 0, 0, 0, 0]);
    // Rate of 20 bits, channels - 1 of 3, bits - 1 of 5, samples of 36.
    let facts = u64::from(RATE) << 44 | 15 << 36 | (samples.len() / 2) as u64;
    out.extend_from_slice(&facts.to_be_bytes());
    out.extend_from_slice(&[0; 16]);
    for (number, block) in samples.chunks(BLOCK * 2).enumerate() {
        let start = out.len();
        let count = block.len() / 2;
        // The size of the block follows the number; 24 kHz, one channel, 16 bits.
        out.extend_from_slice(&[0xff, 0xf8, 0x77, 0x08]);
        let mut letter = [0; 4];
        // Numbers are written as UTF-8 writes letters; no sound has as many frames as there are surrogates.
        out.extend_from_slice(char::from_u32(number as u32).unwrap_or_default().encode_utf8(&mut letter).as_bytes());
        out.extend_from_slice(&(count.saturating_sub(1) as u16).to_be_bytes());
        let sum = out[start..].iter().fold(0, |sum, byte| remainder(sum, *byte, 8, 0x07));
        out.push(sum as u8);
        out.push(0x02);
        block.chunks_exact(2).for_each(|sample| out.extend_from_slice(&[sample[1], sample[0]]));
        let sum = out[start..].iter().fold(0, |sum, byte| remainder(sum, *byte, 16, 0x8005));
        out.extend_from_slice(&(sum as u16).to_be_bytes());
    }
    out
}

/// One byte further in a cyclic redundancy check of so many bits.
fn remainder(sum: u32, byte: u8, bits: u32, polynomial: u32) -> u32 {
    let mask = u32::MAX >> (32 - bits);
    let step = |sum: u32, _| {
        let shifted = (sum << 1) & mask;
        if sum >> (bits - 1) & 1 == 1 { shifted ^ polynomial } else { shifted }
    };
    (0..8).fold(sum ^ u32::from(byte) << (bits - 8), step)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A second of some samples.
    fn second() -> Vec<u8> {
        (0..RATE).flat_map(|number| (number as i16).to_le_bytes()).collect()
    }

    #[test]
    fn checks_are_those_of_the_catalogue() {
        let of = |bits, polynomial| b"123456789".iter().fold(0, |sum, byte| remainder(sum, *byte, bits, polynomial));
        // CRC-8/SMBUS, CRC-16/UMTS, and CRC-32 as Ogg counts it, from 0 and not inverted.
        assert_eq!((of(8, 0x07), of(16, 0x8005), of(32, 0x04c1_1db7)), (0xf4, 0xfee8, 0x89a1_897f));
    }

    #[test]
    fn frames_are_as_many_as_the_samples_take() {
        let samples = RATE as usize;
        let mp3 = mp3(samples);
        assert!(mp3.chunks(384).all(|frame| frame.starts_with(&[0xff, 0xf3])) && mp3.len() / 384 == 42);
        assert!(aac(samples).chunks(11).all(|frame| frame.starts_with(&[0xff, 0xf1])) && aac(samples).len() / 11 == 24);
        let opus = opus(samples * 3 / 2);
        let pages: Vec<usize> = (0..opus.len() - 3).filter(|at| &opus[*at..at + 4] == b"OggS").collect();
        let last = pages.last().expect("pages");
        let position = u64::from_le_bytes(opus[last + 6..last + 14].try_into().expect("eight bytes"));
        assert_eq!((pages.len(), opus[last + 5], position), (4, 4, 72_000));
    }

    #[test]
    fn flac_holds_the_samples() {
        let flac = flac(&second());
        assert_eq!(flac.len(), 42 + second().len() + 6 * (4 + 1 + 2 + 1 + 1 + 2));
        // The last of the first frame's 4096 samples, and the next frame.
        let after = 42 + 9 + 8192 + 2;
        assert_eq!(
            (&flac[after - 4..after - 2], &flac[after..after + 2]),
            (&4095i16.to_be_bytes()[..], &[0xff, 0xf8][..])
        );
    }
}
