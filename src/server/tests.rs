//! Behaviour over a socket: what a client of any language sees.

use crate::emulator::Emulator;
use crate::options::{Door, Options};
use crate::runtime;
use proptest::prelude::*;
use serde_json::{Value, json};
use std::io::{Read, Write};
use std::net::TcpStream;
use std::sync::Arc;
use std::time::{Duration, Instant};

/// An answer as it came over the socket.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Got {
    pub(crate) status: u16,
    pub(crate) head: String,
    pub(crate) body: Vec<u8>,
}

impl Got {
    pub(crate) fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    pub(crate) fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or_else(|error| panic!("{error}: {}", self.text()))
    }
}

pub(crate) fn start(options: Value) -> Arc<Emulator> {
    let options = Options::from_json(&options.to_string()).expect("options");
    super::start(options, Door::InProcess, None).expect("starts")
}

/// How long a test waits for what must come; a test that is wrong, or a server that is, must fail and not hang.
const PATIENCE: Duration = Duration::from_secs(60);

/// A connection whose reads give up.
pub(crate) fn connect(emulator: &Emulator) -> TcpStream {
    let stream = TcpStream::connect(emulator.address).expect("connects");
    stream.set_read_timeout(Some(PATIENCE)).expect("a limit");
    stream
}

/// Waits for a condition.
pub(crate) fn until(what: &str, mut holds: impl FnMut() -> bool) {
    let began = Instant::now();
    while !holds() {
        assert!(began.elapsed() < PATIENCE, "{what}: not within {PATIENCE:?}");
        std::thread::yield_now();
    }
}

/// What comes of something that must end.
pub(crate) fn within<T>(what: &str, ending: impl Future<Output = T>) -> T {
    let ended = runtime::handle().block_on(async { tokio::time::timeout(PATIENCE, ending).await });
    ended.unwrap_or_else(|_| panic!("{what}: not within {PATIENCE:?}"))
}

/// Looks until there is something; panics when there never is.
pub(crate) fn eventually<T>(what: &str, look: impl Fn() -> Option<T>) -> T {
    let mut found = None;
    until(what, || {
        found = look();
        found.is_some()
    });
    found.unwrap_or_else(|| panic!("{what}"))
}

/// Sends bytes and reads until the server closes.
pub(crate) fn exchange(emulator: &Emulator, request: &[u8]) -> Option<Got> {
    let mut stream = connect(emulator);
    stream.write_all(request).expect("sends");
    let mut answer = Vec::new();
    // A reset is an end like another: what came before it counts.
    if let Err(error) = stream.read_to_end(&mut answer) {
        assert_ne!(error.kind(), std::io::ErrorKind::WouldBlock, "the server fell silent");
    }
    let end = answer.windows(4).position(|four| four == b"\r\n\r\n")?;
    let head = String::from_utf8_lossy(&answer[..end]).to_lowercase();
    let status = head.split(' ').nth(1)?.parse().ok()?;
    let body = &answer[end + 4..];
    let body = if head.contains("transfer-encoding: chunked") { unchunked(body) } else { body.to_vec() };
    Some(Got { status, head, body })
}

fn unchunked(mut bytes: &[u8]) -> Vec<u8> {
    let mut out = Vec::new();
    while let Some(line) = bytes.windows(2).position(|two| two == b"\r\n") {
        let size = std::str::from_utf8(&bytes[..line]).ok().and_then(|hex| usize::from_str_radix(hex, 16).ok());
        let Some(size) = size.filter(|size| *size > 0 && bytes.len() >= line + 2 + size) else { break };
        out.extend_from_slice(&bytes[line + 2..line + 2 + size]);
        bytes = bytes.get(line + 4 + size..).unwrap_or_default();
    }
    out
}

