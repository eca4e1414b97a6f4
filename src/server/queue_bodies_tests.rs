//! Verbatim bodies of preset queues: filled where that is asked, and streamed as what they mean.

use super::queue_tests::AT;
use super::room_tests::{CHAT, ask, chat, done};
use super::tests::{Got, send, start};
use crate::wire::value::Holds;
use serde_json::{Value, json};
use std::collections::BTreeMap;

/// The chunks of a chat stream.
fn chunks(got: &Got) -> Vec<Value> {
    let text = got.text();
    text.lines().filter_map(|line| serde_json::from_str(line.strip_prefix("data: ")?).ok()).collect()
}

#[test]
fn a_verbatim_body_gets_what_it_lacks_only_where_that_is_asked() {
    let emulator = start(json!({"fallback": "echo"}));
    let bare = json!({"choices": [{"message": {"content": "hi"}}]});
    done(&emulator, "POST", AT, json!({"response": bare}));
    done(&emulator, "POST", AT, json!({"response": bare, "fill": true}));
    done(
        &emulator,
        "POST",
        AT,
        json!({"response": {"id": "own", "model": "mine", "choices": bare["choices"]}, "fill": true}),
    );
    assert_eq!(send(&emulator, "k", CHAT, &chat("a", false)).json(), bare);
    let filled = send(&emulator, "k", CHAT, &chat("a", false)).json();
    for key in ["id", "object", "created", "model", "usage", "choices"] {
        assert!(!filled[key].is_null(), "{key}: {filled}");
    }
    assert_eq!((&filled["choices"][0]["finish_reason"], &filled["choices"][0]["index"]), (&json!("stop"), &json!(0)));
    let own = send(&emulator, "k", CHAT, &chat("a", false)).json();
    assert_eq!((&own["id"], &own["model"], own["usage"].is_object()), (&json!("own"), &json!("mine"), true));
    // A response of the other dialect.
    let output =
        json!([{"type": "message", "role": "assistant", "content": [{"type": "output_text", "text": "there"}]}]);
    done(&emulator, "POST", AT, json!({"response": {"output": output}, "fill": true}));
    let response = send(&emulator, "k", "/v1/responses", &json!({"model": "gpt-4o", "input": "a"})).json();
    assert_eq!(
        (&response["object"], &response["output"][0]["content"][0]["text"]),
        (&json!("response"), &json!("there"))
    );
    let refused = ask(&emulator, "POST", AT, json!({"response": {"any": 1}, "fill": true}));
    assert_eq!((refused.0, &refused.1["error"]["param"]), (400, &json!("fill")));
}

#[test]
fn a_verbatim_chat_body_is_streamed_as_the_chunks_it_means() {
    let emulator = start(json!({"fallback": "echo"}));
    let calls = json!([
        {"id": "call_1", "type": "function", "function": {"name": "f", "arguments": "{\"a\":1}"}},
        {"id": "call_2", "type": "function", "function": {"name": "g", "arguments": "{}"}},
    ]);
    let message = json!({"role": "assistant", "content": "one two", "tool_calls": calls});
    let response = json!({"id": "own", "object": "chat.completion", "model": "mine", "choices": [{"index": 0, "message": message, "finish_reason": "tool_calls"}]});
    done(&emulator, "POST", AT, json!({"response": response, "pace": {"chunk": "word"}, "headers": {"x-own": "1"}}));
    let mut request = chat("a", true);
    request["tools"] =
        json!([{"type": "function", "function": {"name": "f"}}, {"type": "function", "function": {"name": "g"}}]);
    let got = send(&emulator, "k", CHAT, &request);
    assert!(got.head.contains("x-own: 1") && got.head.contains("text/event-stream"), "{}", got.head);
    let all = chunks(&got);
    assert!(
        all.iter().all(|chunk| chunk["id"] == "own"
            && chunk["model"] == "mine"
            && chunk["object"] == "chat.completion.chunk")
    );
    let texts: Vec<&str> = all
        .iter()
        .filter_map(|chunk| chunk["choices"][0]["delta"]["content"].as_str())
        .filter(|text| !text.is_empty())
        .collect();
    assert_eq!(texts, ["one ", "two"]);
    let deltas = || all.iter().filter_map(|chunk| chunk["choices"][0]["delta"]["tool_calls"][0].as_object());
    let names: Vec<&Value> = deltas().filter_map(|call| call["function"].get("name")).collect();
    assert_eq!(names, ["f", "g"]);
    let arguments: String =
        deltas().filter(|call| call["index"] == 0).filter_map(|call| call["function"]["arguments"].as_str()).collect();
    assert_eq!(arguments, "{\"a\":1}");
    let finish: Vec<&Value> =
        all.iter().map(|chunk| &chunk["choices"][0]["finish_reason"]).filter(|finish| !finish.is_null()).collect();
    assert_eq!(finish, ["tool_calls"]);
    assert!(got.text().ends_with("data: [DONE]\n\n"));
    // What is no answer of chat stays what it is, whatever was asked.
    done(&emulator, "POST", AT, json!({"response": {"error": {"message": "no"}}, "status_code": 503}));
    let got = send(&emulator, "k", CHAT, &chat("a", true));
    assert_eq!((got.status, got.json()), (503, json!({"error": {"message": "no"}})));
}

