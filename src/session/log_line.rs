//! The line that an exchange leaves in the log: when it ended, how, after how long, whose it was, what was asked and
//! said, by whom; for everything that went wrong the reason.

use crate::clock;
use crate::log;
use crate::options::{LogFormat, LogLevel, Settings};
use crate::reply::describe::quote;
use crate::session::Session;
use crate::session::exchange::{Exchange, Outcome, level};
use crate::session::log_json;
use crate::session::observers::Observer;
use std::borrow::Cow;
use std::fmt::{Display, Write};
use std::io::IsTerminal;
use std::sync::{Arc, LazyLock};
use std::time::Duration;

/// Characters shown of a reason, and of anything else that a client chose.
const REASON: usize = 300;
const NAME: usize = 80;

/// Writes a line for every exchange.
pub(crate) struct LogLine {
    format: LogFormat,
    paint: Paint,
}

impl LogLine {
    pub(crate) fn of(settings: &Settings) -> Self {
        LogLine { format: settings.log_format, paint: Paint::of_stdout() }
    }
}

impl Observer for LogLine {
    fn ended(&self, session: &Session, exchange: &Arc<Exchange>) {
        let now = clock::world();
        log::info(match self.format {
            LogFormat::Pretty => line(session, exchange, now, self.paint),
            LogFormat::Json => log_json::line(session, exchange, now),
        });
    }
}

/// Whether lines have colours.
#[derive(Clone, Copy)]
struct Paint(bool);

impl Paint {
    /// On a terminal, unless `NO_COLOR` asks for none (<https://no-color.org>).
    fn of_stdout() -> Self {
        static COLOURS: LazyLock<bool> = LazyLock::new(|| {
            let set = |name| std::env::var_os(name).filter(|value| !value.is_empty());
            std::io::stdout().is_terminal()
                && set("NO_COLOR").is_none()
                && set("TERM").is_none_or(|term| term != "dumb")
        });
        Paint(*COLOURS)
    }

    /// The text in a colour, by its number.
    fn with(self, colour: u8, text: impl Display) -> String {
        if self.0 { format!("\u{1b}[{colour}m{text}\u{1b}[0m") } else { text.to_string() }
    }
}

const RED: u8 = 31;
const GREEN: u8 = 32;
const YELLOW: u8 = 33;
const CYAN: u8 = 36;
const GREY: u8 = 90;

/// The line of an exchange that ended at `now`, in the world's time.
fn line(session: &Session, exchange: &Exchange, now: Duration, paint: Paint) -> String {
    let record = exchange.record();
    let status = record.status.map_or("---".to_string(), |status| status.to_string());
    let colour = colour(record.level());
    let took = now.saturating_sub(exchange.arrived).as_millis();
    let mut out = format!(
        "{} {} {took}ms {} {} {}",
        paint.with(GREY, time_of_day(now)),
        paint.with(colour, status),
        paint.with(CYAN, plain(&session.label(), NAME)),
        exchange.method,
        exchange.target
    );
    // Writing to a String cannot fail.
    if let Some(model) = &exchange.wants {
        let _ = write!(out, " {}", plain(model, NAME));
    }
    match exchange.asked().as_str() {
        "" => {}
        asked => drop(write!(out, " {}", quote(asked))),
    }
    let said = record.said();
    if record.is_failed() {
        let reason = plain(record.reason().lines().next().unwrap_or_default(), REASON).into_owned();
        let _ = write!(out, " {}", paint.with(colour, format_args!("✗ {reason}")));
    } else if !said.is_empty() {
        let _ = write!(out, " → {}", plain(&said, REASON));
    }
    if record.aborted {
        out.push_str(" (the client left)");
    }
    let by = match (&record.rule, record.by) {
        (Some(rule), None | Some("script")) => plain(rule.label(), NAME).into_owned(),
        (Some(rule), Some(by)) => format!("{} {by}", plain(rule.label(), NAME)),
        (None, Some(by)) => by.into(),
        (None, None) if record.outcome == Outcome::Faulted => record.outcome.name().into(),
        (None, None) => return out,
    };
    let _ = write!(out, " {}", paint.with(GREY, format_args!("[{by}]")));
    out
}

