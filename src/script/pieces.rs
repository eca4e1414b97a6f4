//! What a generator yields, as pieces of a reply.

use crate::reply::{Arrival, Finish, Part, Piece, Reply, Say, Text};
use crate::script;
use crate::script::Origin;
use crate::wire::error::ApiError;
use crate::wire::error::Occasion;
use base64::prelude::{BASE64_STANDARD, Engine};
use serde::Deserialize;
use serde_json::Value;

/// A piece as JavaScript sends it; `reply` is in the script's language. Absent fields say nothing.
#[derive(Deserialize, Default)]
#[serde(deny_unknown_fields, rename_all = "camelCase", default)]
struct Yielded {
    choice: usize,
    reasoning_delta: Option<String>,
    text_delta: Option<String>,
    refusal_delta: Option<String>,
    tool_call: Option<CallPiece>,
    reply: Option<Value>,
    finish_reason: Option<Finish>,
    usage: Option<Value>,
    /// Of a raw answer, in base64.
    bytes: Option<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
struct CallPiece {
    name: Option<String>,
    id: Option<String>,
    arguments_delta: Option<String>,
    /// Of a custom tool.
    input_delta: Option<String>,
}

/// The pieces in the JSON text of a string, a reply, or `{"piece": {…}}`; what is none of these fails the reply.
pub(crate) fn read(text: &str) -> Vec<Arrival> {
    match script::parse(text) {
        Ok(Value::String(text)) => vec![Piece::Text(text).into()],
        Ok(Value::Object(mut map)) if map.len() == 1 && map.contains_key("piece") => {
            let piece = map.shift_remove("piece").unwrap_or_default();
            match beside_bytes(&piece) {
                Some(other) => vec![bad(&format!("a piece with bytes and {other}: bytes stand alone in their piece"))],
                None => serde_json::from_value(piece).map_or_else(|error| vec![bad(&error.to_string())], pieces),
            }
        }
        Ok(value) => reply(&value, 0),
        Err(broken) => vec![bad(&broken.error.message)],
    }
}

/// The failure of a reply because of what was yielded.
pub(crate) fn bad(reason: &str) -> Arrival {
    let message = format!("The reply function yielded something that is no reply: {reason}");
    Piece::Failed(ApiError::emulator("reply_function_failed", message)).into()
}

/// What stands beside the bytes of a piece.
fn beside_bytes(piece: &Value) -> Option<&str> {
    piece.get("bytes")?;
    piece.as_object()?.keys().map(String::as_str).find(|key| *key != "bytes")
}

fn pieces(yielded: Yielded) -> Vec<Arrival> {
    let Yielded {
        choice,
        reasoning_delta,
        text_delta,
        refusal_delta,
        tool_call,
        reply: whole,
        finish_reason,
        usage,
        bytes,
    } = yielded;
    if let Some(bytes) = bytes {
        return match BASE64_STANDARD.decode(bytes) {
            Ok(bytes) => vec![Piece::Bytes(bytes.into()).into()],
            Err(error) => vec![bad(&format!("bytes: {error}"))],
        };
    }
    let call = match tool_call.map(call).transpose() {
        Ok(call) => call,
        Err(wrong) => return vec![wrong],
    };
    let deltas =
        [reasoning_delta.map(Piece::Reasoning), text_delta.map(Piece::Text), refusal_delta.map(Piece::Refusal), call];
    let of = |piece| Arrival { choice, piece };
    let mut all: Vec<Arrival> = deltas.into_iter().flatten().map(of).collect();
    all.extend(whole.iter().flat_map(|value| reply(value, choice)));
    all.extend([usage.map(Piece::Usage), finish_reason.map(Piece::Finish)].into_iter().flatten().map(of));
    all
}

/// A call that begins or goes on.
fn call(piece: CallPiece) -> Result<Piece, Arrival> {
    let CallPiece { name, id, arguments_delta, input_delta } = piece;
    if id.is_some() && name.is_none() {
        return Err(bad("toolCall.id without toolCall.name: give the id where the call begins, beside its name"));
    }
    let (custom, arguments) = match (arguments_delta, input_delta) {
        (Some(_), Some(_)) => {
            return Err(bad(
                "toolCall.argumentsDelta (of a function) and toolCall.inputDelta (of a custom tool); give one",
            ));
        }
        (Some(arguments), None) => (Some(false), arguments),
        (None, Some(input)) => (Some(true), input),
        (None, None) => (None, String::new()),
    };
    Ok(Piece::Call { name, id, custom, arguments })
}

/// What a whole Reply adds to a choice.
fn reply(value: &Value, choice: usize) -> Vec<Arrival> {
    let reply = match script::reply(value, "yielded", Origin::InProcess) {
        Ok(reply) => reply,
        Err(error) => return vec![bad(&error.to_string())],
    };
    if let Some(late) = late(value) {
        return vec![bad(&format!(
            "yielded.{late}: comes too late, as the answer has begun; return it with a whole reply"
        ))];
    }
    let Reply { say, overrides, .. } = reply;
    let of = |choice: usize, piece: Piece| Arrival { choice, piece };
    let mut all = Vec::new();
    match say {
        Say::Choices(choices) => {
            for (index, one) in choices.into_iter().enumerate() {
                all.extend(one.parts.into_iter().map(|part| {
                    of(
                        choice + index,
                        match part {
                            Part::Text(Text { text, annotations, phase: None, .. }) if annotations.is_empty() => {
                                Piece::Text(text)
                            }
                            other => Piece::Part(other),
                        },
                    )
                }));
                all.extend(one.finish.map(|finish| of(choice + index, Piece::Finish(finish))));
            }
        }
        Say::Error(error) => return vec![Piece::Failed(error.to_api_error(&Occasion::default())).into()],
        _ => return vec![bad("only text, parts and errors can be yielded")],
    }
    if overrides.unchecked {
        all.insert(0, Piece::Unchecked.into());
    }
    // Usage is of the whole answer, and the end may come before it would be read.
    all.splice(0..0, overrides.into_inner().usage.map(|usage| Piece::Usage(usage).into()));
    all
}

/// A key of a reply that nothing can be done with once its answer has begun.
fn late(value: &Value) -> Option<&'static str> {
    let late = ["model", "id", "headers", "pace", "fault", "logprobs"];
    late.into_iter().find(|key| value.get(key).is_some())
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    /// What is wrong with a piece.
    fn refused(piece: Value) -> String {
        let arrivals = read(&json!({"piece": piece}).to_string());
        match arrivals.as_slice() {
            [Arrival { piece: Piece::Failed(error), .. }] => error.message.clone(),
            other => panic!("{piece}: {other:?}"),
        }
    }

