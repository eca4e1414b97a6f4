//! What functions answer that JavaScript would run: here a test is the one that runs them.

use crate::control::in_process;
use crate::emulator::Emulator;
use crate::options::{Door, Options};
use crate::server::tests::{Got, connect, eventually, exchange, request, send, until};
use crate::session::callbacks::Dispatch;
use serde_json::{Value, json};
use std::future::pending;
use std::io::{Read, Write};
use std::net::TcpStream;
use std::pin::Pin;
use std::sync::{Arc, Mutex};
use tokio::sync::Notify;

/// The function that yields its pieces.
const GENERATOR: u64 = 1;
/// The function that never settles.
const SILENT: u64 = 2;
/// The function that throws once it is let.
const THROWS: u64 = 3;

/// Runs functions as a test says.
#[derive(Default)]
struct Puppet {
    /// Numbers of their streams, in the order they were called.
    called: Mutex<Vec<u64>>,
    aborted: Mutex<Vec<u64>>,
    throw: Arc<Notify>,
}

impl Dispatch for Puppet {
    fn call(&self, message: String) -> Pin<Box<dyn Future<Output = Result<String, String>> + Send>> {
        let message: Value = serde_json::from_str(&message).expect("JSON");
        self.called.lock().expect("unharmed").push(message["stream"].as_u64().expect("a number"));
        let throw = self.throw.clone();
        match message["callback"].as_u64() {
            Some(GENERATOR) => Box::pin(async { Ok(json!({"streaming": true}).to_string()) }),
            Some(THROWS) => Box::pin(async move {
                throw.notified().await;
                Ok(json!({"error": "out of words"}).to_string())
            }),
            _ => Box::pin(pending()),
        }
    }

    fn notify(&self, message: String) {
        let message: Value = serde_json::from_str(&message).expect("JSON");
        self.aborted.lock().expect("unharmed").push(message["stream"].as_u64().expect("a number"));
    }
}

const KEY: &str = "sk-functions";

/// An emulator whose functions a test runs.
struct Stage {
    emulator: Arc<Emulator>,
    puppet: Arc<Puppet>,
}

impl Stage {
    /// A session that these functions answer, one after the other.
    fn of(options: Value, functions: &[u64]) -> Self {
        let puppet = Arc::new(Puppet::default());
        let options = Options::from_json(&options.to_string()).expect("options");
        let emulator = crate::server::start(options, Door::InProcess, Some(puppet.clone())).expect("starts");
        let responses: Vec<Value> = functions.iter().map(|number| json!({"callback": number})).collect();
        let script = json!({"responses": responses}).to_string();
        let (status, loaded) = in_process(&emulator, Some(KEY), "POST", "/_emulator/script", &script);
        assert_eq!(status, 200, "{loaded}");
        Stage { emulator, puppet }
    }

    /// The stream of the function that was called as so-manieth.
    fn stream(&self, nth: usize) -> u64 {
        eventually("the function is called", || self.puppet.called.lock().expect("unharmed").get(nth).copied())
    }

    fn yields(&self, nth: usize, piece: Value) {
        assert!(self.emulator.callbacks.push(self.stream(nth), &piece.to_string()), "{piece}");
    }

    fn ends(&self, nth: usize) {
        self.emulator.callbacks.finish(self.stream(nth), None);
    }

    fn is_aborted(&self, nth: usize) -> bool {
        self.puppet.aborted.lock().expect("unharmed").contains(&self.stream(nth))
    }

    /// Asks, and lets the generator that answers yield these pieces.
    fn yielded(&self, nth: usize, path: &str, body: &Value, pieces: &[Value]) -> Got {
        std::thread::scope(|scope| {
            let answer = scope.spawn(|| send(&self.emulator, KEY, path, body));
            pieces.iter().for_each(|piece| self.yields(nth, piece.clone()));
            self.ends(nth);
            answer.join().expect("an answer")
        })
    }

    fn post(&self, path: &str, body: Value) -> Value {
        send(&self.emulator, KEY, path, &body).json()
    }

    fn get(&self, path: &str) -> Value {
        exchange(&self.emulator, &request("GET", path, KEY, "", b"")).expect("an answer").json()
    }

