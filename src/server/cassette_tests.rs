//! Recording from one emulator and playing in another: what a client sees, byte by byte.

use super::tests::{connect, exchange, request, send, start, until};
use crate::control;
use crate::emulator::Emulator;
use crate::options::RecordMode;
use crate::runtime;
use crate::upstream::tests::server;
use crate::wire::value::Holds;
use serde_json::{Value, json};
use std::io::{Read, Write};
use std::path::Path;
use std::sync::Arc;

pub(super) const CHAT: &str = "/v1/chat/completions";
const RESPONSES: &str = "/v1/responses";

pub(super) fn chat(text: &str, stream: bool) -> Value {
    json!({"model": "gpt-4o", "stream": stream, "messages": [{"role": "user", "content": text}]})
}

pub(super) fn folder() -> tempfile::TempDir {
    tempfile::tempdir().expect("a folder")
}

/// Options of an emulator that has nothing but recordings.
pub(super) fn plays(folder: &Path) -> Value {
    json!({"cassettes": [folder], "ci": false})
}

pub(super) fn stop(emulator: &Arc<Emulator>) {
    runtime::handle().block_on(emulator.stop());
}

/// Lets an emulator answer by this script, and records that in a folder.
pub(super) fn record(folder: &Path, script: &Value, asks: &[(&str, Value)]) -> Vec<Vec<u8>> {
    let real = start(json!({"auth": "optional", "models": "any"}));
    assert_eq!(send(&real, "sk-up", "/_emulator/script", script).status, 200);
    let options =
        json!({"upstream": format!("{}/v1", real.url()), "upstreamKey": "sk-up", "record": folder, "ci": false});
    let own = start(options);
    let said = asks.iter().map(|(path, body)| {
        let answer = send(&own, "k", path, body);
        assert_eq!(answer.status / 100, 2, "{}", answer.text());
        answer.text().into_bytes()
    });
    let said = said.collect();
    stop(&own);
    said
}

/// All lines that a folder's cassettes have, the first of each left out.
pub(super) fn lines(folder: &Path) -> Vec<Value> {
    let mut files: Vec<_> =
        std::fs::read_dir(folder).expect("a folder").filter_map(|entry| Some(entry.ok()?.path())).collect();
    files.sort();
    let texts = files.iter().map(|file| std::fs::read_to_string(file).expect("a text"));
    let lines = texts.flat_map(|text| text.lines().skip(1).map(String::from).collect::<Vec<_>>());
    lines.map(|line| serde_json::from_str(&line).expect("JSON")).collect()
}

#[test]
fn what_was_recorded_plays_byte_for_byte_and_equal_requests_in_their_order() {
    let folder = folder();
    let script = json!({"responses": ["one", {"text": "two three four"}, "five", {"tool_calls": [{"name": "f", "arguments": {"a": 1}}]}]});
    let mut tools = chat("c", true);
    tools["tools"] = json!([{"type": "function", "function": {"name": "f", "parameters": {"type": "object", "properties": {"a": {"type": "integer"}}}}}]);
    let asks = [(CHAT, chat("a", false)), (CHAT, chat("b", true)), (CHAT, chat("a", false)), (CHAT, tools)];
    let said = record(folder.path(), &script, &asks);
    let recorded = lines(folder.path());
    assert_eq!(recorded.len(), 4);
    assert_eq!(recorded[1]["reply"]["text"], "two three four");
    assert_eq!(recorded[3]["reply"]["tool_calls"][0]["name"], "f");
    assert!(recorded[1]["response"]["chunks"].as_array().is_some_and(|chunks| !chunks.is_empty()));
    let own = start(plays(folder.path()));
    for ((path, body), said) in asks.iter().zip(&said) {
        let answer = send(&own, "k", path, body);
        assert_eq!((answer.status, answer.text().into_bytes()), (200, said.clone()), "{body}");
    }
    let (_, told) = control::in_process(&own, Some("k"), "GET", "/_emulator/requests", "");
    assert_eq!((&told["data"][0]["by"], &told["data"][0]["outcome"]), (&json!("cassette"), &json!("fallback")));
    // Played out: the third is none of theirs.
    let missed = send(&own, "k", CHAT, &chat("a", false)).json();
    assert_eq!(missed["error"]["code"], "no_recording");
    let message = missed["error"]["message"].as_str().unwrap_or_default();
    assert!(
        message.contains("all recordings of this request were played already") && message.contains(".jsonl:2"),
        "{message}"
    );
    // Another session begins at the first.
    assert_eq!(send(&own, "other", CHAT, &chat("a", false)).text().into_bytes(), said[0]);
    assert_eq!(send(&own, "k", "/_emulator/reset", &json!({})).status, 200);
    assert_eq!(send(&own, "k", CHAT, &chat("a", false)).text().into_bytes(), said[0]);
}

