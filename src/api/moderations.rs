//! `moderations.create`: nothing is flagged, unless a rule says so.

use crate::api::infer;
use crate::prompt::{Message, Role};
use crate::random::Random;
use crate::reply::{Reply, Say};
use crate::runtime;
use crate::turn::answer::Answer;
use crate::turn::call::Call;
use crate::turn::call::HandlerFuture;
use crate::turn::call::Served;
use crate::wire::ids;
use serde_json::{Map, Value, json};

pub(crate) const OPERATIONS: &[Served] = &[Served { name: "moderations.create", handler: create }];

/// Categories of the omni models, in the order sent (recording d21ae30d40ed62de), and whether pictures are judged by them
/// (openapi.json, `category_applied_input_types`).
const OMNI: [(&str, bool); 13] = [
    ("harassment", false),
    ("harassment/threatening", false),
    ("sexual", true),
    ("hate", false),
    ("hate/threatening", false),
    ("illicit", false),
    ("illicit/violent", false),
    ("self-harm/intent", true),
    ("self-harm/instructions", true),
    ("self-harm", true),
    ("sexual/minors", false),
    ("violence", true),
    ("violence/graphic", true),
];

/// Categories of the text models, in the order sent (recording e3c8e6ebc8f8010d).
const TEXT: [(&str, bool); 11] = [
    ("sexual", false),
    ("hate", false),
    ("harassment", false),
    ("self-harm", false),
    ("sexual/minors", false),
    ("hate/threatening", false),
    ("violence/graphic", false),
    ("self-harm/intent", false),
    ("self-harm/instructions", false),
    ("harassment/threatening", false),
    ("violence", false),
];

/// Bytes of one input's verdict, however short the input.
const RESULT: usize = 2_000;

/// Steps of one.
const JUDGED: u64 = 1_000;

/// One input and the kinds of content in it.
struct ModerationInput {
    text: String,
    kinds: Vec<&'static str>,
}

/// Inputs of a body: a string, strings, or one list of parts that is judged as a whole.
fn inputs(body: &Value) -> Vec<ModerationInput> {
    let text = |text: &str| ModerationInput { text: text.to_string(), kinds: vec!["text"] };
    match &body["input"] {
        Value::String(one) => vec![text(one)],
        Value::Array(many) if many.iter().any(Value::is_object) => {
            let texts: Vec<&str> = many.iter().filter_map(|part| part["text"].as_str()).collect();
            let has = |kind: &str| many.iter().any(|part| part["type"] == kind);
            let kinds = [("text", "text"), ("image_url", "image")].iter().filter(|(kind, _)| has(kind));
            vec![ModerationInput { text: texts.join("\n"), kinds: kinds.map(|(_, name)| *name).collect() }]
        }
        Value::Array(many) => many.iter().filter_map(Value::as_str).map(text).collect(),
        _ => Vec::new(),
    }
}

fn create(call: Call) -> HandlerFuture {
    runtime::boxed!(async move {
        let call = &call;
        let inputs = inputs(&call.body);
        let texts: Vec<&str> = inputs.iter().map(|input| input.text.as_str()).collect();
        let prompt = &infer::asked(call, Message::new(Role::User, texts.join("\n")));
        let read = |reply: &Reply| {
            Ok(match &reply.say {
                Say::Moderation(own) => Some(own.clone()),
                _ => None,
            })
        };
        infer::computed(call, prompt, read, |own, overrides| async move {
            let judged = call.budget.spend((inputs.len() as u64).saturating_mul(JUDGED));
            judged.map_err(|spent| spent.at(|| "Such a list of inputs".into(), "input").to_api_error())?;
            let verdict = own.unwrap_or_default();
            // Without a model production uses the newest omni model today.
            let asked = if prompt.model.is_empty() { "omni-moderation-latest" } else { &prompt.model };
            let model = call.shown_model(asked, &call.model(asked));
            let omni = !model.starts_with("text-moderation");
            let mut random = call.random.fork("moderation");
            let size = inputs.len() * RESULT;
            let results: Vec<Value> = runtime::aside(size, || {
                inputs.iter().map(|input| result(input, &verdict, omni, &mut random)).collect()
            });
            let id = overrides.id.unwrap_or_else(|| match omni {
                true => ids::moderation(&mut random),
                false => ids::text_moderation(&mut random, call.created()),
            });
            let model = overrides.model.as_deref().unwrap_or(&model);
            let answer = json!({"id": id, "model": model, "results": results});
            Ok(runtime::aside(size, || Answer::json(&answer)))
        })
        .await
    })
}