fn colour(level: LogLevel) -> u8 {
    match level {
        LogLevel::Info => GREEN,
        LogLevel::Warn => YELLOW,
        LogLevel::Error => RED,
    }
}

/// Writes the line of a request that was refused before it was an exchange: of a control route, or a socket.
pub(crate) fn refusal(settings: &Settings, method: &str, path: &str, status: u16, reason: &str) {
    if settings.log_level == LogLevel::Info {
        let now = clock::world();
        log::info(match settings.log_format {
            LogFormat::Pretty => refused(method, path, status, reason, now, Paint::of_stdout()),
            LogFormat::Json => log_json::refused(method, path, status, reason, now),
        });
    }
}

fn refused(method: &str, path: &str, status: u16, reason: &str, now: Duration, paint: Paint) -> String {
    let colour = colour(level(Some(status)));
    let reason = plain(reason.lines().next().unwrap_or_default(), REASON);
    let (time, status) = (paint.with(GREY, time_of_day(now)), paint.with(colour, status));
    format!("{time} {status} {method} {path} {}", paint.with(colour, format_args!("✗ {reason}")))
}

/// `12:03:44Z`
fn time_of_day(unix: Duration) -> String {
    let seconds = unix.as_secs() % 86_400;
    format!("{:02}:{:02}:{:02}Z", seconds / 3600, seconds / 60 % 60, seconds % 60)
}

