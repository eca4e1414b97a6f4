//! The script as a responder: rules in order, and how often each was used.

use super::fallback::named;
use crate::api::error::ApiError;
use crate::exchange::Outcome;
use crate::matching::View;
use crate::reply::json::Rule;
use crate::reply::json::place::clip;
use crate::reply::{Reply, Say};
use crate::surface::Family;
use crate::turn::{Answering, Found, Responder, Response, Turn};
use serde_json::{Value, json};
use std::collections::{HashMap, VecDeque};
use std::fmt::Write;
use std::sync::Arc;

/// The session's script, else the shared one.
pub struct Scripted;

impl Responder for Scripted {
    fn name(&self) -> &'static str {
        "script"
    }

    fn reply<'a>(&'a self, turn: &'a Turn<'a>) -> Answering<'a> {
        Box::pin(scan(turn))
    }
}

/// Takes a step; functions that pass let the scan go on below.
async fn scan(turn: &Turn<'_>) -> Result<Response, ApiError> {
    let call = turn.call;
    let view = turn.view();
    let mut after = None;
    loop {
        let picked = match call.session.pick(&call.shared, &view, after) {
            None | Some(Ok(None)) => return Ok(Response::Pass(None)),
            Some(Ok(Some(picked))) => picked,
            Some(Err(miss)) if miss.is_expectation() => {
                call.exchange.note(|record| {
                    record.outcome = Outcome::Scripted;
                    record.explanation = Some(miss.message.clone());
                });
                return Err(ApiError::emulator("expectation_failed", miss.message));
            }
            Some(Err(miss)) => return Ok(Response::Pass(Some(miss.message))),
        };
        if let Some(refusal) = call.exchange.refusal.get() {
            call.session.put_back(&call.shared, &picked);
            return Err(refusal.clone());
        }
        // Noted first: a function that throws is this rule's failure.
        let before = call.exchange.note(|record| {
            record.rule = Some(picked.rule.clone());
            std::mem::replace(&mut record.outcome, Outcome::Scripted)
        });
        let mut found = match answer(&picked.reply, turn).await? {
            Some(found) => found,
            None => {
                call.exchange.note(|record| {
                    record.outcome = before;
                    record.rule = None;
                });
                call.session.put_back(&call.shared, &picked);
                after = Some(picked.index);
                continue;
            }
        };
        found.scripted = true;
        return Ok(match found.reply.say {
            Say::Nothing if turn.prompt.is_some() => Response::Over(found.over()),
            _ => Response::Reply(found),
        });
    }
}

/// A step's reply: as written, or of whom it names. `None` = whom it names passes.
async fn answer(reply: &Arc<Reply>, turn: &Turn<'_>) -> Result<Option<Found>, ApiError> {
    let Say::Ask(ask) = &reply.say else { return Ok(Some(Found::new(reply.clone()))) };
    let found = match named(ask, turn).await? {
        Response::Reply(found) => found.or(reply),
        _ => return Ok(None),
    };
    // A function may name a responder in its turn.
    match &found.reply.say {
        Say::Ask(ask) => match named(ask, turn).await? {
            Response::Reply(inner) => Ok(Some(inner.broken_by(found.over()))),
            _ => Ok(None),
        },
        _ => Ok(Some(found)),
    }
}

/// Ordered rules with their counters. Its owner's lock makes a pick atomic.
#[derive(Debug, Default)]
pub struct Script(Vec<Entry>);

#[derive(Debug)]
struct Entry {
    rule: Arc<Rule>,
    used: u64,
}

/// The rule that answers.
#[derive(Debug, Clone)]
pub struct Picked {
    pub rule: Arc<Rule>,
    /// Its place in the script.
    pub index: usize,
    pub reply: Arc<Reply>,
    /// Which use this is, from 1.
    pub use_number: u64,
}

/// Why the script gives no reply, told so that the test's author sees what to do.
#[derive(Debug, Clone, PartialEq)]
pub struct Miss {
    /// `no_matching_rule`; or `expectation_failed`, which no fallback may answer.
    pub code: &'static str,
    pub message: String,
    /// Label of the rule that came nearest, or whose expectation failed.
    pub nearest: Option<String>,
}

impl Miss {
    /// Whether a rule was chosen and its `expect` did not hold.
    pub fn is_expectation(&self) -> bool {
        self.code == "expectation_failed"
    }

    /// As the answer to the request.
    pub fn to_api_error(&self) -> ApiError {
        ApiError::emulator(self.code, &self.message)
    }
}