pub(crate) fn request(method: &str, path: &str, key: &str, headers: &str, body: &[u8]) -> Vec<u8> {
    let mut bytes = format!(
        "{method} {path} HTTP/1.1\r\nhost: 127.0.0.1\r\nconnection: close\r\nauthorization: Bearer {key}\r\n\
         content-type: application/json\r\n{headers}content-length: {}\r\n\r\n",
        body.len()
    )
    .into_bytes();
    bytes.extend_from_slice(body);
    bytes
}

pub(crate) fn send(emulator: &Emulator, key: &str, path: &str, body: &Value) -> Got {
    exchange(emulator, &request("POST", path, key, "", body.to_string().as_bytes())).expect("an answer")
}

fn chat(text: &str) -> Value {
    json!({"model": "gpt-4o", "messages": [{"role": "user", "content": text}]})
}

#[test]
fn two_hundred_sessions_never_meet() {
    let emulator = start(json!({}));
    std::thread::scope(|scope| {
        for lane in 0..20 {
            let emulator = &emulator;
            scope.spawn(move || {
                let keys: Vec<String> = (0..10).map(|number| format!("sk-lane-{lane}-{number}")).collect();
                for key in &keys {
                    let script = json!({"models": [format!("model-{key}")], "responses": [format!("one {key}"), format!("two {key}")]});
                    assert_eq!(send(emulator, key, "/_emulator/script", &script).status, 200);
                }
                for turn in ["one", "two"] {
                    for key in &keys {
                        let mut body = chat("hi");
                        body["model"] = json!(format!("model-{key}"));
                        let answer = send(emulator, key, "/v1/chat/completions", &body).json();
                        assert_eq!(answer["choices"][0]["message"]["content"], format!("{turn} {key}"));
                    }
                }
                for key in &keys {
                    let (_, journal) = crate::control::in_process(emulator, Some(key), "GET", "/_emulator/requests", "");
                    assert_eq!(journal["data"].as_array().map(Vec::len), Some(2));
                    let (_, verdict) = crate::control::in_process(emulator, Some(key), "GET", "/_emulator/verify", "");
                    assert_eq!(verdict["ok"], true, "{verdict}");
                    let models = exchange(emulator, &request("GET", "/v1/models", key, "", b"")).expect("answer").json();
                    assert_eq!(models["data"].as_array().map(Vec::len), Some(1));
                }
            });
        }
    });
}

#[test]
fn a_scripted_disconnect_before_any_byte_leaves_no_byte() {
    let emulator = start(json!({}));
    send(
        &emulator,
        "sk-a",
        "/_emulator/script",
        &json!({"responses": [{"text": "x", "fault": {"at": "connect", "kind": "disconnect"}}]}),
    );
    let body = chat("hi").to_string();
    assert_eq!(exchange(&emulator, &request("POST", "/v1/chat/completions", "sk-a", "", body.as_bytes())), None);
    let (_, journal) = crate::control::in_process(&emulator, Some("sk-a"), "GET", "/_emulator/requests", "");
    assert_eq!(journal["data"][0]["outcome"], "scripted");
}

#[test]
fn keys_are_shown_nowhere() {
    let emulator = start(json!({"debug": true}));
    let key = "sk-very-secret-key-0123456789";
    send(&emulator, key, "/v1/chat/completions", &chat("hi"));
    for path in ["/_emulator/requests", "/_emulator/state", "/_emulator/verify", "/_emulator/sessions"] {
        let shown = exchange(&emulator, &request("GET", path, key, "", b"")).expect("answer").text();
        assert!(!shown.contains("secret"), "{path}: {shown}");
    }
}

