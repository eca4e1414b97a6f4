//! Why a script gives no reply, told so that the test's author sees what to do.

use crate::script::Rule;
use crate::script::matching::Mismatch;
use crate::script::matching::View;
use crate::script::place::clip;
use crate::script::play::{Script, can_answer, has_uses, left};
use crate::surface::Family;
use serde_json::{Value, json};
use std::fmt::Write;
use std::sync::Arc;

/// Most rules one message lists.
const LISTED: usize = 5;

/// Why the script gives no reply.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Miss {
    /// `no_matching_rule`; or `expectation_failed`, which no fallback may answer.
    pub code: &'static str,
    pub message: String,
    /// Label of the rule that came nearest, or whose expectation failed.
    pub nearest: Option<String>,
}

impl Miss {
    /// Whether a rule was chosen and its `expect` did not hold.
    pub(crate) fn is_expectation(&self) -> bool {
        self.code == "expectation_failed"
    }

    pub(super) fn expectation(rule: &Rule, mismatch: &Mismatch) -> Miss {
        let label = rule.label().to_string();
        let message = format!("Rule {label} was chosen, but what it expects does not hold. {mismatch}.");
        Miss { code: "expectation_failed", message, nearest: Some(label) }
    }
}

/// Most rules of which it is said why they do not answer.
const TOLD: usize = 2_000;

impl Script {
    /// Each rule against a request, as it stands now: whether it would answer, and if not, why. Used-up rules are told
    /// with what else is against them.
    pub(crate) fn why(&self, view: &View) -> Vec<Value> {
        let family = Family::asked(view);
        let counts = self.uses.counts();
        let rule = |(index, rule): (usize, &Arc<Rule>)| {
            let used = counts.used(index);
            let used_up = !has_uses(rule, used);
            let mismatches = rule.matcher.mismatches(view);
            let able = can_answer(rule, used, family);
            let spent = used_up.then(|| format!("It is used up: {used} of {}.", rule.times.unwrap_or(used)));
            let unable = (!able).then(|| format!("Its reply cannot answer {}.", view.operation));
            let differs = mismatches.iter().map(|mismatch| format!("{mismatch}."));
            let why: Vec<String> = spent.into_iter().chain(unable).chain(differs).collect();
            json!({
                "index": index,
                "rule": rule.label(),
                "matches": mismatches.is_empty() && able,
                "used_up": used_up,
                "left": left(rule, &counts, index).map_or(json!("unlimited"), Value::from),
                "why": (!why.is_empty()).then(|| why.join(" ")),
                "mismatches": mismatches.iter().map(|one| json!({"key": one.key, "wanted": one.wanted, "got": one.got})).collect::<Vec<_>>(),
            })
        };
        self.rules.iter().enumerate().take(TOLD).map(rule).collect()
    }

    /// Explains a request that no rule answers. Rules are named in full only as far as they are listed.
    pub(super) fn miss(&self, view: &View) -> Miss {
        let family = Family::asked(view);
        let counts = self.uses.counts();
        let mut message = match view.user_text {
            "" => format!("No matching rule for {} without user text.", view.operation),
            text => format!("No matching rule for message: {} ({}).", clip(text), view.operation),
        };
        let mut say = |line: String| {
            message.push('\n');
            message.push_str(&line);
        };
        if self.is_empty() {
            say("The script has no rules; give some with responses or rules.".into());
        }
        let live = counts.live();
        let rules = |places| Iterator::filter_map(places, |place: usize| Some((place, self.rules.get(place)?)));
        let able = |(place, rule): &(usize, &Arc<Rule>)| can_answer(rule, counts.used(*place), family);
        let holds = |(_, rule): &(usize, &Arc<Rule>)| rule.matcher.holds(view);
        // One that matches was tried and passed; nothing comes nearer.
        let passed = self.rules.candidates(view, 0, |word| live.word(word)).find(|one| able(one) && holds(one));
        let mut nearest = passed.map(|(_, rule)| (0, rule));
        for (_, rule) in rules(live.iter()).filter(able) {
            // All others fail in something.
            if nearest.is_some_and(|(failures, _)| failures <= 1) {
                break;
            }
            let bound = nearest.map_or(usize::MAX, |(failures, _)| failures);
            if let Some(failures) = rule.matcher.failures(view, bound) {
                nearest = Some((failures, rule));
            }
        }
        if let Some((_, rule)) = nearest
            && let Err(mismatch) = rule.matcher.check(view)
        {
            say(format!("Nearest rule: {}. {mismatch}.", rule.label()));
        }
        let described = |(place, rule): (usize, &Arc<Rule>)| match rule.times {
            None => format!("{} (unlimited)", rule.label()),
            Some(times) => format!("{} (used {} of {times})", rule.label(), counts.used(place)),
        };
        let mut list =
            |title: &str, mut rules: Box<dyn Iterator<Item = (usize, &Arc<Rule>)> + '_>, all: Option<usize>| {
                let shown: Vec<String> = rules.by_ref().take(LISTED).map(described).collect();
                if shown.is_empty() {
                    return;
                }
                let more = all.map_or_else(|| rules.count(), |all| all - shown.len());
                let mut line = format!("{title}: {}", shown.join(", "));
                if more > 0 {
                    let _ = write!(line, " and {more} more");
                }
                say(line + ".");
            };
        let spent = self.rules.candidates(view, 0, |word| !live.word(word)).filter(holds);
        list("Would match, but used up", Box::new(spent), None);
        let unable = self.rules.candidates(view, 0, |word| live.word(word)).filter(|one| !able(one) && holds(one));
        list("Would match, but cannot answer this operation", Box::new(unable), None);
        list("Left", Box::new(rules(live.iter())), Some(live.count()));
        if live.count() == 0 && !self.is_empty() {
            say(format!("All {} rules are used up.", self.len()));
        }
        Miss { code: "no_matching_rule", message, nearest: nearest.map(|(_, rule)| rule.label().to_string()) }
    }
}
