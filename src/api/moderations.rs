//! `moderations.create`: nothing is flagged, unless a rule says so.

use super::answer::Answer;
use super::ids;
use crate::call::{Call, HandlerFuture, Operation};
use crate::prompt::{Message, Prompt, Role};
use crate::random::Random;
use crate::reply::Say;
use crate::turn;
use serde_json::{Map, Value, json};

pub const OPERATIONS: &[Operation] =
    &[Operation { name: "moderations.create", method: "POST", path: "/moderations", handler: create, turn: true }];

/// Categories of the omni models, in the order sent (recording d21ae30d40ed62de).
const OMNI: [&str; 13] = [
    "harassment",
    "harassment/threatening",
    "sexual",
    "hate",
    "hate/threatening",
    "illicit",
    "illicit/violent",
    "self-harm/intent",
    "self-harm/instructions",
    "self-harm",
    "sexual/minors",
    "violence",
    "violence/graphic",
];

/// Categories of the text models, in the order sent (recording e3c8e6ebc8f8010d).
const TEXT: [&str; 11] = [
    "sexual",
    "hate",
    "harassment",
    "self-harm",
    "sexual/minors",
    "hate/threatening",
    "violence/graphic",
    "self-harm/intent",
    "self-harm/instructions",
    "harassment/threatening",
    "violence",
];

/// One input and the kinds of content in it.
struct Input {
    text: String,
    kinds: Vec<&'static str>,
}

/// Inputs of a body: a string, strings, or one list of parts that is judged as a whole.
fn inputs(body: &Value) -> Vec<Input> {
    let text = |text: &str| Input { text: text.to_string(), kinds: vec!["text"] };
    match &body["input"] {
        Value::String(one) => vec![text(one)],
        Value::Array(many) if many.iter().any(Value::is_object) => {
            let texts: Vec<&str> = many.iter().filter_map(|part| part["text"].as_str()).collect();
            let has = |kind: &str| many.iter().any(|part| part["type"] == kind);
            let kinds = [("text", "text"), ("image_url", "image")].iter().filter(|(kind, _)| has(kind));
            vec![Input { text: texts.join("\n"), kinds: kinds.map(|(_, name)| *name).collect() }]
        }
        Value::Array(many) => many.iter().filter_map(Value::as_str).map(text).collect(),
        _ => Vec::new(),
    }
}

fn create(call: Call) -> HandlerFuture {
    Box::pin(async move {
        let inputs = inputs(&call.body);
        let texts: Vec<&str> = inputs.iter().map(|input| input.text.as_str()).collect();
        let prompt = Prompt {
            operation: call.operation.name,
            model: call.model_name().to_string(),
            messages: vec![Message::new(Role::User, texts.join("\n"))],
            body: call.body.clone(),
            n: 1,
            ..Prompt::default()
        };
        let (verdict, delivery) = match turn::scripted(&call, &prompt).await? {
            Some((reply, delivery)) => match &reply.say {
                Say::Raw(raw) => return Ok(turn::raw_answer(raw, delivery)),
                Say::Moderation(verdict) => (verdict.clone(), delivery),
                _ => (Value::Null, delivery),
            },
            None => (Value::Null, None),
        };
        // Without a model production uses the newest omni model today.
        let model = if prompt.model.is_empty() { "omni-moderation-latest" } else { &prompt.model };
        let mut random = call.random.fork("moderation");
        let results: Vec<Value> = inputs.iter().map(|input| result(input, &verdict, model, &mut random)).collect();
        let id = ids::moderation(&mut random);
        Ok(Answer { delivery, ..Answer::json(&json!({"id": id, "model": model, "results": results})) })
    })
}

/// The verdict on one input; a scripted one flags the categories it names.
fn result(input: &Input, verdict: &Value, model: &str, random: &mut Random) -> Value {
    let omni = !model.starts_with("text-moderation");
    let names: &[&str] = if omni { &OMNI } else { &TEXT };
    let flagged_names: Vec<&str> =
        verdict["categories"].as_array().map(|all| all.iter().filter_map(Value::as_str).collect()).unwrap_or_default();
    let flagged = verdict["flagged"].as_bool().unwrap_or(!flagged_names.is_empty());
    // A verdict that names no category is about the first: an answer that flags has one.
    let hit = |name: &str| flagged && (flagged_names.contains(&name) || (flagged_names.is_empty() && name == names[0]));
    let mut categories = Map::new();
    let mut scores = Map::new();
    let mut applied = Map::new();
    for name in names {
        categories.insert((*name).into(), json!(hit(name)));
        let score = if hit(name) { 0.9 + random.fraction() * 0.09 } else { 10f64.powf(-6.5 + 3.0 * random.fraction()) };
        scores.insert((*name).into(), json!(score));
        applied.insert((*name).into(), json!(input.kinds));
    }
    let mut result = json!({"flagged": flagged, "categories": categories, "category_scores": scores});
    if omni {
        result["category_applied_input_types"] = Value::Object(applied);
    }
    result
}
