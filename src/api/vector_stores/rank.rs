//! Which passages answer a query best: words by BM25, and the emulator's vectors, which bring close what shares beginnings
//! of words.

use crate::generate::vectors;
use crate::sorting;
use bm25::{EmbedderBuilder, Scorer, Tokenizer};
use serde_json::{Value, json};

/// Passages that are compared by vectors: the best by words.
const COMPARED: usize = 64;

/// Numbers of a vector. Few suffice to tell texts of one store apart.
const DIMENSIONS: usize = 128;

/// A passage of a file in a vector store.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Passage {
    pub store: String,
    pub file: String,
    pub filename: String,
    pub attributes: Value,
    pub text: String,
}

/// What is asked of passages.
#[derive(Debug, Clone)]
pub(super) struct RankedQuery {
    pub text: String,
    pub most: usize,
    /// Scores below are left out.
    pub threshold: f64,
    /// What vectors and words count.
    pub weights: (f64, f64),
}

impl RankedQuery {
    /// A query with the options that a search and a `file_search` tool share; `usual` results unless it says so.
    pub(super) fn of(text: String, options: &Value, usual: usize) -> Self {
        let ranking = &options["ranking_options"];
        let weight = |name: &str| ranking["hybrid_search"][name].as_f64();
        let most = options["max_num_results"].as_u64().and_then(|most| usize::try_from(most).ok());
        RankedQuery {
            text,
            most: most.unwrap_or(usual),
            threshold: ranking["score_threshold"].as_f64().unwrap_or(0.0),
            weights: (weight("embedding_weight").unwrap_or(1.0), weight("text_weight").unwrap_or(1.0)),
        }
    }
}

/// Words in small letters, those that say little left out.
struct PassageWords;

impl Tokenizer for PassageWords {
    fn tokenize(&self, text: &str) -> Vec<String> {
        words(text).collect()
    }
}

/// The words of a text that say something.
pub(super) fn words(text: &str) -> impl Iterator<Item = String> {
    let words = text.split(|letter: char| !letter.is_alphanumeric()).filter(|word| !word.is_empty());
    words.map(str::to_lowercase).filter(|word| !vectors::is_frequent(word)).map(|word| match word.strip_suffix('s') {
        Some(one) if one.len() > 2 => one.to_string(),
        _ => word,
    })
}

/// The passages that answer a query, the best first, with their scores from 0 to 1.
pub(super) fn rank<'a>(passages: &'a [Passage], query: &RankedQuery) -> Vec<(&'a Passage, f64)> {
    if passages.is_empty() {
        return Vec::new();
    }
    let texts: Vec<&str> = passages.iter().map(|passage| passage.text.as_str()).collect();
    let embedder = EmbedderBuilder::<u32, PassageWords>::with_tokenizer_and_fit_to_corpus(PassageWords, &texts).build();
    let mut scorer = Scorer::<usize, u32>::new();
    for (at, text) in texts.iter().enumerate() {
        scorer.upsert(&at, embedder.embed(text));
    }
    let asked = embedder.embed(&query.text);
    let mut by_words: Vec<(usize, f64)> =
        (0..texts.len()).map(|at| (at, f64::from(scorer.score(&at, &asked).unwrap_or(0.0)))).collect();
    // Equal ones stay in the order of their files.
    sorting::by(&mut by_words, |one, other| other.1.total_cmp(&one.1));
    by_words.truncate(COMPARED.max(query.most));
    let direction = vectors::semantic(&query.text, DIMENSIONS);
    let (vector_weight, word_weight) = query.weights;
    let sum = (vector_weight + word_weight).max(f64::MIN_POSITIVE);
    let mut ranked: Vec<(&Passage, f64)> = by_words
        .into_iter()
        .map(|(at, score)| {
            let own = vectors::semantic(texts[at], DIMENSIONS);
            let near = own.iter().zip(&direction).map(|(one, other)| one * other).sum::<f64>().clamp(0.0, 1.0);
            let score = (vector_weight * near + word_weight * score / (score + 1.0)) / sum;
            (&passages[at], (score * 10_000.0).round() / 10_000.0)
        })
        .filter(|(_, score)| *score > 0.0 && *score >= query.threshold)
        .collect();
    sorting::by(&mut ranked, |one, other| other.1.total_cmp(&one.1));
    ranked.truncate(query.most);
    ranked
}

/// A result of the `file_search` tool (recording 297ba49fb08a3b37).
pub(super) fn result(passage: &Passage, score: f64) -> Value {
    json!({"attributes": passage.attributes, "file_id": passage.file, "filename": passage.filename, "score": score,
        "text": passage.text, "vector_store_id": passage.store})
}

#[cfg(test)]
mod tests {
    use super::*;

    fn passages(texts: &[&str]) -> Vec<Passage> {
        let passage = |(at, text): (usize, &&str)| Passage {
            store: "vs_1".into(),
            file: format!("file-{at}"),
            filename: format!("{at}.txt"),
            attributes: json!({}),
            text: text.to_string(),
        };
        texts.iter().enumerate().map(passage).collect()
    }

    fn best(texts: &[&str], query: &str, options: &Value) -> Vec<String> {
        let passages = passages(texts);
        let ranked = rank(&passages, &RankedQuery::of(query.into(), options, 10));
        assert!(ranked.iter().all(|(_, score)| (0.0..=1.0).contains(score)), "{ranked:?}");
        ranked.into_iter().map(|(passage, _)| passage.file.clone()).collect()
    }

    const TEXTS: &[&str] = &[
        "Our return policy: goods may be returned within 30 days of the purchase.",
        "The lighthouse keeper climbs the stairs every evening and lights the lamp.",
        "Shipping takes three days. Shipping abroad takes two weeks, and shipping is free above 50 euros.",
        "Employees accrue vacation days monthly; unused vacation may be carried over.",
    ];

    #[test]
    fn what_answers_the_query_comes_first() {
        for (query, expected) in [
            ("How long does shipping take?", 2),
            ("What is the return policy?", 0),
            ("Who climbs the lighthouse?", 1),
            ("vacations of an employee", 3),
            ("returning goods", 0),
        ] {
            assert_eq!(best(TEXTS, query, &json!({}))[0], format!("file-{expected}"), "{query}");
        }
    }

    #[test]
    fn results_are_as_many_and_as_good_as_asked() {
        assert_eq!(best(TEXTS, "shipping", &json!({"max_num_results": 1})).len(), 1);
        let strict = json!({"ranking_options": {"score_threshold": 0.3}});
        assert_eq!(best(TEXTS, "shipping", &strict), ["file-2"]);
        assert_eq!(best(&[], "shipping", &json!({})), [""; 0]);
        let only_words = json!({"ranking_options": {"hybrid_search": {"embedding_weight": 0, "text_weight": 1}}});
        assert_eq!(best(TEXTS, "shipping", &only_words), ["file-2"]);
    }
}
