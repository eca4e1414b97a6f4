//! What a regex says without being run: the text it comes to, the texts it cannot do without, and how big it may get.

use regex_syntax::hir::{Class, Hir, HirKind, Look};

/// A regex that is nothing but a text, perhaps at an end.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Plain {
    text: Box<str>,
    start: bool,
    end: bool,
}

impl Plain {
    pub(super) fn is_match(&self, text: &str) -> bool {
        match (self.start, self.end) {
            (true, true) => text == &*self.text,
            (true, false) => text.starts_with(&*self.text),
            (false, true) => text.ends_with(&*self.text),
            (false, false) => text.contains(&*self.text),
        }
    }
}

/// The text a regex comes to, if it is one.
pub(super) fn plain(hir: &Hir) -> Option<Plain> {
    let mut parts = match hir.kind() {
        HirKind::Concat(parts) => parts.as_slice(),
        _ => std::slice::from_ref(hir),
    };
    let is_look = |part: Option<&Hir>, look: Look| part.is_some_and(|part| *part.kind() == HirKind::Look(look));
    // At an open end something that may be nothing asks for nothing.
    let idle = |part: Option<&Hir>| {
        part.is_some_and(|part| matches!(part.kind(), HirKind::Repetition(repetition) if repetition.min == 0))
    };
    let start = is_look(parts.first(), Look::Start);
    let end = is_look(parts.last(), Look::End);
    parts = &parts[usize::from(start)..];
    parts = &parts[..parts.len() - usize::from(end && !parts.is_empty())];
    while !start && idle(parts.first()) {
        parts = &parts[1..];
    }
    while !end && idle(parts.last()) {
        parts = &parts[..parts.len() - 1];
    }
    let [part] = parts else { return None };
    let HirKind::Literal(literal) = part.kind() else { return None };
    Some(Plain { text: std::str::from_utf8(&literal.0).ok()?.into(), start, end })
}

/// A text as needles are looked for in it: letters of both cases are one. Characters are folded one by one, so what is
/// contained in a text stays contained in it.
pub(super) fn fold(text: &str) -> String {
    if text.is_ascii() { text.to_ascii_lowercase() } else { text.chars().map(fold_one).collect() }
}

fn fold_one(character: char) -> char {
    let upper = character.to_uppercase().next().unwrap_or(character);
    upper.to_lowercase().next().unwrap_or(upper)
}

/// Longest needle in bytes; longer texts are several.
const LONGEST: usize = 64;

/// Most texts of which one must be there; more say little.
const MOST_EITHER: usize = 32;

/// What every text the regex is found in contains, folded: of every list at least one.
pub(super) fn needles(hir: &Hir) -> Vec<Vec<String>> {
    let mut found = Needles::default();
    found.visit(hir);
    found.end_run();
    found.lists
}

#[derive(Default)]
struct Needles {
    lists: Vec<Vec<String>>,
    /// The text that stands together so far.
    run: String,
}

impl Needles {
    fn end_run(&mut self) {
        if !self.run.is_empty() {
            self.lists.push(vec![std::mem::take(&mut self.run)]);
        }
    }

    fn push(&mut self, character: char) {
        if self.run.len() + character.len_utf8() > LONGEST {
            self.end_run();
        }
        self.run.push(character);
    }

    fn visit(&mut self, hir: &Hir) {
        match hir.kind() {
            HirKind::Empty | HirKind::Look(_) => {}
            HirKind::Literal(literal) => match std::str::from_utf8(&literal.0) {
                Ok(text) => text.chars().map(fold_one).for_each(|character| self.push(character)),
                Err(_) => self.end_run(),
            },
            HirKind::Class(class) => match only(class) {
                Some(character) => self.push(character),
                None => self.end_run(),
            },
            HirKind::Capture(capture) => self.visit(&capture.sub),
            HirKind::Concat(parts) => parts.iter().for_each(|part| self.visit(part)),
            HirKind::Repetition(repetition) => {
                self.end_run();
                if repetition.min > 0 {
                    self.visit(&repetition.sub);
                    self.end_run();
                }
            }
            HirKind::Alternation(branches) => {
                self.end_run();
                let sharpest = |branch: &Hir| needles(branch).into_iter().max_by_key(|list| shortest(list));
                let either: Option<Vec<Vec<String>>> = branches.iter().map(sharpest).collect();
                let either: Vec<String> = either.into_iter().flatten().flatten().collect();
                if (1..=MOST_EITHER).contains(&either.len()) {
                    self.lists.push(either);
                }
            }
        }
    }
}

/// Bytes of the shortest needle.
fn shortest(list: &[String]) -> usize {
    list.iter().map(String::len).min().unwrap_or_default()
}

/// The one character a class comes to once it is folded, as those that stand for a letter of either case do.
fn only(class: &Class) -> Option<char> {
    /// Most cases one letter has (`K`, `k` and the Kelvin sign), and one to spare.
    const CASES: u32 = 4;
    let ranges: Vec<(char, char)> = match class {
        Class::Unicode(class) => class.iter().map(|range| (range.start(), range.end())).collect(),
        Class::Bytes(class) if class.is_ascii() => {
            class.iter().map(|range| (char::from(range.start()), char::from(range.end()))).collect()
        }
        Class::Bytes(_) => return None,
    };
    if ranges.iter().map(|(start, end)| u32::from(*end) - u32::from(*start) + 1).sum::<u32>() > CASES {
        return None;
    }
    let mut folded = ranges.iter().flat_map(|(start, end)| (*start..=*end).map(fold_one));
    let first = folded.next()?;
    folded.all(|other| other == first).then_some(first)
}

