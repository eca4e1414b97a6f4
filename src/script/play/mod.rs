//! A script in force: rules in order, and how often each was used.

mod miss;
mod rules;
#[cfg(test)]
mod scan_tests;
#[cfg(test)]
mod tests;
mod uses;

use crate::reply::Reply;
use crate::script::Rule;
use crate::script::matching::View;
use crate::surface::Family;
use serde_json::{Value, json};
use std::collections::{HashMap, VecDeque};
use std::sync::Arc;
use uses::{Counts, Uses};

pub(crate) use uses::UseKeeper;

pub(crate) use miss::Miss;
pub(crate) use rules::Rules;

/// Ordered rules with their counters. A clone shares the counters and the rules of now: whoever matches needs no lock.
#[derive(Debug, Default, Clone)]
pub(crate) struct Script {
    rules: Arc<Rules>,
    uses: Arc<Uses>,
}

/// The rule that answers.
#[derive(Debug, Clone)]
pub(crate) struct Picked {
    pub rule: Arc<Rule>,
    /// Its place in the script.
    pub index: usize,
    pub reply: Arc<Reply>,
}

/// A rule with replies nobody asked for.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Unused {
    pub name: Option<String>,
    pub path: String,
    /// Where the test loaded it.
    pub place: Option<Arc<str>>,
    /// Uses left.
    pub left: u64,
    /// The rule as written.
    pub source: Value,
}

impl Unused {
    pub(crate) fn to_json(&self) -> Value {
        json!({"name": self.name, "path": self.path, "place": self.place.as_deref(), "left": self.left, "rule": self.source})
    }
}

impl Script {
    pub(crate) fn new() -> Self {
        Script::default()
    }

    /// Number of rules, used up or not.
    pub(crate) fn len(&self) -> usize {
        self.rules.len()
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.rules.is_empty()
    }

    /// Adds rules at the end.
    pub(crate) fn append(&mut self, rules: &[Arc<Rule>]) {
        Arc::make_mut(&mut self.rules).append(rules);
        self.uses.append(rules.iter().map(|rule| (0, rule.times)));
    }

    /// Takes these rules instead; those written as before keep their counters.
    pub(crate) fn replace(&mut self, rules: &Arc<Rules>) {
        let written = |rule: &Rule| crate::random::canonical(&rule.source.to_json());
        let counts = self.uses.counts();
        let mut before: HashMap<u64, VecDeque<u64>> = HashMap::new();
        for (index, rule) in self.rules.iter().enumerate() {
            before.entry(written(rule)).or_default().push_back(counts.used(index));
        }
        let mut used = |rule: &Rule| match before.is_empty() {
            true => None,
            false => before.get_mut(&written(rule))?.pop_front(),
        };
        let uses = Uses::default();
        uses.append(rules.iter().map(|rule| (used(rule).unwrap_or(0), rule.times)));
        *self = Script { rules: rules.clone(), uses: Arc::new(uses) };
    }

    /// Who is told of every use from now on.
    pub(crate) fn keep(&self, keeper: UseKeeper) {
        self.uses.keep(keeper);
    }

    /// Takes over how often its rules were used.
    pub(crate) fn restore(&self, used: impl Fn(usize) -> Option<u64>) {
        for (index, rule) in self.rules.iter().enumerate() {
            if let Some(used) = used(index) {
                self.uses.restore(index, used, rule.times);
            }
        }
    }

    /// What stands for each rule, also when the script is loaded again with more of them: its text, and its number among
    /// equal ones.
    pub(crate) fn names(&self) -> Vec<(u64, u64)> {
        let mut seen: HashMap<u64, u64> = HashMap::new();
        let name = |rule: &Arc<Rule>| {
            let text = crate::random::canonical(&rule.source.to_json());
            let nth = seen.entry(text).or_insert(0);
            *nth += 1;
            (text, *nth - 1)
        };
        self.rules.iter().map(name).collect()
    }