    fn verify(&self) -> Value {
        in_process(&self.emulator, Some(KEY), "GET", "/_emulator/verify", "").1
    }

    /// What the requests in flight wait for.
    fn waits(&self) -> Vec<Value> {
        let verdict = self.verify();
        let open = verdict["in_flight"].as_array().expect("a list");
        assert!(open.is_empty() || verdict["ok"] == false, "{verdict}");
        open.iter().map(|exchange| exchange["waiting_for"]["kind"].clone()).collect()
    }

    /// Nothing is in flight, and nothing went wrong.
    fn is_over(&self) -> bool {
        let verdict = self.verify();
        verdict["in_flight"] == json!([]) && verdict["failures"] == 0
    }

    fn advance(&self, ms: u64) {
        let advanced =
            in_process(&self.emulator, Some(KEY), "PUT", "/_emulator/clock", &json!({"advance_ms": ms}).to_string());
        assert_eq!(advanced.0, 200);
    }
}

/// What the events of a stream say, without the end that names none.
fn events(text: &str) -> Vec<Value> {
    let data = text.lines().filter_map(|line| line.strip_prefix("data: ")).filter(|data| *data != "[DONE]");
    data.map(|data| serde_json::from_str(data).unwrap_or_else(|error| panic!("{error}: {data}"))).collect()
}

fn chat(more: Value) -> Value {
    let mut body = json!({"model": "gpt-4o", "stream": true, "messages": [{"role": "user", "content": "hi"}]});
    body.as_object_mut().expect("an object").extend(more.as_object().cloned().expect("an object"));
    body
}

fn response(more: Value) -> Value {
    let mut body = json!({"model": "gpt-4o", "input": "hi"});
    body.as_object_mut().expect("an object").extend(more.as_object().cloned().expect("an object"));
    body
}

/// A stream under way: what has come of it.
struct Reading {
    socket: TcpStream,
    text: String,
}

impl Reading {
    fn of(emulator: &Emulator, path: &str, body: &Value) -> Self {
        let mut socket = connect(emulator);
        socket.write_all(&request("POST", path, KEY, "", body.to_string().as_bytes())).expect("sends");
        Reading { socket, text: String::new() }
    }

    /// Reads on until this has come.
    fn until(&mut self, what: &str) -> &str {
        let mut bytes = [0; 4096];
        while !self.text.contains(what) {
            let read = self.socket.read(&mut bytes).expect("more");
            assert!(read > 0, "{what} never came: {}", self.text);
            self.text.push_str(&String::from_utf8_lossy(&bytes[..read]));
        }
        &self.text
    }

    /// The id of the response that it began with.
    fn path(&mut self) -> String {
        let text = self.until("response.in_progress");
        let id = text.split("\"id\":\"").nth(1).and_then(|rest| rest.split('"').next()).expect("an id");
        format!("/v1/responses/{id}")
    }

    /// All of it.
    fn rest(mut self) -> String {
        self.socket.read_to_string(&mut self.text).expect("the rest");
        self.text
    }
}

#[test]
fn work_behind_a_response_is_in_flight_until_it_is_over() {
    let stage = Stage::of(json!({}), &[THROWS, SILENT, SILENT, GENERATOR]);
    let begin = || stage.post("/v1/responses", response(json!({"background": true})));
    let path = |begun: &Value| format!("/v1/responses/{}", begun["id"].as_str().expect("an id"));
    let begun = begin();
    assert_eq!(begun["status"], "queued", "{begun}");
    assert_eq!(stage.waits(), ["function"]);
    let transcript = stage.verify()["transcript"].as_str().unwrap_or_default().to_string();
    assert!(transcript.contains("waits for the reply function"), "{transcript}");
    stage.puppet.throw.notify_one();
    until("it fails", || stage.get(&path(&begun))["status"] == "failed");
    let verdict = stage.verify();
    assert_eq!((&verdict["in_flight"], &verdict["failures"]), (&json!([]), &json!(1)), "{verdict}");
    assert_eq!(in_process(&stage.emulator, Some(KEY), "DELETE", "/_emulator/requests", "").0, 200);
    // Whoever cancels or deletes it wants no more of it.
    let begun = begin();
    assert_eq!(stage.post(&format!("{}/cancel", path(&begun)), json!({}))["status"], "cancelled");
    until("nothing is in flight", || stage.is_over());
    assert!(stage.is_aborted(1));
    let begun = begin();
    let deleted = exchange(&stage.emulator, &request("DELETE", &path(&begun), KEY, "", b"")).expect("an answer");
    assert_eq!(deleted.status, 200);
    until("nothing is in flight", || stage.is_over());
    assert!(stage.is_aborted(2));
    // Who yields is collected.
    let begun = begin();
    stage.yields(3, json!("all"));
    assert_eq!(stage.waits().len(), 1);
    stage.ends(3);
    until("it is done", || stage.get(&path(&begun))["status"] == "completed");
    assert!(stage.is_over());
}

