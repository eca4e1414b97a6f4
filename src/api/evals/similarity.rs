//! How alike two texts are, from 0 to 1, by the metrics that graders name.

use crate::budget::{Budget, Spent};
use crate::generate::vectors;
use crate::runtime::aside;
use std::collections::HashMap;

/// Comparisons of two letters or words in one step of the budget.
const COMPARISONS: u64 = 16;

/// Letters in whose time `cosine` goes through one of its own.
const DIRECTIONS: u64 = 16;

/// The likeness of a text to a reference.
///
/// # Errors
/// Finding out takes more than the budget has.
pub(super) fn similarity(metric: &str, text: &str, reference: &str, budget: &Budget) -> Result<f64, Spent> {
    let steps = steps(metric, text, reference);
    budget.spend(steps).map_err(|spent| spent.at(|| "Comparing texts of this length".into(), "grader"))?;
    Ok(aside(usize::try_from(steps).unwrap_or(usize::MAX), || likeness(metric, text, reference)))
}

/// What a comparison costs.
fn steps(metric: &str, text: &str, reference: &str) -> u64 {
    let [said, meant] = [text, reference].map(|text| text.chars().count() as u64);
    // Their words are cut and counted.
    let letters = said + meant;
    let most = COMPARED as u64;
    letters
        + match metric {
            "fuzzy_match" => said.saturating_mul(meant) / COMPARISONS,
            "rouge_l" => said.min(most) * meant.min(most) / COMPARISONS,
            "cosine" => letters * DIRECTIONS,
            _ => 0,
        }
}

fn likeness(metric: &str, text: &str, reference: &str) -> f64 {
    let (said, meant) = (words(text), words(reference));
    let value = match metric {
        "fuzzy_match" => strsim::normalized_levenshtein(text, reference),
        "cosine" => {
            let (one, other) = (vectors::semantic(text, 256), vectors::semantic(reference, 256));
            one.iter().zip(&other).map(|(one, other)| one * other).sum()
        }
        "bleu" => bleu(&said, &meant),
        "gleu" => gleu(&said, &meant),
        "meteor" => meteor(&said, &meant),
        "rouge_l" => f1(longest(&said, &meant) as f64, said.len(), meant.len()),
        rouge => {
            // Runs of any length would be as much work as their length times that of the text.
            let size = rouge.strip_prefix("rouge_").and_then(|size| size.parse().ok());
            let size = size.filter(|size| (1..=5).contains(size)).unwrap_or(1);
            let grams = |words: &[String]| words.len().saturating_sub(size - 1);
            f1(common(&said, &meant, size) as f64, grams(&said), grams(&meant))
        }
    };
    value.clamp(0.0, 1.0)
}

fn words(text: &str) -> Vec<String> {
    text.split(|letter: char| !letter.is_alphanumeric())
        .filter(|word| !word.is_empty())
        .map(str::to_lowercase)
        .collect()
}

/// How many runs of so many words two texts share.
fn common(said: &[String], meant: &[String], size: usize) -> usize {
    let mut counts: HashMap<&[String], usize> = HashMap::new();
    meant.windows(size.max(1)).for_each(|run| *counts.entry(run).or_default() += 1);
    let shared = |run: &&[String]| match counts.get_mut(*run) {
        Some(left) if *left > 0 => {
            *left -= 1;
            true
        }
        _ => false,
    };
    said.windows(size.max(1)).filter(shared).count()
}

/// The harmonic mean of precision and recall.
fn f1(shared: f64, said: usize, meant: usize) -> f64 {
    if said + meant == 0 { 1.0 } else { 2.0 * shared / (said + meant) as f64 }
}

/// The geometric mean of the precision of runs of one to four words, and a penalty for brevity.
fn bleu(said: &[String], meant: &[String]) -> f64 {
    let most = 4.min(said.len()).min(meant.len());
    if most == 0 {
        return if said.len() == meant.len() { 1.0 } else { 0.0 };
    }
    let log = |size: usize| {
        let shared = common(said, meant, size) as f64;
        // No shared run counts as half of one, so that short texts are not all alike.
        (if shared == 0.0 { 0.5 } else { shared } / (said.len() + 1 - size) as f64).ln()
    };
    if common(said, meant, 1) == 0 {
        return 0.0;
    }
    let brevity = (1.0 - meant.len() as f64 / said.len() as f64).min(0.0).exp();
    brevity * ((1..=most).map(log).sum::<f64>() / most as f64).exp()
}

/// The lesser of precision and recall of all runs of one to four words.
fn gleu(said: &[String], meant: &[String]) -> f64 {
    let all = |words: &[String]| (1..=4).map(|size| (words.len() + 1).saturating_sub(size)).sum::<usize>();
    let most = all(said).max(all(meant));
    let shared: usize = (1..=4).map(|size| common(said, meant, size)).sum();
    if most == 0 { 1.0 } else { shared as f64 / most as f64 }
}

