//! The same line for machines: a JSON object, whose fields stay as docs/telemetry.md lists them.

use crate::options::LogLevel;
use crate::session::Session;
use crate::session::exchange::{Exchange, level};
use serde::Serialize;
use std::time::Duration;

/// Characters of a text that is shown.
const TEXT: usize = 1_000;

#[derive(Serialize, Default)]
struct Line<'a> {
    time: String,
    level: &'static str,
    message: String,
    method: &'a str,
    path: &'a str,
    status: Option<u16>,
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<String>,
    /// What only an exchange has.
    #[serde(flatten)]
    exchange: Option<OfExchange<'a>>,
}

#[derive(Serialize)]
struct OfExchange<'a> {
    duration_ms: f64,
    time_to_first_token_ms: Option<f64>,
    session: String,
    request_id: &'a str,
    operation: &'a str,
    stream: bool,
    model: Option<String>,
    asked: String,
    said: String,
    outcome: &'a str,
    answered_by: Option<&'a str>,
    rule: Option<String>,
    input_tokens: Option<u64>,
    output_tokens: Option<u64>,
    client_left: bool,
}

/// The line of an exchange that ended at `now`, in the world's time.
pub(super) fn line(session: &Session, exchange: &Exchange, now: Duration) -> String {
    let record = exchange.record();
    let failed = record.is_failed();
    let since = |moment: Duration| moment.saturating_sub(exchange.arrived).as_micros() as f64 / 1000.0;
    let tokens = exchange.tokens.get().filter(|_| record.is_whole());
    let of_exchange = OfExchange {
        duration_ms: since(now),
        time_to_first_token_ms: exchange.first_token().map(since),
        session: session.label(),
        request_id: &exchange.request_id,
        operation: exchange.operation,
        stream: exchange.stream,
        model: exchange.wants.as_deref().map(shortened),
        asked: shortened(&exchange.asked()),
        said: if failed { String::new() } else { shortened(&record.text()) },
        outcome: record.told_outcome().name(),
        answered_by: record.by,
        rule: record.rule.as_ref().map(|rule| rule.label().to_string()),
        input_tokens: tokens.map(|tokens| tokens.0),
        output_tokens: tokens.map(|tokens| tokens.1),
        client_left: record.aborted,
    };
    let reason = failed.then(|| shortened(&record.reason()));
    written(now, record.level(), &exchange.method, &exchange.target, record.status, reason, Some(of_exchange))
}

/// The line of a request that was refused before it was an exchange.
pub(super) fn refused(method: &str, path: &str, status: u16, reason: &str, now: Duration) -> String {
    written(now, level(Some(status)), method, path, Some(status), Some(shortened(reason)), None)
}

fn written(
    now: Duration,
    level: LogLevel,
    method: &str,
    path: &str,
    status: Option<u16>,
    reason: Option<String>,
    exchange: Option<OfExchange<'_>>,
) -> String {
    let level = match level {
        LogLevel::Info => "info",
        LogLevel::Warn => "warn",
        LogLevel::Error => "error",
    };
    let outcome = status.map_or("nothing".into(), |status| status.to_string());
    let message = format!("{method} {path} {outcome}");
    let line = Line { time: crate::clock::timestamp(now), level, message, method, path, status, reason, exchange };
    // Strings and numbers can be written.
    serde_json::to_string(&line).unwrap_or_default()
}