    #[test]
    fn nothing_stands_beside_bytes() {
        for (key, value) in [
            ("choice", json!(1)),
            ("textDelta", json!("x")),
            ("reasoningDelta", json!("x")),
            ("refusalDelta", json!("x")),
            ("toolCall", json!({"name": "f"})),
            ("reply", json!("x")),
            ("finishReason", json!("stop")),
            ("usage", json!({"prompt_tokens": 1})),
        ] {
            let said = refused(json!({"bytes": "aGk=", key: value}));
            assert!(said.contains(&format!("bytes and {key}: bytes stand alone")), "{said}");
        }
        let alone = read(r#"{"piece": {"bytes": "aGk="}}"#);
        assert!(matches!(alone.as_slice(), [Arrival { piece: Piece::Bytes(bytes), .. }] if bytes == "hi"), "{alone:?}");
    }

    #[test]
    fn an_id_is_given_where_a_call_begins() {
        let said = refused(json!({"toolCall": {"id": "call_zzz", "argumentsDelta": "{}"}}));
        assert!(said.contains("toolCall.id without toolCall.name"), "{said}");
        let both = refused(json!({"toolCall": {"name": "f", "argumentsDelta": "{}", "inputDelta": "x"}}));
        assert!(both.contains("give one"), "{both}");
    }
}