/// Recall counts nine times as much as precision; words out of order cost up to a half.
fn meteor(said: &[String], meant: &[String]) -> f64 {
    let shared = common(said, meant, 1) as f64;
    if shared == 0.0 {
        return if said.is_empty() && meant.is_empty() { 1.0 } else { 0.0 };
    }
    let (precision, recall) = (shared / said.len() as f64, shared / meant.len() as f64);
    let mean = 10.0 * precision * recall / (recall + 9.0 * precision);
    let chunks = (shared - common(said, meant, 2) as f64).max(1.0);
    let penalty = if chunks <= 1.0 { 0.0 } else { 0.5 * (chunks / shared).powi(3) };
    mean * (1.0 - penalty)
}

/// Words that are compared for the longest common subsequence: it takes time and space by the square.
const COMPARED: usize = 2_000;

/// The length of the longest common subsequence.
fn longest<'a>(said: &'a [String], meant: &'a [String]) -> usize {
    // By number, so that comparing two takes no longer when they are long.
    let mut numbers = HashMap::new();
    let mut number = |words: &'a [String]| -> Vec<usize> {
        let numbered = words.iter().take(COMPARED).map(|word| {
            let next = numbers.len();
            *numbers.entry(word).or_insert(next)
        });
        numbered.collect()
    };
    let (said, meant) = (number(said), number(meant));
    let mut row = vec![0; meant.len() + 1];
    for word in &said {
        let mut diagonal = 0;
        for (at, other) in meant.iter().enumerate() {
            let above = row[at + 1];
            row[at + 1] = if word == other { diagonal + 1 } else { above.max(row[at]) };
            diagonal = above;
        }
    }
    row[meant.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    fn similarity(metric: &str, text: &str, reference: &str) -> f64 {
        super::similarity(metric, text, reference, &Budget::default()).expect("they are short")
    }

    const METRICS: &[&str] = &[
        "fuzzy_match",
        "cosine",
        "bleu",
        "gleu",
        "meteor",
        "rouge_1",
        "rouge_2",
        "rouge_3",
        "rouge_4",
        "rouge_5",
        "rouge_l",
    ];

    #[test]
    fn equal_texts_are_alike_and_others_less_so() {
        let reference = "the quick brown fox jumps over the lazy dog";
        let near = "the quick brown fox jumps over a sleepy dog";
        for metric in METRICS {
            let score = |text: &str| similarity(metric, text, reference);
            assert!(score(reference) > 0.999, "{metric}: {}", score(reference));
            assert!(score(near) < score(reference) && score(near) > score("zebras eat grass"), "{metric}");
            assert!((0.0..=1.0).contains(&score("")), "{metric}");
            assert!(similarity(metric, "", "").is_finite(), "{metric}");
        }
    }

    #[test]
    fn rouge_is_the_mean_of_precision_and_recall() {
        assert_eq!(similarity("rouge_1", "a b c d", "a b x"), 4.0 / 7.0);
        assert_eq!(similarity("rouge_l", "a x b y", "a b"), 4.0 / 6.0);
        assert_eq!(similarity("rouge_2", "a b c", "a b d"), 0.5);
    }

    #[test]
    fn rouge_has_no_other_runs_than_the_api_knows() {
        for metric in ["rouge_0", "rouge_6", "rouge_99999999", "rouge_x", "other"] {
            assert_eq!(similarity(metric, "a b c d", "a b x"), similarity("rouge_1", "a b c d", "a b x"), "{metric}");
        }
    }

    #[test]
    fn comparing_draws_from_the_budget() {
        let long = "long text ".repeat(30_000);
        for metric in METRICS {
            let budget = Budget::default();
            let (all, done) = (budget.left(), super::similarity(metric, &long[..2_000], &long[..2_000], &budget));
            assert!(done.is_ok() && budget.left() < all, "{metric}");
            let poor = Budget::of(all - budget.left() - 1);
            assert!(super::similarity(metric, &long[..2_000], &long[..2_000], &poor).is_err(), "{metric}");
            // What is needed is known before anything is done.
            if *metric == "fuzzy_match" {
                let refused = super::similarity(metric, &long, &long, &Budget::default()).expect_err("by the square");
                let refused = refused.to_api_error();
                assert_eq!((refused.status, refused.code.as_deref()), (400, Some("schema_too_complex")));
            }
        }
        // What takes no more than the text's length, or looks at no more than its beginning, takes long texts.
        for metric in ["bleu", "gleu", "meteor", "rouge_1", "rouge_5", "rouge_l"] {
            assert!(super::similarity(metric, &long, &long, &Budget::default()).is_ok(), "{metric}");
        }
    }
}