#[test]
fn a_background_stream_that_is_yielded_runs_until_it_ends_whoever_reads_it() {
    let stage = Stage::of(json!({}), &[GENERATOR, GENERATOR, GENERATOR]);
    let body = response(json!({"background": true, "stream": true}));
    let mut reading = Reading::of(&stage.emulator, "/v1/responses", &body);
    stage.yields(0, json!("one "));
    let path = reading.path();
    reading.until("one ");
    assert_eq!(stage.get(&path)["status"], "in_progress");
    stage.yields(0, json!("two"));
    stage.ends(0);
    assert!(reading.rest().contains("response.completed"));
    let done = stage.get(&path);
    assert_eq!((&done["status"], &done["output"][0]["content"][0]["text"]), (&json!("completed"), &json!("one two")));
    assert_eq!(stage.post(&format!("{path}/cancel"), json!({}))["status"], "completed");
    // The client leaves; the work goes on, and who resumes waits for it.
    let mut reading = Reading::of(&stage.emulator, "/v1/responses", &body);
    stage.yields(1, json!("one "));
    let path = reading.path();
    reading.until("one ");
    drop(reading);
    let session = stage.emulator.session(KEY);
    until("the client has left", || session.journal.last(2).iter().any(|exchange| exchange.record().aborted));
    assert_eq!(stage.waits(), ["function"]);
    assert!(!stage.is_aborted(1));
    let resumed = std::thread::scope(|scope| {
        let (emulator, path) = (&stage.emulator, format!("{path}?stream=true&starting_after=2"));
        let resumed = scope.spawn(move || exchange(emulator, &request("GET", &path, KEY, "", b"")));
        until("somebody waits", || stage.verify()["in_flight"].as_array().is_some_and(|open| open.len() == 2));
        stage.yields(1, json!("two"));
        stage.ends(1);
        resumed.join().expect("an answer").expect("an answer").text()
    });
    assert!(resumed.contains("one two") && resumed.contains("\"sequence_number\":3"), "{resumed}");
    assert_eq!(stage.get(&path)["status"], "completed");
    assert!(stage.is_over());
    // A cancel ends the stream and the function.
    let mut reading = Reading::of(&stage.emulator, "/v1/responses", &body);
    stage.yields(2, json!("one "));
    let path = reading.path();
    reading.until("one ");
    assert_eq!(stage.post(&format!("{path}/cancel"), json!({}))["status"], "cancelled");
    let text = reading.rest();
    assert!(text.contains("response.failed") && text.contains("\"status\":\"cancelled\""), "{text}");
    assert!(stage.is_aborted(2));
    assert_eq!(stage.get(&path)["status"], "cancelled");
    assert!(stage.is_over());
}

