//! Generated sound: one soft tone a word, as long as the word would take to say. For tests the sound must be there, be
//! playable and be the same every time; nobody has to understand it.

use crate::wire::error::ApiError;

/// Samples a second, as OpenAI's `pcm16` and `wav` have.
const RATE: u32 = 24_000;
/// Seconds one character takes.
const PACE: f32 = 0.06;
/// Longest sound in seconds, whatever the text.
const LONGEST: f32 = 30.0;

/// A text as sound in this format: 16-bit mono samples, with a header for `wav`.
///
/// # Errors
/// For formats that need an encoder; a scripted `audio` with its own `data` has any format.
pub(crate) fn speech(text: &str, format: &str) -> Result<Vec<u8>, ApiError> {
    let samples = samples(text);
    match format {
        "pcm16" | "pcm" => Ok(samples),
        "wav" => Ok([header(samples.len() as u32), samples].concat()),
        other => Err(ApiError::emulator(
            "audio_format_not_built",
            format!(
                "LLEmulator makes sound as wav and pcm16, not as {other}: ask for one of these, or script `audio` with its `data`."
            ),
        )),
    }
}

fn samples(text: &str) -> Vec<u8> {
    let mut out = Vec::new();
    let limit = (LONGEST * RATE as f32) as usize * 2;
    for (index, word) in text.split_whitespace().enumerate() {
        let length = ((word.chars().count() + 1) as f32 * PACE * RATE as f32) as usize;
        let pitch = 180.0 + 20.0 * (index % 5) as f32;
        for sample in 0..length {
            if out.len() >= limit {
                return out;
            }
            let at = sample as f32 / length as f32;
            // Rises and falls within the word, so that words can be told apart.
            let loudness = 6000.0 * (std::f32::consts::PI * at).sin();
            let wave = (2.0 * std::f32::consts::PI * pitch * sample as f32 / RATE as f32).sin();
            out.extend_from_slice(&((loudness * wave) as i16).to_le_bytes());
        }
    }
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
        let wav = speech("one two", "wav").expect("sound");
        let bytes = u32::from_le_bytes([wav[40], wav[41], wav[42], wav[43]]) as usize;
        assert_eq!((&wav[..4], wav.len()), (&b"RIFF"[..], bytes + 44));
        assert!((bytes as f32 / 2.0 / RATE as f32 - 8.0 * PACE).abs() < 0.01);
        assert!(speech(&"long ".repeat(1000), "pcm16").expect("sound").len() <= (LONGEST as usize) * 48_000);
    }

    #[test]
    fn formats_that_need_an_encoder_are_refused() {
        assert_eq!(speech("x", "mp3").unwrap_err().code.as_deref(), Some("audio_format_not_built"));
    }
}
