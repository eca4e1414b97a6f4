//! The word that a mistyped one most likely means.

/// The nearest of the known words, if one is near. Case and separators do not count: `fallBack`, `journal_size`.
pub(crate) fn nearest<'a>(word: &str, known: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let plain = |word: &str| word.to_lowercase().replace(['_', '-'], "");
    let given = plain(word);
    known
        .into_iter()
        .map(|known| (strsim::damerau_levenshtein(&plain(known), &given), known))
        .min()
        .filter(|(distance, known)| *distance <= 1 + known.len() / 4)
        .map(|(_, known)| known)
}

/// How a sentence about an unknown word ends: with the word that was meant, if one is near.
pub(crate) fn meant(word: &str, known: &[&str]) -> String {
    nearest(word, known.iter().copied()).map_or_else(|| ".".into(), |near| format!("; did you mean {near:?}?"))
}

#[cfg(test)]
mod tests {
    use super::{meant, nearest};

    #[test]
    fn a_near_word_is_found_a_far_one_is_not() {
        let known = ["fallback", "port", "journalSize"];
        for (given, meant) in
            [("fallBack", "fallback"), ("falback", "fallback"), ("prot", "port"), ("journal_size", "journalSize")]
        {
            assert_eq!(nearest(given, known), Some(meant));
        }
        assert_eq!(nearest("colour", known), None);
        assert_eq!(nearest("x", []), None);
        assert_eq!(meant("prot", &known), "; did you mean \"port\"?");
        assert_eq!(meant("colour", &known), ".");
    }
}
