//! Every stream a response can make, held against what the clients demand.

use crate::api::responses::beats::Cutter;
use crate::api::responses::checker::{check, events};
use crate::api::responses::items::Maker;
use crate::api::responses::items::tests::maker;
use crate::api::responses::kinds::KINDS;
use crate::api::responses::record::tests::frame;
use crate::api::responses::record::{End, Frame, ResponseRecord, Status};
use crate::api::responses::stream::{Feed, ResponseEvents};
use crate::prompt::Prompt;
use crate::random::Random;
use crate::reply::pace::Chunk;
use crate::reply::{Part, Piece, Say, Text, ToolCall};
use crate::tokens::Encoding;
use crate::turn::arriving_tests::driver;
use crate::turn::usage::wire::Usage;
use crate::wire::error::ApiError;
use crate::wire::event::Events;
use crate::wire::event::Lines;
use proptest::prelude::*;
use serde_json::{Value, json};
use std::sync::Arc;
use std::task::{Context, Poll, Waker};

fn end() -> End {
    let usage = json!({"input_tokens": 1, "output_tokens": 1, "total_tokens": 2});
    End {
        status: Status::Completed,
        completed_at: 1_786_591_536,
        error: Value::Null,
        reason: None,
        usage: Some(Usage::Fixed(usage)),
    }
}

fn record(parts: Vec<Part>) -> ResponseRecord {
    record_of(parts, maker(), frame())
}

fn record_of(parts: Vec<Part>, mut maker: Maker, frame: Frame) -> ResponseRecord {
    let items = parts
        .iter()
        .enumerate()
        .filter_map(|(index, part)| maker.item(part, false).map(|item| (index, item)))
        .map(|(index, mut item)| {
            item.part = Some(index);
            Arc::new(item)
        })
        .collect();
    ResponseRecord {
        frame: Arc::new(frame),
        input: vec![],
        items,
        end: end(),
        chunk: Chunk::Tokens(1),
        encoding: Encoding::O200k,
        random: Random::new(3),
        job: None,
    }
}

fn run(mut events: ResponseEvents) -> String {
    let mut out = Lines::default();
    let mut context = Context::from_waker(Waker::noop());
    loop {
        let content = events.next_content().is_some();
        let start = out.written().len();
        match events.poll_next(&mut context, &mut out) {
            Poll::Ready(true) => {
                let written = &out.written()[start..];
                assert_eq!(
                    written.matches("\n\n").count(),
                    1 + usize::from(written.starts_with("event: error")),
                    "{written}"
                );
                // An arriving reply's pieces are not announced.
                assert!(!content || written.contains(".delta\n"), "content was announced: {written}");
            }
            Poll::Ready(false) => return out.written(),
            Poll::Pending => panic!("nothing more arrives"),
        }
    }
}

fn stream(parts: Vec<Part>) -> String {
    run(ResponseEvents::replay(Arc::new(record(parts))))
}

/// Names of the events, without `response.`, repeated deltas once.
fn names(stream: &str) -> Vec<String> {
    let mut names: Vec<String> = events(stream)
        .iter()
        .map(|event| event["type"].as_str().expect("a type").trim_start_matches("response.").to_string())
        .collect();
    names.dedup();
    names
}

/// The events of one item, between `in_progress` and `completed`.
fn item_events(parts: Vec<Part>) -> String {
    let stream = stream(parts);
    check(&stream);
    let names = names(&stream);
    names[2..names.len() - 1].join(" ")
}

fn text(text: &str) -> Part {
    Part::Text(Text::new(text))
}

fn call(name: &str, arguments: &str, custom: bool) -> Part {
    Part::ToolCall(ToolCall { name: name.into(), arguments: Text::new(arguments), id: None, custom })
}

#[test]
fn text_is_streamed_as_recorded() {
    // Recording 38c24e2ab23dcdaa.
    let expected =
        "output_item.added content_part.added output_text.delta output_text.done content_part.done output_item.done";
    assert_eq!(item_events(vec![text("PARTIAL answer")]), expected);
    let stream = stream(vec![text("PARTIAL answer")]);
    assert_eq!(names(&stream)[..2], ["created", "in_progress"]);
    let events = events(&stream);
    assert_eq!(
        events[3].to_string(),
        format!(
            r#"{{"type":"response.content_part.added","content_index":0,"item_id":{},"output_index":0,"part":{{"type":"output_text","annotations":[],"logprobs":[],"text":""}},"sequence_number":3}}"#,
            events[2]["item"]["id"]
        )
    );
    assert_eq!(check(&stream)["output"][0]["content"][0]["text"], "PARTIAL answer");
}

