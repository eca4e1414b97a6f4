//! Replies that arrive, held against the same replies when they are ready.

use crate::budget::Budget;
use crate::clock::Mode;
use crate::options::{Door, Options, Profile};
use crate::prompt::{Format, Prompt, Tool, ToolKind};
use crate::reply::Arrival;
use crate::reply::Arriving;
use crate::reply::Choice;
use crate::reply::Finish;
use crate::reply::Part;
use crate::reply::Piece;
use crate::reply::Reply;
use crate::reply::Say;
use crate::reply::Text;
use crate::reply::ToolCall;
use crate::script::Check;
use crate::session::Session;
use crate::session::exchange::Begun;
use crate::tokens::Encoding;
use crate::turn::limit;
use crate::turn::{Driver, Strictness};
use crate::wire::error::ApiError;
use proptest::prelude::*;
use serde_json::json;
use std::sync::Arc;
use std::time::Duration;

/// A driver of these pieces, which fails on a mismatch; all have come, and no more will.
pub(crate) fn driver<A: Into<Arrival>>(pieces: Vec<A>, prompt: &Prompt) -> Driver {
    let (sender, receiver) = tokio::sync::mpsc::channel(pieces.len().max(1));
    for piece in pieces {
        assert!(sender.try_send(piece.into()).is_ok());
    }
    let arriving = Arriving::new(receiver, Duration::MAX, ApiError::emulator("late", "late"), Box::new(()));
    let session = Arc::new(Session::new(
        "key",
        "key",
        Mode::Real,
        0,
        &Options::default().settle(Door::InProcess),
        &Arc::default(),
    ));
    let exchange = session.journal.number(Begun::default());
    let strictness =
        Strictness { level: Check::Fail, warns: false, profile: Profile::Strict, routes_by_model: true, exchange };
    Driver::new(arriving, prompt, Arc::default(), Encoding::O200k, strictness, Arc::new(Budget::default()))
}

/// Nobody behind a stream's status would say it as the profile does.
#[test]
fn the_emulators_own_complaints_are_no_server_errors_in_strict() {
    for (own, kind) in [(true, "invalid_request_error"), (false, "server_error")] {
        let error = match own {
            true => ApiError::emulator("reply_function_failed", "it threw"),
            false => ApiError::new(500, "as scripted").kind("server_error"),
        };
        let failed = collected(vec![Piece::Text("a".into()), Piece::Failed(error)], &Prompt::default());
        assert_eq!(failed.expect_err("failed").kind.as_deref(), Some(kind));
    }
}

fn collected<A: Into<Arrival>>(pieces: Vec<A>, prompt: &Prompt) -> Result<Vec<Choice>, ApiError> {
    let reply = futures_util::FutureExt::now_or_never(driver(pieces, prompt).collect()).expect("all is there")?;
    match reply.say {
        Say::Choices(choices) => Ok(choices),
        other => panic!("{other:?}"),
    }
}