    /// Makes ready what picking needs, so that no request has to.
    pub(crate) fn prepare(&self) {
        self.rules.prepare();
    }

    /// Takes a step: the first rule that still has uses, matches, and whose reply can answer the operation; only rules
    /// below the one at `after`, which was tried and passed.
    /// `Ok(None)` = no rule answers and none has to, because the emulator computes this operation itself.
    pub(crate) fn pick(&self, view: &View, after: Option<usize>) -> Result<Option<Picked>, Miss> {
        let family = Family::asked(view);
        let from = after.map_or(0, |index| index.saturating_add(1));
        for (index, rule) in self.rules.candidates(view, from, |word| self.uses.live(word)) {
            let mut matches = None;
            let mut used = self.uses.used(index);
            // Whoever takes a use meanwhile may have changed what the next one says, or taken the last.
            while has_uses(rule, used) && can_answer(rule, used, family) {
                if !*matches.get_or_insert_with(|| rule.matcher.holds(view)) {
                    break;
                }
                match self.uses.take(index, used, rule.times) {
                    Ok(()) => return chosen(rule, index, used, view),
                    Err(now) => used = now,
                }
            }
        }
        if family == Family::Text { Err(self.miss(view)) } else { Ok(None) }
    }

    /// Gives back a step that was not used after all (a function that passed).
    pub(crate) fn put_back(&self, picked: &Picked) {
        self.uses.put_back(picked.index, picked.rule.times);
    }

    /// Rules with uses left; optional and unlimited ones never count.
    pub(crate) fn unused(&self) -> Vec<Unused> {
        let counts = self.uses.counts();
        let rules = self.rules.iter().enumerate().filter(|(_, rule)| !rule.optional);
        let left = rules.filter_map(|(index, rule)| Some((rule, left(rule, &counts, index).filter(|left| *left > 0)?)));
        left.map(|(rule, left)| Unused {
            name: rule.name.clone(),
            path: rule.path.to_string(),
            place: rule.place.clone(),
            left,
            source: rule.source.to_json(),
        })
        .collect()
    }

    /// Every rule with its uses, for `GET /_emulator/state`.
    pub(crate) fn state(&self) -> Value {
        let uses = |uses: Option<u64>| uses.map_or(json!("unlimited"), Value::from);
        let counts = self.uses.counts();
        let rule = |(index, rule): (usize, &Arc<Rule>)| {
            json!({
                "name": rule.name,
                "path": rule.path,
                "times": uses(rule.times),
                "used": counts.used(index),
                "left": uses(left(rule, &counts, index)),
                "optional": rule.optional,
                "rule": rule.source.to_json(),
            })
        };
        self.rules.iter().enumerate().map(rule).collect()
    }
}

/// A rule that was taken: its reply, if what it expects holds.
fn chosen(rule: &Arc<Rule>, index: usize, used: u64, view: &View) -> Result<Option<Picked>, Miss> {
    match rule.expect.as_ref().map(|expect| expect.check(view)) {
        Some(Err(mismatch)) => Err(Miss::expectation(rule, &mismatch)),
        _ => Ok(next_reply(rule, used).map(|reply| Picked { rule: rule.clone(), index, reply: reply.clone() })),
    }
}

fn has_uses(rule: &Rule, used: u64) -> bool {
    rule.times.is_none_or(|times| used < times)
}

fn left(rule: &Rule, counts: &Counts, index: usize) -> Option<u64> {
    rule.times.map(|times| times.saturating_sub(counts.used(index)))
}

/// What a rule says that has been used so often.
fn next_reply(rule: &Rule, used: u64) -> Option<&Arc<Reply>> {
    let index = usize::try_from(used).unwrap_or(usize::MAX);
    rule.replies.get(index).or(rule.replies.last())
}

fn can_answer(rule: &Rule, used: u64, family: Family) -> bool {
    next_reply(rule, used).is_some_and(|reply| family.takes(reply, &rule.matcher))
}
