//! The upstream as a fallback, by rules and as the bypass: a second emulator, and servers that misbehave.

use super::tests::{connect, exchange, request, send, start, until};
use crate::control;
use crate::emulator::Emulator;
use crate::upstream::tests::{says, server};
use serde_json::{Value, json};
use std::io::{Read, Write};
use std::sync::Arc;

const CHAT: &str = "/v1/chat/completions";

fn chat(text: &str) -> Value {
    json!({"model": "gpt-4o", "messages": [{"role": "user", "content": text}]})
}

/// An emulator whose fallback is at this address.
pub(super) fn upstream_of(address: &str) -> Arc<Emulator> {
    start(json!({"upstream": address, "fallback": "upstream"}))
}

/// An emulator whose fallback is another one.
fn pair(script: Value) -> (Arc<Emulator>, Arc<Emulator>) {
    let real = start(json!({"auth": "optional"}));
    assert_eq!(send(&real, "sk-up", "/_emulator/script", &script).status, 200);
    let options = json!({"upstream": format!("{}/v1", real.url()), "upstreamKey": "sk-up", "fallback": "upstream"});
    (real, start(options))
}

#[test]
fn what_the_upstream_says_passes_through_byte_by_byte() {
    let script = json!({"responses": [
        "Hello", {"text": "one two three"}, {"error": {"status": 429, "message": "slow down"}},
        {"raw": {"status": 203, "headers": {"x-odd": "1"}, "chunks": [{"base64": "AP8A"}]}},
        {"text": "over", "tool_calls": [{"name": "f", "arguments": {}}]},
    ]});
    let (real, own) = pair(script.clone());
    let (twin, _) = pair(script);
    for (text, stream) in [("a", false), ("b", true), ("c", false), ("d", false)] {
        let mut body = chat(text);
        body["stream"] = json!(stream);
        let (through, straight) = (send(&own, "sk-own", CHAT, &body), send(&twin, "sk-up", CHAT, &body));
        assert_eq!((through.status, through.text()), (straight.status, straight.text()), "{text}");
        let of =
            |head: &str, name: &str| head.lines().find(|line| line.starts_with(&format!("{name}: "))).map(String::from);
        for name in ["content-type", "x-request-id", "openai-version", "retry-after", "x-odd"] {
            assert_eq!(of(&through.head, name), of(&straight.head, name), "{text} {name}");
        }
    }
    let (_, told) = control::in_process(&own, Some("sk-own"), "GET", "/_emulator/requests", "");
    let first = &told["data"][0];
    assert_eq!(
        (&first["by"], &first["outcome"], &first["status"]),
        (&json!("upstream"), &json!("fallback"), &json!(200))
    );
    let (_, heard) = control::in_process(&real, Some("sk-up"), "GET", "/_emulator/requests", "");
    assert_eq!(heard["data"][0]["body"], told["data"][0]["body"]);
    assert!(!told.to_string().contains("sk-up"));
}

#[test]
fn rules_send_requests_upstream_a_share_of_them_and_under_another_name() {
    let (real, own) = pair(json!({"models": "any", "rules": [{"response": {"echo": true}, "times": "unlimited"}]}));
    let load = |script: Value| assert_eq!(send(&own, "k", "/_emulator/script", &script).status, 200);
    load(json!({"reset": true, "rules": [
        {"match": {"model": "/^gpt-5/"}, "upstream": {"model": "their-name"}, "times": "unlimited"},
        {"match": "half", "upstream": {"percent": 50}, "times": "unlimited"},
        {"match": "broken", "upstream": true, "fault": {"kind": "disconnect", "at": 0}},
        {"text": "mine", "times": "unlimited"},
    ]}));
    let mut other = chat("a");
    other["model"] = json!("gpt-5");
    let answer = send(&own, "k", CHAT, &other).json();
    assert_eq!(answer["choices"][0]["message"]["content"], "Echo: a");
    let (_, heard) = control::in_process(&real, Some("sk-up"), "GET", "/_emulator/requests", "");
    assert_eq!(heard["data"][0]["body"]["model"], "their-name");
    let said: Vec<Value> = (0..40)
        .map(|number| {
            send(&own, "k", CHAT, &chat(&format!("half {number}"))).json()["choices"][0]["message"]["content"].take()
        })
        .collect();
    let mine = said.iter().filter(|said| *said == "mine").count();
    assert!((5..35).contains(&mine), "{mine} of 40");
    let mut streamed = chat("broken");
    streamed["stream"] = json!(true);
    let cut = exchange(&own, &request("POST", CHAT, "k", "", streamed.to_string().as_bytes()));
    assert!(!cut.is_some_and(|got| got.text().contains("Echo")));
    for (reply, place) in [
        (json!({"upstream": true, "model": "x"}), "responses[0].model"),
        (json!({"upstream": {"percent": 101}}), "responses[0].upstream.percent"),
        (json!({"upstream": {"url": "http://elsewhere"}}), "responses[0].upstream.url"),
    ] {
        let refused = send(&own, "k", "/_emulator/script", &json!({"responses": [reply]}));
        assert_eq!((refused.status, &refused.json()["error"]["param"]), (400, &json!(place)));
    }
}