#[test]
fn a_miss_names_the_nearest_recording_and_the_path_that_differs() {
    let folder = folder();
    record(
        folder.path(),
        &json!({"responses": ["one", "two"]}),
        &[(CHAT, chat("Weather in Oslo?", false)), (CHAT, chat("x", false))],
    );
    let own = start(plays(folder.path()));
    let missed = send(&own, "k", CHAT, &chat("Weather in Bergen?", false));
    let error = missed.json()["error"].take();
    assert_eq!((missed.status, &error["code"]), (400, &json!("no_recording")));
    let message = error["message"].as_str().unwrap_or_default();
    let differs = r#"body.messages[0].content: recorded "Weather in Oslo?", came "Weather in Bergen?""#;
    assert!(message.contains("jsonl:2, which differs in") && message.contains(differs), "{message}");
    let (_, verdict) = control::in_process(&own, Some("k"), "GET", "/_emulator/verify", "");
    assert_eq!(verdict["first_failure"]["code"], "no_recording");
    let other = send(&own, "k", "/v1/embeddings", &json!({"model": "text-embedding-3-small", "input": "x"}));
    assert_eq!(other.status, 200, "what no recording is of stays the emulator's: {}", other.text());
}

#[test]
fn a_recording_answers_in_other_dialects_and_forms() {
    let folder = folder();
    let usage =
        json!({"prompt_tokens": 77, "completion_tokens": 5, "completion_tokens_details": {"reasoning_tokens": 3}});
    let script = json!({"responses": [
        {"text": "Four degrees.", "reasoning": "hm", "usage": usage,
         "annotations": [{"type": "url_citation", "url": "https://a.test", "title": "A", "start_index": 0, "end_index": 4}]},
        {"tool_calls": [{"name": "f", "arguments": {"a": 1}, "id": "call_abcdefgh12345678"}]},
    ]});
    let tools =
        json!([{"type": "function", "function": {"name": "f", "parameters": {"type": "object", "properties": {}}}}]);
    let flat = json!([{"type": "function", "name": "f", "parameters": {"type": "object", "properties": {}}}]);
    let mut calls = chat("call", false);
    calls["tools"] = tools.clone();
    let mut counted = chat("hi", true);
    counted["stream_options"] = json!({"include_usage": true});
    record(folder.path(), &script, &[(CHAT, counted), (CHAT, calls)]);
    let own = start(plays(folder.path()));
    let answer = send(&own, "a", RESPONSES, &json!({"model": "gpt-4o", "input": "hi"})).json();
    let output = answer["output"].as_array().cloned().unwrap_or_default();
    let text = &output.last().expect("a message")["content"][0];
    assert_eq!(text["text"], "Four degrees.");
    assert_eq!(text["annotations"][0]["url"], "https://a.test");
    assert_eq!(
        (&answer["usage"]["input_tokens"], &answer["usage"]["output_tokens_details"]["reasoning_tokens"]),
        (&json!(77), &json!(3))
    );
    let call = send(&own, "a", RESPONSES, &json!({"model": "gpt-4o", "input": "call", "tools": flat})).json();
    assert_eq!(
        (&call["output"][0]["type"], &call["output"][0]["call_id"]),
        (&json!("function_call"), &json!("call_abcdefgh12345678"))
    );
    let whole = send(&own, "b", CHAT, &chat("hi", false)).json();
    assert_eq!(
        (&whole["choices"][0]["message"]["content"], &whole["usage"]["prompt_tokens"]),
        (&json!("Four degrees."), &json!(77))
    );
    let stream = send(&own, "c", RESPONSES, &json!({"model": "gpt-4o", "input": "hi", "stream": true})).text();
    assert!(stream.contains("response.completed") && stream.contains("Four degrees."), "{stream}");
}

