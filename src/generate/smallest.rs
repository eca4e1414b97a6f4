//! The smallest answer that a request allows: what an editor begins with.

use crate::budget::{self, Budget, Spent};
use crate::generate::answer::{PlausibleAnswer, answer};
use crate::generate::schema::{self, Hints};
use crate::generate::tools;
use crate::prompt::{Format, Prompt};
use crate::random::Random;
use crate::reply::ToolStrategy;
use crate::reply::validator::CompiledSchema;
use serde_json::{Value, json};
use std::sync::Arc;

/// Steps that it may cost: no request pays for what only people look at.
const STEPS: u64 = 1_000_000;

/// As a Reply: the call that is demanded, the JSON that is, else a word.
pub(crate) async fn smallest(prompt: &Prompt) -> Value {
    let budget = Arc::new(Budget::of(STEPS));
    budget::work(&budget, prompt, least).await.unwrap_or_else(|_| json!({"text": "OK"}))
}

fn least(prompt: &Prompt, budget: &Budget) -> Result<Value, Spent> {
    if let Some(item) = tools::hosted(prompt) {
        return Ok(json!({"output": [item]}));
    }
    let mut random = Random::new(0);
    let calls = || tools::calls(prompt, ToolStrategy::None, &mut random.clone(), budget);
    Ok(match answer(prompt, calls)? {
        PlausibleAnswer::Calls(calls) => {
            let calls = calls.into_iter().take(1).map(|call| {
                if call.custom {
                    return Ok(json!({"name": call.name, "input": call.arguments.text}));
                }
                let arguments = serde_json::from_str(&call.arguments.text).unwrap_or_else(|_| json!({}));
                let arguments = match prompt.tool(&call.name).and_then(|tool| tool.parameters.as_ref()) {
                    Some(schema) => shrunk(schema, arguments, budget)?,
                    None => json!({}),
                };
                Ok(json!({"name": call.name, "arguments": arguments}))
            });
            json!({"tool_calls": calls.collect::<Result<Vec<_>, Spent>>()?})
        }
        PlausibleAnswer::Json => match &prompt.format {
            Format::JsonSchema { schema, .. } => {
                let value = schema::value(schema, &mut random, &Hints::default(), budget)?;
                json!({"json": shrunk(schema, value, budget)?})
            }
            _ => json!({"json": {}}),
        },
        PlausibleAnswer::Text => json!({"text": "OK"}),
    })
}

/// A value without whatever it can do without: keys, items, texts. Valid if it was; as far as the budget goes.
fn shrunk(schema: &Value, mut value: Value, budget: &Budget) -> Result<Value, Spent> {
    let compiled = CompiledSchema::of(schema, budget)?;
    if !compiled.is_usable() || !compiled.accepts(&value, budget)? {
        return Ok(value);
    }
    let mut places = Vec::new();
    list(&value, &mut Vec::new(), &mut places);
    for place in &places {
        for smaller in without(&value, place) {
            match compiled.accepts(&smaller, budget) {
                Ok(true) => {
                    value = smaller;
                    break;
                }
                Ok(false) => {}
                // What was found so far is small enough.
                Err(_) => return Ok(value),
            }
        }
    }
    Ok(value)
}

/// A step down into a value.
#[derive(Debug, Clone)]
enum Down {
    Key(String),
    Index(usize),
}

/// All places below the top, whole branches first, lists from their ends: what is dropped moves nothing that comes later.
fn list(value: &Value, way: &mut Vec<Down>, places: &mut Vec<Vec<Down>>) {
    let children: Vec<(Down, &Value)> = match value {
        Value::Object(map) => map.iter().map(|(key, value)| (Down::Key(key.clone()), value)).collect(),
        Value::Array(items) => items.iter().enumerate().rev().map(|(index, item)| (Down::Index(index), item)).collect(),
        _ => Vec::new(),
    };
    for (step, child) in children {
        way.push(step);
        places.push(way.clone());
        list(child, way, places);
        way.pop();
    }
}

