use crate::emulator::Emulator;
use crate::server::tests::{exchange, request, send, start};
use serde_json::{Value, json};
use std::io::Write;
use std::process::{Command, Stdio};

const KEY: &str = "sk-metrics";

/// What a scrape gets.
fn scrape(emulator: &Emulator) -> String {
    let got = exchange(emulator, &request("GET", "/metrics", KEY, "", b"")).expect("an answer");
    assert!(got.status == 200 && got.head.contains("text/plain; version=0.0.4"), "{}", got.head);
    got.text()
}

/// The value of a sample, by its name with labels.
fn sample(text: &str, name: &str) -> f64 {
    let line = text.lines().find(|line| line.strip_prefix(name).is_some_and(|rest| rest.starts_with(' ')));
    let line = line.unwrap_or_else(|| panic!("no {name} in\n{text}"));
    line[name.len() + 1..].parse().expect("a number")
}

fn send_get(emulator: &Emulator, path: &str) -> Value {
    exchange(emulator, &request("GET", path, KEY, "", b"")).expect("an answer").json()
}

fn chat(model: &str, stream: bool) -> Value {
    json!({"model": model, "stream": stream, "messages": [{"role": "user", "content": "x"}]})
}

#[test]
fn requests_are_counted_by_operation_status_and_who_answered() {
    let emulator = start(json!({"profile": "relaxed"}));
    let script = json!({"responses": ["one two three", {"error": {"status": 503, "message": "Down."}}]});
    send(&emulator, KEY, "/_emulator/script", &script);
    let usage = send(&emulator, KEY, "/v1/chat/completions", &chat("gpt-4o", false)).json()["usage"].clone();
    send(&emulator, KEY, "/v1/chat/completions", &chat("gpt-4o", true));
    send(&emulator, KEY, "/v1/chat/completions", &json!([]));
    send(&emulator, KEY, "/v1/embeddings", &json!({"model": "text-embedding-3-small", "input": "a b"}));
    send(&emulator, KEY, "/v1/nowhere", &json!({}));
    let text = scrape(&emulator);
    let requests = |operation, status, outcome, by| {
        sample(
            &text,
            &format!(
                "llemulator_requests_total{{operation=\"{operation}\",status=\"{status}\",outcome=\"{outcome}\",answered_by=\"{by}\"}}"
            ),
        )
    };
    assert_eq!(requests("chat.completions.create", 200, "scripted", "script"), 1.0);
    assert_eq!(requests("chat.completions.create", 503, "scripted", "script"), 1.0);
    assert_eq!(requests("chat.completions.create", 400, "rejected", "none"), 1.0);
    assert_eq!(requests("embeddings.create", 200, "served", "none"), 1.0);
    assert_eq!(requests("unknown", 404, "rejected", "none"), 1.0);
    for (kind, name) in [("input", "prompt_tokens"), ("output", "completion_tokens")] {
        let counted = sample(&text, &format!("llemulator_tokens_total{{model=\"gpt-4o\",kind=\"{kind}\"}}"));
        assert_eq!(Some(counted), usage[name].as_f64());
    }
    assert!(sample(&text, "llemulator_tokens_total{model=\"text-embedding-3-small\",kind=\"input\"}") > 0.0);
    assert_eq!(sample(&text, "llemulator_sessions"), 1.0);
    assert_eq!(sample(&text, "llemulator_requests_in_flight"), 0.0);
    assert!(sample(&text, "llemulator_kept_bytes") > 0.0);
    assert_eq!(text.contains("process_resident_memory_bytes"), cfg!(target_os = "linux"));
}

#[test]
fn every_kind_of_stream_has_its_first_token_and_its_tokens() {
    let emulator = start(json!({"profile": "relaxed"}));
    send(&emulator, KEY, "/v1/chat/completions", &chat("gpt-4o", true));
    send(&emulator, KEY, "/v1/completions", &json!({"model": "gpt-4o", "prompt": "x", "stream": true}));
    send(&emulator, KEY, "/v1/responses", &json!({"model": "gpt-4o", "input": "x", "stream": true}));
    let text = scrape(&emulator);
    for operation in ["chat.completions.create", "completions.create", "responses.create"] {
        for name in ["time_to_first_token_seconds", "request_duration_seconds"] {
            let count = format!("llemulator_{name}_count{{operation=\"{operation}\"}}");
            assert_eq!(sample(&text, &count), 1.0, "{count}");
        }
    }
    assert!(sample(&text, "llemulator_tokens_total{model=\"gpt-4o\",kind=\"output\"}") > 6.0, "{text}");
}

