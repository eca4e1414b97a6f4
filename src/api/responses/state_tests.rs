//! What a session keeps of responses and conversations, over a socket.

use super::checker;
use crate::emulator::Emulator;
use crate::server::tests::{Got, exchange, request, send, start};
use crate::wire::value::Holds;
use serde_json::{Value, json};
use std::net::TcpStream;
use tokio_tungstenite::tungstenite::client::IntoClientRequest;
use tokio_tungstenite::tungstenite::{self, Message, WebSocket};

const KEY: &str = "sk-state";

fn emulator(clock: &str, script: Value) -> std::sync::Arc<Emulator> {
    let emulator = start(json!({"clock": clock}));
    let loaded = post(&emulator, "/_emulator/script", script);
    assert_eq!(loaded.status, 200, "{}", loaded.text());
    emulator
}

fn post(emulator: &Emulator, path: &str, body: Value) -> Got {
    send(emulator, KEY, path, &body)
}

fn get(emulator: &Emulator, path: &str) -> Got {
    exchange(emulator, &request("GET", path, KEY, "", b"")).expect("an answer")
}

fn ask(input: &str, more: Value) -> Value {
    let mut body = json!({"model": "gpt-4o", "input": input});
    for (key, value) in more.members() {
        body[key] = value.clone();
    }
    body
}

fn text_of(response: &Value) -> &str {
    response["output"][0]["content"][0]["text"].as_str().unwrap_or_default()
}

#[test]
fn a_chain_carries_the_conversation_but_not_the_instructions() {
    let script = json!({"responses": [
        "first",
        {"match": {"any_message": "^remember$", "turn": 1, "not": {"system": "be kind"}}, "text": "second"},
        "unstored",
    ]});
    let emulator = emulator("instant", script);
    let first = post(&emulator, "/v1/responses", ask("remember", json!({"instructions": "be kind"}))).json();
    let second = ask("and?", json!({"previous_response_id": first["id"]}));
    let second = post(&emulator, "/v1/responses", second).json();
    assert_eq!(text_of(&second), "second", "{second}");
    assert_eq!(second["previous_response_id"], first["id"]);
    let unstored = post(&emulator, "/v1/responses", ask("x", json!({"store": false}))).json();
    let refused = post(&emulator, "/v1/responses", ask("x", json!({"previous_response_id": unstored["id"]})));
    assert_eq!(refused.status, 400);
    let message = format!("Previous response with id '{}' not found.", unstored["id"].as_str().expect("an id"));
    let expected = json!({"error": {"message": message, "type": "invalid_request_error",
        "param": "previous_response_id", "code": "previous_response_not_found"}});
    assert_eq!(refused.json(), expected);
}

#[test]
fn a_stored_response_is_shown_replayed_and_deleted() {
    let emulator = emulator("instant", json!({"responses": ["one two three"]}));
    let stream = post(&emulator, "/v1/responses", ask("count", json!({"stream": true}))).text();
    let response = checker::check(&stream);
    let path = format!("/v1/responses/{}", response["id"].as_str().expect("an id"));
    let mut shown = get(&emulator, &path).json();
    shown.as_object_mut().expect("an object").remove("billing");
    assert_eq!(shown, response);
    assert_eq!(get(&emulator, &format!("{path}?stream=true")).text(), stream);
    let rest = get(&emulator, &format!("{path}?stream=true&starting_after=4")).text();
    assert!(stream.ends_with(&rest) && rest.contains("\"sequence_number\":5"), "{rest}");
    let items = get(&emulator, &format!("{path}/input_items")).json();
    assert_eq!(items["data"][0]["content"], json!([{"type": "input_text", "text": "count"}]));
    assert_eq!(items["first_id"], items["data"][0]["id"]);
    let deleted = exchange(&emulator, &request("DELETE", &path, KEY, "", b"")).expect("an answer");
    assert_eq!(deleted.json()["deleted"], true);
    assert_eq!(get(&emulator, &path).status, 404);
}

