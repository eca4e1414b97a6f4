//! A session as a person reads it: what was asked, who answered, what is left.

use crate::journal::OpenExchange;
use crate::prompt::Role;
use crate::reply::describe::{SHOWN, quote};
use crate::session::Session;
use serde_json::{Value, json};
use std::fmt::Write;

/// What a session without a script says to a request it cannot answer.
pub fn no_script(session: &Session, operation: &str, user_text: &str) -> String {
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
pub fn earlier(session: &Session) -> String {
    let exchanges = session.journal.since(0, usize::MAX);
    let skipped = exchanges.len().saturating_sub(EARLIER);
    let mut out = match (exchanges.len(), skipped) {
        (0, _) => return String::new(),
        (_, 0) => "\nEarlier in this session:\n".to_string(),
        (_, more) => format!("\nEarlier in this session (and {more} more before):\n"),
    };
    for (index, (_, one)) in exchanges.iter().enumerate().skip(skipped) {
        exchange(index + 1, one, &mut out);
    }
    out.truncate(out.trim_end().len());
    out
}

/// One exchange of a transcript: what was asked, who answered, what, and why not.
fn exchange(number: usize, exchange: &OpenExchange, out: &mut String) {
    let record = exchange.record();
    let asked = exchange.asked.lock().map(|asked| asked.clone()).unwrap_or_default();
    // Writing to a String cannot fail.
    let _ = writeln!(
        out,
        "{number}. {}{}{}",
        exchange.operation,
        if exchange.stream { " (stream)" } else { "" },
        if asked.is_empty() { String::new() } else { format!(" {}: {}", Role::User.as_str(), quote(&asked)) },
    );
    let by = match (&record.rule, record.outcome) {
        (Some(rule), _) => rule.label().to_string(),
        (None, outcome) => json!(outcome).as_str().unwrap_or_default().replace('_', " "),
    };
    let explanation = record.explanation.as_deref();
    let said = match record.said() {
        said if said.is_empty() || explanation.is_some_and(|why| said.starts_with(why)) => String::new(),
        said => format!(" {said}"),
    };
    let mark = if explanation.is_some() { "✗" } else { "→" };
    let _ = writeln!(out, "   {mark} [{by}] {}{said}", record.status);
    for line in explanation.unwrap_or_default().lines() {
        let _ = writeln!(out, "     {line}");
    }
}

/// The session as a person reads it: every exchange, who answered it, what is left. Without ids, times and addresses,
/// so that it is fit for a snapshot.
pub fn transcript(session: &Session, unused: &[Value]) -> String {
    let mut out = String::new();
    for (index, (_, one)) in session.journal.since(0, usize::MAX).iter().enumerate() {
        exchange(index + 1, one, &mut out);
    }
    if out.is_empty() {
        out.push_str("(no requests)\n");
    }
    if !unused.is_empty() {
        out.push_str("unused replies:\n");
        for rule in unused {
            let field = |key: &str| rule.get(key).filter(|value| !value.is_null());
            let label = field("name").or(field("path")).and_then(Value::as_str).unwrap_or_default();
            let source = field("rule").map(Value::to_string).unwrap_or_default();
            let more = if source.chars().count() > SHOWN { "…" } else { "" };
            let source: String = source.chars().take(SHOWN).collect();
            let left = field("left").map(Value::to_string).unwrap_or_default();
            let _ = writeln!(out, "   - [{label}] {source}{more} ({left} left)");
        }
    }
    out
}
