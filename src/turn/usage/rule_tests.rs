//! Each rule of counts on a request and an answer like those of a recording, with the number recorded.
//! `npm run fidelity` measures them on all recordings that are at hand, a line a rule.

use crate::prompt::{Tool, ToolKind};
use crate::reply::{Part, Text, ToolCall};
use crate::turn::usage::*;
use crate::wire::dialect::Dialect;
use serde_json::{Value, json};

fn counted(prompt: &Prompt, parts: Vec<Part>, name: &str, api: Dialect) -> (u64, u64) {
    let choice = Choice { parts, ..Choice::default() };
    let model = Model::custom(name, None, None, None);
    let counted = Counter { encoding: None, session: None, exchange: None }.count(prompt, &[&choice], &model, api);
    (counted.prompt, counted.completion)
}

fn call(name: &str, arguments: &str) -> Part {
    Part::ToolCall(ToolCall { name: name.into(), arguments: Text::new(arguments), id: None, custom: false })
}

fn text(text: &str) -> Part {
    Part::Text(Text::new(text))
}

fn tool(name: &str, description: &str, parameters: Value) -> Tool {
    Tool {
        kind: ToolKind::Function,
        name: name.into(),
        description: Some(description.into()),
        parameters: Some(parameters),
        strict: false,
    }
}

fn offering(many: usize) -> Prompt {
    Prompt { tools: vec![tool("f", "", Value::Null); many], ..Prompt::default() }
}

fn with_schema(prompt: Prompt) -> Prompt {
    Prompt { format: Format::JsonSchema { name: "a".into(), schema: json!({}), strict: true }, ..prompt }
}

#[test]
fn an_output_schema_marks_its_answer() {
    let book =
        r#"{"title":"Mistborn: The Final Empire","author":"Brandon Sanderson","pages":544,"publication_year":2006}"#;
    let person = r#"{"name":"John","age":15}"#;
    for (prompt, answer, model, api, recorded) in [
        (offering(1), book, "gpt-4o", Dialect::Chat, 32), // a5fdf29e3b65d14b
        (offering(0), person, "gpt-5.4", Dialect::Responses, 17), // 5ee16395242aad33
        (offering(0), "Sunny in Vienna.", "gpt-4o", Dialect::Chat, 4),
    ] {
        assert_eq!(counted(&with_schema(prompt), vec![text(answer)], model, api).1, recorded, "{answer}");
    }
}

#[test]
fn a_call_counts_by_its_address() {
    for (name, arguments, model, recorded) in [
        ("0", r#"{"location":"Tokyo"}"#, "gpt-4o-mini", 14), // cae183b60a833cb1
        ("get_current_weather", "{\n  \"location\": \"Boston\"\n}", "gpt-4", 16), // 6a57dd94963c8509
    ] {
        assert_eq!(counted(&offering(1), vec![call(name, arguments)], model, Dialect::Chat).1, recorded, "{name}");
    }
}

#[test]
fn parallel_calls_count_as_one_of_a_tool_that_makes_them() {
    let secret = |word: &str| call("secret_retrieval_tool", &format!("{{\"password\": \"{word}\"}}"));
    let calls = || vec![secret("mellon"), secret("radiance")];
    // 10ef96ac42df36a4: the spaces between the arguments' tokens are not the model's.
    assert_eq!(counted(&offering(1), calls(), "gpt-4o-mini", Dialect::Chat).1, 53);
    assert_eq!(counted(&offering(1), calls(), "gpt-4o-mini", Dialect::Responses).1, 54);
    let broken = || vec![call("f", "{"), call("f", "{}")];
    assert!(counted(&offering(1), broken(), "gpt-4o", Dialect::Chat).1 > 20, "cut arguments count as they are");
}

#[test]
fn a_forced_call_was_begun_in_the_prompt() {
    let named = Prompt { tool_choice: ToolChoice::Named("structured_output".into()), ..offering(2) };
    let required = |tools| Prompt { tool_choice: ToolChoice::Required, ..offering(tools) };
    let count = |prompt| counted(&prompt, vec![call("structured_output", "{}")], "gpt-4.1-mini", Dialect::Responses).1;
    // f899a7cd847ecc60
    assert_eq!((count(named), count(required(1))), (2, 2));
    assert!(count(required(2)) > 2, "which of several is the model's choice");
}

#[test]
fn endings_that_depend_on_what_was_said() {
    let refusal = Part::Refusal(Text::new("I'm very sorry, but I can't assist with that."));
    let said = text("I'm very sorry, but I can't assist with that.");
    let count = |part| counted(&Prompt::default(), vec![part], "gpt-4o", Dialect::Chat).1;
    assert_eq!((count(said), count(refusal)), (11, 12), "addfa830b6ef16e4");
    // 79a81e595171644a: without a thought, and without tools.
    assert_eq!(counted(&Prompt::default(), vec![text("2")], "gpt-5.4", Dialect::Chat).1, 4);
    // d903d16f9ab94312
    let greeting = || vec![text("Hello! How can I assist you today?")];
    assert_eq!(counted(&Prompt::default(), greeting(), "gpt-4", Dialect::Responses).1, 11);
}

fn past(name: &str, arguments: &str, returned: bool) -> [Message; 2] {
    let call = PastCall { id: "call_1".into(), name: name.into(), arguments: arguments.into(), returned };
    let asked = Message { content: vec![], tool_calls: vec![call], ..Message::new(Role::Assistant, "") };
    let answered =
        Message { tool_call_id: Some("call_1".into()), ..Message::new(Role::Tool, "Weather in Madrid: 72°F, sunny") };
    [asked, answered]
}

#[test]
fn a_call_that_was_returned_keeps_its_id_and_status() {
    let parameters =
        json!({"properties": {"location": {"title": "Location", "type": "string"}}, "required": ["location"]});
    let prompt = |returned| {
        let mut messages = vec![Message::new(Role::User, "What's the weather in Madrid?")];
        messages.extend(past("get_weather", r#"{"location":"Madrid"}"#, returned));
        let tools = vec![tool("get_weather", "Get the current weather for a location.", parameters.clone())];
        counted(&Prompt { messages, tools, ..Prompt::default() }, vec![], "gpt-4o-mini", Dialect::Responses).0
    };
    // 6733c3f880ce851b
    assert_eq!((prompt(true), prompt(false)), (80, 77));
}

#[test]
fn a_call_in_chat_names_its_function_twice() {
    let prompt = |name: &str| Prompt { messages: past(name, "{}", false).into(), ..Prompt::default() };
    let count = |name: &str| counted(&prompt(name), vec![], "gpt-4o", Dialect::Chat).0;
    let words = |text: &str| tokens::count(Encoding::O200k, text) as u64;
    let name = "best_language_to_learn";
    let around = 3 + words("{}") + words("Weather in Madrid: 72°F, sunny") + 12;
    assert_eq!(count(name), around + words(name) + words(&format!("functions.{name}")));
}

#[test]
fn a_forced_tool_costs_more_where_no_system_message_leads() {
    let prompt = |role, choice| Prompt {
        messages: vec![Message::new(role, "Be brief."), Message::new(Role::User, "Hi")],
        tool_choice: choice,
        ..offering(1)
    };
    let count = |role, choice| counted(&prompt(role, choice), vec![], "gpt-4o", Dialect::Chat).0;
    let more = |role| count(role, ToolChoice::Named("f".into())) - count(role, ToolChoice::Auto);
    assert_eq!((more(Role::User), more(Role::System)), (8, 1));
}
