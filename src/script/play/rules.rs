//! The rules of a script in order, and how those that may match are found.

use crate::script::Rule;
use crate::script::matching::View;
use crate::script::matching::index::Bits;
use crate::script::matching::index::Index;
use std::sync::{Arc, OnceLock};

/// So few rules are tried one by one: that is quicker than to look them up.
const FEW: usize = 16;

/// Rules in order.
#[derive(Debug, Default, Clone)]
pub(crate) struct Rules {
    list: Vec<Arc<Rule>>,
    /// Stretches of the list, each with an index of its own and less than half as long as the one before: adding rules
    /// one by one costs no more than to add them together.
    stretches: Vec<Stretch>,
}

#[derive(Debug, Clone)]
struct Stretch {
    start: usize,
    end: usize,
    /// Made when it is first needed; places count from the multiple of 64 at or before `start`.
    index: Arc<OnceLock<Index>>,
}

impl Rules {
    pub(crate) fn len(&self) -> usize {
        self.list.len()
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.list.is_empty()
    }

    pub(super) fn iter(&self) -> std::slice::Iter<'_, Arc<Rule>> {
        self.list.iter()
    }

    pub(super) fn get(&self, index: usize) -> Option<&Arc<Rule>> {
        self.list.get(index)
    }

    /// Adds rules at the end.
    pub(crate) fn append(&mut self, rules: &[Arc<Rule>]) {
        let (mut start, end) = (self.list.len(), self.list.len() + rules.len());
        self.list.extend_from_slice(rules);
        while let Some(last) = self.stretches.pop_if(|last| start - last.start <= 2 * (end - start)) {
            start = last.start;
        }
        if start < end {
            self.stretches.push(Stretch { start, end, index: Arc::default() });
        }
    }

    /// Makes the indexes.
    pub(crate) fn prepare(&self) {
        self.stretches.iter().filter(|stretch| !stretch.is_short()).for_each(|stretch| {
            self.index(stretch);
        });
    }

    fn index<'a>(&'a self, stretch: &'a Stretch) -> &'a Index {
        let matches = self.list[stretch.start..stretch.end].iter().map(|rule| &rule.matcher);
        stretch.index.get_or_init(|| Index::new(matches, stretch.start % 64))
    }

    /// The rules from place `from` on that may match, in order; of each 64 (by number) only those that `among` names.
    pub(super) fn candidates<'a>(
        &'a self,
        view: &'a View,
        from: usize,
        among: impl Fn(usize) -> u64 + Copy + 'a,
    ) -> impl Iterator<Item = (usize, &'a Arc<Rule>)> + 'a {
        let stretches = self.stretches.iter().filter(move |stretch| stretch.end > from);
        let places = stretches.flat_map(move |stretch| {
            let base = stretch.start - stretch.start % 64;
            let mut places = match stretch.is_short() {
                true => Bits::range(stretch.start - base, stretch.end - base),
                false => self.index(stretch).candidates(view),
            };
            places.keep(|word| among(base / 64 + word));
            places.into_iter().map(move |place| base + place)
        });
        places.filter(move |place| *place >= from).filter_map(|place| Some((place, self.list.get(place)?)))
    }
}

impl Stretch {
    fn is_short(&self) -> bool {
        self.end - self.start <= FEW
    }
}
