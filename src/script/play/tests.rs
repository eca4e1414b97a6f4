//! What a script answers, and how it explains that it does not.

use crate::prompt::{Message, Prompt, Role};
use crate::reply::{Part, Say};
use crate::script::Origin;
use crate::script::load;
use crate::script::play::*;

fn script(json: Value) -> Script {
    let mut script = Script::new();
    script.append(&load(&json.to_string(), Origin::Http).unwrap().rules);
    script
}

/// What `operation` gets for a user text: the reply's text, or the label of its rule.
fn ask(script: &Script, operation: &str, user: &str) -> Result<Option<String>, Miss> {
    let prompt = Prompt { messages: vec![Message::new(Role::User, user)], ..Prompt::default() };
    let view = View { operation, path: "/v1/x", model: "gpt-4o", ..View::of_chat(&prompt, user) };
    let picked = script.pick(&view, None)?;
    Ok(picked.map(|picked| match &picked.reply.say {
        Say::Choices(choices) => match choices[0].parts.first() {
            Some(Part::Text(text)) => text.text.clone(),
            _ => picked.rule.label().to_string(),
        },
        _ => picked.rule.label().to_string(),
    }))
}

fn chat(script: &Script, user: &str) -> String {
    match ask(script, "chat.completions.create", user) {
        Ok(text) => text.unwrap_or_default(),
        Err(miss) => miss.code.to_string(),
    }
}

#[test]
fn a_list_is_scanned_not_played() {
    let script = script(json!({"responses": ["F", {"pattern": "help", "response": "H", "times": 2}, "S"]}));
    let answers: Vec<String> = (0..5).map(|_| chat(&script, "help")).collect();
    assert_eq!(answers, ["F", "H", "H", "S", "no_matching_rule"]);
}

#[test]
fn a_map_is_tried_in_written_order_without_limit() {
    let script = script(json!({"responses": {"hello.*world": "both", "hello": "one", ".*": "rest"}}));
    for _ in 0..2 {
        assert_eq!(chat(&script, "hello world"), "both");
        assert_eq!(chat(&script, "hello"), "one");
        assert_eq!(chat(&script, ""), "rest");
    }
}

#[test]
fn responses_are_given_in_turn_and_the_last_repeats() {
    let script = script(json!({"rules": [{"responses": ["a", "b"], "times": 3}]}));
    let answers: Vec<String> = (0..4).map(|_| chat(&script, "x")).collect();
    assert_eq!(answers, ["a", "b", "b", "no_matching_rule"]);
}

#[test]
fn a_rule_answers_only_what_its_reply_can() {
    let script = script(json!({"responses": [
        {"name": "broken", "error": {"status": 500}},
        {"name": "vector", "embedding": [1]},
        {"name": "uploads", "match": {"operation": "files.*"}, "error": {"status": 500}},
        "text"
    ]}));
    assert_eq!(ask(&script, "embeddings.create", "x"), Ok(Some("vector".into())));
    assert_eq!(ask(&script, "embeddings.create", "x"), Ok(None));
    assert_eq!(ask(&script, "models.list", ""), Ok(None));
    assert_eq!(ask(&script, "files.create", ""), Ok(Some("uploads".into())));
    assert_eq!(chat(&script, "x"), "broken");
    assert_eq!(chat(&script, "x"), "text");
}

#[test]
fn a_broken_expectation_uses_the_step_and_shows_the_difference() {
    let script = script(json!({"responses": [{"text": "a", "expect": {"model": "gpt-5"}, "name": "first"}]}));
    let miss = ask(&script, "chat.completions.create", "x").unwrap_err();
    assert!(miss.is_expectation());
    assert_eq!(
        miss.message,
        "Rule first was chosen, but what it expects does not hold. model: wanted \"gpt-5\", got \"gpt-4o\"."
    );
    assert!(script.unused().is_empty());
}

#[test]
fn a_miss_explains_itself() {
    let script = script(json!({"responses": [
        "once",
        {"match": {"user": "weather", "stream": true}, "text": "x", "name": "far"},
        {"match": "weath", "text": "y", "name": "near"}
    ]}));
    chat(&script, "hello");
    let miss = ask(&script, "chat.completions.create", "hello").unwrap_err();
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
    let script = script(json!({"responses": ["a", "b"]}));
    let prompt = Prompt::default();
    let view = View::of_chat(&prompt, "");
    let first = script.pick(&view, None).unwrap().unwrap();
    script.put_back(&first);
    assert_eq!(script.pick(&view, Some(first.index)).unwrap().unwrap().index, 1);
    assert_eq!(script.pick(&view, None).unwrap().unwrap().index, 0);
}

#[test]
fn replacing_keeps_counters_of_unchanged_rules() {
    let mut kept = script(json!({"responses": ["a", {"match": "b", "text": "b", "times": 2}]}));
    chat(&kept, "b");
    chat(&kept, "b");
    let newer = json!({"responses": [{"match": "b", "text": "b", "times": 2}, "new", "a"]});
    let mut rules = Rules::default();
    rules.append(&load(&newer.to_string(), Origin::Http).unwrap().rules);
    kept.replace(&Arc::new(rules));
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