/// `fill` adds what is lacking and changes nothing that is there.
#[test]
fn what_a_filled_body_has_stays_as_it_is() {
    let emulator = start(json!({"fallback": "echo"}));
    let holds = |filled: &Value, body: &Value| {
        for (key, value) in body.as_object().expect("an object").iter().filter(|(_, value)| !value.is_array()) {
            assert_eq!(&filled[key], value, "{key}: {filled}");
        }
    };
    let response = json!({"status": "incomplete", "incomplete_details": {"reason": "max_output_tokens"}, "created_at": 5,
        "metadata": {"mine": "1"}, "usage": {"input_tokens": 7},
        "output": [{"type": "message", "id": "msg_own", "content": [{"type": "output_text", "text": "there"}]}]});
    done(&emulator, "POST", AT, json!({"response": response, "fill": true, "status_code": 201}));
    let asked = json!({"model": "gpt-4o", "input": "a", "metadata": {"other": "2"}});
    let got = send(&emulator, "k", "/v1/responses", &asked);
    let mut filled = got.json();
    assert_eq!((got.status, filled["usage"]["output_tokens"].is_u64()), (201, true), "{filled}");
    assert_eq!((&filled["output"][0]["id"], &filled["output"][0]["role"]), (&json!("msg_own"), &json!("assistant")));
    assert_eq!(filled["output"][0]["content"][0]["annotations"], json!([]));
    filled["usage"] = json!({"input_tokens": filled["usage"]["input_tokens"]});
    holds(&filled, &response);
    let message =
        json!({"content": "hi", "annotations": [{"type": "url_citation"}], "reasoning_content": "why", "own": 2});
    let choice = json!({"message": message, "logprobs": {"content": [], "refusal": null}});
    let chat_body = json!({"created": 5, "system_fingerprint": "fp_own", "service_tier": "flex", "own": {"a": 1}, "choices": [choice]});
    done(&emulator, "POST", AT, json!({"response": chat_body, "fill": true}));
    let filled = send(&emulator, "k", CHAT, &chat("a", false)).json();
    holds(&filled, &chat_body);
    holds(&filled["choices"][0]["message"], &message);
    assert_eq!(filled["choices"][0]["message"]["annotations"], message["annotations"]);
    assert_eq!(filled["choices"][0]["logprobs"], choice["logprobs"]);
    assert_eq!((&filled["choices"][0]["message"]["role"], filled["id"].is_string()), (&json!("assistant"), true));
    // One for another operation is what it means there, not a mixture.
    done(&emulator, "POST", AT, json!({"response": response, "fill": true}));
    let filled = send(&emulator, "k", CHAT, &chat("a", false)).json();
    assert_eq!(
        (&filled["object"], filled.get("output"), filled.get("status")),
        (&json!("chat.completion"), None, None),
        "{filled}"
    );
}

