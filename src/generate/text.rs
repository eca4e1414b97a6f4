//! Generated text: paragraphs on one theme, always within the length asked.

use crate::generate::words::BODIES;
use crate::generate::words::CLOSINGS;
use crate::generate::words::OPENINGS;
use crate::generate::words::QUALITIES;
use crate::generate::words::THEMES;
use crate::generate::words::TURNS;
use crate::generate::words::Theme;
use crate::prompt::Prompt;
use crate::random::Random;
use crate::reply::Length;

/// The longest a filled template can be; what is left for the closing sentence. A test holds the templates to it.
const SENTENCE: usize = 160;

impl Length {
    /// Characters: least, most (inclusive).
    pub(crate) fn range(self) -> (usize, usize) {
        match self {
            Length::Short => (120, 450),
            Length::Medium => (450, 1500),
            Length::Long => (1500, 5000),
        }
    }
}

/// Coherent English in paragraphs joined by blank lines, after as much of the facts as there is room for; its number of
/// characters lies within `length`'s range.
pub(crate) fn text(length: Length, facts: &[String], random: &mut Random) -> String {
    let (least, most) = length.range();
    // Whatever is written, one closing sentence more still fits.
    let enough = random.between(least as i64, (most - 2 * SENTENCE - 2) as i64) as usize;
    let per_paragraph = match length {
        Length::Short => (1, 2),
        Length::Medium => (3, 4),
        Length::Long => (4, 6),
    };
    let mut writer = TextWriter::new(random);
    let mut out = told(facts, most.saturating_sub(2 * SENTENCE + 4));
    if !out.is_empty() {
        out.push_str("\n\n");
    }
    // Characters are counted; the facts alone may have more bytes.
    let enough = enough + out.len() - out.chars().count();
    out.push_str(&writer.sentence(TextKind::Opening));
    let mut left = writer.random.between(per_paragraph.0, per_paragraph.1) - 1;
    while out.len() < enough {
        if left <= 0 {
            out.push_str("\n\n");
            out.push_str(&writer.sentence(TextKind::Turn));
            left = writer.random.between(per_paragraph.0, per_paragraph.1) - 1;
        } else {
            out.push(' ');
            out.push_str(&writer.sentence(TextKind::Body));
            left -= 1;
        }
    }
    out.push_str(if out.contains("\n\n") && left > 0 { " " } else { "\n\n" });
    out.push_str(&writer.sentence(TextKind::Closing));
    out
}

/// The facts within so many characters, cut at a word where they are too long.
fn told(facts: &[String], room: usize) -> String {
    let all = facts.join(" ");
    let Some((end, _)) = all.char_indices().nth(room) else { return all };
    let cut = &all[..end];
    let whole = cut.rfind(' ').map_or("", |space| &cut[..space]);
    if whole.is_empty() { String::new() } else { format!("{whole}…") }
}

/// The length a text gets: what the reply says, else what the request says, else `default`, else drawn by the average
/// length of the messages, as the simulator does (seeds.md §3.5).
pub(crate) fn length(prompt: &Prompt, reply: Option<Length>, default: Option<Length>, random: &mut Random) -> Length {
    if let Some(length) = reply.or(prompt.length).or(default) {
        return length;
    }
    let total: usize = prompt.messages.iter().map(|message| message.text().chars().count()).sum();
    let draw = random.below(100);
    match total / prompt.messages.len().max(1) {
        ..50 if draw < 80 => Length::Short,
        251.. if draw < 80 => Length::Long,
        ..50 | 251.. => Length::Medium,
        _ if draw < 20 => Length::Short,
        _ if draw < 85 => Length::Medium,
        _ => Length::Long,
    }
}

#[derive(Clone, Copy)]
enum TextKind {
    Opening,
    Turn,
    Body,
    Closing,
}

/// Draws templates like cards: none comes again before all of its kind were used.
struct TextWriter<'a> {
    theme: &'static Theme,
    decks: [Vec<&'static str>; 4],
    random: &'a mut Random,
}

impl<'a> TextWriter<'a> {
    fn new(random: &'a mut Random) -> Self {
        TextWriter { theme: random.pick(THEMES), decks: Default::default(), random }
    }

    fn sentence(&mut self, kind: TextKind) -> String {
        let deck = &mut self.decks[kind as usize];
        if deck.is_empty() {
            deck.extend(match kind {
                TextKind::Opening => OPENINGS,
                TextKind::Turn => TURNS,
                TextKind::Body => BODIES,
                TextKind::Closing => CLOSINGS,
            });
            self.random.shuffle(deck);
        }
        let template = deck.pop().unwrap_or_default();
        fill(template, self.theme, self.random)
    }
}