#[test]
fn bodies_are_bounded_and_may_be_zipped() {
    let emulator = start(json!({"maxBodyBytes": 1500, "fallback": "echo"}));
    let large = chat(&"x".repeat(2000)).to_string();
    let answer =
        exchange(&emulator, &request("POST", "/v1/chat/completions", "a", "", large.as_bytes())).expect("answer");
    assert_eq!((answer.status, &answer.json()["error"]["type"]), (413, &json!("invalid_request_error")));
    let zip = |text: &str| {
        let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
        encoder.write_all(text.as_bytes()).and_then(|()| encoder.finish()).expect("zips")
    };
    let post = |body: &[u8]| {
        let headers = "content-encoding: gzip\r\naccept-encoding: gzip\r\n";
        exchange(&emulator, &request("POST", "/v1/chat/completions", "a", headers, body)).expect("answer")
    };
    assert_eq!(post(&zip(&large)).status, 413);
    let answer = post(&zip(&chat(&"zipped ".repeat(100)).to_string()));
    assert!(answer.head.contains("content-encoding: gzip"));
    let mut text = String::new();
    flate2::read::GzDecoder::new(&answer.body[..]).read_to_string(&mut text).expect("unzips");
    assert!(text.contains("Echo: zipped"), "{text}");
    // gzip before br; a weight of 0 says no.
    let long = chat(&"zipped ".repeat(200)).to_string();
    for (accepted, used) in [("br", "br"), ("gzip;q=0, br;q=0.5", "br"), ("br, gzip", "gzip"), ("identity, zstd", "")] {
        let headers = format!("content-encoding: gzip\r\naccept-encoding: {accepted}\r\n");
        let request = request("POST", "/v1/chat/completions", "a", &headers, &zip(&long));
        let answer = exchange(&emulator, &request).expect("answer");
        let mut text = String::new();
        match used {
            "br" => brotli_decompressor::Decompressor::new(&answer.body[..], 4096).read_to_string(&mut text),
            "gzip" => flate2::read::GzDecoder::new(&answer.body[..]).read_to_string(&mut text),
            _ => (&answer.body[..]).read_to_string(&mut text),
        }
        .unwrap_or_else(|error| panic!("{accepted}: {error}"));
        assert!(text.contains("Echo: zipped"), "{accepted}: {text}");
        assert_eq!(answer.head.contains(&format!("content-encoding: {used}")), !used.is_empty(), "{}", answer.head);
    }
}

#[test]
fn refused_requests_use_no_step() {
    let emulator = start(json!({}));
    send(&emulator, "a", "/_emulator/script", &json!({"responses": ["only"]}));
    let refused = [
        (json!({"model": "no-such-model", "messages": [{"role": "user", "content": "x"}]}), 404, "model_not_found"),
        (
            json!({"model": "gpt-4o", "messages": [{"role": "user", "content": "x"}], "temperature": 9}),
            400,
            "decimal_above_max_value",
        ),
        (json!({"model": "gpt-4o"}), 400, "missing_required_parameter"),
    ];
    for (body, status, code) in refused {
        let answer = send(&emulator, "a", "/v1/chat/completions", &body);
        assert_eq!((answer.status, &answer.json()["error"]["code"]), (status, &json!(code)), "{}", answer.text());
    }
    let answer = send(&emulator, "a", "/v1/chat/completions", &chat("x")).json();
    assert_eq!(answer["choices"][0]["message"]["content"], "only");
}

#[test]
fn wrong_paths_methods_and_bodies_have_openais_words() {
    let emulator = start(json!({}));
    let ask = |method: &str, path: &str, body: &str| {
        exchange(&emulator, &request(method, path, "a", "", body.as_bytes())).expect("answer")
    };
    let answer = ask("POST", "/v1/nothing", "{}");
    assert_eq!((answer.status, &answer.json()["error"]["message"]), (404, &json!("Invalid URL (POST /v1/nothing)")));
    assert_eq!(ask("PUT", "/v1/chat/completions", "{}").status, 405);
    let answer = ask("POST", "/v1/chat/completions", "{invalid json}");
    assert_eq!(answer.status, 400);
    assert!(
        answer.json()["error"]["message"]
            .as_str()
            .is_some_and(|text| text.starts_with("We could not parse the JSON body"))
    );
}