/// The verdict on one input; a scripted one flags the categories it names.
fn result(input: &ModerationInput, verdict: &Value, omni: bool, random: &mut Random) -> Value {
    let names: &[(&str, bool)] = if omni { &OMNI } else { &TEXT };
    let flagged_names: Vec<&str> =
        verdict["categories"].as_array().map(|all| all.iter().filter_map(Value::as_str).collect()).unwrap_or_default();
    let flagged = verdict["flagged"].as_bool().unwrap_or(!flagged_names.is_empty());
    // A verdict that names no category is about the first: an answer that flags has one.
    let hit =
        |name: &str| flagged && (flagged_names.contains(&name) || (flagged_names.is_empty() && name == names[0].0));
    let mut categories = Map::new();
    let mut scores = Map::new();
    let mut applied = Map::new();
    for (name, sees) in names {
        categories.insert((*name).into(), json!(hit(name)));
        let drawn = if hit(name) { 0.9 + random.fraction() * 0.09 } else { 10f64.powf(-6.5 + 3.0 * random.fraction()) };
        let score = verdict["category_scores"].get(*name).cloned().unwrap_or_else(|| json!(drawn));
        scores.insert((*name).into(), score);
        let kinds: Vec<&str> = input.kinds.iter().copied().filter(|kind| *sees || *kind != "image").collect();
        applied.insert((*name).into(), json!(kinds));
    }
    let mut result = json!({"flagged": flagged, "categories": categories, "category_scores": scores});
    if omni {
        result["category_applied_input_types"] = Value::Object(applied);
    }
    result
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::server::tests::{send, start};

    #[test]
    fn text_models_answer_by_their_snapshot_with_a_sortable_id() {
        // Recordings e3c8e6ebc8f8010d, d21ae30d40ed62de.
        let emulator = start(json!({"profile": "strict"}));
        let ask = |model: &str| send(&emulator, "a", "/v1/moderations", &json!({"input": "x", "model": model}));
        for model in ["text-moderation-latest", "text-moderation-stable", "text-moderation-007"] {
            let answer = ask(model).json();
            assert_eq!(answer["model"], "text-moderation-007", "{model}");
            let id = answer["id"].as_str().and_then(|id| id.strip_prefix("modr-")).unwrap_or_default();
            assert!(id.len() == 29 && id.chars().all(|letter| letter.is_ascii_alphanumeric()), "{answer}");
            let result = answer["results"][0].as_object().expect("an object");
            assert_eq!(result.keys().collect::<Vec<_>>(), ["flagged", "categories", "category_scores"]);
        }
        let answer = ask("omni-moderation-latest");
        assert!(answer.head.contains("x-openai-proxy-wasm: v0.1"), "{}", answer.head);
        let answer = answer.json();
        assert_eq!(answer["model"], "omni-moderation-latest");
        let id = answer["id"].as_str().and_then(|id| id.strip_prefix("modr-")).unwrap_or_default();
        assert!(id.parse::<u16>().is_ok_and(|number| number < 10_000), "{answer}");
    }

    #[test]
    fn pictures_are_judged_by_some_categories_only() {
        let emulator = start(json!({}));
        let picture = json!({"type": "image_url", "image_url": {"url": "https://example.com/a.png"}});
        let applied = |parts: Value| {
            let answer = send(&emulator, "a", "/v1/moderations", &json!({"input": parts})).json();
            assert_eq!(answer["model"], "omni-moderation-latest", "the default");
            answer["results"][0]["category_applied_input_types"].clone()
        };
        let both = applied(json!([{"type": "text", "text": "x"}, picture]));
        let alone = applied(json!([picture]));
        for (name, sees) in OMNI {
            assert_eq!(both[name], if sees { json!(["text", "image"]) } else { json!(["text"]) }, "{name}");
            assert_eq!(alone[name], if sees { json!(["image"]) } else { json!([]) }, "{name}");
        }
        assert_eq!((&both["sexual/minors"], &both["violence"]), (&json!(["text"]), &json!(["text", "image"])));
    }
}
