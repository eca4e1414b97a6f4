//! Generated sound: one soft tone a word, as long as the word would take to say. For tests the sound must be there, be
//! playable and be the same every time; nobody has to understand it.
//! Formats that need a licensed encoder are silent frames in their own containers, as many as the words take.

use crate::generate::frames;
use crate::wire::error::ApiError;

/// Samples a second, as OpenAI's sound has in every format.
pub(crate) const RATE: u32 = 24_000;
/// Seconds one character takes.
const PACE: f32 = 0.06;
/// Longest sound in seconds, whatever the text: what the longest text that speech takes needs.
const LONGEST: f32 = 300.0;

/// A text as a file of sound in this format, this much faster than usual.
///
/// # Errors
/// Nobody knows the format.
pub(crate) fn speech(text: &str, format: &str, speed: f32) -> Result<Vec<u8>, ApiError> {
    let samples = || samples(text, speed);
    let count = length(text, speed);
    match format {
        "pcm16" | "pcm" => Ok(samples()),
        "wav" => {
            let samples = samples();
            Ok([header(samples.len() as u32), samples].concat())
        }
        "flac" => Ok(frames::flac(&samples())),
        "mp3" => Ok(frames::mp3(count)),
        "aac" => Ok(frames::aac(count)),
        "opus" => Ok(frames::opus(count)),
        other => Err(ApiError::emulator(
            "unknown_audio_format",
            format!(
                "LLEmulator makes sound as mp3, opus, aac, flac, wav and pcm, not as {other}: script `audio` with its `data`."
            ),
        )),
    }
}

/// Samples of each word.
fn words(text: &str, speed: f32) -> impl Iterator<Item = usize> {
    let pace = PACE * RATE as f32 / speed.clamp(0.25, 4.0);
    text.split_whitespace().map(move |word| ((word.chars().count() + 1) as f32 * pace) as usize)
}

/// Samples a text takes; never none, since players refuse empty files.
pub(crate) fn length(text: &str, speed: f32) -> usize {
    let most = (LONGEST * RATE as f32) as usize;
    words(text, speed).fold(0, |sum: usize, word| sum.saturating_add(word)).clamp(RATE as usize / 10, most)
}

fn samples(text: &str, speed: f32) -> Vec<u8> {
    let limit = length(text, speed) * 2;
    let mut out = Vec::with_capacity(limit);
    'words: for (index, length) in words(text, speed).enumerate() {
        let pitch = 180.0 + 20.0 * (index % 5) as f32;
        for sample in 0..length {
            if out.len() >= limit {
                break 'words;
            }
            let at = sample as f32 / length as f32;
            // Rises and falls within the word, so that words can be told apart.
            let loudness = 6000.0 * (std::f32::consts::PI * at).sin();
            let wave = (2.0 * std::f32::consts::PI * pitch * sample as f32 / RATE as f32).sin();
            out.extend_from_slice(&((loudness * wave) as i16).to_le_bytes());
        }
    }
    out.resize(limit, 0);
    out
}

/// The header of a WAV file with one 16-bit channel.
fn header(bytes: u32) -> Vec<u8> {
    let mut out = Vec::with_capacity(44);
    out.extend_from_slice(b"RIFF");
    out.extend_from_slice(&(36 + bytes).to_le_bytes());
    out.extend_from_slice(b"WAVEfmt ");
    out.extend_from_slice(&16u32.to_le_bytes());
    out.extend_from_slice(&1u16.to_le_bytes());
    out.extend_from_slice(&1u16.to_le_bytes());
    out.extend_from_slice(&RATE.to_le_bytes());
    out.extend_from_slice(&(RATE * 2).to_le_bytes());
    out.extend_from_slice(&2u16.to_le_bytes());
    out.extend_from_slice(&16u16.to_le_bytes());
    out.extend_from_slice(b"data");
    out.extend_from_slice(&bytes.to_le_bytes());
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sound_is_a_wav_file_as_long_as_its_words() {
        let wav = speech("one two", "wav", 1.0).expect("sound");
        let bytes = u32::from_le_bytes([wav[40], wav[41], wav[42], wav[43]]) as usize;
        assert_eq!((&wav[..4], wav.len()), (&b"RIFF"[..], bytes + 44));
        assert!((bytes as f32 / 2.0 / RATE as f32 - 8.0 * PACE).abs() < 0.01);
        assert!(speech(&"long ".repeat(5000), "pcm16", 1.0).expect("sound").len() <= (LONGEST as usize) * 48_000);
        let fast = speech("one two", "pcm", 2.0).expect("sound").len();
        assert!((fast as f32 / (bytes as f32 / 2.0) - 1.0).abs() < 0.01, "twice as fast is half as long");
    }

    #[test]
    fn formats_that_nobody_knows_are_refused() {
        assert_eq!(speech("x", "au", 1.0).unwrap_err().code.as_deref(), Some("unknown_audio_format"));
    }
}