/// A body that is asked for as a stream says there what it would say whole, as far as a stream of its operation can.
#[test]
fn a_streamed_body_keeps_its_facts_and_its_end() {
    let emulator = start(json!({"fallback": "echo"}));
    let parts = json!([{"type": "text", "text": "one "}, {"type": "text", "text": "two"}]);
    let body = json!({"created": 5, "system_fingerprint": "fp_own", "service_tier": "flex",
        "choices": [{"message": {"content": parts}, "finish_reason": "stop"}]});
    done(&emulator, "POST", AT, json!({"response": body, "status_code": 201}));
    let got = send(&emulator, "k", CHAT, &chat("a", true));
    let all = chunks(&got);
    assert_eq!(got.status, 201);
    for chunk in &all {
        assert_eq!(
            (&chunk["created"], &chunk["system_fingerprint"], &chunk["service_tier"]),
            (&json!(5), &json!("fp_own"), &json!("flex"))
        );
    }
    let text: String = all.iter().filter_map(|chunk| chunk["choices"][0]["delta"]["content"].as_str()).collect();
    assert_eq!(text, "one two");
    // A function as it was called of old.
    let called = json!({"content": null, "function_call": {"name": "f", "arguments": "{}"}});
    let body = json!({"choices": [{"message": called, "finish_reason": "function_call"}]});
    done(&emulator, "POST", AT, json!({"response": body}));
    let mut request = chat("a", true);
    request["functions"] = json!([{"name": "f"}]);
    let all = chunks(&send(&emulator, "k", CHAT, &request));
    assert!(all.iter().any(|chunk| chunk["choices"][0]["delta"]["function_call"]["name"] == "f"), "{all:?}");
    assert!(all.iter().any(|chunk| chunk["choices"][0]["finish_reason"] == "function_call"), "{all:?}");
    // Completions, and a response that is not complete.
    done(&emulator, "POST", AT, json!({"response": {"choices": [{"text": "old", "finish_reason": "stop"}]}}));
    let asked = json!({"model": "gpt-3.5-turbo-instruct", "prompt": "a", "stream": true});
    let all = chunks(&send(&emulator, "k", "/v1/completions", &asked));
    let text: String = all.iter().filter_map(|chunk| chunk["choices"][0]["text"].as_str()).collect();
    assert_eq!(text, "old");
    let output = json!([{"type": "message", "content": [{"type": "output_text", "text": "there"}]}]);
    let body = json!({"status": "incomplete", "incomplete_details": {"reason": "max_output_tokens"}, "output": output});
    done(&emulator, "POST", AT, json!({"response": body}));
    let asked = json!({"model": "gpt-4o", "input": "a", "stream": true});
    let events = chunks(&send(&emulator, "k", "/v1/responses", &asked));
    let last = events.last().expect("an event");
    assert_eq!((&last["type"], &last["response"]["status"]), (&json!("response.incomplete"), &json!("incomplete")));
    // A failed response is no stream.
    let failed = json!({"status": "failed", "error": {"code": "server_error", "message": "no"}, "output": []});
    done(&emulator, "POST", AT, json!({"response": failed}));
    assert_eq!(send(&emulator, "k", "/v1/responses", &asked).json(), failed);
}

/// The choices of a chat stream, each as what its chunks say together.
fn said(got: &Got) -> Vec<Value> {
    let mut choices: Vec<Value> = Vec::new();
    for chunk in chunks(got) {
        for one in chunk["choices"].elements() {
            let index = one["index"].as_u64().expect("an index") as usize;
            choices.resize(choices.len().max(index + 1), json!({"finish": null, "scores": []}));
            for (name, value) in one["delta"].as_object().expect("a delta") {
                let before = choices[index][name].as_str().unwrap_or_default();
                choices[index][name] = match value {
                    Value::String(more) => format!("{before}{more}").into(),
                    whole => whole.clone(),
                };
            }
            let scores = one["logprobs"]["content"].elements().cloned();
            choices[index]["scores"].as_array_mut().expect("a list").extend(scores);
            if !one["finish_reason"].is_null() {
                choices[index]["finish"] = one["finish_reason"].clone();
            }
        }
    }
    choices
}