fn shortened(text: &str) -> String {
    match text.char_indices().nth(TEXT) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::server::tests::{send, start};
    use serde_json::{Value, json};

    const BASE: [&str; 6] = ["time", "level", "message", "method", "path", "status"];
    const OF_EXCHANGE: [&str; 15] = [
        "duration_ms",
        "time_to_first_token_ms",
        "session",
        "request_id",
        "operation",
        "stream",
        "model",
        "asked",
        "said",
        "outcome",
        "answered_by",
        "rule",
        "input_tokens",
        "output_tokens",
        "client_left",
    ];

    #[test]
    fn a_line_is_an_object_with_the_fields_of_the_guide() {
        let emulator = start(json!({"profile": "relaxed"}));
        let script = json!({"responses": ["Paris."]});
        assert_eq!(send(&emulator, "my-test", "/_emulator/script", &script).status, 200);
        let ask = |model: &str| {
            let body = json!({"model": model, "messages": [{"role": "user", "content": "France?\n\u{1b}[2J"}]});
            send(&emulator, "my-test", "/v1/chat/completions", &body);
        };
        ask("gpt-4o");
        ask("invalid");
        let session = emulator.session("my-test");
        let lines: Vec<Value> = session
            .journal
            .since(0, 2)
            .iter()
            .map(|exchange| {
                let line = line(&session, exchange, exchange.arrived + Duration::from_millis(7));
                assert!(!line.contains(char::is_control), "{line:?}");
                serde_json::from_str(&line).expect("JSON")
            })
            .collect();
        let keys = |line: &Value| line.as_object().expect("an object").keys().cloned().collect::<Vec<_>>();
        assert_eq!(keys(&lines[0]), [&BASE[..], &OF_EXCHANGE].concat());
        assert_eq!(keys(&lines[1]), [&BASE[..], &["reason"], &OF_EXCHANGE].concat());
        for (name, value) in [
            ("level", json!("info")),
            ("status", json!(200)),
            ("duration_ms", json!(7.0)),
            ("operation", json!("chat.completions.create")),
            ("session", json!(crate::redact::label("my-test"))),
            ("asked", json!("France?\n\u{1b}[2J")),
            ("said", json!("Paris.")),
            ("outcome", json!("scripted")),
            ("answered_by", json!("script")),
            ("rule", json!("responses[0]")),
        ] {
            assert_eq!(lines[0][name], value, "{name}");
        }
        assert!(lines[0]["output_tokens"].as_u64().is_some_and(|count| count > 0));
        assert!(lines[1]["reason"].as_str().is_some_and(|reason| reason.contains("does not exist")));
        let guide = include_str!("../../docs/telemetry.md");
        for name in [&BASE[..], &["reason"], &OF_EXCHANGE].concat() {
            assert!(guide.contains(&format!("| `{name}` |")), "docs/telemetry.md does not list {name}");
        }
    }

    #[test]
    fn an_answer_that_the_script_broke_is_no_success() {
        let emulator = start(json!({}));
        let script = json!({"responses": [{"text": "a b c d", "fault": {"kind": "disconnect", "at": 1}}]});
        send(&emulator, "my-test", "/_emulator/script", &script);
        let body = json!({"model": "gpt-4o", "stream": true, "messages": [{"role": "user", "content": "x"}]});
        send(&emulator, "my-test", "/v1/chat/completions", &body);
        let session = emulator.session("my-test");
        let exchange = &session.journal.since(0, 1)[0];
        let line: Value = serde_json::from_str(&line(&session, exchange, exchange.arrived)).expect("JSON");
        for (name, value) in [
            ("level", json!("warn")),
            ("status", json!(200)),
            ("reason", json!("the script broke the answer after 1 pieces")),
            ("said", json!("")),
            ("outcome", json!("faulted")),
            ("answered_by", json!("script")),
            ("output_tokens", Value::Null),
        ] {
            assert_eq!(line[name], value, "{name}");
        }
        // What tests compare, and what fails them, stays.
        let shown = exchange.to_json(Duration::ZERO);
        assert_eq!((&shown["outcome"], &shown["failure"]), (&json!("scripted"), &Value::Null));
    }

    #[test]
    fn what_was_no_exchange_has_its_line_too() {
        let line = refused("POST", "/_emulator/script", 400, "Invalid JSON", Duration::from_millis(1_767_225_600_250));
        assert_eq!(
            line,
            r#"{"time":"2026-01-01T00:00:00.250Z","level":"warn","message":"POST /_emulator/script 400","method":"POST","path":"/_emulator/script","status":400,"reason":"Invalid JSON"}"#
        );
    }
}
