//! Echoed and generated answers as a client gets them: every text endpoint, streamed and not.

use super::tests::{send, start};
use crate::budget::Budget;
use crate::emulator::Emulator;
use crate::reply::validator;
use crate::wire::value::Holds;
use serde_json::{Value, json};

/// What an answer says: its text, its calls, why it ended (empty for a response).
#[derive(Debug, Default, PartialEq)]
struct Said {
    text: String,
    calls: Vec<(String, Value)>,
    finish: String,
}

fn call(name: &Value, arguments: &str) -> (String, Value) {
    let arguments = serde_json::from_str(arguments).unwrap_or_else(|error| panic!("{error}: {arguments}"));
    (name.as_str().unwrap_or_default().to_string(), arguments)
}

fn whole(answer: &Value) -> Said {
    let string = |value: &Value| value.as_str().unwrap_or_default().to_string();
    if answer["object"] == "response" {
        let items = answer["output"].as_array().expect("output");
        let calls = items.iter().filter(|item| item["type"] == "function_call");
        return Said {
            text: items.iter().map(|item| string(&item["content"][0]["text"])).collect(),
            calls: calls.map(|item| call(&item["name"], &string(&item["arguments"]))).collect(),
            finish: String::new(),
        };
    }
    let choice = &answer["choices"][0];
    let calls = choice["message"]["tool_calls"].elements();
    Said {
        text: string(&choice["message"]["content"]) + &string(&choice["text"]),
        calls: calls.map(|one| call(&one["function"]["name"], &string(&one["function"]["arguments"]))).collect(),
        finish: string(&choice["finish_reason"]),
    }
}

fn streamed(body: &str) -> Said {
    let events = body.lines().filter_map(|line| line.strip_prefix("data: ")).filter(|data| *data != "[DONE]");
    let (mut said, mut calls) = (Said::default(), Vec::<(Value, String)>::new());
    for event in events {
        let event: Value = serde_json::from_str(event).expect("JSON");
        if event["type"] == "response.completed" {
            return whole(&event["response"]);
        }
        let choice = &event["choices"][0];
        let pieces = [&choice["delta"]["content"], &choice["text"]];
        said.text += pieces.into_iter().find_map(Value::as_str).unwrap_or_default();
        said.finish += choice["finish_reason"].as_str().unwrap_or_default();
        for one in choice["delta"]["tool_calls"].elements() {
            let index = one["index"].as_u64().expect("an index") as usize;
            if calls.len() <= index {
                calls.resize(index + 1, Default::default());
                calls[index].0 = one["function"]["name"].clone();
            }
            calls[index].1 += one["function"]["arguments"].as_str().unwrap_or_default();
        }
    }
    said.calls = calls.iter().map(|(name, arguments)| call(name, arguments)).collect();
    said
}

fn said(emulator: &Emulator, path: &str, body: &Value, stream: bool) -> Said {
    let mut body = body.clone();
    body["stream"] = json!(stream);
    let answer = send(emulator, "a", path, &body);
    assert_eq!(answer.status, 200, "{}", answer.text());
    if stream { streamed(&answer.text()) } else { whole(&answer.json()) }
}

fn chat(user: &str) -> Value {
    json!({"model": "gpt-4o", "messages": [{"role": "user", "content": user}]})
}

