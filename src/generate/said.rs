//! What the user said, taken apart: the words that generated values are drawn from.

use crate::random::Random;
use std::collections::HashSet;

/// Words that carry no topic.
const SMALL: &[&str] = &[
    "a", "about", "all", "an", "and", "any", "are", "as", "at", "be", "but", "by", "can", "could", "do", "does", "for",
    "from", "get", "give", "has", "have", "how", "i", "in", "into", "is", "it", "its", "let", "like", "make", "me",
    "my", "need", "now", "of", "on", "or", "our", "please", "show", "some", "tell", "that", "the", "their", "them",
    "there", "these", "this", "to", "us", "use", "want", "was", "we", "what", "when", "where", "which", "who", "will",
    "with", "would", "you", "your",
];

/// Bytes of a text that are looked at; who says more repeats himself.
const HEARD: usize = 10_000;

/// The user's text and what was found in it, in order.
#[derive(Debug, Clone, Default)]
pub(crate) struct UserText {
    pub text: String,
    /// Its beginning in lower case.
    pub lower: String,
    /// Capitalised words inside a sentence, neighbours joined: "Oslo", "New York".
    pub names: Vec<String>,
    pub numbers: Vec<f64>,
    /// Words with a topic, lower case.
    pub topics: Vec<String>,
    pub emails: Vec<String>,
    pub urls: Vec<String>,
    /// `YYYY-MM-DD`.
    pub dates: Vec<String>,
}

impl UserText {
    /// Takes a text apart.
    pub(crate) fn of(text: &str) -> Self {
        let heard = beginning(text);
        let mut said = UserText { text: text.to_string(), lower: heard.to_lowercase(), ..UserText::default() };
        let mut sentence_begins = true;
        let mut joins = false;
        for raw in heard.split_whitespace() {
            let word = raw.trim_matches(|letter: char| !letter.is_alphanumeric() && letter != '-' && letter != '/');
            let plain = word.trim_matches(['-', '/']);
            let capital = plain.chars().next().is_some_and(char::is_uppercase);
            if word.starts_with("http://") || word.starts_with("https://") {
                said.urls.push(word.to_string());
            } else if word.contains('@') {
                said.emails.push(word.to_string());
            } else if is_date(plain) {
                said.dates.push(plain.to_string());
            } else if let Ok(number) = word.replace(',', "").parse::<f64>()
                && number.is_finite()
                && word.contains(|letter: char| letter.is_ascii_digit())
            {
                said.numbers.push(number);
            } else if capital && !sentence_begins && plain != "I" {
                match said.names.last_mut().filter(|_| joins) {
                    Some(last) => *last = format!("{last} {plain}"),
                    None => said.names.push(plain.to_string()),
                }
            }
            let lower = plain.to_lowercase();
            if lower.chars().count() > 2 && lower.chars().all(char::is_alphabetic) && !SMALL.contains(&lower.as_str()) {
                said.topics.push(lower);
            }
            joins = capital && !sentence_begins && raw.ends_with(char::is_alphanumeric);
            sentence_begins = raw.ends_with(['.', '!', '?', ':']);
        }
        said
    }

    /// What a second text says counts first, and becomes no value as a whole.
    pub(crate) fn and_of(self, other: &str) -> Self {
        if other.is_empty() {
            return self;
        }
        let mut first = UserText::of(other);
        first.names.extend(self.names);
        first.numbers.extend(self.numbers);
        first.topics.extend(self.topics);
        first.emails.extend(self.emails);
        first.urls.extend(self.urls);
        first.dates.extend(self.dates);
        UserText { text: self.text, lower: format!("{} {}", first.lower, self.lower), ..first }
    }

    /// A name the user said; each is given once.
    pub(crate) fn next_name(&mut self) -> Option<String> {
        if self.names.is_empty() { None } else { Some(self.names.remove(0)) }
    }

    /// A topic of the user.
    pub(crate) fn topic(&self, random: &mut Random) -> Option<String> {
        if self.topics.is_empty() { None } else { Some(random.pick(&self.topics).clone()) }
    }
}

/// What is looked at of a text.
fn beginning(text: &str) -> &str {
    &text[..text.floor_char_boundary(HEARD)]
}

fn is_date(word: &str) -> bool {
    word.len() == 10
        && word
            .bytes()
            .enumerate()
            .all(|(at, byte)| if at == 4 || at == 7 { byte == b'-' } else { byte.is_ascii_digit() })
}

/// The distinct words of a text or an identifier in a form that makes `getWeather`, `get_weather` and "weathers" meet:
/// lower case, cut at case changes, without endings, small words left out.
pub(crate) fn stems(text: &str) -> Vec<String> {
    let (mut found, mut known) = (Vec::new(), HashSet::new());
    for word in split_identifier(beginning(text)) {
        if word.chars().count() < 2 || SMALL.contains(&word.as_str()) {
            continue;
        }
        let stem = ["ing", "ies", "es", "ed", "s", "y", "e"]
            .iter()
            .find_map(|ending| word.strip_suffix(ending).filter(|stem| stem.chars().count() >= 3))
            .unwrap_or(&word);
        if known.insert(stem.to_string()) {
            found.push(stem.to_string());
        }
    }
    found
}

/// `userId`, `user_id`, `user-id` → `user`, `id`.
pub(crate) fn split_identifier(text: &str) -> Vec<String> {
    let mut words = vec![String::new()];
    let mut before_lower = false;
    for letter in text.chars() {
        if !letter.is_alphanumeric() || (letter.is_uppercase() && before_lower) {
            words.push(String::new());
        }
        if letter.is_alphanumeric()
            && let Some(word) = words.last_mut()
        {
            word.extend(letter.to_lowercase());
        }
        before_lower = letter.is_lowercase() || letter.is_numeric();
    }
    words.retain(|word| !word.is_empty());
    words
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_is_taken_apart() {
        let said = UserText::of(
            "Book 2 seats from New York to Oslo, on 2026-03-01 for ada@example.com. See https://x.org/a. I pay 1,250.50",
        );
        assert_eq!(said.names, ["New York", "Oslo"]);
        assert_eq!(said.numbers, [2.0, 1250.5]);
        assert_eq!(said.dates, ["2026-03-01"]);
        assert_eq!(said.emails, ["ada@example.com"]);
        assert_eq!(said.urls, ["https://x.org/a"]);
        assert!(said.topics.starts_with(&["book".to_string(), "seats".to_string()]));
    }

    #[test]
    fn identifiers_and_words_meet() {
        assert_eq!(stems("getWeatherForecasts"), ["weather", "forecast"]);
        assert_eq!(stems("What's the weather forecast?"), ["weather", "forecast"]);
        assert_eq!(split_identifier("userID-2_x"), ["user", "id", "2", "x"]);
    }
}