#[test]
fn header_names_are_lower_case() {
    let emulator = start(json!({"fallback": "echo"}));
    let mut stream = connect(&emulator);
    stream.write_all(&request("GET", "/v1/models", "a", "", b"")).expect("sends");
    let mut answer = String::new();
    stream.read_to_string(&mut answer).expect("reads");
    let head = answer.split("\r\n\r\n").next().unwrap_or_default();
    let names = head.lines().skip(1).filter_map(|line| line.split(':').next());
    assert!(names.clone().count() > 5);
    assert!(names.clone().all(|name| name == name.to_lowercase()), "{head}");
}

#[test]
fn an_error_in_mid_stream_ends_a_stream_without_done_unless_the_model_made_it() {
    let emulator = start(json!({}));
    let chats = chat("hi");
    let completion = json!({"model": "gpt-3.5-turbo-instruct", "prompt": "hi"});
    for (path, body) in [("/v1/chat/completions", &chats), ("/v1/completions", &completion)] {
        for (error, done) in [
            (json!({"status": 500}), false),
            (json!({"status": 429}), false),
            (json!({"status": 500, "type": "model_error"}), true),
        ] {
            let fault = json!({"text": "one two three", "fault": {"at": 2, "kind": "error", "error": error}});
            send(&emulator, "a", "/_emulator/script", &json!({"responses": [fault]}));
            let mut body = body.clone();
            body["stream"] = json!(true);
            let text = send(&emulator, "a", path, &body).text();
            assert!(text.contains("\" two\"") && !text.contains(" three"), "{text}");
            let data: Vec<&str> = text.lines().filter_map(|line| line.strip_prefix("data: ")).collect();
            let (end, before) = data.split_last().expect("events");
            let last = if done { before.last().expect("an event") } else { end };
            assert!(last.starts_with("{\"error\":{"), "{path} {error}: {text}");
            assert_eq!(*end == "[DONE]", done, "{path} {error}: {text}");
        }
    }
}