/// The text endpoints, asked the same.
fn endpoints(user: &str) -> [(&'static str, Value); 3] {
    [
        ("/v1/chat/completions", chat(user)),
        ("/v1/completions", json!({"model": "gpt-3.5-turbo-instruct", "prompt": user})),
        ("/v1/responses", json!({"model": "gpt-4o", "input": user})),
    ]
}

#[test]
fn echo_answers_every_text_endpoint() {
    let emulator = start(json!({"fallback": "echo"}));
    for (path, body) in endpoints("héllo\n world") {
        for stream in [false, true] {
            assert_eq!(said(&emulator, path, &body, stream).text, "Echo: héllo\n world", "{path} {stream}");
        }
    }
    let legacy = json!({"model": "gpt-4o", "prompt": "x"});
    assert_eq!(said(&emulator, "/v1/responses", &legacy, true).text, "Echo: x");
    let list = json!({"model": "gpt-3.5-turbo-instruct", "prompt": ["a", "b"]});
    let answer = send(&emulator, "a", "/v1/completions", &list).json();
    assert_eq!((&answer["choices"][0]["text"], &answer["choices"][1]["text"]), (&json!("Echo: a"), &json!("Echo: b")));
}

#[test]
fn generated_text_keeps_its_length_wherever_it_is_asked() {
    for (word, range) in [("short", 120..=450), ("medium", 450..=1500), ("long", 1500..=5000)] {
        let by_body = start(json!({"fallback": "generate", "profile": "relaxed"}));
        let by_option = start(json!({"fallback": "generate", "streamDefaultResponseLength": word}));
        let by_script = start(json!({}));
        let script = json!({"defaults": {"fallback": {"generate": {"length": word}}}});
        send(&by_script, "a", "/_emulator/script", &script);
        for number in 0..5 {
            for (path, mut body) in endpoints(&format!("Question {number}?")) {
                for stream in [false, true] {
                    let texts = [&by_option, &by_script].map(|emulator| said(emulator, path, &body, stream).text);
                    body["response_length"] = json!(word);
                    let texts = texts.into_iter().chain([said(&by_body, path, &body, stream).text]);
                    body.as_object_mut().expect("an object").remove("response_length");
                    for text in texts {
                        assert!(range.contains(&text.chars().count()), "{word} {path} {}: {text}", text.len());
                    }
                }
            }
        }
    }
}

#[test]
fn a_seed_gives_the_same_text_streamed_or_not() {
    let emulator = start(json!({"fallback": "generate"}));
    let with = |seed: u64, stream: bool| {
        let body = json!({"model": "gpt-4o", "messages": [{"role": "user", "content": "hi"}], "seed": seed});
        said(&emulator, "/v1/chat/completions", &body, stream).text
    };
    assert_eq!(with(5, false), with(5, true));
    assert_ne!(with(5, false), with(6, false));
}

/// A strict schema with references, recursion, alternatives, formats and bounds.
fn schema() -> Value {
    let child = json!({"anyOf": [{"$ref": "#/$defs/node"}, {"type": "null"}]});
    json!({
        "type": "object", "additionalProperties": false, "required": ["name", "email", "age", "tags", "child"],
        "properties": {
            "name": {"type": "string"}, "email": {"type": "string", "format": "email"},
            "age": {"type": "integer", "minimum": 0, "maximum": 120},
            "tags": {"type": "array", "items": {"enum": ["a", "b"], "type": "string"}, "minItems": 1, "maxItems": 3},
            "child": child,
        },
        "$defs": {"node": {
            "type": "object", "additionalProperties": false, "required": ["when", "child"],
            "properties": {"when": {"type": "string", "format": "date-time"}, "child": child},
        }},
    })
}

#[test]
fn an_output_schema_is_satisfied_in_both_placements_streamed_or_not() {
    for fallback in ["generate", "echo"] {
        let emulator = start(json!({"fallback": fallback, "profile": "relaxed"}));
        let official = json!({"type": "json_schema", "json_schema": {"name": "p", "strict": true, "schema": schema()}});
        let simulator = json!({"type": "json_schema", "json_schema": schema()});
        let responses = json!({"type": "json_schema", "name": "p", "strict": true, "schema": schema()});
        for seed in 0..8 {
            for stream in [false, true] {
                for format in [&official, &simulator] {
                    let mut body = chat(&format!("Person {seed}"));
                    body["response_format"] = format.clone();
                    body["seed"] = json!(seed);
                    let answer = said(&emulator, "/v1/chat/completions", &body, stream);
                    let value: Value = serde_json::from_str(&answer.text).expect("JSON");
                    assert_eq!(validator::accepts(&schema(), &value, &Budget::default()), Ok(true), "{value}");
                    assert_eq!(answer.finish, "stop");
                }
                let body = json!({"model": "gpt-4o", "input": format!("Person {seed}"), "text": {"format": responses}});
                let value: Value =
                    serde_json::from_str(&said(&emulator, "/v1/responses", &body, stream).text).expect("JSON");
                assert_eq!(validator::accepts(&schema(), &value, &Budget::default()), Ok(true), "{value}");
            }
        }
    }
}

/// Two functions, in the form of chat or of Responses.
fn tools(responses: bool) -> Value {
    let function = |name: &str, about: &str, properties: Value| {
        let required: Vec<&String> = properties.as_object().expect("properties").keys().collect();
        let parameters = json!({
            "type": "object", "additionalProperties": false, "required": required, "properties": properties,
        });
        json!({"name": name, "description": about, "strict": true, "parameters": parameters})
    };
    let unit = json!({"type": "string", "enum": ["c", "f"]});
    let all = [
        function("get_weather", "The weather of a city", json!({"city": {"type": "string"}, "unit": unit})),
        function("send_mail", "Sends a mail", json!({"to": {"type": "string", "format": "email"}})),
    ];
    let form = |mut function: Value| match responses {
        true => {
            function["type"] = json!("function");
            function
        }
        false => json!({"type": "function", "function": function}),
    };
    all.map(form).into_iter().collect()
}

#[test]
fn generated_calls_obey_the_request_and_end_with_the_results() {
    let emulator = start(json!({"fallback": "generate"}));
    let names = |said: &Said| said.calls.iter().map(|(name, _)| name.clone()).collect::<Vec<_>>();
    for stream in [false, true] {
        for (path, mut body) in
            [endpoints("What is the weather in Oslo?")[0].clone(), endpoints("What is the weather in Oslo?")[2].clone()]
        {
            let responses = path.ends_with("responses");
            body["tools"] = tools(responses);
            let answer = said(&emulator, path, &body, stream);
            assert_eq!(names(&answer), ["get_weather"], "{path}");
            assert_eq!(answer.calls[0].1["city"], "Oslo", "the user's own word");
            assert!(["c", "f"].contains(&answer.calls[0].1["unit"].as_str().unwrap_or_default()));
            body["tool_choice"] = json!("none");
            assert!(!said(&emulator, path, &body, stream).text.is_empty());
            body["tool_choice"] = match responses {
                true => json!({"type": "function", "name": "send_mail"}),
                false => json!({"type": "function", "function": {"name": "send_mail"}}),
            };
            assert_eq!(names(&said(&emulator, path, &body, stream)), ["send_mail"]);
            body["tool_choice"] = json!("required");
            body["parallel_tool_calls"] = json!(false);
            assert_eq!(said(&emulator, path, &body, stream).calls.len(), 1);
        }
        // The loop ends by itself, and the answer uses the results; where a call is required, what was not called is.
        let results = json!([
            {"role": "user", "content": "What is the weather in Oslo?"},
            {"role": "assistant", "content": null, "tool_calls": [
                {"id": "call_1", "type": "function", "function": {"name": "get_weather", "arguments": "{}"}}]},
            {"role": "tool", "tool_call_id": "call_1", "content": "4 °C"},
        ]);
        let mut body =
            json!({"model": "gpt-4o", "messages": results, "tools": tools(false), "tool_choice": "required"});
        assert_eq!(names(&said(&emulator, "/v1/chat/completions", &body, stream)), ["send_mail"]);
        body["tool_choice"] = json!("auto");
        let answer = said(&emulator, "/v1/chat/completions", &body, stream);
        assert!(answer.calls.is_empty() && answer.text.contains("get_weather: 4 °C"), "{answer:?}");
        let results = json!([
            {"role": "user", "content": "What is the weather in Oslo?"},
            {"type": "function_call", "call_id": "call_1", "name": "get_weather", "arguments": "{}"},
            {"type": "function_call_output", "call_id": "call_1", "output": "4 °C"},
        ]);
        let body = json!({"model": "gpt-4o", "input": results, "tools": tools(true)});
        let answer = said(&emulator, "/v1/responses", &body, stream);
        assert!(answer.calls.is_empty() && answer.text.contains("get_weather: 4 °C"), "{answer:?}");
        let body = json!({"model": "gpt-4o", "input": "News?", "tools": [{"type": "web_search"}], "tool_choice": {"type": "web_search"},
            "stream": stream});
        let answer = send(&emulator, "a", "/v1/responses", &body).text();
        assert!(answer.contains("\"web_search_call\"") && answer.contains("output_text"), "{answer}");
    }
}

#[test]
fn each_strategy_chooses_its_tools() {
    let emulator = start(json!({}));
    let chosen = |strategy: &str, stream: bool| {
        let script = json!({"reset": true, "defaults": {"fallback": {"generate": {"tools": strategy}}}});
        send(&emulator, "a", "/_emulator/script", &script);
        let mut body = chat("Send a mail");
        body["tools"] = tools(false);
        let calls = said(&emulator, "/v1/chat/completions", &body, stream).calls;
        calls.into_iter().map(|(name, _)| name).collect::<Vec<_>>()
    };
    for stream in [false, true] {
        assert_eq!(chosen("first", stream), ["get_weather"]);
        assert_eq!(chosen("sequence", stream), ["get_weather", "send_mail"]);
        assert_eq!(chosen("contextual", stream), ["send_mail"]);
        assert!((1..=2).contains(&chosen("random", stream).len()));
        assert!(chosen("none", stream).is_empty());
    }
}

#[test]
fn what_costs_too_much_is_refused_wherever_it_stands() {
    let properties = |schema: Value| json!({"type": "object", "properties": {"p": schema}, "required": ["p"], "additionalProperties": false});
    let huge = properties(json!({"type": "string", "pattern": "((a{100}){100}){10}"}));
    let words: Vec<String> = (0..900).map(|at| format!("word {at}")).collect();
    let many = properties(
        json!({"type": "array", "minItems": 20_000, "maxItems": 20_000, "items": {"type": "string", "enum": words}}),
    );
    let said = json!({"p": vec!["word 899"; 20_000]}).to_string();
    let script = json!({"responses": {"": {"text": said}}});
    for (fallback, schema) in
        [("generate", &huge), ("echo", &huge), ("generate", &many), ("echo", &many), ("script", &many)]
    {
        let emulator = start(json!({"fallback": if fallback == "script" { "error" } else { fallback }}));
        if fallback == "script" {
            assert_eq!(send(&emulator, "a", "/_emulator/script", &script).status, 200);
        }
        let format = json!({"name": "f", "strict": true, "schema": schema});
        let mut asked = vec![
            (
                "/v1/chat/completions",
                "response_format",
                json!({"response_format": {"type": "json_schema", "json_schema": format}}),
            ),
            (
                "/v1/responses",
                "text.format",
                json!({"text": {"format": {"type": "json_schema", "name": "f", "strict": true, "schema": schema}}}),
            ),
        ];
        if fallback != "script" {
            let function = json!({"name": "f", "parameters": schema, "strict": true});
            let tool = json!({"type": "function", "function": function});
            asked.push(("/v1/chat/completions", "tools", json!({"tools": [tool], "tool_choice": "required"})));
        }
        for (path, param, more) in asked {
            let mut body = if path.ends_with("responses") { endpoints("Hi")[2].1.clone() } else { chat("Hi") };
            body.as_object_mut().expect("an object").extend(more.as_object().expect("an object").clone());
            let answer = send(&emulator, "a", path, &body);
            let error = &answer.json()["error"];
            assert_eq!((answer.status, &error["param"]), (400, &json!(param)), "{fallback} {error}");
            assert_eq!(error["type"], "invalid_request_error", "{error}");
            assert_eq!(error["code"], "schema_too_complex", "{error}");
        }
        // The emulator goes on.
        assert_eq!(send(&emulator, "a", "/v1/chat/completions", &chat("Hi")).status, 200);
    }
}