#[test]
fn refusals_have_no_obfuscation() {
    let expected = "output_item.added content_part.added refusal.delta refusal.done content_part.done output_item.done";
    assert_eq!(item_events(vec![Part::Refusal(Text::new("I can't help."))]), expected);
    assert!(!stream(vec![Part::Refusal(Text::new("I can't help."))]).contains("obfuscation"));
}

#[test]
fn calls_come_one_after_the_other() {
    // Recording d6b17bd6547e412e.
    let one = "output_item.added function_call_arguments.delta function_call_arguments.done output_item.done";
    let parts = vec![call("lookup", r#"{"query":"first"}"#, false), call("lookup", r#"{"query":"second"}"#, false)];
    assert_eq!(item_events(parts), format!("{one} {one}"));
    let custom = "output_item.added custom_tool_call_input.delta custom_tool_call_input.done output_item.done";
    assert_eq!(item_events(vec![call("shell", "ls -l", true)]), custom);
}

#[test]
fn reasoning_with_and_without_summary() {
    assert_eq!(item_events(vec![Part::Reasoning(vec![])]), "output_item.added output_item.done");
    let one = "reasoning_summary_part.added reasoning_summary_text.delta reasoning_summary_text.done reasoning_summary_part.done";
    let expected = format!("output_item.added {one} {one} output_item.done");
    assert_eq!(item_events(vec![Part::Reasoning(vec!["I think.".into(), "I am.".into()])]), expected);
    let raw = json!({"type": "reasoning", "content": [{"type": "reasoning_text", "text": "hm, let me see"}]});
    let expected = "output_item.added content_part.added reasoning_text.delta reasoning_text.done content_part.done output_item.done";
    assert_eq!(item_events(vec![Part::Item(raw)]), expected);
}

#[test]
fn hosted_items_have_their_own_events() {
    let cases = [
        (
            json!({"type": "web_search_call"}),
            "web_search_call.in_progress web_search_call.searching web_search_call.completed",
        ),
        (
            json!({"type": "file_search_call"}),
            "file_search_call.in_progress file_search_call.searching file_search_call.completed",
        ),
        (
            json!({"type": "code_interpreter_call", "code": "print(1)"}),
            "code_interpreter_call.in_progress code_interpreter_call_code.delta code_interpreter_call_code.done \
             code_interpreter_call.interpreting code_interpreter_call.completed",
        ),
        (
            json!({"type": "image_generation_call", "result": "aGk="}),
            "image_generation_call.in_progress image_generation_call.generating image_generation_call.partial_image \
             image_generation_call.completed",
        ),
        (json!({"type": "mcp_list_tools"}), "mcp_list_tools.in_progress mcp_list_tools.completed"),
        (json!({"type": "mcp_list_tools", "error": "down"}), "mcp_list_tools.in_progress mcp_list_tools.failed"),
        (
            json!({"type": "mcp_call", "arguments": "{\"a\":1}"}),
            "mcp_call.in_progress mcp_call_arguments.delta mcp_call_arguments.done mcp_call.completed",
        ),
        (
            json!({"type": "mcp_call", "error": "no"}),
            "mcp_call.in_progress mcp_call_arguments.delta mcp_call_arguments.done mcp_call.failed",
        ),
        (
            json!({"type": "shell_call", "action": {"commands": ["ls"]}}),
            "shell_call_command.added shell_call_command.delta shell_call_command.done",
        ),
        (
            json!({"type": "shell_call_output", "output": [{"stdout": "a", "stderr": "", "outcome": {"type": "exit", "exit_code": 0}}]}),
            "shell_call_output_content.delta shell_call_output_content.done",
        ),
    ];
    for (item, expected) in cases {
        assert_eq!(item_events(vec![Part::Item(item)]), format!("output_item.added {expected} output_item.done"));
    }
    for name in [
        "mcp_approval_request",
        "tool_search_call",
        "tool_search_output",
        "local_shell_call",
        "local_shell_call_output",
        "apply_patch_call",
        "apply_patch_call_output",
        "compaction",
        "computer_call",
        "computer_call_output",
        "program",
        "program_output",
        "function_call_output",
        "custom_tool_call_output",
    ] {
        assert_eq!(
            item_events(vec![Part::Item(json!({"type": name}))]),
            "output_item.added output_item.done",
            "{name}"
        );
    }
}

#[test]
fn citations_follow_the_text_they_are_in() {
    let annotation =
        json!({"url": "https://a.example", "title": "A", "start_index": 0, "end_index": 2, "type": "url_citation"});
    let part = Part::Text(Text { annotations: vec![annotation], ..Text::new("As A says.") });
    let stream = stream(vec![part]);
    check(&stream);
    let expected = r#""annotation":{"type":"url_citation","end_index":2,"start_index":0,"title":"A","url":"https://a.example"},"annotation_index":0"#;
    assert!(stream.contains(expected), "{stream}");
}

#[test]
fn lists_of_several_servers_are_asked_for_at_once() {
    // Recording f136820a5530602e.
    let list = |server: &str| Part::Item(json!({"type": "mcp_list_tools", "server_label": server}));
    let stream = stream(vec![list("a"), list("b"), text("x"), list("c")]);
    check(&stream);
    let listed = |event: &&Value| event["output_index"] != 2 && event.get("output_index").is_some();
    let steps: Vec<String> = events(&stream)
        .iter()
        .filter(listed)
        .map(|event| {
            let name = event["type"].as_str().unwrap_or_default().rsplit('.').next().unwrap_or_default();
            format!("{} {name}", event["output_index"])
        })
        .collect();
    let expected = [
        "0 added",
        "0 in_progress",
        "1 added",
        "1 in_progress",
        "0 completed",
        "1 completed",
        "0 done",
        "1 done",
        "3 added",
        "3 in_progress",
        "3 completed",
        "3 done",
    ];
    assert_eq!(steps, expected);
}

#[test]
fn files_of_a_container_are_cited_after_all_text() {
    let file = |start: u64, end: u64| {
        json!({"type": "container_file_citation", "container_id": "cntr_1", "file_id": "cfile_1", "filename": "a.png",
            "start_index": start, "end_index": end})
    };
    let part = Part::Text(Text { annotations: vec![file(0, 0), file(3, 4)], ..Text::new("As A says.") });
    let expected = "output_item.added content_part.added output_text.delta output_text.annotation.added \
        output_text.done content_part.done output_item.done";
    assert_eq!(item_events(vec![part]), expected);
}

#[test]
fn a_background_response_is_queued_first() {
    let record = record_of(vec![text("a")], maker(), Frame { background: true, ..frame() });
    let stream = run(ResponseEvents::replay(Arc::new(record)));
    check(&stream);
    assert_eq!(names(&stream)[..3], ["created", "queued", "in_progress"]);
    assert_eq!(events(&stream)[0]["response"]["status"], "queued");
}

#[test]
fn a_resumed_stream_is_the_rest_of_the_same_bytes() {
    let record = Arc::new(record(vec![Part::Reasoning(vec!["hm".into()]), text("one two three four")]));
    let whole = run(ResponseEvents::replay(record.clone()));
    let rest = run(ResponseEvents::replay(record.clone()).after(Some(6)));
    assert!(rest.starts_with("event: ") && whole.ends_with(&rest));
    assert_eq!(events(&rest)[0]["sequence_number"], 7);
    let plain = run(ResponseEvents::replay(record).obfuscate(false));
    assert!(!plain.contains("obfuscation"));
}

#[test]
fn an_error_in_mid_stream_fails_the_response() {
    let mut events = ResponseEvents::replay(Arc::new(record(vec![text("one two three")])));
    let (mut out, mut context) = (Lines::default(), Context::from_waker(Waker::noop()));
    for _ in 0..6 {
        assert_eq!(events.poll_next(&mut context, &mut out), Poll::Ready(true));
    }
    let error = ApiError::new(429, "Slow down").kind("tokens").code("rate_limit_exceeded");
    events.write_error(&error, &mut out);
    assert_eq!(events.poll_next(&mut context, &mut out), Poll::Ready(false));
    let stream = out.written();
    let response = check(&stream);
    assert_eq!((&response["status"], &response["error"]["code"]), (&json!("failed"), &json!("rate_limit_exceeded")));
    let expected = r#"{"type":"error","error":{"type":"tokens","code":"rate_limit_exceeded","message":"Slow down","param":null},"sequence_number":6}"#;
    assert!(stream.contains(expected), "{stream}");
}

fn arriving(mut pieces: Vec<Piece>) -> String {
    // No request allows these calls.
    pieces.insert(0, Piece::Unchecked);
    let feed = Feed::new(Box::new(driver(pieces, &Prompt::default())), maker(), None, |items, reply, _| {
        let Say::Choices(choices) = reply.say else { panic!("no choices") };
        ResponseRecord { items, ..record(choices[0].parts.clone()) }
    });
    let cutter = Cutter { reply: Arc::default(), chunk: Chunk::Tokens(1), encoding: Encoding::O200k };
    run(ResponseEvents::live(Arc::new(frame()), cutter, Random::new(1), feed))
}

#[test]
fn an_arriving_reply_opens_its_message_at_the_first_text() {
    let stream = arriving(vec![
        Piece::Text("Hel".into()),
        Piece::Text("lo".into()),
        Piece::Part(call("f", "{}", false)),
        Piece::Text("Bye".into()),
    ]);
    let response = check(&stream);
    assert_eq!(response["output"][0]["content"][0]["text"], "Hello");
    assert_eq!(response["output"][1]["name"], "f");
    assert_eq!(response["output"][2]["content"][0]["text"], "Bye");
}

#[test]
fn whatever_grows_has_the_events_of_what_is_ready() {
    let begun =
        |custom| Piece::Call { name: Some("f".into()), id: None, custom: Some(custom), arguments: String::new() };
    let more = |text: &str| Piece::Call { name: None, id: None, custom: None, arguments: text.into() };
    let grown = arriving(vec![
        Piece::Reasoning("I ".into()),
        Piece::Reasoning("think".into()),
        Piece::Refusal("No".into()),
        begun(false),
        more("{\"a\""),
        more(":1}"),
        begun(true),
        more("free"),
        Piece::Text("Bye".into()),
    ]);
    let parts = vec![
        Part::Reasoning(vec!["I think".into()]),
        Part::Refusal(Text::new("No")),
        call("f", "{\"a\":1}", false),
        call("f", "free", true),
        text("Bye"),
    ];
    let (grown_response, ready) = (check(&grown), stream(parts));
    // Ids are drawn in the same order; what is encrypted is made of them.
    assert_eq!(grown_response["output"], check(&ready)["output"]);
    // But for where the deltas are cut, every event is the same.
    let names = |stream: &str| {
        let mut names: Vec<String> =
            stream.lines().filter_map(|line| line.strip_prefix("event: ")).map(String::from).collect();
        names.dedup();
        names
    };
    assert_eq!(names(&grown), names(&ready));
}

#[test]
fn an_arriving_reply_that_fails_ends_the_stream() {
    let stream = arriving(vec![Piece::Text("Hel".into()), Piece::Failed(ApiError::new(500, "broke"))]);
    let response = check(&stream);
    assert_eq!((&response["status"], &response["error"]["message"]), (&json!("failed"), &json!("broke")));
}

fn part() -> impl Strategy<Value = Part> {
    let kinds: Vec<&'static str> = KINDS.iter().map(|kind| kind.name).chain(["of_no_known_kind"]).collect();
    prop_oneof![
        "\\PC{0,40}".prop_map(|text| Part::Text(Text::new(text))),
        "\\PC{0,20}".prop_map(|text| Part::Refusal(Text::new(text))),
        prop::collection::vec("\\PC{0,20}", 0..3).prop_map(Part::Reasoning),
        ("\\PC{0,20}", any::<bool>()).prop_map(|(arguments, custom)| call("f", &arguments, custom)),
        (prop::sample::select(kinds), "\\PC{0,20}").prop_map(|(kind, text)| {
            Part::Item(json!({"type": kind, "arguments": text, "input": text, "code": text, "content": [
                {"type": "output_text", "text": text}, {"type": "refusal", "refusal": text},
            ], "summary": [{"type": "summary_text", "text": text}]}))
        }),
    ]
}

proptest! {
    #[test]
    fn any_reply_streams_validly(parts in prop::collection::vec(part(), 0..5)) {
        check(&stream(parts));
    }
}