#[test]
fn an_answer_that_broke_is_no_success() {
    let emulator = start(json!({"metrics": "vllm"}));
    let broken = |kind: &str| json!({"text": "a b c d", "fault": {"kind": kind, "at": 1}});
    let script = json!({"responses": [broken("error"), broken("disconnect"), broken("close")]});
    send(&emulator, KEY, "/_emulator/script", &script);
    for stream in [true, true, false] {
        send(&emulator, KEY, "/v1/chat/completions", &chat("gpt-4o", stream));
    }
    let text = scrape(&emulator);
    let counted = "llemulator_requests_total{operation=\"chat.completions.create\",status=\"200\",outcome=\"faulted\",answered_by=\"script\"}";
    assert_eq!(sample(&text, counted), 3.0);
    for name in ["outcome=\"scripted\"", "vllm:request_success_total{", "kind=\"output\""] {
        assert!(!text.contains(name), "{name}: {text}");
    }
    // What does not stream has no first token.
    let first = "llemulator_time_to_first_token_seconds_count{operation=\"chat.completions.create\"}";
    assert_eq!(sample(&text, first), 2.0);
}

#[test]
fn open_streams_and_what_gave_way_are_seen() {
    let emulator = start(json!({"profile": "relaxed", "journalSize": 2}));
    let held =
        json!({"responses": [{"text": "x", "pace": {"hold": {"until": "go"}}}], "defaults": {"fallback": "echo"}});
    assert_eq!(send(&emulator, KEY, "/_emulator/script", &held).status, 200);
    std::thread::scope(|scope| {
        let stream = scope.spawn(|| send(&emulator, KEY, "/v1/chat/completions", &chat("gpt-4o", true)));
        crate::server::tests::until("the stream is open", || {
            sample(&scrape(&emulator), "llemulator_streams_open") == 1.0
        });
        let text = scrape(&emulator);
        assert_eq!(sample(&text, "llemulator_requests_in_flight"), 1.0);
        send(&emulator, KEY, "/_emulator/release/go", &json!({}));
        assert_eq!(stream.join().expect("it ends").status, 200);
    });
    for _ in 0..3 {
        send(&emulator, KEY, "/v1/chat/completions", &chat("gpt-4o", false));
    }
    let text = scrape(&emulator);
    assert_eq!(
        (sample(&text, "llemulator_streams_open"), sample(&text, "llemulator_journal_evictions_total")),
        (0.0, 2.0)
    );
}

#[test]
fn what_waits_is_seen() {
    let emulator = start(json!({"fallback": "manual"}));
    let levels = |names: [&str; 3]| names.map(|name| sample(&scrape(&emulator), &format!("llemulator_{name}")));
    let names = ["requests_waiting_for_operator", "queued_responses", "response_queues"];
    assert_eq!(levels(names), [0.0; 3]);
    let pending = || send_get(&emulator, "/api/pending")["data"].clone();
    std::thread::scope(|scope| {
        let waits = scope.spawn(|| send(&emulator, KEY, "/v1/chat/completions", &chat("gpt-4o", false)));
        crate::server::tests::until("it waits", || levels(names)[0] == 1.0);
        let id = pending()[0]["id"].as_str().expect("an id").to_string();
        send(&emulator, KEY, &format!("/api/pending/{id}/answer"), &json!({"reply": "yes"}));
        assert_eq!(waits.join().expect("it ends").status, 200);
    });
    let item = json!({"reply": "preset"});
    for address in ["10.0.0.1", "10.0.0.1", "10.0.0.2"] {
        assert_eq!(send(&emulator, KEY, &format!("/api/preset-queue/{address}"), &item).status, 200);
    }
    assert_eq!(levels(names), [0.0, 3.0, 2.0]);
}

#[test]
fn clients_make_no_more_than_so_many_labels() {
    let emulator = start(json!({"profile": "relaxed"}));
    for number in 0..100 {
        send(&emulator, KEY, "/v1/chat/completions", &chat(&format!("my\"model\n{number}"), false));
    }
    let text = scrape(&emulator);
    let models = text.lines().filter(|line| line.contains("kind=\"input\"")).count();
    assert!(models == 65 && sample(&text, "llemulator_tokens_total{model=\"other\",kind=\"input\"}") > 0.0, "{text}");
}

