//! A body that a test wrote out, with the fields it lacks of a whole one.

use super::answer::pretty;
use bytes::Bytes;
use serde_json::Value;

/// Fields whose own fields are filled too; all others are shown as they are written.
const DEEP: &[&str] = &[
    "choices",
    "message",
    "content",
    "tool_calls",
    "function",
    "output",
    "usage",
    "prompt_tokens_details",
    "completion_tokens_details",
    "input_tokens_details",
    "output_tokens_details",
];

/// The body, and what a rendered one has beside it. A body for another operation is shown as it was rendered.
pub(super) fn fill(rendered: Bytes, body: &Value) -> Bytes {
    match serde_json::from_slice::<Value>(&rendered) {
        Ok(mut shown) if kind(&shown) == kind(body) => {
            lay(&mut shown, body);
            pretty(&shown, rendered.ends_with(b"\n"))
        }
        _ => rendered,
    }
}

/// What tells the bodies of operations apart.
fn kind(body: &Value) -> Option<&'static str> {
    let choice = &body["choices"][0];
    let holds = [("output", body.get("output")), ("message", choice.get("message")), ("text", choice.get("text"))];
    holds.into_iter().find_map(|(name, held)| held.map(|_| name))
}

fn lay(shown: &mut Value, body: &Value) {
    match (shown, body) {
        // Items of different types share no fields.
        (Value::Object(shown), Value::Object(body))
            if shown.get("type") == body.get("type") || !body.contains_key("type") =>
        {
            for (name, value) in body {
                match shown.get_mut(name) {
                    Some(shown) if DEEP.contains(&name.as_str()) => lay(shown, value),
                    _ => drop(shown.insert(name.clone(), value.clone())),
                }
            }
        }
        (Value::Array(shown), Value::Array(body)) => {
            shown.truncate(body.len());
            let more = body.iter().skip(shown.len()).cloned();
            shown.iter_mut().zip(body).for_each(|(shown, value)| lay(shown, value));
            shown.extend(more);
        }
        (shown, value) => *shown = value.clone(),
    }
}
