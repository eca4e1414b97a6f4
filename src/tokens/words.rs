//! Text is cut into words before bytes are merged; no token reaches over a border. What the encodings' regular
//! expressions say, read by hand: in linear time, and nothing is compiled when the process starts.

use super::layout::letter::{BLOCK, LOWER, MARK, NUMBER, OTHER, SPACE, UPPER};

/// What a character is; of ASCII without a detour.
fn kind(letter: char) -> u8 {
    static INDEX: &[u8] = include_bytes!(concat!(env!("OUT_DIR"), "/letters.index"));
    static BLOCKS: &[u8] = include_bytes!(concat!(env!("OUT_DIR"), "/letters.blocks"));
    let code = letter as usize;
    let block = INDEX.get(code / BLOCK).copied().unwrap_or_default() as usize;
    BLOCKS.get(block * BLOCK + code % BLOCK).copied().unwrap_or_default()
}

fn is_letter(kind: u8) -> bool {
    matches!(kind, UPPER | LOWER | OTHER)
}

fn is_line_end(letter: char) -> bool {
    matches!(letter, '\r' | '\n')
}

/// Which pattern cuts. OpenAI has since written cl100k's with possessive repetition and `\s++$`; no token of it has a
/// space behind a line end at its end, so counts are the same.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum SplitPattern {
    O200k,
    Cl100k,
}

/// The words of a text; together they are the text.
pub(super) struct Words<'a> {
    pattern: SplitPattern,
    rest: &'a str,
}

impl<'a> Words<'a> {
    pub(super) fn new(pattern: SplitPattern, text: &'a str) -> Self {
        Words { pattern, rest: text }
    }
}

impl<'a> Iterator for Words<'a> {
    type Item = &'a str;

    fn next(&mut self) -> Option<&'a str> {
        let first = self.rest.chars().next()?;
        let found = match self.pattern {
            SplitPattern::O200k => cased(self.rest, first),
            SplitPattern::Cl100k => contraction(self.rest).or_else(|| uncased(self.rest, first)),
        };
        let found = found
            .or_else(|| number(self.rest, first))
            .or_else(|| signs(self.rest, first, self.pattern))
            .unwrap_or_else(|| space(self.rest));
        // Whatever was missed above, a character is never left standing.
        let (word, rest) = self.rest.split_at_checked(found.max(first.len_utf8())).unwrap_or((self.rest, ""));
        self.rest = rest;
        Some(word)
    }
}

/// Length of the run at the beginning of a text whose characters are such.
fn run(text: &str, such: impl Fn(char) -> bool) -> usize {
    text.char_indices().find(|(_, letter)| !such(*letter)).map_or(text.len(), |(at, _)| at)
}

fn after(text: &str, at: usize) -> &str {
    text.get(at..).unwrap_or_default()
}

/// `(?i:'s|'t|'re|'ve|'m|'ll|'d)`; without case, ſ is an s (so OpenAI's own `tiktoken` has it).
fn contraction(text: &str) -> Option<usize> {
    let mut letters = text.chars();
    if letters.next()? != '\'' {
        return None;
    }
    let first = letters.next()?;
    match first.to_ascii_lowercase() {
        's' | 't' | 'm' | 'd' | 'ſ' => return Some(1 + first.len_utf8()),
        _ => {}
    }
    match (first.to_ascii_lowercase(), letters.next()?.to_ascii_lowercase()) {
        ('r' | 'v', 'e') | ('l', 'l') => Some(3),
        _ => None,
    }
}

/// Whether a character may stand before the letters of a word: `[^\r\n\p{L}\p{N}]`.
fn leads(letter: char) -> bool {
    let kind = kind(letter);
    !is_line_end(letter) && !is_letter(kind) && kind != NUMBER
}

/// `[^\r\n\p{L}\p{N}]?\p{L}+`
fn uncased(text: &str, first: char) -> Option<usize> {
    let lead = if leads(first) { first.len_utf8() } else { 0 };
    let letters = run(after(text, lead), |letter| is_letter(kind(letter)));
    (letters > 0).then_some(lead + letters)
}

/// `[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]*[\p{Ll}\p{Lm}\p{Lo}\p{M}]+` or, failing that,
/// `[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]+[\p{Ll}\p{Lm}\p{Lo}\p{M}]*`, each with a contraction behind it.
fn cased(text: &str, first: char) -> Option<usize> {
    let lead = if leads(first) { first.len_utf8() } else { 0 };
    let capitals = run(after(text, lead), |letter| matches!(kind(letter), UPPER | OTHER | MARK));
    let length = small(text, lead, capitals)
        // A mark may lead or be the word itself.
        .or_else(|| if lead > 0 && kind(first) == MARK { small(text, 0, lead + capitals) } else { None })
        .or_else(|| (capitals > 0).then_some(lead + capitals))?;
    Some(length + contraction(after(text, length)).unwrap_or(0))
}

/// Where the first of the two patterns ends, that needs a small letter, `capitals` of the other kind before it.
fn small(text: &str, lead: usize, capitals: usize) -> Option<usize> {
    let is_small = |letter: char| matches!(kind(letter), LOWER | OTHER | MARK);
    let end = lead + capitals;
    match run(after(text, end), is_small) {
        // Letters without case are capitals and small: the last of them is the small one.
        0 => {
            let run = text.get(lead..end).unwrap_or_default();
            run.char_indices().rfind(|(_, letter)| is_small(*letter)).map(|(at, last)| lead + at + last.len_utf8())
        }
        more => Some(end + more),
    }
}

/// `\p{N}{1,3}`
fn number(text: &str, first: char) -> Option<usize> {
    let is_number = |letter: &char| kind(*letter) == NUMBER;
    is_number(&first).then(|| text.chars().take(3).take_while(is_number).map(char::len_utf8).sum())
}

/// ` ?[^\s\p{L}\p{N}]+[\r\n/]*`; the slash only in o200k.
fn signs(text: &str, first: char, pattern: SplitPattern) -> Option<usize> {
    let lead = usize::from(first == ' ');
    let is_sign = |letter: char| matches!(kind(letter), 0 | MARK);
    let signs = run(after(text, lead), is_sign);
    let end = lead + signs;
    let tail = |letter: char| is_line_end(letter) || (letter == '/' && pattern == SplitPattern::O200k);
    (signs > 0).then(|| end + run(after(text, end), tail))
}

/// `\s*[\r\n]+|\s+(?!\S)|\s+`
fn space(text: &str) -> usize {
    let length = run(text, |letter| kind(letter) == SPACE);
    let spaces = text.get(..length).unwrap_or_default();
    match spaces.rfind(is_line_end) {
        Some(last) => last + 1,
        None if length == text.len() => length,
        // The last one leads the next word, unless it is the only one.
        None => spaces.char_indices().next_back().map_or(0, |(last, _)| last),
    }
}