/// A text that stays on its line and is not too long: what a client sent must not write lines of its own.
pub(crate) fn plain(text: &str, most: usize) -> Cow<'_, str> {
    let tame = |text: &str| text.replace(char::is_control, " ");
    match text.char_indices().nth(most) {
        Some((end, _)) => Cow::Owned(tame(&text[..end]) + "…"),
        None if text.contains(char::is_control) => Cow::Owned(tame(text)),
        None => Cow::Borrowed(text),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::server::tests::{send, start};
    use serde_json::{Value, json};

    /// The lines of what is sent, one after another: after their time, and without how long they took.
    fn lines(options: Value, key: &str, script: Option<Value>, requests: &[(&str, Value)]) -> Vec<String> {
        let emulator = start(options);
        if let Some(script) = script {
            assert_eq!(send(&emulator, key, "/_emulator/script", &script).status, 200);
        }
        for (path, body) in requests {
            send(&emulator, key, path, body);
        }
        let session = emulator.session(key);
        let exchanges = session.journal.since(0, usize::MAX);
        let line = |exchange: &Arc<Exchange>| {
            let line = line(&session, exchange, exchange.arrived + Duration::from_millis(7), Paint(false));
            let (time, rest) = line.split_once(' ').expect("a time");
            assert!(time.len() == 9 && time.ends_with('Z'), "{line}");
            rest.replacen(" 7ms ", " ", 1)
        };
        exchanges.iter().map(line).collect()
    }

    fn chat(model: &str, text: &str) -> (&'static str, Value) {
        ("/v1/chat/completions", json!({"model": model, "messages": [{"role": "user", "content": text}]}))
    }

    #[test]
    fn a_line_says_who_asked_what_and_who_answered() {
        let script = json!({"responses": ["Paris.", {"error": {"status": 503, "message": "Down."}}], "defaults": {"fallback": "echo"}});
        let embedding = ("/v1/embeddings", json!({"model": "text-embedding-3-small", "input": "x"}));
        let requests = [chat("gpt-4o", "France?"), chat("gpt-4o", "Spain?"), chat("gpt-4o", "Italy?"), embedding];
        let lines = lines(json!({"profile": "relaxed"}), "my-test", Some(script), &requests);
        let label = crate::redact::label("my-test");
        let chat = "POST /v1/chat/completions gpt-4o";
        assert_eq!(lines[0], format!("200 {label} {chat} \"France?\" → \"Paris.\" [responses[0]]"));
        assert!(lines[1].starts_with(&format!("503 {label} {chat} \"Spain?\" ✗ ")), "{}", lines[1]);
        assert!(lines[1].contains("Down.") && lines[1].ends_with(" [responses[1]]"), "{}", lines[1]);
        assert_eq!(lines[2], format!("200 {label} {chat} \"Italy?\" → \"Echo: Italy?\" [echo]"));
        assert!(
            lines[3].starts_with(&format!("200 {label} POST /v1/embeddings text-embedding-3-small")),
            "{}",
            lines[3]
        );
    }

    #[test]
    fn an_answer_that_the_script_broke_looks_broken() {
        for kind in ["error", "disconnect", "close", "malformed"] {
            let script = json!({"responses": [{"text": "a b c d", "fault": {"kind": kind, "at": 1}}]});
            let mut asked = chat("gpt-4o", "Hi?");
            asked.1["stream"] = json!(true);
            let lines = lines(json!({}), "my-test", Some(script), &[asked]);
            assert!(
                lines[0].starts_with("200 ")
                    && lines[0].ends_with("\"Hi?\" ✗ the script broke the answer after 1 pieces [responses[0]]"),
                "{kind}: {}",
                lines[0]
            );
        }
    }

    #[test]
    fn every_refusal_says_why_on_one_line() {
        let requests = [
            chat("no-such-model", "x"),
            chat("gpt-4o", "nobody answers\nthis"),
            ("/v1/chat/completions", json!({"model": "gpt-4o", "messages": []})),
            ("/v1/chat/completions", json!({"model": "gpt-4o\n12:00:00Z 200 forged", "messages": []})),
            ("/v1/nowhere", json!({})),
            ("/v1/embeddings", json!([])),
        ];
        let lines = lines(json!({}), "my-test", None, &requests);
        for (line, (status, reason)) in lines.iter().zip([
            ("404", "✗ The model `no-such-model` does not exist"),
            ("400", "✗ No matching rule: no script loaded"),
            ("400", "messages"),
            ("40", "✗ "),
            ("404", "✗ Invalid URL (POST /v1/nowhere)"),
            ("400", "✗ We could not parse the JSON body"),
        ]) {
            assert!(line.starts_with(status) && line.contains(reason) && !line.contains('\n'), "{line}");
        }
        assert_eq!(lines.len(), requests.len());
    }

    #[test]
    fn what_was_no_exchange_has_its_line_too() {
        let now = Duration::from_secs(86_400 * 20_000 + 3_723);
        assert_eq!(
            refused("POST", "/_emulator/script", 400, "Invalid JSON\nforged", now, Paint(false)),
            "01:02:03Z 400 POST /_emulator/script ✗ Invalid JSON"
        );
    }

    #[test]
    fn colours_stand_around_words_and_change_none() {
        let emulator = start(json!({"profile": "relaxed"}));
        send(&emulator, "my-test", chat("gpt-4o", "x").0, &chat("gpt-4o", "x").1);
        send(&emulator, "my-test", "/v1/nowhere", &json!({}));
        let session = emulator.session("my-test");
        for (exchange, colour) in session.journal.since(0, 2).iter().zip([GREEN, YELLOW]) {
            let plain = line(&session, exchange, exchange.arrived, Paint(false));
            let coloured = line(&session, exchange, exchange.arrived, Paint(true));
            assert!(coloured.contains(&format!("\u{1b}[{colour}m")) && coloured.ends_with("\u{1b}[0m"), "{coloured:?}");
            let codes = [0, RED, GREEN, YELLOW, CYAN, GREY].map(|colour| format!("\u{1b}[{colour}m"));
            assert_eq!(codes.iter().fold(coloured, |text, code| text.replace(code, "")), plain);
        }
    }

    #[test]
    fn long_texts_are_cut_between_characters() {
        assert_eq!(plain("äöü", 2), "äö…");
        assert_eq!(plain("äö\u{1b}[2J", 20), "äö [2J");
        assert_eq!(plain("short", 20), "short");
    }
}