/// A body has as many choices as it has, whatever number is asked for, and all that it says, whatever the limit.
#[test]
fn a_body_means_its_own_choices_to_their_ends() {
    let emulator = start(json!({"fallback": "echo"}));
    let bodies = json!([
        [{"message": {"content": "a b c"}}, {"message": {"content": "d e f"}}],
        [{"message": {"content": "a b c"}}],
    ]);
    for choices in bodies.as_array().expect("a list") {
        for n in [Value::Null, json!(1), json!(2), json!(3)] {
            let asked = |stream: bool| {
                let mut body = chat("a", stream);
                body["n"] = n.clone();
                (body["max_tokens"], body["stop"]) = (json!(2), json!(["b"]));
                done(&emulator, "POST", AT, json!({"response": {"choices": choices}, "fill": true}));
                send(&emulator, "k", CHAT, &body)
            };
            let (filled, streamed) = (asked(false).json(), said(&asked(true)));
            let filled = filled["choices"].as_array().expect("choices");
            let many = choices.as_array().map(Vec::len);
            assert_eq!((Some(filled.len()), Some(streamed.len())), (many, many), "n: {n}");
            for (index, choice) in filled.iter().enumerate() {
                let text = &choices[index]["message"]["content"];
                assert_eq!((&choice["index"], &choice["finish_reason"]), (&json!(index), &json!("stop")), "{choice}");
                assert_eq!((&choice["message"]["role"], &choice["message"]["content"]), (&json!("assistant"), text));
                assert_eq!((&streamed[index]["content"], &streamed[index]["finish"]), (text, &json!("stop")));
            }
        }
    }
    let two = json!({"choices": [{"text": "a"}, {"text": "b"}]});
    for stream in [false, true] {
        done(&emulator, "POST", AT, json!({"response": two, "fill": true}));
        let asked = json!({"model": "gpt-3.5-turbo-instruct", "prompt": "p", "echo": true, "stream": stream});
        let got = send(&emulator, "k", "/v1/completions", &asked);
        let all = if stream { chunks(&got) } else { vec![got.json()] };
        let texts = |index: usize| -> String {
            let choices = all.iter().flat_map(|one| one["choices"].elements());
            choices.filter(|choice| choice["index"] == index).filter_map(|choice| choice["text"].as_str()).collect()
        };
        assert_eq!((texts(0).as_str(), texts(1).as_str(), texts(2).as_str()), ("a", "b", ""), "{all:?}");
        assert!(stream || all[0]["choices"][1]["finish_reason"] == "stop", "{all:?}");
    }
    // What a reply says is still given as often as is asked.
    let mut two = chat("a", false);
    two["n"] = json!(2);
    done(&emulator, "POST", AT, json!({"reply": "again"}));
    assert_eq!(send(&emulator, "k", CHAT, &two).json()["choices"].as_array().map(Vec::len), Some(2));
}

/// Whatever a choice has beside its text is streamed as it is written.
#[test]
fn a_streamed_choice_keeps_what_it_has_beside_its_text() {
    let emulator = start(json!({"fallback": "echo"}));
    let scores = json!([
        {"token": "one tw", "logprob": -0.5, "bytes": [111, 110, 101, 32, 116, 119], "top_logprobs": []},
        {"token": "o", "logprob": -0.25, "bytes": null, "top_logprobs": [{"token": "x", "logprob": -9.0, "bytes": null}]},
    ]);
    let cited =
        json!([{"type": "url_citation", "url_citation": {"url": "u", "title": "t", "start_index": 0, "end_index": 1}}]);
    let message = json!({"role": "assistant", "content": "one two", "reasoning_content": "because of it",
        "annotations": cited, "refusal": null, "provider": {"own": 1}});
    let body = json!({"choices": [{"index": 0, "message": message, "finish_reason": "eos",
        "logprobs": {"content": scores, "refusal": null}}]});
    for logprobs in [false, true] {
        let mut asked = chat("a", true);
        asked["logprobs"] = json!(logprobs);
        done(&emulator, "POST", AT, json!({"response": body}));
        let got = send(&emulator, "k", CHAT, &asked);
        let one = &said(&got)[0];
        assert_eq!((&one["content"], &one["reasoning_content"]), (&message["content"], &message["reasoning_content"]));
        assert_eq!((&one["annotations"], &one["provider"]), (&cited, &message["provider"]));
        assert_eq!((&one["scores"], &one["finish"], one.get("reasoning")), (&scores, &json!("eos"), None));
        assert_eq!(got.text().matches("url_citation\":{").count(), 1, "{}", got.text());
    }
    // In Responses the same means a reasoning item, and the citation is one there.
    done(&emulator, "POST", AT, json!({"response": body}));
    let asked = json!({"model": "gpt-5", "input": "a", "stream": true});
    let last = chunks(&send(&emulator, "k", "/v1/responses", &asked)).pop().expect("an event");
    let output = &last["response"]["output"];
    assert_eq!(
        (&output[0]["summary"][0]["text"], &output[1]["content"][0]["text"]),
        (&json!("because of it"), &json!("one two"))
    );
    assert_eq!(output[1]["content"][0]["annotations"][0]["url"], "u");
    // Completions have lists beside each other.
    let lists = json!({"tokens": ["one", " two"], "token_logprobs": [-0.5, -0.25], "top_logprobs": null, "text_offset": [0, 3]});
    done(&emulator, "POST", AT, json!({"response": {"choices": [{"text": "one two", "logprobs": lists}]}}));
    let asked = json!({"model": "gpt-3.5-turbo-instruct", "prompt": "p", "stream": true, "logprobs": 1});
    let all = chunks(&send(&emulator, "k", "/v1/completions", &asked));
    for (name, whole) in lists.as_object().expect("lists") {
        let parts = all.iter().filter_map(|one| one["choices"][0]["logprobs"][name].as_array());
        let told: Vec<Value> = parts.flatten().cloned().collect();
        assert_eq!(Value::from(told), if whole.is_null() { json!([]) } else { whole.clone() }, "{name}: {all:?}");
    }
    // A function as it was called of old, though nobody offers one.
    let called = json!({"content": null, "function_call": {"name": "f", "arguments": "{}"}});
    for stream in [false, true] {
        done(&emulator, "POST", AT, json!({"response": {"choices": [{"message": called}]}, "fill": true}));
        let got = send(&emulator, "k", CHAT, &chat("a", stream));
        let text = got.text();
        assert!(text.contains("function_call") && !text.contains("tool_calls"), "{text}");
    }
}