#[test]
fn a_responses_conversation_plays_turn_by_turn_and_answers_chat() {
    let folder = folder();
    let real = start(json!({"auth": "optional", "models": "any"}));
    send(&real, "sk-up", "/_emulator/script", &json!({"responses": ["first", "second"]}));
    let options =
        json!({"upstream": format!("{}/v1", real.url()), "upstreamKey": "sk-up", "record": folder.path(), "ci": false});
    let own = start(options);
    let talk = |emulator: &Arc<Emulator>| -> Vec<Value> {
        let one = send(emulator, "k", RESPONSES, &json!({"model": "gpt-4o", "input": "a"})).json();
        let two = send(
            emulator,
            "k",
            RESPONSES,
            &json!({"model": "gpt-4o", "input": "b", "previous_response_id": one["id"]}),
        )
        .json();
        let kept = exchange(
            emulator,
            &request("GET", &format!("/v1/responses/{}", one["id"].as_str().unwrap_or("?")), "k", "", b""),
        )
        .expect("kept");
        vec![one, two, kept.json()]
    };
    let said = talk(&own);
    assert_eq!(said[1]["output"][0]["content"][0]["text"], "second");
    assert_eq!(said[2]["id"], said[0]["id"]);
    stop(&own);
    let own = start(plays(folder.path()));
    assert_eq!(talk(&own), said);
    let whole = send(&own, "other", CHAT, &chat("a", true)).text();
    assert!(whole.contains("first") && whole.ends_with("data: [DONE]\n\n"), "{whole}");
}

#[test]
fn what_is_missing_is_recorded_and_in_ci_refused() {
    let folder = folder();
    record(folder.path(), &json!({"responses": ["one"]}), &[(CHAT, chat("a", false))]);
    let real = start(json!({"fallback": "echo", "auth": "optional"}));
    let options = |ci: bool| json!({"upstream": format!("{}/v1", real.url()), "record": folder.path(), "ci": ci});
    let own = start(options(true));
    assert_eq!(send(&own, "k", CHAT, &chat("a", false)).json()["choices"][0]["message"]["content"], "one");
    assert_eq!(send(&own, "k", CHAT, &chat("b", false)).json()["error"]["code"], "no_recording");
    stop(&own);
    assert_eq!(lines(folder.path()).len(), 1);
    let own = start(options(false));
    assert_eq!(send(&own, "k", CHAT, &chat("a", false)).json()["choices"][0]["message"]["content"], "one");
    assert_eq!(send(&own, "k", CHAT, &chat("b", false)).json()["choices"][0]["message"]["content"], "Echo: b");
    stop(&own);
    assert_eq!(lines(folder.path()).len(), 2);
    let own = start(plays(folder.path()));
    assert_eq!(send(&own, "k", CHAT, &chat("b", false)).json()["choices"][0]["message"]["content"], "Echo: b");
}

#[test]
fn rules_record_and_play_too() {
    let folder = folder();
    let real = start(json!({"fallback": "echo", "auth": "optional"}));
    let own = start(
        json!({"upstream": format!("{}/v1", real.url()), "record": folder.path(), "recordMode": "all", "ci": false}),
    );
    let script = json!({"rules": [{"match": "real", "upstream": true, "times": "unlimited"}, {"text": "mine", "times": "unlimited"}]});
    send(&own, "k", "/_emulator/script", &script);
    assert_eq!(send(&own, "k", CHAT, &chat("real", false)).json()["choices"][0]["message"]["content"], "Echo: real");
    assert_eq!(send(&own, "k", CHAT, &chat("other", false)).json()["choices"][0]["message"]["content"], "mine");
    stop(&own);
    let own = start(plays(folder.path()));
    let script =
        json!({"rules": [{"match": "real", "replay": true, "times": "unlimited"}], "defaults": {"fallback": "replay"}});
    send(&own, "k", "/_emulator/script", &script);
    assert_eq!(send(&own, "k", CHAT, &chat("real", false)).json()["choices"][0]["message"]["content"], "Echo: real");
    assert_eq!(send(&own, "k", CHAT, &chat("other", false)).json()["error"]["code"], "no_recording");
    let none = start(json!({}));
    send(&none, "k", "/_emulator/script", &json!({"responses": [{"replay": true}]}));
    assert_eq!(send(&none, "k", CHAT, &chat("a", false)).json()["error"]["code"], "no_cassettes");
}

