//! A regex, compiled when a text needs it. A short text needs little: a program of a kilobyte or two, made in a tenth of
//! the time, with memory for its work that all share. So thousands of rules may be in use. A long text is worth the
//! machines of the crate `regex`, which take twenty times as much.

use regex::Regex;
use regex_automata::nfa::thompson::backtrack::{BoundedBacktracker, Cache, Config};
use std::cell::RefCell;
use std::sync::OnceLock;

/// Bytes of the memory for work. It has a bit for each place of the text in each state of the program, so that it says
/// which texts are short: some 500 bytes for a regex such as `^order \d+ .*refund`.
const WORK: usize = 4096;

/// A program that no longer text than this is short for is not worth having.
const SHORTEST: usize = 64;

thread_local! {
    static MEMORY: RefCell<Option<Cache>> = const { RefCell::new(None) };
}

/// What a regex was compiled to so far; nothing = it does not compile so.
#[derive(Debug, Default)]
pub(super) struct Compiled {
    short: OnceLock<Option<BoundedBacktracker>>,
    long: OnceLock<Option<Regex>>,
}

impl Compiled {
    /// Whether nothing is compiled yet.
    pub(super) fn is_empty(&self) -> bool {
        self.short.get().is_none() && self.long.get().is_none()
    }

    /// Whether a text matches, by a program for short texts or else by one for all.
    pub(super) fn is_match(
        &self,
        text: &str,
        short: impl FnOnce(Config) -> Option<BoundedBacktracker>,
        long: impl FnOnce() -> Option<Regex>,
    ) -> bool {
        // Not even two states fit.
        let shorter = text.len() < WORK * 4;
        let program = || short(Config::new().visited_capacity(WORK)).filter(|made| made.max_haystack_len() >= SHORTEST);
        let short = shorter.then(|| self.short.get_or_init(program).as_ref()).flatten();
        // It refuses a text that is too long for it.
        let found = short.and_then(|program| {
            MEMORY.with_borrow_mut(|memory| {
                let memory = memory.get_or_insert_with(|| program.create_cache());
                memory.reset(program);
                program.try_is_match(memory, text).ok()
            })
        });
        found.unwrap_or_else(|| self.long.get_or_init(long).as_ref().is_some_and(|regex| regex.is_match(text)))
    }
}

#[cfg(test)]
mod tests {
    use crate::script::matching::Patterns;
    use crate::script::place::Path;
    use proptest::prelude::*;
    use regex::Regex;

    const REGEXES: &[&str] = &[
        "^order \\d+ .*refund",
        "a.b",
        "(?m)^b$",
        "(?mR)^b$",
        "(?s)a.b",
        "(?i)k",
        "\\bé",
        "\\w+ab",
        "(a|ab)(c|bcd)$",
        "^$",
        "a{3,9}b",
        "[^a]é",
        "x*$",
        "(?:ab)+?c",
        "\\Aa|b\\z",
        "\\Bb",
        "\\p{Greek}+a",
        "(?-u:\\bab\\b)",
        "(((a+)+)+)c",
        "ſ",
        "(?i)straße",
    ];

    proptest! {
        #[test]
        fn short_and_long_texts_are_matched_alike(which in 0..REGEXES.len(), short in "[abcké \n\r.ſλ]{0,40}", times in 1usize..40) {
            let regex = Regex::new(REGEXES[which]).expect("a regex");
            let pattern = Patterns::default().read(REGEXES[which], &Path::Root("x")).expect("a pattern");
            let (orders, folded) = (format!("order 12 {short}refund"), short.replace('k', "K"));
            for text in [&short, &short.repeat(times), &orders, &folded, &format!("{short}abc"), &format!("aaaab{short}")] {
                prop_assert_eq!(pattern.is_match(text), regex.is_match(text), "{} in {:?}", REGEXES[which], text);
            }
        }
    }

    #[test]
    fn only_what_a_text_needs_is_compiled() {
        let pattern = |regex: &str| Patterns::default().read(regex, &Path::Root("x")).expect("a pattern");
        let small = pattern("a.*b");
        assert!(
            small.is_match("a b") && small.compiled().short.get().is_some() && small.compiled().long.get().is_none()
        );
        assert!(small.is_match(&format!("a{}b", " ".repeat(10_000))) && small.compiled().long.get().is_some());
        // Its program is too big to be worth it even for these.
        let big = pattern("\\w{3}.\\w{3}");
        assert!(!big.is_match("a b") && matches!(big.compiled().short.get(), Some(None)));
    }
}