/// The value without what is at a place, then with the least of its kind there.
fn without(value: &Value, place: &[Down]) -> Vec<Value> {
    let Some((last, way)) = place.split_last() else { return Vec::new() };
    let mut dropped = value.clone();
    let Some(parent) = at(&mut dropped, way) else { return Vec::new() };
    let child = match (parent, last) {
        (Value::Object(map), Down::Key(key)) => map.shift_remove(key),
        (Value::Array(items), Down::Index(index)) if *index < items.len() => Some(items.remove(*index)),
        _ => None,
    };
    let least = match child {
        None => return Vec::new(),
        Some(Value::String(text)) if !text.is_empty() => Some(Value::from("")),
        Some(Value::Number(number)) if number.as_f64() != Some(0.0) => Some(Value::from(0)),
        Some(Value::Bool(true)) => Some(Value::Bool(false)),
        Some(_) => None,
    };
    let replaced = least.and_then(|least| {
        let mut replaced = value.clone();
        *at(&mut replaced, place)? = least;
        Some(replaced)
    });
    [Some(dropped), replaced].into_iter().flatten().collect()
}

fn at<'a>(value: &'a mut Value, way: &[Down]) -> Option<&'a mut Value> {
    way.iter().try_fold(value, |value, step| match step {
        Down::Key(key) => value.get_mut(key),
        Down::Index(index) => value.get_mut(index),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::prompt::{Message, Role, Tool, ToolChoice, ToolKind};
    use crate::script::{Origin, reply};
    use crate::turn::check::mismatch;
    use crate::wire::dialect::Dialect;

    fn asked(format: Format, tools: Vec<Tool>, tool_choice: ToolChoice) -> Prompt {
        let messages = vec![Message::new(Role::User, "x")];
        Prompt { dialect: Dialect::Chat, messages, format, tools, tool_choice, n: 1, ..Prompt::default() }
    }

    fn schema(schema: Value) -> Format {
        Format::JsonSchema { name: "s".into(), schema, strict: true }
    }

    fn tool(name: &str, parameters: Value) -> Tool {
        Tool {
            kind: ToolKind::Function,
            name: name.into(),
            description: None,
            parameters: Some(parameters),
            strict: true,
        }
    }

    #[test]
    fn it_is_valid_and_nothing_can_be_left_out() {
        let person = json!({"type": "object", "required": ["name", "tags", "age"], "additionalProperties": false, "properties": {
            "name": {"type": "string", "minLength": 2}, "nick": {"type": "string"}, "age": {"type": "integer", "minimum": 18},
            "tags": {"type": "array", "items": {"enum": ["a", "b"]}, "minItems": 1, "maxItems": 9},
            "mail": {"type": "string", "format": "email"}}});
        let tree = json!({"$ref": "#/$defs/node", "$defs": {"node": {"type": "object", "required": ["children", "kind"],
            "properties": {"kind": {"anyOf": [{"const": "leaf"}, {"type": "null"}]}, "children": {"type": "array", "items": {"$ref": "#/$defs/node"}}}}}});
        let cases = [
            asked(Format::Text, vec![], ToolChoice::Auto),
            asked(Format::JsonObject, vec![], ToolChoice::Auto),
            asked(schema(person.clone()), vec![], ToolChoice::Auto),
            asked(schema(tree), vec![], ToolChoice::Auto),
            asked(
                Format::Text,
                vec![tool("f", person.clone()), tool("g", json!({"type": "object", "properties": {}}))],
                ToolChoice::Auto,
            ),
            asked(Format::Text, vec![tool("f", person.clone())], ToolChoice::Required),
            asked(
                schema(person.clone()),
                vec![tool("f", json!({"type": "object"})), tool("g", person)],
                ToolChoice::Named("g".into()),
            ),
        ];
        let made: Vec<Value> =
            cases.iter().map(|prompt| least(prompt, &Budget::default()).expect("little work")).collect();
        for (prompt, made) in cases.iter().zip(&made) {
            let said = reply(made, "smallest", Origin::Http).expect("a reply");
            assert_eq!(mismatch(&said, prompt, &Budget::default()), Ok(None), "{made}");
        }
        let keys = |value: &Value| value.as_object().map(|map| map.keys().cloned().collect::<Vec<_>>());
        assert_eq!(made[0], json!({"text": "OK"}));
        assert_eq!(made[1], json!({"json": {}}));
        assert_eq!(keys(&made[2]["json"]).map(|keys| keys.len()), Some(3), "{}", made[2]);
        assert_eq!(made[2]["json"]["tags"].as_array().map(Vec::len), Some(1));
        assert_eq!(made[3]["json"]["children"], json!([]));
        assert_eq!(made[4], json!({"text": "OK"}), "a tool that may be called need not be");
        assert_eq!(made[5]["tool_calls"][0]["name"], "f");
        assert_eq!(keys(&made[6]["tool_calls"][0]["arguments"]).map(|keys| keys.len()), Some(3), "{}", made[6]);
    }
}
