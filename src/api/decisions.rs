//! `decisions`: what a model decides of each question, with how sure it is. Nobody asks a script: answers come from the
//! seed and the question, and a rule that names the operation lays its `object` over them.

use crate::random::Random;
use crate::session::exchange::PaidUse;
use crate::tokens;
use crate::turn::answer::Answer;
use crate::turn::call::{Call, HandlerFuture, Served};
use serde_json::{Value, json};

/// The operations of this resource.
pub(crate) const OPERATIONS: &[Served] = &[Served { name: "decisions.create", handler: create }];

fn create(call: Call) -> HandlerFuture {
    Box::pin(async move {
        let body = &call.body;
        let questions = list(&body["questions"]);
        let random = call.random.fork("decisions");
        let answered = questions.iter().enumerate();
        let answers = answered.map(|(index, question)| decided(question, &mut random.fork(&index.to_string())));
        let answers: Vec<Value> = answers.collect();
        let encoding = call.encoding(&call.model(call.model_name()));
        let text = format!("{}{}", body["input"], body["questions"]);
        let input = crate::runtime::aside(text.len(), || tokens::count(encoding, &text)) as u64;
        let output = answers.len() as u64;
        let _ = call.exchange.tokens.set((input, output));
        let _ = call.exchange.uses.set([PaidUse::Decision(call.model_name().to_string())].into());
        Ok(Answer::json(&json!({
            "answers": answers, "model": call.model_name(),
            "usage": {
                "input_tokens": input, "input_tokens_details": {"cache_write_tokens": 0, "cached_tokens": 0},
                "output_tokens": output, "output_tokens_details": {"reasoning_tokens": 0},
                "total_tokens": input + output,
            },
        })))
    })
}

fn decided(question: &Value, random: &mut Random) -> Value {
    let name = &question["name"];
    match question["type"].as_str().unwrap_or_default() {
        "choice" => {
            let values: Vec<&Value> = list(&question["choices"]).iter().map(|choice| &choice["value"]).collect();
            let weights = weights(values.len(), random);
            let best = best(&weights);
            let all = values.iter().zip(&weights);
            let all: Vec<Value> = all.map(|(value, weight)| json!({"probability": weight, "value": value})).collect();
            json!({"choice": values.get(best), "confidence": weights.get(best), "name": name, "probabilities": all,
                "type": "choice"})
        }
        "score" => {
            let labels: Vec<&Value> = list(&question["levels"]).iter().map(|level| &level["label"]).collect();
            let weights = weights(labels.len(), random);
            // Levels stand evenly from 0 to 1.
            let place = |index: usize| index as f64 / labels.len().saturating_sub(1).max(1) as f64;
            let score: f64 = weights.iter().enumerate().map(|(index, weight)| weight * place(index)).sum();
            let all =
                labels.iter().zip(&weights).enumerate().map(
                    |(index, (label, weight))| json!({"label": label, "probability": weight, "value": place(index)}),
                );
            let all: Vec<Value> = all.collect();
            json!({"confidence": weights.get(best(&weights)), "name": name, "probabilities": all, "score": score,
                "type": "score"})
        }
        _ => json!({"name": name, "probability": random.fraction(), "type": "predicate"}),
    }
}

fn list(value: &Value) -> &[Value] {
    value.as_array().map(Vec::as_slice).unwrap_or_default()
}

/// Probabilities that add up to 1.
fn weights(count: usize, random: &mut Random) -> Vec<f64> {
    let drawn: Vec<f64> = (0..count).map(|_| 0.01 + random.fraction().powi(3)).collect();
    let sum: f64 = drawn.iter().sum();
    drawn.iter().map(|weight| weight / sum).collect()
}

fn best(weights: &[f64]) -> usize {
    (0..weights.len()).max_by(|a, b| weights[*a].total_cmp(&weights[*b])).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn probabilities_add_up_and_the_likeliest_is_chosen() {
        let choices =
            json!({"type": "choice", "name": "n", "choices": [{"value": "a"}, {"value": true}, {"value": "c"}]});
        for seed in 0..20 {
            let answer = decided(&choices, &mut Random::new(seed));
            let all = answer["probabilities"].as_array().expect("a list");
            let sum: f64 = all.iter().filter_map(|one| one["probability"].as_f64()).sum();
            assert!((sum - 1.0).abs() < 1e-9);
            let chosen = all.iter().find(|one| one["value"] == answer["choice"]).expect("one of them");
            assert_eq!(chosen["probability"], answer["confidence"]);
            assert!(all.iter().all(|one| one["probability"].as_f64() <= answer["confidence"].as_f64()));
        }
        let score = json!({"type": "score", "levels": [{"label": "low"}, {"label": "high"}]});
        let answer = decided(&score, &mut Random::new(3));
        assert_eq!((&answer["score"], &answer["name"]), (&answer["probabilities"][1]["probability"], &Value::Null));
        assert_eq!(decided(&json!({"type": "score", "levels": []}), &mut Random::new(1))["score"], 0.0);
    }
}