#[test]
fn a_paced_background_stream_runs_on_the_clock() {
    let stage = Stage::of(json!({"clock": "manual"}), &[]);
    let text = json!({"text": "a b c", "pace": {"delay_ms": 1000, "chunk": "word"}});
    let held = json!({"text": "a b c", "pace": {"chunk": "word", "hold": {"after_chunks": 1, "until": "go"}}});
    let mut breaks = text.clone();
    breaks["fault"] = json!({"at": 1, "kind": "error"});
    let script = json!({"responses": [text, text, text, text, held, breaks]}).to_string();
    assert_eq!(in_process(&stage.emulator, Some(KEY), "POST", "/_emulator/script", &script).0, 200);
    let body = response(json!({"background": true, "stream": true}));
    let begin = || {
        let mut reading = Reading::of(&stage.emulator, "/v1/responses", &body);
        let path = reading.path();
        (reading, path)
    };
    // Read to its end.
    let (mut reading, path) = begin();
    for word in ["\"a ", "\"b ", "\"c"] {
        reading.until(&format!("\"delta\":{word}"));
        let now = stage.get(&path);
        assert_eq!((&now["status"], &now["output"]), (&json!("in_progress"), &json!([])), "{word}");
        stage.advance(1000);
    }
    assert!(reading.rest().contains("response.completed"));
    assert_eq!(stage.get(&path)["status"], "completed");
    assert_eq!(stage.post(&format!("{path}/cancel"), json!({}))["status"], "completed");
    assert!(stage.is_over());
    // Left: it goes on all the same, and who resumes waits until it is done.
    let (reading, path) = begin();
    drop(reading);
    let session = stage.emulator.session(KEY);
    until("the client has left", || session.journal.last(1).iter().any(|exchange| exchange.record().aborted));
    assert_eq!(stage.waits(), ["clock"]);
    let resumed = std::thread::scope(|scope| {
        let (emulator, path) = (&stage.emulator, format!("{path}?stream=true&starting_after=4"));
        let resumed = scope.spawn(move || exchange(emulator, &request("GET", &path, KEY, "", b"")));
        until("somebody waits", || stage.waits() == ["clock", "clock"]);
        stage.advance(3000);
        resumed.join().expect("an answer").expect("an answer").text()
    });
    assert!(resumed.contains("\"sequence_number\":5") && resumed.contains("response.completed"), "{resumed}");
    until("it is over", || stage.is_over());
    // Cancelled while it waits for the clock, and before anybody has read more of it.
    for read in ["\"delta\":\"a ", "response.in_progress"] {
        let (mut reading, path) = begin();
        reading.until(read);
        assert_eq!(stage.post(&format!("{path}/cancel"), json!({}))["status"], "cancelled");
        let text = reading.rest();
        assert!(text.contains("response.failed") && !text.contains("\"delta\":\"b "), "{text}");
        assert_eq!(stage.get(&path)["status"], "cancelled");
        until("it is over", || stage.is_over());
    }
    // Held by name.
    let (mut reading, path) = begin();
    reading.until("\"delta\":\"a ");
    assert_eq!(stage.get(&path)["status"], "in_progress");
    assert!(session.release("go"));
    assert!(reading.rest().contains("response.completed"));
    assert_eq!(stage.get(&path)["status"], "completed");
    // Failed before it is due.
    let (reading, path) = begin();
    assert!(reading.rest().contains("response.failed"));
    assert_eq!(stage.get(&path)["status"], "failed");
    until("it is over", || stage.is_over());
}

#[test]
fn a_paced_background_response_is_in_flight_until_it_is_due() {
    let stage = Stage::of(json!({"clock": "manual"}), &[]);
    let slow = json!({"text": "done", "pace": {"ttft_ms": 5000}});
    let script = json!({"responses": [slow, slow, "at once"]}).to_string();
    assert_eq!(in_process(&stage.emulator, Some(KEY), "POST", "/_emulator/script", &script).0, 200);
    let begin = || stage.post("/v1/responses", response(json!({"background": true})))["id"].clone();
    let path = |id: &Value| format!("/v1/responses/{}", id.as_str().expect("an id"));
    let first = begin();
    assert_eq!(stage.waits(), ["clock"]);
    stage.advance(5000);
    assert_eq!(stage.get(&path(&first))["status"], "completed");
    assert!(stage.is_over());
    let second = begin();
    assert_eq!(stage.post(&format!("{}/cancel", path(&second)), json!({}))["status"], "cancelled");
    until("it is over", || stage.is_over());
    // What takes no time is not waited for.
    begin();
    assert!(stage.is_over());
}

