//! Finding the rules that can match a request without trying each: work does not grow with the script.
//!
//! Every rule is filed under one thing it cannot do without, the one that fewest others ask for: a fact (a model, a
//! tool's name …) or a text that its pattern contains. One pass over a request's facts and texts finds those that are
//! there; only rules filed under them are tried. Rules that need nothing in particular are tried always.

use crate::script::matching::Match;
use crate::script::matching::View;
use crate::script::matching::terms::Scope;
use crate::script::matching::terms::Term;
use crate::script::matching::terms::facts;
use aho_corasick::{AhoCorasick, AhoCorasickKind};
use std::collections::HashMap;

/// Rules that may match, by what a request has.
#[derive(Debug)]
pub(crate) struct Index {
    /// Number of places.
    len: usize,
    /// What is tried always.
    open: Bits,
    facts: HashMap<u64, Places>,
    /// Whether some rule asks for facts of the body.
    body: bool,
    texts: Vec<Texts>,
}

/// The needles of one scope.
#[derive(Debug)]
struct Texts {
    scope: Scope,
    search: AhoCorasick,
    /// By needle.
    places: Vec<Places>,
}

/// Where the rules filed under one thing stand.
#[derive(Debug)]
enum Places {
    Few(Box<[u32]>),
    Many(Bits),
}

impl Index {
    /// Over these matches; the first has place `first`.
    pub(crate) fn new<'a>(matches: impl Iterator<Item = &'a Match> + Clone, first: usize) -> Index {
        let mut asked: HashMap<Term, usize> = HashMap::new();
        let (mut len, mut body) = (first, false);
        let terms: Vec<Vec<Vec<Term>>> = matches
            .map(|one| {
                len += 1;
                body |= one.asks_body();
                let terms = one.terms();
                terms.iter().flatten().for_each(|term| *asked.entry(term.clone()).or_default() += 1);
                terms
            })
            .collect();
        let mut open = Bits::none(len);
        let mut facts: HashMap<u64, Vec<u32>> = HashMap::new();
        let mut needles: HashMap<(Scope, String), Vec<u32>> = HashMap::new();
        for (place, terms) in (first..).zip(terms) {
            // The rarest; among those the longest text, before which a fact goes: it costs no search.
            let sharp = |either: &Vec<Term>| {
                let asked: usize = either.iter().map(|term| asked[term]).sum();
                let length = either.iter().map(|term| match term {
                    Term::Fact(_) => usize::MAX,
                    Term::Text(_, needle) => needle.len(),
                });
                (asked, std::cmp::Reverse(length.min()))
            };
            let Some(either) = terms.into_iter().min_by_key(sharp) else {
                open.set(place);
                continue;
            };
            for term in either {
                let filed = match term {
                    Term::Fact(fact) => facts.entry(fact).or_default(),
                    Term::Text(scope, needle) => needles.entry((scope, needle)).or_default(),
                };
                filed.push(u32::try_from(place).unwrap_or(u32::MAX));
            }
        }
        let mut texts = Vec::new();
        for scope in Scope::ALL {
            let mine = needles.iter().filter(|((of, _), _)| *of == scope);
            let (words, places): (Vec<&str>, Vec<&Vec<u32>>) =
                mine.map(|((_, needle), places)| (needle.as_str(), places)).unzip();
            if words.is_empty() {
                continue;
            }
            // The compact form: others take ten times the memory.
            match AhoCorasick::builder().kind(Some(AhoCorasickKind::ContiguousNFA)).build(&words) {
                Ok(search) => {
                    let places = places.into_iter().map(|places| Places::new(places.clone(), len)).collect();
                    texts.push(Texts { scope, search, places });
                }
                // More text than it can hold.
                Err(_) => places.into_iter().flatten().for_each(|place| open.set(*place as usize)),
            }
        }
        let facts = facts.into_iter().map(|(fact, places)| (fact, Places::new(places, len))).collect();
        Index { len, open, facts, body, texts }
    }

    /// Places of the rules that may match: all that do, and few others.
    pub(crate) fn candidates(&self, view: &View) -> Bits {
        let mut found = self.open.clone();
        if !self.facts.is_empty() {
            for places in facts(view, self.body).iter().filter_map(|fact| self.facts.get(fact)) {
                found.add(places);
            }
        }
        for texts in &self.texts {
            let mut left = texts.places.len();
            let mut seen = Bits::none(left);
            for text in texts.scope.texts(view) {
                for hit in texts.search.find_overlapping_iter(&text) {
                    let needle = hit.pattern().as_usize();
                    if !seen.has(needle) {
                        seen.set(needle);
                        found.add(&texts.places[needle]);
                        left -= 1;
                    }
                    if left == 0 {
                        break;
                    }
                }
            }
        }
        debug_assert_eq!(found.0.len(), self.len.div_ceil(64));
        found
    }
}

