//! Rules found by their index are those that a plain scan over all of them finds, with the same explanations.

use crate::prompt::{Format, Message, PastCall, Prompt, Role, Tool, ToolKind};
use crate::script::Origin;
use crate::script::load;
use crate::script::play::*;
use crate::wire::headers::Headers;
use proptest::prelude::*;

/// The rule a plain scan chooses.
fn scan(rules: &[Arc<Rule>], used: &[u64], view: &View, after: Option<usize>) -> Option<usize> {
    let family = Family::asked(view);
    let from = after.map_or(0, |index| index + 1);
    (from..rules.len()).find(|index| {
        let (rule, used) = (&rules[*index], used[*index]);
        has_uses(rule, used) && can_answer(rule, used, family) && rule.matcher.holds(view)
    })
}

/// The label of the rule that fails in fewest conditions, and the labels of those that would match but for their uses
/// or their reply, by a plain scan.
fn explain(rules: &[Arc<Rule>], used: &[u64], view: &View) -> (Option<String>, [usize; 3]) {
    let family = Family::asked(view);
    let all = || rules.iter().zip(used);
    let live = |(rule, used): &(&Arc<Rule>, &u64)| has_uses(rule, **used);
    let able = |(rule, used): &(&Arc<Rule>, &u64)| can_answer(rule, **used, family);
    let holds = |(rule, _): &(&Arc<Rule>, &u64)| rule.matcher.holds(view);
    let failures = |(rule, _): &(&Arc<Rule>, &u64)| match rule.matcher.holds(view) {
        true => 0,
        false => rule.matcher.failures(view, usize::MAX).unwrap_or_default(),
    };
    let nearest = all().filter(live).filter(able).min_by_key(failures).map(|(rule, _)| rule.label().to_string());
    let spent = all().filter(|one| !live(one) && holds(one)).count();
    let unable = all().filter(|one| live(one) && !able(one) && holds(one)).count();
    (nearest, [spent, unable, all().filter(live).count()])
}

/// How many rules each line of a message names.
fn listed(message: &str) -> [usize; 3] {
    ["Would match, but used up: ", "Would match, but cannot answer this operation: ", "Left: "].map(|title| {
        let Some(line) = message.lines().find_map(|line| line.strip_prefix(title)) else { return 0 };
        let more = line.trim_end_matches(" more.").rsplit_once(" and ").and_then(|(_, count)| count.parse().ok());
        line.matches("(used ").count() + line.matches("(unlimited)").count() + more.unwrap_or(0)
    })
}

fn word() -> impl Strategy<Value = String> {
    prop::sample::select(vec!["a", "ab", "abc", "b", "bc", "K", "ſ", "order 1", "order 12", "gpt", "x"])
        .prop_map(str::to_string)
}

fn pattern() -> impl Strategy<Value = String> {
    prop_oneof![
        4 => word(),
        1 => word().prop_map(|word| format!("^{word}$")),
        1 => word().prop_map(|word| format!("/{word}/i")),
        1 => (word(), word()).prop_map(|(one, other)| format!("{one}|{other}")),
        1 => (word(), word()).prop_map(|(one, other)| format!("{one}.*{other}")),
        1 => Just("\\d+".to_string()),
        1 => Just(".*".to_string()),
    ]
}

fn condition() -> impl Strategy<Value = (&'static str, Value)> {
    prop_oneof![
        4 => pattern().prop_map(|pattern| ("user", json!(pattern))),
        1 => pattern().prop_map(|pattern| ("system", json!(pattern))),
        1 => pattern().prop_map(|pattern| ("any_message", json!(pattern))),
        1 => word().prop_map(|model| ("model", json!(model))),
        1 => word().prop_map(|model| ("model", json!(format!("/{model}/")))),
        1 => prop::sample::select(vec!["chat", "responses", "chat.*", "embeddings.create"]).prop_map(|name| ("operation", json!(name))),
        1 => word().prop_map(|tool| ("tool_offered", json!(tool))),
        1 => word().prop_map(|tool| ("tool_result", json!(tool))),
        1 => (word(), pattern()).prop_map(|(tool, text)| ("tool_result", json!({"tool": tool, "text": text}))),
        1 => Just(("tool_result", json!(false))),
        1 => (0u64..3).prop_map(|turn| ("turn", json!(turn))),
        1 => any::<bool>().prop_map(|stream| ("stream", json!(stream))),
        1 => prop::sample::select(vec!["text", "json_object"]).prop_map(|format| ("format", json!(format))),
        1 => pattern().prop_map(|pattern| ("header", json!({"x-team": pattern}))),
        1 => (word(), 0u64..2).prop_map(|(word, n)| ("body", json!({"metadata": {"case": word}, "n": n as f64}))),
        1 => prop::sample::select(vec!["post", "GET"]).prop_map(|method| ("method", json!(method))),
        1 => pattern().prop_map(|pattern| ("not", json!({"user": pattern}))),
    ]
}

fn rule() -> impl Strategy<Value = Value> {
    let reply = prop_oneof![
        4 => Just(json!({"text": "t"})),
        1 => Just(json!({"embedding": [1]})),
        1 => Just(json!({"error": {"status": 500}})),
        1 => Just(json!({"responses": ["one", {"embedding": [1]}]})),
    ];
    (reply, prop::collection::vec(condition(), 0..3), -1i64..4, prop::option::weighted(0.1, word()), any::<bool>())
        .prop_map(|(mut rule, conditions, times, expect, optional)| {
            if !conditions.is_empty() {
                rule["match"] = conditions.into_iter().map(|(key, value)| (key.to_string(), value)).collect();
            }
            // Of two replies the second must be able to come.
            if times != 3 && !(times == 1 && rule.get("responses").is_some()) {
                rule["times"] = json!(times);
            }
            if let Some(expect) = expect {
                rule["expect"] = json!({"user": expect});
            }
            rule["optional"] = json!(optional);
            rule
        })
}