/// What passes through was counted by who answered: in the exchange, in the statistics, in `/metrics` alike.
#[test]
fn what_passes_through_has_the_tokens_that_it_says_and_the_text() {
    let usage = |given: u64, said: u64| json!({"prompt_tokens": given, "completion_tokens": said});
    let counts = [usage(11, 5), usage(12, 6)];
    let texts = |usage: &Value| json!({"text": "as they say", "usage": usage});
    let (real, own) =
        pair(json!({"responses": [texts(&counts[0]), texts(&counts[1]), {"text": "uncounted"}, texts(&counts[0])]}));
    let newest = || {
        let list = control_room(&own, "/api/exchanges?limit=1");
        (list["data"][0]["tokens"].clone(), list["data"][0]["said"].clone())
    };
    let said = json!("\"as they say\"");
    assert_eq!(send(&own, "k", CHAT, &chat("whole")).status, 200);
    assert_eq!(newest(), (json!({"input": 11, "output": 5}), said.clone()));
    let mut streamed = chat("streamed");
    streamed["stream"] = json!(true);
    streamed["stream_options"] = json!({"include_usage": true});
    assert!(send(&own, "k", CHAT, &streamed).text().contains("[DONE]"));
    assert_eq!(newest(), (json!({"input": 12, "output": 6}), said.clone()));
    // Nobody says what a stream without its usage costs.
    streamed["stream_options"].take();
    send(&own, "k", CHAT, &streamed);
    assert_eq!(newest(), (Value::Null, json!("\"uncounted\"")));
    own.upstream.bypass(true);
    send(&own, "k", CHAT, &chat("by the bypass"));
    assert_eq!(newest(), (json!({"input": 11, "output": 5}), said));
    // Those that were counted when they were made are not counted when they are looked at.
    let made = json!({"model": "gpt-4o", "input": "x"});
    assert_eq!(send(&real, "sk-up", "/_emulator/script", &json!({"responses": ["a response"]})).status, 200);
    let response = send(&own, "k", "/v1/responses", &made).json();
    assert_eq!(newest().0["input"], response["usage"]["input_tokens"]);
    let path = format!("/v1/responses/{}", response["id"].as_str().expect("an id"));
    let again = exchange(&own, &request("GET", &path, "k", "", b"")).expect("an answer").json();
    assert_eq!((&again["usage"], newest().0), (&response["usage"], Value::Null));
    let sums = |of: &Value| (of["tokens"]["input"].as_u64(), of["tokens"]["output"].as_u64());
    let told = control_room(&own, "/api/statistics");
    let of_response = &response["usage"];
    let expected = (
        of_response["input_tokens"].as_u64().map(|tokens| tokens + 34),
        of_response["output_tokens"].as_u64().map(|tokens| tokens + 16),
    );
    assert_eq!((sums(&told), sums(&told["models"][0]), sums(&told["sessions"][0])), (expected, expected, expected));
}

/// Raw bodies of a script, whole or in pieces, say what they cost as well.
#[test]
fn verbatim_bodies_have_the_tokens_that_they_say() {
    let own = start(json!({}));
    let body = json!({"choices": [], "usage": {"prompt_tokens": 7, "completion_tokens": 2}});
    let event = format!("data: {body}\n\n");
    let (begin, end) = event.split_at(30);
    let chunks = json!([{"text": begin}, {"text": end}]);
    for raw in [
        json!({"body": body}),
        json!({"sse": [{"data": body}]}),
        json!({"chunks": chunks}),
        json!({"body": body.to_string()}),
    ] {
        assert_eq!(send(&own, "k", "/_emulator/script", &json!({"responses": [{"raw": raw}]})).status, 200, "{raw}");
        send(&own, "k", CHAT, &chat("raw"));
        let list = control_room(&own, "/api/exchanges?limit=1");
        assert_eq!(list["data"][0]["tokens"], json!({"input": 7, "output": 2}), "{raw}");
    }
}