/// A rule with replies nobody asked for.
#[derive(Debug, Clone, PartialEq)]
pub struct Unused {
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
    pub fn to_json(&self) -> Value {
        json!({"name": self.name, "path": self.path, "place": self.place.as_deref(), "left": self.left, "rule": self.source})
    }
}

impl Script {
    pub fn new() -> Self {
        Script::default()
    }

    /// Number of rules, used up or not.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Adds rules at the end.
    pub fn append(&mut self, rules: &[Arc<Rule>]) {
        self.0.extend(rules.iter().map(|rule| Entry { rule: rule.clone(), used: 0 }));
    }

    /// Takes these rules instead; those written as before keep their counters.
    pub fn replace(&mut self, rules: &[Arc<Rule>]) {
        let mut before: HashMap<u64, VecDeque<u64>> = HashMap::new();
        for entry in self.0.drain(..) {
            before.entry(crate::random::canonical(&entry.rule.source)).or_default().push_back(entry.used);
        }
        let mut used = |rule: &Rule| before.get_mut(&crate::random::canonical(&rule.source))?.pop_front();
        self.0 = rules.iter().map(|rule| Entry { rule: rule.clone(), used: used(rule).unwrap_or(0) }).collect();
    }

    /// Takes a step: the first rule that still has uses, matches, and whose reply can answer the operation.
    /// `Ok(None)` = no rule answers and none has to, because the emulator computes this operation itself.
    pub fn pick(&mut self, view: &View) -> Result<Option<Picked>, Miss> {
        self.pick_from(0, view)
    }

    /// The same below the rule at `index`: it was tried and passed.
    pub fn pick_after(&mut self, index: usize, view: &View) -> Result<Option<Picked>, Miss> {
        self.pick_from(index.saturating_add(1), view)
    }

    fn pick_from(&mut self, start: usize, view: &View) -> Result<Option<Picked>, Miss> {
        let family = Family::asked(view);
        let found = self
            .0
            .iter_mut()
            .enumerate()
            .skip(start)
            .find(|(_, entry)| entry.has_uses() && entry.can_answer(family) && entry.rule.matcher.holds(view));
        let Some((index, entry)) = found else {
            return if family == Family::Text { Err(self.miss(view)) } else { Ok(None) };
        };
        let Some(reply) = entry.next_reply().cloned() else { return Ok(None) };
        entry.used += 1;
        if let Some(expect) = &entry.rule.expect
            && let Err(mismatch) = expect.check(view)
        {
            let label = entry.rule.label().to_string();
            let message = format!("Rule {label} was chosen, but what it expects does not hold. {mismatch}.");
            return Err(Miss { code: "expectation_failed", message, nearest: Some(label) });
        }
        Ok(Some(Picked { rule: entry.rule.clone(), index, reply, use_number: entry.used }))
    }

    /// Gives back a step that was not used after all (a function that passed).
    pub fn put_back(&mut self, picked: &Picked) {
        // The script may have been reset since; then there is nothing to give back to.
        if let Some(entry) = self.0.get_mut(picked.index).filter(|entry| Arc::ptr_eq(&entry.rule, &picked.rule)) {
            entry.used = entry.used.saturating_sub(1);
        }
    }

    /// Rules with uses left; optional and unlimited ones never count.
    pub fn unused(&self) -> Vec<Unused> {
        let entries = self.0.iter().filter(|entry| !entry.rule.optional);
        let left = entries.filter_map(|entry| Some((entry, entry.left().filter(|left| *left > 0)?)));
        left.map(|(entry, left)| Unused {
            name: entry.rule.name.clone(),
            path: entry.rule.path.clone(),
            place: entry.rule.place.clone(),
            left,
            source: entry.rule.source.clone(),
        })
        .collect()
    }

    /// Every rule with its uses, for `GET /_emulator/state`.
    pub fn state(&self) -> Value {
        let uses = |uses: Option<u64>| uses.map_or(json!("unlimited"), Value::from);
        let rule = |entry: &Entry| {
            json!({
                "name": entry.rule.name,
                "path": entry.rule.path,
                "times": uses(entry.rule.times),
                "used": entry.used,
                "left": uses(entry.left()),
                "optional": entry.rule.optional,
                "rule": entry.rule.source,
            })
        };
        self.0.iter().map(rule).collect()
    }