#[test]
fn chunks_come_with_their_borders_and_times() {
    let folder = folder();
    let (address, _heads) = server(|mut stream, _| {
        let head = b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n";
        let _ = stream.write_all(head);
        for piece in ["data: {\"choices\":[{\"index\":0,\"del", "ta\":{\"content\":\"hi\"}}]}\n\n", "data: [DONE]\n\n"]
        {
            let _ = stream.write_all(format!("{:x}\r\n{piece}\r\n", piece.len()).as_bytes());
        }
        let _ = stream.write_all(b"0\r\n\r\n");
    });
    let own = start(json!({"upstream": address, "record": folder.path(), "ci": false}));
    let said = send(&own, "k", CHAT, &chat("a", true)).text();
    stop(&own);
    let chunks = lines(folder.path())[0]["response"]["chunks"].take();
    let whole: String = chunks.elements().filter_map(|chunk| chunk[1].as_str()).collect();
    assert_eq!(whole, said);
    // Times as written, on a clock that only moves when told.
    let file = folder.path().join("own.jsonl");
    let recording = json!({"operation": "chat.completions.create", "request": {"method": "POST", "path": CHAT, "body": chat("slow", true)},
        "response": {"status": 200, "headers": {"content-type": "text/event-stream"}, "chunks": [[0, "data: 1\n\n"], [60_000, "data: 2\n\n"]]}});
    std::fs::write(&file, format!("{}\n{recording}\n", crate::cassette::format::head())).expect("written");
    let timed = |speed: f64| {
        let mut options = plays(folder.path());
        options["replaySpeed"] = json!(speed);
        options["clock"] = json!("instant");
        let own = start(options);
        assert!(send(&own, "k", CHAT, &chat("slow", true)).text().ends_with("data: 2\n\n"));
        let (_, clock) = control::in_process(&own, Some("k"), "GET", "/_emulator/clock", "");
        clock["now"].as_f64().unwrap_or(-1.0)
    };
    let (still, twice, original) = (timed(0.0), timed(2.0), timed(1.0));
    assert_eq!((twice - still, original - still), (30_000.0, 60_000.0));
}

#[test]
fn an_answer_that_broke_off_breaks_off_again() {
    let folder = folder();
    let (address, _heads) = server(|mut stream, _| {
        let _ = stream.write_all(
            b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n4\r\nhalf\r\n",
        );
    });
    let own = start(json!({"upstream": address, "record": folder.path(), "ci": false}));
    let asked = request("POST", CHAT, "k", "", chat("a", true).to_string().as_bytes());
    let breaks_off = |emulator: &Arc<Emulator>| {
        let mut stream = connect(emulator);
        stream.write_all(&asked).expect("sends");
        let mut text = Vec::new();
        let end = stream.read_to_end(&mut text);
        let text = String::from_utf8_lossy(&text).into_owned();
        assert!(text.contains("half"), "{text}");
        end.is_err() || !text.ends_with("0\r\n\r\n")
    };
    assert!(breaks_off(&own));
    until("it is written", || std::fs::read_dir(folder.path()).is_ok_and(|files| files.count() == 1));
    stop(&own);
    assert!(lines(folder.path())[0]["response"]["cut"].as_str().is_some_and(|why| why.contains("broke off")));
    assert!(breaks_off(&start(plays(folder.path()))));
}