#[test]
fn vllm_names_are_served_when_asked_for() {
    let emulator = start(json!({"profile": "relaxed", "metrics": "vllm"}));
    let mut short = chat("m", false);
    short["max_tokens"] = json!(1);
    send(&emulator, KEY, "/v1/chat/completions", &short);
    send(&emulator, KEY, "/v1/chat/completions", &chat("m", true));
    send(&emulator, KEY, "/v1/chat/completions", &json!({"model": "m", "messages": 5}));
    let text = scrape(&emulator);
    for (name, value) in [
        ("request_success_total{model_name=\"m\",engine=\"0\",finished_reason=\"length\"}", 1.0),
        ("request_success_total{model_name=\"m\",engine=\"0\",finished_reason=\"stop\"}", 1.0),
        ("num_requests_running{model_name=\"m\",engine=\"0\"}", 0.0),
        ("num_requests_waiting{model_name=\"m\",engine=\"0\"}", 0.0),
        ("e2e_request_latency_seconds_count{model_name=\"m\",engine=\"0\"}", 2.0),
        ("time_to_first_token_seconds_count{model_name=\"m\",engine=\"0\"}", 2.0),
        ("time_per_output_token_seconds_count{model_name=\"m\",engine=\"0\"}", 1.0),
        ("inter_token_latency_seconds_count{model_name=\"m\",engine=\"0\"}", 1.0),
        ("request_queue_time_seconds_sum{model_name=\"m\",engine=\"0\"}", 0.0),
        ("request_decode_time_seconds_count{model_name=\"m\",engine=\"0\"}", 2.0),
        ("kv_cache_usage_perc{model_name=\"m\",engine=\"0\"}", 0.0),
        ("num_preemptions_total{model_name=\"m\",engine=\"0\"}", 0.0),
        ("request_generation_tokens_count{model_name=\"m\",engine=\"0\"}", 2.0),
    ] {
        assert_eq!(sample(&text, &format!("vllm:{name}")), value, "{name}");
    }
    let tokens = sample(&text, "vllm:prompt_tokens_total{model_name=\"m\",engine=\"0\"}");
    assert_eq!(tokens, sample(&text, "llemulator_tokens_total{model=\"m\",kind=\"input\"}"));
    assert!(!scrape(&start(json!({}))).contains("vllm:"));
}

#[test]
fn pages_of_others_and_foreign_hosts_are_refused() {
    let emulator = start(json!({}));
    for (head, status) in [
        ("host: localhost\r\n", 200),
        ("host: 10.1.2.3:8080\r\n", 200),
        ("host: evil.example\r\n", 403),
        ("host: localhost\r\norigin: http://evil.example\r\n", 403),
        ("host: localhost\r\nsec-fetch-site: cross-site\r\n", 403),
    ] {
        let request = format!("GET /metrics HTTP/1.1\r\n{head}connection: close\r\n\r\n");
        assert_eq!(exchange(&emulator, request.as_bytes()).expect("an answer").status, status, "{head}");
    }
}

/// Debian's package `prometheus` has it; `.ci/run` installs it.
#[test]
fn promtool_finds_nothing_to_complain_of() {
    let emulator = start(json!({"profile": "relaxed", "metrics": "vllm"}));
    for stream in [false, true] {
        send(&emulator, KEY, "/v1/chat/completions", &chat("a \"strange\" \\ model\n", stream));
    }
    let text = scrape(&emulator);
    let spawned =
        Command::new("promtool").args(["check", "metrics"]).stdin(Stdio::piped()).stderr(Stdio::piped()).spawn();
    let mut promtool = match spawned {
        Ok(promtool) => promtool,
        Err(error) if std::env::var_os("CI").is_none() => {
            println!("NOT CHECKED: promtool is not installed ({error})");
            return;
        }
        Err(error) => panic!("promtool is not installed: {error}"),
    };
    promtool.stdin.take().expect("a pipe").write_all(text.as_bytes()).expect("it reads");
    let output = promtool.wait_with_output().expect("it ends");
    let said = String::from_utf8_lossy(&output.stderr);
    // Its house style has no colons in names; vLLM's do.
    let complaints = said.lines().filter(|line| !line.starts_with("vllm:") || !line.contains("':'"));
    assert_eq!(complaints.collect::<Vec<_>>(), [""; 0], "{text}");
}

#[test]
fn opentelemetry_is_wanted_when_somebody_says_where_to() {
    let wanted = |variables: &[(&str, &str)]| {
        super::is_wanted(|name| variables.iter().find(|(known, _)| *known == name).map(|(_, value)| value.to_string()))
    };
    let endpoint = ("OTEL_EXPORTER_OTLP_ENDPOINT", "jaeger:4317");
    assert!(wanted(&[endpoint]) && wanted(&[endpoint, ("OTEL_SDK_DISABLED", "false")]));
    assert!(wanted(&[("OTEL_EXPORTER_OTLP_LOGS_ENDPOINT", "http://a:1")]));
    assert!(!wanted(&[]) && !wanted(&[(endpoint.0, " ")]) && !wanted(&[endpoint, ("OTEL_SDK_DISABLED", "True")]));
    assert!(!wanted(&[("OTEL_SERVICE_NAME", "x")]));
}