    /// Explains a request that no rule answers.
    fn miss(&self, view: &View) -> Miss {
        /// Most rules one message lists.
        const LISTED: usize = 5;
        let family = Family::asked(view);
        let mut message = match view.user_text {
            "" => format!("No matching rule for {} without user text.", view.operation),
            text => format!("No matching rule for message: {} ({}).", clip(text), view.operation),
        };
        let mut say = |line: String| {
            message.push('\n');
            message.push_str(&line);
        };
        if self.0.is_empty() {
            say("The script has no rules; give some with responses or rules.".into());
        }
        let (live, spent): (Vec<&Entry>, Vec<&Entry>) = self.0.iter().partition(|entry| entry.has_uses());
        let (able, unable): (Vec<&Entry>, Vec<&Entry>) = live.iter().partition(|entry| entry.can_answer(family));
        let nearest = able.iter().min_by_key(|entry| entry.rule.matcher.failures(view));
        if let Some(entry) = nearest
            && let Err(mismatch) = entry.rule.matcher.check(view)
        {
            say(format!("Nearest rule: {}. {mismatch}.", entry.rule.label()));
        }
        let matching = |entries: &[&Entry]| -> Vec<String> {
            let fits = entries.iter().filter(|entry| entry.rule.matcher.holds(view));
            fits.map(|entry| entry.described()).collect()
        };
        let left: Vec<String> = live.iter().map(|entry| entry.described()).collect();
        let groups = [
            ("Would match, but used up", matching(&spent)),
            ("Would match, but cannot answer this operation", matching(&unable)),
            ("Left", left),
        ];
        for (title, rules) in groups.into_iter().filter(|(_, rules)| !rules.is_empty()) {
            let mut line = format!("{title}: {}", rules[..rules.len().min(LISTED)].join(", "));
            if rules.len() > LISTED {
                let _ = write!(line, " and {} more", rules.len() - LISTED);
            }
            say(line + ".");
        }
        if live.is_empty() && !self.0.is_empty() {
            say(format!("All {} rules are used up.", self.0.len()));
        }
        Miss { code: "no_matching_rule", message, nearest: nearest.map(|entry| entry.rule.label().to_string()) }
    }
}

impl Entry {
    fn has_uses(&self) -> bool {
        self.rule.times.is_none_or(|times| self.used < times)
    }

    fn left(&self) -> Option<u64> {
        self.rule.times.map(|times| times.saturating_sub(self.used))
    }

    fn next_reply(&self) -> Option<&Arc<Reply>> {
        let index = usize::try_from(self.used).unwrap_or(usize::MAX);
        self.rule.replies.get(index).or(self.rule.replies.last())
    }

    fn can_answer(&self, family: Family) -> bool {
        self.next_reply().is_some_and(|reply| family.takes(reply, &self.rule.matcher))
    }