/// Bytes that the compiled regex takes at most, by a rough count that is never too low. What comes out small enough
/// need not be compiled to know it.
pub(super) fn most_bytes(hir: &Hir) -> usize {
    /// What even the empty regex takes.
    const FRAME: usize = 4096;
    most_bytes_of_part(hir).saturating_add(FRAME)
}

fn most_bytes_of_part(hir: &Hir) -> usize {
    /// Of a state, with what leads to it.
    const STATE: usize = 128;
    /// Of a range of characters, which may need several sequences of bytes.
    const RANGE: usize = 768;
    match hir.kind() {
        HirKind::Empty | HirKind::Look(_) => STATE,
        HirKind::Literal(literal) => literal.0.len().saturating_add(1).saturating_mul(STATE),
        HirKind::Class(Class::Unicode(class)) => class.ranges().len().saturating_add(1).saturating_mul(RANGE),
        HirKind::Class(Class::Bytes(class)) => class.ranges().len().saturating_add(1).saturating_mul(STATE),
        HirKind::Capture(capture) => most_bytes_of_part(&capture.sub).saturating_add(2 * STATE),
        HirKind::Concat(parts) | HirKind::Alternation(parts) => {
            parts.iter().map(most_bytes_of_part).fold(STATE, usize::saturating_add)
        }
        HirKind::Repetition(repetition) => {
            let copies = repetition.max.unwrap_or(repetition.min.saturating_add(1)).saturating_add(1);
            let copies = usize::try_from(copies).unwrap_or(usize::MAX);
            most_bytes_of_part(&repetition.sub).saturating_add(2 * STATE).saturating_mul(copies)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use regex::RegexBuilder;

    fn parse(pattern: &str) -> Hir {
        regex_syntax::parse(pattern).unwrap()
    }

    #[test]
    fn a_regex_that_is_a_text_is_known() {
        let text = |pattern: &str| plain(&parse(pattern)).map(|plain| (plain.text.to_string(), plain.start, plain.end));
        assert_eq!(text("hello"), Some(("hello".into(), false, false)));
        assert_eq!(text("^a\\.b$"), Some(("a.b".into(), true, true)));
        assert_eq!(text(".*hello.*"), Some(("hello".into(), false, false)));
        assert_eq!(text(".*hello$"), Some(("hello".into(), false, true)));
        for pattern in ["^.*hello", "hello.*$", "a|b", "", "^$", "(?i)hello", "(?m)^hello", "h.llo", "a*", ".+hello"] {
            assert_eq!(text(pattern), None, "{pattern}");
        }
    }

    #[test]
    fn needles_are_what_a_match_cannot_do_without() {
        for (pattern, lists) in [
            ("Order (17|Eighteen), please?", vec![vec!["order "], vec!["17", "eighteen"], vec![", pleas"]]),
            ("(?i)kiss", vec![vec!["kiss"]]),
            ("^user [0-9]+ of 7$", vec![vec!["user "], vec![" of 7"]]),
            ("(?:abc)+x", vec![vec!["abc"], vec!["x"]]),
            ("cat|\\d", vec![]),
            ("\\w+.*", vec![]),
        ] {
            assert_eq!(needles(&parse(pattern)), lists, "{pattern}");
        }
        assert_eq!(needles(&parse(&"ä".repeat(50))).len(), 2, "a long one is several");
    }

    proptest! {
        #![proptest_config(ProptestConfig { cases: 2000, ..Default::default() })]

        #[test]
        fn nothing_is_claimed_that_the_regex_denies(
            pattern in "(\\^|\\(\\?i\\)|\\.\\*|)([abKsſ ]{0,3}|[ab]\\||\\(a\\|bK\\)|[as]\\{1,2\\}|\\.\\*|\\\\b|\\[a-s\\]|\\\\w){1,4}(\\$|\\.\\*|b\\?|)",
            text in "[abkKsſS\n ]{0,8}",
        ) {
            let Ok(hir) = regex_syntax::parse(&pattern) else { return Ok(()) };
            let matches = regex::Regex::new(&pattern).unwrap().is_match(&text);
            if let Some(plain) = plain(&hir) {
                prop_assert_eq!(plain.is_match(&text), matches);
            }
            let folded = fold(&text);
            let fits = needles(&hir).iter().all(|list| list.iter().any(|needle| folded.contains(needle)));
            prop_assert!(!matches || fits, "{:?}", needles(&hir));
        }

        #[test]
        fn no_regex_is_bigger_than_said(
            pattern in "(\\\\w|\\\\d|\\\\PL|\\\\p\\{Greek\\}|\\.|a|äb|\\[\\^x\\]|\\(a\\|\\\\s\\)|\\(\\?i:straße\\)|\\(a\\.\\)\\{2,5\\}|\\\\w\\*|\\\\b|x\\{7\\}){1,6}",
        ) {
            let hir = regex_syntax::parse(&pattern).unwrap();
            let built = RegexBuilder::new(&pattern).size_limit(most_bytes(&hir)).build();
            prop_assert!(built.is_ok(), "{} bytes", most_bytes(&hir));
        }
    }
}