#[derive(Debug, Clone)]
struct Asked {
    prompt: Prompt,
    operation: &'static str,
    model: String,
    team: String,
    body: Value,
    /// The function it comes to passes.
    passes: bool,
}

fn asked() -> impl Strategy<Value = Asked> {
    let operations = vec!["chat.completions.create", "responses.create", "embeddings.create", "files.list"];
    let texts = (word(), word(), word(), word());
    (texts, prop::sample::select(operations), word(), any::<[bool; 4]>(), 0u64..2).prop_map(
        |((one, other, tool, team), operation, model, [result, stream, format, passes], n)| {
            let user = format!("{one} {other}");
            let mut messages = vec![Message::new(Role::System, &other), Message::new(Role::User, user)];
            if result {
                let id = "call_1".to_string();
                let call = PastCall { id: id.clone(), name: tool.clone(), arguments: String::new(), returned: false };
                messages.push(Message { tool_calls: vec![call], ..Message::new(Role::Assistant, "") });
                messages.push(Message { tool_call_id: Some(id), ..Message::new(Role::Tool, &one) });
            }
            let kind = ToolKind::Function;
            let tool = Tool { kind, name: tool, description: None, parameters: None, strict: false };
            let format = if format { Format::JsonObject } else { Format::Text };
            let prompt = Prompt { messages, tools: vec![tool], stream, format, ..Prompt::default() };
            let body = json!({"metadata": {"case": team, "other": 1}, "n": n});
            Asked { prompt, operation, model, team, body, passes }
        },
    )
}

/// The script's rules, loaded in these many steps.
fn loaded(rules: &[Value], step: usize) -> (Script, Vec<Arc<Rule>>) {
    let (mut script, mut all) = (Script::new(), Vec::new());
    for rules in rules.chunks(step) {
        let more = load(&json!({"rules": rules}).to_string(), Origin::Http).unwrap().rules;
        script.append(&more);
        all.extend(more);
    }
    (script, all)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 300, ..Default::default() })]

    #[test]
    fn the_index_finds_what_a_scan_finds(
        rules in prop::collection::vec(rule(), 0..120),
        requests in prop::collection::vec(asked(), 1..40),
        step in 1usize..120,
    ) {
        let (script, all) = loaded(&rules, step);
        let mut used = vec![0u64; all.len()];
        for asked in requests {
            let user = asked.prompt.user_text();
            let headers = Headers::single("x-team", &asked.team);
            let view = View {
                prompt: (asked.operation != "files.list").then_some(&asked.prompt),
                user_text: &user,
                operation: asked.operation,
                also: None,
                path: "/v1/x",
                method: "POST",
                headers: &headers,
                body: &asked.body,
                model: &asked.model,
                stream: asked.prompt.stream,
            };
            let mut after = None;
            loop {
                let wanted = scan(&all, &used, &view, after);
                let given = script.pick(&view, after);
                let Some(index) = wanted else {
                    match given {
                        Ok(picked) => prop_assert!(picked.is_none() && Family::asked(&view) != Family::Text),
                        Err(miss) => {
                            let (nearest, counts) = explain(&all, &used, &view);
                            prop_assert!(!miss.is_expectation(), "{}", miss.message);
                            prop_assert_eq!(miss.nearest, nearest);
                            prop_assert_eq!(listed(&miss.message), counts, "{}", miss.message);
                        }
                    }
                    break;
                };
                used[index] += 1;
                if all[index].expect.as_ref().is_some_and(|expect| expect.check(&view).is_err()) {
                    prop_assert!(given.is_err_and(|miss| miss.is_expectation()));
                    break;
                }
                let picked = given.unwrap().unwrap();
                prop_assert_eq!(picked.index, index);
                if !asked.passes {
                    break;
                }
                script.put_back(&picked);
                used[index] -= 1;
                after = Some(index);
            }
        }
        let counts = script.uses.counts();
        prop_assert_eq!((0..all.len()).map(|index| counts.used(index)).collect::<Vec<_>>(), used);
    }
}

#[test]
fn a_use_is_taken_once_however_many_ask_at_the_same_time() {
    let rules: Vec<Value> = (0..300).map(|_| json!({"match": "hello", "text": "x"})).collect();
    let (script, _) = loaded(&rules, 300);
    let ask = || {
        let prompt = Prompt { messages: vec![Message::new(Role::User, "hello")], ..Prompt::default() };
        let view = View::of_chat(&prompt, "hello");
        std::iter::from_fn(|| script.pick(&view, None).ok()?.map(|picked| picked.index)).collect::<Vec<_>>()
    };
    let mut taken: Vec<usize> = std::thread::scope(|scope| {
        let askers: Vec<_> = (0..4).map(|_| scope.spawn(ask)).collect();
        askers.into_iter().flat_map(|asker| asker.join().unwrap()).collect()
    });
    taken.sort_unstable();
    assert_eq!(taken, (0..300).collect::<Vec<_>>());
    assert!(script.unused().is_empty());
}