    /// Label and uses, for lists.
    fn described(&self) -> String {
        match self.rule.times {
            None => format!("{} (unlimited)", self.rule.label()),
            Some(times) => format!("{} (used {} of {times})", self.rule.label(), self.used),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::headers::Headers;
    use crate::prompt::{Message, Prompt, Role};
    use crate::reply::json::{Origin, load};
    use crate::reply::{Part, Say};

    fn script(json: Value) -> Script {
        let mut script = Script::new();
        script.append(&load(&json.to_string(), Origin::Http).unwrap().rules);
        script
    }

    /// What `operation` gets for a user text: the reply's text, or the label of its rule.
    fn ask(script: &mut Script, operation: &str, user: &str) -> Result<Option<String>, Miss> {
        let prompt = Prompt { messages: vec![Message::new(Role::User, user)], ..Prompt::default() };
        let view = View {
            prompt: Some(&prompt),
            user_text: user,
            operation,
            path: "/v1/x",
            method: "POST",
            headers: &Headers::default(),
            body: &Value::Null,
            model: "gpt-4o",
            stream: false,
        };
        let picked = script.pick(&view)?;
        Ok(picked.map(|picked| match &picked.reply.say {
            Say::Choices(choices) => match choices[0].parts.first() {
                Some(Part::Text(text)) => text.text.clone(),
                _ => picked.rule.label().to_string(),
            },
            _ => picked.rule.label().to_string(),
        }))
    }

    fn chat(script: &mut Script, user: &str) -> String {
        match ask(script, "chat.completions.create", user) {
            Ok(text) => text.unwrap_or_default(),
            Err(miss) => miss.code.to_string(),
        }
    }

    #[test]
    fn a_list_is_scanned_not_played() {
        let mut script = script(json!({"responses": ["F", {"pattern": "help", "response": "H", "times": 2}, "S"]}));
        let answers: Vec<String> = (0..5).map(|_| chat(&mut script, "help")).collect();
        assert_eq!(answers, ["F", "H", "H", "S", "no_matching_rule"]);
    }

    #[test]
    fn a_map_is_tried_in_written_order_without_limit() {
        let mut script = script(json!({"responses": {"hello.*world": "both", "hello": "one", ".*": "rest"}}));
        for _ in 0..2 {
            assert_eq!(chat(&mut script, "hello world"), "both");
            assert_eq!(chat(&mut script, "hello"), "one");
            assert_eq!(chat(&mut script, ""), "rest");
        }
    }

    #[test]
    fn responses_are_given_in_turn_and_the_last_repeats() {
        let mut script = script(json!({"rules": [{"responses": ["a", "b"], "times": 3}]}));
        let answers: Vec<String> = (0..4).map(|_| chat(&mut script, "x")).collect();
        assert_eq!(answers, ["a", "b", "b", "no_matching_rule"]);
    }

    #[test]
    fn a_rule_answers_only_what_its_reply_can() {
        let mut script = script(json!({"responses": [
            {"name": "broken", "error": {"status": 500}},
            {"name": "vector", "embedding": [1]},
            {"name": "uploads", "match": {"operation": "files.*"}, "error": {"status": 500}},
            "text"
        ]}));
        assert_eq!(ask(&mut script, "embeddings.create", "x"), Ok(Some("vector".into())));
        assert_eq!(ask(&mut script, "embeddings.create", "x"), Ok(None));
        assert_eq!(ask(&mut script, "models.list", ""), Ok(None));
        assert_eq!(ask(&mut script, "files.create", ""), Ok(Some("uploads".into())));
        assert_eq!(chat(&mut script, "x"), "broken");
        assert_eq!(chat(&mut script, "x"), "text");
    }

    #[test]
    fn a_broken_expectation_uses_the_step_and_shows_the_difference() {
        let mut script = script(json!({"responses": [{"text": "a", "expect": {"model": "gpt-5"}, "name": "first"}]}));
        let miss = ask(&mut script, "chat.completions.create", "x").unwrap_err();
        assert!(miss.is_expectation());
        assert_eq!(
            miss.message,
            "Rule first was chosen, but what it expects does not hold. model: wanted \"gpt-5\", got \"gpt-4o\"."
        );
        assert!(script.unused().is_empty());
    }

    #[test]
    fn a_miss_explains_itself() {
        let mut script = script(json!({"responses": [
            "once",
            {"match": {"user": "weather", "stream": true}, "text": "x", "name": "far"},
            {"match": "weath", "text": "y", "name": "near"}
        ]}));
        chat(&mut script, "hello");
        let miss = ask(&mut script, "chat.completions.create", "hello").unwrap_err();
        assert_eq!(
            miss.message.lines().collect::<Vec<_>>(),
            [
                "No matching rule for message: hello (chat.completions.create).",
                "Nearest rule: near. user: wanted /weath/, got \"hello\".",
                "Would match, but used up: responses[0] (used 1 of 1).",
                "Left: far (used 0 of 1), near (used 0 of 1).",
            ]
        );
        assert_eq!(miss.nearest.as_deref(), Some("near"));
    }

    #[test]
    fn a_step_given_back_can_be_taken_again() {
        let mut script = script(json!({"responses": ["a", "b"]}));
        let prompt = Prompt::default();
        let view = View {
            prompt: Some(&prompt),
            user_text: "",
            operation: "chat.completions.create",
            path: "",
            method: "POST",
            headers: &Headers::default(),
            body: &Value::Null,
            model: "",
            stream: false,
        };
        let first = script.pick(&view).unwrap().unwrap();
        script.put_back(&first);
        assert_eq!(script.pick_after(first.index, &view).unwrap().unwrap().index, 1);
        assert_eq!(script.pick(&view).unwrap().unwrap().index, 0);
    }

    #[test]
    fn replacing_keeps_counters_of_unchanged_rules() {
        let mut kept = script(json!({"responses": ["a", {"match": "b", "text": "b", "times": 2}]}));
        chat(&mut kept, "b");
        chat(&mut kept, "b");
        let newer = json!({"responses": [{"match": "b", "text": "b", "times": 2}, "new", "a"]});
        kept.replace(&load(&newer.to_string(), Origin::Http).unwrap().rules);
        let left: Vec<(String, u64)> = kept.unused().into_iter().map(|rule| (rule.path, rule.left)).collect();
        assert_eq!(left, [("responses[0]".to_string(), 1), ("responses[1]".to_string(), 1)]);
    }

    #[test]
    fn optional_and_unlimited_rules_are_never_unused() {
        let script = script(json!({"responses": [
            {"text": "a", "optional": true}, {"text": "b", "times": -1}, {"text": "c", "times": 0}, {"text": "d", "times": 2}
        ]}));
        assert_eq!(script.unused().len(), 1);
        assert_eq!(script.state()[3]["left"], 2);
        assert_eq!(script.state()[1]["left"], "unlimited");
    }
}