fn control_room(emulator: &Arc<Emulator>, path: &str) -> Value {
    let told = crate::room::in_process(emulator, "GET", path, "");
    crate::runtime::handle().block_on(told).unwrap_or_else(|error| panic!("{error:?}"))
}

#[test]
fn nobody_is_asked_when_nobody_was_named() {
    let emulator = start(json!({}));
    send(&emulator, "k", "/_emulator/script", &json!({"responses": [{"upstream": true}]}));
    let refused = send(&emulator, "k", CHAT, &chat("a")).json();
    assert_eq!(refused["error"]["code"], "no_upstream");
    let options = crate::options::Options::from_json(r#"{"fallback": "upstream"}"#).expect("options");
    let error = super::start(options, crate::options::Door::InProcess, None).expect_err("no upstream");
    assert!(error.message.contains("needs the option upstream"), "{}", error.message);
}

#[test]
fn the_bypass_comes_before_everything_and_ends_where_it_began() {
    let (real, own) = pair(json!({"rules": [{"response": {"echo": true}, "times": "unlimited"}]}));
    send(&own, "k", "/_emulator/script", &json!({"responses": ["mine"]}));
    own.upstream.bypass(true);
    // What only the upstream refuses.
    let refused = send(&own, "k", CHAT, &json!({"model": "gpt-4o"}));
    assert_eq!((refused.status, &refused.json()["error"]["param"]), (400, &json!("messages")));
    let (_, told) = control::in_process(&own, Some("k"), "GET", "/_emulator/requests", "");
    assert_eq!((&told["data"][0]["by"], &told["data"][0]["status"]), (&json!("bypass"), &json!(400)));
    let models = exchange(&own, &request("GET", "/v1/models?limit=3", "k", "", b"")).expect("models");
    assert_eq!(models.json()["object"], "list");
    let (_, heard) = control::in_process(&real, Some("sk-up"), "GET", "/_emulator/requests", "");
    assert_eq!(heard["data"][1]["path"], "/v1/models?limit=3");
    own.upstream.bypass(false);
    assert_eq!(send(&own, "k", CHAT, &chat("a")).json()["choices"][0]["message"]["content"], "mine");
}

#[test]
fn an_upstream_that_fails_is_a_502_and_one_that_breaks_off_breaks_off_here() {
    let (address, _heads) = says(b"");
    let emulator = start(json!({"upstream": address, "fallback": "upstream"}));
    let failed = send(&emulator, "k", CHAT, &chat("a"));
    assert_eq!((failed.status, &failed.json()["error"]["code"]), (502, &json!("upstream_failed")));
    assert_eq!(first_failure(&emulator), "upstream_failed", "whatever the application makes of it");
    let (address, _heads) = says(b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n4\r\nhalf\r\n");
    let emulator = start(json!({"upstream": address, "fallback": "upstream"}));
    let mut stream = connect(&emulator);
    stream.write_all(&request("POST", CHAT, "k", "", chat("a").to_string().as_bytes())).expect("sends");
    let mut text = Vec::new();
    let end = stream.read_to_end(&mut text);
    let text = String::from_utf8_lossy(&text).into_owned();
    assert!(end.is_err() || !text.ends_with("0\r\n\r\n"), "{text}");
    until("the journal says why", || {
        let (_, told) = control::in_process(&emulator, Some("k"), "GET", "/_emulator/requests", "");
        told["data"][0]["explanation"].as_str().is_some_and(|why| why.contains("broke off in mid-answer"))
    });
    until("it is a failure", || first_failure(&emulator) == "upstream_failed");
}

/// The code of the first failure that `verify` tells of the session `k`.
fn first_failure(emulator: &Arc<Emulator>) -> Value {
    let (_, told) = control::in_process(emulator, Some("k"), "GET", "/_emulator/verify", "");
    assert_eq!(told["ok"], told["first_failure"].is_null(), "{told}");
    told["first_failure"]["code"].clone()
}

#[test]
fn nobody_asks_themselves() {
    let emulator = start(json!({"fallback": "upstream", "upstream": "http://127.0.0.1:9/v1"}));
    let port = emulator.address.port();
    for host in ["127.0.0.1", "localhost", "[::1]", "[::ffff:127.0.0.1]"] {
        let itself = format!("http://{host}:{port}/v1");
        emulator.upstream.configure(&emulator.settings, &itself, None).expect("an address");
        let refused = send(&emulator, "k", CHAT, &chat("a"));
        let told = refused.json()["error"]["message"].take();
        assert!(refused.status == 502 && told.as_str().is_some_and(|why| why.contains("emulator itself")), "{told}");
    }
    let (_, told) = control::in_process(&emulator, Some("k"), "GET", "/_emulator/requests", "");
    assert_eq!(told["data"].as_array().map(Vec::len), Some(4), "none came a second time");
    let (_, history) = crate::server::room_tests::ask(&emulator, "GET", "/api/bypass/history", Value::Null);
    let ended = history["data"].as_array().expect("a list").iter().filter(|asked| asked["success"] == false).count();
    assert_eq!(ended, 4, "each is told as over: {history}");
}

#[test]
fn answers_without_a_body_are_whole() {
    let bare: [(u16, &[u8]); 2] =
        [(204, b"HTTP/1.1 204 X\r\nx-odd: 1\r\n\r\n"), (304, b"HTTP/1.1 304 X\r\nx-odd: 1\r\n\r\n")];
    for (status, answer) in bare {
        let (address, _heads) = says(answer);
        let emulator = start(json!({"upstream": address, "fallback": "upstream"}));
        let got = send(&emulator, "k", CHAT, &chat("a"));
        let head = got.head.to_ascii_lowercase();
        assert!(got.status == status && head.contains("x-odd: 1") && !head.contains("content-type"), "{head}");
        let (_, told) = control::in_process(&emulator, Some("k"), "GET", "/_emulator/requests", "");
        let told = &told["data"][0];
        assert_eq!(
            (&told["state"], &told["aborted"], &told["status"]),
            (&json!("done"), &json!(false), &json!(status))
        );
    }
    let (address, _heads) = says(b"HTTP/1.1 101 Switching Protocols\r\nconnection: upgrade\r\nupgrade: x\r\n\r\n");
    let emulator = start(json!({"upstream": address, "fallback": "upstream"}));
    assert_eq!(send(&emulator, "k", CHAT, &chat("a")).status, 502, "nobody asked for another protocol");
}

/// A form goes on with its files byte for byte: by a rule, and by the bypass.
#[test]
fn forms_go_upstream_with_their_files() {
    let (real, own) = pair(json!({}));
    let script = json!({"rules": [{"match": {"operation": "files.create"}, "upstream": true, "times": "unlimited"}]});
    assert_eq!(send(&own, "k", "/_emulator/script", &script).status, 200);
    let form = "--B\r\nContent-Disposition: form-data; name=\"purpose\"\r\n\r\nuser_data\r\n--B\r\nContent-Disposition: form-data; name=\"file\"; filename=\"a.bin\"\r\nContent-Type: text/plain\r\n\r\none\r\n\x01\r\n--B--\r\n";
    let head = format!(
        "POST /v1/files HTTP/1.1\r\nhost: 127.0.0.1\r\nconnection: close\r\nauthorization: Bearer k\r\ncontent-type: multipart/form-data; boundary=B\r\ncontent-length: {}\r\n\r\n",
        form.len()
    );
    for bypass in [false, true] {
        own.upstream.bypass(bypass);
        let made = exchange(&own, (head.clone() + form).as_bytes()).expect("an answer").json();
        assert_eq!(
            (&made["filename"], &made["bytes"], &made["purpose"]),
            (&json!("a.bin"), &json!(6), &json!("user_data")),
            "{made}"
        );
        // Byte for byte: both sides know the file by the sum of its bytes.
        let file = |emulator: &Arc<Emulator>, key: &str| {
            let (_, heard) = control::in_process(emulator, Some(key), "GET", "/_emulator/requests?last=1", "");
            heard["data"][0]["body"]["file"].clone()
        };
        assert!(file(&own, "k")["sha256"].is_string());
        assert_eq!(file(&own, "k"), file(&real, "sk-up"));
    }
}

/// Much passes, and neither side holds more of it than a few buffers.
#[test]
fn two_hundred_megabytes_pass_through_without_being_held() {
    const BLOCK: usize = 1 << 20;
    const BLOCKS: usize = 200;
    let (address, _heads) = server(|mut stream, _| {
        let head = format!("HTTP/1.1 200 OK\r\ncontent-length: {}\r\n\r\n", BLOCK * BLOCKS);
        let block = vec![b'x'; BLOCK];
        let _ = stream.write_all(head.as_bytes()).and_then(|()| (0..BLOCKS).try_for_each(|_| stream.write_all(&block)));
    });
    let emulator = start(json!({"upstream": address, "fallback": "upstream"}));
    let mut stream = connect(&emulator);
    stream.write_all(&request("POST", CHAT, "k", "", chat("a").to_string().as_bytes())).expect("sends");
    let before = resident();
    let (mut count, mut seen, mut most, mut space) = (0, 0, before, vec![0; BLOCK]);
    loop {
        match stream.read(&mut space).expect("reads") {
            0 => break,
            read => count += read,
        }
        if count >> 24 != seen {
            (seen, most) = (count >> 24, most.max(resident()));
        }
    }
    assert!(count >= BLOCK * BLOCKS, "{count}");
    assert!(most.saturating_sub(before) < 100 << 20, "{} MB more", (most - before) >> 20);
}

/// What is read of an answer for the journal takes of the session's room, and no more than there is.
#[test]
fn what_is_kept_of_a_passing_answer_counts() {
    const BYTES: usize = 600_000;
    for (room, range) in [(64 << 20, 500_000..1_000_000), (300_000, 10_000..200_000)] {
        let (release, released) = std::sync::mpsc::channel::<()>();
        let released = std::sync::Mutex::new(released);
        let (address, _heads) = server(move |mut stream, _| {
            let _ = stream.write_all(b"HTTP/1.1 200 OK\r\n\r\n").and_then(|()| stream.write_all(&vec![b'x'; BYTES]));
            let _ = released.lock().expect("one at a time").recv();
        });
        let emulator = start(json!({"upstream": address, "fallback": "upstream", "maxSessionBytes": room}));
        let mut stream = connect(&emulator);
        let before = emulator.memory.used();
        stream.write_all(&request("POST", CHAT, "k", "", chat("a").to_string().as_bytes())).expect("sends");
        stream.read_exact(&mut vec![0; BYTES]).expect("it comes");
        let held = emulator.memory.used() - before;
        assert!(range.contains(&held), "{held} of {room}");
        drop(release);
        std::io::copy(&mut stream, &mut std::io::sink()).expect("it ends");
        let after = emulator.memory.used() - before;
        assert!(after < 100_000.min(held), "{after} of {held}");
    }
}

/// Bytes of memory of this process, where the system says so.
fn resident() -> usize {
    let text = std::fs::read_to_string("/proc/self/statm").unwrap_or_default();
    text.split(' ').nth(1).and_then(|pages| pages.parse::<usize>().ok()).unwrap_or(0) * 4096
}

/// A client that does not read holds up the upstream, and one that leaves ends its request.
#[test]
fn a_client_that_leaves_ends_the_request_upstream() {
    let (ended, end) = std::sync::mpsc::channel();
    let (address, _heads) = server(move |mut stream, _| {
        let _ = stream.write_all(b"HTTP/1.1 200 OK\r\n\r\n");
        while stream.write_all(&[b'x'; 4096]).is_ok() {}
        let _ = ended.send(());
    });
    let emulator = start(json!({"upstream": address, "fallback": "upstream"}));
    let mut stream = connect(&emulator);
    stream.write_all(&request("POST", CHAT, "k", "", chat("a").to_string().as_bytes())).expect("sends");
    stream.read_exact(&mut [0; 200]).expect("it began");
    assert!(end.recv_timeout(std::time::Duration::from_millis(100)).is_err(), "back-pressure holds it up");
    drop(stream);
    end.recv_timeout(std::time::Duration::from_secs(20)).expect("the upstream learns of it");
}

#[test]
fn a_model_that_another_server_answers_goes_there_and_no_other_does() {
    let real = start(json!({"auth": "optional", "models": "any", "profile": "relaxed"}));
    let script =
        json!({"responses": ["from afar", {"error": {"status": 418, "message": "short and stout"}}, "an item"]});
    assert_eq!(send(&real, "k", "/_emulator/script", &script).status, 200);
    let served = format!("tiny={}/v1", real.url());
    let own =
        start(json!({"auth": "required", "fallback": "echo", "upstreamModel": [served], "upstreamKey": "sk-other"}));
    let ask = |model: &str, text: &str| {
        let mut body = chat(text);
        body["model"] = json!(model);
        send(&own, "k", CHAT, &body)
    };
    // It gets what no rule answers, with the caller's key; others behave as before.
    assert!(ask("gpt-4o", "a").text().contains("Echo: a"));
    let rules = json!({"rules": [{"match": "ruled", "response": "by a rule"}], "defaults": {"fallback": "echo"}});
    assert_eq!(send(&own, "k", "/_emulator/script", &rules).status, 200);
    assert!(ask("tiny", "ruled").text().contains("by a rule"));
    assert!(ask("tiny", "b").text().contains("from afar"));
    assert_eq!(ask("tiny", "c").status, 418);
    assert_eq!(ask("tinier", "d").status, 404);
    let items = json!({"model": "tiny", "input": "hello"});
    assert_eq!(send(&own, "k", "/v1/responses", &items).status, 200);
    // What a model of another server serves, that server knows.
    assert_eq!(send(&own, "k", "/v1/embeddings", &items).status, 200);
    let (_, heard) = control::in_process(&real, Some("k"), "GET", "/_emulator/requests", "");
    let operations: Vec<&str> =
        heard["data"].as_array().unwrap().iter().filter_map(|one| one["operation"].as_str()).collect();
    assert_eq!(
        operations,
        ["chat.completions.create", "chat.completions.create", "responses.create", "embeddings.create"]
    );
    let listed = exchange(&own, &request("GET", "/v1/models", "k", "", b"")).expect("an answer");
    assert_eq!(listed.text().matches("\"tiny\"").count(), 1, "{}", listed.text());
}

#[test]
fn the_room_says_how_far_a_models_server_is() {
    let real = start(json!({"auth": "optional", "models": "any", "profile": "relaxed"}));
    // As llama.cpp's own server answers before its weights are there.
    let (loading, _heads) = says(
        b"HTTP/1.1 503 Service Unavailable\r\ncontent-length: 47\r\nconnection: close\r\n\r\n{\"error\":{\"message\":\"Loading model\",\"code\":503}}",
    );
    let told = |value: &str, progress: &Value| {
        json!({"rules": [{"match": {"operation": "models.retrieve"}, "times": "unlimited",
        "object": {"status": {"value": value, "progress": progress}}}], "reset": true})
    };
    let served = [format!("tiny={}/v1", real.url()), format!("a/b={loading}"), "none=http://127.0.0.1:1".to_string()];
    let own = start(json!({"upstreamModel": served}));
    let models = || {
        let mut said = exchange(&own, &request("GET", "/api/models", "k", "", b"")).expect("an answer").json();
        let rows = said["data"].as_array_mut().expect("models").drain(..).map(|mut row| {
            row.as_object_mut().expect("a model").remove("server");
            row
        });
        rows.collect::<Vec<Value>>()
    };
    let progress = json!({"what": "load", "done": 0.5, "total": 1});
    for (value, of_tiny, state) in
        [("loading", progress, "loading"), ("failed", Value::Null, "failed"), ("loaded", Value::Null, "ready")]
    {
        let script = told(value, &of_tiny).to_string();
        let (_, loaded) = control::in_process(&real, None, "POST", "/_emulator/shared-script", &script);
        assert_eq!(loaded["error"], Value::Null, "{loaded}");
        assert_eq!(
            models(),
            [
                json!({"model": "a/b", "state": "loading", "progress": null}),
                json!({"model": "none", "state": "unreachable", "progress": null}),
                json!({"model": "tiny", "state": state, "progress": of_tiny}),
            ]
        );
    }
}

#[test]
fn a_server_of_a_model_that_cannot_be_read_is_refused_by_name() {
    let refused = |given: Value| {
        let options =
            crate::options::Options::from_json(&json!({"upstreamModel": given}).to_string()).expect("options");
        let bound = Emulator::bind(options, crate::options::Door::InProcess, None);
        bound.err().map(|error| error.message).unwrap_or_default()
    };
    assert!(refused(json!(["http://127.0.0.1:8081"])).contains("smollm=http://"));
    assert!(refused(json!(["=http://127.0.0.1:8081"])).contains("smollm=http://"));
    assert!(refused(json!("tiny=ftp://here")).contains("upstreamModel is \"ftp://here\""));
    assert!(refused(json!(["a=http://here", "a=http://there"])).contains("names \"a\" twice"));
}