/// The kinds and texts of a choice's parts, and how it ended.
type Shown = (Vec<(&'static str, String)>, Option<Finish>);

fn shown(choices: &[Choice]) -> Vec<Shown> {
    let part = |part: &Part| match part {
        Part::Text(text) => ("text", text.text.clone()),
        Part::Refusal(text) => ("refusal", text.text.clone()),
        Part::ToolCall(call) => ("call", format!("{}({})", call.name, call.arguments.text)),
        Part::Reasoning(summary) => ("reasoning", summary.join("|")),
        other => ("other", format!("{other:?}")),
    };
    choices.iter().map(|choice| (choice.parts.iter().map(part).collect(), choice.finish)).collect()
}

fn call(name: &str, arguments: &str) -> Piece {
    Piece::Call { name: Some(name.into()), id: None, custom: Some(false), arguments: arguments.into() }
}

fn more(arguments: &str) -> Piece {
    Piece::Call { name: None, id: None, custom: Some(false), arguments: arguments.into() }
}

fn offering(strict: bool) -> Prompt {
    let tool = Tool {
        name: "f".into(),
        kind: ToolKind::Function,
        strict,
        parameters: Some(json!({
            "type": "object", "properties": {"x": {"type": "integer"}}, "required": ["x"], "additionalProperties": false,
        })),
        description: None,
    };
    Prompt { tools: vec![tool], parallel_tool_calls: true, ..Prompt::default() }
}

#[test]
fn what_grows_is_the_last_part_of_its_choice() {
    let prompt = Prompt { n: 3, ..offering(false) };
    let at = |choice: usize, piece: Piece| Arrival { choice, piece };
    let choices = collected(
        vec![
            at(0, Piece::Reasoning("I think".into())),
            at(1, Piece::Text("b".into())),
            at(0, Piece::Text("on".into())),
            at(0, Piece::Text("e".into())),
            at(1, Piece::Refusal("no".into())),
            at(0, call("f", "{\"x\"")),
            at(0, more(":1}")),
            at(0, call("f", "{\"x\":2}")),
            at(1, Piece::Finish(Finish::Length)),
            at(0, Piece::Usage(json!({"prompt_tokens": 7}))),
        ],
        &prompt,
    )
    .expect("a reply");
    let first = vec![
        ("reasoning", "I think".to_string()),
        ("text", "one".into()),
        ("call", "f({\"x\":1})".into()),
        ("call", "f({\"x\":2})".into()),
    ];
    let second = vec![("text", "b".to_string()), ("refusal", "no".into())];
    let length = Some(Finish::Length);
    assert_eq!(shown(&choices), [(first, None), (second.clone(), length), (second, length)], "the last one repeats");
}

#[test]
fn what_the_request_forbids_fails_as_soon_as_it_shows() {
    let failure = |pieces: Vec<Piece>, prompt: &Prompt| {
        let error = collected(pieces, prompt).expect_err("it is refused");
        assert!(error.own, "the exchange fails with it");
        (error.code.clone().unwrap_or_default(), error.message)
    };
    let (code, message) = failure(vec![call("g", ""), Piece::Failed(ApiError::new(500, "later"))], &offering(false));
    assert_eq!(code, "script_mismatch");
    assert!(message.contains("calls the tool `g`"), "{message}");
    let single = Prompt { parallel_tool_calls: false, ..offering(false) };
    let (_, message) = failure(vec![call("f", "{}"), call("f", "{}")], &single);
    assert!(message.contains("parallel_tool_calls: false"), "{message}");
    // Found late: only the whole arguments, and the whole text, can be held against a schema.
    let (_, message) = failure(vec![call("f", "{\"x\":"), more("\"a\"}")], &offering(true));
    assert!(message.contains("strict tool"), "{message}");
    let object = Prompt { format: Format::JsonObject, ..Prompt::default() };
    let (_, message) = failure(vec![Piece::Text("no".into()), Piece::Text(" JSON".into())], &object);
    assert!(message.contains("JSON object"), "{message}");
    for piece in [Piece::Text("x".into()), Piece::Usage(json!({"prompt_tokens": 7})), Piece::Finish(Finish::Stop)] {
        let second =
            |n: usize| collected(vec![Arrival { choice: 1, piece: piece.clone() }], &Prompt { n, ..Prompt::default() });
        let error = second(1).expect_err("no second choice");
        assert!(error.message.contains("n: 1"), "{}", error.message);
        assert!(second(2).is_ok(), "{piece:?}");
    }
    // Pieces that make no reply fail whatever is checked.
    let after = vec![Piece::Finish(Finish::Stop), Piece::Text("x".into())];
    for (pieces, word) in [(vec![more("{}")], "name"), (after, "how it ends")] {
        let (code, message) = failure(pieces, &Prompt::default());
        assert_eq!(code, "reply_function_failed");
        assert!(message.contains(word), "{message}");
    }
    assert!(collected(vec![Piece::Unchecked, call("g", "")], &offering(false)).is_ok());
}

#[test]
fn a_call_goes_on_as_the_kind_it_began_as() {
    let tool = |name: &str, kind| Tool { name: name.into(), kind, strict: false, parameters: None, description: None };
    let tools = vec![tool("f", ToolKind::Function), tool("note", ToolKind::Custom)];
    let prompt = Prompt { tools, parallel_tool_calls: true, ..Prompt::default() };
    let piece = |name: Option<&str>, custom: Option<bool>, arguments: &str| Piece::Call {
        name: name.map(str::to_string),
        id: None,
        custom,
        arguments: arguments.into(),
    };
    let made = |name: &str, begun: Option<bool>, more: Option<bool>| {
        collected(vec![piece(Some(name), begun, ""), piece(None, more, "x")], &prompt)
    };
    // Begun by its name alone, it is of the tool's kind.
    for (name, custom) in [("f", false), ("note", true)] {
        for (begun, more) in [(None, None), (None, Some(custom)), (Some(custom), None), (Some(custom), Some(custom))] {
            let choices =
                made(name, begun, more).unwrap_or_else(|error| panic!("{name} {begun:?} {more:?}: {}", error.message));
            let [Part::ToolCall(call)] = choices[0].parts.as_slice() else { panic!("{choices:?}") };
            assert_eq!((call.custom, call.arguments.text.as_str()), (custom, "x"), "{name} {begun:?} {more:?}");
        }
        let given = if custom { "inputDelta" } else { "argumentsDelta" };
        for begun in [None, Some(custom)] {
            let error = made(name, begun, Some(!custom)).expect_err("of another kind");
            assert_eq!(error.code.as_deref(), Some("reply_function_failed"));
            assert!(error.message.contains(&format!("give {given}")), "{}", error.message);
        }
    }
}

#[test]
fn a_piece_is_shown_at_once_unless_a_limit_may_fall_into_it() {
    let mut limits = limit::Limits::new(&Prompt { stop: vec!["END".into()], ..Prompt::default() }, Encoding::O200k);
    let mut growing = limit::Growing::default();
    let mut grow = |more: &str, ended| {
        let (shown, finish) = growing.grow(more, &mut limits, true, ended);
        (shown.to_string(), finish)
    };
    assert_eq!(grow("one E", false), ("one ".into(), None), "E may begin END");
    assert_eq!(grow("ND", false), (String::new(), Some(Finish::Stop)));
    let prompt = Prompt { max_tokens: Some(3), ..Prompt::default() };
    let mut limits = limit::Limits::new(&prompt, Encoding::O200k);
    let mut growing = limit::Growing::default();
    let mut grow = |more: &str| {
        let (shown, finish) = growing.grow(more, &mut limits, true, false);
        (shown.to_string(), finish)
    };
    assert_eq!(grow("a"), ("a".into(), None), "no text has more tokens than bytes");
    assert_eq!(grow(" go"), (String::new(), None), "the word may go on");
    assert_eq!(grow("od day to"), (" good day".into(), None));
    assert_eq!(grow("day it"), (String::new(), Some(Finish::Length)));
}

/// A text and borders to cut it at. Nothing in it combines: half a grapheme that was sent cannot be taken back.
fn cut_text() -> impl Strategy<Value = (String, Vec<usize>)> {
    let word = prop_oneof!["[a-c]{1,4}", "[ ]{1,3}", "ab", "[éжא中あ😀𐭘]", "é", "\n", "[0-9]{1,5}", "don't "];
    (prop::collection::vec(word, 0..14), prop::collection::vec(0usize..40, 0..6))
        .prop_map(|(words, cuts)| (words.concat(), cuts))
}

fn pieces_of(text: &str, mut cuts: Vec<usize>) -> Vec<String> {
    cuts.retain(|at| text.is_char_boundary(*at));
    cuts.sort_unstable();
    let mut start = 0;
    let mut pieces: Vec<String> = Vec::new();
    for at in cuts.into_iter().chain([text.len()]) {
        pieces.push(text[start..at].to_string());
        start = at;
    }
    pieces
}

proptest! {
    #[test]
    fn what_arrives_is_cut_as_what_is_ready(
        (text, cuts) in cut_text(),
        (arguments, between) in cut_text(),
        stop in prop::collection::vec(prop_oneof!["ab?", "[a-c ]{1,3}", "b c", "é"], 0..3),
        max_tokens in prop::option::of(0u64..12),
    ) {
        let prompt = Prompt { stop, max_tokens, ..offering(false) };
        let call_part = ToolCall { name: "f".into(), arguments: Text::new(&*arguments), id: None, custom: false };
        let parts = vec![Part::Text(Text::new(&*text)), Part::ToolCall(call_part)];
        let ready = Reply { say: Say::Choices(vec![Choice { parts, ..Choice::default() }]), ..Reply::default() };
        let ready = limit::obey(&ready, &prompt, Encoding::O200k).unwrap_or(ready);
        let Say::Choices(ready) = ready.say else { panic!("no choices") };
        let mut pieces: Vec<Piece> = pieces_of(&text, cuts).into_iter().map(Piece::Text).collect();
        pieces.push(call("f", ""));
        pieces.extend(pieces_of(&arguments, between).iter().map(|piece| more(piece)));
        let (arrived, mut ready) = (shown(&collected(pieces, &prompt).expect("a reply")), shown(&ready));
        // Where the limit falls on the very place of a stop sequence, only what follows could tell the limit.
        if arrived[0].1 == Some(Finish::Stop) && ready[0].1 == Some(Finish::Length) {
            ready[0].1 = Some(Finish::Stop);
        }
        prop_assert_eq!(arrived, ready);
    }
}