#[test]
fn a_background_response_runs_on_the_sessions_clock() {
    let slow = json!({"text": "done", "pace": {"ttft_ms": 5000}});
    let emulator = emulator("manual", json!({"responses": [slow, slow, "at once"]}));
    let begun = post(&emulator, "/v1/responses", ask("go", json!({"background": true})));
    assert!(begun.head.contains("openai-poll-after-ms: 10"));
    let begun = begun.json();
    assert_eq!((&begun["status"], &begun["output"]), (&json!("queued"), &json!([])));
    let path = format!("/v1/responses/{}", begun["id"].as_str().expect("an id"));
    assert_eq!(get(&emulator, &path).json()["status"], "in_progress");
    let advanced = exchange(&emulator, &request("PUT", "/_emulator/clock", KEY, "", br#"{"advance_ms":5000}"#));
    assert_eq!(advanced.expect("an answer").status, 200);
    let done = get(&emulator, &path).json();
    assert_eq!((&done["status"], text_of(&done)), (&json!("completed"), "done"));
    let other = post(&emulator, "/v1/responses", ask("go", json!({"background": true}))).json();
    let cancel = format!("/v1/responses/{}/cancel", other["id"].as_str().expect("an id"));
    assert_eq!(post(&emulator, &cancel, json!({})).json()["status"], "cancelled");
    assert_eq!(post(&emulator, &cancel, json!({})).json()["status"], "cancelled");
    let plain = post(&emulator, "/v1/responses", ask("go", json!({}))).json();
    let cancel = format!("/v1/responses/{}/cancel", plain["id"].as_str().expect("an id"));
    assert_eq!(post(&emulator, &cancel, json!({})).status, 400);
}

#[test]
fn a_fault_breaks_the_answer_of_a_background_response() {
    let emulator = emulator(
        "instant",
        json!({"responses": [{"text": "never", "fault": {"at": "connect", "kind": "disconnect"}}]}),
    );
    let asked = ask("go", json!({"background": true})).to_string();
    let got = exchange(&emulator, &request("POST", "/v1/responses", KEY, "", asked.as_bytes()));
    assert!(got.is_none(), "the connection ends without an answer");
}

#[test]
fn a_cancel_directly_after_the_create_comes_in_time() {
    for clock in ["real", "instant", "manual"] {
        let emulator = emulator(clock, json!({"responses": ["one", "two"]}));
        let begin = || post(&emulator, "/v1/responses", ask("go", json!({"background": true}))).json()["id"].clone();
        let path = |id: Value| format!("/v1/responses/{}", id.as_str().expect("an id"));
        let stopped = path(begin());
        assert_eq!(post(&emulator, &format!("{stopped}/cancel"), json!({})).json()["status"], "cancelled", "{clock}");
        assert_eq!(get(&emulator, &stopped).json()["status"], "cancelled", "{clock}");
        // What was seen done stays done.
        let done = path(begin());
        assert_eq!(get(&emulator, &done).json()["status"], "completed", "{clock}");
        assert_eq!(post(&emulator, &format!("{done}/cancel"), json!({})).json()["status"], "completed", "{clock}");
    }
}

#[test]
fn a_cancelled_response_said_nothing_and_replays_as_failed() {
    let emulator = emulator("manual", json!({"responses": [{"text": "never", "pace": {"ttft_ms": 5000}}]}));
    let conversation = post(&emulator, "/v1/conversations", json!({})).json()["id"].clone();
    let begun = ask("go", json!({"background": true, "conversation": conversation}));
    let begun = post(&emulator, "/v1/responses", begun).json();
    let path = format!("/v1/responses/{}", begun["id"].as_str().expect("an id"));
    post(&emulator, &format!("{path}/cancel"), json!({}));
    // Its conversation keeps the question alone.
    let items = format!("/v1/conversations/{}/items", conversation.as_str().expect("an id"));
    let items = get(&emulator, &items).json();
    assert_eq!(items["data"].as_array().map(Vec::len), Some(1), "{items}");
    assert_eq!(items["data"][0]["role"], "user");
    let events = get(&emulator, &format!("{path}?stream=true")).text();
    assert_eq!(events.matches("event: response.failed").count(), 1, "{events}");
    let cancelled = checker::check(&events);
    assert_eq!((&cancelled["status"], &cancelled["output"]), (&json!("cancelled"), &json!([])));
    assert_eq!(get(&emulator, &path).json()["status"], "cancelled");
}

#[test]
fn include_shows_later_what_it_did_not_at_first() {
    let results = json!([{"file_id": "file-1", "text": "Paris"}]);
    let sources = json!([{"type": "url", "url": "https://example.com"}]);
    let items = json!([
        {"type": "file_search_call", "queries": ["x"], "results": results},
        {"type": "web_search_call", "action": {"type": "search", "query": "x", "sources": sources}},
    ]);
    let emulator = emulator("instant", json!({"responses": [{"output": items}]}));
    let tools = json!([{"type": "file_search", "vector_store_ids": ["vs_1"]}, {"type": "web_search"}]);
    let made = post(&emulator, "/v1/responses", ask("x", json!({"tools": tools}))).json();
    let path = format!("/v1/responses/{}", made["id"].as_str().expect("an id"));
    let shown = |query: &str| {
        let output = get(&emulator, &format!("{path}{query}")).json()["output"].clone();
        (output[0]["results"].clone(), output[1]["action"]["sources"].clone())
    };
    assert_eq!(shown(""), (Value::Null, Value::Null));
    assert_eq!(shown("?include[]=file_search_call.results"), (results.clone(), Value::Null));
    let both = "?include[]=web_search_call.action.sources&include[]=file_search_call.results";
    assert_eq!(shown(both), (results, sources));
    assert_eq!(shown(""), (Value::Null, Value::Null));
}

#[test]
fn a_scripted_summary_is_shown_unasked() {
    let emulator = emulator("instant", json!({"responses": [{"reasoning": "Hm.", "text": "x"}]}));
    let response = post(&emulator, "/v1/responses", ask("x", json!({"model": "gpt-5"}))).json();
    assert_eq!(response["reasoning"]["summary"], Value::Null);
    assert_eq!(response["output"][0]["summary"], json!([{"type": "summary_text", "text": "Hm."}]));
}

#[test]
fn conversations_hold_what_was_said() {
    let script = json!({"responses": ["first", {"match": {"any_message": "note", "turn": 1}, "text": "second"}]});
    let emulator = emulator("instant", script);
    let items = json!([{"type": "message", "role": "user", "content": "a note"}]);
    let conversation = post(&emulator, "/v1/conversations", json!({"metadata": {"a": "b"}, "items": items})).json();
    assert_eq!((&conversation["object"], &conversation["metadata"]), (&json!("conversation"), &json!({"a": "b"})));
    let id = conversation["id"].as_str().expect("an id");
    let path = format!("/v1/conversations/{id}");
    let first = post(&emulator, "/v1/responses", ask("one", json!({"conversation": id}))).json();
    assert_eq!(first["conversation"], json!({"id": id}));
    let second = post(&emulator, "/v1/responses", ask("two", json!({"conversation": {"id": id}}))).json();
    assert_eq!(text_of(&second), "second");
    let page = get(&emulator, &format!("{path}/items?order=asc&limit=2")).json();
    assert_eq!((&page["data"][1]["content"][0]["text"], &page["has_more"]), (&json!("one"), &json!(true)));
    let item = format!("{path}/items/{}", page["last_id"].as_str().expect("an id"));
    assert_eq!(get(&emulator, &item).json(), page["data"][1]);
    let left = exchange(&emulator, &request("DELETE", &item, KEY, "", b"")).expect("an answer");
    assert_eq!(left.json(), conversation);
    assert_eq!(get(&emulator, &item).status, 404);
    let updated = post(&emulator, &path, json!({"metadata": {"c": "d"}})).json();
    assert_eq!(updated["metadata"], json!({"c": "d"}));
    assert_eq!(
        exchange(&emulator, &request("DELETE", &path, KEY, "", b"")).expect("an answer").json()["deleted"],
        true
    );
    let gone = post(&emulator, "/v1/responses", ask("three", json!({"conversation": id})));
    assert_eq!((gone.status, gone.json()["error"]["code"].clone()), (404, Value::Null));
}

fn socket(emulator: &Emulator, key: &str) -> tungstenite::Result<WebSocket<TcpStream>> {
    let mut asked = format!("ws://{}/v1/responses", emulator.address).into_client_request()?;
    asked.headers_mut().insert("authorization", format!("Bearer {key}").parse().expect("a header"));
    let stream = crate::server::tests::connect(emulator);
    match tungstenite::client(asked, stream) {
        Ok((socket, _)) => Ok(socket),
        Err(tungstenite::HandshakeError::Failure(error)) => Err(error),
        Err(tungstenite::HandshakeError::Interrupted(_)) => panic!("the socket blocks"),
    }
}

/// Sends one event and reads until its response ends.
fn turn(socket: &mut WebSocket<TcpStream>, event: Value) -> Vec<Value> {
    socket.send(Message::text(event.to_string())).expect("sends");
    let mut events = Vec::new();
    loop {
        let frame = socket.read().expect("a frame");
        let event: Value = serde_json::from_str(frame.to_text().expect("text")).expect("JSON");
        let name = event["type"].as_str().unwrap_or_default().to_string();
        events.push(event);
        if ["response.completed", "response.failed", "error"].contains(&name.as_str()) {
            return events;
        }
    }
}

#[test]
fn a_socket_continues_what_is_not_stored_until_that_fails() {
    let script = json!({"responses": ["first", {"match": {"turn": 1}, "text": "second"}, {"error": {"status": 429}}]});
    let emulator = emulator("instant", script);
    let mut socket = socket(&emulator, KEY).expect("a socket");
    let create = |more: Value| {
        let mut event = ask("hi", more);
        event["type"] = json!("response.create");
        event
    };
    let first = turn(&mut socket, create(json!({"store": false, "stream_id": "a"})));
    assert!(first.iter().all(|event| event["stream_id"] == "a"));
    let first = first.last().expect("an event")["response"].clone();
    assert_eq!(text_of(&first), "first");
    let second =
        turn(&mut socket, create(json!({"store": false, "stream_id": "a", "previous_response_id": first["id"]})));
    let second = second.last().expect("an event")["response"].clone();
    assert_eq!(text_of(&second), "second");
    // Only the last response of a lane is remembered.
    let stale = turn(&mut socket, create(json!({"previous_response_id": first["id"]})));
    assert_eq!(stale[0]["error"]["code"], "previous_response_not_found");
    // A continuation that fails forgets what it continued.
    let continued = || create(json!({"stream_id": "a", "previous_response_id": second["id"]}));
    assert_eq!(turn(&mut socket, continued())[0]["status"], 429);
    assert_eq!(turn(&mut socket, continued())[0]["error"]["code"], "previous_response_not_found");
    // openai/codex warms a connection before anything is asked: with its fields, and without input.
    for input in [json!("hi"), json!([])] {
        let more = json!({"generate": false, "input": input, "client_metadata": {"turn_id": ""}});
        let warm = turn(&mut socket, create(more));
        assert_eq!(warm.last().expect("an event")["response"]["output"], json!([]), "{input}");
    }
    assert_eq!(turn(&mut socket, create(json!({"input": []})))[0]["error"]["code"], "missing_required_parameter");
    let unknown = turn(&mut socket, json!({"type": "nope"}));
    assert_eq!((&unknown[0]["status"], &unknown[0]["error"]["param"]), (&json!(400), &json!("type")));
}

#[test]
fn a_socket_needs_a_good_key() {
    let emulator = emulator("instant", json!({"responses": []}));
    let Err(tungstenite::Error::Http(refused)) = socket(&emulator, "invalid-key") else { panic!("not refused") };
    assert_eq!(refused.status().as_u16(), 401);
    let body: Value = serde_json::from_slice(refused.body().as_deref().unwrap_or_default()).expect("JSON");
    assert_eq!((&body["status"], &body["error"]["code"]), (&json!(401), &json!("invalid_api_key")));
}

#[test]
fn a_conversation_over_its_threshold_is_sealed_after_the_answer() {
    let emulator = emulator(
        "instant",
        json!({"responses": [
            {"text": "short"},
            {"text": "word ".repeat(1200)},
            {"match": {"turn": 0, "not": {"any_message": "word"}}, "text": "after"},
        ]}),
    );
    let managed = json!({"context_management": [{"type": "compaction", "compact_threshold": 1000}]});
    let kinds = |response: &Value| -> Vec<String> {
        response["output"].elements().map(|item| item["type"].as_str().unwrap_or_default().into()).collect()
    };
    let below = post(&emulator, "/v1/responses", ask("hi", managed.clone())).json();
    assert_eq!(kinds(&below), ["message"]);
    let mut streamed = ask("more", managed);
    streamed["stream"] = json!(true);
    let above = checker::check(&post(&emulator, "/v1/responses", streamed).text());
    assert_eq!(kinds(&above), ["message", "compaction"]);
    assert!(above["output"][1]["id"].as_str().expect("an id").starts_with("cmp_"));
    // The sealed item stands for what the assistant said.
    let next = post(&emulator, "/v1/responses", ask("so?", json!({"previous_response_id": above["id"]}))).json();
    assert_eq!(text_of(&next), "after", "{next}");
}

#[test]
fn truncation_leaves_the_oldest_messages_out() {
    let script = json!({"models": [{"id": "tiny", "context_window": 200}], "responses": ["cut"]});
    let emulator = emulator("instant", script);
    let long = "word ".repeat(150);
    let mut body = ask("", json!({"model": "tiny", "instructions": "be kind"}));
    body["input"] = json!([{"role": "user", "content": long}, {"role": "assistant", "content": long}, {"role": "user", "content": "now"}]);
    let refused = post(&emulator, "/v1/responses", body.clone()).json();
    assert_eq!(refused["error"]["code"], "context_length_exceeded", "{refused}");
    body["truncation"] = json!("auto");
    let answered = post(&emulator, "/v1/responses", body.clone()).json();
    assert_eq!((text_of(&answered), &answered["truncation"]), ("cut", &json!("auto")), "{answered}");
    assert!(answered["usage"]["input_tokens"].as_u64().is_some_and(|tokens| tokens <= 200), "{answered}");
    // What is asked now is never left out.
    body["input"] = json!(long.repeat(2));
    let refused = post(&emulator, "/v1/responses", body).json();
    assert_eq!(refused["error"]["code"], "context_length_exceeded", "{refused}");
}

#[test]
fn what_compaction_asks_is_counted() {
    let emulator = emulator("instant", json!({"responses": ["unused"]}));
    let said = |role: &str, text: &str| json!({"role": role, "content": text});
    let input = json!([said("user", "Hello!"), said("assistant", "Hello! How can I assist you today?")]);
    let body = json!({"model": "gpt-4o-mini", "instructions": "Summarize very briefly", "input": input});
    // Recording aecc7c1997c3c716.
    assert_eq!(post(&emulator, "/v1/responses/compact", body.clone()).json()["usage"]["input_tokens"], 124);
    assert_eq!(post(&emulator, "/v1/responses/input_tokens", body).json()["input_tokens"], 31);
}

#[test]
fn calls_sent_back_whole_count_their_id_and_status() {
    let call = json!({"match": {"turn": 0}, "tool_calls": [{"name": "f", "arguments": "{}"}]});
    let emulator = emulator("instant", json!({"responses": [call, "done"]}));
    let tools = json!([{"type": "function", "name": "f", "parameters": null}]);
    let first = post(&emulator, "/v1/responses", ask("go", json!({"tools": tools}))).json();
    let item = first["output"][0].clone();
    let output = json!({"type": "function_call_output", "call_id": item["call_id"], "output": "1"});
    let count = |body: Value| {
        let answer = post(&emulator, "/v1/responses/input_tokens", body).json();
        answer["input_tokens"].as_u64().unwrap_or_else(|| panic!("{answer}"))
    };
    let all = |call: Value| {
        count(json!({"model": "gpt-4o", "tools": tools, "input": [{"role": "user", "content": "go"}, call, output]}))
    };
    let mut bare = item.clone();
    bare.as_object_mut().expect("an item").retain(|key, _| key != "id" && key != "status");
    let whole = all(item);
    assert_eq!(whole, all(bare) + 3);
    let chained = json!({"model": "gpt-4o", "tools": tools, "input": [output], "previous_response_id": first["id"]});
    assert_eq!(count(chained), whole);
}

#[test]
fn a_running_response_can_be_built_on() {
    let slow = json!({"text": "later", "pace": {"ttft_ms": 5000}});
    let emulator =
        emulator("manual", json!({"responses": [slow, {"match": {"any_message": "later"}, "text": "next"}]}));
    let conversation = post(&emulator, "/v1/conversations", json!({})).json()["id"].clone();
    let asked = json!({"background": true, "conversation": conversation});
    let running = post(&emulator, "/v1/responses", ask("go", asked)).json();
    assert_eq!(running["status"], "queued");
    let path = format!("/v1/conversations/{}/items", conversation.as_str().expect("an id"));
    assert_eq!(get(&emulator, &path).json()["data"].as_array().map(Vec::len), Some(2));
    let next = post(&emulator, "/v1/responses", ask("and?", json!({"previous_response_id": running["id"]}))).json();
    assert_eq!(text_of(&next), "next", "{next}");
}

#[test]
fn lists_of_items_show_no_more_than_was_asked_at_first() {
    let search = json!({"type": "file_search_call", "queries": ["x"], "results": [{"filename": "a.txt"}]});
    let emulator = emulator("instant", json!({"responses": [{"output": [search]}]}));
    let conversation = post(&emulator, "/v1/conversations", json!({})).json()["id"].clone();
    post(&emulator, "/v1/responses", ask("x", json!({"conversation": conversation})));
    let path = format!("/v1/conversations/{}/items", conversation.as_str().expect("an id"));
    let listed = get(&emulator, &format!("{path}?include[]=file_search_call.results")).json();
    assert_eq!(
        (&listed["data"][0]["queries"], &listed["data"][0]["results"]),
        (&json!(["x"]), &Value::Null),
        "{listed}"
    );
}

#[test]
fn ids_may_repeat_and_no_chain_is_a_loop() {
    let rule = json!({"text": "same", "id": "resp_fixed", "times": "unlimited"});
    let emulator = emulator("instant", json!({"rules": [rule]}));
    let items = |response: &Value| {
        let answer =
            post(&emulator, "/v1/responses/input_tokens", ask("so?", json!({"previous_response_id": response["id"]})));
        answer.json()["input_tokens"].as_u64().expect("a count")
    };
    let mut last = post(&emulator, "/v1/responses", ask("one", json!({}))).json();
    let mut tokens = items(&last);
    for word in ["two", "three", "four"] {
        last = post(&emulator, "/v1/responses", ask(word, json!({"previous_response_id": last["id"]}))).json();
        assert_eq!((&last["id"], &last["status"]), (&json!("resp_fixed"), &json!("completed")));
        let now = items(&last);
        assert!(now > tokens, "every turn is in the history: {now} after {tokens}");
        tokens = now;
    }
    // Deleted, the id leads nowhere.
    let deleted = exchange(&emulator, &request("DELETE", "/v1/responses/resp_fixed", KEY, "", b"")).expect("an answer");
    assert_eq!(deleted.status, 200);
    let refused = post(&emulator, "/v1/responses", ask("x", json!({"previous_response_id": "resp_fixed"})));
    assert_eq!(refused.json()["error"]["code"], "previous_response_not_found");
}