impl Places {
    fn new(places: Vec<u32>, len: usize) -> Places {
        // Thirty-two places take as much as 1,024 bits.
        if places.len() < len / 32 {
            return Places::Few(places.into());
        }
        let mut bits = Bits::none(len);
        places.iter().for_each(|place| bits.set(*place as usize));
        Places::Many(bits)
    }
}

/// A set of places.
#[derive(Debug, Clone, Default)]
pub(crate) struct Bits(Vec<u64>);

impl Bits {
    /// Room for so many, none in it.
    pub(crate) fn none(len: usize) -> Bits {
        Bits(vec![0; len.div_ceil(64)])
    }

    /// These places.
    pub(crate) fn range(start: usize, end: usize) -> Bits {
        let mut bits = Bits::none(end);
        (start..end).for_each(|place| bits.set(place));
        bits
    }

    pub(crate) fn has(&self, place: usize) -> bool {
        self.0.get(place / 64).is_some_and(|word| word >> (place % 64) & 1 == 1)
    }

    /// Puts one in, if there is room for it.
    pub(crate) fn set(&mut self, place: usize) {
        if let Some(word) = self.0.get_mut(place / 64) {
            *word |= 1 << (place % 64);
        }
    }

    pub(crate) fn unset(&mut self, place: usize) {
        if let Some(word) = self.0.get_mut(place / 64) {
            *word &= !(1 << (place % 64));
        }
    }

    /// Makes room for so many.
    pub(crate) fn grow(&mut self, len: usize) {
        self.0.resize(len.div_ceil(64).max(self.0.len()), 0);
    }

    pub(crate) fn count(&self) -> usize {
        self.0.iter().map(|word| word.count_ones() as usize).sum()
    }

    /// Keeps those whose word, by its number, `keep` says to.
    pub(crate) fn keep(&mut self, keep: impl Fn(usize) -> u64) {
        self.0.iter_mut().enumerate().for_each(|(number, word)| *word &= keep(number));
    }

    /// The places from 64 × `number` on.
    pub(crate) fn word(&self, number: usize) -> u64 {
        self.0.get(number).copied().unwrap_or_default()
    }

    /// In order.
    pub(crate) fn iter(&self) -> impl Iterator<Item = usize> + '_ {
        self.0.iter().enumerate().flat_map(|(number, word)| places_of(number, *word))
    }

    /// In order.
    pub(crate) fn into_iter(self) -> impl Iterator<Item = usize> {
        self.0.into_iter().enumerate().flat_map(|(number, word)| places_of(number, word))
    }

    fn add(&mut self, places: &Places) {
        match places {
            Places::Few(places) => places.iter().for_each(|place| self.set(*place as usize)),
            Places::Many(bits) => self.0.iter_mut().zip(&bits.0).for_each(|(word, more)| *word |= more),
        }
    }
}

fn places_of(number: usize, mut word: u64) -> impl Iterator<Item = usize> {
    std::iter::from_fn(move || {
        let bit = (word != 0).then(|| word.trailing_zeros() as usize)?;
        word &= word - 1;
        Some(number * 64 + bit)
    })
}