#[test]
fn one_call_alone_opens_the_message() {
    let emulator = start(json!({}));
    send(
        &emulator,
        "a",
        "/_emulator/script",
        &json!({"responses": [{"tool_calls": [{"name": "f", "arguments": {"a": 1}}]}]}),
    );
    let mut body = chat("hi");
    body["stream"] = json!(true);
    body["tools"] = json!([{"type": "function", "function": {"name": "f"}}]);
    let text = send(&emulator, "a", "/v1/chat/completions", &body).text();
    let first = text.lines().next().unwrap_or_default();
    assert!(first.contains(r#""delta":{"role":"assistant","content":null,"tool_calls":[{"index":0"#), "{first}");
}

#[test]
fn nobody_waits_on_the_instant_clock() {
    let emulator = start(json!({"clock": "instant"}));
    let began = std::time::Instant::now();
    let slow = json!({"text": "one two three", "pace": {"ttft_ms": 30_000, "tokens_per_second": 0.1}});
    let limits = json!({"gpt-4o": {"rpm": 1}});
    send(
        &emulator,
        "a",
        "/_emulator/script",
        &json!({"defaults": {"rate_limits": limits}, "responses": [slow, "again"]}),
    );
    let mut body = chat("hi");
    body["stream"] = json!(true);
    assert!(send(&emulator, "a", "/v1/chat/completions", &body).text().contains("[DONE]"));
    // The stream took a minute of the session's time: the limit has room again, and the next request uses it up.
    assert_eq!(send(&emulator, "a", "/v1/chat/completions", &chat("hi")).status, 200);
    let refused = send(&emulator, "a", "/v1/chat/completions", &chat("hi"));
    assert_eq!(refused.status, 429);
    assert!(
        refused.head.contains("retry-after-ms: 1\r\n") && refused.head.contains("retry-after: 60"),
        "{}",
        refused.head
    );
    // The clock has jumped to where a retry would be: what is missing now is a reply, not room.
    assert_eq!(send(&emulator, "a", "/v1/chat/completions", &chat("hi")).json()["error"]["code"], "no_matching_rule");
    assert!(began.elapsed() < std::time::Duration::from_secs(10));
}

#[test]
fn audio_asked_and_text_given_is_spoken() {
    let emulator = start(json!({}));
    send(&emulator, "a", "/_emulator/script", &json!({"responses": ["hello there", "hello there"]}));
    let mut body = chat("hi");
    body["model"] = json!("gpt-audio");
    body["modalities"] = json!(["text", "audio"]);
    body["audio"] = json!({"voice": "alloy", "format": "wav"});
    let message = send(&emulator, "a", "/v1/chat/completions", &body).json()["choices"][0]["message"].clone();
    assert_eq!((&message["content"], &message["audio"]["transcript"]), (&Value::Null, &json!("hello there")));
    assert!(message["audio"]["data"].as_str().is_some_and(|data| data.starts_with("UklGR")));
    body["stream"] = json!(true);
    body["audio"]["format"] = json!("pcm16");
    let text = send(&emulator, "a", "/v1/chat/completions", &body).text();
    assert!(text.contains("\"transcript\":\"hello there\"") && text.contains("\"expires_at\":"), "{text}");
}

fn any_json() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        "[a-z_]{0,12}|\\PC{0,20}".prop_map(Value::from),
        prop::sample::select(vec!["user", "assistant", "tool", "function", "text", "message", "auto", "gpt-4o"])
            .prop_map(Value::from),
    ];
    leaf.prop_recursive(4, 24, 5, |inner| {
        let keys = prop::sample::select(vec![
            "role",
            "content",
            "type",
            "text",
            "function",
            "name",
            "tool_calls",
            "id",
            "call_id",
            "output",
            "parameters",
            "x",
        ]);
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            prop::collection::vec((keys, inner), 0..5).prop_map(|pairs| {
                Value::Object(pairs.into_iter().map(|(key, value)| (key.to_string(), value)).collect())
            }),
        ]
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(256))]

    /// With validation off everything reaches the readers and renderers: none may panic or hang.
    #[test]
    fn no_body_makes_the_emulator_panic(
        fields in prop::collection::vec((prop::sample::select(vec![
            "messages", "input", "prompt", "tools", "tool_choice", "functions", "function_call", "stream", "stream_options", "n",
            "stop", "max_tokens", "max_output_tokens", "logprobs", "top_logprobs", "response_format", "text", "reasoning",
            "instructions", "include", "metadata", "store", "background", "conversation", "previous_response_id", "dimensions",
            "encoding_format", "modalities", "truncation", "service_tier", "best_of", "echo",
        ]), any_json()), 0..8),
        path in prop::sample::select(vec!["chat/completions", "completions", "responses", "embeddings", "moderations", "conversations"]),
        full in any::<bool>(),
    ) {
        static EMULATORS: std::sync::OnceLock<[Arc<Emulator>; 2]> = std::sync::OnceLock::new();
        let emulators = EMULATORS.get_or_init(|| {
            ["off", "full"].map(|level| start(json!({"validation": level, "fallback": "generate", "clock": "instant", "models": "any"})))
        });
        let mut body = json!({"model": "gpt-4o"});
        for (key, value) in fields {
            body[key] = value;
        }
        let answer = send(&emulators[usize::from(full)], "fuzz", &format!("/v1/{path}"), &body);
        prop_assert!(!answer.text().contains("emulator_panicked"), "{} {} {}", path, body, answer.text());
        prop_assert!(answer.status < 600);
    }

    #[test]
    fn no_bytes_make_the_emulator_panic(bytes in prop::collection::vec(any::<u8>(), 0..200), path in "/v1/(chat/completions|responses|models|\\PC{0,10})") {
        static EMULATOR: std::sync::OnceLock<Arc<Emulator>> = std::sync::OnceLock::new();
        let emulator = EMULATOR.get_or_init(|| start(json!({})));
        let path: String = path.chars().filter(char::is_ascii_graphic).collect();
        if let Some(answer) = exchange(emulator, &request("POST", &path, "fuzz", "", &bytes)) {
            prop_assert!(!answer.text().contains("emulator_panicked"), "{}", answer.text());
        }
    }
}
