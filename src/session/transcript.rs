//! A session as a person reads it: what was asked, who answered, what is left.

use crate::prompt::Role;
use crate::reply::describe::{SHOWN, quote};
use crate::session::Session;
use crate::session::exchange::Exchange;
use crate::session::exchange::Waiting;
use serde_json::{Value, json};
use std::fmt::Write;

/// What a session without a script says to a request it cannot answer.
pub(crate) fn no_script(session: &Session, operation: &str, user_text: &str) -> String {
    format!(
        "No matching rule: no script loaded for session {}. The request was {} with the user text {}. Load replies with \
         POST /_emulator/script (the same API key), session.replies(…), or set the option fallback.",
        session.label(),
        operation,
        quote(user_text),
    )
}

/// Exchanges shown before a request that nothing answered.
const EARLIER: usize = 10;

/// What went before in the session of a request that nothing answered, for its error; empty if nothing did.
pub(crate) fn earlier(session: &Session, this: &Exchange) -> String {
    let exchanges = session.journal.last(EARLIER + 1);
    let before: Vec<_> = exchanges.iter().filter(|exchange| exchange.number < this.number).collect();
    let more = this.number.saturating_sub(session.journal.base()) - before.len() as u64;
    let mut out = match (before.len(), more) {
        (0, _) => return String::new(),
        (_, 0) => "\nEarlier in this session:\n".to_string(),
        (_, more) => format!("\nEarlier in this session (and {more} more before):\n"),
    };
    for one in before {
        exchange(session, one, &mut out);
    }
    out.truncate(out.trim_end().len());
    out
}

/// One exchange of a transcript: what was asked, who answered, what, and why not; or what it waits for.
fn exchange(session: &Session, exchange: &Exchange, out: &mut String) {
    let record = exchange.record();
    let number = exchange.number - session.journal.base().min(exchange.number) + 1;
    let asked = exchange.asked().clone();
    // Writing to a String cannot fail.
    let _ = writeln!(
        out,
        "{number}. {}{}{}",
        exchange.operation,
        if exchange.stream { " (stream)" } else { "" },
        if asked.is_empty() { String::new() } else { format!(" {}: {}", Role::User.as_str(), quote(&asked)) },
    );
    let by = match (record.rule_label(), record.outcome) {
        (Some(rule), _) => rule.to_string(),
        (None, outcome) => json!(outcome).as_str().unwrap_or_default().replace('_', " "),
    };
    let explanation = record.explanation.as_deref().or(record.failure.as_ref().map(|failure| failure.message.as_str()));
    let said = match record.said() {
        said if said.is_empty() || explanation.is_some_and(|why| said.starts_with(why)) => String::new(),
        said => format!(" {said}"),
    };
    if !record.is_done() {
        let waits = exchange.waiting(session.clock.now()).map_or("still being answered".to_string(), waits);
        let by = if record.rule_label().is_some() { format!("[{by}] ") } else { String::new() };
        let _ = writeln!(out, "   … {by}{waits}{said}");
    } else {
        let mark = if explanation.is_some() { "✗" } else { "→" };
        let status = record.status.map_or("not answered".to_string(), |status| status.to_string());
        let left = if record.aborted { " (the client left)" } else { "" };
        let _ = writeln!(out, "   {mark} [{by}] {status}{left}{said}");
    }
    for line in explanation.unwrap_or_default().lines() {
        let _ = writeln!(out, "     {line}");
    }
}

/// What an exchange in flight waits for, and how that ends.
fn waits(waiting: Waiting) -> String {
    match waiting {
        Waiting::Clock { until } => format!("waits for the clock: {until} ms after its start"),
        Waiting::Hold { name } => format!("waits for release({})", quote(&name)),
        Waiting::Function => "waits for the reply function".into(),
        Waiting::Operator => "waits for a person".into(),
        Waiting::Upstream => "waits for the upstream".into(),
        Waiting::Client => "silent until the client leaves".into(),
    }
}

/// A rule on one line. Functions are numbered anew in each run: their names say more, and stay.
fn written(rule: &Value) -> String {
    fn named(value: &Value) -> Value {
        match value {
            Value::Object(keys) if keys.contains_key("callback") => match keys.get("callback_name") {
                Some(name) => json!(format!("the function {}", name.as_str().unwrap_or_default())),
                None => json!("a function"),
            },
            Value::Object(keys) => keys.iter().map(|(key, value)| (key.clone(), named(value))).collect(),
            Value::Array(items) => items.iter().map(named).collect(),
            other => other.clone(),
        }
    }
    match rule.as_object() {
        // A function alone: replies(() => …).
        Some(keys) if keys.len() == 1 => match keys.get("response") {
            Some(response) if response.get("callback").is_some() => named(response).as_str().unwrap_or_default().into(),
            _ => named(rule).to_string(),
        },
        _ => named(rule).to_string(),
    }
}

/// The session as a person reads it: every exchange, who answered it, what is left. Without ids, times and addresses,
/// so that it is fit for a snapshot.
pub(crate) fn transcript(session: &Session, unused: &[Value]) -> String {
    let mut out = String::new();
    for (count, one, many, option) in [
        (session.journal.forgotten(), "exchange is", "exchanges are", "journalSize"),
        (session.accounts.stored.forgotten(), "stored object is", "stored objects are", "maxObjects"),
    ] {
        if count > 0 {
            let what = if count == 1 { one } else { many };
            let _ = writeln!(out, "({count} {what} no longer kept: raise the option {option} or maxSessionBytes)");
        }
    }
    for one in session.journal.since(0, usize::MAX) {
        exchange(session, &one, &mut out);
    }
    if out.is_empty() {
        out.push_str("(no requests)\n");
    }
    if !unused.is_empty() {
        out.push_str("unused replies:\n");
        for rule in unused {
            let field = |key: &str| rule.get(key).filter(|value| !value.is_null());
            let label = field("name").or(field("path")).and_then(Value::as_str).unwrap_or_default();
            let source = field("rule").map(written).unwrap_or_default();
            let more = if source.chars().count() > SHOWN { "…" } else { "" };
            let source: String = source.chars().take(SHOWN).collect();
            let left = field("left").map(Value::to_string).unwrap_or_default();
            let _ = writeln!(out, "   - [{label}] {source}{more} ({left} left)");
        }
    }
    out
}
