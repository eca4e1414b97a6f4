//! Conditions on what was asked: each holds, or says why not.

use super::*;
use crate::prompt::{Message, Tool, ToolKind};
use serde_json::json;

impl<'a> View<'a> {
    /// A chat request that says nothing but its prompt.
    pub(crate) fn of_chat(prompt: &'a Prompt, user_text: &'a str) -> Self {
        static NONE: std::sync::LazyLock<Headers> = std::sync::LazyLock::new(Headers::default);
        View {
            prompt: Some(prompt),
            user_text,
            operation: "chat.completions.create",
            also: None,
            path: "",
            method: "POST",
            headers: &NONE,
            body: &Value::Null,
            model: "",
            stream: false,
        }
    }
}

fn read(value: Value) -> Match {
    Match::read(&value, &Path::Root("match"), &mut Patterns::default()).unwrap()
}

fn conversation() -> Prompt {
    let call = Message::calling("call_1", "get_weather");
    let mut result = Message::new(Role::Tool, "4 °C");
    result.tool_call_id = Some("call_1".into());
    let tool = Tool {
        kind: ToolKind::Function,
        name: "get_weather".into(),
        description: None,
        parameters: None,
        strict: false,
    };
    Prompt {
        messages: vec![Message::new(Role::Developer, "Be brief"), Message::new(Role::User, "Oslo?"), call, result],
        tools: vec![tool],
        format: Format::JsonObject,
        ..Prompt::default()
    }
}

fn check(value: Value) -> Result<(), String> {
    let prompt = conversation();
    let body = json!({"model": "gpt-4o", "n": 1, "tools": [{"a": 1, "b": 2}]});
    let headers = Headers::single("x-team", "blue");
    let asked = View::of_chat(&prompt, "Oslo?");
    let view = View { path: "/v1/chat/completions", headers: &headers, body: &body, model: "gpt-4o", ..asked };
    read(value).check(&view).map_err(|mismatch| mismatch.to_string())
}

#[test]
fn every_key_holds_and_fails_as_it_says() {
    for (holds, fails, reason) in [
        (json!("osl|Oslo"), json!("^oslo"), "user: wanted /^oslo/, got \"Oslo?\""),
        (json!({"user": "/oslo/i"}), json!({"user": "Bergen"}), "user: wanted /Bergen/, got \"Oslo?\""),
        (json!({"system": "brief"}), json!({"system": "long"}), "system: wanted /long/, got \"Be brief\""),
        (json!({"any_message": "°C"}), json!({"any_message": "°F"}), "any_message: wanted /°F/"),
        (json!({"model": "gpt-4o"}), json!({"model": "gpt-4"}), "model: wanted \"gpt-4\", got \"gpt-4o\""),
        (json!({"model": "/^GPT/i"}), json!({"model": "/mini$/"}), "model: wanted /mini$/"),
        (json!({"operation": "chat"}), json!({"operation": "responses"}), "operation: wanted \"responses.create\""),
        (json!({"operation": "chat.*"}), json!({"operation": "files.*"}), "operation: wanted \"files.*\""),
        (
            json!({"tool_offered": "get_weather"}),
            json!({"tool_offered": "x"}),
            "tool_offered: wanted \"x\", got \"get_weather\"",
        ),
        (json!({"tool_result": "get_weather"}), json!({"tool_result": "x"}), "tool_result: wanted a result of x"),
        (
            json!({"tool_result": {"text": "^4"}}),
            json!({"tool_result": false}),
            "tool_result: wanted none, got get_weather",
        ),
        (json!({"turn": 1}), json!({"turn": 0}), "turn: wanted 0, got 1"),
        (json!({"stream": false}), json!({"stream": true}), "stream: wanted true, got false"),
        (json!({"format": "json_object"}), json!({"format": "text"}), "format: wanted text, got json_object"),
        (json!({"header": {"X-Team": "blue"}}), json!({"header": {"x-team": "red"}}), "header.x-team: wanted /red/"),
        (
            json!({"body": {"n": 1.0, "tools": [{"b": 2}]}}),
            json!({"body": {"tools": []}}),
            "body: wanted {\"tools\":[]}",
        ),
        (json!({"path": "/v1/chat/completions"}), json!({"path": "/chat"}), "path: wanted \"/chat\""),
        (json!({"path": "/chat/"}), json!({"path": "/files/"}), "path: wanted /files/"),
        (json!({"method": "post"}), json!({"method": "GET"}), "method: wanted GET, got POST"),
        (json!({"not": "Bergen"}), json!({"not": {"user": "Oslo"}}), "not: wanted not (user /Oslo/), got it holds"),
    ] {
        assert_eq!(check(holds.clone()), Ok(()), "{holds}");
        let mismatch = check(fails.clone()).expect_err(&fails.to_string());
        assert!(mismatch.starts_with(reason), "{mismatch}");
    }
}

#[test]
fn the_empty_match_takes_everything() {
    assert!(read(json!("")).is_any());
    assert!(read(json!({})).is_any());
    assert!(read(json!({"operation": "files.*"})).names_operation());
    assert!(!read(json!({"not": {"operation": "files.*"}})).names_operation());
}

proptest::proptest! {
    #![proptest_config(proptest::prelude::ProptestConfig { cases: 200, ..Default::default() })]

    #[test]
    fn no_pattern_and_no_text_panics(pattern in ".{0,20}", text in ".{0,40}", key in 0usize..9) {
        let keys = ["user", "system", "any_message", "model", "operation", "path", "method", "tool_result", "body"];
        let condition = json!({keys[key]: pattern, "not": {"header": {"x": pattern}}});
        let prompt = Prompt { messages: vec![Message::new(Role::Tool, text.clone())], ..Prompt::default() };
        let headers = Headers::single("x", &text);
        let view = View {
            prompt: Some(&prompt),
            user_text: &text,
            also: None,
            operation: &text,
            path: &text,
            method: &text,
            headers: &headers,
            body: &Value::from(text.as_str()),
            model: &text,
            stream: true,
        };
        if let Ok(matcher) = Match::read(&condition, &Path::Root("match"), &mut Patterns::default()) {
            proptest::prop_assert_eq!(matcher.check(&view).is_ok(), matcher.holds(&view));
        }
    }
}

#[test]
fn an_operation_that_there_is_not_is_refused() {
    let refused = |condition: Value| {
        let rule = json!({"rules": [{"match": condition, "response": "x"}]});
        crate::script::load_value(rule, crate::script::Origin::File).err().map(|error| (error.path, error.message))
    };
    for known in ["chat", "chat.completions.create", "responses.*", "*", "responses.inputItems.list"] {
        assert_eq!(refused(json!({"operation": known})), None, "{known}");
    }
    for near in ["embedding.create", "embeddings"] {
        let (path, message) = refused(json!({"operation": near})).expect("refused");
        assert_eq!(path, "rules[0].match.operation");
        assert!(message.contains("did you mean \"embeddings.create\""), "{message}");
    }
    for (condition, place) in [
        (json!({"operation": ""}), "rules[0].match.operation"),
        (json!({"operation": "foo.*"}), "rules[0].match.operation"),
        (json!({"not": {"operation": "chat.completion.create"}}), "rules[0].match.not.operation"),
    ] {
        assert_eq!(refused(condition.clone()).map(|(path, _)| path).as_deref(), Some(place), "{condition}");
    }
}
