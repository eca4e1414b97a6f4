//! Embedding vectors: texts that share words are close, and openai-mokku's own algorithm.

use crate::random::{Random, key};
use base64::Engine;
use std::collections::BTreeMap;

/// Words so frequent that sharing them says little.
const FREQUENT: &[&str] = &[
    "a", "an", "and", "are", "as", "at", "be", "by", "do", "for", "from", "how", "i", "in", "is", "it", "of", "on",
    "or", "that", "the", "this", "to", "was", "what", "with", "you",
];

/// Whether a word, in small letters, says little by being shared.
pub(crate) fn is_frequent(word: &str) -> bool {
    FREQUENT.contains(&word)
}

/// A vector of unit length and any width: hashed words and character trigrams, signed and summed, so that texts which
/// share words point in similar directions. The same text gives the same vector, always.
pub(crate) fn semantic(text: &str, dimensions: usize) -> Vec<f64> {
    let lower = text.to_lowercase();
    let mut features: BTreeMap<u64, f32> = BTreeMap::new();
    for word in lower.split(|letter: char| !letter.is_alphanumeric()).filter(|word| !word.is_empty()) {
        let frequent = is_frequent(word);
        *features.entry(key(1, &[word.as_bytes()])).or_default() += if frequent { 0.2 } else { 1.0 };
        if frequent {
            continue;
        }
        let letters: Vec<char> = std::iter::once('^').chain(word.chars()).chain(std::iter::once('$')).collect();
        for three in letters.windows(3) {
            let three: String = three.iter().collect();
            *features.entry(key(2, &[three.as_bytes()])).or_default() += 0.25;
        }
    }
    if features.is_empty() {
        features.insert(key(3, &[lower.as_bytes()]), 1.0);
    }
    project(&features, dimensions)
}

/// Sums a fixed random direction per feature and scales to length 1. Repetition counts with its square root, as a word
/// said four times is not four times the topic. Values are single precision, so float and base64 answers agree.
fn project(features: &BTreeMap<u64, f32>, dimensions: usize) -> Vec<f64> {
    let mut sum = vec![0f32; dimensions];
    for (feature, weight) in features {
        let weight = weight.sqrt();
        let mut direction = Random::new(*feature);
        for value in &mut sum {
            *value += weight * (direction.fraction() as f32 - 0.5);
        }
    }
    let norm = sum.iter().map(|value| f64::from(*value) * f64::from(*value)).sum::<f64>().sqrt();
    if norm == 0.0 {
        return sum.iter().enumerate().map(|(index, _)| if index == 0 { 1.0 } else { 0.0 }).collect();
    }
    sum.iter().map(|value| f64::from((f64::from(*value) / norm) as f32)).collect()
}

/// openai-mokku's vector: a linear congruential generator seeded by the text, values in −1..=1, not of unit length
/// (seeds.md §2.6).
pub(crate) fn mokku(text: &str, dimensions: usize) -> Vec<f64> {
    let mut seed = 0i64;
    for (offset, letter) in text.char_indices() {
        seed = seed
            .wrapping_mul(31)
            .wrapping_add(i64::from(u32::from(letter)))
            .wrapping_add((offset as i64).wrapping_mul(41));
    }
    (0..dimensions)
        .map(|_| {
            seed = seed.wrapping_mul(1_103_515_245).wrapping_add(12_345);
            (seed & 0x7FFF_FFFF) as f64 / 2_147_483_647.0 * 2.0 - 1.0
        })
        .collect()
}

/// `encoding_format: "base64"`: little-endian single precision.
pub(crate) fn base64(vector: &[f64]) -> String {
    let bytes: Vec<u8> = vector.iter().flat_map(|value| (*value as f32).to_le_bytes()).collect();
    base64::engine::general_purpose::STANDARD.encode(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cosine(a: &str, b: &str) -> f64 {
        semantic(a, 1536).iter().zip(semantic(b, 1536)).map(|(a, b)| a * b).sum()
    }

    fn length(vector: &[f64]) -> f64 {
        vector.iter().map(|value| value * value).sum::<f64>().sqrt()
    }

    #[test]
    fn mokkus_published_vectors() {
        let cases: [(&str, &[f64]); 4] = [
            ("hello", &[-0.7831178185451393, 0.49285853164869287, 0.5355323737186997, -0.19942145012292145]),
            ("hello world", &[0.5631494734264675, 0.3365940076003755, 0.07584369605213581]),
            ("", &[-0.999988502822811, 0.31030809754054434]),
            ("héé", &[-0.2882502867319855, -0.1500985543942538]),
        ];
        for (text, expected) in cases {
            assert_eq!(mokku(text, expected.len()), expected, "{text}");
        }
    }

    #[test]
    fn unit_length_at_any_width() {
        for dimensions in [1, 2, 7, 256, 1536, 3072] {
            for text in ["", " ", "hi", "the quick brown fox", "日本語"] {
                let vector = semantic(text, dimensions);
                assert_eq!(vector.len(), dimensions);
                assert!((length(&vector) - 1.0).abs() < 1e-6, "{text} {dimensions}");
            }
        }
        assert!(semantic("hi", 0).is_empty());
    }

    #[test]
    fn shared_words_bring_texts_closer() {
        let near = cosine("The cat sat on the mat", "A cat on a mat");
        let far = cosine("The cat sat on the mat", "Quarterly revenue exceeded forecasts");
        assert!(near > far + 0.3, "{near} {far}");
        assert!(cosine("running shoes", "run shoe") > cosine("running shoes", "tax law") + 0.1);
        assert!((cosine("Same text", "same text") - 1.0).abs() < 1e-6);
    }

    #[test]
    fn base64_is_little_endian_single_precision() {
        assert_eq!(base64(&[1.0, -2.0]), "AACAPwAAAMA=");
    }
}