#[test]
fn bad_recordings_are_named_and_the_rest_plays() {
    let folder = folder();
    record(folder.path(), &json!({"responses": ["one"]}), &[(CHAT, chat("a", false))]);
    let good = std::fs::read_dir(folder.path())
        .expect("files")
        .filter_map(|entry| Some(entry.ok()?.path()))
        .next()
        .expect("a file");
    let text = std::fs::read_to_string(&good).expect("a text");
    let line = text.lines().nth(1).expect("a recording").to_string();
    let edited = line.replace("\"chunks\":[", "\"chunks\":[7,");
    let head = crate::cassette::format::head();
    let cut = &line[..line.len() / 2];
    std::fs::write(folder.path().join("z1.jsonl"), format!("{head}\n{cut}\n{edited}\nnot json\n{{\"a\":1}}\n{line}\n"))
        .expect("written");
    std::fs::write(folder.path().join("z2.jsonl"), "{\"cassette\":99,\"by\":\"llemulator 9\"}\n").expect("written");
    std::fs::write(folder.path().join("z3.jsonl"), "{\"messages\":[]}\n").expect("written");
    let own = start(plays(folder.path()));
    let tape = own.cassettes.of(&own.session("k")).expect("a tape");
    assert_eq!(tape.library.len(), 2);
    let told: Vec<String> = tape.library.misread().iter().map(ToString::to_string).collect();
    for (place, reason) in [
        ("z1.jsonl:2: ", "cut off"),
        ("z1.jsonl:3: ", "no recording: invalid type: integer `7`"),
        ("z1.jsonl:4: ", "no JSON, at column"),
        ("z1.jsonl:5: ", "unknown field `a`"),
        ("z2.jsonl:1: ", "of version 99; this llemulator reads version 1"),
        ("z3.jsonl:1: ", "this is no cassette"),
    ] {
        assert!(told.iter().any(|one| one.contains(place) && one.contains(reason)), "{place}{reason}: {told:#?}");
    }
    for _ in 0..2 {
        assert_eq!(send(&own, "k", CHAT, &chat("a", false)).json()["choices"][0]["message"]["content"], "one");
    }
    let missed = send(&own, "k", CHAT, &chat("b", false)).text();
    assert!(missed.contains("6 recordings could not be read, the first: "), "{missed}");
}

#[test]
fn two_emulators_record_into_one_folder() {
    let folder = folder();
    let real = start(json!({"fallback": "echo", "auth": "optional"}));
    let options = json!({"upstream": format!("{}/v1", real.url()), "record": folder.path(), "ci": false});
    let both = [start(options.clone()), start(options)];
    let asks: Vec<_> = (0..20).map(|number| format!("ask {number}")).collect();
    std::thread::scope(|scope| {
        for own in &both {
            scope.spawn(|| {
                asks.iter().for_each(|text| assert_eq!(send(own, "k", CHAT, &chat(text, false)).status, 200))
            });
        }
    });
    both.iter().for_each(stop);
    assert_eq!(lines(folder.path()).len(), 40);
    assert_eq!(std::fs::read_dir(folder.path()).expect("files").count(), 2);
}

#[test]
fn a_session_has_a_cassette_of_its_own() {
    let folder = folder();
    let real = start(json!({"fallback": "echo", "auth": "optional"}));
    let own = start(json!({"upstream": format!("{}/v1", real.url()), "ci": false}));
    let file = folder.path().join("__cassettes__/weather.jsonl");
    let tape = own.cassettes.insert("k", &file, Some(RecordMode::OnMiss)).expect("a new one");
    assert!(tape.wants());
    assert_eq!(send(&own, "k", CHAT, &chat("a", false)).json()["choices"][0]["message"]["content"], "Echo: a");
    own.cassettes.flush();
    until("it is written", || {
        own.cassettes.flush();
        file.exists()
    });
    let text = std::fs::read_to_string(&file).expect("a text");
    let line: Value = serde_json::from_str(text.lines().nth(1).expect("a line")).expect("JSON");
    assert!(
        line.get("at").is_none() && line.get("client").is_none() && line["response"]["headers"].get("date").is_none(),
        "{line}"
    );
    let twin = start(json!({"ci": false}));
    twin.cassettes.insert("k", &file, None).expect("it only plays");
    assert_eq!(send(&twin, "k", CHAT, &chat("a", false)).json()["choices"][0]["message"]["content"], "Echo: a");
    assert_eq!(send(&twin, "k", CHAT, &chat("b", false)).json()["error"]["code"], "no_recording");
    assert_eq!(send(&twin, "other", CHAT, &chat("a", false)).json()["error"]["code"], "no_matching_rule");
}