/// The items of a response are those that it has, with what they lack.
#[test]
fn a_response_has_its_own_items_filled_and_streamed() {
    let emulator = start(json!({"fallback": "echo"}));
    let part = |text: &str| json!({"type": "output_text", "text": text});
    let output = json!([
        {"type": "message", "content": [part("a"), part("a2")]},
        {"type": "function_call", "name": "f", "arguments": "{}"},
        {"type": "file_search_call", "queries": ["q"], "results": [{"text": "found"}]},
        {"type": "message", "status": "completed", "content": [part("b"), {"type": "refusal", "refusal": "no"}]},
    ]);
    let body = json!({"output": output, "status": "incomplete", "incomplete_details": {"reason": "max_output_tokens"}});
    for stream in [false, true] {
        done(&emulator, "POST", AT, json!({"response": body, "fill": true}));
        let asked = json!({"model": "gpt-4o", "input": "a", "stream": stream, "max_output_tokens": 16});
        let got = send(&emulator, "k", "/v1/responses", &asked);
        let response = match stream {
            true => chunks(&got).pop().expect("an event")["response"].take(),
            false => got.json(),
        };
        let items = response["output"].as_array().expect("items");
        assert_eq!(items.len(), 4, "{response}");
        assert_eq!(
            (&items[0]["content"][1]["text"], &items[0]["content"][1]["annotations"]),
            (&json!("a2"), &json!([]))
        );
        assert_eq!(items[0]["role"], "assistant");
        for field in ["id", "call_id", "status"] {
            assert!(items[1][field].is_string(), "{field}: {response}");
        }
        assert_eq!(items[2]["results"], output[2]["results"]);
        assert_eq!((&items[3]["content"][1]["refusal"], &items[3]["status"]), (&json!("no"), &json!("completed")));
        if stream {
            let mut texts = BTreeMap::<_, String>::new();
            for event in chunks(&got).iter().filter(|event| event["type"] == "response.output_text.delta") {
                let place = (event["output_index"].as_u64(), event["content_index"].as_u64());
                texts.entry(place).or_default().push_str(event["delta"].as_str().expect("a text"));
            }
            let place = |item, part| (Some(item), Some(part));
            let parts = [(place(0, 0), "a"), (place(0, 1), "a2"), (place(3, 0), "b")];
            assert_eq!(texts, parts.map(|(place, text)| (place, text.to_string())).into());
        }
    }
    // Elsewhere they are what they mean there.
    done(&emulator, "POST", AT, json!({"response": {"output": [output[0]]}, "fill": true}));
    let elsewhere = send(&emulator, "k", CHAT, &chat("a", false)).json();
    assert_eq!(elsewhere["choices"][0]["message"]["content"], "aa2");
}
