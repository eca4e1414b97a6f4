//! A regex, compiled when a text needs it. A short text needs little: a program of a kilobyte or two, made in a tenth of
//! the time, with memory for its work that all share. So thousands of rules may be in use. A long text is worth the
//! machines of the crate `regex`, which take twenty times as much.

use regex::Regex;
use regex_automata::nfa::thompson::NFA;
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
        short: impl FnOnce() -> Option<NFA>,
        long: impl FnOnce() -> Option<Regex>,
    ) -> bool {
        self.is_short_match(text, short)
            .unwrap_or_else(|| self.long.get_or_init(long).as_ref().is_some_and(|regex| regex.is_match(text)))
    }

    /// The same of a short text; nothing = it is none.
    fn is_short_match(&self, text: &str, program: impl FnOnce() -> Option<NFA>) -> Option<bool> {
        // Not even two states would fit.
        if text.len() >= WORK * 4 {
            return None;
        }
        let made = || {
            let config = Config::new().visited_capacity(WORK);
            let made = BoundedBacktracker::builder().configure(config).build_from_nfa(program()?).ok()?;
            (made.max_haystack_len() >= SHORTEST).then_some(made)
        };
        let short = self.short.get_or_init(made).as_ref()?;
        MEMORY.with_borrow_mut(|memory| {
            let memory = memory.get_or_insert_with(|| short.create_cache());
            memory.reset(short);
            // It refuses a text that is too long for it.
            short.try_is_match(memory, text).ok()
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::script::matching::Patterns;
    use crate::script::place::Path;
    use proptest::prelude::*;

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
        let is_match = |compiled: &Compiled, regex: &str, text: &str| {
            compiled.is_match(text, || NFA::new(regex).ok(), || Regex::new(regex).ok())
        };
        let small = Compiled::default();
        assert!(is_match(&small, "a.*b", "a b") && small.short.get().is_some() && small.long.get().is_none());
        assert!(is_match(&small, "a.*b", &format!("a{}b", " ".repeat(10_000))) && small.long.get().is_some());
        // Its program is too big to be worth it even for these.
        let big = Compiled::default();
        assert!(!is_match(&big, "\\w{3}.\\w{3}", "a b") && matches!(big.short.get(), Some(None)));
    }
}