/// Real answers as a cassette, read where they are: each answers its own request byte for byte, and a simple one in the
/// other dialect too.
#[test]
fn real_recordings_play_in_both_dialects() {
    let place = std::env::var("LLEMULATOR_CORPUS").unwrap_or_else(|_| "../shared/corpus".into());
    let Ok(text) = std::fs::read_to_string(format!("{place}/exchanges.jsonl")) else {
        eprintln!("no recordings at {place}: this test looked at none (LLEMULATOR_CORPUS says where they are)");
        return;
    };
    let folder = folder();
    let mut lines = vec![crate::cassette::format::head()];
    let mut kept = Vec::new();
    for exchange in text.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok()) {
        let (request, response) = (&exchange["request"], &exchange["response"]);
        let operation = match exchange["endpoint"].as_str() {
            Some("POST /v1/chat/completions") => "chat.completions.create",
            Some("POST /v1/responses") => "responses.create",
            _ => continue,
        };
        if response["status"] != 200
            || !response["body"].is_object()
            || !request["body"].is_object()
            || exchange["fidelity"]["response_only"] == true
        {
            continue;
        }
        let path = if operation == "responses.create" { RESPONSES } else { CHAT };
        let body = response["body"].to_string();
        lines.push(
            json!({"operation": operation, "request": {"method": "POST", "path": path, "body": request["body"]},
            "response": {"status": 200, "headers": {"content-type": "application/json"}, "chunks": [[0, body]]}})
            .to_string(),
        );
        kept.push((exchange["id"].as_str().unwrap_or_default().to_string(), path, request["body"].clone(), body));
    }
    std::fs::write(folder.path().join("all.jsonl"), lines.join("\n")).expect("written");
    let own = start(json!({"cassettes": [folder.path()], "models": "any", "ci": false}));
    let mut asked: std::collections::HashMap<String, usize> = std::collections::HashMap::new();
    let mut crossed = 0;
    for (id, path, body, said) in &kept {
        // Equal requests of several recordings follow each other within a session.
        let answer = send(&own, "all", path, body);
        *asked.entry(body.to_string()).or_default() += 1;
        assert_eq!((answer.status, answer.text()), (200, said.clone()), "{id}");
        let other = match (*path, &body["input"], body["messages"].as_array().map(Vec::as_slice)) {
            (RESPONSES, Value::String(input), _) => {
                (CHAT, json!({"model": body["model"], "messages": [{"role": "user", "content": input}]}))
            }
            (CHAT, _, Some([only])) if only["role"] == "user" && only["content"].is_string() => {
                (RESPONSES, json!({"model": body["model"], "input": only["content"]}))
            }
            _ => continue,
        };
        // What the two say in other words is tried beside the code.
        let plain = ["model", "messages", "input", "stream", "store", "seed", "temperature", "top_p", "user"];
        let is_plain = body.as_object().is_some_and(|body| body.keys().all(|key| plain.contains(&key.as_str())));
        if !is_plain || asked[&body.to_string()] > 1 {
            continue;
        }
        let mut other = other;
        for key in ["temperature", "top_p"].into_iter().filter(|key| body.get(*key).is_some()) {
            other.1[key] = body[key].clone();
        }
        let answer = send(&own, id, other.0, &other.1);
        assert_eq!(answer.status, 200, "{id}: {}", answer.text());
        let (mine, theirs) = (texts(&answer.json()), texts(&serde_json::from_str(said).expect("JSON")));
        // Several recordings may ask the same: the first of them answers.
        if mine == theirs {
            crossed += 1;
        } else {
            assert!(
                kept.iter().any(|(_, _, _, said)| texts(&serde_json::from_str(said).expect("JSON")) == mine),
                "{id}: {mine}"
            );
        }
    }
    assert!(kept.len() > 300 && crossed > 12, "{} recordings, {crossed} in both dialects", kept.len());
}

/// What an answer of either dialect says.
fn texts(answer: &Value) -> String {
    let chat = answer["choices"].elements().filter_map(|choice| choice["message"]["content"].as_str());
    let items = answer["output"].elements();
    let parts = items.flat_map(|item| item["content"].elements()).filter_map(|part| part["text"].as_str());
    chat.chain(parts).collect()
}