/// Puts words of the theme into a template; `{part}` and `{other}` always differ.
fn fill(template: &str, theme: &Theme, random: &mut Random) -> String {
    let part = random.below(theme.parts.len());
    let other = (part + 1 + random.below(theme.parts.len() - 1)) % theme.parts.len();
    let people = random.pick(theme.people);
    let activity = random.pick(theme.activities);
    let words = [
        ("{things}", theme.things.to_string()),
        ("{people}", people.to_string()),
        ("{People}", capitalised(people)),
        ("{part}", theme.parts[part].to_string()),
        ("{other}", theme.parts[other].to_string()),
        ("{activity}", activity.to_string()),
        ("{place}", random.pick(theme.places).to_string()),
        ("{result}", random.pick(theme.results).to_string()),
        ("{good}", random.pick(QUALITIES).to_string()),
    ];
    words.iter().fold(template.to_string(), |sentence, (slot, word)| sentence.replace(slot, word))
}

/// The text with its first letter in upper case.
pub(crate) fn capitalised(text: &str) -> String {
    let mut letters = text.chars();
    letters.next().map(|first| first.to_uppercase().collect::<String>() + letters.as_str()).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::prompt::{Message, Role};

    #[test]
    fn every_text_is_within_its_range_and_has_paragraphs() {
        for length in [Length::Short, Length::Medium, Length::Long] {
            let (least, most) = length.range();
            for seed in 0..500 {
                let written = text(length, &[], &mut Random::new(seed));
                assert!((least..=most).contains(&written.len()), "{length:?} {seed}: {} in {written}", written.len());
                assert!(written.contains("\n\n"), "{written}");
                assert!(!written.contains(['{', '}']), "{written}");
                assert!(written.split("\n\n").all(|paragraph| paragraph.ends_with('.')), "{written}");
            }
        }
    }

    #[test]
    fn the_longest_sentence_leaves_room() {
        for theme in THEMES {
            let longest = |words: &[&str]| words.iter().map(|word| word.len()).max().unwrap_or(0);
            for template in OPENINGS.iter().chain(TURNS).chain(BODIES).chain(CLOSINGS) {
                let size = |slot: &str, width: usize| template.matches(slot).count() * width;
                let filled = template.len()
                    + size("{things}", theme.things.len())
                    + size("{people}", longest(theme.people))
                    + size("{People}", longest(theme.people))
                    + size("{part}", longest(theme.parts))
                    + size("{other}", longest(theme.parts))
                    + size("{activity}", longest(theme.activities))
                    + size("{place}", longest(theme.places))
                    + size("{result}", longest(theme.results))
                    + size("{good}", longest(QUALITIES))
                    - template.split('{').skip(1).map(|rest| rest.find('}').map_or(0, |at| at + 2)).sum::<usize>();
                assert!(filled <= SENTENCE, "{filled}: {template} in {}", theme.things);
            }
        }
    }

    #[test]
    fn the_seed_decides() {
        let write = |seed| text(Length::Medium, &[], &mut Random::new(seed));
        assert_eq!(write(7), write(7));
        assert_ne!(write(7), write(8));
    }

    #[test]
    fn length_is_said_or_guessed_from_the_messages() {
        let asking = |text: &str| Prompt { messages: vec![Message::new(Role::User, text)], ..Prompt::default() };
        let mut random = Random::new(1);
        assert_eq!(length(&asking("hi"), Some(Length::Long), Some(Length::Short), &mut random), Length::Long);
        assert_eq!(length(&asking("hi"), None, Some(Length::Medium), &mut random), Length::Medium);
        let mut count = |text: &str, wanted: Length| {
            (0..1000).filter(|_| length(&asking(text), None, None, &mut random) == wanted).count()
        };
        assert!((750..850).contains(&count("hi", Length::Short)));
        assert_eq!(count("hi", Length::Long), 0);
        assert!((600..700).contains(&count(&"a".repeat(100), Length::Medium)));
        assert!((750..850).contains(&count(&"a".repeat(251), Length::Long)));
    }

    #[test]
    fn facts_come_first_and_the_length_stays() {
        let facts =
            ["According to get_weather: 4 °C.".to_string(), format!("According to search: {}.", "wörter ".repeat(200))];
        for length in [Length::Short, Length::Medium, Length::Long] {
            for seed in 0..100 {
                let written = text(length, &facts, &mut Random::new(seed));
                assert!(written.starts_with("According to get_weather: 4 °C."), "{written}");
                let (least, most) = length.range();
                assert!((least..=most).contains(&written.chars().count()), "{length:?}: {written}");
            }
        }
    }
}