#[test]
fn what_is_yielded_has_log_probabilities_where_they_are_asked() {
    let stage = Stage::of(json!({}), &[GENERATOR; 4]);
    let pieces = [json!("Hello there"), json!(", you")];
    let spelt = |list: &[Value]| -> String { list.iter().filter_map(|one| one["token"].as_str()).collect() };
    let asked = chat(json!({"logprobs": true, "top_logprobs": 2, "store": true}));
    let streamed = stage.yielded(0, "/v1/chat/completions", &asked, &pieces).text();
    let mut all = Vec::new();
    for chunk in events(&streamed) {
        let choice = &chunk["choices"][0];
        let content = choice["delta"]["content"].as_str().unwrap_or_default();
        let list = choice["logprobs"]["content"].as_array().cloned().unwrap_or_default();
        assert_eq!(spelt(&list), content, "{chunk}");
        assert!(list.iter().all(|one| one["top_logprobs"].as_array().map(Vec::len) == Some(2)), "{chunk}");
        all.extend(list);
    }
    assert_eq!(spelt(&all), "Hello there, you");
    // What is kept is what was said.
    let id = events(&streamed)[0]["id"].as_str().expect("an id").to_string();
    assert_eq!(stage.get(&format!("/v1/chat/completions/{id}"))["choices"][0]["logprobs"]["content"], json!(all));
    let refused = stage.yielded(1, "/v1/chat/completions", &asked, &[json!({"piece": {"refusalDelta": "No"}})]).text();
    let told = events(&refused).into_iter().find(|chunk| chunk["choices"][0]["delta"]["refusal"] == "No");
    let told = told.unwrap_or_else(|| panic!("{refused}"))["choices"][0]["logprobs"].take();
    assert_eq!((&told["refusal"][0]["token"], &told["content"]), (&json!("No"), &Value::Null), "{told}");
    let asked = response(json!({"stream": true, "include": ["message.output_text.logprobs"], "top_logprobs": 1}));
    let streamed = events(&stage.yielded(2, "/v1/responses", &asked, &pieces).text());
    let mut all = Vec::new();
    for event in &streamed {
        let list = event["logprobs"].as_array().cloned().unwrap_or_default();
        match event["type"].as_str() {
            Some("response.output_text.delta") => {
                assert_eq!(Some(&*spelt(&list)), event["delta"].as_str(), "{event}");
                all.extend(list);
            }
            Some("response.output_text.done") => assert_eq!(list, all, "{event}"),
            Some("response.completed") => {
                assert_eq!(event["response"]["output"][0]["content"][0]["logprobs"], json!(all), "{event}");
            }
            _ => {}
        }
    }
    assert_eq!(spelt(&all), "Hello there, you");
    let asked = json!({"model": "gpt-3.5-turbo-instruct", "prompt": "hi", "logprobs": 2, "stream": true});
    let streamed = events(&stage.yielded(3, "/v1/completions", &asked, &pieces).text());
    let tokens = streamed.iter().filter_map(|chunk| chunk["choices"][0]["logprobs"]["tokens"].as_array()).flatten();
    assert_eq!(tokens.filter_map(Value::as_str).collect::<String>(), "Hello there, you");
}

#[test]
fn an_error_that_is_yielded_names_what_it_answers() {
    let stage = Stage::of(json!({}), &[GENERATOR; 5]);
    let limit = [json!("one"), json!({"error": {"status": 429}})];
    let error = |got: &Got| events(&got.text()).pop().expect("an event")["error"].clone();
    let said = |got: &Got| error(got)["message"].as_str().unwrap_or_default().to_string();
    let got = stage.yielded(0, "/v1/chat/completions", &chat(json!({})), &limit);
    assert!(said(&got).starts_with("Rate limit reached for gpt-4o in organization "), "{}", got.text());
    let broken = [json!("one"), json!({"error": {"status": 500}})];
    let got = stage.yielded(1, "/v1/chat/completions", &chat(json!({})), &broken);
    assert!(!said(&got).contains("ID  in"), "{}", got.text());
    assert_eq!(error(&got)["code"], "server_error");
    let got = stage.yielded(2, "/v1/responses", &response(json!({"stream": true})), &broken).text();
    let id = stage.emulator.session(KEY).journal.last(1)[0].request_id.clone();
    assert!(got.contains(&format!("include the request ID {id} in")), "{got}");
    // What was given stays, and so does what nobody has to fill.
    let own = [json!("one"), json!({"error": {"status": 429, "message": "mine", "code": null}})];
    let got = stage.yielded(3, "/v1/chat/completions", &chat(json!({})), &own);
    let expected = json!({"message": "mine", "type": "requests", "param": null, "code": null});
    assert_eq!(error(&got), expected);
    // Unstreamed, it is the answer.
    let got = stage.yielded(4, "/v1/chat/completions", &chat(json!({"stream": false})), &limit);
    let message = got.json()["error"]["message"].clone();
    assert!(message.as_str().is_some_and(|said| said.contains("for gpt-4o in")), "{message}");
}

#[test]
fn a_stream_is_stored_when_it_has_been_said() {
    let stage = Stage::of(json!({}), &[]);
    let call = json!({"tool_calls": [{"name": "f", "arguments": {"a": 1}}]});
    let broken = json!({"text": "one two three", "fault": {"at": 1, "kind": "error"}});
    let cut = json!({"text": "one two three", "fault": {"at": 1, "kind": "disconnect"}});
    let script = json!({"responses": ["said", call, broken, cut, "unasked", {"callback": GENERATOR}]}).to_string();
    let (status, loaded) = in_process(&stage.emulator, Some(KEY), "POST", "/_emulator/script", &script);
    assert_eq!(status, 200, "{loaded}");
    let path = "/v1/chat/completions";
    let listed = || stage.get(path)["data"].as_array().map_or(0, Vec::len);
    let tools = json!([{"type": "function", "function": {"name": "f", "parameters": {"type": "object"}}}]);
    let stored = chat(json!({"store": true, "tools": tools, "metadata": {"a": "b"}}));
    let id_of = |text: &str| events(text)[0]["id"].as_str().expect("an id").to_string();
    let text = send(&stage.emulator, KEY, path, &stored).text();
    let kept = stage.get(&format!("{path}/{}", id_of(&text)));
    assert_eq!((&kept["choices"][0]["message"]["content"], &kept["metadata"]["a"]), (&json!("said"), &json!("b")));
    assert_eq!(kept["object"], "chat.completion");
    assert!(kept["usage"]["total_tokens"].as_u64().is_some_and(|tokens| tokens > 0), "{kept}");
    let messages = stage.get(&format!("{path}/{}/messages", id_of(&text)));
    assert_eq!(messages["data"][0]["content"], "hi");
    let text = send(&stage.emulator, KEY, path, &stored).text();
    let kept = stage.get(&format!("{path}/{}", id_of(&text)));
    let call_id = kept["choices"][0]["message"]["tool_calls"][0]["id"].as_str().expect("an id");
    assert!(call_id.starts_with("call_") && text.contains(call_id), "{text}: {kept}");
    assert_eq!(kept["choices"][0]["finish_reason"], "tool_calls");
    // What broke off, or was not to be kept, is not.
    for _ in 0..2 {
        exchange(&stage.emulator, &request("POST", path, KEY, "", stored.to_string().as_bytes()));
    }
    send(&stage.emulator, KEY, path, &chat(json!({})));
    assert_eq!(listed(), 2);
    let pieces = [
        json!("one"),
        json!({"piece": {"toolCall": {"name": "f", "argumentsDelta": "{}"}}}),
        json!({"piece": {"usage": {"prompt_tokens": 5}}}),
    ];
    let text = stage.yielded(0, path, &stored, &pieces).text();
    let kept = stage.get(&format!("{path}/{}", id_of(&text)));
    let message = &kept["choices"][0]["message"];
    let call_id = message["tool_calls"][0]["id"].as_str().unwrap_or_else(|| panic!("{kept}"));
    assert!(text.contains(call_id), "{text}: {kept}");
    assert_eq!((&message["content"], &kept["usage"]["prompt_tokens"]), (&json!("one"), &json!(5)));
    assert_eq!(listed(), 3);
}
